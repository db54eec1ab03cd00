/* SPDX-License-Identifier: MIT */
/* A whole file from rows, by one thread: rows wait until they are a row group.
 *
 * For callers that have no plan of their own for memory and threads (the run has). */
#ifndef SHALE_PARQUET_FILE_WRITER_H
#define SHALE_PARQUET_FILE_WRITER_H

#include "parquet/chunk.h"
#include "parquet/parquet.h"

struct shale_file_writer;
struct shale_append; /* append.h */

struct shale_file_writer_options {
    struct shale_chunk_options chunk;
    size_t row_group_bytes; /* a row group is cut behind the piece with which its rows reach this in
                             * memory; 0: 32 MiB */
    const char *created_by; /* copied */
    /* What the rows of each row group are sorted by, as the caller makes sure; borrowed. */
    const struct shale_parquet_sorting *sorting;
    size_t n_sorting;
    /* Told of each chunk before its row group is closed (for statistics); NULL: nobody is. */
    void (*chunk_written)(void *ctx, size_t number, const struct shale_leaf *leaf,
                          const struct shale_chunk_meta *meta);
    /* A column of a piece whose rows lie elsewhere ('columns' is NULL), when it is written; '*out'
     * is good until the next call. */
    enum shale_status (*read)(void *ctx, void *owner, size_t column,
                              const struct shale_column **out, struct shale_err *err);
    void *ctx; /* of both */
    /* Another file grows: its plan is made, the sink stands behind the bytes that it says; rows
     * that are to be encoded again are those before the first piece.  Borrowed; NULL: a new file.
     */
    struct shale_append *append;
};

/* Rows, owned by whoever made them until release(owner) is called. */
struct shale_file_piece {
    const struct shale_column *columns; /* one a column of the schema; NULL: options.read() */
    int64_t n_rows;
    size_t n_bytes; /* of memory */
    void (*release)(void *owner);
    void *owner;
};

/* Write the magic, or of a file that grows all that comes before the new rows.  'schema' and 'sink'
 * are borrowed for the writer's life; columns that are partition_only do not occur. */
SHALE_MUST_USE enum shale_status
shale_file_writer_new(const struct shale_mem *mem, const struct shale_schema *schema,
                      const struct shale_file_writer_options *options, struct shale_sink *sink,
                      struct shale_file_writer **out, struct shale_err *err);
void shale_file_writer_free(struct shale_file_writer *writer);

/* Take a piece: it is released when it is written, at once after a failure.  Failures are final:
 * those of shale_chunk_write(). */
SHALE_MUST_USE enum shale_status shale_file_writer_append(struct shale_file_writer *writer,
                                                          const struct shale_file_piece *piece,
                                                          struct shale_err *err);

/* Take a copy of 'n_rows' rows of columns, one a column of the schema, children linked. */
SHALE_MUST_USE enum shale_status shale_file_writer_copy(struct shale_file_writer *writer,
                                                        const struct shale_column *columns,
                                                        int64_t n_rows, struct shale_err *err);

/* What the rows that come next are sorted by, from a new row group on (nothing waits); borrowed. */
void shale_file_writer_set_sorting(struct shale_file_writer *writer,
                                   const struct shale_parquet_sorting *sorting, size_t n_sorting);

/* What waits becomes a row group now. */
SHALE_MUST_USE enum shale_status shale_file_writer_cut(struct shale_file_writer *writer,
                                                       struct shale_err *err);

/* What waits becomes a row group, then one that is there is moved behind it (append.h). */
SHALE_MUST_USE enum shale_status shale_file_writer_move(struct shale_file_writer *writer,
                                                        struct shale_append *from, size_t row_group,
                                                        struct shale_err *err);

/* What is in the file, without what waits; of that the bytes of memory. */
int64_t shale_file_writer_n_bytes(const struct shale_file_writer *writer);
int64_t shale_file_writer_n_rows(const struct shale_file_writer *writer);
size_t shale_file_writer_n_row_groups(const struct shale_file_writer *writer);
size_t shale_file_writer_n_waiting_bytes(const struct shale_file_writer *writer);

/* Write what waits, and the footer with these pairs (and, of a file that grows, its own). */
SHALE_MUST_USE enum shale_status shale_file_writer_finish(struct shale_file_writer *writer,
                                                          const struct shale_key_value *pairs,
                                                          size_t n_pairs, struct shale_err *err);

#endif
