/* SPDX-License-Identifier: MIT */
/* dataset/commit: every way through the protocol, over the memory store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/take_out.h"

/* ---- The straight way --------------------------------------------------------------------------
 */

static void commit_plainly(struct table *table, int object)
{
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    assert_int_equal(work_make(&work, table->store, object, object + 1), SHALE_OK);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table->store, &base, &work.commit, &done, NULL), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

static void test_first_and_next(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct shale_err err;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(base.log->version, -1);
    assert_int_equal(base.manifest.id, -1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, &err), SHALE_OK);
        assert_int_equal(done.version, i);
        assert_int_equal(done.n_attempts, 1);
        assert_int_equal(done.n_lost + done.n_unsure, 0);
        shale_base_fini(&base, &shale_mem_libc);
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(base.log->version, i);
        assert_int_equal(base.manifest.id, done.manifest_id);
        assert_int_equal(base.manifest.version, i);
        assert_true(shale_str_is(base.log->stream, "s"));
        work_fini(&work);
    }
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(table_objects(&table), 3);
    table_fini(&table);
}

/* Partitions of a field's own value and of what is made of one come last, as the log has them. */
static void test_partitions(void **state)
{
    static const struct shale_str partitions[] = {{"year", 4}, {"text", 4}};
    static const struct shale_type types[] = {{.kind = SHALE_INT32}, {.kind = SHALE_BOOL}};
    const struct shale_log_partition_value values[] = {
        {SHALE_STR("year"), false, SHALE_STR("2024")}, {SHALE_STR("text"), true, SHALE_STR("")}};
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        work.columns[1].partition_only = true;
        work.schema.n_columns = i == 0 ? 2 : 3;
        work.commit.partitions = partitions;
        work.commit.partition_types = types;
        work.commit.n_partitions = 2;
        work.add.partition_values = values;
        work.add.n_partition_values = 2;
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
        shale_base_fini(&base, &shale_mem_libc);
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(base.log->n_partition_columns, 2);
        assert_true(shale_str_is(base.log->partition_columns[0], "year"));
        assert_int_equal(base.log->schema.n_columns, 3 + i);
        assert_true(shale_str_is(base.log->schema.columns[0].name, "id"));
        assert_int_equal(base.log->schema.columns[1].type.kind, SHALE_INT32);
        assert_true(base.log->schema.columns[1].partition_only);
        assert_int_equal(base.log->schema.columns[2].type.kind, SHALE_STRING); /* not BOOL */
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
    }
    table_fini(&table);
}

/* Each call of reading a base fails: never another base than the true one. */
static void test_base_is_true_or_none(void **state)
{
    static const enum shale_status answers[] = {SHALE_DENIED, SHALE_AGAIN, SHALE_IO,
                                                SHALE_NOT_FOUND};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        bool done = false;
        for (int at = 1; !done; at++) {
            struct trouble trouble = {.at = at, .status = answers[i / 2], .all_after = i % 2 == 1};
            struct table table;
            struct shale_base base;
            enum shale_status status;
            assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
            for (int j = 0; j < 3; j++)
                commit_plainly(&table, j);
            table_trouble(&table, &trouble);
            status = shale_base_read(table.handle, SHALE_STR("s"), &base, NULL);
            if (status == SHALE_OK) {
                assert_int_equal(base.log->version, 2);
                assert_int_equal(base.manifest.version, 2);
                shale_base_fini(&base, &shale_mem_libc);
            }
            done = !trouble.dealt;
            table_fini(&table);
        }
    }
}

/* ---- Others come between -----------------------------------------------------------------------
 */

/* Another writer's commit, at the moment that a test chooses. */
struct other {
    struct table *table;
    int first, end;
    bool foreign;    /* as delta-rs appends: no txn */
    bool creates;    /* foreign: with protocol and metaData */
    int64_t version; /* what it got */
};

static void put_entry_of(struct other *other, const struct shale_log_entry *entry)
{
    struct shale_buf json;
    char name[SHALE_LOG_NAME_BYTES];
    int64_t tip, checkpoint;
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_tip(other->table->store, -1, &tip, &checkpoint, NULL), SHALE_OK);
    assert_int_equal(shale_log_entry_json(entry, &json), SHALE_OK);
    shale_log_entry_name(tip + 1, name);
    assert_int_equal(shale_store_put_absent(other->table->store, name, shale_buf_str(&json), NULL),
                     SHALE_OK);
    shale_buf_fini(&json);
    other->version = tip + 1;
}

