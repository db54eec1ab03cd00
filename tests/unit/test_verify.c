/* SPDX-License-Identifier: MIT */
/* dataset/verify: a sound table has no findings; each kind of damage that somebody can do is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "columns/batch.h"
#include "commit_made.h"
#include "dataset/footer_hash.h"
#include "dataset/rejects.h"
#include "dataset/verify.h"
#include "parquet/file_writer.h"

enum { N_COMMITS = 4, ROWS_EACH = 50, REJECTS_IN = 2 }; /* commit 2 has a reject as well */

static const struct shale_column_def data_defs[] = {
    {.name = {"id", 2}, .type = {.kind = SHALE_INT64}},
    {.name = {"text", 4}, .type = {.kind = SHALE_STRING}},
};
static const struct shale_schema data_schema = {data_defs, 2};

/* ---- A table ----------------------------------------------------------------------------------
 */

static void release(void *owner)
{
    (void)owner;
}

static void put_data(struct shale_builder *builder, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char text[32];
        int length = snprintf(text, sizeof text, "text %06d", i);
        shale_builder_i64(builder, 0, i);
        if (i % 10 == 3)
            shale_builder_null(builder, 1);
        else
            shale_builder_bytes(builder, 1, (struct shale_str){text, (size_t)length});
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
}

static void put_reject(struct shale_builder *builder, int from, int n)
{
    (void)n;
    assert_int_equal(
        shale_rejects_append(builder, &(struct shale_reject_row){.object = SHALE_STR("the object"),
                                                                 .record = from,
                                                                 .byte = -1,
                                                                 .rule = "type",
                                                                 .message = "made up"}),
        SHALE_OK);
}

