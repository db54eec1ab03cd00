/* SPDX-License-Identifier: MIT */
/* store/dir and store/spill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scratch.h"
#include "store/store.h"

static char root[64];

static int set_up(void **state)
{
    (void)state;
    scratch_make(root);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return shale_dir_remove(root, NULL) == SHALE_OK ? 0 : -1;
}

static enum shale_status make(const char *name)
{
    return shale_dir_make(scratch_path(root, name), NULL);
}

static void test_making_and_emptiness(void **state)
{
    bool empty;
    (void)state;
    assert_int_equal(make("a/b//c/"), SHALE_OK);
    assert_int_equal(make("a/b/c"), SHALE_OK);
    assert_int_equal(shale_dir_is_empty(scratch_path(root, "a/b/c"), &empty, NULL), SHALE_OK);
    assert_true(empty);
    assert_int_equal(shale_dir_is_empty(scratch_path(root, "a/b"), &empty, NULL), SHALE_OK);
    assert_false(empty);
    assert_int_equal(shale_dir_is_empty(scratch_path(root, "none"), &empty, NULL), SHALE_OK);
    assert_true(empty);
    scratch_write(root, "file", "");
    assert_int_equal(make("file"), SHALE_NOT_FOUND);
    assert_int_equal(make("file/below"), SHALE_NOT_FOUND);
    assert_int_equal(shale_dir_is_empty(scratch_path(root, "file"), &empty, NULL), SHALE_NOT_FOUND);
}

static void test_removing_does_not_follow_links(void **state)
{
    (void)state;
    assert_int_equal(make("keep"), SHALE_OK);
    scratch_write(root, "keep/file", "kept");
    for (int i = 0; i < 30; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "gone/%d/x/y", i);
        assert_int_equal(make(name), SHALE_OK);
        (void)snprintf(name, sizeof name, "gone/%d/x/file", i);
        scratch_write(root, name, "");
    }
    assert_int_equal(symlink("../keep", scratch_path(root, "gone/link")), 0);
    assert_int_equal(shale_dir_remove(scratch_path(root, "gone"), NULL), SHALE_OK);
    assert_false(scratch_exists(root, "gone"));
    assert_string_equal(scratch_read(root, "keep/file"), "kept");
    assert_int_equal(shale_dir_remove(scratch_path(root, "gone"), NULL), SHALE_OK);
}

static void test_publishing(void **state)
{
    struct shale_err err;
    char *from, *to;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(make("new"), SHALE_OK);
    assert_int_equal(make("empty"), SHALE_OK);
    assert_int_equal(make("full"), SHALE_OK);
    scratch_write(root, "new/file", "new");
    scratch_write(root, "full/file", "old");
    from = scratch_path(root, "new");
    to = scratch_path(root, "full");
    assert_int_equal(shale_dir_publish(from, to, false, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_dir_not_empty);
    assert_int_equal(shale_dir_publish(from, to, true, NULL), SHALE_OK);
    assert_string_equal(scratch_read(root, "full/file"), "new");
    assert_string_equal(scratch_read(root, "new/file"), "old");

    from = scratch_path(root, "full");
    assert_int_equal(shale_dir_publish(from, scratch_path(root, "empty"), false, NULL), SHALE_OK);
    assert_string_equal(scratch_read(root, "empty/file"), "new");
    from = scratch_path(root, "empty");
    assert_int_equal(shale_dir_publish(from, scratch_path(root, "none"), true, NULL), SHALE_OK);
    assert_string_equal(scratch_read(root, "none/file"), "new");
}

static void test_only_directories_are_replaced(void **state)
{
    struct shale_err err;
    char *from;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(make("new"), SHALE_OK);
    assert_int_equal(make("old"), SHALE_OK);
    assert_int_equal(symlink("old", scratch_path(root, "link")), 0);
    scratch_write(root, "file", "");
    from = scratch_path(root, "new");
    assert_int_equal(shale_dir_publish(from, scratch_path(root, "link"), true, &err),
                     SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_dir_is_none);
    assert_int_equal(shale_dir_publish(from, scratch_path(root, "file"), true, NULL),
                     SHALE_CONFLICT);
    assert_int_equal(shale_dir_publish(from, "/proc", true, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_dir_is_mount);
}

static void test_spill_gives_back_what_it_took(void **state)
{
    struct shale_spill spill;
    static char text[100000], back[100000];
    int64_t at[10];
    (void)state;
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, root, NULL), SHALE_OK);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) {
            memset(text, 'a' + i + round, sizeof text);
            assert_int_equal(shale_spill_write(&spill, text, sizeof text - (size_t)i, &at[i], NULL),
                             SHALE_OK);
        }
        assert_int_equal(at[0], 0); /* round 2: the file began again */
        for (int i = 9; i >= 0; i--) {
            assert_int_equal(shale_spill_read(&spill, at[i], back, sizeof back - (size_t)i, NULL),
                             SHALE_OK);
            assert_int_equal(back[0], 'a' + i + round);
            assert_int_equal(back[sizeof back - 10], 'a' + i + round);
            shale_spill_free(&spill, at[i], sizeof text - (size_t)i);
        }
        assert_int_equal(spill.n_live, 0);
    }
    assert_int_equal(shale_spill_read(&spill, 0, back, 1, NULL), SHALE_IO);
    shale_spill_fini(&spill);
}

