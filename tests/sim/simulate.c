/* SPDX-License-Identifier: MIT */
/* simulate [--seeds N] [--first S] [--bug NAME] [--trace SEED] [--replay]: schedules one after
 * another; the first whose promises are broken is printed and ends it (status 1). */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct options {
    uint64_t first, n_seeds;
    bool trace, replay;
};

struct totals {
    int64_t n_steps, n_commits, n_conflicts, n_deaths, n_polls, n_late, n_unsure;
};

static uint32_t below(struct sim *sim, uint32_t n)
{
    return chance_below(&sim->chance, n);
}

/* Who takes part, and what will go wrong: all by the seed. */
static void cast(struct sim *sim)
{
    static const uint32_t rates[] = {0, 0, 5, 20, 60};
    uint32_t n_runs = 1 + below(sim, 4), n_readers = below(sim, 3), n_objects = 1 + below(sim, 7);
    uint32_t faults = rates[below(sim, sizeof rates / sizeof rates[0])];
    bool has_shards = below(sim, 4) == 0;
    sim->appends_changed = below(sim, 2) == 0;
    shale_store_memory_set_page(sim->table, below(sim, 3) == 0 ? 1 + below(sim, 5) : 1000);
    shale_store_memory_set_page(sim->source, below(sim, 2) == 0 ? 1 + below(sim, 3) : 1000);
    for (uint32_t i = 0; i < n_objects; i++)
        sim_source_new(sim);
    for (uint32_t i = 0; i < n_runs; i++) {
        struct sim_actor *run = sim_add(sim, "run", sim_run_body);
        run->n_rounds = 1 + below(sim, 3);
        run->most_objects = below(sim, 2) == 0 ? 1 + below(sim, 3) : SIM_OBJECTS;
        run->checkpoint_every = below(sim, 4);
        run->faults = faults;
        run->dies_at = below(sim, 3) == 0 ? (int64_t)below(sim, 60) : -1;
        run->n_shards = has_shards ? n_runs : 1;
        run->shard = has_shards ? i : 0;
    }
    for (uint32_t i = 0; i < n_readers; i++) {
        struct sim_actor *reader = sim_add(sim, "reader", sim_reader_body);
        reader->n_rounds = 1 + below(sim, 4);
        reader->faults = faults / 4;
    }
    if (below(sim, 3) == 0) {
        struct sim_actor *foreign = sim_add(sim, "foreign", sim_foreign_body);
        foreign->n_rounds = 1 + below(sim, 5);
        foreign->faults = faults;
    }
    if (below(sim, 2) == 0)
        sim_add(sim, "source", sim_source_body)->n_rounds = 1 + below(sim, 6);
    sim->has_vandal = below(sim, 12) == 0;
    if (sim->has_vandal)
        sim_add(sim, "vandal", sim_vandal_body)->n_rounds = 1;
}

/* One schedule, and a last run that nothing disturbs. */
static void play(struct sim *sim, uint64_t seed, bool trace)
{
    sim_init(sim, seed, trace);
    cast(sim);
    sim_run(sim);
    bool before = below(sim, 4) != 0;
    if (before)
        sim_late_arrive(sim, true);
    struct sim_actor *last = sim_add(sim, "last", sim_run_body);
    last->n_rounds = 1;
    if (sim->violation[0] == '\0') {
        sim_watch_log(sim);
        sim_run_body(last);
        if (last->status != SHALE_OK)
            sim_violation(sim, "the last run fails: %s: %s", shale_status_name(last->status),
                          last->message);
    }
    if (!before)
        sim_late_arrive(sim, true);
    if (sim->violation[0] == '\0')
        sim_check(sim, last);
    sim_fini(sim);
}

static void add_up(struct totals *totals, const struct sim *sim)
{
    totals->n_steps += sim->step;
    totals->n_commits += sim->n_commits;
    totals->n_conflicts += sim->n_conflicts;
    totals->n_deaths += sim->n_deaths;
    totals->n_polls += sim->n_polls;
    totals->n_late += sim->n_late_writes;
    totals->n_unsure += sim->n_unsure;
}

/* Returns the exit status. */
static int simulate(struct sim *sim, const struct options *options)
{
    struct totals totals = {0};
    for (uint64_t i = 0; i < options->n_seeds; i++) {
        uint64_t seed = options->first + i;
        play(sim, seed, options->trace);
        add_up(&totals, sim);
        if (sim->violation[0] != '\0') {
            printf("seed %llu: %s\n", (unsigned long long)seed, sim->violation);
            printf("not ok %llu schedules (replay: ./dev simulate%s%s --trace %llu)\n",
                   (unsigned long long)i + 1, sim->bug[0] ? " --bug " : "", sim->bug,
                   (unsigned long long)seed);
            return 1;
        }
        uint64_t digest = sim->digest;
        if (options->replay)
            play(sim, seed, false);
        if (digest != sim->digest) {
            printf("not ok seed %llu does not replay\n", (unsigned long long)seed);
            return 1;
        }
    }
    printf(
        "# %lld steps, %lld commits, %lld conflicts, %lld kills, %lld polls; %lld writes without "
        "an answer, %lld late\n",
        (long long)totals.n_steps, (long long)totals.n_commits, (long long)totals.n_conflicts,
        (long long)totals.n_deaths, (long long)totals.n_polls, (long long)totals.n_unsure,
        (long long)totals.n_late);
    printf("ok %llu schedules from seed %llu\n", (unsigned long long)options->n_seeds,
           (unsigned long long)options->first);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: simulate [--seeds N] [--first S] [--bug NAME] [--trace SEED] "
                    "[--replay]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct sim *sim = calloc(1, sizeof *sim);
    struct options options = {.n_seeds = 1000};
    if (sim == NULL)
        return 2;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--replay") == 0) {
            options.replay = true;
            continue;
        }
        if (i + 1 == argc)
            return usage();
        const char *value = argv[++i];
        if (strcmp(argv[i - 1], "--seeds") == 0) {
            options.n_seeds = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--first") == 0) {
            options.first = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--trace") == 0) {
            options.first = strtoull(value, NULL, 10);
            options.n_seeds = 1;
            options.trace = true;
        } else if (strcmp(argv[i - 1], "--bug") == 0) {
            (void)snprintf(sim->bug, sizeof sim->bug, "%s", value);
        } else {
            return usage();
        }
    }
    int status = simulate(sim, &options);
    sim_close(sim);
    free(sim);
    return status;
}
