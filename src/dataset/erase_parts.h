/* SPDX-License-Identifier: MIT */
/* Private to expire and erase: what they were asked, for a table and for a checkpoint file. */
#ifndef SHALE_DATASET_ERASE_PARTS_H
#define SHALE_DATASET_ERASE_PARTS_H

#include "dataset/erase.h"
#include "dataset/erasure_rejects.h"

/* All zero: nothing. */
struct shale_erase_asked {
    struct shale_erasure *conditions; /* joined, each of a column that is there */
    struct shale_erasures *erasures;
    struct shale_erasure_rejects *rejects; /* NULL: there are none */
    struct shale_str *columns;             /* that are looked at */
    size_t n_columns;
};

/* Read the conditions of 'options' against 'log', a table's, or without a version a file's
 * (shale_single_as_log()), all of which is borrowed; lists are the arena's.  'has_rejects': some
 * may have to go.  SHALE_USAGE: a condition does not fit. */
SHALE_MUST_USE enum shale_status
shale_erase_ask(const struct shale_mem *mem, const struct shale_erase_options *options,
                const struct shale_log_state *log, bool has_rejects, struct shale_arena *arena,
                struct shale_erase_asked *out, struct shale_err *err);
void shale_erase_asked_free(struct shale_erase_asked *asked);

/* For shale_rewrite_options.filter; 'ctx' is a struct shale_erase_asked. */
SHALE_MUST_USE enum shale_status shale_erase_filter(void *ctx,
                                                    const struct shale_rewrite_rows *rows,
                                                    bool *keep, struct shale_err *err);

#endif
