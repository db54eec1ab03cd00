/* SPDX-License-Identifier: MIT */
/* The real world, as the library and the programs see it. */
#include "api/environment.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_us(clockid_t id)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t monotonic_us(void *ctx)
{
    (void)ctx;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t wall_us(void *ctx)
{
    (void)ctx;
    return clock_us(CLOCK_REALTIME);
}

static uint64_t random_u64(void *ctx)
{
    uint64_t value = 0;
    (void)ctx;
    while (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
        continue;
    return value;
}

static const char *get_variable(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

/* A signal ends it early: the caller looks at cancelled() and decides. */
static void sleep_us(void *ctx, int64_t us)
{
    struct timespec wait = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    (void)ctx;
    if (us > 0)
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

const struct shale_env *shale_real_env(void)
{
    static const struct shale_env env = {.mem = &shale_mem_libc,
                                         .monotonic_us = monotonic_us,
                                         .wall_us = wall_us,
                                         .random_u64 = random_u64,
                                         .getenv = get_variable,
                                         .cancelled = never,
                                         .sleep_us = sleep_us};
    return &env;
}
