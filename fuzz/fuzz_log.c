/* SPDX-License-Identifier: MIT */
/* Arbitrary bytes as the log of a table: entries 0, 1, ... with a zero byte between them, or, where
 * they begin as Parquet does, the checkpoint of version 0.  Whatever they are, there is a state or
 * an error; a checkpoint of ours has the same files and applications, and an entry written anew
 * says the same. */
#include "../tests/unit/rows_walk.h"
#include "dataset/log.h"
#include "store/objects_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 30, ARENA_BYTES = 256 << 20, MOST_ENTRIES = 40 };

static int64_t now(void *ctx)
{
    (void)ctx;
    return INT64_C(1767225600000000);
}

static uint64_t same_number(void *ctx)
{
    (void)ctx;
    return 4;
}

static void put(struct shale_store *store, const char *key, const void *data, size_t n)
{
    rows_require(shale_store_put(store, key, (struct shale_str){data, n}, NULL) == SHALE_OK);
}

static int64_t put_entries(struct shale_store *store, const uint8_t *data, size_t size)
{
    char key[SHALE_LOG_NAME_BYTES];
    int64_t version = 0;
    for (size_t begin = 0; begin < size && version < MOST_ENTRIES; version++) {
        const uint8_t *end = memchr(data + begin, 0, size - begin);
        size_t n = end != NULL ? (size_t)(end - data) - begin : size - begin;
        shale_log_entry_name(version, key);
        put(store, key, data + begin, n);
        begin += n + 1;
    }
    return version;
}

/* What is seen of a table, in whatever order. */
struct seen {
    uint64_t files, txns;
    int64_t n_files;
};

static enum shale_status look(struct shale_store *store, const struct shale_log_state *state,
                              struct seen *out)
{
    const struct shale_log_add *add;
    struct shale_log_files *files;
    struct shale_err err;
    enum shale_status status = shale_log_files_new(store, state, &files, &err);
    *out = (struct seen){0, 0, 0};
    for (size_t i = 0; i < state->n_txns; i++)
        out->txns += rows_hash((uint64_t)state->txns[i].version, state->txns[i].app_id.data,
                               state->txns[i].app_id.n_bytes);
    while (status == SHALE_OK && (status = shale_log_files_next(files, &add, &err)) == SHALE_OK &&
           add != NULL) {
        rows_require(add->path.n_bytes > 0 && add->path.n_bytes <= SHALE_KEY_BYTES);
        rows_require(add->n_bytes >= 0 && add->n_rows >= -1);
        out->files += rows_hash((uint64_t)add->n_bytes, add->path.data, add->path.n_bytes);
        out->n_files++;
    }
    shale_log_files_free(files);
    return status;
}

/* The table by a checkpoint of ours is the same table. */
static void check_checkpoint(struct shale_store *store, const struct shale_log_state *state,
                             const struct seen *before)
{
    struct shale_log_state *after = NULL;
    struct shale_err err;
    struct seen seen;
    enum shale_status status = shale_log_checkpoint(store, state, &err);
    rows_require((status == SHALE_SCHEMA) == (state->refusal.n_bytes > 0));
    if (status != SHALE_OK)
        return;
    rows_require(shale_log_read(store, NULL, &after, &err) == SHALE_OK);
    rows_require(after->checkpoint_version == state->version);
    rows_require(after->manifest_id == state->manifest_id);
    rows_require(look(store, after, &seen) == SHALE_OK);
    rows_require(seen.files == before->files && seen.txns == before->txns &&
                 seen.n_files == before->n_files);
    shale_log_state_free(store->env->mem, after);
}

/* Entry 'version' written anew. */
static void check_entry(struct shale_store *store, int64_t version)
{
    struct shale_log_entry entry, again;
    char key[SHALE_LOG_NAME_BYTES];
    struct shale_arena arena;
    struct shale_buf json;
    struct shale_err err;
    shale_arena_init(&arena, store->env->mem, ARENA_BYTES);
    shale_buf_init(&json, store->env->mem, ARENA_BYTES);
    if (shale_log_entry_read(store, &arena, version, &entry, &err) == SHALE_OK &&
        shale_log_entry_json(&entry, &json) == SHALE_OK) {
        shale_log_entry_name(1000 + version, key);
        put(store, key, json.data, json.n_bytes);
        rows_require(shale_log_entry_read(store, &arena, 1000 + version, &again, &err) == SHALE_OK);
        rows_require(again.n_adds == entry.n_adds && again.n_removes == entry.n_removes);
        rows_require(again.manifest_id == entry.manifest_id);
        rows_require(again.has_metadata == entry.has_metadata);
        for (size_t i = 0; i < entry.n_adds; i++)
            rows_require(shale_str_equal(again.adds[i].path, entry.adds[i].path) &&
                         shale_str_equal(again.adds[i].stats, entry.adds[i].stats));
    }
    shale_buf_fini(&json);
    shale_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char behind[] = "{\"txn\":{\"appId\":\"shale\",\"version\":1}}";
    struct rows_memory memory;
    struct shale_env env = {.wall_us = now, .monotonic_us = now, .random_u64 = same_number};
    struct shale_log_state *state = NULL;
    struct shale_store *store;
    struct shale_err err;
    struct seen seen;
    int64_t n_entries = 0;
    rows_memory_init(&memory, MOST_BYTES);
    env.mem = &memory.mem;
    rows_require(shale_store_memory(&env, &store, &err) == SHALE_OK);
    if (size >= 4 && memcmp(data, "PAR1", 4) == 0) {
        put(store, "_delta_log/00000000000000000000.checkpoint.parquet", data, size);
        put(store, "_delta_log/00000000000000000001.json", behind, sizeof behind - 1);
    } else {
        n_entries = put_entries(store, data, size);
    }
    if (shale_log_read(store, NULL, &state, &err) == SHALE_OK && state->version >= 0 &&
        look(store, state, &seen) == SHALE_OK)
        check_checkpoint(store, state, &seen);
    for (int64_t version = 0; version < n_entries; version++)
        check_entry(store, version);
    shale_log_state_free(&memory.mem, state);
    shale_store_free(store);
    rows_require(memory.live == 0);
    return 0;
}
