/* SPDX-License-Identifier: MIT */
/* From Arrow's layout to PLAIN: little-endian, decimals of more than 18 digits big-endian. */
#include "parquet/plain.h"

#include <assert.h>

#include "base/checked.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "values are copied as they lie in memory");

/* Days from the Julian day 0 (noon, 4713 BC) to 1970-01-01. */
enum { EPOCH_JULIAN_DAY = 2440588 };

struct source {
    const struct shale_column *column;
    int64_t first, n;
};

static inline bool has_value(const struct source *source, int64_t i)
{
    return !shale_column_is_null(source->column, source->first + i);
}

static inline shale_i128 i128_at(const struct source *source, int64_t i)
{
    shale_i128 value;
    memcpy(&value, (const char *)source->column->data + 16 * (source->first + i), 16);
    return value;
}

/* Each of the next functions writes values at 'out', where there is room for all, and returns where
 * they end. */

static inline char *put_width(const struct source *source, char *out, size_t width)
{
    const char *data = (const char *)source->column->data + width * (size_t)source->first;
    if (source->column->validity == NULL) {
        memcpy(out, data, width * (size_t)source->n);
        return out + width * (size_t)source->n;
    }
    for (int64_t i = 0; i < source->n; i++) {
        memcpy(out, data + width * (size_t)i, width);
        out += has_value(source, i) ? width : 0;
    }
    return out;
}

static char *put_booleans(const struct source *source, char *out)
{
    for (int64_t i = 0; i < source->n; i++)
        if (has_value(source, i))
            *out++ = shale_bit(source->column->data, source->first + i);
    return out;
}

/* A decimal of up to 18 digits: the value fits by its declared precision. */
static char *put_short_decimals(const struct source *source, char *out, size_t width)
{
    for (int64_t i = 0; i < source->n; i++) {
        int64_t value;
        if (!has_value(source, i))
            continue;
        value = (int64_t)i128_at(source, i);
        memcpy(out, &value, width);
        out += width;
    }
    return out;
}

static char *put_big_endian(const struct source *source, char *out, size_t width)
{
    for (int64_t i = 0; i < source->n; i++) {
        shale_u128 value;
        if (!has_value(source, i))
            continue;
        value = (shale_u128)i128_at(source, i);
        for (size_t b = 0; b < width; b++)
            out[b] = (char)(value >> (8 * (width - 1 - b)));
        out += width;
    }
    return out;
}

/* FIXED of our own: all values are 'width' long. */
static char *put_fixed_bytes(const struct source *source, char *out, size_t width)
{
    const char *data = source->column->data;
    for (int64_t i = 0; i < source->n; i++) {
        if (!has_value(source, i))
            continue;
        memcpy(out, data + source->column->offsets[source->first + i], width);
        out += width;
    }
    return out;
}

/* The milliseconds of a day fit. */
static char *put_milliseconds(const struct source *source, char *out)
{
    const int64_t *values = source->column->data;
    for (int64_t i = 0; i < source->n; i++) {
        int32_t value = (int32_t)values[source->first + i];
        if (!has_value(source, i))
            continue;
        memcpy(out, &value, sizeof(value));
        out += sizeof(value);
    }
    return out;
}

/* INT96: the nanoseconds of the day in 8 bytes, the Julian day in 4.  NULL: a day out of range. */
static char *put_int96(const struct source *source, enum shale_unit unit, char *out)
{
    static const int64_t per_second[] = {
        [SHALE_MS] = 1000, [SHALE_US] = 1000000, [SHALE_NS] = 1000000000};
    const int64_t per_day = per_second[unit] * 86400, nanos = 1000000000 / per_second[unit];
    const int64_t *values = source->column->data;
    for (int64_t i = 0; i < source->n; i++) {
        int64_t value = values[source->first + i], day = value / per_day, rest = value % per_day;
        int32_t julian;
        if (!has_value(source, i))
            continue;
        if (rest < 0) {
            rest += per_day;
            day--;
        }
        if (!shale_to_i32(day + EPOCH_JULIAN_DAY, &julian))
            return NULL;
        rest *= nanos;
        memcpy(out, &rest, 8);
        memcpy(out + 8, &julian, 4);
        out += 12;
    }
    return out;
}

