/* SPDX-License-Identifier: MIT */
/* parquet/leaf: the widths of decimals, at every precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "parquet/leaf.h"

/* LogicalTypes.md, "DECIMAL": floor(log10(2^(8n - 1) - 1)) digits fit n bytes. */
static size_t width_by_formula(int precision)
{
    size_t n = 1;
    while ((int)floor((double)(8 * n - 1) * log10(2.0)) < precision)
        n++;
    return n;
}

static void test_decimals_take_the_least_bytes(void **state)
{
    (void)state;
    for (uint8_t precision = 1; precision <= 38; precision++) {
        const struct shale_type type = {.kind = SHALE_DECIMAL, .precision = precision};
        const struct shale_leaf leaf = shale_leaf_of(&type);
        if (precision <= 9)
            assert_int_equal(leaf.physical, SHALE_PHYSICAL_INT32);
        else if (precision <= 18)
            assert_int_equal(leaf.physical, SHALE_PHYSICAL_INT64);
        else
            assert_int_equal(leaf.physical, SHALE_PHYSICAL_FIXED);
        if (precision > 18)
            assert_int_equal(leaf.width, width_by_formula(precision));
    }
}

static void test_a_list_is_stored_as_its_elements(void **state)
{
    const struct shale_type_member element = {{"element", 7}, {.kind = SHALE_DATE}};
    const struct shale_type list = {.kind = SHALE_LIST, .members = &element, .n_members = 1};
    const struct shale_leaf leaf = shale_leaf_of(&list);
    (void)state;
    assert_int_equal(leaf.n_steps, 1);
    assert_true(leaf.steps[0].is_list);
    assert_int_equal(leaf.layout, SHALE_LAYOUT_I32);
    assert_int_equal(leaf.logical, SHALE_LOGICAL_DATE);
    assert_int_equal(leaf.max_definition, 3);
    assert_int_equal(leaf.max_repetition, 1);
}

/* struct{a int, m map<string, list<struct{b date}>>}: three leaves and their levels. */
static void test_leaves_of_a_nested_type(void **state)
{
    const struct shale_type_member b = {SHALE_STR("b"), {.kind = SHALE_DATE}};
    const struct shale_type_member element = {
        SHALE_STR("element"), {.kind = SHALE_STRUCT, .members = &b, .n_members = 1}};
    const struct shale_type_member entry[] = {
        {SHALE_STR("key"), {.kind = SHALE_STRING}},
        {SHALE_STR("value"), {.kind = SHALE_LIST, .members = &element, .n_members = 1}}};
    const struct shale_type_member members[] = {
        {SHALE_STR("a"), {.kind = SHALE_INT32}},
        {SHALE_STR("m"), {.kind = SHALE_MAP, .members = entry, .n_members = 2}}};
    const struct shale_column_def defs[] = {
        {.name = SHALE_STR("p"), .type = {.kind = SHALE_INT32}, .partition_only = true},
        {.name = SHALE_STR("i"), .type = {.kind = SHALE_INT8}},
        {.name = SHALE_STR("s"),
         .type = {.kind = SHALE_STRUCT, .members = members, .n_members = 2}}};
    const struct shale_schema schema = {defs, 3};
    static const struct {
        unsigned definition, repetition;
        bool nullable;
        enum shale_physical physical;
    } expected[] = {{1, 0, true, SHALE_PHYSICAL_INT32},
                    {2, 0, true, SHALE_PHYSICAL_INT32},
                    {3, 1, false, SHALE_PHYSICAL_BYTE_ARRAY},
                    {7, 2, true, SHALE_PHYSICAL_INT32}};
    (void)state;
    assert_int_equal(shale_leaf_count(&schema), 4);
    assert_int_equal(shale_leaf_n_columns(&schema), 2);
    for (size_t i = 0; i < 4; i++) {
        struct shale_leaf leaf;
        size_t column;
        shale_leaf_find(&schema, i, &column, &leaf);
        assert_int_equal(column, i > 0);
        assert_int_equal(leaf.max_definition, expected[i].definition);
        assert_int_equal(leaf.max_repetition, expected[i].repetition);
        assert_int_equal(leaf.nullable, expected[i].nullable);
        assert_int_equal(leaf.physical, expected[i].physical);
        assert_int_equal(shale_leaf_next(&leaf), i == 1 || i == 2);
    }
}

static void test_uuids_times_and_their_annotation(void **state)
{
    struct shale_type type = {.kind = SHALE_UUID, .annotate = true};
    struct shale_leaf leaf = shale_leaf_of(&type);
    (void)state;
    assert_int_equal(leaf.physical, SHALE_PHYSICAL_FIXED);
    assert_int_equal(leaf.width, 16);
    assert_int_equal(leaf.logical, SHALE_LOGICAL_UUID);
    assert_false(leaf.is_text);
    type.annotate = false;
    leaf = shale_leaf_of(&type);
    assert_int_equal(leaf.physical, SHALE_PHYSICAL_BYTE_ARRAY);
    assert_int_equal(leaf.logical, SHALE_LOGICAL_STRING);
    assert_true(leaf.is_text);
    type = (struct shale_type){.kind = SHALE_TIME, .unit = SHALE_US};
    leaf = shale_leaf_of(&type);
    assert_int_equal(leaf.physical, SHALE_PHYSICAL_INT64);
    assert_int_equal(leaf.logical, SHALE_LOGICAL_TIME);
    assert_int_equal(leaf.converted, SHALE_CONVERTED_TIME_MICROS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_take_the_least_bytes),
        cmocka_unit_test(test_a_list_is_stored_as_its_elements),
        cmocka_unit_test(test_leaves_of_a_nested_type),
        cmocka_unit_test(test_uuids_times_and_their_annotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
