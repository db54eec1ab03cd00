/* SPDX-License-Identifier: MIT */
/* The parts of a commit: reading what it builds on, and what one attempt publishes. */
#ifndef SHALE_DATASET_COMMIT_PARTS_H
#define SHALE_DATASET_COMMIT_PARTS_H

#include "dataset/commit.h"

/* A manifest of many segments is a few MB; one larger than this is not ours. */
enum { SHALE_COMMIT_ARENA_BYTES = 256 << 20 };

/* ---- What is built on (commit_base.c) ---------------------------------------------------------
 */

/* As shale_base_read(); 'after' is an older state of the table, or NULL. */
SHALE_MUST_USE enum shale_status shale_base_read_after(struct shale_store *store,
                                                       struct shale_str stream,
                                                       const struct shale_log_state *after,
                                                       struct shale_base *out,
                                                       struct shale_err *err);

/* The id of a manifest that was made for a version above 'version', -1 when there is none. */
SHALE_MUST_USE enum shale_status shale_manifests_later(struct shale_store *store, int64_t version,
                                                       int64_t *out, struct shale_err *err);

/* What the manifests say that were made since 'older', from the newest one back by their parents.
 */
enum shale_chain {
    SHALE_CHAIN_REACHED, /* it was made on 'older' or is it; 'ours' is not among them */
    SHALE_CHAIN_OURS,    /* the manifest 'ours' is among them */
    SHALE_CHAIN_CUT,     /* they are not kept so far back */
};

/* 'ours' may be -1: none.  SHALE_CORRUPT: 'newest' was not made on 'older', so that an entry of the
 * log was overwritten. */
SHALE_MUST_USE enum shale_status shale_chain_walk(struct shale_store *store,
                                                  const struct shale_manifest *newest,
                                                  const struct shale_manifest *older, int64_t ours,
                                                  enum shale_chain *out, struct shale_err *err);

/* ---- What may not happen meanwhile (commit_conflicts.c) ---------------------------------------
 */

/* Is all that 'commit' takes out in 'base'?  Reads the files of the log when it removes some;
 * SHALE_NOT_FOUND: they are no longer known for that version. */
SHALE_MUST_USE enum shale_status shale_commit_is_live(struct shale_store *store,
                                                      const struct shale_commit *commit,
                                                      const struct shale_base *base, bool *is_live,
                                                      struct shale_err *err);

/* The same of 'newest', by the entries that came since 'before', from which it was read on. */
SHALE_MUST_USE enum shale_status shale_commit_stays_live(struct shale_store *store,
                                                         const struct shale_commit *commit,
                                                         const struct shale_base *before,
                                                         const struct shale_base *newest,
                                                         bool *is_live, struct shale_err *err);

/* Did the table become another than the one from which 'commit' was built: its columns, for one
 * that keeps them, or what was erased, for one that reads events again? */
bool shale_commit_is_outdated(const struct shale_commit *commit, const struct shale_base *before,
                              const struct shale_base *newest);

/* ---- What one attempt publishes (commit_draft.c, commit_manifest.c)
 * ----------------------------------------------
 */

/* A merge of segments, of the ledger, of rejects or of keys, kept from attempt to attempt while
 * what it replaces is live. */
struct shale_commit_merge {
    struct shale_arena arena;
    struct shale_str *inputs; /* paths */
    size_t n_inputs;          /* 0: nothing is merged */
    struct shale_segment output;
};

struct shale_draft {
    struct shale_arena arena; /* of one attempt */
    struct shale_commit_merge ledger_merge, rejects_merge, keys_merge;
    struct shale_schema schema; /* of the table, after this commit */
    bool evolved;               /* it is new, or has new columns */
    struct shale_manifest manifest;
    int64_t version; /* of the entry */
    char name[SHALE_LOG_NAME_BYTES];
    struct shale_buf entry; /* its bytes */
};

void shale_draft_init(struct shale_draft *draft, const struct shale_mem *mem);
void shale_draft_fini(struct shale_draft *draft);

/* Make the entry that follows 'base', and write the manifest that it names, under a new id each
 * time.  'merges': segments may be merged anew. */
SHALE_MUST_USE enum shale_status shale_draft_make(struct shale_draft *draft,
                                                  struct shale_store *store,
                                                  const struct shale_base *base,
                                                  const struct shale_commit *commit, bool merges,
                                                  struct shale_err *err);

/* The manifest of the draft, but for its id; writes the segments that it merges.  Out of memory it
 * says nothing, nor does shale_draft_write(): shale_draft_say() does. */
SHALE_MUST_USE enum shale_status shale_draft_manifest(struct shale_draft *draft,
                                                      struct shale_store *store,
                                                      const struct shale_base *base,
                                                      const struct shale_commit *commit,
                                                      bool merges, struct shale_err *err);

/* The words of an attempt that ended with 'status': what fails without any says none of its own.
 * 'err' was cleared when the attempt began.  Returns 'status'. */
SHALE_MUST_USE enum shale_status shale_draft_say(enum shale_status status, const char *name,
                                                 struct shale_err *err);

/* Random bits of a name that nobody has. */
void shale_draft_name(const struct shale_env *env, uint64_t out[2]);

/* Draw an id for the manifest of the draft, and write it. */
SHALE_MUST_USE enum shale_status
shale_draft_write(struct shale_draft *draft, struct shale_store *store, struct shale_err *err);

#endif
