/* SPDX-License-Identifier: MIT */
/* Reading DELTA_BINARY_PACKED, miniblock by miniblock. */
#include "parquet/delta.h"

#include <assert.h>
#include <string.h>

#include "parquet/bitpack.h"

/* Deltas are unpacked this many at a time. */
enum { SOME = 256 };

static void cut(struct shale_str *bytes, size_t n)
{
    bytes->data += n;
    bytes->n_bytes -= n;
}

/* ULEB128 of up to 64 bits. */
static bool take_varint(struct shale_str *bytes, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 10 && i < bytes->n_bytes; i++) {
        uint8_t byte = (uint8_t)bytes->data[i];
        if (i == 9 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            cut(bytes, i + 1);
            return true;
        }
    }
    return false;
}

static bool take_zigzag(struct shale_str *bytes, uint64_t *value)
{
    uint64_t coded;
    if (!take_varint(bytes, &coded))
        return false;
    *value = coded >> 1 ^ (0 - (coded & 1));
    return true;
}

enum shale_status shale_delta_open(struct shale_delta_reader *reader, struct shale_str bytes,
                                   uint64_t most, uint64_t *n)
{
    uint64_t n_miniblocks = 0;
    *reader = (struct shale_delta_reader){.bytes = bytes, .first = true};
    if (!take_varint(&reader->bytes, &reader->block_values) ||
        !take_varint(&reader->bytes, &n_miniblocks) || !take_varint(&reader->bytes, n))
        return SHALE_CORRUPT;
    if (!take_zigzag(&reader->bytes, &reader->last) && *n > 0)
        return SHALE_CORRUPT;
    if (*n > most || reader->block_values == 0 || reader->block_values > INT32_MAX ||
        reader->block_values % 128 != 0 || n_miniblocks == 0 ||
        reader->block_values % n_miniblocks != 0)
        return SHALE_CORRUPT;
    reader->miniblock_values = reader->block_values / n_miniblocks;
    if (reader->miniblock_values % 32 != 0)
        return SHALE_CORRUPT;
    reader->n_left = *n;
    return SHALE_OK;
}

static bool open_block(struct shale_delta_reader *reader)
{
    const uint64_t n_miniblocks = reader->block_values / reader->miniblock_values;
    if (!take_zigzag(&reader->bytes, &reader->min_delta) || reader->bytes.n_bytes < n_miniblocks)
        return false;
    reader->widths = (struct shale_str){reader->bytes.data, (size_t)n_miniblocks};
    cut(&reader->bytes, (size_t)n_miniblocks);
    return true;
}

/* Have a miniblock with deltas in hand.  The last one is filled up with anything; that it may be
 * cut behind the last value is not in the format, but costs nothing to take. */
static bool open_miniblock(struct shale_delta_reader *reader)
{
    uint64_t n_bytes;
    if (reader->n_taken < reader->n_mini)
        return true;
    if (reader->widths.n_bytes == 0 && !open_block(reader))
        return false;
    reader->bit_width = (uint8_t)reader->widths.data[0];
    cut(&reader->widths, 1);
    if (reader->bit_width > 64)
        return false;
    n_bytes = reader->miniblock_values / 8 * reader->bit_width;
    reader->n_taken = 0;
    reader->n_mini =
        reader->miniblock_values < reader->n_left ? reader->miniblock_values : reader->n_left;
    if (shale_bitpack_bytes((size_t)reader->n_mini, reader->bit_width) > reader->bytes.n_bytes)
        return false;
    reader->packed = reader->bytes;
    if (n_bytes < reader->packed.n_bytes)
        reader->packed.n_bytes = (size_t)n_bytes;
    cut(&reader->bytes, reader->packed.n_bytes);
    return true;
}

/* The deltas of up to 'most' values, at most SOME of them; 0: the bytes end. */
static size_t take_deltas(struct shale_delta_reader *reader, size_t most, uint64_t *deltas)
{
    size_t n = most < SOME ? most : SOME;
    if (!open_miniblock(reader))
        return 0;
    if (reader->n_mini - reader->n_taken < n)
        n = (size_t)(reader->n_mini - reader->n_taken);
    shale_bitpack_read_u64(reader->packed, reader->bit_width, (size_t)reader->n_taken, deltas, n);
    reader->n_taken += n;
    reader->n_left -= n;
    return n;
}

/* The first value is in the header. */
static bool take_first(struct shale_delta_reader *reader, size_t n)
{
    if (n == 0 || !reader->first)
        return false;
    reader->first = false;
    reader->n_left--;
    return true;
}

bool shale_delta_read_i64(struct shale_delta_reader *reader, int64_t *out, size_t n)
{
    uint64_t deltas[SOME];
    size_t i = 0;
    if (n > reader->n_left)
        return false;
    if (take_first(reader, n))
        out[i++] = (int64_t)reader->last;
    while (i < n) {
        size_t some = take_deltas(reader, n - i, deltas);
        uint64_t last = reader->last, min_delta = reader->min_delta;
        if (some == 0)
            return false;
        for (size_t k = 0; k < some; k++) {
            last += deltas[k] + min_delta;
            out[i + k] = (int64_t)last;
        }
        reader->last = last;
        i += some;
    }
    return true;
}

bool shale_delta_read_i32(struct shale_delta_reader *reader, int32_t *out, size_t n)
{
    uint64_t deltas[SOME];
    size_t i = 0;
    if (n > reader->n_left)
        return false;
    if (take_first(reader, n))
        out[i++] = (int32_t)reader->last;
    while (i < n) {
        size_t some = take_deltas(reader, n - i, deltas);
        uint64_t last = reader->last, min_delta = reader->min_delta;
        if (some == 0)
            return false;
        for (size_t k = 0; k < some; k++) {
            last += deltas[k] + min_delta;
            out[i + k] = (int32_t)last;
        }
        reader->last = last;
        i += some;
    }
    return true;
}

bool shale_delta_skip(struct shale_delta_reader *reader, uint64_t n)
{
    int64_t values[SOME];
    while (n > 0) {
        size_t some = n < SOME ? (size_t)n : SOME;
        if (!shale_delta_read_i64(reader, values, some))
            return false;
        n -= some;
    }
    return true;
}

struct shale_str shale_delta_rest(const struct shale_delta_reader *reader)
{
    assert(reader->n_left == 0);
    return reader->bytes;
}
