/* SPDX-License-Identifier: MIT */
/* Who goes on: the seed decides before each call of a store. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim.h"

static int64_t monotonic_us(void *ctx)
{
    const struct sim_actor *actor = ctx;
    return actor->sim->now_us - 1700000000000000;
}

static int64_t wall_us(void *ctx)
{
    const struct sim_actor *actor = ctx;
    return actor->sim->now_us;
}

static uint64_t random_u64(void *ctx)
{
    struct sim_actor *actor = ctx;
    return chance_u64(&actor->chance);
}

static const char *get_variable(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static bool cancelled(void *ctx)
{
    (void)ctx;
    return false;
}

static void sleep_us(void *ctx, int64_t us)
{
    struct sim_actor *actor = ctx;
    if (actor->sim->running)
        sim_step(actor);
    actor->sim->now_us += us / 8; /* the others sleep meanwhile, too */
}

void sim_say(struct sim *sim, const char *who, const char *format, ...)
{
    char line[1400];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof line)
        n = (int)sizeof line - 1;
    sim->digest = shale_hash(line, (size_t)n, sim->digest);
    if (sim->trace)
        printf("%6lld %-10s %s\n", (long long)sim->step, who, line);
}

void sim_violation(struct sim *sim, const char *format, ...)
{
    if (sim->violation[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sim->violation, sizeof sim->violation, format, args);
    va_end(args);
    sim_say(sim, "!", "%s", sim->violation);
    for (size_t i = 0; i < sim->n_actors; i++)
        sim->actors[i].dead = true;
}

bool sim_bug(const struct sim *sim, const char *name)
{
    return strcmp(sim->bug, name) == 0;
}

static struct shale_env make_env(struct sim_actor *actor)
{
    return (struct shale_env){.mem = &shale_mem_libc,
                              .monotonic_us = monotonic_us,
                              .wall_us = wall_us,
                              .random_u64 = random_u64,
                              .getenv = get_variable,
                              .cancelled = cancelled,
                              .sleep_us = sleep_us,
                              .ctx = actor};
}

void sim_init(struct sim *sim, uint64_t seed, bool trace)
{
    struct fiber stacks[SIM_ACTORS];
    char bug[sizeof sim->bug];
    const struct shale_stream *stream = sim->stream;
    for (size_t i = 0; i < SIM_ACTORS; i++)
        stacks[i] = sim->actors[i].fiber;
    memcpy(bug, sim->bug, sizeof bug);
    memset(sim, 0, sizeof *sim);
    for (size_t i = 0; i < SIM_ACTORS; i++)
        sim->actors[i].fiber = stacks[i];
    memcpy(sim->bug, bug, sizeof bug);
    sim->stream = stream;
    sim->seed = seed;
    sim->trace = trace;
    sim->chance.state = seed * 0x9e3779b97f4a7c15u + 1;
    sim->now_us = 1700000000000000 + (int64_t)(seed % 1000) * 1000;
    fiber_init_first(&sim->first);
    /* The last actor is the world itself: it checks, and does not take part. */
    struct sim_actor *world = &sim->actors[SIM_ACTORS - 1];
    world->sim = sim;
    world->dies_at = -1;
    sim->env = make_env(world);
    if (shale_store_memory(&sim->env, &sim->bucket, NULL) != SHALE_OK ||
        shale_store_memory(&sim->env, &sim->source, NULL) != SHALE_OK) {
        fprintf(stderr, "simulate: out of memory\n");
        exit(2);
    }
    sim->table = sim->bucket;
}

void sim_fini(struct sim *sim)
{
    for (size_t i = 0; i < sim->n_actors; i++) {
        struct sim_actor *actor = &sim->actors[i];
        if (actor->table != actor->bucket)
            shale_store_free(actor->table);
        shale_store_free(actor->bucket);
        shale_store_free(actor->source);
    }
    for (int64_t i = 0; i < sim->n_entries; i++)
        free(sim->entries[i]);
    if (sim->is_file)
        sim_file_end(sim);
    shale_store_free(sim->bucket);
    shale_store_free(sim->source);
    sim->table = sim->bucket = sim->source = NULL;
}

void sim_close(struct sim *sim)
{
    for (size_t i = 0; i < SIM_ACTORS; i++)
        fiber_fini(&sim->actors[i].fiber);
}

static uint32_t weight_of(const struct sim_actor *actor, bool asleep_too)
{
    bool out = actor->ended || (!asleep_too && actor->wakes > actor->sim->step);
    return out ? 0 : actor->weight;
}

/* The next one, in proportion to the weights; NULL: all have ended. */
static struct sim_actor *pick(struct sim *sim)
{
    uint32_t total = 0;
    bool asleep_too = false;
    for (int i = 0; i < 2 && total == 0; i++) {
        asleep_too = i == 1;
        for (size_t j = 0; j < sim->n_actors; j++)
            total += weight_of(&sim->actors[j], asleep_too);
    }
    if (total == 0)
        return NULL;
    uint32_t at = chance_below(&sim->chance, total);
    for (size_t i = 0; i < sim->n_actors; i++) {
        uint32_t weight = weight_of(&sim->actors[i], asleep_too);
        if (at < weight)
            return &sim->actors[i];
        at -= weight;
    }
    return NULL;
}

static void body(void *arg)
{
    struct sim_actor *actor = arg;
    struct sim *sim = actor->sim;
    actor->body(actor);
    actor->ended = true;
    sim_watch(sim);
    sim_say(sim, actor->name, "ends");
    struct sim_actor *next = pick(sim);
    fiber_switch(&actor->fiber, next != NULL ? &next->fiber : &sim->first);
}

struct sim_actor *sim_add(struct sim *sim, const char *name, void (*run)(struct sim_actor *))
{
    struct sim_actor *actor = &sim->actors[sim->n_actors];
    (void)snprintf(actor->name, sizeof actor->name, "%s%zu", name, sim->n_actors);
    sim->n_actors++;
    actor->sim = sim;
    actor->body = run;
    actor->chance.state = chance_u64(&sim->chance);
    actor->dies_at = -1;
    actor->n_shards = 1;
    actor->n_rounds = 1;
    actor->most_objects = SIM_OBJECTS;
    /* Now and then one that hardly gets on, while others do much. */
    actor->weight = 1u << chance_below(&sim->chance, 6);
    actor->env = make_env(actor);
    sim_stores_open(actor);
    fiber_init(&actor->fiber, body, actor);
    return actor;
}

void sim_run(struct sim *sim)
{
    struct sim_actor *next = pick(sim);
    sim->running = true;
    if (next != NULL)
        fiber_switch(&sim->first, &next->fiber);
    sim->running = false;
}

void sim_step(struct sim_actor *actor)
{
    struct sim *sim = actor->sim;
    if (actor->dead)
        return;
    sim->step++;
    sim->now_us += 1 + chance_below(&sim->chance, 20000);
    if (sim->step == SIM_STEPS)
        sim_violation(sim, "%s is still at it after %d steps", actor->name, SIM_STEPS);
    sim_watch(sim);
    sim_late_arrive(sim, false);
    sim_watch(sim);
    if (chance_below(&sim->chance, 64) == 0)
        actor->weight = 1u << chance_below(&sim->chance, 6);
    struct sim_actor *next = pick(sim);
    if (next != actor)
        fiber_switch(&actor->fiber, &next->fiber);
}
