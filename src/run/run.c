/* SPDX-License-Identifier: MIT */
/* A run from beginning to end, and what each thread does next.
 *
 *     threads pick, in this order:
 *       a column of the row group that is being cut
 *       the sequencer's baton, when there is something for it
 *       the first node in plan order that is ready and whose need the account admits
 *       planning the next node
 *       when all nodes are done: the last row groups, then one file after the other
 *
 * The node at the head is admitted always (that is what the reserve is for), so there is always
 * a node, a column or a parcel that can go on. */
#include "run/private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_EVERY_US = 100000 };

/* ---- The account ------------------------------------------------------------------------------
 */

/* What it takes to sort a row group: its order and its largest column. */
static int64_t sort_bytes(const struct shale_stream *stream)
{
    return stream->n_sort_by > 0 ? stream->row_group_bytes : 0;
}

/* The reserve of one largest event is not in use while a row group is encoded. */
static int64_t reserve_bytes(const struct shale_stream *stream)
{
    int64_t event = 2 * stream->max_event_bytes;
    return event > sort_bytes(stream) ? event : sort_bytes(stream);
}

static bool has_keys(const struct shale_stream *stream)
{
    return stream->dedupe.n_key > 0;
}

int64_t shale_run_least_memory(const struct shale_stream *stream)
{
    int64_t keys = has_keys(stream) ? SHALE_KEYS_LEAST_BYTES : 0;
    return FIXED_BYTES + WORKER_BYTES - 4 * 1024 * 1024 + reserve_bytes(stream) + keys;
}

static int64_t least_memory(const struct run *run)
{
    return shale_run_least_memory(run->stream) + (run->options->replay != NULL ? REPLAY_BYTES : 0);
}

/* Threads first, as far as memory goes; what is left is shared by slices on their way, waiting
 * rows, and encoded columns. */
static void share_memory(struct run *run)
{
    const int64_t each = WORKER_BYTES + PARCEL_NEED;
    int64_t left = run->options->memory_bytes - FIXED_BYTES - reserve_bytes(run->stream) -
                   (run->options->replay != NULL ? REPLAY_BYTES : 0);
    int64_t n_workers = (left + sort_bytes(run->stream)) / (each + sort_bytes(run->stream));
    if (n_workers > (int64_t)run->options->n_threads)
        n_workers = run->options->n_threads;
    if (n_workers < 1)
        n_workers = 1;
    run->n_workers = (unsigned)n_workers;
    left -= n_workers * WORKER_BYTES + (n_workers - 1) * sort_bytes(run->stream);
    if (left < 0)
        left = 0;
    if (has_keys(run->stream)) {
        run->keys_limit = (size_t)left / 4;
        if (run->keys_limit < SHALE_KEYS_LEAST_BYTES)
            run->keys_limit = SHALE_KEYS_LEAST_BYTES; /* of the least ceiling */
        left -= left / 4;
    }
    run->flight_limit = run->waiting_limit = run->encode_limit = (size_t)left / 3;
    run->max_nodes = 2 * run->n_workers + 2;
}

/* ---- The list of nodes ------------------------------------------------------------------------
 */

static void insert_before(struct run *run, struct node *node, struct node *next)
{
    node->next = next;
    node->prev = next != NULL ? next->prev : run->tail;
    if (node->prev != NULL)
        node->prev->next = node;
    else
        run->head = node;
    if (next != NULL)
        next->prev = node;
    else
        run->tail = node;
    run->n_nodes++;
}

static void give_back_text(struct run *run, struct node *node)
{
    if (node->slice.text.data == NULL || run->n_free_texts == run->max_nodes ||
        node->slice.text.capacity > SHALE_SLICE_BYTES + SHALE_SLICE_BYTES / 2)
        return;
    run->free_texts[run->n_free_texts++] = node->slice.text;
    node->slice.text.data = NULL;
}

static void remove_node(struct run *run, struct node *node)
{
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        run->head = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        run->tail = node->prev;
    run->n_nodes--;
    run->flight_bytes -= node->charge;
    if (node->kind == NODE_SLICE)
        give_back_text(run, node);
    node_free(run, node);
}

