/* SPDX-License-Identifier: MIT */
/* The bytes of a checkpoint file: old row groups as they are, small ones at the end together with
 * the new rows, of these full row groups as they are, then the footer.  At most one row group's
 * rows are in memory. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "columns/batch.h"
#include "columns/gather.h"
#include "columns/order.h"
#include "dataset/single_parts.h"
#include "parquet/append.h"
#include "parquet/parquet.h"

enum { ROW_GROUP_BYTES = 32 << 20 };

/* ---- Rows that wait for their row group --------------------------------------------------------
 */

struct rows {
    const struct shale_mem *mem;
    const struct shale_single_options *options;
    struct shale_parquet *parquet;
    struct shale_sink *sink;
    struct shale_chunk_writer *chunks;
    struct shale_chunk_meta *metas; /* one a leaf */
    size_t n_leaves;
    struct shale_batch **batches;
    size_t n_batches, capacity;
    size_t n_bytes; /* of them */
    int64_t n_rows;
    /* sort_by: the order of the rows (NULL: as they came), and what is said of it. */
    struct shale_row_ref *order;
    struct shale_parquet_sorting *sorting;
    size_t n_sorting;
};

static void drop_batches(struct rows *rows)
{
    for (size_t i = 0; i < rows->n_batches; i++)
        shale_batch_free(rows->mem, rows->batches[i]);
    shale_mem_free(rows->mem, rows->order);
    rows->order = NULL;
    rows->n_batches = rows->n_bytes = 0;
    rows->n_rows = 0;
}

static void rows_fini(struct rows *rows)
{
    drop_batches(rows);
    for (size_t i = 0; i < rows->n_leaves && rows->metas != NULL; i++)
        shale_chunk_meta_fini(&rows->metas[i]);
    shale_mem_free(rows->mem, rows->batches);
    shale_mem_free(rows->mem, rows->metas);
    shale_mem_free(rows->mem, rows->sorting);
    shale_chunk_writer_free(rows->chunks);
}

static enum shale_status rows_init(struct rows *rows, const struct shale_single *single,
                                   struct shale_parquet *parquet, struct shale_sink *sink)
{
    const struct shale_mem *mem = single->store->env->mem;
    *rows = (struct rows){.mem = mem,
                          .options = &single->options,
                          .parquet = parquet,
                          .sink = sink,
                          .n_leaves = shale_leaf_count(single->options.schema)};
    rows->metas = shale_mem_zeroed(mem, rows->n_leaves, sizeof *rows->metas);
    rows->sorting = shale_mem_zeroed(mem, single->options.n_sort_by + 1, sizeof *rows->sorting);
    if (rows->metas == NULL || rows->sorting == NULL)
        return SHALE_NOMEM;
    return shale_chunk_writer_new(mem, &rows->chunks);
}

/* Column 'column' of all batches, linked, in one allocation: [n_batches] pointers, then nodes. */
static const struct shale_column **view_column(const struct rows *rows, size_t column,
                                               const struct shale_type *type)
{
    size_t n_nodes = shale_type_n_nodes(type), n = rows->n_batches;
    struct shale_column *nodes;
    const struct shale_column **columns = shale_mem_alloc(
        rows->mem, n * n_nodes * sizeof *nodes + n * sizeof *columns + sizeof *nodes);
    if (columns == NULL)
        return NULL;
    nodes = (struct shale_column *)(void *)(columns + n + n % 2);
    for (size_t i = 0; i < n; i++) {
        columns[i] = nodes + i * n_nodes;
        shale_batch_column(rows->batches[i], column, nodes + i * n_nodes);
    }
    return columns;
}

static enum shale_status first_order(struct rows *rows)
{
    size_t at = 0;
    rows->order = shale_mem_resize(rows->mem, NULL, (size_t)rows->n_rows + 1, sizeof *rows->order);
    if (rows->order == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < rows->n_batches; i++)
        for (int64_t row = 0; row < shale_batch_n_rows(rows->batches[i]); row++)
            rows->order[at++] = (struct shale_row_ref){(uint32_t)i, (uint32_t)row};
    return SHALE_OK;
}

