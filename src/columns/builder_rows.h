/* SPDX-License-Identifier: MIT */
/* Private to columns: the builder's state, shared by appending and splitting. */
#ifndef SHALE_COLUMNS_BUILDER_ROWS_H
#define SHALE_COLUMNS_BUILDER_ROWS_H

#include "columns/builder.h"
#include "columns/vector.h"

struct shale_builder_column {
    struct shale_vector *target; /* where puts go: &self, or &child while a list is open */
    struct shale_vector self;
    struct shale_vector child; /* LIST */
    bool partition_only;
};

struct shale_builder {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    int64_t n_rows;
    enum shale_status status; /* sticky */
    size_t n_columns;
    struct shale_builder_column columns[];
};

#endif
