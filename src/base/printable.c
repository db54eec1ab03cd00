/* SPDX-License-Identifier: MIT */
/* Escapes what should not reach a terminal as it is. */
#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>

/* The code point at p[0] of 'n' bytes and its length; 0 where no character is (Unicode, table 3-7).
 */
static size_t decode(const unsigned char *p, size_t n, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (length == 0 || length > n || p[0] > 0xf4)
        return 0;
    *c = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3f);
    }
    return *c < least[length] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : length;
}

/* C0, DEL and C1; separators of lines and paragraphs; marks and overrides of direction (Unicode,
 * section 23.2); the byte order mark. */
static bool is_escaped(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *shale_printable(struct shale_str s, char *out, size_t n_bytes)
{
    static const char dots[] = "...";
    size_t used = 0, fits = 0; /* 'fits': as much as leaves room for the dots */
    for (size_t i = 0; i < s.n_bytes;) {
        const unsigned char *p = (const unsigned char *)s.data + i;
        char shown[16];
        uint32_t c = 0;
        size_t length = decode(p, s.n_bytes - i, &c), n;
        if (length == 0)
            n = (size_t)snprintf(shown, sizeof shown, "\\x%02x", p[0]);
        else if (is_escaped(c))
            n = (size_t)snprintf(shown, sizeof shown, c < 0x80 ? "\\x%02x" : "\\u{%04x}", c);
        else if (c == '\\')
            n = (size_t)snprintf(shown, sizeof shown, "\\\\");
        else
            memcpy(shown, p, n = length);
        if (used + n >= n_bytes) {
            memcpy(out + fits, dots, sizeof dots);
            return out;
        }
        memcpy(out + used, shown, n);
        used += n;
        if (used + sizeof dots <= n_bytes)
            fits = used;
        i += length == 0 ? 1 : length;
    }
    out[used] = '\0';
    return out;
}
