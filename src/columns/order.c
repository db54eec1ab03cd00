/* SPDX-License-Identifier: MIT */
/* A merge sort of rows from the bottom up: short stretches by insertion, then merges, of which
 * those are left out whose two halves are in order.  Events come nearly in the order of their time.
 */
#include "columns/order.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/str.h"

enum { STRETCH = 16 };

struct keys {
    const struct shale_column *const *columns;
    shale_order_fn compare;
};

/* ---- Values ------------------------------------------------------------------------------------
 */

#define COMPARE(name, type)                                                                        \
    static int name(const struct shale_column *a, int64_t i, const struct shale_column *b,         \
                    int64_t j)                                                                     \
    {                                                                                              \
        type x = ((const type *)a->data)[i], y = ((const type *)b->data)[j];                       \
        return (x > y) - (x < y);                                                                  \
    }
COMPARE(compare_i32, int32_t)
COMPARE(compare_u32, uint32_t)
COMPARE(compare_i64, int64_t)
COMPARE(compare_u64, uint64_t)

static int compare_floats(double x, double y)
{
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

static int compare_f32(const struct shale_column *a, int64_t i, const struct shale_column *b,
                       int64_t j)
{
    return compare_floats((double)((const float *)a->data)[i], (double)((const float *)b->data)[j]);
}

static int compare_f64(const struct shale_column *a, int64_t i, const struct shale_column *b,
                       int64_t j)
{
    return compare_floats(((const double *)a->data)[i], ((const double *)b->data)[j]);
}

static int compare_bool(const struct shale_column *a, int64_t i, const struct shale_column *b,
                        int64_t j)
{
    return shale_bit(a->data, i) - shale_bit(b->data, j);
}

static int compare_i128(const struct shale_column *a, int64_t i, const struct shale_column *b,
                        int64_t j)
{
    shale_i128 x, y;
    memcpy(&x, (const char *)a->data + 16 * i, sizeof(x));
    memcpy(&y, (const char *)b->data + 16 * j, sizeof(y));
    return (x > y) - (x < y);
}

static int compare_sixteen(const struct shale_column *a, int64_t i, const struct shale_column *b,
                           int64_t j)
{
    return memcmp((const char *)a->data + 16 * i, (const char *)b->data + 16 * j, 16);
}

static int compare_bytes(const struct shale_column *a, int64_t i, const struct shale_column *b,
                         int64_t j)
{
    struct shale_str x = {(const char *)a->data + a->offsets[i],
                          (size_t)(a->offsets[i + 1] - a->offsets[i])};
    struct shale_str y = {(const char *)b->data + b->offsets[j],
                          (size_t)(b->offsets[j + 1] - b->offsets[j])};
    return shale_str_compare(x, y);
}

shale_order_fn shale_order_values(const struct shale_type *type)
{
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        return compare_bool;
    case SHALE_LAYOUT_I32:
        return type->kind == SHALE_UINT32 ? compare_u32 : compare_i32;
    case SHALE_LAYOUT_I64:
        return type->kind == SHALE_UINT64 ? compare_u64 : compare_i64;
    case SHALE_LAYOUT_F32:
        return compare_f32;
    case SHALE_LAYOUT_F64:
        return compare_f64;
    case SHALE_LAYOUT_I128:
        return type->kind == SHALE_UUID ? compare_sixteen : compare_i128;
    case SHALE_LAYOUT_BYTES:
    default: /* not reached: a scalar */
        return compare_bytes;
    }
}

/* Is row 'a' after row 'b'? */
static inline bool is_after(const struct keys *keys, struct shale_row_ref a, struct shale_row_ref b)
{
    const struct shale_column *x = keys->columns[a.batch], *y = keys->columns[b.batch];
    return shale_order_compare(keys->compare, x, a.row, y, b.row) > 0;
}

/* A NaN is the last value before the nulls. */
static bool has_nan(const struct keys *keys, const struct shale_row_ref *order, size_t n)
{
    const struct shale_column *column;
    if (keys->compare != compare_f32 && keys->compare != compare_f64)
        return false;
    while (n > 0 && shale_column_is_null(keys->columns[order[n - 1].batch], order[n - 1].row))
        n--;
    if (n == 0)
        return false;
    column = keys->columns[order[n - 1].batch];
    return keys->compare == compare_f64 ? isnan(((const double *)column->data)[order[n - 1].row])
                                        : isnan(((const float *)column->data)[order[n - 1].row]);
}

/* ---- The sort ----------------------------------------------------------------------------------
 */

static bool is_sorted(const struct keys *keys, const struct shale_row_ref *order, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (is_after(keys, order[i - 1], order[i]))
            return false;
    return true;
}

static void insert(const struct keys *keys, struct shale_row_ref *order, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct shale_row_ref row = order[i];
        size_t at = i;
        for (; at > 0 && is_after(keys, order[at - 1], row); at--)
            order[at] = order[at - 1];
        order[at] = row;
    }
}

/* in[0, middle) and in[middle, n), each sorted, to 'out'. */
static void merge(const struct keys *keys, const struct shale_row_ref *in, size_t middle, size_t n,
                  struct shale_row_ref *out)
{
    size_t a = 0, b = middle;
    if (middle >= n || !is_after(keys, in[middle - 1], in[middle])) {
        memcpy(out, in, n * sizeof(*in));
        return;
    }
    while (a < middle && b < n)
        *out++ = is_after(keys, in[a], in[b]) ? in[b++] : in[a++];
    memcpy(out, in + a, (middle - a) * sizeof(*in));
    memcpy(out + (middle - a), in + b, (n - b) * sizeof(*in));
}

enum shale_status shale_order_by(const struct shale_mem *mem, const struct shale_type *type,
                                 const struct shale_column *const *columns,
                                 struct shale_row_ref *order, size_t n_rows, bool *nan)
{
    struct keys keys = {.columns = columns, .compare = shale_order_values(type)};
    struct shale_row_ref *other, *from = order, *to;
    if (!is_sorted(&keys, order, n_rows)) {
        other = shale_mem_resize(mem, NULL, n_rows, sizeof(*other));
        if (other == NULL)
            return SHALE_NOMEM;
        for (size_t i = 0; i < n_rows; i += STRETCH)
            insert(&keys, order + i, n_rows - i < STRETCH ? n_rows - i : STRETCH);
        to = other;
        for (size_t width = STRETCH; width < n_rows; width *= 2) {
            struct shale_row_ref *next = from;
            for (size_t i = 0; i < n_rows; i += 2 * width)
                merge(&keys, from + i, width, n_rows - i < 2 * width ? n_rows - i : 2 * width,
                      to + i);
            from = to;
            to = next;
        }
        if (from != order)
            memcpy(order, from, n_rows * sizeof(*order));
        shale_mem_free(mem, other);
    }
    *nan = *nan || has_nan(&keys, order, n_rows);
    return SHALE_OK;
}
