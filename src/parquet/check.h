/* SPDX-License-Identifier: MIT */
/* Is all that a file says of itself true?  Every page is read and decoded, its checksum compared,
 * and each number and bound in the footer, the page index and the bloom filters is held against the
 * values.
 *
 * What is wrong is reported, one finding at a time, and the check goes on with what is left. */
#ifndef SHALE_PARQUET_CHECK_H
#define SHALE_PARQUET_CHECK_H

#include "base/env.h"
#include "parquet/reader.h"

struct shale_finding {
    struct shale_err err;    /* what, with its words; the file; the byte when it is known */
    int64_t row_group;       /* -1: it does not apply */
    struct shale_str column; /* path of the leaf; "" */
    bool is_note;            /* nothing is wrong: something that is worth knowing, or could not be
                              * checked */
};

/* Where findings go; the caller embeds it.  'finding' is good during the call. */
struct shale_findings {
    void (*found)(struct shale_findings *findings, const struct shale_finding *finding);
};

/* Report 'err', its object set to 'object' (NULL: as it is). */
void shale_findings_put(struct shale_findings *findings, const struct shale_err *err,
                        const char *object, int64_t row_group, struct shale_str column,
                        bool is_note);

/* The values of one leaf, of all row groups. */
struct shale_leaf_range {
    bool complete;              /* every value was read: what follows is true of the leaf */
    int64_t n_entries, n_nulls; /* entries without a value, of empty and null lists as well */
    bool has_nan;
    bool any;                          /* there are values that have an order, NaNs left out: */
    struct shale_str minimum, maximum; /* as values lie in memory (schema/type.h), BOOL a byte; of
                                        * texts the first SHALE_RANGE_BYTES */
};

enum { SHALE_RANGE_BYTES = 64 << 10 };

struct shale_checked {
    int64_t n_rows, n_pages;
    int64_t n_checksums;                   /* pages that have one; all of these were compared */
    int64_t n_bounds;                      /* minima and maxima that were compared */
    const struct shale_leaf_range *leaves; /* as the file's */
};

/* 'object' is the file's name in findings.
 * Returns SHALE_OK whatever was found; SHALE_NOMEM, SHALE_LIMIT (of the reader's memory),
 * SHALE_AGAIN or SHALE_CANCELLED: the check could not be finished. */
SHALE_MUST_USE enum shale_status shale_file_check(const struct shale_reader *reader,
                                                  const struct shale_env *env, const char *object,
                                                  struct shale_findings *findings,
                                                  struct shale_checked **out,
                                                  struct shale_err *err);
/* Before the reader is freed. */
void shale_checked_free(const struct shale_reader *reader, struct shale_checked *checked);

/* < 0, 0, > 0: values of a leaf as they lie in memory, in the order of its bounds.  0 as well when
 * they have none. */
int shale_leaf_compare(const struct shale_file_leaf *leaf, struct shale_str a, struct shale_str b);

#endif