/* A node for the next slice of an object, its text from those that are kept. */
static struct node *slice_node(struct run *run)
{
    struct node *node = node_new(run, NODE_SLICE, NULL);
    if (node == NULL)
        return NULL;
    if (run->n_free_texts > 0) {
        node->slice.text = run->free_texts[--run->n_free_texts];
        shale_buf_reset(&node->slice.text);
    } else {
        shale_buf_init(&node->slice.text, run->mem,
                       SHALE_SLICE_BYTES + run->events_options.max_event_bytes +
                           SHALE_WINDOW_BYTES);
    }
    return node;
}

/* ---- Picking ----------------------------------------------------------------------------------
 */

static enum shale_pick give(struct run *run, unsigned number, enum job_kind kind, void **out)
{
    struct job *job = &run->workers[number].job;
    job->kind = kind;
    job->status = SHALE_OK;
    job->node_done = false;
    job->stopped_large = false;
    shale_err_clear(&job->err);
    run->n_busy++;
    *out = job;
    return SHALE_PICK_JOB;
}

/* Hand the parcels at the head of the list to the sequencer; drop nodes that are done. */
static bool feed_sequencer(struct run *run)
{
    struct sequencer *seq = &run->seq;
    struct node *node;
    while ((node = run->head) != NULL) {
        if (node->first != NULL) {
            if (seq->first == NULL)
                seq->first = node->first;
            else
                seq->last->next = node->first;
            seq->last = node->last;
            node->first = node->last = NULL;
        }
        if (node->state != NODE_DONE)
            break;
        remove_node(run, node);
    }
    return seq->first != NULL || seq->parcel != NULL || seq->cut != NULL;
}

static size_t need_of(const struct node *node)
{
    return node->kind == NODE_OBJECT ? PARCEL_NEED + SHALE_SLICE_BYTES : PARCEL_NEED;
}

static bool pick_node(struct run *run, unsigned number, void **out)
{
    struct job *job = &run->workers[number].job;
    for (struct node *node = run->head; node != NULL; node = node->next) {
        size_t need = need_of(node);
        bool is_head = node == run->head && node->first == NULL;
        if (node->kind == NODE_REJECTS && !is_head)
            continue;
        if (node->state != NODE_READY ||
            (!is_head && (run->flight_bytes + need > run->flight_limit ||
                          (node->kind == NODE_OBJECT && run->n_nodes >= 2 * run->max_nodes))))
            continue;
        job->node = node;
        job->made = NULL;
        if (node->kind == NODE_OBJECT && (job->made = slice_node(run)) == NULL) {
            run->status = SHALE_ERR(run->err, no_memory);
            return false;
        }
        node->state = NODE_BUSY;
        job->admitted = need;
        run->flight_bytes += need;
        (void)give(run, number,
                   node->kind == NODE_GROUP     ? JOB_GROUP
                   : node->kind == NODE_OBJECT  ? JOB_OBJECT
                   : node->kind == NODE_REJECTS ? JOB_REJECTS
                                                : JOB_SLICE,
                   out);
        return true;
    }
    return false;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *const *x = a, *const *y = b;
    return shale_str_compare((*x)->name, (*y)->name);
}

/* Files in the order of their names; the slots are not used any more. */
static void begin_finishing(struct run *run)
{
    if (run->seq.n_parts > 1)
        qsort(run->seq.parts, run->seq.n_parts, sizeof(struct part *), compare_parts);
}

static bool is_empty(const struct part *part)
{
    return part->n_entries == 0 &&
           (part->file == NULL || shale_parquet_n_row_groups(part->file->parquet) == 0);
}

/* The next file that has rows; the rejects come last. */
static bool pick_finish(struct run *run, unsigned number, void **out)
{
    struct sequencer *seq = &run->seq;
    while (run->next_finish <= seq->n_parts) {
        size_t i = run->next_finish++;
        struct part *part = i < seq->n_parts ? seq->parts[i] : &seq->rejects;
        if (is_empty(part) && (part->kind == PART_REJECTS || run->table != NULL))
            continue;
        run->workers[number].job.part = part;
        (void)give(run, number, JOB_FINISH, out);
        return true;
    }
    return false;
}

static enum shale_pick pick_sequence(struct run *run, unsigned number, bool final, void **out)
{
    run->sequencing = true;
    run->workers[number].job.final = final;
    return give(run, number, JOB_SEQUENCE, out);
}

static enum shale_pick pick_last(struct run *run, unsigned number, void **out)
{
    if (run->sequencing || run->seq.cut != NULL)
        return SHALE_PICK_WAIT;
    if (!run->seq.final_done)
        return pick_sequence(run, number, true, out);
    if (pick_finish(run, number, out))
        return SHALE_PICK_JOB;
    return run->n_busy > 0 ? SHALE_PICK_WAIT : SHALE_PICK_STOP;
}

