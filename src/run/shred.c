/* SPDX-License-Identifier: MIT */
/* Events to rows and rejects in a worker's builders, and those to a parcel. */
#include "run/private.h"

#include <string.h>

enum { STEPS_UNCANCELLED = 1024 }; /* events between two looks for the wish to stop */

/* ---- A worker's tools -------------------------------------------------------------------------
 */

enum shale_status worker_open(struct run *run, struct worker *worker)
{
    const struct shale_mem *mem = run->mem;
    enum shale_status status;
    worker->run = run;
    worker->get.fd = -1;
    shale_err_clear(&worker->first_error);
    shale_buf_init(&worker->stored, mem, GROUP_STORED_BYTES + 1);
    shale_buf_init(&worker->writes, mem, WRITE_BYTES);
    shale_buf_init(&worker->text, mem, SHALE_SLICE_BYTES + SHALE_CODEC_PADDING);
    status = shale_decoder_new(mem, &worker->decoder);
    if (status == SHALE_OK)
        status = shale_events_new(mem, &worker->events);
    if (status == SHALE_OK)
        status = shale_shredder_new(mem, run->stream, &worker->shredder);
    if (status == SHALE_OK)
        status = shale_builder_new(mem, &run->stream->schema, &worker->builder);
    if (status == SHALE_OK)
        status = shale_builder_new(mem, &shale_rejects_schema, &worker->rejects);
    if (status == SHALE_OK && run->table != NULL)
        status = shale_builder_new(mem, &consumed_schema, &worker->consumed);
    if (status == SHALE_OK)
        status = shale_partitioner_new(mem, run->stream, &worker->partitioner);
    if (status == SHALE_OK)
        status = shale_chunk_writer_new(mem, &worker->chunks);
    return status;
}

void worker_close(struct worker *worker)
{
    if (worker->run == NULL)
        return;
    parcel_free(worker->run, worker->job.parcel);
    if (worker->job.made != NULL)
        node_free(worker->run, worker->job.made);
    shale_get_close(&worker->get);
    shale_erasure_rejects_free(worker->erased);
    shale_chunk_writer_free(worker->chunks);
    shale_partitioner_free(worker->partitioner);
    shale_builder_free(worker->consumed);
    shale_builder_free(worker->rejects);
    shale_builder_free(worker->builder);
    shale_shredder_free(worker->shredder);
    shale_events_free(worker->events);
    shale_decoder_free(worker->decoder);
    shale_buf_fini(&worker->text);
    shale_buf_fini(&worker->stored);
    shale_buf_fini(&worker->writes);
}

struct mark worker_mark(const struct worker *worker)
{
    return (struct mark){.n_rows = shale_builder_n_rows(worker->builder),
                         .n_rejects = shale_builder_n_rows(worker->rejects),
                         .n_consumed =
                             worker->consumed == NULL ? 0 : shale_builder_n_rows(worker->consumed),
                         .counts = worker->counts,
                         .had_error = worker->first_error.code != SHALE_E_none};
}

void worker_take_back(struct worker *worker, const struct mark *mark)
{
    shale_builder_truncate(worker->builder, mark->n_rows);
    shale_builder_truncate(worker->rejects, mark->n_rejects);
    if (worker->consumed != NULL)
        shale_builder_truncate(worker->consumed, mark->n_consumed);
    worker->counts = mark->counts;
    if (!mark->had_error)
        shale_err_clear(&worker->first_error);
}

/* ---- Rejects ----------------------------------------------------------------------------------
 */

/* Does it fail again, and for the same reason? */
static bool is_same(const struct shale_rejects_row *again, const struct shale_reject_row *row)
{
    return shale_str_is(again->rule, row->rule) && shale_str_equal(again->field, row->field) &&
           shale_str_is(again->message, row->message);
}

/* 'said' with what the ledger says of the object, where there is one.  A reject of a reject is
 * where that was: only the reason is new. */
