/* SPDX-License-Identifier: MIT */
/* Private to parquet: the state of a scan, shared by walking, filtering and pruning.
 *
 * All leaves stand at the same row of a row group, or before it: what was read beyond waits in
 * their stores, and rows that nobody wants from one are skipped when its next rows are ('behind').
 */
#ifndef SHALE_PARQUET_SCAN_H
#define SHALE_PARQUET_SCAN_H

#include "parquet/assemble.h"
#include "parquet/reader.h"

/* Rows of a row group: from 'begin' to 'end'. */
struct shale_row_range {
    int64_t begin, end;
};

struct shale_row_ranges {
    struct shale_row_range *ranges; /* owned; ascending, apart from each other, none empty */
    size_t n, capacity;
};

/* A column that is read, once, in however many places it is wanted. */
struct shale_scan_column {
    size_t column;  /* of the file */
    bool filters;   /* a condition looks at it */
    int64_t behind; /* rows to skip before the next ones are read */
    struct shale_assembly assembly;
};

/* A condition, and how its column's values lie in memory and in the file. */
struct shale_scan_filter {
    struct shale_scan_condition condition; /* 'value' is owned by the scan */
    const struct shale_type *type;
    enum shale_layout layout;
    struct shale_value_kind kind;
    size_t column;          /* of scan->columns */
    size_t leaf;            /* of the file */
    struct shale_str plain; /* as a bloom filter has it; 'data' NULL: it has no such form */
};

struct shale_scan {
    const struct shale_reader *reader;
    const struct shale_mem *mem;
    struct shale_decoder *decoder;
    struct shale_scan_column *columns;
    size_t n_columns;
    size_t *wanted; /* of 'columns', in the order of the options */
    size_t n_wanted;
    struct shale_scan_filter *filters;
    size_t n_filters;
    size_t next_row_group, end_row_group;
    bool in_row_group;
    size_t row_group;
    int64_t row;                    /* of the row group: the first that was not yet given out */
    struct shale_row_ranges ranges; /* of the row group, that may meet the conditions */
    size_t range;                   /* the first of them that ends behind 'row' */
    int64_t batch_rows, target_rows;
    size_t batch_bytes, n_leaves;
    enum shale_status status;   /* sticky */
    struct shale_column *views; /* n_wanted */
    uint8_t *selected;
    size_t selected_bytes;
    struct shale_rows rows;
};

#endif
