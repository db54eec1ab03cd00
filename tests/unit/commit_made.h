/* SPDX-License-Identifier: MIT */
/* For tests of the commit: a table in memory, and work that can be committed to it. */
#ifndef SHALE_TESTS_COMMIT_MADE_H
#define SHALE_TESTS_COMMIT_MADE_H

#include "base/hash.h"
#include "dataset/commit.h"
#include "ledger_made.h"
#include "store/objects_memory.h"

/* What happens to the calls of a store's handle. */
struct trouble {
    int n_calls;
    int at; /* of the calls that fit: this one, from 1; 0: none */
    bool all_after;
    bool dealt;
    int unsettled;    /* so many calls that settle fail, besides */
    bool puts;        /* only puts if absent fit */
    bool replaces;    /* only exchanges of an object fit */
    const char *only; /* only keys with this in them fit */
    enum shale_status status;
    enum shale_store_fate fate;
    void (*first)(void *ctx); /* before it: another writer comes between */
    void (*then)(void *ctx);  /* before the call that follows, of whatever kind */
    void *ctx;
};

struct table {
    struct shale_env env;
    struct shale_store *store;  /* without trouble */
    struct shale_store *handle; /* with it; NULL until table_trouble() */
    uint64_t random;
    int64_t now_us, slept_us;
};

static inline int64_t table_now(void *ctx)
{
    return ((struct table *)ctx)->now_us;
}

static inline uint64_t table_random(void *ctx)
{
    return shale_hash_u64(scratch_random(&((struct table *)ctx)->random), 7);
}

static inline void table_sleep(void *ctx, int64_t us)
{
    struct table *table = ctx;
    table->now_us += us;
    table->slept_us += us;
}

static inline bool table_never(void *ctx)
{
    (void)ctx;
    return false;
}

static inline enum shale_status table_init(struct table *table, const struct shale_mem *mem)
{
    *table = (struct table){.random = 1, .now_us = INT64_C(1700000000) * 1000000};
    table->env = (struct shale_env){.mem = mem,
                                    .monotonic_us = table_now,
                                    .wall_us = table_now,
                                    .random_u64 = table_random,
                                    .cancelled = table_never,
                                    .sleep_us = table_sleep,
                                    .ctx = table};
    return shale_store_memory(&table->env, &table->store, NULL);
}

static inline enum shale_status trouble_before(void *ctx, enum shale_store_call call,
                                               const char *key, struct shale_str data,
                                               enum shale_store_fate *fate, struct shale_err *err)
{
    struct trouble *trouble = ctx;
    (void)data;
    if (trouble->dealt && trouble->then != NULL) {
        void (*then)(void *ctx) = trouble->then;
        trouble->then = NULL;
        then(trouble->ctx);
    }
    if (call == SHALE_STORE_SETTLE && trouble->unsettled > 0) {
        trouble->unsettled--;
        return SHALE_IO;
    }
    if (trouble->only != NULL && strstr(key, trouble->only) == NULL)
        return SHALE_OK;
    if (trouble->puts && call != SHALE_STORE_PUT_ABSENT)
        return SHALE_OK;
    if (trouble->replaces && call != SHALE_STORE_REPLACE)
        return SHALE_OK;
    trouble->n_calls++;
    if (trouble->at == 0 || trouble->n_calls < trouble->at ||
        (trouble->n_calls > trouble->at && !trouble->all_after))
        return SHALE_OK;
    trouble->dealt = true;
    if (trouble->first != NULL)
        trouble->first(trouble->ctx);
    *fate = trouble->fate;
    if (trouble->status != SHALE_OK)
        (void)SHALE_ERR(err, object_unsure, key, "made up"); /* words of whatever kind */
    return trouble->status;
}

/* A second handle on the table, whose calls have this trouble. */
static inline void table_trouble(struct table *table, struct trouble *trouble)
{
    const struct shale_store_hook hook = {trouble_before, trouble};
    if (shale_store_memory_share(table->store, &table->env, &hook, &table->handle, NULL) !=
        SHALE_OK)
        abort();
}

static inline void table_fini(struct table *table)
{
    shale_store_free(table->handle);
    shale_store_free(table->store);
}

