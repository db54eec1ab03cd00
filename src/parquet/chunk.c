/* SPDX-License-Identifier: MIT */
/* Cutting a column into pages, and the order of pages in the file.
 *
 *     KEEPING --dictionary complete, given up, or the kept pages are 2 MiB--> DIRECT
 *
 * While KEEPING, finished pages wait in memory: the dictionary page must come before them. */
#include "parquet/chunk.h"

#include "parquet/bloom.h"
#include "parquet/levels.h"
#include "parquet/page.h"
#include "parquet/statistics.h"
#include "parquet/thrift.h"
#include "parquet/values.h"
#include "parquet/write_index.h"

enum {
    PAGE_BYTES = 1 << 20,
    DICTIONARY_BYTES = 1 << 20,
    /* 30 vectors of DuckDB (2,048 rows): a row group of 32 MiB then mostly is one page in columns
     * of short values, which it scans a seventh faster than pages of 20,000 rows. */
    PAGE_ROWS = 61440,
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
    struct shale_bloom bloom;

    /* Of the chunk being written */
    struct shale_leaf leaf;
    struct shale_chunk_options options;
    struct shale_sink *sink;
    struct shale_chunk_meta *meta;
    struct shale_statistics statistics;
    int64_t page_rows;       /* of the page in the making */
    int64_t data_page_bytes; /* written or kept */
    bool direct;
    unsigned bloom_one_in; /* 0: there is no bloom filter */
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
    shale_bloom_init(&writer->bloom, mem);
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
    shale_bloom_fini(&writer->bloom);
    shale_mem_free(writer->mem, writer);
}

void shale_chunk_meta_fini(struct shale_chunk_meta *meta)
{
    shale_buf_fini(&meta->pages);
    shale_buf_fini(&meta->histograms);
    shale_buf_fini(&meta->bloom);
    *meta = (struct shale_chunk_meta){0};
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
    size_t header_bytes;
    enum shale_status status =
        shale_page_make(&writer->maker, page, options->codec, options->level, &body);
    if (status != SHALE_OK)
        return worded(writer, status, err);
    header = shale_buf_str(&writer->maker.header);
    header_bytes = header.n_bytes + page->levels.n_bytes;
    writer->meta->compressed_bytes += (int64_t)(header_bytes + body.n_bytes);
    writer->meta->uncompressed_bytes += (int64_t)(header_bytes + page->body.n_bytes);
    status = emit(writer, header, err);
    if (status == SHALE_OK && page->levels.n_bytes > 0)
        status = emit(writer, page->levels, err);
    return status == SHALE_OK ? emit(writer, body, err) : status;
}

