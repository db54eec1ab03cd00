/* SPDX-License-Identifier: MIT */
/* The table log: Delta Lake's protocol, reader version 1 and writer version 2
 * (github.com/delta-io/delta, PROTOCOL.md), as written by us and by others.
 *
 * What is read is not trusted: numbers, paths and sizes are checked, memory is bounded. */
#ifndef SHALE_DATASET_LOG_H
#define SHALE_DATASET_LOG_H

#include "base/arena.h"
#include "schema/stream.h"
#include "store/objects.h"

/* ---- What an append has to know ---------------------------------------------------------------
 */

struct shale_log_pair {
    struct shale_str key, value;
};

/* How far an application has got; Shale's own is "shale". */
struct shale_log_txn {
    struct shale_str app_id;
    int64_t version;
    int64_t updated_ms; /* -1: not said */
};

/* Of a field of the table's schema, at any depth: what a type of ours has no room for. */
struct shale_log_field {
    bool nullable;
    struct shale_str metadata; /* a JSON object */
};

/* An entry with a txn of appId "shale", and the manifest that it names. */
struct shale_log_named {
    int64_t version, manifest_id;
};

/* protocol, metaData and the txns of one version.  Memory in 'arena'. */
struct shale_log_state {
    struct shale_arena arena;
    int64_t version;               /* of the newest entry; -1: there is no table */
    int64_t checkpoint_version;    /* of the newest complete checkpoint; -1: none */
    int64_t checkpoint_parts;      /* 0: it is one file of the classic name; else in so many */
    int64_t checkpoint_actions;    /* in it; 0 when it is not known */
    int64_t tail_actions;          /* in the entries behind that checkpoint */
    char tip_tag[SHALE_TAG_BYTES]; /* of the newest entry, as it was read; "": it was not */
    int32_t reader_version, writer_version;
    /* Why nothing can be appended, in words ("the table needs a writer of version 4 ..."); "": it
     * can.  Whoever appends returns SHALE_ERR(err, log_refused, ...) with it. */
    struct shale_str refusal;
    struct shale_str table_id;
    struct shale_str name, description; /* "" when not said */
    struct shale_str schema_json;       /* schemaString */
    struct shale_schema schema;         /* read from it; partition columns are partition_only */
    /* One a column and, right behind it, one a member of each struct inside its type. */
    const struct shale_log_field *fields;
    size_t n_fields;
    const struct shale_log_pair *format_options;
    size_t n_format_options;
    const struct shale_str *partition_columns;
    size_t n_partition_columns;
    const struct shale_log_pair *configuration;
    size_t n_configuration;
    int64_t created_ms;               /* -1: not said */
    bool is_append_only;              /* delta.appendOnly */
    struct shale_str stream;          /* shale.stream; "" when the table has no such property */
    int64_t manifest_id;              /* version of the txn of appId "shale"; -1: none */
    const struct shale_log_txn *txns; /* of all applications, one each */
    size_t n_txns;
    const struct shale_log_named *named; /* behind the checkpoint, in order */
    size_t n_named;
};

/* Read the newest state: the hint in _last_checkpoint (which may be stale, wrong or missing), a
 * listing of _delta_log, protocol, metaData and txn of the checkpoint (other columns are not read),
 * the entries behind it.  'after' is an older state of the same table, or NULL: then only what is
 * new is read, where it still is.
 * SHALE_SCHEMA: reading the table needs what we do not support, by name (version, features, types);
 * where only appending does (writer version, invariants, delta.setTransactionRetentionDuration ...)
 * the state's 'refusal' says so.  SHALE_CORRUPT: the log breaks its format, or an entry of it is
 * missing. */
SHALE_MUST_USE enum shale_status shale_log_read(struct shale_store *store,
                                                const struct shale_log_state *after,
                                                struct shale_log_state **out,
                                                struct shale_err *err);
void shale_log_state_free(const struct shale_mem *mem, struct shale_log_state *state);

/* The newest version by listing alone; -1: none.  'from' is one that is known (or -1). */
SHALE_MUST_USE enum shale_status shale_log_tip(struct shale_store *store, int64_t from,
                                               int64_t *version, int64_t *checkpoint_version,
                                               struct shale_err *err);

/* ---- One entry --------------------------------------------------------------------------------
 */

struct shale_log_partition_value {
    struct shale_str name;
    bool is_null;
    struct shale_str value; /* as Delta has it: text */
};

struct shale_log_add {
    struct shale_str path; /* below the table, not URL-encoded */
    /* As the log has it.  "" in what is to be written: 'path' encoded.  A file that another wrote
     * is removed under the very text with which it was added. */
    struct shale_str url;
    const struct shale_log_partition_value *partition_values; /* one a partition column */
    size_t n_partition_values;
    int64_t n_bytes;
    int64_t modified_ms;
    bool data_change;
    int64_t n_rows;         /* of its statistics; -1: not said */
    struct shale_str stats; /* JSON; "" : none */
    const struct shale_log_pair *tags;
    size_t n_tags;
};

