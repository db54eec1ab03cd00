/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run_case.h"

#define FIELDS                                                                                     \
    "stream: t\nsource: {keys: '**'}\nfields:\n"                                                   \
    "  - {name: id, from: /id, type: int64, required: true}\n"                                     \
    "  - {name: p, from: /p, type: string}\n"                                                      \
    "  - {name: text, from: /text, type: string}\n"                                                \
    "  - {name: at, from: $index, type: int64}\n"
static const char table[] = FIELDS "output: {layout: table, partition_by: [p]}\n";
static const char whole[] = FIELDS "output: {layout: file}\n";

static void write_lines(struct run_case *c, const char *name, size_t n, size_t size)
{
    size_t n_bytes;
    char *text = run_case_lines(n, size, n, &n_bytes);
    run_case_file(c, name, text, n_bytes);
    free(text);
}

/* Larger than a small object; without its last bytes when it is to fail. */
static void write_large(struct run_case *c, const char *name, size_t n, size_t n_cut)
{
    size_t n_bytes;
    char *text = run_case_lines(n, 1000, n + 7, &n_bytes);
    run_case_gzip(c, name, text, n_bytes, n_cut);
    free(text);
}

/* Every moment, or with SHALE_SCALE=small (valgrind: fifty times slower) some of them. */
static int step_of(int small)
{
    const char *scale = getenv("SHALE_SCALE");
    return scale != NULL && strcmp(scale, "small") == 0 ? small : 1;
}

static void assert_complete(const struct run_case *c)
{
    const struct shale_summary *s = &c->summary;
    assert_int_equal(s->events_read, s->events_written + s->events_rejected + s->events_filtered);
}

/* Run with 1 to 4 threads and much or little memory: always the same bytes, nothing left behind. */
static uint64_t assert_same_bytes(struct run_case *c)
{
    static const int64_t memories[] = {(int64_t)256 << 20, (int64_t)1 << 30, (int64_t)64 << 20};
    uint64_t first = 0;
    for (unsigned n_threads = 1; n_threads <= 4; n_threads += (unsigned)step_of(2))
        for (size_t i = 0; i < 3; i += (size_t)step_of(2)) {
            uint64_t hash;
            int n_temporary;
            c->n_threads = n_threads;
            c->memory_bytes = memories[i];
            assert_int_equal(run_case_run(c), SHALE_OK);
            assert_complete(c);
            (void)run_case_files(c, &hash, &n_temporary);
            assert_int_equal(n_temporary, 0);
            if (first == 0)
                first = hash;
            assert_true(hash == first);
            run_case_drop_output(c);
        }
    return first;
}

static void test_counts(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, table);
    write_lines(&c, "a.json", 3, 10);
    scratch_write(c.in, "b.json", "{\"id\":1,\"p\":\"x\"}\n{\"p\":\"x\"}\n{\n");
    scratch_write(c.in, "c.json", "");
    scratch_write(c.in, "d.json", "[{\"id\":1,\"p\":\"x\"}");
    (void)assert_same_bytes(&c);
    assert_int_equal(c.summary.objects_listed, 4);
    assert_int_equal(c.summary.objects_failed, 1);
    assert_int_equal(c.summary.events_read, 7);
    assert_int_equal(c.summary.events_written, 4);
    assert_int_equal(c.summary.events_rejected, 3);
    assert_int_equal(c.summary.files_written, 3);
    assert_string_equal(scratch_path(c.root, "out/_shale/rejects"), c.summary.rejects_path);
    run_case_fini(&c);
}

/* It comes first, fills row groups of parts that nobody else has, and fails at its last byte: the
 * same data as without it. */
static void test_large_object_fails(void **state)
{
    struct run_case c;
    uint64_t with, without;
    (void)state;
    run_case_init(&c, table);
    c.row_group_bytes = 1 << 20;
    write_lines(&c, "b.json", 1, 100);
    write_lines(&c, "c.json", 2, 100);
    assert_int_equal(run_case_run(&c), SHALE_OK);
    assert_int_equal(shale_dir_remove(scratch_path(c.out, "_shale"), NULL), SHALE_OK);
    (void)run_case_files(&c, &without, NULL);
    run_case_drop_output(&c);
    write_large(&c, "a.json.gz", 12000, 1);
    c.n_threads = 2;
    assert_int_equal(run_case_run(&c), SHALE_OK);
    assert_int_equal(c.summary.objects_failed, 1);
    assert_int_equal(c.summary.events_written, 3);
    assert_int_equal(c.summary.events_rejected, 1);
    assert_int_equal(c.summary.files_written, 2);
    assert_int_equal(run_case_files(&c, NULL, NULL), 4);
    assert_int_equal(shale_dir_remove(scratch_path(c.out, "_shale"), NULL), SHALE_OK);
    (void)run_case_files(&c, &with, NULL);
    assert_true(with == without);
    run_case_drop_output(&c);
    (void)assert_same_bytes(&c);
    run_case_fini(&c);
}

