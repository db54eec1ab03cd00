/* SPDX-License-Identifier: MIT */
/* The parts of a run.
 *
 *     roots.c     inputs: directories and files
 *     plan.c      listing -> groups of small objects, and large ones        (nodes, in plan order)
 *     read.c      a node's bytes -> events
 *     shred.c     events -> rows and rejects in a worker's builders -> a parcel
 *     consumed.c  what became of each object, on its way to the ledger
 *     dedupe.c    which rows are duplicates
 *     sequence.c  parcels in plan order -> waiting rows; marks of undecided objects; counts
 *     sort.c      waiting rows in the order of sort_by
 *     encode.c    waiting rows -> row groups
 *     table.c     a table: its base, and what of a listing is new
 *     seal.c      a table: up to where nothing is listed any more
 *     publish.c   a table: commits
 *     replay.c    rejects of the table in place of a source; replay_cut.c: those that were cut
 *     single.c    a checkpoint file: what of these two is its own
 *     change.c    a table: what goes of objects that are read again
 *     run.c       which thread does what next; the memory account
 *
 * Everything that a thread finds in 'struct run' belongs to one of three owners: what is fixed
 * after start; what only pick() and done() touch, under the pool's lock; and what belongs to the
 * sequencer, of which there is one at a time ('sequencing' is the baton). */
#ifndef SHALE_RUN_PRIVATE_H
#define SHALE_RUN_PRIVATE_H

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/pool.h"
#include "codec/codec.h"
#include "codec/content_hash.h"
#include "columns/batch.h"
#include "columns/builder.h"
#include "columns/gather.h"
#include "columns/order.h"
#include "dataset/commit.h"
#include "dataset/keys.h"
#include "dataset/output.h"
#include "dataset/partition.h"
#include "dataset/erasure.h"
#include "dataset/erasure_rejects.h"
#include "dataset/rejects_read.h"
#include "dataset/single.h"
#include "envelope/envelope.h"
#include "run/run.h"
#include "schema/time.h"
#include "shred/shred.h"
#include "store/store.h"

#define SHALE_CREATED_BY "shale version " SHALE_VERSION " (build " SHALE_BUILD ")"

enum {
    GROUP_STORED_BYTES = 1024 * 1024, /* small objects are taken together up to this ... */
    GROUP_MAX_OBJECTS = 1024,         /* ... or this many; a larger object is taken alone */
    PARCEL_BYTES = 8 * 1024 * 1024,   /* rows, their keys, rejects: at which a parcel is closed */
    PARCEL_NEED = 10 * 1024 * 1024,   /* what is admitted for one */
    WORKER_BYTES = 20 * 1024 * 1024,  /* buffers and contexts of a thread */
    FIXED_BYTES = 16 * 1024 * 1024,   /* the program, its libraries, the heap's slack */
    KEEP_BUILDER_BYTES = 12 * 1024 * 1024,
    REPLAY_BYTES = 40 * 1024 * 1024, /* a segment of rejects that is read */
    WRITE_BYTES = 256 * 1024,        /* pages that are written together */
    BATCH_OVERHEAD = 2048,           /* counted with each waiting batch */
};

struct counts {
    int64_t read, written, rejected, filtered, duplicates;
};

/* ---- Plan ------------------------------------------------------------------------------------ */

struct root {
    const char *path;        /* as the user wrote it */
    const char *real;        /* without links; in the run's arena */
    const char *directory;   /* that keys are below: 'path', or where that file is */
    int fd;                  /* of the directory; -1: each object opens it */
    bool is_file;            /* 'path' is the one object itself */
    struct shale_str own[2]; /* keys of an output that is inside, "" when it is not */
};

struct object {
    const struct root *root;
    struct shale_str key;  /* below the root, NUL-terminated */
    struct shale_str name; /* for people: the key, or (convert) the path; NUL-terminated */
    int64_t n_bytes;       /* when listed, as the time */
    int64_t mtime_ns;
    /* It was read under another tag; the hashes of what was, in the list's arena. */
    bool changed;
    const struct shale_str *hashes;
    size_t n_hashes;
    /* Of a replay: a segment's tag; the reject of the object that is tried again, or NULL. */
    struct shale_str tag;
    const struct shale_rejects_row *again;
};

/* An object's tag: what else than its key is compared to know it again. */
enum { TAG_BYTES = 48 };
static inline struct shale_str object_tag(int64_t n_bytes, int64_t mtime_ns, char out[TAG_BYTES])
{
    int n = snprintf(out, TAG_BYTES, "%" PRId64 "-%" PRId64, n_bytes, mtime_ns);
    return (struct shale_str){out, (size_t)n};
}
static inline struct shale_str tag_of(const struct object *object, char out[TAG_BYTES])
{
    return object->tag.n_bytes > 0 ? object->tag
                                   : object_tag(object->n_bytes, object->mtime_ns, out);
}

