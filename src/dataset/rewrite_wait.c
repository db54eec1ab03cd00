/* SPDX-License-Identifier: MIT */
/* Rows that wait for their row group: in memory while there is room, then in a temporary file, from
 * where they are read a column at a time.  So a row group is as large as is asked for, whatever
 * memory there is. */
#include "dataset/rewrite_parts.h"

enum { PART_BYTES = 1 << 30 };

/* One piece. */
struct waiting {
    struct shale_rewrite_wait *wait;
    struct shale_packed *packed; /* NULL: it lies in the file */
    int64_t at;
    size_t n_bytes;
};

void shale_rewrite_wait_init(struct shale_rewrite_wait *wait, const struct shale_mem *mem,
                             const struct shale_schema *schema, size_t memory_bytes,
                             const char *temporary)
{
    *wait = (struct shale_rewrite_wait){.mem = mem,
                                        .schema = schema,
                                        .memory_bytes = memory_bytes,
                                        .temporary = temporary,
                                        .spill = {.fd = -1}};
    shale_buf_init(&wait->header, mem, PART_BYTES);
    shale_buf_init(&wait->part, mem, PART_BYTES);
}

void shale_rewrite_wait_fini(struct shale_rewrite_wait *wait)
{
    shale_spill_fini(&wait->spill);
    shale_buf_fini(&wait->header);
    shale_buf_fini(&wait->part);
    shale_mem_free(wait->mem, wait->nodes);
}

static void release(void *owner)
{
    struct waiting *waiting = owner;
    struct shale_rewrite_wait *wait = waiting->wait;
    if (waiting->packed == NULL)
        shale_spill_free(&wait->spill, waiting->at, waiting->n_bytes);
    else
        wait->n_held_bytes -= waiting->n_bytes;
    shale_packed_free(waiting->packed);
    shale_mem_free(wait->mem, waiting);
}

static enum shale_status spill(struct shale_rewrite_wait *wait, struct waiting *waiting,
                               struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (wait->spill.mem == NULL)
        status = shale_spill_init(&wait->spill, wait->mem, wait->temporary, err);
    if (status == SHALE_NOT_FOUND) /* the directory: no file of the table */
        status = SHALE_IO;
    if (status == SHALE_OK)
        status = shale_spill_write(&wait->spill, waiting->packed->batch, waiting->n_bytes,
                                   &waiting->at, err);
    if (status != SHALE_OK)
        return status;
    shale_packed_free(waiting->packed);
    waiting->packed = NULL;
    return SHALE_OK;
}

enum shale_status shale_rewrite_wait_put(struct shale_rewrite_wait *wait,
                                         struct shale_packed *packed,
                                         struct shale_file_writer *writer, struct shale_err *err)
{
    struct shale_file_piece piece = {.n_rows = packed->n_rows, .release = release};
    struct waiting *waiting = shale_mem_zeroed(wait->mem, 1, sizeof *waiting);
    enum shale_status status = SHALE_OK;
    if (waiting == NULL) {
        shale_packed_free(packed);
        return SHALE_ERR(err, no_memory);
    }
    *waiting = (struct waiting){wait, packed, 0, packed->n_bytes};
    if (wait->temporary != NULL && wait->n_held_bytes + packed->n_bytes > wait->memory_bytes) {
        waiting->n_bytes = shale_batch_n_bytes(packed->batch);
        status = spill(wait, waiting, err);
    }
    if (status != SHALE_OK) {
        shale_packed_free(packed);
        shale_mem_free(wait->mem, waiting);
        return status;
    }
    if (waiting->packed != NULL) {
        wait->n_held_bytes += waiting->n_bytes;
        piece.columns = packed->columns;
    }
    piece.n_bytes = waiting->n_bytes;
    piece.owner = waiting;
    return shale_file_writer_append(writer, &piece, err);
}

/* Room for the nodes of whichever column. */
static enum shale_status make_nodes(struct shale_rewrite_wait *wait)
{
    size_t most = 1;
    for (size_t i = 0; i < wait->schema->n_columns; i++) {
        size_t n = shale_type_n_nodes(&wait->schema->columns[i].type);
        most = n > most ? n : most;
    }
    if (wait->nodes == NULL)
        wait->nodes = shale_mem_zeroed(wait->mem, most, sizeof *wait->nodes);
    return wait->nodes == NULL ? SHALE_NOMEM : SHALE_OK;
}

enum shale_status shale_rewrite_wait_read(struct shale_rewrite_wait *wait, void *owner,
                                          size_t column, const struct shale_column **out,
                                          struct shale_err *err)
{
    const struct waiting *waiting = owner;
    size_t header_bytes = shale_batch_header_bytes(wait->schema), offset, n_bytes;
    enum shale_status status = make_nodes(wait);
    shale_buf_reset(&wait->header);
    shale_buf_reset(&wait->part);
    if (status == SHALE_OK)
        status = shale_buf_reserve(&wait->header, header_bytes);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(&wait->spill, waiting->at, wait->header.data, header_bytes, err);
    if (status != SHALE_OK)
        return status;
    shale_batch_part(wait->header.data, column, &offset, &n_bytes);
    if (shale_buf_reserve(&wait->part, n_bytes + 1) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(&wait->spill, waiting->at + (int64_t)offset, wait->part.data, n_bytes,
                              err);
    if (status == SHALE_OK)
        shale_batch_part_column(wait->header.data, column, wait->part.data, wait->nodes);
    *out = wait->nodes;
    return status;
}
