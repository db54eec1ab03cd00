/* SPDX-License-Identifier: MIT */
/* The event reader: what the caller sees, and what lines and documents share. */
#include "envelope/events.h"

#include <assert.h>
#include <string.h>

/* Far above any sensible limit, and a window can still hold twice as much. */
enum { MOST_EVENT_BYTES = SHALE_JSON_MAX_WINDOW / 4 };

enum shale_status shale_events_new(const struct shale_mem *mem, struct shale_events **out)
{
    struct shale_events *events = shale_mem_zeroed(mem, 1, sizeof *events);
    *out = NULL;
    if (events == NULL)
        return SHALE_NOMEM;
    events->mem = mem;
    events->state = SHALE_STATE_DONE;
    shale_window_init(&events->window, mem);
    if (shale_json_cursor_init(&events->cursor, mem) != SHALE_OK) {
        shale_mem_free(mem, events);
        return SHALE_NOMEM;
    }
    *out = events;
    return SHALE_OK;
}

void shale_events_free(struct shale_events *events)
{
    if (events == NULL)
        return;
    shale_window_fini(&events->window);
    shale_json_cursor_fini(&events->cursor);
    shale_mem_free(events->mem, events->head);
    shale_mem_free(events->mem, events);
}

static void begin(struct shale_events *events, const struct shale_events_options *options,
                  enum shale_shape shape)
{
    events->options = options;
    events->max_event_bytes = options->max_event_bytes < MOST_EVENT_BYTES
                                  ? options->max_event_bytes
                                  : (size_t)MOST_EVENT_BYTES;
    events->max_look_bytes = events->max_event_bytes > events->window.least_bytes
                                 ? events->max_event_bytes
                                 : events->window.least_bytes;
    events->shape = shape;
    events->state = SHALE_STATE_START;
    events->verdict = SHALE_VERDICT_NONE;
    events->in_records = events->in_array = events->closed = false;
    events->from = events->depth = events->start = events->line_end = events->next_line = 0;
}

void shale_events_begin_text(struct shale_events *events,
                             const struct shale_events_options *options, const char *text,
                             size_t n_bytes, int64_t base, enum shale_shape shape)
{
    begin(events, options, shape);
    shale_window_text(&events->window, text, n_bytes, base);
}

void shale_events_begin_stream(struct shale_events *events,
                               const struct shale_events_options *options,
                               struct shale_source *source, enum shale_shape shape)
{
    begin(events, options, shape);
    shale_window_stream(&events->window, source);
}

void shale_events_more(struct shale_events *events)
{
    assert(events->state == SHALE_STATE_HANDED && !events->window.last);
    events->verdict = SHALE_VERDICT_MORE;
}

void shale_events_descend(struct shale_events *events)
{
    assert(events->state == SHALE_STATE_HANDED && !events->in_records);
    events->verdict = SHALE_VERDICT_DESCEND;
}

void shale_events_broken(struct shale_events *events)
{
    assert(events->state == SHALE_STATE_HANDED && events->cursor.error != SHALE_E_none);
    events->verdict = SHALE_VERDICT_BROKEN;
}

struct shale_str shale_events_text(const struct shale_events *events)
{
    size_t end = shale_json_position(&events->cursor);
    assert(events->state == SHALE_STATE_HANDED && end >= events->start);
    return (struct shale_str){events->window.text + events->start, end - events->start};
}

int64_t shale_events_byte(const struct shale_events *events, size_t at)
{
    return events->window.base + (int64_t)at;
}

size_t shale_events_n_bytes(const struct shale_events *events)
{
    return sizeof *events + events->window.capacity +
           (events->head != NULL ? events->window.least_bytes : 0) +
           SHALE_JSON_BLOCK_BYTES * sizeof *events->cursor.index.at;
}

enum shale_outcome shale_events_hand_out(struct shale_events *events, struct shale_event *event)
{
    events->from = shale_json_position(&events->cursor);
    events->depth = events->cursor.depth;
    events->expect = events->cursor.expect;
    events->state = SHALE_STATE_HANDED;
    events->verdict = SHALE_VERDICT_NONE;
    event->cursor = &events->cursor;
    event->wrapped = events->in_records;
    event->byte = shale_events_byte(events, events->start);
    return SHALE_OUTCOME_EVENT;
}

/* The levels that were open at the mark are as they were: a walk changes only those inside. */
void shale_events_rewind(struct shale_events *events)
{
    struct shale_json_cursor *cursor = &events->cursor;
    bool line = events->shape == SHALE_SHAPE_NDJSON;
    cursor->depth = events->depth;
    cursor->expect = events->expect;
    cursor->half = false;
    cursor->error = SHALE_E_none;
    shale_json_resume(cursor, events->window.text, line ? events->line_end : events->window.n_bytes,
                      events->from, line || events->window.last);
}

