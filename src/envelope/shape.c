/* SPDX-License-Identifier: MIT */
/* What an object is, by the look of its first window. */
#include <string.h>

#include "envelope/envelope.h"
#include "envelope/window.h"

/* Is text[from, end) one value and nothing else? */
static bool is_one_value(struct shale_json_cursor *cursor, const char *text, size_t from,
                         size_t end)
{
    struct shale_json_item item;
    enum shale_json_step step;
    shale_json_begin(cursor, text, end, from, true);
    step = shale_json_next(cursor, &item);
    if (step >= SHALE_JSON_END || shale_json_skip(cursor, step, &item) >= SHALE_JSON_END)
        return false;
    return shale_json_next(cursor, &item) == SHALE_JSON_END;
}

enum shale_shape shale_shape_see(struct shale_json_cursor *cursor, const char *text, size_t n_bytes,
                                 bool whole)
{
    size_t from = shale_skip_white(text, shale_bom_bytes(text, n_bytes), n_bytes);
    const char *newline;
    size_t end;
    (void)whole; /* a first line that the window cuts is no whole value on a line */
    if (from == n_bytes)
        return SHALE_SHAPE_VALUES;
    if (text[from] == '[')
        return SHALE_SHAPE_ARRAY;
    newline = memchr(text + from, '\n', n_bytes - from);
    if (newline == NULL)
        return SHALE_SHAPE_VALUES;
    end = (size_t)(newline - text);
    if (shale_skip_white(text, end, n_bytes) == n_bytes || !is_one_value(cursor, text, from, end))
        return SHALE_SHAPE_VALUES;
    return SHALE_SHAPE_NDJSON;
}
