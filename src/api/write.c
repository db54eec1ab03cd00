/* SPDX-License-Identifier: MIT */
/* Writing a file from Arrow batches. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/environment.h"
#include "base/arena.h"
#include "columns/arrow.h"
#include "parquet/file_writer.h"
#include "schema/parse.h"
#include "store/store.h"

enum {
    ARENA_BYTES = 256 * 1024 * 1024,
    PIECE_ROWS = 16384, /* taken at a time, so that row groups can be cut within a large batch */
    GATHERED_BYTES = 1024 * 1024,
};

struct callback_sink {
    struct shale_sink sink; /* first member */
    shale_write_fn write;
    void *ctx;
};

/* Pages go on together. */
struct gathering_sink {
    struct shale_sink sink; /* first member */
    struct shale_sink *to;
    struct shale_buf bytes;
};

struct shale_write {
    struct shale_arena arena; /* defs and metadata */
    struct shale_arrow_schema *arrow;
    struct shale_column_def *defs; /* with encodings and bloom filters */
    struct shale_schema schema;
    struct shale_put put; /* of a path */
    bool has_put;
    struct callback_sink callback;
    struct gathering_sink gathering;
    struct shale_file_writer *writer;
    struct shale_buf pairs; /* struct shale_key_value */
    bool closed;            /* finished or failed */
};

/* ---- Sinks ------------------------------------------------------------------------------------
 */

static enum shale_status write_callback(struct shale_sink *sink, const void *data, size_t n_bytes,
                                        struct shale_err *err)
{
    struct callback_sink *callback = (struct callback_sink *)(void *)sink;
    int code = callback->write(callback->ctx, data, n_bytes);
    return code == 0 ? SHALE_OK : SHALE_ERR(err, api_callback, "write", strerror(code));
}

static enum shale_status flush(struct gathering_sink *gathering, struct shale_err *err)
{
    struct shale_buf *bytes = &gathering->bytes;
    enum shale_status status = SHALE_OK;
    if (bytes->n_bytes > 0)
        status = shale_sink_write(gathering->to, bytes->data, bytes->n_bytes, err);
    shale_buf_reset(bytes);
    return status;
}

