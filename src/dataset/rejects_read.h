/* SPDX-License-Identifier: MIT */
/* Reading rejects: the rows of a segment, or of the file beside a Parquet file, of either shape.
 * One thread at a time. */
#ifndef SHALE_DATASET_REJECTS_READ_H
#define SHALE_DATASET_REJECTS_READ_H

#include "columns/column.h"
#include "dataset/rejects.h"
#include "store/objects.h"

struct shale_rejects_reader;

enum shale_rejects_wanted {
    SHALE_REJECTS_ALL,
    SHALE_REJECTS_NO_EVENTS, /* without event and event_binary, which are null */
    SHALE_REJECTS_KINDS      /* record and rule alone */
};

struct shale_rejects_read_options {
    size_t memory_bytes; /* 0: 48 MiB; an event of a MiB and its page fit */
    int64_t n_rows;      /* that it must have; -1: any */
    /* Only rows of this object, with this rule, with this field; "" any.  What statistics exclude
     * is not read. */
    struct shale_str object, rule, field;
    enum shale_rejects_wanted columns;
    struct shale_store_file *file; /* it is open already, and stays so; NULL: open it */
};

/* Texts are good until the next call. */
struct shale_rejects_row {
    struct shale_str object, pointer, field, rule, message; /* "": null */
    int64_t record, byte;                                   /* -1: null */
    struct shale_str raw;         /* event or event_binary; data NULL: neither */
    int64_t raw_bytes;            /* -1: null; above raw.n_bytes: it was cut */
    struct shale_str source, tag; /* "": null */
    /* The same as columns, as the schema has them, and the number of the row in these. */
    const struct shale_column *columns;
    int64_t index;
};

/* SHALE_CORRUPT: it is no file of rejects, is damaged, or has another number of rows; SHALE_LIMIT:
 * a page needs more memory; others as of the store. */
SHALE_MUST_USE enum shale_status
shale_rejects_open(struct shale_store *store, struct shale_str path,
                   const struct shale_rejects_read_options *options,
                   struct shale_rejects_reader **out, struct shale_err *err);
/* '*out' is NULL at the end.  A failure is final. */
SHALE_MUST_USE enum shale_status shale_rejects_next(struct shale_rejects_reader *reader,
                                                    const struct shale_rejects_row **out,
                                                    struct shale_err *err);
void shale_rejects_close(struct shale_rejects_reader *reader);

/* Append a row as it is; returns what shale_builder_row() returns. */
SHALE_MUST_USE enum shale_status shale_rejects_copy(struct shale_builder *builder,
                                                    const struct shale_rejects_row *row);

#endif
