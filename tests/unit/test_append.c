/* SPDX-License-Identifier: MIT */
/* parquet/append: a file grows; its rows, its statistics and its first bytes stay; how many row
 * groups there are, and what is encoded again, stays within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "columns.h"
#include "columns/json_rows.h"
#include "made_file.h"
#include "parquet/append.h"
#include "parquet/check.h"
#include "parquet/file_writer.h"
#include "scratch.h"

static const char ours[] = "shale version test";

/* ---- Files -------------------------------------------------------------------------------------
 */

struct bytes_sink {
    struct shale_sink sink; /* first member */
    struct shale_buf bytes;
    size_t most; /* bytes that are taken */
};

static enum shale_status take_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                    struct shale_err *err)
{
    struct bytes_sink *out = (struct bytes_sink *)(void *)sink;
    (void)err;
    if (out->bytes.n_bytes + n_bytes > out->most)
        return SHALE_IO;
    return shale_buf_append(&out->bytes, data, n_bytes);
}

static struct bytes_sink no_bytes(void)
{
    struct bytes_sink out = {.sink = {take_bytes}, .most = SIZE_MAX};
    shale_buf_init(&out.bytes, &shale_mem_libc, 1 << 26);
    return out;
}

/* Which columns of columns.h a file has, in its order. */
struct layout {
    size_t columns[N_COLUMNS];
    size_t n_columns;
    double bloom_fpp;
};

static const struct layout some_columns = {{5, 0, 7}, 3, 0.01};
static const struct layout more_columns = {{5, 0, 7, 6, 9, 8, 1, 2, 3, 4}, N_COLUMNS, 0.01};
static const struct layout other_order = {{0, 5, 7, 6, 9, 8, 1, 2, 3, 4}, N_COLUMNS, 0.01};
static const struct layout one_between = {{5, 0, 1, 7, 6, 9, 8, 2, 3, 4}, N_COLUMNS, 0.01};

struct growth {
    const struct layout *layout;
    int64_t first, n_rows; /* rows of columns.h that come */
    const char *created_by;
    size_t row_group_bytes;
    bool modern;
    const struct shale_key_value *pairs;
    size_t n_pairs;
    size_t new_bytes;              /* 0: those of the batch */
    struct shale_append_plan plan; /* out */
};

static struct shale_schema schema_of(const struct layout *layout, struct shale_column_def *defs)
{
    for (size_t i = 0; i < layout->n_columns; i++) {
        defs[i] = column_defs[layout->columns[i]];
        defs[i].bloom_fpp = defs[i].type.kind == SHALE_BOOL ? 0 : layout->bloom_fpp;
    }
    return (struct shale_schema){defs, layout->n_columns};
}

static unsigned mask_of(const struct layout *layout)
{
    unsigned mask = 0;
    for (size_t i = 0; i < layout->n_columns; i++)
        mask |= 1u << layout->columns[i];
    return mask;
}

static struct shale_batch *rows_of(int64_t first, int64_t n_rows, unsigned mask)
{
    struct shale_builder *builder;
    struct shale_batch *batch;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &column_schema, &builder), SHALE_OK);
    for (int64_t k = first; k < first + n_rows; k++) {
        put_some_columns(builder, k, mask);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    shale_builder_free(builder);
    return batch;
}

static void release(void *owner)
{
    (void)owner;
}

/* Views of a batch; they must be there until its rows are written. */
struct views {
    struct shale_column nodes[N_COLUMNS][2], columns[N_COLUMNS];
};

static enum shale_status put_rows(struct shale_file_writer *writer, const struct layout *layout,
                                  const struct shale_batch *batch, struct views *views,
                                  size_t n_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < layout->n_columns; i++) {
        size_t c = layout->columns[i];
        if (c == COLUMN_PARTITION)
            continue;
        shale_batch_column(batch, c > COLUMN_PARTITION ? c - 1 : c, views->nodes[n]);
        views->columns[n] = views->nodes[n][0];
        n++;
    }
    return shale_file_writer_append(writer,
                                    &(struct shale_file_piece){views->columns,
                                                               shale_batch_n_rows(batch), n_bytes,
                                                               release, NULL},
                                    NULL);
}

static enum shale_status write_grown(const struct shale_mem *mem, struct growth *growth,
                                     const struct shale_schema *schema, struct shale_append *append,
                                     struct bytes_sink *out)
{
    const struct shale_file_writer_options options = {
        .row_group_bytes = growth->row_group_bytes,
        .created_by = growth->created_by,
        .append = append,
        .chunk = {.codec = SHALE_CODEC_SNAPPY, .page_bytes = 600, .modern = growth->modern}};
    struct shale_file_writer *writer = NULL;
    struct views views;
    struct shale_batch *batch =
        growth->n_rows == 0 ? NULL
                            : rows_of(growth->first, growth->n_rows, mask_of(growth->layout));
    enum shale_status status =
        shale_file_writer_new(mem, schema, &options, &out->sink, &writer, NULL);
    if (status == SHALE_OK && batch != NULL)
        status = put_rows(writer, growth->layout, batch, &views, shale_batch_n_bytes(batch));
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, growth->pairs, growth->n_pairs, NULL);
    shale_file_writer_free(writer);
    shale_batch_free(&shale_mem_libc, batch);
    return status;
}

