/* SPDX-License-Identifier: MIT */
/* Private to parquet: what the footer says, as Thrift (parquet.thrift, FileMetaData). */
#ifndef SHALE_PARQUET_FOOTER_H
#define SHALE_PARQUET_FOOTER_H

#include "parquet/chunk.h"
#include "parquet/leaf.h"
#include "parquet/thrift.h"

/* Where the page indexes of a chunk lie is known only when the footer is made.  So what the footer
 * will say is kept in pieces: one a chunk, behind which the places of its indexes are put, and
 * after those of a row group one with its other fields. */
struct shale_footer_piece {
    uint32_t n_bytes; /* of Thrift */
    uint32_t column_index_bytes, offset_index_bytes;
};

/* Page indexes as they go to the file. */
struct shale_footer_indexes {
    struct shale_buf columns, offsets;
};

struct shale_footer_parts {
    struct shale_buf thrift; /* the pieces one after the other */
    struct shale_buf pieces; /* struct shale_footer_piece */
    struct shale_footer_indexes indexes;
};

struct shale_row_group; /* parquet.h */
struct shale_parquet_sorting;

/* Append a row group.  'at': the file's bytes before it; 'ordinal': its number.  Bloom filters lie
 * behind its chunks, one after the other.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_footer_row_group(struct shale_footer_parts *parts,
                                                        const struct shale_schema *schema,
                                                        enum shale_codec codec,
                                                        const struct shale_row_group *group,
                                                        int64_t at, size_t ordinal);

/* The two halves of that, for row groups that are not written here: the chunks one by one, 'at' the
 * first page of each, then the row group. */
SHALE_MUST_USE enum shale_status
shale_footer_chunk(struct shale_footer_parts *parts, struct shale_footer_indexes *indexes,
                   const struct shale_leaf *leaf, enum shale_codec codec,
                   const struct shale_chunk_meta *meta, int64_t at, int64_t bloom_at);

struct shale_footer_group {
    int64_t uncompressed_bytes, compressed_bytes, n_rows;
    const struct shale_parquet_sorting *sorting;
    size_t n_sorting;
    int64_t at; /* of its first page */
    size_t ordinal;
};

SHALE_MUST_USE enum shale_status shale_footer_group(struct shale_footer_parts *parts,
                                                    const struct shale_footer_group *group);

/* Field 3 of ColumnMetaData: the names from the column to the values; a list is two groups, a map
 * too. */
void shale_footer_put_path(struct shale_thrift *thrift, const struct shale_leaf *leaf);

struct shale_footer {
    const struct shale_schema *schema;
    const struct shale_footer_parts *parts;
    size_t n_row_groups;
    int64_t n_rows;
    struct shale_str created_by;
    const struct shale_key_value *pairs;
    size_t n_pairs;
    struct shale_str others;                      /* SHALE_OTHERS_KEY; "": it is left out */
    int64_t column_indexes_at, offset_indexes_at; /* in the file */
};

/* Append the FileMetaData. */
void shale_footer_file(struct shale_thrift *thrift, const struct shale_footer *footer);

#endif
