/* SPDX-License-Identifier: MIT */
/* Growing a Parquet file, of any writer, whose bytes are not trusted: a new file whose first bytes
 * are those of the old one, row groups and all, then new row groups, then a new footer.
 *
 *     status = shale_append_new(&mem, reader, &options, &append, &err);
 *     plan = shale_append_plan(append, bytes_of_the_new_rows);
 *     ... copy the first plan->copied_bytes bytes of the old file to a new one ...
 *     status = shale_append_begin(append, parquet, sink, &err);        // 'parquet' is new
 *     while ((status = shale_append_next(append, &rows, &err)) == SHALE_OK && rows != NULL)
 *         ... rows of the old file that are to be encoded again, before the new rows ...
 *     ... shale_parquet_row_group() as for any file ...
 *     status = shale_append_pairs(append, pairs, n_pairs, &all, &n_all, &err);
 *     status = shale_parquet_finish(parquet, all, n_all, sink, &err);
 *
 * What stays where.  The copied bytes are a beginning of the old file, so no page, dictionary or
 * bloom filter in them moves, and one copy_file_range() or UploadPartCopy makes it.  Written anew
 * behind them: bloom filters that lie behind the copied bytes; for each column that the old file
 * lacks, and each old row group, a chunk of nulls; at the end the page indexes, all together in
 * front of the footer, and the footer.  What the footer says of a chunk (statistics, sizes,
 * encodings, sorting) is kept where it can be believed under our name: bounds whose order is not
 * known, and a column index without known order, are left out.
 *
 * What is copied.  A column of the new schema is the column of that name in the old file.  All row
 * groups are copied when each column has, leaf by leaf, the same physical type, annotation and
 * levels, in the same order, and those that are added come behind them (shale_append_order() makes
 * such an order: in a row group, pages lie in the order of the columns, and there are readers that
 * take it for granted).  Else (required instead of optional, lists of two levels, decimals in
 * another physical type ...), and for writers whose files readers know by their created_by to need
 * rules of their own, all rows are encoded again, once, and plan->why says so.  Refused, by name: a
 * column of another type, one that the new schema has not, one that cannot be read (encrypted,
 * float16 ...), chunks that overlap.
 *
 * Small row groups.  With each file that grows by a little there would be one more row group.  So
 * the last row groups are encoded again together with the new rows, by this rule, with 'taken' the
 * bytes in memory of the new rows and of the row groups that were taken already:
 *
 *     from the last row group on: take it when its bytes are below row_group_bytes / 2, and not
 *     more than 'taken', and the bytes of all that is taken of the old stay below row_group_bytes;
 *     the first that is not taken ends it.
 *
 * Unless the caller cuts row groups himself (a run that moves its full ones behind the tail): a row
 * that is taken is in a row group of at least twice the bytes afterwards, so it is encoded
 * log2(row_group_bytes / bytes of a row) times at most; and each row group that is small and stays
 * is larger than all behind it together, so there are at most 2 * (bytes of all rows /
 * row_group_bytes) + log2(row_group_bytes / bytes of a row) + 1 of them.  Bytes are those of the
 * rows in memory as the footer tells them (value counts, size statistics); where an old footer says
 * less, they are estimated too low, and more is encoded again, never more than row_group_bytes of
 * such bytes.
 *
 * Bytes that no footer names any more (of a row group that was taken while a column's nulls lay
 * behind it) stay in the file: at most row_group_bytes for each time that columns are added.
 *
 * Memory: the reader's, and what the new footer will say.  One thread at a time. */
#ifndef SHALE_PARQUET_APPEND_H
#define SHALE_PARQUET_APPEND_H

#include "parquet/parquet.h"

struct shale_append;
struct shale_reader; /* reader.h */
struct shale_rows;

struct shale_append_options {
    const struct shale_schema *schema; /* of the new file */
    struct shale_chunk_options chunk;  /* for the chunks of nulls; the codec is 'parquet's */
    size_t row_group_bytes;            /* in memory, at which row groups are cut; 0: 32 MiB */
    /* A timestamp without time zone is taken for the UTC that the schema wants; else it is another
     * type. */
    bool local_is_utc;
};

/* The bytes in memory of all rows of a file, as the rule above counts them. */
size_t shale_append_bytes(const struct shale_reader *reader);

/* Look whether the reader's file can grow to options.schema.  'mem', 'reader' and the schema are
 * borrowed until 'append' and the struct shale_parquet that it began are freed.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (reader's memory), SHALE_SCHEMA (refused, by name), or
 * SHALE_CORRUPT (chunks overlap). */
