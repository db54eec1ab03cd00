/* SPDX-License-Identifier: MIT */
/* Rows of several batches in another order.  The rows of a list that follow one another have
 * elements that do, so a run of rows is a run of elements at each depth: no row numbers of elements
 * are kept. */
#include "columns/gather.h"

#include <assert.h>
#include <string.h>

#include "columns/vector.h"

enum { PIECE_ROWS = 4096, PIECE_BYTES = 1 << 20, RUN_ROWS = 64 };

struct node {
    struct shale_vector vector;
    struct node *child, *next;
};

struct shale_gather {
    const struct shale_mem *mem;
    const struct shale_type *type;
    const struct shale_column *const *columns;
    const struct shale_row_ref *order;
    int64_t n_rows, at;
    size_t n_nodes;
    struct node *nodes;         /* in preorder */
    struct shale_column *views; /* of them */
};

static struct node *init_nodes(struct node *node, const struct shale_type *type)
{
    struct node *end = node + 1, **link = &node->child;
    shale_vector_init(&node->vector, shale_type_layout(type));
    for (size_t i = 0; i < type->n_members; i++) {
        *link = end;
        link = &end->next;
        end = init_nodes(end, &type->members[i].type);
    }
    return end;
}

enum shale_status shale_gather_new(const struct shale_mem *mem, const struct shale_type *type,
                                   struct shale_gather **out)
{
    size_t n_nodes = shale_type_n_nodes(type);
    struct shale_gather *gather = shale_mem_zeroed(mem, 1, sizeof(*gather));
    *out = NULL;
    if (gather == NULL)
        return SHALE_NOMEM;
    gather->mem = mem;
    gather->type = type;
    gather->nodes = shale_mem_zeroed(mem, n_nodes, sizeof(*gather->nodes));
    gather->views = shale_mem_zeroed(mem, n_nodes, sizeof(*gather->views));
    if (gather->nodes == NULL || gather->views == NULL) {
        shale_gather_free(gather);
        return SHALE_NOMEM;
    }
    gather->n_nodes = n_nodes;
    init_nodes(gather->nodes, type);
    *out = gather;
    return SHALE_OK;
}

void shale_gather_free(struct shale_gather *gather)
{
    if (gather == NULL)
        return;
    for (size_t i = 0; i < gather->n_nodes; i++)
        shale_vector_fini(&gather->nodes[i].vector, gather->mem);
    shale_mem_free(gather->mem, gather->nodes);
    shale_mem_free(gather->mem, gather->views);
    shale_mem_free(gather->mem, gather);
}

void shale_gather_begin(struct shale_gather *gather, const struct shale_column *const *columns,
                        const struct shale_row_ref *order, int64_t n_rows)
{
    gather->columns = columns;
    gather->order = order;
    gather->n_rows = n_rows;
    gather->at = 0;
}

/* ---- Bits -------------------------------------------------------------------------------------
 */

/* Append 'n' of 'bits' from 'from' on at bit 'at' of 'out', where all are zero from there on;
 * returns how many are set. */
static int64_t append_bits(uint8_t *out, int64_t at, const uint8_t *bits, int64_t from, int64_t n)
{
    int64_t n_set = 0, i = 0;
    while (i < n) {
        unsigned value = bits[(from + i) >> 3] >> ((from + i) & 7), n_bits = 1;
        if (n - i >= 8 && ((at + i) & 7) == 0) {
            n_bits = 8;
            if (((from + i) & 7) != 0)
                value |= (unsigned)bits[((from + i) >> 3) + 1] << (8 - ((from + i) & 7));
            value &= 0xFF;
        } else {
            value &= 1;
        }
        out[(at + i) >> 3] |= (uint8_t)(value << ((at + i) & 7));
        n_set += __builtin_popcount(value);
        i += n_bits;
    }
    return n_set;
}

static void append_ones(uint8_t *out, int64_t at, int64_t n)
{
    for (int64_t i = 0; i < n;) {
        if (n - i >= 8 && ((at + i) & 7) == 0) {
            out[(at + i) >> 3] = 0xFF;
            i += 8;
        } else {
            out[(at + i) >> 3] |= (uint8_t)(1u << ((at + i) & 7));
            i++;
        }
    }
}

/* ---- A run of rows ----------------------------------------------------------------------------
 */

static enum shale_status append_bytes(struct shale_gather *gather, struct shale_vector *vector,
                                      const struct shale_column *column, int64_t first, int64_t n)
{
    const int32_t *offsets = column->offsets + first;
    size_t used = (size_t)vector->offsets[vector->n_rows];
    size_t n_bytes = (size_t)(offsets[n] - offsets[0]);
    int32_t shift = (int32_t)used - offsets[0];
    if (n_bytes > vector->bytes_capacity - used) {
        enum shale_status status = shale_vector_grow_bytes(vector, gather->mem, n_bytes);
        if (status != SHALE_OK)
            return status;
    }
    if (n_bytes > 0)
        memcpy(vector->data + used, (const char *)column->data + offsets[0], n_bytes);
    for (int64_t i = 1; i <= n; i++)
        vector->offsets[vector->n_rows + i] = offsets[i] + shift;
    return SHALE_OK;
}

