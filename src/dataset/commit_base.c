/* SPDX-License-Identifier: MIT */
/* What a commit builds on: the newest state of the log, the manifest that it names, and the chain
 * of manifests that leads there. */
#include "dataset/commit_parts.h"

#include <inttypes.h>

/* How often a base is read again because it was replaced and swept between two reads. */
enum { BASE_TRIES = 4 };

#define MANIFESTS "_shale/manifest/"

static const struct shale_manifest no_manifest = {.id = -1, .parent = -1, .version = -1};

/* May 'stream' append to this table? */
static enum shale_status check_state(const struct shale_store *store,
                                     const struct shale_log_state *log, struct shale_str stream,
                                     struct shale_err *err)
{
    if (log->version < 0)
        return SHALE_OK;
    if (log->refusal.n_bytes > 0)
        return SHALE_ERR(err, log_refused, store->name, SHALE_STR_ARG(log->refusal));
    if (log->stream.n_bytes > 0 && !shale_str_equal(log->stream, stream))
        return SHALE_ERR(err, table_stream, store->name, SHALE_STR_ARG(log->stream),
                         SHALE_STR_ARG(stream));
    if (log->stream.n_bytes > 0 && log->manifest_id < 0)
        return SHALE_ERR(err, table_no_manifest, store->name);
    return SHALE_OK;
}

static enum shale_status read_manifest(struct shale_store *store, struct shale_arena *arena,
                                       int64_t id, struct shale_manifest *out,
                                       struct shale_err *err)
{
    enum shale_status status = shale_manifest_read(store, arena, id, out, err);
    if (status == SHALE_OK && (out->id != id || out->parent == id || out->version < 0))
        return SHALE_ERR(err, manifest_wrong, (long long)id, store->name);
    return status;
}

/* Is entry 'version' there, and does it name another manifest than 'id'?  Behind a checkpoint
 * nothing is concluded: entries are removed there, and a write that was long under way may land in
 * such a gap, where nobody reads it. */
