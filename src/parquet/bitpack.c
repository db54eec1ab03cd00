/* SPDX-License-Identifier: MIT */
/* Eight values of w bits fill w bytes, so whole groups of eight start at a byte: they are read by
 * loops of a constant width, which the compiler unrolls into loads, shifts and masks. */
#include "parquet/bitpack.h"

#include <assert.h>
#include <string.h>

/* A load for one value may take this many bytes more than its group has: a group nearer to the end
 * is read from a copy. */
enum { SLACK = 8, GROUP = 8 };

/* What values of no bits are read from. */
static const char no_bits[SLACK] = {0};

static inline uint64_t load64(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof(word));
    return word;
}

/* Of up to 64 bits that begin at bit 'bit'. */
static inline uint64_t value_at(const uint8_t *from, size_t bit, unsigned bit_width)
{
    const unsigned shift = (unsigned)(bit % 8);
    uint64_t value = load64(from + bit / 8) >> shift;
    if (shift + bit_width > 64)
        value |= (uint64_t)from[bit / 8 + 8] << (64 - shift);
    return bit_width == 64 ? value : value & (((uint64_t)1 << bit_width) - 1);
}

/* ---- Groups, with SLACK bytes behind them -----------------------------------------------------
 */

static inline void group_u32(const uint8_t *from, unsigned bit_width, uint32_t *out)
{
    for (unsigned i = 0; i < GROUP; i++)
        out[i] = (uint32_t)value_at(from, (size_t)i * bit_width, bit_width);
}

#define WIDTH(w)                                                                                   \
    case w:                                                                                        \
        for (; n > 0; n--, from += (w), out += GROUP)                                              \
            group_u32(from, w, out);                                                               \
        break;
#define WIDTHS(w) WIDTH(w) WIDTH((w) + 1) WIDTH((w) + 2) WIDTH((w) + 3)

static void groups_u32(const uint8_t *from, unsigned bit_width, uint32_t *out, size_t n)
{
    switch (bit_width) {
        WIDTHS(0)
        WIDTHS(4)
        WIDTHS(8)
        WIDTHS(12)
        WIDTHS(16)
        WIDTHS(20)
        WIDTHS(24)
        WIDTHS(28)
        WIDTH(32)
    default:
        assert(false);
    }
}

static inline void group_u8(uint64_t bits, unsigned bit_width, uint8_t *out)
{
    for (unsigned i = 0; i < GROUP; i++)
        out[i] = (uint8_t)(bits >> (i * bit_width) & ((1u << bit_width) - 1));
}

/* Bit i of 'byte' becomes byte i. */
static inline uint64_t spread_bits(uint8_t byte)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t each = (ones * byte) & 0x8040201008040201u;
    return ((each + 0x7f * ones) >> 7) & ones;
}

static void groups_u8(const uint8_t *from, unsigned bit_width, uint8_t *out, size_t n)
{
    if (bit_width == 0) {
        memset(out, 0, n * GROUP);
    } else if (bit_width == 1) {
        for (size_t i = 0; i < n; i++) {
            uint64_t bytes = spread_bits(from[i]);
            memcpy(out + i * GROUP, &bytes, sizeof(bytes));
        }
    } else if (bit_width == 2) {
        for (size_t i = 0; i < n; i++)
            group_u8(load64(from + i * 2), 2, out + i * GROUP);
    } else {
        for (size_t i = 0; i < n; i++)
            group_u8(load64(from + i * bit_width), bit_width, out + i * GROUP);
    }
}

static void groups_u64(const uint8_t *from, unsigned bit_width, uint64_t *out, size_t n)
{
    for (size_t i = 0; i < n * GROUP; i++)
        out[i] = value_at(from, i * bit_width, bit_width);
}

/* ---- Any number of values -----------------------------------------------------------------------
 */

/* The group in which value 'at' is, with room behind it. */
static void copy_group(struct shale_str bytes, unsigned bit_width, size_t at, uint8_t *out)
{
    const size_t begin = at / GROUP * bit_width, left = bytes.n_bytes - begin;
    memset(out, 0, 64 + SLACK);
    if (left > 0)
        memcpy(out, bytes.data + begin, left < bit_width ? left : bit_width);
}

