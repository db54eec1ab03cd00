/* SPDX-License-Identifier: MIT */
/* Cells wait as text; the widths are known when all are there. */
#include "cli/grid.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "columns/shown.h"

enum {
    GAP = 2,
    LEAST_WIDTH = 6, /* of a column that is narrowed */
    MOST_BYTES = 64 << 20,
};

void grid_init(struct grid *grid, const struct shale_mem *mem, const struct grid_column *columns,
               size_t n_columns)
{
    *grid = (struct grid){.columns = columns, .n_columns = n_columns, .status = SHALE_OK};
    shale_buf_init(&grid->text, mem, MOST_BYTES);
    shale_buf_init(&grid->ends, mem, MOST_BYTES);
}

void grid_fini(struct grid *grid)
{
    shale_buf_fini(&grid->text);
    shale_buf_fini(&grid->ends);
}

void grid_cell(struct grid *grid, struct shale_str text)
{
    if (grid->status == SHALE_OK)
        grid->status = shale_buf_append_str(&grid->text, text);
    if (grid->status == SHALE_OK)
        grid->status =
            shale_buf_append(&grid->ends, &grid->text.n_bytes, sizeof grid->text.n_bytes);
    if (grid->status == SHALE_OK)
        grid->n_cells++;
}

void grid_printf(struct grid *grid, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    grid_cell(grid, shale_str_of(text));
}

static struct shale_str cell_of(const struct grid *grid, size_t i)
{
    size_t begin = 0, end;
    if (i > 0)
        memcpy(&begin, grid->ends.data + (i - 1) * sizeof begin, sizeof begin);
    memcpy(&end, grid->ends.data + i * sizeof end, sizeof end);
    return (struct shale_str){grid->text.data + begin, end - begin};
}

static void measure(const struct grid *grid, size_t *widths)
{
    for (size_t c = 0; c < grid->n_columns; c++) {
        const struct grid_column *column = &grid->columns[c];
        widths[c] = column->title == NULL ? 0 : strlen(column->title);
        for (size_t i = c; i < grid->n_cells; i += grid->n_columns) {
            size_t width = shale_shown_width(cell_of(grid, i));
            widths[c] = width > widths[c] ? width : widths[c];
        }
        if (column->most != 0 && widths[c] > column->most)
            widths[c] = column->most;
    }
}

/* Take from the widest of the elastic columns until the lines fit, or all are as narrow as they may
 * be: then lines are cut. */
static void narrow(const struct grid *grid, size_t *widths, size_t room)
{
    for (;;) {
        size_t sum = GAP * (grid->n_columns - 1), widest = SIZE_MAX;
        for (size_t c = 0; c < grid->n_columns; c++) {
            sum += widths[c];
            if (grid->columns[c].elastic && widths[c] > LEAST_WIDTH &&
                (widest == SIZE_MAX || widths[c] > widths[widest]))
                widest = c;
        }
        if (sum <= room || widest == SIZE_MAX)
            return;
        widths[widest]--;
    }
}

static enum shale_status put_spaces(struct shale_buf *out, size_t n)
{
    enum shale_status status = shale_buf_reserve(out, n);
    if (status == SHALE_OK && n > 0) {
        memset(out->data + out->n_bytes, ' ', n);
        out->n_bytes += n;
    }
    return status;
}

/* One cell after 'gap' spaces, in 'width' columns; spaces at the end of the line are left out. */
static enum shale_status put_cell(const struct grid *grid, size_t column, struct shale_str text,
                                  size_t gap, size_t width, struct shale_buf *out)
{
    size_t used = 0;
    enum shale_status status = put_spaces(out, gap);
    size_t at = out->n_bytes;
    if (status == SHALE_OK && width > 0)
        status = shale_shown_append(text, width, false, &used, out);
    if (status == SHALE_OK)
        status = put_spaces(out, width - used);
    if (status == SHALE_OK && grid->columns[column].right && used < width) {
        size_t n = out->n_bytes - at - (width - used);
        memmove(out->data + at + (width - used), out->data + at, n);
        memset(out->data + at, ' ', width - used);
    }
    return status;
}

static enum shale_status put_line(const struct grid *grid, size_t first, const size_t *widths,
                                  size_t indent, size_t room, struct shale_buf *out)
{
    size_t used = 0;
    enum shale_status status = SHALE_OK;
    for (size_t c = 0; c < grid->n_columns && status == SHALE_OK && used < room; c++) {
        size_t gap = c == 0 ? indent : GAP, width = widths[c];
        struct shale_str text =
            first == SIZE_MAX ? shale_str_of(grid->columns[c].title) : cell_of(grid, first + c);
        if (c > 0 && gap >= room - used)
            break;
        used += c == 0 ? 0 : gap;
        if (width > room - used)
            width = room - used;
        status = put_cell(grid, c, text, gap, width, out);
        used += width;
    }
    while (out->n_bytes > 0 && out->data[out->n_bytes - 1] == ' ')
        out->n_bytes--;
    return status == SHALE_OK ? shale_buf_append_byte(out, '\n') : status;
}

enum shale_status grid_print(struct grid *grid, size_t indent, size_t width, struct shale_buf *out)
{
    size_t widths[GRID_COLUMNS], room = width > indent ? width - indent : width == 0 ? SIZE_MAX : 1;
    enum shale_status status = grid->status;
    if (status != SHALE_OK)
        return status;
    measure(grid, widths);
    narrow(grid, widths, room);
    if (grid->columns[0].title != NULL)
        status = put_line(grid, SIZE_MAX, widths, indent, room, out);
    for (size_t i = 0; i < grid->n_cells && status == SHALE_OK; i += grid->n_columns)
        status = put_line(grid, i, widths, indent, room, out);
    shale_buf_reset(&grid->text);
    shale_buf_reset(&grid->ends);
    grid->n_cells = 0;
    return status;
}
