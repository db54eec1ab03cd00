/* SPDX-License-Identifier: MIT */
/* Expire and erase on a checkpoint file: what goes is counted, then the file is written anew
 * without it, in one commit; from the beginning when another came first. */
#include "dataset/compact_parts.h"
#include "dataset/erase_parts.h"
#include "dataset/rewrite_parts.h"
#include "dataset/single_parts.h"
#include "dataset/take_out.h"

enum { MOST_TRIES = 50, ARENA_BYTES = 1 << 30 };

struct erasing {
    const struct shale_erase_options *options;
    struct shale_erased *out;
    struct shale_single *single;
    struct shale_base base;
    struct shale_log_state log; /* the file as a table */
    struct shale_arena arena;   /* of one attempt */
    struct shale_erase_asked asked;
    struct shale_single_rewrite rewrite;
    int64_t n_gone;   /* rows */
    size_t n_staying; /* row groups */
};

/* ---- How it is written anew --------------------------------------------------------------------
 */

static enum shale_status fill_rewrite(struct erasing *erasing, struct shale_err *err)
{
    const struct shale_erase_options *options = erasing->options;
    const struct shale_file *file = shale_reader_file(erasing->single->file.reader);
    struct shale_compact_style style = {.chunk = options->chunk};
    enum shale_status status = SHALE_OK;
    if (options->stream == NULL && file->n_row_groups > 0)
        status = shale_compact_style_of_file(file, &erasing->arena, &style);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    erasing->rewrite = (struct shale_single_rewrite){
        .how = {.log = &erasing->log,
                .chunk = style.chunk,
                .row_group_bytes = options->stream != NULL ? options->stream->row_group_bytes : 0,
                .memory_bytes = options->memory_bytes,
                .temporary = options->temporary,
                .filter = shale_erase_filter,
                .filter_ctx = &erasing->asked,
                .filter_columns = erasing->asked.columns,
                .n_filter_columns = erasing->asked.n_columns},
        .by_row_group = true};
    return SHALE_OK;
}

/* How many rows go, and which row groups have none of them. */
static enum shale_status count(struct erasing *erasing, struct shale_err *err)
{
    struct shale_reader *reader = erasing->single->file.reader;
    size_t n = shale_reader_file(reader)->n_row_groups;
    bool *stays = shale_arena_zeroed(&erasing->arena, n + 1, sizeof *stays);
    enum shale_status status = stays == NULL ? SHALE_ERR(err, no_memory) : SHALE_OK;
    erasing->n_gone = 0;
    erasing->n_staying = 0;
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        struct shale_rewritten counted;
        status = shale_rewrite_reader(erasing->single->store->env, &erasing->rewrite.how, reader, i,
                                      1, NULL, &counted, err);
        stays[i] = counted.rows_out == counted.rows_in;
        erasing->n_gone += counted.rows_in - counted.rows_out;
        erasing->n_staying += stays[i];
    }
    erasing->rewrite.stays = stays;
    return status;
}

/* ---- One attempt -------------------------------------------------------------------------------
 */

static enum shale_status commit(struct erasing *erasing, struct shale_taken_out *taken,
                                struct shale_err *err)
{
    struct shale_committed committed;
    struct shale_single_rewritten rewritten = {0};
    struct shale_erased *out = erasing->out;
    struct shale_commit commit = {.stream = erasing->single->options.stream,
                                  .erasures = erasing->asked.conditions,
                                  .n_erasures = erasing->options->n_conditions};
    enum shale_status status;
    taken->n_rows_gone = erasing->n_gone;
    status = shale_taken_out_commit(taken, &erasing->arena, &commit);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_single_rewrite(erasing->single, &erasing->base, &commit, &erasing->rewrite,
                                  &rewritten, &committed, err);
    if (status != SHALE_OK)
        return status;
    out->n_removed += (int64_t)(erasing->n_staying - rewritten.n_copied);
    out->n_added = (int64_t)(rewritten.n_row_groups - rewritten.n_copied);
    out->version = committed.version;
    return SHALE_OK;
}

