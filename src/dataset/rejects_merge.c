/* SPDX-License-Identifier: MIT */
/* Segments of rejects into one, so that a manifest stays short however many commits had some. */
#include "dataset/rejects_merge.h"

#include <stdio.h>

#include "dataset/first_input.h"
#include "dataset/footer_hash.h"
#include "dataset/rejects_read.h"
#include "parquet/file_writer.h"

enum {
    GROUP_BYTES = 8 << 20,
    /* Segments from this size on are left alone, and no more than that is merged at a time: a
     * commit waits for it. */
    LARGE_BYTES = 16 << 20,
    MOST_BYTES = 64 << 20,
    INPUT_BYTES = 1 << 16,
};

struct merge {
    const struct shale_mem *mem;
    struct shale_store_put *put; /* NULL: finished */
    struct shale_file_writer *file;
    struct shale_builder *builder;
    int64_t n_rows;
    shale_rejects_filter_fn filter; /* NULL: all rows stay */
    void *filter_ctx;
    int64_t n_gone;
    bool counts_only; /* of those that go */
};

/* ---- Which ones --------------------------------------------------------------------------------
 */

void shale_rejects_pick_merge(const struct shale_segment *segments, size_t n_segments,
                              size_t *first, size_t *n)
{
    int64_t n_bytes = 0;
    size_t begin = n_segments;
    /* From the smallest on, as far as they are small together. */
    while (begin > 0 && segments[begin - 1].n_bytes < LARGE_BYTES &&
           n_bytes + segments[begin - 1].n_bytes <= MOST_BYTES)
        n_bytes += segments[--begin].n_bytes;
    shale_ledger_pick_merge(segments + begin, n_segments - begin, first, n);
    *first += begin;
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

static void release_nothing(void *owner)
{
    (void)owner;
}

static enum shale_status write_group(struct merge *merge, struct shale_err *err)
{
    struct shale_column columns[SHALE_REJECTS_COLUMNS];
    const struct shale_file_piece piece = {columns, shale_builder_n_rows(merge->builder),
                                           shale_builder_n_bytes(merge->builder), release_nothing,
                                           NULL};
    enum shale_status status;
    if (piece.n_rows == 0)
        return SHALE_OK;
    for (size_t i = 0; i < SHALE_REJECTS_COLUMNS; i++)
        shale_builder_column(merge->builder, i, &columns[i]);
    status = shale_file_writer_append(merge->file, &piece, err);
    merge->n_rows += piece.n_rows;
    shale_builder_reset(merge->builder, SIZE_MAX);
    return status;
}

static enum shale_status copy_segment(struct merge *merge, struct shale_store *store,
                                      const struct shale_segment *segment, struct shale_err *err)
{
    const struct shale_rejects_read_options options = {.n_rows = segment->n_rows};
    struct shale_rejects_reader *reader;
    const struct shale_rejects_row *row;
    enum shale_status status = shale_rejects_open(store, segment->path, &options, &reader, err);
    while (status == SHALE_OK && (status = shale_rejects_next(reader, &row, err)) == SHALE_OK &&
           row != NULL) {
        bool keep = true;
        if (merge->filter != NULL)
            status = merge->filter(merge->filter_ctx, row, &keep, err);
        merge->n_gone += !keep;
        if (status == SHALE_OK && keep && !merge->counts_only)
            status = shale_rejects_copy(merge->builder, row);
        if (!keep || merge->counts_only)
            continue;
        if (status == SHALE_OK && shale_builder_n_bytes(merge->builder) >= GROUP_BYTES)
            status = write_group(merge, err);
    }
    shale_rejects_close(reader);
    return status;
}

/* ---- The new segment ---------------------------------------------------------------------------
 */

static enum shale_status begin(struct merge *merge, struct shale_store *store, const char *path,
                               struct shale_err *err)
{
    const struct shale_file_writer_options options = {
        .chunk = {.codec = SHALE_CODEC_ZSTD, .level = 3},
        .row_group_bytes = 1, /* a row group a piece */
        .created_by = "shale version " SHALE_VERSION};
    enum shale_status status =
        shale_builder_new(merge->mem, &shale_rejects_schema, &merge->builder);
    if (status == SHALE_OK)
        status = shale_store_create(store, path, &merge->put, err);
    if (status == SHALE_OK)
        status = shale_file_writer_new(merge->mem, &shale_rejects_schema, &options,
                                       &merge->put->sink, &merge->file, err);
    return status;
}

static enum shale_status finish(struct merge *merge, struct shale_str replaced,
                                struct shale_err *err)
{
    struct shale_key_value pair = {SHALE_STR(SHALE_TAG_INPUT), {NULL, 0}};
    struct shale_store_put *put = merge->put;
    struct shale_buf input;
    enum shale_status status = write_group(merge, err);
    shale_buf_init(&input, merge->mem, INPUT_BYTES);
    if (status == SHALE_OK && shale_first_input_file(replaced, &input) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    pair.value = shale_buf_str(&input);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(merge->file, &pair, 1, err);
    shale_buf_fini(&input);
    if (status != SHALE_OK)
        return status;
    merge->put = NULL;
    return put->finish(put, err);
}

static enum shale_status describe(const struct merge *merge, struct shale_store *store,
                                  const char *path, struct shale_arena *arena,
                                  struct shale_segment *out, struct shale_err *err)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_store_file *file;
    const char *copy = NULL;
    enum shale_status status = shale_store_open(store, path, &file, err);
    if (status != SHALE_OK)
        return status;
    status = shale_footer_hash(merge->mem, &file->random, hash, err);
    if (status == SHALE_OK)
        copy = shale_arena_copy(arena, shale_str_of(hash));
    *out = (struct shale_segment){
        .path = shale_str_of(path), .n_rows = merge->n_rows, .n_bytes = file->random.n_bytes};
    shale_store_close(file);
    if (status != SHALE_OK)
        return status;
    if (copy == NULL)
        return SHALE_NOMEM;
    out->footer_hash = shale_str_of(copy);
    return SHALE_OK;
}

static enum shale_status write_segment(struct merge *merge, struct shale_store *store,
                                       const struct shale_segment *segments, size_t n_segments,
                                       const char *path, struct shale_str replaced,
                                       struct shale_arena *arena, struct shale_segment *segment,
                                       struct shale_err *err)
{
    enum shale_status status = begin(merge, store, path, err);
    for (size_t i = 0; i < n_segments && status == SHALE_OK; i++)
        status = copy_segment(merge, store, &segments[i], err);
    if (status == SHALE_OK)
        status = finish(merge, replaced, err);
    if (status == SHALE_OK)
        status = describe(merge, store, path, arena, segment, err);
    shale_file_writer_free(merge->file);
    if (merge->put != NULL)
        merge->put->abandon(merge->put);
    shale_builder_free(merge->builder);
    return status;
}

enum shale_status shale_rejects_merge(struct shale_store *store,
                                      const struct shale_segment *segments, size_t n_segments,
                                      const char *path, struct shale_str replaced,
                                      struct shale_arena *arena, struct shale_segment *segment,
                                      struct shale_err *err)
{
    struct merge merge = {.mem = store->env->mem};
    return write_segment(&merge, store, segments, n_segments, path, replaced, arena, segment, err);
}

enum shale_status shale_rejects_without(struct shale_store *store, const struct shale_segment *old,
                                        shale_rejects_filter_fn filter, void *ctx, const char *path,
                                        struct shale_arena *arena, struct shale_segment *segment,
                                        int64_t *n_gone, struct shale_err *err)
{
    struct merge merge = {
        .mem = store->env->mem, .filter = filter, .filter_ctx = ctx, .counts_only = true};
    enum shale_status status = copy_segment(&merge, store, old, err);
    *n_gone = merge.n_gone;
    *segment = (struct shale_segment){0};
    if (status != SHALE_OK || path == NULL || merge.n_gone == 0 || merge.n_gone == old->n_rows)
        return status;
    merge.counts_only = false;
    merge.n_gone = 0;
    return write_segment(&merge, store, old, 1, path, old->path, arena, segment, err);
}
