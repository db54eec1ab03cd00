/* SPDX-License-Identifier: MIT */
/* The order of rows by the values of a column: what gather.h then takes them in.
 *
 * Several columns are ordered by calling this for the last one first: it is stable.  Ascending, as
 * readers of Parquet order values: numbers by their value, texts and bytes by their unsigned bytes,
 * false before true; -0.0 and +0.0 are the same, NaN is after all numbers, nulls are last. */
#ifndef SHALE_COLUMNS_ORDER_H
#define SHALE_COLUMNS_ORDER_H

#include "base/mem.h"
#include "base/status.h"
#include "columns/column.h"
#include "columns/gather.h"
#include "schema/type.h"

/* Sort order[0] to order[n_rows - 1], rows of columns[order[i].batch], which are of the scalar
 * 'type'.  '*has_nan' is set when there is one.  Memory: 8 bytes a row during the call, none when
 * the rows are in order already.
 * Returns SHALE_OK, or SHALE_NOMEM (the order is as it was). */
SHALE_MUST_USE enum shale_status shale_order_by(const struct shale_mem *mem,
                                                const struct shale_type *type,
                                                const struct shale_column *const *columns,
                                                struct shale_row_ref *order, size_t n_rows,
                                                bool *has_nan);

/* That order of two values, for a merge of rows that are sorted already. */
typedef int (*shale_order_fn)(const struct shale_column *a, int64_t i, const struct shale_column *b,
                              int64_t j);

/* How values of the scalar 'type' compare: < 0, 0, > 0, of rows that are not null. */
shale_order_fn shale_order_values(const struct shale_type *type);

/* The same of any rows: nulls are last. */
static inline int shale_order_compare(shale_order_fn order, const struct shale_column *a, int64_t i,
                                      const struct shale_column *b, int64_t j)
{
    bool no_a = shale_column_is_null(a, i), no_b = shale_column_is_null(b, j);
    return no_a || no_b ? no_a - no_b : order(a, i, b, j);
}

#endif