/* The node's values but for validity, n_rows and what is inside. */
static enum shale_status append_values(struct shale_gather *gather, struct node *node,
                                       const struct shale_column *column, int64_t first, int64_t n)
{
    struct shale_vector *vector = &node->vector;
    size_t width = vector->width;
    if (vector->layout == SHALE_LAYOUT_BYTES)
        return append_bytes(gather, vector, column, first, n);
    if (vector->layout == SHALE_LAYOUT_BOOL) {
        (void)append_bits((uint8_t *)vector->data, vector->n_rows, column->data, first, n);
    } else if (vector->layout == SHALE_LAYOUT_LIST) {
        const int32_t *offsets = column->offsets + first;
        int32_t shift = (int32_t)node->child->vector.n_rows - offsets[0];
        for (int64_t i = 1; i <= n; i++)
            vector->offsets[vector->n_rows + i] = offsets[i] + shift;
    } else if (width > 0) {
        memcpy(vector->data + (size_t)vector->n_rows * width,
               (const char *)column->data + (size_t)first * width, (size_t)n * width);
    }
    return SHALE_OK;
}

static enum shale_status append_run(struct shale_gather *gather, struct node *node,
                                    const struct shale_column *column, int64_t first, int64_t n)
{
    struct shale_vector *vector = &node->vector;
    const struct shale_column *inside = column->child;
    enum shale_status status = SHALE_OK;
    if (n == 0)
        return SHALE_OK;
    while (vector->capacity - vector->n_rows < n && status == SHALE_OK)
        status = shale_vector_grow(vector, gather->mem);
    if (status == SHALE_OK)
        status = append_values(gather, node, column, first, n);
    if (status != SHALE_OK)
        return status;
    if (column->validity == NULL)
        append_ones(vector->validity, vector->n_rows, n);
    else
        vector->n_nulls +=
            n - append_bits(vector->validity, vector->n_rows, column->validity, first, n);
    vector->n_rows += n;
    if (vector->layout == SHALE_LAYOUT_LIST) {
        n = column->offsets[first + n] - column->offsets[first];
        first = column->offsets[first];
    }
    for (struct node *child = node->child; child != NULL && status == SHALE_OK;
         child = child->next, inside = inside->next)
        status = append_run(gather, child, inside, first, n);
    return status;
}

/* ---- Pieces -----------------------------------------------------------------------------------
 */

/* Bytes of some rows of a column, with all that is inside. */
static size_t run_bytes(const struct node *node, const struct shale_column *column, int64_t first,
                        int64_t n)
{
    const struct shale_column *inside = column->child;
    size_t n_bytes = (size_t)n * (node->vector.width + sizeof(int32_t));
    if (column->offsets != NULL) {
        n = column->offsets[first + n] - column->offsets[first];
        first = column->offsets[first];
    }
    if (node->vector.layout == SHALE_LAYOUT_BYTES)
        return n_bytes + (size_t)n;
    for (const struct node *child = node->child; child != NULL; child = child->next) {
        n_bytes += run_bytes(child, inside, first, n);
        inside = inside->next;
    }
    return n_bytes;
}

/* How many rows from 'at' on are to be appended together: they follow one another in their batch,
 * and are no more than a piece unless it is one. */
static int64_t run_length(const struct shale_gather *gather, int64_t at, int64_t most)
{
    const struct shale_row_ref *first = &gather->order[at];
    const struct shale_column *column = gather->columns[first->batch];
    int64_t n = 1;
    if (most > RUN_ROWS)
        most = RUN_ROWS;
    while (n < most && first[n].batch == first->batch && first[n].row == first->row + n)
        n++;
    while (n > 1 && run_bytes(gather->nodes, column, first->row, n) > PIECE_BYTES)
        n /= 2;
    return n;
}

enum shale_status shale_gather_next(struct shale_gather *gather, const struct shale_column **out)
{
    int64_t left = gather->n_rows - gather->at;
    size_t n_bytes = 0;
    *out = NULL;
    if (left == 0)
        return SHALE_OK;
    for (size_t i = 0; i < gather->n_nodes; i++)
        shale_vector_truncate(&gather->nodes[i].vector, 0);
    left = left < PIECE_ROWS ? left : PIECE_ROWS;
    while (left > 0 && n_bytes < PIECE_BYTES) {
        const struct shale_row_ref *ref = &gather->order[gather->at];
        const struct shale_column *column = gather->columns[ref->batch];
        int64_t n = run_length(gather, gather->at, left);
        enum shale_status status;
        assert(ref->row + n <= column->n_rows);
        n_bytes += run_bytes(gather->nodes, column, ref->row, n);
        status = append_run(gather, gather->nodes, column, ref->row, n);
        if (status != SHALE_OK)
            return status;
        gather->at += n;
        left -= n;
    }
    for (size_t i = 0; i < gather->n_nodes; i++)
        gather->views[i] = shale_vector_view(&gather->nodes[i].vector);
    shale_column_link(gather->type, gather->views);
    *out = gather->views;
    return SHALE_OK;
}
