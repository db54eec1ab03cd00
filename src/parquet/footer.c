/* SPDX-License-Identifier: MIT */
/* The footer's structs, field by field as parquet.thrift numbers them. */
#include "parquet/footer.h"

#include <stdio.h>

#include "parquet/footer_tree.h"
#include "parquet/parquet.h"
#include "parquet/write_index.h"

/* "Writers should always populate 1" (parquet.thrift, FileMetaData.version). */
enum { FORMAT_VERSION = 1 };

/* ---- Row groups --------------------------------------------------------------------------------
 */

static void put_statistics(struct shale_thrift *thrift, const struct shale_chunk_meta *meta)
{
    const struct shale_chunk_bounds *bounds = &meta->bounds;
    const struct shale_str minimum = {(const char *)bounds->minimum, bounds->minimum_bytes};
    const struct shale_str maximum = {(const char *)bounds->maximum, bounds->maximum_bytes};
    shale_thrift_struct(thrift, 12);
    shale_thrift_i64(thrift, 3, meta->n_nulls);
    if (bounds->has_maximum)
        shale_thrift_binary(thrift, 5, maximum);
    if (bounds->has_minimum)
        shale_thrift_binary(thrift, 6, minimum);
    if (bounds->has_maximum)
        shale_thrift_bool(thrift, 7, bounds->maximum_exact);
    if (bounds->has_minimum)
        shale_thrift_bool(thrift, 8, bounds->minimum_exact);
    shale_thrift_end(thrift);
}

static void put_encoding_stat(struct shale_thrift *thrift, enum shale_page_type type,
                              int32_t encoding, int32_t n_pages)
{
    if (n_pages == 0)
        return;
    shale_thrift_element_struct(thrift);
    shale_thrift_i32(thrift, 1, (int32_t)type);
    shale_thrift_i32(thrift, 2, encoding);
    shale_thrift_i32(thrift, 3, n_pages);
    shale_thrift_end(thrift);
}

/* What was used most, and by every reader's custom first: the dictionary. */
static void put_encoding_stats(struct shale_thrift *thrift, const struct shale_chunk_meta *meta)
{
    bool dictionary = meta->dictionary_page_at >= 0;
    enum shale_page_type type = meta->is_v2 ? SHALE_PAGE_DATA_V2 : SHALE_PAGE_DATA;
    size_t n = dictionary;
    for (size_t i = 0; i < SHALE_N_ENCODINGS; i++)
        n += meta->n_pages[i] > 0;
    shale_thrift_list(thrift, 13, SHALE_THRIFT_STRUCT, n);
    put_encoding_stat(thrift, SHALE_PAGE_DICTIONARY, SHALE_ENCODING_PLAIN, dictionary);
    for (int32_t i = SHALE_N_ENCODINGS - 1; i >= 0; i--)
        put_encoding_stat(thrift, type, i, meta->n_pages[i]);
}

/* All encodings of the chunk, those of its dictionary and levels included. */
static void put_encodings(struct shale_thrift *thrift, const struct shale_chunk_meta *meta)
{
    bool used[SHALE_N_ENCODINGS];
    size_t n = 0;
    for (size_t i = 0; i < SHALE_N_ENCODINGS; i++)
        used[i] = meta->n_pages[i] > 0;
    used[SHALE_ENCODING_RLE] = true;
    if (meta->dictionary_page_at >= 0)
        used[SHALE_ENCODING_PLAIN] = true;
    for (size_t i = 0; i < SHALE_N_ENCODINGS; i++)
        n += used[i];
    shale_thrift_list(thrift, 2, SHALE_THRIFT_I32, n);
    for (int32_t i = 0; i < SHALE_N_ENCODINGS; i++)
        if (used[i])
            shale_thrift_element_i32(thrift, i);
}

static void put_sizes(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                      const struct shale_chunk_meta *meta)
{
    shale_thrift_struct(thrift, 16); /* SizeStatistics */
    if (leaf->physical == SHALE_PHYSICAL_BYTE_ARRAY)
        shale_thrift_i64(thrift, 1, meta->n_byte_array_bytes);
    shale_index_put_sizes(thrift, leaf, meta);
    shale_thrift_end(thrift);
}

