/* SPDX-License-Identifier: MIT */
/* Compaction: bins are picked, written anew, and committed, some at a time.
 *
 *     READ --pick--> BINS --rewrite--> BUILT --commit--> DONE
 *       ^                                |                 |
 *       +--- a file of ours was taken ---+                 |
 *       +--- behind what was committed, while there is more
 */
#include "dataset/compact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "dataset/compact_parts.h"
#include "dataset/first_input.h"
#include "dataset/take_out.h"

enum {
    MOST_TRIES = 12,
    LIST_BYTES = 1 << 30,
    INPUT_BYTES = 1 << 16,
    /* What one commit takes out at most, and a bin more: so much work is lost with it. */
    COMMIT_FILES = 50000,
    COMMIT_TEXT_BYTES = 32 << 20, /* what the log is to say of new files */
    N_METRICS = 6,
    FIRST_WAIT_US = 50000,
};
#define COMMIT_BYTES ((int64_t)16 << 30)

struct compacting {
    struct shale_store *store;
    const struct shale_compact_options *options;
    struct shale_compacted *out;
    struct shale_str stream; /* whose table it is; "": a foreign one */
    struct shale_base base;
    struct shale_arena arena; /* of an attempt */
    /* How far it is committed, and the texts of that: */
    struct shale_compact_walk walk;
    struct shale_buf partition, path;
    int n_tries; /* since then */
    /* Waiting to be committed: */
    struct shale_buf adds, removes;
    struct shale_compacted sums;
    size_t text_bytes; /* of the adds */
    int64_t rows_gone; /* rows of ours less, with new files all of which are ours */
};

static void forget_built(struct compacting *c)
{
    shale_buf_reset(&c->adds);
    shale_buf_reset(&c->removes);
    c->sums = (struct shale_compacted){0};
    c->text_bytes = 0;
    c->rows_gone = 0;
}

/* ---- One bin ----------------------------------------------------------------------------------
 */

static enum shale_status note_removes(struct compacting *c, const struct shale_compact_bin *bin)
{
    const struct shale_env *env = c->store->env;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < bin->n_files && status == SHALE_OK; i++) {
        const struct shale_log_remove remove = {.path = bin->files[i].path,
                                                .url = bin->files[i].url,
                                                .deleted_ms = env->wall_us(env->ctx) / 1000};
        status = shale_buf_append(&c->removes, &remove, sizeof remove);
    }
    return status;
}

static enum shale_status note(struct compacting *c, const struct shale_compact_bin *bin,
                              const struct shale_rewritten *rewritten)
{
    enum shale_status status = note_removes(c, bin);
    if (status == SHALE_OK && rewritten->n_adds > 0)
        status = shale_buf_append(&c->adds, rewritten->adds,
                                  rewritten->n_adds * sizeof *rewritten->adds);
    c->sums.n_partitions += bin->begins_partition;
    c->sums.n_removed += (int64_t)bin->n_files;
    c->sums.n_added += (int64_t)rewritten->n_adds;
    c->sums.bytes_removed += bin->n_bytes;
    c->sums.bytes_added += rewritten->bytes_out;
    c->sums.n_rows += rewritten->rows_out;
    for (size_t i = 0; i < rewritten->n_adds; i++)
        c->text_bytes += rewritten->adds[i].stats.n_bytes + sizeof *rewritten->adds;
    for (size_t i = 0; i < bin->n_files && rewritten->rows_of != NULL; i++)
        c->rows_gone += bin->is_ours[i] ? rewritten->rows_of[i] : 0;
    c->rows_gone -= rewritten->rows_out;
    return status;
}

