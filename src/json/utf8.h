/* SPDX-License-Identifier: MIT */
/* One character of UTF-8, well-formed as RFC 3629 (Unicode, table 3-7) has it. */
#ifndef SHALE_JSON_UTF8_H
#define SHALE_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHALE_UTF8_BAD = 0, /* no character begins so */
    SHALE_UTF8_CUT = 5, /* good as far as it goes, but the text ends in it */
};

/* The length (1 to 4) of the character at p[0] of 'n' bytes (at least 1), or one of the above. */
static inline size_t shale_utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned lead = p[0], low = 0x80, high = 0xBF;
    size_t length;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return SHALE_UTF8_BAD;
    length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (n < 2)
        return SHALE_UTF8_CUT;
    if (lead == 0xE0 || lead == 0xF0) /* overlong */
        low = lead == 0xE0 ? 0xA0 : 0x90;
    if (lead == 0xED || lead == 0xF4) /* surrogates; above 10FFFF */
        high = lead == 0xED ? 0x9F : 0x8F;
    if (p[1] < low || p[1] > high)
        return SHALE_UTF8_BAD;
    for (size_t i = 2; i < length; i++) {
        if (i >= n)
            return SHALE_UTF8_CUT;
        if ((p[i] & 0xC0) != 0x80)
            return SHALE_UTF8_BAD;
    }
    return length;
}

/* Append the UTF-8 of a code point (no surrogate) at 'out', which has room for 4 bytes; returns
 * its length. */
static inline size_t shale_utf8_encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

#endif