static void commit_foreign(struct other *other)
{
    static const struct shale_log_pair owner = {{"owner", 5}, {"somebody", 8}};
    struct work work;
    struct shale_log_entry entry;
    assert_int_equal(work_make(&work, other->table->store, other->first, other->end), SHALE_OK);
    entry = (struct shale_log_entry){.manifest_id = -1,
                                     .adds = &work.add,
                                     .n_adds = 1,
                                     .info = work.commit.info,
                                     .has_protocol = other->creates,
                                     .has_metadata = other->creates,
                                     .table_id = SHALE_STR("8e4f0a52-0000-4000-8000-000000000001"),
                                     .schema = &work.schema,
                                     .configuration = &owner,
                                     .n_configuration = 1,
                                     .created_ms = 5};
    put_entry_of(other, &entry);
    work_fini(&work);
}

static void commit_other(void *ctx)
{
    struct other *other = ctx;
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    if (other->foreign) {
        commit_foreign(other);
        return;
    }
    assert_int_equal(work_make(&work, other->table->store, other->first, other->end), SHALE_OK);
    assert_int_equal(shale_base_read(other->table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(other->table->store, &base, &work.commit, &done, NULL), SHALE_OK);
    other->version = done.version;
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

/* A commit of objects first to end - 1 on the newest base, through the handle with trouble. */
static enum shale_status commit_through(struct table *table, int first, int end,
                                        struct shale_committed *done, struct shale_err *err)
{
    struct shale_store *store = table->handle != NULL ? table->handle : table->store;
    struct shale_base base;
    struct work work;
    enum shale_status status;
    assert_int_equal(work_make(&work, table->store, first, end), SHALE_OK);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    status = shale_commit(store, &base, &work.commit, done, err);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
    return status;
}

/* The trouble: before our entry is put, 'other' commits. */
static void begin_race(struct table *table, struct trouble *trouble, struct other *other)
{
    assert_int_equal(table_init(table, &shale_mem_libc), SHALE_OK);
    other->table = table;
    *trouble = (struct trouble){
        .at = 1, .puts = true, .only = "_delta_log", .first = commit_other, .ctx = other};
    table_trouble(table, trouble);
}

static void test_lost_to_ours(void **state)
{
    struct other other = {.first = 100, .end = 130};
    struct trouble trouble;
    struct table table;
    struct shale_committed done;
    (void)state;
    begin_race(&table, &trouble, &other);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 2});
    assert_int_equal(commit_through(&table, 50, 60, &done, NULL), SHALE_OK);
    assert_true(trouble.dealt);
    assert_int_equal(other.version, 1);
    assert_int_equal(done.version, 2);
    assert_int_equal(done.n_lost, 1);
    assert_int_equal(done.n_attempts, 2);
    assert_int_equal(table_objects(&table), 42);
    table_fini(&table);
}

static void test_lost_with_the_same_object(void **state)
{
    struct other other = {.first = 59, .end = 61};
    struct trouble trouble;
    struct table table;
    struct shale_committed done;
    struct shale_err err;
    (void)state;
    begin_race(&table, &trouble, &other);
    assert_int_equal(commit_through(&table, 50, 60, &done, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_conflict);
    assert_int_equal(table_objects(&table), 2);
    table_fini(&table);
}

static void test_lost_to_a_foreign_writer(void **state)
{
    struct other other = {.first = 0, .end = 7, .foreign = true};
    struct trouble trouble;
    struct table table;
    struct shale_committed done;
    (void)state;
    begin_race(&table, &trouble, &other);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 2});
    assert_int_equal(commit_through(&table, 50, 60, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 2);
    assert_int_equal(done.n_lost, 1);
    assert_int_equal(table_objects(&table), -2); /* the foreign rows are in no ledger */
    table_fini(&table);
}

