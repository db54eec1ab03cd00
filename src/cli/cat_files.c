/* SPDX-License-Identifier: MIT */
/* 'shale cat': files and directories become a list of files, and folders' names columns. */
#include <string.h>
#include <sys/stat.h>

#include "cli/cat.h"
#include "json/number.h"
#include "store/store.h"

enum { MOST_BYTES = 1 << 30, MOST_PARTITIONS = 64 };

void cat_files_init(struct cat_files *files)
{
    *files = (struct cat_files){0};
    shale_arena_init(&files->arena, &shale_mem_libc, MOST_BYTES);
}

void cat_files_fini(struct cat_files *files)
{
    cat_table_close(files);
    shale_arena_fini(&files->arena);
    shale_mem_free(&shale_mem_libc, files->files);
}

enum shale_status cat_files_add(struct cat_files *files, const char *path,
                                const struct shale_str *partitions, struct shale_err *err)
{
    struct cat_file *grown;
    if ((files->n_files & (files->n_files - 1)) == 0) { /* room for the next power of two */
        grown = shale_mem_resize(&shale_mem_libc, files->files,
                                 files->n_files == 0 ? 1 : files->n_files * 2, sizeof *grown);
        if (grown == NULL)
            return SHALE_ERR(err, no_memory);
        files->files = grown;
    }
    files->files[files->n_files++] = (struct cat_file){path, partitions};
    return SHALE_OK;
}

/* ---- Folders' names ---------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* A copy with %XX resolved; false without memory. */
static bool unescape(struct shale_arena *arena, struct shale_str text, struct shale_str *out)
{
    char *copy = shale_arena_copy(arena, text);
    size_t n = 0;
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < text.n_bytes; i++) {
        int high = i + 2 < text.n_bytes ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (text.data[i] == '%' && low >= 0) {
            copy[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            copy[n++] = text.data[i];
        }
    }
    *out = (struct shale_str){copy, n};
    return true;
}

struct folder {
    struct shale_str name, value;
};

/* The next "name=value/" of a key; moves '*key' behind it. */
static bool next_folder(struct shale_str *key, struct folder *out)
{
    const char *slash;
    while ((slash = memchr(key->data, '/', key->n_bytes)) != NULL) {
        struct shale_str part = {key->data, (size_t)(slash - key->data)};
        const char *equals = memchr(part.data, '=', part.n_bytes);
        *key = (struct shale_str){slash + 1, key->n_bytes - part.n_bytes - 1};
        if (equals == NULL || equals == part.data)
            continue;
        out->name = (struct shale_str){part.data, (size_t)(equals - part.data)};
        out->value = (struct shale_str){equals + 1, part.n_bytes - out->name.n_bytes - 1};
        return true;
    }
    return false;
}

/* The first file that has folders says which columns there are. */
static enum shale_status set_partitions(struct cat_files *files, struct shale_str key,
                                        struct shale_err *err)
{
    struct folder folder;
    files->partitions =
        shale_arena_zeroed(&files->arena, MOST_PARTITIONS, sizeof *files->partitions);
    if (files->partitions == NULL)
        return SHALE_ERR(err, no_memory);
    while (next_folder(&key, &folder) && files->n_partitions < MOST_PARTITIONS) {
        struct shale_column_def *def = &files->partitions[files->n_partitions++];
        if (!unescape(&files->arena, folder.name, &def->name))
            return SHALE_ERR(err, no_memory);
        def->type.kind = SHALE_INT64;
    }
    return SHALE_OK;
}

static enum shale_status take_partitions(struct cat_files *files, struct shale_str key,
                                         const struct shale_str **out, struct shale_err *err)
{
    struct shale_str *values;
    struct folder folder;
    size_t n = 0;
    if (files->n_files == 0) {
        enum shale_status status = set_partitions(files, key, err);
        if (status != SHALE_OK)
            return status;
    }
    values = shale_arena_zeroed(&files->arena, files->n_partitions + 1, sizeof *values);
    if (values == NULL)
        return SHALE_ERR(err, no_memory);
    for (; next_folder(&key, &folder); n++) {
        struct shale_str name;
        int64_t number;
        if (!unescape(&files->arena, folder.name, &name) ||
            (n < files->n_partitions && !unescape(&files->arena, folder.value, &values[n])))
            return SHALE_ERR(err, no_memory);
        if (n >= files->n_partitions || !shale_str_equal(name, files->partitions[n].name))
            return SHALE_ERR(err, cat_partitions, files->files[0].path);
        if (shale_str_is(values[n], CAT_NULL_PARTITION))
            values[n] = (struct shale_str){NULL, 0};
        else if (!shale_number_valid(values[n]) ||
                 shale_number_i64(values[n], &number) != SHALE_NUMBER_OK ||
                 memchr(values[n].data, '.', values[n].n_bytes) != NULL)
            files->partitions[n].type.kind = SHALE_STRING;
    }
    if (n != files->n_partitions)
        return SHALE_ERR(err, cat_partitions, files->files[0].path);
    *out = values;
    return SHALE_OK;
}

/* ---- Directories ------------------------------------------------------------------------------
 */

static bool is_wanted(struct shale_str key)
{
    static const char suffix[] = ".parquet";
    size_t n = sizeof suffix - 1;
    if (key.n_bytes < n || memcmp(key.data + key.n_bytes - n, suffix, n) != 0)
        return false;
    for (size_t i = 0; i < key.n_bytes; i++)
        if ((i == 0 || key.data[i - 1] == '/') && (key.data[i] == '.' || key.data[i] == '_'))
            return false;
    return true;
}

static enum shale_status add_listed(struct cat_files *files, const char *root, struct shale_str key,
                                    struct shale_err *err)
{
    size_t n_root = strlen(root);
    char *path = shale_arena_zeroed(&files->arena, n_root + key.n_bytes + 2, 1);
    const struct shale_str *partitions = NULL;
    enum shale_status status;
    if (path == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(path, root, n_root);
    if (n_root > 0 && root[n_root - 1] != '/')
        path[n_root++] = '/';
    memcpy(path + n_root, key.data, key.n_bytes);
    status = take_partitions(files, key, &partitions, err);
    if (status == SHALE_OK)
        return cat_files_add(files, path, partitions, err);
    shale_err_at(err, path, -1, -1);
    return status;
}

static enum shale_status add_directory(struct cat_files *files, const char *root,
                                       struct shale_err *err)
{
    struct shale_list *list;
    struct shale_listed listed;
    size_t before = files->n_files;
    bool end = false;
    enum shale_status status = shale_list_new(&shale_mem_libc, root, &list, err);
    if (status != SHALE_OK)
        return status;
    while (status == SHALE_OK) {
        status = shale_list_next(list, &listed, &end, err);
        if (status != SHALE_OK || end)
            break;
        if (is_wanted(listed.key))
            status = add_listed(files, root, listed.key, err);
    }
    shale_list_free(list);
    if (status == SHALE_OK && files->n_files == before)
        return SHALE_ERR(err, cat_no_files, root);
    return status;
}

enum shale_status cat_files_find(struct cat_files *files, const char *const *names, size_t n_names,
                                 struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n_names && status == SHALE_OK; i++) {
        struct stat info;
        if (cat_is_table(names[i])) {
            status = SHALE_ERR(err, cat_table_alone, names[i]);
        } else if (stat(names[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            status = add_directory(files, names[i], err);
        } else if (files->n_partitions > 0) {
            status = SHALE_ERR(err, cat_partitions, files->files[0].path);
            shale_err_at(err, names[i], -1, -1);
        } else {
            status = cat_files_add(files, names[i], NULL, err);
        }
    }
    return status;
}
