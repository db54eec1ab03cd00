/* SPDX-License-Identifier: MIT */
/* Arena: a list of chunks, each at least twice as large as what is asked of it. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum { CHUNK_BYTES = 16 * 1024 };

struct shale_arena_chunk {
    struct shale_arena_chunk *next;
    size_t n_bytes; /* behind this header */
    alignas(max_align_t) char data[];
};

void shale_arena_init(struct shale_arena *arena, const struct shale_mem *mem, size_t cap)
{
    *arena = (struct shale_arena){.mem = mem, .cap = cap};
}

static void free_chunks(struct shale_arena *arena, struct shale_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct shale_arena_chunk *next = chunk->next;
        arena->n_total -= chunk->n_bytes;
        shale_mem_free(arena->mem, chunk);
        chunk = next;
    }
}

void shale_arena_fini(struct shale_arena *arena)
{
    free_chunks(arena, arena->chunks);
    arena->chunks = NULL;
    arena->n_used = 0;
}

void shale_arena_reset(struct shale_arena *arena)
{
    /* Chunks double, so the newest is the largest. */
    if (arena->chunks != NULL) {
        free_chunks(arena, arena->chunks->next);
        arena->chunks->next = NULL;
    }
    arena->n_used = 0;
}

static struct shale_arena_chunk *add_chunk(struct shale_arena *arena, size_t n_bytes)
{
    struct shale_arena_chunk *chunk;
    size_t size = arena->chunks == NULL ? CHUNK_BYTES : arena->chunks->n_bytes * 2;
    if (size < n_bytes)
        size = n_bytes;
    if (size > arena->cap - arena->n_total)
        size = n_bytes;
    if (size > arena->cap - arena->n_total || size > SIZE_MAX - sizeof *chunk)
        return NULL;
    chunk = shale_mem_alloc(arena->mem, sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    chunk->next = arena->chunks;
    chunk->n_bytes = size;
    arena->chunks = chunk;
    arena->n_total += size;
    arena->n_used = 0;
    return chunk;
}

void *shale_arena_zeroed(struct shale_arena *arena, size_t n, size_t element_bytes)
{
    struct shale_arena_chunk *chunk = arena->chunks;
    size_t n_bytes, at;
    if (__builtin_mul_overflow(n, element_bytes, &n_bytes) ||
        n_bytes > SIZE_MAX - alignof(max_align_t))
        return NULL;
    n_bytes = (n_bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (chunk == NULL || n_bytes > chunk->n_bytes - arena->n_used)
        chunk = add_chunk(arena, n_bytes);
    if (chunk == NULL)
        return NULL;
    at = arena->n_used;
    arena->n_used += n_bytes;
    memset(chunk->data + at, 0, n_bytes);
    return chunk->data + at;
}

char *shale_arena_copy(struct shale_arena *arena, struct shale_str s)
{
    char *copy = s.n_bytes == SIZE_MAX ? NULL : shale_arena_zeroed(arena, s.n_bytes + 1, 1);
    if (copy != NULL && s.n_bytes > 0)
        memcpy(copy, s.data, s.n_bytes);
    return copy;
}
