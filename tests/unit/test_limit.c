/* SPDX-License-Identifier: MIT */
/* base/limit, base/printable: what is counted, what is refused; what reaches a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/limit.h"
#include "base/printable.h"

enum { HEADER = SHALE_LIMIT_HEADER_BYTES };

static void test_counts_and_refuses(void **state)
{
    struct shale_limit limit;
    char *a, *b;
    (void)state;
    shale_limit_init(&limit, &shale_mem_libc, 1000);
    a = shale_mem_alloc(&limit.mem, 500);
    assert_non_null(a);
    memset(a, 'a', 500);
    assert_int_equal(shale_limit_n_bytes(&limit), 500 + HEADER);
    assert_null(shale_mem_alloc(&limit.mem, 1000 - 500 - 2 * HEADER + 1));
    assert_int_equal(shale_limit_status(&limit), SHALE_LIMIT);
    b = shale_mem_alloc(&limit.mem, 1000 - 500 - 2 * HEADER);
    assert_non_null(b);
    assert_int_equal(shale_limit_n_bytes(&limit), 1000);
    assert_null(shale_mem_resize(&limit.mem, a, 501, 1));
    assert_int_equal(a[499], 'a'); /* as it was */
    a = shale_mem_resize(&limit.mem, a, 10, 1);
    assert_non_null(a);
    assert_int_equal(a[9], 'a');
    shale_mem_free(&limit.mem, b);
    assert_int_equal(shale_limit_n_bytes(&limit), 10 + HEADER);
    a = shale_mem_resize(&limit.mem, a, 900, 1);
    assert_non_null(a);
    assert_int_equal(a[9], 'a');
    assert_null(shale_mem_resize(&limit.mem, NULL, SIZE_MAX, 1));
    shale_mem_free(&limit.mem, a);
    assert_int_equal(shale_limit_n_bytes(&limit), 0);
}

static void *none(void *ctx, void *ptr, size_t n_bytes)
{
    (void)ctx;
    (void)ptr;
    (void)n_bytes;
    return NULL;
}

static void test_no_memory_is_not_the_limit(void **state)
{
    static const struct shale_mem empty = {none, NULL};
    struct shale_limit limit;
    (void)state;
    shale_limit_init(&limit, &empty, 1000);
    assert_null(shale_mem_alloc(&limit.mem, 10));
    assert_int_equal(shale_limit_n_bytes(&limit), 0);
    assert_int_equal(shale_limit_status(&limit), SHALE_NOMEM);
}

static void test_printable(void **state)
{
    static const struct {
        struct shale_str in;
        size_t n_bytes;
        const char *out;
    } cases[] = {
        {{"plain", 5}, 40, "plain"},
        {{"", 0}, 40, ""},
        {{"a\0b\n\x1b[2J\x7f", 9}, 40, "a\\x00b\\x0a\\x1b[2J\\x7f"},
        {{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82", 15},
         40,
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82"},
        {{"\xff\xc3", 2}, 40, "\\xff\\xc3"},
        {{"\xc0\x80\xed\xa0\x80", 5}, 40, "\\xc0\\x80\\xed\\xa0\\x80"}, /* overlong, surrogate */
        {{"\xc2\x9b", 2}, 40, "\\u{009b}"},
        {{"\xe2\x80\xae", 3}, 40, "\\u{202e}"}, /* right to left */
        {{"a\\b", 3}, 40, "a\\\\b"},
        {{"12345678", 8}, 9, "12345678"},
        {{"123456789", 9}, 9, "12345..."},
        {{"1234567\x01", 8}, 9, "12345..."},
        {{"\x01\x02\x03", 3}, 9, "\\x01..."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[40];
        memset(out, '!', sizeof out);
        assert_string_equal(shale_printable(cases[i].in, out, cases[i].n_bytes), cases[i].out);
        if (cases[i].n_bytes < sizeof out)
            assert_int_equal(out[cases[i].n_bytes], '!');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_refuses),
        cmocka_unit_test(test_no_memory_is_not_the_limit),
        cmocka_unit_test(test_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
