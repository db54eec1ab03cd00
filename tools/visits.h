/* SPDX-License-Identifier: MIT */
/* Made-up visit events, one a file of about 300 bytes, as streams/nacc-visit-events.yaml reads. */
#ifndef SHALE_TOOLS_VISITS_H
#define SHALE_TOOLS_VISITS_H

#include "text.h"

/* Append the event of the file 'number' and the file's name (with its folder, NUL at the end).
 * Names are never used twice below 100 million. */
void visits_put(struct text *event, struct text *name, uint64_t seed, uint64_t number);

#endif
