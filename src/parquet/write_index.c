/* SPDX-License-Identifier: MIT */
/* Column index, offset index and histograms of levels.  The lists of a column index are columns of
 * its pages, so the pages are walked once a list. */
#include "parquet/write_index.h"

static size_t n_repetition(const struct shale_leaf *leaf)
{
    return leaf->max_repetition > 0 ? leaf->max_repetition + 1 : 0;
}

static size_t n_definition(const struct shale_leaf *leaf)
{
    return leaf->max_definition > 1 ? leaf->max_definition + 1 : 0;
}

/* How many counts a page has: none where its nulls say all. */
static size_t n_counts(const struct shale_leaf *leaf)
{
    return n_repetition(leaf) + n_definition(leaf);
}

/* ---- Making ------------------------------------------------------------------------------------
 */

static void count_levels(const struct shale_buf *levels, int64_t *counts)
{
    const uint8_t *at = (const uint8_t *)levels->data;
    for (size_t i = 0; i < levels->n_bytes; i++)
        counts[at[i]]++;
}

static enum shale_status add_histograms(struct shale_chunk_meta *meta,
                                        const struct shale_leaf *leaf,
                                        const struct shale_levels *levels)
{
    size_t n = n_counts(leaf), n_bytes = n * sizeof(int64_t);
    enum shale_status status;
    int64_t *counts;
    if (n == 0)
        return SHALE_OK;
    status = shale_buf_reserve(&meta->histograms, n_bytes);
    if (status != SHALE_OK)
        return status;
    counts = (int64_t *)(void *)(meta->histograms.data + meta->histograms.n_bytes);
    memset(counts, 0, n_bytes);
    if (n_repetition(leaf) > 0)
        count_levels(&levels->repetition, counts);
    if (n_definition(leaf) > 0)
        count_levels(&levels->definition, counts + n_repetition(leaf));
    meta->histograms.n_bytes += n_bytes;
    return SHALE_OK;
}

enum shale_status shale_index_add(struct shale_chunk_meta *meta, const struct shale_leaf *leaf,
                                  struct shale_chunk_page page,
                                  const struct shale_chunk_bounds *bounds,
                                  const struct shale_levels *levels)
{
    enum shale_status status = add_histograms(meta, leaf, levels);
    page.has_bounds = bounds->has_minimum && bounds->has_maximum;
    page.minimum_bytes = page.has_bounds ? bounds->minimum_bytes : 0;
    page.maximum_bytes = page.has_bounds ? bounds->maximum_bytes : 0;
    if (status == SHALE_OK)
        status = shale_buf_append(&meta->pages, &page, sizeof(page));
    if (status == SHALE_OK)
        status = shale_buf_append(&meta->pages, bounds->minimum, page.minimum_bytes);
    if (status == SHALE_OK)
        status = shale_buf_append(&meta->pages, bounds->maximum, page.maximum_bytes);
    return status;
}

/* ---- Walking -----------------------------------------------------------------------------------
 */

struct walk {
    struct shale_chunk_page page;
    struct shale_str minimum, maximum;
    size_t at; /* of the next */
};

static bool next_page(struct walk *walk, const struct shale_chunk_meta *meta)
{
    const char *data = meta->pages.data;
    if (walk->at == meta->pages.n_bytes)
        return false;
    memcpy(&walk->page, data + walk->at, sizeof(walk->page));
    walk->at += sizeof(walk->page);
    walk->minimum = (struct shale_str){data + walk->at, walk->page.minimum_bytes};
    walk->at += walk->page.minimum_bytes;
    walk->maximum = (struct shale_str){data + walk->at, walk->page.maximum_bytes};
    walk->at += walk->page.maximum_bytes;
    return true;
}

/* ---- Column index ------------------------------------------------------------------------------
 */

/* How many pages, and does each have bounds or nothing but nulls? */
static size_t count_pages(const struct shale_chunk_meta *meta, bool *complete)
{
    struct walk walk = {0};
    size_t n = 0;
    *complete = true;
    for (; next_page(&walk, meta); n++)
        if (!walk.page.all_null && !walk.page.has_bounds)
            *complete = false;
    return n;
}

/* Pages of nulls stand outside the order (parquet.thrift, ColumnIndex.boundary_order). */
static int32_t boundary_order(const struct shale_leaf *leaf, const struct shale_chunk_meta *meta)
{
    struct walk walk = {0}, last = {0};
    bool ascending = true, descending = true, any = false;
    while (next_page(&walk, meta)) {
        int minimum, maximum;
        if (walk.page.all_null)
            continue;
        if (any) {
            minimum = shale_statistics_compare(leaf, last.minimum, walk.minimum);
            maximum = shale_statistics_compare(leaf, last.maximum, walk.maximum);
            ascending = ascending && minimum <= 0 && maximum <= 0;
            descending = descending && minimum >= 0 && maximum >= 0;
        }
        last = walk;
        any = true;
    }
    return ascending    ? SHALE_BOUNDARY_ASCENDING
           : descending ? SHALE_BOUNDARY_DESCENDING
                        : SHALE_BOUNDARY_UNORDERED;
}

