/* SPDX-License-Identifier: MIT */
/* Private to parquet: the state of a check of a file. */
#ifndef SHALE_PARQUET_CHECK_PARTS_H
#define SHALE_PARQUET_CHECK_PARTS_H

#include "columns/json_rows.h"
#include "parquet/check.h"
#include "parquet/leaf_reader.h"
#include "parquet/value_range.h"

enum { SHALE_CHECK_NAME_BYTES = 200, SHALE_CHECK_VALUE_BYTES = 100 };

/* What was counted of a chunk or of one of its pages. */
struct shale_check_counts {
    int64_t n_entries, n_nulls;
    int64_t n_text_bytes; /* of BYTE_ARRAYs in memory */
    int64_t definitions[256], repetitions[256];
};

struct shale_check {
    const struct shale_reader *reader;
    const struct shale_file *file;
    const struct shale_env *env;
    const char *object;
    struct shale_findings *findings;
    struct shale_checked *out;
    struct shale_leaf_range *leaves;  /* out->leaves */
    struct shale_value_range *ranges; /* of these */
    struct shale_decoder *decoder;
    struct shale_json_rows texts;
    struct shale_buf text; /* scratch */
    bool is_ours; /* the row group is by us: also what others may do differently must be right */
    struct shale_err *err; /* of what stops the check */

    /* The chunk in hand. */
    size_t row_group, leaf;
    const struct shale_file_chunk *chunk;
    const struct shale_file_leaf *info;
    char name[SHALE_CHECK_NAME_BYTES]; /* info->path, printable */
    struct shale_file_page *pages;     /* the page index; none when there is none */
    size_t n_pages;
    struct shale_check_counts counts, page_counts;
    struct shale_value_range chunk_range, page_range;
    struct shale_buf bloom; /* the bits; empty: there are none, or of a kind that is not known */
    bool bloom_missed;      /* a value was not in it: said once a chunk */
};

/* Report what 'err' says of the chunk in hand. */
void shale_check_found(struct shale_check *check, const struct shale_err *err, bool is_note);

/* A failure of one of the reader's functions: a finding when it is the file's fault (SHALE_OK then
 * is returned), otherwise what stops the check. */
SHALE_MUST_USE enum shale_status shale_check_failed(struct shale_check *check,
                                                    enum shale_status status,
                                                    const struct shale_err *err);

/* check->name, "the footer", "rows": 'said' and 'counted' must be the same. */
void shale_check_count(struct shale_check *check, const char *who, const char *what, int64_t said,
                       int64_t counted, bool is_note);

/* The headers of the chunk's pages against the footer and the offset index. */
SHALE_MUST_USE enum shale_status shale_check_pages(struct shale_check *check);

/* After one page of its index, and after the chunk: what is said of its values. */
SHALE_MUST_USE enum shale_status shale_check_page_said(struct shale_check *check, size_t page);
SHALE_MUST_USE enum shale_status shale_check_chunk_said(struct shale_check *check);

/* Read the chunk's bloom filter; then look for values in it. */
SHALE_MUST_USE enum shale_status shale_check_bloom_begin(struct shale_check *check);
void shale_check_bloom_values(struct shale_check *check, const struct shale_value_kind *kind,
                              const struct shale_dense *dense, size_t n);

/* Are the rows of the row group in the order that it says? */
SHALE_MUST_USE enum shale_status shale_check_order(struct shale_check *check, size_t row_group);

#endif
