/* SPDX-License-Identifier: MIT */
/* Private to rewriting: the stages that rows go through.
 *
 *     file --views--> filter --collect--> [sort: runs, spill file, merge] --target--> new files
 */
#ifndef SHALE_DATASET_REWRITE_PARTS_H
#define SHALE_DATASET_REWRITE_PARTS_H

#include "columns/pack.h"
#include "dataset/log_stats.h"
#include "dataset/rewrite.h"
#include "parquet/file_writer.h"
#include "store/store.h"

/* ---- rewrite_map.c: columns of a file as those of the table -----------------------------------
 */

struct shale_file; /* of parquet/metadata.h; output.h has another */
struct shale_rows; /* of parquet/reader.h */

/* The columns that new files have: the table's, but for its partition columns, each stored as
 * 'file' has it where Delta's type has less to say (json, uuid, INT96); encodings and bloom filters
 * as 'wanted' says, else as 'file' has them. */
SHALE_MUST_USE enum shale_status
shale_rewrite_columns(struct shale_arena *arena, const struct shale_log_state *log,
                      const struct shale_schema *wanted, const struct shale_file *file,
                      struct shale_schema *out, struct shale_err *err);

/* One batch of a file's rows as the wanted columns. */
struct shale_rewrite_views {
    const struct shale_mem *mem;
    const struct shale_schema *wanted;
    struct shale_column *columns; /* of 'wanted', good until the next call */
    bool *missing;                /* the file has no such column */
    struct shale_column *nodes;   /* of all of them */
    struct shale_arena arena;     /* of a batch: nulls, values of another unit */
    const void *zeros;
    size_t n_zero_bytes;
    /* Of the file: */
    const struct shale_schema *file;
    size_t *picked; /* columns of the file, in the order of those wanted that it has */
    size_t n_picked;
    bool *same; /* of a column that is wanted: it is as it lies in the file */
};

SHALE_MUST_USE enum shale_status shale_rewrite_views_init(struct shale_rewrite_views *views,
                                                          const struct shale_mem *mem,
                                                          const struct shale_schema *wanted);
/* After a failed init as well. */
void shale_rewrite_views_fini(struct shale_rewrite_views *views);

/* The next file; 'file' is borrowed.  SHALE_SCHEMA: a column cannot be read as what it is in the
 * table. */
SHALE_MUST_USE enum shale_status shale_rewrite_views_file(struct shale_rewrite_views *views,
                                                          const struct shale_schema *file,
                                                          struct shale_err *err);

/* 'rows' are of a scan of 'picked'.  SHALE_LIMIT: a timestamp that has no microseconds. */
SHALE_MUST_USE enum shale_status shale_rewrite_views_rows(struct shale_rewrite_views *views,
                                                          const struct shale_rows *rows,
                                                          struct shale_err *err);

/* ---- rewrite_packed.c: rows that are kept -----------------------------------------------------
 */

struct shale_packed {
    const struct shale_mem *mem;
    struct shale_batch *batch;
    int64_t n_rows;
    size_t n_bytes;
    struct shale_column *columns; /* one a column of the schema */
    struct shale_packed *next;
};

/* Take 'batch' (freed when it fails). */
SHALE_MUST_USE enum shale_status shale_packed_new(const struct shale_mem *mem,
                                                  const struct shale_schema *schema,
                                                  struct shale_batch *batch,
                                                  struct shale_packed **out);
void shale_packed_free(struct shale_packed *packed);

/* Where packed rows go; it owns 'packed' from the call on, also when it fails. */
struct shale_packed_sink {
    enum shale_status (*take)(struct shale_packed_sink *sink, struct shale_packed *packed,
                              struct shale_err *err);
};

/* ---- rewrite_wait.c: rows that wait for their row group ---------------------------------------
 */

struct shale_rewrite_wait {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    size_t memory_bytes, n_held_bytes;
    const char *temporary;
    struct shale_spill spill;
    uint64_t n_row_bytes; /* shale_column_size() of what waits */
    /* Of what is read back from there: */
    struct shale_buf header, part;
    struct shale_column *nodes;
};

void shale_rewrite_wait_init(struct shale_rewrite_wait *wait, const struct shale_mem *mem,
                             const struct shale_schema *schema, size_t memory_bytes,
                             const char *temporary);
/* After its writer was freed. */
void shale_rewrite_wait_fini(struct shale_rewrite_wait *wait);
/* Give rows of '*packed' to the writer, from row '*at' on and up to the one with which those that
 * wait have 'limit' bytes; '*at' is behind them.  '*packed' is NULL when it was taken whole. */
