/* SPDX-License-Identifier: MIT */
/* Pages v1 (parquet.thrift, PageHeader): one that compression makes larger is written compressed
 * all the same, since the chunk's codec holds for all of its pages. */
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

static enum shale_status make_header(struct shale_buf *out, const struct shale_page *page,
                                     struct shale_str body)
{
    struct shale_thrift thrift;
    shale_buf_reset(out);
    shale_thrift_init(&thrift, out);
    shale_thrift_i32(&thrift, 1, (int32_t)page->type);
    shale_thrift_i32(&thrift, 2, (int32_t)page->body.n_bytes);
    shale_thrift_i32(&thrift, 3, (int32_t)body.n_bytes);
    shale_thrift_i32(&thrift, 4, (int32_t)shale_crc32(0, body.data, body.n_bytes));
    if (page->type == SHALE_PAGE_DICTIONARY) {
        shale_thrift_struct(&thrift, 7); /* DictionaryPageHeader */
        shale_thrift_i32(&thrift, 1, page->n_values);
        shale_thrift_i32(&thrift, 2, (int32_t)page->encoding);
    } else {
        shale_thrift_struct(&thrift, 5); /* DataPageHeader */
        shale_thrift_i32(&thrift, 1, page->n_values);
        shale_thrift_i32(&thrift, 2, (int32_t)page->encoding);
        shale_thrift_i32(&thrift, 3, SHALE_ENCODING_RLE); /* definition levels */
        shale_thrift_i32(&thrift, 4, SHALE_ENCODING_RLE); /* repetition levels */
    }
    shale_thrift_end(&thrift);
    shale_thrift_end(&thrift);
    return thrift.status;
}

enum shale_status shale_page_make(struct shale_page_maker *maker, const struct shale_page *page,
                                  enum shale_codec codec, int level, struct shale_str *body)
{
    enum shale_status status = SHALE_OK;
    *body = page->body;
    if (page->body.n_bytes > INT32_MAX)
        return SHALE_LIMIT;
    if (codec != SHALE_CODEC_NONE)
        status = compress(maker, codec, level, body);
    return status == SHALE_OK ? make_header(&maker->header, page, *body) : status;
}
