/* SPDX-License-Identifier: MIT */
/* Private to parquet: one leaf of a row group as levels and dense values, row by row.
 *
 * Rows are read ahead into a store; a batch is made of its first rows, which are then dropped. What
 * was read beyond (a list's next row, rows of a batch that another leaf cut short) stays for the
 * next.  One thread at a time. */
#ifndef SHALE_PARQUET_LEAF_READER_H
#define SHALE_PARQUET_LEAF_READER_H

#include "parquet/values_reader.h"

/* Definition or repetition levels of the page in hand. */
struct shale_level_source {
    unsigned bit_width, largest;
    bool is_packed; /* BIT_PACKED: 'unpacked' has all of the page */
    struct shale_rle_reader runs;
    uint8_t *unpacked; /* owned */
    size_t unpacked_capacity, n_taken;
};

struct shale_leaf_reader {
    struct shale_page_reader pages;
    struct shale_values_reader values;
    struct shale_value_kind kind;
    struct shale_level_source definition, repetition; /* 'largest' 0: the leaf has none */
    uint8_t least_definition[256];                    /* of an entry with this repetition level */

    int64_t n_rows;                /* of the row group */
    int64_t n_levels_left;         /* of the chunk, those of the page in hand included */
    int64_t n_page_levels;         /* left of the page in hand */
    int64_t next_row;              /* of the row group: the first that is not yet in the store */
    uint8_t last_definition;       /* of the level before */
    struct shale_file_page *index; /* of the chunk, once it was wanted; owned */
    size_t n_index;
    size_t index_next; /* the page to be read next, when 'by_index' */
    bool index_read;
    bool
        by_index; /* pages are found by the index: each begins with a row, levels are not counted */

    /* The store. */
    uint8_t *definitions, *repetitions; /* NULL for a leaf without */
    size_t n_levels, levels_capacity;
    int64_t n_begun; /* rows that begin in it; the last may go on */
    struct shale_dense dense;
    struct shale_dense scratch;
};

/* 'type' is the leaf's own.  Returns SHALE_OK or SHALE_SCHEMA (its values cannot be read). */
SHALE_MUST_USE enum shale_status
shale_leaf_reader_init(struct shale_leaf_reader *leaf, const struct shale_reader *reader,
                       struct shale_decoder *decoder, size_t number, const struct shale_type *type,
                       size_t window_bytes, struct shale_err *err);
void shale_leaf_reader_fini(struct shale_leaf_reader *leaf);

/* A row group, from its first row on; the store is emptied. */
SHALE_MUST_USE enum shale_status shale_leaf_reader_begin(struct shale_leaf_reader *leaf,
                                                         size_t row_group, struct shale_err *err);

/* The chunk's dictionary, which is before its pages; NULL when there is none. */
SHALE_MUST_USE enum shale_status shale_leaf_reader_dictionary(struct shale_leaf_reader *leaf,
                                                              const struct shale_dense **out,
                                                              struct shale_err *err);

/* shale_reader_page_index() by the reader's own memory; an index that is damaged is none, as
 * nothing but speed depends on it. */
SHALE_MUST_USE enum shale_status shale_scan_page_index(const struct shale_reader *reader,
                                                       size_t row_group, size_t leaf,
                                                       struct shale_file_page **pages,
                                                       size_t *n_pages, struct shale_err *err);

/* Complete rows in the store. */
int64_t shale_leaf_reader_n_rows(const struct shale_leaf_reader *leaf);

/* Bytes of the store. */
static inline size_t shale_leaf_reader_bytes(const struct shale_leaf_reader *leaf)
{
    size_t n_arrays = (leaf->definition.largest > 0) + (size_t)(leaf->repetition.largest > 0);
    return leaf->n_levels * n_arrays + shale_dense_bytes(&leaf->dense);
}

/* Read until the store has 'n_rows' rows (no more than the row group has left), or about 'n_bytes'
 * and a row. */
SHALE_MUST_USE enum shale_status shale_leaf_reader_fill(struct shale_leaf_reader *leaf,
                                                        int64_t n_rows, size_t n_bytes,
                                                        struct shale_err *err);

/* Where the store's first 'n_rows' (complete) rows end: levels, and values. */
void shale_leaf_reader_cut(const struct shale_leaf_reader *leaf, int64_t n_rows, size_t *n_levels,
                           size_t *n_values);

/* Drop the store's first 'n_rows' rows. */
void shale_leaf_reader_drop(struct shale_leaf_reader *leaf, int64_t n_rows);

/* Move over the next 'n_rows' rows, of which the store's are the first. */
SHALE_MUST_USE enum shale_status shale_leaf_reader_skip(struct shale_leaf_reader *leaf,
                                                        int64_t n_rows, struct shale_err *err);

/* Nobody wants further rows of the row group: if all were read, is that also all there is? */
SHALE_MUST_USE enum shale_status shale_leaf_reader_end(struct shale_leaf_reader *leaf,
                                                       struct shale_err *err);

#endif
