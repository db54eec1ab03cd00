/* SPDX-License-Identifier: MIT */
/* Private to parquet: the least and the greatest of the values of a leaf that was read. */
#ifndef SHALE_PARQUET_VALUE_RANGE_H
#define SHALE_PARQUET_VALUE_RANGE_H

#include "parquet/dense.h"

struct shale_value_range {
    bool any, has_nan; /* a NaN is neither less nor greater */
    struct shale_buf minimum, maximum;
    size_t most_bytes; /* of a value that is kept; of a longer one, its first bytes */
};

void shale_value_range_init(struct shale_value_range *range, const struct shale_mem *mem,
                            size_t most_bytes);
void shale_value_range_fini(struct shale_value_range *range);
void shale_value_range_reset(struct shale_value_range *range);

/* Take the first 'n' values.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_value_range_take(struct shale_value_range *range,
                                                        const struct shale_file_leaf *leaf,
                                                        const struct shale_dense *dense, size_t n);

/* Take all that 'other' took. */
SHALE_MUST_USE enum shale_status shale_value_range_merge(struct shale_value_range *range,
                                                         const struct shale_file_leaf *leaf,
                                                         const struct shale_value_range *other);

#endif
