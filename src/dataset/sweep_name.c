/* SPDX-License-Identifier: MIT */
/* What a table says of the files that were listed: by the log, the live segments, and the chain of
 * manifests. */
#include <stdlib.h>
#include <string.h>

#include "dataset/commit_parts.h"
#include "dataset/log_actions.h"
#include "dataset/log_names.h"
#include "dataset/sweep_parts.h"

/* ---- By the name alone ------------------------------------------------------------------------
 */

enum { NAME_HEX = 32 };

static bool take_hex(struct shale_str *text)
{
    if (text->n_bytes < NAME_HEX)
        return false;
    for (size_t i = 0; i < NAME_HEX; i++)
        if (strchr("0123456789abcdef", text->data[i]) == NULL || text->data[i] == '\0')
            return false;
    *text = (struct shale_str){text->data + NAME_HEX, text->n_bytes - NAME_HEX};
    return true;
}

/* "part-<32 hex>.zstd.parquet", as output.c and rewrite.c make them, in "name=value" directories.
 */
static bool is_data(struct shale_str key)
{
    static const char *const suffixes[] = {".parquet", ".gz.parquet", ".zstd.parquet",
                                           ".snappy.parquet", ".lz4raw.parquet"};
    struct shale_str name = key;
    const char *slash;
    while ((slash = memchr(name.data, '/', name.n_bytes)) != NULL) {
        size_t n = (size_t)(slash - name.data);
        if (memchr(name.data, '=', n) == NULL)
            return false;
        name = (struct shale_str){slash + 1, name.n_bytes - n - 1};
    }
    if (!shale_log_take_text(&name, "part-") || !take_hex(&name))
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (shale_str_is(name, suffixes[i]))
            return true;
    return false;
}

/* "ledger/<32 hex>.parquet" */
static bool is_segment(struct shale_str name)
{
    return (shale_log_take_text(&name, "ledger/") || shale_log_take_text(&name, "rejects/") ||
            shale_log_take_text(&name, "keys/")) &&
           take_hex(&name) && shale_str_is(name, ".parquet");
}

/* "manifest/<id>.json", as it is written. */
static bool is_manifest(struct shale_str key, struct shale_str name, int64_t *id)
{
    char wanted[SHALE_MANIFEST_NAME_BYTES];
    size_t n_digits = 0;
    if (!shale_log_take_text(&name, "manifest/"))
        return false;
    while (n_digits < name.n_bytes && name.data[n_digits] != '.')
        n_digits++;
    if (n_digits == 0 || !shale_log_take_digits(&name, n_digits, id))
        return false;
    shale_manifest_name(*id, wanted);
    return shale_str_is(key, wanted);
}

enum shale_swept_kind shale_sweep_kind(struct shale_str key, int64_t *manifest_id)
{
    struct shale_str name = key;
    if (!shale_log_take_text(&name, "_shale/"))
        return is_data(key) ? SHALE_SWEPT_DATA : SHALE_SWEPT_OTHER;
    if (is_segment(name))
        return SHALE_SWEPT_SEGMENT;
    return is_manifest(key, name, manifest_id) ? SHALE_SWEPT_MANIFEST : SHALE_SWEPT_OTHER;
}

/* ---- Fates ------------------------------------------------------------------------------------
 */

static int by_path(const void *key, const void *file)
{
    return shale_str_compare(*(const struct shale_str *)key,
                             ((const struct shale_swept_file *)file)->path);
}

static struct shale_swept_file *find(const struct shale_sweep *sweep, struct shale_str path)
{
    size_t n;
    struct shale_swept_file *files = shale_sweep_files(sweep, &n);
    return n == 0 ? NULL : bsearch(&path, files, n, sizeof *files, by_path);
}

static void set_live(struct shale_sweep *sweep, struct shale_str path)
{
    struct shale_swept_file *file = find(sweep, path);
    if (file != NULL)
        file->fate = SHALE_FATE_LIVE;
}

static void set_taken_out(struct shale_sweep *sweep, struct shale_str path, int64_t since_ms)
{
    struct shale_swept_file *file = find(sweep, path);
    if (file == NULL || file->fate == SHALE_FATE_LIVE)
        return;
    /* Said twice: who said it last has the later time. */
    if (file->fate != SHALE_FATE_TAKEN_OUT || file->since_ms < since_ms)
        file->since_ms = since_ms;
    file->fate = SHALE_FATE_TAKEN_OUT;
}

static enum shale_status name_files(struct shale_sweep *sweep, const struct shale_log_state *log)
{
    struct shale_log_files *files;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(sweep->store, log, &files, sweep->err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_log_files_next(files, &add, sweep->err)) == SHALE_OK && add != NULL)
        set_live(sweep, add->path);
    shale_log_files_free(files);
    return status;
}

