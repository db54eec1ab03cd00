/* SPDX-License-Identifier: MIT */
/* Publishing: the commit protocol of a table.
 *
 *     BUILT --manifest--> NAMED --put N if absent--> settled: COMMITTED | LOST | UNSURE
 *                           ^                                              |       |
 *                           +---- rebased on the winner: new manifest -----+       |
 *                           +---- the same bytes under the same N -----------------+
 *
 * Order of writes: data, ledger segment, rejects, (shale_store_settle), manifest, entry.  Until the
 * entry exists nothing happened. */
#ifndef SHALE_DATASET_COMMIT_H
#define SHALE_DATASET_COMMIT_H

#include "dataset/ledger.h"
#include "dataset/log.h"

/* What a run has read of a table when it begins: the base of its plan and of its commit. */
struct shale_base {
    struct shale_log_state *log;    /* owned; log->version -1: there is no table yet */
    struct shale_arena arena;       /* of 'manifest' */
    struct shale_manifest manifest; /* of no segments when there is none */
    int64_t read_us; /* env->wall_us() when it was read: one older than a day is read again */
};

/* Read it.  SHALE_CORRUPT: a manifest is missing, or the table has shale.stream and no txn: never
 * an empty ledger.  SHALE_SCHEMA: it belongs to another stream than 'stream', or needs what we do
 * not support. */
SHALE_MUST_USE enum shale_status shale_base_read(struct shale_store *store, struct shale_str stream,
                                                 struct shale_base *out, struct shale_err *err);
void shale_base_fini(struct shale_base *base, const struct shale_mem *mem);

/* What a commit publishes.  The files and segments are in the store already. */
struct shale_commit {
    struct shale_str stream;            /* its name: shale.stream */
    const struct shale_schema *schema;  /* all columns of the stream */
    const struct shale_str *partitions; /* names of the partition columns, all in 'schema' or made
                                         * of a field: then 'partition_types' has its type */
    const struct shale_type *partition_types;
    size_t n_partitions;
    const struct shale_log_add *adds;
    size_t n_adds;
    const struct shale_segment *ledger;  /* the segment with the objects consumed; NULL: none */
    const struct shale_segment *rejects; /* or NULL */
    struct shale_log_info info;
};

struct shale_committed {
    int64_t version;
    int64_t manifest_id;
    int64_t n_attempts, n_lost, n_unsure; /* wasted work, for the report */
};

/* Commit on 'base', again on each winner, with full-jitter back-off.
 *
 * SHALE_OK: committed.  SHALE_CONFLICT: an object of ours was consumed by another, or what we build
 * on is gone: nothing was published; read a new base, plan and build again.  Any other failure:
 * nothing was published, but for SHALE_UNSURE: it could not be found out (the next run finds out by
 * its ledger). */
SHALE_MUST_USE enum shale_status shale_commit(struct shale_store *store,
                                              const struct shale_base *base,
                                              const struct shale_commit *commit,
                                              struct shale_committed *out, struct shale_err *err);

#endif
