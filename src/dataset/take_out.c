/* SPDX-License-Identifier: MIT */
/* Rows and rejects out of a table: one file after the other, each looked at before it is written
 * anew, so that one without such rows stays as it is. */
#include "dataset/take_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "dataset/first_input.h"
#include "dataset/footer_hash.h"

enum { INPUT_BYTES = 1 << 16, MOST_LIST_BYTES = 1 << 30, PATH_BYTES = 64 };

/* What is under way. */
struct taking {
    struct shale_store *store;
    const struct shale_base *base;
    const struct shale_take_out *options;
    struct shale_arena *arena;
    struct shale_taken_out *out;
    struct shale_buf files;   /* struct file */
    struct shale_buf removes; /* struct shale_log_remove */
    struct shale_buf adds;    /* struct shale_log_add */
    int64_t now_ms;
};

struct file {
    struct shale_log_add add;
    enum shale_erasure_reach reach;
};

/* ---- Which files -------------------------------------------------------------------------------
 */

static enum shale_status copy_text(struct shale_arena *arena, struct shale_str text,
                                   struct shale_str *out)
{
    *out = (struct shale_str){shale_arena_copy(arena, text), text.n_bytes};
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

static enum shale_status copy_pair(struct shale_arena *arena, const struct shale_log_pair *from,
                                   struct shale_log_pair *to)
{
    enum shale_status status = copy_text(arena, from->key, &to->key);
    return status == SHALE_OK ? copy_text(arena, from->value, &to->value) : status;
}

/* What a file is, without its statistics: they were asked. */
static enum shale_status copy_add(struct shale_arena *arena, const struct shale_log_add *from,
                                  struct shale_log_add *to)
{
    struct shale_log_partition_value *values =
        shale_arena_zeroed(arena, from->n_partition_values + 1, sizeof *values);
    struct shale_log_pair *tags = shale_arena_zeroed(arena, from->n_tags + 1, sizeof *tags);
    enum shale_status status = values == NULL || tags == NULL ? SHALE_NOMEM : SHALE_OK;
    *to = *from;
    to->stats = (struct shale_str){NULL, 0};
    if (status == SHALE_OK)
        status = copy_text(arena, from->path, &to->path);
    if (status == SHALE_OK)
        status = copy_text(arena, from->url, &to->url);
    for (size_t i = 0; i < from->n_partition_values && status == SHALE_OK; i++) {
        values[i].is_null = from->partition_values[i].is_null;
        status = copy_text(arena, from->partition_values[i].name, &values[i].name);
        if (status == SHALE_OK)
            status = copy_text(arena, from->partition_values[i].value, &values[i].value);
    }
    for (size_t i = 0; i < from->n_tags && status == SHALE_OK; i++)
        status = copy_pair(arena, &from->tags[i], &tags[i]);
    to->partition_values = values;
    to->tags = tags;
    return status;
}

static enum shale_status choose_file(struct taking *taking, const struct shale_log_add *add,
                                     struct shale_err *err)
{
    const struct shale_take_out *options = taking->options;
    struct file file = {.reach = SHALE_ERASURE_NONE};
    enum shale_status status = options->reach(options->reach_ctx, add, &file.reach);
    if (status == SHALE_OK && file.reach == SHALE_ERASURE_NONE &&
        !shale_str_equal(add->path, options->force))
        return SHALE_OK;
    if (status == SHALE_OK)
        status = copy_add(taking->arena, add, &file.add);
    if (status == SHALE_OK)
        status = shale_buf_append(&taking->files, &file, sizeof file);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status choose_files(struct taking *taking, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(taking->store, taking->base->log, &files, err);
    while (status == SHALE_OK && (status = shale_log_files_next(files, &add, err)) == SHALE_OK &&
           add != NULL)
        status = choose_file(taking, add, err);
    shale_log_files_free(files);
    return status;
}

/* ---- A file ------------------------------------------------------------------------------------
 */

bool shale_add_is_ours(const struct shale_log_add *add)
{
    for (size_t i = 0; i < add->n_tags; i++)
        if (shale_str_is(add->tags[i].key, SHALE_TAG_FOOTER) && add->tags[i].value.n_bytes > 0)
            return true;
    return false;
}

static enum shale_status remove_file(struct taking *taking, const struct shale_log_add *add,
                                     int64_t n_rows, struct shale_err *err)
{
    const struct shale_log_remove remove = {
        .path = add->path, .url = add->url, .deleted_ms = taking->now_ms, .data_change = true};
    taking->out->n_rows_gone += shale_add_is_ours(add) ? n_rows : 0;
    return shale_buf_append(&taking->removes, &remove, sizeof remove) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

static enum shale_status write_anew(struct taking *taking, const struct shale_log_add *add,
                                    struct shale_err *err)
{
    struct shale_rewrite_options options = taking->options->rewrite;
    struct shale_rewritten rewritten = {0};
    struct shale_buf input;
    enum shale_status status;
    shale_buf_init(&input, taking->store->env->mem, INPUT_BYTES);
    status = shale_first_input_file(add->path, &input);
    if (status == SHALE_OK)
        status = copy_text(taking->arena, shale_buf_str(&input), &options.input);
    shale_buf_fini(&input);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    options.log = taking->base->log;
    options.data_change = true;
    status = shale_rewrite(taking->store, &options, add, 1, taking->arena, &rewritten, err);
    if (status == SHALE_OK)
        status = remove_file(taking, add, rewritten.rows_in, err);
    if (status != SHALE_OK)
        return status;
    taking->out->n_rows += rewritten.rows_in - rewritten.rows_out;
    taking->out->n_rows_gone -= rewritten.rows_out;
    if (rewritten.n_adds > 0)
        status = shale_buf_append(&taking->adds, rewritten.adds,
                                  rewritten.n_adds * sizeof *rewritten.adds);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status take_file(struct taking *taking, const struct file *file,
                                   struct shale_err *err)
{
    struct shale_rewrite_options options = taking->options->rewrite;
    const struct shale_log_add *add = &file->add;
    bool forced = shale_str_equal(add->path, taking->options->force);
    int64_t n_gone = 0;
    enum shale_status status;
    if (file->reach == SHALE_ERASURE_ALL && add->n_rows >= 0) {
        taking->out->n_rows += add->n_rows;
        return remove_file(taking, add, add->n_rows, err);
    }
    options.log = taking->base->log;
    status = shale_rewrite_count(taking->store, &options, add, 1, &n_gone, err);
    if (status != SHALE_OK || (n_gone == 0 && !forced))
        return status;
    if (taking->options->dry_run) {
        taking->out->n_rows += n_gone;
        return remove_file(taking, add, n_gone, err);
    }
    return write_anew(taking, add, err);
}

/* ---- Rejects -----------------------------------------------------------------------------------
 */

static enum shale_status take_segment(struct taking *taking, const struct shale_segment *old,
                                      struct shale_err *err)
{
    const struct shale_take_out *options = taking->options;
    const struct shale_env *env = taking->store->env;
    struct shale_taken_out *out = taking->out;
    struct shale_segment segment;
    char *path = shale_arena_zeroed(taking->arena, PATH_BYTES, 1);
    bool forced = shale_str_equal(old->path, options->force);
    int64_t n_gone = 0;
    enum shale_status status;
    if (path == NULL)
        return SHALE_ERR(err, no_memory);
    (void)snprintf(path, PATH_BYTES, "_shale/rejects/%016" PRIx64 "%016" PRIx64 ".parquet",
                   env->random_u64(env->ctx), env->random_u64(env->ctx));
    status = shale_rejects_without(taking->store, old, options->rejects, options->rejects_ctx,
                                   options->dry_run ? NULL : path, taking->arena, &segment, &n_gone,
                                   err);
    out->n_rejects += n_gone;
    if (status != SHALE_OK || options->dry_run || (n_gone == 0 && !forced))
        return status;
    if (n_gone == 0)
        status = shale_rejects_merge(taking->store, old, 1, path, old->path, taking->arena,
                                     &segment, err);
    if (status != SHALE_OK)
        return status;
    out->rejects_out[out->n_rejects_out++] = old->path;
    if (segment.n_rows > 0)
        out->rejects_in[out->n_rejects_in++] = segment;
    return SHALE_OK;
}

static enum shale_status take_rejects(struct taking *taking, struct shale_err *err)
{
    const struct shale_manifest *manifest = &taking->base->manifest;
    struct shale_taken_out *out = taking->out;
    size_t n = manifest->n_rejects;
    enum shale_status status = SHALE_OK;
    out->rejects_out = shale_arena_zeroed(taking->arena, n + 1, sizeof *out->rejects_out);
    out->rejects_in = shale_arena_zeroed(taking->arena, n + 1, sizeof *out->rejects_in);
    if (out->rejects_out == NULL || out->rejects_in == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status = take_segment(taking, &manifest->rejects[i], err);
    return status;
}

enum shale_status shale_take_out_rejects(struct shale_store *store, const struct shale_base *base,
                                         const struct shale_take_out *options,
                                         struct shale_arena *arena, struct shale_taken_out *out,
                                         struct shale_err *err)
{
    struct taking taking = {
        .store = store, .base = base, .options = options, .arena = arena, .out = out};
    *out = (struct shale_taken_out){0};
    return options->rejects == NULL ? SHALE_OK : take_rejects(&taking, err);
}

/* ---- All ---------------------------------------------------------------------------------------
 */

/* A list that grew in a buffer, in the arena. */
static enum shale_status keep_list(struct shale_arena *arena, const struct shale_buf *buf,
                                   size_t element_bytes, void **list, size_t *n)
{
    *n = buf->n_bytes / element_bytes;
    *list = shale_arena_zeroed(arena, *n + 1, element_bytes);
    if (*list != NULL && buf->n_bytes > 0)
        memcpy(*list, buf->data, buf->n_bytes);
    return *list == NULL ? SHALE_NOMEM : SHALE_OK;
}

static enum shale_status keep_lists(struct taking *taking, struct shale_err *err)
{
    struct shale_taken_out *out = taking->out;
    void *removes, *adds;
    enum shale_status status =
        keep_list(taking->arena, &taking->removes, sizeof *out->removes, &removes, &out->n_removes);
    if (status == SHALE_OK)
        status = keep_list(taking->arena, &taking->adds, sizeof *out->adds, &adds, &out->n_adds);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    out->removes = removes;
    out->adds = adds;
    return SHALE_OK;
}

enum shale_status shale_base_missing(struct shale_store *store, const struct shale_base *base,
                                     struct shale_err *err)
{
    int64_t tip = -1, checkpoint;
    struct shale_err said; /* of what is missing */
    enum shale_status status;
    shale_err_clear(&said);
    status = shale_log_tip(store, -1, &tip, &checkpoint, &said);
    /* Behind a checkpoint that the base does not know, what it was read from may be cleaned up. */
    if (status != SHALE_OK || tip != base->log->version ||
        checkpoint != base->log->checkpoint_version)
        return SHALE_CONFLICT;
    return SHALE_ERR(err, verify_missing);
}

enum shale_status shale_take_out(struct shale_store *store, const struct shale_base *base,
                                 const struct shale_take_out *options, struct shale_arena *arena,
                                 struct shale_taken_out *out, struct shale_err *err)
{
    struct taking taking = {.store = store,
                            .base = base,
                            .options = options,
                            .arena = arena,
                            .out = out,
                            .now_ms = store->env->wall_us(store->env->ctx) / 1000};
    enum shale_status status;
    *out = (struct shale_taken_out){0};
    if (base->log->is_append_only)
        return SHALE_ERR(err, take_out_append_only, store->name);
    shale_buf_init(&taking.files, store->env->mem, MOST_LIST_BYTES);
    shale_buf_init(&taking.removes, store->env->mem, MOST_LIST_BYTES);
    shale_buf_init(&taking.adds, store->env->mem, MOST_LIST_BYTES);
    status = choose_files(&taking, err);
    for (size_t at = 0; at < taking.files.n_bytes && status == SHALE_OK; at += sizeof(struct file))
        status = take_file(&taking, (const struct file *)(void *)(taking.files.data + at), err);
    if (status == SHALE_OK && options->rejects != NULL)
        status = take_rejects(&taking, err);
    if (status == SHALE_OK)
        status = keep_lists(&taking, err);
    shale_buf_fini(&taking.files);
    shale_buf_fini(&taking.removes);
    shale_buf_fini(&taking.adds);
    return status == SHALE_NOT_FOUND ? shale_base_missing(store, base, err) : status;
}

enum shale_status shale_taken_out_commit(const struct shale_taken_out *taken,
                                         struct shale_arena *arena, struct shale_commit *commit)
{
    size_t n = commit->n_adds + taken->n_adds;
    struct shale_log_add *adds = shale_arena_zeroed(arena, n + 1, sizeof *adds);
    if (adds == NULL)
        return SHALE_NOMEM;
    if (commit->n_adds > 0)
        memcpy(adds, commit->adds, commit->n_adds * sizeof *adds);
    if (taken->n_adds > 0)
        memcpy(adds + commit->n_adds, taken->adds, taken->n_adds * sizeof *adds);
    commit->adds = adds;
    commit->n_adds = n;
    commit->removes = taken->removes;
    commit->n_removes = taken->n_removes;
    commit->rejects_change = (struct shale_commit_change){taken->rejects_out, taken->n_rejects_out,
                                                          taken->rejects_in, taken->n_rejects_in};
    commit->rows_gone += taken->n_rows_gone;
    commit->rejects_gone += taken->n_rejects;
    return SHALE_OK;
}
