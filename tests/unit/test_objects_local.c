/* SPDX-License-Identifier: MIT */
/* store/objects_local: processes that race and are killed, locks, what else is in a directory (what
 * it has in common with the other stores is in test_objects). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "store_case.h"

enum { N_ROUNDS = 10 };

/* A process that tries each of the objects; its exit code is 0 when all answers were expected. */
static int race_alone(struct store_case *f, int me)
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
    struct store_case *f = *state;
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
        case_expect(f, key, entry.key.data);
    }
    shale_store_list_free(f->store, all);
}

/* What other programs and writers have lying about. */
static void test_hidden_names_are_not_listed(void **state)
{
    struct store_case *f = *state;
    assert_int_equal(case_put(f, "_log/1", "x"), SHALE_OK);
    scratch_write(f->table, ".hidden", "");
    scratch_write(f->table, "_log/.1.crc", "");
    scratch_write(f->table, "_log/2.tmp", "");
    scratch_write(f->table, "_log/tmp", "");
    assert_int_equal(mkdir(scratch_path(f->table, ".git"), 0777), 0);
    scratch_write(f->table, ".git/config", "");
    case_expect_list(f, "", "", "_log/1:1 _log/tmp:0 ");
    case_expect_list(f, ".git/", "", "");
    case_expect_list(f, "_log/", "_log/1", "_log/tmp:0 ");
}

static void test_a_root_that_is_no_directory(void **state)
{
    struct store_case *f = *state;
    char text[100];
    scratch_write(f->root, "table", "a file");
    assert_int_equal(case_list(f, "", "", text, sizeof text), SHALE_IO);
    assert_non_null(strstr(f->err.message, "no directory"));
    assert_int_not_equal(case_put_absent(f, "a", ""), SHALE_OK);
    assert_int_not_equal(case_put_absent(f, "a", ""), SHALE_CONFLICT);
}

/* A file where a directory has to be. */
static void test_a_key_below_an_object(void **state)
{
    struct store_case *f = *state;
    assert_int_equal(case_put(f, "a", "x"), SHALE_OK);
    assert_int_equal(case_put_absent(f, "a/b", "y"), SHALE_IO);
    assert_non_null(strstr(f->err.message, "/a is no directory"));
}

static void test_roots_are_written_in_many_ways(void **state)
{
    static const char *const ways[][2] = {
        {"", "/table/"}, {"./", "/table///"}, {"", "/./new/../table"}};
    struct store_case *f = *state;
    assert_int_equal(case_put(f, "a", "x"), SHALE_OK);
    assert_int_equal(mkdir(scratch_path(f->root, "new"), 0777), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char path[200];
        (void)snprintf(path, sizeof path, "%s%s%s", ways[i][0], f->root, ways[i][1]);
        shale_store_free(f->store);
        assert_int_equal(shale_store_local(&f->env, path, &f->store, &f->err), SHALE_OK);
        case_expect(f, "a", "x");
        assert_int_equal(case_put(f, "b/c", "yz"), SHALE_OK);
        case_expect_list(f, "", "", "a:1 b/c:2 ");
    }
}

/* The only temporary file below the directory, or NULL. */
static const char *temporary_in(const char *directory)
{
    static char found[300];
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    found[0] = '\0';
    assert_int_equal(shale_list_new(&shale_mem_libc, directory, &list, NULL), SHALE_OK);
    while (shale_list_next(list, &listed, &end, NULL) == SHALE_OK && !end) {
        if (strstr(listed.key.data, ".tmp") != NULL) {
            assert_string_equal(found, "");
            (void)snprintf(found, sizeof found, "%s", listed.key.data);
        }
    }
    shale_list_free(list);
    return found[0] == '\0' ? NULL : found;
}

/* 0 when a sweep could lock the file, so that it may go; else an errno. */
static int lock_as_sweep(const char *directory, const char *name)
{
    int fd = open(scratch_path(directory, name), O_RDWR);
    int code;
    assert_int_not_equal(fd, -1);
    code = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    (void)close(fd);
    return code;
}

