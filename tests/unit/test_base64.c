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
#include "scratch.h"

static void decodes(const char *text, const char *expected)
{
    char out[64];
    size_t n = 99;
    assert_true(strlen(text) <= 40);
    assert_true(shale_base64_decode(text, strlen(text), out, &n));
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(out, expected, n);
}

/* Behind what is there already. */
static void encodes(const char *bytes, const char *expected)
{
    struct shale_buf out;
    shale_buf_init(&out, &shale_mem_libc, 64);
    assert_int_equal(shale_buf_append_byte(&out, '>'), SHALE_OK);
    assert_int_equal(shale_base64_append(shale_str_of(bytes), &out), SHALE_OK);
    assert_int_equal(out.n_bytes, 1 + strlen(expected));
    assert_memory_equal(out.data, ">", 1);
    assert_memory_equal(out.data + 1, expected, strlen(expected));
    shale_buf_fini(&out);
}

static void both_ways(const char *bytes, const char *text)
{
    encodes(bytes, text);
    decodes(text, bytes);
}

static void test_vectors_of_the_standard(void **state)
{
    (void)state;
    both_ways("", "");
    both_ways("f", "Zg==");
    both_ways("fo", "Zm8=");
    both_ways("foo", "Zm9v");
    both_ways("foob", "Zm9vYg==");
    both_ways("fooba", "Zm9vYmE=");
    both_ways("foobar", "Zm9vYmFy");
    both_ways("\xfb\xff\xbf", "+/+/");
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

static void test_every_length_comes_back(void **state)
{
    char bytes[256], back[300];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 151 + 7); /* each byte once */
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct shale_buf out;
        size_t n_back;
        shale_buf_init(&out, &shale_mem_libc, (n + 2) / 3 * 4); /* not a byte more */
        assert_int_equal(shale_base64_append((struct shale_str){bytes, n}, &out), SHALE_OK);
        assert_int_equal(out.n_bytes, (n + 2) / 3 * 4);
        assert_true(shale_base64_bound(out.n_bytes) <= sizeof back);
        assert_true(shale_base64_decode(out.data, out.n_bytes, back, &n_back));
        assert_int_equal(n_back, n);
        assert_memory_equal(back, bytes, n);
        shale_buf_fini(&out);
    }
}

static void test_no_room(void **state)
{
    struct failing_mem failing;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 7);
    assert_int_equal(shale_base64_append(SHALE_STR("four"), &out), SHALE_LIMIT);
    assert_int_equal(out.n_bytes, 0);
    shale_buf_fini(&out);
    failing_mem_init(&failing, 1);
    shale_buf_init(&out, &failing.mem, 64);
    assert_int_equal(shale_base64_append(SHALE_STR("four"), &out), SHALE_NOMEM);
    assert_int_equal(out.n_bytes, 0);
    shale_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_standard),
        cmocka_unit_test(test_refuses_what_is_not_exact),
        cmocka_unit_test(test_every_character_has_its_value),
        cmocka_unit_test(test_every_length_comes_back),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
