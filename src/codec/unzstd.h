/* SPDX-License-Identifier: MIT */
/* Zstandard (RFC 8878), any number of frames and skippable frames.  Private to this folder; one
 * thread at a time.
 *
 *     BETWEEN --magic--> FRAME --last block, checksum--> BETWEEN --no more bytes--> END */
#ifndef SHALE_CODEC_UNZSTD_H
#define SHALE_CODEC_UNZSTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "input.h"

enum { SHALE_UNZSTD_WINDOW_LOG = 25 }; /* 32 MiB */

struct shale_unzstd;

/* NULL when there is no memory. */
struct shale_unzstd *shale_unzstd_new(const struct shale_mem *mem);
void shale_unzstd_free(const struct shale_mem *mem, struct shale_unzstd *unzstd);

/* Before the first frame of an object.  Gives a large window of the object before back. */
void shale_unzstd_begin(struct shale_unzstd *unzstd);

/* The next bytes; '*n_bytes' 0 is the end.  Returns SHALE_OK, SHALE_NOMEM, SHALE_CORRUPT,
 * SHALE_LIMIT (a window over 32 MiB; 'err' is not written) or the source's failure; after a
 * failure begin anew. */
SHALE_MUST_USE enum shale_status shale_unzstd_read(struct shale_unzstd *unzstd,
                                                   struct shale_input *in, void *out,
                                                   size_t capacity, size_t *n_bytes,
                                                   struct shale_err *err);

/* Do these (at least 4) bytes begin a frame, or a skippable frame? */
bool shale_unzstd_magic(const uint8_t *bytes);

#endif
