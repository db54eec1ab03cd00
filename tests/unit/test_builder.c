/* SPDX-License-Identifier: MIT */
/* columns/builder, columns/batch: rows come out as they went in, cut as asked, with the same bytes
 * each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "columns.h"
#include "scratch.h"

enum { N_ROWS = 3000 }; /* more than a vector's first capacity */

static struct shale_builder *new_builder(const struct shale_mem *mem)
{
    struct shale_builder *builder;
    assert_int_equal(shale_builder_new(mem, &column_schema, &builder), SHALE_OK);
    return builder;
}

static struct shale_builder *filled(int64_t n_rows)
{
    struct shale_builder *builder = new_builder(&shale_mem_libc);
    for (int64_t k = 0; k < n_rows; k++)
        assert_int_equal(put_row(builder, k), SHALE_OK);
    assert_int_equal(shale_builder_n_rows(builder), n_rows);
    return builder;
}

/* ---- Looking at values -------------------------------------------------------------------------
 */

static void check_scalar(const struct shale_column *view, int64_t row, size_t column, int64_t k)
{
    struct shale_str text;
    shale_i128 wide;
    assert_false(shale_column_is_null(view, row));
    switch (column) {
    case COLUMN_BOOL:
    case COLUMN_LIST_BOOL:
        assert_int_equal(shale_bit(view->data, row), k % 3 == 0);
        break;
    case COLUMN_I32:
        assert_int_equal(((const int32_t *)view->data)[row], (int32_t)k);
        break;
    case COLUMN_I64:
    case COLUMN_LIST_I64:
        assert_true(((const int64_t *)view->data)[row] == k << 33);
        break;
    case COLUMN_F64:
        assert_true(((const double *)view->data)[row] * 4 == (double)k);
        break;
    case COLUMN_I128:
        memcpy(&wide, (const char *)view->data + 16 * row, 16);
        assert_true(wide == (shale_i128)k << 70);
        break;
    default:
        text = row_text(k);
        assert_int_equal(view->offsets[row + 1] - view->offsets[row], text.n_bytes);
        assert_memory_equal((const char *)view->data + view->offsets[row], text.data, text.n_bytes);
        break;
    }
}

/* Row 'row' of a batch must be the k-th. */
static void check_row(const struct shale_batch *batch, int64_t row, int64_t k)
{
    for (size_t c = 0, n = 0; c < N_COLUMNS; c++) {
        struct shale_column nodes[2], view, child;
        if (c == COLUMN_PARTITION)
            continue;
        shale_batch_column(batch, n++, nodes);
        view = nodes[0];
        child = nodes[1];
        assert_int_equal(shale_column_is_null(&view, row), row_is_null(k, c));
        if (c < COLUMN_LIST_BYTES) {
            if (!row_is_null(k, c))
                check_scalar(&view, row, c, k);
            continue;
        }
        assert_ptr_equal(view.child, &nodes[1]);
        assert_int_equal(view.offsets[row + 1] - view.offsets[row],
                         row_is_null(k, c) ? 0 : row_n_elements(k));
        for (int64_t i = 0; i < view.offsets[row + 1] - view.offsets[row]; i++) {
            if (element_is_null(k, i))
                assert_true(shale_column_is_null(&child, view.offsets[row] + i));
            else
                check_scalar(&child, view.offsets[row] + i, c, k + i);
        }
    }
}

static void check_counts(const struct shale_batch *batch)
{
    for (size_t c = 0; c < N_COLUMNS - 1; c++) {
        struct shale_column nodes[2], view;
        int64_t n_nulls = 0;
        shale_batch_column(batch, c, nodes);
        view = nodes[0];
        assert_int_equal(view.n_rows, shale_batch_n_rows(batch));
        for (int64_t i = 0; i < view.n_rows; i++)
            n_nulls += shale_column_is_null(&view, i);
        assert_int_equal(view.n_nulls, n_nulls);
        assert_int_equal(view.n_nulls == 0, view.validity == NULL);
        assert_int_equal((uintptr_t)view.data % 8, 0);
        assert_int_equal((uintptr_t)view.offsets % 8, 0);
    }
}

