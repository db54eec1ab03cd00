/* SPDX-License-Identifier: MIT */
/* Private to parquet: definition and repetition levels of a page's rows (Dremel encoding).
 *
 *     column     definition                                    repetition
 *     scalar     0 null, 1 value                               -
 *     list       0 null, 1 empty, 2 null element, 3 value      0 first of its row, 1 more
 *     struct     one more where it is not null                 -
 *
 * and so on for what nests: each optional group and each repeated one adds a definition level,
 * each repeated one a repetition level. */
#ifndef SHALE_PARQUET_LEVELS_H
#define SHALE_PARQUET_LEVELS_H

#include "base/buf.h"
#include "columns/column.h"
#include "parquet/leaf.h"

/* Rows of a leaf's own column that follow one another. */
struct shale_levels_run {
    int64_t first, n;
};

struct shale_levels {
    struct shale_buf definition; /* a byte a level */
    struct shale_buf repetition; /* as many; empty where nothing repeats */
    struct shale_buf runs;       /* struct shale_levels_run: see shale_levels_append() */
    struct shale_buf old_definition, old_repetition, old_runs; /* scratch */
};

void shale_levels_init(struct shale_levels *levels, const struct shale_mem *mem);
void shale_levels_fini(struct shale_levels *levels);
void shale_levels_reset(struct shale_levels *levels);

/* Give back what is larger than 'most_bytes'. */
void shale_levels_trim(struct shale_levels *levels, size_t most_bytes);

static inline size_t shale_levels_n(const struct shale_levels *levels)
{
    return levels->definition.n_bytes;
}

/* The child of 'column' that a step leads to. */
static inline const struct shale_column *shale_levels_child(const struct shale_column *column,
                                                            const struct shale_leaf_step *step)
{
    column = column->child;
    for (uint32_t i = 0; i < step->child; i++)
        column = column->next;
    return column;
}

/* Append the levels of 'n' rows of 'column' from 'first' on.  '*values' is then the leaf's own
 * column, and levels->runs (until the next call) which of its rows belong to these, nulls included.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (2^31 levels in one page). */
SHALE_MUST_USE enum shale_status shale_levels_append(struct shale_levels *levels,
                                                     const struct shale_leaf *leaf,
                                                     const struct shale_column *column,
                                                     int64_t first, int64_t n,
                                                     const struct shale_column **values);

/* Append the encoded levels behind 'out', RLE (parquet-format, Encodings.md); for a data page v1
 * with their length in 4 bytes before them. */
SHALE_MUST_USE enum shale_status shale_levels_encode(const struct shale_buf *levels,
                                                     unsigned largest, bool with_length,
                                                     struct shale_buf *out);

#endif
