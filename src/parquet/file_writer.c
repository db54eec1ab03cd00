/* SPDX-License-Identifier: MIT */
/* A whole file from rows. */
#include "parquet/file_writer.h"

#include <assert.h>

#include "columns/batch.h"
#include "parquet/append.h"
#include "parquet/reader.h"

enum { ROW_GROUP_BYTES = 32 * 1024 * 1024, MOST_PIECES = 1 << 24 };

struct shale_file_writer {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    struct shale_file_writer_options options;
    struct shale_sink *sink;
    struct shale_parquet *parquet;
    struct shale_chunk_writer *chunks;
    struct shale_chunk_meta *metas; /* one a leaf */
    size_t n_leaves;
    struct shale_buf pieces; /* struct shale_file_piece: those that wait */
    size_t n_waiting_bytes;
};

static struct shale_file_piece *pieces_of(const struct shale_file_writer *writer)
{
    return (struct shale_file_piece *)(void *)writer->pieces.data;
}

static size_t n_pieces_of(const struct shale_file_writer *writer)
{
    return writer->pieces.n_bytes / sizeof(struct shale_file_piece);
}

static void release_pieces(struct shale_file_writer *writer)
{
    for (size_t i = 0; i < n_pieces_of(writer); i++)
        pieces_of(writer)[i].release(pieces_of(writer)[i].owner);
    shale_buf_reset(&writer->pieces);
    writer->n_waiting_bytes = 0;
}

void shale_file_writer_free(struct shale_file_writer *writer)
{
    if (writer == NULL)
        return;
    release_pieces(writer);
    for (size_t i = 0; i < writer->n_leaves && writer->metas != NULL; i++)
        shale_chunk_meta_fini(&writer->metas[i]);
    shale_mem_free(writer->mem, writer->metas);
    shale_chunk_writer_free(writer->chunks);
    shale_parquet_free(writer->parquet);
    shale_buf_fini(&writer->pieces);
    shale_mem_free(writer->mem, writer);
}

/* One column of the pieces that wait. */
struct waiting {
    struct shale_column_stream stream; /* first member */
    const struct shale_file_writer *writer;
    size_t column, next;
};

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct waiting *waiting = (struct waiting *)(void *)stream;
    const struct shale_file_writer_options *options = &waiting->writer->options;
    const struct shale_file_piece *piece;
    *out = NULL;
    if (waiting->next == n_pieces_of(waiting->writer))
        return SHALE_OK;
    piece = &pieces_of(waiting->writer)[waiting->next++];
    if (piece->columns == NULL)
        return options->read(options->ctx, piece->owner, waiting->column, out, err);
    *out = &piece->columns[waiting->column];
    return SHALE_OK;
}

static enum shale_status write_row_group(struct shale_file_writer *writer, struct shale_err *err)
{
    struct shale_row_group group = {.metas = writer->metas,
                                    .sorting = writer->options.sorting,
                                    .n_sorting = writer->options.n_sorting};
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n_pieces_of(writer); i++)
        group.n_rows += pieces_of(writer)[i].n_rows;
    if (group.n_rows == 0)
        return SHALE_OK;
    for (size_t i = 0; i < writer->n_leaves && status == SHALE_OK; i++) {
        struct waiting waiting = {.stream = {next_piece}, .writer = writer};
        struct shale_leaf leaf;
        shale_leaf_find(writer->schema, i, &waiting.column, &leaf);
        status = shale_chunk_write(writer->chunks, &leaf, &writer->options.chunk, &waiting.stream,
                                   writer->sink, &writer->metas[i], err);
        if (status == SHALE_OK && writer->options.chunk_written != NULL)
            writer->options.chunk_written(writer->options.ctx, i, &leaf, &writer->metas[i]);
    }
    if (status == SHALE_OK)
        status = shale_parquet_row_group(writer->parquet, &group, writer->sink, err);
    release_pieces(writer);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

enum shale_status shale_file_writer_append(struct shale_file_writer *writer,
                                           const struct shale_file_piece *piece,
                                           struct shale_err *err)
{
    if (shale_buf_append(&writer->pieces, piece, sizeof *piece) != SHALE_OK) {
        piece->release(piece->owner);
        return SHALE_ERR(err, no_memory);
    }
    writer->n_waiting_bytes += piece->n_bytes;
    if (writer->n_waiting_bytes < writer->options.row_group_bytes)
        return SHALE_OK;
    return write_row_group(writer, err);
}

void shale_file_writer_set_sorting(struct shale_file_writer *writer,
                                   const struct shale_parquet_sorting *sorting, size_t n_sorting)
{
    assert(n_pieces_of(writer) == 0);
    writer->options.sorting = sorting;
    writer->options.n_sorting = n_sorting;
}

enum shale_status shale_file_writer_cut(struct shale_file_writer *writer, struct shale_err *err)
{
    return write_row_group(writer, err);
}

enum shale_status shale_file_writer_move(struct shale_file_writer *writer,
                                         struct shale_append *from, size_t row_group,
                                         struct shale_err *err)
{
    enum shale_status status = write_row_group(writer, err);
    return status == SHALE_OK
               ? shale_append_move(from, row_group, writer->parquet, writer->sink, err)
               : status;
}

int64_t shale_file_writer_n_bytes(const struct shale_file_writer *writer)
{
    return shale_parquet_n_bytes(writer->parquet);
}

