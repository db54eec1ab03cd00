/* SPDX-License-Identifier: MIT */
/* Private to parquet: making struct shale_file of a footer, in steps.
 *
 *     Thrift -> nodes, leaves (footer_schema.c) -> row groups, chunks (footer_chunks.c)
 *            -> types (footer_types.c) -> what depends on the whole (footer_read.c) */
#ifndef SHALE_PARQUET_FOOTER_READ_H
#define SHALE_PARQUET_FOOTER_READ_H

#include "parquet/reader_parts.h"
#include "parquet/thrift_read.h"

struct shale_footer_reader {
    struct shale_reader *reader;
    struct shale_thrift_reader thrift;
    struct shale_err *err;
    enum shale_status status; /* the first failure but those of 'thrift' */
    /* What reader->meta shows as constant. */
    struct shale_file_node *nodes;
    struct shale_file_leaf *leaves;
    struct shale_file_row_group *row_groups;
    struct shale_file_chunk *chunks; /* of all row groups, one after the other */
    bool *ordered; /* of each leaf: its ColumnOrder is TYPE_ORDER; NULL: of none */
};

/* 'n' zeroed elements of the reader's arena; NULL: the failure is in footer->status. */
void *shale_footer_zeroed(struct shale_footer_reader *footer, size_t n, size_t element_bytes);

/* Keep the first failure and read no further. */
void shale_footer_fail(struct shale_footer_reader *footer, enum shale_status status);
bool shale_footer_failed(const struct shale_footer_reader *footer);

/* The fields FileMetaData.schema and .row_groups. */
void shale_footer_read_schema(struct shale_footer_reader *footer,
                              const struct shale_thrift_field *field);
void shale_footer_read_row_groups(struct shale_footer_reader *footer,
                                  const struct shale_thrift_field *field);

/* Drop the bounds whose order is not known to be the type's, and find where chunks end, when
 * created_by and the column orders are known. */
void shale_footer_settle_chunks(struct shale_footer_reader *footer);

/* meta.schema, .column_nodes and each leaf's column and 'unsupported'. */
void shale_footer_make_types(struct shale_footer_reader *footer);

#endif
