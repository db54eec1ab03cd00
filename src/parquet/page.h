/* SPDX-License-Identifier: MIT */
/* Private to parquet: a page's body becomes a compressed body and its header. */
#ifndef SHALE_PARQUET_PAGE_H
#define SHALE_PARQUET_PAGE_H

#include "base/buf.h"
#include "codec/codec.h"
#include "parquet/format.h"

struct shale_page {
    enum shale_page_type type;
    enum shale_encoding encoding; /* of the values */
    int32_t n_values;             /* levels of a data page, entries of a dictionary */
    struct shale_str body;        /* not compressed */
    /* DATA_V2: the levels lie before the body and are not compressed. */
    struct shale_str levels;
    int32_t repetition_bytes, definition_bytes; /* together levels.n_bytes */
    int32_t n_nulls, n_rows;
};

struct shale_page_maker {
    struct shale_encoder *encoder; /* NULL until a page is compressed */
    struct shale_buf packed;
    struct shale_buf header;
};

void shale_page_maker_init(struct shale_page_maker *maker, const struct shale_mem *mem);
void shale_page_maker_fini(struct shale_page_maker *maker);

/* Make the page: its header is then in maker->header, and '*body' (good until the next call, or as
 * long as page->body when that is stored as it is) is what follows it, and page->levels, in the
 * file.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (over 2^31 - 1 bytes). */
SHALE_MUST_USE enum shale_status shale_page_make(struct shale_page_maker *maker,
                                                 const struct shale_page *page,
                                                 enum shale_codec codec, int level,
                                                 struct shale_str *body);

/* What 'data' takes when it is compressed as a page's body is: '*n_bytes'. */
SHALE_MUST_USE enum shale_status shale_page_stored(struct shale_page_maker *maker,
                                                   enum shale_codec codec, int level,
                                                   struct shale_str data, size_t *n_bytes);

#endif
