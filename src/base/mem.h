/* SPDX-License-Identifier: MIT */
/* The allocation hook.  All memory of ours goes through one, so that a test can count it, limit
 * it and fail it.  A hook is immutable and may be used by every thread at once. */
#ifndef SHALE_BASE_MEM_H
#define SHALE_BASE_MEM_H

#include <stddef.h>

struct shale_mem {
    /* As realloc(): 'ptr' NULL allocates, 'n_bytes' 0 frees and returns NULL, NULL for a
     * positive size means that there is none and 'ptr' is as it was. */
    void *(*resize)(void *ctx, void *ptr, size_t n_bytes);
    void *ctx;
};

/* The C library's allocator. */
extern const struct shale_mem shale_mem_libc;

/* 'n_bytes' of uninitialised memory (at least 1), or NULL.  The owner calls shale_mem_free(). */
void *shale_mem_alloc(const struct shale_mem *mem, size_t n_bytes);

/* 'n' zeroed elements, or NULL, also when the product overflows. */
void *shale_mem_zeroed(const struct shale_mem *mem, size_t n, size_t element_bytes);

/* Resize to 'n' elements; NULL (and 'ptr' as it was) when there is no memory or it overflows. */
void *shale_mem_resize(const struct shale_mem *mem, void *ptr, size_t n, size_t element_bytes);

/* Free; NULL is fine. */
void shale_mem_free(const struct shale_mem *mem, void *ptr);

#endif
