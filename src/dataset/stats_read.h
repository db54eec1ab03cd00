/* SPDX-License-Identifier: MIT */
/* The statistics of an add, read (PROTOCOL.md, Per-file Statistics): of any writer. */
#ifndef SHALE_DATASET_STATS_READ_H
#define SHALE_DATASET_STATS_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "schema/type.h"

enum shale_stat { SHALE_STAT_MINIMUM, SHALE_STAT_MAXIMUM, SHALE_STAT_NULLS, SHALE_N_STATS };

/* One of them: of the column, or the member of structs, at 'path' (names joined by '.'), a number
 * as written or a string's characters.  Returns SHALE_OK or SHALE_NOMEM. */
typedef enum shale_status (*shale_stat_fn)(void *ctx, enum shale_stat which, struct shale_str path,
                                           struct shale_str text);

/* Say what 'json' says, one after the other.  Returns SHALE_OK, SHALE_NOMEM, or SHALE_CORRUPT (it
 * is no JSON object; what came before was said). */
SHALE_MUST_USE enum shale_status shale_stats_walk(const struct shale_mem *mem,
                                                  struct shale_str json, shale_stat_fn say,
                                                  void *ctx, struct shale_err *err);

/* A bound of a 'type' as it lies in memory, behind what 'out' holds.  A timestamp's maximum that
 * another writer made may be cut to milliseconds: with 'widen' it is the last that begins so.
 * Returns SHALE_OK, SHALE_SCHEMA (it is none) or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_stats_value(const struct shale_type *type,
                                                   enum shale_stat which, struct shale_str text,
                                                   bool widen, struct shale_buf *out);

/* Can a row of the file have the value (as it lies in memory; or null) in the column 'def'?  True
 * when its statistics do not say. */
SHALE_MUST_USE enum shale_status shale_stats_may_hold(const struct shale_mem *mem,
                                                      struct shale_str json, int64_t n_rows,
                                                      const struct shale_column_def *def,
                                                      bool is_null, struct shale_str value,
                                                      bool *may_hold);

/* What is said of a column: bounds as they lie in memory, the maximum widened. */
struct shale_stats_range {
    struct shale_buf minimum, maximum;
    bool has_minimum, has_maximum;
    int64_t n_nulls; /* -1: not said */
};
void shale_stats_range_init(struct shale_stats_range *range, const struct shale_mem *mem);
void shale_stats_range_fini(struct shale_stats_range *range);
/* Returns SHALE_OK or SHALE_NOMEM; statistics that are damaged say nothing. */
SHALE_MUST_USE enum shale_status shale_stats_range_read(struct shale_stats_range *range,
                                                        struct shale_str json,
                                                        const struct shale_column_def *def);

#endif
