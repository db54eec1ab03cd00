/* SPDX-License-Identifier: MIT */
/* Columns out of levels and values. */
#include "parquet/assemble.h"

#include <string.h>

#include "base/checked.h"
#include "parquet/spread.h"

/* ---- The plan ---------------------------------------------------------------------------------
 */

/* What the nodes of a type have in common while they are walked. */
struct planner {
    struct shale_assembly *assembly;
    const struct shale_reader *reader;
    struct shale_decoder *decoder;
    const uint32_t *file_nodes; /* of the column's type nodes */
    size_t window_bytes;
    size_t next_node;
    struct shale_err *err;
};

static const struct shale_file_node *file_node(const struct planner *planner, size_t node)
{
    return &planner->reader->meta.nodes[planner->file_nodes[node]];
}

static enum shale_status plan_leaf(struct planner *planner, const struct shale_type *type,
                                   struct shale_assembly_node *node,
                                   const struct shale_file_node *source)
{
    struct shale_assembly *assembly = planner->assembly;
    struct shale_leaf_reader *leaf = &assembly->leaves[assembly->n_leaves];
    node->present = source->max_definition;
    assembly->n_leaves++;
    return shale_leaf_reader_init(leaf, planner->reader, planner->decoder, (size_t)source->leaf,
                                  type, planner->window_bytes, planner->err);
}

/* The repeated node of a list is its first member's where that is REPEATED, else the parent of it:
 * a list without elements has one level less there. */
static void plan_list(struct planner *planner, struct shale_assembly_node *node, size_t number)
{
    const struct shale_file_node *repeated = file_node(planner, number + 1);
    if (repeated->repetition != SHALE_REPETITION_REPEATED)
        repeated = &planner->reader->meta.nodes[repeated->parent];
    node->element_definition = repeated->max_definition;
    node->element_repetition = repeated->max_repetition;
    node->present = (uint8_t)(repeated->max_definition - 1);
}

/* The node of 'type' and those inside it; types nest to SHALE_TYPE_DEPTH. */
static enum shale_status plan(struct planner *planner, const struct shale_type *type,
                              const struct shale_assembly_node *context)
{
    struct shale_assembly *assembly = planner->assembly;
    size_t number = planner->next_node++;
    struct shale_assembly_node *node = &assembly->nodes[number];
    struct shale_assembly_node inside;
    enum shale_status status = SHALE_OK;
    struct shale_column **link;
    node->layout = shale_type_layout(type);
    node->slot_definition = context->slot_definition;
    node->slot_repetition = context->slot_repetition;
    node->parent = context->parent;
    node->first_leaf = assembly->n_leaves;
    node->column = &assembly->columns[number];
    if (type->n_members == 0)
        status = plan_leaf(planner, type, node, file_node(planner, number));
    else if (node->layout == SHALE_LAYOUT_LIST)
        plan_list(planner, node, number);
    else
        node->present = file_node(planner, number)->max_definition;
    inside = *node;
    inside.parent = (uint32_t)number;
    if (node->layout == SHALE_LAYOUT_LIST) {
        inside.slot_definition = node->element_definition;
        inside.slot_repetition = node->element_repetition;
    }
    link = (struct shale_column **)&node->column->child;
    for (size_t i = 0; i < type->n_members && status == SHALE_OK; i++) {
        struct shale_column *child = &assembly->columns[planner->next_node];
        *link = child;
        link = (struct shale_column **)&child->next;
        status = plan(planner, &type->members[i].type, &inside);
    }
    node->n_leaves = assembly->n_leaves - node->first_leaf;
    return status;
}

static size_t count_leaves(const struct shale_type *type)
{
    size_t n = type->n_members == 0;
    for (size_t i = 0; i < type->n_members; i++)
        n += count_leaves(&type->members[i].type);
    return n;
}

