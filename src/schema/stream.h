/* SPDX-License-Identifier: MIT */
/* A stream definition in memory: everything said about one kind of event.  Made by
 * shale_definition_read(); immutable then, shared by all threads, all memory in its arena. */
#ifndef SHALE_SCHEMA_STREAM_H
#define SHALE_SCHEMA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/codec.h"
#include "codec/content_hash.h"
#include "schema/pointer.h"
#include "schema/template.h"
#include "schema/type.h"
#include "schema/value.h"

enum shale_from_kind {
    SHALE_FROM_POINTER,
    SHALE_FROM_KEY,         /* $key: the object's key below the source */
    SHALE_FROM_PLACEHOLDER, /* $key.name: what the template's placeholder matched */
    SHALE_FROM_BUCKET,      /* $bucket: null for a directory */
    SHALE_FROM_INDEX,       /* $index: the event's number in its object, from 0; int32 or int64 */
};

struct shale_from {
    enum shale_from_kind kind;
    struct shale_pointer pointer; /* POINTER */
    struct shale_str name;        /* PLACEHOLDER */
};

enum shale_format_rule {
    SHALE_FORMAT_NONE,
    SHALE_FORMAT_EMAIL,
    SHALE_FORMAT_IPV4,
    SHALE_FORMAT_IPV6,
    SHALE_FORMAT_HOSTNAME,
    SHALE_FORMAT_URI,
    SHALE_FORMAT_UUID,
};

struct shale_field {
    struct shale_str name;
    const struct shale_from *from; /* tried in order, the first that is present wins */
    size_t n_from;
    struct shale_type type;

    /* Constraints.  Of a list, those on values apply to each element; required, default,
     * and the lengths to the list itself. */
    bool required;
    bool lax;  /* coerce: lax */
    bool trim; /* strings: spaces, tabs, CR, LF at both ends */
    bool has_default, has_minimum, has_maximum, has_min_length, has_max_length;
    struct shale_value default_value; /* not for LIST */
    struct shale_value minimum, maximum;
    int64_t min_length, max_length; /* code points; bytes of BINARY; elements of LIST */
    const struct shale_value *enum_values;
    size_t n_enum_values;
    struct shale_str pattern; /* as written */
    void *pattern_code;       /* pcre2_code *, with JIT; NULL without a pattern */
    enum shale_format_rule format;
    const struct shale_str *null_values; /* texts that mean null, compared after trim */
    size_t n_null_values;

    bool partition_identity; /* its value names a partition's directory, which not every text can */
};

/* keep and rules: does an event have a certain value at a place? */
enum shale_condition_kind { SHALE_WHEN_IN, SHALE_WHEN_NOT_IN, SHALE_WHEN_PRESENT };

struct shale_literal {
    enum shale_json_kind kind; /* NULL, BOOL, NUMBER or STRING */
    struct shale_str text;
};

struct shale_condition {
    struct shale_from from; /* POINTER, KEY, PLACEHOLDER or BUCKET */
    enum shale_condition_kind kind;
    bool present; /* PRESENT: the wanted answer */
    bool trim;    /* a field with 'trim' reads the same pointer: compare trimmed */
    const struct shale_literal *values;
    size_t n_values;
};

struct shale_rule {
    struct shale_condition when;
    const size_t *require; /* indexes of fields that must then be present ... */
    size_t n_require;
    const size_t *forbid; /* ... or must not */
    size_t n_forbid;
};

/* An object that was read comes again under its key with other bytes. */
enum shale_on_change {
    SHALE_ON_CHANGE_REJECT,  /* it is one reject; what was read of it stays */
    SHALE_ON_CHANGE_APPEND,  /* its events are new ones */
    SHALE_ON_CHANGE_REPLACE, /* they take the place of those that were read of it before */
};

enum shale_input_format { SHALE_INPUT_AUTO, SHALE_INPUT_JSON, SHALE_INPUT_NDJSON };
enum shale_unknown { SHALE_UNKNOWN_IGNORE, SHALE_UNKNOWN_REJECT, SHALE_UNKNOWN_KEEP };
enum shale_output_layout { SHALE_OUTPUT_TABLE, SHALE_OUTPUT_FILE };