static enum shale_status attempt(struct erasing *erasing, struct shale_err *err)
{
    struct shale_take_out how = {.dry_run = erasing->options->dry_run};
    struct shale_taken_out taken = {0};
    struct shale_erased *out = erasing->out;
    enum shale_status status = shale_erase_ask(erasing->single->store->env->mem, erasing->options,
                                               &erasing->log, erasing->base.manifest.n_rejects > 0,
                                               &erasing->arena, &erasing->asked, err);
    how.rejects = erasing->asked.rejects == NULL ? NULL : shale_erasure_rejects_filter;
    how.rejects_ctx = erasing->asked.rejects;
    if (status == SHALE_OK)
        status = fill_rewrite(erasing, err);
    if (status == SHALE_OK)
        status = count(erasing, err);
    if (status == SHALE_OK)
        status = shale_take_out_rejects(erasing->single->side, &erasing->base, &how,
                                        &erasing->arena, &taken, err);
    if (status != SHALE_OK)
        return status;
    out->n_rows = erasing->n_gone;
    out->n_rejects = taken.n_rejects;
    out->n_removed = (int64_t)(shale_reader_file(erasing->single->file.reader)->n_row_groups -
                               erasing->n_staying);
    return erasing->options->dry_run ? SHALE_OK : commit(erasing, &taken, err);
}

static void forget_attempt(struct erasing *erasing)
{
    shale_erase_asked_free(&erasing->asked);
    shale_arena_reset(&erasing->arena);
    shale_base_fini(&erasing->base, erasing->single->store->env->mem);
}

/* A segment that is not there was swept, and then the file has another manifest by now:
 * SHALE_CONFLICT. Missing once more under the same one it is damage. */
static enum shale_status judge_missing(const struct erasing *erasing, int64_t *missing,
                                       struct shale_err *err)
{
    const int64_t id = erasing->base.manifest.id;
    if (id == *missing)
        return SHALE_ERR(err, verify_missing);
    *missing = id;
    return SHALE_CONFLICT;
}

static enum shale_status erase(struct erasing *erasing, struct shale_err *err)
{
    const struct shale_env *env = erasing->single->store->env;
    int64_t missing = -1;
    enum shale_status status = SHALE_CONFLICT;
    for (int i = 0; i < MOST_TRIES && status == SHALE_CONFLICT; i++) {
        if (env->cancelled != NULL && env->cancelled(env->ctx)) {
            status = SHALE_ERR(err, interrupted);
            break;
        }
        erasing->out->n_built_again = i;
        shale_err_clear(err);
        status = shale_single_read(erasing->single, &erasing->base, err);
        if (status != SHALE_OK)
            break;
        erasing->log = shale_single_as_log(erasing->single);
        if (shale_single_exists(erasing->single)) {
            status = attempt(erasing, err);
            if (status == SHALE_NOT_FOUND)
                status = judge_missing(erasing, &missing, err);
        } else {
            status = SHALE_ERR(err, single_no_file, erasing->single->key);
        }
        forget_attempt(erasing);
    }
    if (status != SHALE_OK) /* nothing went */
        *erasing->out =
            (struct shale_erased){.version = -1, .n_built_again = erasing->out->n_built_again};
    return status;
}

enum shale_status shale_erase_single(struct shale_store *store, const char *key,
                                     const struct shale_erase_options *options,
                                     struct shale_erased *out, struct shale_err *err)
{
    const struct shale_single_options single_options = {
        .stream = options->stream != NULL ? options->stream->name : SHALE_STR(""),
        .created_by = options->created_by,
        .memory_bytes = options->memory_bytes / 2};
    struct erasing erasing = {.options = options, .out = out};
    enum shale_status status = shale_single_new(store, key, &single_options, &erasing.single, err);
    *out = (struct shale_erased){.version = -1};
    if (status != SHALE_OK)
        return status;
    shale_arena_init(&erasing.arena, store->env->mem, ARENA_BYTES);
    status = erase(&erasing, err);
    shale_arena_fini(&erasing.arena);
    shale_single_free(erasing.single);
    return status;
}
