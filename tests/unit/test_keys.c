/* SPDX-License-Identifier: MIT */
/* dataset/keys: what is a duplicate, over many commits, against lists of survivors; with little
 * memory and with much; damage; the n-th allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/keys_recent.h"
#include "ledger_made.h"

enum { MOST_SEGMENTS = 64, BATCH = 700, MOST_KEYS = 100000 };
static const struct shale_str names = {"{\"key\":[\"id\"]}", 14};

/* ---- The model --------------------------------------------------------------------------------
 */

struct survivor {
    int64_t time_us;
    struct survivor *next;
};

struct model {
    struct survivor *lists[MOST_KEYS];
    unsigned undo[MOST_KEYS]; /* keys that got one since the mark */
    size_t n_undo;
    bool marked;
    int64_t n_rows;
};

static bool model_take(struct model *model, unsigned key, int64_t time_us, int64_t within_us)
{
    struct survivor *survivor;
    for (survivor = model->lists[key]; survivor != NULL; survivor = survivor->next)
        if (within_us < 0 || llabs(survivor->time_us - time_us) <= within_us)
            return true;
    survivor = malloc(sizeof *survivor);
    assert_non_null(survivor);
    *survivor = (struct survivor){time_us, model->lists[key]};
    model->lists[key] = survivor;
    model->n_rows++;
    if (model->marked) {
        assert_true(model->n_undo < MOST_KEYS);
        model->undo[model->n_undo++] = key;
    }
    return false;
}

static void model_end(struct model *model, bool stays)
{
    while (!stays && model->n_undo > 0) {
        unsigned key = model->undo[--model->n_undo];
        struct survivor *gone = model->lists[key];
        model->lists[key] = gone->next;
        free(gone);
        model->n_rows--;
    }
    model->n_undo = 0;
    model->marked = false;
}

static void model_free(struct model *model)
{
    for (size_t i = 0; i < MOST_KEYS; i++)
        while (model->lists[i] != NULL) {
            struct survivor *next = model->lists[i]->next;
            free(model->lists[i]);
            model->lists[i] = next;
        }
    free(model);
}

/* ---- A table's keys ---------------------------------------------------------------------------
 */

struct table {
    struct made made;
    struct model *model;
    struct shale_segment segments[MOST_SEGMENTS];
    size_t n_segments;
    int64_t within_us;
    size_t memory_bytes;
    unsigned n_keys;
    int64_t most_us;
    unsigned most_rows; /* of a batch */
    int n_files;
};

static struct shale_keys_options options_of(const struct table *table)
{
    return (struct shale_keys_options){.mem = table->made.env.mem,
                                       .store = table->made.store,
                                       .segments = table->segments,
                                       .n_segments = table->n_segments,
                                       .names = names,
                                       .within_us = table->within_us,
                                       .memory_bytes = table->memory_bytes,
                                       .temporary = "."};
}

static struct table *table_new(int64_t within_us, size_t memory_bytes, unsigned n_keys,
                               int64_t most_us)
{
    struct table *table = calloc(1, sizeof *table);
    assert_non_null(table);
    table->model = calloc(1, sizeof *table->model);
    assert_non_null(table->model);
    assert_true(made_init(&table->made, &shale_mem_libc));
    table->within_us = within_us;
    table->memory_bytes = memory_bytes;
    table->n_keys = n_keys;
    table->most_us = most_us;
    table->most_rows = BATCH;
    return table;
}

static void table_free(struct table *table)
{
    made_fini(&table->made);
    model_free(table->model);
    free(table);
}

static void table_path(struct table *table, char out[40])
{
    (void)snprintf(out, 40, "_shale/keys/%d.parquet", ++table->n_files);
}

/* Some rows, one in twenty without a key. */
static void take_some(struct table *table, struct shale_keys *keys, struct shale_key_rows *rows,
                      unsigned n)
{
    bool expected[BATCH], drop[BATCH];
    shale_key_rows_reset(rows);
    for (unsigned i = 0; i < n; i++) {
        unsigned key = made_draw(&table->made, table->n_keys);
        int64_t time_us = made_draw(&table->made, (unsigned)table->most_us) - table->most_us / 2;
        char text[40];
        struct shale_str bytes = {text, (size_t)snprintf(text, sizeof text, "key-%u", key)};
        bool has_key = made_draw(&table->made, 20) > 0;
        expected[i] = has_key && model_take(table->model, key, time_us, table->within_us);
        assert_int_equal(shale_key_rows_add(rows, has_key ? &bytes : NULL, time_us), SHALE_OK);
    }
    assert_int_equal(shale_key_rows_sort(rows), SHALE_OK);
    assert_int_equal(shale_keys_take(keys, rows, drop, NULL), SHALE_OK);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(drop[i], expected[i]);
}

