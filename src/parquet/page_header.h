/* SPDX-License-Identifier: MIT */
/* Private to parquet: a page's header (parquet.thrift, PageHeader), read. */
#ifndef SHALE_PARQUET_PAGE_HEADER_H
#define SHALE_PARQUET_PAGE_HEADER_H

#include "base/err.h"
#include "parquet/metadata.h"
#include "parquet/thrift_read.h"

struct shale_page_header {
    int type; /* enum shale_page_type, or another number: such a page is to be passed over */
    int32_t uncompressed_bytes, compressed_bytes; /* of what follows the header; >= 0 */
    bool has_crc;
    uint32_t crc;     /* CRC-32 of the compressed bytes */
    int32_t n_values; /* >= 0: levels of a data page, entries of a dictionary; others 0 */
    int encoding;     /* of the values, any number */
    int definition_encoding, repetition_encoding; /* DATA: any number; DATA_V2: RLE */
    int32_t n_nulls, n_rows;                      /* DATA_V2; else -1 */
    int32_t definition_bytes, repetition_bytes;   /* DATA_V2: >= 0, their sum is at most both sizes
                                                   * of the page; else 0 */
    bool is_compressed;                           /* DATA_V2: the values; else true */
    bool is_sorted;                               /* DICTIONARY */
};

/* Read the header at the first byte of 'bytes', which is the file's byte 'file_at'.  '*used' is its
 * length, or 0 when the bytes end within it: call again with more of them (headers have no bound
 * but the chunk's end; a few have large statistics). Returns SHALE_OK or SHALE_CORRUPT. */
SHALE_MUST_USE enum shale_status shale_page_header_read(const void *bytes, size_t n_bytes,
                                                        int64_t file_at,
                                                        struct shale_page_header *out, size_t *used,
                                                        struct shale_err *err);

#endif
