/* SPDX-License-Identifier: MIT */
/* Columns as Arrow arrays: copies, since what a scan hands out is good only until its next call.
 * Where the layouts differ (narrow integers, values of a fixed size), values are converted. */
#include <string.h>

#include "columns/arrow.h"
#include "columns/blocks.h"
#include "columns/runs.h"

enum { MOST_BUFFERS = 3 };

static void release(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release != NULL)
            array->children[i]->release(array->children[i]);
    shale_blocks_release(array->private_data);
    array->release = NULL;
}

/* A node with room for its buffers and 'n_children' empty children; false without memory. */
static bool put_node(struct shale_blocks *blocks, int64_t n_rows, int64_t n_buffers,
                     size_t n_children, struct ArrowArray *out)
{
    struct ArrowArray *children = shale_blocks_zeroed(blocks, n_children, sizeof *children);
    const void **buffers = shale_blocks_zeroed(blocks, MOST_BUFFERS, sizeof(void *));
    struct ArrowArray **pointers = shale_blocks_zeroed(blocks, n_children, sizeof *pointers);
    if (children == NULL || buffers == NULL || pointers == NULL)
        return false;
    for (size_t i = 0; i < n_children; i++)
        pointers[i] = &children[i];
    *out = (struct ArrowArray){.length = n_rows,
                               .n_buffers = n_buffers,
                               .n_children = (int64_t)n_children,
                               .buffers = buffers,
                               .children = pointers,
                               .release = release,
                               .private_data = blocks};
    shale_blocks_share(blocks);
    return true;
}

static bool put_validity(struct shale_blocks *blocks, const struct shale_column *column,
                         const struct shale_runs *runs, struct ArrowArray *out)
{
    uint8_t *bits;
    if (column->validity == NULL)
        return true;
    bits = shale_bits_gather(blocks, column->validity, 0, runs);
    if (bits == NULL)
        return false;
    out->buffers[0] = bits;
    out->null_count = runs->n_rows - shale_bits_count(bits, runs->n_rows);
    return true;
}

/* ---- Values of a fixed width ------------------------------------------------------------------
 */

/* Arrow's bytes of a value, when these are not ours. */
static size_t narrow_width(const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_INT8:
    case SHALE_UINT8:
        return 1;
    case SHALE_INT16:
    case SHALE_UINT16:
        return 2;
    case SHALE_TIME:
        return type->unit == SHALE_MS ? 4 : 8;
    default:
        return shale_layout_width(shale_type_layout(type));
    }
}

static bool put_fixed_width(struct shale_blocks *blocks, const struct shale_type *type,
                            const struct shale_column *column, const struct shale_runs *runs,
                            struct ArrowArray *out)
{
    size_t width = shale_layout_width(shale_type_layout(type)), narrow = narrow_width(type);
    char *data = shale_blocks_alloc(blocks, (size_t)runs->n_rows, narrow), *at = data;
    if (data == NULL)
        return false;
    for (size_t i = 0; i < runs->n_runs; i++) {
        const char *from = (const char *)column->data + (size_t)runs->runs[i].first * width;
        size_t n = (size_t)runs->runs[i].n;
        if (narrow == width && n > 0)
            memcpy(at, from, n * width);
        for (size_t row = 0; narrow < width && row < n; row++) /* little-endian: the low bytes */
            memcpy(at + row * narrow, from + row * width, narrow);
        at += n * narrow;
    }
    out->buffers[1] = data;
    return true;
}

static bool put_bool(struct shale_blocks *blocks, const struct shale_column *column,
                     const struct shale_runs *runs, struct ArrowArray *out)
{
    out->buffers[1] = shale_bits_gather(blocks, column->data, 0, runs);
    return out->buffers[1] != NULL;
}

/* FIXED: what is null takes its bytes as well, zeros. */
static bool put_fixed_bytes(struct shale_blocks *blocks, const struct shale_type *type,
                            const struct shale_column *column, const struct shale_runs *runs,
                            struct ArrowArray *out)
{
    size_t width = (size_t)type->width, at = 0;
    char *data = shale_blocks_zeroed(blocks, (size_t)runs->n_rows, width);
    if (data == NULL)
        return false;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t row = runs->runs[i].first; row < runs->runs[i].first + runs->runs[i].n;
             row++) {
            int32_t begin = column->offsets[row], end = column->offsets[row + 1];
            if ((size_t)(end - begin) == width && width > 0)
                memcpy(data + at, (const char *)column->data + begin, width);
            at += width;
        }
    out->buffers[1] = data;
    return true;
}

/* ---- Offsets ----------------------------------------------------------------------------------
 */

