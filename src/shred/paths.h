/* SPDX-License-Identifier: MIT */
/* The places of an event that a definition names, as a tree of steps: what the walk follows.
 * Built once, immutable then. */
#ifndef SHALE_SHRED_PATHS_H
#define SHALE_SHRED_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "schema/pointer.h"

#define SHALE_PATH_NONE UINT32_MAX

/* Who names a place, or one inside it. */
enum {
    SHALE_PATH_FIELD = 1,
    SHALE_PATH_CONDITION = 2,
    SHALE_PATH_RECORDS = 4,
    SHALE_PATH_STRUCT = 8, /* a field that is a struct or has one inside */
};

struct shale_path {
    struct shale_str name; /* the step, borrowed from the pointer; "" at the root */
    uint32_t first_child, last_child, next_sibling, parent;
    uint32_t n_children;
    /* Slots are numbered in the order of a walk, so that what lies below a place is a range. */
    uint32_t slot, slot_end;
    uint32_t n_elements; /* of an array here, those behind are of no interest */
    uint32_t index;      /* the step as an element, SHALE_PATH_NONE when it is none */
    uint8_t marks;
    bool read;    /* the value itself is wanted, not only some inside it */
    bool records; /* here are the records of an envelope */
};

struct shale_paths {
    const struct shale_mem *mem;
    struct shale_path *path; /* 0 is the root */
    uint32_t n, capacity;
    uint32_t depth;  /* of the longest pointer */
    uint32_t *table; /* hash table of children by (parent, name) */
    size_t mask;
};

/* An empty tree of one root.  fini() frees, also after a failure. */
SHALE_MUST_USE enum shale_status shale_paths_init(struct shale_paths *paths,
                                                  const struct shale_mem *mem);
void shale_paths_fini(struct shale_paths *paths);

/* Name a place for 'mark'; '*out' is its number.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_paths_add(struct shale_paths *paths,
                                                 const struct shale_pointer *pointer, uint8_t mark,
                                                 uint32_t *out);

/* All places are named: number the slots and make the table.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_paths_seal(struct shale_paths *paths);

/* The child of 'parent' for a member's name ('raw' as it stands in the text), or
 * SHALE_PATH_NONE. */
uint32_t shale_paths_member(const struct shale_paths *paths, uint32_t parent, struct shale_str raw,
                            bool escaped);

/* The child of 'parent' for the element 'index' of an array, or SHALE_PATH_NONE. */
uint32_t shale_paths_element(const struct shale_paths *paths, uint32_t parent, uint32_t index);

#endif
