/* SPDX-License-Identifier: MIT */
/* Private to compaction: which files, and how new ones look. */
#ifndef SHALE_DATASET_COMPACT_PARTS_H
#define SHALE_DATASET_COMPACT_PARTS_H

#include "dataset/compact.h"
#include "dataset/rewrite.h"

/* Small files of one partition that are merged together, in the order of their time. */
struct shale_compact_bin {
    struct shale_log_add *files;
    size_t n_files;
    int64_t n_bytes;
    bool begins_partition; /* it is the first of its partition */
};

/* Choose among the files of 'log'; all memory is the arena's.  SHALE_NOT_FOUND: the log's files are
 * gone: read a newer one. */
SHALE_MUST_USE enum shale_status
shale_compact_pick(struct shale_store *store, const struct shale_log_state *log,
                   const struct shale_compact_options *options, struct shale_arena *arena,
                   struct shale_compact_bin **bins, size_t *n_bins, struct shale_err *err);

/* How the new files of a bin look. */
struct shale_compact_style {
    struct shale_chunk_options chunk;
    const struct shale_str *sort_by;
    size_t n_sort_by;
};

/* As the definition says, or the last file of the bin.  '*sorted': the bin is one file, whose row
 * groups are sorted so: there is nothing to do. */
SHALE_MUST_USE enum shale_status
shale_compact_style(struct shale_store *store, const struct shale_compact_options *options,
                    const struct shale_compact_bin *bin, struct shale_arena *arena,
                    struct shale_compact_style *out, bool *sorted, struct shale_err *err);

#endif
