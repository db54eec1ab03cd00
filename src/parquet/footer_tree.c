/* SPDX-License-Identifier: MIT */
/* Types as groups and leaves with their annotations (LogicalTypes.md): both of the logical and of
 * the older converted kind, for every reader. */
#include "parquet/footer_tree.h"

#include "parquet/leaf.h"

/* What is said of any element but its physical type. */
struct element {
    struct shale_str name;
    int32_t repetition;
    int32_t n_children; /* 0: a leaf */
    struct shale_leaf leaf;
};

static void put_time(struct shale_thrift *thrift, const struct shale_leaf *leaf)
{
    static const int16_t units[] = {
        [SHALE_MS] = SHALE_TIME_UNIT_MILLIS,
        [SHALE_US] = SHALE_TIME_UNIT_MICROS,
        [SHALE_NS] = SHALE_TIME_UNIT_NANOS,
    };
    bool utc = leaf->logical == SHALE_LOGICAL_TIMESTAMP && !leaf->type.local;
    shale_thrift_bool(thrift, 1, utc); /* isAdjustedToUTC */
    shale_thrift_struct(thrift, 2);    /* TimeUnit, a union */
    shale_thrift_struct(thrift, units[leaf->type.unit]);
    shale_thrift_end(thrift);
    shale_thrift_end(thrift);
}

static void put_integer(struct shale_thrift *thrift, enum shale_kind kind)
{
    bool is_signed = kind == SHALE_INT8 || kind == SHALE_INT16;
    int8_t bits = 64;
    if (kind == SHALE_INT8 || kind == SHALE_UINT8)
        bits = 8;
    else if (kind == SHALE_INT16 || kind == SHALE_UINT16)
        bits = 16;
    else if (kind == SHALE_UINT32)
        bits = 32;
    shale_thrift_i8(thrift, 1, bits);
    shale_thrift_bool(thrift, 2, is_signed);
}

static void put_logical(struct shale_thrift *thrift, const struct shale_leaf *leaf)
{
    shale_thrift_struct(thrift, 10); /* LogicalType, a union */
    shale_thrift_struct(thrift, (int16_t)leaf->logical);
    if (leaf->logical == SHALE_LOGICAL_DECIMAL) {
        shale_thrift_i32(thrift, 1, leaf->type.scale);
        shale_thrift_i32(thrift, 2, leaf->type.precision);
    } else if (leaf->logical == SHALE_LOGICAL_TIME || leaf->logical == SHALE_LOGICAL_TIMESTAMP) {
        put_time(thrift, leaf);
    } else if (leaf->logical == SHALE_LOGICAL_INTEGER) {
        put_integer(thrift, leaf->type.kind);
    }
    shale_thrift_end(thrift);
    shale_thrift_end(thrift);
}

static void put_element(struct shale_thrift *thrift, const struct element *element)
{
    const struct shale_leaf *leaf = &element->leaf;
    bool is_leaf = element->n_children == 0;
    shale_thrift_element_struct(thrift);
    if (is_leaf)
        shale_thrift_i32(thrift, 1, (int32_t)leaf->physical);
    if (is_leaf && leaf->physical == SHALE_PHYSICAL_FIXED)
        shale_thrift_i32(thrift, 2, (int32_t)leaf->width);
    shale_thrift_i32(thrift, 3, element->repetition);
    shale_thrift_binary(thrift, 4, element->name);
    if (!is_leaf)
        shale_thrift_i32(thrift, 5, element->n_children);
    if (leaf->converted != SHALE_CONVERTED_NONE)
        shale_thrift_i32(thrift, 6, (int32_t)leaf->converted);
    if (leaf->logical == SHALE_LOGICAL_DECIMAL) {
        shale_thrift_i32(thrift, 7, leaf->type.scale);
        shale_thrift_i32(thrift, 8, leaf->type.precision);
    }
    if (leaf->logical != SHALE_LOGICAL_NONE)
        put_logical(thrift, leaf);
    shale_thrift_end(thrift);
}

/* The group between a list, or a map, and what is in it. */
static void put_repeated(struct shale_thrift *thrift, struct shale_str name, size_t n_children)
{
    struct element element = {.name = name, .repetition = SHALE_REPETITION_REPEATED};
    element.n_children = (int32_t)n_children;
    element.leaf.converted = SHALE_CONVERTED_NONE;
    put_element(thrift, &element);
}

/* As deep as types nest: SHALE_TYPE_DEPTH. */
static void put_type(struct shale_thrift *thrift, struct shale_str name,
                     const struct shale_type *type, int32_t repetition)
{
    struct element element = {.name = name, .repetition = repetition};
    shale_leaf_describe(type, &element.leaf);
    if (type->kind == SHALE_STRUCT)
        element.n_children = (int32_t)type->n_members;
    else if (type->kind == SHALE_LIST || type->kind == SHALE_MAP)
        element.n_children = 1;
    put_element(thrift, &element);
    if (type->kind == SHALE_LIST) {
        put_repeated(thrift, SHALE_STR("list"), 1);
        put_type(thrift, SHALE_STR("element"), shale_type_element(type), SHALE_REPETITION_OPTIONAL);
    } else if (type->kind == SHALE_MAP) {
        put_repeated(thrift, SHALE_STR("key_value"), 2);
        put_type(thrift, SHALE_STR("key"), &type->members[0].type, SHALE_REPETITION_REQUIRED);
        put_type(thrift, SHALE_STR("value"), &type->members[1].type, SHALE_REPETITION_OPTIONAL);
    } else {
        for (size_t i = 0; i < type->n_members; i++)
            put_type(thrift, type->members[i].name, &type->members[i].type,
                     SHALE_REPETITION_OPTIONAL);
    }
}

/* As deep as types nest: SHALE_TYPE_DEPTH. */
static size_t count_elements(const struct shale_type *type)
{
    size_t n = type->kind == SHALE_LIST || type->kind == SHALE_MAP ? 2 : 1;
    for (size_t i = 0; i < type->n_members; i++)
        n += count_elements(&type->members[i].type);
    return n;
}

void shale_footer_tree(struct shale_thrift *thrift, const struct shale_schema *schema)
{
    size_t n_elements = 1;
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only)
            n_elements += count_elements(&schema->columns[i].type);
    shale_thrift_list(thrift, 2, SHALE_THRIFT_STRUCT, n_elements);
    shale_thrift_element_struct(thrift);
    shale_thrift_binary(thrift, 4, SHALE_STR("schema"));
    shale_thrift_i32(thrift, 5, (int32_t)shale_leaf_n_columns(schema));
    shale_thrift_end(thrift);
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!schema->columns[i].partition_only)
            put_type(thrift, schema->columns[i].name, &schema->columns[i].type,
                     SHALE_REPETITION_OPTIONAL);
}
