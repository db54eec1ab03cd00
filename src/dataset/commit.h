/* SPDX-License-Identifier: MIT */
/* Publishing: the commit protocol of a table.
 *
 * Order of writes: data, ledger segment, rejects, shale_store_settle(), all by the caller; then
 * manifest and entry, here.  Until the entry exists nothing happened; after it, everything did.
 * The states are drawn in commit.c, the reasons are in docs/exactly-once.md.
 *
 * The store's environment gives time, chance and waiting: wall_us, monotonic_us and random_u64 must
 * be there.  One thread at a time for a base or a commit; any number of commits at once. */
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

/* Read it; after a failure there is nothing to free.  SHALE_CORRUPT: a manifest is missing, or the
 * table has shale.stream and no txn: never an empty ledger; or an entry was overwritten.
 * SHALE_SCHEMA: it belongs to another stream than 'stream', or needs what we do not support. */
SHALE_MUST_USE enum shale_status shale_base_read(struct shale_store *store, struct shale_str stream,
                                                 struct shale_base *out, struct shale_err *err);
void shale_base_fini(struct shale_base *base, const struct shale_mem *mem);

/* Segments of one kind that a commit takes out of the live ones, and those that it puts there in
 * their place: rows of the ledger or of the rejects that go or change, merged key segments. */
struct shale_commit_change {
    const struct shale_str *out; /* paths; one that is no longer live: SHALE_CONFLICT */
    size_t n_out;
    const struct shale_segment *in; /* in the store already */
    size_t n_in;
};

/* What a commit publishes.  The files and segments are in the store already.  What is zero is not
 * done: a plain append has adds, 'ledger', 'rejects' and nothing below them. */
struct shale_commit {
    struct shale_str stream;            /* its name: shale.stream */
    const struct shale_schema *schema;  /* all columns of the stream */
    const struct shale_str *partitions; /* names of the partition columns, all in 'schema' or made
                                         * of a field: then 'partition_types' has its type */
    const struct shale_type *partition_types; /* one a partition; may be NULL when all have a
                                               * column */
    size_t n_partitions;
    const struct shale_log_add *adds; /* none older than three days */
    size_t n_adds;
    const struct shale_segment *ledger;  /* the segment with the objects consumed; NULL: none */
    const struct shale_segment *rejects; /* the segment of new rejects, or NULL */
    struct shale_log_info info;

    /* Files that it takes out.  One that is no longer in the table: SHALE_CONFLICT. */
    const struct shale_log_remove *removes;
    size_t n_removes;
    /* 'ledger' holds keys that the base has: rows of the same source, key and tag went by
     * 'ledger_change', which takes out the segments that hold them. */
    struct shale_commit_change ledger_change, rejects_change;
    struct shale_commit_change keys_change; /* 'in' alone: new keys of 'dedupe' */
    /* What this commit adds to the manifest's rows_gone and rejects_gone; may be negative. */
    int64_t rows_gone, rejects_gone;
    const struct shale_erasure *erasures; /* conditions that hold from now on */
    size_t n_erasures;
    const struct shale_seal *seal; /* NULL: as it was */
    /* Rows of the table are written anew (compaction, erasure): it keeps its schema, and 'schema'
     * and 'partitions' are not looked at. */
    bool keeps_schema;
    /* After a lost race, before building on the winner: may what we have stay?  'before' is the
     * base it was built on so far.  NULL: yes.  Asked besides all other checks. */
    enum shale_status (*check)(void *ctx, const struct shale_base *before,
                               const struct shale_base *newest, bool *conflict,
                               struct shale_err *err);
    void *check_ctx;
};

struct shale_committed {
    int64_t version; /* -1: nothing was committed, or it is not known */
    int64_t manifest_id;
    int64_t n_attempts; /* entries put; for the report, as the others */
    int64_t n_lost;     /* of them another's came first */
    int64_t n_unsure;   /* answers that were lost */
};

/* Can the columns of 'commit' (schema and partitions; the rest is not looked at) be those of a
 * table in the state of 'base', or become so?  shale_commit() asks as well: this is for before the
 * work.  SHALE_SCHEMA: no, with what to do. */
SHALE_MUST_USE enum shale_status shale_commit_check(const struct shale_mem *mem,
                                                    const struct shale_base *base,
                                                    const struct shale_commit *commit,
                                                    struct shale_err *err);

/* Commit on 'base', again on each winner, with full-jitter back-off.  Segments of the ledger, of
 * rejects and of keys are merged on the way, where their number asks for it, but for kinds of which
 * the commit takes some out.  '*out' is filled in each case.
 *
 * SHALE_OK: committed.
 * SHALE_CONFLICT: an object of ours was consumed by another, what we build on is gone, or files are
 * older than three days.  Nothing was published: read a new base, plan and build again.
 * SHALE_UNSURE: it could not be found out; the next run finds out by its ledger.
 * SHALE_SCHEMA: the table changed so that we cannot append; SHALE_CORRUPT: it is damaged, or an
 * entry was overwritten; SHALE_AGAIN: the store did not answer, after about half a minute;
 * SHALE_CANCELLED; others as of the store.  Nothing was published. */
SHALE_MUST_USE enum shale_status shale_commit(struct shale_store *store,
                                              const struct shale_base *base,
                                              const struct shale_commit *commit,
                                              struct shale_committed *out, struct shale_err *err);

#endif
