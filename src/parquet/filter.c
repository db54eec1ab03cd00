/* SPDX-License-Identifier: MIT */
/* Exact filtering: equality, and null. */
#include "parquet/filter.h"

#include <string.h>

#include "base/checked.h"
#include "base/printable.h"
#include "parquet/spread.h"

/* ---- Making them ------------------------------------------------------------------------------
 */

/* The value in the form that a bloom filter hashes: its PLAIN bytes, when one value has only one
 * such form. */
static struct shale_str plain_of(const struct shale_value_kind *kind, struct shale_str value)
{
    bool same = kind->convert == SHALE_CONVERT_NONE || kind->convert == SHALE_CONVERT_FIXED_BYTES;
    static const char zero[8] = {0};
    double number = 1;
    float small = 1;
    if (kind->convert == SHALE_CONVERT_I32_I64)
        return (struct shale_str){value.data, 4}; /* little-endian: the low half */
    if (kind->physical == SHALE_PHYSICAL_DOUBLE)
        memcpy(&number, value.data, 8);
    if (kind->physical == SHALE_PHYSICAL_FLOAT)
        memcpy(&small, value.data, 4);
    /* A zero has two forms, a NaN many. */
    if (!same || number == 0 || number != number || small == 0 || small != small)
        return (struct shale_str){NULL, 0};
    return value.n_bytes > 0 ? value : (struct shale_str){zero, 0};
}

static size_t find_column(struct shale_scan *scan, size_t column)
{
    size_t c = 0;
    while (c < scan->n_columns && scan->columns[c].column != column)
        c++;
    if (c == scan->n_columns)
        scan->columns[scan->n_columns++].column = column;
    scan->columns[c].filters = true;
    return c;
}

/* A scalar column has one leaf, which bears its number. */
static size_t find_leaf(const struct shale_file *meta, size_t column)
{
    size_t leaf = 0;
    while (meta->leaves[leaf].column != column)
        leaf++;
    return leaf;
}

static enum shale_status filter_init(struct shale_scan *scan, struct shale_scan_filter *filter,
                                     const struct shale_scan_condition *condition,
                                     struct shale_err *err)
{
    const struct shale_file *meta = &scan->reader->meta;
    const struct shale_column_def *column;
    struct shale_str value = condition->value;
    size_t width;
    char *copy, name[200];
    if (condition->column >= meta->schema.n_columns)
        return SHALE_ERR(err, parquet_scan_column, condition->column, meta->schema.n_columns);
    column = &meta->schema.columns[condition->column];
    filter->layout = shale_type_layout(&column->type);
    width = filter->layout == SHALE_LAYOUT_BOOL ? 1 : shale_layout_width(filter->layout);
    if (column->type.n_members > 0 || (!condition->is_null && width > 0 && value.n_bytes != width))
        return SHALE_ERR(err, parquet_scan_where,
                         shale_printable(column->name, name, sizeof(name)));
    copy = shale_mem_alloc(scan->mem, value.n_bytes);
    if (copy == NULL)
        return shale_reader_no_memory(scan->reader, "a scan", err);
    if (value.n_bytes > 0)
        memcpy(copy, value.data, value.n_bytes);
    filter->condition = *condition;
    filter->condition.value.data = copy;
    filter->type = &column->type;
    filter->leaf = find_leaf(meta, condition->column);
    filter->column = find_column(scan, condition->column);
    if (!condition->is_null && shale_value_kind_of(&meta->nodes[meta->leaves[filter->leaf].node],
                                                   filter->type, &filter->kind))
        filter->plain = plain_of(&filter->kind, filter->condition.value);
    return SHALE_OK;
}

enum shale_status shale_filters_init(struct shale_scan *scan,
                                     const struct shale_scan_options *options,
                                     struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (options->n_where == 0)
        return SHALE_OK;
    scan->filters = shale_mem_zeroed(scan->mem, options->n_where, sizeof(*scan->filters));
    if (scan->filters == NULL)
        return shale_reader_no_memory(scan->reader, "a scan", err);
    for (size_t i = 0; i < options->n_where && status == SHALE_OK; i++) {
        status = filter_init(scan, &scan->filters[i], &options->where[i], err);
        scan->n_filters += status == SHALE_OK;
    }
    return status;
}

void shale_filters_fini(struct shale_scan *scan)
{
    for (size_t i = 0; i < scan->n_filters; i++)
        shale_mem_free(scan->mem, (char *)scan->filters[i].condition.value.data);
    shale_mem_free(scan->mem, scan->filters);
}

/* ---- Looking ----------------------------------------------------------------------------------
 */

/* 64 rows at a time, of which 'n' there are: a bit for each that has the value. */
typedef uint64_t (*block_fn)(const struct shale_scan_filter *filter,
                             const struct shale_column *column, size_t first, size_t n);

