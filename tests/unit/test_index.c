/* SPDX-License-Identifier: MIT */
/* json/index: entries, what is carried from block to block, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json/index.h"

static void begin(struct shale_json_index *index, const char *text, bool last)
{
    assert_int_equal(shale_json_index_init(index, &shale_mem_libc), SHALE_OK);
    shale_json_index_begin(index, text, strlen(text), 0, last);
}

static void test_points_at_tokens(void **state)
{
    static const char text[] = " {\"a\":12.5e1 ,\n\"b\\\"\":[true,x\xFFy]}";
    static const uint32_t expected[] = {1,  2,  4,  5,  6,  13, 15, 19 | SHALE_JSON_ESCAPED,
                                        20, 21, 22, 26, 27, 30, 31};
    struct shale_json_index index;
    (void)state;
    begin(&index, text, true);
    assert_true(shale_json_index_next(&index));
    assert_int_equal(index.n, sizeof expected / sizeof expected[0]);
    assert_memory_equal(index.at, expected, sizeof expected);
    assert_false(shale_json_index_next(&index));
    assert_int_equal(index.fault, SHALE_E_none);
    assert_int_equal(index.scanned, strlen(text));
    shale_json_index_fini(&index);
}

/* Every position of a token relative to the end of a block. */
static void test_carries_its_state_from_block_to_block(void **state)
{
    enum { N = 1100 };
    static const char tail[] = "12345,\"a\\\"\\u20AC\xF0\x9F\x98\x80z\",[true]";
    static const uint32_t expected[] = {0, 5, 6, 21 | SHALE_JSON_ESCAPED, 22, 23, 24, 28};
    char text[N + sizeof tail];
    (void)state;
    for (size_t lead = 1024 - 32; lead <= 1024; lead++) {
        struct shale_json_index index;
        size_t n = 0;
        memset(text, ' ', lead);
        memcpy(text + lead, tail, sizeof tail);
        begin(&index, text, true);
        while (shale_json_index_next(&index))
            for (size_t i = 0; i < index.n; i++) {
                assert_true(n < sizeof expected / sizeof expected[0]);
                assert_int_equal(index.at[i], expected[n] + lead);
                n++;
            }
        assert_int_equal(n, sizeof expected / sizeof expected[0]);
        assert_int_equal(index.fault, SHALE_E_none);
        shale_json_index_fini(&index);
    }
}

static void test_hands_out_what_is_before_a_fault(void **state)
{
    struct shale_json_index index;
    (void)state;
    begin(&index, "[\"a\",\"b\tc\"]", true);
    assert_true(shale_json_index_next(&index));
    assert_int_equal(index.n, 5); /* the open quote too */
    assert_false(shale_json_index_next(&index));
    assert_int_equal(index.fault, SHALE_E_json_control_character);
    assert_int_equal(index.fault_at, 7);
    assert_int_equal(index.at[4], 5); /* stays while the string is open */
    shale_json_index_fini(&index);
}

static void test_leaves_what_the_window_cuts(void **state)
{
    static const struct {
        const char *text;
        size_t scanned;
    } cases[] = {{"\"ab\xE2\x82", 3}, {"\"ab\\", 3}, {"\"ab\\u123", 3}, {"\"ab", 3}, {"12", 2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_json_index index;
        begin(&index, cases[i].text, false);
        assert_true(shale_json_index_next(&index));
        assert_int_equal(index.n, 1);
        assert_false(shale_json_index_next(&index));
        assert_int_equal(index.n, 1);
        assert_int_equal(index.fault, SHALE_E_none);
        assert_int_equal(index.scanned, cases[i].scanned);
        assert_int_equal(index.in_string, cases[i].text[0] == '"');
        shale_json_index_fini(&index);
    }
}

/* As many entries as bytes: no block overflows its table. */
static void test_holds_the_densest_text(void **state)
{
    enum { N = 5 * SHALE_JSON_BLOCK_BYTES / 2 };
    static const char *const patterns[] = {"[", "\"\"", "1,", "\"\\\\\""};
    static const size_t entries[] = {1, 2, 2, 2};
    char *text = malloc(N);
    (void)state;
    assert_non_null(text);
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        struct shale_json_index index;
        size_t n = 0, length = strlen(patterns[p]);
        for (size_t i = 0; i < N; i++)
            text[i] = patterns[p][i % length];
        assert_int_equal(shale_json_index_init(&index, &shale_mem_libc), SHALE_OK);
        shale_json_index_begin(&index, text, N / length * length, 0, true);
        while (shale_json_index_next(&index)) {
            assert_in_range(index.n, 1, SHALE_JSON_BLOCK_BYTES);
            n += index.n;
        }
        assert_int_equal(n, N / length * entries[p]);
        shale_json_index_fini(&index);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_at_tokens),
        cmocka_unit_test(test_carries_its_state_from_block_to_block),
        cmocka_unit_test(test_hands_out_what_is_before_a_fault),
        cmocka_unit_test(test_leaves_what_the_window_cuts),
        cmocka_unit_test(test_holds_the_densest_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
