/* SPDX-License-Identifier: MIT */
/* Private to dataset: the parts of a checkpoint file. */
#ifndef SHALE_DATASET_SINGLE_PARTS_H
#define SHALE_DATASET_SINGLE_PARTS_H

#include "dataset/single.h"
#include "parquet/parquet.h"
#include "parquet/reader.h"

/* One state of the file, as it was when it was opened. */
struct shale_single_file {
    struct shale_store_file *file; /* NULL: there was none */
    struct shale_reader *reader;   /* of it */
    int64_t manifest_id;           /* -1: it names none */
    char footer_hash[SHALE_HASH_BYTES + 1];
};

struct shale_single {
    struct shale_store *store; /* borrowed */
    struct shale_store *side;  /* of what belongs to the file */
    struct shale_single_options options;
    char key[SHALE_KEY_BYTES + 1];
    struct shale_single_file file;
};

void shale_single_close(struct shale_single_file *file); /* all zero: nothing */

/* As shale_single_read(), with the file in 'file'; nothing is left in either after a failure. */
SHALE_MUST_USE enum shale_status shale_single_open(const struct shale_single *single,
                                                   struct shale_single_file *file,
                                                   struct shale_base *base, struct shale_err *err);

/* Write what follows 'old' (which may be no file): its rows, those of 'rows' (NULL: none), and a
 * footer that names 'manifest_id'.  The bytes follow from these and the options alone. */
SHALE_MUST_USE enum shale_status
shale_single_write(const struct shale_single *single, const struct shale_single_file *old,
                   const struct shale_single_file *rows, int64_t manifest_id,
                   struct shale_store_put *put, struct shale_err *err);

/* Write the rows of 'old' anew, as 'rewrite' says.  'n_gone' is how many are to go. */
SHALE_MUST_USE enum shale_status
shale_single_write_anew(const struct shale_single *single, const struct shale_single_file *old,
                        const struct shale_single_rewrite *rewrite, int64_t n_gone,
                        int64_t manifest_id, struct shale_store_put *put,
                        struct shale_single_rewritten *out, struct shale_err *err);

enum { SHALE_SINGLE_ID_BYTES = 24 };
/* What the footer says of us: 2 pairs, whose texts are 'id', and borrowed. */
void shale_single_pairs(struct shale_str stream, int64_t manifest_id,
                        char id[SHALE_SINGLE_ID_BYTES], struct shale_key_value *pairs);

/* Can 'old' get the stream's columns?  SHALE_SCHEMA: no, by name. */
SHALE_MUST_USE enum shale_status shale_single_check(const struct shale_single *single,
                                                    const struct shale_single_file *old,
                                                    struct shale_err *err);

#endif