/* Objects that were planned together; nodes share it by count. */
struct object_list {
    struct shale_arena arena;
    struct object *objects;
    size_t n_objects;
    unsigned n_users; /* under the pool's lock */
};

struct tally {
    int64_t n_listed, n_new, n_passed_over;
    int64_t n_known, n_changed; /* of a table: read before, under this tag or another */
    int64_t n_whole; /* of a replay: rejects of objects as a whole, in segments that are not read */
    int64_t n_other; /* known ones that another definition read */
    int64_t phase_objects, phase_bytes; /* planned in this phase */
};

struct plan {
    size_t next_root;
    struct shale_list *list; /* of the current root, or NULL */
    const struct root *root;
    struct object_list *pending_list; /* of a large object that was met while a group was made */
    struct tally tally;
    bool more; /* the phase is full, the listing is not at its end */
    /* Of the dates that are asked for, where keys sort by date; NUL-terminated, "": no end. */
    char first_key[SHALE_KEY_BYTES], last_key[SHALE_KEY_BYTES];
};

/* ---- Nodes: units of work in plan order -------------------------------------------------------
 */

enum node_kind {
    NODE_GROUP,   /* objects[first, first + n) of a list, each small */
    NODE_OBJECT,  /* one large object: read in pieces by one thread at a time */
    NODE_REJECTS, /* a segment of rejects: read in pieces, only at the head */
    NODE_SLICE,   /* whole lines of the NDJSON object whose node comes later in the list */
};

/*     READY --> BUSY --> DONE
 *       ^        |
 *       +--------+  an OBJECT until its end; a SLICE whose parcel was full
 */
enum node_state { NODE_READY, NODE_BUSY, NODE_DONE };

/* A large object being read. */
struct large {
    struct shale_source prefix; /* first member: gives 'head', then the decoder's bytes */
    struct shale_decoder *decoder;
    struct shale_get get;
    struct shale_buf head; /* what was read to see the shape */
    size_t head_used;
    bool is_open, failed_read;
    enum shale_shape shape;
    struct shale_events *events; /* not NDJSON */
    struct shale_slicer *slicer; /* NDJSON */
    int64_t number;              /* of the next event */
    bool has_pending;            /* that event was handed out already: it is here */
    struct shale_event pending;
    int64_t n_counted; /* stored bytes that a parcel has reported */
    /* Of a table: between the get and the decoder, what passes is hashed. */
    struct hashed {
        struct shale_source source; /* first member */
        struct shale_source *under;
        struct shale_content_hash hash;
    } hashed;
    char hash[SHALE_CONTENT_HASH_CHARS + 1]; /* "": not known (yet) */
    bool touched;                            /* the bytes are those of another tag */
};

/* What a replay counts beside events. */
struct replayed {
    int64_t events, kept_rules, kept_objects, kept_cut;
    int64_t changed; /* events that pass now, are filtered, or fail for another reason */
};

/* A segment of rejects being read. */
struct rejects_read {
    struct object self;            /* as the ledger has it */
    struct shale_store_file *file; /* of run->replay */
    struct shale_rejects_reader *reader;
    int64_t n_rows;
    struct shale_buf key; /* of the object of the row under way */
};

struct parcel;

struct node {
    struct node *prev, *next;
    enum node_kind kind;
    enum node_state state;
    struct parcel *first, *last; /* made and not yet given to the sequencer */
    struct object_list *list;
    size_t first_object, n_objects;
    struct large *large;          /* OBJECT */
    struct rejects_read *rejects; /* REJECTS */
    const struct object *object;  /* SLICE: whose */
    struct shale_slice slice;     /* SLICE */
    size_t slice_used;            /* bytes of it that are done */
    int64_t slice_stored;         /* stored bytes read for it, not counted yet */
    size_t charge;                /* in the account, for a slice's text */
};

/* ---- Parcels: what a worker made of a node, or of a part of it --------------------------------
 */

enum parcel_kind {
    PARCEL_WHOLE,  /* of objects that are decided */
    PARCEL_PIECE,  /* of a large object that is not */
    PARCEL_END,    /* the large object is complete and good */
    PARCEL_FAILED, /* its content failed: what came of it goes, this stays (its reject) */
    PARCEL_UNREAD, /* it could not be read: what came of it goes */
};

struct parcel_keys; /* of its rows, in plan order: dedupe.c */

