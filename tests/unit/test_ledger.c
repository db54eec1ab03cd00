/* SPDX-License-Identifier: MIT */
/* dataset/ledger: segments, the cursor over some of them, look-ups, merging and conflicts, against
 * arrays of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_made.h"

static struct made_row *made_rows(size_t n)
{
    struct made_row *rows = calloc(n + 1, sizeof *rows);
    assert_non_null(rows);
    return rows;
}

/* Some keys with one to three tags, of up to three sources; returns how many rows. */
static size_t random_rows(struct made *made, struct made_row *rows, size_t most)
{
    size_t n = 0;
    for (int source = 0; source < 3; source++)
        for (int key = 0; key < 60 && n + 3 < most; key++)
            for (unsigned tag = made_draw(made, 4); tag > 0; tag--)
                made_row_set(&rows[n++], source, key, 9 - (int)tag, made_draw(made, 3) > 0);
    return n;
}

/* ---- Segments ---------------------------------------------------------------------------------
 */

static void test_round_trip(void **state)
{
    enum { N = 300 };
    struct made made;
    struct made_row *rows = made_rows(N);
    struct shale_segment segment;
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    int64_t read = 0;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++) {
        made_row_set(&rows[i], 1, i, 7, i % 5 > 0);
        read += rows[i].row.read;
    }
    assert_int_equal(made_segment(&made, "_shale/ledger/a.parquet", rows, N, 0, 1, &segment),
                     SHALE_OK);
    assert_true(shale_str_is(segment.path, "_shale/ledger/a.parquet"));
    assert_int_equal(segment.n_rows, N);
    assert_int_equal(segment.read, read);
    assert_int_equal(segment.read, segment.written + segment.rejected);
    assert_true(shale_str_equal(segment.first_key, rows[0].row.key));
    assert_true(shale_str_equal(segment.last_key, rows[N - 1].row.key));
    assert_int_equal(segment.footer_hash.n_bytes, SHALE_HASH_BYTES);
    assert_int_equal(shale_ledger_cursor_new(made.store,
                                             &(struct shale_ledger_cursor_options){
                                                 .segments = &segment, .n_segments = 1},
                                             &cursor, NULL),
                     SHALE_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
        assert_non_null(row);
        assert_true(made_same(row, &rows[i].row, false));
    }
    assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
    assert_null(row);
    assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
    assert_null(row);
    shale_ledger_cursor_free(cursor);
    free(rows);
    made_fini(&made);
}

/* Nothing in a segment depends on anything but its rows. */
static void test_same_rows_same_bytes(void **state)
{
    enum { N = 2000 };
    struct made made;
    struct made_row *rows = made_rows(N);
    struct shale_segment a, b;
    struct shale_buf bytes[2];
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], 1, i * 3, 7, true);
    assert_int_equal(made_segment(&made, "a", rows, N, 0, 1, &a), SHALE_OK);
    assert_int_equal(made_segment(&made, "b", rows, N, 0, 1, &b), SHALE_OK);
    for (int i = 0; i < 2; i++) {
        shale_buf_init(&bytes[i], &shale_mem_libc, 1 << 24);
        assert_int_equal(shale_store_read(made.store, i == 0 ? "a" : "b", &bytes[i], NULL),
                         SHALE_OK);
    }
    assert_int_equal(bytes[0].n_bytes, a.n_bytes);
    assert_true(shale_str_equal(shale_buf_str(&bytes[0]), shale_buf_str(&bytes[1])));
    assert_true(shale_str_equal(a.footer_hash, b.footer_hash));
    shale_buf_fini(&bytes[0]);
    shale_buf_fini(&bytes[1]);
    free(rows);
    made_fini(&made);
}

