/* SPDX-License-Identifier: MIT */
/* Which of the files that a table does not need can be deleted: those that no run can commit any
 * more (docs/sweep.md says why), and those that have been taken out for long enough. */
#include <stdlib.h>
#include <string.h>

#include "dataset/commit_parts.h"
#include "dataset/sweep_parts.h"

/* A file of the table, or one that was, as a first input. */
struct input {
    struct shale_str path;
    bool is_live;
};

struct deciding {
    struct shale_sweep *sweep;
    const struct shale_base *base;
    struct shale_ledger_lookup *lookup;
    struct shale_buf inputs; /* struct input, sorted by path: of the round's unnamed files */
};

/* ---- First inputs -----------------------------------------------------------------------------
 */

/* What an unnamed file says of itself. */
static enum shale_status read_first(struct shale_sweep *sweep, struct shale_swept_file *file)
{
    enum shale_status status;
    if (file->has_first || file->is_gone)
        return SHALE_OK;
    status = shale_first_input_read(sweep->store, file->path.data, &sweep->arena, &file->first,
                                    sweep->err);
    file->is_gone = status == SHALE_NOT_FOUND;
    file->has_first = status == SHALE_OK;
    return file->is_gone ? SHALE_OK : status;
}

static bool needs_first(const struct shale_sweep *sweep, const struct shale_swept_file *file)
{
    return !sweep->options->alone && file->fate == SHALE_FATE_UNNAMED &&
           (file->kind == SHALE_SWEPT_DATA || file->kind == SHALE_SWEPT_SEGMENT);
}

static int by_path(const void *left, const void *right)
{
    return shale_str_compare(((const struct input *)left)->path,
                             ((const struct input *)right)->path);
}

static struct input *find_input(const struct deciding *deciding, struct shale_str path)
{
    const struct input wanted = {.path = path};
    size_t n = deciding->inputs.n_bytes / sizeof wanted;
    return n == 0 ? NULL : bsearch(&wanted, deciding->inputs.data, n, sizeof wanted, by_path);
}

/* The marks of all unnamed files, and the files among them that are inputs, each once. */
static enum shale_status collect_inputs(struct deciding *deciding)
{
    struct shale_sweep *sweep = deciding->sweep;
    size_t n_files, n = 0, n_inputs;
    struct shale_swept_file *files = shale_sweep_files(sweep, &n_files);
    struct input *inputs;
    for (size_t i = 0; i < n_files; i++) {
        struct input input = {.path = {NULL, 0}};
        enum shale_status status;
        if (!needs_first(sweep, &files[i]))
            continue;
        status = read_first(sweep, &files[i]);
        if (status != SHALE_OK)
            return status;
        if (!files[i].has_first || files[i].first.kind != SHALE_FIRST_FILE)
            continue;
        input.path = files[i].first.path;
        if (shale_buf_append(&deciding->inputs, &input, sizeof input) != SHALE_OK)
            return SHALE_ERR(sweep->err, no_memory);
    }
    inputs = (struct input *)(void *)deciding->inputs.data;
    n_inputs = deciding->inputs.n_bytes / sizeof *inputs;
    if (n_inputs == 0)
        return SHALE_OK;
    qsort(inputs, n_inputs, sizeof *inputs, by_path);
    for (size_t i = 0; i < n_inputs; i++)
        if (n == 0 || !shale_str_equal(inputs[n - 1].path, inputs[i].path))
            inputs[n++] = inputs[i];
    deciding->inputs.n_bytes = n * sizeof *inputs;
    return SHALE_OK;
}

static void set_live(const struct deciding *deciding, struct shale_str path)
{
    struct input *input = find_input(deciding, path);
    if (input != NULL)
        input->is_live = true;
}

