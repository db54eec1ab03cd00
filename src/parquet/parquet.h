/* SPDX-License-Identifier: MIT */
/* One Parquet file: the magic, row groups, then the footer.  Holds what the footer will say and
 * writes to a sink that is given with each call, so no file stays open between row groups.
 *
 *     NEW --begin--> OPEN --row_group--> OPEN --finish--> DONE
 *
 * Readers accept the file only after finish() returned SHALE_OK; before that the bytes are a
 * prefix without a footer.  One thread at a time per file. */
#ifndef SHALE_PARQUET_PARQUET_H
#define SHALE_PARQUET_PARQUET_H

#include "parquet/chunk.h"

struct shale_parquet;

/* 'schema' and 'codec' are the file's; columns that are partition_only are left out.  'schema' is
 * borrowed.  'created_by' ("shale version 0.1.0 (build ...)") is copied. */
SHALE_MUST_USE enum shale_status shale_parquet_new(const struct shale_mem *mem,
                                                   const struct shale_schema *schema,
                                                   enum shale_codec codec, const char *created_by,
                                                   struct shale_parquet **out);
void shale_parquet_free(struct shale_parquet *file);

/* Write the magic. */
SHALE_MUST_USE enum shale_status
shale_parquet_begin(struct shale_parquet *file, struct shale_sink *sink, struct shale_err *err);

/* The chunks of all leaves were written right behind what came before, in order; 'metas' (one a
 * leaf of the file) is copied.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_parquet_row_group(struct shale_parquet *file,
                                                         const struct shale_chunk_meta *metas,
                                                         int64_t n_rows);

/* Write the footer and the magic. */
SHALE_MUST_USE enum shale_status
shale_parquet_finish(struct shale_parquet *file, struct shale_sink *sink, struct shale_err *err);

/* Where the file stands, and back to where it stood: an object failed behind a mark. */
int64_t shale_parquet_n_bytes(const struct shale_parquet *file);
int64_t shale_parquet_n_rows(const struct shale_parquet *file);
size_t shale_parquet_n_row_groups(const struct shale_parquet *file);
void shale_parquet_rewind(struct shale_parquet *file, size_t n_row_groups);

#endif
