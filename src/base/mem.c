/* SPDX-License-Identifier: MIT */
/* The allocation hook over the C library. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *ctx, void *ptr, size_t n_bytes)
{
    (void)ctx;
    if (n_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, n_bytes);
}

const struct shale_mem shale_mem_libc = {libc_resize, NULL};

void *shale_mem_alloc(const struct shale_mem *mem, size_t n_bytes)
{
    return mem->resize(mem->ctx, NULL, n_bytes == 0 ? 1 : n_bytes);
}

void *shale_mem_zeroed(const struct shale_mem *mem, size_t n, size_t element_bytes)
{
    void *ptr = shale_mem_resize(mem, NULL, n, element_bytes);
    if (ptr != NULL)
        memset(ptr, 0, n * element_bytes);
    return ptr;
}

void *shale_mem_resize(const struct shale_mem *mem, void *ptr, size_t n, size_t element_bytes)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n, element_bytes, &n_bytes))
        return NULL;
    return mem->resize(mem->ctx, ptr, n_bytes == 0 ? 1 : n_bytes);
}

void shale_mem_free(const struct shale_mem *mem, void *ptr)
{
    if (ptr != NULL)
        (void)mem->resize(mem->ctx, ptr, 0);
}
