/* SPDX-License-Identifier: MIT */
/* Is everything true that a table says?  Its log, its files, its ledger and its rejects, against
 * one another and against every value (docs/verify.md).
 *
 * Only reads.  What is wrong is reported, one finding at a time, and the check goes on with what is
 * left: damage is no failure.  The state that is checked is the one that was the newest when it
 * began; runs may go on meanwhile. */
#ifndef SHALE_DATASET_VERIFY_H
#define SHALE_DATASET_VERIFY_H

#include "parquet/check.h"
#include "store/objects.h"

struct shale_verify_options {
    size_t memory_bytes; /* 0: 256 MiB */
};

/* What was looked at. */
struct shale_verified {
    int64_t version;     /* of the log; -1: it could not be read */
    int64_t first_entry; /* the oldest that is kept; -1: none */
    int64_t n_entries, n_checkpoints;
    int64_t n_files, n_bytes, n_rows;
    int64_t n_own_files, n_own_rows; /* of these, written by Shale */
    int64_t n_pages, n_checksums, n_bounds;
    bool has_ledger; /* it is a table of Shale's */
    int64_t n_manifests, n_segments, n_objects;
    int64_t read, written, rejected, filtered, duplicates; /* over the ledger's rows */
    int64_t replayed; /* of read: the rejects that replays consumed */
    int64_t n_rejects_segments, n_rejects;
    int64_t n_key_segments;
    int64_t n_unnamed, n_unnamed_bytes; /* files that nothing names */
};

/* Returns SHALE_OK whatever was found.  SHALE_NOT_FOUND: there is no table.  SHALE_SCHEMA: it needs
 * what is not supported, by name.  SHALE_NOMEM, SHALE_LIMIT, SHALE_AGAIN, SHALE_CANCELLED: it could
 * not be finished. */
SHALE_MUST_USE enum shale_status shale_verify_table(struct shale_store *store,
                                                    const struct shale_verify_options *options,
                                                    struct shale_findings *findings,
                                                    struct shale_verified *out,
                                                    struct shale_err *err);

/* The same of a checkpoint file, the object 'key' of 'store' (single.h): the file, what its footer
 * names, and the one against the other.  Without a file there is a finding. */
SHALE_MUST_USE enum shale_status shale_verify_single(struct shale_store *store, const char *key,
                                                     const struct shale_verify_options *options,
                                                     struct shale_findings *findings,
                                                     struct shale_verified *out,
                                                     struct shale_err *err);

#endif
