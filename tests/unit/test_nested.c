/* SPDX-License-Identifier: MIT */
/* columns/builder, columns/batch, columns/gather with types inside types: rows are made from their
 * number, written down as text from the views, and compared with a text made from the number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/buf.h"
#include "columns/builder.h"
#include "columns/gather.h"
#include "scratch.h"

enum { N_ROWS = 2500 };

#define NAMED(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define OF(list) .members = (list), .n_members = sizeof(list) / sizeof((list)[0])

static const struct shale_type_member ints[] = {{NAMED("element"), {.kind = SHALE_INT32}}};
static const struct shale_type_member int_lists[] = {
    {NAMED("element"), {.kind = SHALE_LIST, OF(ints)}}};
static const struct shale_type_member floats[] = {{NAMED("key"), {.kind = SHALE_STRING}},
                                                  {NAMED("value"), {.kind = SHALE_FLOAT32}}};
static const struct shale_type_member inner[] = {{NAMED("s"), {.kind = SHALE_STRING}},
                                                 {NAMED("m"), {.kind = SHALE_MAP, OF(floats)}},
                                                 {NAMED("b"), {.kind = SHALE_BOOL}}};
static const struct shale_type_member inners[] = {
    {NAMED("element"), {.kind = SHALE_STRUCT, OF(inner)}}};
static const struct shale_type_member outer[] = {
    {NAMED("in"), {.kind = SHALE_STRUCT, OF(inner)}},
    {NAMED("list"), {.kind = SHALE_LIST, OF(inners)}},
    {NAMED("d"), {.kind = SHALE_DECIMAL, .precision = 38}}};
static const struct shale_type_member outers[] = {
    {NAMED("key"), {.kind = SHALE_INT64}}, {NAMED("value"), {.kind = SHALE_STRUCT, OF(outer)}}};

static const struct shale_column_def defs[] = {
    {.name = NAMED("id"), .type = {.kind = SHALE_INT64}},
    {.name = NAMED("lists"), .type = {.kind = SHALE_LIST, OF(int_lists)}},
    {.name = NAMED("part"), .type = {.kind = SHALE_STRUCT, OF(inner)}, .partition_only = true},
    {.name = NAMED("struct"), .type = {.kind = SHALE_STRUCT, OF(outer)}},
    {.name = NAMED("map"), .type = {.kind = SHALE_MAP, OF(outers)}},
};
enum { N_DEFS = sizeof(defs) / sizeof(defs[0]), MOST_NODES = 32 };
static const struct shale_schema schema = {defs, N_DEFS};

/* ---- Rows from numbers ------------------------------------------------------------------------
 */

/* A small generator: the same numbers for a row each time. */
static unsigned roll(uint32_t *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % n;
}

static void put(struct shale_builder *builder, size_t column, const struct shale_type *type,
                uint32_t *seed, bool may_be_null);

static void put_many(struct shale_builder *builder, size_t column, const struct shale_type *type,
                     uint32_t *seed)
{
    unsigned n = roll(seed, 4);
    shale_builder_list_begin(builder, column);
    while (n-- > 0)
        for (size_t i = 0; i < type->n_members; i++)
            put(builder, column, &type->members[i].type, seed, type->kind == SHALE_LIST || i == 1);
    shale_builder_list_end(builder, column);
}

static void put(struct shale_builder *builder, size_t column, const struct shale_type *type,
                uint32_t *seed, bool may_be_null)
{
    unsigned value = roll(seed, 1000);
    char text[16];
    if (may_be_null && value % 5 == 0) {
        shale_builder_null(builder, column);
    } else if (type->kind == SHALE_LIST || type->kind == SHALE_MAP) {
        put_many(builder, column, type, seed);
    } else if (type->kind == SHALE_STRUCT) {
        shale_builder_struct_begin(builder, column);
        for (size_t i = 0; i < type->n_members; i++)
            put(builder, column, &type->members[i].type, seed, true);
        shale_builder_struct_end(builder, column);
    } else if (type->kind == SHALE_INT32) {
        shale_builder_i32(builder, column, (int32_t)value);
    } else if (type->kind == SHALE_INT64) {
        shale_builder_i64(builder, column, value);
    } else if (type->kind == SHALE_FLOAT32) {
        shale_builder_f32(builder, column, (float)value);
    } else if (type->kind == SHALE_DECIMAL) {
        shale_builder_i128(builder, column, value);
    } else if (type->kind == SHALE_BOOL) {
        shale_builder_bool(builder, column, value % 2 != 0);
    } else {
        int n = snprintf(text, sizeof(text), "%u", value);
        shale_builder_bytes(builder, column, (struct shale_str){text, (size_t)n});
    }
}

