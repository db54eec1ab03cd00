/* SPDX-License-Identifier: MIT */
/* The sweep: since when is a file no longer in the table, when checkpoints have forgotten it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sweep_made.h"

#include "dataset/sweep_parts.h"

static const char foreign[] = "year=2024/part-00000-3c2f1a7e-0c1b-4f7e-c000.snappy.parquet";

/* An entry of another writer. */
static void put_entry(struct table *table, const char *text)
{
    char name[SHALE_LOG_NAME_BYTES];
    int64_t tip, checkpointed;
    assert_int_equal(shale_log_tip(table->store, -1, &tip, &checkpointed, NULL), SHALE_OK);
    shale_log_entry_name(tip + 1, name);
    put_text(table, name, text);
}

static void add_by_others(struct table *table, const char *path)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"add\":{\"path\":\"%s\",\"partitionValues\":{},\"size\":9,"
                   "\"modificationTime\":1,\"dataChange\":true}}\n",
                   path);
    put_entry(table, text);
}

static void remove_by_others(struct table *table, const char *path)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"remove\":{\"path\":\"%s\",\"deletionTimestamp\":%lld,\"dataChange\":true}}\n"
                   "{\"remove\":{\"path\":\"_shale/other/x.json\",\"dataChange\":true}}\n",
                   path, (long long)(table->now_us / 1000));
    put_entry(table, text);
}

/* Our commit takes out a file, and brings none. */
static void remove_by_us(struct table *table, const char *path)
{
    struct work work;
    struct shale_base base;
    const struct shale_log_remove remove = {.path = shale_str_of(path), .data_change = true};
    assert_int_equal(work_make(&work, table->store, 0, 1), SHALE_OK);
    assert_int_equal(shale_store_remove(table->store, work.segment, NULL), SHALE_OK);
    work.commit.ledger = NULL;
    work.commit.n_adds = 0;
    work.commit.keeps_schema = true;
    work.commit.removes = &remove;
    work.commit.n_removes = 1;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(commit_work(table, &base, &work.commit), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

/* The checkpoint of another tool, which keeps no tombstones: ours, long after. */
static void forget_what_was_removed(struct table *table)
{
    int64_t now_us = table->now_us;
    table->now_us += 1000 * DAY_US;
    checkpoint(table);
    table->now_us = now_us;
}

/* ---- Taken out, and kept so long --------------------------------------------------------------
 */

/* A retention that is longer than the table's own is kept, whoever took the file out. */
static void test_longer_than_the_tables(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct table table;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_key(&table, 1);
        commit_key(&table, 2);
        if (i == 0)
            remove_by_others(&table, data_name(1));
        else
            commit_rewrite(&table, 1, 50);
        table.now_us += 8 * DAY_US;
        if (i == 2)
            forget_what_was_removed(&table);
        else
            checkpoint(&table);
        (void)sweep(&table, 10 * DAY_US, false);
        assert_true(has(&table, data_name(1)));
        (void)sweep(&table, -1, false);
        assert_false(has(&table, data_name(1)));
        assert_true(has(&table, data_name(2)));
        table_fini(&table);
    }
}

static void test_longer_than_is_known(void **state)
{
    static const struct {
        int days;
        bool alone;
        enum shale_status status;
    } cases[] = {{37, false, SHALE_OK},
                 {38, false, SHALE_USAGE},
                 {100000, false, SHALE_USAGE},
                 {38, true, SHALE_OK}};
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct shale_sweep_options options = {.retention_us = cases[i].days * DAY_US,
                                                    .alone = cases[i].alone};
        struct shale_swept out;
        struct shale_err err;
        shale_err_clear(&err);
        assert_int_equal(shale_sweep(table.store, SHALE_STR("s"), &options, &out, &err),
                         cases[i].status);
        assert_int_equal(err.code,
                         cases[i].status == SHALE_OK ? SHALE_E_none : SHALE_E_sweep_retention);
    }
    table_fini(&table);
}

/* ---- Files that say nothing of themselves -----------------------------------------------------
 */

/* A file that another tool wrote and removed goes as well, up to a month after its retention; one
 * that it has put back stays. */
static void test_removed_by_others(void **state)
{
    struct table table;
    (void)state;
    for (int back = 0; back < 2; back++) {
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_key(&table, 1);
        put_text(&table, foreign, "another's");
        put_text(&table, "_shale/other/x.json", "?");
        add_by_others(&table, foreign);
        remove_by_others(&table, foreign);
        if (back)
            add_by_others(&table, foreign);
        assert_int_equal(sweep(&table, -1, false).n_files, 0);
        table.now_us += 8 * DAY_US;
        checkpoint(&table);
        assert_int_equal(sweep(&table, -1, false).n_kept, 0);
        assert_int_equal(has(&table, foreign), back);
        assert_true(has(&table, "_shale/other/x.json"));
        table_fini(&table);
    }
}

