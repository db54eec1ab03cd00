/* SPDX-License-Identifier: MIT */
/* Parquet alone, for the benchmark: reads a file, or writes its rows again from memory to nowhere.
 *
 *     parquet_speed FILE
 *
 * answers each line of stdin by a line with seconds:
 *
 *     read                       every row of every column, through a scan
 *     write CODEC LEVEL PROFILE  "write zstd 1 wide": row groups of 32 MiB of column bytes; then
 *                                what the codec alone takes for the same pages */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "columns/builder.h"
#include "parquet/parquet.h"
#include "parquet/reader.h"
#include "store/local.h"

enum { MOST_BATCHES = 4096, MOST_COLUMNS = 1024, GROUP_BYTES = 32 << 20 };

static void need(enum shale_status status, const struct shale_err *err)
{
    if (status == SHALE_OK)
        return;
    fprintf(stderr, "%s: %s\n", shale_status_name(status), err->message);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static double read_all(const struct shale_reader *reader)
{
    struct shale_err err;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    double begin = now();
    shale_err_clear(&err);
    need(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, &err), &err);
    do
        need(shale_scan_next(scan, &rows, &err), &err);
    while (rows != NULL);
    shale_scan_free(scan);
    return now() - begin;
}

/* ---- The rows in memory -----------------------------------------------------------------------
 */

struct rows {
    const struct shale_schema *schema;
    struct shale_batch *batches[MOST_BATCHES];
    size_t n;
};

static void put(struct shale_builder *builder, size_t c, const struct shale_column *column,
                enum shale_layout layout, int64_t i)
{
    if (shale_column_is_null(column, i)) {
        shale_builder_null(builder, c);
        return;
    }
    switch (layout) {
    case SHALE_LAYOUT_BOOL:
        shale_builder_bool(builder, c, shale_bit(column->data, i));
        return;
    case SHALE_LAYOUT_I32:
        shale_builder_i32(builder, c, ((const int32_t *)column->data)[i]);
        return;
    case SHALE_LAYOUT_I64:
        shale_builder_i64(builder, c, ((const int64_t *)column->data)[i]);
        return;
    case SHALE_LAYOUT_F64:
        shale_builder_f64(builder, c, ((const double *)column->data)[i]);
        return;
    case SHALE_LAYOUT_BYTES:
        shale_builder_bytes(
            builder, c,
            (struct shale_str){(const char *)column->data + column->offsets[i],
                               (size_t)(column->offsets[i + 1] - column->offsets[i])});
        return;
    default:
        fprintf(stderr, "a type that this tool does not write\n");
        exit(1);
    }
}

static void load(const struct shale_reader *reader, struct rows *out)
{
    struct shale_err err;
    struct shale_scan *scan;
    struct shale_builder *builder;
    const struct shale_rows *rows;
    out->schema = &shale_reader_file(reader)->schema;
    out->n = 0;
    shale_err_clear(&err);
    need(shale_builder_new(&shale_mem_libc, out->schema, &builder), &err);
    need(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, &err), &err);
    for (;;) {
        need(shale_scan_next(scan, &rows, &err), &err);
        if (rows == NULL)
            break;
        for (int64_t i = 0; i < rows->n_rows; i++) {
            for (size_t c = 0; c < rows->n_columns; c++)
                put(builder, c, &rows->columns[c], shale_type_layout(&out->schema->columns[c].type),
                    i);
            need(shale_builder_row(builder), &err);
        }
        if (out->n == MOST_BATCHES) {
            fprintf(stderr, "too many rows\n");
            exit(1);
        }
        need(shale_builder_split(builder, NULL, 1, &out->batches[out->n++]), &err);
        shale_builder_reset(builder, SIZE_MAX);
    }
    shale_scan_free(scan);
    shale_builder_free(builder);
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

struct nowhere {
    struct shale_sink sink; /* first member */
    int64_t n_bytes;
    struct shale_buf *kept; /* or NULL */
};