int64_t shale_file_writer_n_rows(const struct shale_file_writer *writer)
{
    return shale_parquet_n_rows(writer->parquet);
}

size_t shale_file_writer_n_row_groups(const struct shale_file_writer *writer)
{
    return shale_parquet_n_row_groups(writer->parquet);
}

size_t shale_file_writer_n_waiting_bytes(const struct shale_file_writer *writer)
{
    return writer->n_waiting_bytes;
}

/* ---- Rows that somebody else holds -------------------------------------------------------------
 */

struct copied {
    const struct shale_mem *mem;
    struct shale_batch *batch;
    struct shale_column *columns; /* views: one a column, then the nodes of all */
};

static void free_copied(void *owner)
{
    struct copied *copied = owner;
    shale_batch_free(copied->mem, copied->batch);
    shale_mem_free(copied->mem, copied->columns);
    shale_mem_free(copied->mem, copied);
}

static void view_columns(const struct shale_file_writer *writer, struct copied *copied,
                         size_t n_columns)
{
    struct shale_column *nodes = copied->columns + n_columns;
    for (size_t i = 0, n = 0; i < writer->schema->n_columns; i++) {
        if (writer->schema->columns[i].partition_only)
            continue;
        shale_batch_column(copied->batch, n, nodes);
        copied->columns[n++] = *nodes;
        nodes += shale_type_n_nodes(&writer->schema->columns[i].type);
    }
}

enum shale_status shale_file_writer_copy(struct shale_file_writer *writer,
                                         const struct shale_column *columns, int64_t n_rows,
                                         struct shale_err *err)
{
    struct copied *copied = shale_mem_zeroed(writer->mem, 1, sizeof *copied);
    struct shale_file_piece piece = {.n_rows = n_rows, .release = free_copied};
    size_t n_columns = shale_leaf_n_columns(writer->schema), n_nodes = n_columns;
    if (copied == NULL)
        return SHALE_ERR(err, no_memory);
    copied->mem = writer->mem;
    for (size_t i = 0; i < writer->schema->n_columns; i++)
        n_nodes += shale_type_n_nodes(&writer->schema->columns[i].type);
    copied->columns = shale_mem_zeroed(writer->mem, n_nodes, sizeof *copied->columns);
    if (copied->columns == NULL || shale_batch_copy(writer->mem, writer->schema, columns, n_rows,
                                                    &copied->batch) != SHALE_OK) {
        free_copied(copied);
        return SHALE_ERR(err, no_memory);
    }
    view_columns(writer, copied, n_columns);
    piece.columns = copied->columns;
    piece.n_bytes = shale_batch_n_bytes(copied->batch);
    piece.owner = copied;
    return shale_file_writer_append(writer, &piece, err);
}

/* ---- The file ----------------------------------------------------------------------------------
 */

/* A file that grows: its rows that are encoded again are the first. */
static enum shale_status begin_append(struct shale_file_writer *writer, struct shale_err *err)
{
    struct shale_append *append = writer->options.append;
    const struct shale_rows *rows;
    enum shale_status status = shale_append_begin(append, writer->parquet, writer->sink, err);
    while (status == SHALE_OK) {
        status = shale_append_next(append, &rows, err);
        if (status != SHALE_OK || rows == NULL)
            break;
        status = shale_file_writer_copy(writer, rows->columns, rows->n_rows, err);
    }
    return status;
}

enum shale_status shale_file_writer_new(const struct shale_mem *mem,
                                        const struct shale_schema *schema,
                                        const struct shale_file_writer_options *options,
                                        struct shale_sink *sink, struct shale_file_writer **out,
                                        struct shale_err *err)
{
    struct shale_file_writer *writer = shale_mem_zeroed(mem, 1, sizeof *writer);
    enum shale_status status = SHALE_OK;
    *out = NULL;
    if (writer == NULL)
        return SHALE_ERR(err, no_memory);
    writer->mem = mem;
    writer->schema = schema;
    writer->options = *options;
    writer->sink = sink;
    writer->n_leaves = shale_leaf_count(schema);
    if (writer->options.row_group_bytes == 0)
        writer->options.row_group_bytes = ROW_GROUP_BYTES;
    shale_buf_init(&writer->pieces, mem, MOST_PIECES * sizeof(struct shale_file_piece));
    writer->metas = shale_mem_zeroed(mem, writer->n_leaves, sizeof *writer->metas);
    if (writer->metas == NULL || shale_chunk_writer_new(mem, &writer->chunks) != SHALE_OK ||
        shale_parquet_new(mem, schema, options->chunk.codec, options->created_by,
                          &writer->parquet) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = options->append == NULL ? shale_parquet_begin(writer->parquet, sink, err)
                                         : begin_append(writer, err);
    if (status != SHALE_OK) {
        shale_file_writer_free(writer);
        return status;
    }
    *out = writer;
    return SHALE_OK;
}

enum shale_status shale_file_writer_finish(struct shale_file_writer *writer,
                                           const struct shale_key_value *pairs, size_t n_pairs,
                                           struct shale_err *err)
{
    enum shale_status status = write_row_group(writer, err);
    if (status == SHALE_OK && writer->options.append != NULL)
        status = shale_append_pairs(writer->options.append, pairs, n_pairs, &pairs, &n_pairs, err);
    if (status == SHALE_OK)
        status = shale_parquet_finish(writer->parquet, pairs, n_pairs, writer->sink, err);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}