struct shale_log_remove {
    struct shale_str path, url; /* as in an add */
    int64_t deleted_ms;         /* -1: not said */
    bool data_change;
};

/* commitInfo as people and verify read it. */
struct shale_log_info {
    struct shale_str operation;              /* "WRITE", "CREATE TABLE" ... */
    const struct shale_log_pair *parameters; /* values are JSON texts */
    size_t n_parameters;
    const struct shale_log_pair *metrics; /* written as strings */
    size_t n_metrics;
    bool is_blind_append;
    int64_t timestamp_ms;
    struct shale_str engine; /* engineInfo; "": "Shale/VERSION" is written */
    struct shale_str txn_id; /* txnId; "": the number of the manifest is */
};

/* All that one commit says. */
struct shale_log_entry {
    bool has_protocol; /* write protocol 1/2 */
    bool has_metadata; /* write metaData from these: */
    struct shale_str table_id;
    const struct shale_schema *schema; /* of the table, partition columns included */
    const struct shale_str *partition_columns;
    size_t n_partition_columns;
    const struct shale_log_pair *configuration;
    size_t n_configuration;
    int64_t created_ms;
    /* The metadata of a table that is there: its name, its fields' comments ... are kept.  NULL: a
     * new table. */
    const struct shale_log_state *base;
    int64_t manifest_id; /* txn of appId "shale"; -1: none */
    const struct shale_log_add *adds;
    size_t n_adds;
    const struct shale_log_remove *removes;
    size_t n_removes;
    struct shale_log_info info;
};

/* The entry's bytes (a line an action, commitInfo first) behind what 'out' holds. */
SHALE_MUST_USE enum shale_status shale_log_entry_json(const struct shale_log_entry *entry,
                                                      struct shale_buf *out);

/* "_delta_log/00000000000000000042.json" */
enum { SHALE_LOG_NAME_BYTES = 40 };
void shale_log_entry_name(int64_t version, char out[SHALE_LOG_NAME_BYTES]);

/* Read entry 'version' whole into 'arena'.  SHALE_NOT_FOUND: there is none (any more). */
SHALE_MUST_USE enum shale_status shale_log_entry_read(struct shale_store *store,
                                                      struct shale_arena *arena, int64_t version,
                                                      struct shale_log_entry *out,
                                                      struct shale_err *err);

/* ---- All files --------------------------------------------------------------------------------
 */

/* The files of the table at a version, each once, in no order that means anything.  Memory: the
 * paths in the entries behind the checkpoint; entries and checkpoint are streamed. SHALE_NOT_FOUND:
 * what 'state' was read from is gone (others clean up); read a newer one. */
struct shale_log_files;

SHALE_MUST_USE enum shale_status shale_log_files_new(struct shale_store *store,
                                                     const struct shale_log_state *state,
                                                     struct shale_log_files **out,
                                                     struct shale_err *err);
/* '*out' is NULL at the end; good until the next call. */
SHALE_MUST_USE enum shale_status shale_log_files_next(struct shale_log_files *files,
                                                      const struct shale_log_add **out,
                                                      struct shale_err *err);
void shale_log_files_free(struct shale_log_files *files);

/* ---- Checkpoints ------------------------------------------------------------------------------
 */

/* Is one due?  After 100 commits, or when the tail has a tenth of the last one's actions (and at
 * least 10 commits). */
bool shale_log_checkpoint_due(const struct shale_log_state *state);

/* Write the checkpoint of 'state', if there is none, then the hint.  Bounded memory.  Tombstones
 * stay in it for delta.deletedFileRetentionDuration (a week), and for a month more, in which sweeps
 * find what they may delete. */
SHALE_MUST_USE enum shale_status shale_log_checkpoint(struct shale_store *store,
                                                      const struct shale_log_state *state,
                                                      struct shale_err *err);

/* ---- Schemas ----------------------------------------------------------------------------------
 */

/* Can a stream whose columns are 'schema' (partition columns 'partitions' last) append to a table
 * in 'state'?  '*evolved' is set when the table's schema must get new nullable columns (or members
 * of structs) first; then '*merged' (in 'arena') is what it becomes: the table's columns, then the
 * new ones.  Of a table that is not there yet: evolved, and all columns.
 * SHALE_SCHEMA: anything else, with what to do. */
SHALE_MUST_USE enum shale_status
shale_log_check_schema(struct shale_arena *arena, const struct shale_log_state *state,
                       const struct shale_schema *schema, const struct shale_str *partitions,
                       size_t n_partitions, bool *evolved, struct shale_schema *merged,
                       struct shale_err *err);

#endif
