/* SPDX-License-Identifier: MIT */
/* Private to dataset: a condition that was read, for rows of data and for rejects. */
#ifndef SHALE_DATASET_ERASURE_PARTS_H
#define SHALE_DATASET_ERASURE_PARTS_H

#include "base/arena.h"
#include "dataset/erasure.h"
#include "schema/value.h"

enum shale_condition_place {
    SHALE_ON_NOTHING,   /* there is no such column: null */
    SHALE_ON_COLUMN,    /* of the files, or of events */
    SHALE_ON_PARTITION, /* of the table: one value for all rows of a file */
};

struct shale_condition_on {
    enum shale_condition_place place;
    size_t column, view; /* in the schema; among those that are looked at */
    const struct shale_column_def *def;
    const struct shale_type *type; /* of the value */
    /* Not NULL: the value is the year, month, day or hour of the column, which is of this type. */
    const struct shale_type *transformed;
    enum shale_transform transform;
    bool is_before, is_null, joined;
    struct shale_value value;
    struct shale_str bytes;      /* the value as it lies in memory */
    struct shale_str name, text; /* of the column; the value as it was said */
};

struct shale_erasures {
    const struct shale_mem *mem;
    struct shale_arena arena;
    struct shale_condition_on *on;
    size_t n;
    size_t *columns;
    size_t n_columns;
};

/* A value that lies in memory as an array of its type has it; texts are not copied. */
void shale_erasure_load(const struct shale_type *type, struct shale_str bytes,
                        struct shale_value *out);

/* Does a value (NULL: null) meet it? */
bool shale_erasure_meets(const struct shale_condition_on *on, const struct shale_value *value);

#endif
