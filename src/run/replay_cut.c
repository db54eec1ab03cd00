/* SPDX-License-Identifier: MIT */
/* Events of which a reject holds only the beginning: read again where they came from, under the tag
 * that they were read under. */
#include "run/private.h"

#include <string.h>

enum { MOST_NAMED = 50 }; /* a worker says of so many why they stay */

/* The event that is looked for, on the way to it. */
struct search {
    struct worker *worker;
    const struct object *object;
    struct shale_events *events;
    struct shale_lineage lineage;
    int64_t number; /* of the next event */
    bool handed;    /* the last one was handed out: it may still turn out to be no event */
    bool found;     /* it has its outcome */
    bool is_other;  /* what has its number is another event */
    struct mark before;
};

/* Is this the event, by its length and by what the reject holds of it? */
static bool is_it(const struct shale_rejects_row *row, struct shale_str text, int64_t n_bytes)
{
    return n_bytes == row->raw_bytes && text.n_bytes >= row->raw.n_bytes &&
           memcmp(text.data, row->raw.data, row->raw.n_bytes) == 0;
}

static enum shale_status settle(struct search *search, enum shale_shredded outcome,
                                const struct shale_reject *reject, struct shale_err *err)
{
    struct worker *worker = search->worker;
    struct shale_str text = shale_events_text(search->events);
    bool wanted = search->number == search->object->again->record;
    search->handed = true;
    search->number++;
    if (!wanted || !is_it(search->object->again, text, (int64_t)text.n_bytes)) {
        search->is_other = wanted;
        worker_take_back(worker, &search->before);
        return SHALE_OK;
    }
    search->found = true;
    if (outcome == SHALE_SHRED_REJECTED)
        return reject_event(worker, search->object, search->number - 1, reject, -1, text,
                            (int64_t)text.n_bytes, err);
    worker->counts.read++;
    worker->counts.filtered += outcome == SHALE_SHRED_FILTERED;
    if (outcome == SHALE_SHRED_ROW)
        worker_take_row(worker);
    return SHALE_OK;
}

static enum shale_status take_event(struct search *search, const struct shale_event *event,
                                    struct shale_err *err)
{
    struct worker *worker = search->worker;
    enum shale_shredded outcome;
    struct shale_reject reject;
    enum shale_status status;
    search->before = worker_mark(worker);
    status = shale_shred(worker->shredder, event->cursor, !event->wrapped, &search->lineage,
                         search->number, worker->builder, &outcome, &reject, err);
    if (status != SHALE_OK)
        return status;
    switch (outcome) {
    case SHALE_SHRED_ENVELOPE:
        shale_events_descend(search->events);
        return SHALE_OK;
    case SHALE_SHRED_MORE:
        shale_events_more(search->events);
        return SHALE_OK;
    case SHALE_SHRED_BROKEN:
        shale_events_broken(search->events);
        return SHALE_OK;
    case SHALE_SHRED_ROW:
    case SHALE_SHRED_FILTERED:
    case SHALE_SHRED_REJECTED:
        break;
    }
    return settle(search, outcome, &reject, err);
}

/* A bad line, or an event that is still too large. */
static enum shale_status take_reject(struct search *search, const struct shale_event *event,
                                     struct shale_err *err)
{
    static const struct shale_reject nowhere = {0};
    const struct shale_rejects_row *row = search->object->again;
    if (event->retract && search->handed) {
        search->number--;
        worker_take_back(search->worker, &search->before);
        search->found = search->is_other = false;
    }
    search->handed = false;
    if (search->number++ != row->record)
        return SHALE_OK;
    search->is_other = !is_it(row, event->text, event->text_bytes);
    search->found = !search->is_other;
    return search->is_other ? SHALE_OK
                            : reject_event(search->worker, search->object, row->record, &nowhere,
                                           -1, event->text, event->text_bytes, err);
}

/* From the object's first event to the one behind it: until then it may be taken back. */
static enum shale_status look_for(struct search *search, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    struct shale_event event;
    while (status == SHALE_OK) {
        enum shale_events_step step;
        if (is_cancelled(search->worker->run))
            return SHALE_ERR(err, interrupted);
        shale_err_clear(err);
        step = shale_events_next(search->events, &event, err);
        if (step == SHALE_EVENTS_FAILED)
            return event.status;
        if (step == SHALE_EVENTS_END ||
            (step == SHALE_EVENTS_EVENT && search->number > search->object->again->record))
            break;
        status = step == SHALE_EVENTS_EVENT ? take_event(search, &event, err)
                                            : take_reject(search, &event, err);
    }
    return status;
}

static enum shale_status find_event(struct worker *worker, const struct object *object,
                                    struct large *large, struct shale_err *err)
{
    const struct mark begin = worker_mark(worker);
    struct search search = {.worker = worker, .object = object, .events = large->events};
    enum shale_status status;
    object_lineage(worker->run, object, &search.lineage);
    status = look_for(&search, err);
    if (status == SHALE_OK)
        status = shale_get_finish(&large->get, err);
    else
        shale_get_close(&large->get);
    large->is_open = false;
    if (status == SHALE_OK && !search.found)
        status = SHALE_ERR(err, replay_other_event);
    if (status != SHALE_OK)
        worker_take_back(worker, &begin);
    return status;
}

/* Is the object the one that is named here, and is it there? */
static enum shale_status open_source(struct worker *worker, const struct object *object,
                                     struct large *large, struct shale_err *err)
{
    const struct run *run = worker->run;
    char tag[TAG_BYTES];
    enum shale_status status;
    if (run->n_roots == 0 || !shale_str_equal(object->again->source, run->table->source))
        return SHALE_ERR(err, replay_other_source);
    status = root_get(&run->roots[0], object->key.data, &large->get, err);
    if (status != SHALE_OK)
        return status;
    large->is_open = true;
    if (!shale_str_equal(object_tag(large->get.n_bytes, large->get.mtime_ns, tag),
                         object->again->tag))
        return SHALE_ERR(err, replay_changed);
    return large_begin_stream(run, large, err);
}

enum shale_status replay_cut(struct worker *worker, const struct object *object, bool *stays,
                             struct shale_err *err)
{
    struct large *large;
    enum shale_status status = large_new(worker->run, &large, err);
    *stays = false;
    if (status == SHALE_OK)
        status = open_source(worker, object, large, err);
    if (status == SHALE_OK)
        status = find_event(worker, object, large, err);
    large_free(worker->run, large);
    if (status == SHALE_OK || status == SHALE_NOMEM || status == SHALE_CANCELLED)
        return status;
    *stays = true;
    shale_err_at(err, object->name.data, object->again->record, -1);
    if (worker->n_logged++ < MOST_NAMED)
        shale_log_err(worker->run->env->log, SHALE_LOG_WARN, err);
    shale_err_clear(err);
    return SHALE_OK;
}
