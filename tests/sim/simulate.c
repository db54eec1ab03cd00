/* SPDX-License-Identifier: MIT */
/* Plays schedules one after another: simulate [--seeds N] [--first S] [--trace SEED] [--replay]
 * [--bug NAME | --bugs].  The first seed whose promises are broken is printed and ends it (status
 * 1); with a bug it is the other way round: it must be found. */
#include "bugs.h"
#include "work.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "schema/definition.h"

struct options {
    uint64_t first, n_seeds;
    bool trace, replay, bugs;
};

struct totals {
    int64_t n_steps, n_commits, n_conflicts, n_deaths, n_polls, n_late, n_unsure, n_stopped,
        n_hidden, n_changes, n_swept, n_erased, n_seals, n_late_keys;
};

static uint32_t below(struct sim *sim, uint32_t n)
{
    return chance_below(&sim->chance, n);
}

/* What will go wrong, of 1,000 calls. */
struct weather {
    uint32_t faults, bad_writes, stalls;
};

static struct weather draw_weather(struct sim *sim)
{
    static const uint32_t rates[] = {0, 0, 5, 20, 60};
    static const uint32_t write_rates[] = {0, 0, 20, 100, 300};
    return (struct weather){.faults = rates[below(sim, sizeof rates / sizeof rates[0])],
                            .bad_writes =
                                write_rates[below(sim, sizeof write_rates / sizeof write_rates[0])],
                            .stalls = below(sim, 4) == 0 ? 100 : 0};
}

static void cast_runs(struct sim *sim, const struct weather *weather)
{
    uint32_t n_runs = 1 + below(sim, 4);
    bool has_shards = below(sim, 4) == 0;
    for (uint32_t i = 0; i < n_runs; i++) {
        struct sim_actor *run = sim_add(sim, "run", sim_run_body);
        run->n_rounds = 1 + below(sim, 3);
        run->most_objects = below(sim, 2) == 0 ? 1 + below(sim, 3) : SIM_OBJECTS;
        run->checkpoint_every = below(sim, 4);
        run->goes_on = below(sim, 2) == 0;
        run->is_wide = below(sim, 5) == 0;
        run->faults = weather->faults;
        run->bad_writes = weather->bad_writes;
        run->stalls = weather->stalls;
        run->dies_at = below(sim, 3) == 0 ? (int64_t)below(sim, 60) : -1;
        run->n_shards = has_shards ? n_runs : 1;
        run->shard = has_shards ? i : 0;
        if (sim->has_seals)
            seals_new(run);
    }
    /* One whose writes take so long that the log may be cleaned up under them. */
    if (below(sim, 4) == 0)
        sim->actors[below(sim, n_runs)].stalls = 400;
}

static void cast_foreign(struct sim *sim, const struct weather *weather)
{
    struct sim_actor *foreign = sim_add(sim, "foreign", sim_foreign_body);
    foreign->n_rounds = 1 + below(sim, 8);
    foreign->cleans = below(sim, 2) == 0 ? 3 : 1;
    foreign->faults = weather->faults;
    foreign->bad_writes = weather->bad_writes;
    sim->has_overwriter = foreign->overwrites = below(sim, 8) == 0 && !sim->has_changes;
}

static void cast_some(struct sim *sim, const char *name, void (*body)(struct sim_actor *),
                      uint32_t most, const struct weather *weather)
{
    for (uint32_t n = below(sim, most + 1); n > 0; n--) {
        struct sim_actor *actor = sim_add(sim, name, body);
        actor->n_rounds = 1 + below(sim, 4);
        actor->faults = weather->faults;
        actor->bad_writes = weather->bad_writes;
        actor->stalls = weather->stalls;
        actor->dies_at = below(sim, 4) == 0 ? (int64_t)below(sim, 40) : -1;
    }
}

/* Those who take out what is there. */
static void cast_changes(struct sim *sim, const struct weather *weather)
{
    static const int64_t retentions_us[] = {0, 1000000, -1};
    sim->retention_us = retentions_us[below(sim, 3)];
    cast_some(sim, "compact", sim_compact_body, 2, weather);
    if (below(sim, 2) == 0) {
        sim->has_sweeper = true;
        cast_some(sim, "sweep", sim_sweep_body, 1, weather);
    }
    if (below(sim, 2) == 0)
        cast_some(sim, "erase", sim_erase_body, 2, weather);
    if (sim->dedupes)
        return;
    cast_some(sim, "replay", sim_replay_body, 2, weather);
    if (below(sim, 3) != 0)
        cast_some(sim, "rebuild", sim_rebuild_body, 2, weather);
}

