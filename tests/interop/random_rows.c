/* SPDX-License-Identifier: MIT */
/* Random rows. */
#include "random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---- The expected text -------------------------------------------------------------------------
 */

__attribute__((format(printf, 2, 3))) static void say(struct random_rows *rows, const char *format,
                                                      ...)
{
    va_list args;
    if (rows->expected == NULL)
        return;
    va_start(args, format);
    (void)vfprintf(rows->expected, format, args);
    va_end(args);
}

static void say_text(struct random_rows *rows, struct shale_str text)
{
    say(rows, "\"");
    for (size_t i = 0; i < text.n_bytes; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == '"' || byte == '\\')
            say(rows, "\\u%04x", byte);
        else
            say(rows, "%c", byte);
    }
    say(rows, "\"");
}

static void say_hex(struct random_rows *rows, const void *data, size_t n_bytes)
{
    say(rows, "\"");
    for (size_t i = 0; i < n_bytes; i++)
        say(rows, "%02x", ((const unsigned char *)data)[i]);
    say(rows, "\"");
}

static void say_decimal(struct random_rows *rows, shale_i128 value, size_t scale)
{
    char digits[48];
    size_t at = sizeof(digits);
    shale_u128 rest = value < 0 ? -(shale_u128)value : (shale_u128)value;
    do
        digits[--at] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    while (sizeof(digits) - at <= scale)
        digits[--at] = '0';
    say(rows, "\"%s%.*s", value < 0 ? "-" : "", (int)(sizeof(digits) - at - scale), digits + at);
    say(rows, "%s%.*s\"", scale > 0 ? "." : "", (int)scale, digits + sizeof(digits) - scale);
}

/* ---- Scalars: the k-th of a type ---------------------------------------------------------------
 */

/* From 'least' to 'most', both and what lies around 0 first. */
static int64_t within(uint64_t k, int64_t least, int64_t most)
{
    const int64_t first[] = {least, most, 0, -1, 1};
    uint64_t span = (uint64_t)most - (uint64_t)least;
    if (k < 5)
        return first[k] < least ? least : first[k];
    if (k < 50)
        return least < 0 ? (int64_t)k : (int64_t)((uint64_t)least + k % (span == 0 ? 1 : span));
    return (int64_t)((uint64_t)least +
                     (span == UINT64_MAX ? random_mix(k) : random_mix(k) % (span + 1)));
}

static void put_integer(struct random_rows *rows, size_t column, const struct shale_type *type,
                        uint64_t k)
{
    static const struct {
        int64_t least, most;
    } ranges[] = {
        [SHALE_INT8] = {INT8_MIN, INT8_MAX},    [SHALE_INT16] = {INT16_MIN, INT16_MAX},
        [SHALE_INT32] = {INT32_MIN, INT32_MAX}, [SHALE_INT64] = {INT64_MIN, INT64_MAX},
        [SHALE_UINT8] = {0, UINT8_MAX},         [SHALE_UINT16] = {0, UINT16_MAX},
        [SHALE_UINT32] = {0, UINT32_MAX},       [SHALE_UINT64] = {INT64_MIN, INT64_MAX},
        [SHALE_DATE] = {-719162, 2932896}, /* 0001-01-01 to 9999-12-31 */
    };
    int64_t value = rows->ascending && type->kind != SHALE_INT8 && type->kind != SHALE_UINT8
                        ? (int64_t)(rows->row + k % 3)
                        : within(k, ranges[type->kind].least, ranges[type->kind].most);
    if (shale_type_layout(type) == SHALE_LAYOUT_I32)
        shale_builder_i32(rows->builder, column, (int32_t)(uint32_t)value);
    else
        shale_builder_i64(rows->builder, column, value);
    if (type->kind == SHALE_UINT64)
        say(rows, "\"%" PRIu64 "\"", (uint64_t)value);
    else
        say(rows, "\"%" PRId64 "\"", value);
}

static void put_float(struct random_rows *rows, size_t column, const struct shale_type *type,
                      uint64_t k)
{
    static const uint64_t first[] = {0x8000000000000000u,
                                     0,
                                     0x7ff0000000000000u,
                                     0xfff0000000000000u,
                                     1,
                                     0x7fefffffffffffffu,
                                     0x7ff8000000000000u,
                                     0x3ff8000000000000u};
    static const uint32_t first32[] = {0x80000000u, 0,           0x7f800000u, 0xff800000u,
                                       1,           0x7f7fffffu, 0x7fc00000u, 0x3fc00000u};
    if (type->kind == SHALE_FLOAT32) {
        uint32_t bits = k < 8 ? first32[k] : (uint32_t)random_mix(k) & 0xbfffffffu;
        float value;
        memcpy(&value, &bits, sizeof(value));
        shale_builder_f32(rows->builder, column, value);
        say(rows, "\"%08" PRIx32 "\"", bits);
    } else {
        uint64_t bits = k < 8 ? first[k] : random_mix(k) & 0xbfffffffffffffffu;
        double value;
        memcpy(&value, &bits, sizeof(value));
        shale_builder_f64(rows->builder, column, value);
        say(rows, "\"%016" PRIx64 "\"", bits);
    }
}

