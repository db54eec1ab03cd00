/* SPDX-License-Identifier: MIT */
/* parquet/delta: the examples of Encodings.md, and whatever is written is read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/bitpack.h"
#include "parquet/delta.h"
#include "scratch.h"

enum { MOST = 3000, CAP = 16 << 20 };

static struct shale_str text(const char *data)
{
    return shale_str_of(data);
}

/* ---- Numbers -----------------------------------------------------------------------------------
 */

static void expect_bytes(const struct shale_buf *out, const void *expected, size_t n)
{
    assert_int_equal(out->n_bytes, n);
    assert_memory_equal(out->data, expected, n);
}

static void test_examples_of_the_format(void **state)
{
    static const int64_t counting[] = {1, 2, 3, 4, 5};
    static const int32_t down_and_up[] = {7, 5, 3, 1, 2, 3, 4, 5};
    static const uint8_t counted[] = {0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0};
    static const uint8_t packed[] = {0x80, 1,    4,    8, 14, 3, 2, 0, 0,
                                     0,    0xc0, 0x3f, 0, 0,  0, 0, 0, 0};
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    assert_int_equal(shale_delta_i64(&out, counting, 5), SHALE_OK);
    expect_bytes(&out, counted, sizeof(counted));
    shale_buf_reset(&out);
    assert_int_equal(shale_delta_i32(&out, down_and_up, 8), SHALE_OK);
    expect_bytes(&out, packed, sizeof(packed));
    shale_buf_fini(&out);
}

/* Read 'n' values in pieces of 'piece' and compare; what follows the values must be "rest". */
static void read_i64(struct shale_str bytes, const int64_t *values, size_t n, size_t piece)
{
    struct shale_delta_reader reader;
    int64_t *some = malloc((n + 1) * sizeof(*some));
    uint64_t n_said;
    assert_non_null(some);
    assert_int_equal(shale_delta_open(&reader, bytes, n, &n_said), SHALE_OK);
    assert_int_equal(n_said, n);
    for (size_t i = 0; i < n; i += piece)
        assert_true(shale_delta_read_i64(&reader, some + i, n - i < piece ? n - i : piece));
    if (n > 0)
        assert_memory_equal(some, values, n * sizeof(*some));
    assert_false(shale_delta_read_i64(&reader, some, 1));
    assert_true(shale_str_is(shale_delta_rest(&reader), "rest"));
    free(some);
}

static void read_i32(struct shale_str bytes, const int32_t *values, size_t n, size_t piece)
{
    struct shale_delta_reader reader;
    int32_t *some = malloc((n + 1) * sizeof(*some));
    uint64_t n_said;
    assert_non_null(some);
    assert_int_equal(shale_delta_open(&reader, bytes, n, &n_said), SHALE_OK);
    for (size_t i = 0; i < n; i += piece)
        assert_true(shale_delta_read_i32(&reader, some + i, n - i < piece ? n - i : piece));
    if (n > 0)
        assert_memory_equal(some, values, n * sizeof(*some));
    assert_true(shale_str_is(shale_delta_rest(&reader), "rest"));
    free(some);
}

static void test_random_numbers_come_back(void **state)
{
    static int64_t wide[MOST];
    static int32_t narrow[MOST];
    struct shale_buf out;
    uint64_t seed = 7;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    for (unsigned bits = 0; bits <= 64; bits++) {
        for (size_t round = 0; round < 12; round++) {
            size_t n = round < 3 ? round : (size_t)(scratch_random(&seed) >> 33) % MOST;
            size_t piece = 1 + (size_t)(scratch_random(&seed) >> 33) % 700;
            for (size_t i = 0; i < n; i++) {
                uint64_t value = bits == 0 ? 5 : scratch_random(&seed) >> (64 - bits);
                wide[i] = (int64_t)value;
                narrow[i] = (int32_t)(uint32_t)value;
            }
            shale_buf_reset(&out);
            assert_int_equal(shale_delta_i64(&out, wide, n), SHALE_OK);
            assert_int_equal(shale_buf_append_str(&out, text("rest")), SHALE_OK);
            read_i64(shale_buf_str(&out), wide, n, piece);
            shale_buf_reset(&out);
            assert_int_equal(shale_delta_i32(&out, narrow, n), SHALE_OK);
            assert_int_equal(shale_buf_append_str(&out, text("rest")), SHALE_OK);
            read_i32(shale_buf_str(&out), narrow, n, piece);
        }
    }
    shale_buf_fini(&out);
}

