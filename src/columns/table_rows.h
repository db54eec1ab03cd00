/* SPDX-License-Identifier: MIT */
/* Rows as an aligned table for people: a line of names, a rule, a line a row, a footer.
 *
 *     id  name     price
 *     --  -------  -----
 *      1  Ada       1.50
 *      2  Grace …    null
 *
 *     2 rows
 *
 * The widths come from the first rows (up to 1,000, or 4 MiB of text), which wait until these are
 * known; what is longer is cut and ends with "…".  Where the columns do not fit in the table's
 * width the widest are narrowed, to 8 at the least; then the last ones are left out, and the footer
 * says so.  Numbers stand to the right.  Control characters, and those that turn the direction of
 * text, are shown as escapes: a file cannot speak to the terminal.  One thread at a time. */
#ifndef SHALE_COLUMNS_TABLE_ROWS_H
#define SHALE_COLUMNS_TABLE_ROWS_H

#include "columns/json_rows.h"

struct shale_table_rows {
    struct shale_json_rows json;
    size_t width;            /* 0: any */
    struct shale_buf text;   /* a value as it is */
    struct shale_buf cells;  /* as they are shown: of the rows that wait, names first */
    struct shale_buf ends;   /* size_t, where each of them ends */
    struct shale_buf widths; /* size_t, one a column that is shown */
    size_t n_shown;          /* columns */
    int64_t n_rows, n_waiting;
    bool flushed; /* the widths are known, nothing waits */
};

/* 'width': columns of the terminal, 0 without a limit. */
SHALE_MUST_USE enum shale_status shale_table_rows_init(struct shale_table_rows *rows,
                                                       const struct shale_mem *mem,
                                                       const struct shale_column_def *defs,
                                                       size_t n_columns, size_t width);
void shale_table_rows_fini(struct shale_table_rows *rows);

/* Take a row: 'out' gets lines when there are any to be shown. */
SHALE_MUST_USE enum shale_status shale_table_rows_append(struct shale_table_rows *rows,
                                                         const struct shale_column *columns,
                                                         int64_t row, struct shale_buf *out);

/* What waits, and the footer. */
SHALE_MUST_USE enum shale_status shale_table_rows_finish(struct shale_table_rows *rows,
                                                         struct shale_buf *out);

#endif
