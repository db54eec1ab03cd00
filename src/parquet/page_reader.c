/* SPDX-License-Identifier: MIT */
/* From a place in the file to the bytes of a page. */
#include "parquet/page_reader.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "codec/crc32.h"

enum { MOST_HEADER_BYTES = 16 << 20, LEAST_READ = 256 };

void shale_page_reader_init(struct shale_page_reader *pages, const struct shale_reader *reader,
                            struct shale_decoder *decoder, size_t leaf, size_t window_bytes)
{
    *pages = (struct shale_page_reader){
        .reader = reader, .decoder = decoder, .leaf = leaf, .window_want = window_bytes};
}

void shale_page_reader_fini(struct shale_page_reader *pages)
{
    const struct shale_mem *mem = &pages->reader->limit.mem;
    shale_mem_free(mem, pages->window.data);
    shale_mem_free(mem, pages->body.data);
    pages->window.data = pages->body.data = NULL;
    pages->window.capacity = pages->body.capacity = 0;
}

/* ---- Errors -----------------------------------------------------------------------------------
 */

enum { PATH_BYTES = 200 };

static const char *path_of(const struct shale_page_reader *pages, char *out)
{
    return shale_printable(pages->reader->meta.leaves[pages->leaf].path, out, PATH_BYTES);
}

enum shale_status shale_page_corrupt(const struct shale_page_reader *pages, const char *what,
                                     struct shale_err *err)
{
    char path[PATH_BYTES];
    enum shale_status status =
        SHALE_ERR(err, parquet_page, path_of(pages, path), pages->row_group, what);
    shale_err_at(err, NULL, -1, pages->page_at);
    return status;
}

enum shale_status shale_page_unsupported(const struct shale_page_reader *pages, const char *what,
                                         int number, struct shale_err *err)
{
    char path[PATH_BYTES];
    enum shale_status status =
        SHALE_ERR(err, parquet_page_unsupported, path_of(pages, path), what, number);
    shale_err_at(err, NULL, -1, pages->page_at);
    return status;
}

enum shale_status shale_page_no_memory(const struct shale_page_reader *pages, struct shale_err *err)
{
    char path[PATH_BYTES], what[PATH_BYTES + 16];
    (void)snprintf(what, sizeof(what), "column \"%s\"", path_of(pages, path));
    return shale_reader_no_memory(pages->reader, what, err);
}

enum shale_status shale_page_status(const struct shale_page_reader *pages, enum shale_status status,
                                    const char *what, struct shale_err *err)
{
    char path[PATH_BYTES];
    if (status == SHALE_OK)
        return SHALE_OK;
    if (status == SHALE_NOMEM)
        return shale_page_no_memory(pages, err);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, parquet_values_too_large, path_of(pages, path), pages->row_group);
    return shale_page_corrupt(pages, what, err);
}

/* ---- The window -------------------------------------------------------------------------------
 */

/* Have the 'n_bytes' from 'at' on in the window, and as many behind them as are read at a time. */
static enum shale_status window_have(struct shale_page_reader *pages, int64_t at, size_t n_bytes,
                                     struct shale_err *err)
{
    size_t kept = 0, wanted = pages->window_want;
    int64_t chunk_left = pages->chunk->end - at;
    int64_t begin = pages->window.at, have = (int64_t)pages->window.n_bytes;
    enum shale_status status;
    if (at >= begin && at <= begin + have) {
        kept = (size_t)(begin + have - at);
        if (kept >= n_bytes)
            return SHALE_OK;
    }
    /* Not far beyond the chunk, but some writers forget a header in its size. */
    if (chunk_left < (int64_t)wanted)
        wanted = chunk_left > LEAST_READ ? (size_t)chunk_left : LEAST_READ;
    if (wanted < n_bytes)
        wanted = n_bytes;
    if ((int64_t)wanted > pages->end - at)
        wanted = (size_t)(pages->end - at);
    if (wanted > pages->window.capacity) {
        char *data = shale_mem_alloc(&pages->reader->limit.mem, wanted + SHALE_PAGE_PADDING);
        if (data == NULL)
            return shale_page_no_memory(pages, err);
        memset(data + wanted, 0, SHALE_PAGE_PADDING);
        if (kept > 0)
            memcpy(data, pages->window.data + (at - begin), kept);
        shale_mem_free(&pages->reader->limit.mem, pages->window.data);
        pages->window.data = data;
        pages->window.capacity = wanted;
    } else if (kept > 0) {
        memmove(pages->window.data, pages->window.data + (at - begin), kept);
    }
    pages->window.at = at;
    pages->window.n_bytes = kept;
    status = shale_random_read(pages->reader->file, at + (int64_t)kept, pages->window.data + kept,
                               wanted - kept, err);
    if (status == SHALE_OK)
        pages->window.n_bytes = wanted;
    return status;
}

