/* SPDX-License-Identifier: MIT */
/* A node's bytes to events: groups of small objects, slices of lines, large objects piece by
 * piece. */
#include "run/private.h"

#include <string.h>

#include "json/text.h"

enum { MAX_LOGGED = 50 };

/* Damage in the object itself, to be recorded as a reject; anything else (transport, permission,
 * changed meanwhile) may go well the next time. */
static bool is_content(enum shale_status status)
{
    return status == SHALE_CORRUPT || status == SHALE_LIMIT || status == SHALE_SCHEMA;
}

static bool is_fatal(enum shale_status status)
{
    return status == SHALE_NOMEM || status == SHALE_CANCELLED;
}

static enum shale_shape forced_shape(const struct shale_stream *stream)
{
    switch (stream->format) {
    case SHALE_INPUT_JSON:
        return SHALE_SHAPE_JSON;
    case SHALE_INPUT_NDJSON:
        return SHALE_SHAPE_NDJSON;
    case SHALE_INPUT_AUTO:
        break;
    }
    return SHALE_SHAPE_SEEN;
}

/* Names become values of string columns, so they must be text. */
static enum shale_status check_name(const struct object *object, struct shale_err *err)
{
    if (shale_utf8_valid(object->key))
        return SHALE_OK;
    return SHALE_ERR(err, object_name);
}

/* Open an object to read it.  What a table reads is what was listed and decided upon. */
static enum shale_status open_object(const struct run *run, const struct object *object,
                                     struct shale_get *get, struct shale_err *err)
{
    enum shale_status status = root_get(object->root, object->key.data, get, err);
    if (status != SHALE_OK || run->table == NULL ||
        (get->n_bytes == object->n_bytes && get->mtime_ns == object->mtime_ns))
        return status;
    shale_get_close(get);
    return SHALE_ERR(err, file_changed);
}

/* ---- Objects that come again ------------------------------------------------------------------
 */

/* Its bytes are known: is it to be read?  SHALE_CORRUPT: it is a reject. */
static enum shale_status judge_changed(struct worker *worker, const struct object *object,
                                       const char *hash, bool *touched, struct shale_err *err)
{
    *touched = object_is_touched(worker->run, object, hash);
    if (*touched)
        worker->n_touched++;
    return *touched || worker->run->stream->on_change != SHALE_ON_CHANGE_REJECT
               ? SHALE_OK
               : SHALE_ERR(err, object_changed);
}

static void warn_trailing(const struct run *run, const struct object *object)
{
    struct shale_err err;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, trailing_bytes);
    shale_err_at(&err, object->name.data, -1, -1);
    shale_log_err(run->env->log, SHALE_LOG_WARN, &err);
}

/* ---- Small objects ----------------------------------------------------------------------------
 */

enum small { SMALL_DONE, SMALL_LARGE };

/* All stored bytes of an object; '*large' when there are more than a small one has. */
static enum shale_status get_whole(struct worker *worker, const struct object *object, bool *large,
                                   struct shale_err *err)
{
    struct shale_get *get = &worker->get;
    struct shale_buf *stored = &worker->stored;
    enum shale_status status = open_object(worker->run, object, get, err);
    size_t n = 1;
    shale_buf_reset(stored);
    *large = status == SHALE_OK && get->n_bytes > GROUP_STORED_BYTES;
    if (status == SHALE_OK && !*large) {
        status = shale_buf_reserve(stored, (size_t)get->n_bytes + 1);
        if (status != SHALE_OK)
            (void)SHALE_ERR(err, no_memory);
    }
    while (status == SHALE_OK && !*large && n > 0) {
        size_t room = stored->capacity - stored->n_bytes;
        if (room == 0)
            *large = true; /* it grew since it was opened: read it as it is now */
        else if ((status = shale_source_read(&get->source, stored->data + stored->n_bytes, room, &n,
                                             err)) == SHALE_OK)
            stored->n_bytes += n;
    }
    if (status == SHALE_OK && !*large)
        return shale_get_finish(get, err);
    shale_get_close(get);
    return status;
}

