/* SPDX-License-Identifier: MIT */
/* The sweep of a table, as many files at a time as fit into memory:
 *
 *     list --> read the newest base --> name --> delete --> list ...
 *
 * data files and segments, then manifests, then the log, then what is under construction.  The
 * order within a round is what makes it safe beside others (docs/sweep.md): whatever a commit named
 * before the base was read is named there, and whatever is written later was not listed.  Manifests
 * come behind what they say was taken out, so that this is known until it is gone. */
#include "dataset/sweep.h"

#include <stdio.h>
#include <string.h>

#include "dataset/commit_parts.h"
#include "dataset/log_actions.h"
#include "dataset/single_parts.h"
#include "dataset/sweep_parts.h"

enum {
    ROUND_FILES = 65536,
    ROUND_BYTES = 64 << 20, /* of their names and marks */
    BASE_TRIES = 5,         /* at a base that others clean up while it is read */
};

static const int64_t day_us = INT64_C(86400) * 1000000;
static const int64_t default_retention_us = INT64_C(7) * 86400 * 1000000;

/* ---- What is there ----------------------------------------------------------------------------
 */

static bool begins(struct shale_str text, const char *with)
{
    size_t n = strlen(with);
    return text.n_bytes >= n && memcmp(text.data, with, n) == 0;
}

static enum shale_status take_listed(struct shale_sweep *sweep,
                                     const struct shale_store_entry *entry)
{
    struct shale_swept_file file = {.n_bytes = entry->n_bytes, .manifest_id = -1};
    file.kind = shale_sweep_kind(entry->key, &file.manifest_id);
    if (begins(entry->key, "_delta_log/") ||
        (file.kind == SHALE_SWEPT_MANIFEST) != sweep->manifests ||
        (file.kind == SHALE_SWEPT_OTHER && begins(entry->key, "_shale/")))
        return SHALE_OK;
    file.path.data = shale_arena_copy(&sweep->arena, entry->key);
    file.path.n_bytes = entry->key.n_bytes;
    if (file.path.data == NULL || shale_buf_append(&sweep->files, &file, sizeof file) != SHALE_OK)
        return SHALE_ERR(sweep->err, no_memory);
    return SHALE_OK;
}

/* The files behind 'after', the key up to which they were taken so far. */
static enum shale_status list_round(struct shale_sweep *sweep, struct shale_buf *after, bool *end)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    enum shale_status status;
    shale_buf_reset(&sweep->files);
    shale_arena_reset(&sweep->arena);
    if (shale_buf_append_byte(after, '\0') != SHALE_OK)
        return SHALE_ERR(sweep->err, no_memory);
    status = shale_store_list(sweep->store, sweep->manifests ? "_shale/manifest/" : "", after->data,
                              &list, sweep->err);
    if (status != SHALE_OK)
        return status;
    while (status == SHALE_OK &&
           sweep->files.n_bytes / sizeof(struct shale_swept_file) < ROUND_FILES) {
        status = shale_store_list_next(sweep->store, list, &entry, end, sweep->err);
        if (status != SHALE_OK || *end)
            break;
        shale_buf_reset(after);
        status = shale_buf_append_str(after, entry.key) == SHALE_OK
                     ? take_listed(sweep, &entry)
                     : SHALE_ERR(sweep->err, no_memory);
    }
    shale_store_list_free(sweep->store, list);
    return status;
}

/* ---- One round --------------------------------------------------------------------------------
 */

static enum shale_status read_base(struct shale_sweep *sweep, struct shale_base *base)
{
    struct shale_single_file file;
    enum shale_status status;
    if (sweep->single == NULL)
        return shale_base_read(sweep->store, sweep->stream, base, sweep->err);
    status = shale_single_open(sweep->single, &file, base, sweep->err);
    if (status == SHALE_OK)
        shale_single_close(&file);
    return status;
}