/* 'old' without bytes: a new file. */
static enum shale_status grow_in(const struct shale_mem *mem, const struct shale_buf *old,
                                 struct growth *growth, struct bytes_sink *out,
                                 struct shale_err *err)
{
    struct shale_column_def defs[N_COLUMNS];
    const struct shale_schema schema = schema_of(growth->layout, defs);
    struct memory_file file = memory_file_of(old->data, old->n_bytes);
    struct shale_reader *reader = NULL;
    struct shale_append *append = NULL;
    struct shale_append_options options = {
        .schema = &schema,
        .row_group_bytes = growth->row_group_bytes,
        .chunk = {.codec = SHALE_CODEC_SNAPPY, .modern = growth->modern}};
    enum shale_status status;
    if (growth->created_by == NULL)
        growth->created_by = ours;
    if (old->n_bytes == 0)
        return write_grown(mem, growth, &schema, NULL, out);
    status = shale_reader_open(mem, &file.random, &(struct shale_reader_options){0}, &reader, err);
    if (status == SHALE_OK)
        status = shale_append_new(mem, reader, &options, &append, err);
    if (status == SHALE_OK) {
        size_t n_bytes = growth->new_bytes;
        struct shale_batch *batch =
            n_bytes > 0 || growth->n_rows == 0
                ? NULL
                : rows_of(growth->first, growth->n_rows, mask_of(growth->layout));
        if (batch != NULL)
            n_bytes = shale_batch_n_bytes(batch);
        shale_batch_free(&shale_mem_libc, batch);
        growth->plan = *shale_append_plan(append, n_bytes);
        status = take_bytes(&out->sink, old->data, (size_t)growth->plan.copied_bytes, NULL);
    }
    if (status == SHALE_OK)
        status = write_grown(mem, growth, &schema, append, out);
    shale_append_free(append);
    shale_reader_free(reader);
    return status;
}

/* 'bytes' grow; they are replaced. */
static void grow(struct shale_buf *bytes, struct growth *growth)
{
    struct bytes_sink out = no_bytes();
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = grow_in(&shale_mem_libc, bytes, growth, &out, &err);
    if (status != SHALE_OK)
        fail_msg("%s", err.message);
    assert_true(out.bytes.n_bytes >= (size_t)growth->plan.copied_bytes);
    shale_buf_fini(bytes);
    *bytes = out.bytes;
}

/* ---- Looking at files --------------------------------------------------------------------------
 */

struct opened {
    struct memory_file memory;
    struct shale_reader *reader;
    const struct shale_file *file;
};

static void open_bytes(const struct shale_buf *bytes, struct opened *out)
{
    struct shale_err err;
    shale_err_clear(&err);
    out->memory = memory_file_of(bytes->data, bytes->n_bytes);
    if (shale_reader_open(&shale_mem_libc, &out->memory.random, &(struct shale_reader_options){0},
                          &out->reader, &err) != SHALE_OK)
        fail_msg("%s", err.message);
    out->file = shale_reader_file(out->reader);
}

