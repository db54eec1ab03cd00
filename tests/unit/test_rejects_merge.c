/* SPDX-License-Identifier: MIT */
/* dataset/rejects_merge: which segments, their rows in a new one, and commits that merge them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/rejects_merge.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"

/* ---- Segments ----------------------------------------------------------------------------------
 */

static void release_nothing(void *owner)
{
    (void)owner;
}

/* Rejects 'first' to 'end' - 1, each with texts that say which it is; every third has no event. */
static void make_shaped(struct table *table, const char *path, int first, int end, size_t n_columns,
                        struct shale_segment *out)
{
    const struct shale_schema schema = {shale_rejects_schema.columns, n_columns};
    const struct shale_file_writer_options options = {.chunk = {.codec = SHALE_CODEC_SNAPPY},
                                                      .created_by = "test"};
    struct shale_builder *builder;
    struct shale_column columns[SHALE_REJECTS_COLUMNS];
    struct shale_file_writer *writer;
    struct shale_store_put *put;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &shale_rejects_schema, &builder), SHALE_OK);
    for (int i = first; i < end; i++) {
        char object[32], raw[600];
        struct shale_reject_row row = {.record = i % 2 == 0 ? i : -1, .byte = -1, .rule = "rule"};
        (void)snprintf(object, sizeof object, "object-%d", i);
        memset(raw, 'a' + i % 26, sizeof raw);
        row.object = shale_str_of(object);
        row.message = object;
        row.raw = (struct shale_str){i % 3 == 0 ? NULL : raw, sizeof raw};
        row.raw_bytes = sizeof raw;
        row.source = SHALE_STR("in");
        row.tag = row.object;
        assert_int_equal(shale_rejects_append(builder, &row), SHALE_OK);
    }
    for (size_t i = 0; i < SHALE_REJECTS_COLUMNS; i++)
        shale_builder_column(builder, i, &columns[i]);
    assert_int_equal(shale_store_create(table->store, path, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_append(
                         writer,
                         &(struct shale_file_piece){columns, end - first, 1, release_nothing, NULL},
                         NULL),
                     SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    shale_builder_free(builder);
    *out = (struct shale_segment){.path = shale_str_of(path), .n_rows = end - first};
}

static void make_segment(struct table *table, const char *path, int first, int end,
                         struct shale_segment *out)
{
    make_shaped(table, path, first, end, SHALE_REJECTS_COLUMNS, out);
}

/* The segment holds rejects 'first' to 'end' - 1, in this order; those below 'n_old' were made
 * without source and tag. */
static void check_segment(struct table *table, const struct shale_segment *segment, int first,
                          int end, int n_old)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    char path[SHALE_KEY_BYTES + 1];
    int at = first;
    (void)snprintf(path, sizeof path, "%.*s", SHALE_STR_ARG(segment->path));
    assert_int_equal(shale_store_open(table->store, path, &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++, at++) {
            const struct shale_column *object = &rows->columns[0], *record = &rows->columns[1],
                                      *event = &rows->columns[7], *tag = &rows->columns[11];
            char wanted[32];
            (void)snprintf(wanted, sizeof wanted, "object-%d", at);
            assert_int_equal(object->offsets[i + 1] - object->offsets[i], strlen(wanted));
            assert_memory_equal((const char *)object->data + object->offsets[i], wanted,
                                strlen(wanted));
            if (at % 2 == 0)
                assert_int_equal(((const int64_t *)record->data)[i], at);
            assert_int_equal(shale_column_is_null(tag, i), at < n_old);
            assert_int_equal(tag->offsets[i + 1] - tag->offsets[i],
                             at < n_old ? 0 : (int)strlen(wanted));
            assert_int_equal(event->offsets[i + 1] - event->offsets[i], at % 3 == 0 ? 0 : 600);
            if (at % 3 != 0)
                assert_int_equal(((const char *)event->data)[event->offsets[i]], 'a' + at % 26);
        }
    assert_int_equal(at, end);
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
}

static void test_pick(void **state)
{
    struct shale_segment segments[9] = {{.n_rows = 0, .n_bytes = 0}};
    size_t first, n;
    (void)state;
    for (int i = 0; i < 9; i++)
        segments[i] = (struct shale_segment){.n_rows = 10, .n_bytes = 1000};
    segments[0].n_bytes = segments[1].n_bytes = 16 << 20;
    shale_rejects_pick_merge(segments, 9, &first, &n);
    assert_int_equal(first, 2);
    assert_int_equal(n, 7);
    shale_rejects_pick_merge(segments, 5, &first, &n);
    assert_int_equal(n, 0);
    for (int i = 0; i < 9; i++)
        segments[i].n_bytes = 15 << 20;
    shale_rejects_pick_merge(segments, 9, &first, &n);
    assert_int_equal(first, 5);
    assert_int_equal(n, 4);
    shale_rejects_pick_merge(segments, 0, &first, &n);
    assert_int_equal(n, 0);
}

/* ---- Merging -----------------------------------------------------------------------------------
 */

static void test_rows_are_kept(void **state)
{
    struct table table;
    struct shale_segment segments[3], merged;
    struct shale_arena arena;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    make_shaped(&table, "a.parquet", 0, 100, SHALE_REJECTS_LEAST_COLUMNS, &segments[0]);
    make_segment(&table, "b.parquet", 100, 101, &segments[1]);
    make_segment(&table, "c.parquet", 101, 30000, &segments[2]); /* several row groups */
    assert_int_equal(shale_rejects_merge(table.store, segments, 3, "d.parquet", segments[0].path,
                                         &arena, &merged, NULL),
                     SHALE_OK);
    assert_int_equal(merged.n_rows, 30000);
    assert_true(merged.n_bytes > 0);
    assert_int_equal(merged.footer_hash.n_bytes, SHALE_HASH_BYTES);
    check_segment(&table, &merged, 0, 30000, 100);
    segments[1].n_rows++;
    assert_int_equal(shale_rejects_merge(table.store, segments, 3, "e.parquet", segments[0].path,
                                         &arena, &merged, NULL),
                     SHALE_CORRUPT);
    shale_arena_fini(&arena);
    table_fini(&table);
}

static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_segment segments[2], merged;
        struct shale_arena arena;
        failing_mem_init(&failing, 0);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        make_segment(&table, "a.parquet", 0, 10, &segments[0]);
        make_segment(&table, "b.parquet", 10, 20, &segments[1]);
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        shale_arena_init(&arena, &failing.mem, 1 << 20);
        failing.n_calls = 0;
        failing.fails_at = ++n;
        status = shale_rejects_merge(store, segments, 2, "c.parquet", segments[0].path, &arena,
                                     &merged, NULL);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_arena_fini(&arena);
        shale_store_free(store);
        table_fini(&table);
    }
    assert_true(n > 20);
}