static void put_decimal(struct random_rows *rows, size_t column, const struct shale_type *type,
                        uint64_t k)
{
    shale_i128 most = 1, value;
    for (unsigned i = 0; i < type->precision; i++)
        most *= 10;
    most--;
    value = (shale_i128)((shale_u128)random_mix(k) << 64 | random_mix(k + 1)) % (most + 1);
    if (k < 5)
        value = (shale_i128[]){-most, most, 0, -1, 1}[k];
    else if (k < 50)
        value = (shale_i128)k % (most + 1);
    shale_builder_i128(rows->builder, column, value);
    say_decimal(rows, value, type->scale);
}

static void put_time(struct random_rows *rows, size_t column, const struct shale_type *type,
                     uint64_t k)
{
    static const int64_t per_second[] = {
        [SHALE_MS] = 1000, [SHALE_US] = 1000000, [SHALE_NS] = 1000000000};
    int64_t ticks = per_second[type->unit], value = within(k, 0, 86400 * ticks - 1);
    int64_t nanoseconds = value * (1000000000 / ticks);
    shale_builder_i64(rows->builder, column, value);
    say(rows, "\"%" PRId64, nanoseconds / 1000);
    if (nanoseconds % 1000 != 0)
        say(rows, ".%03d", (int)(nanoseconds % 1000));
    say(rows, "\"");
}

static void put_timestamp(struct random_rows *rows, size_t column, const struct shale_type *type,
                          uint64_t k)
{
    /* Years 1 to 9999, or 1678 to 2261 in nanoseconds: what every reader can hold.  The readers
     * make nanoseconds of INT96. */
    static const int64_t per_second[] = {
        [SHALE_MS] = 1000, [SHALE_US] = 1000000, [SHALE_NS] = 1000000000};
    int64_t least = -62135596800, most = 253402300799, ticks = per_second[type->unit], value;
    if (type->unit == SHALE_NS || type->int96) {
        least = -9214560000;
        most = 9214646399;
    }
    value = within(k, least * ticks, most * ticks + ticks - 1);
    if (rows->ascending)
        value = 1700000000 * ticks + (int64_t)(rows->row * 1000 + k % 7);
    shale_builder_i64(rows->builder, column, value);
    say_decimal(rows, (shale_i128)value * (1000000000 / ticks), 0);
}

static void put_uuid(struct random_rows *rows, size_t column, const struct shale_type *type,
                     uint64_t k)
{
    uint64_t half[2] = {k == 0 ? 0 : random_mix(k), k == 0 ? 0 : random_mix(~k)};
    unsigned char raw[16];
    char text[37];
    size_t n = 0;
    shale_i128 value;
    memcpy(raw, half, sizeof(raw));
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[n++] = '-';
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", raw[i]);
    }
    memcpy(&value, raw, sizeof(value));
    if (type->annotate)
        shale_builder_i128(rows->builder, column, value);
    else
        shale_builder_bytes(rows->builder, column, (struct shale_str){text, 36});
    say_text(rows, (struct shale_str){text, 36});
}

