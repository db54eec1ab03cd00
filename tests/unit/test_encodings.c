/* SPDX-License-Identifier: MIT */
/* parquet/encodings: what is chosen for values whose nature is plain to see, and that it can be
 * read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/delta.h"
#include "parquet/encodings.h"
#include "parquet/rle.h"
#include "parquet/split.h"
#include "scratch.h"

enum { N = 20000, CAP = 64 << 20 };

struct bench {
    struct shale_page_maker maker;
    struct shale_encodings encodings;
    struct shale_buf plain, out;
    struct shale_leaf leaf;
};

static void begin(struct bench *bench, const struct shale_mem *mem, enum shale_kind kind,
                  enum shale_codec codec)
{
    const struct shale_type type = {.kind = kind};
    shale_page_maker_init(&bench->maker, mem);
    shale_encodings_init(&bench->encodings, mem);
    shale_buf_init(&bench->plain, &shale_mem_libc, CAP);
    shale_buf_init(&bench->out, mem, CAP);
    bench->encodings.maker = &bench->maker;
    bench->encodings.codec = codec;
    bench->encodings.level = 1;
    bench->leaf = shale_leaf_of(&type);
}

static void end(struct bench *bench)
{
    shale_page_maker_fini(&bench->maker);
    shale_encodings_fini(&bench->encodings);
    shale_buf_fini(&bench->plain);
    shale_buf_fini(&bench->out);
}

static void put(struct bench *bench, const void *data, size_t n_bytes)
{
    assert_int_equal(shale_buf_append(&bench->plain, data, n_bytes), SHALE_OK);
}

static void put_text(struct bench *bench, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    put(bench, &length, sizeof(length));
    put(bench, text, length);
}

static enum shale_encoding choose(struct bench *bench, size_t n)
{
    const struct shale_encodings_values values = {&bench->leaf, shale_buf_str(&bench->plain), n};
    enum shale_encoding encoding;
    assert_int_equal(shale_encodings_choose(&bench->encodings, &values, &encoding, NULL), SHALE_OK);
    assert_int_equal(shale_encodings_put(&bench->encodings, &values, encoding, &bench->out),
                     SHALE_OK);
    return encoding;
}

static void test_numbers_that_count(void **state)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_SNAPPY,
                                              SHALE_CODEC_ZSTD};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct bench bench;
        static int64_t back[N];
        struct shale_delta_reader reader;
        uint64_t seed = 1, n;
        int64_t value = 1700000000000000;
        begin(&bench, &shale_mem_libc, SHALE_INT64, codecs[c]);
        for (size_t i = 0; i < N; i++) {
            value += (int64_t)(scratch_random(&seed) >> 44);
            put(&bench, &value, sizeof(value));
        }
        assert_int_equal(choose(&bench, N), SHALE_ENCODING_DELTA_BINARY_PACKED);
        assert_int_equal(shale_delta_open(&reader, shale_buf_str(&bench.out), N, &n), SHALE_OK);
        assert_true(shale_delta_read_i64(&reader, back, N));
        assert_memory_equal(back, bench.plain.data, sizeof(back));
        end(&bench);
    }
}

static void test_numbers_without_order_stay(void **state)
{
    struct bench bench;
    uint64_t seed = 1;
    (void)state;
    begin(&bench, &shale_mem_libc, SHALE_INT64, SHALE_CODEC_SNAPPY);
    for (size_t i = 0; i < N; i++) {
        uint64_t value = scratch_random(&seed) ^ scratch_random(&seed) << 32;
        put(&bench, &value, sizeof(value));
    }
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_PLAIN);
    assert_memory_equal(bench.out.data, bench.plain.data, bench.plain.n_bytes);
    end(&bench);
}

static void test_floats(void **state)
{
    struct bench bench;
    static double back[N];
    uint64_t seed = 1;
    (void)state;
    begin(&bench, &shale_mem_libc, SHALE_FLOAT64, SHALE_CODEC_ZSTD);
    for (size_t i = 0; i < N; i++) {
        double value = (double)(scratch_random(&seed) >> 11) / 1e15;
        put(&bench, &value, sizeof(value));
    }
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_BYTE_STREAM_SPLIT);
    assert_true(shale_split_read(shale_buf_str(&bench.out), 8, 0, N, back));
    assert_memory_equal(back, bench.plain.data, sizeof(back));
    end(&bench);
    begin(&bench, &shale_mem_libc, SHALE_FLOAT64, SHALE_CODEC_NONE); /* it gains nothing alone */
    put(&bench, back, sizeof(back));
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_PLAIN);
    end(&bench);
}

