/* SPDX-License-Identifier: MIT */
/* Private to dataset: the state of a verification. */
#ifndef SHALE_DATASET_VERIFY_PARTS_H
#define SHALE_DATASET_VERIFY_PARTS_H

#include "dataset/ledger.h"
#include "dataset/log.h"
#include "dataset/verify.h"

/* Names that were seen, as hashes: a name is missing from it only when it was never put. */
struct shale_name_set {
    const struct shale_mem *mem;
    uint64_t *slots; /* 0: free */
    size_t n, n_slots, most_slots;
    bool is_full; /* it would not fit: from now on it holds every name */
};

void shale_name_set_init(struct shale_name_set *set, const struct shale_mem *mem,
                         size_t most_bytes);
void shale_name_set_fini(struct shale_name_set *set);
SHALE_MUST_USE enum shale_status shale_name_set_put(struct shale_name_set *set,
                                                    struct shale_str name);
bool shale_name_set_has(const struct shale_name_set *set, struct shale_str name);

struct shale_verify {
    struct shale_store *store;
    const struct shale_env *env;
    const struct shale_mem *mem;
    struct shale_findings *findings;
    struct shale_verified *out;
    struct shale_err *err;         /* of what stops it */
    size_t memory_bytes;           /* of one reader */
    struct shale_arena arena;      /* of 'manifest' */
    struct shale_arena scratch;    /* of one entry, one manifest */
    struct shale_log_state *state; /* NULL: it could not be read */
    struct shale_manifest manifest;
    bool has_manifest;
    int64_t manifest_entry; /* the entry that names it; -1: it is not kept */
    int64_t n_found;        /* findings but notes, those inside Parquet files left out */
    struct shale_name_set named;
};

/* Report 'err' of 'object' (NULL: the table itself). */
void shale_verify_found(struct shale_verify *verify, const struct shale_err *err,
                        const char *object, bool is_note);

/* A failure while 'object' was read: a finding when that is its fault (SHALE_OK then is returned),
 * otherwise what stops the verification. */
SHALE_MUST_USE enum shale_status shale_verify_failed(struct shale_verify *verify,
                                                     enum shale_status status,
                                                     const struct shale_err *err,
                                                     const char *object);

/* Did the user interrupt it? */
SHALE_MUST_USE enum shale_status shale_verify_go_on(struct shale_verify *verify);

/* A Parquet file of the table: there, of 'n_bytes', its footer's hash 'footer_hash' ("": not said),
 * all that it says of itself true.  '*reader' and '*checked' are NULL when that could not be seen;
 * shale_verify_parquet_end() frees. */
struct shale_verify_parquet {
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_checked *checked;
};
SHALE_MUST_USE enum shale_status shale_verify_parquet(struct shale_verify *verify, const char *path,
                                                      int64_t n_bytes, struct shale_str footer_hash,
                                                      struct shale_verify_parquet *out);
void shale_verify_parquet_end(struct shale_verify_parquet *parquet);

/* The parts, in their order. */
SHALE_MUST_USE enum shale_status shale_verify_log(struct shale_verify *verify);
SHALE_MUST_USE enum shale_status shale_verify_files(struct shale_verify *verify);
SHALE_MUST_USE enum shale_status shale_verify_manifests(struct shale_verify *verify);
SHALE_MUST_USE enum shale_status shale_verify_ledger(struct shale_verify *verify);
SHALE_MUST_USE enum shale_status shale_verify_names(struct shale_verify *verify);

/* An add's statistics against its file's values. */
SHALE_MUST_USE enum shale_status shale_verify_stats(struct shale_verify *verify, const char *path,
                                                    const struct shale_log_add *add, bool is_ours,
                                                    const struct shale_verify_parquet *parquet);

#endif
