/* SPDX-License-Identifier: MIT */
/* A number taken apart: its significant digits and what the last of them is worth. */
#ifndef SHALE_JSON_DIGITS_H
#define SHALE_JSON_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Exponents beyond it are kept at it: no text is so long that its digits could make up for that,
 * and sums of a few of them stay far from int64's ends. */
#define SHALE_EXPONENT_LIMIT ((int64_t)1 << 50)

struct shale_digits {
    const char *first; /* the first digit that is not zero; a point may stand among the digits */
    size_t n;          /* digits up to the last that is not zero; 0: the number is zero */
    int64_t exponent;  /* the number is the whole number of these digits, times 10^exponent */
    bool negative;
};

/* 'text' is a number by the grammar. */
void shale_digits_of(struct shale_str text, struct shale_digits *out);

#endif