static void no_finding(struct shale_findings *findings, const struct shale_finding *finding)
{
    char text[2000];
    (void)findings;
    if (!finding->is_note)
        fail_msg("%s", shale_err_text(&finding->err, text, sizeof text));
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

/* All that the file says of itself is true. */
static void check_file(const struct shale_reader *reader)
{
    struct shale_findings findings = {no_finding};
    struct shale_checked *checked;
    const struct shale_env env = {.mem = &shale_mem_libc, .cancelled = never};
    assert_int_equal(shale_file_check(reader, &env, "file", &findings, &checked, NULL), SHALE_OK);
    shale_checked_free(reader, checked);
}

static void text_of(const struct shale_reader *reader, struct shale_buf *out)
{
    const struct shale_schema *schema = &shale_reader_file(reader)->schema;
    const struct shale_rows *rows;
    struct shale_json_rows json;
    struct shale_scan *scan;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    assert_int_equal(
        shale_json_rows_init(&json, &shale_mem_libc, schema->columns, schema->n_columns), SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while ((status = shale_scan_next(scan, &rows, &err)) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++)
            assert_int_equal(shale_json_rows_append(&json, rows->columns, i, out), SHALE_OK);
    if (status != SHALE_OK)
        fail_msg("%s", err.message);
    shale_scan_free(scan);
    shale_json_rows_fini(&json);
}

/* The file has the rows 0 to n_rows - 1, the first 'n_old' of them with 'old' columns alone. */
static void check_rows(const struct shale_buf *bytes, const struct layout *layout, int64_t n_rows,
                       const struct layout *old, int64_t n_old)
{
    struct shale_column_def defs[N_COLUMNS];
    const struct shale_schema schema = schema_of(layout, defs);
    struct bytes_sink wanted = no_bytes();
    struct shale_file_writer *writer;
    struct shale_buf texts[2];
    struct views views;
    struct opened opened;
    assert_int_equal(shale_file_writer_new(&shale_mem_libc, &schema,
                                           &(struct shale_file_writer_options){.created_by = ours},
                                           &wanted.sink, &writer, NULL),
                     SHALE_OK);
    for (int64_t k = 0; k < n_rows;) {
        int64_t n = k < n_old ? n_old : n_rows - k;
        struct shale_batch *batch = rows_of(k, n, mask_of(k < n_old ? old : layout));
        assert_int_equal(put_rows(writer, layout, batch, &views, SIZE_MAX / 4), SHALE_OK);
        shale_batch_free(&shale_mem_libc, batch);
        k += n;
    }
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    for (size_t i = 0; i < 2; i++) {
        shale_buf_init(&texts[i], &shale_mem_libc, 1 << 28);
        open_bytes(i == 0 ? bytes : &wanted.bytes, &opened);
        text_of(opened.reader, &texts[i]);
        if (i == 0) {
            assert_int_equal(opened.file->n_rows, n_rows);
            check_file(opened.reader);
        }
        shale_reader_free(opened.reader);
    }
    assert_int_equal(texts[0].n_bytes, texts[1].n_bytes);
    assert_memory_equal(texts[0].data, texts[1].data, texts[0].n_bytes);
    shale_buf_fini(&texts[0]);
    shale_buf_fini(&texts[1]);
    shale_buf_fini(&wanted.bytes);
}

/* ---- Growing -----------------------------------------------------------------------------------
 */

static void test_grows_by_row_groups(void **state)
{
    (void)state;
    for (int modern = 0; modern < 2; modern++) {
        struct shale_buf bytes = no_bytes().bytes, before = no_bytes().bytes;
        struct opened opened;
        for (int i = 0; i < 5; i++) { /* each is larger than a row group, so none is taken */
            struct growth growth = {.layout = &more_columns,
                                    .first = i * 200,
                                    .n_rows = 200,
                                    .row_group_bytes = 1000,
                                    .modern = modern};
            shale_buf_reset(&before);
            assert_int_equal(shale_buf_append_str(&before, shale_buf_str(&bytes)), SHALE_OK);
            grow(&bytes, &growth);
            assert_int_equal(growth.plan.n_copied, i);
            assert_int_equal(growth.plan.rows_copied, i * 200);
            assert_int_equal(growth.plan.rows_encoded, 0);
            if (i > 0)
                assert_memory_equal(bytes.data, before.data, (size_t)growth.plan.copied_bytes);
        }
        check_rows(&bytes, &more_columns, 1000, NULL, 0);
        open_bytes(&bytes, &opened);
        assert_int_equal(opened.file->n_row_groups, 5);
        assert_int_equal(opened.file->n_others, 0);
        for (size_t i = 0; i < 5 * opened.file->n_leaves; i++) {
            const struct shale_file_chunk *chunk =
                &opened.file->row_groups[i / opened.file->n_leaves]
                     .chunks[i % opened.file->n_leaves];
            assert_true(chunk->offset_index_at > 0 && chunk->column_index_at > 0);
            assert_true(chunk->statistics.n_nulls >= 0);
            assert_int_equal(chunk->bloom_at > 0,
                             opened.file->leaves[i % opened.file->n_leaves].type->kind !=
                                 SHALE_BOOL);
        }
        shale_reader_free(opened.reader);
        shale_buf_fini(&bytes);
        shale_buf_fini(&before);
    }
}

static void test_columns_are_added(void **state)
{
    (void)state;
    for (int n_old = 0; n_old < 400; n_old += 130) {
        struct shale_buf bytes = no_bytes().bytes;
        struct growth old = {.layout = &some_columns, .n_rows = n_old, .row_group_bytes = 1500};
        struct growth more = {.layout = &more_columns, .first = n_old, .n_rows = 70};
        struct growth again = {.layout = &more_columns, .first = n_old + 70, .n_rows = 30};
        struct opened opened;
        grow(&bytes, &old);
        more.row_group_bytes = again.row_group_bytes = old.row_group_bytes;
        grow(&bytes, &more);
        assert_int_equal(more.plan.n_added, 6);
        assert_null(more.plan.why);
        assert_int_equal(more.plan.n_copied, n_old > 0);
        check_rows(&bytes, &more_columns, n_old + 70, &some_columns, n_old);
        grow(&bytes, &again);
        assert_int_equal(again.plan.n_added, 0);
        check_rows(&bytes, &more_columns, n_old + 100, &some_columns, n_old);
        open_bytes(&bytes, &opened);
        assert_int_equal(opened.file->n_row_groups, n_old > 0 ? 3 : 2);
        shale_reader_free(opened.reader);
        shale_buf_fini(&bytes);
    }
}

/* Some readers want the chunks in the order of the columns. */
static void test_another_order_is_encoded_again(void **state)
{
    static const struct layout *const layouts[] = {&other_order, &one_between, &more_columns};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct shale_buf bytes = no_bytes().bytes;
        struct growth old = {.layout = &some_columns, .n_rows = 100, .row_group_bytes = 1000};
        struct growth more = {
            .layout = layouts[i], .first = 100, .n_rows = 100, .row_group_bytes = 1000};
        struct shale_column_def defs[N_COLUMNS];
        const struct shale_schema schema = schema_of(layouts[i], defs);
        size_t order[N_COLUMNS];
        struct opened opened;
        grow(&bytes, &old);
        open_bytes(&bytes, &opened);
        shale_append_order(opened.reader, &schema, order);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(layouts[i]->columns[order[k]], some_columns.columns[k]);
        for (size_t k = 4; k < N_COLUMNS; k++)
            assert_true(order[k] > order[k - 1]);
        shale_reader_free(opened.reader);
        grow(&bytes, &more);
        assert_int_equal(more.plan.why == NULL, i == 2);
        assert_int_equal(more.plan.n_copied, i == 2);
        check_rows(&bytes, layouts[i], 200, &some_columns, 100);
        shale_buf_fini(&bytes);
    }
}

/* Rows that are encoded again get the new columns' nulls as well. */
static void test_columns_are_added_to_a_small_tail(void **state)
{
    struct shale_buf bytes = no_bytes().bytes;
    struct growth old = {.layout = &some_columns, .n_rows = 20};
    struct growth more = {.layout = &more_columns, .first = 20, .n_rows = 70};
    (void)state;
    grow(&bytes, &old);
    grow(&bytes, &more);
    assert_int_equal(more.plan.rows_encoded, 20);
    assert_int_equal(more.plan.copied_bytes, 0);
    check_rows(&bytes, &more_columns, 90, &some_columns, 20);
    shale_buf_fini(&bytes);
}

/* A file without rows and columns that fit grows as well, and so does one by nothing. */
static void test_grows_from_and_by_nothing(void **state)
{
    struct shale_buf bytes = no_bytes().bytes;
    struct growth none = {.layout = &some_columns};
    struct growth rows = {.layout = &more_columns, .n_rows = 50};
    struct growth nothing = {.layout = &more_columns, .first = 50};
    (void)state;
    grow(&bytes, &none);
    grow(&bytes, &none);
    check_rows(&bytes, &some_columns, 0, NULL, 0);
    grow(&bytes, &rows);
    check_rows(&bytes, &more_columns, 50, NULL, 0);
    grow(&bytes, &nothing);
    assert_int_equal(nothing.plan.rows_copied, 50);
    check_rows(&bytes, &more_columns, 50, NULL, 0);
    shale_buf_fini(&bytes);
}

/* ---- Refusals ----------------------------------------------------------------------------------
 */

static void refused(const struct shale_buf *bytes, const struct shale_schema *schema,
                    enum shale_error code)
{
    struct memory_file file = memory_file_of(bytes->data, bytes->n_bytes);
    struct shale_append_options options = {.schema = schema};
    struct shale_append *append;
    struct shale_reader *reader;
    struct shale_err err;
    shale_err_clear(&err);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file.random,
                                       &(struct shale_reader_options){0}, &reader, &err),
                     SHALE_OK);
    assert_int_equal(shale_append_new(&shale_mem_libc, reader, &options, &append, &err),
                     shale_error_status(code));
    assert_int_equal(err.code, code);
    assert_null(append);
    shale_reader_free(reader);
}

