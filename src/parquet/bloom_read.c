/* SPDX-License-Identifier: MIT */
/* A chunk's bloom filter, looked at in its file: the header and the one block that a value has
 * (parquet-format, BloomFilter.md). */
#include "parquet/bloom.h"
#include "parquet/reader_parts.h"
#include "parquet/thrift_read.h"

enum { MOST_HEADER_BYTES = 256 }; /* it takes about 15 */

struct header {
    int32_t n_bytes;
    unsigned seen; /* fields of BloomFilterHeader */
    bool is_known; /* split-block, xxHash, not compressed */
};

/* BloomFilterAlgorithm, BloomFilterHash, BloomFilterCompression: unions whose first member is the
 * only one there is. */
static void read_union(struct shale_thrift_reader *thrift, const struct shale_thrift_field *field,
                       struct header *out)
{
    struct shale_thrift_field member;
    if (!shale_thrift_read_struct(thrift, field))
        return;
    while (shale_thrift_field(thrift, &member)) {
        if (member.id != 1)
            out->is_known = false;
        shale_thrift_skip(thrift, &member);
    }
}

static enum shale_status read_header(const struct shale_reader *reader,
                                     const struct shale_file_chunk *chunk, struct header *out,
                                     size_t *used, struct shale_err *err)
{
    char bytes[MOST_HEADER_BYTES];
    int64_t left = reader->file->n_bytes - chunk->bloom_at;
    size_t n_bytes = left < MOST_HEADER_BYTES ? (size_t)left : MOST_HEADER_BYTES;
    struct shale_thrift_reader thrift;
    struct shale_thrift_field field;
    enum shale_status status =
        shale_random_read(reader->file, chunk->bloom_at, bytes, n_bytes, err);
    if (status != SHALE_OK)
        return status;
    shale_thrift_reader_init(&thrift, bytes, n_bytes, chunk->bloom_at);
    shale_thrift_open(&thrift);
    *out = (struct header){.is_known = true};
    while (shale_thrift_field(&thrift, &field)) {
        if (field.id >= 1 && field.id <= 4)
            out->seen |= 1u << field.id;
        if (field.id == 1)
            out->n_bytes = shale_thrift_read_i32(&thrift, &field);
        else if (field.id >= 2 && field.id <= 4)
            read_union(&thrift, &field, out);
        else
            shale_thrift_skip(&thrift, &field);
    }
    *used = (size_t)(thrift.at - thrift.begin);
    return shale_thrift_reader_status(&thrift, "a bloom filter", err);
}

enum shale_status shale_bloom_find(const struct shale_reader *reader,
                                   const struct shale_file_chunk *chunk, int64_t *at,
                                   size_t *n_bytes, struct shale_err *err)
{
    struct header header;
    size_t used = 0;
    enum shale_status status;
    *n_bytes = 0;
    if (chunk->bloom_at < 0)
        return SHALE_OK;
    status = read_header(reader, chunk, &header, &used, err);
    if (status != SHALE_OK)
        return status;
    *at = chunk->bloom_at + (int64_t)used;
    if (header.n_bytes <= 0 || header.n_bytes % SHALE_BLOOM_BLOCK_BYTES != 0 ||
        header.n_bytes > reader->file->n_bytes - *at) {
        status = SHALE_ERR(err, parquet_damaged, "a bloom filter", "its length is impossible");
        shale_err_at(err, NULL, -1, chunk->bloom_at);
        return status;
    }
    if (header.is_known && header.seen == 0x1e)
        *n_bytes = (size_t)header.n_bytes;
    return SHALE_OK;
}

enum shale_status shale_reader_bloom_may_hold(const struct shale_reader *reader, size_t row_group,
                                              size_t leaf, struct shale_str value, bool *may_hold,
                                              struct shale_err *err)
{
    const struct shale_file_chunk *chunk = &reader->meta.row_groups[row_group].chunks[leaf];
    uint64_t hash = shale_bloom_hash(value.data, value.n_bytes);
    char block[SHALE_BLOOM_BLOCK_BYTES];
    size_t n_bytes;
    int64_t at = 0;
    enum shale_status status = shale_bloom_find(reader, chunk, &at, &n_bytes, err);
    *may_hold = true;
    if (status != SHALE_OK || n_bytes == 0)
        return status;
    at += (int64_t)((hash >> 32) * (n_bytes / SHALE_BLOOM_BLOCK_BYTES) >> 32) *
          SHALE_BLOOM_BLOCK_BYTES;
    status = shale_random_read(reader->file, at, block, sizeof block, err);
    if (status == SHALE_OK)
        *may_hold = shale_bloom_holds(block, sizeof block, hash);
    return status;
}
