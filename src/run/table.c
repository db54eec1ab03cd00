/* SPDX-License-Identifier: MIT */
/* A run into a table: what it builds on, and what of a listing is new. */
#include "run/private.h"

#include <string.h>

#include "json/text.h"

enum { MAX_COMMIT_BYTES = 1 << 30, MAX_KEY_BYTES = 1 << 16, BASE_TRIES = 8 };

/* ---- What it builds on ------------------------------------------------------------------------
 */

static void count_rows(struct table *table)
{
    const struct shale_manifest *manifest = &table->base.manifest;
    table->rows_total = table->single != NULL ? shale_single_n_rows(table->single) : 0;
    if (table->single != NULL)
        return;
    for (size_t i = 0; i < manifest->n_ledger; i++)
        table->rows_total += manifest->ledger[i].written;
    table->rows_total -= manifest->rows_gone;
}

static void drop_base(struct run *run)
{
    struct table *table = run->table;
    shale_decider_free(table->decider);
    table->decider = NULL;
    replay_end(run);
    dedupe_end(run);
    shale_erasures_free(table->erasures);
    table->erasures = NULL;
    if (table->has_base)
        shale_base_fini(&table->base, run->mem);
    table->has_base = false;
}

enum shale_status table_read_base(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    enum shale_status status;
    drop_base(run);
    status = table->single != NULL
                 ? shale_single_read(table->single, &table->base, err)
                 : shale_base_read(table->store, run->stream->name, &table->base, err);
    table->has_base = status == SHALE_OK;
    if (status == SHALE_OK)
        count_rows(table);
    return status;
}

/* The source's name in the ledger must be text: it stands in Parquet and in JSON. */
static enum shale_status name_source(struct run *run, struct shale_err *err)
{
    run->table->source = run->stream->source_id;
    if (run->table->source.n_bytes == 0 && run->n_roots > 0) /* a replay needs none */
        run->table->source = shale_str_of(run->roots[0].real);
    return shale_utf8_valid(run->table->source) ? SHALE_OK : SHALE_ERR(err, source_name);
}

enum shale_status table_open(struct run *run, struct shale_err *err)
{
    char path[4096];
    size_t n = strlen(run->options->output);
    struct table *table;
    enum shale_status status;
    if (run->options->replace)
        return run->options->layout == SHALE_OUTPUT_TABLE ? SHALE_ERR(err, output_replaces_table)
                                                          : SHALE_ERR(err, output_replaces_file);
    while (n > 1 && run->options->output[n - 1] == '/')
        n--;
    if (n >= sizeof path)
        return SHALE_ERR(err, output_path_too_long, (int)sizeof path, run->options->output);
    memcpy(path, run->options->output, n);
    path[n] = '\0';
    table = run->table = shale_mem_zeroed(run->mem, 1, sizeof *table);
    if (table == NULL)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&table->after, run->mem, MAX_KEY_BYTES);
    shale_buf_init(&table->last, run->mem, MAX_KEY_BYTES);
    shale_buf_init(&table->forced, run->mem, MAX_KEY_BYTES);
    shale_buf_init(&table->sealing.from, run->mem, MAX_KEY_BYTES);
    shale_buf_init(&table->sealing.key, run->mem, MAX_KEY_BYTES);
    shale_arena_init(&table->arena, run->mem, MAX_COMMIT_BYTES);
    status = name_source(run, err);
    if (status == SHALE_OK)
        status = run->options->layout == SHALE_OUTPUT_FILE
                     ? single_open(run, path, err)
                     : shale_store_local(run->env, path, &table->store, err);
    return status == SHALE_OK ? table_read_base(run, err) : status;
}

void table_close(struct run *run)
{
    struct table *table = run->table;
    if (table == NULL)
        return;
    drop_base(run);
    if (table->single == NULL)
        shale_store_free(table->store);
    shale_single_free(table->single);
    shale_store_free(table->directory);
    shale_buf_fini(&table->after);
    shale_buf_fini(&table->last);
    shale_buf_fini(&table->forced);
    shale_buf_fini(&table->sealing.from);
    shale_buf_fini(&table->sealing.key);
    shale_arena_fini(&table->arena);
    shale_mem_free(run->mem, table);
    run->table = NULL;
}

bool table_has_log(const struct run *run)
{
    return run->table->single == NULL && run->table->base.log->version >= 0;
}

/* ---- The plan of a phase ----------------------------------------------------------------------
 */

