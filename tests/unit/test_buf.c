/* SPDX-License-Identifier: MIT */
/* base/buf: growth, the cap, failures that leave the content as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

static void test_grows_as_it_is_filled(void **state)
{
    struct shale_buf buf;
    (void)state;
    shale_buf_init(&buf, &shale_mem_libc, 1 << 20);
    assert_null(buf.data);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(shale_buf_append_byte(&buf, (char)(i * 7)), SHALE_OK);
        assert_int_equal(shale_buf_append_str(&buf, SHALE_STR("shale")), SHALE_OK);
    }
    assert_int_equal(buf.n_bytes, 30000);
    assert_true(buf.capacity >= buf.n_bytes);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(buf.data[i * 6], (char)(i * 7));
        assert_memory_equal(buf.data + i * 6 + 1, "shale", 5);
    }
    shale_buf_reset(&buf);
    assert_int_equal(buf.n_bytes, 0);
    assert_true(buf.capacity >= 30000);
    shale_buf_fini(&buf);
    assert_null(buf.data);
    shale_buf_fini(&buf); /* twice is fine */
}

static void test_never_passes_its_cap(void **state)
{
    struct shale_buf buf;
    (void)state;
    shale_buf_init(&buf, &shale_mem_libc, 1000);
    while (buf.n_bytes < 1000)
        assert_int_equal(shale_buf_append(&buf, "0123456789", 10), SHALE_OK);
    assert_int_equal(buf.capacity, 1000);
    assert_int_equal(shale_buf_append_byte(&buf, 'x'), SHALE_LIMIT);
    assert_int_equal(shale_buf_reserve(&buf, SIZE_MAX), SHALE_LIMIT);
    assert_int_equal(shale_buf_reserve(&buf, SIZE_MAX - 999), SHALE_LIMIT);
    assert_int_equal(shale_buf_append(&buf, NULL, 0), SHALE_OK);
    assert_int_equal(buf.n_bytes, 1000);
    assert_memory_equal(buf.data + 990, "0123456789", 10);
    shale_buf_fini(&buf);
}

static void test_prints_behind_the_content(void **state)
{
    struct shale_buf buf;
    (void)state;
    shale_buf_init(&buf, &shale_mem_libc, 600);
    assert_int_equal(shale_buf_printf(&buf, "%d-%s", 17, "a"), SHALE_OK);
    assert_int_equal(shale_buf_printf(&buf, "%500d", 3), SHALE_OK);
    assert_int_equal(buf.n_bytes, 504);
    assert_memory_equal(buf.data, "17-a ", 5);
    assert_int_equal(buf.data[503], '3');
    assert_int_equal(shale_buf_printf(&buf, "%100d", 4), SHALE_LIMIT);
    assert_int_equal(buf.n_bytes, 504);
    shale_buf_fini(&buf);
}

static void *fail_when_told(void *ctx, void *ptr, size_t n_bytes)
{
    const int *fail = ctx;
    if (n_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return *fail != 0 ? NULL : realloc(ptr, n_bytes);
}

static void test_without_memory_the_content_stays(void **state)
{
    int fail = 1;
    const struct shale_mem mem = {fail_when_told, &fail};
    struct shale_buf buf;
    (void)state;
    shale_buf_init(&buf, &mem, 1 << 20);
    assert_int_equal(shale_buf_append(&buf, "x", 1), SHALE_NOMEM);
    fail = 0;
    assert_int_equal(shale_buf_append(&buf, "kept", 4), SHALE_OK);
    fail = 1;
    assert_int_equal(shale_buf_reserve(&buf, 100000), SHALE_NOMEM);
    assert_int_equal(shale_buf_printf(&buf, "%5000d", 1), SHALE_NOMEM);
    assert_true(shale_str_is(shale_buf_str(&buf), "kept"));
    shale_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_as_it_is_filled),
        cmocka_unit_test(test_never_passes_its_cap),
        cmocka_unit_test(test_prints_behind_the_content),
        cmocka_unit_test(test_without_memory_the_content_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
