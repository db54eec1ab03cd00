/* SPDX-License-Identifier: MIT */
/* Cutting a column into pages, and the order of pages in the file.
 *
 *     KEEPING --dictionary complete, given up, or the kept pages are 2 MiB--> DIRECT
 *
 * While KEEPING, finished pages wait in memory: the dictionary page must come before them. */
#include "parquet/chunk.h"

#include "parquet/levels.h"
#include "parquet/page.h"
#include "parquet/values.h"

enum {
    PAGE_BYTES = 1 << 20,
    DICTIONARY_BYTES = 1 << 20,
    PAGE_ROWS = 20000,
    PAGE_LEVELS = 1 << 20,
    KEPT_BYTES = 2 << 20,
    MOST_IDLE_BYTES = 2 << 20, /* a buffer that one large value made larger is let go */
};

struct shale_chunk_writer {
    const struct shale_mem *mem;
    struct shale_levels levels;
    struct shale_values values;
    struct shale_page_maker maker;
    struct shale_buf front; /* a page's encoded levels */
    struct shale_buf kept;  /* finished pages */

    /* Of the chunk being written */
    struct shale_leaf leaf;
    struct shale_chunk_options options;
    struct shale_sink *sink;
    struct shale_chunk_meta *meta;
    int64_t page_rows; /* of the page in the making */
    bool direct;
};

enum shale_status shale_chunk_writer_new(const struct shale_mem *mem,
                                         struct shale_chunk_writer **out)
{
    struct shale_chunk_writer *writer = shale_mem_zeroed(mem, 1, sizeof(*writer));
    *out = writer;
    if (writer == NULL)
        return SHALE_NOMEM;
    writer->mem = mem;
    shale_levels_init(&writer->levels, mem);
    shale_values_init(&writer->values, mem);
    shale_page_maker_init(&writer->maker, mem);
    shale_buf_init(&writer->front, mem, INT32_MAX);
    shale_buf_init(&writer->kept, mem, INT32_MAX);
    return SHALE_OK;
}

void shale_chunk_writer_free(struct shale_chunk_writer *writer)
{
    if (writer == NULL)
        return;
    shale_levels_fini(&writer->levels);
    shale_values_fini(&writer->values);
    shale_page_maker_fini(&writer->maker);
    shale_buf_fini(&writer->front);
    shale_buf_fini(&writer->kept);
    shale_mem_free(writer->mem, writer);
}

/* Words for a failure of our own buffers. */
static enum shale_status worded(const struct shale_chunk_writer *writer, enum shale_status status,
                                struct shale_err *err)
{
    if (status == SHALE_NOMEM)
        return SHALE_ERR(err, no_memory);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, parquet_page_too_large, SHALE_STR_ARG(writer->leaf.column->name));
    return status;
}

/* ---- Pages to the sink ------------------------------------------------------------------------
 */

static enum shale_status emit(struct shale_chunk_writer *writer, struct shale_str data,
                              struct shale_err *err)
{
    if (!writer->direct)
        return worded(writer, shale_buf_append_str(&writer->kept, data), err);
    return shale_sink_write(writer->sink, data.data, data.n_bytes, err);
}

static enum shale_status write_page(struct shale_chunk_writer *writer,
                                    const struct shale_page *page, struct shale_err *err)
{
    const struct shale_chunk_options *options = &writer->options;
    struct shale_str body, header;
    enum shale_status status =
        shale_page_make(&writer->maker, page, options->codec, options->level, &body);
    if (status != SHALE_OK)
        return worded(writer, status, err);
    header = shale_buf_str(&writer->maker.header);
    writer->meta->compressed_bytes += (int64_t)(header.n_bytes + body.n_bytes);
    writer->meta->uncompressed_bytes += (int64_t)(header.n_bytes + page->body.n_bytes);
    status = emit(writer, header, err);
    return status == SHALE_OK ? emit(writer, body, err) : status;
}

/* The dictionary is complete: write it, if any page uses it, then the pages that were kept. */
static enum shale_status go_direct(struct shale_chunk_writer *writer, struct shale_err *err)
{
    const struct shale_dictionary *dictionary = &writer->values.dictionary;
    enum shale_status status = SHALE_OK;
    writer->direct = true;
    shale_values_freeze(&writer->values);
    if (writer->meta->n_dictionary_encoded > 0) {
        const struct shale_page page = {
            .type = SHALE_PAGE_DICTIONARY,
            .encoding = SHALE_ENCODING_PLAIN,
            .n_values = (int32_t)dictionary->n_entries,
            .body = shale_buf_str(&dictionary->values),
        };
        int64_t before = writer->meta->compressed_bytes;
        status = write_page(writer, &page, err);
        writer->meta->dictionary_page_at = 0;
        writer->meta->data_page_at = writer->meta->compressed_bytes - before;
    }
    if (status == SHALE_OK && writer->kept.n_bytes > 0)
        status = emit(writer, shale_buf_str(&writer->kept), err);
    shale_buf_reset(&writer->kept);
    return status;
}

