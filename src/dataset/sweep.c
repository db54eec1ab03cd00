/* SPDX-License-Identifier: MIT */
/* The sweep of a table (docs/sweep.md). */
#include "dataset/sweep.h"

enum shale_status shale_sweep(struct shale_store *store, struct shale_str stream,
                              const struct shale_sweep_options *options, struct shale_swept *out,
                              struct shale_err *err)
{
    (void)store;
    (void)stream;
    (void)options;
    *out = (struct shale_swept){0};
    return SHALE_ERR(err, sweep_later);
}
