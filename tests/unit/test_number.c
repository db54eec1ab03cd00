/* SPDX-License-Identifier: MIT */
/* json/number: grammar, whole numbers, decimals, and doubles against the C library's. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/number.h"

static void test_knows_the_grammar(void **state)
{
    static const char *const good[] = {"0",      "-0",   "7",    "10",     "0.0",
                                       "-1.5e3", "1E+0", "1e-9", "0e0000", "100.001e10"};
    static const char *const bad[] = {"",      "-",   "+1",   "01",       "-01", "1.",  ".5",
                                      "1e",    "1e+", "1.e1", "0x1",      "1 ",  " 1",  "--1",
                                      "1e1.5", "NaN", "1_0",  "Infinity", "1,5", "1e5e"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(shale_number_valid(shale_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(shale_number_valid(shale_str_of(bad[i])));
    assert_false(shale_number_valid((struct shale_str){NULL, 0}));
}

static void test_reads_whole_numbers(void **state)
{
    static const struct {
        const char *text;
        enum shale_number result;
        int64_t value;
    } cases[] = {
        {"0", SHALE_NUMBER_OK, 0},
        {"-0", SHALE_NUMBER_OK, 0},
        {"-0.000e-5", SHALE_NUMBER_OK, 0},
        {"7", SHALE_NUMBER_OK, 7},
        {"7.0", SHALE_NUMBER_OK, 7},
        {"7e2", SHALE_NUMBER_OK, 700},
        {"-1.25e2", SHALE_NUMBER_OK, -125},
        {"1000e-2", SHALE_NUMBER_OK, 10},
        {"100.500e1", SHALE_NUMBER_OK, 1005},
        {"0.00012e5", SHALE_NUMBER_OK, 12},
        {"9223372036854775807", SHALE_NUMBER_OK, INT64_MAX},
        {"-9223372036854775808", SHALE_NUMBER_OK, INT64_MIN},
        {"922337203685477580700000e-5", SHALE_NUMBER_OK, INT64_MAX},
        {"0.9223372036854775807E+19", SHALE_NUMBER_OK, INT64_MAX},
        {"0e999999999999999999999999", SHALE_NUMBER_OK, 0},
        {"10e-00000000000000000000000000001", SHALE_NUMBER_OK, 1},
        {"9223372036854775808", SHALE_NUMBER_RANGE, 0},
        {"-9223372036854775809", SHALE_NUMBER_RANGE, 0},
        {"18446744073709551616", SHALE_NUMBER_RANGE, 0},
        {"1e19", SHALE_NUMBER_RANGE, 0},
        {"1e400", SHALE_NUMBER_RANGE, 0},
        {"1e99999999999999999999999999", SHALE_NUMBER_RANGE, 0},
        {"1e-99999999999999999999999999", SHALE_NUMBER_NOT_WHOLE, 0},
        {"7.5", SHALE_NUMBER_NOT_WHOLE, 0},
        {"1001e-2", SHALE_NUMBER_NOT_WHOLE, 0},
        {"0.1", SHALE_NUMBER_NOT_WHOLE, 0},
        {"9223372036854775807.5", SHALE_NUMBER_NOT_WHOLE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -1;
        assert_int_equal(shale_number_i64(shale_str_of(cases[i].text), &value), cases[i].result);
        if (cases[i].result == SHALE_NUMBER_OK)
            assert_true(value == cases[i].value);
    }
}

static void test_reads_very_long_whole_numbers(void **state)
{
    enum { N = 100000 };
    char *text = malloc(N + 16);
    int64_t value;
    (void)state;
    assert_non_null(text);
    memset(text, '0', N);
    text[0] = '4';
    text[1] = '2';
    memcpy(text + N, "e-099998", 8);
    assert_int_equal(shale_number_i64((struct shale_str){text, N + 8}, &value), SHALE_NUMBER_OK);
    assert_int_equal(value, 42);
    assert_int_equal(shale_number_i64((struct shale_str){text, N}, &value), SHALE_NUMBER_RANGE);
    text[N - 1] = '1';
    assert_int_equal(shale_number_i64((struct shale_str){text, N + 8}, &value),
                     SHALE_NUMBER_NOT_WHOLE);
    free(text);
}

static void test_reads_decimals(void **state)
{
    static const struct {
        const char *text;
        unsigned precision, scale;
        enum shale_number result;
        int64_t high, low; /* high * 10^18 + low */
    } cases[] = {
        {"1.500", 5, 1, SHALE_NUMBER_OK, 0, 15},
        {"1.5", 5, 3, SHALE_NUMBER_OK, 0, 1500},
        {"-1.5e2", 5, 0, SHALE_NUMBER_OK, 0, -150},
        {"0", 1, 0, SHALE_NUMBER_OK, 0, 0},
        {"-0.00", 1, 1, SHALE_NUMBER_OK, 0, 0},
        {"0e5000", 1, 1, SHALE_NUMBER_OK, 0, 0},
        {"1.55", 5, 1, SHALE_NUMBER_NOT_WHOLE, 0, 0},
        {"1e-9", 38, 8, SHALE_NUMBER_NOT_WHOLE, 0, 0},
        {"99999", 5, 0, SHALE_NUMBER_OK, 0, 99999},
        {"99999.9", 6, 1, SHALE_NUMBER_OK, 0, 999999},
        {"100000", 5, 0, SHALE_NUMBER_RANGE, 0, 0},
        {"10000", 5, 1, SHALE_NUMBER_RANGE, 0, 0},
        {"1e38", 38, 0, SHALE_NUMBER_RANGE, 0, 0},
        {"123456789012345678987654321", 38, 0, SHALE_NUMBER_OK, 123456789, 12345678987654321},
        {"-1.23456789012345678987654321", 27, 26, SHALE_NUMBER_OK, -123456789, -12345678987654321},
    };
    shale_i128 value, largest = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        value = -1;
        assert_int_equal(shale_number_decimal(shale_str_of(cases[i].text), cases[i].precision,
                                              cases[i].scale, &value),
                         cases[i].result);
        if (cases[i].result == SHALE_NUMBER_OK)
            assert_true(value == (shale_i128)cases[i].high * 1000000000000000000 + cases[i].low);
    }
    for (int i = 0; i < 38; i++)
        largest = largest * 10 + 9;
    assert_int_equal(
        shale_number_decimal(SHALE_STR("-99999999999999999999.999999999999999999"), 38, 18, &value),
        SHALE_NUMBER_OK);
    assert_true(value == -largest);
}