enum shale_status shale_assembly_init(struct shale_assembly *assembly,
                                      const struct shale_reader *reader,
                                      struct shale_decoder *decoder, size_t column,
                                      size_t window_bytes, struct shale_err *err)
{
    const struct shale_type *type = &reader->meta.schema.columns[column].type;
    const struct shale_mem *mem = &reader->limit.mem;
    struct planner planner = {.assembly = assembly,
                              .reader = reader,
                              .decoder = decoder,
                              .file_nodes = reader->meta.column_nodes[column],
                              .window_bytes = window_bytes,
                              .err = err};
    const struct shale_assembly_node top = {.parent = 0};
    *assembly = (struct shale_assembly){.mem = mem, .n_nodes = shale_type_n_nodes(type)};
    assembly->nodes = shale_mem_zeroed(mem, assembly->n_nodes, sizeof(*assembly->nodes));
    assembly->columns = shale_mem_zeroed(mem, assembly->n_nodes, sizeof(*assembly->columns));
    assembly->leaves = shale_mem_zeroed(mem, count_leaves(type), sizeof(*assembly->leaves));
    if (assembly->nodes == NULL || assembly->columns == NULL || assembly->leaves == NULL)
        return shale_reader_no_memory(reader, "a scan", err);
    return plan(&planner, type, &top);
}

static void node_fini(struct shale_assembly_node *node, const struct shale_mem *mem)
{
    shale_mem_free(mem, node->validity);
    shale_mem_free(mem, node->offsets);
    shale_mem_free(mem, node->data);
}

void shale_assembly_fini(struct shale_assembly *assembly)
{
    if (assembly->mem == NULL)
        return;
    for (size_t i = 0; i < assembly->n_leaves; i++)
        shale_leaf_reader_fini(&assembly->leaves[i]);
    for (size_t i = 0; assembly->nodes != NULL && i < assembly->n_nodes; i++)
        node_fini(&assembly->nodes[i], assembly->mem);
    node_fini(&assembly->other, assembly->mem);
    shale_mem_free(assembly->mem, assembly->slots);
    shale_mem_free(assembly->mem, assembly->nodes);
    shale_mem_free(assembly->mem, assembly->columns);
    shale_mem_free(assembly->mem, assembly->leaves);
    *assembly = (struct shale_assembly){.mem = NULL};
}

/* ---- A batch ----------------------------------------------------------------------------------
 */

/* The entries of the rows that are made. */
struct entries {
    struct shale_leaf_reader *leaf;
    const uint8_t *definitions, *repetitions; /* NULL for a leaf without */
    size_t n, n_values;
};

/* What a node's entries say: its slots' definition levels. */
struct slots {
    const uint8_t *definitions; /* NULL: none can be null */
    size_t n;
};

static bool have_room(const struct shale_mem *mem, void *buffer, size_t *capacity, size_t n_bytes)
{
    void *grown, **at = buffer;
    size_t wanted = *capacity * 2 > n_bytes ? *capacity * 2 : n_bytes;
    if (n_bytes <= *capacity && *at != NULL)
        return true;
    grown = shale_mem_alloc(mem, wanted);
    if (grown == NULL)
        return false;
    shale_mem_free(mem, *at);
    *at = grown;
    *capacity = wanted;
    return true;
}

static enum shale_status find_slots(struct shale_assembly *assembly,
                                    const struct shale_assembly_node *node,
                                    const struct entries *entries, struct slots *out,
                                    struct shale_err *err)
{
    const uint8_t *definitions = entries->definitions, *repetitions = entries->repetitions;
    size_t n = 0;
    *out = (struct slots){definitions, entries->n};
    if (repetitions == NULL ||
        (node->slot_definition == 0 && node->slot_repetition >= entries->leaf->repetition.largest))
        return SHALE_OK;
    if (!have_room(assembly->mem, &assembly->slots, &assembly->slots_bytes, entries->n))
        return shale_page_no_memory(&entries->leaf->pages, err);
    for (size_t i = 0; i < entries->n; i++) {
        assembly->slots[n] = definitions[i];
        n += (size_t)((repetitions[i] <= node->slot_repetition) &
                      (definitions[i] >= node->slot_definition));
    }
    *out = (struct slots){assembly->slots, n};
    return SHALE_OK;
}

/* Validity of a node's slots, into 'into'. */
static enum shale_status make_validity(struct shale_assembly *assembly,
                                       const struct shale_assembly_node *node,
                                       const struct entries *entries, const struct slots *slots,
                                       struct shale_assembly_node *into, size_t *n_nulls,
                                       struct shale_err *err)
{
    *n_nulls = 0;
    if (slots->definitions == NULL || node->present <= node->slot_definition)
        return SHALE_OK;
    if (!have_room(assembly->mem, &into->validity, &into->validity_bytes,
                   shale_spread_bits_bytes(slots->n)))
        return shale_page_no_memory(&entries->leaf->pages, err);
    *n_nulls = slots->n -
               shale_spread_validity(slots->definitions, slots->n, node->present, into->validity);
    return SHALE_OK;
}

