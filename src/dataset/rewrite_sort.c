/* SPDX-License-Identifier: MIT */
/* Rows of any number in an order: what fits in memory is sorted there; where there is more, such
 * runs go to a temporary file and are merged, as many at a time as memory has room for a block of
 * each.  Rows that are equal keep their order, so that what comes out depends on neither. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "columns/order.h"
#include "dataset/rewrite_parts.h"
#include "parquet/leaf.h"
#include "store/store.h"

enum {
    BLOCK_BYTES = 256 << 10, /* of a run, read back together */
    BLOCK_ROWS = 4096,
    MOST_MERGED = 256, /* runs at a time */
    ROW_BYTES = 16,    /* of the order, and while it is made */
    LIST_BYTES = 1 << 30,
};

struct block {
    int64_t at;
    size_t n_bytes;
};

/* Of the spill file: blocks of rows, in order. */
struct sorted_run {
    struct block *blocks;
    size_t n, capacity;
};

struct shale_rewrite_sort {
    struct shale_packed_sink sink; /* first member */
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    size_t *keys;
    shale_order_fn *compare; /* one a key */
    size_t n_keys, n_said;
    size_t memory_bytes;
    /* The run under construction: */
    struct shale_buf held; /* struct shale_packed * */
    size_t n_held_bytes, n_held_rows;
    struct shale_row_ref *order; /* of them; NULL: not sorted yet */
    /* Those that are in the file: */
    struct shale_spill spill;
    struct shale_buf runs; /* struct sorted_run */
    size_t most_block_bytes;
};

static struct shale_packed **held_of(const struct shale_rewrite_sort *sort)
{
    return (struct shale_packed **)(void *)sort->held.data;
}

static size_t n_held(const struct shale_rewrite_sort *sort)
{
    return sort->held.n_bytes / sizeof(struct shale_packed *);
}

static struct sorted_run *runs_of(const struct shale_rewrite_sort *sort)
{
    return (struct sorted_run *)(void *)sort->runs.data;
}

static size_t n_runs(const struct shale_rewrite_sort *sort)
{
    return sort->runs.n_bytes / sizeof(struct sorted_run);
}

static void drop_held(struct shale_rewrite_sort *sort)
{
    for (size_t i = 0; i < n_held(sort); i++)
        shale_packed_free(held_of(sort)[i]);
    shale_buf_reset(&sort->held);
    shale_mem_free(sort->mem, sort->order);
    sort->order = NULL;
    sort->n_held_bytes = sort->n_held_rows = 0;
}

