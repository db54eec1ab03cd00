/* SPDX-License-Identifier: MIT */
/* Types that hold others, made ready for reading: the names of structs in tables, and a place for
 * each member of the object under work.  Built once; one thread at a time. */
#ifndef SHALE_SHRED_NEST_H
#define SHALE_SHRED_NEST_H

#include "base/arena.h"
#include "base/status.h"
#include "schema/type.h"
#include "shred/elements.h"

#define SHALE_NEST_NONE UINT32_MAX

struct shale_nest {
    const struct shale_type *type;
    struct shale_nest *inside; /* one a member of the type, n_members of them; NULL for a scalar */
    bool has_struct;           /* it is a struct, or there is one inside */
    /* What a row of it takes in the columns whatever its text: a decimal's 16 bytes for "1", a
     * struct's members also when it does not have them. */
    size_t row_bytes;

    /* Of a STRUCT: */
    struct shale_element *found; /* of each member, in the object under work; NULL: none */
    uint32_t *table;             /* names by their hash, 0 for none, else the member + 1 */
    size_t mask;
    uint32_t *follows; /* a guess: the member that comes after this one (n_members: first).  A wrong
                        * one costs time and changes nothing else. */
};

/* Fill '*out'; all memory from 'arena'.  Returns SHALE_OK or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_nest_init(struct shale_nest *out, struct shale_arena *arena,
                                                 const struct shale_type *type);

/* The member of that name, or NONE. */
uint32_t shale_nest_member(const struct shale_nest *nest, struct shale_str name);

/* The same, where names mostly come in one order: '*last' is the member found before, n_members at
 * the begin of an object. */
uint32_t shale_nest_next_member(struct shale_nest *nest, struct shale_str name, uint32_t *last);

#endif