static void test_refuses_rows_out_of_order(void **state)
{
    struct made made;
    struct made_row rows[3];
    struct shale_ledger_writer *writer;
    struct shale_segment segment;
    struct shale_err err;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    made_row_set(&rows[0], 1, 5, 7, true);
    for (int i = 0; i < 4; i++) {
        made_row_set(&rows[1], i == 0 ? 0 : 1, i == 1 ? 4 : 5, i == 2 ? 6 : 7, true);
        if (i == 3)
            rows[1].row.tag = SHALE_STR("\xff"); /* behind, but no text */
        assert_int_equal(shale_ledger_writer_new(made.store, "x", &writer, NULL), SHALE_OK);
        assert_int_equal(shale_ledger_writer_add(writer, &rows[0].row, NULL), SHALE_OK);
        shale_err_clear(&err);
        assert_int_equal(shale_ledger_writer_add(writer, &rows[1].row, &err), SHALE_CORRUPT);
        assert_string_equal(err.object, "x");
        assert_int_equal(shale_ledger_writer_finish(writer, &made.arena, &segment, NULL),
                         SHALE_CORRUPT);
        shale_ledger_writer_free(writer);
    }
    made_fini(&made);
}

static void test_empty_segment(void **state)
{
    struct made made;
    struct shale_segment segment;
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    assert_int_equal(made_segment(&made, "x", NULL, 0, 0, 1, &segment), SHALE_OK);
    assert_int_equal(segment.n_rows, 0);
    assert_int_equal(shale_ledger_cursor_new(made.store,
                                             &(struct shale_ledger_cursor_options){
                                                 .segments = &segment, .n_segments = 1},
                                             &cursor, NULL),
                     SHALE_OK);
    assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
    assert_null(row);
    shale_ledger_cursor_free(cursor);
    made_fini(&made);
}

/* ---- The cursor -------------------------------------------------------------------------------
 */

/* Distribute rows over up to 'most' segments. */
static size_t random_segments(struct made *made, const struct made_row *rows, size_t n,
                              struct shale_segment *segments, size_t most)
{
    struct made_row *part = made_rows(n);
    size_t n_segments = 1 + made_draw(made, (unsigned)most);
    uint8_t *to = malloc(n + 1);
    assert_non_null(to);
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)made_draw(made, (unsigned)n_segments);
    for (size_t s = 0; s < n_segments; s++) {
        char path[32];
        size_t n_part = 0;
        (void)snprintf(path, sizeof path, "segment-%u", made_draw(made, 1u << 30));
        for (size_t i = 0; i < n; i++)
            if (to[i] == s) {
                part[n_part].row = rows[i].row;
                n_part++;
            }
        assert_int_equal(made_segment(made, path, part, n_part, 0, 1, &segments[s]), SHALE_OK);
    }
    free(part);
    free(to);
    return n_segments;
}

static void check_cursor(struct made *made, const struct shale_segment *segments, size_t n_segments,
                         const struct made_row *rows, size_t n, struct shale_str source,
                         struct shale_str after, bool identity_only)
{
    const struct shale_ledger_cursor_options options = {segments, n_segments, source, after,
                                                        identity_only};
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    assert_int_equal(shale_ledger_cursor_new(made->store, &options, &cursor, NULL), SHALE_OK);
    for (size_t i = 0; i < n; i++) {
        if (source.n_bytes > 0 && !shale_str_equal(rows[i].row.source, source))
            continue;
        if (source.n_bytes > 0 && shale_str_compare(rows[i].row.key, after) <= 0)
            continue;
        assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
        assert_non_null(row);
        assert_true(made_same(row, &rows[i].row, identity_only));
    }
    assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
    assert_null(row);
    shale_ledger_cursor_free(cursor);
}

static void check_lookup(struct made *made, const struct shale_segment *segments, size_t n_segments,
                         const struct made_row *rows, size_t n)
{
    struct shale_ledger_lookup *lookup;
    struct made_row wanted;
    assert_int_equal(shale_ledger_lookup_new(made->store, segments, n_segments, &lookup, NULL),
                     SHALE_OK);
    for (int time = 0; time < 20; time++) {
        const struct shale_ledger_row *found;
        size_t n_found, n_there = 0;
        made_row_set(&wanted, (int)made_draw(made, 4), (int)made_draw(made, 62), 0, true);
        assert_int_equal(shale_ledger_lookup_find(lookup, wanted.row.source, wanted.row.key, &found,
                                                  &n_found, NULL),
                         SHALE_OK);
        for (size_t i = 0; i < n; i++) {
            bool is_found = false;
            if (!shale_str_equal(rows[i].row.source, wanted.row.source) ||
                !shale_str_equal(rows[i].row.key, wanted.row.key))
                continue;
            n_there++;
            for (size_t f = 0; f < n_found; f++)
                is_found |= made_same(&found[f], &rows[i].row, true);
            assert_true(is_found);
        }
        assert_int_equal(n_found, n_there);
    }
    shale_ledger_lookup_free(lookup);
}

