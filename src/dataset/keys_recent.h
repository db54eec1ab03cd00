/* SPDX-License-Identifier: MIT */
/* Private to dataset: the keys that a run took last, in memory. */
#ifndef SHALE_DATASET_KEYS_RECENT_H
#define SHALE_DATASET_KEYS_RECENT_H

#include "dataset/keys_parts.h"

/* How many bytes of keys it is let have of so much memory before they go to the temporary file. Its
 * buffers end at 2 GiB, and it is asked only after the rows of each parcel. */
static inline size_t shale_recent_limit(size_t memory_bytes)
{
    const size_t most = (size_t)1 << 30;
    return memory_bytes / 4 < most ? memory_bytes / 4 : most;
}

struct shale_recent {
    const struct shale_mem *mem;
    int64_t within_us;
    struct shale_buf rows;  /* struct shale_key_row, in the order in which they came */
    struct shale_buf bytes; /* of their keys */
    uint32_t *slots;        /* open addressing by hash: row + 1 */
    size_t n_slots;         /* a power of two, at least twice the rows */
    size_t n_rows;
};

void shale_recent_init(struct shale_recent *recent, const struct shale_mem *mem, int64_t within_us);
void shale_recent_fini(struct shale_recent *recent);
size_t shale_recent_n_bytes(const struct shale_recent *recent);

/* Is an event of this key and time, which may be found under 'hash', there? */
bool shale_recent_holds(const struct shale_recent *recent, int64_t hash, struct shale_str key,
                        int64_t time_us);
/* Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_recent_add(struct shale_recent *recent, int64_t hash,
                                                  struct shale_str key, int64_t time_us);
/* Forget the rows from 'from' up to 'to'. */
void shale_recent_forget(struct shale_recent *recent, size_t from, size_t to);

/* The rows up to 'n', sorted. */
struct shale_recent_source {
    struct shale_keys_source source; /* first member */
    const struct shale_recent *recent;
    uint32_t *order;
    size_t n, next;
    struct shale_key_entry entry;
};
SHALE_MUST_USE enum shale_status shale_recent_sort(const struct shale_recent *recent, size_t n,
                                                   struct shale_recent_source *out);
void shale_recent_source_fini(struct shale_recent_source *source);

#endif
