/* SPDX-License-Identifier: MIT */
/* The sweep: which files go and which stay, of a table in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sweep_made.h"

/* ---- Files that nothing names -----------------------------------------------------------------
 */

static void test_objects(void **state)
{
    static const struct {
        int number, key, tag, n_known;
        bool stays;
    } cases[] = {
        {100, 1, 1, 0, false}, /* the very tag was consumed */
        {101, 1, 1, -1, false},
        {102, 1, 2, 1, true},  /* planned on a ledger that had the key: on_change: append */
        {103, 1, 2, 0, false}, /* the key came since it was planned */
        {104, 1, 2, -1, true}, /* nothing is known */
        {105, 2, 1, 0, true},  /* nobody has consumed it */
        {106, 2, 1, -1, true},
    };
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        put_file(&table, data_name(cases[i].number),
                 object_mark(cases[i].key, cases[i].tag, cases[i].n_known));
    put_file(&table, segment_name("ledger", 110), object_mark(1, 1, 0));
    put_file(&table, segment_name("rejects", 111), object_mark(2, 1, 0));
    put_file(&table, segment_name("keys", 112), object_mark(1, 1, 0));
    out = sweep(&table, -1, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(has(&table, data_name(cases[i].number)), cases[i].stays);
    assert_false(has(&table, segment_name("ledger", 110)));
    assert_true(has(&table, segment_name("rejects", 111)));
    assert_false(has(&table, segment_name("keys", 112)));
    assert_true(has(&table, data_name(1)));
    assert_int_equal(out.n_files, 5);
    assert_int_equal(out.n_kept, 5);
    assert_true(out.n_bytes > 0);
    assert_int_equal(table_objects(&table), 1);
    table_fini(&table);
}

static void test_marks_that_say_nothing(void **state)
{
    static const char *const marks[] = {"",          "{}",     "[]",           "[1]",
                                        "[\"a\",1]", "[\"a\"", "[\"a\"]x",     "[\"a\",\"b\"]",
                                        "[null]",    "\"a\"",  "[\"\\ud800\"]"};
    enum { N = sizeof marks / sizeof marks[0] };
    static const char foreign[] = "year=2024/part-00000-3c2f1a7e-0c1b-4f7e-c000.snappy.parquet";
    static const char elsewhere[] = "mine/part-00000000000000000000000000000001.parquet";
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    for (int i = 0; i < N; i++)
        put_file(&table, data_name(100 + i), marks[i]);
    put_text(&table, data_name(200), "no Parquet file");
    put_text(&table, segment_name("ledger", 201), "");
    put_text(&table, foreign, "another's");
    put_text(&table, elsewhere, "the user's");
    put_text(&table, "_shale/other/x.json", "?");
    put_text(&table, "_temporary/year=2024/x.parquet", "a reader passes it over");
    put_text(&table, "year=2024/.x/x.parquet", "this as well");
    put_text(&table, "year=2024/x.txt", "no rows");
    out = sweep(&table, 0, false);
    assert_int_equal(out.n_files, 0);
    assert_int_equal(out.n_kept, N + 4);
    out = sweep(&table, -1, true);
    assert_int_equal(out.n_files, N + 2);
    assert_int_equal(out.n_kept, 2); /* which a plain reader sees, and nobody is told to delete */
    assert_true(has(&table, foreign) && has(&table, elsewhere) && has(&table, data_name(1)));
    assert_true(has(&table, "_shale/other/x.json"));
    table_fini(&table);
}

static void test_files_as_inputs(void **state)
{
    char mark[256];
    struct table table;
    struct shale_base base;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    commit_key(&table, 2);
    commit_rewrite(&table, 2, 50);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    (void)snprintf(mark, sizeof mark, "[\"%s\"]", data_name(1));
    put_file(&table, data_name(100), mark);
    (void)snprintf(mark, sizeof mark, "[\"%s\"]", data_name(2));
    put_file(&table, data_name(101), mark);
    put_file(&table, data_name(102), mark);
    (void)snprintf(mark, sizeof mark, "[\"%.*s\"]", SHALE_STR_ARG(base.manifest.ledger[0].path));
    put_file(&table, segment_name("ledger", 103), mark);
    put_file(&table, segment_name("ledger", 104), "[\"_shale/ledger/gone\"]");
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(sweep(&table, -1, false).n_files, 3);
    assert_true(has(&table, data_name(100)) && has(&table, segment_name("ledger", 103)));
    table_fini(&table);
}

static void test_manifests(void **state)
{
    struct shale_manifest manifest = {.parent = -1};
    struct shale_buf json;
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    commit_key(&table, 2);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    for (manifest.version = 0; manifest.version < 4; manifest.version++) {
        char name[SHALE_MANIFEST_NAME_BYTES];
        manifest.id = 7 + manifest.version;
        shale_manifest_name(manifest.id, name);
        shale_buf_reset(&json);
        assert_int_equal(shale_manifest_json(&manifest, &json), SHALE_OK);
        assert_int_equal(shale_store_put(table.store, name, shale_buf_str(&json), NULL), SHALE_OK);
    }
    put_text(&table, "_shale/manifest/3.json", "half");
    out = sweep(&table, -1, false);
    assert_int_equal(out.n_files, 2); /* versions 0 and 1 are taken */
    assert_int_equal(out.n_kept, 3);
    assert_int_equal(out.n_waiting, 1); /* the parent */
    assert_true(has(&table, "_shale/manifest/9.json") && has(&table, "_shale/manifest/10.json"));
    assert_int_equal(sweep(&table, -1, true).n_files, 4);
    assert_int_equal(table_objects(&table), 2);
    shale_buf_fini(&json);
    table_fini(&table);
}

/* ---- What commits took out --------------------------------------------------------------------
 */

static int n_marks(struct table *table)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    int n = -1;
    assert_int_equal(shale_store_list(table->store, "_shale/swept/", "", &list, NULL), SHALE_OK);
    for (; !end; n++)
        assert_int_equal(shale_store_list_next(table->store, list, &entry, &end, NULL), SHALE_OK);
    shale_store_list_free(table->store, list);
    return n;
}

