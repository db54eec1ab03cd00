/* SPDX-License-Identifier: MIT */
/* Decompressing pages, whose size is known before.  Private to this folder; one thread at a time.
 */
#ifndef SHALE_CODEC_UNPACK_H
#define SHALE_CODEC_UNPACK_H

#include <stddef.h>

#include "codec/codec.h"

/* The libraries' contexts, made when first needed and then kept; all zero at first. */
struct shale_unpack {
    void *gzip, *zstd, *lz4_frame;
};

void shale_unpack_fini(struct shale_unpack *unpack);

/* As shale_page_decompress(). */
SHALE_MUST_USE enum shale_status shale_unpack(struct shale_unpack *unpack, enum shale_codec codec,
                                              const void *stored, size_t n_bytes, void *out,
                                              size_t out_bytes);

#endif