static enum shale_pick pick(void *ctx, unsigned number, void **out)
{
    struct run *run = ctx;
    struct cut *cut = run->sequencing ? NULL : run->seq.cut;
    if (run->status == SHALE_OK && is_cancelled(run))
        run->status = SHALE_ERR(run->err, interrupted);
    if (run->status == SHALE_OK && cut != NULL && cut->next_leaf < cut->n_leaves) {
        run->workers[number].job.leaf = cut->next_leaf++;
        return give(run, number, JOB_LEAF, out);
    }
    if (run->status == SHALE_OK && !run->sequencing &&
        (cut == NULL || cut->n_done == cut->n_leaves) && feed_sequencer(run))
        return pick_sequence(run, number, false, out);
    if (run->status == SHALE_OK && pick_node(run, number, out))
        return SHALE_PICK_JOB;
    if (run->status == SHALE_OK && !run->planned && !run->planning &&
        run->n_nodes < run->max_nodes) {
        run->planning = true;
        return give(run, number, JOB_PLAN, out);
    }
    if (run->status == SHALE_OK && run->planned && run->head == NULL)
        return pick_last(run, number, out);
    return run->n_busy > 0 ? SHALE_PICK_WAIT : SHALE_PICK_STOP;
}

/* ---- Working ----------------------------------------------------------------------------------
 */

static void work(void *ctx, unsigned number, void *arg)
{
    struct run *run = ctx;
    struct worker *worker = &run->workers[number];
    struct job *job = arg;
    switch (job->kind) {
    case JOB_PLAN:
        job->status = plan_next(run, &job->made, &job->err);
        break;
    case JOB_GROUP:
        job->status = read_group(worker, job);
        break;
    case JOB_OBJECT:
        job->status = read_object(worker, job);
        break;
    case JOB_REJECTS:
        job->status = replay_read(worker, job);
        break;
    case JOB_SLICE:
        job->status = read_slice(worker, job);
        break;
    case JOB_SEQUENCE:
        job->status = sequence(worker, job->final, &job->err);
        break;
    case JOB_LEAF:
        job->status = encode_leaf(worker, run->seq.cut, job->leaf, &job->err);
        break;
    case JOB_FINISH:
        job->status = encode_last(worker, job->part, &job->err);
        break;
    }
}

/* ---- What was done ----------------------------------------------------------------------------
 */

static void take_parcel(struct run *run, struct job *job)
{
    struct node *node = job->node;
    run->flight_bytes -= job->admitted;
    if (job->parcel != NULL) {
        run->flight_bytes += job->parcel->n_bytes;
        run->progress.events += job->parcel->counts.read;
        run->progress.objects += job->parcel->objects_done;
        run->progress.bytes += job->parcel->bytes_read;
        if (node->last != NULL)
            node->last->next = job->parcel;
        else
            node->first = job->parcel;
        node->last = job->parcel;
        job->parcel = NULL;
    }
    node->state = job->node_done ? NODE_DONE : NODE_READY;
}

/* What a group did not take: a large object by itself, the others as a group again. */
static enum shale_status split_group(struct run *run, struct node *node, const struct job *job)
{
    size_t at = job->stopped_at, end = node->first_object + node->n_objects;
    struct node *next = node->next;
    if (job->stopped_large) {
        struct node *large = node_new(run, NODE_OBJECT, node->list);
        if (large == NULL)
            return SHALE_NOMEM;
        large->first_object = at++;
        large->n_objects = 1;
        insert_before(run, large, next);
    }
    if (at < end) {
        struct node *rest = node_new(run, NODE_GROUP, node->list);
        if (rest == NULL)
            return SHALE_NOMEM;
        rest->first_object = at;
        rest->n_objects = end - at;
        insert_before(run, rest, next);
    }
    return SHALE_OK;
}

/* The slice that an object's reader made goes before it; one that it did not need is dropped. */
static void take_slice(struct run *run, struct job *job)
{
    struct node *made = job->made;
    job->made = NULL;
    if (made == NULL)
        return;
    if (made->object == NULL || made->slice.text.n_bytes == 0) {
        give_back_text(run, made);
        node_free(run, made);
        return;
    }
    made->charge = made->slice.text.capacity;
    run->flight_bytes += made->charge;
    insert_before(run, made, job->node);
}

