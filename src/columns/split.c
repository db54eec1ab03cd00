/* SPDX-License-Identifier: MIT */
/* The builder's rows become one batch a partition.
 *
 * A counting sort puts the row numbers of each partition side by side; then each batch is measured
 * (exact sizes), laid out, allocated and filled by gathering its rows.  The rows of a list or map
 * become row numbers of its elements, which are gathered like any column; a struct's rows are its
 * members'. */
#include <assert.h>

#include "base/checked.h"
#include "columns/batch_layout.h"
#include "columns/builder_rows.h"

/* Some rows in the order in which they are wanted; 'at' NULL: the first 'n'. */
struct rows {
    const int32_t *at;
    int64_t n;
};

/* What a split needs besides the batches. */
struct scratch {
    int32_t *order;  /* row numbers, by partition; NULL: all rows are one partition's */
    int64_t *begins; /* n_parts + 1 places in 'order' */
    /* Row numbers of one partition's elements of one list; [1] of a list inside that, and so on.
     * Room for those of the largest vector. */
    int32_t *elements[SHALE_TYPE_DEPTH];
};

static struct rows rows_of_part(const struct scratch *scratch, uint32_t part)
{
    int64_t begin = scratch->begins[part];
    return (struct rows){scratch->order == NULL ? NULL : scratch->order + begin,
                         scratch->begins[part + 1] - begin};
}

static inline int64_t row_at(const struct rows *rows, int64_t i)
{
    return rows->at == NULL ? i : rows->at[i];
}

/* What is inside the node's rows 'rows': the elements of these lists, or a struct's same rows.
 * '*level' counts the lists around what is inside. */
static struct rows rows_inside(const struct shale_builder_node *node, const struct rows *rows,
                               const struct scratch *scratch, size_t *level)
{
    const int32_t *offsets = node->vector.offsets;
    int32_t *elements = scratch->elements[*level];
    int64_t n = 0;
    if (node->vector.layout != SHALE_LAYOUT_LIST)
        return *rows;
    ++*level;
    if (rows->at == NULL)
        return (struct rows){NULL, offsets == NULL ? 0 : offsets[rows->n]};
    for (int64_t i = 0; i < rows->n; i++) {
        int32_t end = offsets[rows->at[i] + 1];
        for (int32_t e = offsets[rows->at[i]]; e < end; e++)
            elements[n++] = e;
    }
    return (struct rows){elements, n};
}

/* ---- Sizes ---------------------------------------------------------------------------------- */

static struct shale_batch_measure measure(const struct shale_vector *vector,
                                          const struct rows *rows)
{
    struct shale_batch_measure size = {.n_rows = rows->n};
    if (rows->n == 0)
        return size;
    if (rows->at == NULL)
        size.n_nulls = vector->n_nulls;
    for (int64_t i = 0; rows->at != NULL && vector->n_nulls > 0 && i < rows->n; i++)
        size.n_nulls += !shale_bit(vector->validity, rows->at[i]);
    if (vector->layout != SHALE_LAYOUT_BYTES)
        return size;
    if (rows->at == NULL)
        size.n_data_bytes = (uint64_t)vector->offsets[rows->n];
    for (int64_t i = 0; rows->at != NULL && i < rows->n; i++) {
        const int32_t *offset = vector->offsets + rows->at[i];
        size.n_data_bytes += (uint64_t)(offset[1] - offset[0]);
    }
    return size;
}

/* Give the buffers of one vector their places from '*at' on. */
static struct shale_batch_buffers place(const struct shale_builder_node *node,
                                        const struct rows *rows, uint64_t *at)
{
    const struct shale_vector *vector = &node->vector;
    struct shale_batch_measure size = measure(vector, rows);
    struct shale_batch_buffers buffers = {.n_rows = size.n_rows,
                                          .n_nulls = size.n_nulls,
                                          .layout = (uint32_t)vector->layout,
                                          .n_nodes = (uint32_t)node->n_nodes};
    buffers.validity_at = *at;
    *at += shale_batch_align(shale_batch_validity_bytes(&size));
    buffers.offsets_at = *at;
    *at += shale_batch_align(shale_batch_offsets_bytes(vector->layout, size.n_rows));
    buffers.data_at = *at;
    *at += shale_batch_align(shale_batch_data_bytes(vector->layout, &size));
    return buffers;
}

/* The same for a node and all inside it; 'out' is the first's. */
static void place_nodes(struct shale_batch_buffers *out, const struct shale_builder_node *node,
                        const struct rows *rows, const struct scratch *scratch, size_t level,
                        uint64_t *at)
{
    struct rows inside;
    *out = place(node, rows, at);
    if (node->child == NULL)
        return;
    inside = rows_inside(node, rows, scratch, &level);
    for (const struct shale_builder_node *child = node->child; child != NULL; child = child->next)
        place_nodes(out + (child - node), child, &inside, scratch, level, at);
}

