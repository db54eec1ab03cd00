/* SPDX-License-Identifier: MIT */
/* Private to columns: how many columns of a terminal a character takes, in every locale. */
#ifndef SHALE_COLUMNS_TEXT_WIDTH_H
#define SHALE_COLUMNS_TEXT_WIDTH_H

#include <stdbool.h>
#include <stdint.h>

/* 0 (combining marks, what only formats), 1, or 2 (East Asian wide, emoji). */
unsigned shale_char_width(uint32_t c);

#endif
