/* SPDX-License-Identifier: MIT */
/* dataset/single: a checkpoint file in memory; races, lost answers, late writes, each call failing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/single.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"
#include "store/store.h"

enum { MOST_OBJECTS = 64 };

static const char key[] = "d/x.parquet";

/* ---- One run ----------------------------------------------------------------------------------
 */

/* What one run has: its place and base, and work for it (commit_made.h), one row an object. */
struct actor {
    struct shale_store *store;
    struct shale_single *single;
    struct shale_base base;
    struct work work;
    char rows[64];
    bool has_base;
};

static const struct shale_schema *schema_of(struct work *work)
{
    static const struct shale_column_def columns[2] = {
        {.name = {"id", 2}, .type = {.kind = SHALE_INT64}},
        {.name = {"text", 4}, .type = {.kind = SHALE_STRING}},
    };
    static const struct shale_schema schema = {columns, 2};
    (void)work;
    return &schema;
}

static void release(void *owner)
{
    (void)owner;
}

static void write_rows(struct shale_store *store, const char *name, int first, int end)
{
    const struct shale_schema *schema = schema_of(NULL);
    const struct shale_file_writer_options options = {.created_by = "shale version 0 (build x)"};
    struct shale_column columns[2] = {0};
    struct shale_file_writer *writer;
    struct shale_store_put *put;
    struct shale_builder *builder;
    assert_int_equal(shale_builder_new(&shale_mem_libc, schema, &builder), SHALE_OK);
    for (int i = first; i < end; i++) {
        shale_builder_i64(builder, 0, i);
        shale_builder_bytes(builder, 1, SHALE_STR("text"));
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    shale_builder_column(builder, 0, &columns[0]);
    shale_builder_column(builder, 1, &columns[1]);
    assert_int_equal(shale_store_create(store, name, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_append(writer,
                                              &(struct shale_file_piece){.columns = columns,
                                                                         .n_rows = end - first,
                                                                         .n_bytes = 100,
                                                                         .release = release,
                                                                         .owner = NULL},
                                              NULL),
                     SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    shale_file_writer_free(writer);
    shale_builder_free(builder);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
}

static const struct shale_single_options *options_of(bool adopts)
{
    static struct shale_single_options options;
    options = (struct shale_single_options){.stream = SHALE_STR("s"),
                                            .schema = schema_of(NULL),
                                            .created_by = "shale version 0 (build x)",
                                            .adopts = adopts};
    return &options;
}

/* Read the base and make the work of objects 'first' to 'end', without trouble. */
static void actor_begin(struct actor *actor, struct table *table, struct shale_store *store,
                        int first, int end)
{
    struct shale_store *side;
    memset(actor, 0, sizeof *actor);
    actor->store = store;
    assert_int_equal(shale_single_new(store, key, options_of(false), &actor->single, NULL),
                     SHALE_OK);
    assert_int_equal(shale_single_read(actor->single, &actor->base, NULL), SHALE_OK);
    actor->has_base = true;
    assert_int_equal(shale_store_under(table->store, "d/x.parquet.", &side, NULL), SHALE_OK);
    assert_int_equal(work_make(&actor->work, side, first, end), SHALE_OK);
    shale_store_free(side);
    actor->work.commit.n_adds = 0;
    (void)snprintf(actor->rows, sizeof actor->rows, "d/rows-%d-%d", first, end);
    if (shale_store_read(table->store, actor->rows, &(struct shale_buf){.mem = &shale_mem_libc},
                         NULL) == SHALE_NOT_FOUND)
        write_rows(table->store, actor->rows, first, end);
}

static enum shale_status actor_commit(struct actor *actor, struct shale_committed *done,
                                      struct shale_err *err)
{
    return shale_single_commit(actor->single, &actor->base, &actor->work.commit, actor->rows, done,
                               err);
}

static void actor_end(struct actor *actor)
{
    const struct shale_mem *mem = actor->store->env->mem;
    if (actor->has_base)
        shale_base_fini(&actor->base, mem);
    shale_single_free(actor->single);
    work_fini(&actor->work);
}

/* Somebody else, without trouble. */
struct other {
    struct table *table;
    int first, end;
};

static void commit_other(void *ctx)
{
    const struct other *other = ctx;
    struct shale_committed done;
    struct actor actor;
    actor_begin(&actor, other->table, other->table->store, other->first, other->end);
    assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
    actor_end(&actor);
}

/* ---- What is there -----------------------------------------------------------------------------
 */

/* Bit i: object i is in the ledger, or in the rows; each at most once. */
static uint64_t ledger_objects(struct shale_single *single, const struct shale_base *base)
{
    const struct shale_ledger_cursor_options options = {.segments = base->manifest.ledger,
                                                        .n_segments = base->manifest.n_ledger,
                                                        .identity_only = true};
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    uint64_t found = 0;
    assert_int_equal(shale_ledger_cursor_new(shale_single_store(single), &options, &cursor, NULL),
                     SHALE_OK);
    while (shale_ledger_cursor_next(cursor, &row, NULL) == SHALE_OK && row != NULL) {
        int64_t number = strtoll(row->key.data + row->key.n_bytes - 17, NULL, 10);
        assert_int_equal(found >> number & 1, 0);
        found |= UINT64_C(1) << number;
    }
    shale_ledger_cursor_free(cursor);
    return found;
}

static uint64_t row_objects(struct table *table)
{
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    uint64_t found = 0;
    if (shale_store_open(table->store, key, &file, NULL) == SHALE_NOT_FOUND)
        return 0;
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++) {
            int64_t id = ((const int64_t *)rows->columns[0].data)[i];
            assert_int_equal(found >> id & 1, 0);
            found |= UINT64_C(1) << id;
        }
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_store_close(file);
    return found;
}

/* The objects in the checkpoint: those of its ledger and of its rows, which are the same. */
static uint64_t objects(struct table *table)
{
    struct shale_single *single;
    struct shale_base base;
    uint64_t found;
    assert_int_equal(shale_single_new(table->store, key, options_of(false), &single, NULL),
                     SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    found = ledger_objects(single, &base);
    assert_true(found == row_objects(table));
    shale_base_fini(&base, table->env.mem);
    shale_single_free(single);
    return found;
}

static uint64_t from_to(int first, int end)
{
    return ((UINT64_C(1) << end) - 1) & ~((UINT64_C(1) << first) - 1);
}

/* ---- Cases -------------------------------------------------------------------------------------
 */

static void test_first_and_next(void **state)
{
    struct shale_committed done;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 12; i++) {
        struct actor actor;
        actor_begin(&actor, &table, table.store, 4 * i, 4 * i + 4);
        assert_int_equal(shale_single_exists(actor.single), i > 0);
        assert_int_equal(shale_single_n_rows(actor.single), 4 * i);
        assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
        assert_int_equal(done.version, i);
        assert_int_equal(done.n_attempts, 1);
        actor_end(&actor);
        assert_true(objects(&table) == from_to(0, 4 * i + 4));
    }
    table_fini(&table);
}

static void test_only_a_ledger(void **state)
{
    struct shale_committed done;
    struct table table;
    struct actor actor;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 2; i++) {
        actor_begin(&actor, &table, table.store, 0, 1);
        actor.work.commit.ledger = NULL;
        assert_int_equal(
            shale_single_commit(actor.single, &actor.base, &actor.work.commit, NULL, &done, NULL),
            SHALE_OK);
        assert_int_equal(done.version, i);
        actor_end(&actor);
        assert_true(objects(&table) == 0);
    }
    table_fini(&table);
}

/* Another commits between base and commit. */
static void race(int first, int end, enum shale_status expected, uint64_t there)
{
    struct shale_committed done;
    struct shale_err err;
    struct table table;
    struct actor actor;
    shale_err_clear(&err);
    for (int has_file = 0; has_file < 2; has_file++) {
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        if (has_file == 1)
            commit_other(&(struct other){&table, 40, 42});
        actor_begin(&actor, &table, table.store, 0, 4);
        commit_other(&(struct other){&table, first, end});
        assert_int_equal(actor_commit(&actor, &done, &err), expected);
        assert_int_equal(done.n_lost, 1);
        assert_int_equal(done.version, expected == SHALE_OK ? 1 + has_file : -1);
        actor_end(&actor);
        assert_true(objects(&table) == (there | (has_file == 1 ? from_to(40, 42) : 0)));
        table_fini(&table);
    }
}

static void test_lost(void **state)
{
    (void)state;
    race(4, 9, SHALE_OK, from_to(0, 9));
    race(3, 9, SHALE_CONFLICT, from_to(3, 9));
}

/* A store on which each attempt fails once, and loses then. */
struct rocky {
    struct table *table;
    int n_losses;
    bool failed; /* this attempt */
};

static enum shale_status be_rocky(void *ctx, enum shale_store_call call, const char *name,
                                  struct shale_str data, enum shale_store_fate *fate,
                                  struct shale_err *err)
{
    struct rocky *rocky = ctx;
    (void)data;
    (void)fate;
    if (rocky->n_losses == 12)
        return SHALE_OK;
    if (call == SHALE_STORE_PUT_ABSENT && !rocky->failed) {
        rocky->failed = true;
        (void)SHALE_ERR(err, object_unsure, name, "made up");
        return SHALE_AGAIN;
    }
    if (call == SHALE_STORE_REPLACE) {
        rocky->failed = false;
        rocky->n_losses++;
        commit_other(&(struct other){rocky->table, 9 + rocky->n_losses, 10 + rocky->n_losses});
    }
    return SHALE_OK;
}

/* Only failures in a row are counted. */
static void test_failures_between_losses(void **state)
{
    struct table table;
    struct rocky rocky = {.table = &table};
    const struct shale_store_hook hook = {be_rocky, &rocky};
    struct shale_committed done;
    struct actor actor;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(shale_store_memory_share(table.store, &table.env, &hook, &table.handle, NULL),
                     SHALE_OK);
    actor_begin(&actor, &table, table.handle, 0, 4);
    assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_lost, 12);
    assert_true(objects(&table) == (from_to(0, 4) | from_to(10, 22)));
    actor_end(&actor);
    table_fini(&table);
}

