/* SPDX-License-Identifier: MIT */
/* Private to parquet: the bounds of a page and of a chunk (parquet.thrift, Statistics).
 *
 * Nothing is said where there is a NaN, of INT96, or where there are no values.  A zero widens the
 * bounds of floats to -0.0 and +0.0.  A text or binary longer than SHALE_STATISTIC_BYTES is cut:
 * the minimum to a prefix, the maximum to a prefix that is then incremented; both say that they are
 * not exact, and a maximum that cannot be incremented is left out. */
#ifndef SHALE_PARQUET_STATISTICS_H
#define SHALE_PARQUET_STATISTICS_H

#include "base/str.h"
#include "parquet/chunk.h"
#include "parquet/leaf.h"

/* A byte string's first bytes: one more than a bound may have shows where its last character ends.
 * The least of the prefixes is the prefix of the least, so no more need be kept. */
struct shale_statistics_prefix {
    char bytes[SHALE_STATISTIC_BYTES + 1];
    size_t n_bytes;
};

struct shale_statistics {
    bool any;     /* there was a value */
    bool invalid; /* there was a NaN, or values have no order */
    union {
        int64_t i64; /* also BOOLEAN and I32 */
        double f64;
        struct shale_statistics_prefix prefix; /* also FIXED */
    } minimum, maximum;
};

void shale_statistics_begin(struct shale_statistics *statistics, const struct shale_leaf *leaf);

/* PLAIN values, one after the other (BOOLEAN: a byte each). */
void shale_statistics_plain(struct shale_statistics *statistics, const struct shale_leaf *leaf,
                            struct shale_str values);

/* One value, a BYTE_ARRAY without its length. */
void shale_statistics_bytes(struct shale_statistics *statistics, struct shale_str value);

/* What 'other' took is taken by 'statistics' as well. */
void shale_statistics_merge(struct shale_statistics *statistics, const struct shale_leaf *leaf,
                            const struct shale_statistics *other);

void shale_statistics_finish(const struct shale_statistics *statistics,
                             const struct shale_leaf *leaf, struct shale_chunk_bounds *bounds);

/* Compare two bounds: < 0, 0, > 0. */
int shale_statistics_compare(const struct shale_leaf *leaf, struct shale_str a, struct shale_str b);

#endif
