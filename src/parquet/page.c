/* SPDX-License-Identifier: MIT */
/* Pages (parquet.thrift, PageHeader).  One of v1 that compression makes larger is written
 * compressed all the same, since the chunk's codec holds for all of its pages; one of v2 says
 * itself whether it is. */
#include "parquet/page.h"

#include "codec/crc32.h"
#include "parquet/thrift.h"

void shale_page_maker_init(struct shale_page_maker *maker, const struct shale_mem *mem)
{
    maker->encoder = NULL;
    shale_buf_init(&maker->packed, mem, INT32_MAX);
    shale_buf_init(&maker->header, mem, INT32_MAX);
}

void shale_page_maker_fini(struct shale_page_maker *maker)
{
    shale_encoder_free(maker->encoder);
    maker->encoder = NULL;
    shale_buf_fini(&maker->packed);
    shale_buf_fini(&maker->header);
}

static enum shale_status compress(struct shale_page_maker *maker, enum shale_codec codec, int level,
                                  struct shale_str *body)
{
    enum shale_status status = SHALE_OK;
    if (maker->encoder == NULL)
        status = shale_encoder_new(maker->packed.mem, &maker->encoder);
    shale_buf_reset(&maker->packed);
    if (status == SHALE_OK)
        status = shale_encoder_compress(maker->encoder, codec, level, body->data, body->n_bytes,
                                        &maker->packed);
    *body = shale_buf_str(&maker->packed);
    return status;
}

static void put_data_v2(struct shale_thrift *thrift, const struct shale_page *page,
                        bool is_compressed)
{
    shale_thrift_struct(thrift, 8); /* DataPageHeaderV2 */
    shale_thrift_i32(thrift, 1, page->n_values);
    shale_thrift_i32(thrift, 2, page->n_nulls);
    shale_thrift_i32(thrift, 3, page->n_rows);
    shale_thrift_i32(thrift, 4, (int32_t)page->encoding);
    shale_thrift_i32(thrift, 5, page->definition_bytes);
    shale_thrift_i32(thrift, 6, page->repetition_bytes);
    shale_thrift_bool(thrift, 7, is_compressed);
}

static void put_data_v1(struct shale_thrift *thrift, const struct shale_page *page)
{
    shale_thrift_struct(thrift, 5); /* DataPageHeader */
    shale_thrift_i32(thrift, 1, page->n_values);
    shale_thrift_i32(thrift, 2, (int32_t)page->encoding);
    shale_thrift_i32(thrift, 3, SHALE_ENCODING_RLE); /* definition levels */
    shale_thrift_i32(thrift, 4, SHALE_ENCODING_RLE); /* repetition levels */
}

static enum shale_status make_header(struct shale_buf *out, const struct shale_page *page,
                                     struct shale_str body, bool is_compressed)
{
    struct shale_thrift thrift;
    uint32_t crc = shale_crc32(0, page->levels.data, page->levels.n_bytes);
    shale_buf_reset(out);
    shale_thrift_init(&thrift, out);
    shale_thrift_i32(&thrift, 1, (int32_t)page->type);
    shale_thrift_i32(&thrift, 2, (int32_t)(page->levels.n_bytes + page->body.n_bytes));
    shale_thrift_i32(&thrift, 3, (int32_t)(page->levels.n_bytes + body.n_bytes));
    shale_thrift_i32(&thrift, 4, (int32_t)shale_crc32(crc, body.data, body.n_bytes));
    if (page->type == SHALE_PAGE_DICTIONARY) {
        shale_thrift_struct(&thrift, 7); /* DictionaryPageHeader */
        shale_thrift_i32(&thrift, 1, page->n_values);
        shale_thrift_i32(&thrift, 2, (int32_t)page->encoding);
    } else if (page->type == SHALE_PAGE_DATA_V2) {
        put_data_v2(&thrift, page, is_compressed);
    } else {
        put_data_v1(&thrift, page);
    }
    shale_thrift_end(&thrift);
    shale_thrift_end(&thrift);
    return thrift.status;
}

enum shale_status shale_page_make(struct shale_page_maker *maker, const struct shale_page *page,
                                  enum shale_codec codec, int level, struct shale_str *body)
{
    bool v2 = page->type == SHALE_PAGE_DATA_V2;
    bool compressed = codec != SHALE_CODEC_NONE && (!v2 || page->body.n_bytes > 0);
    enum shale_status status = SHALE_OK;
    *body = page->body;
    if (page->body.n_bytes > INT32_MAX || page->levels.n_bytes > INT32_MAX - page->body.n_bytes)
        return SHALE_LIMIT;
    if (compressed)
        status = compress(maker, codec, level, body);
    if (compressed && v2 && status == SHALE_OK && body->n_bytes >= page->body.n_bytes) {
        *body = page->body;
        compressed = false;
    }
    if (status == SHALE_OK && page->levels.n_bytes > INT32_MAX - body->n_bytes)
        status = SHALE_LIMIT;
    return status == SHALE_OK ? make_header(&maker->header, page, *body, compressed) : status;
}

enum shale_status shale_page_stored(struct shale_page_maker *maker, enum shale_codec codec,
                                    int level, struct shale_str data, size_t *n_bytes)
{
    enum shale_status status = SHALE_OK;
    if (codec != SHALE_CODEC_NONE)
        status = compress(maker, codec, level, &data);
    *n_bytes = data.n_bytes;
    return status;
}
