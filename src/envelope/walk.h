/* SPDX-License-Identifier: MIT */
/* Passing over one value of any length in a moving window, checked by the whole grammar, with an
 * eye on the records member.  Private to this folder. */
#ifndef SHALE_ENVELOPE_WALK_H
#define SHALE_ENVELOPE_WALK_H

#include "base/err.h"
#include "envelope/window.h"
#include "json/cursor.h"
#include "schema/pointer.h"

enum shale_walked {
    SHALE_WALK_END,     /* behind the value */
    SHALE_WALK_RECORDS, /* inside the records array, before its first element */
    SHALE_WALK_FAILED,  /* walk.status and err say why */
};

/* The containers on the way from the value to the records member are 'on the path'; the value
 * itself is the first of them. */
struct shale_walk {
    struct shale_window *window;           /* borrowed */
    struct shale_json_cursor *cursor;      /* borrowed */
    const struct shale_pointer *records;   /* NULL: only pass over it */
    size_t depth;                          /* of the cursor outside the value */
    bool started;                          /* the value's first token was taken */
    bool found;                            /* the records member was seen */
    bool hit;                              /* the member whose value is next is on the path */
    bool passing;                          /* a string longer than a window is gone through */
    size_t n_on;                           /* open containers on the path */
    size_t elements[SHALE_JSON_MAX_DEPTH]; /* of an array on the path: the index of the next one;
                                            * SIZE_MAX: an object */
    enum shale_status status;
};

/* 'cursor' stands before a value in 'window'. */
void shale_walk_begin(struct shale_walk *walk, struct shale_window *window,
                      struct shale_json_cursor *cursor, const struct shale_pointer *records);

/* Go to the records array (then the caller goes to its end) or to the end of the value.  The window
 * may slide: offsets into it are good no more.
 * A second records member fails (of any value, also as a second parent of it), one that is neither
 * null nor an array as well, and a number or literal over the least window. */
enum shale_walked shale_walk_on(struct shale_walk *walk, struct shale_err *err);

/* Fill 'err' from the cursor's error, its byte as one of the object. */
enum shale_status shale_walk_json_error(const struct shale_window *window,
                                        const struct shale_json_cursor *cursor,
                                        struct shale_err *err);

#endif
