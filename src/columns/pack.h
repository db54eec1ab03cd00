/* SPDX-License-Identifier: MIT */
/* Some rows of columns, of one or of several sources and in any order, copied into one batch: what
 * a scan hands out is good only until its next call.
 *
 *     const struct shale_column *sources[] = {rows->columns};
 *     struct shale_pack_run all = {0, 0, rows->n_rows};
 *     status = shale_pack(mem, schema, sources, 1, &all, 1, &batch);
 *
 * Any thread. */
#ifndef SHALE_COLUMNS_PACK_H
#define SHALE_COLUMNS_PACK_H

#include "base/mem.h"
#include "base/status.h"
#include "columns/batch.h"
#include "columns/column.h"
#include "schema/type.h"

/* Rows that follow one another in a source. */
struct shale_pack_run {
    uint32_t source;
    int64_t first, n;
};

/* sources[s] has a column for each column of 'schema' that is not partition_only, children linked.
 * The bytes of the batch depend on its rows alone; the caller frees it by shale_batch_free().
 * Memory besides the batch: for each depth of nesting 24 bytes a run and 8 a source.
 * Returns SHALE_OK, SHALE_NOMEM, or SHALE_LIMIT (over 2^31 - 1 bytes or elements in a column). */
SHALE_MUST_USE enum shale_status shale_pack(const struct shale_mem *mem,
                                            const struct shale_schema *schema,
                                            const struct shale_column *const *sources,
                                            size_t n_sources, const struct shale_pack_run *runs,
                                            size_t n_runs, struct shale_batch **out);

#endif
