/* SPDX-License-Identifier: MIT */
/* A run, in the order of writes of the real one: base, plan, data, ledger, rejects, commit. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "work.h"

static const struct shale_column_def columns[] = {
    {.name = {"event", 5}, .type = {.kind = SHALE_INT64}},
    {.name = {"day", 3}, .type = {.kind = SHALE_DATE}},
    {.name = {"note", 4}, .type = {.kind = SHALE_STRING}}};
const struct shale_schema sim_schema = {columns, 2}, sim_wide_schema = {columns, 3};

static bool is_done(const struct shale_decision *decision, struct shale_str hash)
{
    for (size_t i = 0; i < decision->n_done_hashes; i++) {
        if (shale_str_equal(decision->done_hashes[i], hash))
            return true;
    }
    return false;
}

/* One listed object that is not known: read it, and say in 'row' what became of it. */
static enum shale_status take(struct work *work, const struct shale_decision *decision,
                              struct shale_ledger_row *row, bool *taken, struct shale_err *err)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    struct shale_str text = {NULL, 0};
    bool touched = false;
    enum shale_change change = work->actor->sim->change;
    enum shale_status status = work_read_object(work, row, &text, taken, err);
    if (status != SHALE_OK || !*taken)
        return status;
    shale_content_hash(text, hash);
    row->hash = work_keep(work, shale_str_of(hash));
    row->n_bytes = (int64_t)text.n_bytes;
    /* Where the newest content counts, a content of before may have come back: only one that is the
     * only one is as it was. */
    if (decision->verdict == SHALE_VERDICT_CHANGED)
        touched = is_done(decision, row->hash) &&
                  (change != SIM_REPLACES || decision->n_done_hashes == 1);
    if (touched)
        return SHALE_OK; /* done, of no events: never to be decided again */
    if (decision->verdict == SHALE_VERDICT_CHANGED && change == SIM_REJECTS) {
        row->state = SHALE_LEDGER_REJECTED;
        row->read = row->rejected = 1;
        work_append(&work->rejects, SHALE_STR("changed\n"));
        return SHALE_OK;
    }
    work_shred(work, text, row);
    if (decision->verdict == SHALE_VERDICT_CHANGED && change == SIM_REPLACES &&
        row->state == SHALE_LEDGER_DONE) {
        sim_drop_object(work->actor->sim, row->key, work->drop);
        work->drops = true;
    }
    return SHALE_OK;
}

/* ---- Plan -------------------------------------------------------------------------------------
 */

static bool is_mine(const struct sim_actor *actor, struct shale_str key)
{
    return actor->n_shards == 1 ||
           shale_hash(key.data, key.n_bytes, 0) % actor->n_shards == actor->shard;
}

/* What is listed and not in the ledger, read at once; as much as one commit takes. */
static enum shale_status list_and_read(struct work *work, struct shale_decider *decider,
                                       struct shale_store_list *list, bool *more,
                                       struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    *more = true;
    while (work->n_rows < actor->most_objects) {
        struct shale_store_entry entry;
        struct shale_decision decision;
        bool end = false, taken = false;
        enum shale_status status = shale_store_list_next(actor->source, list, &entry, &end, err);
        *more = !end;
        if (status != SHALE_OK || end)
            return status;
        if (actor->goes_on)
            (void)snprintf(actor->after, sizeof actor->after, "%s", entry.key.data);
        if (!is_mine(actor, entry.key) || !seals_takes(actor, entry.key))
            continue;
        struct shale_ledger_row *row = &work->rows[work->n_rows];
        *row = (struct shale_ledger_row){.source = SHALE_STR("source"),
                                         .key = work_keep(work, entry.key),
                                         .tag = work_keep(work, entry.tag),
                                         .state = SHALE_LEDGER_DONE,
                                         .definition = SHALE_STR("definition")};
        status = shale_decider_ask(decider, row->key, row->tag, &decision, err);
        if (status == SHALE_OK && decision.verdict != SHALE_VERDICT_KNOWN)
            status = take(work, &decision, row, &taken, err);
        if (status != SHALE_OK)
            return status;
        if (!taken && decision.verdict != SHALE_VERDICT_KNOWN)
            seals_unread(actor);
        work->n_rows += taken;
    }
    return SHALE_OK;
}

static enum shale_status plan(struct work *work, struct shale_err *err)
{
    struct sim_actor *actor = work->actor;
    char after[sizeof actor->after];
    bool more = true;
    (void)snprintf(after, sizeof after, "%s", seals_from(work, actor->after));
    struct shale_decider *decider = NULL;
    struct shale_store_list *list = NULL;
    enum shale_status status =
        shale_decider_new(actor->table, &work->base.manifest, SHALE_STR("source"),
                          shale_str_of(after), &decider, err);
    if (status == SHALE_OK)
        status = shale_store_list(actor->source, "", after, &list, err);
    if (status == SHALE_OK)
        status = list_and_read(work, decider, list, &more, err);
    work->more = more;
    shale_store_list_free(actor->source, list);
    shale_decider_free(decider);
    return status;
}

