/* SPDX-License-Identifier: MIT */
/* Private to dataset: segments of keys, written to any sink and read from anywhere.
 *
 *     keys_rows.c     keys of rows, their hashes and probes
 *     keys_file.c     a segment: its footer, its rows one by one
 *     keys_writer.c   rows in order to a segment
 *     keys_lookup.c   rows against one segment
 *     keys_merge.c    segments into one
 *     keys.c          what a run knows */
#ifndef SHALE_DATASET_KEYS_PARTS_H
#define SHALE_DATASET_KEYS_PARTS_H

#include "dataset/keys.h"
#include "parquet/reader.h"
#include "store/store.h"

enum { SHALE_KEYS_HASH, SHALE_KEYS_KEY, SHALE_KEYS_TIME, SHALE_KEYS_N_COLUMNS };
extern const struct shale_schema shale_keys_schema;

/* Of the file's own metadata. */
#define SHALE_KEYS_NAMES "shale.keys"
#define SHALE_KEYS_WIDTH "shale.keys.width_us"

enum {
    SHALE_KEYS_GROUP_ROWS = 16384,
    SHALE_KEYS_LARGE_ROWS = 4 << 20, /* from here on no merge takes a segment out of a table */
};

/* A row of a segment. */
struct shale_key_entry {
    int64_t hash, time_us;
    struct shale_str key;
};

/* As rows are sorted: by hash, key and time. */
static inline int shale_key_compare(const struct shale_key_entry *a,
                                    const struct shale_key_entry *b)
{
    int order = (a->hash > b->hash) - (a->hash < b->hash);
    if (order == 0)
        order = shale_str_compare(a->key, b->key);
    return order != 0 ? order : (a->time_us > b->time_us) - (a->time_us < b->time_us);
}

/* The hash of a key in the stretch of that number (0 without times). */
int64_t shale_key_hash(struct shale_str key, int64_t stretch);
/* The stretch of a time. */
int64_t shale_key_stretch(struct shale_key_rule rule, int64_t time_us);

static inline bool shale_key_in_reach(int64_t within_us, int64_t a_us, int64_t b_us)
{
    return within_us < 0 || (a_us > b_us ? a_us - b_us : b_us - a_us) <= within_us;
}

/* Sort 'n' places of 'probes' in 'order' by hash, then by place; 'scratch' is as long. */
void shale_key_sort(const struct shale_key_probe *probes, uint32_t *order, uint32_t *scratch,
                    size_t n);

/* ---- Writing ----------------------------------------------------------------------------------
 */

struct shale_keys_writer;

struct shale_keys_writer_options {
    struct shale_str names;
    int64_t width_us;
    struct shale_str input; /* SHALE_TAG_INPUT; "": none */
    bool compress;
};

/* 'sink' and the texts of 'options' are borrowed. */
SHALE_MUST_USE enum shale_status
shale_keys_writer_new(const struct shale_mem *mem, struct shale_sink *sink,
                      const struct shale_keys_writer_options *options,
                      struct shale_keys_writer **out, struct shale_err *err);
void shale_keys_writer_free(struct shale_keys_writer *writer);
/* Rows in ascending order, else SHALE_CORRUPT. */
SHALE_MUST_USE enum shale_status shale_keys_writer_add(struct shale_keys_writer *writer,
                                                       const struct shale_key_entry *entry,
                                                       struct shale_err *err);
/* '*segment' gets rows, first_us and last_us. */
SHALE_MUST_USE enum shale_status shale_keys_writer_finish(struct shale_keys_writer *writer,
                                                          struct shale_segment *segment,
                                                          struct shale_err *err);

/* Rows that come one by one, in order, to a segment in a store. */
struct shale_keys_source {
    /* '*out' is NULL at the end; good until the next call. */
    enum shale_status (*next)(struct shale_keys_source *source, const struct shale_key_entry **out,
                              struct shale_err *err);
};
SHALE_MUST_USE enum shale_status
shale_keys_store(struct shale_store *store, const char *path,
                 const struct shale_keys_writer_options *options, struct shale_keys_source *source,
                 struct shale_arena *arena, struct shale_segment *segment, struct shale_err *err);

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* What tells for most hashes that they are not in a row group, without reading it. */
struct shale_key_filter;