static void cast_readers(struct sim *sim, void (*body)(struct sim_actor *),
                         const struct weather *weather)
{
    for (uint32_t n = below(sim, 3); n > 0; n--) {
        struct sim_actor *reader = sim_add(sim, "reader", body);
        reader->n_rounds = 1 + below(sim, 4);
        reader->faults = weather->faults / 4;
    }
}

static void add_objects(struct sim *sim)
{
    shale_store_memory_set_page(sim->bucket, below(sim, 3) == 0 ? 1 + below(sim, 5) : 1000);
    shale_store_memory_set_page(sim->source, below(sim, 2) == 0 ? 1 + below(sim, 3) : 1000);
    for (uint32_t n = 1 + below(sim, 7); n > 0; n--)
        sim_source_new(sim, false);
}

/* ---- A checkpoint file ------------------------------------------------------------------------
 */

/* Another tool wrote the file so far, and goes on with that: it holds some of the objects as they
 * are now, or rows of its own alone. */
static void cast_tool(struct sim *sim)
{
    struct sim_file *file = &sim->file;
    sim->change = SIM_REJECTS; /* what the tool read of an object is not known */
    if (below(sim, 3) != 0)
        (void)snprintf(file->consumed_before, sizeof file->consumed_before, "2023/11/%02u/",
                       1 + below(sim, 21));
    for (size_t i = 0; i < sim->n_objects; i++) {
        const struct sim_object *object = &sim->objects[i];
        const struct sim_version *newest = &object->versions[object->n_versions - 1];
        for (uint32_t k = 0; k < newest->n_events; k++)
            if (strcmp(object->key, file->consumed_before) < 0)
                file->tool_events[file->n_tool_events++] = newest->events[k];
    }
    if (below(sim, 2) == 0) {
        sim_file_tool_write(sim, "(tool)", sim->bucket);
        sim_watch(sim);
    }
    struct sim_actor *tool = sim_add(sim, "tool", sim_file_tool_body);
    tool->n_rounds = 1 + below(sim, 3);
    tool->weight = 8;
    for (size_t i = 0; i < sim->n_actors; i++)
        sim->actors[i].adopts = below(sim, 3) != 0;
}

static void cast_file(struct sim *sim, const struct weather *weather)
{
    static const int64_t retentions_us[] = {0, 0, 1000000, -1};
    static const size_t row_groups[] = {0, 1, 64};
    bool is_wide = below(sim, 5) == 0;
    sim_file_begin(sim);
    sim->file.row_group_bytes = row_groups[below(sim, 3)];
    sim->file.is_sorted = below(sim, 2) == 0;
    sim->retention_us = retentions_us[below(sim, 4)];
    sim->change = (enum shale_change)below(sim, 2);
    add_objects(sim);
    cast_runs(sim, weather);
    for (size_t i = 0; i < sim->n_actors; i++)
        sim->actors[i].is_wide &= is_wide;
    if (below(sim, 3) == 0)
        cast_tool(sim);
    else
        sim->has_vandal = below(sim, 6) == 0;
    if (below(sim, 2) == 0) {
        sim->has_sweeper = true;
        cast_some(sim, "sweep", sim_file_sweep_body, 2, weather);
    }
    if (below(sim, 3) == 0)
        cast_some(sim, "compact", sim_file_compact_body, 2, weather);
    if (below(sim, 3) == 0)
        cast_some(sim, "erase", sim_file_erase_body, 2, weather);
    sim->file.has_replays = below(sim, 3) == 0;
    size_t n_before = sim->n_actors;
    if (sim->file.has_replays)
        cast_some(sim, "replay", sim_replay_body, 2, weather);
    for (size_t i = n_before; i < sim->n_actors; i++)
        sim->actors[i].is_wide = is_wide;
    cast_readers(sim, sim_file_reader_body, weather);
    if (below(sim, 2) == 0)
        sim_add(sim, "source", sim_source_body)->n_rounds = 1 + below(sim, 6);
    if (sim->has_vandal)
        sim_add(sim, "vandal", sim_file_vandal_body)->n_rounds = 1 + below(sim, 3);
}

