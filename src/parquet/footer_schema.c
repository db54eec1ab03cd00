/* SPDX-License-Identifier: MIT */
/* SchemaElements become the tree of nodes and its leaves (parquet.thrift). */
#include "base/printable.h"
#include "parquet/bounds.h"
#include "parquet/footer_read.h"

/* A list or map is two groups inside one another; the root. */
enum { NODE_DEPTH = 2 * SHALE_TYPE_DEPTH + 1 };

static void fail(struct shale_footer_reader *footer, size_t node, const char *problem)
{
    char name[120];
    (void)shale_printable(footer->nodes[node].name, name, sizeof name);
    shale_footer_fail(footer, SHALE_ERR(footer->err, parquet_schema, name, node, problem));
}

/* ---- One element -------------------------------------------------------------------------------
 */

static void read_decimal(struct shale_thrift_reader *thrift, struct shale_file_node *node)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        if (field.id == 1)
            node->scale = shale_thrift_read_i32(thrift, &field);
        else if (field.id == 2)
            node->precision = shale_thrift_read_i32(thrift, &field);
        else
            shale_thrift_skip(thrift, &field);
    }
}

/* TimeType, TimestampType: the unit is a union of empty structs. */
static void read_time(struct shale_thrift_reader *thrift, struct shale_file_node *node)
{
    struct shale_thrift_field field, unit;
    while (shale_thrift_field(thrift, &field)) {
        if (field.id == 1) {
            node->is_utc = shale_thrift_read_bool(thrift, &field);
        } else if (field.id == 2) {
            if (!shale_thrift_read_struct(thrift, &field))
                continue;
            while (shale_thrift_field(thrift, &unit)) {
                node->time_unit = unit.id;
                shale_thrift_skip(thrift, &unit);
            }
        } else {
            shale_thrift_skip(thrift, &field);
        }
    }
}

static void read_integer(struct shale_thrift_reader *thrift, struct shale_file_node *node)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        if (field.id == 1) {
            int32_t width = shale_thrift_read_i32(thrift, &field);
            node->bit_width = width > 0 && width <= 64 ? (int8_t)width : 0;
        } else if (field.id == 2) {
            node->is_signed = shale_thrift_read_bool(thrift, &field);
        } else {
            shale_thrift_skip(thrift, &field);
        }
    }
}

static void read_logical(struct shale_thrift_reader *thrift, struct shale_file_node *node)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        node->logical = field.id;
        switch (field.id) {
        case SHALE_LOGICAL_DECIMAL:
            if (shale_thrift_read_struct(thrift, &field))
                read_decimal(thrift, node);
            break;
        case SHALE_LOGICAL_TIME:
        case SHALE_LOGICAL_TIMESTAMP:
            if (shale_thrift_read_struct(thrift, &field))
                read_time(thrift, node);
            break;
        case SHALE_LOGICAL_INTEGER:
            if (shale_thrift_read_struct(thrift, &field))
                read_integer(thrift, node);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
}

static void read_element_field(struct shale_thrift_reader *thrift,
                               const struct shale_thrift_field *field, struct shale_file_node *node,
                               int32_t *n_children)
{
    switch (field->id) {
    case 1:
        node->physical = shale_thrift_read_i32(thrift, field);
        return;
    case 2:
        node->type_length = shale_thrift_read_i32(thrift, field);
        return;
    case 3:
        node->repetition = shale_thrift_read_i32(thrift, field);
        return;
    case 4:
        node->name = shale_thrift_read_binary(thrift, field);
        return;
    case 5:
        *n_children = shale_thrift_read_i32(thrift, field);
        return;
    case 6:
        node->converted = shale_thrift_read_i32(thrift, field);
        return;
    case 7:
        node->scale = shale_thrift_read_i32(thrift, field);
        return;
    case 8:
        node->precision = shale_thrift_read_i32(thrift, field);
        return;
    case 9:
        node->field_id = shale_thrift_read_i32(thrift, field);
        node->has_field_id = true;
        return;
    case 10:
        if (shale_thrift_read_struct(thrift, field))
            read_logical(thrift, node);
        return;
    default:
        shale_thrift_skip(thrift, field);
    }
}

/* A node with a type and no children is a leaf, whatever else it says. */
static void read_element(struct shale_footer_reader *footer, size_t i)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    struct shale_file_node *node = &footer->nodes[i];
    struct shale_thrift_field field;
    int32_t n_children = 0;
    *node = (struct shale_file_node){
        .name = {"", 0}, .physical = -1, .converted = SHALE_CONVERTED_NONE, .leaf = -1};
    shale_thrift_open(thrift);
    while (shale_thrift_field(thrift, &field))
        read_element_field(thrift, &field, node, &n_children);
    if (thrift->problem != NULL)
        return;
    if (node->name.data == NULL)
        node->name = SHALE_STR("");
    if (n_children < 0)
        fail(footer, i, "has a negative number of children");
    if (n_children > 0)
        node->physical = -1;
    else if (node->physical < -1 || node->physical > SHALE_PHYSICAL_FIXED)
        fail(footer, i, "has a physical type that the format does not know");
    if (node->repetition < SHALE_REPETITION_REQUIRED ||
        node->repetition > SHALE_REPETITION_REPEATED)
        fail(footer, i, "is neither required, optional nor repeated");
    node->n_children = (uint32_t)n_children;
}

