/* SPDX-License-Identifier: MIT */
/* columns/order: stable, for each way in which values lie in memory; nulls and NaN last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "base/checked.h"
#include "columns/order.h"
#include "scratch.h"

enum { N_ROWS = 3000, N_BATCHES = 3 };

static uint64_t mix(uint64_t k)
{
    k = (k + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return k ^ k >> 29;
}

/* Row k of the test; the batches hold 1,000 each. */
struct rows {
    struct shale_column columns[N_BATCHES];
    const struct shale_column *pointers[N_BATCHES];
    struct shale_row_ref order[N_ROWS];
    uint8_t validity[N_BATCHES][128];
    int32_t offsets[N_BATCHES][1001];
    _Alignas(16) char data[N_BATCHES][16000];
};

static struct rows rows;

static void begin(bool nulls)
{
    memset(&rows, 0, sizeof(rows));
    for (size_t b = 0; b < N_BATCHES; b++) {
        rows.columns[b] = (struct shale_column){.n_rows = 1000, .data = rows.data[b]};
        rows.columns[b].offsets = rows.offsets[b];
        rows.pointers[b] = &rows.columns[b];
        for (size_t i = 0; i < 1000; i++) {
            if (!nulls || mix(b * 7919 + i) % 9 != 0)
                rows.validity[b][i / 8] |= (uint8_t)(1u << (i % 8));
            rows.order[b * 1000 + i] = (struct shale_row_ref){(uint32_t)b, (uint32_t)i};
        }
        if (nulls)
            rows.columns[b].validity = rows.validity[b];
    }
}

static bool is_null(struct shale_row_ref row)
{
    return shale_column_is_null(rows.pointers[row.batch], row.row);
}

/* What the bytes of a row are, as a number that is ordered as the values are. */
typedef shale_i128 (*number_fn)(struct shale_row_ref row);

static void sort(const struct shale_type *type, bool *nan)
{
    *nan = false;
    assert_int_equal(shale_order_by(&shale_mem_libc, type, rows.pointers, rows.order, N_ROWS, nan),
                     SHALE_OK);
}

static void check(number_fn number)
{
    for (size_t i = 1; i < N_ROWS; i++) {
        struct shale_row_ref a = rows.order[i - 1], b = rows.order[i];
        bool in_order = a.batch < b.batch || (a.batch == b.batch && a.row < b.row);
        if (is_null(a)) {
            assert_true(is_null(b) && in_order);
            continue;
        }
        if (is_null(b))
            continue;
        assert_true(number(a) <= number(b));
        if (number(a) == number(b))
            assert_true(in_order);
    }
}

#define NUMBER(name, type)                                                                         \
    static shale_i128 name(struct shale_row_ref row)                                               \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, rows.data[row.batch] + row.row * sizeof(value), sizeof(value));             \
        return (shale_i128)value;                                                                  \
    }
NUMBER(i32_of, int32_t)
NUMBER(u32_of, uint32_t)
NUMBER(i64_of, int64_t)
NUMBER(u64_of, uint64_t)
NUMBER(i128_of, shale_i128)

static shale_i128 bit_of(struct shale_row_ref row)
{
    return shale_bit((const uint8_t *)rows.data[row.batch], row.row);
}

/* NaN above all; halves are told apart. */
static shale_i128 f64_of(struct shale_row_ref row)
{
    double value;
    memcpy(&value, rows.data[row.batch] + row.row * sizeof(value), sizeof(value));
    return isnan(value) ? (shale_i128)1 << 100 : (shale_i128)(value * 2);
}

static shale_i128 sixteen_of(struct shale_row_ref row)
{
    const unsigned char *at = (const unsigned char *)rows.data[row.batch] + row.row * 16;
    shale_u128 value = 0;
    for (size_t i = 0; i < 16; i++)
        value = value << 8 | at[i];
    return (shale_i128)(value >> 1);
}

/* The first byte counts, then the length. */
static shale_i128 text_of(struct shale_row_ref row)
{
    const int32_t *offsets = rows.offsets[row.batch];
    int32_t n = offsets[row.row + 1] - offsets[row.row];
    return n == 0 ? 0 : (unsigned char)rows.data[row.batch][offsets[row.row]] * 16 + n;
}

