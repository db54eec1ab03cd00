/* SPDX-License-Identifier: MIT */
/* The files below a directory in byte order of their keys.
 *
 * One level a directory that is open in the walk: its names, sorted, a directory's with its '/',
 * because that is how the bytes of the keys below it go on.  It stays open, so that its files are
 * looked at by their names alone: the kernel need not walk down the whole key for each. */
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
    int fd;          /* owned: the directory */
    dev_t device;
    ino_t inode;
};

struct shale_list {
    const struct shale_mem *mem;
    char *root;           /* owned */
    char *prefix, *after; /* owned; "": all */
    bool objects_only;
    bool is_file;             /* the root */
    struct shale_listed only; /* then: what there is */
    bool only_given;
    size_t n_levels; /* in use */
    struct level levels[SHALE_SYS_MAX_LEVELS];
    size_t n_key;
    char key[SHALE_SYS_PATH_BYTES]; /* NUL-terminated */
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
    list->n_key = n_prefix;
    list->key[n_prefix] = '\0';
    if (n >= sizeof list->key - n_prefix)
        return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, list->key);
    memcpy(list->key + n_prefix, name, n + 1);
    list->n_key += n;
    return SHALE_OK;
}

/* Look at a name: 0, ENOENT when nothing is there (any more), or another errno. */
static int look(const struct level *level, const char *name, struct stat *out)
{
    if (fstatat(level->fd, name, out, 0) == 0)
        return 0;
    /* A link that leads nowhere (through a file, too) or in a circle is no file. */
    return errno == ELOOP || errno == ENOTDIR ? ENOENT : errno;
}

/* Is what list->key names, or something below it if that ends in '/', to be listed? */
static bool is_in_range(const struct shale_list *list)
{
    size_t n_key = list->n_key, n_prefix = strlen(list->prefix);
    bool is_dir = n_key > 0 && list->key[n_key - 1] == '/';
    if (strncmp(list->key, list->prefix, n_key < n_prefix ? n_key : n_prefix) != 0)
        return false;
    if (n_key < n_prefix && !is_dir)
        return false;
    return strcmp(list->key, list->after) > 0 ||
           (is_dir && strncmp(list->key, list->after, n_key) == 0);
}

/* Names of other programs and of files under construction. */
static bool is_hidden(const char *name, size_t n)
{
    return name[0] == '.' || (n >= 4 && memcmp(name + n - 4, ".tmp", 4) == 0);
}

/* Should the entry be in the walk? */
static enum shale_status choose(struct shale_list *list, const struct level *level,
                                const char *name, bool is_dir, bool *chosen, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    *chosen = !list->objects_only || !is_hidden(name, strlen(name));
    if (!*chosen || (list->prefix[0] == '\0' && list->after[0] == '\0'))
        return SHALE_OK;
    status = set_key(list, level->n_prefix, name, err);
    if (status == SHALE_OK && is_dir)
        status = set_key(list, list->n_key, "/", err);
    if (status == SHALE_OK)
        *chosen = is_in_range(list);
    return status;
}

/* Append the name of an entry to a level, a directory's with '/'; others than files and directories
 * are left out, and so is what is not asked for. */
