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
    _Atomic uint64_t random_state;
    struct shale_env env;
    char root[64];  /* of a local one: "SCRATCH" */
    char table[80]; /* "SCRATCH/table", which is not there yet */
    struct shale_store *store;
    struct shale_err err;
};

/* For any thread, and another name for each file. */
static uint64_t next_random(void *ctx)
{
    return ++*(_Atomic uint64_t *)ctx;
}

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
        .mem = &shale_mem_libc, .random_u64 = next_random, .ctx = &f->random_state};
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
    struct fixture *f = *state;
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
        expect(f, key, racers[winner].name);
    }
    (void)pthread_barrier_destroy(&barrier);
}

/* A process that tries each of the objects; its exit code is 0 when all answers were expected. */
static int race_alone(struct fixture *f, int me)
{
    _Atomic uint64_t random = (uint64_t)me << 32; /* names of temporary files are its own */
    struct shale_env env = f->env;
    struct shale_store *store;
    int code = 0;
    env.ctx = &random;
    if (shale_store_local(&env, f->table, &store, NULL) != SHALE_OK)
        return 1;
    for (int i = 0; i < N_ROUNDS; i++) {
        char key[32], claim[32];
        enum shale_status status;
        (void)snprintf(key, sizeof key, "log/%d", i);
        (void)snprintf(claim, sizeof claim, "won/%d-%d", i, me);
        status = shale_store_put_absent(store, key, shale_str_of(claim), NULL);
        if (status == SHALE_OK)
            status = shale_store_put(store, claim, SHALE_STR(""), NULL);
        else if (status == SHALE_CONFLICT)
            continue;
        if (status != SHALE_OK)
            code = 1;
    }
    shale_store_free(store);
    return code;
}

static void test_one_process_wins(void **state)
{
    struct fixture *f = *state;
    pid_t children[8];
    struct shale_store_list *all;
    struct shale_store_entry entry;
    bool end;
    for (int i = 0; i < 8; i++) {
        children[i] = fork();
        assert_int_not_equal(children[i], -1);
        if (children[i] == 0)
            _exit(race_alone(f, i));
    }
    for (int i = 0; i < 8; i++) {
        int code = -1;
        assert_int_equal(waitpid(children[i], &code, 0), children[i]);
        assert_int_equal(code, 0);
    }
    /* As many claims as objects, and each is what its object says. */
    assert_int_equal(shale_store_list(f->store, "won/", "", &all, &f->err), SHALE_OK);
    for (int n = 0;; n++) {
        char key[32];
        int round;
        assert_int_equal(shale_store_list_next(f->store, all, &entry, &end, &f->err), SHALE_OK);
        if (end) {
            assert_int_equal(n, N_ROUNDS);
            break;
        }
        assert_int_equal(sscanf(entry.key.data, "won/%d-", &round), 1);
        (void)snprintf(key, sizeof key, "log/%d", round);
        expect(f, key, entry.key.data);
    }
    shale_store_list_free(f->store, all);
}

/* More under construction than descriptors are kept for. */
static void test_many_files_under_construction(void **state)
{
    enum { N = 600 };
    struct fixture *f = *state;
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
    expect(f, "p0/part", "ababab");
    expect(f, "p599/part", "ababab");
}

/* What other programs and writers have lying about. */
static void test_hidden_names_are_not_listed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "_log/1", "x"), SHALE_OK);
    scratch_write(f->table, ".hidden", "");
    scratch_write(f->table, "_log/.1.crc", "");
    scratch_write(f->table, "_log/2.tmp", "");
    scratch_write(f->table, "_log/tmp", "");
    assert_int_equal(mkdir(scratch_path(f->table, ".git"), 0777), 0);
    scratch_write(f->table, ".git/config", "");
    expect_list(f, "", "", "_log/1:1 _log/tmp:0 ");
    expect_list(f, ".git/", "", "");
    expect_list(f, "_log/", "_log/1", "_log/tmp:0 ");
}

static void test_a_root_that_is_no_directory(void **state)
{
    struct fixture *f = *state;
    char text[100];
    scratch_write(f->root, "table", "a file");
    assert_int_equal(list(f, "", "", text, sizeof text), SHALE_IO);
    assert_non_null(strstr(f->err.message, "no directory"));
    assert_int_not_equal(put_absent(f, "a", ""), SHALE_OK);
    assert_int_not_equal(put_absent(f, "a", ""), SHALE_CONFLICT);
}

/* A file where a directory has to be. */
static void test_a_key_below_an_object(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, "a", "x"), SHALE_OK);
    assert_int_equal(put_absent(f, "a/b", "y"), SHALE_IO);
    assert_non_null(strstr(f->err.message, "/a is no directory"));
}

static void test_roots_are_written_in_many_ways(void **state)
{
    static const char *const ways[][2] = {
        {"", "/table/"}, {"./", "/table///"}, {"", "/./new/../table"}};
    struct fixture *f = *state;
    assert_int_equal(put(f, "a", "x"), SHALE_OK);
    assert_int_equal(mkdir(scratch_path(f->root, "new"), 0777), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char path[200];
        (void)snprintf(path, sizeof path, "%s%s%s", ways[i][0], f->root, ways[i][1]);
        shale_store_free(f->store);
        assert_int_equal(shale_store_local(&f->env, path, &f->store, &f->err), SHALE_OK);
        expect(f, "a", "x");
        assert_int_equal(put(f, "b/c", "yz"), SHALE_OK);
        expect_list(f, "", "", "a:1 b/c:2 ");
    }
}

int main(void)
{
#define LOCAL(name)                                                                                \
    {                                                                                              \
#name " (local)", name, set_up_local, tear_down, NULL                                      \
    }
#define MEMORY(name)                                                                               \
    {                                                                                              \
#name " (memory)", name, set_up_memory, tear_down, NULL                                    \
    }
#define BOTH(name) LOCAL(name), MEMORY(name)
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
        LOCAL(test_one_process_wins),
        LOCAL(test_hidden_names_are_not_listed),
        LOCAL(test_a_root_that_is_no_directory),
        LOCAL(test_a_key_below_an_object),
        LOCAL(test_roots_are_written_in_many_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
