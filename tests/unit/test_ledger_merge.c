/* SPDX-License-Identifier: MIT */
/* dataset/ledger_merge, ledger_conflicts: which segments are merged, over many commits; what others
 * consumed meanwhile, against arrays of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_made.h"

/* ---- The policy ------------------------------------------------------------------------------
 */

static int by_rows(const void *a, const void *b)
{
    int64_t x = ((const struct shale_segment *)a)->n_rows;
    int64_t y = ((const struct shale_segment *)b)->n_rows;
    return (x < y) - (x > y);
}

/* Commits of any sizes, each of which merges what it should: few segments, little written again. */
static void check_policy(unsigned seed, int n_commits, unsigned most_rows)
{
    struct shale_segment segments[200];
    size_t n = 0, first, n_merged;
    int64_t total = 0, written = 0;
    struct made made = {.random = seed};
    for (int commit = 0; commit < n_commits; commit++) {
        unsigned classes = 1;
        qsort(segments, n, sizeof *segments, by_rows);
        shale_ledger_pick_merge(segments, n, &first, &n_merged);
        if (n_merged > 0) {
            int64_t sum = 0;
            assert_true(first + n_merged <= n && n_merged > 1);
            for (size_t i = first; i < first + n_merged; i++)
                sum += segments[i].n_rows;
            written += sum;
            memmove(&segments[first], &segments[first + n_merged],
                    (n - first - n_merged) * sizeof *segments);
            n -= n_merged;
            segments[n++].n_rows = sum;
        }
        segments[n].n_rows = 1 + made_draw(&made, most_rows);
        total += segments[n++].n_rows;
        while (total >> (6 + 2 * (classes - 1)) > 0)
            classes++;
        assert_true(n <= 3 * (size_t)classes + 2);
        /* Each row once a class, and in the lowest class each commit 64 rows at most. */
        assert_true(written <= total * 2 * classes + (int64_t)commit * 64);
    }
}

static void test_segments_stay_few(void **state)
{
    (void)state;
    check_policy(1, 20000, 1);
    check_policy(2, 20000, 10);
    check_policy(3, 20000, 3000);
    check_policy(4, 20000, 100000);
    for (unsigned seed = 5; seed < 60; seed++)
        check_policy(seed, 1000, 1u << seed % 20);
}

/* ---- Conflicts --------------------------------------------------------------------------------
 */

static size_t rows_of_key(const struct made_row *rows, size_t n, const struct shale_ledger_row *key)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++)
        n_rows += shale_str_equal(rows[i].row.source, key->source) &&
                  shale_str_equal(rows[i].row.key, key->key);
    return n_rows;
}

/* The base's rows are the first in 'rows' by a mark, the newest has all; segments of the base may
 * be merged in it, also with new rows. */
static void check_conflicts(struct made *made, unsigned merge)
{
    enum { MOST = 300, N_OURS = 5 };
    struct made_row *rows = made_rows(MOST), *old = made_rows(MOST), *new = made_rows(MOST);
    struct made_row ours[N_OURS];
    struct shale_segment segments[12], segment;
    size_t n = random_rows(made, rows, MOST), n_old = 0, n_new = 0, n_old_segments, n_new_segments;
    struct shale_manifest base = {.ledger = segments}, newest;
    bool conflict, expected = false;
    for (size_t i = 0; i < n; i++)
        if (made_draw(made, 8) > 0)
            old[n_old++].row = rows[i].row;
        else
            new[n_new++].row = rows[i].row;
    n_old_segments = random_segments(made, old, n_old, segments, 5);
    n_new_segments = random_segments(made, new, n_new, segments + n_old_segments, 3);
    base.n_ledger = n_old_segments;
    newest = base;
    newest.n_ledger = n_old_segments + n_new_segments;
    if (merge > 0) { /* the last 'merge' of them are one */
        size_t first = newest.n_ledger > merge ? newest.n_ledger - merge : 0;
        assert_int_equal(shale_ledger_merge(made->store, segments + first, newest.n_ledger - first,
                                            "merged", segments[first].path, &made->arena,
                                            &segments[11], NULL),
                         SHALE_OK);
        newest.ledger = memcpy(shale_arena_zeroed(&made->arena, 12, sizeof *segments), segments,
                               sizeof segments);
        ((struct shale_segment *)(uintptr_t)newest.ledger)[first] = segments[11];
        newest.n_ledger = first + 1;
    }
    for (int i = 0; i < N_OURS; i++) {
        made_row_set(&ours[i], 1, (int)made_draw(made, 12) + 12 * i, 99, true);
        expected |= rows_of_key(rows, n, &ours[i].row) != rows_of_key(old, n_old, &ours[i].row);
    }
    assert_int_equal(made_segment(made, "ours", ours, N_OURS, 0, 1, &segment), SHALE_OK);
    assert_int_equal(shale_ledger_conflicts(made->store, &base, &newest, &segment, &conflict, NULL),
                     SHALE_OK);
    assert_int_equal(conflict, expected);
    assert_int_equal(shale_ledger_conflicts(made->store, &base, &base, &segment, &conflict, NULL),
                     SHALE_OK);
    assert_false(conflict);
    free(rows);
    free(old);
    free(new);
}

static void test_conflicts(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct made made;
        assert_true(made_init(&made, &shale_mem_libc));
        made.random = seed;
        check_conflicts(&made, seed % 5);
        made_fini(&made);
    }
}

/* Few keys of ours against a long ledger, which was merged meanwhile with one row more. */
static void test_conflicts_of_few_keys(void **state)
{
    enum { N = 20000, NEW = 7777 };
    struct made made;
    struct made_row *rows = made_rows(N), ours[2];
    struct shale_segment old, new, segment;
    struct shale_manifest base = {.ledger = &old, .n_ledger = 1};
    struct shale_manifest newest = {.ledger = &new, .n_ledger = 1};
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], 1, 2 * i, 7, true);
    assert_int_equal(made_segment(&made, "new", rows, N, 0, 1, &new), SHALE_OK);
    for (int i = NEW; i < N - 1; i++)
        made_row_set(&rows[i], 1, 2 * (i + 1), 7, true);
    assert_int_equal(made_segment(&made, "old", rows, N - 1, 0, 1, &old), SHALE_OK);
    for (int offset = -2; offset <= 2; offset++) {
        char path[] = {'o', (char)('2' + offset), 0};
        bool conflict;
        made_row_set(&ours[0], 1, 2 * NEW + offset, 8, true);
        made_row_set(&ours[1], 1, 2 * NEW + offset, 9, true);
        assert_int_equal(made_segment(&made, path, ours, 2, 0, 1, &segment), SHALE_OK);
        assert_int_equal(
            shale_ledger_conflicts(made.store, &base, &newest, &segment, &conflict, NULL),
            SHALE_OK);
        assert_int_equal(conflict, offset == 0);
    }
    free(rows);
    made_fini(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_stay_few),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_conflicts_of_few_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
