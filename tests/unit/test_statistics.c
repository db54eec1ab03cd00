/* SPDX-License-Identifier: MIT */
/* parquet/statistics: where bounds are cut, and when nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "parquet/plain.h"
#include "parquet/statistics.h"

static const struct shale_type string_type = {.kind = SHALE_STRING};
static const struct shale_type binary_type = {.kind = SHALE_BINARY};

static struct shale_chunk_bounds of_bytes(const struct shale_type *type, struct shale_str value)
{
    const struct shale_leaf leaf = shale_leaf_of(type);
    struct shale_statistics statistics;
    struct shale_chunk_bounds bounds = {0};
    shale_statistics_begin(&statistics, &leaf);
    shale_statistics_bytes(&statistics, value);
    shale_statistics_finish(&statistics, &leaf, &bounds);
    return bounds;
}

/* 'n' bytes of 'a', then 'tail'; good until the next call. */
static struct shale_str tailed(size_t n, const char *tail)
{
    static char text[256];
    memset(text, 'a', n);
    memcpy(text + n, tail, strlen(tail));
    return (struct shale_str){text, n + strlen(tail)};
}

static void check_maximum(const struct shale_chunk_bounds *bounds, struct shale_str wanted)
{
    assert_true(bounds->has_maximum);
    assert_int_equal(bounds->maximum_bytes, wanted.n_bytes);
    assert_memory_equal(bounds->maximum, wanted.data, wanted.n_bytes);
}

static void test_64_bytes_are_exact(void **state)
{
    struct shale_chunk_bounds bounds = of_bytes(&string_type, tailed(64, ""));
    (void)state;
    assert_true(bounds.minimum_exact && bounds.maximum_exact);
    assert_int_equal(bounds.minimum_bytes, 64);
    check_maximum(&bounds, tailed(64, ""));
    bounds = of_bytes(&string_type, SHALE_STR(""));
    assert_true(bounds.has_minimum && bounds.minimum_exact && bounds.has_maximum);
    assert_int_equal(bounds.maximum_bytes, 0);
}

static void test_a_longer_one_is_cut_and_incremented(void **state)
{
    struct shale_chunk_bounds bounds = of_bytes(&string_type, tailed(65, ""));
    (void)state;
    assert_false(bounds.minimum_exact || bounds.maximum_exact);
    assert_int_equal(bounds.minimum_bytes, 64);
    check_maximum(&bounds, tailed(63, "b"));
}

static void test_characters_stay_whole(void **state)
{
    /* A euro sign (e2 82 ac) from byte 62 on: the 64 bytes end within it. */
    struct shale_chunk_bounds bounds = of_bytes(&string_type, tailed(62, "\xe2\x82\xac"));
    (void)state;
    assert_int_equal(bounds.minimum_bytes, 62);
    check_maximum(&bounds, tailed(61, "b"));
    bounds = of_bytes(&string_type, tailed(61, "\xe2\x82\xac!"));
    assert_int_equal(bounds.minimum_bytes, 64);
    check_maximum(&bounds, tailed(61, "\xe2\x82\xad"));
    bounds = of_bytes(&string_type, tailed(62, "\xc3\xbf!")); /* U+00FF, next to U+0100 */
    check_maximum(&bounds, tailed(62, "\xc4\x80"));
}

static void test_surrogates_are_passed_over(void **state)
{
    struct shale_chunk_bounds bounds = of_bytes(&string_type, tailed(61, "\xed\x9f\xbf!"));
    (void)state;
    check_maximum(&bounds, tailed(61, "\xee\x80\x80"));
}

static void test_a_character_that_grows_too_long_is_dropped(void **state)
{
    struct shale_chunk_bounds bounds = of_bytes(&string_type, tailed(63, "\x7f!"));
    (void)state;
    check_maximum(&bounds, tailed(62, "b"));
}

static void test_the_last_character_carries(void **state)
{
    struct shale_chunk_bounds bounds =
        of_bytes(&string_type, tailed(56, "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf!"));
    char text[80];
    (void)state;
    check_maximum(&bounds, tailed(55, "b"));
    for (size_t i = 0; i < 80; i += 4)
        memcpy(text + i, "\xf4\x8f\xbf\xbf", 4);
    bounds = of_bytes(&string_type, (struct shale_str){text, 80});
    assert_false(bounds.has_maximum);
    assert_true(bounds.has_minimum);
    assert_int_equal(bounds.minimum_bytes, 64);
}

