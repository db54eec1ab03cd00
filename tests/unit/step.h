/* SPDX-License-Identifier: MIT */
/* How far apart the calls are that a test fails one by one. */
#ifndef SHALE_TESTS_STEP_H
#define SHALE_TESTS_STEP_H

#include <stdlib.h>

/* Each call, or with SHALE_STEP=N (sanitizers, which are slow) each of the first ten and every
 * N-th after that. */
static inline long step_from(long n)
{
    const char *step = getenv("SHALE_STEP");
    const long every = step == NULL ? 1 : strtol(step, NULL, 10);
    return n < 10 || every < 1 ? 1 : every;
}

#endif
