/* SPDX-License-Identifier: MIT */
/* An allocation hook over another one that refuses to go beyond a number of bytes: for what is as
 * large as bytes from outside say.
 *
 *     shale_limit_init(&limit, mem, 64 << 20);
 *     p = shale_mem_alloc(&limit.mem, n);            // NULL: no memory, or over the limit
 *     if (p == NULL)
 *         return shale_limit_status(&limit);         // which of the two
 *
 * Any number of threads.  Each allocation costs SHALE_LIMIT_HEADER_BYTES more, which are counted.
 */
#ifndef SHALE_BASE_LIMIT_H
#define SHALE_BASE_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/status.h"

enum { SHALE_LIMIT_HEADER_BYTES = 16 };

struct shale_limit {
    struct shale_mem mem;          /* the hook; it points to this struct, which must not move */
    const struct shale_mem *under; /* borrowed */
    size_t most_bytes;
    atomic_size_t n_bytes; /* live */
    atomic_bool refused;
};

/* A limit of 'most_bytes' over 'under' (borrowed).  There is nothing to free. */
void shale_limit_init(struct shale_limit *limit, const struct shale_mem *under, size_t most_bytes);

/* Bytes that are allocated now, headers included. */
size_t shale_limit_n_bytes(const struct shale_limit *limit);

/* Why an allocation failed: SHALE_LIMIT once the limit has refused one (by any thread, since
 * init), else SHALE_NOMEM. */
enum shale_status shale_limit_status(const struct shale_limit *limit);

#endif
