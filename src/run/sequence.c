/* SPDX-License-Identifier: MIT */
/* The sequencer: takes parcels in plan order, lets their rows wait in their partitions, and has
 * row groups cut, by the data alone.
 *
 * A large object is undecided until its end.  Its rows wait behind a mark in each partition; when
 * they fill a row group before it is decided, what waited before the mark is cut first, alone.  If
 * the object fails, every partition returns to its mark: rows that wait are dropped, row groups in
 * the file are cut off.
 *
 * The work may be handed over in the middle: when a row group is left to all threads ('cut'),
 * sequence() returns, and goes on where it was when it is called again. */
#include "run/private.h"

#include <string.h>

#include "base/hash.h"

enum { FIRST_PARTS = 32, SHOWN_REJECTS = 10, MAX_INPUT_BYTES = 1 << 20 };

enum shale_status sequence_open(struct run *run, struct shale_err *err)
{
    enum shale_status status;
    shale_buf_init(&run->seq.first_input, run->mem, MAX_INPUT_BYTES);
    status = shale_spill_init(&run->seq.spill, run->mem, run->options->temporary, err);
    /* A table's keys are those of its base: table_begin(). */
    return status == SHALE_OK && run->table == NULL ? dedupe_begin(run, err) : status;
}

void entries_drop(struct run *run, struct part *part, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        struct entry *entry = &part->entries[i];
        size_t waiting = entry_weight(run, entry);
        if (entry->batch != NULL)
            run->seq.memory_bytes -= entry->n_bytes;
        else
            shale_spill_free(&run->seq.spill, entry->spill_at, entry->n_bytes);
        shale_batch_free(run->mem, entry->batch);
        part->waiting_bytes -= waiting;
        if (part->kind != PART_CONSUMED)
            run->seq.waiting_bytes -= waiting;
    }
    memmove(part->entries + from, part->entries + from + n,
            (part->n_entries - from - n) * sizeof *part->entries);
    part->n_entries -= n;
}

static void part_free(struct run *run, struct part *part)
{
    for (size_t i = 0; i < part->n_entries; i++)
        shale_batch_free(run->mem, part->entries[i].batch);
    shale_mem_free(run->mem, part->entries);
    shale_file_free(part->file);
    if (part->kind == PART_DATA)
        shale_mem_free(run->mem, part);
    else
        *part = (struct part){.kind = part->kind};
}

static void drop_parts(struct run *run)
{
    struct sequencer *seq = &run->seq;
    for (size_t i = 0; i < seq->n_parts; i++)
        part_free(run, seq->parts[i]);
    part_free(run, &seq->rejects);
    part_free(run, &seq->consumed);
    if (seq->n_slots > 0)
        memset(seq->slots, 0, seq->n_slots * sizeof *seq->slots);
    seq->n_parts = seq->final_part = 0;
    seq->final_done = false;
    seq->waiting_bytes = seq->memory_bytes = 0;
    seq->check = NULL;
    shale_buf_reset(&seq->first_input);
    seq->has_input = false;
    seq->n_consumed = 0;
}

enum shale_status sequence_begin(struct run *run, struct shale_err *err)
{
    drop_parts(run);
    shale_spill_fini(&run->seq.spill);
    return shale_spill_init(&run->seq.spill, run->mem, run->options->temporary, err);
}

void sequence_close(struct run *run)
{
    struct sequencer *seq = &run->seq;
    parcel_free(run, seq->parcel);
    while (seq->first != NULL) {
        struct parcel *next = seq->first->next;
        parcel_free(run, seq->first);
        seq->first = next;
    }
    cut_free(run, seq->cut);
    drop_parts(run);
    shale_mem_free(run->mem, seq->parts);
    shale_mem_free(run->mem, seq->slots);
    shale_buf_fini(&seq->first_input);
    shale_spill_fini(&seq->spill);
}

/* ---- Parts ------------------------------------------------------------------------------------
 */

static size_t find_slot(const struct sequencer *seq, struct shale_str name)
{
    size_t slot = shale_hash(name.data, name.n_bytes, 0) & (seq->n_slots - 1);
    while (seq->slots[slot] != 0 && !shale_str_equal(seq->parts[seq->slots[slot] - 1]->name, name))
        slot = (slot + 1) & (seq->n_slots - 1);
    return slot;
}