struct parcel {
    struct parcel *next;
    enum parcel_kind kind;
    struct counts counts;
    int64_t objects_failed, objects_done, bytes_read;
    int64_t n_events; /* numbers that were given to events */
    bool relative;    /* those numbers count from 0 in this parcel */
    bool has_time;
    int64_t last_time;
    uint32_t n_parts;
    struct shale_str *names;      /* [n_parts], owned with their text in one allocation */
    struct shale_batch **batches; /* [n_parts], taken out one by one */
    struct shale_batch *rejects;  /* or NULL */
    struct shale_batch *consumed; /* or NULL: as consumed.c has them */
    struct parcel_keys *keys;     /* or NULL */
    int64_t n_touched;
    struct replayed replayed;
    struct shale_err *error;        /* the first reject, an object's included; or NULL */
    struct shale_err *unread_error; /* the first object that could not be read, or NULL ... */
    enum shale_status unread;       /* ... and its status: DENIED, AGAIN, ... */
    int64_t n_unread;               /* of them */
    size_t n_bytes;                 /* of all batches: in the account */
};

/* ---- The sequencer ----------------------------------------------------------------------------
 */

struct entry {
    struct shale_batch *batch; /* or NULL: it is in the spill file */
    int64_t spill_at;
    size_t n_bytes;
    int64_t n_rows;
};

enum part_kind { PART_DATA, PART_REJECTS, PART_CONSUMED };

struct part {
    struct shale_str name;
    enum part_kind kind;
    struct shale_file *file; /* NULL before its first row group */
    struct entry *entries;   /* waiting, in plan order */
    size_t n_entries, capacity;
    size_t waiting_bytes; /* as entry_weight() says */
    /* Of the large object under way, when 'epoch' is its number: */
    int64_t epoch;
    size_t mark_entries; /* entries before its first */
    bool has_mark;       /* row groups of it are in the file ... */
    size_t mark_groups;  /* ... behind so many others */
};

/* One column of all batches of a row group. */
struct loaded {
    const struct run *run;
    size_t n_entries;
    void **parts;                        /* [n_entries], of those that were in the spill file */
    const struct shale_column **columns; /* [n_entries] */
    struct shale_column *nodes;
    struct shale_buf header;
};

/* The order of a row group's rows. */
struct row_order {
    struct shale_row_ref *rows; /* NULL: as they came */
    int64_t n_rows;
    struct shale_parquet_sorting *sorting; /* what the footer says of it */
    size_t n_sorting;
};

/* A column in that order, piece by piece. */
struct sorted_column {
    struct shale_column_stream stream; /* first member */
    struct loaded loaded;
    struct shale_gather *gather;
    struct shale_str name;
};

/* A row group that all threads encode, a leaf each. */
struct cut {
    struct part *part;
    size_t n_entries;
    size_t n_leaves, next_leaf, n_done;
    struct leaf_out *leaves;
    struct row_order order;
};

struct sums {
    struct counts counts;
    bool has_time;
    int64_t last_time;
    int64_t objects_failed, objects_done, bytes_read, n_touched;
    struct replayed replayed;
    int64_t n_unread;            /* objects that could not be read */
    enum shale_status unread;    /* of the first of them ... */
    struct shale_err unread_err; /* ... and its words */
};

struct sequencer {
    struct parcel *first, *last; /* waiting, in plan order */
    struct parcel *parcel;       /* under way ... */
    uint32_t item;               /* ... up to this batch: data, then rejects, then objects */
    struct part *check;          /* the part that got the last batch */
    struct part **parts;         /* data parts, in order of their first rows */
    size_t n_parts, capacity;
    uint32_t *slots; /* open addressing by name: part + 1 */
    size_t n_slots;
    struct part rejects;
    struct part consumed;         /* only waits: the ledger's segment is written at the end */
    int64_t n_consumed;           /* objects in it */
    struct shale_buf first_input; /* of the phase: see table_note_input() */
    bool has_input;               /* it is of an object that is done */
    struct cut *cut;              /* a row group in the hands of all threads */
    struct shale_spill spill;
    size_t waiting_bytes; /* of all parts */
    size_t memory_bytes;  /* of those that are in memory */
    int64_t epoch;        /* of the large object under way; 0: none */
    int64_t n_epochs;
    int64_t object_events;       /* numbers given so far in it */
    struct sums sums;            /* all that is decided */
    struct counts object_counts; /* of the object under way */
    bool object_has_time;
    int64_t object_last_time;
    size_t released_bytes; /* for the account, taken over by done() */
    int n_shown;           /* rejects that were logged */
    size_t final_part;     /* the last cuts have come to here */
    bool final_done;
};

/* ---- A table, or a checkpoint file -------------------------------------------------------------
 */

