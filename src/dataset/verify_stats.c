/* SPDX-License-Identifier: MIT */
/* The statistics of an add: readers leave files out by them, so no value may be beyond its bounds.
 */
#include "base/printable.h"
#include "dataset/stats_read.h"
#include "dataset/verify_parts.h"
#include "json/number.h"
#include "parquet/chunk.h"
#include "schema/time.h"

enum { NAME_BYTES = 200, SHOWN_BYTES = 100 };

struct stats {
    struct shale_verify *verify;
    const char *object;
    bool is_ours;
    const struct shale_file *file;
    const struct shale_checked *checked;
    struct shale_buf value; /* a bound in memory */
};

static void found(struct stats *stats, const struct shale_err *err,
                  const struct shale_file_leaf *leaf)
{
    stats->verify->n_found++;
    shale_findings_put(stats->verify->findings, err, stats->object, -1, leaf->path, false);
}

static void compare_nulls(struct stats *stats, size_t leaf, struct shale_str text)
{
    const struct shale_leaf_range *range = &stats->checked->leaves[leaf];
    const struct shale_file_leaf *info = &stats->file->leaves[leaf];
    char name[NAME_BYTES];
    struct shale_err err;
    int64_t said;
    if (!shale_number_valid(text) || shale_number_i64(text, &said) != SHALE_NUMBER_OK ||
        said == range->n_nulls)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_nulls, shale_printable(info->path, name, sizeof name),
                    (long long)said, (long long)range->n_nulls);
    found(stats, &err, info);
}

/* Ours are exact, but for texts that were cut and timestamps, which are rounded to milliseconds;
 * those of others may be too wide. */
static bool is_too_wide(const struct stats *stats, const struct shale_type *type,
                        struct shale_str value, struct shale_str said)
{
    int64_t a, b, most = shale_unit_per_second(type->unit) / 1000;
    if (!stats->is_ours)
        return false;
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BYTES:
        return value.n_bytes <= SHALE_STATISTIC_BYTES;
    case SHALE_LAYOUT_I64:
        if (type->kind != SHALE_TIMESTAMP)
            return true;
        memcpy(&a, value.data, sizeof a);
        memcpy(&b, said.data, sizeof b);
        return a - most >= b || b - most >= a; /* years 0 to 9999: far from overflow */
    default:
        return true;
    }
}

static enum shale_status compare_bound(struct stats *stats, size_t leaf, enum shale_stat which,
                                       struct shale_str text)
{
    const struct shale_leaf_range *range = &stats->checked->leaves[leaf];
    const struct shale_file_leaf *info = &stats->file->leaves[leaf];
    bool is_minimum = which == SHALE_STAT_MINIMUM;
    char name[NAME_BYTES], shown[SHOWN_BYTES];
    struct shale_err err;
    struct shale_str value;
    enum shale_status status;
    int order;
    if (!range->any)
        return SHALE_OK;
    shale_buf_reset(&stats->value);
    status = shale_stats_value(info->type, which, text, !stats->is_ours, &stats->value);
    if (status != SHALE_OK) /* another writer's text, for what no text is agreed on */
        return status == SHALE_NOMEM ? status : SHALE_OK;
    stats->verify->out->n_bounds++;
    value = is_minimum ? range->minimum : range->maximum;
    order = shale_leaf_compare(info, value, shale_buf_str(&stats->value));
    if (order == 0 || ((order > 0) == is_minimum &&
                       !is_too_wide(stats, info->type, value, shale_buf_str(&stats->value))))
        return SHALE_OK;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_bound, shale_printable(info->path, name, sizeof name),
                    is_minimum ? "minimum" : "maximum", shale_printable(text, shown, sizeof shown));
    found(stats, &err, info);
    return SHALE_OK;
}

static enum shale_status compare(void *ctx, enum shale_stat which, struct shale_str path,
                                 struct shale_str text)
{
    struct stats *stats = ctx;
    size_t i = 0;
    while (i < stats->file->n_leaves && !shale_str_equal(stats->file->leaves[i].path, path))
        i++;
    if (i == stats->file->n_leaves || !stats->checked->leaves[i].complete ||
        stats->file->nodes[stats->file->leaves[i].node].max_repetition > 0)
        return SHALE_OK;
    if (which != SHALE_STAT_NULLS)
        return compare_bound(stats, i, which, text);
    compare_nulls(stats, i, text);
    return SHALE_OK;
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
    if (add->stats.n_bytes == 0)
        return SHALE_OK;
    shale_err_clear(&err);
    shale_buf_init(&stats.value, verify->mem, SIZE_MAX);
    status = shale_stats_walk(verify->mem, add->stats, compare, &stats, &err);
    shale_buf_fini(&stats.value);
    return shale_verify_failed(verify, status, &err, path);
}