static enum shale_status status_of(enum shale_status status, struct shale_err *err)
{
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* ---- In memory --------------------------------------------------------------------------------
 */

/* Sort what is held by one key. */
static enum shale_status order_by(struct shale_rewrite_sort *sort, size_t key,
                                  const struct shale_column **columns)
{
    const struct shale_type *type = &sort->schema->columns[sort->keys[key]].type;
    bool has_nan = false;
    enum shale_status status;
    for (size_t i = 0; i < n_held(sort); i++)
        columns[i] = &held_of(sort)[i]->columns[sort->keys[key]];
    status = shale_order_by(sort->mem, type, columns, sort->order, sort->n_held_rows, &has_nan);
    /* Readers are told only of orders that the format defines. */
    if ((has_nan || type->int96) && sort->n_said > key)
        sort->n_said = key;
    return status;
}

static enum shale_status sort_held(struct shale_rewrite_sort *sort, struct shale_err *err)
{
    const struct shale_column **columns =
        shale_mem_zeroed(sort->mem, n_held(sort), sizeof *columns);
    enum shale_status status = SHALE_OK;
    size_t at = 0;
    sort->order = shale_mem_resize(sort->mem, NULL, sort->n_held_rows, sizeof *sort->order);
    if (columns == NULL || sort->order == NULL)
        status = SHALE_NOMEM;
    for (size_t i = 0; i < n_held(sort) && status == SHALE_OK; i++)
        for (int64_t row = 0; row < held_of(sort)[i]->n_rows; row++)
            sort->order[at++] = (struct shale_row_ref){(uint32_t)i, (uint32_t)row};
    for (size_t k = sort->n_keys; k > 0 && status == SHALE_OK; k--)
        status = order_by(sort, k - 1, columns);
    shale_mem_free(sort->mem, columns);
    return status_of(status, err);
}

/* Rows of several sources, in order, become one batch. */
static enum shale_status emit(const struct shale_rewrite_sort *sort,
                              const struct shale_column *const *sources, size_t n_sources,
                              const struct shale_pack_run *runs, size_t n,
                              struct shale_packed_sink *to, struct shale_err *err)
{
    struct shale_packed *packed;
    struct shale_batch *batch;
    enum shale_status status =
        shale_pack(sort->mem, sort->schema, sources, n_sources, runs, n, &batch);
    if (status == SHALE_OK)
        status = shale_packed_new(sort->mem, sort->schema, batch, &packed);
    return status == SHALE_OK ? to->take(to, packed, err) : status_of(status, err);
}

static size_t runs_of_order(const struct shale_row_ref *order, size_t n,
                            struct shale_pack_run *runs)
{
    size_t n_made = 0;
    for (size_t i = 0; i < n; i++) {
        struct shale_pack_run *last = n_made == 0 ? NULL : &runs[n_made - 1];
        if (last != NULL && last->source == order[i].batch && last->first + last->n == order[i].row)
            last->n++;
        else
            runs[n_made++] = (struct shale_pack_run){order[i].batch, order[i].row, 1};
    }
    return n_made;
}

/* What is held, which is sorted, in blocks. */
static enum shale_status emit_held(struct shale_rewrite_sort *sort, struct shale_packed_sink *to,
                                   struct shale_err *err)
{
    size_t n_rows = sort->n_held_rows, each = BLOCK_ROWS;
    struct shale_pack_run *runs;
    const struct shale_column **sources;
    enum shale_status status = SHALE_OK;
    if (n_rows == 0)
        return SHALE_OK;
    if (sort->n_held_bytes / n_rows > BLOCK_BYTES / BLOCK_ROWS)
        each = BLOCK_BYTES / (sort->n_held_bytes / n_rows) + 1;
    runs = shale_mem_resize(sort->mem, NULL, each, sizeof *runs);
    sources = shale_mem_zeroed(sort->mem, n_held(sort), sizeof *sources);
    if (runs == NULL || sources == NULL)
        status = SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n_held(sort) && status == SHALE_OK; i++)
        sources[i] = held_of(sort)[i]->columns;
    for (size_t at = 0; at < n_rows && status == SHALE_OK; at += each) {
        size_t n = n_rows - at < each ? n_rows - at : each;
        size_t n_made = runs_of_order(sort->order + at, n, runs);
        status = emit(sort, sources, n_held(sort), runs, n_made, to, err);
    }
    shale_mem_free(sort->mem, runs);
    shale_mem_free(sort->mem, sources);
    return status;
}

/* ---- Runs in the spill file -------------------------------------------------------------------
 */

struct spilling {
    struct shale_packed_sink sink; /* first member */
    struct shale_rewrite_sort *sort;
    struct sorted_run *run;
};

static enum shale_status add_block(struct spilling *spilling, const struct shale_batch *batch,
                                   struct shale_err *err)
{
    struct shale_rewrite_sort *sort = spilling->sort;
    struct sorted_run *run = spilling->run;
    struct block block = {.n_bytes = shale_batch_n_bytes(batch)};
    enum shale_status status;
    if (run->n == run->capacity) {
        size_t capacity = run->capacity * 2 + 16;
        struct block *blocks =
            shale_mem_resize(sort->mem, run->blocks, capacity, sizeof *run->blocks);
        if (blocks == NULL)
            return SHALE_ERR(err, no_memory);
        run->blocks = blocks;
        run->capacity = capacity;
    }
    status = shale_spill_write(&sort->spill, batch, block.n_bytes, &block.at, err);
    if (status != SHALE_OK)
        return status;
    if (block.n_bytes > sort->most_block_bytes)
        sort->most_block_bytes = block.n_bytes;
    run->blocks[run->n++] = block;
    return SHALE_OK;
}

static enum shale_status spill(struct shale_packed_sink *sink, struct shale_packed *packed,
                               struct shale_err *err)
{
    enum shale_status status = add_block((struct spilling *)(void *)sink, packed->batch, err);
    shale_packed_free(packed);
    return status;
}

