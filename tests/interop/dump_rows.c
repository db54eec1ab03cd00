/* SPDX-License-Identifier: MIT */
/* Reads files by the library alone: for comparisons with other readers, and for their time.
 *
 *     dump_rows FILE                rows as NDJSON
 *     dump_rows --time N FILE       read all columns N times, print the median in milliseconds
 *     dump_rows --memory BYTES FILE --batch ROWS FILE
 *
 * A failure is one line on standard error and exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "columns/json_rows.h"
#include "parquet/reader.h"
#include "store/local.h"

struct dump {
    struct shale_reader_options options;
    struct shale_scan_options scan;
    struct shale_json_rows rows;
    struct shale_buf out;
    bool print;
    int64_t n_rows;
};

static enum shale_status print_rows(struct dump *dump, const struct shale_rows *rows)
{
    for (int64_t i = 0; i < rows->n_rows; i++) {
        enum shale_status status =
            shale_json_rows_append(&dump->rows, rows->columns, i, &dump->out);
        if (status != SHALE_OK)
            return status;
        if (dump->out.n_bytes > 1 << 20 || i + 1 == rows->n_rows) {
            if (fwrite(dump->out.data, 1, dump->out.n_bytes, stdout) != dump->out.n_bytes)
                return SHALE_IO;
            shale_buf_reset(&dump->out);
        }
    }
    return SHALE_OK;
}

static enum shale_status scan_rows(struct dump *dump, const struct shale_reader *reader,
                                   struct shale_err *err)
{
    struct shale_scan *scan;
    const struct shale_rows *rows;
    enum shale_status status = shale_scan_new(reader, &dump->scan, &scan, err);
    if (status != SHALE_OK)
        return status;
    dump->n_rows = 0;
    while ((status = shale_scan_next(scan, &rows, err)) == SHALE_OK && rows != NULL) {
        dump->n_rows += rows->n_rows;
        if (dump->print)
            status = print_rows(dump, rows);
        if (status != SHALE_OK)
            break;
    }
    shale_scan_free(scan);
    return status;
}

static enum shale_status read_file(struct dump *dump, const char *path, struct shale_err *err)
{
    struct shale_local file;
    struct shale_reader *reader = NULL;
    const struct shale_schema *schema;
    enum shale_status status = shale_local_open(&file, path, err);
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(&shale_mem_libc, &file.random, &dump->options, &reader, err);
    if (status == SHALE_OK) {
        schema = &shale_reader_file(reader)->schema;
        status =
            shale_json_rows_init(&dump->rows, &shale_mem_libc, schema->columns, schema->n_columns);
        if (status == SHALE_OK)
            status = scan_rows(dump, reader, err);
        shale_json_rows_fini(&dump->rows);
    }
    shale_reader_free(reader);
    shale_local_close(&file);
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    struct dump dump = {.print = true};
    struct shale_err err;
    double times[64];
    int n_times = 1, i = 1;
    for (; i + 2 < argc; i += 2) {
        if (strcmp(argv[i], "--time") == 0) {
            n_times = atoi(argv[i + 1]);
            n_times = n_times < 1 ? 1 : n_times > 64 ? 64 : n_times;
            dump.print = false;
        } else if (strcmp(argv[i], "--memory") == 0) {
            dump.options.memory_bytes = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--batch") == 0) {
            dump.scan.batch_rows = strtoll(argv[i + 1], NULL, 10);
        }
    }
    shale_buf_init(&dump.out, &shale_mem_libc, SIZE_MAX);
    for (int t = 0; t < n_times; t++) {
        char text[2048];
        double begin = now_ms();
        enum shale_status status;
        shale_err_clear(&err);
        status = read_file(&dump, argv[i], &err);
        times[t] = now_ms() - begin;
        if (status != SHALE_OK) {
            shale_err_at(&err, argv[i], -1, -1);
            fprintf(stderr, "%s: %s\n", shale_status_name(status),
                    shale_err_text(&err, text, sizeof(text)));
            shale_buf_fini(&dump.out);
            return 1;
        }
    }
    if (!dump.print) {
        qsort(times, (size_t)n_times, sizeof(*times), by_value);
        printf("%lld rows, %.1f ms\n", (long long)dump.n_rows, times[n_times / 2]);
    }
    shale_buf_fini(&dump.out);
    return 0;
}
