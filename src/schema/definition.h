/* SPDX-License-Identifier: MIT */
/* The stream definition, from YAML. */
#ifndef SHALE_SCHEMA_DEFINITION_H
#define SHALE_SCHEMA_DEFINITION_H

#include "base/err.h"
#include "base/mem.h"
#include "schema/stream.h"

/* Called for each error and warning found, in the order of lines: "FILE:LINE:COLUMN: message" is
 * in err->message, the stable name in err->code.  'warning': it does not make the file invalid. */
typedef void (*shale_definition_report_fn)(void *ctx, bool warning, const struct shale_err *err);

/* Read a definition of 'n_bytes' at 'text'; 'file' names it in messages.  Every error of the file
 * is reported, not only the first (but no more than 1,000).  On SHALE_OK '*out' is owned by the
 * caller, who frees it; otherwise it is NULL.
 * Returns SHALE_OK, SHALE_SCHEMA (something was reported), or SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_definition_read(const struct shale_mem *mem,
                                                       const char *file, const char *text,
                                                       size_t n_bytes,
                                                       shale_definition_report_fn report, void *ctx,
                                                       struct shale_stream **out);

void shale_stream_free(struct shale_stream *stream);

#endif
