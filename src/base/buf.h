/* SPDX-License-Identifier: MIT */
/* A growing byte buffer that cannot pass the cap given at init. */
#ifndef SHALE_BASE_BUF_H
#define SHALE_BASE_BUF_H

#include <stddef.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"

struct shale_buf {
    const struct shale_mem *mem;
    char *data;      /* owned; NULL until the first byte */
    size_t n_bytes;  /* in use */
    size_t capacity; /* allocated */
    size_t cap;      /* never grows past this */
};

/* An empty buffer; allocates nothing.  fini() frees. */
void shale_buf_init(struct shale_buf *buf, const struct shale_mem *mem, size_t cap);
void shale_buf_fini(struct shale_buf *buf);

/* Make room for 'n_more' bytes behind data + n_bytes (n_bytes stays).
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT; the content is untouched in each case. */
SHALE_MUST_USE enum shale_status shale_buf_reserve(struct shale_buf *buf, size_t n_more);

/* Append; as shale_buf_reserve(). */
SHALE_MUST_USE enum shale_status shale_buf_append(struct shale_buf *buf, const void *data,
                                                  size_t n_bytes);
SHALE_MUST_USE enum shale_status shale_buf_append_str(struct shale_buf *buf, struct shale_str s);
SHALE_MUST_USE enum shale_status shale_buf_append_byte(struct shale_buf *buf, char byte);

/* printf() at the end (no NUL is counted).  As shale_buf_reserve(). */
SHALE_MUST_USE enum shale_status shale_buf_printf(struct shale_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget the content, keep the memory. */
static inline void shale_buf_reset(struct shale_buf *buf)
{
    buf->n_bytes = 0;
}

static inline struct shale_str shale_buf_str(const struct shale_buf *buf)
{
    return (struct shale_str){buf->data, buf->n_bytes};
}

#endif