/* Shred the text in worker->text. */
static enum shale_status shred_small(struct worker *worker, const struct object *object,
                                     enum small *out, struct shale_err *err)
{
    const struct run *run = worker->run;
    struct shredding shredding = {.events = worker->events, .object = object};
    enum shredded shredded;
    enum shale_status status;
    shale_events_begin_text(worker->events, &run->events_options, worker->text.data,
                            worker->text.n_bytes, 0, forced_shape(run->stream));
    status = shred_events(worker, &shredding, &shredded, err);
    *out = shredded == SHREDDED_FULL ? SMALL_LARGE : SMALL_DONE;
    return status;
}

/* worker->hash is that of the stored bytes; '*touched' as judge_changed() says. */
static enum shale_status hash_small(struct worker *worker, const struct object *object,
                                    bool *touched, struct shale_err *err)
{
    if (worker->consumed == NULL)
        return SHALE_OK;
    shale_content_hash(shale_buf_str(&worker->stored), worker->hash);
    return object->changed ? judge_changed(worker, object, worker->hash, touched, err) : SHALE_OK;
}

/* One object of a group: its rows, or its reject, or (SMALL_LARGE) nothing. */
static enum shale_status read_small(struct worker *worker, const struct object *object,
                                    enum small *out, struct shale_err *err)
{
    bool trailing = false, large = false, touched = false;
    enum shale_status status;
    *out = SMALL_DONE;
    worker->hash[0] = '\0';
    status = get_whole(worker, object, &large, err);
    if (status != SHALE_OK)
        return status;
    if (large) {
        *out = SMALL_LARGE;
        return SHALE_OK;
    }
    worker->bytes_read += (int64_t)worker->stored.n_bytes;
    status = check_name(object, err);
    if (status == SHALE_OK)
        status = hash_small(worker, object, &touched, err);
    if (status != SHALE_OK || touched)
        return status;
    shale_buf_reset(&worker->text);
    status = shale_decoder_whole(worker->decoder, worker->stored.data, worker->stored.n_bytes,
                                 &worker->text, &trailing, err);
    if (status == SHALE_LIMIT) {
        *out = SMALL_LARGE;
        return SHALE_OK;
    }
    if (status == SHALE_OK)
        status = shred_small(worker, object, out, err);
    if (trailing && *out == SMALL_DONE) /* else it is read once more, and warned of then */
        warn_trailing(worker->run, object);
    return status;
}

/* Every object that failed is named, until there are many: then only at level debug (damaged ones
 * are in the rejects all the same). */
static void log_failure(struct worker *worker, enum shale_log_level level,
                        const struct shale_err *err)
{
    struct shale_log *log = worker->run->env->log;
    if (worker->n_logged == MAX_LOGGED)
        shale_log_say(log, level, "more_failed",
                      "more objects fail; LOG_LEVEL=debug names all of them");
    shale_log_err(log, worker->n_logged++ < MAX_LOGGED ? level : SHALE_LOG_DEBUG, err);
    if (worker->n_logged > MAX_LOGGED)
        worker->n_logged = MAX_LOGGED + 1;
}

/* An object that failed: its reject row, or a note that it could not be read.  A ledger cannot hold
 * a key that is no text. */
static enum shale_status take_failure(struct worker *worker, const struct object *object,
                                      enum shale_status status, const char *hash,
                                      struct shale_err *err)
{
    shale_err_at(err, object->name.data, -1, -1);
    if (is_content(status) && (worker->consumed == NULL || err->code != SHALE_E_object_name)) {
        const struct counts before = worker->counts;
        log_failure(worker, SHALE_LOG_WARN, err);
        status = reject_object(worker, object, err);
        return status != SHALE_OK || worker->consumed == NULL
                   ? status
                   : consumed_append(worker, object, SHALE_LEDGER_REJECTED, hash, &before);
    }
    log_failure(worker, SHALE_LOG_ERROR, err);
    worker->objects_failed++;
    worker->n_unread++;
    if (worker->unread == SHALE_OK) {
        worker->unread = status;
        worker->unread_err = *err;
    }
    return SHALE_OK;
}