static enum shale_status grow_parts(struct run *run)
{
    struct sequencer *seq = &run->seq;
    size_t capacity = seq->capacity == 0 ? FIRST_PARTS : seq->capacity * 2;
    struct part **parts = shale_mem_resize(run->mem, seq->parts, capacity, sizeof *parts);
    uint32_t *slots;
    if (parts == NULL)
        return SHALE_NOMEM;
    seq->parts = parts;
    slots = shale_mem_zeroed(run->mem, capacity * 2, sizeof *slots);
    if (slots == NULL)
        return SHALE_NOMEM;
    shale_mem_free(run->mem, seq->slots);
    seq->slots = slots;
    seq->n_slots = capacity * 2;
    seq->capacity = capacity;
    for (size_t i = 0; i < seq->n_parts; i++)
        seq->slots[find_slot(seq, seq->parts[i]->name)] = (uint32_t)i + 1;
    return SHALE_OK;
}

/* The part of that name, made when it is new; NULL without memory. */
static struct part *find_part(struct run *run, struct shale_str name)
{
    struct sequencer *seq = &run->seq;
    struct part *part;
    size_t slot;
    if (seq->n_parts == seq->capacity && grow_parts(run) != SHALE_OK)
        return NULL;
    slot = find_slot(seq, name);
    if (seq->slots[slot] != 0)
        return seq->parts[seq->slots[slot] - 1];
    part = shale_mem_alloc(run->mem, sizeof *part + name.n_bytes);
    if (part == NULL)
        return NULL;
    memset(part, 0, sizeof *part);
    if (name.n_bytes > 0)
        memcpy(part + 1, name.data, name.n_bytes);
    part->name = (struct shale_str){(const char *)(part + 1), name.n_bytes};
    seq->parts[seq->n_parts++] = part;
    seq->slots[slot] = (uint32_t)seq->n_parts;
    return part;
}

enum shale_status sequence_ensure_part(struct run *run)
{
    return find_part(run, SHALE_STR("")) != NULL ? SHALE_OK : SHALE_NOMEM;
}

/* ---- Waiting rows -----------------------------------------------------------------------------
 */

static enum shale_status grow_entries(struct run *run, struct part *part)
{
    size_t capacity = part->capacity == 0 ? 8 : part->capacity * 2;
    struct entry *entries = shale_mem_resize(run->mem, part->entries, capacity, sizeof *entries);
    if (entries == NULL)
        return SHALE_NOMEM;
    part->entries = entries;
    part->capacity = capacity;
    return SHALE_OK;
}

/* Before the first batch of an undecided object reaches this part. */
static void set_mark(const struct sequencer *seq, struct part *part)
{
    if (seq->epoch == 0 || part->epoch == seq->epoch)
        return;
    part->epoch = seq->epoch;
    part->mark_entries = part->n_entries;
    part->has_mark = false;
}

/* Let 'batch' wait, in memory or in the spill file; owned from here on, also on failure. */
static enum shale_status wait_batch(struct run *run, struct part *part, struct shale_batch *batch,
                                    struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    struct entry entry = {.batch = batch,
                          .spill_at = -1,
                          .n_bytes = shale_batch_n_bytes(batch),
                          .n_rows = shale_batch_n_rows(batch)};
    enum shale_status status = SHALE_OK;
    if (part->n_entries == part->capacity && grow_entries(run, part) != SHALE_OK) {
        shale_batch_free(run->mem, batch);
        return SHALE_ERR(err, no_memory);
    }
    set_mark(seq, part);
    if (seq->memory_bytes + entry.n_bytes > run->waiting_limit) {
        status = shale_spill_write(&seq->spill, batch, entry.n_bytes, &entry.spill_at, err);
        shale_batch_free(run->mem, batch);
        if (status != SHALE_OK)
            return status;
        entry.batch = NULL;
    } else {
        seq->memory_bytes += entry.n_bytes;
    }
    part->entries[part->n_entries++] = entry;
    part->waiting_bytes += entry_weight(run, &entry);
    if (part->kind != PART_CONSUMED)
        seq->waiting_bytes += entry_weight(run, &entry);
    return SHALE_OK;
}

/* ---- Row groups -------------------------------------------------------------------------------
 */

