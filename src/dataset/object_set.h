/* SPDX-License-Identifier: MIT */
/* The keys of many objects, whose rows are to be found in a table again (on_change: replace,
 * rebuild).  A key takes 16 bytes, its XXH3-128, by which the ledger knows contents as well; a
 * million of them fit where their texts would not. */
#ifndef SHALE_DATASET_OBJECT_SET_H
#define SHALE_DATASET_OBJECT_SET_H

#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include <stdint.h>

struct shale_object_set;

/*     FILLING --add, in ascending order--> FILLING --end--> ASKED     (then any thread asks)
 *
 * 'n_most': at most so many are added. */
SHALE_MUST_USE enum shale_status shale_object_set_new(const struct shale_mem *mem, int64_t n_most,
                                                      struct shale_object_set **out);
void shale_object_set_free(struct shale_object_set *set);

/* SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_object_set_add(struct shale_object_set *set,
                                                      struct shale_str key);
void shale_object_set_end(struct shale_object_set *set);

int64_t shale_object_set_n(const struct shale_object_set *set);
bool shale_object_set_has(const struct shale_object_set *set, struct shale_str key);

/* Can a key from 'first' to 'last' (NULL: without such a bound) be in the set?  Of large sets only
 * stretches of keys are remembered, at most 32,768 of them. */
bool shale_object_set_reaches(const struct shale_object_set *set, const struct shale_str *first,
                              const struct shale_str *last);

#endif
