/* SPDX-License-Identifier: MIT */
/* A file that takes the place of another: bytes copied from it, and the exchange under a lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "store/sys.h"

enum {
    COPY_BYTES = 64 * 1024, /* at a time where the kernel cannot copy */
    LOCK_TRIES = 600,       /* at 50 ms: whoever holds it only looks and renames */
    LOCK_WAIT_US = 50000,
};

/* ---- Copying ----------------------------------------------------------------------------------
 */

/* By way of memory: another file system, or a kernel that cannot. */
static int copy_bytes(int from_fd, int64_t from, int to_fd, int64_t to, int64_t n_bytes)
{
    char bytes[COPY_BYTES];
    int code = 0;
    while (n_bytes > 0 && code == 0) {
        size_t n = n_bytes < COPY_BYTES ? (size_t)n_bytes : COPY_BYTES;
        code = shale_sys_read(from_fd, bytes, n, from);
        if (code == 0)
            code = shale_sys_write(to_fd, bytes, n, to);
        from += (int64_t)n;
        to += (int64_t)n;
        n_bytes -= (int64_t)n;
    }
    return code;
}

static int copy_range(int from_fd, int64_t from, int to_fd, int64_t to, int64_t n_bytes)
{
    off64_t in = from, out = to;
    while (n_bytes > 0) {
        ssize_t n = copy_file_range(from_fd, &in, to_fd, &out, (size_t)n_bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        /* 0: the end of the file, or a file system that says so where it cannot copy. */
        if (n == 0 || (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                 errno == EOPNOTSUPP || errno == EBADF || errno == EPERM)))
            return copy_bytes(from_fd, in, to_fd, out, n_bytes);
        if (n < 0)
            return errno;
        n_bytes -= n;
    }
    return 0;
}

enum shale_status shale_put_copy(struct shale_put *put, int fd, int64_t from, int64_t n_bytes,
                                 struct shale_err *err)
{
    int code = copy_range(fd, from, put->fd, put->n_bytes, n_bytes);
    put->synced = false;
    if (code == ENODATA)
        return SHALE_ERR(err, object_cut, put->path);
    if (code != 0)
        return shale_sys_fail(err, code, "write", put->path);
    put->n_bytes += n_bytes;
    return SHALE_OK;
}

/* ---- Replacing --------------------------------------------------------------------------------
 */

/* Any user who may write to the directory may take the lock. */
static int open_shared(const char *path)
{
    int fd;
    do
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int open_lock(const char *path, struct shale_err *err, enum shale_status *status)
{
    char directory[SHALE_SYS_PATH_BYTES];
    int fd = open_shared(path);
    int code = errno;
    if (fd < 0 && code == ENOENT) {
        *status = shale_sys_parent(path, directory, err);
        if (*status == SHALE_OK)
            *status = shale_dir_make(directory, err);
        if (*status != SHALE_OK)
            return -1;
        fd = open_shared(path);
        code = errno;
    }
    *status = fd >= 0 ? SHALE_OK : shale_sys_fail(err, code, "open", path);
    return fd;
}

/* Is 'fd' still what the name stands for?  One that was removed locks nobody out. */
static bool is_named(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* A lock that goes with its process, so that nobody who was killed holds it. */
static enum shale_status take_lock(const struct shale_put *put, int *out, struct shale_err *err)
{
    const struct shale_env *env = put->env;
    char path[SHALE_SYS_PATH_BYTES];
    enum shale_status status = SHALE_OK;
    int n = snprintf(path, sizeof path, "%s._shale/lock", put->path);
    *out = -1;
    if (n < 0 || (size_t)n >= sizeof path)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, put->path);
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = open_lock(path, err, &status);
        if (fd < 0)
            return status;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            if (is_named(fd, path)) {
                *out = fd;
                return SHALE_OK;
            }
        } else if (errno != EWOULDBLOCK && errno != EINTR) {
            status = shale_sys_fail(err, errno, "lock", path);
        } else if (env->sleep_us != NULL) {
            env->sleep_us(env->ctx, LOCK_WAIT_US);
        }
        (void)close(fd); /* nothing was written */
        if (status != SHALE_OK)
            return status;
        if (env->cancelled != NULL && env->cancelled(env->ctx))
            return SHALE_ERR(err, interrupted);
    }
    return SHALE_ERR(err, object_locked, path);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Is what 'base' was when it was opened what the path stands for? */
static enum shale_status check_base(const struct shale_put *put, const struct stat *base,
                                    struct shale_err *err)
{
    struct stat now;
    if (lstat(put->path, &now) != 0) {
        if (errno != ENOENT)
            return shale_sys_fail(err, errno, "look at", put->path);
        return base == NULL ? SHALE_OK : SHALE_ERR(err, object_replaced, put->path);
    }
    return base != NULL && same_file(base, &now) ? SHALE_OK
                                                 : SHALE_ERR(err, object_replaced, put->path);
}

/* The new name is there, or it is not: after a failure the old one of the file tells. */
static enum shale_status exchange(struct shale_put *put, bool absent, struct shale_err *err)
{
    struct stat info;
    enum shale_status status = shale_put_name(put, absent, err);
    if (status == SHALE_OK || status == SHALE_UNSURE || status == SHALE_CONFLICT)
        return status;
    if (put->temporary != NULL && lstat(put->temporary, &info) == 0)
        return status;
    return SHALE_ERR(err, object_unsure, put->path, "its rename failed");
}

enum shale_status shale_put_replace(struct shale_put *put, int base_fd, int64_t base_mtime_ns,
                                    struct shale_err *err)
{
    struct stat base;
    enum shale_status status = shale_put_open(put, err);
    int lock;
    if (status == SHALE_OK && base_fd >= 0 && fstat(base_fd, &base) != 0)
        status = shale_sys_fail(err, errno, "look at", put->path);
    if (status != SHALE_OK)
        return status;
    if (base_fd >= 0) {
        if (base.st_mtim.tv_sec * INT64_C(1000000000) + base.st_mtim.tv_nsec != base_mtime_ns)
            return SHALE_ERR(err, object_replaced, put->path);
        (void)fchmod(put->fd, base.st_mode & 07777); /* whoever may read goes on reading */
    }
    status = shale_put_sync(put, err); /* which takes long: not under the lock */
    if (status == SHALE_OK)
        status = take_lock(put, &lock, err);
    if (status != SHALE_OK)
        return status;
    status = check_base(put, base_fd >= 0 ? &base : NULL, err);
    if (status == SHALE_OK)
        status = exchange(put, base_fd < 0, err);
    (void)close(lock); /* nothing was written; the lock goes with it */
    return status;
}
