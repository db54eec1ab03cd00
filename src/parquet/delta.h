/* SPDX-License-Identifier: MIT */
/* Private to parquet: the delta encodings (parquet-format, Encodings.md): DELTA_BINARY_PACKED of
 * INT32 and INT64, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY.
 *
 * Readers take bytes that are not trusted: nothing outside them is read, and they hold no memory
 * but the last value of DELTA_BYTE_ARRAY.  They say SHALE_CORRUPT without words. */
#ifndef SHALE_PARQUET_DELTA_H
#define SHALE_PARQUET_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

/* ---- Reading numbers --------------------------------------------------------------------------
 */

struct shale_delta_reader {
    struct shale_str bytes; /* borrowed: what follows the header, or the miniblock in hand */
    uint64_t n_left;        /* values not yet taken */
    uint64_t last;          /* the value before; at first the first */
    bool first;             /* no value was taken yet */
    uint64_t block_values, miniblock_values;
    uint64_t min_delta;       /* of the block in hand */
    struct shale_str widths;  /* of its miniblocks that were not yet in hand, a byte each */
    struct shale_str packed;  /* the miniblock in hand */
    unsigned bit_width;       /* its deltas' */
    uint64_t n_taken, n_mini; /* its deltas taken, and all */
};

/* Read the header; 'bytes' may go on behind the encoded values.  '*n' is how many they are, at most
 * 'most' (SHALE_CORRUPT when more): those of the page. */
SHALE_MUST_USE enum shale_status shale_delta_open(struct shale_delta_reader *reader,
                                                  struct shale_str bytes, uint64_t most,
                                                  uint64_t *n);

/* The next 'n' values, by arithmetic modulo 2^32 and 2^64.  Returns false when there are fewer or
 * the bytes end before; later calls then mean nothing. */
SHALE_MUST_USE bool shale_delta_read_i32(struct shale_delta_reader *reader, int32_t *out, size_t n);
SHALE_MUST_USE bool shale_delta_read_i64(struct shale_delta_reader *reader, int64_t *out, size_t n);
SHALE_MUST_USE bool shale_delta_skip(struct shale_delta_reader *reader, uint64_t n);

/* The bytes behind the values, when all were taken or skipped. */
struct shale_str shale_delta_rest(const struct shale_delta_reader *reader);

/* ---- Reading BYTE_ARRAY (and FIXED) -----------------------------------------------------------
 */

struct shale_delta_strings {
    struct shale_delta_reader prefixes; /* when 'has_prefixes' */
    struct shale_delta_reader lengths;  /* of the bytes behind the prefix */
    struct shale_str bytes;             /* of the values not yet read */
    struct shale_buf last;              /* the last value read, for the next one's prefix */
    bool has_prefixes;
    uint64_t n_left;
};

/* Open a page's values: DELTA_BYTE_ARRAY with 'has_prefixes', else DELTA_LENGTH_BYTE_ARRAY.  '*n'
 * is how many they are, at most 'most'.  fini() is called in any case. Returns SHALE_OK or
 * SHALE_CORRUPT. */
SHALE_MUST_USE enum shale_status shale_delta_strings_open(struct shale_delta_strings *strings,
                                                          const struct shale_mem *mem,
                                                          struct shale_str bytes, bool has_prefixes,
                                                          uint64_t most, uint64_t *n);
void shale_delta_strings_fini(struct shale_delta_strings *strings);

/* Append the next 'n' values to 'data' (whose cap is at most INT32_MAX), and write where each ends
 * in it to ends[0] ... ends[n - 1].  'width' > 0: values that have not as many bytes are corrupt.
 * Returns SHALE_OK, SHALE_CORRUPT, SHALE_NOMEM or SHALE_LIMIT (the cap: a short page can make very
 * long values).  A failure is final. */
SHALE_MUST_USE enum shale_status shale_delta_strings_read(struct shale_delta_strings *strings,
                                                          size_t width, size_t n,
                                                          struct shale_buf *data, int32_t *ends);

/* Move over the next 'n' values.  Returns as read(), with 'scratch' for data. */
SHALE_MUST_USE enum shale_status shale_delta_strings_skip(struct shale_delta_strings *strings,
                                                          size_t n, struct shale_buf *scratch);

/* ---- Writing ----------------------------------------------------------------------------------
 *
 * Blocks of 128 values in four miniblocks.  Appended behind 'out'.  Return SHALE_OK, SHALE_NOMEM or
 * SHALE_LIMIT (out's cap). */

SHALE_MUST_USE enum shale_status shale_delta_i32(struct shale_buf *out, const int32_t *values,
                                                 size_t n);
SHALE_MUST_USE enum shale_status shale_delta_i64(struct shale_buf *out, const int64_t *values,
                                                 size_t n);

/* From 'n' BYTE_ARRAYs as PLAIN has them; 'width' > 0: from FIXED of that width.  The numbers are
 * collected in 'scratch', whose content is lost. */
SHALE_MUST_USE enum shale_status shale_delta_lengths(struct shale_buf *out, struct shale_str plain,
                                                     size_t n, struct shale_buf *scratch);
SHALE_MUST_USE enum shale_status shale_delta_prefixes(struct shale_buf *out, struct shale_str plain,
                                                      size_t width, size_t n,
                                                      struct shale_buf *scratch);

/* How many bytes BYTE_ARRAYs share with the one before each, all together. */
size_t shale_delta_shared(struct shale_str plain);

#endif
