/* SPDX-License-Identifier: MIT */
/* Measured, not guessed: compression changes which encoding is the smallest. */
#include "parquet/encodings.h"

#include <assert.h>
#include <string.h>

#include "parquet/delta.h"
#include "parquet/plain.h"
#include "parquet/rle.h"
#include "parquet/split.h"

enum { PIECE_BYTES = 64 * 1024, PIECES = 2 };

void shale_encodings_init(struct shale_encodings *encodings, const struct shale_mem *mem)
{
    *encodings = (struct shale_encodings){0};
    shale_buf_init(&encodings->encoded, mem, INT32_MAX);
    shale_buf_init(&encodings->scratch, mem, INT32_MAX);
}

void shale_encodings_fini(struct shale_encodings *encodings)
{
    shale_buf_fini(&encodings->encoded);
    shale_buf_fini(&encodings->scratch);
}

/* ---- Making one --------------------------------------------------------------------------------
 */

static enum shale_status put_plain(const struct shale_encodings_values *values,
                                   struct shale_buf *out)
{
    if (values->leaf->physical == SHALE_PHYSICAL_BOOLEAN)
        return shale_plain_append_bits(out, values->plain);
    return shale_buf_append_str(out, values->plain);
}

/* Runs of one bit behind their length (parquet-format, Encodings.md, RLE of booleans). */
static enum shale_status put_runs(const struct shale_encodings_values *values,
                                  struct shale_buf *out)
{
    const size_t length_at = out->n_bytes;
    uint32_t length = 0;
    enum shale_status status = shale_buf_append(out, &length, sizeof(length));
    if (status == SHALE_OK)
        status = shale_rle_levels(out, (const uint8_t *)values->plain.data, values->n, 1);
    if (status != SHALE_OK)
        return status;
    length = (uint32_t)(out->n_bytes - length_at - sizeof(length));
    memcpy(out->data + length_at, &length, sizeof(length));
    return SHALE_OK;
}

static enum shale_status put_split(const struct shale_encodings_values *values,
                                   struct shale_buf *out)
{
    enum shale_status status = shale_buf_reserve(out, values->plain.n_bytes);
    if (status != SHALE_OK || values->n == 0)
        return status;
    shale_split_write(values->plain.data, values->leaf->width, values->n, out->data + out->n_bytes);
    out->n_bytes += values->plain.n_bytes;
    return SHALE_OK;
}

static enum shale_status put_delta(const struct shale_encodings_values *values,
                                   struct shale_buf *out)
{
    const void *numbers = values->plain.data;
    if (values->leaf->physical == SHALE_PHYSICAL_INT32)
        return shale_delta_i32(out, numbers, values->n);
    assert(values->leaf->physical == SHALE_PHYSICAL_INT64);
    return shale_delta_i64(out, numbers, values->n);
}

enum shale_status shale_encodings_put(struct shale_encodings *encodings,
                                      const struct shale_encodings_values *values,
                                      enum shale_encoding encoding, struct shale_buf *out)
{
    switch (encoding) {
    case SHALE_ENCODING_RLE:
        return put_runs(values, out);
    case SHALE_ENCODING_DELTA_BINARY_PACKED:
        return put_delta(values, out);
    case SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return shale_delta_lengths(out, values->plain, values->n, &encodings->scratch);
    case SHALE_ENCODING_DELTA_BYTE_ARRAY:
        return shale_delta_prefixes(out, values->plain, values->leaf->width, values->n,
                                    &encodings->scratch);
    case SHALE_ENCODING_BYTE_STREAM_SPLIT:
        return put_split(values, out);
    case SHALE_ENCODING_PLAIN:
        return put_plain(values, out);
    case SHALE_ENCODING_PLAIN_DICTIONARY:
    case SHALE_ENCODING_RLE_DICTIONARY:
    case SHALE_ENCODING_BIT_PACKED:
        break;
    }
    assert(false);
    return put_plain(values, out);
}

enum shale_status shale_encodings_put_whole(struct shale_encodings *encodings,
                                            const struct shale_encodings_values *values,
                                            struct shale_buf *out)
{
    struct shale_buf *zeros = &encodings->scratch;
    const size_t n_bytes = values->n * sizeof(int32_t);
    enum shale_status status;
    shale_buf_reset(zeros);
    status = shale_buf_reserve(zeros, n_bytes);
    if (status != SHALE_OK)
        return status;
    if (n_bytes > 0)
        memset(zeros->data, 0, n_bytes);
    status = shale_delta_i32(out, (const int32_t *)(const void *)zeros->data, values->n);
    return status == SHALE_OK ? shale_delta_lengths(out, values->plain, values->n, zeros) : status;
}

/* ---- Choosing -----------------------------------------------------------------------------------
 */

enum shale_status shale_encodings_stored(struct shale_encodings *encodings, struct shale_str data,
                                         size_t *n_bytes)
{
    return shale_page_stored(encodings->maker, encodings->codec, encodings->level, data, n_bytes);
}

