/* SPDX-License-Identifier: MIT */
/* dataset/compact: which files are merged, what becomes of those who lose a file to another, and
 * all that can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commit_made.h"
#include "dataset/compact.h"
#include "dataset/footer_hash.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"

enum { MOST_IDS = 200, EACH = 3 };

static void release_nothing(void *owner)
{
    (void)owner;
}

/* The file of 'work': a row an object, the greatest id first. */
static void write_file(struct table *table, struct work *work, int first, int end)
{
    const struct shale_file_writer_options options = {.chunk = {.codec = SHALE_CODEC_SNAPPY},
                                                      .created_by = "test"};
    struct shale_builder *builder;
    struct shale_column columns[2];
    struct shale_file_writer *writer;
    struct shale_store_put *put;
    char text[2000];
    assert_int_equal(shale_builder_new(&shale_mem_libc, &work->schema, &builder), SHALE_OK);
    for (int i = end - 1; i >= first; i--) {
        shale_builder_i64(builder, 0, i);
        for (size_t k = 0; k < sizeof text; k++) /* it does not compress */
            text[k] = (char)shale_hash_u64((uint64_t)i * sizeof text + k, 1);
        shale_builder_bytes(builder, 1, (struct shale_str){text, sizeof text});
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    for (size_t i = 0; i < 2; i++)
        shale_builder_column(builder, i, &columns[i]);
    assert_int_equal(shale_store_create(table->store, work->path, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &work->schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_append(
                         writer,
                         &(struct shale_file_piece){columns, end - first, 1, release_nothing, NULL},
                         NULL),
                     SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    work->add.n_bytes = shale_file_writer_n_bytes(writer);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    shale_builder_free(builder);
}

static void commit_work(struct table *table, struct work *work)
{
    struct shale_committed committed;
    struct shale_base base;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table->store, &base, &work->commit, &committed, NULL), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
}

/* 'n' commits more, of EACH rows each; ids from 'first' on. */
static void append(struct table *table, int first, int n)
{
    for (int i = first; i < first + n * EACH; i += EACH) {
        struct work work;
        assert_int_equal(work_make(&work, table->store, i, i + EACH), SHALE_OK);
        write_file(table, &work, i, i + EACH);
        commit_work(table, &work);
        work_fini(&work);
    }
}

/* The same, each into a partition of its own; with the mark of a file that we wrote, or without. */
static void append_to_partitions(struct table *table, int n, bool ours)
{
    static const struct shale_str names[] = {{"p", 1}};
    static const struct shale_type types[] = {{.kind = SHALE_INT32}};
    static const struct shale_log_pair tag = {{SHALE_TAG_FOOTER, sizeof SHALE_TAG_FOOTER - 1},
                                              {"x", 1}};
    for (int i = 0; i < n; i++) {
        char text[8];
        const struct shale_log_partition_value value = {names[0], false, {text, 1}};
        struct work work;
        (void)snprintf(text, sizeof text, "%d", i % 10);
        assert_int_equal(work_make(&work, table->store, i * EACH, (i + 1) * EACH), SHALE_OK);
        write_file(table, &work, i * EACH, (i + 1) * EACH);
        work.add.partition_values = &value;
        work.add.n_partition_values = 1;
        work.add.tags = &tag;
        work.add.n_tags = ours;
        work.commit.partitions = names;
        work.commit.partition_types = types;
        work.commit.n_partitions = 1;
        commit_work(table, &work);
        work_fini(&work);
    }
}

static int64_t rows_gone(struct table *table)
{
    struct shale_base base;
    int64_t n;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    n = base.manifest.rows_gone;
    shale_base_fini(&base, &shale_mem_libc);
    return n;
}

static void read_file(struct table *table, const struct shale_log_add *add, bool *ids, bool *sorted)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    int64_t last = -1;
    assert_int_equal(shale_store_open(table->store, add->path.data, &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++) {
            int64_t id = ((const int64_t *)rows->columns[0].data)[i];
            assert_in_range(id, 0, MOST_IDS - 1);
            assert_false(ids[id]);
            ids[id] = true;
            *sorted = *sorted && id > last;
            last = id;
        }
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
}

/* The table has ids 0 to 'n_ids' - 1, once each; returns its files. */
static size_t check_rows(struct table *table, int n_ids, bool *sorted)
{
    bool ids[MOST_IDS] = {false}, unused = true;
    struct shale_log_state *log;
    struct shale_log_files *files;
    const struct shale_log_add *add;
    size_t n = 0;
    assert_int_equal(shale_log_read(table->store, NULL, &log, NULL), SHALE_OK);
    assert_int_equal(shale_log_files_new(table->store, log, &files, NULL), SHALE_OK);
    while (shale_log_files_next(files, &add, NULL) == SHALE_OK && add != NULL) {
        read_file(table, add, ids, sorted != NULL ? sorted : &unused);
        n++;
    }
    for (int i = 0; i < MOST_IDS; i++)
        assert_int_equal(ids[i], i < n_ids);
    shale_log_files_free(files);
    shale_log_state_free(&shale_mem_libc, log);
    return n;
}

static const struct shale_field fields[] = {{.name = {"id", 2}}};
static const size_t sort_by[] = {0};
static const struct shale_stream sorted_stream = {.name = {"s", 1},
                                                  .fields = fields,
                                                  .n_fields = 1,
                                                  .sort_by = sort_by,
                                                  .n_sort_by = 1,
                                                  .compression = SHALE_CODEC_ZSTD};

static struct shale_compact_options options_of(void)
{
    return (struct shale_compact_options){.temporary = "/tmp", .created_by = "test"};
}

static enum shale_status compact(struct table *table, const struct shale_compact_options *options,
                                 struct shale_compacted *out)
{
    return shale_compact(table->handle != NULL ? table->handle : table->store, options, out, NULL);
}

/* All become one, sorted where that is asked for; a second time there is nothing to do. */
static void test_merge(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    struct table table;
    bool sorted = true;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(compact(&table, &options, &out), SHALE_NOT_FOUND); /* no table */
    append(&table, 0, 5);
    options.dry_run = true;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_removed, 5);
    assert_int_equal(out.n_commits, 0);
    assert_int_equal(check_rows(&table, 15, NULL), 5);
    options.dry_run = false;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_removed, 5);
    assert_int_equal(out.n_added, 1);
    assert_int_equal(out.n_rows, 15);
    assert_int_equal(check_rows(&table, 15, &sorted), 1);
    assert_false(sorted);
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_commits, 0);
    /* One file alone is written anew only for an order that it has not. */
    options.stream = &sorted_stream;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_removed, 1);
    sorted = true;
    assert_int_equal(check_rows(&table, 15, &sorted), 1);
    assert_true(sorted);
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_commits, 0);
    /* Without a definition the newest file says how. */
    append(&table, 15, 1);
    options.stream = NULL;
    options.partition = SHALE_STR("year=2024");
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_removed, 0);
    table_fini(&table);
}

