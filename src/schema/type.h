/* SPDX-License-Identifier: MIT */
/* Types of fields and the schema of an output, or of a file that is read. */
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
    SHALE_MAP,
    SHALE_STRUCT,
    /* No field of a definition has these: they come from files of others and by the C interface. */
    SHALE_INT8,
    SHALE_INT16,
    SHALE_UINT8,
    SHALE_UINT16,
    SHALE_UINT32,
    SHALE_UINT64,
    SHALE_FLOAT32,
    SHALE_FIXED,
};

enum shale_unit { SHALE_MS, SHALE_US, SHALE_NS };

struct shale_type_member;

struct shale_type {
    enum shale_kind kind;
    uint8_t precision, scale; /* DECIMAL: 1 to 38, 0 to precision */
    enum shale_unit unit;     /* TIMESTAMP; TIME: us in a definition */
    bool int96;               /* TIMESTAMP: written as INT96 */
    bool annotate;            /* JSON, UUID: with that logical type, else as STRING */
    bool local;               /* TIMESTAMP: a wall clock's reading, of no time zone */
    int32_t width;            /* FIXED: bytes of each value */
    /* LIST: one, its elements ("element"); MAP: two, "key" (never null) and "value"; STRUCT: its
     * members, at least one.  Types nest to SHALE_TYPE_DEPTH at most. */
    const struct shale_type_member *members;
    size_t n_members;
};

struct shale_type_member {
    struct shale_str name;
    struct shale_type type;
};

enum { SHALE_TYPE_DEPTH = 64 };

/* The type of a LIST's elements, of a MAP's values. */
static inline const struct shale_type *shale_type_element(const struct shale_type *type)
{
    return &type->members[type->n_members - 1].type;
}

/* How many there are of a type and all types inside it, itself included.  They are numbered from 0
 * in the order in which they are written (a type, then its members one by one): its nodes. */
size_t shale_type_n_nodes(const struct shale_type *type);

/* How values of a type lie in memory (Arrow's layout):
 *
 *     BOOL    a bit a value            BOOL
 *     I32     int32_t                  INT32; DATE (days since 1970-01-01); INT8, INT16, UINT8,
 *                                      UINT16; UINT32 (its bits)
 *     I64     int64_t                  INT64; TIME (since midnight) and TIMESTAMP (since the epoch)
 *                                      in their unit; UINT64 (its bits)
 *     F32     float                    FLOAT32
 *     F64     double                   FLOAT64
 *     I128    shale_i128, little-endian  DECIMAL (value * 10^scale); UUID with 'annotate' (16
 *                                      bytes in the order of its text, not a number)
 *     BYTES   int32 offsets, bytes     STRING, JSON, BINARY, FIXED; UUID (36 characters, lower)
 *     LIST    int32 offsets, children  LIST (its elements); MAP (its keys and its values)
 *     STRUCT  children                 STRUCT: one a member, of as many rows; where the struct is
 *                                      null, they are */
enum shale_layout {
    SHALE_LAYOUT_BOOL,
    SHALE_LAYOUT_I32,
    SHALE_LAYOUT_I64,
    SHALE_LAYOUT_F64,
    SHALE_LAYOUT_I128,
    SHALE_LAYOUT_BYTES,
    SHALE_LAYOUT_LIST,
    SHALE_LAYOUT_F32,
    SHALE_LAYOUT_STRUCT,
};

enum shale_layout shale_type_layout(const struct shale_type *type);

/* Bytes of one value of a fixed-width layout; 0 for BOOL, BYTES, LIST and STRUCT. */
size_t shale_layout_width(enum shale_layout layout);

/* How values are encoded in a file.  AUTO: as the profile ('wide', 'modern') and the data say. */
enum shale_encoding_choice {
    SHALE_ENCODE_AUTO,
    SHALE_ENCODE_PLAIN,
    SHALE_ENCODE_DICTIONARY,
    /* Of 'modern' alone: */
    SHALE_ENCODE_DELTA,        /* DELTA_BINARY_PACKED */
    SHALE_ENCODE_DELTA_LENGTH, /* DELTA_LENGTH_BYTE_ARRAY */
    SHALE_ENCODE_DELTA_BYTE_ARRAY,
    SHALE_ENCODE_BYTE_STREAM_SPLIT,
    SHALE_ENCODE_RLE,
};

/* Can values of a scalar type be encoded so (parquet-format, Encodings.md)?  Of a choice for a
 * whole column, a leaf that it does not fit takes AUTO. */
bool shale_encoding_fits(enum shale_encoding_choice encoding, const struct shale_type *scalar);

struct shale_column_def {
    struct shale_str name;
    struct shale_type type;
    bool partition_only; /* only there to find the partition: in no data file */
    enum shale_encoding_choice encoding;
    double
        bloom_fpp; /* 0: no bloom filter; else how often one may be wrong, of each leaf but BOOL */
};

/* Immutable; whoever makes one says who owns it. */
struct shale_schema {
    const struct shale_column_def *columns;
    size_t n_columns;
};

#endif
