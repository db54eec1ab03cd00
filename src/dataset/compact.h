/* SPDX-License-Identifier: MIT */
/* Compaction: small files of a table into files of a target size, sorted, by commits that say that
 * no data changed.  Safe beside any number of runs and other compactions. */
#ifndef SHALE_DATASET_COMPACT_H
#define SHALE_DATASET_COMPACT_H

#include "dataset/commit.h"
#include "schema/stream.h"

#define SHALE_COMPACT_TARGET_BYTES ((int64_t)512 << 20)

struct shale_compact_options {
    /* What the definition says of files: sort_by, compression, compat, row_group.  NULL: new files
     * are as the newest of those that they replace (its footer's sorting_columns, codec, pages). */
    const struct shale_stream *stream;
    int64_t target_bytes;       /* 0: 512 MiB; files of less than three quarters are small */
    struct shale_str partition; /* only this one, as its directory is named ("year=2024/month=2");
                                 * "": all */
    /* Only partitions with more small files than this, and of these the smallest, so that few
     * remain: what a run ends with.  0: all small files. */
    size_t most_files;
    /* How many small files are known at a time; those of other partitions, and the rest of a larger
     * one, follow in further commits.  0: 50,000, about 30 MB. */
    size_t most_held;
    size_t memory_bytes; /* of the rewriting; 0: 128 MiB */
    const char *temporary, *created_by;
    bool dry_run; /* say what would be merged */
};

struct shale_compacted {
    int64_t n_partitions; /* in which files were merged */
    int64_t n_removed, n_added;
    int64_t bytes_removed, bytes_added;
    int64_t n_rows;
    int64_t n_commits;
    int64_t version;   /* of the last commit; -1: nothing was committed */
    int64_t n_retries; /* how often another commit had taken files meanwhile */
};

/* '*out' is filled in each case: what was committed stays so.
 * SHALE_NOT_FOUND: there is no table; SHALE_CONFLICT: others took its files each time, after some
 * tries; SHALE_SCHEMA, SHALE_CORRUPT, SHALE_LIMIT: a file is missing or cannot be read, by name;
 * others as of shale_commit(). */
SHALE_MUST_USE enum shale_status shale_compact(struct shale_store *store,
                                               const struct shale_compact_options *options,
                                               struct shale_compacted *out, struct shale_err *err);

/* The rows of the checkpoint 'key' of 'store' (single.h) in one order, in full row groups; where
 * there is no order they stay as they are.  'target_bytes', 'partition' and 'most_files' are not
 * looked at.  In '*out' row groups are counted as removed and added.  A file that was not changed
 * since is left as it is.
 * SHALE_NOT_FOUND: there is no such file; SHALE_USAGE: it is no checkpoint; SHALE_CONFLICT: runs
 * came first each time, after some tries; others as of shale_single_commit(). */
SHALE_MUST_USE enum shale_status shale_compact_single(struct shale_store *store, const char *key,
                                                      const struct shale_compact_options *options,
                                                      struct shale_compacted *out,
                                                      struct shale_err *err);

#endif
