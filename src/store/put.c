/* SPDX-License-Identifier: MIT */
/* Writing one file under a temporary name, and giving it its own at the end. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sys.h"

enum {
    MAX_TRIES = 16,       /* for a name that is free: two of 2^64 meet once in a lifetime */
    TEMPORARY_BYTES = 23, /* ".", ".", 16 digits, ".tmp" and the NUL, beside the name */
};

static enum shale_status write_file(struct shale_sink *sink, const void *data, size_t n_bytes,
                                    struct shale_err *err)
{
    struct shale_put *put = (struct shale_put *)(void *)sink;
    int code = shale_sys_write(put->fd, data, n_bytes, put->n_bytes);
    put->synced = false;
    if (code != 0)
        return shale_sys_fail(err, code, "write", put->path);
    put->n_bytes += (int64_t)n_bytes;
    return SHALE_OK;
}

enum shale_status shale_put_init(struct shale_put *put, const struct shale_env *env,
                                 const char *path, struct shale_err *err)
{
    size_t n = strlen(path);
    *put = (struct shale_put){.sink = {write_file}, .fd = -1, .mem = env->mem, .env = env};
    if (n + TEMPORARY_BYTES > SHALE_SYS_PATH_BYTES)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - TEMPORARY_BYTES, path);
    put->path = shale_mem_alloc(put->mem, n + 1);
    if (put->path == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(put->path, path, n + 1);
    return SHALE_OK;
}

void shale_put_fini(struct shale_put *put)
{
    if (put->fd >= 0)
        (void)close(put->fd); /* what was written goes away anyhow */
    put->fd = -1;
    if (put->temporary != NULL)
        (void)unlink(put->temporary);
    if (put->mem != NULL) {
        shale_mem_free(put->mem, put->temporary);
        shale_mem_free(put->mem, put->path);
    }
    put->temporary = put->path = NULL;
}

/* Lock the open file for as long as it is open, which tells a sweep that somebody writes it.
 * 0, or EEXIST when a sweep was quicker: the file is going or gone.  A file system without locks
 * has nothing that could lock it for a sweep either. */
static int lock_file(int fd)
{
    struct stat info;
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return errno == EWOULDBLOCK ? EEXIST : 0;
    return fstat(fd, &info) == 0 && info.st_nlink == 0 ? EEXIST : 0;
}

size_t shale_put_name_bytes(const char *name)
{
    size_t n = strlen(name), most = SHALE_SYS_NAME_BYTES - TEMPORARY_BYTES + 1;
    return n < most ? n : most;
}

/* Create the file under a name that nobody uses. */
static enum shale_status create(struct shale_put *put, struct shale_err *err)
{
    const char *slash = strrchr(put->path, '/');
    const char *name = slash == NULL ? put->path : slash + 1;
    int n_directory = (int)(name - put->path); /* below SHALE_SYS_PATH_BYTES */
    int n_name = (int)shale_put_name_bytes(name);
    size_t n_bytes = strlen(put->path) + TEMPORARY_BYTES;
    char *temporary = shale_mem_alloc(put->mem, n_bytes);
    int code = EEXIST;
    if (temporary == NULL)
        return SHALE_ERR(err, no_memory);
    for (int i = 0; i < MAX_TRIES && code == EEXIST; i++) {
        (void)snprintf(temporary, n_bytes, "%.*s.%.*s.%016" PRIx64 ".tmp", n_directory, put->path,
                       n_name, name, put->env->random_u64(put->env->ctx));
        put->fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        code = put->fd >= 0 ? 0 : errno;
        if (code == EINTR)
            code = EEXIST; /* once more */
        if (put->fd >= 0 && (code = lock_file(put->fd)) != 0) {
            (void)close(put->fd); /* nothing was written */
            (void)unlink(temporary);
            put->fd = -1;
        }
    }
    if (code != 0) {
        shale_mem_free(put->mem, temporary);
        return shale_sys_fail(err, code, "create", put->path);
    }
    put->temporary = temporary;
    return SHALE_OK;
}

enum shale_status shale_put_open(struct shale_put *put, struct shale_err *err)
{
    if (put->fd >= 0)
        return SHALE_OK;
    if (put->temporary == NULL)
        return create(put, err);
    put->fd = shale_sys_open(AT_FDCWD, put->temporary, O_RDWR);
    if (put->fd < 0)
        return shale_sys_fail(err, errno, "open", put->temporary);
    if (lock_file(put->fd) == 0)
        return SHALE_OK;
    (void)close(put->fd); /* what was written is going */
    put->fd = -1;
    return SHALE_ERR(err, put_swept, put->temporary);
}

enum shale_status shale_put_close(struct shale_put *put, struct shale_err *err)
{
    int fd = put->fd;
    put->fd = -1;
    /* Network file systems report a failed write here; after EINTR Linux has closed it. */
    if (fd >= 0 && close(fd) != 0 && errno != EINTR)
        return shale_sys_fail(err, errno, "write", put->path);
    return SHALE_OK;
}

