/* SPDX-License-Identifier: MIT */
/* Characters, as a terminal shows them. */
#include "columns/shown.h"

#include <stdint.h>
#include <string.h>

#include "columns/text_width.h"
#include "json/utf8.h"

/* One character as it is shown. */
struct shown {
    char text[12];
    size_t n_bytes, width;
    size_t taken; /* bytes of the text that it stands for */
};

static uint32_t decode(const unsigned char *p, size_t n)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = p[0] & first_bits[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    return c;
}

/* Control characters (C1 as well), line separators, and what turns the direction of text. */
static bool is_escaped(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
           c == 0x200F || c == 0x061C;
}

static size_t put_escape(uint32_t c, char out[12])
{
    static const char hex[] = "0123456789abcdef";
    static const char short_ones[] = "tn??r";
    size_t n = 0;
    out[n++] = '\\';
    if (c >= 9 && c <= 13 && short_ones[c - 9] != '?') {
        out[n++] = short_ones[c - 9];
        return n;
    }
    out[n++] = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        out[n++] = hex[c >> shift & 15];
    return n;
}

/* The character at text[i]. */
static struct shown show(struct shale_str text, size_t i)
{
    const unsigned char *p = (const unsigned char *)text.data + i;
    size_t n = shale_utf8_sequence(p, text.n_bytes - i);
    struct shown out = {.n_bytes = 3, .width = 1, .taken = 1};
    uint32_t c;
    if (n == SHALE_UTF8_BAD || n == SHALE_UTF8_CUT) {
        memcpy(out.text, "\xEF\xBF\xBD", 3);
        return out;
    }
    c = decode(p, n);
    out.taken = n;
    if (is_escaped(c)) {
        out.n_bytes = out.width = put_escape(c, out.text);
        return out;
    }
    memcpy(out.text, p, n);
    out.n_bytes = n;
    out.width = shale_char_width(c);
    return out;
}

enum shale_status shale_shown_append(struct shale_str text, size_t most, bool again, size_t *width,
                                     struct shale_buf *out)
{
    size_t cut_at = out->n_bytes, cut_width = 0; /* where "…" would still fit */
    enum shale_status status = SHALE_OK;
    *width = 0;
    for (size_t i = 0; i < text.n_bytes && status == SHALE_OK;) {
        struct shown c = show(text, i);
        bool is_mark = again && c.n_bytes == 3 && memcmp(c.text, "\xE2\x80\xA6", 3) == 0;
        if (*width + c.width > most) {
            out->n_bytes = cut_at;
            *width = cut_width + 1;
            return shale_buf_append(out, "\xE2\x80\xA6", 3);
        }
        status = shale_buf_append(out, c.text, c.n_bytes);
        *width += c.width;
        if (*width < most && !is_mark) {
            cut_at = out->n_bytes;
            cut_width = *width;
        }
        i += c.taken;
    }
    return status;
}

size_t shale_shown_width(struct shale_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.n_bytes;) {
        struct shown c = show(text, i);
        width += c.width;
        i += c.taken;
    }
    return width;
}
