/* SPDX-License-Identifier: MIT */
/* Private to parquet: the split-block bloom filter (parquet-format, BloomFilter.md): blocks of 32
 * bytes, xxHash64 with seed 0 of a value's PLAIN bytes (a BYTE_ARRAY's without its length).
 *
 * A filter is filled at its largest size, 1 MiB, and then folded: a value's block is the upper bits
 * of its hash scaled by the number of blocks, so that half as many blocks hold the OR of each two
 * neighbours.  How many distinct values there are need not be known before, and the bytes depend on
 * the set of the values alone. */
#ifndef SHALE_PARQUET_BLOOM_H
#define SHALE_PARQUET_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"

enum { SHALE_BLOOM_BLOCK_BYTES = 32, SHALE_BLOOM_MOST_BYTES = 1 << 20 };

uint64_t shale_bloom_hash(const void *value, size_t n_bytes);

/* Is the hash in the filter of 'n_bytes' (a multiple of 32, not 0) at 'filter'?  As a file has it:
 * any alignment. */
bool shale_bloom_holds(const void *filter, size_t n_bytes, uint64_t hash);

struct shale_bloom {
    const struct shale_mem *mem;
    uint32_t *words; /* owned: SHALE_BLOOM_MOST_BYTES, little-endian as in the file; NULL unused */
};

void shale_bloom_init(struct shale_bloom *bloom, const struct shale_mem *mem);
void shale_bloom_fini(struct shale_bloom *bloom);

/* An empty filter.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_bloom_begin(struct shale_bloom *bloom);

void shale_bloom_put(struct shale_bloom *bloom, uint64_t hash);

/* Fold to the smallest power of two of bytes in which, as it is filled, a value that is not there
 * is found with a probability of at most one in 'one_in' (100 is usual); 1 MiB when none is as
 * small. A fold is final: begin() anew.  The bytes are good until then. */
struct shale_str shale_bloom_finish(struct shale_bloom *bloom, unsigned one_in);

#endif
