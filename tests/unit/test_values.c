/* SPDX-License-Identifier: MIT */
/* parquet/values, through a chunk: what a definition asks for is done, what it leaves open is
 * chosen by the values alone, however they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "columns/builder.h"
#include "parquet/chunk.h"
#include "scratch.h"

enum { N = 9000 };

struct memory_sink {
    struct shale_sink sink;
    struct shale_buf bytes;
};

static enum shale_status write_memory(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    (void)err;
    return shale_buf_append(&((struct memory_sink *)sink)->bytes, data, n_bytes);
}

struct batch_stream {
    struct shale_column_stream stream;
    struct shale_batch *batches[8];
    size_t n, at;
    struct shale_column nodes[1];
};

static enum shale_status next_batch(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct batch_stream *batches = (struct batch_stream *)stream;
    (void)err;
    *out = NULL;
    if (batches->at < batches->n) {
        shale_batch_column(batches->batches[batches->at++], 0, batches->nodes);
        *out = batches->nodes;
    }
    return SHALE_OK;
}

/* Row 'k' of a kind: counts, with small steps and nulls; texts share a beginning. */
static void put_row(struct shale_builder *builder, enum shale_kind kind, int64_t k)
{
    char text[40];
    if (k % 7 == 3) {
        shale_builder_null(builder, 0);
        return;
    }
    switch (kind) {
    case SHALE_BOOL:
        shale_builder_bool(builder, 0, k % 500 < 250);
        break;
    case SHALE_INT32:
        shale_builder_i32(builder, 0, (int32_t)(k * 3 + k % 5));
        break;
    case SHALE_INT64:
        shale_builder_i64(builder, 0, k * 1000 + k % 11);
        break;
    case SHALE_FLOAT64:
        shale_builder_f64(builder, 0, 20.0 + (double)(k * k % 9973) / 9973);
        break;
    default:
        (void)snprintf(text, sizeof(text), "arn:aws:iam::%05lld", (long long)k);
        shale_builder_bytes(builder, 0, shale_str_of(text));
        break;
    }
}

static void make(struct batch_stream *stream, const struct shale_column_def *def, size_t n_batches)
{
    const struct shale_schema schema = {def, 1};
    struct shale_builder *builder;
    *stream = (struct batch_stream){.stream = {next_batch}, .n = n_batches};
    for (size_t i = 0; i < n_batches; i++) {
        const int64_t first = (int64_t)(i * i * N / (n_batches * n_batches));
        const int64_t end = (int64_t)((i + 1) * (i + 1) * N / (n_batches * n_batches));
        assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
        for (int64_t k = first; k < end; k++) {
            put_row(builder, def->type.kind, k);
            assert_int_equal(shale_builder_row(builder), SHALE_OK);
        }
        assert_int_equal(shale_builder_split(builder, NULL, 1, &stream->batches[i]), SHALE_OK);
        shale_builder_free(builder);
    }
}

static void drop(struct batch_stream *stream)
{
    for (size_t i = 0; i < stream->n; i++)
        shale_batch_free(&shale_mem_libc, stream->batches[i]);
}

static enum shale_status write_all(const struct shale_mem *mem, const struct shale_column_def *def,
                                   const struct shale_chunk_options *options,
                                   struct batch_stream *stream, struct shale_buf *bytes,
                                   struct shale_chunk_meta *meta)
{
    struct memory_sink sink = {.sink = {write_memory}};
    struct shale_chunk_writer *writer;
    struct shale_leaf leaf;
    enum shale_status status = shale_chunk_writer_new(mem, &writer);
    shale_buf_init(&sink.bytes, &shale_mem_libc, 64 << 20);
    shale_leaf_first(def, &leaf);
    stream->at = 0;
    *meta = (struct shale_chunk_meta){0};
    if (status == SHALE_OK)
        status = shale_chunk_write(writer, &leaf, options, &stream->stream, &sink.sink, meta, NULL);
    shale_chunk_writer_free(writer);
    *bytes = sink.bytes;
    return status;
}

static const struct shale_chunk_options options_of[] = {
    {.codec = SHALE_CODEC_SNAPPY, .page_bytes = 20000, .modern = true},
    {.codec = SHALE_CODEC_ZSTD, .level = 1, .page_bytes = 20000, .modern = true},
    {.codec = SHALE_CODEC_NONE, .page_bytes = 20000, .modern = true},
    {.codec = SHALE_CODEC_LZ4, .page_bytes = 20000, .modern = true},
};

/* The encoding of all data pages; -1: of different ones. */
static int encoding_of(const struct shale_column_def *def,
                       const struct shale_chunk_options *options)
{
    struct batch_stream stream;
    struct shale_chunk_meta meta;
    struct shale_buf bytes;
    int found = -1, n_found = 0;
    make(&stream, def, 1);
    assert_int_equal(write_all(&shale_mem_libc, def, options, &stream, &bytes, &meta), SHALE_OK);
    for (int i = 0; i < SHALE_N_ENCODINGS; i++)
        if (meta.n_pages[i] > 0) {
            found = i;
            n_found++;
        }
    shale_chunk_meta_fini(&meta);
    shale_buf_fini(&bytes);
    drop(&stream);
    return n_found == 1 ? found : -1;
}

