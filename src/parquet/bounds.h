/* SPDX-License-Identifier: MIT */
/* Private to parquet: which bounds (a minimum or maximum of a chunk or page) can be believed. */
#ifndef SHALE_PARQUET_BOUNDS_H
#define SHALE_PARQUET_BOUNDS_H

#include "parquet/metadata.h"

/* How the values of a leaf are ordered, by its types. */
enum shale_file_order shale_order_of(const struct shale_file_node *node);

/* Is it that of signed numbers, in which all writers at all times ordered them? */
bool shale_order_is_signed(enum shale_file_order order);

/* Can 'value' be believed to be a bound?  'ordered': the file says that its order is that of the
 * type.  Without it only signed numbers are believed.  A NaN is no bound, and neither is a value of
 * another length than the type's. */
bool shale_bound_is_known(enum shale_file_order order, bool ordered, struct shale_str value);

#endif
