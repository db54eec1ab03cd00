/* SPDX-License-Identifier: MIT */
/* store/under, and the exchange of an object for another (put_replace, kept): on a directory and in
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_case.h"

/* Put 'text' in the place of 'base', behind 'n_copied' bytes of it. */
static enum shale_status replace(struct shale_store *store, const char *key,
                                 struct shale_store_file *base, int64_t n_copied, const char *text,
                                 struct shale_err *err)
{
    struct shale_store_put *put;
    enum shale_status status = shale_store_create(store, key, &put, err);
    if (status != SHALE_OK)
        return status;
    if (n_copied > 0)
        status = put->copy(put, base, 0, n_copied, err);
    if (status == SHALE_OK)
        status = shale_sink_write(&put->sink, text, strlen(text), err);
    if (status == SHALE_OK)
        return put->replace(put, base, err);
    put->abandon(put);
    return status;
}

static void test_an_object_takes_the_place_of_another(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *first, *second;
    char text[4] = "";
    assert_int_equal(replace(f->store, "d/a", NULL, 0, "one", &f->err), SHALE_OK);
    case_expect(f, "d/a", "one");
    assert_int_equal(replace(f->store, "d/a", NULL, 0, "two", &f->err), SHALE_CONFLICT);
    case_expect(f, "d/a", "one");
    assert_int_equal(shale_store_open(f->store, "d/a", &first, &f->err), SHALE_OK);
    assert_int_equal(replace(f->store, "d/a", first, 3, "two", &f->err), SHALE_OK);
    case_expect(f, "d/a", "onetwo");
    assert_int_equal(shale_store_open(f->store, "d/a", &second, &f->err), SHALE_OK);
    assert_int_equal(replace(f->store, "d/a", first, 3, "six", &f->err), SHALE_CONFLICT);
    assert_non_null(strstr(f->err.message, "d/a"));
    case_expect(f, "d/a", "onetwo");
    /* Who has the old one open reads on in it. */
    assert_int_equal(shale_random_read(&first->random, 0, text, 3, &f->err), SHALE_OK);
    assert_string_equal(text, "one");
    assert_int_equal(shale_store_remove(f->store, "d/a", &f->err), SHALE_OK);
    assert_int_equal(replace(f->store, "d/a", second, 3, "x", &f->err), SHALE_CONFLICT);
    assert_int_equal(replace(f->store, "d/a", NULL, 0, "anew", &f->err), SHALE_OK);
    case_expect(f, "d/a", "anew");
    shale_store_close(first);
    shale_store_close(second);
}

static void test_one_of_the_same_bytes_is_another(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *base;
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &base, &f->err), SHALE_OK);
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(replace(f->store, "a", base, 3, "x", &f->err), SHALE_CONFLICT);
    case_expect(f, "a", "abc");
    shale_store_close(base);
}

static void test_long_copies(void **state)
{
    enum { N = 300 * 1024 };
    struct store_case *f = *state;
    struct shale_store_file *base;
    char *text = malloc(2 * N + 1);
    assert_non_null(text);
    for (int i = 0; i < N; i++)
        text[i] = (char)('a' + i % 7 + i % 19);
    text[N] = '\0';
    assert_int_equal(case_put(f, "a", text), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &base, &f->err), SHALE_OK);
    assert_int_equal(replace(f->store, "a", base, N, "end", &f->err), SHALE_OK);
    (void)memcpy(text + N, "end", 4);
    case_expect(f, "a", text);
    shale_store_close(base);
    free(text);
}

static void test_a_file_that_was_changed_in_place(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *base;
    FILE *file;
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(shale_store_open(f->store, "a", &base, &f->err), SHALE_OK);
    file = fopen(scratch_path(f->table, "a"), "a");
    assert_non_null(file);
    assert_true(fputs("more", file) >= 0 && fclose(file) == 0);
    assert_int_equal(replace(f->store, "a", base, 3, "x", &f->err), SHALE_CONFLICT);
    case_expect(f, "a", "abcmore");
    shale_store_close(base);
}

