/* SPDX-License-Identifier: MIT */
/* The files of a table: those that the entries behind the checkpoint add, then those of the
 * checkpoint of which these entries do not speak.  The same of the files that were removed. */
#include "dataset/log_actions.h"

enum { ROW_BYTES = 256 * 1024 * 1024, STATS_BYTES = 64 * 1024 * 1024 };

struct shale_log_files {
    struct shale_store *store;
    enum shale_log_kind kind; /* ADD or REMOVE: which of the last words are handed out */
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
    const unsigned wanted = SHALE_ACTION_SET(files->kind) | SHALE_ACTION_SET(SHALE_ACTION_SIDECAR);
    enum shale_status status = shale_log_tail_read(files->store, state, &files->tail, err);
    if (status != SHALE_OK)
        return status;
    shale_log_walk_begin(&files->walk, &files->tail);
    if (state->checkpoint_version < 0)
        return SHALE_OK;
    return shale_log_rows_open(files->store, state->checkpoint_version, state->checkpoint_parts,
                               wanted, &files->rows, err);
}

static enum shale_status open_files(struct shale_store *store, const struct shale_log_state *state,
                                    enum shale_log_kind kind, struct shale_log_files **out,
                                    struct shale_err *err)
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
    files->kind = kind;
    shale_arena_init(&files->arena, mem, ROW_BYTES);
    shale_buf_init(&files->scratch, mem, STATS_BYTES);
    status = begin(files, state, err);
    if (status == SHALE_OK)
        *out = files;
    else
        shale_log_files_free(files);
    return status;
}

enum shale_status shale_log_files_new(struct shale_store *store,
                                      const struct shale_log_state *state,
                                      struct shale_log_files **out, struct shale_err *err)
{
    return open_files(store, state, SHALE_ACTION_ADD, out, err);
}

enum shale_status shale_log_removed_new(struct shale_store *store,
                                        const struct shale_log_state *state,
                                        struct shale_log_files **out, struct shale_err *err)
{
    return open_files(store, state, SHALE_ACTION_REMOVE, out, err);
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

static struct shale_str path_of(const struct shale_log_action *action)
{
    return action->kind == SHALE_ACTION_ADD ? action->add.path : action->remove.path;
}

/* The next row of the checkpoint that the tail does not speak of, in 'action'. */
static enum shale_status next_row(struct shale_log_files *files, bool *end, struct shale_err *err)
{
    *end = files->rows == NULL;
    while (!*end) {
        enum shale_status status;
        shale_arena_reset(&files->arena);
        status = shale_log_rows_next(files->rows, &files->arena, &files->action, end, err);
        if (status != SHALE_OK || *end)
            return status;
        if (files->action.kind != files->kind)
            return SHALE_ERR(err, log_checkpoint_v2);
        if (!shale_log_tail_has(&files->tail, path_of(&files->action)))
            return SHALE_OK;
    }
    return SHALE_OK;
}

/* The next of the tail's last words of that kind, in 'action'. */
static enum shale_status next_walked(struct shale_log_files *files, bool *found,
                                     struct shale_err *err)
{
    *found = false;
    while (!files->walked && !*found) {
        enum shale_status status =
            shale_log_walk_next(&files->walk, &files->arena, &files->action, &files->walked, err);
        if (status != SHALE_OK)
            return status;
        *found = !files->walked && files->action.kind == files->kind;
    }
    return SHALE_OK;
}

static enum shale_status next_action(struct shale_log_files *files, bool *end,
                                     struct shale_err *err)
{
    bool found;
    enum shale_status status = next_walked(files, &found, err);
    *end = false;
    return status != SHALE_OK || found ? status : next_row(files, end, err);
}

enum shale_status shale_log_files_next(struct shale_log_files *files,
                                       const struct shale_log_add **out, struct shale_err *err)
{
    bool end;
    enum shale_status status = next_action(files, &end, err);
    *out = NULL;
    if (status != SHALE_OK || end)
        return status;
    files->add = files->action.add;
    status = shale_log_find_number(&files->cursor, &files->scratch, files->add.stats, "numRecords",
                                   &files->add.n_rows, err);
    *out = status == SHALE_OK ? &files->add : NULL;
    return status;
}

enum shale_status shale_log_removed_next(struct shale_log_files *files,
                                         const struct shale_log_remove **out, struct shale_err *err)
{
    bool end;
    enum shale_status status = next_action(files, &end, err);
    *out = status == SHALE_OK && !end ? &files->action.remove : NULL;
    return status;
}
