/* SPDX-License-Identifier: MIT */
/* Private to parquet: the RLE / bit-packing hybrid (parquet-format, Encodings.md). */
#ifndef SHALE_PARQUET_RLE_H
#define SHALE_PARQUET_RLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

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

/* ---- Reading ----------------------------------------------------------------------------------
 *
 * From bytes that are not trusted: nothing behind them is read.  A value of a run may be larger
 * than 2^bit_width - 1, and any value larger than the largest level or index: the caller looks. */

struct shale_rle_reader {
    const uint8_t *at, *end; /* borrowed: what follows the run in hand */
    uint64_t n_run;          /* values left of the run in hand */
    struct shale_str packed; /* of a bit-packed run, all its bytes */
    size_t n_taken;          /* values of 'packed' that were taken */
    bool is_packed;
    uint32_t value; /* of an RLE run */
    unsigned bit_width;
};

/* 'bit_width' 0 to 32; with 0 bits there are any number of zeros, whatever 'bytes' holds. */
void shale_rle_reader_init(struct shale_rle_reader *reader, struct shale_str bytes,
                           unsigned bit_width);

/* The next 'n' values.  Returns false when the bytes end before, or are no runs; what 'out' then
 * holds means nothing, and later calls fail as well.  u8: for widths up to 8. */
SHALE_MUST_USE bool shale_rle_read_u32(struct shale_rle_reader *reader, uint32_t *out, size_t n);
SHALE_MUST_USE bool shale_rle_read_u8(struct shale_rle_reader *reader, uint8_t *out, size_t n);
SHALE_MUST_USE bool shale_rle_skip(struct shale_rle_reader *reader, size_t n);

/* The run in hand: '*n' (> 0) values are left of it, and, when this returns true with '*same', each
 * is '*value'; shale_rle_skip() moves over them.  Returns false when there is no further run. */
SHALE_MUST_USE bool shale_rle_run(struct shale_rle_reader *reader, size_t *n, bool *same,
                                  uint32_t *value);

/* Cut runs with their length in 4 bytes before them (levels of a data page v1, RLE booleans) off
 * the front of 'bytes'.  Returns false, with nothing cut, when there are fewer bytes than it says.
 */
SHALE_MUST_USE bool shale_rle_cut(struct shale_str *bytes, struct shale_str *runs);

#endif
