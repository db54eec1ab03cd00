/* SPDX-License-Identifier: MIT */
/* Values of files become values in memory, many at a time. */
#include "parquet/dense.h"

#include <string.h>

#include "base/checked.h"

enum { FIRST_VALUES = 256 };

static enum shale_convert convert_of(const struct shale_file_node *node, enum shale_layout layout)
{
    switch (node->physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        return SHALE_CONVERT_BOOL;
    case SHALE_PHYSICAL_INT32:
        return layout == SHALE_LAYOUT_I64    ? SHALE_CONVERT_I32_I64
               : layout == SHALE_LAYOUT_I128 ? SHALE_CONVERT_I32_I128
                                             : SHALE_CONVERT_NONE;
    case SHALE_PHYSICAL_INT64:
        return layout == SHALE_LAYOUT_I128 ? SHALE_CONVERT_I64_I128 : SHALE_CONVERT_NONE;
    case SHALE_PHYSICAL_INT96:
        return SHALE_CONVERT_INT96;
    case SHALE_PHYSICAL_FIXED:
        if (layout == SHALE_LAYOUT_BYTES)
            return SHALE_CONVERT_FIXED_BYTES;
        return SHALE_CONVERT_BIG_ENDIAN;
    case SHALE_PHYSICAL_BYTE_ARRAY:
        return layout == SHALE_LAYOUT_BYTES ? SHALE_CONVERT_NONE : SHALE_CONVERT_BIG_ENDIAN;
    default:
        return SHALE_CONVERT_NONE;
    }
}

/* The layouts that values of a physical type can take. */
static bool fits(const struct shale_file_node *node, const struct shale_type *type,
                 enum shale_layout layout)
{
    switch (node->physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        return layout == SHALE_LAYOUT_BOOL;
    case SHALE_PHYSICAL_INT32:
        return layout == SHALE_LAYOUT_I32 || layout == SHALE_LAYOUT_I64 ||
               type->kind == SHALE_DECIMAL;
    case SHALE_PHYSICAL_INT64:
        return layout == SHALE_LAYOUT_I64 || type->kind == SHALE_DECIMAL;
    case SHALE_PHYSICAL_INT96:
        return type->kind == SHALE_TIMESTAMP;
    case SHALE_PHYSICAL_FLOAT:
        return layout == SHALE_LAYOUT_F32;
    case SHALE_PHYSICAL_DOUBLE:
        return layout == SHALE_LAYOUT_F64;
    case SHALE_PHYSICAL_FIXED:
        return layout == SHALE_LAYOUT_BYTES || type->kind == SHALE_DECIMAL ||
               (type->kind == SHALE_UUID && node->type_length == 16);
    case SHALE_PHYSICAL_BYTE_ARRAY:
        return layout == SHALE_LAYOUT_BYTES || type->kind == SHALE_DECIMAL;
    default:
        return false;
    }
}

bool shale_value_kind_of(const struct shale_file_node *node, const struct shale_type *type,
                         struct shale_value_kind *out)
{
    static const uint8_t widths[] = {0, 4, 8, 12, 4, 8, 0};
    enum shale_layout layout = shale_type_layout(type);
    if (node->physical < 0 || !fits(node, type, layout))
        return false;
    *out = (struct shale_value_kind){.physical = (enum shale_physical)node->physical,
                                     .convert = convert_of(node, layout),
                                     .layout = layout,
                                     .unit = type->unit,
                                     .width = shale_layout_width(layout)};
    if (type->kind == SHALE_UUID && layout == SHALE_LAYOUT_I128)
        out->convert = SHALE_CONVERT_NONE;
    if (node->physical == SHALE_PHYSICAL_FIXED)
        out->file_width = node->type_length > 0 ? (size_t)node->type_length : 0;
    else
        out->file_width = widths[node->physical];
    if (layout == SHALE_LAYOUT_BOOL)
        out->width = 1;
    return true;
}

void shale_dense_init(struct shale_dense *dense, const struct shale_mem *mem, size_t width)
{
    *dense = (struct shale_dense){.mem = mem, .width = width};
    shale_buf_init(&dense->bytes, mem, INT32_MAX);
}