/* The base of a long run is stale: seen before anything is written. */
static void test_fallen_behind(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 0, 5), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    for (int i = 0; i < 5; i++)
        commit_other(&(struct other){.table = &table, .first = 10 + i, .end = 11 + i});
    assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 5);
    assert_int_equal(done.n_attempts, 1);
    assert_int_equal(done.n_lost, 0);
    assert_int_equal(table_objects(&table), 10);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
    table_fini(&table);
}

/* ---- Version 0 ---------------------------------------------------------------------------------
 */

static void test_version_0_lost(void **state)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        struct other other = {.first = 0, .end = 2, .foreign = foreign, .creates = foreign};
        struct trouble trouble;
        struct table table;
        struct shale_committed done;
        struct shale_arena arena;
        struct shale_log_entry entry;
        (void)state;
        begin_race(&table, &trouble, &other);
        assert_int_equal(commit_through(&table, 50, 60, &done, NULL), SHALE_OK);
        assert_int_equal(done.version, 1);
        shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
        assert_int_equal(shale_log_entry_read(table.store, &arena, 1, &entry, NULL), SHALE_OK);
        assert_false(entry.has_protocol);
        assert_int_equal(entry.has_metadata, foreign); /* shale.stream, to a table of others */
        assert_int_equal(table_objects(&table), foreign ? -2 : 12);
        shale_arena_fini(&arena);
        table_fini(&table);
    }
}

static void test_foreign_table(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_other(
        &(struct other){.table = &table, .first = 0, .end = 3, .foreign = true, .creates = true});
    assert_int_equal(commit_through(&table, 50, 60, &done, NULL), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_true(shale_str_is(base.log->stream, "s"));
    assert_true(shale_str_is(base.log->table_id, "8e4f0a52-0000-4000-8000-000000000001"));
    assert_int_equal(base.log->n_configuration, 2);
    assert_int_equal(base.log->created_ms, 5);
    assert_int_equal(base.manifest.parent, -1);
    assert_int_equal(base.manifest.version, 1);
    shale_base_fini(&base, &shale_mem_libc);
    /* It is said once. */
    assert_int_equal(commit_through(&table, 60, 61, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 2);
    table_fini(&table);
}

static void test_another_stream(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 3});
    assert_int_equal(shale_base_read(table.store, SHALE_STR("t"), &base, &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_table_stream);
    table_fini(&table);
}

static void test_schema_evolves(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 3});
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 5, 6), SHALE_OK);
    work.schema.n_columns = 3;
    commit_other(&(struct other){.table = &table, .first = 7, .end = 9});
    assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(base.log->schema.n_columns, 3);
    assert_true(shale_str_is(base.log->stream, "s"));
    /* A type that changes is refused, and nothing was published. */
    work.columns[0].type.kind = SHALE_STRING;
    assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_SCHEMA);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(table_objects(&table), 6);
    work_fini(&work);
    table_fini(&table);
}

/* ---- Unsure ------------------------------------------------------------------------------------
 */

static void test_answer_lost(void **state)
{
    struct trouble trouble = {
        .at = 1, .puts = true, .only = "_delta_log", .fate = SHALE_STORE_LOST};
    struct table table;
    struct shale_committed done;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table_trouble(&table, &trouble);
    assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_unsure, 1);
    assert_int_equal(done.n_attempts, 1);
    assert_int_equal(done.version, 0);
    assert_int_equal(trouble.n_calls, 1);
    assert_int_equal(table_objects(&table), 4);
    table_fini(&table);
}

/* It comes late: the same bytes are put again, and what arrives then finds its place taken. */
static void test_write_late(void **state)
{
    struct trouble trouble = {
        .at = 1, .puts = true, .only = "_delta_log", .fate = SHALE_STORE_LATE};
    struct table table;
    struct shale_committed done;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table_trouble(&table, &trouble);
    assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_unsure, 1);
    assert_int_equal(shale_store_memory_n_late(table.store), 1);
    assert_int_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_CONFLICT);
    assert_int_equal(table_objects(&table), 4);
    table_fini(&table);
}

