/* SPDX-License-Identifier: MIT */
/* dataset/single_rewrite, compact_single, erase_single: the rows of a checkpoint file written anew;
 * races, lost answers, each call and each allocation failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/compact.h"
#include "dataset/erase.h"
#include "dataset/single.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"

enum { ID, N, N_COLUMNS, MOST = 64, GROUP_ROWS = 4 };

static const char key[] = "d/x.parquet";
static const char us[] = "shale version 0 (build x)";

static const struct shale_column_def columns[N_COLUMNS] = {
    {.name = {"id", 2}, .type = {.kind = SHALE_INT64}},
    {.name = {"n", 1}, .type = {.kind = SHALE_INT64}, .bloom_fpp = 0.01},
};
static const struct shale_schema schema = {columns, N_COLUMNS};
static const size_t by_n[] = {N};

/* No two are equal; the order of one group says nothing of the next. */
static int64_t n_of(int64_t id)
{
    return (id * 37 + 11) % 64;
}

/* ---- A checkpoint ------------------------------------------------------------------------------
 */

static void release(void *owner)
{
    (void)owner;
}

/* As a run leaves them: by n. */
static void append_sorted(struct shale_builder *builder, int first, int end)
{
    for (int n = 0; n < MOST; n++)
        for (int i = first; i < end; i++) {
            if (n_of(i) != n)
                continue;
            shale_builder_i64(builder, ID, i);
            shale_builder_i64(builder, N, n);
            assert_int_equal(shale_builder_row(builder), SHALE_OK);
        }
}

