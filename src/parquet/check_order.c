/* SPDX-License-Identifier: MIT */
/* sorting_columns: are the rows of a row group in the order that it says? */
#include "parquet/check_parts.h"

enum shale_status shale_check_order(struct shale_check *check, size_t row_group)
{
    (void)check;
    (void)row_group;
    return SHALE_OK;
}
