/* SPDX-License-Identifier: MIT */
/* PLAIN bytes of one value (parquet-format, Encodings.md) in Arrow's layout. */
#include "parquet/bound_value.h"

#include "base/checked.h"

static bool take(struct shale_bound_value *out, struct shale_str value, size_t width)
{
    if (value.n_bytes != width)
        return false;
    memcpy(out->data, value.data, width);
    return true;
}

/* Big-endian two's complement; bytes in front that only repeat the sign do not count. */
static bool take_big_endian(struct shale_bound_value *out, struct shale_str value)
{
    const unsigned char *bytes = (const unsigned char *)value.data;
    size_t n = value.n_bytes;
    unsigned sign = n > 0 && bytes[0] >= 0x80 ? 0xff : 0;
    shale_u128 number = sign == 0 ? 0 : ~(shale_u128)0;
    while (n > 16 && bytes[0] == sign) {
        bytes++;
        n--;
    }
    if (n == 0 || n > 16 || (n == 16 && (bytes[0] >= 0x80) != (sign != 0)))
        return false;
    for (size_t i = 0; i < n; i++)
        number = number << 8 | bytes[i];
    memcpy(out->data, &number, sizeof number);
    return true;
}

static bool take_decimal(struct shale_bound_value *out, int physical, struct shale_str value)
{
    int32_t narrow;
    int64_t wide;
    shale_i128 number;
    if (physical != SHALE_PHYSICAL_INT32 && physical != SHALE_PHYSICAL_INT64)
        return take_big_endian(out, value);
    if (!take(out, value, physical == SHALE_PHYSICAL_INT32 ? 4 : 8))
        return false;
    memcpy(&narrow, out->data, sizeof narrow);
    memcpy(&wide, out->data, sizeof wide);
    number = physical == SHALE_PHYSICAL_INT32 ? narrow : wide;
    memcpy(out->data, &number, sizeof number);
    return true;
}

static bool take_i64(struct shale_bound_value *out, int physical, struct shale_str value)
{
    int32_t narrow;
    int64_t wide;
    if (physical != SHALE_PHYSICAL_INT32)
        return take(out, value, 8);
    if (!take(out, value, 4))
        return false;
    memcpy(&narrow, out->data, sizeof narrow);
    wide = narrow;
    memcpy(out->data, &wide, sizeof wide);
    return true;
}

static bool take_bytes(struct shale_bound_value *out, struct shale_str value)
{
    if (value.n_bytes > INT32_MAX)
        return false;
    out->offsets[1] = (int32_t)value.n_bytes;
    out->column.offsets = out->offsets;
    out->column.data = value.data;
    return true;
}

bool shale_bound_value_of(const struct shale_file_leaf *leaf, const struct shale_file_node *node,
                          struct shale_str value, struct shale_bound_value *out)
{
    *out = (struct shale_bound_value){.column = {.n_rows = 1}};
    out->column.data = out->data;
    switch (shale_type_layout(leaf->type)) {
    case SHALE_LAYOUT_BOOL:
        return take(out, value, 1);
    case SHALE_LAYOUT_I32:
    case SHALE_LAYOUT_F32:
        return take(out, value, 4);
    case SHALE_LAYOUT_I64:
        return take_i64(out, node->physical, value);
    case SHALE_LAYOUT_F64:
        return take(out, value, 8);
    case SHALE_LAYOUT_I128:
        return leaf->type->kind == SHALE_UUID ? take(out, value, 16)
                                              : take_decimal(out, node->physical, value);
    case SHALE_LAYOUT_BYTES:
        return take_bytes(out, value);
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
    return false;
}