/* Bad lines of an object that fails leave no rejects of their own. */
static void test_rejects_of_failed_object(void **state)
{
    struct run_case c;
    size_t n_bytes;
    char *text = run_case_lines(6000, 1000, 3, &n_bytes);
    (void)state;
    run_case_init(&c, whole);
    c.layout = SHALE_OUTPUT_FILE;
    c.row_group_bytes = 1 << 20;
    for (char *line = text; (line = strstr(line, "\"id\"")) != NULL; line += 4)
        line[1] = 'X';
    run_case_gzip(&c, "bad.json.gz", text, n_bytes, 1);
    (void)assert_same_bytes(&c);
    assert_int_equal(c.summary.events_read, 1);
    assert_int_equal(c.summary.events_rejected, 1);
    free(text);
    run_case_fini(&c);
}

static void test_large_objects_between(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, table);
    c.row_group_bytes = 1 << 20;
    write_lines(&c, "a.json", 300, 1000);
    write_large(&c, "b.json.gz", 9000, 0);
    write_large(&c, "c.json.gz", 6000, 9);
    write_large(&c, "d.json.gz", 5000, 0);
    write_lines(&c, "e.json", 300, 1000);
    (void)assert_same_bytes(&c);
    assert_int_equal(c.summary.events_written, 14600);
    assert_int_equal(c.summary.events_rejected, 1);
    run_case_fini(&c);
}

/* Too much waits while an object is undecided: what is cut must not depend on who cuts it. */
static void test_max_waiting_with_undecided(void **state)
{
    struct run_case c;
    char name[16];
    (void)state;
    run_case_init(&c, table);
    c.row_group_bytes = c.max_waiting_bytes = 20 << 20;
    for (int i = 0; i < 16; i++) {
        (void)snprintf(name, sizeof name, "a%02d.json", i);
        write_lines(&c, name, 900, 1000);
    }
    write_large(&c, "b.json.gz", 30000, 0);
    (void)assert_same_bytes(&c);
    assert_int_equal(c.summary.events_written, 44400);
    run_case_fini(&c);
}

static void test_policies(void **state)
{
    static const struct {
        const char *policy;
        enum shale_status status;
    } cases[] = {
        {"on_reject: {policy: fail}\n", SHALE_REJECTS}, {"on_reject: {limit: 2}\n", SHALE_OK},
        {"on_reject: {limit: 1}\n", SHALE_REJECTS},     {"on_reject: {limit: 50%}\n", SHALE_OK},
        {"on_reject: {limit: 49%}\n", SHALE_REJECTS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
            char definition[1000];
            struct run_case c;
            (void)snprintf(definition, sizeof definition, "%s%s", whole, cases[i].policy);
            run_case_init(&c, definition);
            c.layout = SHALE_OUTPUT_FILE;
            c.n_threads = n_threads;
            scratch_write(c.in, "a.json", "{\"id\":1}\n{\"id\":2}\n{}\n");
            scratch_write(c.in, "b.json", "{");
            assert_int_equal(run_case_run(&c), cases[i].status);
            if (cases[i].status != SHALE_OK) {
                assert_int_equal(run_case_files(&c, NULL, NULL), 0);
                assert_int_equal(c.summary.files_written, 0);
                assert_string_equal(c.summary.rejects_path, "");
            }
            run_case_fini(&c);
        }
}

static void note_progress(void *ctx, const struct shale_progress *progress)
{
    *(struct shale_progress *)ctx = *progress;
}

static void test_progress(void **state)
{
    struct run_case c;
    struct shale_progress last = {0};
    const struct shale_observer observer = {&last, true, note_progress};
    (void)state;
    run_case_init(&c, table);
    c.observer = &observer;
    c.n_threads = 3;
    write_lines(&c, "a.json", 3, 10);
    write_large(&c, "b.json.gz", 5000, 0);
    assert_int_equal(run_case_run(&c), SHALE_OK);
    assert_int_equal(last.objects, 2);
    assert_int_equal(last.n_objects, 2);
    assert_int_equal(last.events, 5003);
    assert_int_equal(last.bytes, last.n_bytes);
    assert_int_equal(c.summary.bytes_read, last.bytes);
    run_case_fini(&c);
}

static void test_cancelled_at_any_time(void **state)
{
    (void)state;
    for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
        struct run_case c;
        enum shale_status status;
        run_case_init(&c, table);
        c.n_threads = n_threads;
        c.row_group_bytes = 1 << 20;
        write_lines(&c, "a.json", 30, 10);
        write_large(&c, "b.json.gz", 4500, 0);
        for (c.cancel_at = 1; (status = run_case_run(&c)) != SHALE_OK; c.cancel_at += step_of(9)) {
            assert_int_equal(status, SHALE_CANCELLED);
            assert_string_equal(shale_error_name(c.err.code), "interrupted");
            assert_false(run_case_has_entry(&c, 0));
        }
        assert_true(run_case_has_entry(&c, 0));
        assert_false(run_case_has_entry(&c, 1));
        assert_int_equal(c.summary.rows_total, 4530);
        assert_true(c.cancel_at > 10);
        run_case_fini(&c);
    }
}

