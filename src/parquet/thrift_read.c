/* SPDX-License-Identifier: MIT */
/* The compact protocol, read.  Every length and count is compared with the bytes that are left; a
 * value takes at least one byte but for a boolean field, so all loops end with the bytes. */
#include "parquet/thrift_read.h"

#include <assert.h>

/* thrift-compact-protocol.md, "Struct encoding" and "List and Set". */
enum type {
    STOP = 0,
    TRUE_FIELD = 1,
    FALSE_FIELD = 2,
    I8 = 3,
    I16 = 4,
    I32 = 5,
    I64 = 6,
    DOUBLE = 7,
    BINARY = 8,
    LIST = 9,
    SET = 10,
    MAP = 11,
    STRUCT = 12,
    UUID = 13,
};

void shale_thrift_reader_init(struct shale_thrift_reader *reader, const void *bytes, size_t n_bytes,
                              int64_t file_at)
{
    *reader = (struct shale_thrift_reader){.begin = bytes, .at = bytes, .file_at = file_at};
    reader->end = reader->begin + n_bytes;
}

void shale_thrift_problem(struct shale_thrift_reader *reader, const char *problem)
{
    if (reader->problem != NULL)
        return;
    reader->problem = problem;
    reader->problem_at = reader->file_at + (reader->at - reader->begin);
    reader->at = reader->end; /* nothing is read behind it */
}

static size_t left(const struct shale_thrift_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* 'n' bytes, or NULL when there are not as many. */
static const uint8_t *take(struct shale_thrift_reader *reader, uint64_t n)
{
    const uint8_t *bytes = reader->at;
    if (reader->problem != NULL)
        return NULL;
    if (n > left(reader)) {
        shale_thrift_problem(reader, "it ends too early");
        reader->ended = true;
        return NULL;
    }
    reader->at += n;
    return bytes;
}

static unsigned take_byte(struct shale_thrift_reader *reader)
{
    const uint8_t *byte = take(reader, 1);
    return byte == NULL ? 0 : *byte;
}

static uint64_t take_varint(struct shale_thrift_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = take_byte(reader);
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return reader->problem == NULL ? value : 0;
    }
    shale_thrift_problem(reader, "a number is longer than 64 bits");
    return 0;
}

static int64_t take_zigzag(struct shale_thrift_reader *reader)
{
    uint64_t raw = take_varint(reader);
    return (int64_t)(raw >> 1 ^ (0 - (raw & 1)));
}

static struct shale_str take_binary(struct shale_thrift_reader *reader)
{
    uint64_t n = take_varint(reader);
    const uint8_t *bytes = take(reader, n);
    return bytes == NULL ? (struct shale_str){"", 0}
                         : (struct shale_str){(const char *)bytes, (size_t)n};
}

void shale_thrift_open(struct shale_thrift_reader *reader)
{
    if (reader->depth == SHALE_THRIFT_READ_DEPTH) {
        shale_thrift_problem(reader, "it is nested too deeply");
        return;
    }
    reader->last_id[reader->depth++] = 0;
}

bool shale_thrift_field(struct shale_thrift_reader *reader, struct shale_thrift_field *field)
{
    unsigned byte;
    int64_t id;
    *field = (struct shale_thrift_field){0};
    byte = take_byte(reader);
    if (reader->problem != NULL)
        return false;
    assert(reader->depth > 0);
    if ((byte & 0x0f) == STOP) {
        reader->depth--;
        return false;
    }
    id = byte >> 4 != 0 ? reader->last_id[reader->depth - 1] + (int64_t)(byte >> 4)
                        : take_zigzag(reader);
    if (id < INT16_MIN || id > INT16_MAX)
        shale_thrift_problem(reader, "a field's number is out of range");
    if (reader->problem != NULL)
        return false;
    reader->last_id[reader->depth - 1] = (int16_t)id;
    *field = (struct shale_thrift_field){(int16_t)id, (uint8_t)(byte & 0x0f)};
    return true;
}

bool shale_thrift_read_bool(struct shale_thrift_reader *reader,
                            const struct shale_thrift_field *field)
{
    if (field->type != TRUE_FIELD && field->type != FALSE_FIELD)
        shale_thrift_skip(reader, field);
    return reader->problem == NULL && field->type == TRUE_FIELD;
}

int64_t shale_thrift_read_i64(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field)
{
    if (field->type == I8)
        return (int8_t)take_byte(reader);
    if (field->type == I16 || field->type == I32 || field->type == I64)
        return take_zigzag(reader);
    shale_thrift_skip(reader, field);
    return 0;
}

int32_t shale_thrift_read_i32(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field)
{
    int64_t value = shale_thrift_read_i64(reader, field);
    if (value < INT32_MIN || value > INT32_MAX)
        shale_thrift_problem(reader, "a number is out of range");
    return reader->problem == NULL ? (int32_t)value : 0;
}

struct shale_str shale_thrift_read_binary(struct shale_thrift_reader *reader,
                                          const struct shale_thrift_field *field)
{
    if (field->type == BINARY)
        return take_binary(reader);
    shale_thrift_skip(reader, field);
    return (struct shale_str){NULL, 0};
}

bool shale_thrift_read_struct(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field)
{
    if (field->type != STRUCT) {
        shale_thrift_skip(reader, field);
        return false;
    }
    shale_thrift_open(reader);
    return reader->problem == NULL;
}