/* A Parquet file in the store; its size, and the hash of its footer. */
static int64_t write_parquet(struct shale_store *store, const char *path,
                             const struct shale_schema *schema,
                             void (*put_rows)(struct shale_builder *, int, int), int from, int n,
                             char hash[SHALE_CONTENT_HASH_CHARS + 1])
{
    const struct shale_file_writer_options options = {.created_by = "shale version test",
                                                      .chunk = {.page_bytes = 200}};
    struct shale_column nodes[16];
    struct shale_store_file *file;
    struct shale_store_put *put;
    struct shale_file_writer *writer;
    struct shale_builder *builder;
    struct shale_batch *batch;
    int64_t n_bytes;
    assert_int_equal(shale_builder_new(&shale_mem_libc, schema, &builder), SHALE_OK);
    put_rows(builder, from, n);
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    for (size_t i = 0; i < schema->n_columns; i++)
        shale_batch_column(batch, i, &nodes[i]);
    assert_int_equal(shale_store_create(store, path, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_append(
                         writer, &(struct shale_file_piece){nodes, n, 100, release, NULL}, NULL),
                     SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
    assert_int_equal(shale_store_open(store, path, &file, NULL), SHALE_OK);
    assert_int_equal(shale_footer_hash(&shale_mem_libc, &file->random, hash, NULL), SHALE_OK);
    n_bytes = file->random.n_bytes;
    shale_store_close(file);
    return n_bytes;
}

/* The first of them has 'rejected' rejects; or, when they are more, the object with that number. */
static void write_ledger(struct shale_store *store, const char *path, int from, int n, int rejected,
                         struct shale_arena *arena, struct shale_segment *out)
{
    struct shale_ledger_writer *writer;
    struct made_row row;
    assert_int_equal(shale_ledger_writer_new(store, path, &writer, NULL), SHALE_OK);
    for (int i = from; i < from + n; i++) {
        made_row_set(&row, 0, i, 1, true);
        row.row.rejected = rejected > 1 ? i == rejected : i == from ? rejected : 0;
        row.row.written = 1;
        row.row.read = 1 + row.row.rejected;
        row.row.filtered = row.row.duplicates = 0;
        assert_int_equal(shale_ledger_writer_add(writer, &row.row, NULL), SHALE_OK);
    }
    assert_int_equal(shale_ledger_writer_finish(writer, arena, out, NULL), SHALE_OK);
    shale_ledger_writer_free(writer);
}

/* One row an object: commit 'number' has the objects from number * ROWS_EACH on. */
static void commit(struct table *table, int number)
{
    int from = number * ROWS_EACH, n_rejects = number == REJECTS_IN;
    char path[64], ledger_path[64], rejects_path[64], stats[300], hash[33], rejects_hash[33];
    struct shale_log_pair tag = {SHALE_STR(SHALE_TAG_FOOTER), {hash, 32}};
    struct shale_segment ledger, rejects;
    struct shale_committed done;
    struct shale_arena arena;
    struct shale_base base;
    struct shale_err err;
    struct shale_log_add add = {
        .data_change = true, .n_rows = ROWS_EACH, .tags = &tag, .n_tags = 1};
    struct shale_commit what = {.stream = SHALE_STR("s"),
                                .schema = &data_schema,
                                .adds = &add,
                                .n_adds = 1,
                                .ledger = &ledger,
                                .rejects = n_rejects > 0 ? &rejects : NULL,
                                .info = {.operation = SHALE_STR("WRITE"), .is_blind_append = true}};
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    (void)snprintf(path, sizeof path, "part-%d.parquet", number);
    (void)snprintf(ledger_path, sizeof ledger_path, "_shale/ledger/%d.parquet", number);
    (void)snprintf(rejects_path, sizeof rejects_path, "_shale/rejects/%d.parquet", number);
    (void)snprintf(stats, sizeof stats,
                   "{\"numRecords\":%d,\"minValues\":{\"id\":%d,\"text\":\"text %06d\"},"
                   "\"maxValues\":{\"id\":%d,\"text\":\"text %06d\"},"
                   "\"nullCount\":{\"id\":0,\"text\":%d}}",
                   ROWS_EACH, from, from, from + ROWS_EACH - 1, from + ROWS_EACH - 1,
                   ROWS_EACH / 10);
    add.n_bytes = write_parquet(table->store, path, &data_schema, put_data, from, ROWS_EACH, hash);
    add.path = shale_str_of(path);
    add.stats = shale_str_of(stats);
    add.modified_ms = table->now_us / 1000;
    write_ledger(table->store, ledger_path, from, ROWS_EACH, n_rejects, &arena, &ledger);
    if (n_rejects > 0)
        rejects = (struct shale_segment){.path = shale_str_of(rejects_path),
                                         .n_rows = 1,
                                         .n_bytes = write_parquet(table->store, rejects_path,
                                                                  &shale_rejects_schema, put_reject,
                                                                  from, 1, rejects_hash),
                                         .footer_hash = {rejects_hash, 32}};
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table->store, &base, &what, &done, &err), SHALE_OK);
    assert_int_equal(done.version, number);
    shale_base_fini(&base, &shale_mem_libc);
    shale_arena_fini(&arena);
}

