/* SPDX-License-Identifier: MIT */
/* Rejects against conditions: their events are parsed again. */
#include "dataset/erasure_rejects.h"

#include <stdio.h>
#include <string.h>

#include "dataset/erasure_parts.h"
#include "dataset/partition.h"
#include "json/cursor.h"
#include "json/text.h"
#include "schema/parse.h"

enum { MOST_BYTES = 1 << 28 };

struct shale_erasure_rejects {
    const struct shale_mem *mem;
    const struct shale_stream *stream; /* NULL: none is known */
    struct shale_erasures *erasures;
    struct shale_json_cursor cursor;
    struct shale_buf window; /* the event, with what a cursor wants behind it */
    size_t n_event;
    struct shale_buf text, bytes; /* of a value */
};

/* One reject: what of it is looked at. */
struct reject {
    struct shale_str object, event;
    int64_t record;
};

/* ---- A value -----------------------------------------------------------------------------------
 */

static struct shale_str trimmed(struct shale_str text)
{
    while (text.n_bytes > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL) {
        text.data++;
        text.n_bytes--;
    }
    while (text.n_bytes > 0 && memchr(" \t\r\n", text.data[text.n_bytes - 1], 4) != NULL)
        text.n_bytes--;
    return text;
}

/* A text that is no value of the type is equal to none, but may stand for any time. */
static enum shale_status judge_text(struct shale_erasure_rejects *rejects,
                                    const struct shale_condition_on *on, struct shale_str text,
                                    bool *holds)
{
    const struct shale_type *type = on->transformed != NULL ? on->transformed : on->type;
    struct shale_value value;
    enum shale_status status;
    shale_buf_reset(&rejects->bytes);
    status = shale_parse_value(type, text, &rejects->bytes, NULL);
    if (status != SHALE_OK) {
        *holds = *holds || on->is_before || on->transformed != NULL;
        return status == SHALE_NOMEM ? status : SHALE_OK;
    }
    if (on->transformed != NULL) {
        const struct shale_column one = {.n_rows = 1, .data = rejects->bytes.data};
        value.as.i64 = shale_partition_value(on->transform, type, &one, 0);
    } else {
        shale_erasure_load(type, shale_buf_str(&rejects->bytes), &value);
    }
    *holds = *holds || shale_erasure_meets(on, &value);
    return SHALE_OK;
}

static bool is_inside(struct shale_str text, struct shale_str part)
{
    return part.n_bytes == 0 ? text.n_bytes == 0
                             : memmem(text.data, text.n_bytes, part.data, part.n_bytes) != NULL;
}

/* The characters of a string or a name; half a pair of surrogates is no text, and equal to none. */
static enum shale_status unescape(struct shale_erasure_rejects *rejects,
                                  const struct shale_json_item *item, struct shale_str *out)
{
    struct shale_str raw = shale_json_text(&rejects->cursor, item);
    bool lone = false;
    enum shale_status status;
    *out = raw;
    if (!item->escaped)
        return SHALE_OK;
    shale_buf_reset(&rejects->text);
    status = shale_json_unescape(raw, &rejects->text, &lone);
    *out = lone ? (struct shale_str){"", 0} : shale_buf_str(&rejects->text);
    return status;
}

/* A scalar (or a name) somewhere in the event. */
static enum shale_status judge_anywhere(struct shale_erasure_rejects *rejects,
                                        const struct shale_condition_on *on,
                                        enum shale_json_step step,
                                        const struct shale_json_item *item, bool *holds)
{
    struct shale_str text = shale_json_text(&rejects->cursor, item);
    enum shale_status status = SHALE_OK;
    if (step == SHALE_JSON_NULL)
        return SHALE_OK;
    if (step == SHALE_JSON_STRING || step == SHALE_JSON_NAME)
        status = unescape(rejects, item, &text);
    if (status != SHALE_OK)
        return status;
    if (on->type->kind == SHALE_STRING || on->type->kind == SHALE_JSON) {
        *holds = *holds || is_inside(text, on->text);
        return SHALE_OK;
    }
    return step == SHALE_JSON_NAME ? SHALE_OK : judge_text(rejects, on, text, holds);
}

/* ---- Ways through an event ---------------------------------------------------------------------
 */

