/* SPDX-License-Identifier: MIT */
/* A batch with views of its columns. */
#include "dataset/rewrite_parts.h"

static void view(const struct shale_schema *schema, struct shale_packed *packed,
                 struct shale_column *nodes)
{
    for (size_t i = 0, n = 0; i < schema->n_columns; i++) {
        if (schema->columns[i].partition_only)
            continue;
        shale_batch_column(packed->batch, n, nodes);
        packed->columns[n++] = *nodes;
        nodes += shale_type_n_nodes(&schema->columns[i].type);
    }
}

enum shale_status shale_packed_new(const struct shale_mem *mem, const struct shale_schema *schema,
                                   struct shale_batch *batch, struct shale_packed **out)
{
    struct shale_packed *packed = shale_mem_zeroed(mem, 1, sizeof *packed);
    size_t n_nodes = 0;
    *out = NULL;
    for (size_t i = 0; i < schema->n_columns; i++)
        n_nodes += shale_type_n_nodes(&schema->columns[i].type);
    if (packed != NULL)
        packed->columns =
            shale_mem_zeroed(mem, schema->n_columns + n_nodes, sizeof *packed->columns);
    if (packed == NULL || packed->columns == NULL) {
        shale_mem_free(mem, packed);
        shale_batch_free(mem, batch);
        return SHALE_NOMEM;
    }
    packed->mem = mem;
    packed->batch = batch;
    packed->n_rows = shale_batch_n_rows(batch);
    packed->n_bytes = shale_batch_n_bytes(batch) +
                      (schema->n_columns + n_nodes) * sizeof *packed->columns + sizeof *packed;
    view(schema, packed, packed->columns + schema->n_columns);
    *out = packed;
    return SHALE_OK;
}

void shale_packed_free(struct shale_packed *packed)
{
    if (packed == NULL)
        return;
    shale_batch_free(packed->mem, packed->batch);
    shale_mem_free(packed->mem, packed->columns);
    shale_mem_free(packed->mem, packed);
}
