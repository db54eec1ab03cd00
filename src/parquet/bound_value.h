/* SPDX-License-Identifier: MIT */
/* A bound (PLAIN-encoded) as a value in Arrow's layout, to be shown or compared. */
#ifndef SHALE_PARQUET_BOUND_VALUE_H
#define SHALE_PARQUET_BOUND_VALUE_H

#include <stdalign.h>

#include "columns/column.h"
#include "parquet/metadata.h"

/* A column of one row.  The caller's storage, which must not move; bytes stay where they are. */
struct shale_bound_value {
    struct shale_column column;
    int32_t offsets[2];
    alignas(16) unsigned char data[16];
};

/* Make 'out' of a bound's value; its type is 'leaf->type'.  False: it cannot be such a value (a
 * decimal of more than 16 bytes, a unit that does not fit). */
bool shale_bound_value_of(const struct shale_file_leaf *leaf, const struct shale_file_node *node,
                          struct shale_str value, struct shale_bound_value *out);

#endif
