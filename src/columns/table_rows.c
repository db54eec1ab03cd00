/* SPDX-License-Identifier: MIT */
/* Rows as an aligned table. */
#include "columns/table_rows.h"

#include <inttypes.h>
#include <string.h>

#include "codec/base64.h"
#include "columns/scalar_text.h"
#include "columns/shown.h"

enum {
    GAP = 2,           /* between two columns */
    LEAST_WIDTH = 8,   /* of a column that is narrowed */
    MOST_WIDTH = 4096, /* of any cell */
    WAITING_ROWS = 1000,
    WAITING_BYTES = 4 * 1024 * 1024,
};

enum shale_status shale_table_rows_init(struct shale_table_rows *rows, const struct shale_mem *mem,
                                        const struct shale_column_def *defs, size_t n_columns,
                                        size_t width)
{
    *rows = (struct shale_table_rows){.width = width};
    shale_buf_init(&rows->text, mem, SIZE_MAX / 2);
    shale_buf_init(&rows->cells, mem, SIZE_MAX / 2);
    shale_buf_init(&rows->ends, mem, SIZE_MAX / 2);
    shale_buf_init(&rows->widths, mem, SIZE_MAX / 2);
    return shale_json_rows_init(&rows->json, mem, defs, n_columns);
}

void shale_table_rows_fini(struct shale_table_rows *rows)
{
    if (rows->json.mem == NULL)
        return;
    shale_json_rows_fini(&rows->json);
    shale_buf_fini(&rows->text);
    shale_buf_fini(&rows->cells);
    shale_buf_fini(&rows->ends);
    shale_buf_fini(&rows->widths);
}

/* ---- Cells ------------------------------------------------------------------------------------
 */

static bool is_number(const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_INT32:
    case SHALE_INT64:
    case SHALE_UINT8:
    case SHALE_UINT16:
    case SHALE_UINT32:
    case SHALE_UINT64:
    case SHALE_FLOAT32:
    case SHALE_FLOAT64:
    case SHALE_DECIMAL:
        return true;
    default:
        return false;
    }
}

/* The value's own text: '*out' is good until the next call. */
static enum shale_status value_text(struct shale_table_rows *rows, const struct shale_type *type,
                                    const struct shale_column *column, int64_t row,
                                    struct shale_str *out)
{
    enum shale_layout layout = shale_type_layout(type);
    enum shale_status status = SHALE_OK;
    *out = SHALE_STR("null");
    if (shale_column_is_null(column, row))
        return SHALE_OK;
    if (layout == SHALE_LAYOUT_BYTES && type->kind != SHALE_BINARY && type->kind != SHALE_FIXED) {
        *out = shale_column_bytes(column, row);
        return SHALE_OK;
    }
    shale_buf_reset(&rows->text);
    if (layout == SHALE_LAYOUT_LIST || layout == SHALE_LAYOUT_STRUCT) {
        status = shale_json_rows_value(&rows->json, type, column, row, &rows->text);
    } else if (layout == SHALE_LAYOUT_BYTES) {
        status = shale_base64_append(shale_column_bytes(column, row), &rows->text);
    } else {
        status = shale_buf_reserve(&rows->text, SHALE_SCALAR_BYTES);
        if (status == SHALE_OK)
            rows->text.n_bytes = shale_scalar_print(type, column, row, rows->text.data);
    }
    *out = shale_buf_str(&rows->text);
    return status;
}

static enum shale_status put_cell(const struct shale_table_rows *rows, size_t column, bool again,
                                  struct shale_str text, struct shale_buf *out)
{
    size_t width = ((const size_t *)(const void *)rows->widths.data)[column], used, before;
    bool last = column + 1 == rows->n_shown, right = is_number(&rows->json.defs[column].type);
    enum shale_status status = shale_buf_reserve(out, width + GAP);
    if (status != SHALE_OK)
        return status;
    before = out->n_bytes;
    status = shale_shown_append(text, width, again, &used, out);
    if (status == SHALE_OK)
        status = shale_buf_reserve(out, width + GAP);
    if (status != SHALE_OK)
        return status;
    if (right) {
        memmove(out->data + before + (width - used), out->data + before, out->n_bytes - before);
        memset(out->data + before, ' ', width - used);
        out->n_bytes += width - used;
        used = width;
    }
    if (!last) {
        memset(out->data + out->n_bytes, ' ', width - used + GAP);
        out->n_bytes += width - used + GAP;
    }
    return SHALE_OK;
}

/* ---- Rows that wait ---------------------------------------------------------------------------
 */

static enum shale_status keep_cell(struct shale_table_rows *rows, struct shale_str text)
{
    size_t width;
    enum shale_status status = shale_shown_append(text, MOST_WIDTH, false, &width, &rows->cells);
    if (status == SHALE_OK)
        status = shale_buf_append(&rows->ends, &rows->cells.n_bytes, sizeof(size_t));
    return status;
}

static enum shale_status keep_names(struct shale_table_rows *rows)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < rows->json.n_columns && status == SHALE_OK; i++)
        status = keep_cell(rows, rows->json.defs[i].name);
    return status;
}

static struct shale_str kept_cell(const struct shale_table_rows *rows, size_t i)
{
    const size_t *ends = (const size_t *)(const void *)rows->ends.data;
    size_t begin = i == 0 ? 0 : ends[i - 1];
    return (struct shale_str){rows->cells.data + begin, ends[i] - begin};
}

