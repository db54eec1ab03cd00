/* SPDX-License-Identifier: MIT */
/* Private to parquet: a file that grows, in steps.
 *
 *     columns of both files matched (append_match.c) -> how much is copied (append.c)
 *         -> what the new footer says of it (append_kept.c, append_footer.c)
 *         -> rows that are encoded again (append_rows.c) */
#ifndef SHALE_PARQUET_APPEND_PARTS_H
#define SHALE_PARQUET_APPEND_PARTS_H

#include "parquet/append.h"
#include "parquet/leaf.h"
#include "parquet/parquet_parts.h"
#include "parquet/reader_parts.h"

#define SHALE_NOWHERE SIZE_MAX

enum { SHALE_APPEND_NAME_BYTES = 120, SHALE_APPEND_NULL_ROWS = 16384 };

/* Columns of nulls, in pieces of at most SHALE_APPEND_NULL_ROWS rows. */
struct shale_append_nulls {
    void *zeros;                /* owned; of that many of the widest values, NULL until needed */
    struct shale_column *nodes; /* owned; of all columns' types */
};

struct shale_append {
    struct shale_kept kept; /* first member */
    const struct shale_mem *mem;
    const struct shale_reader *reader;
    const struct shale_file *file;
    struct shale_append_options options;
    struct shale_append_plan plan;
    char where[SHALE_APPEND_NAME_BYTES]; /* plan.where */

    /* Columns and leaves of the new file, and which of the old file they are. */
    size_t n_columns, n_leaves;
    size_t *column_from; /* [n_columns] SHALE_NOWHERE: nulls */
    size_t *leaf_from;   /* [n_leaves] as well */
    size_t *leaf_to;     /* [the old file's leaves] SHALE_NOWHERE: none wants it */
    bool same_columns;   /* all are there, in the same order, and nothing is added */
    size_t *group_bytes; /* [row groups] in memory; SIZE_MAX: it cannot be decoded */

    /* Of what is copied. */
    const struct shale_parquet *parquet; /* borrowed, from begin() on */
    struct shale_footer_indexes indexes; /* of the chunks of nulls */
    char *window;                        /* owned; bytes of the old file from 'window_at' on */
    int64_t window_at;
    size_t window_bytes;
    struct shale_buf others;  /* kept.others */
    struct shale_buf sorting; /* struct shale_parquet_sorting: scratch */
    struct shale_buf pairs;   /* struct shale_key_value */
    struct shale_append_nulls nulls;

    /* Of what is encoded again. */
    struct shale_scan *scan;
    int64_t next_row, end_row; /* without a scan: no column of the old file is wanted */
    struct shale_rows rows;
    struct shale_column *columns; /* owned; rows.columns */
    enum shale_status failed;     /* SHALE_OK: not yet */
};

/* append->column_from, leaf_from, leaf_to; the plan's 'why', 'where', 'n_added'. */
SHALE_MUST_USE enum shale_status shale_append_match(struct shale_append *append,
                                                    struct shale_err *err);

/* Our footer says that all bounds are in the types' order: are these? */
bool shale_append_bounds_hold(const struct shale_file_leaf *info);

/* Write a range of the old file, which lies within it; what follows what was copied last is mostly
 * in memory. */
SHALE_MUST_USE enum shale_status shale_append_copy(struct shale_append *append, int64_t at,
                                                   int64_t n_bytes, struct shale_sink *sink,
                                                   struct shale_err *err);

/* How long the chunk's bloom filter is, 0: there is none, or none that can be understood. */
SHALE_MUST_USE enum shale_status shale_append_bloom_bytes(const struct shale_append *append,
                                                          const struct shale_file_chunk *chunk,
                                                          int64_t *out, struct shale_err *err);

/* The order that the old footer says, by the new numbers of the leaves; it ends before the first
 * that there is not.  Good until the next call. */
SHALE_MUST_USE enum shale_status shale_append_put_sorting(struct shale_append *append,
                                                          const struct shale_file_row_group *old,
                                                          struct shale_footer_group *group);

/* Add the piece of an old chunk, which is now the chunk of 'leaf'; 'bloom_bytes' 0: it has no
 * bloom filter. */
SHALE_MUST_USE enum shale_status shale_append_put_chunk(struct shale_footer_parts *parts,
                                                        const struct shale_leaf *leaf,
                                                        const struct shale_file_leaf *info,
                                                        const struct shale_file_chunk *chunk,
                                                        int64_t bloom_at, int64_t bloom_bytes);

/* The first 'plan.n_copied' row groups become those of 'parquet'. */
SHALE_MUST_USE enum shale_status shale_append_keep(struct shale_append *append,
                                                   struct shale_parquet *parquet,
                                                   struct shale_sink *sink, struct shale_err *err);

/* 'n_rows' (at most SHALE_APPEND_NULL_ROWS) nulls of a type; '*nodes' as many as it has nodes. */
SHALE_MUST_USE enum shale_status shale_append_make_nulls(struct shale_append *append);
void shale_append_null_column(const struct shale_append *append, const struct shale_type *type,
                              int64_t n_rows, struct shale_column *nodes);

#endif
