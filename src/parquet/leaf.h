/* SPDX-License-Identifier: MIT */
/* How a column is stored: as leaves, the columns of values that Parquet knows.  A scalar is one, a
 * list one for its elements' leaves, a map two or more, a struct at least one a member.
 *
 *     type               physical, annotation
 *     string, json, uuid BYTE_ARRAY, STRING; with 'annotate' JSON; FIXED(16), UUID
 *     binary, fixed      BYTE_ARRAY, FIXED(width)
 *     bool, int32, int64, float64, float32
 *                        BOOLEAN, INT32, INT64, DOUBLE, FLOAT
 *     other integers     INT32 or INT64, INTEGER(bits, signed)
 *     decimal(p, s)      DECIMAL: INT32 to 9 digits, INT64 to 18, else FIXED of the least length
 *     date               INT32, DATE
 *     time               INT32 (ms) or INT64 (us, ns), TIME(unit, not adjusted to UTC): a wall
 *                        clock's reading; every reader makes a time without a zone of it
 *     timestamp          INT64, TIMESTAMP(unit, adjusted to UTC unless 'local'); for nanoseconds
 *                        there is no converted type; with int96: INT96 without annotation
 *     list<T>            optional group (LIST) { repeated group list { optional T element } }
 *     map<K, V>          optional group (MAP) { repeated group key_value { required K key;
 *                        optional V value } }
 *     struct             optional group { optional members }
 *
 * A leaf refers to the column definition that it was made of; it is otherwise plain data. */
#ifndef SHALE_PARQUET_LEAF_H
#define SHALE_PARQUET_LEAF_H

#include "base/status.h"
#include "parquet/format.h"
#include "schema/type.h"

/* How the values of a leaf are ordered, for statistics (parquet.thrift, ColumnOrder). */
enum shale_order {
    SHALE_ORDER_NONE,    /* INT96: undefined */
    SHALE_ORDER_BOOLEAN, /* of one byte a value */
    SHALE_ORDER_I32,
    SHALE_ORDER_I64,
    SHALE_ORDER_U32,
    SHALE_ORDER_U64,
    SHALE_ORDER_F32,
    SHALE_ORDER_F64,
    SHALE_ORDER_BIG_ENDIAN, /* two's complement, the first byte's sign first: FIXED decimals */
    SHALE_ORDER_BYTES,      /* unsigned byte by byte */
};

/* From a group to one of its children. */
struct shale_leaf_step {
    bool is_list;   /* LIST, MAP: to the elements' rows; otherwise a STRUCT: to the same rows */
    bool nullable;  /* the group that is left: all but a map's key */
    uint32_t child; /* which: a map's key is 0, its values 1 */
};

struct shale_leaf {
    const struct shale_column_def *column; /* borrowed; NULL by shale_leaf_of() */
    struct shale_type type;                /* of the values */
    enum shale_layout layout;              /* of 'type' */
    enum shale_physical physical;
    enum shale_converted converted;
    enum shale_logical logical;
    enum shale_order order;
    size_t width; /* bytes of a PLAIN value, 1 for BOOLEAN; 0: BYTE_ARRAY */
    bool is_text; /* UTF-8: a bound is cut between characters */
    bool nullable;
    unsigned max_definition, max_repetition;
    size_t n_steps; /* from the column to the values */
    struct shale_leaf_step steps[SHALE_TYPE_DEPTH];
};

/* The leaf of a type, the first one if it has several. */
struct shale_leaf shale_leaf_of(const struct shale_type *type);

/* All leaves of a column in the file's order: the first, then the next until there is none. */
void shale_leaf_first(const struct shale_column_def *column, struct shale_leaf *leaf);
SHALE_MUST_USE bool shale_leaf_next(struct shale_leaf *leaf);

/* How many leaves, and columns, a file of this schema has (not those that are partition_only). */
size_t shale_leaf_count(const struct shale_schema *schema);
size_t shale_leaf_n_columns(const struct shale_schema *schema);

/* Leaf 'number' of a file of this schema; '*column' counts the file's columns. */
void shale_leaf_find(const struct shale_schema *schema, size_t number, size_t *column,
                     struct shale_leaf *out);

/* What 'type' is stored as: its annotation and physical type, without steps and levels; of a group
 * only the annotation. */
void shale_leaf_describe(const struct shale_type *type, struct shale_leaf *leaf);

#endif
