/* SPDX-License-Identifier: MIT */
/* Nodes become types of ours (parquet-format, LogicalTypes.md: "Nested Types" and its rules for
 * what older writers did).  An annotation that does not fit its physical type says nothing. */
#include <stdio.h>

#include "base/printable.h"
#include "parquet/created_by.h"
#include "parquet/footer_read.h"

struct types {
    struct shale_footer_reader *footer;
    const uint32_t *n_leaves; /* below each node, itself included */
    uint32_t *map;            /* the nodes of all columns' types, one column after the other */
    size_t n_map;
    unsigned depth;
};

/* ---- Leaves ------------------------------------------------------------------------------------
 */

struct annotation {
    int logical; /* the LogicalType, also when only the ConvertedType is given */
    int time_unit;
    bool is_utc;
    int bit_width;
    bool is_signed;
};

/* What the old annotations mean (LogicalTypes.md, at each type). */
static struct annotation annotation_of(const struct shale_file_node *node)
{
    static const struct annotation meaning[] = {
        [SHALE_CONVERTED_UTF8] = {.logical = SHALE_LOGICAL_STRING},
        [SHALE_CONVERTED_ENUM] = {.logical = SHALE_LOGICAL_ENUM},
        [SHALE_CONVERTED_DECIMAL] = {.logical = SHALE_LOGICAL_DECIMAL},
        [SHALE_CONVERTED_DATE] = {.logical = SHALE_LOGICAL_DATE},
        [SHALE_CONVERTED_TIME_MILLIS] = {SHALE_LOGICAL_TIME, SHALE_TIME_UNIT_MILLIS, true, 0, 0},
        [SHALE_CONVERTED_TIME_MICROS] = {SHALE_LOGICAL_TIME, SHALE_TIME_UNIT_MICROS, true, 0, 0},
        [SHALE_CONVERTED_TIMESTAMP_MILLIS] = {SHALE_LOGICAL_TIMESTAMP, SHALE_TIME_UNIT_MILLIS, true,
                                              0, 0},
        [SHALE_CONVERTED_TIMESTAMP_MICROS] = {SHALE_LOGICAL_TIMESTAMP, SHALE_TIME_UNIT_MICROS, true,
                                              0, 0},
        [SHALE_CONVERTED_UINT_8] = {SHALE_LOGICAL_INTEGER, 0, 0, 8, false},
        [SHALE_CONVERTED_UINT_16] = {SHALE_LOGICAL_INTEGER, 0, 0, 16, false},
        [SHALE_CONVERTED_UINT_32] = {SHALE_LOGICAL_INTEGER, 0, 0, 32, false},
        [SHALE_CONVERTED_UINT_64] = {SHALE_LOGICAL_INTEGER, 0, 0, 64, false},
        [SHALE_CONVERTED_INT_8] = {SHALE_LOGICAL_INTEGER, 0, 0, 8, true},
        [SHALE_CONVERTED_INT_16] = {SHALE_LOGICAL_INTEGER, 0, 0, 16, true},
        [SHALE_CONVERTED_INT_32] = {SHALE_LOGICAL_INTEGER, 0, 0, 32, true},
        [SHALE_CONVERTED_INT_64] = {SHALE_LOGICAL_INTEGER, 0, 0, 64, true},
        [SHALE_CONVERTED_JSON] = {.logical = SHALE_LOGICAL_JSON},
    };
    if (node->logical != SHALE_LOGICAL_NONE)
        return (struct annotation){node->logical, node->time_unit, node->is_utc, node->bit_width,
                                   node->is_signed};
    if (node->converted >= 0 && (size_t)node->converted < sizeof meaning / sizeof *meaning)
        return meaning[node->converted];
    return (struct annotation){0};
}

static enum shale_unit unit_of(int time_unit)
{
    return time_unit == SHALE_TIME_UNIT_MILLIS   ? SHALE_MS
           : time_unit == SHALE_TIME_UNIT_MICROS ? SHALE_US
                                                 : SHALE_NS;
}

static enum shale_kind integer_kind(const struct annotation *annotation, enum shale_kind plain)
{
    static const struct {
        int bit_width;
        bool is_signed;
        enum shale_kind kind;
    } kinds[] = {
        {8, true, SHALE_INT8},     {16, true, SHALE_INT16},   {8, false, SHALE_UINT8},
        {16, false, SHALE_UINT16}, {32, false, SHALE_UINT32},
    };
    if (annotation->logical != SHALE_LOGICAL_INTEGER)
        return plain;
    if (plain == SHALE_INT64)
        return annotation->bit_width == 64 && !annotation->is_signed ? SHALE_UINT64 : SHALE_INT64;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].bit_width == annotation->bit_width &&
            kinds[i].is_signed == annotation->is_signed)
            return kinds[i].kind;
    return plain;
}

