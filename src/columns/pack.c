/* SPDX-License-Identifier: MIT */
/* Rows of columns to a batch: measured, laid out, allocated, filled.  A run of lists is a run of
 * their elements, so at each depth there are as many runs as rows were asked for in. */
#include "columns/pack.h"

#include "base/checked.h"
#include "columns/batch_layout.h"
#include "columns/runs.h"

/* One depth of nesting: the columns that are looked at there, and the rows wanted of them. */
struct level {
    const struct shale_column **columns; /* one a source */
    struct shale_pack_run *runs;         /* NULL: those of the level above */
};

struct packing {
    const struct shale_mem *mem;
    size_t n_sources, n_runs;
    int64_t n_rows; /* of all runs */
    struct level levels[SHALE_TYPE_DEPTH + 1];
    enum shale_status status; /* sticky */
};

/* Where a pass stands. */
struct place {
    size_t depth;
    const struct shale_column *const *columns;
    const struct shale_pack_run *runs;
};

static void fail(struct packing *packing, enum shale_status status)
{
    if (packing->status == SHALE_OK)
        packing->status = status;
}

/* The runs of what is inside the runs of a list. */
static const struct shale_pack_run *runs_inside(struct packing *packing, const struct place *place)
{
    struct shale_pack_run **runs = &packing->levels[place->depth + 1].runs;
    if (*runs == NULL)
        *runs = shale_mem_resize(packing->mem, NULL, packing->n_runs, sizeof **runs);
    if (*runs == NULL) {
        fail(packing, SHALE_NOMEM);
        return NULL;
    }
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        const int32_t *offsets = place->columns[run->source]->offsets;
        (*runs)[i] = (struct shale_pack_run){run->source, 0, 0};
        if (run->n == 0) /* of no rows at all there may be no offsets */
            continue;
        (*runs)[i].first = offsets[run->first];
        (*runs)[i].n = offsets[run->first + run->n] - offsets[run->first];
    }
    return *runs;
}

/* Go to the first thing inside; false: it failed. */
static bool go_inside(struct packing *packing, const struct place *place, enum shale_layout layout,
                      struct place *inside)
{
    const struct shale_column **columns = packing->levels[place->depth + 1].columns;
    *inside = (struct place){place->depth + 1, NULL, place->runs};
    if (columns == NULL)
        columns = shale_mem_resize(packing->mem, NULL, packing->n_sources, sizeof(void *));
    if (columns == NULL) {
        fail(packing, SHALE_NOMEM);
        return false;
    }
    packing->levels[inside->depth].columns = columns;
    for (size_t i = 0; i < packing->n_sources; i++)
        columns[i] = place->columns[i]->child;
    inside->columns = columns;
    if (layout == SHALE_LAYOUT_LIST)
        inside->runs = runs_inside(packing, place);
    return inside->runs != NULL;
}

static void go_next(struct packing *packing, const struct place *place)
{
    const struct shale_column **columns = packing->levels[place->depth].columns;
    for (size_t i = 0; i < packing->n_sources; i++)
        columns[i] = columns[i]->next;
}

/* ---- Sizes ------------------------------------------------------------------------------------
 */

static int64_t count_nulls(const struct shale_column *column, const struct shale_pack_run *run)
{
    int64_t n = 0;
    if (column->validity == NULL || column->n_nulls == 0)
        return 0;
    for (int64_t i = run->first; i < run->first + run->n; i++)
        n += !shale_bit(column->validity, i);
    return n;
}

static struct shale_batch_measure measure(struct packing *packing, enum shale_layout layout,
                                          const struct place *place)
{
    struct shale_batch_measure size = {0};
    uint64_t n_inside = 0;
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        const struct shale_column *column = place->columns[run->source];
        if (run->n == 0)
            continue;
        size.n_rows += run->n;
        size.n_nulls += count_nulls(column, run);
        if (layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST)
            n_inside +=
                (uint64_t)(column->offsets[run->first + run->n] - column->offsets[run->first]);
    }
    if (layout == SHALE_LAYOUT_BYTES)
        size.n_data_bytes = n_inside;
    if (n_inside > INT32_MAX || size.n_rows > INT32_MAX)
        fail(packing, SHALE_LIMIT);
    return size;
}

