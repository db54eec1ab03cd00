/* SPDX-License-Identifier: MIT */
/* When a checkpoint is due, and what is in it: the state, the files, and the tombstones that
 * readers of older versions may still need (PROTOCOL.md, Checkpoints). */
#include "dataset/log_checkpoint.h"

#include <string.h>

enum {
    MOST_COMMITS = 100,
    LEAST_COMMITS = 10,
    TENTH = 10,
    ACTION_BYTES = 256 * 1024 * 1024,
    HINT_BYTES = 4096,
};

#define WEEK_US INT64_C(604800000000)
#define MONTH_US INT64_C(2592000000000)

bool shale_log_checkpoint_due(const struct shale_log_state *state)
{
    int64_t n_commits = state->version - state->checkpoint_version;
    bool is_known = state->checkpoint_version < 0 || state->checkpoint_actions > 0;
    if (n_commits >= MOST_COMMITS)
        return true;
    return n_commits >= LEAST_COMMITS && is_known &&
           state->tail_actions >= state->checkpoint_actions / TENTH;
}

/* ---- The retention ----------------------------------------------------------------------------
 */

static bool take_word(struct shale_str *text, struct shale_str *out)
{
    size_t begin = 0, end;
    while (begin < text->n_bytes && text->data[begin] == ' ')
        begin++;
    for (end = begin; end < text->n_bytes && text->data[end] != ' ';)
        end++;
    *out = (struct shale_str){text->data + begin, end - begin};
    *text = (struct shale_str){text->data + end, text->n_bytes - end};
    return end > begin;
}

static bool parse_count(struct shale_str word, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < word.n_bytes; i++) {
        if (word.data[i] < '0' || word.data[i] > '9' || !SHALE_MUL(value, 10, &value) ||
            !SHALE_ADD(value, word.data[i] - '0', &value))
            return false;
    }
    *out = value;
    return word.n_bytes > 0;
}

static bool parse_unit(struct shale_str word, int64_t *us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"week", WEEK_US},    {"day", INT64_C(86400000000)}, {"hour", INT64_C(3600000000)},
                 {"minute", 60000000}, {"second", 1000000},           {"millisecond", 1000},
                 {"microsecond", 1}};
    if (word.n_bytes > 1 && word.data[word.n_bytes - 1] == 's')
        word.n_bytes--;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        *us = units[i].us;
        if (shale_str_is(word, units[i].name))
            return true;
    }
    return false;
}

static int64_t parse_interval(struct shale_str text)
{
    struct shale_str word, unit;
    int64_t total = 0, count, us;
    bool any = false;
    if (text.n_bytes >= 9 && memcmp(text.data, "interval ", 9) == 0)
        text = (struct shale_str){text.data + 9, text.n_bytes - 9};
    while (take_word(&text, &word)) {
        if (!parse_count(word, &count) || !take_word(&text, &unit) || !parse_unit(unit, &us) ||
            !SHALE_MUL(count, us, &us) || !SHALE_ADD(total, us, &total))
            return -1;
        any = true;
    }
    return any ? total : -1;
}

int64_t shale_log_interval_us(const struct shale_log_state *state, const char *property,
                              int64_t otherwise_us)
{
    for (size_t i = 0; i < state->n_configuration; i++)
        if (shale_str_is(state->configuration[i].key, property))
            return parse_interval(state->configuration[i].value);
    return otherwise_us;
}

int64_t shale_log_tombstones_us(const struct shale_log_state *state)
{
    int64_t us = shale_log_interval_us(state, "delta.deletedFileRetentionDuration", WEEK_US);
    return us < 0 || !SHALE_ADD(us, MONTH_US, &us) ? -1 : us;
}

/* Tombstones up to this time go. */
static int64_t oldest_kept_ms(const struct shale_store *store, const struct shale_log_state *state)
{
    int64_t kept_us = shale_log_tombstones_us(state);
    int64_t now_us = store->env->wall_us(store->env->ctx);
    if (kept_us < 0 || !SHALE_SUB(now_us, kept_us, &now_us))
        return INT64_MIN;
    return now_us / 1000;
}

/* ---- The rows ---------------------------------------------------------------------------------
 */

struct writing {
    struct shale_store *store;
    const struct shale_log_state *state;
    struct shale_log_tail tail;
    struct shale_log_checkpoint_file file;
    struct shale_arena arena; /* of one action */
    int64_t oldest_ms;
    struct shale_err *err;
};

static enum shale_status put_remove(struct writing *writing, const struct shale_log_remove *remove)
{
    if (remove->deleted_ms <= writing->oldest_ms)
        return SHALE_OK;
    return shale_log_checkpoint_remove(&writing->file, remove, writing->err);
}

static enum shale_status put_state(struct writing *writing)
{
    const struct shale_log_state *state = writing->state;
    enum shale_status status = shale_log_checkpoint_protocol(&writing->file, state, writing->err);
    if (status == SHALE_OK)
        status = shale_log_checkpoint_metadata(&writing->file, state, writing->err);
    for (size_t i = 0; i < state->n_txns && status == SHALE_OK; i++)
        status = shale_log_checkpoint_txn(&writing->file, &state->txns[i], writing->err);
    return status;
}