/* ---- Tests
 * --------------------------------------------------------------------------------------- */

static void test_one_batch_holds_the_rows(void **state)
{
    struct shale_builder *builder = filled(N_ROWS);
    struct shale_batch *batch;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    assert_int_equal(shale_batch_n_rows(batch), N_ROWS);
    for (int64_t k = 0; k < N_ROWS; k++)
        check_row(batch, k, k);
    check_counts(batch);
    assert_true(shale_batch_n_bytes(batch) >= shale_builder_n_bytes(builder));
    assert_true(shale_batch_n_bytes(batch) < shale_builder_n_bytes(builder) + 16 * 6 * N_COLUMNS +
                                                 shale_batch_header_bytes(&column_schema));
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

static void test_partitions_keep_the_order(void **state)
{
    struct shale_builder *builder = filled(N_ROWS);
    struct shale_batch *batches[7];
    uint32_t parts[N_ROWS];
    (void)state;
    for (uint32_t i = 0; i < N_ROWS; i++) /* partition 3 gets none */
        parts[i] = (i * i) % 7 == 3 ? 0 : (i * i) % 7;
    assert_int_equal(shale_builder_split(builder, parts, 7, batches), SHALE_OK);
    assert_null(batches[3]);
    for (uint32_t p = 0; p < 7; p++) {
        int64_t row = 0;
        for (int64_t k = 0; k < N_ROWS; k++)
            if (parts[k] == p)
                check_row(batches[p], row++, k);
        assert_int_equal(batches[p] == NULL ? 0 : shale_batch_n_rows(batches[p]), row);
        if (batches[p] != NULL)
            check_counts(batches[p]);
        shale_batch_free(&shale_mem_libc, batches[p]);
    }
    shale_builder_free(builder);
}

/* The same rows, gathered or copied, in a new or a used builder, give the same bytes. */
static void test_bytes_depend_on_the_rows_alone(void **state)
{
    struct shale_builder *one = filled(N_ROWS), *two = filled(N_ROWS);
    struct shale_batch *a, *b;
    uint32_t parts[N_ROWS] = {0};
    (void)state;
    shale_builder_truncate(two, 5);
    shale_builder_reset(two, SIZE_MAX);
    for (int64_t k = 0; k < 100; k++)
        assert_int_equal(put_row(two, k), SHALE_OK);
    shale_builder_truncate(one, 100);
    assert_int_equal(shale_builder_split(one, NULL, 1, &a), SHALE_OK);
    assert_int_equal(shale_builder_split(two, parts, 1, &b), SHALE_OK);
    assert_int_equal(shale_builder_n_bytes(one), shale_builder_n_bytes(two));
    assert_int_equal(shale_batch_n_bytes(a), shale_batch_n_bytes(b));
    assert_memory_equal(a, b, shale_batch_n_bytes(a));
    shale_batch_free(&shale_mem_libc, a);
    shale_batch_free(&shale_mem_libc, b);
    shale_builder_free(one);
    shale_builder_free(two);
}

static void test_truncate_forgets_rows_and_half_a_row(void **state)
{
    struct shale_builder *builder = filled(2000);
    struct shale_batch *batch;
    (void)state;
    shale_builder_list_begin(builder, COLUMN_LIST_I64);
    shale_builder_i64(builder, COLUMN_LIST_I64, 1);
    shale_builder_bool(builder, COLUMN_BOOL, true);
    shale_builder_truncate(builder, 1021);
    for (int64_t k = 1021; k < 1500; k++)
        assert_int_equal(put_row(builder, k), SHALE_OK);
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    assert_int_equal(shale_batch_n_rows(batch), 1500);
    for (int64_t k = 0; k < 1500; k++)
        check_row(batch, k, k);
    check_counts(batch);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

static void test_a_column_is_read_back_alone(void **state)
{
    struct shale_builder *builder = filled(500);
    struct shale_batch *batch;
    size_t header_bytes = shale_batch_header_bytes(&column_schema), end = header_bytes;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    for (size_t c = 0; c < N_COLUMNS - 1; c++) {
        struct shale_column whole[2], part[2];
        size_t at, n_bytes;
        void *header = malloc(header_bytes), *bytes;
        assert_non_null(header);
        memcpy(header, batch, header_bytes);
        shale_batch_part(header, c, &at, &n_bytes);
        assert_true(at >= end);
        end = at + n_bytes;
        assert_true(end <= shale_batch_n_bytes(batch));
        bytes = malloc(n_bytes);
        assert_non_null(bytes);
        memcpy(bytes, (const char *)batch + at, n_bytes);
        shale_batch_column(batch, c, whole);
        shale_batch_part_column(header, c, bytes, part);
        assert_int_equal(part->n_rows, 500);
        assert_int_equal(part->n_nulls, whole->n_nulls);
        if (whole->offsets != NULL)
            assert_memory_equal(part->offsets, whole->offsets, 501 * sizeof(int32_t));
        if (whole->child != NULL)
            assert_int_equal(part->child->n_rows, whole->child->n_rows);
        free(header);
        free(bytes);
    }
    assert_int_equal(end, shale_batch_n_bytes(batch));
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

/* What rows have is the sum of their parts', wherever they are cut. */
static void test_sizes_add_up(void **state)
{
    struct shale_builder *builder = filled(500);
    struct shale_batch *batch;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    for (size_t c = 0, n = 0; c < N_COLUMNS; c++) {
        const struct shale_type *type = &column_schema.columns[c].type;
        struct shale_column nodes[2];
        uint64_t whole, width = shale_layout_width(shale_type_layout(type));
        if (c == COLUMN_PARTITION)
            continue;
        shale_batch_column(batch, n++, nodes);
        whole = shale_column_size(type, nodes, 0, 500);
        for (int64_t at = 0; at <= 500; at += 7)
            assert_int_equal(shale_column_size(type, nodes, 0, at) +
                                 shale_column_size(type, nodes, at, 500 - at),
                             whole);
        if (width > 0)
            assert_int_equal(whole, 500 * width);
        if (shale_type_layout(type) == SHALE_LAYOUT_BYTES)
            assert_int_equal(whole, 500 * 4 + nodes->offsets[500]);
        if (c == COLUMN_LIST_I64)
            assert_int_equal(whole, 500 * 4 + nodes->offsets[500] * 8);
    }
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

static void test_add_moves_numbers_and_not_nulls(void **state)
{
    struct shale_builder *builder = filled(100);
    struct shale_batch *batch;
    struct shale_column view;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    assert_int_equal(shale_batch_add(batch, COLUMN_I32, 1000), SHALE_OK);
    assert_int_equal(shale_batch_add(batch, COLUMN_I64, -1), SHALE_OK);
    shale_batch_column(batch, COLUMN_I32, &view);
    for (int64_t k = 0; k < 100; k++)
        assert_int_equal(((const int32_t *)view.data)[k],
                         row_is_null(k, COLUMN_I32) ? 0 : k + 1000);
    shale_batch_column(batch, COLUMN_I64, &view);
    for (int64_t k = 0; k < 100; k++)
        assert_true(((const int64_t *)view.data)[k] ==
                    (row_is_null(k, COLUMN_I64) ? 0 : (k << 33) - 1));
    assert_int_equal(shale_batch_add(batch, COLUMN_I32, INT32_MAX), SHALE_LIMIT);
    assert_int_equal(shale_batch_add(batch, COLUMN_I64, INT64_MAX), SHALE_LIMIT);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

static void test_add_moves_one_row(void **state)
{
    struct shale_builder *builder = filled(20);
    struct shale_batch *batch;
    struct shale_column before, after;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    shale_builder_column(builder, COLUMN_I64, &before);
    for (int64_t i = 0; i < 20; i += 3)
        assert_int_equal(shale_batch_add_at(batch, COLUMN_I64, i, 5), SHALE_OK);
    shale_batch_column(batch, COLUMN_I64, &after);
    for (int64_t i = 0; i < 20; i++)
        if (!row_is_null(i, COLUMN_I64))
            assert_true(((const int64_t *)after.data)[i] ==
                        ((const int64_t *)before.data)[i] + (i % 3 == 0 ? 5 : 0));
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
}

/* Some rows of a batch are the same bytes as if only they had been split. */
static void test_select_is_a_split_of_fewer_rows(void **state)
{
    struct shale_builder *builder = filled(N_ROWS);
    static uint32_t parts[N_ROWS];
    static int32_t rows[N_ROWS];
    struct shale_batch *all, *batches[2], *some;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &all), SHALE_OK);
    for (uint64_t seed = 1; seed < 9; seed++) {
        uint64_t random = seed;
        int64_t n = 0;
        for (int32_t i = 0; i < N_ROWS; i++) {
            parts[i] = (scratch_random(&random) >> 33) % seed == 0 ? 0 : 1;
            if (parts[i] == 0)
                rows[n++] = i;
        }
        assert_int_equal(shale_builder_split(builder, parts, 2, batches), SHALE_OK);
        assert_int_equal(shale_batch_select(&shale_mem_libc, &column_schema, all, rows, n, &some),
                         SHALE_OK);
        assert_int_equal(shale_batch_n_bytes(some), shale_batch_n_bytes(batches[0]));
        assert_memory_equal(some, batches[0], shale_batch_n_bytes(some));
        shale_batch_free(&shale_mem_libc, some);
        shale_batch_free(&shale_mem_libc, batches[0]);
        shale_batch_free(&shale_mem_libc, batches[1]);
    }
    shale_batch_free(&shale_mem_libc, all);
    shale_builder_free(builder);
}

static void test_no_rows_give_no_batch(void **state)
{
    struct shale_builder *builder = new_builder(&shale_mem_libc);
    struct shale_batch *batch = NULL;
    struct shale_column view;
    (void)state;
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    assert_null(batch);
    shale_builder_column(builder, COLUMN_BYTES, &view);
    assert_int_equal(view.n_rows, 0);
    assert_int_equal(view.offsets[0], 0);
    shale_builder_free(builder);
}

static void test_a_failure_is_kept_until_reset(void **state)
{
    struct failing_mem failing;
    struct shale_builder *builder;
    (void)state;
    failing_mem_init(&failing, 5);
    builder = new_builder(&failing.mem);
    assert_int_equal(put_row(builder, 1), SHALE_NOMEM);
    assert_int_equal(shale_builder_row(builder), SHALE_NOMEM);
    shale_builder_reset(builder, 0);
    for (int64_t k = 0; k < 1100; k++)
        assert_int_equal(put_row(builder, k), SHALE_OK);
    shale_builder_free(builder);
}

/* Everything that allocates; the first failure comes back, and nothing leaks. */
static enum shale_status whole_way(const struct shale_mem *mem)
{
    struct shale_builder *builder;
    struct shale_batch *batches[3];
    uint32_t parts[1500];
    enum shale_status status = shale_builder_new(mem, &column_schema, &builder);
    if (status != SHALE_OK)
        return status;
    for (int64_t k = 0; k < 1500; k++) {
        parts[k] = (uint32_t)k % 3;
        put_columns(builder, k);
        status = shale_builder_row(builder);
    }
    if (status == SHALE_OK)
        status = shale_builder_split(builder, parts, 3, batches);
    if (status == SHALE_OK) {
        const int32_t rows[] = {1, 2, 77};
        struct shale_batch *some;
        status = shale_batch_select(mem, &column_schema, batches[0], rows, 3, &some);
        shale_batch_free(mem, some);
        for (size_t p = 0; p < 3; p++)
            shale_batch_free(mem, batches[p]);
    }
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
    assert_true(n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_batch_holds_the_rows),
        cmocka_unit_test(test_partitions_keep_the_order),
        cmocka_unit_test(test_bytes_depend_on_the_rows_alone),
        cmocka_unit_test(test_truncate_forgets_rows_and_half_a_row),
        cmocka_unit_test(test_a_column_is_read_back_alone),
        cmocka_unit_test(test_sizes_add_up),
        cmocka_unit_test(test_add_moves_numbers_and_not_nulls),
        cmocka_unit_test(test_add_moves_one_row),
        cmocka_unit_test(test_select_is_a_split_of_fewer_rows),
        cmocka_unit_test(test_no_rows_give_no_batch),
        cmocka_unit_test(test_a_failure_is_kept_until_reset),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
