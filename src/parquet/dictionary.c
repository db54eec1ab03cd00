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
        uint64_t *slots = shale_mem_zeroed(dictionary->values.mem, n, sizeof(*slots));
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

static struct shale_str value_of(const struct shale_dictionary *dictionary, uint32_t index)
{
    struct shale_str value = shale_dictionary_plain(dictionary, index);
    if (dictionary->width == 0) {
        value.data += sizeof(uint32_t);
        value.n_bytes -= sizeof(uint32_t);
    }
    return value;
}

static uint32_t hash_of(struct shale_str value)
{
    uint64_t number = 0;
    if (value.n_bytes == 8 || value.n_bytes == 4) {
        memcpy(&number, value.data, value.n_bytes);
        return (uint32_t)shale_hash_u64(number, value.n_bytes);
    }
    return (uint32_t)shale_hash(value.data, value.n_bytes, 0);
}

/* The two widths of most columns are compared without a call. */
static inline bool is_entry(const struct shale_dictionary *dictionary, uint32_t index,
                            struct shale_str value)
{
    const char *values = dictionary->values.data;
    if (dictionary->width == 8)
        return memcmp(values + (size_t)index * 8, value.data, 8) == 0;
    if (dictionary->width == 4)
        return memcmp(values + (size_t)index * 4, value.data, 4) == 0;
    return shale_str_equal(value_of(dictionary, index), value);
}

/* The slot of 'value', or the free one where it belongs; NULL when the probe gets too long. */
static uint64_t *probe(const struct shale_dictionary *dictionary, struct shale_str value,
                       uint32_t hash)
{
    size_t mask = dictionary->n_slots - 1;
    for (size_t i = 0; i < PROBES; i++) {
        uint64_t *slot = &dictionary->slots[(hash + i) & mask];
        if (*slot == 0)
            return slot;
        if ((uint32_t)(*slot >> 32) == hash && is_entry(dictionary, (uint32_t)*slot - 1, value))
            return slot;
    }
    return NULL;
}

static bool place(struct shale_dictionary *dictionary, uint64_t entry)
{
    size_t mask = dictionary->n_slots - 1;
    for (size_t i = 0; i < PROBES; i++) {
        uint64_t *slot = &dictionary->slots[((uint32_t)(entry >> 32) + i) & mask];
        if (*slot == 0) {
            *slot = entry;
            return true;
        }
    }
    return false;
}

/* Twice the slots, each entry placed again.  After a refusal nothing can be found or added any
 * more, but the values are whole. */
static enum shale_dictionary_result grow(struct shale_dictionary *dictionary)
{
    const uint32_t *hashes = (const uint32_t *)(const void *)dictionary->hashes.data;
    if (!clear_slots(dictionary, dictionary->n_slots * 2))
        return SHALE_DICTIONARY_NOMEM;
    for (uint32_t i = 0; i < dictionary->n_entries; i++) {
        const uint64_t hash = hashes[i];
        if (!place(dictionary, hash << 32 | (i + 1)))
            return SHALE_DICTIONARY_REFUSED;
    }
    return SHALE_DICTIONARY_ADDED;
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

enum shale_dictionary_result shale_dictionary_put(struct shale_dictionary *dictionary,
                                                  struct shale_str value, bool may_add,
                                                  uint32_t *index)
{
    uint32_t hash = hash_of(value);
    uint64_t *slot = probe(dictionary, value, hash);
    if (slot != NULL && *slot != 0) {
        *index = (uint32_t)*slot - 1;
        return SHALE_DICTIONARY_FOUND;
    }
    if (slot == NULL || !may_add || is_full(dictionary, value))
        return SHALE_DICTIONARY_REFUSED;
    if (append(dictionary, value, hash) != SHALE_OK)
        return SHALE_DICTIONARY_NOMEM;
    *index = dictionary->n_entries++;
    *slot = (uint64_t)hash << 32 | dictionary->n_entries;
    if ((size_t)dictionary->n_entries * 2 <= dictionary->n_slots)
        return SHALE_DICTIONARY_ADDED;
    return grow(dictionary);
}
