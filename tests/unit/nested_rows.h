/* SPDX-License-Identifier: MIT */
/* For tests of what is done with rows: three nested columns, and what they are as NDJSON. */
#ifndef SHALE_TESTS_NESTED_ROWS_H
#define SHALE_TESTS_NESTED_ROWS_H

#include "columns/column.h"
#include "schema/type.h"

enum { N_NESTED = 3 };

/* Rows: {s: {a: 7, b: ["x", null]}, m: {"k": 1, "l": null}, n: [[5, true]]};
 *       {s: null, m: {}, n: null};  {s: {a: null, b: []}, m: null, n: []} */
static const struct shale_type_member text_member[] = {{{"element", 7}, {.kind = SHALE_STRING}}};
static const struct shale_type_member s_members[] = {
    {{"a", 1}, {.kind = SHALE_INT32}},
    {{"b", 1}, {.kind = SHALE_LIST, .members = text_member, .n_members = 1}},
};
static const struct shale_type_member m_members[] = {{{"key", 3}, {.kind = SHALE_STRING}},
                                                     {{"value", 5}, {.kind = SHALE_INT32}}};
static const struct shale_type_member n_members[] = {{{"key", 3}, {.kind = SHALE_INT32}},
                                                     {{"value", 5}, {.kind = SHALE_BOOL}}};
static const struct shale_column_def nested_defs[] = {
    {.name = {"s", 1}, .type = {.kind = SHALE_STRUCT, .members = s_members, .n_members = 2}},
    {.name = {"m", 1}, .type = {.kind = SHALE_MAP, .members = m_members, .n_members = 2}},
    {.name = {"n", 1}, .type = {.kind = SHALE_MAP, .members = n_members, .n_members = 2}},
};

static const uint8_t rows_0 = 1, rows_01 = 3, rows_02 = 5;
static const int32_t a_values[] = {7, 0, 0}, k_values[] = {1, 0}, n_keys[] = {5};
static const int32_t b_offsets[] = {0, 2, 2, 2}, b_texts[] = {0, 1, 1}, k_texts[] = {0, 1, 2};
static const int32_t m_offsets[] = {0, 2, 2, 2}, n_offsets[] = {0, 1, 1, 1};
static const struct shale_column b_elements = {2, 1, &rows_0, b_texts, "x", NULL, NULL};
static const struct shale_column b_column = {3, 1, &rows_02, b_offsets, NULL, &b_elements, NULL};
static const struct shale_column a_column = {3, 2, &rows_0, NULL, a_values, NULL, &b_column};
static const struct shale_column m_values = {2, 1, &rows_0, NULL, k_values, NULL, NULL};
static const struct shale_column m_keys = {2, 0, NULL, k_texts, "kl", NULL, &m_values};
static const struct shale_column n_values = {1, 0, NULL, NULL, &rows_0, NULL, NULL};
static const struct shale_column n_keys_column = {1, 0, NULL, NULL, n_keys, NULL, &n_values};
static const struct shale_column nested[] = {
    {3, 1, &rows_02, NULL, NULL, &a_column, NULL},
    {3, 1, &rows_01, m_offsets, NULL, &m_keys, NULL},
    {3, 1, &rows_02, n_offsets, NULL, &n_keys_column, NULL},
};

static const char nested_json[] = "{\"s\":{\"a\":7,\"b\":[\"x\",null]},\"m\":{\"k\":1,\"l\":null},"
                                  "\"n\":[{\"key\":5,\"value\":true}]}\n"
                                  "{\"s\":null,\"m\":{},\"n\":null}\n"
                                  "{\"s\":{\"a\":null,\"b\":[]},\"m\":null,\"n\":[]}\n";

#endif
