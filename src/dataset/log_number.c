/* SPDX-License-Identifier: MIT */
/* One number out of a small JSON object that may be anything. */
#include <string.h>

#include "dataset/log_actions.h"
#include "json/number.h"
#include "json/text.h"

enum shale_status shale_log_find_number(struct shale_json_cursor *cursor, struct shale_buf *scratch,
                                        struct shale_str text, const char *name, int64_t *out,
                                        struct shale_err *err)
{
    struct shale_json_item item;
    enum shale_json_step step;
    int64_t value = -1;
    *out = -1;
    shale_buf_reset(scratch);
    if (text.n_bytes > SHALE_JSON_MAX_WINDOW)
        return SHALE_OK;
    if (shale_buf_reserve(scratch, text.n_bytes + SHALE_JSON_PADDING) != SHALE_OK ||
        shale_buf_append_str(scratch, text) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    memset(scratch->data + scratch->n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(cursor, scratch->data, scratch->n_bytes, 0, true);
    if (shale_json_next(cursor, &item) != SHALE_JSON_OBJECT)
        return SHALE_OK;
    while ((step = shale_json_next(cursor, &item)) == SHALE_JSON_NAME) {
        bool is_it =
            shale_json_string_is(shale_json_text(cursor, &item), item.escaped, shale_str_of(name));
        step = shale_json_skip(cursor, shale_json_next(cursor, &item), &item);
        if (step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE)
            return SHALE_OK;
        if (is_it && (step != SHALE_JSON_NUMBER ||
                      shale_number_i64(shale_json_text(cursor, &item), &value) != SHALE_NUMBER_OK))
            value = -1;
    }
    if (step == SHALE_JSON_OBJECT_END && value >= 0)
        *out = value;
    return SHALE_OK;
}
