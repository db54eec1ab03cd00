/* SPDX-License-Identifier: MIT */
/* Exact filtering: equality, and null. */
#include "parquet/filter.h"

#include <string.h>

#include "base/printable.h"
#include "parquet/spread.h"

enum shale_status shale_filters_init(struct shale_scan *scan,
                                     const struct shale_scan_options *options,
                                     struct shale_err *err)
{
    const struct shale_schema *schema = &scan->reader->meta.schema;
    if (options->n_where == 0)
        return SHALE_OK;
    scan->filters = shale_mem_zeroed(scan->mem, options->n_where, sizeof(*scan->filters));
    if (scan->filters == NULL)
        return shale_reader_no_memory(scan->reader, "a scan", err);
    for (size_t i = 0; i < options->n_where; i++) {
        struct shale_scan_filter *filter = &scan->filters[i];
        const struct shale_column_def *column;
        enum shale_layout layout;
        char *copy, name[200];
        size_t c = 0, width;
        filter->condition = options->where[i];
        if (filter->condition.column >= schema->n_columns)
            return SHALE_ERR(err, parquet_scan_column, filter->condition.column, schema->n_columns);
        column = &schema->columns[filter->condition.column];
        layout = shale_type_layout(&column->type);
        width = layout == SHALE_LAYOUT_BOOL ? 1 : shale_layout_width(layout);
        if (column->type.n_members > 0 ||
            (!filter->condition.is_null && width > 0 && filter->condition.value.n_bytes != width))
            return SHALE_ERR(err, parquet_scan_where,
                             shale_printable(column->name, name, sizeof(name)));
        copy = shale_mem_alloc(scan->mem, filter->condition.value.n_bytes);
        if (copy == NULL)
            return shale_reader_no_memory(scan->reader, "a scan", err);
        if (filter->condition.value.n_bytes > 0)
            memcpy(copy, filter->condition.value.data, filter->condition.value.n_bytes);
        filter->condition.value.data = copy;
        scan->n_filters++;
        while (c < scan->n_columns && scan->columns[c].column != filter->condition.column)
            c++;
        if (c == scan->n_columns)
            scan->columns[scan->n_columns++].column = filter->condition.column;
        scan->columns[c].filters = true;
        filter->column = c;
    }
    return SHALE_OK;
}

void shale_filters_fini(struct shale_scan *scan)
{
    for (size_t i = 0; i < scan->n_filters; i++)
        shale_mem_free(scan->mem, (char *)scan->filters[i].condition.value.data);
    shale_mem_free(scan->mem, scan->filters);
}

static bool row_meets(const struct shale_scan_filter *filter, const struct shale_column *column,
                      int64_t row)
{
    struct shale_str value = filter->condition.value;
    bool is_null = shale_column_is_null(column, row);
    if (filter->condition.is_null || is_null)
        return filter->condition.is_null && is_null;
    if (column->offsets != NULL) {
        size_t n = (size_t)(column->offsets[row + 1] - column->offsets[row]);
        return n == value.n_bytes &&
               (n == 0 ||
                memcmp((const char *)column->data + column->offsets[row], value.data, n) == 0);
    }
    return memcmp((const char *)column->data + (size_t)row * value.n_bytes, value.data,
                  value.n_bytes) == 0;
}

static void apply(const struct shale_scan_filter *filter, enum shale_layout layout,
                  const struct shale_column *column, int64_t n_rows, uint8_t *selected)
{
    for (int64_t i = 0; i < n_rows; i++) {
        bool meets;
        if (layout == SHALE_LAYOUT_BOOL && !filter->condition.is_null)
            meets = !shale_column_is_null(column, i) &&
                    shale_bit(column->data, i) == (filter->condition.value.data[0] != 0);
        else
            meets = row_meets(filter, column, i);
        if (!meets)
            selected[i / 8] &= (uint8_t) ~(1u << (i % 8));
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
    for (size_t i = 0; i < scan->n_filters; i++) {
        const struct shale_assembly *assembly = &scan->columns[scan->filters[i].column].assembly;
        apply(&scan->filters[i], assembly->nodes[0].layout, &assembly->columns[0], n_rows,
              scan->selected);
    }
    for (size_t i = 0; i < n_bytes; i++)
        *any |= scan->selected[i] != 0;
    return SHALE_OK;
}
