/* SPDX-License-Identifier: MIT */
/* store/objects: what every store promises, on a directory and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/objects.h"
#include "store/store.h"

struct fixture {
    bool is_local;
    uint64_t random_state;
    struct shale_env env;
    char root[64];  /* of a local one: "SCRATCH" */
    char table[80]; /* "SCRATCH/table", which is not there yet */
    struct shale_store *store;
    struct shale_err err;
};

static enum shale_status open_store(struct fixture *f, const struct shale_env *env)
{
    return f->is_local ? shale_store_local(env, f->table, &f->store, &f->err)
                       : shale_store_memory(env, &f->store, &f->err);
}

static struct fixture *set_up(bool is_local)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->is_local = is_local;
    f->env = (struct shale_env){
        .mem = &shale_mem_libc, .random_u64 = scratch_random, .ctx = &f->random_state};
    scratch_make(f->root);
    (void)snprintf(f->table, sizeof f->table, "%s/table", f->root);
    shale_err_clear(&f->err);
    assert_int_equal(open_store(f, &f->env), SHALE_OK);
    return f;
}

static int set_up_local(void **state)
{
    *state = set_up(true);
    return 0;
}

static int set_up_memory(void **state)
{
    *state = set_up(false);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    enum shale_status status;
    shale_store_free(f->store);
    status = shale_dir_remove(f->root, NULL);
    free(f);
    return status == SHALE_OK ? 0 : -1;
}

static enum shale_status put(struct fixture *f, const char *key, const char *text)
{
    return shale_store_put(f->store, key, shale_str_of(text), &f->err);
}

static enum shale_status put_absent(struct fixture *f, const char *key, const char *text)
{
    return shale_store_put_absent(f->store, key, shale_str_of(text), &f->err);
}

/* Write an object through create(). */
static enum shale_status build(struct fixture *f, const char *key, const char *text)
{
    struct shale_store_put *object;
    enum shale_status status = shale_store_create(f->store, key, &object, &f->err);
    if (status != SHALE_OK)
        return status;
    for (; status == SHALE_OK && *text != '\0'; text++)
        status = shale_sink_write(&object->sink, text, 1, &f->err);
    if (status == SHALE_OK)
        return object->finish(object, &f->err);
    object->abandon(object);
    return status;
}

static void expect(struct fixture *f, const char *key, const char *text)
{
    struct shale_buf buf;
    shale_buf_init(&buf, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_store_read(f->store, key, &buf, &f->err), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&buf), text));
    shale_buf_fini(&buf);
}

static enum shale_status list(struct fixture *f, const char *prefix, const char *after, char *out,
                              size_t n_out)
{
    struct shale_store_list *all;
    bool end = false;
    size_t n = 0;
    enum shale_status status = shale_store_list(f->store, prefix, after, &all, &f->err);
    out[0] = '\0';
    while (status == SHALE_OK) {
        struct shale_store_entry entry;
        status = shale_store_list_next(f->store, all, &entry, &end, &f->err);
        if (status != SHALE_OK || end)
            break;
        n += (size_t)snprintf(out + n, n_out - n, "%s:%d ", entry.key.data, (int)entry.n_bytes);
    }
    shale_store_list_free(f->store, all);
    return status;
}

static void expect_list(struct fixture *f, const char *prefix, const char *after,
                        const char *expected)
{
    char text[4096];
    assert_int_equal(list(f, prefix, after, text, sizeof text), SHALE_OK);
    assert_string_equal(text, expected);
}

static void test_an_object_is_written_and_read(void **state)
{
    struct fixture *f = *state;
    expect_list(f, "", "", "");
    assert_int_equal(put(f, "a", "one"), SHALE_OK);
    assert_int_equal(put_absent(f, "d/b", "four"), SHALE_OK);
    assert_int_equal(build(f, "d/e/c", "fives"), SHALE_OK);
    assert_int_equal(build(f, "d/empty", ""), SHALE_OK);
    assert_int_equal(shale_store_settle(f->store, &f->err), SHALE_OK);
    expect(f, "a", "one");
    expect(f, "d/b", "four");
    expect(f, "d/e/c", "fives");
    expect(f, "d/empty", "");
    expect_list(f, "", "", "a:3 d/b:4 d/e/c:5 d/empty:0 ");
}

static void test_put_replaces(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "a", "one"), SHALE_OK);
    assert_int_equal(put(f, "a", "another"), SHALE_OK);
    expect(f, "a", "another");
    expect_list(f, "", "", "a:7 ");
}

