/* SPDX-License-Identifier: MIT */
/* Bounds by the order of each type. */
#include "parquet/statistics.h"

#include <math.h>

void shale_statistics_begin(struct shale_statistics *statistics, const struct shale_leaf *leaf)
{
    *statistics = (struct shale_statistics){.invalid = leaf->order == SHALE_ORDER_NONE};
}

/* ---- Taking values --------------------------------------------------------------------------- */

/* Unsigned 64 bits as a signed number of the same order, and back. */
static inline int64_t flipped(uint64_t value)
{
    return (int64_t)(value ^ (uint64_t)1 << 63);
}

static inline void take_i64(struct shale_statistics *statistics, int64_t value)
{
    if (!statistics->any) {
        statistics->any = true;
        statistics->minimum.i64 = statistics->maximum.i64 = value;
    }
    if (value < statistics->minimum.i64)
        statistics->minimum.i64 = value;
    if (value > statistics->maximum.i64)
        statistics->maximum.i64 = value;
}

static void take_f64(struct shale_statistics *statistics, double value)
{
    if (isnan(value)) {
        statistics->invalid = true;
        return;
    }
    if (!statistics->any) {
        statistics->any = true;
        statistics->minimum.f64 = statistics->maximum.f64 = value;
    }
    if (value < statistics->minimum.f64)
        statistics->minimum.f64 = value;
    if (value > statistics->maximum.f64)
        statistics->maximum.f64 = value;
}

static void set_prefix(struct shale_statistics_prefix *prefix, struct shale_str value)
{
    if (value.n_bytes > 0)
        memcpy(prefix->bytes, value.data, value.n_bytes);
    prefix->n_bytes = value.n_bytes;
}

static int compare_prefix(struct shale_str value, const struct shale_statistics_prefix *prefix)
{
    return shale_str_compare(value, (struct shale_str){prefix->bytes, prefix->n_bytes});
}

void shale_statistics_bytes(struct shale_statistics *statistics, struct shale_str value)
{
    if (value.n_bytes > sizeof(statistics->minimum.prefix.bytes))
        value.n_bytes = sizeof(statistics->minimum.prefix.bytes);
    if (!statistics->any || compare_prefix(value, &statistics->minimum.prefix) < 0)
        set_prefix(&statistics->minimum.prefix, value);
    if (!statistics->any || compare_prefix(value, &statistics->maximum.prefix) > 0)
        set_prefix(&statistics->maximum.prefix, value);
    statistics->any = true;
}

/* Two's complement of one length, the most significant byte first. */
static int compare_big_endian(const char *a, const char *b, size_t width)
{
    int8_t a_high = (int8_t)a[0], b_high = (int8_t)b[0];
    if (a_high != b_high)
        return a_high < b_high ? -1 : 1;
    return memcmp(a, b, width);
}

static void take_big_endian(struct shale_statistics *statistics, const char *value, size_t width)
{
    struct shale_str bytes = {value, width};
    if (!statistics->any || compare_big_endian(value, statistics->minimum.prefix.bytes, width) < 0)
        set_prefix(&statistics->minimum.prefix, bytes);
    if (!statistics->any || compare_big_endian(value, statistics->maximum.prefix.bytes, width) > 0)
        set_prefix(&statistics->maximum.prefix, bytes);
    statistics->any = true;
}

/* The extremes of 'n' > 0 numbers, then both are taken. */
#define TAKE_NUMBERS(type, order)                                                                  \
    do {                                                                                           \
        type least, most, value;                                                                   \
        memcpy(&least, values, sizeof(value));                                                     \
        most = least;                                                                              \
        for (size_t i = 1; i < n; i++) {                                                           \
            memcpy(&value, values + i * sizeof(value), sizeof(value));                             \
            least = value < least ? value : least;                                                 \
            most = value > most ? value : most;                                                    \
        }                                                                                          \
        take_i64(statistics, order(least));                                                        \
        take_i64(statistics, order(most));                                                         \
    } while (0)

static void take_f32s(struct shale_statistics *statistics, const char *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, values + i * sizeof(value), sizeof(value));
        take_f64(statistics, (double)value);
    }
}

static void take_f64s(struct shale_statistics *statistics, const char *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, values + i * sizeof(value), sizeof(value));
        take_f64(statistics, value);
    }
}

static void take_fixed(struct shale_statistics *statistics, const struct shale_leaf *leaf,
                       const char *values, size_t n)
{
    const size_t width = leaf->width;
    switch (leaf->order) {
    case SHALE_ORDER_NONE:
        break;
    case SHALE_ORDER_BOOLEAN:
        TAKE_NUMBERS(int8_t, (int64_t));
        break;
    case SHALE_ORDER_I32:
        TAKE_NUMBERS(int32_t, (int64_t));
        break;
    case SHALE_ORDER_I64:
        TAKE_NUMBERS(int64_t, (int64_t));
        break;
    case SHALE_ORDER_U32:
        TAKE_NUMBERS(uint32_t, (int64_t));
        break;
    case SHALE_ORDER_U64:
        TAKE_NUMBERS(uint64_t, flipped);
        break;
    case SHALE_ORDER_F32:
        take_f32s(statistics, values, n);
        break;
    case SHALE_ORDER_F64:
        take_f64s(statistics, values, n);
        break;
    case SHALE_ORDER_BIG_ENDIAN:
        for (size_t i = 0; i < n; i++)
            take_big_endian(statistics, values + i * width, width);
        break;
    case SHALE_ORDER_BYTES:
        for (size_t i = 0; i < n; i++)
            shale_statistics_bytes(statistics, (struct shale_str){values + i * width, width});
        break;
    }
}

