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

struct shale_dictionary {
    struct shale_buf values;  /* the dictionary page: PLAIN */
    struct shale_buf offsets; /* BYTE_ARRAY: uint32_t, where each value's length lies in 'values' */
    struct shale_buf hashes;  /* uint32_t, of each value */
    uint64_t *slots;          /* hash in the upper half, index + 1 in the lower; 0 is free */
    size_t n_slots;           /* in use, a power of two */
    size_t n_allocated;       /* of slots */
    size_t width;             /* of a value, 0: BYTE_ARRAY */
    size_t most_bytes;        /* of 'values' */
    uint32_t n_entries;
};

void shale_dictionary_init(struct shale_dictionary *dictionary, const struct shale_mem *mem);
void shale_dictionary_fini(struct shale_dictionary *dictionary);

/* Empty, for values of 'width' bytes (0: BYTE_ARRAY) and a page of 'most_bytes'. */
SHALE_MUST_USE enum shale_status shale_dictionary_begin(struct shale_dictionary *dictionary,
                                                        size_t width, size_t most_bytes);

enum shale_dictionary_result {
    SHALE_DICTIONARY_FOUND,   /* '*index' is set */
    SHALE_DICTIONARY_ADDED,   /* '*index' is set: a new value */
    SHALE_DICTIONARY_REFUSED, /* it is not there and cannot be added */
    SHALE_DICTIONARY_NOMEM,
};

/* Find 'value' (a BYTE_ARRAY without its length), or add it when 'may_add'. */
enum shale_dictionary_result shale_dictionary_put(struct shale_dictionary *dictionary,
                                                  struct shale_str value, bool may_add,
                                                  uint32_t *index);

/* The value of an index as PLAIN has it (a BYTE_ARRAY with its length). */
struct shale_str shale_dictionary_plain(const struct shale_dictionary *dictionary, uint32_t index);

#endif
