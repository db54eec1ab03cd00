/* SPDX-License-Identifier: MIT */
/* One random file in memory, with the rows that it was made of, and whether our reader finds them
 * again. */
#ifndef SHALE_TESTS_RANDOM_FILE_H
#define SHALE_TESTS_RANDOM_FILE_H

#include "base/buf.h"
#include "parquet/parquet.h"
#include "parquet/reader.h"
#include "random.h"

enum { RANDOM_GROUPS = 32 };

struct random_options {
    bool modern; /* the profile */
    enum shale_codec codec;
    uint32_t n_rows, group_rows;
    uint32_t page_bytes, dictionary_bytes, kept_bytes; /* 0: the default */
};

struct random_file {
    struct random_schema schema;
    struct random_options options;
    struct random_rows rows; /* how they are distributed */
    struct shale_buf bytes;
    struct shale_batch *batches[RANDOM_GROUPS]; /* a row group each */
    size_t n_batches;
    char fault[256]; /* why something failed */
};

/* Choose schema, options and rows of case 'number'; 'modern' is the profile. */
void random_file_choose(struct random_file *file, uint64_t number, bool modern);

/* Write what was chosen to 'bytes'; 'expected' as random_rows.  False, and 'fault' says why. */
bool random_file_write(struct random_file *file, FILE *expected);

/* Read 'bytes' by our reader: all rows, some columns, the rows with a certain value, the rows
 * behind some that were skipped.  False, and 'fault' says what was found. */
bool random_file_check(struct random_file *file);

/* What is chosen stays. */
void random_file_fini(struct random_file *file);

#endif
