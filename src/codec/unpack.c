/* SPDX-License-Identifier: MIT */
/* Each codec writes at most 'out_bytes' and must make exactly as many. */
#include "unpack.h"

#include <limits.h>
#include <string.h>

#include <libdeflate.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zstd.h>

void shale_unpack_fini(struct shale_unpack *unpack)
{
    libdeflate_free_decompressor(unpack->gzip);
    (void)ZSTD_freeDCtx(unpack->zstd);
    (void)LZ4F_freeDecompressionContext(unpack->lz4_frame);
    *unpack = (struct shale_unpack){0};
}

/* Gzip members one after the other, or one zlib stream (RFC 1950), which some writers call gzip.
 * What follows when all is there is not looked at, as other readers do it. */
static enum shale_status unpack_gzip(struct shale_unpack *unpack, const uint8_t *in, size_t n_in,
                                     uint8_t *out, size_t n_out)
{
    do {
        size_t n_read = 0, n_made = 0;
        enum libdeflate_result result;
        if (n_in >= 2 && in[0] == 0x1f && in[1] == 0x8b)
            result =
                libdeflate_gzip_decompress_ex(unpack->gzip, in, n_in, out, n_out, &n_read, &n_made);
        else
            result =
                libdeflate_zlib_decompress_ex(unpack->gzip, in, n_in, out, n_out, &n_read, &n_made);
        if (result != LIBDEFLATE_SUCCESS)
            return SHALE_CORRUPT;
        in += n_read;
        n_in -= n_read;
        out += n_made;
        n_out -= n_made;
    } while (n_out > 0);
    return SHALE_OK;
}

static enum shale_status unpack_zstd(struct shale_unpack *unpack, const void *in, size_t n_in,
                                     void *out, size_t n_out)
{
    size_t n_made = ZSTD_decompressDCtx(unpack->zstd, out, n_out, in, n_in);
    return !ZSTD_isError(n_made) && n_made == n_out ? SHALE_OK : SHALE_CORRUPT;
}

static enum shale_status unpack_snappy(const void *in, size_t n_in, void *out, size_t n_out)
{
    size_t n_made = 0;
    if (snappy_uncompressed_length(in, n_in, &n_made) != SNAPPY_OK || n_made != n_out ||
        snappy_uncompress(in, n_in, out, &n_made) != SNAPPY_OK || n_made != n_out)
        return SHALE_CORRUPT;
    return SHALE_OK;
}

/* One block.  '*n_made': how much came out of it. */
static enum shale_status unpack_block(const char *in, size_t n_in, char *out, size_t n_out,
                                      size_t *n_made)
{
    int n;
    if (n_in > INT_MAX || n_out > INT_MAX)
        return SHALE_CORRUPT;
    n = LZ4_decompress_safe(in, out, (int)n_in, (int)n_out);
    if (n < 0)
        return SHALE_CORRUPT;
    *n_made = (size_t)n;
    return SHALE_OK;
}

/* ---- The LZ4 of old files ----------------------------------------------------------------------
 *
 * Its framing was never written down (parquet-format, Compression.md): Hadoop's, none, or, from
 * some writers, LZ4's own frame.  What fits to the last byte is taken. */

