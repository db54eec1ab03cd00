/* SPDX-License-Identifier: MIT */
/* Expire and erase: read a base, take the rows out, commit; from the beginning when that lost.
 *
 *     READ --base--> BUILT --commit--> DONE
 *      ^               |
 *      +---- lost -----+ */
#include "dataset/erase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataset/erase_parts.h"
#include "dataset/take_out.h"
#include "json/writer.h"

enum { MOST_BYTES = 1 << 30, MOST_TRIES = 50, WORDS_BYTES = 1 << 20, N_METRICS = 4 };

struct erasing {
    struct shale_store *store;
    const struct shale_erase_options *options;
    struct shale_erased *out;
    struct shale_base base;
    struct shale_arena arena; /* of one attempt */
    struct shale_erase_asked asked;
};

/* ---- What is asked of files and rows -----------------------------------------------------------
 */

static enum shale_status reach(void *ctx, const struct shale_log_add *add,
                               enum shale_erasure_reach *out)
{
    const struct erasing *erasing = ctx;
    return shale_erasures_file(erasing->asked.erasures, add, out);
}

static enum shale_status take_out(struct erasing *erasing, struct shale_taken_out *taken,
                                  struct shale_err *err)
{
    const struct shale_erase_options *options = erasing->options;
    struct shale_erase_asked *asked = &erasing->asked;
    const struct shale_take_out how = {
        .rewrite = {.chunk = options->chunk,
                    .memory_bytes = options->memory_bytes,
                    .temporary = options->temporary,
                    .created_by = options->created_by,
                    .filter = shale_erase_filter,
                    .filter_ctx = asked,
                    .filter_columns = asked->columns,
                    .n_filter_columns = asked->n_columns},
        .reach = reach,
        .reach_ctx = erasing,
        .rejects = asked->rejects != NULL ? shale_erasure_rejects_filter : NULL,
        .rejects_ctx = asked->rejects,
        .dry_run = options->dry_run};
    return shale_take_out(erasing->store, &erasing->base, &how, &erasing->arena, taken, err);
}

/* ---- The commit --------------------------------------------------------------------------------
 */

/* "[\"(name = 'x' AND at < '2024-01-01')\"]", in quotes: as Delta's own writers have it. */
static enum shale_status put_predicate(const struct erasing *erasing, struct shale_buf *words,
                                       struct shale_buf *list, struct shale_buf *quoted)
{
    size_t n = erasing->options->n_conditions;
    struct shale_json_writer json;
    enum shale_status status = shale_buf_append_byte(words, '(');
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        const struct shale_erasure *one = &erasing->asked.conditions[i];
        bool is_null = !one->is_before && shale_str_is(one->value, "null");
        status =
            shale_buf_printf(words, "%s%.*s %s ", i > 0 ? " AND " : "", SHALE_STR_ARG(one->column),
                             is_null          ? "IS"
                             : one->is_before ? "<"
                                              : "=");
        if (status == SHALE_OK)
            status = is_null ? shale_buf_append_str(words, SHALE_STR("NULL"))
                             : shale_buf_printf(words, "'%.*s'", SHALE_STR_ARG(one->value));
    }
    if (status == SHALE_OK)
        status = shale_buf_append_byte(words, ')');
    shale_json_writer_init(&json, list);
    shale_json_put_begin(&json, '[');
    shale_json_put_string(&json, shale_buf_str(words));
    shale_json_put_end(&json, ']');
    if (status == SHALE_OK)
        status = json.status;
    shale_json_writer_init(&json, quoted);
    shale_json_put_string(&json, shale_buf_str(list));
    return status == SHALE_OK ? json.status : status;
}

static enum shale_status fill_predicate(struct erasing *erasing, struct shale_log_info *info)
{
    struct shale_log_pair *pair = shale_arena_zeroed(&erasing->arena, 1, sizeof *pair);
    const struct shale_mem *mem = erasing->store->env->mem;
    struct shale_buf words, list, quoted;
    enum shale_status status;
    if (pair == NULL)
        return SHALE_NOMEM;
    shale_buf_init(&words, mem, WORDS_BYTES);
    shale_buf_init(&list, mem, WORDS_BYTES);
    shale_buf_init(&quoted, mem, WORDS_BYTES);
    status = put_predicate(erasing, &words, &list, &quoted);
    if (status == SHALE_OK) {
        pair->key = SHALE_STR("predicate");
        pair->value = (struct shale_str){shale_arena_copy(&erasing->arena, shale_buf_str(&quoted)),
                                         quoted.n_bytes};
        status = pair->value.data == NULL ? SHALE_NOMEM : SHALE_OK;
    }
    shale_buf_fini(&words);
    shale_buf_fini(&list);
    shale_buf_fini(&quoted);
    info->parameters = pair;
    info->n_parameters = 1;
    return status;
}

static enum shale_status fill_info(struct erasing *erasing, const struct shale_taken_out *taken,
                                   struct shale_log_info *info)
{
    const struct {
        const char *name;
        int64_t value;
    } figures[N_METRICS] = {{"numRemovedFiles", (int64_t)taken->n_removes},
                            {"numAddedFiles", (int64_t)taken->n_adds},
                            {"numDeletedRows", taken->n_rows},
                            {"rejectsDeleted", taken->n_rejects}};
    const struct shale_env *env = erasing->store->env;
    struct shale_log_pair *pairs = shale_arena_zeroed(&erasing->arena, N_METRICS, sizeof *pairs);
    if (pairs == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < N_METRICS; i++) {
        char *text = shale_arena_zeroed(&erasing->arena, 24, 1);
        if (text == NULL)
            return SHALE_NOMEM;
        (void)snprintf(text, 24, "%" PRId64, figures[i].value);
        pairs[i] = (struct shale_log_pair){shale_str_of(figures[i].name), shale_str_of(text)};
    }
    *info = (struct shale_log_info){.operation = SHALE_STR("DELETE"),
                                    .metrics = pairs,
                                    .n_metrics = N_METRICS,
                                    .is_blind_append = false,
                                    .timestamp_ms = env->wall_us(env->ctx) / 1000};
    return fill_predicate(erasing, info);
}

