/* SPDX-License-Identifier: MIT */
/* Text as a JSON string: eight bytes at a time where nothing is to be escaped. */
#include "json/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "json/utf8.h"

enum { PIECE_BYTES = 4096, MOST_FOR_ONE = 6 /* \u001f */, WORD = 8 };

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The upper bit of each byte that is below 0x20, a quote, a backslash, or no ASCII.  (A borrow can
 * mark a byte wrongly, but only behind one that is marked rightly.) */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');
    return (word | (word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1))) &
           EACH_BYTE(0x80);
}

/* One byte that cannot stand in a string; returns what it takes, 0 when it can stand there. */
static size_t put_escape(unsigned char c, char *out)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_ones[] = "btn?fr"; /* of 8 to 13; 11 has none */
    if (c >= 0x20 && c != '"' && c != '\\')
        return 0;
    out[0] = '\\';
    if (c >= 0x20) {
        out[1] = (char)c;
        return 2;
    }
    if (c >= 8 && c <= 13 && c != 11) {
        out[1] = short_ones[c - 8];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* A character from text[i] on, which is special; returns the bytes of text that it takes. */
static size_t put_special(struct shale_str text, size_t i, char **out)
{
    const unsigned char *p = (const unsigned char *)text.data + i;
    size_t n = put_escape(*p, *out);
    *out += n;
    if (n > 0)
        return 1;
    n = shale_utf8_sequence(p, text.n_bytes - i);
    if (n == SHALE_UTF8_BAD || n == SHALE_UTF8_CUT) {
        memcpy(*out, "\xEF\xBF\xBD", 3);
        *out += 3;
        return 1;
    }
    memcpy(*out, p, n);
    *out += n;
    return n;
}

/* Characters that begin in text[i, end); returns where the next one begins. */
static size_t put_piece(struct shale_str text, size_t i, size_t end, char **out)
{
    char *at = *out;
    while (i < end) {
        uint64_t word, special;
        if (text.n_bytes - i >= WORD) {
            memcpy(&word, text.data + i, WORD);
            special = special_bytes(word);
            memcpy(at, &word, WORD); /* there is room, and what is special is written over */
            if (special == 0) {
                i += WORD;
                at += WORD;
                continue;
            }
            i += (size_t)__builtin_ctzll(special) / 8;
            at += __builtin_ctzll(special) / 8;
        }
        i += put_special(text, i, &at);
    }
    *out = at;
    return i;
}

enum shale_status shale_json_quote(struct shale_str text, struct shale_buf *out)
{
    size_t i = 0;
    bool first = true;
    do { /* once for most texts, with both quotes */
        size_t left = text.n_bytes - i, end = i + (left < PIECE_BYTES ? left : PIECE_BYTES);
        enum shale_status status = shale_buf_reserve(out, (end - i) * MOST_FOR_ONE + 2 * WORD + 2);
        char *at;
        if (status != SHALE_OK)
            return status;
        at = out->data + out->n_bytes;
        if (first)
            *at++ = '"';
        first = false;
        i = put_piece(text, i, end, &at);
        if (i == text.n_bytes)
            *at++ = '"';
        out->n_bytes = (size_t)(at - out->data);
    } while (i < text.n_bytes);
    return SHALE_OK;
}
