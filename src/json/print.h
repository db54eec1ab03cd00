/* SPDX-License-Identifier: MIT */
/* Numbers as JSON text: fast, exact, of no locale.  Each function writes at 'out', which has room
 * for SHALE_PRINT_BYTES, and returns the bytes written; no NUL follows. */
#ifndef SHALE_JSON_PRINT_H
#define SHALE_JSON_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/checked.h"

enum { SHALE_PRINT_BYTES = 48 };

size_t shale_print_i64(int64_t value, char *out);
size_t shale_print_u64(uint64_t value, char *out);

/* Exactly 'n_digits' (at most 20) digits, with zeros in front; higher ones are cut. */
size_t shale_print_padded(uint64_t value, unsigned n_digits, char *out);

/* value / 10^scale with all 'scale' (at most 38) digits: "-0.50". */
size_t shale_print_decimal(shale_i128 value, unsigned scale, char *out);

/* The shortest text that reads back as the same finite double (or float), of those the nearest; as
 * ECMAScript writes numbers ("0.1", "100", "1e+21", "5e-324"), but "-0" keeps its sign. */
size_t shale_print_f64(double value, char *out);
size_t shale_print_f32(float value, char *out);

#endif
