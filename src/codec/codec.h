/* SPDX-License-Identifier: MIT */
/* Compressed bytes in and out: gzip (every member), zstd, snappy, LZ4, none.  A decoder and an
 * encoder hold the libraries' contexts; each belongs to one thread and serves any number of
 * objects.  A context is made when it is first needed and then kept; measured in bytes:
 *
 *     decoder   streams of any kind    65 Ki   (our hook)
 *               gzip                   86 Ki   (our hook), for any object
 *               zstd                   0.5 Mi and the frame's window: 2.5 Mi for what zstd wrote at
 *                                      levels 2 to 8, 8.7 at level 19, 33 at most; over 10 Mi it
 *                                      is given back before the next zstd object
 *               pages                  gzip 12 Ki, zstd 0.16 Mi, framed LZ4 of old files 4.2 Mi at
 *                                      most, by the C library; snappy nothing
 *     encoder   (pages of 1 MiB)
 *               gzip                   0.7 Mi for levels 2 to 9, 0.2 Mi for 1, 8.8 Mi above
 *               zstd                   1.3 Mi for level 3, 0.6 for 1, 3.5 for 6, 12.5 for 9,
 *                                      17.3 for 19 and above; the largest used is kept
 *               snappy                 64 Ki (our hook)
 *               LZ4                    nothing for levels 1 and 2; 0.25 Mi above (our hook)
 *
 * zstd and libdeflate allocate by the C library: an allowance, not counted by the hook. */
#ifndef SHALE_CODEC_CODEC_H
#define SHALE_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

enum shale_codec {
    SHALE_CODEC_NONE,
    SHALE_CODEC_GZIP,
    SHALE_CODEC_ZSTD,
    SHALE_CODEC_SNAPPY,
    SHALE_CODEC_LZ4,     /* of pages alone: one block without a frame (Parquet's LZ4_RAW) */
    SHALE_CODEC_LZ4_OLD, /* of pages, only read: Hadoop's framing, a bare block or LZ4's frame */
};

/* ---- Reading objects ------------------------------------------------------------------------ */

struct shale_decoder;

SHALE_MUST_USE enum shale_status shale_decoder_new(const struct shale_mem *mem,
                                                   struct shale_decoder **out);
void shale_decoder_free(struct shale_decoder *decoder);

/* Decompress a whole object of 'n_bytes' at 'stored' behind what 'out' holds already.  What it is
 * is seen by its first bytes (gzip, zstd frames, else plain: copied).  An empty object is plain.
 * 'out' then has SHALE_CODEC_PADDING allocated bytes behind its content, zeroed; they count for its
 * cap.  After a failure it holds what it held before.
 * '*trailing' (may be NULL): the last gzip member was followed by bytes that are no member; they
 * are left out and the data counts.  As gzip does: zeros up to the end are padding and say nothing;
 * the two bytes of a member's magic begin a member, whatever follows them.  After the last zstd
 * frame nothing else may follow.
 * Damaged deflate data that still yields the right length and checksum counts as good.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (more than out->cap, or a zstd window over 32 MiB;
 * 'err' is not written: the caller streams it instead, which decides) or SHALE_CORRUPT (truncated,
 * bad checksum, ...). */
enum { SHALE_CODEC_PADDING = 64 };
SHALE_MUST_USE enum shale_status shale_decoder_whole(struct shale_decoder *decoder,
                                                     const void *stored, size_t n_bytes,
                                                     struct shale_buf *out, bool *trailing,
                                                     struct shale_err *err);

/* Begin a stream: 'source' (borrowed until the next begin) gives the stored bytes.  Memory is
 * bounded; a zstd frame with a window over 32 MiB is refused (SHALE_LIMIT names it).  Bytes and
 * verdict are those of shale_decoder_whole(), however the source cuts the object. */
void shale_decoder_begin(struct shale_decoder *decoder, struct shale_source *source);

/* The next decompressed bytes; '*n_bytes' 0 means the end of the object, checked to its last
 * checksum: until then what was read is not known to be good.  'capacity' > 0; small reads are
 * slow, 64 KiB and more are not.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_CORRUPT, SHALE_LIMIT or the source's failure; later calls
 * return the same. */
SHALE_MUST_USE enum shale_status shale_decoder_read(struct shale_decoder *decoder, void *out,
                                                    size_t capacity, size_t *n_bytes,
                                                    struct shale_err *err);

/* After the end of a stream: as '*trailing' above. */
bool shale_decoder_trailing(const struct shale_decoder *decoder);

/* ---- Reading pages -------------------------------------------------------------------------- */

/* Decompress one page of 'n_bytes' at 'stored' to the 'out_bytes' at 'out' that its header says;
 * any codec.  Independent of the decoder's stream.  No bytes are no bytes in every codec. Returns
 * SHALE_OK, SHALE_NOMEM or SHALE_CORRUPT (without words: also when it is more or less than
 * 'out_bytes'; 'out' then holds anything). */
SHALE_MUST_USE enum shale_status shale_page_decompress(struct shale_decoder *decoder,
                                                       enum shale_codec codec, const void *stored,
                                                       size_t n_bytes, void *out, size_t out_bytes);

/* ---- Writing pages -------------------------------------------------------------------------- */

struct shale_encoder;

SHALE_MUST_USE enum shale_status shale_encoder_new(const struct shale_mem *mem,
                                                   struct shale_encoder **out);
void shale_encoder_free(struct shale_encoder *encoder);

/* Compress 'n_bytes' at 'data' behind what 'out' holds.  'level': the codec's own scale, 0 means
 * its default here (zstd 3, gzip 6, LZ4 1); a level outside the scale (gzip 1 to 12, zstd -131072
 * to 22, LZ4 1 to 12, of which 1 and 2 are the same) is the nearest in it; snappy has none.  The
 * same input gives the same output, whatever was compressed before.  Gzip is one member without
 * name or time; zstd one frame with its content size. Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT
 * ('out' has no room under its cap for the codec's worst case: about n_bytes * 7 / 6 + 64); 'out'
 * is as it was then. */
SHALE_MUST_USE enum shale_status shale_encoder_compress(struct shale_encoder *encoder,
                                                        enum shale_codec codec, int level,
                                                        const void *data, size_t n_bytes,
                                                        struct shale_buf *out);

/* "libdeflate 1.14, ISA-L 2.30.0, zstd 1.5.4, snappy 1.1.9, lz4 1.9.4", as compiled: for --version.
 */
const char *shale_codec_versions(void);

#endif
