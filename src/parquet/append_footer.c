/* SPDX-License-Identifier: MIT */
/* A chunk of another file in our footer (parquet.thrift, ColumnChunk): what that file says of it,
 * as far as it was checked and holds under another created_by. */
#include "parquet/append_parts.h"
#include "parquet/bounds.h"

static void put_encodings(struct shale_thrift *thrift, const struct shale_file_chunk *chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < chunk->n_encodings; i++)
        n += chunk->encodings[i] >= 0;
    shale_thrift_list(thrift, 2, SHALE_THRIFT_I32, n);
    for (size_t i = 0; i < chunk->n_encodings; i++)
        if (chunk->encodings[i] >= 0)
            shale_thrift_element_i32(thrift, chunk->encodings[i]);
}

static void put_statistics(struct shale_thrift *thrift,
                           const struct shale_file_statistics *statistics)
{
    const struct shale_file_bound *maximum = &statistics->maximum, *minimum = &statistics->minimum;
    shale_thrift_struct(thrift, 12);
    if (statistics->n_nulls >= 0)
        shale_thrift_i64(thrift, 3, statistics->n_nulls);
    if (statistics->n_distinct >= 0)
        shale_thrift_i64(thrift, 4, statistics->n_distinct);
    if (maximum->present)
        shale_thrift_binary(thrift, 5, maximum->value);
    if (minimum->present)
        shale_thrift_binary(thrift, 6, minimum->value);
    if (maximum->present && maximum->exact_is_said)
        shale_thrift_bool(thrift, 7, maximum->exact);
    if (minimum->present && minimum->exact_is_said)
        shale_thrift_bool(thrift, 8, minimum->exact);
    shale_thrift_end(thrift);
}

static void put_page_counts(struct shale_thrift *thrift, const struct shale_file_chunk *chunk)
{
    if (chunk->n_page_counts == 0)
        return;
    shale_thrift_list(thrift, 13, SHALE_THRIFT_STRUCT, chunk->n_page_counts);
    for (size_t i = 0; i < chunk->n_page_counts; i++) {
        shale_thrift_element_struct(thrift);
        shale_thrift_i32(thrift, 1, chunk->page_counts[i].page_type);
        shale_thrift_i32(thrift, 2, chunk->page_counts[i].encoding);
        shale_thrift_i32(thrift, 3, chunk->page_counts[i].n);
        shale_thrift_end(thrift);
    }
}

static void put_histogram(struct shale_thrift *thrift, int16_t id, const int64_t *counts, size_t n)
{
    if (n == 0)
        return;
    shale_thrift_list(thrift, id, SHALE_THRIFT_I64, n);
    for (size_t i = 0; i < n; i++)
        shale_thrift_element_i64(thrift, counts[i]);
}

static void put_sizes(struct shale_thrift *thrift, const struct shale_file_chunk *chunk)
{
    if (chunk->n_byte_array_bytes < 0 && chunk->n_repetition_histogram == 0 &&
        chunk->n_definition_histogram == 0)
        return;
    shale_thrift_struct(thrift, 16); /* SizeStatistics */
    if (chunk->n_byte_array_bytes >= 0)
        shale_thrift_i64(thrift, 1, chunk->n_byte_array_bytes);
    put_histogram(thrift, 2, chunk->repetition_histogram, chunk->n_repetition_histogram);
    put_histogram(thrift, 3, chunk->definition_histogram, chunk->n_definition_histogram);
    shale_thrift_end(thrift);
}

static void put_chunk(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                      const struct shale_file_chunk *chunk, int64_t bloom_at, int64_t bloom_bytes)
{
    shale_thrift_i64(thrift, 2, 0); /* file_offset, deprecated: "writers should set this to 0" */
    shale_thrift_struct(thrift, 3); /* ColumnMetaData */
    shale_thrift_i32(thrift, 1, (int32_t)leaf->physical);
    put_encodings(thrift, chunk);
    shale_footer_put_path(thrift, leaf);
    shale_thrift_i32(thrift, 4, chunk->codec);
    shale_thrift_i64(thrift, 5, chunk->n_values);
    shale_thrift_i64(thrift, 6, chunk->uncompressed_bytes);
    shale_thrift_i64(thrift, 7, chunk->compressed_bytes);
    shale_thrift_i64(thrift, 9, chunk->data_page_at);
    if (chunk->dictionary_page_at >= 0)
        shale_thrift_i64(thrift, 11, chunk->dictionary_page_at);
    put_statistics(thrift, &chunk->statistics);
    put_page_counts(thrift, chunk);
    if (bloom_bytes > 0) {
        shale_thrift_i64(thrift, 14, bloom_at);
        shale_thrift_i32(thrift, 15, (int32_t)bloom_bytes);
    }
    put_sizes(thrift, chunk);
    shale_thrift_end(thrift);
}

bool shale_append_bounds_hold(const struct shale_file_leaf *info)
{
    return info->ordered || shale_order_is_signed(info->order);
}

enum shale_status shale_append_put_chunk(struct shale_footer_parts *parts,
                                         const struct shale_leaf *leaf,
                                         const struct shale_file_leaf *info,
                                         const struct shale_file_chunk *chunk, int64_t bloom_at,
                                         int64_t bloom_bytes)
{
    size_t before = parts->thrift.n_bytes;
    struct shale_footer_piece piece = {0};
    struct shale_thrift thrift;
    shale_thrift_init(&thrift, &parts->thrift);
    put_chunk(&thrift, leaf, chunk, bloom_at, bloom_bytes);
    if (thrift.status != SHALE_OK)
        return thrift.status;
    piece.n_bytes = (uint32_t)(parts->thrift.n_bytes - before);
    if (chunk->offset_index_at >= 0)
        piece.offset_index_bytes = (uint32_t)chunk->offset_index_bytes;
    if (chunk->column_index_at >= 0 && shale_append_bounds_hold(info))
        piece.column_index_bytes = (uint32_t)chunk->column_index_bytes;
    return shale_buf_append(&parts->pieces, &piece, sizeof piece);
}
