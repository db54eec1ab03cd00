/* SPDX-License-Identifier: MIT */
/* How values of each type lie in memory. */
#include "schema/type.h"

enum shale_layout shale_type_layout(const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_BOOL:
        return SHALE_LAYOUT_BOOL;
    case SHALE_INT32:
    case SHALE_DATE:
        return SHALE_LAYOUT_I32;
    case SHALE_INT64:
    case SHALE_TIME:
    case SHALE_TIMESTAMP:
        return SHALE_LAYOUT_I64;
    case SHALE_FLOAT64:
        return SHALE_LAYOUT_F64;
    case SHALE_DECIMAL:
        return SHALE_LAYOUT_I128;
    case SHALE_UUID:
        return type->annotate ? SHALE_LAYOUT_I128 : SHALE_LAYOUT_BYTES;
    case SHALE_LIST:
        return SHALE_LAYOUT_LIST;
    case SHALE_STRING:
    case SHALE_BINARY:
    case SHALE_JSON:
        break;
    }
    return SHALE_LAYOUT_BYTES;
}

size_t shale_layout_width(enum shale_layout layout)
{
    switch (layout) {
    case SHALE_LAYOUT_I32:
        return 4;
    case SHALE_LAYOUT_I64:
    case SHALE_LAYOUT_F64:
        return 8;
    case SHALE_LAYOUT_I128:
        return 16;
    case SHALE_LAYOUT_BOOL:
    case SHALE_LAYOUT_BYTES:
    case SHALE_LAYOUT_LIST:
        break;
    }
    return 0;
}
