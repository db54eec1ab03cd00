/* SPDX-License-Identifier: MIT */
/* codec/unpack, behind shale_page_decompress(): every codec there and back, every framing of the
 * old LZ4; a size that is not right, a cut or a changed byte is an error or the same bytes, in
 * blocks of exactly the size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <libdeflate.h>
#include <lz4.h>
#include <lz4frame.h>

#include "codec/codec.h"
#include "scratch.h"

enum { CAP = 8 << 20, PAGE = 200000 };

static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD,
                                          SHALE_CODEC_SNAPPY, SHALE_CODEC_LZ4};
enum { N_CODECS = sizeof(codecs) / sizeof(codecs[0]) };

struct bench {
    struct shale_decoder *decoder;
    struct shale_buf data, stored;
};

static void begin(struct bench *bench, size_t n_bytes)
{
    uint64_t seed = 3;
    assert_int_equal(shale_decoder_new(&shale_mem_libc, &bench->decoder), SHALE_OK);
    shale_buf_init(&bench->data, &shale_mem_libc, CAP);
    shale_buf_init(&bench->stored, &shale_mem_libc, CAP);
    while (bench->data.n_bytes < n_bytes)
        assert_int_equal(shale_buf_printf(&bench->data, "{\"number\":%u}",
                                          (unsigned)(scratch_random(&seed) >> 50)),
                         SHALE_OK);
    bench->data.n_bytes = n_bytes;
}

static void end(struct bench *bench)
{
    shale_decoder_free(bench->decoder);
    shale_buf_fini(&bench->data);
    shale_buf_fini(&bench->stored);
}

static void compress(struct bench *bench, enum shale_codec codec, int level)
{
    struct shale_encoder *encoder;
    assert_int_equal(shale_encoder_new(&shale_mem_libc, &encoder), SHALE_OK);
    shale_buf_reset(&bench->stored);
    assert_int_equal(shale_encoder_compress(encoder, codec, level, bench->data.data,
                                            bench->data.n_bytes, &bench->stored),
                     SHALE_OK);
    shale_encoder_free(encoder);
}

/* Both sides in blocks of their own. */
static enum shale_status unpack(struct bench *bench, enum shale_codec codec, struct shale_str bytes,
                                size_t out_bytes, bool *is_same)
{
    char *in = malloc(bytes.n_bytes + 1), *out = malloc(out_bytes + 1);
    enum shale_status status;
    assert_true(in != NULL && out != NULL);
    if (bytes.n_bytes > 0)
        memcpy(in + 1, bytes.data, bytes.n_bytes);
    status =
        shale_page_decompress(bench->decoder, codec, in + 1, bytes.n_bytes, out + 1, out_bytes);
    if (is_same != NULL)
        *is_same = out_bytes == bench->data.n_bytes &&
                   (out_bytes == 0 || memcmp(out + 1, bench->data.data, out_bytes) == 0);
    free(in);
    free(out);
    return status;
}

static void expect_same(struct bench *bench, enum shale_codec codec)
{
    bool is_same;
    assert_int_equal(
        unpack(bench, codec, shale_buf_str(&bench->stored), bench->data.n_bytes, &is_same),
        SHALE_OK);
    assert_true(is_same);
}

static void test_every_codec_there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 4096, 65536, 70000, PAGE, 3 << 20};
    static const int levels[] = {0, 1, 3, 9, 1000};
    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct bench bench;
        begin(&bench, sizes[s]);
        for (size_t c = 0; c < N_CODECS; c++)
            for (size_t l = 0; l < (sizes[s] > PAGE ? 2 : 5); l++) {
                compress(&bench, codecs[c], levels[l]);
                expect_same(&bench, codecs[c]);
            }
        end(&bench);
    }
}

static void test_another_size_is_an_error(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, 70000);
    for (size_t c = 0; c < N_CODECS; c++) {
        struct shale_str stored;
        compress(&bench, codecs[c], 0);
        stored = shale_buf_str(&bench.stored);
        assert_int_equal(unpack(&bench, codecs[c], stored, 70001, NULL), SHALE_CORRUPT);
        assert_int_equal(unpack(&bench, codecs[c], stored, 69999, NULL), SHALE_CORRUPT);
        assert_int_equal(unpack(&bench, codecs[c], stored, 0, NULL), SHALE_CORRUPT);
        assert_int_equal(unpack(&bench, codecs[c], (struct shale_str){"", 0}, 1, NULL),
                         SHALE_CORRUPT);
        assert_int_equal(unpack(&bench, codecs[c], (struct shale_str){"", 0}, 0, NULL), SHALE_OK);
    }
    end(&bench);
}

static void test_cut_anywhere(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, 3000);
    for (size_t c = 0; c < N_CODECS; c++) {
        compress(&bench, codecs[c], 0);
        for (size_t n = 0; n < bench.stored.n_bytes; n++) {
            struct shale_str cut = {bench.stored.data, n};
            assert_int_equal(unpack(&bench, codecs[c], cut, 3000, NULL), SHALE_CORRUPT);
        }
    }
    end(&bench);
}

