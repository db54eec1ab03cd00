/* SPDX-License-Identifier: MIT */
/* Numbers, exactly.  'text' is a number by RFC 8259's grammar, checked before.  No function here
 * looks at the locale. */
#ifndef SHALE_JSON_NUMBER_H
#define SHALE_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/checked.h"
#include "base/str.h"

enum shale_number {
    SHALE_NUMBER_OK,
    SHALE_NUMBER_NOT_WHOLE, /* a fraction where none may be (int), more digits than the scale */
    SHALE_NUMBER_RANGE,     /* too large, too small, overflow */
};

/* Is the whole of 'text' a number by RFC 8259's grammar? */
bool shale_number_valid(struct shale_str text);

/* Any number whose value is whole (7, 7.0, 7e2, 1000e-2) in int64's range, exactly. */
enum shale_number shale_number_i64(struct shale_str text, int64_t *out);

/* Correctly rounded (nearest, ties to even); overflow is SHALE_NUMBER_RANGE, underflow gives a
 * subnormal or a zero with its sign. */
enum shale_number shale_number_f64(struct shale_str text, double *out);

/* value * 10^scale as a whole number of at most 'precision' (1 to 38) digits, exactly. */
enum shale_number shale_number_decimal(struct shale_str text, unsigned precision, unsigned scale,
                                       shale_i128 *out);

#endif