static void test_binary_is_cut_at_bytes(void **state)
{
    char bytes[70];
    struct shale_chunk_bounds bounds = of_bytes(&binary_type, tailed(62, "\xe2\xff\xff"));
    (void)state;
    assert_int_equal(bounds.minimum_bytes, 64);
    check_maximum(&bounds, tailed(62, "\xe3"));
    memset(bytes, 0xff, sizeof(bytes));
    bounds = of_bytes(&binary_type, (struct shale_str){bytes, sizeof(bytes)});
    assert_false(bounds.has_maximum);
    assert_true(bounds.has_minimum);
}

/* Broken text must give bounds that hold, not read beyond its end. */
static void test_broken_text_is_harmless(void **state)
{
    char bytes[70];
    struct shale_chunk_bounds bounds;
    (void)state;
    memset(bytes, 0x80, sizeof(bytes));
    bounds = of_bytes(&string_type, (struct shale_str){bytes, sizeof(bytes)});
    assert_int_equal(bounds.minimum_bytes, 0);
    assert_false(bounds.has_maximum);
    memset(bytes, 0xfe, sizeof(bytes));
    bounds = of_bytes(&string_type, (struct shale_str){bytes, sizeof(bytes)});
    assert_false(bounds.has_maximum);
}

static struct shale_chunk_bounds of_floats(const double *values, size_t n)
{
    const struct shale_leaf leaf = shale_leaf_of(&(struct shale_type){.kind = SHALE_FLOAT64});
    struct shale_statistics statistics;
    struct shale_chunk_bounds bounds = {0};
    shale_statistics_begin(&statistics, &leaf);
    shale_statistics_plain(&statistics, &leaf,
                           (struct shale_str){(const char *)values, n * sizeof(*values)});
    shale_statistics_finish(&statistics, &leaf, &bounds);
    return bounds;
}

static void test_zeros_are_widened_and_nan_silences(void **state)
{
    const double zeros[] = {0.0, 0.0}, minus[] = {-0.0}, nans[] = {(double)NAN, 1},
                 late[] = {1, (double)NAN};
    struct shale_chunk_bounds bounds = of_floats(zeros, 2);
    double value;
    (void)state;
    memcpy(&value, bounds.minimum, 8);
    assert_true(signbit(value));
    bounds = of_floats(minus, 1);
    memcpy(&value, bounds.maximum, 8);
    assert_false(signbit(value));
    bounds = of_floats(nans, 2);
    assert_false(bounds.has_minimum || bounds.has_maximum);
    bounds = of_floats(late, 2);
    assert_false(bounds.has_minimum || bounds.has_maximum);
    bounds = of_floats(NULL, 0);
    assert_false(bounds.has_minimum || bounds.has_maximum);
}

static void test_long_decimals_compare_signed(void **state)
{
    const struct shale_leaf leaf =
        shale_leaf_of(&(struct shale_type){.kind = SHALE_DECIMAL, .precision = 20});
    const char values[] = "\x00\x00\x00\x00\x00\x00\x00\x00\x05"
                          "\xff\xff\xff\xff\xff\xff\xff\xff\xfe"
                          "\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    struct shale_statistics statistics;
    struct shale_chunk_bounds bounds = {0};
    (void)state;
    assert_int_equal(leaf.width, 9);
    shale_statistics_begin(&statistics, &leaf);
    shale_statistics_plain(&statistics, &leaf, (struct shale_str){values, 3 * leaf.width});
    shale_statistics_finish(&statistics, &leaf, &bounds);
    assert_int_equal(bounds.minimum[8], 0xfe);
    assert_int_equal(bounds.maximum[8], 5);
    assert_int_equal(bounds.maximum_bytes, 9);
}

static void test_int96_has_none(void **state)
{
    const struct shale_type type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .int96 = true};
    const struct shale_leaf leaf = shale_leaf_of(&type);
    const char value[12] = {1};
    struct shale_statistics statistics;
    struct shale_chunk_bounds bounds = {0};
    (void)state;
    shale_statistics_begin(&statistics, &leaf);
    shale_statistics_plain(&statistics, &leaf, (struct shale_str){value, leaf.width});
    shale_statistics_finish(&statistics, &leaf, &bounds);
    assert_false(bounds.has_minimum || bounds.has_maximum);
}

