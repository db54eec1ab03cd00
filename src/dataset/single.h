/* SPDX-License-Identifier: MIT */
/* layout file: one Parquet file, the checkpoint, that grows and remembers what it consumed.
 *
 *     dir/visits.parquet                          rows; the footer names stream and manifest
 *     dir/visits.parquet._shale/manifest/<id>.json      as a table's (ledger.h), with paths that
 *     dir/visits.parquet._shale/ledger/<unique>.parquet   count from "visits.parquet."
 *     dir/visits.parquet._shale/rejects/<unique>.parquet
 *     dir/visits.parquet._shale/lock              held for the moment of the exchange
 *
 * The file is the truth: replacing it publishes rows and ledger in one step.  A manifest's version
 * counts the commits, from 0.  docs/checkpoint.md is the manual, docs/exactly-once.md has the
 * reasons.
 *
 * The store's environment gives time, chance and waiting: wall_us, monotonic_us and random_u64 must
 * be there.  One thread at a time; any number of processes on one file. */
#ifndef SHALE_DATASET_SINGLE_H
#define SHALE_DATASET_SINGLE_H

#include "dataset/commit.h"
#include "dataset/rewrite.h"
#include "parquet/chunk.h"

/* Keys of the footer's key-value metadata: the manifest's id, and the stream's name. */
#define SHALE_SINGLE_MANIFEST "shale.manifest"
#define SHALE_SINGLE_STREAM "shale.stream"
/* All rows were written together: how (shale_single_rewrite.compacted).  A file that grows says it
 * no more. */
#define SHALE_SINGLE_COMPACTED "shale.compacted"

struct shale_single;
struct shale_reader;

struct shale_single_options {
    struct shale_str stream;           /* its name; "": any, to look and not to write */
    const struct shale_schema *schema; /* its columns; NULL: any, likewise */
    struct shale_chunk_options chunk;  /* of row groups that are encoded here */
    size_t row_group_bytes;            /* of rows in memory; 0: 32 MiB */
    const size_t *sort_by;             /* columns of 'schema', first to last */
    size_t n_sort_by;
    const char *created_by;
    size_t memory_bytes; /* of one reader; 0: 64 MiB */
    bool adopts;         /* a file that names no manifest is taken as it is, until it is adopted */
};

/* The file 'key' of 'store'.  All is borrowed.  Nothing is read yet.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_USAGE (no such key can be). */
SHALE_MUST_USE enum shale_status shale_single_new(struct shale_store *store, const char *key,
                                                  const struct shale_single_options *options,
                                                  struct shale_single **out, struct shale_err *err);
void shale_single_free(struct shale_single *single); /* NULL: nothing */

/* What was to be adopted is.  From now on a file that names no manifest is refused: whatever was
 * said of the one that was there is not true of another. */
void shale_single_adopted(struct shale_single *single);

/* Where manifests, ledger and rejects lie: keys begin with "_shale/".  Good as long as 'single'. */
struct shale_store *shale_single_store(const struct shale_single *single);

/* Open the newest file and read what its footer names: 'out' has no log (NULL) and the manifest
 * (id -1: there is no file, or one that is to be adopted).  The file stays open, for
 * shale_single_commit(), until it is read again.  After a failure there is nothing to free, and no
 * file.
 * SHALE_USAGE: it is another tool's, and 'adopts' is not set.  SHALE_CORRUPT: it cannot be read, or
 * its manifest is missing, or the file is gone and its manifests are not: never an empty ledger.
 * (After a single commit they are those of a first one that was killed: then there is no file.)
 * SHALE_SCHEMA: it belongs to another stream, or cannot have the stream's columns. */
SHALE_MUST_USE enum shale_status shale_single_read(struct shale_single *single,
                                                   struct shale_base *out, struct shale_err *err);

/* What the footer of the open file says under 'key'; false: nothing. */
bool shale_single_pair(const struct shale_single *single, const char *key, struct shale_str *out);

/* Does the footer of an open file say that it is a checkpoint? */
bool shale_single_names_ledger(const struct shale_reader *reader);

/* Of what was read last: is there a file, is it one that names no manifest, its rows and bytes. */
bool shale_single_exists(const struct shale_single *single);
bool shale_single_is_foreign(const struct shale_single *single);
int64_t shale_single_n_rows(const struct shale_single *single);
int64_t shale_single_n_bytes(const struct shale_single *single);

/* Publish on 'base', as shale_single_read() gave it, or on whoever came first: 'commit' says what
 * is consumed (ledger, rejects, the changes of segments, rows_gone ...; not adds and removes), and
 * 'rows' is the key of a finished Parquet file of the schema with the new rows, in each row group
 * sorted as the options say, NULL for none, which stays.  Row groups of the old file are copied as
 * they are but for small ones at its end, which are merged with the new rows (parquet/append.h).  A
 * base that is to be adopted is published on that very file, or not at all (SHALE_CONFLICT).
 *
 * Returns as shale_commit(); after SHALE_OK and SHALE_CONFLICT read again.  committed->version is
 * the manifest's. */
SHALE_MUST_USE enum shale_status shale_single_commit(struct shale_single *single,
                                                     const struct shale_base *base,
                                                     const struct shale_commit *commit,
                                                     const char *rows, struct shale_committed *out,
                                                     struct shale_err *err);

/* ---- Rows that are there ----------------------------------------------------------------------
 */

/* How the rows of the file are written anew. */
struct shale_single_rewrite {
    /* 'chunk', 'columns', 'row_group_bytes', 'sort_by', 'memory_bytes', 'temporary' and the filter;
     * the others are not looked at. */
    struct shale_rewrite_options how;
    /* One a row group: the filter takes nothing out of it, so that it stays as it is where that can
     * be.  NULL: all are written anew. */
    const bool *stays;
    /* The others keep their own order one by one ('sort_by' is none), else all rows have one. */
    bool by_row_group;
    struct shale_str compacted; /* for the footer; "": nothing */
};

struct shale_single_rewritten {
    int64_t n_rows, n_bytes;
    size_t n_row_groups, n_copied; /* of them as they were */
};

/* The file that was read, as a table without log, for shale_rewrite_options.log and conditions;
 * good until it is read again. */
struct shale_log_state shale_single_as_log(const struct shale_single *single);

/* Publish the rows of the very file that shale_single_read() opened, written anew: whoever came
 * first, SHALE_CONFLICT.  'commit' as in shale_single_commit(), but that it consumes nothing; as
 * many rows go as its 'rows_gone' says (SHALE_CORRUPT: the filter takes out others). */
SHALE_MUST_USE enum shale_status
shale_single_rewrite(struct shale_single *single, const struct shale_base *base,
                     const struct shale_commit *commit, const struct shale_single_rewrite *rewrite,
                     struct shale_single_rewritten *rewritten, struct shale_committed *out,
                     struct shale_err *err);

#endif
