/* SPDX-License-Identifier: MIT */
/* Private to parquet: values of a leaf that was read, one after the other without the nulls, in the
 * layout of its type: what pages and dictionaries are decoded to.  One thread at a time.
 *
 *     BYTES   offsets (n + 1, the first is 0) and bytes
 *     BOOL    a byte each
 *     others  as schema/type.h has them */
#ifndef SHALE_PARQUET_DENSE_H
#define SHALE_PARQUET_DENSE_H

#include "base/buf.h"
#include "base/mem.h"
#include "parquet/metadata.h"
#include "schema/type.h"

/* Copies may read and write this many bytes behind what they mean. */
enum { SHALE_DENSE_PADDING = 32 };

/* From a value of a file to one in memory. */
enum shale_convert {
    SHALE_CONVERT_NONE, /* the same bytes */
    SHALE_CONVERT_BOOL,
    SHALE_CONVERT_I32_I64,
    SHALE_CONVERT_I32_I128,
    SHALE_CONVERT_I64_I128,
    SHALE_CONVERT_INT96,
    SHALE_CONVERT_BIG_ENDIAN,  /* FIXED, BYTE_ARRAY to a decimal */
    SHALE_CONVERT_FIXED_BYTES, /* FIXED to BYTES */
};

struct shale_value_kind {
    enum shale_physical physical;
    enum shale_convert convert;
    enum shale_layout layout;
    enum shale_unit unit; /* of INT96 in memory; finer digits are cut (to the past) */
    size_t file_width; /* bytes of a PLAIN value; 0: BYTE_ARRAY, BOOLEAN (and FIXED of no bytes) */
    size_t width;      /* of a value in memory, 1 for BOOL; 0: BYTES */
};

/* How values of 'node' become 'type'.  Returns false when they cannot (the file contradicts
 * itself). */
SHALE_MUST_USE bool shale_value_kind_of(const struct shale_file_node *node,
                                        const struct shale_type *type,
                                        struct shale_value_kind *out);

struct shale_dense {
    const struct shale_mem *mem;
    size_t width;
    size_t n;
    size_t capacity; /* values; with SHALE_DENSE_PADDING behind them */
    char *data;
    int32_t *offsets;
    struct shale_buf bytes; /* n_bytes is what the last offset says */
};

void shale_dense_init(struct shale_dense *dense, const struct shale_mem *mem, size_t width);
void shale_dense_fini(struct shale_dense *dense);

/* Room for 'n_more' values (not their bytes).  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_dense_reserve(struct shale_dense *dense, size_t n_more);

/* Drop the first 'n' values. */
void shale_dense_drop(struct shale_dense *dense, size_t n);

static inline void shale_dense_reset(struct shale_dense *dense)
{
    dense->n = 0;
    dense->bytes.n_bytes = 0;
}

/* Bytes in use. */
static inline size_t shale_dense_bytes(const struct shale_dense *dense)
{
    return dense->width > 0 ? dense->n * dense->width : dense->n * 4 + dense->bytes.n_bytes;
}

/* Append 'n' PLAIN values of kind->file_width bytes each at 'values'.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_LIMIT, or SHALE_CORRUPT (out of range; no words). */
SHALE_MUST_USE enum shale_status shale_dense_append_fixed(struct shale_dense *dense,
                                                          const struct shale_value_kind *kind,
                                                          const char *values, size_t n);

/* Append 'n' BYTE_ARRAYs, PLAIN at the front of 'values', which is cut; SHALE_DENSE_PADDING bytes
 * behind it can be read.  Returns as above; SHALE_CORRUPT: 'values' has not as many. */
SHALE_MUST_USE enum shale_status shale_dense_append_bytes(struct shale_dense *dense,
                                                          const struct shale_value_kind *kind,
                                                          struct shale_str *values, size_t n);

/* Append those of 'from' (of the same width) that 'indexes' names: all below from->n (the caller
 * looked).  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_dense_gather(struct shale_dense *dense,
                                                    const struct shale_dense *from,
                                                    const uint32_t *indexes, size_t n);

/* A big-endian number of two's complement.  Returns false when it has over 128 bits. */
SHALE_MUST_USE bool shale_dense_big_endian(const uint8_t *bytes, size_t n_bytes, uint8_t out[16]);

#endif
