/* SPDX-License-Identifier: MIT */
/* System calls with all their ways to fail. */
#include "store/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_PATH_BYTES = 400 }; /* leaves room for the words in an error's message */

/* Every system error that is not IO. */
static const struct {
    int code;
    enum shale_status status;
} statuses[] = {
    {EACCES, SHALE_DENIED},    {EPERM, SHALE_DENIED},      {EROFS, SHALE_DENIED},
    {ENOENT, SHALE_NOT_FOUND}, {ENOTDIR, SHALE_NOT_FOUND}, {EMFILE, SHALE_AGAIN},
    {ENFILE, SHALE_AGAIN},     {EAGAIN, SHALE_AGAIN},      {ETIMEDOUT, SHALE_AGAIN},
    {ENOMEM, SHALE_NOMEM},
};

static enum shale_status status_of(int code)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i].code == code)
            return statuses[i].status;
    }
    return SHALE_IO;
}

enum shale_status shale_sys_fail(struct shale_err *err, int code, const char *verb,
                                 const char *path)
{
    /* strerror() is neither free of races nor of the locale. */
    const char *words = strerrordesc_np(code);
    const char *dots = "";
    size_t n = strlen(path);
    if (words == NULL)
        words = "unknown system error";
    if (n > SHOWN_PATH_BYTES) {
        path += n - SHOWN_PATH_BYTES;
        dots = "...";
    }
    switch (status_of(code)) {
    case SHALE_DENIED:
        return SHALE_ERR(err, file_denied, verb, dots, path, words);
    case SHALE_NOT_FOUND:
        return SHALE_ERR(err, file_missing, verb, dots, path, words);
    case SHALE_AGAIN:
        return SHALE_ERR(err, file_temporary, verb, dots, path, words);
    case SHALE_NOMEM:
        return SHALE_ERR(err, file_no_memory, verb, dots, path, words);
    default:
        return SHALE_ERR(err, file_failed, verb, dots, path, words);
    }
}

int shale_sys_open(int at, const char *path, int flags)
{
    int fd;
    do
        fd = openat(at, path, flags | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int shale_sys_write(int fd, const void *data, size_t n_bytes, int64_t at)
{
    const char *next = data;
    while (n_bytes > 0) {
        ssize_t n = pwrite(fd, next, n_bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        next += n;
        at += n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

int shale_sys_read(int fd, void *out, size_t n_bytes, int64_t at)
{
    char *next = out;
    while (n_bytes > 0) {
        ssize_t n = pread(fd, next, n_bytes, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENODATA;
        next += n;
        at += n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

enum shale_status shale_sys_parent(const char *path, char out[SHALE_SYS_PATH_BYTES],
                                   struct shale_err *err)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n >= SHALE_SYS_PATH_BYTES)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    if (n == 0) {
        path = ".";
        n = 1;
    }
    memcpy(out, path, n);
    out[n] = '\0';
    return SHALE_OK;
}

void shale_sys_entries_begin(struct shale_sys_entries *entries, int fd)
{
    entries->fd = fd;
    entries->n = entries->next = 0;
}

int shale_sys_entries_next(struct shale_sys_entries *entries, const char **name,
                           unsigned char *type)
{
    for (;;) {
        const struct dirent64 *entry;
        if (entries->next == entries->n) {
            ssize_t n = getdents64(entries->fd, entries->data, sizeof entries->data);
            if (n < 0)
                return errno;
            entries->n = (size_t)n;
            entries->next = 0;
        }
        if (entries->n == 0) {
            *name = NULL;
            return 0;
        }
        entry = (const struct dirent64 *)(const void *)(entries->data + entries->next);
        entries->next += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *name = entry->d_name;
        *type = entry->d_type;
        return 0;
    }
}
