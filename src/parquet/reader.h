/* SPDX-License-Identifier: MIT */
/* Reading a Parquet file, of any writer, whose bytes are not trusted.
 *
 *     status = shale_reader_open(&mem, file, &(struct shale_reader_options){0}, &reader, &err);
 *     status = shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, &err);
 *     while ((status = shale_scan_next(scan, &rows, &err)) == SHALE_OK && rows != NULL)
 *         ... rows->columns ...
 *
 * Memory stays below options.memory_bytes, whatever the file says; a file that needs more (a page
 * larger than that) is refused with SHALE_LIMIT, which names the column.  A reader is immutable and
 * shared by any number of scans; a scan is one thread's.
 *
 * Failures: SHALE_NOMEM, SHALE_LIMIT, SHALE_CORRUPT (the file breaks the format; the message names
 * file byte, column, row group and page as far as known), SHALE_SCHEMA (something of the format
 * that is not supported, by name), or what the file's read_at() returned. */
#ifndef SHALE_PARQUET_READER_H
#define SHALE_PARQUET_READER_H

#include "base/io.h"
#include "base/mem.h"
#include "columns/column.h"
#include "parquet/metadata.h"

struct shale_reader;
struct shale_scan;

struct shale_reader_options {
    size_t memory_bytes; /* 0: 256 MiB */
};

/* Read and check the footer.  'mem' and 'file' are borrowed. */
SHALE_MUST_USE enum shale_status shale_reader_open(const struct shale_mem *mem,
                                                   struct shale_random *file,
                                                   const struct shale_reader_options *options,
                                                   struct shale_reader **out,
                                                   struct shale_err *err);
void shale_reader_free(struct shale_reader *reader);

const struct shale_file *shale_reader_file(const struct shale_reader *reader);

/* The allocation hook that stays within options.memory_bytes: of the reader, its scans, and of the
 * caller for what the file makes large.  Any thread; good as long as the reader. */
const struct shale_mem *shale_reader_mem(const struct shale_reader *reader);

/* An allocation from that hook has failed: returns SHALE_LIMIT (options.memory_bytes) or
 * SHALE_NOMEM. 'what' needed the memory ("the footer"). */
SHALE_MUST_USE enum shale_status shale_reader_no_memory(const struct shale_reader *reader,
                                                        const char *what, struct shale_err *err);

/* One page's line in the page index (for 'inspect' and for pruning). */
struct shale_file_page {
    int64_t at;               /* file byte */
    int32_t compressed_bytes; /* with its header */
    int64_t first_row;        /* of the row group */
    bool all_null;
    int64_t n_nulls; /* -1: not said */
    struct shale_file_bound minimum, maximum;
};

/* The page index of one chunk, with one line for each data page, in order, the first from row 0 on;
 * '*pages' is NULL and '*n_pages' 0 when the file has no offset index.  Without a column index
 * nothing is said of the pages' values.  The caller frees '*pages' with 'mem'; bounds point into
 * it. */
SHALE_MUST_USE enum shale_status shale_reader_page_index(const struct shale_reader *reader,
                                                         const struct shale_mem *mem,
                                                         size_t row_group, size_t leaf,
                                                         struct shale_file_page **pages,
                                                         size_t *n_pages, struct shale_err *err);

struct shale_file_page_total {
    int64_t n_data, n_dictionary;
};

/* How many pages a chunk has: as the footer says, else by reading the headers of all of them.  0 of
 * a chunk that is 'unsupported'. */
SHALE_MUST_USE enum shale_status shale_reader_count_pages(const struct shale_reader *reader,
                                                          size_t row_group, size_t leaf,
                                                          struct shale_file_page_total *out,
                                                          struct shale_err *err);

/* Could a value be in this chunk, as its bloom filter says?  'value' as PLAIN has it (a BYTE_ARRAY
 * without its length).  True when there is no filter, or one of a kind that is not known.  Reads
 * the filter's header and one block of 32 bytes. */
SHALE_MUST_USE enum shale_status shale_reader_bloom_may_hold(const struct shale_reader *reader,
                                                             size_t row_group, size_t leaf,
                                                             struct shale_str value, bool *may_hold,
                                                             struct shale_err *err);

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* A row must have this value in this column, which is of a scalar type.  Conditions are joined by
 * "and".  A null is equal to nothing but to 'is_null'. */
struct shale_scan_condition {
    size_t column; /* of the file's schema */
    bool is_null;
    struct shale_str value; /* as Arrow's layout has it: the bytes of an int32_t, of a text ...;
                             * BOOL: one byte, 0 or 1 */
};

struct shale_scan_options {
    const size_t *columns; /* of the file's schema, in the order wanted; NULL: all */
    size_t n_columns;
    const struct shale_scan_condition *where;
    size_t n_where;
    /* Row groups to read; all when 'n_row_groups' is 0. */
    size_t first_row_group, n_row_groups;
    int64_t batch_rows; /* most rows at a time; 0: 16,384 */
};

/* Rows that follow one another in the file; good until the next call. */
struct shale_rows {
    int64_t n_rows;
    int64_t first_row; /* number in the file, from 0 */
    size_t n_columns;
    const struct shale_column *columns; /* as options.columns; children linked */
    /* Bit i set: row i meets all conditions.  NULL: every row does.  Rows that cannot meet them, by
     * statistics, page index, bloom filter or dictionary, are left out without being read. */
    const uint8_t *selected;
};

SHALE_MUST_USE enum shale_status shale_scan_new(const struct shale_reader *reader,
                                                const struct shale_scan_options *options,
                                                struct shale_scan **out, struct shale_err *err);
void shale_scan_free(struct shale_scan *scan);

/* The next rows; '*out' is NULL at the end.  A failure is final. */
SHALE_MUST_USE enum shale_status
shale_scan_next(struct shale_scan *scan, const struct shale_rows **out, struct shale_err *err);

/* Skip the next 'n_rows' rows of the file, or as many as are left, reading as little as possible;
 * only without conditions. */
SHALE_MUST_USE enum shale_status shale_scan_skip(struct shale_scan *scan, int64_t n_rows,
                                                 struct shale_err *err);

#endif
