/* SPDX-License-Identifier: MIT */
/* json/text: escapes, comparison without a copy, white space, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/text.h"
#include "scratch.h"

static const struct {
    const char *raw, *plain; /* plain NULL: has half a pair */
} strings[] = {
    {"", ""},
    {"plain", "plain"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
    {"a\\u0041\\u00e9\\u20AC\\uD83D\\uDE00z", "aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"},
    {"\\u007F\\u0080\\u07ff\\u0800\\uffff", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
    {"\\uD800\\uDC00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
    {"\xE2\x82\xAC\\\\n", "\xE2\x82\xAC\\n"},
    {"\\uD83D", NULL},
    {"x\\uDE00y", NULL},
    {"\\uD83Dx", NULL},
    {"\\uD83D\\n", NULL},
    {"\\uD83D\\u0041", NULL},
    {"\\uD83D\\uD83D\\uDE00", NULL},
};

static void test_resolves_escapes(void **state)
{
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1000);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        bool lone = strings[i].plain != NULL;
        shale_buf_reset(&out);
        assert_int_equal(shale_buf_append_byte(&out, '>'), SHALE_OK);
        assert_int_equal(shale_json_unescape(shale_str_of(strings[i].raw), &out, &lone), SHALE_OK);
        assert_int_equal(lone, strings[i].plain == NULL);
        if (lone)
            continue;
        assert_int_equal(out.n_bytes, 1 + strlen(strings[i].plain));
        assert_memory_equal(out.data + 1, strings[i].plain, out.n_bytes - 1);
    }
    shale_buf_fini(&out);
}

static void test_compares_without_a_copy(void **state)
{
    enum { N = sizeof strings / sizeof strings[0] };
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct shale_str raw = shale_str_of(strings[i].raw);
        bool escaped = strchr(strings[i].raw, '\\') != NULL;
        for (size_t j = 0; j < N; j++)
            if (strings[j].plain != NULL)
                assert_int_equal(shale_json_string_is(raw, escaped, shale_str_of(strings[j].plain)),
                                 i == j);
    }
    /* A prefix is not the same, either way. */
    assert_false(shale_json_string_is(SHALE_STR("a\\u0062c"), true, SHALE_STR("ab")));
    assert_false(shale_json_string_is(SHALE_STR("a\\u0062"), true, SHALE_STR("abc")));
    assert_false(shale_json_string_is(SHALE_STR("a\\u0062"), true, SHALE_STR("a")));
    assert_false(shale_json_string_is(SHALE_STR("\\u20AC"), true, SHALE_STR("\xE2\x82")));
    /* An escaped NUL is a character like any other. */
    assert_true(shale_json_string_is(SHALE_STR("a\\u0000b"), true, SHALE_STR("a\0b")));
}

static void test_drops_white_space(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {" { \"a b\" :\t[ 1 ,\r\n2 ] } ", "{\"a b\":[1,2]}"},
        {"\" \\\" \\\\\"", "\" \\\" \\\\\""},
        {"[\"\\\\\" , \" \"]", "[\"\\\\\",\" \"]"},
        {"12", "12"},
    };
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shale_buf_reset(&out);
        assert_int_equal(shale_json_minify(shale_str_of(cases[i][0]), &out), SHALE_OK);
        assert_true(shale_str_is(shale_buf_str(&out), cases[i][1]));
    }
    shale_buf_fini(&out);
}

static void test_keeps_to_the_cap(void **state)
{
    struct shale_buf out;
    bool lone;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 4);
    assert_int_equal(shale_json_minify(SHALE_STR("[        1,      2]"), &out), SHALE_LIMIT);
    shale_buf_reset(&out);
    assert_int_equal(shale_json_minify(SHALE_STR("[               12]"), &out), SHALE_OK);
    shale_buf_reset(&out);
    assert_int_equal(shale_json_unescape(SHALE_STR("\\u0041\\u0041\\u0041\\u0041"), &out, &lone),
                     SHALE_OK);
    assert_int_equal(shale_json_unescape(SHALE_STR("\\u0041"), &out, &lone), SHALE_LIMIT);
    shale_buf_fini(&out);
}

static void test_knows_utf8(void **state)
{
    static const char *const good[] = {
        "",
        "a",
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        ("abcdefgh\xE2\x82\xAC"
         "abcdefgh"),
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2\x82\x41",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "abcdefghijk\xC3",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(shale_utf8_valid(shale_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(shale_utf8_valid(shale_str_of(bad[i])));
    assert_true(shale_utf8_valid((struct shale_str){NULL, 0}));
    assert_int_equal(shale_utf8_length(SHALE_STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
    assert_int_equal(shale_utf8_length(SHALE_STR("")), 0);
}

static void test_fails_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct shale_buf out;
        bool lone;
        failing_mem_init(&failing, ++n);
        shale_buf_init(&out, &failing.mem, 100000);
        status = shale_json_unescape(SHALE_STR("abc\\n"), &out, &lone);
        for (int i = 0; i < 300 && status == SHALE_OK; i++)
            status = shale_json_minify(SHALE_STR("[ 1, 2, 3 ]"), &out);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&out);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolves_escapes),  cmocka_unit_test(test_compares_without_a_copy),
        cmocka_unit_test(test_drops_white_space), cmocka_unit_test(test_keeps_to_the_cap),
        cmocka_unit_test(test_knows_utf8),        cmocka_unit_test(test_fails_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
