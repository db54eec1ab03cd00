/* SPDX-License-Identifier: MIT */
/* sorting_columns (parquet.thrift, SortingColumn): are the rows of a row group in that order? */
#include "base/printable.h"
#include "parquet/check_parts.h"

enum { BATCH_ROWS = 4096, MOST_KEYS = 16 };

/* The last row of the rows before. */
struct previous {
    bool is_null;
    struct shale_buf value;
};

struct order {
    struct shale_check *check;
    const struct shale_file_row_group *group;
    const struct shale_file_leaf *leaves[MOST_KEYS];
    size_t columns[MOST_KEYS], n;
    struct previous previous[MOST_KEYS];
    bool any;
};

static bool value_at(const struct shale_file_leaf *leaf, const struct shale_column *column,
                     int64_t row, char *bit, struct shale_str *out)
{
    size_t width = shale_layout_width(shale_type_layout(leaf->type));
    if (shale_column_is_null(column, row))
        return false;
    if (shale_type_layout(leaf->type) == SHALE_LAYOUT_BOOL) {
        *bit = shale_bit(column->data, row) ? 1 : 0;
        *out = (struct shale_str){bit, 1};
    } else if (width > 0) {
        *out = (struct shale_str){(const char *)column->data + (size_t)row * width, width};
    } else {
        out->data = (const char *)column->data + column->offsets[row];
        out->n_bytes = (size_t)(column->offsets[row + 1] - column->offsets[row]);
    }
    return true;
}

/* < 0: the row before is less, by the rules of key 'k'. */
static int compare_key(const struct order *order, size_t k, bool has_value, struct shale_str value)
{
    const struct shale_file_sorting *sorting = &order->group->sorting[k];
    const struct previous *previous = &order->previous[k];
    int result;
    if (previous->is_null || !has_value) {
        result = previous->is_null == !has_value ? 0 : previous->is_null ? -1 : 1;
        return sorting->nulls_first ? result : -result;
    }
    result = shale_leaf_compare(order->leaves[k], shale_buf_str(&previous->value), value);
    return sorting->descending ? -result : result;
}

static enum shale_status keep(struct previous *previous, bool has_value, struct shale_str value)
{
    previous->is_null = !has_value;
    shale_buf_reset(&previous->value);
    return has_value ? shale_buf_append_str(&previous->value, value) : SHALE_OK;
}

/* '*at' is the first row that is not in order, or -1. */
static enum shale_status compare_rows(struct order *order, const struct shale_rows *rows,
                                      int64_t *at)
{
    for (int64_t row = 0; row < rows->n_rows; row++) {
        int result = 0;
        for (size_t k = 0; k < order->n; k++) {
            struct shale_str value = {NULL, 0};
            char bit;
            bool has_value = value_at(order->leaves[k], &rows->columns[k], row, &bit, &value);
            if (order->any && result == 0)
                result = compare_key(order, k, has_value, value);
            if (keep(&order->previous[k], has_value, value) != SHALE_OK)
                return shale_reader_no_memory(order->check->reader, "a value", order->check->err);
        }
        order->any = true;
        if (result > 0) {
            *at = rows->first_row + row;
            return SHALE_OK;
        }
    }
    return SHALE_OK;
}

static enum shale_status compare_group(struct order *order, size_t row_group, int64_t *at)
{
    struct shale_check *check = order->check;
    const struct shale_scan_options options = {.columns = order->columns,
                                               .n_columns = order->n,
                                               .first_row_group = row_group,
                                               .n_row_groups = 1,
                                               .batch_rows = BATCH_ROWS};
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_scan_new(check->reader, &options, &scan, &err);
    while (status == SHALE_OK && *at < 0) {
        status = shale_scan_next(scan, &rows, &err);
        if (status != SHALE_OK || rows == NULL)
            break;
        status = compare_rows(order, rows, at);
        if (status != SHALE_OK) {
            shale_scan_free(scan);
            return status;
        }
    }
    shale_scan_free(scan);
    if (status == SHALE_CORRUPT || status == SHALE_SCHEMA) /* said with the values */
        return SHALE_OK;
    return shale_check_failed(check, status, &err);
}

/* The keys up to the first that is inside a list, or has no order.  Floats with NaNs have none. */
static void set_keys(struct order *order)
{
    const struct shale_check *check = order->check;
    for (size_t i = 0; i < order->group->n_sorting && i < MOST_KEYS; i++) {
        size_t number = (size_t)order->group->sorting[i].leaf;
        const struct shale_file_leaf *leaf = &check->file->leaves[number];
        const struct shale_type *column = &check->file->schema.columns[leaf->column].type;
        if (leaf->order == SHALE_FILE_ORDER_NONE || leaf->unsupported != NULL ||
            shale_type_n_nodes(column) != 1 || check->ranges[number].has_nan ||
            shale_type_layout(leaf->type) == SHALE_LAYOUT_LIST)
            return;
        order->leaves[order->n] = leaf;
        order->columns[order->n++] = leaf->column;
    }
}

enum shale_status shale_check_order(struct shale_check *check, size_t row_group)
{
    struct order order = {.check = check, .group = &check->file->row_groups[row_group]};
    struct shale_err err;
    int64_t at = -1;
    enum shale_status status = SHALE_OK;
    set_keys(&order);
    if (order.n == 0)
        return SHALE_OK;
    for (size_t k = 0; k < order.n; k++)
        shale_buf_init(&order.previous[k].value, shale_reader_mem(check->reader), SIZE_MAX);
    check->info = order.leaves[0];
    check->row_group = row_group;
    status = compare_group(&order, row_group, &at);
    if (status == SHALE_OK && at >= 0) {
        shale_err_clear(&err);
        (void)SHALE_ERR(&err, parquet_sorting, row_group, (long long)at);
        shale_check_found(check, &err, false);
    }
    for (size_t k = 0; k < order.n; k++)
        shale_buf_fini(&order.previous[k].value);
    return status;
}