/* What the exchange answers, with and without another between. */
struct answered {
    enum shale_status status; /* of the call */
    enum shale_store_fate fate;
    bool all_after;
    enum shale_status expected;
};

static void answer(const struct answered *how, bool has_file)
{
    struct trouble trouble = {
        .at = 1, .status = how->status, .fate = how->fate, .all_after = how->all_after};
    struct shale_committed done;
    struct shale_err err;
    struct table table;
    struct actor actor;
    uint64_t found;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    if (has_file)
        commit_other(&(struct other){&table, 40, 42});
    trouble.replaces = true;
    table_trouble(&table, &trouble);
    actor_begin(&actor, &table, table.handle, 0, 4);
    shale_err_clear(&err);
    assert_int_equal(actor_commit(&actor, &done, &err), how->expected);
    if (how->expected != SHALE_OK)
        assert_non_null(strstr(err.message, "x.parquet"));
    assert_true(done.n_unsure > 0);
    actor_end(&actor);
    /* Whatever comes late changes nothing of what was said. */
    while (shale_store_memory_n_late(table.store) > 0)
        assert_int_not_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_UNSURE);
    found = objects(&table) & from_to(0, 4);
    assert_true(found == from_to(0, 4) || (found == 0 && how->expected != SHALE_OK));
    table_fini(&table);
}