/* It never comes, however often it is put: nobody can say. */
static void test_write_never(void **state)
{
    struct trouble trouble = {
        .at = 1, .all_after = true, .puts = true, .only = "_delta_log", .fate = SHALE_STORE_LATE};
    struct table table;
    struct shale_committed done;
    struct shale_err err;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table_trouble(&table, &trouble);
    assert_int_equal(commit_through(&table, 0, 4, &done, &err), SHALE_UNSURE);
    assert_int_equal(err.code, SHALE_E_commit_unsure);
    assert_true(table.slept_us > 1000000 && table.slept_us < INT64_C(120) * 1000000);
    /* All that is under way is the same. */
    assert_true(shale_store_memory_n_late(table.store) > 1);
    assert_int_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_OK);
    while (shale_store_memory_n_late(table.store) > 0)
        assert_int_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_CONFLICT);
    assert_int_equal(table_objects(&table), 4);
    table_fini(&table);
}

/* The entry shows, but nobody can say that it will still be there tomorrow. */
static void test_never_durable(void **state)
{
    for (int times = 1; times < 100; times += 98) {
        struct trouble trouble = {.at = 1,
                                  .puts = true,
                                  .only = "_delta_log",
                                  .fate = SHALE_STORE_LOST,
                                  .unsettled = times};
        struct table table;
        struct shale_committed done;
        (void)state;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        table_trouble(&table, &trouble);
        assert_int_equal(commit_through(&table, 0, 4, &done, NULL),
                         times == 1 ? SHALE_OK : SHALE_UNSURE);
        assert_true(trouble.unsettled < times);
        assert_int_equal(table_objects(&table), 4);
        table_fini(&table);
    }
}

/* While it is unsure another takes the number. */
static void test_unsure_and_lost(void **state)
{
    struct other other = {.first = 8, .end = 9};
    struct trouble trouble;
    struct table table;
    struct shale_committed done;
    (void)state;
    begin_race(&table, &trouble, &other);
    trouble.fate = SHALE_STORE_LATE;
    assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_unsure, 1);
    assert_int_equal(done.n_lost, 1);
    assert_int_equal(done.version, 1);
    assert_int_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_CONFLICT);
    assert_int_equal(table_objects(&table), 5);
    table_fini(&table);
}

/* ---- Checkpoints and what is gone behind them --------------------------------------------------
 */

static void checkpoint_and_clean(void *ctx)
{
    struct table *table = ((struct other *)ctx)->table;
    struct shale_base base;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_log_checkpoint(table->store, base.log, NULL), SHALE_OK);
    for (int64_t version = 0; version <= base.log->version; version++) {
        char name[SHALE_LOG_NAME_BYTES];
        shale_log_entry_name(version, name);
        assert_int_equal(shale_store_remove(table->store, name, NULL), SHALE_OK);
    }
    shale_base_fini(&base, &shale_mem_libc);
}

static void commit_and_clean(void *ctx)
{
    commit_other(ctx);
    checkpoint_and_clean(ctx);
}

/* The number was another's, the entry is gone, and our late write lands in the gap. */
static void test_landed_in_a_gap(void **state)
{
    for (int answered = 0; answered < 2; answered++) {
        struct other other = {.first = 8, .end = 9};
        struct trouble trouble;
        struct table table;
        struct shale_committed done;
        (void)state;
        begin_race(&table, &trouble, &other);
        trouble.first = commit_and_clean;
        trouble.fate = answered ? SHALE_STORE_DONE : SHALE_STORE_LOST;
        commit_other(&(struct other){.table = &table, .first = 20, .end = 22});
        assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_OK);
        assert_int_equal(done.version, 2);
        assert_int_equal(done.n_lost, 1);
        assert_int_equal(table_objects(&table), 7);
        table_fini(&table);
    }
}

/* Ours took effect, and is gone behind a checkpoint before we look. */
static void test_ours_gone_behind_a_checkpoint(void **state)
{
    for (int i = 0; i < 4; i++) {
        bool more = i % 2 == 1, answered = i / 2 == 1;
        struct other other = {.first = 8, .end = 9};
        struct trouble trouble;
        struct table table;
        struct shale_committed done;
        (void)state;
        begin_race(&table, &trouble, &other);
        trouble.first = NULL;
        trouble.then = more ? commit_and_clean : checkpoint_and_clean;
        trouble.fate = answered ? SHALE_STORE_DONE : SHALE_STORE_LOST;
        commit_other(&(struct other){.table = &table, .first = 20, .end = 22});
        assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_OK);
        assert_int_equal(done.version, 1);
        assert_int_equal(done.n_lost, 0);
        assert_int_equal(table_objects(&table), more ? 7 : 6);
        table_fini(&table);
    }
}

