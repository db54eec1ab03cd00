/* SPDX-License-Identifier: MIT */
/* Compressed bytes in and out: gzip (every member), zstd, snappy, none.  A decoder and an encoder
 * hold the libraries' contexts; each belongs to one thread and serves any number of objects. */
#ifndef SHALE_CODEC_CODEC_H
#define SHALE_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

enum shale_codec { SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD, SHALE_CODEC_SNAPPY };

/* ---- Reading objects ------------------------------------------------------------------------ */

struct shale_decoder;

SHALE_MUST_USE enum shale_status shale_decoder_new(const struct shale_mem *mem,
                                                   struct shale_decoder **out);
void shale_decoder_free(struct shale_decoder *decoder);

/* Decompress a whole object of 'n_bytes' at 'stored' behind what 'out' holds already.  What it is
 * is seen by its first bytes (gzip, zstd frames, else plain: copied).  An empty object is plain.
 * 'out' always keeps SHALE_CODEC_PADDING allocated bytes behind its content, zeroed.
 * '*trailing' (may be NULL): the last gzip member was followed by bytes that are no member; they
 * are left out and the data counts.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (more than out->cap; 'err' is not written: the caller
 * streams it instead) or SHALE_CORRUPT (truncated, bad checksum, ...). */
enum { SHALE_CODEC_PADDING = 64 };
SHALE_MUST_USE enum shale_status shale_decoder_whole(struct shale_decoder *decoder,
                                                     const void *stored, size_t n_bytes,
                                                     struct shale_buf *out, bool *trailing,
                                                     struct shale_err *err);

/* Begin a stream: 'source' (borrowed until the next begin) gives the stored bytes.  Memory is
 * bounded; a zstd frame with a window over 32 MiB is refused (SHALE_LIMIT names it). */
void shale_decoder_begin(struct shale_decoder *decoder, struct shale_source *source);

/* The next decompressed bytes; '*n_bytes' 0 means the end of the object, checked to its last
 * checksum.  Returns SHALE_OK, SHALE_NOMEM, SHALE_CORRUPT, SHALE_LIMIT or the source's failure. */
SHALE_MUST_USE enum shale_status shale_decoder_read(struct shale_decoder *decoder, void *out,
                                                    size_t capacity, size_t *n_bytes,
                                                    struct shale_err *err);

/* After the end of a stream: as '*trailing' above. */
bool shale_decoder_trailing(const struct shale_decoder *decoder);

/* ---- Writing pages -------------------------------------------------------------------------- */

struct shale_encoder;

SHALE_MUST_USE enum shale_status shale_encoder_new(const struct shale_mem *mem,
                                                   struct shale_encoder **out);
void shale_encoder_free(struct shale_encoder *encoder);

/* Compress 'n_bytes' at 'data' behind what 'out' holds.  'level': the codec's own scale, 0 means
 * its default here (zstd 3, gzip 6).  The same input gives the same output, whatever was compressed
 * before.  Gzip is one member without name or time; zstd one frame with its content size.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (out's cap). */
SHALE_MUST_USE enum shale_status shale_encoder_compress(struct shale_encoder *encoder,
                                                        enum shale_codec codec, int level,
                                                        const void *data, size_t n_bytes,
                                                        struct shale_buf *out);

/* "zlib 1.2.13, libdeflate 1.14, ISA-L 2.30.0, zstd 1.5.4, snappy 1.1.9": for --version. */
const char *shale_codec_versions(void);

#endif