/* Any rows in any segments: the cursor gives those that are asked for, in order; a look-up gives
 * those of its key; merged they are the same ledger. */
static void test_against_a_model(void **state)
{
    enum { MOST = 400 };
    struct made_row *rows = made_rows(MOST);
    struct shale_segment segments[9];
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct made made;
        struct made_row from;
        size_t n, n_segments;
        assert_true(made_init(&made, &shale_mem_libc));
        made.random = seed;
        n = random_rows(&made, rows, MOST);
        n_segments = random_segments(&made, rows, n, segments, 8);
        for (int time = 0; time < 8; time++) {
            made_row_set(&from, (int)made_draw(&made, 4), (int)made_draw(&made, 62), 0, true);
            check_cursor(&made, segments, n_segments, rows, n,
                         time % 4 > 0 ? from.row.source : SHALE_STR(""),
                         time % 4 > 1 ? from.row.key : SHALE_STR(""), time % 2 > 0);
        }
        check_lookup(&made, segments, n_segments, rows, n);
        assert_int_equal(shale_ledger_merge(made.store, segments, n_segments, "merged", &made.arena,
                                            &segments[8], NULL),
                         SHALE_OK);
        check_cursor(&made, &segments[8], 1, rows, n, SHALE_STR(""), SHALE_STR(""), false);
        check_lookup(&made, &segments[8], 1, rows, n);
        made_fini(&made);
    }
    free(rows);
}

/* Long segments: places are found by row groups and pages, whose bounds are cut. */
static void test_places_in_long_segments(void **state)
{
    enum { N = 120000 };
    struct made made;
    struct made_row *rows = made_rows(N);
    struct shale_segment segments[2];
    struct shale_ledger_lookup *lookup;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], i / 70000, i % 70000, 7, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            made_segment(&made, i == 0 ? "even" : "odd", rows, N, (size_t)i, 2, &segments[i]),
            SHALE_OK);
    assert_int_equal(shale_ledger_lookup_new(made.store, segments, 2, &lookup, NULL), SHALE_OK);
    for (int i = 0; i < 200; i++) {
        /* Row groups have 16,384 rows. */
        size_t at = i == 0   ? 0
                    : i == 1 ? N - 1
                    : i < 8  ? (size_t)(i / 2) * 32768 - (size_t)i % 2
                             : made_draw(&made, N),
               n_found;
        const struct shale_ledger_row *found;
        struct shale_ledger_cursor *cursor;
        const struct shale_ledger_row *row;
        const struct shale_ledger_cursor_options options = {segments, 2, rows[at].row.source,
                                                            rows[at].row.key, true};
        bool is_last =
            at + 1 == N || !shale_str_equal(rows[at + 1].row.source, rows[at].row.source);
        assert_int_equal(shale_ledger_lookup_find(lookup, rows[at].row.source, rows[at].row.key,
                                                  &found, &n_found, NULL),
                         SHALE_OK);
        assert_int_equal(n_found, 1);
        assert_true(made_same(found, &rows[at].row, true));
        if (i >= 8 && i % 10 > 0)
            continue;
        assert_int_equal(shale_ledger_cursor_new(made.store, &options, &cursor, NULL), SHALE_OK);
        assert_int_equal(shale_ledger_cursor_next(cursor, &row, NULL), SHALE_OK);
        assert_true(is_last ? row == NULL : made_same(row, &rows[at + 1].row, true));
        shale_ledger_cursor_free(cursor);
    }
    shale_ledger_lookup_free(lookup);
    check_cursor(&made, segments, 2, rows, N, SHALE_STR(""), SHALE_STR(""), false);
    free(rows);
    made_fini(&made);
}

