/* SPDX-License-Identifier: MIT */
/* Memory that is given back all at once: for what lives as long as an object or a row group, and
 * for definitions.  One thread at a time. */
#ifndef SHALE_BASE_ARENA_H
#define SHALE_BASE_ARENA_H

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

struct shale_arena_chunk;

struct shale_arena {
    const struct shale_mem *mem;
    struct shale_arena_chunk *chunks; /* newest first */
    size_t n_used;                    /* of the newest chunk */
    size_t n_total;                   /* allocated bytes of all chunks */
    size_t cap;                       /* n_total never passes this */
};

void shale_arena_init(struct shale_arena *arena, const struct shale_mem *mem, size_t cap);
void shale_arena_fini(struct shale_arena *arena);

/* Forget all that was given out; keeps the largest chunk. */
void shale_arena_reset(struct shale_arena *arena);

/* 'n' zeroed elements, aligned for any type, or NULL (no memory, cap, overflow). */
void *shale_arena_zeroed(struct shale_arena *arena, size_t n, size_t element_bytes);

/* A NUL-terminated copy of 's', or NULL. */
char *shale_arena_copy(struct shale_arena *arena, struct shale_str s);

#endif