/* Who takes part: all by the seed. */
static void cast(struct sim *sim)
{
    struct weather weather = draw_weather(sim);
    if (below(sim, 4) == 0) {
        cast_file(sim, &weather);
        return;
    }
    sim->has_changes = below(sim, 2) == 0;
    sim->change = (enum shale_change)below(sim, sim->has_changes ? 3 : 2);
    sim->dedupes = sim->has_changes && sim->change != SIM_REPLACES && below(sim, 3) == 0;
    sim->has_seals = sim->has_changes && below(sim, 3) == 0;
    sim->settle_us = sim->has_seals && below(sim, 2) == 0 ? 1 + (int64_t)below(sim, 1000000) : 0;
    add_objects(sim);
    cast_runs(sim, &weather);
    if (sim->has_changes)
        cast_changes(sim, &weather);
    cast_readers(sim, sim_reader_body, &weather);
    if (below(sim, 3) == 0)
        cast_foreign(sim, &weather);
    if (below(sim, 2) == 0)
        sim_add(sim, "source", sim_source_body)->n_rounds = 1 + below(sim, 6);
    sim->has_vandal = below(sim, 12) == 0 && !sim->has_changes;
    if (sim->has_vandal)
        sim_add(sim, "vandal", sim_vandal_body)->n_rounds = 1;
}

/* A run that nothing disturbs. */
static void run_alone(struct sim *sim, struct sim_actor *last)
{
    if (sim->violation[0] != '\0')
        return;
    sim_watch(sim);
    last->adopts = sim->is_file && sim->file.tag[0] != '\0' && sim->file.manifest.id < 0;
    sim_run_body(last);
    if ((sim->is_overwritten || sim->file.is_damaged) && last->status == SHALE_CORRUPT)
        sim->n_stopped++;
    else if (last->status != SHALE_OK)
        sim_violation(sim, "the last run fails: %s: %s", shale_status_name(last->status),
                      last->message);
}

/* Keys that came late below a seal: more objects come, and some plan lists all. */
static void find_late(struct sim *sim, struct sim_actor *last, size_t n_late)
{
    sim->n_late_keys += (int64_t)n_late;
    for (int i = 0; i < SIM_LAST_OBJECTS && n_late > 0 && sim->violation[0] == '\0'; i++) {
        sim_source_new(sim, true);
        run_alone(sim, last);
        if (sim->violation[0] == '\0')
            n_late = sim_check(sim, last);
    }
    if (n_late > 0)
        sim_violation(sim, "no plan finds %zu objects below the seal", n_late);
}

/* One schedule, and a last run. */
static void play(struct sim *sim, uint64_t seed, bool trace)
{
    size_t n_late = 0;
    sim_init(sim, seed, trace);
    cast(sim);
    sim_run(sim);
    bool before = below(sim, 4) != 0 || sim->has_overwriter;
    if (before)
        sim_late_arrive(sim, true);
    struct sim_actor *last = sim_add(sim, "last", sim_run_body);
    last->n_rounds = 1;
    for (size_t i = 0; i < sim->n_actors && sim->is_file; i++)
        last->is_wide |= sim->actors[i].is_wide;
    if (sim->has_seals)
        seals_new(last);
    run_alone(sim, last);
    if (!before)
        sim_late_arrive(sim, true);
    if (sim->violation[0] == '\0' && last->status == SHALE_OK)
        n_late = sim_check(sim, last);
    find_late(sim, last, n_late);
    for (size_t i = 0; i < sim->n_actors; i++)
        seals_free(sim->actors[i].seals);
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
    totals->n_stopped += sim->n_stopped;
    totals->n_hidden += sim->n_hidden;
    totals->n_changes += sim->n_changes;
    totals->n_swept += sim->n_swept;
    totals->n_erased += sim->n_erased;
    totals->n_seals += sim->n_seals;
    totals->n_late_keys += sim->n_late_keys;
}

