/* SPDX-License-Identifier: MIT */
/* Arrow arrays as columns.  Everything is copied: arrays may be slices with bits at any place, may
 * hold values where they are null and elements that no list names, and ours may not.
 *
 * The rows wanted of an array come as runs; what is below a list gets the runs of its elements, so
 * that elements of lists that are null fall away.  Offsets and indexes are checked, since a mistake
 * of another library should be an error and no crash; addresses have to be believed. */
#include <string.h>

#include "base/checked.h"
#include "columns/arrow_node.h"
#include "columns/blocks.h"
#include "columns/runs.h"
#include "columns/scalar_text.h"

struct taking {
    struct shale_blocks *blocks;
    const char *column;
    struct shale_err *err;
};

static enum shale_status no_memory(const struct taking *t)
{
    return SHALE_ERR(t->err, no_memory);
}

static enum shale_status misfit(const struct taking *t, const char *what)
{
    return SHALE_ERR(t->err, arrow_array, t->column, what);
}

static enum shale_status bad_value(const struct taking *t, const char *what)
{
    return SHALE_ERR(t->err, arrow_value, t->column, what);
}

/* ---- Structure --------------------------------------------------------------------------------
 */

static int64_t n_buffers_of(enum shale_arrow_form form)
{
    switch (form) {
    case SHALE_ARROW_STRUCT:
    case SHALE_ARROW_FIXED_LIST:
        return 1;
    case SHALE_ARROW_BYTES:
    case SHALE_ARROW_VIEWS:
        return 3;
    default:
        return 2;
    }
}

static enum shale_status check_array(const struct taking *t, const struct shale_arrow_node *node,
                                     const struct ArrowArray *in, const struct shale_runs *runs)
{
    int64_t wanted = n_buffers_of(node->form), end;
    size_t n_children = node->type.kind == SHALE_MAP ? 1 : node->type.n_members;
    if (in == NULL || in->release == NULL)
        return misfit(t, "it has been released");
    if (node->values != NULL)
        n_children = 0;
    if (in->length < 0 || in->offset < 0 || !SHALE_ADD(in->length, in->offset, &end))
        return misfit(t, "its length or offset is negative");
    /* Of views there is any number of buffers behind the second, and their sizes. */
    if (in->n_buffers < wanted || (node->form != SHALE_ARROW_VIEWS && in->n_buffers != wanted) ||
        in->buffers == NULL)
        return misfit(t, "the number of buffers");
    if (in->n_children != (int64_t)n_children || (n_children > 0 && in->children == NULL))
        return misfit(t, "the number of children");
    if ((node->values == NULL) != (in->dictionary == NULL))
        return misfit(t, "a dictionary is missing or too many");
    for (size_t i = 0; i < runs->n_runs; i++)
        if (runs->runs[i].first > in->length - runs->runs[i].n)
            return misfit(t, "it is shorter than its parent says");
    if (runs->n_rows > INT32_MAX)
        return SHALE_ERR(t->err, arrow_rows, t->column);
    if (runs->n_rows > 0 && wanted > 1 && in->buffers[1] == NULL &&
        !(node->form == SHALE_ARROW_FIXED && node->width == 0))
        return misfit(t, "a buffer is missing");
    return SHALE_OK;
}

/* The rows' own validity and, where that is given, their parent's. */
static enum shale_status take_validity(const struct taking *t, const struct ArrowArray *in,
                                       const struct shale_runs *runs, const uint8_t *parent,
                                       struct shale_column *out)
{
    size_t n_bytes = (size_t)runs->n_rows / 8 + 1;
    uint8_t *bits = NULL;
    if (in->buffers[0] != NULL && in->null_count != 0) {
        bits = shale_bits_gather(t->blocks, in->buffers[0], in->offset, runs);
        if (bits == NULL)
            return no_memory(t);
        for (size_t i = 0; parent != NULL && i < n_bytes; i++)
            bits[i] &= parent[i];
    } else if (parent != NULL) {
        bits = shale_blocks_alloc(t->blocks, n_bytes, 1);
        if (bits == NULL)
            return no_memory(t);
        memcpy(bits, parent, n_bytes);
    }
    out->n_rows = runs->n_rows;
    if (bits == NULL)
        return SHALE_OK;
    out->n_nulls = runs->n_rows - shale_bits_count(bits, runs->n_rows);
    out->validity = out->n_nulls > 0 ? bits : NULL;
    return SHALE_OK;
}