static void test_numbers(void **state)
{
    static const struct {
        struct shale_type type;
        size_t width;
        number_fn number;
    } cases[] = {
        {{.kind = SHALE_INT32}, 4, i32_of},
        {{.kind = SHALE_UINT32}, 4, u32_of},
        {{.kind = SHALE_INT64}, 8, i64_of},
        {{.kind = SHALE_UINT64}, 8, u64_of},
        {{.kind = SHALE_DECIMAL, .precision = 38}, 16, i128_of},
        {{.kind = SHALE_UUID, .annotate = true}, 16, sixteen_of},
        {{.kind = SHALE_BOOL}, 0, bit_of},
    };
    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (int nulls = 0; nulls < 2; nulls++) {
            bool nan;
            begin(nulls != 0);
            for (size_t i = 0; i < N_BATCHES * 16000; i++)
                rows.data[i / 16000][i % 16000] =
                    (char)(cases[c].width == 16 && i % 2 == 0 ? 0 : mix(i + c));
            for (size_t i = 0; cases[c].width == 8 && i < N_ROWS; i += 3) /* equal ones */
                memset(rows.data[i / 1000] + i % 1000 * 8, (int)(i % 2), 8);
            sort(&cases[c].type, &nan);
            check(cases[c].number);
            assert_false(nan);
        }
    }
}

static void test_floats(void **state)
{
    const struct shale_type type = {.kind = SHALE_FLOAT64};
    (void)state;
    for (size_t nans = 0; nans < 2; nans++) {
        bool nan;
        begin(true);
        for (size_t i = 0; i < N_ROWS; i++) {
            double value = (double)(int64_t)(mix(i) % 400) / 2 - 100;
            if (nans > 0 && i % 50 == 0)
                value = NAN;
            memcpy(rows.data[i / 1000] + i % 1000 * 8, &value, sizeof(value));
        }
        sort(&type, &nan);
        check(f64_of);
        assert_int_equal(nan, nans);
    }
}

static void test_texts(void **state)
{
    const struct shale_type type = {.kind = SHALE_STRING};
    bool nan;
    (void)state;
    begin(true);
    for (size_t b = 0; b < N_BATCHES; b++) {
        for (size_t i = 0; i < 1000; i++) {
            uint64_t bits = mix(b * 1000 + i);
            int32_t at = rows.offsets[b][i], n = (int32_t)(bits % 12);
            memset(rows.data[b] + at, (int)(bits >> 8), (size_t)n);
            rows.offsets[b][i + 1] = at + n;
        }
    }
    sort(&type, &nan);
    check(text_of);
}

/* Rows in order need no memory; others are not touched when there is none. */
static void test_memory(void **state)
{
    const struct shale_type type = {.kind = SHALE_INT64};
    static struct shale_row_ref before[N_ROWS];
    struct failing_mem failing;
    bool nan = false;
    (void)state;
    begin(false);
    for (size_t i = 0; i < N_ROWS; i++) {
        int64_t value = (int64_t)i;
        memcpy(rows.data[i / 1000] + i % 1000 * 8, &value, sizeof(value));
    }
    failing_mem_init(&failing, 1);
    assert_int_equal(shale_order_by(&failing.mem, &type, rows.pointers, rows.order, N_ROWS, &nan),
                     SHALE_OK);
    memset(rows.data[2], 0xff, 8);
    memcpy(before, rows.order, sizeof(before));
    failing_mem_init(&failing, 1);
    assert_int_equal(shale_order_by(&failing.mem, &type, rows.pointers, rows.order, N_ROWS, &nan),
                     SHALE_NOMEM);
    assert_memory_equal(before, rows.order, sizeof(before));
    failing_mem_init(&failing, 2);
    assert_int_equal(shale_order_by(&failing.mem, &type, rows.pointers, rows.order, N_ROWS, &nan),
                     SHALE_OK);
    assert_int_equal(rows.order[0].batch, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