static int32_t compression_of(enum shale_codec codec)
{
    switch (codec) {
    case SHALE_CODEC_GZIP:
        return SHALE_COMPRESSION_GZIP;
    case SHALE_CODEC_ZSTD:
        return SHALE_COMPRESSION_ZSTD;
    case SHALE_CODEC_SNAPPY:
        return SHALE_COMPRESSION_SNAPPY;
    case SHALE_CODEC_LZ4:
        return SHALE_COMPRESSION_LZ4_RAW;
    case SHALE_CODEC_LZ4_OLD:
    case SHALE_CODEC_NONE:
        break;
    }
    return SHALE_COMPRESSION_UNCOMPRESSED;
}

void shale_footer_put_path(struct shale_thrift *thrift, const struct shale_leaf *leaf)
{
    const struct shale_type *type = &leaf->column->type;
    size_t n = 1;
    for (size_t i = 0; i < leaf->n_steps; i++)
        n += leaf->steps[i].is_list ? 2 : 1;
    shale_thrift_list(thrift, 3, SHALE_THRIFT_BINARY, n);
    shale_thrift_element_binary(thrift, leaf->column->name);
    for (size_t i = 0; i < leaf->n_steps; i++) {
        const struct shale_type_member *member = &type->members[leaf->steps[i].child];
        if (type->kind == SHALE_STRUCT) {
            shale_thrift_element_binary(thrift, member->name);
        } else if (type->kind == SHALE_LIST) {
            shale_thrift_element_binary(thrift, SHALE_STR("list"));
            shale_thrift_element_binary(thrift, SHALE_STR("element"));
        } else {
            shale_thrift_element_binary(thrift, SHALE_STR("key_value"));
            shale_thrift_element_binary(thrift, leaf->steps[i].child == 0 ? SHALE_STR("key")
                                                                          : SHALE_STR("value"));
        }
        type = &member->type;
    }
}

/* All of a ColumnChunk but the places of its indexes.  'at' is where its first page is. */
static void put_chunk(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                      enum shale_codec codec, const struct shale_chunk_meta *meta, int64_t at,
                      int64_t bloom_at)
{
    shale_thrift_i64(thrift, 2, 0); /* file_offset, deprecated: "writers should set this to 0" */
    shale_thrift_struct(thrift, 3); /* ColumnMetaData */
    shale_thrift_i32(thrift, 1, (int32_t)leaf->physical);
    put_encodings(thrift, meta);
    shale_footer_put_path(thrift, leaf);
    shale_thrift_i32(thrift, 4, compression_of(codec));
    shale_thrift_i64(thrift, 5, meta->n_values);
    shale_thrift_i64(thrift, 6, meta->uncompressed_bytes);
    shale_thrift_i64(thrift, 7, meta->compressed_bytes);
    shale_thrift_i64(thrift, 9, at + meta->data_page_at);
    if (meta->dictionary_page_at >= 0)
        shale_thrift_i64(thrift, 11, at + meta->dictionary_page_at);
    put_statistics(thrift, meta);
    put_encoding_stats(thrift, meta);
    if (meta->bloom.n_bytes > 0) {
        shale_thrift_i64(thrift, 14, bloom_at);
        shale_thrift_i32(thrift, 15, (int32_t)meta->bloom.n_bytes);
    }
    put_sizes(thrift, leaf, meta);
    shale_thrift_end(thrift);
}

/* ---- Pieces ------------------------------------------------------------------------------------
 */

enum shale_status shale_footer_chunk(struct shale_footer_parts *parts,
                                     struct shale_footer_indexes *indexes,
                                     const struct shale_leaf *leaf, enum shale_codec codec,
                                     const struct shale_chunk_meta *meta, int64_t at,
                                     int64_t bloom_at)
{
    size_t before = parts->thrift.n_bytes, columns = indexes->columns.n_bytes;
    size_t offsets = indexes->offsets.n_bytes;
    struct shale_footer_piece piece;
    struct shale_thrift thrift, column_index, offset_index;
    shale_thrift_init(&thrift, &parts->thrift);
    put_chunk(&thrift, leaf, codec, meta, at, bloom_at);
    shale_thrift_init(&column_index, &indexes->columns);
    shale_index_put_columns(&column_index, leaf, meta);
    shale_thrift_init(&offset_index, &indexes->offsets);
    shale_index_put_offsets(&offset_index, leaf, meta, at + meta->data_page_at);
    piece = (struct shale_footer_piece){
        .n_bytes = (uint32_t)(parts->thrift.n_bytes - before),
        .column_index_bytes = (uint32_t)(indexes->columns.n_bytes - columns),
        .offset_index_bytes = (uint32_t)(indexes->offsets.n_bytes - offsets),
    };
    if (thrift.status != SHALE_OK)
        return thrift.status;
    if (column_index.status != SHALE_OK)
        return column_index.status;
    if (offset_index.status != SHALE_OK)
        return offset_index.status;
    return shale_buf_append(&parts->pieces, &piece, sizeof(piece));
}

