/* SPDX-License-Identifier: MIT */
/* The files of a table: those that the entries behind the checkpoint add, then those of the
 * checkpoint of which these entries do not speak. */
#include "dataset/log_actions.h"

enum { ROW_BYTES = 256 * 1024 * 1024, STATS_BYTES = 64 * 1024 * 1024 };

struct shale_log_files {
    struct shale_store *store;
    struct shale_log_tail tail;
    struct shale_log_walk walk; /* over it; then the checkpoint */
    bool walked;
    struct shale_log_rows *rows; /* NULL: there is no checkpoint */
    struct shale_arena arena;    /* of a row */
    struct shale_log_action action;
    struct shale_log_add add; /* handed out */
    struct shale_json_cursor cursor;
    struct shale_buf scratch;
};

static enum shale_status begin(struct shale_log_files *files, const struct shale_log_state *state,
                               struct shale_err *err)
{
    const unsigned wanted =
        SHALE_ACTION_SET(SHALE_ACTION_ADD) | SHALE_ACTION_SET(SHALE_ACTION_SIDECAR);
    enum shale_status status = shale_log_tail_read(files->store, state, &files->tail, err);
    if (status != SHALE_OK)
        return status;
    shale_log_walk_begin(&files->walk, &files->tail);
    if (state->checkpoint_version < 0)
        return SHALE_OK;
    return shale_log_rows_open(files->store, state->checkpoint_version, state->checkpoint_parts,
                               wanted, &files->rows, err);
}

enum shale_status shale_log_files_new(struct shale_store *store,
                                      const struct shale_log_state *state,
                                      struct shale_log_files **out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct shale_log_files *files = shale_mem_zeroed(mem, 1, sizeof *files);
    enum shale_status status;
    *out = NULL;
    if (files == NULL)
        return SHALE_ERR(err, no_memory);
    if (shale_json_cursor_init(&files->cursor, mem) != SHALE_OK) {
        shale_mem_free(mem, files);
        return SHALE_ERR(err, no_memory);
    }
    files->store = store;
    shale_arena_init(&files->arena, mem, ROW_BYTES);
    shale_buf_init(&files->scratch, mem, STATS_BYTES);
    status = begin(files, state, err);
    if (status == SHALE_OK)
        *out = files;
    else
        shale_log_files_free(files);
    return status;
}

void shale_log_files_free(struct shale_log_files *files)
{
    const struct shale_mem *mem;
    if (files == NULL)
        return;
    mem = files->store->env->mem;
    shale_log_walk_end(&files->walk);
    shale_log_tail_fini(&files->tail);
    shale_log_rows_free(files->rows);
    shale_arena_fini(&files->arena);
    shale_json_cursor_fini(&files->cursor);
    shale_buf_fini(&files->scratch);
    shale_mem_free(mem, files);
}

/* The next row of the checkpoint that the tail does not speak of; NULL at the end. */
static enum shale_status next_row(struct shale_log_files *files, const struct shale_log_add **out,
                                  struct shale_err *err)
{
    bool end = false;
    *out = NULL;
    while (files->rows != NULL) {
        enum shale_status status;
        shale_arena_reset(&files->arena);
        status = shale_log_rows_next(files->rows, &files->arena, &files->action, &end, err);
        if (status != SHALE_OK || end)
            return status;
        if (files->action.kind != SHALE_ACTION_ADD)
            return SHALE_ERR(err, log_checkpoint_v2);
        if (!shale_log_tail_has(&files->tail, files->action.add.path)) {
            *out = &files->action.add;
            return SHALE_OK;
        }
    }
    return SHALE_OK;
}

/* The next file that the tail adds; NULL at its end. */
static enum shale_status next_added(struct shale_log_files *files, const struct shale_log_add **out,
                                    struct shale_err *err)
{
    *out = NULL;
    while (!files->walked) {
        enum shale_status status =
            shale_log_walk_next(&files->walk, &files->arena, &files->action, &files->walked, err);
        if (status != SHALE_OK)
            return status;
        if (!files->walked && files->action.kind == SHALE_ACTION_ADD) {
            *out = &files->action.add;
            return SHALE_OK;
        }
    }
    return SHALE_OK;
}

enum shale_status shale_log_files_next(struct shale_log_files *files,
                                       const struct shale_log_add **out, struct shale_err *err)
{
    const struct shale_log_add *add;
    enum shale_status status = next_added(files, &add, err);
    *out = NULL;
    if (status == SHALE_OK && add == NULL)
        status = next_row(files, &add, err);
    if (status != SHALE_OK || add == NULL)
        return status;
    files->add = *add;
    status = shale_log_find_number(&files->cursor, &files->scratch, add->stats, "numRecords",
                                   &files->add.n_rows, err);
    *out = status == SHALE_OK ? &files->add : NULL;
    return status;
}
