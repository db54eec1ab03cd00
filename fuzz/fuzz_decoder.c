/* SPDX-License-Identifier: MIT */
/* Decompression: an object decoded whole and in a stream, cut in pieces as the first two bytes of
 * the input say, must give the same bytes, or both must fail. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 1 << 20 };

struct pieces {
    struct shale_source source;
    const uint8_t *data;
    size_t n_left;
    size_t piece_bytes;
};

static enum shale_status read_piece(struct shale_source *source, void *out, size_t capacity,
                                    size_t *n_bytes, struct shale_err *err)
{
    struct pieces *pieces = (struct pieces *)source;
    size_t n = pieces->piece_bytes < capacity ? pieces->piece_bytes : capacity;
    (void)err;
    n = n < pieces->n_left ? n : pieces->n_left;
    if (n > 0)
        memcpy(out, pieces->data, n);
    pieces->data += n;
    pieces->n_left -= n;
    *n_bytes = n;
    return SHALE_OK;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Stream the object and compare with 'whole' on the way; up to CAP bytes. */
static enum shale_status compare(struct shale_decoder *decoder, size_t read_bytes,
                                 const struct shale_buf *whole, bool whole_ok,
                                 struct shale_err *err)
{
    /* Of exactly the size that is given away: the sanitizer sees a byte too many. */
    char *out = malloc(read_bytes);
    size_t n_total = 0, n = 0;
    enum shale_status status;
    check(out != NULL);
    do {
        status = shale_decoder_read(decoder, out, read_bytes, &n, err);
        check(n <= read_bytes);
        if (whole_ok && n > 0)
            check(n <= whole->n_bytes - n_total && memcmp(whole->data + n_total, out, n) == 0);
        n_total += n;
    } while (status == SHALE_OK && n > 0 && n_total < CAP);
    free(out);
    if (whole_ok)
        check(n_total == whole->n_bytes);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shale_decoder *decoder;
    struct shale_buf whole;
    struct shale_err err, stream_err;
    enum shale_status status, stream_status;
    bool trailing = false;
    struct pieces pieces = {.source = {read_piece}};
    if (size < 2 || shale_decoder_new(&shale_mem_libc, &decoder) != SHALE_OK)
        return 0;
    pieces.data = data + 2;
    pieces.n_left = size - 2;
    pieces.piece_bytes = (size_t)1 + data[0] * (size_t)data[0];
    shale_buf_init(&whole, &shale_mem_libc, CAP);
    shale_err_clear(&err);
    shale_err_clear(&stream_err);
    status = shale_decoder_whole(decoder, data + 2, size - 2, &whole, &trailing, &err);
    shale_decoder_begin(decoder, &pieces.source);
    stream_status = compare(decoder, (size_t)1 + data[1] * (size_t)data[1], &whole,
                            status == SHALE_OK, &stream_err);
    if (status != SHALE_LIMIT) { /* over the cap, only the stream knows how it ends */
        check(stream_status == status);
        check(stream_err.code == err.code && strcmp(stream_err.message, err.message) == 0);
    }
    if (status == SHALE_OK)
        check(shale_decoder_trailing(decoder) == trailing);
    shale_buf_fini(&whole);
    shale_decoder_free(decoder);
    return 0;
}