static enum shale_status measure_piece(struct shale_encodings *encodings,
                                       const struct shale_encodings_values *values,
                                       enum shale_encoding encoding, size_t *n_bytes)
{
    enum shale_status status;
    if (encoding == SHALE_ENCODING_PLAIN && values->leaf->physical != SHALE_PHYSICAL_BOOLEAN)
        return shale_encodings_stored(encodings, values->plain, n_bytes);
    shale_buf_reset(&encodings->encoded);
    status = shale_encodings_put(encodings, values, encoding, &encodings->encoded);
    if (status != SHALE_OK)
        return status;
    return shale_encodings_stored(encodings, shale_buf_str(&encodings->encoded), n_bytes);
}

/* Where the BYTE_ARRAY that begins at 'at' ends. */
static size_t end_of(struct shale_str plain, size_t at)
{
    uint32_t length;
    memcpy(&length, plain.data + at, sizeof(length));
    return at + sizeof(length) + length;
}

/* Of BYTE_ARRAYs the first values that fit PIECE_BYTES, one at least, and as many from the middle
 * on; of others all.  A piece is no larger than a block of snappy: the short rest in a second one,
 * which PLAIN would have and a smaller encoding not, would count against PLAIN. */
static size_t sample(const struct shale_encodings_values *values,
                     struct shale_encodings_values out[PIECES])
{
    const struct shale_str plain = values->plain;
    size_t at = 0, end, n_pieces = 0;
    if (values->leaf->physical != SHALE_PHYSICAL_BYTE_ARRAY) {
        out[0] = *values;
        return 1;
    }
    while (n_pieces < PIECES) {
        struct shale_encodings_values *piece = &out[n_pieces];
        while (at < plain.n_bytes / PIECES * n_pieces)
            at = end_of(plain, at);
        if (at == plain.n_bytes)
            break;
        *piece = (struct shale_encodings_values){values->leaf, {plain.data + at, 0}, 0};
        do {
            end = end_of(plain, at);
            piece->plain.n_bytes += end - at;
            piece->n++;
            at = end;
        } while (at < plain.n_bytes &&
                 piece->plain.n_bytes + (end_of(plain, at) - at) <= PIECE_BYTES);
        n_pieces++;
    }
    return n_pieces;
}

static enum shale_status measure(struct shale_encodings *encodings,
                                 const struct shale_encodings_values *pieces, size_t n_pieces,
                                 enum shale_encoding encoding, size_t *n_bytes)
{
    enum shale_status status = SHALE_OK;
    *n_bytes = 0;
    for (size_t i = 0; i < n_pieces && status == SHALE_OK; i++) {
        size_t some = 0;
        status = measure_piece(encodings, &pieces[i], encoding, &some);
        *n_bytes += some;
    }
    return status;
}

/* The candidates besides PLAIN, in the order in which they are preferred; a later one must be
 * smaller than the best before by a share of 1 / 'gain'. */
struct candidate {
    enum shale_encoding encoding;
    size_t gain;
};

static size_t candidates_of(enum shale_physical physical, struct candidate out[2])
{
    switch (physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        out[0] = (struct candidate){SHALE_ENCODING_RLE, 32};
        return 1;
    case SHALE_PHYSICAL_INT32:
    case SHALE_PHYSICAL_INT64:
        out[0] = (struct candidate){SHALE_ENCODING_DELTA_BINARY_PACKED, 64};
        return 1;
    case SHALE_PHYSICAL_FLOAT:
    case SHALE_PHYSICAL_DOUBLE:
        out[0] = (struct candidate){SHALE_ENCODING_BYTE_STREAM_SPLIT, 64};
        return 1;
    case SHALE_PHYSICAL_BYTE_ARRAY:
        out[0] = (struct candidate){SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY, 128};
        out[1] = (struct candidate){SHALE_ENCODING_DELTA_BYTE_ARRAY, 64};
        return 2;
    case SHALE_PHYSICAL_INT96:
    case SHALE_PHYSICAL_FIXED:
        break;
    }
    return 0;
}

/* A byte a value at least; with less, prefixes cannot pay for their lengths. */
static bool has_prefixes(const struct shale_encodings_values *pieces, size_t n_pieces)
{
    size_t n = 0, n_shared = 0;
    for (size_t i = 0; i < n_pieces; i++) {
        n += pieces[i].n;
        n_shared += shale_delta_shared(pieces[i].plain);
    }
    return n_shared >= n;
}

enum shale_status shale_encodings_choose(struct shale_encodings *encodings,
                                         const struct shale_encodings_values *values,
                                         enum shale_encoding *out, size_t *n_bytes)
{
    struct candidate candidates[2];
    struct shale_encodings_values pieces[PIECES];
    const size_t n = candidates_of(values->leaf->physical, candidates);
    const size_t n_pieces = sample(values, pieces);
    size_t least = 0;
    enum shale_status status = SHALE_OK;
    *out = SHALE_ENCODING_PLAIN;
    if (n > 0)
        status = measure(encodings, pieces, n_pieces, SHALE_ENCODING_PLAIN, &least);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        size_t these = 0;
        if (candidates[i].encoding == SHALE_ENCODING_DELTA_BYTE_ARRAY &&
            !has_prefixes(pieces, n_pieces))
            continue;
        status = measure(encodings, pieces, n_pieces, candidates[i].encoding, &these);
        if (status == SHALE_OK && these < least - least / candidates[i].gain) {
            least = these;
            *out = candidates[i].encoding;
        }
    }
    if (n_bytes != NULL)
        *n_bytes = least;
    return status;
}
