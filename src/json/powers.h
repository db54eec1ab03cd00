/* SPDX-License-Identifier: MIT */
/* Private to json: powers of ten as 128 bits (powers.c says how). */
#ifndef SHALE_JSON_POWERS_H
#define SHALE_JSON_POWERS_H

#include <stdint.h>

enum { SHALE_POWER_LEAST = -292, SHALE_POWER_MOST = 324 };

extern const uint64_t shale_powers_of_ten[SHALE_POWER_MOST - SHALE_POWER_LEAST + 1][2];

#endif
