/* SPDX-License-Identifier: MIT */
/* codec/codec, writing pages: what is written reads back, and is the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <snappy-c.h>
#include <zstd.h>

#include "codec/codec.h"

enum { CAP = 8 << 20 };

static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD,
                                          SHALE_CODEC_SNAPPY};

static struct shale_encoder *new_encoder(void)
{
    struct shale_encoder *encoder;
    assert_int_equal(shale_encoder_new(&shale_mem_libc, &encoder), SHALE_OK);
    return encoder;
}

static void fill(struct shale_buf *buf, size_t n_bytes, uint32_t seed)
{
    while (buf->n_bytes < n_bytes) {
        seed = seed * 1664525u + 1013904223u;
        assert_int_equal(shale_buf_printf(buf, "{\"number\":%u}\n", seed >> 18), SHALE_OK);
    }
    buf->n_bytes = n_bytes;
}

static void compress(struct shale_encoder *encoder, enum shale_codec codec, int level,
                     struct shale_str data, struct shale_buf *out)
{
    assert_int_equal(shale_encoder_compress(encoder, codec, level, data.data, data.n_bytes, out),
                     SHALE_OK);
}

static void decompress(enum shale_codec codec, struct shale_str stored, struct shale_buf *out)
{
    struct shale_decoder *decoder;
    size_t n_bytes = 0;
    if (codec == SHALE_CODEC_SNAPPY) {
        assert_int_equal(snappy_uncompressed_length(stored.data, stored.n_bytes, &n_bytes), 0);
        assert_int_equal(shale_buf_reserve(out, n_bytes + 1), SHALE_OK);
        assert_int_equal(snappy_uncompress(stored.data, stored.n_bytes, out->data, &n_bytes), 0);
        out->n_bytes = n_bytes;
        return;
    }
    assert_int_equal(shale_decoder_new(&shale_mem_libc, &decoder), SHALE_OK);
    assert_int_equal(shale_decoder_whole(decoder, stored.data, stored.n_bytes, out, NULL, NULL),
                     SHALE_OK);
    shale_decoder_free(decoder);
}

static void test_what_is_written_reads_back(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, 4096, 70000, 1 << 20};
    static const int levels[] = {0, 1, 3, 9, 1000, -1000};
    struct shale_encoder *encoder = new_encoder();
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
            for (size_t k = 0; k < (sizes[j] > 5000 ? 2 : 6); k++) {
                struct shale_buf data, out, back;
                shale_buf_init(&data, &shale_mem_libc, CAP);
                shale_buf_init(&out, &shale_mem_libc, CAP);
                shale_buf_init(&back, &shale_mem_libc, CAP);
                fill(&data, sizes[j], 7);
                assert_int_equal(shale_buf_append(&out, "head", 4), SHALE_OK);
                compress(encoder, codecs[i], levels[k], shale_buf_str(&data), &out);
                assert_memory_equal(out.data, "head", 4);
                decompress(codecs[i], (struct shale_str){out.data + 4, out.n_bytes - 4}, &back);
                assert_true(shale_str_equal(shale_buf_str(&back), shale_buf_str(&data)));
                if (codecs[i] != SHALE_CODEC_NONE && levels[k] >= 0 && sizes[j] >= 4096)
                    assert_true(out.n_bytes - 4 < sizes[j] * 7 / 10);
                shale_buf_fini(&back);
                shale_buf_fini(&out);
                shale_buf_fini(&data);
            }
    shale_encoder_free(encoder);
}

/* The output must not depend on what the contexts held before. */
static void test_same_input_same_output(void **state)
{
    static const int levels[] = {0, 1, 5, 9};
    struct shale_encoder *used = new_encoder();
    struct shale_buf pages[6];
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        shale_buf_init(&pages[i], &shale_mem_libc, CAP);
        fill(&pages[i], (size_t)1 << (10 + 2 * i), (uint32_t)i % 3);
    }
    for (size_t i = 0; i < 400; i++) {
        const enum shale_codec codec = codecs[i % 4];
        const int level = levels[i / 4 % 4];
        const struct shale_str page = shale_buf_str(&pages[(i * 7 + i / 6) % 6]);
        struct shale_encoder *fresh = new_encoder();
        struct shale_buf expected, out;
        shale_buf_init(&expected, &shale_mem_libc, CAP);
        shale_buf_init(&out, &shale_mem_libc, CAP);
        compress(fresh, codec, level, page, &expected);
        compress(used, codec, level, page, &out);
        assert_true(shale_str_equal(shale_buf_str(&out), shale_buf_str(&expected)));
        shale_buf_fini(&out);
        shale_buf_fini(&expected);
        shale_encoder_free(fresh);
    }
    for (size_t i = 0; i < 6; i++)
        shale_buf_fini(&pages[i]);
    shale_encoder_free(used);
}