static void make_table(struct table *table)
{
    assert_int_equal(table_init(table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < N_COMMITS; i++)
        commit(table, i);
}

/* ---- Findings ---------------------------------------------------------------------------------
 */

struct counter {
    struct shale_findings findings; /* first member */
    int n, n_notes, n_of[SHALE_E_count];
    bool say;
};

static void count(struct shale_findings *findings, const struct shale_finding *finding)
{
    struct counter *counter = (struct counter *)(void *)findings;
    char text[2000];
    *(finding->is_note ? &counter->n_notes : &counter->n) += 1;
    counter->n_of[finding->err.code]++;
    if (counter->say)
        print_message("  %s: %s\n", shale_error_name(finding->err.code),
                      shale_err_text(&finding->err, text, sizeof text));
}

static struct counter verify(struct table *table, struct shale_verified *out)
{
    struct counter counter = {.findings = {count}};
    struct shale_verified unused;
    struct shale_err err;
    counter.say = getenv("SHALE_SAY") != NULL;
    shale_err_clear(&err);
    assert_int_equal(shale_verify_table(table->store, &(struct shale_verify_options){16 << 20},
                                        &counter.findings, out != NULL ? out : &unused, &err),
                     SHALE_OK);
    return counter;
}

static void test_sound(void **state)
{
    struct table table;
    struct shale_verified out;
    struct counter counter;
    (void)state;
    make_table(&table);
    counter = verify(&table, &out);
    assert_int_equal(counter.n + counter.n_notes, 0);
    assert_int_equal(out.version, N_COMMITS - 1);
    assert_int_equal(out.n_entries, N_COMMITS);
    assert_int_equal(out.n_files, N_COMMITS);
    assert_int_equal(out.n_own_rows, N_COMMITS * ROWS_EACH);
    assert_int_equal(out.written, N_COMMITS * ROWS_EACH);
    assert_int_equal(out.n_objects, N_COMMITS * ROWS_EACH);
    assert_int_equal(out.n_manifests, N_COMMITS);
    assert_int_equal(out.rejected, 1);
    assert_int_equal(out.n_rejects, 1);
    assert_true(out.n_pages == out.n_checksums && out.n_pages > 0);
    table_fini(&table);
}

/* ---- Rows that went ---------------------------------------------------------------------------
 */

static void commit_change(struct table *table, const struct shale_commit *what)
{
    struct shale_commit commit = *what;
    struct shale_committed done;
    struct shale_base base;
    struct shale_err err;
    commit.stream = SHALE_STR("s");
    commit.keeps_schema = true;
    commit.info.operation = SHALE_STR("WRITE");
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table->store, &base, &commit, &done, &err), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
}

/* A file of rows from 'from' on, to be committed. */
static struct shale_log_add add_rows(struct table *table, const char *path, int from, int n,
                                     struct shale_log_pair *tag, char hash[33])
{
    struct shale_log_add add = {
        .data_change = true, .n_rows = n, .path = shale_str_of(path), .tags = tag, .n_tags = 1};
    add.n_bytes = write_parquet(table->store, path, &data_schema, put_data, from, n, hash);
    add.modified_ms = table->now_us / 1000;
    *tag = (struct shale_log_pair){SHALE_STR(SHALE_TAG_FOOTER), {hash, 32}};
    return add;
}

static void check_sound(struct table *table, int64_t n_rows)
{
    struct shale_verified out;
    struct counter counter = verify(table, &out);
    assert_int_equal(counter.n, 0);
    assert_int_equal(out.n_own_rows, n_rows);
}

/* Commit 3's objects again, with one row less; the rows of the others in a segment of their own. */
static void rebuild_last(struct table *table, struct shale_arena *arena)
{
    struct shale_log_remove remove = {.path = SHALE_STR("part-3.parquet"), .data_change = true};
    struct shale_segment ledger, others;
    struct shale_log_pair tag;
    struct shale_base base;
    struct shale_str out;
    char hash[33];
    struct shale_log_add add =
        add_rows(table, "part-4.parquet", 3 * ROWS_EACH, ROWS_EACH, &tag, hash);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(base.manifest.n_ledger, 1);
    out = base.manifest.ledger[0].path;
    write_ledger(table->store, "_shale/ledger/o", 0, 3 * ROWS_EACH, 2 * ROWS_EACH, arena, &others);
    write_ledger(table->store, "_shale/ledger/n", 3 * ROWS_EACH, ROWS_EACH, 0, arena, &ledger);
    commit_change(table, &(struct shale_commit){.adds = &add,
                                                .n_adds = 1,
                                                .ledger = &ledger,
                                                .removes = &remove,
                                                .n_removes = 1,
                                                .ledger_change = {&out, 1, &others, 1}});
    shale_base_fini(&base, &shale_mem_libc);
}

