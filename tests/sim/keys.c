/* SPDX-License-Identifier: MIT */
/* Duplicates, as 'dedupe' drops them: keys that were written are in segments of the manifest, and
 * who lost a race looks the winner's keys up. */
#include <stdlib.h>
#include <string.h>

#include "work.h"

/* Add the keys of these segments to 'keys'. */
static enum shale_status read_keys(struct work *work, const struct shale_segment *segments,
                                   size_t n, bool keys[SIM_EVENT_IDS], struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        struct shale_str text = {NULL, 0};
        status = work_read(work, segments[i].path, &text, err);
        for (size_t at = 0; status == SHALE_OK && at < text.n_bytes;) {
            char *end = NULL;
            keys[strtol(text.data + at, &end, 10) % SIM_EVENT_IDS] = true;
            at = (size_t)(end - text.data) + 1;
        }
    }
    return status;
}

/* The row to which the n-th event written belongs. */
static struct shale_ledger_row *row_of(struct work *work, size_t n)
{
    for (size_t i = 0; i < work->n_rows; i++) {
        if (n < (size_t)(work->rows[i].written + work->rows[i].duplicates))
            return &work->rows[i];
        n -= (size_t)(work->rows[i].written + work->rows[i].duplicates);
    }
    abort();
}

enum shale_status keys_dedupe(struct work *work, struct shale_err *err)
{
    static const size_t most = (size_t)1 << 20;
    bool keys[SIM_EVENT_IDS] = {false};
    struct shale_buf kept;
    char *at = work->data.data, *stop = at + work->data.n_bytes;
    enum shale_status status =
        read_keys(work, work->base.manifest.keys, work->base.manifest.n_keys, keys, err);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&kept, &shale_mem_libc, most);
    for (size_t n = 0; at < stop; n++) {
        char *end = NULL;
        int32_t event = (int32_t)strtol(at, &end, 10), key = sim_key_of(event);
        struct shale_ledger_row *row = row_of(work, n);
        if (keys[key]) {
            row->written--;
            row->duplicates++;
        } else {
            char line[16];
            (void)snprintf(line, sizeof line, "%d\n", (int)key);
            work_append(&work->keys, shale_str_of(line));
            work_append(&kept, (struct shale_str){at, (size_t)(end - at) + 1});
            keys[key] = true;
        }
        at = end + 1;
    }
    shale_buf_fini(&work->data);
    work->data = kept;
    return SHALE_OK;
}

enum shale_status keys_check(void *ctx, const struct shale_base *before,
                             const struct shale_base *newest, bool *conflict, struct shale_err *err)
{
    struct work *work = ctx;
    const struct shale_manifest *old = &before->manifest, *new = &newest->manifest;
    bool keys[SIM_EVENT_IDS] = {false};
    enum shale_status status = SHALE_OK;
    *conflict = false;
    if (sim_bug(work->actor->sim, "keys-not-looked-up"))
        return SHALE_OK;
    for (size_t i = 0; i < new->n_keys &&status == SHALE_OK; i++) {
        bool is_old = false;
        for (size_t k = 0; k < old->n_keys; k++)
            is_old |= shale_str_equal(old->keys[k].path, new->keys[i].path);
        if (!is_old)
            status = read_keys(work, &new->keys[i], 1, keys, err);
    }
    for (char *at = work->keys.data, *stop = at + work->keys.n_bytes;
         status == SHALE_OK && at < stop && !*conflict;) {
        char *end = NULL;
        *conflict = keys[strtol(at, &end, 10)];
        at = end + 1;
    }
    return status;
}