static void test_refuses_other_columns(void **state)
{
    struct shale_buf bytes = no_bytes().bytes;
    struct growth old = {.layout = &more_columns, .n_rows = 20};
    struct shale_column_def defs[N_COLUMNS];
    const struct shale_schema schema = schema_of(&more_columns, defs);
    (void)state;
    grow(&bytes, &old);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        struct shale_column_def def = defs[i];
        if (def.partition_only)
            continue;
        defs[i].name = SHALE_STR("another");
        refused(&bytes, &schema, SHALE_E_parquet_append);
        defs[i] = def;
        if (def.type.n_members > 0)
            defs[i].type.members =
                more_columns.columns[i] == COLUMN_LIST_BOOL ? &element_string : &element_bool;
        else
            defs[i].type = (struct shale_type){.kind = SHALE_DATE};
        refused(&bytes, &schema, SHALE_E_parquet_append_type);
        defs[i] = def;
    }
    assert_int_equal(defs[9].type.kind, SHALE_DECIMAL);
    defs[9].type.scale = 3;
    refused(&bytes, &schema, SHALE_E_parquet_append_type);
    shale_buf_fini(&bytes);
}

/* ---- Footers of others -------------------------------------------------------------------------
 */

enum { N_MADE = 3, BODY = 400 };

static const struct made_node made_nodes[] = {
    GROUP("schema", -1, N_MADE),
    LEAF("a", SHALE_PHYSICAL_INT32, SHALE_REPETITION_OPTIONAL),
    LEAF("b", SHALE_PHYSICAL_BYTE_ARRAY, SHALE_REPETITION_OPTIONAL),
    LEAF("c", SHALE_PHYSICAL_INT32, SHALE_REPETITION_OPTIONAL),
};

static const struct shale_column_def made_defs[] = {
    {.name = {"a", 1}, .type = {.kind = SHALE_INT32}},
    {.name = {"b", 1}, .type = {.kind = SHALE_BINARY}},
    {.name = {"c", 1}, .type = {.kind = SHALE_INT32}},
};
static const struct shale_schema made_schema = {made_defs, N_MADE};

/* Two row groups of three rows, whose pages nobody reads: chunks of 30 bytes from byte 4 on. */
struct made {
    struct made_node nodes[N_MADE + 1];
    struct made_chunk chunks[2 * N_MADE];
    int64_t rows[2];
    struct made_file file;
    char body[BODY];
};

static void make(struct made *made)
{
    memcpy(made->nodes, made_nodes, sizeof made_nodes);
    for (size_t i = 0; i < 2 * N_MADE; i++) {
        made->chunks[i] = good_chunk(made_nodes[1 + i % N_MADE].physical);
        made->chunks[i].compressed = 30;
        made->chunks[i].data_at = 4 + 30 * (int64_t)i;
    }
    for (size_t i = 0; i < BODY; i++)
        made->body[i] = (char)i;
    made->rows[0] = made->rows[1] = 3;
    made->file = (struct made_file){.nodes = made->nodes,
                                    .n_nodes = N_MADE + 1,
                                    .chunks = made->chunks,
                                    .group_rows = made->rows,
                                    .n_groups = 2,
                                    .n_chunks = N_MADE,
                                    .n_rows = 6,
                                    .group_bytes = 180,
                                    .sorting = -1,
                                    .created_by = "another version 1",
                                    .body = {made->body, BODY}};
}

