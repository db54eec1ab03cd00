/* SPDX-License-Identifier: MIT */
/* Private to columns: one value as text, the same in JSON, CSV and tables but for the quotes.
 *
 *     integers, decimals    all digits
 *     floats                the shortest text that reads back (of a float32, as a float32)
 *     date, time, timestamp RFC 3339, the fraction with the digits of the unit; a timestamp with Z
 *                           unless it is local; years outside 0 to 9999 with a sign and at least
 *                           six digits, as ECMAScript writes them
 *     uuid                  36 characters
 *     binary                base64
 *     string, json          as they are */
#ifndef SHALE_COLUMNS_SCALAR_TEXT_H
#define SHALE_COLUMNS_SCALAR_TEXT_H

#include "base/buf.h"
#include "columns/column.h"
#include "schema/type.h"

/* Most bytes of a value whose layout is not BYTES. */
enum { SHALE_SCALAR_BYTES = 64 };

/* Is its text a string in JSON? */
bool shale_scalar_is_string(const struct shale_type *type);

/* Is it a float that is not finite? */
bool shale_scalar_is_special(const struct shale_type *type, const struct shale_column *column,
                             int64_t row);

/* Write the value of 'row', which is not null and not of layout BYTES, LIST or STRUCT, at 'out';
 * returns its bytes.  Floats that are not finite are NaN, Infinity and -Infinity. */
size_t shale_scalar_print(const struct shale_type *type, const struct shale_column *column,
                          int64_t row, char out[SHALE_SCALAR_BYTES]);

/* The value of 'row' of layout BYTES. */
static inline struct shale_str shale_column_bytes(const struct shale_column *column, int64_t row)
{
    int32_t begin = column->offsets[row], end = column->offsets[row + 1];
    if (begin == end)
        return (struct shale_str){NULL, 0};
    return (struct shale_str){(const char *)column->data + begin, (size_t)(end - begin)};
}

#endif