static enum shale_status rewrite(struct compacting *c, const struct shale_compact_bin *bin,
                                 const struct shale_compact_style *style,
                                 struct shale_rewritten *out, struct shale_err *err)
{
    const struct shale_compact_options *options = c->options;
    struct shale_rewrite_options rewrite_options = {
        .log = c->base.log,
        .chunk = style->chunk,
        .columns = options->stream != NULL ? &options->stream->schema : NULL,
        .row_group_bytes = options->stream != NULL ? options->stream->row_group_bytes : 0,
        .target_bytes =
            options->target_bytes > 0 ? options->target_bytes : SHALE_COMPACT_TARGET_BYTES,
        .sort_by = style->sort_by,
        .n_sort_by = style->n_sort_by,
        .memory_bytes = options->memory_bytes,
        .temporary = options->temporary,
        .created_by = options->created_by};
    struct shale_buf input;
    enum shale_status status;
    shale_buf_init(&input, c->store->env->mem, INPUT_BYTES);
    status = shale_first_input_file(bin->files[0].path, &input) == SHALE_OK
                 ? SHALE_OK
                 : SHALE_ERR(err, no_memory);
    rewrite_options.input = shale_buf_str(&input);
    if (status == SHALE_OK)
        status = shale_rewrite(c->store, &rewrite_options, bin->files, bin->n_files, &c->arena, out,
                               err);
    shale_buf_fini(&input);
    return status;
}