/* ---- Values of a fixed width ------------------------------------------------------------------
 */

static enum shale_status take_same(const struct taking *t, const struct shale_arrow_node *node,
                                   const struct ArrowArray *in, const struct shale_runs *runs,
                                   struct shale_column *out)
{
    size_t width = node->width;
    char *data = shale_blocks_alloc(t->blocks, (size_t)runs->n_rows, width), *at = data;
    if (data == NULL)
        return no_memory(t);
    for (size_t i = 0; i < runs->n_runs; i++) {
        size_t first = (size_t)(in->offset + runs->runs[i].first), n = (size_t)runs->runs[i].n;
        if (n > 0)
            memcpy(at, (const char *)in->buffers[1] + first * width, n * width);
        at += n * width;
    }
    out->data = data;
    return SHALE_OK;
}

static enum shale_status take_bool(const struct taking *t, const struct ArrowArray *in,
                                   const struct shale_runs *runs, struct shale_column *out)
{
    out->data = shale_bits_gather(t->blocks, in->buffers[1], in->offset, runs);
    return out->data != NULL ? SHALE_OK : no_memory(t);
}

/* The integer of 'width' bytes at 'row' of a buffer, little-endian and maybe not aligned. */
static int64_t integer_at(const void *buffer, size_t width, bool is_signed, int64_t row)
{
    uint64_t value = 0;
    unsigned unused = 64 - 8 * (unsigned)width;
    memcpy(&value, (const char *)buffer + (size_t)row * width, width);
    return is_signed ? (int64_t)(value << unused) >> unused : (int64_t)value;
}

/* value * times / over, rounded down. */
static bool scale_integer(const struct shale_arrow_node *node, int64_t value, int64_t *out)
{
    int64_t product;
    if (!SHALE_MUL(value, (int64_t)node->times, &product))
        return false;
    *out = product / node->over - (product % node->over < 0);
    return true;
}

static enum shale_status take_integers(const struct taking *t, const struct shale_arrow_node *node,
                                       const struct ArrowArray *in, const struct shale_runs *runs,
                                       struct shale_column *out)
{
    bool wide = shale_type_layout(&node->type) == SHALE_LAYOUT_I64;
    void *data = shale_blocks_zeroed(t->blocks, (size_t)runs->n_rows, wide ? 8 : 4);
    int64_t at = 0;
    if (data == NULL)
        return no_memory(t);
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            int64_t row = in->offset + runs->runs[i].first + j, value;
            if (shale_column_is_null(out, at))
                continue;
            if (!scale_integer(node, integer_at(in->buffers[1], node->width, node->is_signed, row),
                               &value))
                return bad_value(t, "a time is out of range in milliseconds");
            if (wide)
                ((int64_t *)data)[at] = value;
            else if (!shale_to_i32(value, &((int32_t *)data)[at]))
                return bad_value(t, "a date is out of range");
        }
    out->data = data;
    return SHALE_OK;
}

static enum shale_status take_decimals(const struct taking *t, const struct shale_arrow_node *node,
                                       const struct ArrowArray *in, const struct shale_runs *runs,
                                       struct shale_column *out)
{
    shale_i128 *data = shale_blocks_zeroed(t->blocks, (size_t)runs->n_rows, sizeof *data);
    shale_i128 beyond = 1;
    int64_t at = 0;
    if (data == NULL)
        return no_memory(t);
    for (unsigned i = 0; i < node->type.precision; i++)
        beyond *= 10;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            int64_t row = in->offset + runs->runs[i].first + j;
            if (shale_column_is_null(out, at))
                continue;
            if (node->width == 16)
                memcpy(&data[at], (const char *)in->buffers[1] + (size_t)row * 16, 16);
            else
                data[at] = integer_at(in->buffers[1], node->width, true, row);
            if (data[at] >= beyond || data[at] <= -beyond)
                return bad_value(t, "a decimal has more digits than its precision");
        }
    out->data = data;
    return SHALE_OK;
}

/* ---- Bytes ------------------------------------------------------------------------------------
 */

