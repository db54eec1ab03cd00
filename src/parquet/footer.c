/* SPDX-License-Identifier: MIT */
/* The footer's structs, field by field as parquet.thrift numbers them. */
#include "parquet/footer.h"

#include "parquet/footer_tree.h"

/* "Writers should always populate 1" (parquet.thrift, FileMetaData.version). */
enum { FORMAT_VERSION = 1 };

/* ---- Row groups --------------------------------------------------------------------------------
 */

static void put_statistics(struct shale_thrift *thrift, const struct shale_chunk_meta *meta)
{
    shale_thrift_struct(thrift, 12);
    shale_thrift_i64(thrift, 3, meta->n_nulls);
    if (meta->has_maximum)
        shale_thrift_binary(thrift, 5,
                            (struct shale_str){(const char *)meta->maximum, meta->maximum_bytes});
    if (meta->has_minimum)
        shale_thrift_binary(thrift, 6,
                            (struct shale_str){(const char *)meta->minimum, meta->minimum_bytes});
    if (meta->has_maximum)
        shale_thrift_bool(thrift, 7, meta->maximum_exact);
    if (meta->has_minimum)
        shale_thrift_bool(thrift, 8, meta->minimum_exact);
    shale_thrift_end(thrift);
}

static void put_encoding_stat(struct shale_thrift *thrift, enum shale_page_type type,
                              enum shale_encoding encoding, int32_t n_pages)
{
    if (n_pages == 0)
        return;
    shale_thrift_element_struct(thrift);
    shale_thrift_i32(thrift, 1, (int32_t)type);
    shale_thrift_i32(thrift, 2, (int32_t)encoding);
    shale_thrift_i32(thrift, 3, n_pages);
    shale_thrift_end(thrift);
}

static void put_encoding_stats(struct shale_thrift *thrift, const struct shale_chunk_meta *meta)
{
    bool dictionary = meta->dictionary_page_at >= 0;
    size_t n = (size_t)dictionary + (meta->n_dictionary_encoded > 0) + (meta->n_plain > 0);
    shale_thrift_list(thrift, 13, SHALE_THRIFT_STRUCT, n);
    put_encoding_stat(thrift, SHALE_PAGE_DICTIONARY, SHALE_ENCODING_PLAIN, dictionary);
    put_encoding_stat(thrift, SHALE_PAGE_DATA, SHALE_ENCODING_RLE_DICTIONARY,
                      meta->n_dictionary_encoded);
    put_encoding_stat(thrift, SHALE_PAGE_DATA, SHALE_ENCODING_PLAIN, meta->n_plain);
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

/* The names from the column to the values: a list is two groups, a map too. */
static void put_path(struct shale_thrift *thrift, const struct shale_leaf *leaf)
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

static void put_chunk(struct shale_thrift *thrift, const struct shale_leaf *leaf,
                      enum shale_codec codec, const struct shale_chunk_meta *meta, int64_t at)
{
    bool dictionary = meta->dictionary_page_at >= 0;
    shale_thrift_element_struct(thrift);
    shale_thrift_i64(thrift, 2, 0); /* file_offset, deprecated: "writers should set this to 0" */
    shale_thrift_struct(thrift, 3); /* ColumnMetaData */
    shale_thrift_i32(thrift, 1, (int32_t)leaf->physical);
    shale_thrift_list(thrift, 2, SHALE_THRIFT_I32, dictionary ? 3 : 2);
    if (dictionary)
        shale_thrift_element_i32(thrift, SHALE_ENCODING_RLE_DICTIONARY);
    shale_thrift_element_i32(thrift, SHALE_ENCODING_PLAIN);
    shale_thrift_element_i32(thrift, SHALE_ENCODING_RLE);
    put_path(thrift, leaf);
    shale_thrift_i32(thrift, 4, compression_of(codec));
    shale_thrift_i64(thrift, 5, meta->n_values);
    shale_thrift_i64(thrift, 6, meta->uncompressed_bytes);
    shale_thrift_i64(thrift, 7, meta->compressed_bytes);
    shale_thrift_i64(thrift, 9, at + meta->data_page_at);
    if (dictionary)
        shale_thrift_i64(thrift, 11, at + meta->dictionary_page_at);
    put_statistics(thrift, meta);
    put_encoding_stats(thrift, meta);
    shale_thrift_end(thrift);
    shale_thrift_end(thrift);
}

void shale_footer_row_group(struct shale_thrift *thrift, const struct shale_schema *schema,
                            enum shale_codec codec, const struct shale_chunk_meta *metas,
                            int64_t n_rows, int64_t at, size_t ordinal)
{
    int64_t uncompressed = 0, compressed = 0;
    struct shale_leaf leaf;
    size_t n = 0;
    shale_thrift_element_struct(thrift);
    shale_thrift_list(thrift, 1, SHALE_THRIFT_STRUCT, shale_leaf_count(schema));
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (schema->columns[i].partition_only)
            continue;
        shale_leaf_first(&schema->columns[i], &leaf);
        do {
            put_chunk(thrift, &leaf, codec, &metas[n], at + compressed);
            uncompressed += metas[n].uncompressed_bytes;
            compressed += metas[n++].compressed_bytes;
        } while (shale_leaf_next(&leaf));
    }
    shale_thrift_i64(thrift, 2, uncompressed);
    shale_thrift_i64(thrift, 3, n_rows);
    shale_thrift_i64(thrift, 5, at); /* file_offset */
    shale_thrift_i64(thrift, 6, compressed);
    if (ordinal <= INT16_MAX) /* optional, and only 16 bits wide */
        shale_thrift_i16(thrift, 7, (int16_t)ordinal);
    shale_thrift_end(thrift);
}

/* ---- The file ----------------------------------------------------------------------------------
 */

void shale_footer_file(struct shale_thrift *thrift, const struct shale_schema *schema,
                       int64_t n_rows, struct shale_str row_groups, size_t n_row_groups,
                       struct shale_str created_by)
{
    size_t n_leaves = shale_leaf_count(schema);
    shale_thrift_i32(thrift, 1, FORMAT_VERSION);
    shale_footer_tree(thrift, schema);
    shale_thrift_i64(thrift, 3, n_rows);
    shale_thrift_list(thrift, 4, SHALE_THRIFT_STRUCT, n_row_groups);
    shale_thrift_raw(thrift, row_groups.data, row_groups.n_bytes);
    /* 5, key_value_metadata, would stand here. */
    shale_thrift_binary(thrift, 6, created_by);
    shale_thrift_list(thrift, 7, SHALE_THRIFT_STRUCT, n_leaves);
    for (size_t i = 0; i < n_leaves; i++) {
        shale_thrift_element_struct(thrift); /* ColumnOrder, a union: TYPE_ORDER */
        shale_thrift_struct(thrift, 1);
        shale_thrift_end(thrift);
        shale_thrift_end(thrift);
    }
    shale_thrift_end(thrift);
}
