/* SPDX-License-Identifier: MIT */
/* The real world. */
#ifndef SHALE_API_ENVIRONMENT_H
#define SHALE_API_ENVIRONMENT_H

#include "base/env.h"

/* The system's memory, clocks, randomness and environment variables; no log, nobody who cancels
 * (a program puts its own into a copy).  Immutable, any thread. */
const struct shale_env *shale_real_env(void);

#endif
