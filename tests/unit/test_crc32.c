/* SPDX-License-Identifier: MIT */
/* codec/crc32 against the definition, bit by bit, whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/crc32.h"

static uint32_t crc_by_definition(const unsigned char *data, size_t n_bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void test_is_the_crc_of_gzip(void **state)
{
    unsigned char data[1000];
    (void)state;
    assert_int_equal(shale_crc32(0, "123456789", 9), 0xcbf43926u);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i >> 3);
    for (size_t n = 0; n <= sizeof data; n += 13) {
        size_t half = n / 3;
        uint32_t whole = shale_crc32(0, data, n);
        assert_int_equal(whole, crc_by_definition(data, n));
        assert_int_equal(shale_crc32(shale_crc32(0, data, half), data + half, n - half), whole);
    }
}

static void test_nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(shale_crc32(0, NULL, 0), 0);
    assert_int_equal(shale_crc32(0x12345678u, NULL, 0), 0x12345678u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_crc_of_gzip),
        cmocka_unit_test(test_nothing_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
