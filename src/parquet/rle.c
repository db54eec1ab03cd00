/* SPDX-License-Identifier: MIT */
/* The RLE / bit-packing hybrid.  What is left of a run once the open group of eight is full becomes
 * an RLE run when it is still eight values or more; all else is bit-packed. */
#include "parquet/rle.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "parquet/bitpack.h"

/* One run's bytes are made in room that was reserved for the worst case before. */
struct cursor {
    uint8_t *at;
    const void *values;
    bool bytes; /* values are uint8_t, else uint32_t */
    unsigned bit_width;
};

static inline uint32_t value_at(const struct cursor *cursor, size_t i)
{
    return cursor->bytes ? ((const uint8_t *)cursor->values)[i]
                         : ((const uint32_t *)cursor->values)[i];
}

static inline void put_varint(struct cursor *cursor, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *cursor->at++ = (uint8_t)(value | 0x80);
    *cursor->at++ = (uint8_t)value;
}

/* Whole groups of eight; up to eight bytes behind them are written over. */
static inline void put_groups(struct cursor *cursor, const void *values, size_t n_groups)
{
    const uint8_t *bytes = values;
    if (!cursor->bytes) {
        cursor->at = shale_bitpack_write_u32(cursor->at, values, n_groups * 8, cursor->bit_width);
        return;
    }
    for (size_t g = 0; g < n_groups; g++) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 8; i++)
            bits |= (uint64_t)bytes[g * 8 + i] << (i * cursor->bit_width);
        memcpy(cursor->at, &bits, sizeof(bits));
        cursor->at += cursor->bit_width;
    }
}

/* Values from 'begin' to 'end' in groups of eight, the last filled with zeros. */
static inline void put_packed(struct cursor *cursor, size_t begin, size_t end)
{
    const size_t n = end - begin, width = cursor->bytes ? sizeof(uint8_t) : sizeof(uint32_t);
    const char *values;
    if (n == 0)
        return;
    values = (const char *)cursor->values + begin * width;
    put_varint(cursor, (uint64_t)((n + 7) / 8) << 1 | 1);
    put_groups(cursor, values, n / 8);
    if (n % 8 > 0) {
        uint32_t last[8] = {0};
        memcpy(last, values + n / 8 * 8 * width, n % 8 * width);
        put_groups(cursor, last, 1);
    }
}

static inline void put_run(struct cursor *cursor, uint32_t value, size_t n)
{
    put_varint(cursor, (uint64_t)n << 1);
    for (unsigned bits = 0; bits < cursor->bit_width; bits += 8)
        *cursor->at++ = (uint8_t)(value >> bits);
}

/* Where the run of 'value' ends that goes on at 'at': eight bytes are compared at a time. */
static inline size_t run_end(const struct cursor *cursor, uint32_t value, size_t at, size_t n)
{
    const size_t width = cursor->bytes ? sizeof(uint8_t) : sizeof(uint32_t), step = 8 / width;
    const uint64_t pattern =
        cursor->bytes ? value * 0x0101010101010101u : (uint64_t)value << 32 | value;
    for (; at + step <= n; at += step) {
        uint64_t next;
        memcpy(&next, (const char *)cursor->values + at * width, sizeof(next));
        if (next != pattern)
            break;
    }
    while (at < n && value_at(cursor, at) == value)
        at++;
    return at;
}

static inline void encode(struct cursor *cursor, size_t n)
{
    size_t packed = 0; /* from here on nothing is written yet */
    for (size_t i = 0; i < n;) {
        uint32_t value = value_at(cursor, i);
        size_t end = i + 1, fill = (8 - (i - packed) % 8) % 8;
        if (end < n && value_at(cursor, end) == value)
            end = run_end(cursor, value, end, n);
        if (end - i >= fill + 8) {
            put_packed(cursor, packed, i + fill);
            put_run(cursor, value, end - i - fill);
            packed = end;
        }
        i = end;
    }
    put_packed(cursor, packed, n);
}

/* Each eight values cost bit_width bytes packed or up to four in a run, and no more than one byte
 * of a header: a header of k bytes counts over 8^(k-1) groups.  The two: the last, partial group.
 * The word: put_groups().
 */
static size_t worst_case(size_t n, unsigned bit_width)
{
    return (n / 8 + 2) * (bit_width + 5u) + sizeof(uint64_t);
}

static enum shale_status reserve(struct shale_buf *out, size_t n, unsigned bit_width)
{
    assert(bit_width >= 1 && bit_width <= 32);
    if (n > SIZE_MAX / 64)
        return SHALE_LIMIT;
    return shale_buf_reserve(out, worst_case(n, bit_width));
}

enum shale_status shale_rle_levels(struct shale_buf *out, const uint8_t *values, size_t n,
                                   unsigned bit_width)
{
    enum shale_status status = reserve(out, n, bit_width);
    struct cursor cursor = {.values = values, .bytes = true, .bit_width = bit_width};
    if (status != SHALE_OK)
        return status;
    cursor.at = (uint8_t *)out->data + out->n_bytes;
    encode(&cursor, n);
    out->n_bytes = (size_t)((char *)cursor.at - out->data);
    return SHALE_OK;
}

enum shale_status shale_rle_indexes(struct shale_buf *out, const uint32_t *values, size_t n,
                                    unsigned bit_width)
{
    enum shale_status status = reserve(out, n, bit_width);
    struct cursor cursor = {.values = values, .bytes = false, .bit_width = bit_width};
    if (status != SHALE_OK)
        return status;
    cursor.at = (uint8_t *)out->data + out->n_bytes;
    encode(&cursor, n);
    out->n_bytes = (size_t)((char *)cursor.at - out->data);
    return SHALE_OK;
}
