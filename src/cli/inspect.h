/* SPDX-License-Identifier: MIT */
/* 'shale inspect': what its two forms share. */
#ifndef SHALE_CLI_INSPECT_H
#define SHALE_CLI_INSPECT_H

#include "base/buf.h"
#include "cli/cli.h"
#include "columns/json_rows.h"
#include "parquet/reader.h"

struct inspect {
    const char *path;
    struct shale_reader *reader;
    const struct shale_file *file;
    int64_t file_bytes;
    size_t width;         /* of the terminal; 0: any */
    struct shale_buf out; /* on its way to stdout */
    struct shale_buf value;
    struct shale_json_rows rows; /* prints values */
    struct shale_err *err;
};

/* Give what is in 'out' to stdout when it is much, or 'all' of it. */
SHALE_MUST_USE enum shale_status inspect_flush(struct inspect *inspect, bool all);

/* The value of a bound as JSON: in inspect->value.  Empty when it cannot be shown. */
SHALE_MUST_USE enum shale_status inspect_bound(struct inspect *inspect, size_t leaf,
                                               const struct shale_file_bound *bound);

/* A name of the format, or its number: returns the name or 'out'. */
enum { INSPECT_NUMBER_BYTES = 16 };
const char *inspect_name(const char *name, int number, char out[INSPECT_NUMBER_BYTES]);

SHALE_MUST_USE enum shale_status inspect_text(struct inspect *inspect);
SHALE_MUST_USE enum shale_status inspect_json(struct inspect *inspect);

/* A table's directory. */
SHALE_MUST_USE enum shale_status inspect_table(const struct terminal *terminal, const char *path,
                                               bool json, struct shale_err *err);

#endif
