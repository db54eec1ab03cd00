/* SPDX-License-Identifier: MIT */
/* Those who change what is there: compaction, sweep, replay of rejects, rebuild. */
#include <stdlib.h>
#include <string.h>

#include "dataset/sweep.h"
#include "work.h"

/* Again after a conflict, a few times. */
static void repeat(struct sim_actor *actor,
                   enum shale_status (*once)(struct work *, struct shale_err *))
{
    if (actor->sim->is_file && sim_file_open(actor, NULL) != SHALE_OK)
        abort(); /* it does not adopt, and only looks at its options */
    for (uint32_t round = 0; round < actor->n_rounds && !actor->dead; round++) {
        enum shale_status status = SHALE_CONFLICT;
        struct shale_err err;
        for (uint32_t wait = chance_below(&actor->chance, 64); wait > 0; wait--)
            sim_step(actor);
        for (int n = 0; n < 4 && status == SHALE_CONFLICT && !actor->dead; n++) {
            struct work *work = malloc(sizeof *work);
            if (work == NULL)
                abort();
            work_init(work, actor);
            shale_err_clear(&err);
            status = work_begin(work, &err);
            if (status == SHALE_OK && (actor->sim->is_file || work->base.log->version >= 0))
                status = once(work, &err);
            actor->sim->n_conflicts += status == SHALE_CONFLICT;
            work_fini(work);
            free(work);
        }
        if (status != SHALE_OK)
            sim_say(actor->sim, actor->name, "= %s: %s", shale_status_name(status), err.message);
    }
    sim_file_close(actor);
}

static enum shale_status publish(struct work *work, struct shale_err *err)
{
    enum shale_status status = work_write(work, err);
    if (status == SHALE_OK)
        status = work_publish(work, true, true, err);
    work->actor->sim->n_changes += status == SHALE_OK;
    return status;
}

/* ---- Compaction -------------------------------------------------------------------------------
 */

/* Two or more live files into one. */
static enum shale_status compact(struct work *work, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add = NULL;
    uint32_t share = 1 + chance_below(&actor->chance, 4); /* of four */
    enum shale_status status = shale_log_files_new(actor->table, work->base.log, &files, err);
    while (status == SHALE_OK && work->n_removes < WORK_FILES) {
        struct shale_str text = {NULL, 0};
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        if (memcmp(add->path.data, "part-", 5) != 0 || chance_below(&actor->chance, 4) >= share)
            continue;
        status = work_read(work, add->path, &text, err);
        if (status != SHALE_OK)
            break;
        work_append(&work->data, text);
        work->removes[work->n_removes++] =
            (struct shale_log_remove){.path = work_keep(work, add->path), .deleted_ms = -1};
    }
    shale_log_files_free(files);
    if (status != SHALE_OK || work->n_removes < 2)
        return status;
    work->no_change = true;
    work_first_file(work, work->removes[chance_below(&actor->chance, 2)].path);
    return publish(work, err);
}

void sim_compact_body(struct sim_actor *actor)
{
    repeat(actor, compact);
}

/* ---- Sweep ------------------------------------------------------------------------------------
 */

static void say_removed(void *ctx, struct shale_str path, int64_t n_bytes)
{
    struct sim_actor *actor = ctx;
    (void)n_bytes;
    actor->sim->n_swept++;
    sim_say(actor->sim, actor->name, "sweeps %.*s", SHALE_STR_ARG(path));
}

void sim_sweep_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    const struct shale_sweep_options options = {
        .retention_us = sim->retention_us, .removed = say_removed, .ctx = actor};
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        struct shale_swept swept;
        struct shale_err err;
        for (uint32_t wait = chance_below(&actor->chance, 48); wait > 0; wait--)
            sim_step(actor);
        shale_err_clear(&err);
        enum shale_status status =
            shale_sweep(actor->table, SHALE_STR("events"), &options, &swept, &err);
        sim_say(sim, actor->name, "= sweep: %s, %lld files: %s", shale_status_name(status),
                (long long)swept.n_files, err.message);
        if (status == SHALE_CORRUPT)
            sim_violation(sim, "%s: the sweep: %s", actor->name, err.message);
    }
}

/* ---- Replay -----------------------------------------------------------------------------------
 */

/* A segment of rejects by the corrected definition: what passes now is published, the rest goes to
 * a new segment. */
