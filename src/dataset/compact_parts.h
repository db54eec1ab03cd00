/* SPDX-License-Identifier: MIT */
/* Private to compaction: which files, and how new ones look. */
#ifndef SHALE_DATASET_COMPACT_PARTS_H
#define SHALE_DATASET_COMPACT_PARTS_H

#include "dataset/compact.h"
#include "dataset/rewrite.h"

struct shale_file; /* of parquet/metadata.h */

/* How far a table has been looked at, in the order of partitions, within one of time and path: all
 * up to a file, or a partition whole.  So each small file is looked at once, and what is written
 * meanwhile belongs to partitions that are done, or to the rest of the one under way. */
struct shale_compact_place {
    bool begun;
    struct shale_str partition;
    struct shale_str path; /* "": the partition is done */
    int64_t modified_ms;
};

/* What is known from one choice to the next. */
struct shale_compact_walk {
    struct shale_compact_place place; /* what comes next lies behind it */
    /* How many small files the partitions have, by their hashes: where they are too many to be
     * held, those of partitions with too few of them are left out.  NULL: they were not counted. */
    uint16_t *counts;
};

/* Small files of one partition that are merged together, in the order of their time. */
struct shale_compact_bin {
    struct shale_log_add *files;
    bool *is_ours; /* one a file: the ledger counts its rows */
    size_t n_files;
    int64_t n_bytes;
    bool begins_partition;          /* it is the first of its partition */
    struct shale_compact_place end; /* behind it */
};

struct shale_compact_picked {
    struct shale_compact_bin *bins;
    size_t n_bins;
    bool more;                      /* there are small files behind 'end' */
    struct shale_compact_place end; /* of all that was looked at */
    struct shale_buf held;          /* the files that the bins speak of */
};

/* Choose among the files of 'log' that lie behind walk->place: a bounded number of them.  Lists are
 * the arena's, texts live until shale_compact_picked_free(), which is for a failure as well;
 * walk->counts is the caller's to free.
 * SHALE_NOT_FOUND: the log's files are gone: read a newer one. */
SHALE_MUST_USE enum shale_status
shale_compact_pick(struct shale_store *store, const struct shale_log_state *log,
                   const struct shale_compact_options *options, struct shale_compact_walk *walk,
                   struct shale_arena *arena, struct shale_compact_picked *out,
                   struct shale_err *err);
void shale_compact_picked_free(const struct shale_mem *mem, struct shale_compact_picked *picked);

/* How the new files of a bin look. */
struct shale_compact_style {
    struct shale_chunk_options chunk;
    const struct shale_str *sort_by;
    size_t n_sort_by;
};

/* As a definition says, or the newest row group of a file; names are copied into the arena. */
SHALE_MUST_USE enum shale_status shale_compact_style_of_stream(const struct shale_stream *stream,
                                                               struct shale_arena *arena,
                                                               struct shale_compact_style *out);
SHALE_MUST_USE enum shale_status shale_compact_style_of_file(const struct shale_file *file,
                                                             struct shale_arena *arena,
                                                             struct shale_compact_style *out);

/* As the definition says, or the last file of the bin.  '*sorted': the bin is one file, whose row
 * groups are sorted so: there is nothing to do. */
SHALE_MUST_USE enum shale_status
shale_compact_style(struct shale_store *store, const struct shale_compact_options *options,
                    const struct shale_compact_bin *bin, struct shale_arena *arena,
                    struct shale_compact_style *out, bool *sorted, struct shale_err *err);

#endif