void shale_dense_fini(struct shale_dense *dense)
{
    shale_mem_free(dense->mem, dense->data);
    shale_mem_free(dense->mem, dense->offsets);
    shale_buf_fini(&dense->bytes);
    shale_dense_init(dense, dense->mem, dense->width);
}

/* One value more than 'capacity' can be read: where nulls are put between values, the value behind
 * the last is looked at. */
enum shale_status shale_dense_reserve(struct shale_dense *dense, size_t n_more)
{
    size_t capacity = dense->capacity == 0 ? FIRST_VALUES : dense->capacity * 2;
    if (n_more <= dense->capacity - dense->n && dense->capacity > 0)
        return SHALE_OK;
    if (n_more > INT32_MAX - dense->n)
        return SHALE_LIMIT;
    if (capacity < dense->n + n_more)
        capacity = dense->n + n_more;
    if (dense->width > 0) {
        char *data = shale_mem_resize(dense->mem, dense->data,
                                      capacity * dense->width + SHALE_DENSE_PADDING, 1);
        if (data == NULL)
            return SHALE_NOMEM;
        dense->data = data;
        /* What lies behind the values is read (and dropped): it must be something. */
        memset(data + dense->n * dense->width, 0,
               (capacity - dense->n) * dense->width + SHALE_DENSE_PADDING);
    } else {
        int32_t *offsets =
            shale_mem_resize(dense->mem, dense->offsets, capacity + 2, sizeof(*offsets));
        if (offsets == NULL)
            return SHALE_NOMEM;
        if (dense->offsets == NULL)
            offsets[0] = 0;
        dense->offsets = offsets;
    }
    dense->capacity = capacity;
    return SHALE_OK;
}

void shale_dense_drop(struct shale_dense *dense, size_t n)
{
    if (n == 0)
        return;
    if (n == dense->n) {
        shale_dense_reset(dense);
        return;
    }
    dense->n -= n;
    if (dense->width > 0) {
        memmove(dense->data, dense->data + n * dense->width, dense->n * dense->width);
        return;
    }
    int32_t base = dense->offsets[n];
    dense->bytes.n_bytes -= (size_t)base;
    memmove(dense->bytes.data, dense->bytes.data + base, dense->bytes.n_bytes);
    for (size_t i = 0; i <= dense->n; i++)
        dense->offsets[i] = dense->offsets[i + n] - base;
}

/* Room for bytes and for what copies touch behind them. */
static enum shale_status reserve_bytes(struct shale_dense *dense, size_t n_more)
{
    if (n_more > INT32_MAX - SHALE_DENSE_PADDING - dense->bytes.n_bytes)
        return SHALE_LIMIT;
    return shale_buf_reserve(&dense->bytes, n_more + SHALE_DENSE_PADDING);
}

/* ---- Conversions ------------------------------------------------------------------------------
 */

static void widen(enum shale_convert convert, const char *values, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        int32_t small;
        int64_t large;
        shale_i128 huge;
        if (convert == SHALE_CONVERT_I64_I128) {
            memcpy(&large, values + i * 8, 8);
        } else {
            memcpy(&small, values + i * 4, 4);
            large = small;
        }
        huge = large;
        if (convert == SHALE_CONVERT_I32_I64)
            memcpy(out + i * 8, &large, 8);
        else
            memcpy(out + i * 16, &huge, 16);
    }
}

/* Nanoseconds of the day, then the Julian day; 2,440,588 is 1970-01-01. */
static bool int96(const char *values, size_t n, enum shale_unit unit, char *out)
{
    int64_t divisor = unit == SHALE_MS ? 1000000 : unit == SHALE_US ? 1000 : 1;
    int64_t units_a_day = 86400 * INT64_C(1000000000) / divisor;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        int64_t nanoseconds, value = 0;
        int32_t day;
        memcpy(&nanoseconds, values + i * 12, 8);
        memcpy(&day, values + i * 12 + 8, 4);
        nanoseconds = nanoseconds / divisor - (nanoseconds % divisor < 0);
        ok &= SHALE_MUL((int64_t)day - 2440588, units_a_day, &value) &&
              SHALE_ADD(value, nanoseconds, &value);
        memcpy(out + i * 8, &value, 8);
    }
    return ok;
}

