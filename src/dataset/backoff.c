/* SPDX-License-Identifier: MIT */
/* Waiting before another attempt. */
#include "dataset/backoff.h"

static const int64_t longest_us = INT64_C(20) * 1000000;

void shale_backoff(const struct shale_env *env, int64_t first_us, int64_t n_times)
{
    int64_t limit_us = first_us;
    while (n_times-- > 0 && limit_us < longest_us)
        limit_us *= 2;
    if (limit_us > longest_us)
        limit_us = longest_us;
    if (env->sleep_us != NULL && limit_us >= 0)
        env->sleep_us(env->ctx, (int64_t)(env->random_u64(env->ctx) % (uint64_t)(limit_us + 1)));
}
