/* SPDX-License-Identifier: MIT */
/* A view of bytes that somebody else owns: not NUL-terminated, may hold NULs. */
#ifndef SHALE_BASE_STR_H
#define SHALE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct shale_str {
    const char *data; /* may be NULL when n_bytes is 0 */
    size_t n_bytes;
};

#define SHALE_STR(literal) ((struct shale_str){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s": SHALE_STR_ARG(s). */
#define SHALE_STR_ARG(s) (int)((s).n_bytes > 1000 ? 1000 : (s).n_bytes), (s).data

static inline struct shale_str shale_str_of(const char *text)
{
    return (struct shale_str){text, strlen(text)};
}

static inline bool shale_str_equal(struct shale_str a, struct shale_str b)
{
    return a.n_bytes == b.n_bytes && (a.n_bytes == 0 || memcmp(a.data, b.data, a.n_bytes) == 0);
}

static inline bool shale_str_is(struct shale_str a, const char *text)
{
    return shale_str_equal(a, shale_str_of(text));
}

/* Byte order, a prefix before what it is a prefix of: < 0, 0, > 0. */
static inline int shale_str_compare(struct shale_str a, struct shale_str b)
{
    size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);
    if (order != 0)
        return order;
    return (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

#endif
