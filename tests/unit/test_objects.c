/* SPDX-License-Identifier: MIT */
/* store/objects: what every store promises, on a directory and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "store_case.h"

static void test_an_object_is_written_and_read(void **state)
{
    struct store_case *f = *state;
    case_expect_list(f, "", "", "");
    assert_int_equal(case_put(f, "a", "one"), SHALE_OK);
    assert_int_equal(case_put_absent(f, "d/b", "four"), SHALE_OK);
    assert_int_equal(case_build(f, "d/e/c", "fives"), SHALE_OK);
    assert_int_equal(case_build(f, "d/empty", ""), SHALE_OK);
    assert_int_equal(shale_store_settle(f->store, &f->err), SHALE_OK);
    case_expect(f, "a", "one");
    case_expect(f, "d/b", "four");
    case_expect(f, "d/e/c", "fives");
    case_expect(f, "d/empty", "");
    case_expect_list(f, "", "", "a:3 d/b:4 d/e/c:5 d/empty:0 ");
}

static void test_put_replaces(void **state)
{
    struct store_case *f = *state;
    assert_int_equal(case_put(f, "a", "one"), SHALE_OK);
    assert_int_equal(case_put(f, "a", "another"), SHALE_OK);
    case_expect(f, "a", "another");
    case_expect_list(f, "", "", "a:7 ");
}

static void test_put_absent_does_not_replace(void **state)
{
    struct store_case *f = *state;
    assert_int_equal(case_put_absent(f, "log/1", "one"), SHALE_OK);
    assert_int_equal(case_put_absent(f, "log/1", "two"), SHALE_CONFLICT);
    assert_non_null(strstr(f->err.message, "log/1"));
    case_expect(f, "log/1", "one");
    assert_int_equal(case_build(f, "log/1", "three"), SHALE_CONFLICT);
    case_expect(f, "log/1", "one");
    assert_int_equal(shale_store_remove(f->store, "log/1", &f->err), SHALE_OK);
    assert_int_equal(case_put_absent(f, "log/1", "four"), SHALE_OK);
    case_expect(f, "log/1", "four");
    case_expect_list(f, "", "", "log/1:4 ");
}

static void test_what_is_not_there(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *file;
    for (int i = 0; i < 2; i++) { /* without and with a directory */
        assert_int_equal(shale_store_open(f->store, "a/b", &file, &f->err), SHALE_NOT_FOUND);
        assert_null(file);
        assert_int_equal(shale_store_remove(f->store, "a/b", &f->err), SHALE_OK);
        assert_int_equal(shale_store_remove(f->store, "a/c/d", &f->err), SHALE_OK);
        case_expect_list(f, "a/b/", "", "");
        case_expect_list(f, "a/c/d/e", "", "");
        assert_int_equal(case_put(f, "a/c", "x"), SHALE_OK);
    }
}

static void test_an_unfinished_object_is_not_there(void **state)
{
    struct store_case *f = *state;
    struct shale_store_put *object;
    struct shale_store_file *file;
    assert_int_equal(shale_store_create(f->store, "p/a", &object, &f->err), SHALE_OK);
    assert_int_equal(shale_sink_write(&object->sink, "text", 4, &f->err), SHALE_OK);
    case_expect_list(f, "", "", "");
    assert_int_equal(shale_store_open(f->store, "p/a", &file, NULL), SHALE_NOT_FOUND);
    object->abandon(object);
    case_expect_list(f, "", "", "");
    if (f->is_local) {
        bool empty;
        assert_int_equal(shale_dir_is_empty(scratch_path(f->table, "p"), &empty, NULL), SHALE_OK);
        assert_true(empty);
    }
}

