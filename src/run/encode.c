/* SPDX-License-Identifier: MIT */
/* Waiting rows to row groups.  Leaf by leaf, straight into the file; or, where there is memory
 * and another thread, each leaf into a buffer by whoever is free, and then into the file.  The
 * bytes are the same. */
#include "run/private.h"

#include <string.h>

enum {
    LARGE_ENOUGH = 2 * 1024 * 1024,
    LOADED_ANYWAY = 2 * 1024 * 1024, /* a thread's builders are smaller by then */
    MAX_PART_BYTES = INT32_MAX,
};

/* ---- The pieces of one column -----------------------------------------------------------------
 */

struct pieces {
    struct shale_column_stream stream; /* first member */
    const struct run *run;
    const struct part *part;
    size_t n_entries, next;
    size_t column;
    size_t header_bytes;
    struct shale_buf header, bytes; /* of an entry in the spill file */
    struct shale_column *nodes;     /* of the current piece */
};

static enum shale_status read_piece(struct pieces *pieces, const struct entry *entry,
                                    struct shale_err *err)
{
    const struct shale_spill *spill = &pieces->run->seq.spill;
    size_t offset, n_bytes;
    enum shale_status status;
    if (shale_buf_reserve(&pieces->header, pieces->header_bytes) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status =
        shale_spill_read(spill, entry->spill_at, pieces->header.data, pieces->header_bytes, err);
    if (status != SHALE_OK)
        return status;
    shale_batch_part(pieces->header.data, pieces->column, &offset, &n_bytes);
    shale_buf_reset(&pieces->bytes);
    if (shale_buf_reserve(&pieces->bytes, n_bytes + 1) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(spill, entry->spill_at + (int64_t)offset, pieces->bytes.data, n_bytes,
                              err);
    if (status == SHALE_OK)
        shale_batch_part_column(pieces->header.data, pieces->column, pieces->bytes.data,
                                pieces->nodes);
    return status;
}

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct pieces *pieces = (struct pieces *)(void *)stream;
    const struct entry *entry;
    *out = NULL;
    if (pieces->next == pieces->n_entries)
        return SHALE_OK;
    entry = &pieces->part->entries[pieces->next++];
    *out = pieces->nodes;
    if (entry->batch == NULL)
        return read_piece(pieces, entry, err);
    shale_batch_column(entry->batch, pieces->column, pieces->nodes);
    return SHALE_OK;
}

/* Rows as they came. */
static enum shale_status write_pieces(struct worker *worker, const struct part *part,
                                      size_t n_entries, size_t column,
                                      const struct shale_leaf *leaf, struct shale_sink *sink,
                                      struct shale_chunk_meta *meta, struct shale_err *err)
{
    const struct run *run = worker->run;
    struct pieces pieces = {.stream = {next_piece},
                            .run = run,
                            .part = part,
                            .n_entries = n_entries,
                            .column = column,
                            .header_bytes = shale_batch_header_bytes(part->file->schema)};
    enum shale_status status;
    pieces.nodes =
        shale_mem_zeroed(run->mem, shale_type_n_nodes(&leaf->column->type), sizeof *pieces.nodes);
    if (pieces.nodes == NULL)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&pieces.header, run->mem, MAX_PART_BYTES);
    shale_buf_init(&pieces.bytes, run->mem, MAX_PART_BYTES);
    status = shale_chunk_write(worker->chunks, leaf, &part->file->chunk, &pieces.stream, sink, meta,
                               err);
    shale_buf_fini(&pieces.header);
    shale_buf_fini(&pieces.bytes);
    shale_mem_free(run->mem, pieces.nodes);
    return status;
}

static enum shale_status write_leaf(struct worker *worker, const struct part *part,
                                    size_t n_entries, const struct row_order *order, size_t number,
                                    struct shale_sink *sink, struct shale_err *err)
{
    struct shale_chunk_meta *meta = &part->file->metas[number];
    struct sorted_column sorted;
    struct shale_leaf leaf;
    enum shale_status status;
    size_t column;
    shale_leaf_find(part->file->schema, number, &column, &leaf);
    if (order->rows == NULL)
        return write_pieces(worker, part, n_entries, column, &leaf, sink, meta, err);
    status = sorted_open(&sorted, worker->run, part, n_entries, order, column, leaf.column, err);
    if (status == SHALE_OK)
        status = shale_chunk_write(worker->chunks, &leaf, &part->file->chunk, &sorted.stream, sink,
                                   meta, err);
    sorted_close(&sorted);
    return status;
}

