/* SPDX-License-Identifier: MIT */
/* The stored bytes of an object, in memory or from a source. */
#include "input.h"

#include <assert.h>
#include <string.h>

void shale_input_of_bytes(struct shale_input *in, const void *data, size_t n_bytes)
{
    *in = (struct shale_input){.next = data, .n_left = n_bytes, .ended = true};
}

void shale_input_of_source(struct shale_input *in, struct shale_source *source, uint8_t *buffer)
{
    *in =
        (struct shale_input){.next = buffer + SHALE_INPUT_BACK, .source = source, .buffer = buffer};
}

enum shale_status shale_input_peek(struct shale_input *in, size_t n_bytes, struct shale_err *err)
{
    assert(n_bytes <= SHALE_INPUT_BACK);
    while (in->n_left < n_bytes && !in->ended) {
        uint8_t *start = in->buffer + SHALE_INPUT_BACK;
        size_t n_read = 0;
        enum shale_status status;
        if (in->n_left > 0)
            memmove(start, in->next, in->n_left);
        in->next = start;
        status = shale_source_read(in->source, start + in->n_left,
                                   SHALE_INPUT_PIECE_BYTES - in->n_left, &n_read, err);
        if (status != SHALE_OK)
            return status;
        in->n_left += n_read;
        in->ended = n_read == 0;
    }
    return SHALE_OK;
}

void shale_input_skip(struct shale_input *in, size_t n_bytes)
{
    assert(n_bytes <= in->n_left);
    in->next += n_bytes;
    in->n_left -= n_bytes;
    in->offset += (int64_t)n_bytes;
}

void shale_input_give_back(struct shale_input *in, const uint8_t *bytes, size_t n_bytes)
{
    assert(n_bytes <= SHALE_INPUT_BACK && (int64_t)n_bytes <= in->offset);
    in->next -= n_bytes;
    in->n_left += n_bytes;
    in->offset -= (int64_t)n_bytes;
    /* In pieces, some may be from the piece before: there is room for them before this one. */
    if (in->buffer != NULL && n_bytes > 0)
        memcpy(in->buffer + (in->next - in->buffer), bytes, n_bytes);
}
