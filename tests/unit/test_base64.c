/* SPDX-License-Identifier: MIT */
/* codec/base64: the vectors of RFC 4648, every byte, and what strict refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "codec/base64.h"

static void decodes(const char *text, const char *expected)
{
    char out[64];
    size_t n = 99;
    assert_true(strlen(text) <= 40);
    assert_true(shale_base64_decode(text, strlen(text), out, &n));
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(out, expected, n);
}

static void test_vectors_of_the_standard(void **state)
{
    (void)state;
    decodes("", "");
    decodes("Zg==", "f");
    decodes("Zm8=", "fo");
    decodes("Zm9v", "foo");
    decodes("Zm9vYg==", "foob");
    decodes("Zm9vYmE=", "fooba");
    decodes("Zm9vYmFy", "foobar");
    decodes("+/+/", "\xfb\xff\xbf");
}

static void test_refuses_what_is_not_exact(void **state)
{
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",  "=",       "==",       "====",       "Zg==Zg==", "Zh==",
        "Zm9=", "Z===", "Zg=v", "Zm 9v",   "Zm9v\n",   "Zm9v\n\n\n", "Zm-v",     "Zm_v",
        "Z=9v", "*m9v", "Zm9~", "\x80m9v", "Zm9vYg=a", "=Zm9",       "Zm9vZg=",  "Zm9{",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char out[64];
        size_t n;
        if (shale_base64_decode(bad[i], strlen(bad[i]), out, &n))
            fail_msg("accepted \"%s\"", bad[i]);
    }
}

static void test_every_character_has_its_value(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const char text[4] = {'A', 'A', 'A', (char)c};
        const char *at = c == 0 ? NULL : strchr(alphabet, (int)c);
        unsigned char out[6];
        size_t n;
        bool ok = shale_base64_decode(text, 4, out, &n);
        if (c == '=') {
            assert_true(ok);
            assert_int_equal(n, 2);
            continue;
        }
        assert_int_equal(ok, at != NULL);
        if (at != NULL)
            assert_int_equal(out[2], at - alphabet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_standard),
        cmocka_unit_test(test_refuses_what_is_not_exact),
        cmocka_unit_test(test_every_character_has_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
