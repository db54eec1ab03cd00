/* SPDX-License-Identifier: MIT */
/* Private to the log: the actions of its entries and checkpoints (PROTOCOL.md, Actions), and how
 * their members are named.  A line of an entry and a row of a checkpoint have the same members, so
 * one table says where each of them goes. */
#ifndef SHALE_DATASET_LOG_ACTIONS_H
#define SHALE_DATASET_LOG_ACTIONS_H

#include "dataset/log.h"
#include "json/cursor.h"

enum shale_log_kind {
    SHALE_ACTION_OTHER, /* none, or one that readers pass over */
    SHALE_ACTION_ADD,
    SHALE_ACTION_REMOVE,
    SHALE_ACTION_TXN,
    SHALE_ACTION_METADATA,
    SHALE_ACTION_PROTOCOL,
    SHALE_ACTION_INFO,
    SHALE_ACTION_SIDECAR, /* of a v2 checkpoint: its actions are in another file */
    SHALE_ACTION_N_KINDS
};

/* A set of kinds. */
#define SHALE_ACTION_SET(kind) (1u << (kind))

struct shale_log_protocol {
    int64_t reader, writer;
    const struct shale_str *reader_features, *writer_features;
    size_t n_reader_features, n_writer_features;
};

struct shale_log_metadata {
    struct shale_str id, name, description;
    struct shale_str provider;
    const struct shale_log_pair *options, *configuration;
    size_t n_options, n_configuration;
    struct shale_str schema_json;
    const struct shale_str *partition_columns;
    size_t n_partition_columns;
    int64_t created_ms;
};

/* One action; 'kind' says which member counts. */
struct shale_log_action {
    enum shale_log_kind kind;
    struct shale_log_add add;
    struct shale_log_remove remove;
    bool has_vector; /* of an add: a deletion vector */
    struct shale_log_txn txn;
    struct shale_log_metadata metadata;
    struct shale_log_protocol protocol;
    struct shale_log_info info;
};

/* ---- Members ----------------------------------------------------------------------------------
 */

enum shale_log_shape {
    SHALE_SHAPE_TEXT,    /* struct shale_str */
    SHALE_SHAPE_NUMBER,  /* int64_t */
    SHALE_SHAPE_FLAG,    /* bool */
    SHALE_SHAPE_PRESENT, /* bool: is it there? */
    SHALE_SHAPE_PAIRS,   /* struct shale_log_pair[]: texts by name; null: "" */
    SHALE_SHAPE_RAWS,    /* struct shale_log_pair[]: JSON texts by name */
    SHALE_SHAPE_VALUES,  /* struct shale_log_partition_value[]; an empty text is null (PROTOCOL.md,
                          * Partition Value Serialization) */
    SHALE_SHAPE_TEXTS,   /* struct shale_str[] */
    SHALE_SHAPE_GROUP,   /* more members, of 'group' */
};

struct shale_log_member {
    const char *name;
    enum shale_log_shape shape;
    bool required;
    size_t at, n_at; /* in struct shale_log_action; the second of an array's number */
    const struct shale_log_member *group;
    size_t n_group;
};

struct shale_log_kind_def {
    const char *name; /* "metaData" */
    const struct shale_log_member *members;
    size_t n_members;
};

/* By kind; of OTHER and SIDECAR there are no members. */
extern const struct shale_log_kind_def shale_log_kinds[SHALE_ACTION_N_KINDS];

/* Set 'out' to an action of 'kind' that says nothing. */
void shale_log_action_begin(struct shale_log_action *out, enum shale_log_kind kind);

/* All members were put: check what must be there, decode paths, and fill in what is not said.
 * SHALE_CORRUPT, SHALE_SCHEMA (a file outside the table, a deletion vector), SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_log_action_end(struct shale_arena *arena,
                                                      struct shale_log_action *action,
                                                      struct shale_err *err);

/* ---- Lines ------------------------------------------------------------------------------------
 */

/* The lines of one entry, read piece by piece. */
struct shale_log_lines {
    const struct shale_mem *mem;
    struct shale_store_file *file;
    char key[SHALE_LOG_NAME_BYTES];
    struct shale_json_cursor cursor;
    struct shale_buf text;    /* of the file, from 'text_at' on */
    struct shale_buf scratch; /* unescaped */
    struct shale_buf items;   /* of an array or a map, until their number is known */
    int64_t text_at, read_to; /* file bytes */
    size_t next;              /* in 'text': the next line */
    int64_t n_lines, line_at; /* those handed out; file byte of the last */
};

