/* SPDX-License-Identifier: MIT */
/* Private to parquet: which rows of a row group can meet a scan's conditions, by what the file says
 * of them without their being read. */
#ifndef SHALE_PARQUET_PRUNE_H
#define SHALE_PARQUET_PRUNE_H

#include "parquet/scan.h"

/* Fill 'ranges', by statistics, bloom filters and page indexes; all rows when there are no
 * conditions. */
SHALE_MUST_USE enum shale_status shale_prune_row_group(struct shale_scan *scan, size_t row_group,
                                                       struct shale_row_ranges *ranges,
                                                       struct shale_err *err);

/* The leaves have begun the row group: by the dictionaries of columns that are all in one.  Empties
 * 'ranges' when a value is in none. */
SHALE_MUST_USE enum shale_status shale_prune_by_dictionaries(struct shale_scan *scan,
                                                             struct shale_row_ranges *ranges,
                                                             struct shale_err *err);

#endif
