/* SPDX-License-Identifier: MIT */
/* The table of types in leaf.h, as code. */
#include "parquet/leaf.h"

#include <assert.h>

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

/* A wall clock's reading and an instant have the same converted type (LogicalTypes.md, "TIMESTAMP":
 * writers "must annotate local time with legacy annotations too"). */
static void set_time(struct shale_leaf *leaf)
{
    static const enum shale_converted converted[] = {
        [SHALE_MS] = SHALE_CONVERTED_TIME_MILLIS,
        [SHALE_US] = SHALE_CONVERTED_TIME_MICROS,
        [SHALE_NS] = SHALE_CONVERTED_NONE,
    };
    if (leaf->type.unit == SHALE_MS)
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
    else
        set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_I64);
    annotate(leaf, SHALE_LOGICAL_TIME, converted[leaf->type.unit]);
}

static void set_integer(struct shale_leaf *leaf, enum shale_converted converted)
{
    if (leaf->type.kind == SHALE_UINT64)
        set(leaf, SHALE_PHYSICAL_INT64, 8, SHALE_ORDER_U64);
    else if (leaf->type.kind == SHALE_INT8 || leaf->type.kind == SHALE_INT16)
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
    else
        set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_U32);
    annotate(leaf, SHALE_LOGICAL_INTEGER, converted);
}

static void set_date(struct shale_leaf *leaf)
{
    set(leaf, SHALE_PHYSICAL_INT32, 4, SHALE_ORDER_I32);
    annotate(leaf, SHALE_LOGICAL_DATE, SHALE_CONVERTED_DATE);
}

/* One line a kind. */
static void set_kind(struct shale_leaf *leaf)
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
    case SHALE_INT8:
        set_integer(leaf, SHALE_CONVERTED_INT_8);
        break;
    case SHALE_INT16:
        set_integer(leaf, SHALE_CONVERTED_INT_16);
        break;
    case SHALE_UINT8:
        set_integer(leaf, SHALE_CONVERTED_UINT_8);
        break;
    case SHALE_UINT16:
        set_integer(leaf, SHALE_CONVERTED_UINT_16);
        break;
    case SHALE_UINT32:
        set_integer(leaf, SHALE_CONVERTED_UINT_32);
        break;
    case SHALE_UINT64:
        set_integer(leaf, SHALE_CONVERTED_UINT_64);
        break;
    case SHALE_FLOAT32:
        set(leaf, SHALE_PHYSICAL_FLOAT, 4, SHALE_ORDER_F32);
        break;
    case SHALE_FLOAT64:
        set(leaf, SHALE_PHYSICAL_DOUBLE, 8, SHALE_ORDER_F64);
        break;
    case SHALE_DECIMAL:
        set_decimal(leaf);
        break;
    case SHALE_DATE:
        set_date(leaf);
        break;
    case SHALE_TIME:
        set_time(leaf);
        break;
    case SHALE_TIMESTAMP:
        set_timestamp(leaf);
        break;
    case SHALE_UUID:
        set_uuid(leaf);
        break;
    case SHALE_FIXED:
        set(leaf, SHALE_PHYSICAL_FIXED, (size_t)leaf->type.width, SHALE_ORDER_BYTES);
        break;
    case SHALE_BINARY:
        set(leaf, SHALE_PHYSICAL_BYTE_ARRAY, 0, SHALE_ORDER_BYTES);
        break;
    case SHALE_LIST:
        annotate(leaf, SHALE_LOGICAL_LIST, SHALE_CONVERTED_LIST);
        break;
    case SHALE_MAP:
        annotate(leaf, SHALE_LOGICAL_MAP, SHALE_CONVERTED_MAP);
        break;
    case SHALE_STRUCT:
        break;
    }
}

