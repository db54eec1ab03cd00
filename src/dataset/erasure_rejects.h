/* SPDX-License-Identifier: MIT */
/* Which rejects go with the rows of an expiry or an erasure: those whose event holds the value, and
 * those of which it cannot be told (the event was cut, or is no JSON).
 *
 * With a definition the event is looked at where the column's value comes from.  Without one any
 * text in it counts that has the value in it, and any number, boolean or other value equal to it.
 * A reject that has no event (an object failed as a whole) stays. */
#ifndef SHALE_DATASET_ERASURE_REJECTS_H
#define SHALE_DATASET_ERASURE_REJECTS_H

#include "dataset/erasure.h"
#include "dataset/rejects_merge.h"

struct shale_erasure_rejects;

/* 'stream' NULL: without a definition; then no condition may be 'is_before' or of null (SHALE_USAGE
 * says so).  'conditions' are borrowed until this returns, the others for its life. */
SHALE_MUST_USE enum shale_status
shale_erasure_rejects_new(const struct shale_mem *mem, const struct shale_erasure *conditions,
                          size_t n_conditions, const struct shale_log_state *log,
                          const struct shale_stream *stream, struct shale_erasure_rejects **out,
                          struct shale_err *err);
void shale_erasure_rejects_free(struct shale_erasure_rejects *rejects);

/* A shale_rejects_filter_fn: 'ctx' is a struct shale_erasure_rejects.  One thread at a time. */
SHALE_MUST_USE enum shale_status shale_erasure_rejects_filter(void *ctx,
                                                              const struct shale_rejects_row *row,
                                                              bool *keep, struct shale_err *err);

#endif
