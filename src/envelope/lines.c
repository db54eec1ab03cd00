/* SPDX-License-Identifier: MIT */
/* NDJSON: the end of a line is found first, so that a bad line is only itself. */
#include <string.h>

#include "envelope/events.h"

/* A reject of the line at hand; 'err' is filled. */
static enum shale_outcome reject_line(struct shale_events *events, struct shale_event *event,
                                      bool retract)
{
    size_t end = events->line_end;
    if (end > events->start && events->window.text[end - 1] == '\r')
        end--;
    events->in_records = false;
    event->byte = shale_events_byte(events, events->start);
    event->retract = retract;
    event->text = (struct shale_str){events->window.text + events->start, end - events->start};
    event->text_bytes = (int64_t)event->text.n_bytes;
    event->status = SHALE_CORRUPT;
    return SHALE_OUTCOME_REJECT;
}

/* Does nothing but white space follow what the cursor has used? */
static bool line_ends(const struct shale_events *events, struct shale_err *err)
{
    size_t at = shale_json_position(&events->cursor);
    at = shale_skip_white(events->window.text, at, events->line_end);
    if (at == events->line_end)
        return true;
    (void)SHALE_ERR(err, line_trailing);
    if (err != NULL)
        err->byte = shale_events_byte(events, at);
    return false;
}

/* The line holds an envelope: is all of it well?  Only then its events are handed out, so nothing
 * has to be taken back. */
static bool envelope_is_good(struct shale_events *events, struct shale_err *err)
{
    struct shale_walk *walk = &events->walk;
    struct shale_json_item item;
    shale_events_rewind(events);
    shale_walk_begin(walk, &events->window, &events->cursor, events->options->records);
    if (shale_walk_on(walk, err) != SHALE_WALK_RECORDS) {
        if (walk->status == SHALE_OK) /* the caller saw an array that is not there */
            (void)SHALE_ERR(err, records_not_array, SHALE_STR_ARG(walk->records->text));
        return false;
    }
    if (shale_json_skip(&events->cursor, SHALE_JSON_ARRAY, &item) != SHALE_JSON_ARRAY) {
        (void)shale_walk_json_error(&events->window, &events->cursor, err);
        return false;
    }
    return shale_walk_on(walk, err) == SHALE_WALK_END && line_ends(events, err);
}

enum shale_outcome shale_lines_settle(struct shale_events *events, struct shale_event *event,
                                      struct shale_err *err)
{
    if (events->verdict == SHALE_VERDICT_BROKEN) {
        (void)shale_walk_json_error(&events->window, &events->cursor, err);
        return reject_line(events, event, false);
    }
    if (events->verdict == SHALE_VERDICT_DESCEND) {
        if (!envelope_is_good(events, err))
            return reject_line(events, event, false);
        shale_events_rewind(events);
        shale_walk_begin(&events->walk, &events->window, &events->cursor, events->options->records);
        events->in_records = shale_walk_on(&events->walk, NULL) == SHALE_WALK_RECORDS;
        return SHALE_OUTCOME_GO_ON;
    }
    if (!events->in_records && !line_ends(events, err))
        return reject_line(events, event, true);
    return SHALE_OUTCOME_GO_ON;
}

/* The line at 'start' is too long, and no newline is in the window: discard it. */
static enum shale_outcome discard_line(struct shale_events *events, struct shale_event *event,
                                       struct shale_err *err)
{
    struct shale_window *window = &events->window;
    struct shale_str head;
    const char *newline = NULL;
    enum shale_status status = shale_events_keep_head(events, &head, err);
    event->byte = shale_events_byte(events, events->start);
    while (status == SHALE_OK && newline == NULL && !window->last) {
        status = shale_window_slide(window, window->n_bytes, 0, err);
        if (status == SHALE_OK)
            newline = memchr(window->text, '\n', window->n_bytes);
    }
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    events->line_end = newline != NULL ? (size_t)(newline - window->text) : window->n_bytes;
    events->next_line = events->line_end + (newline != NULL ? 1 : 0);
    return shale_events_too_large(events, event, head,
                                  shale_events_byte(events, events->line_end) - event->byte, err);
}

/* Find the end of the line that begins at 'next_line': 'start' and 'line_end' are set, the line is
 * complete unless it is longer than an event may be. */
static enum shale_status find_line(struct shale_events *events, bool *cut, struct shale_err *err)
{
    struct shale_window *window = &events->window;
    const char *newline;
    size_t n;
    *cut = false;
    events->start = events->next_line;
    for (;;) {
        enum shale_status status;
        n = window->n_bytes - events->start;
        newline = n == 0 ? NULL : memchr(window->text + events->start, '\n', n);
        if (newline != NULL || window->last)
            break;
        if (n > events->max_look_bytes) {
            *cut = true;
            return SHALE_OK;
        }
        status = shale_window_slide(
            window, events->start,
            2 * n < events->max_look_bytes ? 2 * n : events->max_look_bytes + 1, err);
        if (status != SHALE_OK)
            return status;
        events->start = 0;
    }
    events->line_end = newline != NULL ? (size_t)(newline - window->text) : window->n_bytes;
    events->next_line = events->line_end + (newline != NULL ? 1 : 0);
    return SHALE_OK;
}

/* The next element of a records array; the line was checked. */
static enum shale_outcome next_element(struct shale_events *events, struct shale_event *event,
                                       struct shale_err *err)
{
    struct shale_json_item item;
    enum shale_status status = shale_events_find(events, true, err);
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    if (events->window.text[events->start] != ']')
        return shale_events_hand_out(events, event);
    (void)shale_json_next(&events->cursor, &item);
    events->in_records = false;
    return SHALE_OUTCOME_GO_ON; /* what is behind the array was checked as well */
}

enum shale_outcome shale_lines_next(struct shale_events *events, struct shale_event *event,
                                    struct shale_err *err)
{
    struct shale_window *window = &events->window;
    enum shale_status status;
    bool cut;
    if (events->in_records)
        return next_element(events, event, err);
    if (events->next_line == window->n_bytes && window->last)
        return SHALE_OUTCOME_END;
    status = find_line(events, &cut, err);
    if (status != SHALE_OK)
        return shale_events_fail(events, event, status);
    if (cut)
        return discard_line(events, event, err);
    if (events->line_end - events->start > events->max_event_bytes) {
        struct shale_str text = {window->text + events->start, events->line_end - events->start};
        event->byte = shale_events_byte(events, events->start);
        return shale_events_too_large(events, event, text, (int64_t)text.n_bytes, err);
    }
    events->start = shale_skip_white(window->text, events->start, events->line_end);
    if (events->start == events->line_end)
        return SHALE_OUTCOME_GO_ON;
    shale_json_begin(&events->cursor, window->text, events->line_end, events->start, true);
    return shale_events_hand_out(events, event);
}
