/* SPDX-License-Identifier: MIT */
/* Failures of the file system that no whole run meets at the right moment (test_files.c has the
 * others), each at one call of the store.  The calls are replaced by the linker (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../unit/scratch.h"
#include "store/store.h"

enum call { NO_CALL, OPENAT, FSTATAT, UNLINK, UNLINKAT, RMDIR, MKOSTEMP, FTRUNCATE, FSYNC };

/* The linker's names are the same for all tests of this program, so are the faults: each of these
 * calls fails, an open only with all of 'flags'. */
static struct {
    enum call call[2];
    int codes[2];
    int flags;
} fault;

static bool fails(enum call call, int flags)
{
    for (int i = 0; i < 2; i++) {
        if (call == fault.call[i] && (flags & fault.flags) == fault.flags) {
            errno = fault.codes[i];
            return true;
        }
    }
    return false;
}

#define WRAP(name, call, flags, parameters, arguments)                                             \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return fails(call, flags) ? -1 : __real_##name arguments;                                  \
    }

WRAP(openat64, OPENAT, flags, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(fstatat64, FSTATAT, 0, (int at, const char *path, struct stat *out, int flags),
     (at, path, out, flags))
WRAP(unlink, UNLINK, 0, (const char *path), (path))
WRAP(unlinkat, UNLINKAT, 0, (int at, const char *path, int flags), (at, path, flags))
WRAP(rmdir, RMDIR, 0, (const char *path), (path))
WRAP(mkostemp64, MKOSTEMP, 0, (char *path, int flags), (path, flags))
WRAP(ftruncate64, FTRUNCATE, 0, (int fd, off_t n), (fd, n))
WRAP(fsync, FSYNC, 0, (int fd), (fd))

static uint64_t random_state;
static struct shale_env env;
static char root[64];
static struct shale_err err;

static void set_fault(enum call call, int code)
{
    memset(&fault, 0, sizeof fault);
    fault.call[0] = call;
    fault.codes[0] = code;
    shale_err_clear(&err);
}

static int set_up(void **state)
{
    (void)state;
    random_state = 1;
    env = (struct shale_env){
        .mem = &shale_mem_libc, .random_u64 = scratch_random, .ctx = &random_state};
    scratch_make(root);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    set_fault(NO_CALL, 0);
    return shale_dir_remove(root, NULL) == SHALE_OK ? 0 : -1;
}

static enum shale_status list_all(void)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    enum shale_status status = shale_list_new(&shale_mem_libc, root, &list, &err);
    while (status == SHALE_OK && !end)
        status = shale_list_next(list, &listed, &end, &err);
    shale_list_free(list);
    return status;
}

static void test_what_the_system_says_becomes_a_status(void **state)
{
    static const struct {
        int code;
        enum shale_status status;
        const char *words;
    } cases[] = {{EACCES, SHALE_DENIED, "Permission denied"},
                 {ENOTDIR, SHALE_NOT_FOUND, "Not a directory"},
                 {EMFILE, SHALE_AGAIN, "Too many open files"},
                 {ENOMEM, SHALE_NOMEM, "Cannot allocate memory"},
                 {EIO, SHALE_IO, "Input/output error"},
                 {99999, SHALE_IO, "unknown system error"}};
    char path[1000];
    (void)state;
    (void)snprintf(path, sizeof path, "/%0*d/the-end", 900, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_fault(OPENAT, cases[i].code);
        assert_int_equal(shale_dir_sync(path, &err), cases[i].status);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_non_null(strstr(err.message, "/the-end")); /* a long path keeps its end */
        assert_non_null(strstr(err.message, " ...0"));
    }
}

static void test_listing(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path(root, "d"), 0777), 0);
    scratch_write(root, "d/file", "");
    assert_int_equal(symlink("file", scratch_path(root, "d/link")), 0);
    assert_int_equal(list_all(), SHALE_OK);
    set_fault(FSTATAT, EACCES); /* of the link, while its directory is read */
    assert_int_equal(list_all(), SHALE_DENIED);
    assert_non_null(strstr(err.message, "d/link"));
    assert_int_equal(unlink(scratch_path(root, "d/link")), 0);
    assert_int_equal(list_all(), SHALE_DENIED);
    assert_non_null(strstr(err.message, "d/file"));
    set_fault(FSTATAT, ENOENT); /* removed since */
    assert_int_equal(list_all(), SHALE_OK);
}

