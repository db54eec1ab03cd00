/* SPDX-License-Identifier: MIT */
/* Which objects have been consumed, and how that went.
 *
 * A segment is a Parquet file of rows sorted by (source, key, tag), each once in all live segments
 * of a table.  A manifest, a JSON file that a commit's txn names, lists the live segments. */
#ifndef SHALE_DATASET_LEDGER_H
#define SHALE_DATASET_LEDGER_H

#include "base/arena.h"
#include "columns/builder.h"
#include "store/objects.h"

/* source, key, tag, state ("done" | "rejected"), hash, definition, bytes, read, written, rejected,
 * filtered, duplicates (docs/ledger.md).  No times: the same input gives the same bytes. */
extern const struct shale_schema shale_ledger_schema;

enum shale_ledger_state { SHALE_LEDGER_DONE, SHALE_LEDGER_REJECTED };

enum { SHALE_HASH_BYTES = 32 }; /* XXH3-128 in hex: codec/content_hash.h */

/* The source of the rows of replays: their key is the rejects segment that was consumed, their tag
 * its footer's hash. */
#define SHALE_REJECTS_SOURCE "_shale/rejects"

struct shale_ledger_row {
    struct shale_str source; /* the source id */
    struct shale_str key;    /* below the source */
    struct shale_str tag;
    enum shale_ledger_state state;
    int64_t n_bytes;       /* stored */
    struct shale_str hash; /* of the stored bytes; "" when they were not all read */
    int64_t read, written, rejected, filtered, duplicates;
    struct shale_str definition; /* hash of the stream definition */
};

/* Append one row.  Returns what shale_builder_row() returns. */
SHALE_MUST_USE enum shale_status shale_ledger_append(struct shale_builder *builder,
                                                     const struct shale_ledger_row *row);

/* By source, key and tag, as segments are sorted. */
int shale_ledger_compare(const struct shale_ledger_row *a, const struct shale_ledger_row *b);

/* ---- Manifests --------------------------------------------------------------------------------
 */

struct shale_segment {
    struct shale_str path; /* below the table */
    int64_t n_rows, n_bytes;
    /* Of a ledger segment: its first and last (source, key), and the sums of its counts. */
    struct shale_str first_source, first_key, last_source, last_key;
    int64_t read, written, rejected, filtered, duplicates;
    struct shale_str footer_hash; /* of the bytes of its footer, hex */
    /* Of a key segment: the least and the greatest time in it, in microseconds. */
    int64_t first_us, last_us;
};

/* What a commit made superfluous: a manifest, a segment, or a data file that it took out of the
 * table.  It stays for readers until the retention is over. */
struct shale_superseded {
    struct shale_str path;
    int64_t since_ms;
};

/* A condition under which rows were taken out, and are taken out of whatever is read again
 * (expire, erase): 'column' of the table is equal to 'value', or is below it. */
struct shale_erasure {
    struct shale_str column, value; /* the value as 'cat --where' takes it */
    bool is_before;
    bool joined; /* a row must meet the one before it in the list as well */
};

/* Up to where the past is sealed (source.seal_after): keys of 'source' that are not above 'key' are
 * no longer listed, but by every 100th plan. */
struct shale_seal {
    struct shale_str source, key;
    int64_t day;     /* that 'key' stands for, since 1970-01-01 */
    int64_t version; /* of the log, of the last full plan */
};

struct shale_manifest {
    int64_t id;
    int64_t parent;  /* the manifest that this one was made on; -1: it is the first */
    int64_t version; /* of the log, that it was made for */
    const struct shale_segment *ledger;
    size_t n_ledger;
    const struct shale_segment *rejects;
    size_t n_rejects;
    const struct shale_str *added; /* paths of the segments that this very commit brought */
    size_t n_added;
    const struct shale_superseded *superseded;
    size_t n_superseded;
    /* Ledger segments that this very commit took out, so that their rows went or changed. */
    const struct shale_segment *taken;
    size_t n_taken;
    const struct shale_segment *keys; /* of 'dedupe' */
    size_t n_keys;
    /* Rows that the ledger counts as written and that were taken out since (replace, rebuild,
     * expire, erase); the same of its rejects. */
    int64_t rows_gone, rejects_gone;
    const struct shale_erasure *erasures;
    size_t n_erasures;
    const struct shale_seal *seals; /* at most one a source */
    size_t n_seals;
};

