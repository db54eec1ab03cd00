/* SPDX-License-Identifier: MIT */
/* Files that nothing names: of runs that failed, lost or are still at it, and what waits for its
 * retention to be over.  That is as it should be; it is said so that people know. */
#include <stdio.h>

#include "base/hash.h"
#include "dataset/sweep_parts.h"
#include "dataset/verify_parts.h"

enum { FIRST_SLOTS = 1024, MOST_SAID = 20 };

/* ---- A set of names ---------------------------------------------------------------------------
 */

void shale_name_set_init(struct shale_name_set *set, const struct shale_mem *mem, size_t most_bytes)
{
    *set = (struct shale_name_set){.mem = mem, .most_slots = most_bytes / sizeof(uint64_t)};
}

void shale_name_set_fini(struct shale_name_set *set)
{
    shale_mem_free(set->mem, set->slots);
}

static uint64_t hash_of(struct shale_str name)
{
    uint64_t hash = shale_hash(name.data, name.n_bytes, 0);
    return hash == 0 ? 1 : hash;
}

static size_t slot_of(const struct shale_name_set *set, uint64_t hash)
{
    size_t i = (size_t)hash & (set->n_slots - 1);
    while (set->slots[i] != 0 && set->slots[i] != hash)
        i = (i + 1) & (set->n_slots - 1);
    return i;
}

static enum shale_status grow(struct shale_name_set *set)
{
    struct shale_name_set larger = *set;
    larger.n_slots = set->n_slots == 0 ? FIRST_SLOTS : set->n_slots * 2;
    if (larger.n_slots > set->most_slots) {
        set->is_full = true;
        return SHALE_OK;
    }
    larger.slots = shale_mem_zeroed(set->mem, larger.n_slots, sizeof *larger.slots);
    if (larger.slots == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < set->n_slots; i++)
        if (set->slots[i] != 0)
            larger.slots[slot_of(&larger, set->slots[i])] = set->slots[i];
    shale_mem_free(set->mem, set->slots);
    *set = larger;
    return SHALE_OK;
}

enum shale_status shale_name_set_put(struct shale_name_set *set, struct shale_str name)
{
    uint64_t hash = hash_of(name);
    size_t slot;
    if (set->is_full)
        return SHALE_OK;
    if (set->n * 2 >= set->n_slots) {
        enum shale_status status = grow(set);
        if (status != SHALE_OK || set->is_full)
            return status;
    }
    slot = slot_of(set, hash);
    set->n += set->slots[slot] == 0;
    set->slots[slot] = hash;
    return SHALE_OK;
}

bool shale_name_set_has(const struct shale_name_set *set, struct shale_str name)
{
    return set->is_full || (set->n_slots > 0 && set->slots[slot_of(set, hash_of(name))] != 0);
}

/* ---- What is there ----------------------------------------------------------------------------
 */

static bool begins(struct shale_str text, const char *with)
{
    size_t n = strlen(with);
    return text.n_bytes >= n && memcmp(text.data, with, n) == 0;
}

/* The log, and what else readers pass over, but for what is ours, as far as it is known. */
static bool is_hidden(const struct shale_verify *verify, struct shale_str key)
{
    if (begins(key, "_shale/"))
        return !verify->has_manifest || shale_sweep_is_mark(key);
    return begins(key, "_") || begins(key, ".");
}

static void take(struct shale_verify *verify, const struct shale_store_entry *entry)
{
    struct shale_err err;
    if (is_hidden(verify, entry->key) || shale_name_set_has(&verify->named, entry->key))
        return;
    verify->out->n_unnamed++;
    verify->out->n_unnamed_bytes += entry->n_bytes;
    if (verify->out->n_unnamed > MOST_SAID)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_unnamed, (long long)entry->n_bytes);
    shale_verify_found(verify, &err, entry->key.data, true);
}

enum shale_status shale_verify_names(struct shale_verify *verify)
{
    struct shale_store_list *list = NULL;
    struct shale_store_entry entry;
    struct shale_err err;
    bool end = false;
    enum shale_status status;
    if (verify->named.is_full) /* nothing could be called unnamed */
        return SHALE_OK;
    shale_err_clear(&err);
    status = shale_store_list(verify->store, "", "", &list, &err);
    while (status == SHALE_OK) {
        status = shale_store_list_next(verify->store, list, &entry, &end, &err);
        if (status != SHALE_OK || end)
            break;
        take(verify, &entry);
    }
    shale_store_list_free(verify->store, list);
    return shale_verify_failed(verify, status, &err, NULL);
}