/* Up to where the past is sealed, and how far this run may seal it. */
struct sealing {
    struct shale_buf from;     /* NUL-terminated: keys up to it are not listed; "": all are */
    struct shale_buf key;      /* scratch: of a seal */
    bool is_full;              /* all is listed */
    bool has_newest, has_open; /* whether there is: */
    int32_t newest_day;        /* the newest day of an object that is read or known */
    int32_t open_day;          /* the oldest day of one that is left alone as too young */
};

struct table {
    struct shale_store *store; /* of ledger, rejects and manifests; of a table also its data */
    /* A checkpoint file: base.log is NULL. */
    struct shale_single *single;
    struct shale_store *directory;
    struct shale_base base;
    bool has_base;
    struct shale_decider *decider;
    struct shale_str source; /* its name in the ledger */
    struct shale_buf after;  /* phases before have listed up to this key ... */
    bool has_after;
    struct shale_buf last; /* ... and this one up to this */
    struct sealing sealing;
    int n_unsure;             /* commits of which it could not be found out whether they are in */
    struct tally tally;       /* when the phase began */
    struct sums sums;         /* likewise */
    struct shale_arena arena; /* of one commit */
    int64_t rows_total;       /* of the table, as its ledger says; of the file */
    struct shale_erasures *erasures; /* rebuild, replay: conditions of the base; NULL: none */
    /* Rebuild: the file or segment that the commit takes out in any case, which all others name
     * (first_input.h); "" when there is nothing to be read. */
    struct shale_buf forced;
    int64_t rows_replaced, rejects_replaced; /* by the commit under way */
};

/* What is known of duplicates; NULL in the run without 'dedupe'. */
struct dedupe {
    struct shale_buf names;       /* of the key's fields */
    struct shale_keys *keys;      /* of a phase: the sequencer's */
    struct shale_key_rule rule;   /* theirs, for the workers */
    size_t row_bytes;             /* what the keys of a row take, without texts */
    struct shale_segment segment; /* of the commit under way */
};

/* What all commits of the run published. */
struct committed {
    int64_t versions[SHALE_SUMMARY_COMMITS]; /* the first ones */
    int64_t n_versions, n_files, n_bytes;
    int64_t n_wasted; /* objects that were built for a commit that lost */
    bool has_rejects;
    int64_t rows_replaced, rejects_replaced; /* see run.h */
    int64_t n_left;
};

/* ---- The run ----------------------------------------------------------------------------------
 */

/* The plan of a replay. */
struct replay {
    const struct shale_segment **segments; /* the base's rejects, by path: so the ledger wants it */
    struct shale_store_file **files;       /* theirs: others may have them deleted meanwhile */
    size_t n_segments, next;               /* of these */
    struct shale_str *taken; /* paths of the segments that the phase reads; texts of the base */
    size_t n_taken;
};

enum job_kind {
    JOB_PLAN,
    JOB_GROUP,
    JOB_OBJECT,
    JOB_REJECTS,
    JOB_SLICE,
    JOB_SEQUENCE,
    JOB_LEAF,
    JOB_FINISH,
};

struct job {
    enum job_kind kind;
    struct node *node;        /* GROUP, OBJECT, SLICE */
    size_t admitted;          /* bytes taken for it */
    size_t leaf;              /* LEAF */
    struct part *part;        /* FINISH */
    bool final;               /* SEQUENCE: all parcels are in */
    enum shale_status status; /* not OK: the run fails */
    struct shale_err err;
    /* Results: */
    struct parcel *parcel; /* GROUP, OBJECT, SLICE */
    struct node *made;     /* PLAN: the next node, NULL at the end; OBJECT: a slice */
    bool node_done;
    size_t stopped_at;  /* GROUP: objects that were not taken begin here ... */
    bool stopped_large; /* ... and the first of them is large */
};

struct worker {
    struct run *run;
    unsigned number;
    struct job job;
    struct shale_decoder *decoder;
    struct shale_events *events;
    struct shale_shredder *shredder;
    struct shale_builder *builder, *rejects;
    struct shale_builder *consumed; /* NULL: no table */
    struct shale_partitioner *partitioner;
    struct shale_chunk_writer *chunks;
    struct shale_get get;
    struct shale_buf stored, text;
    struct shale_buf writes;                 /* pages on their way to a file */
    char hash[SHALE_CONTENT_HASH_CHARS + 1]; /* of what is in 'stored'; "": not known */
    struct counts counts;                    /* of the parcel under construction, as all below */
    int64_t objects_failed, objects_done, bytes_read, n_touched;
    struct replayed replayed;
    bool failed_again;            /* the reject under way, for the same reason */
    struct shale_err first_error; /* code none: there is none */
    enum shale_status unread;
    int64_t n_unread;
    struct shale_err unread_err;
    int n_logged; /* objects that failed */
    /* Of the conditions of the manifest 'erased_of': what a rebuild and a replay leave out of the
     * rejects. */
    struct shale_erasure_rejects *erased;
    int64_t erased_of;
};

