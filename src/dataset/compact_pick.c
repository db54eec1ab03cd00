/* SPDX-License-Identifier: MIT */
/* Which files of a table are merged, and with which.
 *
 * A file is small below three quarters of the target.  All small files of a partition belong
 * together, in pieces that a rewriting has room for.  Where only the number of files counts (at the
 * end of a run), the smallest are taken: half of what is allowed stays, and with these go all that
 * are no larger than the smaller ones together, so that a row is written anew a number of times
 * that grows with the logarithm of the partition's size. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dataset/compact_parts.h"

enum { LIST_BYTES = 1 << 30, MOST_FILES = 20000, TARGETS = 16 };

struct small {
    struct shale_log_add add;
    struct shale_str partition; /* its values, so that equal ones are equal texts */
};

struct picking {
    const struct shale_compact_options *options;
    int64_t target_bytes;
    struct shale_arena *arena;
    struct shale_buf small; /* struct small */
    struct shale_buf bins;  /* struct shale_compact_bin */
    struct shale_buf text;
};

/* ---- Small files ------------------------------------------------------------------------------
 */

static enum shale_status copy_text(struct picking *picking, struct shale_str text,
                                   struct shale_str *out)
{
    *out = (struct shale_str){shale_arena_copy(picking->arena, text), text.n_bytes};
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

/* The directory of a file, as far as it names partitions. */
static struct shale_str folder_of(struct shale_str path)
{
    while (path.n_bytes > 0 && path.data[path.n_bytes - 1] != '/')
        path.n_bytes--;
    if (path.n_bytes > 0)
        path.n_bytes--;
    return path;
}

static bool is_wanted(const struct picking *picking, const struct shale_log_add *add)
{
    struct shale_str wanted = picking->options->partition;
    while (wanted.n_bytes > 0 && wanted.data[wanted.n_bytes - 1] == '/')
        wanted.n_bytes--;
    return add->n_bytes < picking->target_bytes / 4 * 3 &&
           (wanted.n_bytes == 0 || shale_str_equal(folder_of(add->path), wanted));
}

static enum shale_status name_partition(struct picking *picking, const struct shale_log_add *add,
                                        struct shale_str *out)
{
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&picking->text);
    for (size_t i = 0; i < add->n_partition_values && status == SHALE_OK; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        status = shale_buf_append_str(&picking->text, value->name);
        if (status == SHALE_OK)
            status = shale_buf_append(&picking->text, value->is_null ? "\0n" : "\0v", 2);
        if (status == SHALE_OK && !value->is_null)
            status = shale_buf_append_str(&picking->text, value->value);
        if (status == SHALE_OK)
            status = shale_buf_append(&picking->text, "", 1);
    }
    return status == SHALE_OK ? copy_text(picking, shale_buf_str(&picking->text), out) : status;
}

static enum shale_status copy_values(struct picking *picking, const struct shale_log_add *from,
                                     struct shale_log_add *to)
{
    struct shale_log_partition_value *values =
        shale_arena_zeroed(picking->arena, from->n_partition_values + 1, sizeof *values);
    enum shale_status status = values == NULL ? SHALE_NOMEM : SHALE_OK;
    for (size_t i = 0; i < from->n_partition_values && status == SHALE_OK; i++) {
        values[i].is_null = from->partition_values[i].is_null;
        status = copy_text(picking, from->partition_values[i].name, &values[i].name);
        if (status == SHALE_OK)
            status = copy_text(picking, from->partition_values[i].value, &values[i].value);
    }
    to->partition_values = values;
    return status;
}

static enum shale_status add_small(struct picking *picking, const struct shale_log_add *add)
{
    struct small small = {.add = *add};
    enum shale_status status = copy_text(picking, add->path, &small.add.path);
    small.add.stats = SHALE_STR("");
    small.add.tags = NULL;
    small.add.n_tags = 0;
    if (status == SHALE_OK)
        status = copy_text(picking, add->url, &small.add.url);
    if (status == SHALE_OK)
        status = copy_values(picking, add, &small.add);
    if (status == SHALE_OK)
        status = name_partition(picking, add, &small.partition);
    return status == SHALE_OK ? shale_buf_append(&picking->small, &small, sizeof small) : status;
}

static enum shale_status list_small(struct picking *picking, struct shale_store *store,
                                    const struct shale_log_state *log, struct shale_err *err)
{
    struct shale_log_files *files;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(store, log, &files, err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_log_files_next(files, &add, err)) == SHALE_OK && add != NULL)
        if (is_wanted(picking, add) && add_small(picking, add) != SHALE_OK) {
            status = SHALE_ERR(err, no_memory);
            break;
        }
    shale_log_files_free(files);
    return status;
}