static void test_what_is_asked_is_done(void **state)
{
    static const struct {
        enum shale_kind kind;
        enum shale_encoding_choice choice;
        enum shale_encoding encoding;
    } cases[] = {
        {SHALE_INT64, SHALE_ENCODE_PLAIN, SHALE_ENCODING_PLAIN},
        {SHALE_INT64, SHALE_ENCODE_DICTIONARY, SHALE_ENCODING_RLE_DICTIONARY},
        {SHALE_INT64, SHALE_ENCODE_DELTA, SHALE_ENCODING_DELTA_BINARY_PACKED},
        {SHALE_INT32, SHALE_ENCODE_DELTA, SHALE_ENCODING_DELTA_BINARY_PACKED},
        {SHALE_INT32, SHALE_ENCODE_BYTE_STREAM_SPLIT, SHALE_ENCODING_BYTE_STREAM_SPLIT},
        {SHALE_FLOAT64, SHALE_ENCODE_BYTE_STREAM_SPLIT, SHALE_ENCODING_BYTE_STREAM_SPLIT},
        {SHALE_FLOAT64, SHALE_ENCODE_PLAIN, SHALE_ENCODING_PLAIN},
        {SHALE_BOOL, SHALE_ENCODE_RLE, SHALE_ENCODING_RLE},
        {SHALE_BOOL, SHALE_ENCODE_PLAIN, SHALE_ENCODING_PLAIN},
        {SHALE_STRING, SHALE_ENCODE_PLAIN, SHALE_ENCODING_PLAIN},
        {SHALE_STRING, SHALE_ENCODE_DICTIONARY, SHALE_ENCODING_RLE_DICTIONARY},
        {SHALE_STRING, SHALE_ENCODE_DELTA_LENGTH, SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY},
        {SHALE_STRING, SHALE_ENCODE_DELTA_BYTE_ARRAY, SHALE_ENCODING_DELTA_BYTE_ARRAY},
        /* what does not fit is left to the data */
        {SHALE_INT64, SHALE_ENCODE_RLE, SHALE_ENCODING_DELTA_BINARY_PACKED},
        {SHALE_INT64, SHALE_ENCODE_AUTO, SHALE_ENCODING_DELTA_BINARY_PACKED},
        {SHALE_STRING, SHALE_ENCODE_AUTO, SHALE_ENCODING_DELTA_BYTE_ARRAY},
        {SHALE_BOOL, SHALE_ENCODE_AUTO, SHALE_ENCODING_RLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct shale_column_def def = {
            .name = {"c", 1}, .type = {.kind = cases[i].kind}, .encoding = cases[i].choice};
        assert_int_equal(encoding_of(&def, &options_of[2]), cases[i].encoding);
    }
}

static void test_wide_knows_two(void **state)
{
    static const enum shale_kind kinds[] = {SHALE_BOOL, SHALE_INT32, SHALE_INT64, SHALE_FLOAT64,
                                            SHALE_STRING};
    const struct shale_chunk_options wide = {.codec = SHALE_CODEC_ZSTD, .page_bytes = 20000};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct shale_column_def def = {.name = {"c", 1}, .type = {.kind = kinds[i]}};
        assert_int_equal(encoding_of(&def, &wide), SHALE_ENCODING_PLAIN);
    }
}

static void test_pieces_make_no_difference(void **state)
{
    static const enum shale_kind kinds[] = {SHALE_BOOL, SHALE_INT32, SHALE_INT64, SHALE_FLOAT64,
                                            SHALE_STRING};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (size_t o = 0; o < sizeof(options_of) / sizeof(options_of[0]); o++) {
            const struct shale_column_def def = {.name = {"c", 1}, .type = {.kind = kinds[i]}};
            struct batch_stream one, several;
            struct shale_buf a, b;
            struct shale_chunk_meta meta, same;
            make(&one, &def, 1);
            make(&several, &def, 7);
            assert_int_equal(write_all(&shale_mem_libc, &def, &options_of[o], &one, &a, &meta),
                             SHALE_OK);
            assert_int_equal(write_all(&shale_mem_libc, &def, &options_of[o], &several, &b, &same),
                             SHALE_OK);
            assert_int_equal(a.n_bytes, b.n_bytes);
            assert_memory_equal(a.data, b.data, a.n_bytes);
            shale_chunk_meta_fini(&meta);
            shale_chunk_meta_fini(&same);
            shale_buf_fini(&a);
            shale_buf_fini(&b);
            drop(&one);
            drop(&several);
        }
}

static void test_every_allocation_may_fail(void **state)
{
    static const enum shale_kind kinds[] = {SHALE_INT64, SHALE_STRING, SHALE_BOOL};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct shale_column_def def = {.name = {"c", 1}, .type = {.kind = kinds[i]}};
        struct batch_stream stream;
        enum shale_status status = SHALE_NOMEM;
        make(&stream, &def, 1);
        for (int n = 1; status != SHALE_OK; n++) {
            struct failing_mem failing;
            struct shale_buf bytes;
            struct shale_chunk_meta meta;
            failing_mem_init(&failing, n);
            status = write_all(&failing.mem, &def, &options_of[0], &stream, &bytes, &meta);
            if (status != SHALE_OK)
                assert_int_equal(status, SHALE_NOMEM);
            shale_chunk_meta_fini(&meta);
            shale_buf_fini(&bytes);
            assert_in_range(n, 1, 300);
        }
        drop(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_is_done),
        cmocka_unit_test(test_wide_knows_two),
        cmocka_unit_test(test_pieces_make_no_difference),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