static void test_retention(void **state)
{
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int key = 1; key <= 8; key++) /* the fourth and later ones merge segments */
        commit_key(&table, key);
    table.now_us += DAY_US;
    commit_rewrite(&table, 3, 50);
    out = sweep(&table, -1, false);
    assert_int_equal(out.n_files, 0);
    assert_int_equal(out.n_kept, 0);
    assert_true(out.n_waiting > 8);
    assert_true(has(&table, data_name(3)));
    /* The first manifests are over their week, not the last and what the rewrite took out. */
    table.now_us += 6 * DAY_US + 3600 * INT64_C(1000000);
    out = sweep(&table, -1, false);
    assert_true(out.n_files >= 7 && has(&table, data_name(3)));
    assert_int_equal(out.n_waiting, 2);
    assert_true(n_marks(&table) == 1);
    table.now_us += DAY_US;
    assert_int_equal(sweep(&table, 10 * DAY_US, false).n_files, 0);
    assert_int_equal(sweep(&table, -1, false).n_files, 2);
    assert_false(has(&table, data_name(3)));
    assert_int_equal(table_objects(&table), 8);
    table_fini(&table);
}

/* ---- The log ----------------------------------------------------------------------------------
 */

static bool has_entry(struct table *table, int version)
{
    char name[SHALE_LOG_NAME_BYTES];
    shale_log_entry_name(version, name);
    return has(table, name);
}