static bool opens(enum shale_json_step step)
{
    return step == SHALE_JSON_OBJECT || step == SHALE_JSON_ARRAY;
}

static bool closes(enum shale_json_step step)
{
    return step == SHALE_JSON_OBJECT_END || step == SHALE_JSON_ARRAY_END;
}

/* All that is in a value whose first token was just read; SHALE_CORRUPT: it is no JSON. */
static enum shale_status judge_inside(struct shale_erasure_rejects *rejects,
                                      const struct shale_condition_on *on,
                                      enum shale_json_step step, struct shale_json_item *item,
                                      bool *holds)
{
    size_t depth = 0;
    for (;;) {
        enum shale_status status = SHALE_OK;
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE || step == SHALE_JSON_END)
            return SHALE_CORRUPT;
        depth += opens(step);
        depth -= closes(step);
        if (!opens(step) && !closes(step))
            status = judge_anywhere(rejects, on, step, item, holds);
        if (status != SHALE_OK || depth == 0)
            return status;
        step = shale_json_next(&rejects->cursor, item);
    }
}

/* The value to which a pointer leads. */
static enum shale_status judge_there(struct shale_erasure_rejects *rejects,
                                     const struct shale_condition_on *on, bool trim,
                                     enum shale_json_step step, struct shale_json_item *item,
                                     bool *holds)
{
    struct shale_str text = shale_json_text(&rejects->cursor, item);
    enum shale_status status = SHALE_OK;
    if (step == SHALE_JSON_NULL || (on->is_null && step != SHALE_JSON_ERROR)) {
        *holds = *holds || (step == SHALE_JSON_NULL && shale_erasure_meets(on, NULL));
        return shale_json_skip(&rejects->cursor, step, item) == SHALE_JSON_ERROR ? SHALE_CORRUPT
                                                                                 : SHALE_OK;
    }
    if (on->type->kind == SHALE_JSON || opens(step))
        return judge_inside(rejects, on, step, item, holds);
    if (step == SHALE_JSON_STRING)
        status = unescape(rejects, item, &text);
    return status == SHALE_OK ? judge_text(rejects, on, trim ? trimmed(text) : text, holds)
                              : status;
}

static void begin_event(struct shale_erasure_rejects *rejects)
{
    shale_json_begin(&rejects->cursor, rejects->window.data, rejects->n_event, 0, true);
}

/* A way along a pointer: only containers that are on it are entered, so that how many are open is
 * how many steps are done. */
struct way {
    const struct shale_pointer *pointer;
    size_t depth;
    uint32_t index[SHALE_JSON_MAX_DEPTH]; /* of the next element, where an array is open */
    bool is_array[SHALE_JSON_MAX_DEPTH];
};

/* Does the pointer go on with this name, or with the next element? */
static enum shale_status is_next(struct shale_erasure_rejects *rejects, struct way *way,
                                 enum shale_json_step step, const struct shale_json_item *item,
                                 bool *out)
{
    struct shale_str wanted = way->pointer->steps[way->depth - 1];
    size_t index;
    struct shale_str name;
    enum shale_status status = SHALE_OK;
    if (way->is_array[way->depth - 1]) {
        uint32_t here = way->index[way->depth - 1]++;
        *out = shale_pointer_index(wanted, &index) && index == here;
        return SHALE_OK;
    }
    (void)step;
    status = unescape(rejects, item, &name);
    *out = status == SHALE_OK && shale_str_equal(name, wanted);
    return status;
}

static void enter(struct way *way, enum shale_json_step step)
{
    way->is_array[way->depth] = step == SHALE_JSON_ARRAY;
    way->index[way->depth] = 0;
    way->depth++;
}

