/* SPDX-License-Identifier: MIT */
/* Rejects of the output in place of a source: each live segment is an object of the ledger, which
 * the commit takes out; its events are tried again, and what still fails goes to a new segment.
 *
 * One segment is read at a time, the one at the head of the plan, in pieces: its rows do not fail
 * together, so they pass from worker to sequencer as those of one large object that ends well. */
#include "run/private.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEY_BYTES = 1 << 16, PLAN_BYTES = 8 * 1024 * 1024, ROWS_UNCANCELLED = 256 };

/* ---- Plan -------------------------------------------------------------------------------------
 */

static int compare_paths(const void *a, const void *b)
{
    const struct shale_segment *const *x = a, *const *y = b;
    return shale_str_compare((*x)->path, (*y)->path);
}

static enum shale_status open_file(struct run *run, struct shale_str path,
                                   struct shale_store_file **out, struct shale_err *err)
{
    char key[SHALE_KEY_BYTES + 1];
    enum shale_status status;
    (void)snprintf(key, sizeof key, "%.*s", SHALE_STR_ARG(path));
    status = shale_store_open(run->table->store, key, out, err);
    if (status != SHALE_OK)
        shale_err_at(err, key, -1, -1);
    return status;
}

enum shale_status replay_begin(struct run *run, struct shale_err *err)
{
    const struct shale_manifest *manifest = &run->table->base.manifest;
    struct replay *replay = &run->replay;
    size_t n = manifest->n_rejects;
    enum shale_status status = SHALE_OK;
    replay_end(run);
    replay->taken = shale_mem_zeroed(run->mem, n + 1, sizeof *replay->taken);
    replay->segments = shale_mem_zeroed(run->mem, n + 1, sizeof *replay->segments);
    replay->files = shale_mem_zeroed(run->mem, n + 1, sizeof *replay->files);
    if (replay->taken == NULL || replay->segments == NULL || replay->files == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++)
        replay->segments[i] = &manifest->rejects[i];
    if (n > 1)
        qsort(replay->segments, n, sizeof *replay->segments, compare_paths);
    replay->n_segments = n;
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status = open_file(run, replay->segments[i]->path, &replay->files[i], err);
    return status;
}

void replay_end(struct run *run)
{
    for (size_t i = 0; i < run->replay.n_segments; i++)
        shale_store_close(run->replay.files[i]);
    shale_mem_free(run->mem, run->replay.files);
    shale_mem_free(run->mem, run->replay.taken);
    shale_mem_free(run->mem, run->replay.segments);
    run->replay = (struct replay){0};
}

static bool is_chosen(const struct run *run, struct shale_str rule)
{
    const struct shale_replay_options *options = run->options->replay;
    bool chosen = options->n_rules == 0;
    for (size_t i = 0; i < options->n_rules && !chosen; i++)
        chosen = shale_str_is(rule, options->rules[i]);
    return chosen;
}

/* Are there events in a segment that may be tried again?  '*n_whole' objects are in it. */
static enum shale_status look_at(const struct run *run, size_t number, bool *has_events,
                                 int64_t *n_whole, struct shale_err *err)
{
    const struct shale_segment *segment = run->replay.segments[number];
    const struct shale_rejects_read_options options = {.memory_bytes = PLAN_BYTES,
                                                       .n_rows = segment->n_rows,
                                                       .columns = SHALE_REJECTS_KINDS,
                                                       .file = run->replay.files[number]};
    struct shale_rejects_reader *reader;
    const struct shale_rejects_row *row;
    enum shale_status status =
        shale_rejects_open(run->table->store, segment->path, &options, &reader, err);
    *has_events = false;
    *n_whole = 0;
    while (status == SHALE_OK && (status = shale_rejects_next(reader, &row, err)) == SHALE_OK &&
           row != NULL) {
        if (!is_chosen(run, row->rule))
            continue;
        *n_whole += row->record < 0;
        *has_events = *has_events || row->record >= 0;
    }
    shale_rejects_close(reader);
    return status;
}