static void test_a_row_in_two_segments(void **state)
{
    enum { N = 50 };
    struct made_row *rows = made_rows(N);
    (void)state;
    for (size_t twice = 0; twice < N; twice++) {
        struct made made;
        struct shale_segment segments[4];
        struct shale_ledger_cursor *cursor;
        const struct shale_ledger_row *row;
        struct shale_err err;
        enum shale_status status;
        size_t n = 0;
        assert_true(made_init(&made, &shale_mem_libc));
        for (int i = 0; i < N; i++)
            made_row_set(&rows[i], 1, i, 7, true);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(
                made_segment(&made, (char[]){'a', (char)('a' + i), 0}, rows, N, i, 3, &segments[i]),
                SHALE_OK);
        assert_int_equal(made_segment(&made, "twice", rows, twice + 1, twice, 1, &segments[3]),
                         SHALE_OK);
        shale_err_clear(&err);
        status = shale_ledger_cursor_new(
            made.store,
            &(struct shale_ledger_cursor_options){.segments = segments, .n_segments = 4}, &cursor,
            &err);
        while (status == SHALE_OK &&
               (status = shale_ledger_cursor_next(cursor, &row, &err)) == SHALE_OK && row != NULL)
            n++;
        assert_int_equal(status, SHALE_CORRUPT);
        assert_int_equal(err.code, SHALE_E_ledger_twice);
        assert_true(n <= twice);
        assert_int_equal(shale_ledger_cursor_next(cursor, &row, &err), SHALE_CORRUPT);
        shale_ledger_cursor_free(cursor);
        made_fini(&made);
    }
    free(rows);
}

/* ---- Merging ----------------------------------------------------------------------------------
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
        while (total >> (10 + 2 * (classes - 1)) > 0)
            classes++;
        assert_true(n <= 3 * (size_t)classes + 2);
        /* Each row once a class, and in the lowest class each commit 1,024 rows at most. */
        assert_true(written <= total * 2 * classes + (int64_t)commit * 1024);
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
                                            "merged", &made->arena, &segments[11], NULL),
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

/* ---- Damage -----------------------------------------------------------------------------------
 */

/* Read all; SHALE_OK means that the rows are right. */
static enum shale_status read_all(struct made *made, const struct shale_segment *segment,
                                  const struct made_row *rows, size_t n, struct shale_err *err)
{
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    size_t i = 0;
    enum shale_status status = shale_ledger_cursor_new(
        made->store, &(struct shale_ledger_cursor_options){.segments = segment, .n_segments = 1},
        &cursor, err);
    while (status == SHALE_OK &&
           (status = shale_ledger_cursor_next(cursor, &row, err)) == SHALE_OK && row != NULL) {
        assert_true(i < n);
        assert_true(made_same(row, &rows[i++].row, false));
    }
    assert_true(status != SHALE_OK || i == n);
    shale_ledger_cursor_free(cursor);
    return status;
}

static void test_damage(void **state)
{
    enum { N = 40 };
    struct made made;
    struct made_row *rows = made_rows(N);
    struct shale_segment segment;
    struct shale_buf bytes;
    struct shale_err err;
    int n_seen = 0;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], 1, i, 7, i % 3 > 0);
    assert_int_equal(made_segment(&made, "seg", rows, N, 0, 1, &segment), SHALE_OK);
    shale_buf_init(&bytes, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_store_read(made.store, "seg", &bytes, NULL), SHALE_OK);
    for (size_t i = 0; i < bytes.n_bytes; i++) {
        bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
        assert_int_equal(shale_store_put(made.store, "seg", shale_buf_str(&bytes), NULL), SHALE_OK);
        shale_err_clear(&err);
        if (read_all(&made, &segment, rows, N, &err) != SHALE_OK) {
            assert_string_equal(err.object, "seg");
            n_seen++;
        }
        bytes.data[i] = (char)(bytes.data[i] ^ 1 << i % 8);
    }
    /* What is not seen is the index of pages and headers' words that nobody needs. */
    assert_true(n_seen > (int)(bytes.n_bytes * 3 / 4));
    for (size_t n_bytes = 0; n_bytes < bytes.n_bytes; n_bytes += 7) {
        assert_int_equal(
            shale_store_put(made.store, "seg", (struct shale_str){bytes.data, n_bytes}, NULL),
            SHALE_OK);
        shale_err_clear(&err);
        assert_int_equal(read_all(&made, &segment, rows, N, &err), SHALE_CORRUPT);
        assert_string_equal(err.object, "seg");
    }
    shale_buf_fini(&bytes);
    free(rows);
    made_fini(&made);
}

