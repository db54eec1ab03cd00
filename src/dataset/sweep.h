/* SPDX-License-Identifier: MIT */
/* Deleting what a table does not need any more (DESIGN: "Sweep without clocks"; docs/sweep.md). */
#ifndef SHALE_DATASET_SWEEP_H
#define SHALE_DATASET_SWEEP_H

#include "dataset/commit.h"

struct shale_sweep_options {
    /* What commits took out stays so long for readers.  Below 0: as long as the table says
     * (delta.deletedFileRetentionDuration), or 7 days.  Of a table at most 30 days more than that.
     */
    int64_t retention_us;
    bool alone;   /* the user says that nobody else uses the table: no retention, and all that the
                   * table does not name goes */
    bool dry_run; /* say what would go */
    /* Told of each object before it goes; NULL: nobody is. */
    void (*removed)(void *ctx, struct shale_str path, int64_t n_bytes);
    void *ctx;
};

/* What was deleted, in a dry run what would be. */
struct shale_swept {
    int64_t n_files, n_bytes; /* data files, segments, manifests */
    int64_t n_entries;        /* of the log, older than its retention, behind a checkpoint */
    int64_t n_checkpoints;
    int64_t n_temporary; /* files under construction whose writer is gone */
    int64_t n_waiting;   /* taken out, and kept until the retention is over */
    /* Not named by the table, and kept: a run may still commit them, or they are others' *.parquet
     * that a plain reader would see. */
    int64_t n_kept;
};

/* List, then read the newest log and ledger, then delete.  Safe beside any number of runs,
 * compactions and sweeps; '*out' is filled in each case.  'stream' is whose table it must be, ""
 * any stream's.  Memory: 65,536 names at a time.
 * SHALE_NOT_FOUND: there is no table; SHALE_SCHEMA: it is not one of ours; SHALE_CORRUPT: it is
 * damaged, so that nothing is deleted; SHALE_USAGE: the retention is longer than the log knows what
 * was taken out; others as of the store. */
SHALE_MUST_USE enum shale_status shale_sweep(struct shale_store *store, struct shale_str stream,
                                             const struct shale_sweep_options *options,
                                             struct shale_swept *out, struct shale_err *err);

/* The same of a checkpoint file, the object 'key' of 'store' (single.h): its manifests and
 * segments, and what was under construction for it.  The file itself stays. SHALE_USAGE: it names
 * no ledger. */
SHALE_MUST_USE enum shale_status shale_sweep_single(struct shale_store *store, const char *key,
                                                    const struct shale_sweep_options *options,
                                                    struct shale_swept *out, struct shale_err *err);

#endif
