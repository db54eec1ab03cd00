/* SPDX-License-Identifier: MIT */
/* Parquet files made by hand, page by page, for tests of the reader: what our writer never writes
 * can be in them.  Everything is asserted. */
#ifndef SHALE_TESTS_MADE_PAGES_H
#define SHALE_TESTS_MADE_PAGES_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "codec/crc32.h"
#include "parquet/format.h"
#include "parquet/rle.h"
#include "parquet/thrift.h"

/* One SchemaElement; 'physical' -1 is a group, 'converted' and 'logical' -1 and 0 are not said. */
struct made_element {
    const char *name;
    int repetition, physical;
    int32_t type_length, n_children;
    int converted;
    int32_t precision, scale;
    int logical;
};

struct made_page {
    int64_t at;
    int32_t n_bytes;
    int64_t first_row;
    size_t body_at, body_bytes; /* what the checksum covers */
};

enum { MADE_PAGES = 512, MADE_GROUPS = 4, MADE_LEAVES = 8 };

struct made_chunk {
    int64_t begin, end, dictionary_at, data_at; /* -1: none */
    int64_t n_values, n_nulls;                  /* n_nulls -1: no statistics */
    struct shale_str minimum, maximum;          /* 'data' NULL: none */
    int32_t n_dictionary_pages, n_plain_pages;  /* encoding_stats; none when both are 0 */
    int64_t bloom_at, offset_index_at, column_index_at;
    int32_t bloom_bytes, offset_index_bytes, column_index_bytes;
    struct made_page pages[MADE_PAGES];
    size_t n_pages;
};

struct made_file {
    struct shale_buf bytes;
    const struct made_element *elements;
    size_t n_elements;
    int64_t n_rows[MADE_GROUPS];
    struct made_chunk *chunks; /* MADE_GROUPS * MADE_LEAVES */
    size_t n_groups, n_leaves;
};

static inline void made_ok(enum shale_status status)
{
    if (status != SHALE_OK)
        abort();
}

static inline void made_append(struct shale_buf *buf, const void *data, size_t n_bytes)
{
    made_ok(shale_buf_append(buf, data, n_bytes));
}

static inline void made_init(struct made_file *file, const struct made_element *elements,
                             size_t n_elements)
{
    *file = (struct made_file){.elements = elements, .n_elements = n_elements};
    file->chunks = calloc(MADE_GROUPS * MADE_LEAVES, sizeof(*file->chunks));
    shale_buf_init(&file->bytes, &shale_mem_libc, 1 << 30);
    made_append(&file->bytes, "PAR1", 4);
    for (size_t i = 0; i < n_elements; i++)
        file->n_leaves += elements[i].physical >= 0;
}

static inline void made_fini(struct made_file *file)
{
    shale_buf_fini(&file->bytes);
    free(file->chunks);
}

static inline void made_group(struct made_file *file, int64_t n_rows)
{
    file->n_rows[file->n_groups++] = n_rows;
}

/* The next chunk of the last row group begins. */
static inline struct made_chunk *made_chunk(struct made_file *file, size_t leaf)
{
    struct made_chunk *chunk = &file->chunks[(file->n_groups - 1) * MADE_LEAVES + leaf];
    *chunk = (struct made_chunk){.begin = (int64_t)file->bytes.n_bytes,
                                 .dictionary_at = -1,
                                 .data_at = -1,
                                 .n_nulls = -1,
                                 .bloom_at = -1,
                                 .offset_index_at = -1,
                                 .column_index_at = -1};
    return chunk;
}

struct made_data {
    int page_type, encoding;
    int32_t n_values, n_rows;
    int64_t first_row;
    const uint8_t *definitions, *repetitions; /* n_values, or NULL for a leaf without */
    unsigned max_definition, max_repetition;
    bool packed_levels; /* BIT_PACKED */
    bool crc;
    struct shale_str values;
};

/* The highest bit first. */
static inline void made_pack(struct shale_buf *out, const uint8_t *levels, size_t n, unsigned width)
{
    unsigned bits = 0, n_bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << width | levels[i];
        for (n_bits += width; n_bits >= 8; n_bits -= 8)
            made_ok(shale_buf_append_byte(out, (char)(bits >> (n_bits - 8))));
    }
    if (n_bits > 0)
        made_ok(shale_buf_append_byte(out, (char)(bits << (8 - n_bits))));
}

