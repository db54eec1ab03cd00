/* SPDX-License-Identifier: MIT */
/* What one attempt of a commit publishes: its manifest and the bytes of its entry. */
#include "dataset/commit_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataset/rejects_merge.h"

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
    shale_buf_init(&draft->entry, mem, ENTRY_BYTES);
}

void shale_draft_fini(struct shale_draft *draft)
{
    shale_arena_fini(&draft->arena);
    shale_arena_fini(&draft->ledger_merge.arena);
    shale_arena_fini(&draft->rejects_merge.arena);
    shale_buf_fini(&draft->entry);
}

/* ---- The manifest ------------------------------------------------------------------------------
 */

/* How segments of a kind are merged. */
struct merging {
    const char *folder;
    void (*pick)(const struct shale_segment *segments, size_t n_segments, size_t *first, size_t *n);
    enum shale_status (*merge)(struct shale_store *store, const struct shale_segment *segments,
                               size_t n_segments, const char *path, struct shale_str replaced,
                               struct shale_arena *arena, struct shale_segment *segment,
                               struct shale_err *err);
    bool
        matters; /* segments that cannot be read stop the commit; otherwise they stay as they are */
};

static const struct merging of_ledger = {"ledger", shale_ledger_pick_merge, shale_ledger_merge,
                                         true};
static const struct merging of_rejects = {"rejects", shale_rejects_pick_merge, shale_rejects_merge,
                                          false};

static size_t find_segment(const struct shale_segment *segments, size_t n, struct shale_str path)
{
    size_t i = 0;
    while (i < n && !shale_str_equal(segments[i].path, path))
        i++;
    return i;
}

/* 'old' and, unless it is NULL, 'added'. */
static enum shale_status join_segments(struct shale_arena *arena, const struct shale_segment *old,
                                       size_t n_old, const struct shale_segment *added,
                                       struct shale_segment **out, size_t *n_out)
{
    struct shale_segment *segments = shale_arena_zeroed(arena, n_old + 1, sizeof *segments);
    if (segments == NULL)
        return SHALE_NOMEM;
    if (n_old > 0)
        memcpy(segments, old, n_old * sizeof *segments);
    *n_out = n_old;
    if (added != NULL)
        segments[(*n_out)++] = *added;
    *out = segments;
    return SHALE_OK;
}

/* More rows first; among equals by name, so that the order is one. */
static int by_rows(const void *left, const void *right)
{
    const struct shale_segment *a = left, *b = right;
    if (a->n_rows != b->n_rows)
        return a->n_rows > b->n_rows ? -1 : 1;
    return shale_str_compare(a->path, b->path);
}

static void draw_name(const struct shale_env *env, uint64_t out[2])
{
    for (int i = 0; i < 2; i++)
        out[i] = env->random_u64(env->ctx);
}

static enum shale_status segment_path(const struct shale_env *env, const char *folder,
                                      struct shale_arena *arena, struct shale_str *out)
{
    uint64_t name[2];
    char path[64];
    char *copy;
    draw_name(env, name);
    (void)snprintf(path, sizeof path, "_shale/%s/%016" PRIx64 "%016" PRIx64 ".parquet", folder,
                   name[0], name[1]);
    copy = shale_arena_copy(arena, shale_str_of(path));
    if (copy == NULL)
        return SHALE_NOMEM;
    *out = shale_str_of(copy);
    return SHALE_OK;
}

static void forget_merge(struct shale_commit_merge *merge)
{
    merge->n_inputs = 0;
    shale_arena_reset(&merge->arena);
}

/* The first of 'merged' that is in the base: a merge names as its first input what its commit takes
 * out, which the segments that this commit brings are not. */
static struct shale_str find_replaced(const struct shale_segment *merged, size_t n,
                                      const struct shale_segment *base, size_t n_base)
{
    size_t i = 0;
    while (i < n && find_segment(base, n_base, merged[i].path) == n_base)
        i++;
    return i < n ? merged[i].path : (struct shale_str){NULL, 0};
}

