/* SPDX-License-Identifier: MIT */
/* Object bytes to events.  Hands out a cursor that stands before the next event; the caller walks
 * it (shredding as it goes) and says how that went.
 *
 *     shale_events_begin_text(ev, &options, text, n, 0, SHALE_SHAPE_SEEN);   // or _begin_stream
 *     while ((step = shale_events_next(ev, &event, err)) == SHALE_EVENTS_EVENT) {
 *         walk event.cursor over exactly one value, then at most one of:
 *         shale_events_more(ev)     the cursor said MORE: the same event again, on more text
 *         shale_events_descend(ev)  it is an envelope: it has the 'records' member, an array
 *         shale_events_broken(ev)   the cursor said ERROR
 *     }
 *
 * Shapes (seen by content in the first window of at most 1 MiB, unless forced): first byte '[': an
 * array, each element an event.  A whole value on the first line and more after it: NDJSON, each
 * newline ends an event and a bad line is a reject of that line only.  Otherwise values one after
 * another, where an error fails the object.  A byte-order mark at the start is passed over; blank
 * lines are no events.  In every shape a value with the 'records' member is an envelope; a second
 * 'records' member fails the object (NDJSON: the line).
 * An event over max_event_bytes is a reject; it is passed over, checked, in bounded memory. */
#ifndef SHALE_ENVELOPE_ENVELOPE_H
#define SHALE_ENVELOPE_ENVELOPE_H

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "codec/codec.h"
#include "json/cursor.h"
#include "schema/stream.h"

enum {
    SHALE_WINDOW_BYTES = 1024 * 1024, /* text held of a stream, plus one event */
    SHALE_SLICE_BYTES = 4 * 1024 * 1024,
};

enum shale_shape {
    SHALE_SHAPE_SEEN,   /* by content */
    SHALE_SHAPE_JSON,   /* exactly one document, an event or an envelope */
    SHALE_SHAPE_NDJSON, /* one value a line */
    SHALE_SHAPE_ARRAY,  /* (only as an answer of shale_shape_see()) */
    SHALE_SHAPE_VALUES, /* (likewise) one after another */
};

struct shale_events_options {
    const struct shale_pointer *records; /* NULL: events are never wrapped in a document */
    size_t max_event_bytes;
};

/* What the first window shows.  'text' holds the object's first min(1 MiB, all) bytes, 'whole':
 * that is all there is.  'cursor' is used for the look and left in any state. */
enum shale_shape shale_shape_see(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                                 bool whole);

struct shale_events;

enum shale_events_step {
    SHALE_EVENTS_EVENT,
    SHALE_EVENTS_REJECT, /* a bad line, or an event that is too large: err says which and why,
                          * event.text holds the line, or at most 1 MiB of the event */
    SHALE_EVENTS_END,    /* of the object (or the text), which was complete */
    SHALE_EVENTS_FAILED, /* the object fails: event.status and err say why */
};

struct shale_event {
    struct shale_json_cursor *cursor; /* EVENT: stands before the value */
    bool wrapped;                     /* it came out of a records array: it is no envelope itself */
    int64_t byte;          /* where the event begins: decompressed bytes from the object's start */
    bool retract;          /* REJECT: it is the event handed out before (more follows on its line,
                            * or it was too large): what became of it is to be taken back */
    struct shale_str text; /* REJECT: its raw text */
    int64_t text_bytes;    /* REJECT: its whole length */
    enum shale_status status; /* REJECT: CORRUPT, LIMIT; FAILED: CORRUPT, NOMEM, ... (IO, AGAIN,
                                 DENIED from the source) */
};

/* The reader keeps its buffers from object to object.  One thread at a time. */
SHALE_MUST_USE enum shale_status shale_events_new(const struct shale_mem *mem,
                                                  struct shale_events **out);
void shale_events_free(struct shale_events *events);

/* Read the events of a text in memory, with SHALE_JSON_PADDING readable bytes behind it: a whole
 * object, or (shape NDJSON) whole lines that begin at byte 'base' of one.  'options' is borrowed.
 */
void shale_events_begin_text(struct shale_events *events,
                             const struct shale_events_options *options, const char *text,
                             size_t n_bytes, int64_t base, enum shale_shape shape);

/* Read the events of a stream of any length, in bounded memory. */
void shale_events_begin_stream(struct shale_events *events,
                               const struct shale_events_options *options,
                               struct shale_source *source, enum shale_shape shape);

enum shale_events_step shale_events_next(struct shale_events *events, struct shale_event *event,
                                         struct shale_err *err);
void shale_events_more(struct shale_events *events);
void shale_events_descend(struct shale_events *events);
void shale_events_broken(struct shale_events *events);

/* After the caller walked the event's value to its end: its text, good until the next call. */
struct shale_str shale_events_text(const struct shale_events *events);

/* The byte of the object at which byte 'at' of the cursor's window stands. */
int64_t shale_events_byte(const struct shale_events *events, size_t at);

/* The reader's own buffers, for the account. */
size_t shale_events_n_bytes(const struct shale_events *events);

/* ---- Cutting a long NDJSON object into slices of whole lines --------------------------------- */

struct shale_slicer;

SHALE_MUST_USE enum shale_status shale_slicer_new(const struct shale_mem *mem,
                                                  struct shale_slicer **out);
void shale_slicer_free(struct shale_slicer *slicer);

/* 'source' is borrowed until the next begin.  A byte-order mark is passed over. */
void shale_slicer_begin(struct shale_slicer *slicer, struct shale_source *source,
                        size_t max_event_bytes);

struct shale_slice {
    struct shale_buf text;  /* whole lines; the caller's, with cap at least SHALE_SLICE_BYTES +
                             * max_event_bytes + padding; padded as begin_text() wants it */
    int64_t base;           /* byte of the object where it begins */
    int64_t overlong_bytes; /* > 0: the text is the first 1 MiB of one line of so many bytes */
    bool last;              /* the object ends here; the text may be empty */
};

/* The next slice: lines up to SHALE_SLICE_BYTES, one line at least.  Cuts depend on the data alone.
 * Returns SHALE_OK, SHALE_NOMEM, or the source's failure. */
SHALE_MUST_USE enum shale_status shale_slicer_next(struct shale_slicer *slicer,
                                                   struct shale_slice *out, struct shale_err *err);

#endif
