/* SPDX-License-Identifier: MIT */
/* store/put and store/get: a file appears whole or not at all; what is read is what was opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "scratch.h"
#include "store/store.h"

static uint64_t random_state;
static struct shale_env env;
static char root[64];

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
    return shale_dir_remove(root, NULL) == SHALE_OK ? 0 : -1;
}

static void put_text(struct shale_put *put, const char *text)
{
    assert_int_equal(shale_put_open(put, NULL), SHALE_OK);
    assert_int_equal(shale_sink_write(&put->sink, text, strlen(text), NULL), SHALE_OK);
    assert_int_equal(shale_put_close(put, NULL), SHALE_OK);
}

static void test_a_file_appears_when_it_is_published(void **state)
{
    struct shale_put put;
    bool empty;
    (void)state;
    scratch_write(root, "out", "old");
    assert_int_equal(shale_put_init(&put, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    put_text(&put, "hello, ");
    put_text(&put, "everybody");
    assert_string_equal(scratch_read(root, "out"), "old");
    assert_int_equal(shale_put_truncate(&put, 7, NULL), SHALE_OK);
    put_text(&put, "world");
    assert_int_equal(put.n_bytes, 12);
    assert_int_equal(shale_put_sync(&put, NULL), SHALE_OK);
    assert_string_equal(scratch_read(root, "out"), "old");
    assert_int_equal(shale_put_publish(&put, NULL), SHALE_OK);
    shale_put_fini(&put);
    assert_string_equal(scratch_read(root, "out"), "hello, world");
    assert_int_equal(unlink(scratch_path(root, "out")), 0);
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_true(empty);
}

static void test_a_file_not_published_leaves_nothing(void **state)
{
    struct shale_put put;
    bool empty;
    (void)state;
    assert_int_equal(shale_put_init(&put, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_true(empty);
    put_text(&put, "hello");
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_false(empty);
    shale_put_fini(&put);
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_true(empty);
}

static void test_an_empty_file_and_a_long_name(void **state)
{
    char name[256];
    struct shale_put put;
    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(shale_put_init(&put, &env, scratch_path(root, name), NULL), SHALE_OK);
    assert_int_equal(shale_put_publish(&put, NULL), SHALE_OK);
    shale_put_fini(&put);
    assert_string_equal(scratch_read(root, name), "");
}

static void test_a_temporary_name_that_is_taken(void **state)
{
    struct shale_put one, two;
    (void)state;
    assert_int_equal(shale_put_init(&one, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    assert_int_equal(shale_put_init(&two, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    put_text(&one, "one");
    random_state = 1; /* the same chance again */
    put_text(&two, "two");
    assert_string_not_equal(one.temporary, two.temporary);
    shale_put_fini(&one);
    assert_int_equal(shale_put_publish(&two, NULL), SHALE_OK);
    shale_put_fini(&two);
    assert_string_equal(scratch_read(root, "out"), "two");
}

static void test_a_full_disk_keeps_what_was_written(void **state)
{
    struct rlimit old, small;
    struct shale_put put;
    struct shale_err err;
    static char data[200000];
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){100000, old.rlim_max};
    assert_int_equal(shale_put_init(&put, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    put_text(&put, "good");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(shale_put_open(&put, NULL), SHALE_OK);
    shale_err_clear(&err);
    assert_int_equal(shale_sink_write(&put.sink, data, sizeof data, &err), SHALE_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.message, "/out: File too large"));
    assert_int_equal(put.n_bytes, 4);
    /* the half that reached the file must not be published */
    assert_int_equal(shale_put_publish(&put, NULL), SHALE_OK);
    shale_put_fini(&put);
    assert_string_equal(scratch_read(root, "out"), "good");
}

static void test_no_directory(void **state)
{
    struct shale_put put;
    struct shale_err err;
    char *path;
    (void)state;
    shale_err_clear(&err);
    path = scratch_path(root, "none/out");
    assert_int_equal(shale_put_init(&put, &env, path, NULL), SHALE_OK);
    assert_int_equal(shale_put_open(&put, &err), SHALE_NOT_FOUND);
    assert_non_null(strstr(err.message, "none/out: No such file"));
    shale_put_fini(&put);
}