static void put_sorting(struct shale_thrift *thrift, const struct shale_footer_group *group)
{
    if (group->n_sorting == 0)
        return;
    shale_thrift_list(thrift, 4, SHALE_THRIFT_STRUCT, group->n_sorting);
    for (size_t i = 0; i < group->n_sorting; i++) {
        shale_thrift_element_struct(thrift); /* SortingColumn */
        shale_thrift_i32(thrift, 1, group->sorting[i].leaf);
        shale_thrift_bool(thrift, 2, group->sorting[i].descending);
        shale_thrift_bool(thrift, 3, group->sorting[i].nulls_first);
        shale_thrift_end(thrift);
    }
}

enum shale_status shale_footer_group(struct shale_footer_parts *parts,
                                     const struct shale_footer_group *group)
{
    size_t before = parts->thrift.n_bytes;
    struct shale_footer_piece piece = {0};
    struct shale_thrift thrift;
    shale_thrift_init(&thrift, &parts->thrift);
    shale_thrift_resume(&thrift, 1);
    shale_thrift_i64(&thrift, 2, group->uncompressed_bytes);
    shale_thrift_i64(&thrift, 3, group->n_rows);
    put_sorting(&thrift, group);
    shale_thrift_i64(&thrift, 5, group->at); /* file_offset */
    shale_thrift_i64(&thrift, 6, group->compressed_bytes);
    if (group->ordinal <= INT16_MAX) /* optional, and only 16 bits wide */
        shale_thrift_i16(&thrift, 7, (int16_t)group->ordinal);
    piece.n_bytes = (uint32_t)(parts->thrift.n_bytes - before);
    if (thrift.status != SHALE_OK)
        return thrift.status;
    return shale_buf_append(&parts->pieces, &piece, sizeof(piece));
}

enum shale_status shale_footer_row_group(struct shale_footer_parts *parts,
                                         const struct shale_schema *schema, enum shale_codec codec,
                                         const struct shale_row_group *group, int64_t at,
                                         size_t ordinal)
{
    const struct shale_chunk_meta *meta = group->metas;
    size_t n_leaves = shale_leaf_count(schema);
    int64_t chunk_at = at, bloom_at = at;
    struct shale_footer_group tail = {.n_rows = group->n_rows,
                                      .sorting = group->sorting,
                                      .n_sorting = group->n_sorting,
                                      .at = at,
                                      .ordinal = ordinal};
    enum shale_status status = SHALE_OK;
    struct shale_leaf leaf;
    for (size_t i = 0; i < n_leaves; i++) {
        bloom_at += meta[i].compressed_bytes;
        tail.compressed_bytes += meta[i].compressed_bytes;
        tail.uncompressed_bytes += meta[i].uncompressed_bytes;
    }
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++) {
        if (schema->columns[i].partition_only)
            continue;
        shale_leaf_first(&schema->columns[i], &leaf);
        do {
            status =
                shale_footer_chunk(parts, &parts->indexes, &leaf, codec, meta, chunk_at, bloom_at);
            chunk_at += meta->compressed_bytes;
            bloom_at += (int64_t)meta->bloom.n_bytes;
            meta++;
        } while (status == SHALE_OK && shale_leaf_next(&leaf));
    }
    return status == SHALE_OK ? shale_footer_group(parts, &tail) : status;
}

/* ---- The file ----------------------------------------------------------------------------------
 */

/* Reading the pieces one by one, and the places of their indexes. */
struct pieces {
    const struct shale_footer_piece *next;
    const char *thrift;
    int64_t column_index_at, offset_index_at;
};

static void put_piece(struct shale_thrift *thrift, struct pieces *pieces)
{
    shale_thrift_raw(thrift, pieces->thrift, pieces->next->n_bytes);
    pieces->thrift += pieces->next->n_bytes;
}