/* "_shale/manifest/<id>.json" */
enum { SHALE_MANIFEST_NAME_BYTES = 48 };
void shale_manifest_name(int64_t id, char out[SHALE_MANIFEST_NAME_BYTES]);

/* Its text, which ends with a hash of itself, behind what 'out' holds.  The same manifest gives the
 * same bytes.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_manifest_json(const struct shale_manifest *manifest,
                                                     struct shale_buf *out);

/* Read manifest 'id' into 'arena'.  SHALE_NOT_FOUND: it is missing; SHALE_CORRUPT: it is damaged
 * in any way; SHALE_SCHEMA: a later version wrote it in a way that we cannot read. */
SHALE_MUST_USE enum shale_status shale_manifest_read(struct shale_store *store,
                                                     struct shale_arena *arena, int64_t id,
                                                     struct shale_manifest *out,
                                                     struct shale_err *err);

/* The same of a manifest's text.  'mem' is for scratch memory. */
SHALE_MUST_USE enum shale_status
shale_manifest_parse(const struct shale_mem *mem, struct shale_arena *arena, int64_t id,
                     struct shale_str text, struct shale_manifest *out, struct shale_err *err);

/* ---- Reading the ledger -----------------------------------------------------------------------
 */

/* The rows of some segments merged, in order, from (source, after) on.  Memory: a few pages a
 * segment, of the columns that are asked for. */
struct shale_ledger_cursor;

struct shale_ledger_cursor_options {
    const struct shale_segment *segments;
    size_t n_segments;
    struct shale_str source; /* only this source's rows; "" all */
    struct shale_str after;  /* only keys above this one; "" all */
    bool identity_only;      /* source, key, tag, state, hash and definition: what planning needs */
};

SHALE_MUST_USE enum shale_status
shale_ledger_cursor_new(struct shale_store *store,
                        const struct shale_ledger_cursor_options *options,
                        struct shale_ledger_cursor **out, struct shale_err *err);
/* '*out' is NULL at the end; good until the next call.  SHALE_CORRUPT: a segment is not sorted, or
 * a row is there twice. */
SHALE_MUST_USE enum shale_status shale_ledger_cursor_next(struct shale_ledger_cursor *cursor,
                                                          const struct shale_ledger_row **out,
                                                          struct shale_err *err);
void shale_ledger_cursor_free(struct shale_ledger_cursor *cursor);

/* ---- Writing segments -------------------------------------------------------------------------
 */

/* Write rows that come in order to a new segment; '*segment' (texts in 'arena') describes it. */
struct shale_ledger_writer;
SHALE_MUST_USE enum shale_status shale_ledger_writer_new(struct shale_store *store,
                                                         const char *path,
                                                         struct shale_ledger_writer **out,
                                                         struct shale_err *err);
/* What the segment says as its first input (first_input.h): borrowed until it is finished.  "" is
 * nothing, so that it stays where it is when no commit takes it. */
