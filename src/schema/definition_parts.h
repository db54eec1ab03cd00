/* SPDX-License-Identifier: MIT */
/* Private to schema: what the parts of the definition's reader share.  Each part takes the YAML
 * nodes of its section, fills the stream and reports what is wrong; it goes on after an error, so
 * that one reading finds them all.  Only memory is a failure that stops: it is sticky in
 * 'def->status', and every function here is harmless afterwards. */
#ifndef SHALE_SCHEMA_DEFINITION_PARTS_H
#define SHALE_SCHEMA_DEFINITION_PARTS_H

#include "schema/constraint.h"
#include "schema/stream.h"
#include "schema/type_text.h"
#include "schema/yaml.h"

enum {
    SHALE_DEF_MAX_BYTES = 1024 * 1024,
    SHALE_DEF_MAX_FIELDS = 10000,
    SHALE_DEF_MAX_REPORTS = 1000, /* those behind it are not told */
};

struct shale_def_report;

/* What is known of a field while reading, beside the field itself. */
struct shale_def_field {
    const struct shale_yaml_node *node, *name, *from, *encoding, *bloom;
    bool named, typed; /* false after an error there: later checks leave it alone */
    enum shale_encoding_choice encoding_choice;
    double bloom_fpp;
};

struct shale_def {
    const struct shale_mem *mem;
    const char *file;
    struct shale_stream *stream;
    struct shale_arena *arena; /* the stream's */
    struct shale_arena work;   /* the tree, the reports: gone at the end */
    struct shale_buf scratch;
    struct shale_matcher *matcher;
    enum shale_status status; /* SHALE_OK or SHALE_NOMEM, sticky */

    struct shale_err err; /* of SHALE_DEF_ERROR, one at a time */
    struct shale_def_report *reports;
    size_t n_reports, n_errors;

    struct shale_field *fields; /* stream->fields, writable */
    struct shale_def_field *infos;
    size_t *by_name; /* indexes of named fields, sorted */
    size_t n_by_name;
    bool as_table;                           /* the definition's own output is a table */
    const struct shale_yaml_node *on_change; /* NULL: not said */
    const struct shale_yaml_node *seal_after;
};

/* ---- Reports -------------------------------------------------------------------------------- */

/* SHALE_DEF_ERROR(def, node, name, arguments of its wording...) */
#define SHALE_DEF_ERROR(def, node, ...)                                                            \
    ((void)SHALE_ERR(&(def)->err, __VA_ARGS__), shale_def_report((def), (node), false))
#define SHALE_DEF_WARNING(def, node, ...)                                                          \
    ((void)SHALE_ERR(&(def)->err, __VA_ARGS__), shale_def_report((def), (node), true))

/* File def->err under the place of 'node'. */
void shale_def_report(struct shale_def *def, const struct shale_yaml_node *node, bool warning);
void shale_def_report_at(struct shale_def *def, size_t line, size_t column, bool warning);

/* For "%.*s": enough of a text to be recognised. */
#define SHALE_DEF_SHOW(s) (int)((s).n_bytes > 80 ? 80 : (s).n_bytes), ((s).n_bytes ? (s).data : "")

/* "'text'", "a list", "nothing" ... in 'out' of SHALE_DEF_FOUND_BYTES; returns it. */
enum { SHALE_DEF_FOUND_BYTES = 96 };
const char *shale_def_found(const struct shale_yaml_node *node, char *out);

/* ---- Memory --------------------------------------------------------------------------------- */

/* As shale_arena_zeroed() of the stream's arena; NULL sets def->status. */
void *shale_def_zeroed(struct shale_def *def, size_t n, size_t element_bytes);

/* A copy in the stream's arena; empty after a failure. */
struct shale_str shale_def_copy(struct shale_def *def, struct shale_str text);

/* ---- Reading nodes -------------------------------------------------------------------------- */

struct shale_def_key {
    const char *name;
    bool later; /* known, and not supported yet */
};

/* The values of a mapping's known keys, values[i] for keys[i], NULL where absent; every other key
 * is an error.  'what' names the mapping in messages.  False (and reported) for no mapping. */
bool shale_def_mapping(struct shale_def *def, const struct shale_yaml_node *node, const char *what,
                       const struct shale_def_key *keys, size_t n_keys,
                       const struct shale_yaml_node **values);

/* Is it a plain "null", "~" or nothing? */
bool shale_def_is_null(const struct shale_yaml_node *node);

/* Each reads one node, and is false (reported as "key: expected ...", and '*out' untouched) when
 * it is something else.  A text is a view into the tree: copy what is kept. */
bool shale_def_text(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    const char *expected, struct shale_str *out);
bool shale_def_bool(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    bool *out);
bool shale_def_int(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                   int64_t minimum, int64_t maximum, int64_t *out);
bool shale_def_size(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    int64_t minimum, int64_t maximum, int64_t *out);
bool shale_def_choice(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                      const struct shale_def_key *choices, size_t n_choices, size_t *out);
bool shale_def_literal(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                       struct shale_literal *out);

