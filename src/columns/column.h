/* SPDX-License-Identifier: MIT */
/* One column in Arrow's layout: a view, whoever made it says how long it is good. */
#ifndef SHALE_COLUMNS_COLUMN_H
#define SHALE_COLUMNS_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/type.h"

struct shale_column {
    int64_t n_rows;
    int64_t n_nulls;
    const uint8_t *validity; /* bit i set: row i has a value (LSB first); NULL without nulls */
    const int32_t *offsets;  /* BYTES and LIST: n_rows + 1, the first is 0; else NULL */
    const void *data;        /* BOOL: bits; fixed width: values; BYTES: bytes; LIST, STRUCT: NULL.
                              * What stands where a row is null means nothing (zero). */
    /* LIST: the elements of all rows, one after the other (of a map: its keys); STRUCT: its first
     * member. */
    const struct shale_column *child;
    const struct shale_column *next; /* the next child of the same parent (a map's values) */
};

/* Set 'child' and 'next' of the views of a type and of all types inside it, which stand in the
 * order of the type's nodes; nodes[0] is the type's own.  Returns the place behind the last. */
struct shale_column *shale_column_link(const struct shale_type *type, struct shale_column *nodes);

/* What 'n' rows from 'first' on have of values and offsets, in bytes (a bool counts one): the sum
 * over parts of them is that of the whole, however the rows lie in columns. */
uint64_t shale_column_size(const struct shale_type *type, const struct shale_column *column,
                           int64_t first, int64_t n);

static inline bool shale_bit(const uint8_t *bits, int64_t i)
{
    return (bits[i >> 3] >> (i & 7) & 1) != 0;
}

static inline bool shale_column_is_null(const struct shale_column *column, int64_t row)
{
    return column->validity != NULL && !shale_bit(column->validity, row);
}

#endif
