/* SPDX-License-Identifier: MIT */
/* The stores of one actor: a call is a step, fails, takes effect without an answer, or later. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const char *const call_names[] = {
    [SHALE_STORE_LIST] = "list",       [SHALE_STORE_OPEN] = "open",
    [SHALE_STORE_READ] = "read",       [SHALE_STORE_CREATE] = "create",
    [SHALE_STORE_WRITE] = "write",     [SHALE_STORE_FINISH] = "finish",
    [SHALE_STORE_PUT] = "put",         [SHALE_STORE_PUT_ABSENT] = "put if absent",
    [SHALE_STORE_REMOVE] = "remove",   [SHALE_STORE_SETTLE] = "settle",
    [SHALE_STORE_REPLACE] = "replace",
};

static bool is_write(enum shale_store_call call)
{
    return call == SHALE_STORE_FINISH || call == SHALE_STORE_PUT ||
           call == SHALE_STORE_PUT_ABSENT || call == SHALE_STORE_REMOVE ||
           call == SHALE_STORE_REPLACE;
}

/* What nobody else can see is no step. */
static bool is_step(enum shale_store_call call)
{
    return is_write(call) || call == SHALE_STORE_LIST || call == SHALE_STORE_OPEN;
}

static enum shale_status fails(struct sim_actor *actor, const char *key, struct shale_err *err)
{
    if (actor->dead) {
        if (++actor->n_calls_dead == 10000)
            sim_violation(actor->sim, "%s goes on without a store", actor->name);
        return SHALE_ERR(err, file_failed, "reach", "", key, "killed");
    }
    switch (chance_below(&actor->sim->chance, 8)) {
    case 0:
        return SHALE_ERR(err, file_denied, "reach", "", key, "denied for now");
    case 1:
        return SHALE_ERR(err, file_failed, "reach", "", key, "broken for now");
    default:
        return SHALE_ERR(err, file_temporary, "reach", "", key, "busy");
    }
}

/* A write that is not as always. */
static enum shale_status write_badly(struct sim_actor *actor, enum shale_store_call call,
                                     const char *key, struct shale_str data,
                                     enum shale_store_fate *fate, struct shale_err *err)
{
    struct sim *sim = actor->sim;
    uint32_t at = chance_below(&sim->chance, 6);
    sim->n_unsure += call == SHALE_STORE_PUT_ABSENT || call == SHALE_STORE_REPLACE;
    if (at == 0) {
        sim_say(sim, actor->name, "    fails");
        return fails(actor, key, err);
    }
    if (at == 1) {
        sim_say(sim, actor->name, "    not done, no answer");
        return SHALE_UNSURE;
    }
    if (at == 2 && call == SHALE_STORE_REPLACE) {
        sim_say(sim, actor->name, "    twice, by the store's client");
        *fate = SHALE_STORE_TWICE;
        return SHALE_OK;
    }
    if (at == 2 && call == SHALE_STORE_PUT_ABSENT) { /* the store's client tried twice */
        enum shale_status first = shale_store_put_absent(sim->bucket, key, data, NULL);
        sim_say(sim, actor->name, "    twice, %s first", shale_status_name(first));
        return SHALE_OK;
    }
    if (at <= 3 && sim->n_late < SIM_LATE) {
        uint32_t most = 1u << chance_below(&sim->chance, 10);
        sim->late_due[sim->n_late++] = sim->step + 1 + chance_below(&sim->chance, most);
        sim->n_late_writes++;
        sim_say(sim, actor->name, "    later, no answer");
        *fate = SHALE_STORE_LATE;
        return SHALE_OK;
    }
    sim_say(sim, actor->name, "    done, no answer");
    *fate = SHALE_STORE_LOST;
    return SHALE_OK;
}