void shale_ledger_writer_set_input(struct shale_ledger_writer *writer, struct shale_str input);
SHALE_MUST_USE enum shale_status shale_ledger_writer_add(struct shale_ledger_writer *writer,
                                                         const struct shale_ledger_row *row,
                                                         struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_ledger_writer_finish(struct shale_ledger_writer *writer,
                                                            struct shale_arena *arena,
                                                            struct shale_segment *segment,
                                                            struct shale_err *err);
void shale_ledger_writer_free(struct shale_ledger_writer *writer);

/* Merge segments, those that shale_ledger_pick_merge() chose, into a new one, which names
 * 'replaced' as its first input: the path of one of them that was live before this commit. Constant
 * memory.  SHALE_CORRUPT: a row is there twice. */
SHALE_MUST_USE enum shale_status
shale_ledger_merge(struct shale_store *store, const struct shale_segment *segments,
                   size_t n_segments, const char *path, struct shale_str replaced,
                   struct shale_arena *arena, struct shale_segment *segment, struct shale_err *err);

/* Which live segments a commit had better merge, so that their number stays logarithmic in the
 * rows: '*first' and '*n' of 'segments' sorted by n_rows descending; '*n' is 0 when none. */
void shale_ledger_pick_merge(const struct shale_segment *segments, size_t n_segments, size_t *first,
                             size_t *n);

/* ---- Keys one by one --------------------------------------------------------------------------
 */

/* The rows of given keys, asked for in any order: by the segments' bounds, row groups and page
 * indexes, so that a key costs a few pages of the segments that may hold it.  Segments are opened
 * when they are first needed, and stay open. */
struct shale_ledger_lookup;

/* 'segments' are borrowed. */
SHALE_MUST_USE enum shale_status
shale_ledger_lookup_new(struct shale_store *store, const struct shale_segment *segments,
                        size_t n_segments, struct shale_ledger_lookup **out, struct shale_err *err);
/* All rows of a key, in no order that means anything; good until the next call.  They have source,
 * key, tag, state, hash and definition (as of identity_only), nothing else. */
SHALE_MUST_USE enum shale_status shale_ledger_lookup_find(struct shale_ledger_lookup *lookup,
                                                          struct shale_str source,
                                                          struct shale_str key,
                                                          const struct shale_ledger_row **rows,
                                                          size_t *n_rows, struct shale_err *err);
void shale_ledger_lookup_free(struct shale_ledger_lookup *lookup);

/* Has anybody consumed an object of the segment 'ours' since 'base'?  '*conflict' is set when one
 * of its keys has other tags in the live ledger of 'newest' than in that of 'base', also when
 * segments were merged or written anew meanwhile.  Reads what is not live in both; 'ours' is in
 * neither.
 * SHALE_NOT_FOUND: a segment of 'base' is gone: the base is too old. */
SHALE_MUST_USE enum shale_status shale_ledger_conflicts(struct shale_store *store,
                                                        const struct shale_manifest *base,
                                                        const struct shale_manifest *newest,
                                                        const struct shale_segment *ours,
                                                        bool *conflict, struct shale_err *err);

/* ---- Deciding ---------------------------------------------------------------------------------
 */

/* What the ledger says of a listed object.  A planner asks for keys in order; it is a merge. */
enum shale_verdict {
    SHALE_VERDICT_NEW,     /* no tag of the key is known, or only rejected ones */
    SHALE_VERDICT_KNOWN,   /* this tag was decided */
    SHALE_VERDICT_CHANGED, /* another tag is done: the hash decides (see 'done_hashes') */
};

struct shale_decider;

struct shale_decision {
    enum shale_verdict verdict;
    const struct shale_str *done_hashes; /* CHANGED: of the done tags; good until the next call */
    size_t n_done_hashes;
    const char *definition; /* KNOWN: that of the tag's row; good until the next call */
    bool other_done;        /* KNOWN: of another tag with other bytes rows were written as well */
};

/* A plan of the listing of one source, which is not "": keys must come in ascending order, each
 * once, all above 'after'; a listing that breaks the order gets SHALE_CORRUPT.  'manifest' is
 * borrowed for the decider's life. */
SHALE_MUST_USE enum shale_status shale_decider_new(struct shale_store *store,
                                                   const struct shale_manifest *manifest,
                                                   struct shale_str source, struct shale_str after,
                                                   struct shale_decider **out,
                                                   struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_decider_ask(struct shale_decider *decider,
                                                   struct shale_str key, struct shale_str tag,
                                                   struct shale_decision *out,
                                                   struct shale_err *err);
void shale_decider_free(struct shale_decider *decider);

/* The same of given keys, in any order. */
SHALE_MUST_USE enum shale_status
shale_ledger_lookup_decide(struct shale_ledger_lookup *lookup, struct shale_str source,
                           struct shale_str key, struct shale_str tag, struct shale_decision *out,
                           struct shale_err *err);

#endif
