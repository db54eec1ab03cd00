/* SPDX-License-Identifier: MIT */
/* Reading DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY.  The lengths come before the bytes; a
 * second reader has run over them to find where the bytes begin. */
#include "parquet/delta.h"

#include <string.h>

enum { SOME = 256 };

/* Open a run of numbers at the front of '*bytes' and cut it off. */
static enum shale_status open_numbers(struct shale_delta_reader *reader, struct shale_str *bytes,
                                      uint64_t most, uint64_t *n)
{
    struct shale_delta_reader ahead;
    enum shale_status status = shale_delta_open(reader, *bytes, most, n);
    if (status != SHALE_OK)
        return status;
    ahead = *reader;
    if (!shale_delta_skip(&ahead, *n))
        return SHALE_CORRUPT;
    *bytes = shale_delta_rest(&ahead);
    return SHALE_OK;
}

enum shale_status shale_delta_strings_open(struct shale_delta_strings *strings,
                                           const struct shale_mem *mem, struct shale_str bytes,
                                           bool has_prefixes, uint64_t most, uint64_t *n)
{
    uint64_t n_prefixes = 0;
    enum shale_status status = SHALE_OK;
    *strings = (struct shale_delta_strings){.has_prefixes = has_prefixes};
    shale_buf_init(&strings->last, mem, INT32_MAX);
    if (has_prefixes)
        status = open_numbers(&strings->prefixes, &bytes, most, &n_prefixes);
    if (status == SHALE_OK)
        status = open_numbers(&strings->lengths, &bytes, most, n);
    if (status == SHALE_OK && has_prefixes && *n != n_prefixes)
        status = SHALE_CORRUPT;
    strings->bytes = bytes;
    strings->n_left = status == SHALE_OK ? *n : 0;
    return status;
}

void shale_delta_strings_fini(struct shale_delta_strings *strings)
{
    shale_buf_fini(&strings->last);
}

/* Values without prefixes: their bytes lie behind one another already. */
static enum shale_status read_plain(struct shale_delta_strings *strings, size_t width,
                                    const int32_t *lengths, size_t n, struct shale_buf *data,
                                    int32_t *ends)
{
    size_t n_bytes = 0;
    enum shale_status status;
    for (size_t i = 0; i < n; i++) {
        if (lengths[i] < 0 || (size_t)lengths[i] > strings->bytes.n_bytes - n_bytes ||
            (width > 0 && (size_t)lengths[i] != width))
            return SHALE_CORRUPT;
        n_bytes += (size_t)lengths[i];
        ends[i] = (int32_t)(data->n_bytes + n_bytes);
    }
    status = shale_buf_append(data, strings->bytes.data, n_bytes);
    strings->bytes.data += n_bytes;
    strings->bytes.n_bytes -= n_bytes;
    return status;
}

/* One value: 'prefix' bytes of the one before, which begins at '*before' in 'data', and the next
 * 'length' of the page's. */
static enum shale_status read_value(struct shale_delta_strings *strings, int32_t prefix,
                                    int32_t length, size_t *before, struct shale_buf *data)
{
    const size_t begin = data->n_bytes;
    enum shale_status status;
    if (prefix < 0 || (size_t)prefix > begin - *before || length < 0 ||
        (size_t)length > strings->bytes.n_bytes)
        return SHALE_CORRUPT;
    status = shale_buf_reserve(data, (size_t)prefix + (size_t)length);
    if (status != SHALE_OK)
        return status;
    if (prefix > 0)
        memcpy(data->data + begin, data->data + *before, (size_t)prefix);
    if (length > 0)
        memcpy(data->data + begin + prefix, strings->bytes.data, (size_t)length);
    data->n_bytes += (size_t)prefix + (size_t)length;
    strings->bytes.data += length;
    strings->bytes.n_bytes -= (size_t)length;
    *before = begin;
    return SHALE_OK;
}

static enum shale_status read_prefixed(struct shale_delta_strings *strings, size_t width,
                                       const int32_t *lengths, size_t n, struct shale_buf *data,
                                       int32_t *ends)
{
    int32_t prefixes[SOME];
    enum shale_status status;
    /* The value before goes ahead of the new ones for a moment, so that each finds it in one place;
     * it is taken out again by moving them down. */
    const size_t begin = data->n_bytes, n_last = strings->last.n_bytes;
    size_t before = begin;
    if (!shale_delta_read_i32(&strings->prefixes, prefixes, n))
        return SHALE_CORRUPT;
    status = shale_buf_append_str(data, shale_buf_str(&strings->last));
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        status = read_value(strings, prefixes[i], lengths[i], &before, data);
        if (status == SHALE_OK && width > 0 && data->n_bytes - before != width)
            status = SHALE_CORRUPT;
        ends[i] = (int32_t)(data->n_bytes - n_last);
    }
    if (status != SHALE_OK)
        return status;
    shale_buf_reset(&strings->last);
    if (data->n_bytes == begin) /* nothing but empty values: 'data' may have no memory */
        return SHALE_OK;
    status = shale_buf_append(&strings->last, data->data + before, data->n_bytes - before);
    memmove(data->data + begin, data->data + begin + n_last, data->n_bytes - begin - n_last);
    data->n_bytes -= n_last;
    return status;
}

enum shale_status shale_delta_strings_read(struct shale_delta_strings *strings, size_t width,
                                           size_t n, struct shale_buf *data, int32_t *ends)
{
    int32_t lengths[SOME];
    enum shale_status status = SHALE_OK;
    if (n > strings->n_left)
        return SHALE_CORRUPT;
    strings->n_left -= n;
    while (n > 0 && status == SHALE_OK) {
        size_t some = n < SOME ? n : SOME;
        if (!shale_delta_read_i32(&strings->lengths, lengths, some))
            return SHALE_CORRUPT;
        status = strings->has_prefixes ? read_prefixed(strings, width, lengths, some, data, ends)
                                       : read_plain(strings, width, lengths, some, data, ends);
        ends += some;
        n -= some;
    }
    return status;
}

enum shale_status shale_delta_strings_skip(struct shale_delta_strings *strings, size_t n,
                                           struct shale_buf *scratch)
{
    int32_t ends[SOME];
    enum shale_status status = SHALE_OK;
    while (n > 0 && status == SHALE_OK) {
        size_t some = n < SOME ? n : SOME;
        shale_buf_reset(scratch);
        status = shale_delta_strings_read(strings, 0, some, scratch, ends);
        n -= some;
    }
    shale_buf_reset(scratch);
    return status;
}
