/* SPDX-License-Identifier: MIT */
/* Conditions under which rows were taken out of a table (expire, erase), against rows and files.
 *
 * A manifest keeps them.  Whatever is read again (rejects that are replayed, objects that are
 * rebuilt) must not bring such rows back: a replay and a rebuild ask here before they write.  Runs
 * of new objects and compactions do not.
 *
 * Conditions are a list; one that is 'joined' holds only together with the one before it, and a row
 * goes when it meets one of the groups so made. */
#ifndef SHALE_DATASET_ERASURE_H
#define SHALE_DATASET_ERASURE_H

#include "columns/builder.h"
#include "dataset/ledger.h"
#include "dataset/log.h"
#include "schema/stream.h"

struct shale_erasures;

/* Of rows as the table 'log' has them, or as events become by 'stream'; a column that these do not
 * have is null in all rows.  All is borrowed for the conditions' life but 'conditions'.
 * Returns SHALE_OK, SHALE_NOMEM, or SHALE_USAGE: a column's type has no such values. */
SHALE_MUST_USE enum shale_status
shale_erasures_of_table(const struct shale_mem *mem, const struct shale_erasure *conditions,
                        size_t n_conditions, const struct shale_log_state *log,
                        struct shale_erasures **out, struct shale_err *err);
SHALE_MUST_USE enum shale_status
shale_erasures_of_stream(const struct shale_mem *mem, const struct shale_erasure *conditions,
                         size_t n_conditions, const struct shale_stream *stream,
                         struct shale_erasures **out, struct shale_err *err);
void shale_erasures_free(struct shale_erasures *erasures);

/* The columns that are looked at, each once: numbers in the schema, ascending.  Of a table those
 * that are in its files; it may be none. */
const size_t *shale_erasures_columns(const struct shale_erasures *erasures, size_t *n);

/* Clear keep[i] of each row that meets the conditions.  'columns' are the columns looked at, in
 * that order; missing[i] (NULL: none is): all of it is null.  'add' is the file of the rows; NULL:
 * they are no table's.  Threads: any number. */
SHALE_MUST_USE enum shale_status shale_erasures_rows(const struct shale_erasures *erasures,
                                                     const struct shale_log_add *add,
                                                     const struct shale_column *columns,
                                                     const bool *missing, int64_t n_rows,
                                                     bool *keep);

/* Does a row of a builder meet them, which has the stream's columns? */
bool shale_erasures_built(const struct shale_erasures *erasures,
                          const struct shale_builder *builder, int64_t row);

/* What the log says of a file of the table: do rows of it meet the conditions? */
enum shale_erasure_reach { SHALE_ERASURE_NONE, SHALE_ERASURE_SOME, SHALE_ERASURE_ALL };
SHALE_MUST_USE enum shale_status shale_erasures_file(const struct shale_erasures *erasures,
                                                     const struct shale_log_add *add,
                                                     enum shale_erasure_reach *out);

#endif