static size_t group_bytes(const struct worker *worker)
{
    return worker_n_bytes(worker) +
           (worker->consumed == NULL ? 0 : shale_builder_n_bytes(worker->consumed));
}

enum shale_status read_group(struct worker *worker, struct job *job)
{
    const struct object *objects = job->node->list->objects;
    size_t end = job->node->first_object + job->node->n_objects, i;
    job->stopped_at = end;
    for (i = job->node->first_object; i < end; i++) {
        struct mark mark = worker_mark(worker);
        int64_t bytes_read = worker->bytes_read;
        enum small outcome;
        enum shale_status status;
        if (is_cancelled(worker->run))
            return SHALE_ERR(&job->err, interrupted);
        shale_err_clear(&job->err);
        status = read_small(worker, &objects[i], &outcome, &job->err);
        if (is_fatal(status))
            return status == SHALE_NOMEM ? SHALE_ERR(&job->err, no_memory) : status;
        if (status != SHALE_OK || outcome == SMALL_LARGE)
            worker_take_back(worker, &mark);
        if (status == SHALE_OK && outcome == SMALL_LARGE) {
            worker->bytes_read = bytes_read;
            job->stopped_at = i;
            job->stopped_large = true;
            break;
        }
        if (status != SHALE_OK)
            status = take_failure(worker, &objects[i], status, worker->hash, &job->err);
        else if (worker->consumed != NULL)
            status =
                consumed_append(worker, &objects[i], SHALE_LEDGER_DONE, worker->hash, &mark.counts);
        if (status != SHALE_OK)
            return SHALE_ERR(&job->err, no_memory);
        worker->objects_done++;
        if (group_bytes(worker) >= PARCEL_BYTES) {
            job->stopped_at = i + 1;
            break;
        }
    }
    job->node_done = true;
    return parcel_take(worker, PARCEL_WHOLE, 0, &job->parcel) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(&job->err, no_memory);
}

/* ---- Slices -----------------------------------------------------------------------------------
 */

/* A line that is longer than any event may be: its beginning is there for the reject. */
static enum shale_status reject_overlong(struct worker *worker, const struct node *node,
                                         struct shale_err *err)
{
    static const struct shale_reject nowhere = {0};
    (void)SHALE_ERR(err, event_too_large, (long long)node->slice.overlong_bytes,
                    (long long)worker->run->stream->max_event_bytes);
    return reject_event(worker, node->object, 0, &nowhere, node->slice.base,
                        shale_buf_str(&node->slice.text), node->slice.overlong_bytes, err);
}

enum shale_status read_slice(struct worker *worker, struct job *job)
{
    const struct run *run = worker->run;
    struct node *node = job->node;
    struct shredding shredding = {
        .events = worker->events, .object = node->object, .stop_at_lines = true};
    enum shredded shredded = SHREDDED_ALL;
    enum shale_status status;
    if (is_cancelled(run))
        return SHALE_ERR(&job->err, interrupted);
    worker->bytes_read += node->slice_stored;
    node->slice_stored = 0;
    if (node->slice.overlong_bytes > 0) {
        status = reject_overlong(worker, node, &job->err);
        shredding.number = 1;
    } else {
        shale_events_begin_text(worker->events, &run->events_options,
                                node->slice.text.data + node->slice_used,
                                node->slice.text.n_bytes - node->slice_used,
                                node->slice.base + (int64_t)node->slice_used, SHALE_SHAPE_NDJSON);
        status = shred_events(worker, &shredding, &shredded, &job->err);
    }
    if (status != SHALE_OK)
        return status; /* lines fail one by one, never the object: this is no memory */
    if (shredded == SHREDDED_FULL)
        node->slice_used = (size_t)(shredding.byte - node->slice.base);
    job->node_done = shredded == SHREDDED_ALL;
    status = parcel_take(worker, PARCEL_PIECE, shredding.number, &job->parcel);
    if (status != SHALE_OK)
        return SHALE_ERR(&job->err, no_memory);
    job->parcel->relative = true;
    return SHALE_OK;
}

