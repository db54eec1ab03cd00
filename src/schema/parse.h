/* SPDX-License-Identifier: MIT */
/* A value that a person wrote, as the bytes that a column has for it. */
#ifndef SHALE_SCHEMA_PARSE_H
#define SHALE_SCHEMA_PARSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"
#include "schema/type.h"

/* Append the value of a scalar type as its layout has it (type.h): 1 byte for BOOL, the number's
 * bytes, the bytes of a text.  'text' is read by the lax rules of docs/types.md, in the type's own
 * range and unit; 'binary' and 'fixed' from base64; NaN and Infinity are no values.
 * Returns SHALE_OK; SHALE_SCHEMA with the rule that it breaks; SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_parse_value(const struct shale_type *type,
                                                   struct shale_str text, struct shale_buf *out,
                                                   struct shale_err *err);

/* Words of a definition: "zstd", "gzip:9" (level 0: none was given) ... False when it is none. */
bool shale_parse_compression(struct shale_str text, enum shale_codec *codec, int *level);

/* "auto", "delta" ... */
bool shale_parse_encoding(struct shale_str text, enum shale_encoding_choice *out);

/* "10s", "500ms", "5m", "1h", "2d", "0": microseconds.  False when it is none. */
bool shale_parse_duration(struct shale_str text, int64_t *us);

#endif
