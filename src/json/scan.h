/* SPDX-License-Identifier: MIT */
/* The grammar of numbers (RFC 8259, section 6), for text that may go on behind them. */
#ifndef SHALE_JSON_SCAN_H
#define SHALE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes of text[0, n_bytes) are or begin a number; '*whole': they are one. */
size_t shale_number_scan(const char *text, size_t n_bytes, bool *whole);

#endif
