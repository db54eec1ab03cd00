/* SPDX-License-Identifier: MIT */
/* dataset/rewrite: rows of files into new files: filtered, sorted, cut to a size, of older and of
 * foreign files; and all that can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/rewrite.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"

/* ---- Files that are there ----------------------------------------------------------------------
 */

static const struct shale_type_member pair_members[] = {
    {{"x", 1}, {.kind = SHALE_INT32}},
    {{"tags", 4},
     {.kind = SHALE_LIST,
      .members = (const struct shale_type_member[]){{{"element", 7}, {.kind = SHALE_STRING}}},
      .n_members = 1}},
    {{"new", 3}, {.kind = SHALE_FLOAT64}},
};

/* id, time, name, pair: the table's columns; of a struct's members an older file has the first
 * two. */
enum { ID, TIME, NAME, PAIR, LATE, N_COLUMNS };
static const struct shale_column_def table_columns[] = {
    {.name = {"id", 2}, .type = {.kind = SHALE_INT64}},
    {.name = {"time", 4}, .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_US}},
    {.name = {"name", 4}, .type = {.kind = SHALE_STRING}},
    {.name = {"pair", 4}, .type = {.kind = SHALE_STRUCT, .members = pair_members, .n_members = 3}},
    {.name = {"late", 4}, .type = {.kind = SHALE_BOOL}},
    {.name = {"year", 4}, .type = {.kind = SHALE_INT32}, .partition_only = true},
};
static const struct shale_str partitions[] = {{"year", 4}};
static const struct shale_log_state log_state = {
    .schema = {table_columns, 6}, .partition_columns = partitions, .n_partition_columns = 1};

struct spec {
    const char *path;
    int first, end;       /* ids */
    bool old;             /* without 'late' and 'new', time in milliseconds */
    bool wide;            /* names of 200 KB */
    int64_t (*time)(int); /* in the file's unit */
};

static int64_t time_up(int id)
{
    return (int64_t)id * 1000000;
}

static int64_t time_mixed(int id)
{
    return (int64_t)(shale_hash_u64((uint64_t)id, 3) % 5000) * 1000;
}

static void put_row(struct shale_builder *builder, const struct spec *spec, int id)
{
    static char wide[200000];
    char name[32];
    (void)snprintf(name, sizeof name, "name-%d", id);
    shale_builder_i64(builder, ID, id);
    if (id % 10 == 9)
        shale_builder_null(builder, TIME);
    else
        shale_builder_i64(builder, TIME, spec->time(id));
    shale_builder_bytes(builder, NAME,
                        spec->wide ? (struct shale_str){wide, sizeof wide} : shale_str_of(name));
    if (id % 7 == 0) {
        shale_builder_null(builder, PAIR);
    } else {
        shale_builder_struct_begin(builder, PAIR);
        shale_builder_i32(builder, PAIR, id);
        shale_builder_list_begin(builder, PAIR);
        for (int i = 0; i < id % 3; i++)
            shale_builder_bytes(builder, PAIR, shale_str_of(name));
        shale_builder_list_end(builder, PAIR);
        if (!spec->old)
            shale_builder_f64(builder, PAIR, id);
        shale_builder_struct_end(builder, PAIR);
    }
    if (!spec->old)
        shale_builder_bool(builder, LATE, id % 2 == 0);
}

static void release_nothing(void *owner)
{
    (void)owner;
}

/* How the columns of a file are stored. */
static struct shale_column_def stored(const struct shale_column_def *def)
{
    struct shale_column_def out = *def;
    if (shale_str_is(def->name, "id"))
        out.encoding = SHALE_ENCODE_BYTE_STREAM_SPLIT;
    if (shale_str_is(def->name, "name"))
        out.bloom_fpp = 0.01;
    return out;
}

