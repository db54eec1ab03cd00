/* SPDX-License-Identifier: MIT */
/* Private to parquet: BYTE_STREAM_SPLIT (parquet-format, Encodings.md): the first bytes of all
 * values, then the second bytes ...; of any width. */
#ifndef SHALE_PARQUET_SPLIT_H
#define SHALE_PARQUET_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

/* From 'n' values of 'width' bytes each (> 0) at 'values' to as many bytes at 'out'. */
void shale_split_write(const void *values, size_t width, size_t n, void *out);

/* Values 'first' to 'first' + 'n' of a page whose values are all of 'bytes', as PLAIN has them.
 * Returns false, with nothing written, when 'bytes' are not whole values or have fewer. */
SHALE_MUST_USE bool shale_split_read(struct shale_str bytes, size_t width, size_t first, size_t n,
                                     void *out);

#endif