static enum shale_status judge(struct shale_sweep *sweep)
{
    struct shale_base base;
    enum shale_status status = read_base(sweep, &base);
    if (status != SHALE_OK)
        return status;
    status = shale_sweep_name(sweep, &base);
    if (status == SHALE_OK)
        status = shale_sweep_delete(sweep, &base);
    shale_base_fini(&base, sweep->store->env->mem);
    return status;
}

/* Others may clean up the log or the ledger between two reads of it: what they leave is newer. */
static enum shale_status judge_again(struct shale_sweep *sweep)
{
    enum shale_status status = SHALE_OK;
    for (int i = 0; i < BASE_TRIES; i++) {
        status = judge(sweep);
        if (status != SHALE_NOT_FOUND && status != SHALE_AGAIN)
            break;
    }
    return status;
}

static enum shale_status sweep_rounds(struct shale_sweep *sweep, bool manifests)
{
    struct shale_buf after;
    bool end = false;
    enum shale_status status = SHALE_OK;
    sweep->manifests = manifests;
    shale_buf_init(&after, sweep->store->env->mem, 2 * SHALE_KEY_BYTES);
    while (status == SHALE_OK && !end) {
        status = list_round(sweep, &after, &end);
        if (status == SHALE_OK && sweep->files.n_bytes > 0)
            status = judge_again(sweep);
    }
    shale_buf_fini(&after);
    return status;
}

static enum shale_status sweep_files(struct shale_sweep *sweep)
{
    enum shale_status status = sweep_rounds(sweep, false);
    return status == SHALE_OK ? sweep_rounds(sweep, true) : status;
}

/* ---- All of it --------------------------------------------------------------------------------
 */

/* The newest state, of which 'files' and segments are deleted only when it is one of ours. */
static enum shale_status read_log(struct shale_sweep *sweep, struct shale_log_state **out)
{
    enum shale_status status = SHALE_AGAIN;
    for (int i = 0; i < BASE_TRIES && (status == SHALE_AGAIN || status == SHALE_NOT_FOUND); i++)
        status = shale_log_read(sweep->store, NULL, out, sweep->err);
    if (status != SHALE_OK)
        return status;
    if ((*out)->version < 0)
        status = SHALE_ERR(sweep->err, sweep_no_table, sweep->store->name);
    else if ((*out)->stream.n_bytes == 0)
        status = SHALE_ERR(sweep->err, sweep_foreign, sweep->store->name);
    if (status != SHALE_OK)
        shale_log_state_free(sweep->store->env->mem, *out);
    return status;
}

static int64_t oldest_kept_ms(const struct shale_sweep *sweep, const struct shale_log_state *log)
{
    const struct shale_env *env = sweep->store->env;
    int64_t retention_us = sweep->options->retention_us, now_us = env->wall_us(env->ctx);
    if (sweep->options->alone)
        return INT64_MAX;
    if (retention_us < 0 && log == NULL)
        retention_us = default_retention_us;
    else if (retention_us < 0)
        retention_us =
            shale_log_interval_us(log, "delta.deletedFileRetentionDuration", default_retention_us);
    return retention_us < 0 || !SHALE_SUB(now_us, retention_us, &now_us) ? INT64_MIN
                                                                         : now_us / 1000;
}

/* What checkpoints have forgotten was taken out would go as if it had never been in the table. */
static enum shale_status check_retention(const struct shale_sweep *sweep,
                                         const struct shale_log_state *log)
{
    int64_t most_us = shale_log_tombstones_us(log);
    if (sweep->options->alone || most_us < 0 || sweep->options->retention_us <= most_us)
        return SHALE_OK;
    return SHALE_ERR(sweep->err, sweep_retention, sweep->store->name,
                     (long long)(most_us / day_us));
}

/* A run may have closed some of its files for a while, so that they are not locked: they have a
 * day, whatever the retention is. */