/* Forty commits with a reject each. */
static void test_commits_merge(void **state)
{
    enum { COMMITS = 40 };
    struct table table;
    struct shale_base base;
    int64_t n_rows = 0;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < COMMITS; i++) {
        struct shale_segment rejects;
        struct shale_committed done;
        struct work work;
        char path[64];
        (void)snprintf(path, sizeof path, "_shale/rejects/%d.parquet", i);
        make_segment(&table, path, i, i + 1, &rejects);
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        work.commit.rejects = &rejects;
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
        assert_true(base.manifest.n_rejects < 12);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
    }
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    for (size_t i = 0; i < base.manifest.n_rejects; i++)
        n_rows += base.manifest.rejects[i].n_rows;
    assert_int_equal(n_rows, COMMITS);
    shale_base_fini(&base, &shale_mem_libc);
    table_fini(&table);
}

/* Rejects that cannot be read stop no commit. */
static void test_damaged_rejects(void **state)
{
    struct table table;
    struct shale_base base;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 6; i++) {
        struct shale_segment rejects = {.n_rows = 1, .n_bytes = 4};
        struct shale_committed done;
        struct work work;
        char path[64];
        (void)snprintf(path, sizeof path, "_shale/rejects/%d.parquet", i);
        rejects.path = shale_str_of(path);
        assert_int_equal(shale_store_put(table.store, path, SHALE_STR("text"), NULL), SHALE_OK);
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        work.commit.rejects = &rejects;
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
    }
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(base.manifest.n_rejects, 6);
    shale_base_fini(&base, &shale_mem_libc);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pick),
        cmocka_unit_test(test_rows_are_kept),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_commits_merge),
        cmocka_unit_test(test_damaged_rejects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
