/* SPDX-License-Identifier: MIT */
/* Private to parquet: from levels and dense values to columns in Arrow's layout, of any nesting
 * (Dremel assembly).  One thread at a time.
 *
 * Each node of a column's type has slots: its values and nulls.  Of a leaf's entries (a definition
 * and a repetition level) one begins a slot of a node when it does not go on inside that node, and
 * when what the node lies in exists; it is null when its definition level is too low.  A list's
 * offsets count the entries that begin one of its elements.  The leaves below a node must say the
 * same of it. */
#ifndef SHALE_PARQUET_ASSEMBLE_H
#define SHALE_PARQUET_ASSEMBLE_H

#include "columns/column.h"
#include "parquet/leaf_reader.h"

struct shale_assembly_node {
    enum shale_layout layout;
    uint8_t present;            /* least definition level of what is not null */
    uint8_t slot_definition;    /* a slot begins: least definition, ... */
    uint8_t slot_repetition;    /* ... largest repetition level */
    uint8_t element_definition; /* LIST: the same for its elements */
    uint8_t element_repetition;
    uint32_t parent;             /* of the root: 0 */
    size_t first_leaf, n_leaves; /* below it, or itself: of 'leaves' */
    /* Made for a batch where the store does not have it. */
    uint8_t *validity;
    int32_t *offsets;
    char *data;
    size_t validity_bytes, offsets_bytes, data_bytes; /* allocated */
    struct shale_column *column;                      /* one of 'columns' */
};

struct shale_assembly {
    const struct shale_mem *mem;
    struct shale_leaf_reader *leaves; /* owned */
    size_t n_leaves;
    struct shale_assembly_node *nodes; /* owned; a type, then its members one by one */
    struct shale_column *columns;      /* owned; one a node, linked */
    size_t n_nodes;
    uint8_t *slots; /* definition levels of the slots of a node */
    size_t slots_bytes;
    struct shale_assembly_node other; /* what a further leaf says of a node */
};

/* Column 'column' of the file.  fini() in any case. */
SHALE_MUST_USE enum shale_status shale_assembly_init(struct shale_assembly *assembly,
                                                     const struct shale_reader *reader,
                                                     struct shale_decoder *decoder, size_t column,
                                                     size_t window_bytes, struct shale_err *err);
void shale_assembly_fini(struct shale_assembly *assembly);

/* Make the column of the first 'n_rows' rows of the leaves' stores (they have as many):
 * assembly->columns[0], good until these change. */
SHALE_MUST_USE enum shale_status shale_assembly_make(struct shale_assembly *assembly,
                                                     int64_t n_rows, struct shale_err *err);

#endif