static char *put_fixed(const struct shale_leaf *leaf, const struct source *source, char *out)
{
    bool decimal = leaf->type.kind == SHALE_DECIMAL;
    switch (leaf->physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        return put_booleans(source, out);
    case SHALE_PHYSICAL_INT32:
        if (leaf->type.kind == SHALE_TIME)
            return put_milliseconds(source, out);
        return decimal ? put_short_decimals(source, out, 4) : put_width(source, out, 4);
    case SHALE_PHYSICAL_INT64:
        return decimal ? put_short_decimals(source, out, 8) : put_width(source, out, 8);
    case SHALE_PHYSICAL_FLOAT:
        return put_width(source, out, 4);
    case SHALE_PHYSICAL_DOUBLE:
        return put_width(source, out, 8);
    case SHALE_PHYSICAL_INT96:
        return put_int96(source, leaf->type.unit, out);
    case SHALE_PHYSICAL_FIXED:
        if (leaf->type.kind == SHALE_FIXED)
            return put_fixed_bytes(source, out, leaf->width);
        return decimal ? put_big_endian(source, out, leaf->width) : put_width(source, out, 16);
    case SHALE_PHYSICAL_BYTE_ARRAY:
        break;
    }
    assert(false);
    return out;
}

static enum shale_status append_strings(const struct source *source, struct shale_buf *out)
{
    enum shale_status status = SHALE_OK;
    for (int64_t i = 0; i < source->n && status == SHALE_OK; i++)
        if (has_value(source, i))
            status = shale_plain_append_bytes(
                out, shale_plain_bytes_at(source->column, source->first + i));
    return status;
}

enum shale_status shale_plain_append(const struct shale_leaf *leaf,
                                     const struct shale_column *column, int64_t first, int64_t n,
                                     struct shale_buf *out, struct shale_err *err)
{
    const struct source source = {column, first, n};
    enum shale_status status;
    char *end;
    if (n == 0)
        return SHALE_OK;
    if (leaf->physical == SHALE_PHYSICAL_BYTE_ARRAY)
        return append_strings(&source, out);
    status = shale_buf_reserve(out, (size_t)n * leaf->width);
    if (status != SHALE_OK)
        return status;
    end = put_fixed(leaf, &source, out->data + out->n_bytes);
    if (end == NULL)
        return SHALE_ERR(err, parquet_int96_range);
    out->n_bytes = (size_t)(end - out->data);
    return SHALE_OK;
}

enum shale_status shale_plain_append_bytes(struct shale_buf *out, struct shale_str value)
{
    uint32_t length = (uint32_t)value.n_bytes;
    enum shale_status status = shale_buf_reserve(out, sizeof(length) + value.n_bytes);
    if (status != SHALE_OK)
        return status;
    memcpy(out->data + out->n_bytes, &length, sizeof(length));
    if (value.n_bytes > 0)
        memcpy(out->data + out->n_bytes + sizeof(length), value.data, value.n_bytes);
    out->n_bytes += sizeof(length) + value.n_bytes;
    return SHALE_OK;
}

/* 'out' may be where the bytes are: a bit is never written before its byte was read. */
static size_t pack(const char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i += 8) {
        unsigned bits = 0;
        for (size_t b = 0; b < 8 && i + b < n; b++)
            bits |= (unsigned)(bytes[i + b] != 0) << b;
        out[i / 8] = (char)bits;
    }
    return (n + 7) / 8;
}

void shale_plain_pack(struct shale_buf *values)
{
    values->n_bytes = pack(values->data, values->n_bytes, values->data);
}

enum shale_status shale_plain_append_bits(struct shale_buf *out, struct shale_str booleans)
{
    enum shale_status status = shale_buf_reserve(out, (booleans.n_bytes + 7) / 8);
    if (status == SHALE_OK)
        out->n_bytes += pack(booleans.data, booleans.n_bytes, out->data + out->n_bytes);
    return status;
}