/* ---- Bins -------------------------------------------------------------------------------------
 */

/* Within a partition as the rows came: times of files say so for what one writer made. */
static int by_time(const void *left, const void *right)
{
    const struct small *a = left, *b = right;
    int order = shale_str_compare(a->partition, b->partition);
    if (order != 0)
        return order;
    if (a->add.modified_ms != b->add.modified_ms)
        return a->add.modified_ms < b->add.modified_ms ? -1 : 1;
    return shale_str_compare(a->add.path, b->add.path);
}

static int by_size(const void *left, const void *right)
{
    const struct small *a = left, *b = right;
    if (a->add.n_bytes != b->add.n_bytes)
        return a->add.n_bytes < b->add.n_bytes ? -1 : 1;
    return by_time(left, right);
}

/* How many of a partition's files, sorted by size, are merged so that few remain. */
static size_t count_smallest(const struct small *files, size_t n, size_t most)
{
    size_t least = n - most / 2, taken = 0;
    int64_t n_bytes = 0;
    if (n <= most)
        return 0;
    while (taken < n && (taken < least || files[taken].add.n_bytes <= n_bytes))
        n_bytes += files[taken++].add.n_bytes;
    return taken;
}

static enum shale_status add_bin(struct picking *picking, const struct small *files, size_t n,
                                 bool begins)
{
    struct shale_compact_bin bin = {.n_files = n, .begins_partition = begins};
    bin.files = shale_arena_zeroed(picking->arena, n, sizeof *bin.files);
    if (bin.files == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        bin.files[i] = files[i].add;
        bin.n_bytes += files[i].add.n_bytes;
    }
    return shale_buf_append(&picking->bins, &bin, sizeof bin);
}

/* The small files of one partition. */
static enum shale_status add_partition(struct picking *picking, struct small *files, size_t n)
{
    const size_t most = picking->options->most_files;
    const int64_t most_bytes =
        picking->target_bytes < INT64_MAX / TARGETS ? picking->target_bytes * TARGETS : INT64_MAX;
    enum shale_status status = SHALE_OK;
    size_t first = 0;
    if (most > 0) {
        qsort(files, n, sizeof *files, by_size);
        n = count_smallest(files, n, most);
        qsort(files, n, sizeof *files, by_time);
    }
    while (first < n && status == SHALE_OK) {
        int64_t n_bytes = 0;
        size_t end = first;
        while (end < n && end - first < MOST_FILES &&
               (end == first || files[end].add.n_bytes <= most_bytes - n_bytes))
            n_bytes += files[end++].add.n_bytes;
        status = add_bin(picking, files + first, end - first, first == 0);
        first = end;
    }
    return status;
}

static enum shale_status make_bins(struct picking *picking)
{
    struct small *files = (struct small *)(void *)picking->small.data;
    size_t n = picking->small.n_bytes / sizeof *files, first = 0;
    enum shale_status status = SHALE_OK;
    if (n > 0)
        qsort(files, n, sizeof *files, by_time);
    while (first < n && status == SHALE_OK) {
        size_t end = first + 1;
        while (end < n && shale_str_equal(files[end].partition, files[first].partition))
            end++;
        status = add_partition(picking, files + first, end - first);
        first = end;
    }
    return status;
}

enum shale_status shale_compact_pick(struct shale_store *store, const struct shale_log_state *log,
                                     const struct shale_compact_options *options,
                                     struct shale_arena *arena, struct shale_compact_bin **bins,
                                     size_t *n_bins, struct shale_err *err)
{
    struct picking picking = {.options = options,
                              .target_bytes = options->target_bytes > 0
                                                  ? options->target_bytes
                                                  : SHALE_COMPACT_TARGET_BYTES,
                              .arena = arena};
    enum shale_status status;
    shale_buf_init(&picking.small, store->env->mem, LIST_BYTES);
    shale_buf_init(&picking.bins, store->env->mem, LIST_BYTES);
    shale_buf_init(&picking.text, store->env->mem, LIST_BYTES);
    status = list_small(&picking, store, log, err);
    if (status == SHALE_OK && make_bins(&picking) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    *n_bins = picking.bins.n_bytes / sizeof **bins;
    *bins = shale_arena_zeroed(arena, *n_bins + 1, sizeof **bins);
    if (status == SHALE_OK && *bins == NULL)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK && *n_bins > 0)
        memcpy(*bins, picking.bins.data, picking.bins.n_bytes);
    shale_buf_fini(&picking.small);
    shale_buf_fini(&picking.bins);
    shale_buf_fini(&picking.text);
    return status;
}