enum shale_status shale_put_truncate(struct shale_put *put, int64_t n_bytes, struct shale_err *err)
{
    int result = 0;
    if (put->temporary != NULL) {
        do
            result = put->fd >= 0 ? ftruncate(put->fd, n_bytes) : truncate(put->temporary, n_bytes);
        while (result != 0 && errno == EINTR);
    }
    if (result != 0)
        return shale_sys_fail(err, errno, "shorten", put->path);
    put->n_bytes = n_bytes;
    put->synced = false;
    return SHALE_OK;
}

static enum shale_status sync_open(struct shale_put *put, struct shale_err *err)
{
    struct stat info;
    int result;
    if (fstat(put->fd, &info) != 0)
        return shale_sys_fail(err, errno, "write", put->path);
    if (info.st_size > put->n_bytes) { /* the rest of a write that failed */
        enum shale_status status = shale_put_truncate(put, put->n_bytes, err);
        if (status != SHALE_OK)
            return status;
    }
    if (info.st_size < put->n_bytes) /* cut by somebody else */
        return shale_sys_fail(err, ENODATA, "write", put->path);
    do
        result = fsync(put->fd);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return shale_sys_fail(err, errno, "write", put->path);
    put->synced = true;
    return SHALE_OK;
}

enum shale_status shale_put_sync(struct shale_put *put, struct shale_err *err)
{
    bool was_open = put->fd >= 0;
    enum shale_status status = shale_put_open(put, err), closed;
    if (status != SHALE_OK)
        return status;
    status = sync_open(put, err);
    if (was_open)
        return status;
    closed = shale_put_close(put, status == SHALE_OK ? err : NULL);
    return status == SHALE_OK ? closed : status;
}

/* The file has its final name: 'fini' has nothing left to remove. */
static void named(struct shale_put *put)
{
    shale_mem_free(put->mem, put->temporary);
    put->temporary = NULL;
    if (put->fd >= 0)
        (void)close(put->fd); /* it was synced: nothing is left to fail */
    put->fd = -1;
}

/* How many names the file has that was to be given its final one: with the answer of rename() or
 * link() lost, this says what came of it.  -1: that cannot be said either. */
static int n_names(const struct shale_put *put)
{
    struct stat info;
    if (lstat(put->temporary, &info) == 0)
        return info.st_nlink > 1 ? 2 : 1;
    return errno == ENOENT ? 0 : -1;
}

/* A call answered 'code', and the file has 'n' names: 'n_unchanged' means that nothing happened. */
static enum shale_status not_named(const struct shale_put *put, int code, int n, int n_unchanged,
                                   struct shale_err *err)
{
    enum shale_status status = shale_sys_fail(err, code, "publish", put->path);
    if (n == n_unchanged || status == SHALE_DENIED)
        return status;
    return SHALE_ERR(err, object_unsure, put->path, strerrordesc_np(code));
}

/* Where the file system cannot rename without replacing. */
static enum shale_status link_absent(struct shale_put *put, struct shale_err *err)
{
    int code, n;
    if (link(put->temporary, put->path) != 0) {
        code = errno;
        n = n_names(put);
        if (n != 2) { /* 2: a network's second try met the first, which was ours */
            if (code == EEXIST && n == 1)
                return SHALE_ERR(err, object_exists, put->path);
            if (n == 1 && (code == EPERM || code == ENOSYS || code == ENOTSUP || code == EMLINK))
                return SHALE_ERR(err, store_no_table, put->path);
            return not_named(put, code, n, 1, err);
        }
    }
    (void)unlink(put->temporary); /* a second name of the same file, which readers pass over */
    return SHALE_OK;
}

static enum shale_status rename_absent(struct shale_put *put, struct shale_err *err)
{
    for (;;) {
        int code, n;
        if (renameat2(AT_FDCWD, put->temporary, AT_FDCWD, put->path, RENAME_NOREPLACE) == 0)
            return SHALE_OK;
        code = errno;
        if (code == EINVAL || code == ENOSYS || code == ENOTSUP)
            return link_absent(put, err);
        n = n_names(put);
        if (n == 0)
            return SHALE_OK; /* nobody else touches a locked file */
        if (code == EEXIST)
            return SHALE_ERR(err, object_exists, put->path);
        if (code != EINTR || n < 0)
            return not_named(put, code, n, 1, err);
    }
}

enum shale_status shale_put_name(struct shale_put *put, bool absent, struct shale_err *err)
{
    enum shale_status status = put->synced ? SHALE_OK : shale_put_sync(put, err);
    if (status != SHALE_OK)
        return status;
    if (absent)
        status = rename_absent(put, err);
    else if (rename(put->temporary, put->path) != 0)
        status = shale_sys_fail(err, errno, "publish", put->path);
    if (status == SHALE_OK)
        named(put);
    return status;
}

enum shale_status shale_put_publish(struct shale_put *put, struct shale_err *err)
{
    char directory[SHALE_SYS_PATH_BYTES];
    enum shale_status status = shale_sys_parent(put->path, directory, err);
    if (status == SHALE_OK)
        status = shale_put_name(put, false, err);
    return status == SHALE_OK ? shale_dir_sync(directory, err) : status;
}
