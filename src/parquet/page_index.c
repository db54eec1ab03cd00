/* SPDX-License-Identifier: MIT */
/* The page index (parquet-format, PageIndex.md): OffsetIndex, ColumnIndex. */
#include "base/checked.h"
#include "base/printable.h"
#include "parquet/bounds.h"
#include "parquet/reader_parts.h"
#include "parquet/thrift_read.h"

struct index_reader {
    const struct shale_reader *reader;
    const struct shale_mem *mem;
    const struct shale_file_row_group *group;
    const struct shale_file_chunk *chunk;
    const struct shale_file_leaf *leaf;
    struct shale_file_page *pages;
    size_t n_pages;
    struct shale_err *err;
};

static enum shale_status no_memory(const struct index_reader *index)
{
    return index->mem == &index->reader->limit.mem
               ? shale_reader_no_memory(index->reader, "a page index", index->err)
               : SHALE_ERR(index->err, no_memory);
}

static enum shale_status damaged(const struct index_reader *index, const char *problem)
{
    char name[120];
    size_t group = (size_t)(index->group - index->reader->meta.row_groups);
    (void)shale_printable(index->leaf->path, name, sizeof name);
    return SHALE_ERR(index->err, parquet_chunk, group, name, problem);
}

/* ---- OffsetIndex -------------------------------------------------------------------------------
 */

static void read_location(struct shale_thrift_reader *thrift, struct shale_file_page *page)
{
    struct shale_thrift_field field;
    *page = (struct shale_file_page){.at = -1, .first_row = -1, .n_nulls = -1};
    shale_thrift_open(thrift);
    while (shale_thrift_field(thrift, &field)) {
        if (field.id == 1)
            page->at = shale_thrift_read_i64(thrift, &field);
        else if (field.id == 2)
            page->compressed_bytes = shale_thrift_read_i32(thrift, &field);
        else if (field.id == 3)
            page->first_row = shale_thrift_read_i64(thrift, &field);
        else
            shale_thrift_skip(thrift, &field);
    }
}

/* Make index->pages, in a block with 'n_more' bytes behind them. */
static enum shale_status make_pages(struct index_reader *index, size_t n, size_t n_more)
{
    size_t n_bytes;
    if (!SHALE_MUL(n, sizeof *index->pages, &n_bytes) || !SHALE_ADD(n_bytes, n_more, &n_bytes))
        return no_memory(index);
    index->pages = shale_mem_alloc(index->mem, n_bytes);
    index->n_pages = n;
    return index->pages == NULL ? no_memory(index) : SHALE_OK;
}

static enum shale_status read_locations(struct index_reader *index,
                                        struct shale_thrift_reader *thrift)
{
    struct shale_thrift_field field;
    shale_thrift_open(thrift);
    while (shale_thrift_field(thrift, &field)) {
        size_t n;
        enum shale_status status;
        if (field.id != 1 || index->pages != NULL) {
            shale_thrift_skip(thrift, &field);
            continue;
        }
        n = shale_thrift_read_list(thrift, &field, SHALE_THRIFT_STRUCTS);
        status = make_pages(index, n, (size_t)index->chunk->column_index_bytes);
        if (status != SHALE_OK)
            return status;
        for (size_t i = 0; i < n; i++)
            read_location(thrift, &index->pages[i]);
    }
    return shale_thrift_reader_status(thrift, "a page index", index->err);
}

/* Pages follow one another within the chunk, and their rows in the row group. */
static enum shale_status check_locations(const struct index_reader *index)
{
    int64_t at = index->chunk->begin, row = 0;
    for (size_t i = 0; i < index->n_pages; i++) {
        const struct shale_file_page *page = &index->pages[i];
        if (page->at < at || page->compressed_bytes < 0 || page->at > index->chunk->end ||
            page->compressed_bytes > index->chunk->end - page->at)
            return damaged(index, "a page of its offset index does not lie in it");
        if (page->first_row < row || page->first_row > index->group->n_rows ||
            (i == 0 && page->first_row != 0))
            return damaged(index, "the rows of its offset index are out of order");
        at = page->at + page->compressed_bytes;
        row = page->first_row;
    }
    return SHALE_OK;
}

static enum shale_status read_offset_index(struct index_reader *index)
{
    size_t n_bytes = (size_t)index->chunk->offset_index_bytes;
    int64_t at = index->chunk->offset_index_at;
    struct shale_thrift_reader thrift;
    enum shale_status status;
    void *bytes = shale_mem_alloc(index->mem, n_bytes);
    if (bytes == NULL)
        return no_memory(index);
    status = shale_random_read(index->reader->file, at, bytes, n_bytes, index->err);
    if (status == SHALE_OK) {
        shale_thrift_reader_init(&thrift, bytes, n_bytes, at);
        status = read_locations(index, &thrift);
    }
    shale_mem_free(index->mem, bytes);
    return status == SHALE_OK ? check_locations(index) : status;
}

