/* SPDX-License-Identifier: MIT */
/* From a JSON scalar to a typed value.  One function a type; what is lax stands in it, so that
 * each can be read beside its section of docs/types.md. */
#include "schema/value.h"

#include <assert.h>
#include <string.h>

#include "codec/base64.h"
#include "json/number.h"
#include "json/text.h"
#include "schema/epoch.h"
#include "schema/time.h"

/* A value to be converted. */
struct given {
    const struct shale_type *type;
    bool lax;
    enum shale_json_kind kind;
    struct shale_str text;
    struct shale_buf *scratch;
};

static enum shale_status wrong_type(const struct given *in, const char *expected,
                                    struct shale_err *err)
{
    struct shale_quoted found;
    return SHALE_ERR(err, type, expected, shale_value_quote(in->kind, in->text, &found));
}

/* A number, or (lax) a string that is one by JSON's grammar. */
static bool is_number(const struct given *in)
{
    return in->kind == SHALE_KIND_NUMBER ||
           (in->lax && in->kind == SHALE_KIND_STRING && shale_number_valid(in->text));
}

static enum shale_status out_of_range(const struct given *in, const char *type,
                                      struct shale_err *err)
{
    struct shale_quoted found;
    return SHALE_ERR(err, range, type, shale_value_quote(in->kind, in->text, &found));
}

static enum shale_status convert_string(const struct given *in, struct shale_value *out,
                                        struct shale_err *err)
{
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(in, "a string", err);
    out->as.bytes = in->text;
    return SHALE_OK;
}

static enum shale_status convert_bool(const struct given *in, struct shale_value *out,
                                      struct shale_err *err)
{
    bool taken = in->kind == SHALE_KIND_BOOL || (in->lax && in->kind == SHALE_KIND_STRING);
    out->as.boolean = shale_str_is(in->text, "true");
    if (!taken || (!out->as.boolean && !shale_str_is(in->text, "false")))
        return wrong_type(in, in->lax ? "true, false, \"true\" or \"false\"" : "true or false",
                          err);
    return SHALE_OK;
}

static enum shale_status convert_int(const struct given *in, struct shale_value *out,
                                     struct shale_err *err)
{
    bool narrow = in->type->kind == SHALE_INT32;
    const char *name = narrow ? "int32" : "int64";
    struct shale_quoted found;
    int64_t value = 0;
    if (!is_number(in))
        return wrong_type(in, in->lax ? "a whole number or a string of one" : "a whole number",
                          err);
    switch (shale_number_i64(in->text, &value)) {
    case SHALE_NUMBER_NOT_WHOLE:
        return SHALE_ERR(err, not_whole, shale_value_quote(in->kind, in->text, &found));
    case SHALE_NUMBER_RANGE:
        return out_of_range(in, name, err);
    case SHALE_NUMBER_OK:
        break;
    }
    if (!narrow)
        out->as.i64 = value;
    else if (!shale_to_i32(value, &out->as.i32))
        return out_of_range(in, name, err);
    return SHALE_OK;
}

static enum shale_status convert_float(const struct given *in, struct shale_value *out,
                                       struct shale_err *err)
{
    if (!is_number(in))
        return wrong_type(in, in->lax ? "a number or a string of one" : "a number", err);
    if (shale_number_f64(in->text, &out->as.f64) != SHALE_NUMBER_OK)
        return out_of_range(in, "float64", err);
    return SHALE_OK;
}

static enum shale_status convert_decimal(const struct given *in, struct shale_value *out,
                                         struct shale_err *err)
{
    unsigned precision = in->type->precision, scale = in->type->scale;
    struct shale_quoted found;
    if (!is_number(in))
        return wrong_type(in, in->lax ? "a number or a string of one" : "a number", err);
    switch (shale_number_decimal(in->text, precision, scale, &out->as.i128)) {
    case SHALE_NUMBER_NOT_WHOLE:
        return SHALE_ERR(err, scale, scale, shale_value_quote(in->kind, in->text, &found));
    case SHALE_NUMBER_RANGE:
        return out_of_range(in, "the decimal's precision", err);
    case SHALE_NUMBER_OK:
        break;
    }
    return SHALE_OK;
}