/* Whole groups from value 'at' on, of 'n' values, that can be read where they lie. */
static size_t n_direct(struct shale_str bytes, unsigned bit_width, size_t at, size_t n)
{
    const size_t begin = at / GROUP * bit_width, left = bytes.n_bytes - begin;
    size_t fit;
    if (at % GROUP != 0)
        return 0;
    if (bit_width == 0)
        return n / GROUP;
    fit = left < SLACK + 1 ? 0 : (left - SLACK - 1) / bit_width;
    return fit < n / GROUP ? fit : n / GROUP;
}

#define READ(type, groups)                                                                         \
    size_t at = skip;                                                                              \
    const size_t end = skip + n;                                                                   \
    assert(shale_bitpack_bytes(end, bit_width) <= bytes.n_bytes);                                  \
    while (at < end) {                                                                             \
        size_t some = n_direct(bytes, bit_width, at, end - at);                                    \
        if (some > 0) {                                                                            \
            const char *from = bit_width == 0 ? no_bits : bytes.data + at / GROUP * bit_width;     \
            groups((const uint8_t *)from, bit_width, out + (at - skip), some);                     \
            at += some * GROUP;                                                                    \
        } else {                                                                                   \
            uint8_t copy[64 + SLACK];                                                              \
            type group[GROUP];                                                                     \
            const size_t first = at % GROUP;                                                       \
            some = GROUP - first < end - at ? GROUP - first : end - at;                            \
            copy_group(bytes, bit_width, at, copy);                                                \
            groups(copy, bit_width, group, 1);                                                     \
            memcpy(out + (at - skip), group + first, some * sizeof(type));                         \
            at += some;                                                                            \
        }                                                                                          \
    }

void shale_bitpack_read_u8(struct shale_str bytes, unsigned bit_width, size_t skip, uint8_t *out,
                           size_t n)
{
    assert(bit_width <= 8);
    READ(uint8_t, groups_u8)
}

void shale_bitpack_read_u32(struct shale_str bytes, unsigned bit_width, size_t skip, uint32_t *out,
                            size_t n)
{
    READ(uint32_t, groups_u32)
}

void shale_bitpack_read_u64(struct shale_str bytes, unsigned bit_width, size_t skip, uint64_t *out,
                            size_t n)
{
    assert(bit_width <= 64);
    READ(uint64_t, groups_u64)
}

/* ---- Writing ------------------------------------------------------------------------------------
 */

static inline uint8_t *put_rest(uint8_t *out, uint64_t bits, unsigned n_bits)
{
    for (; n_bits > 0; n_bits = n_bits < 8 ? 0 : n_bits - 8, bits >>= 8)
        *out++ = (uint8_t)bits;
    return out;
}

/* 'n_bits' of 'bits' are below 64 before and after each value. */
#define WRITE                                                                                      \
    uint64_t bits = 0;                                                                             \
    unsigned n_bits = 0;                                                                           \
    for (size_t i = 0; i < n; i++) {                                                               \
        const uint64_t value = values[i];                                                          \
        bits |= value << n_bits;                                                                   \
        n_bits += bit_width;                                                                       \
        if (n_bits >= 64) {                                                                        \
            memcpy(out, &bits, sizeof(bits));                                                      \
            out += sizeof(bits);                                                                   \
            n_bits -= 64;                                                                          \
            bits = n_bits == 0 ? 0 : value >> (bit_width - n_bits);                                \
        }                                                                                          \
    }                                                                                              \
    return put_rest(out, bits, n_bits);

uint8_t *shale_bitpack_write_u32(uint8_t *out, const uint32_t *values, size_t n, unsigned bit_width)
{
    assert(bit_width <= 32);
    WRITE
}

uint8_t *shale_bitpack_write_u64(uint8_t *out, const uint64_t *values, size_t n, unsigned bit_width)
{
    assert(bit_width <= 64);
    WRITE
}

/* ---- The old order of bits ----------------------------------------------------------------------
 */

bool shale_bitpack_read_levels(struct shale_str bytes, unsigned bit_width, uint8_t *out, size_t n)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t at = 0;
    assert(bit_width <= 8);
    if (n > SIZE_MAX / 16 || shale_bitpack_bytes(n, bit_width) > bytes.n_bytes)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (n_bits < bit_width) {
            bits = bits << 8 | (uint8_t)bytes.data[at++];
            n_bits += 8;
        }
        n_bits -= bit_width;
        out[i] = (uint8_t)(bits >> n_bits & ((1u << bit_width) - 1));
    }
    return true;
}
