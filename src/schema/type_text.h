/* SPDX-License-Identifier: MIT */
/* Types as text. */
#ifndef SHALE_SCHEMA_TYPE_TEXT_H
#define SHALE_SCHEMA_TYPE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "schema/type.h"

/* Append the type as a definition writes it: "list<decimal(9,2)>", "struct{a: int32, b: string}";
 * "timestamp(us)", and "timestamp(us, local)" for one without a zone.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_type_text(const struct shale_type *type,
                                                 struct shale_buf *out);

/* Are values of both types the same, in memory and in meaning?  (How they were written does not
 * count: int96.) */
bool shale_type_equal(const struct shale_type *a, const struct shale_type *b);

#endif