static void put_columns(struct shale_builder *builder, int64_t k)
{
    for (size_t c = 0; c < N_DEFS; c++) {
        uint32_t seed = (uint32_t)k * 31 + (uint32_t)c;
        put(builder, c, &defs[c].type, &seed, true);
    }
}

static struct shale_builder *filled(int64_t n_rows)
{
    struct shale_builder *builder;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
    for (int64_t k = 0; k < n_rows; k++) {
        put_columns(builder, k);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    return builder;
}

/* ---- Texts ------------------------------------------------------------------------------------
 */

static void say(struct shale_buf *out, const char *text)
{
    assert_int_equal(shale_buf_append_str(out, shale_str_of(text)), SHALE_OK);
}

/* What put() puts, as a text. */
static void expect(const struct shale_type *type, uint32_t *seed, bool may_be_null,
                   struct shale_buf *out)
{
    unsigned value = roll(seed, 1000);
    if (may_be_null && value % 5 == 0) {
        say(out, "null,");
    } else if (type->kind == SHALE_LIST || type->kind == SHALE_MAP) {
        unsigned n = roll(seed, 4);
        say(out, "[");
        while (n-- > 0)
            for (size_t i = 0; i < type->n_members; i++)
                expect(&type->members[i].type, seed, type->kind == SHALE_LIST || i == 1, out);
        say(out, "],");
    } else if (type->kind == SHALE_STRUCT) {
        say(out, "{");
        for (size_t i = 0; i < type->n_members; i++)
            expect(&type->members[i].type, seed, true, out);
        say(out, "},");
    } else {
        value = type->kind == SHALE_BOOL ? value % 2 : value;
        assert_int_equal(shale_buf_printf(out, "%u,", value), SHALE_OK);
    }
}

static unsigned value_at(const struct shale_type *type, const struct shale_column *column,
                         int64_t row)
{
    char text[16] = "";
    shale_i128 wide;
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        return shale_bit(column->data, row);
    case SHALE_LAYOUT_I32:
        return (unsigned)((const int32_t *)column->data)[row];
    case SHALE_LAYOUT_I64:
        return (unsigned)((const int64_t *)column->data)[row];
    case SHALE_LAYOUT_F32:
        return (unsigned)((const float *)column->data)[row];
    case SHALE_LAYOUT_I128:
        memcpy(&wide, (const char *)column->data + 16 * row, 16);
        return (unsigned)wide;
    default:
        assert_true(column->offsets[row + 1] - column->offsets[row] < 16);
        memcpy(text, (const char *)column->data + column->offsets[row],
               (size_t)(column->offsets[row + 1] - column->offsets[row]));
        return (unsigned)strtoul(text, NULL, 10);
    }
}

static void see(const struct shale_type *type, const struct shale_column *column, int64_t row,
                struct shale_buf *out)
{
    const struct shale_column *child;
    if (shale_column_is_null(column, row)) {
        say(out, "null,");
        for (child = column->child; type->kind == SHALE_STRUCT && child; child = child->next)
            assert_true(shale_column_is_null(child, row));
    } else if (type->kind == SHALE_LIST || type->kind == SHALE_MAP) {
        say(out, "[");
        for (int32_t e = column->offsets[row]; e < column->offsets[row + 1]; e++) {
            child = column->child;
            for (size_t i = 0; i < type->n_members; i++, child = child->next)
                see(&type->members[i].type, child, e, out);
            assert_null(child);
        }
        say(out, "],");
    } else if (type->kind == SHALE_STRUCT) {
        say(out, "{");
        child = column->child;
        for (size_t i = 0; i < type->n_members; i++, child = child->next)
            see(&type->members[i].type, child, row, out);
        assert_null(child);
        say(out, "},");
    } else {
        assert_int_equal(shale_buf_printf(out, "%u,", value_at(type, column, row)), SHALE_OK);
    }
}

/* Row 'row' of column 'c' must be what put_columns() put for 'k'. */
static void check_value(size_t c, const struct shale_column *column, int64_t row, int64_t k)
{
    struct shale_buf seen, expected;
    uint32_t seed = (uint32_t)k * 31 + (uint32_t)c;
    shale_buf_init(&seen, &shale_mem_libc, SIZE_MAX / 2);
    shale_buf_init(&expected, &shale_mem_libc, SIZE_MAX / 2);
    expect(&defs[c].type, &seed, true, &expected);
    see(&defs[c].type, column, row, &seen);
    if (!shale_str_equal(shale_buf_str(&seen), shale_buf_str(&expected)))
        fail_msg("column %zu of row %d is %.*s, not %.*s", c, (int)k,
                 SHALE_STR_ARG(shale_buf_str(&seen)), SHALE_STR_ARG(shale_buf_str(&expected)));
    shale_buf_fini(&seen);
    shale_buf_fini(&expected);
}