static struct shale_buf bytes_of(const struct made *made)
{
    struct shale_buf bytes = no_bytes().bytes;
    assert_int_equal(make_file(&made->file, &bytes), SHALE_OK);
    return bytes;
}

/* Grown by no rows: what is found in the new footer. */
static void grow_made(const struct made *made, const struct shale_schema *schema,
                      struct shale_append_plan *plan, struct bytes_sink *out, struct opened *opened)
{
    struct shale_buf bytes = bytes_of(made);
    struct shale_append_options options = {.schema = schema};
    struct shale_append *append;
    struct shale_parquet *parquet;
    const struct shale_key_value *pairs;
    struct opened old;
    size_t n_pairs;
    struct shale_err err;
    shale_err_clear(&err);
    *out = no_bytes();
    open_bytes(&bytes, &old);
    if (shale_append_new(&shale_mem_libc, old.reader, &options, &append, &err) != SHALE_OK)
        fail_msg("%s", err.message);
    *plan = *shale_append_plan(append, 0);
    assert_int_equal(shale_parquet_new(&shale_mem_libc, schema, SHALE_CODEC_NONE, ours, &parquet),
                     SHALE_OK);
    assert_int_equal(take_bytes(&out->sink, bytes.data, (size_t)plan->copied_bytes, NULL),
                     SHALE_OK);
    assert_int_equal(shale_append_begin(append, parquet, &out->sink, NULL), SHALE_OK);
    assert_int_equal(shale_append_pairs(append, NULL, 0, &pairs, &n_pairs, NULL), SHALE_OK);
    assert_int_equal(shale_parquet_finish(parquet, pairs, n_pairs, &out->sink, NULL), SHALE_OK);
    assert_int_equal(shale_parquet_n_bytes(parquet), out->bytes.n_bytes);
    assert_memory_equal(out->bytes.data, bytes.data, (size_t)plan->copied_bytes);
    shale_parquet_free(parquet);
    shale_append_free(append);
    shale_reader_free(old.reader);
    shale_buf_fini(&bytes);
    open_bytes(&out->bytes, opened);
}

static void close_grown(struct opened *opened, struct bytes_sink *out)
{
    shale_reader_free(opened->reader);
    shale_buf_fini(&out->bytes);
}

static const struct shale_file_chunk *chunk_of(const struct opened *opened, size_t group,
                                               size_t leaf)
{
    return &opened->file->row_groups[group].chunks[leaf];
}

/* Everything that a footer may say of a chunk stays. */
static void test_keeps_what_the_footer_says(void **state)
{
    struct made made;
    struct shale_append_plan plan;
    struct bytes_sink out;
    struct opened opened;
    const struct shale_file_chunk *chunk;
    (void)state;
    make(&made);
    made.file.sorting = 2;
    made.file.n_orders = N_MADE;
    made.chunks[1].dictionary_at = 34;
    made.chunks[1].data_at = 40;
    made.chunks[1].n_nulls = 1;
    made.chunks[1].n_distinct = 2;
    made.chunks[1].min = SHALE_STR("ab");
    made.chunks[1].max = SHALE_STR("yz");
    made.chunks[1].has_exact = true;
    made.chunks[1].page_counts[2] = 7;
    made.chunks[1].histogram = 5;
    grow_made(&made, &made_schema, &plan, &out, &opened);
    assert_int_equal(plan.copied_bytes, 4 + BODY); /* up to the footer: there is no index */
    assert_int_equal(plan.n_copied, 2);
    assert_int_equal(opened.file->n_rows, 6);
    assert_int_equal(opened.file->n_others, 2);
    chunk = chunk_of(&opened, 0, 1);
    assert_int_equal(chunk->dictionary_page_at, 34);
    assert_int_equal(chunk->data_page_at, 40);
    assert_int_equal(chunk->compressed_bytes, 30);
    assert_int_equal(chunk->uncompressed_bytes, 60);
    assert_int_equal(chunk->n_values, 3);
    assert_int_equal(chunk->statistics.n_nulls, 1);
    assert_int_equal(chunk->statistics.n_distinct, 2);
    assert_true(shale_str_is(chunk->statistics.minimum.value, "ab"));
    assert_true(shale_str_is(chunk->statistics.maximum.value, "yz"));
    assert_true(chunk->statistics.maximum.exact_is_said && !chunk->statistics.maximum.exact);
    assert_int_equal(chunk->page_counts[0].n, 7);
    assert_int_equal(chunk->definition_histogram[1], 5);
    assert_int_equal(chunk->n_encodings, 2);
    chunk = chunk_of(&opened, 1, 2);
    assert_int_equal(chunk->begin, 4 + 5 * 30);
    assert_int_equal(opened.file->row_groups[1].n_sorting, 1);
    assert_int_equal(opened.file->row_groups[1].sorting[0].leaf, 2);
    assert_true(opened.file->row_groups[1].sorting[0].descending);
    assert_true(shale_str_is(opened.file->key_values[0].key, "a key"));
    assert_true(shale_str_is(opened.file->key_values[1].value, "2 another version 1"));
    close_grown(&opened, &out);
}

