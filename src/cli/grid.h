/* SPDX-License-Identifier: MIT */
/* Lines of cells in aligned columns, cut to a width. */
#ifndef SHALE_CLI_GRID_H
#define SHALE_CLI_GRID_H

#include <stdbool.h>

#include "base/buf.h"

enum { GRID_COLUMNS = 16 };

struct grid_column {
    const char *title; /* NULL: there is no line of titles */
    bool right;        /* numbers */
    bool elastic;      /* may be made narrower where the lines do not fit */
    size_t most;       /* its width at most; 0: any */
};

/* Cells are appended in the order of reading.  Sticky: the first failure is in 'status'. */
struct grid {
    const struct grid_column *columns;
    size_t n_columns;
    size_t n_cells;
    struct shale_buf text, ends; /* of all cells; size_t, where each ends */
    enum shale_status status;
};

void grid_init(struct grid *grid, const struct shale_mem *mem, const struct grid_column *columns,
               size_t n_columns);
void grid_fini(struct grid *grid);

void grid_cell(struct grid *grid, struct shale_str text);
void grid_printf(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append all lines to 'out', 'indent' spaces before each, within 'width' (0: any), and forget them.
 * Texts are shown so that they cannot speak to the terminal. */
SHALE_MUST_USE enum shale_status grid_print(struct grid *grid, size_t indent, size_t width,
                                            struct shale_buf *out);

#endif
