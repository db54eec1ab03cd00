/* SPDX-License-Identifier: MIT */
/* What is inside a page: every encoding's reader, and decompression, on bytes of any kind.  Read at
 * once and in pieces must be the same, or both must fail.
 *
 *     input   kind, width, two bytes of a count, one of a piece; then the bytes that are read */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "parquet/bitpack.h"
#include "parquet/bloom.h"
#include "parquet/delta.h"
#include "parquet/rle.h"
#include "parquet/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 5, CAP = 1 << 20 };

struct input {
    struct shale_str bytes;
    unsigned width;
    size_t n, piece; /* values, and how many are read at a time */
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void *room(size_t n, size_t width)
{
    void *out = malloc(n * width + 1);
    check(out != NULL);
    return out;
}

static void run_rle(const struct input *in)
{
    struct shale_rle_reader reader;
    uint32_t *all = room(in->n, 4), *some = room(in->n, 4);
    size_t at = 0;
    bool whole, pieces = true;
    shale_rle_reader_init(&reader, in->bytes, in->width % 33);
    whole = shale_rle_read_u32(&reader, all, in->n);
    shale_rle_reader_init(&reader, in->bytes, in->width % 33);
    while (at < in->n && pieces) {
        size_t n = in->n - at < in->piece ? in->n - at : in->piece, left;
        bool same;
        uint32_t value;
        if (at % 3 == 2 && shale_rle_run(&reader, &left, &same, &value)) {
            n = left < n ? left : n;
            check(left > 0);
            if (same && whole)
                for (size_t i = 0; i < n; i++)
                    check(all[at + i] == value);
            pieces = shale_rle_skip(&reader, n);
            if (whole)
                memcpy(some + at, all + at, n * sizeof(*all));
        } else {
            pieces = shale_rle_read_u32(&reader, some + at, n);
        }
        at += n;
    }
    check(whole == pieces);
    check(!whole || memcmp(all, some, in->n * sizeof(*all)) == 0);
    free(all);
    free(some);
}

static void run_levels(const struct input *in)
{
    struct shale_rle_reader reader;
    struct shale_str bytes = in->bytes, runs;
    uint8_t *out = room(in->n, 1);
    if (shale_rle_cut(&bytes, &runs)) {
        shale_rle_reader_init(&reader, runs, in->width % 9);
        (void)!shale_rle_read_u8(&reader, out, in->n);
        (void)!shale_rle_read_u8(&reader, out, in->n);
    }
    (void)!shale_bitpack_read_levels(in->bytes, in->width % 9, out, in->n);
    free(out);
}

static void run_delta(const struct input *in)
{
    struct shale_delta_reader reader;
    int64_t *all = room(in->n, 8);
    int32_t *some = room(in->n, 4);
    uint64_t n = 0;
    if (shale_delta_open(&reader, in->bytes, in->n, &n) == SHALE_OK) {
        struct shale_delta_reader again = reader, skip = reader;
        bool whole = shale_delta_read_i64(&reader, all, (size_t)n), pieces = true;
        check(shale_delta_skip(&skip, n) == whole);
        check(!whole || shale_delta_rest(&reader).n_bytes <= in->bytes.n_bytes);
        for (size_t at = 0; at < n && pieces; at += in->piece)
            pieces = shale_delta_read_i32(&again, some + at,
                                          n - at < in->piece ? (size_t)n - at : in->piece);
        check(whole == pieces);
        for (size_t i = 0; i < n && whole; i++)
            check((int32_t)all[i] == some[i]);
    }
    free(all);
    free(some);
}

static enum shale_status read_strings(const struct input *in, bool prefixes, size_t width,
                                      size_t piece, struct shale_buf *data, int32_t *ends)
{
    struct shale_delta_strings strings;
    uint64_t n = 0;
    enum shale_status status =
        shale_delta_strings_open(&strings, &shale_mem_libc, in->bytes, prefixes, in->n, &n);
    for (size_t at = 0; at < n && status == SHALE_OK; at += piece)
        status = shale_delta_strings_read(&strings, width, n - at < piece ? (size_t)n - at : piece,
                                          data, ends + at);
    shale_delta_strings_fini(&strings);
    return status;
}

static void run_strings(const struct input *in, bool prefixes)
{
    const size_t width = in->width % 20;
    struct shale_buf all, some;
    int32_t *ends = room(in->n, 4), *again = room(in->n, 4);
    enum shale_status whole, pieces;
    shale_buf_init(&all, &shale_mem_libc, CAP);
    shale_buf_init(&some, &shale_mem_libc, CAP);
    whole = read_strings(in, prefixes, width, in->n + 1, &all, ends);
    pieces = read_strings(in, prefixes, width, in->piece, &some, again);
    /* At the cap it depends on the piece which is seen first, the cap or damage behind it. */
    check((whole == SHALE_OK) == (pieces == SHALE_OK) || whole == SHALE_LIMIT ||
          pieces == SHALE_LIMIT);
    if (whole == SHALE_OK && pieces == SHALE_OK)
        check(all.n_bytes == some.n_bytes &&
              (all.n_bytes == 0 || memcmp(all.data, some.data, all.n_bytes) == 0));
    shale_buf_fini(&all);
    shale_buf_fini(&some);
    free(ends);
    free(again);
}

static void run_split(const struct input *in)
{
    char *out = room(in->n, in->width + 1);
    (void)!shale_split_read(in->bytes, in->width, in->piece, in->n, out);
    (void)!shale_split_read(in->bytes, in->width, 0, in->n, out);
    if (in->bytes.n_bytes >= SHALE_BLOOM_BLOCK_BYTES)
        (void)shale_bloom_holds(in->bytes.data, in->bytes.n_bytes / 32 * 32,
                                shale_bloom_hash(&in->n, sizeof(in->n)));
    free(out);
}

static void run_page(const struct input *in, enum shale_codec codec)
{
    struct shale_decoder *decoder;
    char *out = room(in->n, 1);
    enum shale_status first;
    check(shale_decoder_new(&shale_mem_libc, &decoder) == SHALE_OK);
    first = shale_page_decompress(decoder, codec, in->bytes.data, in->bytes.n_bytes, out, in->n);
    check(first == SHALE_OK || first == SHALE_CORRUPT);
    check(shale_page_decompress(decoder, codec, in->bytes.data, in->bytes.n_bytes, out, in->n) ==
          first);
    shale_decoder_free(decoder);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in;
    if (size < HEADER)
        return 0;
    in = (struct input){{(const char *)data + HEADER, size - HEADER},
                        data[1],
                        data[2] | (size_t)data[3] << 8,
                        (size_t)data[4] + 1};
    switch (data[0] % 12) {
    case 0:
        run_rle(&in);
        break;
    case 1:
        run_levels(&in);
        break;
    case 2:
        run_delta(&in);
        break;
    case 3:
        run_strings(&in, false);
        break;
    case 4:
        run_strings(&in, true);
        break;
    case 5:
        run_split(&in);
        break;
    default:
        run_page(&in, (enum shale_codec)(data[0] % 12 - 6));
        break;
    }
    return 0;
}