static enum shale_status convert_date(const struct given *in, struct shale_value *out,
                                      struct shale_err *err)
{
    struct shale_quoted found;
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(in, "a string with a date", err);
    if (!shale_date_parse(in->text, &out->as.i32))
        return SHALE_ERR(err, date, shale_value_quote(in->kind, in->text, &found));
    return SHALE_OK;
}

static enum shale_status convert_time(const struct given *in, struct shale_value *out,
                                      struct shale_err *err)
{
    struct shale_quoted found;
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(in, "a string with a time of day", err);
    if (!shale_time_parse(in->text, &out->as.i64))
        return SHALE_ERR(err, time, shale_value_quote(in->kind, in->text, &found));
    return SHALE_OK;
}

static enum shale_status convert_timestamp(const struct given *in, struct shale_value *out,
                                           struct shale_err *err)
{
    enum shale_unit unit = in->type->unit;
    struct shale_quoted found;
    int64_t coarse;
    if (in->lax && is_number(in)) {
        if (!shale_epoch_parse(in->text, unit, &out->as.i64))
            return out_of_range(in, "a timestamp", err);
        return SHALE_OK;
    }
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(
            in, in->lax ? "a timestamp as string or number" : "a string with a timestamp", err);
    if (shale_timestamp_parse(in->text, unit, &out->as.i64))
        return SHALE_OK;
    if (unit == SHALE_NS && shale_timestamp_parse(in->text, SHALE_US, &coarse))
        return out_of_range(in, "a timestamp in ns", err);
    return SHALE_ERR(err, timestamp, shale_value_quote(in->kind, in->text, &found));
}

/* 4 bits of a hexadecimal digit, or 16. */
static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

static bool parse_uuid(struct shale_str text, uint8_t bytes[16])
{
    size_t n_digits = 0;
    if (text.n_bytes != 36)
        return false;
    memset(bytes, 0, 16);
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i] != '-')
                return false;
            continue;
        }
        unsigned digit = hex_digit(text.data[i]);
        if (digit > 15)
            return false;
        bytes[n_digits / 2] = (uint8_t)((unsigned)bytes[n_digits / 2] << 4 | digit);
        n_digits++;
    }
    return true;
}

static enum shale_status convert_uuid(const struct given *in, struct shale_value *out,
                                      struct shale_err *err)
{
    struct shale_quoted found;
    uint8_t bytes[16];
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(in, "a string with a UUID", err);
    if (!parse_uuid(in->text, bytes))
        return SHALE_ERR(err, uuid, shale_value_quote(in->kind, in->text, &found));
    if (shale_type_layout(in->type) == SHALE_LAYOUT_I128) {
        memcpy(&out->as.i128, bytes, sizeof bytes);
        return SHALE_OK;
    }
    enum shale_status status = shale_buf_reserve(in->scratch, in->text.n_bytes);
    if (status != SHALE_OK)
        return status;
    char *lower = in->scratch->data + in->scratch->n_bytes;
    for (size_t i = 0; i < in->text.n_bytes; i++) /* '-' and digits have this bit already */
        lower[i] = (char)(in->text.data[i] | 0x20);
    in->scratch->n_bytes += in->text.n_bytes;
    out->as.bytes = (struct shale_str){lower, in->text.n_bytes};
    return SHALE_OK;
}

static enum shale_status convert_binary(const struct given *in, struct shale_value *out,
                                        struct shale_err *err)
{
    struct shale_quoted found;
    size_t n_bytes = 0;
    if (in->kind != SHALE_KIND_STRING)
        return wrong_type(in, "a string with base64", err);
    enum shale_status status = shale_buf_reserve(in->scratch, shale_base64_bound(in->text.n_bytes));
    if (status != SHALE_OK)
        return status;
    char *bytes = in->scratch->data + in->scratch->n_bytes;
    if (!shale_base64_decode(in->text.data, in->text.n_bytes, bytes, &n_bytes))
        return SHALE_ERR(err, base64, shale_value_quote(in->kind, in->text, &found));
    in->scratch->n_bytes += n_bytes;
    out->as.bytes = (struct shale_str){bytes, n_bytes};
    return SHALE_OK;
}