static void test_floats_in_any_order(void **state)
{
    const double values[] = {1, -2, 3, 0};
    struct shale_chunk_bounds bounds = of_floats(values, 4);
    double value;
    (void)state;
    memcpy(&value, bounds.minimum, 8);
    assert_true(value == -2);
    memcpy(&value, bounds.maximum, 8);
    assert_true(value == 3);
}

static void test_uuids_compare_as_bytes(void **state)
{
    const struct shale_leaf leaf =
        shale_leaf_of(&(struct shale_type){.kind = SHALE_UUID, .annotate = true});
    char values[48] = {0};
    struct shale_statistics statistics;
    struct shale_chunk_bounds bounds = {0};
    (void)state;
    values[0] = 5;
    values[16] = '\xff'; /* no sign */
    values[32] = 1;
    shale_statistics_begin(&statistics, &leaf);
    shale_statistics_plain(&statistics, &leaf, (struct shale_str){values, 3 * leaf.width});
    shale_statistics_finish(&statistics, &leaf, &bounds);
    assert_int_equal(bounds.minimum_bytes, 16);
    assert_int_equal(bounds.minimum[0], 1);
    assert_int_equal(bounds.maximum[0], 0xff);
    assert_true(bounds.minimum_exact && bounds.maximum_exact);
}

/* parquet/plain: strings have their length before them; those that are all empty have no data. */
static void test_plain_strings(void **state)
{
    const struct shale_leaf leaf = shale_leaf_of(&string_type);
    const int32_t offsets[] = {0, 1, 1, 3}, zeros[] = {0, 0};
    const uint8_t validity[] = {5};
    const struct shale_column column = {3, 1, validity, offsets, "abc", NULL, NULL};
    const struct shale_column empty = {1, 0, NULL, zeros, NULL, NULL, NULL};
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 15);
    assert_int_equal(shale_plain_append(&leaf, &column, 0, 0, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_bytes, 0);
    assert_int_equal(shale_plain_append(&leaf, &column, 0, 3, &out, NULL), SHALE_OK);
    assert_int_equal(shale_plain_append(&leaf, &empty, 0, 1, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_bytes, 15);
    assert_memory_equal(out.data, "\1\0\0\0a\2\0\0\0bc\0\0\0\0", 15);
    assert_int_equal(shale_plain_append(&leaf, &column, 0, 3, &out, NULL), SHALE_LIMIT);
    shale_buf_fini(&out);
}

/* parquet/plain: INT96 is the nanoseconds of a day and the Julian day, before 1970 as well. */
static void test_plain_int96(void **state)
{
    const struct shale_leaf leaf = shale_leaf_of(
        &(struct shale_type){.kind = SHALE_TIMESTAMP, .unit = SHALE_MS, .int96 = true});
    const int64_t values[] = {-1, 77, 86400000};
    const uint8_t validity[] = {5};
    const struct shale_column column = {3, 1, validity, NULL, values, NULL, NULL};
    struct shale_buf out;
    int64_t nanos;
    int32_t day;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 100);
    assert_int_equal(shale_plain_append(&leaf, &column, 0, 3, &out, NULL), SHALE_OK);
    assert_int_equal(out.n_bytes, 24);
    memcpy(&nanos, out.data, 8);
    memcpy(&day, out.data + 8, 4);
    assert_int_equal(nanos, 86399999000000);
    assert_int_equal(day, 2440587);
    memcpy(&nanos, out.data + 12, 8);
    memcpy(&day, out.data + 20, 4);
    assert_int_equal(nanos, 0);
    assert_int_equal(day, 2440589);
    shale_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64_bytes_are_exact),
        cmocka_unit_test(test_a_longer_one_is_cut_and_incremented),
        cmocka_unit_test(test_characters_stay_whole),
        cmocka_unit_test(test_surrogates_are_passed_over),
        cmocka_unit_test(test_a_character_that_grows_too_long_is_dropped),
        cmocka_unit_test(test_the_last_character_carries),
        cmocka_unit_test(test_binary_is_cut_at_bytes),
        cmocka_unit_test(test_broken_text_is_harmless),
        cmocka_unit_test(test_zeros_are_widened_and_nan_silences),
        cmocka_unit_test(test_long_decimals_compare_signed),
        cmocka_unit_test(test_int96_has_none),
        cmocka_unit_test(test_floats_in_any_order),
        cmocka_unit_test(test_uuids_compare_as_bytes),
        cmocka_unit_test(test_plain_strings),
        cmocka_unit_test(test_plain_int96),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