/* Another segment under the name that the manifest has. */
static void test_another_segment(void **state)
{
    enum { N = 40 };
    struct made made;
    struct made_row *rows = made_rows(N);
    struct shale_segment segment, other;
    struct shale_err err;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], 1, i, 7, true);
    assert_int_equal(made_segment(&made, "seg", rows, N, 0, 1, &segment), SHALE_OK);
    other = segment;
    other.footer_hash = SHALE_STR("00000000000000000000000000000000");
    shale_err_clear(&err);
    assert_int_equal(read_all(&made, &other, rows, N, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_ledger_other_file);
    other = segment;
    other.n_rows++;
    shale_err_clear(&err);
    assert_int_equal(read_all(&made, &other, rows, N, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_ledger_rows);
    other = segment;
    other.n_bytes++;
    shale_err_clear(&err);
    assert_int_equal(read_all(&made, &other, rows, N, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_ledger_size);
    other = segment;
    other.path = SHALE_STR("absent");
    assert_int_equal(read_all(&made, &other, rows, N, &err), SHALE_NOT_FOUND);
    free(rows);
    made_fini(&made);
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

static enum shale_status use_all(struct made *made, const struct made_row *rows, size_t n)
{
    struct shale_segment segments[3];
    struct shale_manifest base = {.ledger = segments, .n_ledger = 1};
    struct shale_manifest newest = {.ledger = segments, .n_ledger = 2};
    struct shale_ledger_lookup *lookup = NULL;
    struct shale_decision decision;
    bool conflict;
    enum shale_status status = made_segment(made, "a", rows, n, 0, 2, &segments[0]);
    if (status == SHALE_OK)
        status = made_segment(made, "b", rows, n, 1, 2, &segments[1]);
    if (status == SHALE_OK)
        status =
            shale_ledger_merge(made->store, segments, 2, "c", &made->arena, &segments[2], NULL);
    if (status == SHALE_OK)
        status = shale_ledger_conflicts(made->store, &base, &newest, &segments[1], &conflict, NULL);
    if (status == SHALE_OK)
        status = shale_ledger_lookup_new(made->store, segments, 2, &lookup, NULL);
    if (status == SHALE_OK)
        status = shale_ledger_lookup_decide(lookup, rows[3].row.source, rows[3].row.key,
                                            SHALE_STR("other"), &decision, NULL);
    if (status == SHALE_OK)
        assert_int_equal(decision.verdict, SHALE_VERDICT_CHANGED);
    shale_ledger_lookup_free(lookup);
    return status;
}

static void test_without_memory(void **state)
{
    enum { N = 12 };
    struct made_row *rows = made_rows(N);
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        made_row_set(&rows[i], 1, i, 7, true);
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        struct made made;
        failing_mem_init(&failing, ++n);
        status = made_init(&made, &failing.mem) ? use_all(&made, rows, N) : SHALE_NOMEM;
        made_fini(&made);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 100);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_rows_same_bytes),
        cmocka_unit_test(test_refuses_rows_out_of_order),
        cmocka_unit_test(test_empty_segment),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_places_in_long_segments),
        cmocka_unit_test(test_a_row_in_two_segments),
        cmocka_unit_test(test_segments_stay_few),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_conflicts_of_few_keys),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_another_segment),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