/* Where each slot's elements begin; '*n_elements' in all. */
static enum shale_status make_offsets(struct shale_assembly *assembly,
                                      const struct shale_assembly_node *node,
                                      const struct entries *entries, size_t n_slots,
                                      struct shale_assembly_node *into, struct shale_err *err)
{
    const uint8_t *definitions = entries->definitions, *repetitions = entries->repetitions;
    int32_t *offsets, n_elements = 0;
    size_t slot = 0;
    /* One more than there are: each entry writes, whether or not it begins a slot. */
    if (!have_room(assembly->mem, &into->offsets, &into->offsets_bytes,
                   (n_slots + 1) * sizeof(*offsets)))
        return shale_page_no_memory(&entries->leaf->pages, err);
    offsets = into->offsets;
    for (size_t i = 0; i < entries->n; i++) {
        offsets[slot] = n_elements;
        slot += (size_t)((repetitions[i] <= node->slot_repetition) &
                         (definitions[i] >= node->slot_definition));
        n_elements += (repetitions[i] <= node->element_repetition) &
                      (definitions[i] >= node->element_definition);
    }
    offsets[slot] = n_elements;
    return SHALE_OK;
}

/* The slots that a node must have, by what it lies in. */
static size_t slots_wanted(const struct shale_assembly *assembly, size_t number, int64_t n_rows)
{
    const struct shale_assembly_node *parent = &assembly->nodes[assembly->nodes[number].parent];
    if (number == 0)
        return (size_t)n_rows;
    if (parent->layout == SHALE_LAYOUT_LIST)
        return (size_t)parent->column->offsets[parent->column->n_rows];
    return (size_t)parent->column->n_rows;
}

static const int32_t no_offsets[1] = {0};

/* BYTES: what is null takes no bytes, so these stay where they are. */
static enum shale_status make_bytes(struct shale_assembly *assembly,
                                    struct shale_assembly_node *node, const struct entries *entries,
                                    struct shale_err *err)
{
    const struct shale_dense *dense = &entries->leaf->dense;
    struct shale_column *column = node->column;
    size_t n = (size_t)column->n_rows;
    column->data = dense->bytes.data;
    column->offsets = dense->offsets != NULL ? dense->offsets : no_offsets;
    if (column->n_nulls == 0)
        return SHALE_OK;
    if (!have_room(assembly->mem, &node->offsets, &node->offsets_bytes,
                   (n + 1) * sizeof(*node->offsets)))
        return shale_page_no_memory(&entries->leaf->pages, err);
    shale_spread_offsets(column->offsets, node->validity, n, node->offsets);
    column->offsets = node->offsets;
    return SHALE_OK;
}

/* Bytes of 0 and 1 become bits, behind the places of the nulls if there are any. */
static enum shale_status make_bits(struct shale_assembly *assembly,
                                   struct shale_assembly_node *node, const struct entries *entries,
                                   struct shale_err *err)
{
    struct shale_column *column = node->column;
    const char *bytes = entries->leaf->dense.data;
    size_t n = (size_t)column->n_rows, n_bits = shale_spread_bits_bytes(n);
    if (!have_room(assembly->mem, &node->data, &node->data_bytes, n_bits + n))
        return shale_page_no_memory(&entries->leaf->pages, err);
    if (column->n_nulls > 0) {
        if (entries->n_values == 0)
            memset(node->data + n_bits, 0, n);
        else
            shale_spread_fixed(bytes, 1, node->validity, n, node->data + n_bits);
        bytes = node->data + n_bits;
    }
    shale_spread_pack(bytes, n, (uint8_t *)node->data);
    column->data = node->data;
    return SHALE_OK;
}