/* SHALE_NOT_FOUND: there is no such entry.  After any failure there is nothing to close. */
SHALE_MUST_USE enum shale_status shale_log_lines_open(struct shale_store *store, int64_t version,
                                                      struct shale_log_lines *lines,
                                                      struct shale_err *err);
void shale_log_lines_close(struct shale_log_lines *lines);

/* The next action, of which only the kinds in the set 'wanted' have their members (in 'arena').
 * '*end' is set when there is none. */
SHALE_MUST_USE enum shale_status shale_log_lines_next(struct shale_log_lines *lines,
                                                      struct shale_arena *arena, unsigned wanted,
                                                      struct shale_log_action *out, bool *end,
                                                      struct shale_err *err);

/* ---- The entries behind a checkpoint ----------------------------------------------------------
 */

/* Which of what they say of files is the last word: memory for the paths alone.  The actions are
 * read a second time, by a walk. */
struct shale_log_tail {
    struct shale_store *store;
    int64_t first, last;           /* entries */
    char tip_tag[SHALE_TAG_BYTES]; /* of the last one */
    struct shale_arena arena;
    uint64_t seed;
    struct shale_buf tags;  /* uint64_t: hashes of the entries' tags */
    struct shale_buf fates; /* struct shale_log_fate */
    size_t n_fates;
    uint32_t *slots; /* hash table: number of a fate + 1 */
    size_t n_slots;  /* a power of 2 */
};

struct shale_log_fate {
    struct shale_str path;
    int64_t last_word; /* number of the last action on it, of all adds and removes in order */
};

/* Read the files that the entries behind the checkpoint of 'state' add and remove.  In any case
 * shale_log_tail_fini() has to follow.  SHALE_NOT_FOUND: one of the entries is gone; SHALE_AGAIN:
 * the newest is another than 'state' was read from. */
SHALE_MUST_USE enum shale_status shale_log_tail_read(struct shale_store *store,
                                                     const struct shale_log_state *state,
                                                     struct shale_log_tail *tail,
                                                     struct shale_err *err);
void shale_log_tail_fini(struct shale_log_tail *tail);

/* Do they speak of it? */
bool shale_log_tail_has(const struct shale_log_tail *tail, struct shale_str path);

/* The adds and removes that are the last word on their files, in order. */
struct shale_log_walk {
    const struct shale_log_tail *tail;
    int64_t version; /* of the entry that comes next, or is open */
    bool is_open;
    struct shale_log_lines lines;
    int64_t n_actions; /* so far */
};

void shale_log_walk_begin(struct shale_log_walk *walk, const struct shale_log_tail *tail);
void shale_log_walk_end(struct shale_log_walk *walk);

/* The next of them, in 'arena', which is reset.  SHALE_NOT_FOUND: an entry is gone by now;
 * SHALE_AGAIN: one is another by now. */
SHALE_MUST_USE enum shale_status shale_log_walk_next(struct shale_log_walk *walk,
                                                     struct shale_arena *arena,
                                                     struct shale_log_action *out, bool *end,
                                                     struct shale_err *err);

/* ---- Rows of a checkpoint ---------------------------------------------------------------------
 */

struct shale_log_rows;

/* The rows of checkpoint 'version', which is in 'n_parts' files (0: one, of the classic name), that
 * are actions of the kinds in the set 'wanted'; other columns are not read. */
SHALE_MUST_USE enum shale_status shale_log_rows_open(struct shale_store *store, int64_t version,
                                                     int64_t n_parts, unsigned wanted,
                                                     struct shale_log_rows **out,
                                                     struct shale_err *err);
void shale_log_rows_free(struct shale_log_rows *rows);

/* The next of them, in 'arena'. */
SHALE_MUST_USE enum shale_status shale_log_rows_next(struct shale_log_rows *rows,
                                                     struct shale_arena *arena,
                                                     struct shale_log_action *out, bool *end,
                                                     struct shale_err *err);

/* Rows of the parts opened so far: all at the end. */
int64_t shale_log_rows_total(const struct shale_log_rows *rows);

/* ---- The listing ------------------------------------------------------------------------------
 */

struct shale_log_listing {
    int64_t tip;       /* the newest version; -1: there is none */
    int64_t run_begin; /* the entries from here to run_end are there; -1: none is */
    int64_t run_end;
    int64_t checkpoint; /* the newest complete one of a kind that we read; -1: none */
    int64_t checkpoint_parts;
    int64_t v2_checkpoint; /* the newest of the other kind */
};

/* What is there from version 'from' on (-1: all). */
SHALE_MUST_USE enum shale_status shale_log_list(struct shale_store *store, int64_t from,
                                                struct shale_log_listing *out,
                                                struct shale_err *err);

