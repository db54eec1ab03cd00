/* SPDX-License-Identifier: MIT */
/* dataset/commit: many committers at once, each store call taking its time: every one of them gets
 * through, and how much work was wasted.  SHALE_SCALE=full: 64 committers at 30 ms a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "commit_made.h"

enum { MOST_COMMITTERS = 64 };

/* ---- The world of a committer ------------------------------------------------------------------
 */

static void wait_us(int64_t us)
{
    struct timespec wait = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    while (us > 0 && clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, &wait) != 0)
        continue;
}

static int64_t now_us(void *ctx)
{
    struct timespec now;
    (void)ctx;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct committer {
    pthread_t thread;
    struct shale_env env;
    struct shale_store *store;
    struct work work;
    uint64_t random;
    int64_t latency_us, n_calls, took_us;
    pthread_barrier_t *start;
    struct shale_committed done;
    enum shale_status status;
};

static uint64_t draw(void *ctx)
{
    return shale_hash_u64(scratch_random(&((struct committer *)ctx)->random), 3);
}

static void rest(void *ctx, int64_t us)
{
    (void)ctx;
    wait_us(us);
}

static enum shale_status before(void *ctx, enum shale_store_call call, const char *key,
                                struct shale_str data, enum shale_store_fate *fate,
                                struct shale_err *err)
{
    struct committer *committer = ctx;
    (void)key, (void)data, (void)fate, (void)err;
    if (call == SHALE_STORE_WRITE || call == SHALE_STORE_CREATE)
        return SHALE_OK; /* a bucket has one call for an object */
    committer->n_calls++;
    wait_us(committer->latency_us);
    return SHALE_OK;
}

static void *run(void *ctx)
{
    struct committer *committer = ctx;
    struct shale_base base;
    int64_t began_us;
    (void)pthread_barrier_wait(committer->start);
    began_us = now_us(NULL);
    committer->status = shale_base_read(committer->store, SHALE_STR("s"), &base, NULL);
    if (committer->status == SHALE_OK) {
        committer->status =
            shale_commit(committer->store, &base, &committer->work.commit, &committer->done, NULL);
        shale_base_fini(&base, &shale_mem_libc);
    }
    committer->took_us = now_us(NULL) - began_us;
    return NULL;
}

/* ---- All of them -------------------------------------------------------------------------------
 */

static void begin(struct committer *committer, struct table *table, pthread_barrier_t *start,
                  int index, int64_t latency_us)
{
    const struct shale_store_hook hook = {before, committer};
    memset(committer, 0, sizeof *committer);
    committer->random = (uint64_t)index + 1;
    committer->latency_us = latency_us;
    committer->start = start;
    committer->env = (struct shale_env){.mem = &shale_mem_libc,
                                        .monotonic_us = now_us,
                                        .wall_us = now_us,
                                        .random_u64 = draw,
                                        .cancelled = table_never,
                                        .sleep_us = rest,
                                        .ctx = committer};
    assert_int_equal(work_make(&committer->work, table->store, index * 2, index * 2 + 2), SHALE_OK);
    assert_int_equal(
        shale_store_memory_share(table->store, &committer->env, &hook, &committer->store, NULL),
        SHALE_OK);
}

static void race(int n, int64_t latency_us)
{
    static struct committer committers[MOST_COMMITTERS];
    struct table table;
    pthread_barrier_t start;
    int64_t most = 0, attempts = 0, longest_us = 0, calls = 0;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    table.now_us = now_us(NULL);
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)n), 0);
    for (int i = 0; i < n; i++)
        begin(&committers[i], &table, &start, i, latency_us);
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&committers[i].thread, NULL, run, &committers[i]), 0);
    for (int i = 0; i < n; i++) {
        struct committer *committer = &committers[i];
        assert_int_equal(pthread_join(committer->thread, NULL), 0);
        assert_int_equal(committer->status, SHALE_OK);
        attempts += committer->done.n_attempts;
        most = committer->done.n_attempts > most ? committer->done.n_attempts : most;
        longest_us = committer->took_us > longest_us ? committer->took_us : longest_us;
        calls += committer->n_calls;
        shale_store_free(committer->store);
        work_fini(&committer->work);
    }
    (void)pthread_barrier_destroy(&start);
    print_message("%d committers at %lld us: %lld attempts, %lld at most; %lld calls; %.1f s\n", n,
                  (long long)latency_us, (long long)attempts, (long long)most, (long long)calls,
                  (double)longest_us / 1e6);
    assert_int_equal(table_objects(&table), n * 2);
    table_fini(&table);
}

static void test_none_starves(void **state)
{
    const char *scale = getenv("SHALE_SCALE");
    (void)state;
    race(8, 0);
    race(16, 1000);
    if (scale != NULL && strcmp(scale, "full") == 0)
        race(64, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_starves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