static struct node *rejects_node(struct run *run, size_t number)
{
    const struct shale_segment *segment = run->replay.segments[number];
    struct node *node = node_new(run, NODE_REJECTS, NULL);
    struct rejects_read *rejects = shale_mem_zeroed(run->mem, 1, sizeof *rejects);
    if (node == NULL || rejects == NULL) {
        if (node != NULL)
            node_free(run, node);
        shale_mem_free(run->mem, rejects);
        return NULL;
    }
    node->rejects = rejects;
    shale_buf_init(&rejects->key, run->mem, MAX_KEY_BYTES);
    rejects->self.key = rejects->self.name = segment->path;
    rejects->self.tag = segment->footer_hash;
    rejects->self.n_bytes = segment->n_bytes;
    rejects->n_rows = segment->n_rows;
    rejects->file = run->replay.files[number];
    return node;
}

enum shale_status replay_plan(struct run *run, struct node **out, struct shale_err *err)
{
    struct replay *replay = &run->replay;
    while (replay->next < replay->n_segments) {
        size_t number = replay->next++;
        bool has_events;
        int64_t n_whole;
        enum shale_status status = look_at(run, number, &has_events, &n_whole, err);
        if (status != SHALE_OK)
            return status;
        run->plan.tally.n_listed++;
        if (!has_events) {
            run->plan.tally.n_passed_over++;
            run->plan.tally.n_whole += n_whole;
            continue;
        }
        run->plan.tally.n_new++;
        replay->taken[replay->n_taken++] = replay->segments[number]->path;
        *out = rejects_node(run, number);
        return *out != NULL ? SHALE_OK : SHALE_ERR(err, no_memory);
    }
    return SHALE_OK;
}

void replay_node_free(struct run *run, struct rejects_read *rejects)
{
    if (rejects == NULL)
        return;
    shale_rejects_close(rejects->reader);
    shale_buf_fini(&rejects->key);
    shale_mem_free(run->mem, rejects);
}