static void test_widths_of_int32_fit_32_bits(void **state)
{
    static const int32_t values[] = {INT32_MIN, INT32_MAX, INT32_MIN, 0, INT32_MAX, -1};
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    assert_int_equal(shale_delta_i32(&out, values, 6), SHALE_OK);
    assert_int_equal(shale_buf_append_str(&out, text("rest")), SHALE_OK);
    read_i32(shale_buf_str(&out), values, 6, 6);
    /* header 4 + first 5, least 5: then the widths */
    assert_in_range((uint8_t)out.data[9 + 5], 1, 32);
    shale_buf_fini(&out);
}

/* Blocks of 256 values in two miniblocks, as another writer may make them; arbitrary widths where
 * no values are. */
static void test_other_block_sizes(void **state)
{
    uint8_t bytes[64] = {0x80, 2, 2, 40, 0, /* 256, 2, 40 values, first 0 */
                         2,    3, 99};      /* least 1, widths 3 and a wrong one, without values */
    struct shale_delta_reader reader;
    int64_t values[40];
    uint64_t n;
    (void)state;
    for (size_t i = 8; i < 8 + 48; i++)
        bytes[i] = 0; /* 128 values of 3 bits */
    bytes[8] = 7;
    assert_int_equal(
        shale_delta_open(&reader, (struct shale_str){(char *)bytes, sizeof(bytes)}, 40, &n),
        SHALE_OK);
    assert_true(shale_delta_read_i64(&reader, values, 40));
    assert_int_equal(values[1], 8);
    assert_int_equal(values[39], 46);
    assert_int_equal(shale_delta_rest(&reader).n_bytes, sizeof(bytes) - 56);
}

static void test_bad_headers(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t n_bytes;
    } bad[] = {
        {{0}, 0},
        {{0x80}, 1},
        {{0x80, 1, 4}, 3},
        {{0x80, 1, 4, 5}, 4},     /* no first value */
        {{0x80, 1, 4, 11, 2}, 5}, /* more than the page has */
        {{0, 4, 5, 2}, 4},        /* blocks of 0 */
        {{0x81, 1, 4, 5, 2}, 5},  /* of 129 */
        {{0x80, 1, 0, 5, 2}, 5},  /* no miniblocks */
        {{0x80, 1, 3, 5, 2}, 5},  /* three */
        {{0x80, 1, 8, 5, 2}, 5},  /* of 16 values */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2, 1, 5, 2}, 13},
        {{0x80, 0x80, 0x80, 0x80, 0x10, 1, 5, 2}, 8}, /* blocks of 2^32 */
    };
    struct shale_delta_reader reader;
    uint64_t n;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            shale_delta_open(
                &reader, (struct shale_str){(const char *)bad[i].bytes, bad[i].n_bytes}, 10, &n),
            SHALE_CORRUPT);
}

/* Any shorter input fails or gives the same: in a block of its own, so that sanitizers see a byte
 * too many. */
static void test_cut_anywhere(void **state)
{
    int64_t values[300], some[300];
    struct shale_buf out;
    uint64_t seed = 3, n;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    for (size_t i = 0; i < 300; i++)
        values[i] = (int64_t)(scratch_random(&seed) >> (i % 64));
    assert_int_equal(shale_delta_i64(&out, values, 300), SHALE_OK);
    for (size_t length = 0; length < out.n_bytes; length++) {
        struct shale_delta_reader reader;
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy + 1, out.data, length);
        if (shale_delta_open(&reader, (struct shale_str){copy + 1, length}, 300, &n) == SHALE_OK &&
            shale_delta_read_i64(&reader, some, 300))
            assert_memory_equal(some, values, sizeof(values));
        free(copy);
    }
    shale_buf_fini(&out);
}

/* ---- Texts --------------------------------------------------------------------------------------
 */

static void append_plain(struct shale_buf *plain, const void *data, size_t n_bytes)
{
    uint32_t length = (uint32_t)n_bytes;
    assert_int_equal(shale_buf_append(plain, &length, sizeof(length)), SHALE_OK);
    assert_int_equal(shale_buf_append(plain, data, n_bytes), SHALE_OK);
}

static void test_examples_of_texts(void **state)
{
    static const char *const hello[] = {"Hello", "World", "Foobar", "ABCDEF"};
    static const char *const axis[] = {"axis", "axle", "babble", "babyhood"};
    struct shale_buf out, plain, scratch;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    shale_buf_init(&plain, &shale_mem_libc, CAP);
    shale_buf_init(&scratch, &shale_mem_libc, CAP);
    for (size_t i = 0; i < 4; i++)
        append_plain(&plain, hello[i], strlen(hello[i]));
    assert_int_equal(shale_delta_lengths(&out, shale_buf_str(&plain), 4, &scratch), SHALE_OK);
    assert_int_equal(out.n_bytes, 5 + 5 + 4 + 22); /* 0 1 0 in one bit each: 32 of them */
    assert_memory_equal(out.data + 14, "HelloWorldFoobarABCDEF", 22);
    shale_buf_reset(&out);
    shale_buf_reset(&plain);
    for (size_t i = 0; i < 4; i++)
        append_plain(&plain, axis[i], strlen(axis[i]));
    assert_int_equal(shale_delta_prefixes(&out, shale_buf_str(&plain), 0, 4, &scratch), SHALE_OK);
    assert_memory_equal(out.data + out.n_bytes - 17, "axislebabbleyhood", 17);
    shale_buf_fini(&out);
    shale_buf_fini(&plain);
    shale_buf_fini(&scratch);
}

