/* SPDX-License-Identifier: MIT */
/* Deleting what a table does not need any more (DESIGN: "Sweep without clocks"). */
#ifndef SHALE_DATASET_SWEEP_H
#define SHALE_DATASET_SWEEP_H

#include "dataset/commit.h"

#define SHALE_SWEEP_RETENTION_US (INT64_C(7) * 86400 * 1000000)

struct shale_sweep_options {
    int64_t retention_us; /* what commits took out stays so long for readers */
    bool alone;           /* the user says that nobody else uses the table: no retention, and all
                           * that the table does not name goes */
    bool dry_run;         /* say what would go */
    /* Told of each object before it goes; NULL: nobody is. */
    void (*removed)(void *ctx, struct shale_str path, int64_t n_bytes);
    void *ctx;
};

struct shale_swept {
    int64_t n_files, n_bytes; /* deleted: data files, segments, manifests */
    int64_t n_entries;        /* of the log, older than its retention, behind a checkpoint */
    int64_t n_checkpoints;
    int64_t n_kept; /* not named by the table, and kept: a run may still commit them */
};

/* List, then read the newest log and ledger, then delete.  Safe beside any number of runs,
 * compactions and sweeps; '*out' is filled in each case.  Failures as of the store. */
SHALE_MUST_USE enum shale_status shale_sweep(struct shale_store *store, struct shale_str stream,
                                             const struct shale_sweep_options *options,
                                             struct shale_swept *out, struct shale_err *err);

#endif
