/* SPDX-License-Identifier: MIT */
/* Texts of unknown origin, made fit for a message or a terminal. */
#ifndef SHALE_BASE_PRINTABLE_H
#define SHALE_BASE_PRINTABLE_H

#include <stddef.h>

#include "base/str.h"

/* Copy 's' into 'out' (NUL-terminated, 'n_bytes' >= 8): control characters and what could steer a
 * terminal or turn the reading direction as \xNN or \u{NNNN}, bytes that are no UTF-8 as \xNN, a
 * backslash as two.  What does not fit is cut and ends in "...".  Returns 'out'. */
char *shale_printable(struct shale_str s, char *out, size_t n_bytes);

#endif
