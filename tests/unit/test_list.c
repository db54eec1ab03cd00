/* SPDX-License-Identifier: MIT */
/* store/list: the order of keys, links, limits, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scratch.h"
#include "store/store.h"

/* All keys with a newline each; asserts that sizes were reported. */
static enum shale_status list_all(const struct shale_mem *mem, const char *root, char *out,
                                  size_t n_out, struct shale_err *err)
{
    struct shale_list *list;
    enum shale_status status = shale_list_new(mem, root, &list, err);
    size_t n = 0;
    out[0] = '\0';
    while (status == SHALE_OK) {
        struct shale_listed listed;
        bool end;
        status = shale_list_next(list, &listed, &end, err);
        if (status != SHALE_OK || end)
            break;
        assert_true(listed.mtime_ns > 0);
        n += (size_t)snprintf(out + n, n_out - n, "%s %d\n", listed.key.data, (int)listed.n_bytes);
    }
    shale_list_free(list);
    return status;
}

static void expect_keys(const char *root, const char *expected)
{
    char text[4096];
    struct shale_err err;
    shale_err_clear(&err);
    assert_int_equal(list_all(&shale_mem_libc, root, text, sizeof text, &err), SHALE_OK);
    assert_string_equal(text, expected);
}

static void make_tree(const char *root)
{
    static const char *const names[] = {"a", "a/b", "a/b/deep", "a-dir", "z"};
    static const char *const files[] = {"a/b/deep/1", "a/b/2", "a-b", "a.json", "a-dir/x",
                                        ".hidden",    "_x",    "b",   "z/\xff", "z/\xc3\xa9"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(mkdir(scratch_path(root, names[i]), 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        scratch_write(root, files[i], "abc");
}

static void test_keys_come_in_byte_order(void **state)
{
    char root[64];
    (void)state;
    scratch_make(root);
    expect_keys(root, "");
    make_tree(root);
    expect_keys(root, ".hidden 3\n_x 3\na-b 3\na-dir/x 3\na.json 3\na/b/2 3\na/b/deep/1 3\nb 3\n"
                      "z/\xc3\xa9 3\nz/\xff 3\n");
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_many_names_are_sorted(void **state)
{
    char root[64], name[32], last[32] = "";
    struct shale_list *list;
    struct shale_listed listed;
    uint64_t random = 7;
    int n = 0;
    bool end;
    (void)state;
    scratch_make(root);
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(name, sizeof name, "%llx", (unsigned long long)scratch_random(&random));
        scratch_write(root, name, "");
    }
    assert_int_equal(shale_list_new(&shale_mem_libc, root, &list, NULL), SHALE_OK);
    for (;;) {
        assert_int_equal(shale_list_next(list, &listed, &end, NULL), SHALE_OK);
        if (end)
            break;
        assert_true(strcmp(last, listed.key.data) < 0);
        (void)snprintf(last, sizeof last, "%s", listed.key.data);
        n++;
    }
    assert_int_equal(n, 1500);
    shale_list_free(list);
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_a_root_may_be_a_file(void **state)
{
    char root[64];
    struct shale_list *list;
    struct shale_err err;
    (void)state;
    scratch_make(root);
    scratch_write(root, "one.json", "four");
    expect_keys(scratch_path(root, "one.json"), "one.json 4\n");
    shale_err_clear(&err);
    assert_int_equal(shale_list_new(&shale_mem_libc, scratch_path(root, "two"), &list, &err),
                     SHALE_NOT_FOUND);
    assert_null(list);
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(mkfifo(scratch_path(root, "pipe"), 0666), 0);
    assert_int_equal(shale_list_new(&shale_mem_libc, scratch_path(root, "pipe"), &list, &err),
                     SHALE_NOT_FOUND);
    assert_int_equal(err.code, SHALE_E_not_a_file);
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_links(void **state)
{
    char root[64];
    (void)state;
    scratch_make(root);
    assert_int_equal(mkdir(scratch_path(root, "d"), 0777), 0);
    assert_int_equal(mkdir(scratch_path(root, "e"), 0777), 0);
    scratch_write(root, "d/file", "x");
    assert_int_equal(symlink("../d/file", scratch_path(root, "e/link")), 0);
    assert_int_equal(symlink("../d", scratch_path(root, "e/tree")), 0);
    assert_int_equal(symlink("..", scratch_path(root, "d/up")), 0);
    assert_int_equal(symlink(".", scratch_path(root, "d/self")), 0);
    assert_int_equal(symlink("nowhere", scratch_path(root, "dangling")), 0);
    assert_int_equal(symlink("circle", scratch_path(root, "circle")), 0);
    assert_int_equal(symlink("d/file/below", scratch_path(root, "through")), 0);
    assert_int_equal(symlink("pipe", scratch_path(root, "to-pipe")), 0);
    assert_int_equal(mkfifo(scratch_path(root, "pipe"), 0666), 0);
    expect_keys(root, "d/file 1\ne/link 1\ne/tree/file 1\n");
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_a_tree_too_deep_is_an_error(void **state)
{
    char root[64], text[4096], path[600];
    struct shale_err err;
    size_t n;
    (void)state;
    scratch_make(root);
    n = (size_t)snprintf(path, sizeof path, "%s", root);
    for (int i = 0; i < 64; i++) {
        n += (size_t)snprintf(path + n, sizeof path - n, "/d");
        assert_int_equal(mkdir(path, 0777), 0);
        if (i == 62)
            assert_int_equal(list_all(&shale_mem_libc, root, text, sizeof text, &err), SHALE_OK);
    }
    shale_err_clear(&err);
    assert_int_equal(list_all(&shale_mem_libc, root, text, sizeof text, &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_tree_too_deep);
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_a_key_too_long_is_an_error(void **state)
{
    char root[64], name[256], text[4096];
    struct shale_err err;
    int at;
    (void)state;
    scratch_make(root);
    memset(name, 'n', 250);
    name[250] = '\0';
    at = open(root, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 17; i++) { /* by descriptors: the path is longer than a call takes */
        int below;
        assert_int_equal(mkdirat(at, name, 0777), 0);
        below = openat(at, name, O_RDONLY | O_DIRECTORY);
        (void)close(at);
        at = below;
    }
    (void)close(at);
    shale_err_clear(&err);
    assert_int_equal(list_all(&shale_mem_libc, root, text, sizeof text, &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_file_name_too_long);
    (void)snprintf(text, sizeof text, "rm -rf %s", root);
    assert_int_equal(system(text), 0);
}

/* The key of the deepest directory is 4,094 bytes with its '/': no name but a byte has room. */
static void test_a_link_too_deep_is_an_error(void **state)
{
    char root[64], name[256], text[4096];
    struct shale_err err;
    int at;
    (void)state;
    scratch_make(root);
    memset(name, 'n', 255);
    name[255] = '\0';
    at = open(root, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 16; i++) {
        int below;
        if (i == 15)
            name[253] = '\0';
        assert_int_equal(mkdirat(at, name, 0777), 0);
        below = openat(at, name, O_RDONLY | O_DIRECTORY);
        (void)close(at);
        at = below;
    }
    assert_int_equal(symlinkat("nowhere", at, "link"), 0);
    (void)close(at);
    shale_err_clear(&err);
    assert_int_equal(list_all(&shale_mem_libc, root, text, sizeof text, &err), SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_file_name_too_long);
    (void)snprintf(text, sizeof text, "rm -rf %s", root);
    assert_int_equal(system(text), 0);
}

static void expect_range(const char *root, const char *prefix, const char *after, const char *keys)
{
    const struct shale_list_range range = {prefix, after, false};
    struct shale_list *list;
    char text[400] = "";
    assert_int_equal(shale_list_range(&shale_mem_libc, root, &range, &list, NULL), SHALE_OK);
    for (;;) {
        struct shale_listed listed;
        bool end;
        assert_int_equal(shale_list_next(list, &listed, &end, NULL), SHALE_OK);
        if (end)
            break;
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", listed.key.data);
    }
    shale_list_free(list);
    assert_string_equal(text, keys);
}

static void test_a_part_of_the_keys(void **state)
{
    char root[64];
    (void)state;
    scratch_make(root);
    make_tree(root);
    scratch_write(root, "a/b/3.tmp", "");
    assert_int_equal(symlink("../a", scratch_path(root, "z/link")), 0);
    assert_int_equal(symlink("..", scratch_path(root, "a/b/up")), 0);
    expect_range(root, NULL, "b", "z/link/b/2 z/link/b/3.tmp z/link/b/deep/1 z/\xc3\xa9 z/\xff ");
    expect_range(root, "z/link/b/d", NULL, "z/link/b/deep/1 ");
    expect_range(root, "a/b/", "a/b/2", "a/b/3.tmp a/b/deep/1 ");
    expect_range(root, "a/b/up/", NULL, ""); /* it is being walked already */
    expect_range(root, "a/b/2/", NULL, "");
    expect_range(root, NULL, "zz", "");
    expect_range(root, ".h", NULL, ".hidden ");
    expect_range(scratch_path(root, "a/b/2"), "2", NULL, "2 ");
    expect_range(scratch_path(root, "a/b/2"), NULL, "2", "");
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

/* Freed in the middle: each level has a descriptor. */
static void test_no_descriptor_stays_open(void **state)
{
    char root[64];
    int before = dup(0);
    (void)state;
    assert_int_not_equal(before, -1);
    (void)close(before);
    scratch_make(root);
    make_tree(root);
    for (int n = 0; n < 12; n++) {
        struct shale_list *list;
        struct shale_listed listed;
        bool end;
        int after;
        assert_int_equal(shale_list_new(&shale_mem_libc, root, &list, NULL), SHALE_OK);
        for (int i = 0; i < n; i++)
            assert_int_equal(shale_list_next(list, &listed, &end, NULL), SHALE_OK);
        shale_list_free(list);
        after = dup(0);
        assert_int_equal(after, before);
        (void)close(after);
    }
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

static void test_no_memory_at_every_call(void **state)
{
    char root[64], text[4096];
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    scratch_make(root);
    make_tree(root);
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        failing_mem_init(&failing, n);
        assert_true(n < 100);
        status = list_all(&failing.mem, root, text, sizeof text, NULL);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
    }
    assert_int_equal(shale_dir_remove(root, NULL), SHALE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_come_in_byte_order),
        cmocka_unit_test(test_many_names_are_sorted),
        cmocka_unit_test(test_a_root_may_be_a_file),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_a_tree_too_deep_is_an_error),
        cmocka_unit_test(test_a_key_too_long_is_an_error),
        cmocka_unit_test(test_a_link_too_deep_is_an_error),
        cmocka_unit_test(test_a_part_of_the_keys),
        cmocka_unit_test(test_no_descriptor_stays_open),
        cmocka_unit_test(test_no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