static size_t big_endian(const char *from)
{
    const uint8_t *bytes = (const uint8_t *)from;
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* Hadoop's: the size of what follows in 4 bytes, then blocks, each behind its stored size in 4
 * bytes, until that size is made; and again. */
static enum shale_status unpack_hadoop(const char *in, size_t n_in, char *out, size_t n_out)
{
    while (n_out > 0 || n_in > 0) {
        size_t n_wanted;
        if (n_in < 8)
            return SHALE_CORRUPT;
        n_wanted = big_endian(in);
        if (n_wanted > n_out)
            return SHALE_CORRUPT;
        in += 4;
        n_in -= 4;
        do {
            size_t n_stored, n_made = 0;
            if (n_in < 4)
                return SHALE_CORRUPT;
            n_stored = big_endian(in);
            if (n_stored > n_in - 4 ||
                unpack_block(in + 4, n_stored, out, n_wanted, &n_made) != SHALE_OK)
                return SHALE_CORRUPT;
            in += 4 + n_stored;
            n_in -= 4 + n_stored;
            out += n_made;
            n_out -= n_made;
            n_wanted -= n_made;
        } while (n_wanted > 0);
    }
    return SHALE_OK;
}

static enum shale_status unpack_frame(struct shale_unpack *unpack, const char *in, size_t n_in,
                                      char *out, size_t n_out)
{
    LZ4F_dctx *frame = unpack->lz4_frame;
    size_t hint = 1;
    LZ4F_resetDecompressionContext(frame);
    while (hint != 0) {
        size_t n_read = n_in, n_made = n_out;
        hint = LZ4F_decompress(frame, out, &n_made, in, &n_read, NULL);
        if (LZ4F_isError(hint) || (hint != 0 && n_read == 0 && n_made == 0))
            return SHALE_CORRUPT;
        in += n_read;
        n_in -= n_read;
        out += n_made;
        n_out -= n_made;
    }
    return n_out == 0 && n_in == 0 ? SHALE_OK : SHALE_CORRUPT;
}

static enum shale_status unpack_raw(const char *in, size_t n_in, char *out, size_t n_out)
{
    size_t n_made = 0;
    enum shale_status status = unpack_block(in, n_in, out, n_out, &n_made);
    return status == SHALE_OK && n_made != n_out ? SHALE_CORRUPT : status;
}

static enum shale_status unpack_old(struct shale_unpack *unpack, const char *in, size_t n_in,
                                    char *out, size_t n_out)
{
    static const uint8_t magic[4] = {0x04, 0x22, 0x4d, 0x18};
    if (n_in >= sizeof(magic) && memcmp(in, magic, sizeof(magic)) == 0) {
        LZ4F_dctx *frame = unpack->lz4_frame;
        if (frame == NULL && LZ4F_isError(LZ4F_createDecompressionContext(&frame, LZ4F_VERSION)))
            return SHALE_NOMEM;
        unpack->lz4_frame = frame;
        if (unpack_frame(unpack, in, n_in, out, n_out) == SHALE_OK)
            return SHALE_OK;
    }
    if (unpack_hadoop(in, n_in, out, n_out) == SHALE_OK)
        return SHALE_OK;
    return unpack_raw(in, n_in, out, n_out);
}

/* ---- Any codec ----------------------------------------------------------------------------------
 */

/* Have the codec's context. */
static enum shale_status prepare(struct shale_unpack *unpack, enum shale_codec codec)
{
    if (codec == SHALE_CODEC_GZIP && unpack->gzip == NULL) {
        unpack->gzip = libdeflate_alloc_decompressor();
        return unpack->gzip == NULL ? SHALE_NOMEM : SHALE_OK;
    }
    if (codec == SHALE_CODEC_ZSTD && unpack->zstd == NULL) {
        unpack->zstd = ZSTD_createDCtx();
        return unpack->zstd == NULL ? SHALE_NOMEM : SHALE_OK;
    }
    return SHALE_OK;
}

enum shale_status shale_unpack(struct shale_unpack *unpack, enum shale_codec codec,
                               const void *stored, size_t n_bytes, void *out, size_t out_bytes)
{
    enum shale_status status;
    char nothing; /* the libraries want places, also for no bytes */
    if (n_bytes == 0)
        return out_bytes == 0 ? SHALE_OK : SHALE_CORRUPT;
    if (out_bytes == 0)
        out = &nothing;
    status = prepare(unpack, codec);
    if (status != SHALE_OK)
        return status;
    switch (codec) {
    case SHALE_CODEC_GZIP:
        return unpack_gzip(unpack, stored, n_bytes, out, out_bytes);
    case SHALE_CODEC_ZSTD:
        return unpack_zstd(unpack, stored, n_bytes, out, out_bytes);
    case SHALE_CODEC_SNAPPY:
        return unpack_snappy(stored, n_bytes, out, out_bytes);
    case SHALE_CODEC_LZ4:
        return unpack_raw(stored, n_bytes, out, out_bytes);
    case SHALE_CODEC_LZ4_OLD:
        return unpack_old(unpack, stored, n_bytes, out, out_bytes);
    case SHALE_CODEC_NONE:
        break;
    }
    if (n_bytes != out_bytes)
        return SHALE_CORRUPT;
    memcpy(out, stored, n_bytes);
    return SHALE_OK;
}
