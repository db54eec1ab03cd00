/* SPDX-License-Identifier: MIT */
/* 'shale cat': rows as text on standard output, through a large buffer. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cat.h"
#include "columns/csv_rows.h"
#include "columns/json_rows.h"
#include "columns/table_rows.h"

enum { FLUSHED_AT = 256 * 1024, KEPT_AFTER = 4 * 1024 * 1024 };

struct cat_output {
    enum cat_format format;
    union {
        struct shale_json_rows json;
        struct shale_csv_rows csv;
        struct shale_table_rows table;
    } rows;
    struct shale_buf text;
    bool is_terminal; /* a line is shown as soon as it is there */
};

enum shale_status cat_choose_format(const char *name, enum cat_format *out, struct shale_err *err)
{
    if (name == NULL)
        *out = isatty(STDOUT_FILENO) == 1 ? CAT_TABLE : CAT_NDJSON;
    else if (strcmp(name, "table") == 0)
        *out = CAT_TABLE;
    else if (strcmp(name, "ndjson") == 0)
        *out = CAT_NDJSON;
    else if (strcmp(name, "csv") == 0)
        *out = CAT_CSV;
    else
        return SHALE_ERR(err, cat_format, name);
    return SHALE_OK;
}

enum shale_status cat_output_new(enum cat_format format, const struct shale_column_def *defs,
                                 size_t n, struct cat_output **out)
{
    struct cat_output *output = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *output);
    enum shale_status status;
    *out = output;
    if (output == NULL)
        return SHALE_NOMEM;
    output->format = format;
    output->is_terminal = isatty(STDOUT_FILENO) == 1;
    shale_buf_init(&output->text, &shale_mem_libc, SIZE_MAX / 2);
    switch (format) {
    case CAT_NDJSON:
        return shale_json_rows_init(&output->rows.json, &shale_mem_libc, defs, n);
    case CAT_CSV:
        status = shale_csv_rows_init(&output->rows.csv, &shale_mem_libc, defs, n);
        return status == SHALE_OK ? shale_csv_rows_header(&output->rows.csv, &output->text)
                                  : status;
    case CAT_TABLE:
        break;
    }
    return shale_table_rows_init(&output->rows.table, &shale_mem_libc, defs, n, terminal_width());
}

void cat_output_free(struct cat_output *output)
{
    if (output == NULL)
        return;
    if (output->format == CAT_NDJSON)
        shale_json_rows_fini(&output->rows.json);
    else if (output->format == CAT_CSV)
        shale_csv_rows_fini(&output->rows.csv);
    else
        shale_table_rows_fini(&output->rows.table);
    shale_buf_fini(&output->text);
    shale_mem_free(&shale_mem_libc, output);
}

static enum shale_status flush(struct cat_output *output, bool *closed, struct shale_err *err)
{
    const char *at = output->text.data;
    size_t left = output->text.n_bytes;
    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE) { /* 'head' has seen enough */
            *closed = true;
            return SHALE_OK;
        }
        if (n < 0)
            return SHALE_ERR(err, stdout_failed, strerror(errno));
        at += n;
        left -= (size_t)n;
    }
    shale_buf_reset(&output->text);
    if (output->text.capacity > KEPT_AFTER) { /* one large row does not keep its memory */
        shale_buf_fini(&output->text);
        shale_buf_init(&output->text, &shale_mem_libc, SIZE_MAX / 2);
    }
    return SHALE_OK;
}

enum shale_status cat_output_row(struct cat_output *output, const struct shale_column *columns,
                                 int64_t row, bool *closed, struct shale_err *err)
{
    enum shale_status status;
    if (output->format == CAT_NDJSON)
        status = shale_json_rows_append(&output->rows.json, columns, row, &output->text);
    else if (output->format == CAT_CSV)
        status = shale_csv_rows_append(&output->rows.csv, columns, row, &output->text);
    else
        status = shale_table_rows_append(&output->rows.table, columns, row, &output->text);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    if (output->text.n_bytes < (output->is_terminal ? 1 : FLUSHED_AT))
        return SHALE_OK;
    return flush(output, closed, err);
}

enum shale_status cat_output_finish(struct cat_output *output, bool *closed, struct shale_err *err)
{
    if (output->format == CAT_TABLE &&
        shale_table_rows_finish(&output->rows.table, &output->text) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return flush(output, closed, err);
}
