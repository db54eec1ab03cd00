/* SPDX-License-Identifier: MIT */
/* Waiting before another attempt: full jitter, that is any time below a limit that doubles, so that
 * those who met do not meet again. */
#ifndef SHALE_DATASET_BACKOFF_H
#define SHALE_DATASET_BACKOFF_H

#include "base/env.h"

/* Wait a random time below 'first_us' doubled 'n_times', and below 20 seconds. */
void shale_backoff(const struct shale_env *env, int64_t first_us, int64_t n_times);

#endif
