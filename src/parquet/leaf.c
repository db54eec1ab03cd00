/* SPDX-License-Identifier: MIT */
/* The table of types in leaf.h, as code. */
#include "parquet/leaf.h"

#include "base/checked.h"

/* The least bytes that hold 'precision' digits and a sign (parquet-format, LogicalTypes.md). */
static size_t decimal_width(unsigned precision)
{
    shale_i128 largest = 9;
    size_t n_bytes = 1;
    for (unsigned i = 1; i < precision; i++)
        largest = largest * 10 + 9;
    while (n_bytes < 16 && (largest >> (8 * n_bytes - 1)) != 0)
        n_bytes++;
    return n_bytes;
}

static void set(struct shale_leaf *leaf, enum shale_physical physical, size_t width,
                enum shale_order order)
{
    leaf->physical = physical;
    leaf->width = width;
    leaf->order = order;
}

static void annotate(struct shale_leaf *leaf, enum shale_logical logical,
                     enum shale_converted converted)
{
    leaf->logical = logical;
    leaf->converted = converted;
}

static void set_text(struct shale_leaf *leaf, bool json)
{
    set(leaf, SHALE_PHYSICAL_BYTE_ARRAY, 0, SHALE_ORDER_BYTES);
    annotate(leaf, json ? SHALE_LOGICAL_JSON : SHALE_LOGICAL_STRING,
             json ? SHALE_CONVERTED_JSON : SHALE_CONVERTED_UTF8);
    leaf->is_text = true;
}

static void set_decimal(struct shale_leaf *leaf)
{
    annotate(leaf, SHALE_LOGICAL_DECIMAL, SHALE_CONVERTED_DECIMAL);
    if (leaf->type.precision <= 9)
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
    else if (leaf->type.precision <= 18)
        set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_I64);
    else
        set(leaf, SHALE_PHYSICAL_FIXED, decimal_width(leaf->type.precision),
            SHALE_ORDER_BIG_ENDIAN);
}

static void set_timestamp(struct shale_leaf *leaf)
{
    static const enum shale_converted converted[] = {
        [SHALE_MS] = SHALE_CONVERTED_TIMESTAMP_MILLIS,
        [SHALE_US] = SHALE_CONVERTED_TIMESTAMP_MICROS,
        [SHALE_NS] = SHALE_CONVERTED_NONE,
    };
    if (leaf->type.int96) {
        set(leaf, SHALE_PHYSICAL_INT96, 12, SHALE_ORDER_NONE);
        return;
    }
    set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_I64);
    annotate(leaf, SHALE_LOGICAL_TIMESTAMP, converted[leaf->type.unit]);
}

static void set_uuid(struct shale_leaf *leaf)
{
    if (!leaf->type.annotate) {
        set_text(leaf, false);
        return;
    }
    set(leaf, SHALE_PHYSICAL_FIXED, 16, SHALE_ORDER_BYTES);
    annotate(leaf, SHALE_LOGICAL_UUID, SHALE_CONVERTED_NONE);
}

static void set_physical(struct shale_leaf *leaf)
{
    switch (leaf->type.kind) {
    case SHALE_STRING:
        set_text(leaf, false);
        break;
    case SHALE_JSON:
        set_text(leaf, leaf->type.annotate);
        break;
    case SHALE_BOOL:
        set(leaf, SHALE_PHYSICAL_BOOLEAN, 1, SHALE_ORDER_BOOLEAN);
        break;
    case SHALE_INT32:
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
        break;
    case SHALE_INT64:
        set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_I64);
        break;
    case SHALE_FLOAT64:
        set(leaf, SHALE_PHYSICAL_DOUBLE, 8, SHALE_ORDER_F64);
        break;
    case SHALE_DECIMAL:
        set_decimal(leaf);
        break;
    case SHALE_DATE:
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
        annotate(leaf, SHALE_LOGICAL_DATE, SHALE_CONVERTED_DATE);
        break;
    case SHALE_TIME:
        set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_I64);
        annotate(leaf, SHALE_LOGICAL_TIME, SHALE_CONVERTED_TIME_MICROS);
        break;
    case SHALE_TIMESTAMP:
        set_timestamp(leaf);
        break;
    case SHALE_UUID:
        set_uuid(leaf);
        break;
    case SHALE_BINARY:
    default: /* not reached: scalars of a definition */
        set(leaf, SHALE_PHYSICAL_BYTE_ARRAY, 0, SHALE_ORDER_BYTES);
        break;
    }
}

struct shale_leaf shale_leaf_of(const struct shale_type *type)
{
    bool is_list = type->kind == SHALE_LIST;
    struct shale_leaf leaf = {.type = is_list ? *shale_type_element(type) : *type, .is_list = is_list};
    leaf.layout = shale_type_layout(&leaf.type);
    leaf.converted = SHALE_CONVERTED_NONE;
    leaf.max_definition = is_list ? 3 : 1;
    leaf.max_repetition = is_list ? 1 : 0;
    set_physical(&leaf);
    return leaf;
}
