/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probes, at most half full. */
#include "parquet/dictionary.h"

#include <assert.h>

#include "base/hash.h"
#include "parquet/plain.h"

enum { FIRST_SLOTS = 1024 };
enum { PROBES = 256 }; /* by chance the longest run at half load is about 70 of 2^18 slots */

void shale_dictionary_init(struct shale_dictionary *dictionary, const struct shale_mem *mem)
{
    *dictionary = (struct shale_dictionary){0};
    shale_buf_init(&dictionary->values, mem, INT32_MAX);
    shale_buf_init(&dictionary->offsets, mem, SHALE_DICTIONARY_ENTRIES * sizeof(uint32_t));
    shale_buf_init(&dictionary->hashes, mem, SHALE_DICTIONARY_ENTRIES * sizeof(uint32_t));
}

void shale_dictionary_fini(struct shale_dictionary *dictionary)
{
    shale_mem_free(dictionary->values.mem, dictionary->slots);
    dictionary->slots = NULL;
    dictionary->n_allocated = 0;
    shale_buf_fini(&dictionary->values);
    shale_buf_fini(&dictionary->offsets);
    shale_buf_fini(&dictionary->hashes);
}

/* 'n' free slots; what was in them is gone. */
static bool clear_slots(struct shale_dictionary *dictionary, size_t n)
{
    if (n > dictionary->n_allocated) {
        struct shale_dictionary_slot *slots =
            shale_mem_zeroed(dictionary->values.mem, n, sizeof(*slots));
        if (slots == NULL)
            return false;
        shale_mem_free(dictionary->values.mem, dictionary->slots);
        dictionary->slots = slots;
        dictionary->n_allocated = n;
    } else {
        memset(dictionary->slots, 0, n * sizeof(*dictionary->slots));
    }
    dictionary->n_slots = n;
    return true;
}

enum shale_status shale_dictionary_begin(struct shale_dictionary *dictionary, size_t width,
                                         size_t most_bytes)
{
    shale_buf_reset(&dictionary->values);
    shale_buf_reset(&dictionary->offsets);
    shale_buf_reset(&dictionary->hashes);
    dictionary->width = width;
    dictionary->most_bytes = most_bytes;
    dictionary->n_entries = 0;
    return clear_slots(dictionary, FIRST_SLOTS) ? SHALE_OK : SHALE_NOMEM;
}

struct shale_str shale_dictionary_plain(const struct shale_dictionary *dictionary, uint32_t index)
{
    const char *values = dictionary->values.data;
    uint32_t at, length;
    assert(index < dictionary->n_entries);
    if (dictionary->width > 0)
        return (struct shale_str){values + index * dictionary->width, dictionary->width};
    memcpy(&at, dictionary->offsets.data + index * sizeof(at), sizeof(at));
    memcpy(&length, values + at, sizeof(length));
    return (struct shale_str){values + at, sizeof(length) + length};
}

static inline uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    return shale_hash_u64(a ^ (b << 23 | b >> 41), b);
}

/* Most values are short, and their lengths differ: loads that overlap, and no loop whose end the
 * processor has to guess. */
static inline uint32_t hash_of(struct shale_str value)
{
    const char *p = value.data;
    const size_t n = value.n_bytes;
    if (n > 32)
        return (uint32_t)shale_hash(p, n, 0);
    if (n > 16)
        return (uint32_t)(mix(load8(p) ^ n, load8(p + n - 8)) ^
                          mix(load8(p + 8), load8(p + n - 16) ^ n) * 5);
    if (n == 8)
        return (uint32_t)shale_hash_u64(load8(p), n);
    if (n > 8)
        return (uint32_t)mix(load8(p) ^ n, load8(p + n - 8));
    if (n >= 4)
        return (uint32_t)shale_hash_u64((uint64_t)load4(p) << 32 | load4(p + n - 4), n);
    if (n == 0)
        return 0;
    return (uint32_t)shale_hash_u64((uint64_t)(unsigned char)p[0] << 16 |
                                        (uint64_t)(unsigned char)p[n / 2] << 8 |
                                        (unsigned char)p[n - 1],
                                    n);
}

