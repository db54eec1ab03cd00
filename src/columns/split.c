/* SPDX-License-Identifier: MIT */
/* The builder's rows become one batch a partition.
 *
 * A counting sort puts the row numbers of each partition side by side; then each batch is measured
 * (exact sizes), laid out, allocated and filled by gathering its rows.  A list's rows become row
 * numbers of its elements, which are gathered like any column. */
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
    int32_t *order;    /* row numbers, by partition; NULL: all rows are one partition's */
    int64_t *begins;   /* n_parts + 1 places in 'order' */
    int32_t *elements; /* row numbers of one partition's elements of one list */
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

/* The elements of the lists in 'rows'; 'elements' has room for all of the vector's. */
static struct rows rows_of_elements(const struct shale_vector *list, const struct rows *rows,
                                    int32_t *elements)
{
    int64_t n = 0;
    if (rows->at == NULL)
        return (struct rows){NULL, list->offsets == NULL ? 0 : list->offsets[list->n_rows]};
    for (int64_t i = 0; i < rows->n; i++) {
        int32_t end = list->offsets[rows->at[i] + 1];
        for (int32_t e = list->offsets[rows->at[i]]; e < end; e++)
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

static uint64_t align16(uint64_t n)
{
    return (n + 15) & ~(uint64_t)15;
}

/* Give the buffers of one vector their places from '*at' on. */
static struct shale_batch_buffers place(const struct shale_vector *vector, const struct rows *rows,
                                        uint64_t *at)
{
    struct shale_batch_measure size = measure(vector, rows);
    struct shale_batch_buffers buffers = {
        .n_rows = size.n_rows, .n_nulls = size.n_nulls, .layout = (uint32_t)vector->layout};
    buffers.validity_at = *at;
    *at += align16(shale_batch_validity_bytes(&size));
    buffers.offsets_at = *at;
    *at += align16(shale_batch_offsets_bytes(vector->layout, size.n_rows));
    buffers.data_at = *at;
    *at += align16(shale_batch_data_bytes(vector->layout, &size));
    return buffers;
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
    default:
        gather_fixed(data, vector, rows);
        break;
    }
}

/* ---- One batch ------------------------------------------------------------------------------ */

static void place_column(struct shale_batch_column *out, const struct shale_builder_column *column,
                         const struct rows *rows, struct scratch *scratch, uint64_t *batch_at)
{
    uint64_t at = 0;
    out->part_at = *batch_at;
    out->self = place(&column->self, rows, &at);
    if (column->self.layout == SHALE_LAYOUT_LIST) {
        struct rows elements = rows_of_elements(&column->self, rows, scratch->elements);
        out->child = place(&column->child, &elements, &at);
    }
    out->part_bytes = at;
    *batch_at += at;
}

static void fill_column(struct shale_batch *batch, const struct shale_batch_column *placed,
                        const struct shale_builder_column *column, const struct rows *rows,
                        struct scratch *scratch)
{
    char *part = (char *)batch + placed->part_at;
    gather(part, &placed->self, &column->self, rows);
    if (column->self.layout == SHALE_LAYOUT_LIST) {
        struct rows elements = rows_of_elements(&column->self, rows, scratch->elements);
        gather(part, &placed->child, &column->child, &elements);
    }
}

/* The header is made first, alone, then resized to the whole. */
static struct shale_batch *make_batch(const struct shale_builder *builder, const struct rows *rows,
                                      struct scratch *scratch)
{
    const struct shale_mem *mem = builder->mem;
    size_t header_bytes = shale_batch_header_bytes(builder->schema);
    uint64_t n_bytes = align16(header_bytes);
    struct shale_batch *batch = shale_mem_zeroed(mem, 1, header_bytes), *whole;
    size_t n = 0;
    if (batch == NULL)
        return NULL;
    for (size_t i = 0; i < builder->n_columns; i++)
        if (!builder->columns[i].partition_only)
            place_column(&batch->columns[n++], &builder->columns[i], rows, scratch, &n_bytes);
    batch->n_columns = n;
    batch->n_rows = rows->n;
    batch->n_bytes = n_bytes;
    whole = shale_mem_resize(mem, batch, (size_t)n_bytes, 1);
    if (whole == NULL) {
        shale_mem_free(mem, batch);
        return NULL;
    }
    memset((char *)whole + header_bytes, 0, (size_t)n_bytes - header_bytes);
    n = 0;
    for (size_t i = 0; i < builder->n_columns; i++)
        if (!builder->columns[i].partition_only)
            fill_column(whole, &whole->columns[n++], &builder->columns[i], rows, scratch);
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

static bool prepare(const struct shale_builder *builder, const uint32_t *part_of_row,
                    uint32_t n_parts, struct scratch *scratch)
{
    int64_t n_elements = 0;
    scratch->begins = shale_mem_zeroed(builder->mem, (size_t)n_parts + 1, sizeof(int64_t));
    if (scratch->begins == NULL)
        return false;
    if (part_of_row == NULL) {
        for (uint32_t p = 1; p <= n_parts; p++)
            scratch->begins[p] = builder->n_rows;
        return true;
    }
    for (size_t i = 0; i < builder->n_columns; i++)
        if (builder->columns[i].child.n_rows > n_elements)
            n_elements = builder->columns[i].child.n_rows;
    scratch->order =
        shale_mem_alloc(builder->mem, (size_t)builder->n_rows * sizeof(*scratch->order));
    scratch->elements =
        shale_mem_alloc(builder->mem, (size_t)n_elements * sizeof(*scratch->elements));
    if (scratch->order == NULL || scratch->elements == NULL)
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
    shale_mem_free(builder->mem, scratch.elements);
    return ok ? SHALE_OK : SHALE_NOMEM;
}
