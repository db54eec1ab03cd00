/* SPDX-License-Identifier: MIT */
/* Base64, strict, both ways. */
#include "codec/base64.h"

#include <stdint.h>

enum { BAD = 0x40 };

/* The value of each character (RFC 4648, table 1), from '+' to 'z'. */
static const uint8_t values['z' - '+' + 1] = {
    62,  BAD, BAD, BAD, 63,                                    /* + / */
    52,  53,  54,  55,  56,  57,  58,  59, 60, 61,             /* 0-9 */
    BAD, BAD, BAD, BAD, BAD, BAD, BAD,                         /* : ; < = > ? @ */
    0,   1,   2,   3,   4,   5,   6,   7,  8,  9,  10, 11, 12, /* A-M */
    13,  14,  15,  16,  17,  18,  19,  20, 21, 22, 23, 24, 25, /* N-Z */
    BAD, BAD, BAD, BAD, BAD, BAD,                              /* [ \ ] ^ _ ` */
    26,  27,  28,  29,  30,  31,  32,  33, 34, 35, 36, 37, 38, /* a-m */
    39,  40,  41,  42,  43,  44,  45,  46, 47, 48, 49, 50, 51, /* n-z */
};

static uint32_t value_of(char c)
{
    unsigned i = (unsigned char)c - (unsigned)'+'; /* wraps for what is below */
    return i < sizeof values ? values[i] : BAD;
}

bool shale_base64_decode(const char *text, size_t n_bytes, void *out, size_t *n_out)
{
    uint8_t *to = out;
    size_t n_pad = 0;
    *n_out = 0;
    if (n_bytes % 4 != 0)
        return false;
    while (n_pad < 2 && n_pad < n_bytes && text[n_bytes - 1 - n_pad] == '=')
        n_pad++;
    for (size_t i = 0; i < n_bytes; i += 4) {
        const bool last = i + 4 == n_bytes;
        const uint32_t a = value_of(text[i]), b = value_of(text[i + 1]);
        const uint32_t c = last && n_pad == 2 ? 0 : value_of(text[i + 2]);
        const uint32_t d = last && n_pad >= 1 ? 0 : value_of(text[i + 3]);
        const uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        if (((a | b | c | d) & BAD) != 0)
            return false;
        if (last && n_pad > 0 && (bits & (n_pad == 2 ? 0xffffu : 0xffu)) != 0)
            return false; /* bits that belong to no byte */
        *to++ = (uint8_t)(bits >> 16);
        *to++ = (uint8_t)(bits >> 8);
        *to++ = (uint8_t)bits;
    }
    *n_out = n_bytes / 4 * 3 - n_pad;
    return true;
}

enum shale_status shale_base64_append(struct shale_str bytes, struct shale_buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *b = (const uint8_t *)bytes.data;
    /* No object is so large that this overflows. */
    enum shale_status status = shale_buf_reserve(out, (bytes.n_bytes + 2) / 3 * 4);
    char *at;
    if (status != SHALE_OK || bytes.n_bytes == 0)
        return status;
    at = out->data + out->n_bytes;
    for (size_t left = bytes.n_bytes, n; left > 0; left -= n, b += n, at += 4) {
        n = left < 3 ? left : 3;
        const uint32_t group = (uint32_t)b[0] << 16 | (n > 1 ? (uint32_t)b[1] << 8 : 0u) |
                               (n > 2 ? (uint32_t)b[2] : 0u);
        at[0] = alphabet[group >> 18];
        at[1] = alphabet[group >> 12 & 63];
        at[2] = n > 1 ? alphabet[group >> 6 & 63] : '=';
        at[3] = n > 2 ? alphabet[group & 63] : '=';
    }
    out->n_bytes = (size_t)(at - out->data);
    return SHALE_OK;
}
