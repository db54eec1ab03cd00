/* SPDX-License-Identifier: MIT */
/* The elements of an array and the members of an object, from text that a cursor has checked
 * already. */
#ifndef SHALE_SHRED_ELEMENTS_H
#define SHALE_SHRED_ELEMENTS_H

#include <stdbool.h>

#include "base/str.h"
#include "schema/value.h"

/* Where one stands in the text.  'end' may lie far behind the array or object: its closing bracket
 * ends it as well. */
struct shale_elements {
    const char *at, *end;
};

struct shale_element {
    enum shale_json_kind kind;
    struct shale_str text; /* whole, a string's with its quotes */
    bool escaped;          /* a string with a backslash */
};

/* 'array' is a whole value with its brackets, or any text that begins with one. */
static inline struct shale_elements shale_elements_of(struct shale_str array)
{
    return (struct shale_elements){array.data + 1, array.data + array.n_bytes};
}

/* Go to the first byte of the next element; false, before the closing bracket, at the end. */
bool shale_elements_more(struct shale_elements *elements);

/* Take the next element whole; false at the end. */
bool shale_elements_next(struct shale_elements *elements, struct shale_element *out);

/* Take the name of the next member, a string with its quotes, and stand at the first byte of its
 * value, which shale_elements_next() takes then; false, before the closing bracket, at the end. */
bool shale_elements_name(struct shale_elements *elements, struct shale_element *out);

#endif
