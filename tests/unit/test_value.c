/* SPDX-License-Identifier: MIT */
/* schema/value, time, epoch: what tests/cases cannot say well (exhaustive, internal, failing). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "schema/epoch.h"
#include "schema/time.h"
#include "schema/value.h"

/* Each day of the years 0 to 9999, in order and back. */
static void test_every_day_is_one_more(void **state)
{
    int32_t expected = -719528, days; /* 0000-01-01 */
    (void)state;
    for (int64_t year = 0; year <= 9999; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            unsigned n = 0;
            while (shale_days_from_civil(year, month, n + 1, &days)) {
                int64_t y;
                unsigned m, d;
                n++;
                assert_int_equal(days, expected);
                expected++;
                shale_civil_from_days(days, &y, &m, &d);
                assert_true(y == year && m == month && d == n);
            }
            assert_in_range(n, 28, 31);
        }
    }
    assert_int_equal(expected, 2932897); /* 10000-01-01 */
    assert_false(shale_days_from_civil(-1, 1, 1, &days));
    assert_false(shale_days_from_civil(10000, 1, 1, &days));
    assert_false(shale_days_from_civil(2024, 13, 1, &days));
    assert_false(shale_days_from_civil(2024, 1, 0, &days));
}

/* A cut text is never read beyond its end, and only the whole is right. */
static void test_reads_no_further_than_the_text(void **state)
{
    static const char text[] = "2024-02-29T23:59:58.123456+01:30";
    int64_t value;
    int32_t days;
    (void)state;
    for (size_t n = 0; n <= strlen(text); n++) {
        char *copy = malloc(n + 1); /* of its own, for AddressSanitizer to see */
        assert_non_null(copy);
        memcpy(copy, text, n);
        struct shale_str cut = {copy, n};
        bool is_date = n == 10;
        bool good = is_date || n == 16 || n == 19 || (n >= 21 && n <= 26) || n == 32;
        assert_int_equal(shale_date_parse(cut, &days), is_date);
        assert_int_equal(shale_timestamp_parse(cut, SHALE_US, &value), good);
        (void)shale_time_parse(cut, &value);
        free(copy);
    }
    assert_false(shale_timestamp_parse((struct shale_str){NULL, 0}, SHALE_US, &value));
    assert_false(shale_time_parse((struct shale_str){NULL, 0}, &value));
}

