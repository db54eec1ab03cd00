/* SPDX-License-Identifier: MIT */
/* dataset/object_set: what is in it, and which stretches of keys it reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "dataset/object_set.h"

static struct shale_str name(int64_t i, char out[24])
{
    int n = snprintf(out, 24, "key-%08lld", (long long)i);
    return (struct shale_str){out, (size_t)n};
}

/* The even numbers below 2 * n. */
static struct shale_object_set *make(int64_t n)
{
    struct shale_object_set *set;
    char text[24];
    assert_int_equal(shale_object_set_new(&shale_mem_libc, n, &set), SHALE_OK);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(shale_object_set_add(set, name(2 * i, text)), SHALE_OK);
    shale_object_set_end(set);
    return set;
}

static bool reaches(const struct shale_object_set *set, int64_t from, int64_t to)
{
    char first[24], last[24];
    const struct shale_str a = name(from, first), b = name(to, last);
    return shale_object_set_reaches(set, &a, &b);
}

static void test_has(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 5; n++) {
        struct shale_object_set *set = make(n);
        char text[24];
        assert_int_equal(shale_object_set_n(set), n);
        for (int64_t i = 0; i < 10; i++)
            assert_int_equal(shale_object_set_has(set, name(i, text)), i % 2 == 0 && i < 2 * n);
        assert_false(shale_object_set_has(set, (struct shale_str){NULL, 0}));
        shale_object_set_free(set);
    }
}

static void test_reaches(void **state)
{
    struct shale_object_set *set = make(3); /* 0, 2, 4 */
    const struct shale_str above = SHALE_STR("key-00000004"), behind = SHALE_STR("key-00000005");
    (void)state;
    assert_true(reaches(set, 0, 0));
    assert_false(reaches(set, 1, 1));
    assert_true(reaches(set, 1, 2));
    assert_true(reaches(set, 3, 9));
    assert_false(reaches(set, 5, 9));
    assert_true(shale_object_set_reaches(set, NULL, NULL));
    assert_true(shale_object_set_reaches(set, &above, NULL));
    assert_false(shale_object_set_reaches(set, &behind, NULL));
    shale_object_set_free(set);
    set = make(0);
    assert_false(shale_object_set_reaches(set, NULL, NULL));
    shale_object_set_free(set);
}

/* More keys than stretches: what is in it is reached, and what is far from it is not. */
static void test_large(void **state)
{
    enum { N = 100000 };
    struct shale_object_set *set = make(N);
    char text[24];
    (void)state;
    for (int64_t i = 0; i < 2 * N; i += 777) {
        assert_int_equal(shale_object_set_has(set, name(i, text)), i % 2 == 0);
        if (i % 2 == 0)
            assert_true(reaches(set, i, i));
    }
    assert_false(reaches(set, 2 * N, 3 * N));
    assert_true(reaches(set, 2 * N - 2, 3 * N));
    shale_object_set_free(set);
}

static void *fail_at(void *ctx, void *ptr, size_t n_bytes)
{
    int *left = ctx;
    if (n_bytes > 0 && (*left)-- == 0)
        return NULL;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 0; status == SHALE_NOMEM; n++) {
        int left = n;
        const struct shale_mem mem = {fail_at, &left};
        struct shale_object_set *set;
        char text[24];
        assert_true(n < 100);
        status = shale_object_set_new(&mem, 50, &set);
        for (int64_t i = 0; i < 50 && status == SHALE_OK; i++)
            status = shale_object_set_add(set, name(i, text));
        shale_object_set_free(set);
    }
    assert_int_equal(status, SHALE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has),
        cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