static void test_log(void **state)
{
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int key = 0; key < 40; key++) { /* an entry a day, a checkpoint at 9, 19 and 29 */
        commit_key(&table, key);
        if (key % 10 == 9 && key < 39)
            checkpoint(&table);
        table.now_us += DAY_US;
    }
    assert_int_equal(sweep(&table, -1, false).n_entries, 9); /* version 10 is 30 days old */
    assert_true(has_entry(&table, 9) && !has_entry(&table, 8));
    table.now_us += 7 * DAY_US;
    assert_int_equal(sweep(&table, -1, false).n_entries, 0); /* version 18 can still be read */
    table.now_us += DAY_US;
    out = sweep(&table, -1, false);
    assert_int_equal(out.n_entries, 10);
    assert_int_equal(out.n_checkpoints, 1);
    assert_true(has_entry(&table, 19));
    /* The hint points at a checkpoint, which stays as long as it does. */
    table.now_us += 100 * DAY_US;
    put_text(&table, "_delta_log/_last_checkpoint", "{\"version\":19,\"size\":1}");
    assert_int_equal(sweep(&table, -1, false).n_entries, 0);
    put_text(&table, "_delta_log/_last_checkpoint", "{\"version\":29,\"size\":1}");
    out = sweep(&table, -1, true);
    assert_int_equal(out.n_entries, 10);
    assert_true(has_entry(&table, 29) && has_entry(&table, 39));
    assert_int_equal(table_objects(&table), 40);
    commit_key(&table, 40);
    assert_int_equal(table_objects(&table), 41);
    table_fini(&table);
}

/* ---- Beside others ----------------------------------------------------------------------------
 */

/* A run that is slow to commit: what it has written stays as long as it can be committed. */
static void test_slow_run(void **state)
{
    struct table table;
    struct shale_base base;
    struct work slow, other;
    (void)state;
    for (int consumed = 0; consumed < 2; consumed++) {
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_key(&table, 1);
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        make_work(&table, &slow, 2);
        for (int key = 3; key < 9; key++)
            commit_key(&table, key);
        if (consumed) {
            assert_int_equal(work_make(&other, table.store, 2, 3), SHALE_OK);
            assert_int_equal(commit_work(&table, &base, &other.commit), SHALE_OK);
            work_fini(&other);
        }
        (void)sweep(&table, 0, false);
        assert_int_equal(has(&table, data_name(2)), !consumed);
        assert_int_equal(commit_work(&table, &base, &slow.commit),
                         consumed ? SHALE_CONFLICT : SHALE_OK);
        assert_int_equal(table_objects(&table), 8);
        (void)sweep(&table, 0, false);
        assert_int_equal(has(&table, data_name(2)), !consumed);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&slow);
        table_fini(&table);
    }
}

static struct work late;
static void commit_late(void *ctx)
{
    struct table *table = ctx;
    struct shale_base base;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(commit_work(table, &base, &late.commit), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
}

/* A commit between any two calls of a sweep: its files stay. */
static void test_commit_between(void **state)
{
    bool dealt = true;
    (void)state;
    for (int at = 1; dealt; at++) {
        const struct shale_sweep_options options = {.retention_us = 0};
        struct trouble trouble = {.at = at, .first = commit_late};
        struct shale_swept out;
        struct table table;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        for (int key = 1; key < 6; key++)
            commit_key(&table, key);
        put_file(&table, data_name(100), object_mark(1, 1, 0));
        make_work(&table, &late, 7);
        trouble.ctx = &table;
        table_trouble(&table, &trouble);
        assert_int_equal(shale_sweep(table.handle, SHALE_STR("s"), &options, &out, NULL), SHALE_OK);
        dealt = trouble.dealt;
        assert_true(has(&table, data_name(7)));
        assert_false(has(&table, data_name(100)));
        assert_int_equal(table_objects(&table), dealt ? 6 : 5);
        work_fini(&late);
        table_fini(&table);
    }
}

/* Each call fails, and from some on each: the table is whole, the next sweep ends the work. */
static void test_failures(void **state)
{
    static const struct {
        enum shale_status status;
        enum shale_store_fate fate;
        bool all_after;
    } kinds[] = {{SHALE_IO, SHALE_STORE_DONE, true},
                 {SHALE_AGAIN, SHALE_STORE_DONE, false},
                 {SHALE_OK, SHALE_STORE_LOST, false}};
    (void)state;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        bool dealt = true;
        for (int at = 1; dealt; at++) {
            const struct shale_sweep_options options = {.retention_us = 0};
            struct trouble trouble = {.at = at,
                                      .status = kinds[kind].status,
                                      .fate = kinds[kind].fate,
                                      .all_after = kinds[kind].all_after};
            struct shale_swept out;
            struct table table;
            enum shale_status status;
            assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
            for (int key = 1; key < 6; key++)
                commit_key(&table, key);
            put_file(&table, data_name(100), object_mark(1, 1, 0));
            put_file(&table, data_name(101), object_mark(9, 1, 0));
            table_trouble(&table, &trouble);
            status = shale_sweep(table.handle, SHALE_STR("s"), &options, &out, NULL);
            dealt = trouble.dealt;
            assert_true(status == SHALE_OK || dealt);
            assert_int_equal(table_objects(&table), 5);
            (void)sweep(&table, 0, false);
            assert_int_equal(table_objects(&table), 5);
            assert_false(has(&table, data_name(100)));
            assert_true(has(&table, data_name(101)));
            assert_int_equal(sweep(&table, 0, false).n_files, 0);
            table_fini(&table);
        }
    }
}