static enum shale_status merge_bin(struct compacting *c, const struct shale_compact_bin *bin,
                                   struct shale_err *err)
{
    struct shale_compact_style style;
    struct shale_rewritten rewritten = {0};
    bool sorted;
    enum shale_status status =
        shale_compact_style(c->store, c->options, bin, &c->arena, &style, &sorted, err);
    if (status == SHALE_OK && sorted)
        return SHALE_OK;
    if (status == SHALE_OK && !c->options->dry_run)
        status = rewrite(c, bin, &style, &rewritten, err);
    if (status == SHALE_NOT_FOUND)
        return shale_base_missing(c->store, &c->base, err);
    if (status == SHALE_OK && rewritten.rows_in != rewritten.rows_out)
        return SHALE_ERR(err, compact_rows, (long long)rewritten.rows_in,
                         (long long)rewritten.rows_out);
    if (status != SHALE_OK)
        return status;
    return note(c, bin, &rewritten) == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* ---- One commit -------------------------------------------------------------------------------
 */

static enum shale_status fill_info(struct compacting *c, struct shale_log_info *info)
{
    const struct {
        const char *name;
        int64_t value;
    } figures[N_METRICS] = {
        {"numRemovedFiles", c->sums.n_removed},     {"numAddedFiles", c->sums.n_added},
        {"numRemovedBytes", c->sums.bytes_removed}, {"numAddedBytes", c->sums.bytes_added},
        {"numOutputRows", c->sums.n_rows},          {"partitionsOptimized", c->sums.n_partitions}};
    static const struct shale_log_pair parameters[] = {{{"predicate", 9}, {"\"[]\"", 4}},
                                                       {{"zOrderBy", 8}, {"\"[]\"", 4}},
                                                       {{"auto", 4}, {"false", 5}}};
    const struct shale_env *env = c->store->env;
    struct shale_log_pair *pairs = shale_arena_zeroed(&c->arena, N_METRICS, sizeof *pairs);
    if (pairs == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < N_METRICS; i++) {
        char *text = shale_arena_zeroed(&c->arena, 24, 1);
        if (text == NULL)
            return SHALE_NOMEM;
        (void)snprintf(text, 24, "%" PRId64, figures[i].value);
        pairs[i] = (struct shale_log_pair){shale_str_of(figures[i].name), shale_str_of(text)};
    }
    *info = (struct shale_log_info){.operation = SHALE_STR("OPTIMIZE"),
                                    .parameters = parameters,
                                    .n_parameters = sizeof parameters / sizeof parameters[0],
                                    .metrics = pairs,
                                    .n_metrics = N_METRICS,
                                    .timestamp_ms = env->wall_us(env->ctx) / 1000};
    return SHALE_OK;
}

static void add_sums(struct compacting *c)
{
    c->out->n_partitions += c->sums.n_partitions;
    c->out->n_removed += c->sums.n_removed;
    c->out->n_added += c->sums.n_added;
    c->out->bytes_removed += c->sums.bytes_removed;
    c->out->bytes_added += c->sums.bytes_added;
    c->out->n_rows += c->sums.n_rows;
}

/* The table is compact: what goes wrong with its checkpoint is left to the next commit. */
static void write_checkpoint(struct compacting *c)
{
    struct shale_log_state *log = NULL;
    struct shale_err warning;
    enum shale_status status;
    shale_err_clear(&warning);
    status = shale_log_read(c->store, c->base.log, &log, &warning);
    if (status == SHALE_OK && shale_log_checkpoint_due(log))
        status = shale_log_checkpoint(c->store, log, &warning);
    if (status != SHALE_OK)
        shale_log_err(c->store->env->log, SHALE_LOG_WARN, &warning);
    shale_log_state_free(c->store->env->mem, log);
}

static enum shale_status commit(struct compacting *c, struct shale_err *err)
{
    struct shale_commit commit = {.stream = c->stream,
                                  .adds = (const void *)c->adds.data,
                                  .n_adds = c->adds.n_bytes / sizeof(struct shale_log_add),
                                  .removes = (const void *)c->removes.data,
                                  .n_removes = c->removes.n_bytes / sizeof(struct shale_log_remove),
                                  .rows_gone = c->rows_gone,
                                  .keeps_schema = true};
    struct shale_committed committed;
    enum shale_status status = SHALE_OK;
    if (commit.n_removes > 0 && !c->options->dry_run) {
        status = fill_info(c, &commit.info) == SHALE_OK ? shale_store_settle(c->store, err)
                                                        : SHALE_ERR(err, no_memory);
        if (status == SHALE_OK)
            status = shale_commit(c->store, &c->base, &commit, &committed, err);
        if (status == SHALE_OK) {
            c->out->version = committed.version;
            c->out->n_commits++;
            write_checkpoint(c);
        }
    }
    if (status == SHALE_OK)
        add_sums(c);
    forget_built(c);
    return status;
}

/* ---- All bins ---------------------------------------------------------------------------------
 */

static bool has_room(const struct compacting *c)
{
    return c->options->dry_run ||
           (c->sums.bytes_removed < COMMIT_BYTES && c->sums.n_removed < COMMIT_FILES &&
            c->text_bytes < COMMIT_TEXT_BYTES);
}

/* What comes next lies behind 'place'. */
static enum shale_status move_to(struct compacting *c, const struct shale_compact_place *place)
{
    enum shale_status status;
    shale_buf_reset(&c->partition);
    shale_buf_reset(&c->path);
    status = shale_buf_append_str(&c->partition, place->partition);
    if (status == SHALE_OK)
        status = shale_buf_append_str(&c->path, place->path);
    c->walk.place = *place;
    c->walk.place.partition = shale_buf_str(&c->partition);
    c->walk.place.path = shale_buf_str(&c->path);
    c->n_tries = 0;
    return status;
}

/* After each commit there is a newer base: '*again' when there may be more for it. */
static enum shale_status attempt(struct compacting *c, bool *again, struct shale_err *err)
{
    const struct shale_mem *mem = c->store->env->mem;
    struct shale_compact_picked picked;
    size_t i = 0;
    enum shale_status status =
        shale_compact_pick(c->store, c->base.log, c->options, &c->walk, &c->arena, &picked, err);
    for (; status == SHALE_OK && i < picked.n_bins && has_room(c); i++)
        status = merge_bin(c, &picked.bins[i], err);
    *again = i < picked.n_bins || picked.more;
    if (status == SHALE_OK)
        status = commit(c, err);
    if (status == SHALE_OK && *again &&
        move_to(c, i < picked.n_bins ? &picked.bins[i - 1].end : &picked.end) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    shale_compact_picked_free(mem, &picked);
    return status;
}

static enum shale_status read_base(struct compacting *c, struct shale_err *err)
{
    enum shale_status status = shale_base_read(c->store, c->stream, &c->base, err);
    if (status == SHALE_OK && c->base.log->version < 0) {
        shale_base_fini(&c->base, c->store->env->mem);
        return SHALE_ERR(err, verify_no_table, c->store->name);
    }
    return status;
}

/* Was it only that somebody else took files?  Then those that are left are packed again. */
static bool is_lost(enum shale_status status)
{
    return status == SHALE_CONFLICT || status == SHALE_NOT_FOUND;
}

static void wait_a_while(const struct compacting *c)
{
    const struct shale_env *env = c->store->env;
    int64_t most = (int64_t)FIRST_WAIT_US << (c->n_tries < 6 ? c->n_tries : 6);
    if (env->sleep_us != NULL)
        env->sleep_us(env->ctx, (int64_t)(env->random_u64(env->ctx) % (uint64_t)most));
}

static enum shale_status compact(struct compacting *c, struct shale_err *err)
{
    const struct shale_env *env = c->store->env;
    bool again = true;
    enum shale_status status = SHALE_OK;
    while (again && status == SHALE_OK) {
        if (env->cancelled != NULL && env->cancelled(env->ctx))
            return SHALE_ERR(err, interrupted);
        status = read_base(c, err);
        if (status != SHALE_OK)
            return status;
        status = attempt(c, &again, err);
        forget_built(c);
        shale_arena_reset(&c->arena);
        shale_base_fini(&c->base, env->mem);
        if (!is_lost(status) || ++c->n_tries == MOST_TRIES)
            continue;
        c->out->n_retries++;
        shale_err_clear(err);
        wait_a_while(c);
        status = SHALE_OK;
        again = true;
    }
    return status;
}

/* Whose table is it? */
static enum shale_status read_stream(struct compacting *c, struct shale_arena *arena,
                                     struct shale_err *err)
{
    const struct shale_stream *stream = c->options->stream;
    struct shale_log_state *log;
    enum shale_status status = shale_log_read(c->store, NULL, &log, err);
    if (status != SHALE_OK)
        return status;
    if (log->version < 0)
        status = SHALE_ERR(err, verify_no_table, c->store->name);
    else if (stream != NULL && log->stream.n_bytes > 0 &&
             !shale_str_equal(log->stream, stream->name))
        status = SHALE_ERR(err, table_stream, c->store->name, SHALE_STR_ARG(log->stream),
                           SHALE_STR_ARG(stream->name));
    c->stream = (struct shale_str){shale_arena_copy(arena, log->stream), log->stream.n_bytes};
    if (c->stream.data == NULL)
        status = SHALE_ERR(err, no_memory);
    shale_log_state_free(c->store->env->mem, log);
    return status;
}

enum shale_status shale_compact(struct shale_store *store,
                                const struct shale_compact_options *options,
                                struct shale_compacted *out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct compacting c = {.store = store, .options = options, .out = out};
    struct shale_arena arena; /* of the stream's name */
    enum shale_status status;
    *out = (struct shale_compacted){.version = -1};
    shale_arena_init(&arena, mem, LIST_BYTES);
    shale_arena_init(&c.arena, mem, LIST_BYTES);
    shale_buf_init(&c.adds, mem, LIST_BYTES);
    shale_buf_init(&c.removes, mem, LIST_BYTES);
    shale_buf_init(&c.partition, mem, LIST_BYTES);
    shale_buf_init(&c.path, mem, LIST_BYTES);
    status = read_stream(&c, &arena, err);
    if (status == SHALE_OK)
        status = compact(&c, err);
    shale_buf_fini(&c.adds);
    shale_buf_fini(&c.removes);
    shale_buf_fini(&c.partition);
    shale_buf_fini(&c.path);
    shale_mem_free(mem, c.walk.counts);
    shale_arena_fini(&c.arena);
    shale_arena_fini(&arena);
    return status;
}
