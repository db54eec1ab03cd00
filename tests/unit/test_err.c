/* SPDX-License-Identifier: MIT */
/* base/err: filling, places, text; and what holds for every line of errors.def. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void test_says_what_and_where(void **state)
{
    struct shale_err err;
    char text[100];
    (void)state;
    shale_err_clear(&err);
    assert_string_equal(shale_err_text(&err, text, sizeof text), "");
    assert_int_equal(SHALE_ERR(&err, interrupted), SHALE_CANCELLED);
    assert_int_equal(err.code, SHALE_E_interrupted);
    assert_string_equal(shale_err_text(&err, text, sizeof text),
                        "interrupted; nothing was published");
    shale_err_at(&err, NULL, -1, 203);
    assert_string_equal(shale_err_text(&err, text, sizeof text),
                        "byte 203: interrupted; nothing was published");
    shale_err_at(&err, "s3://b/e.json", 17, 5);
    assert_string_equal(shale_err_text(&err, text, sizeof text),
                        "s3://b/e.json: record 17, byte 203: interrupted; nothing was published");
    shale_err_at(&err, "other", 18, 6); /* what is known stays */
    assert_string_equal(err.object, "s3://b/e.json");
    assert_int_equal(err.record, 17);
    assert_int_equal(err.byte, 203);
    assert_string_equal(shale_err_text(&err, text, 10), "s3://b/e.");
}

static void test_fills_the_wording_in(void **state)
{
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(SHALE_ERR(&err, gzip_header, 2LL, 30LL, "torn"), SHALE_CORRUPT);
    assert_string_equal(err.message, "gzip member 2 at stored byte 30: bad header: torn");
}

static void test_null_says_nothing(void **state)
{
    (void)state;
    shale_err_clear(NULL);
    assert_int_equal(SHALE_ERR(NULL, no_memory), SHALE_NOMEM);
    shale_err_at(NULL, "object", 1, 2);
}

static void test_cuts_what_is_too_long(void **state)
{
    static char name[3000];
    struct shale_err err;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    shale_err_clear(&err);
    assert_int_equal(SHALE_ERR(&err, gzip_header, 1LL, 0LL, name), SHALE_CORRUPT);
    shale_err_at(&err, name, 0, 0);
    assert_int_equal(strlen(err.message), SHALE_ERR_MESSAGE_BYTES - 1);
    assert_int_equal(strlen(err.object), SHALE_ERR_OBJECT_BYTES - 1);
}

/* Users filter by the names: lower case, unique. */
static void test_the_table_is_sound(void **state)
{
    (void)state;
    assert_int_equal(shale_error_status(SHALE_E_none), SHALE_OK);
    for (unsigned i = 1; i < SHALE_E_count; i++) {
        const char *name = shale_error_name((enum shale_error)i);
        const char *wording = shale_error_wording((enum shale_error)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        assert_in_range(strlen(wording), 3, 300);
        if (strpbrk(wording, "\n\t") != NULL || wording[strlen(wording) - 1] == '.')
            fail_msg("%s: one line without a full stop, please: %s", name, wording);
        for (unsigned j = 1; j < i; j++)
            assert_string_not_equal(name, shale_error_name((enum shale_error)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_what_and_where), cmocka_unit_test(test_fills_the_wording_in),
        cmocka_unit_test(test_null_says_nothing),   cmocka_unit_test(test_cuts_what_is_too_long),
        cmocka_unit_test(test_the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