static enum shale_status check_entry(struct shale_store *store, int64_t version, int64_t id,
                                     struct shale_err *err)
{
    struct shale_arena arena;
    struct shale_log_entry entry;
    int64_t tip, checkpoint;
    enum shale_status status;
    shale_arena_init(&arena, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    status = shale_log_entry_read(store, &arena, version, &entry, err);
    if (status == SHALE_NOT_FOUND || (status == SHALE_OK && entry.manifest_id == id)) {
        shale_arena_fini(&arena);
        return SHALE_OK;
    }
    shale_arena_fini(&arena);
    if (status != SHALE_OK)
        return status;
    status = shale_log_tip(store, version - 1, &tip, &checkpoint, err);
    if (status == SHALE_OK && checkpoint < version)
        return SHALE_ERR(err, table_overwritten, store->name, (long long)version);
    return status;
}

/* The manifest that the newest one was made on must still be named by its entry: otherwise its rows
 * are gone, while its objects count as consumed. */
static enum shale_status check_link(struct shale_store *store, const struct shale_manifest *newest,
                                    struct shale_err *err)
{
    struct shale_arena arena;
    struct shale_manifest parent;
    enum shale_status status;
    if (newest->parent < 0)
        return SHALE_OK;
    shale_arena_init(&arena, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    status = read_manifest(store, &arena, newest->parent, &parent, err);
    if (status == SHALE_OK && parent.version >= newest->version)
        status = SHALE_ERR(err, manifest_wrong, (long long)newest->id, store->name);
    if (status == SHALE_OK)
        status = check_entry(store, parent.version, parent.id, err);
    shale_arena_fini(&arena);
    return status == SHALE_NOT_FOUND ? SHALE_OK : status; /* kept no longer */
}

/* The same of all entries behind the checkpoint: each of ours was made on the one before it.  One
 * that was overwritten late, with others behind it by then, is missing between two that are there.
 */
static enum shale_status check_tail(struct shale_store *store, const struct shale_log_state *log,
                                    struct shale_err *err)
{
    struct shale_arena arena;
    enum shale_status status = SHALE_OK;
    shale_arena_init(&arena, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    for (size_t i = log->n_named; i-- > 0 && status == SHALE_OK;) {
        struct shale_manifest manifest, parent;
        int64_t before = i > 0 ? log->named[i - 1].manifest_id : -1;
        shale_arena_reset(&arena);
        status = read_manifest(store, &arena, log->named[i].manifest_id, &manifest, err);
        if (status != SHALE_OK || manifest.parent < 0 || manifest.parent == before)
            continue;
        status = read_manifest(store, &arena, manifest.parent, &parent, err);
        if (status == SHALE_OK && parent.version > log->checkpoint_version)
            status = SHALE_ERR(err, table_overwritten, store->name, (long long)parent.version);
    }
    shale_arena_fini(&arena);
    return status == SHALE_NOT_FOUND ? SHALE_OK : status; /* kept no longer */
}

/* The number in "_shale/manifest/<id>.json"; -1: it has none. */
static int64_t id_of(struct shale_str key)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    int64_t id = 0;
    for (size_t i = sizeof MANIFESTS - 1; i < key.n_bytes && key.data[i] != '.'; i++) {
        if (key.data[i] < '0' || key.data[i] > '9' || id > INT64_MAX / 10 - 1)
            return -1;
        id = id * 10 + key.data[i] - '0';
    }
    shale_manifest_name(id, name);
    return shale_str_is(key, name) ? id : -1;
}

enum shale_status shale_manifests_later(struct shale_store *store, int64_t version, int64_t *out,
                                        struct shale_err *err)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    enum shale_status status = shale_store_list(store, MANIFESTS, "", &list, err);
    *out = -1;
    if (status != SHALE_OK)
        return status;
    while (*out < 0 &&
           (status = shale_store_list_next(store, list, &entry, &end, err)) == SHALE_OK && !end) {
        struct shale_arena arena;
        struct shale_manifest manifest = no_manifest;
        int64_t id = id_of(entry.key);
        shale_arena_init(&arena, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
        if (id >= 0)
            status = read_manifest(store, &arena, id, &manifest, err);
        if (status == SHALE_OK && manifest.version > version)
            *out = id;
        shale_arena_fini(&arena);
        /* One that was swept meanwhile says nothing: the newest is never swept. */
        if (status != SHALE_OK && status != SHALE_NOT_FOUND)
            break;
    }
    shale_store_list_free(store, list);
    return status;
}

/* Where there is no log: was there ever one?  Manifests of a first commit that was not finished are
 * for version 0; one for a later version was made on an entry, and when that is gone, so is what
 * the table has consumed.  Looked at before the log is listed once more: its entry is older. */
static enum shale_status check_never_begun(struct shale_store *store, struct shale_err *err)
{
    int64_t tip = -1, checkpoint, later;
    enum shale_status status = shale_manifests_later(store, 0, &later, err);
    if (status == SHALE_OK && later >= 0)
        status = shale_log_tip(store, -1, &tip, &checkpoint, err);
    if (status == SHALE_OK && later >= 0 && tip < 0)
        return SHALE_ERR(err, table_log_gone, store->name, (long long)later);
    return status;
}

/* SHALE_NOT_FOUND: the manifest is missing. */
static enum shale_status read_once(struct shale_store *store, struct shale_str stream,
                                   const struct shale_log_state *after, struct shale_base *out,
                                   struct shale_err *err)
{
    enum shale_status status = shale_log_read(store, after, &out->log, err);
    if (status != SHALE_OK)
        return status == SHALE_NOT_FOUND ? SHALE_AGAIN : status;
    if (out->log->version < 0)
        return check_never_begun(store, err);
    status = check_state(store, out->log, stream, err);
    if (status != SHALE_OK || out->log->manifest_id < 0)
        return status;
    status = read_manifest(store, &out->arena, out->log->manifest_id, &out->manifest, err);
    if (status == SHALE_OK && out->manifest.version > out->log->version)
        return SHALE_ERR(err, manifest_wrong, (long long)out->manifest.id, store->name);
    if (status == SHALE_OK)
        status = check_link(store, &out->manifest, err);
    return status == SHALE_OK && after == NULL ? check_tail(store, out->log, err) : status;
}

static void begin_base(struct shale_base *base, const struct shale_env *env)
{
    *base = (struct shale_base){.manifest = no_manifest, .read_us = env->wall_us(env->ctx)};
    shale_arena_init(&base->arena, env->mem, SHALE_COMMIT_ARENA_BYTES);
}

enum shale_status shale_base_read_after(struct shale_store *store, struct shale_str stream,
                                        const struct shale_log_state *after, struct shale_base *out,
                                        struct shale_err *err)
{
    const struct shale_env *env = store->env;
    enum shale_status status = SHALE_NOT_FOUND;
    int64_t missing = -1;
    int n_tries;
    for (n_tries = 0; n_tries < BASE_TRIES; n_tries++) {
        begin_base(out, env);
        status = read_once(store, stream, after, out, err);
        if (status == SHALE_OK) {
            shale_err_clear(err); /* what is kept no longer was looked for */
            return SHALE_OK;
        }
        if (status == SHALE_NOT_FOUND && missing == out->log->manifest_id)
            status = SHALE_ERR(err, manifest_missing, (long long)missing, store->name);
        missing = out->log == NULL ? -1 : out->log->manifest_id;
        shale_base_fini(out, env->mem);
        if (status != SHALE_NOT_FOUND)
            return status;
        after = NULL; /* one that was swept meanwhile has a successor */
    }
    return SHALE_ERR(err, manifest_missing, (long long)missing, store->name);
}

enum shale_status shale_base_read(struct shale_store *store, struct shale_str stream,
                                  struct shale_base *out, struct shale_err *err)
{
    return shale_base_read_after(store, stream, NULL, out, err);
}

void shale_base_fini(struct shale_base *base, const struct shale_mem *mem)
{
    shale_log_state_free(mem, base->log);
    shale_arena_fini(&base->arena);
    *base = (struct shale_base){.manifest = no_manifest};
}

/* Where the walk stands at manifest 'at': true when it is over. */
static bool walk_ends(const struct shale_manifest *at, const struct shale_manifest *older,
                      int64_t ours, enum shale_chain *out)
{
    if (ours >= 0 && at->id == ours) {
        *out = SHALE_CHAIN_OURS;
        return true;
    }
    *out = SHALE_CHAIN_REACHED;
    return at->id == older->id;
}

enum shale_status shale_chain_walk(struct shale_store *store, const struct shale_manifest *newest,
                                   const struct shale_manifest *older, int64_t ours,
                                   enum shale_chain *out, struct shale_err *err)
{
    struct shale_arena arena;
    struct shale_manifest at = *newest;
    enum shale_status status = SHALE_OK;
    shale_arena_init(&arena, store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    /* Versions fall at each step, so that it ends. */
    while (status == SHALE_OK && !walk_ends(&at, older, ours, out)) {
        struct shale_manifest parent = no_manifest;
        if (at.id < 0 || at.version <= older->version) {
            status = SHALE_ERR(err, table_overwritten, store->name, (long long)older->version);
            break;
        }
        shale_arena_reset(&arena);
        if (at.parent >= 0)
            status = read_manifest(store, &arena, at.parent, &parent, err);
        if (status == SHALE_OK && parent.version >= at.version)
            status = SHALE_ERR(err, manifest_wrong, (long long)at.id, store->name);
        at = parent;
    }
    shale_arena_fini(&arena);
    if (status != SHALE_NOT_FOUND)
        return status;
    *out = SHALE_CHAIN_CUT;
    return SHALE_OK;
}
