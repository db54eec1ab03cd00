/* SPDX-License-Identifier: MIT */
/* shale erase and shale expire: the code that ships, upon the files of files.c.  Each has a last
 * condition that holds for all rows and says which one it is, so that the model knows it again. */
#include "dataset/erase.h"

#include <stdlib.h>
#include <string.h>

#include "work.h"

/* What the model has to know of an attempt: what it has looked at. */
enum shale_status __wrap_shale_take_out(struct shale_store *store, const struct shale_base *base,
                                        const struct shale_take_out *options,
                                        struct shale_arena *arena, struct shale_taken_out *out,
                                        struct shale_err *err)
{
    const struct sim_actor *actor = store->env->ctx;
    if (actor->erase != NULL)
        actor->erase->base = base->log->version;
    return __real_shale_take_out(store, base, options, arena, out, err);
}

/* One that is not in the table, but may be after a rebuild; 'event' when there is none. */
static int32_t draw_filtered(struct sim_actor *actor, int32_t event)
{
    const struct sim *sim = actor->sim;
    uint32_t from = chance_below(&actor->chance, (uint32_t)sim->n_objects + 1);
    for (uint32_t i = 0; i < sim->n_objects; i++) {
        const struct sim_object *object = &sim->objects[(from + i) % sim->n_objects];
        const struct sim_version *version = &object->versions[object->n_versions - 1];
        if (object->is_there && version->n_filtered > 0 && sim_is_fixable(version->filtered[0]))
            return version->filtered[0];
    }
    return event;
}

/* One event, one of a foreign writer, or the days that are past. */
static void draw(struct sim_actor *actor, struct sim_erase *erase)
{
    const struct sim *sim = actor->sim;
    uint32_t what = chance_below(&actor->chance, 8);
    int32_t event = (int32_t)chance_below(&actor->chance, (uint32_t)sim->next_event + 1);
    *erase = (struct sim_erase){.value = event, .base = -1};
    if (what == 0) {
        erase->value = SIM_FOREIGN_EVENTS +
                       (int32_t)chance_below(&actor->chance, (uint32_t)sim->next_foreign + 1);
    } else if (what <= 2) {
        erase->is_before = true;
        erase->value = sim_day_of(event) + 1;
    } else if (what <= 5) {
        erase->value = draw_filtered(actor, event);
    }
}

static void erase_once(struct sim_actor *actor, size_t number)
{
    struct sim *sim = actor->sim;
    char value[16], last[16];
    const struct sim_erase *erase = actor->erase;
    const struct shale_erasure conditions[] = {
        {.column = erase->is_before ? SHALE_STR("day") : SHALE_STR("event"),
         .value = {value, 0},
         .is_before = erase->is_before},
        {.column = SHALE_STR("day"), .value = {last, 10}, .is_before = true}};
    struct shale_erasure all[2];
    const struct shale_erase_options options = {
        .conditions = all, .n_conditions = 2, .stream = sim->stream};
    struct shale_erased erased;
    struct shale_err err;
    shale_err_clear(&err);
    memcpy(all, conditions, sizeof all);
    if (erase->is_before)
        sim_day_text(erase->value, value);
    else
        (void)snprintf(value, sizeof value, "%d", (int)erase->value);
    (void)snprintf(last, sizeof last, "2100-01-%02d", (int)(number + 1) % 100);
    all[0].value.n_bytes = strlen(value);
    enum shale_status status = shale_erase(actor->table, &options, &erased, &err);
    sim->n_conflicts += erased.n_built_again;
    sim->n_changes += status == SHALE_OK;
    sim->n_erased += status == SHALE_OK ? erased.n_rows + erased.n_rejects : 0;
    sim_say(sim, actor->name, "= erase %s%s: %s, entry %lld: %s", erase->is_before ? "below " : "",
            value, shale_status_name(status), (long long)erased.version, err.message);
    if ((status == SHALE_USAGE && err.code != SHALE_E_erase_foreign) || status == SHALE_CORRUPT)
        sim_violation(sim, "%s: %s", actor->name, err.message);
}

void sim_erase_body(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    for (uint32_t i = 0; i < actor->n_rounds && !actor->dead; i++) {
        for (uint32_t wait = chance_below(&actor->chance, 64); wait > 0; wait--)
            sim_step(actor);
        if (sim->n_erases == SIM_ERASES)
            return;
        actor->erase = &sim->erases[sim->n_erases];
        draw(actor, actor->erase);
        erase_once(actor, sim->n_erases++);
    }
}
