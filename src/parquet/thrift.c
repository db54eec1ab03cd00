/* SPDX-License-Identifier: MIT */
/* Thrift's compact protocol: ids as deltas, integers as zigzag varints. */
#include "parquet/thrift.h"

#include <assert.h>

/* Types that only a field header names (thrift-compact-protocol.md, "Struct encoding"). */
enum { TRUE_FIELD = 1, FALSE_FIELD = 2, I8_FIELD = 3, I16_FIELD = 4, LIST_FIELD = 9 };

void shale_thrift_init(struct shale_thrift *thrift, struct shale_buf *out)
{
    *thrift = (struct shale_thrift){.out = out, .status = SHALE_OK};
}

void shale_thrift_raw(struct shale_thrift *thrift, const void *data, size_t n_bytes)
{
    if (thrift->status == SHALE_OK && n_bytes > 0)
        thrift->status = shale_buf_append(thrift->out, data, n_bytes);
}

static void put_byte(struct shale_thrift *thrift, unsigned byte)
{
    uint8_t raw = (uint8_t)byte;
    shale_thrift_raw(thrift, &raw, 1);
}

static void put_varint(struct shale_thrift *thrift, uint64_t value)
{
    uint8_t raw[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        raw[n++] = (uint8_t)(value | 0x80);
    raw[n++] = (uint8_t)value;
    shale_thrift_raw(thrift, raw, n);
}

static void put_zigzag(struct shale_thrift *thrift, int64_t value)
{
    put_varint(thrift, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static void put_binary(struct shale_thrift *thrift, struct shale_str value)
{
    put_varint(thrift, value.n_bytes);
    shale_thrift_raw(thrift, value.data, value.n_bytes);
}

static void put_field(struct shale_thrift *thrift, int16_t id, unsigned type)
{
    int16_t *last = &thrift->last_id[thrift->depth];
    int delta = id - *last;
    assert(delta > 0);
    if (delta <= 15) {
        put_byte(thrift, (unsigned)delta << 4 | type);
    } else {
        put_byte(thrift, type);
        put_zigzag(thrift, id);
    }
    *last = id;
}

static void open_struct(struct shale_thrift *thrift)
{
    assert(thrift->depth + 1 < SHALE_THRIFT_DEPTH);
    thrift->last_id[++thrift->depth] = 0;
}

void shale_thrift_bool(struct shale_thrift *thrift, int16_t id, bool value)
{
    put_field(thrift, id, value ? TRUE_FIELD : FALSE_FIELD);
}

void shale_thrift_i8(struct shale_thrift *thrift, int16_t id, int8_t value)
{
    put_field(thrift, id, I8_FIELD);
    put_byte(thrift, (uint8_t)value);
}

void shale_thrift_i16(struct shale_thrift *thrift, int16_t id, int16_t value)
{
    put_field(thrift, id, I16_FIELD);
    put_zigzag(thrift, value);
}

void shale_thrift_i32(struct shale_thrift *thrift, int16_t id, int32_t value)
{
    put_field(thrift, id, SHALE_THRIFT_I32);
    put_zigzag(thrift, value);
}

void shale_thrift_i64(struct shale_thrift *thrift, int16_t id, int64_t value)
{
    put_field(thrift, id, SHALE_THRIFT_I64);
    put_zigzag(thrift, value);
}

void shale_thrift_binary(struct shale_thrift *thrift, int16_t id, struct shale_str value)
{
    put_field(thrift, id, SHALE_THRIFT_BINARY);
    put_binary(thrift, value);
}

void shale_thrift_struct(struct shale_thrift *thrift, int16_t id)
{
    put_field(thrift, id, SHALE_THRIFT_STRUCT);
    open_struct(thrift);
}

void shale_thrift_list(struct shale_thrift *thrift, int16_t id, enum shale_thrift_type type,
                       size_t n)
{
    put_field(thrift, id, LIST_FIELD);
    if (n < 15) {
        put_byte(thrift, (unsigned)n << 4 | (unsigned)type);
    } else {
        put_byte(thrift, 0xf0u | (unsigned)type);
        put_varint(thrift, n);
    }
}

/* Each a byte: 1 true, 2 false (thrift-compact-protocol.md, "List and Set"). */
void shale_thrift_element_bool(struct shale_thrift *thrift, bool value)
{
    put_byte(thrift, value ? TRUE_FIELD : FALSE_FIELD);
}

void shale_thrift_element_i64(struct shale_thrift *thrift, int64_t value)
{
    put_zigzag(thrift, value);
}

void shale_thrift_resume(struct shale_thrift *thrift, int16_t id)
{
    thrift->last_id[thrift->depth] = id;
}

void shale_thrift_element_i32(struct shale_thrift *thrift, int32_t value)
{
    put_zigzag(thrift, value);
}

void shale_thrift_element_binary(struct shale_thrift *thrift, struct shale_str value)
{
    put_binary(thrift, value);
}

void shale_thrift_element_struct(struct shale_thrift *thrift)
{
    open_struct(thrift);
}

void shale_thrift_end(struct shale_thrift *thrift)
{
    put_byte(thrift, 0);
    if (thrift->depth > 0)
        thrift->depth--;
}
