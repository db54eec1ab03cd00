/* SPDX-License-Identifier: MIT */
/* Private to parquet: definition and repetition levels of a page's rows (Dremel encoding).
 *
 *     column     definition                                    repetition
 *     scalar     0 null, 1 value                               -
 *     list       0 null, 1 empty, 2 null element, 3 value      0 first of its row, 1 more */
#ifndef SHALE_PARQUET_LEVELS_H
#define SHALE_PARQUET_LEVELS_H

#include "base/buf.h"
#include "columns/column.h"
#include "parquet/leaf.h"

struct shale_levels {
    struct shale_buf definition; /* a byte a level */
    struct shale_buf repetition; /* as many; empty for scalars */
};

void shale_levels_init(struct shale_levels *levels, const struct shale_mem *mem);
void shale_levels_fini(struct shale_levels *levels);
void shale_levels_reset(struct shale_levels *levels);

static inline size_t shale_levels_n(const struct shale_levels *levels)
{
    return levels->definition.n_bytes;
}

/* Append the levels of 'n' rows of 'column' from 'first' on.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (2^31 levels in one page). */
SHALE_MUST_USE enum shale_status shale_levels_append(struct shale_levels *levels,
                                                     const struct shale_leaf *leaf,
                                                     const struct shale_column *column,
                                                     int64_t first, int64_t n);

/* Append both behind 'out' as a data page (v1) wants them: repetition first when there is one, each
 * RLE with its length in 4 bytes before it (parquet-format, Encodings.md). */
SHALE_MUST_USE enum shale_status shale_levels_encode(const struct shale_levels *levels,
                                                     const struct shale_leaf *leaf,
                                                     struct shale_buf *out);

#endif
