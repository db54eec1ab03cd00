/* SPDX-License-Identifier: MIT */
/* The pages of a chunk by their headers: how many there are, of which encoding, where, how large.
 */
#include "parquet/check_parts.h"

enum { WINDOW_BYTES = 4096, N_TYPES = 4 };

struct walk {
    struct shale_check *check;
    size_t n_data, n_unchecked; /* pages; those without a checksum */
    int64_t row;                /* of the next data page; -1: headers do not say */
    int64_t n_values, n_stored, n_expanded;
    int32_t counts[N_TYPES][SHALE_N_ENCODINGS];
};

/* The data page that begins at 'at' against its line in the offset index. */
static void compare_location(struct walk *walk, int64_t at, int64_t n_bytes)
{
    struct shale_check *check = walk->check;
    const struct shale_file_page *page;
    struct shale_err err;
    if (walk->n_data >= check->n_pages)
        return;
    page = &check->pages[walk->n_data];
    if (walk->row >= 0)
        shale_check_count(check, "the offset index", "rows before a page", page->first_row,
                          walk->row, false);
    if (page->at == at && page->compressed_bytes == n_bytes)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, parquet_page_place, check->name, check->row_group, walk->n_data,
                    (long long)page->at, page->compressed_bytes, (long long)at, (long long)n_bytes);
    shale_err_at(&err, NULL, -1, at);
    shale_check_found(check, &err, false);
}

static void take_page(struct walk *walk, const struct shale_page_header *header, int64_t at,
                      size_t header_bytes)
{
    struct shale_check *check = walk->check;
    bool is_data = header->type == SHALE_PAGE_DATA || header->type == SHALE_PAGE_DATA_V2;
    int64_t n_bytes = (int64_t)header_bytes + header->compressed_bytes;
    check->out->n_pages++;
    check->out->n_checksums += header->has_crc;
    walk->n_unchecked += !header->has_crc;
    walk->n_stored += n_bytes;
    walk->n_expanded += (int64_t)header_bytes + header->uncompressed_bytes;
    if (header->type >= 0 && header->type < N_TYPES && header->encoding >= 0 &&
        header->encoding < SHALE_N_ENCODINGS)
        walk->counts[header->type][header->encoding]++;
    if (!is_data)
        return;
    compare_location(walk, at, n_bytes);
    walk->n_data++;
    walk->n_values += header->n_values;
    if (check->file->nodes[check->info->node].max_repetition == 0)
        walk->row += header->n_values;
    else
        walk->row = header->n_rows < 0 || walk->row < 0 ? -1 : walk->row + header->n_rows;
}

/* encoding_stats: what pruning by dictionaries believes. */
static void compare_counts(struct walk *walk)
{
    const struct shale_file_chunk *chunk = walk->check->chunk;
    for (size_t i = 0; i < chunk->n_page_counts; i++) {
        const struct shale_file_page_count *said = &chunk->page_counts[i];
        if (said->page_type < 0 || said->page_type >= N_TYPES || said->encoding < 0 ||
            said->encoding >= SHALE_N_ENCODINGS)
            continue;
        shale_check_count(walk->check, "the footer", "pages of an encoding", said->n,
                          walk->counts[said->page_type][said->encoding], !walk->check->is_ours);
    }
}

static void compare_totals(struct walk *walk)
{
    struct shale_check *check = walk->check;
    const struct shale_file_chunk *chunk = check->chunk;
    bool is_note = !check->is_ours;
    shale_check_count(check, "the footer", "values in the chunk", chunk->n_values, walk->n_values,
                      is_note);
    shale_check_count(check, "the footer", "bytes of pages", chunk->compressed_bytes,
                      walk->n_stored, is_note);
    shale_check_count(check, "the footer", "bytes of pages before compression",
                      chunk->uncompressed_bytes, walk->n_expanded, is_note);
    if (check->n_pages > 0)
        shale_check_count(check, "the offset index", "pages", (int64_t)check->n_pages,
                          (int64_t)walk->n_data, false);
    if (check->is_ours)
        shale_check_count(check, "the writer of the file", "pages without a checksum", 0,
                          (int64_t)walk->n_unchecked, false);
    compare_counts(walk);
}

enum shale_status shale_check_pages(struct shale_check *check)
{
    struct walk walk = {.check = check};
    struct shale_page_reader pages;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    shale_page_reader_init(&pages, check->reader, check->decoder, check->leaf, WINDOW_BYTES);
    status = shale_page_reader_begin(&pages, check->row_group, &err);
    while (status == SHALE_OK && walk.n_values < check->chunk->n_values &&
           pages.at < check->chunk->end) {
        const struct shale_page_header *header;
        int64_t at = pages.at;
        status = shale_page_reader_peek(&pages, &header, &err);
        if (status != SHALE_OK)
            break;
        take_page(&walk, header, at, pages.header_bytes);
        shale_page_reader_pass(&pages);
    }
    shale_page_reader_fini(&pages);
    if (status == SHALE_OK) {
        compare_totals(&walk);
        return SHALE_OK;
    }
    /* What is damaged or not supported is said by whoever reads the values. */
    if (status == SHALE_CORRUPT || status == SHALE_SCHEMA)
        return SHALE_OK;
    return shale_check_failed(check, status, &err);
}