static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        const struct shale_sweep_options options = {.retention_us = 0};
        struct failing_mem failing;
        struct shale_env env;
        struct shale_store *store;
        struct shale_swept out;
        struct table table;
        failing_mem_init(&failing, 0);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_key(&table, 1);
        commit_key(&table, 2);
        put_file(&table, data_name(100), object_mark(1, 1, 0));
        put_file(&table, data_name(101), "[\"gone\"]");
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = ++n;
        status = shale_sweep(store, SHALE_STR("s"), &options, &out, NULL);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_store_free(store);
        assert_int_equal(table_objects(&table), 2);
        table_fini(&table);
    }
    assert_true(n > 100);
}

/* ---- What is no table, and only saying it ------------------------------------------------------
 */

static void count_said(void *ctx, struct shale_str path, int64_t n_bytes)
{
    assert_true(path.n_bytes > 0 && n_bytes >= 0);
    ++*(int *)ctx;
}

static void test_dry_run(void **state)
{
    int n_said = 0;
    const struct shale_sweep_options options = {
        .alone = true, .dry_run = true, .removed = count_said, .ctx = &n_said};
    struct shale_swept out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    put_file(&table, data_name(100), "");
    assert_int_equal(shale_sweep(table.store, SHALE_STR(""), &options, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_files, 1);
    assert_int_equal(n_said, 1);
    assert_true(has(&table, data_name(100)));
    table_fini(&table);
}

static void test_refused(void **state)
{
    static const char foreign[] =
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
        "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\","
        "\"partitionColumns\":[],\"configuration\":{}}}\n";
    const struct shale_sweep_options options = {.alone = true};
    struct shale_swept out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    put_file(&table, data_name(100), "");
    assert_int_equal(shale_sweep(table.store, SHALE_STR(""), &options, &out, NULL),
                     SHALE_NOT_FOUND);
    put_text(&table, "_delta_log/00000000000000000000.json", foreign);
    assert_int_equal(shale_sweep(table.store, SHALE_STR(""), &options, &out, NULL), SHALE_SCHEMA);
    assert_true(has(&table, data_name(100)));
    table_fini(&table);
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    assert_int_equal(shale_sweep(table.store, SHALE_STR("other"), &options, &out, NULL),
                     SHALE_SCHEMA);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),         cmocka_unit_test(test_marks_that_say_nothing),
        cmocka_unit_test(test_files_as_inputs), cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_retention),       cmocka_unit_test(test_log),
        cmocka_unit_test(test_slow_run),        cmocka_unit_test(test_commit_between),
        cmocka_unit_test(test_failures),        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_dry_run),         cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
