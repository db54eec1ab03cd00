/* SPDX-License-Identifier: MIT */
/* Rows as CSV (RFC 4180): lines end with CR LF, a header line names the columns.
 *
 * A null is nothing at all, an empty text is "", texts of scalars are those of
 * columns/scalar_text.h, and nested and json values are their JSON.  What holds a comma, a quote or
 * a line break is quoted.  One thread at a time. */
#ifndef SHALE_COLUMNS_CSV_ROWS_H
#define SHALE_COLUMNS_CSV_ROWS_H

#include "columns/json_rows.h"

struct shale_csv_rows {
    struct shale_json_rows json;
    struct shale_buf text; /* a value before it is quoted */
};

SHALE_MUST_USE enum shale_status shale_csv_rows_init(struct shale_csv_rows *rows,
                                                     const struct shale_mem *mem,
                                                     const struct shale_column_def *defs,
                                                     size_t n_columns);
void shale_csv_rows_fini(struct shale_csv_rows *rows);

SHALE_MUST_USE enum shale_status shale_csv_rows_header(struct shale_csv_rows *rows,
                                                       struct shale_buf *out);
SHALE_MUST_USE enum shale_status shale_csv_rows_append(struct shale_csv_rows *rows,
                                                       const struct shale_column *columns,
                                                       int64_t row, struct shale_buf *out);

#endif
