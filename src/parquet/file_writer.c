/* SPDX-License-Identifier: MIT */
/* A whole file from rows. */
#include "parquet/file_writer.h"

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
        status = shale_parquet_begin(writer->parquet, sink, err);
    if (status != SHALE_OK) {
        shale_file_writer_free(writer);
        return status;
    }
    *out = writer;
    return SHALE_OK;
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
    (void)err;
    *out = NULL;
    if (waiting->next < n_pieces_of(waiting->writer))
        *out = &pieces_of(waiting->writer)[waiting->next++].columns[waiting->column];
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

enum shale_status shale_file_writer_cut(struct shale_file_writer *writer, struct shale_err *err)
{
    return write_row_group(writer, err);
}

int64_t shale_file_writer_n_bytes(const struct shale_file_writer *writer)
{
    return shale_parquet_n_bytes(writer->parquet);
}

int64_t shale_file_writer_n_rows(const struct shale_file_writer *writer)
{
    return shale_parquet_n_rows(writer->parquet);
}

size_t shale_file_writer_n_waiting_bytes(const struct shale_file_writer *writer)
{
    return writer->n_waiting_bytes;
}

enum shale_status shale_file_writer_finish(struct shale_file_writer *writer,
                                           const struct shale_key_value *pairs, size_t n_pairs,
                                           struct shale_err *err)
{
    enum shale_status status = write_row_group(writer, err);
    if (status == SHALE_OK)
        status = shale_parquet_finish(writer->parquet, pairs, n_pairs, writer->sink, err);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}