static enum shale_status close_row_group(const struct part *part, size_t n_entries,
                                         const struct row_order *order, struct shale_err *err)
{
    struct shale_row_group group = {
        .metas = part->file->metas, .sorting = order->sorting, .n_sorting = order->n_sorting};
    for (size_t i = 0; i < n_entries; i++)
        group.n_rows += part->entries[i].n_rows;
    return shale_file_close(part->file, &group, err);
}

/* ---- By one thread ----------------------------------------------------------------------------
 */

/* Many small row groups have many small pages: they go to the file together. */
struct gathered {
    struct shale_sink sink; /* first member */
    struct shale_buf *bytes;
    struct shale_sink *file;
};

static enum shale_status flush_gathered(struct gathered *gathered, struct shale_err *err)
{
    struct shale_buf *bytes = gathered->bytes;
    enum shale_status status = SHALE_OK;
    if (bytes->n_bytes > 0)
        status = shale_sink_write(gathered->file, bytes->data, bytes->n_bytes, err);
    shale_buf_reset(bytes);
    return status;
}

static enum shale_status gather_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    struct gathered *gathered = (struct gathered *)(void *)sink;
    enum shale_status status = SHALE_OK;
    if (n_bytes > gathered->bytes->cap - gathered->bytes->n_bytes)
        status = flush_gathered(gathered, err);
    if (status != SHALE_OK)
        return status;
    if (n_bytes > gathered->bytes->cap)
        return shale_sink_write(gathered->file, data, n_bytes, err);
    return shale_buf_append(gathered->bytes, data, n_bytes) == SHALE_OK ? SHALE_OK
                                                                        : SHALE_ERR(err, no_memory);
}

static enum shale_status write_row_group(struct worker *worker, const struct part *part,
                                         size_t n_entries, struct shale_err *err)
{
    struct shale_file *file = part->file;
    struct gathered gathered = {{gather_bytes}, &worker->writes, &file->put.sink};
    struct row_order order;
    enum shale_status status = order_make(worker->run, part, n_entries, &order, err);
    if (status == SHALE_OK)
        status = shale_file_open(file, err);
    shale_buf_reset(&worker->writes);
    for (size_t i = 0; i < file->n_leaves && status == SHALE_OK; i++)
        status = write_leaf(worker, part, n_entries, &order, i, &gathered.sink, err);
    if (status == SHALE_OK)
        status = flush_gathered(&gathered, err);
    if (status == SHALE_OK)
        status = close_row_group(part, n_entries, &order, err);
    order_free(worker->run, &order);
    return status;
}

/* Read back whole what waits in the spill file, unless it is more than 'limit': by columns it would
 * be two reads a column of each batch.  'counted': the sums are still kept. */
static enum shale_status load_entries(struct run *run, struct part *part, size_t n_entries,
                                      size_t limit, bool counted, struct shale_err *err)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n_entries; i++)
        n_bytes += part->entries[i].batch == NULL ? part->entries[i].n_bytes : 0;
    if (n_bytes > limit)
        return SHALE_OK;
    for (size_t i = 0; i < n_entries; i++) {
        struct entry *entry = &part->entries[i];
        enum shale_status status;
        if (entry->batch != NULL)
            continue;
        entry->batch = shale_mem_alloc(run->mem, entry->n_bytes); /* a batch holds no pointers */
        if (entry->batch == NULL)
            return SHALE_ERR(err, no_memory);
        if (counted)
            run->seq.memory_bytes += entry->n_bytes;
        status =
            shale_spill_read(&run->seq.spill, entry->spill_at, entry->batch, entry->n_bytes, err);
        if (status != SHALE_OK)
            return status;
        if (counted)
            shale_spill_free(&run->seq.spill, entry->spill_at, entry->n_bytes);
    }
    return SHALE_OK;
}

/* ---- By all threads ---------------------------------------------------------------------------
 */

struct leaf_out {
    struct shale_sink sink; /* first member: appends to 'bytes' */
    struct shale_buf bytes;
};

static enum shale_status append_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    struct leaf_out *out = (struct leaf_out *)(void *)sink;
    return shale_buf_append(&out->bytes, data, n_bytes) == SHALE_OK ? SHALE_OK
                                                                    : SHALE_ERR(err, no_memory);
}

