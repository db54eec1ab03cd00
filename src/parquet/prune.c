/* SPDX-License-Identifier: MIT */
/* Statistics, then the bloom filter, then the page index, then the dictionary: what costs least
 * first.  A condition that is not met for sure leaves rows out; all else is kept. */
#include "parquet/prune.h"

#include <string.h>

#include "base/checked.h"
#include "parquet/filter.h"

/* ---- Comparing with bounds --------------------------------------------------------------------
 */

/* Whole numbers of every width and sign fit 128 bits; so do unscaled decimals. */
static shale_i128 number_of_value(const struct shale_scan_filter *filter)
{
    const char *data = filter->condition.value.data;
    int32_t small;
    int64_t large;
    shale_i128 huge;
    switch (filter->layout) {
    case SHALE_LAYOUT_BOOL:
        return data[0] != 0;
    case SHALE_LAYOUT_I32:
        memcpy(&small, data, 4);
        return filter->type->kind == SHALE_UINT32 ? (shale_i128)(uint32_t)small : small;
    case SHALE_LAYOUT_I64:
        memcpy(&large, data, 8);
        return filter->type->kind == SHALE_UINT64 ? (shale_i128)(uint64_t)large : large;
    default:
        memcpy(&huge, data, 16);
        return huge;
    }
}

static bool number_of_bound(enum shale_file_order order, struct shale_str bound, shale_i128 *out)
{
    uint32_t small;
    uint64_t large;
    switch (order) {
    case SHALE_FILE_ORDER_BOOLEAN:
        *out = bound.data[0] != 0;
        return true;
    case SHALE_FILE_ORDER_I32:
    case SHALE_FILE_ORDER_U32:
        memcpy(&small, bound.data, 4);
        *out = order == SHALE_FILE_ORDER_U32 ? (shale_i128)small : (shale_i128)(int32_t)small;
        return true;
    case SHALE_FILE_ORDER_I64:
    case SHALE_FILE_ORDER_U64:
        memcpy(&large, bound.data, 8);
        *out = order == SHALE_FILE_ORDER_U64 ? (shale_i128)large : (shale_i128)(int64_t)large;
        return true;
    case SHALE_FILE_ORDER_BIG_ENDIAN:
        return shale_dense_big_endian((const uint8_t *)bound.data, bound.n_bytes, (uint8_t *)out);
    default:
        return false;
    }
}

static double float_of(const char *data, bool is_double)
{
    double large;
    float small;
    if (is_double) {
        memcpy(&large, data, 8);
        return large;
    }
    memcpy(&small, data, 4);
    return (double)small;
}

/* Is the value below (-1) or above (1) the bound, or neither, as far as is known (0)? */
static int compare(const struct shale_scan_filter *filter, enum shale_file_order order,
                   const struct shale_file_bound *bound)
{
    shale_i128 a, b;
    if (!bound->present)
        return 0;
    if (order == SHALE_FILE_ORDER_F32 || order == SHALE_FILE_ORDER_F64) {
        double x = float_of(filter->condition.value.data, order == SHALE_FILE_ORDER_F64);
        double y = float_of(bound->value.data, order == SHALE_FILE_ORDER_F64);
        return (x > y) - (x < y); /* a NaN is neither */
    }
    if (order == SHALE_FILE_ORDER_BYTES) {
        int result = shale_str_compare(filter->condition.value, bound->value);
        return (result > 0) - (result < 0);
    }
    if (!number_of_bound(order, bound->value, &b))
        return 0;
    a = number_of_value(filter);
    return (a > b) - (a < b);
}

static bool can_hold(const struct shale_scan_filter *filter, enum shale_file_order order,
                     const struct shale_file_bound *minimum, const struct shale_file_bound *maximum)
{
    return compare(filter, order, minimum) >= 0 && compare(filter, order, maximum) <= 0;
}

/* ---- Ranges -----------------------------------------------------------------------------------
 */

static enum shale_status add_range(struct shale_scan *scan, struct shale_row_ranges *ranges,
                                   int64_t begin, int64_t end, struct shale_err *err)
{
    if (begin >= end)
        return SHALE_OK;
    if (ranges->n > 0 && ranges->ranges[ranges->n - 1].end == begin) {
        ranges->ranges[ranges->n - 1].end = end;
        return SHALE_OK;
    }
    if (ranges->n == ranges->capacity) {
        size_t capacity = ranges->capacity == 0 ? 8 : ranges->capacity * 2;
        struct shale_row_range *grown =
            shale_mem_resize(scan->mem, ranges->ranges, capacity, sizeof(*grown));
        if (grown == NULL)
            return shale_reader_no_memory(scan->reader, "a scan", err);
        ranges->ranges = grown;
        ranges->capacity = capacity;
    }
    ranges->ranges[ranges->n++] = (struct shale_row_range){begin, end};
    return SHALE_OK;
}

