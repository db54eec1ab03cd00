/* SPDX-License-Identifier: MIT */
/* Dates and times: the proleptic Gregorian calendar, UTC, no leap seconds. */
#ifndef SHALE_SCHEMA_TIME_H
#define SHALE_SCHEMA_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "schema/type.h"

/* A timestamp lies in the years 0 to 9999, so that each can be written as RFC 3339. */
#define SHALE_TIMESTAMP_MIN_SECONDS INT64_C(-62167219200)
#define SHALE_TIMESTAMP_MAX_SECONDS INT64_C(253402300799)

/* Days since 1970-01-01 of a real date in years 0 to 9999; false for 2023-02-29 and the like. */
bool shale_days_from_civil(int64_t year, unsigned month, unsigned day, int32_t *out);
void shale_civil_from_days(int32_t days, int64_t *year, unsigned *month, unsigned *day);

/* "2024-02-29" and nothing else. */
bool shale_date_parse(struct shale_str text, int32_t *days);

/* "23:59:59", with up to any number of digits of a second (those beyond us are cut), seconds may
 * be left out; no offset. */
bool shale_time_parse(struct shale_str text, int64_t *us);

/* RFC 3339 and the forms that docs/types.md lists besides; false when it is none or (ns) does not
 * fit int64. */
bool shale_timestamp_parse(struct shale_str text, enum shale_unit unit, int64_t *out);

/* Units in a second: 1000, 1000000, 1000000000. */
int64_t shale_unit_per_second(enum shale_unit unit);

#endif