/* ---- Pages ------------------------------------------------------------------------------------
 */

static const char *codec_problem(int codec)
{
    switch (codec) {
    case SHALE_COMPRESSION_UNCOMPRESSED:
    case SHALE_COMPRESSION_SNAPPY:
    case SHALE_COMPRESSION_GZIP:
    case SHALE_COMPRESSION_LZ4:
    case SHALE_COMPRESSION_ZSTD:
    case SHALE_COMPRESSION_LZ4_RAW:
        return NULL;
    case SHALE_COMPRESSION_LZO:
        return "compression LZO";
    case SHALE_COMPRESSION_BROTLI:
        return "compression BROTLI";
    default:
        return "an unknown compression";
    }
}

/* Where pages of this chunk must end.  Some writers count fewer bytes than a chunk has: up to where
 * the next chunk begins they are all its own. */
static int64_t end_of(const struct shale_reader *reader, size_t row_group,
                      const struct shale_file_chunk *chunk)
{
    const struct shale_file *file = &reader->meta;
    int64_t end = reader->file->n_bytes - 8 - file->footer_bytes;
    for (size_t g = row_group; g < file->n_row_groups && g <= row_group + 1; g++) {
        for (size_t i = 0; i < file->n_leaves; i++) {
            const struct shale_file_chunk *other = &file->row_groups[g].chunks[i];
            if (other->unsupported == NULL && other->begin > chunk->begin && other->begin < end)
                end = other->begin;
        }
    }
    return end > chunk->end ? end : chunk->end;
}

enum shale_status shale_page_reader_begin(struct shale_page_reader *pages, size_t row_group,
                                          struct shale_err *err)
{
    const struct shale_file_chunk *chunk =
        &pages->reader->meta.row_groups[row_group].chunks[pages->leaf];
    char path[PATH_BYTES];
    pages->row_group = row_group;
    pages->chunk = chunk;
    pages->at = pages->page_at = chunk->begin;
    pages->peeked = false;
    pages->window.n_bytes = 0;
    if (chunk->unsupported != NULL)
        return SHALE_ERR(err, parquet_chunk_unsupported, path_of(pages, path), row_group,
                         chunk->unsupported);
    if (codec_problem(chunk->codec) != NULL)
        return shale_page_unsupported(pages, codec_problem(chunk->codec), chunk->codec, err);
    pages->end = end_of(pages->reader, row_group, chunk);
    return SHALE_OK;
}

void shale_page_reader_seek(struct shale_page_reader *pages, int64_t at)
{
    pages->at = at;
    pages->peeked = false;
}

enum shale_status shale_page_reader_peek(struct shale_page_reader *pages,
                                         const struct shale_page_header **header,
                                         struct shale_err *err)
{
    size_t want = 1;
    *header = &pages->header;
    if (pages->peeked)
        return SHALE_OK;
    pages->page_at = pages->at;
    for (;;) {
        size_t in_window, used = 0;
        enum shale_status status;
        if (pages->at < 4 || pages->at >= pages->end)
            return shale_page_corrupt(pages, "its pages end before its values", err);
        if ((int64_t)want > pages->end - pages->at)
            want = (size_t)(pages->end - pages->at);
        status = window_have(pages, pages->at, want, err);
        if (status != SHALE_OK)
            return status;
        in_window = pages->window.n_bytes - (size_t)(pages->at - pages->window.at);
        status = shale_page_header_read(pages->window.data + (pages->at - pages->window.at),
                                        in_window, pages->at, &pages->header, &used, err);
        if (status != SHALE_OK)
            return status;
        if (used > 0) {
            pages->header_bytes = used;
            break;
        }
        if (in_window >= MOST_HEADER_BYTES || (int64_t)in_window >= pages->end - pages->at)
            return shale_page_corrupt(pages, "a page's header does not end", err);
        want = in_window * 2;
    }
    if (pages->header.compressed_bytes > pages->end - pages->at - (int64_t)pages->header_bytes)
        return shale_page_corrupt(pages, "a page is larger than the file", err);
    pages->peeked = true;
    return SHALE_OK;
}