static void merge_some(struct table *table)
{
    struct shale_segment merged;
    size_t first = 0, n = table->n_segments;
    char path[40];
    table_path(table, path);
    assert_int_equal(shale_keys_merge(table->made.store, table->segments + first, n, path,
                                      table->segments[0].path, &table->made.arena, &merged, NULL),
                     SHALE_OK);
    table->segments[0] = merged;
    table->n_segments = 1;
    assert_int_equal(merged.n_rows, table->model->n_rows);
}

/* One commit; some batches are an object's that may fail. */
static void commit_some(struct table *table, unsigned n_batches)
{
    const struct shale_keys_options options = options_of(table);
    struct shale_keys *keys;
    struct shale_key_rows rows;
    struct shale_segment *segment = &table->segments[table->n_segments];
    int64_t before = table->model->n_rows;
    char path[40];
    assert_int_equal(shale_keys_new(&options, &keys, NULL), SHALE_OK);
    shale_key_rows_init(&rows, &shale_mem_libc, shale_keys_rule(keys));
    for (unsigned i = 0; i < n_batches; i++) {
        if (table->model->marked && made_draw(&table->made, 3) == 0) {
            bool stays = made_draw(&table->made, 2) == 0;
            model_end(table->model, stays);
            if (stays)
                shale_keys_settle(keys);
            else
                shale_keys_rewind(keys);
        } else if (!table->model->marked && made_draw(&table->made, 4) == 0) {
            table->model->marked = true;
            shale_keys_mark(keys);
        }
        take_some(table, keys, &rows, made_draw(&table->made, table->most_rows));
    }
    if (table->model->marked) {
        model_end(table->model, true);
        shale_keys_settle(keys);
    }
    assert_int_equal(shale_keys_n_rows(keys), table->model->n_rows - before);
    if (shale_keys_n_rows(keys) > 0) {
        table_path(table, path);
        assert_int_equal(shale_keys_write(keys, table->made.store, path, SHALE_STR("[\"x\"]"),
                                          &table->made.arena, segment, NULL),
                         SHALE_OK);
        assert_int_equal(segment->n_rows, table->model->n_rows - before);
        assert_int_equal(shale_keys_check(table->made.store, segment, NULL), SHALE_OK);
        table->n_segments++;
    }
    shale_key_rows_fini(&rows);
    shale_keys_free(keys);
}

static void check(int64_t within_us, size_t memory_bytes, unsigned n_keys, int64_t most_us,
                  unsigned n_batches)
{
    struct table *table = table_new(within_us, memory_bytes, n_keys, most_us);
    for (int i = 0; i < 12; i++) {
        commit_some(table, 1 + made_draw(&table->made, n_batches));
        if (table->n_segments > 1 && made_draw(&table->made, 5) == 0)
            merge_some(table);
    }
    table_free(table);
}

static void test_is_what_the_model_says(void **state)
{
    (void)state;
    check(-1, 1 << 20, 3000, 1000, 8);
    check(0, 1 << 20, 300, 100, 8);
    check(50, 1 << 20, 300, 10000, 8);
    check(7, 1 << 20, 3, 100000, 8);        /* few keys with long lists */
    check(1000000, 1 << 20, 30000, 100, 8); /* every time is in reach */
}

static void test_with_little_memory(void **state)
{
    (void)state;
    check(-1, 1 << 14, 90000, 1000, 60);
    check(50, 1 << 14, 300, 10000, 30);
    check(7, 1 << 16, 3, 100000, 30);
    check(300, 1 << 17, 60000, 5000, 60);
}

/* Row groups of one, two or three rows, some of which reach over more than half of all hashes. */
static void test_few_rows_of_many_keys(void **state)
{
    (void)state;
    for (unsigned n_keys = 5; n_keys < 25; n_keys++) {
        struct table *table = table_new(-1, 1 << 20, n_keys, 1000);
        table->most_rows = 4;
        for (int i = 0; i < 12; i++)
            commit_some(table, 1);
        table_free(table);
    }
}

