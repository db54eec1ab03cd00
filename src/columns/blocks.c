/* SPDX-License-Identifier: MIT */
/* Memory in blocks. */
#include "columns/blocks.h"

#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 64 };

struct shale_block {
    struct shale_block *next;
};

struct shale_blocks *shale_blocks_new(const struct shale_mem *mem)
{
    struct shale_blocks *blocks = shale_mem_zeroed(mem, 1, sizeof *blocks);
    if (blocks == NULL)
        return NULL;
    blocks->mem = mem;
    atomic_init(&blocks->n_shares, 1);
    return blocks;
}

void *shale_blocks_alloc(struct shale_blocks *blocks, size_t n, size_t element_bytes)
{
    struct shale_block *block;
    size_t n_bytes;
    uintptr_t at;
    if (__builtin_mul_overflow(n, element_bytes, &n_bytes) ||
        n_bytes > SIZE_MAX - sizeof *block - 3 * ALIGNMENT)
        return NULL;
    n_bytes += sizeof *block + 2 * ALIGNMENT;
    block = shale_mem_alloc(blocks->mem, n_bytes);
    if (block == NULL)
        return NULL;
    block->next = blocks->first;
    blocks->first = block;
    blocks->n_bytes += n_bytes;
    at = (uintptr_t)(block + 1);
    return (char *)(block + 1) + (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT;
}

void *shale_blocks_zeroed(struct shale_blocks *blocks, size_t n, size_t element_bytes)
{
    void *data = shale_blocks_alloc(blocks, n, element_bytes);
    if (data != NULL)
        memset(data, 0, n * element_bytes);
    return data;
}

void shale_blocks_share(struct shale_blocks *blocks)
{
    (void)atomic_fetch_add(&blocks->n_shares, 1);
}

void shale_blocks_release(struct shale_blocks *blocks)
{
    const struct shale_mem *mem;
    if (blocks == NULL || atomic_fetch_sub(&blocks->n_shares, 1) != 1)
        return;
    mem = blocks->mem;
    for (struct shale_block *block = blocks->first; block != NULL;) {
        struct shale_block *next = block->next;
        shale_mem_free(mem, block);
        block = next;
    }
    shale_mem_free(mem, blocks);
}
