/* SPDX-License-Identifier: MIT */
/* A value that a person wrote: by the rules for events, and for the types that no event has by
 * those of the nearest one that has. */
#include "schema/parse.h"

#include <string.h>

#include "base/checked.h"
#include "json/number.h"
#include "schema/time.h"
#include "schema/type_text.h"
#include "schema/value.h"

/* The integers that no definition has. */
static const struct narrow {
    enum shale_kind kind;
    int64_t least, most;
} narrow[] = {
    {SHALE_INT8, INT8_MIN, INT8_MAX}, {SHALE_INT16, INT16_MIN, INT16_MAX},
    {SHALE_UINT8, 0, UINT8_MAX},      {SHALE_UINT16, 0, UINT16_MAX},
    {SHALE_UINT32, 0, UINT32_MAX},
};

static enum shale_status out_of_range(const struct shale_type *type, struct shale_str text,
                                      struct shale_err *err)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    struct shale_quoted found;
    return SHALE_ERR(err, range, shale_type_text(type, name, sizeof name),
                     shale_value_quote(SHALE_KIND_STRING, text, &found));
}

/* As the type 'as' reads it. */
static enum shale_status convert(const struct shale_type *as, struct shale_str text,
                                 struct shale_buf *scratch, struct shale_value *out,
                                 struct shale_err *err)
{
    return shale_value_convert(as, true, SHALE_KIND_STRING, text, scratch, out, err);
}

static enum shale_status parse_narrow(const struct narrow *range, const struct shale_type *type,
                                      struct shale_str text, struct shale_buf *out,
                                      struct shale_err *err)
{
    static const struct shale_type as = {.kind = SHALE_INT64};
    struct shale_value value = {0};
    uint32_t bits;
    enum shale_status status = convert(&as, text, out, &value, err);
    if (status != SHALE_OK)
        return status;
    if (value.as.i64 < range->least || value.as.i64 > range->most)
        return out_of_range(type, text, err);
    bits = (uint32_t)value.as.i64;
    return shale_buf_append(out, &bits, sizeof bits);
}

static enum shale_status parse_u64(const struct shale_type *type, struct shale_str text,
                                   struct shale_buf *out, struct shale_err *err)
{
    static const struct shale_type as = {.kind = SHALE_DECIMAL, .precision = 20};
    struct shale_value value = {0};
    uint64_t bits;
    enum shale_status status = convert(&as, text, out, &value, err);
    if (status != SHALE_OK)
        return status;
    if (value.as.i128 < 0 || value.as.i128 > UINT64_MAX)
        return out_of_range(type, text, err);
    bits = (uint64_t)value.as.i128;
    return shale_buf_append(out, &bits, sizeof bits);
}

static enum shale_status parse_f32(const struct shale_type *type, struct shale_str text,
                                   struct shale_buf *out, struct shale_err *err)
{
    static const struct shale_type as = {.kind = SHALE_FLOAT64};
    struct shale_value value = {0};
    float narrowed;
    enum shale_status status = convert(&as, text, out, &value, err);
    if (status != SHALE_OK)
        return status;
    narrowed = (float)value.as.f64;
    if (narrowed - narrowed != 0) /* it became infinite */
        return out_of_range(type, text, err);
    return shale_buf_append(out, &narrowed, sizeof narrowed);
}

/* Times of day have microseconds in events; here they have the file's unit. */
static enum shale_status parse_time(const struct shale_type *type, struct shale_str text,
                                    struct shale_buf *out, struct shale_err *err)
{
    static const char midnight[] = "1970-01-01T";
    struct shale_quoted found;
    char stamp[64];
    int64_t value;
    if (text.n_bytes > sizeof stamp - sizeof midnight || text.n_bytes == 0 ||
        !shale_time_parse(text, &value))
        return SHALE_ERR(err, time, shale_value_quote(SHALE_KIND_STRING, text, &found));
    memcpy(stamp, midnight, sizeof midnight - 1);
    memcpy(stamp + sizeof midnight - 1, text.data, text.n_bytes);
    (void)shale_timestamp_parse((struct shale_str){stamp, sizeof midnight - 1 + text.n_bytes},
                                type->unit, &value); /* the time was seen to be good */
    return shale_buf_append(out, &value, sizeof value);
}

static enum shale_status parse_fixed(const struct shale_type *type, struct shale_str text,
                                     struct shale_buf *out, struct shale_err *err)
{
    static const struct shale_type as = {.kind = SHALE_BINARY};
    struct shale_value value = {0};
    enum shale_status status = convert(&as, text, out, &value, err);
    if (status == SHALE_OK && value.as.bytes.n_bytes != (size_t)type->width)
        return out_of_range(type, text, err);
    return status; /* the bytes stand in 'out' already */
}

/* The types that events have. */
static enum shale_status parse_known(const struct shale_type *type, struct shale_str text,
                                     struct shale_buf *out, struct shale_err *err)
{
    size_t before = out->n_bytes;
    struct shale_value value = {0};
    enum shale_status status = convert(type, text, out, &value, err);
    char boolean;
    if (status != SHALE_OK)
        return status;
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        boolean = value.as.boolean ? 1 : 0;
        return shale_buf_append(out, &boolean, 1);
    case SHALE_LAYOUT_BYTES: /* binary and uuid stand in 'out' already */
        return out->n_bytes > before ? SHALE_OK : shale_buf_append_str(out, value.as.bytes);
    default: /* a member of the union, each at its beginning */
        return shale_buf_append(out, &value.as, shale_layout_width(shale_type_layout(type)));
    }
}

enum shale_status shale_parse_value(const struct shale_type *type, struct shale_str text,
                                    struct shale_buf *out, struct shale_err *err)
{
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
        if (narrow[i].kind == type->kind)
            return parse_narrow(&narrow[i], type, text, out, err);
    switch (type->kind) {
    case SHALE_UINT64:
        return parse_u64(type, text, out, err);
    case SHALE_FLOAT32:
        return parse_f32(type, text, out, err);
    case SHALE_TIME:
        return parse_time(type, text, out, err);
    case SHALE_FIXED:
        return parse_fixed(type, text, out, err);
    case SHALE_JSON: /* the text itself: what a json column holds is compared as it is */
        return shale_buf_append_str(out, text);
    default:
        return parse_known(type, text, out, err);
    }
}
