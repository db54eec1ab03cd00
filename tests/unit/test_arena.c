/* SPDX-License-Identifier: MIT */
/* base/arena: alignment, caps, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static void test_gives_zeroed_aligned_memory(void **state)
{
    struct shale_arena arena;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    for (size_t i = 1; i < 2000; i += 7) {
        char *p = shale_arena_zeroed(&arena, i, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(p[j], 0);
            p[j] = 1;
        }
    }
    shale_arena_reset(&arena);
    assert_int_equal(*(char *)shale_arena_zeroed(&arena, 1, 1), 0);
    shale_arena_fini(&arena);
}

static void test_never_passes_its_cap(void **state)
{
    struct shale_arena arena;
    size_t total = 0;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 100000);
    while (shale_arena_zeroed(&arena, 100, 10) != NULL)
        total += 1000;
    assert_in_range(total, 90000, 100000);
    assert_null(shale_arena_zeroed(&arena, SIZE_MAX / 2, 3));
    shale_arena_fini(&arena);
}

static void test_copies_end_in_nul(void **state)
{
    struct shale_arena arena;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 100000);
    assert_string_equal(shale_arena_copy(&arena, (struct shale_str){"shale", 3}), "sha");
    shale_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_zeroed_aligned_memory),
        cmocka_unit_test(test_never_passes_its_cap),
        cmocka_unit_test(test_copies_end_in_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
