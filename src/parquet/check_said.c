/* SPDX-License-Identifier: MIT */
/* What the footer, the column index and the bloom filters say of values, against the values. */
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>

#include "base/printable.h"
#include "parquet/bound_value.h"
#include "parquet/chunk.h"
#include "parquet/check_parts.h"

enum { WHO_BYTES = 64 };

/* ---- Bounds -----------------------------------------------------------------------------------
 */

/* A value in memory as a message shows it. */
static const char *show(struct shale_check *check, struct shale_str value, char *out)
{
    struct shale_type type = *check->info->type;
    alignas(16) char fixed[16] = {0};
    int32_t offsets[2] = {0, (int32_t)value.n_bytes};
    struct shale_column column = {.n_rows = 1, .data = value.data, .offsets = offsets};
    if (shale_type_layout(&type) != SHALE_LAYOUT_BYTES) {
        memcpy(fixed, value.data, value.n_bytes < sizeof fixed ? value.n_bytes : sizeof fixed);
        column.data = fixed;
        column.offsets = NULL;
    } else if (value.n_bytes > SHALE_CHECK_VALUE_BYTES) {
        offsets[1] = SHALE_CHECK_VALUE_BYTES;
    }
    if (type.kind == SHALE_JSON) /* it may be cut */
        type.kind = SHALE_STRING;
    shale_buf_reset(&check->text);
    if (shale_json_rows_value(&check->texts, &type, &column, 0, &check->text) != SHALE_OK)
        return "?";
    return shale_printable(shale_buf_str(&check->text), out, SHALE_CHECK_VALUE_BYTES);
}

struct bound {
    const char *who, *which; /* "the footer", "minimum" */
    const struct shale_file_bound *said;
    struct shale_str value; /* the least, or the greatest */
    int beyond;             /* the sign of compare(value, said) that breaks it */
};

/* We cut no value that is short enough. */
static bool is_exact(const struct shale_check *check, const struct bound *bound)
{
    return bound->said->exact || (check->is_ours && bound->value.n_bytes <= SHALE_STATISTIC_BYTES);
}

static void compare_bound(struct shale_check *check, const struct bound *bound)
{
    const struct shale_file_node *node = &check->file->nodes[check->info->node];
    char said_text[SHALE_CHECK_VALUE_BYTES], text[SHALE_CHECK_VALUE_BYTES];
    struct shale_bound_value said;
    struct shale_err err;
    struct shale_str value;
    int order;
    if (!bound->said->present ||
        !shale_bound_value_of(check->info, node, bound->said->value, &said))
        return;
    value = said.column.offsets != NULL
                ? bound->said->value
                : (struct shale_str){(const char *)said.data, bound->value.n_bytes};
    check->out->n_bounds++;
    order = shale_leaf_compare(check->info, bound->value, value);
    order = (order > 0) - (order < 0);
    if (order == 0 || (order != bound->beyond && !is_exact(check, bound)))
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, parquet_bound, check->name, check->row_group, bound->who, bound->which,
                    show(check, value, said_text), show(check, bound->value, text));
    shale_check_found(check, &err, order != bound->beyond && !check->is_ours);
}

static void compare_bounds(struct shale_check *check, const char *who,
                           const struct shale_file_bound *minimum,
                           const struct shale_file_bound *maximum,
                           const struct shale_value_range *range)
{
    if (!range->any)
        return;
    compare_bound(check,
                  &(struct bound){who, "minimum", minimum, shale_buf_str(&range->minimum), -1});
    compare_bound(check,
                  &(struct bound){who, "maximum", maximum, shale_buf_str(&range->maximum), 1});
}

enum shale_status shale_check_page_said(struct shale_check *check, size_t number)
{
    const struct shale_file_page *page = &check->pages[number];
    const struct shale_check_counts *counts = &check->page_counts;
    char who[WHO_BYTES];
    if (check->chunk->column_index_at < 0)
        return SHALE_OK;
    (void)snprintf(who, sizeof who, "the column index of page %zu", number);
    if (page->n_nulls >= 0)
        shale_check_count(check, who, "nulls", page->n_nulls, counts->n_nulls, false);
    if (page->all_null)
        shale_check_count(check, who, "values", 0, counts->n_entries - counts->n_nulls, false);
    compare_bounds(check, who, &page->minimum, &page->maximum, &check->page_range);
    return SHALE_OK;
}

/* ---- The chunk --------------------------------------------------------------------------------
 */

static void compare_histogram(struct shale_check *check, const char *what, const int64_t *said,
                              size_t n, const int64_t *counted)
{
    char text[WHO_BYTES];
    for (size_t i = 0; said != NULL && i < n && i < 256; i++) {
        (void)snprintf(text, sizeof text, "%s levels of %zu", what, i);
        shale_check_count(check, "the footer", text, said[i], counted[i], !check->is_ours);
    }
}

enum shale_status shale_check_chunk_said(struct shale_check *check)
{
    const struct shale_file_chunk *chunk = check->chunk;
    const struct shale_file_node *node = &check->file->nodes[check->info->node];
    struct shale_check_counts *counts = &check->counts;
    if (node->max_definition == 0)
        counts->definitions[0] = counts->n_entries;
    if (node->max_repetition == 0)
        counts->repetitions[0] = counts->n_entries;
    if (chunk->statistics.n_nulls >= 0) /* others may not count empty and null lists */
        shale_check_count(check, "the footer", "nulls", chunk->statistics.n_nulls, counts->n_nulls,
                          !check->is_ours && node->max_repetition > 0);
    if (chunk->n_byte_array_bytes >= 0)
        shale_check_count(check, "the footer", "bytes of texts", chunk->n_byte_array_bytes,
                          counts->n_text_bytes, !check->is_ours);
    compare_histogram(check, "definition", chunk->definition_histogram,
                      chunk->n_definition_histogram, counts->definitions);
    compare_histogram(check, "repetition", chunk->repetition_histogram,
                      chunk->n_repetition_histogram, counts->repetitions);
    compare_bounds(check, "the footer", &chunk->statistics.minimum, &chunk->statistics.maximum,
                   &check->chunk_range);
    return SHALE_OK;
}
