/* SPDX-License-Identifier: MIT */
/* The hash is xxHash's, from its header alone. */
#include "parquet/bloom.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { WORDS = 8, MOST_BLOCKS = SHALE_BLOOM_MOST_BYTES / SHALE_BLOOM_BLOCK_BYTES };

uint64_t shale_bloom_hash(const void *value, size_t n_bytes)
{
    return XXH64(value, n_bytes, 0);
}

/* One bit in each of a block's words (BloomFilter.md, the salt). */
static inline uint32_t bit_of(uint64_t hash, unsigned word)
{
    static const uint32_t salt[WORDS] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                         0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
    return (uint32_t)1 << ((uint32_t)hash * salt[word] >> 27);
}

static inline size_t block_of(uint64_t hash, size_t n_blocks)
{
    return (size_t)((hash >> 32) * n_blocks >> 32);
}

bool shale_bloom_holds(const void *filter, size_t n_bytes, uint64_t hash)
{
    const size_t n_blocks = n_bytes / SHALE_BLOOM_BLOCK_BYTES;
    uint32_t block[WORDS], missing = 0;
    assert(n_blocks > 0 && n_blocks <= UINT32_MAX);
    memcpy(block, (const char *)filter + block_of(hash, n_blocks) * sizeof(block), sizeof(block));
    for (unsigned i = 0; i < WORDS; i++)
        missing |= ~block[i] & bit_of(hash, i);
    return missing == 0;
}

void shale_bloom_init(struct shale_bloom *bloom, const struct shale_mem *mem)
{
    *bloom = (struct shale_bloom){.mem = mem};
}

void shale_bloom_fini(struct shale_bloom *bloom)
{
    shale_mem_free(bloom->mem, bloom->words);
    bloom->words = NULL;
}

enum shale_status shale_bloom_begin(struct shale_bloom *bloom)
{
    if (bloom->words == NULL)
        bloom->words = shale_mem_alloc(bloom->mem, SHALE_BLOOM_MOST_BYTES);
    if (bloom->words == NULL)
        return SHALE_NOMEM;
    memset(bloom->words, 0, SHALE_BLOOM_MOST_BYTES);
    return SHALE_OK;
}

void shale_bloom_put(struct shale_bloom *bloom, uint64_t hash)
{
    uint32_t *block = bloom->words + block_of(hash, MOST_BLOCKS) * WORDS;
    for (unsigned i = 0; i < WORDS; i++)
        block[i] |= bit_of(hash, i);
}

/* A block that is not there is found when in each word its one bit is set: the product of the
 * words' shares of set bits.  The sum of all blocks' products, in units of 32^-8, of the filter
 * whose blocks are the ORs of two neighbours among the 'n_blocks'. */
static uint64_t sum_of_chances(const uint32_t *words, size_t n_blocks)
{
    uint64_t sum = 0;
    for (size_t b = 0; b < n_blocks; b += 2) {
        const uint32_t *pair = words + b * WORDS;
        uint64_t product = 1;
        if ((pair[0] | pair[WORDS]) == 0) /* as every word of it: nothing was put there */
            continue;
        for (size_t w = 0; w < WORDS; w++)
            product *= (uint64_t)__builtin_popcount(pair[w] | pair[WORDS + w]);
        sum += product; /* at most 2^14 blocks of 2^40 */
    }
    return sum;
}

/* Each two neighbours become one block. */
static void fold(uint32_t *words, size_t n_blocks)
{
    for (size_t b = 0; b < n_blocks; b += 2) {
        const uint32_t *pair = words + b * WORDS;
        for (size_t w = 0; w < WORDS; w++)
            words[b / 2 * WORDS + w] = pair[w] | pair[WORDS + w];
    }
}

struct shale_str shale_bloom_finish(struct shale_bloom *bloom, unsigned one_in)
{
    const uint64_t unit = (uint64_t)1 << 40;
    size_t n_blocks = MOST_BLOCKS;
    while (n_blocks > 1 && sum_of_chances(bloom->words, n_blocks) <= n_blocks / 2 * unit / one_in) {
        fold(bloom->words, n_blocks);
        n_blocks /= 2;
    }
    return (struct shale_str){(const char *)bloom->words, n_blocks * SHALE_BLOOM_BLOCK_BYTES};
}
