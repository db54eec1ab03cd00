/* SPDX-License-Identifier: MIT */
/* A batch: columns of some rows in one allocation that can be written to a file and read back,
 * whole or a column at a time (the spill file).  Immutable but for shale_batch_add() and _add_at().
 *
 *     [header: sizes and places of the buffers][column 0's buffers][column 1's buffers]...
 *
 * Columns are those of the schema that are not partition_only, in its order; 'column' below counts
 * only these.  The bytes of a batch depend on its rows alone. */
#ifndef SHALE_COLUMNS_BATCH_H
#define SHALE_COLUMNS_BATCH_H

#include "base/mem.h"
#include "base/status.h"
#include "columns/column.h"
#include "schema/type.h"

struct shale_batch;

void shale_batch_free(const struct shale_mem *mem, struct shale_batch *batch);

int64_t shale_batch_n_rows(const struct shale_batch *batch);

/* The whole allocation: what it costs to keep, what is written to a spill file, and what counts
 * for the size of a row group. */
size_t shale_batch_n_bytes(const struct shale_batch *batch);

/* View column 'column' and all that is inside it.  'nodes' is the caller's storage, as many as the
 * type has nodes (shale_type_n_nodes(); 1 for a scalar), filled in their order and linked by
 * 'child' and 'next': nodes[0] is the column.  Good as long as the batch. */
void shale_batch_column(const struct shale_batch *batch, size_t column, struct shale_column *nodes);

/* A batch of 'n_rows' rows of columns that somebody else holds: one a column of the schema that is
 * not partition_only, children linked.  '*out' is the caller's.  Returns SHALE_OK or SHALE_NOMEM.
 */
SHALE_MUST_USE enum shale_status shale_batch_copy(const struct shale_mem *mem,
                                                  const struct shale_schema *schema,
                                                  const struct shale_column *columns,
                                                  int64_t n_rows, struct shale_batch **out);

/* Add 'delta' to each value of an I32 or I64 column (event numbers, known only in plan order).
 * Returns SHALE_OK or SHALE_LIMIT (overflow; the column is then not to be used). */
SHALE_MUST_USE enum shale_status shale_batch_add(struct shale_batch *batch, size_t column,
                                                 int64_t delta);

/* The same of one row, which has a value. */
SHALE_MUST_USE enum shale_status shale_batch_add_at(struct shale_batch *batch, size_t column,
                                                    int64_t row, int64_t delta);

/* A new batch of the rows rows[0] < rows[1] < ... of 'batch', whose columns are those of 'schema'.
 * Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_batch_select(const struct shale_mem *mem,
                                                    const struct shale_schema *schema,
                                                    const struct shale_batch *batch,
                                                    const int32_t *rows, int64_t n_rows,
                                                    struct shale_batch **out);

/* Reading back a column at a time: read shale_batch_header_bytes(the batch's schema) from the
 * start, ask where a column lies, read that range into 'part', view it. */
size_t shale_batch_header_bytes(const struct shale_schema *schema);
void shale_batch_part(const void *header, size_t column, size_t *offset, size_t *n_bytes);
void shale_batch_part_column(const void *header, size_t column, const void *part,
                             struct shale_column *nodes);

#endif
