/* SPDX-License-Identifier: MIT */
/* What the entries behind a checkpoint say of files: the last word counts (PROTOCOL.md, Action
 * Reconciliation). */
#include "base/hash.h"
#include "dataset/log_actions.h"

enum { FIRST_SLOTS = 64, MOST_FATES = 1 << 30 };
#define MOST_BYTES ((size_t)64 << 30)

static struct shale_log_fate *at(const struct shale_log_tail *tail, size_t i)
{
    return (struct shale_log_fate *)(void *)tail->fates.data + i;
}

/* The slot of a path: its own, or the empty one where it would go. */
static size_t find_slot(const struct shale_log_tail *tail, struct shale_str path)
{
    size_t mask = tail->n_slots - 1;
    size_t slot = (size_t)shale_hash(path.data, path.n_bytes, tail->seed) & mask;
    while (tail->slots[slot] != 0 && !shale_str_equal(at(tail, tail->slots[slot] - 1)->path, path))
        slot = (slot + 1) & mask;
    return slot;
}

const struct shale_log_fate *shale_log_tail_find(const struct shale_log_tail *tail,
                                                 struct shale_str path)
{
    uint32_t number = tail->n_slots == 0 ? 0 : tail->slots[find_slot(tail, path)];
    return number == 0 ? NULL : at(tail, number - 1);
}

/* At least half of the slots stay empty. */
static bool make_room(struct shale_log_tail *tail)
{
    const struct shale_mem *mem = tail->arena.mem;
    size_t n = tail->n_slots == 0 ? FIRST_SLOTS : tail->n_slots * 2;
    uint32_t *slots;
    if (tail->n_fates < tail->n_slots / 2)
        return true;
    slots = tail->n_fates < MOST_FATES ? shale_mem_zeroed(mem, n, sizeof *slots) : NULL;
    if (slots == NULL)
        return false;
    shale_mem_free(mem, tail->slots);
    tail->slots = slots;
    tail->n_slots = n;
    for (size_t i = 0; i < tail->n_fates; i++)
        slots[find_slot(tail, at(tail, i)->path)] = (uint32_t)i + 1;
    return true;
}

static enum shale_status put(struct shale_log_tail *tail, const struct shale_log_fate *fate,
                             struct shale_err *err)
{
    size_t slot;
    if (!make_room(tail))
        return SHALE_ERR(err, no_memory);
    slot = find_slot(tail, fate->path);
    if (tail->slots[slot] != 0) {
        *at(tail, tail->slots[slot] - 1) = *fate;
        return SHALE_OK;
    }
    if (shale_buf_append(&tail->fates, fate, sizeof *fate) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    tail->slots[slot] = (uint32_t)++tail->n_fates;
    return SHALE_OK;
}

static enum shale_status take(struct shale_log_tail *tail, const struct shale_log_action *action,
                              struct shale_err *err)
{
    struct shale_log_fate fate = {.is_added = action->kind == SHALE_ACTION_ADD};
    if (action->kind == SHALE_ACTION_ADD) {
        fate.path = action->add.path;
        fate.add = action->add;
    } else if (action->kind == SHALE_ACTION_REMOVE) {
        fate.path = action->remove.path;
        fate.remove = action->remove;
    } else {
        return SHALE_OK;
    }
    return put(tail, &fate, err);
}

/* What belongs to one state must not be mixed with another's: with its txn of a lost entry and the
 * files of the one that replaced it, the ledger would have objects whose rows are in no file. */
static bool is_another(const struct shale_log_state *state, int64_t version, const char *tag)
{
    return version == state->version && state->tip_tag[0] != '\0' &&
           strcmp(state->tip_tag, tag) != 0;
}

static enum shale_status read_entry(struct shale_store *store, const struct shale_log_state *state,
                                    int64_t version, struct shale_log_tail *tail,
                                    struct shale_err *err)
{
    const unsigned wanted =
        SHALE_ACTION_SET(SHALE_ACTION_ADD) | SHALE_ACTION_SET(SHALE_ACTION_REMOVE);
    struct shale_log_lines lines;
    struct shale_log_action action;
    bool end = false;
    enum shale_status status = shale_log_lines_open(store, version, &lines, err);
    if (status != SHALE_OK)
        return status;
    if (is_another(state, version, lines.file->tag))
        status = SHALE_ERR(err, log_moving, store->name);
    while (status == SHALE_OK) {
        status = shale_log_lines_next(&lines, &tail->arena, wanted, &action, &end, err);
        if (status != SHALE_OK || end)
            break;
        status = take(tail, &action, err);
    }
    shale_log_lines_close(&lines);
    return status;
}

enum shale_status shale_log_tail_read(struct shale_store *store,
                                      const struct shale_log_state *state,
                                      struct shale_log_tail *tail, struct shale_err *err)
{
    const struct shale_env *env = store->env;
    enum shale_status status = SHALE_OK;
    *tail = (struct shale_log_tail){.seed = env->random_u64(env->ctx)};
    shale_arena_init(&tail->arena, env->mem, MOST_BYTES);
    shale_buf_init(&tail->fates, env->mem, MOST_BYTES);
    for (int64_t version = state->checkpoint_version + 1;
         version <= state->version && status == SHALE_OK; version++)
        status = read_entry(store, state, version, tail, err);
    return status;
}

void shale_log_tail_fini(struct shale_log_tail *tail)
{
    shale_mem_free(tail->arena.mem, tail->slots);
    tail->slots = NULL;
    shale_buf_fini(&tail->fates);
    shale_arena_fini(&tail->arena);
}