/* Give a node and all inside it their places from '*at' on; 'out' is the node's. */
static struct shale_batch_buffers *place_nodes(struct packing *packing,
                                               struct shale_batch_buffers *out,
                                               const struct shale_type *type,
                                               const struct place *place, uint64_t *at)
{
    enum shale_layout layout = shale_type_layout(type);
    struct shale_batch_measure size = measure(packing, layout, place);
    struct shale_batch_buffers *end = out + 1;
    struct place inside;
    *out = (struct shale_batch_buffers){
        .n_rows = size.n_rows, .n_nulls = size.n_nulls, .layout = (uint32_t)layout};
    out->validity_at = *at;
    *at += shale_batch_align(shale_batch_validity_bytes(&size));
    out->offsets_at = *at;
    *at += shale_batch_align(shale_batch_offsets_bytes(layout, size.n_rows));
    out->data_at = *at;
    *at += shale_batch_align(shale_batch_data_bytes(layout, &size));
    if (type->n_members > 0 && packing->status == SHALE_OK &&
        go_inside(packing, place, layout, &inside))
        for (size_t i = 0; i < type->n_members && packing->status == SHALE_OK; i++) {
            if (i > 0)
                go_next(packing, &inside);
            end = place_nodes(packing, end, &type->members[i].type, &inside, at);
        }
    out->n_nodes = (uint32_t)(end - out);
    return end;
}

/* ---- Filling (the batch is zeroed, so that padding and null slots are) ------------------------
 */

static void fill_validity(const struct packing *packing, const struct place *place, uint8_t *out)
{
    int64_t at = 0;
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        const uint8_t *bits = place->columns[run->source]->validity;
        if (bits != NULL)
            shale_bits_copy(out, at, bits, run->first, run->n);
        for (int64_t k = at; bits == NULL && k < at + run->n; k++)
            out[k >> 3] |= (uint8_t)(1u << (k & 7));
        at += run->n;
    }
}

static void fill_bits(const struct packing *packing, const struct place *place, uint8_t *out)
{
    int64_t at = 0;
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        if (run->n > 0)
            shale_bits_copy(out, at, place->columns[run->source]->data, run->first, run->n);
        at += run->n;
    }
}

static void fill_offsets(const struct packing *packing, const struct place *place, int32_t *out)
{
    int32_t end = 0;
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        const int32_t *offsets = place->columns[run->source]->offsets;
        for (int64_t k = 1; k <= run->n; k++)
            *++out = end + (offsets[run->first + k] - offsets[run->first]);
        end = *out;
    }
}

static void fill_bytes(const struct packing *packing, const struct place *place, char *out)
{
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        const struct shale_column *column = place->columns[run->source];
        size_t n;
        if (run->n == 0)
            continue;
        n = (size_t)(column->offsets[run->first + run->n] - column->offsets[run->first]);
        if (n > 0)
            memcpy(out, (const char *)column->data + column->offsets[run->first], n);
        out += n;
    }
}

static void fill_fixed(const struct packing *packing, const struct place *place, size_t width,
                       char *out)
{
    for (size_t i = 0; i < packing->n_runs; i++) {
        const struct shale_pack_run *run = &place->runs[i];
        size_t n = (size_t)run->n * width;
        if (n > 0)
            memcpy(out,
                   (const char *)place->columns[run->source]->data + (size_t)run->first * width, n);
        out += n;
    }
}

static void fill(const struct packing *packing, const struct shale_batch_buffers *buffers,
                 const struct place *place, char *part)
{
    enum shale_layout layout = (enum shale_layout)buffers->layout;
    if (buffers->n_rows == 0)
        return;
    if (buffers->n_nulls > 0)
        fill_validity(packing, place, (uint8_t *)part + buffers->validity_at);
    if (layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST)
        fill_offsets(packing, place, (int32_t *)(void *)(part + buffers->offsets_at));
    if (layout == SHALE_LAYOUT_BYTES)
        fill_bytes(packing, place, part + buffers->data_at);
    else if (layout == SHALE_LAYOUT_BOOL)
        fill_bits(packing, place, (uint8_t *)part + buffers->data_at);
    else if (layout != SHALE_LAYOUT_LIST && layout != SHALE_LAYOUT_STRUCT)
        fill_fixed(packing, place, shale_layout_width(layout), part + buffers->data_at);
}

