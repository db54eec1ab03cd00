/* SPDX-License-Identifier: MIT */
/* Integers from input: every sum, product and narrowing is checked.  True means that it fits. */
#ifndef SHALE_BASE_CHECKED_H
#define SHALE_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimals of up to 38 digits; an extension of gcc and clang. */
__extension__ typedef __int128 shale_i128;
__extension__ typedef unsigned __int128 shale_u128;

#define SHALE_ADD(a, b, out) (!__builtin_add_overflow((a), (b), (out)))
#define SHALE_SUB(a, b, out) (!__builtin_sub_overflow((a), (b), (out)))
#define SHALE_MUL(a, b, out) (!__builtin_mul_overflow((a), (b), (out)))

static inline bool shale_to_i32(int64_t value, int32_t *out)
{
    *out = (int32_t)value;
    return value >= INT32_MIN && value <= INT32_MAX;
}

static inline bool shale_to_size(int64_t value, size_t *out)
{
    *out = (size_t)value;
    return value >= 0 && (uint64_t)value <= SIZE_MAX;
}

/* 'n_bytes' rounded up to a multiple of 8 (the caller knows that it is far from SIZE_MAX). */
static inline size_t shale_align8(size_t n_bytes)
{
    return (n_bytes + 7) & ~(size_t)7;
}

#endif
