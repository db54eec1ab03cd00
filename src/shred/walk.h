/* SPDX-License-Identifier: MIT */
/* One pass over an event: what is named is noted in slots, the rest is skipped (and checked). */
#ifndef SHALE_SHRED_WALK_H
#define SHALE_SHRED_WALK_H

#include "base/buf.h"
#include "json/cursor.h"
#include "schema/stream.h"
#include "shred/paths.h"

/* What the event has at a place.  Absent and null are the same: NULL.  Strings without quotes. */
struct shale_slot {
    uint32_t begin, end; /* bytes of the cursor's window */
    uint8_t kind;        /* enum shale_json_kind */
    bool escaped;
    bool visited; /* private: the member was seen in this event */
};

/* A member of the event itself that no field (KEEP), or nothing (REJECT), names. */
struct shale_member {
    uint32_t name_begin, name_end; /* without quotes */
    uint32_t begin, end;           /* the whole value */
    bool escaped;                  /* the name */
};

enum { SHALE_MAX_UNKNOWN_MEMBERS = 100000 }; /* noted for one event; one more is a reject */

enum shale_walked {
    SHALE_WALKED,          /* over the whole value */
    SHALE_WALKED_ENVELOPE, /* up to the records */
    SHALE_WALKED_MORE,     /* the window ended */
    SHALE_WALKED_BROKEN,   /* cursor.error */
};

struct shale_walk_frame; /* private */
struct shale_walk_memo;  /* private */
struct shale_walk_guess; /* private */

/* One thread at a time. */
struct shale_walk {
    const struct shale_mem *mem;
    const struct shale_paths *paths; /* borrowed, sealed */
    enum shale_unknown unknown;
    struct shale_slot *slots;
    struct shale_walk_frame *frames; /* open objects and arrays on the way to a place */
    uint32_t n_frames;
    struct shale_walk_guess *guesses; /* one a path: the names expected there ... */
    struct shale_walk_memo *memos;    /* ... and their room */
    struct shale_buf members;         /* of struct shale_member */
    bool member_open;                 /* the last of them has not ended yet */
    size_t n_unknown;                 /* all that were seen, noted or not */
    size_t begin;                     /* where the event begins in the window */
};

/* fini() frees, also after a failure.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_walk_init(struct shale_walk *walk,
                                                 const struct shale_mem *mem,
                                                 const struct shale_paths *paths,
                                                 enum shale_unknown unknown);
void shale_walk_fini(struct shale_walk *walk);

/* Walk the value that 'cursor' stands before.  'records': stop at the records, if it has them.
 * Of members of one name the last counts.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_walk_event(struct shale_walk *walk,
                                                  struct shale_json_cursor *cursor, bool records,
                                                  enum shale_walked *out);

static inline const struct shale_slot *shale_walk_slot(const struct shale_walk *walk, uint32_t path)
{
    return &walk->slots[walk->paths->path[path].slot];
}

#endif