#define BLOCK(name, type, equal)                                                                   \
    static uint64_t name(const struct shale_scan_filter *filter,                                   \
                         const struct shale_column *column, size_t first, size_t n)                \
    {                                                                                              \
        const type *values = (const type *)column->data + first;                                   \
        uint64_t word = 0;                                                                         \
        type b;                                                                                    \
        memcpy(&b, filter->condition.value.data, sizeof(b));                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            type a = values[i];                                                                    \
            word |= (uint64_t)(equal) << i;                                                        \
        }                                                                                          \
        return word;                                                                               \
    }

BLOCK(block_4, uint32_t, a == b)
BLOCK(block_8, uint64_t, a == b)
BLOCK(block_16, shale_u128, a == b)
BLOCK(block_f32, float, a == b || (a != a && b != b))
BLOCK(block_f64, double, a == b || (a != a && b != b))

static uint64_t block_bool(const struct shale_scan_filter *filter,
                           const struct shale_column *column, size_t first, size_t n)
{
    const uint8_t *bits = column->data;
    uint64_t word = 0;
    (void)n;
    memcpy(&word, bits + first / 8, 8); /* made in whole words (spread.h) */
    return filter->condition.value.data[0] != 0 ? word : ~word;
}

static uint64_t block_bytes(const struct shale_scan_filter *filter,
                            const struct shale_column *column, size_t first, size_t n)
{
    struct shale_str value = filter->condition.value;
    const int32_t *offsets = column->offsets + first;
    const char *data = column->data;
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        if ((size_t)(offsets[i + 1] - offsets[i]) == value.n_bytes &&
            (value.n_bytes == 0 || memcmp(data + offsets[i], value.data, value.n_bytes) == 0))
            word |= UINT64_C(1) << i;
    return word;
}

static block_fn block_of(const struct shale_scan_filter *filter)
{
    switch (filter->layout) {
    case SHALE_LAYOUT_BOOL:
        return block_bool;
    case SHALE_LAYOUT_I32:
        return block_4;
    case SHALE_LAYOUT_I64:
        return block_8;
    case SHALE_LAYOUT_F32:
        return block_f32;
    case SHALE_LAYOUT_F64:
        return block_f64;
    case SHALE_LAYOUT_I128:
        return block_16;
    default:
        return block_bytes;
    }
}

/* 'validity' is made in whole words too. */
static uint64_t validity_word(const struct shale_column *column, size_t first)
{
    uint64_t word = UINT64_MAX;
    if (column->validity != NULL)
        memcpy(&word, column->validity + first / 8, 8);
    return word;
}

static void apply(const struct shale_scan_filter *filter, const struct shale_column *column,
                  size_t n_rows, uint8_t *selected)
{
    block_fn block = block_of(filter);
    for (size_t i = 0; i < n_rows; i += 64) {
        size_t n = n_rows - i < 64 ? n_rows - i : 64;
        uint64_t word, valid = validity_word(column, i);
        memcpy(&word, selected + i / 8, 8);
        if (filter->condition.is_null)
            word &= ~valid;
        else if ((word & valid) != 0)
            word &= valid & block(filter, column, i, n);
        else
            word = 0;
        memcpy(selected + i / 8, &word, 8);
    }
}

enum shale_status shale_filters_apply(struct shale_scan *scan, int64_t n_rows, bool *any,
                                      struct shale_err *err)
{
    size_t n_bytes = shale_spread_bits_bytes((size_t)n_rows);
    *any = false;
    if (n_bytes > scan->selected_bytes) {
        shale_mem_free(scan->mem, scan->selected);
        scan->selected_bytes = 0;
        scan->selected = shale_mem_alloc(scan->mem, n_bytes);
        if (scan->selected == NULL)
            return shale_reader_no_memory(scan->reader, "a scan", err);
        scan->selected_bytes = n_bytes;
    }
    memset(scan->selected, 0, n_bytes);
    memset(scan->selected, 0xff, (size_t)n_rows / 8);
    if (n_rows % 8 != 0)
        scan->selected[n_rows / 8] = (uint8_t)((1u << (n_rows % 8)) - 1);
    for (size_t i = 0; i < scan->n_filters; i++)
        apply(&scan->filters[i], &scan->columns[scan->filters[i].column].assembly.columns[0],
              (size_t)n_rows, scan->selected);
    for (size_t i = 0; i < n_bytes; i++)
        *any |= scan->selected[i] != 0;
    return SHALE_OK;
}

bool shale_filter_in(const struct shale_scan_filter *filter, const struct shale_dense *dictionary)
{
    struct shale_column column = {.data = dictionary->data, .offsets = dictionary->offsets};
    block_fn block = block_of(filter);
    if (filter->layout == SHALE_LAYOUT_BOOL || dictionary->n == 0)
        return dictionary->n > 0; /* of bytes, not bits */
    if (filter->layout == SHALE_LAYOUT_BYTES)
        column.data = dictionary->bytes.data;
    for (size_t i = 0; i < dictionary->n; i += 64) {
        size_t n = dictionary->n - i < 64 ? dictionary->n - i : 64;
        if (block(filter, &column, i, n) != 0)
            return true;
    }
    return false;
}
