/* SPDX-License-Identifier: MIT */
/* The limiting hook: each block begins with its size, since a hook is not told it again. */
#include "base/limit.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static_assert(SHALE_LIMIT_HEADER_BYTES >= sizeof(size_t) &&
                  SHALE_LIMIT_HEADER_BYTES % alignof(max_align_t) == 0,
              "what follows a header is aligned for any type");

/* Count 'n_bytes' more; false when that would pass the limit. */
static bool take(struct shale_limit *limit, size_t n_bytes)
{
    size_t live = atomic_load_explicit(&limit->n_bytes, memory_order_relaxed);
    do {
        if (n_bytes > limit->most_bytes - live) {
            atomic_store_explicit(&limit->refused, true, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&limit->n_bytes, &live, live + n_bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void give_back(struct shale_limit *limit, size_t n_bytes)
{
    (void)atomic_fetch_sub_explicit(&limit->n_bytes, n_bytes, memory_order_relaxed);
}

static void *limited_resize(void *ctx, void *ptr, size_t n_bytes)
{
    struct shale_limit *limit = ctx;
    char *block = ptr == NULL ? NULL : (char *)ptr - SHALE_LIMIT_HEADER_BYTES;
    size_t before = 0, after;
    if (block != NULL)
        memcpy(&before, block, sizeof before);
    if (n_bytes == 0) {
        give_back(limit, before);
        return block == NULL ? NULL : limit->under->resize(limit->under->ctx, block, 0);
    }
    if (n_bytes > SIZE_MAX - SHALE_LIMIT_HEADER_BYTES) {
        atomic_store_explicit(&limit->refused, true, memory_order_relaxed);
        return NULL;
    }
    after = n_bytes + SHALE_LIMIT_HEADER_BYTES;
    if (after > before && !take(limit, after - before))
        return NULL;
    block = limit->under->resize(limit->under->ctx, block, after);
    if (block == NULL) {
        if (after > before)
            give_back(limit, after - before);
        return NULL;
    }
    if (after < before)
        give_back(limit, before - after);
    memcpy(block, &after, sizeof after);
    return block + SHALE_LIMIT_HEADER_BYTES;
}

void shale_limit_init(struct shale_limit *limit, const struct shale_mem *under, size_t most_bytes)
{
    limit->mem = (struct shale_mem){limited_resize, limit};
    limit->under = under;
    limit->most_bytes = most_bytes;
    atomic_init(&limit->n_bytes, 0);
    atomic_init(&limit->refused, false);
}

size_t shale_limit_n_bytes(const struct shale_limit *limit)
{
    return atomic_load_explicit(&limit->n_bytes, memory_order_relaxed);
}

enum shale_status shale_limit_status(const struct shale_limit *limit)
{
    return atomic_load_explicit(&limit->refused, memory_order_relaxed) ? SHALE_LIMIT : SHALE_NOMEM;
}
