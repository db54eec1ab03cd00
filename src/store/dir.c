/* SPDX-License-Identifier: MIT */
/* Directories: making, emptying and exchanging them. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sys.h"

/* Make one directory and note it in the one above. */
static enum shale_status make_one(const char *path, struct shale_err *err)
{
    char parent[SHALE_SYS_PATH_BYTES];
    struct stat info;
    enum shale_status status;
    if (mkdir(path, 0777) != 0) {
        int code = errno;
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            return SHALE_OK; /* also what EROFS and EACCES say of one that exists */
        return shale_sys_fail(err, code == EEXIST ? ENOTDIR : code, "make the directory", path);
    }
    status = shale_sys_parent(path, parent, err);
    return status == SHALE_OK ? shale_dir_sync(parent, err) : status;
}

enum shale_status shale_dir_make(const char *path, struct shale_err *err)
{
    char prefix[SHALE_SYS_PATH_BYTES];
    struct stat info;
    size_t n = strlen(path);
    if (n >= sizeof prefix)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return SHALE_OK;
    for (size_t i = 1; i < n; i++) {
        enum shale_status status;
        if (path[i] != '/' || path[i - 1] == '/')
            continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        status = make_one(prefix, err);
        if (status != SHALE_OK)
            return status;
    }
    return make_one(path, err);
}

enum shale_status shale_dir_sync(const char *path, struct shale_err *err)
{
    int fd = shale_sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    int result, code;
    if (fd < 0)
        return shale_sys_fail(err, errno, "sync the directory", path);
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    code = errno;
    (void)close(fd); /* only read */
    /* EINVAL: a file system that has nothing to sync there. */
    return result == 0 || code == EINVAL ? SHALE_OK
                                         : shale_sys_fail(err, code, "sync the directory", path);
}

enum shale_status shale_dir_is_empty(const char *path, bool *empty, struct shale_err *err)
{
    struct shale_sys_entries entries;
    const char *name;
    unsigned char type;
    int code;
    int fd = shale_sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    *empty = true;
    if (fd < 0)
        return errno == ENOENT ? SHALE_OK : shale_sys_fail(err, errno, "read the directory", path);
    shale_sys_entries_begin(&entries, fd);
    code = shale_sys_entries_next(&entries, &name, &type);
    (void)close(fd); /* only read */
    if (code != 0)
        return shale_sys_fail(err, code, "read the directory", path);
    *empty = name == NULL;
    return SHALE_OK;
}

/* Unlink what is in the directory 'path' (no link) but for directories; the name of the first one
 * found goes behind 'path', or "" when there is none.  0 or an errno. */
static int remove_files(char path[SHALE_SYS_PATH_BYTES])
{
    struct shale_sys_entries entries;
    size_t n_path = strlen(path);
    int fd = shale_sys_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    int code = 0;
    if (fd < 0)
        return errno;
    shale_sys_entries_begin(&entries, fd);
    for (;;) {
        const char *name;
        unsigned char type;
        size_t n_name;
        code = shale_sys_entries_next(&entries, &name, &type);
        if (code != 0 || name == NULL)
            break;
        /* unlink() of a directory: EISDIR on Linux, EPERM by POSIX */
        if (type != DT_DIR && (unlinkat(fd, name, 0) == 0 || errno == ENOENT))
            continue;
        if (type != DT_DIR && errno != EISDIR) {
            code = errno;
            break;
        }
        n_name = strlen(name);
        if (n_path + 1 + n_name >= SHALE_SYS_PATH_BYTES) {
            code = ENAMETOOLONG;
            break;
        }
        path[n_path] = '/';
        memcpy(path + n_path + 1, name, n_name + 1);
        break;
    }
    (void)close(fd); /* only read */
    return code;
}

/* Down into the first directory as long as there is one, then remove it and look again from the
 * one above: no recursion, and each look finds the entries before it gone. */
enum shale_status shale_dir_remove(const char *path, struct shale_err *err)
{
    char at[SHALE_SYS_PATH_BYTES];
    size_t n_root = strlen(path);
    if (n_root >= sizeof at)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    memcpy(at, path, n_root + 1);
    for (;;) {
        size_t n = strlen(at);
        int code = remove_files(at);
        if (code == ENOENT && n == n_root)
            return SHALE_OK;
        if (code != 0 && code != ENOENT)
            return shale_sys_fail(err, code, "remove", at);
        if (strlen(at) > n)
            continue;
        if (rmdir(at) != 0 && errno != ENOENT)
            return shale_sys_fail(err, errno, "remove", at);
        if (n == n_root)
            return SHALE_OK;
        *strrchr(at, '/') = '\0';
    }
}

static enum shale_status sync_parents(const char *from, const char *to, struct shale_err *err)
{
    char parent[SHALE_SYS_PATH_BYTES], other[SHALE_SYS_PATH_BYTES] = "";
    enum shale_status status = shale_sys_parent(to, parent, err);
    if (status == SHALE_OK)
        status = shale_dir_sync(parent, err);
    if (status == SHALE_OK)
        status = shale_sys_parent(from, other, err);
    if (status == SHALE_OK && strcmp(parent, other) != 0)
        status = shale_dir_sync(other, err);
    return status;
}

enum shale_status shale_dir_publish(const char *from, const char *to, bool exchange,
                                    struct shale_err *err)
{
    struct stat info;
    int result;
    if (lstat(to, &info) != 0) {
        if (errno != ENOENT)
            return shale_sys_fail(err, errno, "publish", to);
        exchange = false;
    } else if (!S_ISDIR(info.st_mode)) {
        return SHALE_ERR(err, dir_is_none, to);
    }
    result = exchange ? renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) : rename(from, to);
    if (result == 0)
        return sync_parents(from, to, err);
    if (errno == EBUSY || errno == EXDEV)
        return SHALE_ERR(err, dir_is_mount, to);
    if (errno == ENOTEMPTY || errno == EEXIST)
        return SHALE_ERR(err, dir_not_empty, to);
    if (exchange && (errno == EINVAL || errno == ENOSYS))
        return SHALE_ERR(err, dir_no_exchange, to);
    return shale_sys_fail(err, errno, "publish", to);
}