/*     NEW --open--> OPEN --begin--> READING --drained--> BUILT --publish--> PUBLISHED --> DONE
 *                                    ^                    |                   |
 *                                    +------- lost -------+                   |
 *                                    +---------- there is more to list -------+
 *
 * A failure ends it in any state: what is PUBLISHED stays so.  Only a table has more than one
 * phase, and can lose. */
enum run_state { RUN_NEW, RUN_OPEN, RUN_READING, RUN_BUILT, RUN_PUBLISHED, RUN_DONE };

struct run {
    /* Fixed after start. */
    const struct shale_run_options *options;
    const struct shale_env *env;
    const struct shale_mem *mem;
    const struct shale_stream *stream;
    struct root *roots;
    struct shale_arena roots_arena;
    size_t n_roots;
    struct shale_events_options events_options;
    struct table *table; /* NULL: the output has no ledger */
    struct dedupe *dedupe;
    struct shale_output_options output_options;
    struct shale_output *output;
    unsigned n_workers;
    struct worker *workers;
    size_t flight_limit, waiting_limit, encode_limit, keys_limit; /* bytes */
    size_t max_nodes;
    size_t *index_columns; /* columns of the data files that hold $index */
    size_t n_index_columns;
    size_t time_field; /* SIZE_MAX: none */
    int64_t began_us, began_wall_us;
    int64_t n_total_objects, n_total_bytes;

    /* Under the pool's lock. */
    struct node *head, *tail;
    size_t n_nodes;
    size_t flight_bytes;
    unsigned n_busy;
    bool planning, planned, sequencing;
    struct shale_buf *free_texts; /* buffers of slices, kept */
    size_t n_free_texts;
    size_t next_finish, n_finishing;
    enum shale_status status;
    struct shale_err *err;
    int64_t last_report_us;
    struct shale_progress progress;

    /* The main thread, between phases. */
    enum run_state state;
    struct committed committed;

    /* Whoever plans. */
    struct plan plan;
    struct replay replay;

    /* Whoever sequences; afterwards whoever finishes a part. */
    struct sequencer seq;
};

/* What an entry counts for the size of a row group: what it takes until it is in the file. */
static inline size_t entry_weight(const struct run *run, const struct entry *entry)
{
    size_t order = run->stream->n_sort_by > 0 ? 2 * sizeof(struct shale_row_ref) : 0;
    return entry->n_bytes + BATCH_OVERHEAD + (size_t)entry->n_rows * order;
}

/* Does the output remember what was consumed? */
static inline bool has_ledger(const struct run *run)
{
    return run->options->layout == SHALE_OUTPUT_TABLE ||
           (run->options->layout == SHALE_OUTPUT_FILE && !run->options->convert);
}

static inline bool is_cancelled(const struct run *run)
{
    return run->env->cancelled(run->env->ctx);
}

/* roots.c */
SHALE_MUST_USE enum shale_status roots_open(struct run *run, struct shale_err *err);
void roots_close(struct run *run);
SHALE_MUST_USE enum shale_status root_get(const struct root *root, const char *key,
                                          struct shale_get *get, struct shale_err *err);
bool root_is_own(const struct root *root, struct shale_str key);

/* plan.c */
/* Is it an object of the source, by its key, and of the days that are asked for? */
bool plan_takes(const struct run *run, struct shale_str key);
/* Can the keys be chosen as the options say? */
SHALE_MUST_USE enum shale_status plan_check(const struct run *run, struct shale_err *err);
/* What a run would read: counts in run->plan, bytes in run->n_total_bytes. */
SHALE_MUST_USE enum shale_status plan_count(struct run *run, struct shale_err *err);
SHALE_MUST_USE enum shale_status plan_next(struct run *run, struct node **out,
                                           struct shale_err *err);
/* The key of the first object that there is to be read, in 'out'; "": there is none.  The listing
 * then begins anew, and whoever decides must as well. */
SHALE_MUST_USE enum shale_status plan_first(struct run *run, struct shale_buf *out,
                                            struct shale_err *err);
/* Each object that the stream's keys choose, whatever is known of it; the listing then begins anew.
 */
SHALE_MUST_USE enum shale_status
plan_each(struct run *run,
          enum shale_status (*each)(void *ctx, const struct shale_listed *, struct shale_err *err),
          void *ctx, struct shale_err *err);