static inline int32_t made_levels(struct shale_buf *out, const struct made_data *data,
                                  const uint8_t *levels, unsigned largest)
{
    size_t begin = out->n_bytes, n = (size_t)data->n_values;
    uint32_t length = 0;
    if (largest == 0)
        return 0;
    if (data->packed_levels) {
        made_pack(out, levels, n, shale_bit_width(largest));
        return 0;
    }
    if (data->page_type == SHALE_PAGE_DATA)
        made_append(out, &length, 4);
    made_ok(shale_rle_levels(out, levels, n, shale_bit_width(largest)));
    if (data->page_type == SHALE_PAGE_DATA) {
        length = (uint32_t)(out->n_bytes - begin - 4);
        memcpy(out->data + begin, &length, 4);
    }
    return (int32_t)(out->n_bytes - begin);
}

static inline void made_page_header(struct made_file *file, const struct made_data *data,
                                    const struct shale_buf *body, int32_t repetition_bytes,
                                    int32_t definition_bytes)
{
    int levels = data->packed_levels ? SHALE_ENCODING_BIT_PACKED : SHALE_ENCODING_RLE;
    struct shale_thrift t;
    shale_thrift_init(&t, &file->bytes);
    shale_thrift_i32(&t, 1, data->page_type);
    shale_thrift_i32(&t, 2, (int32_t)body->n_bytes);
    shale_thrift_i32(&t, 3, (int32_t)body->n_bytes);
    if (data->crc)
        shale_thrift_i32(&t, 4, (int32_t)shale_crc32(0, body->data, body->n_bytes));
    shale_thrift_struct(&t, data->page_type == SHALE_PAGE_DATA         ? 5
                            : data->page_type == SHALE_PAGE_DICTIONARY ? 7
                                                                       : 8);
    shale_thrift_i32(&t, 1, data->n_values);
    if (data->page_type == SHALE_PAGE_DATA_V2) {
        shale_thrift_i32(&t, 2, 0);
        shale_thrift_i32(&t, 3, data->n_rows);
        shale_thrift_i32(&t, 4, data->encoding);
        shale_thrift_i32(&t, 5, definition_bytes);
        shale_thrift_i32(&t, 6, repetition_bytes);
        shale_thrift_bool(&t, 7, false);
    } else {
        shale_thrift_i32(&t, 2, data->encoding);
        if (data->page_type == SHALE_PAGE_DATA) {
            shale_thrift_i32(&t, 3, levels);
            shale_thrift_i32(&t, 4, levels);
        }
    }
    shale_thrift_end(&t);
    shale_thrift_end(&t);
    made_ok(t.status);
}

static inline void made_page(struct made_file *file, struct made_chunk *chunk,
                             const struct made_data *data)
{
    struct shale_buf body;
    struct made_page dictionary, *page = &dictionary;
    int64_t at = (int64_t)file->bytes.n_bytes;
    int32_t repetition_bytes = 0, definition_bytes = 0;
    shale_buf_init(&body, &shale_mem_libc, 1 << 30);
    if (data->page_type != SHALE_PAGE_DICTIONARY) {
        repetition_bytes = made_levels(&body, data, data->repetitions, data->max_repetition);
        definition_bytes = made_levels(&body, data, data->definitions, data->max_definition);
        if (chunk->n_pages == MADE_PAGES)
            abort();
        page = &chunk->pages[chunk->n_pages++];
        chunk->n_values += data->n_values;
        if (chunk->data_at < 0)
            chunk->data_at = at;
    } else {
        chunk->dictionary_at = at;
    }
    made_append(&body, data->values.data != NULL ? data->values.data : "", data->values.n_bytes);
    made_page_header(file, data, &body, repetition_bytes, definition_bytes);
    *page = (struct made_page){at, 0, data->first_row, file->bytes.n_bytes, body.n_bytes};
    made_append(&file->bytes, body.data != NULL ? body.data : "", body.n_bytes);
    page->n_bytes = (int32_t)((int64_t)file->bytes.n_bytes - at);
    chunk->end = (int64_t)file->bytes.n_bytes;
    shale_buf_fini(&body);
}