static void test_formats(void **state)
{
    static const char gzip_header[10] = "\x1f\x8b\x08\0\0\0\0\0\0\xff"; /* no name, no time */
    struct shale_encoder *encoder = new_encoder();
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    compress(encoder, SHALE_CODEC_GZIP, 0, SHALE_STR("shale"), &out);
    assert_memory_equal(out.data, gzip_header, 10);
    shale_buf_reset(&out);
    compress(encoder, SHALE_CODEC_ZSTD, 0, SHALE_STR("shale"), &out);
    assert_int_equal(ZSTD_getFrameContentSize(out.data, out.n_bytes), 5);
    assert_int_equal(out.data[4] & 4, 0); /* no checksum (RFC 8878, 3.1.1.1.1) */
    shale_buf_fini(&out);
    shale_encoder_free(encoder);
}

static void test_the_cap_holds(void **state)
{
    struct shale_encoder *encoder = new_encoder();
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct shale_buf data, out;
        shale_buf_init(&data, &shale_mem_libc, CAP);
        shale_buf_init(&out, &shale_mem_libc, 100);
        fill(&data, 10000, 1);
        assert_int_equal(shale_buf_append(&out, "head", 4), SHALE_OK);
        assert_int_equal(
            shale_encoder_compress(encoder, codecs[i], 0, data.data, data.n_bytes, &out),
            SHALE_LIMIT);
        assert_int_equal(out.n_bytes, 4);
        shale_buf_fini(&out);
        shale_buf_fini(&data);
    }
    shale_encoder_free(encoder);
}

static void *fail_nth(void *ctx, void *ptr, size_t n_bytes)
{
    int *n_until_failure = ctx;
    if (n_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return --*n_until_failure == 0 ? NULL : realloc(ptr, n_bytes);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        enum shale_status status = SHALE_NOMEM;
        int n = 0;
        while (status == SHALE_NOMEM) {
            int n_until_failure = ++n;
            const struct shale_mem mem = {fail_nth, &n_until_failure};
            struct shale_encoder *encoder;
            struct shale_buf out;
            shale_buf_init(&out, &mem, CAP);
            status = shale_encoder_new(&mem, &encoder);
            if (status == SHALE_OK) {
                status = shale_encoder_compress(encoder, codecs[i], 0, "shale", 5, &out);
                shale_encoder_free(encoder);
            }
            shale_buf_fini(&out);
        }
        assert_int_equal(status, SHALE_OK);
        /* the encoder, the output, the table of snappy */
        assert_int_equal(n, codecs[i] == SHALE_CODEC_SNAPPY ? 4 : 3);
    }
}

/* More than the formats take: nothing of it is looked at. */
static void test_too_many_bytes(void **state)
{
    struct shale_encoder *encoder = new_encoder();
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    assert_int_equal(
        shale_encoder_compress(encoder, SHALE_CODEC_SNAPPY, 0, "", (size_t)UINT32_MAX + 1, &out),
        SHALE_LIMIT);
    assert_int_equal(shale_encoder_compress(encoder, SHALE_CODEC_ZSTD, 0, "", SIZE_MAX, &out),
                     SHALE_LIMIT);
    assert_int_equal(out.n_bytes, 0);
    shale_buf_fini(&out);
    shale_encoder_free(encoder);
}

static void test_versions_name_every_library(void **state)
{
    static const char *const names[] = {"libdeflate ", "ISA-L ", "zstd ", "snappy "};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(strstr(shale_codec_versions(), names[i]));
    assert_non_null(strstr(shale_codec_versions(), ZSTD_versionString()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_same_input_same_output),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_the_cap_holds),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_too_many_bytes),
        cmocka_unit_test(test_versions_name_every_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
