/* SPDX-License-Identifier: MIT */
/* Rejects as data: their columns, and a row of them. */
#ifndef SHALE_DATASET_REJECTS_H
#define SHALE_DATASET_REJECTS_H

#include "base/err.h"
#include "columns/builder.h"
#include "schema/type.h"

/* object, record, byte, pointer, field, rule, message, event, event_binary, event_bytes, source,
 * tag (docs/rejects.md).  A file may lack the last two: it is older than they are. */
extern const struct shale_schema shale_rejects_schema;
enum shale_rejects_column {
    SHALE_REJECTS_OBJECT,
    SHALE_REJECTS_RECORD, /* the event's number */
    SHALE_REJECTS_BYTE,
    SHALE_REJECTS_POINTER,
    SHALE_REJECTS_FIELD,
    SHALE_REJECTS_RULE,
    SHALE_REJECTS_MESSAGE,
    SHALE_REJECTS_EVENT,
    SHALE_REJECTS_EVENT_BINARY,
    SHALE_REJECTS_EVENT_BYTES,
    SHALE_REJECTS_SOURCE_ID,
    SHALE_REJECTS_TAG,
    SHALE_REJECTS_COLUMNS, /* how many */
    SHALE_REJECTS_LEAST_COLUMNS = SHALE_REJECTS_SOURCE_ID
};
enum { SHALE_REJECT_RAW_BYTES = 1024 * 1024 };

struct shale_reject_row {
    struct shale_str object;         /* as people name it */
    int64_t record, byte;            /* -1: null */
    struct shale_str pointer, field; /* "": null */
    const char *rule;
    const char *message;
    struct shale_str raw;         /* cut here to SHALE_REJECT_RAW_BYTES; data NULL: null */
    int64_t raw_bytes;            /* its whole length */
    struct shale_str source, tag; /* as the ledger names the object; "": null */
};

/* Append one row.  Returns what shale_builder_row() returns. */
SHALE_MUST_USE enum shale_status shale_rejects_append(struct shale_builder *builder,
                                                      const struct shale_reject_row *row);

/* Are these columns those of rejects, with or without source and tag? */
bool shale_rejects_is_schema(const struct shale_schema *schema);

#endif
