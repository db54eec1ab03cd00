/* SPDX-License-Identifier: MIT */
/* Grows a file by the rows of others, by the library alone: for comparisons with other readers, and
 * for its time.
 *
 *     append_file [--row-group BYTES] [--like FILE] [--codec zstd|snappy|none] OLD NEW [ROWS...]
 *
 * NEW has the columns of --like, else of the last of ROWS, else of OLD.  Prints what was done, as
 * JSON; a failure is one line on standard error and exit code 1. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "columns/batch.h"
#include "parquet/append.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"
#include "store/local.h"

enum { MOST_FILES = 64, MOST_BATCHES = 100000, BUFFER_BYTES = 1 << 18 };

struct input {
    struct shale_local file;
    struct shale_reader *reader;
};

struct output {
    struct shale_sink sink; /* first member */
    int fd;
    size_t n_bytes;
    char bytes[BUFFER_BYTES];
};

struct times {
    double copy_s, sync_s, all_s, copy_cpu_s, all_cpu_s;
};

struct job {
    const char *names[MOST_FILES];
    size_t n_names;
    const char *like;
    struct shale_append_options options;
    struct input old, columns, rows;
    struct shale_batch *batches[MOST_BATCHES];
    size_t n_batches, new_bytes;
    struct output out;
    struct times times;
};

static double clock_s(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static enum shale_status open_input(struct input *input, const char *path, struct shale_err *err)
{
    enum shale_status status = shale_local_open(&input->file, path, err);
    if (status == SHALE_OK)
        status = shale_reader_open(&shale_mem_libc, &input->file.random,
                                   &(struct shale_reader_options){0}, &input->reader, err);
    return status;
}

static void close_input(struct input *input)
{
    shale_reader_free(input->reader);
    if (input->file.path != NULL)
        shale_local_close(&input->file);
    *input = (struct input){.reader = NULL};
}

static enum shale_status flush(struct output *out, struct shale_err *err)
{
    for (size_t at = 0; at < out->n_bytes;) {
        ssize_t n = write(out->fd, out->bytes + at, out->n_bytes - at);
        if (n <= 0)
            return SHALE_ERR(err, stdout_failed, strerror(errno));
        at += (size_t)n;
    }
    out->n_bytes = 0;
    return SHALE_OK;
}

static enum shale_status put_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                   struct shale_err *err)
{
    struct output *out = (struct output *)(void *)sink;
    while (n_bytes > 0) {
        size_t n = BUFFER_BYTES - out->n_bytes;
        n = n < n_bytes ? n : n_bytes;
        memcpy(out->bytes + out->n_bytes, data, n);
        out->n_bytes += n;
        data = (const char *)data + n;
        n_bytes -= n;
        if (out->n_bytes == BUFFER_BYTES && flush(out, err) != SHALE_OK)
            return SHALE_IO;
    }
    return SHALE_OK;
}

static enum shale_status copy_beginning(struct job *job, int64_t n_bytes, struct shale_err *err)
{
    double begin = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    off_t at = 0;
    while (at < n_bytes) {
        ssize_t n = copy_file_range(job->old.file.fd, &at, job->out.fd, NULL,
                                    (size_t)(n_bytes - (int64_t)at), 0);
        if (n <= 0)
            return SHALE_ERR(err, stdout_failed, strerror(errno));
    }
    job->times.copy_s = clock_s(CLOCK_MONOTONIC) - begin;
    job->times.copy_cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return SHALE_OK;
}

/* ---- Growing -----------------------------------------------------------------------------------
 */

/* All rows of a file, with the columns that the new one has. */
static enum shale_status read_rows(struct job *job, const char *path, struct shale_err *err)
{
    const struct shale_rows *rows;
    struct shale_scan *scan = NULL;
    enum shale_status status = open_input(&job->rows, path, err);
    if (status == SHALE_OK)
        status = shale_scan_new(job->rows.reader, &(struct shale_scan_options){0}, &scan, err);
    while (status == SHALE_OK && job->n_batches < MOST_BATCHES) {
        struct shale_batch **batch = &job->batches[job->n_batches];
        status = shale_scan_next(scan, &rows, err);
        if (status != SHALE_OK || rows == NULL)
            break;
        status = shale_batch_copy(&shale_mem_libc, job->options.schema, rows->columns, rows->n_rows,
                                  batch);
        if (status != SHALE_OK)
            break;
        job->new_bytes += shale_batch_n_bytes(*batch);
        job->n_batches++;
    }
    shale_scan_free(scan);
    close_input(&job->rows);
    return status;
}

static enum shale_status put_batch(const struct job *job, const struct shale_batch *batch,
                                   struct shale_file_writer *writer, struct shale_err *err)
{
    const struct shale_schema *schema = job->options.schema;
    size_t n_nodes = schema->n_columns;
    struct shale_column *columns, *nodes;
    enum shale_status status;
    for (size_t i = 0; i < schema->n_columns; i++)
        n_nodes += shale_type_n_nodes(&schema->columns[i].type);
    columns = shale_mem_zeroed(&shale_mem_libc, n_nodes, sizeof *columns);
    if (columns == NULL)
        return SHALE_ERR(err, no_memory);
    nodes = columns + schema->n_columns;
    for (size_t i = 0; i < schema->n_columns; i++) {
        shale_batch_column(batch, i, nodes);
        columns[i] = *nodes;
        nodes += shale_type_n_nodes(&schema->columns[i].type);
    }
    status = shale_file_writer_copy(writer, columns, shale_batch_n_rows(batch), err);
    shale_mem_free(&shale_mem_libc, columns);
    return status;
}

