/* SPDX-License-Identifier: MIT */
/* How far two names are apart, for "did you mean". */
#ifndef SHALE_BASE_DISTANCE_H
#define SHALE_BASE_DISTANCE_H

#include <stddef.h>

#include "base/str.h"

/* Levenshtein's distance in bytes, or SIZE_MAX for texts of more than 32: names are short. */
size_t shale_distance(struct shale_str a, struct shale_str b);

/* More changes than that make another word. */
static inline size_t shale_distance_most(struct shale_str text)
{
    return text.n_bytes < 6 ? 1 + text.n_bytes / 3 : 3;
}

#endif
