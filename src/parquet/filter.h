/* SPDX-License-Identifier: MIT */
/* Private to parquet: the conditions of a scan, row by row. */
#ifndef SHALE_PARQUET_FILTER_H
#define SHALE_PARQUET_FILTER_H

#include "parquet/scan.h"

/* Check and keep options.where; columns that only a condition needs are added to the scan's. */
SHALE_MUST_USE enum shale_status shale_filters_init(struct shale_scan *scan,
                                                    const struct shale_scan_options *options,
                                                    struct shale_err *err);
void shale_filters_fini(struct shale_scan *scan);

/* Look at the first 'n_rows' rows of the columns that filter: scan->selected; '*any' row meets all
 * conditions?  Floats are compared as numbers: both zeros are the same, and so are all NaNs. */
SHALE_MUST_USE enum shale_status shale_filters_apply(struct shale_scan *scan, int64_t n_rows,
                                                     bool *any, struct shale_err *err);

/* Is the condition's value one of a dictionary's? */
bool shale_filter_in(const struct shale_scan_filter *filter, const struct shale_dense *dictionary);

#endif