static enum shale_status replay(struct work *work, struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    struct shale_ledger_row *row = &work->rows[0];
    struct shale_str text = {NULL, 0};
    if (manifest->n_rejects == 0)
        return SHALE_OK;
    const struct shale_segment *segment =
        &manifest->rejects[chance_below(&work->actor->chance, (uint32_t)manifest->n_rejects)];
    enum shale_status status = work_read(work, segment->path, &text, err);
    if (status != SHALE_OK)
        return status;
    *row = (struct shale_ledger_row){.source = SHALE_STR(SHALE_REJECTS_SOURCE),
                                     .key = segment->path,
                                     .tag = SHALE_STR("footer"),
                                     .definition = SHALE_STR("corrected")};
    status = work_shred_again(work, text, true, row, err);
    if (status != SHALE_OK)
        return status;
    if (row->written + row->filtered == 0)
        return SHALE_OK;
    work->n_rows = 1;
    work->rejects_out[work->n_rejects_out++] = segment->path;
    work_first_file(work, segment->path);
    return publish(work, err);
}

void sim_replay_body(struct sim_actor *actor)
{
    repeat(actor, replay);
}

/* ---- Rebuild ----------------------------------------------------------------------------------
 */

/* Read the object of a ledger row again, if it is still that; its events are to go. */
static enum shale_status build_again(struct work *work, struct shale_ledger_row *row, bool *found,
                                     struct shale_err *err)
{
    const struct sim_version *version;
    struct shale_str text = {NULL, 0};
    enum shale_status status = work_read_object(work, row, &text, found, err);
    if (status != SHALE_OK || !*found)
        return status;
    version = sim_source_find(work->actor->sim, row->key, row->tag);
    sim_drop_version(version, work->drop);
    work->rows_gone -= row->written;
    work->rejects_gone -= row->rejected;
    row->read = row->written = row->rejected = row->filtered = row->duplicates = 0;
    row->definition = SHALE_STR("corrected");
    return work_shred_again(work, text, false, row, err);
}

/* The rows of one segment: some of them anew, the others as they are. */
static enum shale_status rebuild_segment(struct work *work, const struct shale_segment *segment,
                                         struct shale_ledger_row *others, size_t *n_others,
                                         struct shale_err *err)
{
    const struct shale_ledger_cursor_options options = {.segments = segment, .n_segments = 1};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *read = NULL;
    enum shale_status status = shale_ledger_cursor_new(work->actor->table, &options, &cursor, err);
    *n_others = 0;
    while (status == SHALE_OK) {
        bool found = false;
        status = shale_ledger_cursor_next(cursor, &read, err);
        if (status != SHALE_OK || read == NULL)
            break;
        struct shale_ledger_row row = *read;
        row.source = work_keep(work, row.source);
        row.key = work_keep(work, row.key);
        row.tag = work_keep(work, row.tag);
        row.hash = work_keep(work, row.hash);
        row.definition = work_keep(work, row.definition);
        if (shale_str_is(row.source, "source") && row.state == SHALE_LEDGER_DONE && row.read > 0 &&
            chance_below(&work->actor->chance, 2) == 0)
            status = build_again(work, &row, &found, err);
        if (found)
            work->rows[work->n_rows++] = row;
        else
            others[(*n_others)++] = row;
    }
    shale_ledger_cursor_free(cursor);
    return status;
}

/* Objects that were consumed are read again by the corrected definition. */
static enum shale_status rebuild(struct work *work, struct shale_err *err)
{
    const struct shale_manifest *manifest = &work->base.manifest;
    struct shale_ledger_row others[WORK_ROWS];
    size_t n_others = 0;
    if (manifest->n_ledger == 0)
        return SHALE_OK;
    const struct shale_segment *segment =
        &manifest->ledger[chance_below(&work->actor->chance, (uint32_t)manifest->n_ledger)];
    if (segment->n_rows > WORK_ROWS)
        return SHALE_OK;
    enum shale_status status = rebuild_segment(work, segment, others, &n_others, err);
    if (status != SHALE_OK || work->n_rows == 0)
        return status;
    status = work_drop(work, err);
    if (status != SHALE_OK)
        return status;
    work->ledger_out[work->n_ledger_out++] = segment->path;
    work_first_file(work, work->taken.n_removes > 0       ? work->taken.removes[0].path
                          : work->taken.n_rejects_out > 0 ? work->taken.rejects_out[0]
                                                          : segment->path);
    if (n_others > 0) {
        status = work_write_ledger(work, others, n_others, &work->ledger_in[0], err);
        work->n_ledger_in = 1;
    }
    return status == SHALE_OK ? publish(work, err) : status;
}

void sim_rebuild_body(struct sim_actor *actor)
{
    repeat(actor, rebuild);
}