enum shale_outcome shale_events_fail(struct shale_events *events, struct shale_event *event,
                                     enum shale_status status)
{
    events->state = SHALE_STATE_DONE;
    event->status = status;
    return SHALE_OUTCOME_FAILED;
}

enum shale_outcome shale_events_fail_json(struct shale_events *events, struct shale_event *event,
                                          struct shale_err *err)
{
    return shale_events_fail(events, event,
                             shale_walk_json_error(&events->window, &events->cursor, err));
}

enum shale_outcome shale_events_too_large(const struct shale_events *events,
                                          struct shale_event *event, struct shale_str text,
                                          int64_t n_bytes, struct shale_err *err)
{
    if (text.n_bytes > events->window.least_bytes)
        text.n_bytes = events->window.least_bytes;
    if ((int64_t)text.n_bytes > n_bytes)
        text.n_bytes = (size_t)n_bytes;
    event->text = text;
    event->text_bytes = n_bytes;
    event->status =
        SHALE_ERR(err, event_too_large, (long long)n_bytes, (long long)events->max_event_bytes);
    if (err != NULL)
        err->byte = event->byte;
    return SHALE_OUTCOME_REJECT;
}

enum shale_status shale_events_keep_head(struct shale_events *events, struct shale_str *out,
                                         struct shale_err *err)
{
    size_t n = events->window.n_bytes - events->start;
    if (n > events->window.least_bytes)
        n = events->window.least_bytes;
    if (events->head == NULL)
        events->head = shale_mem_alloc(events->mem, events->window.least_bytes);
    if (events->head == NULL)
        return SHALE_ERR(err, no_memory);
    if (n > 0)
        memcpy(events->head, events->window.text + events->start, n);
    *out = (struct shale_str){events->head, n};
    return SHALE_OK;
}

/* The first window: byte-order mark and shape. */
static enum shale_outcome start(struct shale_events *events, struct shale_event *event,
                                struct shale_err *err)
{
    struct shale_window *window = &events->window;
    size_t n, from = 0;
    if (!window->last) {
        enum shale_status status = shale_window_slide(window, 0, 0, err);
        if (status != SHALE_OK)
            return shale_events_fail(events, event, status);
    }
    n = window->n_bytes < window->least_bytes ? window->n_bytes : window->least_bytes;
    if (events->shape == SHALE_SHAPE_SEEN)
        events->shape =
            shale_shape_see(&events->cursor, window->text, n, window->last && n == window->n_bytes);
    if (window->base == 0)
        from = shale_bom_bytes(window->text, window->n_bytes);
    events->next_line = from;
    shale_json_begin(&events->cursor, window->text, window->n_bytes, from, window->last);
    if (events->shape == SHALE_SHAPE_ARRAY) {
        struct shale_json_item item;
        size_t at = shale_skip_white(window->text, from, n);
        if (at < n && window->text[at] == '[')
            events->in_array = shale_json_next(&events->cursor, &item) == SHALE_JSON_ARRAY;
    }
    events->state = SHALE_STATE_BETWEEN;
    return SHALE_OUTCOME_GO_ON;
}

enum shale_events_step shale_events_next(struct shale_events *events, struct shale_event *event,
                                         struct shale_err *err)
{
    static const enum shale_events_step steps[] = {
        [SHALE_OUTCOME_EVENT] = SHALE_EVENTS_EVENT,
        [SHALE_OUTCOME_REJECT] = SHALE_EVENTS_REJECT,
        [SHALE_OUTCOME_END] = SHALE_EVENTS_END,
        [SHALE_OUTCOME_FAILED] = SHALE_EVENTS_FAILED,
    };
    enum shale_outcome outcome = SHALE_OUTCOME_GO_ON;
    bool lines;
    *event = (struct shale_event){.cursor = NULL, .byte = -1};
    if (events->state == SHALE_STATE_START)
        outcome = start(events, event, err);
    lines = events->shape == SHALE_SHAPE_NDJSON;
    if (events->state == SHALE_STATE_HANDED) {
        events->state = SHALE_STATE_BETWEEN;
        outcome = lines ? shale_lines_settle(events, event, err)
                        : shale_documents_settle(events, event, err);
    }
    while (outcome == SHALE_OUTCOME_GO_ON) {
        if (events->state == SHALE_STATE_DONE)
            outcome = SHALE_OUTCOME_END;
        else
            outcome = lines ? shale_lines_next(events, event, err)
                            : shale_documents_next(events, event, err);
    }
    if (outcome == SHALE_OUTCOME_END)
        events->state = SHALE_STATE_DONE;
    return steps[outcome];
}