/* Under our name readers would believe bounds in an order that is not known. */
static void test_drops_bounds_of_unknown_order(void **state)
{
    struct made made;
    struct shale_append_plan plan;
    struct bytes_sink out;
    struct opened opened;
    (void)state;
    make(&made);
    for (size_t i = 0; i < N_MADE; i++) {
        made.chunks[i].old_min = made.chunks[i].old_max = SHALE_STR("abcd");
        made.chunks[i].column_index[0] = 300 + 10 * (int64_t)i;
        made.chunks[i].offset_index[0] = 350 + 10 * (int64_t)i;
        made.chunks[i].column_index[1] = made.chunks[i].offset_index[1] = 10;
    }
    grow_made(&made, &made_schema, &plan, &out, &opened);
    for (size_t i = 0; i < N_MADE; i++) {
        const struct shale_file_chunk *chunk = chunk_of(&opened, 0, i);
        bool is_text = i == 1;
        assert_int_equal(chunk->statistics.minimum.present, !is_text);
        assert_int_equal(chunk->column_index_at >= 0, !is_text);
        if (!is_text)
            assert_memory_equal(out.bytes.data + chunk->column_index_at, made.body + 296 + 10 * i,
                                10);
        assert_memory_equal(out.bytes.data + chunk->offset_index_at, made.body + 346 + 10 * i, 10);
        assert_true(chunk->column_index_at < chunk->offset_index_at);
    }
    assert_int_equal(plan.copied_bytes, 300); /* where the indexes begin */
    close_grown(&opened, &out);
}

/* In place, right behind, or somewhere else. */
static void test_moves_bloom_filters(void **state)
{
    struct made made;
    struct shale_append_plan plan;
    struct bytes_sink out;
    struct opened opened;
    (void)state;
    make(&made);
    for (size_t i = 0; i < N_MADE; i++)
        made.chunks[i].bloom[1] = 20;
    made.chunks[N_MADE].data_at = 240; /* the filters of the first row group are between */
    made.chunks[0].bloom[0] = 94;
    made.chunks[1].bloom[0] = 270; /* behind all pages */
    made.chunks[2].bloom[0] = 330; /* and there is something before it */
    grow_made(&made, &made_schema, &plan, &out, &opened);
    assert_int_equal(plan.copied_bytes, 330);
    assert_int_equal(chunk_of(&opened, 0, 0)->bloom_at, 94);
    assert_int_equal(chunk_of(&opened, 0, 1)->bloom_at, 270);
    assert_int_equal(chunk_of(&opened, 0, 2)->bloom_at, 330);
    for (size_t i = 0; i < N_MADE; i++) {
        const struct shale_file_chunk *chunk = chunk_of(&opened, 0, i);
        const int64_t places[] = {94, 270, 330};
        assert_int_equal(chunk->bloom_bytes, 20);
        assert_memory_equal(out.bytes.data + chunk->bloom_at, made.body + places[i] - 4, 20);
    }
    close_grown(&opened, &out);
}

/* ---- Why all is encoded again ------------------------------------------------------------------
 */

static const char *why(const struct made *made, const struct shale_schema *schema)
{
    struct shale_buf bytes = bytes_of(made);
    struct shale_append_options options = {.schema = schema};
    struct shale_append *append;
    struct opened old;
    const char *reason;
    open_bytes(&bytes, &old);
    assert_int_equal(shale_append_new(&shale_mem_libc, old.reader, &options, &append, NULL),
                     SHALE_OK);
    reason = shale_append_plan(append, 0)->why;
    assert_int_equal(shale_append_plan(append, 0)->n_copied, reason == NULL ? 2 : 0);
    shale_append_free(append);
    shale_reader_free(old.reader);
    shale_buf_fini(&bytes);
    return reason;
}

static void test_says_why_it_encodes(void **state)
{
    static const char *const encoded[] = {
        "parquet-mr version 1.8.1 (build x)", "parquet-mr", "parquet-mr (build x)",
        "parquet-cpp version 1.5.1-SNAPSHOT", "parquet-cpp-arrow version 2.9.9"};
    static const char *const copied[] = {"parquet-mr version 1.8.2",
                                         "parquet-mr version 1.12.0 (build x)",
                                         "parquet-cpp-arrow version 3.0.0",
                                         "parquet-mrs version 1.0.0",
                                         "Polars",
                                         "",
                                         "shale version 1"};
    struct made made;
    (void)state;
    make(&made);
    for (size_t i = 0; i < sizeof encoded / sizeof *encoded; i++) {
        made.file.created_by = encoded[i];
        assert_non_null(why(&made, &made_schema));
    }
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        made.file.created_by = copied[i];
        assert_null(why(&made, &made_schema));
    }
    made.nodes[2].repetition = SHALE_REPETITION_REQUIRED;
    assert_non_null(strstr(why(&made, &made_schema), "required"));
}

/* As a decimal in bytes. */
static void test_encodes_another_physical_type(void **state)
{
    struct shale_column_def defs[N_MADE];
    const struct shale_schema schema = {defs, N_MADE};
    struct made made;
    (void)state;
    make(&made);
    memcpy(defs, made_defs, sizeof defs);
    made.nodes[2].logical = SHALE_LOGICAL_DECIMAL;
    made.nodes[2].precision = 7;
    made.nodes[2].scale = 2;
    defs[1].type = (struct shale_type){.kind = SHALE_DECIMAL, .precision = 7, .scale = 2};
    assert_non_null(strstr(why(&made, &schema), "physical"));
}

