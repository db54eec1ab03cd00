/* SPDX-License-Identifier: MIT */
/* Hash by multiply and fold: each 16 bytes become one 64 x 64 -> 128 bit product. */
#include "base/hash.h"

#include <string.h>

static uint64_t load(const unsigned char *p, size_t n_bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, n_bytes);
    return v;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t shale_hash(const void *data, size_t n_bytes, uint64_t seed)
{
    const uint64_t k0 = 0x9e3779b97f4a7c15u, k1 = 0xd6e8feb86659fd93u;
    const unsigned char *p = data;
    uint64_t h = seed ^ k0 ^ n_bytes;
    size_t left = n_bytes;
    while (left > 16) {
        h = fold(load(p, 8) ^ k1, load(p + 8, 8) ^ h);
        p += 16;
        left -= 16;
    }
    if (left > 8)
        h = fold(load(p, 8) ^ k1, load(p + 8, left - 8) ^ h);
    else if (left > 0)
        h = fold(load(p, left) ^ k1, h);
    return fold(h ^ k0, k1);
}
