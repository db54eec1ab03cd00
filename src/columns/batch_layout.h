/* SPDX-License-Identifier: MIT */
/* Private to columns: how a batch lies in memory, shared by who makes and who views one.
 *
 *     [struct shale_batch][a shale_batch_buffers a node, of all columns][part of column 0] ...
 *
 * A column's part holds, of each of its nodes in preorder: validity, offsets, data, each from a
 * multiple of 16 bytes (what a shale_i128 wants).  All places count from the part's first byte, so
 * that a part can be read back alone.  There is no pointer in a batch: its bytes are the same in
 * memory and in a file. */
#ifndef SHALE_COLUMNS_BATCH_LAYOUT_H
#define SHALE_COLUMNS_BATCH_LAYOUT_H

#include "columns/batch.h"

/* The buffers of a column, or of what is inside one. */
struct shale_batch_buffers {
    int64_t n_rows;
    int64_t n_nulls;
    uint64_t validity_at; /* of each the place; used only when there is such a buffer: */
    uint64_t offsets_at;  /* validity when n_nulls > 0, offsets and data by 'layout' */
    uint64_t data_at;
    uint32_t layout;  /* enum shale_layout */
    uint32_t n_nodes; /* itself and all inside, which follow */
};

struct shale_batch_column {
    uint64_t part_at; /* from the batch's first byte */
    uint64_t part_bytes;
    uint64_t nodes_at; /* its first shale_batch_buffers, from the batch's first byte */
};

struct shale_batch {
    uint64_t n_bytes;
    int64_t n_rows;
    uint64_t n_columns;
    struct shale_batch_column columns[];
};

static inline const struct shale_batch_buffers *
shale_batch_nodes(const struct shale_batch *batch, const struct shale_batch_column *column)
{
    return (const void *)((const char *)batch + column->nodes_at);
}

/* What one set of buffers holds; the sizes follow from it. */
struct shale_batch_measure {
    int64_t n_rows;
    int64_t n_nulls;
    uint64_t n_data_bytes; /* BYTES: their sum; other layouts: not used */
};

/* Bytes of each buffer, not aligned; 0: there is none. */
size_t shale_batch_validity_bytes(const struct shale_batch_measure *measure);
size_t shale_batch_offsets_bytes(enum shale_layout layout, int64_t n_rows);
size_t shale_batch_data_bytes(enum shale_layout layout, const struct shale_batch_measure *measure);

/* Where a buffer may begin at or behind 'n'. */
static inline uint64_t shale_batch_align(uint64_t n)
{
    return (n + 15) & ~(uint64_t)15;
}

#endif
