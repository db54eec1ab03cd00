/* SPDX-License-Identifier: MIT */
/* sort_by: the rows of a row group in the order of its columns.  One column of all its batches is
 * in memory at a time, beside 8 bytes a row for the order, and 8 more while it is made. */
#include "run/private.h"

#include <string.h>

/* ---- One column of all batches ----------------------------------------------------------------
 */

static void loaded_fini(struct loaded *loaded)
{
    for (size_t i = 0; i < loaded->n_entries && loaded->parts != NULL; i++)
        shale_mem_free(loaded->run->mem, loaded->parts[i]);
    shale_mem_free(loaded->run->mem, loaded->parts);
    shale_mem_free(loaded->run->mem, loaded->columns);
    shale_mem_free(loaded->run->mem, loaded->nodes);
    shale_buf_fini(&loaded->header);
}

/* Of an entry that is in the spill file. */
static enum shale_status read_part(struct loaded *loaded, const struct entry *entry, size_t column,
                                   void **part, struct shale_column *nodes, struct shale_err *err)
{
    const struct shale_spill *spill = &loaded->run->seq.spill;
    struct shale_buf *header = &loaded->header;
    size_t offset, n_bytes;
    enum shale_status status =
        shale_spill_read(spill, entry->spill_at, header->data, header->capacity, err);
    if (status != SHALE_OK)
        return status;
    shale_batch_part(header->data, column, &offset, &n_bytes);
    *part = shale_mem_alloc(loaded->run->mem, n_bytes + 1);
    if (*part == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(spill, entry->spill_at + (int64_t)offset, *part, n_bytes, err);
    if (status == SHALE_OK)
        shale_batch_part_column(header->data, column, *part, nodes);
    return status;
}

static enum shale_status loaded_init(struct loaded *loaded, const struct run *run,
                                     const struct shale_schema *schema, size_t n_entries,
                                     size_t n_nodes)
{
    size_t header_bytes = shale_batch_header_bytes(schema);
    *loaded = (struct loaded){.run = run, .n_entries = n_entries};
    shale_buf_init(&loaded->header, run->mem, header_bytes);
    loaded->parts = shale_mem_zeroed(run->mem, n_entries, sizeof *loaded->parts);
    loaded->columns = shale_mem_zeroed(run->mem, n_entries, sizeof *loaded->columns);
    loaded->nodes = shale_mem_zeroed(run->mem, n_entries * n_nodes, sizeof *loaded->nodes);
    return loaded->parts == NULL || loaded->columns == NULL || loaded->nodes == NULL
               ? SHALE_NOMEM
               : shale_buf_reserve(&loaded->header, header_bytes);
}

/* 'column' counts the file's; 'type' is its own.  loaded_fini() in any case. */
static enum shale_status load_column(struct loaded *loaded, const struct run *run,
                                     const struct part *part, size_t n_entries, size_t column,
                                     const struct shale_type *type, struct shale_err *err)
{
    size_t n_nodes = shale_type_n_nodes(type);
    enum shale_status status =
        loaded_init(loaded, run, part->file->schema, n_entries, n_nodes) == SHALE_OK
            ? SHALE_OK
            : SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n_entries && status == SHALE_OK; i++) {
        struct shale_column *nodes = loaded->nodes + i * n_nodes;
        loaded->columns[i] = nodes;
        if (part->entries[i].batch != NULL)
            shale_batch_column(part->entries[i].batch, column, nodes);
        else
            status = read_part(loaded, &part->entries[i], column, &loaded->parts[i], nodes, err);
    }
    return status;
}

/* ---- The order --------------------------------------------------------------------------------
 */

void order_free(const struct run *run, struct row_order *order)
{
    shale_mem_free(run->mem, order->rows);
    shale_mem_free(run->mem, order->sorting);
    *order = (struct row_order){0};
}

