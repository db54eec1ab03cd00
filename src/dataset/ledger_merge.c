/* SPDX-License-Identifier: MIT */
/* Segments into one, and which ones: those of about the same size, so that a row is written again
 * only as often as the logarithm of their number, and the segments are as few.
 *
 *     class 0: below 64 rows; class c: below 64 * 4^c
 *
 * As soon as a class has four segments these and all smaller ones become one. */
#include "dataset/first_input.h"
#include "dataset/ledger_parts.h"

enum { CLASS_ROWS = 64, FAN_SHIFT = 2, CLASS_SEGMENTS = 4, INPUT_BYTES = 1 << 16 };

static unsigned class_of(int64_t n_rows)
{
    unsigned class = 0;
    for (int64_t n = n_rows / CLASS_ROWS; n > 0; n >>= FAN_SHIFT)
        class ++;
    return class;
}

void shale_ledger_pick_merge(const struct shale_segment *segments, size_t n_segments, size_t *first,
                             size_t *n)
{
    *first = *n = 0;
    for (size_t begin = 0, end; begin < n_segments; begin = end) {
        unsigned class = class_of(segments[begin].n_rows);
        for (end = begin + 1; end < n_segments && class_of(segments[end].n_rows) == class;)
            end++;
        if (end - begin >= CLASS_SEGMENTS) {
            *first = begin;
            *n = n_segments - begin;
            return;
        }
    }
}

enum shale_status shale_ledger_merge(struct shale_store *store,
                                     const struct shale_segment *segments, size_t n_segments,
                                     const char *path, struct shale_str replaced,
                                     struct shale_arena *arena, struct shale_segment *segment,
                                     struct shale_err *err)
{
    const struct shale_ledger_cursor_options options = {.segments = segments,
                                                        .n_segments = n_segments};
    struct shale_ledger_cursor *cursor;
    struct shale_ledger_writer *writer = NULL;
    const struct shale_ledger_row *row;
    struct shale_buf input;
    enum shale_status status = shale_ledger_cursor_new(store, &options, &cursor, err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_new(store, path, &writer, err);
    shale_buf_init(&input, store->env->mem, INPUT_BYTES);
    if (status == SHALE_OK && shale_first_input_file(replaced, &input) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        shale_ledger_writer_set_input(writer, shale_buf_str(&input));
    while (status == SHALE_OK &&
           (status = shale_ledger_cursor_next(cursor, &row, err)) == SHALE_OK && row != NULL)
        status = shale_ledger_writer_add(writer, row, err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, arena, segment, err);
    shale_ledger_writer_free(writer);
    shale_ledger_cursor_free(cursor);
    shale_buf_fini(&input);
    return status;
}
