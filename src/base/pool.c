/* SPDX-License-Identifier: MIT */
/* A pool of threads around one owner's state. */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

enum { MAX_THREADS = 256 };

struct pool {
    const struct shale_pool_owner *owner;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job was done, or the end has come */
    unsigned n_busy;
    bool stop;
};

struct worker {
    struct pool *pool;
    unsigned number;
};

/* Pick until there is a job (true) or the end (false).  Called and returns with the lock held. */
static bool pick_job(struct pool *pool, unsigned number, void **job)
{
    while (!pool->stop) {
        switch (pool->owner->pick(pool->owner->ctx, number, job)) {
        case SHALE_PICK_JOB:
            return true;
        case SHALE_PICK_STOP:
            pool->stop = true;
            (void)pthread_cond_broadcast(&pool->changed);
            return false;
        case SHALE_PICK_WAIT:
            assert(pool->n_busy > 0);
            (void)pthread_cond_wait(&pool->changed, &pool->lock);
            break;
        }
    }
    return false;
}

static void *work(void *arg)
{
    const struct worker *worker = arg;
    struct pool *pool = worker->pool;
    void *job;
    (void)pthread_mutex_lock(&pool->lock);
    while (pick_job(pool, worker->number, &job)) {
        pool->n_busy++;
        /* One job may have made another possible: let somebody else look as well. */
        (void)pthread_cond_signal(&pool->changed);
        (void)pthread_mutex_unlock(&pool->lock);
        pool->owner->work(pool->owner->ctx, worker->number, job);
        (void)pthread_mutex_lock(&pool->lock);
        pool->n_busy--;
        pool->owner->done(pool->owner->ctx, worker->number, job);
        (void)pthread_cond_broadcast(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void run_here(const struct shale_pool_owner *owner)
{
    void *job;
    enum shale_pick pick;
    while ((pick = owner->pick(owner->ctx, 0, &job)) == SHALE_PICK_JOB) {
        owner->work(owner->ctx, 0, job);
        owner->done(owner->ctx, 0, job);
    }
    assert(pick == SHALE_PICK_STOP);
    (void)pick;
}

enum shale_status shale_pool_run(unsigned n_threads, const struct shale_pool_owner *owner)
{
    struct pool pool = {.owner = owner};
    struct worker workers[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    unsigned n_started = 1; /* the caller is worker 0 */
    if (n_threads <= 1) {
        run_here(owner);
        return SHALE_OK;
    }
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    if (pthread_mutex_init(&pool.lock, NULL) != 0)
        return SHALE_NOMEM;
    if (pthread_cond_init(&pool.changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&pool.lock);
        return SHALE_NOMEM;
    }
    workers[0] = (struct worker){&pool, 0};
    while (n_started < n_threads) {
        workers[n_started] = (struct worker){&pool, n_started};
        if (pthread_create(&threads[n_started], NULL, work, &workers[n_started]) != 0)
            break;
        n_started++;
    }
    (void)work(&workers[0]);
    for (unsigned i = 1; i < n_started; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_cond_destroy(&pool.changed);
    (void)pthread_mutex_destroy(&pool.lock);
    return SHALE_OK;
}