static void replay(struct table *table, struct shale_arena *arena)
{
    const struct shale_str out = SHALE_STR("_shale/rejects/2.parquet");
    struct shale_ledger_row row = {.source = SHALE_STR(SHALE_REJECTS_SOURCE),
                                   .key = out,
                                   .tag = SHALE_STR("t"),
                                   .read = 1,
                                   .written = 1,
                                   .definition = SHALE_STR("d")};
    struct shale_ledger_writer *writer;
    struct shale_segment ledger;
    struct shale_log_pair tag;
    char hash[33];
    struct shale_log_add add = add_rows(table, "part-5.parquet", 1000, 1, &tag, hash);
    assert_int_equal(shale_ledger_writer_new(table->store, "_shale/ledger/r", &writer, NULL),
                     SHALE_OK);
    assert_int_equal(shale_ledger_writer_add(writer, &row, NULL), SHALE_OK);
    assert_int_equal(shale_ledger_writer_finish(writer, arena, &ledger, NULL), SHALE_OK);
    shale_ledger_writer_free(writer);
    commit_change(table, &(struct shale_commit){.adds = &add,
                                                .n_adds = 1,
                                                .ledger = &ledger,
                                                .rejects_change = {.out = &out, .n_out = 1}});
}

static void test_rows_went(void **state)
{
    struct shale_log_remove remove = {.path = SHALE_STR("part-1.parquet"), .data_change = true};
    struct table table;
    struct shale_arena arena;
    struct counter counter;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    make_table(&table);
    commit_change(
        &table, &(struct shale_commit){.removes = &remove, .n_removes = 1, .rows_gone = ROWS_EACH});
    check_sound(&table, 3 * ROWS_EACH);
    rebuild_last(&table, &arena);
    check_sound(&table, 3 * ROWS_EACH);
    replay(&table, &arena);
    check_sound(&table, 3 * ROWS_EACH + 1);
    /* Counts that say something else are found, one by one. */
    commit_change(&table, &(struct shale_commit){.rows_gone = 1});
    counter = verify(&table, NULL);
    assert_int_equal(counter.n_of[SHALE_E_verify_total_rows], 1);
    assert_int_equal(counter.n_of[SHALE_E_verify_commit_rows], 1);
    assert_int_equal(counter.n, 2);
    commit_change(&table, &(struct shale_commit){.rejects_gone = -1});
    counter = verify(&table, NULL);
    assert_int_equal(counter.n_of[SHALE_E_verify_total_rejects], 1);
    assert_int_equal(counter.n, 3);
    /* A file that is gone is not counted any more, nor looked at. */
    assert_int_equal(shale_store_remove(table.store, "part-1.parquet", NULL), SHALE_OK);
    counter = verify(&table, NULL);
    assert_int_equal(counter.n, 3);
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* ---- Damage -----------------------------------------------------------------------------------
 */

static struct shale_buf read_object(struct table *table, const char *key)
{
    struct shale_buf bytes;
    shale_buf_init(&bytes, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_store_read(table->store, key, &bytes, NULL), SHALE_OK);
    return bytes;
}

static void put_object(struct table *table, const char *key, struct shale_str bytes)
{
    assert_int_equal(shale_store_put(table->store, key, bytes, NULL), SHALE_OK);
}

static void flip(struct table *table, const char *key, double where)
{
    struct shale_buf bytes = read_object(table, key);
    bytes.data[(size_t)((double)bytes.n_bytes * where)] ^= 4;
    put_object(table, key, shale_buf_str(&bytes));
    shale_buf_fini(&bytes);
}

static void cut(struct table *table, const char *key)
{
    struct shale_buf bytes = read_object(table, key);
    put_object(table, key, (struct shale_str){bytes.data, bytes.n_bytes / 2});
    shale_buf_fini(&bytes);
}

static void drop(struct table *table, const char *key)
{
    assert_int_equal(shale_store_remove(table->store, key, NULL), SHALE_OK);
}

static void copy(struct table *table, const char *from, const char *to)
{
    struct shale_buf bytes = read_object(table, from);
    put_object(table, to, shale_buf_str(&bytes));
    shale_buf_fini(&bytes);
}

/* In a text object, of the same or another length. */
static void replace(struct table *table, const char *key, const char *old, const char *new)
{
    struct shale_buf bytes = read_object(table, key), out;
    const char *at = memmem(bytes.data, bytes.n_bytes, old, strlen(old));
    size_t before;
    assert_non_null(at);
    before = (size_t)(at - bytes.data);
    shale_buf_init(&out, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_buf_append(&out, bytes.data, before), SHALE_OK);
    assert_int_equal(shale_buf_append(&out, new, strlen(new)), SHALE_OK);
    assert_int_equal(shale_buf_append(&out, at + strlen(old), bytes.n_bytes - before - strlen(old)),
                     SHALE_OK);
    put_object(table, key, shale_buf_str(&out));
    shale_buf_fini(&out);
    shale_buf_fini(&bytes);
}

static void flip_page(struct table *table)
{
    flip(table, "part-1.parquet", 0.2);
}
/* The first live segment of the ledger; good until the next call. */
static const char *ledger_name(struct table *table)
{
    static char name[80];
    struct shale_base base;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    (void)snprintf(name, sizeof name, "%.*s", SHALE_STR_ARG(base.manifest.ledger[0].path));
    shale_base_fini(&base, &shale_mem_libc);
    return name;
}

static void flip_ledger(struct table *table)
{
    flip(table, ledger_name(table), 0.2);
}
static void flip_rejects(struct table *table)
{
    flip(table, "_shale/rejects/2.parquet", 0.2);
}
static void drop_file(struct table *table)
{
    drop(table, "part-2.parquet");
}
static void drop_ledger(struct table *table)
{
    drop(table, ledger_name(table));
}
static void drop_rejects(struct table *table)
{
    drop(table, "_shale/rejects/2.parquet");
}
static void cut_file(struct table *table)
{
    cut(table, "part-1.parquet");
}
static void swap_files(struct table *table)
{
    copy(table, "part-1.parquet", "aside");
    copy(table, "part-2.parquet", "part-1.parquet");
    copy(table, "aside", "part-2.parquet");
    drop(table, "aside");
}

#define ENTRY(n) "_delta_log/0000000000000000000" #n ".json"
static void drop_entry(struct table *table)
{
    drop(table, ENTRY(2));
}
static void drop_first_entry(struct table *table)
{
    drop(table, ENTRY(0));
}
static void break_entry(struct table *table)
{
    replace(table, ENTRY(1), "{\"add\"", "{\"add");
}
static void wrong_minimum(struct table *table)
{
    replace(table, ENTRY(1), "\\\"id\\\":50", "\\\"id\\\":51");
}
static void wide_minimum(struct table *table)
{
    replace(table, ENTRY(1), "\\\"id\\\":50", "\\\"id\\\":49");
}
static void wrong_maximum(struct table *table)
{
    replace(table, ENTRY(1), "\\\"text 000099\\\"", "\\\"text 000098\\\"");
}
static void wrong_nulls(struct table *table)
{
    replace(table, ENTRY(1), "\\\"text\\\":5}", "\\\"text\\\":6}");
}
static void wrong_records(struct table *table)
{
    replace(table, ENTRY(1), "\\\"numRecords\\\":50", "\\\"numRecords\\\":49");
}
static void wrong_size(struct table *table)
{
    replace(table, ENTRY(3), "\"size\":", "\"size\":1");
}
static void broken_stats(struct table *table)
{
    replace(table, ENTRY(1), "{\\\"numRecords\\\":50", "[\\\"numRecords\\\",50");
}
static void no_add(struct table *table)
{
    replace(table, ENTRY(2), "\"add\"", "\"odd\"");
}
static void no_txn(struct table *table)
{
    for (int i = 0; i < N_COMMITS; i++) {
        char name[SHALE_LOG_NAME_BYTES];
        shale_log_entry_name(i, name);
        replace(table, name, "\"txn\"", "\"tnx\"");
    }
}
static void same_file_twice(struct table *table)
{
    replace(table, ENTRY(2), "part-2.parquet", "part-1.parquet");
}

/* The manifest 'back' commits before the newest, changed by 'change' and written with a good hash.
 */
static void change_manifest(struct table *table, int back,
                            void (*change)(struct shale_manifest *, struct shale_segment *))
{
    struct shale_base base;
    struct shale_manifest manifest;
    struct shale_segment segments[N_COMMITS + 2];
    struct shale_arena arena;
    struct shale_buf json;
    char name[SHALE_MANIFEST_NAME_BYTES];
    int64_t id;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    id = base.manifest.id;
    for (;; back--) {
        assert_int_equal(shale_manifest_read(table->store, &arena, id, &manifest, NULL), SHALE_OK);
        if (back == 0)
            break;
        id = manifest.parent;
    }
    shale_base_fini(&base, &shale_mem_libc);
    shale_manifest_name(id, name);
    if (change == NULL) {
        drop(table, name);
    } else {
        memcpy(segments, manifest.ledger, manifest.n_ledger * sizeof *segments);
        manifest.ledger = segments;
        change(&manifest, segments);
        assert_int_equal(shale_manifest_json(&manifest, &json), SHALE_OK);
        put_object(table, name, shale_buf_str(&json));
    }
    shale_buf_fini(&json);
    shale_arena_fini(&arena);
}

static void more_written(struct shale_manifest *manifest, struct shale_segment *segments)
{
    (void)manifest;
    segments[0].written++;
}
static void more_objects(struct shale_manifest *manifest, struct shale_segment *segments)
{
    (void)manifest;
    segments[0].n_rows++;
}
static void other_key(struct shale_manifest *manifest, struct shale_segment *segments)
{
    (void)manifest;
    segments[0].last_key = SHALE_STR("zzz");
}
static void other_version(struct shale_manifest *manifest, struct shale_segment *segments)
{
    (void)segments;
    manifest->version++;
}
static void less_segments(struct shale_manifest *manifest, struct shale_segment *segments)
{
    (void)segments;
    manifest->n_ledger--;
}
static void twice(struct shale_manifest *manifest, struct shale_segment *segments)
{
    segments[manifest->n_ledger] = segments[0];
    segments[manifest->n_ledger++].path = SHALE_STR("_shale/ledger/copy.parquet");
}

static void manifest_written(struct table *table)
{
    change_manifest(table, 0, more_written);
}
static void manifest_objects(struct table *table)
{
    change_manifest(table, 0, more_objects);
}
static void manifest_key(struct table *table)
{
    change_manifest(table, 0, other_key);
}
static void manifest_version(struct table *table)
{
    change_manifest(table, 0, other_version);
}
static void old_manifest_version(struct table *table)
{
    change_manifest(table, 1, other_version);
}
static void manifest_less(struct table *table)
{
    change_manifest(table, 0, less_segments);
}
static void old_manifest_written(struct table *table)
{
    change_manifest(table, 2, more_written);
}
static void manifest_gone(struct table *table)
{
    change_manifest(table, 0, NULL);
}
static void old_manifest_gone(struct table *table)
{
    change_manifest(table, 2, NULL);
}
static void manifest_bit(struct table *table)
{
    struct shale_base base;
    char name[SHALE_MANIFEST_NAME_BYTES];
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    shale_manifest_name(base.manifest.id, name);
    shale_base_fini(&base, &shale_mem_libc);
    replace(table, name, "\"written\":200", "\"written\":201");
}
static void ledger_twice(struct table *table)
{
    copy(table, ledger_name(table), "_shale/ledger/copy.parquet");
    change_manifest(table, 0, twice);
}

/* A checkpoint of version 3 that has the files of version 1. */
static void wrong_checkpoint(struct table *table)
{
    struct shale_log_state *log;
    struct shale_buf entries[2];
    for (int i = 0; i < 2; i++) {
        entries[i] = read_object(table, i == 0 ? ENTRY(2) : ENTRY(3));
        drop(table, i == 0 ? ENTRY(2) : ENTRY(3));
    }
    assert_int_equal(shale_log_read(table->store, NULL, &log, NULL), SHALE_OK);
    assert_int_equal(log->version, 1);
    assert_int_equal(shale_log_checkpoint(table->store, log, NULL), SHALE_OK);
    shale_log_state_free(&shale_mem_libc, log);
    copy(table, "_delta_log/00000000000000000001.checkpoint.parquet",
         "_delta_log/00000000000000000003.checkpoint.parquet");
    for (int i = 0; i < 2; i++) {
        put_object(table, i == 0 ? ENTRY(2) : ENTRY(3), shale_buf_str(&entries[i]));
        shale_buf_fini(&entries[i]);
    }
}

static const struct {
    const char *name;
    void (*damage)(struct table *table);
    enum shale_error finding;
} damages[] = {
    {"a bit of a page", flip_page, SHALE_E_parquet_page},
    {"a bit of a ledger segment", flip_ledger, SHALE_E_parquet_page},
    {"a bit of a rejects segment", flip_rejects, SHALE_E_parquet_page},
    {"a data file is gone", drop_file, SHALE_E_verify_missing},
    {"a ledger segment is gone", drop_ledger, SHALE_E_verify_missing},
    {"a rejects segment is gone", drop_rejects, SHALE_E_verify_missing},
    {"a data file is cut", cut_file, SHALE_E_verify_size},
    {"two files are swapped", swap_files, SHALE_E_verify_footer},
    {"an entry is gone", drop_entry, SHALE_E_verify_gap},
    {"the first entry is gone", drop_first_entry, SHALE_E_verify_gap},
    {"an entry is no JSON", break_entry, SHALE_E_json_syntax},
    {"a minimum in the log", wrong_minimum, SHALE_E_verify_bound},
    {"a minimum that is too low", wide_minimum, SHALE_E_verify_bound},
    {"a maximum in the log", wrong_maximum, SHALE_E_verify_bound},
    {"a null count in the log", wrong_nulls, SHALE_E_verify_nulls},
    {"a number of rows in the log", wrong_records, SHALE_E_verify_rows},
    {"a size in the log", wrong_size, SHALE_E_verify_size},
    {"statistics that are none", broken_stats, SHALE_E_verify_stats},
    {"an add is gone", no_add, SHALE_E_verify_total_rows},
    {"no entry names a manifest", no_txn, SHALE_E_verify_no_txn},
    {"a file is added twice", same_file_twice, SHALE_E_verify_total_rows},
    {"a sum in the manifest", manifest_written, SHALE_E_verify_segment},
    {"a number of objects in the manifest", manifest_objects, SHALE_E_ledger_rows},
    {"a key in the manifest", manifest_key, SHALE_E_verify_segment_end},
    {"a version in the manifest", manifest_version, SHALE_E_verify_manifest_version},
    {"a version in an old manifest", old_manifest_version, SHALE_E_verify_manifest_order},
    {"a segment left out of the manifest", manifest_less, SHALE_E_verify_manifest_sums},
    {"a sum in an old manifest", old_manifest_written, SHALE_E_verify_manifest_sums},
    {"the manifest is gone", manifest_gone, SHALE_E_manifest_missing},
    {"an old manifest is gone", old_manifest_gone, SHALE_E_verify_manifest_missing},
    {"a bit of the manifest", manifest_bit, SHALE_E_manifest_damaged},
    {"objects twice in the ledger", ledger_twice, SHALE_E_ledger_twice},
    {"a checkpoint of other files", wrong_checkpoint, SHALE_E_verify_checkpoint},
};

static void test_damages(void **state)
{
    int n_missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct table table;
        struct counter counter;
        make_table(&table);
        damages[i].damage(&table);
        if (getenv("SHALE_SAY") != NULL)
            print_message("%s\n", damages[i].name);
        counter = verify(&table, NULL);
        if (counter.n_of[damages[i].finding] == 0 || counter.n == 0) {
            print_message("not named %s: %s\n", shale_error_name(damages[i].finding),
                          damages[i].name);
            n_missed++;
        }
        table_fini(&table);
    }
    assert_int_equal(n_missed, 0);
}

