/* SPDX-License-Identifier: MIT */
/* parquet/levels: levels of random columns of random types against those found row by row, value by
 * value, as the format's description has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "parquet/levels.h"
#include "parquet/rle.h"
#include "scratch.h"

enum { MOST_NODES = 4000, MOST_LEVELS = 1 << 20 };

static uint64_t state_of_random;

static uint32_t random_below(uint32_t n)
{
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33) % n;
}

/* ---- Random types and columns ------------------------------------------------------------------
 */

struct made {
    void *blocks[MOST_NODES];
    size_t n;
};

static void *make(struct made *made, size_t n_bytes)
{
    void *block = calloc(1, n_bytes + 1);
    assert_non_null(block);
    assert_true(made->n < MOST_NODES);
    made->blocks[made->n++] = block;
    return block;
}

static void unmake(struct made *made)
{
    while (made->n > 0)
        free(made->blocks[--made->n]);
}

static struct shale_type random_type(struct made *made, unsigned depth)
{
    static const enum shale_kind kinds[] = {SHALE_INT64, SHALE_LIST, SHALE_MAP, SHALE_STRUCT};
    struct shale_type type = {.kind = depth == 0 ? SHALE_INT64 : kinds[random_below(4)]};
    struct shale_type_member *members;
    if (type.kind == SHALE_INT64)
        return type;
    type.n_members = type.kind == SHALE_LIST ? 1 : type.kind == SHALE_MAP ? 2 : 1 + random_below(3);
    type.members = members = make(made, type.n_members * sizeof(*members));
    for (size_t i = 0; i < type.n_members; i++)
        members[i].type = random_type(made, depth - 1);
    return type;
}

/* 'is_key': never null.  What a null list spans, and a null struct's members hold, is left to
 * chance. */
static struct shale_column *random_column(struct made *made, const struct shale_type *type,
                                          int64_t n_rows, bool is_key)
{
    struct shale_column *column = make(made, sizeof(*column));
    bool is_list = type->kind == SHALE_LIST || type->kind == SHALE_MAP;
    uint8_t *validity = make(made, (size_t)n_rows / 8 + 1);
    int32_t *offsets = make(made, ((size_t)n_rows + 1) * sizeof(*offsets));
    uint32_t null_in = is_key || random_below(3) == 0 ? 0 : 1 + random_below(6);
    int64_t n_children = n_rows;
    const struct shale_column **next = &column->child;
    column->n_rows = n_rows;
    for (int64_t i = 0; i < n_rows; i++) {
        bool null = null_in > 0 && random_below(null_in) == 0;
        uint32_t length = random_below(8) == 0 ? 20 : random_below(3);
        validity[i / 8] |= (uint8_t)(!null << (i % 8));
        column->n_nulls += null;
        if (null && random_below(4) > 0) /* what a null list spans means nothing */
            length = 0;
        offsets[i + 1] = offsets[i] + (int32_t)length;
    }
    if (column->n_nulls > 0)
        column->validity = validity;
    if (is_list) {
        column->offsets = offsets;
        n_children = offsets[n_rows];
    }
    for (size_t i = 0; i < type->n_members; i++) {
        struct shale_column *child = random_column(made, &type->members[i].type, n_children,
                                                   type->kind == SHALE_MAP && i == 0);
        *next = child;
        next = &child->next;
    }
    return column;
}

/* ---- Levels one by one -------------------------------------------------------------------------
 */

struct expected {
    const struct shale_leaf *leaf;
    uint8_t *definition, *repetition;
    int64_t *rows; /* of the leaf's column, those that are reached */
    size_t n, n_rows;
};

static void emit(struct expected *expected, unsigned definition, unsigned repetition)
{
    assert_true(expected->n < MOST_LEVELS);
    expected->definition[expected->n] = (uint8_t)definition;
    expected->repetition[expected->n++] = (uint8_t)repetition;
}

/* The row of the column that the first 'step' steps lead to. */
static void walk(struct expected *expected, const struct shale_column *column, size_t step,
                 int64_t row, unsigned definition, unsigned repetition, unsigned depth)
{
    const struct shale_leaf *leaf = expected->leaf;
    bool nullable = step == leaf->n_steps ? leaf->nullable : leaf->steps[step].nullable;
    if (step == leaf->n_steps)
        expected->rows[expected->n_rows++] = row;
    if (nullable && shale_column_is_null(column, row)) {
        emit(expected, definition, repetition);
        return;
    }
    definition += nullable;
    if (step == leaf->n_steps) {
        emit(expected, definition, repetition);
    } else if (!leaf->steps[step].is_list) {
        walk(expected, shale_levels_child(column, &leaf->steps[step]), step + 1, row, definition,
             repetition, depth);
    } else if (column->offsets[row] == column->offsets[row + 1]) {
        emit(expected, definition, repetition);
    } else {
        for (int64_t i = column->offsets[row]; i < column->offsets[row + 1]; i++)
            walk(expected, shale_levels_child(column, &leaf->steps[step]), step + 1, i,
                 definition + 1, i == column->offsets[row] ? repetition : depth + 1, depth + 1);
    }
}

