/* SPDX-License-Identifier: MIT */
/* Private to parquet: the values of a data page, of any encoding, some at a time (parquet-format,
 * Encodings.md).  One thread at a time. */
#ifndef SHALE_PARQUET_VALUES_READER_H
#define SHALE_PARQUET_VALUES_READER_H

#include "parquet/delta.h"
#include "parquet/dense.h"
#include "parquet/page_reader.h"
#include "parquet/rle.h"

enum shale_values_source {
    SHALE_VALUES_NONE, /* no page is open, or all its values are null */
    SHALE_VALUES_FIXED,
    SHALE_VALUES_BITS,
    SHALE_VALUES_BYTES,
    SHALE_VALUES_DICTIONARY,
    SHALE_VALUES_RUNS,
    SHALE_VALUES_DELTA,
    SHALE_VALUES_STRINGS,
    SHALE_VALUES_SPLIT,
};

struct shale_values_reader {
    const struct shale_page_reader *pages; /* for errors */
    const struct shale_mem *mem;
    struct shale_value_kind kind;
    enum shale_values_source source;
    struct shale_str bytes; /* not yet read, of FIXED and BYTES; all, of BITS and SPLIT */
    uint64_t n_taken;       /* of BITS and SPLIT */
    struct shale_rle_reader runs;
    struct shale_delta_reader delta;
    struct shale_delta_strings strings;
    struct shale_buf text; /* STRINGS of a fixed-width layout, on their way */
    bool has_dictionary;
    struct shale_dense dictionary;
    size_t dictionary_longest; /* BYTES */
};

void shale_values_reader_init(struct shale_values_reader *values,
                              const struct shale_page_reader *pages,
                              const struct shale_value_kind *kind);
void shale_values_reader_fini(struct shale_values_reader *values);

/* A new chunk: without a dictionary. */
void shale_values_reader_begin(struct shale_values_reader *values);

/* The dictionary's page. */
SHALE_MUST_USE enum shale_status
shale_values_reader_dictionary(struct shale_values_reader *values,
                               const struct shale_page_header *header, struct shale_str bytes,
                               struct shale_err *err);

/* A data page: 'bytes' (with SHALE_PAGE_PADDING behind; borrowed until the next open) are what
 * follows its levels. */
SHALE_MUST_USE enum shale_status shale_values_reader_open(struct shale_values_reader *values,
                                                          int encoding, struct shale_str bytes,
                                                          int32_t n_levels, struct shale_err *err);

/* How many of the next 'most' values take at most about 'n_bytes' in memory: at least 1. */
size_t shale_values_reader_fit(const struct shale_values_reader *values, size_t most,
                               size_t n_bytes);

/* Append the next 'n' values.  Failures have words. */
SHALE_MUST_USE enum shale_status shale_values_reader_read(struct shale_values_reader *values,
                                                          size_t n, struct shale_dense *out,
                                                          struct shale_err *err);

/* Move over the next 'n' values; 'scratch' is overwritten. */
SHALE_MUST_USE enum shale_status shale_values_reader_skip(struct shale_values_reader *values,
                                                          size_t n, struct shale_dense *scratch,
                                                          struct shale_err *err);

#endif
