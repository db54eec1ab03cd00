/* SPDX-License-Identifier: MIT */
/* Appending rows column by column.  After a failure the puts go on where there is room, so that
 * the path of a put that fits has no test of the status; shale_builder_row() reports it. */
#include "columns/builder.h"

#include <assert.h>

#include "columns/batch_layout.h"
#include "columns/builder_rows.h"

/* ---- Life -------------------------------------------------------------------------------------
 */

/* Fill the nodes of 'type' from 'node' on; the first one past them is returned. */
static struct shale_builder_node *init_nodes(struct shale_builder_node *node,
                                             struct shale_builder_node *parent,
                                             const struct shale_type *type)
{
    struct shale_builder_node *end = node + 1, *last = NULL;
    shale_vector_init(&node->vector, shale_type_layout(type));
    node->parent = parent;
    node->after = node;
    for (size_t i = 0; i < type->n_members; i++) {
        struct shale_builder_node *child = end;
        end = init_nodes(child, node, &type->members[i].type);
        if (last == NULL)
            node->child = child;
        else
            last->next = last->after = child;
        last = child;
    }
    if (type->kind == SHALE_STRUCT)
        last->after = NULL;
    else if (type->kind == SHALE_MAP)
        last->after = node->child;
    node->n_nodes = (size_t)(end - node);
    return end;
}

static bool new_nodes(struct shale_builder *builder)
{
    struct shale_builder_node *node;
    for (size_t i = 0; i < builder->n_columns; i++)
        builder->n_nodes += shale_type_n_nodes(&builder->schema->columns[i].type);
    node = shale_mem_zeroed(builder->mem, builder->n_nodes, sizeof(*node));
    builder->nodes = node;
    for (size_t i = 0; i < builder->n_columns && node != NULL; i++) {
        const struct shale_column_def *def = &builder->schema->columns[i];
        builder->columns[i] = (struct shale_builder_column){
            .target = node, .nodes = node, .partition_only = def->partition_only};
        node = init_nodes(node, NULL, &def->type);
    }
    return builder->nodes != NULL;
}

enum shale_status shale_builder_new(const struct shale_mem *mem, const struct shale_schema *schema,
                                    struct shale_builder **out)
{
    size_t n_columns = schema->n_columns;
    struct shale_builder *builder;
    *out = NULL;
    if (n_columns > SIZE_MAX / 2 / sizeof(struct shale_builder_column))
        return SHALE_NOMEM;
    builder = shale_mem_zeroed(mem, 1,
                               sizeof(*builder) + n_columns * sizeof(struct shale_builder_column));
    if (builder == NULL)
        return SHALE_NOMEM;
    builder->mem = mem;
    builder->schema = schema;
    builder->n_columns = n_columns;
    if (!new_nodes(builder)) {
        shale_mem_free(mem, builder);
        return SHALE_NOMEM;
    }
    *out = builder;
    return SHALE_OK;
}

static void free_buffers(struct shale_builder *builder)
{
    for (size_t i = 0; i < builder->n_nodes; i++) {
        shale_vector_fini(&builder->nodes[i].vector, builder->mem);
        builder->nodes[i].room = 0;
    }
}

void shale_builder_free(struct shale_builder *builder)
{
    if (builder == NULL)
        return;
    free_buffers(builder);
    shale_mem_free(builder->mem, builder->nodes);
    shale_mem_free(builder->mem, builder);
}

/* No list, map or struct has begun. */
static void rewind_cursor(struct shale_builder_column *column)
{
    column->target = column->nodes;
    column->open = NULL;
}

void shale_builder_reset(struct shale_builder *builder, size_t keep_bytes)
{
    size_t allocated = 0;
    for (size_t i = 0; i < builder->n_columns; i++)
        rewind_cursor(&builder->columns[i]);
    for (size_t i = 0; i < builder->n_nodes; i++) {
        allocated += shale_vector_allocated(&builder->nodes[i].vector);
        shale_vector_truncate(&builder->nodes[i].vector, 0);
    }
    if (allocated > keep_bytes)
        free_buffers(builder);
    builder->status = SHALE_OK;
    builder->n_rows = 0;
}

/* ---- Puts -------------------------------------------------------------------------------------
 */

static void fail(struct shale_builder *builder, enum shale_status status)
{
    if (builder->status == SHALE_OK)
        builder->status = status;
}

/* Room for one more row; false when there is none. */
static bool grow(struct shale_builder *builder, struct shale_builder_node *node)
{
    enum shale_status status;
    if (node->vector.n_rows < node->vector.capacity)
        return true;
    status = shale_vector_grow(&node->vector, builder->mem);
    if (status != SHALE_OK)
        fail(builder, status);
    else if (node->after == node)
        node->room = node->vector.capacity;
    return status == SHALE_OK;
}