/* A list, or one thing in place of a list of one: how many, and the walk over them.
 *
 *     struct shale_def_walk walk = shale_def_walk(node);
 *     while ((node = shale_def_next(&walk)) != NULL) */
struct shale_def_walk {
    const struct shale_yaml_node *single;
    const struct shale_yaml_item *item;
    size_t n;
};
struct shale_def_walk shale_def_walk(const struct shale_yaml_node *node);
const struct shale_yaml_node *shale_def_next(struct shale_def_walk *walk);

/* The choice nearest to 'text', for "did you mean"; NULL when none is near. */
const char *shale_def_nearest(struct shale_str text, const struct shale_def_key *keys,
                              size_t n_keys);

/* ---- The parts ------------------------------------------------------------------------------ */

/* A type's text; a wrong one is reported. */
bool shale_def_type(struct shale_def *def, const struct shale_yaml_node *node,
                    struct shale_type *out);

/* Has a text C0, DEL or C1 in it? */
bool shale_def_has_control(struct shale_str text);

/* Why a type, or one inside it, cannot be in a table, as what to write instead; NULL when it can.
 * And is a name fit for a column of one? */
const char *shale_def_not_in_table(const struct shale_type *type);
bool shale_def_table_name(struct shale_str name);
/* The name of a member anywhere inside that is not; NULL when there is none. */
const struct shale_str *shale_def_not_a_table_name(const struct shale_type *type);

/* The path of a source or an output, copied. */
void shale_def_path(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                    struct shale_str *out);

/* One place that a value comes from: a pointer or $something. */
bool shale_def_from(struct shale_def *def, const struct shale_yaml_node *node,
                    struct shale_from *out);

/* Names that Delta and many readers hold for the same column: ASCII letters without case. */
int shale_def_compare_folded(struct shale_str a, struct shale_str b);

/* The index of the field of that name; false and reported as "key: no field ...". */
bool shale_def_field(struct shale_def *def, const struct shale_yaml_node *node, const char *key,
                     size_t *out);

/* Indexes of fields from a list of names; NULL and 0 after an error or for none. */
const size_t *shale_def_field_list(struct shale_def *def, const struct shale_yaml_node *node,
                                   const char *key, size_t *n);

/* The constraints of a field whose type and name are known; values as shale_def_field_keys. */
void shale_def_constraints(struct shale_def *def, struct shale_field *field,
                           const struct shale_def_field *info,
                           const struct shale_yaml_node *const *values);

/* encoding and bloom of a field whose type is known. */
void shale_def_storage(struct shale_def *def, const struct shale_field *field,
                       struct shale_def_field *info, const struct shale_yaml_node *const *values);

/* What of that the output does not allow, and what readers cannot read of it. */
void shale_def_check_storage(struct shale_def *def, const struct shale_field *field,
                             const struct shale_def_field *info);

/* The keys of a field, in the order of their indexes. */
enum shale_def_field_key {
    SHALE_DEF_NAME,
    SHALE_DEF_FROM,
    SHALE_DEF_TYPE,
    SHALE_DEF_ANNOTATE,
    SHALE_DEF_ENCODING,
    SHALE_DEF_BLOOM,
    SHALE_DEF_REQUIRED,
    SHALE_DEF_COERCE,
    SHALE_DEF_TRIM,
    SHALE_DEF_NULL_VALUES,
    SHALE_DEF_ENUM,
    SHALE_DEF_PATTERN,
    SHALE_DEF_FORMAT,
    SHALE_DEF_MIN_LENGTH,
    SHALE_DEF_MAX_LENGTH,
    SHALE_DEF_MINIMUM,
    SHALE_DEF_MAXIMUM,
    SHALE_DEF_DEFAULT,
    SHALE_DEF_JQ,
    SHALE_DEF_PLUGIN,
    SHALE_DEF_N_FIELD_KEYS,
};

/* The sections, in the order in which they must be read.  A NULL node: absent. */
void shale_def_source(struct shale_def *def, const struct shale_yaml_node *node,
                      const struct shale_yaml_node **keep);
void shale_def_fields(struct shale_def *def, const struct shale_yaml_node *node);
void shale_def_keep(struct shale_def *def, const struct shale_yaml_node *node);
void shale_def_rules(struct shale_def *def, const struct shale_yaml_node *node);
void shale_def_dedupe(struct shale_def *def, const struct shale_yaml_node *node);
void shale_def_output(struct shale_def *def, const struct shale_yaml_node *node);

/* Checks that need the whole: names in a table, readers' limits; then stream->schema. */
void shale_def_columns(struct shale_def *def);

/* Can the source's past be sealed?  After output and keys. */
void shale_def_seal(struct shale_def *def);

/* Errors and warnings in the order of lines. */
struct shale_def_report {
    struct shale_def_report *next; /* the newest first */
    size_t line, column, number;
    bool warning;
    enum shale_error code;
    const char *message;
};

#endif
