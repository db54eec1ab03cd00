/* SPDX-License-Identifier: MIT */
/* For tests of the reader: Parquet files with any footer, also with those that no writer makes, and
 * files in memory. */
#ifndef SHALE_TESTS_MADE_FILE_H
#define SHALE_TESTS_MADE_FILE_H

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "parquet/format.h"
#include "parquet/thrift.h"

/* ---- A file in memory --------------------------------------------------------------------------
 */

struct memory_file {
    struct shale_random random; /* first member */
    const char *data;
};

static inline enum shale_status memory_read(struct shale_random *random, int64_t at, void *out,
                                            size_t n_bytes, struct shale_err *err)
{
    const struct memory_file *file = (const struct memory_file *)(void *)random;
    (void)err;
    if (at < 0 || (uint64_t)n_bytes > (uint64_t)random->n_bytes ||
        at > random->n_bytes - (int64_t)n_bytes)
        abort(); /* the reader must not ask for that */
    if (n_bytes > 0)
        memcpy(out, file->data + at, n_bytes);
    return SHALE_OK;
}

static inline struct memory_file memory_file_of(const void *data, size_t n_bytes)
{
    return (struct memory_file){{(int64_t)n_bytes, memory_read}, data};
}

/* ---- Footers -----------------------------------------------------------------------------------
 */

#define LEFT_OUT INT64_MIN /* the field is not written */

struct made_node {
    const char *name;
    int physical;   /* -1: left out */
    int repetition; /* -1: left out */
    int n_children; /* 0: left out */
    int converted;  /* -1: left out */
    int logical;    /* 0: left out */
    int length, precision, scale;
    int unit, bit_width;
    bool flag; /* isAdjustedToUTC, isSigned */
};

#define GROUP(name, repetition, n)                                                                 \
    {                                                                                              \
        name, -1, repetition, n, -1, 0, 0, 0, 0, 0, 0, false                                       \
    }
#define GROUP_AS(name, repetition, n, converted, logical)                                          \
    {                                                                                              \
        name, -1, repetition, n, converted, logical, 0, 0, 0, 0, 0, false                          \
    }
#define LEAF(name, physical, repetition)                                                           \
    {                                                                                              \
        name, physical, repetition, 0, -1, 0, 0, 0, 0, 0, 0, false                                 \
    }

struct made_chunk {
    int64_t type, codec, n_values, uncompressed, compressed, data_at, dictionary_at;
    int64_t n_nulls, n_distinct;
    int64_t column_index[2], offset_index[2], bloom[2]; /* place, bytes */
    struct shale_str old_min, old_max, min, max;        /* without data: left out */
    bool has_exact, exact;
    bool elsewhere, encrypted, no_meta;
    int32_t page_counts[3]; /* type, encoding, n; all 0: left out */
    int64_t histogram;      /* of the definition levels 0 and 1, both; LEFT_OUT */
};

struct made_file {
    const struct made_node *nodes;
    size_t n_nodes;
    const struct made_chunk *chunks; /* of all groups */
    const int64_t *group_rows;
    size_t n_groups, n_chunks; /* chunks of each group */
    int64_t n_rows, group_bytes;
    int32_t sorting; /* a leaf's number; -1: left out */
    const char *created_by;
    size_t n_orders;       /* TYPE_ORDERs */
    struct shale_str body; /* behind the first magic */
};

/* A good chunk: three values in the first 60 bytes of the body. */
static inline struct made_chunk good_chunk(int physical)
{
    return (struct made_chunk){.type = physical,
                               .codec = 0,
                               .n_values = 3,
                               .uncompressed = 60,
                               .compressed = 60,
                               .data_at = 4,
                               .dictionary_at = LEFT_OUT,
                               .n_nulls = LEFT_OUT,
                               .n_distinct = LEFT_OUT,
                               .column_index = {LEFT_OUT, LEFT_OUT},
                               .offset_index = {LEFT_OUT, LEFT_OUT},
                               .bloom = {LEFT_OUT, LEFT_OUT},
                               .histogram = LEFT_OUT};
}

static inline void put_i32(struct shale_thrift *t, int16_t id, int64_t value)
{
    if (value != LEFT_OUT)
        shale_thrift_i32(t, id, (int32_t)value);
}

static inline void put_i64(struct shale_thrift *t, int16_t id, int64_t value)
{
    if (value != LEFT_OUT)
        shale_thrift_i64(t, id, value);
}