/* A table's stretches stay as they are when 'within' changes. */
static void test_within_may_change(void **state)
{
    struct table *table = table_new(20, 1 << 20, 200, 100000);
    struct shale_keys_options options;
    struct shale_keys *keys;
    struct shale_err err;
    (void)state;
    commit_some(table, 6);
    table->within_us = 5;
    commit_some(table, 6);
    table->within_us = 2000;
    commit_some(table, 6);
    table->within_us = 21 * 16 * 128;
    options = options_of(table);
    shale_err_clear(&err);
    assert_int_equal(shale_keys_new(&options, &keys, &err), SHALE_OK);
    shale_keys_free(keys);
    options.within_us = 21 * 16 * 200;
    assert_int_equal(shale_keys_new(&options, &keys, &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_keys_within);
    options.within_us = 20;
    options.names = SHALE_STR("{\"key\":[\"other\"]}");
    assert_int_equal(shale_keys_new(&options, &keys, &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_keys_other);
    table_free(table);
}

/* ---- Against a winner's -----------------------------------------------------------------------
 */

static struct shale_segment write_keys(struct table *table, unsigned from, unsigned to,
                                       int64_t time_us)
{
    struct shale_keys_options options = options_of(table);
    struct shale_segment segment;
    struct shale_keys *keys;
    struct shale_key_rows rows;
    bool *drop = calloc(to - from, sizeof *drop);
    char path[40];
    options.n_segments = 0;
    assert_non_null(drop);
    assert_int_equal(shale_keys_new(&options, &keys, NULL), SHALE_OK);
    shale_key_rows_init(&rows, &shale_mem_libc, shale_keys_rule(keys));
    for (unsigned i = from; i < to; i++) {
        char text[40];
        struct shale_str bytes = {text, (size_t)snprintf(text, sizeof text, "key-%u", i)};
        assert_int_equal(shale_key_rows_add(&rows, &bytes, time_us), SHALE_OK);
    }
    assert_int_equal(shale_key_rows_sort(&rows), SHALE_OK);
    assert_int_equal(shale_keys_take(keys, &rows, drop, NULL), SHALE_OK);
    table_path(table, path);
    assert_int_equal(shale_keys_write(keys, table->made.store, path, SHALE_STR(""),
                                      &table->made.arena, &segment, NULL),
                     SHALE_OK);
    shale_key_rows_fini(&rows);
    shale_keys_free(keys);
    free(drop);
    return segment;
}

static bool meets(struct table *table, const struct shale_segment *ours)
{
    const struct shale_keys_options options = options_of(table);
    bool meet;
    assert_int_equal(shale_keys_meet(&options, ours, &meet, NULL), SHALE_OK);
    return meet;
}

static void test_a_winners_keys(void **state)
{
    struct table *table = table_new(10, 1 << 20, 1, 1);
    struct shale_segment ours, other;
    (void)state;
    table->segments[table->n_segments++] = write_keys(table, 0, 20000, 100);
    table->segments[table->n_segments++] = write_keys(table, 50000, 50001, 100);
    ours = write_keys(table, 20000, 40000, 100);
    assert_false(meets(table, &ours));
    ours = write_keys(table, 19999, 40000, 100);
    assert_true(meets(table, &ours));
    ours = write_keys(table, 19999, 40000, 110);
    assert_true(meets(table, &ours));
    ours = write_keys(table, 19999, 40000, 111);
    assert_false(meets(table, &ours));
    ours = write_keys(table, 40000, 60000, 90);
    assert_true(meets(table, &ours));
    table->within_us = 1000;
    other = write_keys(table, 70000, 70001, 0);
    table->within_us = 10;
    assert_true(meets(table, &other)); /* not to be compared */
    table_free(table);
}

/* ---- What goes wrong --------------------------------------------------------------------------
 */

static void test_damage_is_found(void **state)
{
    struct table *table = table_new(10, 1 << 20, 1, 1);
    struct shale_segment segment = write_keys(table, 0, 3000, 5), said;
    struct shale_buf bytes;
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    shale_buf_init(&bytes, &shale_mem_libc, 1 << 24);
    said = segment;
    said.n_rows--;
    assert_int_equal(shale_keys_check(table->made.store, &said, &err), SHALE_CORRUPT);
    said = segment;
    said.last_us++;
    assert_int_equal(shale_keys_check(table->made.store, &said, &err), SHALE_CORRUPT);
    said = segment;
    said.footer_hash = SHALE_STR("00000000000000000000000000000000");
    assert_int_equal(shale_keys_check(table->made.store, &said, &err), SHALE_CORRUPT);
    assert_int_equal(shale_store_read(table->made.store, segment.path.data, &bytes, &err),
                     SHALE_OK);
    for (size_t i = 5; i < bytes.n_bytes; i += bytes.n_bytes / 97) {
        enum shale_status status;
        bytes.data[i] ^= 4;
        assert_int_equal(
            shale_store_put(table->made.store, segment.path.data, shale_buf_str(&bytes), &err),
            SHALE_OK);
        status = shale_keys_check(table->made.store, &segment, &err);
        /* What stands between pages and footer are indexes, which nobody reads. */
        assert_true(status == SHALE_CORRUPT || (status == SHALE_OK && i > bytes.n_bytes * 8 / 10));
        bytes.data[i] ^= 4;
    }
    shale_buf_fini(&bytes);
    table_free(table);
}

/* Everything that allocates; nothing leaks. */
static enum shale_status whole_way(const struct shale_mem *mem)
{
    struct made made = {.random = 1};
    struct shale_keys_options options = {
        .mem = mem, .names = names, .within_us = 3, .memory_bytes = 1 << 12, .temporary = "."};
    struct shale_segment segments[2];
    struct shale_key_rows rows;
    struct shale_keys *keys = NULL;
    bool drop[200];
    enum shale_status status = made_init(&made, mem) ? SHALE_OK : SHALE_NOMEM;
    options.store = made.store;
    options.segments = segments;
    for (int commit = 0; commit < 2 && status == SHALE_OK; commit++) {
        status = shale_keys_new(&options, &keys, NULL);
        shale_key_rows_init(&rows, mem, (struct shale_key_rule){3, 64});
        for (unsigned i = 0; i < 200 && status == SHALE_OK; i++) {
            struct shale_str key = {(const char *)&i, sizeof i};
            status = shale_key_rows_add(&rows, &key, (int64_t)i * (commit + 1));
        }
        if (status == SHALE_OK)
            status = shale_key_rows_sort(&rows);
        if (status == SHALE_OK)
            status = shale_keys_take(keys, &rows, drop, NULL);
        if (status == SHALE_OK)
            status = shale_keys_write(keys, made.store, commit == 0 ? "a" : "b", SHALE_STR("x"),
                                      &made.arena, &segments[commit], NULL);
        options.n_segments = 1;
        shale_key_rows_fini(&rows);
        shale_keys_free(keys);
        keys = NULL;
    }
    if (status == SHALE_OK)
        status = shale_keys_merge(made.store, segments, 2, "c", segments[0].path, &made.arena,
                                  &segments[0], NULL);
    if (made.store != NULL)
        made_fini(&made);
    return status;
}

static void test_no_memory_at_any_call(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        failing_mem_init(&failing, ++n);
        status = whole_way(&failing.mem);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 100);
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

/* What a row is said to take is what it takes, whatever 'within' has become. */
static void test_bytes_of_a_row(void **state)
{
    static const struct shale_key_rule rules[] = {{-1, 0},      {0, 16},      {100, 1616},
                                                  {1000, 1616}, {5000, 1616}, {200000, 1616}};
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct shale_key_rows rows;
        size_t n = 1000, n_bytes, said = n * shale_key_row_bytes(rules[i]);
        shale_key_rows_init(&rows, &shale_mem_libc, rules[i]);
        for (size_t row = 0; row < n; row++)
            assert_int_equal(shale_key_rows_add(&rows, &SHALE_STR(""), (int64_t)row * 101),
                             SHALE_OK);
        assert_int_equal(shale_key_rows_sort(&rows), SHALE_OK);
        n_bytes = rows.rows.n_bytes + rows.probes.n_bytes + 2 * rows.order.n_bytes;
        assert_true(n_bytes <= said + said / 50 && n_bytes >= said - said / 10);
        shale_key_rows_fini(&rows);
    }
}

/* With the largest parcel on top, whose last event has 256 MiB, buffers of 2 GiB do not end. */
static void test_recent_keys_have_room(void **state)
{
    (void)state;
    assert_int_equal(shale_recent_limit(12 << 20), 3 << 20);
    assert_true(shale_recent_limit(SIZE_MAX) + ((size_t)300 << 20) < INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_what_the_model_says), cmocka_unit_test(test_with_little_memory),
        cmocka_unit_test(test_few_rows_of_many_keys),  cmocka_unit_test(test_within_may_change),
        cmocka_unit_test(test_a_winners_keys),         cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_no_memory_at_any_call),  cmocka_unit_test(test_bytes_of_a_row),
        cmocka_unit_test(test_recent_keys_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
