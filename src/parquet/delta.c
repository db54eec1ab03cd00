/* SPDX-License-Identifier: MIT */
/* Writing the delta encodings. */
#include "parquet/delta.h"

#include <string.h>

#include "parquet/bitpack.h"

enum {
    BLOCK = 128,
    MINIBLOCKS = 4,
    MINIBLOCK = BLOCK / MINIBLOCKS,
    VARINT_BYTES = 10,
    HEADER_BYTES = 4 * VARINT_BYTES,
    BLOCK_BYTES = VARINT_BYTES + MINIBLOCKS + BLOCK * 8, /* at most */
};

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *out++ = (uint8_t)(value | 0x80);
    *out++ = (uint8_t)value;
    return out;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

/* A block of deltas, 'n' of them in use; what is behind them is filled up here.  Deltas are
 * relative to the least; each miniblock has the width of its largest. */
static uint8_t *put_block(uint8_t *out, uint64_t *deltas, size_t n, int64_t least)
{
    uint8_t *widths;
    for (size_t i = 0; i < n; i++)
        deltas[i] -= (uint64_t)least;
    for (size_t i = n; i < BLOCK; i++)
        deltas[i] = 0;
    out = put_varint(out, zigzag(least));
    widths = out;
    out += MINIBLOCKS;
    for (size_t m = 0; m < MINIBLOCKS; m++) {
        const uint64_t *some = deltas + m * MINIBLOCK;
        uint64_t all = 0;
        for (size_t i = 0; i < MINIBLOCK; i++)
            all |= some[i];
        widths[m] = (uint8_t)(all == 0 ? 0 : 64 - __builtin_clzll(all));
        out = shale_bitpack_write_u64(out, some, MINIBLOCK, widths[m]);
    }
    return out;
}

static enum shale_status begin(struct shale_buf *out, size_t n, int64_t first)
{
    uint8_t header[HEADER_BYTES], *end = header;
    end = put_varint(end, BLOCK);
    end = put_varint(end, MINIBLOCKS);
    end = put_varint(end, n);
    end = put_varint(end, zigzag(first));
    return shale_buf_append(out, header, (size_t)(end - header));
}

/* An INT32's deltas are taken modulo 2^32: no width is over 32 then. */
static inline enum shale_status finish_block(struct shale_buf *out, uint64_t *deltas, size_t n,
                                             int64_t least)
{
    enum shale_status status = shale_buf_reserve(out, BLOCK_BYTES);
    if (status != SHALE_OK)
        return status;
    out->n_bytes =
        (size_t)((char *)put_block((uint8_t *)out->data + out->n_bytes, deltas, n, least) -
                 out->data);
    return SHALE_OK;
}

enum shale_status shale_delta_i64(struct shale_buf *out, const int64_t *values, size_t n)
{
    uint64_t deltas[BLOCK];
    enum shale_status status = begin(out, n, n == 0 ? 0 : values[0]);
    for (size_t at = 1; at < n && status == SHALE_OK; at += BLOCK) {
        const size_t some = n - at < BLOCK ? n - at : BLOCK;
        int64_t least = INT64_MAX;
        for (size_t i = 0; i < some; i++) {
            deltas[i] = (uint64_t)values[at + i] - (uint64_t)values[at + i - 1];
            if ((int64_t)deltas[i] < least)
                least = (int64_t)deltas[i];
        }
        status = finish_block(out, deltas, some, least);
    }
    return status;
}

enum shale_status shale_delta_i32(struct shale_buf *out, const int32_t *values, size_t n)
{
    uint64_t deltas[BLOCK];
    enum shale_status status = begin(out, n, n == 0 ? 0 : values[0]);
    for (size_t at = 1; at < n && status == SHALE_OK; at += BLOCK) {
        const size_t some = n - at < BLOCK ? n - at : BLOCK;
        int32_t least = INT32_MAX;
        for (size_t i = 0; i < some; i++) {
            int32_t delta = (int32_t)((uint32_t)values[at + i] - (uint32_t)values[at + i - 1]);
            deltas[i] = (uint64_t)(int64_t)delta;
            if (delta < least)
                least = delta;
        }
        status = finish_block(out, deltas, some, least);
    }
    return status;
}