/* Where the value of a row lies; false when offsets go astray. */
static bool find_bytes(const struct shale_arrow_node *node, const struct ArrowArray *in,
                       int64_t row, struct shale_str *out)
{
    const char *data;
    int64_t begin, end;
    int32_t view[4];
    if (node->form == SHALE_ARROW_BYTES) {
        begin = integer_at(in->buffers[1], node->width, true, row);
        end = integer_at(in->buffers[1], node->width, true, row + 1);
        data = in->buffers[2];
        if (begin < 0 || end < begin || (data == NULL && end > begin))
            return false;
        *out = (struct shale_str){data == NULL ? NULL : data + begin, (size_t)(end - begin)};
        return true;
    }
    if (node->form == SHALE_ARROW_FIXED) {
        data = in->buffers[1];
        *out = (struct shale_str){data + (size_t)row * node->width, node->width};
        return true;
    }
    data = (const char *)in->buffers[1] + (size_t)row * sizeof view;
    memcpy(view, data, sizeof view); /* length; up to 12 bytes, or prefix, buffer, offset */
    *out = (struct shale_str){data + 4, (size_t)view[0]};
    if (view[0] < 0)
        return false;
    if (view[0] <= 12)
        return true;
    if (view[2] < 0 || view[2] >= in->n_buffers - 3 || view[3] < 0)
        return false;
    out->data = (const char *)in->buffers[2 + view[2]] + view[3];
    return true;
}

/* The offsets of the rows, and in '*n_bytes' their sum. */
static enum shale_status take_lengths(const struct taking *t, const struct shale_arrow_node *node,
                                      const struct ArrowArray *in, const struct shale_runs *runs,
                                      struct shale_column *out, int64_t *n_bytes)
{
    int32_t *offsets = shale_blocks_alloc(t->blocks, (size_t)runs->n_rows + 1, sizeof *offsets);
    int64_t at = 0, sum = 0;
    if (offsets == NULL)
        return no_memory(t);
    offsets[0] = 0;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            struct shale_str bytes = {NULL, 0};
            if (!shale_column_is_null(out, at) &&
                !find_bytes(node, in, in->offset + runs->runs[i].first + j, &bytes))
                return misfit(t, "offsets that are out of order");
            if (bytes.n_bytes > (size_t)(INT32_MAX - sum))
                return SHALE_ERR(t->err, arrow_rows, t->column);
            sum += (int64_t)bytes.n_bytes;
            offsets[at + 1] = (int32_t)sum;
        }
    out->offsets = offsets;
    *n_bytes = sum;
    return SHALE_OK;
}

static enum shale_status take_bytes(const struct taking *t, const struct shale_arrow_node *node,
                                    const struct ArrowArray *in, const struct shale_runs *runs,
                                    struct shale_column *out)
{
    int64_t n_bytes = 0, at = 0;
    char *data;
    enum shale_status status = take_lengths(t, node, in, runs, out, &n_bytes);
    if (status != SHALE_OK)
        return status;
    data = shale_blocks_alloc(t->blocks, (size_t)n_bytes, 1);
    if (data == NULL)
        return no_memory(t);
    out->data = data;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            struct shale_str bytes;
            if (out->offsets[at] == out->offsets[at + 1])
                continue;
            (void)find_bytes(node, in, in->offset + runs->runs[i].first + j, &bytes);
            memcpy(data + out->offsets[at], bytes.data, bytes.n_bytes);
        }
    return SHALE_OK;
}

/* ---- Dictionaries -----------------------------------------------------------------------------
 */

static enum shale_status take_column(const struct taking *t, const struct shale_arrow_node *node,
                                     const struct ArrowArray *in, const struct shale_runs *runs,
                                     const uint8_t *parent, struct shale_column *out);

/* The index of each row, -1 for null (also a null among the values). */
static enum shale_status take_indexes(const struct taking *t, const struct shale_arrow_node *node,
                                      const struct ArrowArray *in, const struct shale_runs *runs,
                                      const struct shale_column *values, uint8_t *validity,
                                      const struct shale_column *out, int32_t *indexes)
{
    int64_t at = 0;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            int64_t row = in->offset + runs->runs[i].first + j, index;
            indexes[at] = -1;
            if (shale_column_is_null(out, at))
                continue;
            index = integer_at(in->buffers[1], node->width, node->is_signed, row);
            if (index < 0 || index >= values->n_rows)
                return misfit(t, "an index that is not in its dictionary");
            if (shale_column_is_null(values, index))
                continue;
            indexes[at] = (int32_t)index;
            validity[at >> 3] = (uint8_t)(validity[at >> 3] | 1u << (at & 7));
        }
    return SHALE_OK;
}

