/* SPDX-License-Identifier: MIT */
/* run/replay: what passes and what stays, whatever the threads, races, and each allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run_case.h"

#define STREAM(limits)                                                                             \
    "stream: t\nsource: {keys: '**'}\nfields:\n"                                                   \
    "  - {name: id, from: /id, type: int64, required: true" limits "}\n"                           \
    "  - {name: p, from: /p, type: string}\n"                                                      \
    "  - {name: nth, from: $index, type: int64}\n"                                                 \
    "output: {layout: table, partition_by: [p]}\n"
static const char strict[] = STREAM(", maximum: 9");
static const char lax[] = STREAM("");
static const struct shale_replay_options all = {NULL, 0};

/* Objects of lines whose ids are 0 to n - 1: those from 10 on are too large. */
static void make_rejects(struct run_case *c, int n_objects, size_t n_lines)
{
    run_case_init(c, strict);
    for (int i = 0; i < n_objects; i++) {
        char name[16];
        size_t n_bytes;
        char *text = run_case_lines(n_lines, 10, (uint64_t)i + 1, &n_bytes);
        (void)snprintf(name, sizeof name, "%d.json", i);
        run_case_file(c, name, text, n_bytes);
        free(text);
        assert_int_equal(run_case_run(c), SHALE_OK);
        assert_int_equal(c->summary.events_rejected, n_lines - 10);
    }
}

static void replay_ok(struct run_case *c, int64_t n_read, int64_t n_written, int64_t rows_total)
{
    enum shale_status status;
    c->replay = &all;
    status = run_case_run(c);
    if (status != SHALE_OK)
        print_error("%s\n", c->err.message);
    assert_int_equal(status, SHALE_OK);
    assert_int_equal(c->summary.events_read, n_read);
    assert_int_equal(c->summary.events_written, n_written);
    assert_int_equal(c->summary.rows_total, rows_total);
    c->replay = NULL;
}

static void test_replay(void **state)
{
    (void)state;
    for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
        struct run_case c;
        make_rejects(&c, 2, 50);
        c.n_threads = n_threads;
        replay_ok(&c, 80, 0, 20); /* as strict as before */
        assert_int_equal(c.summary.n_commits, 0);
        c.definition = lax;
        c.dry_run = true;
        replay_ok(&c, 80, 80, 20);
        assert_int_equal(c.summary.n_commits, 0);
        c.dry_run = false;
        replay_ok(&c, 80, 80, 100);
        assert_int_equal(c.summary.replayed_segments, 2);
        assert_int_equal(c.summary.replayed_events, 80);
        assert_int_equal(c.summary.n_commits, 1);
        replay_ok(&c, 0, 0, 100);
        assert_int_equal(c.summary.n_commits, 0);
        run_case_fini(&c);
    }
}

/* More than one parcel, under the least memory. */
static void test_pieces(void **state)
{
    struct run_case c;
    (void)state;
    make_rejects(&c, 1, 200000);
    c.definition = lax;
    c.memory_bytes = (int64_t)140 << 20;
    replay_ok(&c, 199990, 199990, 200000);
    run_case_fini(&c);
}

static void test_rules(void **state)
{
    static const char *const other[] = {"required"}, *const chosen[] = {"required", "maximum"};
    const struct shale_replay_options none = {other, 1}, both = {chosen, 2};
    struct run_case c;
    (void)state;
    make_rejects(&c, 1, 30);
    c.definition = lax;
    c.replay = &none;
    assert_int_equal(run_case_run(&c), SHALE_OK);
    assert_int_equal(c.summary.events_read, 0);
    assert_int_equal(c.summary.n_commits, 0);
    c.replay = &both;
    assert_int_equal(run_case_run(&c), SHALE_OK);
    assert_int_equal(c.summary.rows_total, 30);
    run_case_fini(&c);
}

/* There is no table: there is nothing to be replayed. */
static void test_no_table(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, lax);
    c.replay = &all;
    assert_int_equal(run_case_run(&c), SHALE_NOT_FOUND);
    assert_string_equal(shale_error_name(c.err.code), "replay_nothing");
    run_case_fini(&c);
}

/* Another replay of the same segments, at some moment of this one. */
static void race(struct run_case *c)
{
    struct run_case other = *c;
    other.act = NULL;
    other.random = 77777;
    if (run_case_run(&other) != SHALE_OK)
        abort();
}

static void test_races(void **state)
{
    int64_t n_wasted = 0;
    bool acted = true;
    (void)state;
    for (long at = 1; acted; at++) {
        struct run_case c;
        make_rejects(&c, 1, 20);
        c.definition = lax;
        c.replay = &all;
        c.act = race;
        c.act_at = at;
        assert_int_equal(run_case_run(&c), SHALE_OK);
        acted = atomic_load(&c.n_looks) >= at;
        assert_int_equal(c.summary.rows_total, 20);
        n_wasted += c.summary.objects_wasted;
        c.act = NULL;
        replay_ok(&c, 0, 0, 20);
        run_case_fini(&c);
    }
    assert_true(n_wasted > 0);
}

/* A run brings the fourth segment of rejects, merges all of them, and a sweep deletes what was
 * merged, at some moment of a replay. */
static void merge_rejects(struct run_case *c)
{
    struct run_case other = *c;
    size_t n_bytes;
    char *text = run_case_lines(20, 10, 9, &n_bytes);
    run_case_file(c, "9.json", text, n_bytes);
    free(text);
    other.definition = strict;
    other.replay = NULL;
    other.mem = NULL;
    other.random = (unsigned long long)1 << 40;
    if (run_case_run(&other) != SHALE_OK || run_case_sweep(&other) != SHALE_OK)
        abort();
}

static void test_segments_that_go(void **state)
{
    bool acted = true;
    (void)state;
    for (long at = 1; acted; at += 1 + at / 8) {
        struct run_case c;
        struct run_case_acting acting;
        enum shale_status status;
        make_rejects(&c, 3, 20);
        c.definition = lax;
        c.replay = &all;
        run_case_acting_init(&acting, &c, merge_rejects, at);
        status = run_case_run(&c);
        acted = acting.n_calls >= at;
        if (status != SHALE_OK)
            print_error("allocation %ld: %s %s\n", at, c.err.object, c.err.message);
        assert_int_equal(status, SHALE_OK);
        c.mem = NULL;
        assert_int_equal(run_case_run(&c), SHALE_OK);
        assert_int_equal(c.summary.rows_total, acted ? 80 : 60);
        run_case_fini(&c);
    }
}

/* Nothing is published, and nothing is lost; a few allocations are passed over further on. */
static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    struct run_case c;
    int n = 0;
    (void)state;
    make_rejects(&c, 1, 20);
    c.definition = lax;
    c.replay = &all;
    while (status != SHALE_OK) {
        struct run_case_counting counting;
        n += 1 + n / 50;
        counting = run_case_counting_at(&counting, n);
        c.mem = &counting.mem;
        status = run_case_run(&c);
        assert_int_equal(counting.n_bytes, 0);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
    }
    assert_true(n > 100);
    c.mem = NULL;
    replay_ok(&c, 0, 0, 20);
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_races),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_segments_that_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
