/* SPDX-License-Identifier: MIT */
/* A temporary file belongs to whoever has it locked (put.c): who gets the lock may remove it. */
#include "store/clean.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "store/sys.h"

enum { HEX_CHARS = 16 };

/* ".<name>.<16 hex>.tmp" (put.c) and ".shale-spill-XXXXXX" (spill.c). */
static bool is_temporary(struct shale_str key)
{
    static const char spill[] = ".shale-spill-", end[] = ".tmp";
    size_t n_tail = 1 + HEX_CHARS + sizeof end - 1;
    const char *slash = memrchr(key.data, '/', key.n_bytes), *tail;
    struct shale_str name = key;
    if (slash != NULL)
        name = (struct shale_str){slash + 1, key.n_bytes - (size_t)(slash + 1 - key.data)};
    if (name.n_bytes == sizeof spill - 1 + 6 && memcmp(name.data, spill, sizeof spill - 1) == 0)
        return true;
    if (name.n_bytes < 2 + n_tail || name.data[0] != '.')
        return false;
    tail = name.data + name.n_bytes - n_tail;
    return tail[0] == '.' && strspn(tail + 1, "0123456789abcdef") == HEX_CHARS &&
           memcmp(tail + 1 + HEX_CHARS, end, sizeof end - 1) == 0;
}

/* It is ours: remove it, unless it was written lately or another cleaner was quicker. */
static enum shale_status remove_locked(int fd, const char *path, struct shale_str key,
                                       const struct shale_store_cleaning *what, int64_t *n_removed,
                                       struct shale_err *err)
{
    struct stat info;
    int64_t written_us;
    if (fstat(fd, &info) != 0)
        return shale_sys_fail(err, errno, "look at", path);
    written_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
    if (info.st_nlink == 0 || !S_ISREG(info.st_mode) || written_us >= what->before_us)
        return SHALE_OK;
    if (what->removed != NULL)
        what->removed(what->ctx, key, (int64_t)info.st_size);
    if (!what->dry_run && unlink(path) != 0 && errno != ENOENT)
        return shale_sys_fail(err, errno, "remove", path);
    ++*n_removed;
    return SHALE_OK;
}

static enum shale_status try_remove(const char *root, struct shale_str key,
                                    const struct shale_store_cleaning *what, int64_t *n_removed,
                                    struct shale_err *err)
{
    char path[SHALE_SYS_PATH_BYTES];
    enum shale_status status = SHALE_OK;
    int n = snprintf(path, sizeof path, "%s/%.*s", root, SHALE_STR_ARG(key)), fd, result;
    if (n < 0 || (size_t)n >= sizeof path)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, key.data);
    fd = shale_sys_open(AT_FDCWD, path, O_RDWR | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? SHALE_OK : shale_sys_fail(err, errno, "open", path);
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        status = remove_locked(fd, path, key, what, n_removed, err);
    (void)close(fd); /* nothing was written */
    return status;
}

enum shale_status shale_clean_temporary(const struct shale_mem *mem, const char *root,
                                        const struct shale_store_cleaning *what, int64_t *n_removed,
                                        struct shale_err *err)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    const struct shale_list_range range = {.prefix = what->prefix};
    enum shale_status status = shale_list_range(mem, root, &range, &list, err);
    *n_removed = 0;
    if (status != SHALE_OK)
        return status == SHALE_NOT_FOUND ? SHALE_OK : status;
    while ((status = shale_list_next(list, &listed, &end, err)) == SHALE_OK && !end) {
        if (is_temporary(listed.key))
            status = try_remove(root, listed.key, what, n_removed, err);
        if (status != SHALE_OK)
            break;
    }
    shale_list_free(list);
    return status;
}
