/* SPDX-License-Identifier: MIT */
/* store/local: what is read, what is refused, and a file that changes meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scratch.h"
#include "store/local.h"

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    scratch_make(directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        (void)unlink(scratch_path(directory, (const char *[]){"a", "link", "pipe", "gone"}[i]));
    return rmdir(directory);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_any_place(void **state)
{
    const char *path = scratch_path(directory, "a"), *link = scratch_path(directory, "link");
    struct shale_local file;
    struct shale_err err;
    char out[16] = "";
    (void)state;
    put_file(path, "0123456789");
    assert_int_equal(symlink("a", link), 0);
    shale_err_clear(&err);
    assert_int_equal(shale_local_open(&file, link, &err), SHALE_OK);
    assert_int_equal(file.random.n_bytes, 10);
    assert_int_equal(shale_random_read(&file.random, 7, out, 3, &err), SHALE_OK);
    assert_string_equal(out, "789");
    assert_int_equal(shale_random_read(&file.random, 0, out, 4, &err), SHALE_OK);
    assert_memory_equal(out, "0123", 4);
    assert_int_equal(shale_random_read(&file.random, 10, out, 0, &err), SHALE_OK);
    assert_int_equal(shale_local_check(&file, &err), SHALE_OK);
    shale_local_close(&file);
    shale_local_close(&file);
}

static void test_refused(void **state)
{
    const char *pipe_path = scratch_path(directory, "pipe");
    struct shale_local file;
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(shale_local_open(&file, scratch_path(directory, "gone"), &err),
                     SHALE_NOT_FOUND);
    assert_int_equal(err.code, SHALE_E_file_missing);
    assert_non_null(strstr(err.object, "gone"));
    shale_local_close(&file);
    assert_int_equal(shale_local_open(&file, directory, &err), SHALE_NOT_FOUND);
    assert_int_equal(err.code, SHALE_E_not_regular);
    assert_int_equal(mkfifo(pipe_path, 0600), 0); /* must not wait for a writer */
    assert_int_equal(shale_local_open(&file, pipe_path, &err), SHALE_NOT_FOUND);
    assert_int_equal(file.fd, -1);
}

static void test_changed(void **state)
{
    const char *path = scratch_path(directory, "a");
    struct shale_local file;
    struct shale_err err;
    char out[16];
    (void)state;
    put_file(path, "0123456789");
    shale_err_clear(&err);
    assert_int_equal(shale_local_open(&file, path, &err), SHALE_OK);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(shale_random_read(&file.random, 2, out, 8, &err), SHALE_AGAIN);
    assert_int_equal(err.code, SHALE_E_file_changed);
    assert_string_equal(err.object, path);
    assert_int_equal(shale_local_check(&file, &err), SHALE_AGAIN);
    shale_local_close(&file);
    assert_int_equal(shale_local_open(&file, path, &err), SHALE_OK);
    put_file(path, "abcdefghijklm");
    assert_int_equal(shale_local_check(&file, &err), SHALE_AGAIN);
    shale_local_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_any_place, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_refused, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_changed, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
