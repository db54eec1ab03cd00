/* SPDX-License-Identifier: MIT */
/* Compressing pages.  Each codec gets room for its worst case first: then it cannot fail for want
 * of room, and its output does not depend on how much there was. */
#include "codec/codec.h"

#include <assert.h>

#include <libdeflate.h>
#include <lz4.h>
#include <lz4hc.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "snappy.h"

enum { GZIP_LEVEL = 6, GZIP_MAX_LEVEL = 12, ZSTD_LEVEL = 3, LZ4_HC_LEVEL = 3 };

struct shale_encoder {
    const struct shale_mem *mem;
    /* Made when first needed and then kept. */
    ZSTD_CCtx *zstd;
    struct libdeflate_compressor *gzip;
    int gzip_level; /* of 'gzip': it is made for one level */
    uint16_t *snappy;
    void *lz4; /* of levels from LZ4_HC_LEVEL on */
};

enum shale_status shale_encoder_new(const struct shale_mem *mem, struct shale_encoder **out)
{
    *out = shale_mem_zeroed(mem, 1, sizeof **out);
    if (*out == NULL)
        return SHALE_NOMEM;
    (*out)->mem = mem;
    return SHALE_OK;
}

void shale_encoder_free(struct shale_encoder *encoder)
{
    if (encoder == NULL)
        return;
    (void)ZSTD_freeCCtx(encoder->zstd);
    libdeflate_free_compressor(encoder->gzip);
    shale_mem_free(encoder->mem, encoder->snappy);
    shale_mem_free(encoder->mem, encoder->lz4);
    shale_mem_free(encoder->mem, encoder);
}

static int clamp_level(int level, int lowest, int highest)
{
    if (level < lowest)
        return lowest;
    return level > highest ? highest : level;
}

static enum shale_status compress_gzip(struct shale_encoder *encoder, int level, const void *data,
                                       size_t n_bytes, struct shale_buf *out)
{
    size_t bound, n_out;
    enum shale_status status;
    level = level == 0 ? GZIP_LEVEL : clamp_level(level, 1, GZIP_MAX_LEVEL);
    if (encoder->gzip == NULL || encoder->gzip_level != level) {
        libdeflate_free_compressor(encoder->gzip);
        encoder->gzip = libdeflate_alloc_compressor(level);
        encoder->gzip_level = level;
    }
    if (encoder->gzip == NULL)
        return SHALE_NOMEM;
    bound = libdeflate_gzip_compress_bound(encoder->gzip, n_bytes);
    status = shale_buf_reserve(out, bound);
    if (status != SHALE_OK)
        return status;
    n_out = libdeflate_gzip_compress(encoder->gzip, data, n_bytes, out->data + out->n_bytes, bound);
    assert(n_out > 0);
    out->n_bytes += n_out;
    return SHALE_OK;
}

static enum shale_status compress_zstd(struct shale_encoder *encoder, int level, const void *data,
                                       size_t n_bytes, struct shale_buf *out)
{
    size_t bound = ZSTD_compressBound(n_bytes), n_out;
    enum shale_status status;
    level = level == 0 ? ZSTD_LEVEL : clamp_level(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
    if (ZSTD_isError(bound))
        return SHALE_LIMIT;
    if (encoder->zstd == NULL)
        encoder->zstd = ZSTD_createCCtx();
    if (encoder->zstd == NULL)
        return SHALE_NOMEM;
    status = shale_buf_reserve(out, bound);
    if (status != SHALE_OK)
        return status;
    /* With the content size, without checksum: the page has its own. */
    n_out = ZSTD_compressCCtx(encoder->zstd, out->data + out->n_bytes, bound, data, n_bytes, level);
    if (ZSTD_isError(n_out)) {
        assert(ZSTD_getErrorCode(n_out) == ZSTD_error_memory_allocation);
        return SHALE_NOMEM;
    }
    out->n_bytes += n_out;
    return SHALE_OK;
}

static enum shale_status compress_snappy(struct shale_encoder *encoder, const void *data,
                                         size_t n_bytes, struct shale_buf *out)
{
    enum shale_status status;
    char *end;
    if (n_bytes > UINT32_MAX) /* the format's length */
        return SHALE_LIMIT;
    if (encoder->snappy == NULL) {
        encoder->snappy =
            shale_mem_alloc(encoder->mem, SHALE_SNAPPY_SLOTS * sizeof(*encoder->snappy));
        if (encoder->snappy == NULL)
            return SHALE_NOMEM;
    }
    status = shale_buf_reserve(out, shale_snappy_bound(n_bytes));
    if (status != SHALE_OK)
        return status;
    end = (char *)shale_snappy_compress(data, n_bytes, encoder->snappy,
                                        (uint8_t *)out->data + out->n_bytes);
    out->n_bytes = (size_t)(end - out->data);
    return SHALE_OK;
}

static enum shale_status compress_lz4(struct shale_encoder *encoder, int level, const void *data,
                                      size_t n_bytes, struct shale_buf *out)
{
    enum shale_status status;
    char *to;
    int bound, n_out;
    if (n_bytes > LZ4_MAX_INPUT_SIZE)
        return SHALE_LIMIT;
    if (level >= LZ4_HC_LEVEL && encoder->lz4 == NULL) {
        encoder->lz4 = shale_mem_alloc(encoder->mem, (size_t)LZ4_sizeofStateHC());
        if (encoder->lz4 == NULL)
            return SHALE_NOMEM;
    }
    bound = LZ4_compressBound((int)n_bytes);
    status = shale_buf_reserve(out, (size_t)bound);
    if (status != SHALE_OK)
        return status;
    to = out->data + out->n_bytes;
    if (n_bytes == 0)
        data = ""; /* it wants a place */
    if (level >= LZ4_HC_LEVEL)
        n_out = LZ4_compress_HC_extStateHC(encoder->lz4, data, to, (int)n_bytes, bound,
                                           clamp_level(level, LZ4_HC_LEVEL, LZ4HC_CLEVEL_MAX));
    else
        n_out = LZ4_compress_default(data, to, (int)n_bytes, bound);
    assert(n_out > 0);
    out->n_bytes += (size_t)n_out;
    return SHALE_OK;
}

enum shale_status shale_encoder_compress(struct shale_encoder *encoder, enum shale_codec codec,
                                         int level, const void *data, size_t n_bytes,
                                         struct shale_buf *out)
{
    switch (codec) {
    case SHALE_CODEC_GZIP:
        return compress_gzip(encoder, level, data, n_bytes, out);
    case SHALE_CODEC_ZSTD:
        return compress_zstd(encoder, level, data, n_bytes, out);
    case SHALE_CODEC_SNAPPY:
        return compress_snappy(encoder, data, n_bytes, out);
    case SHALE_CODEC_LZ4:
        return compress_lz4(encoder, level, data, n_bytes, out);
    case SHALE_CODEC_LZ4_OLD: /* is not written */
        assert(false);
        break;
    case SHALE_CODEC_NONE:
        break;
    }
    return shale_buf_append(out, data, n_bytes);
}
