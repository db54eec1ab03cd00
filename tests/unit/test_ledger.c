/* SPDX-License-Identifier: MIT */
/* dataset/ledger: segments, the cursor over some of them, look-ups and merging, against arrays of
 * rows; damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_made.h"

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
        assert_int_equal(shale_ledger_merge(made.store, segments, n_segments, "merged",
                                            segments[0].path, &made.arena, &segments[8], NULL),
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

/* The longest keys that a store has, all with the same first 900 bytes: the bounds of row groups,
 * which are cut, say nothing, and row groups are cut by their bytes. */
static void test_long_keys(void **state)
{
    enum { N = 18000, KEY_BYTES = 1024 };
    struct made made;
    struct shale_ledger_writer *writer;
    struct shale_segment segment;
    struct shale_ledger_lookup *lookup;
    struct made_row row;
    char key[KEY_BYTES + 1];
    (void)state;
    memset(key, 'k', sizeof key);
    assert_true(made_init(&made, &shale_mem_libc));
    assert_int_equal(shale_ledger_writer_new(made.store, "long", &writer, NULL), SHALE_OK);
    for (int i = 0; i < N; i++) {
        (void)snprintf(key + 900, sizeof key - 900, "%0124d", 2 * i);
        made_row_set(&row, 1, i, 7, true);
        row.row.key = (struct shale_str){key, KEY_BYTES};
        assert_int_equal(shale_ledger_writer_add(writer, &row.row, NULL), SHALE_OK);
    }
    assert_int_equal(shale_ledger_writer_finish(writer, &made.arena, &segment, NULL), SHALE_OK);
    shale_ledger_writer_free(writer);
    assert_int_equal(shale_ledger_lookup_new(made.store, &segment, 1, &lookup, NULL), SHALE_OK);
    for (int i = -1; i < 2 * N; i += 997) {
        const struct shale_ledger_row *rows;
        size_t n_rows;
        (void)snprintf(key + 900, sizeof key - 900, "%0124d", i);
        assert_int_equal(shale_ledger_lookup_find(lookup, SHALE_STR("s1"),
                                                  (struct shale_str){key, KEY_BYTES}, &rows,
                                                  &n_rows, NULL),
                         SHALE_OK);
        assert_int_equal(n_rows, i >= 0 && i % 2 == 0);
    }
    shale_ledger_lookup_free(lookup);
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
        status = shale_ledger_merge(made->store, segments, 2, "c", segments[0].path, &made->arena,
                                    &segments[2], NULL);
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
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_a_row_in_two_segments),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_another_segment),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
