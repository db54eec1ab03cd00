/* SPDX-License-Identifier: MIT */
/* The output of a run: data files and rejects under construction.
 *
 *     OPEN --file, row groups--> OPEN --publish--> OPEN ...    what was not published is removed
 *
 * layout file: PATH is replaced by rename; the rejects go to PATH without ".parquet" and with
 * ".rejects.parquet".  layout table: data files get names that are used once, in the directories of
 * their partitions, and rejects in _shale/rejects/; they are of the table when a commit says so
 * (commit.h), and stay when none does.  A file that grows: the new rows are a file under a
 * temporary name, which is never given its own (shale_single_commit() takes them), and rejects go
 * to PATH._shale/rejects/. One thread at a time, but for different files of one output. */
#ifndef SHALE_DATASET_OUTPUT_H
#define SHALE_DATASET_OUTPUT_H

#include "base/env.h"
#include "codec/content_hash.h"
#include "dataset/first_input.h"
#include "dataset/log_stats.h"
#include "parquet/parquet.h"
#include "schema/stream.h"
#include "store/store.h"

struct shale_output_options {
    const char *path;
    enum shale_output_layout layout;
    bool replace; /* layout file: what is there may go */
    bool grows;   /* layout file: one that has a ledger (single.h) */
    bool has_log; /* layout table: there is one already */
    const struct shale_schema *schema;
    struct shale_chunk_options chunk; /* of the data files */
    const char *created_by;
};

struct shale_output;

/* Check that the place is free (or may be replaced, or is a table) and begin.  What 'options'
 * points to is borrowed for the output's life. Returns SHALE_OK, SHALE_USAGE (something is there),
 * SHALE_NOMEM, SHALE_DENIED or SHALE_IO. */
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
    size_t n_base;                  /* of put.path: what is before its name in the table */
    bool begun;                     /* the magic is written */
    size_t n_leaves;                /* in the file */
    struct shale_chunk_meta *metas; /* of the row group under construction: the caller's to fill */
    bool hashes;                    /* its footer, when finished: a commit names it */
    /* layout table: statistics, and what they were at the mark. */
    struct shale_log_leaf *leaves, *marked;
    char footer_hash[SHALE_CONTENT_HASH_CHARS + 1]; /* with 'hashes', when finished */
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

/* Where it stands now is where shale_file_rewind() goes back to: before the rows of an object that
 * may fail. */
void shale_file_mark(struct shale_file *file);

/* Back to the 'n_row_groups' that it had at the mark (0: none): that object failed. */
SHALE_MUST_USE enum shale_status shale_file_rewind(struct shale_file *file, size_t n_row_groups,
                                                   struct shale_err *err);

/* Footer, fsync; the file is complete under its temporary name.  'input' is what SHALE_TAG_INPUT
 * says, "" nothing. */
SHALE_MUST_USE enum shale_status shale_file_finish(struct shale_file *file, struct shale_str input,
                                                   struct shale_err *err);

/* Give the finished 'files' and 'rejects' (may be NULL) their names.  A layout file without rows
 * still gets its file (files[0]), and after SHALE_OK the dataset is there and durable; a table's
 * files are, and wait for the commit; of a file that grows only the rejects get their name. */
SHALE_MUST_USE enum shale_status shale_output_publish(struct shale_output *output,
                                                      struct shale_file **files, size_t n_files,
                                                      struct shale_file *rejects,
                                                      struct shale_err *err);

/* What the names of data files have before ".parquet": ".zstd". */
const char *shale_output_suffix(enum shale_codec codec);

/* layout table: there is a log now.  Until then a mark in the directory says that a table is being
 * made, so that files without a log are not taken for another's. */
void shale_output_committed(const struct shale_output *output);

/* Where the rejects are, or would be; for messages. */
const char *shale_output_rejects_path(const struct shale_output *output);

#endif