static void test_an_open_object_stays_as_it_was(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *file, *other;
    char text[4] = "";
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &file, &f->err), SHALE_OK);
    assert_int_equal(file->random.n_bytes, 3);
    assert_int_equal(case_put(f, "a", "longer"), SHALE_OK);
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
    struct store_case *f = *state;
    struct shale_store_list *all;
    struct shale_store_entry entry;
    struct shale_store_file *file;
    bool end;
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
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
        {"b/x1", "", ""},
    };
    struct store_case *f = *state;
    for (size_t i = 1; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(case_put(f, keys[i], "."), SHALE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        case_expect_list(f, cases[i].prefix, cases[i].after, cases[i].expected);
}

static void test_keys_that_are_none(void **state)
{
    static const char *const keys[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a"};
    struct store_case *f = *state;
    char text[100], key[SHALE_KEY_BYTES + 2];
    struct shale_store_file *file;
    struct shale_store_put *object;
    struct shale_store_list *all;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(case_put(f, keys[i], ""), SHALE_USAGE);
        assert_int_equal(case_put_absent(f, keys[i], ""), SHALE_USAGE);
        assert_int_equal(shale_store_open(f->store, keys[i], &file, &f->err), SHALE_USAGE);
        assert_int_equal(shale_store_create(f->store, keys[i], &object, &f->err), SHALE_USAGE);
        assert_int_equal(shale_store_remove(f->store, keys[i], &f->err), SHALE_USAGE);
    }
    assert_int_equal(case_list(f, "a/../b", "", text, sizeof text), SHALE_USAGE);
    assert_int_equal(shale_store_list(f->store, "//", "", &all, &f->err), SHALE_USAGE);
    assert_null(all);
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    assert_int_equal(case_put(f, key, ""), SHALE_LIMIT);
}

static void test_reading_stops_at_the_cap(void **state)
{
    struct store_case *f = *state;
    struct shale_buf buf;
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    shale_buf_init(&buf, &shale_mem_libc, 5);
    assert_int_equal(shale_store_read(f->store, "a", &buf, &f->err), SHALE_OK);
    assert_int_equal(shale_store_read(f->store, "a", &buf, &f->err), SHALE_LIMIT);
    assert_non_null(strstr(f->err.message, " a "));
    assert_true(shale_str_is(shale_buf_str(&buf), "abc"));
    shale_buf_fini(&buf);
}

static enum shale_status do_all(struct store_case *f)
{
    char text[200];
    struct shale_buf buf;
    enum shale_status status;
    shale_buf_init(&buf, f->env.mem, 100);
    status = case_put(f, "p/one", "1");
    if (status == SHALE_OK)
        status = case_put_absent(f, "log/1", "2");
    if (status == SHALE_OK)
        status = case_build(f, "d/e/f", "123");
    if (status == SHALE_OK)
        status = shale_store_settle(f->store, &f->err);
    if (status == SHALE_OK)
        status = shale_store_read(f->store, "d/e/f", &buf, &f->err);
    if (status == SHALE_OK)
        status = case_list(f, "", "", text, sizeof text);
    if (status == SHALE_OK)
        assert_string_equal(text, "d/e/f:3 log/1:1 p/one:1 ");
    if (status == SHALE_OK)
        status = shale_store_remove(f->store, "p/one", &f->err);
    shale_buf_fini(&buf);
    return status;
}

static void test_no_memory_at_every_call(void **state)
{
    struct store_case *f = *state;
    enum shale_status status = SHALE_NOMEM;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        failing_mem_init(&failing, n);
        assert_true(n < 200);
        shale_store_free(f->store);
        f->env.mem = &failing.mem;
        status = case_open(f, &f->env);
        assert_true(status == SHALE_OK || f->store == NULL);
        if (status == SHALE_OK)
            status = do_all(f);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
        shale_store_free(f->store);
        f->env.mem = &shale_mem_libc;
        assert_int_equal(shale_dir_remove(f->table, NULL), SHALE_OK);
        assert_int_equal(case_open(f, &f->env), SHALE_OK);
    }
}

enum { N_THREADS = 16, N_ROUNDS = 10 };

struct racer {
    struct shale_store *store;
    pthread_barrier_t *barrier;
    char name[8];
    enum shale_status statuses[N_ROUNDS];
};

static void *race(void *ctx)
{
    struct racer *racer = ctx;
    (void)pthread_barrier_wait(racer->barrier);
    for (int i = 0; i < N_ROUNDS; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "log/%d", i);
        racer->statuses[i] =
            shale_store_put_absent(racer->store, key, shale_str_of(racer->name), NULL);
    }
    return NULL;
}

/* Of each object the writer that was told so, and no other. */
static void test_one_thread_wins(void **state)
{
    struct store_case *f = *state;
    struct racer racers[N_THREADS];
    pthread_t threads[N_THREADS];
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, N_THREADS), 0);
    for (int i = 0; i < N_THREADS; i++) {
        racers[i] = (struct racer){.store = f->store, .barrier = &barrier};
        (void)snprintf(racers[i].name, sizeof racers[i].name, "w%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int round = 0; round < N_ROUNDS; round++) {
        char key[32];
        int winner = -1;
        (void)snprintf(key, sizeof key, "log/%d", round);
        for (int i = 0; i < N_THREADS; i++) {
            if (racers[i].statuses[round] == SHALE_OK) {
                assert_int_equal(winner, -1);
                winner = i;
            } else {
                assert_int_equal(racers[i].statuses[round], SHALE_CONFLICT);
            }
        }
        assert_int_not_equal(winner, -1);
        case_expect(f, key, racers[winner].name);
    }
    (void)pthread_barrier_destroy(&barrier);
}

/* More under construction than descriptors are kept for. */
static void test_many_files_under_construction(void **state)
{
    enum { N = 600 };
    struct store_case *f = *state;
    struct shale_store_put *objects[N];
    for (int i = 0; i < N; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "p%d/part", i);
        assert_int_equal(shale_store_create(f->store, key, &objects[i], &f->err), SHALE_OK);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++)
            assert_int_equal(shale_sink_write(&objects[i]->sink, "ab", 2, &f->err), SHALE_OK);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(objects[i]->finish(objects[i], &f->err), SHALE_OK);
    assert_int_equal(shale_store_settle(f->store, &f->err), SHALE_OK);
    case_expect(f, "p0/part", "ababab");
    case_expect(f, "p599/part", "ababab");
}

int main(void)
{
#define ON(where, name)                                                                            \
    {                                                                                              \
#name " (" #where ")", name, case_##where, case_end, NULL                                  \
    }
#define BOTH(name) ON(local, name), ON(memory, name)
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
        BOTH(test_one_thread_wins),
        BOTH(test_many_files_under_construction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