/* The cursor moves also after a failure, so that what begins has its end. */
static __attribute__((noinline)) struct shale_vector *make_room(struct shale_builder *builder,
                                                                struct shale_builder_column *column)
{
    struct shale_builder_node *node = column->target;
    column->target = node->after;
    return grow(builder, node) ? &node->vector : NULL;
}

/* Room for one more row in the vector that 'column' appends to, and the cursor where the next put
 * goes; NULL when there is none. */
static inline struct shale_vector *room(struct shale_builder *builder, size_t column)
{
    struct shale_builder_node *node;
    assert(column < builder->n_columns && builder->columns[column].target != NULL);
    node = builder->columns[column].target;
    if (__builtin_expect(node->vector.n_rows >= node->room, 0))
        return make_room(builder, &builder->columns[column]);
    return &node->vector;
}

/* The row that was just filled has a value. */
static inline void valid(struct shale_vector *vector)
{
    int64_t row = vector->n_rows++;
    vector->validity[row >> 3] |= (uint8_t)(1u << (row & 7));
}

static void null_members(struct shale_builder *builder, const struct shale_builder_node *node);

static inline void put_null(struct shale_builder *builder, struct shale_builder_node *node)
{
    struct shale_vector *vector = &node->vector;
    if (vector->offsets != NULL)
        vector->offsets[vector->n_rows + 1] = vector->offsets[vector->n_rows];
    else if (vector->width > 0)
        memset(vector->data + (size_t)vector->n_rows * vector->width, 0, vector->width);
    else if (vector->layout == SHALE_LAYOUT_STRUCT)
        null_members(builder, node);
    vector->n_rows++;
    vector->n_nulls++;
}

static void null_members(struct shale_builder *builder, const struct shale_builder_node *node)
{
    for (struct shale_builder_node *member = node->child; member != NULL; member = member->next)
        if (grow(builder, member))
            put_null(builder, member);
}

void shale_builder_null(struct shale_builder *builder, size_t column)
{
    struct shale_builder_node *node = builder->columns[column].target;
    if (room(builder, column) != NULL)
        put_null(builder, node);
}

void shale_builder_bool(struct shale_builder *builder, size_t column, bool value)
{
    struct shale_vector *vector = room(builder, column);
    if (vector == NULL)
        return;
    assert(vector->layout == SHALE_LAYOUT_BOOL);
    if (value)
        ((uint8_t *)vector->data)[vector->n_rows >> 3] |= (uint8_t)(1u << (vector->n_rows & 7));
    valid(vector);
}

static inline void put_fixed(struct shale_builder *builder, size_t column, enum shale_layout layout,
                             const void *value, size_t width)
{
    struct shale_vector *vector = room(builder, column);
    if (vector == NULL)
        return;
    assert(vector->layout == layout);
    (void)layout;
    memcpy(vector->data + (size_t)vector->n_rows * width, value, width);
    valid(vector);
}

void shale_builder_i32(struct shale_builder *builder, size_t column, int32_t value)
{
    put_fixed(builder, column, SHALE_LAYOUT_I32, &value, sizeof(value));
}

void shale_builder_i64(struct shale_builder *builder, size_t column, int64_t value)
{
    put_fixed(builder, column, SHALE_LAYOUT_I64, &value, sizeof(value));
}

void shale_builder_f32(struct shale_builder *builder, size_t column, float value)
{
    put_fixed(builder, column, SHALE_LAYOUT_F32, &value, sizeof(value));
}

void shale_builder_f64(struct shale_builder *builder, size_t column, double value)
{
    put_fixed(builder, column, SHALE_LAYOUT_F64, &value, sizeof(value));
}

void shale_builder_i128(struct shale_builder *builder, size_t column, shale_i128 value)
{
    put_fixed(builder, column, SHALE_LAYOUT_I128, &value, sizeof(value));
}

void shale_builder_bytes(struct shale_builder *builder, size_t column, struct shale_str value)
{
    struct shale_vector *vector = room(builder, column);
    size_t used;
    if (vector == NULL)
        return;
    assert(vector->layout == SHALE_LAYOUT_BYTES);
    used = (size_t)vector->offsets[vector->n_rows];
    if (__builtin_expect(value.n_bytes > vector->bytes_capacity - used, 0)) {
        enum shale_status status = shale_vector_grow_bytes(vector, builder->mem, value.n_bytes);
        if (status != SHALE_OK) {
            fail(builder, status);
            return;
        }
    }
    if (value.n_bytes > 0)
        memcpy(vector->data + used, value.data, value.n_bytes);
    vector->offsets[vector->n_rows + 1] = (int32_t)(used + value.n_bytes);
    valid(vector);
}

