/* SPDX-License-Identifier: MIT */
/* Columns that somebody else holds become a batch: measured, laid out, then copied. */
#include "columns/batch_layout.h"

static struct shale_batch_measure measure(const struct shale_column *column,
                                          enum shale_layout layout)
{
    struct shale_batch_measure size = {.n_rows = column->n_rows};
    if (column->validity != NULL && column->n_rows > 0)
        size.n_nulls = column->n_nulls;
    if (layout == SHALE_LAYOUT_BYTES && column->n_rows > 0)
        size.n_data_bytes = (uint64_t)column->offsets[column->n_rows];
    return size;
}

/* Give the buffers of a column, and of all inside it, their places from '*at' on; 'out' is the
 * first's.  Returns the place behind the last.  As deep as types nest: SHALE_TYPE_DEPTH. */
static struct shale_batch_buffers *place(const struct shale_type *type,
                                         const struct shale_column *column,
                                         struct shale_batch_buffers *out, uint64_t *at)
{
    enum shale_layout layout = shale_type_layout(type);
    struct shale_batch_measure size = measure(column, layout);
    struct shale_batch_buffers *end = out + 1;
    const struct shale_column *child = column->child;
    *out = (struct shale_batch_buffers){
        .n_rows = size.n_rows, .n_nulls = size.n_nulls, .layout = (uint32_t)layout};
    out->validity_at = *at;
    *at += shale_batch_align(shale_batch_validity_bytes(&size));
    out->offsets_at = *at;
    *at += shale_batch_align(shale_batch_offsets_bytes(layout, size.n_rows));
    out->data_at = *at;
    *at += shale_batch_align(shale_batch_data_bytes(layout, &size));
    for (size_t i = 0; i < type->n_members; i++, child = child->next)
        end = place(&type->members[i].type, child, end, at);
    out->n_nodes = (uint32_t)(end - out);
    return end;
}

/* The bits behind the last row are zero in a batch. */
static void copy_bits(uint8_t *out, const uint8_t *bits, int64_t n)
{
    memcpy(out, bits, (size_t)(n / 8));
    if (n % 8 != 0)
        out[n / 8] = (uint8_t)(bits[n / 8] & ((1u << (n % 8)) - 1));
}

static void copy(char *part, const struct shale_batch_buffers *buffers,
                 const struct shale_column *column)
{
    struct shale_batch_measure size = measure(column, (enum shale_layout)buffers->layout);
    size_t n_data = shale_batch_data_bytes((enum shale_layout)buffers->layout, &size);
    size_t n_offsets = shale_batch_offsets_bytes((enum shale_layout)buffers->layout, size.n_rows);
    if (size.n_rows == 0)
        return;
    if (size.n_nulls > 0)
        copy_bits((uint8_t *)part + buffers->validity_at, column->validity, size.n_rows);
    if (n_offsets > 0)
        memcpy(part + buffers->offsets_at, column->offsets, n_offsets);
    if (buffers->layout == SHALE_LAYOUT_BOOL)
        copy_bits((uint8_t *)part + buffers->data_at, column->data, size.n_rows);
    else if (n_data > 0)
        memcpy(part + buffers->data_at, column->data, n_data);
}

static const struct shale_batch_buffers *
copy_nodes(char *part, const struct shale_batch_buffers *buffers, const struct shale_column *column)
{
    const struct shale_batch_buffers *end = buffers + buffers->n_nodes;
    const struct shale_column *child = column->child;
    copy(part, buffers++, column);
    for (; buffers < end; child = child->next)
        buffers = copy_nodes(part, buffers, child);
    return end;
}

/* Fill the header; returns the size of the whole. */
static uint64_t place_columns(const struct shale_schema *schema, const struct shale_column *columns,
                              struct shale_batch *batch, size_t header_bytes)
{
    uint64_t batch_at = shale_batch_align(header_bytes);
    struct shale_batch_buffers *buffers;
    for (size_t i = 0; i < schema->n_columns; i++)
        batch->n_columns += !schema->columns[i].partition_only;
    buffers = (void *)&batch->columns[batch->n_columns];
    for (size_t i = 0, n = 0; i < schema->n_columns; i++) {
        struct shale_batch_column *out = &batch->columns[n];
        if (schema->columns[i].partition_only)
            continue;
        *out = (struct shale_batch_column){.part_at = batch_at,
                                           .nodes_at = (uint64_t)((char *)buffers - (char *)batch)};
        buffers = place(&schema->columns[i].type, &columns[n++], buffers, &out->part_bytes);
        batch_at += out->part_bytes;
    }
    return batch_at;
}

enum shale_status shale_batch_copy(const struct shale_mem *mem, const struct shale_schema *schema,
                                   const struct shale_column *columns, int64_t n_rows,
                                   struct shale_batch **out)
{
    size_t header_bytes = shale_batch_header_bytes(schema), n_bytes;
    struct shale_batch *header = shale_mem_zeroed(mem, 1, header_bytes), *batch;
    *out = NULL;
    if (header == NULL)
        return SHALE_NOMEM;
    n_bytes = (size_t)place_columns(schema, columns, header, header_bytes);
    batch = shale_mem_resize(mem, header, n_bytes, 1);
    if (batch == NULL) {
        shale_mem_free(mem, header);
        return SHALE_NOMEM;
    }
    memset((char *)batch + header_bytes, 0, n_bytes - header_bytes); /* padding */
    batch->n_bytes = n_bytes;
    batch->n_rows = n_rows;
    for (size_t i = 0; i < batch->n_columns; i++)
        (void)copy_nodes((char *)batch + batch->columns[i].part_at,
                         shale_batch_nodes(batch, &batch->columns[i]), &columns[i]);
    *out = batch;
    return SHALE_OK;
}