/* '*into' becomes the rows that are in both; 'other' is used up. */
static enum shale_status intersect(struct shale_scan *scan, struct shale_row_ranges *into,
                                   struct shale_row_ranges *other, struct shale_err *err)
{
    struct shale_row_ranges both = {NULL, 0, 0};
    enum shale_status status = SHALE_OK;
    for (size_t i = 0, j = 0; i < into->n && j < other->n && status == SHALE_OK;) {
        struct shale_row_range a = into->ranges[i], b = other->ranges[j];
        status = add_range(scan, &both, a.begin > b.begin ? a.begin : b.begin,
                           a.end < b.end ? a.end : b.end, err);
        if (a.end < b.end)
            i++;
        else
            j++;
    }
    shale_mem_free(scan->mem, into->ranges);
    *into = both;
    return status;
}

/* ---- The steps --------------------------------------------------------------------------------
 */

static bool statistics_allow(const struct shale_scan_filter *filter,
                             const struct shale_file_leaf *leaf,
                             const struct shale_file_chunk *chunk)
{
    const struct shale_file_statistics *statistics = &chunk->statistics;
    if (filter->condition.is_null)
        return statistics->n_nulls != 0;
    if (statistics->n_nulls >= chunk->n_values)
        return false;
    return can_hold(filter, leaf->order, &statistics->minimum, &statistics->maximum);
}

static enum shale_status prune_pages(struct shale_scan *scan,
                                     const struct shale_scan_filter *filter, size_t row_group,
                                     struct shale_row_ranges *ranges, struct shale_err *err)
{
    const struct shale_file_leaf *leaf = &scan->reader->meta.leaves[filter->leaf];
    int64_t n_rows = scan->reader->meta.row_groups[row_group].n_rows;
    struct shale_row_ranges kept = {NULL, 0, 0};
    struct shale_file_page *pages;
    size_t n_pages;
    enum shale_status status =
        shale_scan_page_index(scan->reader, row_group, filter->leaf, &pages, &n_pages, err);
    if (status != SHALE_OK || n_pages == 0)
        return status;
    for (size_t i = 0; i < n_pages && status == SHALE_OK; i++) {
        const struct shale_file_page *page = &pages[i];
        bool keep =
            filter->condition.is_null
                ? page->n_nulls != 0
                : !page->all_null && can_hold(filter, leaf->order, &page->minimum, &page->maximum);
        if (keep)
            status = add_range(scan, &kept, page->first_row,
                               i + 1 < n_pages ? pages[i + 1].first_row : n_rows, err);
    }
    if (status == SHALE_OK)
        status = intersect(scan, ranges, &kept, err);
    shale_mem_free(scan->mem, kept.ranges);
    shale_mem_free(scan->mem, pages);
    return status;
}

enum shale_status shale_prune_row_group(struct shale_scan *scan, size_t row_group,
                                        struct shale_row_ranges *ranges, struct shale_err *err)
{
    const struct shale_file_row_group *group = &scan->reader->meta.row_groups[row_group];
    enum shale_status status = SHALE_OK;
    bool may_hold = true;
    ranges->n = 0;
    for (size_t i = 0; i < scan->n_filters; i++)
        if (!statistics_allow(&scan->filters[i], &scan->reader->meta.leaves[scan->filters[i].leaf],
                              &group->chunks[scan->filters[i].leaf]))
            return SHALE_OK;
    for (size_t i = 0; i < scan->n_filters && status == SHALE_OK && may_hold; i++)
        if (scan->filters[i].plain.data != NULL)
            status = shale_reader_bloom_may_hold(scan->reader, row_group, scan->filters[i].leaf,
                                                 scan->filters[i].plain, &may_hold, err);
    if (status != SHALE_OK || !may_hold)
        return status;
    status = add_range(scan, ranges, 0, group->n_rows, err);
    for (size_t i = 0; i < scan->n_filters && status == SHALE_OK; i++)
        status = prune_pages(scan, &scan->filters[i], row_group, ranges, err);
    return status;
}

/* All data pages are in the dictionary, as the file counts them by their encodings. */
static bool all_in_dictionary(const struct shale_file_chunk *chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < chunk->n_page_counts; i++) {
        const struct shale_file_page_count *count = &chunk->page_counts[i];
        if ((count->page_type != SHALE_PAGE_DATA && count->page_type != SHALE_PAGE_DATA_V2) ||
            count->n == 0)
            continue;
        if (count->encoding != SHALE_ENCODING_RLE_DICTIONARY &&
            count->encoding != SHALE_ENCODING_PLAIN_DICTIONARY)
            return false;
        n++;
    }
    return n > 0;
}

enum shale_status shale_prune_by_dictionaries(struct shale_scan *scan,
                                              struct shale_row_ranges *ranges,
                                              struct shale_err *err)
{
    const struct shale_file_row_group *group = &scan->reader->meta.row_groups[scan->row_group];
    for (size_t i = 0; i < scan->n_filters && ranges->n > 0; i++) {
        const struct shale_scan_filter *filter = &scan->filters[i];
        struct shale_leaf_reader *leaf = &scan->columns[filter->column].assembly.leaves[0];
        const struct shale_dense *dictionary;
        enum shale_status status;
        if (filter->condition.is_null || !all_in_dictionary(&group->chunks[filter->leaf]))
            continue;
        status = shale_leaf_reader_dictionary(leaf, &dictionary, err);
        if (status != SHALE_OK)
            return status;
        if (dictionary != NULL && !shale_filter_in(filter, dictionary))
            ranges->n = 0;
    }
    return SHALE_OK;
}