/* What a base was read from is gone because another tool cleaned up, though nothing was committed
 * since: it is too old.  What is missing all the same is missing. */
static void test_base_gone_behind_a_checkpoint(void **state)
{
    for (int cleaned = 0; cleaned < 2; cleaned++) {
        struct table table;
        struct shale_base base;
        (void)state;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_plainly(&table, 0);
        commit_plainly(&table, 1);
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        if (cleaned)
            checkpoint_and_clean(&(struct other){.table = &table});
        assert_int_equal(shale_base_missing(table.store, &base, NULL),
                         cleaned ? SHALE_CONFLICT : SHALE_CORRUPT);
        shale_base_fini(&base, &shale_mem_libc);
        table_fini(&table);
    }
}

/* The winners are gone behind a checkpoint: the newest snapshot stands for them. */
static void test_winners_gone(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct work work, same;
    struct other other = {.table = &table, .first = 10, .end = 11};
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 0, 5), SHALE_OK);
    assert_int_equal(work_make(&same, table.store, 10, 12), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    commit_other(&other);
    other.first = 30, other.end = 31;
    commit_and_clean(&other);
    assert_int_equal(shale_commit(table.store, &base, &same.commit, &done, NULL), SHALE_CONFLICT);
    assert_int_equal(shale_commit(table.store, &base, &work.commit, &done, NULL), SHALE_OK);
    assert_int_equal(done.version, 2);
    assert_int_equal(table_objects(&table), 7);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
    work_fini(&same);
    table_fini(&table);
}

/* ---- What is missing or overwritten ------------------------------------------------------------
 */

static void test_manifest_missing(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    char name[SHALE_MANIFEST_NAME_BYTES];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 1});
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    shale_manifest_name(base.manifest.id, name);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(shale_store_remove(table.store, name, NULL), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_manifest_missing);
    table_fini(&table);
}

static void test_stream_without_manifest(void **state)
{
    static const struct shale_log_pair stream = {{"shale.stream", 12}, {"s", 1}};
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct work work;
    struct other other = {.table = &table};
    struct shale_log_entry entry;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 0, 1), SHALE_OK);
    entry = (struct shale_log_entry){.manifest_id = -1,
                                     .info = work.commit.info,
                                     .has_protocol = true,
                                     .has_metadata = true,
                                     .table_id = SHALE_STR("8e4f0a52-0000-4000-8000-000000000001"),
                                     .schema = &work.schema,
                                     .configuration = &stream,
                                     .n_configuration = 1,
                                     .created_ms = 5};
    put_entry_of(&other, &entry);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_table_no_manifest);
    work_fini(&work);
    table_fini(&table);
}

/* A log store that overwrites: an entry of ours below the newest one is another's now. */
static void test_entry_overwritten(void **state)
{
    struct table table;
    struct shale_base base, before;
    struct shale_committed done;
    struct shale_err err;
    struct work work;
    char name[SHALE_LOG_NAME_BYTES];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 3; i++)
        commit_other(&(struct other){.table = &table, .first = i, .end = i + 1});
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &before, NULL), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 8, 9), SHALE_OK);
    shale_log_entry_name(2, name);
    assert_int_equal(shale_store_put(table.store, name, SHALE_STR("{\"commitInfo\":{}}\n"), NULL),
                     SHALE_OK);
    /* The newest: it is as if it had never been, but for one who has built on it. */
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    commit_other(&(struct other){.table = &table, .first = 10, .end = 11});
    assert_int_equal(shale_commit(table.store, &before, &work.commit, &done, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_table_overwritten);
    /* One below it: its rows are gone, its objects count as consumed. */
    shale_log_entry_name(1, name);
    assert_int_equal(shale_store_put(table.store, name, SHALE_STR("{\"commitInfo\":{}}\n"), NULL),
                     SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, &err), SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_table_overwritten);
    shale_base_fini(&before, &shale_mem_libc);
    work_fini(&work);
    table_fini(&table);
}

