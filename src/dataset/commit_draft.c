/* SPDX-License-Identifier: MIT */
/* What one attempt of a commit publishes: its manifest and the bytes of its entry. */
#include "dataset/commit_parts.h"

#include <inttypes.h>
#include <stdio.h>

/* A random id below 2^53 (a double holds it, as readers in JavaScript want) is met again once in
 * 10^15 writes; a few tries are plenty. */
enum { ID_BITS = 53, ID_TRIES = 4 };
enum { ENTRY_BYTES = 1 << 30 };

void shale_draft_init(struct shale_draft *draft, const struct shale_mem *mem)
{
    *draft = (struct shale_draft){.manifest = {.id = -1}};
    shale_arena_init(&draft->arena, mem, SHALE_COMMIT_ARENA_BYTES);
    shale_arena_init(&draft->ledger_merge.arena, mem, SHALE_COMMIT_ARENA_BYTES);
    shale_arena_init(&draft->rejects_merge.arena, mem, SHALE_COMMIT_ARENA_BYTES);
    shale_arena_init(&draft->keys_merge.arena, mem, SHALE_COMMIT_ARENA_BYTES);
    shale_buf_init(&draft->entry, mem, ENTRY_BYTES);
}

void shale_draft_fini(struct shale_draft *draft)
{
    shale_arena_fini(&draft->arena);
    shale_arena_fini(&draft->ledger_merge.arena);
    shale_arena_fini(&draft->rejects_merge.arena);
    shale_arena_fini(&draft->keys_merge.arena);
    shale_buf_fini(&draft->entry);
}

/* ---- The entry ---------------------------------------------------------------------------------
 */

static size_t find_name(const struct shale_str *names, size_t n, struct shale_str name)
{
    size_t i = 0;
    while (i < n && !shale_str_equal(names[i], name))
        i++;
    return i;
}

static const struct shale_type *partition_type(const struct shale_commit *commit, size_t index)
{
    size_t i;
    for (i = 0; i < commit->schema->n_columns; i++)
        if (shale_str_equal(commit->schema->columns[i].name, commit->partitions[index]))
            return &commit->schema->columns[i].type;
    return &commit->partition_types[index];
}

/* The stream's columns as a table has them: those of its files, then its partitions. */
static enum shale_status table_schema(struct shale_arena *arena, const struct shale_commit *commit,
                                      struct shale_schema *out)
{
    const struct shale_schema *schema = commit->schema;
    struct shale_column_def *columns;
    size_t i, n = 0;
    columns = shale_arena_zeroed(arena, schema->n_columns + commit->n_partitions, sizeof *columns);
    if (columns == NULL)
        return SHALE_NOMEM;
    for (i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only &&
            find_name(commit->partitions, commit->n_partitions, schema->columns[i].name) ==
                commit->n_partitions)
            columns[n++] = schema->columns[i];
    for (i = 0; i < commit->n_partitions; i++)
        columns[n++] = (struct shale_column_def){.name = commit->partitions[i],
                                                 .type = *partition_type(commit, i),
                                                 .partition_only = true};
    *out = (struct shale_schema){columns, n};
    return SHALE_OK;
}

enum shale_status shale_commit_check(const struct shale_mem *mem, const struct shale_base *base,
                                     const struct shale_commit *commit, struct shale_err *err)
{
    struct shale_schema wanted, merged;
    struct shale_arena arena;
    bool evolved;
    enum shale_status status;
    shale_arena_init(&arena, mem, SHALE_COMMIT_ARENA_BYTES);
    status =
        table_schema(&arena, commit, &wanted) == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = shale_log_check_schema(&arena, base->log, &wanted, commit->partitions,
                                        commit->n_partitions, &evolved, &merged, err);
    shale_arena_fini(&arena);
    return status;
}

