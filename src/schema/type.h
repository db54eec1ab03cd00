/* SPDX-License-Identifier: MIT */
/* Types of fields and the schema of an output. */
#ifndef SHALE_SCHEMA_TYPE_H
#define SHALE_SCHEMA_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum shale_kind {
    SHALE_STRING,
    SHALE_BOOL,
    SHALE_INT32,
    SHALE_INT64,
    SHALE_FLOAT64,
    SHALE_DECIMAL,
    SHALE_DATE,
    SHALE_TIME,
    SHALE_TIMESTAMP,
    SHALE_UUID,
    SHALE_BINARY,
    SHALE_JSON,
    SHALE_LIST,
};

enum shale_unit { SHALE_MS, SHALE_US, SHALE_NS };

struct shale_type {
    enum shale_kind kind;
    uint8_t precision, scale;         /* DECIMAL: 1 to 38, 0 to precision */
    enum shale_unit unit;             /* TIMESTAMP */
    bool int96;                       /* TIMESTAMP: written as INT96 */
    bool annotate;                    /* JSON, UUID: with that logical type, else as STRING */
    const struct shale_type *element; /* LIST: of any scalar */
};

/* How values of a type lie in memory (Arrow's layout):
 *
 *     BOOL   a bit a value             BOOL
 *     I32    int32_t                   INT32; DATE (days since 1970-01-01)
 *     I64    int64_t                   INT64; TIME (us since midnight); TIMESTAMP (since the epoch)
 *     F64    double                    FLOAT64
 *     I128   shale_i128, little-endian   DECIMAL (value * 10^scale); UUID with 'annotate' (16 bytes
 *                                      in the order of its text, not a number)
 *     BYTES  int32 offsets and bytes   STRING, JSON, BINARY, UUID (36 characters, lower case)
 *     LIST   int32 offsets and child   LIST */
enum shale_layout {
    SHALE_LAYOUT_BOOL,
    SHALE_LAYOUT_I32,
    SHALE_LAYOUT_I64,
    SHALE_LAYOUT_F64,
    SHALE_LAYOUT_I128,
    SHALE_LAYOUT_BYTES,
    SHALE_LAYOUT_LIST,
};

enum shale_layout shale_type_layout(const struct shale_type *type);

/* Bytes of one value of a fixed-width layout; 0 for BOOL, BYTES and LIST. */
size_t shale_layout_width(enum shale_layout layout);

struct shale_column_def {
    struct shale_str name;
    struct shale_type type;
    bool partition_only; /* only there to find the partition: in no data file */
};

/* Immutable; whoever makes one says who owns it. */
struct shale_schema {
    const struct shale_column_def *columns;
    size_t n_columns;
};

#endif
