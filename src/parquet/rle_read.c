/* SPDX-License-Identifier: MIT */
/* Reading the RLE / bit-packing hybrid, run by run. */
#include "parquet/rle.h"

#include <assert.h>
#include <string.h>

#include "parquet/bitpack.h"

void shale_rle_reader_init(struct shale_rle_reader *reader, struct shale_str bytes,
                           unsigned bit_width)
{
    assert(bit_width <= 32);
    *reader = (struct shale_rle_reader){.bit_width = bit_width};
    if (bytes.n_bytes > 0) {
        reader->at = (const uint8_t *)bytes.data;
        reader->end = reader->at + bytes.n_bytes;
    }
    if (bit_width == 0)
        reader->n_run = UINT64_MAX;
}

/* A ULEB128 number of up to 63 bits. */
static bool take_varint(struct shale_rle_reader *reader, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint8_t byte;
        if (reader->at == reader->end)
            return false;
        byte = *reader->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Some writers cut the last group short: what is left of it counts. */
static void open_packed(struct shale_rle_reader *reader, uint64_t n_groups)
{
    const size_t n_left = (size_t)(reader->end - reader->at);
    const size_t n_bytes =
        n_groups > n_left / reader->bit_width ? n_left : (size_t)n_groups * reader->bit_width;
    reader->is_packed = true;
    reader->packed = (struct shale_str){(const char *)reader->at, n_bytes};
    reader->n_taken = 0;
    reader->n_run =
        n_bytes / reader->bit_width * 8 + n_bytes % reader->bit_width * 8 / reader->bit_width;
    reader->at += n_bytes;
}

static bool open_repeated(struct shale_rle_reader *reader, uint64_t n)
{
    const unsigned n_bytes = (reader->bit_width + 7) / 8;
    if ((size_t)(reader->end - reader->at) < n_bytes)
        return false;
    reader->is_packed = false;
    reader->value = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        reader->value |= (uint32_t)reader->at[i] << (8 * i);
    reader->at += n_bytes;
    reader->n_run = n;
    return true;
}

/* Have a run with values in hand. */
static bool open_run(struct shale_rle_reader *reader)
{
    while (reader->n_run == 0) {
        uint64_t header;
        if (!take_varint(reader, &header)) {
            reader->at = reader->end;
            return false;
        }
        if ((header & 1) != 0)
            open_packed(reader, header >> 1);
        else if (!open_repeated(reader, header >> 1))
            return false;
    }
    return true;
}

static void take(struct shale_rle_reader *reader, size_t n)
{
    if (reader->bit_width == 0)
        return;
    reader->n_run -= n;
    reader->n_taken += n;
}

static size_t most(const struct shale_rle_reader *reader, size_t n)
{
    return reader->n_run < n ? (size_t)reader->n_run : n;
}

bool shale_rle_read_u32(struct shale_rle_reader *reader, uint32_t *out, size_t n)
{
    while (n > 0) {
        size_t some;
        if (!open_run(reader))
            return false;
        some = most(reader, n);
        if (reader->is_packed)
            shale_bitpack_read_u32(reader->packed, reader->bit_width, reader->n_taken, out, some);
        else
            for (size_t i = 0; i < some; i++)
                out[i] = reader->value;
        take(reader, some);
        out += some;
        n -= some;
    }
    return true;
}

bool shale_rle_read_u8(struct shale_rle_reader *reader, uint8_t *out, size_t n)
{
    assert(reader->bit_width <= 8);
    while (n > 0) {
        size_t some;
        if (!open_run(reader))
            return false;
        some = most(reader, n);
        if (reader->is_packed)
            shale_bitpack_read_u8(reader->packed, reader->bit_width, reader->n_taken, out, some);
        else
            memset(out, (int)reader->value, some);
        take(reader, some);
        out += some;
        n -= some;
    }
    return true;
}

bool shale_rle_skip(struct shale_rle_reader *reader, size_t n)
{
    while (n > 0) {
        size_t some;
        if (!open_run(reader))
            return false;
        some = most(reader, n);
        take(reader, some);
        n -= some;
    }
    return true;
}

bool shale_rle_run(struct shale_rle_reader *reader, size_t *n, bool *same, uint32_t *value)
{
    if (!open_run(reader))
        return false;
    *n = most(reader, SIZE_MAX);
    *same = !reader->is_packed;
    *value = reader->value;
    return true;
}

bool shale_rle_cut(struct shale_str *bytes, struct shale_str *runs)
{
    uint32_t length;
    if (bytes->n_bytes < sizeof(length))
        return false;
    memcpy(&length, bytes->data, sizeof(length));
    if (length > bytes->n_bytes - sizeof(length))
        return false;
    *runs = (struct shale_str){bytes->data + sizeof(length), length};
    bytes->data += sizeof(length) + length;
    bytes->n_bytes -= sizeof(length) + length;
    return true;
}