/* The widest columns get 'cap', so that all take at most 'room'; the columns' sum is more. */
static size_t find_cap(const size_t *widths, size_t n, size_t room)
{
    size_t low = LEAST_WIDTH, high = MOST_WIDTH;
    while (low < high) {
        size_t middle = (low + high + 1) / 2, sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += widths[i] < middle ? widths[i] : middle;
        if (sum <= room)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* How many columns fit when the wide ones are narrowed; at least one is shown. */
static size_t count_shown(const size_t *widths, size_t n, size_t width)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (widths[i] < LEAST_WIDTH ? widths[i] : LEAST_WIDTH) + (i > 0 ? GAP : 0);
        if (sum > width)
            return i > 0 ? i : 1;
    }
    return n;
}

static enum shale_status find_widths(struct shale_table_rows *rows)
{
    size_t n = rows->json.n_columns, sum = 0, room, cap;
    size_t n_cells = rows->ends.n_bytes / sizeof(size_t);
    size_t *widths;
    enum shale_status status = shale_buf_reserve(&rows->widths, (n + 1) * sizeof(size_t));
    if (status != SHALE_OK)
        return status;
    widths = (size_t *)(void *)rows->widths.data;
    memset(widths, 0, (n + 1) * sizeof(size_t));
    for (size_t i = 0; i < n_cells; i++) {
        size_t width = shale_shown_width(kept_cell(rows, i));
        if (width > widths[i % n])
            widths[i % n] = width;
    }
    rows->n_shown = n;
    if (rows->width == 0 || n == 0)
        return SHALE_OK;
    rows->n_shown = count_shown(widths, n, rows->width);
    for (size_t i = 0; i < rows->n_shown; i++)
        sum += widths[i];
    room = GAP * (rows->n_shown - 1) < rows->width ? rows->width - GAP * (rows->n_shown - 1) : 1;
    cap = sum <= room ? MOST_WIDTH : find_cap(widths, rows->n_shown, room);
    if (rows->n_shown == 1 && cap > room)
        cap = room;
    for (size_t i = 0; i < rows->n_shown; i++)
        widths[i] = widths[i] < cap ? widths[i] : cap;
    return SHALE_OK;
}

/* Spaces at a line's end are of no use. */
static enum shale_status end_line(struct shale_buf *out)
{
    while (out->n_bytes > 0 && out->data[out->n_bytes - 1] == ' ')
        out->n_bytes--;
    return shale_buf_append_byte(out, '\n');
}

static enum shale_status put_rule(const struct shale_table_rows *rows, struct shale_buf *out)
{
    const size_t *widths = (const size_t *)(const void *)rows->widths.data;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < rows->n_shown && status == SHALE_OK; i++) {
        status = shale_buf_reserve(out, widths[i] + GAP);
        if (status != SHALE_OK)
            break;
        memset(out->data + out->n_bytes, '-', widths[i]);
        memset(out->data + out->n_bytes + widths[i], ' ', GAP);
        out->n_bytes += widths[i] + GAP;
    }
    return status == SHALE_OK ? end_line(out) : status;
}

/* Show what waits: the names (line 0), a rule, the rows. */
static enum shale_status flush(struct shale_table_rows *rows, struct shale_buf *out)
{
    size_t n = rows->json.n_columns;
    enum shale_status status = rows->n_waiting == 0 ? keep_names(rows) : SHALE_OK;
    if (status == SHALE_OK)
        status = find_widths(rows);
    for (int64_t line = 0; line <= rows->n_waiting && n > 0 && status == SHALE_OK; line++) {
        for (size_t i = 0; i < rows->n_shown && status == SHALE_OK; i++)
            status = put_cell(rows, i, true, kept_cell(rows, (size_t)line * n + i), out);
        if (status == SHALE_OK)
            status = end_line(out);
        if (line == 0 && status == SHALE_OK)
            status = put_rule(rows, out);
    }
    rows->flushed = true;
    shale_buf_reset(&rows->cells);
    shale_buf_reset(&rows->ends);
    return status;
}

enum shale_status shale_table_rows_append(struct shale_table_rows *rows,
                                          const struct shale_column *columns, int64_t row,
                                          struct shale_buf *out)
{
    bool waits = !rows->flushed;
    size_t n = waits ? rows->json.n_columns : rows->n_shown;
    enum shale_status status = waits && rows->n_waiting == 0 ? keep_names(rows) : SHALE_OK;
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        struct shale_str text;
        status = value_text(rows, &rows->json.defs[i].type, &columns[i], row, &text);
        if (status == SHALE_OK)
            status = waits ? keep_cell(rows, text) : put_cell(rows, i, false, text, out);
    }
    if (status == SHALE_OK && !waits)
        status = end_line(out);
    rows->n_rows++;
    rows->n_waiting += waits;
    if (status == SHALE_OK && waits &&
        (rows->n_waiting == WAITING_ROWS || rows->cells.n_bytes >= WAITING_BYTES))
        status = flush(rows, out);
    return status;
}

enum shale_status shale_table_rows_finish(struct shale_table_rows *rows, struct shale_buf *out)
{
    enum shale_status status = rows->flushed ? SHALE_OK : flush(rows, out);
    if (status == SHALE_OK)
        status = shale_buf_printf(out, "\n%" PRId64 " row%s", rows->n_rows,
                                  rows->n_rows == 1 ? "" : "s");
    if (status == SHALE_OK && rows->n_shown < rows->json.n_columns)
        status = shale_buf_printf(out, ", the first %zu of %zu columns", rows->n_shown,
                                  rows->json.n_columns);
    return status == SHALE_OK ? shale_buf_append_byte(out, '\n') : status;
}