/* Keep the run, or free it. */
static enum shale_status keep_run(struct shale_rewrite_sort *sort, struct sorted_run *run,
                                  enum shale_status status, struct shale_err *err)
{
    if (status == SHALE_OK && shale_buf_append(&sort->runs, run, sizeof *run) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status != SHALE_OK)
        shale_mem_free(sort->mem, run->blocks);
    return status;
}

static enum shale_status spill_held(struct shale_rewrite_sort *sort, struct shale_err *err)
{
    struct sorted_run run = {0};
    struct spilling spilling = {{spill}, sort, &run};
    enum shale_status status = sort_held(sort, err);
    if (status == SHALE_OK)
        status = emit_held(sort, &spilling.sink, err);
    drop_held(sort);
    return keep_run(sort, &run, status, err);
}

static enum shale_status take(struct shale_packed_sink *sink, struct shale_packed *packed,
                              struct shale_err *err)
{
    struct shale_rewrite_sort *sort = (struct shale_rewrite_sort *)(void *)sink;
    if (shale_buf_append(&sort->held, &packed, sizeof(struct shale_packed *)) != SHALE_OK) {
        shale_packed_free(packed);
        return SHALE_ERR(err, no_memory);
    }
    sort->n_held_rows += (size_t)packed->n_rows;
    sort->n_held_bytes += packed->n_bytes + (size_t)packed->n_rows * ROW_BYTES;
    return sort->n_held_bytes < sort->memory_bytes ? SHALE_OK : spill_held(sort, err);
}

/* ---- Merging ----------------------------------------------------------------------------------
 */

/* A run that is merged: the row at which it stands. */
struct cursor {
    struct sorted_run *run;
    size_t next;   /* block */
    size_t number; /* of the run: what breaks a tie */
    size_t source; /* of the window: its block */
    int64_t row;
};

struct merge {
    struct shale_rewrite_sort *sort;
    struct cursor *cursors;
    struct cursor **heap; /* the least first */
    size_t n_heap;
    /* Blocks that are in memory, those that are used up included, until the rows are out. */
    struct shale_packed **window;
    const struct shale_column **sources;
    size_t n_window, capacity;
    size_t n_used_bytes;         /* of those that are used up */
    struct shale_pack_run *runs; /* rows that go out next */
    size_t n_runs, n_rows;
    struct shale_packed_sink *to;
};

static bool is_before(const struct merge *merge, const struct cursor *a, const struct cursor *b)
{
    const struct shale_rewrite_sort *sort = merge->sort;
    for (size_t k = 0; k < sort->n_keys; k++) {
        int order = shale_order_compare(sort->compare[k], &merge->sources[a->source][sort->keys[k]],
                                        a->row, &merge->sources[b->source][sort->keys[k]], b->row);
        if (order != 0)
            return order < 0;
    }
    return a->number < b->number;
}

static void sift_down(struct merge *merge, size_t i)
{
    struct cursor **heap = merge->heap, *moved = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < merge->n_heap && is_before(merge, heap[child + 1], heap[child]))
            child++;
        if (child >= merge->n_heap || !is_before(merge, heap[child], moved))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

