/* SPDX-License-Identifier: MIT */
/* The elements of an array, from text that a cursor has checked already. */
#ifndef SHALE_SHRED_ELEMENTS_H
#define SHALE_SHRED_ELEMENTS_H

#include <stdbool.h>

#include "base/str.h"
#include "schema/value.h"

struct shale_elements {
    const char *at, *end;
};

struct shale_element {
    enum shale_json_kind kind;
    struct shale_str text; /* whole, a string's with its quotes */
    bool escaped;          /* a string with a backslash */
};

/* 'array' is the whole value with its brackets. */
static inline struct shale_elements shale_elements_of(struct shale_str array)
{
    return (struct shale_elements){array.data + 1, array.data + array.n_bytes - 1};
}

/* The next element; false at the end. */
bool shale_elements_next(struct shale_elements *elements, struct shale_element *out);

#endif
