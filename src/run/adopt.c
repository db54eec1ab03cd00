/* SPDX-License-Identifier: MIT */
/* --adopt: another tool's file becomes a checkpoint.  One commit before the first phase writes the
 * objects that it already holds, as the user says, to the ledger; its rows stay as they are.  With
 * it the permission ends: another file that comes later is refused. */
#include "run/private.h"

#include <string.h>

#include "schema/time.h"

struct adoption {
    struct run *run;
    const char *before; /* the key, or (is_day) the day */
    bool is_day;
    int32_t day;
    struct shale_ledger_writer *writer; /* NULL before the first object */
    struct shale_buf input;             /* the first one: SHALE_TAG_INPUT */
};

enum { ADOPT_TRIES = 8, MAX_INPUT_BYTES = 1 << 20 };

/* Is the object below what the user named? */
static bool is_held(const struct adoption *adoption, struct shale_str key)
{
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    const struct shale_stream *stream = adoption->run->stream;
    int32_t first, last;
    if (!adoption->is_day)
        return shale_str_compare(key, shale_str_of(adoption->before)) < 0;
    for (size_t i = 0; i < stream->n_keys; i++)
        if (shale_template_match(&stream->keys[i], key, values))
            return shale_template_days(&stream->keys[i], values, &first, &last) &&
                   last < adoption->day;
    return false;
}

static enum shale_status take_object(void *ctx, const struct shale_listed *listed,
                                     struct shale_err *err)
{
    struct adoption *adoption = ctx;
    struct run *run = adoption->run;
    struct table *table = run->table;
    char tag[TAG_BYTES], path[SEGMENT_PATH_BYTES];
    const struct shale_ledger_row row = {.source = table->source,
                                         .key = listed->key,
                                         .tag = object_tag(listed->n_bytes, listed->mtime_ns, tag),
                                         .state = SHALE_LEDGER_DONE,
                                         .n_bytes = listed->n_bytes,
                                         .definition = shale_str_of(run->stream->hash)};
    enum shale_status status = SHALE_OK;
    if (!is_held(adoption, listed->key))
        return SHALE_OK;
    if (adoption->writer == NULL) {
        ledger_path(run, path);
        status = shale_ledger_writer_new(table->store, path, &adoption->writer, err);
        if (status == SHALE_OK &&
            shale_first_input_object(row.source, row.key, row.tag, 0, &adoption->input) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        if (status == SHALE_OK)
            shale_ledger_writer_set_input(adoption->writer, shale_buf_str(&adoption->input));
    }
    return status == SHALE_OK ? shale_ledger_writer_add(adoption->writer, &row, err) : status;
}

static enum shale_status commit_objects(struct adoption *adoption, struct shale_err *err)
{
    struct run *run = adoption->run;
    struct table *table = run->table;
    /* Rows that no object of the ledger accounts for. */
    struct shale_commit commit = {.stream = run->stream->name,
                                  .schema = &run->stream->schema,
                                  .rows_gone = -shale_single_n_rows(table->single)};
    struct shale_segment ledger = {0};
    struct shale_committed committed;
    enum shale_status status = plan_each(run, take_object, adoption, err);
    if (status == SHALE_OK && adoption->writer != NULL) {
        status = shale_ledger_writer_finish(adoption->writer, &table->arena, &ledger, err);
        commit.ledger = &ledger;
    }
    if (status == SHALE_OK)
        status = shale_single_commit(table->single, &table->base, &commit, NULL, &committed, err);
    if (status == SHALE_OK)
        shale_log_say(run->env->log, SHALE_LOG_INFO, "adopted",
                      "%s: %" PRId64 " rows are kept, and %" PRId64
                      " objects count as consumed that are in them",
                      run->options->output, shale_single_n_rows(table->single), ledger.n_rows);
    shale_ledger_writer_free(adoption->writer);
    adoption->writer = NULL;
    shale_buf_reset(&adoption->input);
    shale_arena_reset(&table->arena);
    return status;
}

enum shale_status adopt(struct run *run, struct shale_err *err)
{
    const char *before = run->options->consumed_before;
    struct adoption adoption = {.run = run, .before = before == NULL ? "" : before};
    enum shale_status status = SHALE_OK;
    adoption.is_day = shale_date_parse(shale_str_of(adoption.before), &adoption.day);
    if (adoption.is_day && !plan_has_dates(run))
        return SHALE_ERR(err, dates_unknown);
    shale_buf_init(&adoption.input, run->mem, MAX_INPUT_BYTES);
    if (!shale_single_exists(run->table->single))
        status = SHALE_ERR(err, adopt_missing, run->options->output);
    else if (!shale_single_is_foreign(run->table->single))
        shale_log_say(run->env->log, SHALE_LOG_WARN, "adopted_already",
                      "%s has its ledger already: nothing to adopt", run->options->output);
    for (int i = 0;
         i < ADOPT_TRIES && status == SHALE_OK && shale_single_is_foreign(run->table->single);
         i++) {
        status = commit_objects(&adoption, err);
        if (status != SHALE_OK && status != SHALE_CONFLICT)
            break;
        shale_err_clear(err);
        status = table_read_base(run, err);
        if (status != SHALE_OK)
            break;
    }
    if (status == SHALE_OK && shale_single_is_foreign(run->table->single))
        status = SHALE_ERR(err, adopt_lost, run->options->output);
    shale_single_adopted(run->table->single);
    shale_buf_fini(&adoption.input);
    return status;
}
