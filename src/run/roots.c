/* SPDX-License-Identifier: MIT */
/* Where a run reads: directories and single files, none of them twice, none inside the output.  An
 * output inside a source is fine: its files are not taken for objects. */
#include "run/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_PATH_BYTES = 4096, /* realpath()'s */
    MAX_ROOTS_BYTES = 1 << 30,
    MAX_OPEN_ROOTS = 64, /* beyond so many each object opens its directory anew */
};

/* ---- System calls -----------------------------------------------------------------------------
 */

static enum shale_status cannot_read(struct shale_err *err, const char *path, int code)
{
    const char *words = strerrordesc_np(code); /* strerror() shares its text between threads */
    if (words == NULL)
        words = "unknown system error";
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return SHALE_ERR(err, input_missing, path, words);
    case EACCES:
    case EPERM:
        return SHALE_ERR(err, input_open, path, words);
    case EMFILE:
    case ENFILE:
        return SHALE_ERR(err, input_busy, path, words);
    case ENOMEM:
        return SHALE_ERR(err, no_memory);
    default:
        return SHALE_ERR(err, input_failed, path, words);
    }
}

static enum shale_status open_directory(const char *path, int *out, struct shale_err *err)
{
    do
        *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (*out < 0 && errno == EINTR);
    return *out >= 0 ? SHALE_OK : cannot_read(err, path, errno);
}

/* ---- Paths ------------------------------------------------------------------------------------
 */

/* '/' is before all other bytes, so that what is below a directory comes right behind it. */
static int rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : 1 + (unsigned char)c;
}

static int compare_paths(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return rank(*a) - rank(*b);
}

static int compare_roots(const void *a, const void *b)
{
    const struct root *const *x = a, *const *y = b;
    return compare_paths((*x)->real, (*y)->real);
}

/* What of 'path' is behind 'directory' and its slash: "" when they are the same, NULL when it is
 * not in there. */
