/* SPDX-License-Identifier: MIT */
/* The statistics of an add (PROTOCOL.md, Per-file Statistics): readers leave files out by them, so
 * no value may be beyond its bounds. */
#include <stdio.h>

#include "base/checked.h"
#include "base/printable.h"
#include "dataset/verify_parts.h"
#include "json/cursor.h"
#include "json/number.h"
#include "json/text.h"
#include "schema/parse.h"
#include "schema/time.h"

enum { PATH_BYTES = 1024, SHOWN_BYTES = 100 };

enum which { MINIMUM, MAXIMUM, NULLS, N_WHICH };
static const char *const members[N_WHICH] = {"minValues", "maxValues", "nullCount"};

struct stats {
    struct shale_verify *verify;
    const char *object;
    bool is_ours;
    const struct shale_file *file;
    const struct shale_checked *checked;
    struct shale_json_cursor cursor;
    enum which which;
    char path[PATH_BYTES]; /* of the leaf: names joined by '.' */
    size_t n_path;
    struct shale_buf name, value; /* a member's, a text's characters; a bound in memory */
};

/* ---- One value --------------------------------------------------------------------------------
 */

static void found(struct stats *stats, const struct shale_err *err,
                  const struct shale_file_leaf *leaf, bool is_note)
{
    shale_findings_put(stats->verify->findings, err, stats->object, -1, leaf->path, is_note);
}

static void compare_nulls(struct stats *stats, size_t leaf, struct shale_str text)
{
    const struct shale_leaf_range *range = &stats->checked->leaves[leaf];
    char name[PATH_BYTES];
    struct shale_err err;
    int64_t said;
    if (!shale_number_valid(text) || shale_number_i64(text, &said) != SHALE_NUMBER_OK ||
        said == range->n_nulls)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_nulls,
                    shale_printable(stats->file->leaves[leaf].path, name, sizeof name),
                    (long long)said, (long long)range->n_nulls);
    found(stats, &err, &stats->file->leaves[leaf], false);
}

/* Whole numbers, dates and decimals of ours are exact; others may only be too wide. */
static bool is_exact(const struct stats *stats, const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_INT32:
    case SHALE_INT64:
    case SHALE_DATE:
        return stats->is_ours;
    default:
        return false;
    }
}

/* Other writers cut a timestamp's maximum to milliseconds, which readers know. */
static void widen(const struct stats *stats, const struct shale_type *type)
{
    int64_t value, more;
    if (stats->is_ours || stats->which != MAXIMUM || type->kind != SHALE_TIMESTAMP ||
        stats->value.n_bytes != sizeof value)
        return;
    more = shale_unit_per_second(type->unit) / 1000 - 1;
    memcpy(&value, stats->value.data, sizeof value);
    if (SHALE_ADD(value, more, &value))
        memcpy(stats->value.data, &value, sizeof value);
}

static void compare_bound(struct stats *stats, size_t leaf, struct shale_str text)
{
    const struct shale_leaf_range *range = &stats->checked->leaves[leaf];
    const struct shale_file_leaf *info = &stats->file->leaves[leaf];
    struct shale_str value = stats->which == MINIMUM ? range->minimum : range->maximum;
    char name[PATH_BYTES], shown[SHOWN_BYTES];
    struct shale_err err;
    int order;
    if (!range->any)
        return;
    shale_err_clear(&err);
    shale_buf_reset(&stats->value);
    if (shale_parse_value(info->type, text, &stats->value, &err) != SHALE_OK)
        return; /* a text of another writer's for what no text is agreed on */
    widen(stats, info->type);
    stats->verify->out->n_bounds++;
    order = shale_leaf_compare(info, value, shale_buf_str(&stats->value));
    if (order == 0 || (!is_exact(stats, info->type) && (order > 0) == (stats->which == MINIMUM)))
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_bound, shale_printable(info->path, name, sizeof name),
                    stats->which == MINIMUM ? "minimum" : "maximum",
                    shale_printable(text, shown, sizeof shown));
    found(stats, &err, info, false);
}

/* A value that stands at stats->path. */
static void compare_value(struct stats *stats, struct shale_str text)
{
    struct shale_str path = {stats->path, stats->n_path};
    for (size_t i = 0; i < stats->file->n_leaves; i++) {
        const struct shale_file_leaf *leaf = &stats->file->leaves[i];
        if (!shale_str_equal(leaf->path, path))
            continue;
        if (!stats->checked->leaves[i].complete ||
            stats->file->nodes[leaf->node].max_repetition > 0)
            return;
        if (stats->which == NULLS)
            compare_nulls(stats, i, text);
        else
            compare_bound(stats, i, text);
        return;
    }
}