static inline void put_logical(struct shale_thrift *t, const struct made_node *node)
{
    shale_thrift_struct(t, 10);
    shale_thrift_struct(t, (int16_t)node->logical);
    if (node->logical == SHALE_LOGICAL_DECIMAL) {
        shale_thrift_i32(t, 1, node->scale);
        shale_thrift_i32(t, 2, node->precision);
    } else if (node->logical == SHALE_LOGICAL_TIME || node->logical == SHALE_LOGICAL_TIMESTAMP) {
        shale_thrift_bool(t, 1, node->flag);
        shale_thrift_struct(t, 2);
        shale_thrift_struct(t, (int16_t)node->unit);
        shale_thrift_end(t);
        shale_thrift_end(t);
    } else if (node->logical == SHALE_LOGICAL_INTEGER) {
        shale_thrift_i8(t, 1, (int8_t)node->bit_width);
        shale_thrift_bool(t, 2, node->flag);
    }
    shale_thrift_end(t);
    shale_thrift_end(t);
}

static inline void put_node(struct shale_thrift *t, const struct made_node *node)
{
    shale_thrift_element_struct(t);
    if (node->physical >= 0)
        shale_thrift_i32(t, 1, node->physical);
    if (node->length != 0)
        shale_thrift_i32(t, 2, node->length);
    if (node->repetition >= 0)
        shale_thrift_i32(t, 3, node->repetition);
    shale_thrift_binary(t, 4, shale_str_of(node->name));
    if (node->n_children != 0)
        shale_thrift_i32(t, 5, node->n_children);
    if (node->converted >= 0)
        shale_thrift_i32(t, 6, node->converted);
    if (node->scale != 0)
        shale_thrift_i32(t, 7, node->scale);
    if (node->precision != 0)
        shale_thrift_i32(t, 8, node->precision);
    if (node->logical != 0)
        put_logical(t, node);
    shale_thrift_end(t);
}

static inline void put_statistics(struct shale_thrift *t, const struct made_chunk *chunk)
{
    const struct shale_str texts[] = {chunk->old_max, chunk->old_min};
    shale_thrift_struct(t, 12);
    for (int16_t i = 0; i < 2; i++)
        if (texts[i].data != NULL)
            shale_thrift_binary(t, (int16_t)(i + 1), texts[i]);
    put_i64(t, 3, chunk->n_nulls);
    put_i64(t, 4, chunk->n_distinct);
    if (chunk->max.data != NULL)
        shale_thrift_binary(t, 5, chunk->max);
    if (chunk->min.data != NULL)
        shale_thrift_binary(t, 6, chunk->min);
    if (chunk->has_exact) {
        shale_thrift_bool(t, 7, chunk->exact);
        shale_thrift_bool(t, 8, chunk->exact);
    }
    shale_thrift_end(t);
}

static inline void put_meta(struct shale_thrift *t, const struct made_chunk *chunk)
{
    shale_thrift_struct(t, 3);
    put_i32(t, 1, chunk->type);
    shale_thrift_list(t, 2, SHALE_THRIFT_I32, 2);
    shale_thrift_element_i32(t, SHALE_ENCODING_PLAIN);
    shale_thrift_element_i32(t, SHALE_ENCODING_RLE);
    put_i32(t, 4, chunk->codec);
    put_i64(t, 5, chunk->n_values);
    put_i64(t, 6, chunk->uncompressed);
    put_i64(t, 7, chunk->compressed);
    put_i64(t, 9, chunk->data_at);
    put_i64(t, 11, chunk->dictionary_at);
    put_statistics(t, chunk);
    if (chunk->page_counts[2] != 0) {
        shale_thrift_list(t, 13, SHALE_THRIFT_STRUCT, 1);
        shale_thrift_element_struct(t);
        for (int16_t i = 0; i < 3; i++)
            shale_thrift_i32(t, (int16_t)(i + 1), chunk->page_counts[i]);
        shale_thrift_end(t);
    }
    put_i64(t, 14, chunk->bloom[0]);
    put_i32(t, 15, chunk->bloom[1]);
    if (chunk->histogram != LEFT_OUT) {
        shale_thrift_struct(t, 16);
        shale_thrift_list(t, 3, SHALE_THRIFT_I64, 2);
        shale_thrift_element_i64(t, chunk->histogram);
        shale_thrift_element_i64(t, chunk->histogram);
        shale_thrift_end(t);
    }
    shale_thrift_end(t);
}