static enum shale_status append_reject(struct worker *worker, const struct object *object,
                                       const struct shale_reject_row *said)
{
    struct shale_reject_row row = *said;
    char tag[TAG_BYTES];
    if (object->again != NULL) {
        row.byte = object->again->byte;
        row.source = object->again->source;
        row.tag = object->again->tag;
        worker->failed_again = is_same(object->again, &row);
    } else if (worker->run->table != NULL) {
        row.source = worker->run->table->source;
        row.tag = tag_of(object, tag);
    }
    return shale_rejects_append(worker->rejects, &row);
}

/* What is read again may hold what was taken out of the table for good: does such a reject go? */
static enum shale_status is_erased(struct worker *worker, const struct object *object,
                                   int64_t number, struct shale_str raw, int64_t raw_bytes,
                                   bool *out)
{
    const struct run *run = worker->run;
    const struct shale_rejects_row row = {
        .object = object->name, .record = number, .raw = raw, .raw_bytes = raw_bytes};
    const struct shale_manifest *manifest;
    bool keep = true;
    enum shale_status status = SHALE_OK;
    *out = false;
    if (run->table == NULL || (!run->options->rebuild && run->options->replay == NULL) ||
        run->table->base.manifest.n_erasures == 0)
        return SHALE_OK;
    manifest = &run->table->base.manifest;
    if (worker->erased == NULL || worker->erased_of != manifest->id) {
        shale_erasure_rejects_free(worker->erased);
        status =
            shale_erasure_rejects_new(run->mem, manifest->erasures, manifest->n_erasures,
                                      run->table->base.log, run->stream, &worker->erased, NULL);
        worker->erased_of = manifest->id;
    }
    if (status == SHALE_OK)
        status = shale_erasure_rejects_filter(worker->erased, &row, &keep, NULL);
    *out = !keep;
    return status;
}

enum shale_status reject_event(struct worker *worker, const struct object *object, int64_t number,
                               const struct shale_reject *where, int64_t byte, struct shale_str raw,
                               int64_t raw_bytes, struct shale_err *why)
{
    struct shale_reject_row row = {
        .object = object->name,
        .record = number,
        .byte = byte,
        .pointer = where->pointer,
        .field = where->field,
        .rule = shale_error_name(why->code),
        .message = why->message,
        .raw = raw,
        .raw_bytes = raw_bytes,
    };
    bool erased;
    enum shale_status status = is_erased(worker, object, number, raw, raw_bytes, &erased);
    if (status != SHALE_OK)
        return status;
    worker->counts.read++;
    worker->counts.filtered += erased;
    if (erased)
        return SHALE_OK;
    worker->counts.rejected++;
    why->byte = byte;
    shale_err_at(why, object->name.data, number, byte);
    if (worker->first_error.code == SHALE_E_none)
        worker->first_error = *why;
    return append_reject(worker, object, &row);
}

enum shale_status reject_object(struct worker *worker, const struct object *object,
                                const struct shale_err *why)
{
    struct shale_reject_row row = {
        .object = object->name,
        .record = -1,
        .byte = why->byte,
        .rule = why->code == SHALE_E_object_changed ? "object_changed" : "object",
        .message = why->message,
    };
    worker->counts.read++;
    worker->counts.rejected++;
    worker->objects_failed++;
    if (worker->first_error.code == SHALE_E_none)
        worker->first_error = *why;
    return append_reject(worker, object, &row);
}

/* ---- Events -----------------------------------------------------------------------------------
 */

void object_lineage(const struct run *run, const struct object *object, struct shale_lineage *out)
{
    memset(out, 0, sizeof *out);
    out->key = object->key;
    for (size_t i = 0; i < run->stream->n_keys && !run->options->convert; i++)
        if (shale_template_match(&run->stream->keys[i], object->key, out->values)) {
            out->matched = &run->stream->keys[i];
            return;
        }
}

