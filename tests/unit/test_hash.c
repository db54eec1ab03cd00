/* SPDX-License-Identifier: MIT */
/* base/hash: depends on every bit, the length and the seed, not on the address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"

static void test_depends_on_every_bit_and_the_length(void **state)
{
    unsigned char data[100], copy[101];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 31);
    for (size_t n = 0; n <= sizeof data; n++) {
        const uint64_t hash = shale_hash(data, n, 1);
        memcpy(copy + 1, data, n);
        assert_int_equal(shale_hash(copy + 1, n, 1), hash);
        assert_int_not_equal(shale_hash(data, n, 2), hash);
        if (n > 0)
            assert_int_not_equal(shale_hash(data, n - 1, 1), hash);
        for (size_t bit = 0; bit < n * 8; bit++) {
            copy[1 + bit / 8] = (unsigned char)(copy[1 + bit / 8] ^ 1u << bit % 8);
            assert_int_not_equal(shale_hash(copy + 1, n, 1), hash);
            copy[1 + bit / 8] = (unsigned char)(copy[1 + bit / 8] ^ 1u << bit % 8);
        }
    }
    assert_int_equal(shale_hash(NULL, 0, 5), shale_hash("", 0, 5));
    assert_int_not_equal(shale_hash("\0\0", 1, 0), shale_hash("\0\0", 2, 0));
}

/* 64 Ki integers in 64 Ki places: at random, 41,427 are used. */
static void places_are_spread(uint64_t (*hash)(uint64_t), unsigned shift)
{
    static unsigned char used[1 << 16];
    size_t n_used = 0;
    memset(used, 0, sizeof used);
    for (uint64_t i = 0; i < 1 << 16; i++) {
        unsigned char *place = &used[hash(i) >> shift & 0xffff];
        n_used += *place == 0;
        *place = 1;
    }
    assert_true(n_used > 40000);
}

static uint64_t of_bytes(uint64_t i)
{
    return shale_hash(&i, sizeof i, 0);
}

static uint64_t of_integer(uint64_t i)
{
    return shale_hash_u64(i << 32, 3);
}

static void test_spreads_low_and_high_bits(void **state)
{
    (void)state;
    places_are_spread(of_bytes, 0);
    places_are_spread(of_bytes, 48);
    places_are_spread(of_integer, 0);
    places_are_spread(of_integer, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depends_on_every_bit_and_the_length),
        cmocka_unit_test(test_spreads_low_and_high_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
