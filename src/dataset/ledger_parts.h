/* SPDX-License-Identifier: MIT */
/* Private to dataset: the columns of a segment, and reading one from a place on. */
#ifndef SHALE_DATASET_LEDGER_PARTS_H
#define SHALE_DATASET_LEDGER_PARTS_H

#include "dataset/ledger.h"
#include "parquet/reader.h"

/* Those of identity_only come first. */
enum shale_ledger_column {
    SHALE_LEDGER_SOURCE,
    SHALE_LEDGER_KEY,
    SHALE_LEDGER_TAG,
    SHALE_LEDGER_STATE,
    SHALE_LEDGER_HASH,
    SHALE_LEDGER_DEFINITION,
    SHALE_LEDGER_N_IDENTITY,
    SHALE_LEDGER_BYTES = SHALE_LEDGER_N_IDENTITY,
    SHALE_LEDGER_READ,
    SHALE_LEDGER_WRITTEN,
    SHALE_LEDGER_REJECTED_EVENTS,
    SHALE_LEDGER_FILTERED,
    SHALE_LEDGER_DUPLICATES,
    SHALE_LEDGER_N_COLUMNS,
};

/* Its text in a segment. */
struct shale_str shale_ledger_state_text(enum shale_ledger_state state);

static inline int shale_ledger_compare_keys(struct shale_str a_source, struct shale_str a_key,
                                            struct shale_str b_source, struct shale_str b_key)
{
    int order = shale_str_compare(a_source, b_source);
    return order != 0 ? order : shale_str_compare(a_key, b_key);
}

/* A place between rows: before the first of a key, or behind its last. */
struct shale_ledger_place {
    struct shale_str source, key;
    bool behind;
};

/* How a row lies to a place: < 0 it is before it, > 0 behind it. */
static inline int shale_ledger_side(const struct shale_ledger_row *row,
                                    const struct shale_ledger_place *place)
{
    int order = shale_ledger_compare_keys(row->source, row->key, place->source, place->key);
    return order != 0 ? order : place->behind ? -1 : 1;
}

/* The segment's path, for messages and the store. */
struct shale_segment_name {
    char text[SHALE_KEY_BYTES + 1];
};

/* A segment that is read.  The caller's storage; open() and fini() in any case. */
struct shale_segment_reader {
    struct shale_store *store;
    const struct shale_segment *segment; /* borrowed */
    struct shale_segment_name name;
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan; /* NULL: before the first seek */
    size_t n_columns;        /* read: SHALE_LEDGER_N_IDENTITY or _N_COLUMNS */
    const struct shale_rows *rows;
    int64_t at; /* of 'rows' */
    bool end;   /* there is no row any more */
    bool began; /* 'row' is one of this scan's */
    struct shale_ledger_row row;
    struct shale_buf last; /* the texts of the row before the first of 'rows' */
};

/* Open it, and compare it with what the manifest says of it: SHALE_CORRUPT when it is another.
 * No row is read. */
SHALE_MUST_USE enum shale_status shale_segment_open(struct shale_segment_reader *reader,
                                                    struct shale_store *store,
                                                    const struct shale_segment *segment,
                                                    bool identity_only, struct shale_err *err);
void shale_segment_close(struct shale_segment_reader *reader); /* all zero: nothing */

/* Stand on the first row behind 'place' (NULL: on the first), forwards or backwards: reader->row,
 * unless reader->end. */
SHALE_MUST_USE enum shale_status shale_segment_seek(struct shale_segment_reader *reader,
                                                    const struct shale_ledger_place *place,
                                                    struct shale_err *err);

/* Stand on the first row of the key behind 'place'; '*found' is not set, and there is no row, when
 * there is none. */
SHALE_MUST_USE enum shale_status shale_segment_find(struct shale_segment_reader *reader,
                                                    const struct shale_ledger_place *place,
                                                    bool *found, struct shale_err *err);

/* The next row.  It points into the reader until the next call. */
SHALE_MUST_USE enum shale_status shale_segment_next(struct shale_segment_reader *reader,
                                                    struct shale_err *err);

/* SHALE_E_ledger_...: adds which segment it is. */
enum shale_status shale_segment_failed(const struct shale_segment_reader *reader,
                                       enum shale_status status, struct shale_err *err);

#endif
