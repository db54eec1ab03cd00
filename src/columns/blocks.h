/* SPDX-License-Identifier: MIT */
/* Private to columns: memory in blocks of exactly what was asked for, given back together by the
 * last of those who share it (arrays of the Arrow C interface can be moved out of their parents, so
 * that each of them holds a share).  Only release() may be called by several threads at once. */
#ifndef SHALE_COLUMNS_BLOCKS_H
#define SHALE_COLUMNS_BLOCKS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/mem.h"

struct shale_block;

struct shale_blocks {
    const struct shale_mem *mem;
    struct shale_block *first;
    size_t n_bytes; /* of all blocks */
    atomic_size_t n_shares;
};

/* With one share; NULL without memory. */
struct shale_blocks *shale_blocks_new(const struct shale_mem *mem);

/* Uninitialised, aligned to 64 bytes as Arrow likes its buffers (at least 64 bytes, so that there
 * is always an address); NULL without memory or on overflow. */
void *shale_blocks_alloc(struct shale_blocks *blocks, size_t n, size_t element_bytes);
void *shale_blocks_zeroed(struct shale_blocks *blocks, size_t n, size_t element_bytes);

void shale_blocks_share(struct shale_blocks *blocks);
/* Give a share back; NULL is fine. */
void shale_blocks_release(struct shale_blocks *blocks);

#endif
