/* SPDX-License-Identifier: MIT */
/* base/pool: every job once, done() under the lock, waiting, stopping; with 1 to 8 threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <pthread.h>
#include <cmocka.h>

#include "base/pool.h"

enum { N_JOBS = 2000, MAX_WORKERS = 8 };

struct job {
    unsigned input, result;
    int n_done;
};

/* Hands jobs out in order, at most 'window' that are not yet done in front of the oldest that is
 * not: as the sequencer of a run does. */
struct owner {
    struct job jobs[N_JOBS];
    size_t n_picked, n_finished; /* n_finished: all before it are done */
    size_t window;
    size_t stop_at;
    size_t n_waits;
    unsigned n_workers;
    pthread_t starter;
    int inside; /* in pick() or done(): the pool's lock makes it safe to touch */
    size_t n_of_worker[MAX_WORKERS];
};

static enum shale_pick pick(void *ctx, unsigned worker, void **job)
{
    struct owner *owner = ctx;
    enum shale_pick result = SHALE_PICK_JOB;
    assert_int_equal(owner->inside++, 0);
    assert_in_range(worker, 0, owner->n_workers - 1);
    if (owner->n_picked == owner->stop_at)
        result = SHALE_PICK_STOP;
    else if (owner->n_picked - owner->n_finished >= owner->window)
        result = SHALE_PICK_WAIT;
    else
        *job = &owner->jobs[owner->n_picked++];
    owner->n_waits += result == SHALE_PICK_WAIT;
    owner->inside--;
    return result;
}

static void work(void *ctx, unsigned worker, void *job)
{
    struct job *mine = job;
    unsigned value = mine->input;
    (void)ctx;
    (void)worker;
    for (unsigned i = 0; i < (mine->input % 7) * 500; i++)
        value = value * 1664525u + 1013904223u;
    mine->result = value;
}

static void done(void *ctx, unsigned worker, void *job)
{
    struct owner *owner = ctx;
    struct job *mine = job;
    assert_int_equal(owner->inside++, 0);
    mine->n_done++;
    owner->n_of_worker[worker]++;
    while (owner->n_finished < owner->n_picked && owner->jobs[owner->n_finished].n_done > 0)
        owner->n_finished++;
    owner->inside--;
}

static void run(struct owner *owner, unsigned n_workers, size_t window, size_t stop_at)
{
    const struct shale_pool_owner calls = {owner, pick, work, done};
    size_t n = 0;
    memset(owner, 0, sizeof *owner);
    owner->n_workers = n_workers;
    owner->window = window;
    owner->stop_at = stop_at;
    for (unsigned i = 0; i < N_JOBS; i++)
        owner->jobs[i].input = i;
    assert_int_equal(shale_pool_run(n_workers, &calls), SHALE_OK);
    assert_int_equal(owner->n_picked, stop_at);
    assert_int_equal(owner->n_finished, stop_at);
    for (size_t i = 0; i < N_JOBS; i++)
        assert_int_equal(owner->jobs[i].n_done, i < stop_at ? 1 : 0);
    for (unsigned i = 0; i < n_workers; i++)
        n += owner->n_of_worker[i];
    assert_int_equal(n, stop_at);
}

static void test_every_job_once_for_any_number_of_threads(void **state)
{
    static struct owner alone, owner;
    (void)state;
    run(&alone, 1, 1, N_JOBS);
    for (unsigned n = 2; n <= MAX_WORKERS; n++) {
        run(&owner, n, 16, N_JOBS);
        assert_memory_equal(owner.jobs, alone.jobs, sizeof alone.jobs);
    }
}

static void test_waiting_ends_when_a_job_is_done(void **state)
{
    static struct owner owner;
    (void)state;
    run(&owner, 4, 1, N_JOBS); /* one at a time: the others only wait */
    run(&owner, 8, 2, N_JOBS);
}

static void test_stops_early_and_with_nothing_to_do(void **state)
{
    static struct owner owner;
    (void)state;
    for (unsigned n = 1; n <= MAX_WORKERS; n++) {
        run(&owner, n, 4, 0);
        run(&owner, n, 4, 5);
    }
}

static enum shale_pick pick_here(void *ctx, unsigned worker, void **job)
{
    struct owner *owner = ctx;
    assert_true(pthread_equal(pthread_self(), owner->starter));
    return pick(ctx, worker, job);
}

static void work_here(void *ctx, unsigned worker, void *job)
{
    struct owner *owner = ctx;
    assert_true(pthread_equal(pthread_self(), owner->starter));
    work(ctx, worker, job);
}

static void test_one_thread_is_the_callers(void **state)
{
    static struct owner owner;
    const struct shale_pool_owner calls = {&owner, pick_here, work_here, done};
    (void)state;
    for (unsigned n = 0; n <= 1; n++) {
        memset(&owner, 0, sizeof owner);
        owner.n_workers = 1;
        owner.window = 1;
        owner.stop_at = 10;
        owner.starter = pthread_self();
        assert_int_equal(shale_pool_run(n, &calls), SHALE_OK);
        assert_int_equal(owner.n_finished, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_job_once_for_any_number_of_threads),
        cmocka_unit_test(test_waiting_ends_when_a_job_is_done),
        cmocka_unit_test(test_stops_early_and_with_nothing_to_do),
        cmocka_unit_test(test_one_thread_is_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
