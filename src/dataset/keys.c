/* SPDX-License-Identifier: MIT */
/* What a run knows of keys: the table's segments (large ones are opened when a time in reach of
 * theirs comes); its own sorted runs in a temporary file; and what it took last, in memory.  All
 * but the last are looked up for many rows at once, in order of their hashes; the last row by row,
 * in plan order. */
#include "dataset/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/keys_parts.h"
#include "dataset/keys_recent.h"

enum {
    MOST_STRETCHES = 256,  /* looked at for one row, where 'within' has grown */
    MEET_ROWS = 4096,      /* of ours that are looked up together ... */
    MEET_PROBES = 1 << 16, /* ... as far as they take no more than that */
};

struct shale_keys {
    const struct shale_mem *mem;
    struct shale_store *store;
    struct shale_str names;
    struct shale_key_rule rule;
    size_t recent_limit;
    struct shale_keys_file **files; /* the table's segments, then the own runs */
    size_t n_files, n_segments, capacity;
    struct shale_key_lookup lookup;
    struct shale_recent recent;
    struct shale_spill spill;
    int64_t n_rows; /* taken */
    bool marked;
    size_t marked_files, marked_recent;
    int64_t marked_rows;
};

/* ---- Files ------------------------------------------------------------------------------------
 */

static struct shale_keys_file *file_new(struct shale_keys *keys)
{
    struct shale_keys_file *file;
    if (keys->n_files == keys->capacity) {
        size_t capacity = keys->capacity == 0 ? 16 : 2 * keys->capacity;
        struct shale_keys_file **files =
            shale_mem_resize(keys->mem, keys->files, capacity, sizeof *files);
        if (files == NULL)
            return NULL;
        keys->files = files;
        keys->capacity = capacity;
    }
    file = shale_mem_zeroed(keys->mem, 1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->mem = keys->mem;
    keys->files[keys->n_files++] = file;
    return file;
}

static void file_free(struct shale_keys *keys, struct shale_keys_file *file)
{
    shale_key_forget(&keys->lookup, file);
    shale_keys_file_close(file);
    if (file->spilled.spill != NULL)
        shale_spill_free(&keys->spill, file->spilled.at, (size_t)file->spilled.random.n_bytes);
    shale_mem_free(keys->mem, file);
}

/* Take out the files from 'from' on. */
static void drop_files(struct shale_keys *keys, size_t from)
{
    while (keys->n_files > from)
        file_free(keys, keys->files[--keys->n_files]);
}

/* A segment of the table is of the same fields and the same stretches as we are. */
static enum shale_status open_file(struct shale_keys *keys, struct shale_keys_file *file,
                                   struct shale_err *err)
{
    enum shale_status status;
    if (file->reader != NULL)
        return SHALE_OK;
    status = shale_keys_file_open(file, keys->store, err);
    if (status != SHALE_OK)
        return status;
    if (!shale_str_equal(file->names, keys->names))
        return SHALE_ERR(err, keys_other, SHALE_STR_ARG(file->names), SHALE_STR_ARG(keys->names));
    if (file->width_us != keys->rule.width_us && keys->rule.width_us != 0)
        return shale_keys_failed(file, SHALE_ERR(err, keys_differ), err);
    return SHALE_OK;
}

/* ---- Beginning and end ------------------------------------------------------------------------
 */

/* The first segment says how wide the stretches are. */
static enum shale_status take_width(struct shale_keys *keys, struct shale_err *err)
{
    if (keys->rule.within_us < 0)
        return SHALE_OK;
    keys->rule.width_us =
        keys->n_files > 0 ? keys->files[0]->width_us : shale_key_width(keys->rule.within_us);
    if (keys->rule.width_us <= 0)
        return SHALE_ERR(err, keys_differ);
    if (keys->rule.within_us / keys->rule.width_us > MOST_STRETCHES / 2)
        return SHALE_ERR(err, keys_within,
                         (long long)(keys->rule.width_us / 1000 * (MOST_STRETCHES / 2)));
    return SHALE_OK;
}

/* A segment that is not large is taken out of the table by whoever merges it, and a sweep deletes
 * it: it is held open from the beginning on.  There are few of these, a handful of each size. */
static enum shale_status take_segments(struct shale_keys *keys,
                                       const struct shale_keys_options *options,
                                       struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < options->n_segments; i++) {
        struct shale_keys_file *file = file_new(keys);
        if (file == NULL)
            return SHALE_ERR(err, no_memory);
        file->segment = options->segments[i];
    }
    keys->n_segments = keys->n_files;
    if (keys->n_files > 0)
        status = open_file(keys, keys->files[0], err);
    if (status == SHALE_OK)
        status = take_width(keys, err);
    for (size_t i = 1; i < keys->n_files && status == SHALE_OK; i++)
        if (keys->files[i]->segment.n_rows < SHALE_KEYS_LARGE_ROWS)
            status = open_file(keys, keys->files[i], err);
    return status;
}

