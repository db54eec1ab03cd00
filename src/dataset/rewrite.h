/* SPDX-License-Identifier: MIT */
/* Rows of files of a table, all or some, into new files: what compaction, replace, rebuild, expire
 * and erase do to the data.  Nothing is published: the caller commits what comes of it (commit.h).
 *
 * The columns are those of the table, so that what other writers added is kept; a file that has
 * fewer gets nulls.  Partition columns stay in the directories.  Memory stays below
 * 'memory_bytes', however many and however large the files are: rows that are to be sorted, and a
 * row group that is larger, go through a temporary file.  The same files in the same order give the
 * same bytes, whatever memory there is. */
#ifndef SHALE_DATASET_REWRITE_H
#define SHALE_DATASET_REWRITE_H

#include "columns/column.h"
#include "dataset/commit.h"
#include "parquet/chunk.h"

/* Some rows of one of the files, in its order, with the columns that 'filter_columns' names. */
struct shale_rewrite_rows {
    /* The file: its partition values are values of its rows.  NULL: it is no table's. */
    const struct shale_log_add *add;
    int64_t n_rows;
    const struct shale_column *columns; /* as 'filter_columns'; NULL data where the file, which is
                                         * older, has no such column: all null */
    const bool *missing;                /* one a column: that is so */
};

struct shale_rewrite_options {
    const struct shale_log_state *log; /* the table: its schema and partition columns */
    struct shale_chunk_options chunk;  /* compression, profile of the files written */
    /* How a definition stores columns (encodings, bloom filters); NULL: as the last file has them,
     * as far as it can be seen: which encoding is the smallest is measured anew. */
    const struct shale_schema *columns;
    int64_t row_group_bytes;         /* of rows in memory; 0: 32 MiB */
    int64_t target_bytes;            /* a file is closed when it has about so many; 0: never */
    const struct shale_str *sort_by; /* columns of the table, ascending; none: rows stay in order */
    size_t n_sort_by;
    size_t memory_bytes;    /* 0: 128 MiB */
    const char *temporary;  /* directory of the temporary file; NULL: there is none, and rows of one
                             * row group wait in memory (none may be sorted) */
    const char *created_by; /* of the files */
    struct shale_str input; /* SHALE_TAG_INPUT of the files */
    bool data_change;       /* of the adds */
    /* Clear keep[i] (all are set) of the rows that go.  NULL: none goes. */
    enum shale_status (*filter)(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                struct shale_err *err);
    void *filter_ctx;
    const struct shale_str *filter_columns;
    size_t n_filter_columns;
};

struct shale_rewritten {
    struct shale_log_add *adds; /* complete: statistics, tags, sizes; memory in the arena */
    size_t n_adds;
    int64_t rows_in, rows_out, bytes_in, bytes_out;
    int64_t *rows_of; /* in each of the files that were read; memory in the arena */
};

/* 'files' are live and all of one partition.  No file is written when no row stays.
 * SHALE_NOT_FOUND: one of 'files' is gone: read a newer base.  SHALE_CORRUPT, SHALE_SCHEMA: one
 * cannot be read, by name; others as of the store. */
SHALE_MUST_USE enum shale_status shale_rewrite(struct shale_store *store,
                                               const struct shale_rewrite_options *options,
                                               const struct shale_log_add *files, size_t n_files,
                                               struct shale_arena *arena,
                                               struct shale_rewritten *out, struct shale_err *err);

/* How many rows of 'files' the filter would take out, reading only the columns of the filter.
 * 'n_gone' has one for each file. */
SHALE_MUST_USE enum shale_status shale_rewrite_count(struct shale_store *store,
                                                     const struct shale_rewrite_options *options,
                                                     const struct shale_log_add *files,
                                                     size_t n_files, int64_t *n_gone,
                                                     struct shale_err *err);

#endif