/* A table of another stream is left alone. */
static void test_stream(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_stream other = sorted_stream;
    struct shale_compacted out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 2);
    other.name = SHALE_STR("other");
    options.stream = &other;
    assert_int_equal(compact(&table, &options, &out), SHALE_SCHEMA);
    table_fini(&table);
}

/* Where only the number of files counts: few remain, and a row is not written anew each time. */
static void test_most_files(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    struct table table;
    int64_t n_rows = 0;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    options.most_files = 4;
    for (int i = 0; i < 60; i++) {
        append(&table, i * EACH, 1);
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        n_rows += out.n_rows;
        assert_true(check_rows(&table, (i + 1) * EACH, NULL) <= 4);
    }
    assert_true(n_rows < 60 * EACH * 4); /* 2.7 times each; 7.2 if all were merged each time */
    table_fini(&table);
}

/* Each partition has one file, which is not sorted: however few are looked at at a time, all are
 * sorted by one call, and none twice. */
static void test_single_files(void **state)
{
    (void)state;
    for (size_t held = 0; held <= 4; held++) {
        struct shale_compact_options options = options_of();
        struct shale_compacted out;
        struct table table;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append_to_partitions(&table, 10, true);
        options.most_held = held;
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_int_equal(out.n_commits, 0); /* without an order there is nothing to do */
        options.stream = &sorted_stream;
        options.dry_run = true;
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_int_equal(out.n_removed, 10);
        options.dry_run = false;
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_int_equal(out.n_removed, 10);
        assert_int_equal(out.n_partitions, 10);
        assert_int_equal(out.n_commits > 1, held > 0);
        assert_int_equal(check_rows(&table, 30, NULL), 10);
        assert_int_equal(rows_gone(&table), 0);
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_int_equal(out.n_removed, 0);
        table_fini(&table);
    }
}

/* More small files in a partition than are looked at at a time: several commits, few files. */
static void test_in_passes(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 40);
    options.most_held = 8;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_true(out.n_commits > 3);
    assert_int_equal(out.n_partitions, 1);
    assert_true(check_rows(&table, 120, NULL) <= 10);
    table_fini(&table);
}

/* So it is where only their number counts: of ten partitions of two, and of three. */
static void test_most_in_passes(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append_to_partitions(&table, 20, true);
    options.most_held = 7;
    options.most_files = 2;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_commits, 0);
    options.most_files = 1;
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_removed, 20);
    assert_int_equal(check_rows(&table, 60, NULL), 10);
    table_fini(&table);
}

