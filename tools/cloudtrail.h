/* SPDX-License-Identifier: MIT */
/* Made-up events with the members, order, sizes and variety of CloudTrail's. */
#ifndef SHALE_TOOLS_CLOUDTRAIL_H
#define SHALE_TOOLS_CLOUDTRAIL_H

#include "text.h"

enum { CLOUDTRAIL_REGIONS = 8 };

/* What is wrong with an event on purpose.  The last three break the text, so a document with one
 * is broken as a whole. */
enum cloudtrail_fault {
    FAULT_NONE,
    FAULT_NO_ID,
    FAULT_BAD_TIME,
    FAULT_BAD_BOOL,
    FAULT_VALUES, /* how many of the above, FAULT_NONE counted */
    FAULT_CUT = FAULT_VALUES,
    FAULT_UTF8,
    FAULT_NOT_AN_OBJECT,
    FAULT_ALL
};

struct cloudtrail_place {
    uint64_t account; /* number of the account from 0; its 12 digits follow from it */
    uint32_t region;  /* below CLOUDTRAIL_REGIONS */
    int64_t time_s;   /* seconds since 1970 */
};

/* Append one event in one line, without the newline. */
void cloudtrail_put_event(struct text *out, struct chance *chance,
                          const struct cloudtrail_place *place, enum cloudtrail_fault fault);

void cloudtrail_put_account(struct text *out, uint64_t account); /* twelve digits */
const char *cloudtrail_region(uint32_t region);

/* "2024-03-01T12:00:00Z", or "20240301T1200Z" when 'basic'; any time from 1970 to 9999. */
void cloudtrail_put_time(struct text *out, int64_t time_s, bool basic);

/* "2024/03/01" with 'separator' between the parts ('\0' for none). */
void cloudtrail_put_date(struct text *out, int64_t time_s, char separator);

#endif
