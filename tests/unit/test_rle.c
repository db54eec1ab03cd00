/* SPDX-License-Identifier: MIT */
/* parquet/rle: what is written is read back by a decoder made after Encodings.md and by our own,
 * and short runs and long ones are what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/rle.h"
#include "scratch.h"

enum { MOST = 3000 };

struct decoder {
    const uint8_t *at, *end;
    unsigned bit_width;
    uint32_t values[MOST + 8];
    size_t n, n_runs, n_packed;
};

static uint64_t read_varint(struct decoder *decoder)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;
        assert_true(decoder->at < decoder->end);
        byte = *decoder->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

static uint32_t read_bits(const uint8_t *from, size_t bit, unsigned n)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n; i++)
        value |= (uint32_t)(from[(bit + i) / 8] >> ((bit + i) % 8) & 1) << i;
    return value;
}

static void read_packed(struct decoder *decoder, size_t n)
{
    decoder->n_packed++;
    assert_true(decoder->at + n * decoder->bit_width / 8 <= decoder->end);
    assert_true(decoder->n + n <= MOST + 8);
    for (size_t i = 0; i < n; i++)
        decoder->values[decoder->n++] =
            read_bits(decoder->at, i * decoder->bit_width, decoder->bit_width);
    decoder->at += n * decoder->bit_width / 8;
}

static void read_run(struct decoder *decoder, size_t n)
{
    unsigned n_bytes = (decoder->bit_width + 7) / 8;
    uint32_t value = read_bits(decoder->at, 0, n_bytes * 8);
    decoder->n_runs++;
    decoder->at += n_bytes;
    assert_true(decoder->at <= decoder->end);
    assert_true(n >= 8 && decoder->n + n <= MOST);
    while (n-- > 0)
        decoder->values[decoder->n++] = value;
}

static void decode(struct decoder *decoder, const struct shale_buf *bytes, unsigned bit_width)
{
    *decoder = (struct decoder){.at = (const uint8_t *)bytes->data,
                                .end = (const uint8_t *)bytes->data + bytes->n_bytes,
                                .bit_width = bit_width};
    while (decoder->at < decoder->end) {
        uint64_t header = read_varint(decoder);
        if (header & 1)
            read_packed(decoder, (size_t)(header >> 1) * 8);
        else
            read_run(decoder, (size_t)(header >> 1));
    }
}

/* The reader's turn: in pieces, some of them skipped, in blocks of exactly the size. */
static void read_back(const uint32_t *values, size_t n, unsigned bit_width,
                      const struct shale_buf *bytes, size_t piece)
{
    struct shale_rle_reader reader;
    char *copy = malloc(bytes->n_bytes + 1);
    uint32_t *some = malloc((piece + 1) * sizeof(*some)), value;
    uint8_t *small = malloc(piece + 1);
    bool same;
    size_t left;
    assert_true(copy != NULL && some != NULL && small != NULL);
    if (bytes->n_bytes > 0)
        memcpy(copy + 1, bytes->data, bytes->n_bytes);
    shale_rle_reader_init(&reader, (struct shale_str){copy + 1, bytes->n_bytes}, bit_width);
    for (size_t i = 0; i < n; i += piece) {
        size_t k = n - i < piece ? n - i : piece;
        assert_true(shale_rle_run(&reader, &left, &same, &value));
        assert_true(left > 0 && (!same || value == values[i]));
        if (i / piece % 5 == 4) {
            assert_true(shale_rle_skip(&reader, k));
        } else if (bit_width <= 8 && i / piece % 2 == 1) {
            assert_true(shale_rle_read_u8(&reader, small, k));
            for (size_t j = 0; j < k; j++)
                assert_int_equal(small[j], values[i + j]);
        } else {
            assert_true(shale_rle_read_u32(&reader, some, k));
            assert_memory_equal(some, values + i, k * sizeof(*some));
        }
    }
    assert_false(shale_rle_skip(&reader, 8));
    assert_false(shale_rle_read_u32(&reader, some, 1));
    free(copy);
    free(some);
    free(small);
}

static void check(const uint32_t *values, size_t n, unsigned bit_width, struct decoder *decoder)
{
    struct shale_buf out;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_rle_indexes(&out, values, n, bit_width), SHALE_OK);
    decode(decoder, &out, bit_width);
    assert_in_range(decoder->n, n, n + 7); /* the last group is filled with zeros */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(decoder->values[i], values[i]);
    for (size_t i = n; i < decoder->n; i++)
        assert_int_equal(decoder->values[i], 0);
    read_back(values, n, bit_width, &out, 1 + n / 7);
    read_back(values, n, bit_width, &out, 13);
    if (bit_width <= 8) {
        uint8_t levels[MOST];
        struct shale_buf same;
        for (size_t i = 0; i < n; i++)
            levels[i] = (uint8_t)values[i];
        shale_buf_init(&same, &shale_mem_libc, 1 << 20);
        assert_int_equal(shale_rle_levels(&same, levels, n, bit_width), SHALE_OK);
        assert_int_equal(same.n_bytes, out.n_bytes);
        if (out.n_bytes > 0)
            assert_memory_equal(same.data, out.data, out.n_bytes);
        shale_buf_fini(&same);
    }
    shale_buf_fini(&out);
}

