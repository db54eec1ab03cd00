/* SPDX-License-Identifier: MIT */
/* Rows of some files of a partition, in the files' order: read, filtered, collected into batches
 * of a useful size, sorted where that is asked for, written. */
#include "dataset/rewrite.h"

#include <string.h>

#include "dataset/rewrite_parts.h"
#include "parquet/reader.h"

enum {
    MEMORY_BYTES = 128 << 20,
    LEAST_MEMORY_BYTES = 8 << 20,
    BATCH_BYTES = 1 << 20,
    BATCH_ROWS = 16384,
    COLLECTED = 64, /* small batches that become one */
};

/* The state of either function. */
struct rewriting {
    const struct shale_env *env;
    struct shale_store *store; /* NULL: of an open file */
    const struct shale_mem *mem;
    const struct shale_rewrite_options *options;
    size_t memory_bytes;
    size_t first_row_group, n_row_groups; /* of each file; 0: all */
    struct shale_arena columns_arena;
    struct shale_schema columns; /* that are read: all of the new files, or the filter's */
    bool has_columns;
    struct shale_rewrite_views views;
    size_t *filter_at; /* of each column of the filter: of 'columns'; SIZE_MAX: none */
    struct shale_column *filter_columns;
    bool *filter_missing;
    bool *keep;                  /* of a batch's rows */
    struct shale_pack_run *runs; /* those that stay */
    size_t n_keep;
    int64_t n_gone; /* of the file under way */
    /* Told of the rows of a batch that stay; the columns are those of 'views'. */
    enum shale_status (*stay)(struct rewriting *r, int64_t n_rows, int64_t n_staying,
                              struct shale_err *err);
    /* What is collected: */
    struct shale_packed *first, *last;
    size_t n_collected, n_collected_bytes;
    struct shale_packed_sink *to;
    struct shale_rewrite_target target;
    struct shale_rewrite_sort *sort; /* NULL: rows stay in order */
    struct shale_parquet_sorting *sorting;
    struct shale_rewritten *out;
};

