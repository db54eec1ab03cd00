/* SPDX-License-Identifier: MIT */
/* A field's constraints on one value that has its type already. */
#ifndef SHALE_SCHEMA_CONSTRAINT_H
#define SHALE_SCHEMA_CONSTRAINT_H

#include "base/err.h"
#include "schema/stream.h"

/* A thread's state for matching patterns. */
struct shale_matcher;

SHALE_MUST_USE enum shale_status shale_matcher_new(const struct shale_mem *mem,
                                                   struct shale_matcher **out);
void shale_matcher_free(struct shale_matcher *matcher);

/* min_length and max_length of a list or map of 'n_elements'.  Returns SHALE_OK or SHALE_SCHEMA. */
SHALE_MUST_USE enum shale_status shale_constraint_check_list(const struct shale_field *field,
                                                             size_t n_elements,
                                                             struct shale_err *err);

/* enum, pattern, min_length, max_length, minimum, maximum, format, in this order.  'type' is the
 * field's, or its element's (a list's lengths are then passed over).  Returns SHALE_OK;
 * SHALE_SCHEMA with the rule as err->code; or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_constraint_check(struct shale_matcher *matcher,
                                                        const struct shale_field *field,
                                                        const struct shale_type *type,
                                                        const struct shale_value *value,
                                                        struct shale_err *err);

/* Is 'text' an email address, an IPv4 address ...? */
bool shale_format_matches(enum shale_format_rule format, struct shale_str text);

#endif
