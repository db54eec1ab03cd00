/* SPDX-License-Identifier: MIT */
/* A directory as a store: keys are paths below it.
 *
 * A file is written under a temporary name, synced, and then given its own.  A name is durable once
 * its directory is synced, and so are the names of the directories above it, which another program
 * may have made a moment ago: the store remembers each directory that it wrote to, and syncs those
 * above it once. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/clean.h"
#include "store/local.h"
#include "store/objects.h"
#include "store/store.h"
#include "store/sys.h"

enum {
    MAX_TRIES = 4,  /* at a directory that others remove while it is being made */
    MAX_OPEN = 256, /* files under construction whose descriptors are kept */
};

/* A directory that objects were written to, or one above it, up to the one that the root is in
 * ("ROOT/..").  Its flags are under the mutex. */
struct dir {
    struct dir *parent; /* NULL: above the root */
    bool is_named;      /* its own name has been seen to: the parent was dirty since */
    bool is_dirty;      /* has names that are not durable */
    size_t n_path;
    char path[];
};

struct local {
    struct shale_store store; /* first member */
    char *root;               /* owned; no '/' at its end, but for "/" */
    pthread_mutex_t mutex;    /* of what follows */
    struct dir **dirs;        /* by path, owned */
    size_t n_dirs, capacity;
    size_t n_open;            /* files under construction that stay open */
    pthread_mutex_t settling; /* one at a time, so that a clean directory is a synced one */
};

struct list {
    struct shale_list *list;
    const struct shale_mem *mem;
    char tag[SHALE_TAG_BYTES];
};

struct file {
    struct shale_store_file file; /* first member */
    struct shale_local local;
    const struct shale_mem *mem;
    char path[]; /* NUL-terminated */
};

struct put {
    struct shale_store_put put; /* first member */
    struct local *local;
    struct shale_put file;
    struct dir *dir;
    bool is_counted; /* in n_open */
};

static void lock(pthread_mutex_t *mutex)
{
    int code = pthread_mutex_lock(mutex);
    assert(code == 0);
    (void)code;
}

static void unlock(pthread_mutex_t *mutex)
{
    int code = pthread_mutex_unlock(mutex);
    assert(code == 0);
    (void)code;
}

static void set_tag(int64_t n_bytes, int64_t mtime_ns, char tag[SHALE_TAG_BYTES])
{
    (void)snprintf(tag, SHALE_TAG_BYTES, "%" PRId64 "-%" PRId64, n_bytes, mtime_ns);
}

/* The path of a key. */
static enum shale_status path_of(const struct local *local, const char *key,
                                 char out[SHALE_SYS_PATH_BYTES], struct shale_err *err)
{
    size_t n_root = strlen(local->root), n_key = strlen(key);
    bool has_slash = n_root > 0 && local->root[n_root - 1] == '/';
    if (n_root + 1 + n_key >= SHALE_SYS_PATH_BYTES)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, key);
    (void)snprintf(out, SHALE_SYS_PATH_BYTES, "%s%s%s", local->root, has_slash ? "" : "/", key);
    return SHALE_OK;
}

/* ---- Directories ------------------------------------------------------------------------------
 */

/* The directory with this path, remembered from now on; NULL without memory.  Under the mutex. */
static struct dir *remember(struct local *local, const char *path, size_t n_path,
                            struct dir *parent)
{
    const struct shale_mem *mem = local->store.env->mem;
    struct shale_str wanted = {path, n_path};
    size_t low = 0, high = local->n_dirs;
    struct dir *dir;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        dir = local->dirs[middle];
        int order = shale_str_compare((struct shale_str){dir->path, dir->n_path}, wanted);
        if (order == 0)
            return dir;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (local->n_dirs == local->capacity) {
        size_t capacity = local->capacity * 2 + 16;
        struct dir **dirs = shale_mem_resize(mem, local->dirs, capacity, sizeof *dirs);
        if (dirs == NULL)
            return NULL;
        local->dirs = dirs;
        local->capacity = capacity;
    }
    dir = shale_mem_alloc(mem, sizeof *dir + n_path + 1);
    if (dir == NULL)
        return NULL;
    *dir = (struct dir){.parent = parent, .n_path = n_path};
    memcpy(dir->path, path, n_path);
    dir->path[n_path] = '\0';
    memmove(local->dirs + low + 1, local->dirs + low, (local->n_dirs - low) * sizeof *local->dirs);
    local->dirs[low] = dir;
    local->n_dirs++;
    return dir;
}

