/* SPDX-License-Identifier: MIT */
/* Which files of a table are merged, and with which.
 *
 * A file is small below three quarters of the target.  All small files of a partition belong
 * together, in pieces that a rewriting has room for.  Where only the number of files counts (at the
 * end of a run), the smallest are taken: half of what is allowed stays, and with these go all that
 * are no larger than the smaller ones together, so that a row is written anew a number of times
 * that grows with the logarithm of the partition's size.
 *
 * Of a table with more small files than are held at a time the first are: whole partitions, or as
 * much of one as there is room for. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "dataset/compact_parts.h"
#include "dataset/take_out.h"

enum {
    LIST_BYTES = 1 << 30,
    MOST_HELD = 50000,
    MOST_FILES = 20000,
    TARGETS = 16,
    N_COUNTS = 1 << 20, /* partitions that share one are held in vain */
    HASH_SEED = 1,
};

/* One allocation, with all that it points at. */
struct small {
    struct shale_log_add add;
    struct shale_str partition; /* its values, so that equal ones are equal texts */
    bool is_ours;
};

struct picking {
    const struct shale_mem *mem;
    const struct shale_compact_options *options;
    const struct shale_compact_place *begin;
    uint16_t *counts; /* of the walk */
    int64_t target_bytes;
    size_t most_held;
    struct shale_arena *arena;
    struct shale_buf *held;    /* struct small * */
    const struct small *bound; /* one of them: what lies behind it is left out; NULL: nothing is */
    struct shale_buf bins;     /* struct shale_compact_bin */
    struct shale_buf text;
};

static struct small **held_of(const struct picking *picking)
{
    return (struct small **)(void *)picking->held->data;
}

static size_t n_held(const struct picking *picking)
{
    return picking->held->n_bytes / sizeof(struct small *);
}

/* ---- Orders -----------------------------------------------------------------------------------
 */

static int compare(const struct small *a, const struct small *b)
{
    int order = shale_str_compare(a->partition, b->partition);
    if (order != 0)
        return order;
    if (a->add.modified_ms != b->add.modified_ms)
        return a->add.modified_ms < b->add.modified_ms ? -1 : 1;
    return shale_str_compare(a->add.path, b->add.path);
}

/* Within a partition as the rows came: times of files say so for what one writer made. */
static int by_time(const void *left, const void *right)
{
    struct small *const *a = left, *const *b = right;
    return compare(*a, *b);
}

static int by_size(const void *left, const void *right)
{
    struct small *const *a = left, *const *b = right;
    if ((*a)->add.n_bytes != (*b)->add.n_bytes)
        return (*a)->add.n_bytes < (*b)->add.n_bytes ? -1 : 1;
    return compare(*a, *b);
}

static bool is_behind(const struct small *small, const struct shale_compact_place *place)
{
    const struct small at = {.add = {.path = place->path, .modified_ms = place->modified_ms},
                             .partition = place->partition};
    if (!place->begun)
        return true;
    if (place->path.n_bytes == 0)
        return shale_str_compare(small->partition, place->partition) > 0;
    return compare(small, &at) > 0;
}

/* ---- Small files ------------------------------------------------------------------------------
 */

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

static enum shale_status name_partition(struct picking *picking, const struct shale_log_add *add)
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
    return status;
}

static struct shale_str put_text(char **at, struct shale_str text)
{
    struct shale_str copy = {*at, text.n_bytes};
    if (text.n_bytes > 0)
        memcpy(*at, text.data, text.n_bytes);
    *at += text.n_bytes;
    *(*at)++ = '\0';
    return copy;
}

/* NULL: no memory. */
static struct small *copy_small(const struct shale_mem *mem, const struct small *from)
{
    const struct shale_log_add *add = &from->add;
    size_t n = add->n_partition_values;
    size_t n_bytes = add->path.n_bytes + add->url.n_bytes + from->partition.n_bytes + 3;
    struct shale_log_partition_value *values;
    struct small *to;
    char *at;
    for (size_t i = 0; i < n; i++)
        n_bytes +=
            add->partition_values[i].name.n_bytes + add->partition_values[i].value.n_bytes + 2;
    to = shale_mem_alloc(mem, sizeof *to + n * sizeof *values + n_bytes);
    if (to == NULL)
        return NULL;
    *to = *from;
    values = (struct shale_log_partition_value *)(void *)(to + 1);
    at = (char *)(values + n);
    for (size_t i = 0; i < n; i++) {
        values[i].is_null = add->partition_values[i].is_null;
        values[i].name = put_text(&at, add->partition_values[i].name);
        values[i].value = put_text(&at, add->partition_values[i].value);
    }
    to->add.partition_values = values;
    to->add.path = put_text(&at, add->path);
    to->add.url = put_text(&at, add->url);
    to->partition = put_text(&at, from->partition);
    return to;
}