void shale_leaf_describe(const struct shale_type *type, struct shale_leaf *leaf)
{
    leaf->type = *type;
    leaf->layout = shale_type_layout(type);
    leaf->is_text = false;
    leaf->order = SHALE_ORDER_NONE;
    annotate(leaf, SHALE_LOGICAL_NONE, SHALE_CONVERTED_NONE);
    set_kind(leaf);
}

/* ---- The leaves of a type: a walk whose state is the steps ------------------------------------
 */

static bool is_group(const struct shale_type *type)
{
    return type->kind == SHALE_LIST || type->kind == SHALE_MAP || type->kind == SHALE_STRUCT;
}

/* Take the first 'n' steps from 'type', then down by first children to the values; levels are
 * counted on the way. */
static void descend(struct shale_leaf *leaf, const struct shale_type *type, size_t n)
{
    bool nullable = true;
    size_t i = 0;
    leaf->max_definition = leaf->max_repetition = 0;
    for (; is_group(type); i++) {
        struct shale_leaf_step *step;
        assert(i < SHALE_TYPE_DEPTH && type->n_members > 0);
        step = &leaf->steps[i];
        if (i >= n)
            step->child = 0;
        step->is_list = type->kind != SHALE_STRUCT;
        step->nullable = nullable;
        leaf->max_definition += (unsigned)nullable + (unsigned)step->is_list;
        leaf->max_repetition += step->is_list;
        nullable = type->kind != SHALE_MAP || step->child > 0;
        type = &type->members[step->child].type;
    }
    leaf->n_steps = i;
    leaf->nullable = nullable;
    leaf->max_definition += nullable;
    shale_leaf_describe(type, leaf);
}

struct shale_leaf shale_leaf_of(const struct shale_type *type)
{
    struct shale_leaf leaf = {0};
    descend(&leaf, type, 0);
    return leaf;
}

void shale_leaf_first(const struct shale_column_def *column, struct shale_leaf *leaf)
{
    leaf->column = column;
    descend(leaf, &column->type, 0);
}

/* The type that the first 'n' steps lead to. */
static const struct shale_type *type_at(const struct shale_leaf *leaf, size_t n)
{
    const struct shale_type *type = &leaf->column->type;
    for (size_t i = 0; i < n; i++)
        type = &type->members[leaf->steps[i].child].type;
    return type;
}

bool shale_leaf_next(struct shale_leaf *leaf)
{
    for (size_t n = leaf->n_steps; n > 0; n--) {
        struct shale_leaf_step *step = &leaf->steps[n - 1];
        if (step->child + 1 < type_at(leaf, n - 1)->n_members) {
            step->child++;
            descend(leaf, &leaf->column->type, n);
            return true;
        }
    }
    return false;
}

/* ---- The leaves of a file ---------------------------------------------------------------------
 */

/* As deep as types nest: SHALE_TYPE_DEPTH. */
static size_t count(const struct shale_type *type)
{
    size_t n = 0;
    if (!is_group(type))
        return 1;
    for (size_t i = 0; i < type->n_members; i++)
        n += count(&type->members[i].type);
    return n;
}

size_t shale_leaf_count(const struct shale_schema *schema)
{
    size_t n = 0;
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only)
            n += count(&schema->columns[i].type);
    return n;
}

size_t shale_leaf_n_columns(const struct shale_schema *schema)
{
    size_t n = 0;
    for (size_t i = 0; i < schema->n_columns; i++)
        n += !schema->columns[i].partition_only;
    return n;
}

void shale_leaf_find(const struct shale_schema *schema, size_t number, size_t *column,
                     struct shale_leaf *out)
{
    *column = 0;
    for (size_t i = 0;; i++) {
        size_t n;
        assert(i < schema->n_columns);
        if (schema->columns[i].partition_only)
            continue;
        n = count(&schema->columns[i].type);
        if (number < n) {
            shale_leaf_first(&schema->columns[i], out);
            break;
        }
        number -= n;
        (*column)++;
    }
    while (number-- > 0 && shale_leaf_next(out))
        ;
}
