/* SPDX-License-Identifier: MIT */
/* The statistics of an add (PROTOCOL.md, Per-file Statistics), made of what the Parquet writer
 * knows of a file's chunks.
 *
 *     struct shale_log_leaf *leaves = ... zeroed, one a leaf of the file
 *     for each row group, for each leaf: shale_log_stats_merge(&leaf, &metas[i], &leaves[i]);
 *     status = shale_log_stats_json(schema, leaves, n_rows, &text);
 */
#ifndef SHALE_DATASET_LOG_STATS_H
#define SHALE_DATASET_LOG_STATS_H

#include "base/buf.h"
#include "parquet/chunk.h"

/* One leaf over the row groups of a file so far.  All zero before the first. */
struct shale_log_leaf {
    int64_t n_values, n_nulls;             /* levels, those without a value */
    bool unbounded_below, unbounded_above; /* a chunk has values and no bound */
    struct shale_chunk_bounds bounds;
};

/* Add the chunk of 'leaf' in one more row group (before its meta goes to
 * shale_parquet_row_group()). */
void shale_log_stats_merge(const struct shale_leaf *leaf, const struct shale_chunk_meta *meta,
                           struct shale_log_leaf *into);

/* Append {"numRecords", "minValues", "maxValues", "nullCount"} of a file of 'n_rows'.  'schema' is
 * the file's, 'leaves' as shale_leaf_find() counts them.  Left out: what is inside lists and maps,
 * bounds that Delta has no text for (binary, infinities, years beyond 0 to 9999), a
 * maximum that cannot be rounded up.  A timestamp's bounds are in milliseconds, the maximum rounded
 * up; texts are cut as the chunk's bounds are.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_log_stats_json(const struct shale_schema *schema,
                                                      const struct shale_log_leaf *leaves,
                                                      int64_t n_rows, struct shale_buf *out);

#endif
