/* SPDX-License-Identifier: MIT */
/* Text as a terminal shows it: how wide it is, cut to a width, and so that a file cannot speak to
 * the terminal: control characters, and those that turn the direction of text, as escapes (\n,
 * \u001b), bytes that are no UTF-8 as U+FFFD. */
#ifndef SHALE_COLUMNS_SHOWN_H
#define SHALE_COLUMNS_SHOWN_H

#include <stdbool.h>

#include "base/buf.h"

/* Append 'text' as it is shown, in at most 'most' (> 0) columns of the terminal; '*width' is what
 * it takes.  What is cut ends with "…".  'again': it is text that was made so before. Returns
 * SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_shown_append(struct shale_str text, size_t most, bool again,
                                                    size_t *width, struct shale_buf *out);

/* The columns that 'text' takes when it is shown whole. */
size_t shale_shown_width(struct shale_str text);

#endif