/* ---- Time --------------------------------------------------------------------------------------
 */

/* A base older than a day is read again, files older than three days are not committed. */
static void test_old(void **state)
{
    struct trouble trouble = {.only = "_last_checkpoint"};
    const int64_t hour_us = INT64_C(3600) * 1000000;
    struct table table;
    struct shale_base base;
    struct shale_committed done;
    struct shale_err err;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table_trouble(&table, &trouble);
    commit_other(&(struct other){.table = &table, .first = 0, .end = 1});
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    for (int i = 1; i < 4; i++) {
        int n_calls = trouble.n_calls;
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        table.now_us += i == 1 ? hour_us : i == 2 ? 24 * hour_us : 0;
        assert_int_equal(shale_commit(table.handle, &base, &work.commit, &done, NULL), SHALE_OK);
        assert_true(i == 1 ? trouble.n_calls == n_calls : trouble.n_calls > n_calls);
        work_fini(&work);
    }
    assert_int_equal(work_make(&work, table.store, 8, 9), SHALE_OK);
    table.now_us += 73 * hour_us;
    assert_int_equal(shale_commit(table.handle, &base, &work.commit, &done, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_files_old);
    assert_int_equal(table_objects(&table), 4);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
    table_fini(&table);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_cancelled(void **state)
{
    struct table table;
    struct shale_committed done;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table.env.cancelled = always;
    assert_int_equal(commit_through(&table, 0, 4, &done, NULL), SHALE_CANCELLED);
    assert_int_equal(table_objects(&table), 0);
    table_fini(&table);
}

/* ---- Segments that are merged ------------------------------------------------------------------
 */

static void test_merging(void **state)
{
    enum { COMMITS = 60 };
    struct table table;
    struct shale_base base;
    int64_t n_merges = 0;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < COMMITS; i++) {
        /* Every third meets another run that merges as well. */
        struct other other = {.table = &table, .first = 1000 + i, .end = 1001 + i};
        struct trouble trouble = {
            .at = 1, .puts = true, .only = "_delta_log", .first = commit_other, .ctx = &other};
        struct shale_committed done;
        if (i % 3 == 2)
            table_trouble(&table, &trouble);
        assert_int_equal(commit_through(&table, i, i + 1, &done, NULL), SHALE_OK);
        assert_int_equal(done.n_lost, i % 3 == 2);
        shale_store_free(table.handle);
        table.handle = NULL;
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(base.manifest.n_added, 1);
        n_merges += base.manifest.n_superseded > 1;
        /* The parent, and nothing twice. */
        assert_int_equal(base.manifest.n_superseded > 0, base.manifest.parent >= 0);
        shale_base_fini(&base, &shale_mem_libc);
    }
    assert_true(n_merges > 0);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_true(base.manifest.n_ledger < 20);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(table_objects(&table), COMMITS + COMMITS / 3);
    table_fini(&table);
}

/* ---- Everything fails once ---------------------------------------------------------------------
 */

/* Two commits in a row to a table in which another run comes between; whatever happens, what is
 * answered is true and a run after it brings the rest. */
static void check_truth(struct table *table, enum shale_status status, int64_t n_before,
                        const char *what)
{
    struct shale_committed done;
    enum shale_status again;
    int64_t n = table_objects(table);
    if (status == SHALE_OK       ? n != n_before + 4
        : status != SHALE_UNSURE ? n != n_before
                                 : n != n_before && n != n_before + 4)
        fail_msg("%s: answered %s, objects %lld of %lld", what, shale_status_name(status),
                 (long long)n, (long long)n_before);
    while (shale_store_memory_n_late(table->store) > 0)
        if (shale_store_memory_deliver(table->store, 0, true) == SHALE_NOMEM)
            fail_msg("%s", what);
    n = table_objects(table);
    if (n != n_before && n != n_before + 4)
        fail_msg("%s: objects %lld", what, (long long)n);
    shale_store_free(table->handle);
    table->handle = NULL;
    /* A run plans against the ledger: what is there is not read again. */
    if (n == n_before) {
        again = commit_through(table, 0, 4, &done, NULL);
        assert_int_equal(again, SHALE_OK);
        assert_int_equal(table_objects(table), n_before + 4);
    }
}

static void sweep(enum shale_status answer, enum shale_store_fate fate, bool all_after, bool races)
{
    for (int at = 1;; at++) {
        struct other other = {.first = 8, .end = 9};
        struct trouble trouble = {.at = at, .status = answer, .fate = fate, .all_after = all_after};
        struct table table;
        struct shale_base base;
        struct shale_committed done;
        struct shale_err err;
        struct work work;
        char what[64];
        enum shale_status status;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        other.table = &table;
        commit_other(&(struct other){.table = &table, .first = 20, .end = 22});
        assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        assert_int_equal(work_make(&work, table.store, 0, 4), SHALE_OK);
        if (races)
            commit_other(&other);
        table_trouble(&table, &trouble);
        shale_err_clear(&err);
        status = shale_commit(table.handle, &base, &work.commit, &done, &err);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
        (void)snprintf(what, sizeof what, "%s, fate %d, call %d%s", shale_status_name(answer),
                       (int)fate, at, all_after ? " and all after" : "");
        if (!trouble.dealt) {
            assert_int_equal(status, SHALE_OK);
            table_fini(&table);
            return;
        }
        if (status != SHALE_OK)
            assert_int_not_equal(err.message[0], '\0');
        check_truth(&table, status, races ? 3 : 2, what);
        table_fini(&table);
    }
}

static void test_each_call_fails(void **state)
{
    static const enum shale_status answers[] = {SHALE_DENIED, SHALE_AGAIN, SHALE_IO, SHALE_UNSURE,
                                                SHALE_NOMEM};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        for (int j = 0; j < 4; j++)
            sweep(answers[i], SHALE_STORE_DONE, j % 2 == 1, j / 2 == 1);
    for (int j = 0; j < 4; j++) {
        sweep(SHALE_OK, SHALE_STORE_LOST, j % 2 == 1, j / 2 == 1);
        sweep(SHALE_OK, SHALE_STORE_LATE, j % 2 == 1, j / 2 == 1);
    }
}

/* The n-th allocation fails, of reading the base and committing. */
static void test_no_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_base base;
        struct shale_committed done;
        struct work work;
        failing_mem_init(&failing, ++n);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        commit_other(&(struct other){.table = &table, .first = 20, .end = 22});
        assert_int_equal(work_make(&work, table.store, 0, 4), SHALE_OK);
        failing.fails_at = 0;
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = n;
        status = shale_base_read(store, SHALE_STR("s"), &base, NULL);
        if (status == SHALE_OK) {
            commit_other(&(struct other){.table = &table, .first = 8, .end = 9});
            status = shale_commit(store, &base, &work.commit, &done, NULL);
            shale_base_fini(&base, &failing.mem);
            check_truth(&table, status, 3, "memory");
        }
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        if (status == SHALE_OK && failing.n_calls >= n)
            status = SHALE_NOMEM; /* looked at again, after a write */
        shale_store_free(store);
        work_fini(&work);
        table_fini(&table);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_next),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_base_is_true_or_none),
        cmocka_unit_test(test_lost_to_ours),
        cmocka_unit_test(test_lost_with_the_same_object),
        cmocka_unit_test(test_lost_to_a_foreign_writer),
        cmocka_unit_test(test_fallen_behind),
        cmocka_unit_test(test_version_0_lost),
        cmocka_unit_test(test_foreign_table),
        cmocka_unit_test(test_another_stream),
        cmocka_unit_test(test_schema_evolves),
        cmocka_unit_test(test_answer_lost),
        cmocka_unit_test(test_write_late),
        cmocka_unit_test(test_write_never),
        cmocka_unit_test(test_never_durable),
        cmocka_unit_test(test_unsure_and_lost),
        cmocka_unit_test(test_landed_in_a_gap),
        cmocka_unit_test(test_ours_gone_behind_a_checkpoint),
        cmocka_unit_test(test_base_gone_behind_a_checkpoint),
        cmocka_unit_test(test_winners_gone),
        cmocka_unit_test(test_manifest_missing),
        cmocka_unit_test(test_stream_without_manifest),
        cmocka_unit_test(test_entry_overwritten),
        cmocka_unit_test(test_old),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