/* Has a commit since 'before' brought rows that no run read from a source just now?  A replay and a
 * rebuild may bring such as are to go; a run's objects are new ones, a compaction's rows the same.
 */
static enum shale_status check(void *ctx, const struct shale_base *before,
                               const struct shale_base *newest, bool *conflict,
                               struct shale_err *err)
{
    struct erasing *erasing = ctx;
    const struct shale_mem *mem = erasing->store->env->mem;
    enum shale_status status = SHALE_OK;
    for (int64_t v = before->log->version + 1;
         v <= newest->log->version && status == SHALE_OK && !*conflict; v++) {
        struct shale_log_entry entry;
        struct shale_arena arena;
        shale_arena_init(&arena, mem, MOST_BYTES);
        status = shale_log_entry_read(erasing->store, &arena, v, &entry, err);
        *conflict =
            status == SHALE_NOT_FOUND || (status == SHALE_OK && !entry.info.is_blind_append &&
                                          !shale_str_is(entry.info.operation, "OPTIMIZE"));
        status = status == SHALE_NOT_FOUND ? SHALE_OK : status;
        shale_arena_fini(&arena);
    }
    return status;
}

static enum shale_status commit(struct erasing *erasing, const struct shale_taken_out *taken,
                                struct shale_err *err)
{
    struct shale_committed committed = {.version = -1};
    struct shale_commit commit = {.stream = erasing->base.log->stream,
                                  .erasures = erasing->asked.conditions,
                                  .n_erasures = erasing->options->n_conditions,
                                  .keeps_schema = true,
                                  .check = check,
                                  .check_ctx = erasing};
    enum shale_status status = shale_taken_out_commit(taken, &erasing->arena, &commit);
    if (status == SHALE_OK)
        status = fill_info(erasing, taken, &commit.info);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = shale_store_settle(erasing->store, err);
    if (status == SHALE_OK)
        status = shale_commit(erasing->store, &erasing->base, &commit, &committed, err);
    if (status == SHALE_OK)
        erasing->out->version = committed.version;
    return status;
}

/* ---- Attempts ----------------------------------------------------------------------------------
 */

static enum shale_status attempt(struct erasing *erasing, struct shale_err *err)
{
    struct shale_taken_out taken = {0};
    struct shale_erased *out = erasing->out;
    enum shale_status status = shale_erase_ask(
        erasing->store->env->mem, erasing->options, erasing->base.log,
        erasing->base.manifest.n_rejects > 0, &erasing->arena, &erasing->asked, err);
    if (status == SHALE_OK)
        status = take_out(erasing, &taken, err);
    if (status != SHALE_OK)
        return status;
    out->n_rows = taken.n_rows;
    out->n_rejects = taken.n_rejects;
    out->n_removed = (int64_t)taken.n_removes;
    out->n_added = (int64_t)taken.n_adds;
    return erasing->options->dry_run ? SHALE_OK : commit(erasing, &taken, err);
}

static void forget_attempt(struct erasing *erasing)
{
    shale_erase_asked_free(&erasing->asked);
    shale_arena_reset(&erasing->arena);
    shale_base_fini(&erasing->base, erasing->store->env->mem);
}

/* Whose table it is. */
static enum shale_status read_stream(struct shale_store *store, struct shale_arena *arena,
                                     struct shale_str *out, struct shale_err *err)
{
    struct shale_log_state *log = NULL;
    enum shale_status status = shale_log_read(store, NULL, &log, err);
    if (status != SHALE_OK)
        return status;
    if (log->version < 0)
        status = SHALE_ERR(err, verify_no_table, store->name);
    else if (log->stream.n_bytes == 0)
        status = SHALE_ERR(err, erase_foreign, store->name);
    *out = (struct shale_str){shale_arena_copy(arena, log->stream), log->stream.n_bytes};
    if (out->data == NULL)
        status = SHALE_ERR(err, no_memory);
    shale_log_state_free(store->env->mem, log);
    return status;
}

enum shale_status shale_erase(struct shale_store *store, const struct shale_erase_options *options,
                              struct shale_erased *out, struct shale_err *err)
{
    const struct shale_env *env = store->env;
    struct erasing erasing = {.store = store, .options = options, .out = out};
    struct shale_arena arena; /* of the stream's name */
    struct shale_str stream = {NULL, 0};
    enum shale_status status;
    *out = (struct shale_erased){.version = -1};
    shale_arena_init(&arena, env->mem, MOST_BYTES);
    shale_arena_init(&erasing.arena, env->mem, MOST_BYTES);
    status = read_stream(store, &arena, &stream, err);
    if (status == SHALE_OK)
        status = SHALE_CONFLICT;
    for (int i = 0; i < MOST_TRIES && status == SHALE_CONFLICT; i++) {
        if (env->cancelled(env->ctx)) {
            status = SHALE_ERR(err, interrupted);
            break;
        }
        out->n_built_again = i;
        shale_err_clear(err);
        status = shale_base_read(store, stream, &erasing.base, err);
        if (status != SHALE_OK)
            break;
        status = attempt(&erasing, err);
        forget_attempt(&erasing);
    }
    if (status != SHALE_OK) /* nothing went */
        *out = (struct shale_erased){.version = -1, .n_built_again = out->n_built_again};
    shale_arena_fini(&erasing.arena);
    shale_arena_fini(&arena);
    return status;
}