/* The table's own properties, and whose it is. */
static enum shale_status list_configuration(struct shale_arena *arena,
                                            const struct shale_log_state *log,
                                            struct shale_str stream, struct shale_log_entry *entry)
{
    static const struct shale_str key = {"shale.stream", 12};
    struct shale_log_pair *pairs =
        shale_arena_zeroed(arena, log->n_configuration + 1, sizeof *pairs);
    size_t i, n = 0;
    if (pairs == NULL)
        return SHALE_NOMEM;
    for (i = 0; i < log->n_configuration; i++)
        if (!shale_str_equal(log->configuration[i].key, key))
            pairs[n++] = log->configuration[i];
    pairs[n++] = (struct shale_log_pair){key, stream};
    entry->configuration = pairs;
    entry->n_configuration = n;
    return SHALE_OK;
}

/* RFC 9562, version 4. */
static enum shale_status random_uuid(const struct shale_env *env, struct shale_arena *arena,
                                     struct shale_str *out)
{
    uint64_t bits[2];
    char text[40];
    const char *copy;
    shale_draft_name(env, bits);
    bits[0] = (bits[0] & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    bits[1] = (bits[1] & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    (void)snprintf(text, sizeof text,
                   "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   bits[0] >> 32, bits[0] >> 16 & 0xffff, bits[0] & 0xffff, bits[1] >> 48,
                   bits[1] & UINT64_C(0xffffffffffff));
    copy = shale_arena_copy(arena, shale_str_of(text));
    if (copy == NULL)
        return SHALE_NOMEM;
    *out = shale_str_of(copy);
    return SHALE_OK;
}

/* metaData when the table is new, gets columns or is not said to be this stream's yet. */
static enum shale_status put_metadata(struct shale_draft *draft, const struct shale_env *env,
                                      const struct shale_log_state *log,
                                      const struct shale_commit *commit,
                                      struct shale_log_entry *entry)
{
    bool is_new = log->version < 0;
    entry->has_metadata = true;
    entry->has_protocol = is_new;
    entry->base = is_new ? NULL : log;
    entry->partition_columns = is_new ? commit->partitions : log->partition_columns;
    entry->n_partition_columns = is_new ? commit->n_partitions : log->n_partition_columns;
    entry->created_ms = is_new ? env->wall_us(env->ctx) / 1000 : log->created_ms;
    entry->table_id = log->table_id;
    if (is_new) {
        enum shale_status status = random_uuid(env, &draft->arena, &entry->table_id);
        if (status != SHALE_OK)
            return status;
    }
    return list_configuration(&draft->arena, log, commit->stream, entry);
}

/* What the table's schema becomes. */
static enum shale_status find_schema(struct shale_draft *draft, const struct shale_log_state *log,
                                     const struct shale_commit *commit, struct shale_err *err)
{
    struct shale_schema wanted, merged;
    enum shale_status status;
    if (commit->keeps_schema && log->version >= 0) {
        draft->evolved = false;
        draft->schema = log->schema;
        return SHALE_OK;
    }
    status = table_schema(&draft->arena, commit, &wanted);
    if (status == SHALE_OK)
        status = shale_log_check_schema(&draft->arena, log, &wanted, commit->partitions,
                                        commit->n_partitions, &draft->evolved, &merged, err);
    if (status == SHALE_OK)
        draft->schema = log->version < 0 ? wanted : draft->evolved ? merged : log->schema;
    return status;
}

static enum shale_status check_append_only(const struct shale_store *store,
                                           const struct shale_log_state *log,
                                           const struct shale_commit *commit, struct shale_err *err)
{
    for (size_t i = 0; i < commit->n_removes && log->is_append_only; i++)
        if (commit->removes[i].data_change)
            return SHALE_ERR(err, commit_append_only, store->name);
    return SHALE_OK;
}

/* A file is removed when the entry is made: readers of the version before it have their retention
 * from then on. */
static enum shale_status list_removes(struct shale_draft *draft, const struct shale_commit *commit,
                                      int64_t now_ms, struct shale_log_entry *entry)
{
    struct shale_log_remove *removes;
    if (commit->n_removes == 0)
        return SHALE_OK;
    removes = shale_arena_zeroed(&draft->arena, commit->n_removes, sizeof *removes);
    if (removes == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < commit->n_removes; i++) {
        removes[i] = commit->removes[i];
        removes[i].deleted_ms = now_ms;
    }
    entry->removes = removes;
    entry->n_removes = commit->n_removes;
    return SHALE_OK;
}

static enum shale_status make_entry(struct shale_draft *draft, const struct shale_env *env,
                                    const struct shale_log_state *log,
                                    const struct shale_commit *commit)
{
    int64_t now_ms = env->wall_us(env->ctx) / 1000;
    enum shale_status status;
    struct shale_log_entry entry = {.manifest_id = draft->manifest.id,
                                    .adds = commit->adds,
                                    .n_adds = commit->n_adds,
                                    .schema = &draft->schema,
                                    .info = commit->info,
                                    .created_ms = -1};
    if (entry.info.timestamp_ms <= 0)
        entry.info.timestamp_ms = now_ms;
    status = list_removes(draft, commit, now_ms, &entry);
    if (status != SHALE_OK)
        return status;
    if (draft->evolved || log->version < 0 || !shale_str_equal(log->stream, commit->stream))
        status = put_metadata(draft, env, log, commit, &entry);
    shale_buf_reset(&draft->entry);
    return status == SHALE_OK ? shale_log_entry_json(&entry, &draft->entry) : status;
}

static enum shale_status write_manifest(const struct shale_draft *draft, struct shale_store *store,
                                        struct shale_err *err)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    struct shale_buf json;
    enum shale_status status;
    shale_manifest_name(draft->manifest.id, name);
    shale_buf_init(&json, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    status = shale_manifest_json(&draft->manifest, &json);
    if (status == SHALE_OK)
        status = shale_store_put_absent(store, name, shale_buf_str(&json), err);
    shale_buf_fini(&json);
    return status;
}

/* Under an id that nobody has.  A write of which nothing is known is left behind: nobody reads a
 * manifest that is not named. */
enum shale_status shale_draft_write(struct shale_draft *draft, struct shale_store *store,
                                    struct shale_err *err)
{
    const struct shale_env *env = store->env;
    enum shale_status status;
    int n_tries = 0;
    do {
        draft->manifest.id = (int64_t)(env->random_u64(env->ctx) >> (64 - ID_BITS));
        status = write_manifest(draft, store, err);
    } while (status == SHALE_CONFLICT && ++n_tries < ID_TRIES);
    return status;
}

enum shale_status shale_draft_say(enum shale_status status, const char *name, struct shale_err *err)
{
    if (status == SHALE_NOMEM)
        return SHALE_ERR(err, no_memory);
    if (status == SHALE_LIMIT && (err == NULL || shale_error_status(err->code) != SHALE_LIMIT))
        return SHALE_ERR(err, commit_too_large, name);
    return status;
}

static enum shale_status make(struct shale_draft *draft, struct shale_store *store,
                              const struct shale_base *base, const struct shale_commit *commit,
                              bool merges, struct shale_err *err)
{
    enum shale_status status = check_append_only(store, base->log, commit, err);
    if (status == SHALE_OK)
        status = find_schema(draft, base->log, commit, err);
    if (status == SHALE_OK)
        status = shale_draft_manifest(draft, store, base, commit, merges, err);
    if (status == SHALE_OK)
        status = shale_draft_write(draft, store, err);
    return status == SHALE_OK ? make_entry(draft, store->env, base->log, commit) : status;
}

enum shale_status shale_draft_make(struct shale_draft *draft, struct shale_store *store,
                                   const struct shale_base *base, const struct shale_commit *commit,
                                   bool merges, struct shale_err *err)
{
    shale_err_clear(err);
    shale_arena_reset(&draft->arena);
    draft->version = base->log->version + 1;
    shale_log_entry_name(draft->version, draft->name);
    return shale_draft_say(make(draft, store, base, commit, merges, err), store->name, err);
}