static enum shale_status write_merge(struct shale_commit_merge *merge,
                                     const struct merging *merging, struct shale_store *store,
                                     const struct shale_segment *segments, size_t n,
                                     struct shale_str replaced, struct shale_err *err)
{
    struct shale_str path = {NULL, 0};
    enum shale_status status;
    size_t i;
    merge->inputs = shale_arena_zeroed(&merge->arena, n, sizeof *merge->inputs);
    if (merge->inputs == NULL)
        return SHALE_NOMEM;
    for (i = 0; i < n; i++) {
        const char *copy = shale_arena_copy(&merge->arena, segments[i].path);
        if (copy == NULL)
            return SHALE_NOMEM;
        merge->inputs[i] = (struct shale_str){copy, segments[i].path.n_bytes};
    }
    status = segment_path(store->env, merging->folder, &merge->arena, &path);
    if (status == SHALE_OK)
        status = merging->merge(store, segments, n, path.data, replaced, &merge->arena,
                                &merge->output, err);
    if (status == SHALE_OK)
        status = shale_store_settle(store, err);
    if (status == SHALE_OK)
        merge->n_inputs = n;
    return status;
}

/* Decide what is merged: what an earlier attempt merged, while all of it is live; or what the
 * policy says.  'live' is sorted; 'base' is what it was before this commit. */
static enum shale_status choose_merge(struct shale_commit_merge *merge,
                                      const struct merging *merging, struct shale_store *store,
                                      const struct shale_segment *base, size_t n_base,
                                      const struct shale_segment *live, size_t n_live, bool anew,
                                      struct shale_err *err)
{
    struct shale_str replaced;
    size_t first, n, i;
    bool passes;
    enum shale_status status;
    for (i = 0; i < merge->n_inputs; i++)
        if (find_segment(live, n_live, merge->inputs[i]) == n_live)
            break;
    if (merge->n_inputs > 0 && i == merge->n_inputs)
        return SHALE_OK;
    forget_merge(merge);
    if (!anew)
        return SHALE_OK;
    merging->pick(live, n_live, &first, &n);
    replaced = find_replaced(live + first, n, base, n_base);
    if (n < 2 || replaced.n_bytes == 0)
        return SHALE_OK;
    status = write_merge(merge, merging, store, live + first, n, replaced, err);
    if (status == SHALE_OK)
        return SHALE_OK;
    forget_merge(merge);
    /* Another commit merges them, when the store answers. */
    passes = status == SHALE_AGAIN || status == SHALE_UNSURE || status == SHALE_CONFLICT;
    return passes || (!merging->matters && status != SHALE_NOMEM) ? SHALE_OK : status;
}

/* Put the merged segment in the place of its inputs. */
static void apply_merge(const struct shale_commit_merge *merge, struct shale_segment *live,
                        size_t *n_live)
{
    size_t i, n = 0;
    if (merge->n_inputs == 0)
        return;
    for (i = 0; i < *n_live; i++) {
        size_t j = 0;
        while (j < merge->n_inputs && !shale_str_equal(merge->inputs[j], live[i].path))
            j++;
        if (j == merge->n_inputs)
            live[n++] = live[i];
    }
    live[n++] = merge->output;
    *n_live = n;
}

/* The parent and what was merged: only what this very commit replaces, so that manifests do not
 * grow with the history; whoever wants more follows the parents. */
static enum shale_status list_superseded(struct shale_draft *draft, const struct shale_env *env)
{
    const struct shale_commit_merge *merges[] = {&draft->ledger_merge, &draft->rejects_merge};
    struct shale_manifest *manifest = &draft->manifest;
    int64_t now_ms = env->wall_us(env->ctx) / 1000;
    struct shale_superseded *list;
    size_t n = 0;
    list = shale_arena_zeroed(&draft->arena, 1 + merges[0]->n_inputs + merges[1]->n_inputs,
                              sizeof *list);
    if (list == NULL)
        return SHALE_NOMEM;
    if (manifest->parent >= 0) {
        char name[SHALE_MANIFEST_NAME_BYTES];
        const char *copy;
        shale_manifest_name(manifest->parent, name);
        copy = shale_arena_copy(&draft->arena, shale_str_of(name));
        if (copy == NULL)
            return SHALE_NOMEM;
        list[n++] = (struct shale_superseded){shale_str_of(copy), now_ms};
    }
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < merges[i]->n_inputs; j++)
            list[n++] = (struct shale_superseded){merges[i]->inputs[j], now_ms};
    manifest->superseded = list;
    manifest->n_superseded = n;
    return SHALE_OK;
}

static enum shale_status list_added(struct shale_draft *draft, const struct shale_commit *commit)
{
    struct shale_str *added = shale_arena_zeroed(&draft->arena, 2, sizeof *added);
    size_t n = 0;
    if (added == NULL)
        return SHALE_NOMEM;
    if (commit->ledger != NULL)
        added[n++] = commit->ledger->path;
    if (commit->rejects != NULL)
        added[n++] = commit->rejects->path;
    draft->manifest.added = added;
    draft->manifest.n_added = n;
    return SHALE_OK;
}