/* Cut one row group of what waits in a part: what is decided, or when there is nothing of that,
 * what is not.  Whether a second one is due is asked anew when this one is written, because the
 * answer must be the same whoever writes it.  '*all' as encode_begin() says. */
static enum shale_status cut_part(struct worker *worker, struct part *part, bool *all,
                                  struct shale_err *err)
{
    const struct sequencer *seq = &worker->run->seq;
    bool undecided = seq->epoch != 0 && part->epoch == seq->epoch;
    size_t n = part->n_entries;
    if (undecided && part->mark_entries > 0) {
        n = part->mark_entries;
        part->mark_entries = 0;
    } else if (undecided && !part->has_mark) {
        part->has_mark = true;
        part->mark_groups =
            part->file == NULL ? 0 : shale_parquet_n_row_groups(part->file->parquet);
        if (part->file != NULL)
            shale_file_mark(part->file);
    }
    return encode_begin(worker, part, n, all, err);
}

static struct part *largest_part(struct sequencer *seq)
{
    struct part *largest = &seq->rejects;
    for (size_t i = 0; i < seq->n_parts; i++) {
        struct part *part = seq->parts[i];
        if (part->waiting_bytes > largest->waiting_bytes ||
            (part->waiting_bytes == largest->waiting_bytes &&
             shale_str_compare(part->name, largest->name) < 0))
            largest = part;
    }
    return largest;
}

/* Cut what is due: the part that has just grown, then the largest while too much waits. */
static enum shale_status cut_due(struct worker *worker, bool *all, struct shale_err *err)
{
    struct run *run = worker->run;
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK && !*all && seq->check != NULL) {
        if (seq->check->n_entries == 0 ||
            seq->check->waiting_bytes < (size_t)run->stream->row_group_bytes)
            seq->check = NULL;
        else
            status = cut_part(worker, seq->check, all, err);
    }
    while (status == SHALE_OK && !*all &&
           seq->waiting_bytes > (size_t)run->stream->max_waiting_bytes)
        status = cut_part(worker, largest_part(seq), all, err);
    return status;
}

/* ---- Objects that are not decided yet ---------------------------------------------------------
 */

static void object_begin(struct run *run)
{
    struct sequencer *seq = &run->seq;
    if (seq->epoch != 0)
        return;
    dedupe_mark(run);
    seq->epoch = ++seq->n_epochs;
    seq->object_events = 0;
    seq->object_counts = (struct counts){0};
    seq->object_has_time = false;
}

static void add_counts(struct counts *sum, const struct counts *more)
{
    sum->read += more->read;
    sum->written += more->written;
    sum->rejected += more->rejected;
    sum->filtered += more->filtered;
    sum->duplicates += more->duplicates;
}

static void add_replayed(struct replayed *sum, const struct replayed *more)
{
    sum->events += more->events;
    sum->kept_rules += more->kept_rules;
    sum->kept_objects += more->kept_objects;
    sum->kept_cut += more->kept_cut;
    sum->changed += more->changed;
}

static void add_time(bool *has, int64_t *last, bool more_has, int64_t more)
{
    if (more_has && (!*has || more > *last)) {
        *has = true;
        *last = more;
    }
}

static void object_end(struct run *run)
{
    struct sequencer *seq = &run->seq;
    dedupe_settle(run);
    add_counts(&seq->sums.counts, &seq->object_counts);
    add_time(&seq->sums.has_time, &seq->sums.last_time, seq->object_has_time,
             seq->object_last_time);
    seq->epoch = 0;
}

static enum shale_status take_back_part(struct run *run, struct part *part, struct shale_err *err)
{
    size_t from = part->mark_entries;
    if (part->epoch != run->seq.epoch)
        return SHALE_OK;
    entries_drop(run, part, from, part->n_entries - from);
    part->epoch = 0;
    return part->has_mark ? shale_file_rewind(part->file, part->mark_groups, err) : SHALE_OK;
}

static enum shale_status object_take_back(struct run *run, struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    if (seq->epoch == 0)
        return SHALE_OK;
    for (size_t i = 0; i < seq->n_parts && status == SHALE_OK; i++)
        status = take_back_part(run, seq->parts[i], err);
    if (status == SHALE_OK)
        status = take_back_part(run, &seq->rejects, err);
    dedupe_rewind(run);
    seq->epoch = 0;
    return status;
}