enum shale_status shale_keys_new(const struct shale_keys_options *options, struct shale_keys **out,
                                 struct shale_err *err)
{
    const struct shale_mem *mem = options->mem;
    struct shale_keys *keys = shale_mem_zeroed(mem, 1, sizeof *keys);
    enum shale_status status;
    *out = NULL;
    if (keys == NULL)
        return SHALE_ERR(err, no_memory);
    keys->mem = mem;
    keys->store = options->store;
    keys->names = options->names;
    keys->rule.within_us = options->within_us;
    keys->recent_limit = shale_recent_limit(options->memory_bytes);
    shale_recent_init(&keys->recent, mem, options->within_us);
    status = shale_spill_init(&keys->spill, mem, options->temporary, err);
    if (status == SHALE_OK &&
        shale_key_lookup_init(&keys->lookup, mem, &keys->spill, options->within_us,
                              options->memory_bytes / 2) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = take_segments(keys, options, err);
    if (status == SHALE_OK)
        *out = keys;
    else
        shale_keys_free(keys);
    return status;
}

void shale_keys_free(struct shale_keys *keys)
{
    if (keys == NULL)
        return;
    drop_files(keys, 0);
    shale_mem_free(keys->mem, keys->files);
    shale_key_lookup_fini(&keys->lookup);
    shale_recent_fini(&keys->recent);
    shale_spill_fini(&keys->spill);
    shale_mem_free(keys->mem, keys);
}

struct shale_key_rule shale_keys_rule(const struct shale_keys *keys)
{
    return keys->rule;
}

int64_t shale_keys_n_rows(const struct shale_keys *keys)
{
    return keys->n_rows;
}

/* ---- Own runs ---------------------------------------------------------------------------------
 */

struct spill_sink {
    struct shale_sink sink; /* first member */
    struct shale_spill *spill;
    int64_t begin, n_bytes; /* begin -1: nothing yet */
};

static enum shale_status write_spill(struct shale_sink *sink, const void *data, size_t n_bytes,
                                     struct shale_err *err)
{
    struct spill_sink *to = (struct spill_sink *)(void *)sink;
    int64_t at;
    enum shale_status status = shale_spill_write(to->spill, data, n_bytes, &at, err);
    if (status != SHALE_OK)
        return status;
    if (to->begin < 0)
        to->begin = at;
    assert(at == to->begin + to->n_bytes); /* nobody else writes meanwhile */
    to->n_bytes += (int64_t)n_bytes;
    return SHALE_OK;
}

/* Rows in order become a new run. */
static enum shale_status write_run(struct shale_keys *keys, struct shale_keys_source *source,
                                   struct shale_err *err)
{
    const struct shale_keys_writer_options options = {.names = keys->names,
                                                      .width_us = keys->rule.width_us};
    struct spill_sink sink = {.sink = {write_spill}, .spill = &keys->spill, .begin = -1};
    struct shale_keys_file *file = file_new(keys);
    const struct shale_key_entry *entry;
    struct shale_keys_writer *writer;
    enum shale_status status;
    if (file == NULL)
        return SHALE_ERR(err, no_memory);
    status = shale_keys_writer_new(keys->mem, &sink.sink, &options, &writer, err);
    while (status == SHALE_OK && (status = source->next(source, &entry, err)) == SHALE_OK &&
           entry != NULL)
        status = shale_keys_writer_add(writer, entry, err);
    if (status == SHALE_OK)
        status = shale_keys_writer_finish(writer, &file->segment, err);
    shale_keys_writer_free(writer);
    file->spilled = (struct shale_spilled){.spill = &keys->spill, .at = sink.begin};
    file->spilled.random.n_bytes = sink.n_bytes;
    return status == SHALE_OK ? open_file(keys, file, err) : status;
}

/* What was taken last goes to the temporary file: up to the mark, so that what is undecided is
 * never in one run with what is decided. */
static enum shale_status flush(struct shale_keys *keys, struct shale_err *err)
{
    bool decided = keys->marked && keys->marked_recent > 0;
    size_t n = decided ? keys->marked_recent : keys->recent.n_rows;
    struct shale_recent_source source;
    enum shale_status status;
    if (n == 0)
        return SHALE_OK;
    status = shale_recent_sort(&keys->recent, n, &source) == SHALE_OK ? SHALE_OK
                                                                      : SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = write_run(keys, &source.source, err);
    shale_recent_source_fini(&source);
    if (status != SHALE_OK)
        return status;
    shale_recent_forget(&keys->recent, 0, n);
    if (decided) {
        assert(keys->marked_files + 1 == keys->n_files); /* the first run since the mark */
        keys->marked_recent = 0;
        keys->marked_files = keys->n_files;
    }
    return SHALE_OK;
}

static int by_rows(const void *a, const void *b)
{
    const struct shale_keys_file *const *x = a, *const *y = b;
    int64_t m = (*x)->segment.n_rows, n = (*y)->segment.n_rows;
    return (m < n) - (m > n);
}

/* The runs from 'from' on become one. */
static enum shale_status merge_runs(struct shale_keys *keys, size_t from, struct shale_err *err)
{
    struct shale_keys_merge merge;
    size_t end = keys->n_files;
    enum shale_status status =
        shale_keys_merge_open(&merge, keys->mem, keys->files + from, end - from, err);
    if (status == SHALE_OK)
        status = write_run(keys, &merge.source, err);
    shale_keys_merge_close(&merge);
    if (status != SHALE_OK)
        return status;
    for (size_t i = from; i < end; i++)
        file_free(keys, keys->files[i]);
    keys->files[from] = keys->files[end];
    keys->n_files = from + 1;
    return SHALE_OK;
}

/* Few runs make look-ups quick. */
static enum shale_status merge_some(struct shale_keys *keys, struct shale_err *err)
{
    size_t n = keys->n_files - keys->n_segments, first, n_merged;
    struct shale_segment *segments;
    enum shale_status status = SHALE_OK;
    if (keys->marked || n < 2)
        return SHALE_OK;
    qsort(keys->files + keys->n_segments, n, sizeof(struct shale_keys_file *), by_rows);
    segments = shale_mem_zeroed(keys->mem, n, sizeof *segments);
    if (segments == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++)
        segments[i] = keys->files[keys->n_segments + i]->segment;
    shale_keys_pick_merge(segments, n, &first, &n_merged);
    shale_mem_free(keys->mem, segments);
    if (n_merged >= 2) /* they are the last ones */
        status = merge_runs(keys, keys->n_segments + first, err);
    return status;
}

/* ---- Taking rows ------------------------------------------------------------------------------
 */

static bool in_reach(const struct shale_keys *keys, const struct shale_keys_file *file,
                     int64_t first_us, int64_t last_us)
{
    int64_t within_us = keys->rule.within_us;
    return within_us < 0 || (last_us + within_us >= file->segment.first_us &&
                             first_us - within_us <= file->segment.last_us);
}

static const struct shale_key_row *rows_of(const struct shale_key_rows *rows)
{
    return (const struct shale_key_row *)(const void *)rows->rows.data;
}

/* Against all that is in files. */
static enum shale_status look_in_files(struct shale_keys *keys, const struct shale_key_rows *rows,
                                       bool *drop, struct shale_err *err)
{
    const struct shale_key_row *row = rows_of(rows);
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (!row[i].has_key)
            continue;
        first_us = row[i].time_us < first_us ? row[i].time_us : first_us;
        last_us = row[i].time_us > last_us ? row[i].time_us : last_us;
    }
    for (size_t i = 0; i < keys->n_files && status == SHALE_OK && first_us <= last_us; i++) {
        if (!in_reach(keys, keys->files[i], first_us, last_us))
            continue;
        status = open_file(keys, keys->files[i], err);
        if (status == SHALE_OK)
            status = shale_key_look(&keys->lookup, keys->files[i], rows, drop, err);
    }
    return status;
}