static void test_put_absent_does_not_replace(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_absent(f, "log/1", "one"), SHALE_OK);
    assert_int_equal(put_absent(f, "log/1", "two"), SHALE_CONFLICT);
    assert_non_null(strstr(f->err.message, "log/1"));
    expect(f, "log/1", "one");
    assert_int_equal(build(f, "log/1", "three"), SHALE_CONFLICT);
    expect(f, "log/1", "one");
    assert_int_equal(shale_store_remove(f->store, "log/1", &f->err), SHALE_OK);
    assert_int_equal(put_absent(f, "log/1", "four"), SHALE_OK);
    expect(f, "log/1", "four");
    expect_list(f, "", "", "log/1:4 ");
}

static void test_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct shale_store_file *file;
    for (int i = 0; i < 2; i++) { /* without and with a directory */
        assert_int_equal(shale_store_open(f->store, "a/b", &file, &f->err), SHALE_NOT_FOUND);
        assert_null(file);
        assert_int_equal(shale_store_remove(f->store, "a/b", &f->err), SHALE_OK);
        assert_int_equal(shale_store_remove(f->store, "a/c/d", &f->err), SHALE_OK);
        expect_list(f, "a/b/", "", "");
        expect_list(f, "a/c/d/e", "", "");
        assert_int_equal(put(f, "a/c", "x"), SHALE_OK);
    }
}

static void test_an_unfinished_object_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct shale_store_put *object;
    struct shale_store_file *file;
    assert_int_equal(shale_store_create(f->store, "p/a", &object, &f->err), SHALE_OK);
    assert_int_equal(shale_sink_write(&object->sink, "text", 4, &f->err), SHALE_OK);
    expect_list(f, "", "", "");
    assert_int_equal(shale_store_open(f->store, "p/a", &file, NULL), SHALE_NOT_FOUND);
    object->abandon(object);
    expect_list(f, "", "", "");
    if (f->is_local) {
        bool empty;
        assert_int_equal(shale_dir_is_empty(scratch_path(f->table, "p"), &empty, NULL), SHALE_OK);
        assert_true(empty);
    }
}

static void test_an_open_object_stays_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct shale_store_file *file, *other;
    char text[4] = "";
    assert_int_equal(put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &file, &f->err), SHALE_OK);
    assert_int_equal(file->random.n_bytes, 3);
    assert_int_equal(put(f, "a", "longer"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &other, &f->err), SHALE_OK);
    assert_string_not_equal(file->tag, other->tag);
    shale_store_close(other);
    assert_int_equal(shale_store_remove(f->store, "a", &f->err), SHALE_OK);
    assert_int_equal(shale_random_read(&file->random, 1, text, 2, &f->err), SHALE_OK);
    assert_string_equal(text, "bc");
    shale_store_close(file);
    shale_store_close(NULL);
}

static void test_the_tag_is_the_one_listed(void **state)
{
    struct fixture *f = *state;
    struct shale_store_list *all;
    struct shale_store_entry entry;
    struct shale_store_file *file;
    bool end;
    assert_int_equal(put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &file, &f->err), SHALE_OK);
    assert_int_equal(shale_store_list(f->store, "", "", &all, &f->err), SHALE_OK);
    assert_int_equal(shale_store_list_next(f->store, all, &entry, &end, &f->err), SHALE_OK);
    assert_false(end);
    assert_true(shale_str_is(entry.tag, file->tag));
    assert_true(entry.modified_us == file->modified_us);
    shale_store_list_free(f->store, all);
    shale_store_close(file);
}

