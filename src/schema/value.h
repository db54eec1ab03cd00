/* SPDX-License-Identifier: MIT */
/* From a JSON scalar to a typed value, by the declared rules and no others (docs/types.md).
 * The same functions read events and the definition's defaults, enums and bounds. */
#ifndef SHALE_SCHEMA_VALUE_H
#define SHALE_SCHEMA_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/checked.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "schema/type.h"

/* What a JSON value is, and its text: a string's decoded characters, a number or literal as
 * written, an object or array whole. */
enum shale_json_kind {
    SHALE_KIND_NULL,
    SHALE_KIND_BOOL,
    SHALE_KIND_NUMBER,
    SHALE_KIND_STRING,
    SHALE_KIND_OBJECT,
    SHALE_KIND_ARRAY,
};

/* One value of a scalar type.  Which member counts follows from the type's layout; BYTES (and I128
 * of a uuid) as described in type.h. */
struct shale_value {
    union {
        bool boolean;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        shale_i128 i128;
        struct shale_str bytes; /* views into the input or the scratch buffer */
    } as;
};

/* Convert 'text', a JSON value of 'kind' (neither NULL, OBJECT nor ARRAY, but for type json, which
 * takes any and gets it without insignificant white space), to a value of the scalar 'type'.
 * 'lax': also "42" for int, "true" for bool, a number (or numeric string) for a timestamp ...
 * 'scratch' holds what cannot be a view (base64, minified JSON, canonical uuid): it is appended
 * to, and the view is good until it grows or is reset.
 * For json, a string's 'text' comes raw with its quotes.
 * Returns SHALE_OK; SHALE_SCHEMA with the rule as err->code (type, range, scale, timestamp ...);
 * SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status
shale_value_convert(const struct shale_type *type, bool lax, enum shale_json_kind kind,
                    struct shale_str text, struct shale_buf *scratch, struct shale_value *out,
                    struct shale_err *err);

/* Order of two values of one scalar type: < 0, 0, > 0.  BYTES by bytes, UINT32 and UINT64 as
 * unsigned; a NaN is equal to itself and above every number. */
int shale_value_compare(const struct shale_type *type, const struct shale_value *a,
                        const struct shale_value *b);

/* A value as people write it ("2024-02-29", "1.50"), appended to 'out': for messages, for
 * partition directories and for tests.  A timestamp ends in Z unless it is local; BINARY and FIXED
 * are base64; a float that is not finite is null. */
SHALE_MUST_USE enum shale_status shale_value_format(const struct shale_type *type,
                                                    const struct shale_value *value,
                                                    struct shale_buf *out);

/* A value as a message shows it: a string in quotes, everything cut to about 80 bytes, always
 * UTF-8, without control characters. */
struct shale_quoted {
    char text[128];
};
const char *shale_value_quote(enum shale_json_kind kind, struct shale_str text,
                              struct shale_quoted *out);

#endif