/* OffsetIndex; behind all pages. */
static inline void made_offset_index(struct made_file *file, struct made_chunk *chunk)
{
    struct shale_thrift t;
    chunk->offset_index_at = (int64_t)file->bytes.n_bytes;
    shale_thrift_init(&t, &file->bytes);
    shale_thrift_list(&t, 1, SHALE_THRIFT_STRUCT, chunk->n_pages);
    for (size_t i = 0; i < chunk->n_pages; i++) {
        shale_thrift_element_struct(&t);
        shale_thrift_i64(&t, 1, chunk->pages[i].at);
        shale_thrift_i32(&t, 2, chunk->pages[i].n_bytes);
        shale_thrift_i64(&t, 3, chunk->pages[i].first_row);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    made_ok(t.status);
    chunk->offset_index_bytes = (int32_t)((int64_t)file->bytes.n_bytes - chunk->offset_index_at);
}

/* ColumnIndex: a bound for each page, of 'width' bytes one after the other. */
static inline void made_column_index(struct made_file *file, struct made_chunk *chunk,
                                     const char *minima, const char *maxima, size_t width)
{
    struct shale_thrift t;
    chunk->column_index_at = (int64_t)file->bytes.n_bytes;
    shale_thrift_init(&t, &file->bytes);
    shale_thrift_list(&t, 1, SHALE_THRIFT_BOOL, chunk->n_pages);
    for (size_t i = 0; i < chunk->n_pages; i++)
        shale_thrift_element_bool(&t, false);
    shale_thrift_list(&t, 2, SHALE_THRIFT_BINARY, chunk->n_pages);
    for (size_t i = 0; i < chunk->n_pages; i++)
        shale_thrift_element_binary(&t, (struct shale_str){minima + i * width, width});
    shale_thrift_list(&t, 3, SHALE_THRIFT_BINARY, chunk->n_pages);
    for (size_t i = 0; i < chunk->n_pages; i++)
        shale_thrift_element_binary(&t, (struct shale_str){maxima + i * width, width});
    shale_thrift_i32(&t, 4, 0);
    shale_thrift_end(&t);
    made_ok(t.status);
    chunk->column_index_bytes = (int32_t)((int64_t)file->bytes.n_bytes - chunk->column_index_at);
}

/* ---- The footer -------------------------------------------------------------------------------
 */

static inline void made_schema(struct shale_thrift *t, const struct made_file *file)
{
    shale_thrift_list(t, 2, SHALE_THRIFT_STRUCT, file->n_elements);
    for (size_t i = 0; i < file->n_elements; i++) {
        const struct made_element *element = &file->elements[i];
        shale_thrift_element_struct(t);
        if (element->physical >= 0)
            shale_thrift_i32(t, 1, element->physical);
        if (element->type_length > 0)
            shale_thrift_i32(t, 2, element->type_length);
        if (i > 0)
            shale_thrift_i32(t, 3, element->repetition);
        shale_thrift_binary(t, 4, shale_str_of(element->name));
        if (element->physical < 0)
            shale_thrift_i32(t, 5, element->n_children);
        if (element->converted >= 0)
            shale_thrift_i32(t, 6, element->converted);
        if (element->precision > 0) {
            shale_thrift_i32(t, 7, element->scale);
            shale_thrift_i32(t, 8, element->precision);
        }
        if (element->logical > 0) {
            shale_thrift_struct(t, 10);
            shale_thrift_struct(t, (int16_t)element->logical);
            shale_thrift_end(t);
            shale_thrift_end(t);
        }
        shale_thrift_end(t);
    }
}

static inline void made_counts(struct shale_thrift *t, const struct made_chunk *chunk)
{
    int32_t n[2] = {chunk->n_dictionary_pages, chunk->n_plain_pages};
    int encodings[2] = {SHALE_ENCODING_RLE_DICTIONARY, SHALE_ENCODING_PLAIN};
    shale_thrift_list(t, 13, SHALE_THRIFT_STRUCT, 2);
    for (int i = 0; i < 2; i++) {
        shale_thrift_element_struct(t);
        shale_thrift_i32(t, 1, SHALE_PAGE_DATA);
        shale_thrift_i32(t, 2, encodings[i]);
        shale_thrift_i32(t, 3, n[i]);
        shale_thrift_end(t);
    }
}

static inline void made_chunk_meta(struct shale_thrift *t, const struct made_file *file,
                                   const struct made_chunk *chunk, size_t element)
{
    shale_thrift_struct(t, 3);
    shale_thrift_i32(t, 1, file->elements[element].physical);
    shale_thrift_list(t, 2, SHALE_THRIFT_I32, 1);
    shale_thrift_element_i32(t, SHALE_ENCODING_PLAIN);
    shale_thrift_list(t, 3, SHALE_THRIFT_BINARY, 1);
    shale_thrift_element_binary(t, shale_str_of(file->elements[element].name));
    shale_thrift_i32(t, 4, SHALE_COMPRESSION_UNCOMPRESSED);
    shale_thrift_i64(t, 5, chunk->n_values);
    shale_thrift_i64(t, 6, chunk->end - chunk->begin);
    shale_thrift_i64(t, 7, chunk->end - chunk->begin);
    shale_thrift_i64(t, 9, chunk->data_at);
    if (chunk->dictionary_at >= 0)
        shale_thrift_i64(t, 11, chunk->dictionary_at);
    if (chunk->n_nulls >= 0) {
        shale_thrift_struct(t, 12);
        shale_thrift_i64(t, 3, chunk->n_nulls);
        if (chunk->maximum.data != NULL)
            shale_thrift_binary(t, 5, chunk->maximum);
        if (chunk->minimum.data != NULL)
            shale_thrift_binary(t, 6, chunk->minimum);
        shale_thrift_end(t);
    }
    if (chunk->n_dictionary_pages + chunk->n_plain_pages > 0)
        made_counts(t, chunk);
    if (chunk->bloom_at >= 0) {
        shale_thrift_i64(t, 14, chunk->bloom_at);
        shale_thrift_i32(t, 15, chunk->bloom_bytes);
    }
    shale_thrift_end(t);
}

static inline void made_row_group(struct shale_thrift *t, const struct made_file *file, size_t g)
{
    size_t leaf = 0;
    shale_thrift_element_struct(t);
    shale_thrift_list(t, 1, SHALE_THRIFT_STRUCT, file->n_leaves);
    for (size_t i = 0; i < file->n_elements; i++) {
        const struct made_chunk *chunk = &file->chunks[g * MADE_LEAVES + leaf];
        if (file->elements[i].physical < 0)
            continue;
        leaf++;
        shale_thrift_element_struct(t);
        shale_thrift_i64(t, 2, 0);
        made_chunk_meta(t, file, chunk, i);
        if (chunk->offset_index_at >= 0) {
            shale_thrift_i64(t, 4, chunk->offset_index_at);
            shale_thrift_i32(t, 5, chunk->offset_index_bytes);
        }
        if (chunk->column_index_at >= 0) {
            shale_thrift_i64(t, 6, chunk->column_index_at);
            shale_thrift_i32(t, 7, chunk->column_index_bytes);
        }
        shale_thrift_end(t);
    }
    shale_thrift_i64(t, 2, 0);
    shale_thrift_i64(t, 3, file->n_rows[g]);
    shale_thrift_end(t);
}

/* Returns where the footer begins. */
static inline size_t made_finish(struct made_file *file)
{
    size_t begin = file->bytes.n_bytes;
    struct shale_thrift t;
    int64_t n_rows = 0;
    uint32_t length;
    for (size_t g = 0; g < file->n_groups; g++)
        n_rows += file->n_rows[g];
    shale_thrift_init(&t, &file->bytes);
    shale_thrift_i32(&t, 1, 2);
    made_schema(&t, file);
    shale_thrift_i64(&t, 3, n_rows);
    shale_thrift_list(&t, 4, SHALE_THRIFT_STRUCT, file->n_groups);
    for (size_t g = 0; g < file->n_groups; g++)
        made_row_group(&t, file, g);
    shale_thrift_binary(&t, 6, SHALE_STR("made by hand"));
    shale_thrift_list(&t, 7, SHALE_THRIFT_STRUCT, file->n_leaves);
    for (size_t i = 0; i < file->n_leaves; i++) {
        shale_thrift_element_struct(&t);
        shale_thrift_struct(&t, 1);
        shale_thrift_end(&t);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    made_ok(t.status);
    length = (uint32_t)(file->bytes.n_bytes - begin);
    made_append(&file->bytes, &length, 4);
    made_append(&file->bytes, "PAR1", 4);
    return begin;
}

/* ---- Reading it -------------------------------------------------------------------------------
 */

struct memory_file {
    struct shale_random random; /* first member */
    const char *data;
    int64_t n_read; /* bytes, in all */
};

static inline enum shale_status memory_read_at(struct shale_random *random, int64_t at, void *out,
                                               size_t n_bytes, struct shale_err *err)
{
    struct memory_file *file = (struct memory_file *)random;
    (void)err;
    if (at < 0 || at > random->n_bytes || (int64_t)n_bytes > random->n_bytes - at)
        abort(); /* the reader looked outside of the file */
    memcpy(out, file->data + at, n_bytes);
    file->n_read += (int64_t)n_bytes;
    return SHALE_OK;
}

static inline struct memory_file memory_file_of(const char *data, size_t n_bytes)
{
    return (struct memory_file){{(int64_t)n_bytes, memory_read_at}, data, 0};
}

#endif
