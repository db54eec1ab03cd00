/* SPDX-License-Identifier: MIT */
/* One column chunk: the values of one leaf of one row group become pages in a sink.
 *
 *     rows -> levels, values (dictionary or PLAIN ...) -> page -> codec -> sink
 *
 * The column's definition says how (encoding, bloom_fpp), the options which profile's means it has.
 * compat 'wide': data page v1, PLAIN or RLE_DICTIONARY; 'modern': data page v2 and the newer
 * encodings.  Both: RLE levels, page CRCs (parquet-format, README.md, Encodings.md).  The bytes
 * depend on the values and options alone: not on how they are cut into batches, and not on what the
 * writer wrote before. */
#ifndef SHALE_PARQUET_CHUNK_H
#define SHALE_PARQUET_CHUNK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "columns/column.h"
#include "parquet/leaf.h"
#include "schema/type.h"

/* 0 takes the default. */
struct shale_chunk_options {
    enum shale_codec codec;
    int level;
    /* A page is closed when its values, as PLAIN, reach this (1 MiB), or at 61,440 rows, or 2^20
     * levels; always at the end of a row. */
    size_t page_bytes;
    size_t dictionary_bytes; /* a dictionary larger than this (1 MiB) is given up */
    /* The dictionary's page comes before the pages that use it, so these wait in memory until it is
     * complete, or until they take this (2 MiB): then it is complete as it is. */
    size_t kept_bytes;
    bool modern; /* compat: modern */
};

/* Where the values come from, piece by piece. */
struct shale_column_stream {
    /* Set '*out' to the next piece, good until the next call, or to NULL at the end. */
    enum shale_status (*next)(struct shale_column_stream *stream, const struct shale_column **out,
                              struct shale_err *err);
};

/* The least and the greatest value of a chunk or a page, PLAIN-encoded. */
enum { SHALE_STATISTIC_BYTES = 64 }; /* a bound is cut to this */
struct shale_chunk_bounds {
    bool has_minimum, has_maximum;
    bool minimum_exact, maximum_exact;
    uint8_t minimum_bytes, maximum_bytes;
    uint8_t minimum[SHALE_STATISTIC_BYTES], maximum[SHALE_STATISTIC_BYTES];
};

/* What the footer says of a chunk; offsets count from the chunk's first byte.  All zero before the
 * first use; shale_chunk_meta_fini() frees what it holds, and it is all zero again. */
struct shale_chunk_meta {
    int64_t n_values; /* levels: with nulls, a list's empty rows count one */
    int64_t n_nulls;  /* levels without a value, for the statistics */
    int64_t n_rows;
    int64_t compressed_bytes;   /* with page headers */
    int64_t uncompressed_bytes; /* with page headers */
    int64_t dictionary_page_at; /* -1 without one */
    int64_t data_page_at;
    int64_t n_byte_array_bytes;         /* BYTE_ARRAY: of all values, without their lengths */
    int32_t n_pages[SHALE_N_ENCODINGS]; /* data pages of each encoding */
    bool is_v2;                         /* they are data pages v2 */
    struct shale_chunk_bounds bounds;
    struct shale_buf pages;      /* struct shale_chunk_page and its bounds, one a data page */
    struct shale_buf histograms; /* int64_t: of each page how often each repetition level
                                  * comes, then each definition level; empty where max_
                                  * repetition is 0 and max_definition at most 1 */
    struct shale_buf bloom;      /* the filter with its header; empty: none */
};
void shale_chunk_meta_fini(struct shale_chunk_meta *meta);

/* A line of the page index; minimum_bytes of the minimum and maximum_bytes of the maximum follow
 * it. */
struct shale_chunk_page {
    int64_t at; /* from the first data page */
    int64_t first_row;
    int64_t n_nulls;
    int64_t n_byte_array_bytes;
    int32_t n_bytes; /* with its header */
    bool all_null;
    bool has_bounds; /* both */
    uint8_t minimum_bytes, maximum_bytes;
};

/* A thread's buffers, dictionary and codec contexts. */
struct shale_chunk_writer;

SHALE_MUST_USE enum shale_status shale_chunk_writer_new(const struct shale_mem *mem,
                                                        struct shale_chunk_writer **out);
void shale_chunk_writer_free(struct shale_chunk_writer *writer);

/* Write the chunk of 'leaf': read 'stream', the pieces of its column, to the end, append pages to
 * 'sink', fill 'meta'; after a failure it is still to be freed.
 * Memory: about twice page_bytes and twice the largest row's value, dictionary_bytes, one and a
 * half kept_bytes, and 4.5 MiB more (of them 3 to find values in the dictionary), 1 MiB for a bloom
 * filter. Returns SHALE_OK,
 * SHALE_NOMEM, SHALE_LIMIT (a page over 2^31 - 1 bytes), SHALE_SCHEMA (a timestamp too far away for
 * INT96), or what stream or sink returned. */
SHALE_MUST_USE enum shale_status
shale_chunk_write(struct shale_chunk_writer *writer, const struct shale_leaf *leaf,
                  const struct shale_chunk_options *options, struct shale_column_stream *stream,
                  struct shale_sink *sink, struct shale_chunk_meta *meta, struct shale_err *err);

#endif
