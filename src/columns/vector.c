/* SPDX-License-Identifier: MIT */
/* Growing and shrinking the buffers behind a column. */
#include "columns/vector.h"

#include "base/checked.h"

enum { FIRST_ROWS = 1024, FIRST_BYTES = 16 * 1024 };
enum { MOST_ROWS = INT32_MAX - 63 }; /* a multiple of 64 that int32 offsets can count */

void shale_vector_init(struct shale_vector *vector, enum shale_layout layout)
{
    *vector = (struct shale_vector){.layout = layout, .width = shale_layout_width(layout)};
}

void shale_vector_fini(struct shale_vector *vector, const struct shale_mem *mem)
{
    shale_mem_free(mem, vector->validity);
    shale_mem_free(mem, vector->offsets);
    shale_mem_free(mem, vector->data);
    shale_vector_init(vector, vector->layout);
}

/* Resize '*buffer' from 'old' to 'new' bytes; what is new is zeroed. */
static bool resize_zeroed(const struct shale_mem *mem, void **buffer, size_t old, size_t new)
{
    char *grown = shale_mem_resize(mem, *buffer, new, 1);
    if (grown == NULL)
        return false;
    memset(grown + old, 0, new - old);
    *buffer = grown;
    return true;
}

/* The capacity is raised only when every buffer has it; one that grew before another failed is
 * merely resized to the same size by the next try. */
enum shale_status shale_vector_grow(struct shale_vector *vector, const struct shale_mem *mem)
{
    size_t old = (size_t)vector->capacity;
    size_t rows = old == 0 ? FIRST_ROWS : old < MOST_ROWS / 2 ? old * 2 : MOST_ROWS;
    void *validity = vector->validity, *data = vector->data;
    if (old == MOST_ROWS)
        return SHALE_LIMIT;
    if (!resize_zeroed(mem, &validity, old / 8, rows / 8))
        return SHALE_NOMEM;
    vector->validity = validity;
    if (vector->layout == SHALE_LAYOUT_BYTES || vector->layout == SHALE_LAYOUT_LIST) {
        int32_t *offsets = shale_mem_resize(mem, vector->offsets, rows + 1, sizeof(*offsets));
        if (offsets == NULL)
            return SHALE_NOMEM;
        if (old == 0)
            offsets[0] = 0;
        vector->offsets = offsets;
    } else if (vector->layout == SHALE_LAYOUT_BOOL) {
        if (!resize_zeroed(mem, &data, old / 8, rows / 8))
            return SHALE_NOMEM;
        vector->data = data;
    } else if (vector->width > 0) {
        data = shale_mem_resize(mem, data, rows, vector->width);
        if (data == NULL)
            return SHALE_NOMEM;
        vector->data = data;
    }
    vector->capacity = (int64_t)rows;
    return SHALE_OK;
}

enum shale_status shale_vector_grow_bytes(struct shale_vector *vector, const struct shale_mem *mem,
                                          size_t n_more)
{
    size_t used = (size_t)vector->offsets[vector->n_rows];
    size_t capacity = vector->bytes_capacity == 0 ? FIRST_BYTES : vector->bytes_capacity * 2;
    char *data;
    if (n_more > (size_t)INT32_MAX - used)
        return SHALE_LIMIT;
    if (capacity > INT32_MAX)
        capacity = INT32_MAX;
    if (capacity < used + n_more)
        capacity = used + n_more;
    data = shale_mem_resize(mem, vector->data, capacity, 1);
    if (data == NULL)
        return SHALE_NOMEM;
    vector->data = data;
    vector->bytes_capacity = capacity;
    return SHALE_OK;
}

static void clear_bits(uint8_t *bits, int64_t from, int64_t to)
{
    size_t first = (size_t)from / 8, end = ((size_t)to + 7) / 8;
    if (from >= to)
        return;
    bits[first] &= (uint8_t)((1u << (from % 8)) - 1);
    memset(bits + first + 1, 0, end - first - 1);
}

void shale_vector_truncate(struct shale_vector *vector, int64_t n_rows)
{
    if (n_rows >= vector->n_rows)
        return;
    for (int64_t i = n_rows; i < vector->n_rows && vector->n_nulls > 0; i++)
        vector->n_nulls -= !shale_bit(vector->validity, i);
    clear_bits(vector->validity, n_rows, vector->n_rows);
    if (vector->layout == SHALE_LAYOUT_BOOL)
        clear_bits((uint8_t *)vector->data, n_rows, vector->n_rows);
    vector->n_rows = n_rows;
}

size_t shale_vector_allocated(const struct shale_vector *vector)
{
    size_t rows = (size_t)vector->capacity;
    size_t n_bits = vector->layout == SHALE_LAYOUT_BOOL ? 2 : 1;
    size_t offsets = vector->offsets != NULL ? (rows + 1) * sizeof(int32_t) : 0;
    return rows / 8 * n_bits + offsets + rows * vector->width + vector->bytes_capacity;
}

struct shale_column shale_vector_view(const struct shale_vector *vector)
{
    static const int32_t no_offsets[1] = {0};
    bool has_offsets = vector->layout == SHALE_LAYOUT_BYTES || vector->layout == SHALE_LAYOUT_LIST;
    struct shale_column column = {.n_rows = vector->n_rows, .n_nulls = vector->n_nulls};
    if (vector->n_nulls > 0)
        column.validity = vector->validity;
    if (has_offsets)
        column.offsets = vector->offsets != NULL ? vector->offsets : no_offsets;
    if (vector->layout != SHALE_LAYOUT_LIST && vector->layout != SHALE_LAYOUT_STRUCT)
        column.data = vector->data;
    return column;
}
