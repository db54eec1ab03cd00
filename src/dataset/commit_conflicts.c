/* SPDX-License-Identifier: MIT */
/* What a commit takes out must be there when it commits: another may have taken it out before. */
#include <stdlib.h>
#include <string.h>

#include "dataset/commit_parts.h"

enum { ENTRY_BYTES = 1 << 30 };

/* The files that a commit removes, sorted. */
struct removed {
    const struct shale_mem *mem;
    struct file {
        struct shale_str path;
        bool seen;
    } * files;
    size_t n;
};

static int by_path(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    return shale_str_compare(a->path, b->path);
}

static enum shale_status removed_init(struct removed *removed, const struct shale_mem *mem,
                                      const struct shale_commit *commit, struct shale_err *err)
{
    removed->mem = mem;
    removed->n = commit->n_removes;
    removed->files = shale_mem_zeroed(mem, removed->n + 1, sizeof *removed->files);
    if (removed->files == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < removed->n; i++)
        removed->files[i].path = commit->removes[i].path;
    qsort(removed->files, removed->n, sizeof *removed->files, by_path);
    return SHALE_OK;
}

static void removed_fini(struct removed *removed)
{
    shale_mem_free(removed->mem, removed->files);
}

static struct file *removed_find(const struct removed *removed, struct shale_str path)
{
    const struct file key = {.path = path};
    return bsearch(&key, removed->files, removed->n, sizeof key, by_path);
}

/* All of them, each named once, are among the files of the table. */
static bool all_seen(const struct removed *removed)
{
    for (size_t i = 0; i < removed->n; i++)
        if (!removed->files[i].seen)
            return false;
    return true;
}

static enum shale_status look_in_snapshot(struct shale_store *store, struct removed *removed,
                                          const struct shale_log_state *log, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(store, log, &files, err);
    while (status == SHALE_OK) {
        struct file *file;
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        file = removed_find(removed, add->path);
        if (file != NULL)
            file->seen = true;
    }
    shale_log_files_free(files);
    return status;
}

/* Does entry 'version' remove one of them?  A file that an entry removes and adds again is held to
 * be gone: only a foreign RESTORE does so. */
static enum shale_status look_in_entry(struct shale_store *store, const struct removed *removed,
                                       int64_t version, bool *is_live, struct shale_err *err)
{
    struct shale_arena arena;
    struct shale_log_entry entry;
    enum shale_status status;
    shale_arena_init(&arena, store->env->mem, ENTRY_BYTES);
    status = shale_log_entry_read(store, &arena, version, &entry, err);
    for (size_t i = 0; status == SHALE_OK && i < entry.n_removes && *is_live; i++)
        *is_live = removed_find(removed, entry.removes[i].path) == NULL;
    shale_arena_fini(&arena);
    return status;
}

/* ---- Segments ---------------------------------------------------------------------------------
 */

static bool are_live(const struct shale_commit_change *change, const struct shale_segment *live,
                     size_t n_live)
{
    for (size_t i = 0; i < change->n_out; i++) {
        size_t k = 0;
        while (k < n_live && !shale_str_equal(live[k].path, change->out[i]))
            k++;
        if (k == n_live)
            return false;
    }
    return true;
}

static bool segments_are_live(const struct shale_commit *commit,
                              const struct shale_manifest *manifest)
{
    return are_live(&commit->ledger_change, manifest->ledger, manifest->n_ledger) &&
           are_live(&commit->rejects_change, manifest->rejects, manifest->n_rejects) &&
           are_live(&commit->keys_change, manifest->keys, manifest->n_keys);
}

/* ---- All of it --------------------------------------------------------------------------------
 */

enum shale_status shale_commit_is_live(struct shale_store *store, const struct shale_commit *commit,
                                       const struct shale_base *base, bool *is_live,
                                       struct shale_err *err)
{
    struct removed removed;
    enum shale_status status;
    /* Without a table there is no schema to keep. */
    *is_live = segments_are_live(commit, &base->manifest) &&
               (base->log->version >= 0 || (!commit->keeps_schema && commit->n_removes == 0));
    if (!*is_live || commit->n_removes == 0)
        return SHALE_OK;
    status = removed_init(&removed, store->env->mem, commit, err);
    if (status != SHALE_OK)
        return status;
    status = look_in_snapshot(store, &removed, base->log, err);
    *is_live = status == SHALE_OK && all_seen(&removed);
    removed_fini(&removed);
    return status;
}

enum shale_status shale_commit_stays_live(struct shale_store *store,
                                          const struct shale_commit *commit,
                                          const struct shale_base *before,
                                          const struct shale_base *newest, bool *is_live,
                                          struct shale_err *err)
{
    struct removed removed;
    enum shale_status status;
    *is_live = segments_are_live(commit, &newest->manifest);
    if (!*is_live || commit->n_removes == 0)
        return SHALE_OK;
    status = removed_init(&removed, store->env->mem, commit, err);
    if (status != SHALE_OK)
        return status;
    for (int64_t version = before->log->version + 1;
         version <= newest->log->version && status == SHALE_OK && *is_live; version++)
        status = look_in_entry(store, &removed, version, is_live, err);
    removed_fini(&removed);
    return status;
}

bool shale_commit_is_outdated(const struct shale_commit *commit, const struct shale_base *before,
                              const struct shale_base *newest)
{
    bool reads_again = commit->ledger_change.n_out + commit->rejects_change.n_out > 0;
    if (commit->keeps_schema &&
        !shale_str_equal(before->log->schema_json, newest->log->schema_json))
        return true;
    /* Conditions are only ever added. */
    return reads_again && before->manifest.n_erasures != newest->manifest.n_erasures;
}
