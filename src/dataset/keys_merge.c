/* SPDX-License-Identifier: MIT */
/* Segments of keys into one, and which ones. */
#include "dataset/keys_parts.h"

#include "dataset/first_input.h"

enum { INPUT_BYTES = 4096 };

/* ---- Rows of several files --------------------------------------------------------------------
 */

static enum shale_status advance(struct shale_keys_merge *merge, size_t i, struct shale_err *err)
{
    struct shale_keys_source *source = &merge->cursors[i].source;
    return source->next(source, &merge->heads[i], err);
}

/* Few files: the least of their heads is found by looking at all. */
static enum shale_status merge_next(struct shale_keys_source *source,
                                    const struct shale_key_entry **out, struct shale_err *err)
{
    struct shale_keys_merge *merge = (struct shale_keys_merge *)(void *)source;
    enum shale_status status = SHALE_OK;
    size_t least;
    *out = NULL;
    if (merge->last < merge->n)
        status = advance(merge, merge->last, err);
    if (status != SHALE_OK)
        return status;
    least = merge->n;
    for (size_t i = 0; i < merge->n; i++)
        if (merge->heads[i] != NULL &&
            (least == merge->n || shale_key_compare(merge->heads[i], merge->heads[least]) < 0))
            least = i;
    merge->last = least;
    if (least < merge->n)
        *out = merge->heads[least];
    return SHALE_OK;
}

enum shale_status shale_keys_merge_open(struct shale_keys_merge *merge, const struct shale_mem *mem,
                                        struct shale_keys_file *const *files, size_t n,
                                        struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    *merge = (struct shale_keys_merge){.source = {merge_next}, .mem = mem, .n = n, .last = n};
    merge->cursors = shale_mem_zeroed(mem, n + 1, sizeof *merge->cursors);
    merge->heads = shale_mem_zeroed(mem, n + 1, sizeof(const struct shale_key_entry *));
    if (merge->cursors == NULL || merge->heads == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        status = shale_keys_cursor_open(&merge->cursors[i], files[i], err);
        if (status == SHALE_OK)
            status = advance(merge, i, err);
    }
    return status;
}

void shale_keys_merge_close(struct shale_keys_merge *merge)
{
    for (size_t i = 0; merge->cursors != NULL && i < merge->n; i++)
        shale_keys_cursor_close(&merge->cursors[i]);
    shale_mem_free(merge->mem, merge->cursors);
    shale_mem_free(merge->mem, merge->heads);
}

/* ---- Segments of a table ----------------------------------------------------------------------
 */

void shale_keys_pick_merge(const struct shale_segment *segments, size_t n_segments, size_t *first,
                           size_t *n)
{
    size_t n_large = 0;
    while (n_large < n_segments && segments[n_large].n_rows >= SHALE_KEYS_LARGE_ROWS)
        n_large++;
    shale_ledger_pick_merge(segments + n_large, n_segments - n_large, first, n);
    *first += n_large;
}

static enum shale_status merge_files(struct shale_store *store, struct shale_keys_file **files,
                                     size_t n, const char *path, struct shale_str replaced,
                                     struct shale_arena *arena, struct shale_segment *segment,
                                     struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct shale_keys_writer_options options = {
        .names = files[0]->names, .width_us = files[0]->width_us, .compress = true};
    struct shale_keys_merge merge = {.mem = mem};
    struct shale_buf input;
    enum shale_status status = SHALE_OK;
    for (size_t i = 1; i < n; i++)
        if (!shale_str_equal(files[i]->names, files[0]->names) ||
            files[i]->width_us != files[0]->width_us)
            return shale_keys_failed(files[i], SHALE_ERR(err, keys_differ), err);
    shale_buf_init(&input, mem, INPUT_BYTES);
    if (replaced.n_bytes > 0 && shale_first_input_file(replaced, &input) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    options.input = shale_buf_str(&input);
    if (status == SHALE_OK)
        status = shale_keys_merge_open(&merge, mem, files, n, err);
    if (status == SHALE_OK)
        status = shale_keys_store(store, path, &options, &merge.source, arena, segment, err);
    shale_keys_merge_close(&merge);
    shale_buf_fini(&input);
    return status;
}

enum shale_status shale_keys_merge(struct shale_store *store, const struct shale_segment *segments,
                                   size_t n_segments, const char *path, struct shale_str replaced,
                                   struct shale_arena *arena, struct shale_segment *segment,
                                   struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct shale_keys_file *all = shale_mem_zeroed(mem, n_segments, sizeof *all);
    struct shale_keys_file **files =
        shale_mem_zeroed(mem, n_segments, sizeof(struct shale_keys_file *));
    enum shale_status status = all == NULL || files == NULL ? SHALE_ERR(err, no_memory) : SHALE_OK;
    for (size_t i = 0; status == SHALE_OK && i < n_segments; i++) {
        files[i] = &all[i];
        all[i].mem = mem;
        all[i].segment = segments[i];
        status = shale_keys_file_open(&all[i], store, err);
    }
    if (status == SHALE_OK)
        status = merge_files(store, files, n_segments, path, replaced, arena, segment, err);
    for (size_t i = 0; all != NULL && i < n_segments; i++)
        if (all[i].mem != NULL)
            shale_keys_file_close(&all[i]);
    shale_mem_free(mem, files);
    shale_mem_free(mem, all);
    return status;
}

/* ---- Verifying --------------------------------------------------------------------------------
 */

static enum shale_status check_rows(const struct shale_keys_file *file,
                                    struct shale_keys_cursor *cursor, struct shale_err *err)
{
    const struct shale_key_rule rule = {file->width_us > 0 ? 0 : -1, file->width_us};
    const struct shale_key_entry *entry;
    int64_t first_us = 0, last_us = 0, before = INT64_MIN, n = 0;
    enum shale_status status;
    while ((status = cursor->source.next(&cursor->source, &entry, err)) == SHALE_OK &&
           entry != NULL) {
        if (entry->hash < before)
            return SHALE_ERR(err, keys_order, (long long)n);
        if (entry->hash != shale_key_hash(entry->key, shale_key_stretch(rule, entry->time_us)))
            return SHALE_ERR(err, keys_hash, (long long)n);
        before = entry->hash;
        first_us = n == 0 || entry->time_us < first_us ? entry->time_us : first_us;
        last_us = n == 0 || entry->time_us > last_us ? entry->time_us : last_us;
        n++;
    }
    if (status == SHALE_OK &&
        (first_us != file->segment.first_us || last_us != file->segment.last_us))
        return SHALE_ERR(err, keys_damaged, "its times are not those that the manifest names");
    return status;
}

enum shale_status shale_keys_check(struct shale_store *store, const struct shale_segment *segment,
                                   struct shale_err *err)
{
    struct shale_keys_file file = {.mem = store->env->mem, .segment = *segment};
    struct shale_keys_cursor cursor;
    enum shale_status status = shale_keys_file_open(&file, store, err);
    if (status != SHALE_OK)
        return status;
    status = shale_keys_cursor_open(&cursor, &file, err);
    if (status == SHALE_OK)
        status = check_rows(&file, &cursor, err);
    shale_keys_cursor_close(&cursor);
    shale_keys_file_close(&file);
    return status == SHALE_OK ? SHALE_OK : shale_keys_failed(&file, status, err);
}