static enum shale_status spread_bytes(const struct taking *t, const struct shale_column *values,
                                      const int32_t *indexes, struct shale_column *out)
{
    int32_t *offsets = shale_blocks_alloc(t->blocks, (size_t)out->n_rows + 1, sizeof *offsets);
    int64_t sum = 0;
    char *data;
    if (offsets == NULL)
        return no_memory(t);
    offsets[0] = 0;
    for (int64_t row = 0; row < out->n_rows; row++) {
        sum += indexes[row] < 0 ? 0 : (int64_t)shale_column_bytes(values, indexes[row]).n_bytes;
        if (sum > INT32_MAX)
            return SHALE_ERR(t->err, arrow_rows, t->column);
        offsets[row + 1] = (int32_t)sum;
    }
    data = shale_blocks_alloc(t->blocks, (size_t)sum, 1);
    if (data == NULL)
        return no_memory(t);
    for (int64_t row = 0; row < out->n_rows; row++) {
        struct shale_str bytes = {NULL, 0};
        if (indexes[row] >= 0)
            bytes = shale_column_bytes(values, indexes[row]);
        if (bytes.n_bytes > 0)
            memcpy(data + offsets[row], bytes.data, bytes.n_bytes);
    }
    out->offsets = offsets;
    out->data = data;
    return SHALE_OK;
}

static enum shale_status spread_fixed(const struct taking *t, size_t width,
                                      const struct shale_column *values, const int32_t *indexes,
                                      struct shale_column *out)
{
    /* A BOOL has no width: its bits are set one by one. */
    uint8_t *data = shale_blocks_zeroed(t->blocks, (size_t)out->n_rows, width == 0 ? 1 : width);
    if (data == NULL)
        return no_memory(t);
    for (int64_t row = 0; row < out->n_rows; row++) {
        if (indexes[row] < 0)
            continue;
        if (width > 0)
            memcpy(data + (size_t)row * width,
                   (const char *)values->data + (size_t)indexes[row] * width, width);
        else if (shale_bit(values->data, indexes[row]))
            data[row >> 3] = (uint8_t)(data[row >> 3] | 1u << (row & 7));
    }
    out->data = data;
    return SHALE_OK;
}

static enum shale_status take_dictionary(const struct taking *t,
                                         const struct shale_arrow_node *node,
                                         const struct ArrowArray *in, const struct shale_runs *runs,
                                         struct shale_column *out)
{
    struct shale_column values = {0};
    struct shale_run_of_rows run;
    struct shale_runs all =
        shale_runs_one(&run, 0, in->dictionary->length < 0 ? 0 : in->dictionary->length);
    int32_t *indexes = shale_blocks_alloc(t->blocks, (size_t)runs->n_rows, sizeof *indexes);
    uint8_t *validity = shale_blocks_zeroed(t->blocks, (size_t)runs->n_rows / 8 + 1, 1);
    enum shale_layout layout = shale_type_layout(&node->type);
    enum shale_status status;
    if (indexes == NULL || validity == NULL)
        return no_memory(t);
    status = take_column(t, node->values, in->dictionary, &all, NULL, &values);
    if (status == SHALE_OK)
        status = take_indexes(t, node, in, runs, &values, validity, out, indexes);
    if (status != SHALE_OK)
        return status;
    out->n_nulls = out->n_rows - shale_bits_count(validity, out->n_rows);
    out->validity = out->n_nulls > 0 ? validity : NULL;
    return layout == SHALE_LAYOUT_BYTES
               ? spread_bytes(t, &values, indexes, out)
               : spread_fixed(t, shale_layout_width(layout), &values, indexes, out);
}

/* ---- Nested -----------------------------------------------------------------------------------
 */