/* Both are 'n' bytes. */
static inline bool is_equal(const char *a, const char *b, size_t n)
{
    uint64_t differs;
    if (n > 32)
        return memcmp(a, b, n) == 0;
    if (n >= 8) {
        differs = (load8(a) ^ load8(b)) | (load8(a + n - 8) ^ load8(b + n - 8));
        if (n > 16)
            differs |= (load8(a + 8) ^ load8(b + 8)) | (load8(a + n - 16) ^ load8(b + n - 16));
        return differs == 0;
    }
    if (n >= 4)
        return ((load4(a) ^ load4(b)) | (load4(a + n - 4) ^ load4(b + n - 4))) == 0;
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static inline bool is_in(const struct shale_dictionary *dictionary,
                         const struct shale_dictionary_slot *slot, struct shale_str value)
{
    return slot->n_bytes == value.n_bytes &&
           is_equal(dictionary->values.data + slot->at, value.data, value.n_bytes);
}

/* The slot of 'value', or the free one where it belongs; NULL when the probe gets too long. */
static inline struct shale_dictionary_slot *probe(const struct shale_dictionary *dictionary,
                                                  struct shale_str value, uint32_t hash)
{
    size_t mask = dictionary->n_slots - 1;
    for (size_t i = 0; i < PROBES; i++) {
        struct shale_dictionary_slot *slot = &dictionary->slots[(hash + i) & mask];
        if (slot->number == 0)
            return slot;
        if (slot->hash == hash && is_in(dictionary, slot, value))
            return slot;
    }
    return NULL;
}

static bool place(struct shale_dictionary *dictionary, const struct shale_dictionary_slot *entry)
{
    size_t mask = dictionary->n_slots - 1;
    for (size_t i = 0; i < PROBES; i++) {
        struct shale_dictionary_slot *slot = &dictionary->slots[(entry->hash + i) & mask];
        if (slot->number == 0) {
            *slot = *entry;
            return true;
        }
    }
    return false;
}

/* What the slot of an index holds. */
static struct shale_dictionary_slot slot_of(const struct shale_dictionary *dictionary,
                                            uint32_t index)
{
    const size_t prefix = dictionary->width > 0 ? 0 : sizeof(uint32_t);
    struct shale_str plain = shale_dictionary_plain(dictionary, index);
    struct shale_dictionary_slot slot = {.number = index + 1};
    memcpy(&slot.hash, dictionary->hashes.data + index * sizeof(slot.hash), sizeof(slot.hash));
    slot.at = (uint32_t)((size_t)(plain.data - dictionary->values.data) + prefix);
    slot.n_bytes = (uint32_t)(plain.n_bytes - prefix);
    return slot;
}

/* Twice the slots, each entry placed again; '*placed' says whether all were.  If not, nothing can
 * be found or added any more, but the values are whole. */
static enum shale_status grow(struct shale_dictionary *dictionary, bool *placed)
{
    *placed = true;
    if (!clear_slots(dictionary, dictionary->n_slots * 2))
        return SHALE_NOMEM;
    for (uint32_t i = 0; i < dictionary->n_entries && *placed; i++) {
        const struct shale_dictionary_slot slot = slot_of(dictionary, i);
        *placed = place(dictionary, &slot);
    }
    return SHALE_OK;
}

static enum shale_status append(struct shale_dictionary *dictionary, struct shale_str value,
                                uint32_t hash)
{
    uint32_t at = (uint32_t)dictionary->values.n_bytes;
    enum shale_status status = shale_buf_append(&dictionary->hashes, &hash, sizeof(hash));
    if (status != SHALE_OK)
        return status;
    if (dictionary->width > 0)
        return shale_buf_append_str(&dictionary->values, value);
    status = shale_buf_append(&dictionary->offsets, &at, sizeof(at));
    return status == SHALE_OK ? shale_plain_append_bytes(&dictionary->values, value) : status;
}

static bool is_full(const struct shale_dictionary *dictionary, struct shale_str value)
{
    size_t n_bytes = value.n_bytes + (dictionary->width > 0 ? 0 : sizeof(uint32_t));
    return dictionary->n_entries == SHALE_DICTIONARY_ENTRIES ||
           n_bytes > dictionary->most_bytes - dictionary->values.n_bytes;
}

/* A new value, into its slot; '*added' is false when growing failed to place all. */
static enum shale_status add(struct shale_dictionary *dictionary,
                             struct shale_dictionary_slot *slot, struct shale_str value,
                             uint32_t hash, bool *added)
{
    enum shale_status status = append(dictionary, value, hash);
    *added = true;
    if (status != SHALE_OK)
        return status;
    *slot = slot_of(dictionary, dictionary->n_entries++);
    if ((size_t)dictionary->n_entries * 2 <= dictionary->n_slots)
        return SHALE_OK;
    return grow(dictionary, added);
}

enum shale_status shale_dictionary_put(struct shale_dictionary *dictionary,
                                       const struct shale_str *values, size_t n, bool may_add,
                                       uint32_t *indexes, size_t *n_put)
{
    uint32_t hashes[SHALE_DICTIONARY_BLOCK];
    enum shale_status status = SHALE_OK;
    assert(n <= SHALE_DICTIONARY_BLOCK);
    for (size_t i = 0; i < n; i++) {
        hashes[i] = hash_of(values[i]);
        __builtin_prefetch(&dictionary->slots[hashes[i] & (dictionary->n_slots - 1)]);
    }
    for (*n_put = 0; *n_put < n && status == SHALE_OK; ++*n_put) {
        const struct shale_str value = values[*n_put];
        struct shale_dictionary_slot *slot = probe(dictionary, value, hashes[*n_put]);
        bool added;
        if (slot != NULL && slot->number != 0) {
            indexes[*n_put] = slot->number - 1;
            continue;
        }
        if (slot == NULL || !may_add || is_full(dictionary, value))
            break;
        indexes[*n_put] = dictionary->n_entries;
        status = add(dictionary, slot, value, hashes[*n_put], &added);
        if (!added)
            break;
    }
    return status;
}