/* A name that is doubled leads to both: the last wins in a row, and here either will do. */
static enum shale_status follow(struct shale_erasure_rejects *rejects,
                                const struct shale_condition_on *on, bool trim, struct way *way,
                                bool *present, bool *holds)
{
    struct shale_json_item item;
    enum shale_json_step step = shale_json_next(&rejects->cursor, &item);
    enum shale_status status = SHALE_OK;
    if (way->pointer->n_steps == 0) {
        *present = true;
        return judge_there(rejects, on, trim, step, &item, holds);
    }
    if (way->pointer->n_steps >= SHALE_JSON_MAX_DEPTH || !opens(step))
        return step == SHALE_JSON_ERROR ? SHALE_CORRUPT : SHALE_OK;
    enter(way, step);
    while (way->depth > 0 && status == SHALE_OK) {
        bool next;
        step = shale_json_next(&rejects->cursor, &item);
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE || step == SHALE_JSON_END)
            return SHALE_CORRUPT;
        if (closes(step)) {
            way->depth--;
            continue;
        }
        status = is_next(rejects, way, step, &item, &next);
        if (step == SHALE_JSON_NAME)
            step = shale_json_next(&rejects->cursor, &item);
        if (status != SHALE_OK)
            break;
        if (next && way->depth == way->pointer->n_steps) {
            *present = true;
            status = judge_there(rejects, on, trim, step, &item, holds);
        } else if (next && opens(step)) {
            enter(way, step);
        } else if (shale_json_skip(&rejects->cursor, step, &item) == SHALE_JSON_ERROR) {
            return SHALE_CORRUPT;
        }
    }
    return status;
}

/* ---- A condition -------------------------------------------------------------------------------
 */

static enum shale_status judge_placeholder(struct shale_erasure_rejects *rejects,
                                           const struct shale_condition_on *on,
                                           const struct shale_from *from,
                                           const struct reject *reject, bool *present, bool *holds)
{
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    for (size_t i = 0; i < rejects->stream->n_keys; i++) {
        const struct shale_template *tmpl = &rejects->stream->keys[i];
        if (!shale_template_match(tmpl, reject->object, values))
            continue;
        for (size_t k = 0; k < tmpl->n_names; k++)
            if (shale_str_equal(tmpl->names[k], from->name)) {
                *present = true;
                return judge_text(rejects, on, values[k], holds);
            }
        return SHALE_OK;
    }
    return SHALE_OK;
}

static enum shale_status judge_from(struct shale_erasure_rejects *rejects,
                                    const struct shale_condition_on *on, bool trim,
                                    const struct shale_from *from, const struct reject *reject,
                                    bool *present, bool *holds)
{
    struct way way = {.pointer = &from->pointer};
    char number[24];
    switch (from->kind) {
    case SHALE_FROM_POINTER:
        begin_event(rejects);
        return follow(rejects, on, trim, &way, present, holds);
    case SHALE_FROM_KEY:
        *present = true;
        return judge_text(rejects, on, reject->object, holds);
    case SHALE_FROM_PLACEHOLDER:
        return judge_placeholder(rejects, on, from, reject, present, holds);
    case SHALE_FROM_INDEX:
        *present = true;
        (void)snprintf(number, sizeof number, "%lld", (long long)reject->record);
        return judge_text(rejects, on, shale_str_of(number), holds);
    case SHALE_FROM_BUCKET:
        break;
    }
    return SHALE_OK;
}

/* SHALE_CORRUPT: the event is no JSON. */
static enum shale_status judge(struct shale_erasure_rejects *rejects,
                               const struct shale_condition_on *on, const struct reject *reject,
                               bool *holds)
{
    const struct shale_stream *stream = rejects->stream;
    enum shale_status status = SHALE_OK;
    bool present = false;
    *holds = false;
    if (stream == NULL || on->place == SHALE_ON_NOTHING || on->column >= stream->n_fields) {
        struct shale_json_item item;
        enum shale_json_step step;
        if (on->place == SHALE_ON_NOTHING) {
            *holds = shale_erasure_meets(on, NULL);
            return SHALE_OK;
        }
        begin_event(rejects);
        step = shale_json_next(&rejects->cursor, &item);
        return judge_inside(rejects, on, step, &item, holds);
    }
    for (size_t i = 0; i < stream->fields[on->column].n_from && status == SHALE_OK; i++)
        status = judge_from(rejects, on, stream->fields[on->column].trim,
                            &stream->fields[on->column].from[i], reject, &present, holds);
    if (!present)
        *holds = shale_erasure_meets(on, NULL);
    return status;
}

/* ---- A reject ----------------------------------------------------------------------------------
 */

