/* SPDX-License-Identifier: MIT */
/* Gzip (RFC 1952), any number of members.  Private to this folder; one thread at a time.
 *
 *     MEMBER --header--> BODY --trailer checked--> BETWEEN --magic--> MEMBER
 *                                                  BETWEEN --end, padding, other bytes--> END
 *
 * The wrapper is read here; the deflate data by ISA-L.  One engine serves whole objects and
 * streams, because engines differ on broken data (figures in gunzip.c): what an object is must
 * not depend on how it was read. */
#ifndef SHALE_CODEC_GUNZIP_H
#define SHALE_CODEC_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "input.h"

struct shale_gunzip;

/* NULL when there is no memory. */
struct shale_gunzip *shale_gunzip_new(const struct shale_mem *mem);
void shale_gunzip_free(const struct shale_mem *mem, struct shale_gunzip *gunzip);

/* Before the first member of an object. */
void shale_gunzip_begin(struct shale_gunzip *gunzip);

/* The next bytes; '*n_bytes' 0 is the end.  Returns SHALE_OK, SHALE_CORRUPT or the source's
 * failure; after a failure begin anew. */
SHALE_MUST_USE enum shale_status shale_gunzip_read(struct shale_gunzip *gunzip,
                                                   struct shale_input *in, void *out,
                                                   size_t capacity, size_t *n_bytes,
                                                   struct shale_err *err);

/* After the end: bytes that are neither a member nor zeros follow the last member. */
bool shale_gunzip_trailing(const struct shale_gunzip *gunzip);

#endif
