/* SPDX-License-Identifier: MIT */
/* Output: where files are built, and how all of them become visible in one step. */
#include "dataset/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset/rejects.h"

enum { MAX_PATH_BYTES = 4096 };

struct shale_output {
    const struct shale_env *env;
    const struct shale_output_options *options;
    char path[MAX_PATH_BYTES];    /* without a slash at the end */
    char staging[MAX_PATH_BYTES]; /* table: the directory under construction; "" when there is none
                                   */
    char rejects[MAX_PATH_BYTES];
    bool existed; /* something is in the place and will be replaced */
};

static enum shale_status too_long(struct shale_err *err, const char *path)
{
    return SHALE_ERR(err, output_path_too_long, MAX_PATH_BYTES, path);
}

static enum shale_status join(char out[MAX_PATH_BYTES], const char *a, const char *b,
                              struct shale_err *err)
{
    int n = snprintf(out, MAX_PATH_BYTES, "%s%s", a, b);
    return n < 0 || n >= MAX_PATH_BYTES ? too_long(err, a) : SHALE_OK;
}

/* "a/b/name" to "a/b/" and "name". */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static enum shale_status set_path(struct shale_output *output, struct shale_err *err)
{
    size_t n = strlen(output->options->path);
    while (n > 1 && output->options->path[n - 1] == '/')
        n--;
    if (n >= sizeof output->path - 64)
        return too_long(err, output->options->path);
    memcpy(output->path, output->options->path, n);
    output->path[n] = '\0';
    if (n == 0 || strcmp(last_part(output->path), "") == 0 ||
        strcmp(last_part(output->path), ".") == 0 || strcmp(last_part(output->path), "..") == 0)
        return SHALE_ERR(err, output_name, output->options->path);
    return SHALE_OK;
}

