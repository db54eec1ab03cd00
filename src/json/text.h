/* SPDX-License-Identifier: MIT */
/* Work on tokens' text that a cursor has already checked. */
#ifndef SHALE_JSON_TEXT_H
#define SHALE_JSON_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* A string's characters: escapes of 'raw' (without quotes) resolved, as UTF-8, behind what 'out'
 * holds.  '*lone_surrogate' is set when the text has an escape that is half a pair: such a string
 * has no UTF-8, and what is appended is not to be used.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_json_unescape(struct shale_str raw, struct shale_buf *out,
                                                     bool *lone_surrogate);

/* The same comparison without a copy: is the string 'raw' (escapes and all) the text 'plain'? */
bool shale_json_string_is(struct shale_str raw, bool escaped, struct shale_str plain);

/* A value's own text without insignificant white space, behind what 'out' holds.  'value' is the
 * whole value, quotes and brackets included.
 * Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_json_minify(struct shale_str value, struct shale_buf *out);

/* Code points of valid UTF-8. */
size_t shale_utf8_length(struct shale_str text);

/* Is it well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong or above 10FFFF)? */
bool shale_utf8_valid(struct shale_str text);

#endif