/* "_delta_log/00000000000000000040.checkpoint.parquet", or part 'part' (from 1) of 'n_parts' of
 * it. */
enum { SHALE_LOG_CHECKPOINT_NAME_BYTES = 96 };
void shale_log_checkpoint_name(int64_t version, int64_t part, int64_t n_parts,
                               char out[SHALE_LOG_CHECKPOINT_NAME_BYTES]);

#define SHALE_LOG_HINT "_delta_log/_last_checkpoint"

struct shale_log_hint {
    int64_t version, n_actions; /* -1: not said */
};

/* What _last_checkpoint says; anything but an object with a version is as if it were not there. */
SHALE_MUST_USE enum shale_status
shale_log_hint_read(struct shale_store *store, struct shale_log_hint *out, struct shale_err *err);

/* ---- Schemas ----------------------------------------------------------------------------------
 */

/* schemaString as columns of ours; 'fields' as a state has them. */
struct shale_log_schema {
    struct shale_schema schema;
    const struct shale_log_field *fields;
    size_t n_fields;
};

/* Read it; the partition columns, which must be there, are marked partition_only.
 * SHALE_CORRUPT, SHALE_SCHEMA (a type that is not supported), SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status
shale_log_schema_read(struct shale_arena *arena, struct shale_str json,
                      const struct shale_str *partitions, size_t n_partitions,
                      struct shale_log_schema *out, struct shale_err *err);

/* How many of a state's 'fields' are inside a type. */
size_t shale_log_n_fields(const struct shale_type *type);

/* Delta's name of a scalar type in 'out' ("decimal(9,2)"); false: it has none. */
enum { SHALE_LOG_TYPE_BYTES = 32 };
bool shale_log_type_name(const struct shale_type *type, char out[SHALE_LOG_TYPE_BYTES]);

/* Append 'schema' as schemaString has it; what 'base' (or NULL) says of fields is kept.
 * SHALE_SCHEMA: a type that Delta has no name for. */
SHALE_MUST_USE enum shale_status shale_log_schema_json(const struct shale_schema *schema,
                                                       const struct shale_log_state *base,
                                                       struct shale_buf *out);

/* Metadata and versions are set: can the table be read, and can it be appended to?  Sets 'schema',
 * 'fields' and 'refusal'.  SHALE_SCHEMA: it cannot be read; as shale_log_schema_read(). */
SHALE_MUST_USE enum shale_status shale_log_judge(struct shale_log_state *state,
                                                 const struct shale_log_protocol *protocol,
                                                 struct shale_err *err);

/* ---- Retentions -------------------------------------------------------------------------------
 */

/* A property of the table that is an interval ("interval 1 week", "7 days 12 hours"), in
 * microseconds; -1 for what is no such text: then nothing is old enough to go. */
int64_t shale_log_interval_us(const struct shale_log_state *state, const char *property,
                              int64_t otherwise_us);

/* How long checkpoints keep what was taken out; -1: for ever. */
int64_t shale_log_tombstones_us(const struct shale_log_state *state);

/* The files that were taken out and still stand in the log, as shale_log_files_new() and _next()
 * for those that are there. */
SHALE_MUST_USE enum shale_status shale_log_removed_new(struct shale_store *store,
                                                       const struct shale_log_state *state,
                                                       struct shale_log_files **out,
                                                       struct shale_err *err);
SHALE_MUST_USE enum shale_status shale_log_removed_next(struct shale_log_files *files,
                                                        const struct shale_log_remove **out,
                                                        struct shale_err *err);

/* ---- Small things -----------------------------------------------------------------------------
 */

/* The number 'name' of the object that 'text' is, in 0 ...; -1: there is none, or the text is no
 * such object (statistics and hints are no part of the truth). */
SHALE_MUST_USE enum shale_status shale_log_find_number(struct shale_json_cursor *cursor,
                                                       struct shale_buf *scratch,
                                                       struct shale_str text, const char *name,
                                                       int64_t *out, struct shale_err *err);

/* A path as a URL's, behind what 'out' holds: all but letters, digits and -_.~/= as %XX. */
SHALE_MUST_USE enum shale_status shale_log_path_encode(struct shale_str path,
                                                       struct shale_buf *out);

/* The path of a URL without a scheme (relative).  SHALE_SCHEMA: it is absolute; SHALE_CORRUPT: it
 * is no name of an object below the table. */
SHALE_MUST_USE enum shale_status shale_log_path_decode(struct shale_arena *arena,
                                                       struct shale_str url, struct shale_str *out,
                                                       struct shale_err *err);

/* A copy in 'arena'; SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_log_copy(struct shale_arena *arena, struct shale_str text,
                                                struct shale_str *out, struct shale_err *err);

#endif
