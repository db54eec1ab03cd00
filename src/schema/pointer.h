/* SPDX-License-Identifier: MIT */
/* JSON pointers (RFC 6901). */
#ifndef SHALE_SCHEMA_POINTER_H
#define SHALE_SCHEMA_POINTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

struct shale_pointer {
    struct shale_str text;         /* as written: "" is the whole event */
    const struct shale_str *steps; /* ~0 and ~1 resolved */
    size_t n_steps;
};

/* Parse 'text' ("" or "/a/b"); memory comes from 'arena'.  '*valid' is false for a text that is no
 * pointer.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_pointer_parse(struct shale_arena *arena,
                                                     struct shale_str text,
                                                     struct shale_pointer *out, bool *valid);

/* A step as an array index: digits without leading zero, below 2^31; false otherwise. */
bool shale_pointer_index(struct shale_str step, size_t *out);

#endif