SHALE_MUST_USE enum shale_status shale_append_new(const struct shale_mem *mem,
                                                  const struct shale_reader *reader,
                                                  const struct shale_append_options *options,
                                                  struct shale_append **out, struct shale_err *err);
void shale_append_free(struct shale_append *append);

/* The order of the schema's columns in which the file grows by copies, where it can: those that it
 * has, as it has them, then the others.  order[i], of as many as the schema has, is the number in
 * the schema of the column that is to be the i-th. */
void shale_append_order(const struct shale_reader *reader, const struct shale_schema *schema,
                        size_t *order);

struct shale_append_plan {
    int64_t copied_bytes; /* of the old file's beginning, its magic included; 0: copy nothing */
    size_t n_copied;      /* the first row groups, which are copied ... */
    int64_t rows_copied;
    size_t n_encoded; /* ... and the others, which are encoded again */
    int64_t rows_encoded;
    const char *why;        /* why all row groups are encoded again; NULL: they are not */
    struct shale_str where; /* with 'why': the column, "" when it is none; printable */
    size_t n_added;         /* columns that the old file has not */
};

/* Decide by the rule above; 'new_bytes' is the size in memory of the rows that are to come, 0 when
 * none will, SIZE_MAX when there are more than are known.  May be called again before begin(); good
 * until then. */
const struct shale_append_plan *shale_append_plan(struct shale_append *append, size_t new_bytes);

/* Instead of the rule: the first 'n' row groups are copied, and no row of the others comes, as the
 * caller sees to them.  n_copied is 0 where none can be copied, or where bytes lie among them that
 * nothing names (they may be of rows that are to go). */
const struct shale_append_plan *shale_append_plan_first(struct shale_append *append, size_t n);

/* The rule alone: how many of the last of 'n' row groups are taken. */
size_t shale_append_tail(const size_t *bytes, size_t n, size_t new_bytes, size_t row_group_bytes);

/* 'parquet' is new and of the options' schema; in place of shale_parquet_begin().  'sink' stands
 * behind the copied bytes; with none, this writes the magic.  The copied row groups are the first
 * of 'parquet', which cannot be rewound to fewer.  A failure is final.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT, SHALE_CORRUPT, or what reading or the sink
 * returned. */
SHALE_MUST_USE enum shale_status shale_append_begin(struct shale_append *append,
                                                    struct shale_parquet *parquet,
                                                    struct shale_sink *sink, struct shale_err *err);

/* Rows that are to be encoded again, in the file's order, with the columns of the new schema (but
 * those that are partition_only); good until the next call; shale_batch_copy() copies them.
 * '*out' is NULL at the end.  'first_row' counts rows of the old file.  A failure is final. */
SHALE_MUST_USE enum shale_status shale_append_next(struct shale_append *append,
                                                   const struct shale_rows **out,
                                                   struct shale_err *err);

/* Instead of a plan and of begin(): next() gives the rows of the row groups from 'first' on. */
void shale_append_only_rows(struct shale_append *append, size_t first);

/* The bytes in memory of a row group, as the rule counts them. */
size_t shale_append_row_group_bytes(const struct shale_append *append, size_t row_group);

/* Can a row group be written as it is behind others, at whatever place?  It is ours, and its
 * columns are those of the schema. */
bool shale_append_moves(const struct shale_append *append, size_t row_group);

/* Write it there: the next row group of 'parquet', which is of the schema, and may be the one that
 * begin() began or another.  Pages are copied, and nothing is decoded.  A failure is final.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT, SHALE_CORRUPT, or what reading or the sink returned.
 */
SHALE_MUST_USE enum shale_status shale_append_move(struct shale_append *append, size_t row_group,
                                                   struct shale_parquet *parquet,
                                                   struct shale_sink *sink, struct shale_err *err);

/* The pairs for the new footer: the caller's, and of the old ones those that still hold: not of
 * keys that begin with "shale." or that the caller gives; where rows or columns come, not the
 * descriptions that other writers leave of theirs (pandas, ARROW:schema, Spark's, Avro's).
 * '*out' is good until the next call or free(). */
SHALE_MUST_USE enum shale_status
shale_append_pairs(struct shale_append *append, const struct shale_key_value *pairs, size_t n_pairs,
                   const struct shale_key_value **out, size_t *n_out, struct shale_err *err);

#endif