/* A file that nothing names, and a manifest that is older than the retention, are as they should
 * be. */
static void test_notes(void **state)
{
    struct table table;
    struct counter counter;
    (void)state;
    make_table(&table);
    put_object(&table, "year=2024/part-lost.parquet", SHALE_STR("anything"));
    old_manifest_gone(&table);
    table.now_us += INT64_C(8) * 24 * 3600 * 1000000;
    counter = verify(&table, NULL);
    assert_int_equal(counter.n, 0);
    assert_int_equal(counter.n_of[SHALE_E_verify_unnamed], 2); /* and the manifest behind it */
    assert_int_equal(counter.n_of[SHALE_E_verify_manifest_kept], 1);
    table_fini(&table);
}

/* Entries that a checkpoint stands for may be gone. */
static void test_cleaned_up(void **state)
{
    struct table table;
    struct shale_log_state *log;
    struct counter counter;
    (void)state;
    make_table(&table);
    assert_int_equal(shale_log_read(table.store, NULL, &log, NULL), SHALE_OK);
    assert_int_equal(shale_log_checkpoint(table.store, log, NULL), SHALE_OK);
    shale_log_state_free(&shale_mem_libc, log);
    for (int i = 0; i < N_COMMITS; i++) {
        char name[SHALE_LOG_NAME_BYTES];
        counter = verify(&table, NULL);
        assert_int_equal(counter.n + counter.n_notes, 0);
        shale_log_entry_name(i, name);
        drop(&table, name);
    }
    counter = verify(&table, NULL);
    assert_int_equal(counter.n, 0);
    table_fini(&table);
}

