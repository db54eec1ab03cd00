/* SPDX-License-Identifier: MIT */
/* The order of values in memory, and the ends of many. */
#include "parquet/value_range.h"

#include <math.h>

#include "base/checked.h"
#include "parquet/check.h"

/* ---- Order ------------------------------------------------------------------------------------
 */

enum order { NONE, BYTE, I32, U32, I64, U64, F32, F64, I128, BYTES };

/* How values lie in memory decides with what they are compared; the file's order, whether they
 * are, and of which sign. */
static enum order order_of(const struct shale_file_leaf *leaf)
{
    if (leaf->order == SHALE_FILE_ORDER_NONE)
        return NONE;
    switch (shale_type_layout(leaf->type)) {
    case SHALE_LAYOUT_BOOL:
        return BYTE;
    case SHALE_LAYOUT_I32:
        return leaf->order == SHALE_FILE_ORDER_U32 ? U32 : I32;
    case SHALE_LAYOUT_I64:
        return leaf->order == SHALE_FILE_ORDER_U64 ? U64 : I64;
    case SHALE_LAYOUT_F32:
        return F32;
    case SHALE_LAYOUT_F64:
        return F64;
    case SHALE_LAYOUT_I128:
        return leaf->order == SHALE_FILE_ORDER_BYTES ? BYTES : I128;
    case SHALE_LAYOUT_BYTES:
        return leaf->order == SHALE_FILE_ORDER_BYTES ? BYTES : NONE;
    case SHALE_LAYOUT_LIST:
    case SHALE_LAYOUT_STRUCT:
        break;
    }
    return NONE;
}

#define COMPARE_AS(type)                                                                           \
    do {                                                                                           \
        type x, y;                                                                                 \
        memcpy(&x, a, sizeof x);                                                                   \
        memcpy(&y, b, sizeof y);                                                                   \
        return (x > y) - (x < y);                                                                  \
    } while (0)

static inline int compare_fixed(enum order order, const char *a, const char *b)
{
    switch (order) {
    case BYTE:
        COMPARE_AS(uint8_t);
    case I32:
        COMPARE_AS(int32_t);
    case U32:
        COMPARE_AS(uint32_t);
    case I64:
        COMPARE_AS(int64_t);
    case U64:
        COMPARE_AS(uint64_t);
    case F32:
        COMPARE_AS(float);
    case F64:
        COMPARE_AS(double);
    case I128:
        COMPARE_AS(shale_i128);
    case NONE:
    case BYTES:
        break;
    }
    return 0;
}
#undef COMPARE_AS

static inline int compare(enum order order, struct shale_str a, struct shale_str b)
{
    return order == BYTES ? shale_str_compare(a, b) : compare_fixed(order, a.data, b.data);
}

int shale_leaf_compare(const struct shale_file_leaf *leaf, struct shale_str a, struct shale_str b)
{
    return compare(order_of(leaf), a, b);
}

static bool is_nan(enum order order, const char *value)
{
    float single = 0;
    double wide = 0;
    if (order == F32)
        memcpy(&single, value, sizeof single);
    if (order == F64)
        memcpy(&wide, value, sizeof wide);
    return isnan(single) || isnan(wide);
}

/* ---- Ends -------------------------------------------------------------------------------------
 */

void shale_value_range_init(struct shale_value_range *range, const struct shale_mem *mem,
                            size_t most_bytes)
{
    *range = (struct shale_value_range){.most_bytes = most_bytes};
    shale_buf_init(&range->minimum, mem, SIZE_MAX);
    shale_buf_init(&range->maximum, mem, SIZE_MAX);
}

void shale_value_range_fini(struct shale_value_range *range)
{
    shale_buf_fini(&range->minimum);
    shale_buf_fini(&range->maximum);
}

void shale_value_range_reset(struct shale_value_range *range)
{
    range->any = range->has_nan = false;
    shale_buf_reset(&range->minimum);
    shale_buf_reset(&range->maximum);
}

static enum shale_status set(struct shale_buf *end, struct shale_str value)
{
    shale_buf_reset(end);
    return shale_buf_append_str(end, value);
}

static struct shale_str cut(const struct shale_value_range *range, struct shale_str value)
{
    if (value.n_bytes > range->most_bytes)
        value.n_bytes = range->most_bytes;
    return value;
}

/* Both are values of 'order', none a NaN. */
static enum shale_status take_ends(struct shale_value_range *range, enum order order,
                                   struct shale_str least, struct shale_str greatest)
{
    enum shale_status status = SHALE_OK;
    least = cut(range, least);
    greatest = cut(range, greatest);
    if (!range->any || compare(order, least, shale_buf_str(&range->minimum)) < 0)
        status = set(&range->minimum, least);
    if (status == SHALE_OK &&
        (!range->any || compare(order, greatest, shale_buf_str(&range->maximum)) > 0))
        status = set(&range->maximum, greatest);
    if (status == SHALE_OK)
        range->any = true;
    return status;
}

static enum shale_status take_texts(struct shale_value_range *range,
                                    const struct shale_dense *dense, size_t n)
{
    struct shale_str least = {NULL, 0}, greatest = {NULL, 0};
    for (size_t i = 0; i < n; i++) {
        size_t from = (size_t)dense->offsets[i], to = (size_t)dense->offsets[i + 1];
        struct shale_str value = {dense->bytes.data == NULL ? "" : dense->bytes.data + from,
                                  to - from};
        if (i == 0)
            least = greatest = value;
        else if (shale_str_compare(value, least) < 0)
            least = value;
        else if (shale_str_compare(value, greatest) > 0)
            greatest = value;
    }
    return take_ends(range, BYTES, least, greatest);
}

static enum shale_status take_fixed(struct shale_value_range *range, enum order order,
                                    const struct shale_dense *dense, size_t n)
{
    const char *least = NULL, *greatest = NULL;
    size_t width = dense->width;
    for (size_t i = 0; i < n; i++) {
        const char *value = dense->data + i * width;
        if ((order == F32 || order == F64) && is_nan(order, value)) {
            range->has_nan = true;
            continue;
        }
        if (least == NULL)
            least = greatest = value;
        else if (order == BYTES ? memcmp(value, least, width) < 0
                                : compare_fixed(order, value, least) < 0)
            least = value;
        else if (order == BYTES ? memcmp(value, greatest, width) > 0
                                : compare_fixed(order, value, greatest) > 0)
            greatest = value;
    }
    return least == NULL ? SHALE_OK
                         : take_ends(range, order, (struct shale_str){least, width},
                                     (struct shale_str){greatest, width});
}

enum shale_status shale_value_range_take(struct shale_value_range *range,
                                         const struct shale_file_leaf *leaf,
                                         const struct shale_dense *dense, size_t n)
{
    enum order order = order_of(leaf);
    if (order == NONE || n == 0)
        return SHALE_OK;
    return dense->width == 0 ? take_texts(range, dense, n) : take_fixed(range, order, dense, n);
}

enum shale_status shale_value_range_merge(struct shale_value_range *range,
                                          const struct shale_file_leaf *leaf,
                                          const struct shale_value_range *other)
{
    range->has_nan |= other->has_nan;
    return other->any ? take_ends(range, order_of(leaf), shale_buf_str(&other->minimum),
                                  shale_buf_str(&other->maximum))
                      : SHALE_OK;
}