static struct cut *cut_new(struct run *run, struct part *part, size_t n_entries)
{
    struct cut *cut = shale_mem_zeroed(run->mem, 1, sizeof *cut);
    size_t n = part->file->n_leaves;
    if (cut == NULL)
        return NULL;
    cut->part = part;
    cut->n_entries = n_entries;
    cut->leaves = shale_mem_zeroed(run->mem, n, sizeof *cut->leaves);
    if (cut->leaves == NULL) {
        shale_mem_free(run->mem, cut);
        return NULL;
    }
    cut->n_leaves = n;
    for (size_t i = 0; i < n; i++) {
        cut->leaves[i].sink.write = append_bytes;
        shale_buf_init(&cut->leaves[i].bytes, run->mem, SIZE_MAX / 2);
    }
    return cut;
}

void cut_free(struct run *run, struct cut *cut)
{
    if (cut == NULL)
        return;
    for (size_t i = 0; i < cut->n_leaves; i++)
        shale_buf_fini(&cut->leaves[i].bytes);
    order_free(run, &cut->order);
    shale_mem_free(run->mem, cut->leaves);
    shale_mem_free(run->mem, cut);
}

enum shale_status encode_leaf(struct worker *worker, struct cut *cut, size_t leaf,
                              struct shale_err *err)
{
    return write_leaf(worker, cut->part, cut->n_entries, &cut->order, leaf, &cut->leaves[leaf].sink,
                      err);
}

enum shale_status encode_finish(struct worker *worker, struct shale_err *err)
{
    struct run *run = worker->run;
    struct cut *cut = run->seq.cut;
    struct part *part = cut->part;
    enum shale_status status = shale_file_open(part->file, err);
    for (size_t c = 0; c < cut->n_leaves && status == SHALE_OK; c++) {
        struct shale_buf *bytes = &cut->leaves[c].bytes;
        status = shale_sink_write(&part->file->put.sink, bytes->data, bytes->n_bytes, err);
        shale_buf_fini(bytes);
    }
    if (status == SHALE_OK)
        status = close_row_group(part, cut->n_entries, &cut->order, err);
    if (status == SHALE_OK)
        entries_drop(run, part, 0, cut->n_entries);
    run->seq.cut = NULL;
    cut_free(run, cut);
    return status;
}

/* ---- Which way --------------------------------------------------------------------------------
 */

static enum shale_status make_file(struct run *run, struct part *part, struct shale_err *err)
{
    if (part->file != NULL)
        return SHALE_OK;
    return part->kind == PART_REJECTS
               ? shale_output_rejects(run->output, &part->file, err)
               : shale_output_data(run->output, part->name, &part->file, err);
}

/* What may be read back, when the share of encoded columns serves 'n_users'. */
static size_t load_limit(const struct run *run, size_t n_users)
{
    size_t limit = run->encode_limit / n_users;
    return limit > LOADED_ANYWAY ? limit : LOADED_ANYWAY;
}

enum shale_status encode_begin(struct worker *worker, struct part *part, size_t n_entries,
                               bool *all, struct shale_err *err)
{
    struct run *run = worker->run;
    enum shale_status status = make_file(run, part, err);
    size_t n_bytes = 0;
    if (status != SHALE_OK)
        return status;
    for (size_t i = 0; i < n_entries; i++)
        n_bytes += part->entries[i].n_bytes;
    *all = run->n_workers > 1 && n_bytes >= LARGE_ENOUGH && n_bytes <= run->encode_limit;
    status = load_entries(run, part, n_entries, load_limit(run, *all ? 2 : 1), true, err);
    if (status != SHALE_OK)
        return status;
    if (*all) {
        run->seq.cut = cut_new(run, part, n_entries);
        if (run->seq.cut == NULL)
            return SHALE_ERR(err, no_memory);
        return order_make(run, part, n_entries, &run->seq.cut->order, err);
    }
    status = write_row_group(worker, part, n_entries, err);
    if (status == SHALE_OK)
        entries_drop(run, part, 0, n_entries);
    return status;
}

enum shale_status encode_last(struct worker *worker, struct part *part, struct shale_err *err)
{
    struct run *run = worker->run;
    enum shale_status status = make_file(run, part, err);
    if (status == SHALE_OK)
        status =
            load_entries(run, part, part->n_entries, load_limit(run, run->n_workers), false, err);
    if (status == SHALE_OK && part->n_entries > 0)
        status = write_row_group(worker, part, part->n_entries, err);
    for (size_t i = 0; i < part->n_entries; i++)
        shale_batch_free(run->mem, part->entries[i].batch);
    part->n_entries = 0; /* the sums are not needed any more, and belong to no thread now */
    return status == SHALE_OK
               ? shale_file_finish(part->file, shale_buf_str(&run->seq.first_input), err)
               : status;
}
