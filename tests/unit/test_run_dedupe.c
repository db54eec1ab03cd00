/* SPDX-License-Identifier: MIT */
/* run/dedupe: a base that is replaced and swept under a run, memory that ends, memory that has to
 * do.  What is a duplicate is in test_keys.c and tests/system/table_dedupe.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run_case.h"

#define STREAM(dedupe)                                                                             \
    "stream: t\nsource: {keys: '**'}\nfields:\n"                                                   \
    "  - {name: id, from: /id, type: int64}\n"                                                     \
    "  - {name: p, from: /p, type: string}\n"                                                      \
    "  - {name: at, from: /at, type: timestamp}\n"                                                 \
    "output: {layout: table, partition_by: [p], dedupe: {key: id" dedupe "}}\n"
static const char for_ever[] = STREAM("");
static const char an_hour[] = STREAM(", time: at, within: 1h");
static const char eighty_days[] = STREAM(", time: at, within: 80d");

/* Events with the ids from 'first' up to 'end'. */
static void write_ids(struct run_case *c, const char *name, int first, int end)
{
    FILE *file = fopen(scratch_path(c->in, name), "wb");
    if (file == NULL)
        abort();
    for (int i = first; i < end; i++)
        if (fprintf(file, "{\"id\":%d,\"p\":\"%c\",\"at\":\"2026-01-01T00:00:00Z\"}\n", i,
                    'x' + i % 3) < 0)
            abort();
    if (fclose(file) != 0)
        abort();
}

static void run_ok(struct run_case *c, int64_t rows_total)
{
    enum shale_status status = run_case_run(c);
    if (status != SHALE_OK || c->summary.rows_total != rows_total)
        print_error("%s %s, %lld rows\n", c->err.object, c->err.message,
                    (long long)c->summary.rows_total);
    assert_int_equal(status, SHALE_OK);
    assert_int_equal(c->summary.rows_total, rows_total);
}

/* ---- A base that goes --------------------------------------------------------------------------
 */

/* The fourth segments of ledger and keys: the commit merges them, and the sweep deletes what was
 * merged.  More events come, some of which that commit brought. */
static void replace_base(struct run_case *c)
{
    struct run_case other = *c;
    other.mem = NULL;
    other.random = (unsigned long long)1 << 40;
    write_ids(c, "b.json", 30, 40);
    if (run_case_run(&other) != SHALE_OK || run_case_sweep(&other) != SHALE_OK)
        abort();
    write_ids(c, "c.json", 25, 45);
}

static void begin(struct run_case *c)
{
    run_case_init(c, for_ever);
    for (int i = 0; i < 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "a%d.json", i);
        write_ids(c, name, 10 * i, 10 * i + 10);
        run_ok(c, 10 * (i + 1));
    }
}

static void test_base_that_goes(void **state)
{
    bool acted = true;
    (void)state;
    for (long at = 1; acted; at += 1 + at / 8) {
        struct run_case c;
        struct run_case_acting acting;
        begin(&c);
        run_case_acting_init(&acting, &c, replace_base, at);
        assert_int_equal(run_case_run(&c), SHALE_OK);
        acted = acting.n_calls >= at;
        c.mem = NULL;
        if (acted)
            run_ok(&c, 45);
        run_case_fini(&c);
    }
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

/* A table with keys, and a run's objects that have some of these and some of one another. */
static void begin_again(struct run_case *c)
{
    run_case_drop_output(c);
    run_ok(c, 30);
    write_ids(c, "d.json", 25, 40);
    write_ids(c, "e.json", 35, 45);
}

/* Each allocation in turn.  What is passed over lets the run end well. */
static void test_no_memory(void **state)
{
    struct run_case_counting counting = {.n_bytes = 0};
    struct run_case c;
    long n_passed = 0;
    (void)state;
    begin(&c);
    for (long n = 1; counting.n_calls >= counting.fails_at; n++) {
        enum shale_status status;
        if (n == 1 || c.summary.rows_total == 45) {
            c.mem = NULL;
            (void)unlink(scratch_path(c.in, "d.json"));
            (void)unlink(scratch_path(c.in, "e.json"));
            begin_again(&c);
        }
        counting = run_case_counting_at(&counting, n);
        c.mem = &counting.mem;
        status = run_case_run(&c);
        assert_int_equal(counting.n_bytes, 0);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        n_passed += status == SHALE_OK;
    }
    assert_int_equal(c.summary.rows_total, 45);
    assert_true(counting.n_calls > 500 && n_passed < counting.n_calls / 4);
    run_case_fini(&c);
}

/* Where 'within' has grown a row is looked up in many stretches: parcels have fewer rows then. */
static void test_memory_of_many_stretches(void **state)
{
    struct run_case_counting counting = run_case_counting_at(&counting, 0);
    struct run_case c;
    (void)state;
    run_case_init(&c, an_hour);
    write_ids(&c, "a.json", 0, 1);
    run_ok(&c, 1);
    c.definition = eighty_days;
    c.memory_bytes = (int64_t)96 << 20;
    c.mem = &counting.mem;
    write_ids(&c, "b.json", 0, 30000);
    run_ok(&c, 30000);
    assert_int_equal(c.summary.events_duplicates, 1);
    print_message("%zu bytes\n", counting.most_bytes);
    assert_int_equal(counting.n_bytes, 0);
    assert_true(counting.most_bytes < (size_t)c.memory_bytes);
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_that_goes),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_memory_of_many_stretches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
