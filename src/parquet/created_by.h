/* SPDX-License-Identifier: MIT */
/* Private to parquet: who wrote a file, by the footer's created_by. */
#ifndef SHALE_PARQUET_CREATED_BY_H
#define SHALE_PARQUET_CREATED_BY_H

#include "parquet/metadata.h"

/* By us. */
bool shale_file_is_ours(const struct shale_file *file);

/* By 'application' ("parquet-mr") of a version before major.minor.patch; one that says no version
 * is older than all ("parquet-mr (build ...)", "parquet-mr version 1.8.0"). */
bool shale_created_before(struct shale_str created_by, const char *application, unsigned major,
                          unsigned minor, unsigned patch);

#endif
