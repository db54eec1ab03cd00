/* SPDX-License-Identifier: MIT */
/* Private to columns: one growing array of values in Arrow's layout, of a column or of what
 * is inside one.  Bits from n_rows on are zero, and so is what stands where a row is null. */
#ifndef SHALE_COLUMNS_VECTOR_H
#define SHALE_COLUMNS_VECTOR_H

#include "base/mem.h"
#include "base/status.h"
#include "columns/column.h"
#include "schema/type.h"

struct shale_vector {
    enum shale_layout layout;
    size_t width; /* of a fixed-width layout, else 0 */
    int64_t n_rows, n_nulls;
    int64_t capacity; /* rows, a multiple of 64 */
    uint8_t *validity;
    int32_t *offsets; /* BYTES, LIST: capacity + 1 */
    char *data;       /* BYTES: bytes_capacity; BOOL: bits; fixed width: capacity */
    size_t bytes_capacity;
};

void shale_vector_init(struct shale_vector *vector, enum shale_layout layout);
void shale_vector_fini(struct shale_vector *vector, const struct shale_mem *mem);

/* Make room for one more row, or for 'n_more' more bytes of a BYTES vector: the slow path of a put.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT (over 2^31 - 1 rows or bytes). */
SHALE_MUST_USE enum shale_status shale_vector_grow(struct shale_vector *vector,
                                                   const struct shale_mem *mem);
SHALE_MUST_USE enum shale_status
shale_vector_grow_bytes(struct shale_vector *vector, const struct shale_mem *mem, size_t n_more);

/* Drop the rows from 'n_rows' on. */
void shale_vector_truncate(struct shale_vector *vector, int64_t n_rows);

/* Allocated bytes. */
size_t shale_vector_allocated(const struct shale_vector *vector);

/* A view without 'child'. */
struct shale_column shale_vector_view(const struct shale_vector *vector);

#endif
