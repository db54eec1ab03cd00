/* SPDX-License-Identifier: MIT */
/* parquet/split: the example of Encodings.md, and all widths there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/split.h"
#include "scratch.h"

static void test_example_of_the_format(void **state)
{
    static const uint8_t values[] = {0xaa, 0xbb, 0xcc, 0xdd, 0x00, 0x11,
                                     0x22, 0x33, 0xa3, 0xb4, 0xc5, 0xd6};
    static const uint8_t split[] = {0xaa, 0x00, 0xa3, 0xbb, 0x11, 0xb4,
                                    0xcc, 0x22, 0xc5, 0xdd, 0x33, 0xd6};
    uint8_t out[12];
    (void)state;
    shale_split_write(values, 4, 3, out);
    assert_memory_equal(out, split, 12);
    assert_true(shale_split_read((struct shale_str){(const char *)split, 12}, 4, 0, 3, out));
    assert_memory_equal(out, values, 12);
}

static void test_all_widths(void **state)
{
    uint64_t seed = 5;
    (void)state;
    for (size_t width = 1; width <= 40; width++) {
        const size_t n = 1 + (size_t)(scratch_random(&seed) >> 33) % 300, n_bytes = n * width;
        char *values = malloc(n_bytes), *split = malloc(n_bytes), *back = malloc(n_bytes);
        const size_t first = n / 3;
        assert_true(values != NULL && split != NULL && back != NULL);
        for (size_t i = 0; i < n_bytes; i++)
            values[i] = (char)(scratch_random(&seed) >> 40);
        shale_split_write(values, width, n, split);
        assert_true(shale_split_read((struct shale_str){split, n_bytes}, width, 0, n, back));
        assert_memory_equal(back, values, n_bytes);
        assert_true(
            shale_split_read((struct shale_str){split, n_bytes}, width, first, n - first, back));
        assert_memory_equal(back, values + first * width, n_bytes - first * width);
        assert_false(shale_split_read((struct shale_str){split, n_bytes}, width, first, n, back) &&
                     first > 0);
        free(values);
        free(split);
        free(back);
    }
}

static void test_what_does_not_fit(void **state)
{
    char out[8];
    (void)state;
    assert_false(shale_split_read((struct shale_str){"1234567", 7}, 4, 0, 1, out));
    assert_false(shale_split_read((struct shale_str){"12345678", 8}, 4, 0, 3, out));
    assert_false(shale_split_read((struct shale_str){"12345678", 8}, 4, 3, 0, out));
    assert_false(shale_split_read((struct shale_str){"12345678", 8}, 0, 0, 1, out));
    assert_false(shale_split_read((struct shale_str){"12345678", 8}, 4, 1, SIZE_MAX, out));
    assert_true(shale_split_read((struct shale_str){"", 0}, 4, 0, 0, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example_of_the_format),
        cmocka_unit_test(test_all_widths),
        cmocka_unit_test(test_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
