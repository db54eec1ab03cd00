/* SPDX-License-Identifier: MIT */
/* Runs into a table: what is new, what comes again, phases, races, dry runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run_case.h"

#define FIELDS                                                                                     \
    "fields:\n"                                                                                    \
    "  - {name: id, from: /id, type: int64, required: true}\n"                                     \
    "  - {name: p, from: /p, type: string}\n"                                                      \
    "  - {name: text, from: /text, type: string}\n"                                                \
    "output: {layout: table, partition_by: [p]}\n"
static const char rejecting[] = "stream: t\nsource: {keys: '**', on_change: reject}\n" FIELDS;
static const char appending[] = "stream: t\nsource: {keys: '**', on_change: append}\n" FIELDS;

static void write_lines(struct run_case *c, const char *name, size_t n, size_t size, uint64_t seed)
{
    size_t n_bytes;
    char *text = run_case_lines(n, size, seed, &n_bytes);
    run_case_file(c, name, text, n_bytes);
    free(text);
}

/* Another time of change, of no two files the same. */
static void touch(struct run_case *c, const char *name)
{
    static long seconds = 1000000;
    const struct timespec times[2] = {{seconds + 1, 0}, {seconds + 1, 0}};
    if (utimensat(AT_FDCWD, scratch_path(c->in, name), times, 0) != 0)
        abort();
    seconds++;
}

static void run_ok(struct run_case *c, int64_t n_new, int64_t n_read, int64_t rows_total)
{
    enum shale_status status = run_case_run(c);
    if (status != SHALE_OK)
        print_error("%s\n", c->err.message);
    assert_int_equal(status, SHALE_OK);
    assert_int_equal(c->summary.objects_new, n_new);
    assert_int_equal(c->summary.events_read, n_read);
    assert_int_equal(c->summary.rows_total, rows_total);
    assert_int_equal(c->summary.objects_listed, c->summary.objects_new + c->summary.objects_known +
                                                    c->summary.objects_changed +
                                                    c->summary.objects_touched +
                                                    c->summary.objects_passed_over);
}

static void test_only_what_is_new(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    write_lines(&c, "b.json", 3, 10, 1);
    write_lines(&c, "c.json", 0, 0, 1); /* without events: consumed all the same */
    run_ok(&c, 2, 3, 3);
    assert_int_equal(c.summary.n_commits, 1);
    assert_int_equal(c.summary.commits[0], 0);
    run_ok(&c, 0, 0, 3);
    assert_int_equal(c.summary.objects_known, 2);
    assert_int_equal(c.summary.n_commits, 0);
    assert_int_equal(c.summary.bytes_read, 0);
    assert_false(run_case_has_entry(&c, 1));
    write_lines(&c, "a.json", 2, 10, 1); /* before all others */
    write_lines(&c, "d.json", 2000, 1000, 1);
    run_ok(&c, 2, 2002, 2005);
    assert_true(run_case_has_entry(&c, 1));
    assert_int_equal(unlink(scratch_path(c.in, "b.json")), 0); /* ignored */
    run_ok(&c, 0, 0, 2005);
    run_case_fini(&c);
}

/* Small and large: the same bytes under another tag are no event, others are what on_change says,
 * and none of it is decided twice. */
static void test_objects_that_come_again(void **state)
{
    static const struct {
        const char *definition;
        size_t n, size;
        bool append;
    } cases[] = {{rejecting, 3, 10, false},
                 {appending, 3, 10, true},
                 {rejecting, 2000, 1000, false},
                 {appending, 2000, 1000, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t n = (int64_t)cases[i].n;
        struct run_case c;
        run_case_init(&c, cases[i].definition);
        write_lines(&c, "a.json", cases[i].n, cases[i].size, 1);
        run_ok(&c, 1, n, n);
        touch(&c, "a.json");
        run_ok(&c, 0, 0, n);
        assert_int_equal(c.summary.objects_touched, 1);
        assert_int_equal(c.summary.n_commits, 1);
        run_ok(&c, 0, 0, n);
        assert_int_equal(c.summary.objects_known, 1);
        write_lines(&c, "a.json", cases[i].n, cases[i].size, 2);
        touch(&c, "a.json");
        run_ok(&c, 0, cases[i].append ? n : 1, cases[i].append ? 2 * n : n);
        assert_int_equal(c.summary.objects_changed, 1);
        assert_int_equal(c.summary.events_rejected, cases[i].append ? 0 : 1);
        assert_int_equal(c.summary.objects_failed, cases[i].append ? 0 : 1);
        run_ok(&c, 0, 0, cases[i].append ? 2 * n : n);
        run_case_fini(&c);
    }
}

/* One that was only ever rejected is new again under a new tag. */
static void test_repaired(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    scratch_write(c.in, "a.json", "[{\"id\":1}");
    run_ok(&c, 1, 1, 0);
    run_ok(&c, 0, 0, 0);
    scratch_write(c.in, "a.json", "[{\"id\":1}]");
    run_ok(&c, 1, 1, 1);
    run_case_fini(&c);
}

static int n_said;

static void count_lines(struct shale_log *log, enum shale_log_level level, const char *event,
                        const char *object, int64_t record, int64_t byte, const char *message)
{
    (void)log;
    (void)level;
    (void)object;
    (void)record;
    (void)byte;
    (void)message;
    n_said += strcmp(event, "other_definition") == 0;
}

/* Objects that another definition read are left alone, and the run says so once. */
static void test_another_definition(void **state)
{
    struct shale_log log = {SHALE_LOG_INFO, count_lines};
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    c.log = &log;
    write_lines(&c, "a.json", 3, 10, 1);
    write_lines(&c, "b.json", 3, 10, 2);
    run_ok(&c, 2, 6, 6);
    run_ok(&c, 0, 0, 6);
    assert_int_equal(n_said, 0);
    c.definition = appending;
    run_ok(&c, 0, 0, 6);
    assert_int_equal(n_said, 1);
    run_case_fini(&c);
}

/* A table that cannot have the columns is refused before anything is read. */
static void test_columns_that_do_not_fit(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    write_lines(&c, "a.json", 3, 10, 1);
    run_ok(&c, 1, 3, 3);
    c.definition = "stream: t\nsource: {keys: '**'}\nfields:\n"
                   "  - {name: id, from: /id, type: string}\n"
                   "  - {name: p, from: /p, type: string}\n"
                   "output: {layout: table, partition_by: [p]}\n";
    write_lines(&c, "b.json", 3, 10, 1);
    assert_int_equal(run_case_run(&c), SHALE_SCHEMA);
    assert_int_equal(c.summary.events_read, 0);
    run_case_fini(&c);
}

static void test_phases(void **state)
{
    (void)state;
    for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
        struct run_case c;
        char name[16];
        run_case_init(&c, rejecting);
        c.n_threads = n_threads;
        c.commit_every_objects = 3;
        for (int i = 0; i < 10; i++) {
            (void)snprintf(name, sizeof name, "%d.json", i);
            write_lines(&c, name, i == 5 ? 2000 : 2, i == 5 ? 1000 : 10, (uint64_t)i + 1);
        }
        run_ok(&c, 10, 2018, 2018);
        assert_int_equal(c.summary.n_commits, 4);
        for (int i = 0; i < 4; i++)
            assert_int_equal(c.summary.commits[i], i);
        assert_int_equal(c.summary.files_written, 9); /* two lines have two partitions */
        run_ok(&c, 0, 0, 2018);
        run_case_fini(&c);
    }
}