/* The directory of the object at 'path', and those above it, are remembered. */
static enum shale_status find_dir(struct local *local, const char *path, struct dir **out,
                                  struct shale_err *err)
{
    char above[SHALE_SYS_PATH_BYTES];
    size_t n_root = strlen(local->root); /* init saw to it that there is room */
    struct dir *dir;
    memcpy(above, local->root, n_root);
    memcpy(above + n_root, "/..", 4);
    lock(&local->mutex);
    dir = remember(local, above, n_root + 3, NULL);
    if (dir != NULL)
        dir = remember(local, local->root, n_root, dir);
    for (size_t i = n_root + 1; dir != NULL && path[i] != '\0'; i++) {
        if (path[i] == '/')
            dir = remember(local, path, i, dir);
    }
    unlock(&local->mutex);
    *out = dir;
    return dir == NULL ? SHALE_ERR(err, no_memory) : SHALE_OK;
}

/* Of 'dir' and those above it, the one whose path has 'n_path' bytes was made, maybe once more. */
static void forget_name(struct local *local, struct dir *dir, size_t n_path)
{
    while (dir->n_path > n_path)
        dir = dir->parent;
    lock(&local->mutex);
    dir->is_named = false;
    unlock(&local->mutex);
}

/* Make the directories of 'dir' that are missing. */
static enum shale_status make_dirs(struct local *local, struct dir *dir, struct shale_err *err)
{
    enum shale_status status = shale_dir_make(local->root, err);
    char path[SHALE_SYS_PATH_BYTES];
    for (size_t i = strlen(local->root) + 1; status == SHALE_OK && i <= dir->n_path; i++) {
        struct stat info;
        int code;
        if (i < dir->n_path && dir->path[i] != '/')
            continue;
        memcpy(path, dir->path, i);
        path[i] = '\0';
        if (mkdir(path, 0777) == 0) {
            forget_name(local, dir, i);
            continue;
        }
        code = errno;
        if (stat(path, &info) != 0)
            status = shale_sys_fail(err, code, "make the directory", path);
        else if (!S_ISDIR(info.st_mode))
            status = SHALE_ERR(err, store_no_directory, path);
    }
    return status;
}

/* 'dir' got a name. */
static void mark(struct local *local, struct dir *dir)
{
    lock(&local->mutex);
    dir->is_dirty = true;
    for (; dir->parent != NULL; dir = dir->parent) {
        dir->parent->is_dirty |= !dir->is_named;
        dir->is_named = true;
    }
    unlock(&local->mutex);
}

/* Sync a directory if it is dirty.  With 'settling' held. */
static enum shale_status settle_dir(struct local *local, struct dir *dir, struct shale_err *err)
{
    enum shale_status status;
    bool is_dirty;
    lock(&local->mutex);
    is_dirty = dir->is_dirty;
    dir->is_dirty = false;
    unlock(&local->mutex);
    if (!is_dirty)
        return SHALE_OK;
    status = shale_dir_sync(dir->path, err);
    if (status == SHALE_DENIED && dir->parent == NULL)
        return SHALE_OK; /* not ours to look into; who made the root synced it */
    if (status != SHALE_OK) {
        lock(&local->mutex);
        dir->is_dirty = true;
        unlock(&local->mutex);
    }
    return status;
}

/* A directory and those above it. */
static enum shale_status settle_from(struct local *local, struct dir *dir, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    lock(&local->settling);
    for (; status == SHALE_OK && dir != NULL; dir = dir->parent)
        status = settle_dir(local, dir, err);
    unlock(&local->settling);
    return status;
}