struct shale_key_group {
    int64_t least, greatest;         /* hashes */
    struct shale_key_filter *filter; /* in memory, or NULL ... */
    int64_t spilled_at;              /* ... and in the spill file, or -1 */
    size_t filter_bytes;
};

struct shale_keys_file {
    const struct shale_mem *mem;
    struct shale_segment segment;    /* as the manifest has it; of a run's own no path */
    char name[SHALE_KEY_BYTES + 1];  /* for messages */
    struct shale_store_file *stored; /* or NULL: */
    struct shale_spilled {           /* a part of the spill file */
        struct shale_random random;  /* first member */
        const struct shale_spill *spill;
        int64_t at;
    } spilled;
    struct shale_reader *reader; /* NULL: not open yet */
    struct shale_str names;      /* in the reader's memory */
    int64_t width_us;
    struct shale_key_group *groups;
    size_t n_groups;
};

/* Open it where it lies: in 'store' by its path, or in the spill file.  It is compared with what
 * file->segment says of it; a failure names it, and leaves it closed. */
SHALE_MUST_USE enum shale_status shale_keys_file_open(struct shale_keys_file *file,
                                                      struct shale_store *store,
                                                      struct shale_err *err);
void shale_keys_file_close(struct shale_keys_file *file); /* all zero but 'mem': nothing */

/* Says which file failed. */
enum shale_status shale_keys_failed(const struct shale_keys_file *file, enum shale_status status,
                                    struct shale_err *err);

/* Its rows one by one. */
struct shale_keys_cursor {
    struct shale_keys_source source; /* first member */
    struct shale_keys_file *file;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    int64_t at;
    struct shale_key_entry entry;
};
SHALE_MUST_USE enum shale_status shale_keys_cursor_open(struct shale_keys_cursor *cursor,
                                                        struct shale_keys_file *file,
                                                        struct shale_err *err);
void shale_keys_cursor_close(struct shale_keys_cursor *cursor);

/* The value of a row of a batch's key column. */
struct shale_str shale_keys_text(const struct shale_column *column, int64_t row);

/* ---- Looking up -------------------------------------------------------------------------------
 */

/* What all look-ups of a run share. */
struct shale_key_lookup {
    const struct shale_mem *mem;
    struct shale_spill *spill;
    int64_t within_us;
    size_t memory_bytes, used_bytes;  /* of filters */
    struct shale_key_filter *scratch; /* of the largest size */
    struct shale_buf candidates;      /* uint32_t: places in rows->order */
    struct shale_buf matches;
};

SHALE_MUST_USE enum shale_status shale_key_lookup_init(struct shale_key_lookup *lookup,
                                                       const struct shale_mem *mem,
                                                       struct shale_spill *spill, int64_t within_us,
                                                       size_t memory_bytes);
void shale_key_lookup_fini(struct shale_key_lookup *lookup);

/* Set drop[i] of the rows that an event of the file, which is open, is within reach of; those that
 * are set already are not looked at. */
SHALE_MUST_USE enum shale_status shale_key_look(struct shale_key_lookup *lookup,
                                                struct shale_keys_file *file,
                                                const struct shale_key_rows *rows, bool *drop,
                                                struct shale_err *err);
/* The file goes: so do its filters. */
void shale_key_forget(struct shale_key_lookup *lookup, struct shale_keys_file *file);

/* ---- Merging ----------------------------------------------------------------------------------
 */

/* Rows of open files in one order. */
struct shale_keys_merge {
    struct shale_keys_source source; /* first member */
    const struct shale_mem *mem;
    struct shale_keys_cursor *cursors;
    const struct shale_key_entry **heads;
    size_t n, last;
};
SHALE_MUST_USE enum shale_status shale_keys_merge_open(struct shale_keys_merge *merge,
                                                       const struct shale_mem *mem,
                                                       struct shale_keys_file *const *files,
                                                       size_t n, struct shale_err *err);
void shale_keys_merge_close(struct shale_keys_merge *merge);

#endif