/* A list's or set's header: its count, at most the bytes that are left. */
static size_t take_list(struct shale_thrift_reader *reader, unsigned *type)
{
    unsigned byte = take_byte(reader);
    uint64_t n = byte >> 4;
    *type = byte & 0x0f;
    if (n == 15)
        n = take_varint(reader);
    if (n > left(reader))
        shale_thrift_problem(reader, "a list is longer than the bytes that are left");
    return reader->problem == NULL ? (size_t)n : 0;
}

size_t shale_thrift_read_list(struct shale_thrift_reader *reader,
                              const struct shale_thrift_field *field,
                              enum shale_thrift_elements elements)
{
    unsigned type;
    bool fits = false;
    size_t n;
    if (field->type != LIST) {
        shale_thrift_skip(reader, field);
        return 0;
    }
    n = take_list(reader, &type);
    switch (elements) {
    case SHALE_THRIFT_BOOLS:
        fits = type == TRUE_FIELD || type == FALSE_FIELD;
        break;
    case SHALE_THRIFT_INTEGERS: /* of I8 an element is one byte and no varint */
        fits = type == I16 || type == I32 || type == I64;
        break;
    case SHALE_THRIFT_BINARIES:
        fits = type == BINARY;
        break;
    case SHALE_THRIFT_STRUCTS:
        fits = type == STRUCT;
        break;
    }
    if (n > 0 && !fits)
        shale_thrift_problem(reader, "a list has elements of another type than it should");
    return reader->problem == NULL ? n : 0;
}

bool shale_thrift_element_read_bool(struct shale_thrift_reader *reader)
{
    return take_byte(reader) == TRUE_FIELD;
}

int64_t shale_thrift_element_read_i64(struct shale_thrift_reader *reader)
{
    return take_zigzag(reader);
}

struct shale_str shale_thrift_element_read_binary(struct shale_thrift_reader *reader)
{
    return take_binary(reader);
}

/* ---- Skipping ----------------------------------------------------------------------------------
 */

/* What is open while skipping: a struct (its end is a STOP), or elements that are still to come, by
 * turns of two types (a map's keys and values). */
struct open {
    bool is_struct;
    unsigned types[2];
    uint64_t n_left;
};

struct skipping {
    struct open open[SHALE_THRIFT_SKIP_DEPTH];
    unsigned depth;
};

static void push(struct shale_thrift_reader *reader, struct skipping *skipping, struct open open)
{
    if (skipping->depth == SHALE_THRIFT_SKIP_DEPTH)
        shale_thrift_problem(reader, "it is nested too deeply");
    else
        skipping->open[skipping->depth++] = open;
}

static void push_map(struct shale_thrift_reader *reader, struct skipping *skipping)
{
    uint64_t n = take_varint(reader);
    unsigned types;
    if (n == 0)
        return;
    types = take_byte(reader);
    if (n > left(reader) / 2)
        shale_thrift_problem(reader, "a map is longer than the bytes that are left");
    else
        push(reader, skipping, (struct open){false, {types >> 4, types & 0x0f}, 2 * n});
}

/* One value, or the beginning of one that holds others. */
static void skip_value(struct shale_thrift_reader *reader, struct skipping *skipping, unsigned type,
                       bool is_field)
{
    size_t n;
    switch (type) {
    case TRUE_FIELD:
    case FALSE_FIELD: /* a field's value is its type */
        (void)take(reader, is_field ? 0 : 1);
        return;
    case I8:
        (void)take(reader, 1);
        return;
    case I16:
    case I32:
    case I64:
        (void)take_varint(reader);
        return;
    case DOUBLE:
        (void)take(reader, 8);
        return;
    case BINARY:
        (void)take_binary(reader);
        return;
    case LIST:
    case SET:
        n = take_list(reader, &type);
        if (n > 0)
            push(reader, skipping, (struct open){false, {type, type}, n});
        return;
    case MAP:
        push_map(reader, skipping);
        return;
    case STRUCT:
        push(reader, skipping, (struct open){.is_struct = true});
        return;
    case UUID:
        (void)take(reader, 16);
        return;
    default:
        shale_thrift_problem(reader, "a field has no type of the protocol");
    }
}

void shale_thrift_skip(struct shale_thrift_reader *reader, const struct shale_thrift_field *field)
{
    struct skipping skipping;
    skipping.depth = 0;
    skip_value(reader, &skipping, field->type, true);
    while (skipping.depth > 0 && reader->problem == NULL) {
        struct open *open = &skipping.open[skipping.depth - 1];
        if (open->is_struct) {
            unsigned byte = take_byte(reader);
            if ((byte & 0x0f) == STOP) {
                skipping.depth--;
                continue;
            }
            if (byte >> 4 == 0)
                (void)take_varint(reader); /* the id, which does not matter */
            skip_value(reader, &skipping, byte & 0x0f, true);
        } else if (open->n_left == 0) {
            skipping.depth--;
        } else {
            unsigned type = open->types[open->n_left-- % 2];
            skip_value(reader, &skipping, type, false);
        }
    }
}

enum shale_status shale_thrift_reader_status(const struct shale_thrift_reader *reader,
                                             const char *what, struct shale_err *err)
{
    enum shale_status status;
    if (reader->problem == NULL)
        return SHALE_OK;
    status = SHALE_ERR(err, parquet_damaged, what, reader->problem);
    shale_err_at(err, NULL, -1, reader->problem_at);
    return status;
}