static void test_answers(void **state)
{
    static const struct answered all[] = {
        {SHALE_OK, SHALE_STORE_LOST, false, SHALE_OK},
        {SHALE_OK, SHALE_STORE_LOST, true, SHALE_OK},
        {SHALE_OK, SHALE_STORE_LATE, false, SHALE_OK},
        {SHALE_OK, SHALE_STORE_LATE, true, SHALE_UNSURE},
        {SHALE_UNSURE, SHALE_STORE_DONE, false, SHALE_OK},
        {SHALE_UNSURE, SHALE_STORE_DONE, true, SHALE_UNSURE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        answer(&all[i], false);
        answer(&all[i], true);
    }
}

/* Unsure, and another has won meanwhile: on ours, or in its place. */
static void test_unsure_and_overtaken(void **state)
{
    (void)state;
    for (int effect = 0; effect < 2; effect++) {
        struct shale_committed done;
        struct table table;
        struct actor actor;
        struct other other = {&table, 8, 12};
        struct trouble trouble = {.at = 1,
                                  .replaces = true,
                                  .status = effect ? SHALE_OK : SHALE_UNSURE,
                                  .fate = effect ? SHALE_STORE_LOST : SHALE_STORE_DONE,
                                  .then = commit_other,
                                  .ctx = &other};
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_other(&(struct other){&table, 40, 42});
        table_trouble(&table, &trouble);
        actor_begin(&actor, &table, table.handle, 0, 4);
        assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
        assert_int_equal(done.n_lost, effect ? 0 : 1);
        actor_end(&actor);
        assert_true(objects(&table) == (from_to(0, 4) | from_to(8, 12) | from_to(40, 42)));
        table_fini(&table);
    }
}

/* An older copy of the file is put back meanwhile: what it says counts. */
static void test_an_older_copy(void **state)
{
    struct shale_committed done;
    struct shale_buf copy;
    struct table table;
    struct actor actor;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_buf_init(&copy, &shale_mem_libc, 1 << 20);
    commit_other(&(struct other){&table, 0, 2});
    assert_int_equal(shale_store_read(table.store, key, &copy, NULL), SHALE_OK);
    commit_other(&(struct other){&table, 2, 4});
    actor_begin(&actor, &table, table.store, 4, 6);
    assert_int_equal(shale_store_put(table.store, key, shale_buf_str(&copy), NULL), SHALE_OK);
    assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_CONFLICT);
    actor_end(&actor);
    assert_true(objects(&table) == from_to(0, 2));
    commit_other(&(struct other){&table, 2, 6});
    assert_true(objects(&table) == from_to(0, 6));
    shale_buf_fini(&copy);
    table_fini(&table);
}