bool shale_dense_big_endian(const uint8_t *bytes, size_t n_bytes, uint8_t out[16])
{
    uint8_t sign = n_bytes > 0 && (bytes[0] & 0x80) != 0 ? 0xff : 0;
    bool ok = true;
    for (; n_bytes > 16; n_bytes--)
        ok &= *bytes++ == sign;
    ok &= n_bytes < 16 || (bytes[0] & 0x80) == (sign & 0x80);
    memset(out, sign, 16);
    for (size_t i = 0; i < n_bytes; i++)
        out[i] = bytes[n_bytes - 1 - i];
    return ok;
}

static enum shale_status append_fixed_bytes(struct shale_dense *dense, size_t width,
                                            const char *values, size_t n)
{
    size_t n_bytes;
    enum shale_status status;
    if (!SHALE_MUL(n, width, &n_bytes))
        return SHALE_LIMIT;
    status = reserve_bytes(dense, n_bytes);
    if (status != SHALE_OK)
        return status;
    if (n_bytes > 0)
        memcpy(dense->bytes.data + dense->bytes.n_bytes, values, n_bytes);
    for (size_t i = 1; i <= n; i++)
        dense->offsets[dense->n + i] = (int32_t)(dense->bytes.n_bytes + i * width);
    dense->bytes.n_bytes += n_bytes;
    dense->n += n;
    return SHALE_OK;
}

enum shale_status shale_dense_append_fixed(struct shale_dense *dense,
                                           const struct shale_value_kind *kind, const char *values,
                                           size_t n)
{
    enum shale_status status = shale_dense_reserve(dense, n);
    bool ok = true;
    char *out;
    if (status != SHALE_OK || n == 0)
        return status;
    out = dense->width > 0 ? dense->data + dense->n * dense->width : NULL;
    switch (kind->convert) {
    case SHALE_CONVERT_FIXED_BYTES:
        return append_fixed_bytes(dense, kind->file_width, values, n);
    case SHALE_CONVERT_NONE:
    case SHALE_CONVERT_BOOL:
        memcpy(out, values, n * dense->width);
        break;
    case SHALE_CONVERT_I32_I64:
    case SHALE_CONVERT_I32_I128:
    case SHALE_CONVERT_I64_I128:
        widen(kind->convert, values, n, out);
        break;
    case SHALE_CONVERT_INT96:
        ok = int96(values, n, kind->unit, out);
        break;
    case SHALE_CONVERT_BIG_ENDIAN:
        for (size_t i = 0; i < n; i++)
            ok &= shale_dense_big_endian((const uint8_t *)values + i * kind->file_width,
                                         kind->file_width, (uint8_t *)out + i * 16);
        break;
    }
    dense->n += n;
    return ok ? SHALE_OK : SHALE_CORRUPT;
}

/* ---- BYTE_ARRAY -------------------------------------------------------------------------------
 */

static inline bool cut_one(struct shale_str *values, struct shale_str *value)
{
    uint32_t length;
    if (values->n_bytes < 4)
        return false;
    memcpy(&length, values->data, 4);
    if (length > values->n_bytes - 4)
        return false;
    *value = (struct shale_str){values->data + 4, length};
    values->data += 4 + (size_t)length;
    values->n_bytes -= 4 + (size_t)length;
    return true;
}

static enum shale_status append_decimals(struct shale_dense *dense, struct shale_str *values,
                                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct shale_str value;
        if (!cut_one(values, &value) ||
            !shale_dense_big_endian((const uint8_t *)value.data, value.n_bytes,
                                    (uint8_t *)dense->data + dense->n * 16))
            return SHALE_CORRUPT;
        dense->n++;
    }
    return SHALE_OK;
}