/* ---- Filling (the batch is zeroed, so that padding and null slots are) ------------------------
 */

static void gather_bits(uint8_t *out, const uint8_t *bits, const struct rows *rows)
{
    if (rows->at == NULL) {
        memcpy(out, bits, ((size_t)rows->n + 7) / 8);
        return;
    }
    for (int64_t i = 0; i < rows->n; i++)
        out[i >> 3] |= (uint8_t)((unsigned)shale_bit(bits, rows->at[i]) << (i & 7));
}

static inline void gather_width(char *out, const char *data, const struct rows *rows, size_t width)
{
    for (int64_t i = 0; i < rows->n; i++)
        memcpy(out + (size_t)i * width, data + (size_t)rows->at[i] * width, width);
}

static void gather_fixed(char *out, const struct shale_vector *vector, const struct rows *rows)
{
    if (rows->at == NULL)
        memcpy(out, vector->data, (size_t)rows->n * vector->width);
    else if (vector->width == 4)
        gather_width(out, vector->data, rows, 4);
    else if (vector->width == 8)
        gather_width(out, vector->data, rows, 8);
    else
        gather_width(out, vector->data, rows, vector->width);
}

static void gather_bytes(int32_t *offsets, char *out, const struct shale_vector *vector,
                         const struct rows *rows)
{
    size_t used = 0;
    if (rows->at == NULL) {
        memcpy(offsets, vector->offsets, ((size_t)rows->n + 1) * sizeof(*offsets));
        if (vector->data != NULL)
            memcpy(out, vector->data, (size_t)vector->offsets[rows->n]);
        return;
    }
    for (int64_t i = 0; i < rows->n; i++) {
        const int32_t *offset = vector->offsets + rows->at[i];
        size_t n_bytes = (size_t)(offset[1] - offset[0]);
        if (n_bytes > 0)
            memcpy(out + used, vector->data + offset[0], n_bytes);
        used += n_bytes;
        offsets[i + 1] = (int32_t)used;
    }
}

static void gather_lists(int32_t *offsets, const struct shale_vector *vector,
                         const struct rows *rows)
{
    for (int64_t i = 0; i < rows->n; i++) {
        const int32_t *offset = vector->offsets + row_at(rows, i);
        offsets[i + 1] = offsets[i] + (offset[1] - offset[0]);
    }
}

static void gather(char *part, const struct shale_batch_buffers *buffers,
                   const struct shale_vector *vector, const struct rows *rows)
{
    int32_t *offsets = (int32_t *)(void *)(part + buffers->offsets_at);
    char *data = part + buffers->data_at;
    if (rows->n == 0)
        return;
    if (buffers->n_nulls > 0)
        gather_bits((uint8_t *)part + buffers->validity_at, vector->validity, rows);
    switch (vector->layout) {
    case SHALE_LAYOUT_BOOL:
        gather_bits((uint8_t *)data, (const uint8_t *)vector->data, rows);
        break;
    case SHALE_LAYOUT_BYTES:
        gather_bytes(offsets, data, vector, rows);
        break;
    case SHALE_LAYOUT_LIST:
        gather_lists(offsets, vector, rows);
        break;
    case SHALE_LAYOUT_STRUCT:
        break;
    default:
        gather_fixed(data, vector, rows);
        break;
    }
}

static void gather_nodes(char *part, const struct shale_batch_buffers *buffers,
                         const struct shale_builder_node *node, const struct rows *rows,
                         const struct scratch *scratch, size_t level)
{
    struct rows inside;
    gather(part, buffers, &node->vector, rows);
    if (node->child == NULL)
        return;
    inside = rows_inside(node, rows, scratch, &level);
    for (const struct shale_builder_node *child = node->child; child != NULL; child = child->next)
        gather_nodes(part, buffers + (child - node), child, &inside, scratch, level);
}

/* ---- One batch --------------------------------------------------------------------------------
 */

/* Fill the header; the batch's size is returned. */
static uint64_t place_columns(const struct shale_builder *builder, const struct rows *rows,
                              const struct scratch *scratch, struct shale_batch *batch,
                              size_t header_bytes)
{
    uint64_t batch_at = shale_batch_align(header_bytes);
    size_t n_columns = 0;
    struct shale_batch_buffers *buffers;
    for (size_t i = 0; i < builder->n_columns; i++)
        n_columns += !builder->columns[i].partition_only;
    batch->n_columns = n_columns;
    buffers = (void *)&batch->columns[n_columns];
    for (size_t i = 0, n = 0; i < builder->n_columns; i++) {
        const struct shale_builder_column *column = &builder->columns[i];
        uint64_t part_bytes = 0;
        if (column->partition_only)
            continue;
        place_nodes(buffers, column->nodes, rows, scratch, 0, &part_bytes);
        batch->columns[n++] = (struct shale_batch_column){
            batch_at, part_bytes, (uint64_t)((char *)buffers - (char *)batch)};
        buffers += column->nodes->n_nodes;
        batch_at += part_bytes;
    }
    return batch_at;
}

