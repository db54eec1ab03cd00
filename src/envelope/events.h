/* SPDX-License-Identifier: MIT */
/* The event reader inside: what lines and documents share.  Private to this folder.
 *
 *     START --first window--> BETWEEN --event--> HANDED --the caller's verdict--> BETWEEN ... DONE
 *
 * In BETWEEN everything before the cursor is settled; in HANDED the event at 'start' is the
 * caller's, and the mark (from, depth, expect) leads the cursor back before it. */
#ifndef SHALE_ENVELOPE_EVENTS_H
#define SHALE_ENVELOPE_EVENTS_H

#include "envelope/envelope.h"
#include "envelope/walk.h"
#include "envelope/window.h"

enum shale_events_state {
    SHALE_STATE_START,
    SHALE_STATE_BETWEEN,
    SHALE_STATE_HANDED,
    SHALE_STATE_DONE
};

enum shale_verdict {
    SHALE_VERDICT_NONE,
    SHALE_VERDICT_MORE,
    SHALE_VERDICT_DESCEND,
    SHALE_VERDICT_BROKEN
};

/* A step for the caller, or none yet. */
enum shale_outcome {
    SHALE_OUTCOME_EVENT,
    SHALE_OUTCOME_REJECT,
    SHALE_OUTCOME_END,
    SHALE_OUTCOME_FAILED,
    SHALE_OUTCOME_GO_ON,
};

struct shale_events {
    const struct shale_mem *mem;
    const struct shale_events_options *options; /* borrowed */
    size_t max_event_bytes;                     /* what a window can hold */
    size_t max_look_bytes; /* of an event are read before it is given up: a reject shows that many
                            * as well */
    struct shale_window window;
    struct shale_json_cursor cursor;
    struct shale_walk walk;  /* through an envelope, from event to event */
    struct shale_walk inner; /* over an event in it that is too large */
    char *head;              /* owned: the first bytes of an event that is too large for a window */
    enum shale_shape shape;
    enum shale_events_state state;
    enum shale_verdict verdict;
    bool in_records; /* the cursor is inside a records array: its elements are the events */
    bool in_array;   /* ... inside the array that the object is */
    bool closed;     /* nothing may follow any more but white space */
    size_t from;     /* the mark: where the cursor goes on, ... */
    size_t depth;    /* ... its nesting, ... */
    uint8_t expect;  /* ... and what it expects */
    size_t start;    /* the first byte of the event (lines: also of the line's text) */
    size_t line_end; /* lines: the newline, or the end of the text */
    size_t next_line;
};

/* Settle the event that was handed out by its verdict. */
enum shale_outcome shale_lines_settle(struct shale_events *events, struct shale_event *event,
                                      struct shale_err *err);
enum shale_outcome shale_documents_settle(struct shale_events *events, struct shale_event *event,
                                          struct shale_err *err);

/* Go to the next event. */
enum shale_outcome shale_lines_next(struct shale_events *events, struct shale_event *event,
                                    struct shale_err *err);
enum shale_outcome shale_documents_next(struct shale_events *events, struct shale_event *event,
                                        struct shale_err *err);

/* Stand before the next value of the array that the cursor is in: sets 'start'. */
SHALE_MUST_USE enum shale_status shale_events_find(struct shale_events *events, bool in_array,
                                                   struct shale_err *err);

/* Hand out the event at 'start', and the same again. */
enum shale_outcome shale_events_hand_out(struct shale_events *events, struct shale_event *event);
/* Back before the event that was handed out. */
void shale_events_rewind(struct shale_events *events);

enum shale_outcome shale_events_fail(struct shale_events *events, struct shale_event *event,
                                     enum shale_status status);
/* The same, with the cursor's error. */
enum shale_outcome shale_events_fail_json(struct shale_events *events, struct shale_event *event,
                                          struct shale_err *err);

/* Fill a reject for an event of 'n_bytes', which is too large; it begins where 'text' begins. */
enum shale_outcome shale_events_too_large(const struct shale_events *events,
                                          struct shale_event *event, struct shale_str text,
                                          int64_t n_bytes, struct shale_err *err);

/* Keep the first bytes, at most the least window, of the event at 'start': the window will move
 * on.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status
shale_events_keep_head(struct shale_events *events, struct shale_str *out, struct shale_err *err);

#endif