/* go_inside() cannot fail here: what it allocates is there since the places were given. */
static const struct shale_batch_buffers *fill_nodes(struct packing *packing,
                                                    const struct shale_batch_buffers *buffers,
                                                    const struct shale_type *type,
                                                    const struct place *place, char *part)
{
    const struct shale_batch_buffers *end = buffers + 1;
    struct place inside;
    fill(packing, buffers, place, part);
    if (type->n_members == 0 ||
        !go_inside(packing, place, (enum shale_layout)buffers->layout, &inside))
        return end;
    for (size_t i = 0; i < type->n_members; i++) {
        if (i > 0)
            go_next(packing, &inside);
        end = fill_nodes(packing, end, &type->members[i].type, &inside, part);
    }
    return end;
}

/* ---- One batch --------------------------------------------------------------------------------
 */

static void look_at(struct packing *packing, const struct shale_column *const *sources,
                    size_t column)
{
    for (size_t i = 0; i < packing->n_sources; i++)
        packing->levels[0].columns[i] = &sources[i][column];
}

/* Fill the header; the batch's size is in it then. */
static void place_columns(struct packing *packing, const struct shale_schema *schema,
                          const struct shale_column *const *sources,
                          const struct shale_pack_run *runs, size_t header_bytes,
                          struct shale_batch *batch)
{
    struct place place = {0, packing->levels[0].columns, runs};
    uint64_t batch_at = shale_batch_align(header_bytes);
    struct shale_batch_buffers *buffers;
    for (size_t i = 0; i < schema->n_columns; i++)
        batch->n_columns += !schema->columns[i].partition_only;
    buffers = (void *)&batch->columns[batch->n_columns];
    for (size_t i = 0, n = 0; i < schema->n_columns && packing->status == SHALE_OK; i++) {
        uint64_t part_bytes = 0;
        struct shale_batch_buffers *end;
        if (schema->columns[i].partition_only)
            continue;
        look_at(packing, sources, n);
        end = place_nodes(packing, buffers, &schema->columns[i].type, &place, &part_bytes);
        batch->columns[n++] = (struct shale_batch_column){
            batch_at, part_bytes, (uint64_t)((char *)buffers - (char *)batch)};
        buffers = end;
        batch_at += part_bytes;
    }
    batch->n_rows = packing->n_rows;
    batch->n_bytes = batch_at;
}

static struct shale_batch *make_batch(struct packing *packing, const struct shale_schema *schema,
                                      const struct shale_column *const *sources,
                                      const struct shale_pack_run *runs)
{
    struct place place = {0, packing->levels[0].columns, runs};
    size_t header_bytes = shale_batch_header_bytes(schema);
    struct shale_batch *batch = shale_mem_zeroed(packing->mem, 1, header_bytes), *whole = NULL;
    if (batch != NULL) {
        place_columns(packing, schema, sources, runs, header_bytes, batch);
        if (packing->status == SHALE_OK)
            whole = shale_mem_resize(packing->mem, batch, (size_t)batch->n_bytes, 1);
    }
    if (whole == NULL) {
        fail(packing, SHALE_NOMEM);
        shale_mem_free(packing->mem, batch);
        return NULL;
    }
    memset((char *)whole + header_bytes, 0, (size_t)whole->n_bytes - header_bytes);
    for (size_t i = 0, n = 0; i < schema->n_columns; i++) {
        const struct shale_batch_column *placed = &whole->columns[n];
        if (schema->columns[i].partition_only)
            continue;
        look_at(packing, sources, n++);
        (void)fill_nodes(packing, shale_batch_nodes(whole, placed), &schema->columns[i].type,
                         &place, (char *)whole + placed->part_at);
    }
    return whole;
}

enum shale_status shale_pack(const struct shale_mem *mem, const struct shale_schema *schema,
                             const struct shale_column *const *sources, size_t n_sources,
                             const struct shale_pack_run *runs, size_t n_runs,
                             struct shale_batch **out)
{
    struct packing packing = {.mem = mem, .n_sources = n_sources, .n_runs = n_runs};
    *out = NULL;
    packing.levels[0].columns = shale_mem_zeroed(mem, n_sources, sizeof(void *));
    if (packing.levels[0].columns == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n_runs; i++)
        packing.n_rows += runs[i].n;
    *out = make_batch(&packing, schema, sources, runs);
    for (size_t i = 0; i <= SHALE_TYPE_DEPTH; i++) {
        shale_mem_free(mem, packing.levels[i].columns);
        shale_mem_free(mem, packing.levels[i].runs);
    }
    return packing.status;
}
