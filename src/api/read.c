/* SPDX-License-Identifier: MIT */
/* Opening a file and what its footer says. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "columns/arrow.h"

enum { MEMORY_BYTES = 256 * 1024 * 1024 };

void shale_api_read_release(struct shale_read *file)
{
    if (atomic_fetch_sub(&file->n_shares, 1) != 1)
        return;
    shale_reader_free(file->reader);
    shale_local_close(&file->local);
    shale_mem_free(&shale_mem_libc, file->path);
    shale_mem_free(&shale_mem_libc, file);
}

static struct shale_read *make_file(const char *path)
{
    struct shale_read *file = shale_mem_zeroed(&shale_mem_libc, 1, sizeof *file);
    size_t n = strlen(path) + 1;
    if (file == NULL)
        return NULL;
    atomic_init(&file->n_shares, 1);
    file->local.fd = -1;
    file->path = shale_mem_alloc(&shale_mem_libc, n);
    if (file->path == NULL) {
        shale_mem_free(&shale_mem_libc, file);
        return NULL;
    }
    memcpy(file->path, path, n);
    return file;
}

static enum shale_status read_footer(struct shale_read *file, struct shale_random *random,
                                     uint64_t memory_bytes, struct shale_err *err)
{
    struct shale_reader_options options = {.memory_bytes = MEMORY_BYTES};
    if (memory_bytes > 0)
        options.memory_bytes = memory_bytes < SIZE_MAX ? (size_t)memory_bytes : SIZE_MAX;
    return shale_reader_open(&shale_mem_libc, random, &options, &file->reader, err);
}

/* '*out' on success; otherwise the file goes. */
static enum shale_status opened(enum shale_status status, struct shale_err *err,
                                struct shale_read *file, struct shale_read **out,
                                struct shale_failure *failure)
{
    if (status == SHALE_OK) {
        *out = file;
        return shale_api_failure(status, err, failure);
    }
    if (file != NULL) {
        if (file->path[0] != '\0' && file->local.fd >= 0)
            shale_err_at(err, file->path, -1, -1);
        shale_api_read_release(file);
    }
    return shale_api_failure(status, err, failure);
}

enum shale_status shale_read_open(const char *path, const struct shale_read_options *options,
                                  struct shale_read **out, struct shale_failure *failure)
{
    struct shale_read_options given;
    struct shale_read *file = NULL;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    *out = NULL;
    if (!shale_api_options(&given, sizeof given, options))
        return opened(SHALE_ERR(&err, api_size), &err, NULL, out, failure);
    file = make_file(path);
    if (file == NULL)
        return opened(SHALE_ERR(&err, no_memory), &err, NULL, out, failure);
    status = shale_local_open(&file->local, file->path, &err);
    if (status == SHALE_OK)
        status = read_footer(file, &file->local.random, given.memory_bytes, &err);
    return opened(status, &err, file, out, failure);
}

static enum shale_status read_callback(struct shale_random *random, int64_t at, void *out,
                                       size_t n_bytes, struct shale_err *err)
{
    struct callback_file *file = (struct callback_file *)(void *)random;
    int code = file->read(file->ctx, at, out, n_bytes);
    return code == 0 ? SHALE_OK : SHALE_ERR(err, api_callback, "read", strerror(code));
}

enum shale_status shale_read_open_with(shale_read_fn read, void *ctx, int64_t file_bytes,
                                       const struct shale_read_options *options,
                                       struct shale_read **out, struct shale_failure *failure)
{
    struct shale_read_options given;
    struct shale_read *file = NULL;
    struct shale_err err;
    shale_err_clear(&err);
    *out = NULL;
    if (!shale_api_options(&given, sizeof given, options) || file_bytes < 0)
        return opened(SHALE_ERR(&err, api_size), &err, NULL, out, failure);
    file = make_file("");
    if (file == NULL)
        return opened(SHALE_ERR(&err, no_memory), &err, NULL, out, failure);
    file->callback = (struct callback_file){{file_bytes, read_callback}, read, ctx};
    return opened(read_footer(file, &file->callback.random, given.memory_bytes, &err), &err, file,
                  out, failure);
}

void shale_read_free(struct shale_read *file)
{
    if (file != NULL)
        shale_api_read_release(file);
}

int64_t shale_read_n_rows(const struct shale_read *file)
{
    return shale_reader_file(file->reader)->n_rows;
}

size_t shale_read_n_row_groups(const struct shale_read *file)
{
    return shale_reader_file(file->reader)->n_row_groups;
}

int64_t shale_read_row_group_rows(const struct shale_read *file, size_t row_group)
{
    const struct shale_file *said = shale_reader_file(file->reader);
    return row_group < said->n_row_groups ? said->row_groups[row_group].n_rows : 0;
}

enum shale_status shale_read_schema(const struct shale_read *file, struct ArrowSchema *out,
                                    struct shale_failure *failure)
{
    const struct shale_schema *schema = &shale_reader_file(file->reader)->schema;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_arrow_put_schema(&shale_mem_libc, schema->columns, schema->n_columns, out);
    if (status != SHALE_OK)
        status = SHALE_ERR(&err, no_memory);
    return shale_api_failure(status, &err, failure);
}

size_t shale_read_n_metadata(const struct shale_read *file)
{
    return shale_reader_file(file->reader)->n_key_values;
}

void shale_read_metadata(const struct shale_read *file, size_t i, const char **key,
                         size_t *key_bytes, const char **value, size_t *value_bytes)
{
    static const struct shale_file_key_value none = {.key = {"", 0}};
    const struct shale_file *said = shale_reader_file(file->reader);
    const struct shale_file_key_value *pair = i < said->n_key_values ? &said->key_values[i] : &none;
    *key = pair->key.data;
    *key_bytes = pair->key.n_bytes;
    *value = pair->has_value ? pair->value.data : NULL;
    *value_bytes = pair->has_value ? pair->value.n_bytes : 0;
}
