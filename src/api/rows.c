/* SPDX-License-Identifier: MIT */
/* The rows of a file as a stream of Arrow batches. */
#include <errno.h>
#include <string.h>

#include "api/api.h"
#include "base/arena.h"
#include "columns/arrow.h"
#include "schema/parse.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct stream {
    struct shale_read *file; /* a share of it */
    struct shale_arena arena;
    struct shale_column_def *defs; /* of the columns, in the order wanted */
    size_t *columns;
    size_t n_columns;
    struct shale_scan_condition *where;
    struct shale_buf values; /* of the conditions */
    struct shale_scan *scan;
    enum shale_status status; /* sticky */
    char message[SHALE_ERR_OBJECT_BYTES + SHALE_ERR_MESSAGE_BYTES + 64];
};

static void stream_free(struct stream *stream)
{
    shale_scan_free(stream->scan);
    shale_arena_fini(&stream->arena);
    shale_buf_fini(&stream->values);
    shale_api_read_release(stream->file);
    shale_mem_free(&shale_mem_libc, stream);
}

/* ---- The stream's functions -------------------------------------------------------------------
 */

static int errno_of(enum shale_status status)
{
    switch (status) {
    case SHALE_OK:
        return 0;
    case SHALE_NOMEM:
    case SHALE_LIMIT:
        return ENOMEM;
    case SHALE_CORRUPT:
    case SHALE_SCHEMA:
    case SHALE_USAGE:
        return EINVAL;
    case SHALE_DENIED:
        return EACCES;
    case SHALE_NOT_FOUND:
        return ENOENT;
    case SHALE_AGAIN:
        return EAGAIN;
    case SHALE_CANCELLED:
        return ECANCELED;
    default:
        return EIO;
    }
}

static int fail(struct stream *stream, enum shale_status status, struct shale_err *err)
{
    if (stream->file->path[0] != '\0')
        shale_err_at(err, stream->file->path, -1, -1);
    stream->status = status;
    if (err->message[0] != '\0')
        (void)shale_err_text(err, stream->message, sizeof stream->message);
    else
        (void)shale_err_text(err, stream->message, sizeof stream->message);
    return errno_of(status);
}

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct stream *stream = self->private_data;
    return errno_of(shale_arrow_put_schema(&shale_mem_libc, stream->defs, stream->n_columns, out));
}

static bool any_selected(const struct shale_rows *rows)
{
    if (rows->selected == NULL)
        return rows->n_rows > 0;
    for (int64_t i = 0; i < rows->n_rows; i++)
        if (shale_bit(rows->selected, i))
            return true;
    return false;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct stream *stream = self->private_data;
    const struct shale_rows *rows = NULL;
    struct shale_err err;
    enum shale_status status = stream->status;
    shale_err_clear(&err);
    *out = (struct ArrowArray){0};
    if (status != SHALE_OK)
        return errno_of(status);
    do {
        status = shale_scan_next(stream->scan, &rows, &err);
    } while (status == SHALE_OK && rows != NULL && !any_selected(rows));
    if (status == SHALE_OK && rows == NULL)
        return 0;
    if (status == SHALE_OK) {
        status = shale_arrow_put_batch(&shale_mem_libc, stream->defs, stream->n_columns,
                                       rows->columns, rows->n_rows, rows->selected, out);
        if (status != SHALE_OK)
            status = SHALE_ERR(&err, no_memory);
    }
    return status == SHALE_OK ? 0 : fail(stream, status, &err);
}

static const char *get_last_error(struct ArrowArrayStream *self)
{
    const struct stream *stream = self->private_data;
    return stream->status == SHALE_OK ? NULL : stream->message;
}

static void release(struct ArrowArrayStream *self)
{
    stream_free(self->private_data);
    self->release = NULL;
}

/* ---- Making one -------------------------------------------------------------------------------
 */

static enum shale_status find_column(const struct shale_schema *schema, const char *name,
                                     size_t *out, struct shale_err *err)
{
    for (*out = 0; *out < schema->n_columns; ++*out)
        if (shale_str_is(schema->columns[*out].name, name))
            return SHALE_OK;
    return SHALE_ERR(err, api_column, name);
}

