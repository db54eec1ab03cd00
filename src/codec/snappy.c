/* SPDX-License-Identifier: MIT */
/* Blocks of 64 KiB, each for itself, so that a place in one fits 16 bits.  A greedy search with one
 * slot a hash; where it finds nothing for long, it takes longer and longer steps. */
#include "snappy.h"

#include <string.h>

enum {
    BLOCK_BYTES = 1 << 16,
    LEAST_BITS = 8, /* of a table's slots; the most for a full block */
    MOST_BITS = 15,
    MATCH_BYTES = 4, /* the least */
    HASH_BYTES = 5,
    MARGIN = 16, /* the last bytes of a block are not searched: a place there has no eight behind */
    SKIP_BITS = 5,
    NEAR_BYTES = 64, /* a literal of so many is copied by moves of a fixed size */
};

/* Tags, in the lowest two bits of an element's first byte. */
enum { LITERAL = 0, COPY_1 = 1, COPY_2 = 2 };

struct block {
    const uint8_t *begin, *end;
    const uint8_t *limit;   /* the search goes up to here */
    const uint8_t *written; /* what is before it is in the output */
    uint16_t *slots;
    unsigned shift; /* of a hash, to a slot */
    uint8_t *out;
};

struct match {
    const uint8_t *at, *from;
    size_t n_bytes;
};

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint16_t *slot_of(const struct block *block, const uint8_t *at)
{
    const uint64_t key = load8(at) << (64 - 8 * HASH_BYTES);
    return &block->slots[key * 0x9e3779b185ebca87u >> block->shift];
}

static inline void remember(const struct block *block, const uint8_t *at)
{
    *slot_of(block, at) = (uint16_t)(at - block->begin);
}

/* What was last seen with the hash of 'at', which takes its place. */
static inline const uint8_t *candidate(const struct block *block, const uint8_t *at)
{
    uint16_t *slot = slot_of(block, at);
    const uint8_t *from = block->begin + *slot;
    *slot = (uint16_t)(at - block->begin);
    return from;
}

/* How far 'a' and 'b', of which 'b' is the later, are the same. */
static inline size_t common(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    const uint8_t *begin = b;
    for (; end - b >= 8; a += 8, b += 8) {
        const uint64_t differs = load8(a) ^ load8(b);
        if (differs != 0)
            return (size_t)(b - begin) + (size_t)__builtin_ctzll(differs) / 8;
    }
    while (b < end && *a == *b) {
        a++;
        b++;
    }
    return (size_t)(b - begin);
}

/* ---- Elements
 * ------------------------------------------------------------------------------------
 */

static inline void put_literal(struct block *block, const uint8_t *end)
{
    const uint8_t *from = block->written;
    const size_t n = (size_t)(end - from);
    uint8_t *out = block->out;
    if (n <= 60) {
        *out++ = (uint8_t)((n - 1) << 2 | LITERAL);
    } else if (n <= 256) {
        *out++ = 60 << 2 | LITERAL;
        *out++ = (uint8_t)(n - 1);
    } else {
        *out++ = 61 << 2 | LITERAL;
        *out++ = (uint8_t)(n - 1);
        *out++ = (uint8_t)((n - 1) >> 8);
    }
    if (n <= NEAR_BYTES && block->end - from >= NEAR_BYTES) { /* without a call */
        memcpy(out, from, NEAR_BYTES / 4);
        if (n > NEAR_BYTES / 4) {
            memcpy(out + NEAR_BYTES / 4, from + NEAR_BYTES / 4, NEAR_BYTES / 4);
            memcpy(out + NEAR_BYTES / 2, from + NEAR_BYTES / 2, NEAR_BYTES / 2);
        }
    } else {
        memcpy(out, from, n);
    }
    block->out = out + n;
}

static inline uint8_t *put_copy_2(uint8_t *out, size_t offset, size_t n)
{
    *out++ = (uint8_t)((n - 1) << 2 | COPY_2);
    *out++ = (uint8_t)offset;
    *out++ = (uint8_t)(offset >> 8);
    return out;
}