SHALE_MUST_USE enum shale_status
shale_rewrite_wait_fill(struct shale_rewrite_wait *wait, struct shale_packed **packed, int64_t *at,
                        uint64_t limit, struct shale_file_writer *writer, struct shale_err *err);
/* They become a row group. */
SHALE_MUST_USE enum shale_status shale_rewrite_wait_cut(struct shale_rewrite_wait *wait,
                                                        struct shale_file_writer *writer,
                                                        struct shale_err *err);
/* What the writer's 'read' does. */
SHALE_MUST_USE enum shale_status shale_rewrite_wait_read(struct shale_rewrite_wait *wait,
                                                         void *owner, size_t column,
                                                         const struct shale_column **out,
                                                         struct shale_err *err);

/* ---- rewrite.c: rows of an open file ----------------------------------------------------------
 */

struct shale_reader; /* of parquet/reader.h */

struct shale_rewrite_receiver {
    struct shale_packed_sink sink; /* first member */
    /* Before the first row, when there is an order: as much of it as footers may speak of, leaves
     * of the new file; good until this returns. */
    enum shale_status (*sorted)(struct shale_rewrite_receiver *to,
                                const struct shale_parquet_sorting *sorting, size_t n_sorting,
                                struct shale_err *err);
};

/* The rows of some row groups of a file that is no table's go to 'to', with the columns that
 * shale_rewrite_columns() says, filtered and sorted as the options say, of which 'log' need have no
 * more than a schema; what concerns new files is not looked at.  'to' NULL: they are only counted,
 * and no column is read but the filter's.  'out' has rows_in and rows_out alone. */
SHALE_MUST_USE enum shale_status
shale_rewrite_reader(const struct shale_env *env, const struct shale_rewrite_options *options,
                     struct shale_reader *reader, size_t first_row_group, size_t n_row_groups,
                     struct shale_rewrite_receiver *to, struct shale_rewritten *out,
                     struct shale_err *err);

/* ---- rewrite_target.c: new files --------------------------------------------------------------
 */

struct shale_rewrite_target {
    struct shale_packed_sink sink; /* first member */
    struct shale_store *store;
    const struct shale_rewrite_options *options;
    const struct shale_schema *schema;
    const struct shale_log_add *like; /* a file of the same partition */
    struct shale_arena *arena;        /* of the adds */
    size_t group_bytes;
    const struct shale_parquet_sorting *sorting;
    size_t n_sorting;
    /* The file under construction: */
    struct shale_counted {
        struct shale_sink sink; /* first member */
        struct shale_sink *to;
        int64_t n_bytes;
    } counted;
    struct shale_store_put *put;
    struct shale_file_writer *writer; /* NULL: there is none */
    struct shale_log_leaf *leaves;
    size_t n_leaves;
    struct shale_str path;
    struct shale_rewrite_wait wait;
    /* Of the row groups so far: */
    double n_memory_bytes, n_file_bytes;
    struct shale_buf adds; /* struct shale_log_add */
};

void shale_rewrite_target_init(struct shale_rewrite_target *target, struct shale_store *store,
                               const struct shale_rewrite_options *options,
                               const struct shale_schema *schema, const struct shale_log_add *like,
                               size_t memory_bytes, struct shale_arena *arena);
void shale_rewrite_target_fini(struct shale_rewrite_target *target);
/* The last file is complete. */
SHALE_MUST_USE enum shale_status shale_rewrite_target_finish(struct shale_rewrite_target *target,
                                                             struct shale_err *err);

/* ---- rewrite_sort.c ---------------------------------------------------------------------------
 */

struct shale_rewrite_sort;

/* Rows that are put into it come out of shale_rewrite_sort_finish() in the order of 'keys', columns
 * of 'schema'; those that are equal in the order in which they came. */
SHALE_MUST_USE enum shale_status shale_rewrite_sort_new(const struct shale_mem *mem,
                                                        const struct shale_schema *schema,
                                                        const size_t *keys, size_t n_keys,
                                                        size_t memory_bytes, const char *temporary,
                                                        struct shale_rewrite_sort **out,
                                                        struct shale_err *err);
void shale_rewrite_sort_free(struct shale_rewrite_sort *sort);
struct shale_packed_sink *shale_rewrite_sort_sink(struct shale_rewrite_sort *sort);
/* All rows are in it: the last run is sorted.  Of how many keys the footers may speak. */
SHALE_MUST_USE enum shale_status shale_rewrite_sort_end(struct shale_rewrite_sort *sort,
                                                        size_t *n_said, struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_rewrite_sort_finish(struct shale_rewrite_sort *sort,
                                                           struct shale_packed_sink *to,
                                                           struct shale_err *err);

#endif
