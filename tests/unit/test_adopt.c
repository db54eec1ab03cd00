/* SPDX-License-Identifier: MIT */
/* run/adopt: a run that takes over another tool's file, while that tool writes it once more at each
 * look whether the run is to end, or another run takes it over as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/single.h"
#include "parquet/reader.h"
#include "run_case.h"
#include "store/objects.h"

enum { N_OBJECTS = 5, N_CONSUMED = 3 };

static const char definition[] = "stream: t\n"
                                 "source: {keys: '**'}\n"
                                 "fields:\n"
                                 "  - {name: id, from: /id, type: int64, required: true}\n"
                                 "output: {layout: file}\n";

/* Objects k0 to k4 with an event each, its id their number; and what the other tool wrote: events
 * of the first three, and later with another one. */
static void files_init(struct run_case *c)
{
    static const char *const tools[2] = {"first", "second"};
    char text[64];
    run_case_init(c, definition);
    c->layout = SHALE_OUTPUT_FILE;
    c->adopt = true;
    c->commit_every_objects = 1;
    for (int i = 0; i < 2; i++) {
        char input[96], output[96];
        const char *inputs[] = {input};
        (void)snprintf(input, sizeof input, "%s/%s.json", c->root, tools[i]);
        (void)snprintf(output, sizeof output, "%s/%s.parquet", c->root, tools[i]);
        scratch_write(c->root, i == 0 ? "first.json" : "second.json",
                      i == 0 ? "{\"id\":0}{\"id\":1}{\"id\":2}"
                             : "{\"id\":0}{\"id\":1}{\"id\":2}{\"id\":50}");
        c->adopt = false;
        assert_int_equal(run_case_inputs(c, inputs, 1, true, output), SHALE_OK);
        c->adopt = true;
    }
    for (int i = 0; i < N_OBJECTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "k%d.json", i);
        (void)snprintf(text, sizeof text, "{\"id\":%d}", i);
        scratch_write(c->in, name, text);
    }
}

/* The other tool puts its file there. */
static void put_file(struct run_case *c, const char *name)
{
    char text[8192], copy[96], path[96];
    FILE *from = fopen(scratch_path(c->root, name), "rb"), *to;
    size_t n;
    assert_non_null(from);
    n = fread(text, 1, sizeof text, from);
    assert_int_equal(fclose(from), 0);
    (void)snprintf(copy, sizeof copy, "%s/copy", c->root);
    (void)snprintf(path, sizeof path, "%s.parquet", c->out);
    to = fopen(copy, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(text, 1, n, to), n);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(rename(copy, path), 0);
}

static enum shale_status run_to_file(struct run_case *c)
{
    const char *inputs[] = {c->in};
    char file[96];
    (void)snprintf(file, sizeof file, "%s.parquet", c->out);
    return run_case_inputs(c, inputs, 1, false, file);
}

/* Bit i: the id i is in the file, which has none twice; and if it is ours, the ledger and the rows
 * add up.  '*is_foreign': it is the other tool's. */
