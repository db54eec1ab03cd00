/* SPDX-License-Identifier: MIT */
/* The files below a directory in byte order of their keys.
 *
 * One level a directory that is open in the walk: its names, sorted, a directory's with its '/',
 * because that is how the bytes of the keys below it go on.  Only the root stays open; the others
 * are opened by their key. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/sys.h"

enum { MAX_NAMES_BYTES = 1 << 30 }; /* of one directory */

struct level {
    struct shale_buf names; /* NUL-terminated, one behind the other */
    const char **sorted;    /* owned: into 'names' */
    size_t n, next;
    size_t n_prefix; /* bytes of the key before these names */
    dev_t device;
    ino_t inode;
};

struct shale_list {
    const struct shale_mem *mem;
    char *root;               /* owned */
    int root_fd;              /* -1 when the root is a file */
    struct shale_listed only; /* the root when it is a file */
    bool only_given;
    size_t n_levels; /* in use */
    struct level levels[SHALE_SYS_MAX_LEVELS];
    char key[SHALE_SYS_PATH_BYTES];
    struct shale_sys_entries entries;
};

/* Bottom-up merge sort: no recursion and, unlike qsort(), no hidden allocation.  'scratch' holds
 * 'n' as well; the result is in 'names'. */
static void sort_names(const char **names, const char **scratch, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin + width < n; begin += 2 * width) {
            size_t middle = begin + width;
            size_t end = n - middle < width ? n : middle + width;
            size_t a = 0, b = middle, to = begin;
            if (strcmp(names[middle - 1], names[middle]) < 0)
                continue; /* directories are often in order */
            memcpy(scratch, names + begin, width * sizeof *names);
            while (a < width && b < end)
                names[to++] = strcmp(scratch[a], names[b]) < 0 ? scratch[a++] : names[b++];
            memcpy(names + to, scratch + a, (width - a) * sizeof *names);
        }
    }
}

static const char *shown(const struct shale_list *list)
{
    return list->key[0] == '\0' ? list->root : list->key;
}

/* Put 'name' behind the first 'n_prefix' bytes of the key. */
static enum shale_status set_key(struct shale_list *list, size_t n_prefix, const char *name,
                                 struct shale_err *err)
{
    size_t n = strlen(name);
    list->key[n_prefix] = '\0';
    if (n >= sizeof list->key - n_prefix)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, list->key);
    memcpy(list->key + n_prefix, name, n + 1);
    return SHALE_OK;
}

/* Look at the key: 0, ENOENT when nothing is there (any more), or another errno. */
static int look(const struct shale_list *list, struct stat *out)
{
    if (fstatat(list->root_fd, list->key, out, 0) == 0)
        return 0;
    /* A link that leads nowhere (through a file, too) or in a circle is no file. */
    return errno == ELOOP || errno == ENOTDIR ? ENOENT : errno;
}

/* Append the name of an entry to a level, a directory's with '/'; others than files and directories
 * are left out. */
static enum shale_status take_entry(struct shale_list *list, struct level *level, const char *name,
                                    unsigned char type, struct shale_err *err)
{
    enum shale_status status;
    if (type != DT_REG && type != DT_DIR) {
        struct stat info;
        int code;
        if (type != DT_LNK && type != DT_UNKNOWN)
            return SHALE_OK;
        status = set_key(list, level->n_prefix, name, err);
        if (status != SHALE_OK)
            return status;
        code = look(list, &info);
        if (code == ENOENT)
            return SHALE_OK;
        if (code != 0)
            return shale_sys_fail(err, code, "list", list->key);
        if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
            return SHALE_OK;
        type = S_ISDIR(info.st_mode) ? DT_DIR : DT_REG;
    }
    status = shale_buf_append(&level->names, name, strlen(name));
    if (status == SHALE_OK)
        status = type == DT_DIR ? shale_buf_append(&level->names, "/", 2)
                                : shale_buf_append(&level->names, "", 1);
    if (status == SHALE_NOMEM)
        return SHALE_ERR(err, no_memory);
    if (status == SHALE_LIMIT)
        return SHALE_ERR(err, dir_too_large, MAX_NAMES_BYTES);
    level->n++;
    return SHALE_OK;
}

static enum shale_status sort_level(struct shale_list *list, struct level *level,
                                    struct shale_err *err)
{
    const char **sorted = shale_mem_resize(list->mem, NULL, level->n, 2 * sizeof *sorted);
    const char *name = level->names.data;
    if (sorted == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < level->n; i++) {
        sorted[i] = name;
        name += strlen(name) + 1;
    }
    sort_names(sorted, sorted + level->n, level->n);
    level->sorted = sorted;
    return SHALE_OK;
}

static void drop_level(struct shale_list *list)
{
    struct level *level = &list->levels[--list->n_levels];
    shale_buf_fini(&level->names);
    shale_mem_free(list->mem, level->sorted);
}

/* A directory that is being walked already: a link that leads upwards. */
static bool is_above(const struct shale_list *list, const struct stat *info)
{
    for (size_t i = 0; i < list->n_levels; i++) {
        if (list->levels[i].device == info->st_dev && list->levels[i].inode == info->st_ino)
            return true;
    }
    return false;
}