void shale_page_reader_pass(struct shale_page_reader *pages)
{
    pages->at += (int64_t)pages->header_bytes + pages->header.compressed_bytes;
    pages->peeked = false;
}

static enum shale_codec page_codec(int codec)
{
    switch (codec) {
    case SHALE_COMPRESSION_SNAPPY:
        return SHALE_CODEC_SNAPPY;
    case SHALE_COMPRESSION_GZIP:
        return SHALE_CODEC_GZIP;
    case SHALE_COMPRESSION_LZ4:
        return SHALE_CODEC_LZ4_OLD;
    case SHALE_COMPRESSION_ZSTD:
        return SHALE_CODEC_ZSTD;
    case SHALE_COMPRESSION_LZ4_RAW:
        return SHALE_CODEC_LZ4;
    default:
        return SHALE_CODEC_NONE;
    }
}

/* The values of a page, of which 'front' bytes (levels) are not compressed. */
static enum shale_status expand(struct shale_page_reader *pages, const char *stored, size_t front,
                                struct shale_str *values, struct shale_err *err)
{
    const struct shale_page_header *header = &pages->header;
    size_t n_stored = (size_t)header->compressed_bytes - front;
    size_t n_bytes = (size_t)header->uncompressed_bytes - front;
    enum shale_status status;
    if (pages->chunk->codec == SHALE_COMPRESSION_UNCOMPRESSED || !header->is_compressed) {
        *values = (struct shale_str){stored + front, n_stored};
        return SHALE_OK;
    }
    if (n_bytes > pages->body.capacity || pages->body.data == NULL) {
        const struct shale_mem *mem = &pages->reader->limit.mem;
        shale_mem_free(mem, pages->body.data);
        pages->body.capacity = 0;
        pages->body.data = shale_mem_alloc(mem, n_bytes + SHALE_PAGE_PADDING);
        if (pages->body.data == NULL)
            return shale_page_no_memory(pages, err);
        pages->body.capacity = n_bytes;
    }
    memset(pages->body.data + n_bytes, 0, SHALE_PAGE_PADDING);
    *values = (struct shale_str){pages->body.data, n_bytes};
    if (n_bytes == 0) /* writers differ in what an empty page is, compressed */
        return SHALE_OK;
    status = shale_page_decompress(pages->decoder, page_codec(pages->chunk->codec), stored + front,
                                   n_stored, pages->body.data, n_bytes);
    return shale_page_status(pages, status, "a page's compressed bytes are damaged", err);
}

enum shale_status shale_page_reader_load(struct shale_page_reader *pages,
                                         struct shale_page_body *body, struct shale_err *err)
{
    const struct shale_page_header *header = &pages->header;
    size_t n_stored = (size_t)header->compressed_bytes;
    size_t repetition = (size_t)header->repetition_bytes;
    size_t definition = (size_t)header->definition_bytes;
    enum shale_status status = window_have(pages, pages->at, pages->header_bytes + n_stored, err);
    const char *stored;
    if (status != SHALE_OK)
        return status;
    stored = pages->window.data + (pages->at - pages->window.at) + pages->header_bytes;
    if (header->has_crc && shale_crc32(0, stored, n_stored) != header->crc)
        return shale_page_corrupt(pages, "a page's checksum does not match", err);
    body->repetition = (struct shale_str){stored, repetition};
    body->definition = (struct shale_str){stored + repetition, definition};
    status = expand(pages, stored, repetition + definition, &body->values, err);
    if (status == SHALE_OK)
        shale_page_reader_pass(pages);
    return status;
}