struct texts {
    struct shale_buf plain, data;
    int32_t ends[MOST];
    size_t n;
};

static void make_texts(struct texts *texts, size_t n, size_t width, uint64_t *seed)
{
    char value[64] = {0};
    shale_buf_reset(&texts->plain);
    shale_buf_reset(&texts->data);
    texts->n = n;
    for (size_t i = 0; i < n; i++) {
        size_t length = width > 0 ? width : (size_t)(scratch_random(seed) >> 33) % 40;
        size_t keep = (size_t)(scratch_random(seed) >> 33) % 40;
        for (size_t k = keep; k < length; k++)
            value[k] = (char)(scratch_random(seed) >> 50);
        if (width > 0)
            assert_int_equal(shale_buf_append(&texts->plain, value, width), SHALE_OK);
        else
            append_plain(&texts->plain, value, length);
        assert_int_equal(shale_buf_append(&texts->data, value, length), SHALE_OK);
        texts->ends[i] = (int32_t)texts->data.n_bytes;
    }
}

static void read_texts(const struct texts *texts, struct shale_str bytes, bool prefixes,
                       size_t width, size_t piece, const struct shale_mem *mem)
{
    static int32_t ends[MOST];
    struct shale_delta_strings strings;
    struct shale_buf data, scratch;
    uint64_t n;
    size_t half = texts->n / 2;
    shale_buf_init(&data, mem, CAP);
    shale_buf_init(&scratch, mem, CAP);
    assert_int_equal(shale_delta_strings_open(&strings, mem, bytes, prefixes, texts->n, &n),
                     SHALE_OK);
    assert_int_equal(n, texts->n);
    for (size_t i = 0; i < texts->n; i += piece)
        assert_int_equal(shale_delta_strings_read(&strings, width,
                                                  texts->n - i < piece ? texts->n - i : piece,
                                                  &data, ends + i),
                         SHALE_OK);
    assert_int_equal(data.n_bytes, texts->data.n_bytes);
    if (data.n_bytes > 0)
        assert_memory_equal(data.data, texts->data.data, data.n_bytes);
    assert_memory_equal(ends, texts->ends, texts->n * sizeof(*ends));
    assert_int_equal(shale_delta_strings_read(&strings, width, 1, &data, ends), SHALE_CORRUPT);
    shale_delta_strings_fini(&strings);
    /* Skipping leaves what a prefix needs. */
    shale_buf_reset(&data);
    assert_int_equal(shale_delta_strings_open(&strings, mem, bytes, prefixes, texts->n, &n),
                     SHALE_OK);
    assert_int_equal(shale_delta_strings_skip(&strings, half, &scratch), SHALE_OK);
    assert_int_equal(shale_delta_strings_read(&strings, width, texts->n - half, &data, ends),
                     SHALE_OK);
    if (half > 0)
        assert_memory_equal(data.data, texts->data.data + texts->ends[half - 1], data.n_bytes);
    shale_delta_strings_fini(&strings);
    shale_buf_fini(&data);
    shale_buf_fini(&scratch);
}

static void test_random_texts_come_back(void **state)
{
    static struct texts texts;
    static const size_t widths[] = {0, 0, 0, 1, 5, 16};
    struct shale_buf out, scratch;
    uint64_t seed = 11;
    (void)state;
    shale_buf_init(&texts.plain, &shale_mem_libc, CAP);
    shale_buf_init(&texts.data, &shale_mem_libc, CAP);
    shale_buf_init(&out, &shale_mem_libc, CAP);
    shale_buf_init(&scratch, &shale_mem_libc, CAP);
    for (size_t round = 0; round < 60; round++) {
        size_t width = widths[round % 6];
        size_t n = round < 4 ? round : (size_t)(scratch_random(&seed) >> 33) % MOST;
        size_t piece = 1 + (size_t)(scratch_random(&seed) >> 33) % 700;
        make_texts(&texts, n, width, &seed);
        shale_buf_reset(&out);
        assert_int_equal(
            shale_delta_prefixes(&out, shale_buf_str(&texts.plain), width, n, &scratch), SHALE_OK);
        read_texts(&texts, shale_buf_str(&out), true, width, piece, &shale_mem_libc);
        if (width > 0)
            continue;
        shale_buf_reset(&out);
        assert_int_equal(shale_delta_lengths(&out, shale_buf_str(&texts.plain), n, &scratch),
                         SHALE_OK);
        read_texts(&texts, shale_buf_str(&out), false, 0, piece, &shale_mem_libc);
    }
    shale_buf_fini(&texts.plain);
    shale_buf_fini(&texts.data);
    shale_buf_fini(&out);
    shale_buf_fini(&scratch);
}

