/* SPDX-License-Identifier: MIT */
/* Private to parquet: definition levels become validity bits, and dense values take the places
 * that these leave. */
#ifndef SHALE_PARQUET_SPREAD_H
#define SHALE_PARQUET_SPREAD_H

#include <stddef.h>
#include <stdint.h>

/* Bits of 'n' levels: set where the level is 'least' or more.  Writes whole bytes, the last filled
 * with zeros, and up to the next multiple of 8 bytes.  Returns how many are set. */
size_t shale_spread_validity(const uint8_t *levels, size_t n, uint8_t least, uint8_t *bits);

/* The bytes that validity() writes. */
static inline size_t shale_spread_bits_bytes(size_t n)
{
    return (n + 63) / 64 * 8;
}

/* 'n' values of 'width' (1, 4, 8 or 16) bytes: the next of 'dense' where a bit is set, else 0.  One
 * value behind the last of 'dense' can be read. */
void shale_spread_fixed(const char *dense, size_t width, const uint8_t *bits, size_t n, char *out);

/* Offsets: n + 1 of them; what is null is empty. */
void shale_spread_offsets(const int32_t *dense, const uint8_t *bits, size_t n, int32_t *out);

/* Bytes that are 0 or 1 become bits, as above. */
void shale_spread_pack(const char *bytes, size_t n, uint8_t *bits);

#endif