/* Offsets of the runs, counted from 0, and the runs of the elements or bytes. */
static bool put_offsets(struct shale_blocks *blocks, const struct shale_column *column,
                        const struct shale_runs *runs, struct shale_runs *inner,
                        struct ArrowArray *out)
{
    int32_t *offsets = shale_blocks_alloc(blocks, (size_t)runs->n_rows + 1, sizeof *offsets);
    struct shale_run_of_rows *ranges = shale_blocks_alloc(blocks, runs->n_runs, sizeof *ranges);
    int64_t at = 0;
    if (offsets == NULL || ranges == NULL)
        return false;
    offsets[0] = 0;
    *inner = (struct shale_runs){ranges, runs->n_runs, 0};
    for (size_t i = 0; i < runs->n_runs; i++) {
        const int32_t *from = column->offsets + runs->runs[i].first;
        int64_t n = runs->runs[i].n;
        int32_t shift = (int32_t)inner->n_rows - from[0];
        for (int64_t row = 1; row <= n; row++)
            offsets[at + row] = from[row] + shift;
        ranges[i] = (struct shale_run_of_rows){from[0], from[n] - from[0]};
        inner->n_rows += from[n] - from[0];
        at += n;
    }
    out->buffers[1] = offsets;
    return true;
}

static bool put_bytes(struct shale_blocks *blocks, const struct shale_column *column,
                      const struct shale_runs *runs, struct ArrowArray *out)
{
    struct shale_runs inner;
    char *data, *at;
    if (!put_offsets(blocks, column, runs, &inner, out))
        return false;
    data = at = shale_blocks_alloc(blocks, (size_t)inner.n_rows, 1);
    if (data == NULL)
        return false;
    for (size_t i = 0; i < inner.n_runs; i++) {
        if (inner.runs[i].n > 0)
            memcpy(at, (const char *)column->data + inner.runs[i].first, (size_t)inner.runs[i].n);
        at += inner.runs[i].n;
    }
    out->buffers[2] = data;
    return true;
}

/* ---- Any type ---------------------------------------------------------------------------------
 */

static bool put_column(struct shale_blocks *blocks, const struct shale_type *type,
                       const struct shale_column *column, const struct shale_runs *runs,
                       struct ArrowArray *out);

static bool put_members(struct shale_blocks *blocks, const struct shale_type *type,
                        const struct shale_column *child, const struct shale_runs *runs,
                        struct ArrowArray *out)
{
    bool good = true;
    for (size_t i = 0; i < type->n_members && good; i++, child = child->next)
        good = put_column(blocks, &type->members[i].type, child, runs, out->children[i]);
    return good;
}

static bool put_list(struct shale_blocks *blocks, const struct shale_type *type,
                     const struct shale_column *column, const struct shale_runs *runs,
                     struct ArrowArray *out)
{
    struct shale_runs inner;
    struct ArrowArray *entries = out;
    if (!put_offsets(blocks, column, runs, &inner, out))
        return false;
    if (type->kind == SHALE_MAP) {
        entries = out->children[0];
        if (!put_node(blocks, inner.n_rows, 1, type->n_members, entries))
            return false;
    }
    return put_members(blocks, type, column->child, &inner, entries);
}

static bool put_column(struct shale_blocks *blocks, const struct shale_type *type,
                       const struct shale_column *column, const struct shale_runs *runs,
                       struct ArrowArray *out)
{
    enum shale_layout layout = shale_type_layout(type);
    bool three = layout == SHALE_LAYOUT_BYTES && type->kind != SHALE_FIXED;
    size_t n_children = type->kind == SHALE_MAP ? 1 : type->n_members;
    if (!put_node(blocks, runs->n_rows,
                  three                           ? 3
                  : layout == SHALE_LAYOUT_STRUCT ? 1
                                                  : 2,
                  n_children, out) ||
        !put_validity(blocks, column, runs, out))
        return false;
    switch (layout) {
    case SHALE_LAYOUT_BOOL:
        return put_bool(blocks, column, runs, out);
    case SHALE_LAYOUT_BYTES:
        return three ? put_bytes(blocks, column, runs, out)
                     : put_fixed_bytes(blocks, type, column, runs, out);
    case SHALE_LAYOUT_LIST:
        return put_list(blocks, type, column, runs, out);
    case SHALE_LAYOUT_STRUCT:
        return put_members(blocks, type, column->child, runs, out);
    default:
        return put_fixed_width(blocks, type, column, runs, out);
    }
}

enum shale_status shale_arrow_put_batch(const struct shale_mem *mem,
                                        const struct shale_column_def *defs, size_t n_columns,
                                        const struct shale_column *columns, int64_t n_rows,
                                        const uint8_t *selected, struct ArrowArray *out)
{
    struct shale_blocks *blocks = shale_blocks_new(mem);
    struct shale_run_of_rows all;
    struct shale_runs runs = shale_runs_one(&all, 0, n_rows);
    bool good;
    *out = (struct ArrowArray){0};
    if (blocks == NULL)
        return SHALE_NOMEM;
    good = selected == NULL || shale_runs_of_bits(blocks, selected, n_rows, &runs);
    good = good && put_node(blocks, runs.n_rows, 1, n_columns, out);
    for (size_t i = 0; i < n_columns && good; i++)
        good = put_column(blocks, &defs[i].type, &columns[i], &runs, out->children[i]);
    if (!good && out->release != NULL)
        out->release(out);
    shale_blocks_release(blocks);
    return good ? SHALE_OK : SHALE_NOMEM;
}