static void begin(struct shale_builder *builder, size_t column, enum shale_layout layout)
{
    struct shale_builder_column *cursor = &builder->columns[column];
    assert(cursor->target != NULL && cursor->target->vector.layout == layout);
    (void)layout;
    cursor->open = cursor->target;
    cursor->target = cursor->open->child;
}

/* The row of what was begun last can be appended now. */
static struct shale_vector *end(struct shale_builder *builder, size_t column)
{
    struct shale_builder_column *cursor = &builder->columns[column];
    cursor->target = cursor->open;
    cursor->open = cursor->open->parent;
    return room(builder, column);
}

void shale_builder_list_begin(struct shale_builder *builder, size_t column)
{
    begin(builder, column, SHALE_LAYOUT_LIST);
}

void shale_builder_list_end(struct shale_builder *builder, size_t column)
{
    const struct shale_builder_node *list = builder->columns[column].open;
    struct shale_vector *vector;
    assert(list != NULL && list->vector.layout == SHALE_LAYOUT_LIST);
    assert(builder->columns[column].target == list->child); /* no key without its value */
    vector = end(builder, column);
    if (vector == NULL)
        return;
    vector->offsets[vector->n_rows + 1] = (int32_t)list->child->vector.n_rows;
    valid(vector);
}

void shale_builder_struct_begin(struct shale_builder *builder, size_t column)
{
    begin(builder, column, SHALE_LAYOUT_STRUCT);
}

void shale_builder_struct_end(struct shale_builder *builder, size_t column)
{
    struct shale_vector *vector;
    assert(builder->columns[column].open != NULL &&
           builder->columns[column].open->vector.layout == SHALE_LAYOUT_STRUCT);
    assert(builder->columns[column].target == NULL); /* each member once */
    vector = end(builder, column);
    if (vector != NULL)
        valid(vector);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

enum shale_status shale_builder_row(struct shale_builder *builder)
{
    if (builder->status != SHALE_OK)
        return builder->status;
    builder->n_rows++;
#ifndef NDEBUG
    for (size_t i = 0; i < builder->n_columns; i++)
        assert(builder->columns[i].nodes->vector.n_rows == builder->n_rows);
#endif
    return SHALE_OK;
}

int64_t shale_builder_n_rows(const struct shale_builder *builder)
{
    return builder->n_rows;
}

static size_t vector_bytes(const struct shale_vector *vector)
{
    struct shale_batch_measure measure = {.n_rows = vector->n_rows, .n_nulls = vector->n_nulls};
    if (vector->layout == SHALE_LAYOUT_BYTES && vector->offsets != NULL)
        measure.n_data_bytes = (uint64_t)vector->offsets[vector->n_rows];
    return shale_batch_validity_bytes(&measure) +
           shale_batch_offsets_bytes(vector->layout, vector->n_rows) +
           shale_batch_data_bytes(vector->layout, &measure);
}

size_t shale_builder_n_bytes(const struct shale_builder *builder)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < builder->n_columns; i++) {
        const struct shale_builder_column *column = &builder->columns[i];
        for (size_t n = 0; !column->partition_only && n < column->nodes->n_nodes; n++)
            n_bytes += vector_bytes(&column->nodes[n].vector);
    }
    return n_bytes;
}

static void truncate_node(struct shale_builder_node *node, int64_t n_rows)
{
    struct shale_vector *vector = &node->vector;
    int64_t inside = n_rows;
    if (n_rows > vector->n_rows)
        return;
    if (vector->layout == SHALE_LAYOUT_LIST)
        inside = vector->offsets == NULL ? 0 : vector->offsets[n_rows];
    for (struct shale_builder_node *child = node->child; child != NULL; child = child->next)
        truncate_node(child, inside);
    shale_vector_truncate(vector, n_rows);
}

void shale_builder_truncate(struct shale_builder *builder, int64_t n_rows)
{
    for (size_t i = 0; i < builder->n_columns; i++) {
        rewind_cursor(&builder->columns[i]);
        truncate_node(builder->columns[i].nodes, n_rows);
    }
    if (n_rows < builder->n_rows)
        builder->n_rows = n_rows;
}

void shale_builder_column(const struct shale_builder *builder, size_t column,
                          struct shale_column *out)
{
    assert(column < builder->n_columns);
    *out = shale_vector_view(&builder->columns[column].nodes->vector);
}
