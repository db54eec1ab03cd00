/* SPDX-License-Identifier: MIT */
/* Private to parquet: the pages of one column chunk, found by walking from header to header, or at
 * a place that the offset index names.  One thread at a time.
 *
 *     shale_page_reader_begin(&pages, row_group);
 *     shale_page_reader_peek(&pages, &header, &err);      // the next page's header
 *     shale_page_reader_load(&pages, &body, &err);        // ... its bytes
 *     shale_page_reader_pass(&pages);                     // ... or not
 *
 * Each is checked before it is used: the place against the file, the size against the memory that
 * is left, the body by its CRC when there is one.  Failures have words: the column, the row group
 * and the page's first byte. */
#ifndef SHALE_PARQUET_PAGE_READER_H
#define SHALE_PARQUET_PAGE_READER_H

#include "codec/codec.h"
#include "parquet/page_header.h"
#include "parquet/reader_parts.h"

/* Bytes behind a page's body that can be read (and mean nothing). */
enum { SHALE_PAGE_PADDING = 32 };

struct shale_page_reader {
    const struct shale_reader *reader;
    struct shale_decoder *decoder; /* borrowed, of the scan */
    size_t leaf, row_group;
    const struct shale_file_chunk *chunk;
    int64_t end;        /* of the pages of the chunk: none reaches beyond */
    int64_t at;         /* of the next page's header */
    int64_t page_at;    /* of that of the page in hand, for errors */
    size_t window_want; /* bytes to read at a time */
    struct {            /* bytes of the file, in memory */
        char *data;     /* capacity + SHALE_PAGE_PADDING */
        size_t capacity, n_bytes;
        int64_t at;
    } window;
    struct {
        char *data; /* decompressed; capacity + SHALE_PAGE_PADDING */
        size_t capacity;
    } body;
    bool peeked;
    size_t header_bytes;
    struct shale_page_header header;
};

/* The parts of a loaded page, good until the next call. */
struct shale_page_body {
    struct shale_str repetition, definition; /* v2 only; of v1 all is in 'values' */
    struct shale_str values;                 /* with SHALE_PAGE_PADDING behind */
};

/* 'window_bytes': how much is read at a time, at least a header's worth. */
void shale_page_reader_init(struct shale_page_reader *pages, const struct shale_reader *reader,
                            struct shale_decoder *decoder, size_t leaf, size_t window_bytes);
void shale_page_reader_fini(struct shale_page_reader *pages);

/* The pages of a row group's chunk.  Returns SHALE_OK or SHALE_SCHEMA (its codec, by name). */
SHALE_MUST_USE enum shale_status shale_page_reader_begin(struct shale_page_reader *pages,
                                                         size_t row_group, struct shale_err *err);

/* Go to the page whose header is at 'at'. */
void shale_page_reader_seek(struct shale_page_reader *pages, int64_t at);

/* The header of the next page, however often it is asked for; good until load() or pass(). */
SHALE_MUST_USE enum shale_status shale_page_reader_peek(struct shale_page_reader *pages,
                                                        const struct shale_page_header **header,
                                                        struct shale_err *err);

/* After peek(): the page's bytes, decompressed; move to the page behind it. */
SHALE_MUST_USE enum shale_status shale_page_reader_load(struct shale_page_reader *pages,
                                                        struct shale_page_body *body,
                                                        struct shale_err *err);
void shale_page_reader_pass(struct shale_page_reader *pages);

/* Errors of the page in hand.  SHALE_CORRUPT, SHALE_SCHEMA, and SHALE_NOMEM or SHALE_LIMIT. */
enum shale_status shale_page_corrupt(const struct shale_page_reader *pages, const char *what,
                                     struct shale_err *err);
enum shale_status shale_page_unsupported(const struct shale_page_reader *pages, const char *what,
                                         int number, struct shale_err *err);
enum shale_status shale_page_no_memory(const struct shale_page_reader *pages,
                                       struct shale_err *err);

/* Words for the status of something that has none: SHALE_CORRUPT becomes 'what'. */
enum shale_status shale_page_status(const struct shale_page_reader *pages, enum shale_status status,
                                    const char *what, struct shale_err *err);

#endif
