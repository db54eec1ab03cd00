/* SPDX-License-Identifier: MIT */
/* A page's header, field by field as parquet.thrift numbers them. */
#include "parquet/page_header.h"

static void read_data(struct shale_thrift_reader *thrift, struct shale_page_header *out)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = shale_thrift_read_i32(thrift, &field);
            break;
        case 2:
            out->encoding = shale_thrift_read_i32(thrift, &field);
            break;
        case 3:
            out->definition_encoding = shale_thrift_read_i32(thrift, &field);
            break;
        case 4:
            out->repetition_encoding = shale_thrift_read_i32(thrift, &field);
            break;
        default: /* statistics: not used for what has been read already */
            shale_thrift_skip(thrift, &field);
        }
    }
}

static void read_dictionary(struct shale_thrift_reader *thrift, struct shale_page_header *out)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = shale_thrift_read_i32(thrift, &field);
            break;
        case 2:
            out->encoding = shale_thrift_read_i32(thrift, &field);
            break;
        case 3:
            out->is_sorted = shale_thrift_read_bool(thrift, &field);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
}

static void read_data_v2(struct shale_thrift_reader *thrift, struct shale_page_header *out)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = shale_thrift_read_i32(thrift, &field);
            break;
        case 2:
            out->n_nulls = shale_thrift_read_i32(thrift, &field);
            break;
        case 3:
            out->n_rows = shale_thrift_read_i32(thrift, &field);
            break;
        case 4:
            out->encoding = shale_thrift_read_i32(thrift, &field);
            break;
        case 5:
            out->definition_bytes = shale_thrift_read_i32(thrift, &field);
            break;
        case 6:
            out->repetition_bytes = shale_thrift_read_i32(thrift, &field);
            break;
        case 7:
            out->is_compressed = shale_thrift_read_bool(thrift, &field);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
}

/* The struct that holds what is special to 'type' (its field's number in PageHeader) was there, and
 * none of another type, whose numbers would be taken for this page's. */
static bool has_own(int type, unsigned seen)
{
    static const unsigned wanted[] = {[SHALE_PAGE_DATA] = 1u << 5,
                                      [SHALE_PAGE_DICTIONARY] = 1u << 7,
                                      [SHALE_PAGE_DATA_V2] = 1u << 8};
    if (type < 0 || (size_t)type >= sizeof wanted / sizeof *wanted)
        return true;
    return (seen & (1u << 5 | 1u << 7 | 1u << 8)) == wanted[type];
}

static const char *fault_of(const struct shale_page_header *header, unsigned seen)
{
    int64_t levels = (int64_t)header->definition_bytes + header->repetition_bytes;
    if ((seen & 0xe) != 0xe)
        return "its type or a size is missing";
    if (!has_own(header->type, seen))
        return "what belongs to its type, and that alone, is not there";
    if (header->uncompressed_bytes < 0 || header->compressed_bytes < 0)
        return "a size is negative";
    if (header->n_values < 0)
        return "its number of values is negative";
    if (header->type != SHALE_PAGE_DATA_V2)
        return NULL;
    if (header->definition_bytes < 0 || header->repetition_bytes < 0)
        return "a size is negative";
    if (levels > header->uncompressed_bytes || levels > header->compressed_bytes)
        return "its levels are larger than the page";
    if (header->n_rows < 0 || header->n_nulls < 0 || header->n_nulls > header->n_values ||
        header->n_rows > header->n_values)
        return "its counts do not fit together";
    return NULL;
}

static unsigned read_fields(struct shale_thrift_reader *thrift, struct shale_page_header *out)
{
    struct shale_thrift_field field;
    unsigned seen = 0;
    while (shale_thrift_field(thrift, &field)) {
        if (field.id >= 1 && field.id <= 8)
            seen |= 1u << field.id;
        switch (field.id) {
        case 1:
            out->type = shale_thrift_read_i32(thrift, &field);
            break;
        case 2:
            out->uncompressed_bytes = shale_thrift_read_i32(thrift, &field);
            break;
        case 3:
            out->compressed_bytes = shale_thrift_read_i32(thrift, &field);
            break;
        case 4:
            out->has_crc = true;
            out->crc = (uint32_t)shale_thrift_read_i32(thrift, &field);
            break;
        case 5:
            if (shale_thrift_read_struct(thrift, &field))
                read_data(thrift, out);
            break;
        case 7:
            if (shale_thrift_read_struct(thrift, &field))
                read_dictionary(thrift, out);
            break;
        case 8:
            if (shale_thrift_read_struct(thrift, &field))
                read_data_v2(thrift, out);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
    return seen;
}

enum shale_status shale_page_header_read(const void *bytes, size_t n_bytes, int64_t file_at,
                                         struct shale_page_header *out, size_t *used,
                                         struct shale_err *err)
{
    struct shale_thrift_reader thrift;
    enum shale_status status;
    unsigned seen;
    const char *fault;
    *out = (struct shale_page_header){.definition_encoding = SHALE_ENCODING_RLE,
                                      .repetition_encoding = SHALE_ENCODING_RLE,
                                      .n_nulls = -1,
                                      .n_rows = -1,
                                      .is_compressed = true};
    *used = 0;
    shale_thrift_reader_init(&thrift, bytes, n_bytes, file_at);
    shale_thrift_open(&thrift);
    seen = read_fields(&thrift, out);
    if (thrift.ended)
        return SHALE_OK;
    status = shale_thrift_reader_status(&thrift, "a page's header", err);
    if (status != SHALE_OK)
        return status;
    fault = fault_of(out, seen);
    if (fault != NULL) {
        status = SHALE_ERR(err, parquet_damaged, "a page's header", fault);
        shale_err_at(err, NULL, -1, file_at);
        return status;
    }
    *used = (size_t)(thrift.at - thrift.begin);
    return SHALE_OK;
}