/* The children of a struct, or of the struct inside a map, one a member. */
static enum shale_status take_members(const struct taking *t, const struct shale_arrow_node *node,
                                      struct ArrowArray *const *arrays,
                                      const struct shale_runs *runs, const uint8_t *parent,
                                      struct shale_column *out)
{
    size_t n = node->type.n_members;
    struct shale_column *children = shale_blocks_zeroed(t->blocks, n, sizeof *children);
    enum shale_status status = SHALE_OK;
    if (children == NULL)
        return no_memory(t);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        status = take_column(t, &node->children[i], arrays[i], runs, parent, &children[i]);
        children[i].next = i + 1 < n ? &children[i + 1] : NULL;
    }
    out->child = children;
    return status;
}

/* The rows of a struct's children begin where the struct does. */
static enum shale_status shift_runs(const struct taking *t, const struct shale_runs *runs,
                                    int64_t offset, struct shale_runs *out)
{
    struct shale_run_of_rows *shifted =
        shale_blocks_alloc(t->blocks, runs->n_runs, sizeof *shifted);
    if (shifted == NULL)
        return no_memory(t);
    for (size_t i = 0; i < runs->n_runs; i++)
        shifted[i] = (struct shale_run_of_rows){runs->runs[i].first + offset, runs->runs[i].n};
    *out = (struct shale_runs){shifted, runs->n_runs, runs->n_rows};
    return SHALE_OK;
}

static enum shale_status take_struct(const struct taking *t, const struct shale_arrow_node *node,
                                     const struct ArrowArray *in, const struct shale_runs *runs,
                                     struct shale_column *out)
{
    struct shale_runs shifted;
    enum shale_status status = shift_runs(t, runs, in->offset, &shifted);
    return status != SHALE_OK ? status
                              : take_members(t, node, in->children, &shifted, out->validity, out);
}

/* The elements of a row; false when offsets go astray. */
static bool find_elements(const struct shale_arrow_node *node, const struct ArrowArray *in,
                          int64_t row, struct shale_run_of_rows *out)
{
    int64_t end;
    if (node->form == SHALE_ARROW_FIXED_LIST) {
        out->n = (int64_t)node->width;
        return SHALE_MUL(row, out->n, &out->first);
    }
    out->first = integer_at(in->buffers[1], node->width, true, row);
    end = integer_at(in->buffers[1], node->width, true, row + 1);
    out->n = end - out->first;
    return out->first >= 0 && end >= out->first;
}

/* The offsets of the rows, and the runs of their elements: one run wherever elements follow one
 * another. */
static enum shale_status take_elements(const struct taking *t, const struct shale_arrow_node *node,
                                       const struct ArrowArray *in, const struct shale_runs *runs,
                                       struct shale_column *out, struct shale_runs *inner)
{
    size_t n_rows = (size_t)runs->n_rows;
    int32_t *offsets = shale_blocks_alloc(t->blocks, n_rows + 1, sizeof *offsets);
    struct shale_run_of_rows *ranges = shale_blocks_alloc(t->blocks, n_rows, sizeof *ranges);
    int64_t at = 0;
    if (offsets == NULL || ranges == NULL)
        return no_memory(t);
    *inner = (struct shale_runs){ranges, 0, 0};
    offsets[0] = 0;
    for (size_t i = 0; i < runs->n_runs; i++)
        for (int64_t j = 0; j < runs->runs[i].n; j++, at++) {
            struct shale_run_of_rows row = {0, 0}, *last = &ranges[inner->n_runs];
            if (!shale_column_is_null(out, at) &&
                !find_elements(node, in, in->offset + runs->runs[i].first + j, &row))
                return misfit(t, "offsets that are out of order");
            if (row.n > INT32_MAX - inner->n_rows)
                return SHALE_ERR(t->err, arrow_rows, t->column);
            inner->n_rows += row.n;
            offsets[at + 1] = (int32_t)inner->n_rows;
            if (row.n == 0)
                continue;
            if (inner->n_runs > 0 && last[-1].first + last[-1].n == row.first) {
                last[-1].n += row.n;
            } else {
                *last = row;
                inner->n_runs++;
            }
        }
    out->offsets = offsets;
    return SHALE_OK;
}