static enum shale_status local_settle(struct shale_store *store, struct shale_err *err)
{
    struct local *local = (struct local *)(void *)store;
    enum shale_status status = SHALE_OK;
    lock(&local->settling);
    for (size_t i = 0; status == SHALE_OK; i++) {
        struct dir *dir;
        lock(&local->mutex);
        dir = i < local->n_dirs ? local->dirs[i] : NULL;
        unlock(&local->mutex);
        if (dir == NULL)
            break;
        status = settle_dir(local, dir, err);
    }
    unlock(&local->settling);
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

/* Begin the temporary file of an object; its directories are made when they are missing, which is
 * seldom. */
static enum shale_status begin(struct local *local, const char *path, struct shale_put *file,
                               struct dir **dir, struct shale_err *err)
{
    enum shale_status status = find_dir(local, path, dir, err);
    *file = (struct shale_put){.fd = -1};
    if (status == SHALE_OK)
        status = shale_put_init(file, local->store.env, path, err);
    if (status == SHALE_OK)
        status = shale_put_open(file, err);
    for (int i = 0; status == SHALE_NOT_FOUND && i < MAX_TRIES; i++) {
        status = make_dirs(local, *dir, err);
        if (status == SHALE_OK)
            status = shale_put_open(file, err);
    }
    return status;
}

/* Write an object whole, under its name and durable. */
static enum shale_status write_whole(struct shale_store *store, const char *key,
                                     struct shale_str data, bool absent, struct shale_err *err)
{
    struct local *local = (struct local *)(void *)store;
    char path[SHALE_SYS_PATH_BYTES];
    struct shale_put file;
    struct dir *dir;
    enum shale_status status = path_of(local, key, path, err);
    if (status != SHALE_OK)
        return status;
    status = begin(local, path, &file, &dir, err);
    if (status == SHALE_OK && data.n_bytes > 0)
        status = shale_sink_write(&file.sink, data.data, data.n_bytes, err);
    if (status == SHALE_OK)
        status = shale_put_name(&file, absent, err);
    shale_put_fini(&file);
    if (status == SHALE_OK || status == SHALE_UNSURE)
        mark(local, dir);
    if (status != SHALE_OK)
        return status;
    status = settle_from(local, dir, err);
    if (status != SHALE_OK && absent) /* the name is there, and may be gone after a power failure */
        return SHALE_ERR(err, object_unsure, path, "its directory cannot be synced");
    return status;
}

static enum shale_status local_put(struct shale_store *store, const char *key,
                                   struct shale_str data, struct shale_err *err)
{
    return write_whole(store, key, data, false, err);
}

static enum shale_status local_put_absent(struct shale_store *store, const char *key,
                                          struct shale_str data, struct shale_err *err)
{
    return write_whole(store, key, data, true, err);
}

/* The first MAX_OPEN files under construction stay open, and locked; of any more each is closed
 * behind every write, so that there may be thousands. */
static enum shale_status keep_or_close(struct put *put, struct shale_err *err)
{
    struct local *local = put->local;
    lock(&local->mutex);
    if (!put->is_counted && local->n_open < MAX_OPEN) {
        put->is_counted = true;
        local->n_open++;
    }
    unlock(&local->mutex);
    return put->is_counted ? SHALE_OK : shale_put_close(&put->file, err);
}

static enum shale_status put_write(struct shale_sink *sink, const void *data, size_t n_bytes,
                                   struct shale_err *err)
{
    struct put *put = (struct put *)(void *)sink;
    enum shale_status status = shale_put_open(&put->file, err); /* if it is not */
    if (status == SHALE_OK)
        status = shale_sink_write(&put->file.sink, data, n_bytes, err);
    return status == SHALE_OK ? keep_or_close(put, err) : status;
}

static void put_abandon(struct shale_store_put *base)
{
    struct put *put = (struct put *)(void *)base;
    if (put->is_counted) {
        lock(&put->local->mutex);
        put->local->n_open--;
        unlock(&put->local->mutex);
    }
    shale_put_fini(&put->file);
    shale_mem_free(put->local->store.env->mem, put);
}

static enum shale_status put_copy(struct shale_store_put *base, struct shale_store_file *file,
                                  int64_t from, int64_t n_bytes, struct shale_err *err)
{
    struct put *put = (struct put *)(void *)base;
    int fd = ((const struct file *)(const void *)file)->local.fd;
    enum shale_status status = shale_put_open(&put->file, err);
    if (status == SHALE_OK)
        status = shale_put_copy(&put->file, fd, from, n_bytes, err);
    return status == SHALE_OK ? keep_or_close(put, err) : status;
}

static enum shale_status put_replace(struct shale_store_put *base,
                                     const struct shale_store_file *replaced, struct shale_err *err)
{
    struct put *put = (struct put *)(void *)base;
    const struct file *file = (const struct file *)(const void *)replaced;
    enum shale_status status = shale_put_replace(&put->file, file == NULL ? -1 : file->local.fd,
                                                 file == NULL ? 0 : file->local.mtime_ns, err);
    if (status == SHALE_OK || status == SHALE_UNSURE)
        mark(put->local, put->dir);
    if (status == SHALE_OK) {
        status = settle_from(put->local, put->dir, err);
        if (status != SHALE_OK)
            status =
                SHALE_ERR(err, object_unsure, put->file.path, "its directory cannot be synced");
    }
    put_abandon(base);
    return status;
}

static enum shale_status put_finish(struct shale_store_put *base, struct shale_err *err)
{
    struct put *put = (struct put *)(void *)base;
    enum shale_status status = shale_put_name(&put->file, true, err);
    if (status == SHALE_OK)
        mark(put->local, put->dir);
    put_abandon(base);
    return status;
}

static enum shale_status local_create(struct shale_store *store, const char *key,
                                      struct shale_store_put **out, struct shale_err *err)
{
    struct local *local = (struct local *)(void *)store;
    char path[SHALE_SYS_PATH_BYTES];
    enum shale_status status = path_of(local, key, path, err);
    struct put *put;
    if (status != SHALE_OK)
        return status;
    put = shale_mem_zeroed(store->env->mem, 1, sizeof *put);
    if (put == NULL)
        return SHALE_ERR(err, no_memory);
    put->put =
        (struct shale_store_put){{put_write}, put_copy, put_finish, put_replace, put_abandon};
    put->local = local;
    status = begin(local, path, &put->file, &put->dir, err);
    if (status == SHALE_OK)
        status = keep_or_close(put, err);
    if (status != SHALE_OK) {
        put_abandon(&put->put);
        return status;
    }
    *out = &put->put;
    return SHALE_OK;
}

static enum shale_status local_remove(struct shale_store *store, const char *key,
                                      struct shale_err *err)
{
    char path[SHALE_SYS_PATH_BYTES];
    enum shale_status status = path_of((struct local *)(void *)store, key, path, err);
    if (status != SHALE_OK)
        return status;
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return SHALE_OK;
    return shale_sys_fail(err, errno, "remove", path);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static enum shale_status file_read(struct shale_random *random, int64_t at, void *out,
                                   size_t n_bytes, struct shale_err *err)
{
    struct file *file = (struct file *)(void *)random;
    return shale_random_read(&file->local.random, at, out, n_bytes, err);
}

static void file_close(struct shale_store_file *base)
{
    struct file *file = (struct file *)(void *)base;
    shale_local_close(&file->local);
    shale_mem_free(file->mem, file);
}

static enum shale_status local_open(struct shale_store *store, const char *key,
                                    struct shale_store_file **out, struct shale_err *err)
{
    char path[SHALE_SYS_PATH_BYTES];
    enum shale_status status = path_of((struct local *)(void *)store, key, path, err);
    struct file *file;
    if (status != SHALE_OK)
        return status;
    file = shale_mem_alloc(store->env->mem, sizeof *file + strlen(path) + 1);
    if (file == NULL)
        return SHALE_ERR(err, no_memory);
    *file = (struct file){.mem = store->env->mem};
    memcpy(file->path, path, strlen(path) + 1);
    status = shale_local_open(&file->local, file->path, err);
    if (status != SHALE_OK) {
        shale_mem_free(store->env->mem, file);
        return status;
    }
    file->file.random = (struct shale_random){file->local.random.n_bytes, file_read};
    file->file.modified_us = file->local.mtime_ns / 1000;
    file->file.close = file_close;
    set_tag(file->local.random.n_bytes, file->local.mtime_ns, file->file.tag);
    *out = &file->file;
    return SHALE_OK;
}

/* ---- Listing ----------------------------------------------------------------------------------
 */

static void local_list_free(struct shale_store_list *base)
{
    struct list *list = (struct list *)(void *)base;
    shale_list_free(list->list);
    shale_mem_free(list->mem, list);
}

static enum shale_status local_list(struct shale_store *store, const char *prefix,
                                    const char *after, struct shale_store_list **out,
                                    struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    struct list *list = shale_mem_zeroed(mem, 1, sizeof *list);
    struct shale_list_range range = {prefix, after, true};
    enum shale_status status;
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    list->mem = mem;
    status = shale_list_range(mem, ((struct local *)(void *)store)->root, &range, &list->list, err);
    if (status != SHALE_OK) {
        local_list_free((struct shale_store_list *)(void *)list);
        return status;
    }
    *out = (struct shale_store_list *)(void *)list;
    return SHALE_OK;
}

static enum shale_status local_list_next(struct shale_store_list *base,
                                         struct shale_store_entry *out, bool *end,
                                         struct shale_err *err)
{
    struct list *list = (struct list *)(void *)base;
    struct shale_listed listed;
    enum shale_status status = shale_list_next(list->list, &listed, end, err);
    if (status != SHALE_OK || *end)
        return status;
    set_tag(listed.n_bytes, listed.mtime_ns, list->tag);
    *out = (struct shale_store_entry){listed.key, shale_str_of(list->tag), listed.n_bytes,
                                      listed.mtime_ns / 1000};
    return SHALE_OK;
}

/* ---- The store --------------------------------------------------------------------------------
 */

static void local_free(struct shale_store *store)
{
    struct local *local = (struct local *)(void *)store;
    const struct shale_mem *mem = store->env->mem;
    for (size_t i = 0; i < local->n_dirs; i++)
        shale_mem_free(mem, local->dirs[i]);
    shale_mem_free(mem, local->dirs);
    shale_mem_free(mem, local->root);
    (void)pthread_mutex_destroy(&local->mutex);
    (void)pthread_mutex_destroy(&local->settling);
    shale_mem_free(mem, local);
}

static enum shale_status local_clean(struct shale_store *store,
                                     const struct shale_store_cleaning *what, int64_t *n_removed,
                                     struct shale_err *err)
{
    return shale_clean(store->env->mem, ((struct local *)(void *)store)->root, what, n_removed,
                       err);
}

static const struct shale_store_ops ops = {
    .list = local_list,
    .list_next = local_list_next,
    .list_free = local_list_free,
    .open = local_open,
    .create = local_create,
    .put = local_put,
    .put_absent = local_put_absent,
    .remove = local_remove,
    .settle = local_settle,
    .clean = local_clean,
    .free = local_free,
};

enum shale_status shale_store_local(const struct shale_env *env, const char *path,
                                    struct shale_store **out, struct shale_err *err)
{
    struct local *local;
    size_t n;
    *out = NULL;
    if (path[0] == '\0')
        path = ".";
    n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n + sizeof "/.." > SHALE_SYS_PATH_BYTES)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    local = shale_mem_zeroed(env->mem, 1, sizeof *local);
    if (local == NULL)
        return SHALE_ERR(err, no_memory);
    local->root = shale_mem_alloc(env->mem, n + 1);
    if (local->root == NULL || pthread_mutex_init(&local->mutex, NULL) != 0 ||
        pthread_mutex_init(&local->settling, NULL) != 0) {
        shale_mem_free(env->mem, local->root);
        shale_mem_free(env->mem, local);
        return SHALE_ERR(err, no_memory);
    }
    memcpy(local->root, path, n);
    local->root[n] = '\0';
    local->store = (struct shale_store){.ops = &ops, .env = env};
    (void)snprintf(local->store.name, sizeof local->store.name, "%s", local->root);
    *out = &local->store;
    return SHALE_OK;
}
