/* SPDX-License-Identifier: MIT */
/* What the footer of a file says (parquet.thrift, FileMetaData), of any writer.  Made by
 * shale_reader_open(); immutable, all memory in the reader's arena.
 *
 * Every number was checked: indexes point at what exists, levels and types fit together, offsets
 * and sizes lie within the file and counts are not negative; the pages themselves were not read. */
#ifndef SHALE_PARQUET_METADATA_H
#define SHALE_PARQUET_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "parquet/format.h"
#include "schema/type.h"

/* One SchemaElement.  Nodes lie in the file's order (a parent before its children, those in
 * order); 0 is the root. */
struct shale_file_node {
    struct shale_str name;
    uint32_t parent; /* of the root: 0 */
    uint32_t n_children;
    uint32_t next;            /* the next child of the same parent; 0: there is none */
    int repetition;           /* FieldRepetitionType; the root's is REQUIRED */
    int physical;             /* enum shale_physical; -1 for a group */
    int32_t type_length;      /* FIXED: bytes */
    int converted;            /* enum shale_converted, or another number of the format */
    int logical;              /* field id of the union LogicalType; 0: none */
    int32_t precision, scale; /* DECIMAL */
    int time_unit;            /* TIME, TIMESTAMP: field id of the union TimeUnit */
    bool is_utc;              /* TIME, TIMESTAMP: isAdjustedToUTC */
    int8_t bit_width;         /* INTEGER */
    bool is_signed;           /* INTEGER */
    bool has_field_id;
    int32_t field_id;
    uint8_t max_definition, max_repetition; /* levels at this node */
    int32_t leaf;                           /* its number among the leaves; -1 for a group */
};

/* How the values of a leaf compare, and so its bounds (parquet.thrift, ColumnOrder). */
enum shale_file_order {
    SHALE_FILE_ORDER_NONE, /* undefined: INT96, INTERVAL ...; such bounds are left out */
    SHALE_FILE_ORDER_BOOLEAN,
    SHALE_FILE_ORDER_I32,
    SHALE_FILE_ORDER_U32,
    SHALE_FILE_ORDER_I64,
    SHALE_FILE_ORDER_U64,
    SHALE_FILE_ORDER_F32, /* no bound is a NaN, but there may be NaNs among the values; a zero */
    SHALE_FILE_ORDER_F64, /* stands for both zeros */
    SHALE_FILE_ORDER_BIG_ENDIAN, /* two's complement: decimals in bytes, of any length */
    SHALE_FILE_ORDER_BYTES,      /* unsigned, byte by byte */
};

/* A bound that is there can be believed: no value of the chunk (page) is beyond it, but for NaNs.
 */
struct shale_file_bound {
    bool present, exact; /* 'exact' as the file says; where it says nothing, not of texts */
    bool exact_is_said;
    struct shale_str value; /* PLAIN-encoded, a BYTE_ARRAY without its length */
};

struct shale_file_statistics {
    int64_t n_nulls, n_distinct; /* -1: not said */
    /* From min_value and max_value; from the old min and max only where these are known to be
     * right (parquet.thrift, Statistics). */
    struct shale_file_bound minimum, maximum;
};

struct shale_file_page_count {
    int page_type, encoding;
    int32_t n;
};

/* A ColumnChunk with its ColumnMetaData. */
struct shale_file_chunk {
    const char *unsupported; /* why it cannot be read (encrypted; in another file), else NULL */
    int codec;               /* CompressionCodec, any number of the format */
    const int *encodings;
    size_t n_encodings;
    const struct shale_file_page_count *page_counts; /* encoding_stats; none when not said */
    size_t n_page_counts;
    int64_t n_values; /* levels */
    int64_t uncompressed_bytes, compressed_bytes;
    int64_t begin; /* of its first page, the dictionary's included; then 'compressed_bytes' */
    int64_t end; /* no page lies behind it; a little more than begin + compressed_bytes for writers
                  * that are known to count too few.  0, as 'begin', when 'unsupported'. */
    int64_t dictionary_page_at, data_page_at; /* -1: not said, or no dictionary */
    struct shale_file_statistics statistics;
    int64_t column_index_at, offset_index_at, bloom_at; /* -1: there is none */
    int32_t column_index_bytes, offset_index_bytes;
    int32_t bloom_bytes;                                        /* -1: not said */
    int64_t n_byte_array_bytes;                                 /* size statistics; -1: not said */
    const int64_t *repetition_histogram, *definition_histogram; /* or NULL */
    size_t n_repetition_histogram, n_definition_histogram;
};

struct shale_file_sorting {
    int32_t leaf;
    bool descending, nulls_first;
};

struct shale_file_row_group {
    int64_t n_rows, uncompressed_bytes, compressed_bytes;
    int64_t first_row;                     /* rows of the groups before it */
    const struct shale_file_chunk *chunks; /* one a leaf */
    const struct shale_file_sorting *sorting;
    size_t n_sorting;
};

struct shale_file_key_value {
    struct shale_str key, value;
    bool has_value;
};

/* A leaf: a node with values, and where they go in the schema. */
struct shale_file_leaf {
    uint32_t node;
    size_t column;                 /* of the schema, that it belongs to */
    struct shale_str path;         /* "a.list.element" */
    const struct shale_type *type; /* of its values: within that column's type */
    enum shale_file_order order;
    bool ordered; /* the file says that its bounds are in that order (TYPE_ORDER) */
    const char
        *unsupported; /* why its values cannot be read (float16, decimal over 38 digits ...) */
};

struct shale_file {
    int32_t version;
    int64_t n_rows;    /* of its row groups */
    int64_t said_rows; /* what the footer says of them together: the same, or 0 in some old files */
    int64_t footer_bytes;
    bool is_signed;  /* it names an encryption: of columns, or of the footer's signature */
    size_t n_others; /* of ours: the first row groups, that another writer made; else all */
    struct shale_str created_by;
    const struct shale_file_node *nodes;
    size_t n_nodes;
    const struct shale_file_leaf *leaves;
    size_t n_leaves;
    const struct shale_file_row_group *row_groups;
    size_t n_row_groups;
    const struct shale_file_key_value *key_values;
    size_t n_key_values;
    /* The top-level columns as types of ours, in the file's order: LIST for the three levels, the
     * two levels and a bare repeated field; MAP for key_value groups (LIST of the keys when there
     * are no values); STRUCT for others.  Groups without leaves are left out. */
    struct shale_schema schema;
    /* The node that holds the values, or the group, of each node of a column's type (as numbered
     * in schema/type.h): column_nodes[column][node].
     *
     *     type                 its node          its repeated node
     *     LIST, bare repeated  that field        the same
     *     its element          the same          -
     *     LIST, two levels     the LIST group    its element's node
     *     its element          the repeated one  -
     *     LIST, three levels   the LIST group    its element's node's parent
     *     MAP                  the MAP group     its key's node's parent
     *
     * So a list is repeated at its element's node where that is REPEATED, else at its parent. */
    const uint32_t *const *column_nodes;
};

#endif
