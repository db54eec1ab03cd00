/* SPDX-License-Identifier: MIT */
/* Rows as NDJSON: one object a line, a member for each column, exact.
 *
 * A null is null, and so is a float that is not finite (JSON has no such number); texts of scalars
 * are those of columns/scalar_text.h.  A json column's value is that JSON, without line breaks; one
 * that is no JSON is a string.  Structs are objects, lists arrays; a map is an object when its keys
 * are strings, otherwise an array of {"key":, "value":}.  Bytes of a string that are no UTF-8
 * become U+FFFD.
 *
 * One thread at a time. */
#ifndef SHALE_COLUMNS_JSON_ROWS_H
#define SHALE_COLUMNS_JSON_ROWS_H

#include "base/buf.h"
#include "columns/column.h"
#include "json/cursor.h"
#include "schema/type.h"

struct shale_json_rows {
    const struct shale_mem *mem;
    const struct shale_column_def *defs; /* borrowed */
    size_t n_columns;
    struct shale_buf names;   /* of each column: {"name":  or  ,"name": */
    size_t *name_ends;        /* where each of these ends */
    struct shale_buf scratch; /* the text of a json value, with padding */
    struct shale_json_cursor cursor;
    bool has_cursor;
};

/* 'defs' are borrowed for its life. */
SHALE_MUST_USE enum shale_status shale_json_rows_init(struct shale_json_rows *rows,
                                                      const struct shale_mem *mem,
                                                      const struct shale_column_def *defs,
                                                      size_t n_columns);
/* After a failed init as well. */
void shale_json_rows_fini(struct shale_json_rows *rows);

/* Append row 'row' of the columns, which are those of init(), as one line with its newline.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT ('out' is full; it then holds a part of a line). */
SHALE_MUST_USE enum shale_status shale_json_rows_append(struct shale_json_rows *rows,
                                                        const struct shale_column *columns,
                                                        int64_t row, struct shale_buf *out);

/* Append one value, as above, without a newline. */
SHALE_MUST_USE enum shale_status shale_json_rows_value(struct shale_json_rows *rows,
                                                       const struct shale_type *type,
                                                       const struct shale_column *column,
                                                       int64_t row, struct shale_buf *out);

#endif
