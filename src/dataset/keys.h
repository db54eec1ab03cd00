/* SPDX-License-Identifier: MIT */
/* Which events a table has already: the keys of 'dedupe' (docs/dedupe.md).
 *
 * A segment of keys is a Parquet file with a row for each event that was written, sorted by a hash.
 * The hash is of the key and of the stretch of time ('width') in which the event lies, so that a
 * key that comes often does not make long lists: within one stretch it has a handful of survivors.
 * Two events that are at most 'within' apart lie in one stretch or in neighbours, which are looked
 * up as well (mostly none: a stretch is 16 times as wide as 'within').
 *
 *     struct shale_key_rows    keys of some rows, their hashes, and these in order   (any thread)
 *     struct shale_keys        what a run knows: the table's segments, and what it brings itself
 *
 *     status = shale_keys_take(keys, rows, drop, &err);        // in plan order
 *     shale_keys_mark(keys); ... shale_keys_rewind(keys);      // an object that fails
 *     status = shale_keys_write(keys, store, path, ...);       // the commit's segment
 *
 * Memory: of 'memory_bytes' a half for what tells that a key is not in a row group (3 bytes a key;
 * what is over goes to a temporary file), a quarter for the run's own keys (the same: sorted runs);
 * the rest for reading.  What is decided depends on the rows and their order alone. */
#ifndef SHALE_DATASET_KEYS_H
#define SHALE_DATASET_KEYS_H

#include "base/arena.h"
#include "base/buf.h"
#include "dataset/ledger.h"
#include "store/objects.h"

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* When two events with the same key are one. */
struct shale_key_rule {
    int64_t within_us; /* -1: always, whatever their times */
    int64_t width_us;  /* of a stretch; not looked at without 'within' */
};

/* The width for tables whose keys begin now. */
int64_t shale_key_width(int64_t within_us);
/* What a row takes in shale_key_rows, beside the bytes of its key: on average, while it is sorted.
 */
size_t shale_key_row_bytes(struct shale_key_rule rule);

struct shale_key_row {
    int64_t hash;
    int64_t time_us; /* since 1970; 0 without 'within' */
    uint32_t at;     /* of its bytes */
    uint32_t n_bytes;
    bool has_key; /* no: it is never a duplicate, and no event is one of it */
};

/* Where the event may have been seen: as many as there are stretches in reach, a row's side by
 * side. */
struct shale_key_probe {
    int64_t hash;
    uint32_t row;
};

struct shale_key_rows {
    const struct shale_mem *mem;
    struct shale_key_rule rule;
    struct shale_buf rows;   /* struct shale_key_row */
    struct shale_buf probes; /* struct shale_key_probe */
    struct shale_buf bytes;
    struct shale_buf order; /* of the probes by hash: uint32_t */
    size_t n_rows, n_probes;
};

void shale_key_rows_init(struct shale_key_rows *rows, const struct shale_mem *mem,
                         struct shale_key_rule rule);
void shale_key_rows_fini(struct shale_key_rows *rows);
void shale_key_rows_reset(struct shale_key_rows *rows);

/* The next row; 'key' NULL: it has none.  Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT (2 GiB). */
SHALE_MUST_USE enum shale_status shale_key_rows_add(struct shale_key_rows *rows,
                                                    const struct shale_str *key, int64_t time_us);
/* All rows are there: sort their probes. */
SHALE_MUST_USE enum shale_status shale_key_rows_sort(struct shale_key_rows *rows);

size_t shale_key_rows_n_bytes(const struct shale_key_rows *rows);

/* ---- What is known ----------------------------------------------------------------------------
 */

struct shale_keys;

struct shale_keys_options {
    const struct shale_mem *mem;
    struct shale_store *store;            /* of the segments; may be NULL when there are none */
    const struct shale_segment *segments; /* of the table: borrowed */
    size_t n_segments;
    struct shale_str names; /* of the fields that make a key, and of the time: JSON; borrowed */
    int64_t within_us;      /* -1: for ever */
    size_t memory_bytes;    /* at least SHALE_KEYS_LEAST_BYTES to stay within it */
    const char *temporary;  /* directory */
};

enum { SHALE_KEYS_LEAST_BYTES = 12 << 20 };

/* Segments that a later commit may merge are open from here on, so that nothing is asked of them
 * that a sweep may have deleted; large ones stay in the table, and are opened when they are needed.
 * SHALE_SCHEMA: the table's keys are of other fields, or of a much shorter 'within';
 * SHALE_NOT_FOUND: a segment is gone; SHALE_CORRUPT: it is damaged; others as of the store. */
SHALE_MUST_USE enum shale_status shale_keys_new(const struct shale_keys_options *options,
                                                struct shale_keys **out, struct shale_err *err);
void shale_keys_free(struct shale_keys *keys);

/* What rows that are given to it must have been made with. */
struct shale_key_rule shale_keys_rule(const struct shale_keys *keys);

/* Set drop[i] (all are cleared) of those rows that are duplicates: of an event that is known, or of
 * a row before it; the others are known from now on.  A failure is final. */
SHALE_MUST_USE enum shale_status shale_keys_take(struct shale_keys *keys,
                                                 const struct shale_key_rows *rows, bool *drop,
                                                 struct shale_err *err);

/* What is taken from here on may have to be forgotten again: rewind(), or settle() when it stays.
 */
void shale_keys_mark(struct shale_keys *keys);
void shale_keys_settle(struct shale_keys *keys);
void shale_keys_rewind(struct shale_keys *keys);

/* How many rows were taken and are no duplicates. */
int64_t shale_keys_n_rows(const struct shale_keys *keys);

/* All that was taken as a segment (in 'arena').  Nothing else may follow but free(). 'input':
 * SHALE_TAG_INPUT of the file. */
SHALE_MUST_USE enum shale_status shale_keys_write(struct shale_keys *keys,
                                                  struct shale_store *store, const char *path,
                                                  struct shale_str input, struct shale_arena *arena,
                                                  struct shale_segment *segment,
                                                  struct shale_err *err);

/* Is an event of the segment 'ours' a duplicate of one of the table's segments (those of
 * 'options')?  Also set when they cannot be compared: they were begun with another width. */
SHALE_MUST_USE enum shale_status shale_keys_meet(const struct shale_keys_options *options,
                                                 const struct shale_segment *ours, bool *meet,
                                                 struct shale_err *err);

/* ---- Merging, as the ledger's segments are ----------------------------------------------------
 */

/* As shale_ledger_pick_merge(), but segments of 4 million rows and more stay as they are: a commit
 * waits for it, and where times ascend they are out of reach sooner or later. */
void shale_keys_pick_merge(const struct shale_segment *segments, size_t n_segments, size_t *first,
                           size_t *n);
/* 'replaced': the segment that the new file names as its first input. */
SHALE_MUST_USE enum shale_status
shale_keys_merge(struct shale_store *store, const struct shale_segment *segments, size_t n_segments,
                 const char *path, struct shale_str replaced, struct shale_arena *arena,
                 struct shale_segment *segment, struct shale_err *err);

/* ---- Verifying --------------------------------------------------------------------------------
 */

/* Read all of a segment: is it what the manifest says, in order, and each hash that of its row? */
SHALE_MUST_USE enum shale_status shale_keys_check(struct shale_store *store,
                                                  const struct shale_segment *segment,
                                                  struct shale_err *err);

#endif
