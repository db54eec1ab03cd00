/* SPDX-License-Identifier: MIT */
/* Shred: one walk over an event, directed by the definition; then its values become a row, or the
 * event a reject.  A shredder belongs to one thread. */
#ifndef SHALE_SHRED_SHRED_H
#define SHALE_SHRED_SHRED_H

#include "base/err.h"
#include "columns/builder.h"
#include "json/cursor.h"
#include "schema/stream.h"

/* What lineage fields are made of. */
struct shale_lineage {
    struct shale_str key;                 /* below the source */
    struct shale_str bucket;              /* data NULL: null */
    const struct shale_template *matched; /* the template that the key matched, or NULL */
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS]; /* of matched->names */
};

enum shale_shredded {
    SHALE_SHRED_ROW,      /* one row was appended */
    SHALE_SHRED_FILTERED, /* no condition of 'keep' matched */
    SHALE_SHRED_REJECTED, /* 'reject' and err say why; nothing was appended */
    SHALE_SHRED_ENVELOPE, /* it has an array at 'records': shale_events_descend() */
    SHALE_SHRED_MORE,     /* the window ended: shale_events_more() */
    SHALE_SHRED_BROKEN,   /* cursor.error says why: shale_events_broken() */
};

struct shale_reject {
    struct shale_str pointer; /* the JSON pointer of the value; "" when it has none */
    struct shale_str field;   /* "" when it is no field */
    size_t at;                /* byte of the cursor's window: the value, else the event's start */
    /* the rule is err->code, the words are err->message */
};

struct shale_shredder;

/* 'stream' is borrowed. */
SHALE_MUST_USE enum shale_status shale_shredder_new(const struct shale_mem *mem,
                                                    const struct shale_stream *stream,
                                                    struct shale_shredder **out);
void shale_shredder_free(struct shale_shredder *shredder);

/* Take one event: 'cursor' stands before its value, the 'number'-th of its object (what $index
 * gives).  The row goes to 'builder', whose schema is stream->schema.  'records': the event may
 * turn out to be an envelope (not when it came out of one).
 * After ROW, FILTERED and REJECTED the cursor stands behind the value.
 * Returns SHALE_OK with '*out' set, SHALE_NOMEM or SHALE_LIMIT (builder). */
SHALE_MUST_USE enum shale_status
shale_shred(struct shale_shredder *shredder, struct shale_json_cursor *cursor, bool records,
            const struct shale_lineage *lineage, int64_t number, struct shale_builder *builder,
            enum shale_shredded *out, struct shale_reject *reject, struct shale_err *err);

#endif