/* The dictionary is complete: write it, if any page uses it, then the pages that were kept. */
static enum shale_status go_direct(struct shale_chunk_writer *writer, struct shale_err *err)
{
    const struct shale_dictionary *dictionary = &writer->values.dictionary;
    enum shale_status status = SHALE_OK;
    writer->direct = true;
    shale_values_freeze(&writer->values);
    if (writer->meta->n_pages[SHALE_ENCODING_RLE_DICTIONARY] > 0) {
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

/* The levels in front of the values, and how the page is to be made of them. */
static enum shale_status encode_levels(struct shale_chunk_writer *writer, struct shale_page *page)
{
    const struct shale_leaf *leaf = &writer->leaf;
    const bool v1 = !writer->options.modern;
    struct shale_buf *front = &writer->front;
    enum shale_status status;
    shale_buf_reset(front);
    status = shale_levels_encode(&writer->levels.repetition, leaf->max_repetition, v1, front);
    page->repetition_bytes = (int32_t)front->n_bytes;
    if (status == SHALE_OK)
        status = shale_levels_encode(&writer->levels.definition, leaf->max_definition, v1, front);
    page->definition_bytes = (int32_t)front->n_bytes - page->repetition_bytes;
    page->type = v1 ? SHALE_PAGE_DATA : SHALE_PAGE_DATA_V2;
    page->n_values = (int32_t)shale_levels_n(&writer->levels);
    page->n_nulls = (int32_t)(shale_levels_n(&writer->levels) - writer->values.n);
    page->n_rows = (int32_t)writer->page_rows;
    if (!v1)
        page->levels = shale_buf_str(front);
    return status;
}

/* While they are PLAIN; those of a dictionary follow at its end. */
static void put_bloom(struct shale_chunk_writer *writer, struct shale_str values)
{
    size_t width = writer->leaf.width;
    for (size_t at = 0; at < values.n_bytes;) {
        size_t n = width;
        if (width == 0) {
            uint32_t length;
            memcpy(&length, values.data + at, sizeof(length));
            at += sizeof(length);
            n = length;
        }
        shale_bloom_put(&writer->bloom, shale_bloom_hash(values.data + at, n));
        at += n;
    }
}

/* What the page index, the statistics and the bloom filter want to know of the values. */
static enum shale_status survey(struct shale_chunk_writer *writer, struct shale_chunk_page *line,
                                struct shale_chunk_bounds *bounds)
{
    const struct shale_values *values = &writer->values;
    struct shale_statistics statistics;
    enum shale_status status;
    shale_statistics_begin(&statistics, &writer->leaf);
    status = shale_values_bounds(&writer->values, &statistics);
    shale_statistics_merge(&writer->statistics, &writer->leaf, &statistics);
    shale_statistics_finish(&statistics, &writer->leaf, bounds);
    if (writer->bloom_one_in > 0)
        put_bloom(writer, shale_values_plain(values));
    line->all_null = values->n == 0;
    line->first_row = writer->meta->n_rows;
    if (writer->leaf.physical == SHALE_PHYSICAL_BYTE_ARRAY)
        line->n_byte_array_bytes = (int64_t)(values->plain_bytes - values->n * sizeof(uint32_t));
    return status;
}

static void count_page(struct shale_chunk_meta *meta, const struct shale_page *page,
                       const struct shale_chunk_page *line)
{
    meta->n_values += page->n_values;
    meta->n_nulls += page->n_nulls;
    meta->n_rows += page->n_rows;
    meta->n_byte_array_bytes += line->n_byte_array_bytes;
    meta->n_pages[page->encoding]++;
}

static enum shale_status write_data_page(struct shale_chunk_writer *writer, struct shale_err *err)
{
    struct shale_page page = {0};
    struct shale_chunk_page line;
    struct shale_chunk_bounds bounds;
    const struct shale_buf *body = NULL;
    int64_t before = writer->meta->compressed_bytes;
    enum shale_status status;
    memset(&line, 0, sizeof(line)); /* its bytes are compared, and kept with their padding */
    status = survey(writer, &line, &bounds);
    if (status == SHALE_OK)
        status = encode_levels(writer, &page);
    if (status == SHALE_OK)
        status = shale_values_encode(&writer->values,
                                     writer->options.modern ? (struct shale_str){NULL, 0}
                                                            : shale_buf_str(&writer->front),
                                     &body, &page.encoding);
    if (status != SHALE_OK)
        return worded(writer, status, err);
    page.body = shale_buf_str(body);
    count_page(writer->meta, &page, &line);
    status = write_page(writer, &page, err);
    if (status != SHALE_OK)
        return status;
    line.n_nulls = page.n_nulls;
    line.at = writer->data_page_bytes;
    line.n_bytes = (int32_t)(writer->meta->compressed_bytes - before);
    writer->data_page_bytes += line.n_bytes;
    return worded(
        writer, shale_index_add(writer->meta, &writer->leaf, line, &bounds, &writer->levels), err);
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
    if ((size_t)(column->offsets[first + most] - column->offsets[first]) +
            (size_t)most * sizeof(uint32_t) <
        left)
        return most;
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

/* How seldom the bloom filter of a leaf may be wrong: once in so many; 0: it has none. */
static unsigned bloom_one_in(const struct shale_leaf *leaf)
{
    double fpp = leaf->column->bloom_fpp;
    if (!(fpp > 0) || leaf->physical == SHALE_PHYSICAL_BOOLEAN)
        return 0;
    return fpp >= 1 ? 1 : fpp <= 1e-6 ? 1000000 : (unsigned)(1 / fpp + 0.5);
}

static enum shale_status begin(struct shale_chunk_writer *writer, const struct shale_leaf *leaf,
                               const struct shale_chunk_options *options, struct shale_sink *sink,
                               struct shale_chunk_meta *meta)
{
    shale_chunk_meta_fini(meta);
    meta->dictionary_page_at = -1;
    meta->is_v2 = options->modern;
    shale_buf_init(&meta->pages, writer->mem, INT32_MAX);
    shale_buf_init(&meta->histograms, writer->mem, INT32_MAX);
    shale_buf_init(&meta->bloom, writer->mem, INT32_MAX);
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
    writer->data_page_bytes = 0;
    writer->direct = false;
    writer->bloom_one_in = bloom_one_in(leaf);
    shale_statistics_begin(&writer->statistics, leaf);
    shale_levels_reset(&writer->levels);
    shale_buf_reset(&writer->kept);
    if (writer->bloom_one_in > 0 && shale_bloom_begin(&writer->bloom) != SHALE_OK)
        return SHALE_NOMEM;
    return shale_values_begin(&writer->values, &writer->leaf, &writer->options, &writer->maker);
}

/* BloomFilterHeader: split blocks, xxHash, not compressed (parquet-format, BloomFilter.md); then
 * the filter. */
static enum shale_status finish_bloom(struct shale_chunk_writer *writer)
{
    const struct shale_dictionary *dictionary = &writer->values.dictionary;
    struct shale_thrift thrift;
    struct shale_str filter;
    if (writer->meta->n_pages[SHALE_ENCODING_RLE_DICTIONARY] > 0)
        put_bloom(writer, shale_buf_str(&dictionary->values));
    filter = shale_bloom_finish(&writer->bloom, writer->bloom_one_in);
    shale_thrift_init(&thrift, &writer->meta->bloom);
    shale_thrift_i32(&thrift, 1, (int32_t)filter.n_bytes);
    for (int16_t id = 2; id <= 4; id++) { /* unions of which the first is taken */
        shale_thrift_struct(&thrift, id);
        shale_thrift_struct(&thrift, 1);
        shale_thrift_end(&thrift);
        shale_thrift_end(&thrift);
    }
    shale_thrift_end(&thrift);
    shale_thrift_raw(&thrift, filter.data, filter.n_bytes);
    return thrift.status;
}

static void trim(struct shale_chunk_writer *writer)
{
    struct shale_buf *buffers[] = {
        &writer->values.indexes,
        &writer->values.plain,
        &writer->values.fixed,
        &writer->maker.packed,
        &writer->front,
        &writer->kept,
        &writer->values.encodings.encoded,
        &writer->values.encodings.scratch,
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
        shale_statistics_finish(&writer->statistics, &writer->leaf, &meta->bounds);
    if (status == SHALE_OK && writer->bloom_one_in > 0)
        status = worded(writer, finish_bloom(writer), err);
    trim(writer);
    return status;
}
