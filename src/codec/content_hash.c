/* SPDX-License-Identifier: MIT */
/* XXH3's streaming state behind a struct of ours, from the library's header alone. */
#include "codec/content_hash.h"

#include <assert.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(sizeof(XXH3_state_t) <= 576, "the state has room");
static_assert(sizeof(struct shale_content_hash) >= sizeof(XXH3_state_t) + 63, "wherever it lies");

/* The library wants its state at a multiple of 64. */
static XXH3_state_t *state_of(const struct shale_content_hash *hash)
{
    uintptr_t at = (uintptr_t)hash->state;
    return (XXH3_state_t *)((at + 63) & ~(uintptr_t)63);
}

void shale_content_hash_init(struct shale_content_hash *hash)
{
    XXH3_128bits_reset(state_of(hash));
}

void shale_content_hash_update(struct shale_content_hash *hash, const void *data, size_t n_bytes)
{
    if (n_bytes > 0)
        XXH3_128bits_update(state_of(hash), data, n_bytes);
}

static void put_hex(XXH128_hash_t value, char out[SHALE_CONTENT_HASH_CHARS + 1])
{
    for (int i = 0; i < SHALE_CONTENT_HASH_CHARS; i++) {
        uint64_t half = i < 16 ? value.high64 : value.low64;
        out[i] = "0123456789abcdef"[half >> (60 - 4 * (i % 16)) & 15];
    }
    out[SHALE_CONTENT_HASH_CHARS] = '\0';
}

void shale_content_hash_finish(const struct shale_content_hash *hash,
                               char out[SHALE_CONTENT_HASH_CHARS + 1])
{
    put_hex(XXH3_128bits_digest(state_of(hash)), out);
}

void shale_content_hash(struct shale_str bytes, char out[SHALE_CONTENT_HASH_CHARS + 1])
{
    put_hex(XXH3_128bits(bytes.data, bytes.n_bytes), out);
}

struct shale_content_hash128 shale_content_hash128(struct shale_str bytes)
{
    XXH128_hash_t hash = XXH3_128bits(bytes.data, bytes.n_bytes);
    return (struct shale_content_hash128){hash.high64, hash.low64};
}

uint64_t shale_content_hash64(struct shale_str text)
{
    return XXH3_64bits(text.data, text.n_bytes);
}
