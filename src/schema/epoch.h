/* SPDX-License-Identifier: MIT */
/* Instants written as a number. */
#ifndef SHALE_SCHEMA_EPOCH_H
#define SHALE_SCHEMA_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "schema/type.h"

/* 'number' (by JSON's grammar) as seconds since the epoch, or as milliseconds when its absolute
 * value is above 2e10; exact, digits beyond the unit are cut (towards the epoch).  False outside
 * the years 0 to 9999 and, for ns, outside int64. */
bool shale_epoch_parse(struct shale_str number, enum shale_unit unit, int64_t *out);

#endif
