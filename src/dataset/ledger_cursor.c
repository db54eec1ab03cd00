/* SPDX-License-Identifier: MIT */
/* The rows of some segments, merged by a heap. */
#include "base/checked.h"
#include "dataset/ledger_parts.h"

struct shale_ledger_cursor {
    const struct shale_mem *mem;
    struct shale_str source; /* only its rows; "" all.  Owned, as the bytes behind this struct */
    struct shale_segment_reader *readers;
    size_t n_readers;
    struct shale_segment_reader **heap; /* those with a row left; each before its two children */
    size_t n_heap;
    bool given;                               /* the row of heap[0] was given out */
    const struct shale_segment_reader *twice; /* its row is in another segment as well */
    enum shale_status status;                 /* sticky */
};

void shale_ledger_cursor_free(struct shale_ledger_cursor *cursor)
{
    if (cursor == NULL)
        return;
    for (size_t i = 0; i < cursor->n_readers && cursor->readers != NULL; i++)
        shale_segment_close(&cursor->readers[i]);
    shale_mem_free(cursor->mem, cursor->readers);
    shale_mem_free(cursor->mem, cursor->heap);
    shale_mem_free(cursor->mem, cursor);
}

/* Each pair of a parent and its child was compared here, so no row that is there twice is missed.
 */
static bool is_less(struct shale_ledger_cursor *cursor, const struct shale_segment_reader *a,
                    const struct shale_segment_reader *b)
{
    int order = shale_ledger_compare(&a->row, &b->row);
    if (order == 0)
        cursor->twice = a;
    return order < 0;
}

static void sift_down(struct shale_ledger_cursor *cursor, size_t at)
{
    struct shale_segment_reader *reader = cursor->heap[at];
    for (size_t child; (child = 2 * at + 1) < cursor->n_heap; at = child) {
        if (child + 1 < cursor->n_heap &&
            is_less(cursor, cursor->heap[child + 1], cursor->heap[child]))
            child++;
        if (!is_less(cursor, cursor->heap[child], reader))
            break;
        cursor->heap[at] = cursor->heap[child];
    }
    cursor->heap[at] = reader;
}

static bool is_wanted(const struct shale_ledger_cursor *cursor,
                      const struct shale_segment_reader *reader)
{
    return !reader->end &&
           (cursor->source.n_bytes == 0 || shale_str_equal(cursor->source, reader->row.source));
}

/* May the segment have rows behind the place, and of the source? */
static bool may_have(const struct shale_ledger_cursor *cursor, const struct shale_segment *segment,
                     const struct shale_ledger_place *place)
{
    const struct shale_ledger_row last = {.source = segment->last_source, .key = segment->last_key};
    if (segment->n_rows == 0)
        return false;
    if (place != NULL && shale_ledger_side(&last, place) < 0)
        return false;
    return cursor->source.n_bytes == 0 ||
           shale_str_compare(segment->first_source, cursor->source) <= 0;
}

static enum shale_status open_segments(struct shale_ledger_cursor *cursor,
                                       struct shale_store *store,
                                       const struct shale_ledger_cursor_options *options,
                                       struct shale_err *err)
{
    const struct shale_ledger_place after = {options->source, options->after,
                                             options->after.n_bytes > 0};
    const struct shale_ledger_place *place = options->source.n_bytes > 0 ? &after : NULL;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < options->n_segments && status == SHALE_OK; i++) {
        struct shale_segment_reader *reader = &cursor->readers[cursor->n_readers];
        if (!may_have(cursor, &options->segments[i], place))
            continue;
        cursor->n_readers++;
        status =
            shale_segment_open(reader, store, &options->segments[i], options->identity_only, err);
        if (status == SHALE_OK)
            status = shale_segment_seek(reader, place, err);
        if (status == SHALE_OK && is_wanted(cursor, reader))
            cursor->heap[cursor->n_heap++] = reader;
    }
    for (size_t i = cursor->n_heap / 2; i-- > 0 && status == SHALE_OK;)
        sift_down(cursor, i);
    return status;
}

enum shale_status shale_ledger_cursor_new(struct shale_store *store,
                                          const struct shale_ledger_cursor_options *options,
                                          struct shale_ledger_cursor **out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    size_t n_bytes;
    struct shale_ledger_cursor *cursor;
    enum shale_status status = SHALE_OK;
    *out = NULL;
    if (!SHALE_ADD(sizeof *cursor, options->source.n_bytes, &n_bytes))
        return SHALE_ERR(err, no_memory);
    cursor = shale_mem_zeroed(mem, 1, n_bytes);
    if (cursor == NULL)
        return SHALE_ERR(err, no_memory);
    cursor->mem = mem;
    cursor->source = (struct shale_str){(char *)(cursor + 1), options->source.n_bytes};
    if (options->source.n_bytes > 0)
        memcpy(cursor + 1, options->source.data, options->source.n_bytes);
    cursor->readers = shale_mem_zeroed(mem, options->n_segments + 1, sizeof *cursor->readers);
    cursor->heap = shale_mem_zeroed(mem, options->n_segments + 1, sizeof *cursor->heap);
    if (cursor->readers == NULL || cursor->heap == NULL)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = open_segments(cursor, store, options, err);
    if (status == SHALE_OK)
        *out = cursor;
    else
        shale_ledger_cursor_free(cursor);
    return status;
}

static enum shale_status advance(struct shale_ledger_cursor *cursor, struct shale_err *err)
{
    struct shale_segment_reader *reader = cursor->heap[0];
    enum shale_status status = shale_segment_next(reader, err);
    if (status != SHALE_OK)
        return status;
    if (!is_wanted(cursor, reader))
        cursor->heap[0] = cursor->heap[--cursor->n_heap];
    if (cursor->n_heap > 0)
        sift_down(cursor, 0);
    return SHALE_OK;
}

enum shale_status shale_ledger_cursor_next(struct shale_ledger_cursor *cursor,
                                           const struct shale_ledger_row **out,
                                           struct shale_err *err)
{
    *out = NULL;
    if (cursor->status == SHALE_OK && cursor->given && cursor->n_heap > 0)
        cursor->status = advance(cursor, err);
    if (cursor->status == SHALE_OK && cursor->twice != NULL) {
        const struct shale_ledger_row *row = &cursor->twice->row;
        cursor->status =
            SHALE_ERR(err, ledger_twice, SHALE_STR_ARG(row->key), SHALE_STR_ARG(row->tag));
        cursor->status = shale_segment_failed(cursor->twice, cursor->status, err);
    }
    cursor->given = true;
    if (cursor->status == SHALE_OK && cursor->n_heap > 0)
        *out = &cursor->heap[0]->row;
    return cursor->status;
}