/* The bits, as -0 equals 0. */
static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static void expect_as_strtod(const char *text)
{
    double ours = 0, theirs = strtod(text, NULL);
    enum shale_number result = shale_number_f64(shale_str_of(text), &ours);
    if (isinf(theirs)) {
        if (result != SHALE_NUMBER_RANGE)
            fail_msg("%.80s: %a, not out of range", text, ours);
    } else if (result != SHALE_NUMBER_OK || bits_of(ours) != bits_of(theirs)) {
        fail_msg("%.80s: %a, not %a", text, ours, theirs);
    }
}

static void test_reads_doubles(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0e99999999999999999999",
        "-0.0e-5",
        "1",
        "-1.5",
        "0.1",
        "0.3",
        "1e22",
        "1e23",
        "9007199254740993",
        "9007199254740992.999999999999999999999999999999",
        "9007199254740993.000000000000000000000000000000000000000001",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042880", /* the middle to 2^1024: rounds to infinity */
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042879.9",
        "1e308",
        "1e309",
        "-1e309",
        "1e310",
        "1e400",
        "1e99999999999999999999999",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "2.225073858507201e-308",
        "5e-324",
        "4.9e-324",
        "3e-324",
        "2.5e-324",
        "2.4703282292062328e-324",
        "2.4703282292062327e-324",
        "2.4703282292062327208e-324",
        "1e-324",
        "1e-400",
        "-1e-99999999999999999999999",
        "6.9294956446009195e15",
        "0.000000000000000000000000000001",
        "123456789012345678901234567890",
        "1e27",
        "1e28",
        "1e-27",
        "1e-28",
        "9999999999999999999e27",
        "9999999999999999999e-27",
        "18446744073709551615",
        "3.5844466002796428e+298",
        "7.2057594037927933e16",
        "1448997445238699",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_as_strtod(texts[i]);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed ^ *seed >> 29;
}

/* Every double's 17 digits, its exact decimal, the exact middle to the next, and a little beside.
 */
static void test_reads_random_doubles(void **state)
{
    enum { N_BYTES = 1400 };
    char text[N_BYTES + 8];
    uint64_t seed = 42;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double value, next;
        if (i % 8 == 0)
            bits &= 0x801FFFFFFFFFFFFFu; /* subnormals and the smallest normals */
        memcpy(&value, &bits, 8);
        if (!isfinite(value))
            continue;
        (void)snprintf(text, sizeof text, "%.*e", (int)(next_random(&seed) % 20), value);
        expect_as_strtod(text);
        (void)snprintf(text, sizeof text, "%.16e", value);
        expect_as_strtod(text);
        if (i % 16 != 0 && i % 16 != 1)
            continue;
        (void)snprintf(text, N_BYTES, "%.1080f", value);
        expect_as_strtod(text);
        next = nextafter(value, value > 0 ? DBL_MAX : -DBL_MAX);
        /* 64 bits hold the middle of two normal doubles exactly. */
        (void)snprintf(text, N_BYTES, "%.1080Lf", ((long double)value + (long double)next) / 2);
        expect_as_strtod(text);
        strcat(text, "1");
        expect_as_strtod(text);
        (void)snprintf(text, sizeof text, "%" PRIu64 "e%d", next_random(&seed),
                       (int)(next_random(&seed) % 700) - 350);
        expect_as_strtod(text);
    }
}

static void test_reads_very_long_doubles(void **state)
{
    enum { N = 50000 };
    char *text = malloc(N + 16);
    (void)state;
    assert_non_null(text);
    /* 2^53 + 1 is a middle: one digit anywhere behind it rounds up. */
    memset(text, '0', N);
    memcpy(text, "9007199254740993.", 17);
    text[N] = '\0';
    expect_as_strtod(text);
    text[N - 1] = '1';
    expect_as_strtod(text);
    memset(text, '7', N);
    memcpy(text + N, "e-49990", 8);
    expect_as_strtod(text);
    memset(text, '0', N);
    text[1] = '.';
    text[N - 1] = '3';
    memcpy(text + N, "e49990", 7);
    expect_as_strtod(text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_the_grammar),
        cmocka_unit_test(test_reads_whole_numbers),
        cmocka_unit_test(test_reads_very_long_whole_numbers),
        cmocka_unit_test(test_reads_decimals),
        cmocka_unit_test(test_reads_doubles),
        cmocka_unit_test(test_reads_random_doubles),
        cmocka_unit_test(test_reads_very_long_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
