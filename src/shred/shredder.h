/* SPDX-License-Identifier: MIT */
/* A shredder's parts, shared by the files of this folder. */
#ifndef SHALE_SHRED_SHREDDER_H
#define SHALE_SHRED_SHREDDER_H

#include "base/buf.h"
#include "schema/constraint.h"
#include "shred/elements.h"
#include "shred/members.h"
#include "shred/nest.h"
#include "shred/paths.h"
#include "shred/shred.h"
#include "shred/walk.h"

/* A value found for a field or a condition, before it has a type. */
struct shale_found {
    enum shale_json_kind kind;     /* NULL: there is none */
    struct shale_str text;         /* strings decoded and, where asked for, trimmed */
    const struct shale_from *from; /* where it came from */
    bool lineage;                  /* it does not stand in the event */
    bool decoded;                  /* 'text' lies in the buffer for decoded strings */
    size_t offset;                 /* ... from here: the buffer may move */
    bool broken;                   /* a string with half a surrogate pair; 'text' is as written */
    size_t at;                     /* byte of the window */
};

/* A field's value in the event under work. */
struct shale_cell {
    struct shale_value value;
    const struct shale_buf *held; /* bytes: of this buffer, which may move ... */
    size_t offset;                /* ... from here; NULL: value.as.bytes is good */
    struct shale_found found;
    bool null;
};

struct shale_shredder {
    const struct shale_mem *mem;
    const struct shale_stream *stream; /* borrowed */
    struct shale_paths paths;
    struct shale_walk walk;
    struct shale_matcher *matcher;
    uint32_t *field_paths;    /* of each 'from' of each field, in order; NONE for lineage */
    size_t *first_from;       /* where a field's begin */
    uint32_t *keep_paths;     /* of stream->keep */
    uint32_t *rule_paths;     /* of stream->rules */
    struct shale_cell *cells; /* one a field */
    struct shale_arena arena;
    struct shale_nest *nests; /* one a field */
    size_t max_nested_bytes;  /* of one event's lists and maps, as columns */
    bool has_struct;          /* a field is a struct, or has one inside */
    bool appends_early;       /* there are lists, maps or structs */
    uint32_t *first_reader;   /* of each path: a number of field_paths, or NONE ... */
    uint32_t *next_reader;    /* ... and the next one that reads the same */
    uint32_t *field_of_from;  /* whose they are */
    struct shale_buf readers; /* unknown_inside.c: of const struct shale_nest * */

    /* Emptied for each event. */
    struct shale_buf decoded; /* strings without their escapes */
    struct shale_buf made;    /* what conversion makes */
    struct shale_buf temp;    /* short-lived: conditions, elements, names */
    struct shale_buf unknown; /* the column _unknown */
    struct shale_buf pointer; /* of the reject */
    struct shale_members members;

    /* The event under work. */
    const char *text; /* the window */
    size_t nested_bytes;
    const struct shale_lineage *lineage;
    char number[24]; /* $index, written out */
};

/* source.c: what the event, or its object, has at 'from' ('path' its place). */
struct shale_found shale_found_at(const struct shale_shredder *shredder,
                                  const struct shale_from *from, uint32_t path);

/* Resolve escapes (into 'out') and trim a string.  'found' is otherwise as it was.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_found_decode(struct shale_found *found, bool escaped,
                                                    bool trim, struct shale_buf *out);

/* conditions.c: does the event match?  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_condition_matches(struct shale_shredder *shredder,
                                                         const struct shale_condition *condition,
                                                         uint32_t path, bool *out);

/* fields.c: fill the cell of a field; one that holds others is appended to 'builder' at once.
 * SHALE_SCHEMA: a reject; what was appended is then to be dropped. */
SHALE_MUST_USE enum shale_status shale_field_read(struct shale_shredder *shredder, size_t field,
                                                  struct shale_builder *builder,
                                                  struct shale_reject *reject,
                                                  struct shale_err *err);

/* What was found for a cell that was read. */
struct shale_str shale_cell_found_text(const struct shale_shredder *shredder,
                                       const struct shale_cell *cell);

/* Append the cell of a field that was read, unless that has happened.  A failure is kept by the
 * builder. */
void shale_field_append(struct shale_shredder *shredder, size_t field,
                        struct shale_builder *builder);

/* A scalar inside a field's value: made ready, converted, checked; '*null': it means that.  '*out'
 * may lie in the buffers 'decoded' and 'made'.  SHALE_SCHEMA: a reject. */
SHALE_MUST_USE enum shale_status
shale_element_read(struct shale_shredder *shredder, const struct shale_field *field,
                   const struct shale_type *type, const struct shale_element *element,
                   struct shale_value *out, bool *null, struct shale_err *err);

/* Append a scalar. */
void shale_value_put(struct shale_builder *builder, size_t column, const struct shale_type *type,
                     const struct shale_value *value);

/* nested.c: check and append a list, map or struct.  As shale_field_read(). */
SHALE_MUST_USE enum shale_status shale_nested_read(struct shale_shredder *shredder, size_t field,
                                                   const struct shale_found *found,
                                                   struct shale_builder *builder,
                                                   struct shale_reject *reject,
                                                   struct shale_err *err);

/* Say which field and value the reject is about. */
void shale_reject_field(const struct shale_field *field, const struct shale_found *found,
                        struct shale_reject *reject);

/* unknown.c: reject the first member that is unknown.  SHALE_OK (there is none), SHALE_SCHEMA,
 * SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_unknown_reject(struct shale_shredder *shredder,
                                                      struct shale_reject *reject,
                                                      struct shale_err *err);

/* Write the members that are unknown to shredder->unknown as one object; nothing when there are
 * none.  As above; SHALE_SCHEMA when there are too many. */
SHALE_MUST_USE enum shale_status shale_unknown_keep(struct shale_shredder *shredder,
                                                    struct shale_err *err);

/* Write 'before', a name with its quotes, and a value to 'out'. */
SHALE_MUST_USE enum shale_status shale_unknown_write(struct shale_buf *out, char before,
                                                     const struct shale_element *name,
                                                     struct shale_str value);

/* The member 'name' is why the event is a reject: its step is put to shredder->pointer.
 * SHALE_SCHEMA, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_unknown_name(struct shale_shredder *shredder,
                                                    const struct shale_element *name,
                                                    struct shale_reject *reject,
                                                    struct shale_err *err);

/* unknown_inside.c: the same two for streams with structs, in the event and in all that is nested.
 * 'reject' NULL: keep; else shredder->pointer has the steps to the member. */
SHALE_MUST_USE enum shale_status shale_unknown_inside(struct shale_shredder *shredder,
                                                      struct shale_reject *reject,
                                                      struct shale_err *err);

#endif
