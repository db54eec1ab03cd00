/* SPDX-License-Identifier: MIT */
/* The parts of a sweep: what is there, what the table says of it, what of it goes. */
#ifndef SHALE_DATASET_SWEEP_PARTS_H
#define SHALE_DATASET_SWEEP_PARTS_H

#include "dataset/first_input.h"
#include "dataset/single.h"
#include "dataset/sweep.h"

enum shale_swept_kind {
    SHALE_SWEPT_OTHER,    /* not made by us: it goes only when the log took it out */
    SHALE_SWEPT_DATA,     /* by its name a data file of ours */
    SHALE_SWEPT_SEGMENT,  /* of ledger, rejects or keys */
    SHALE_SWEPT_MANIFEST, /* its number is in 'manifest_id' */
};

enum shale_swept_fate {
    SHALE_FATE_UNNAMED, /* the table does not speak of it */
    SHALE_FATE_LIVE,
    SHALE_FATE_TAKEN_OUT, /* by a commit, at 'since_ms' */
};

/* One object that was listed. */
struct shale_swept_file {
    struct shale_str path; /* NUL-terminated */
    int64_t n_bytes;
    enum shale_swept_kind kind;
    enum shale_swept_fate fate;
    int64_t since_ms;
    int64_t manifest_id;
    struct shale_first_input first; /* of an unnamed data file or segment, when it was read */
    bool has_first;
    bool goes;    /* so it was decided */
    bool is_gone; /* it was deleted, by us or by another */
};

/* As many of them as fit, sorted by path. */
struct shale_sweep {
    struct shale_store *store;
    const struct shale_single *single; /* a checkpoint: what belongs to it is in 'store'; or NULL */
    const struct shale_sweep_options *options;
    struct shale_str stream;
    struct shale_swept *out;
    struct shale_arena arena; /* of one round */
    struct shale_buf files;   /* struct shale_swept_file */
    bool manifests;           /* of this round: nothing else; or all else */
    int64_t cutoff_ms;        /* what was taken out up to then goes */
    int64_t until_ms;         /* of the manifests that go, when the newest was superseded; -1 */
    struct shale_err *err;
};

static inline struct shale_swept_file *shale_sweep_files(const struct shale_sweep *sweep, size_t *n)
{
    *n = sweep->files.n_bytes / sizeof(struct shale_swept_file);
    return (struct shale_swept_file *)(void *)sweep->files.data;
}

/* What a key is, by its name alone. */
enum shale_swept_kind shale_sweep_kind(struct shale_str key, int64_t *manifest_id);

/* Set the fate of each file to what the base says of it. */
SHALE_MUST_USE enum shale_status shale_sweep_name(struct shale_sweep *sweep,
                                                  const struct shale_base *base);

/* Delete those that no run can commit any more and no reader needs. */
SHALE_MUST_USE enum shale_status shale_sweep_delete(struct shale_sweep *sweep,
                                                    const struct shale_base *base);

/* One object goes. */
SHALE_MUST_USE enum shale_status shale_sweep_remove(struct shale_sweep *sweep, const char *path,
                                                    int64_t n_bytes);

/* Marks: objects named by a time, "_shale/swept/<20 digits of ms>.json", each written once, so that
 * of any number of sweeps none takes back what another has said. */
bool shale_sweep_is_mark(struct shale_str key);
/* The newest time at which a manifest was superseded that a sweep has deleted since; -1: none is
 * known. */
SHALE_MUST_USE enum shale_status shale_sweep_mark_read(struct shale_store *store, int64_t *until_ms,
                                                       struct shale_err *err);
/* Said before they go.  Deletes the marks before the newest one that was there. */
SHALE_MUST_USE enum shale_status shale_sweep_mark_put(struct shale_store *store, int64_t until_ms,
                                                      struct shale_err *err);

/* Entries of the log that are older than delta.logRetentionDuration (30 days) and behind a
 * checkpoint that stays, and the checkpoints before it. */
SHALE_MUST_USE enum shale_status shale_sweep_log(struct shale_sweep *sweep,
                                                 const struct shale_log_state *log);

#endif