static void integer_type(const struct shale_file_node *node, const struct annotation *annotation,
                         struct shale_type *out)
{
    bool wide = node->physical == SHALE_PHYSICAL_INT64;
    bool millis = annotation->time_unit == SHALE_TIME_UNIT_MILLIS;
    out->kind = integer_kind(annotation, wide ? SHALE_INT64 : SHALE_INT32);
    if (annotation->logical == SHALE_LOGICAL_DATE && !wide) {
        out->kind = SHALE_DATE;
    } else if (annotation->logical == SHALE_LOGICAL_TIME && millis != wide) {
        out->kind = SHALE_TIME;
        out->unit = unit_of(annotation->time_unit);
    } else if (annotation->logical == SHALE_LOGICAL_TIMESTAMP && wide) {
        out->kind = SHALE_TIMESTAMP;
        out->unit = unit_of(annotation->time_unit);
        out->local = !annotation->is_utc;
    }
}

/* A decimal of any physical type; false: it is none that we have, '*out' is as it was. */
static bool decimal_type(const struct shale_file_node *node, struct shale_type *out,
                         const char **unsupported)
{
    if (node->precision > 38) {
        *unsupported = "decimals of more than 38 digits are not supported";
        return false;
    }
    if (node->precision < 1 || node->scale < 0 || node->scale > node->precision) {
        *unsupported = "its decimal has an impossible precision or scale";
        return false;
    }
    *out = (struct shale_type){.kind = SHALE_DECIMAL,
                               .precision = (uint8_t)node->precision,
                               .scale = (uint8_t)node->scale};
    return true;
}

static void bytes_type(int logical, struct shale_type *out)
{
    out->kind = SHALE_BINARY;
    if (logical == SHALE_LOGICAL_STRING || logical == SHALE_LOGICAL_ENUM)
        out->kind = SHALE_STRING;
    if (logical == SHALE_LOGICAL_JSON) {
        out->kind = SHALE_JSON;
        out->annotate = true;
    }
}

static void fixed_type(const struct shale_file_node *node, int logical, struct shale_type *out,
                       const char **unsupported)
{
    out->kind = SHALE_FIXED;
    out->width = node->type_length;
    if (logical == SHALE_LOGICAL_UUID && node->type_length == 16)
        *out = (struct shale_type){.kind = SHALE_UUID, .annotate = true};
    else if (logical == SHALE_LOGICAL_FLOAT16)
        *unsupported = "floats of 16 bits are not supported";
    else if (node->type_length <= 0)
        *unsupported = "its values have no length";
}

static void leaf_type(const struct shale_file_node *node, struct shale_type *out,
                      const char **unsupported)
{
    struct annotation annotation = annotation_of(node);
    *out = (struct shale_type){.kind = SHALE_BINARY};
    switch (node->physical) {
    case SHALE_PHYSICAL_BOOLEAN:
        out->kind = SHALE_BOOL;
        return;
    case SHALE_PHYSICAL_FLOAT:
        out->kind = SHALE_FLOAT32;
        return;
    case SHALE_PHYSICAL_DOUBLE:
        out->kind = SHALE_FLOAT64;
        return;
    case SHALE_PHYSICAL_INT96:
        *out = (struct shale_type){.kind = SHALE_TIMESTAMP, .unit = SHALE_NS, .int96 = true};
        return;
    case SHALE_PHYSICAL_INT32:
    case SHALE_PHYSICAL_INT64:
        integer_type(node, &annotation, out);
        break;
    case SHALE_PHYSICAL_BYTE_ARRAY:
        bytes_type(annotation.logical, out);
        break;
    default:
        fixed_type(node, annotation.logical, out, unsupported);
        break;
    }
    if (annotation.logical == SHALE_LOGICAL_DECIMAL && *unsupported == NULL)
        (void)decimal_type(node, out, unsupported);
}

/* ---- Groups ------------------------------------------------------------------------------------
 */

static const struct shale_file_node *node_of(const struct types *types, uint32_t i)
{
    return &types->footer->nodes[i];
}

static bool is_repeated(const struct types *types, uint32_t i)
{
    return node_of(types, i)->repetition == SHALE_REPETITION_REPEATED;
}

/* A group of one repeated field, which comes right behind it; 0 when it is not. */
static uint32_t repeated_child(const struct types *types, uint32_t group)
{
    return node_of(types, group)->n_children == 1 && is_repeated(types, group + 1) ? group + 1 : 0;
}

/* The rules for backward compatibility: is the repeated field itself the element, or its only
 * child?  (LogicalTypes.md, "Lists") */
