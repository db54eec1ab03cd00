/* SPDX-License-Identifier: MIT */
/* What the outside world gives a run: memory, time, chance, the environment and the wish to stop.
 * Made by a program or a test and passed down; immutable, shared by all threads. */
#ifndef SHALE_BASE_ENV_H
#define SHALE_BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/mem.h"

struct shale_env {
    const struct shale_mem *mem;
    int64_t (*monotonic_us)(void *ctx); /* microseconds from an unknown start, never back */
    int64_t (*wall_us)(void *ctx);      /* microseconds since 1970-01-01 UTC */
    uint64_t (*random_u64)(void *ctx);  /* for names that are used once; any thread */
    const char *(*getenv)(void *ctx, const char *name); /* NULL when not set */
    bool (*cancelled)(void *ctx); /* the user wants to stop; any thread, cheap */
    /* Wait about so long, less when a signal comes; any thread.  NULL: nobody waits (tests). */
    void (*sleep_us)(void *ctx, int64_t us);
    struct shale_log *log; /* any thread */
    void *ctx;
};

#endif
