/* SPDX-License-Identifier: MIT */
/* codec/snappy: what we write, the reference library reads, for data of every kind and length; it
 * stays in its room, and does not depend on what was compressed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <snappy-c.h>

#include "codec/snappy.h"
#include "scratch.h"

static uint16_t slots[SHALE_SNAPPY_SLOTS];

/* Everything in a block of exactly its size. */
static size_t check(const uint8_t *data, size_t n_bytes)
{
    uint8_t *in = malloc(n_bytes + 1), *out = malloc(shale_snappy_bound(n_bytes));
    uint8_t *again = malloc(shale_snappy_bound(n_bytes));
    char *back = malloc(n_bytes + 1);
    size_t n_out, n_back = n_bytes;
    assert_true(in != NULL && out != NULL && again != NULL && back != NULL);
    if (n_bytes > 0)
        memcpy(in + 1, data, n_bytes);
    n_out = (size_t)(shale_snappy_compress(in + 1, n_bytes, slots, out) - out);
    assert_in_range(n_out, 1, shale_snappy_bound(n_bytes));
    assert_int_equal(snappy_uncompress((const char *)out, n_out, back, &n_back), SNAPPY_OK);
    assert_int_equal(n_back, n_bytes);
    if (n_bytes > 0)
        assert_memory_equal(back, data, n_bytes);
    memset(slots, (int)n_out, sizeof(slots));
    assert_ptr_equal(shale_snappy_compress(in + 1, n_bytes, slots, again), again + n_out);
    assert_memory_equal(out, again, n_out);
    free(in);
    free(out);
    free(again);
    free(back);
    return n_out;
}

static void fill(uint8_t *data, size_t n_bytes, unsigned n_letters, uint64_t *seed)
{
    for (size_t i = 0; i < n_bytes; i++)
        data[i] = (uint8_t)((scratch_random(seed) >> 40) % n_letters);
}

static void test_every_length(void **state)
{
    enum { MOST = 66000 };
    uint8_t *data = malloc(MOST);
    uint64_t seed = 1;
    (void)state;
    assert_non_null(data);
    for (unsigned letters = 1; letters <= 256; letters *= 4) {
        fill(data, MOST, letters, &seed);
        for (size_t n = 0; n < 400; n++)
            check(data, n);
        for (size_t n = 65530; n < 65570; n++)
            check(data, n);
    }
    free(data);
}

/* Pieces from far and near, of all lengths, so that each kind of element comes. */
static void test_all_offsets_and_lengths(void **state)
{
    enum { MOST = 200000 };
    uint8_t *data = malloc(MOST);
    uint64_t seed = 2;
    (void)state;
    assert_non_null(data);
    for (size_t round = 0; round < 200; round++) {
        size_t n = 1 + (size_t)(scratch_random(&seed) >> 33) % 64;
        fill(data, n, 256, &seed);
        while (n < MOST - 3000) {
            const size_t length = 1 + (size_t)(scratch_random(&seed) >> 33) % (round * 10 + 10);
            const size_t far = round % 2 == 0 ? n : n < 70 ? n : 70;
            const size_t from = n - 1 - (size_t)(scratch_random(&seed) >> 33) % far;
            for (size_t i = 0; i < length; i++, n++)
                data[n] = data[from + i];
            if (round % 3 == 0) {
                fill(data + n, 5, 256, &seed);
                n += 5;
            }
        }
        check(data, n);
    }
    free(data);
}

static void test_what_it_saves(void **state)
{
    enum { N = 1 << 20 };
    uint8_t *data = malloc(N);
    char *library;
    size_t n_library;
    uint64_t seed = 3;
    (void)state;
    assert_non_null(data);
    memset(data, 'x', N);
    assert_in_range(check(data, N), 1, N / 20);
    fill(data, N, 256, &seed);
    assert_in_range(check(data, N), N, N + N / 10000 + 20);
    for (size_t i = 0; i + 16 <= N; i += 16)
        (void)snprintf((char *)data + i, 16, "{\"n\":%08u}", (unsigned)(i / 16));
    /* no more than the library makes of it */
    n_library = snappy_max_compressed_length(N);
    library = malloc(n_library);
    assert_non_null(library);
    assert_int_equal(snappy_compress((const char *)data, N, library, &n_library), SNAPPY_OK);
    assert_in_range(check(data, N), 1, n_library);
    free(library);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_all_offsets_and_lengths),
        cmocka_unit_test(test_what_it_saves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