/* ---- Large objects ----------------------------------------------------------------------------
 */

static enum shale_status read_prefixed(struct shale_source *source, void *out, size_t capacity,
                                       size_t *n_bytes, struct shale_err *err)
{
    struct large *large = (struct large *)(void *)source;
    size_t left = large->head.n_bytes - large->head_used;
    enum shale_status status;
    if (left > 0) {
        *n_bytes = left < capacity ? left : capacity;
        memcpy(out, large->head.data + large->head_used, *n_bytes);
        large->head_used += *n_bytes;
        return SHALE_OK;
    }
    status = shale_decoder_read(large->decoder, out, capacity, n_bytes, err);
    return status;
}

static enum shale_status read_hashed(struct shale_source *source, void *out, size_t capacity,
                                     size_t *n_bytes, struct shale_err *err)
{
    struct hashed *hashed = (struct hashed *)(void *)source;
    enum shale_status status = shale_source_read(hashed->under, out, capacity, n_bytes, err);
    if (status == SHALE_OK)
        shale_content_hash_update(&hashed->hash, out, *n_bytes);
    return status;
}

/* Read what is left of it, so that its hash is of all bytes. */
static enum shale_status hash_rest(struct worker *worker, struct large *large,
                                   struct shale_err *err)
{
    struct shale_buf *stored = &worker->stored;
    size_t n = 1;
    enum shale_status status = SHALE_OK;
    shale_buf_reset(stored);
    if (shale_buf_reserve(stored, GROUP_STORED_BYTES) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    while (status == SHALE_OK && n > 0)
        status = is_cancelled(worker->run) ? SHALE_ERR(err, interrupted)
                                           : shale_source_read(&large->hashed.source, stored->data,
                                                               GROUP_STORED_BYTES, &n, err);
    if (status == SHALE_OK)
        shale_content_hash_finish(&large->hashed.hash, large->hash);
    return status;
}

/* It was read under another tag: its bytes are hashed in a pass of their own before it is read. */
static enum shale_status large_judge(struct worker *worker, const struct object *object,
                                     struct large *large, struct shale_err *err)
{
    enum shale_status status = open_object(worker->run, object, &large->get, err);
    if (status != SHALE_OK)
        return status;
    large->is_open = true;
    status = hash_rest(worker, large, err);
    worker->bytes_read += large->get.n_read;
    large->is_open = false;
    if (status != SHALE_OK) {
        shale_get_close(&large->get);
        return status;
    }
    status = shale_get_finish(&large->get, err);
    shale_content_hash_init(&large->hashed.hash);
    return status == SHALE_OK ? judge_changed(worker, object, large->hash, &large->touched, err)
                              : status;
}

void large_free(struct run *run, struct large *large)
{
    if (large == NULL)
        return;
    if (large->is_open)
        shale_get_close(&large->get);
    shale_decoder_free(large->decoder);
    shale_events_free(large->events);
    shale_slicer_free(large->slicer);
    shale_buf_fini(&large->head);
    shale_mem_free(run->mem, large);
}

enum shale_status large_new(const struct run *run, struct large **out, struct shale_err *err)
{
    struct large *large = shale_mem_zeroed(run->mem, 1, sizeof *large);
    *out = large;
    if (large == NULL)
        return SHALE_ERR(err, no_memory);
    large->get.fd = -1;
    large->prefix.read = read_prefixed;
    large->hashed.source.read = read_hashed;
    large->hashed.under = &large->get.source;
    shale_content_hash_init(&large->hashed.hash);
    shale_buf_init(&large->head, run->mem, SHALE_WINDOW_BYTES + SHALE_JSON_PADDING);
    if (shale_decoder_new(run->mem, &large->decoder) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return SHALE_OK;
}

/* What is neither lines nor one document is seen by its reader. */
static enum shale_shape stream_shape(enum shale_shape shape)
{
    return shape == SHALE_SHAPE_JSON || shape == SHALE_SHAPE_NDJSON ? shape : SHALE_SHAPE_SEEN;
}

/* Read the first window and see the shape. */
static enum shale_status see_shape(const struct run *run, struct large *large,
                                   struct shale_err *err)
{
    struct shale_json_cursor cursor;
    size_t n = 1;
    enum shale_status status = shale_buf_reserve(&large->head, large->head.cap);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    while (n > 0 && large->head.n_bytes < SHALE_WINDOW_BYTES) {
        status = shale_decoder_read(large->decoder, large->head.data + large->head.n_bytes,
                                    SHALE_WINDOW_BYTES - large->head.n_bytes, &n, err);
        if (status != SHALE_OK)
            return status;
        large->head.n_bytes += n;
    }
    memset(large->head.data + large->head.n_bytes, 0, SHALE_JSON_PADDING);
    if (shale_json_cursor_init(&cursor, run->mem) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    large->shape = shale_shape_see(&cursor, large->head.data, large->head.n_bytes, n == 0);
    shale_json_cursor_fini(&cursor);
    return SHALE_OK;
}

enum shale_status large_begin_stream(const struct run *run, struct large *large,
                                     struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    shale_decoder_begin(large->decoder, &large->get.source);
    large->shape = forced_shape(run->stream);
    if (large->shape == SHALE_SHAPE_SEEN)
        status = see_shape(run, large, err);
    if (status == SHALE_OK && shale_events_new(run->mem, &large->events) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        shale_events_begin_stream(large->events, &run->events_options, &large->prefix,
                                  stream_shape(large->shape));
    return status;
}

static enum shale_status large_begin(struct worker *worker, const struct object *object,
                                     struct large *large, struct shale_err *err)
{
    const struct run *run = worker->run;
    enum shale_status status = check_name(object, err);
    if (status == SHALE_OK && object->changed)
        status = large_judge(worker, object, large, err);
    if (status != SHALE_OK || large->touched)
        return status;
    status = open_object(run, object, &large->get, err);
    if (status != SHALE_OK)
        return status;
    large->is_open = true;
    shale_decoder_begin(large->decoder,
                        run->table != NULL ? &large->hashed.source : &large->get.source);
    large->shape = forced_shape(run->stream);
    if (large->shape == SHALE_SHAPE_SEEN)
        status = see_shape(run, large, err);
    if (status != SHALE_OK)
        return status;
    if (large->shape == SHALE_SHAPE_NDJSON) {
        if (shale_slicer_new(run->mem, &large->slicer) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
        shale_slicer_begin(large->slicer, &large->prefix, run->events_options.max_event_bytes);
    } else {
        if (shale_events_new(run->mem, &large->events) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
        shale_events_begin_stream(large->events, &run->events_options, &large->prefix,
                                  stream_shape(large->shape));
    }
    return SHALE_OK;
}

/* The object's bytes are all read and were good. */
static enum shale_status large_end(struct worker *worker, struct job *job,
                                   const struct object *object)
{
    struct large *large = job->node->large;
    enum shale_status status = SHALE_OK;
    if (worker->consumed != NULL)
        status = hash_rest(worker, large, &job->err);
    if (status != SHALE_OK)
        return status;
    status = shale_get_finish(&large->get, &job->err);
    large->is_open = false;
    if (status != SHALE_OK)
        return status;
    if (shale_decoder_trailing(large->decoder))
        warn_trailing(worker->run, object);
    if (worker->consumed != NULL &&
        consumed_append(worker, object, SHALE_LEDGER_DONE, large->hash, NULL) != SHALE_OK)
        return SHALE_ERR(&job->err, no_memory);
    worker->objects_done++;
    job->node_done = true;
    return SHALE_OK;
}

static void count_bytes(struct worker *worker, struct large *large)
{
    worker->bytes_read += large->get.n_read - large->n_counted;
    large->n_counted = large->get.n_read;
}

/* One more slice of an NDJSON object: a node of its own, before the object's. */
static enum shale_status next_slice(struct worker *worker, struct job *job,
                                    const struct object *object)
{
    struct large *large = job->node->large;
    struct node *made = job->made;
    enum shale_status status = shale_slicer_next(large->slicer, &made->slice, &job->err);
    if (status != SHALE_OK)
        return status;
    made->object = object;
    made->slice_stored = large->get.n_read - large->n_counted; /* this job may make no parcel */
    large->n_counted = large->get.n_read;
    if (made->slice.last)
        status = large_end(worker, job, object);
    if (status != SHALE_OK)
        return status;
    return job->node_done ? parcel_take(worker, PARCEL_END, 0, &job->parcel) : SHALE_OK;
}

/* The next rows of an object that is no NDJSON. */
static enum shale_status next_piece(struct worker *worker, struct job *job,
                                    const struct object *object)
{
    struct large *large = job->node->large;
    struct shredding shredding = {
        .events = large->events,
        .object = object,
        .number = large->number,
        .has_pending = large->has_pending,
        .pending = large->pending,
    };
    enum shredded shredded;
    enum shale_status status = shred_events(worker, &shredding, &shredded, &job->err);
    if (status != SHALE_OK)
        return status;
    count_bytes(worker, large);
    if (shredded == SHREDDED_ALL)
        status = large_end(worker, job, object);
    if (status != SHALE_OK)
        return status;
    status = parcel_take(worker, job->node_done ? PARCEL_END : PARCEL_PIECE,
                         shredding.number - large->number, &job->parcel);
    large->number = shredding.number;
    large->has_pending = shredding.has_pending;
    large->pending = shredding.pending;
    return status;
}

/* The object failed in its middle or at its end: nothing of it stays but this. */
static enum shale_status large_failed(struct worker *worker, struct job *job,
                                      const struct object *object, enum shale_status status)
{
    static const struct mark nothing = {0};
    worker_take_back(worker, &nothing);
    count_bytes(worker, job->node->large);
    status = take_failure(worker, object, status, job->node->large->hash, &job->err);
    if (status != SHALE_OK)
        return status;
    worker->objects_done++;
    job->node_done = true;
    if (job->made != NULL) {
        node_free(worker->run, job->made);
        job->made = NULL;
    }
    return parcel_take(worker, worker->unread != SHALE_OK ? PARCEL_UNREAD : PARCEL_FAILED, 0,
                       &job->parcel);
}

/* Its bytes are those of another tag: that is all. */
static enum shale_status large_touched(struct worker *worker, struct job *job,
                                       const struct object *object)
{
    worker->objects_done++;
    job->node_done = true;
    if (consumed_append(worker, object, SHALE_LEDGER_DONE, job->node->large->hash, NULL) !=
        SHALE_OK)
        return SHALE_NOMEM;
    return parcel_take(worker, PARCEL_WHOLE, 0, &job->parcel);
}

enum shale_status read_object(struct worker *worker, struct job *job)
{
    struct run *run = worker->run;
    struct node *node = job->node;
    const struct object *object = &node->list->objects[node->first_object];
    enum shale_status status = SHALE_OK;
    if (is_cancelled(run))
        return SHALE_ERR(&job->err, interrupted);
    shale_err_clear(&job->err);
    if (node->large == NULL) {
        status = large_new(run, &node->large, &job->err);
        if (status == SHALE_OK)
            status = large_begin(worker, object, node->large, &job->err);
    }
    if (status == SHALE_OK && node->large->touched)
        status = large_touched(worker, job, object);
    else if (status == SHALE_OK)
        status = node->large->slicer != NULL ? next_slice(worker, job, object)
                                             : next_piece(worker, job, object);
    if (status != SHALE_OK && !is_fatal(status))
        status = large_failed(worker, job, object, status);
    return status == SHALE_NOMEM ? SHALE_ERR(&job->err, no_memory) : status;
}
