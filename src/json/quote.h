/* SPDX-License-Identifier: MIT */
/* Text as a JSON string. */
#ifndef SHALE_JSON_QUOTE_H
#define SHALE_JSON_QUOTE_H

#include "base/buf.h"

/* Append 'text' in quotes, what must be escaped as short as it can be; each byte that is part of no
 * UTF-8 character becomes U+FFFD.  Returns SHALE_OK, SHALE_NOMEM or SHALE_LIMIT ('out' then holds a
 * part). */
SHALE_MUST_USE enum shale_status shale_json_quote(struct shale_str text, struct shale_buf *out);

#endif
