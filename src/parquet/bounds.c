/* SPDX-License-Identifier: MIT */
/* Which bounds can be believed (parquet.thrift: ColumnOrder, Statistics). */
#include "parquet/bounds.h"

#include <math.h>

static bool is_unsigned(const struct shale_file_node *node)
{
    return node->logical == SHALE_LOGICAL_INTEGER
               ? !node->is_signed
               : node->logical == SHALE_LOGICAL_NONE && node->converted >= SHALE_CONVERTED_UINT_8 &&
                     node->converted <= SHALE_CONVERTED_UINT_64;
}

static enum shale_file_order order_of_bytes(const struct shale_file_node *node)
{
    switch (node->logical) {
    case SHALE_LOGICAL_DECIMAL:
        return SHALE_FILE_ORDER_BIG_ENDIAN;
    case SHALE_LOGICAL_FLOAT16:
    case SHALE_LOGICAL_VARIANT:
    case SHALE_LOGICAL_GEOMETRY:
    case SHALE_LOGICAL_GEOGRAPHY:
        return SHALE_FILE_ORDER_NONE;
    case SHALE_LOGICAL_NONE:
        break;
    default:
        return SHALE_FILE_ORDER_BYTES;
    }
    return node->converted == SHALE_CONVERTED_DECIMAL    ? SHALE_FILE_ORDER_BIG_ENDIAN
           : node->converted == SHALE_CONVERTED_INTERVAL ? SHALE_FILE_ORDER_NONE
                                                         : SHALE_FILE_ORDER_BYTES;
}

enum shale_file_order shale_order_of(const struct shale_file_node *node)
{
    switch (node->physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        return SHALE_FILE_ORDER_BOOLEAN;
    case SHALE_PHYSICAL_INT32:
        return is_unsigned(node) ? SHALE_FILE_ORDER_U32 : SHALE_FILE_ORDER_I32;
    case SHALE_PHYSICAL_INT64:
        return is_unsigned(node) ? SHALE_FILE_ORDER_U64 : SHALE_FILE_ORDER_I64;
    case SHALE_PHYSICAL_FLOAT:
        return SHALE_FILE_ORDER_F32;
    case SHALE_PHYSICAL_DOUBLE:
        return SHALE_FILE_ORDER_F64;
    case SHALE_PHYSICAL_BYTE_ARRAY:
    case SHALE_PHYSICAL_FIXED:
        return order_of_bytes(node);
    default:
        return SHALE_FILE_ORDER_NONE;
    }
}

bool shale_order_is_signed(enum shale_file_order order)
{
    return order == SHALE_FILE_ORDER_BOOLEAN || order == SHALE_FILE_ORDER_I32 ||
           order == SHALE_FILE_ORDER_I64 || order == SHALE_FILE_ORDER_F32 ||
           order == SHALE_FILE_ORDER_F64;
}

static bool is_nan(enum shale_file_order order, struct shale_str value)
{
    float single = 0;
    double wide = 0;
    if (order == SHALE_FILE_ORDER_F32)
        memcpy(&single, value.data, sizeof single);
    if (order == SHALE_FILE_ORDER_F64)
        memcpy(&wide, value.data, sizeof wide);
    return isnan(single) || isnan(wide);
}

bool shale_bound_is_known(enum shale_file_order order, bool ordered, struct shale_str value)
{
    static const size_t widths[] = {
        [SHALE_FILE_ORDER_BOOLEAN] = 1, [SHALE_FILE_ORDER_I32] = 4,  [SHALE_FILE_ORDER_U32] = 4,
        [SHALE_FILE_ORDER_I64] = 8,     [SHALE_FILE_ORDER_U64] = 8,  [SHALE_FILE_ORDER_F32] = 4,
        [SHALE_FILE_ORDER_F64] = 8,     [SHALE_FILE_ORDER_BYTES] = 0};
    if (order == SHALE_FILE_ORDER_NONE || (!ordered && !shale_order_is_signed(order)))
        return false;
    if (order == SHALE_FILE_ORDER_BIG_ENDIAN)
        return value.n_bytes > 0;
    if (widths[order] != 0 && value.n_bytes != widths[order])
        return false;
    return !is_nan(order, value);
}
