/* SPDX-License-Identifier: MIT */
/* Private to parquet: the distinct values of a chunk, numbered in the order of their appearance.
 *
 * Values are equal when their bytes are.  What is refused depends on the values alone: the bytes of
 * the dictionary page, SHALE_DICTIONARY_ENTRIES, and (against made-up collisions) the length of a
 * probe. */
#ifndef SHALE_PARQUET_DICTIONARY_H
#define SHALE_PARQUET_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { SHALE_DICTIONARY_ENTRIES = 1 << 17 };

/* All that tells a value from another but its bytes, in one place: a look-up then waits for the
 * slot and for the bytes, and for nothing between. */
struct shale_dictionary_slot {
    uint32_t hash;
    uint32_t number;  /* index + 1; 0: free */
    uint32_t at;      /* of the value's bytes in 'values' */
    uint32_t n_bytes; /* how many */
};

struct shale_dictionary {
    struct shale_buf values;  /* the dictionary page: PLAIN */
    struct shale_buf offsets; /* BYTE_ARRAY: uint32_t, where each value's length lies in 'values' */
    struct shale_buf hashes;  /* uint32_t, of each value */
    struct shale_dictionary_slot *slots;
    size_t n_slots;     /* in use, a power of two */
    size_t n_allocated; /* of slots */
    size_t width;       /* of a value, 0: BYTE_ARRAY */
    size_t most_bytes;  /* of 'values' */
    uint32_t n_entries;
};

void shale_dictionary_init(struct shale_dictionary *dictionary, const struct shale_mem *mem);
void shale_dictionary_fini(struct shale_dictionary *dictionary);

/* Empty, for values of 'width' bytes (0: BYTE_ARRAY) and a page of 'most_bytes'. */
SHALE_MUST_USE enum shale_status shale_dictionary_begin(struct shale_dictionary *dictionary,
                                                        size_t width, size_t most_bytes);

enum { SHALE_DICTIONARY_BLOCK = 64 };

/* Find each of 'n' values (at most SHALE_DICTIONARY_BLOCK; a BYTE_ARRAY without its length), or add
 * it when 'may_add', in order: indexes[i] is that of values[i].  Stops at the first that is not
 * there and cannot be added; '*n_put' says how many came before it.
 * Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_dictionary_put(struct shale_dictionary *dictionary,
                                                      const struct shale_str *values, size_t n,
                                                      bool may_add, uint32_t *indexes,
                                                      size_t *n_put);

/* The value of an index as PLAIN has it (a BYTE_ARRAY with its length). */
struct shale_str shale_dictionary_plain(const struct shale_dictionary *dictionary, uint32_t index);

#endif
