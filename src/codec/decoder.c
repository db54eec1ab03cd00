/* SPDX-License-Identifier: MIT */
/* A decoder sees what an object is and passes it to gunzip, unzstd or through. */
#include "codec/codec.h"

#include <assert.h>
#include <string.h>

#include <zstd.h>

#include "gunzip.h"
#include "input.h"
#include "unpack.h"
#include "unzstd.h"

enum kind { UNKNOWN, PLAIN, GZIP, ZSTD };

struct shale_decoder {
    const struct shale_mem *mem;
    enum kind kind;
    enum shale_status status; /* once it failed, so does every later call */
    struct shale_source *source;
    struct shale_input in;
    /* Made when first needed and then kept. */
    uint8_t *buffer;
    struct shale_gunzip *gunzip;
    struct shale_unzstd *unzstd;
    struct shale_unpack unpack;
};

enum shale_status shale_decoder_new(const struct shale_mem *mem, struct shale_decoder **out)
{
    *out = shale_mem_zeroed(mem, 1, sizeof **out);
    if (*out == NULL)
        return SHALE_NOMEM;
    (*out)->mem = mem;
    return SHALE_OK;
}

void shale_decoder_free(struct shale_decoder *decoder)
{
    if (decoder == NULL)
        return;
    shale_gunzip_free(decoder->mem, decoder->gunzip);
    shale_unzstd_free(decoder->mem, decoder->unzstd);
    shale_unpack_fini(&decoder->unpack);
    shale_mem_free(decoder->mem, decoder->buffer);
    shale_mem_free(decoder->mem, decoder);
}

/* ---- One object, read by read --------------------------------------------------------------- */

/* See what the object is and make what it needs ready. */
static enum shale_status open_object(struct shale_decoder *decoder, struct shale_err *err)
{
    struct shale_input *in = &decoder->in;
    enum shale_status status = shale_input_peek(in, 4, err);
    if (status != SHALE_OK)
        return status;
    if (in->n_left >= 2 && in->next[0] == 0x1f && in->next[1] == 0x8b) {
        if (decoder->gunzip == NULL)
            decoder->gunzip = shale_gunzip_new(decoder->mem);
        if (decoder->gunzip == NULL)
            return SHALE_ERR(err, no_memory);
        shale_gunzip_begin(decoder->gunzip);
        decoder->kind = GZIP;
    } else if (in->n_left >= 4 && shale_unzstd_magic(in->next)) {
        if (decoder->unzstd == NULL)
            decoder->unzstd = shale_unzstd_new(decoder->mem);
        if (decoder->unzstd == NULL)
            return SHALE_ERR(err, no_memory);
        shale_unzstd_begin(decoder->unzstd);
        decoder->kind = ZSTD;
    } else {
        decoder->kind = PLAIN;
    }
    return SHALE_OK;
}

static enum shale_status read_plain(struct shale_input *in, void *out, size_t capacity,
                                    size_t *n_bytes, struct shale_err *err)
{
    /* What was peeked comes first; then the source may write straight to the caller. */
    if (in->n_left == 0 && !in->ended) {
        enum shale_status status = shale_source_read(in->source, out, capacity, n_bytes, err);
        in->ended = status == SHALE_OK && *n_bytes == 0;
        return status;
    }
    *n_bytes = in->n_left < capacity ? in->n_left : capacity;
    if (*n_bytes > 0)
        memcpy(out, in->next, *n_bytes);
    shale_input_skip(in, *n_bytes);
    return SHALE_OK;
}

static enum shale_status read_some(struct shale_decoder *decoder, void *out, size_t capacity,
                                   size_t *n_bytes, struct shale_err *err)
{
    struct shale_input *in = &decoder->in;
    *n_bytes = 0;
    if (decoder->kind == UNKNOWN && decoder->status == SHALE_OK)
        decoder->status = open_object(decoder, err);
    if (decoder->status != SHALE_OK)
        return decoder->status;
    switch (decoder->kind) {
    case GZIP:
        decoder->status = shale_gunzip_read(decoder->gunzip, in, out, capacity, n_bytes, err);
        break;
    case ZSTD:
        decoder->status = shale_unzstd_read(decoder->unzstd, in, out, capacity, n_bytes, err);
        break;
    case PLAIN:
    case UNKNOWN:
        decoder->status = read_plain(in, out, capacity, n_bytes, err);
        break;
    }
    if (decoder->status != SHALE_OK)
        *n_bytes = 0;
    return decoder->status;
}

void shale_decoder_begin(struct shale_decoder *decoder, struct shale_source *source)
{
    decoder->kind = UNKNOWN;
    decoder->status = SHALE_OK;
    decoder->source = source;
}