static void test_units_of_one_instant(void **state)
{
    static const struct {
        const char *text;
        enum shale_unit unit;
        int64_t value;
    } cases[] = {
        {"2001-09-09T01:46:40.123456789Z", SHALE_MS, 1000000000123},
        {"2001-09-09T01:46:40.123456789Z", SHALE_US, 1000000000123456},
        {"2001-09-09T01:46:40.123456789Z", SHALE_NS, 1000000000123456789},
        {"1969-12-31T23:59:59.999Z", SHALE_NS, -1000000},
        {"1677-09-21T00:12:43.145224192Z", SHALE_NS, INT64_MIN},
        {"2262-04-11T23:47:16.854775807Z", SHALE_NS, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        assert_true(shale_timestamp_parse(shale_str_of(cases[i].text), cases[i].unit, &value));
        assert_true(value == cases[i].value);
    }
}

static void test_epochs(void **state)
{
    static const struct {
        const char *text;
        enum shale_unit unit;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", SHALE_US, true, 0},
        {"-0.0", SHALE_US, true, 0},
        {"0e99999999999999999999", SHALE_US, true, 0},
        {"0.001", SHALE_US, true, 1000},
        {"1e-6", SHALE_US, true, 1},
        {"1e-7", SHALE_US, true, 0},
        {"0.0000012e3", SHALE_US, true, 1200},
        {"1.5", SHALE_MS, true, 1500},
        {"-1.5", SHALE_NS, true, -1500000000},
        {"20000000000", SHALE_MS, true, 20000000000000},
        {"20000000000.5", SHALE_MS, true, 20000000000},
        {"200000000000e-1", SHALE_MS, true, 20000000000000},
        {"9223372036.854775807", SHALE_NS, true, INT64_MAX},
        {"9223372036.854775808", SHALE_NS, false, 0},
        {"253402300799.9", SHALE_US, true, 253402300799900},
        {"253402300799999.9", SHALE_US, true, 253402300799999900},
        {"-62167219200000", SHALE_US, true, -62167219200000000},
        {"-62167219200001", SHALE_US, false, 0},
        {"99999999999999999999", SHALE_MS, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        bool good = shale_epoch_parse(shale_str_of(cases[i].text), cases[i].unit, &value);
        if (good != cases[i].good || (good && value != cases[i].value))
            fail_msg("%s: %d %lld", cases[i].text, good, (long long)value);
    }
}

/* A value written and read again is the same. */
static void test_writes_what_it_reads(void **state)
{
    static const struct shale_type decimal = {.kind = SHALE_DECIMAL, .precision = 38, .scale = 9};
    static const struct shale_type ns = {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS};
    static const struct shale_type time_type = {.kind = SHALE_TIME, .unit = SHALE_US};
    static const struct shale_type uuid = {.kind = SHALE_UUID, .annotate = true};
    static const struct shale_type binary = {.kind = SHALE_BINARY};
    static const struct {
        const struct shale_type *type;
        enum shale_json_kind kind;
        const char *text;
    } cases[] = {
        {&decimal, SHALE_KIND_NUMBER, "-0.000000001"},
        {&decimal, SHALE_KIND_NUMBER, "99999999999999999999999999999.999999999"},
        {&decimal, SHALE_KIND_NUMBER, "-99999999999999999999999999999.999999999"},
        {&decimal, SHALE_KIND_NUMBER, "0.000000000"},
        {&ns, SHALE_KIND_STRING, "1969-12-31T23:59:59.000000001Z"},
        {&ns, SHALE_KIND_STRING, "2024-02-29T00:00:00.120Z"},
        {&time_type, SHALE_KIND_STRING, "23:59:59.000001"},
        {&uuid, SHALE_KIND_STRING, "123e4567-e89b-12d3-a456-4266141740ff"},
        {&binary, SHALE_KIND_STRING, "AP/+"},
        {&binary, SHALE_KIND_STRING, "AP8="},
    };
    struct shale_buf scratch, out;
    (void)state;
    shale_buf_init(&scratch, &shale_mem_libc, 1 << 20);
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_value value;
        struct shale_err err;
        shale_buf_reset(&out);
        assert_int_equal(shale_value_convert(cases[i].type, false, cases[i].kind,
                                             shale_str_of(cases[i].text), &scratch, &value, &err),
                         SHALE_OK);
        assert_int_equal(shale_value_format(cases[i].type, &value, &out), SHALE_OK);
        if (!shale_str_is(shale_buf_str(&out), cases[i].text))
            fail_msg("%s became %.*s", cases[i].text, SHALE_STR_ARG(shale_buf_str(&out)));
    }
    shale_buf_fini(&scratch);
    shale_buf_fini(&out);
}

/* Kinds and units that no definition has. */
static void test_writes_the_values_of_other_files(void **state)
{
    static const struct {
        struct shale_type type;
        struct shale_value value;
        const char *text;
    } cases[] = {
        {{.kind = SHALE_INT8}, {.as.i32 = -128}, "-128"},
        {{.kind = SHALE_UINT16}, {.as.i32 = 65535}, "65535"},
        {{.kind = SHALE_UINT32}, {.as.i32 = -1}, "4294967295"},
        {{.kind = SHALE_UINT64}, {.as.i64 = -1}, "18446744073709551615"},
        {{.kind = SHALE_FLOAT32}, {.as.f32 = 0.1f}, "0.1"},
        {{.kind = SHALE_FLOAT32}, {.as.f32 = -1e38f * 10}, "null"},
        {{.kind = SHALE_FIXED, .width = 2}, {.as.bytes = {"\0\xFF", 2}}, "AP8="},
        {{.kind = SHALE_TIME, .unit = SHALE_MS}, {.as.i64 = 86399999}, "23:59:59.999"},
        {{.kind = SHALE_TIME, .unit = SHALE_NS}, {.as.i64 = 1}, "00:00:00.000000001"},
        {{.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .local = true},
         {.as.i64 = -1},
         "1969-12-31T23:59:59.999999"},
        {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS},
         {.as.i64 = INT64_MAX},
         "292278994-08-17T07:12:55.807Z"},
        {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS},
         {.as.i64 = INT64_MIN},
         "-292275055-05-16T16:47:04.192Z"},
    };
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shale_buf_reset(&out);
        assert_int_equal(shale_value_format(&cases[i].type, &cases[i].value, &out), SHALE_OK);
        if (!shale_str_is(shale_buf_str(&out), cases[i].text))
            fail_msg("%s became %.*s", cases[i].text, SHALE_STR_ARG(shale_buf_str(&out)));
    }
    shale_buf_fini(&out);
}

