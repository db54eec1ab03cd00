/* SPDX-License-Identifier: MIT */
/* Private to parquet: the values of a page that are no dictionary indexes: in which encoding, and
 * making it.
 *
 *     physical type      encodings besides PLAIN; those in brackets only where a field asks
 *     BOOLEAN            RLE
 *     INT32, INT64       DELTA_BINARY_PACKED, (BYTE_STREAM_SPLIT)
 *     FLOAT, DOUBLE      BYTE_STREAM_SPLIT
 *     BYTE_ARRAY         DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY
 *     FIXED              (BYTE_STREAM_SPLIT), (DELTA_BYTE_ARRAY)
 *
 * A choice is made by what the values of a page take, encoded and compressed: of all but BYTE_ARRAY
 * the whole page, of those 128 KiB.  It depends on the values and options alone. */
#ifndef SHALE_PARQUET_ENCODINGS_H
#define SHALE_PARQUET_ENCODINGS_H

#include "base/buf.h"
#include "parquet/leaf.h"
#include "parquet/page.h"

/* Where candidates are compressed. */
struct shale_encodings {
    struct shale_buf encoded, scratch;
    struct shale_page_maker *maker; /* borrowed */
    enum shale_codec codec;
    int level;
};

void shale_encodings_init(struct shale_encodings *encodings, const struct shale_mem *mem);
void shale_encodings_fini(struct shale_encodings *encodings);

/* A page's values as PLAIN has them, but a BOOLEAN in a byte. */
struct shale_encodings_values {
    const struct shale_leaf *leaf;
    struct shale_str plain;
    size_t n;
};

/* Choose for these values (at least one): what takes least, PLAIN where little is gained.
 * '*n_bytes' (may be NULL): what the looked-at part of them takes, stored
 * (0 where there is nothing to choose).
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_encodings_choose(struct shale_encodings *encodings,
                                                        const struct shale_encodings_values *values,
                                                        enum shale_encoding *out, size_t *n_bytes);

/* Append the values in an encoding that is of their type behind 'out'. */
SHALE_MUST_USE enum shale_status shale_encodings_put(struct shale_encodings *encodings,
                                                     const struct shale_encodings_values *values,
                                                     enum shale_encoding encoding,
                                                     struct shale_buf *out);

/* Append BYTE_ARRAYs in DELTA_BYTE_ARRAY with empty prefixes, a few bytes a page more than
 * DELTA_LENGTH_BYTE_ARRAY.  Where the latter is chosen and nobody asked for it, this is written:
 * Spark 3.5's vectorised reader finds the lengths of the latter by the row of its batch, so that
 * nulls, and pages of more than 4,096 rows, give it other values. */
SHALE_MUST_USE enum shale_status
shale_encodings_put_whole(struct shale_encodings *encodings,
                          const struct shale_encodings_values *values, struct shale_buf *out);

/* What 'data' takes when it is compressed as pages are. */
SHALE_MUST_USE enum shale_status shale_encodings_stored(struct shale_encodings *encodings,
                                                        struct shale_str data, size_t *n_bytes);

#endif