static void test_random_runs_come_back(void **state)
{
    uint32_t *values = malloc(MOST * sizeof(*values));
    struct decoder *decoder = malloc(sizeof(*decoder));
    uint64_t seed = 1;
    (void)state;
    assert_non_null(values);
    assert_non_null(decoder);
    for (unsigned width = 1; width <= 32; width++) {
        for (int round = 0; round < 40; round++) {
            size_t n = (size_t)(scratch_random(&seed) >> 33) % MOST, i = 0;
            uint64_t longest = 1 + (scratch_random(&seed) >> 40) % 40;
            while (i < n) {
                uint64_t run = 1 + (scratch_random(&seed) >> 40) % longest;
                uint32_t value = (uint32_t)(scratch_random(&seed) >> 20) >> (32 - width);
                for (; run > 0 && i < n; run--)
                    values[i++] = value;
            }
            check(values, n, width, decoder);
        }
    }
    free(values);
    free(decoder);
}

static void test_runs_are_rle_from_eight_on(void **state)
{
    uint32_t values[MOST] = {0};
    struct decoder decoder;
    (void)state;
    check(values, 7, 1, &decoder);
    assert_int_equal(decoder.n_runs, 0);
    check(values, 8, 1, &decoder);
    assert_int_equal(decoder.n_runs, 1);
    assert_int_equal(decoder.n_packed, 0);
    values[3] = 1; /* 0 0 0 1, then zeros: four of them fill the group */
    check(values, 4 + 4 + 7, 1, &decoder);
    assert_int_equal(decoder.n_runs, 0);
    check(values, 4 + 4 + 8, 1, &decoder);
    assert_int_equal(decoder.n_runs, 1);
    assert_int_equal(decoder.n_packed, 1);
    values[3] = 0;
    check(values, MOST, 3, &decoder);
    assert_int_equal(decoder.n_runs, 1);
}

static void test_says_when_there_is_no_room(void **state)
{
    struct failing_mem failing;
    struct shale_buf out;
    uint32_t values[100] = {0};
    (void)state;
    failing_mem_init(&failing, 1);
    shale_buf_init(&out, &failing.mem, 1000);
    assert_int_equal(shale_rle_indexes(&out, values, 100, 8), SHALE_NOMEM);
    assert_int_equal(shale_rle_indexes(&out, values, SIZE_MAX / 2, 8), SHALE_LIMIT);
    assert_int_equal(out.n_bytes, 0);
    shale_buf_fini(&out);
}

static void test_bit_widths(void **state)
{
    (void)state;
    assert_int_equal(shale_bit_width(0), 0);
    assert_int_equal(shale_bit_width(1), 1);
    assert_int_equal(shale_bit_width(3), 2);
    assert_int_equal(shale_bit_width(4), 3);
    assert_int_equal(shale_bit_width(UINT32_MAX), 32);
}

static bool reads(const char *bytes, size_t n_bytes, unsigned bit_width, uint32_t *out, size_t n)
{
    struct shale_rle_reader reader;
    shale_rle_reader_init(&reader, (struct shale_str){bytes, n_bytes}, bit_width);
    return shale_rle_read_u32(&reader, out, n);
}

static void test_example_of_the_format(void **state)
{
    uint32_t out[8];
    (void)state;
    assert_true(reads("\x03\x88\xc6\xfa", 4, 3, out, 8));
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(out[i], i);
}

static void test_what_is_no_runs(void **state)
{
    uint32_t out[1000];
    (void)state;
    assert_false(reads("", 0, 1, out, 1));
    assert_true(reads("", 0, 0, out, 1000)); /* no bits: zeros without end */
    assert_int_equal(out[999], 0);
    assert_false(reads("\x80", 1, 1, out, 1));
    assert_false(reads("\x04", 1, 1, out, 1)); /* a run without its value */
    assert_false(reads("\x04\x01\x02", 3, 9, out, 3));
    assert_true(reads("\x04\x01\x02", 3, 9, out, 2));
    assert_int_equal(out[1], 0x201);
    assert_false(reads("\x00\x01\x00\x01", 4, 1, out, 1)); /* runs of nothing */
    assert_true(reads("\x00\x01\x02\x01", 4, 1, out, 1));
    assert_false(reads("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 1, out, 1));
    /* 2^62 - 1 groups are said, 24 values of three bits are there, and a cut one's three bits */
    assert_true(reads("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
                      "123",
                      12, 3, out, 8));
    assert_false(reads("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
                       "123",
                       12, 3, out, 9));
    assert_true(reads("\x05"
                      "12",
                      3, 3, out, 5));
    assert_false(reads("\x05"
                       "12",
                       3, 3, out, 6));
}

static void test_cuts_prefixed_runs(void **state)
{
    struct shale_str bytes = {"\2\0\0\0abcde", 9}, runs;
    (void)state;
    assert_true(shale_rle_cut(&bytes, &runs));
    assert_true(shale_str_is(runs, "ab"));
    assert_true(shale_str_is(bytes, "cde"));
    assert_false(shale_rle_cut(&bytes, &runs));
    bytes = (struct shale_str){"\3\0\0\0ab", 6};
    assert_false(shale_rle_cut(&bytes, &runs));
    assert_int_equal(bytes.n_bytes, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_runs_come_back),
        cmocka_unit_test(test_runs_are_rle_from_eight_on),
        cmocka_unit_test(test_says_when_there_is_no_room),
        cmocka_unit_test(test_bit_widths),
        cmocka_unit_test(test_example_of_the_format),
        cmocka_unit_test(test_what_is_no_runs),
        cmocka_unit_test(test_cuts_prefixed_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
