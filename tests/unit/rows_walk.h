/* SPDX-License-Identifier: MIT */
/* Looks at every value that a reader hands out: the promises of columns/column.h hold, whatever
 * the file was.  Ends the program when one does not. */
#ifndef SHALE_TESTS_ROWS_WALK_H
#define SHALE_TESTS_ROWS_WALK_H

#include <stdlib.h>

#include "parquet/reader.h"

static inline void rows_require(bool holds)
{
    if (!holds)
        abort();
}

/* FNV-1a. */
static inline uint64_t rows_hash(uint64_t hash, const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static inline uint64_t rows_walk_values(const struct shale_type *type,
                                        const struct shale_column *column, uint64_t hash);

static inline uint64_t rows_walk_children(const struct shale_type *type,
                                          const struct shale_column *column, int64_t n_rows,
                                          uint64_t hash)
{
    const struct shale_column *child = column->child;
    for (size_t i = 0; i < type->n_members; i++, child = child->next) {
        rows_require(child != NULL && child->n_rows == n_rows);
        hash = rows_walk_values(&type->members[i].type, child, hash);
    }
    rows_require(child == NULL);
    return hash;
}

/* The offsets begin at 0 and never go back; returns where the last row ends. */
static inline int64_t rows_walk_offsets(const struct shale_column *column)
{
    rows_require(column->offsets != NULL && column->offsets[0] == 0);
    for (int64_t i = 0; i < column->n_rows; i++)
        rows_require(column->offsets[i] <= column->offsets[i + 1]);
    return column->offsets[column->n_rows];
}

/* Values of a fixed width, and BOOL; a null's does not count. */
static inline uint64_t rows_walk_fixed(enum shale_layout layout, const struct shale_column *column,
                                       uint64_t hash)
{
    size_t width = shale_layout_width(layout);
    for (int64_t i = 0; i < column->n_rows; i++) {
        uint8_t bit;
        if (shale_column_is_null(column, i))
            continue;
        if (width > 0) {
            hash = rows_hash(hash, (const char *)column->data + (size_t)i * width, width);
            continue;
        }
        bit = shale_bit(column->data, i);
        hash = rows_hash(hash, &bit, 1);
    }
    return hash;
}

static inline uint64_t rows_walk_values(const struct shale_type *type,
                                        const struct shale_column *column, uint64_t hash)
{
    enum shale_layout layout = shale_type_layout(type);
    int64_t n_nulls = 0, n_bytes;
    rows_require(column->n_rows >= 0);
    for (int64_t i = 0; i < column->n_rows; i++) {
        uint8_t null = shale_column_is_null(column, i);
        n_nulls += null;
        hash = rows_hash(hash, &null, 1);
    }
    rows_require(n_nulls == column->n_nulls);
    switch (layout) {
    case SHALE_LAYOUT_LIST:
        n_bytes = rows_walk_offsets(column);
        hash = rows_hash(hash, column->offsets, ((size_t)column->n_rows + 1) * sizeof(int32_t));
        return rows_walk_children(type, column, n_bytes, hash);
    case SHALE_LAYOUT_STRUCT:
        return rows_walk_children(type, column, column->n_rows, hash);
    case SHALE_LAYOUT_BYTES:
        n_bytes = rows_walk_offsets(column);
        hash = rows_hash(hash, column->offsets, ((size_t)column->n_rows + 1) * sizeof(int32_t));
        return n_bytes == 0 ? hash : rows_hash(hash, column->data, (size_t)n_bytes);
    default:
        return rows_walk_fixed(layout, column, hash);
    }
}

/* All columns of 'rows', which are those of 'schema'. */
static inline uint64_t rows_walk(const struct shale_schema *schema, const struct shale_rows *rows,
                                 uint64_t hash)
{
    rows_require(rows->n_rows > 0 && rows->n_columns == schema->n_columns);
    for (size_t i = 0; i < rows->n_columns; i++) {
        rows_require(rows->columns[i].n_rows == rows->n_rows);
        hash = rows_walk_values(&schema->columns[i].type, &rows->columns[i], hash);
    }
    return hash;
}

/* ---- A file in memory -------------------------------------------------------------------------
 */

struct rows_file {
    struct shale_random random;
    const uint8_t *data;
};

static inline enum shale_status rows_file_read(struct shale_random *file, int64_t at, void *out,
                                               size_t n_bytes, struct shale_err *err)
{
    const struct rows_file *self = (struct rows_file *)(void *)file;
    (void)err;
    rows_require(at >= 0 && at <= file->n_bytes && n_bytes <= (uint64_t)(file->n_bytes - at));
    if (n_bytes > 0)
        memcpy(out, self->data + at, n_bytes);
    return SHALE_OK;
}

static inline struct rows_file rows_file_of(const void *data, size_t n_bytes)
{
    return (struct rows_file){{(int64_t)n_bytes, rows_file_read}, data};
}

/* ---- Memory with a limit ------------------------------------------------------------------------
 */

/* What is live and the most that was; more than 'limit' ends the program: a reader is to refuse
 * before it asks. */
struct rows_memory {
    struct shale_mem mem;
    size_t live, most, limit;
};

static inline void *rows_memory_resize(void *ctx, void *ptr, size_t n_bytes)
{
    enum { HEADER = 16 };
    struct rows_memory *memory = ctx;
    char *block = ptr == NULL ? NULL : (char *)ptr - HEADER;
    size_t old = 0;
    if (block != NULL)
        memcpy(&old, block, sizeof(old));
    if (n_bytes == 0) {
        memory->live -= old;
        free(block);
        return NULL;
    }
    rows_require(n_bytes <= memory->limit && memory->live - old <= memory->limit - n_bytes);
    block = realloc(block, n_bytes + HEADER);
    if (block == NULL)
        return NULL;
    memcpy(block, &n_bytes, sizeof(n_bytes));
    memory->live += n_bytes - old;
    if (memory->live > memory->most)
        memory->most = memory->live;
    return block + HEADER;
}

static inline void rows_memory_init(struct rows_memory *memory, size_t limit)
{
    *memory = (struct rows_memory){{rows_memory_resize, memory}, 0, 0, limit};
}

#endif