static enum shale_status no_memory(enum shale_status status, struct shale_err *err)
{
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* ---- One file ---------------------------------------------------------------------------------
 */

struct input {
    struct shale_store_file *file;
    struct shale_reader *reader;
};

static void close_input(struct input *input)
{
    shale_reader_free(input->reader);
    shale_store_close(input->file);
}

static enum shale_status open_input(const struct rewriting *r, const struct shale_log_add *add,
                                    struct input *input, struct shale_err *err)
{
    const struct shale_reader_options options = {.memory_bytes = r->memory_bytes / 2};
    enum shale_status status = shale_store_open(r->store, add->path.data, &input->file, err);
    if (status == SHALE_OK)
        status = shale_reader_open(r->mem, &input->file->random, &options, &input->reader, err);
    return status;
}

/* So many rows that they take about a batch's bytes. */
static int64_t batch_rows(const struct shale_file *file)
{
    int64_t n_bytes = 0, n;
    for (size_t i = 0; i < file->n_row_groups; i++)
        n_bytes += file->row_groups[i].uncompressed_bytes;
    n = n_bytes > 0 && file->n_rows > 0 ? BATCH_BYTES / (n_bytes / file->n_rows + 1) : BATCH_ROWS;
    return n < 1 ? 1 : n > BATCH_ROWS ? BATCH_ROWS : n;
}

static enum shale_status make_keep(struct rewriting *r, int64_t n_rows, struct shale_err *err)
{
    if ((size_t)n_rows > r->n_keep) {
        size_t n = (size_t)n_rows;
        bool *keep = shale_mem_resize(r->mem, r->keep, n, sizeof *keep);
        struct shale_pack_run *runs = shale_mem_resize(r->mem, r->runs, n / 2 + 1, sizeof *runs);
        r->keep = keep != NULL ? keep : r->keep;
        r->runs = runs != NULL ? runs : r->runs;
        if (keep == NULL || runs == NULL)
            return SHALE_ERR(err, no_memory);
        r->n_keep = n;
    }
    memset(r->keep, 1, (size_t)n_rows);
    return SHALE_OK;
}

/* Ask the filter; '*n' is how many stay. */
static enum shale_status filter_rows(struct rewriting *r, const struct shale_log_add *add,
                                     int64_t n_rows, int64_t *n, struct shale_err *err)
{
    const struct shale_rewrite_options *options = r->options;
    struct shale_rewrite_rows rows = {add, n_rows, r->filter_columns, r->filter_missing};
    enum shale_status status = make_keep(r, n_rows, err);
    *n = n_rows;
    if (status != SHALE_OK || options->filter == NULL)
        return status;
    for (size_t i = 0; i < options->n_filter_columns; i++) {
        size_t at = r->filter_at[i];
        r->filter_missing[i] = at == SIZE_MAX || r->views.missing[at];
        r->filter_columns[i] = r->filter_missing[i]
                                   ? (struct shale_column){.n_rows = n_rows, .n_nulls = n_rows}
                                   : r->views.columns[at];
    }
    status = options->filter(options->filter_ctx, &rows, r->keep, err);
    for (int64_t i = 0; i < n_rows && status == SHALE_OK; i++)
        *n -= !r->keep[i];
    return status;
}

static enum shale_status read_rows(struct rewriting *r, const struct shale_log_add *add,
                                   struct shale_reader *reader, struct shale_err *err)
{
    static const size_t any = 0; /* its rows are counted all the same */
    const struct shale_scan_options options = {
        .columns = r->views.n_picked > 0 ? r->views.picked : &any,
        .n_columns = r->views.n_picked > 0 ? r->views.n_picked : 1,
        .first_row_group = r->first_row_group,
        .n_row_groups = r->n_row_groups,
        .batch_rows = batch_rows(shale_reader_file(reader))};
    const struct shale_env *env = r->env;
    const struct shale_rows *rows;
    struct shale_scan *scan;
    enum shale_status status = shale_scan_new(reader, &options, &scan, err);
    if (status != SHALE_OK)
        return status;
    while ((status = shale_scan_next(scan, &rows, err)) == SHALE_OK && rows != NULL) {
        int64_t n = 0;
        if (env->cancelled != NULL && env->cancelled(env->ctx))
            status = SHALE_ERR(err, interrupted);
        if (status == SHALE_OK)
            status = shale_rewrite_views_rows(&r->views, rows, err);
        if (status == SHALE_OK)
            status = filter_rows(r, add, rows->n_rows, &n, err);
        if (status == SHALE_OK)
            status = r->stay(r, rows->n_rows, n, err);
        if (status != SHALE_OK)
            break;
        r->n_gone += rows->n_rows - n;
    }
    shale_scan_free(scan);
    return status;
}

/* The columns that are read, once the first file is open. */
static enum shale_status choose_columns(struct rewriting *r, const struct shale_file *file,
                                        bool filter_only, struct shale_err *err)
{
    const struct shale_rewrite_options *options = r->options;
    struct shale_column_def *defs;
    size_t n = 0;
    enum shale_status status = shale_rewrite_columns(&r->columns_arena, options->log,
                                                     options->columns, file, &r->columns, err);
    if (status != SHALE_OK)
        return status;
    defs = shale_arena_zeroed(&r->columns_arena, r->columns.n_columns + 1, sizeof *defs);
    if (defs == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < r->columns.n_columns; i++) {
        bool wanted = !filter_only;
        for (size_t k = 0; k < options->n_filter_columns; k++)
            if (shale_str_equal(options->filter_columns[k], r->columns.columns[i].name)) {
                r->filter_at[k] = n;
                wanted = true;
            }
        if (wanted)
            defs[n++] = r->columns.columns[i];
    }
    r->columns = (struct shale_schema){defs, n};
    r->has_columns = true;
    return no_memory(shale_rewrite_views_init(&r->views, r->mem, &r->columns), err);
}

/* 'add' NULL: the file is no table's. */
static enum shale_status read_reader(struct rewriting *r, const struct shale_log_add *add,
                                     struct shale_reader *reader, struct shale_err *err)
{
    enum shale_status status =
        shale_rewrite_views_file(&r->views, &shale_reader_file(reader)->schema, err);
    return status == SHALE_OK ? read_rows(r, add, reader, err) : status;
}

static enum shale_status read_file(struct rewriting *r, const struct shale_log_add *add,
                                   int64_t *n_rows, struct shale_err *err)
{
    struct input input = {0};
    enum shale_status status = open_input(r, add, &input, err);
    const struct shale_file *file;
    r->n_gone = 0;
    if (status == SHALE_OK) {
        file = shale_reader_file(input.reader);
        if (add->n_rows >= 0 && add->n_rows != file->n_rows)
            status = SHALE_ERR(err, rewrite_rows, (long long)file->n_rows, (long long)add->n_rows);
        if (status == SHALE_OK)
            status = read_reader(r, add, input.reader, err);
        *n_rows = file->n_rows;
        r->out->rows_in += file->n_rows;
        r->out->bytes_in += add->n_bytes;
    }
    close_input(&input);
    if (status != SHALE_OK)
        shale_err_at(err, add->path.data, -1, -1);
    return status;
}

/* The last of the files says how columns are stored. */
static enum shale_status look_at_last(struct rewriting *r, const struct shale_log_add *add,
                                      bool filter_only, struct shale_err *err)
{
    struct input input = {0};
    enum shale_status status = open_input(r, add, &input, err);
    if (status == SHALE_OK)
        status = choose_columns(r, shale_reader_file(input.reader), filter_only, err);
    close_input(&input);
    if (status != SHALE_OK)
        shale_err_at(err, add->path.data, -1, -1);
    return status;
}

/* ---- Begin and end ----------------------------------------------------------------------------
 */

static enum shale_status begin(struct rewriting *r, const struct shale_env *env,
                               struct shale_store *store,
                               const struct shale_rewrite_options *options,
                               struct shale_rewritten *out, struct shale_err *err)
{
    size_t n = options->n_filter_columns;
    *r = (struct rewriting){.env = env,
                            .store = store,
                            .mem = env->mem,
                            .options = options,
                            .memory_bytes = options->memory_bytes,
                            .out = out};
    if (r->memory_bytes == 0)
        r->memory_bytes = MEMORY_BYTES;
    if (r->memory_bytes < LEAST_MEMORY_BYTES)
        r->memory_bytes = LEAST_MEMORY_BYTES;
    shale_arena_init(&r->columns_arena, r->mem, r->memory_bytes);
    r->filter_at = shale_mem_resize(r->mem, NULL, n, sizeof *r->filter_at);
    r->filter_columns = shale_mem_zeroed(r->mem, n, sizeof *r->filter_columns);
    r->filter_missing = shale_mem_zeroed(r->mem, n, sizeof *r->filter_missing);
    if (r->filter_at == NULL || r->filter_columns == NULL || r->filter_missing == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++)
        r->filter_at[i] = SIZE_MAX;
    return SHALE_OK;
}

static void drop_collected(struct rewriting *r)
{
    while (r->first != NULL) {
        struct shale_packed *next = r->first->next;
        shale_packed_free(r->first);
        r->first = next;
    }
    r->last = NULL;
    r->n_collected = r->n_collected_bytes = 0;
}

static void end(struct rewriting *r)
{
    drop_collected(r);
    shale_rewrite_sort_free(r->sort);
    if (r->target.store != NULL)
        shale_rewrite_target_fini(&r->target);
    shale_rewrite_views_fini(&r->views);
    shale_arena_fini(&r->columns_arena);
    shale_mem_free(r->mem, r->sorting);
    shale_mem_free(r->mem, r->runs);
    shale_mem_free(r->mem, r->keep);
    shale_mem_free(r->mem, r->filter_at);
    shale_mem_free(r->mem, r->filter_columns);
    shale_mem_free(r->mem, r->filter_missing);
}

/* ---- Collecting -------------------------------------------------------------------------------
 */

/* Small batches cost more by their headers than by their rows: they become one. */
static enum shale_status flush_collected(struct rewriting *r, struct shale_err *err)
{
    const struct shale_column *sources[COLLECTED];
    struct shale_pack_run runs[COLLECTED];
    struct shale_packed *packed = r->first;
    struct shale_batch *batch;
    size_t n = 0;
    enum shale_status status;
    if (r->n_collected <= 1) {
        r->first = r->last = NULL;
        r->n_collected = r->n_collected_bytes = 0;
        return packed == NULL ? SHALE_OK : r->to->take(r->to, packed, err);
    }
    for (; packed != NULL; packed = packed->next, n++) {
        sources[n] = packed->columns;
        runs[n] = (struct shale_pack_run){(uint32_t)n, 0, packed->n_rows};
    }
    status = shale_pack(r->mem, &r->columns, sources, n, runs, n, &batch);
    drop_collected(r);
    if (status == SHALE_OK)
        status = shale_packed_new(r->mem, &r->columns, batch, &packed);
    return status == SHALE_OK ? r->to->take(r->to, packed, err) : no_memory(status, err);
}

static enum shale_status collect(struct rewriting *r, struct shale_packed *packed,
                                 struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (r->n_collected == COLLECTED ||
        (r->n_collected > 0 && r->n_collected_bytes + packed->n_bytes > BATCH_BYTES))
        status = flush_collected(r, err);
    if (status != SHALE_OK) {
        shale_packed_free(packed);
        return status;
    }
    if (r->last == NULL)
        r->first = packed;
    else
        r->last->next = packed;
    r->last = packed;
    r->n_collected++;
    r->n_collected_bytes += packed->n_bytes;
    return SHALE_OK;
}

/* The rows of the batch that stay, as runs; returns how many runs. */
static size_t runs_of_kept(const struct rewriting *r, int64_t n_rows)
{
    size_t n = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        if (!r->keep[i])
            continue;
        if (i == 0 || !r->keep[i - 1])
            r->runs[n++] = (struct shale_pack_run){0, i, 0};
        r->runs[n - 1].n++;
    }
    return n;
}

