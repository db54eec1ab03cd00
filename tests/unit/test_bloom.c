/* SPDX-License-Identifier: MIT */
/* parquet/bloom: known hashes, nothing that was put is missed, others are found as seldom as was
 * asked, whatever the size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "parquet/bloom.h"
#include "scratch.h"

/* The test vectors of the algorithm: xxHash64, seed 0. */
static void test_hash(void **state)
{
    (void)state;
    assert_true(shale_bloom_hash("", 0) == 0xef46db3751d8e999u);
    assert_true(shale_bloom_hash("a", 1) == 0xd24ec4f1a98c6e5bu);
    assert_true(shale_bloom_hash("abc", 3) == 0x44bc2cf5ad770999u);
}

static size_t fill(struct shale_bloom *bloom, size_t n, unsigned one_in, struct shale_str *filter)
{
    size_t n_found = 0;
    assert_int_equal(shale_bloom_begin(bloom), SHALE_OK);
    for (uint64_t i = 0; i < n; i++)
        shale_bloom_put(bloom, shale_bloom_hash(&i, sizeof(i)));
    *filter = shale_bloom_finish(bloom, one_in);
    for (uint64_t i = 0; i < n; i++)
        assert_true(
            shale_bloom_holds(filter->data, filter->n_bytes, shale_bloom_hash(&i, sizeof(i))));
    for (uint64_t i = n; i < n + 100000; i++)
        n_found +=
            shale_bloom_holds(filter->data, filter->n_bytes, shale_bloom_hash(&i, sizeof(i)));
    return n_found;
}

static void test_found_as_seldom_as_asked(void **state)
{
    static const size_t numbers[] = {1, 10, 100, 1000, 10000, 100000, 500000};
    static const unsigned one_in[] = {10, 100, 1000};
    struct shale_bloom bloom;
    struct shale_str filter;
    (void)state;
    shale_bloom_init(&bloom, &shale_mem_libc);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (size_t k = 0; k < 3; k++) {
            size_t n_found = fill(&bloom, numbers[i], one_in[k], &filter);
            assert_true(filter.n_bytes >= 32 && (filter.n_bytes & (filter.n_bytes - 1)) == 0);
            if (filter.n_bytes == SHALE_BLOOM_MOST_BYTES)
                continue;
            assert_in_range(n_found, 0, 100000 / one_in[k] * 5 / 4 + 10);
            /* and not much over twice what the formula of BloomFilter.md says for 1 % */
            if (one_in[k] == 100)
                assert_in_range(filter.n_bytes, 32, 32 + numbers[i] * 97 / 80 * 5 / 2);
        }
    (void)fill(&bloom, 0, 100, &filter);
    assert_int_equal(filter.n_bytes, 32);
    shale_bloom_fini(&bloom);
}

/* Folding: the filter of one block is the OR of all, and a value's bits do not move. */
static void test_block_layout(void **state)
{
    static const uint32_t salt[8] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                     0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
    const uint64_t hash = 0x123456789abcdef0u;
    struct shale_bloom bloom;
    struct shale_str filter;
    uint32_t words[8];
    (void)state;
    shale_bloom_init(&bloom, &shale_mem_libc);
    assert_int_equal(shale_bloom_begin(&bloom), SHALE_OK);
    shale_bloom_put(&bloom, hash);
    filter = shale_bloom_finish(&bloom, 100);
    assert_int_equal(filter.n_bytes, 32);
    memcpy(words, filter.data, 32);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(words[i], 1u << ((0x9abcdef0u * salt[i]) >> 27));
    shale_bloom_fini(&bloom);
}

static void test_memory(void **state)
{
    struct failing_mem failing;
    struct shale_bloom bloom;
    (void)state;
    failing_mem_init(&failing, 1);
    shale_bloom_init(&bloom, &failing.mem);
    assert_int_equal(shale_bloom_begin(&bloom), SHALE_NOMEM);
    assert_int_equal(shale_bloom_begin(&bloom), SHALE_OK);
    shale_bloom_fini(&bloom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_found_as_seldom_as_asked),
        cmocka_unit_test(test_block_layout),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
