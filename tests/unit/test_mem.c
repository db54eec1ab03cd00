/* SPDX-License-Identifier: MIT */
/* base/mem: what reaches the hook, and overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

struct calls {
    int n;
    int n_alive;
    size_t n_bytes; /* of the last */
};

static void *count(void *ctx, void *ptr, size_t n_bytes)
{
    struct calls *calls = ctx;
    calls->n++;
    calls->n_bytes = n_bytes;
    if (n_bytes == 0) {
        calls->n_alive--;
        free(ptr);
        return NULL;
    }
    calls->n_alive += ptr == NULL;
    return realloc(ptr, n_bytes);
}

static void test_everything_goes_through_the_hook(void **state)
{
    struct calls calls = {0, 0, 0};
    const struct shale_mem mem = {count, &calls};
    char *a, *b;
    (void)state;
    a = shale_mem_alloc(&mem, 0);
    assert_non_null(a);
    assert_int_equal(calls.n_bytes, 1); /* 0 would free */
    b = shale_mem_zeroed(&mem, 30, 10);
    for (int i = 0; i < 300; i++)
        assert_int_equal(b[i], 0);
    memset(b, 7, 300);
    b = shale_mem_resize(&mem, b, 500, 2);
    assert_int_equal(calls.n_bytes, 1000);
    assert_int_equal(b[299], 7);
    b = shale_mem_resize(&mem, b, 0, 8);
    assert_int_equal(calls.n_bytes, 1);
    assert_int_equal(calls.n_alive, 2);
    shale_mem_free(&mem, a);
    shale_mem_free(&mem, b);
    shale_mem_free(&mem, NULL);
    assert_int_equal(calls.n, 6);
    assert_int_equal(calls.n_alive, 0);
}

static void test_overflow_is_no_memory(void **state)
{
    struct calls calls = {0, 0, 0};
    const struct shale_mem mem = {count, &calls};
    (void)state;
    assert_null(shale_mem_zeroed(&mem, SIZE_MAX / 2, 3));
    assert_null(shale_mem_resize(&mem, NULL, 3, SIZE_MAX / 2));
    assert_int_equal(calls.n, 0);
}

static void test_the_libc_hook(void **state)
{
    char *p = shale_mem_alloc(&shale_mem_libc, 100);
    (void)state;
    assert_non_null(p);
    memset(p, 1, 100);
    p = shale_mem_resize(&shale_mem_libc, p, 10000, 1);
    assert_int_equal(p[99], 1);
    shale_mem_free(&shale_mem_libc, p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_goes_through_the_hook),
        cmocka_unit_test(test_overflow_is_no_memory),
        cmocka_unit_test(test_the_libc_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