static void put_bounds(struct shale_thrift *thrift, const struct shale_chunk_meta *meta,
                       size_t n_pages)
{
    struct walk walk = {0};
    shale_thrift_list(thrift, 1, SHALE_THRIFT_BOOL, n_pages);
    while (next_page(&walk, meta))
        shale_thrift_element_bool(thrift, walk.page.all_null);
    shale_thrift_list(thrift, 2, SHALE_THRIFT_BINARY, n_pages);
    walk.at = 0;
    while (next_page(&walk, meta))
        shale_thrift_element_binary(thrift, walk.minimum);
    shale_thrift_list(thrift, 3, SHALE_THRIFT_BINARY, n_pages);
    walk.at = 0;
    while (next_page(&walk, meta))
        shale_thrift_element_binary(thrift, walk.maximum);
}

/* 'n' counts of each page, from the 'first'-th of its 'n_levels' on. */
static void put_histograms(struct shale_thrift *thrift, int16_t id,
                           const struct shale_chunk_meta *meta, size_t n_levels, size_t first,
                           size_t n)
{
    const int64_t *counts = (const int64_t *)(const void *)meta->histograms.data;
    size_t n_pages = n_levels == 0 ? 0 : meta->histograms.n_bytes / (n_levels * sizeof(*counts));
    if (n == 0)
        return;
    shale_thrift_list(thrift, id, SHALE_THRIFT_I64, n_pages * n);
    for (size_t page = 0; page < n_pages; page++)
        for (size_t i = 0; i < n; i++)
            shale_thrift_element_i64(thrift, counts[page * n_levels + first + i]);
}

static void put_histogram(struct shale_thrift *thrift, int16_t id,
                          const struct shale_chunk_meta *meta, size_t n_levels, size_t first,
                          size_t n)
{
    const int64_t *counts = (const int64_t *)(const void *)meta->histograms.data;
    size_t n_pages = n_levels == 0 ? 0 : meta->histograms.n_bytes / (n_levels * sizeof(*counts));
    if (n == 0)
        return;
    shale_thrift_list(thrift, id, SHALE_THRIFT_I64, n);
    for (size_t i = 0; i < n; i++) {
        int64_t sum = 0;
        for (size_t page = 0; page < n_pages; page++)
            sum += counts[page * n_levels + first + i];
        shale_thrift_element_i64(thrift, sum);
    }
}

void shale_index_put_sizes(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                           const struct shale_chunk_meta *meta)
{
    put_histogram(thrift, 2, meta, n_counts(leaf), 0, n_repetition(leaf));
    put_histogram(thrift, 3, meta, n_counts(leaf), n_repetition(leaf), n_definition(leaf));
}

void shale_index_put_columns(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                             const struct shale_chunk_meta *meta)
{
    size_t n_levels = n_counts(leaf), n_pages;
    struct walk walk = {0};
    bool complete;
    n_pages = count_pages(meta, &complete);
    if (n_pages == 0 || !complete)
        return;
    put_bounds(thrift, meta, n_pages);
    shale_thrift_i32(thrift, 4, boundary_order(leaf, meta));
    shale_thrift_list(thrift, 5, SHALE_THRIFT_I64, n_pages);
    while (next_page(&walk, meta))
        shale_thrift_element_i64(thrift, walk.page.n_nulls);
    put_histograms(thrift, 6, meta, n_levels, 0, n_repetition(leaf));
    put_histograms(thrift, 7, meta, n_levels, n_repetition(leaf), n_definition(leaf));
    shale_thrift_end(thrift);
}

/* ---- Offset index ------------------------------------------------------------------------------
 */

void shale_index_put_offsets(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                             const struct shale_chunk_meta *meta, int64_t at)
{
    struct walk walk = {0};
    bool complete;
    size_t n_pages = count_pages(meta, &complete);
    if (n_pages == 0)
        return;
    shale_thrift_list(thrift, 1, SHALE_THRIFT_STRUCT, n_pages);
    while (next_page(&walk, meta)) {
        shale_thrift_element_struct(thrift); /* PageLocation */
        shale_thrift_i64(thrift, 1, at + walk.page.at);
        shale_thrift_i32(thrift, 2, walk.page.n_bytes);
        shale_thrift_i64(thrift, 3, walk.page.first_row);
        shale_thrift_end(thrift);
    }
    if (leaf->physical == SHALE_PHYSICAL_BYTE_ARRAY) {
        shale_thrift_list(thrift, 2, SHALE_THRIFT_I64, n_pages);
        walk.at = 0;
        while (next_page(&walk, meta))
            shale_thrift_element_i64(thrift, walk.page.n_byte_array_bytes);
    }
    shale_thrift_end(thrift);
}