bool replay_has_news(const struct run *run)
{
    return run->seq.sums.replayed.changed > run->table->sums.replayed.changed;
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* It stays as it is, in the new segment. */
static enum shale_status keep(struct worker *worker, const struct shale_rejects_row *row)
{
    worker->counts.read++;
    worker->counts.rejected++;
    return shale_rejects_copy(worker->rejects, row);
}

/* The event's text, with the padding that its reader wants, in worker->text. */
static enum shale_status set_text(struct worker *worker, struct shale_str raw)
{
    struct shale_buf *text = &worker->text;
    enum shale_status status;
    shale_buf_reset(text);
    status = shale_buf_reserve(text, raw.n_bytes + SHALE_JSON_PADDING);
    if (status != SHALE_OK)
        return status;
    memcpy(text->data, raw.data, raw.n_bytes);
    memset(text->data + raw.n_bytes, 0, SHALE_JSON_PADDING);
    text->n_bytes = raw.n_bytes;
    return SHALE_OK;
}

/* Through the shredder once more.  A line is read as a line, so that one that is no JSON fails by
 * the rule that it failed by; what has line breaks was no line. */
static enum shale_status try_event(struct worker *worker, const struct object *object,
                                   struct shale_err *err)
{
    static const struct shale_reject nowhere = {0};
    const struct run *run = worker->run;
    const struct shale_rejects_row *row = object->again;
    const struct shale_events_options options = {.max_event_bytes =
                                                     run->events_options.max_event_bytes};
    const struct mark before = worker_mark(worker);
    struct shredding shredding = {
        .events = worker->events, .object = object, .number = row->record, .alone = true};
    bool is_line = memchr(row->raw.data, '\n', row->raw.n_bytes) == NULL;
    enum shredded shredded;
    enum shale_status status;
    shale_events_begin_text(worker->events, &options, worker->text.data, worker->text.n_bytes, 0,
                            is_line ? SHALE_SHAPE_NDJSON : SHALE_SHAPE_JSON);
    status = shred_events(worker, &shredding, &shredded, err);
    if (shredded != SHREDDED_FAILED && status != SHALE_OK)
        return status;
    if (shredded == SHREDDED_ALL && worker->counts.read == before.counts.read + 1)
        return SHALE_OK;
    worker_take_back(worker, &before);
    if (shredded != SHREDDED_FAILED || status == SHALE_NOMEM || status == SHALE_CANCELLED)
        return shredded == SHREDDED_FAILED ? status : keep(worker, row);
    return reject_event(worker, object, row->record, &nowhere, row->byte, row->raw, row->raw_bytes,
                        err);
}

/* What its object was called is a string of C. */
static enum shale_status set_object(struct rejects_read *rejects,
                                    const struct shale_rejects_row *row, struct object *out)
{
    struct shale_buf *key = &rejects->key;
    enum shale_status status;
    shale_buf_reset(key);
    status = shale_buf_append_str(key, row->object);
    if (status == SHALE_OK)
        status = shale_buf_append_byte(key, '\0');
    if (status != SHALE_OK)
        return status;
    *out = (struct object){.key = {key->data, row->object.n_bytes}, .again = row};
    out->name = out->key;
    return SHALE_OK;
}

static enum shale_status take_row(struct worker *worker, struct rejects_read *rejects,
                                  const struct shale_rejects_row *row, struct shale_err *err)
{
    struct replayed *counts = &worker->replayed;
    struct object object;
    bool stays = false;
    enum shale_status status;
    int64_t *kept = !is_chosen(worker->run, row->rule) ? &counts->kept_rules
                    : row->record < 0                  ? &counts->kept_objects
                    : row->raw.data == NULL            ? &counts->kept_cut
                                                       : NULL;
    if (kept != NULL) {
        ++*kept;
        return keep(worker, row);
    }
    worker->failed_again = false;
    status = set_object(rejects, row, &object);
    if (status != SHALE_OK)
        return status;
    if (row->raw_bytes > (int64_t)row->raw.n_bytes)
        status = replay_cut(worker, &object, &stays, err);
    else if ((status = set_text(worker, row->raw)) == SHALE_OK)
        status = try_event(worker, &object, err);
    if (status != SHALE_OK)
        return status;
    counts->events += !stays;
    counts->kept_cut += stays;
    counts->changed += !stays && !worker->failed_again;
    return stays ? keep(worker, row) : SHALE_OK;
}

/* ---- Pieces -----------------------------------------------------------------------------------
 */

static enum shale_status open_segment(const struct run *run, struct rejects_read *rejects,
                                      struct shale_err *err)
{
    const struct shale_rejects_read_options options = {
        .memory_bytes = REPLAY_BYTES, .n_rows = rejects->n_rows, .file = rejects->file};
    return rejects->reader != NULL ? SHALE_OK
                                   : shale_rejects_open(run->table->store, rejects->self.key,
                                                        &options, &rejects->reader, err);
}

/* All of it was read: it is consumed. */
static enum shale_status end_segment(struct worker *worker, struct job *job)
{
    const struct rejects_read *rejects = job->node->rejects;
    enum shale_status status = consumed_append(worker, &rejects->self, SHALE_LEDGER_DONE, "", NULL);
    if (status != SHALE_OK)
        return status;
    worker->objects_done++;
    worker->bytes_read += rejects->self.n_bytes;
    job->node_done = true;
    return parcel_take(worker, PARCEL_END, 0, &job->parcel);
}

enum shale_status replay_read(struct worker *worker, struct job *job)
{
    struct rejects_read *rejects = job->node->rejects;
    const struct shale_rejects_row *row = NULL;
    enum shale_status status = open_segment(worker->run, rejects, &job->err);
    unsigned n_rows = 0;
    while (status == SHALE_OK && !worker_is_full(worker)) {
        if (++n_rows % ROWS_UNCANCELLED == 0 && is_cancelled(worker->run))
            return SHALE_ERR(&job->err, interrupted);
        status = shale_rejects_next(rejects->reader, &row, &job->err);
        if (status != SHALE_OK || row == NULL)
            break;
        shale_err_clear(&job->err);
        status = take_row(worker, rejects, row, &job->err);
    }
    if (status == SHALE_OK)
        status = row == NULL && !worker_is_full(worker)
                     ? end_segment(worker, job)
                     : parcel_take(worker, PARCEL_PIECE, 0, &job->parcel);
    if (status == SHALE_NOMEM || (status == SHALE_LIMIT && job->err.code == SHALE_E_none))
        return SHALE_ERR(&job->err, no_memory);
    return status;
}