static enum shale_status make_order(struct rows *rows)
{
    const struct shale_single_options *options = rows->options;
    const struct shale_schema *schema = options->schema;
    enum shale_status status = SHALE_OK;
    rows->n_sorting = options->n_sort_by;
    if (options->n_sort_by > 0)
        status = first_order(rows);
    for (size_t i = options->n_sort_by; i > 0 && status == SHALE_OK; i--) {
        const struct shale_schema before = {schema->columns, options->sort_by[i - 1]};
        const struct shale_type *type = &schema->columns[options->sort_by[i - 1]].type;
        const struct shale_column **columns =
            view_column(rows, shale_leaf_n_columns(&before), type);
        bool has_nan = false;
        status = columns == NULL ? SHALE_NOMEM
                                 : shale_order_by(rows->mem, type, columns, rows->order,
                                                  (size_t)rows->n_rows, &has_nan);
        shale_mem_free(rows->mem, columns);
        rows->sorting[i - 1] =
            (struct shale_parquet_sorting){.leaf = (int32_t)shale_leaf_count(&before)};
        /* Readers are told only of orders that the format defines: not of NaN's, not of INT96. */
        if (has_nan || type->int96)
            rows->n_sorting = i - 1;
    }
    return status;
}

/* ---- Row groups --------------------------------------------------------------------------------
 */

/* One column: of the batches one after the other, or gathered in the order. */
struct column {
    struct shale_column_stream stream; /* first member */
    const struct shale_column **columns;
    size_t n, next;
    struct shale_gather *gather;
    struct shale_str name;
};

static enum shale_status next_batch(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct column *column = (struct column *)(void *)stream;
    (void)err;
    *out = column->next < column->n ? column->columns[column->next++] : NULL;
    return SHALE_OK;
}

static enum shale_status next_gathered(struct shale_column_stream *stream,
                                       const struct shale_column **out, struct shale_err *err)
{
    struct column *column = (struct column *)(void *)stream;
    enum shale_status status = shale_gather_next(column->gather, out);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, parquet_page_too_large, SHALE_STR_ARG(column->name));
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

static enum shale_status write_leaf(struct rows *rows, size_t number, struct shale_err *err)
{
    struct column column = {.stream = {next_batch}, .n = rows->n_batches};
    struct shale_leaf leaf;
    size_t index;
    enum shale_status status = SHALE_OK;
    shale_leaf_find(rows->options->schema, number, &index, &leaf);
    column.name = leaf.column->name;
    column.columns = view_column(rows, index, &leaf.column->type);
    if (column.columns == NULL)
        return SHALE_ERR(err, no_memory);
    if (rows->order != NULL) {
        column.stream.next = next_gathered;
        status = shale_gather_new(rows->mem, &leaf.column->type, &column.gather);
        if (status == SHALE_OK)
            shale_gather_begin(column.gather, column.columns, rows->order, rows->n_rows);
        else
            status = SHALE_ERR(err, no_memory);
    }
    if (status == SHALE_OK)
        status = shale_chunk_write(rows->chunks, &leaf, &rows->options->chunk, &column.stream,
                                   rows->sink, &rows->metas[number], err);
    shale_gather_free(column.gather);
    shale_mem_free(rows->mem, column.columns);
    return status;
}

static enum shale_status cut(struct rows *rows, struct shale_err *err)
{
    struct shale_row_group group = {.metas = rows->metas, .n_rows = rows->n_rows};
    enum shale_status status = SHALE_OK;
    if (rows->n_rows == 0)
        return SHALE_OK;
    if (make_order(rows) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < rows->n_leaves && status == SHALE_OK; i++)
        status = write_leaf(rows, i, err);
    group.sorting = rows->sorting;
    group.n_sorting = rows->n_sorting;
    if (status == SHALE_OK)
        status = shale_parquet_row_group(rows->parquet, &group, rows->sink, err);
    drop_batches(rows);
    return status;
}

static size_t group_limit(const struct rows *rows)
{
    return rows->options->row_group_bytes > 0 ? rows->options->row_group_bytes : ROW_GROUP_BYTES;
}

