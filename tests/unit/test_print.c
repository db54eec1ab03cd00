/* SPDX-License-Identifier: MIT */
/* json/print, json/quote: numbers that are exact and shortest, strings that are JSON. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/print.h"
#include "json/quote.h"
#include "json/text.h"
#include "scratch.h"

/* What was printed, with a NUL. */
static char printed[SHALE_PRINT_BYTES + 1];

static const char *ended(size_t n)
{
    assert_true(n <= SHALE_PRINT_BYTES);
    printed[n] = '\0';
    return printed;
}

static void test_prints_whole_numbers(void **state)
{
    uint64_t power = 1;
    (void)state;
    assert_string_equal(ended(shale_print_i64(INT64_MIN, printed)), "-9223372036854775808");
    assert_string_equal(ended(shale_print_i64(INT64_MAX, printed)), "9223372036854775807");
    assert_string_equal(ended(shale_print_i64(-7, printed)), "-7");
    assert_string_equal(ended(shale_print_u64(UINT64_MAX, printed)), "18446744073709551615");
    assert_string_equal(ended(shale_print_padded(7, 3, printed)), "007");
    assert_string_equal(ended(shale_print_padded(1234, 2, printed)), "34");
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)power);
        assert_string_equal(ended(shale_print_u64(power, printed)), expected);
        (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)power - 1);
        assert_string_equal(ended(shale_print_u64(power - 1, printed)), expected);
    }
}

static void test_prints_decimals(void **state)
{
    shale_i128 most = 1;
    (void)state;
    for (int i = 0; i < 38; i++)
        most *= 10;
    most--;
    assert_string_equal(ended(shale_print_decimal(0, 0, printed)), "0");
    assert_string_equal(ended(shale_print_decimal(0, 2, printed)), "0.00");
    assert_string_equal(ended(shale_print_decimal(-50, 2, printed)), "-0.50");
    assert_string_equal(ended(shale_print_decimal(12345, 2, printed)), "123.45");
    assert_string_equal(ended(shale_print_decimal(-most, 0, printed)),
                        "-99999999999999999999999999999999999999");
    assert_string_equal(ended(shale_print_decimal(-most, 38, printed)),
                        "-0.99999999999999999999999999999999999999");
    assert_string_equal(ended(shale_print_decimal(most, 5, printed)),
                        "999999999999999999999999999999999.99999");
}

static void test_prints_known_floats(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {100, "100"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {9.5e-7, "9.5e-7"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {9007199254740992.0, "9007199254740992"},
        {9.109e-31, "9.109e-31"},
        {2e-44, "2e-44"},
        {1e23, "1e+23"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(ended(shale_print_f64(cases[i].value, printed)), cases[i].text);
    assert_string_equal(ended(shale_print_f32(0.1f, printed)), "0.1");
    assert_string_equal(ended(shale_print_f32(-0.0f, printed)), "-0");
    assert_string_equal(ended(shale_print_f32(FLT_MAX, printed)), "3.4028235e+38");
    assert_string_equal(ended(shale_print_f32(1e-45f, printed)), "1e-45");
    assert_string_equal(ended(shale_print_f32(16777216.0f, printed)), "16777216");
}

/* Significant digits, without zeros at either end. */
static int significant(const char *text)
{
    int n = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

/* The fewest digits with which printf() gives a text that reads back. */
static int fewest(double value, bool is_f32)
{
    for (int digits = 1;; digits++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (is_f32 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            return significant(text);
    }
}

static void check_f64(double value)
{
    const char *text = ended(shale_print_f64(value, printed));
    assert_true(strtod(text, NULL) == value);
    assert_true(significant(text) <= fewest(value, false));
}

static void test_floats_are_shortest(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int exponent = -1074; exponent < 1024; exponent++) { /* where the interval is lopsided */
        double power = ldexp(1, exponent);
        check_f64(power);
        check_f64(nextafter(power, 0) > 0 ? nextafter(power, 0) : power);
        check_f64(nextafter(power, INFINITY) < DBL_MAX ? nextafter(power, INFINITY) : power);
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = scratch_random(&seed) ^ scratch_random(&seed) >> 32;
        uint32_t half = (uint32_t)(bits >> 31);
        double value;
        float single;
        memcpy(&value, &bits, 8);
        memcpy(&single, &half, 4);
        if (isfinite(value))
            check_f64(value);
        check_f64((double)(int64_t)(bits >> 40) / 1000);
        if (!isfinite(single))
            continue;
        ended(shale_print_f32(single, printed));
        assert_true(strtof(printed, NULL) == single);
        assert_true(significant(printed) <= fewest(single, true));
    }
}

/* What shale_json_quote() is to give, byte by byte. */
static void quote_slowly(struct shale_str text, struct shale_buf *out)
{
    assert_int_equal(shale_buf_append_byte(out, '"'), SHALE_OK);
    for (size_t i = 0; i < text.n_bytes;) {
        unsigned char c = (unsigned char)text.data[i];
        const char *from = "\b\f\n\r\t\"\\", *to = "bfnrt\"\\";
        const char *found = c == 0 ? NULL : strchr(from, c);
        size_t n = 1;
        enum shale_status status;
        while (n < 4 && i + n < text.n_bytes &&
               !shale_utf8_valid((struct shale_str){text.data + i, n}))
            n++;
        if (found != NULL)
            status = shale_buf_printf(out, "\\%c", to[found - from]);
        else if (c < 0x20)
            status = shale_buf_printf(out, "\\u%04x", c);
        else if (shale_utf8_valid((struct shale_str){text.data + i, n}))
            status = shale_buf_append(out, text.data + i, n);
        else
            status = shale_buf_append(out, "\xEF\xBF\xBD", 3);
        assert_int_equal(status, SHALE_OK);
        i += shale_utf8_valid((struct shale_str){text.data + i, n}) ? n : 1;
    }
    assert_int_equal(shale_buf_append_byte(out, '"'), SHALE_OK);
}

static void test_quotes_any_bytes(void **state)
{
    static const char alphabet[] =
        "abcdefgh\"\\\n\x01\x1F\x7F \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF";
    struct shale_buf expected, found;
    uint64_t seed = 1;
    char text[9000];
    (void)state;
    shale_buf_init(&expected, &shale_mem_libc, 1 << 20);
    shale_buf_init(&found, &shale_mem_libc, 1 << 20);
    for (int i = 0; i < 4000; i++) {
        size_t n = i % 100 == 0 ? sizeof text - (size_t)(i % 7) : (size_t)i % 60;
        for (size_t j = 0; j < n; j++) {
            uint64_t r = scratch_random(&seed) >> 33;
            text[j] = i % 3 == 0 ? 'x' : alphabet[r % (sizeof alphabet - 1)];
        }
        if (n > 0)
            text[n / 2] = alphabet[(size_t)i % sizeof alphabet]; /* a NUL as well */
        shale_buf_reset(&expected);
        shale_buf_reset(&found);
        quote_slowly((struct shale_str){text, n}, &expected);
        assert_int_equal(shale_json_quote((struct shale_str){text, n}, &found), SHALE_OK);
        assert_true(shale_str_equal(shale_buf_str(&expected), shale_buf_str(&found)));
    }
    shale_buf_fini(&expected);
    shale_buf_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_whole_numbers), cmocka_unit_test(test_prints_decimals),
        cmocka_unit_test(test_prints_known_floats),  cmocka_unit_test(test_floats_are_shortest),
        cmocka_unit_test(test_quotes_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