static uint16_t *count_of(const struct picking *picking)
{
    struct shale_str name = shale_buf_str(&picking->text);
    return &picking->counts[shale_hash(name.data, name.n_bytes, HASH_SEED) % N_COUNTS];
}

/* With fewer small files than these nothing is done to a partition. */
static size_t least_files(const struct shale_compact_options *options)
{
    if (options->most_files > 0)
        return options->most_files + 1;
    return options->stream != NULL && options->stream->n_sort_by > 0 ? 1 : 2;
}

static bool has_enough(const struct picking *picking)
{
    size_t least = least_files(picking->options);
    return picking->counts == NULL ||
           *count_of(picking) >= (least < UINT16_MAX ? least : UINT16_MAX);
}

static enum shale_status count_small(struct picking *picking, const struct shale_log_add *add)
{
    enum shale_status status = name_partition(picking, add);
    if (status == SHALE_OK && *count_of(picking) < UINT16_MAX)
        ++*count_of(picking);
    return status;
}

/* Half of them stay: the first. */
static void drop_last(struct picking *picking)
{
    size_t n = n_held(picking), n_kept = (n + 1) / 2;
    qsort(held_of(picking), n, sizeof(struct small *), by_time);
    for (size_t i = n_kept; i < n; i++)
        shale_mem_free(picking->mem, held_of(picking)[i]);
    picking->held->n_bytes = n_kept * sizeof(struct small *);
    picking->bound = held_of(picking)[n_kept - 1];
}

static enum shale_status hold(struct picking *picking, const struct shale_log_add *add)
{
    struct small small = {.add = *add, .is_ours = shale_add_is_ours(add)}, *copy;
    enum shale_status status = name_partition(picking, add);
    if (status != SHALE_OK)
        return status;
    small.partition = shale_buf_str(&picking->text);
    if (!is_behind(&small, picking->begin) || !has_enough(picking) ||
        (picking->bound != NULL && compare(&small, picking->bound) > 0))
        return SHALE_OK;
    small.add.stats = SHALE_STR("");
    small.add.tags = NULL;
    small.add.n_tags = 0;
    copy = copy_small(picking->mem, &small);
    if (copy == NULL)
        return SHALE_NOMEM;
    status = shale_buf_append(picking->held, &copy, sizeof(struct small *));
    if (status != SHALE_OK)
        shale_mem_free(picking->mem, copy);
    else if (n_held(picking) > picking->most_held)
        drop_last(picking);
    return status;
}

/* 'take' is asked to take each. */
static enum shale_status
list_small(struct picking *picking, struct shale_store *store, const struct shale_log_state *log,
           enum shale_status (*take)(struct picking *picking, const struct shale_log_add *add),
           struct shale_err *err)
{
    struct shale_log_files *files;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(store, log, &files, err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_log_files_next(files, &add, err)) == SHALE_OK && add != NULL)
        if (is_wanted(picking, add) && take(picking, add) != SHALE_OK) {
            status = SHALE_ERR(err, no_memory);
            break;
        }
    shale_log_files_free(files);
    return status;
}

static void forget_held(struct picking *picking)
{
    for (size_t i = 0; i < n_held(picking); i++)
        shale_mem_free(picking->mem, held_of(picking)[i]);
    shale_buf_reset(picking->held);
    picking->bound = NULL;
}

/* There are more than can be held: which belong to partitions where nothing is to be done? */
static enum shale_status list_again(struct picking *picking, struct shale_store *store,
                                    const struct shale_log_state *log, struct shale_err *err)
{
    enum shale_status status;
    picking->counts = shale_mem_zeroed(picking->mem, N_COUNTS, sizeof *picking->counts);
    if (picking->counts == NULL)
        return SHALE_ERR(err, no_memory);
    forget_held(picking);
    status = list_small(picking, store, log, count_small, err);
    return status == SHALE_OK ? list_small(picking, store, log, hold, err) : status;
}

/* ---- Bins -------------------------------------------------------------------------------------
 */

/* How many of a partition's files, sorted by size, are merged so that few remain. */
static size_t count_smallest(struct small *const *files, size_t n, size_t most)
{
    size_t least = n - most / 2, taken = 0;
    int64_t n_bytes = 0;
    if (n <= most)
        return 0;
    while (taken < n && (taken < least || files[taken]->add.n_bytes <= n_bytes))
        n_bytes += files[taken++]->add.n_bytes;
    return taken;
}

static enum shale_status add_bin(struct picking *picking, struct small *const *files, size_t n,
                                 bool begins, const struct shale_compact_place *end)
{
    struct shale_compact_bin bin = {.n_files = n, .begins_partition = begins, .end = *end};
    bin.files = shale_arena_zeroed(picking->arena, n, sizeof *bin.files);
    bin.is_ours = shale_arena_zeroed(picking->arena, n, sizeof *bin.is_ours);
    if (bin.files == NULL || bin.is_ours == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n; i++) {
        bin.files[i] = files[i]->add;
        bin.is_ours[i] = files[i]->is_ours;
        bin.n_bytes += files[i]->add.n_bytes;
    }
    return shale_buf_append(&picking->bins, &bin, sizeof bin);
}

