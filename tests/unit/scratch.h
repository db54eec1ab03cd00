/* SPDX-License-Identifier: MIT */
/* For tests that need a directory of their own and memory that runs out at a chosen call. */
#ifndef SHALE_TESTS_SCRATCH_H
#define SHALE_TESTS_SCRATCH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"

/* An allocator whose n-th call fails (0: none), and the calls so far. */
struct failing_mem {
    struct shale_mem mem;
    int n_calls, fails_at;
};

static inline void *failing_resize(void *ctx, void *ptr, size_t n_bytes)
{
    struct failing_mem *failing = ctx;
    if (n_bytes > 0 && ++failing->n_calls == failing->fails_at)
        return NULL;
    return shale_mem_libc.resize(NULL, ptr, n_bytes);
}

static inline void failing_mem_init(struct failing_mem *failing, int fails_at)
{
    *failing = (struct failing_mem){{failing_resize, failing}, 0, fails_at};
}

static inline uint64_t scratch_random(void *ctx)
{
    uint64_t *state = ctx;
    return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

/* A new empty directory in the working directory of the test. */
static inline void scratch_make(char path[64])
{
    (void)snprintf(path, 64, "scratch-XXXXXX");
    if (mkdtemp(path) == NULL)
        abort();
}

/* "DIRECTORY/NAME", good until the fourth call from now. */
static inline char *scratch_path(const char *directory, const char *name)
{
    static char paths[4][4200];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static inline void scratch_write(const char *directory, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(directory, name), "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

/* The file's text, or "?" when there is none; good until the next call. */
static inline const char *scratch_read(const char *directory, const char *name)
{
    static char text[4096];
    FILE *file = fopen(scratch_path(directory, name), "r");
    if (file == NULL)
        return "?";
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static inline bool scratch_exists(const char *directory, const char *name)
{
    struct stat info;
    return lstat(scratch_path(directory, name), &info) == 0;
}

#endif
