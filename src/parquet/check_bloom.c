/* SPDX-License-Identifier: MIT */
/* Every value must be in its chunk's bloom filter: a reader believes it and leaves the chunk out.
 */
#include "parquet/bloom.h"
#include "parquet/check_parts.h"

enum shale_status shale_check_bloom_begin(struct shale_check *check)
{
    struct shale_buf *bits = &check->bloom;
    struct shale_err err;
    size_t n_bytes = 0;
    int64_t at = 0;
    enum shale_status status;
    shale_err_clear(&err);
    shale_buf_reset(bits);
    check->bloom_missed = false;
    status = shale_bloom_find(check->reader, check->chunk, &at, &n_bytes, &err);
    if (status == SHALE_OK && n_bytes > 0) {
        if (shale_buf_reserve(bits, n_bytes) != SHALE_OK)
            return shale_reader_no_memory(check->reader, "a bloom filter", check->err);
        status = shale_random_read(check->reader->file, at, bits->data, n_bytes, &err);
        bits->n_bytes = status == SHALE_OK ? n_bytes : 0;
    }
    return shale_check_failed(check, status, &err);
}

/* A value as PLAIN has it; 'data' NULL: it lies differently in memory. */
static struct shale_str plain_of(const struct shale_value_kind *kind,
                                 const struct shale_dense *dense, size_t i)
{
    struct shale_str text = {NULL, 0};
    if (kind->layout == SHALE_LAYOUT_BYTES) {
        text.data = dense->bytes.data == NULL ? "" : dense->bytes.data + dense->offsets[i];
        text.n_bytes = (size_t)(dense->offsets[i + 1] - dense->offsets[i]);
    } else if (kind->convert == SHALE_CONVERT_NONE) {
        text.data = dense->data + i * dense->width;
        text.n_bytes = dense->width;
    } else if (kind->convert == SHALE_CONVERT_I32_I64 || kind->convert == SHALE_CONVERT_I32_I128 ||
               kind->convert == SHALE_CONVERT_I64_I128) { /* little-endian: the first bytes */
        text.data = dense->data + i * dense->width;
        text.n_bytes = kind->file_width;
    }
    return text;
}

void shale_check_bloom_values(struct shale_check *check, const struct shale_value_kind *kind,
                              const struct shale_dense *dense, size_t n)
{
    struct shale_err err;
    struct shale_str last = {NULL, 0};
    if (check->bloom.n_bytes == 0 || check->bloom_missed)
        return;
    for (size_t i = 0; i < n; i++) {
        struct shale_str value = plain_of(kind, dense, i);
        if (value.data == NULL || (last.data != NULL && shale_str_equal(value, last)))
            continue;
        last = value;
        if (shale_bloom_holds(check->bloom.data, check->bloom.n_bytes,
                              shale_bloom_hash(value.data, value.n_bytes)))
            continue;
        shale_err_clear(&err);
        (void)SHALE_ERR(&err, parquet_bloom, check->name, check->row_group);
        shale_err_at(&err, NULL, -1, check->chunk->bloom_at);
        shale_check_found(check, &err, false);
        check->bloom_missed = true;
        return;
    }
}