static void test_a_file_under_construction_is_locked(void **state)
{
    struct store_case *f = *state;
    struct shale_store_put *object;
    for (int i = 0; i < 300; i++) { /* however many there were before */
        assert_int_equal(shale_store_create(f->store, "d/part", &object, &f->err), SHALE_OK);
        object->abandon(object);
    }
    assert_int_equal(shale_store_create(f->store, "d/part", &object, &f->err), SHALE_OK);
    assert_int_equal(shale_sink_write(&object->sink, "x", 1, &f->err), SHALE_OK);
    assert_non_null(temporary_in(f->table));
    assert_int_equal(lock_as_sweep(f->table, temporary_in(f->table)), EWOULDBLOCK);
    assert_int_equal(object->finish(object, &f->err), SHALE_OK);
    assert_null(temporary_in(f->table));
}

enum { ENTRY_BYTES = 100000 };

/* Write entries for ever. */
static int write_entries(struct store_case *f)
{
    static char entry[ENTRY_BYTES];
    memset(entry, 'e', sizeof entry);
    for (int i = 0; i < 1000000; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "log/%06d", i);
        if (shale_store_put_absent(f->store, key, (struct shale_str){entry, sizeof entry}, NULL) !=
            SHALE_OK)
            return 1;
    }
    return 0;
}

/* Entries are whole and without a gap, and what else is left can be locked. */
static void test_a_killed_writer_leaves_whole_objects(void **state)
{
    struct store_case *f = *state;
    for (int round = 0; round < 10; round++) {
        struct shale_store_list *all;
        struct shale_store_entry entry;
        bool end;
        int code;
        pid_t child = fork();
        assert_int_not_equal(child, -1);
        if (child == 0)
            _exit(write_entries(f));
        (void)usleep((useconds_t)(3000 + 1700 * round));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFSIGNALED(code));
        assert_int_equal(shale_store_list(f->store, "", "", &all, &f->err), SHALE_OK);
        for (int n = 0;; n++) {
            char key[32];
            assert_int_equal(shale_store_list_next(f->store, all, &entry, &end, &f->err), SHALE_OK);
            if (end)
                break;
            (void)snprintf(key, sizeof key, "log/%06d", n);
            assert_string_equal(entry.key.data, key);
            assert_int_equal(entry.n_bytes, ENTRY_BYTES);
        }
        shale_store_list_free(f->store, all);
        if (temporary_in(f->root) != NULL)
            assert_int_equal(lock_as_sweep(f->root, temporary_in(f->root)), 0);
        assert_int_equal(shale_dir_remove(f->table, NULL), SHALE_OK);
    }
}

static void note_removed(void *ctx, struct shale_str key, int64_t n_bytes)
{
    assert_true(key.n_bytes > 0 && n_bytes == 3);
    ++*(int *)ctx;
}

/* A file under construction goes when nobody has it locked, and it is old enough. */
static void test_what_is_left_behind_goes(void **state)
{
    static const char *const left[] = {"a/.x.parquet.0123456789abcdef.tmp", ".shale-spill-a1b2c3",
                                       "a/.x.00000000000000ff.tmp"};
    static const char *const others[] = {"a/.x.tmp", "a/.x.0123456789abcdeg.tmp", ".shale-spill-",
                                         "a/x.0123456789abcdef.tmp"};
    struct store_case *f = *state;
    struct shale_store_put *put;
    struct shale_store_cleaning what = {.before_us = 0, .removed = note_removed};
    int64_t n;
    int said = 0;
    what.ctx = &said;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK); /* no directory */
    assert_int_equal(case_put(f, "a/x.parquet", "whole"), SHALE_OK);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        scratch_write(f->table, left[i], "old");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        scratch_write(f->table, others[i], "old");
    assert_int_equal(shale_store_create(f->store, "a/y.parquet", &put, &f->err), SHALE_OK);
    assert_int_equal(shale_sink_write(&put->sink, "new", 3, &f->err), SHALE_OK);
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 0); /* none is that old */
    what.before_us = INT64_MAX;
    what.dry_run = true;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 3);
    what.dry_run = false;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 3);
    assert_int_equal(said, 6);
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(put->finish(put, &f->err), SHALE_OK);
    case_expect(f, "a/y.parquet", "new");
    case_expect(f, "a/x.parquet", "whole");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(access(scratch_path(f->table, others[i]), F_OK), 0);
}

