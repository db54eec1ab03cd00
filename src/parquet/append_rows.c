/* SPDX-License-Identifier: MIT */
/* Rows of the old file with the columns of the new one, and columns of nulls. */
#include "parquet/append_parts.h"

enum { WIDEST_VALUE_BYTES = 16 };

enum shale_status shale_append_make_nulls(struct shale_append *append)
{
    const struct shale_schema *schema = append->options.schema;
    size_t n_nodes = 1;
    if (append->nulls.zeros != NULL)
        return SHALE_OK;
    for (size_t i = 0; i < schema->n_columns; i++)
        n_nodes += shale_type_n_nodes(&schema->columns[i].type);
    append->nulls.nodes = shale_mem_zeroed(append->mem, n_nodes, sizeof *append->nulls.nodes);
    if (append->nulls.nodes == NULL)
        return SHALE_NOMEM;
    append->nulls.zeros =
        shale_mem_zeroed(append->mem, SHALE_APPEND_NULL_ROWS + 1, WIDEST_VALUE_BYTES);
    if (append->nulls.zeros != NULL)
        return SHALE_OK;
    shale_mem_free(append->mem, append->nulls.nodes);
    append->nulls.nodes = NULL;
    return SHALE_NOMEM;
}

/* Returns the place behind the type's nodes.  As deep as types nest: SHALE_TYPE_DEPTH. */
static struct shale_column *fill(const void *zeros, const struct shale_type *type, int64_t n_rows,
                                 struct shale_column *node)
{
    enum shale_layout layout = shale_type_layout(type);
    struct shale_column *end = node + 1;
    int64_t inside = layout == SHALE_LAYOUT_STRUCT ? n_rows : 0;
    *node = (struct shale_column){.n_rows = n_rows, .n_nulls = n_rows};
    if (n_rows > 0)
        node->validity = zeros;
    if (layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST)
        node->offsets = zeros;
    if (layout != SHALE_LAYOUT_STRUCT && layout != SHALE_LAYOUT_LIST)
        node->data = zeros;
    for (size_t i = 0; i < type->n_members; i++)
        end = fill(zeros, &type->members[i].type, inside, end);
    return end;
}

void shale_append_null_column(const struct shale_append *append, const struct shale_type *type,
                              int64_t n_rows, struct shale_column *nodes)
{
    (void)fill(append->nulls.zeros, type, n_rows, nodes);
    (void)shale_column_link(type, nodes);
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

static enum shale_status begin_rows(struct shale_append *append, struct shale_err *err)
{
    const struct shale_file *file = append->file;
    size_t first = append->plan.n_copied, n = 0;
    size_t *wanted = shale_mem_zeroed(append->mem, append->n_columns + 1, sizeof *wanted);
    struct shale_scan_options options = {.columns = wanted,
                                         .first_row_group = first,
                                         .n_row_groups = append->plan.n_encoded,
                                         .batch_rows = SHALE_APPEND_NULL_ROWS};
    enum shale_status status = SHALE_OK;
    append->columns = shale_mem_zeroed(append->mem, append->n_columns + 1, sizeof *append->columns);
    if (wanted == NULL || append->columns == NULL)
        status = SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < append->n_columns && status == SHALE_OK; i++)
        if (append->column_from[i] != SHALE_NOWHERE)
            wanted[n++] = append->column_from[i];
    if (status == SHALE_OK && n < append->n_columns && shale_append_make_nulls(append) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    append->next_row = file->row_groups[first].first_row;
    append->end_row = file->n_rows;
    options.n_columns = n;
    if (status == SHALE_OK && n > 0)
        status = shale_scan_new(append->reader, &options, &append->scan, err);
    shale_mem_free(append->mem, wanted);
    return status;
}

/* 'rows' are those of the scan. */
static void arrange(struct shale_append *append, int64_t n_rows, int64_t first_row,
                    const struct shale_column *scanned)
{
    const struct shale_schema *schema = append->options.schema;
    struct shale_column *nodes = append->nulls.nodes;
    size_t number = 0, n = 0;
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct shale_type *type = &schema->columns[i].type;
        if (schema->columns[i].partition_only)
            continue;
        if (append->column_from[number] != SHALE_NOWHERE) {
            append->columns[number++] = scanned[n++];
            continue;
        }
        shale_append_null_column(append, type, n_rows, nodes);
        append->columns[number++] = *nodes;
        nodes += shale_type_n_nodes(type);
    }
    append->rows = (struct shale_rows){.n_rows = n_rows,
                                       .first_row = first_row,
                                       .n_columns = append->n_columns,
                                       .columns = append->columns};
}

/* Rows of which no column is wanted: nulls alone. */
static int64_t next_rows_of_nulls(struct shale_append *append)
{
    int64_t n = append->end_row - append->next_row;
    n = n < SHALE_APPEND_NULL_ROWS ? n : SHALE_APPEND_NULL_ROWS;
    if (n > 0)
        arrange(append, n, append->next_row, NULL);
    append->next_row += n;
    return n;
}

static enum shale_status next_rows(struct shale_append *append, const struct shale_rows **out,
                                   struct shale_err *err)
{
    const struct shale_rows *rows;
    enum shale_status status = SHALE_OK;
    *out = NULL;
    if (append->plan.n_encoded == 0)
        return SHALE_OK;
    if (append->columns == NULL)
        status = begin_rows(append, err);
    if (status != SHALE_OK)
        return status;
    if (append->scan == NULL) {
        if (next_rows_of_nulls(append) > 0)
            *out = &append->rows;
        return SHALE_OK;
    }
    status = shale_scan_next(append->scan, &rows, err);
    if (status != SHALE_OK || rows == NULL)
        return status;
    arrange(append, rows->n_rows, rows->first_row, rows->columns);
    *out = &append->rows;
    return SHALE_OK;
}

enum shale_status shale_append_next(struct shale_append *append, const struct shale_rows **out,
                                    struct shale_err *err)
{
    *out = NULL;
    if (append->failed == SHALE_OK)
        append->failed = next_rows(append, out, err);
    return append->failed;
}
