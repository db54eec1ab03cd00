/* SPDX-License-Identifier: MIT */
/* Hash by multiply and fold: each 16 bytes become one 64 x 64 -> 128 bit product.  The last bytes
 * are read by loads of a fixed width that overlap what was read before: a copy of some bytes would
 * be a call.  Long values are taken in two chains, since a product waits for the one before. */
#include "base/hash.h"

#include <string.h>

enum { CHAINS_BYTES = 64 };

static inline uint64_t load8(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load4(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t shale_hash(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint64_t k0 = 0x9e3779b97f4a7c15u, k1 = 0xd6e8feb86659fd93u, k2 = 0xa0761d6478bd642fu;
    const unsigned char *p = data;
    uint64_t h = seed ^ k0 ^ n_bytes;
    size_t left = n_bytes;
    if (left > CHAINS_BYTES) {
        uint64_t other = h ^ k2;
        for (; left > 32; p += 32, left -= 32) {
            h = fold(load8(p) ^ k1, load8(p + 8) ^ h);
            other = fold(load8(p + 16) ^ k2, load8(p + 24) ^ other);
        }
        h ^= fold(other, k2);
    }
    for (; left > 16; p += 16, left -= 16)
        h = fold(load8(p) ^ k1, load8(p + 8) ^ h);
    if (left >= 8)
        h = fold(load8(p) ^ k1, load8(p + left - 8) ^ h);
    else if (left >= 4)
        h = fold(load4(p) << 32 ^ load4(p + left - 4) ^ k1, h);
    else if (left > 0)
        h = fold(((uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1]) ^ k1, h);
    return fold(h ^ k0, k1);
}