static enum shale_status gather(struct shale_sink *sink, const void *data, size_t n_bytes,
                                struct shale_err *err)
{
    struct gathering_sink *gathering = (struct gathering_sink *)(void *)sink;
    enum shale_status status = SHALE_OK;
    if (n_bytes > GATHERED_BYTES - gathering->bytes.n_bytes)
        status = flush(gathering, err);
    if (status != SHALE_OK)
        return status;
    if (n_bytes > GATHERED_BYTES)
        return shale_sink_write(gathering->to, data, n_bytes, err);
    return shale_buf_append(&gathering->bytes, data, n_bytes) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

/* ---- Options ----------------------------------------------------------------------------------
 */

static enum shale_status set_codec(const struct shale_write_options *given,
                                   struct shale_chunk_options *out, struct shale_err *err)
{
    const char *compression = given->compression != NULL ? given->compression : "zstd";
    if (given->compat != NULL && strcmp(given->compat, "modern") == 0)
        out->modern = true;
    else if (given->compat != NULL && strcmp(given->compat, "wide") != 0)
        return SHALE_ERR(err, api_option, "compat", given->compat);
    if (!shale_parse_compression(shale_str_of(compression), &out->codec, &out->level) ||
        (out->codec == SHALE_CODEC_LZ4 && !out->modern))
        return SHALE_ERR(err, api_option, "compression", compression);
    return SHALE_OK;
}

/* Is there a leaf that the encoding fits? */
static bool fits(enum shale_encoding_choice encoding, const struct shale_type *type)
{
    for (size_t i = 0; i < type->n_members; i++)
        if (fits(encoding, &type->members[i].type))
            return true;
    return type->n_members == 0 && shale_encoding_fits(encoding, type);
}

static enum shale_status set_column(struct shale_write *file,
                                    const struct shale_write_column *given, bool modern,
                                    struct shale_err *err)
{
    struct shale_column_def *def = NULL;
    enum shale_encoding_choice encoding = SHALE_ENCODE_AUTO;
    for (size_t i = 0; i < file->schema.n_columns && def == NULL; i++)
        if (shale_str_is(file->defs[i].name, given->name))
            def = &file->defs[i];
    if (def == NULL)
        return SHALE_ERR(err, api_column, given->name);
    if (given->encoding != NULL) {
        if (!shale_parse_encoding(shale_str_of(given->encoding), &encoding))
            return SHALE_ERR(err, api_encoding, given->name, given->encoding, "is not known");
        if (!fits(encoding, &def->type) && encoding != SHALE_ENCODE_AUTO)
            return SHALE_ERR(err, api_encoding, given->name, given->encoding,
                             "is not for its type");
        if (!modern && encoding > SHALE_ENCODE_DICTIONARY)
            return SHALE_ERR(err, api_encoding, given->name, given->encoding,
                             "needs compat \"modern\"");
    }
    if (!(given->bloom_fpp >= 0) || given->bloom_fpp >= 1)
        return SHALE_ERR(err, api_option, "bloom_fpp", "below 0, or 1 and above");
    def->encoding = encoding;
    def->bloom_fpp = given->bloom_fpp;
    return SHALE_OK;
}

/* Our own copy of the columns, for what the options add. */
static enum shale_status set_columns(struct shale_write *file,
                                     const struct shale_write_options *given, bool modern,
                                     struct shale_err *err)
{
    const struct shale_schema *columns = shale_arrow_schema_columns(file->arrow);
    enum shale_status status = SHALE_OK;
    file->defs = shale_arena_zeroed(&file->arena, columns->n_columns, sizeof *file->defs);
    if (file->defs == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(file->defs, columns->columns, columns->n_columns * sizeof *file->defs);
    file->schema = (struct shale_schema){file->defs, columns->n_columns};
    for (size_t i = 0; given->columns != NULL && i < given->n_columns && status == SHALE_OK; i++)
        status = set_column(file, &given->columns[i], modern, err);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static enum shale_status set_up(struct shale_write *file, const struct ArrowSchema *schema,
                                const struct shale_write_options *given, struct shale_err *err)
{
    struct shale_file_writer_options options = {.created_by = "shale version " SHALE_VERSION
                                                              " (build " SHALE_BUILD ")"};
    enum shale_status status = set_codec(given, &options.chunk, err);
    if (given->row_group_bytes > 0)
        options.row_group_bytes =
            given->row_group_bytes < SIZE_MAX ? (size_t)given->row_group_bytes : SIZE_MAX;
    if (status == SHALE_OK)
        status = shale_arrow_take_schema(&shale_mem_libc, schema, &file->arrow, err);
    if (status == SHALE_OK)
        status = set_columns(file, given, options.chunk.modern, err);
    if (status == SHALE_OK && file->has_put)
        status = shale_put_open(&file->put, err);
    if (status == SHALE_OK)
        status = shale_file_writer_new(&shale_mem_libc, &file->schema, &options,
                                       &file->gathering.sink, &file->writer, err);
    return status;
}

static struct shale_write *make_file(void)
{
    struct shale_write *file = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *file);
    if (file == NULL)
        return NULL;
    shale_arena_init(&file->arena, &shale_mem_libc, ARENA_BYTES);
    shale_buf_init(&file->pairs, &shale_mem_libc, ARENA_BYTES);
    file->gathering.sink.write = gather;
    shale_buf_init(&file->gathering.bytes, &shale_mem_libc, GATHERED_BYTES);
    return file;
}

/* 'path', or a callback. */
static enum shale_status open_file(const char *path, const struct callback_sink *callback,
                                   const struct ArrowSchema *schema,
                                   const struct shale_write_options *options,
                                   struct shale_write **out, struct shale_failure *failure)
{
    struct shale_write_options given;
    struct shale_write *file = make_file();
    struct shale_err err;
    enum shale_status status = SHALE_OK;
    shale_err_clear(&err);
    *out = NULL;
    if (file == NULL)
        return shale_api_failure(SHALE_ERR(&err, no_memory), &err, failure);
    if (!shale_api_options(&given, sizeof given, options))
        status = SHALE_ERR(&err, api_size);
    if (status == SHALE_OK && path != NULL) {
        status = shale_put_init(&file->put, shale_real_env(), path, &err);
        file->has_put = status == SHALE_OK;
        file->gathering.to = &file->put.sink;
    } else if (status == SHALE_OK) {
        file->callback = *callback;
        file->gathering.to = &file->callback.sink;
    }
    if (status == SHALE_OK)
        status = set_up(file, schema, &given, &err);
    if (status != SHALE_OK) {
        shale_write_free(file);
        return shale_api_failure(status, &err, failure);
    }
    *out = file;
    return shale_api_failure(SHALE_OK, &err, failure);
}

enum shale_status shale_write_open(const char *path, const struct ArrowSchema *schema,
                                   const struct shale_write_options *options,
                                   struct shale_write **out, struct shale_failure *failure)
{
    return open_file(path, NULL, schema, options, out, failure);
}

enum shale_status shale_write_open_with(shale_write_fn write, void *ctx,
                                        const struct ArrowSchema *schema,
                                        const struct shale_write_options *options,
                                        struct shale_write **out, struct shale_failure *failure)
{
    const struct callback_sink callback = {{write_callback}, write, ctx};
    return open_file(NULL, &callback, schema, options, out, failure);
}

void shale_write_free(struct shale_write *file)
{
    if (file == NULL)
        return;
    shale_file_writer_free(file->writer);
    shale_arrow_schema_free(file->arrow);
    if (file->has_put)
        shale_put_fini(&file->put);
    shale_buf_fini(&file->gathering.bytes);
    shale_buf_fini(&file->pairs);
    shale_arena_fini(&file->arena);
    shale_mem_free(&shale_mem_libc, file);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

static void release_rows(void *owner)
{
    struct shale_arrow_rows *rows = owner;
    shale_arrow_rows_free(rows);
    shale_mem_free(&shale_mem_libc, rows);
}

/* Rows that were taken and are not yet given to the writer. */
struct taken {
    struct shale_arrow_rows **rows;
    size_t n;
};

static void drop_taken(struct taken *taken, size_t from)
{
    for (size_t i = from; i < taken->n; i++)
        release_rows(taken->rows[i]);
    shale_mem_free(&shale_mem_libc, taken->rows);
}

/* Copy the whole batch, in pieces; fewer rows where they are too large for one. */
static enum shale_status take_batch(const struct shale_write *file, const struct ArrowArray *batch,
                                    struct taken *out, struct shale_err *err)
{
    int64_t first = 0, step = PIECE_ROWS;
    while (first < batch->length) {
        int64_t n = batch->length - first < step ? batch->length - first : step;
        struct shale_arrow_rows *rows = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *rows);
        struct shale_arrow_rows **grown =
            shale_mem_resize(&shale_mem_libc, out->rows, out->n + 1, sizeof(void *));
        enum shale_status status = SHALE_OK;
        if (grown != NULL)
            out->rows = grown;
        if (rows == NULL || grown == NULL)
            status = SHALE_ERR(err, no_memory);
        if (status == SHALE_OK)
            status =
                shale_arrow_take_rows(&shale_mem_libc, file->arrow, batch, first, n, rows, err);
        if (status == SHALE_OK) {
            out->rows[out->n++] = rows;
            first += n;
            continue;
        }
        shale_mem_free(&shale_mem_libc, rows);
        if (status != SHALE_LIMIT || n == 1)
            return status;
        step = n / 2;
    }
    return SHALE_OK;
}

static enum shale_status write_taken(struct shale_write *file, struct taken *taken,
                                     struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    size_t i = 0;
    for (; i < taken->n && status == SHALE_OK; i++) {
        struct shale_arrow_rows *rows = taken->rows[i];
        const struct shale_file_piece piece = {rows->columns, rows->n_rows, rows->n_bytes,
                                               release_rows, rows};
        status = shale_file_writer_append(file->writer, &piece, err);
    }
    drop_taken(taken, i);
    return status;
}

enum shale_status shale_write_rows(struct shale_write *file, const struct ArrowArray *batch,
                                   struct shale_failure *failure)
{
    struct taken taken = {NULL, 0};
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    if (file->closed)
        return shale_api_failure(SHALE_ERR(&err, api_finished), &err, failure);
    status = take_batch(file, batch, &taken, &err);
    if (status != SHALE_OK) {
        drop_taken(&taken, 0);
        return shale_api_failure(status, &err, failure);
    }
    status = write_taken(file, &taken, &err);
    file->closed = status != SHALE_OK;
    return shale_api_failure(status, &err, failure);
}

enum shale_status shale_write_metadata(struct shale_write *file, const char *key, size_t key_bytes,
                                       const char *value, size_t value_bytes,
                                       struct shale_failure *failure)
{
    struct shale_key_value pair = {{key, key_bytes}, {value, value_bytes}};
    struct shale_err err;
    enum shale_status status = SHALE_OK;
    shale_err_clear(&err);
    pair.key.data = shale_arena_copy(&file->arena, pair.key);
    pair.value.data = shale_arena_copy(&file->arena, pair.value);
    if (pair.key.data == NULL || pair.value.data == NULL ||
        shale_buf_append(&file->pairs, &pair, sizeof pair) != SHALE_OK)
        status = SHALE_ERR(&err, no_memory);
    return shale_api_failure(status, &err, failure);
}

enum shale_status shale_write_finish(struct shale_write *file, struct shale_failure *failure)
{
    const struct shale_key_value *pairs = (const void *)file->pairs.data;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    if (file->closed)
        return shale_api_failure(SHALE_ERR(&err, api_finished), &err, failure);
    file->closed = true;
    status =
        shale_file_writer_finish(file->writer, pairs, file->pairs.n_bytes / sizeof *pairs, &err);
    if (status == SHALE_OK)
        status = flush(&file->gathering, &err);
    if (status == SHALE_OK && file->has_put) {
        status = shale_put_close(&file->put, &err);
        if (status == SHALE_OK)
            status = shale_put_publish(&file->put, &err);
    }
    return shale_api_failure(status, &err, failure);
}