static uint32_t element_of(const struct types *types, uint32_t list, uint32_t repeated)
{
    const struct shale_file_node *node = node_of(types, repeated);
    struct shale_str outer = node_of(types, list)->name;
    if (node->n_children != 1 || is_repeated(types, repeated + 1))
        return repeated;
    if (shale_str_is(node->name, "array"))
        return repeated;
    if (node->name.n_bytes == outer.n_bytes + 6 &&
        memcmp(node->name.data, outer.data, outer.n_bytes) == 0 &&
        memcmp(node->name.data + outer.n_bytes, "_tuple", 6) == 0)
        return repeated;
    return repeated + 1;
}

static bool is_list(const struct shale_file_node *node)
{
    return node->logical == SHALE_LOGICAL_LIST ||
           (node->logical == SHALE_LOGICAL_NONE && node->converted == SHALE_CONVERTED_LIST);
}

static bool is_map(const struct shale_file_node *node)
{
    return node->logical == SHALE_LOGICAL_MAP ||
           (node->logical == SHALE_LOGICAL_NONE &&
            (node->converted == SHALE_CONVERTED_MAP ||
             node->converted == SHALE_CONVERTED_MAP_KEY_VALUE));
}

static void put_node(struct types *types, uint32_t node)
{
    types->map[types->n_map++] = node;
}

static struct shale_type_member *make_members(struct types *types, size_t n, struct shale_type *out)
{
    struct shale_type_member *members = shale_footer_zeroed(types->footer, n, sizeof *members);
    out->members = members;
    out->n_members = members == NULL ? 0 : n;
    return members;
}

static void convert_field(struct types *types, uint32_t node, struct shale_type *out);
static void convert_value(struct types *types, uint32_t node, struct shale_type *out);

/* As deep as types nest: SHALE_TYPE_DEPTH, which the caller has checked. */
static void convert_list(struct types *types, uint32_t node, uint32_t element,
                         struct shale_type *out)
{
    struct shale_type_member *members;
    out->kind = SHALE_LIST;
    put_node(types, node);
    members = make_members(types, 1, out);
    if (members == NULL)
        return;
    members[0].name = SHALE_STR("element");
    convert_value(types, element, &members[0].type);
}

static void convert_map(struct types *types, uint32_t node, uint32_t key, struct shale_type *out)
{
    struct shale_type_member *members;
    out->kind = SHALE_MAP;
    put_node(types, node);
    members = make_members(types, 2, out);
    if (members == NULL)
        return;
    members[0].name = SHALE_STR("key");
    members[1].name = SHALE_STR("value");
    convert_value(types, key, &members[0].type);
    convert_field(types, node_of(types, key)->next, &members[1].type);
}

static void convert_struct(struct types *types, uint32_t node, struct shale_type *out)
{
    struct shale_type_member *members;
    size_t n = 0;
    out->kind = SHALE_STRUCT;
    put_node(types, node);
    if (node_of(types, node)->n_children == 0)
        return;
    for (uint32_t i = node + 1; i != 0; i = node_of(types, i)->next)
        n += types->n_leaves[i] > 0;
    members = make_members(types, n, out);
    for (uint32_t i = node + 1; members != NULL && i != 0; i = node_of(types, i)->next) {
        if (types->n_leaves[i] == 0)
            continue;
        members->name = node_of(types, i)->name;
        convert_field(types, i, &members->type);
        members++;
        if (shale_footer_failed(types->footer))
            return;
    }
}

/* Its key is a field of its own, and the value (if there is one) has leaves. */
static bool has_map_shape(const struct types *types, uint32_t repeated)
{
    uint32_t n = node_of(types, repeated)->n_children, key = repeated + 1;
    return (n == 1 || n == 2) && types->n_leaves[key] > 0 && !is_repeated(types, key) &&
           (n == 1 || types->n_leaves[node_of(types, key)->next] > 0);
}

static void convert_group(struct types *types, uint32_t node, struct shale_type *out)
{
    uint32_t repeated = repeated_child(types, node);
    if (is_list(node_of(types, node)) && repeated != 0) {
        convert_list(types, node, element_of(types, node, repeated), out);
    } else if (is_map(node_of(types, node)) && repeated != 0 && has_map_shape(types, repeated)) {
        if (node_of(types, repeated)->n_children == 1)
            convert_list(types, node, repeated + 1, out);
        else
            convert_map(types, node, repeated + 1, out);
    } else {
        convert_struct(types, node, out);
    }
}

static bool has_pair(const struct shale_file *meta, const char *key, const char *value)
{
    for (size_t i = 0; i < meta->n_key_values; i++)
        if (shale_str_is(meta->key_values[i].key, key) &&
            (value == NULL || shale_str_is(meta->key_values[i].value, value)))
            return true;
    return false;
}

