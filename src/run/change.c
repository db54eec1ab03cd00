/* SPDX-License-Identifier: MIT */
/* Objects that the table has, read again (on_change: replace, rebuild): what was in the table of
 * them goes in the commit that brings what they are now.
 *
 *     consumed objects -> set of keys -> files, rejects written anew without their rows
 *                                     -> rebuild: segments of the ledger without theirs */
#include "run/private.h"

#include <stdlib.h>

#include "dataset/object_set.h"
#include "dataset/stats_read.h"
#include "dataset/take_out.h"

enum { LEAST_REWRITE_BYTES = 32 << 20, MOST_NAMED = 20 };

struct change {
    struct run *run;
    struct shale_object_set *set;
    const struct shale_column_def *key; /* the stream's column */
    /* Rows of an object stand together: the answer for the last key. */
    struct shale_buf last;
    bool asked, last_has;
};

bool change_wanted(const struct run *run)
{
    return run->table != NULL && run->options->replay == NULL &&
           (run->options->rebuild || run->stream->on_change == SHALE_ON_CHANGE_REPLACE);
}

static enum shale_status check_rebuild(const struct run *run, struct shale_err *err)
{
    const struct shale_run_options *options = run->options;
    if (options->layout != SHALE_OUTPUT_TABLE)
        return SHALE_ERR(err, change_layout, "a rebuild");
    if (run->stream->dedupe.n_key > 0)
        return SHALE_ERR(err, change_dedupe, "a rebuild");
    if (run->stream->key_field == SIZE_MAX)
        return SHALE_ERR(err, rebuild_key);
    if (options->n_shards > 1)
        return SHALE_ERR(err, rebuild_shard);
    return options->has_dates ? SHALE_OK : SHALE_ERR(err, rebuild_dates);
}

enum shale_status change_check(const struct run *run, struct shale_err *err)
{
    if (run->options->rebuild)
        return check_rebuild(run, err);
    if (run->options->convert || run->options->replay != NULL ||
        run->stream->on_change != SHALE_ON_CHANGE_REPLACE)
        return SHALE_OK;
    return run->options->layout == SHALE_OUTPUT_TABLE
               ? SHALE_OK
               : SHALE_ERR(err, change_layout, "on_change: replace");
}

/* ---- Which objects -----------------------------------------------------------------------------
 */

static enum shale_status add_objects(void *ctx, const struct shale_batch *batch,
                                     struct shale_err *err)
{
    struct change *change = ctx;
    enum shale_status status = SHALE_OK;
    for (int64_t i = 0; i < shale_batch_n_rows(batch) && status == SHALE_OK; i++) {
        struct shale_ledger_row row;
        consumed_row(batch, i, &row);
        if (consumed_replaces(batch, i))
            status = shale_object_set_add(change->set, row.key);
    }
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status has(struct change *change, struct shale_str key, bool *out)
{
    if (!change->asked || !shale_str_equal(shale_buf_str(&change->last), key)) {
        change->asked = false;
        shale_buf_reset(&change->last);
        if (shale_buf_append_str(&change->last, key) != SHALE_OK)
            return SHALE_NOMEM;
        change->asked = true;
        change->last_has = shale_object_set_has(change->set, key);
    }
    *out = change->last_has;
    return SHALE_OK;
}

/* Rows say their key and not their source: where another source has such a key, they cannot be told
 * apart. */
static enum shale_status check_segment(struct change *change, const struct shale_segment *segment,
                                       struct shale_err *err)
{
    struct shale_str ours = change->run->table->source;
    const struct shale_ledger_cursor_options options = {
        .segments = segment, .n_segments = 1, .identity_only = true};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row;
    enum shale_status status =
        shale_ledger_cursor_new(change->run->table->store, &options, &cursor, err);
    while (status == SHALE_OK &&
           (status = shale_ledger_cursor_next(cursor, &row, err)) == SHALE_OK && row != NULL)
        if (!shale_str_equal(row->source, ours) &&
            !shale_str_is(row->source, SHALE_REJECTS_SOURCE) &&
            shale_object_set_has(change->set, row->key))
            status = SHALE_ERR(err, change_two_sources, SHALE_STR_ARG(row->key),
                               SHALE_STR_ARG(row->source));
    shale_ledger_cursor_free(cursor);
    return status;
}

static enum shale_status check_sources(struct change *change, struct shale_err *err)
{
    const struct shale_manifest *manifest = &change->run->table->base.manifest;
    struct shale_str ours = change->run->table->source;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < manifest->n_ledger && status == SHALE_OK; i++) {
        const struct shale_segment *segment = &manifest->ledger[i];
        if (!shale_str_equal(segment->first_source, ours) ||
            !shale_str_equal(segment->last_source, ours))
            status = check_segment(change, segment, err);
    }
    return status;
}