static enum shale_status before(struct sim_actor *actor, enum shale_store_call call,
                                const char *key, struct shale_str data, bool is_table,
                                enum shale_store_fate *fate, struct shale_err *err)
{
    struct sim *sim = actor->sim;
    if (!sim->running) { /* the last run is left alone */
        if (is_step(call))
            sim_say(sim, actor->name, "%s %s%s", call_names[call], is_table ? "" : "source/", key);
        return SHALE_OK;
    }
    if (is_write(call) && chance_per_mille(&sim->chance, actor->stalls)) {
        sim_say(sim, actor->name, "    stalls before %s %s", call_names[call], key);
        actor->wakes = sim->step + chance_below(&sim->chance, 1u << chance_below(&sim->chance, 9));
    }
    if (is_step(call) && !actor->dead)
        sim_step(actor);
    if (actor->dead)
        return fails(actor, key, err);
    if (is_step(call))
        sim_say(sim, actor->name, "%s %s%s", call_names[call], is_table ? "" : "source/", key);
    bool dies = actor->n_calls++ == actor->dies_at;
    bool fault =
        dies || chance_per_mille(&sim->chance, is_write(call) ? actor->bad_writes : actor->faults);
    enum shale_status status = SHALE_OK;
    if (fault && is_write(call))
        status = write_badly(actor, call, key, data, fate, err);
    else if (fault && !dies) {
        sim_say(sim, actor->name, "    %s %s fails", call_names[call], key);
        status = fails(actor, key, err);
    }
    if (!dies)
        return status;
    sim_say(sim, actor->name, "    killed");
    sim->n_deaths++;
    actor->dead = true;
    if (status == SHALE_OK && *fate == SHALE_STORE_DONE) /* done twice: its first time counts */
        return is_write(call) ? SHALE_UNSURE : fails(actor, key, err);
    return status;
}

static enum shale_status before_table(void *ctx, enum shale_store_call call, const char *key,
                                      struct shale_str data, enum shale_store_fate *fate,
                                      struct shale_err *err)
{
    return before(ctx, call, key, data, true, fate, err);
}

static enum shale_status before_source(void *ctx, enum shale_store_call call, const char *key,
                                       struct shale_str data, enum shale_store_fate *fate,
                                       struct shale_err *err)
{
    return before(ctx, call, key, data, false, fate, err);
}

void sim_stores_open(struct sim_actor *actor)
{
    const struct shale_store_hook table = {before_table, actor};
    const struct shale_store_hook source = {before_source, actor};
    struct sim *sim = actor->sim;
    if (shale_store_memory_share(sim->bucket, &actor->env, &table, &actor->bucket, NULL) !=
            SHALE_OK ||
        shale_store_memory_share(sim->source, &actor->env, &source, &actor->source, NULL) !=
            SHALE_OK)
        abort();
    actor->table = actor->bucket;
    if (sim->is_file &&
        shale_store_under(actor->bucket, SIM_FILE ".", &actor->table, NULL) != SHALE_OK)
        abort();
}

void sim_late_arrive(struct sim *sim, bool all)
{
    for (size_t i = 0; i < sim->n_late;) {
        if (!all && sim->late_due[i] > sim->step) {
            i++;
            continue;
        }
        sim_say(sim, "(late)", "%s", shale_store_memory_late_key(sim->bucket, i));
        if (shale_store_memory_deliver(sim->bucket, i, true) == SHALE_NOMEM)
            abort();
        if (sim->is_file)
            sim_watch(sim);
        sim->n_late--;
        memmove(&sim->late_due[i], &sim->late_due[i + 1],
                (sim->n_late - i) * sizeof sim->late_due[0]);
    }
}

static char *read_text(struct sim *sim, const char *name)
{
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, (size_t)1 << 24);
    if (shale_store_read(sim->table, name, &text, NULL) != SHALE_OK) {
        shale_buf_fini(&text);
        return NULL;
    }
    if (shale_buf_append_byte(&text, '\0') != SHALE_OK)
        abort();
    return text.data;
}

/* Has a foreign writer without a condition replaced an entry? */
static void look_again(struct sim *sim)
{
    char name[SHALE_LOG_NAME_BYTES];
    int64_t end = sim->is_overwritten ? sim->overwritten : sim->n_entries;
    for (int64_t v = 0; v < end; v++) {
        shale_log_entry_name(v, name);
        char *text = read_text(sim, name);
        bool is_another = text != NULL && strcmp(text, sim->entries[v]) != 0;
        free(text);
        if (is_another) {
            sim_say(sim, "(log)", "%s is another", name);
            sim->is_overwritten = true;
            sim->overwritten = v;
            return;
        }
    }
}

/* Before anything else happens: an entry that is new is kept for the model, which wants to know the
 * whole log, whoever removes of it. */
static void watch_log(struct sim *sim)
{
    char name[SHALE_LOG_NAME_BYTES];
    if (sim->has_overwriter)
        look_again(sim);
    while (sim->n_entries < SIM_ENTRIES) {
        shale_log_entry_name(sim->n_entries, name);
        char *text = read_text(sim, name);
        if (text == NULL)
            return;
        sim_say(sim, "(log)", "%s is there", name);
        sim->entries[sim->n_entries++] = text;
        if (sim->has_changes)
            sim_expect(sim, sim->n_entries - 1);
    }
    sim_violation(sim, "the log has %d entries", SIM_ENTRIES);
}

void sim_watch(struct sim *sim)
{
    if (sim->is_file)
        sim_watch_file(sim);
    else
        watch_log(sim);
}