static void write_rows(struct shale_store *store, const char *name, int first, int end)
{
    static const struct shale_parquet_sorting sorting = {.leaf = N};
    const struct shale_file_writer_options options = {
        .created_by = us, .sorting = &sorting, .n_sorting = 1};
    struct shale_column made[N_COLUMNS] = {0};
    struct shale_file_writer *writer;
    struct shale_store_put *put;
    struct shale_builder *builder;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
    append_sorted(builder, first, end);
    for (size_t i = 0; i < N_COLUMNS; i++)
        shale_builder_column(builder, i, &made[i]);
    assert_int_equal(shale_store_create(store, name, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(
        shale_file_writer_append(
            writer, &(struct shale_file_piece){made, end - first, 100, release, NULL}, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    shale_builder_free(builder);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
}

/* A run of the objects 'first' to 'end', one row each, in a row group of its own. */
struct other {
    struct table *table;
    int first, end;
};

static void commit_other(void *ctx)
{
    const struct other *other = ctx;
    const struct shale_single_options options = {.stream = SHALE_STR("s"),
                                                 .schema = &schema,
                                                 .row_group_bytes = 1,
                                                 .sort_by = by_n,
                                                 .n_sort_by = 1,
                                                 .created_by = us};
    struct shale_store *store = other->table->store;
    struct shale_committed done;
    struct shale_single *single;
    struct shale_base base;
    struct work work;
    char name[64];
    assert_int_equal(shale_single_new(store, key, &options, &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    assert_int_equal(work_make(&work, shale_single_store(single), other->first, other->end),
                     SHALE_OK);
    work.commit.n_adds = 0;
    (void)snprintf(name, sizeof name, "d/rows-%d", other->first);
    write_rows(store, name, other->first, other->end);
    assert_int_equal(shale_single_commit(single, &base, &work.commit, name, &done, NULL), SHALE_OK);
    work_fini(&work);
    shale_base_fini(&base, other->table->env.mem);
    shale_single_free(single);
}

static void make(struct table *table, int n_groups)
{
    assert_int_equal(table_init(table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < n_groups; i++)
        commit_other(&(struct other){table, i * GROUP_ROWS, (i + 1) * GROUP_ROWS});
}

/* What is there. */
struct there {
    uint64_t ids; /* each at most once */
    int64_t n_rows, rows_gone;
    size_t n_groups, n_said, n_blooms; /* row groups that say an order; chunks with a filter */
    size_t n_erasures;
    bool sorted;
    struct shale_str mark;
};

static void look(struct table *table, struct there *out)
{
    const struct shale_single_options any = {0};
    struct shale_single *single;
    struct shale_base base;
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    const struct shale_file *footer;
    int64_t last = -1, written = 0;
    *out = (struct there){.sorted = true};
    assert_int_equal(shale_single_new(table->store, key, &any, &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    assert_int_equal(shale_store_open(table->store, key, &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    footer = shale_reader_file(reader);
    out->n_groups = footer->n_row_groups;
    for (size_t i = 0; i < footer->n_row_groups; i++) {
        out->n_said +=
            footer->row_groups[i].n_sorting == 1 && footer->row_groups[i].sorting[0].leaf == N;
        out->n_blooms += footer->row_groups[i].chunks[N].bloom_at >= 0;
    }
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++) {
            int64_t id = ((const int64_t *)rows->columns[ID].data)[i];
            int64_t n = ((const int64_t *)rows->columns[N].data)[i];
            assert_int_equal(out->ids >> id & 1, 0);
            assert_int_equal(n, n_of(id));
            out->ids |= UINT64_C(1) << id;
            out->sorted = out->sorted && n > last;
            last = n;
            out->n_rows++;
        }
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
    for (size_t i = 0; i < base.manifest.n_ledger; i++)
        written += base.manifest.ledger[i].n_rows; /* one row each */
    out->rows_gone = base.manifest.rows_gone;
    out->n_erasures = base.manifest.n_erasures;
    assert_int_equal(written - out->rows_gone, out->n_rows);
    assert_int_equal(shale_single_n_rows(single), out->n_rows);
    assert_true(shale_single_pair(single, SHALE_SINGLE_STREAM, &out->mark));
    assert_true(shale_str_is(out->mark, "s"));
    shale_base_fini(&base, table->env.mem);
    shale_single_free(single);
}

static uint64_t first_ids(int n)
{
    return (UINT64_C(1) << n) - 1;
}

static enum shale_status compact(struct shale_store *store, struct shale_compacted *out,
                                 struct shale_err *err)
{
    const struct shale_compact_options options = {.temporary = "/tmp", .created_by = us};
    return shale_compact_single(store, key, &options, out, err);
}

/* ---- Compaction --------------------------------------------------------------------------------
 */

static void test_one_order(void **state)
{
    struct shale_compacted done;
    struct table table;
    struct there there;
    (void)state;
    make(&table, 8);
    look(&table, &there);
    assert_int_equal(there.n_groups, 8);
    assert_int_equal(there.n_said, 8);
    assert_false(there.sorted);
    assert_int_equal(compact(table.store, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_removed, 8);
    assert_int_equal(done.n_added, 1);
    assert_int_equal(done.n_rows, 32);
    assert_int_equal(done.version, 8);
    assert_true(done.bytes_added > 0 && done.bytes_added < done.bytes_removed);
    look(&table, &there);
    assert_true(there.ids == first_ids(32));
    assert_true(there.sorted);
    assert_int_equal(there.n_groups, 1);
    assert_int_equal(there.n_said, 1);
    assert_int_equal(there.n_blooms, 1);
    /* Once more: nothing to do. */
    assert_int_equal(compact(table.store, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, -1);
    assert_int_equal(done.n_removed, 0);
    /* It grows on, and is compacted again. */
    commit_other(&(struct other){&table, 32, 36});
    look(&table, &there);
    assert_int_equal(there.n_groups, 2);
    assert_int_equal(compact(table.store, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 10);
    look(&table, &there);
    assert_true(there.ids == first_ids(36) && there.sorted);
    table_fini(&table);
}

/* A definition says how: another order, small row groups. */
static void test_as_a_definition_says(void **state)
{
    struct shale_field fields[1] = {{.name = SHALE_STR("id"), .type = {.kind = SHALE_INT64}}};
    static const size_t by_id[] = {0};
    struct shale_stream stream = {.name = SHALE_STR("s"),
                                  .fields = fields,
                                  .n_fields = 1,
                                  .sort_by = (size_t *)(uintptr_t)by_id,
                                  .n_sort_by = 1,
                                  .row_group_bytes = 1,
                                  .compression = SHALE_CODEC_SNAPPY};
    struct shale_compact_options options = {
        .stream = &stream, .temporary = "/tmp", .created_by = us};
    struct shale_compacted done;
    struct table table;
    struct there there;
    struct shale_err err;
    (void)state;
    make(&table, 3);
    assert_int_equal(compact(table.store, &done, NULL), SHALE_OK);
    options.dry_run = true;
    assert_int_equal(shale_compact_single(table.store, key, &options, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_removed, 1);
    assert_int_equal(done.version, -1);
    options.dry_run = false;
    assert_int_equal(shale_compact_single(table.store, key, &options, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 4);
    look(&table, &there);
    assert_int_equal(there.n_said, 0); /* not by 'n' any more */
    assert_false(there.sorted);
    assert_true(there.ids == first_ids(12));
    assert_int_equal(shale_compact_single(table.store, key, &options, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, -1);
    stream.compression = SHALE_CODEC_ZSTD;
    assert_int_equal(shale_compact_single(table.store, key, &options, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 5);
    stream.name = SHALE_STR("t");
    shale_err_clear(&err);
    assert_int_equal(shale_compact_single(table.store, key, &options, &done, &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_single_stream);
    table_fini(&table);
}

static void test_what_is_no_checkpoint(void **state)
{
    struct shale_compacted done;
    struct table table;
    struct shale_err err;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_err_clear(&err);
    assert_int_equal(compact(table.store, &done, &err), SHALE_NOT_FOUND);
    assert_int_equal(err.code, SHALE_E_single_no_file);
    write_rows(table.store, key, 0, 3);
    assert_int_equal(compact(table.store, &done, &err), SHALE_USAGE);
    assert_int_equal(err.code, SHALE_E_single_foreign);
    table_fini(&table);
}

/* A run comes before the exchange: the compaction begins again, with its rows. */
static void test_a_run_comes_first(void **state)
{
    struct shale_compacted done;
    struct table table;
    struct there there;
    struct other other = {&table, 16, 20};
    struct trouble trouble = {.at = 1, .replaces = true, .first = commit_other, .ctx = &other};
    (void)state;
    make(&table, 4);
    table_trouble(&table, &trouble);
    assert_int_equal(compact(table.handle, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_retries, 1);
    assert_int_equal(done.n_rows, 20);
    look(&table, &there);
    assert_true(there.ids == first_ids(20) && there.sorted);
    table_fini(&table);
}

static void commit_next(void *ctx)
{
    struct other *other = ctx;
    commit_other(other);
    other->first = other->end;
    other->end++;
}

static void test_runs_always_come_first(void **state)
{
    struct shale_compacted done;
    struct table table;
    struct there there;
    struct other other = {&table, 16, 17};
    struct trouble trouble = {
        .at = 1, .all_after = true, .replaces = true, .first = commit_next, .ctx = &other};
    (void)state;
    make(&table, 4);
    table_trouble(&table, &trouble);
    assert_int_equal(compact(table.handle, &done, NULL), SHALE_CONFLICT);
    assert_int_equal(done.version, -1);
    look(&table, &there);
    assert_true(there.ids == first_ids(other.first));
    assert_true(other.first > 20);
    table_fini(&table);
}

/* ---- Erasure -----------------------------------------------------------------------------------
 */

static enum shale_status erase(struct shale_store *store, const char *value, bool dry_run,
                               struct shale_erased *out, struct shale_err *err)
{
    const struct shale_erasure condition = {.column = SHALE_STR("id"),
                                            .value = shale_str_of(value)};
    const struct shale_erase_options options = {.conditions = &condition,
                                                .n_conditions = 1,
                                                .temporary = "/tmp",
                                                .created_by = us,
                                                .dry_run = dry_run};
    return shale_erase_single(store, key, &options, out, err);
}

static void test_rows_go(void **state)
{
    struct shale_erased gone;
    struct table table;
    struct there there;
    struct shale_err err;
    (void)state;
    make(&table, 5);
    assert_int_equal(erase(table.store, "13", true, &gone, NULL), SHALE_OK);
    assert_int_equal(gone.n_rows, 1);
    assert_int_equal(gone.version, -1);
    assert_int_equal(erase(table.store, "13", false, &gone, NULL), SHALE_OK);
    assert_int_equal(gone.n_rows, 1);
    assert_int_equal(gone.version, 5);
    assert_int_equal(gone.n_removed, 1); /* the others are copied */
    assert_int_equal(gone.n_added, 1);
    look(&table, &there);
    assert_true(there.ids == (first_ids(20) & ~(UINT64_C(1) << 13)));
    assert_int_equal(there.rows_gone, 1);
    assert_int_equal(there.n_erasures, 1);
    assert_int_equal(there.n_groups, 5);
    assert_int_equal(there.n_said, 5);
    assert_int_equal(there.n_blooms, 5);
    /* A row that is not there: the condition is kept. */
    assert_int_equal(erase(table.store, "63", false, &gone, NULL), SHALE_OK);
    assert_int_equal(gone.n_removed, 0);
    look(&table, &there);
    assert_int_equal(there.n_erasures, 2);
    assert_int_equal(there.n_rows, 19);
    /* All rows of a row group. */
    for (int i = 0; i < 4; i++) {
        char text[4];
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(erase(table.store, text, false, &gone, NULL), SHALE_OK);
    }
    look(&table, &there);
    assert_int_equal(there.n_groups, 4);
    assert_int_equal(there.rows_gone, 5);
    shale_err_clear(&err);
    assert_int_equal(erase(table.store, "x", false, &gone, &err), SHALE_USAGE);
    table_fini(&table);
}

static void test_a_run_comes_before_an_erasure(void **state)
{
    struct shale_erased gone;
    struct table table;
    struct there there;
    struct other other = {&table, 16, 20};
    struct trouble trouble = {.at = 1, .replaces = true, .first = commit_other, .ctx = &other};
    (void)state;
    make(&table, 4);
    table_trouble(&table, &trouble);
    assert_int_equal(erase(table.handle, "17", false, &gone, NULL), SHALE_OK);
    assert_int_equal(gone.n_rows, 1);
    assert_int_equal(gone.n_built_again, 1);
    look(&table, &there);
    assert_true(there.ids == (first_ids(20) & ~(UINT64_C(1) << 17)));
    table_fini(&table);
}

/* What an erasure looks at was merged by a run and swept: what is not there once is looked for on
 * the file as it is then. */
static void test_a_sweep_comes_before_an_erasure(void **state)
{
    bool dealt = true;
    int n_again = 0;
    (void)state;
    for (int at = 1; dealt; at++) {
        struct trouble trouble = {.at = at, .status = SHALE_NOT_FOUND, .fate = SHALE_STORE_DONE};
        struct shale_erased gone;
        struct table table;
        struct there there;
        make(&table, 3);
        table_trouble(&table, &trouble);
        assert_int_equal(erase(table.handle, "5", false, &gone, NULL), SHALE_OK);
        n_again += gone.n_built_again > 0;
        look(&table, &there);
        assert_true(there.ids == (first_ids(12) & ~(UINT64_C(1) << 5)));
        dealt = trouble.dealt;
        table_fini(&table);
    }
    assert_true(n_again > 0);
}

/* ---- What can fail -----------------------------------------------------------------------------
 */

/* Compact, or erase, while the call 'at' has trouble; whatever comes of it, no other row goes. */
static bool try_call(int at, enum shale_status answer, enum shale_store_fate fate, bool erases)
{
    struct trouble trouble = {.at = at, .status = answer, .fate = fate};
    struct shale_compacted done;
    struct shale_erased gone;
    struct shale_err err;
    struct table table;
    struct there there;
    enum shale_status got;
    uint64_t without = first_ids(12) & ~(UINT64_C(1) << 5);
    make(&table, 3);
    table_trouble(&table, &trouble);
    shale_err_clear(&err);
    got =
        erases ? erase(table.handle, "5", false, &gone, &err) : compact(table.handle, &done, &err);
    trouble.at = 0;
    if (got != SHALE_OK)
        assert_int_not_equal(err.message[0], '\0');
    while (shale_store_memory_n_late(table.store) > 0)
        assert_int_not_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_UNSURE);
    look(&table, &there);
    if (erases)
        assert_true(there.ids == without || (there.ids == first_ids(12) && got != SHALE_OK));
    else
        assert_true(there.ids == first_ids(12) && (there.sorted || got != SHALE_OK));
    table_fini(&table);
    return trouble.dealt;
}

static void test_each_call_fails(void **state)
{
    static const enum shale_status answers[] = {SHALE_DENIED, SHALE_AGAIN, SHALE_IO, SHALE_UNSURE,
                                                SHALE_NOMEM};
    (void)state;
    for (int erases = 0; erases < 2; erases++) {
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
            for (int at = 1; try_call(at, answers[i], SHALE_STORE_DONE, erases == 1);)
                at++;
        for (int at = 1; try_call(at, SHALE_OK, SHALE_STORE_LOST, erases == 1);)
            at++;
        for (int at = 1; try_call(at, SHALE_OK, SHALE_STORE_LATE, erases == 1);)
            at++;
    }
}

static void no_memory(bool erases)
{
    enum shale_status status = SHALE_NOMEM;
    for (int n = 1; status != SHALE_OK; n += n < 100 ? 1 : 3) {
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_compacted done;
        struct shale_erased gone;
        struct there there;
        failing_mem_init(&failing, 0);
        make(&table, 3);
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = n;
        status = erases ? erase(store, "5", false, &gone, NULL) : compact(store, &done, NULL);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        if (status == SHALE_OK && failing.n_calls >= n)
            status = SHALE_NOMEM; /* looked at again, after it was sent */
        shale_store_free(store);
        look(&table, &there);
        assert_true((there.ids | UINT64_C(1) << 5) == first_ids(12));
        table_fini(&table);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    no_memory(false);
    no_memory(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_order),
        cmocka_unit_test(test_as_a_definition_says),
        cmocka_unit_test(test_what_is_no_checkpoint),
        cmocka_unit_test(test_a_run_comes_first),
        cmocka_unit_test(test_runs_always_come_first),
        cmocka_unit_test(test_rows_go),
        cmocka_unit_test(test_a_run_comes_before_an_erasure),
        cmocka_unit_test(test_a_sweep_comes_before_an_erasure),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
