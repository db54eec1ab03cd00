/* SPDX-License-Identifier: MIT */
/* Rows out of a table for good, by a condition: expire and erase. */
#ifndef SHALE_DATASET_ERASE_H
#define SHALE_DATASET_ERASE_H

#include "dataset/commit.h"
#include "dataset/rewrite.h"
#include "schema/stream.h"

struct shale_erase_options {
    /* A row goes when it meets all of them ('joined' is set here).  They stay in the manifest, also
     * when there is no such row.  A column "" is the time by which the table is partitioned. */
    const struct shale_erasure *conditions;
    size_t n_conditions;
    const struct shale_stream *stream; /* tells where in rejected events the values are; or NULL */
    struct shale_chunk_options chunk;  /* of files that are written anew */
    size_t memory_bytes;               /* 0: 128 MiB */
    const char *temporary, *created_by;
    bool dry_run; /* only count */
};

struct shale_erased {
    int64_t n_rows, n_rejects; /* that went */
    int64_t n_removed;         /* files taken out ... */
    int64_t n_added;           /* ... and written anew */
    int64_t version;           /* of the log; -1: nothing was committed */
    int64_t n_built_again;     /* how often another commit came between */
};

/* One commit ("DELETE").  It is built again as often as what it takes out is gone, or rows that it
 * has not seen were brought by a replay or a rebuild; runs that only append do not disturb it.
 * SHALE_USAGE: a condition does not fit the table; SHALE_CONFLICT: other commits came between too
 * often; SHALE_NOT_FOUND: there is no table; others as of shale_commit(). */
SHALE_MUST_USE enum shale_status shale_erase(struct shale_store *store,
                                             const struct shale_erase_options *options,
                                             struct shale_erased *out, struct shale_err *err);

/* The same of the checkpoint 'key' of 'store' (single.h), in which row groups are counted as
 * removed and added; those that have no such row are moved as they are.  Any commit that comes
 * between makes it begin again.  'chunk' without a stream: as the file has it.  A column "" is its
 * one column of a time.  SHALE_NOT_FOUND: there is no such file; SHALE_USAGE: it is no
 * checkpoint, as well. */
SHALE_MUST_USE enum shale_status shale_erase_single(struct shale_store *store, const char *key,
                                                    const struct shale_erase_options *options,
                                                    struct shale_erased *out,
                                                    struct shale_err *err);

#endif