/* Do all keys say a day? */
bool plan_has_dates(const struct run *run);
/* List from the beginning again; the counts are 'tally' (NULL: zero). */
void plan_rewind(struct run *run, const struct tally *tally);
void plan_close(struct run *run);
struct node *node_new(struct run *run, enum node_kind kind, struct object_list *list);
void node_free(struct run *run, struct node *node);

/* shred.c */
enum shredded { SHREDDED_ALL, SHREDDED_FULL, SHREDDED_FAILED };
struct shredding {
    struct shale_events *events;
    const struct object *object;
    int64_t number;     /* of the next event: in and out */
    bool stop_at_lines; /* stop when full only before a line, and say where in 'byte' */
    bool alone;         /* it is one event, without an envelope */
    bool has_pending;   /* when full: the next event is out already, and was not taken ... */
    struct shale_event pending; /* ... in and out */
    int64_t byte;
};
/* What lineage fields of its events are made of. */
void object_lineage(const struct run *run, const struct object *object, struct shale_lineage *out);
SHALE_MUST_USE enum shale_status worker_open(struct run *run, struct worker *worker);
void worker_close(struct worker *worker);
/* SHREDDED_FAILED: the object fails, status and err say why (see is_content() of read.c).  With any
 * other '*out' a status but OK is fatal. */
SHALE_MUST_USE enum shale_status shred_events(struct worker *worker, struct shredding *shredding,
                                              enum shredded *out, struct shale_err *err);
struct mark {
    int64_t n_rows, n_rejects, n_consumed;
    struct counts counts;
    bool had_error;
};
/* What its parcel will take, about. */
size_t worker_n_bytes(const struct worker *worker);
/* Is it time to close it? */
bool worker_is_full(const struct worker *worker);
/* An event made a row: it counts as written; or goes again, and counts as filtered, when such rows
 * were taken out of the table for good. */
void worker_take_row(struct worker *worker);
struct mark worker_mark(const struct worker *worker);
void worker_take_back(struct worker *worker, const struct mark *mark);
SHALE_MUST_USE enum shale_status reject_object(struct worker *worker, const struct object *object,
                                               const struct shale_err *why);
SHALE_MUST_USE enum shale_status reject_event(struct worker *worker, const struct object *object,
                                              int64_t number, const struct shale_reject *where,
                                              int64_t byte, struct shale_str raw, int64_t raw_bytes,
                                              struct shale_err *why);
/* Close what the worker has made as a parcel, and begin anew. */
SHALE_MUST_USE enum shale_status parcel_take(struct worker *worker, enum parcel_kind kind,
                                             int64_t n_events, struct parcel **out);
void parcel_free(struct run *run, struct parcel *parcel);

/* consumed.c */
extern const struct shale_schema consumed_schema;
/* One object is done with; 'hash' is "" when not all of it was read.  What it read, wrote and so on
 * since 'before' (NULL: nothing, the sequencer adds it). */
SHALE_MUST_USE enum shale_status consumed_append(struct worker *worker, const struct object *object,
                                                 enum shale_ledger_state state, const char *hash,
                                                 const struct counts *before);
/* Add the counts of a large object to its row, the only one. */
SHALE_MUST_USE enum shale_status consumed_add(struct shale_batch *batch,
                                              const struct counts *counts);
/* Row 'row' of a batch, as the ledger has it but for source and definition. */
void consumed_row(const struct shale_batch *batch, int64_t row, struct shale_ledger_row *out);

/* The rows that a parcel has with this object and those before it. */
int64_t consumed_n_rows(const struct shale_batch *batch, int64_t row);
/* 'n' rows of that object are not written: they are duplicates. */
SHALE_MUST_USE enum shale_status consumed_drop(struct shale_batch *batch, int64_t row, int64_t n);

/* Do rows and rejects of that object, which the table has, give way to what was read now? */
bool consumed_replaces(const struct shale_batch *batch, int64_t row);
/* Are these the bytes of another tag that was read? */
bool object_is_touched(const struct run *run, const struct object *object, const char *hash);

/* dedupe.c */
/* A phase begins, on the base as it is now, until which goes.  SHALE_NOT_FOUND: a segment of the
 * base is gone; those that may go are open from here on. */
SHALE_MUST_USE enum shale_status dedupe_begin(struct run *run, struct shale_err *err);
void dedupe_end(struct run *run);
void dedupe_close(struct run *run);
/* What the keys of the rows in its builder will take; 0 without 'dedupe'. */
size_t dedupe_n_bytes(const struct worker *worker);
/* By a worker: parcel->keys, of the rows in its builder. */
SHALE_MUST_USE enum shale_status dedupe_keys(const struct worker *worker, struct parcel *parcel,
                                             const uint32_t *part_of_row);