static enum shale_status open_and_read(const struct shale_mem *mem, struct shale_str bytes,
                                       bool prefixes, size_t width, size_t n_wanted, size_t cap)
{
    static int32_t ends[MOST];
    struct shale_delta_strings strings;
    struct shale_buf data;
    uint64_t n;
    enum shale_status status;
    shale_buf_init(&data, mem, cap);
    status = shale_delta_strings_open(&strings, mem, bytes, prefixes, MOST, &n);
    if (status == SHALE_OK)
        status = shale_delta_strings_read(&strings, width, n_wanted, &data, ends);
    shale_delta_strings_fini(&strings);
    shale_buf_fini(&data);
    return status;
}

/* Numbers as they are wanted, also wrong ones, then 'bytes'. */
static void put_numbers(struct shale_buf *out, const int32_t *numbers, size_t n)
{
    assert_int_equal(shale_delta_i32(out, numbers, n), SHALE_OK);
}

static void test_lengths_that_lie(void **state)
{
    static const int32_t zero_three[] = {0, 3}, two_two[] = {2, 2}, minus[] = {2, -1};
    static const int32_t large[] = {2, INT32_MAX};
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    put_numbers(&out, zero_three, 2); /* a prefix longer than the value before */
    put_numbers(&out, two_two, 2);
    assert_int_equal(shale_buf_append_str(&out, text("abcd")), SHALE_OK);
    assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), true, 0, 1, CAP),
                     SHALE_OK);
    assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), true, 3, 1, CAP),
                     SHALE_CORRUPT);
    assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), true, 0, 2, CAP),
                     SHALE_CORRUPT);
    for (size_t i = 0; i < 3; i++) {
        static const int32_t *const lengths[] = {two_two, minus, large};
        shale_buf_reset(&out);
        put_numbers(&out, lengths[i], 2);
        assert_int_equal(shale_buf_append_str(&out, text("abc")), SHALE_OK);
        assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), false, 0, 2, CAP),
                         SHALE_CORRUPT);
        assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), false, 1, 1, CAP),
                         SHALE_CORRUPT);
    }
    shale_buf_reset(&out);
    put_numbers(&out, two_two, 1);
    put_numbers(&out, two_two, 2);
    assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), true, 0, 0, CAP),
                     SHALE_CORRUPT);
    shale_buf_fini(&out);
}

static void test_memory(void **state)
{
    static int32_t prefixes[MOST], lengths[MOST];
    struct shale_buf out;
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, CAP);
    for (size_t i = 1; i < MOST; i++)
        prefixes[i] = 1000;
    lengths[0] = 1000;
    put_numbers(&out, prefixes, MOST);
    put_numbers(&out, lengths, MOST);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(shale_buf_append_str(&out, text("0123456789")), SHALE_OK);
    /* 1 KiB makes 3 MB: the cap holds */
    assert_int_equal(open_and_read(&shale_mem_libc, shale_buf_str(&out), true, 0, MOST, 1 << 20),
                     SHALE_LIMIT);
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        failing_mem_init(&failing, n);
        status = open_and_read(&failing.mem, shale_buf_str(&out), true, 1000, MOST, CAP);
        if (status != SHALE_OK)
            assert_int_equal(status, SHALE_NOMEM);
        assert_in_range(n, 1, 1000);
    }
    status = SHALE_NOMEM;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_buf to, scratch;
        failing_mem_init(&failing, n);
        shale_buf_init(&to, &failing.mem, CAP);
        shale_buf_init(&scratch, &failing.mem, CAP);
        status = shale_delta_prefixes(&to, shale_buf_str(&out), 4, out.n_bytes / 4, &scratch);
        if (status != SHALE_OK)
            assert_int_equal(status, SHALE_NOMEM);
        shale_buf_fini(&to);
        shale_buf_fini(&scratch);
        assert_in_range(n, 1, 1000);
    }
    shale_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_format),
        cmocka_unit_test(test_random_numbers_come_back),
        cmocka_unit_test(test_widths_of_int32_fit_32_bits),
        cmocka_unit_test(test_other_block_sizes),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_examples_of_texts),
        cmocka_unit_test(test_random_texts_come_back),
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
