/* SPDX-License-Identifier: MIT */
/* Chance that a seed decides. */
#ifndef SHALE_SIM_CHANCE_H
#define SHALE_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static inline uint64_t chance_u64(struct chance *chance)
{
    uint64_t z = chance->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 ... n - 1; n is small, so that what a modulo favours does not matter. */
static inline uint32_t chance_below(struct chance *chance, uint32_t n)
{
    return (uint32_t)((chance_u64(chance) >> 32) % n);
}

static inline bool chance_per_mille(struct chance *chance, uint32_t per_mille)
{
    return per_mille > 0 && chance_below(chance, 1000) < per_mille;
}

#endif
