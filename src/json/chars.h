/* SPDX-License-Identifier: MIT */
/* What each byte of JSON text can be outside strings (RFC 8259, sections 2 to 6). */
#ifndef SHALE_JSON_CHARS_H
#define SHALE_JSON_CHARS_H

#include <stdint.h>

/* The kind of a token by its first byte. */
enum shale_json_kind {
    SHALE_JSON_KIND_BAD, /* begins no token */
    SHALE_JSON_KIND_OPEN_OBJECT,
    SHALE_JSON_KIND_CLOSE_OBJECT,
    SHALE_JSON_KIND_OPEN_ARRAY,
    SHALE_JSON_KIND_CLOSE_ARRAY,
    SHALE_JSON_KIND_COLON,
    SHALE_JSON_KIND_COMMA,
    SHALE_JSON_KIND_QUOTE,
    SHALE_JSON_KIND_NUMBER,
    SHALE_JSON_KIND_TRUE,
    SHALE_JSON_KIND_FALSE,
    SHALE_JSON_KIND_NULL,
    SHALE_JSON_N_KINDS,
};

/* The kind is in the low bits, with one of these marks above it, or none: the byte may then be
 * part of a number or literal, be it a bad one. */
enum {
    SHALE_JSON_KIND_MASK = 0x0F,
    SHALE_JSON_SPACE = 0x20,
    SHALE_JSON_PUNCTUATION = 0x40, /* one of  { } [ ] : , "  */
};

extern const uint8_t shale_json_chars[256];

/* May the byte be part of a number or literal? */
static inline unsigned shale_json_is_scalar(unsigned mark_and_kind)
{
    return mark_and_kind < SHALE_JSON_SPACE;
}

#endif
