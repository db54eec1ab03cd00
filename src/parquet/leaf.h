/* SPDX-License-Identifier: MIT */
/* Private to parquet: how a column of ours is stored ("wide": the types that every reader knows).
 *
 *     type               physical, annotation
 *     string, json, uuid BYTE_ARRAY, STRING; with 'annotate' JSON; FIXED(16), UUID
 *     binary             BYTE_ARRAY
 *     bool, int32, int64, float64
 *                        BOOLEAN, INT32, INT64, DOUBLE
 *     decimal(p, s)      DECIMAL: INT32 to 9 digits, INT64 to 18, else FIXED of the least length
 *     date               INT32, DATE
 *     time               INT64, TIME(micros, not adjusted to UTC): a wall clock's reading, as
 *                        pyarrow writes one; every reader makes a time without a zone of it
 *     timestamp          INT64, TIMESTAMP(unit, adjusted to UTC); for nanoseconds there is no
 *                        converted type; with int96: INT96 without annotation
 *     list<T>            optional group (LIST) { repeated group list { optional T element } } */
#ifndef SHALE_PARQUET_LEAF_H
#define SHALE_PARQUET_LEAF_H

#include "parquet/format.h"
#include "schema/type.h"

/* How the values of a leaf are ordered, for statistics (parquet.thrift, ColumnOrder). */
enum shale_order {
    SHALE_ORDER_NONE,    /* INT96: undefined */
    SHALE_ORDER_BOOLEAN, /* of one byte a value */
    SHALE_ORDER_I32,
    SHALE_ORDER_I64,
    SHALE_ORDER_F64,
    SHALE_ORDER_BIG_ENDIAN, /* two's complement, the first byte's sign first: FIXED decimals */
    SHALE_ORDER_BYTES,      /* unsigned byte by byte */
};

struct shale_leaf {
    struct shale_type type;   /* of the values: a list's element, else the column's */
    enum shale_layout layout; /* of 'type' */
    enum shale_physical physical;
    enum shale_converted converted;
    enum shale_logical logical;
    enum shale_order order;
    size_t width; /* bytes of a PLAIN value, 1 for BOOLEAN; 0: BYTE_ARRAY */
    bool is_list;
    bool is_text; /* UTF-8: a bound is cut between characters */
    unsigned max_definition, max_repetition;
};

struct shale_leaf shale_leaf_of(const struct shale_type *type);

#endif