size_t worker_n_bytes(const struct worker *worker)
{
    return shale_builder_n_bytes(worker->builder) + shale_builder_n_bytes(worker->rejects) +
           dedupe_n_bytes(worker);
}

bool worker_is_full(const struct worker *worker)
{
    return worker_n_bytes(worker) >= PARCEL_BYTES;
}

void worker_take_row(struct worker *worker)
{
    const struct table *table = worker->run->table;
    int64_t row = shale_builder_n_rows(worker->builder) - 1;
    bool erased = table != NULL && table->erasures != NULL &&
                  shale_erasures_built(table->erasures, worker->builder, row);
    if (erased)
        shale_builder_truncate(worker->builder, row);
    worker->counts.filtered += erased;
    worker->counts.written += !erased;
}

/* One event through the shredder; '*appended' when it made a row, a reject or was filtered. */
static enum shale_status shred_one(struct worker *worker, struct shredding *s,
                                   const struct shale_lineage *lineage,
                                   const struct shale_event *event, struct shale_err *err)
{
    struct shale_events *events = s->events;
    enum shale_shredded outcome;
    struct shale_reject reject;
    struct shale_str text;
    enum shale_status status =
        shale_shred(worker->shredder, event->cursor, !event->wrapped && !s->alone, lineage,
                    s->number, worker->builder, &outcome, &reject, err);
    if (status != SHALE_OK)
        return status;
    switch (outcome) {
    case SHALE_SHRED_ROW:
        worker->counts.read++;
        worker_take_row(worker);
        break;
    case SHALE_SHRED_FILTERED:
        worker->counts.read++;
        worker->counts.filtered++;
        break;
    case SHALE_SHRED_REJECTED:
        text = shale_events_text(events);
        status =
            reject_event(worker, s->object, s->number, &reject,
                         shale_events_byte(events, reject.at), text, (int64_t)text.n_bytes, err);
        break;
    case SHALE_SHRED_ENVELOPE:
        shale_events_descend(events);
        return SHALE_OK;
    case SHALE_SHRED_MORE:
        shale_events_more(events);
        return SHALE_OK;
    case SHALE_SHRED_BROKEN:
        shale_events_broken(events);
        return SHALE_OK;
    }
    s->number++;
    return status;
}

/* What one step of the envelope means; '*go' says whether there is a next. */
static enum shale_status take_step(struct worker *worker, struct shredding *s,
                                   const struct shale_lineage *lineage, enum shale_events_step step,
                                   const struct shale_event *event, struct mark *before, bool *go,
                                   struct shale_err *err)
{
    static const struct shale_reject nowhere = {0};
    int64_t number = s->number;
    *go = true;
    switch (step) {
    case SHALE_EVENTS_EVENT:
        *before = worker_mark(worker);
        return shred_one(worker, s, lineage, event, err);
    case SHALE_EVENTS_REJECT:
        if (event->retract && worker->counts.read > before->counts.read) {
            worker_take_back(worker, before);
            number = --s->number;
        }
        s->number++;
        return reject_event(worker, s->object, number, &nowhere,
                            err->byte >= 0 ? err->byte : event->byte, event->text,
                            event->text_bytes, err);
    case SHALE_EVENTS_END:
    case SHALE_EVENTS_FAILED:
        break;
    }
    *go = false;
    return SHALE_OK;
}

/* A parcel is closed only when the event after its last is known: until then that one may be taken
 * back. */
static bool stops_before(const struct worker *worker, struct shredding *s,
                         const struct shale_event *event)
{
    if (!worker_is_full(worker) || (s->stop_at_lines && event->wrapped))
        return false;
    s->byte = event->byte;
    s->pending = *event;
    s->has_pending = true;
    return true;
}

