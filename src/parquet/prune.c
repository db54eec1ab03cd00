/* SPDX-License-Identifier: MIT */
/* Statistics, page index, bloom filter. */
#include "parquet/prune.h"

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

enum shale_status shale_prune_row_group(struct shale_scan *scan, size_t row_group,
                                        struct shale_row_ranges *ranges, struct shale_err *err)
{
    const struct shale_file_row_group *group = &scan->reader->meta.row_groups[row_group];
    ranges->n = 0;
    return add_range(scan, ranges, 0, group->n_rows, err);
}
