/* SPDX-License-Identifier: MIT */
/* A growing byte buffer with a cap. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

void shale_buf_init(struct shale_buf *buf, const struct shale_mem *mem, size_t cap)
{
    *buf = (struct shale_buf){.mem = mem, .cap = cap};
}

void shale_buf_fini(struct shale_buf *buf)
{
    if (buf->mem != NULL)
        shale_mem_free(buf->mem, buf->data);
    buf->data = NULL;
    buf->n_bytes = buf->capacity = 0;
}

enum shale_status shale_buf_reserve(struct shale_buf *buf, size_t n_more)
{
    size_t wanted, capacity;
    char *data;
    if (n_more <= buf->capacity - buf->n_bytes)
        return SHALE_OK;
    if (__builtin_add_overflow(buf->n_bytes, n_more, &wanted) || wanted > buf->cap)
        return SHALE_LIMIT;
    capacity = buf->capacity < FIRST_BYTES ? FIRST_BYTES : buf->capacity + buf->capacity / 2;
    if (capacity < wanted)
        capacity = wanted;
    if (capacity > buf->cap)
        capacity = buf->cap;
    data = shale_mem_resize(buf->mem, buf->data, capacity, 1);
    if (data == NULL)
        return SHALE_NOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return SHALE_OK;
}

enum shale_status shale_buf_append(struct shale_buf *buf, const void *data, size_t n_bytes)
{
    enum shale_status status = shale_buf_reserve(buf, n_bytes);
    if (status == SHALE_OK && n_bytes > 0) {
        memcpy(buf->data + buf->n_bytes, data, n_bytes);
        buf->n_bytes += n_bytes;
    }
    return status;
}

enum shale_status shale_buf_append_str(struct shale_buf *buf, struct shale_str s)
{
    return shale_buf_append(buf, s.data, s.n_bytes);
}

enum shale_status shale_buf_append_byte(struct shale_buf *buf, char byte)
{
    return shale_buf_append(buf, &byte, 1);
}

enum shale_status shale_buf_printf(struct shale_buf *buf, const char *format, ...)
{
    enum shale_status status;
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return SHALE_LIMIT;
    status = shale_buf_reserve(buf, (size_t)n + 1); /* vsnprintf() writes a NUL */
    if (status != SHALE_OK)
        return status;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->n_bytes, (size_t)n + 1, format, args);
    va_end(args);
    buf->n_bytes += (size_t)n;
    return SHALE_OK;
}
