/* SPDX-License-Identifier: MIT */
/* Private to parquet: the RLE / bit-packing hybrid (parquet-format, Encodings.md). */
#ifndef SHALE_PARQUET_RLE_H
#define SHALE_PARQUET_RLE_H

#include <stdint.h>

#include "base/buf.h"

/* Bits that 'largest' needs, 0 for 0. */
static inline unsigned shale_bit_width(uint32_t largest)
{
    return largest == 0 ? 0 : 32u - (unsigned)__builtin_clz(largest);
}

/* Append 'n' values of 'bit_width' bits (1 to 32) behind 'out': levels, or dictionary indexes.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (out's cap). */
SHALE_MUST_USE enum shale_status shale_rle_levels(struct shale_buf *out, const uint8_t *values,
                                                  size_t n, unsigned bit_width);
SHALE_MUST_USE enum shale_status shale_rle_indexes(struct shale_buf *out, const uint32_t *values,
                                                   size_t n, unsigned bit_width);

#endif