/* Of one object alone, not of another whose name begins like its own; also when it is too long. */
static void test_what_is_left_of_one_object(void **state)
{
    struct store_case *f = *state;
    char name[256], temporary[300], other[300];
    struct shale_store_cleaning what = {.before_us = INT64_MAX, .object = "a/x"};
    int64_t n;
    assert_int_equal(case_put(f, "a/x", "whole"), SHALE_OK);
    scratch_write(f->table, "a/.x.0123456789abcdef.tmp", "old");
    scratch_write(f->table, "a/.x.old.0123456789abcdef.tmp", "old");
    scratch_write(f->table, "a/.xx.0123456789abcdef.tmp", "old");
    scratch_write(f->table, ".x.0123456789abcdef.tmp", "old");
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 1);
    assert_false(scratch_exists(f->table, "a/.x.0123456789abcdef.tmp"));
    what.object = "x";
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 1);
    memset(name, 'n', 250);
    name[250] = '\0';
    (void)snprintf(temporary, sizeof temporary, ".%.233s.0123456789abcdef.tmp", name);
    (void)snprintf(other, sizeof other, ".%.232s.0123456789abcdef.tmp", name);
    scratch_write(f->table, temporary, "old");
    scratch_write(f->table, other, "old");
    what.object = name;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 1);
    assert_false(scratch_exists(f->table, temporary));
    assert_true(scratch_exists(f->table, other));
}

static void make_directory(struct store_case *f, const char *path)
{
    assert_int_equal(shale_dir_make(scratch_path(f->table, path), &f->err), SHALE_OK);
}

/* Partitions without files, one in another; nothing else. */
static void test_empty_partitions_go(void **state)
{
    static const char *const gone[] = {"y=1/m=1", "y=1/m=2", "y=1", "y=2/m=1", "y=3"};
    static const char *const stay[] = {"y=2/m=2", "y=4", "mine", "_shale/x=1", "y=5/mine", "y=6"};
    struct store_case *f = *state;
    struct shale_store_cleaning what = {.before_us = INT64_MAX, .directories = true};
    int64_t n;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK); /* no root */
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        make_directory(f, gone[i]);
    for (size_t i = 0; i + 1 < sizeof stay / sizeof stay[0]; i++)
        make_directory(f, stay[i]);
    assert_int_equal(case_put(f, "y=2/m=2/a.parquet", "whole"), SHALE_OK);
    scratch_write(f->table, "y=4/.hidden", "?");
    scratch_write(f->table, "y=1/m=1/.x.0123456789abcdef.tmp", "old");
    assert_int_equal(symlink("mine", scratch_path(f->table, "y=6")), 0);
    what.dry_run = true;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_true(scratch_exists(f->table, gone[i]));
    what.dry_run = false;
    assert_int_equal(shale_store_clean(f->store, &what, &n, &f->err), SHALE_OK);
    assert_int_equal(n, 1);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_false(scratch_exists(f->table, gone[i]));
    for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
        assert_true(scratch_exists(f->table, stay[i]));
    case_expect(f, "y=2/m=2/a.parquet", "whole");
    /* A writer makes what it misses. */
    assert_int_equal(case_put(f, "y=1/m=1/b.parquet", "new"), SHALE_OK);
    case_expect(f, "y=1/m=1/b.parquet", "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, case_local, case_end)
        TEST(test_one_process_wins),
        TEST(test_hidden_names_are_not_listed),
        TEST(test_a_root_that_is_no_directory),
        TEST(test_a_key_below_an_object),
        TEST(test_roots_are_written_in_many_ways),
        TEST(test_a_file_under_construction_is_locked),
        TEST(test_a_killed_writer_leaves_whole_objects),
        TEST(test_what_is_left_behind_goes),
        TEST(test_what_is_left_of_one_object),
        TEST(test_empty_partitions_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