static void test_texts(void **state)
{
    struct bench bench;
    char text[100];
    uint64_t seed = 1;
    (void)state;
    begin(&bench, &shale_mem_libc, SHALE_STRING, SHALE_CODEC_NONE);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(text, sizeof(text), "arn:aws:iam::123456789012:role/%06zu", i);
        put_text(&bench, text);
    }
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_DELTA_BYTE_ARRAY);
    end(&bench);
    begin(&bench, &shale_mem_libc, SHALE_STRING, SHALE_CODEC_ZSTD);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(text, sizeof(text), "%016llx",
                       (unsigned long long)(scratch_random(&seed) >> 8));
        for (char *at = text; *at != 0; at++)
            *at = (char)(*at ^ (char)(scratch_random(&seed) >> 60));
        put_text(&bench, text);
    }
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY);
    end(&bench);
}

/* One value larger than all that is looked at. */
static void test_a_long_text(void **state)
{
    struct bench bench;
    char *text = malloc(300001);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', 300000);
    text[300000] = 0;
    begin(&bench, &shale_mem_libc, SHALE_STRING, SHALE_CODEC_SNAPPY);
    put_text(&bench, text);
    (void)choose(&bench, 1);
    put_text(&bench, "");
    put_text(&bench, "y");
    (void)choose(&bench, 3);
    end(&bench);
    free(text);
}

static void test_booleans(void **state)
{
    struct bench bench;
    struct shale_str bytes, runs;
    struct shale_rle_reader reader;
    static uint8_t back[N];
    uint64_t seed = 1;
    (void)state;
    begin(&bench, &shale_mem_libc, SHALE_BOOL, SHALE_CODEC_NONE);
    for (size_t i = 0; i < N; i++)
        put(&bench, i / 1000 % 2 == 0 ? "\1" : "\0", 1);
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_RLE);
    bytes = shale_buf_str(&bench.out);
    assert_true(shale_rle_cut(&bytes, &runs));
    assert_int_equal(bytes.n_bytes, 0);
    shale_rle_reader_init(&reader, runs, 1);
    assert_true(shale_rle_read_u8(&reader, back, N));
    assert_memory_equal(back, bench.plain.data, N);
    shale_buf_reset(&bench.plain);
    shale_buf_reset(&bench.out);
    for (size_t i = 0; i < N; i++)
        put(&bench, scratch_random(&seed) >> 63 ? "\1" : "\0", 1);
    assert_int_equal(choose(&bench, N), SHALE_ENCODING_PLAIN);
    assert_int_equal(bench.out.n_bytes, N / 8);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(bench.out.data[i / 8] >> (i % 8) & 1, bench.plain.data[i]);
    end(&bench);
}

static void test_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct bench bench;
        struct shale_encodings_values values;
        enum shale_encoding encoding = SHALE_ENCODING_PLAIN;
        failing_mem_init(&failing, n);
        begin(&bench, &failing.mem, SHALE_STRING, SHALE_CODEC_SNAPPY);
        for (size_t i = 0; i < 1000; i++)
            put_text(&bench, i % 2 == 0 ? "one of them" : "one of the others");
        values = (struct shale_encodings_values){&bench.leaf, shale_buf_str(&bench.plain), 1000};
        status = shale_encodings_choose(&bench.encodings, &values, &encoding, NULL);
        if (status == SHALE_OK)
            status = shale_encodings_put(&bench.encodings, &values, encoding, &bench.out);
        if (status != SHALE_OK)
            assert_int_equal(status, SHALE_NOMEM);
        end(&bench);
        assert_in_range(n, 1, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_that_count),
        cmocka_unit_test(test_numbers_without_order_stay),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_a_long_text),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