enum shale_status shred_events(struct worker *worker, struct shredding *s, enum shredded *out,
                               struct shale_err *err)
{
    struct shale_lineage lineage;
    struct shale_event event = s->pending;
    struct mark before = worker_mark(worker);
    enum shale_events_step step = SHALE_EVENTS_EVENT;
    enum shale_status status = SHALE_OK;
    unsigned n_steps = 0;
    bool go = true, pending = s->has_pending;
    object_lineage(worker->run, s->object, &lineage);
    *out = SHREDDED_ALL;
    s->has_pending = false;
    while (go && status == SHALE_OK) {
        if (++n_steps % STEPS_UNCANCELLED == 0 && is_cancelled(worker->run))
            return SHALE_ERR(err, interrupted);
        shale_err_clear(err);
        if (!pending) {
            step = shale_events_next(s->events, &event, err);
            if (step == SHALE_EVENTS_EVENT && stops_before(worker, s, &event)) {
                *out = SHREDDED_FULL;
                return SHALE_OK;
            }
        }
        pending = false;
        status = take_step(worker, s, &lineage, step, &event, &before, &go, err);
    }
    if (status == SHALE_NOMEM || status == SHALE_LIMIT)
        return SHALE_ERR(err, no_memory);
    if (status == SHALE_OK && step == SHALE_EVENTS_FAILED) {
        *out = SHREDDED_FAILED;
        shale_err_at(err, s->object->name.data, -1, -1);
        return event.status;
    }
    return status;
}

/* ---- Parcels ----------------------------------------------------------------------------------
 */

static void find_last_time(struct worker *worker, struct parcel *parcel)
{
    struct shale_column column;
    const int64_t *values;
    if (worker->run->time_field == SIZE_MAX)
        return;
    shale_builder_column(worker->builder, worker->run->time_field, &column);
    values = column.data;
    for (int64_t i = 0; i < column.n_rows; i++) {
        if (shale_column_is_null(&column, i) ||
            (parcel->has_time && values[i] <= parcel->last_time))
            continue;
        parcel->has_time = true;
        parcel->last_time = values[i];
    }
}

/* Names with their text behind them, in one allocation. */
static struct shale_str *copy_names(const struct shale_mem *mem, const struct shale_str *names,
                                    uint32_t n)
{
    struct shale_str *copy;
    size_t n_bytes = 0, used = 0;
    char *text;
    for (uint32_t i = 0; i < n; i++)
        n_bytes += names[i].n_bytes;
    copy = shale_mem_alloc(mem, n * sizeof *copy + n_bytes);
    if (copy == NULL)
        return NULL;
    text = (char *)(copy + n);
    for (uint32_t i = 0; i < n; i++) {
        if (names[i].n_bytes > 0)
            memcpy(text + used, names[i].data, names[i].n_bytes);
        copy[i] = (struct shale_str){text + used, names[i].n_bytes};
        used += names[i].n_bytes;
    }
    return copy;
}

static enum shale_status split_rows(struct worker *worker, struct parcel *parcel)
{
    const struct shale_mem *mem = worker->run->mem;
    const struct shale_str *names;
    const uint32_t *part_of_row;
    uint32_t n_parts;
    enum shale_status status;
    if (shale_builder_n_rows(worker->builder) == 0)
        return SHALE_OK;
    find_last_time(worker, parcel);
    status =
        shale_partition_rows(worker->partitioner, worker->builder, &part_of_row, &names, &n_parts);
    if (status != SHALE_OK)
        return status;
    parcel->names = copy_names(mem, names, n_parts);
    parcel->batches = shale_mem_zeroed(mem, n_parts + 1, sizeof(struct shale_batch *));
    if (parcel->names == NULL || parcel->batches == NULL)
        return SHALE_NOMEM;
    status = shale_builder_split(worker->builder, part_of_row, n_parts, parcel->batches);
    if (status != SHALE_OK)
        return status;
    parcel->n_parts = n_parts; /* from here on the batches are the parcel's */
    status = dedupe_keys(worker, parcel, part_of_row);
    if (status != SHALE_OK)
        return status;
    for (uint32_t i = 0; i < n_parts; i++)
        if (parcel->batches[i] != NULL)
            parcel->n_bytes += shale_batch_n_bytes(parcel->batches[i]);
    return SHALE_OK;
}