static enum shale_status put_tail(struct writing *writing)
{
    struct shale_log_action action;
    struct shale_log_walk walk;
    bool end = false;
    enum shale_status status = SHALE_OK;
    shale_log_walk_begin(&walk, &writing->tail);
    while (status == SHALE_OK) {
        status = shale_log_walk_next(&walk, &writing->arena, &action, &end, writing->err);
        if (status != SHALE_OK || end)
            break;
        status = action.kind == SHALE_ACTION_ADD
                     ? shale_log_checkpoint_add(&writing->file, &action.add, writing->err)
                     : put_remove(writing, &action.remove);
    }
    shale_log_walk_end(&walk);
    return status;
}

/* A row of the checkpoint before, unless the entries behind it speak of the file. */
static enum shale_status put_old(struct writing *writing, const struct shale_log_action *action)
{
    if (action->kind == SHALE_ACTION_SIDECAR)
        return SHALE_ERR(writing->err, log_checkpoint_v2);
    if (action->kind == SHALE_ACTION_ADD)
        return shale_log_tail_has(&writing->tail, action->add.path)
                   ? SHALE_OK
                   : shale_log_checkpoint_add(&writing->file, &action->add, writing->err);
    return shale_log_tail_has(&writing->tail, action->remove.path)
               ? SHALE_OK
               : put_remove(writing, &action->remove);
}

static enum shale_status put_checkpoint(struct writing *writing)
{
    const unsigned wanted = SHALE_ACTION_SET(SHALE_ACTION_ADD) |
                            SHALE_ACTION_SET(SHALE_ACTION_REMOVE) |
                            SHALE_ACTION_SET(SHALE_ACTION_SIDECAR);
    const struct shale_log_state *state = writing->state;
    struct shale_log_action action;
    struct shale_log_rows *rows;
    bool end = false;
    enum shale_status status;
    if (state->checkpoint_version < 0)
        return SHALE_OK;
    status = shale_log_rows_open(writing->store, state->checkpoint_version, state->checkpoint_parts,
                                 wanted, &rows, writing->err);
    if (status != SHALE_OK)
        return status;
    while (status == SHALE_OK) {
        shale_arena_reset(&writing->arena);
        status = shale_log_rows_next(rows, &writing->arena, &action, &end, writing->err);
        if (status != SHALE_OK || end)
            break;
        status = put_old(writing, &action);
    }
    shale_log_rows_free(rows);
    return status;
}

static enum shale_status write_file(struct writing *writing, const char *key)
{
    struct shale_log_checkpoint_file *file = &writing->file;
    enum shale_status status = shale_log_checkpoint_open(writing->store, key, file, writing->err);
    if (status == SHALE_OK)
        status = put_state(writing);
    if (status == SHALE_OK)
        status = put_tail(writing);
    if (status == SHALE_OK)
        status = put_checkpoint(writing);
    if (status == SHALE_OK)
        status = shale_log_checkpoint_finish(file, writing->err);
    shale_log_checkpoint_close(file);
    return status;
}

/* ---- The checkpoint ---------------------------------------------------------------------------
 */

/* Point at the checkpoint, unless a newer one is pointed at. */
static enum shale_status put_hint(struct shale_store *store, int64_t version, int64_t n_rows,
                                  int64_t n_adds, struct shale_err *err)
{
    struct shale_log_hint hint;
    struct shale_buf text;
    enum shale_status status = shale_log_hint_read(store, &hint, err);
    if (status != SHALE_OK || hint.version >= version)
        return status;
    shale_buf_init(&text, store->env->mem, HINT_BYTES);
    if (shale_buf_printf(&text, "{\"version\":%lld,\"size\":%lld,\"numOfAddFiles\":%lld}",
                         (long long)version, (long long)n_rows, (long long)n_adds) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = shale_store_put(store, SHALE_LOG_HINT, shale_buf_str(&text), err);
    shale_buf_fini(&text);
    return status;
}

enum shale_status shale_log_checkpoint(struct shale_store *store,
                                       const struct shale_log_state *state, struct shale_err *err)
{
    struct writing writing = {.store = store, .state = state, .err = err};
    char key[SHALE_LOG_CHECKPOINT_NAME_BYTES];
    enum shale_status status;
    if (state->version < 0 || state->checkpoint_version == state->version)
        return SHALE_OK;
    if (state->refusal.n_bytes > 0)
        return SHALE_ERR(err, log_refused, store->name, SHALE_STR_ARG(state->refusal));
    shale_log_checkpoint_name(state->version, 0, 0, key);
    writing.oldest_ms = oldest_kept_ms(store, state);
    status = shale_log_tail_read(store, state, &writing.tail, err);
    shale_arena_init(&writing.arena, store->env->mem, ACTION_BYTES);
    if (status == SHALE_OK)
        status = write_file(&writing, key);
    shale_arena_fini(&writing.arena);
    shale_log_tail_fini(&writing.tail);
    if (status == SHALE_CONFLICT) { /* another was there first: it says the same */
        if (err != NULL)
            shale_err_clear(err);
        return SHALE_OK;
    }
    if (status != SHALE_OK)
        return status;
    return put_hint(store, state->version, writing.file.n_rows, writing.file.n_adds, err);
}