/* One row after the other, against those before it. */
static enum shale_status take_rows(struct shale_keys *keys, const struct shale_key_rows *rows,
                                   bool *drop)
{
    const struct shale_key_row *row = rows_of(rows);
    const struct shale_key_probe *probe = (const void *)rows->probes.data;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0, p = 0; i < rows->n_rows && status == SHALE_OK; i++) {
        const struct shale_str key = {rows->bytes.data + row[i].at, row[i].n_bytes};
        if (!row[i].has_key)
            continue;
        for (; p < rows->n_probes && probe[p].row == i; p++)
            if (!drop[i] && shale_recent_holds(&keys->recent, probe[p].hash, key, row[i].time_us))
                drop[i] = true;
        if (drop[i])
            continue;
        status = shale_recent_add(&keys->recent, row[i].hash, key, row[i].time_us);
        keys->n_rows++;
    }
    return status;
}

enum shale_status shale_keys_take(struct shale_keys *keys, const struct shale_key_rows *rows,
                                  bool *drop, struct shale_err *err)
{
    enum shale_status status;
    memset(drop, 0, rows->n_rows * sizeof *drop);
    status = look_in_files(keys, rows, drop, err);
    if (status == SHALE_OK && take_rows(keys, rows, drop) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    while (status == SHALE_OK && keys->recent.n_rows > 0 &&
           shale_recent_n_bytes(&keys->recent) > keys->recent_limit) {
        status = flush(keys, err);
        if (status == SHALE_OK)
            status = merge_some(keys, err);
    }
    return status;
}

/* ---- Objects that may fail --------------------------------------------------------------------
 */

void shale_keys_mark(struct shale_keys *keys)
{
    assert(!keys->marked);
    keys->marked = true;
    keys->marked_files = keys->n_files;
    keys->marked_recent = keys->recent.n_rows;
    keys->marked_rows = keys->n_rows;
}

void shale_keys_settle(struct shale_keys *keys)
{
    assert(keys->marked);
    keys->marked = false;
}

void shale_keys_rewind(struct shale_keys *keys)
{
    assert(keys->marked);
    keys->marked = false;
    drop_files(keys, keys->marked_files);
    shale_recent_forget(&keys->recent, keys->marked_recent, keys->recent.n_rows);
    keys->n_rows = keys->marked_rows;
}

/* ---- The commit's segment ---------------------------------------------------------------------
 */

enum shale_status shale_keys_write(struct shale_keys *keys, struct shale_store *store,
                                   const char *path, struct shale_str input,
                                   struct shale_arena *arena, struct shale_segment *segment,
                                   struct shale_err *err)
{
    const struct shale_keys_writer_options options = {
        .names = keys->names, .width_us = keys->rule.width_us, .input = input, .compress = true};
    struct shale_recent_source recent;
    struct shale_keys_merge merge;
    size_t n_runs = keys->n_files - keys->n_segments;
    enum shale_status status = SHALE_OK;
    assert(!keys->marked);
    if (n_runs == 0) {
        status = shale_recent_sort(&keys->recent, keys->recent.n_rows, &recent) == SHALE_OK
                     ? SHALE_OK
                     : SHALE_ERR(err, no_memory);
        if (status == SHALE_OK)
            status = shale_keys_store(store, path, &options, &recent.source, arena, segment, err);
        shale_recent_source_fini(&recent);
        return status;
    }
    status = flush(keys, err);
    if (status != SHALE_OK)
        return status;
    status = shale_keys_merge_open(&merge, keys->mem, keys->files + keys->n_segments,
                                   keys->n_files - keys->n_segments, err);
    if (status == SHALE_OK)
        status = shale_keys_store(store, path, &options, &merge.source, arena, segment, err);
    shale_keys_merge_close(&merge);
    return status;
}

/* ---- Against a winner's -----------------------------------------------------------------------
 */

/* The next rows of 'ours', and what is known of them. */
static enum shale_status meet_some(struct shale_keys *keys, struct shale_keys_cursor *cursor,
                                   struct shale_key_rows *rows, bool *meet, bool *end,
                                   struct shale_err *err)
{
    bool drop[MEET_ROWS] = {false};
    const struct shale_key_entry *entry;
    enum shale_status status = SHALE_OK;
    shale_key_rows_reset(rows);
    while (status == SHALE_OK && rows->n_rows < MEET_ROWS && rows->n_probes < MEET_PROBES) {
        status = cursor->source.next(&cursor->source, &entry, err);
        *end = entry == NULL;
        if (status != SHALE_OK || *end)
            break;
        if (shale_key_rows_add(rows, &entry->key, entry->time_us) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    }
    if (status == SHALE_OK && shale_key_rows_sort(rows) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = look_in_files(keys, rows, drop, err);
    for (size_t i = 0; i < rows->n_rows && status == SHALE_OK; i++)
        *meet = *meet || drop[i];
    return status;
}

static enum shale_status meet_all(struct shale_keys *keys, struct shale_keys_file *ours, bool *meet,
                                  struct shale_err *err)
{
    struct shale_key_rows rows;
    struct shale_keys_cursor cursor;
    bool end = false;
    enum shale_status status;
    *meet = ours->width_us != keys->rule.width_us || !shale_str_equal(ours->names, keys->names);
    if (*meet)
        return SHALE_OK;
    shale_key_rows_init(&rows, keys->mem, keys->rule);
    status = shale_keys_cursor_open(&cursor, ours, err);
    while (status == SHALE_OK && !*meet && !end)
        status = meet_some(keys, &cursor, &rows, meet, &end, err);
    shale_keys_cursor_close(&cursor);
    shale_key_rows_fini(&rows);
    return status;
}

enum shale_status shale_keys_meet(const struct shale_keys_options *options,
                                  const struct shale_segment *ours, bool *meet,
                                  struct shale_err *err)
{
    struct shale_keys_file file = {.mem = options->mem, .segment = *ours};
    struct shale_keys *keys;
    enum shale_status status = shale_keys_new(options, &keys, err);
    *meet = false;
    if (status != SHALE_OK)
        return status;
    status = shale_keys_file_open(&file, options->store, err);
    if (status == SHALE_OK) {
        status = meet_all(keys, &file, meet, err);
        shale_keys_file_close(&file);
    }
    shale_keys_free(keys);
    return status;
}
