/* SPDX-License-Identifier: MIT */
/* Columns out and in by the Arrow C data interface (<shale/arrow.h>).
 *
 *     type             format, extension      type             format, extension
 *     bool             b                      string           u
 *     int8 ... int64   c s i l                json             u, arrow.json
 *     uint8 ... uint64 C S I L                uuid, annotated  w:16, arrow.uuid
 *     float32, float64 f g                    uuid, otherwise  u
 *     decimal(p, s)    d:p,s                  binary           z
 *     date             tdD                    fixed(n)         w:n
 *     time             ttm (32 bits) ttu ttn  list             +l
 *     timestamp        tsm: tsu: tsn:, with   struct           +s
 *                      UTC unless local       map              +m
 *
 * Read as well: the large and view kinds of text, binary and list (U Z +L vu vz), lists of fixed
 * size, dictionaries, seconds (tss, tts), tdm, decimals of 32 and 64 bits.  Others (unions,
 * durations, intervals, half floats, decimals over 38 digits, run-end encoding, null) are refused
 * by name. */
#ifndef SHALE_COLUMNS_ARROW_H
#define SHALE_COLUMNS_ARROW_H

#include <shale/arrow.h>

#include "base/err.h"
#include "base/mem.h"
#include "columns/column.h"
#include "schema/type.h"

/* ---- Out --------------------------------------------------------------------------------------
 */

/* A struct of the columns.  'mem' is borrowed until 'out' is released.
 * Returns SHALE_OK or SHALE_NOMEM ('out' is empty then). */
SHALE_MUST_USE enum shale_status shale_arrow_put_schema(const struct shale_mem *mem,
                                                        const struct shale_column_def *defs,
                                                        size_t n_columns, struct ArrowSchema *out);

/* A copy of 'n_rows' rows of the columns, or of those whose bit is set in 'selected' (NULL: all).
 * As above. */
SHALE_MUST_USE enum shale_status
shale_arrow_put_batch(const struct shale_mem *mem, const struct shale_column_def *defs,
                      size_t n_columns, const struct shale_column *columns, int64_t n_rows,
                      const uint8_t *selected, struct ArrowArray *out);

/* ---- In ---------------------------------------------------------------------------------------
 */

/* A schema that was read: how arrays of it become columns. */
struct shale_arrow_schema;

/* 'in' is a struct of the columns; it is only read.  The caller frees '*out'.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_SCHEMA (a type that is not supported, by name) or
 * SHALE_USAGE (it breaks the interface's rules). */
SHALE_MUST_USE enum shale_status shale_arrow_take_schema(const struct shale_mem *mem,
                                                         const struct ArrowSchema *in,
                                                         struct shale_arrow_schema **out,
                                                         struct shale_err *err);
void shale_arrow_schema_free(struct shale_arrow_schema *schema);
const struct shale_schema *shale_arrow_schema_columns(const struct shale_arrow_schema *schema);

/* Rows that were read: a copy. */
struct shale_arrow_rows {
    int64_t n_rows;
    size_t n_bytes;                     /* of memory */
    const struct shale_column *columns; /* as the schema has them */
    void *owner;                        /* private */
};

/* Copy the rows [first, first + n_rows) of 'in', an array of the schema; it is only read.
 * Returns SHALE_OK, SHALE_NOMEM, SHALE_USAGE (it does not fit the schema), SHALE_SCHEMA (a value
 * that the type cannot hold, a map's key that is null) or SHALE_LIMIT (over 2^31 - 1 bytes or
 * elements in one column: fewer rows are needed). */
SHALE_MUST_USE enum shale_status shale_arrow_take_rows(const struct shale_mem *mem,
                                                       const struct shale_arrow_schema *schema,
                                                       const struct ArrowArray *in, int64_t first,
                                                       int64_t n_rows, struct shale_arrow_rows *out,
                                                       struct shale_err *err);
void shale_arrow_rows_free(struct shale_arrow_rows *rows);

#endif
