/* SPDX-License-Identifier: MIT */
/* Appending rows column by column.  After a failure the puts go on where there is room, so that
 * the path of a put that fits has no test of the status; shale_builder_row() reports it. */
#include "columns/builder.h"

#include <assert.h>

#include "columns/batch_layout.h"
#include "columns/builder_rows.h"

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
    for (size_t i = 0; i < n_columns; i++) {
        const struct shale_column_def *def = &schema->columns[i];
        struct shale_builder_column *column = &builder->columns[i];
        shale_vector_init(&column->self, shale_type_layout(&def->type));
        if (def->type.kind == SHALE_LIST)
            shale_vector_init(&column->child, shale_type_layout(shale_type_element(&def->type)));
        column->target = &column->self;
        column->partition_only = def->partition_only;
    }
    *out = builder;
    return SHALE_OK;
}

static void free_buffers(struct shale_builder *builder)
{
    for (size_t i = 0; i < builder->n_columns; i++) {
        shale_vector_fini(&builder->columns[i].self, builder->mem);
        shale_vector_fini(&builder->columns[i].child, builder->mem);
    }
}

void shale_builder_free(struct shale_builder *builder)
{
    if (builder == NULL)
        return;
    free_buffers(builder);
    shale_mem_free(builder->mem, builder);
}

void shale_builder_reset(struct shale_builder *builder, size_t keep_bytes)
{
    size_t allocated = 0;
    for (size_t i = 0; i < builder->n_columns; i++) {
        struct shale_builder_column *column = &builder->columns[i];
        column->target = &column->self;
        allocated += shale_vector_allocated(&column->self) + shale_vector_allocated(&column->child);
        shale_vector_truncate(&column->self, 0);
        shale_vector_truncate(&column->child, 0);
    }
    if (allocated > keep_bytes)
        free_buffers(builder);
    builder->status = SHALE_OK;
    builder->n_rows = 0;
}

static void fail(struct shale_builder *builder, enum shale_status status)
{
    if (builder->status == SHALE_OK)
        builder->status = status;
}

/* Room for one more row in the vector that 'column' appends to; NULL when there is none. */
static inline struct shale_vector *room(struct shale_builder *builder, size_t column)
{
    struct shale_vector *vector;
    assert(column < builder->n_columns);
    vector = builder->columns[column].target;
    if (__builtin_expect(vector->n_rows == vector->capacity, 0)) {
        enum shale_status status = shale_vector_grow(vector, builder->mem);
        if (status != SHALE_OK) {
            fail(builder, status);
            return NULL;
        }
    }
    return vector;
}

/* The row that was just filled has a value. */
static inline void valid(struct shale_vector *vector)
{
    int64_t row = vector->n_rows++;
    vector->validity[row >> 3] |= (uint8_t)(1u << (row & 7));
}

void shale_builder_null(struct shale_builder *builder, size_t column)
{
    struct shale_vector *vector = room(builder, column);
    if (vector == NULL)
        return;
    if (vector->offsets != NULL)
        vector->offsets[vector->n_rows + 1] = vector->offsets[vector->n_rows];
    else if (vector->width > 0)
        memset(vector->data + (size_t)vector->n_rows * vector->width, 0, vector->width);
    vector->n_rows++;
    vector->n_nulls++;
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

void shale_builder_list_begin(struct shale_builder *builder, size_t column)
{
    struct shale_builder_column *list = &builder->columns[column];
    assert(list->self.layout == SHALE_LAYOUT_LIST && list->target == &list->self);
    list->target = &list->child;
}

void shale_builder_list_end(struct shale_builder *builder, size_t column)
{
    struct shale_builder_column *list = &builder->columns[column];
    struct shale_vector *vector;
    assert(list->target == &list->child);
    list->target = &list->self;
    vector = room(builder, column);
    if (vector == NULL)
        return;
    vector->offsets[vector->n_rows + 1] = (int32_t)list->child.n_rows;
    valid(vector);
}

enum shale_status shale_builder_row(struct shale_builder *builder)
{
    if (builder->status != SHALE_OK)
        return builder->status;
    builder->n_rows++;
#ifndef NDEBUG
    for (size_t i = 0; i < builder->n_columns; i++)
        assert(builder->columns[i].self.n_rows == builder->n_rows);
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
        if (column->partition_only)
            continue;
        n_bytes += vector_bytes(&column->self);
        if (column->self.layout == SHALE_LAYOUT_LIST)
            n_bytes += vector_bytes(&column->child);
    }
    return n_bytes;
}

void shale_builder_truncate(struct shale_builder *builder, int64_t n_rows)
{
    for (size_t i = 0; i < builder->n_columns; i++) {
        struct shale_builder_column *column = &builder->columns[i];
        column->target = &column->self;
        if (column->self.layout == SHALE_LAYOUT_LIST && column->self.offsets != NULL &&
            n_rows <= column->self.n_rows)
            shale_vector_truncate(&column->child, column->self.offsets[n_rows]);
        shale_vector_truncate(&column->self, n_rows);
    }
    if (n_rows < builder->n_rows)
        builder->n_rows = n_rows;
}

void shale_builder_column(const struct shale_builder *builder, size_t column,
                          struct shale_column *out)
{
    assert(column < builder->n_columns);
    *out = shale_vector_view(&builder->columns[column].self);
}