/* An element has up to 64 bytes; the last of several is left at least four, which the short form
 * can say. */
static inline void put_copy(struct block *block, size_t offset, size_t n)
{
    uint8_t *out = block->out;
    for (; n >= 68; n -= 64)
        out = put_copy_2(out, offset, 64);
    if (n > 64) {
        out = put_copy_2(out, offset, 60);
        n -= 60;
    }
    if (n < 12 && offset < 2048) {
        *out++ = (uint8_t)(COPY_1 | (n - MATCH_BYTES) << 2 | offset >> 8 << 5);
        *out++ = (uint8_t)offset;
    } else {
        out = put_copy_2(out, offset, n);
    }
    block->out = out;
}

/* ---- The search
 * ----------------------------------------------------------------------------------
 */

static inline struct match match_of(const struct block *block, const uint8_t *at,
                                    const uint8_t *from)
{
    return (struct match){at, from,
                          MATCH_BYTES + common(from + MATCH_BYTES, at + MATCH_BYTES, block->end)};
}

/* Does the next place have a longer one?  And its next? */
static inline struct match improve(const struct block *block, struct match match)
{
    while (match.at + 1 < block->limit) {
        const uint8_t *at = match.at + 1, *from = block->begin + *slot_of(block, at);
        struct match next;
        if (load4(at) != load4(from))
            break;
        next = match_of(block, at, from);
        if (next.n_bytes <= match.n_bytes + 1)
            break;
        remember(block, at);
        match = next;
    }
    while (match.at > block->written && match.from > block->begin &&
           match.at[-1] == match.from[-1]) {
        match.at--;
        match.from--;
        match.n_bytes++;
    }
    return match;
}

/* The next match from 'at' on; none: at is NULL. */
static inline struct match search(const struct block *block, const uint8_t *at)
{
    size_t skip = 1 << SKIP_BITS;
    while (at < block->limit) {
        const uint8_t *from = candidate(block, at);
        if (load4(at) == load4(from))
            return improve(block, match_of(block, at, from));
        at += skip++ >> SKIP_BITS;
    }
    return (struct match){NULL, NULL, 0};
}

/* Write the match, and those that follow it without a gap. */
static inline void put_matches(struct block *block, struct match match)
{
    while (match.n_bytes > 0) {
        const uint8_t *at = match.at + match.n_bytes, *from;
        put_copy(block, (size_t)(match.at - match.from), match.n_bytes);
        block->written = at;
        if (at >= block->limit)
            return;
        for (size_t back = 1; back <= 3; back++)
            remember(block, at - back);
        from = candidate(block, at);
        match =
            load4(at) == load4(from) ? match_of(block, at, from) : (struct match){NULL, NULL, 0};
    }
}

static uint8_t *compress_block(const uint8_t *data, size_t n_bytes, uint16_t *slots, uint8_t *out)
{
    struct block block = {data, data + n_bytes, data, data, slots, 64 - LEAST_BITS, out};
    while (64 - block.shift < MOST_BITS && (size_t)1 << (64 - block.shift) < n_bytes)
        block.shift--;
    memset(slots, 0, sizeof(*slots) << (64 - block.shift));
    if (n_bytes > MARGIN)
        block.limit = block.end - MARGIN;
    for (;;) {
        const struct match match = search(&block, block.written + 1);
        if (match.at == NULL)
            break;
        if (match.at > block.written)
            put_literal(&block, match.at);
        put_matches(&block, match);
    }
    if (block.written < block.end)
        put_literal(&block, block.end);
    return block.out;
}

uint8_t *shale_snappy_compress(const uint8_t *data, size_t n_bytes, uint16_t *slots, uint8_t *out)
{
    size_t rest = n_bytes;
    for (; rest >= 0x80; rest >>= 7)
        *out++ = (uint8_t)(rest | 0x80);
    *out++ = (uint8_t)rest;
    for (size_t at = 0; at < n_bytes; at += BLOCK_BYTES)
        out = compress_block(data + at, n_bytes - at < BLOCK_BYTES ? n_bytes - at : BLOCK_BYTES,
                             slots, out);
    return out;
}
