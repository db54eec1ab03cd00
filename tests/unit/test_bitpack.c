/* SPDX-License-Identifier: MIT */
/* parquet/bitpack: bit by bit, for all widths, from any value on, in blocks of exactly the size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/bitpack.h"
#include "scratch.h"

enum { MOST = 400 };

static uint64_t bits_of(const uint8_t *from, size_t bit, unsigned n)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++)
        value |= (uint64_t)(from[(bit + i) / 8] >> ((bit + i) % 8) & 1) << i;
    return value;
}

static void read_all(struct shale_str bytes, unsigned width, size_t skip, const uint64_t *values,
                     size_t n)
{
    static uint64_t wide[MOST];
    static uint32_t narrow[MOST];
    static uint8_t small[MOST];
    shale_bitpack_read_u64(bytes, width, skip, wide, n);
    assert_memory_equal(wide, values, n * sizeof(*wide));
    if (width <= 32)
        shale_bitpack_read_u32(bytes, width, skip, narrow, n);
    if (width <= 8)
        shale_bitpack_read_u8(bytes, width, skip, small, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(width > 32 || narrow[i] == values[i]);
        assert_true(width > 8 || small[i] == values[i]);
    }
}

static void test_all_widths(void **state)
{
    static uint64_t values[MOST];
    static uint32_t narrow[MOST];
    uint64_t seed = 9;
    (void)state;
    for (unsigned width = 0; width <= 64; width++) {
        for (size_t round = 0; round < 40; round++) {
            const size_t n = round < 20 ? round : (size_t)(scratch_random(&seed) >> 33) % MOST;
            const size_t n_bytes = shale_bitpack_bytes(n, width);
            const size_t skip = n == 0 ? 0 : (size_t)(scratch_random(&seed) >> 33) % n;
            uint8_t *bytes = malloc(n_bytes + 1), *same = malloc(n_bytes + 1);
            assert_true(bytes != NULL && same != NULL);
            for (size_t i = 0; i < n; i++) {
                uint64_t random = scratch_random(&seed) ^ scratch_random(&seed) >> 32;
                values[i] = width == 0 ? 0 : random >> (64 - width);
                narrow[i] = (uint32_t)values[i];
            }
            /* the first byte is left alone, so that the place is odd */
            assert_ptr_equal(shale_bitpack_write_u64(bytes + 1, values, n, width),
                             bytes + 1 + n_bytes);
            for (size_t i = 0; i < n; i++)
                assert_true(bits_of(bytes + 1, i * width, width) == values[i]);
            if (width <= 32) {
                assert_ptr_equal(shale_bitpack_write_u32(same, narrow, n, width), same + n_bytes);
                assert_memory_equal(same, bytes + 1, n_bytes);
            }
            read_all((struct shale_str){(char *)bytes + 1, n_bytes}, width, 0, values, n);
            read_all((struct shale_str){(char *)bytes + 1, n_bytes}, width, skip, values + skip,
                     n - skip);
            free(bytes);
            free(same);
        }
    }
}

/* The example of Encodings.md for the old order: 0 to 7 in three bits. */
static void test_old_levels(void **state)
{
    static const char bytes[] = {0x05, 0x39, 0x77};
    uint8_t out[8];
    (void)state;
    assert_true(shale_bitpack_read_levels((struct shale_str){bytes, 3}, 3, out, 8));
    for (uint8_t i = 0; i < 8; i++)
        assert_int_equal(out[i], i);
    assert_false(shale_bitpack_read_levels((struct shale_str){bytes, 2}, 3, out, 8));
    assert_true(shale_bitpack_read_levels((struct shale_str){bytes, 2}, 3, out, 5));
    assert_false(shale_bitpack_read_levels((struct shale_str){bytes, 3}, 3, out, SIZE_MAX));
    assert_true(shale_bitpack_read_levels((struct shale_str){"", 0}, 0, out, 8));
    assert_int_equal(out[7], 0);
    assert_true(shale_bitpack_read_levels((struct shale_str){bytes, 3}, 8, out, 3));
    assert_int_equal(out[1], 0x39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_widths),
        cmocka_unit_test(test_old_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
