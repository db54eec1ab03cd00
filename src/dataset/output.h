/* SPDX-License-Identifier: MIT */
/* The output of a run: data files and rejects under construction, published at the end or not at
 * all.
 *
 *     OPEN --file, row groups--> OPEN --publish--> DONE        anything else --> nothing is left
 *
 * layout file: PATH is replaced by rename; the rejects go to PATH without ".parquet" and with
 * ".rejects.parquet".  layout table: the whole directory is built beside PATH under a temporary
 * name and put in its place in one step; rejects are in _shale/rejects/.
 * One thread at a time, but for different files of one output. */
#ifndef SHALE_DATASET_OUTPUT_H
#define SHALE_DATASET_OUTPUT_H

#include "base/env.h"
#include "parquet/parquet.h"
#include "schema/stream.h"
#include "store/store.h"

struct shale_output_options {
    const char *path;
    enum shale_output_layout layout;
    bool replace; /* what is there may go: a file, or a table of ours */
    const struct shale_schema *schema;
    struct shale_chunk_options chunk; /* of the data files */
    const char *created_by;
};

struct shale_output;

/* Check that the place is free (or may be replaced) and begin.  What 'options' points to is
 * borrowed for the output's life.
 * Returns SHALE_OK, SHALE_USAGE (something is there), SHALE_NOMEM, SHALE_DENIED or SHALE_IO. */
SHALE_MUST_USE enum shale_status shale_output_open(const struct shale_env *env,
                                                   const struct shale_output_options *options,
                                                   struct shale_output **out,
                                                   struct shale_err *err);

/* Frees; what was not published is removed. */
void shale_output_free(struct shale_output *output);

/* One Parquet file of the output. */
struct shale_file {
    const struct shale_mem *mem;
    struct shale_put put;
    struct shale_parquet *parquet;
    const struct shale_schema *schema;
    struct shale_chunk_options chunk;
    bool begun;                     /* the magic is written */
    size_t n_leaves;                /* in the file */
    struct shale_chunk_meta *metas; /* of the row group under construction: the caller's to fill */
};

/* The data file of partition 'name' ("" for none), or the file of rejects.  Creates nothing on disk
 * before its first row group.  The caller frees it by shale_file_free(). */
SHALE_MUST_USE enum shale_status shale_output_data(struct shale_output *output,
                                                   struct shale_str name, struct shale_file **out,
                                                   struct shale_err *err);
SHALE_MUST_USE enum shale_status
shale_output_rejects(struct shale_output *output, struct shale_file **out, struct shale_err *err);
void shale_file_free(struct shale_file *file);

/* A row group: open, then write the chunks of all columns in order to &file->put.sink, filling
 * file->metas, then close with them in 'group'. */
SHALE_MUST_USE enum shale_status shale_file_open(struct shale_file *file, struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_file_close(struct shale_file *file,
                                                  const struct shale_row_group *group,
                                                  struct shale_err *err);

/* Back to 'n_row_groups': the rows of an object that failed. */
SHALE_MUST_USE enum shale_status shale_file_rewind(struct shale_file *file, size_t n_row_groups,
                                                   struct shale_err *err);

/* Footer, fsync; the file is complete under its temporary name. */
SHALE_MUST_USE enum shale_status shale_file_finish(struct shale_file *file, struct shale_err *err);

/* Take a file out of the output again, as if it had never been: its rows are all gone.  Frees it;
 * 'file' may be NULL. */
void shale_output_drop(struct shale_output *output, struct shale_file *file);

/* Show everything to readers: 'files' are the finished ones, 'rejects' may be NULL.  A layout file
 * without rows still gets its file (files[0]).
 * After SHALE_OK the dataset is durable. */
SHALE_MUST_USE enum shale_status shale_output_publish(struct shale_output *output,
                                                      struct shale_file **files, size_t n_files,
                                                      struct shale_file *rejects,
                                                      struct shale_err *err);

/* Where the rejects are, or would be; for messages. */
const char *shale_output_rejects_path(const struct shale_output *output);

#endif