static void put_chunk_piece(struct shale_thrift *thrift, struct pieces *pieces)
{
    const struct shale_footer_piece *piece = pieces->next;
    shale_thrift_element_struct(thrift); /* ColumnChunk */
    put_piece(thrift, pieces);
    shale_thrift_resume(thrift, 3);
    if (piece->offset_index_bytes > 0) {
        shale_thrift_i64(thrift, 4, pieces->offset_index_at);
        shale_thrift_i32(thrift, 5, (int32_t)piece->offset_index_bytes);
    }
    if (piece->column_index_bytes > 0) {
        shale_thrift_i64(thrift, 6, pieces->column_index_at);
        shale_thrift_i32(thrift, 7, (int32_t)piece->column_index_bytes);
    }
    shale_thrift_end(thrift);
    pieces->offset_index_at += piece->offset_index_bytes;
    pieces->column_index_at += piece->column_index_bytes;
    pieces->next++;
}

static void put_row_groups(struct shale_thrift *thrift, const struct shale_footer *footer,
                           size_t n_leaves)
{
    struct pieces pieces = {
        .next = (const struct shale_footer_piece *)(const void *)footer->parts->pieces.data,
        .thrift = footer->parts->thrift.data,
        .column_index_at = footer->column_indexes_at,
        .offset_index_at = footer->offset_indexes_at,
    };
    shale_thrift_list(thrift, 4, SHALE_THRIFT_STRUCT, footer->n_row_groups);
    for (size_t group = 0; group < footer->n_row_groups; group++) {
        shale_thrift_element_struct(thrift); /* RowGroup */
        shale_thrift_list(thrift, 1, SHALE_THRIFT_STRUCT, n_leaves);
        for (size_t i = 0; i < n_leaves; i++)
            put_chunk_piece(thrift, &pieces);
        put_piece(thrift, &pieces);
        pieces.next++;
        shale_thrift_end(thrift);
    }
}

static void put_pair(struct shale_thrift *thrift, struct shale_str key, struct shale_str value)
{
    shale_thrift_element_struct(thrift); /* KeyValue */
    shale_thrift_binary(thrift, 1, key);
    shale_thrift_binary(thrift, 2, value);
    shale_thrift_end(thrift);
}

/* Leaves of INT96 with digits behind the microseconds: our reader has to know.  How many there are;
 * with 'thrift' a pair of each. */
static size_t put_int96_ns(struct shale_thrift *thrift, const struct shale_schema *schema)
{
    struct shale_leaf leaf;
    size_t number = 0, n = 0;
    char text[24];
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i].partition_only)
            continue;
        shale_leaf_first(&schema->columns[i], &leaf);
        do {
            (void)snprintf(text, sizeof(text), "%zu", number++);
            if (leaf.physical != SHALE_PHYSICAL_INT96 || leaf.type.unit != SHALE_NS)
                continue;
            if (thrift != NULL)
                put_pair(thrift, SHALE_STR(SHALE_INT96_NS_KEY), shale_str_of(text));
            n++;
        } while (shale_leaf_next(&leaf));
    }
    return n;
}

static void put_pairs(struct shale_thrift *thrift, const struct shale_footer *footer)
{
    size_t n = footer->n_pairs + put_int96_ns(NULL, footer->schema) + (footer->others.n_bytes > 0);
    if (n == 0)
        return;
    shale_thrift_list(thrift, 5, SHALE_THRIFT_STRUCT, n);
    for (size_t i = 0; i < footer->n_pairs; i++)
        put_pair(thrift, footer->pairs[i].key, footer->pairs[i].value);
    (void)put_int96_ns(thrift, footer->schema);
    if (footer->others.n_bytes > 0)
        put_pair(thrift, SHALE_STR(SHALE_OTHERS_KEY), footer->others);
}

void shale_footer_file(struct shale_thrift *thrift, const struct shale_footer *footer)
{
    size_t n_leaves = shale_leaf_count(footer->schema);
    shale_thrift_i32(thrift, 1, FORMAT_VERSION);
    shale_footer_tree(thrift, footer->schema);
    shale_thrift_i64(thrift, 3, footer->n_rows);
    put_row_groups(thrift, footer, n_leaves);
    put_pairs(thrift, footer);
    shale_thrift_binary(thrift, 6, footer->created_by);
    shale_thrift_list(thrift, 7, SHALE_THRIFT_STRUCT, n_leaves);
    for (size_t i = 0; i < n_leaves; i++) {
        shale_thrift_element_struct(thrift); /* ColumnOrder, a union: TYPE_ORDER */
        shale_thrift_struct(thrift, 1);
        shale_thrift_end(thrift);
        shale_thrift_end(thrift);
    }
    shale_thrift_end(thrift);
}