/* Read the cursor's next block into the window. */
static enum shale_status load(struct merge *merge, struct cursor *cursor, struct shale_err *err)
{
    struct shale_rewrite_sort *sort = merge->sort;
    const struct block *block = &cursor->run->blocks[cursor->next++];
    struct shale_batch *batch = shale_mem_alloc(sort->mem, block->n_bytes);
    enum shale_status status;
    if (batch == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_spill_read(&sort->spill, block->at, batch, block->n_bytes, err);
    if (status != SHALE_OK) {
        shale_batch_free(sort->mem, batch);
        return status;
    }
    shale_spill_free(&sort->spill, block->at, block->n_bytes);
    status = shale_packed_new(sort->mem, sort->schema, batch, &merge->window[merge->n_window]);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    merge->sources[merge->n_window] = merge->window[merge->n_window]->columns;
    cursor->source = merge->n_window++;
    cursor->row = 0;
    return SHALE_OK;
}

/* Send the rows out; then only the blocks at which cursors stand stay. */
static enum shale_status flush(struct merge *merge, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    size_t n = 0;
    if (merge->n_rows > 0)
        status = emit(merge->sort, merge->sources, merge->n_window, merge->runs, merge->n_runs,
                      merge->to, err);
    for (size_t i = 0; i < merge->n_window; i++) {
        struct cursor *user = NULL;
        for (size_t c = 0; c < merge->n_heap && user == NULL; c++)
            if (merge->heap[c]->source == i)
                user = merge->heap[c];
        if (user == NULL) {
            shale_packed_free(merge->window[i]);
            continue;
        }
        merge->window[n] = merge->window[i];
        merge->sources[n] = merge->sources[i];
        user->source = n++; /* at most 'i': no other cursor stands there */
    }
    merge->n_window = n;
    merge->n_runs = merge->n_rows = 0;
    merge->n_used_bytes = 0;
    return status;
}

static void add_row(struct merge *merge, const struct cursor *cursor)
{
    struct shale_pack_run *last = merge->n_runs == 0 ? NULL : &merge->runs[merge->n_runs - 1];
    if (last != NULL && last->source == cursor->source && last->first + last->n == cursor->row)
        last->n++;
    else
        merge->runs[merge->n_runs++] =
            (struct shale_pack_run){(uint32_t)cursor->source, cursor->row, 1};
    merge->n_rows++;
}

/* The least cursor goes to its next row. */
static enum shale_status advance(struct merge *merge, struct shale_err *err)
{
    struct cursor *cursor = merge->heap[0];
    enum shale_status status = SHALE_OK;
    const struct shale_packed *block = merge->window[cursor->source];
    if (++cursor->row == block->n_rows) {
        merge->n_used_bytes += block->n_bytes;
        if (cursor->next == cursor->run->n)
            merge->heap[0] = merge->heap[--merge->n_heap];
        else
            status = load(merge, cursor, err);
    }
    if (status == SHALE_OK && merge->n_heap > 0)
        sift_down(merge, 0);
    return status;
}

static enum shale_status merge_rows(struct merge *merge, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    while (merge->n_heap > 0 && status == SHALE_OK) {
        add_row(merge, merge->heap[0]);
        status = advance(merge, err);
        if (status == SHALE_OK &&
            (merge->n_rows == BLOCK_ROWS || merge->n_used_bytes > BLOCK_BYTES ||
             merge->n_window == merge->capacity))
            status = flush(merge, err);
    }
    return status == SHALE_OK ? flush(merge, err) : status;
}

/* Merge runs[first] to runs[first + n - 1]; their blocks are gone then. */
static enum shale_status merge_runs(struct shale_rewrite_sort *sort, size_t first, size_t n,
                                    struct shale_packed_sink *to, struct shale_err *err)
{
    struct merge merge = {.sort = sort, .to = to, .capacity = 2 * n + 2};
    enum shale_status status = SHALE_OK;
    merge.cursors = shale_mem_zeroed(sort->mem, n, sizeof *merge.cursors);
    merge.heap = shale_mem_zeroed(sort->mem, n, sizeof *merge.heap);
    merge.window = shale_mem_zeroed(sort->mem, merge.capacity, sizeof *merge.window);
    merge.sources = shale_mem_zeroed(sort->mem, merge.capacity, sizeof *merge.sources);
    merge.runs = shale_mem_resize(sort->mem, NULL, BLOCK_ROWS, sizeof *merge.runs);
    if (merge.cursors == NULL || merge.heap == NULL || merge.window == NULL ||
        merge.sources == NULL || merge.runs == NULL)
        status = SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        merge.cursors[i] = (struct cursor){.run = &runs_of(sort)[first + i], .number = i};
        status = load(&merge, &merge.cursors[i], err);
        merge.heap[merge.n_heap++] = &merge.cursors[i];
    }
    for (size_t i = merge.n_heap / 2; i > 0 && status == SHALE_OK; i--)
        sift_down(&merge, i - 1);
    if (status == SHALE_OK)
        status = merge_rows(&merge, err);
    for (size_t i = 0; i < merge.n_window; i++)
        shale_packed_free(merge.window[i]);
    shale_mem_free(sort->mem, merge.cursors);
    shale_mem_free(sort->mem, merge.heap);
    shale_mem_free(sort->mem, merge.window);
    shale_mem_free(sort->mem, merge.sources);
    shale_mem_free(sort->mem, merge.runs);
    return status;
}

