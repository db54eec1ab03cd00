/* SPDX-License-Identifier: MIT */
/* Private to api: what the files of the public interface share. */
#ifndef SHALE_API_API_H
#define SHALE_API_API_H

#include <stdatomic.h>

#include <shale/shale.h>

#include "base/err.h"
#include "parquet/reader.h"
#include "store/local.h"

/* Say in 'failure' (may be NULL) what 'err' does; returns 'status'. */
enum shale_status shale_api_failure(enum shale_status status, const struct shale_err *err,
                                    struct shale_failure *failure);

/* The caller's struct of options, NULL or as large as its 'size' says, as 'out_bytes' of ours:
 * what it has not is zero.  False: its size cannot be. */
bool shale_api_options(void *out, size_t out_bytes, const void *given);

/* A file that is read; the handle and each stream have a share. */
struct shale_read {
    atomic_size_t n_shares;
    struct shale_local local;
    struct callback_file {
        struct shale_random random; /* first member */
        shale_read_fn read;
        void *ctx;
    } callback;
    char *path; /* for messages; "" without one */
    struct shale_reader *reader;
};

void shale_api_read_release(struct shale_read *file);

#endif