static void print_plan(const struct job *job, const struct shale_append_plan *plan)
{
    const struct times *times = &job->times;
    printf("{\"copied_bytes\": %lld, \"row_groups_copied\": %zu, \"rows_copied\": %lld, "
           "\"row_groups_encoded\": %zu, \"rows_encoded\": %lld, \"columns_added\": %zu, "
           "\"why\": \"%s\", \"copy_s\": %.4f, \"sync_s\": %.4f, \"all_s\": %.4f, "
           "\"cpu_outside_copy_s\": %.4f}\n",
           (long long)plan->copied_bytes, plan->n_copied, (long long)plan->rows_copied,
           plan->n_encoded, (long long)plan->rows_encoded, plan->n_added,
           plan->why == NULL ? "" : plan->why, times->copy_s, times->sync_s, times->all_s,
           times->all_cpu_s - times->copy_cpu_s);
}

static enum shale_status write_new(struct job *job, struct shale_append *append,
                                   struct shale_err *err)
{
    const struct shale_file_writer_options options = {.chunk = job->options.chunk,
                                                      .row_group_bytes =
                                                          job->options.row_group_bytes,
                                                      .created_by = "shale version test",
                                                      .append = append};
    struct shale_file_writer *writer = NULL;
    enum shale_status status = shale_file_writer_new(&shale_mem_libc, job->options.schema, &options,
                                                     &job->out.sink, &writer, err);
    for (size_t i = 0; i < job->n_batches && status == SHALE_OK; i++)
        status = put_batch(job, job->batches[i], writer, err);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, NULL, 0, err);
    shale_file_writer_free(writer);
    return status == SHALE_OK ? flush(&job->out, err) : status;
}

static enum shale_status grow(struct job *job, struct shale_err *err)
{
    double begin = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID), synced;
    struct shale_append_plan plan = {0};
    struct shale_append *append = NULL;
    enum shale_status status = open_input(&job->old, job->names[0], err);
    if (status == SHALE_OK)
        status = shale_append_new(&shale_mem_libc, job->old.reader, &job->options, &append, err);
    if (status == SHALE_OK) {
        plan = *shale_append_plan(append, job->new_bytes);
        status = copy_beginning(job, plan.copied_bytes, err);
    }
    if (status == SHALE_OK)
        status = write_new(job, append, err);
    shale_append_free(append);
    job->times.all_cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    synced = clock_s(CLOCK_MONOTONIC);
    if (status == SHALE_OK && fsync(job->out.fd) != 0)
        status = SHALE_ERR(err, stdout_failed, strerror(errno));
    job->times.sync_s = clock_s(CLOCK_MONOTONIC) - synced;
    job->times.all_s = clock_s(CLOCK_MONOTONIC) - begin;
    if (status == SHALE_OK)
        print_plan(job, &plan);
    return status;
}

static enum shale_status run(struct job *job, struct shale_err *err)
{
    const char *like =
        job->like != NULL ? job->like : job->names[job->n_names > 2 ? job->n_names - 1 : 0];
    enum shale_status status = open_input(&job->columns, like, err);
    if (status == SHALE_OK)
        job->options.schema = &shale_reader_file(job->columns.reader)->schema;
    for (size_t i = 2; i < job->n_names && status == SHALE_OK; i++)
        status = read_rows(job, job->names[i], err);
    if (status == SHALE_OK) {
        job->out.sink = (struct shale_sink){put_bytes};
        job->out.fd = open(job->names[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        status = job->out.fd < 0 ? SHALE_ERR(err, stdout_failed, strerror(errno)) : grow(job, err);
        if (job->out.fd >= 0)
            (void)close(job->out.fd);
    }
    for (size_t i = 0; i < job->n_batches; i++)
        shale_batch_free(&shale_mem_libc, job->batches[i]);
    close_input(&job->old);
    close_input(&job->columns);
    return status;
}

static bool read_arguments(struct job *job, int argc, char **argv)
{
    job->options.chunk.codec = SHALE_CODEC_ZSTD;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--like") == 0 && more)
            job->like = argv[++i];
        else if (strcmp(argv[i], "--row-group") == 0 && more)
            job->options.row_group_bytes = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--codec") == 0 && more)
            job->options.chunk.codec = strcmp(argv[++i], "snappy") == 0 ? SHALE_CODEC_SNAPPY
                                       : strcmp(argv[i], "none") == 0   ? SHALE_CODEC_NONE
                                                                        : SHALE_CODEC_ZSTD;
        else if (job->n_names < MOST_FILES)
            job->names[job->n_names++] = argv[i];
    }
    return job->n_names >= 2;
}

int main(int argc, char **argv)
{
    struct job *job = calloc(1, sizeof *job);
    struct shale_err err;
    char text[2000];
    int code = 1;
    shale_err_clear(&err);
    if (job == NULL || !read_arguments(job, argc, argv))
        (void)fprintf(stderr,
                      "usage: append_file [--row-group BYTES] [--like FILE] [--codec C] OLD "
                      "NEW [ROWS...]\n");
    else if (run(job, &err) != SHALE_OK)
        (void)fprintf(stderr, "%s\n", shale_err_text(&err, text, sizeof text));
    else
        code = 0;
    free(job);
    return code;
}
