/* SPDX-License-Identifier: MIT */
/* Private to parquet: the page index of a chunk that was written, as Thrift (parquet-format,
 * PageIndex.md), and the rows of its meta that it is made of. */
#ifndef SHALE_PARQUET_WRITE_INDEX_H
#define SHALE_PARQUET_WRITE_INDEX_H

#include "parquet/chunk.h"
#include "parquet/leaf.h"
#include "parquet/levels.h"
#include "parquet/statistics.h"
#include "parquet/thrift.h"

/* Append the line of a page; minimum_bytes, maximum_bytes and has_bounds of 'page' are set from
 * 'bounds'.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_index_add(struct shale_chunk_meta *meta,
                                                 const struct shale_leaf *leaf,
                                                 struct shale_chunk_page page,
                                                 const struct shale_chunk_bounds *bounds,
                                                 const struct shale_levels *levels);

/* Fields 2 and 3 of SizeStatistics: the chunk's histograms, where they say more than its nulls. */
void shale_index_put_sizes(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                           const struct shale_chunk_meta *meta);

/* Append the ColumnIndex.  Nothing, where a page has values and no bounds (a NaN, INT96, a text
 * that has no upper bound) and where there are no pages: then a chunk has none. */
void shale_index_put_columns(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                             const struct shale_chunk_meta *meta);

/* Append the OffsetIndex of a chunk whose first data page is at 'at' of the file; nothing where
 * there are no pages. */
void shale_index_put_offsets(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                             const struct shale_chunk_meta *meta, int64_t at);

#endif