static enum shale_status keep_rows(struct rewriting *r, int64_t n_rows, int64_t n_staying,
                                   struct shale_err *err)
{
    const struct shale_column *const sources[] = {r->views.columns};
    struct shale_packed *packed;
    struct shale_batch *batch;
    enum shale_status status;
    size_t n_runs;
    if (n_staying == 0)
        return SHALE_OK;
    n_runs = runs_of_kept(r, n_rows);
    status = shale_pack(r->mem, &r->columns, sources, 1, r->runs, n_runs, &batch);
    if (status == SHALE_OK)
        status = shale_packed_new(r->mem, &r->columns, batch, &packed);
    if (status != SHALE_OK)
        return no_memory(status, err);
    r->out->rows_out += n_staying;
    return collect(r, packed, err);
}

/* ---- Rewriting --------------------------------------------------------------------------------
 */

/* Which columns are the keys; one that the files have not (a partition's, a new field's) is the
 * same in all rows. */
static enum shale_status find_keys(const struct rewriting *r, size_t *keys, size_t *n_keys,
                                   struct shale_err *err)
{
    const struct shale_rewrite_options *options = r->options;
    *n_keys = 0;
    for (size_t k = 0; k < options->n_sort_by; k++)
        for (size_t i = 0; i < r->columns.n_columns; i++) {
            struct shale_column_def def = r->columns.columns[i];
            const struct shale_schema before = {r->columns.columns, i};
            if (!shale_str_equal(def.name, options->sort_by[k]))
                continue;
            if (def.type.n_members > 0)
                return SHALE_ERR(err, rewrite_sort, SHALE_STR_ARG(def.name));
            r->sorting[*n_keys].leaf = (int32_t)shale_leaf_count(&before);
            keys[(*n_keys)++] = i;
        }
    return SHALE_OK;
}