/* Copy with what lies behind, up to SHALE_DENSE_PADDING bytes on both sides. */
static inline void copy_short(char *out, const char *data, size_t n_bytes)
{
    if (n_bytes <= 16) {
        memcpy(out, data, 16);
    } else if (n_bytes <= 32) {
        memcpy(out, data, 16);
        memcpy(out + 16, data + 16, 16);
    } else {
        memcpy(out, data, n_bytes);
    }
}

/* The lengths first: then there is room for all, and the copies are independent of each other. */
enum shale_status shale_dense_append_bytes(struct shale_dense *dense,
                                           const struct shale_value_kind *kind,
                                           struct shale_str *values, size_t n)
{
    struct shale_str left = *values, value;
    const char *from = values->data;
    size_t end = dense->bytes.n_bytes;
    enum shale_status status;
    char *out;
    if (n > values->n_bytes / 4) /* before memory is taken for as many as are claimed */
        return SHALE_CORRUPT;
    status = shale_dense_reserve(dense, n);
    if (status != SHALE_OK)
        return status;
    if (kind->convert == SHALE_CONVERT_BIG_ENDIAN)
        return append_decimals(dense, values, n);
    for (size_t i = 0; i < n; i++) {
        if (!cut_one(&left, &value))
            return SHALE_CORRUPT;
        end += value.n_bytes;
        if (end > INT32_MAX)
            return SHALE_LIMIT;
        dense->offsets[dense->n + i + 1] = (int32_t)end;
    }
    status = reserve_bytes(dense, end - dense->bytes.n_bytes);
    if (status != SHALE_OK)
        return status;
    out = dense->bytes.data;
    for (size_t i = dense->n; i < dense->n + n; i++) {
        size_t length = (size_t)(dense->offsets[i + 1] - dense->offsets[i]);
        copy_short(out + dense->offsets[i], from + 4, length);
        from += 4 + length;
    }
    dense->bytes.n_bytes = end;
    dense->n += n;
    *values = left;
    return SHALE_OK;
}

/* ---- Dictionaries -----------------------------------------------------------------------------
 */

static enum shale_status gather_bytes(struct shale_dense *dense, const struct shale_dense *from,
                                      const uint32_t *indexes, size_t n)
{
    const int32_t *source = from->offsets;
    int32_t *offsets = dense->offsets + dense->n;
    const char *data = from->bytes.data;
    size_t end = dense->bytes.n_bytes;
    enum shale_status status;
    char *out;
    for (size_t i = 0; i < n; i++) {
        end += (size_t)(source[indexes[i] + 1] - source[indexes[i]]);
        offsets[i + 1] = (int32_t)end;
    }
    if (end > INT32_MAX)
        return SHALE_LIMIT;
    status = reserve_bytes(dense, end - dense->bytes.n_bytes);
    if (status != SHALE_OK || data == NULL)
        return status;
    out = dense->bytes.data;
    for (size_t i = 0; i < n; i++)
        copy_short(out + offsets[i], data + source[indexes[i]],
                   (size_t)(offsets[i + 1] - offsets[i]));
    dense->bytes.n_bytes = end;
    return SHALE_OK;
}

enum shale_status shale_dense_gather(struct shale_dense *dense, const struct shale_dense *from,
                                     const uint32_t *indexes, size_t n)
{
    enum shale_status status = shale_dense_reserve(dense, n);
    const char *data = from->data;
    char *out;
    if (status != SHALE_OK)
        return status;
    if (dense->width == 0) {
        status = gather_bytes(dense, from, indexes, n);
        dense->n += status == SHALE_OK ? n : 0;
        return status;
    }
    out = dense->data + dense->n * dense->width;
    if (dense->width == 8) {
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * 8, data + (size_t)indexes[i] * 8, 8);
    } else if (dense->width == 4) {
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * 4, data + (size_t)indexes[i] * 4, 4);
    } else if (dense->width == 16) {
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * 16, data + (size_t)indexes[i] * 16, 16);
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = data[indexes[i]];
    }
    dense->n += n;
    return SHALE_OK;
}