static void test_no_table(void **state)
{
    struct counter counter = {.findings = {count}};
    struct shale_verified out;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(shale_verify_table(table.store, &(struct shale_verify_options){0},
                                        &counter.findings, &out, NULL),
                     SHALE_NOT_FOUND);
    assert_int_equal(counter.n, 0);
    table_fini(&table);
}

/* Every object of the table broken at random places, one after the other: whatever is found,
 * nothing crashes. */
static void test_random_damage(void **state)
{
    static const char *const keys[] = {"part-1.parquet", "_shale/ledger/1.parquet",
                                       "_shale/rejects/2.parquet", ENTRY(1), ENTRY(3)};
    struct table table;
    uint64_t random = 1;
    (void)state;
    make_table(&table);
    for (int i = 0; i < 300; i++) {
        const char *key = keys[(scratch_random(&random) >> 33) % 5];
        struct shale_buf bytes = read_object(&table, key);
        struct counter counter = {.findings = {count}};
        struct shale_verified out;
        enum shale_status status;
        char *byte = &bytes.data[(scratch_random(&random) >> 20) % bytes.n_bytes], before = *byte;
        *byte = (char)(scratch_random(&random) >> 40);
        put_object(&table, key, shale_buf_str(&bytes));
        status = shale_verify_table(table.store, &(struct shale_verify_options){16 << 20},
                                    &counter.findings, &out, NULL);
        assert_true(status == SHALE_OK || status == SHALE_SCHEMA || status == SHALE_LIMIT);
        *byte = before;
        put_object(&table, key, shale_buf_str(&bytes));
        shale_buf_fini(&bytes);
    }
    assert_int_equal(verify(&table, NULL).n, 0);
    table_fini(&table);
}

static void test_without_memory(void **state)
{
    struct table table;
    enum shale_status status;
    int n = 0;
    (void)state;
    make_table(&table);
    for (bool failed = true; failed;) {
        struct failing_mem failing;
        struct counter counter = {.findings = {count}};
        struct shale_verified out;
        struct shale_env env = table.env;
        struct shale_store *store;
        failing_mem_init(&failing, 0);
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = ++n;
        status = shale_verify_table(store, &(struct shale_verify_options){16 << 20},
                                    &counter.findings, &out, NULL);
        failed = failing.n_calls >= failing.fails_at;
        if (failed && status != SHALE_NOMEM && status != SHALE_LIMIT)
            fail_msg("allocation %d: %s", n, shale_status_name(status));
        assert_true(failed || status == SHALE_OK);
        assert_int_equal(counter.n, 0);
        shale_store_free(store);
        n += n / 50; /* the first ones one by one */
    }
    assert_true(n > 200);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),         cmocka_unit_test(test_rows_went),
        cmocka_unit_test(test_damages),       cmocka_unit_test(test_notes),
        cmocka_unit_test(test_cleaned_up),    cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_random_damage), cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