static enum shale_status take_entry(struct shale_list *list, struct level *level, const char *name,
                                    unsigned char type, struct shale_err *err)
{
    enum shale_status status;
    bool chosen;
    if (type != DT_REG && type != DT_DIR) {
        struct stat info;
        int code;
        if (type != DT_LNK && type != DT_UNKNOWN)
            return SHALE_OK;
        status = set_key(list, level->n_prefix, name, err);
        if (status != SHALE_OK)
            return status;
        code = look(level, name, &info);
        if (code == ENOENT)
            return SHALE_OK;
        if (code != 0)
            return shale_sys_fail(err, code, "list", list->key);
        if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
            return SHALE_OK;
        type = S_ISDIR(info.st_mode) ? DT_DIR : DT_REG;
    }
    status = choose(list, level, name, type == DT_DIR, &chosen, err);
    if (status != SHALE_OK || !chosen)
        return status;
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
    (void)close(level->fd); /* only read */
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

/* Begin a level for the directory 'fd', which it takes, and whose key with its '/' is in list->key;
 * '*is_new' unless it is being walked already. */
static enum shale_status push_level(struct shale_list *list, int fd, bool *is_new,
                                    struct shale_err *err)
{
    struct level *level = &list->levels[list->n_levels];
    struct stat info;
    enum shale_status status = SHALE_OK;
    *is_new = false;
    if (fstat(fd, &info) != 0)
        status = shale_sys_fail(err, errno, "list", shown(list));
    else if (!is_above(list, &info) && list->n_levels == SHALE_SYS_MAX_LEVELS)
        status = SHALE_ERR(err, tree_too_deep, SHALE_SYS_MAX_LEVELS, list->key);
    else
        *is_new = !is_above(list, &info);
    if (!*is_new) {
        (void)close(fd); /* only read */
        return status;
    }
    *level = (struct level){
        .n_prefix = list->n_key, .fd = fd, .device = info.st_dev, .inode = info.st_ino};
    shale_buf_init(&level->names, list->mem, MAX_NAMES_BYTES);
    list->n_levels++;
    return SHALE_OK;
}

/* Read the names of the directory of the last level. */
static enum shale_status read_level(struct shale_list *list, struct shale_err *err)
{
    struct level *level = &list->levels[list->n_levels - 1];
    const char *name;
    unsigned char type;
    enum shale_status status = SHALE_OK;
    shale_sys_entries_begin(&list->entries, level->fd);
    while (status == SHALE_OK) {
        int code = shale_sys_entries_next(&list->entries, &name, &type);
        if (code != 0) {
            list->key[level->n_prefix] = '\0';
            return shale_sys_fail(err, code, "list", shown(list));
        }
        if (name == NULL)
            break;
        status = take_entry(list, level, name, type, err);
    }
    return status == SHALE_OK ? sort_level(list, level, err) : status;
}

/* Go into the directory 'name', which ends in '/', of the last level; its key is in list->key.
 * '*is_new' unless it is being walked already, or gone. */
static enum shale_status enter(struct shale_list *list, const char *name, bool *is_new,
                               struct shale_err *err)
{
    int fd = shale_sys_open(list->levels[list->n_levels - 1].fd, name, O_RDONLY | O_DIRECTORY);
    *is_new = false;
    if (fd >= 0)
        return push_level(list, fd, is_new, err);
    /* Removed since it was listed: there is nothing in it. */
    return errno == ENOENT || errno == ENOTDIR ? SHALE_OK
                                               : shale_sys_fail(err, errno, "list", list->key);
}

static void describe(struct shale_list *list, const struct stat *info, struct shale_listed *out)
{
    out->key = (struct shale_str){list->key, list->n_key};
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
    list->is_file = true;
    list->only_given = status != SHALE_OK || !is_in_range(list);
    return status;
}

/* From the root down the directories that 'prefix' names, whose other entries are not read. */
static enum shale_status begin_levels(struct shale_list *list, int fd, struct shale_err *err)
{
    const char *part = list->prefix, *slash;
    bool is_new;
    enum shale_status status = push_level(list, fd, &is_new, err);
    /* While the levels above the one looked for have no names, a missing one is an empty list. */
    while (status == SHALE_OK && (slash = strchr(part, '/')) != NULL) {
        char name[SHALE_SYS_PATH_BYTES];
        size_t n = (size_t)(slash + 1 - part);
        if (n >= sizeof name)
            return SHALE_ERR(err, file_name_too_long, SHALE_SYS_PATH_BYTES - 1, list->prefix);
        memcpy(name, part, n);
        name[n] = '\0';
        part += n;
        if (list->objects_only && is_hidden(name, n - 1))
            return SHALE_OK;
        status = set_key(list, list->n_key, name, err);
        if (status == SHALE_OK)
            status = enter(list, name, &is_new, err);
        if (status == SHALE_OK && !is_new)
            return SHALE_OK;
    }
    return status == SHALE_OK ? read_level(list, err) : status;
}

static enum shale_status begin_root(struct shale_list *list, struct shale_err *err)
{
    struct stat info;
    int fd;
    if (stat(list->root, &info) != 0) {
        /* A store's directory is made with its first object. */
        return errno == ENOENT && list->objects_only
                   ? SHALE_OK
                   : shale_sys_fail(err, errno, "list", list->root);
    }
    if (S_ISREG(info.st_mode) && !list->objects_only)
        return begin_file(list, &info, err);
    if (!S_ISDIR(info.st_mode))
        return list->objects_only ? SHALE_ERR(err, store_no_directory, list->root)
                                  : SHALE_ERR(err, not_a_file, list->root);
    fd = shale_sys_open(AT_FDCWD, list->root, O_RDONLY | O_DIRECTORY);
    return fd < 0 ? shale_sys_fail(err, errno, "list", list->root) : begin_levels(list, fd, err);
}

static char *copied(const struct shale_mem *mem, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = shale_mem_alloc(mem, n);
    if (copy != NULL)
        memcpy(copy, text, n);
    return copy;
}

enum shale_status shale_list_range(const struct shale_mem *mem, const char *root,
                                   const struct shale_list_range *range, struct shale_list **out,
                                   struct shale_err *err)
{
    struct shale_list *list = shale_mem_zeroed(mem, 1, sizeof *list);
    enum shale_status status;
    *out = NULL;
    if (list == NULL)
        return SHALE_ERR(err, no_memory);
    list->mem = mem;
    list->root = copied(mem, root);
    list->prefix = copied(mem, range->prefix == NULL ? "" : range->prefix);
    list->after = copied(mem, range->after == NULL ? "" : range->after);
    list->objects_only = range->objects_only;
    if (list->root == NULL || list->prefix == NULL || list->after == NULL)
        status = SHALE_ERR(err, no_memory);
    else
        status = begin_root(list, err);
    if (status != SHALE_OK) {
        shale_list_free(list);
        return status;
    }
    *out = list;
    return SHALE_OK;
}

enum shale_status shale_list_new(const struct shale_mem *mem, const char *root,
                                 struct shale_list **out, struct shale_err *err)
{
    return shale_list_range(mem, root, &(struct shale_list_range){0}, out, err);
}

void shale_list_free(struct shale_list *list)
{
    if (list == NULL)
        return;
    while (list->n_levels > 0)
        drop_level(list);
    shale_mem_free(list->mem, list->root);
    shale_mem_free(list->mem, list->prefix);
    shale_mem_free(list->mem, list->after);
    shale_mem_free(list->mem, list);
}

enum shale_status shale_list_next(struct shale_list *list, struct shale_listed *out, bool *end,
                                  struct shale_err *err)
{
    *end = false;
    if (list->is_file) {
        *end = list->only_given;
        *out = list->only;
        list->only_given = true;
        return SHALE_OK;
    }
    while (list->n_levels > 0) {
        struct level *level = &list->levels[list->n_levels - 1];
        struct stat info;
        const char *name;
        enum shale_status status;
        int code;
        if (level->next == level->n) {
            drop_level(list);
            continue;
        }
        name = level->sorted[level->next++];
        status = set_key(list, level->n_prefix, name, err);
        if (status != SHALE_OK)
            return status;
        if (list->key[list->n_key - 1] == '/') {
            bool is_new;
            status = enter(list, name, &is_new, err);
            if (status == SHALE_OK && is_new)
                status = read_level(list, err);
            if (status != SHALE_OK)
                return status;
            continue;
        }
        code = look(level, name, &info);
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
