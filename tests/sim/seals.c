/* SPDX-License-Identifier: MIT */
/* The sealed past: what decides where a listing begins and what a commit seals is the code that
 * ships (run/seal.c), in a run that is nothing else. */
#include <stdlib.h>
#include <string.h>

#include "run/private.h"
#include "work.h"

/* A commit counts as so many, that a plan in full comes after a few. */
enum { COMMITS = 20 };

struct seals {
    struct run run;
    struct table table;
    struct shale_run_options options;
    struct root root;
    struct shale_log_state log;
    struct shale_seal seal; /* of the base, scaled */
    enum shale_status unread_before;
    char from[64];  /* the highest from which this run has listed ... */
    int64_t listed; /* ... since this step */
};

void seals_new(struct sim_actor *actor)
{
    struct seals *seals = calloc(1, sizeof *seals);
    if (seals == NULL)
        abort();
    seals->options = (struct shale_run_options){.n_shards = actor->n_shards};
    seals->table.base.log = &seals->log;
    seals->table.source = SHALE_STR("source");
    seals->run.options = &seals->options;
    seals->run.mem = &shale_mem_libc;
    seals->run.env = &actor->env;
    seals->run.stream = actor->sim->stream;
    seals->run.table = &seals->table;
    seals->run.roots = &seals->root;
    seals->run.n_roots = 1;
    shale_buf_init(&seals->table.sealing.from, &shale_mem_libc, 1024);
    shale_buf_init(&seals->table.sealing.key, &shale_mem_libc, 1024);
    actor->seals = seals;
}

void seals_free(struct seals *seals)
{
    if (seals == NULL)
        return;
    shale_buf_fini(&seals->table.sealing.from);
    shale_buf_fini(&seals->table.sealing.key);
    free(seals);
}

void seals_begin_run(struct sim_actor *actor)
{
    struct seals *seals = actor->seals;
    if (seals == NULL)
        return;
    struct sealing *sealing = &seals->table.sealing;
    const struct shale_buf from = sealing->from, key = sealing->key;
    *sealing = (struct sealing){.from = from, .key = key};
    shale_buf_reset(&sealing->from);
    seals->run.began_wall_us = actor->sim->now_us;
    seals->run.plan.next_root = 0;
    seals->run.seq.sums.unread = seals->unread_before = SHALE_OK;
    seals->table.has_after = false;
    seals->from[0] = '\0';
    seals->listed = actor->sim->step;
}

void seals_conflict(struct sim_actor *actor)
{
    if (actor->seals == NULL)
        return;
    actor->seals->run.plan.next_root = 0;
    actor->seals->run.seq.sums.unread = actor->seals->unread_before;
}

const char *seals_from(struct work *work, const char *after)
{
    struct seals *seals = work->actor->seals;
    struct shale_manifest *manifest;
    const char *from;
    if (seals == NULL)
        return after;
    manifest = &seals->table.base.manifest;
    *manifest = work->base.manifest;
    if (manifest->n_seals > 0) {
        seals->seal = manifest->seals[0];
        seals->seal.version *= COMMITS;
        manifest->seals = &seals->seal;
    }
    seals->log.version = work->base.log->version * COMMITS;
    seals->table.has_after = after[0] != '\0';
    seals->unread_before = seals->run.seq.sums.unread;
    if (seal_begin(&seals->run, NULL) != SHALE_OK)
        abort();
    seals->run.plan.next_root = 1;
    from = seal_from(&seals->run);
    if (strcmp(from, seals->from) > 0)
        (void)snprintf(seals->from, sizeof seals->from, "%s", from);
    return strcmp(from, after) > 0 ? from : after;
}

static const struct sim_object *find_object(const struct sim *sim, struct shale_str key)
{
    for (size_t i = 0; i < sim->n_objects; i++)
        if (shale_str_is(key, sim->objects[i].key))
            return &sim->objects[i];
    return NULL;
}

bool seals_takes(struct sim_actor *actor, struct shale_str key)
{
    const struct sim *sim = actor->sim;
    struct seals *seals = actor->seals;
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    const struct sim_object *object = find_object(sim, key);
    int32_t first = 0, last = 0;
    int64_t settle_us = sim->running ? sim->settle_us : 0; /* nobody disturbs the last run */
    bool is_settled;
    if (seals == NULL)
        return true;
    if (object == NULL || !shale_template_match(&sim->stream->keys[0], key, values) ||
        !shale_template_days(&sim->stream->keys[0], values, &first, &last))
        abort();
    is_settled = settle_us == 0 || seals->run.began_wall_us - object->time_us >= settle_us;
    if (is_settled || !sim_bug(sim, "sealed-unread"))
        seal_note(&seals->run, first, is_settled);
    return is_settled;
}

void seals_unread(struct sim_actor *actor)
{
    if (actor->seals != NULL && !sim_bug(actor->sim, "sealed-unread"))
        actor->seals->run.seq.sums.unread = SHALE_AGAIN;
}

void seals_make(struct work *work, bool more)
{
    struct seals *seals = work->actor->seals;
    struct sim *sim = work->actor->sim;
    struct sim_sealing *sealing;
    if (seals == NULL)
        return;
    seals->run.plan.more = more;
    if (seal_make(&seals->run, &work->seal, &work->has_seal) != SHALE_OK)
        abort();
    if (!work->has_seal)
        return;
    work->seal.key = work_keep(work, work->seal.key);
    work->seal.version = (work->seal.version + COMMITS - 1) / COMMITS;
    if (sim->n_sealings == SIM_SEALINGS) {
        work->has_seal = false;
        return;
    }
    sealing = &sim->sealings[sim->n_sealings++];
    (void)snprintf(sealing->ledger, sizeof sealing->ledger, "%.*s",
                   SHALE_STR_ARG(work->ledger.path));
    memcpy(sealing->from, seals->from, sizeof sealing->from);
    sealing->listed = seals->listed;
    sim_say(sim, work->actor->name, "seals up to %.*s", SHALE_STR_ARG(work->seal.key));
}