static void take_plan(struct run *run, struct job *job)
{
    run->planning = false;
    if (job->made != NULL)
        insert_before(run, job->made, NULL);
    else
        run->planned = true;
    job->made = NULL;
}

static void report(struct run *run)
{
    const struct shale_observer *observer = run->options->observer;
    int64_t now;
    if (observer == NULL)
        return;
    now = run->env->monotonic_us(run->env->ctx);
    if (now - run->last_report_us < REPORT_EVERY_US)
        return;
    run->last_report_us = now;
    run->progress.n_objects = observer->wants_totals ? run->n_total_objects : -1;
    run->progress.n_bytes = observer->wants_totals ? run->n_total_bytes : -1;
    run->progress.elapsed_us = now - run->began_us;
    observer->progress(observer->ctx, &run->progress);
}

static void done(void *ctx, unsigned number, void *arg)
{
    struct run *run = ctx;
    struct job *job = arg;
    (void)number;
    run->n_busy--;
    if (job->status == SHALE_OK && job->kind == JOB_GROUP)
        if (split_group(run, job->node, job) != SHALE_OK)
            job->status = SHALE_ERR(&job->err, no_memory);
    switch (job->kind) {
    case JOB_PLAN:
        take_plan(run, job);
        break;
    case JOB_GROUP:
    case JOB_SLICE:
    case JOB_OBJECT:
    case JOB_REJECTS:
        take_slice(run, job);
        take_parcel(run, job);
        break;
    case JOB_SEQUENCE:
        run->sequencing = false;
        run->flight_bytes -= run->seq.released_bytes;
        run->seq.released_bytes = 0;
        if (job->status == SHALE_OK && run->seq.final_done)
            begin_finishing(run);
        break;
    case JOB_LEAF:
        run->seq.cut->n_done++;
        break;
    case JOB_FINISH:
        break;
    }
    if (job->status != SHALE_OK && run->status == SHALE_OK) {
        run->status = job->status;
        if (run->err != NULL)
            *run->err = job->err;
    }
    report(run);
}

/* ---- From beginning to end --------------------------------------------------------------------
 */

static enum shale_status find_index_columns(struct run *run)
{
    const struct shale_stream *stream = run->stream;
    size_t column = 0;
    run->time_field = SIZE_MAX;
    run->index_columns = shale_mem_zeroed(run->mem, stream->n_fields + 1, sizeof(size_t));
    if (run->index_columns == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < stream->n_fields; i++) {
        const struct shale_field *field = &stream->fields[i];
        if (field->type.kind == SHALE_TIMESTAMP && run->time_field == SIZE_MAX)
            run->time_field = i;
        if (stream->schema.columns[i].partition_only)
            continue;
        if (field->n_from > 0 && field->from[0].kind == SHALE_FROM_INDEX)
            run->index_columns[run->n_index_columns++] = column;
        column++;
    }
    return SHALE_OK;
}

