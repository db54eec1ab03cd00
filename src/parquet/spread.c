/* SPDX-License-Identifier: MIT */
/* 64 rows at a time: most blocks have no nulls, or nothing else. */
#include "parquet/spread.h"

#include <string.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

/* Eight bytes that are 0 or 1, the first the lowest, as eight bits: byte i moves to bit 56 + i. */
static inline uint8_t pack8(uint64_t bytes)
{
    return (uint8_t)((bytes * UINT64_C(0x0102040810204080)) >> 56);
}

static inline uint64_t load64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

/* Of eight levels below 128, those that are 'least' or more, as bits. */
static inline uint8_t compare8(uint64_t levels, uint64_t least)
{
    return pack8((((levels | HIGH) - least * ONES) & HIGH) >> 7);
}

size_t shale_spread_validity(const uint8_t *levels, size_t n, uint8_t least, uint8_t *bits)
{
    size_t n_set = 0, i = 0;
    memset(bits + n / 64 * 8, 0, shale_spread_bits_bytes(n) - n / 64 * 8);
    if (least < 128)
        for (; i + 8 <= n; i += 8) {
            uint64_t eight = load64(levels + i);
            if ((eight & HIGH) != 0)
                break;
            bits[i / 8] = compare8(eight, least);
        }
    for (size_t j = i / 8; j < (n + 7) / 8; j++)
        bits[j] = 0;
    for (; i < n; i++)
        bits[i / 8] |= (uint8_t)((levels[i] >= least) << (i % 8));
    for (i = 0; i < shale_spread_bits_bytes(n); i += 8)
        n_set += (size_t)__builtin_popcountll(load64(bits + i));
    return n_set;
}

static inline size_t spread_block(const char *dense, size_t width, uint64_t word, size_t n,
                                  char *out)
{
    static const char zero[16] = {0};
    size_t j = 0;
    if (n == 64 && word == UINT64_MAX) {
        memcpy(out, dense, 64 * width);
        return 64;
    }
    if (word == 0) {
        memset(out, 0, n * width);
        return 0;
    }
    for (size_t i = 0; i < n; i++, word >>= 1) {
        const char *from = (word & 1) != 0 ? dense + j * width : zero;
        memcpy(out + i * width, from, width);
        j += word & 1;
    }
    return j;
}

static inline void spread(const char *dense, size_t width, const uint8_t *bits, size_t n, char *out)
{
    for (size_t i = 0; i < n; i += 64) {
        size_t n_block = n - i < 64 ? n - i : 64;
        dense += width * spread_block(dense, width, load64(bits + i / 8), n_block, out + i * width);
    }
}

void shale_spread_fixed(const char *dense, size_t width, const uint8_t *bits, size_t n, char *out)
{
    switch (width) {
    case 1:
        spread(dense, 1, bits, n, out);
        break;
    case 4:
        spread(dense, 4, bits, n, out);
        break;
    case 8:
        spread(dense, 8, bits, n, out);
        break;
    default:
        spread(dense, 16, bits, n, out);
        break;
    }
}

void shale_spread_offsets(const int32_t *dense, const uint8_t *bits, size_t n, int32_t *out)
{
    size_t j = 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = load64(bits + i / 8);
        size_t n_block = n - i < 64 ? n - i : 64;
        if (n_block == 64 && word == UINT64_MAX) {
            memcpy(out + i, dense + j, 64 * sizeof(*out));
            j += 64;
            continue;
        }
        for (size_t k = 0; k < n_block; k++, word >>= 1) {
            out[i + k] = dense[j];
            j += word & 1;
        }
    }
    out[n] = dense[j];
}

void shale_spread_pack(const char *bytes, size_t n, uint8_t *bits)
{
    size_t i = 0;
    memset(bits + n / 64 * 8, 0, shale_spread_bits_bytes(n) - n / 64 * 8);
    for (; i + 8 <= n; i += 8)
        bits[i / 8] = pack8(load64(bytes + i));
    for (; i < n; i++)
        bits[i / 8] |= (uint8_t)(((unsigned char)bytes[i] & 1) << (i % 8));
}
