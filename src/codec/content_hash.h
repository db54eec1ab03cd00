/* SPDX-License-Identifier: MIT */
/* The hash that says whether two objects hold the same bytes: XXH3-128 without a seed, in hex.  Not
 * for keys of an enemy's choosing: it is fast, not cryptographic. */
#ifndef SHALE_CODEC_CONTENT_HASH_H
#define SHALE_CODEC_CONTENT_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { SHALE_CONTENT_HASH_CHARS = 32 };

/* A hash under way; not to be copied.  Allocates nothing, and nothing is to be freed.
 *
 *     shale_content_hash_init(&hash);
 *     shale_content_hash_update(&hash, data, n_bytes);   // any number of times
 *     shale_content_hash_finish(&hash, text); */
struct shale_content_hash {
    unsigned char state[576 + 64]; /* private: the library's state, at a multiple of 64 */
};

void shale_content_hash_init(struct shale_content_hash *hash);
void shale_content_hash_update(struct shale_content_hash *hash, const void *data, size_t n_bytes);

/* 32 hex digits, lower case, most significant first (as 'xxhsum -H2' prints them), and a NUL.  More
 * may be added afterwards. */
void shale_content_hash_finish(const struct shale_content_hash *hash,
                               char out[SHALE_CONTENT_HASH_CHARS + 1]);

/* All at once. */
void shale_content_hash(struct shale_str bytes, char out[SHALE_CONTENT_HASH_CHARS + 1]);

/* The same as a number, for comparing. */
struct shale_content_hash128 {
    uint64_t high, low;
};
struct shale_content_hash128 shale_content_hash128(struct shale_str bytes);

/* XXH3-64 of a text: the same in every version and on every machine. */
uint64_t shale_content_hash64(struct shale_str text);

#endif