/* ---- Parcels ----------------------------------------------------------------------------------
 */

/* Numbers that counted from 0 in a slice become numbers of the object. */
static enum shale_status shift_numbers(struct run *run, struct parcel *parcel,
                                       struct shale_err *err)
{
    int64_t delta = run->seq.object_events;
    enum shale_status status = SHALE_OK;
    if (!parcel->relative || delta == 0)
        return SHALE_OK;
    for (size_t i = 0; i < run->n_index_columns; i++)
        for (uint32_t part = 0; part < parcel->n_parts && status == SHALE_OK; part++)
            status = shale_batch_add(parcel->batches[part], run->index_columns[i], delta);
    if (status == SHALE_OK && parcel->rejects != NULL)
        status = shale_batch_add(parcel->rejects, SHALE_REJECTS_RECORD, delta);
    if (parcel->error != NULL && parcel->error->record >= 0)
        parcel->error->record += delta;
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, index_overflow);
}

/* What the user allows: policy fail, or a number of rejects. */
static enum shale_status check_rejects(const struct run *run, const struct parcel *parcel,
                                       struct shale_err *err)
{
    const struct shale_stream *stream = run->stream;
    const struct sequencer *seq = &run->seq;
    int64_t rejected = seq->sums.counts.rejected;
    if (run->options->replay != NULL)
        return SHALE_OK; /* they were let in before */
    if (stream->reject_fails && parcel->error != NULL) {
        *err = *parcel->error;
        return SHALE_REJECTS;
    }
    if (stream->reject_limit_count >= 0 && rejected > stream->reject_limit_count)
        return SHALE_ERR(err, rejects_limit, (long long)rejected,
                         (long long)stream->reject_limit_count);
    return SHALE_OK;
}

static void show_reject(struct run *run, const struct parcel *parcel)
{
    /* An object that failed was named when it did, and policy fail ends with the first reject. */
    if (parcel->error == NULL || parcel->error->record < 0 || run->seq.n_shown >= SHOWN_REJECTS ||
        run->stream->reject_fails)
        return;
    run->seq.n_shown++;
    shale_log_err(run->env->log, SHALE_LOG_WARN, parcel->error);
}

static enum shale_status parcel_begin(struct run *run, struct parcel *parcel, struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    if (parcel->kind == PARCEL_PIECE || parcel->kind == PARCEL_END)
        object_begin(run);
    else if (parcel->kind == PARCEL_FAILED || parcel->kind == PARCEL_UNREAD)
        status = object_take_back(run, err);
    if (status == SHALE_OK)
        status = shift_numbers(run, parcel, err);
    if (status == SHALE_OK)
        status = dedupe_parcel(run, parcel, err);
    show_reject(run, parcel);
    seq->object_events += parcel->n_events;
    seq->sums.objects_failed += parcel->objects_failed;
    seq->sums.objects_done += parcel->objects_done;
    seq->sums.bytes_read += parcel->bytes_read;
    seq->sums.n_touched += parcel->n_touched;
    add_replayed(&seq->sums.replayed, &parcel->replayed);
    seq->sums.n_unread += parcel->n_unread;
    if (parcel->unread != SHALE_OK && seq->sums.unread == SHALE_OK) {
        seq->sums.unread = parcel->unread;
        seq->sums.unread_err = *parcel->unread_error;
    }
    if (seq->epoch != 0) {
        add_counts(&seq->object_counts, &parcel->counts);
        add_time(&seq->object_has_time, &seq->object_last_time, parcel->has_time,
                 parcel->last_time);
    } else {
        add_counts(&seq->sums.counts, &parcel->counts);
        add_time(&seq->sums.has_time, &seq->sums.last_time, parcel->has_time, parcel->last_time);
    }
    if (status == SHALE_OK && parcel->kind == PARCEL_END && parcel->consumed != NULL &&
        consumed_add(parcel->consumed, &seq->object_counts) != SHALE_OK)
        status = SHALE_ERR(err, index_overflow);
    return status == SHALE_OK ? check_rejects(run, parcel, err) : status;
}

