/* SPDX-License-Identifier: MIT */
/* schema/pointer: RFC 6901's examples, what is no pointer, array indexes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "schema/pointer.h"

static void check(const char *text, size_t n_steps, const char *const *steps)
{
    struct shale_arena arena;
    struct shale_pointer pointer;
    bool valid;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_pointer_parse(&arena, shale_str_of(text), &pointer, &valid), SHALE_OK);
    assert_true(valid);
    assert_true(shale_str_is(pointer.text, text));
    assert_int_equal(pointer.n_steps, n_steps);
    for (size_t i = 0; i < n_steps; i++)
        assert_true(shale_str_is(pointer.steps[i], steps[i]));
    shale_arena_fini(&arena);
}

static void test_splits_and_unescapes(void **state)
{
    (void)state;
    check("", 0, NULL);
    check("/", 1, (const char *[]){""});
    check("/foo/0", 2, (const char *[]){"foo", "0"});
    check("/a~1b", 1, (const char *[]){"a/b"});
    check("/m~0n", 1, (const char *[]){"m~n"});
    check("/~01", 1, (const char *[]){"~1"}); /* section 4: not '/' */
    check("/a//b/", 4, (const char *[]){"a", "", "b", ""});
    check("/@timestamp", 1, (const char *[]){"@timestamp"});
}

static void test_refuses_what_is_no_pointer(void **state)
{
    static const char *const wrong[] = {"a", "a/b", "/~", "/a~2", "/a~/b", "#/a", " /a"};
    struct shale_arena arena;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct shale_pointer pointer;
        bool valid = true;
        assert_int_equal(shale_pointer_parse(&arena, shale_str_of(wrong[i]), &pointer, &valid),
                         SHALE_OK);
        assert_false(valid);
    }
    shale_arena_fini(&arena);
}

static void test_reads_array_indexes(void **state)
{
    static const char *const wrong[] = {"",   "-",  "01",         "00",
                                        "+1", "1a", "2147483648", "99999999999999999999"};
    size_t index;
    (void)state;
    assert_true(shale_pointer_index(SHALE_STR("0"), &index) && index == 0);
    assert_true(shale_pointer_index(SHALE_STR("2147483647"), &index) && index == 2147483647);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(shale_pointer_index(shale_str_of(wrong[i]), &index));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits_and_unescapes),
        cmocka_unit_test(test_refuses_what_is_no_pointer),
        cmocka_unit_test(test_reads_array_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