static enum shale_status begin_sort(struct rewriting *r, struct shale_err *err)
{
    const struct shale_rewrite_options *options = r->options;
    size_t n_keys = 0, *keys = shale_mem_resize(r->mem, NULL, options->n_sort_by, sizeof *keys);
    enum shale_status status;
    r->sorting = shale_mem_zeroed(r->mem, options->n_sort_by, sizeof *r->sorting);
    status = keys == NULL || r->sorting == NULL ? SHALE_ERR(err, no_memory)
                                                : find_keys(r, keys, &n_keys, err);
    if (status == SHALE_OK && n_keys > 0)
        status = shale_rewrite_sort_new(r->mem, &r->columns, keys, n_keys, r->memory_bytes / 4,
                                        options->temporary, &r->sort, err);
    if (status == SHALE_NOT_FOUND) /* the directory: no file of the table */
        status = SHALE_IO;
    if (r->sort != NULL)
        r->to = shale_rewrite_sort_sink(r->sort);
    shale_mem_free(r->mem, keys);
    return status;
}

/* All rows were read: they go to the new files. */
static enum shale_status finish_sort(struct rewriting *r, struct shale_err *err)
{
    enum shale_status status;
    if (r->sort == NULL)
        return SHALE_OK;
    status = shale_rewrite_sort_end(r->sort, &r->target.n_sorting, err);
    r->target.sorting = r->sorting;
    return status == SHALE_OK ? shale_rewrite_sort_finish(r->sort, &r->target.sink, err) : status;
}

static enum shale_status finish(struct rewriting *r, struct shale_arena *arena,
                                struct shale_err *err)
{
    struct shale_rewritten *out = r->out;
    size_t n_bytes;
    enum shale_status status = flush_collected(r, err);
    if (status == SHALE_OK)
        status = finish_sort(r, err);
    if (status == SHALE_OK)
        status = shale_rewrite_target_finish(&r->target, err);
    if (status != SHALE_OK)
        return status;
    n_bytes = r->target.adds.n_bytes;
    out->n_adds = n_bytes / sizeof *out->adds;
    out->adds = shale_arena_zeroed(arena, out->n_adds + 1, sizeof *out->adds);
    if (out->adds == NULL)
        return SHALE_ERR(err, no_memory);
    if (n_bytes > 0)
        memcpy(out->adds, r->target.adds.data, n_bytes);
    for (size_t i = 0; i < out->n_adds; i++)
        out->bytes_out += out->adds[i].n_bytes;
    return SHALE_OK;
}