/* What nobody knows to have been in the table is counted. */
static void test_forgotten(void **state)
{
    struct table table;
    struct shale_swept out;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_key(&table, 1);
    put_text(&table, foreign, "another's");
    add_by_others(&table, foreign);
    remove_by_others(&table, foreign);
    forget_what_was_removed(&table);
    table.now_us += 8 * DAY_US;
    for (int alone = 0; alone < 2; alone++) {
        out = sweep(&table, -1, alone);
        assert_int_equal(out.n_kept, 1);
        assert_true(has(&table, foreign));
    }
    table_fini(&table);
}

/* What we took out goes however late the sweep comes and whatever checkpoints say; where the sweep
 * is killed or fails at any call, the next one deletes it. */
static void test_taken_out_by_us(void **state)
{
    bool dealt = true;
    (void)state;
    for (int at = 0; dealt || at == 1; at++) {
        const struct shale_sweep_options options = {.retention_us = -1};
        struct trouble trouble = {.at = at, .status = SHALE_IO, .all_after = true};
        struct shale_swept out;
        struct table table;
        enum shale_status status;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_key(&table, 1);
        put_text(&table, foreign, "another's");
        put_file(&table, data_name(77), ""); /* one of ours that says nothing */
        add_by_others(&table, foreign);
        add_by_others(&table, data_name(77));
        remove_by_us(&table, foreign);
        remove_by_us(&table, data_name(77));
        assert_int_equal(sweep(&table, -1, false).n_files, 0);
        table.now_us += 2 * DAY_US;
        commit_key(&table, 2);
        table.now_us += 60 * DAY_US;
        forget_what_was_removed(&table);
        table_trouble(&table, &trouble);
        status = shale_sweep(table.handle, SHALE_STR("s"), &options, &out, NULL);
        dealt = trouble.dealt;
        assert_int_equal(status, dealt ? SHALE_IO : SHALE_OK);
        (void)sweep(&table, -1, false);
        assert_false(has(&table, foreign) || has(&table, data_name(77)));
        assert_int_equal(sweep(&table, -1, false).n_kept, 0);
        assert_true(has(&table, data_name(1)) && has(&table, data_name(2)));
        table_fini(&table);
    }
}

/* ---- Marks ------------------------------------------------------------------------------------
 */

static int64_t read_mark(struct table *table)
{
    int64_t until_ms;
    assert_int_equal(shale_sweep_mark_read(table->store, &until_ms, NULL), SHALE_OK);
    return until_ms;
}

static void say_more(void *ctx)
{
    struct table *table = ctx;
    assert_int_equal(shale_sweep_mark_put(table->store, 900, NULL), SHALE_OK);
}

/* Another sweep says more, between any two calls of one: that stays true. */
static void test_marks(void **state)
{
    bool dealt = true;
    (void)state;
    for (int at = 1; dealt; at++) {
        struct trouble trouble = {.at = at, .first = say_more};
        struct table table;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        assert_int_equal(read_mark(&table), -1);
        put_text(&table, "_shale/swept/other", "?");
        for (int ms = 1; ms < 4; ms++)
            assert_int_equal(shale_sweep_mark_put(table.store, ms, NULL), SHALE_OK);
        assert_int_equal(shale_sweep_mark_put(table.store, 2, NULL), SHALE_OK);
        assert_int_equal(read_mark(&table), 3);
        assert_false(has(&table, "_shale/swept/00000000000000000001.json"));
        trouble.ctx = &table;
        table_trouble(&table, &trouble);
        assert_int_equal(shale_sweep_mark_put(table.handle, 500, NULL), SHALE_OK);
        dealt = trouble.dealt;
        assert_int_equal(read_mark(&table), dealt ? 900 : 500);
        assert_int_equal(shale_sweep_mark_put(table.store, 900, NULL), SHALE_OK);
        assert_int_equal(shale_sweep_mark_put(table.store, 1000, NULL), SHALE_OK);
        assert_int_equal(read_mark(&table), 1000);
        assert_true(has(&table, "_shale/swept/other"));
        table_fini(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longer_than_the_tables), cmocka_unit_test(test_longer_than_is_known),
        cmocka_unit_test(test_removed_by_others),      cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_taken_out_by_us),        cmocka_unit_test(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