/* Which inputs are still part of the table? */
static enum shale_status look_at_inputs(struct deciding *deciding)
{
    const struct shale_manifest *manifest = &deciding->base->manifest;
    struct shale_log_files *files;
    const struct shale_log_add *add;
    struct shale_err *err = deciding->sweep->err;
    enum shale_status status;
    if (deciding->inputs.n_bytes == 0)
        return SHALE_OK;
    for (size_t i = 0; i < manifest->n_ledger; i++)
        set_live(deciding, manifest->ledger[i].path);
    for (size_t i = 0; i < manifest->n_rejects; i++)
        set_live(deciding, manifest->rejects[i].path);
    for (size_t i = 0; i < manifest->n_keys; i++)
        set_live(deciding, manifest->keys[i].path);
    if (deciding->base->log == NULL) /* a checkpoint: its rows are in no file of their own */
        return SHALE_OK;
    status = shale_log_files_new(deciding->sweep->store, deciding->base->log, &files, err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_log_files_next(files, &add, err)) == SHALE_OK && add != NULL)
        set_live(deciding, add->path);
    shale_log_files_free(files);
    return status;
}

/* ---- Can it still be committed? ---------------------------------------------------------------
 */

/* The commit would bring a row of this key.  Its look at the winners refuses it when the key has
 * more rows than when it was planned; the very tag was not there then, or nothing had been read. */
static enum shale_status is_object_consumed(struct deciding *deciding,
                                            const struct shale_first_input *first, bool *out)
{
    const struct shale_ledger_row *rows;
    size_t n_rows;
    enum shale_status status = shale_ledger_lookup_find(deciding->lookup, first->source, first->key,
                                                        &rows, &n_rows, deciding->sweep->err);
    *out = false;
    if (status != SHALE_OK)
        return status;
    *out = first->n_known >= 0 && n_rows > (size_t)first->n_known;
    for (size_t i = 0; i < n_rows && !*out; i++)
        *out = shale_str_equal(rows[i].tag, first->tag);
    return SHALE_OK;
}

/* A manifest is committed by the entry of its version, and that number is taken; of a checkpoint in
 * the place of a file whose manifest has the version before it. */
static enum shale_status is_manifest_lost(struct deciding *deciding, struct shale_swept_file *file,
                                          bool *out)
{
    struct shale_sweep *sweep = deciding->sweep;
    struct shale_arena arena;
    struct shale_manifest manifest;
    const struct shale_base *base = deciding->base;
    int64_t newest = base->log != NULL ? base->log->version : base->manifest.version;
    enum shale_status status;
    shale_arena_init(&arena, sweep->store->env->mem, SHALE_COMMIT_ARENA_BYTES);
    status = shale_manifest_read(sweep->store, &arena, file->manifest_id, &manifest, sweep->err);
    *out = status == SHALE_OK && manifest.version <= newest;
    shale_arena_fini(&arena);
    file->is_gone = status == SHALE_NOT_FOUND;
    if (status == SHALE_CORRUPT || status == SHALE_SCHEMA) /* half a write, or a later format */
        return SHALE_OK;
    return file->is_gone ? SHALE_OK : status;
}

static enum shale_status is_lost(struct deciding *deciding, struct shale_swept_file *file,
                                 bool *out)
{
    const struct input *input;
    *out = false;
    if (file->kind == SHALE_SWEPT_OTHER)
        return SHALE_OK;
    *out = deciding->sweep->options->alone;
    if (*out)
        return SHALE_OK;
    if (file->kind == SHALE_SWEPT_MANIFEST)
        return is_manifest_lost(deciding, file, out);
    if (!file->has_first || file->first.kind == SHALE_FIRST_NONE)
        return SHALE_OK;
    if (file->first.kind == SHALE_FIRST_OBJECT)
        return is_object_consumed(deciding, &file->first, out);
    input = find_input(deciding, file->first.path);
    *out = input != NULL && !input->is_live;
    return SHALE_OK;
}

static enum shale_status decide(struct deciding *deciding, struct shale_swept_file *file)
{
    file->goes = false;
    if (file->is_gone || file->fate == SHALE_FATE_LIVE)
        return SHALE_OK;
    if (file->fate == SHALE_FATE_UNNAMED)
        return is_lost(deciding, file, &file->goes);
    file->goes = file->since_ms <= deciding->sweep->cutoff_ms;
    return SHALE_OK;
}

