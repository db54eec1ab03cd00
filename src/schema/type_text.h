/* SPDX-License-Identifier: MIT */
/* Types as text. */
#ifndef SHALE_SCHEMA_TYPE_TEXT_H
#define SHALE_SCHEMA_TYPE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/type.h"

/* Enough for most types. */
enum { SHALE_TYPE_TEXT_BYTES = 96 };

/* The type as a definition writes it, "list<decimal(9,2)>", "struct{a: int32, \"b c\": string}",
 * and in the same manner what only a file has: "int8", "fixed(4)", "timestamp(us,local)" for one
 * without a zone, "time(ms)" ("time" alone is in microseconds).
 * In 'out' of 'n_bytes' (at least 4), with a NUL; a long text is cut and ends in "...".  Returns
 * 'out'. */
const char *shale_type_text(const struct shale_type *type, char *out, size_t n_bytes);

/* Are values of both types the same, in memory and in meaning?  (How they were written does not
 * count: int96.) */
bool shale_type_equal(const struct shale_type *a, const struct shale_type *b);

#endif