static void test_refuses_what_cannot_be(void **state)
{
    static const struct {
        size_t chunk;
        int64_t at, n_bytes;
    } bad[] = {{1, 33, 30}, {5, 4, 30}, {0, 3, 30}, {2, 64, 31}, {0, 0, 30}};
    struct made made;
    struct shale_buf bytes;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make(&made);
        made.chunks[bad[i].chunk].data_at = bad[i].at;
        made.chunks[bad[i].chunk].compressed = bad[i].n_bytes;
        bytes = bytes_of(&made);
        refused(&bytes, &made_schema, SHALE_E_parquet_append_overlap);
        shale_buf_fini(&bytes);
    }
    make(&made);
    made.chunks[4].encrypted = true;
    bytes = bytes_of(&made);
    refused(&bytes, &made_schema, SHALE_E_parquet_chunk_unsupported);
    shale_buf_fini(&bytes);
    make(&made);
    made.nodes[2].converted = SHALE_CONVERTED_BSON;
    bytes = bytes_of(&made);
    refused(&bytes, &made_schema, SHALE_E_parquet_append);
    shale_buf_fini(&bytes);
    make(&made);
    made.nodes[1].name = "c"; /* twice, and no a */
    bytes = bytes_of(&made);
    refused(&bytes, &made_schema, SHALE_E_parquet_append);
    shale_buf_fini(&bytes);
}

/* ---- The rule ----------------------------------------------------------------------------------
 */

enum { MOST_GROUPS = 1000 };

/* 10,000 times 100 rows of 'each' bytes: the sizes of the row groups alone. */
static void grow_by_rule(size_t each, size_t row_group_bytes, size_t *n_groups, size_t *most_groups,
                         size_t *n_encoded)
{
    size_t groups[MOST_GROUPS], n = 0;
    *most_groups = *n_encoded = 0;
    for (int i = 0; i < 10000; i++) {
        size_t n_taken = shale_append_tail(groups, n, 100 * each, row_group_bytes),
               sum = 100 * each;
        while (n_taken-- > 0)
            sum += groups[--n];
        *n_encoded += sum / each - 100;
        for (; sum >= row_group_bytes; sum -= row_group_bytes) /* as the writer cuts them */
            groups[n++] = row_group_bytes;
        if (sum > 0)
            groups[n++] = sum;
        assert_true(n < MOST_GROUPS);
        *most_groups = n > *most_groups ? n : *most_groups;
    }
    *n_groups = n;
}

static void test_rule_bounds_groups_and_rows(void **state)
{
    static const struct {
        size_t each, row_group_bytes, most_groups, most_encodings;
    } cases[] = {
        {100, 32 << 20, 14, 6}, /* a million rows: 95 MiB */
        {1000, 32 << 20, 46, 5},
        {8, 32 << 20, 13, 7}, /* never one whole row group */
        {100, 1 << 20, 161, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n_groups, most, n_encoded;
        grow_by_rule(cases[i].each, cases[i].row_group_bytes, &n_groups, &most, &n_encoded);
        print_message("%zu bytes a row, row groups of %zu: %zu row groups (%zu at most), "
                      "%.2f encodings a row more\n",
                      cases[i].each, cases[i].row_group_bytes, n_groups, most,
                      (double)n_encoded / 1e6);
        assert_true(most <= cases[i].most_groups);
        assert_true(n_encoded <= cases[i].most_encodings * 1000000);
    }
}

static void test_rule_by_itself(void **state)
{
    static const size_t bytes[] = {5, 499, 100, 40, 10};
    (void)state;
    assert_int_equal(shale_append_tail(bytes, 5, 9, 1000), 0);
    assert_int_equal(shale_append_tail(bytes, 5, 10, 1000), 1); /* 20 < 40 */
    assert_int_equal(shale_append_tail(bytes, 5, 30, 1000), 2);
    assert_int_equal(shale_append_tail(bytes, 5, 50, 1000), 3);
    assert_int_equal(shale_append_tail(bytes, 5, 349, 1000), 5);
    assert_int_equal(shale_append_tail(bytes, 5, 349, 998), 3); /* 499 is half of it */
    assert_int_equal(shale_append_tail(bytes, 5, SIZE_MAX, 1000), 5);
    assert_int_equal(shale_append_tail(bytes, 0, SIZE_MAX, 1000), 0);
    assert_int_equal(shale_append_tail((const size_t[]){490, 490, 490}, 3, SIZE_MAX, 1000), 2);
}

/* With files: each is what it should be, and at the end all rows are there. */
static void test_small_appends(void **state)
{
    struct shale_buf bytes = no_bytes().bytes;
    int64_t n_encoded = 0;
    struct opened opened;
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct growth growth = {.layout = i < 20 ? &some_columns : &more_columns,
                                .first = 10 * i,
                                .n_rows = 10,
                                .row_group_bytes = 1 << 20,
                                .created_by = ours};
        grow(&bytes, &growth);
        n_encoded += growth.plan.rows_encoded;
        assert_true(growth.plan.n_copied <= 9);
        if (i % 30 == 7)
            check_rows(&bytes, growth.layout, 10 * (i + 1), &some_columns,
                       growth.layout == &more_columns ? 200 : 0);
    }
    check_rows(&bytes, &more_columns, 1500, &some_columns, 200);
    assert_true(n_encoded < 1500 * 8);
    open_bytes(&bytes, &opened);
    assert_true(opened.file->n_row_groups <= 9);
    shale_reader_free(opened.reader);
    shale_buf_fini(&bytes);
}