/* ---- Their rows and rejects --------------------------------------------------------------------
 */

static enum shale_status reach(void *ctx, const struct shale_log_add *add,
                               enum shale_erasure_reach *out)
{
    const struct change *change = ctx;
    struct shale_stats_range range;
    struct shale_str first, last;
    enum shale_status status = SHALE_OK;
    *out = SHALE_ERASURE_NONE;
    if (!shale_add_is_ours(add))
        return SHALE_OK;
    shale_stats_range_init(&range, change->run->mem);
    if (add->stats.n_bytes > 0)
        status = shale_stats_range_read(&range, add->stats, change->key);
    first = shale_buf_str(&range.minimum);
    last = shale_buf_str(&range.maximum);
    if (status == SHALE_OK && !(add->n_rows >= 0 && range.n_nulls == add->n_rows) &&
        shale_object_set_reaches(change->set, range.has_minimum ? &first : NULL,
                                 range.has_maximum ? &last : NULL))
        *out = SHALE_ERASURE_SOME;
    shale_stats_range_fini(&range);
    return status;
}

static enum shale_status filter_rows(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                     struct shale_err *err)
{
    const struct shale_column *column = &rows->columns[0];
    if (rows->missing != NULL && rows->missing[0])
        return SHALE_OK;
    for (int64_t i = 0; i < rows->n_rows; i++) {
        const int32_t *at = column->offsets + i;
        bool gone = false;
        if (shale_column_is_null(column, i))
            continue;
        if (has(ctx,
                (struct shale_str){(const char *)column->data + at[0], (size_t)(at[1] - at[0])},
                &gone) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
        keep[i] = keep[i] && !gone;
    }
    return SHALE_OK;
}

static enum shale_status filter_reject(void *ctx, const struct shale_rejects_row *row, bool *keep,
                                       struct shale_err *err)
{
    const struct change *change = ctx;
    bool gone = false;
    if (row->source.n_bytes > 0 && !shale_str_equal(row->source, change->run->table->source))
        return SHALE_OK;
    if (has(ctx, row->object, &gone) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    *keep = *keep && !gone;
    return SHALE_OK;
}

static enum shale_status take_out(struct change *change, struct shale_taken_out *taken,
                                  struct shale_err *err)
{
    struct run *run = change->run;
    const struct shale_stream *stream = run->stream;
    const int64_t memory = run->options->memory_bytes / 4;
    const struct shale_take_out options = {
        .rewrite = {.chunk = run->output_options.chunk,
                    .row_group_bytes = stream->row_group_bytes,
                    .memory_bytes =
                        (size_t)(memory > LEAST_REWRITE_BYTES ? memory : LEAST_REWRITE_BYTES),
                    .temporary = run->options->temporary,
                    .created_by = run->output_options.created_by,
                    .filter = filter_rows,
                    .filter_ctx = change,
                    .filter_columns = &change->key->name,
                    .n_filter_columns = 1},
        .reach = reach,
        .reach_ctx = change,
        .rejects = filter_reject,
        .rejects_ctx = change,
        .force = shale_buf_str(&run->table->forced)};
    return shale_take_out(run->table->store, &run->table->base, &options, &run->table->arena, taken,
                          err);
}

/* ---- Rebuild: their rows of the ledger ---------------------------------------------------------
 */

/* Rows of an old segment beside those of the new one, both in order. */
struct beside {
    struct shale_ledger_cursor *old_rows, *new_rows;
    const struct shale_ledger_row *fresh;
};

static void beside_close(struct beside *beside)
{
    shale_ledger_cursor_free(beside->old_rows);
    shale_ledger_cursor_free(beside->new_rows);
}

static enum shale_status beside_open(struct beside *beside, struct shale_store *store,
                                     const struct shale_segment *old,
                                     const struct shale_segment *fresh, struct shale_err *err)
{
    const struct shale_ledger_cursor_options of_old = {.segments = old, .n_segments = 1};
    const struct shale_ledger_cursor_options of_new = {
        .segments = fresh, .n_segments = 1, .identity_only = true};
    enum shale_status status;
    *beside = (struct beside){.fresh = NULL};
    status = shale_ledger_cursor_new(store, &of_old, &beside->old_rows, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_new(store, &of_new, &beside->new_rows, err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_next(beside->new_rows, &beside->fresh, err);
    return status;
}

/* The next old row (NULL: the end), and whether the new segment has it as well. */
static enum shale_status beside_next(struct beside *beside, const struct shale_ledger_row **old,
                                     bool *both, struct shale_err *err)
{
    enum shale_status status = shale_ledger_cursor_next(beside->old_rows, old, err);
    *both = false;
    while (status == SHALE_OK && *old != NULL && beside->fresh != NULL) {
        int order = shale_ledger_compare(beside->fresh, *old);
        *both = order == 0;
        if (order >= 0)
            break;
        status = shale_ledger_cursor_next(beside->new_rows, &beside->fresh, err);
    }
    return status;
}

/* How many rows of 'old' go, and what they counted. */
static enum shale_status count_old(struct run *run, const struct shale_segment *old,
                                   const struct shale_segment *fresh, int64_t *n_gone,
                                   struct shale_commit *commit, struct shale_err *err)
{
    const struct shale_ledger_row *row;
    struct beside beside;
    bool both;
    enum shale_status status = beside_open(&beside, run->table->store, old, fresh, err);
    while (status == SHALE_OK && (status = beside_next(&beside, &row, &both, err)) == SHALE_OK &&
           row != NULL) {
        if (!both)
            continue;
        ++*n_gone;
        commit->rows_gone -= row->written;
        commit->rejects_gone -= row->rejected;
    }
    beside_close(&beside);
    return status;
}

static enum shale_status write_rest(struct run *run, const struct shale_segment *old,
                                    const struct shale_segment *fresh, struct shale_str input,
                                    struct shale_segment *out, struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_ledger_writer *writer = NULL;
    const struct shale_ledger_row *row;
    struct beside beside;
    char path[SEGMENT_PATH_BYTES];
    bool both;
    enum shale_status status = beside_open(&beside, table->store, old, fresh, err);
    ledger_path(run, path);
    if (status == SHALE_OK)
        status = shale_ledger_writer_new(table->store, path, &writer, err);
    if (status == SHALE_OK)
        shale_ledger_writer_set_input(writer, input);
    while (status == SHALE_OK && (status = beside_next(&beside, &row, &both, err)) == SHALE_OK &&
           row != NULL)
        if (!both)
            status = shale_ledger_writer_add(writer, row, err);
    if (status == SHALE_OK)
        status = shale_ledger_writer_finish(writer, &table->arena, out, err);
    shale_ledger_writer_free(writer);
    beside_close(&beside);
    return status;
}

/* A key's rows in the ledger of the base go; what comes instead is in 'ledger'. */
static enum shale_status change_ledger(struct run *run, const struct shale_segment *ledger,
                                       struct shale_commit *commit, struct shale_err *err)
{
    struct table *table = run->table;
    const struct shale_manifest *manifest = &table->base.manifest;
    size_t n = manifest->n_ledger;
    struct shale_str *out = shale_arena_zeroed(&table->arena, n + 1, sizeof *out);
    struct shale_segment *in = shale_arena_zeroed(&table->arena, n + 1, sizeof *in);
    enum shale_status status = SHALE_OK;
    if (out == NULL || in == NULL)
        return SHALE_ERR(err, no_memory);
    commit->ledger_change = (struct shale_commit_change){.out = out, .in = in};
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        const struct shale_segment *old = &manifest->ledger[i];
        bool forced = shale_str_equal(old->path, shale_buf_str(&table->forced));
        int64_t n_gone = 0;
        status = count_old(run, old, ledger, &n_gone, commit, err);
        if (status != SHALE_OK || (n_gone == 0 && !forced))
            continue;
        out[commit->ledger_change.n_out++] = old->path;
        if (n_gone < old->n_rows)
            status = write_rest(run, old, ledger, shale_buf_str(&run->seq.first_input),
                                &in[commit->ledger_change.n_in++], err);
    }
    return status;
}

/* Objects of those days that the ledger has and that were not read: they are not in the source any
 * more, or not under the tag that was read. */
static enum shale_status count_left(struct change *change, struct shale_err *err)
{
    struct run *run = change->run;
    const struct shale_manifest *manifest = &run->table->base.manifest;
    const struct shale_ledger_cursor_options options = {.segments = manifest->ledger,
                                                        .n_segments = manifest->n_ledger,
                                                        .source = run->table->source,
                                                        .identity_only = true};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row;
    struct shale_buf before;
    int64_t n = 0;
    enum shale_status status = shale_ledger_cursor_new(run->table->store, &options, &cursor, err);
    shale_buf_init(&before, run->mem, SHALE_KEY_BYTES * 64);
    while (status == SHALE_OK &&
           (status = shale_ledger_cursor_next(cursor, &row, err)) == SHALE_OK && row != NULL) {
        if (!plan_takes(run, row->key) || shale_str_equal(row->key, shale_buf_str(&before)) ||
            shale_object_set_has(change->set, row->key))
            continue;
        shale_buf_reset(&before);
        if (shale_buf_append_str(&before, row->key) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        if (n++ < MOST_NAMED)
            shale_log_say(run->env->log, SHALE_LOG_WARN, "left",
                          "%.*s is left as it is: it is not in the source as it was read",
                          SHALE_STR_ARG(row->key));
    }
    if (n > MOST_NAMED)
        shale_log_say(run->env->log, SHALE_LOG_WARN, "left", "%" PRId64 " more objects are left",
                      n - MOST_NAMED);
    run->committed.n_left = n;
    shale_buf_fini(&before);
    shale_ledger_cursor_free(cursor);
    return status;
}

/* ---- The commit --------------------------------------------------------------------------------
 */

static enum shale_status fill(struct change *change, const struct shale_segment *ledger,
                              struct shale_commit *commit, struct shale_err *err)
{
    struct run *run = change->run;
    struct shale_taken_out taken;
    enum shale_status status = check_sources(change, err);
    if (status == SHALE_OK)
        status = take_out(change, &taken, err);
    if (status != SHALE_OK)
        return status;
    if (shale_taken_out_commit(&taken, &run->table->arena, commit) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    run->table->rows_replaced = taken.n_rows;
    run->table->rejects_replaced = taken.n_rejects;
    return run->options->rebuild ? change_ledger(run, ledger, commit, err) : SHALE_OK;
}

enum shale_status change_fill(struct run *run, const struct shale_segment *ledger,
                              struct shale_commit *commit, struct shale_err *err)
{
    struct change change = {.run = run};
    enum shale_status status;
    if (!change_wanted(run))
        return SHALE_OK;
    change.key = &run->stream->schema.columns[run->stream->key_field];
    shale_buf_init(&change.last, run->mem, SIZE_MAX / 2);
    if (shale_object_set_new(run->mem, run->seq.n_consumed, &change.set) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = consumed_each(run, add_objects, &change, err);
    shale_object_set_end(change.set);
    if (status == SHALE_OK && shale_object_set_n(change.set) > 0)
        status = fill(&change, ledger, commit, err);
    if (status == SHALE_OK && run->options->rebuild)
        status = count_left(&change, err);
    shale_object_set_free(change.set);
    shale_buf_fini(&change.last);
    return status == SHALE_NOT_FOUND ? shale_base_missing(run->table->store, &run->table->base, err)
                                     : status;
}

/* ---- A rebuild's first input -------------------------------------------------------------------
 */

/* The first file by name that may have rows of the object. */
static enum shale_status choose_file(struct run *run, struct shale_str key, struct shale_err *err)
{
    const struct shale_column_def *def = &run->stream->schema.columns[run->stream->key_field];
    struct table *table = run->table;
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(table->store, table->base.log, &files, err);
    while (status == SHALE_OK && (status = shale_log_files_next(files, &add, err)) == SHALE_OK &&
           add != NULL) {
        bool may = shale_add_is_ours(add) &&
                   (table->forced.n_bytes == 0 ||
                    shale_str_compare(add->path, shale_buf_str(&table->forced)) < 0);
        if (may && add->stats.n_bytes > 0)
            status = shale_stats_may_hold(run->mem, add->stats, add->n_rows, def, false, key, &may);
        if (status == SHALE_OK && may) {
            shale_buf_reset(&table->forced);
            status = shale_buf_append_str(&table->forced, add->path);
        }
        if (status != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    }
    shale_log_files_free(files);
    return status;
}

static enum shale_status has_rejects(const struct run *run, const struct shale_segment *segment,
                                     struct shale_str key, bool *out, struct shale_err *err)
{
    const struct shale_rejects_read_options options = {
        .n_rows = segment->n_rows, .object = key, .columns = SHALE_REJECTS_NO_EVENTS};
    struct shale_rejects_reader *reader;
    const struct shale_rejects_row *row;
    enum shale_status status =
        shale_rejects_open(run->table->store, segment->path, &options, &reader, err);
    *out = false;
    while (status == SHALE_OK && !*out &&
           (status = shale_rejects_next(reader, &row, err)) == SHALE_OK && row != NULL)
        *out = row->source.n_bytes == 0 || shale_str_equal(row->source, run->table->source);
    shale_rejects_close(reader);
    return status;
}

/* A segment of rejects that has some of the object, or else one of the ledger. */
static enum shale_status choose_segment(struct run *run, struct shale_str key,
                                        struct shale_err *err)
{
    struct table *table = run->table;
    const struct shale_manifest *manifest = &table->base.manifest;
    const struct shale_segment *found = NULL;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < manifest->n_rejects && found == NULL && status == SHALE_OK; i++) {
        bool has;
        status = has_rejects(run, &manifest->rejects[i], key, &has, err);
        found = status == SHALE_OK && has ? &manifest->rejects[i] : NULL;
    }
    for (size_t i = 0; i < manifest->n_ledger && found == NULL; i++)
        if (shale_str_compare(manifest->ledger[i].first_source, table->source) <= 0 &&
            shale_str_compare(manifest->ledger[i].last_source, table->source) >= 0)
            found = &manifest->ledger[i];
    if (status == SHALE_OK && found != NULL &&
        shale_buf_append_str(&table->forced, found->path) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    return status;
}

enum shale_status change_choose_input(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_buf key;
    enum shale_status status;
    shale_buf_reset(&table->forced);
    shale_buf_init(&key, run->mem, SIZE_MAX / 2);
    status = plan_first(run, &key, err);
    if (status == SHALE_OK && key.n_bytes > 0)
        status = choose_file(run, shale_buf_str(&key), err);
    if (status == SHALE_OK && key.n_bytes > 0 && table->forced.n_bytes == 0)
        status = choose_segment(run, shale_buf_str(&key), err);
    shale_buf_fini(&key);
    return status;
}
