/* SPDX-License-Identifier: MIT */
/* The walk to the records member and past it. */
#include "envelope/walk.h"

#include <assert.h>
#include <stdint.h>

#include "envelope/envelope.h"
#include "json/text.h"

void shale_walk_begin(struct shale_walk *walk, struct shale_window *window,
                      struct shale_json_cursor *cursor, const struct shale_pointer *records)
{
    walk->window = window;
    walk->cursor = cursor;
    walk->records = records;
    walk->depth = cursor->depth;
    walk->started = walk->found = walk->passing = false;
    walk->hit = true;
    walk->n_on = 0;
    walk->status = SHALE_OK;
}

/* The byte of an error: 'err' may still hold that of a reject before. */
static void set_byte(struct shale_err *err, int64_t byte)
{
    if (err != NULL)
        err->byte = byte;
}

enum shale_status shale_walk_json_error(const struct shale_window *window,
                                        const struct shale_json_cursor *cursor,
                                        struct shale_err *err)
{
    set_byte(err, window->base + (int64_t)cursor->error_at); /* what is known already is kept */
    return shale_json_error(cursor, err);
}

static enum shale_status too_large(const struct shale_walk *walk, size_t at, struct shale_err *err)
{
    set_byte(err, walk->window->base + (int64_t)at);
    return SHALE_ERR(err, token_too_large, walk->window->least_bytes);
}

/* The window is used up: get more text behind what the cursor has not used. */
static enum shale_status get_more(struct shale_walk *walk, struct shale_err *err)
{
    struct shale_window *window = walk->window;
    size_t position = shale_json_position(walk->cursor);
    if (position == 0 && window->n_bytes > window->least_bytes) {
        /* One token fills the window: a string can be gone through, others not. */
        if (walk->passing)
            return too_large(walk, 0, err);
        walk->passing = true;
    } else {
        enum shale_status status = shale_window_slide(window, position, 0, err);
        if (status != SHALE_OK)
            return status;
    }
    shale_json_resume(walk->cursor, window->text, window->n_bytes, 0, window->last);
    return SHALE_OK;
}

/* The cursor's error; a number that is too large is that first, whatever else is wrong with it: a
 * window may have ended before. */
static enum shale_status cursor_error(const struct shale_walk *walk, struct shale_err *err)
{
    const struct shale_json_cursor *cursor = walk->cursor;
    if (cursor->error == SHALE_E_json_number) {
        size_t begin =
            shale_skip_white(walk->window->text, shale_json_position(cursor), cursor->error_at);
        if (cursor->error_at - begin > walk->window->least_bytes)
            return too_large(walk, begin, err);
    }
    return shale_walk_json_error(walk->window, cursor, err);
}

/* The next token.  ERROR: walk->status is set. */
static enum shale_json_step next_token(struct shale_walk *walk, struct shale_json_item *item,
                                       struct shale_err *err)
{
    for (;;) {
        enum shale_json_step step = walk->passing ? shale_json_pass(walk->cursor, item)
                                                  : shale_json_next(walk->cursor, item);
        if (step == SHALE_JSON_MORE)
            walk->status = get_more(walk, err);
        else if (step == SHALE_JSON_ERROR)
            walk->status = cursor_error(walk, err);
        else if (step == SHALE_JSON_NUMBER && item->end - item->begin > walk->window->least_bytes)
            walk->status = too_large(walk, item->begin, err);
        else
            return step;
        if (walk->status != SHALE_OK)
            return SHALE_JSON_ERROR;
    }
}

static bool name_is_on_path(const struct shale_walk *walk, const struct shale_json_item *item)
{
    /* A name that was passed through is longer than any step with all its characters escaped. */
    return !walk->passing &&
           shale_json_string_is(shale_json_text(walk->cursor, item), item->escaped,
                                walk->records->steps[walk->n_on - 1]);
}

static bool element_is_on_path(struct shale_walk *walk)
{
    size_t index;
    size_t at = walk->elements[walk->n_on - 1]++;
    return shale_pointer_index(walk->records->steps[walk->n_on - 1], &index) && index == at;
}

/* A value directly inside the innermost container on the path, or the whole one. */
static enum shale_walked take_value(struct shale_walk *walk, enum shale_json_step step,
                                    const struct shale_json_item *item, struct shale_err *err)
{
    const struct shale_pointer *records = walk->records;
    bool hit = walk->hit;
    walk->hit = false;
    if (walk->n_on > 0 && walk->elements[walk->n_on - 1] != SIZE_MAX)
        hit = element_is_on_path(walk);
    if (!hit || records == NULL)
        return SHALE_WALK_END;
    if (walk->found) {
        /* Also a null, and a parent of that name: as the last one it would hide the first, whose
         * events are handed out. */
        set_byte(err, walk->window->base + item->begin);
        walk->status = SHALE_ERR(err, records_twice, SHALE_STR_ARG(records->text));
        return SHALE_WALK_FAILED;
    }
    if (walk->n_on < records->n_steps) {
        if ((step == SHALE_JSON_OBJECT || step == SHALE_JSON_ARRAY) &&
            walk->n_on < SHALE_JSON_MAX_DEPTH)
            walk->elements[walk->n_on++] = step == SHALE_JSON_ARRAY ? 0 : SIZE_MAX;
        return SHALE_WALK_END;
    }
    if (step == SHALE_JSON_NULL)
        return SHALE_WALK_END;
    if (step == SHALE_JSON_ARRAY) {
        walk->found = true;
        return SHALE_WALK_RECORDS;
    }
    set_byte(err, walk->window->base + item->begin);
    walk->status = SHALE_ERR(err, records_not_array, SHALE_STR_ARG(records->text));
    return SHALE_WALK_FAILED;
}

enum shale_walked shale_walk_on(struct shale_walk *walk, struct shale_err *err)
{
    struct shale_json_item item;
    while (!walk->started || walk->cursor->depth > walk->depth) {
        bool direct = walk->cursor->depth == walk->depth + walk->n_on;
        enum shale_walked walked = SHALE_WALK_END;
        enum shale_json_step step = next_token(walk, &item, err);
        if (step == SHALE_JSON_ERROR)
            return SHALE_WALK_FAILED;
        assert(step != SHALE_JSON_END); /* the caller saw that there is a value */
        walk->started = true;
        if (!direct) {
            /* below a member that is of no interest */
        } else if (step == SHALE_JSON_OBJECT_END || step == SHALE_JSON_ARRAY_END) {
            walk->n_on--;
        } else if (step == SHALE_JSON_NAME) {
            walk->hit = name_is_on_path(walk, &item);
        } else {
            walked = take_value(walk, step, &item, err);
        }
        walk->passing = false;
        if (walked != SHALE_WALK_END)
            return walked;
    }
    return SHALE_WALK_END;
}