static bool has_white_space(struct shale_str text)
{
    for (size_t i = 0; i < text.n_bytes; i++)
        if (text.data[i] == ' ' || text.data[i] == '\t' || text.data[i] == '\n' ||
            text.data[i] == '\r')
            return true;
    return false;
}

static enum shale_status convert_json(const struct given *in, struct shale_value *out)
{
    bool nested = in->kind == SHALE_KIND_OBJECT || in->kind == SHALE_KIND_ARRAY;
    out->as.bytes = in->text;
    if (!nested || !has_white_space(in->text))
        return SHALE_OK;
    size_t before = in->scratch->n_bytes;
    enum shale_status status = shale_json_minify(in->text, in->scratch);
    if (status == SHALE_OK)
        out->as.bytes =
            (struct shale_str){in->scratch->data + before, in->scratch->n_bytes - before};
    return status;
}

enum shale_status shale_value_convert(const struct shale_type *type, bool lax,
                                      enum shale_json_kind kind, struct shale_str text,
                                      struct shale_buf *scratch, struct shale_value *out,
                                      struct shale_err *err)
{
    const struct given in = {type, lax, kind, text, scratch};
    switch (type->kind) {
    case SHALE_STRING:
        return convert_string(&in, out, err);
    case SHALE_BOOL:
        return convert_bool(&in, out, err);
    case SHALE_INT32:
    case SHALE_INT64:
        return convert_int(&in, out, err);
    case SHALE_FLOAT64:
        return convert_float(&in, out, err);
    case SHALE_DECIMAL:
        return convert_decimal(&in, out, err);
    case SHALE_DATE:
        return convert_date(&in, out, err);
    case SHALE_TIME:
        return convert_time(&in, out, err);
    case SHALE_TIMESTAMP:
        return convert_timestamp(&in, out, err);
    case SHALE_UUID:
        return convert_uuid(&in, out, err);
    case SHALE_BINARY:
        return convert_binary(&in, out, err);
    case SHALE_JSON:
        return convert_json(&in, out);
    default: /* the others are read value by value, or are in no definition */
        break;
    }
    return wrong_type(&in, "a scalar type", err);
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_floats(double a, double b)
{
    bool a_is_nan = a != a, b_is_nan = b != b;
    return a_is_nan || b_is_nan ? a_is_nan - b_is_nan : ORDER(a, b);
}

int shale_value_compare(const struct shale_type *type, const struct shale_value *a,
                        const struct shale_value *b)
{
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        return ORDER(a->as.boolean, b->as.boolean);
    case SHALE_LAYOUT_I32:
        if (type->kind == SHALE_UINT32)
            return ORDER((uint32_t)a->as.i32, (uint32_t)b->as.i32);
        return ORDER(a->as.i32, b->as.i32);
    case SHALE_LAYOUT_I64:
        if (type->kind == SHALE_UINT64)
            return ORDER((uint64_t)a->as.i64, (uint64_t)b->as.i64);
        return ORDER(a->as.i64, b->as.i64);
    case SHALE_LAYOUT_F32:
        return compare_floats((double)a->as.f32, (double)b->as.f32);
    case SHALE_LAYOUT_F64:
        return compare_floats(a->as.f64, b->as.f64);
    case SHALE_LAYOUT_I128:
        if (type->kind == SHALE_UUID) /* bytes in the order of its text */
            return memcmp(&a->as.i128, &b->as.i128, sizeof a->as.i128);
        return ORDER(a->as.i128, b->as.i128);
    case SHALE_LAYOUT_BYTES:
        return shale_str_compare(a->as.bytes, b->as.bytes);
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
    assert(false && "values that hold others are not compared");
    return 0;
}
