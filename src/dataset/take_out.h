/* SPDX-License-Identifier: MIT */
/* Rows and rejects out of a table: what expire, erase, on_change: replace and rebuild share.  Which
 * rows go is the caller's to say, by files first and then by rows; what comes of it is put into a
 * commit.  Nothing is published here. */
#ifndef SHALE_DATASET_TAKE_OUT_H
#define SHALE_DATASET_TAKE_OUT_H

#include "dataset/commit.h"
#include "dataset/erasure.h"
#include "dataset/rejects_merge.h"
#include "dataset/rewrite.h"

struct shale_take_out {
    /* How files are written anew, with the filter of rows; 'input' is set here. */
    struct shale_rewrite_options rewrite;
    /* Which files are opened at all. */
    enum shale_status (*reach)(void *ctx, const struct shale_log_add *add,
                               enum shale_erasure_reach *out);
    void *reach_ctx;
    shale_rejects_filter_fn rejects; /* NULL: they stay */
    void *rejects_ctx;
    /* Path of a file or a segment of rejects that is written anew in any case; "": none is. */
    struct shale_str force;
    bool dry_run; /* count, write nothing */
};

/* All memory is the arena's. */
struct shale_taken_out {
    struct shale_log_remove *removes;
    size_t n_removes;
    struct shale_log_add *adds;
    size_t n_adds;
    struct shale_str *rejects_out; /* paths of segments */
    size_t n_rejects_out;
    struct shale_segment *rejects_in;
    size_t n_rejects_in;
    int64_t n_rows;      /* that go, of whatever writer ... */
    int64_t n_rows_gone; /* ... and what a commit adds to the manifest's rows_gone */
    int64_t n_rejects;   /* that go */
};

/* Go through all files and rejects of 'base'.
 * SHALE_CONFLICT: one of them is gone: read a newer base.  SHALE_SCHEMA: the table is for appends
 * only (delta.appendOnly), or a file cannot be read; others as of the store. */
SHALE_MUST_USE enum shale_status shale_take_out(struct shale_store *store,
                                                const struct shale_base *base,
                                                const struct shale_take_out *options,
                                                struct shale_arena *arena,
                                                struct shale_taken_out *out, struct shale_err *err);

/* Only the rejects of 'base', as 'rejects' and what follows it say: of a dataset that has no log.
 */
SHALE_MUST_USE enum shale_status
shale_take_out_rejects(struct shale_store *store, const struct shale_base *base,
                       const struct shale_take_out *options, struct shale_arena *arena,
                       struct shale_taken_out *out, struct shale_err *err);

/* Something that 'base' names is not there.  SHALE_CONFLICT: it was taken out since then, or the
 * log was cleaned up behind a newer checkpoint; SHALE_CORRUPT: the log is as it was, so that the
 * table is damaged; others as of the store. */
SHALE_MUST_USE enum shale_status
shale_base_missing(struct shale_store *store, const struct shale_base *base, struct shale_err *err);

/* Did we write the file, so that the ledger counts its rows? */
bool shale_add_is_ours(const struct shale_log_add *add);

/* Add it to a commit, behind the adds that this has.  Texts and lists are borrowed or the arena's.
 */
SHALE_MUST_USE enum shale_status shale_taken_out_commit(const struct shale_taken_out *taken,
                                                        struct shale_arena *arena,
                                                        struct shale_commit *commit);

#endif