/* All of a batch must be the rows of which 'in' says so, in order. */
static void check_batch(const struct shale_batch *batch, const uint32_t *parts, uint32_t part,
                        int64_t n_rows)
{
    struct shale_column nodes[MOST_NODES];
    for (size_t c = 0, n = 0; c < N_DEFS; c++) {
        int64_t row = 0;
        if (defs[c].partition_only)
            continue;
        assert_true(shale_type_n_nodes(&defs[c].type) <= MOST_NODES);
        shale_batch_column(batch, n++, nodes);
        assert_null(nodes[0].next);
        for (int64_t k = 0; k < n_rows; k++)
            if (parts == NULL || parts[k] == part)
                check_value(c, nodes, row++, k);
        assert_int_equal(nodes[0].n_rows, row);
        for (size_t i = 0; i < shale_type_n_nodes(&defs[c].type); i++) {
            int64_t n_nulls = 0;
            for (int64_t r = 0; r < nodes[i].n_rows; r++)
                n_nulls += shale_column_is_null(&nodes[i], r);
            assert_int_equal(nodes[i].n_nulls, n_nulls);
            assert_int_equal(nodes[i].validity == NULL, n_nulls == 0);
        }
    }
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

static void test_rows_come_back(void **state)
{
    struct shale_builder *builder = filled(N_ROWS);
    struct shale_batch *batch;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    check_batch(batch, NULL, 0, N_ROWS);
    assert_true(shale_batch_n_bytes(batch) >= shale_builder_n_bytes(builder));
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

/* The bytes depend on the rows alone: also when they come from views. */
static void test_a_copy_has_the_same_bytes(void **state)
{
    static const int64_t most[] = {1, 7, N_ROWS};
    (void)state;
    for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
        struct shale_builder *builder = filled(most[i]);
        struct shale_column nodes[N_DEFS][MOST_NODES], columns[N_DEFS];
        struct shale_batch *batch, *copy = NULL;
        enum shale_status status = SHALE_NOMEM;
        assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
        for (size_t c = 0, n = 0; c < N_DEFS; c++) {
            if (defs[c].partition_only)
                continue;
            shale_batch_column(batch, n, nodes[n]);
            columns[n] = nodes[n][0];
            n++;
        }
        for (int fails = 1; status == SHALE_NOMEM; fails++) {
            struct failing_mem failing;
            failing_mem_init(&failing, fails);
            status = shale_batch_copy(&failing.mem, &schema, columns, most[i], &copy);
            assert_true(status == SHALE_OK || copy == NULL);
        }
        assert_int_equal(shale_batch_n_bytes(copy), shale_batch_n_bytes(batch));
        assert_memory_equal(copy, batch, shale_batch_n_bytes(batch));
        shale_batch_free(&shale_mem_libc, copy);
        shale_batch_free(&shale_mem_libc, batch);
        shale_builder_free(builder);
    }
}

static void test_partitions(void **state)
{
    struct shale_builder *builder = filled(N_ROWS);
    struct shale_batch *batches[6];
    uint32_t parts[N_ROWS];
    (void)state;
    for (uint32_t i = 0; i < N_ROWS; i++)
        parts[i] = (i * i) % 5;
    assert_int_equal(shale_builder_split(builder, parts, 6, batches), SHALE_OK);
    for (uint32_t p = 0; p < 6; p++) {
        if (batches[p] != NULL)
            check_batch(batches[p], parts, p, N_ROWS);
        shale_batch_free(&shale_mem_libc, batches[p]);
    }
    shale_builder_free(builder);
}

/* Truncated in the middle of a row at each depth, then filled again: the same bytes. */
static void test_truncate_at_every_depth(void **state)
{
    struct shale_builder *builder = filled(700), *fresh = filled(600);
    struct shale_batch *a, *b;
    uint32_t parts[600] = {0};
    (void)state;
    for (int depth = 0; depth < 4; depth++) {
        shale_builder_list_begin(builder, 4);
        if (depth > 0)
            shale_builder_i64(builder, 4, 1);
        if (depth > 1)
            shale_builder_struct_begin(builder, 4);
        if (depth > 2)
            shale_builder_null(builder, 4);
        shale_builder_truncate(builder, 500 - depth * 100);
        for (int64_t k = 500 - depth * 100; k < 600; k++) {
            put_columns(builder, k);
            assert_int_equal(shale_builder_row(builder), SHALE_OK);
        }
    }
    assert_int_equal(shale_builder_n_bytes(builder), shale_builder_n_bytes(fresh));
    assert_int_equal(shale_builder_split(builder, NULL, 1, &a), SHALE_OK);
    assert_int_equal(shale_builder_split(fresh, parts, 1, &b), SHALE_OK);
    assert_int_equal(shale_batch_n_bytes(a), shale_batch_n_bytes(b));
    assert_memory_equal(a, b, shale_batch_n_bytes(a));
    shale_batch_free(&shale_mem_libc, a);
    shale_batch_free(&shale_mem_libc, b);
    shale_builder_free(builder);
    shale_builder_free(fresh);
}

static void test_reset_in_the_middle(void **state)
{
    struct shale_builder *builder = filled(100);
    struct shale_batch *batch;
    (void)state;
    for (int i = 0; i < 2; i++) {
        shale_builder_struct_begin(builder, 3);
        shale_builder_reset(builder, i == 0 ? SIZE_MAX : 0);
        for (int64_t k = 0; k < 50; k++) {
            put_columns(builder, k);
            assert_int_equal(shale_builder_row(builder), SHALE_OK);
        }
        assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
        check_batch(batch, NULL, 0, 50);
        shale_batch_free(&shale_mem_libc, batch);
    }
    shale_builder_free(builder);
}

static void test_a_part_is_read_back_alone(void **state)
{
    struct shale_builder *builder = filled(300);
    struct shale_batch *batch;
    size_t header_bytes = shale_batch_header_bytes(&schema), end = header_bytes;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    for (size_t c = 0, n = 0; c < N_DEFS; c++) {
        struct shale_column nodes[MOST_NODES];
        size_t at, n_bytes;
        char *header = malloc(header_bytes), *bytes;
        if (defs[c].partition_only) {
            free(header);
            continue;
        }
        assert_non_null(header);
        memcpy(header, batch, header_bytes);
        shale_batch_part(header, n, &at, &n_bytes);
        assert_true(at >= end);
        end = at + n_bytes;
        bytes = malloc(n_bytes);
        assert_non_null(bytes);
        memcpy(bytes, (const char *)batch + at, n_bytes);
        shale_batch_part_column(header, n++, bytes, nodes);
        for (int64_t k = 0; k < 300; k++)
            check_value(c, nodes, k, k);
        free(header);
        free(bytes);
    }
    assert_int_equal(end, shale_batch_n_bytes(batch));
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

/* All columns of three batches of n rows each: batch b has the rows b * n to b * n + n - 1. */
struct three {
    struct shale_batch *batches[3];
    int64_t n;
};

static struct three three_batches(int64_t n)
{
    struct shale_builder *builder = filled(3 * n);
    uint32_t *parts = malloc((size_t)(3 * n) * sizeof(*parts));
    struct three three = {.n = n};
    assert_non_null(parts);
    for (int64_t i = 0; i < 3 * n; i++)
        parts[i] = (uint32_t)(i / n);
    assert_int_equal(shale_builder_split(builder, parts, 3, three.batches), SHALE_OK);
    free(parts);
    shale_builder_free(builder);
    return three;
}

static void free_three(struct three *three)
{
    for (size_t b = 0; b < 3; b++)
        shale_batch_free(&shale_mem_libc, three->batches[b]);
}

/* Column 'c' of the schema, the n-th of a batch, must come in the order asked for. */
static enum shale_status gather_column(const struct shale_mem *mem, const struct three *three,
                                       size_t c, size_t n, const struct shale_row_ref *order,
                                       int64_t n_rows)
{
    struct shale_column nodes[3][MOST_NODES];
    const struct shale_column *columns[3] = {nodes[0], nodes[1], nodes[2]}, *piece;
    struct shale_gather *gather;
    enum shale_status status = shale_gather_new(mem, &defs[c].type, &gather);
    if (status != SHALE_OK)
        return status;
    for (size_t b = 0; b < 3; b++)
        shale_batch_column(three->batches[b], n, nodes[b]);
    for (int again = 0; again < 2 && status == SHALE_OK; again++) {
        int64_t row = 0;
        shale_gather_begin(gather, columns, order, n_rows);
        while ((status = shale_gather_next(gather, &piece)) == SHALE_OK && piece != NULL) {
            assert_true(piece->n_rows <= 4096 && piece->n_rows > 0 && piece->next == NULL);
            for (int64_t i = 0; i < piece->n_rows; i++, row++)
                check_value(c, piece, i, order[row].batch * three->n + order[row].row);
        }
        if (status == SHALE_OK)
            assert_int_equal(row, n_rows);
    }
    shale_gather_free(gather);
    return status;
}

static void test_gather_in_any_order(void **state)
{
    enum { N = 2000, N_ORDER = 3 * N };
    struct three three = three_batches(N);
    struct shale_row_ref *order = malloc(N_ORDER * sizeof(*order));
    (void)state;
    assert_non_null(order);
    for (unsigned way = 0; way < 3; way++) {
        for (uint32_t i = 0, seed = 1; i < N_ORDER; i++) {
            uint32_t k = way == 0 ? i : way == 1 ? N_ORDER - 1 - i : roll(&seed, N_ORDER);
            order[i] = (struct shale_row_ref){k / N, k % N};
        }
        for (size_t c = 0, n = 0; c < N_DEFS; c++)
            if (!defs[c].partition_only)
                assert_int_equal(gather_column(&shale_mem_libc, &three, c, n++, order,
                                               way == 0 ? N_ORDER : N_ORDER - 77),
                                 SHALE_OK);
    }
    free(order);
    free_three(&three);
}

/* Large values: the piece ends early. */
static void test_gather_ends_a_large_piece(void **state)
{
    static const struct shale_column_def text = {.name = NAMED("t"),
                                                 .type = {.kind = SHALE_STRING}};
    static const struct shale_schema one = {&text, 1};
    static char large[100000];
    struct shale_row_ref order[200];
    struct shale_builder *builder;
    struct shale_batch *batch;
    struct shale_gather *gather;
    struct shale_column node;
    const struct shale_column *columns = &node, *piece;
    int64_t n_rows = 0, n_pieces = 0;
    (void)state;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &one, &builder), SHALE_OK);
    for (uint32_t i = 0; i < 200; i++) {
        order[i] = (struct shale_row_ref){0, i};
        shale_builder_bytes(builder, 0, (struct shale_str){large, sizeof(large)});
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    shale_batch_column(batch, 0, &node);
    assert_int_equal(shale_gather_new(&shale_mem_libc, &text.type, &gather), SHALE_OK);
    shale_gather_begin(gather, &columns, order, 200);
    while (shale_gather_next(gather, &piece) == SHALE_OK && piece != NULL) {
        n_rows += piece->n_rows;
        n_pieces++;
    }
    assert_int_equal(n_rows, 200);
    assert_int_equal(n_pieces, 13); /* of 16 rows, each two runs of 8 */
    shale_gather_free(gather);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

static void test_gather_allocations_may_fail(void **state)
{
    struct three three = three_batches(10);
    struct shale_row_ref order[30];
    (void)state;
    for (uint32_t i = 0; i < 30; i++)
        order[i] = (struct shale_row_ref){i % 3, i / 3};
    for (size_t c = 0, n = 0; c < N_DEFS; c++) {
        enum shale_status status = SHALE_NOMEM;
        if (defs[c].partition_only)
            continue;
        for (int fails = 1; status == SHALE_NOMEM; fails++) {
            struct failing_mem failing;
            failing_mem_init(&failing, fails);
            status = gather_column(&failing.mem, &three, c, n, order, 30);
        }
        assert_int_equal(status, SHALE_OK);
        n++;
    }
    free_three(&three);
}

/* Everything that allocates; the first failure comes back, and nothing leaks. */
static enum shale_status whole_way(const struct shale_mem *mem)
{
    struct shale_builder *builder;
    struct shale_batch *batches[3];
    uint32_t parts[40];
    enum shale_status status = shale_builder_new(mem, &schema, &builder);
    if (status != SHALE_OK)
        return status;
    for (int64_t k = 0; k < 40; k++) {
        parts[k] = (uint32_t)k % 3;
        put_columns(builder, k);
        status = shale_builder_row(builder);
    }
    shale_builder_truncate(builder, 40);
    if (status == SHALE_OK)
        status = shale_builder_split(builder, parts, 3, batches);
    for (size_t p = 0; status == SHALE_OK && p < 3; p++)
        shale_batch_free(mem, batches[p]);
    shale_builder_free(builder);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        failing_mem_init(&failing, ++n);
        status = whole_way(&failing.mem);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_a_copy_has_the_same_bytes),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_truncate_at_every_depth),
        cmocka_unit_test(test_reset_in_the_middle),
        cmocka_unit_test(test_a_part_is_read_back_alone),
        cmocka_unit_test(test_gather_in_any_order),
        cmocka_unit_test(test_gather_ends_a_large_piece),
        cmocka_unit_test(test_gather_allocations_may_fail),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