/* The rows as they came. */
static enum shale_status begin(struct row_order *order, const struct run *run,
                               const struct part *part, size_t n_entries)
{
    size_t n_rows = 0, at = 0;
    for (size_t i = 0; i < n_entries; i++)
        n_rows += (size_t)part->entries[i].n_rows;
    order->n_rows = (int64_t)n_rows;
    order->rows = shale_mem_resize(run->mem, NULL, n_rows + 1, sizeof *order->rows);
    order->sorting = shale_mem_zeroed(run->mem, run->stream->n_sort_by, sizeof *order->sorting);
    if (order->rows == NULL || order->sorting == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n_entries; i++)
        for (int64_t row = 0; row < part->entries[i].n_rows; row++)
            order->rows[at++] = (struct shale_row_ref){(uint32_t)i, (uint32_t)row};
    return SHALE_OK;
}

/* Rows that came in order need not be gathered. */
static void drop_rows_in_order(const struct run *run, struct row_order *order)
{
    for (int64_t i = 1; i < order->n_rows; i++) {
        const struct shale_row_ref *a = &order->rows[i - 1], *b = &order->rows[i];
        if (a->batch > b->batch || (a->batch == b->batch && a->row > b->row))
            return;
    }
    shale_mem_free(run->mem, order->rows);
    order->rows = NULL;
}

/* Which leaf, and column of the file, a column of the schema is. */
static void find_column(const struct shale_schema *schema, size_t index, size_t *column,
                        size_t *leaf)
{
    const struct shale_schema before = {schema->columns, index};
    *column = shale_leaf_n_columns(&before);
    *leaf = shale_leaf_count(&before);
}

enum shale_status order_make(const struct run *run, const struct part *part, size_t n_entries,
                             struct row_order *order, struct shale_err *err)
{
    const struct shale_stream *stream = run->stream;
    const struct shale_schema *schema = &stream->schema;
    enum shale_status status;
    *order = (struct row_order){0};
    if (part->kind == PART_REJECTS || stream->n_sort_by == 0)
        return SHALE_OK;
    status = begin(order, run, part, n_entries) == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
    order->n_sorting = stream->n_sort_by;
    for (size_t i = stream->n_sort_by; i > 0 && status == SHALE_OK; i--) {
        size_t index = stream->sort_by[i - 1], column, leaf;
        const struct shale_type *type = &schema->columns[index].type;
        struct loaded loaded;
        bool has_nan = false;
        find_column(schema, index, &column, &leaf);
        status = load_column(&loaded, run, part, n_entries, column, type, err);
        if (status == SHALE_OK && shale_order_by(run->mem, type, loaded.columns, order->rows,
                                                 (size_t)order->n_rows, &has_nan) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        loaded_fini(&loaded);
        order->sorting[i - 1].leaf = (int32_t)leaf;
        /* Readers are told only of orders that the format defines: not of NaN's, not of INT96. */
        if (has_nan || type->int96)
            order->n_sorting = i - 1;
    }
    if (status == SHALE_OK)
        drop_rows_in_order(run, order);
    else
        order_free(run, order);
    return status;
}

/* ---- A column in that order -------------------------------------------------------------------
 */

static enum shale_status next_gathered(struct shale_column_stream *stream,
                                       const struct shale_column **out, struct shale_err *err)
{
    struct sorted_column *sorted = (struct sorted_column *)(void *)stream;
    enum shale_status status = shale_gather_next(sorted->gather, out);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, parquet_page_too_large, SHALE_STR_ARG(sorted->name));
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

enum shale_status sorted_open(struct sorted_column *sorted, const struct run *run,
                              const struct part *part, size_t n_entries,
                              const struct row_order *order, size_t column,
                              const struct shale_column_def *def, struct shale_err *err)
{
    enum shale_status status;
    *sorted = (struct sorted_column){.stream = {next_gathered}, .name = def->name};
    status = load_column(&sorted->loaded, run, part, n_entries, column, &def->type, err);
    if (status == SHALE_OK && shale_gather_new(run->mem, &def->type, &sorted->gather) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        shale_gather_begin(sorted->gather, sorted->loaded.columns, order->rows, order->n_rows);
    return status;
}

void sorted_close(struct sorted_column *sorted)
{
    shale_gather_free(sorted->gather);
    loaded_fini(&sorted->loaded);
}
