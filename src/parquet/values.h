/* SPDX-License-Identifier: MIT */
/* Private to parquet: the values of the page in the making, as dictionary indexes or PLAIN.
 *
 *     TRYING --first page pays--> OPEN --freeze()--> FROZEN
 *        |                          |                   |
 *        +--it does not pay---------+--a value is refused--> PLAIN
 *
 * Whether a dictionary pays is seen at the first page with values: its page and the indexes
 * together, with 32 bytes for the header, must take no more than three quarters of PLAIN; in the
 * profile 'modern', numbers are also compared with what they take in another encoding, compressed.
 * PLAIN above stands for every encoding without a dictionary: one is chosen for the chunk at the
 * first page that needs it (encodings.h). */
#ifndef SHALE_PARQUET_VALUES_H
#define SHALE_PARQUET_VALUES_H

#include "parquet/chunk.h"
#include "parquet/dictionary.h"
#include "parquet/encodings.h"
#include "parquet/plain.h"
#include "parquet/statistics.h"

enum shale_values_mode {
    SHALE_VALUES_TRYING, /* a dictionary that may still be dropped */
    SHALE_VALUES_OPEN,   /* pages refer to it */
    SHALE_VALUES_FROZEN, /* it is written: no value can be added */
    SHALE_VALUES_PLAIN,
};

struct shale_values {
    enum shale_values_mode mode;
    const struct shale_leaf *leaf;
    struct shale_dictionary dictionary;
    struct shale_buf indexes; /* uint32_t, of this page, unless PLAIN */
    struct shale_buf plain;   /* of this page, when PLAIN; then the page's body */
    struct shale_buf fixed;   /* values of one append on their way into the dictionary */
    struct shale_buf used;    /* scratch: a byte an entry of the dictionary */
    struct shale_encodings encodings;
    bool modern;
    bool is_asked;              /* the column's definition asks for an encoding */
    bool is_chosen;             /* 'direct' is: */
    enum shale_encoding direct; /* the encoding of pages without a dictionary */
    size_t n;                   /* values in this page, without nulls */
    size_t plain_bytes;         /* what they take, or would take, as PLAIN */
};

void shale_values_init(struct shale_values *values, const struct shale_mem *mem);
void shale_values_fini(struct shale_values *values);

/* A new chunk.  'leaf' and 'maker' (of its pages: candidates are compressed with it) are borrowed
 * until the next. */
SHALE_MUST_USE enum shale_status shale_values_begin(struct shale_values *values,
                                                    const struct shale_leaf *leaf,
                                                    const struct shale_chunk_options *options,
                                                    struct shale_page_maker *maker);

/* Append the values of 'n' rows of the leaf's column from 'first' on.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (without words), or SHALE_SCHEMA (with words). */
SHALE_MUST_USE enum shale_status shale_values_append(struct shale_values *values,
                                                     const struct shale_column *column,
                                                     int64_t first, int64_t n,
                                                     struct shale_err *err);

/* The page has its rows: decide whether the dictionary pays, if that is open. */
SHALE_MUST_USE enum shale_status shale_values_settle(struct shale_values *values);

static inline void shale_values_freeze(struct shale_values *values)
{
    if (values->mode == SHALE_VALUES_OPEN)
        values->mode = SHALE_VALUES_FROZEN;
}

/* The bounds of the page's values, before they are encoded. */
SHALE_MUST_USE enum shale_status shale_values_bounds(struct shale_values *values,
                                                     struct shale_statistics *statistics);

/* The page's values as PLAIN, before they are encoded; none while they are dictionary indexes. */
static inline struct shale_str shale_values_plain(const struct shale_values *values)
{
    return shale_buf_str(&values->plain);
}

/* Encode the page: '*body' (good until the next call) is 'front', then the values. */
SHALE_MUST_USE enum shale_status shale_values_encode(struct shale_values *values,
                                                     struct shale_str front,
                                                     const struct shale_buf **body,
                                                     enum shale_encoding *encoding);

/* Begin a new page. */
void shale_values_next_page(struct shale_values *values);

#endif
