/* SPDX-License-Identifier: MIT */
/* Up to when superseded manifests were deleted, so that 'shale verify' can tell what was swept from
 * what was lost. */
#include "dataset/log_actions.h"
#include "dataset/sweep_parts.h"

#define MARK "_shale/swept.json"

enum { MARK_BYTES = 4096 };

enum shale_status shale_sweep_mark_read(struct shale_store *store, int64_t *until_ms,
                                        struct shale_err *err)
{
    struct shale_json_cursor cursor;
    struct shale_buf text, scratch;
    enum shale_status status;
    *until_ms = -1;
    if (shale_json_cursor_init(&cursor, store->env->mem) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&text, store->env->mem, MARK_BYTES);
    shale_buf_init(&scratch, store->env->mem, MARK_BYTES + SHALE_JSON_PADDING);
    status = shale_store_read(store, MARK, &text, err);
    if (status == SHALE_OK)
        status = shale_log_find_number(&cursor, &scratch, shale_buf_str(&text), "until_ms",
                                       until_ms, err);
    if (status == SHALE_NOT_FOUND || status == SHALE_LIMIT) {
        status = SHALE_OK;
        shale_err_clear(err);
    }
    shale_json_cursor_fini(&cursor);
    shale_buf_fini(&text);
    shale_buf_fini(&scratch);
    return status;
}

enum shale_status shale_sweep_mark_put(struct shale_store *store, int64_t until_ms,
                                       struct shale_err *err)
{
    struct shale_buf text;
    int64_t before_ms;
    enum shale_status status = shale_sweep_mark_read(store, &before_ms, err);
    if (status != SHALE_OK || before_ms >= until_ms)
        return status;
    shale_buf_init(&text, store->env->mem, MARK_BYTES);
    if (shale_buf_printf(&text, "{\"until_ms\":%lld}\n", (long long)until_ms) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = shale_store_put(store, MARK, shale_buf_str(&text), err);
    shale_buf_fini(&text);
    return status;
}