/* INT96 has nanoseconds of a day, and days beyond all bounds.  Spark writes whole microseconds,
 * often of years that nanoseconds in 64 bits do not reach (the year 9999), and so do we unless the
 * footer says that a leaf has finer digits; others may have such. */
static enum shale_unit int96_unit(const struct shale_file *meta, int32_t leaf)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", (int)leaf);
    if (shale_file_is_ours(meta))
        return has_pair(meta, SHALE_INT96_NS_KEY, number) ? SHALE_NS : SHALE_US;
    return has_pair(meta, "org.apache.spark.version", NULL) ||
                   has_pair(meta, "org.apache.spark.sql.parquet.row.metadata", NULL)
               ? SHALE_US
               : SHALE_NS;
}

/* What a field holds, however often. */
static void convert_value(struct types *types, uint32_t node, struct shale_type *out)
{
    struct shale_footer_reader *footer = types->footer;
    if (shale_footer_failed(footer))
        return;
    if (types->depth == SHALE_TYPE_DEPTH) {
        char name[120];
        uint32_t top = node;
        while (node_of(types, top)->parent != 0)
            top = node_of(types, top)->parent;
        (void)shale_printable(node_of(types, top)->name, name, sizeof name);
        shale_footer_fail(footer,
                          SHALE_ERR(footer->err, parquet_too_deep, name, (int)SHALE_TYPE_DEPTH));
        return;
    }
    types->depth++;
    if (node_of(types, node)->physical >= 0) {
        struct shale_file_leaf *leaf = &footer->leaves[node_of(types, node)->leaf];
        put_node(types, node);
        leaf_type(node_of(types, node), out, &leaf->unsupported);
        if (out->int96)
            out->unit = int96_unit(&footer->reader->meta, node_of(types, node)->leaf);
        leaf->type = out;
    } else {
        convert_group(types, node, out);
    }
    types->depth--;
}

/* A field that is repeated outside of a LIST or MAP is a list of what it holds. */
static void convert_field(struct types *types, uint32_t node, struct shale_type *out)
{
    if (!is_repeated(types, node)) {
        convert_value(types, node, out);
        return;
    }
    types->depth++;
    convert_list(types, node, node, out);
    types->depth--;
}

/* ---- Columns -----------------------------------------------------------------------------------
 */

static void mark_variants(struct shale_footer_reader *footer)
{
    for (size_t i = 0; i < footer->reader->meta.n_leaves; i++)
        for (uint32_t k = footer->leaves[i].node; k != 0; k = footer->nodes[k].parent)
            if (footer->nodes[k].logical == SHALE_LOGICAL_VARIANT)
                footer->leaves[i].unsupported = "VARIANT is not supported";
}

static void convert_columns(struct types *types, struct shale_column_def *columns,
                            const uint32_t **column_nodes)
{
    struct shale_footer_reader *footer = types->footer;
    size_t leaf = 0, n = 0;
    for (uint32_t i = 1; i != 0 && !shale_footer_failed(footer); i = footer->nodes[i].next) {
        if (types->n_leaves[i] == 0)
            continue;
        columns[n].name = footer->nodes[i].name;
        column_nodes[n] = types->map + types->n_map;
        convert_field(types, i, &columns[n].type);
        for (uint32_t k = 0; k < types->n_leaves[i]; k++)
            footer->leaves[leaf++].column = n;
        n++;
    }
}

void shale_footer_make_types(struct shale_footer_reader *footer)
{
    struct shale_file *meta = &footer->reader->meta;
    uint32_t *n_leaves = shale_footer_zeroed(footer, meta->n_nodes, sizeof *n_leaves);
    /* a bare repeated field is a list and its element */
    uint32_t *map =
        n_leaves == NULL ? NULL : shale_footer_zeroed(footer, meta->n_nodes, 2 * sizeof *map);
    struct types types = {footer, n_leaves, map, 0, 0};
    struct shale_column_def *columns;
    const uint32_t **column_nodes;
    size_t n = 0;
    if (map == NULL)
        return;
    for (size_t i = meta->n_nodes - 1; i > 0; i--) {
        n_leaves[i] += footer->nodes[i].physical >= 0;
        n_leaves[footer->nodes[i].parent] += n_leaves[i];
    }
    for (uint32_t i = footer->nodes[0].n_children > 0; i != 0; i = footer->nodes[i].next)
        n += n_leaves[i] > 0;
    columns = shale_footer_zeroed(footer, n, sizeof *columns);
    column_nodes = columns == NULL ? NULL : shale_footer_zeroed(footer, n, sizeof *column_nodes);
    if (column_nodes == NULL)
        return;
    if (n > 0)
        convert_columns(&types, columns, column_nodes);
    mark_variants(footer);
    meta->schema = (struct shale_schema){columns, n};
    meta->column_nodes = column_nodes;
}