void shale_statistics_plain(struct shale_statistics *statistics, const struct shale_leaf *leaf,
                            struct shale_str values)
{
    if (values.n_bytes == 0)
        return;
    if (leaf->width > 0) {
        take_fixed(statistics, leaf, values.data, values.n_bytes / leaf->width);
        return;
    }
    for (size_t at = 0; at < values.n_bytes;) {
        uint32_t length;
        memcpy(&length, values.data + at, sizeof(length));
        at += sizeof(length);
        shale_statistics_bytes(statistics, (struct shale_str){values.data + at, length});
        at += length;
    }
}

static void merge_prefixes(struct shale_statistics *statistics, bool big_endian,
                           const struct shale_statistics *other)
{
    const struct shale_statistics_prefix *both[] = {&other->minimum.prefix, &other->maximum.prefix};
    for (size_t i = 0; i < 2; i++) {
        const struct shale_str value = {both[i]->bytes, both[i]->n_bytes};
        if (big_endian)
            take_big_endian(statistics, value.data, value.n_bytes);
        else
            shale_statistics_bytes(statistics, value);
    }
}

void shale_statistics_merge(struct shale_statistics *statistics, const struct shale_leaf *leaf,
                            const struct shale_statistics *other)
{
    statistics->invalid = statistics->invalid || other->invalid;
    if (!other->any)
        return;
    switch (leaf->order) {
    case SHALE_ORDER_NONE:
        break;
    case SHALE_ORDER_F32:
    case SHALE_ORDER_F64:
        take_f64(statistics, other->minimum.f64);
        take_f64(statistics, other->maximum.f64);
        break;
    case SHALE_ORDER_BIG_ENDIAN:
    case SHALE_ORDER_BYTES:
        merge_prefixes(statistics, leaf->order == SHALE_ORDER_BIG_ENDIAN, other);
        break;
    default:
        take_i64(statistics, other->minimum.i64);
        take_i64(statistics, other->maximum.i64);
        break;
    }
}

/* ---- Cutting --------------------------------------------------------------------------------- */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* How much of a prefix a bound may have: whole characters of a text. */
static size_t cut(const struct shale_statistics_prefix *prefix, bool is_text)
{
    size_t n = prefix->n_bytes;
    if (n <= SHALE_STATISTIC_BYTES)
        return n;
    n = SHALE_STATISTIC_BYTES;
    while (is_text && n > 0 && is_continuation(prefix->bytes[n]))
        n--;
    return n;
}

/* The code point of 'n_bytes' (1 to 4) of UTF-8, or UINT32_MAX. */
static uint32_t decode(const char *bytes, size_t n_bytes)
{
    static const unsigned lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    static const unsigned lead_mask[] = {0, 0x80, 0xe0, 0xf0, 0xf8};
    unsigned first = (unsigned char)bytes[0];
    uint32_t point;
    if (n_bytes > 4 || (first & lead_mask[n_bytes]) != lead[n_bytes])
        return UINT32_MAX;
    point = first & ~lead_mask[n_bytes] & 0xff;
    for (size_t i = 1; i < n_bytes; i++)
        point = point << 6 | ((unsigned char)bytes[i] & 0x3f);
    return point;
}

static size_t encode(uint32_t point, char *out)
{
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(lead[n] | point);
    return n;
}

/* Replace the character that begins at 'at' and ends the 'n' bytes by the next one.  Returns the
 * new length, or 0 when there is no next one or it does not fit. */
static size_t increment_character(uint8_t *bytes, size_t at, size_t n)
{
    uint32_t point = decode((const char *)bytes + at, n - at);
    char next[4];
    size_t n_next;
    if (point >= 0x10ffff)
        return 0;
    point = point == 0xd7ff ? 0xe000 : point + 1; /* surrogates are no characters */
    n_next = encode(point, next);
    if (at + n_next > SHALE_STATISTIC_BYTES)
        return 0;
    memcpy(bytes + at, next, n_next);
    return at + n_next;
}

/* Make the least string of whole characters that is above all that begin with these 'n' bytes.
 * Returns its length, or 0 when there is none. */
static size_t increment(uint8_t *bytes, size_t n, bool is_text)
{
    while (n > 0) {
        size_t at = n - 1, end;
        while (is_text && at > 0 && is_continuation((char)bytes[at]))
            at--;
        if (is_text) {
            end = increment_character(bytes, at, n);
            if (end > 0)
                return end;
        } else if (bytes[at] < 0xff) {
            bytes[at]++;
            return n;
        }
        n = at;
    }
    return 0;
}