static void say_totals(const struct totals *totals)
{
    const struct {
        int64_t n;
        const char *of;
    } lines[] = {{totals->n_steps, "steps"},
                 {totals->n_commits, "commits"},
                 {totals->n_changes, "commits that took something out"},
                 {totals->n_swept, "files swept"},
                 {totals->n_erased, "rows and rejects erased"},
                 {totals->n_seals, "seals"},
                 {totals->n_late_keys, "keys that came late below one"},
                 {totals->n_conflicts, "conflicts"},
                 {totals->n_deaths, "kills"},
                 {totals->n_polls, "polls"},
                 {totals->n_unsure, "entries and manifests put without an answer"},
                 {totals->n_late, "late writes"},
                 {totals->n_stopped, "runs stopped at an overwritten entry"},
                 {totals->n_hidden, "tables harmed by one that a checkpoint covers"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        printf("# %10lld %s\n", (long long)lines[i].n, lines[i].of);
}

/* Play the seeds until one breaks a promise: how many were played; '*broken' is set when one did.
 */
static uint64_t play_seeds(struct sim *sim, const struct options *options, bool *broken)
{
    struct totals totals = {0};
    *broken = false;
    for (uint64_t i = 0; i < options->n_seeds; i++) {
        play(sim, options->first + i, options->trace);
        add_up(&totals, sim);
        uint64_t digest = sim->digest;
        if (options->replay && sim->violation[0] == '\0') {
            play(sim, options->first + i, false);
            if (digest != sim->digest)
                sim_violation(sim, "it does not replay");
        }
        *broken = sim->violation[0] != '\0';
        if (*broken)
            return i + 1;
    }
    if (sim->bug[0] == '\0')
        say_totals(&totals);
    return options->n_seeds;
}

/* Returns the exit status. */
static int simulate(struct sim *sim, const struct options *options)
{
    bool broken;
    uint64_t n = play_seeds(sim, options, &broken);
    unsigned long long seed = options->first + n - 1;
    if (broken)
        printf("# seed %llu: %s\n", seed, sim->violation);
    if (broken && sim->bug[0] != '\0') {
        printf("ok bug %s is found by seed %llu\n", sim->bug, seed);
        return 0;
    }
    if (sim->bug[0] != '\0')
        printf("not ok bug %s is not found by %llu schedules\n", sim->bug, (unsigned long long)n);
    else if (broken)
        printf("not ok seed %llu breaks a promise (./dev simulate --trace %llu shows it)\n", seed,
               seed);
    else
        printf("ok %llu schedules from seed %llu\n", (unsigned long long)n,
               (unsigned long long)options->first);
    return broken || sim->bug[0] != '\0';
}

/* Each bug must be found. */
static int find_bugs(struct sim *sim, const struct options *options)
{
    struct options some = *options;
    int status = 0;
    for (size_t i = 0; bug_name(i) != NULL; i++) {
        (void)snprintf(sim->bug, sizeof sim->bug, "%s", bug_name(i));
        printf("# %s: %s\n", bug_name(i), bug_about(i));
        some.n_seeds = bug_seeds(i, options->n_seeds);
        if (simulate(sim, &some) != 0)
            status = 1;
    }
    return status;
}

static int usage(void)
{
    fprintf(stderr, "usage: simulate [--seeds N] [--first S] [--trace SEED] [--replay] "
                    "[--bug NAME | --bugs]\n\nbugs:\n");
    for (size_t i = 0; bug_name(i) != NULL; i++)
        fprintf(stderr, "  %-20s %s\n", bug_name(i), bug_about(i));
    return 2;
}

/* Returns false when it cannot be understood. */
static bool read_options(int argc, char **argv, struct sim *sim, struct options *out)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        out->replay |= strcmp(name, "--replay") == 0;
        out->bugs |= strcmp(name, "--bugs") == 0;
        if (strcmp(name, "--replay") == 0 || strcmp(name, "--bugs") == 0)
            continue;
        if (++i == argc)
            return false;
        uint64_t number = strtoull(argv[i], NULL, 10);
        if (strcmp(name, "--seeds") == 0) {
            out->n_seeds = number;
        } else if (strcmp(name, "--first") == 0) {
            out->first = number;
        } else if (strcmp(name, "--trace") == 0) {
            out->first = number;
            out->n_seeds = 1;
            out->trace = true;
        } else if (strcmp(name, "--bug") == 0) {
            (void)snprintf(sim->bug, sizeof sim->bug, "%s", argv[i]);
        } else {
            return false;
        }
    }
    for (size_t i = 0; bug_name(i) != NULL; i++) {
        if (sim_bug(sim, bug_name(i)))
            return true;
    }
    return sim->bug[0] == '\0';
}

int main(int argc, char **argv)
{
    struct sim *sim = calloc(1, sizeof *sim);
    struct shale_stream *stream = sim_stream_new();
    struct options options = {.n_seeds = 1000};
    int status = 2;
    if (sim == NULL || stream == NULL)
        return 2;
    sim->stream = stream;
    /* Codec contexts are made and freed all the time: their pages are kept. */
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    if (!read_options(argc, argv, sim, &options))
        status = usage();
    else
        status = options.bugs ? find_bugs(sim, &options) : simulate(sim, &options);
    sim_close(sim);
    free(sim);
    shale_stream_free(stream);
    return status;
}