/* The header is made first, alone, then resized to the whole. */
static struct shale_batch *make_batch(const struct shale_builder *builder, const struct rows *rows,
                                      const struct scratch *scratch)
{
    const struct shale_mem *mem = builder->mem;
    size_t header_bytes = shale_batch_header_bytes(builder->schema), n_bytes;
    struct shale_batch *batch = shale_mem_zeroed(mem, 1, header_bytes), *whole;
    if (batch == NULL)
        return NULL;
    batch->n_rows = rows->n;
    batch->n_bytes = place_columns(builder, rows, scratch, batch, header_bytes);
    n_bytes = (size_t)batch->n_bytes;
    whole = shale_mem_resize(mem, batch, n_bytes, 1);
    if (whole == NULL) {
        shale_mem_free(mem, batch);
        return NULL;
    }
    memset((char *)whole + header_bytes, 0, n_bytes - header_bytes);
    for (size_t i = 0, n = 0; i < builder->n_columns; i++) {
        const struct shale_batch_column *placed = &whole->columns[n];
        if (builder->columns[i].partition_only)
            continue;
        gather_nodes((char *)whole + placed->part_at, shale_batch_nodes(whole, placed),
                     builder->columns[i].nodes, rows, scratch, 0);
        n++;
    }
    return whole;
}

/* ---- All of them ------------------------------------------------------------------------------
 */

/* Sort row numbers by partition, stable. */
static void sort_rows(struct scratch *scratch, const uint32_t *part_of_row, int64_t n_rows,
                      uint32_t n_parts)
{
    int64_t *begins = scratch->begins;
    for (int64_t i = 0; i < n_rows; i++) {
        assert(part_of_row[i] < n_parts);
        begins[part_of_row[i]]++;
    }
    for (int64_t sum = 0, p = 0; p <= (int64_t)n_parts; p++) {
        int64_t n = begins[p];
        begins[p] = sum;
        sum += n;
    }
    /* Placing moves each begin to the next one's: shifting back restores them. */
    for (int64_t i = 0; i < n_rows; i++)
        scratch->order[begins[part_of_row[i]]++] = (int32_t)i;
    memmove(begins + 1, begins, n_parts * sizeof(*begins));
    begins[0] = 0;
}

/* Of each level, the most elements that a list's child has. */
static void count_elements(const struct shale_builder_node *node, size_t level, int64_t *n_elements)
{
    bool is_list = node->vector.layout == SHALE_LAYOUT_LIST;
    if (is_list && node->child->vector.n_rows > n_elements[level])
        n_elements[level] = node->child->vector.n_rows;
    for (const struct shale_builder_node *child = node->child; child != NULL; child = child->next)
        count_elements(child, level + is_list, n_elements);
}

static bool prepare_elements(const struct shale_builder *builder, struct scratch *scratch)
{
    int64_t n_elements[SHALE_TYPE_DEPTH] = {0};
    for (size_t i = 0; i < builder->n_columns; i++)
        count_elements(builder->columns[i].nodes, 0, n_elements);
    for (size_t i = 0; i < SHALE_TYPE_DEPTH && n_elements[i] > 0; i++) {
        scratch->elements[i] =
            shale_mem_alloc(builder->mem, (size_t)n_elements[i] * sizeof(int32_t));
        if (scratch->elements[i] == NULL)
            return false;
    }
    return true;
}

static void free_elements(const struct shale_mem *mem, const struct scratch *scratch)
{
    for (size_t i = 0; i < SHALE_TYPE_DEPTH; i++)
        shale_mem_free(mem, scratch->elements[i]);
}

static bool prepare(const struct shale_builder *builder, const uint32_t *part_of_row,
                    uint32_t n_parts, struct scratch *scratch)
{
    scratch->begins = shale_mem_zeroed(builder->mem, (size_t)n_parts + 1, sizeof(int64_t));
    if (scratch->begins == NULL)
        return false;
    if (part_of_row == NULL) {
        for (uint32_t p = 1; p <= n_parts; p++)
            scratch->begins[p] = builder->n_rows;
        return true;
    }
    scratch->order =
        shale_mem_alloc(builder->mem, (size_t)builder->n_rows * sizeof(*scratch->order));
    if (scratch->order == NULL)
        return false;
    if (!prepare_elements(builder, scratch))
        return false;
    sort_rows(scratch, part_of_row, builder->n_rows, n_parts);
    return true;
}