static enum shale_status write_nowhere(struct shale_sink *sink, const void *data, size_t n_bytes,
                                       struct shale_err *err)
{
    struct nowhere *nowhere = (struct nowhere *)(void *)sink;
    (void)err;
    nowhere->n_bytes += (int64_t)n_bytes;
    return nowhere->kept == NULL ? SHALE_OK : shale_buf_append(nowhere->kept, data, n_bytes);
}

struct pieces {
    struct shale_column_stream stream; /* first member */
    const struct rows *rows;
    size_t column, at, end;
    struct shale_column piece;
};

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct pieces *pieces = (struct pieces *)(void *)stream;
    (void)err;
    *out = NULL;
    if (pieces->at == pieces->end)
        return SHALE_OK;
    shale_batch_column(pieces->rows->batches[pieces->at++], pieces->column, &pieces->piece);
    *out = &pieces->piece;
    return SHALE_OK;
}

/* A row group's batches from 'begin' on; returns where the next begins. */
static size_t group_end(const struct rows *rows, size_t begin, int64_t *n_rows)
{
    size_t n_bytes = 0, end = begin;
    for (*n_rows = 0; end < rows->n && n_bytes < GROUP_BYTES; end++) {
        n_bytes += shale_batch_n_bytes(rows->batches[end]);
        *n_rows += shale_batch_n_rows(rows->batches[end]);
    }
    return end;
}

static void write_chunk(const struct rows *rows, size_t c, size_t begin, size_t end,
                        const struct shale_chunk_options *options,
                        struct shale_chunk_writer *writer, struct shale_sink *sink,
                        struct shale_chunk_meta *meta)
{
    struct pieces pieces = {{next_piece}, rows, c, begin, end, {0}};
    struct shale_leaf leaf;
    struct shale_err err;
    shale_err_clear(&err);
    shale_leaf_first(&rows->schema->columns[c], &leaf);
    need(shale_chunk_write(writer, &leaf, options, &pieces.stream, sink, meta, &err), &err);
}

static int64_t write_all(const struct rows *rows, const struct shale_chunk_options *options,
                         struct shale_chunk_writer *writer)
{
    static struct shale_chunk_meta metas[MOST_COLUMNS];
    struct nowhere nowhere = {{write_nowhere}, 0, NULL};
    struct shale_parquet *file;
    struct shale_err err;
    shale_err_clear(&err);
    need(shale_parquet_new(&shale_mem_libc, rows->schema, options->codec, "speed", &file), &err);
    need(shale_parquet_begin(file, &nowhere.sink, &err), &err);
    for (size_t begin = 0, end; begin < rows->n; begin = end) {
        struct shale_row_group group = {.metas = metas};
        end = group_end(rows, begin, &group.n_rows);
        for (size_t c = 0; c < rows->schema->n_columns; c++)
            write_chunk(rows, c, begin, end, options, writer, &nowhere.sink, &metas[c]);
        need(shale_parquet_row_group(file, &group, &nowhere.sink, &err), &err);
    }
    need(shale_parquet_finish(file, NULL, 0, &nowhere.sink, &err), &err);
    shale_parquet_free(file);
    return nowhere.n_bytes;
}

/* ---- The codec alone, on the same pages (their headers, 50 bytes each, included) --------------
 */

static double compress(struct shale_encoder *encoder, const struct shale_chunk_options *options,
                       const char *data, int64_t n_bytes, struct shale_buf *out)
{
    double begin = now();
    shale_buf_reset(out);
    need(
        shale_encoder_compress(encoder, options->codec, options->level, data, (size_t)n_bytes, out),
        &(struct shale_err){.message = "compressing"});
    return now() - begin;
}

