/* SPDX-License-Identifier: MIT */
/* Output: where files are built, and how all of them become visible in one step. */
#include "dataset/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset/footer_hash.h"
#include "dataset/rejects.h"
#include "store/local.h"

enum { MAX_PATH_BYTES = 4096 };

/* In a directory that has it, a table is being made: before the first file, and until the first
 * commit. */
#define MARK "/_shale/new"

struct shale_output {
    const struct shale_env *env;
    const struct shale_output_options *options;
    char path[MAX_PATH_BYTES]; /* without a slash at the end */
    char rejects[MAX_PATH_BYTES];
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

/* What is in a directory without a log: '*other' what is no table's, '*data' a Parquet file. */
static enum shale_status look_inside(const struct shale_output *output, bool *other, bool *data,
                                     struct shale_err *err)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    enum shale_status status = shale_list_new(output->env->mem, output->path, &list, err);
    *other = *data = false;
    if (status != SHALE_OK)
        return status;
    while (!*data && (status = shale_list_next(list, &listed, &end, err)) == SHALE_OK && !end) {
        size_t n = listed.key.n_bytes;
        if (strncmp(listed.key.data, "_shale/", 7) == 0 ||
            strncmp(listed.key.data, "_delta_log/", 11) == 0)
            continue;
        *other = true;
        *data = n > 8 && strcmp(listed.key.data + n - 8, ".parquet") == 0;
    }
    shale_list_free(list);
    return status;
}

/* Is this a table in the making, or one whose first commit has just come?  Looked for when files
 * were seen: their run may be alive. */
static enum shale_status is_new_table(const struct shale_output *output, bool *out,
                                      struct shale_err *err)
{
    char path[MAX_PATH_BYTES];
    struct stat st;
    bool empty = true;
    enum shale_status status = join(path, output->path, MARK, err);
    *out = status == SHALE_OK && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (status != SHALE_OK || *out)
        return status;
    status = join(path, output->path, "/_delta_log", err);
    if (status == SHALE_OK)
        status = shale_dir_is_empty(path, &empty, err);
    *out = !empty;
    return status;
}