void dedupe_free(const struct run *run, struct parcel_keys *keys);
/* By the sequencer, of one parcel after the other: take the duplicates out of it. */
SHALE_MUST_USE enum shale_status dedupe_parcel(struct run *run, struct parcel *parcel,
                                               struct shale_err *err);
/* A large object begins, is good, or has failed. */
void dedupe_mark(struct run *run);
void dedupe_settle(struct run *run);
void dedupe_rewind(struct run *run);
/* Write the keys of the phase, and have the commit bring them. */
SHALE_MUST_USE enum shale_status dedupe_commit(struct run *run, struct shale_commit *commit,
                                               struct shale_err *err);

/* read.c */
SHALE_MUST_USE enum shale_status read_group(struct worker *worker, struct job *job);
SHALE_MUST_USE enum shale_status read_object(struct worker *worker, struct job *job);
SHALE_MUST_USE enum shale_status read_slice(struct worker *worker, struct job *job);
SHALE_MUST_USE enum shale_status large_new(const struct run *run, struct large **out,
                                           struct shale_err *err);
/* Begin to read the open object as one stream of events, in whatever shape. */
SHALE_MUST_USE enum shale_status large_begin_stream(const struct run *run, struct large *large,
                                                    struct shale_err *err);
void large_free(struct run *run, struct large *large);

/* sequence.c */
SHALE_MUST_USE enum shale_status sequence(struct worker *worker, bool final, struct shale_err *err);
SHALE_MUST_USE enum shale_status sequence_open(struct run *run, struct shale_err *err);
/* Forget all files and waiting rows: the next phase begins. */
SHALE_MUST_USE enum shale_status sequence_begin(struct run *run, struct shale_err *err);
void sequence_close(struct run *run);
/* A part named "", with or without rows: the one file of layout file. */
SHALE_MUST_USE enum shale_status sequence_ensure_part(struct run *run);

/* table.c */
/* Its base; run->table is set also after a failure. */
SHALE_MUST_USE enum shale_status table_open(struct run *run, struct shale_err *err);
void table_close(struct run *run);
SHALE_MUST_USE enum shale_status table_read_base(struct run *run, struct shale_err *err);
bool table_has_log(const struct run *run);
/* The next phase: behind what the last one listed, on the base as it is now. */
SHALE_MUST_USE enum shale_status table_begin(struct run *run, struct shale_err *err);
/* The same phase once more: from where it began. */
SHALE_MUST_USE enum shale_status table_begin_again(struct run *run, struct shale_err *err);
/* The phase is over: what it listed is behind it. */
void table_advance(struct run *run);
bool table_is_behind(const struct run *run, struct shale_str key);
SHALE_MUST_USE enum shale_status table_decide(struct run *run, const struct shale_listed *listed,
                                              struct shale_decision *out, struct shale_err *err);
/* The first object of a phase that is done, or (where none is) the first: SHALE_TAG_INPUT.  Of a
 * rebuild what the phase began with. */
SHALE_MUST_USE enum shale_status
table_note_input(struct run *run, const struct shale_batch *consumed, struct shale_err *err);

/* seal.c */
/* A key that is not below any of the period in which 'day' lies, and below all of later ones: in
 * 'out'.  Only where the stream's keys sort by date. */
SHALE_MUST_USE enum shale_status seal_key(const struct run *run, int32_t day,
                                          struct shale_buf *out);
/* Do all keys of the stream sort by date, together? */
bool seal_sorts(const struct run *run);
/* What a plan need not list: as the base says. */
SHALE_MUST_USE enum shale_status seal_begin(struct run *run, struct shale_err *err);
/* Keys up to this one are not listed; "": all are. */
const char *seal_from(const struct run *run);
/* A listed object of that day is read or known, or (not settled) left alone. */
void seal_note(struct run *run, int32_t day, bool is_settled);
/* The seal that the commit of this phase brings, if '*any'; texts are the run's. */
SHALE_MUST_USE enum shale_status seal_make(struct run *run, struct shale_seal *out, bool *any);

/* publish.c */
/* A new name for a segment of the ledger. */
enum { SEGMENT_PATH_BYTES = 64 };
void ledger_path(struct run *run, char out[SEGMENT_PATH_BYTES]);
typedef enum shale_status (*consumed_fn)(void *ctx, const struct shale_batch *batch,
                                         struct shale_err *err);
/* All objects that the phase has consumed, in plan order. */
SHALE_MUST_USE enum shale_status consumed_each(struct run *run, consumed_fn visit, void *ctx,
                                               struct shale_err *err);
