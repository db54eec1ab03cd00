/* SPDX-License-Identifier: MIT */
/* Threads that ask one owner for work.  The pool holds the only lock: the owner's state is
 * touched in pick() and done() alone, so the owner needs no lock of its own.  With one thread
 * everything happens in the caller's, and none is started. */
#ifndef SHALE_BASE_POOL_H
#define SHALE_BASE_POOL_H

#include "base/err.h"
#include "base/status.h"

enum shale_pick {
    SHALE_PICK_JOB,  /* '*job' was set: work() follows, then done() */
    SHALE_PICK_WAIT, /* nothing now: pick() again after some other job's done() */
    SHALE_PICK_STOP, /* nothing any more, for any thread */
};

struct shale_pool_owner {
    void *ctx;
    /* Under the lock.  'worker' counts threads from 0. */
    enum shale_pick (*pick)(void *ctx, unsigned worker, void **job);
    /* Without the lock: the long part. */
    void (*work)(void *ctx, unsigned worker, void *job);
    /* Under the lock. */
    void (*done)(void *ctx, unsigned worker, void *job);
};

/* Run until pick() says stop and every job is done.  With more than one thread 'n_threads' are
 * started at most; when the system refuses some, the others do the work.
 * A WAIT while no job is under way would wait for ever: that is the owner's bug (asserted).
 * Returns SHALE_OK, or SHALE_NOMEM when nothing could be set up (no job was picked then). */
SHALE_MUST_USE enum shale_status shale_pool_run(unsigned n_threads,
                                                const struct shale_pool_owner *owner);

#endif