/* As a writer of another version made it. */
static void make_file(struct table *table, const struct spec *spec, struct shale_log_add *add)
{
    static const struct shale_log_partition_value year = {{"year", 4}, false, {"2024", 4}};
    const struct shale_file_writer_options options = {
        .chunk = {.codec = SHALE_CODEC_SNAPPY, .modern = true}, .created_by = "test"};
    struct shale_column_def defs[N_COLUMNS];
    struct shale_schema schema = {defs, spec->old ? N_COLUMNS - 1 : N_COLUMNS};
    struct shale_builder *builder;
    struct shale_batch *batch;
    struct shale_column nodes[20], columns[N_COLUMNS], *next = nodes;
    struct shale_file_writer *writer;
    struct shale_store_put *put;

    for (size_t i = 0; i < N_COLUMNS; i++)
        defs[i] = stored(&table_columns[i]);
    if (spec->old) {
        defs[TIME].type.unit = SHALE_MS;
        defs[PAIR].type.n_members = 2;
    }
    assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
    for (int id = spec->first; id < spec->end; id++) {
        put_row(builder, spec, id);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    for (size_t i = 0; i < schema.n_columns; i++) {
        shale_batch_column(batch, i, next);
        columns[i] = *next;
        next += shale_type_n_nodes(&defs[i].type);
    }
    assert_int_equal(shale_store_create(table->store, spec->path, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(
        shale_file_writer_append(
            writer,
            &(struct shale_file_piece){columns, spec->end - spec->first, 1, release_nothing, NULL},
            NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    *add = (struct shale_log_add){.path = shale_str_of(spec->path),
                                  .partition_values = &year,
                                  .n_partition_values = 1,
                                  .n_bytes = shale_file_writer_n_bytes(writer),
                                  .n_rows = spec->end - spec->first};
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

/* ---- What came of them -------------------------------------------------------------------------
 */

struct seen {
    int n_rows, n_files;
    int64_t last_time;
    int last_id;
    bool in_order; /* by time, then as they came; nulls last */
    bool ids[100000];
    int64_t (*time)(int);
    const bool *old; /* of the ids */
};

static bool is_null(const struct shale_column *column, int64_t row)
{
    return shale_column_is_null(column, row);
}

static void check_pair(const struct shale_column *pair, int64_t row, int id, bool old)
{
    const struct shale_column *x = pair->child, *tags = x->next, *late = tags->next;
    assert_int_equal(is_null(pair, row), id % 7 == 0);
    if (id % 7 == 0)
        return;
    assert_int_equal(((const int32_t *)x->data)[row], id);
    assert_int_equal(tags->offsets[row + 1] - tags->offsets[row], id % 3);
    assert_int_equal(is_null(late, row), old);
    if (!old)
        assert_true(((const double *)late->data)[row] == id);
}

static void check_row(struct seen *seen, const struct shale_rows *rows, int64_t row)
{
    const struct shale_column *c = rows->columns;
    int id = (int)((const int64_t *)c[ID].data)[row];
    bool old = seen->old != NULL && seen->old[id];
    char name[32];
    int64_t time = is_null(&c[TIME], row) ? INT64_MAX : ((const int64_t *)c[TIME].data)[row];
    (void)snprintf(name, sizeof name, "name-%d", id);
    assert_false(seen->ids[id]);
    seen->ids[id] = true;
    assert_int_equal(time, id % 10 == 9 ? INT64_MAX : seen->time(id) * (old ? 1000 : 1));
    assert_int_equal(c[NAME].offsets[row + 1] - c[NAME].offsets[row], strlen(name));
    assert_memory_equal((const char *)c[NAME].data + c[NAME].offsets[row], name, strlen(name));
    check_pair(&c[PAIR], row, id, old);
    assert_int_equal(is_null(&c[LATE], row), old);
    if (!old)
        assert_int_equal(shale_bit(c[LATE].data, row), id % 2 == 0);
    if (time < seen->last_time || (time == seen->last_time && id < seen->last_id))
        seen->in_order = false;
    seen->last_time = time;
    seen->last_id = id;
    seen->n_rows++;
}

static void look(struct table *table, const struct shale_log_add *add, struct seen *seen)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    int64_t n = 0;
    assert_int_equal(shale_store_open(table->store, add->path.data, &file, NULL), SHALE_OK);
    assert_int_equal(file->random.n_bytes, add->n_bytes);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_reader_file(reader)->schema.n_columns, N_COLUMNS);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++, n++)
            check_row(seen, rows, i);
    assert_int_equal(n, add->n_rows);
    assert_memory_equal(add->path.data, "year=2024/part-", 15);
    assert_true(shale_str_is(add->partition_values[0].value, "2024"));
    assert_true(add->stats.n_bytes > 20);
    assert_int_equal(add->n_tags, 2);
    seen->n_files++;
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
}

static struct shale_rewrite_options options_of(void)
{
    return (struct shale_rewrite_options){.log = &log_state,
                                          .chunk = {.codec = SHALE_CODEC_ZSTD},
                                          .temporary = "/tmp",
                                          .created_by = "test",
                                          .input = SHALE_STR("[\"a\"]")};
}

static void check_all(struct table *table, const struct shale_rewritten *out, struct seen *seen)
{
    int64_t n_bytes = 0;
    seen->in_order = true;
    seen->last_time = INT64_MIN;
    for (size_t i = 0; i < out->n_adds; i++) {
        look(table, &out->adds[i], seen);
        n_bytes += out->adds[i].n_bytes;
    }
    assert_int_equal(seen->n_rows, out->rows_out);
    assert_int_equal(n_bytes, out->bytes_out);
}

/* Two files, the first older: what it lacks is null, its times are converted, rows stay in order.
 */
static void test_stream(void **state)
{
    static struct seen seen;
    static bool old[200];
    const struct spec specs[] = {{"year=2024/a.parquet", 0, 100, true, false, time_up},
                                 {"year=2024/b.parquet", 100, 200, false, false, time_up}};
    struct shale_log_add adds[2];
    struct shale_rewrite_options options = options_of();
    struct shale_rewritten out;
    struct shale_arena arena;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    for (int i = 0; i < 2; i++)
        make_file(&table, &specs[i], &adds[i]);
    for (int i = 0; i < 100; i++)
        old[i] = true;
    assert_int_equal(shale_rewrite(table.store, &options, adds, 2, &arena, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_adds, 1);
    assert_int_equal(out.rows_in, 200);
    assert_int_equal(out.bytes_in, adds[0].n_bytes + adds[1].n_bytes);
    seen = (struct seen){.time = time_up, .old = old};
    check_all(&table, &out, &seen);
    assert_int_equal(seen.n_rows, 200);
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* Of those with 'late' false, and of the older file, which has no such column, half. */
static enum shale_status take_out(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                  struct shale_err *err)
{
    const int64_t *ids = rows->columns[1].data;
    (void)ctx;
    (void)err;
    assert_true(rows->missing[2]); /* no such column at all */
    assert_int_equal(rows->missing[0], shale_str_is(rows->add->path, "year=2024/a.parquet"));
    assert_int_equal(rows->missing[0], rows->columns[0].data == NULL);
    for (int64_t i = 0; i < rows->n_rows; i++)
        keep[i] = rows->missing[0] ? ids[i] < 50 : shale_bit(rows->columns[0].data, i);
    return SHALE_OK;
}

static void test_filter(void **state)
{
    static const struct shale_str names[] = {{"late", 4}, {"id", 2}, {"none", 4}};
    static struct seen seen;
    static bool old[200];
    const struct spec specs[] = {{"year=2024/a.parquet", 0, 100, true, false, time_up},
                                 {"year=2024/b.parquet", 100, 200, false, false, time_up}};
    struct shale_log_add adds[2];
    struct shale_rewrite_options options = options_of();
    struct shale_rewritten out;
    struct shale_arena arena;
    struct table table;
    int64_t n_gone[2];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    for (int i = 0; i < 2; i++)
        make_file(&table, &specs[i], &adds[i]);
    for (int i = 0; i < 100; i++)
        old[i] = true;
    options.filter = take_out;
    options.filter_columns = names;
    options.n_filter_columns = 3;
    assert_int_equal(shale_rewrite_count(table.store, &options, adds, 2, n_gone, NULL), SHALE_OK);
    assert_int_equal(n_gone[0], 50);
    assert_int_equal(n_gone[1], 50);
    assert_int_equal(shale_rewrite(table.store, &options, adds, 2, &arena, &out, NULL), SHALE_OK);
    seen = (struct seen){.time = time_up, .old = old};
    check_all(&table, &out, &seen);
    assert_int_equal(seen.n_rows, 100);
    for (int id = 0; id < 200; id++)
        assert_int_equal(seen.ids[id], id < 50 || (id >= 100 && id % 2 == 0));
    shale_arena_fini(&arena);
    table_fini(&table);
}

static enum shale_status take_all_out(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                      struct shale_err *err)
{
    (void)ctx;
    (void)err;
    memset(keep, 0, (size_t)rows->n_rows);
    return SHALE_OK;
}

/* No row stays: no file.  A file that is gone, one that has other rows than the log says. */
static void test_nothing(void **state)
{
    const struct spec spec = {"year=2024/a.parquet", 0, 100, false, false, time_up};
    struct shale_rewrite_options options = options_of();
    struct shale_log_add add;
    struct shale_rewritten out;
    struct shale_arena arena;
    struct shale_err err;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    make_file(&table, &spec, &add);
    options.filter = take_all_out;
    assert_int_equal(shale_rewrite(table.store, &options, &add, 1, &arena, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_adds, 0);
    assert_int_equal(out.rows_in, 100);
    options.filter = NULL;
    add.n_rows = 99;
    shale_err_clear(&err);
    assert_int_equal(shale_rewrite(table.store, &options, &add, 1, &arena, &out, &err),
                     SHALE_CORRUPT);
    assert_string_equal(err.object, "year=2024/a.parquet");
    add.path = SHALE_STR("year=2024/gone.parquet");
    assert_int_equal(shale_rewrite(table.store, &options, &add, 1, &arena, &out, &err),
                     SHALE_NOT_FOUND);
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* 100,000 rows of ten files, whose times are mixed: through the temporary file, merged, in order,
 * in files of a size. */
enum { N_SORTED = 100000, N_SORTED_FILES = 10 };

static void make_sorted(struct table *table, struct shale_log_add adds[N_SORTED_FILES])
{
    static char paths[N_SORTED_FILES][32];
    for (int i = 0; i < N_SORTED_FILES; i++) {
        int each = N_SORTED / N_SORTED_FILES;
        struct spec spec = {paths[i], i * each, (i + 1) * each, false, false, time_mixed};
        (void)snprintf(paths[i], sizeof paths[i], "year=2024/%d.parquet", i);
        make_file(table, &spec, &adds[i]);
    }
}

static void sort_with(size_t memory_bytes, int64_t target_bytes, size_t n_files)
{
    static const struct shale_str by[] = {{"year", 4}, {"time", 4}};
    static struct seen seen;
    struct shale_log_add adds[N_SORTED_FILES];
    struct shale_rewrite_options options = options_of();
    struct shale_rewritten out;
    struct shale_arena arena;
    struct table table;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    make_sorted(&table, adds);
    options.sort_by = by;
    options.n_sort_by = 2;
    options.memory_bytes = memory_bytes;
    options.target_bytes = target_bytes;
    assert_int_equal(shale_rewrite(table.store, &options, adds, N_SORTED_FILES, &arena, &out, NULL),
                     SHALE_OK);
    seen = (struct seen){.time = time_mixed};
    check_all(&table, &out, &seen);
    assert_int_equal(seen.n_rows, N_SORTED);
    assert_true(seen.in_order);
    if (n_files > 0)
        assert_int_equal(out.n_adds, n_files);
    for (size_t i = 0; target_bytes > 0 && i + 1 < out.n_adds; i++)
        assert_in_range(out.adds[i].n_bytes, target_bytes * 9 / 10, target_bytes * 11 / 10);
    shale_arena_fini(&arena);
    table_fini(&table);
}

static void test_sort(void **state)
{
    (void)state;
    sort_with(0, 0, 1);         /* in memory */
    sort_with(1, 0, 1);         /* the least: several runs */
    sort_with(1, 500 << 10, 4); /* several files */
}

/* ---- The same bytes ----------------------------------------------------------------------------
 */

/* All of a file; the caller's. */
static char *read_bytes(struct table *table, const struct shale_log_add *add)
{
    struct shale_store_file *file;
    char *bytes = malloc((size_t)add->n_bytes);
    assert_non_null(bytes);
    assert_int_equal(shale_store_open(table->store, add->path.data, &file, NULL), SHALE_OK);
    assert_int_equal(shale_random_read(&file->random, 0, bytes, (size_t)add->n_bytes, NULL),
                     SHALE_OK);
    shale_store_close(file);
    return bytes;
}

static size_t count_row_groups(struct table *table, const struct shale_log_add *add)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    size_t n;
    assert_int_equal(shale_store_open(table->store, add->path.data, &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    n = shale_reader_file(reader)->n_row_groups;
    shale_reader_free(reader);
    shale_store_close(file);
    return n;
}

/* Files do not depend on memory: row groups end where the rows say, whether they wait in memory or
 * in the temporary file, and however runs were merged. */
static void test_same_bytes(void **state)
{
    static const struct shale_str by[] = {{"time", 4}};
    static const size_t memory[] = {1, 24 << 20, 1 << 30};
    static const struct {
        int64_t group, target;
        size_t n_sort_by;
    } shapes[] = {{4 << 20, 0, 1}, {4 << 20, 0, 0}, {300000, 500000, 1}, {300000, 500000, 0}};
    struct shale_log_add adds[N_SORTED_FILES];
    struct shale_arena arena;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    make_sorted(&table, adds);
    for (size_t s = 0; s < 4; s++) {
        struct shale_rewritten first = {0};
        for (size_t m = 0; m < 3; m++) {
            struct shale_rewrite_options options = options_of();
            struct shale_rewritten out;
            options.sort_by = by;
            options.n_sort_by = shapes[s].n_sort_by;
            options.row_group_bytes = shapes[s].group;
            options.target_bytes = shapes[s].target;
            options.memory_bytes = memory[m];
            assert_int_equal(
                shale_rewrite(table.store, &options, adds, N_SORTED_FILES, &arena, &out, NULL),
                SHALE_OK);
            assert_true(count_row_groups(&table, &out.adds[0]) > 1);
            if (m == 0)
                first = out;
            assert_int_equal(out.n_adds, first.n_adds);
            for (size_t i = 0; i < out.n_adds && m > 0; i++) {
                char *a, *b;
                assert_int_equal(out.adds[i].n_bytes, first.adds[i].n_bytes);
                a = read_bytes(&table, &first.adds[i]);
                b = read_bytes(&table, &out.adds[i]);
                assert_memory_equal(a, b, (size_t)out.adds[i].n_bytes);
                free(a);
                free(b);
            }
        }
    }
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* ---- How columns are stored --------------------------------------------------------------------
 */

static void check_storage(struct table *table, const struct shale_log_add *add, bool split,
                          bool bloom)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    const struct shale_file *meta;
    bool found = false;
    assert_int_equal(shale_store_open(table->store, add->path.data, &file, NULL), SHALE_OK);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    meta = shale_reader_file(reader);
    for (size_t i = 0; i < meta->row_groups[0].chunks[ID].n_encodings; i++)
        found = found ||
                meta->row_groups[0].chunks[ID].encodings[i] == SHALE_ENCODING_BYTE_STREAM_SPLIT;
    assert_int_equal(found, split);
    assert_int_equal(meta->row_groups[0].chunks[NAME].bloom_at >= 0, bloom);
    shale_reader_free(reader);
    shale_store_close(file);
}

/* Bloom filters and an encoding that was asked for stay; a definition's columns say otherwise. */
static void test_storage(void **state)
{
    const struct spec spec = {"year=2024/a.parquet", 0, 1000, false, false, time_up};
    const struct shale_schema plain = {table_columns, 6};
    struct shale_rewrite_options options = options_of();
    struct shale_log_add add;
    struct shale_rewritten out;
    struct shale_arena arena;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    make_file(&table, &spec, &add);
    check_storage(&table, &add, true, true);
    options.chunk.modern = true;
    assert_int_equal(shale_rewrite(table.store, &options, &add, 1, &arena, &out, NULL), SHALE_OK);
    assert_int_equal(out.rows_of[0], 1000);
    check_storage(&table, &out.adds[0], true, true);
    options.columns = &plain;
    assert_int_equal(shale_rewrite(table.store, &options, &add, 1, &arena, &out, NULL), SHALE_OK);
    check_storage(&table, &out.adds[0], false, false);
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* Each allocation fails once: SHALE_NOMEM, and nothing is left. */
static enum shale_status with_failing(struct table *table, const struct shale_log_add *adds,
                                      int fails_at, bool *failed)
{
    static const struct shale_str by[] = {{"time", 4}};
    struct shale_rewrite_options options = options_of();
    struct shale_store *store;
    struct failing_mem failing;
    struct shale_rewritten out;
    struct shale_arena arena;
    struct shale_env env = table->env;
    enum shale_status status;
    failing_mem_init(&failing, 0);
    env.mem = &failing.mem;
    options.sort_by = by;
    options.n_sort_by = 1;
    options.memory_bytes = 1; /* the least */
    assert_int_equal(shale_store_memory_share(table->store, &env, NULL, &store, NULL), SHALE_OK);
    shale_arena_init(&arena, &failing.mem, 1 << 20);
    failing_mem_init(&failing, fails_at);
    status = shale_rewrite(store, &options, adds, 2, &arena, &out, NULL);
    *failed = failing.n_calls >= fails_at;
    failing.fails_at = 0;
    shale_arena_fini(&arena);
    shale_store_free(store);
    return status;
}

static void test_no_memory(void **state)
{
    const struct spec specs[] = {{"year=2024/a.parquet", 0, 20, true, false, time_mixed},
                                 {"year=2024/b.parquet", 20, 40, false, false, time_mixed}};
    struct shale_log_add adds[2];
    struct table table;
    bool failed = true;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 2; i++)
        make_file(&table, &specs[i], &adds[i]);
    for (int n = 1; failed; n++) {
        enum shale_status status = with_failing(&table, adds, n, &failed);
        assert_true(status == SHALE_NOMEM || status == SHALE_OK);
        assert_true(failed || status == SHALE_OK);
    }
    table_fini(&table);
}

/* The same where rows are sorted, and wait, in the temporary file. */
static void test_no_memory_spilled(void **state)
{
    const struct spec specs[] = {{"year=2024/a.parquet", 0, 12, false, true, time_mixed},
                                 {"year=2024/b.parquet", 12, 24, false, true, time_mixed}};
    struct shale_log_add adds[2];
    struct table table;
    bool failed = true;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 2; i++)
        make_file(&table, &specs[i], &adds[i]);
    for (int n = 1; failed; n += 17) {
        enum shale_status status = with_failing(&table, adds, n, &failed);
        assert_true(status == SHALE_NOMEM || status == SHALE_OK);
        assert_true(failed || status == SHALE_OK);
    }
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),     cmocka_unit_test(test_filter),
        cmocka_unit_test(test_nothing),    cmocka_unit_test(test_sort),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_storage),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_no_memory_spilled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