/* ---- ColumnIndex -------------------------------------------------------------------------------
 */

/* What the file says in lists as long as there are pages. */
enum { NULL_PAGES = 1, MINIMA = 2, MAXIMA = 3, NULL_COUNTS = 5 };

static struct shale_file_bound bound_of(const struct index_reader *index, struct shale_str value)
{
    struct shale_file_bound bound = {.exact = index->leaf->order != SHALE_FILE_ORDER_BYTES,
                                     .value = value};
    bound.present = shale_bound_is_known(index->leaf->order, index->leaf->ordered, value);
    return bound.present ? bound : (struct shale_file_bound){0};
}

static void read_element(const struct index_reader *index, struct shale_thrift_reader *thrift,
                         int16_t id, struct shale_file_page *page)
{
    switch (id) {
    case NULL_PAGES:
        page->all_null = shale_thrift_element_read_bool(thrift);
        return;
    case MINIMA:
        page->minimum = bound_of(index, shale_thrift_element_read_binary(thrift));
        return;
    case MAXIMA:
        page->maximum = bound_of(index, shale_thrift_element_read_binary(thrift));
        return;
    default:
        page->n_nulls = shale_thrift_element_read_i64(thrift);
        if (page->n_nulls < 0)
            page->n_nulls = -1;
    }
}

/* False: the list is as long as there are no pages. */
static bool read_list(const struct index_reader *index, struct shale_thrift_reader *thrift,
                      const struct shale_thrift_field *field)
{
    enum shale_thrift_elements elements = field->id == NULL_PAGES    ? SHALE_THRIFT_BOOLS
                                          : field->id == NULL_COUNTS ? SHALE_THRIFT_INTEGERS
                                                                     : SHALE_THRIFT_BINARIES;
    size_t n = shale_thrift_read_list(thrift, field, elements);
    if (thrift->problem == NULL && n != index->n_pages)
        return false;
    for (size_t i = 0; i < n; i++)
        read_element(index, thrift, field->id, &index->pages[i]);
    return true;
}

/* A page of nulls alone has bounds that mean nothing (parquet.thrift, ColumnIndex.null_pages);
 * which pages those are must be known before the bounds are taken. */
static void drop_bounds(const struct index_reader *index, bool all)
{
    for (size_t i = 0; i < index->n_pages; i++) {
        struct shale_file_page *page = &index->pages[i];
        if (all || page->all_null)
            page->minimum = page->maximum = (struct shale_file_bound){0};
    }
}

static enum shale_status read_column_index(struct index_reader *index)
{
    char *bytes = (char *)(index->pages + index->n_pages);
    size_t n_bytes = (size_t)index->chunk->column_index_bytes;
    int64_t at = index->chunk->column_index_at;
    struct shale_thrift_reader thrift;
    struct shale_thrift_field field;
    unsigned seen = 0;
    enum shale_status status =
        shale_random_read(index->reader->file, at, bytes, n_bytes, index->err);
    if (status != SHALE_OK)
        return status;
    shale_thrift_reader_init(&thrift, bytes, n_bytes, at);
    shale_thrift_open(&thrift);
    while (shale_thrift_field(&thrift, &field)) {
        if (field.id != NULL_PAGES && field.id != MINIMA && field.id != MAXIMA &&
            field.id != NULL_COUNTS) {
            shale_thrift_skip(&thrift, &field);
            continue;
        }
        seen |= 1u << field.id;
        if (!read_list(index, &thrift, &field))
            return damaged(index, "its column index has not one entry for each page");
    }
    drop_bounds(index, (seen & 1u << NULL_PAGES) == 0);
    return shale_thrift_reader_status(&thrift, "a page index", index->err);
}

enum shale_status shale_reader_page_index(const struct shale_reader *reader,
                                          const struct shale_mem *mem, size_t row_group,
                                          size_t leaf, struct shale_file_page **pages,
                                          size_t *n_pages, struct shale_err *err)
{
    const struct shale_file_row_group *group = &reader->meta.row_groups[row_group];
    struct index_reader index = {.reader = reader,
                                 .mem = mem,
                                 .group = group,
                                 .chunk = &group->chunks[leaf],
                                 .leaf = &reader->meta.leaves[leaf],
                                 .err = err};
    enum shale_status status = SHALE_OK;
    *pages = NULL;
    *n_pages = 0;
    if (index.chunk->offset_index_at < 0)
        return SHALE_OK;
    status = read_offset_index(&index);
    if (status == SHALE_OK && index.n_pages > 0 && index.chunk->column_index_at >= 0)
        status = read_column_index(&index);
    if (status != SHALE_OK || index.n_pages == 0) {
        shale_mem_free(mem, index.pages);
        return status;
    }
    *pages = index.pages;
    *n_pages = index.n_pages;
    return SHALE_OK;
}
