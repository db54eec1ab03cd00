/* SPDX-License-Identifier: MIT */
/* Paths of files as URLs (PROTOCOL.md, Add File: "a relative path or an absolute path ... as
 * specified by RFC 2396 URI Generic Syntax, which needs to be decoded"). */
#include "dataset/log_actions.h"
#include "json/text.h"

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~' || c == '/' || c == '=';
}

enum shale_status shale_log_path_encode(struct shale_str path, struct shale_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < path.n_bytes; i++) {
        unsigned char c = (unsigned char)path.data[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        enum shale_status status = is_plain(c) ? shale_buf_append_byte(out, (char)c)
                                               : shale_buf_append(out, escape, sizeof escape);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* scheme ":" or "/": RFC 2396, 3.  A colon behind the first '/' is part of a name. */
static bool is_absolute(struct shale_str url)
{
    if (url.n_bytes > 0 && url.data[0] == '/')
        return true;
    for (size_t i = 0; i < url.n_bytes; i++) {
        char c = url.data[i];
        if (c == ':')
            return i > 0 && i + 1 < url.n_bytes && url.data[i + 1] == '/';
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
            (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return false;
}

/* Can it be the key of an object (store/objects.h)? */
static bool is_key(const char *path, size_t n)
{
    size_t begin = 0;
    if (n == 0 || n > SHALE_KEY_BYTES)
        return false;
    for (size_t i = 0; i <= n; i++) {
        size_t part = i - begin;
        if (i < n && path[i] == '\0')
            return false;
        if (i < n && path[i] != '/')
            continue;
        if (part == 0 || (part == 1 && path[begin] == '.') ||
            (part == 2 && path[begin] == '.' && path[begin + 1] == '.'))
            return false;
        begin = i + 1;
    }
    return true;
}

enum shale_status shale_log_path_decode(struct shale_arena *arena, struct shale_str url,
                                        struct shale_str *out, struct shale_err *err)
{
    size_t n = 0;
    char *path;
    if (is_absolute(url))
        return SHALE_ERR(err, log_outside, SHALE_STR_ARG(url));
    path = shale_arena_copy(arena, url);
    if (path == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < url.n_bytes; i++) {
        int high, low;
        if (url.data[i] != '%') {
            path[n++] = url.data[i];
            continue;
        }
        if (url.n_bytes - i < 3 || (high = digit_of(url.data[i + 1])) < 0 ||
            (low = digit_of(url.data[i + 2])) < 0)
            return SHALE_ERR(err, log_path, SHALE_STR_ARG(url));
        path[n++] = (char)(high << 4 | low);
        i += 2;
    }
    path[n] = '\0';
    if (!is_key(path, n) || !shale_utf8_valid((struct shale_str){path, n}))
        return SHALE_ERR(err, log_path, SHALE_STR_ARG(url));
    *out = (struct shale_str){path, n};
    return SHALE_OK;
}
