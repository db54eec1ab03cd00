/* SPDX-License-Identifier: MIT */
/* Private to columns: an Arrow type that was read, and what its arrays look like. */
#ifndef SHALE_COLUMNS_ARROW_NODE_H
#define SHALE_COLUMNS_ARROW_NODE_H

#include "base/arena.h"
#include "columns/arrow.h"

enum shale_arrow_form {
    SHALE_ARROW_BOOL,
    SHALE_ARROW_INT,     /* 'width' bytes, 'is_signed'; to int32 or int64, by 'times' and 'over' */
    SHALE_ARROW_SAME,    /* 'width' bytes, as ours are */
    SHALE_ARROW_DECIMAL, /* 'width' bytes, to 16 */
    SHALE_ARROW_BYTES,   /* offsets of 'width' bytes */
    SHALE_ARROW_VIEWS,   /* bytes by views of 16 bytes */
    SHALE_ARROW_FIXED,   /* 'width' bytes each, to BYTES */
    SHALE_ARROW_LIST,    /* offsets of 'width' bytes; a map's elements stand in a struct */
    SHALE_ARROW_FIXED_LIST, /* 'width' elements each */
    SHALE_ARROW_STRUCT,
};

struct shale_arrow_node {
    enum shale_arrow_form form;
    struct shale_type type; /* 'members' as well */
    size_t width;
    bool is_signed;
    int32_t times, over; /* INT: multiplied by, or divided by (towards the past) */
    const struct shale_arrow_node *children; /* one a member of the type */
    const struct shale_arrow_node *values;   /* of a dictionary; the node itself is the indexes */
};

struct shale_arrow_schema {
    const struct shale_mem *mem;
    struct shale_arena arena;
    struct shale_schema schema;
    struct shale_arrow_node *nodes; /* one a column */
};

#endif