static void test_a_file_cut_by_somebody_else(void **state)
{
    struct shale_put put;
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(shale_put_init(&put, &env, scratch_path(root, "out"), NULL), SHALE_OK);
    put_text(&put, "hello");
    assert_int_equal(truncate(put.temporary, 3), 0);
    assert_int_equal(shale_put_publish(&put, &err), SHALE_IO);
    assert_non_null(strstr(err.message, "/out: No data available"));
    shale_put_fini(&put);
    assert_false(scratch_exists(root, "out"));
}

static void test_names_too_long(void **state)
{
    static char name[5000];
    struct shale_put put;
    struct shale_get get;
    struct shale_err err;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    shale_err_clear(&err);
    assert_int_equal(shale_put_init(&put, &env, name, &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_file_name_too_long);
    shale_put_fini(&put);
    shale_err_clear(&err);
    assert_int_equal(shale_get_open(&get, AT_FDCWD, name, &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_file_name_too_long);
    shale_get_close(&get);
}

static void test_no_memory_at_every_call(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_put put;
        failing_mem_init(&failing, n);
        env.mem = &failing.mem;
        assert_true(n < 10);
        status = shale_put_init(&put, &env, scratch_path(root, "out"), NULL);
        if (status == SHALE_OK)
            status = shale_put_publish(&put, NULL);
        shale_put_fini(&put);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
    }
}

static void test_reading(void **state)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY);
    struct shale_get get;
    char text[8];
    size_t n;
    (void)state;
    assert_int_equal(mkdir(scratch_path(root, "d"), 0777), 0);
    scratch_write(root, "d/file", "hello");
    assert_int_equal(shale_get_open(&get, fd, "d/file", NULL), SHALE_OK);
    assert_int_equal(get.n_bytes, 5);
    assert_int_equal(shale_source_read(&get.source, text, sizeof text, &n, NULL), SHALE_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(shale_source_read(&get.source, text, sizeof text, &n, NULL), SHALE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(shale_get_finish(&get, NULL), SHALE_OK);
    (void)close(fd);
}

static void test_a_file_that_changes_is_temporary(void **state)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY);
    struct shale_get get;
    struct shale_err err;
    (void)state;
    scratch_write(root, "file", "hello");
    assert_int_equal(shale_get_open(&get, fd, "file", NULL), SHALE_OK);
    scratch_write(root, "file", "hello again");
    shale_err_clear(&err);
    assert_int_equal(shale_get_finish(&get, &err), SHALE_AGAIN);
    assert_string_equal(err.object, "file");
    assert_int_equal(get.fd, -1);
    (void)close(fd);
}

static void test_keys_stay_below_the_root(void **state)
{
    static const char *const bad[] = {"",     "/",    "/etc/passwd", "..", "../x", "a/../b",
                                      "a/..", "a//b", "a/",          ".",  "./a",  "a/./b"};
    int fd = open(root, O_RDONLY | O_DIRECTORY);
    struct shale_get get;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(shale_get_open(&get, fd, bad[i], NULL), SHALE_USAGE);
        shale_get_close(&get);
    }
    assert_int_equal(shale_get_open(&get, fd, "..a/b..", NULL), SHALE_NOT_FOUND);
    assert_int_equal(mkfifo(scratch_path(root, "pipe"), 0666), 0);
    assert_int_equal(shale_get_open(&get, fd, "pipe", NULL), SHALE_NOT_FOUND);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_file_appears_when_it_is_published),
        TEST(test_a_file_not_published_leaves_nothing),
        TEST(test_an_empty_file_and_a_long_name),
        TEST(test_a_temporary_name_that_is_taken),
        TEST(test_a_full_disk_keeps_what_was_written),
        TEST(test_no_directory),
        TEST(test_a_file_cut_by_somebody_else),
        TEST(test_names_too_long),
        TEST(test_no_memory_at_every_call),
        TEST(test_reading),
        TEST(test_a_file_that_changes_is_temporary),
        TEST(test_keys_stay_below_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