static struct shale_compact_place place_of(const struct small *small, bool is_done)
{
    return (struct shale_compact_place){.begun = true,
                                        .partition = small->partition,
                                        .path = is_done ? SHALE_STR("") : small->add.path,
                                        .modified_ms = small->add.modified_ms};
}

/* The small files of one partition; 'is_whole': those that are held are all that are behind
 * 'begin'. */
static enum shale_status add_partition(struct picking *picking, struct small **files, size_t n,
                                       bool is_whole)
{
    const size_t most = picking->options->most_files;
    const int64_t most_bytes =
        picking->target_bytes < INT64_MAX / TARGETS ? picking->target_bytes * TARGETS : INT64_MAX;
    const struct shale_compact_place last = place_of(files[n - 1], is_whole);
    bool begins =
        !picking->begin->begun || !shale_str_equal(picking->begin->partition, files[0]->partition);
    enum shale_status status = SHALE_OK;
    size_t first = 0;
    if (most > 0) {
        qsort(files, n, sizeof *files, by_size);
        n = count_smallest(files, n, most);
        qsort(files, n, sizeof *files, by_time);
    }
    while (first < n && status == SHALE_OK) {
        struct shale_compact_place end;
        int64_t n_bytes = 0;
        size_t i = first;
        while (i < n && i - first < MOST_FILES &&
               (i == first || files[i]->add.n_bytes <= most_bytes - n_bytes))
            n_bytes += files[i++]->add.n_bytes;
        end = i == n ? last : place_of(files[i - 1], false);
        status = add_bin(picking, files + first, i - first, begins && first == 0, &end);
        first = i;
    }
    return status;
}

static enum shale_status make_bins(struct picking *picking, struct shale_compact_picked *out)
{
    struct small **files = held_of(picking);
    size_t n = n_held(picking), first = 0;
    enum shale_status status = SHALE_OK;
    if (n > 0)
        qsort(files, n, sizeof *files, by_time);
    while (first < n && status == SHALE_OK) {
        size_t end = first + 1;
        bool is_whole;
        while (end < n && shale_str_equal(files[end]->partition, files[first]->partition))
            end++;
        /* Of the last partition there may be more: if others are there, it waits for them. */
        is_whole = end < n || !out->more;
        if (!is_whole && first > 0)
            break;
        out->end = place_of(files[end - 1], is_whole);
        status = add_partition(picking, files + first, end - first, is_whole);
        first = end;
    }
    return status;
}

enum shale_status shale_compact_pick(struct shale_store *store, const struct shale_log_state *log,
                                     const struct shale_compact_options *options,
                                     struct shale_compact_walk *walk, struct shale_arena *arena,
                                     struct shale_compact_picked *out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct picking picking = {.mem = mem,
                              .options = options,
                              .begin = &walk->place,
                              .counts = walk->counts,
                              .target_bytes = options->target_bytes > 0
                                                  ? options->target_bytes
                                                  : SHALE_COMPACT_TARGET_BYTES,
                              .most_held = options->most_held > 0 ? options->most_held : MOST_HELD,
                              .arena = arena,
                              .held = &out->held};
    enum shale_status status;
    *out = (struct shale_compact_picked){.end = walk->place};
    shale_buf_init(&out->held, mem, LIST_BYTES);
    shale_buf_init(&picking.bins, mem, LIST_BYTES);
    shale_buf_init(&picking.text, mem, LIST_BYTES);
    status = list_small(&picking, store, log, hold, err);
    if (status == SHALE_OK && picking.bound != NULL && picking.counts == NULL &&
        least_files(options) > 1)
        status = list_again(&picking, store, log, err);
    walk->counts = picking.counts;
    out->more = picking.bound != NULL;
    if (status == SHALE_OK && make_bins(&picking, out) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    out->n_bins = picking.bins.n_bytes / sizeof *out->bins;
    out->bins = shale_arena_zeroed(arena, out->n_bins + 1, sizeof *out->bins);
    if (status == SHALE_OK && out->bins == NULL)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK && out->n_bins > 0)
        memcpy(out->bins, picking.bins.data, picking.bins.n_bytes);
    shale_buf_fini(&picking.bins);
    shale_buf_fini(&picking.text);
    return status;
}

void shale_compact_picked_free(const struct shale_mem *mem, struct shale_compact_picked *picked)
{
    for (size_t at = 0; at < picked->held.n_bytes; at += sizeof(struct small *)) {
        struct small *small;
        memcpy(&small, picked->held.data + at, sizeof small);
        shale_mem_free(mem, small);
    }
    shale_buf_fini(&picked->held);
}