/* A table of ours has the directory _shale. */
static enum shale_status check_table_place(struct shale_output *output, struct shale_err *err)
{
    char marker[MAX_PATH_BYTES];
    struct stat st;
    bool empty = true;
    enum shale_status status;
    if (lstat(output->path, &st) != 0)
        return errno == ENOENT ? SHALE_OK
                               : SHALE_ERR(err, output_stat, output->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return SHALE_ERR(err, output_not_directory, output->path);
    status = shale_dir_is_empty(output->path, &empty, err);
    if (status != SHALE_OK || empty)
        return status;
    if (!output->options->replace)
        return SHALE_ERR(err, output_not_empty, output->path);
    status = join(marker, output->path, "/_shale", err);
    if (status != SHALE_OK)
        return status;
    if (lstat(marker, &st) != 0 || !S_ISDIR(st.st_mode))
        return SHALE_ERR(err, output_not_ours, output->path);
    output->existed = true;
    return SHALE_OK;
}

/* What is no Parquet file was hardly meant: an input, say. */
static enum shale_status check_magic(const char *path, struct shale_err *err)
{
    char magic[4] = "";
    FILE *file = fopen(path, "rb");
    bool good = file != NULL && fread(magic, sizeof magic, 1, file) == 1 &&
                memcmp(magic, "PAR1", sizeof magic) == 0;
    if (file == NULL)
        return SHALE_ERR(err, output_stat, path, strerror(errno));
    (void)fclose(file); /* only read */
    return good ? SHALE_OK : SHALE_ERR(err, output_not_parquet, path);
}

static enum shale_status check_file_place(struct shale_output *output, struct shale_err *err)
{
    struct stat st;
    if (stat(output->path, &st) != 0)
        return errno == ENOENT ? SHALE_OK
                               : SHALE_ERR(err, output_stat, output->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return SHALE_ERR(err, output_not_file, output->path);
    if (!output->options->replace)
        return SHALE_ERR(err, output_exists, output->path);
    output->existed = true;
    return st.st_size == 0 ? SHALE_OK : check_magic(output->path, err);
}

/* Rejects of an earlier run are a dataset of the user's, too. */
static enum shale_status check_rejects_place(const struct shale_output *output,
                                             struct shale_err *err)
{
    struct stat st;
    if (output->options->replace || lstat(output->rejects, &st) != 0)
        return SHALE_OK;
    return SHALE_ERR(err, output_exists, output->rejects);
}

/* The directory in which the output will stand. */
static enum shale_status make_parent(const char *path, struct shale_err *err)
{
    char parent[MAX_PATH_BYTES];
    const char *name = last_part(path);
    if (name == path)
        return SHALE_OK;
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(name - path), path);
    return shale_dir_make(parent, err);
}

static enum shale_status begin_file(struct shale_output *output, struct shale_err *err)
{
    size_t n = strlen(output->path);
    enum shale_status status = check_file_place(output, err);
    if (n > 8 && strcmp(output->path + n - 8, ".parquet") == 0)
        n -= 8;
    (void)snprintf(output->rejects, sizeof output->rejects, "%.*s.rejects.parquet", (int)n,
                   output->path);
    if (status == SHALE_OK)
        status = check_rejects_place(output, err);
    return status != SHALE_OK ? status : make_parent(output->path, err);
}

static enum shale_status begin_table(struct shale_output *output, struct shale_err *err)
{
    const struct shale_env *env = output->env;
    const char *name = last_part(output->path);
    char staging[MAX_PATH_BYTES];
    enum shale_status status = check_table_place(output, err);
    int n;
    if (status == SHALE_OK)
        status = make_parent(output->path, err);
    if (status != SHALE_OK)
        return status;
    n = snprintf(staging, sizeof staging, "%.*s.%s.%016" PRIx64 ".tmp", (int)(name - output->path),
                 output->path, name, env->random_u64(env->ctx));
    if (n < 0 || (size_t)n >= sizeof staging - 64)
        return too_long(err, output->path);
    status = join(output->rejects, output->path, "/_shale/rejects", err);
    if (status == SHALE_OK)
        status = shale_dir_make(staging, err);
    if (status != SHALE_OK)
        return status;
    memcpy(output->staging, staging, (size_t)n + 1);
    status = join(staging, output->staging, "/_shale", err);
    return status != SHALE_OK ? status : shale_dir_make(staging, err);
}

enum shale_status shale_output_open(const struct shale_env *env,
                                    const struct shale_output_options *options,
                                    struct shale_output **out, struct shale_err *err)
{
    struct shale_output *output = shale_mem_zeroed(env->mem, 1, sizeof *output);
    enum shale_status status;
    *out = NULL;
    if (output == NULL)
        return SHALE_ERR(err, no_memory);
    output->env = env;
    output->options = options;
    status = set_path(output, err);
    if (status == SHALE_OK)
        status = options->layout == SHALE_OUTPUT_TABLE ? begin_table(output, err)
                                                       : begin_file(output, err);
    if (status != SHALE_OK) {
        shale_output_free(output);
        return status;
    }
    *out = output;
    return SHALE_OK;
}

void shale_output_free(struct shale_output *output)
{
    if (output == NULL)
        return;
    if (output->staging[0] != '\0' && shale_dir_remove(output->staging, NULL) != SHALE_OK)
        shale_log_say(output->env->log, SHALE_LOG_WARN, "leftover",
                      "cannot remove the temporary directory %s", output->staging);
    shale_mem_free(output->env->mem, output);
}

static enum shale_status new_file(struct shale_output *output, const char *path,
                                  const struct shale_schema *schema, struct shale_file **out,
                                  struct shale_err *err)
{
    const struct shale_mem *mem = output->env->mem;
    struct shale_file *file = shale_mem_zeroed(mem, 1, sizeof *file);
    enum shale_status status;
    *out = NULL;
    if (file == NULL)
        return SHALE_ERR(err, no_memory);
    file->mem = mem;
    file->schema = schema;
    file->chunk = output->options->chunk;
    file->n_leaves = shale_leaf_count(schema);
    status = shale_put_init(&file->put, output->env, path, err);
    if (status != SHALE_OK) {
        shale_mem_free(mem, file);
        return status;
    }
    file->metas = shale_mem_zeroed(mem, file->n_leaves + 1, sizeof *file->metas);
    if (file->metas == NULL ||
        shale_parquet_new(mem, schema, file->chunk.codec, output->options->created_by,
                          &file->parquet) != SHALE_OK) {
        shale_file_free(file);
        return SHALE_ERR(err, no_memory);
    }
    *out = file;
    return SHALE_OK;
}

void shale_file_free(struct shale_file *file)
{
    if (file == NULL)
        return;
    shale_put_fini(&file->put);
    shale_parquet_free(file->parquet);
    for (size_t i = 0; i < file->n_leaves && file->metas != NULL; i++)
        shale_chunk_meta_fini(&file->metas[i]);
    shale_mem_free(file->mem, file->metas);
    shale_mem_free(file->mem, file);
}

void shale_output_drop(struct shale_output *output, struct shale_file *file)
{
    char path[MAX_PATH_BYTES] = "";
    size_t n_staging = strlen(output->staging);
    if (file == NULL)
        return;
    if (n_staging > 0 && strlen(file->put.path) < sizeof path)
        memcpy(path, file->put.path, strlen(file->put.path) + 1);
    shale_file_free(file);
    if (strncmp(path + n_staging, "/_shale/", 8) == 0)
        n_staging += 7; /* it marks the table as ours: it stays */
    /* The directories of its partition, as far as they are empty. */
    for (char *slash = strrchr(path, '/'); slash != NULL && slash > path + n_staging;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        if (rmdir(path) != 0)
            return;
    }
}

static const char *codec_suffix(enum shale_codec codec)
{
    switch (codec) {
    case SHALE_CODEC_GZIP:
        return ".gz";
    case SHALE_CODEC_ZSTD:
        return ".zstd";
    case SHALE_CODEC_SNAPPY:
        return ".snappy";
    case SHALE_CODEC_LZ4:
        return ".lz4raw";
    case SHALE_CODEC_LZ4_OLD:
    case SHALE_CODEC_NONE:
        break;
    }
    return "";
}

enum shale_status shale_output_data(struct shale_output *output, struct shale_str name,
                                    struct shale_file **out, struct shale_err *err)
{
    const struct shale_env *env = output->env;
    char path[MAX_PATH_BYTES];
    int n;
    if (output->options->layout == SHALE_OUTPUT_FILE)
        return new_file(output, output->path, output->options->schema, out, err);
    n = snprintf(path, sizeof path, "%s/%.*s%spart-%016" PRIx64 "%016" PRIx64 "%s.parquet",
                 output->staging, (int)name.n_bytes, name.data, name.n_bytes > 0 ? "/" : "",
                 env->random_u64(env->ctx), env->random_u64(env->ctx),
                 codec_suffix(output->options->chunk.codec));
    if (n < 0 || (size_t)n >= sizeof path)
        return too_long(err, output->path);
    return new_file(output, path, output->options->schema, out, err);
}

enum shale_status shale_output_rejects(struct shale_output *output, struct shale_file **out,
                                       struct shale_err *err)
{
    const struct shale_env *env = output->env;
    char path[MAX_PATH_BYTES];
    int n;
    if (output->options->layout == SHALE_OUTPUT_FILE)
        return new_file(output, output->rejects, &shale_rejects_schema, out, err);
    n = snprintf(path, sizeof path, "%s/_shale/rejects/%016" PRIx64 "%016" PRIx64 ".parquet",
                 output->staging, env->random_u64(env->ctx), env->random_u64(env->ctx));
    if (n < 0 || (size_t)n >= sizeof path)
        return too_long(err, output->path);
    return new_file(output, path, &shale_rejects_schema, out, err);
}

enum shale_status shale_file_open(struct shale_file *file, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (!file->begun)
        status = make_parent(file->put.path, err);
    if (status == SHALE_OK)
        status = shale_put_open(&file->put, err);
    if (status == SHALE_OK && !file->begun) {
        status = shale_parquet_begin(file->parquet, &file->put.sink, err);
        file->begun = status == SHALE_OK;
    }
    return status;
}

enum shale_status shale_file_close(struct shale_file *file, const struct shale_row_group *group,
                                   struct shale_err *err)
{
    enum shale_status status = shale_parquet_row_group(file->parquet, group, &file->put.sink, err);
    return status == SHALE_OK ? shale_put_close(&file->put, err) : status;
}

enum shale_status shale_file_rewind(struct shale_file *file, size_t n_row_groups,
                                    struct shale_err *err)
{
    shale_parquet_rewind(file->parquet, n_row_groups);
    return file->begun ? shale_put_truncate(&file->put, shale_parquet_n_bytes(file->parquet), err)
                       : SHALE_OK;
}

enum shale_status shale_file_finish(struct shale_file *file, struct shale_err *err)
{
    enum shale_status status = shale_file_open(file, err);
    if (status == SHALE_OK)
        status = shale_parquet_finish(file->parquet, NULL, 0, &file->put.sink, err);
    if (status == SHALE_OK)
        status = shale_put_sync(&file->put, err);
    if (status == SHALE_OK)
        status = shale_put_close(&file->put, err);
    return status;
}

/* Rejects of an earlier run at this place say nothing about the new file. */
static enum shale_status drop_old_rejects(const struct shale_output *output, struct shale_err *err)
{
    if (remove(output->rejects) != 0 && errno != ENOENT)
        return SHALE_ERR(err, output_remove, output->rejects, strerror(errno));
    return SHALE_OK;
}

static enum shale_status publish_table(struct shale_output *output, struct shale_err *err)
{
    char marker[MAX_PATH_BYTES];
    enum shale_status status = join(marker, output->staging, "/_shale", err);
    if (status == SHALE_OK)
        status = shale_dir_sync(marker, err);
    if (status == SHALE_OK)
        status = shale_dir_sync(output->staging, err);
    if (status == SHALE_OK)
        status = shale_dir_publish(output->staging, output->path, output->existed, err);
    if (status == SHALE_OK && !output->existed)
        output->staging[0] = '\0'; /* else it is the old table now, and goes in free() */
    return status;
}

enum shale_status shale_output_publish(struct shale_output *output, struct shale_file **files,
                                       size_t n_files, struct shale_file *rejects,
                                       struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (rejects != NULL)
        status = shale_put_publish(&rejects->put, err);
    else if (output->options->layout == SHALE_OUTPUT_FILE && output->options->replace)
        status = drop_old_rejects(output, err);
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++)
        status = shale_put_publish(&files[i]->put, err);
    if (output->options->layout == SHALE_OUTPUT_TABLE)
        return status == SHALE_OK ? publish_table(output, err) : status;
    if (status != SHALE_OK && rejects != NULL && n_files > 0 && files[0]->put.temporary != NULL)
        (void)remove(output->rejects); /* of data that did not come */
    return status;
}

const char *shale_output_rejects_path(const struct shale_output *output)
{
    return output->rejects;
}
