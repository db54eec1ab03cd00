/* SPDX-License-Identifier: MIT */
/* Random files: choosing and writing. */
#include "random_file.h"

#include <stdlib.h>
#include <string.h>

/* How each column is to be encoded; bloom filters on all or none. */
static void choose_encodings(struct random_file *file, struct random_bits *bits)
{
    bool bloom = random_chance(bits, 20);
    for (size_t i = 0; i < file->schema.schema.n_columns; i++) {
        struct shale_column_def *column = &file->schema.columns[i];
        uint64_t n = file->options.modern ? SHALE_ENCODE_RLE + 1 : SHALE_ENCODE_DICTIONARY + 1;
        column->encoding = random_chance(bits, 40)
                               ? SHALE_ENCODE_AUTO
                               : (enum shale_encoding_choice)random_below(bits, n);
        column->bloom_fpp = bloom ? 0.01 : 0;
    }
}

void random_file_choose(struct random_file *file, uint64_t number, bool modern)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_SNAPPY,
                                              SHALE_CODEC_ZSTD, SHALE_CODEC_GZIP, SHALE_CODEC_LZ4};
    static const unsigned nulls[] = {0, 0, 5, 20, 50, 100}, distinct[] = {0, 0, 1, 3, 20, 300};
    static const uint32_t pages[] = {0, 0, 64, 400, 3000};
    struct random_bits bits = {random_mix(number * 2 + modern)};
    unsigned to_depth = (unsigned)random_below(&bits, RANDOM_DEPTH + 1);
    uint32_t n_rows = (uint32_t)(random_chance(&bits, 5) ? 0 : 1 + random_below(&bits, 400));
    *file = (struct random_file){.n_batches = 0};
    random_schema_make(&file->schema, &bits, to_depth, random_chance(&bits, 40));
    file->options = (struct random_options){
        .modern = modern,
        .codec = codecs[random_below(&bits, modern ? 5 : 4)],
        .n_rows = n_rows,
        .group_rows = random_chance(&bits, 60)
                          ? n_rows + 1
                          : n_rows / (RANDOM_GROUPS - 2) + 1 + (uint32_t)random_below(&bits, 90),
        .page_bytes = pages[random_below(&bits, 5)],
        .dictionary_bytes = random_chance(&bits, 20) ? 500 : 0,
        .kept_bytes = random_chance(&bits, 10) ? 1000 : 0,
    };
    choose_encodings(file, &bits);
    file->rows = (struct random_rows){
        .bits = bits,
        .null_percent = nulls[random_below(&bits, 6)],
        .distinct = distinct[random_below(&bits, 6)],
        .longest = (unsigned)(1 + random_below(&bits, to_depth > 3 ? 3 : 9)),
        .ascending = random_chance(&bits, 20),
    };
    shale_buf_init(&file->bytes, &shale_mem_libc, 1 << 30);
}

void random_file_fini(struct random_file *file)
{
    for (size_t i = 0; i < file->n_batches; i++)
        shale_batch_free(&shale_mem_libc, file->batches[i]);
    file->n_batches = 0;
    shale_buf_fini(&file->bytes);
}

/* ---- Writing -----------------------------------------------------------------------------------
 */

struct memory_sink {
    struct shale_sink sink;
    struct shale_buf *out;
};

static enum shale_status write_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                     struct shale_err *err)
{
    (void)err;
    return shale_buf_append(((struct memory_sink *)(void *)sink)->out, data, n_bytes);
}

struct one_piece {
    struct shale_column_stream stream;
    const struct shale_column *piece;
};

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct one_piece *one = (struct one_piece *)(void *)stream;
    (void)err;
    *out = one->piece;
    one->piece = NULL;
    return SHALE_OK;
}

/* A row group: leaf by leaf. */
static enum shale_status write_group(const struct random_file *file, struct shale_batch *batch,
                                     struct shale_chunk_writer *chunks,
                                     struct shale_parquet *parquet, struct shale_sink *sink,
                                     struct shale_err *err)
{
    const struct random_options *options = &file->options;
    const struct shale_chunk_options chunk_options = {
        .modern = options->modern,
        .codec = options->codec,
        .page_bytes = options->page_bytes,
        .dictionary_bytes = options->dictionary_bytes,
        .kept_bytes = options->kept_bytes,
    };
    const struct shale_schema *schema = &file->schema.schema;
    struct shale_chunk_meta metas[RANDOM_NODES + RANDOM_COLUMNS] = {0};
    const struct shale_row_group group = {.metas = metas, .n_rows = shale_batch_n_rows(batch)};
    struct shale_column nodes[RANDOM_NODES + 1];
    enum shale_status status = SHALE_OK;
    size_t n_leaves = 0;
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++) {
        struct shale_leaf leaf;
        bool more = true;
        shale_batch_column(batch, i, nodes);
        for (shale_leaf_first(&schema->columns[i], &leaf); more && status == SHALE_OK;
             more = shale_leaf_next(&leaf)) {
            struct one_piece one = {{next_piece}, nodes};
            status = shale_chunk_write(chunks, &leaf, &chunk_options, &one.stream, sink,
                                       &metas[n_leaves++], err);
        }
    }
    if (status == SHALE_OK)
        return shale_parquet_row_group(parquet, &group, sink, err);
    for (size_t i = 0; i < n_leaves; i++)
        shale_chunk_meta_fini(&metas[i]);
    return status;
}

static enum shale_status write_groups(struct random_file *file, struct shale_chunk_writer *chunks,
                                      struct shale_parquet *parquet, struct shale_err *err)
{
    const struct shale_schema *schema = &file->schema.schema;
    struct memory_sink sink = {{write_bytes}, &file->bytes};
    enum shale_status status = shale_parquet_begin(parquet, &sink.sink, err);
    for (uint32_t row = 0; row < file->options.n_rows && status == SHALE_OK;) {
        struct shale_batch *batch;
        for (uint32_t n = 0; n < file->options.group_rows && row < file->options.n_rows;
             n++, row++) {
            random_row(&file->rows, schema);
            status = shale_builder_row(file->rows.builder);
        }
        if (status == SHALE_OK)
            status = shale_builder_split(file->rows.builder, NULL, 1, &batch);
        if (status != SHALE_OK)
            break;
        file->batches[file->n_batches++] = batch;
        status = write_group(file, batch, chunks, parquet, &sink.sink, err);
        shale_builder_reset(file->rows.builder, SIZE_MAX);
    }
    return status == SHALE_OK ? shale_parquet_finish(parquet, NULL, 0, &sink.sink, err) : status;
}

bool random_file_write(struct random_file *file, FILE *expected)
{
    struct shale_chunk_writer *chunks = NULL;
    struct shale_parquet *parquet = NULL;
    struct shale_err err = {0};
    enum shale_status status =
        shale_builder_new(&shale_mem_libc, &file->schema.schema, &file->rows.builder);
    file->rows.expected = expected;
    if (status == SHALE_OK)
        status = shale_chunk_writer_new(&shale_mem_libc, &chunks);
    if (status == SHALE_OK)
        status = shale_parquet_new(&shale_mem_libc, &file->schema.schema, file->options.codec,
                                   "shale version 0.1.0 (build interop)", &parquet);
    if (status == SHALE_OK)
        status = write_groups(file, chunks, parquet, &err);
    if (status != SHALE_OK)
        snprintf(file->fault, sizeof(file->fault), "writing: %s", shale_status_name(status));
    shale_parquet_free(parquet);
    shale_chunk_writer_free(chunks);
    shale_builder_free(file->rows.builder);
    return status == SHALE_OK;
}