/* Can the table have the stream's columns?  Asked before anything is read. */
SHALE_MUST_USE enum shale_status table_check(struct run *run, struct shale_err *err);
/* Commit what the phase has made; its files have their names.
 * SHALE_CONFLICT: it lost, and there is a new base. */
SHALE_MUST_USE enum shale_status table_commit(struct run *run, struct shale_err *err);

/* replay.c */
/* The phase begins, on the table's base. */
SHALE_MUST_USE enum shale_status replay_begin(struct run *run, struct shale_err *err);
void replay_end(struct run *run);
/* As plan_next(): the next segment that has something to be tried again. */
SHALE_MUST_USE enum shale_status replay_plan(struct run *run, struct node **out,
                                             struct shale_err *err);
SHALE_MUST_USE enum shale_status replay_read(struct worker *worker, struct job *job);
void replay_node_free(struct run *run, struct rejects_read *rejects);
/* replay_cut.c */
/* Find the event of object->again, which was cut, where it came from, and do with it what is to be
 * done.  '*stays': that cannot be, which was said, and nothing was done. */
SHALE_MUST_USE enum shale_status replay_cut(struct worker *worker, const struct object *object,
                                            bool *stays, struct shale_err *err);
/* Has the phase anything to publish? */
bool replay_has_news(const struct run *run);
/* change.c */
/* Do the options and the stream allow it? */
SHALE_MUST_USE enum shale_status change_check(const struct run *run, struct shale_err *err);
/* May objects of this run give way to what they are now? */
bool change_wanted(const struct run *run);
/* What goes of them, into the commit that brings 'ledger'.  SHALE_CONFLICT: the base is too old. */
SHALE_MUST_USE enum shale_status change_fill(struct run *run, const struct shale_segment *ledger,
                                             struct shale_commit *commit, struct shale_err *err);
/* Rebuild: table->forced, which all files of the commit name, by the first object that is planned:
 * a file that may have rows of it, else a segment of rejects that has some, else one of the ledger.
 * The listing then begins anew.  SHALE_NOT_FOUND: the base is too old. */
SHALE_MUST_USE enum shale_status change_choose_input(struct run *run, struct shale_err *err);

/* single.c */
/* Its place, for table_open(), which reads the base. */
SHALE_MUST_USE enum shale_status single_open(struct run *run, const char *path,
                                             struct shale_err *err);
/* Publish the phase's rows with 'commit', which says the rest. */
SHALE_MUST_USE enum shale_status single_commit(struct run *run, const struct shale_commit *commit,
                                               struct shale_committed *committed,
                                               struct shale_err *err);

/* adopt.c */
/* Where the file names no ledger: it gets one.  The base is the one after it. */
SHALE_MUST_USE enum shale_status adopt(struct run *run, struct shale_err *err);

/* sort.c */
SHALE_MUST_USE enum shale_status order_make(const struct run *run, const struct part *part,
                                            size_t n_entries, struct row_order *order,
                                            struct shale_err *err);
void order_free(const struct run *run, struct row_order *order);
/* sorted_close() in any case. */
SHALE_MUST_USE enum shale_status sorted_open(struct sorted_column *sorted, const struct run *run,
                                             const struct part *part, size_t n_entries,
                                             const struct row_order *order, size_t column,
                                             const struct shale_column_def *def,
                                             struct shale_err *err);
void sorted_close(struct sorted_column *sorted);

/* encode.c */
/* Cut the first 'n_entries' of a part as a row group.  '*all' is set when it is left to all
 * threads: encode_leaf() for each leaf, then encode_finish(). */
SHALE_MUST_USE enum shale_status encode_begin(struct worker *worker, struct part *part,
                                              size_t n_entries, bool *all, struct shale_err *err);
SHALE_MUST_USE enum shale_status encode_leaf(struct worker *worker, struct cut *cut, size_t leaf,
                                             struct shale_err *err);
SHALE_MUST_USE enum shale_status encode_finish(struct worker *worker, struct shale_err *err);
/* The last rows of a part, then its footer; different parts by different threads. */
SHALE_MUST_USE enum shale_status encode_last(struct worker *worker, struct part *part,
                                             struct shale_err *err);
void cut_free(struct run *run, struct cut *cut);
void entries_drop(struct run *run, struct part *part, size_t from, size_t n);

/* tidy.c: compact: auto */
struct tidy {
    const struct shale_run_options *options;
    bool due;
};
/* Is there something to do when the run is closed?  Before that. */
void tidy_note(const struct run *run, struct tidy *tidy);
/* Do it: the run's memory is free. */
void tidy_up(const struct tidy *tidy);

/* summary.c */
void summarise(const struct run *run, struct shale_summary *summary);

#endif
