/* SPDX-License-Identifier: MIT */
/* A table against what its sources give when they are read again.
 *
 * 'fresh' is a table that a run has just made of the same definition and nothing else.  Objects
 * that both have are compared by their counts and the hash of their bytes; where the table has no
 * others, the rows of both are compared as well, whatever their order and their files. */
#ifndef SHALE_DATASET_VERIFY_DEEP_H
#define SHALE_DATASET_VERIFY_DEEP_H

#include "dataset/verify.h"

struct shale_verified_deep {
    int64_t n_compared;   /* objects that both have, under the same tag */
    int64_t n_gone;       /* in the table, no longer in the source */
    int64_t n_changed;    /* under another tag, or under several */
    int64_t n_new;        /* in the source, not yet in the table */
    int64_t n_definition; /* of those compared: read with another definition, rows not compared */
    bool rows_compared;
    int64_t n_rows; /* of the table, when they were */
};

/* Returns as shale_verify_table(). */
SHALE_MUST_USE enum shale_status
shale_verify_deep(struct shale_store *table, struct shale_store *fresh,
                  const struct shale_verify_options *options, struct shale_findings *findings,
                  struct shale_verified_deep *out, struct shale_err *err);

#endif