/* New files are ours, whoever wrote the rows: their number is known then. */
static void test_rows_of_others(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append_to_partitions(&table, 20, false);
    assert_int_equal(compact(&table, &options, &out), SHALE_OK);
    assert_int_equal(out.n_added, 10);
    assert_int_equal(rows_gone(&table), -60);
    assert_int_equal(check_rows(&table, 60, NULL), 10);
    table_fini(&table);
}

/* A file that is missing is named, at once: nobody else took it. */
static void test_missing(void **state)
{
    struct shale_compact_options options = options_of();
    struct shale_log_state *log;
    struct shale_log_files *files;
    const struct shale_log_add *add;
    struct shale_compacted out;
    struct shale_err err;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 3);
    assert_int_equal(shale_log_read(table.store, NULL, &log, NULL), SHALE_OK);
    assert_int_equal(shale_log_files_new(table.store, log, &files, NULL), SHALE_OK);
    assert_int_equal(shale_log_files_next(files, &add, NULL), SHALE_OK);
    assert_int_equal(shale_store_remove(table.store, add->path.data, NULL), SHALE_OK);
    shale_err_clear(&err);
    assert_int_equal(shale_compact(table.store, &options, &out, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_verify_missing);
    assert_string_equal(err.object, add->path.data);
    assert_int_equal(out.n_retries, 0);
    shale_log_files_free(files);
    shale_log_state_free(&shale_mem_libc, log);
    table_fini(&table);
}

/* ---- Others ------------------------------------------------------------------------------------
 */

static void compact_first(void *ctx)
{
    struct table *table = ctx;
    struct shale_compact_options options = options_of();
    struct shale_compacted out;
    assert_int_equal(shale_compact(table->store, &options, &out, NULL), SHALE_OK);
}

static void append_first(void *ctx)
{
    append(ctx, 15, 1);
}

/* Another compaction comes before the entry: ours is not published, and finds nothing to do.  A run
 * comes before it: ours is committed on that. */
static void test_others(void **state)
{
    static void (*const firsts[])(void *) = {compact_first, append_first};
    for (size_t i = 0; i < 2; i++) {
        struct shale_compact_options options = options_of();
        struct shale_compacted out;
        struct table table;
        struct trouble trouble = {.at = 1,
                                  .puts = true,
                                  .only = "_delta_log/",
                                  .status = SHALE_OK,
                                  .first = firsts[i],
                                  .ctx = &table};
        (void)state;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 5);
        table_trouble(&table, &trouble);
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_true(trouble.dealt);
        assert_int_equal(out.n_retries, i == 0);
        assert_int_equal(out.n_commits, i);
        assert_int_equal(check_rows(&table, i == 0 ? 15 : 18, NULL), 1 + i);
        table_fini(&table);
    }
}

/* Each call of the store fails once: the table stays whole, and the next compaction goes on. */
static void test_store_fails(void **state)
{
    bool dealt = true;
    (void)state;
    for (int at = 1; dealt; at++) {
        struct shale_compact_options options = options_of();
        struct shale_compacted out;
        struct table table;
        struct trouble trouble = {.at = at, .status = SHALE_IO};
        enum shale_status status;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 3);
        table_trouble(&table, &trouble);
        status = compact(&table, &options, &out);
        dealt = trouble.dealt;
        assert_true(dealt || status == SHALE_OK);
        (void)check_rows(&table, 9, NULL);
        trouble.at = 0;
        assert_int_equal(compact(&table, &options, &out), SHALE_OK);
        assert_int_equal(check_rows(&table, 9, NULL), 1);
        table_fini(&table);
    }
}

static void test_no_memory(void **state)
{
    bool failed = true;
    (void)state;
    for (int n = 1; failed; n += n < 100 ? 1 : 7) { /* most are the log's and the commit's */
        struct shale_compact_options options = options_of();
        struct shale_store *store;
        struct failing_mem failing;
        struct shale_compacted out;
        struct shale_env env;
        struct table table;
        enum shale_status status;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 2);
        env = table.env;
        env.mem = &failing.mem;
        failing_mem_init(&failing, 0);
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing_mem_init(&failing, n);
        options.stream = &sorted_stream;
        options.most_held = 1;
        status = shale_compact(store, &options, &out, NULL);
        failed = failing.n_calls >= n;
        assert_true(status == SHALE_OK || (failed && status == SHALE_NOMEM));
        failing.fails_at = 0;
        shale_store_free(store);
        (void)check_rows(&table, 6, NULL);
        table_fini(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),          cmocka_unit_test(test_stream),
        cmocka_unit_test(test_most_files),     cmocka_unit_test(test_single_files),
        cmocka_unit_test(test_in_passes),      cmocka_unit_test(test_most_in_passes),
        cmocka_unit_test(test_rows_of_others), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_others),         cmocka_unit_test(test_store_fails),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