/* One run's work: objects first, first + 1 ... below 'end', all in one file. */
struct work {
    struct shale_commit commit;
    struct shale_schema schema;
    struct shale_column_def columns[3];
    struct shale_log_add add;
    struct shale_segment ledger;
    struct shale_arena arena;
    char path[64], segment[64], stats[64];
};

static inline enum shale_status work_make(struct work *work, struct shale_store *store, int first,
                                          int end)
{
    struct shale_env *env = (struct shale_env *)(uintptr_t)store->env;
    struct shale_ledger_writer *writer;
    struct made_row row;
    enum shale_status status;
    unsigned long long name = env->random_u64(env->ctx);
    memset(work, 0, sizeof *work);
    shale_arena_init(&work->arena, &shale_mem_libc, 64 << 20);
    (void)snprintf(work->path, sizeof work->path, "part-%016llx.parquet", name);
    (void)snprintf(work->segment, sizeof work->segment, "_shale/ledger/%016llx.parquet", name);
    (void)snprintf(work->stats, sizeof work->stats, "{\"numRecords\":%d}", end - first);
    work->columns[0] =
        (struct shale_column_def){.name = SHALE_STR("id"), .type = {.kind = SHALE_INT64}};
    work->columns[1] =
        (struct shale_column_def){.name = SHALE_STR("text"), .type = {.kind = SHALE_STRING}};
    work->columns[2] =
        (struct shale_column_def){.name = SHALE_STR("late"), .type = {.kind = SHALE_BOOL}};
    work->schema = (struct shale_schema){work->columns, 2};
    work->add = (struct shale_log_add){.path = shale_str_of(work->path),
                                       .n_bytes = 100,
                                       .modified_ms = env->wall_us(env->ctx) / 1000,
                                       .data_change = true,
                                       .n_rows = end - first,
                                       .stats = shale_str_of(work->stats)};
    status = shale_ledger_writer_new(store, work->segment, &writer, NULL);
    for (int i = first; i < end && status == SHALE_OK; i++) {
        made_row_set(&row, 0, i, 1, true);
        status = shale_ledger_writer_add(writer, &row.row, NULL);
    }
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &work->arena, &work->ledger, NULL);
    shale_ledger_writer_free(writer);
    work->commit =
        (struct shale_commit){.stream = SHALE_STR("s"),
                              .schema = &work->schema,
                              .adds = &work->add,
                              .n_adds = 1,
                              .ledger = &work->ledger,
                              .info = {.operation = SHALE_STR("WRITE"), .is_blind_append = true}};
    return status;
}

static inline void work_fini(struct work *work)
{
    shale_arena_fini(&work->arena);
}

/* Objects in the table's ledger, or -1 when a row is there twice; the rows of its files must be as
 * many, or it is -2. */
static inline int64_t table_objects(struct table *table)
{
    struct shale_base base;
    struct shale_ledger_cursor *cursor;
    struct shale_log_files *files;
    const struct shale_log_add *add;
    const struct shale_ledger_row *row;
    int64_t n = 0, n_rows = 0, last = -1;
    if (shale_base_read(table->store, SHALE_STR("s"), &base, NULL) != SHALE_OK)
        return -3;
    if (shale_ledger_cursor_new(
            table->store,
            &(struct shale_ledger_cursor_options){.segments = base.manifest.ledger,
                                                  .n_segments = base.manifest.n_ledger,
                                                  .identity_only = true},
            &cursor, NULL) != SHALE_OK ||
        shale_log_files_new(table->store, base.log, &files, NULL) != SHALE_OK)
        abort();
    while (shale_ledger_cursor_next(cursor, &row, NULL) == SHALE_OK && row != NULL) {
        /* The key ends in its number. */
        int64_t number = strtoll(row->key.data + row->key.n_bytes - 17, NULL, 10);
        n = number == last ? -1000000 : n + 1;
        last = number;
    }
    while (shale_log_files_next(files, &add, NULL) == SHALE_OK && add != NULL)
        n_rows += add->n_rows;
    shale_ledger_cursor_free(cursor);
    shale_log_files_free(files);
    shale_base_fini(&base, table->env.mem);
    return n < 0 ? -1 : n_rows != n ? -2 : n;
}

#endif