/* The objects of a parcel wait until the phase is committed. */
static enum shale_status take_consumed(struct run *run, struct shale_batch *batch,
                                       struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    enum shale_status status = table_note_input(run, batch, err);
    seq->n_consumed += shale_batch_n_rows(batch);
    if (status == SHALE_OK)
        return wait_batch(run, &seq->consumed, batch, err);
    shale_batch_free(run->mem, batch);
    return status;
}

/* Let the next batch of the parcel wait. */
static enum shale_status take_item(struct run *run, struct parcel *parcel, struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    uint32_t item = seq->item++;
    struct shale_batch *batch;
    if (item > parcel->n_parts) {
        batch = parcel->consumed;
        parcel->consumed = NULL;
        return batch == NULL ? SHALE_OK : take_consumed(run, batch, err);
    }
    if (item == parcel->n_parts) {
        batch = parcel->rejects;
        parcel->rejects = NULL;
        seq->check = &seq->rejects;
    } else if (parcel->batches[item] == NULL) { /* they were all duplicates */
        batch = NULL;
    } else {
        seq->check = find_part(run, parcel->names[item]);
        if (seq->check == NULL)
            return SHALE_ERR(err, no_memory);
        batch = parcel->batches[item];
        parcel->batches[item] = NULL;
    }
    if (batch == NULL) {
        seq->check = NULL;
        return SHALE_OK;
    }
    return wait_batch(run, seq->check, batch, err);
}

static enum shale_status parcel_end(struct run *run, struct parcel *parcel, struct shale_err *err)
{
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    if (parcel->kind == PARCEL_END) {
        object_end(run);
        status = check_rejects(run, parcel, err);
    }
    seq->released_bytes += parcel->n_bytes;
    seq->parcel = NULL;
    parcel_free(run, parcel);
    return status;
}

static enum shale_status take_parcels(struct worker *worker, bool *all, struct shale_err *err)
{
    struct run *run = worker->run;
    struct sequencer *seq = &run->seq;
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK) {
        status = cut_due(worker, all, err);
        if (status != SHALE_OK || *all)
            break;
        if (seq->parcel == NULL) {
            if (seq->first == NULL)
                break;
            seq->parcel = seq->first;
            seq->first = seq->parcel->next;
            seq->item = 0;
            status = parcel_begin(run, seq->parcel, err);
        } else if (seq->item <= seq->parcel->n_parts + 1) {
            status = take_item(run, seq->parcel, err);
        } else {
            status = parcel_end(run, seq->parcel, err);
        }
    }
    return status;
}

/* All parcels are in: the share of rejects, the sums, and the last row groups where few parts give
 * all threads something to do. */
static enum shale_status finish_all(struct worker *worker, bool *all, struct shale_err *err)
{
    struct run *run = worker->run;
    struct sequencer *seq = &run->seq;
    const struct counts *c = &seq->sums.counts;
    double percent = c->read == 0 ? 0 : 100.0 * (double)c->rejected / (double)c->read;
    enum shale_status status = SHALE_OK;
    if (c->read != c->written + c->rejected + c->filtered + c->duplicates)
        return SHALE_ERR(err, counts_differ, (long long)c->read, (long long)c->written,
                         (long long)c->rejected, (long long)c->filtered, (long long)c->duplicates);
    if (run->options->replay == NULL && run->stream->reject_limit_percent >= 0 &&
        percent > run->stream->reject_limit_percent)
        return SHALE_ERR(err, rejects_percent, (long long)c->rejected, (long long)c->read,
                         run->stream->reject_limit_percent);
    if (seq->n_parts <= run->n_workers)
        for (; seq->final_part < seq->n_parts && status == SHALE_OK && !*all; seq->final_part++)
            if (seq->parts[seq->final_part]->n_entries > 0)
                status = cut_part(worker, seq->parts[seq->final_part], all, err);
    seq->final_done = status == SHALE_OK && !*all;
    return status;
}

enum shale_status sequence(struct worker *worker, bool final, struct shale_err *err)
{
    struct sequencer *seq = &worker->run->seq;
    enum shale_status status = SHALE_OK;
    bool all = false;
    if (seq->cut != NULL)
        status = encode_finish(worker, err);
    if (status == SHALE_OK)
        status = take_parcels(worker, &all, err);
    if (status == SHALE_OK && final && !all)
        status = finish_all(worker, &all, err);
    return status;
}