enum shale_transform {
    SHALE_PART_IDENTITY, /* the field's own value; the field is then in no data file */
    SHALE_PART_YEAR,     /* int32, of a DATE or TIMESTAMP field */
    SHALE_PART_MONTH,
    SHALE_PART_DAY,
    SHALE_PART_HOUR, /* TIMESTAMP only */
};

struct shale_partition_def {
    struct shale_str name; /* of the directory: year, month, day, hour or the field's */
    enum shale_transform transform;
    size_t field;
};

/* Does this byte of a value stand as itself in the name of a partition's directory?  Others are %XX
 * there: as Hive and Spark write them; bytes above 0x7F (UTF-8) stay. */
bool shale_partition_is_plain(unsigned char byte);

/* The name of a null's directory; no other value may have it. */
#define SHALE_PARTITION_NULL "__HIVE_DEFAULT_PARTITION__"

/* output.dedupe: events that have the same key, and whose times are at most 'within_us' apart, are
 * one event (docs/dedupe.md). */
struct shale_dedupe {
    const size_t *key; /* indexes of fields, of scalars, no floats */
    size_t n_key;      /* 0: no event is a duplicate */
    size_t time;       /* of a date or a timestamp of us or ms; SIZE_MAX: none */
    int64_t within_us; /* -1: for ever, and 'time' is not looked at */
};

#define SHALE_DEDUPE_MOST_US (INT64_C(36525) * 86400 * 1000000) /* of 'within': a century */

struct shale_stream {
    struct shale_arena arena;
    struct shale_str name;
    char hash[SHALE_CONTENT_HASH_CHARS + 1]; /* of the definition's text */

    struct shale_str source_path; /* "" when not given */
    struct shale_str source_id;   /* its name in the ledger; "": its address */
    int64_t settle_us;            /* younger files are left alone; 10 s unless set */
    int32_t seal_after_days;      /* days so long past are not listed; 0: all are */
    enum shale_on_change on_change;
    const struct shale_template *keys; /* tried in order; none means every key */
    size_t n_keys;
    enum shale_input_format format;
    bool has_records;
    struct shale_pointer records;
    int64_t max_event_bytes;            /* 16 MiB unless set */
    const struct shale_condition *keep; /* an event that matches none is filtered; none: all kept */
    size_t n_keep;

    const struct shale_field *fields;
    size_t n_fields;
    /* The field that says which object a row came from: $key alone, a string as it is, in the data
     * files; SIZE_MAX: there is none. */
    size_t key_field;
    const struct shale_rule *rules;
    size_t n_rules;
    enum shale_unknown unknown_fields;

    bool reject_fails;           /* on_reject.policy: fail */
    int64_t reject_limit_count;  /* -1: no limit */
    double reject_limit_percent; /* of events read; negative: no limit */

    struct shale_str output_path; /* "" when not given */
    enum shale_output_layout layout;
    bool layout_given;  /* by 'layout' or 'partition_by'; otherwise it follows from the path */
    bool table_checked; /* the columns are fit for a table */
    const struct shale_partition_def *partitions;
    size_t n_partitions;
    const size_t *sort_by; /* indexes of fields, of scalars: the order of rows in a row group */
    size_t n_sort_by;
    enum shale_codec compression; /* zstd unless set */
    int compression_level;        /* 0: the codec's default */
    bool modern;                  /* compat: modern, else wide */
    int64_t row_group_bytes;      /* 32 MiB unless set */
    int64_t max_waiting_bytes;    /* 4 GiB unless set */
    /* A long run commits when it has read so much: 16 GiB and 100,000 unless set. */
    int64_t commit_every_bytes, commit_every_objects;
    int64_t compact_most_files; /* a run ends by merging where more small files are; 0: never */
    struct shale_dedupe dedupe;

    /* The columns of a batch: every field in order, then _unknown when it is kept.  Those that are
     * partition_only are in no data file. */
    struct shale_schema schema;
};

/* Forget the partitions: every field becomes a column of the one output file.  Before anything else
 * has taken the stream's fields or schema.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_stream_drop_partitions(struct shale_stream *stream);

/* The output is 'path' instead of the definition's own: where the definition does not say which, a
 * name that ends in .parquet is a file, any other a table.  'path' is borrowed.
 * Returns SHALE_OK, or SHALE_SCHEMA: a column cannot be in a table, or seal_after with a file. */
SHALE_MUST_USE enum shale_status shale_stream_set_output(struct shale_stream *stream,
                                                         const char *path, struct shale_err *err);

#endif