/* ---- Commit -----------------------------------------------------------------------------------
 */

/* Before anything is written: what goes, and what is there already. */
static enum shale_status prepare(struct work *work, struct shale_err *err)
{
    enum shale_status status = work_first_object(work, &work->rows[0], err);
    if (status == SHALE_OK && work->drops)
        status = work_drop(work, err);
    if (status == SHALE_OK && work->actor->sim->dedupes)
        status = keys_dedupe(work, err);
    return status;
}

static enum shale_status build_and_publish(struct work *work, struct shale_err *err)
{
    bool ledger_first = sim_bug(work->actor->sim, "ledger-before-data");
    enum shale_status status = prepare(work, err);
    if (status == SHALE_OK && !ledger_first)
        status = work_write(work, err);
    if (status == SHALE_OK && ledger_first)
        status = work_write_ledger(work, work->rows, work->n_rows, &work->ledger, err);
    if (status == SHALE_OK && ledger_first)
        status = work_write_rejects(work, err);
    if (status == SHALE_OK)
        seals_make(work, work->more);
    if (status == SHALE_OK)
        status = work_publish(work, !ledger_first, true, err);
    if (status == SHALE_OK && ledger_first) { /* what Shale must never do */
        status = work_write_data(work, err);
        shale_base_fini(&work->base, &shale_mem_libc);
        work->has_base = false;
        work->taken = (struct shale_taken_out){0};
        if (status == SHALE_OK)
            status = work_begin(work, err);
        if (status == SHALE_OK && work->n_adds > 0)
            status = work_publish(work, true, false, err);
    }
    return status;
}

/* After a commit, on the base that the next one is made on: reading it looks at the chain, so that
 * no checkpoint hides a break in it. */
static void maybe_checkpoint(struct sim_actor *actor)
{
    struct shale_base base;
    if (actor->sim->is_file)
        return;
    enum shale_status status = shale_base_read(actor->table, SHALE_STR("events"), &base, NULL);
    if (status != SHALE_OK)
        return;
    const struct shale_log_state *log = base.log;
    if (log->version >= 0 &&
        (shale_log_checkpoint_due(log) ||
         (actor->checkpoint_every > 0 && log->version % actor->checkpoint_every == 0))) {
        status = shale_log_checkpoint(actor->table, log, NULL);
        sim_say(actor->sim, actor->name, "= checkpoint %lld: %s", (long long)log->version,
                shale_status_name(status));
    }
    shale_base_fini(&base, &shale_mem_libc);
}

/* One commit, or none when there is nothing new ('*idle'). */
static enum shale_status once(struct sim_actor *actor, bool *idle, struct shale_err *err)
{
    struct work *work = malloc(sizeof *work);
    if (work == NULL)
        abort();
    work_init(work, actor);
    enum shale_status status = work_begin(work, err);
    if (status == SHALE_OK)
        status = plan(work, err);
    *idle = status == SHALE_OK && work->n_rows == 0;
    if (status == SHALE_OK && work->n_rows > 0)
        status = build_and_publish(work, err);
    work_fini(work);
    free(work);
    return status;
}

static void say(struct sim_actor *actor, enum shale_status status, const struct shale_err *err)
{
    actor->status = status;
    if (status == SHALE_OK)
        return;
    (void)shale_err_text(err, actor->message, sizeof actor->message);
    sim_say(actor->sim, actor->name, "= run: %s: %s", shale_status_name(status), actor->message);
}

/* Commits until nothing is new. */
static void play_round(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    struct shale_err err;
    enum shale_status status = SHALE_OK;
    bool idle = false;
    shale_err_clear(&err);
    actor->after[0] = '\0';
    seals_begin_run(actor);
    for (int n = 0; !idle && n < 40; n++) {
        char after[sizeof actor->after];
        memcpy(after, actor->after, sizeof after);
        shale_err_clear(&err);
        status = once(actor, &idle, &err);
        if (status == SHALE_CONFLICT) { /* the same part of the listing again */
            memcpy(actor->after, after, sizeof after);
            seals_conflict(actor);
        }
        if (status == SHALE_OK && !idle) {
            sim->n_commits++;
            maybe_checkpoint(actor);
        }
        sim->n_conflicts += status == SHALE_CONFLICT;
        if (status != SHALE_OK && status != SHALE_CONFLICT)
            break;
    }
    say(actor, status, &err);
}

void sim_run_body(struct sim_actor *actor)
{
    struct shale_err err;
    enum shale_status status = SHALE_OK;
    shale_err_clear(&err);
    if (actor->sim->is_file)
        status = sim_file_open(actor, &err);
    say(actor, status, &err);
    for (uint32_t round = 0; round < actor->n_rounds && !actor->dead && status == SHALE_OK; round++)
        play_round(actor);
    sim_file_close(actor);
}