static const char *behind(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    if (strcmp(directory, "/") == 0)
        return path + 1;
    if (strncmp(path, directory, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    return path[n] == '/' ? path + n + 1 : path + n;
}

/* The real path of something that may not exist yet: of the nearest directory above that does, and
 * the rest as it was written. */
static bool real_path_of(const char *path, char out[2 * MAX_PATH_BYTES])
{
    char above[MAX_PATH_BYTES];
    size_t n = strlen(path), n_above;
    if (n >= sizeof above)
        return false;
    memcpy(above, path, n + 1);
    while (n > 1 && above[n - 1] == '/')
        above[--n] = '\0';
    for (n_above = n; realpath(n_above > 0 ? above : ".", out) == NULL;) {
        if ((errno != ENOENT && errno != ENOTDIR) || n_above == 0)
            return false;
        while (n_above > 0 && above[n_above - 1] != '/')
            n_above--;
        while (n_above > 1 && above[n_above - 1] == '/')
            n_above--;
        above[n_above] = '\0';
    }
    if (n_above < n) {
        const char *rest = path + n_above + (path[n_above] == '/');
        size_t n_out = strcmp(out, "/") == 0 ? 0 : strlen(out);
        (void)snprintf(out + n_out, 2 * MAX_PATH_BYTES - n_out, "/%.*s",
                       (int)(n - (size_t)(rest - path)), rest);
    }
    return true;
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static enum shale_status open_root(struct run *run, struct root *root, struct shale_err *err)
{
    char real[MAX_PATH_BYTES];
    struct stat st;
    const char *slash = strrchr(root->path, '/');
    size_t n = 0;
    if (stat(root->path, &st) != 0 || realpath(root->path, real) == NULL)
        return cannot_read(err, root->path, errno);
    root->is_file = !S_ISDIR(st.st_mode);
    if (root->is_file && !run->options->convert)
        return SHALE_ERR(err, source_not_directory, root->path);
    root->directory = root->path;
    if (root->is_file && slash == NULL)
        root->directory = ".";
    else if (root->is_file)
        n = (size_t)(slash - root->path) + 1;
    if (n > 0)
        root->directory = shale_arena_copy(&run->roots_arena, (struct shale_str){root->path, n});
    root->real = shale_arena_copy(&run->roots_arena, shale_str_of(real));
    if (root->directory == NULL || root->real == NULL)
        return SHALE_ERR(err, no_memory);
    return !root->is_file && run->options->n_inputs <= MAX_OPEN_ROOTS
               ? open_directory(root->directory, &root->fd, err)
               : SHALE_OK;
}

/* Each object is read once: no root twice, and none inside another. */
static enum shale_status check_overlap(struct run *run, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    const struct root **sorted;
    if (run->n_roots < 2)
        return SHALE_OK;
    sorted = shale_mem_resize(run->mem, NULL, run->n_roots, sizeof *sorted);
    if (sorted == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < run->n_roots; i++)
        sorted[i] = &run->roots[i];
    qsort(sorted, run->n_roots, sizeof *sorted, compare_roots);
    for (size_t i = 1; i < run->n_roots && status == SHALE_OK; i++)
        if (behind(sorted[i]->real, sorted[i - 1]->real) != NULL)
            status = SHALE_ERR(err, inputs_overlap, sorted[i - 1]->path, sorted[i]->path);
    shale_mem_free(run->mem, sorted);
    return status;
}

/* What of an output inside a root must not be taken for objects: itself, and what lies beside a
 * file: its rejects, or the directory of its ledger. */
static enum shale_status note_own(struct run *run, struct root *root, const char *own,
                                  struct shale_err *err)
{
    static const char data[] = ".parquet", rejects[] = ".rejects.parquet";
    char name[2 * MAX_PATH_BYTES + sizeof rejects];
    size_t n = strlen(own), n_stem = n;
    if (n >= sizeof data && strcmp(own + n - (sizeof data - 1), data) == 0)
        n_stem -= sizeof data - 1;
    if (has_ledger(run))
        (void)snprintf(name, sizeof name, "%s._shale", own);
    else
        (void)snprintf(name, sizeof name, "%.*s%s", (int)n_stem, own, rejects);
    root->own[0].data = shale_arena_copy(&run->roots_arena, (struct shale_str){own, n});
    root->own[1].data = shale_arena_copy(&run->roots_arena, shale_str_of(name));
    if (root->own[0].data == NULL || root->own[1].data == NULL)
        return SHALE_ERR(err, no_memory);
    root->own[0].n_bytes = n;
    if (run->options->layout == SHALE_OUTPUT_FILE)
        root->own[1].n_bytes = strlen(name);
    return SHALE_OK;
}

/* A source inside the output would be replaced by it; an output inside a source is noted. */
static enum shale_status check_output(struct run *run, struct shale_err *err)
{
    char output[2 * MAX_PATH_BYTES];
    enum shale_status status = SHALE_OK;
    if (!real_path_of(run->options->output, output))
        return SHALE_OK; /* opening the output will say what is wrong with it */
    for (size_t i = 0; i < run->n_roots && status == SHALE_OK; i++) {
        struct root *root = &run->roots[i];
        const char *own = behind(output, root->real);
        if (behind(root->real, output) != NULL)
            status = SHALE_ERR(err, output_holds_source, run->options->output, root->path);
        else if (own != NULL)
            status = note_own(run, root, own, err);
    }
    return status;
}

enum shale_status roots_open(struct run *run, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    shale_arena_init(&run->roots_arena, run->mem, MAX_ROOTS_BYTES);
    if (run->options->replay != NULL && run->options->n_inputs == 0)
        return SHALE_OK;
    run->roots = shale_mem_zeroed(run->mem, run->options->n_inputs, sizeof *run->roots);
    if (run->roots == NULL)
        return SHALE_ERR(err, no_memory);
    while (run->n_roots < run->options->n_inputs && status == SHALE_OK) {
        struct root *root = &run->roots[run->n_roots];
        root->path = run->options->inputs[run->n_roots++];
        root->fd = -1;
        status = open_root(run, root, err);
    }
    if (run->options->replay != NULL && status == SHALE_NOT_FOUND) {
        run->n_roots = 0; /* it may do without: see replay_cut() */
        shale_err_clear(err);
        return SHALE_OK;
    }
    if (status == SHALE_OK)
        status = check_overlap(run, err);
    return status == SHALE_OK ? check_output(run, err) : status;
}

void roots_close(struct run *run)
{
    for (size_t i = 0; i < run->n_roots; i++)
        if (run->roots[i].fd >= 0)
            (void)close(run->roots[i].fd); /* only read */
    shale_mem_free(run->mem, run->roots);
    if (run->roots_arena.mem != NULL)
        shale_arena_fini(&run->roots_arena);
}

/* ---- Keys -------------------------------------------------------------------------------------
 */

enum shale_status root_get(const struct root *root, const char *key, struct shale_get *get,
                           struct shale_err *err)
{
    int fd = root->fd;
    enum shale_status status = fd >= 0 ? SHALE_OK : open_directory(root->directory, &fd, err);
    if (status != SHALE_OK)
        return status;
    status = shale_get_open(get, fd, key, err);
    if (root->fd < 0)
        (void)close(fd); /* only read */
    return status;
}

static bool begins_with(struct shale_str text, struct shale_str start)
{
    return text.n_bytes >= start.n_bytes &&
           (start.n_bytes == 0 || memcmp(text.data, start.data, start.n_bytes) == 0);
}

static struct shale_str from(struct shale_str text, size_t at)
{
    return (struct shale_str){text.data + at, text.n_bytes - at};
}

/* Is 'key' the file or directory 'own', in it, or of one that was under construction
 * (".NAME.<16 digits>.tmp"), also when its run has crashed? */
static bool is_of(struct shale_str key, struct shale_str own)
{
    size_t n = own.n_bytes;
    size_t n_above = n;
    if (begins_with(key, own) && (key.n_bytes == n || key.data[n] == '/'))
        return true;
    while (n_above > 0 && own.data[n_above - 1] != '/')
        n_above--;
    return key.n_bytes >= n + 22 && memcmp(key.data, own.data, n_above) == 0 &&
           key.data[n_above] == '.' && begins_with(from(key, n_above + 1), from(own, n_above)) &&
           key.data[n + 1] == '.' && memcmp(key.data + n + 18, ".tmp", 4) == 0;
}

bool root_is_own(const struct root *root, struct shale_str key)
{
    for (size_t i = 0; i < sizeof root->own / sizeof root->own[0]; i++)
        if (root->own[i].n_bytes > 0 && is_of(key, root->own[i]))
            return true;
    return false;
}