/* ---- Pairs -------------------------------------------------------------------------------------
 */

static void check_pairs(const struct shale_buf *bytes, const char *wanted)
{
    struct opened opened;
    char found[300] = "";
    size_t at = 0;
    open_bytes(bytes, &opened);
    for (size_t i = 0; i < opened.file->n_key_values; i++)
        at += (size_t)snprintf(found + at, sizeof found - at, "%.*s=%.*s ",
                               SHALE_STR_ARG(opened.file->key_values[i].key),
                               SHALE_STR_ARG(opened.file->key_values[i].value));
    assert_string_equal(found, wanted);
    shale_reader_free(opened.reader);
}

static void test_pairs(void **state)
{
    const struct shale_key_value first[] = {{SHALE_STR("pandas"), SHALE_STR("p")},
                                            {SHALE_STR("ARROW:schema"), SHALE_STR("s")},
                                            {SHALE_STR("shale.x"), SHALE_STR("x")},
                                            {SHALE_STR("k"), SHALE_STR("1")},
                                            {SHALE_STR("l"), SHALE_STR("2")}};
    const struct shale_key_value second[] = {{SHALE_STR("k"), SHALE_STR("3")},
                                             {SHALE_STR("shale.y"), SHALE_STR("y")}};
    struct shale_buf bytes = no_bytes().bytes;
    struct growth growth = {.layout = &some_columns,
                            .n_rows = 5,
                            .pairs = first,
                            .n_pairs = 5,
                            .created_by = "another"};
    (void)state;
    grow(&bytes, &growth);
    growth.n_rows = 0;
    growth.created_by = ours;
    growth.pairs = second;
    growth.n_pairs = 2;
    grow(&bytes, &growth);
    check_pairs(&bytes, "pandas=p ARROW:schema=s l=2 k=3 shale.y=y shale.others=1 another ");
    growth.layout = &more_columns;
    growth.n_pairs = 0;
    grow(&bytes, &growth);
    check_pairs(&bytes, "l=2 k=3 shale.others=1 another ");
    growth.n_rows = 500; /* all is encoded again */
    grow(&bytes, &growth);
    check_pairs(&bytes, "l=2 k=3 ");
    shale_buf_fini(&bytes);
}

/* ---- Failures ----------------------------------------------------------------------------------
 */

/* A file with all there is to keep, that others wrote. */
static struct shale_buf one_to_grow(void)
{
    struct shale_buf bytes = no_bytes().bytes;
    for (int i = 0; i < 3; i++) {
        struct growth growth = {.layout = &some_columns,
                                .first = i * 50,
                                .n_rows = i < 2 ? 50 : 5,
                                .row_group_bytes = i < 2 ? 1000 : 5000,
                                .created_by = i == 0 ? "another" : ours,
                                .new_bytes = 300};
        grow(&bytes, &growth);
    }
    return bytes;
}

static void test_every_allocation_may_fail(void **state)
{
    struct shale_buf bytes = one_to_grow();
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct growth growth = {.layout = &more_columns,
                                .first = 105,
                                .n_rows = 20,
                                .row_group_bytes = 5000,
                                .new_bytes = 300};
        struct bytes_sink out = no_bytes();
        struct failing_mem failing;
        failing_mem_init(&failing, ++n);
        status = grow_in(&failing.mem, &bytes, &growth, &out, NULL);
        if (status == SHALE_OK) {
            assert_int_equal(growth.plan.n_copied, 2);
            assert_int_equal(growth.plan.n_encoded, 1);
            check_rows(&out.bytes, &more_columns, 125, &some_columns, 105);
        }
        shale_buf_fini(&out.bytes);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 60);
    shale_buf_fini(&bytes);
}

static void test_fails_with_its_sink(void **state)
{
    struct shale_buf bytes = one_to_grow();
    enum shale_status status = SHALE_IO;
    (void)state;
    for (size_t most = 0; status == SHALE_IO; most += 97) {
        struct growth growth = {.layout = &more_columns, .first = 105, .n_rows = 20};
        struct bytes_sink out = no_bytes();
        out.most = most;
        status = grow_in(&shale_mem_libc, &bytes, &growth, &out, NULL);
        shale_buf_fini(&out.bytes);
    }
    assert_int_equal(status, SHALE_OK);
    shale_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_by_row_groups),
        cmocka_unit_test(test_columns_are_added),
        cmocka_unit_test(test_another_order_is_encoded_again),
        cmocka_unit_test(test_columns_are_added_to_a_small_tail),
        cmocka_unit_test(test_grows_from_and_by_nothing),
        cmocka_unit_test(test_refuses_other_columns),
        cmocka_unit_test(test_keeps_what_the_footer_says),
        cmocka_unit_test(test_drops_bounds_of_unknown_order),
        cmocka_unit_test(test_moves_bloom_filters),
        cmocka_unit_test(test_says_why_it_encodes),
        cmocka_unit_test(test_encodes_another_physical_type),
        cmocka_unit_test(test_refuses_what_cannot_be),
        cmocka_unit_test(test_rule_bounds_groups_and_rows),
        cmocka_unit_test(test_rule_by_itself),
        cmocka_unit_test(test_small_appends),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_fails_with_its_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
