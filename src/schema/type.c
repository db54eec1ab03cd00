/* SPDX-License-Identifier: MIT */
/* How values of each type lie in memory, and how they can be encoded. */
#include "schema/type.h"

enum shale_layout shale_type_layout(const struct shale_type *type)
{
    switch (type->kind) {
    case SHALE_BOOL:
        return SHALE_LAYOUT_BOOL;
    case SHALE_INT32:
    case SHALE_DATE:
    case SHALE_INT8:
    case SHALE_INT16:
    case SHALE_UINT8:
    case SHALE_UINT16:
    case SHALE_UINT32:
        return SHALE_LAYOUT_I32;
    case SHALE_INT64:
    case SHALE_TIME:
    case SHALE_TIMESTAMP:
    case SHALE_UINT64:
        return SHALE_LAYOUT_I64;
    case SHALE_FLOAT32:
        return SHALE_LAYOUT_F32;
    case SHALE_FLOAT64:
        return SHALE_LAYOUT_F64;
    case SHALE_DECIMAL:
        return SHALE_LAYOUT_I128;
    case SHALE_UUID:
        return type->annotate ? SHALE_LAYOUT_I128 : SHALE_LAYOUT_BYTES;
    case SHALE_LIST:
    case SHALE_MAP:
        return SHALE_LAYOUT_LIST;
    case SHALE_STRUCT:
        return SHALE_LAYOUT_STRUCT;
    case SHALE_STRING:
    case SHALE_BINARY:
    case SHALE_JSON:
    case SHALE_FIXED:
        break;
    }
    return SHALE_LAYOUT_BYTES;
}

size_t shale_layout_width(enum shale_layout layout)
{
    switch (layout) {
    case SHALE_LAYOUT_I32:
    case SHALE_LAYOUT_F32:
        return 4;
    case SHALE_LAYOUT_I64:
    case SHALE_LAYOUT_F64:
        return 8;
    case SHALE_LAYOUT_I128:
        return 16;
    case SHALE_LAYOUT_BOOL:
    case SHALE_LAYOUT_BYTES:
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
    return 0;
}

/* As deep as types nest: SHALE_TYPE_DEPTH. */
size_t shale_type_n_nodes(const struct shale_type *type)
{
    size_t n = 1;
    for (size_t i = 0; i < type->n_members; i++)
        n += shale_type_n_nodes(&type->members[i].type);
    return n;
}

/* The physical type that a scalar has in a file (parquet-format, LogicalTypes.md). */
enum physical { BOOLEAN, INTEGER, INT96, FLOATING, FIXED_BYTES, BYTE_ARRAY };

static enum physical physical_of(const struct shale_type *scalar)
{
    enum { MOST_INT64_DIGITS = 18 };
    if (scalar->kind == SHALE_FIXED)
        return FIXED_BYTES;
    if (scalar->kind == SHALE_TIMESTAMP && scalar->int96)
        return INT96;
    if (scalar->kind == SHALE_DECIMAL)
        return scalar->precision <= MOST_INT64_DIGITS ? INTEGER : FIXED_BYTES;
    switch (shale_type_layout(scalar)) {
    case SHALE_LAYOUT_BOOL:
        return BOOLEAN;
    case SHALE_LAYOUT_I32:
    case SHALE_LAYOUT_I64:
        return INTEGER;
    case SHALE_LAYOUT_F32:
    case SHALE_LAYOUT_F64:
        return FLOATING;
    case SHALE_LAYOUT_I128:
        return FIXED_BYTES;
    case SHALE_LAYOUT_BYTES:
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
    return BYTE_ARRAY;
}

bool shale_encoding_fits(enum shale_encoding_choice encoding, const struct shale_type *scalar)
{
    enum physical physical = physical_of(scalar);
    switch (encoding) {
    case SHALE_ENCODE_AUTO:
    case SHALE_ENCODE_PLAIN:
        return true;
    case SHALE_ENCODE_DICTIONARY:
        return physical != BOOLEAN;
    case SHALE_ENCODE_DELTA:
        return physical == INTEGER;
    case SHALE_ENCODE_DELTA_LENGTH:
        return physical == BYTE_ARRAY;
    case SHALE_ENCODE_DELTA_BYTE_ARRAY:
        return physical == BYTE_ARRAY || physical == FIXED_BYTES;
    case SHALE_ENCODE_BYTE_STREAM_SPLIT:
        return physical == INTEGER || physical == FLOATING || physical == FIXED_BYTES;
    case SHALE_ENCODE_RLE:
        return physical == BOOLEAN;
    }
    return false;
}
