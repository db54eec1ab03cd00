/* SPDX-License-Identifier: MIT */
/* Numbers by value, whatever their size. */
#ifndef SHALE_SHRED_NUMBERS_H
#define SHALE_SHRED_NUMBERS_H

#include <stdbool.h>

#include "base/str.h"

/* Are two texts (by JSON's grammar for numbers) the same number?  1 is 1.0 and 10e-1. */
bool shale_numbers_equal(struct shale_str a, struct shale_str b);

#endif
