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

/* Take 'packed', also when it fails, and give it to the writer. */
static enum shale_status put(struct shale_rewrite_wait *wait, struct shale_packed *packed,
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

/* ---- Row groups -------------------------------------------------------------------------------
 *
 * Where one ends, the rows alone say, to the row: not how they came in pieces, which depends on
 * memory.
 */

static uint64_t bytes_of(const struct shale_rewrite_wait *wait, const struct shale_packed *packed,
                         int64_t first, int64_t n)
{
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < wait->schema->n_columns; i++)
        n_bytes += shale_column_size(&wait->schema->columns[i].type, &packed->columns[i], first, n);
    return n_bytes;
}

/* How many rows from 'first' on the row group takes: the one with which it is full is the last. */
static int64_t count_fitting(const struct shale_rewrite_wait *wait,
                             const struct shale_packed *packed, int64_t first, uint64_t n_bytes)
{
    int64_t low = 1, high = packed->n_rows - first;
    if (bytes_of(wait, packed, first, high) < n_bytes)
        return high;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (bytes_of(wait, packed, first, middle) < n_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows of 'packed' as a piece of their own. */
static enum shale_status copy_rows(const struct shale_rewrite_wait *wait,
                                   const struct shale_packed *packed, int64_t first, int64_t n,
                                   struct shale_packed **out, struct shale_err *err)
{
    const struct shale_mem *mem = wait->mem;
    const struct shale_column *const sources[] = {packed->columns};
    const struct shale_pack_run run = {0, first, n};
    struct shale_batch *batch;
    enum shale_status status = shale_pack(mem, wait->schema, sources, 1, &run, 1, &batch);
    if (status == SHALE_OK)
        status = shale_packed_new(mem, wait->schema, batch, out);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* '*packed' is NULL when all of it went. */
enum shale_status shale_rewrite_wait_fill(struct shale_rewrite_wait *wait,
                                          struct shale_packed **packed, int64_t *at, uint64_t limit,
                                          struct shale_file_writer *writer, struct shale_err *err)
{
    struct shale_packed *piece = *packed;
    uint64_t left = limit > wait->n_row_bytes ? limit - wait->n_row_bytes : 0;
    int64_t n = count_fitting(wait, *packed, *at, left);
    wait->n_row_bytes += bytes_of(wait, *packed, *at, n);
    if (n == (*packed)->n_rows) {
        *packed = NULL;
    } else {
        enum shale_status status = copy_rows(wait, *packed, *at, n, &piece, err);
        if (status != SHALE_OK)
            return status;
    }
    *at += n;
    return put(wait, piece, writer, err);
}

enum shale_status shale_rewrite_wait_cut(struct shale_rewrite_wait *wait,
                                         struct shale_file_writer *writer, struct shale_err *err)
{
    wait->n_row_bytes = 0;
    return shale_file_writer_cut(writer, err);
}