/* Read the names of the open directory 'fd', whose key with its '/' is in list->key. */
static enum shale_status read_level(struct shale_list *list, int fd, struct shale_err *err)
{
    struct level *level;
    struct stat info;
    const char *name;
    unsigned char type;
    enum shale_status status = SHALE_OK;
    size_t n_prefix = strlen(list->key);
    if (fstat(fd, &info) != 0)
        return shale_sys_fail(err, errno, "list", shown(list));
    if (is_above(list, &info))
        return SHALE_OK;
    if (list->n_levels == SHALE_SYS_MAX_LEVELS)
        return SHALE_ERR(err, tree_too_deep, SHALE_SYS_MAX_LEVELS, list->key);
    level = &list->levels[list->n_levels++];
    *level = (struct level){.n_prefix = n_prefix, .device = info.st_dev, .inode = info.st_ino};
    shale_buf_init(&level->names, list->mem, MAX_NAMES_BYTES);
    shale_sys_entries_begin(&list->entries, fd);
    while (status == SHALE_OK) {
        int code = shale_sys_entries_next(&list->entries, &name, &type);
        if (code != 0) {
            list->key[n_prefix] = '\0';
            return shale_sys_fail(err, code, "list", shown(list));
        }
        if (name == NULL)
            break;
        status = take_entry(list, level, name, type, err);
    }
    return status == SHALE_OK ? sort_level(list, level, err) : status;
}

/* Go into the directory that is in list->key. */
static enum shale_status enter(struct shale_list *list, struct shale_err *err)
{
    enum shale_status status;
    int fd = shale_sys_open(list->root_fd, list->key, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        /* Removed since it was listed: there is nothing in it. */
        return errno == ENOENT ? SHALE_OK : shale_sys_fail(err, errno, "list", list->key);
    }
    status = read_level(list, fd, err);
    (void)close(fd); /* only read */
    return status;
}

static void describe(struct shale_list *list, const struct stat *info, struct shale_listed *out)
{
    out->key = shale_str_of(list->key);
    out->n_bytes = info->st_size;
    out->mtime_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

static enum shale_status begin_file(struct shale_list *list, const struct stat *info,
                                    struct shale_err *err)
{
    const char *slash = strrchr(list->root, '/');
    enum shale_status status = set_key(list, 0, slash == NULL ? list->root : slash + 1, err);
    if (status == SHALE_OK)
        describe(list, info, &list->only);
    return status;
}

static enum shale_status begin_root(struct shale_list *list, struct shale_err *err)
{
    struct stat info;
    if (stat(list->root, &info) != 0)
        return shale_sys_fail(err, errno, "list", list->root);
    if (S_ISREG(info.st_mode))
        return begin_file(list, &info, err);
    if (!S_ISDIR(info.st_mode))
        return SHALE_ERR(err, not_a_file, list->root);
    list->root_fd = shale_sys_open(AT_FDCWD, list->root, O_RDONLY | O_DIRECTORY);
    if (list->root_fd < 0)
        return shale_sys_fail(err, errno, "list", list->root);
    return read_level(list, list->root_fd, err);
}

enum shale_status shale_list_new(const struct shale_mem *mem, const char *root,
                                 struct shale_list **out, struct shale_err *err)
{
    struct shale_list *list = shale_mem_zeroed(mem, 1, sizeof *list);
    size_t n_root = strlen(root) + 1;
    enum shale_status status;
    *out = NULL;
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    list->mem = mem;
    list->root_fd = -1;
    list->root = shale_mem_alloc(mem, n_root);
    if (list->root == NULL) {
        shale_list_free(list);
        return SHALE_ERR(err, no_memory);
    }
    memcpy(list->root, root, n_root);
    status = begin_root(list, err);
    if (status != SHALE_OK) {
        shale_list_free(list);
        return status;
    }
    *out = list;
    return SHALE_OK;
}

void shale_list_free(struct shale_list *list)
{
    if (list == NULL)
        return;
    while (list->n_levels > 0)
        drop_level(list);
    if (list->root_fd >= 0)
        (void)close(list->root_fd); /* only read */
    shale_mem_free(list->mem, list->root);
    shale_mem_free(list->mem, list);
}

enum shale_status shale_list_next(struct shale_list *list, struct shale_listed *out, bool *end,
                                  struct shale_err *err)
{
    *end = false;
    if (list->root_fd < 0) {
        *end = list->only_given;
        *out = list->only;
        list->only_given = true;
        return SHALE_OK;
    }
    while (list->n_levels > 0) {
        struct level *level = &list->levels[list->n_levels - 1];
        struct stat info;
        enum shale_status status;
        int code;
        if (level->next == level->n) {
            drop_level(list);
            continue;
        }
        status = set_key(list, level->n_prefix, level->sorted[level->next++], err);
        if (status != SHALE_OK)
            return status;
        if (list->key[strlen(list->key) - 1] == '/') {
            status = enter(list, err);
            if (status != SHALE_OK)
                return status;
            continue;
        }
        code = look(list, &info);
        if (code == 0 && S_ISREG(info.st_mode)) {
            describe(list, &info, out);
            return SHALE_OK;
        }
        if (code != 0 && code != ENOENT)
            return shale_sys_fail(err, code, "list", list->key);
    }
    *end = true;
    return SHALE_OK;
}