static void test_entering_a_directory(void **state)
{
    static const struct {
        int code;
        enum shale_status status;
    } cases[] = {{EACCES, SHALE_DENIED}, {ENOENT, SHALE_OK}}; /* ENOENT: removed since */
    (void)state;
    assert_int_equal(mkdir(scratch_path(root, "d"), 0777), 0);
    for (int i = 0; i < 2; i++) {
        struct shale_list *list;
        struct shale_listed listed;
        bool end;
        assert_int_equal(shale_list_new(&shale_mem_libc, root, &list, NULL), SHALE_OK);
        set_fault(OPENAT, cases[i].code);
        assert_int_equal(shale_list_next(list, &listed, &end, &err), cases[i].status);
        set_fault(NO_CALL, 0);
        shale_list_free(list);
    }
}

static void test_removing(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path(root, "d"), 0777), 0);
    set_fault(RMDIR, EBUSY);
    assert_int_equal(shale_dir_remove(scratch_path(root, "d"), &err), SHALE_IO);
    assert_non_null(strstr(err.message, "/d"));
    scratch_write(root, "d/file", "");
    set_fault(UNLINKAT, EACCES);
    assert_int_equal(shale_dir_remove(scratch_path(root, "d"), &err), SHALE_DENIED);
    assert_true(scratch_exists(root, "d/file"));
}

/* A file system without files that have no name: one whose name goes at once. */
static void test_a_spill_without_o_tmpfile(void **state)
{
    struct shale_spill spill;
    int64_t at;
    char back = 0;
    bool empty = false;
    (void)state;
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, root, NULL), SHALE_OK);
    set_fault(OPENAT, EOPNOTSUPP);
    fault.flags = O_TMPFILE; /* not the open() by which mkostemp() or a look may go */
    assert_int_equal(shale_spill_write(&spill, "x", 1, &at, &err), SHALE_OK);
    set_fault(NO_CALL, 0);
    assert_int_equal(shale_spill_read(&spill, at, &back, 1, NULL), SHALE_OK);
    assert_int_equal(back, 'x');
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_true(empty);
    shale_spill_fini(&spill);
}

static void test_a_spill_that_cannot_be_made(void **state)
{
    static const enum call calls[] = {MKOSTEMP, UNLINK};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct shale_spill spill;
        int64_t at;
        assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, root, NULL), SHALE_OK);
        set_fault(OPENAT, EISDIR);
        fault.call[1] = calls[i];
        fault.codes[1] = EACCES;
        assert_int_equal(shale_spill_write(&spill, "x", 1, &at, &err), SHALE_DENIED);
        assert_non_null(strstr(err.message, root));
        set_fault(NO_CALL, 0);
        shale_spill_fini(&spill);
    }
}

static void put_text(struct shale_put *put, const char *text)
{
    assert_int_equal(shale_put_init(put, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    assert_int_equal(shale_put_open(put, NULL), SHALE_OK);
    assert_int_equal(shale_sink_write(&put->sink, text, strlen(text), NULL), SHALE_OK);
}

static void test_a_file_that_cannot_be_shortened(void **state)
{
    struct shale_put put;
    (void)state;
    put_text(&put, "good");
    set_fault(FTRUNCATE, EIO);
    assert_int_equal(shale_put_truncate(&put, 2, &err), SHALE_IO);
    assert_non_null(strstr(err.message, "/out"));
    assert_int_equal(put.n_bytes, 4);
    /* The rest of a write that failed has to go before the file is published. */
    assert_int_equal(pwrite(put.fd, "rest", 4, 4), 4);
    assert_int_equal(shale_put_publish(&put, &err), SHALE_IO);
    assert_false(scratch_exists(root, "out"));
    set_fault(NO_CALL, 0);
    assert_int_equal(shale_put_publish(&put, &err), SHALE_OK);
    assert_string_equal(scratch_read(root, "out"), "good");
    shale_put_fini(&put);
}

static void test_a_file_that_is_not_durable_is_not_published(void **state)
{
    struct shale_put put;
    (void)state;
    put_text(&put, "good");
    set_fault(FSYNC, EIO);
    assert_int_equal(shale_put_publish(&put, &err), SHALE_IO);
    set_fault(NO_CALL, 0);
    shale_put_fini(&put);
    assert_false(scratch_exists(root, "out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_what_the_system_says_becomes_a_status),
        TEST(test_listing),
        TEST(test_entering_a_directory),
        TEST(test_removing),
        TEST(test_a_spill_without_o_tmpfile),
        TEST(test_a_spill_that_cannot_be_made),
        TEST(test_a_file_that_cannot_be_shortened),
        TEST(test_a_file_that_is_not_durable_is_not_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
