/* SPDX-License-Identifier: MIT */
/* For tests of columns and parquet: a schema of one column a layout, and rows of it. */
#ifndef SHALE_TESTS_COLUMNS_H
#define SHALE_TESTS_COLUMNS_H

#include <limits.h>
#include <stdio.h>

#include "columns/builder.h"

enum { COLUMN_BOOL, COLUMN_I32, COLUMN_I64, COLUMN_F64, COLUMN_I128, COLUMN_BYTES };
enum { COLUMN_PARTITION = 6, COLUMN_LIST_BYTES, COLUMN_LIST_BOOL, COLUMN_LIST_I64, N_COLUMNS };

static const struct shale_type_member element_string = {{"element", 7}, {.kind = SHALE_STRING}};
static const struct shale_type_member element_bool = {{"element", 7}, {.kind = SHALE_BOOL}};
static const struct shale_type_member element_int64 = {{"element", 7}, {.kind = SHALE_INT64}};

static const struct shale_column_def column_defs[N_COLUMNS] = {
    {.name = {"bool", 4}, .type = {.kind = SHALE_BOOL}},
    {.name = {"i32", 3}, .type = {.kind = SHALE_INT32}},
    {.name = {"i64", 3}, .type = {.kind = SHALE_INT64}},
    {.name = {"f64", 3}, .type = {.kind = SHALE_FLOAT64}},
    {.name = {"i128", 4}, .type = {.kind = SHALE_DECIMAL, .precision = 38, .scale = 2}},
    {.name = {"bytes", 5}, .type = {.kind = SHALE_STRING}},
    {.name = {"part", 4}, .type = {.kind = SHALE_INT32}, .partition_only = true},
    {.name = {"list_bytes", 10},
     .type = {.kind = SHALE_LIST, .members = &element_string, .n_members = 1}},
    {.name = {"list_bool", 9},
     .type = {.kind = SHALE_LIST, .members = &element_bool, .n_members = 1}},
    {.name = {"list_i64", 8},
     .type = {.kind = SHALE_LIST, .members = &element_int64, .n_members = 1}},
};
static const struct shale_schema column_schema = {column_defs, N_COLUMNS};

/* Whether column 'column' of row 'k' is null, how many elements its list has, and which of them are
 * null: what put_row() writes and a test then looks for. */
static inline bool row_is_null(int64_t k, size_t column)
{
    return (k * 7 + (int64_t)column * 3) % 11 == 0;
}

static inline int64_t row_n_elements(int64_t k)
{
    return k % 4;
}

static inline bool element_is_null(int64_t k, int64_t i)
{
    return (k + i) % 5 == 4;
}

/* A text of 0 to 15 bytes; good until the next call. */
static inline struct shale_str row_text(int64_t k)
{
    static char text[32];
    int n = snprintf(text, sizeof(text), "text number %03d", (int)(k % 1000));
    (void)n;
    return (struct shale_str){text, (size_t)(k % 16)};
}

static inline void put_scalar(struct shale_builder *builder, size_t column, int64_t k)
{
    if (column == COLUMN_BOOL || column == COLUMN_LIST_BOOL)
        shale_builder_bool(builder, column, k % 3 == 0);
    else if (column == COLUMN_I32 || column == COLUMN_PARTITION)
        shale_builder_i32(builder, column, (int32_t)k);
    else if (column == COLUMN_I64 || column == COLUMN_LIST_I64)
        shale_builder_i64(builder, column, k << 33);
    else if (column == COLUMN_F64)
        shale_builder_f64(builder, column, (double)k / 4);
    else if (column == COLUMN_I128)
        shale_builder_i128(builder, column, (shale_i128)k << 70);
    else
        shale_builder_bytes(builder, column, row_text(k));
}

/* Row 'k', with nulls in the columns whose bit of 'columns' is not set. */
static inline void put_some_columns(struct shale_builder *builder, int64_t k, unsigned columns)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        if (row_is_null(k, c) || (columns >> c & 1) == 0) {
            shale_builder_null(builder, c);
        } else if (c < COLUMN_LIST_BYTES) {
            put_scalar(builder, c, k);
        } else {
            shale_builder_list_begin(builder, c);
            for (int64_t i = 0; i < row_n_elements(k); i++) {
                if (element_is_null(k, i))
                    shale_builder_null(builder, c);
                else
                    put_scalar(builder, c, k + i);
            }
            shale_builder_list_end(builder, c);
        }
    }
}

static inline void put_columns(struct shale_builder *builder, int64_t k)
{
    put_some_columns(builder, k, UINT_MAX);
}

SHALE_MUST_USE static inline enum shale_status put_row(struct shale_builder *builder, int64_t k)
{
    put_columns(builder, k);
    return shale_builder_row(builder);
}

#endif