static void finish_prefixes(const struct shale_statistics *statistics, bool is_text,
                            struct shale_chunk_bounds *bounds)
{
    const struct shale_statistics_prefix *minimum = &statistics->minimum.prefix;
    const struct shale_statistics_prefix *maximum = &statistics->maximum.prefix;
    bounds->minimum_bytes = (uint8_t)cut(minimum, is_text);
    bounds->minimum_exact = bounds->minimum_bytes == minimum->n_bytes;
    memcpy(bounds->minimum, minimum->bytes, bounds->minimum_bytes);
    bounds->has_minimum = true;
    bounds->maximum_bytes = (uint8_t)cut(maximum, is_text);
    bounds->maximum_exact = bounds->maximum_bytes == maximum->n_bytes;
    memcpy(bounds->maximum, maximum->bytes, bounds->maximum_bytes);
    if (!bounds->maximum_exact)
        bounds->maximum_bytes = (uint8_t)increment(bounds->maximum, bounds->maximum_bytes, is_text);
    bounds->has_maximum = bounds->maximum_exact || bounds->maximum_bytes > 0;
}

static void finish_scalars(const void *minimum, const void *maximum, size_t width,
                           struct shale_chunk_bounds *bounds)
{
    memcpy(bounds->minimum, minimum, width);
    memcpy(bounds->maximum, maximum, width);
    bounds->minimum_bytes = bounds->maximum_bytes = (uint8_t)width;
    bounds->minimum_exact = bounds->maximum_exact = true;
    bounds->has_minimum = bounds->has_maximum = true;
}

/* A zero of either sign stands for both (parquet.thrift, ColumnOrder). */
static void finish_floats(const struct shale_statistics *statistics, size_t width,
                          struct shale_chunk_bounds *bounds)
{
    double minimum = statistics->minimum.f64, maximum = statistics->maximum.f64;
    if (fpclassify(minimum) == FP_ZERO)
        minimum = -0.0;
    if (fpclassify(maximum) == FP_ZERO)
        maximum = 0.0;
    if (width == sizeof(float)) {
        float narrow[2] = {(float)minimum, (float)maximum}; /* as they came */
        finish_scalars(&narrow[0], &narrow[1], width, bounds);
        return;
    }
    finish_scalars(&minimum, &maximum, width, bounds);
}

static void finish_unsigned(const struct shale_statistics *statistics,
                            struct shale_chunk_bounds *bounds)
{
    int64_t minimum = flipped((uint64_t)statistics->minimum.i64);
    int64_t maximum = flipped((uint64_t)statistics->maximum.i64);
    finish_scalars(&minimum, &maximum, sizeof(int64_t), bounds);
}

void shale_statistics_finish(const struct shale_statistics *statistics,
                             const struct shale_leaf *leaf, struct shale_chunk_bounds *bounds)
{
    *bounds = (struct shale_chunk_bounds){0};
    if (statistics->invalid || !statistics->any)
        return;
    switch (leaf->order) {
    case SHALE_ORDER_NONE:
        break;
    case SHALE_ORDER_BOOLEAN:
    case SHALE_ORDER_I32:
    case SHALE_ORDER_U32:
    case SHALE_ORDER_I64: /* little-endian: the low bytes come first */
        finish_scalars(&statistics->minimum.i64, &statistics->maximum.i64, leaf->width, bounds);
        break;
    case SHALE_ORDER_U64:
        finish_unsigned(statistics, bounds);
        break;
    case SHALE_ORDER_F32:
    case SHALE_ORDER_F64:
        finish_floats(statistics, leaf->width, bounds);
        break;
    case SHALE_ORDER_BIG_ENDIAN:
    case SHALE_ORDER_BYTES:
        finish_prefixes(statistics, leaf->is_text, bounds);
        break;
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

#define COMPARE_NUMBERS(type)                                                                      \
    do {                                                                                           \
        type x, y;                                                                                 \
        memcpy(&x, a.data, sizeof(x));                                                             \
        memcpy(&y, b.data, sizeof(y));                                                             \
        return (x > y) - (x < y);                                                                  \
    } while (0)

int shale_statistics_compare(const struct shale_leaf *leaf, struct shale_str a, struct shale_str b)
{
    switch (leaf->order) {
    case SHALE_ORDER_NONE:
        break;
    case SHALE_ORDER_BOOLEAN:
        COMPARE_NUMBERS(int8_t);
    case SHALE_ORDER_I32:
        COMPARE_NUMBERS(int32_t);
    case SHALE_ORDER_I64:
        COMPARE_NUMBERS(int64_t);
    case SHALE_ORDER_U32:
        COMPARE_NUMBERS(uint32_t);
    case SHALE_ORDER_U64:
        COMPARE_NUMBERS(uint64_t);
    case SHALE_ORDER_F32:
        COMPARE_NUMBERS(float);
    case SHALE_ORDER_F64:
        COMPARE_NUMBERS(double);
    case SHALE_ORDER_BIG_ENDIAN:
        return compare_big_endian(a.data, b.data, a.n_bytes);
    case SHALE_ORDER_BYTES:
        return shale_str_compare(a, b);
    }
    return 0;
}