static void test_its_mode_stays(void **state)
{
    struct store_case *f = *state;
    struct shale_store_file *base;
    struct stat info;
    assert_int_equal(case_put(f, "a", "abc"), SHALE_OK);
    assert_int_equal(chmod(scratch_path(f->table, "a"), 0604), 0);
    assert_int_equal(shale_store_open(f->store, "a", &base, &f->err), SHALE_OK);
    assert_int_equal(replace(f->store, "a", base, 3, "x", &f->err), SHALE_OK);
    assert_int_equal(stat(scratch_path(f->table, "a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0604);
    shale_store_close(base);
}

enum { N_RACERS = 6, N_TURNS = 25 };

/* Add one byte, again and again, each time to what is there. */
static int add_bytes(struct store_case *f, int me)
{
    _Atomic uint64_t random = (uint64_t)me << 32;
    struct shale_env env = f->env;
    struct shale_store *store;
    enum shale_status status = SHALE_OK;
    env.ctx = &random;
    if (shale_store_local(&env, f->table, &store, NULL) != SHALE_OK)
        return 1;
    for (int i = 0; i < N_TURNS; i += status == SHALE_OK) {
        struct shale_store_file *base;
        status = shale_store_open(store, "a", &base, NULL);
        if (status == SHALE_OK)
            status = replace(store, "a", base, base->random.n_bytes, "x", NULL);
        shale_store_close(base);
        if (status != SHALE_OK && status != SHALE_CONFLICT && status != SHALE_AGAIN)
            return 1;
    }
    shale_store_free(store);
    return 0;
}

static void test_no_exchange_is_lost(void **state)
{
    struct store_case *f = *state;
    pid_t children[N_RACERS];
    struct stat info;
    assert_int_equal(case_put(f, "a", "x"), SHALE_OK);
    for (int i = 0; i < N_RACERS; i++) {
        children[i] = fork();
        assert_int_not_equal(children[i], -1);
        if (children[i] == 0)
            _exit(add_bytes(f, i));
    }
    for (int i = 0; i < N_RACERS; i++) {
        int code = -1;
        assert_int_equal(waitpid(children[i], &code, 0), children[i]);
        assert_int_equal(code, 0);
    }
    assert_int_equal(stat(scratch_path(f->table, "a"), &info), 0);
    assert_int_equal(info.st_size, 1 + N_RACERS * N_TURNS);
}

static void test_a_store_under_a_prefix(void **state)
{
    struct store_case *f = *state, under = *f;
    assert_int_equal(case_put(f, "a", "none of it"), SHALE_OK);
    assert_int_equal(case_put(f, "x.parquetry", "none of it"), SHALE_OK);
    assert_int_equal(shale_store_under(f->store, "x.parquet.", &under.store, &f->err), SHALE_OK);
    case_expect_list(&under, "", "", "");
    assert_int_equal(case_put(&under, "_shale/one", "1"), SHALE_OK);
    assert_int_equal(case_put_absent(&under, "_shale/two", "22"), SHALE_OK);
    assert_int_equal(case_put_absent(&under, "_shale/two", "2"), SHALE_CONFLICT);
    assert_int_equal(case_build(&under, "_shale/l/three", "333"), SHALE_OK);
    assert_int_equal(shale_store_settle(under.store, &f->err), SHALE_OK);
    case_expect(f, "x.parquet._shale/one", "1");
    case_expect(&under, "_shale/two", "22");
    case_expect_list(&under, "_shale/", "", "_shale/l/three:3 _shale/one:1 _shale/two:2 ");
    case_expect_list(&under, "", "_shale/l/three", "_shale/one:1 _shale/two:2 ");
    case_expect_list(&under, "_shale/l", "", "_shale/l/three:3 ");
    assert_int_equal(shale_store_remove(under.store, "_shale/one", &f->err), SHALE_OK);
    case_expect_list(&under, "_shale/o", "", "");
    assert_int_equal(case_put(&under, "../a", "x"), SHALE_USAGE);
    shale_store_free(under.store);
    case_expect(f, "a", "none of it");
}

static enum shale_status do_all(struct store_case *f)
{
    struct shale_store *under;
    struct shale_store_list *list = NULL;
    struct shale_store_file *base = NULL;
    enum shale_status status = shale_store_under(f->store, "x.", &under, &f->err);
    if (status != SHALE_OK)
        return status;
    status = shale_store_put(under, "a", SHALE_STR("text"), &f->err);
    if (status == SHALE_OK)
        status = shale_store_list(under, "a", "", &list, &f->err);
    shale_store_list_free(under, list);
    if (status == SHALE_OK)
        status = shale_store_open(under, "a", &base, &f->err);
    if (status == SHALE_OK)
        status = replace(under, "a", base, 4, "x", &f->err);
    shale_store_close(base);
    shale_store_free(under);
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
        if (status == SHALE_OK)
            status = do_all(f);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
        shale_store_free(f->store);
        f->env.mem = &shale_mem_libc;
        assert_int_equal(shale_dir_remove(f->table, NULL), SHALE_OK);
        assert_int_equal(case_open(f, &f->env), SHALE_OK);
    }
}

int main(void)
{
#define ON(where, name)                                                                            \
    {                                                                                              \
#name " (" #where ")", name, case_##where, case_end, NULL                                  \
    }
#define BOTH(name) ON(local, name), ON(memory, name)
    const struct CMUnitTest tests[] = {
        BOTH(test_an_object_takes_the_place_of_another),
        BOTH(test_one_of_the_same_bytes_is_another),
        BOTH(test_long_copies),
        ON(local, test_a_file_that_was_changed_in_place),
        ON(local, test_its_mode_stays),
        ON(local, test_no_exchange_is_lost),
        BOTH(test_a_store_under_a_prefix),
        BOTH(test_no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
