/* SPDX-License-Identifier: MIT */
/* The pages of a chunk, by their headers alone. */
#include "parquet/page_header.h"
#include "parquet/reader_parts.h"

enum { FIRST_WINDOW_BYTES = 4096 };

struct walk {
    const struct shale_reader *reader;
    const struct shale_file_chunk *chunk;
    char *window;
    size_t window_bytes;
    struct shale_err *err;
};

/* Read the header of the page at 'at'; '*used': its bytes. */
static enum shale_status next_header(struct walk *walk, int64_t at,
                                     struct shale_page_header *header, size_t *used)
{
    const struct shale_mem *mem = &walk->reader->limit.mem;
    uint64_t left = (uint64_t)(walk->chunk->end - at);
    *used = 0;
    for (;;) {
        size_t n_bytes = left < walk->window_bytes ? (size_t)left : walk->window_bytes;
        char *larger;
        enum shale_status status =
            shale_random_read(walk->reader->file, at, walk->window, n_bytes, walk->err);
        if (status == SHALE_OK)
            status = shale_page_header_read(walk->window, n_bytes, at, header, used, walk->err);
        if (status != SHALE_OK || *used > 0)
            return status;
        if (n_bytes == left) {
            status = SHALE_ERR(walk->err, parquet_damaged, "a page's header",
                               "it does not end within its chunk");
            shale_err_at(walk->err, NULL, -1, at);
            return status;
        }
        larger = shale_mem_resize(mem, walk->window, walk->window_bytes, 2);
        if (larger == NULL)
            return shale_reader_no_memory(walk->reader, "a page's header", walk->err);
        walk->window = larger;
        walk->window_bytes *= 2;
    }
}

static enum shale_status walk_pages(struct walk *walk, struct shale_file_page_total *out)
{
    int64_t at = walk->chunk->begin, n_values = 0;
    while (n_values < walk->chunk->n_values && at < walk->chunk->end) {
        struct shale_page_header header;
        size_t used;
        enum shale_status status = next_header(walk, at, &header, &used);
        if (status != SHALE_OK)
            return status;
        if (header.type == SHALE_PAGE_DICTIONARY) {
            out->n_dictionary++;
        } else if (header.type == SHALE_PAGE_DATA || header.type == SHALE_PAGE_DATA_V2) {
            out->n_data++;
            n_values += header.n_values; /* of 31 bits, and each takes a byte of the file */
        }
        at += (int64_t)used + header.compressed_bytes;
    }
    return SHALE_OK;
}

/* Without reading pages; false: the footer does not say. */
static bool count_by_footer(const struct shale_file_chunk *chunk, struct shale_file_page_total *out)
{
    for (size_t i = 0; i < chunk->n_page_counts; i++) {
        const struct shale_file_page_count *count = &chunk->page_counts[i];
        if (count->page_type == SHALE_PAGE_DICTIONARY)
            out->n_dictionary += count->n;
        if (count->page_type == SHALE_PAGE_DATA || count->page_type == SHALE_PAGE_DATA_V2)
            out->n_data += count->n;
    }
    return chunk->n_page_counts > 0;
}

enum shale_status shale_reader_count_pages(const struct shale_reader *reader, size_t row_group,
                                           size_t leaf, struct shale_file_page_total *out,
                                           struct shale_err *err)
{
    const struct shale_file_chunk *chunk = &reader->meta.row_groups[row_group].chunks[leaf];
    const struct shale_mem *mem = &reader->limit.mem;
    struct walk walk = {reader, chunk, NULL, FIRST_WINDOW_BYTES, err};
    enum shale_status status;
    *out = (struct shale_file_page_total){0};
    if (chunk->unsupported != NULL || count_by_footer(chunk, out))
        return SHALE_OK;
    walk.window = shale_mem_alloc(mem, walk.window_bytes);
    if (walk.window == NULL)
        return shale_reader_no_memory(reader, "a page's header", err);
    status = walk_pages(&walk, out);
    shale_mem_free(mem, walk.window);
    return status;
}