enum shale_status shale_builder_split(const struct shale_builder *builder,
                                      const uint32_t *part_of_row, uint32_t n_parts,
                                      struct shale_batch **out)
{
    struct scratch scratch = {0};
    bool ok = prepare(builder, part_of_row, n_parts, &scratch);
    assert(builder->status == SHALE_OK);
    for (uint32_t p = 0; p < n_parts; p++)
        out[p] = NULL;
    for (uint32_t p = 0; ok && p < n_parts; p++) {
        struct rows rows = rows_of_part(&scratch, p);
        if (rows.n == 0)
            continue;
        out[p] = make_batch(builder, &rows, &scratch);
        ok = out[p] != NULL;
    }
    for (uint32_t p = 0; !ok && p < n_parts; p++) {
        shale_batch_free(builder->mem, out[p]);
        out[p] = NULL;
    }
    shale_mem_free(builder->mem, scratch.begins);
    shale_mem_free(builder->mem, scratch.order);
    free_elements(builder->mem, &scratch);
    return ok ? SHALE_OK : SHALE_NOMEM;
}

/* ---- Some rows of a batch ---------------------------------------------------------------------
 */

/* The batch's columns, as if they were being built. */
static void view_nodes(struct shale_builder_node *nodes, const struct shale_column *columns,
                       const struct shale_batch_buffers *buffers)
{
    for (size_t i = 0; i < buffers->n_nodes; i++) {
        const struct shale_column *column = &columns[i];
        enum shale_layout layout = (enum shale_layout)buffers[i].layout;
        nodes[i] = (struct shale_builder_node){
            .vector = {.layout = layout,
                       .width = shale_layout_width(layout),
                       .n_rows = column->n_rows,
                       .n_nulls = column->n_nulls,
                       .validity = (uint8_t *)column->validity,
                       .offsets = (int32_t *)column->offsets,
                       .data = (char *)column->data},
            .child = column->child == NULL ? NULL : nodes + (column->child - columns),
            .next = column->next == NULL ? NULL : nodes + (column->next - columns),
            .n_nodes = buffers[i].n_nodes};
    }
}

static size_t count_nodes(const struct shale_batch *batch)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->n_columns; i++)
        n += shale_batch_nodes(batch, &batch->columns[i])->n_nodes;
    return n;
}

/* A builder that reads from 'batch'; freed as one. */
static struct shale_builder *view_batch(const struct shale_mem *mem,
                                        const struct shale_schema *schema,
                                        const struct shale_batch *batch)
{
    size_t n_nodes = count_nodes(batch), n_columns = batch->n_columns;
    struct shale_column *columns = shale_mem_zeroed(mem, n_nodes, sizeof *columns);
    struct shale_builder *builder =
        shale_mem_zeroed(mem, 1,
                         sizeof *builder + n_columns * sizeof builder->columns[0] +
                             n_nodes * sizeof(struct shale_builder_node));
    if (columns != NULL && builder != NULL) {
        *builder = (struct shale_builder){.mem = mem,
                                          .schema = schema,
                                          .n_rows = batch->n_rows,
                                          .n_columns = n_columns,
                                          .n_nodes = n_nodes};
        builder->nodes = (struct shale_builder_node *)(void *)&builder->columns[n_columns];
    }
    for (size_t i = 0, at = 0; columns != NULL && builder != NULL && i < n_columns; i++) {
        const struct shale_batch_buffers *buffers = shale_batch_nodes(batch, &batch->columns[i]);
        shale_batch_column(batch, i, columns);
        view_nodes(builder->nodes + at, columns, buffers);
        builder->columns[i].nodes = builder->nodes + at;
        at += buffers->n_nodes;
    }
    shale_mem_free(mem, columns);
    if (columns == NULL) {
        shale_mem_free(mem, builder);
        builder = NULL;
    }
    return builder;
}

enum shale_status shale_batch_select(const struct shale_mem *mem, const struct shale_schema *schema,
                                     const struct shale_batch *batch, const int32_t *rows,
                                     int64_t n_rows, struct shale_batch **out)
{
    const struct rows selected = {rows, n_rows};
    struct scratch scratch = {0};
    struct shale_builder *builder = view_batch(mem, schema, batch);
    *out = NULL;
    if (builder == NULL)
        return SHALE_NOMEM;
    if (prepare_elements(builder, &scratch))
        *out = make_batch(builder, &selected, &scratch);
    free_elements(mem, &scratch);
    shale_mem_free(mem, builder);
    return *out == NULL ? SHALE_NOMEM : SHALE_OK;
}
