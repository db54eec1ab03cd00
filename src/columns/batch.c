/* SPDX-License-Identifier: MIT */
/* Views of a batch, whole or of a part that was read back, and the one change that it allows. */
#include "columns/batch.h"

#include <assert.h>

#include "base/checked.h"
#include "columns/batch_layout.h"

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
    if (buffers->layout != SHALE_LAYOUT_LIST)
        column.data = part + buffers->data_at;
    return column;
}

void shale_batch_column(const struct shale_batch *batch, size_t column, struct shale_column *out,
                        struct shale_column *child)
{
    const char *part = (const char *)batch + batch->columns[column].part_at;
    shale_batch_part_column(batch, column, part, out, child);
}

size_t shale_batch_header_bytes(const struct shale_schema *schema)
{
    size_t n_columns = 0;
    for (size_t i = 0; i < schema->n_columns; i++)
        n_columns += !schema->columns[i].partition_only;
    return sizeof(struct shale_batch) + n_columns * sizeof(struct shale_batch_column);
}

void shale_batch_part(const void *header, size_t column, size_t *offset, size_t *n_bytes)
{
    const struct shale_batch *batch = header;
    assert(column < batch->n_columns);
    *offset = (size_t)batch->columns[column].part_at;
    *n_bytes = (size_t)batch->columns[column].part_bytes;
}

void shale_batch_part_column(const void *header, size_t column, const void *part,
                             struct shale_column *out, struct shale_column *child)
{
    const struct shale_batch *batch = header;
    const struct shale_batch_column *place = &batch->columns[column];
    assert(column < batch->n_columns);
    *out = view(&place->self, part);
    if (place->self.layout != SHALE_LAYOUT_LIST)
        return;
    assert(child != NULL);
    *child = view(&place->child, part);
    out->child = child;
}

static enum shale_status add_i32(const struct shale_column *view_of, int32_t *values, int64_t delta)
{
    for (int64_t i = 0; i < view_of->n_rows; i++) {
        int64_t sum;
        if (shale_column_is_null(view_of, i))
            continue;
        if (!SHALE_ADD(delta, values[i], &sum) || !shale_to_i32(sum, &values[i]))
            return SHALE_LIMIT;
    }
    return SHALE_OK;
}

static enum shale_status add_i64(const struct shale_column *view_of, int64_t *values, int64_t delta)
{
    for (int64_t i = 0; i < view_of->n_rows; i++) {
        if (!shale_column_is_null(view_of, i) && !SHALE_ADD(values[i], delta, &values[i]))
            return SHALE_LIMIT;
    }
    return SHALE_OK;
}

enum shale_status shale_batch_add(struct shale_batch *batch, size_t column, int64_t delta)
{
    const struct shale_batch_column *place = &batch->columns[column];
    struct shale_column view_of;
    void *values = (char *)batch + place->part_at + place->self.data_at;
    assert(place->self.layout == SHALE_LAYOUT_I32 || place->self.layout == SHALE_LAYOUT_I64);
    shale_batch_column(batch, column, &view_of, NULL);
    if (place->self.layout == SHALE_LAYOUT_I32)
        return add_i32(&view_of, values, delta);
    return add_i64(&view_of, values, delta);
}
