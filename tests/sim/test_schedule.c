/* SPDX-License-Identifier: MIT */
/* The scheduler itself: a seed replays, kills have no effect behind them, answers get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { PUTS = 30, KEYS = 12 };

static struct {
    int n_ok[KEYS], n_unsure[KEYS];
    int n_calls_dead;
} seen;

/* Tries to be the one who writes each of a few names. */
static void put_body(struct sim_actor *actor)
{
    for (int i = 0; i < PUTS; i++) {
        char key[16];
        bool was_dead = actor->dead;
        uint32_t at = chance_below(&actor->chance, KEYS);
        (void)snprintf(key, sizeof key, "name/%u", at);
        enum shale_status status =
            shale_store_put_absent(actor->table, key, shale_str_of(actor->name), NULL);
        if (was_dead) {
            assert_int_equal(status, SHALE_IO);
            seen.n_calls_dead++;
            continue;
        }
        seen.n_ok[at] += status == SHALE_OK;
        seen.n_unsure[at] += status == SHALE_UNSURE;
    }
}

static void look_body(struct sim_actor *actor)
{
    for (int i = 0; i < PUTS; i++) {
        struct shale_store_list *list = NULL;
        struct shale_store_entry entry;
        bool end = false;
        if (shale_store_list(actor->table, "", "", &list, NULL) != SHALE_OK)
            continue;
        while (!end && shale_store_list_next(actor->table, list, &entry, &end, NULL) == SHALE_OK)
            continue;
        shale_store_list_free(actor->table, list);
    }
}

/* Returns the digest of all steps. */
static uint64_t play(struct sim *sim, uint64_t seed, uint32_t faults)
{
    memset(&seen, 0, sizeof seen);
    sim_init(sim, seed, false);
    for (int i = 0; i < 3; i++) {
        struct sim_actor *actor = sim_add(sim, "put", put_body);
        actor->bad_writes = faults;
        actor->dies_at = i == 0 ? 10 : -1;
    }
    sim_add(sim, "look", look_body);
    sim_run(sim);
    sim_late_arrive(sim, true);
    assert_string_equal(sim->violation, "");
    uint64_t digest = sim->digest;
    sim_fini(sim);
    return digest;
}

static void test_one_writer_wins(void **state)
{
    struct sim *sim = *state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        (void)play(sim, seed, 0);
        assert_int_equal(sim->n_deaths, 1);
        assert_int_equal(seen.n_calls_dead, PUTS - 11);
        for (int i = 0; i < KEYS; i++)
            assert_in_range(seen.n_ok[i] + seen.n_unsure[i], 0, 2);
        for (int i = 0; i < KEYS; i++)
            assert_in_range(seen.n_ok[i], 0, 1);
    }
}

static void test_a_seed_replays(void **state)
{
    struct sim *sim = *state;
    uint64_t last = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        uint64_t digest = play(sim, seed, 50);
        assert_int_equal(digest, play(sim, seed, 50));
        assert_int_not_equal(digest, last);
        last = digest;
    }
}

static void test_answers_are_lost(void **state)
{
    struct sim *sim = *state;
    int64_t n_unsure = 0, n_late = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        (void)play(sim, seed, 100);
        for (int i = 0; i < KEYS; i++) {
            assert_in_range(seen.n_ok[i], 0, 1);
            n_unsure += seen.n_unsure[i];
        }
        n_late += sim->n_late_writes;
    }
    assert_true(n_unsure > 100);
    assert_true(n_late > 20);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct sim));
    return *state == NULL;
}

static int tear_down(void **state)
{
    sim_close(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_writer_wins),
        cmocka_unit_test(test_a_seed_replays),
        cmocka_unit_test(test_answers_are_lost),
    };
    return cmocka_run_group_tests_name("schedule", tests, set_up, tear_down);
}