static double codec_alone(const struct rows *rows, const struct shale_chunk_options *options,
                          struct shale_chunk_writer *writer)
{
    struct shale_chunk_options plain = *options;
    struct shale_encoder *encoder;
    struct shale_buf pages, out;
    double seconds = 0;
    plain.codec = SHALE_CODEC_NONE;
    shale_buf_init(&pages, &shale_mem_libc, SIZE_MAX / 2);
    shale_buf_init(&out, &shale_mem_libc, SIZE_MAX / 2);
    need(shale_encoder_new(&shale_mem_libc, &encoder), &(struct shale_err){.message = "memory"});
    for (size_t begin = 0, end; begin < rows->n; begin = end) {
        int64_t n_rows;
        end = group_end(rows, begin, &n_rows);
        for (size_t c = 0; c < rows->schema->n_columns; c++) {
            struct nowhere nowhere = {{write_nowhere}, 0, &pages};
            struct shale_chunk_meta meta = {0};
            shale_buf_reset(&pages);
            write_chunk(rows, c, begin, end, &plain, writer, &nowhere.sink, &meta);
            if (meta.dictionary_page_at >= 0)
                seconds += compress(encoder, options, pages.data, meta.data_page_at, &out);
            for (size_t at = 0; at < meta.pages.n_bytes;) {
                struct shale_chunk_page page;
                memcpy(&page, meta.pages.data + at, sizeof(page));
                at += sizeof(page) + page.minimum_bytes + page.maximum_bytes;
                seconds += compress(encoder, options, pages.data + meta.data_page_at + page.at,
                                    page.n_bytes, &out);
            }
            shale_chunk_meta_fini(&meta);
        }
    }
    shale_encoder_free(encoder);
    shale_buf_fini(&pages);
    shale_buf_fini(&out);
    return seconds;
}

static enum shale_codec codec_of(const char *name)
{
    static const char *const names[] = {
        [SHALE_CODEC_NONE] = "none",     [SHALE_CODEC_GZIP] = "gzip", [SHALE_CODEC_ZSTD] = "zstd",
        [SHALE_CODEC_SNAPPY] = "snappy", [SHALE_CODEC_LZ4] = "lz4",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return (enum shale_codec)i;
    fprintf(stderr, "no codec %s\n", name);
    exit(2);
}

static void answer_write(struct rows *rows, const struct shale_reader *reader,
                         const struct shale_chunk_options *options,
                         struct shale_chunk_writer *writer)
{
    double begin, seconds;
    int64_t n_bytes;
    if (rows->n == 0)
        load(reader, rows);
    begin = now();
    n_bytes = write_all(rows, options, writer);
    seconds = now() - begin;
    printf("%.6f %.6f %lld\n", seconds, codec_alone(rows, options, writer), (long long)n_bytes);
}

int main(int argc, char **argv)
{
    static struct rows rows;
    struct shale_err err;
    struct shale_reader *reader;
    struct shale_chunk_writer *writer;
    struct shale_local file;
    char line[256], words[3][16];
    shale_err_clear(&err);
    if (argc != 2) {
        fprintf(stderr, "usage: parquet_speed FILE\n");
        return 2;
    }
    need(shale_local_open(&file, argv[1], &err), &err);
    need(shale_reader_open(&shale_mem_libc, &file.random,
                           &(struct shale_reader_options){.memory_bytes = (size_t)1 << 30}, &reader,
                           &err),
         &err);
    need(shale_chunk_writer_new(&shale_mem_libc, &writer), &err);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (strcmp(line, "read\n") == 0) {
            printf("%.6f\n", read_all(reader));
        } else if (sscanf(line, "write %15s %15s %15s", words[0], words[1], words[2]) == 3) {
            const struct shale_chunk_options options = {.codec = codec_of(words[0]),
                                                        .level = (int)strtol(words[1], NULL, 10),
                                                        .modern = strcmp(words[2], "modern") == 0};
            answer_write(&rows, reader, &options, writer);
        } else {
            fprintf(stderr, "what is: %s", line);
            return 2;
        }
        (void)fflush(stdout);
    }
    shale_chunk_writer_free(writer);
    shale_reader_free(reader);
    shale_local_close(&file);
    return 0;
}
