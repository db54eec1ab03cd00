/* SPDX-License-Identifier: MIT */
/* Private to columns: the builder's state, shared by appending and splitting. */
#ifndef SHALE_COLUMNS_BUILDER_ROWS_H
#define SHALE_COLUMNS_BUILDER_ROWS_H

#include "columns/builder.h"
#include "columns/vector.h"

/* A column's type, or one inside it. */
struct shale_builder_node {
    struct shale_vector vector;
    /* A put to a row below this needs to look at nothing but the vector.  It is the vector's
     * capacity; or 0 for a node after which the cursor moves (a member of a STRUCT or MAP), so that
     * only these pay for that. */
    int64_t room;
    struct shale_builder_node *parent; /* NULL: the column itself */
    struct shale_builder_node *child;  /* the first inside; NULL: a scalar */
    struct shale_builder_node *next;   /* the next of the same parent */
    struct shale_builder_node *after;  /* where the next put goes: itself, or of a STRUCT the next
                                        * member (NULL: all are there), of a MAP the other one */
    size_t n_nodes;                    /* it and all inside */
};

struct shale_builder_column {
    struct shale_builder_node *target; /* where the next put goes */
    struct shale_builder_node *open;   /* the LIST, MAP or STRUCT that has begun; NULL: none */
    struct shale_builder_node *nodes;  /* in preorder, nodes[0].n_nodes of them */
    bool partition_only;
};

struct shale_builder {
    const struct shale_mem *mem;
    const struct shale_schema *schema;
    int64_t n_rows;
    enum shale_status status; /* sticky */
    size_t n_columns;
    size_t n_nodes; /* of all columns */
    struct shale_builder_node *nodes;
    struct shale_builder_column columns[];
};

#endif
