/* SPDX-License-Identifier: MIT */
/* The members of an object whose names nobody knows before: each name once, with its last value.
 * One thread at a time. */
#ifndef SHALE_SHRED_MEMBERS_H
#define SHALE_SHRED_MEMBERS_H

#include "base/buf.h"
#include "shred/elements.h"

/* Of members with one name one stays, the others are passed over. */
enum shale_members_keep {
    SHALE_MEMBERS_FIRST, /* at the place of the first */
    SHALE_MEMBERS_LAST,  /* at the place of the last */
};

/* Places are bytes of the window, at most SHALE_JSON_MAX_WINDOW. */
struct shale_entry {
    uint32_t name_at;       /* its opening quote */
    uint32_t value_at;      /* the value's first byte */
    unsigned int hash : 31; /* of the name */
    unsigned int passed_over : 1;
};

/* Entries are a stack: those of an object inside another lie above that one's. */
struct shale_members {
    const char *text, *text_end; /* the window, set by the owner for each event */
    struct shale_buf entries;    /* of struct shale_entry */
    struct shale_buf order;      /* to sort them */
    struct shale_buf name[2];    /* decoded: of the entries that are compared */
    enum shale_status status;    /* private: of a comparison */
};

void shale_members_init(struct shale_members *members, const struct shale_mem *mem,
                        size_t max_bytes);
void shale_members_fini(struct shale_members *members);

/* How many entries there are now: where those of the next object begin. */
size_t shale_members_n(const struct shale_members *members);

static inline struct shale_entry *shale_members_at(const struct shale_members *members, size_t i)
{
    return (struct shale_entry *)(void *)members->entries.data + i;
}

/* Append one; the name in 'text' with its quotes.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_members_add(struct shale_members *members,
                                                   const struct shale_element *name,
                                                   const char *value);

/* Append those of the object at whose brace 'values' stands, which goes behind it.  As above. */
SHALE_MUST_USE enum shale_status shale_members_add_object(struct shale_members *members,
                                                          struct shale_elements *values);

/* Mark those from 'begin' on that are passed over.  As above. */
SHALE_MUST_USE enum shale_status shale_members_unique(struct shale_members *members, size_t begin,
                                                      enum shale_members_keep keep);

/* Drop the entries from 'begin' on. */
void shale_members_drop(struct shale_members *members, size_t begin);

/* An entry's name with its quotes, and its value. */
struct shale_element shale_members_name(const struct shale_members *members, size_t i);
struct shale_elements shale_members_value(const struct shale_members *members, size_t i);

/* The characters of a name with quotes: a view of the text, or of 'out', which is overwritten.
 * '*broken': it has half a surrogate pair; '*plain' is then as written. */
SHALE_MUST_USE enum shale_status shale_name_decode(const struct shale_element *name,
                                                   struct shale_buf *out, struct shale_str *plain,
                                                   bool *broken);

#endif