static void test_compares_by_type(void **state)
{
    static const struct shale_type text = {.kind = SHALE_STRING}, i64 = {.kind = SHALE_INT64};
    static const struct shale_type uuid = {.kind = SHALE_UUID, .annotate = true};
    static const struct shale_type decimal = {.kind = SHALE_DECIMAL, .precision = 38};
    static const struct shale_type u32 = {.kind = SHALE_UINT32}, u64 = {.kind = SHALE_UINT64};
    static const struct shale_type f32 = {.kind = SHALE_FLOAT32};
    struct shale_value a = {.as.bytes = SHALE_STR("ab")}, b = {.as.bytes = SHALE_STR("abc")};
    (void)state;
    assert_true(shale_value_compare(&text, &a, &b) < 0);
    assert_true(shale_value_compare(&text, &b, &a) > 0);
    assert_int_equal(shale_value_compare(&text, &a, &a), 0);
    a.as.i64 = INT64_MIN;
    b.as.i64 = INT64_MAX;
    assert_true(shale_value_compare(&i64, &a, &b) < 0);
    /* As a number the second would be less, or negative. */
    a.as.i128 = 0;
    b.as.i128 = 0;
    memcpy(&a.as.i128, "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF", 16);
    memcpy(&b.as.i128, "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 16);
    assert_true(shale_value_compare(&uuid, &a, &b) < 0);
    a.as.i128 = -1;
    b.as.i128 = 1;
    assert_true(shale_value_compare(&decimal, &a, &b) < 0);
    a.as.i32 = 1;
    b.as.i32 = -1;
    assert_true(shale_value_compare(&u32, &a, &b) < 0);
    a.as.i64 = 1;
    b.as.i64 = -1;
    assert_true(shale_value_compare(&u64, &a, &b) < 0);
    a.as.f32 = -0.5f;
    b.as.f32 = 0.25f;
    assert_true(shale_value_compare(&f32, &a, &b) < 0);
    b.as.f32 = strtof("nan", NULL);
    assert_true(shale_value_compare(&f32, &a, &b) < 0);
    assert_true(shale_value_compare(&f32, &b, &a) > 0);
    assert_int_equal(shale_value_compare(&f32, &b, &b), 0);
}

static void test_quotes_for_messages(void **state)
{
    struct shale_quoted quoted;
    char text[300];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_string_equal(shale_value_quote(SHALE_KIND_NULL, (struct shale_str){NULL, 0}, &quoted),
                        "null");
    assert_string_equal(shale_value_quote(SHALE_KIND_STRING, SHALE_STR("a\nb"), &quoted),
                        "\"a b\"");
    assert_string_equal(shale_value_quote(SHALE_KIND_STRING, SHALE_STR("a\xFFz"), &quoted),
                        "\"a?z\"");
    /* A character of three bytes across the cut is left out whole. */
    memcpy(text + 78, "\xE2\x82\xAC", 3);
    const char *cut =
        shale_value_quote(SHALE_KIND_STRING, (struct shale_str){text, sizeof text}, &quoted);
    assert_int_equal(strlen(cut), 1 + 78 + 3 + 1);
    memset(text, '\x80', sizeof text); /* no UTF-8 at all: cut to nothing, not beyond */
    (void)shale_value_quote(SHALE_KIND_STRING, (struct shale_str){text, sizeof text}, &quoted);
}

static void *no_memory(void *ctx, void *ptr, size_t n_bytes)
{
    (void)ctx, (void)n_bytes;
    free(ptr);
    return NULL;
}

static void test_says_that_memory_is_out(void **state)
{
    static const struct shale_mem none = {no_memory, NULL};
    static const struct shale_type types[] = {
        {.kind = SHALE_UUID}, {.kind = SHALE_BINARY}, {.kind = SHALE_JSON}};
    static const char *const texts[] = {"123e4567-e89b-12d3-a456-4266141740ff", "AAAA", "[ 1 ]"};
    struct shale_buf scratch;
    (void)state;
    shale_buf_init(&scratch, &none, 1 << 20);
    for (size_t i = 0; i < 3; i++) {
        struct shale_value value;
        enum shale_json_kind kind = i == 2 ? SHALE_KIND_ARRAY : SHALE_KIND_STRING;
        assert_int_equal(shale_value_convert(&types[i], false, kind, shale_str_of(texts[i]),
                                             &scratch, &value, NULL),
                         SHALE_NOMEM);
    }
    shale_buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_is_one_more),
        cmocka_unit_test(test_reads_no_further_than_the_text),
        cmocka_unit_test(test_units_of_one_instant),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_writes_the_values_of_other_files),
        cmocka_unit_test(test_compares_by_type),
        cmocka_unit_test(test_quotes_for_messages),
        cmocka_unit_test(test_says_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