/* What the log took out; nothing below _shale is in it, whatever it says. */
static enum shale_status name_removed(struct shale_sweep *sweep, const struct shale_log_state *log)
{
    struct shale_log_files *files;
    const struct shale_log_remove *removed;
    enum shale_status status = shale_log_removed_new(sweep->store, log, &files, sweep->err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_log_removed_next(files, &removed, sweep->err)) == SHALE_OK &&
           removed != NULL) {
        struct shale_str path = removed->path;
        if (!shale_log_take_text(&path, "_shale/"))
            set_taken_out(sweep, removed->path, removed->deleted_ms);
    }
    shale_log_files_free(files);
    return status;
}

static void name_segments(struct shale_sweep *sweep, const struct shale_segment *segments, size_t n)
{
    for (size_t i = 0; i < n; i++)
        set_live(sweep, segments[i].path);
}

/* What 'manifest' superseded, and data files that its commit took out.  The manifests stay a chain
 * without a gap, however the clocks of those who wrote them go: '*older' is set once one of them is
 * over its retention.  What one that goes has superseded goes with it: nobody would know of it any
 * more. */
static void name_superseded(struct shale_sweep *sweep, const struct shale_manifest *manifest,
                            bool *older)
{
    const bool goes = *older;
    for (size_t i = 0; i < manifest->n_superseded; i++) {
        const struct shale_superseded *one = &manifest->superseded[i];
        bool is_over = one->since_ms <= sweep->cutoff_ms;
        int64_t since_ms = goes ? INT64_MIN : one->since_ms, id;
        enum shale_swept_kind kind = shale_sweep_kind(one->path, &id);
        if (kind == SHALE_SWEPT_MANIFEST) {
            if (is_over && one->since_ms > sweep->until_ms)
                sweep->until_ms = one->since_ms;
            *older = *older || is_over;
            set_taken_out(sweep, one->path, *older ? INT64_MIN : one->since_ms);
        } else {
            set_taken_out(sweep, one->path, since_ms);
        }
    }
}

/* From the newest manifest back, as far as they are kept. */
static enum shale_status name_chain(struct shale_sweep *sweep, const struct shale_manifest *newest)
{
    struct shale_arena arenas[2]; /* of a manifest and its parent, in turn */
    struct shale_manifest at = *newest;
    enum shale_status status = SHALE_OK;
    bool older = false;
    int turn = 0;
    for (int i = 0; i < 2; i++)
        shale_arena_init(&arenas[i], sweep->store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    for (;;) {
        struct shale_manifest parent;
        name_superseded(sweep, &at, &older);
        if (at.parent < 0)
            break;
        turn = !turn;
        shale_arena_reset(&arenas[turn]);
        status = shale_manifest_read(sweep->store, &arenas[turn], at.parent, &parent, sweep->err);
        if (status != SHALE_OK)
            break;
        if (parent.version >= at.version) { /* versions fall, so that this ends */
            status = SHALE_ERR(sweep->err, manifest_wrong, (long long)at.id, sweep->store->name);
            break;
        }
        at = parent;
    }
    for (int i = 0; i < 2; i++)
        shale_arena_fini(&arenas[i]);
    return status == SHALE_NOT_FOUND ? SHALE_OK : status; /* kept no longer */
}

static enum shale_status name_manifests(struct shale_sweep *sweep,
                                        const struct shale_manifest *newest)
{
    char name[SHALE_MANIFEST_NAME_BYTES];
    name_segments(sweep, newest->ledger, newest->n_ledger);
    name_segments(sweep, newest->rejects, newest->n_rejects);
    name_segments(sweep, newest->keys, newest->n_keys);
    if (newest->id < 0)
        return SHALE_OK;
    shale_manifest_name(newest->id, name);
    set_live(sweep, shale_str_of(name));
    return name_chain(sweep, newest);
}

enum shale_status shale_sweep_name(struct shale_sweep *sweep, const struct shale_base *base)
{
    size_t n;
    struct shale_swept_file *files = shale_sweep_files(sweep, &n);
    enum shale_status status;
    sweep->until_ms = -1;
    for (size_t i = 0; i < n; i++)
        files[i].fate = SHALE_FATE_UNNAMED;
    status = base->log == NULL || sweep->manifests ? SHALE_OK : name_files(sweep, base->log);
    if (status == SHALE_OK && base->log != NULL && !sweep->manifests)
        status = name_removed(sweep, base->log);
    return status == SHALE_OK ? name_manifests(sweep, &base->manifest) : status;
}