static void test_a_part_of_the_keys(void **state)
{
    static const char *const keys[] = {"a", "a-b", "a/b/1", "a/b/2", "a/b-c", "a/b0", "a/c", "b/x"};
    static const struct {
        const char *prefix, *after, *expected;
    } cases[] = {
        {"", "", "a-b:1 a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"a", "", "a-b:1 a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 "},
        {"a/", "", "a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 "},
        {"a/b", "", "a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 "},
        {"a/b/", "", "a/b/1:1 a/b/2:1 "},
        {"a/b/", "a/b/1", "a/b/2:1 "},
        {"a/b/", "a/b/2", ""},
        {"a/b/", "a/a", "a/b/1:1 a/b/2:1 "},
        {"a/b/", "a/c", ""},
        {"", "a", "a-b:1 a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a-b", "a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a/b", "a/b-c:1 a/b/1:1 a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a/b/", "a/b/1:1 a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a/b/1", "a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a/b/1/x", "a/b/2:1 a/b0:1 a/c:1 b/x:1 "},
        {"", "a/b/3", "a/b0:1 a/c:1 b/x:1 "},
        {"", "a/z", "b/x:1 "},
        {"", "b/x", ""},
        {"c", "", ""},
        {"c/d/e", "", ""},
        {"a/c/", "", ""},
        {"b/x", "", "b/x:1 "},
    };
    struct fixture *f = *state;
    for (size_t i = 1; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(put(f, keys[i], "."), SHALE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_list(f, cases[i].prefix, cases[i].after, cases[i].expected);
}

static void test_keys_that_are_none(void **state)
{
    static const char *const keys[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a"};
    struct fixture *f = *state;
    char text[100], key[SHALE_KEY_BYTES + 2];
    struct shale_store_file *file;
    struct shale_store_put *object;
    struct shale_store_list *all;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(put(f, keys[i], ""), SHALE_USAGE);
        assert_int_equal(put_absent(f, keys[i], ""), SHALE_USAGE);
        assert_int_equal(shale_store_open(f->store, keys[i], &file, &f->err), SHALE_USAGE);
        assert_int_equal(shale_store_create(f->store, keys[i], &object, &f->err), SHALE_USAGE);
        assert_int_equal(shale_store_remove(f->store, keys[i], &f->err), SHALE_USAGE);
    }
    assert_int_equal(list(f, "a/../b", "", text, sizeof text), SHALE_USAGE);
    assert_int_equal(shale_store_list(f->store, "//", "", &all, &f->err), SHALE_USAGE);
    assert_null(all);
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    assert_int_equal(put(f, key, ""), SHALE_LIMIT);
}

static void test_reading_stops_at_the_cap(void **state)
{
    struct fixture *f = *state;
    struct shale_buf buf;
    assert_int_equal(put(f, "a", "abc"), SHALE_OK);
    shale_buf_init(&buf, &shale_mem_libc, 5);
    assert_int_equal(shale_store_read(f->store, "a", &buf, &f->err), SHALE_OK);
    assert_int_equal(shale_store_read(f->store, "a", &buf, &f->err), SHALE_LIMIT);
    assert_non_null(strstr(f->err.message, " a "));
    assert_true(shale_str_is(shale_buf_str(&buf), "abc"));
    shale_buf_fini(&buf);
}

static enum shale_status do_all(struct fixture *f)
{
    char text[200];
    struct shale_buf buf;
    enum shale_status status;
    shale_buf_init(&buf, f->env.mem, 100);
    status = put(f, "p/one", "1");
    if (status == SHALE_OK)
        status = put_absent(f, "log/1", "2");
    if (status == SHALE_OK)
        status = build(f, "d/e/f", "123");
    if (status == SHALE_OK)
        status = shale_store_settle(f->store, &f->err);
    if (status == SHALE_OK)
        status = shale_store_read(f->store, "d/e/f", &buf, &f->err);
    if (status == SHALE_OK)
        status = list(f, "", "", text, sizeof text);
    if (status == SHALE_OK)
        assert_string_equal(text, "d/e/f:3 log/1:1 p/one:1 ");
    if (status == SHALE_OK)
        status = shale_store_remove(f->store, "p/one", &f->err);
    shale_buf_fini(&buf);
    return status;
}

static void test_no_memory_at_every_call(void **state)
{
    struct fixture *f = *state;
    enum shale_status status = SHALE_NOMEM;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        failing_mem_init(&failing, n);
        assert_true(n < 200);
        shale_store_free(f->store);
        f->env.mem = &failing.mem;
        status = open_store(f, &f->env);
        assert_true(status == SHALE_OK || f->store == NULL);
        if (status == SHALE_OK)
            status = do_all(f);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
        shale_store_free(f->store);
        f->env.mem = &shale_mem_libc;
        assert_int_equal(shale_dir_remove(f->table, NULL), SHALE_OK);
        assert_int_equal(open_store(f, &f->env), SHALE_OK);
    }
}

int main(void)
{
#define BOTH(name)                                                                                 \
    {#name " (local)", name, set_up_local, tear_down, NULL},                                       \
    {                                                                                              \
#name " (memory)", name, set_up_memory, tear_down, NULL                                    \
    }
    const struct CMUnitTest tests[] = {
        BOTH(test_an_object_is_written_and_read),
        BOTH(test_put_replaces),
        BOTH(test_put_absent_does_not_replace),
        BOTH(test_what_is_not_there),
        BOTH(test_an_unfinished_object_is_not_there),
        BOTH(test_an_open_object_stays_as_it_was),
        BOTH(test_the_tag_is_the_one_listed),
        BOTH(test_a_part_of_the_keys),
        BOTH(test_keys_that_are_none),
        BOTH(test_reading_stops_at_the_cap),
        BOTH(test_no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