/* What must not be taken for an empty checkpoint. */
static void test_base_is_true_or_none(void **state)
{
    struct shale_single_options options = *options_of(false);
    struct shale_single *single;
    struct shale_base base;
    struct shale_err err;
    struct shale_buf copy;
    struct table table;
    char name[64];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_buf_init(&copy, &shale_mem_libc, 1 << 20);
    commit_other(&(struct other){&table, 0, 2});
    commit_other(&(struct other){&table, 2, 4});
    assert_int_equal(shale_single_new(table.store, key, &options, &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    (void)snprintf(name, sizeof name, "d/x.parquet._shale/manifest/%lld.json",
                   (long long)base.manifest.id);
    shale_base_fini(&base, table.env.mem);
    /* Gone, cut, damaged, no Parquet. */
    assert_int_equal(shale_store_read(table.store, key, &copy, NULL), SHALE_OK);
    assert_int_equal(shale_store_remove(table.store, key, NULL), SHALE_OK);
    shale_err_clear(&err);
    assert_int_equal(shale_single_read(single, &base, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_single_gone);
    for (size_t n = 0; n < copy.n_bytes; n += 97) {
        struct shale_str part = {copy.data, n};
        assert_int_equal(shale_store_put(table.store, key, part, NULL), SHALE_OK);
        assert_int_equal(shale_single_read(single, &base, NULL), SHALE_CORRUPT);
        assert_false(shale_single_exists(single));
    }
    assert_int_equal(shale_store_put(table.store, key, shale_buf_str(&copy), NULL), SHALE_OK);
    /* Its manifest. */
    shale_buf_reset(&copy);
    assert_int_equal(shale_store_read(table.store, name, &copy, NULL), SHALE_OK);
    assert_int_equal(shale_store_remove(table.store, name, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_CORRUPT);
    assert_int_equal(shale_store_put(table.store, name, shale_buf_str(&copy), NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    shale_base_fini(&base, table.env.mem);
    shale_single_free(single);
    /* Another stream's. */
    options.stream = SHALE_STR("t");
    assert_int_equal(shale_single_new(table.store, key, &options, &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_SCHEMA);
    shale_single_free(single);
    shale_buf_fini(&copy);
    table_fini(&table);
}

/* A file that names no manifest. */
static void test_adopting(void **state)
{
    struct shale_committed done;
    struct table table;
    struct actor actor;
    struct shale_base base;
    struct shale_single *single;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    write_rows(table.store, key, 0, 3);
    assert_int_equal(shale_single_new(table.store, key, options_of(false), &single, NULL),
                     SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_USAGE);
    shale_single_free(single);
    assert_int_equal(shale_single_new(table.store, key, options_of(true), &single, NULL), SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    assert_true(shale_single_is_foreign(single));
    assert_int_equal(shale_single_n_rows(single), 3);
    {
        struct shale_store *side = shale_single_store(single);
        struct work work;
        assert_int_equal(work_make(&work, side, 0, 3), SHALE_OK);
        work.commit.n_adds = 0;
        assert_int_equal(shale_single_commit(single, &base, &work.commit, NULL, &done, NULL),
                         SHALE_OK);
        work_fini(&work);
    }
    shale_base_fini(&base, table.env.mem);
    shale_single_free(single);
    assert_int_equal(done.version, 0);
    assert_true(objects(&table) == from_to(0, 3));
    actor_begin(&actor, &table, table.store, 3, 5);
    assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
    actor_end(&actor);
    assert_true(objects(&table) == from_to(0, 5));
    table_fini(&table);
}

/* Rows of another tool. */
static void put_foreign(struct table *table, int first, int end)
{
    assert_int_equal(shale_store_remove(table->store, key, NULL), SHALE_OK);
    write_rows(table->store, key, first, end);
}

/* One that takes over a file of which nothing is consumed. */
struct adopter {
    struct shale_single *single;
    struct shale_base base;
};

static void adopter_begin(struct adopter *adopter, struct shale_store *store)
{
    assert_int_equal(shale_single_new(store, key, options_of(true), &adopter->single, NULL),
                     SHALE_OK);
    assert_int_equal(shale_single_read(adopter->single, &adopter->base, NULL), SHALE_OK);
    assert_true(shale_single_is_foreign(adopter->single));
}

static enum shale_status adopter_commit(struct adopter *adopter)
{
    const struct shale_commit commit = {.stream = SHALE_STR("s"),
                                        .schema = schema_of(NULL),
                                        .rows_gone = -shale_single_n_rows(adopter->single)};
    struct shale_committed done;
    return shale_single_commit(adopter->single, &adopter->base, &commit, NULL, &done, NULL);
}

static void adopter_end(struct adopter *adopter, struct table *table)
{
    shale_base_fini(&adopter->base, table->env.mem);
    shale_single_free(adopter->single);
}

/* The rows that no object of the ledger accounts for; -1: it is another tool's still. */
static int64_t rows_adopted(struct table *table)
{
    struct shale_single *single;
    struct shale_base base;
    int64_t n;
    assert_int_equal(shale_single_new(table->store, key, options_of(true), &single, NULL),
                     SHALE_OK);
    assert_int_equal(shale_single_read(single, &base, NULL), SHALE_OK);
    n = shale_single_is_foreign(single) ? -1 : -base.manifest.rows_gone;
    shale_base_fini(&base, table->env.mem);
    shale_single_free(single);
    return n;
}

/* What is said of a file holds for no other: not for one that was adopted meanwhile, nor for the
 * next one of the other tool; and for the same one after a failure that passes. */
static void test_adoptions_that_lose(void **state)
{
    struct trouble trouble = {.at = 1, .replaces = true, .status = SHALE_AGAIN};
    struct adopter first, second;
    struct table table;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table_trouble(&table, &trouble);
    write_rows(table.store, key, 0, 3);
    adopter_begin(&first, table.store);
    adopter_begin(&second, table.store);
    put_foreign(&table, 0, 5);
    assert_int_equal(adopter_commit(&first), SHALE_CONFLICT);
    assert_int_equal(rows_adopted(&table), -1);
    adopter_end(&first, &table);
    adopter_begin(&first, table.handle);
    assert_int_equal(adopter_commit(&first), SHALE_OK);
    assert_true(trouble.dealt);
    assert_int_equal(adopter_commit(&second), SHALE_CONFLICT);
    assert_int_equal(rows_adopted(&table), 5);
    adopter_end(&first, &table);
    adopter_end(&second, &table);
    table_fini(&table);
}

/* Nor is a file built on that comes where there was none, or where ours was. */
static void test_adopted_once(void **state)
{
    struct shale_committed done;
    struct shale_err err;
    (void)state;
    for (int has_file = 0; has_file < 2; has_file++) {
        struct table table;
        struct actor actor;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        if (has_file == 1) {
            struct adopter adopter;
            write_rows(table.store, key, 40, 42);
            adopter_begin(&adopter, table.store);
            assert_int_equal(adopter_commit(&adopter), SHALE_OK);
            shale_single_adopted(adopter.single);
            put_foreign(&table, 40, 43);
            shale_base_fini(&adopter.base, table.env.mem);
            shale_err_clear(&err);
            assert_int_equal(shale_single_read(adopter.single, &adopter.base, &err), SHALE_USAGE);
            assert_int_equal(err.code, SHALE_E_single_foreign);
            shale_single_free(adopter.single);
            adopter_begin(&adopter, table.store);
            assert_int_equal(adopter_commit(&adopter), SHALE_OK);
            adopter_end(&adopter, &table);
        }
        actor_begin(&actor, &table, table.store, 0, 4);
        put_foreign(&table, 40, 44);
        shale_err_clear(&err);
        assert_int_equal(actor_commit(&actor, &done, &err), SHALE_USAGE);
        assert_int_equal(err.code, SHALE_E_single_foreign);
        actor_end(&actor);
        assert_int_equal(rows_adopted(&table), -1);
        assert_true(row_objects(&table) == from_to(40, 44));
        table_fini(&table);
    }
}

/* ---- In a directory -----------------------------------------------------------------------------
 */

struct local {
    struct table table;
    char root[64], path[96];
    bool always; /* touched at each look whether the commit is to end */
};

static void local_init(struct local *local)
{
    memset(local, 0, sizeof *local);
    assert_int_equal(table_init(&local->table, &shale_mem_libc), SHALE_OK);
    shale_store_free(local->table.store);
    scratch_make(local->root);
    (void)snprintf(local->path, sizeof local->path, "%s/%s", local->root, key);
    assert_int_equal(shale_store_local(&local->table.env, local->root, &local->table.store, NULL),
                     SHALE_OK);
}

static void local_fini(struct local *local)
{
    table_fini(&local->table);
    assert_int_equal(shale_dir_remove(local->root, NULL), SHALE_OK);
}

static void touch(struct local *local)
{
    static long seconds = 1000000;
    const struct timespec times[2] = {{seconds + 1, 0}, {seconds + 1, 0}};
    assert_int_equal(utimensat(AT_FDCWD, local->path, times, 0), 0);
    seconds++;
}

/* A copy of the same time takes its place. */
static void restore(struct local *local)
{
    struct stat info;
    char copy[128];
    struct shale_buf bytes;
    FILE *file;
    shale_buf_init(&bytes, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_store_read(local->table.store, key, &bytes, NULL), SHALE_OK);
    assert_int_equal(stat(local->path, &info), 0);
    (void)snprintf(copy, sizeof copy, "%s.copy", local->path);
    file = fopen(copy, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.n_bytes, file), bytes.n_bytes);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        utimensat(AT_FDCWD, copy, (const struct timespec[2]){info.st_mtim, info.st_mtim}, 0), 0);
    assert_int_equal(rename(copy, local->path), 0);
    shale_buf_fini(&bytes);
}

/* 'ctx' is the table, the local store's first member. */
static bool touch_always(void *ctx)
{
    struct local *local = ctx;
    if (local->always)
        touch(local);
    return false;
}

/* The same content under another time, or another inode: it is built on, and no answer was lost. */
static void test_touched(void **state)
{
    void (*const what[])(struct local * local) = {touch, restore};
    (void)state;
    for (size_t i = 0; i < sizeof what / sizeof what[0]; i++) {
        struct shale_committed done;
        struct actor actor;
        struct local local;
        local_init(&local);
        commit_other(&(struct other){&local.table, 40, 42});
        actor_begin(&actor, &local.table, local.table.store, 0, 4);
        what[i](&local);
        assert_int_equal(actor_commit(&actor, &done, NULL), SHALE_OK);
        assert_int_equal(done.n_attempts, 2);
        assert_int_equal(done.n_lost + done.n_unsure, 0);
        actor_end(&actor);
        assert_true(objects(&local.table) == (from_to(0, 4) | from_to(40, 42)));
        local_fini(&local);
    }
}

static void test_always_touched(void **state)
{
    struct shale_committed done;
    struct shale_err err;
    struct actor actor;
    struct local local;
    (void)state;
    local_init(&local);
    local.table.env.cancelled = touch_always;
    commit_other(&(struct other){&local.table, 40, 42});
    actor_begin(&actor, &local.table, local.table.store, 0, 4);
    local.always = true;
    shale_err_clear(&err);
    assert_int_equal(actor_commit(&actor, &done, &err), SHALE_AGAIN);
    local.always = false;
    assert_int_equal(err.code, SHALE_E_commit_stalled);
    assert_in_range(done.n_attempts, 2, 20);
    actor_end(&actor);
    assert_true(objects(&local.table) == from_to(40, 42));
    commit_other(&(struct other){&local.table, 0, 4});
    assert_true(objects(&local.table) == (from_to(0, 4) | from_to(40, 42)));
    local_fini(&local);
}

/* ---- Each call fails ----------------------------------------------------------------------------
 */

static bool sweep_one(int at, enum shale_status status, enum shale_store_fate fate, bool all_after,
                      bool races)
{
    struct trouble trouble = {.at = at, .status = status, .fate = fate, .all_after = all_after};
    struct shale_committed done;
    struct shale_err err;
    struct table table;
    struct actor actor;
    enum shale_status got;
    uint64_t found, rest = from_to(40, 42);
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_other(&(struct other){&table, 40, 42});
    table_trouble(&table, &trouble);
    trouble.at = 0;
    actor_begin(&actor, &table, table.handle, 0, 4);
    if (races)
        commit_other(&(struct other){&table, 8, 9});
    rest |= races ? from_to(8, 9) : 0;
    trouble.n_calls = 0;
    trouble.at = at;
    shale_err_clear(&err);
    got = actor_commit(&actor, &done, &err);
    trouble.at = 0;
    actor_end(&actor);
    while (shale_store_memory_n_late(table.store) > 0)
        assert_int_not_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_UNSURE);
    found = objects(&table);
    assert_true((found & ~from_to(0, 4)) == rest);
    found &= from_to(0, 4);
    if (got == SHALE_OK)
        assert_true(found == from_to(0, 4));
    else if (got == SHALE_UNSURE)
        assert_true(found == 0 || found == from_to(0, 4));
    else
        assert_true(found == 0);
    if (got != SHALE_OK)
        assert_int_not_equal(err.message[0], '\0');
    table_fini(&table);
    return trouble.dealt;
}

static void test_each_call_fails(void **state)
{
    static const enum shale_status answers[] = {SHALE_DENIED, SHALE_AGAIN, SHALE_IO, SHALE_UNSURE,
                                                SHALE_NOMEM};
    (void)state;
    for (int j = 0; j < 4; j++) {
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
            for (int at = 1; sweep_one(at, answers[i], SHALE_STORE_DONE, j % 2 == 1, j / 2 == 1);)
                at++;
        for (int at = 1; sweep_one(at, SHALE_OK, SHALE_STORE_LOST, j % 2 == 1, j / 2 == 1);)
            at++;
        for (int at = 1; sweep_one(at, SHALE_OK, SHALE_STORE_LATE, j % 2 == 1, j / 2 == 1);)
            at++;
    }
}

/* The n-th allocation fails, of reading the base and committing. */
static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_single *single;
        struct shale_committed done;
        struct shale_base base;
        struct actor actor;
        failing_mem_init(&failing, 0);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_other(&(struct other){&table, 20, 22});
        actor_begin(&actor, &table, table.store, 0, 4);
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = n;
        status = shale_single_new(store, key, options_of(false), &single, NULL);
        if (status == SHALE_OK)
            status = shale_single_read(single, &base, NULL);
        if (status == SHALE_OK) {
            status =
                shale_single_commit(single, &base, &actor.work.commit, actor.rows, &done, NULL);
            shale_base_fini(&base, &failing.mem);
        }
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        if (status == SHALE_OK && failing.n_calls >= n)
            status = SHALE_NOMEM; /* looked at again, after it was sent */
        shale_single_free(single);
        shale_store_free(store);
        actor_end(&actor);
        assert_true((objects(&table) & ~from_to(0, 4)) == from_to(20, 22));
        table_fini(&table);
    }
}

/* The file is gone, and a sweep that had still seen it takes one of its manifests while they are
 * looked at: the others say that there was a file. */
static void test_gone_while_swept(void **state)
{
    (void)state;
    for (int at = 1; at < 3; at++) {
        struct trouble trouble = {.at = at, .only = "manifest/", .status = SHALE_NOT_FOUND};
        struct shale_single *single;
        struct shale_base base;
        struct table table;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        for (int i = 0; i < 3; i++)
            commit_other(&(struct other){&table, i, i + 1});
        assert_int_equal(shale_store_remove(table.store, key, NULL), SHALE_OK);
        table_trouble(&table, &trouble);
        assert_int_equal(shale_single_new(table.handle, key, options_of(false), &single, NULL),
                         SHALE_OK);
        assert_int_equal(shale_single_read(single, &base, NULL), SHALE_CORRUPT);
        shale_single_free(single);
        table_fini(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_next),
        cmocka_unit_test(test_only_a_ledger),
        cmocka_unit_test(test_gone_while_swept),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_unsure_and_overtaken),
        cmocka_unit_test(test_an_older_copy),
        cmocka_unit_test(test_base_is_true_or_none),
        cmocka_unit_test(test_adopting),
        cmocka_unit_test(test_adoptions_that_lose),
        cmocka_unit_test(test_adopted_once),
        cmocka_unit_test(test_touched),
        cmocka_unit_test(test_always_touched),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_failures_between_losses),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
