/* SPDX-License-Identifier: MIT */
/* Values as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "json/print.h"
#include "json/text.h"
#include "json/writer.h"
#include "schema/time.h"
#include "schema/value.h"

/* The calendar repeats every 400 years: files of others hold years that the functions of dates do
 * not know. */
static enum shale_status format_date(int64_t days, struct shale_buf *out)
{
    enum { ERA_DAYS = 146097, ERA_YEARS = 400 };
    int64_t year;
    unsigned month, day;
    shale_civil_from_days((int32_t)(days % ERA_DAYS), &year, &month, &day);
    return shale_buf_printf(out, "%04" PRId64 "-%02u-%02u", year + days / ERA_DAYS * ERA_YEARS,
                            month, day);
}

/* hh:mm:ss and a fraction of 0, 3, 6 or 9 digits: as many as it takes. */
static enum shale_status format_clock(int64_t seconds, int64_t ns, struct shale_buf *out)
{
    enum shale_status status = shale_buf_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64,
                                                seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (status != SHALE_OK || ns == 0)
        return status;
    if (ns % 1000000 == 0)
        return shale_buf_printf(out, ".%03" PRId64, ns / 1000000);
    if (ns % 1000 == 0)
        return shale_buf_printf(out, ".%06" PRId64, ns / 1000);
    return shale_buf_printf(out, ".%09" PRId64, ns);
}

static enum shale_status format_time(enum shale_unit unit, int64_t value, struct shale_buf *out)
{
    int64_t per_second = shale_unit_per_second(unit);
    return format_clock(value / per_second, value % per_second * (1000000000 / per_second), out);
}

static enum shale_status format_timestamp(const struct shale_type *type, int64_t value,
                                          struct shale_buf *out)
{
    int64_t per_second = shale_unit_per_second(type->unit);
    int64_t fraction = value % per_second, seconds = value / per_second;
    if (fraction < 0) {
        fraction += per_second;
        seconds--;
    }
    int64_t second_of_day = seconds % 86400, days = seconds / 86400;
    if (second_of_day < 0) {
        second_of_day += 86400;
        days--;
    }
    enum shale_status status = format_date(days, out);
    if (status == SHALE_OK)
        status = shale_buf_append_byte(out, 'T');
    if (status == SHALE_OK)
        status = format_clock(second_of_day, fraction * (1000000000 / per_second), out);
    if (status == SHALE_OK && !type->local)
        status = shale_buf_append_byte(out, 'Z');
    return status;
}

static enum shale_status format_decimal(shale_i128 value, unsigned scale, struct shale_buf *out)
{
    char text[48];
    size_t at = sizeof text;
    unsigned n_digits = 0;
    shale_u128 rest = value < 0 ? -(shale_u128)value : (shale_u128)value;
    do {
        if (n_digits == scale && scale > 0)
            text[--at] = '.';
        text[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
        n_digits++;
    } while (rest > 0 || n_digits <= scale);
    if (value < 0)
        text[--at] = '-';
    return shale_buf_append(out, text + at, sizeof text - at);
}

static enum shale_status format_uuid(const struct shale_value *value, struct shale_buf *out)
{
    uint8_t b[16];
    memcpy(b, &value->as.i128, sizeof b);
    return shale_buf_printf(
        out, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static enum shale_status format_float(double value, struct shale_buf *out)
{
    struct shale_json_writer writer;
    shale_json_writer_init(&writer, out);
    shale_json_put_f64(&writer, value);
    return writer.status;
}

static enum shale_status format_float32(float value, struct shale_buf *out)
{
    char text[32];
    if (value != value || value - value != 0)
        return shale_buf_append_str(out, SHALE_STR("null"));
    return shale_buf_append(out, text, shale_print_f32(value, text));
}

enum shale_status shale_value_format(const struct shale_type *type, const struct shale_value *value,
                                     struct shale_buf *out)
{
    switch (type->kind) {
    case SHALE_BOOL:
        return shale_buf_append_str(out,
                                    value->as.boolean ? SHALE_STR("true") : SHALE_STR("false"));
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_INT32:
    case SHALE_UINT8:
    case SHALE_UINT16:
        return shale_buf_printf(out, "%" PRId32, value->as.i32);
    case SHALE_UINT32:
        return shale_buf_printf(out, "%" PRIu32, (uint32_t)value->as.i32);
    case SHALE_INT64:
        return shale_buf_printf(out, "%" PRId64, value->as.i64);
    case SHALE_UINT64:
        return shale_buf_printf(out, "%" PRIu64, (uint64_t)value->as.i64);
    case SHALE_FLOAT32:
        return format_float32(value->as.f32, out);
    case SHALE_FLOAT64:
        return format_float(value->as.f64, out);
    case SHALE_DECIMAL:
        return format_decimal(value->as.i128, type->scale, out);
    case SHALE_DATE:
        return format_date(value->as.i32, out);
    case SHALE_TIME:
        return format_time(type->unit, value->as.i64, out);
    case SHALE_TIMESTAMP:
        return format_timestamp(type, value->as.i64, out);
    case SHALE_BINARY:
    case SHALE_FIXED:
        return shale_base64_append(value->as.bytes, out);
    case SHALE_UUID:
        if (shale_type_layout(type) == SHALE_LAYOUT_I128)
            return format_uuid(value, out);
        break;
    default:
        break;
    }
    return shale_buf_append_str(out, value->as.bytes);
}

const char *shale_value_quote(enum shale_json_kind kind, struct shale_str text,
                              struct shale_quoted *out)
{
    enum { MAX_SHOWN = 80 };
    bool quotes = kind == SHALE_KIND_STRING;
    size_t n = text.n_bytes, used = 0;
    if (kind == SHALE_KIND_NULL) {
        text = SHALE_STR("null");
        n = text.n_bytes;
    }
    if (n > MAX_SHOWN) {
        n = MAX_SHOWN;
        while (n > 0 && ((uint8_t)text.data[n] & 0xC0) == 0x80) /* not within a character */
            n--;
    }
    bool ascii_only = !shale_utf8_valid((struct shale_str){text.data, n});
    if (quotes)
        out->text[used++] = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7F)
            c = ' ';
        out->text[used++] = ascii_only && c > 0x7F ? '?' : (char)c;
    }
    (void)snprintf(out->text + used, sizeof out->text - used, "%s%s", n < text.n_bytes ? "..." : "",
                   quotes ? "\"" : "");
    return out->text;
}
