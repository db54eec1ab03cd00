/* SPDX-License-Identifier: MIT */
/* Duplicates, as 'dedupe' drops them: keys that were written are in segments of the manifest, and
 * who lost a race looks the winner's keys up.  Segments and look-ups are those that ship. */
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct shale_keys_options options_of(const struct work *work,
                                            const struct shale_segment *segments, size_t n)
{
    return (struct shale_keys_options){.mem = &shale_mem_libc,
                                       .store = work->actor->table,
                                       .segments = segments,
                                       .n_segments = n,
                                       .names = SHALE_STR("{\"key\":[\"event\"]}"),
                                       .within_us = -1,
                                       .memory_bytes = SHALE_KEYS_LEAST_BYTES,
                                       .temporary = "/tmp"};
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

static enum shale_status add_keys(struct shale_str lines, struct shale_key_rows *rows)
{
    enum shale_status status = SHALE_OK;
    for (size_t at = 0; at < lines.n_bytes && status == SHALE_OK;) {
        char *end = NULL, text[16];
        int n = snprintf(text, sizeof text, "%d",
                         (int)sim_key_of((int32_t)strtol(lines.data + at, &end, 10)));
        const struct shale_str key = {text, (size_t)n};
        status = shale_key_rows_add(rows, &key, 0);
        at = (size_t)(end - lines.data) + 1;
    }
    return status == SHALE_OK ? shale_key_rows_sort(rows) : status;
}

/* The lines that are no duplicates stay. */
static void keep_lines(struct work *work, const bool *drop)
{
    struct shale_buf kept;
    struct shale_str lines = shale_buf_str(&work->data);
    shale_buf_init(&kept, &shale_mem_libc, (size_t)1 << 20);
    for (size_t n = 0, at = 0; at < lines.n_bytes; n++) {
        const char *begin = lines.data + at, *end = memchr(begin, '\n', lines.n_bytes - at);
        size_t n_line = (size_t)(end - begin) + 1;
        struct shale_ledger_row *row = row_of(work, n);
        row->written -= drop[n];
        row->duplicates += drop[n];
        if (!drop[n])
            work_append(&kept, (struct shale_str){begin, n_line});
        at += n_line;
    }
    shale_buf_fini(&work->data);
    work->data = kept;
}

enum shale_status keys_dedupe(struct work *work, struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    const struct shale_keys_options options = options_of(work, manifest->keys, manifest->n_keys);
    struct shale_key_rows rows;
    bool drop[SIM_OBJECTS * SIM_EVENTS + SIM_LAST_OBJECTS * SIM_EVENTS];
    enum shale_status status = shale_keys_new(&options, &work->keys, err);
    if (status != SHALE_OK)
        return status;
    shale_key_rows_init(&rows, &shale_mem_libc, shale_keys_rule(work->keys));
    if (add_keys(shale_buf_str(&work->data), &rows) != SHALE_OK || rows.n_rows > sizeof drop)
        abort();
    status = shale_keys_take(work->keys, &rows, drop, err);
    if (status == SHALE_OK)
        keep_lines(work, drop);
    shale_key_rows_fini(&rows);
    return status;
}

enum shale_status keys_write(struct work *work, struct shale_err *err)
{
    struct shale_str path;
    enum shale_status status;
    work->has_keys = work->keys != NULL && shale_keys_n_rows(work->keys) > 0;
    if (!work->has_keys)
        return SHALE_OK;
    path = work_name(work, "_shale/keys/", ".parquet");
    status = shale_keys_write(work->keys, work->actor->table, path.data, work->first, &work->arena,
                              &work->key_segment, err);
    shale_keys_free(work->keys);
    work->keys = NULL;
    return status;
}

enum shale_status keys_check(void *ctx, const struct shale_base *before,
                             const struct shale_base *newest, bool *conflict, struct shale_err *err)
{
    struct work *work = ctx;
    const struct shale_manifest *old = &before->manifest, *new = &newest->manifest;
    struct shale_segment news[64];
    size_t n = 0;
    *conflict = false;
    if (sim_bug(work->actor->sim, "keys-not-looked-up"))
        return SHALE_OK;
    for (size_t i = 0; i < new->n_keys &&n < 64; i++) {
        bool is_old = false;
        for (size_t k = 0; k < old->n_keys; k++)
            is_old |= shale_str_equal(old->keys[k].path, new->keys[i].path);
        if (!is_old)
            news[n++] = new->keys[i];
    }
    if (n == 0)
        return SHALE_OK;
    const struct shale_keys_options options = options_of(work, news, n);
    return shale_keys_meet(&options, &work->key_segment, conflict, err);
}
