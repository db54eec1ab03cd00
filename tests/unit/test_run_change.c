/* SPDX-License-Identifier: MIT */
/* Objects that are read again: replace, rebuild and erase, and each with memory that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/compact.h"
#include "dataset/erase.h"
#include "run_case.h"
#include "store/objects.h"

#define SOURCE "stream: t\nsource: {keys: '{yyyy}-*.json', on_change: replace}\nfields:\n"
#define OUTPUT "output: {layout: table, partition_by: [p]}\n"
#define FIELDS                                                                                     \
    "  - {name: id, from: /id, type: int64, required: true}\n"                                     \
    "  - {name: p, from: /p, type: string}\n"                                                      \
    "  - {name: key, from: $key, type: string}\n"
static const char replacing[] = SOURCE FIELDS OUTPUT;
static const char later[] = SOURCE FIELDS "  - {name: text, from: /text, type: string}\n" OUTPUT;

static void write_lines(struct run_case *c, const char *name, size_t n, uint64_t seed)
{
    static long seconds = 1000000;
    const struct timespec times[2] = {{seconds + 1, 0}, {seconds + 1, 0}};
    size_t n_bytes;
    char *text = run_case_lines(n, 10, seed, &n_bytes);
    run_case_file(c, name, text, n_bytes);
    free(text);
    if (utimensat(AT_FDCWD, scratch_path(c->in, name), times, 0) != 0)
        abort();
    seconds++;
}

static void run_ok(struct run_case *c, int64_t n_read, int64_t n_replaced, int64_t rows_total)
{
    enum shale_status status = run_case_run(c);
    if (status != SHALE_OK)
        print_error("%s\n", c->err.message);
    assert_int_equal(status, SHALE_OK);
    assert_int_equal(c->summary.events_read, n_read);
    assert_int_equal(c->summary.rows_replaced, n_replaced);
    assert_int_equal(c->summary.rows_total, rows_total);
}

static void test_replace(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, replacing);
    write_lines(&c, "2024-a.json", 30, 1);
    write_lines(&c, "2025-b.json", 20, 2);
    run_ok(&c, 50, 0, 50);
    write_lines(&c, "2024-a.json", 12, 3);
    run_ok(&c, 12, 30, 32);
    run_ok(&c, 0, 0, 32);
    write_lines(&c, "2024-a.json", 12, 3); /* the same bytes, and not those of all versions */
    run_ok(&c, 12, 12, 32);
    write_lines(&c, "2025-b.json", 20, 2); /* the same bytes as ever */
    run_ok(&c, 0, 0, 32);
    assert_int_equal(c.summary.objects_touched, 1);
    run_case_file(&c, "2025-b.json", "{", 1); /* it fails as a whole: the old rows stay */
    run_ok(&c, 1, 0, 32);
    run_case_fini(&c);
}

static void test_rebuild(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, replacing);
    write_lines(&c, "2024-a.json", 30, 1);
    write_lines(&c, "2024-b.json", 20, 2);
    write_lines(&c, "2025-c.json", 7, 2);
    run_ok(&c, 57, 0, 57);
    write_lines(&c, "2024-b.json", 5, 3); /* changed: left as it is */
    write_lines(&c, "2025-d.json", 5, 3); /* new: not read */
    c.definition = later;
    c.rebuild = true;
    run_ok(&c, 37, 37, 57);
    assert_int_equal(c.summary.objects_left, 1);
    run_ok(&c, 37, 37, 57);
    c.rebuild = false;
    run_ok(&c, 10, 20, 47);
    run_case_fini(&c);
}

static void test_refused(void **state)
{
    struct run_case c;
    (void)state;
    run_case_init(&c, "stream: t\nsource: {keys: '{yyyy}-*.json'}\nfields:\n"
                      "  - {name: id, from: /id, type: int64}\n"
                      "  - {name: key, from: $key, type: string, trim: true}\n"
                      "output: {layout: table}\n");
    write_lines(&c, "2024-a.json", 3, 1);
    c.rebuild = true;
    assert_int_equal(run_case_run(&c), SHALE_USAGE);
    assert_int_equal(c.err.code, SHALE_E_rebuild_key);
    run_case_fini(&c);
}

/* ---- Beside others -----------------------------------------------------------------------------
 */

/* A base of two commits; of its first object there are rejects alone. */
static void begin_rebuild(struct run_case *c, long act_at, void (*act)(struct run_case *c))
{
    static const char bad[] = "{\"id\":\"x\"}\n";
    run_case_init(c, replacing);
    run_case_file(c, "2024-0.json", bad, sizeof bad - 1);
    write_lines(c, "2024-a.json", 30, 1);
    run_ok(c, 31, 0, 30);
    write_lines(c, "2024-b.json", 20, 2);
    run_ok(c, 20, 0, 50);
    c->rebuild = true;
    c->act = act;
    c->act_at = act_at;
}

/* The files that a run is to take out are merged, and deleted. */
static void merge_and_sweep(struct run_case *c)
{
    struct run_case other = *c;
    const struct shale_compact_options options = {.temporary = c->root, .created_by = "test"};
    struct shale_compacted compacted;
    struct shale_store *store;
    struct shale_env env;
    other.act = NULL;
    other.random = 55555;
    env = run_case_env(&other);
    if (shale_store_local(&env, c->out, &store, NULL) != SHALE_OK ||
        shale_compact(store, &options, &compacted, NULL) != SHALE_OK)
        abort();
    shale_store_free(store);
    if (run_case_sweep(&other) != SHALE_OK)
        abort();
}

/* The same job is done, and what it took out is deleted. */
static void rebuild_and_sweep(struct run_case *c)
{
    struct run_case other = *c;
    other.act = NULL;
    other.random = 66666;
    if (run_case_run(&other) != SHALE_OK || run_case_sweep(&other) != SHALE_OK)
        abort();
}