static void test_spill_has_no_name_and_wants_a_directory(void **state)
{
    struct shale_spill spill;
    struct failing_mem failing;
    int64_t at;
    bool empty;
    (void)state;
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, root, NULL), SHALE_OK);
    assert_int_equal(shale_spill_write(&spill, "x", 1, &at, NULL), SHALE_OK);
    assert_int_equal(shale_dir_is_empty(root, &empty, NULL), SHALE_OK);
    assert_true(empty);
    shale_spill_fini(&spill);
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, scratch_path(root, "none"), NULL),
                     SHALE_NOT_FOUND);
    shale_spill_fini(&spill);
    failing_mem_init(&failing, 1);
    assert_int_equal(shale_spill_init(&spill, &failing.mem, root, NULL), SHALE_NOMEM);
    shale_spill_fini(&spill);
}

/* A name of 'n' bytes; good until the next call. */
static const char *name_of(size_t n)
{
    static char name[6000];
    memset(name, 'n', n);
    name[n] = '\0';
    return name;
}

static void test_names_too_long(void **state)
{
    struct shale_spill spill;
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(shale_dir_make(name_of(4096), &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_file_name_too_long);
    assert_int_equal(shale_dir_remove(name_of(4096), NULL), SHALE_LIMIT);
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, name_of(4096), NULL), SHALE_LIMIT);
    shale_spill_fini(&spill);
}

static void test_a_tree_too_deep_to_remove(void **state)
{
    const char *name = name_of(250);
    char command[100];
    struct shale_err err;
    int at = open(root, O_RDONLY | O_DIRECTORY);
    (void)state;
    for (int i = 0; i < 17; i++) { /* by descriptors: the path is longer than a call takes */
        int below;
        assert_int_equal(mkdirat(at, name, 0777), 0);
        below = openat(at, name, O_RDONLY | O_DIRECTORY);
        (void)close(at);
        at = below;
    }
    (void)close(at);
    shale_err_clear(&err);
    assert_int_equal(shale_dir_remove(root, &err), SHALE_IO);
    assert_non_null(strstr(err.message, "File name too long"));
    (void)snprintf(command, sizeof command, "rm -rf %s/*", root);
    assert_int_equal(system(command), 0);
}

static void test_publishing_elsewhere(void **state)
{
    char *from;
    (void)state;
    assert_int_equal(make("a/new"), SHALE_OK);
    assert_int_equal(make("b"), SHALE_OK);
    scratch_write(root, "a/new/file", "new");
    from = scratch_path(root, "a/new");
    assert_int_equal(shale_dir_publish(from, scratch_path(root, "b//to/"), false, NULL), SHALE_OK);
    assert_string_equal(scratch_read(root, "b/to/file"), "new");
}

static void test_spill_wants_a_directory_that_is_one(void **state)
{
    struct shale_spill spill;
    struct shale_err err;
    int64_t at;
    (void)state;
    scratch_write(root, "file", "");
    assert_int_equal(chmod(scratch_path(root, "file"), 0777), 0);
    shale_err_clear(&err);
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, scratch_path(root, "file"), &err),
                     SHALE_NOT_FOUND);
    assert_non_null(strstr(err.message, "Not a directory"));
    shale_spill_fini(&spill);
    assert_int_equal(shale_spill_init(&spill, &shale_mem_libc, root, NULL), SHALE_OK);
    spill.end = INT64_MAX; /* nobody has written that much */
    assert_int_equal(shale_spill_write(&spill, "x", 1, &at, &err), SHALE_IO);
    assert_non_null(strstr(err.message, "File too large"));
    shale_spill_fini(&spill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_making_and_emptiness),
        TEST(test_removing_does_not_follow_links),
        TEST(test_publishing),
        TEST(test_only_directories_are_replaced),
        TEST(test_spill_gives_back_what_it_took),
        TEST(test_spill_has_no_name_and_wants_a_directory),
        TEST(test_names_too_long),
        TEST(test_a_tree_too_deep_to_remove),
        TEST(test_publishing_elsewhere),
        TEST(test_spill_wants_a_directory_that_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
