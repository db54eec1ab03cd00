/* SPDX-License-Identifier: MIT */
/* The table of bytes outside strings. */
#include "json/chars.h"

#define SPACE SHALE_JSON_SPACE
#define MARK(kind) (SHALE_JSON_PUNCTUATION | SHALE_JSON_KIND_##kind)
#define DIGIT SHALE_JSON_KIND_NUMBER

/* What is not named here begins no token. */
const uint8_t shale_json_chars[256] = {
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['{'] = MARK(OPEN_OBJECT),
    ['}'] = MARK(CLOSE_OBJECT),
    ['['] = MARK(OPEN_ARRAY),
    [']'] = MARK(CLOSE_ARRAY),
    [':'] = MARK(COLON),
    [','] = MARK(COMMA),
    ['"'] = MARK(QUOTE),
    ['-'] = DIGIT,
    ['0'] = DIGIT,
    ['1'] = DIGIT,
    ['2'] = DIGIT,
    ['3'] = DIGIT,
    ['4'] = DIGIT,
    ['5'] = DIGIT,
    ['6'] = DIGIT,
    ['7'] = DIGIT,
    ['8'] = DIGIT,
    ['9'] = DIGIT,
    ['t'] = SHALE_JSON_KIND_TRUE,
    ['f'] = SHALE_JSON_KIND_FALSE,
    ['n'] = SHALE_JSON_KIND_NULL,
};