/* A run that is stopped has kept what it committed, and the next goes on there. */
static void test_stopped_between_phases(void **state)
{
    struct run_case c;
    int64_t n_kept = 0;
    (void)state;
    for (long at = 1;; at += 3) {
        enum shale_status status;
        run_case_init(&c, rejecting);
        c.commit_every_objects = 1;
        for (int i = 0; i < 4; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "%d.json", i);
            write_lines(&c, name, 2, 10, (uint64_t)i + 1);
        }
        c.cancel_at = at;
        status = run_case_run(&c);
        n_kept += status != SHALE_OK && c.summary.n_commits > 0;
        c.cancel_at = 0;
        assert_int_equal(run_case_run(&c), SHALE_OK);
        assert_int_equal(c.summary.rows_total, 8);
        run_case_fini(&c);
        if (status == SHALE_OK)
            break;
    }
    assert_true(n_kept > 0);
}

/* Another run over the same objects, at some moment of this one. */
static void race(struct run_case *c)
{
    struct run_case other = *c;
    other.act = NULL;
    other.random = 77777;
    other.commit_every_objects = 0;
    if (run_case_run(&other) != SHALE_OK)
        abort();
}

static void test_races(void **state)
{
    int64_t n_wasted = 0;
    (void)state;
    for (long at = 1; at < 60; at++) {
        struct run_case c;
        run_case_init(&c, rejecting);
        c.commit_every_objects = 2;
        for (int i = 0; i < 5; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "%d.json", i);
            write_lines(&c, name, 2, 10, (uint64_t)i + 1);
        }
        c.act = race;
        c.act_at = at;
        assert_int_equal(run_case_run(&c), SHALE_OK);
        assert_int_equal(c.summary.rows_total, 10);
        assert_int_equal(c.summary.events_read, c.summary.events_written);
        n_wasted += c.summary.objects_wasted;
        c.act = NULL;
        run_ok(&c, 0, 0, 10);
        run_case_fini(&c);
    }
    assert_true(n_wasted > 0);
}

static void test_settles_and_rehearses(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    write_lines(&c, "a.json", 2, 10, 1);
    write_lines(&c, "b.json", 2, 10, 2);
    touch(&c, "b.json"); /* old, if the clock says so */
    c.clock_us = 2000000000000000;
    c.settle_us = 10000000;
    c.dry_run = true;
    run_ok(&c, 2, 0, 0);
    assert_false(scratch_exists(c.root, "out"));
    c.clock_us = 1000000000000000;
    run_ok(&c, 1, 0, 0);
    assert_int_equal(c.summary.objects_passed_over, 1);
    c.dry_run = false;
    run_ok(&c, 1, 2, 2);
    run_case_fini(&c);
}

static void test_tables_are_not_replaced(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, rejecting);
    c.replace = true;
    assert_int_equal(run_case_run(&c), SHALE_USAGE);
    assert_string_equal(shale_error_name(c.err.code), "output_replaces_table");
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_new),
        cmocka_unit_test(test_objects_that_come_again),
        cmocka_unit_test(test_repaired),
        cmocka_unit_test(test_another_definition),
        cmocka_unit_test(test_columns_that_do_not_fit),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_stopped_between_phases),
        cmocka_unit_test(test_races),
        cmocka_unit_test(test_settles_and_rehearses),
        cmocka_unit_test(test_tables_are_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
