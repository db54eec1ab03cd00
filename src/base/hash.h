/* SPDX-License-Identifier: MIT */
/* A fast hash for tables in memory.  Not for untrusted keys without a bound on probes, not for
 * disk: its value may change with the version. */
#ifndef SHALE_BASE_HASH_H
#define SHALE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 bits of 'n_bytes' at 'data' under 'seed'. */
uint64_t shale_hash(const void *data, size_t n_bytes, uint64_t seed);

/* 64 mixed bits of one integer. */
static inline uint64_t shale_hash_u64(uint64_t value, uint64_t seed)
{
    __uint128_t product = (__uint128_t)(value ^ 0x9e3779b97f4a7c15u ^ seed) * 0xd6e8feb86659fd93u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