enum shale_status shale_decoder_read(struct shale_decoder *decoder, void *out, size_t capacity,
                                     size_t *n_bytes, struct shale_err *err)
{
    bool before = decoder->status != SHALE_OK;
    enum shale_status status;
    *n_bytes = 0;
    if (decoder->kind == UNKNOWN && !before) {
        if (decoder->buffer == NULL)
            decoder->buffer = shale_mem_alloc(decoder->mem, SHALE_INPUT_BUFFER_BYTES);
        if (decoder->buffer == NULL)
            return decoder->status = SHALE_ERR(err, no_memory);
        shale_input_of_source(&decoder->in, decoder->source, decoder->buffer);
    }
    status = read_some(decoder, out, capacity, n_bytes, err);
    if (status == SHALE_LIMIT && decoder->kind == ZSTD && !before)
        return SHALE_ERR(err, zstd_window, 1 << (SHALE_UNZSTD_WINDOW_LOG - 20));
    return status;
}

bool shale_decoder_trailing(const struct shale_decoder *decoder)
{
    return decoder->kind == GZIP && shale_gunzip_trailing(decoder->gunzip);
}

/* ---- A whole object ------------------------------------------------------------------------- */

/* How much the object says it holds: a hint that costs or saves a copy, never trusted.  Bounded by
 * what its format could make of that many bytes, if it is not made to deceive. */
static size_t guess_bytes(const uint8_t *stored, size_t n_bytes)
{
    const size_t most = n_bytes > SIZE_MAX / 64 ? SIZE_MAX : n_bytes * 64;
    size_t guess = n_bytes;
    if (n_bytes >= 18 && stored[0] == 0x1f && stored[1] == 0x8b) {
        const uint8_t *length = stored + n_bytes - 4; /* right when there is one member */
        guess =
            length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    } else if (n_bytes >= 4 && shale_unzstd_magic(stored)) {
        unsigned long long size = ZSTD_getFrameContentSize(stored, n_bytes);
        guess = size >= ZSTD_CONTENTSIZE_ERROR ? n_bytes * 4 : (size_t)size;
    }
    return guess < most ? guess : most;
}

/* Read to the end behind 'out'; only the padding may remain unset. */
static enum shale_status read_all(struct shale_decoder *decoder, struct shale_buf *out,
                                  struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    size_t n_read = 1;
    while (status == SHALE_OK && n_read > 0) {
        size_t room = out->capacity - out->n_bytes - SHALE_CODEC_PADDING;
        char one; /* a full buffer grows only when there is more to come */
        status = read_some(decoder, room > 0 ? out->data + out->n_bytes : &one, room > 0 ? room : 1,
                           &n_read, err);
        if (status == SHALE_OK && room == 0 && n_read > 0) {
            status = shale_buf_reserve(out, 1 + SHALE_CODEC_PADDING);
            if (status == SHALE_OK)
                out->data[out->n_bytes] = one;
            if (status == SHALE_NOMEM)
                return SHALE_ERR(err, no_memory);
        }
        if (status == SHALE_OK)
            out->n_bytes += n_read;
    }
    return status;
}

enum shale_status shale_decoder_whole(struct shale_decoder *decoder, const void *stored,
                                      size_t n_bytes, struct shale_buf *out, bool *trailing,
                                      struct shale_err *err)
{
    const size_t n_before = out->n_bytes;
    size_t guess = guess_bytes(stored, n_bytes);
    enum shale_status status;
    if (trailing != NULL)
        *trailing = false;
    shale_decoder_begin(decoder, NULL);
    shale_input_of_bytes(&decoder->in, stored, n_bytes);
    status = shale_buf_reserve(out, SHALE_CODEC_PADDING);
    if (status == SHALE_NOMEM)
        return SHALE_ERR(err, no_memory);
    if (status != SHALE_OK)
        return status;
    if (guess < out->cap - n_before - SHALE_CODEC_PADDING)
        /* Without memory for the guess, less may do. */
        (void)!shale_buf_reserve(out, guess + SHALE_CODEC_PADDING);
    status = read_all(decoder, out, err);
    if (status == SHALE_OK)
        memset(out->data + out->n_bytes, 0, SHALE_CODEC_PADDING);
    else
        out->n_bytes = n_before;
    if (status == SHALE_OK && trailing != NULL)
        *trailing = shale_decoder_trailing(decoder);
    return status;
}

/* ---- A page --------------------------------------------------------------------------------- */

enum shale_status shale_page_decompress(struct shale_decoder *decoder, enum shale_codec codec,
                                        const void *stored, size_t n_bytes, void *out,
                                        size_t out_bytes)
{
    return shale_unpack(&decoder->unpack, codec, stored, n_bytes, out, out_bytes);
}
