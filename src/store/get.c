/* SPDX-License-Identifier: MIT */
/* Reading one file of the local store. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sys.h"

static int64_t mtime_of(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

/* The errors of an object name it in their place for it, not in the words. */
static enum shale_status failed(const struct shale_get *get, struct shale_err *err, int code,
                                const char *verb)
{
    enum shale_status status = shale_sys_fail(err, code, verb, "the object");
    shale_err_at(err, get->path, -1, -1);
    return status;
}

/* No part of a key is empty, "." or "..": so it stays below its root (links apart). */
static bool key_is_plain(const char *key)
{
    for (;;) {
        size_t n = strcspn(key, "/");
        if (n == 0 || (n == 1 && key[0] == '.') || (n == 2 && key[0] == '.' && key[1] == '.'))
            return false;
        if (key[n] == '\0')
            return true;
        key += n + 1;
    }
}

static enum shale_status read_object(struct shale_source *source, void *out, size_t capacity,
                                     size_t *n_bytes, struct shale_err *err)
{
    struct shale_get *get = (struct shale_get *)(void *)source;
    ssize_t n;
    do
        n = read(get->fd, out, capacity);
    while (n < 0 && errno == EINTR);
    *n_bytes = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        return failed(get, err, errno, "read");
    get->n_read += n;
    return SHALE_OK;
}

enum shale_status shale_get_open(struct shale_get *get, int root_fd, const char *key,
                                 struct shale_err *err)
{
    struct stat info;
    enum shale_status status;
    *get = (struct shale_get){.source = {read_object}, .fd = -1};
    if (!key_is_plain(key))
        return SHALE_ERR(err, key_not_plain, key);
    if (strlen(key) >= sizeof get->path)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, key);
    memcpy(get->path, key, strlen(key) + 1);
    /* without O_NONBLOCK a pipe of that name would stop us for ever */
    get->fd = shale_sys_open(root_fd, key, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (get->fd < 0)
        return failed(get, err, errno, "open");
    if (fstat(get->fd, &info) != 0) {
        status = failed(get, err, errno, "open");
        shale_get_close(get);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        shale_get_close(get);
        return SHALE_ERR(err, not_a_file, key);
    }
    get->n_bytes = info.st_size;
    get->mtime_ns = mtime_of(&info);
    return SHALE_OK;
}

enum shale_status shale_get_finish(struct shale_get *get, struct shale_err *err)
{
    struct stat info;
    enum shale_status status = SHALE_OK;
    if (fstat(get->fd, &info) != 0) {
        status = failed(get, err, errno, "read");
    } else if (info.st_size != get->n_bytes || mtime_of(&info) != get->mtime_ns ||
               get->n_read > get->n_bytes) {
        status = SHALE_ERR(err, file_changed);
        shale_err_at(err, get->path, -1, -1);
    }
    shale_get_close(get);
    return status;
}

void shale_get_close(struct shale_get *get)
{
    if (get->fd >= 0)
        (void)close(get->fd); /* only read */
    get->fd = -1;
}