static inline void put_chunk(struct shale_thrift *t, const struct made_chunk *chunk)
{
    shale_thrift_element_struct(t);
    if (chunk->elsewhere)
        shale_thrift_binary(t, 1, SHALE_STR("other.parquet"));
    shale_thrift_i64(t, 2, 0);
    if (!chunk->no_meta)
        put_meta(t, chunk);
    put_i64(t, 4, chunk->offset_index[0]);
    put_i32(t, 5, chunk->offset_index[1]);
    put_i64(t, 6, chunk->column_index[0]);
    put_i32(t, 7, chunk->column_index[1]);
    if (chunk->encrypted) {
        shale_thrift_struct(t, 8);
        shale_thrift_end(t);
    }
    shale_thrift_end(t);
}

static inline void put_group(struct shale_thrift *t, const struct made_file *file, size_t i)
{
    shale_thrift_element_struct(t);
    shale_thrift_list(t, 1, SHALE_THRIFT_STRUCT, file->n_chunks);
    for (size_t k = 0; k < file->n_chunks; k++)
        put_chunk(t, &file->chunks[i * file->n_chunks + k]);
    put_i64(t, 2, file->group_bytes);
    put_i64(t, 3, file->group_rows[i]);
    if (file->sorting >= 0) {
        shale_thrift_list(t, 4, SHALE_THRIFT_STRUCT, 1);
        shale_thrift_element_struct(t);
        shale_thrift_i32(t, 1, file->sorting);
        shale_thrift_bool(t, 2, true);
        shale_thrift_bool(t, 3, false);
        shale_thrift_end(t);
    }
    shale_thrift_end(t);
}

/* The FileMetaData, appended to 'out'. */
static inline enum shale_status make_footer(const struct made_file *file, struct shale_buf *out)
{
    struct shale_thrift t;
    shale_thrift_init(&t, out);
    shale_thrift_i32(&t, 1, 2);
    shale_thrift_list(&t, 2, SHALE_THRIFT_STRUCT, file->n_nodes);
    for (size_t i = 0; i < file->n_nodes; i++)
        put_node(&t, &file->nodes[i]);
    put_i64(&t, 3, file->n_rows);
    shale_thrift_list(&t, 4, SHALE_THRIFT_STRUCT, file->n_groups);
    for (size_t i = 0; i < file->n_groups; i++)
        put_group(&t, file, i);
    shale_thrift_list(&t, 5, SHALE_THRIFT_STRUCT, 1);
    shale_thrift_element_struct(&t);
    shale_thrift_binary(&t, 1, SHALE_STR("a key"));
    shale_thrift_binary(&t, 2, SHALE_STR("a value"));
    shale_thrift_end(&t);
    shale_thrift_binary(&t, 6, shale_str_of(file->created_by));
    if (file->n_orders > 0)
        shale_thrift_list(&t, 7, SHALE_THRIFT_STRUCT, file->n_orders);
    for (size_t i = 0; i < file->n_orders; i++) {
        shale_thrift_element_struct(&t);
        shale_thrift_struct(&t, 1);
        shale_thrift_end(&t);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    return t.status;
}

/* Append the footer's length and the magic to a file of which it has 'n_bytes'. */
static inline enum shale_status end_file(struct shale_buf *out, size_t n_bytes)
{
    char tail[9];
    for (int i = 0; i < 4; i++)
        tail[i] = (char)(n_bytes >> 8 * i);
    memcpy(tail + 4, "PAR1", 5);
    return shale_buf_append(out, tail, 8);
}

/* The whole file: a magic, 'body' (100 zero bytes when it has none), the footer. */
static inline enum shale_status make_file(const struct made_file *file, struct shale_buf *out)
{
    static const char zeros[100] = {0};
    enum shale_status status = shale_buf_append(out, "PAR1", 4);
    size_t begin;
    if (status == SHALE_OK)
        status = file->body.n_bytes > 0 ? shale_buf_append_str(out, file->body)
                                        : shale_buf_append(out, zeros, sizeof zeros);
    begin = out->n_bytes;
    if (status == SHALE_OK)
        status = make_footer(file, out);
    return status == SHALE_OK ? end_file(out, out->n_bytes - begin) : status;
}

#endif