/* How many runs can be merged at a time: two blocks of each may be in memory. */
static size_t fan_in(const struct shale_rewrite_sort *sort)
{
    size_t n = sort->memory_bytes / (2 * sort->most_block_bytes + 1);
    return n < 2 ? 2 : n > MOST_MERGED ? MOST_MERGED : n;
}

/* Runs that follow one another become one, so that there are fewer. */
static enum shale_status merge_pass(struct shale_rewrite_sort *sort, struct shale_err *err)
{
    size_t n = n_runs(sort), each = fan_in(sort), n_made = 0;
    enum shale_status status = SHALE_OK;
    for (size_t first = 0; first < n && status == SHALE_OK; first += each) {
        struct sorted_run run = {0};
        struct spilling spilling = {{spill}, sort, &run};
        size_t n_merged = n - first < each ? n - first : each;
        status = merge_runs(sort, first, n_merged, &spilling.sink, err);
        for (size_t i = 0; i < n_merged; i++) {
            shale_mem_free(sort->mem, runs_of(sort)[first + i].blocks);
            runs_of(sort)[first + i] = (struct sorted_run){0};
        }
        runs_of(sort)[n_made++] = run;
    }
    if (status == SHALE_OK)
        sort->runs.n_bytes = n_made * sizeof(struct sorted_run);
    return status;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

enum shale_status shale_rewrite_sort_new(const struct shale_mem *mem,
                                         const struct shale_schema *schema, const size_t *keys,
                                         size_t n_keys, size_t memory_bytes, const char *temporary,
                                         struct shale_rewrite_sort **out, struct shale_err *err)
{
    struct shale_rewrite_sort *sort = shale_mem_zeroed(mem, 1, sizeof *sort);
    enum shale_status status;
    *out = NULL;
    if (sort == NULL)
        return SHALE_ERR(err, no_memory);
    sort->sink.take = take;
    sort->mem = mem;
    sort->schema = schema;
    sort->n_keys = sort->n_said = n_keys;
    sort->memory_bytes = memory_bytes;
    sort->spill.fd = -1;
    shale_buf_init(&sort->held, mem, LIST_BYTES);
    shale_buf_init(&sort->runs, mem, LIST_BYTES);
    sort->keys = shale_mem_resize(mem, NULL, n_keys, sizeof *sort->keys);
    sort->compare = shale_mem_zeroed(mem, n_keys, sizeof *sort->compare);
    status = sort->keys == NULL || sort->compare == NULL
                 ? SHALE_ERR(err, no_memory)
                 : shale_spill_init(&sort->spill, mem, temporary, err);
    for (size_t k = 0; k < n_keys && status == SHALE_OK; k++) {
        sort->keys[k] = keys[k];
        sort->compare[k] = shale_order_values(&schema->columns[keys[k]].type);
    }
    if (status == SHALE_OK)
        *out = sort;
    else
        shale_rewrite_sort_free(sort);
    return status;
}

void shale_rewrite_sort_free(struct shale_rewrite_sort *sort)
{
    if (sort == NULL)
        return;
    drop_held(sort);
    for (size_t i = 0; i < n_runs(sort); i++)
        shale_mem_free(sort->mem, runs_of(sort)[i].blocks);
    shale_buf_fini(&sort->held);
    shale_buf_fini(&sort->runs);
    shale_spill_fini(&sort->spill);
    shale_mem_free(sort->mem, sort->keys);
    shale_mem_free(sort->mem, sort->compare);
    shale_mem_free(sort->mem, sort);
}

struct shale_packed_sink *shale_rewrite_sort_sink(struct shale_rewrite_sort *sort)
{
    return &sort->sink;
}

enum shale_status shale_rewrite_sort_end(struct shale_rewrite_sort *sort, size_t *n_said,
                                         struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (n_runs(sort) == 0)
        status = sort_held(sort, err);
    else if (sort->n_held_rows > 0)
        status = spill_held(sort, err);
    *n_said = sort->n_said;
    return status;
}

enum shale_status shale_rewrite_sort_finish(struct shale_rewrite_sort *sort,
                                            struct shale_packed_sink *to, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (n_runs(sort) == 0)
        return emit_held(sort, to, err);
    while (n_runs(sort) > fan_in(sort) && status == SHALE_OK)
        status = merge_pass(sort, err);
    return status == SHALE_OK ? merge_runs(sort, 0, n_runs(sort), to, err) : status;
}