static enum shale_status sweep_temporary(struct shale_sweep *sweep, struct shale_store *store,
                                         struct shale_store_cleaning what)
{
    const struct shale_env *env = store->env;
    int64_t n = 0;
    enum shale_status status;
    const struct shale_sweep_options *options = sweep->options;
    what.before_us = options->alone ? INT64_MAX : env->wall_us(env->ctx) - day_us;
    what.dry_run = options->dry_run;
    what.removed = options->removed;
    what.ctx = options->ctx;
    status = shale_store_clean(store, &what, &n, sweep->err);
    sweep->out->n_temporary += n;
    return status;
}

static enum shale_status sweep_all(struct shale_sweep *sweep, const struct shale_log_state *log)
{
    /* A run that is alive may have made a directory for its next file. */
    const struct shale_store_cleaning what = {.directories = sweep->options->alone};
    enum shale_status status;
    sweep->cutoff_ms = oldest_kept_ms(sweep, log);
    if (sweep->stream.n_bytes == 0)
        sweep->stream = log->stream;
    status = sweep_files(sweep);
    if (status == SHALE_OK)
        status = shale_sweep_log(sweep, log);
    return status == SHALE_OK ? sweep_temporary(sweep, sweep->store, what) : status;
}

static void begin(struct shale_sweep *sweep)
{
    const struct shale_mem *mem = sweep->store->env->mem;
    *sweep->out = (struct shale_swept){0};
    shale_arena_init(&sweep->arena, mem, ROUND_BYTES);
    shale_buf_init(&sweep->files, mem, ROUND_FILES * sizeof(struct shale_swept_file));
}

static void finish(struct shale_sweep *sweep, enum shale_status status)
{
    if (status == SHALE_OK)
        shale_err_clear(sweep->err); /* what others deleted meanwhile was looked for */
    shale_buf_fini(&sweep->files);
    shale_arena_fini(&sweep->arena);
}

/* Under construction beside the file, and below its directory. */
static enum shale_status sweep_beside(struct shale_sweep *sweep, struct shale_store *store,
                                      const char *key)
{
    char prefix[SHALE_KEY_BYTES + 16];
    enum shale_status status =
        sweep_temporary(sweep, store, (struct shale_store_cleaning){.object = key});
    (void)snprintf(prefix, sizeof prefix, "%s._shale/", key);
    return status == SHALE_OK
               ? sweep_temporary(sweep, store, (struct shale_store_cleaning){.prefix = prefix})
               : status;
}

enum shale_status shale_sweep_single(struct shale_store *store, const char *key,
                                     const struct shale_sweep_options *options,
                                     struct shale_swept *out, struct shale_err *err)
{
    const struct shale_single_options any = {0};
    struct shale_sweep sweep = {.options = options, .out = out, .err = err};
    struct shale_single *single;
    enum shale_status status = shale_single_new(store, key, &any, &single, err);
    *out = (struct shale_swept){0};
    if (status != SHALE_OK)
        return status;
    sweep.single = single;
    sweep.store = single->side;
    begin(&sweep);
    sweep.cutoff_ms = oldest_kept_ms(&sweep, NULL);
    status = sweep_files(&sweep);
    if (status == SHALE_OK)
        status = sweep_beside(&sweep, store, key);
    finish(&sweep, status);
    shale_single_free(single);
    return status;
}

enum shale_status shale_sweep(struct shale_store *store, struct shale_str stream,
                              const struct shale_sweep_options *options, struct shale_swept *out,
                              struct shale_err *err)
{
    struct shale_sweep sweep = {
        .store = store, .options = options, .stream = stream, .out = out, .err = err};
    const struct shale_mem *mem = store->env->mem;
    struct shale_log_state *log;
    enum shale_status status;
    *out = (struct shale_swept){0};
    status = read_log(&sweep, &log);
    if (status != SHALE_OK)
        return status;
    begin(&sweep);
    status = check_retention(&sweep, log);
    if (status == SHALE_OK)
        status = sweep_all(&sweep, log);
    finish(&sweep, status);
    shale_log_state_free(mem, log);
    return status;
}