static enum shale_status take(struct rows *rows, const struct shale_rows *from,
                              struct shale_err *err)
{
    if (rows->n_batches == rows->capacity) {
        size_t capacity = rows->capacity * 2 + 16;
        struct shale_batch **batches =
            shale_mem_resize(rows->mem, rows->batches, capacity, sizeof *batches);
        if (batches == NULL)
            return SHALE_ERR(err, no_memory);
        rows->batches = batches;
        rows->capacity = capacity;
    }
    if (shale_batch_copy(rows->mem, rows->options->schema, from->columns, from->n_rows,
                         &rows->batches[rows->n_batches]) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    rows->n_bytes += shale_batch_n_bytes(rows->batches[rows->n_batches++]);
    rows->n_rows += from->n_rows;
    return rows->n_bytes < group_limit(rows) ? SHALE_OK : cut(rows, err);
}

static enum shale_status take_all(struct rows *rows, struct shale_append *append,
                                  struct shale_err *err)
{
    const struct shale_rows *next;
    enum shale_status status;
    while ((status = shale_append_next(append, &next, err)) == SHALE_OK && next != NULL) {
        status = take(rows, next, err);
        if (status != SHALE_OK)
            break;
    }
    return status;
}

/* ---- The new rows ------------------------------------------------------------------------------
 */

static enum shale_status append_to(const struct shale_single *single,
                                   const struct shale_single_file *file, size_t row_group_bytes,
                                   struct shale_append **out, struct shale_err *err)
{
    const struct shale_append_options options = {.schema = single->options.schema,
                                                 .chunk = single->options.chunk,
                                                 .row_group_bytes = row_group_bytes,
                                                 .local_is_utc = true};
    return shale_append_new(single->store->env->mem, file->reader, &options, out, err);
}

static enum shale_status parquet_new(const struct shale_single *single, struct shale_parquet **out,
                                     struct shale_err *err)
{
    const struct shale_single_options *options = &single->options;
    return shale_parquet_new(single->store->env->mem, options->schema, options->chunk.codec,
                             options->created_by, out) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

/* A run's row groups are full but for the last.  They are moved as they are; what waits goes in
 * front of them, so that there is at most one small row group more for each that has half of the
 * bytes. */
static enum shale_status move_large(struct rows *rows, struct shale_append *append, size_t n,
                                    size_t *n_moved, struct shale_err *err)
{
    size_t limit = group_limit(rows);
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n && status == SHALE_OK && shale_append_moves(append, i) &&
                       shale_append_row_group_bytes(append, i) >= limit / 2;
         i++) {
        status = cut(rows, err);
        if (status == SHALE_OK)
            status = shale_append_move(append, i, rows->parquet, rows->sink, err);
        *n_moved = i + 1;
    }
    return status;
}

/* All rows of a file of ours, with the columns of the schema. */
static enum shale_status take_file(const struct shale_single *single, struct rows *rows,
                                   const struct shale_single_file *file, struct shale_err *err)
{
    size_t n = shale_reader_file(file->reader)->n_row_groups, n_moved = 0;
    struct shale_append *append = NULL;
    enum shale_status status = append_to(single, file, SIZE_MAX, &append, err);
    if (status == SHALE_OK)
        status = move_large(rows, append, n, &n_moved, err);
    if (status == SHALE_OK) {
        shale_append_only_rows(append, n_moved);
        status = take_all(rows, append, err);
    }
    shale_append_free(append);
    return status;
}

/* ---- The file ----------------------------------------------------------------------------------
 */

void shale_single_pairs(struct shale_str stream, int64_t manifest_id,
                        char id[SHALE_SINGLE_ID_BYTES], struct shale_key_value *pairs)
{
    /* Always as many bytes (2^53 has 16 digits): the same rows give a file of the same size. */
    (void)snprintf(id, SHALE_SINGLE_ID_BYTES, "%016" PRId64, manifest_id);
    pairs[0] = (struct shale_key_value){SHALE_STR(SHALE_SINGLE_MANIFEST), shale_str_of(id)};
    pairs[1] = (struct shale_key_value){SHALE_STR(SHALE_SINGLE_STREAM), stream};
}

static enum shale_status put_footer(const struct shale_single *single, struct shale_append *append,
                                    struct shale_parquet *parquet, int64_t manifest_id,
                                    struct shale_sink *sink, struct shale_err *err)
{
    char id[SHALE_SINGLE_ID_BYTES];
    struct shale_key_value pairs[2];
    const struct shale_key_value *all = pairs;
    size_t n_all = 2;
    enum shale_status status = SHALE_OK;
    shale_single_pairs(single->options.stream, manifest_id, id, pairs);
    if (append != NULL)
        status = shale_append_pairs(append, pairs, 2, &all, &n_all, err);
    return status == SHALE_OK ? shale_parquet_finish(parquet, all, n_all, sink, err) : status;
}

/* 'old' grows by 'rows' (may be NULL).  With no file there 'old' is that of the rows, whose row
 * groups are copied like any others. */
static enum shale_status grow(const struct shale_single *single,
                              const struct shale_single_file *old,
                              const struct shale_single_file *new_rows, int64_t manifest_id,
                              struct shale_parquet *parquet, struct shale_store_put *put,
                              struct shale_err *err)
{
    const struct shale_append_plan *plan;
    struct shale_append *append = NULL;
    struct rows rows = {.mem = single->store->env->mem};
    enum shale_status status =
        append_to(single, old, single->options.row_group_bytes, &append, err);
    if (status != SHALE_OK)
        return status;
    plan = shale_append_plan(append, new_rows == NULL ? 0 : shale_append_bytes(new_rows->reader));
    if (plan->why != NULL)
        shale_log_say(single->store->env->log, SHALE_LOG_INFO, "file_encoded_again",
                      "all %zu row groups of the file are encoded again, this once: %s%.*s%s%s",
                      plan->n_encoded, plan->where.n_bytes > 0 ? "column \"" : "",
                      SHALE_STR_ARG(plan->where), plan->where.n_bytes > 0 ? "\": " : "", plan->why);
    if (plan->copied_bytes > 0)
        status = put->copy(put, old->file, 0, plan->copied_bytes, err);
    if (status == SHALE_OK)
        status = shale_append_begin(append, parquet, &put->sink, err);
    if (status == SHALE_OK && rows_init(&rows, single, parquet, &put->sink) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = take_all(&rows, append, err);
    if (status == SHALE_OK && new_rows != NULL)
        status = take_file(single, &rows, new_rows, err);
    if (status == SHALE_OK)
        status = cut(&rows, err);
    if (status == SHALE_OK)
        status = put_footer(single, append, parquet, manifest_id, &put->sink, err);
    rows_fini(&rows);
    shale_append_free(append);
    return status;
}

/* ---- Columns -----------------------------------------------------------------------------------
 */

/* The stream's columns in the order of the file that is there, so that its row groups are copied.
 */
struct ordered {
    struct shale_single single; /* as given, but for these: */
    struct shale_schema schema;
    struct shale_column_def *columns;
    size_t *sort_by;
    size_t *order;
};

static void ordered_fini(const struct shale_mem *mem, struct ordered *ordered)
{
    shale_mem_free(mem, ordered->columns);
    shale_mem_free(mem, ordered->sort_by);
    shale_mem_free(mem, ordered->order);
}

static enum shale_status ordered_init(struct ordered *out, const struct shale_single *single,
                                      const struct shale_single_file *old)
{
    const struct shale_mem *mem = single->store->env->mem;
    const struct shale_single_options *options = &single->options;
    size_t n = options->schema->n_columns;
    *out = (struct ordered){.single = *single};
    if (old->file == NULL)
        return SHALE_OK;
    out->columns = shale_mem_zeroed(mem, n + 1, sizeof *out->columns);
    out->sort_by = shale_mem_zeroed(mem, options->n_sort_by + 1, sizeof *out->sort_by);
    out->order = shale_mem_zeroed(mem, n + 1, sizeof *out->order);
    if (out->columns == NULL || out->sort_by == NULL || out->order == NULL) {
        ordered_fini(mem, out);
        return SHALE_NOMEM;
    }
    shale_append_order(old->reader, options->schema, out->order);
    for (size_t i = 0; i < n; i++) {
        out->columns[i] = options->schema->columns[out->order[i]];
        for (size_t k = 0; k < options->n_sort_by; k++)
            if (options->sort_by[k] == out->order[i])
                out->sort_by[k] = i;
    }
    out->schema = (struct shale_schema){out->columns, n};
    out->single.options.schema = &out->schema;
    out->single.options.sort_by = out->sort_by;
    return SHALE_OK;
}

static enum shale_status write_ordered(const struct shale_single *single,
                                       const struct shale_single_file *old,
                                       const struct shale_single_file *rows, int64_t manifest_id,
                                       struct shale_store_put *put, struct shale_err *err)
{
    struct shale_parquet *parquet;
    enum shale_status status = parquet_new(single, &parquet, err);
    if (status != SHALE_OK)
        return status;
    if (old->file != NULL) {
        status = grow(single, old, rows, manifest_id, parquet, put, err);
    } else if (rows != NULL) {
        status = grow(single, rows, NULL, manifest_id, parquet, put, err);
    } else {
        status = shale_parquet_begin(parquet, &put->sink, err);
        if (status == SHALE_OK)
            status = put_footer(single, NULL, parquet, manifest_id, &put->sink, err);
    }
    shale_parquet_free(parquet);
    return status;
}

enum shale_status shale_single_write(const struct shale_single *single,
                                     const struct shale_single_file *old,
                                     const struct shale_single_file *rows, int64_t manifest_id,
                                     struct shale_store_put *put, struct shale_err *err)
{
    struct ordered ordered;
    enum shale_status status;
    if (ordered_init(&ordered, single, old) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = write_ordered(&ordered.single, old, rows, manifest_id, put, err);
    ordered_fini(single->store->env->mem, &ordered);
    return status;
}

enum shale_status shale_single_check(const struct shale_single *single,
                                     const struct shale_single_file *old, struct shale_err *err)
{
    struct shale_append *append;
    enum shale_status status = SHALE_OK;
    if (old->file == NULL || single->options.schema == NULL)
        return SHALE_OK;
    status = append_to(single, old, single->options.row_group_bytes, &append, err);
    shale_append_free(append);
    return status;
}
