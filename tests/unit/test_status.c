/* SPDX-License-Identifier: MIT */
/* base/status: names are unique and plain, exit codes as documented. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/status.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(shale_status_name(SHALE_OK), "ok");
    assert_string_equal(shale_status_name(SHALE_NOMEM), "no_memory");
    for (int i = SHALE_OK; i <= SHALE_CANCELLED; i++) {
        const char *name = shale_status_name((enum shale_status)i);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int j = SHALE_OK; j < i; j++)
            assert_string_not_equal(name, shale_status_name((enum shale_status)j));
    }
}

static void test_exit_codes(void **state)
{
    static const int expected[] = {
        [SHALE_OK] = 0,     [SHALE_NOMEM] = 1,       [SHALE_USAGE] = 2,    [SHALE_CORRUPT] = 1,
        [SHALE_SCHEMA] = 2, [SHALE_LIMIT] = 1,       [SHALE_REJECTS] = 3,  [SHALE_DENIED] = 4,
        [SHALE_IO] = 1,     [SHALE_NOT_FOUND] = 1,   [SHALE_CONFLICT] = 1, [SHALE_UNSURE] = 5,
        [SHALE_AGAIN] = 5,  [SHALE_CANCELLED] = 130,
    };
    (void)state;
    for (int i = SHALE_OK; i <= SHALE_CANCELLED; i++)
        assert_int_equal(shale_status_exit_code((enum shale_status)i), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
