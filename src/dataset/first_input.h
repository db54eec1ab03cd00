/* SPDX-License-Identifier: MIT */
/* What a file of ours names as its first input (SHALE_TAG_INPUT): one thing that is consumed or
 * taken out by the commit that makes the file part of the table.
 *
 *     ["source","key","tag",n]   an object; 'n' rows of its key were in the ledger when it was
 *                                planned.  Without n: that is not known.
 *     ["path"]                   a file or segment of the table, live when it was read
 *
 * It is what a sweep decides by (docs/sweep.md). */
#ifndef SHALE_DATASET_FIRST_INPUT_H
#define SHALE_DATASET_FIRST_INPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/objects.h"

/* The tag of an add, and the key in the own metadata of each file: data, ledger, rejects, keys. */
#define SHALE_TAG_INPUT "shale.input"

enum shale_first_kind {
    SHALE_FIRST_NONE, /* nothing is said, or nothing that is understood */
    SHALE_FIRST_OBJECT,
    SHALE_FIRST_FILE,
};

struct shale_first_input {
    enum shale_first_kind kind;
    struct shale_str source, key, tag; /* OBJECT */
    int64_t n_known;                   /* OBJECT; -1: not said */
    struct shale_str path;             /* FILE */
};

/* Its text behind what 'out' holds; 'n_known' -1: not said.  SHALE_NOMEM or SHALE_LIMIT. */
SHALE_MUST_USE enum shale_status shale_first_input_object(struct shale_str source,
                                                          struct shale_str key,
                                                          struct shale_str tag, int64_t n_known,
                                                          struct shale_buf *out);
SHALE_MUST_USE enum shale_status shale_first_input_file(struct shale_str path,
                                                        struct shale_buf *out);

/* The text read; its own texts are copied into 'arena'.  What is not understood is NONE.
 * SHALE_NOMEM. */
SHALE_MUST_USE enum shale_status shale_first_input_parse(struct shale_arena *arena,
                                                         struct shale_str text,
                                                         struct shale_first_input *out,
                                                         struct shale_err *err);

/* What the file 'key' says of itself, in its footer; NONE of one that is damaged or no Parquet
 * file.  SHALE_NOT_FOUND: it is gone; others as of the store. */
SHALE_MUST_USE enum shale_status shale_first_input_read(struct shale_store *store, const char *key,
                                                        struct shale_arena *arena,
                                                        struct shale_first_input *out,
                                                        struct shale_err *err);

#endif
