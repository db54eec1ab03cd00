/* SPDX-License-Identifier: MIT */
/* What writers leave behind.  A temporary file belongs to whoever has it locked (put.c): who gets
 * the lock may remove it.  A directory belongs to nobody: it goes when it is empty. */
#include "store/clean.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/store.h"
#include "store/sys.h"

enum { HEX_CHARS = 16, DIRECTORIES_BYTES = 1 << 30 };

/* ---- Temporary files --------------------------------------------------------------------------
 */

static const char end_of_name[] = ".tmp";
enum { TAIL_BYTES = 1 + HEX_CHARS + sizeof end_of_name - 1 };

/* ".<name>.<16 hex>.tmp" (put.c) and ".shale-spill-XXXXXX" (spill.c). */
static bool is_temporary(struct shale_str key)
{
    static const char spill[] = ".shale-spill-";
    const char *slash = memrchr(key.data, '/', key.n_bytes), *tail;
    struct shale_str name = key;
    if (slash != NULL)
        name = (struct shale_str){slash + 1, key.n_bytes - (size_t)(slash + 1 - key.data)};
    if (name.n_bytes == sizeof spill - 1 + 6 && memcmp(name.data, spill, sizeof spill - 1) == 0)
        return true;
    if (name.n_bytes < 2 + TAIL_BYTES || name.data[0] != '.')
        return false;
    tail = name.data + name.n_bytes - TAIL_BYTES;
    return tail[0] == '.' && strspn(tail + 1, "0123456789abcdef") == HEX_CHARS &&
           memcmp(tail + 1 + HEX_CHARS, end_of_name, sizeof end_of_name - 1) == 0;
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

/* How the temporary names of an object begin: with all but what follows ".<name>" (put.c). */
static enum shale_status begin_of(const char *object, char out[SHALE_SYS_PATH_BYTES],
                                  struct shale_err *err)
{
    const char *slash = strrchr(object, '/'), *name = slash == NULL ? object : slash + 1;
    int n = snprintf(out, SHALE_SYS_PATH_BYTES, "%.*s.%.*s", (int)(name - object), object,
                     (int)shale_put_name_bytes(name), name);
    return n >= 0 && n < SHALE_SYS_PATH_BYTES
               ? SHALE_OK
               : SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, object);
}

static enum shale_status clean_temporary(const struct shale_mem *mem, const char *root,
                                         const struct shale_store_cleaning *what,
                                         int64_t *n_removed, struct shale_err *err)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    char begin[SHALE_SYS_PATH_BYTES];
    struct shale_list_range range = {.prefix = what->prefix};
    enum shale_status status = SHALE_OK;
    if (what->object != NULL) {
        status = begin_of(what->object, begin, err);
        range.prefix = begin;
    }
    if (status == SHALE_OK)
        status = shale_list_range(mem, root, &range, &list, err);
    if (status != SHALE_OK)
        return status == SHALE_NOT_FOUND ? SHALE_OK : status;
    while ((status = shale_list_next(list, &listed, &end, err)) == SHALE_OK && !end) {
        /* "x.old" is another object than "x", with a name that begins like it. */
        bool is_of =
            what->object == NULL || listed.key.n_bytes == strlen(range.prefix) + TAIL_BYTES;
        if (is_of && is_temporary(listed.key))
            status = try_remove(root, listed.key, what, n_removed, err);
        if (status != SHALE_OK)
            break;
    }
    shale_list_free(list);
    return status;
}

/* ---- Directories ------------------------------------------------------------------------------
 */

/* The partitions in the directory 'path' ("": 'root') of 'root' behind what 'out' holds. */
static enum shale_status list_partitions(const char *root, const char *path, struct shale_buf *out,
                                         struct shale_err *err)
{
    struct shale_sys_entries entries;
    char full[SHALE_SYS_PATH_BYTES];
    const char *name;
    unsigned char type;
    int fd, code, n = snprintf(full, sizeof full, "%s/%s", root, path);
    enum shale_status status = SHALE_OK;
    if (n < 0 || (size_t)n >= sizeof full)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    fd =
        shale_sys_open(AT_FDCWD, full, O_RDONLY | O_DIRECTORY | (path[0] == '\0' ? 0 : O_NOFOLLOW));
    if (fd < 0) /* gone, or a link */
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? SHALE_OK
                   : shale_sys_fail(err, errno, "read the directory", full);
    shale_sys_entries_begin(&entries, fd);
    while ((code = shale_sys_entries_next(&entries, &name, &type)) == 0 && name != NULL &&
           status == SHALE_OK) {
        if ((type != DT_DIR && type != DT_UNKNOWN) || strchr(name, '=') == NULL)
            continue;
        status = shale_buf_printf(out, "%s%s%s", path, path[0] == '\0' ? "" : "/", name);
        if (status == SHALE_OK)
            status = shale_buf_append_byte(out, '\0');
        if (status != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    }
    (void)close(fd); /* only read */
    return status == SHALE_OK && code != 0 ? shale_sys_fail(err, code, "read the directory", full)
                                           : status;
}

/* Each path stands behind that of the directory it is in. */
static enum shale_status list_all(const char *root, struct shale_buf *out, struct shale_err *err)
{
    char path[SHALE_SYS_PATH_BYTES] = "";
    enum shale_status status = list_partitions(root, path, out, err);
    for (size_t at = 0; status == SHALE_OK && at < out->n_bytes; at += strlen(path) + 1) {
        if (strlen(out->data + at) >= sizeof path)
            return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, out->data + at);
        memcpy(path, out->data + at, strlen(out->data + at) + 1);
        status = list_partitions(root, path, out, err);
    }
    return status;
}

static enum shale_status remove_empty(const char *root, const char *path, struct shale_err *err)
{
    char full[SHALE_SYS_PATH_BYTES];
    int n = snprintf(full, sizeof full, "%s/%s", root, path);
    if (n < 0 || (size_t)n >= sizeof full)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, path);
    if (rmdir(full) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT ||
        errno == ENOTDIR || errno == EBUSY)
        return SHALE_OK;
    return shale_sys_fail(err, errno, "remove", full);
}

static enum shale_status clean_directories(const struct shale_mem *mem, const char *root,
                                           struct shale_err *err)
{
    struct shale_buf paths;
    enum shale_status status;
    shale_buf_init(&paths, mem, DIRECTORIES_BYTES);
    status = list_all(root, &paths, err);
    /* From the last one: a directory comes behind those in it. */
    for (size_t end = paths.n_bytes; status == SHALE_OK && end > 0;) {
        const char *before = memrchr(paths.data, '\0', end - 1);
        size_t begin = before == NULL ? 0 : (size_t)(before - paths.data) + 1;
        status = remove_empty(root, paths.data + begin, err);
        end = begin;
    }
    shale_buf_fini(&paths);
    return status;
}

enum shale_status shale_clean(const struct shale_mem *mem, const char *root,
                              const struct shale_store_cleaning *what, int64_t *n_removed,
                              struct shale_err *err)
{
    enum shale_status status;
    *n_removed = 0;
    status = clean_temporary(mem, root, what, n_removed, err);
    return status == SHALE_OK && what->directories && !what->dry_run
               ? clean_directories(mem, root, err)
               : status;
}