static uint64_t ids(const struct run_case *c, bool *is_foreign)
{
    const struct shale_env env = {.mem = &shale_mem_libc,
                                  .monotonic_us = run_case_clock,
                                  .wall_us = run_case_clock,
                                  .random_u64 = run_case_random,
                                  .ctx = (void *)(uintptr_t)c};
    const struct shale_single_options any = {.adopts = true};
    struct shale_store *store;
    struct shale_store_file *file;
    struct shale_single *single;
    struct shale_base base;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    int64_t n_rows, n_known;
    uint64_t found = 0;
    assert_int_equal(shale_store_local(&env, c->root, &store, NULL), SHALE_OK);
    assert_int_equal(shale_single_new(store, "out.parquet", &any, &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    *is_foreign = shale_single_is_foreign(single);
    n_rows = shale_single_n_rows(single);
    n_known = -base.manifest.rows_gone;
    for (size_t i = 0; i < base.manifest.n_ledger; i++)
        n_known += base.manifest.ledger[i].written;
    assert_true(*is_foreign || n_known == n_rows);
    assert_int_equal(shale_store_open(store, "out.parquet", &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++) {
            int64_t id = ((const int64_t *)rows->columns[0].data)[i];
            assert_int_equal(found >> id & 1, 0);
            found |= UINT64_C(1) << id;
        }
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
    shale_base_fini(&base, &shale_mem_libc);
    shale_single_free(single);
    shale_store_free(store);
    return found;
}

static uint64_t below(int end)
{
    return (UINT64_C(1) << end) - 1;
}

/* Each look of the adoption, which is in the beginning, and some of what follows. */
static long next_look(long at)
{
    return at + (at < 12 ? 1 : 5);
}

static void put_second(struct run_case *c)
{
    put_file(c, "second.parquet");
}

/* Whenever it comes: it is taken over, or nothing is added to it. */
static void test_written_once_more(void **state)
{
    int n_taken = 0, n_refused = 0;
    long n_looks = 1;
    (void)state;
    for (long at = 1; at <= n_looks; at = next_look(at)) {
        enum shale_status status;
        struct run_case c;
        uint64_t found;
        bool is_foreign;
        files_init(&c);
        put_file(&c, "first.parquet");
        c.consumed_before = "k3";
        c.act_at = at;
        c.act = put_second;
        status = run_to_file(&c);
        n_looks = atomic_load(&c.n_looks);
        found = ids(&c, &is_foreign);
        if (is_foreign) {
            assert_true(found == (below(N_CONSUMED) | UINT64_C(1) << 50));
            if (status != SHALE_OK)
                assert_int_equal(c.err.code, SHALE_E_single_foreign);
            n_refused++;
        } else {
            assert_int_equal(status, SHALE_OK);
            assert_true(found == (below(N_OBJECTS) | UINT64_C(1) << 50));
            n_taken++;
        }
        run_case_fini(&c);
    }
    assert_true(n_taken > 0 && n_refused > 0);
}

static void adopt_as_well(struct run_case *c)
{
    struct run_case *other = calloc(1, sizeof *other);
    assert_non_null(other);
    memcpy(other->root, c->root, sizeof other->root);
    memcpy(other->in, c->in, sizeof other->in);
    memcpy(other->out, c->out, sizeof other->out);
    other->definition = definition;
    other->layout = SHALE_OUTPUT_FILE;
    other->adopt = true;
    other->n_threads = 1;
    other->memory_bytes = c->memory_bytes;
    other->consumed_before = c->consumed_before;
    atomic_store(&other->random, 1000000);
    assert_int_equal(run_to_file(other), SHALE_OK);
    free(other);
}

/* Whenever the other takes it over: each event is there once, and the rows that the file had count
 * once.  Of none of them the source has the events, or of some. */
static void test_two_at_once(void **state)
{
    (void)state;
    for (int is_key = 0; is_key < 2; is_key++) {
        long n_looks = 1;
        for (long at = 1; at <= n_looks; at = next_look(at)) {
            struct run_case c;
            bool is_foreign;
            files_init(&c);
            put_file(&c, "first.parquet");
            for (int i = 0; i < N_CONSUMED && is_key == 0; i++) {
                char name[16], text[32];
                (void)snprintf(name, sizeof name, "k%d.json", i);
                (void)snprintf(text, sizeof text, "{\"id\":%d}", 40 + i);
                scratch_write(c.in, name, text);
            }
            c.consumed_before = is_key ? "k3" : NULL;
            c.commit_every_objects = is_key ? 1 : 3; /* two commits, as with the key */
            c.act_at = at;
            c.act = adopt_as_well;
            assert_int_equal(run_to_file(&c), SHALE_OK);
            n_looks = atomic_load(&c.n_looks);
            assert_true(ids(&c, &is_foreign) ==
                        (below(N_OBJECTS) | (is_key ? 0 : UINT64_C(7) << 40)));
            assert_false(is_foreign);
            run_case_fini(&c);
        }
    }
}

static void touch_again(struct run_case *c)
{
    static long seconds = 1000000;
    const struct timespec times[2] = {{seconds + 1, 0}, {seconds + 1, 0}};
    char file[96];
    (void)snprintf(file, sizeof file, "%s.parquet", c->out);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
    seconds++;
    c->act_at++;
}

/* Each attempt is lost: the run ends, and has not begun with an empty ledger. */
static void test_always_lost(void **state)
{
    struct run_case c;
    bool is_foreign;
    (void)state;
    files_init(&c);
    put_file(&c, "first.parquet");
    c.consumed_before = "k3";
    c.act_at = 1;
    c.act = touch_again;
    assert_int_equal(run_to_file(&c), SHALE_AGAIN);
    assert_int_equal(c.err.code, SHALE_E_adopt_lost);
    assert_true(ids(&c, &is_foreign) == below(N_CONSUMED));
    assert_true(is_foreign);
    c.act = NULL;
    assert_int_equal(run_to_file(&c), SHALE_OK);
    assert_true(ids(&c, &is_foreign) == below(N_OBJECTS));
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_once_more),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_always_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
