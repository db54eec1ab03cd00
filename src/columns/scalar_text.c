/* SPDX-License-Identifier: MIT */
/* One value as text. */
#include "columns/scalar_text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "json/print.h"
#include "schema/time.h"

enum { SECONDS_PER_DAY = 86400 };

static int32_t i32_at(const struct shale_column *column, int64_t row)
{
    return ((const int32_t *)column->data)[row];
}

static int64_t i64_at(const struct shale_column *column, int64_t row)
{
    return ((const int64_t *)column->data)[row];
}

/* The calendar repeats every 400 years: 146,097 days. */
static size_t print_date(int64_t days, char *out)
{
    enum { ERA_DAYS = 146097 };
    int64_t era = days / ERA_DAYS, year;
    unsigned month, day;
    size_t n = 0;
    shale_civil_from_days((int32_t)(days % ERA_DAYS), &year, &month, &day);
    year += era * 400;
    if (year >= 0 && year <= 9999) {
        n = shale_print_padded((uint64_t)year, 4, out);
    } else {
        uint64_t size = year < 0 ? 0 - (uint64_t)year : (uint64_t)year;
        out[n++] = year < 0 ? '-' : '+';
        n += size < 1000000 ? shale_print_padded(size, 6, out + n) : shale_print_u64(size, out + n);
    }
    out[n++] = '-';
    n += shale_print_padded(month, 2, out + n);
    out[n++] = '-';
    return n + shale_print_padded(day, 2, out + n);
}

/* 'units' of a second since midnight, below a day. */
static size_t print_clock(int64_t units, enum shale_unit unit, char *out)
{
    static const unsigned digits[] = {[SHALE_MS] = 3, [SHALE_US] = 6, [SHALE_NS] = 9};
    int64_t per_second = shale_unit_per_second(unit);
    uint64_t seconds = (uint64_t)(units / per_second);
    size_t n = shale_print_padded(seconds / 3600, 2, out);
    out[n++] = ':';
    n += shale_print_padded(seconds / 60 % 60, 2, out + n);
    out[n++] = ':';
    n += shale_print_padded(seconds % 60, 2, out + n);
    out[n++] = '.';
    return n + shale_print_padded((uint64_t)(units % per_second), digits[unit], out + n);
}

static size_t print_timestamp(const struct shale_type *type, int64_t value, char *out)
{
    int64_t per_day = shale_unit_per_second(type->unit) * SECONDS_PER_DAY;
    int64_t days = value / per_day, rest = value % per_day;
    size_t n;
    if (rest < 0) {
        rest += per_day;
        days--;
    }
    n = print_date(days, out);
    out[n++] = 'T';
    n += print_clock(rest, type->unit, out + n);
    if (!type->local)
        out[n++] = 'Z';
    return n;
}

/* A time of day; what is none (a file may hold any number) as its number. */
static size_t print_time(enum shale_unit unit, int64_t value, char *out)
{
    if (value < 0 || value >= shale_unit_per_second(unit) * SECONDS_PER_DAY)
        return shale_print_i64(value, out);
    return print_clock(value, unit, out);
}

static size_t print_special(double value, char *out)
{
    const char *text = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

static size_t print_uuid(const void *bytes, char *out)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = hex[b[i] >> 4];
        out[n++] = hex[b[i] & 15];
    }
    return n;
}

bool shale_scalar_is_string(const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_STRING:
    case SHALE_DATE:
    case SHALE_TIME:
    case SHALE_TIMESTAMP:
    case SHALE_UUID:
    case SHALE_BINARY:
    case SHALE_FIXED:
        return true;
    default:
        return false;
    }
}

bool shale_scalar_is_special(const struct shale_type *type, const struct shale_column *column,
                             int64_t row)
{
    if (type->kind == SHALE_FLOAT64)
        return !isfinite(((const double *)column->data)[row]);
    return type->kind == SHALE_FLOAT32 && !isfinite(((const float *)column->data)[row]);
}

static size_t print_f64(double value, char *out)
{
    return isfinite(value) ? shale_print_f64(value, out) : print_special(value, out);
}

static size_t print_f32(float value, char *out)
{
    return isfinite(value) ? shale_print_f32(value, out) : print_special((double)value, out);
}

size_t shale_scalar_print(const struct shale_type *type, const struct shale_column *column,
                          int64_t row, char out[SHALE_SCALAR_BYTES])
{
    bool value;
    switch (type->kind) {
    case SHALE_BOOL:
        value = shale_bit(column->data, row);
        memcpy(out, value ? "true" : "false", 5);
        return value ? 4 : 5;
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_INT32:
    case SHALE_UINT8:
    case SHALE_UINT16:
        return shale_print_i64(i32_at(column, row), out);
    case SHALE_UINT32:
        return shale_print_u64((uint32_t)i32_at(column, row), out);
    case SHALE_INT64:
        return shale_print_i64(i64_at(column, row), out);
    case SHALE_UINT64:
        return shale_print_u64((uint64_t)i64_at(column, row), out);
    case SHALE_FLOAT32:
        return print_f32(((const float *)column->data)[row], out);
    case SHALE_FLOAT64:
        return print_f64(((const double *)column->data)[row], out);
    case SHALE_DECIMAL:
        return shale_print_decimal(((const shale_i128 *)column->data)[row], type->scale, out);
    case SHALE_DATE:
        return print_date(i32_at(column, row), out);
    case SHALE_TIME:
        return print_time(type->unit, i64_at(column, row), out);
    case SHALE_TIMESTAMP:
        return print_timestamp(type, i64_at(column, row), out);
    case SHALE_UUID:
        return print_uuid((const shale_i128 *)column->data + row, out);
    default:
        break;
    }
    assert(false && "a value of any length, or one that holds others");
    return 0;
}