enum shale_status shale_rewrite(struct shale_store *store,
                                const struct shale_rewrite_options *options,
                                const struct shale_log_add *files, size_t n_files,
                                struct shale_arena *arena, struct shale_rewritten *out,
                                struct shale_err *err)
{
    struct rewriting r;
    enum shale_status status;
    *out = (struct shale_rewritten){0};
    if (n_files == 0)
        return SHALE_OK;
    out->rows_of = shale_arena_zeroed(arena, n_files, sizeof *out->rows_of);
    if (out->rows_of == NULL)
        return SHALE_ERR(err, no_memory);
    status = begin(&r, store->env, store, options, out, err);
    r.stay = keep_rows;
    r.to = &r.target.sink;
    if (status == SHALE_OK)
        status = look_at_last(&r, &files[n_files - 1], false, err);
    if (status == SHALE_OK)
        shale_rewrite_target_init(&r.target, store, options, &r.columns, &files[0],
                                  r.memory_bytes / (options->n_sort_by > 0 ? 4 : 2), arena);
    if (status == SHALE_OK && options->n_sort_by > 0)
        status = begin_sort(&r, err);
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++)
        status = read_file(&r, &files[i], &out->rows_of[i], err);
    if (status == SHALE_OK)
        status = finish(&r, arena, err);
    end(&r);
    return status;
}

/* ---- Counting ---------------------------------------------------------------------------------
 */

static enum shale_status keep_nothing(struct rewriting *r, int64_t n_rows, int64_t n_staying,
                                      struct shale_err *err)
{
    (void)r;
    (void)n_rows;
    (void)n_staying;
    (void)err;
    return SHALE_OK;
}

enum shale_status shale_rewrite_count(struct shale_store *store,
                                      const struct shale_rewrite_options *options,
                                      const struct shale_log_add *files, size_t n_files,
                                      int64_t *n_gone, struct shale_err *err)
{
    struct shale_rewritten unused = {0};
    struct rewriting r;
    enum shale_status status;
    if (n_files == 0)
        return SHALE_OK;
    status = begin(&r, store->env, store, options, &unused, err);
    r.stay = keep_nothing;
    if (status == SHALE_OK)
        status = look_at_last(&r, &files[n_files - 1], true, err);
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++) {
        int64_t n_rows;
        status = read_file(&r, &files[i], &n_rows, err);
        n_gone[i] = r.n_gone;
    }
    end(&r);
    return status;
}

/* ---- An open file ------------------------------------------------------------------------------
 */

static enum shale_status send_sorted(struct rewriting *r, struct shale_rewrite_receiver *to,
                                     struct shale_err *err)
{
    size_t n_said = 0;
    enum shale_status status = shale_rewrite_sort_end(r->sort, &n_said, err);
    if (status == SHALE_OK)
        status = to->sorted(to, r->sorting, n_said, err);
    return status == SHALE_OK ? shale_rewrite_sort_finish(r->sort, &to->sink, err) : status;
}

static enum shale_status send_reader(struct rewriting *r, struct shale_reader *reader,
                                     struct shale_rewrite_receiver *to, struct shale_err *err)
{
    enum shale_status status = choose_columns(r, shale_reader_file(reader), to == NULL, err);
    if (status == SHALE_OK && to != NULL && r->options->n_sort_by > 0)
        status = begin_sort(r, err);
    if (status == SHALE_OK)
        status = read_reader(r, NULL, reader, err);
    if (status == SHALE_OK)
        status = flush_collected(r, err);
    return status == SHALE_OK && r->sort != NULL ? send_sorted(r, to, err) : status;
}

enum shale_status shale_rewrite_reader(const struct shale_env *env,
                                       const struct shale_rewrite_options *options,
                                       struct shale_reader *reader, size_t first_row_group,
                                       size_t n_row_groups, struct shale_rewrite_receiver *to,
                                       struct shale_rewritten *out, struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(reader);
    struct rewriting r;
    enum shale_status status;
    *out = (struct shale_rewritten){0};
    if (n_row_groups == 0)
        return SHALE_OK;
    status = begin(&r, env, NULL, options, out, err);
    r.first_row_group = first_row_group;
    r.n_row_groups = n_row_groups;
    r.stay = to == NULL ? keep_nothing : keep_rows;
    r.to = to == NULL ? NULL : &to->sink;
    if (status == SHALE_OK)
        status = send_reader(&r, reader, to, err);
    for (size_t i = 0; i < n_row_groups; i++)
        out->rows_in += file->row_groups[first_row_group + i].n_rows;
    out->rows_out = out->rows_in - r.n_gone;
    end(&r);
    return status;
}
