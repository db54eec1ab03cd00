/* SPDX-License-Identifier: MIT */
/* Values one after another, an array, one document: the cursor runs through the whole object, and
 * a fault fails it. */
#include <assert.h>

#include "envelope/events.h"

enum shale_status shale_events_find(struct shale_events *events, bool in_array,
                                    struct shale_err *err)
{
    struct shale_window *window = &events->window;
    struct shale_json_cursor *cursor = &events->cursor;
    for (;;) {
        bool line = events->shape == SHALE_SHAPE_NDJSON;
        size_t end = line ? events->line_end : window->n_bytes;
        size_t at = shale_skip_white(window->text, shale_json_position(cursor), end);
        enum shale_status status;
        if (in_array && at < end && window->text[at] == ',') {
            struct shale_json_item item;
            events->start = shale_skip_white(window->text, at + 1, end);
            if (events->start < end || line || window->last)
                return SHALE_OK;
            /* Nothing but the comma can be used: the cursor keeps that in mind.  An error stays
             * in the cursor, for whoever asks it next. */
            if (shale_json_next(cursor, &item) != SHALE_JSON_MORE)
                return SHALE_OK;
            at = shale_json_position(cursor);
        } else {
            events->start = at;
            if (at < end || line || window->last)
                return SHALE_OK;
        }
        status = shale_window_slide(window, at, 0, err);
        if (status != SHALE_OK)
            return status;
        shale_json_resume(cursor, window->text, window->n_bytes, 0, window->last);
    }
}

/* Go on with the walk through an envelope. */
static enum shale_outcome walk_on(struct shale_events *events, struct shale_event *event,
                                  struct shale_err *err)
{
    enum shale_walked walked = shale_walk_on(&events->walk, err);
    events->in_records = walked == SHALE_WALK_RECORDS;
    if (walked == SHALE_WALK_FAILED)
        return shale_events_fail(events, event, events->walk.status);
    return SHALE_OUTCOME_GO_ON;
}

/* The event is over the limit: a reject, unless it turns out to be an envelope.  The walk through
 * the envelope that it may be an element of goes on later. */
static enum shale_outcome pass_over(struct shale_events *events, struct shale_event *event,
                                    bool retract, struct shale_err *err)
{
    struct shale_walk *walk = events->in_records ? &events->inner : &events->walk;
    struct shale_str head;
    enum shale_walked walked;
    enum shale_status status = shale_events_keep_head(events, &head, err);
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    event->byte = shale_events_byte(events, events->start);
    event->retract = retract; /* also when the object fails in it: a stream never hands it out */
    shale_events_rewind(events);
    shale_walk_begin(walk, &events->window, &events->cursor,
                     events->in_records ? NULL : events->options->records);
    walked = shale_walk_on(walk, err);
    if (walked == SHALE_WALK_FAILED)
        return shale_events_fail(events, event, walk->status);
    if (walked == SHALE_WALK_RECORDS) {
        events->in_records = true;
        event->retract = false;
        return SHALE_OUTCOME_GO_ON;
    }
    return shale_events_too_large(
        events, event, head,
        shale_events_byte(events, shale_json_position(&events->cursor)) - event->byte, err);
}

/* The same event again, on more text. */
static enum shale_outcome extend(struct shale_events *events, struct shale_event *event,
                                 struct shale_err *err)
{
    struct shale_window *window = &events->window;
    size_t before = events->start - events->from; /* white space and a comma */
    size_t wanted = 2 * (window->n_bytes - events->from);
    enum shale_status status;
    if (window->n_bytes - events->start > events->max_look_bytes)
        return pass_over(events, event, false, err);
    /* One byte more than the limit settles it, and is more than there is. */
    if (wanted > before + events->max_look_bytes + 1)
        wanted = before + events->max_look_bytes + 1;
    status = shale_window_slide(window, events->from, wanted, err);
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    events->from = 0;
    events->start = before;
    shale_events_rewind(events);
    return shale_events_hand_out(events, event);
}

enum shale_outcome shale_documents_settle(struct shale_events *events, struct shale_event *event,
                                          struct shale_err *err)
{
    enum shale_outcome outcome;
    switch (events->verdict) {
    case SHALE_VERDICT_MORE:
        return extend(events, event, err);
    case SHALE_VERDICT_BROKEN:
        /* Beyond the limit it is the walk that says what is wrong, as for a stream. */
        if (events->cursor.error_at > events->start + events->max_event_bytes)
            return pass_over(events, event, false, err);
        return shale_events_fail_json(events, event, err);
    case SHALE_VERDICT_DESCEND:
        shale_events_rewind(events);
        shale_walk_begin(&events->walk, &events->window, &events->cursor, events->options->records);
        outcome = walk_on(events, event, err);
        if (outcome == SHALE_OUTCOME_GO_ON && !events->in_records) /* the caller saw one */
            return shale_events_fail(
                events, event,
                SHALE_ERR(err, records_not_array, SHALE_STR_ARG(events->walk.records->text)));
        return outcome;
    default:
        break;
    }
    if (shale_json_position(&events->cursor) - events->start > events->max_event_bytes)
        return pass_over(events, event, true, err);
    return SHALE_OUTCOME_GO_ON;
}

/* The end of an array: of the records, or of the object's own. */
static enum shale_outcome end_array(struct shale_events *events, struct shale_event *event,
                                    struct shale_err *err)
{
    struct shale_json_item item;
    if (shale_json_next(&events->cursor, &item) != SHALE_JSON_ARRAY_END)
        return shale_events_fail_json(events, event, err);
    if (events->in_records)
        return walk_on(events, event, err);
    events->in_array = false;
    events->closed = true;
    return SHALE_OUTCOME_GO_ON;
}

enum shale_outcome shale_documents_next(struct shale_events *events, struct shale_event *event,
                                        struct shale_err *err)
{
    const struct shale_window *window = &events->window;
    bool in_array = events->in_records || events->in_array;
    bool at_end;
    enum shale_status status = shale_events_find(events, in_array, err);
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    if (events->cursor.error != SHALE_E_none)
        return shale_events_fail_json(events, event, err);
    at_end = events->start == window->n_bytes;
    if (in_array && (at_end || window->text[events->start] == ']'))
        return end_array(events, event, err);
    if (at_end && events->shape == SHALE_SHAPE_JSON && !events->closed)
        return shale_events_fail(events, event, SHALE_ERR(err, json_no_document));
    if (at_end)
        return SHALE_OUTCOME_END;
    if (events->closed && !in_array) {
        if (err != NULL)
            err->byte = shale_events_byte(events, events->start);
        return shale_events_fail(events, event, SHALE_ERR(err, json_trailing));
    }
    events->closed = events->shape == SHALE_SHAPE_JSON;
    return shale_events_hand_out(events, event);
}