/* ---- BYTE_ARRAY --------------------------------------------------------------------------------
 */

/* The value at the front of '*plain', cut off. */
static struct shale_str next_value(struct shale_str *plain, size_t width)
{
    struct shale_str value = {plain->data, width};
    if (width == 0) {
        uint32_t length;
        memcpy(&length, plain->data, sizeof(length));
        value = (struct shale_str){plain->data + sizeof(length), length};
    }
    plain->n_bytes -= (size_t)(value.data + value.n_bytes - plain->data);
    plain->data = value.data + value.n_bytes;
    return value;
}

enum shale_status shale_delta_lengths(struct shale_buf *out, struct shale_str plain, size_t n,
                                      struct shale_buf *scratch)
{
    struct shale_str rest = plain;
    int32_t *lengths;
    enum shale_status status;
    shale_buf_reset(scratch);
    status = shale_buf_reserve(scratch, n * sizeof(*lengths));
    if (status != SHALE_OK)
        return status;
    lengths = (int32_t *)(void *)scratch->data;
    for (size_t i = 0; i < n; i++)
        lengths[i] = (int32_t)next_value(&rest, 0).n_bytes;
    status = shale_delta_i32(out, lengths, n);
    if (status == SHALE_OK)
        status = shale_buf_reserve(out, plain.n_bytes - n * sizeof(uint32_t));
    if (status != SHALE_OK)
        return status;
    for (rest = plain; rest.n_bytes > 0;) {
        struct shale_str value = next_value(&rest, 0);
        if (value.n_bytes > 0)
            memcpy(out->data + out->n_bytes, value.data, value.n_bytes);
        out->n_bytes += value.n_bytes;
    }
    return SHALE_OK;
}

static size_t common(struct shale_str a, struct shale_str b)
{
    const size_t most = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
    size_t n = 0;
    for (; n + 8 <= most; n += 8) {
        uint64_t left, right;
        memcpy(&left, a.data + n, sizeof(left));
        memcpy(&right, b.data + n, sizeof(right));
        if (left != right)
            return n + (size_t)__builtin_ctzll(left ^ right) / 8;
    }
    while (n < most && a.data[n] == b.data[n])
        n++;
    return n;
}

size_t shale_delta_shared(struct shale_str plain)
{
    struct shale_str before = {NULL, 0};
    size_t n = 0;
    while (plain.n_bytes > 0) {
        struct shale_str value = next_value(&plain, 0);
        n += common(before, value);
        before = value;
    }
    return n;
}

enum shale_status shale_delta_prefixes(struct shale_buf *out, struct shale_str plain, size_t width,
                                       size_t n, struct shale_buf *scratch)
{
    struct shale_str rest = plain, before = {NULL, 0};
    int32_t *prefixes, *lengths;
    enum shale_status status;
    shale_buf_reset(scratch);
    status =
        shale_buf_reserve(scratch, (2 * n + 1) * sizeof(*lengths)); /* of no values: not NULL */
    if (status != SHALE_OK)
        return status;
    prefixes = (int32_t *)(void *)scratch->data;
    lengths = prefixes + n;
    for (size_t i = 0; i < n; i++) {
        struct shale_str value = next_value(&rest, width);
        prefixes[i] = (int32_t)common(before, value);
        lengths[i] = (int32_t)value.n_bytes - prefixes[i];
        before = value;
    }
    status = shale_delta_i32(out, prefixes, n);
    if (status == SHALE_OK)
        status = shale_delta_i32(out, lengths, n);
    rest = plain;
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status =
            shale_buf_append(out, next_value(&rest, width).data + prefixes[i], (size_t)lengths[i]);
    return status;
}