/* Is the whole text JSON?  Pointers look at parts of it only. */
static bool is_json(struct shale_erasure_rejects *rejects)
{
    struct shale_json_item item;
    enum shale_json_step step;
    begin_event(rejects);
    step = shale_json_next(&rejects->cursor, &item);
    if (step == SHALE_JSON_ERROR || step == SHALE_JSON_END)
        return false;
    step = shale_json_skip(&rejects->cursor, step, &item);
    return step != SHALE_JSON_ERROR && step != SHALE_JSON_MORE &&
           shale_json_next(&rejects->cursor, &item) == SHALE_JSON_END;
}

static enum shale_status goes(struct shale_erasure_rejects *rejects, const struct reject *reject,
                              bool *out)
{
    static const char padding[SHALE_JSON_PADDING] = {0};
    const struct shale_erasures *erasures = rejects->erasures;
    enum shale_status status;
    shale_buf_reset(&rejects->window);
    rejects->n_event = reject->event.n_bytes;
    status = shale_buf_append_str(&rejects->window, reject->event);
    if (status == SHALE_OK)
        status = shale_buf_append(&rejects->window, padding, sizeof padding);
    *out = status == SHALE_OK && !is_json(rejects);
    for (size_t i = 0; i < erasures->n && status == SHALE_OK && !*out;) {
        bool all = true;
        do {
            bool holds = false;
            if (all)
                status = judge(rejects, &erasures->on[i], reject, &holds);
            all = all && (holds || status == SHALE_CORRUPT);
            if (status == SHALE_CORRUPT)
                status = SHALE_OK;
            i++;
        } while (status == SHALE_OK && i < erasures->n && erasures->on[i].joined);
        *out = all && status == SHALE_OK;
    }
    return status;
}

enum shale_status shale_erasure_rejects_filter(void *ctx, const struct shale_rejects_row *row,
                                               bool *keep, struct shale_err *err)
{
    const struct reject reject = {row->object, row->raw, row->record};
    bool out = row->raw_bytes != (int64_t)row->raw.n_bytes; /* it was cut */
    if (row->raw.data == NULL)
        return SHALE_OK;
    if (!out && goes(ctx, &reject, &out) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    *keep = *keep && !out;
    return SHALE_OK;
}

/* ---- Beginning and end -------------------------------------------------------------------------
 */

void shale_erasure_rejects_free(struct shale_erasure_rejects *rejects)
{
    if (rejects == NULL)
        return;
    shale_json_cursor_fini(&rejects->cursor);
    shale_buf_fini(&rejects->window);
    shale_buf_fini(&rejects->text);
    shale_buf_fini(&rejects->bytes);
    shale_erasures_free(rejects->erasures);
    shale_mem_free(rejects->mem, rejects);
}

enum shale_status shale_erasure_rejects_new(const struct shale_mem *mem,
                                            const struct shale_erasure *conditions,
                                            size_t n_conditions, const struct shale_log_state *log,
                                            const struct shale_stream *stream,
                                            struct shale_erasure_rejects **out,
                                            struct shale_err *err)
{
    struct shale_erasure_rejects *rejects = shale_mem_zeroed(mem, 1, sizeof *rejects);
    enum shale_status status;
    *out = NULL;
    if (rejects == NULL)
        return SHALE_ERR(err, no_memory);
    rejects->mem = mem;
    rejects->stream = stream;
    shale_buf_init(&rejects->window, mem, MOST_BYTES);
    shale_buf_init(&rejects->text, mem, MOST_BYTES);
    shale_buf_init(&rejects->bytes, mem, MOST_BYTES);
    status = shale_json_cursor_init(&rejects->cursor, mem);
    if (status != SHALE_OK)
        (void)SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = stream != NULL ? shale_erasures_of_stream(mem, conditions, n_conditions, stream,
                                                           &rejects->erasures, err)
                                : shale_erasures_of_table(mem, conditions, n_conditions, log,
                                                          &rejects->erasures, err);
    for (size_t i = 0; status == SHALE_OK && stream == NULL && i < n_conditions; i++)
        if (conditions[i].is_before || rejects->erasures->on[i].is_null)
            status = SHALE_ERR(err, erasure_rejects_stream, SHALE_STR_ARG(conditions[i].column));
    if (status == SHALE_OK)
        *out = rejects;
    else
        shale_erasure_rejects_free(rejects);
    return status;
}
