/* SPDX-License-Identifier: MIT */
/* parquet/rle: what is written is read back by a decoder made after Encodings.md, and short runs
 * and long ones are what they should be. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_runs_come_back),
        cmocka_unit_test(test_runs_are_rle_from_eight_on),
        cmocka_unit_test(test_says_when_there_is_no_room),
        cmocka_unit_test(test_bit_widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
