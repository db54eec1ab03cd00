/* SPDX-License-Identifier: MIT */
/* A whole run on one thread in which the n-th call of the file system fails, for each call and
 * n = 1, 2, 3 ... until none does: what was interrupted goes on, anything else is said with the
 * name of what it was about, and readers see all or nothing.  The calls are replaced by the linker
 * (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>

#include "../unit/run_case.h"
#include "../unit/step.h"

enum call {
    NO_CALL,
    OPEN,
    OPENAT,
    READ,
    PREAD,
    PWRITE,
    FSYNC,
    FTRUNCATE,
    TRUNCATE,
    MKDIR,
    RENAME,
    RENAMEAT2,
    STAT,
    LSTAT,
    FSTAT,
    FSTATAT,
    GETDENTS,
    CLOSE,
};

/* The linker's names are the same for all tests of this program, so is the fault. */
static struct {
    enum call call;
    int code;
    long at, n_calls;
} fault;

static bool fails(enum call call)
{
    if (call != fault.call || ++fault.n_calls != fault.at)
        return false;
    errno = fault.code;
    return true;
}

#define WRAP(result, name, call, parameters, arguments)                                            \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return fails(call) ? (result)-1 : __real_##name arguments;                                 \
    }

WRAP(int, open64, OPEN, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(int, openat64, OPENAT, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(ssize_t, read, READ, (int fd, void *data, size_t n), (fd, data, n))
WRAP(ssize_t, pread64, PREAD, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
WRAP(ssize_t, pwrite64, PWRITE, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
WRAP(int, ftruncate64, FTRUNCATE, (int fd, off_t n), (fd, n))
WRAP(int, truncate64, TRUNCATE, (const char *path, off_t n), (path, n))
WRAP(int, mkdir, MKDIR, (const char *path, mode_t mode), (path, mode))
WRAP(int, rename, RENAME, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, RENAMEAT2,
     (int at, const char *from, int to_at, const char *to, unsigned flags),
     (at, from, to_at, to, flags))
WRAP(int, stat64, STAT, (const char *path, struct stat *out), (path, out))
WRAP(int, lstat64, LSTAT, (const char *path, struct stat *out), (path, out))
WRAP(int, fstat64, FSTAT, (int fd, struct stat *out), (fd, out))
WRAP(int, fstatat64, FSTATAT, (int at, const char *path, struct stat *out, int flags),
     (at, path, out, flags))
WRAP(ssize_t, getdents64, GETDENTS, (int fd, void *data, size_t n), (fd, data, n))

/* Nobody pulls the plug here. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return fails(FSYNC) ? -1 : 0;
}

/* It does close, whatever it says. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);
    return fails(CLOSE) ? -1 : result;
}

static const struct {
    const char *name;
    enum call call;
    int codes[6];
} calls[] = {
    {"open", OPEN, {EINTR, EACCES, EMFILE, EIO, ENOSPC}},
    {"openat", OPENAT, {EINTR, EACCES, EMFILE, EIO}},
    {"read", READ, {EINTR, EIO}},
    {"pread", PREAD, {EINTR, EIO}},
    {"pwrite", PWRITE, {EINTR, ENOSPC, EIO}},
    {"fsync", FSYNC, {EINTR, EIO}},
    {"ftruncate", FTRUNCATE, {EINTR, EIO}},
    {"truncate", TRUNCATE, {EINTR, EIO}},
    {"mkdir", MKDIR, {EACCES, ENOSPC}},
    {"rename", RENAME, {EACCES, ENOSPC, EIO}},
    {"renameat2", RENAMEAT2, {EACCES, EIO, EINVAL}},
    {"stat", STAT, {EACCES, EIO}},
    {"lstat", LSTAT, {EACCES, EIO}},
    {"fstat", FSTAT, {EIO}},
    {"fstatat", FSTATAT, {EACCES, EIO}},
    {"getdents", GETDENTS, {EIO}},
    {"close", CLOSE, {EINTR, EIO}},
};

/* What a run without a fault gives. */
struct good {
    int n_files;
    int64_t n_read, n_rows;
};

static void make_input(struct run_case *c)
{
    size_t n_bytes;
    char *text = run_case_lines(500, 4000, 1, &n_bytes);
    run_case_file(c, "a.json", text, 20000);
    run_case_file(c, "b.json", text, n_bytes);
    run_case_gzip(c, "c.json.gz", text, n_bytes, 5); /* rows are taken back */
    free(text);
}

/* The failed run's words name what failed, and all or nothing is there. */
static void check(struct run_case *c, const char *name, long at, enum shale_status status,
                  const struct good *good)
{
    int n_temporary, n_files = run_case_files(c, NULL, &n_temporary);
    bool published = c->summary.files_written > 0;
    bool is_table = c->layout == SHALE_OUTPUT_TABLE;
    bool ok = n_temporary == 0;
    ok = ok && (n_files == good->n_files || (published && status != SHALE_OK) ||
                (status != SHALE_OK && (is_table || n_files == 0)));
    if (fault.code == EINTR)
        ok = ok && status == SHALE_OK;
    if (status == SHALE_OK)
        ok = ok && c->summary.events_read == good->n_read && c->summary.objects_failed == 1;
    else if (published)
        ok = ok && c->err.object[0] != '\0' && c->summary.objects_failed >= 1;
    else
        ok = ok && (strstr(c->err.message, c->root) != NULL || c->err.object[0] != '\0' ||
                    strstr(c->err.message, ".json") != NULL ||
                    strstr(c->err.message, "_delta_log/") != NULL);
    if (!ok)
        print_error("%s, call %ld, %s: %s: %s%s%s, %d files, %d temporary\n", name, at,
                    strerrorname_np(fault.code), shale_status_name(status), c->err.object,
                    c->err.object[0] != '\0' ? ": " : "", c->err.message, n_files, n_temporary);
    assert_true(ok);
}

static long fail_each(struct run_case *c, size_t i, int code, const struct good *good)
{
    long n = 0, n_tried = 0;
    do {
        enum shale_status status;
        run_case_drop_output(c);
        fault.call = calls[i].call;
        fault.code = code;
        fault.n_calls = 0;
        n += step_from(n);
        fault.at = n;
        n_tried++;
        status = run_case_run(c);
        fault.call = NO_CALL;
        check(c, calls[i].name, n, status, good);
        if (c->layout != SHALE_OUTPUT_TABLE)
            continue;
        if (run_case_run(c) != SHALE_OK || c->summary.rows_total != good->n_rows)
            print_error("%s, call %ld, %s: then %s, %lld rows\n", calls[i].name, n,
                        strerrorname_np(code), c->err.message, (long long)c->summary.rows_total);
        assert_int_equal(c->summary.rows_total, good->n_rows);
    } while (fault.n_calls >= n);
    return n_tried - 1;
}

/* With the least memory rows wait in the spill file. */
static void fail_calls(enum shale_output_layout layout, const char *definition, int memory_mib)
{
    struct run_case c;
    struct good good;
    long n = 0;
    run_case_init(&c, definition);
    c.layout = layout;
    c.memory_bytes = (int64_t)memory_mib << 20;
    c.row_group_bytes = 1 << 18;
    make_input(&c);
    assert_int_equal(run_case_run(&c), SHALE_OK);
    good.n_files = run_case_files(&c, NULL, NULL);
    good.n_read = c.summary.events_read;
    good.n_rows = c.summary.rows_total;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (const int *code = calls[i].codes; *code != 0; code++)
            n += fail_each(&c, i, *code, &good);
    print_message("%ld faults\n", n);
    assert_true(n > 100);
    run_case_fini(&c);
}

#define FIELDS                                                                                     \
    "stream: t\nfields: [{name: id, from: /id, type: int64}, {name: p, from: /p, type: string}, "  \
    "{name: text, from: /text, type: string}]\n"

static void test_new_table(void **state)
{
    (void)state;
    fail_calls(SHALE_OUTPUT_TABLE, FIELDS "output: {layout: table, partition_by: [p]}\n", 64);
}

/* The second object has what the first one has, and the keys of the third are taken back. */
static void test_table_with_dedupe(void **state)
{
    (void)state;
    fail_calls(SHALE_OUTPUT_TABLE, FIELDS "output: {layout: table, dedupe: {key: [text, id]}}\n",
               80);
}

static void test_new_file(void **state)
{
    (void)state;
    fail_calls(SHALE_OUTPUT_FILE, FIELDS "output: {layout: file}\n", 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_table),
        cmocka_unit_test(test_table_with_dedupe),
        cmocka_unit_test(test_new_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
