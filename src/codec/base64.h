/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4), strict: padding where it belongs, no white space, no stray bits. */
#ifndef SHALE_CODEC_BASE64_H
#define SHALE_CODEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* At most this many bytes come out of 'n_bytes' of text. */
static inline size_t shale_base64_bound(size_t n_bytes)
{
    return n_bytes / 4 * 3 + 3;
}

/* Decode into 'out' (shale_base64_bound() bytes); false when the text is not base64. */
bool shale_base64_decode(const char *text, size_t n_bytes, void *out, size_t *n_out);

/* Append 'bytes' as base64.  Returns SHALE_OK, or SHALE_NOMEM or SHALE_LIMIT with 'out' untouched.
 */
SHALE_MUST_USE enum shale_status shale_base64_append(struct shale_str bytes, struct shale_buf *out);

#endif
