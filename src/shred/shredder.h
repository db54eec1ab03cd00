/* SPDX-License-Identifier: MIT */
/* A shredder's parts, shared by the files of this folder. */
#ifndef SHALE_SHRED_SHREDDER_H
#define SHALE_SHRED_SHREDDER_H

#include "base/buf.h"
#include "schema/constraint.h"
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

    /* Emptied for each event. */
    struct shale_buf decoded; /* strings without their escapes */
    struct shale_buf made;    /* what conversion makes */
    struct shale_buf temp;    /* short-lived: conditions, elements, names */
    struct shale_buf unknown; /* the column _unknown */
    struct shale_buf order;   /* its members, sorted */
    struct shale_buf pointer; /* of the reject */

    /* The event under work. */
    const char *text; /* the window */
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

/* fields.c: fill the cell of a field.  SHALE_SCHEMA: a reject. */
SHALE_MUST_USE enum shale_status shale_field_read(struct shale_shredder *shredder, size_t field,
                                                  struct shale_reject *reject,
                                                  struct shale_err *err);

/* What was found for a cell that was read. */
struct shale_str shale_cell_found_text(const struct shale_shredder *shredder,
                                       const struct shale_cell *cell);

/* Append the cell of a field that was read to the builder.  Returns SHALE_OK, SHALE_NOMEM or
 * SHALE_LIMIT; a failure of the builder is kept by the builder. */
SHALE_MUST_USE enum shale_status shale_field_append(struct shale_shredder *shredder, size_t field,
                                                    struct shale_builder *builder);

/* Say which field and value the reject is about. */
void shale_reject_field(const struct shale_field *field, const struct shale_found *found,
                        struct shale_reject *reject);

/* unknown.c: reject the first member that is noted.  SHALE_SCHEMA, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_unknown_reject(struct shale_shredder *shredder,
                                                      struct shale_reject *reject,
                                                      struct shale_err *err);

/* Write the members that are noted to shredder->unknown as one object; nothing when there are
 * none.  As above; SHALE_SCHEMA when there are too many. */
SHALE_MUST_USE enum shale_status shale_unknown_keep(struct shale_shredder *shredder,
                                                    struct shale_err *err);

#endif
