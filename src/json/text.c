/* SPDX-License-Identifier: MIT */
/* Strings without their escapes, values without their white space, UTF-8. */
#include "json/text.h"

#include <string.h>

#include "json/chars.h"
#include "json/utf8.h"

#define LONE UINT32_MAX /* no code point: half a surrogate pair */

static uint32_t hex4(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        value = value << 4 | (c <= '9' ? c - (uint32_t)'0' : (c | 0x20u) - 'a' + 10);
    }
    return value;
}

/* The code point of the escape at p[0] (RFC 8259, section 7), or LONE; '*used' its bytes. */
static uint32_t escape(const char *p, size_t n_bytes, size_t *used)
{
    uint32_t high, low;
    *used = 2;
    switch (p[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)p[1];
    }
    *used = 6;
    high = hex4(p + 2);
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || n_bytes < 12 || p[6] != '\\' || p[7] != 'u')
        return LONE;
    low = hex4(p + 8);
    if (low < 0xDC00 || low > 0xDFFF)
        return LONE;
    *used = 12;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* The bytes of 's' from 'i' to the next backslash or the end. */
static size_t plain_bytes(struct shale_str s, size_t i)
{
    const char *backslash = i == s.n_bytes ? NULL : memchr(s.data + i, '\\', s.n_bytes - i);
    return backslash == NULL ? s.n_bytes - i : (size_t)(backslash - s.data) - i;
}

enum shale_status shale_json_unescape(struct shale_str raw, struct shale_buf *out,
                                      bool *lone_surrogate)
{
    size_t i = 0;
    *lone_surrogate = false;
    while (i < raw.n_bytes) {
        size_t run = plain_bytes(raw, i), used, length = 0;
        char utf8[4];
        enum shale_status status = shale_buf_append(out, raw.data + i, run);
        if (status != SHALE_OK)
            return status;
        i += run;
        if (i == raw.n_bytes)
            break;
        uint32_t c = escape(raw.data + i, raw.n_bytes - i, &used);
        if (c == LONE)
            *lone_surrogate = true;
        else
            length = shale_utf8_encode(c, utf8);
        status = shale_buf_append(out, utf8, length);
        if (status != SHALE_OK)
            return status;
        i += used;
    }
    return SHALE_OK;
}

bool shale_json_string_is(struct shale_str raw, bool escaped, struct shale_str plain)
{
    size_t i = 0, j = 0;
    if (!escaped)
        return shale_str_equal(raw, plain);
    while (i < raw.n_bytes) {
        size_t run = plain_bytes(raw, i), used, length;
        char utf8[4];
        if (run > plain.n_bytes - j || (run > 0 && memcmp(raw.data + i, plain.data + j, run) != 0))
            return false;
        i += run;
        j += run;
        if (i == raw.n_bytes)
            break;
        uint32_t c = escape(raw.data + i, raw.n_bytes - i, &used);
        if (c == LONE)
            return false;
        length = shale_utf8_encode(c, utf8);
        if (length > plain.n_bytes - j || memcmp(utf8, plain.data + j, length) != 0)
            return false;
        i += used;
        j += length;
    }
    return j == plain.n_bytes;
}

/* The byte behind the string whose opening quote is at 'i'. */
static size_t string_end(struct shale_str value, size_t i)
{
    for (i++; i < value.n_bytes; i++) {
        if (value.data[i] == '"')
            return i + 1;
        if (value.data[i] == '\\')
            i++;
    }
    return value.n_bytes;
}

enum shale_status shale_json_minify(struct shale_str value, struct shale_buf *out)
{
    size_t i = 0;
    while (i < value.n_bytes) {
        size_t begin = i;
        enum shale_status status;
        while (i < value.n_bytes &&
               shale_json_chars[(unsigned char)value.data[i]] != SHALE_JSON_SPACE)
            i = value.data[i] == '"' ? string_end(value, i) : i + 1;
        status = shale_buf_append(out, value.data + begin, i - begin);
        if (status != SHALE_OK)
            return status;
        while (i < value.n_bytes &&
               shale_json_chars[(unsigned char)value.data[i]] == SHALE_JSON_SPACE)
            i++;
    }
    return SHALE_OK;
}

size_t shale_utf8_length(struct shale_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += ((unsigned char)text.data[i] & 0xC0) != 0x80; /* all but continuation bytes */
    return n;
}

bool shale_utf8_valid(struct shale_str text)
{
    size_t i = 0;
    while (i < text.n_bytes) {
        uint64_t word;
        size_t n;
        if (text.n_bytes - i >= 8) {
            memcpy(&word, text.data + i, 8);
            if ((word & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        n = shale_utf8_sequence((const unsigned char *)text.data + i, text.n_bytes - i);
        if (n == SHALE_UTF8_BAD || n == SHALE_UTF8_CUT)
            return false;
        i += n;
    }
    return true;
}