static enum shale_status write_data_page(struct shale_chunk_writer *writer, struct shale_err *err)
{
    struct shale_page page = {.type = SHALE_PAGE_DATA};
    const struct shale_buf *body;
    enum shale_status status;
    shale_buf_reset(&writer->front);
    status = shale_levels_encode(&writer->levels.repetition, writer->leaf.max_repetition, true,
                                 &writer->front);
    if (status == SHALE_OK)
        status = shale_levels_encode(&writer->levels.definition, writer->leaf.max_definition, true,
                                     &writer->front);
    if (status == SHALE_OK)
        status = shale_values_encode(&writer->values, shale_buf_str(&writer->front), &body,
                                     &page.encoding);
    if (status != SHALE_OK)
        return worded(writer, status, err);
    page.n_values = (int32_t)shale_levels_n(&writer->levels);
    page.body = shale_buf_str(body);
    writer->meta->n_values += page.n_values;
    writer->meta->n_nulls += page.n_values - (int64_t)writer->values.n;
    writer->meta->n_rows += writer->page_rows;
    if (page.encoding == SHALE_ENCODING_PLAIN)
        writer->meta->n_plain++;
    else
        writer->meta->n_dictionary_encoded++;
    return write_page(writer, &page, err);
}

static enum shale_status finish_page(struct shale_chunk_writer *writer, struct shale_err *err)
{
    enum shale_status status = worded(writer, shale_values_settle(&writer->values), err);
    if (status == SHALE_OK && !writer->direct && writer->values.mode == SHALE_VALUES_PLAIN)
        status = go_direct(writer, err);
    if (status == SHALE_OK)
        status = write_data_page(writer, err);
    if (status == SHALE_OK && !writer->direct && writer->kept.n_bytes >= writer->options.kept_bytes)
        status = go_direct(writer, err);
    shale_values_next_page(&writer->values);
    shale_levels_reset(&writer->levels);
    writer->page_rows = 0;
    return status;
}

static bool page_is_full(const struct shale_chunk_writer *writer)
{
    return writer->page_rows >= PAGE_ROWS || shale_levels_n(&writer->levels) >= PAGE_LEVELS ||
           writer->values.plain_bytes >= writer->options.page_bytes;
}

/* ---- Rows to pages -----------------------------------------------------------------------------
 */

/* The most levels and bytes of PLAIN values that 'n' rows of a nested column can have. */
static void most_of(const struct shale_leaf *leaf, const struct shale_column *column, int64_t first,
                    int64_t n, size_t *n_levels, size_t *n_bytes)
{
    int64_t end = first + n;
    *n_levels = (size_t)n;
    for (size_t i = 0; i < leaf->n_steps; i++) {
        if (leaf->steps[i].is_list) {
            first = column->offsets[first];
            end = column->offsets[end];
            *n_levels += (size_t)(end - first);
        }
        column = shale_levels_child(column, &leaf->steps[i]);
    }
    *n_bytes = (size_t)(end - first) * (leaf->width > 0 ? leaf->width : sizeof(uint32_t));
    if (leaf->width == 0)
        *n_bytes += (size_t)(column->offsets[end] - column->offsets[first]);
}

/* Of a nested column: as many rows, by halves, as certainly leave the page open; else one. */
static int64_t nested_rows_that_fit(const struct shale_chunk_writer *writer,
                                    const struct shale_column *column, int64_t first, int64_t n)
{
    size_t levels_left = PAGE_LEVELS - shale_levels_n(&writer->levels);
    size_t left = writer->options.page_bytes - writer->values.plain_bytes;
    for (; n > 1; n /= 2) {
        size_t n_levels, n_bytes;
        most_of(&writer->leaf, column, first, n, &n_levels, &n_bytes);
        if (n_levels < levels_left && n_bytes < left)
            break;
    }
    return n;
}

/* How many of 'most' rows can be appended without looking whether the page is full after each:
 * never more than up to the row that fills it, so that where pages end does not depend on the
 * pieces. */