static enum shale_status copy_error(const struct shale_mem *mem, const struct shale_err *err,
                                    struct shale_err **out)
{
    *out = shale_mem_alloc(mem, sizeof **out);
    if (*out == NULL)
        return SHALE_NOMEM;
    **out = *err;
    return SHALE_OK;
}

static enum shale_status fill_parcel(struct worker *worker, struct parcel *parcel)
{
    enum shale_status status = split_rows(worker, parcel);
    if (status == SHALE_OK && shale_builder_n_rows(worker->rejects) > 0) {
        status = shale_builder_split(worker->rejects, NULL, 1, &parcel->rejects);
        if (status == SHALE_OK)
            parcel->n_bytes += shale_batch_n_bytes(parcel->rejects);
    }
    if (status == SHALE_OK && worker->consumed != NULL &&
        shale_builder_n_rows(worker->consumed) > 0) {
        status = shale_builder_split(worker->consumed, NULL, 1, &parcel->consumed);
        if (status == SHALE_OK)
            parcel->n_bytes += shale_batch_n_bytes(parcel->consumed);
    }
    if (status == SHALE_OK && worker->first_error.code != SHALE_E_none)
        status = copy_error(worker->run->mem, &worker->first_error, &parcel->error);
    if (status == SHALE_OK && worker->unread != SHALE_OK)
        status = copy_error(worker->run->mem, &worker->unread_err, &parcel->unread_error);
    return status;
}

enum shale_status parcel_take(struct worker *worker, enum parcel_kind kind, int64_t n_events,
                              struct parcel **out)
{
    struct parcel *parcel = shale_mem_zeroed(worker->run->mem, 1, sizeof *parcel);
    enum shale_status status;
    *out = NULL;
    if (parcel == NULL)
        return SHALE_NOMEM;
    parcel->kind = kind;
    parcel->n_events = n_events;
    parcel->counts = worker->counts;
    parcel->objects_failed = worker->objects_failed;
    parcel->objects_done = worker->objects_done;
    parcel->bytes_read = worker->bytes_read;
    parcel->n_touched = worker->n_touched;
    parcel->replayed = worker->replayed;
    parcel->unread = worker->unread;
    parcel->n_unread = worker->n_unread;
    status = fill_parcel(worker, parcel);
    if (status != SHALE_OK) {
        parcel_free(worker->run, parcel);
        return status;
    }
    shale_builder_reset(worker->builder, KEEP_BUILDER_BYTES);
    shale_builder_reset(worker->rejects, KEEP_BUILDER_BYTES / 4);
    if (worker->consumed != NULL)
        shale_builder_reset(worker->consumed, KEEP_BUILDER_BYTES / 4);
    worker->counts = (struct counts){0};
    worker->replayed = (struct replayed){0};
    worker->objects_failed = worker->objects_done = worker->bytes_read = worker->n_touched = 0;
    worker->unread = SHALE_OK;
    worker->n_unread = 0;
    shale_err_clear(&worker->first_error);
    *out = parcel;
    return SHALE_OK;
}

void parcel_free(struct run *run, struct parcel *parcel)
{
    if (parcel == NULL)
        return;
    for (uint32_t i = 0; i < parcel->n_parts; i++)
        shale_batch_free(run->mem, parcel->batches[i]);
    shale_mem_free(run->mem, parcel->batches);
    shale_mem_free(run->mem, parcel->names);
    shale_batch_free(run->mem, parcel->rejects);
    shale_batch_free(run->mem, parcel->consumed);
    dedupe_free(run, parcel->keys);
    shale_mem_free(run->mem, parcel->error);
    shale_mem_free(run->mem, parcel->unread_error);
    shale_mem_free(run->mem, parcel);
}
