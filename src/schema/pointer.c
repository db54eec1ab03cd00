/* SPDX-License-Identifier: MIT */
/* JSON pointers (RFC 6901): split at '/', with ~1 and ~0 resolved. */
#include "schema/pointer.h"

#include <stdint.h>

/* Section 3: "~" is followed by 0 or 1, nothing else; a pointer that is not empty begins with /. */
static bool well_formed(struct shale_str text)
{
    if (text.n_bytes == 0)
        return true;
    if (text.data[0] != '/')
        return false;
    for (size_t i = 0; i < text.n_bytes; i++) {
        if (text.data[i] != '~')
            continue;
        if (i + 1 == text.n_bytes || (text.data[i + 1] != '0' && text.data[i + 1] != '1'))
            return false;
    }
    return true;
}

static size_t count_steps(struct shale_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n_bytes; i++)
        n += text.data[i] == '/';
    return n;
}

/* Resolve one step at 'data' in place; returns its length.  Each escape is read once, so that ~01
 * becomes ~1 and not '/'. */
static size_t resolve(char *data, size_t n_bytes)
{
    size_t out = 0;
    for (size_t in = 0; in < n_bytes; in++) {
        char c = data[in];
        if (c == '~')
            c = data[++in] == '0' ? '~' : '/';
        data[out++] = c;
    }
    return out;
}

enum shale_status shale_pointer_parse(struct shale_arena *arena, struct shale_str text,
                                      struct shale_pointer *out, bool *valid)
{
    struct shale_str *steps;
    char *copy, *own;
    size_t n_steps = count_steps(text), step = 0, start = 1;

    *out = (struct shale_pointer){0};
    *valid = well_formed(text);
    if (!*valid)
        return SHALE_OK;
    copy = shale_arena_copy(arena, text);
    own = shale_arena_copy(arena, text);
    steps = shale_arena_zeroed(arena, n_steps, sizeof *steps);
    if (copy == NULL || own == NULL || steps == NULL)
        return SHALE_NOMEM;
    for (size_t i = 1; n_steps > 0 && i <= text.n_bytes; i++) {
        if (i < text.n_bytes && text.data[i] != '/')
            continue;
        steps[step++] = (struct shale_str){own + start, resolve(own + start, i - start)};
        start = i + 1;
    }
    *out = (struct shale_pointer){{copy, text.n_bytes}, steps, n_steps};
    return SHALE_OK;
}

bool shale_pointer_index(struct shale_str step, size_t *out)
{
    size_t value = 0;
    if (step.n_bytes == 0 || step.n_bytes > 10 || (step.n_bytes > 1 && step.data[0] == '0'))
        return false;
    for (size_t i = 0; i < step.n_bytes; i++) {
        if (step.data[i] < '0' || step.data[i] > '9')
            return false;
        value = value * 10 + (size_t)(step.data[i] - '0');
    }
    *out = value;
    return value <= INT32_MAX;
}
