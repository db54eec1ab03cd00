/* SPDX-License-Identifier: MIT */
/* Private to parquet: what the footer says, as Thrift (parquet.thrift, FileMetaData). */
#ifndef SHALE_PARQUET_FOOTER_H
#define SHALE_PARQUET_FOOTER_H

#include "parquet/chunk.h"
#include "parquet/leaf.h"
#include "parquet/thrift.h"

/* Append one RowGroup struct: 'metas' are one a leaf.  'at': the file's bytes before it; 'ordinal':
 * its number. */
void shale_footer_row_group(struct shale_thrift *thrift, const struct shale_schema *schema,
                            enum shale_codec codec, const struct shale_chunk_meta *metas,
                            int64_t n_rows, int64_t at, size_t ordinal);

/* Append the FileMetaData; 'row_groups' holds the 'n_row_groups' structs of the calls above. */
void shale_footer_file(struct shale_thrift *thrift, const struct shale_schema *schema,
                       int64_t n_rows, struct shale_str row_groups, size_t n_row_groups,
                       struct shale_str created_by);

#endif