/* What comes out may be wrong, since there is no checksum in most; nothing else may happen. */
static void test_changed_bytes_and_garbage(void **state)
{
    struct bench bench;
    uint64_t seed = 17;
    (void)state;
    begin(&bench, 3000);
    for (size_t c = 0; c < N_CODECS + 1; c++) {
        const enum shale_codec codec = c == N_CODECS ? SHALE_CODEC_LZ4_OLD : codecs[c];
        compress(&bench, c == N_CODECS ? SHALE_CODEC_LZ4 : codec, 0);
        for (size_t i = 0; i < 4000; i++) {
            char *byte =
                bench.stored.data + (size_t)(scratch_random(&seed) >> 33) % bench.stored.n_bytes;
            *byte = (char)(scratch_random(&seed) >> 40);
            (void)!unpack(&bench, codec, shale_buf_str(&bench.stored), 3000, NULL);
        }
    }
    end(&bench);
}

static void test_gzip_of_other_writers(void **state)
{
    struct bench bench;
    struct libdeflate_compressor *zlib = libdeflate_alloc_compressor(6);
    size_t n;
    (void)state;
    assert_non_null(zlib);
    begin(&bench, PAGE);
    assert_int_equal(shale_buf_reserve(&bench.stored, PAGE), SHALE_OK);
    bench.stored.n_bytes =
        libdeflate_zlib_compress(zlib, bench.data.data, PAGE, bench.stored.data, PAGE);
    assert_true(bench.stored.n_bytes > 0);
    expect_same(&bench, SHALE_CODEC_GZIP);
    /* members */
    n = libdeflate_gzip_compress(zlib, bench.data.data, 1000, bench.stored.data, PAGE);
    n += libdeflate_gzip_compress(zlib, "", 0, bench.stored.data + n, PAGE - n);
    n += libdeflate_gzip_compress(zlib, bench.data.data + 1000, PAGE - 1000, bench.stored.data + n,
                                  PAGE - n);
    bench.stored.n_bytes = n;
    expect_same(&bench, SHALE_CODEC_GZIP);
    libdeflate_free_compressor(zlib);
    end(&bench);
}

/* ---- The old LZ4 --------------------------------------------------------------------------------
 */

static void put_size(struct shale_buf *out, size_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        assert_int_equal(shale_buf_append_byte(out, (char)(n >> shift)), SHALE_OK);
}

static void put_block(struct shale_buf *out, const char *data, size_t n, bool with_size)
{
    char *block = malloc((size_t)LZ4_compressBound((int)n));
    int n_block;
    assert_non_null(block);
    n_block = LZ4_compress_default(data, block, (int)n, LZ4_compressBound((int)n));
    if (with_size)
        put_size(out, (size_t)n_block);
    assert_int_equal(shale_buf_append(out, block, (size_t)n_block), SHALE_OK);
    free(block);
}

static void test_old_lz4(void **state)
{
    struct bench bench;
    struct shale_buf *stored = &bench.stored;
    (void)state;
    begin(&bench, PAGE);
    put_block(stored, bench.data.data, PAGE, false); /* bare */
    expect_same(&bench, SHALE_CODEC_LZ4_OLD);
    shale_buf_reset(stored);
    for (size_t at = 0; at < PAGE; at += 50000) { /* Hadoop's, a size for each block */
        put_size(stored, 50000);
        put_block(stored, bench.data.data + at, 50000, true);
    }
    expect_same(&bench, SHALE_CODEC_LZ4_OLD);
    assert_int_equal(unpack(&bench, SHALE_CODEC_LZ4_OLD, shale_buf_str(stored), PAGE - 1, NULL),
                     SHALE_CORRUPT);
    assert_int_equal(unpack(&bench, SHALE_CODEC_LZ4_OLD, shale_buf_str(stored), PAGE + 1, NULL),
                     SHALE_CORRUPT);
    shale_buf_reset(stored);
    put_size(stored, PAGE); /* and one for several */
    for (size_t at = 0; at < PAGE; at += 50000)
        put_block(stored, bench.data.data + at, 50000, true);
    expect_same(&bench, SHALE_CODEC_LZ4_OLD);
    shale_buf_reset(stored);
    assert_int_equal(shale_buf_reserve(stored, LZ4F_compressFrameBound(PAGE, NULL)), SHALE_OK);
    stored->n_bytes =
        LZ4F_compressFrame(stored->data, stored->capacity, bench.data.data, PAGE, NULL);
    assert_false(LZ4F_isError(stored->n_bytes));
    expect_same(&bench, SHALE_CODEC_LZ4_OLD);
    for (size_t n = 0; n < stored->n_bytes; n += 97)
        assert_int_equal(
            unpack(&bench, SHALE_CODEC_LZ4_OLD, (struct shale_str){stored->data, n}, PAGE, NULL),
            SHALE_CORRUPT);
    expect_same(&bench, SHALE_CODEC_LZ4_OLD); /* after failures */
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_codec_there_and_back),
        cmocka_unit_test(test_another_size_is_an_error),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_changed_bytes_and_garbage),
        cmocka_unit_test(test_gzip_of_other_writers),
        cmocka_unit_test(test_old_lz4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
