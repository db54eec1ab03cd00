/* SPDX-License-Identifier: MIT */
/* A local file, read with pread(). */
#include "store/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sys.h"

static enum shale_status failed(const struct shale_local *file, struct shale_err *err, int code,
                                const char *verb)
{
    enum shale_status status = shale_sys_fail(err, code, verb, "the file");
    shale_err_at(err, file->path, -1, -1);
    return status;
}

static enum shale_status changed(const struct shale_local *file, struct shale_err *err)
{
    enum shale_status status = SHALE_ERR(err, file_changed);
    shale_err_at(err, file->path, -1, -1);
    return status;
}

static int64_t mtime_of(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

static enum shale_status read_at(struct shale_random *random, int64_t at, void *out, size_t n_bytes,
                                 struct shale_err *err)
{
    const struct shale_local *file = (const struct shale_local *)(void *)random;
    int code = shale_sys_read(file->fd, out, n_bytes, at);
    if (code == ENODATA) /* it was long enough when it was opened */
        return changed(file, err);
    return code == 0 ? SHALE_OK : failed(file, err, code, "read");
}

enum shale_status shale_local_open(struct shale_local *file, const char *path,
                                   struct shale_err *err)
{
    struct stat info;
    enum shale_status status = SHALE_OK;
    *file = (struct shale_local){.random = {.read_at = read_at}, .fd = -1, .path = path};
    /* without O_NONBLOCK a pipe of that name would stop us for ever */
    file->fd = shale_sys_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0)
        return failed(file, err, errno, "open");
    if (fstat(file->fd, &info) != 0) {
        status = failed(file, err, errno, "open");
    } else if (!S_ISREG(info.st_mode)) {
        status = SHALE_ERR(err, not_regular, S_ISDIR(info.st_mode) ? "a directory" : "no file");
        shale_err_at(err, path, -1, -1);
    } else {
        file->random.n_bytes = info.st_size;
        file->mtime_ns = mtime_of(&info);
    }
    if (status != SHALE_OK)
        shale_local_close(file);
    return status;
}

enum shale_status shale_local_check(const struct shale_local *file, struct shale_err *err)
{
    struct stat info;
    if (fstat(file->fd, &info) != 0)
        return failed(file, err, errno, "read");
    if (info.st_size != file->random.n_bytes || mtime_of(&info) != file->mtime_ns)
        return changed(file, err);
    return SHALE_OK;
}

void shale_local_close(struct shale_local *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* only read */
    file->fd = -1;
}