static enum shale_status open_workers(struct run *run, struct shale_err *err)
{
    run->workers = shale_mem_zeroed(run->mem, run->n_workers, sizeof *run->workers);
    run->free_texts = shale_mem_zeroed(run->mem, run->max_nodes, sizeof *run->free_texts);
    if (run->workers == NULL || run->free_texts == NULL || find_index_columns(run) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    for (unsigned i = 0; i < run->n_workers; i++) {
        run->workers[i].number = i;
        if (worker_open(run, &run->workers[i]) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
    }
    return SHALE_OK;
}

/* For the observer: what there is to do.  The listing begins anew afterwards. */
static enum shale_status count_all(struct run *run, struct shale_err *err)
{
    enum shale_status status = run->table != NULL ? table_begin(run, err) : SHALE_OK;
    if (status == SHALE_OK)
        status = plan_count(run, err);
    plan_rewind(run, NULL);
    return status;
}

static enum shale_status open_run(struct run *run, struct shale_err *err)
{
    const struct shale_run_options *options = run->options;
    enum shale_status status;
    run->events_options.records = run->stream->has_records ? &run->stream->records : NULL;
    run->events_options.max_event_bytes = (size_t)run->stream->max_event_bytes;
    if (options->memory_bytes < least_memory(run))
        return SHALE_ERR(err, memory_too_small, (long long)options->memory_bytes,
                         (long long)least_memory(run));
    share_memory(run);
    run->output_options = (struct shale_output_options){
        .path = options->output,
        .layout = options->layout,
        .replace = options->replace,
        .grows = has_ledger(run) && options->layout == SHALE_OUTPUT_FILE,
        .schema = &run->stream->schema,
        .chunk = {.codec = run->stream->compression,
                  .level = run->stream->compression_level,
                  .modern = run->stream->modern},
        .created_by = SHALE_CREATED_BY,
    };
    status = plan_check(run, err);
    if (status == SHALE_OK)
        status = change_check(run, err);
    if (status == SHALE_OK)
        status = roots_open(run, err);
    if (status == SHALE_OK && has_ledger(run))
        status = table_open(run, err);
    if (status == SHALE_OK && options->replay != NULL && run->table->base.manifest.id < 0)
        status = SHALE_ERR(err, replay_nothing, options->output);
    if (status == SHALE_OK && options->adopt)
        status = adopt(run, err);
    run->output_options.has_log = status == SHALE_OK && run->table != NULL && table_has_log(run);
    if (status == SHALE_OK)
        status = shale_output_open(run->env, &run->output_options, &run->output, err);
    if (status == SHALE_OK && options->observer != NULL && options->observer->wants_totals)
        status = count_all(run, err);
    if (status == SHALE_OK)
        status = sequence_open(run, err);
    if (status == SHALE_OK)
        status = open_workers(run, err);
    return status;
}

static void close_run(struct run *run)
{
    while (run->head != NULL)
        remove_node(run, run->head);
    for (unsigned i = 0; run->workers != NULL && i < run->n_workers; i++)
        worker_close(&run->workers[i]);
    for (size_t i = 0; i < run->n_free_texts; i++)
        shale_buf_fini(&run->free_texts[i]);
    sequence_close(run);
    dedupe_close(run);
    shale_output_free(run->output);
    plan_close(run);
    table_close(run);
    roots_close(run);
    shale_mem_free(run->mem, run->free_texts);
    shale_mem_free(run->mem, run->workers);
    shale_mem_free(run->mem, run->index_columns);
}

/* Everything is in complete files under temporary names: give them their own. */
static enum shale_status publish_files(struct run *run, struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    struct shale_file **files = shale_mem_zeroed(run->mem, seq->n_parts + 1, sizeof *files);
    enum shale_status status;
    size_t n = 0;
    if (files == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i <= seq->n_parts; i++) {
        struct part *part = i < seq->n_parts ? seq->parts[i] : &seq->rejects;
        if (is_empty(part) && (part->kind == PART_REJECTS || run->table != NULL)) {
            shale_file_free(part->file); /* its rows were all of objects that failed */
            part->file = NULL;
        } else if (part->kind == PART_DATA) {
            files[n++] = part->file;
        }
    }
    status = shale_output_publish(run->output, files, n, seq->rejects.file, err);
    shale_mem_free(run->mem, files);
    return status;
}

/* A file without rows is still a file. */
static enum shale_status ensure_part(struct run *run, struct shale_err *err)
{
    if (run->table != NULL)
        return SHALE_OK;
    return sequence_ensure_part(run) == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* What would be done; nothing is written. */
static enum shale_status rehearse(struct run *run, struct shale_err *err)
{
    enum shale_status status = plan_check(run, err);
    if (status == SHALE_OK)
        status = change_check(run, err);
    if (status == SHALE_OK)
        status = roots_open(run, err);
    if (status == SHALE_OK && has_ledger(run))
        status = table_open(run, err);
    if (status == SHALE_OK && run->table != NULL)
        status = table_begin(run, err);
    return status == SHALE_OK ? plan_count(run, err) : status;
}

static void enter(struct run *run, enum run_state state)
{
    static const unsigned from[] = {
        [RUN_OPEN] = 1U << RUN_NEW,
        [RUN_READING] = 1U << RUN_OPEN | 1U << RUN_BUILT | 1U << RUN_PUBLISHED,
        [RUN_BUILT] = 1U << RUN_READING,
        [RUN_PUBLISHED] = 1U << RUN_BUILT,
        [RUN_DONE] = 1U << RUN_PUBLISHED,
    };
    assert((from[state] & 1U << run->state) != 0);
    (void)from;
    run->state = state;
}

/* All threads, until all that the phase lists is in complete files. */
static enum shale_status read_phase(struct run *run, struct shale_err *err)
{
    const struct shale_pool_owner owner = {run, pick, work, done};
    enum shale_status status = SHALE_OK;
    run->planned = false;
    run->next_finish = 0;
    if (shale_pool_run(run->n_workers, &owner) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = run->status;
    if (status == SHALE_OK && is_cancelled(run))
        status = SHALE_ERR(err, interrupted);
    assert(status != SHALE_OK || (run->flight_bytes == 0 && run->head == NULL));
    return status;
}

/* SHALE_CONFLICT: the phase is to be done again. */
static enum shale_status publish(struct run *run, struct shale_err *err)
{
    enum shale_status status = publish_files(run, err);
    return status == SHALE_OK && run->table != NULL ? table_commit(run, err) : status;
}

/* A replay after which all would be as it was publishes nothing. */
static bool is_in_vain(const struct run *run)
{
    return run->options->replay != NULL && (run->options->dry_run || !replay_has_news(run));
}

/* One phase after the other; one that lost is done again on what has won. */
static enum shale_status phases(struct run *run, struct shale_err *err)
{
    enum shale_status status = run->table != NULL ? table_begin(run, err) : SHALE_OK;
    while (status == SHALE_OK && run->state != RUN_DONE) {
        enter(run, RUN_READING);
        status = read_phase(run, err);
        if (status != SHALE_OK)
            break;
        enter(run, RUN_BUILT);
        status = is_in_vain(run) ? SHALE_OK : publish(run, err);
        if (status != SHALE_OK && (status != SHALE_CONFLICT || run->table == NULL))
            break;
        if (status == SHALE_OK)
            enter(run, RUN_PUBLISHED);
        if (run->table == NULL || (status == SHALE_OK && !run->plan.more)) {
            enter(run, RUN_DONE);
            break;
        }
        if (status == SHALE_OK)
            status = table_begin(run, err);
        else
            status = table_begin_again(run, err);
        if (status == SHALE_OK)
            status = sequence_begin(run, err);
    }
    return status;
}

static enum shale_status execute(struct run *run, struct shale_err *err)
{
    enum shale_status status;
    if (run->options->dry_run && run->options->replay == NULL)
        return rehearse(run, err);
    status = open_run(run, err);
    if (status == SHALE_OK)
        status = ensure_part(run, err);
    if (status != SHALE_OK)
        return status;
    enter(run, RUN_OPEN);
    status = phases(run, err);
    if (status == SHALE_OK && run->plan.tally.n_other > 0)
        shale_log_say(run->env->log, SHALE_LOG_INFO, "other_definition",
                      "%" PRId64
                      " objects were read with another definition, and are not read again",
                      run->plan.tally.n_other);
    return status;
}

enum shale_status shale_run(const struct shale_run_options *options, struct shale_summary *summary,
                            struct shale_err *err)
{
    struct run *run = shale_mem_zeroed(options->env->mem, 1, sizeof *run);
    struct tidy tidy;
    enum shale_status status;
    memset(summary, 0, sizeof *summary);
    if (run == NULL)
        return SHALE_ERR(err, no_memory);
    run->options = options;
    run->env = options->env;
    run->mem = options->env->mem;
    run->stream = options->stream;
    run->err = err;
    run->seq.spill.fd = -1;
    run->seq.rejects.kind = PART_REJECTS;
    run->seq.consumed.kind = PART_CONSUMED;
    run->began_us = run->env->monotonic_us(run->env->ctx);
    run->began_wall_us = run->env->wall_us(run->env->ctx);
    status = execute(run, err);
    summarise(run, summary);
    if (status == SHALE_OK && run->seq.sums.unread != SHALE_OK) {
        const struct sums *sums = &run->seq.sums;
        status = sums->unread == SHALE_DENIED ? SHALE_DENIED : SHALE_AGAIN;
        shale_err_clear(err);
        (void)SHALE_ERR(err, objects_unread, (long long)sums->n_unread, sums->unread_err.message);
        shale_err_at(err, sums->unread_err.object, -1, -1);
    } else if (status != SHALE_OK && run->table == NULL) {
        summary->files_written = summary->bytes_written = summary->rows_total = 0;
        summary->rejects_path[0] = '\0';
    }
    tidy_note(run, &tidy);
    close_run(run);
    shale_mem_free(options->env->mem, run);
    tidy_up(&tidy);
    return status;
}