static void check_rows(const struct shale_levels *levels, const struct expected *expected,
                       size_t from)
{
    const struct shale_levels_run *run = (const void *)levels->runs.data;
    size_t n_runs = levels->runs.n_bytes / sizeof(*run), at = from;
    for (; n_runs > 0; n_runs--, run++)
        for (int64_t i = 0; i < run->n; i++)
            assert_int_equal(run->first + i, expected->rows[at++]);
    assert_int_equal(at, expected->n_rows);
}

static void check_leaf(const struct shale_leaf *leaf, const struct shale_column *column,
                       struct expected *expected)
{
    struct shale_levels levels;
    int64_t n;
    expected->leaf = leaf;
    expected->n = expected->n_rows = 0;
    shale_levels_init(&levels, &shale_mem_libc);
    for (int64_t row = 0; row < column->n_rows; row += n) {
        const struct shale_column *values;
        size_t before = expected->n_rows;
        n = 1 + random_below(40);
        if (n > column->n_rows - row)
            n = column->n_rows - row;
        for (int64_t i = row; i < row + n; i++)
            walk(expected, column, 0, i, 0, 0, 0);
        assert_int_equal(shale_levels_append(&levels, leaf, column, row, n, &values), SHALE_OK);
        check_rows(&levels, expected, before);
    }
    assert_int_equal(shale_levels_n(&levels), expected->n);
    assert_memory_equal(levels.definition.data, expected->definition, expected->n);
    if (leaf->max_repetition > 0)
        assert_memory_equal(levels.repetition.data, expected->repetition, expected->n);
    else
        assert_int_equal(levels.repetition.n_bytes, 0);
    shale_levels_fini(&levels);
}

static void test_random_columns(void **state)
{
    struct expected expected = {.definition = malloc(MOST_LEVELS),
                                .repetition = malloc(MOST_LEVELS),
                                .rows = malloc(MOST_LEVELS * sizeof(int64_t))};
    size_t n_leaves = 0, n_deep = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct made made = {.n = 0};
        struct shale_column_def def = {.name = SHALE_STR("c")};
        struct shale_leaf leaf;
        const struct shale_column *column;
        state_of_random = seed;
        def.type = random_type(&made, (unsigned)(seed % 5));
        column = random_column(&made, &def.type, 1 + random_below(100), false);
        shale_leaf_first(&def, &leaf);
        do {
            check_leaf(&leaf, column, &expected);
            n_leaves++;
            n_deep += leaf.max_repetition > 1;
        } while (shale_leaf_next(&leaf));
        unmake(&made);
    }
    assert_true(n_leaves > 1000 && n_deep > 300);
    free(expected.definition);
    free(expected.repetition);
    free(expected.rows);
}

/* Levels of one kind are one run, as the general encoder has it. */
static void test_one_level_is_one_run(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        struct shale_buf levels, one, other;
        shale_buf_init(&levels, &shale_mem_libc, 1 << 20);
        shale_buf_init(&one, &shale_mem_libc, 1 << 20);
        shale_buf_init(&other, &shale_mem_libc, 1 << 20);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(shale_buf_append_byte(&levels, 3), SHALE_OK);
        assert_int_equal(shale_levels_encode(&levels, 3, false, &one), SHALE_OK);
        assert_int_equal(shale_rle_levels(&other, (const uint8_t *)levels.data, n, 2), SHALE_OK);
        assert_int_equal(one.n_bytes, other.n_bytes);
        if (one.n_bytes > 0)
            assert_memory_equal(one.data, other.data, one.n_bytes);
        shale_buf_fini(&levels);
        shale_buf_fini(&one);
        shale_buf_fini(&other);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    struct made made = {.n = 0};
    const struct shale_type_member element = {SHALE_STR("element"), {.kind = SHALE_INT64}};
    const struct shale_type_member list = {
        SHALE_STR("element"), {.kind = SHALE_LIST, .members = &element, .n_members = 1}};
    const struct shale_column_def def = {
        .name = SHALE_STR("c"), .type = {.kind = SHALE_LIST, .members = &list, .n_members = 1}};
    enum shale_status status = SHALE_NOMEM;
    const struct shale_column *column, *values;
    struct shale_leaf leaf;
    int n = 0;
    (void)state;
    state_of_random = 7;
    column = random_column(&made, &def.type, 2000, false);
    shale_leaf_first(&def, &leaf);
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        struct shale_levels levels;
        failing_mem_init(&failing, ++n);
        shale_levels_init(&levels, &failing.mem);
        status = shale_levels_append(&levels, &leaf, column, 0, 2000, &values);
        shale_levels_fini(&levels);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 6);
    unmake(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_columns),
        cmocka_unit_test(test_one_level_is_one_run),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
