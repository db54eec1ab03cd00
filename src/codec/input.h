/* SPDX-License-Identifier: MIT */
/* The stored bytes of one object as its decoder takes them: all in memory, or in pieces from a
 * source.  Private to this folder; one thread at a time. */
#ifndef SHALE_CODEC_INPUT_H
#define SHALE_CODEC_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"

enum {
    SHALE_INPUT_BACK = 8, /* this many consumed bytes can be given back; also the longest peek */
    SHALE_INPUT_PIECE_BYTES = 64 * 1024,
    SHALE_INPUT_BUFFER_BYTES = SHALE_INPUT_BACK + SHALE_INPUT_PIECE_BYTES,
};

struct shale_input {
    const uint8_t *next;         /* borrowed: the object, or in 'buffer' */
    size_t n_left;               /* bytes at 'next' */
    int64_t offset;              /* of 'next' in the object */
    bool ended;                  /* nothing follows what is left */
    struct shale_source *source; /* NULL when the object is in memory */
    uint8_t *buffer;             /* SHALE_INPUT_BUFFER_BYTES, borrowed; NULL in memory */
};

void shale_input_of_bytes(struct shale_input *in, const void *data, size_t n_bytes);
void shale_input_of_source(struct shale_input *in, struct shale_source *source, uint8_t *buffer);

/* Have at least 'n_bytes' (up to SHALE_INPUT_BACK) at 'next', or all that are left of the object.
 * Returns SHALE_OK or the source's failure. */
SHALE_MUST_USE enum shale_status shale_input_peek(struct shale_input *in, size_t n_bytes,
                                                  struct shale_err *err);

/* Move over 'n_bytes' of those at 'next'. */
void shale_input_skip(struct shale_input *in, size_t n_bytes);

/* Take the last 'n_bytes' (up to SHALE_INPUT_BACK), which are 'bytes', back. */
void shale_input_give_back(struct shale_input *in, const uint8_t *bytes, size_t n_bytes);

#endif