static enum shale_status set_columns(struct stream *stream, const struct shale_schema *schema,
                                     const struct shale_read_rows_options *options,
                                     struct shale_err *err)
{
    size_t n = options->columns != NULL ? options->n_columns : schema->n_columns;
    stream->columns = shale_arena_zeroed(&stream->arena, n + 1, sizeof *stream->columns);
    stream->defs = shale_arena_zeroed(&stream->arena, n + 1, sizeof *stream->defs);
    if (stream->columns == NULL || stream->defs == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++) {
        enum shale_status status = SHALE_OK;
        stream->columns[i] = i;
        if (options->columns != NULL)
            status = find_column(schema, options->columns[i], &stream->columns[i], err);
        if (status != SHALE_OK)
            return status;
        stream->defs[i] = schema->columns[stream->columns[i]];
    }
    stream->n_columns = n;
    return SHALE_OK;
}

static enum shale_status set_condition(struct stream *stream, const struct shale_schema *schema,
                                       const struct shale_read_condition *given,
                                       struct shale_scan_condition *out, struct shale_err *err)
{
    const struct shale_type *type;
    enum shale_status status = find_column(schema, given->column, &out->column, err);
    if (status != SHALE_OK)
        return status;
    type = &schema->columns[out->column].type;
    if (type->n_members > 0)
        return SHALE_ERR(err, api_condition, given->column);
    out->is_null = given->value == NULL;
    if (out->is_null)
        return SHALE_OK;
    shale_buf_reset(&stream->values);
    status = shale_parse_value(type, shale_str_of(given->value), &stream->values, err);
    if (status != SHALE_OK)
        return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
    out->value = (struct shale_str){
        shale_arena_copy(&stream->arena, shale_buf_str(&stream->values)), stream->values.n_bytes};
    return out->value.data != NULL ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status
make_scan(struct stream *stream, const struct shale_read_rows_options *given, struct shale_err *err)
{
    const struct shale_reader *reader = stream->file->reader;
    const struct shale_schema *schema = &shale_reader_file(reader)->schema;
    enum shale_status status = set_columns(stream, schema, given, err);
    struct shale_scan_options options = {.columns = stream->columns,
                                         .n_columns = stream->n_columns,
                                         .n_where = given->n_where,
                                         .first_row_group = given->first_row_group,
                                         .n_row_groups = given->n_row_groups,
                                         .batch_rows = given->batch_rows};
    if (status != SHALE_OK)
        return status;
    stream->where = shale_arena_zeroed(&stream->arena, given->n_where + 1, sizeof *stream->where);
    if (stream->where == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < given->n_where && status == SHALE_OK; i++)
        status = set_condition(stream, schema, &given->where[i], &stream->where[i], err);
    options.where = stream->where;
    options.columns = stream->columns;
    options.n_columns = stream->n_columns;
    return status == SHALE_OK ? shale_scan_new(reader, &options, &stream->scan, err) : status;
}

enum shale_status shale_read_rows(struct shale_read *file,
                                  const struct shale_read_rows_options *options,
                                  struct ArrowArrayStream *out, struct shale_failure *failure)
{
    struct shale_read_rows_options given;
    struct stream *stream;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    *out = (struct ArrowArrayStream){0};
    if (!shale_api_options(&given, sizeof given, options) || given.batch_rows < 0)
        return shale_api_failure(SHALE_ERR(&err, api_size), &err, failure);
    stream = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *stream);
    if (stream == NULL)
        return shale_api_failure(SHALE_ERR(&err, no_memory), &err, failure);
    shale_arena_init(&stream->arena, &shale_mem_libc, ARENA_BYTES);
    shale_buf_init(&stream->values, &shale_mem_libc, ARENA_BYTES);
    stream->file = file;
    (void)atomic_fetch_add(&file->n_shares, 1);
    status = make_scan(stream, &given, &err);
    if (status != SHALE_OK) {
        if (file->path[0] != '\0')
            shale_err_at(&err, file->path, -1, -1);
        stream_free(stream);
        return shale_api_failure(status, &err, failure);
    }
    *out = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, stream};
    return shale_api_failure(SHALE_OK, &err, failure);
}