static void put_string(struct random_rows *rows, size_t column, uint64_t k)
{
    static const char *const parts[] = {"a",      "Zeile \"1\"\n",    "\xc3\xa9", "\xe2\x82\xac",
                                        "\\path", "\xf0\x9f\x90\x9a", " ",        "https://shale/"};
    char text[512];
    size_t n = 0;
    for (uint64_t i = 0, bits = random_mix(k); k > 0 && i < bits % 12; i++) {
        const char *part = parts[random_mix(k % 16 + i * 977) % 8];
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    if (k > 0)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%" PRIu64, k);
    shale_builder_bytes(rows->builder, column, (struct shale_str){text, n});
    say_text(rows, (struct shale_str){text, n});
}

static void put_bytes(struct random_rows *rows, size_t column, const struct shale_type *type,
                      uint64_t k)
{
    unsigned char bytes[64];
    size_t n = type->kind == SHALE_FIXED ? (size_t)type->width : k == 0 ? 0 : 1 + k % 40;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(k == 1 ? 0xff : random_mix(k + i * 7919));
    if (type->kind == SHALE_BINARY && n >= 8)
        memcpy(bytes, &k, sizeof(k)); /* each another: they are keys as well */
    shale_builder_bytes(rows->builder, column, (struct shale_str){(const char *)bytes, n});
    say_hex(rows, bytes, n);
}

static void put_json(struct random_rows *rows, size_t column, uint64_t k)
{
    static const char *const fixed[] = {"null", "true", "[]", "{}", "\"text\"", "-0.5e-7", "[[1]]"};
    char text[96];
    if (k < 7)
        snprintf(text, sizeof(text), "%s", fixed[k]);
    else
        snprintf(text, sizeof(text), "{\"k\":%" PRIu64 ",\"list\":[1,null,\"\\u00e9\"],\"k\":{}}",
                 k);
    shale_builder_bytes(rows->builder, column, shale_str_of(text));
    say_text(rows, shale_str_of(text));
}

void random_scalar(struct random_rows *rows, size_t column, const struct shale_type *type,
                   uint64_t k)
{
    bool value;
    switch (type->kind) {
    case SHALE_BOOL:
        value = (random_mix(k) & 3) == 0;
        shale_builder_bool(rows->builder, column, value);
        say(rows, value ? "true" : "false");
        break;
    case SHALE_FLOAT32:
    case SHALE_FLOAT64:
        put_float(rows, column, type, k);
        break;
    case SHALE_DECIMAL:
        put_decimal(rows, column, type, k);
        break;
    case SHALE_TIME:
        put_time(rows, column, type, k);
        break;
    case SHALE_TIMESTAMP:
        put_timestamp(rows, column, type, k);
        break;
    case SHALE_UUID:
        put_uuid(rows, column, type, k);
        break;
    case SHALE_STRING:
        put_string(rows, column, k);
        break;
    case SHALE_BINARY:
    case SHALE_FIXED:
        put_bytes(rows, column, type, k);
        break;
    case SHALE_JSON:
        put_json(rows, column, k);
        break;
    default:
        put_integer(rows, column, type, k);
        break;
    }
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

static void put_value(struct random_rows *rows, size_t column, const struct shale_type *type);

static uint64_t pick(struct random_rows *rows)
{
    uint64_t k = random_next(&rows->bits);
    return rows->distinct > 0 ? k % rows->distinct : k >> 40;
}

/* Keys of a map differ: values that follow one another. */
static void put_map(struct random_rows *rows, size_t column, const struct shale_type *type,
                    uint64_t n)
{
    uint64_t first = 5 + pick(rows) % 1000000;
    bool ascending = rows->ascending;
    say(rows, "[");
    shale_builder_list_begin(rows->builder, column);
    for (uint64_t i = 0; i < n; i++) {
        say(rows, i > 0 ? ",{\"key\":" : "{\"key\":");
        rows->ascending = false;
        random_scalar(rows, column, &type->members[0].type, first + i);
        rows->ascending = ascending;
        say(rows, ",\"value\":");
        put_value(rows, column, &type->members[1].type);
        say(rows, "}");
    }
    shale_builder_list_end(rows->builder, column);
    say(rows, "]");
}

static void put_list(struct random_rows *rows, size_t column, const struct shale_type *type,
                     uint64_t n)
{
    say(rows, "[");
    shale_builder_list_begin(rows->builder, column);
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0)
            say(rows, ",");
        put_value(rows, column, &type->members[0].type);
    }
    shale_builder_list_end(rows->builder, column);
    say(rows, "]");
}

static void put_struct(struct random_rows *rows, size_t column, const struct shale_type *type)
{
    shale_builder_struct_begin(rows->builder, column);
    for (size_t i = 0; i < type->n_members; i++) {
        say(rows, i > 0 ? "," : "{");
        say_text(rows, type->members[i].name);
        say(rows, ":");
        put_value(rows, column, &type->members[i].type);
    }
    shale_builder_struct_end(rows->builder, column);
    say(rows, "}");
}

static void put_value(struct random_rows *rows, size_t column, const struct shale_type *type)
{
    uint64_t n = random_below(&rows->bits, rows->longest + 1u);
    if (random_chance(&rows->bits, rows->null_percent)) {
        shale_builder_null(rows->builder, column);
        say(rows, "null");
    } else if (type->kind == SHALE_LIST) {
        put_list(rows, column, type, n);
    } else if (type->kind == SHALE_MAP) {
        put_map(rows, column, type, n);
    } else if (type->kind == SHALE_STRUCT) {
        put_struct(rows, column, type);
    } else {
        random_scalar(rows, column, type, pick(rows));
    }
}

void random_row(struct random_rows *rows, const struct shale_schema *schema)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        say(rows, i > 0 ? "," : "{");
        say_text(rows, schema->columns[i].name);
        say(rows, ":");
        put_value(rows, i, &schema->columns[i].type);
    }
    say(rows, "}\n");
    rows->row++;
}
