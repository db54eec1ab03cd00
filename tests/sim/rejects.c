/* SPDX-License-Identifier: MIT */
/* Segments of rejects as they ship: a row a line. */
#include "dataset/rejects.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "dataset/rejects_read.h"
#include "parquet/file_writer.h"
#include "work.h"

int32_t rejects_event(struct shale_str line)
{
    for (size_t i = 0; i < line.n_bytes; i++)
        if (line.data[i] >= '0' && line.data[i] <= '9')
            return (int32_t)strtol(line.data + i, NULL, 10);
    return -1;
}

void rejects_json(int32_t event, char *out)
{
    char day[16];
    sim_day_text(sim_day_of(event), day);
    (void)snprintf(out, 64, "{\"event\":%d,\"day\":\"%s\"}", (int)event, day);
}

/* An object that failed as a whole has no event. */
static enum shale_status append(struct shale_builder *builder, struct shale_str line)
{
    char message[32], json[64];
    struct shale_reject_row row = {.object = SHALE_STR("object"),
                                   .record = -1,
                                   .byte = -1,
                                   .rule = "rule",
                                   .message = message,
                                   .source = SHALE_STR("source"),
                                   .tag = SHALE_STR("tag")};
    (void)snprintf(message, sizeof message, "%.*s", SHALE_STR_ARG(line));
    if (line.data[0] == 'x') {
        rejects_json(rejects_event(line), json);
        row.record = 1;
        row.raw = shale_str_of(json);
        row.raw_bytes = (int64_t)row.raw.n_bytes;
    }
    return shale_rejects_append(builder, &row);
}

static enum shale_status write_rows(struct shale_builder *builder, struct shale_sink *sink,
                                    struct shale_str input, struct shale_err *err)
{
    const struct shale_file_writer_options options = {.chunk = {.codec = SHALE_CODEC_NONE},
                                                      .created_by = "simulate"};
    const struct shale_key_value pair = {SHALE_STR(SHALE_TAG_INPUT), input};
    struct shale_column columns[SHALE_REJECTS_COLUMNS];
    struct shale_file_writer *writer = NULL;
    enum shale_status status =
        shale_file_writer_new(&shale_mem_libc, &shale_rejects_schema, &options, sink, &writer, err);
    for (size_t i = 0; i < SHALE_REJECTS_COLUMNS; i++)
        shale_builder_column(builder, i, &columns[i]);
    if (status == SHALE_OK)
        status = shale_file_writer_copy(writer, columns, shale_builder_n_rows(builder), err);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, &pair, 1, err);
    shale_file_writer_free(writer);
    return status;
}

enum shale_status rejects_write(struct shale_store *store, const char *path, struct shale_str lines,
                                struct shale_str input, struct shale_err *err)
{
    struct shale_builder *builder = NULL;
    struct shale_store_put *put = NULL;
    enum shale_status status = shale_builder_new(&shale_mem_libc, &shale_rejects_schema, &builder);
    for (size_t at = 0; at < lines.n_bytes && status == SHALE_OK;) {
        const char *end = memchr(lines.data + at, '\n', lines.n_bytes - at);
        size_t n = (size_t)(end - (lines.data + at));
        status = append(builder, (struct shale_str){lines.data + at, n});
        at += n + 1;
    }
    if (status != SHALE_OK)
        abort();
    status = shale_store_create(store, path, &put, err);
    if (status == SHALE_OK) {
        status = write_rows(builder, &put->sink, input, err);
        if (status == SHALE_OK)
            status = put->finish(put, err);
        else
            put->abandon(put);
    }
    shale_builder_free(builder);
    return status;
}

enum shale_status rejects_read(struct shale_store *store, struct shale_str path,
                               struct shale_buf *lines, struct shale_err *err)
{
    const struct shale_rejects_read_options options = {.n_rows = -1};
    struct shale_rejects_reader *reader = NULL;
    const struct shale_rejects_row *row = NULL;
    enum shale_status status = shale_rejects_open(store, path, &options, &reader, err);
    while (status == SHALE_OK && (status = shale_rejects_next(reader, &row, err)) == SHALE_OK &&
           row != NULL) {
        work_append(lines, row->message);
        work_append(lines, SHALE_STR("\n"));
    }
    shale_rejects_close(reader);
    return status;
}