static enum shale_status take_list(const struct taking *t, const struct shale_arrow_node *node,
                                   const struct ArrowArray *in, const struct shale_runs *runs,
                                   struct shale_column *out)
{
    struct shale_runs inner, shifted;
    const struct ArrowArray *entries;
    enum shale_status status = take_elements(t, node, in, runs, out, &inner);
    if (status != SHALE_OK)
        return status;
    if (node->type.kind != SHALE_MAP)
        return take_members(t, node, in->children, &inner, NULL, out);
    entries = in->children[0];
    if (entries == NULL || entries->release == NULL || entries->n_children != 2 ||
        entries->children == NULL || entries->offset < 0)
        return misfit(t, "a map's entries are no struct of two");
    status = shift_runs(t, &inner, entries->offset, &shifted);
    if (status == SHALE_OK)
        status = take_members(t, node, entries->children, &shifted, NULL, out);
    if (status == SHALE_OK && out->child->n_nulls > 0)
        return bad_value(t, "a map has a key that is null");
    return status;
}

/* ---- Any type ---------------------------------------------------------------------------------
 */

static enum shale_status take_column(const struct taking *t, const struct shale_arrow_node *node,
                                     const struct ArrowArray *in, const struct shale_runs *runs,
                                     const uint8_t *parent, struct shale_column *out)
{
    enum shale_status status = check_array(t, node, in, runs);
    if (status == SHALE_OK)
        status = take_validity(t, in, runs, parent, out);
    if (status != SHALE_OK)
        return status;
    if (node->values != NULL)
        return take_dictionary(t, node, in, runs, out);
    switch (node->form) {
    case SHALE_ARROW_BOOL:
        return take_bool(t, in, runs, out);
    case SHALE_ARROW_INT:
        return take_integers(t, node, in, runs, out);
    case SHALE_ARROW_SAME:
        return take_same(t, node, in, runs, out);
    case SHALE_ARROW_DECIMAL:
        return take_decimals(t, node, in, runs, out);
    case SHALE_ARROW_BYTES:
    case SHALE_ARROW_VIEWS:
    case SHALE_ARROW_FIXED:
        return take_bytes(t, node, in, runs, out);
    case SHALE_ARROW_LIST:
    case SHALE_ARROW_FIXED_LIST:
        return take_list(t, node, in, runs, out);
    case SHALE_ARROW_STRUCT:
        break;
    }
    return take_struct(t, node, in, runs, out);
}

enum shale_status shale_arrow_take_rows(const struct shale_mem *mem,
                                        const struct shale_arrow_schema *schema,
                                        const struct ArrowArray *in, int64_t first, int64_t n_rows,
                                        struct shale_arrow_rows *out, struct shale_err *err)
{
    const struct shale_arrow_node whole = {
        .form = SHALE_ARROW_STRUCT,
        .type = {.kind = SHALE_STRUCT, .n_members = schema->schema.n_columns},
        .children = schema->nodes};
    struct taking t = {shale_blocks_new(mem), "", err};
    struct shale_run_of_rows run;
    struct shale_runs runs;
    struct shale_column *columns, rows = {0};
    enum shale_status status;
    *out = (struct shale_arrow_rows){0};
    if (t.blocks == NULL)
        return no_memory(&t);
    if (first < 0 || n_rows < 0 || first > INT64_MAX - n_rows)
        status = misfit(&t, "rows that it has not");
    else {
        runs = shale_runs_one(&run, first, n_rows);
        status = check_array(&t, &whole, in, &runs);
    }
    if (status == SHALE_OK) /* rows that are null as a whole are rows of nulls */
        status = take_validity(&t, in, &runs, NULL, &rows);
    columns = shale_blocks_zeroed(t.blocks, schema->schema.n_columns, sizeof *columns);
    if (status == SHALE_OK && columns == NULL)
        status = no_memory(&t);
    if (status == SHALE_OK)
        run.first += in->offset;
    for (size_t i = 0; i < schema->schema.n_columns && status == SHALE_OK; i++) {
        t.column = schema->schema.columns[i].name.data;
        status =
            take_column(&t, &schema->nodes[i], in->children[i], &runs, rows.validity, &columns[i]);
    }
    if (status != SHALE_OK) {
        shale_blocks_release(t.blocks);
        return status;
    }
    *out = (struct shale_arrow_rows){n_rows, t.blocks->n_bytes, columns, t.blocks};
    return SHALE_OK;
}

void shale_arrow_rows_free(struct shale_arrow_rows *rows)
{
    shale_blocks_release(rows->owner);
    *rows = (struct shale_arrow_rows){0};
}