static void test_base_gone(void **state)
{
    static void (*const acts[])(struct run_case *) = {merge_and_sweep, rebuild_and_sweep};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int64_t n_wasted = 0;
        bool acted = true;
        for (long at = 1; acted; at++) {
            struct run_case c;
            begin_rebuild(&c, at, acts[i]);
            run_ok(&c, 51, 50, 50);
            assert_int_equal(c.summary.rejects_replaced, 1);
            acted = atomic_load(&c.n_looks) >= at;
            n_wasted += c.summary.objects_wasted;
            run_case_fini(&c);
        }
        assert_true(n_wasted > 0);
    }
}

/* The log cannot be read any more. */
static void lose_entry(struct run_case *c)
{
    (void)unlink(scratch_path(c->out, "_delta_log/00000000000000000000.json"));
}

/* What is wrong is what is said. */
static void test_log_damaged(void **state)
{
    bool acted = true;
    (void)state;
    for (long at = 1; acted; at++) {
        struct run_case c;
        enum shale_status status;
        begin_rebuild(&c, at, lose_entry);
        status = run_case_run(&c);
        acted = atomic_load(&c.n_looks) >= at;
        assert_true(status == SHALE_OK || status == SHALE_NOT_FOUND || status == SHALE_CORRUPT);
        assert_true(status == SHALE_OK || c.err.code != SHALE_E_none);
        run_case_fini(&c);
    }
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

struct memory {
    long n, end; /* allocations so far; the one that fails, and all after it */
};

static void *count(void *ctx, void *ptr, size_t n_bytes)
{
    struct memory *memory = ctx;
    if (n_bytes > 0 && memory->n++ >= memory->end)
        return NULL;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

/* Each run ends without memory and publishes nothing, until one has enough. */
static void test_run_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    struct run_case c;
    (void)state;
    run_case_init(&c, replacing);
    write_lines(&c, "2024-a.json", 30, 1);
    run_ok(&c, 30, 0, 30);
    write_lines(&c, "2024-a.json", 12, 3);
    for (long n = 1; status == SHALE_NOMEM; n += 1 + n / 12) {
        struct memory memory = {0, n};
        const struct shale_mem mem = {count, &memory};
        c.mem = &mem;
        status = run_case_run(&c);
        assert_true(n < 1000000);
        /* Behind the commit a warning is all that can be. */
        assert_true(status == SHALE_NOMEM || status == SHALE_OK);
        assert_true(status == SHALE_OK || c.summary.n_commits == 0);
    }
    c.mem = NULL;
    c.rebuild = true;
    run_ok(&c, 12, 12, 12);
    run_case_fini(&c);
}

/* One allocation that fails, of a run that replaces what it has of an object: nothing leaks. */
static void test_replace_without_memory(void **state)
{
    struct run_case_counting counting = {.n_bytes = 0};
    struct run_case c;
    (void)state;
    run_case_init(&c, replacing);
    write_lines(&c, "2024-a.json", 30, 1);
    run_ok(&c, 30, 0, 30);
    for (long n = 1; counting.n_calls >= counting.fails_at; n += 1 + n / 50) {
        enum shale_status status;
        write_lines(&c, "2024-a.json", 12, (uint64_t)n + 1);
        counting = run_case_counting_at(&counting, n);
        c.mem = &counting.mem;
        status = run_case_run(&c);
        assert_int_equal(counting.n_bytes, 0);
        assert_true(status == SHALE_NOMEM || status == SHALE_OK);
    }
    assert_int_equal(c.summary.rows_total, 12);
    run_case_fini(&c);
}

static enum shale_status erase(struct run_case *c, const struct shale_mem *mem, bool dry_run,
                               struct shale_erased *out)
{
    struct shale_env env = run_case_env(c);
    const struct shale_erasure id = {SHALE_STR("id"), SHALE_STR("4"), false, false};
    const struct shale_erase_options options = {.conditions = &id,
                                                .n_conditions = 1,
                                                .temporary = c->root,
                                                .created_by = "test",
                                                .dry_run = dry_run};
    struct shale_store *store;
    enum shale_status status;
    env.mem = mem;
    status = shale_store_local(&env, c->out, &store, NULL);
    if (status != SHALE_OK)
        return status;
    status = shale_erase(store, &options, out, &c->err);
    shale_store_free(store);
    return status;
}

static void test_erase_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    struct shale_erased erased;
    struct run_case c;
    (void)state;
    run_case_init(&c, replacing);
    write_lines(&c, "2024-a.json", 30, 1);
    run_ok(&c, 30, 0, 30);
    assert_int_equal(erase(&c, &shale_mem_libc, true, &erased), SHALE_OK);
    assert_int_equal(erased.n_rows, 1);
    assert_int_equal(erased.version, -1);
    for (long n = 1; status == SHALE_NOMEM; n += 1 + n / 12) {
        struct memory memory = {0, n};
        const struct shale_mem mem = {count, &memory};
        assert_true(n < 1000000);
        status = erase(&c, &mem, false, &erased);
        assert_true(status == SHALE_NOMEM || status == SHALE_OK);
    }
    assert_int_equal(erased.n_rows, 1);
    assert_int_equal(erased.n_removed, 1);
    assert_int_equal(erased.n_added, 1);
    assert_int_equal(erased.version, 1);
    c.rebuild = true;
    run_ok(&c, 30, 29, 29);
    assert_int_equal(c.summary.events_filtered, 1);
    run_case_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_rebuild),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_base_gone),
        cmocka_unit_test(test_log_damaged),
        cmocka_unit_test(test_run_without_memory),
        cmocka_unit_test(test_replace_without_memory),
        cmocka_unit_test(test_erase_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