static int64_t rows_that_fit(const struct shale_chunk_writer *writer,
                             const struct shale_column *column, int64_t first, int64_t most)
{
    size_t left = writer->options.page_bytes - writer->values.plain_bytes;
    int64_t n = 0;
    if (most > PAGE_ROWS - writer->page_rows)
        most = PAGE_ROWS - writer->page_rows;
    if (writer->leaf.n_steps > 0)
        return nested_rows_that_fit(writer, column, first, most);
    if (writer->leaf.width > 0) {
        size_t fit = (left - 1) / writer->leaf.width + 1;
        return fit < (size_t)most ? (int64_t)fit : most;
    }
    while (n < most) {
        size_t n_bytes = 0;
        if (!shale_column_is_null(column, first + n))
            n_bytes = sizeof(uint32_t) + shale_plain_bytes_at(column, first + n).n_bytes;
        n++;
        if (n_bytes >= left)
            break;
        left -= n_bytes;
    }
    return n;
}

static enum shale_status append_rows(struct shale_chunk_writer *writer,
                                     const struct shale_column *column, int64_t first, int64_t n,
                                     struct shale_err *err)
{
    struct shale_levels *levels = &writer->levels;
    const struct shale_column *values;
    enum shale_status status =
        shale_levels_append(levels, &writer->leaf, column, first, n, &values);
    const char *run = levels->runs.data;
    size_t n_runs = levels->runs.n_bytes / sizeof(struct shale_levels_run);
    writer->page_rows += n;
    for (; n_runs > 0 && status == SHALE_OK; n_runs--, run += sizeof(struct shale_levels_run)) {
        struct shale_levels_run rows;
        memcpy(&rows, run, sizeof(rows));
        status = shale_values_append(&writer->values, values, rows.first, rows.n, err);
    }
    return worded(writer, status, err);
}

static enum shale_status append_piece(struct shale_chunk_writer *writer,
                                      const struct shale_column *column, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (int64_t row = 0; row < column->n_rows && status == SHALE_OK;) {
        int64_t n = rows_that_fit(writer, column, row, column->n_rows - row);
        status = append_rows(writer, column, row, n, err);
        row += n;
        if (status == SHALE_OK && page_is_full(writer))
            status = finish_page(writer, err);
    }
    return status;
}

/* ---- The chunk ----------------------------------------------------------------------------------
 */

static enum shale_status begin(struct shale_chunk_writer *writer, const struct shale_leaf *leaf,
                               const struct shale_chunk_options *options, struct shale_sink *sink,
                               struct shale_chunk_meta *meta)
{
    *meta = (struct shale_chunk_meta){.dictionary_page_at = -1};
    writer->leaf = *leaf;
    writer->options = *options;
    if (options->page_bytes == 0)
        writer->options.page_bytes = PAGE_BYTES;
    if (options->dictionary_bytes == 0)
        writer->options.dictionary_bytes = DICTIONARY_BYTES;
    if (options->kept_bytes == 0)
        writer->options.kept_bytes = KEPT_BYTES;
    if (writer->options.dictionary_bytes > INT32_MAX)
        writer->options.dictionary_bytes = INT32_MAX;
    writer->sink = sink;
    writer->meta = meta;
    writer->page_rows = 0;
    writer->direct = false;
    shale_levels_reset(&writer->levels);
    shale_buf_reset(&writer->kept);
    return shale_values_begin(&writer->values, &writer->leaf, writer->options.dictionary_bytes);
}

static void trim(struct shale_chunk_writer *writer)
{
    struct shale_buf *buffers[] = {
        &writer->values.indexes, &writer->values.plain, &writer->values.fixed,
        &writer->maker.packed,   &writer->front,        &writer->kept,
    };
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        if (buffers[i]->capacity > MOST_IDLE_BYTES)
            shale_buf_fini(buffers[i]);
    shale_levels_trim(&writer->levels, MOST_IDLE_BYTES);
}

enum shale_status shale_chunk_write(struct shale_chunk_writer *writer,
                                    const struct shale_leaf *leaf,
                                    const struct shale_chunk_options *options,
                                    struct shale_column_stream *stream, struct shale_sink *sink,
                                    struct shale_chunk_meta *meta, struct shale_err *err)
{
    const struct shale_column *piece = NULL;
    enum shale_status status = worded(writer, begin(writer, leaf, options, sink, meta), err);
    while (status == SHALE_OK) {
        status = stream->next(stream, &piece, err);
        if (status != SHALE_OK || piece == NULL)
            break;
        status = append_piece(writer, piece, err);
    }
    if (status == SHALE_OK && writer->page_rows > 0)
        status = finish_page(writer, err);
    if (status == SHALE_OK && !writer->direct)
        status = go_direct(writer, err);
    if (status == SHALE_OK)
        shale_statistics_finish(&writer->values.statistics, &writer->leaf, meta);
    trim(writer);
    return status;
}
