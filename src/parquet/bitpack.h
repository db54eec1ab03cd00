/* SPDX-License-Identifier: MIT */
/* Private to parquet: values of a fixed number of bits, one after the other, the lowest bit of each
 * byte first (the bit-packed runs of the hybrid, the miniblocks of DELTA_BINARY_PACKED) or, in
 * levels of old files (BIT_PACKED), the highest (parquet-format, Encodings.md). */
#ifndef SHALE_PARQUET_BITPACK_H
#define SHALE_PARQUET_BITPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

/* Bytes that 'n' values of 'bit_width' bits take; 'n' is below 2^56. */
static inline size_t shale_bitpack_bytes(size_t n, unsigned bit_width)
{
    return n / 8 * bit_width + (n % 8 * bit_width + 7) / 8;
}

/* Read 'n' values of 'bit_width' bits, of which the first has 'skip' before it, from 'bytes', which
 * has them all (asserted).  Nothing outside 'bytes' is read, nothing behind out[n - 1] written. */
void shale_bitpack_read_u8(struct shale_str bytes, unsigned bit_width, size_t skip, uint8_t *out,
                           size_t n); /* widths 0 to 8 */
void shale_bitpack_read_u32(struct shale_str bytes, unsigned bit_width, size_t skip, uint32_t *out,
                            size_t n); /* 0 to 32 */
void shale_bitpack_read_u64(struct shale_str bytes, unsigned bit_width, size_t skip, uint64_t *out,
                            size_t n); /* 0 to 64 */

/* Write 'n' values, each below 2^bit_width (widths 0 to 32, and 0 to 64), lowest bit first, and
 * fill the last byte with zeros: shale_bitpack_bytes() at 'out'.  Returns where they end. */
uint8_t *shale_bitpack_write_u32(uint8_t *out, const uint32_t *values, size_t n,
                                 unsigned bit_width);
uint8_t *shale_bitpack_write_u64(uint8_t *out, const uint64_t *values, size_t n,
                                 unsigned bit_width);

/* Levels as BIT_PACKED has them: 'n' of 'bit_width' bits (0 to 8), the highest bit first.  They
 * take shale_bitpack_bytes().  Returns false, with nothing read, when 'bytes' has not as many. */
SHALE_MUST_USE bool shale_bitpack_read_levels(struct shale_str bytes, unsigned bit_width,
                                              uint8_t *out, size_t n);

#endif
