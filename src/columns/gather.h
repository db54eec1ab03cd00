/* SPDX-License-Identifier: MIT */
/* One column of several batches in an order of rows of its own (sort_by), piece by piece.
 *
 *     status = shale_gather_new(mem, &def->type, &gather);
 *     shale_gather_begin(gather, columns, order, n_rows);
 *     while ((status = shale_gather_next(gather, &piece)) == SHALE_OK && piece != NULL)
 *         ... piece ...
 *
 * A piece has at most 4,096 rows, and fewer where these are large: it is below 2 MiB, or below 1
 * MiB and one row.  Memory: twice that.  One thread at a time. */
#ifndef SHALE_COLUMNS_GATHER_H
#define SHALE_COLUMNS_GATHER_H

#include "base/mem.h"
#include "base/status.h"
#include "columns/column.h"
#include "schema/type.h"

/* A row of a batch. */
struct shale_row_ref {
    uint32_t batch;
    uint32_t row;
};

struct shale_gather;

/* 'type' is that of the column; it is borrowed for the gather's life. */
SHALE_MUST_USE enum shale_status shale_gather_new(const struct shale_mem *mem,
                                                  const struct shale_type *type,
                                                  struct shale_gather **out);
void shale_gather_free(struct shale_gather *gather);

/* Begin (again): the rows order[0] to order[n_rows - 1] of columns[order[i].batch], which have
 * children linked.  Both arrays and what they point to are borrowed until the end. */
void shale_gather_begin(struct shale_gather *gather, const struct shale_column *const *columns,
                        const struct shale_row_ref *order, int64_t n_rows);

/* The next piece, children linked, good until the next call; '*out' is NULL at the end.
 * Returns SHALE_OK, SHALE_NOMEM, or SHALE_LIMIT (over 2^31 - 1 elements or bytes in a piece); a
 * failure is final until begin. */
SHALE_MUST_USE enum shale_status shale_gather_next(struct shale_gather *gather,
                                                   const struct shale_column **out);

#endif
