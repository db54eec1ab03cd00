/* SPDX-License-Identifier: MIT */
/* One Parquet file: the magic, row groups, then the footer.  Holds what the footer will say and
 * writes to a sink that is given with each call, so no file stays open between row groups.
 *
 *     NEW --begin--> OPEN --row_group--> OPEN --finish--> DONE        (append.h: another beginning)
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

/* What the rows of a row group are sorted by, first to last. */
struct shale_parquet_sorting {
    int32_t leaf;
    bool descending, nulls_first;
};

struct shale_row_group {
    struct shale_chunk_meta *metas; /* one a leaf of the file */
    int64_t n_rows;
    const struct shale_parquet_sorting *sorting; /* only where it is true */
    size_t n_sorting;
};

/* The chunks of all leaves were written right behind what came before, in order; what belongs
 * behind them (bloom filters) is written.  'group' is copied, and what its metas hold is freed in
 * any case. Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (a footer over 2 GiB) or what the sink
 * returned. */
SHALE_MUST_USE enum shale_status shale_parquet_row_group(struct shale_parquet *file,
                                                         const struct shale_row_group *group,
                                                         struct shale_sink *sink,
                                                         struct shale_err *err);

/* For the footer's key_value_metadata. */
struct shale_key_value {
    struct shale_str key, value;
};

/* Write the page indexes, the footer with these pairs and the magic. */
SHALE_MUST_USE enum shale_status shale_parquet_finish(struct shale_parquet *file,
                                                      const struct shale_key_value *pairs,
                                                      size_t n_pairs, struct shale_sink *sink,
                                                      struct shale_err *err);

/* Where the file stands, and back to where it stood: an object failed behind a mark. */
int64_t shale_parquet_n_bytes(const struct shale_parquet *file);
int64_t shale_parquet_n_rows(const struct shale_parquet *file);
size_t shale_parquet_n_row_groups(const struct shale_parquet *file);
void shale_parquet_rewind(struct shale_parquet *file, size_t n_row_groups);

#endif
