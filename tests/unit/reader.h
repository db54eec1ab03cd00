/* SPDX-License-Identifier: MIT */
/* A caller of the event reader, as the shred is one: walks each event, notes what it was given and
 * takes back what it is told to.  For the tests and the fuzzing of the envelope. */
#ifndef SHALE_TESTS_READER_H
#define SHALE_TESTS_READER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "envelope/envelope.h"
#include "json/text.h"

/* Gives 'step' bytes at a time (0: as many as asked for). */
struct slow_source {
    struct shale_source source;
    const char *data;
    size_t n_bytes, at, step;
    size_t fails_at; /* the byte where reading fails; 0: never */
};

static inline enum shale_status slow_read(struct shale_source *source, void *out, size_t capacity,
                                          size_t *n_bytes, struct shale_err *err)
{
    struct slow_source *slow = (struct slow_source *)(void *)source;
    size_t n = slow->n_bytes - slow->at;
    (void)err;
    *n_bytes = 0;
    if (slow->fails_at > 0 && slow->at >= slow->fails_at)
        return SHALE_IO;
    if (n > capacity)
        n = capacity;
    if (slow->step > 0 && n > slow->step)
        n = slow->step;
    if (n > 0)
        memcpy(out, slow->data + slow->at, n);
    slow->at += n;
    *n_bytes = n;
    return SHALE_OK;
}

static inline struct slow_source slow_source_of(const char *data, size_t n_bytes, size_t step)
{
    return (struct slow_source){{slow_read}, data, n_bytes, 0, step, 0};
}

enum reader_walked { READER_ROW, READER_ENVELOPE, READER_MORE, READER_BROKEN };

/* Walk one value; 'records' has at most two steps, and only members count. */
static inline enum reader_walked reader_walk(struct shale_json_cursor *cursor,
                                             const struct shale_pointer *records)
{
    struct shale_json_item item;
    size_t base = cursor->depth, on = 0;
    bool hit = false, started = false;
    while (!started || cursor->depth > base) {
        bool direct = cursor->depth == base + on;
        enum shale_json_step step = shale_json_next(cursor, &item);
        if (step == SHALE_JSON_MORE)
            return READER_MORE;
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_END)
            return READER_BROKEN;
        if (!started) {
            on = step == SHALE_JSON_OBJECT && records != NULL ? 1 : 0;
        } else if (on > 0 && direct && step == SHALE_JSON_NAME) {
            hit = shale_json_string_is(shale_json_text(cursor, &item), item.escaped,
                                       records->steps[on - 1]);
        } else if (on > 0 && direct && step == SHALE_JSON_OBJECT_END) {
            on--;
        } else if (on > 0 && direct && hit) {
            if (on == records->n_steps && step != SHALE_JSON_NULL)
                return READER_ENVELOPE;
            if (on < records->n_steps && step == SHALE_JSON_OBJECT)
                on++;
            hit = false;
        }
        started = true;
    }
    return READER_ROW;
}

/* A line of the notes: short texts as they are, long ones as length and hash. */
static inline void reader_note(struct shale_buf *out, const char *kind, const char *rule,
                               int64_t byte, int64_t n_bytes, struct shale_str text)
{
    enum shale_status status =
        shale_buf_printf(out, "%s%s%s %" PRId64 " ", kind, *rule ? " " : "", rule, byte);
    if (status == SHALE_OK && text.n_bytes <= 60)
        status = shale_buf_printf(out, "%.*s\n", (int)text.n_bytes, text.data);
    else if (status == SHALE_OK)
        status = shale_buf_printf(out, "<%" PRId64 ":%zu:%016" PRIx64 ">\n", n_bytes, text.n_bytes,
                                  shale_hash(text.data, text.n_bytes, 0));
    if (status != SHALE_OK)
        abort();
}

/* Read all events into notes: "event BYTE TEXT", "reject RULE BYTE TEXT", then "end" or "failed
 * RULE BYTE".  'out' is a NUL-terminated text afterwards. */
static inline enum shale_status reader_run(struct shale_events *events,
                                           const struct shale_events_options *options,
                                           struct shale_buf *out)
{
    struct shale_event event;
    struct shale_err err;
    enum shale_events_step step;
    enum shale_status status = SHALE_OK;
    size_t before = 0;
    shale_err_clear(&err);
    while ((step = shale_events_next(events, &event, &err)) < SHALE_EVENTS_END) {
        if (step == SHALE_EVENTS_REJECT) {
            if (event.retract)
                out->n_bytes = before;
            reader_note(out, "reject", shale_error_name(err.code), event.byte, event.text_bytes,
                        event.text);
            continue;
        }
        switch (reader_walk(event.cursor, event.wrapped ? NULL : options->records)) {
        case READER_MORE:
            shale_events_more(events);
            break;
        case READER_ENVELOPE:
            shale_events_descend(events);
            break;
        case READER_BROKEN:
            shale_events_broken(events);
            break;
        default:
            before = out->n_bytes;
            reader_note(out, event.wrapped ? "record" : "event", "", event.byte,
                        (int64_t)shale_events_text(events).n_bytes, shale_events_text(events));
        }
    }
    if (step == SHALE_EVENTS_FAILED) {
        status = event.status;
        if (event.retract)
            out->n_bytes = before;
        if (shale_buf_printf(out, "failed %s %" PRId64 "\n", shale_error_name(err.code),
                             err.byte) != SHALE_OK)
            abort();
    } else if (shale_buf_append(out, "end\n", 4) != SHALE_OK) {
        abort();
    }
    if (shale_buf_append(out, "", 1) != SHALE_OK)
        abort();
    out->n_bytes--;
    return status;
}

/* A copy with the padding that a text in memory needs; free() it. */
static inline char *reader_padded(const void *data, size_t n_bytes)
{
    char *text = calloc(1, n_bytes + SHALE_JSON_PADDING);
    if (text == NULL)
        abort();
    if (n_bytes > 0)
        memcpy(text, data, n_bytes);
    return text;
}

#endif