/* The segments of one kind that are live after this commit. */
static enum shale_status merge_segments(struct shale_commit_merge *merge,
                                        const struct merging *merging, struct shale_store *store,
                                        const struct shale_segment *base, size_t n_base, bool anew,
                                        struct shale_segment *live, size_t *n_live,
                                        struct shale_err *err)
{
    enum shale_status status;
    qsort(live, *n_live, sizeof *live, by_rows);
    status = choose_merge(merge, merging, store, base, n_base, live, *n_live, anew, err);
    if (status == SHALE_OK)
        apply_merge(merge, live, n_live);
    return status;
}

static enum shale_status make_manifest(struct shale_draft *draft, struct shale_store *store,
                                       const struct shale_base *base,
                                       const struct shale_commit *commit, bool merges,
                                       struct shale_err *err)
{
    const struct shale_manifest *old = &base->manifest;
    struct shale_segment *ledger, *rejects;
    size_t n_ledger, n_rejects;
    enum shale_status status = join_segments(&draft->arena, old->ledger, old->n_ledger,
                                             commit->ledger, &ledger, &n_ledger);
    if (status == SHALE_OK)
        status = join_segments(&draft->arena, old->rejects, old->n_rejects, commit->rejects,
                               &rejects, &n_rejects);
    if (status == SHALE_OK)
        status = merge_segments(&draft->ledger_merge, &of_ledger, store, old->ledger, old->n_ledger,
                                merges, ledger, &n_ledger, err);
    if (status == SHALE_OK)
        status = merge_segments(&draft->rejects_merge, &of_rejects, store, old->rejects,
                                old->n_rejects, merges, rejects, &n_rejects, err);
    if (status != SHALE_OK)
        return status;
    draft->manifest = (struct shale_manifest){.id = -1,
                                              .parent = old->id,
                                              .version = draft->version,
                                              .ledger = ledger,
                                              .n_ledger = n_ledger,
                                              .rejects = rejects,
                                              .n_rejects = n_rejects};
    status = list_superseded(draft, store->env);
    return status == SHALE_OK ? list_added(draft, commit) : status;
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
    draw_name(env, bits);
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
    enum shale_status status = table_schema(&draft->arena, commit, &wanted);
    if (status == SHALE_OK)
        status = shale_log_check_schema(&draft->arena, log, &wanted, commit->partitions,
                                        commit->n_partitions, &draft->evolved, &merged, err);
    if (status == SHALE_OK)
        draft->schema = log->version < 0 ? wanted : draft->evolved ? merged : log->schema;
    return status;
}

static enum shale_status make_entry(struct shale_draft *draft, const struct shale_env *env,
                                    const struct shale_log_state *log,
                                    const struct shale_commit *commit)
{
    enum shale_status status = SHALE_OK;
    struct shale_log_entry entry = {.manifest_id = draft->manifest.id,
                                    .adds = commit->adds,
                                    .n_adds = commit->n_adds,
                                    .schema = &draft->schema,
                                    .info = commit->info,
                                    .created_ms = -1};
    if (entry.info.timestamp_ms <= 0)
        entry.info.timestamp_ms = env->wall_us(env->ctx) / 1000;
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

enum shale_status shale_draft_make(struct shale_draft *draft, struct shale_store *store,
                                   const struct shale_base *base, const struct shale_commit *commit,
                                   bool merges, struct shale_err *err)
{
    const struct shale_env *env = store->env;
    enum shale_status status;
    int n_tries = 0;
    shale_arena_reset(&draft->arena);
    draft->version = base->log->version + 1;
    shale_log_entry_name(draft->version, draft->name);
    status = find_schema(draft, base->log, commit, err);
    if (status == SHALE_OK)
        status = make_manifest(draft, store, base, commit, merges, err);
    if (status != SHALE_OK)
        return status;
    /* Under an id that nobody has.  A write of which nothing is known is left behind: nobody reads
     * a manifest that no entry names. */
    do {
        draft->manifest.id = (int64_t)(env->random_u64(env->ctx) >> (64 - ID_BITS));
        status = make_entry(draft, env, base->log, commit);
        if (status == SHALE_OK)
            status = write_manifest(draft, store, err);
    } while (status == SHALE_CONFLICT && ++n_tries < ID_TRIES);
    return status;
}
