/* SPDX-License-Identifier: MIT */
/* Merging segments of rejects.  One thread at a time. */
#ifndef SHALE_DATASET_REJECTS_MERGE_H
#define SHALE_DATASET_REJECTS_MERGE_H

#include "dataset/ledger.h"
#include "dataset/rejects.h"
#include "dataset/rejects_read.h"

/* As shale_ledger_pick_merge(), but large ones stay as they are. */
void shale_rejects_pick_merge(const struct shale_segment *segments, size_t n_segments,
                              size_t *first, size_t *n);

/* All rows of some segments, one segment after the other, into a new one at 'path' (borrowed by
 * '*segment'; its other texts are in 'arena'), which names 'replaced' as its first input: the path
 * of one of them that was live before this commit. Besides what stores and files return:
 * SHALE_CORRUPT, a segment is not what a commit listed; SHALE_LIMIT, its pages are too large. */
SHALE_MUST_USE enum shale_status
shale_rejects_merge(struct shale_store *store, const struct shale_segment *segments,
                    size_t n_segments, const char *path, struct shale_str replaced,
                    struct shale_arena *arena, struct shale_segment *segment,
                    struct shale_err *err);

/* Clear '*keep' (it is set) of a row that goes. */
typedef enum shale_status (*shale_rejects_filter_fn)(void *ctx, const struct shale_rejects_row *row,
                                                     bool *keep, struct shale_err *err);

/* A segment without the rows that 'filter' takes out, at 'path' as above (NULL: they are only
 * counted); the new one names it as what it replaces.  '*n_gone' is how many they are: none, then
 * nothing is written; all, then nothing is written and segment->n_rows is 0.  Fails as
 * shale_rejects_merge(). */
SHALE_MUST_USE enum shale_status shale_rejects_without(struct shale_store *store,
                                                       const struct shale_segment *old,
                                                       shale_rejects_filter_fn filter, void *ctx,
                                                       const char *path, struct shale_arena *arena,
                                                       struct shale_segment *segment,
                                                       int64_t *n_gone, struct shale_err *err);

#endif