static enum shale_status make_values(struct shale_assembly *assembly,
                                     struct shale_assembly_node *node,
                                     const struct entries *entries, struct shale_err *err)
{
    const struct shale_dense *dense = &entries->leaf->dense;
    struct shale_column *column = node->column;
    size_t n = (size_t)column->n_rows;
    if (n - (size_t)column->n_nulls != entries->n_values)
        return shale_page_corrupt(&entries->leaf->pages, "its levels contradict themselves", err);
    if (node->layout == SHALE_LAYOUT_BYTES)
        return make_bytes(assembly, node, entries, err);
    if (node->layout == SHALE_LAYOUT_BOOL)
        return make_bits(assembly, node, entries, err);
    column->data = dense->data;
    if (column->n_nulls == 0)
        return SHALE_OK;
    if (!have_room(assembly->mem, &node->data, &node->data_bytes, n * dense->width))
        return shale_page_no_memory(&entries->leaf->pages, err);
    if (entries->n_values == 0)
        memset(node->data, 0, n * dense->width);
    else
        shale_spread_fixed(dense->data, dense->width, node->validity, n, node->data);
    column->data = node->data;
    return SHALE_OK;
}

static enum shale_status make_node(struct shale_assembly *assembly, size_t number, int64_t n_rows,
                                   const struct entries *entries, struct shale_err *err)
{
    struct shale_assembly_node *node = &assembly->nodes[number];
    struct shale_column *column = node->column;
    struct slots slots;
    size_t n_nulls;
    enum shale_status status = find_slots(assembly, node, entries, &slots, err);
    if (status == SHALE_OK)
        status = make_validity(assembly, node, entries, &slots, node, &n_nulls, err);
    if (status != SHALE_OK)
        return status;
    if (slots.n != slots_wanted(assembly, number, n_rows))
        return shale_page_corrupt(&entries->leaf->pages, "its levels contradict themselves", err);
    column->n_rows = (int64_t)slots.n;
    column->n_nulls = (int64_t)n_nulls;
    column->validity = n_nulls > 0 ? node->validity : NULL;
    column->offsets = NULL;
    column->data = NULL;
    if (node->layout == SHALE_LAYOUT_LIST) {
        status = make_offsets(assembly, node, entries, slots.n, node, err);
        column->offsets = node->offsets;
    } else if (node->layout != SHALE_LAYOUT_STRUCT) {
        status = make_values(assembly, node, entries, err);
    }
    return status;
}

/* Does a further leaf below the node say the same of it? */
static enum shale_status check_node(struct shale_assembly *assembly, size_t number,
                                    const struct entries *entries, struct shale_err *err)
{
    struct shale_assembly_node *node = &assembly->nodes[number], *other = &assembly->other;
    const struct shale_column *column = node->column;
    struct slots slots;
    size_t n_nulls;
    bool same;
    enum shale_status status = find_slots(assembly, node, entries, &slots, err);
    if (status == SHALE_OK)
        status = make_validity(assembly, node, entries, &slots, other, &n_nulls, err);
    if (status != SHALE_OK)
        return status;
    same = slots.n == (size_t)column->n_rows && n_nulls == (size_t)column->n_nulls;
    if (same && n_nulls > 0)
        same = memcmp(other->validity, node->validity, (slots.n + 7) / 8) == 0;
    if (same && node->layout == SHALE_LAYOUT_LIST) {
        status = make_offsets(assembly, node, entries, slots.n, other, err);
        if (status != SHALE_OK)
            return status;
        same = memcmp(other->offsets, node->offsets, (slots.n + 1) * sizeof(*node->offsets)) == 0;
    }
    if (!same)
        return shale_page_corrupt(&entries->leaf->pages, "its levels contradict its neighbour's",
                                  err);
    return SHALE_OK;
}

static struct entries entries_of(struct shale_leaf_reader *leaf, int64_t n_rows)
{
    struct entries entries = {leaf, leaf->definitions, leaf->repetitions, 0, 0};
    if (leaf->definition.largest == 0)
        entries.definitions = NULL;
    shale_leaf_reader_cut(leaf, n_rows, &entries.n, &entries.n_values);
    return entries;
}

enum shale_status shale_assembly_make(struct shale_assembly *assembly, int64_t n_rows,
                                      struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t l = 0; l < assembly->n_leaves && status == SHALE_OK; l++) {
        struct entries entries = entries_of(&assembly->leaves[l], n_rows);
        for (size_t i = 0; i < assembly->n_nodes && status == SHALE_OK; i++) {
            const struct shale_assembly_node *node = &assembly->nodes[i];
            if (node->first_leaf == l)
                status = make_node(assembly, i, n_rows, &entries, err);
            else if (node->first_leaf < l && l < node->first_leaf + node->n_leaves)
                status = check_node(assembly, i, &entries, err);
        }
    }
    return status;
}