/* ---- Deleting ---------------------------------------------------------------------------------
 */

enum shale_status shale_sweep_remove(struct shale_sweep *sweep, const char *path, int64_t n_bytes)
{
    const struct shale_sweep_options *options = sweep->options;
    if (options->removed != NULL)
        options->removed(options->ctx, shale_str_of(path), n_bytes);
    return options->dry_run ? SHALE_OK : shale_store_remove(sweep->store, path, sweep->err);
}

static bool ends(struct shale_str text, const char *with)
{
    size_t n = strlen(with);
    return text.n_bytes >= n && memcmp(text.data + text.n_bytes - n, with, n) == 0;
}

/* Might a plain reader take it for rows of the table?  Not below "_x" and ".x", which readers pass
 * over ("_x=1" is a partition). */
static bool is_seen(struct shale_str path)
{
    while (path.n_bytes > 0) {
        const char *slash = memchr(path.data, '/', path.n_bytes);
        size_t n = slash == NULL ? path.n_bytes : (size_t)(slash - path.data);
        if (path.data[0] == '.' ||
            (path.data[0] == '_' && (slash == NULL || memchr(path.data, '=', n) == NULL)))
            return false;
        if (slash == NULL)
            break;
        path = (struct shale_str){slash + 1, path.n_bytes - n - 1};
    }
    return ends(path, ".parquet");
}

static void count_what_stays(struct shale_sweep *sweep)
{
    size_t n;
    const struct shale_swept_file *files = shale_sweep_files(sweep, &n);
    for (size_t i = 0; i < n; i++) {
        if (files[i].is_gone)
            continue;
        sweep->out->n_waiting += files[i].fate == SHALE_FATE_TAKEN_OUT;
        sweep->out->n_kept += files[i].fate == SHALE_FATE_UNNAMED &&
                              (files[i].kind != SHALE_SWEPT_OTHER ||
                               (sweep->single == NULL && is_seen(files[i].path)));
    }
}

/* All was decided: nothing of the table is read any more. */
static enum shale_status delete_files(struct shale_sweep *sweep)
{
    size_t n;
    struct shale_swept_file *files = shale_sweep_files(sweep, &n);
    if (sweep->manifests && sweep->until_ms >= 0 && !sweep->options->dry_run) {
        enum shale_status status = shale_sweep_mark_put(sweep->store, sweep->until_ms, sweep->err);
        if (status != SHALE_OK)
            return status;
    }
    for (size_t i = 0; i < n; i++) {
        enum shale_status status;
        if (!files[i].goes || files[i].is_gone)
            continue;
        status = shale_sweep_remove(sweep, files[i].path.data, files[i].n_bytes);
        if (status != SHALE_OK)
            return status;
        files[i].is_gone = true;
        sweep->out->n_files++;
        sweep->out->n_bytes += files[i].n_bytes;
    }
    count_what_stays(sweep);
    return SHALE_OK;
}

static enum shale_status decide_all(struct deciding *deciding)
{
    size_t n;
    struct shale_swept_file *files = shale_sweep_files(deciding->sweep, &n);
    enum shale_status status = collect_inputs(deciding);
    if (status == SHALE_OK)
        status = look_at_inputs(deciding);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status = decide(deciding, &files[i]);
    return status;
}

enum shale_status shale_sweep_delete(struct shale_sweep *sweep, const struct shale_base *base)
{
    const struct shale_mem *mem = sweep->store->env->mem;
    struct deciding deciding = {.sweep = sweep, .base = base};
    enum shale_status status = shale_ledger_lookup_new(
        sweep->store, base->manifest.ledger, base->manifest.n_ledger, &deciding.lookup, sweep->err);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&deciding.inputs, mem, SIZE_MAX / 2);
    status = decide_all(&deciding);
    shale_buf_fini(&deciding.inputs);
    shale_ledger_lookup_free(deciding.lookup);
    return status == SHALE_OK ? delete_files(sweep) : status;
}