/* ---- The tree ----------------------------------------------------------------------------------
 */

struct open_group {
    uint32_t node, last_child, n_left;
};

/* Hang node 'i' below the innermost group that still waits for children. */
static void place(struct shale_footer_reader *footer, uint32_t i, struct open_group *group)
{
    struct shale_file_node *node = &footer->nodes[i];
    const struct shale_file_node *parent = &footer->nodes[group->node];
    node->parent = group->node;
    if (group->last_child != 0)
        footer->nodes[group->last_child].next = i;
    group->last_child = i;
    group->n_left--;
    node->max_definition =
        (uint8_t)(parent->max_definition + (node->repetition != SHALE_REPETITION_REQUIRED));
    node->max_repetition =
        (uint8_t)(parent->max_repetition + (node->repetition == SHALE_REPETITION_REPEATED));
}

static void link_nodes(struct shale_footer_reader *footer, size_t n)
{
    struct open_group open[NODE_DEPTH];
    size_t depth = 1;
    footer->nodes[0].repetition = SHALE_REPETITION_REQUIRED;
    footer->nodes[0].physical = -1;
    open[0] = (struct open_group){0, 0, footer->nodes[0].n_children};
    for (uint32_t i = 1; i < n; i++) {
        while (depth > 0 && open[depth - 1].n_left == 0)
            depth--;
        if (depth == 0) {
            fail(footer, i, "is behind the last child of the root");
            return;
        }
        place(footer, i, &open[depth - 1]);
        if (footer->nodes[i].n_children == 0)
            continue;
        if (depth == NODE_DEPTH) {
            char name[120];
            (void)shale_printable(footer->nodes[i].name, name, sizeof name);
            shale_footer_fail(
                footer, SHALE_ERR(footer->err, parquet_too_deep, name, (int)SHALE_TYPE_DEPTH));
            return;
        }
        open[depth++] = (struct open_group){i, 0, footer->nodes[i].n_children};
    }
    while (depth > 0 && open[depth - 1].n_left == 0)
        depth--;
    if (depth > 0)
        fail(footer, open[depth - 1].node, "has fewer children than it says");
}

/* ---- Leaves ------------------------------------------------------------------------------------
 */

static struct shale_str path_of(struct shale_footer_reader *footer, uint32_t leaf)
{
    const struct shale_file_node *nodes = footer->nodes;
    size_t n = 0;
    char *path;
    for (uint32_t i = leaf; i != 0; i = nodes[i].parent)
        n += nodes[i].name.n_bytes + 1; /* each a part of the footer, of at most 2 GiB in all */
    path = shale_footer_zeroed(footer, n, 1); /* with a dot before the first, which is left out */
    if (path == NULL)
        return (struct shale_str){"", 0};
    for (size_t i = leaf, at = n; i != 0; i = nodes[i].parent) {
        at -= nodes[i].name.n_bytes;
        memcpy(path + at, nodes[i].name.data, nodes[i].name.n_bytes);
        path[--at] = '.';
    }
    return (struct shale_str){path + 1, n - 1};
}

static void make_leaves(struct shale_footer_reader *footer, size_t n_nodes)
{
    struct shale_file *meta = &footer->reader->meta;
    size_t n = 0;
    for (size_t i = 1; i < n_nodes; i++)
        n += footer->nodes[i].physical >= 0;
    footer->leaves = shale_footer_zeroed(footer, n, sizeof *footer->leaves);
    if (footer->leaves == NULL)
        return;
    n = 0;
    for (uint32_t i = 1; i < n_nodes && !shale_footer_failed(footer); i++) {
        if (footer->nodes[i].physical < 0)
            continue;
        footer->nodes[i].leaf = (int32_t)n;
        footer->leaves[n++] = (struct shale_file_leaf){
            .node = i, .path = path_of(footer, i), .order = shale_order_of(&footer->nodes[i])};
    }
    meta->leaves = footer->leaves;
    meta->n_leaves = n;
}

void shale_footer_read_schema(struct shale_footer_reader *footer,
                              const struct shale_thrift_field *field)
{
    struct shale_file *meta = &footer->reader->meta;
    size_t n = shale_thrift_read_list(&footer->thrift, field, SHALE_THRIFT_STRUCTS);
    if (n == 0)
        shale_thrift_problem(&footer->thrift, "it has no schema");
    if (n > INT32_MAX)
        shale_thrift_problem(&footer->thrift, "the schema is too large");
    if (shale_footer_failed(footer))
        return;
    footer->nodes = shale_footer_zeroed(footer, n, sizeof *footer->nodes);
    for (size_t i = 0; i < n && !shale_footer_failed(footer); i++)
        read_element(footer, i);
    if (shale_footer_failed(footer))
        return;
    link_nodes(footer, n);
    meta->nodes = footer->nodes;
    meta->n_nodes = n;
    if (!shale_footer_failed(footer))
        make_leaves(footer, n);
}