/* What was taken out for good is not brought back. */
static enum shale_status read_erasures(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    const struct shale_manifest *manifest = &table->base.manifest;
    enum shale_status status = SHALE_OK;
    shale_erasures_free(table->erasures);
    table->erasures = NULL;
    if (manifest->n_erasures > 0)
        status = shale_erasures_of_stream(run->mem, manifest->erasures, manifest->n_erasures,
                                          run->stream, &table->erasures, err);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* It is asked for keys in order: whoever lists anew needs a new one. */
static enum shale_status begin_deciding(struct run *run, struct shale_str after,
                                        struct shale_err *err)
{
    struct table *table = run->table;
    shale_buf_reset(&table->last);
    shale_decider_free(table->decider);
    table->decider = NULL;
    return shale_decider_new(table->store, &table->base.manifest, table->source, after,
                             &table->decider, err);
}

/* SHALE_NOT_FOUND: a segment of the base is gone. */
static enum shale_status list_on_base(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    struct shale_str after = table->has_after ? shale_buf_str(&table->after) : SHALE_STR("");
    struct shale_str sealed;
    enum shale_status status = table_check(run, err);
    if (status == SHALE_OK)
        status = seal_begin(run, err);
    sealed = shale_str_of(seal_from(run));
    if (shale_str_compare(after, sealed) < 0)
        after = sealed;
    table->rows_replaced = table->rejects_replaced = 0;
    if (status == SHALE_OK)
        status = dedupe_begin(run, err);
    if (status == SHALE_OK && (run->options->rebuild || run->options->replay != NULL))
        status = read_erasures(run, err);
    if (status == SHALE_OK && run->options->replay != NULL)
        return replay_begin(run, err);
    if (status == SHALE_OK)
        status = begin_deciding(run, after, err);
    if (status != SHALE_OK || !run->options->rebuild)
        return status;
    status = change_choose_input(run, err);
    return status == SHALE_OK ? begin_deciding(run, after, err) : status;
}

/* A base that others have replaced and swept since it was read is read again: nothing was planned
 * on it yet.  Whoever reads its segments later has them open from here on. */
static enum shale_status begin_listing(struct run *run, struct shale_err *err)
{
    enum shale_status status = list_on_base(run, err);
    for (int i = 0; i < BASE_TRIES && status == SHALE_NOT_FOUND; i++) {
        int64_t gone = run->table->base.manifest.id;
        shale_err_clear(err);
        status = table_read_base(run, err);
        if (status != SHALE_OK)
            return status;
        if (run->table->base.manifest.id == gone) /* its own segment is missing */
            i = BASE_TRIES;
        status = list_on_base(run, err);
    }
    return status;
}

enum shale_status table_begin(struct run *run, struct shale_err *err)
{
    struct table *table = run->table;
    table->tally = run->plan.tally;
    table->tally.phase_objects = table->tally.phase_bytes = 0;
    run->plan.tally = table->tally;
    table->sums = run->seq.sums;
    return begin_listing(run, err);
}

enum shale_status table_begin_again(struct run *run, struct shale_err *err)
{
    plan_rewind(run, &run->table->tally);
    run->seq.sums = run->table->sums;
    return begin_listing(run, err);
}

bool table_is_behind(const struct run *run, struct shale_str key)
{
    const struct table *table = run->table;
    return table->has_after && shale_str_compare(key, shale_buf_str(&table->after)) <= 0;
}

enum shale_status table_decide(struct run *run, const struct shale_listed *listed,
                               struct shale_decision *out, struct shale_err *err)
{
    struct table *table = run->table;
    char tag[TAG_BYTES];
    shale_buf_reset(&table->last);
    if (shale_buf_append_str(&table->last, listed->key) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return shale_decider_ask(table->decider, listed->key,
                             object_tag(listed->n_bytes, listed->mtime_ns, tag), out, err);
}

/* How many rows of the key the base's ledger has; -1 where it does not tell: then a sweep is the
 * more careful. */
static int64_t count_known(const struct run *run, struct shale_str key)
{
    const struct shale_manifest *manifest = &run->table->base.manifest;
    const struct shale_ledger_row *rows;
    struct shale_ledger_lookup *lookup;
    size_t n_rows = 0;
    enum shale_status status = shale_ledger_lookup_new(run->table->store, manifest->ledger,
                                                       manifest->n_ledger, &lookup, NULL);
    if (status != SHALE_OK)
        return -1;
    status = shale_ledger_lookup_find(lookup, run->table->source, key, &rows, &n_rows, NULL);
    shale_ledger_lookup_free(lookup);
    return status == SHALE_OK ? (int64_t)n_rows : -1;
}

static enum shale_status put_input(struct run *run, const struct shale_ledger_row *row)
{
    shale_buf_reset(&run->seq.first_input);
    if (run->options->replay != NULL)
        return shale_first_input_file(row->key, &run->seq.first_input);
    return shale_first_input_object(run->table->source, row->key, row->tag,
                                    count_known(run, row->key), &run->seq.first_input);
}

enum shale_status table_note_input(struct run *run, const struct shale_batch *consumed,
                                   struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    if (run->options->rebuild && !seq->has_input) {
        seq->has_input = true;
        status = shale_first_input_file(shale_buf_str(&run->table->forced), &seq->first_input);
    }
    for (int64_t i = 0; i < shale_batch_n_rows(consumed) && !seq->has_input; i++) {
        struct shale_ledger_row row;
        consumed_row(consumed, i, &row);
        seq->has_input = row.state == SHALE_LEDGER_DONE;
        if (seq->has_input || seq->first_input.n_bytes == 0)
            status = put_input(run, &row);
        if (status != SHALE_OK)
            break;
    }
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

void table_advance(struct run *run)
{
    struct table *table = run->table;
    struct shale_buf before = table->after;
    if (table->last.n_bytes == 0)
        return;
    table->after = table->last;
    table->last = before;
    table->has_after = true;
}