static void remove_b(struct run_case *c)
{
    (void)unlink(scratch_path(c->in, "b.json.gz"));
}

static void append_to_b(struct run_case *c)
{
    FILE *file = fopen(scratch_path(c->in, "b.json.gz"), "ab");
    if (file == NULL || fputs("more", file) < 0 || fclose(file) != 0)
        abort();
}

/* An object that goes away, or changes, at any moment of a run: all of it is there or nothing. */
static void test_object_changes(void **state)
{
    void (*const acts[])(struct run_case *) = {remove_b, append_to_b};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        bool unread = false, read = false;
        for (long at = 1; !read || !unread; at += step_of(5)) {
            struct run_case c;
            enum shale_status status;
            run_case_init(&c, table);
            c.row_group_bytes = 1 << 20;
            c.n_threads = i < 2 ? 1 : 3;
            c.act = acts[i % 2];
            c.act_at = at;
            write_lines(&c, "a.json", 30, 10);
            write_large(&c, "b.json.gz", 5000, 0);
            write_lines(&c, "c.json", 4, 10);
            status = run_case_run(&c);
            assert_complete(&c);
            if (status == SHALE_OK) {
                read = read || c.summary.events_written == 5034;
                assert_true(c.summary.events_written == 5034 || c.summary.events_written == 34);
            } else {
                unread = true;
                assert_int_equal(status, SHALE_AGAIN);
                assert_string_equal(c.err.object, "b.json.gz");
                assert_int_equal(c.summary.objects_failed, 1);
                assert_int_equal(c.summary.events_written, 34);
                assert_int_equal(c.summary.events_rejected, 0);
            }
            assert_int_equal(run_case_files(&c, NULL, NULL), 4);
            run_case_fini(&c);
            assert_true(at < 1000);
        }
    }
}

static void test_inputs_and_output(void **state)
{
    struct run_case c;
    char a[100], again[100], output[100], below[100];
    const char *inputs[2] = {a, again};
    (void)state;
    run_case_init(&c, whole);
    c.layout = SHALE_OUTPUT_FILE;
    write_lines(&c, "a.json", 3, 10);
    write_lines(&c, "a-b.json", 2, 10);
    (void)snprintf(a, sizeof a, "%s/a.json", c.in);
    (void)snprintf(again, sizeof again, "%s/.//a.json", c.in);
    (void)snprintf(output, sizeof output, "%s/out.parquet", c.in);
    (void)snprintf(below, sizeof below, "%s/new/dir/out.parquet", c.in);
    assert_int_equal(run_case_inputs(&c, inputs, 2, true, output), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "inputs_overlap");
    inputs[1] = c.in;
    assert_int_equal(run_case_inputs(&c, inputs, 2, true, output), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "inputs_overlap");
    assert_int_equal(run_case_inputs(&c, inputs, 1, true, a), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "output_holds_source");
    c.replace = true;
    inputs[0] = c.in;
    assert_int_equal(run_case_inputs(&c, inputs, 1, true, a), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "output_not_parquet");
    c.replace = false;
    for (int i = 0; i < 3; i++) { /* its own output is no object the next time */
        assert_int_equal(run_case_inputs(&c, inputs, 1, false, output), SHALE_OK);
        assert_int_equal(c.summary.objects_listed, 2);
        assert_int_equal(c.summary.objects_new, i == 0 ? 2 : 0);
    }
    c.replace = true;
    assert_int_equal(run_case_inputs(&c, inputs, 1, false, output), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "output_replaces_file");
    c.replace = false;
    assert_int_equal(unlink(output), 0);
    assert_int_equal(shale_dir_remove(scratch_path(c.in, "out.parquet._shale"), NULL), SHALE_OK);
    assert_int_equal(run_case_inputs(&c, inputs, 1, false, below), SHALE_OK);
    assert_int_equal(run_case_inputs(&c, inputs, 1, false, below), SHALE_OK);
    assert_int_equal(c.summary.objects_listed, 2);
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_large_object_fails),
        cmocka_unit_test(test_rejects_of_failed_object),
        cmocka_unit_test(test_large_objects_between),
        cmocka_unit_test(test_max_waiting_with_undecided),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_cancelled_at_any_time),
        cmocka_unit_test(test_object_changes),
        cmocka_unit_test(test_inputs_and_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
