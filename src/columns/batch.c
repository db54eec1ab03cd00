/* SPDX-License-Identifier: MIT */
/* Views of a batch, whole or of a part that was read back, and the one change that it allows. */
#include "columns/batch.h"

#include <assert.h>

#include "base/checked.h"
#include "columns/batch_layout.h"
#include "columns/pack.h"

void shale_batch_free(const struct shale_mem *mem, struct shale_batch *batch)
{
    shale_mem_free(mem, batch);
}

int64_t shale_batch_n_rows(const struct shale_batch *batch)
{
    return batch->n_rows;
}

size_t shale_batch_n_bytes(const struct shale_batch *batch)
{
    return (size_t)batch->n_bytes;
}

size_t shale_batch_validity_bytes(const struct shale_batch_measure *measure)
{
    return measure->n_nulls == 0 ? 0 : ((size_t)measure->n_rows + 7) / 8;
}

size_t shale_batch_offsets_bytes(enum shale_layout layout, int64_t n_rows)
{
    bool has = layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST;
    return has ? ((size_t)n_rows + 1) * sizeof(int32_t) : 0;
}

size_t shale_batch_data_bytes(enum shale_layout layout, const struct shale_batch_measure *measure)
{
    switch (layout) {
    case SHALE_LAYOUT_BOOL:
        return ((size_t)measure->n_rows + 7) / 8;
    case SHALE_LAYOUT_BYTES:
        return (size_t)measure->n_data_bytes;
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        return 0;
    default:
        return (size_t)measure->n_rows * shale_layout_width(layout);
    }
}

static struct shale_column view(const struct shale_batch_buffers *buffers, const char *part)
{
    struct shale_column column = {.n_rows = buffers->n_rows, .n_nulls = buffers->n_nulls};
    if (buffers->n_nulls > 0)
        column.validity = (const uint8_t *)(part + buffers->validity_at);
    if (buffers->layout == SHALE_LAYOUT_BYTES || buffers->layout == SHALE_LAYOUT_LIST)
        column.offsets = (const int32_t *)(const void *)(part + buffers->offsets_at);
    if (buffers->layout != SHALE_LAYOUT_LIST && buffers->layout != SHALE_LAYOUT_STRUCT)
        column.data = part + buffers->data_at;
    return column;
}

void shale_batch_column(const struct shale_batch *batch, size_t column, struct shale_column *nodes)
{
    const char *part = (const char *)batch + batch->columns[column].part_at;
    shale_batch_part_column(batch, column, part, nodes);
}

size_t shale_batch_header_bytes(const struct shale_schema *schema)
{
    size_t n_bytes = sizeof(struct shale_batch);
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only)
            n_bytes +=
                sizeof(struct shale_batch_column) +
                shale_type_n_nodes(&schema->columns[i].type) * sizeof(struct shale_batch_buffers);
    return n_bytes;
}

void shale_batch_part(const void *header, size_t column, size_t *offset, size_t *n_bytes)
{
    const struct shale_batch *batch = header;
    assert(column < batch->n_columns);
    *offset = (size_t)batch->columns[column].part_at;
    *n_bytes = (size_t)batch->columns[column].part_bytes;
}

/* The children of node 'parent', which is followed by all that is inside it. */
static void link_children(const struct shale_batch_buffers *buffers, struct shale_column *nodes,
                          size_t parent)
{
    size_t end = parent + buffers[parent].n_nodes, i = parent + 1;
    if (i < end)
        nodes[parent].child = &nodes[i];
    while (i < end) {
        size_t next = i + buffers[i].n_nodes;
        nodes[i].next = next < end ? &nodes[next] : NULL;
        i = next;
    }
}

void shale_batch_part_column(const void *header, size_t column, const void *part,
                             struct shale_column *nodes)
{
    const struct shale_batch *batch = header;
    const struct shale_batch_buffers *buffers = shale_batch_nodes(batch, &batch->columns[column]);
    assert(column < batch->n_columns);
    for (size_t i = 0; i < buffers->n_nodes; i++)
        nodes[i] = view(&buffers[i], part);
    for (size_t i = 0; i < buffers->n_nodes; i++)
        link_children(buffers, nodes, i);
}

static enum shale_status add_rows(const struct shale_column *view_of, int32_t *narrow,
                                  int64_t *wide, int64_t from, int64_t to, int64_t delta)
{
    for (int64_t i = from; i < to; i++) {
        int64_t sum;
        if (shale_column_is_null(view_of, i))
            continue;
        if (!SHALE_ADD(delta, wide != NULL ? wide[i] : narrow[i], &sum) ||
            (wide == NULL && !shale_to_i32(sum, &narrow[i])))
            return SHALE_LIMIT;
        if (wide != NULL)
            wide[i] = sum;
    }
    return SHALE_OK;
}

static enum shale_status add(struct shale_batch *batch, size_t column, int64_t from, int64_t to,
                             int64_t delta)
{
    const struct shale_batch_column *place = &batch->columns[column];
    const struct shale_batch_buffers *self = shale_batch_nodes(batch, place);
    struct shale_column view_of = view(self, (const char *)batch + place->part_at);
    void *values = (char *)batch + place->part_at + self->data_at;
    assert(self->layout == SHALE_LAYOUT_I32 || self->layout == SHALE_LAYOUT_I64);
    assert(0 <= from && from <= to && to <= batch->n_rows);
    if (self->layout == SHALE_LAYOUT_I32)
        return add_rows(&view_of, values, NULL, from, to, delta);
    return add_rows(&view_of, NULL, values, from, to, delta);
}

enum shale_status shale_batch_add(struct shale_batch *batch, size_t column, int64_t delta)
{
    return add(batch, column, 0, batch->n_rows, delta);
}

enum shale_status shale_batch_add_at(struct shale_batch *batch, size_t column, int64_t row,
                                     int64_t delta)
{
    return add(batch, column, row, row + 1, delta);
}

enum shale_status shale_batch_copy(const struct shale_mem *mem, const struct shale_schema *schema,
                                   const struct shale_column *columns, int64_t n_rows,
                                   struct shale_batch **out)
{
    const struct shale_pack_run all = {0, 0, n_rows};
    return shale_pack(mem, schema, &columns, 1, &all, 1, out);
}
