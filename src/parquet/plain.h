/* SPDX-License-Identifier: MIT */
/* Private to parquet: values in PLAIN encoding (parquet-format, Encodings.md), but for BOOLEAN,
 * which stays a byte a value until the page is made: shale_plain_pack() then makes bits of them. */
#ifndef SHALE_PARQUET_PLAIN_H
#define SHALE_PARQUET_PLAIN_H

#include "base/buf.h"
#include "base/err.h"
#include "columns/column.h"
#include "parquet/leaf.h"

/* Append the values, without the nulls, of 'n' rows of the leaf's column from 'first' on.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (out's cap; both without words), or SHALE_SCHEMA (an
 * INT96 cannot hold the day). */
SHALE_MUST_USE enum shale_status shale_plain_append(const struct shale_leaf *leaf,
                                                    const struct shale_column *column,
                                                    int64_t first, int64_t n, struct shale_buf *out,
                                                    struct shale_err *err);

/* Append one BYTE_ARRAY. */
SHALE_MUST_USE enum shale_status shale_plain_append_bytes(struct shale_buf *out,
                                                          struct shale_str value);

/* The BYTES value of 'row'. */
static inline struct shale_str shale_plain_bytes_at(const struct shale_column *column, int64_t row)
{
    int32_t begin = column->offsets[row];
    const char *data = column->data;
    if (data == NULL)
        return (struct shale_str){NULL, 0};
    return (struct shale_str){data + begin, (size_t)(column->offsets[row + 1] - begin)};
}

/* Turn a byte a BOOLEAN into a bit a BOOLEAN, LSB first, in place. */
void shale_plain_pack(struct shale_buf *values);

/* Append the bits of BOOLEANs of a byte each. */
SHALE_MUST_USE enum shale_status shale_plain_append_bits(struct shale_buf *out,
                                                         struct shale_str booleans);

#endif
