/* SPDX-License-Identifier: MIT */
/* What the entries behind a checkpoint say of files: the last word counts (PROTOCOL.md, Action
 * Reconciliation). */
#include <string.h>

#include "base/hash.h"
#include "dataset/log_actions.h"

enum {
    FIRST_SLOTS = 64,
    MOST_FATES = 1 << 30,
    LINE_BYTES = 256 * 1024 * 1024,
    FILE_KINDS = SHALE_ACTION_SET(SHALE_ACTION_ADD) | SHALE_ACTION_SET(SHALE_ACTION_REMOVE),
};
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

bool shale_log_tail_has(const struct shale_log_tail *tail, struct shale_str path)
{
    return tail->n_slots > 0 && tail->slots[find_slot(tail, path)] != 0;
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

static enum shale_status put(struct shale_log_tail *tail, struct shale_str path, int64_t number,
                             struct shale_err *err)
{
    struct shale_log_fate fate = {.last_word = number};
    enum shale_status status;
    size_t slot;
    if (!make_room(tail))
        return SHALE_ERR(err, no_memory);
    slot = find_slot(tail, path);
    if (tail->slots[slot] != 0) {
        at(tail, tail->slots[slot] - 1)->last_word = number;
        return SHALE_OK;
    }
    status = shale_log_copy(&tail->arena, path, &fate.path, err);
    if (status != SHALE_OK)
        return status;
    if (shale_buf_append(&tail->fates, &fate, sizeof fate) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    tail->slots[slot] = (uint32_t)++tail->n_fates;
    return SHALE_OK;
}

static struct shale_str path_of(const struct shale_log_action *action)
{
    return action->kind == SHALE_ACTION_ADD ? action->add.path : action->remove.path;
}

static bool is_of_a_file(const struct shale_log_action *action)
{
    return action->kind == SHALE_ACTION_ADD || action->kind == SHALE_ACTION_REMOVE;
}

/* What belongs to one state must not be mixed with another's: with its txn of a lost entry and the
 * files of the one that replaced it, the ledger would have objects whose rows are in no file. */
static bool is_another(const struct shale_log_tail *tail, int64_t version, const char *tag)
{
    return version == tail->last && tail->tip_tag[0] != '\0' && strcmp(tail->tip_tag, tag) != 0;
}

static enum shale_status open_entry(const struct shale_log_tail *tail, int64_t version,
                                    struct shale_log_lines *lines, struct shale_err *err)
{
    enum shale_status status = shale_log_lines_open(tail->store, version, lines, err);
    if (status != SHALE_OK || !is_another(tail, version, lines->file->tag))
        return status;
    shale_log_lines_close(lines);
    return SHALE_ERR(err, log_moving, tail->store->name);
}

static uint64_t hash_of_tag(const struct shale_log_tail *tail, const struct shale_log_lines *lines)
{
    const char *tag = lines->file->tag;
    return shale_hash(tag, strlen(tag), tail->seed);
}

static enum shale_status read_entry(struct shale_log_tail *tail, int64_t version,
                                    struct shale_arena *arena, int64_t *n_actions,
                                    struct shale_err *err)
{
    struct shale_log_lines lines;
    struct shale_log_action action;
    uint64_t tag;
    bool end = false;
    enum shale_status status = open_entry(tail, version, &lines, err);
    if (status != SHALE_OK)
        return status;
    tag = hash_of_tag(tail, &lines);
    if (shale_buf_append(&tail->tags, &tag, sizeof tag) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    while (status == SHALE_OK) {
        shale_arena_reset(arena);
        status = shale_log_lines_next(&lines, arena, FILE_KINDS, &action, &end, err);
        if (status != SHALE_OK || end)
            break;
        if (is_of_a_file(&action))
            status = put(tail, path_of(&action), (*n_actions)++, err);
    }
    shale_log_lines_close(&lines);
    return status;
}

enum shale_status shale_log_tail_read(struct shale_store *store,
                                      const struct shale_log_state *state,
                                      struct shale_log_tail *tail, struct shale_err *err)
{
    const struct shale_env *env = store->env;
    struct shale_arena arena;
    int64_t n_actions = 0;
    enum shale_status status = SHALE_OK;
    *tail = (struct shale_log_tail){
        .store = store, .first = state->checkpoint_version + 1, .last = state->version};
    tail->seed = env->random_u64(env->ctx);
    memcpy(tail->tip_tag, state->tip_tag, sizeof tail->tip_tag);
    shale_arena_init(&tail->arena, env->mem, MOST_BYTES);
    shale_buf_init(&tail->tags, env->mem, MOST_BYTES);
    shale_buf_init(&tail->fates, env->mem, MOST_BYTES);
    shale_arena_init(&arena, env->mem, LINE_BYTES);
    for (int64_t version = tail->first; version <= tail->last && status == SHALE_OK; version++)
        status = read_entry(tail, version, &arena, &n_actions, err);
    shale_arena_fini(&arena);
    return status;
}

void shale_log_tail_fini(struct shale_log_tail *tail)
{
    if (tail->store == NULL) /* never begun */
        return;
    shale_mem_free(tail->arena.mem, tail->slots);
    tail->slots = NULL;
    shale_buf_fini(&tail->tags);
    shale_buf_fini(&tail->fates);
    shale_arena_fini(&tail->arena);
}

/* ---- The second reading -----------------------------------------------------------------------
 */

void shale_log_walk_begin(struct shale_log_walk *walk, const struct shale_log_tail *tail)
{
    walk->tail = tail;
    walk->version = tail->first;
    walk->is_open = false;
    walk->n_actions = 0;
}

void shale_log_walk_end(struct shale_log_walk *walk)
{
    if (walk->is_open)
        shale_log_lines_close(&walk->lines);
    walk->is_open = false;
}

/* Open the next entry, which must be the one that was read before. */
static enum shale_status open_again(struct shale_log_walk *walk, struct shale_err *err)
{
    const struct shale_log_tail *tail = walk->tail;
    const uint64_t *tags = (const uint64_t *)(const void *)tail->tags.data;
    enum shale_status status = shale_log_lines_open(tail->store, walk->version, &walk->lines, err);
    if (status != SHALE_OK)
        return status;
    walk->is_open = true;
    return hash_of_tag(tail, &walk->lines) == tags[walk->version - tail->first]
               ? SHALE_OK
               : SHALE_ERR(err, log_moving, tail->store->name);
}

/* Is it the last word on its file?  Counts it. */
static bool is_last_word(struct shale_log_walk *walk, const struct shale_log_action *action)
{
    const struct shale_log_tail *tail = walk->tail;
    int64_t number = walk->n_actions;
    uint32_t fate;
    if (!is_of_a_file(action))
        return false;
    walk->n_actions++;
    fate = tail->slots[find_slot(tail, path_of(action))];
    return fate != 0 && at(tail, fate - 1)->last_word == number;
}

enum shale_status shale_log_walk_next(struct shale_log_walk *walk, struct shale_arena *arena,
                                      struct shale_log_action *out, bool *end,
                                      struct shale_err *err)
{
    *end = false;
    for (;;) {
        bool entry_ends = false;
        enum shale_status status = SHALE_OK;
        *end = !walk->is_open && (walk->tail->n_fates == 0 || walk->version > walk->tail->last);
        if (*end)
            return SHALE_OK;
        if (!walk->is_open)
            status = open_again(walk, err);
        if (status != SHALE_OK)
            return status;
        shale_arena_reset(arena);
        status = shale_log_lines_next(&walk->lines, arena, FILE_KINDS, out, &entry_ends, err);
        if (status != SHALE_OK)
            return status;
        if (!entry_ends && is_last_word(walk, out))
            return SHALE_OK;
        if (entry_ends) {
            shale_log_walk_end(walk);
            walk->version++;
        }
    }
}