/* A directory that holds something and no log is none of ours. */
static enum shale_status check_table_place(struct shale_output *output, struct shale_err *err)
{
    struct stat st;
    bool other, data, is_new = false;
    enum shale_status status;
    if (stat(output->path, &st) != 0)
        return errno == ENOENT ? SHALE_OK
                               : SHALE_ERR(err, output_stat, output->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return SHALE_ERR(err, output_not_directory, output->path);
    if (output->options->has_log)
        return SHALE_OK;
    status = look_inside(output, &other, &data, err);
    if (status == SHALE_OK && other)
        status = is_new_table(output, &is_new, err);
    if (status != SHALE_OK || !other || is_new)
        return status;
    return data ? SHALE_ERR(err, output_no_log, output->path)
                : SHALE_ERR(err, output_not_empty, output->path);
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

/* One that grows was opened as such: it is a Parquet file, or there is none. */
static enum shale_status check_growing_place(const struct shale_output *output,
                                             struct shale_err *err)
{
    struct stat st;
    if (lstat(output->path, &st) != 0)
        return errno == ENOENT ? SHALE_OK
                               : SHALE_ERR(err, output_stat, output->path, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return SHALE_ERR(err, output_is_link, output->path);
    return S_ISREG(st.st_mode) ? SHALE_OK : SHALE_ERR(err, output_not_file, output->path);
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

static enum shale_status begin_growing(struct shale_output *output, struct shale_err *err)
{
    enum shale_status status = check_growing_place(output, err);
    if (status == SHALE_OK)
        status = join(output->rejects, output->path, "._shale/rejects", err);
    return status == SHALE_OK ? make_parent(output->path, err) : status;
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

void shale_output_committed(const struct shale_output *output)
{
    char marker[MAX_PATH_BYTES];
    if (join(marker, output->path, MARK, NULL) == SHALE_OK)
        (void)rmdir(marker); /* where it cannot be removed it does not matter */
}

static enum shale_status begin_table(struct shale_output *output, struct shale_err *err)
{
    char marker[MAX_PATH_BYTES];
    enum shale_status status = check_table_place(output, err);
    if (status == SHALE_OK)
        status = join(output->rejects, output->path, "/_shale/rejects", err);
    if (status == SHALE_OK)
        status = join(marker, output->path, MARK, err);
    if (status != SHALE_OK)
        return status;
    if (!output->options->has_log)
        return shale_dir_make(marker, err);
    shale_output_committed(output);
    return SHALE_OK;
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
                 : options->grows                      ? begin_growing(output, err)
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
    if (output != NULL)
        shale_mem_free(output->env->mem, output);
}

static bool is_table(const struct shale_output *output)
{
    return output->options->layout == SHALE_OUTPUT_TABLE;
}

/* What a commit makes part of the dataset. */
static bool has_commits(const struct shale_output *output)
{
    return is_table(output) || output->options->grows;
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
    file->n_base = strlen(output->path) + 1;
    file->hashes = has_commits(output);
    status = shale_put_init(&file->put, output->env, path, err);
    if (status != SHALE_OK) {
        shale_mem_free(mem, file);
        return status;
    }
    file->metas = shale_mem_zeroed(mem, file->n_leaves + 1, sizeof *file->metas);
    if (is_table(output))
        file->leaves = shale_mem_zeroed(mem, 2 * file->n_leaves + 1, sizeof *file->leaves);
    if (file->metas == NULL || (is_table(output) && file->leaves == NULL) ||
        shale_parquet_new(mem, schema, file->chunk.codec, output->options->created_by,
                          &file->parquet) != SHALE_OK) {
        shale_file_free(file);
        return SHALE_ERR(err, no_memory);
    }
    if (is_table(output))
        file->marked = file->leaves + file->n_leaves;
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
    shale_mem_free(file->mem, file->leaves);
    shale_mem_free(file->mem, file);
}

const char *shale_output_suffix(enum shale_codec codec)
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
                 output->path, (int)name.n_bytes, name.data, name.n_bytes > 0 ? "/" : "",
                 env->random_u64(env->ctx), env->random_u64(env->ctx),
                 shale_output_suffix(output->options->chunk.codec));
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
    if (!has_commits(output))
        return new_file(output, output->rejects, &shale_rejects_schema, out, err);
    n = snprintf(path, sizeof path, "%s/%016" PRIx64 "%016" PRIx64 ".parquet", output->rejects,
                 env->random_u64(env->ctx), env->random_u64(env->ctx));
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
    enum shale_status status;
    for (size_t i = 0; i < file->n_leaves && file->leaves != NULL; i++) {
        struct shale_leaf leaf;
        size_t column;
        shale_leaf_find(file->schema, i, &column, &leaf);
        shale_log_stats_merge(&leaf, &file->metas[i], &file->leaves[i]);
    }
    status = shale_parquet_row_group(file->parquet, group, &file->put.sink, err);
    return status == SHALE_OK ? shale_put_close(&file->put, err) : status;
}

void shale_file_mark(struct shale_file *file)
{
    if (file->leaves != NULL)
        memcpy(file->marked, file->leaves, file->n_leaves * sizeof *file->leaves);
}

enum shale_status shale_file_rewind(struct shale_file *file, size_t n_row_groups,
                                    struct shale_err *err)
{
    shale_parquet_rewind(file->parquet, n_row_groups);
    if (file->leaves != NULL && n_row_groups == 0)
        memset(file->leaves, 0, file->n_leaves * sizeof *file->leaves);
    else if (file->leaves != NULL)
        memcpy(file->leaves, file->marked, file->n_leaves * sizeof *file->leaves);
    return file->begun ? shale_put_truncate(&file->put, shale_parquet_n_bytes(file->parquet), err)
                       : SHALE_OK;
}

/* Read back what the file ends with, still under its temporary name. */
static enum shale_status hash_footer(struct shale_file *file, struct shale_err *err)
{
    struct shale_local local;
    enum shale_status status = shale_local_open(&local, file->put.temporary, err);
    if (status != SHALE_OK)
        return status;
    status = shale_footer_hash(file->mem, &local.random, file->footer_hash, err);
    shale_local_close(&local);
    return status;
}

enum shale_status shale_file_finish(struct shale_file *file, struct shale_str input,
                                    struct shale_err *err)
{
    const struct shale_key_value pair = {SHALE_STR(SHALE_TAG_INPUT), input};
    enum shale_status status = shale_file_open(file, err);
    if (status == SHALE_OK)
        status = shale_parquet_finish(file->parquet, &pair, input.n_bytes > 0 ? 1 : 0,
                                      &file->put.sink, err);
    if (status == SHALE_OK)
        status = shale_put_sync(&file->put, err);
    if (status == SHALE_OK)
        status = shale_put_close(&file->put, err);
    return status == SHALE_OK && file->hashes ? hash_footer(file, err) : status;
}

/* Rejects of an earlier run at this place say nothing about the new file. */
static enum shale_status drop_old_rejects(const struct shale_output *output, struct shale_err *err)
{
    if (remove(output->rejects) != 0 && errno != ENOENT)
        return SHALE_ERR(err, output_remove, output->rejects, strerror(errno));
    return SHALE_OK;
}

enum shale_status shale_output_publish(struct shale_output *output, struct shale_file **files,
                                       size_t n_files, struct shale_file *rejects,
                                       struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (rejects != NULL)
        status = shale_put_publish(&rejects->put, err);
    else if (!has_commits(output) && output->options->replace)
        status = drop_old_rejects(output, err);
    if (output->options->grows)
        return status;
    for (size_t i = 0; i < n_files && status == SHALE_OK; i++)
        status = shale_put_publish(&files[i]->put, err);
    if (status != SHALE_OK && !is_table(output) && rejects != NULL && n_files > 0 &&
        files[0]->put.temporary != NULL)
        (void)remove(output->rejects); /* of data that did not come */
    return status;
}

const char *shale_output_rejects_path(const struct shale_output *output)
{
    return output->rejects;
}