/* ---- The JSON ---------------------------------------------------------------------------------
 */

static enum shale_status unescape(const struct stats *stats, const struct shale_json_item *item,
                                  struct shale_buf *out)
{
    bool half = false;
    shale_buf_reset(out);
    return shale_json_unescape(shale_json_text(&stats->cursor, item), out, &half);
}

/* The members of an object of bounds or counts, those inside structs as well. */
static enum shale_status take_members(struct stats *stats, int depth)
{
    struct shale_json_item item;
    enum shale_json_step step;
    size_t n_path = stats->n_path;
    while ((step = shale_json_next(&stats->cursor, &item)) == SHALE_JSON_NAME) {
        enum shale_status status = unescape(stats, &item, &stats->name);
        size_t n = stats->name.n_bytes;
        bool fits = n_path + n + 1 < PATH_BYTES;
        if (status != SHALE_OK)
            return status;
        if (fits) {
            if (n_path > 0)
                stats->path[n_path] = '.';
            stats->n_path = n_path + (n_path > 0);
            if (n > 0)
                memcpy(stats->path + stats->n_path, stats->name.data, n);
            stats->n_path += n;
        }
        step = shale_json_next(&stats->cursor, &item);
        if (step == SHALE_JSON_OBJECT && depth < SHALE_TYPE_DEPTH && fits) {
            status = take_members(stats, depth + 1);
        } else if (step == SHALE_JSON_STRING && fits) {
            status = unescape(stats, &item, &stats->name);
            if (status == SHALE_OK)
                compare_value(stats, shale_buf_str(&stats->name));
        } else if (step == SHALE_JSON_NUMBER && fits) {
            compare_value(stats, shale_json_text(&stats->cursor, &item));
        } else {
            (void)shale_json_skip(&stats->cursor, step, &item);
        }
        stats->n_path = n_path;
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

static enum which which_of(struct shale_str name)
{
    size_t i = 0;
    while (i < N_WHICH && !shale_str_is(name, members[i]))
        i++;
    return (enum which)i;
}

static enum shale_status take_stats(struct stats *stats, struct shale_err *err)
{
    struct shale_json_item item;
    enum shale_json_step step = shale_json_next(&stats->cursor, &item);
    enum shale_status status = SHALE_OK;
    if (step != SHALE_JSON_OBJECT)
        return SHALE_ERR(err, verify_stats);
    while (status == SHALE_OK &&
           (step = shale_json_next(&stats->cursor, &item)) == SHALE_JSON_NAME) {
        stats->which = which_of(shale_json_text(&stats->cursor, &item));
        step = shale_json_next(&stats->cursor, &item);
        if (step == SHALE_JSON_OBJECT && stats->which < N_WHICH)
            status = take_members(stats, 0);
        else
            (void)shale_json_skip(&stats->cursor, step, &item);
    }
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return step == SHALE_JSON_OBJECT_END ? SHALE_OK : SHALE_ERR(err, verify_stats);
}

static enum shale_status set_text(struct shale_buf *text, struct shale_str json)
{
    static const char padding[SHALE_JSON_PADDING] = {0};
    enum shale_status status;
    shale_buf_reset(text);
    status = shale_buf_append_str(text, json);
    return status == SHALE_OK ? shale_buf_append(text, padding, sizeof padding) : status;
}

enum shale_status shale_verify_stats(struct shale_verify *verify, const char *path,
                                     const struct shale_log_add *add, bool is_ours,
                                     const struct shale_verify_parquet *parquet)
{
    struct stats stats = {.verify = verify,
                          .object = path,
                          .is_ours = is_ours,
                          .file = shale_reader_file(parquet->reader),
                          .checked = parquet->checked};
    struct shale_err err;
    enum shale_status status;
    if (add->stats.n_bytes == 0 || add->stats.n_bytes > SHALE_JSON_MAX_WINDOW)
        return SHALE_OK;
    shale_err_clear(&err);
    shale_buf_init(&stats.name, verify->mem, SIZE_MAX);
    shale_buf_init(&stats.value, verify->mem, SIZE_MAX);
    status = shale_json_cursor_init(&stats.cursor, verify->mem);
    if (status == SHALE_OK)
        status = set_text(&verify->text, add->stats);
    if (status == SHALE_OK) {
        shale_json_begin(&stats.cursor, verify->text.data, add->stats.n_bytes, 0, true);
        status = take_stats(&stats, &err);
    } else {
        status = SHALE_ERR(&err, no_memory);
    }
    shale_json_cursor_fini(&stats.cursor);
    shale_buf_fini(&stats.name);
    shale_buf_fini(&stats.value);
    return shale_verify_failed(verify, status, &err, path);
}
