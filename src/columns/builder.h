/* SPDX-License-Identifier: MIT */
/* Columns of many rows under construction, then split into one exact-size batch a partition.
 * Buffers are kept from one batch to the next.  One thread at a time.
 *
 * A row is appended column by column, each column once, in any order, then shale_builder_row().
 * Every put names its column; where in it the value goes follows from what has begun there:
 *
 *     shale_builder_i64(b, 0, 17);
 *     shale_builder_list_begin(b, 1);           // list<string>: its elements
 *     shale_builder_bytes(b, 1, text);
 *     shale_builder_list_end(b, 1);
 *     shale_builder_list_begin(b, 2);           // map<string,int64>: key, value, key, value
 *     shale_builder_bytes(b, 2, key);
 *     shale_builder_i64(b, 2, 18);
 *     shale_builder_list_end(b, 2);
 *     shale_builder_struct_begin(b, 3);         // struct{a: bool, b: double}: each member once, in
 *     shale_builder_bool(b, 3, true);           // the type's order
 *     shale_builder_null(b, 3);
 *     shale_builder_struct_end(b, 3);
 *     status = shale_builder_row(b);
 *
 * The puts are sticky: the first failure (SHALE_NOMEM; SHALE_LIMIT: a column, or what is inside it,
 * over 2^31 - 1 bytes or elements) is kept and returned by shale_builder_row() and all later
 * calls. */
#ifndef SHALE_COLUMNS_BUILDER_H
#define SHALE_COLUMNS_BUILDER_H

#include "base/checked.h"
#include "base/mem.h"
#include "base/status.h"
#include "columns/batch.h"
#include "columns/column.h"
#include "schema/type.h"

struct shale_builder;

/* 'schema' is borrowed for the builder's life. */
SHALE_MUST_USE enum shale_status shale_builder_new(const struct shale_mem *mem,
                                                   const struct shale_schema *schema,
                                                   struct shale_builder **out);
void shale_builder_free(struct shale_builder *builder);

/* Forget all rows and a failure, keep the memory, but not more than 'keep_bytes' of it. */
void shale_builder_reset(struct shale_builder *builder, size_t keep_bytes);

/* Of a LIST, MAP or STRUCT: as a whole; it has neither begin nor end then. */
void shale_builder_null(struct shale_builder *builder, size_t column);
void shale_builder_bool(struct shale_builder *builder, size_t column, bool value);
void shale_builder_i32(struct shale_builder *builder, size_t column, int32_t value);
void shale_builder_i64(struct shale_builder *builder, size_t column, int64_t value);
void shale_builder_f32(struct shale_builder *builder, size_t column, float value);
void shale_builder_f64(struct shale_builder *builder, size_t column, double value);
void shale_builder_i128(struct shale_builder *builder, size_t column, shale_i128 value);
void shale_builder_bytes(struct shale_builder *builder, size_t column, struct shale_str value);
/* A LIST or a MAP: between begin and end the puts append its elements, or its keys and values in
 * turn (a key is never null). */
void shale_builder_list_begin(struct shale_builder *builder, size_t column);
void shale_builder_list_end(struct shale_builder *builder, size_t column);
/* A STRUCT: between begin and end, one put, or one begin and end, a member. */
void shale_builder_struct_begin(struct shale_builder *builder, size_t column);
void shale_builder_struct_end(struct shale_builder *builder, size_t column);

/* The row is complete (asserted: each column has one more). */
SHALE_MUST_USE enum shale_status shale_builder_row(struct shale_builder *builder);

int64_t shale_builder_n_rows(const struct shale_builder *builder);

/* Column bytes so far, as batches count them (without alignment). */
size_t shale_builder_n_bytes(const struct shale_builder *builder);

/* Drop the rows from 'n_rows' on: those of an object that failed. */
void shale_builder_truncate(struct shale_builder *builder, int64_t n_rows);

/* A view of one column, good until the next change; what is nested has no 'child'. */
void shale_builder_column(const struct shale_builder *builder, size_t column,
                          struct shale_column *out);

/* Make one batch for each of 'n_parts' partitions: row i goes to part_of_row[i] (NULL: all to 0),
 * rows keep their order; columns that are partition_only are left out.  out[p] is owned by the
 * caller, NULL for a partition without rows.  The builder is as before.
 * Returns SHALE_OK, or SHALE_NOMEM (no batch is left). */
SHALE_MUST_USE enum shale_status shale_builder_split(const struct shale_builder *builder,
                                                     const uint32_t *part_of_row, uint32_t n_parts,
                                                     struct shale_batch **out);

#endif
