/* SPDX-License-Identifier: MIT */
/* A directory as a store while calls of the file system fail: the n-th of each, n = 1, 2, 3 ...
 * until none does; and the answers that a name without replacing can get.  What an answer says is
 * so, objects are whole or absent, and no temporary file stays.  The calls are replaced by the
 * linker (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../unit/scratch.h"
#include "store/objects.h"
#include "store/store.h"

enum call {
    NO_CALL,
    OPEN,
    OPENAT,
    PREAD,
    PWRITE,
    FSYNC,
    MKDIR,
    RENAME,
    RENAMEAT2,
    LINK,
    UNLINK,
    FLOCK,
    STAT,
    LSTAT,
    FSTAT,
    FSTATAT,
    GETDENTS,
    CLOSE,
    N_CALLS,
};

/* The linker's names are the same for all tests of this program, so are the faults. */
static struct fault {
    int code;         /* 0: the call works */
    long at, n_calls; /* 'at' 0: each call fails */
    bool takes_effect;
} faults[N_CALLS];

static bool fails(enum call call)
{
    struct fault *fault = &faults[call];
    fault->n_calls++;
    return fault->code != 0 && (fault->at == 0 || fault->at == fault->n_calls);
}

static int failed(enum call call)
{
    errno = faults[call].code;
    return -1;
}

#define WRAP(result, name, call, parameters, arguments)                                            \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        if (!fails(call))                                                                          \
            return __real_##name arguments;                                                        \
        if (faults[call].takes_effect)                                                             \
            (void)!__real_##name arguments;                                                        \
        return failed(call);                                                                       \
    }

WRAP(int, open64, OPEN, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(int, openat64, OPENAT, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(ssize_t, pread64, PREAD, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
WRAP(int, mkdir, MKDIR, (const char *path, mode_t mode), (path, mode))
WRAP(int, rename, RENAME, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, RENAMEAT2,
     (int at, const char *from, int to_at, const char *to, unsigned flags),
     (at, from, to_at, to, flags))
WRAP(int, link, LINK, (const char *from, const char *to), (from, to))
WRAP(int, unlink, UNLINK, (const char *path), (path))
WRAP(int, flock, FLOCK, (int fd, int operation), (fd, operation))
WRAP(int, stat64, STAT, (const char *path, struct stat *out), (path, out))
WRAP(int, lstat64, LSTAT, (const char *path, struct stat *out), (path, out))
WRAP(int, fstat64, FSTAT, (int fd, struct stat *out), (fd, out))
WRAP(int, fstatat64, FSTATAT, (int at, const char *path, struct stat *out, int flags),
     (at, path, out, flags))
WRAP(ssize_t, getdents64, GETDENTS, (int fd, void *data, size_t n), (fd, data, n))

/* A short write, then what is asked for. */
ssize_t __real_pwrite64(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at)
{
    if (fails(PWRITE))
        return failed(PWRITE);
    return __real_pwrite64(fd, data, n > 2 ? 2 : n, at);
}

/* Nobody pulls the plug here. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return fails(FSYNC) ? failed(FSYNC) : 0;
}

/* It does close, whatever it says. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);
    return fails(CLOSE) ? failed(CLOSE) : result;
}

static uint64_t random_state;
static struct shale_env env;
static char root[64], table[80];
static struct shale_store *store;
static struct shale_err err;

static void no_faults(void)
{
    memset(faults, 0, sizeof faults);
}

static int set_up(void **state)
{
    (void)state;
    no_faults();
    random_state = 1;
    env = (struct shale_env){
        .mem = &shale_mem_libc, .random_u64 = scratch_random, .ctx = &random_state};
    scratch_make(root);
    (void)snprintf(table, sizeof table, "%s/table", root);
    shale_err_clear(&err);
    return shale_store_local(&env, table, &store, &err) == SHALE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    no_faults();
    shale_store_free(store);
    return shale_dir_remove(root, NULL) == SHALE_OK ? 0 : -1;
}

static bool holds(const char *key, const char *text)
{
    struct shale_buf buf;
    enum shale_status status;
    bool equal;
    shale_buf_init(&buf, &shale_mem_libc, 100);
    status = shale_store_read(store, key, &buf, &err);
    equal = status == SHALE_OK && shale_str_is(shale_buf_str(&buf), text);
    shale_buf_fini(&buf);
    return equal;
}

static bool is_absent(const char *key)
{
    return !scratch_exists(table, key);
}

static void expect_no_temporary(void)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    assert_int_equal(shale_list_new(&shale_mem_libc, root, &list, NULL), SHALE_OK);
    for (;;) {
        assert_int_equal(shale_list_next(list, &listed, &end, NULL), SHALE_OK);
        if (end)
            break;
        assert_null(strstr(listed.key.data, ".tmp"));
    }
    shale_list_free(list);
}

static enum shale_status build(const char *key, const char *text)
{
    struct shale_store_put *object;
    enum shale_status status = shale_store_create(store, key, &object, &err);
    if (status != SHALE_OK)
        return status;
    status = shale_sink_write(&object->sink, text, strlen(text), &err);
    if (status == SHALE_OK)
        return object->finish(object, &err);
    object->abandon(object);
    return status;
}

/* What was done, in order; the first that failed is the last. */
struct done {
    enum shale_status built, put, put_absent, settled, read, listed, removed;
};

static enum shale_status look_at_all(struct done *done)
{
    struct shale_store_list *list;
    struct shale_store_entry entry;
    bool end = false;
    int n = 0;
    done->listed = shale_store_list(store, "", "", &list, &err);
    while (done->listed == SHALE_OK && !end) {
        done->listed = shale_store_list_next(store, list, &entry, &end, &err);
        n += done->listed == SHALE_OK && !end;
    }
    shale_store_list_free(store, list);
    if (done->listed == SHALE_OK)
        assert_int_equal(n, 3);
    return done->listed;
}

static enum shale_status do_all(struct done *done)
{
    struct shale_buf buf;
    *done = (struct done){SHALE_CANCELLED, SHALE_CANCELLED, SHALE_CANCELLED, SHALE_CANCELLED,
                          SHALE_CANCELLED, SHALE_CANCELLED, SHALE_CANCELLED};
    done->built = build("year=2024/month=2/part", "columns");
    if (done->built != SHALE_OK)
        return done->built;
    done->settled = shale_store_settle(store, &err);
    if (done->settled != SHALE_OK)
        return done->settled;
    done->put = shale_store_put(store, "log/hint", SHALE_STR("newer"), &err);
    if (done->put != SHALE_OK)
        return done->put;
    done->put_absent = shale_store_put_absent(store, "log/1.json", SHALE_STR("entry"), &err);
    if (done->put_absent != SHALE_OK)
        return done->put_absent;
    shale_buf_init(&buf, &shale_mem_libc, 100);
    done->read = shale_store_read(store, "log/1.json", &buf, &err);
    shale_buf_fini(&buf);
    if (done->read != SHALE_OK)
        return done->read;
    if (look_at_all(done) != SHALE_OK)
        return done->listed;
    return done->removed = shale_store_remove(store, "log/hint", &err);
}

/* What the answers said must be so. */
static void expect_as_said(const struct done *done)
{
    if (done->built == SHALE_OK)
        assert_true(holds("year=2024/month=2/part", "columns"));
    else if (done->built != SHALE_UNSURE)
        assert_true(is_absent("year=2024/month=2/part"));
    if (done->put_absent == SHALE_OK)
        assert_true(holds("log/1.json", "entry"));
    else if (done->put_absent == SHALE_UNSURE)
        assert_true(is_absent("log/1.json") || holds("log/1.json", "entry"));
    else
        assert_true(is_absent("log/1.json"));
    if (done->put == SHALE_OK && done->removed != SHALE_OK)
        assert_true(holds("log/hint", "newer"));
    else
        assert_true(is_absent("log/hint") || holds("log/hint", "newer"));
}

static const struct {
    const char *name;
    enum call call;
    int codes[6];
} calls[] = {
    {"open", OPEN, {EINTR, EACCES, EMFILE, EIO, ENOSPC}},
    {"openat", OPENAT, {EINTR, EACCES, EMFILE, EIO}},
    {"pread", PREAD, {EINTR, EIO}},
    {"pwrite", PWRITE, {EINTR, ENOSPC, EIO}},
    {"fsync", FSYNC, {EINTR, EIO, ENOSPC}},
    {"mkdir", MKDIR, {EACCES, ENOSPC, EIO}},
    {"rename", RENAME, {EACCES, ENOSPC, EIO}},
    {"renameat2", RENAMEAT2, {EINTR, EACCES, ENOSPC, EIO, EINVAL, ENOSYS}},
    {"flock", FLOCK, {EINTR, EWOULDBLOCK, ENOLCK}},
    {"stat", STAT, {EACCES, EIO}},
    {"lstat", LSTAT, {EACCES, EIO}},
    {"fstat", FSTAT, {EIO}},
    {"fstatat", FSTATAT, {EACCES, EIO}},
    {"getdents", GETDENTS, {EIO}},
    {"close", CLOSE, {EINTR, EIO}},
};

static enum shale_status status_of(int code)
{
    return code == EACCES ? SHALE_DENIED : code == EMFILE ? SHALE_AGAIN : SHALE_IO;
}

/* The path of what it was about, or a key. */
static bool names_something(const char *text)
{
    return strstr(text, root) != NULL || strstr(text, "log") != NULL ||
           strstr(text, "year=2024") != NULL;
}

/* One fault; false: there was no such call any more. */
static bool try_fault(enum call call, int code, long at)
{
    struct done done;
    enum shale_status status;
    bool was_met;
    faults[call] = (struct fault){.code = code, .at = at};
    status = do_all(&done);
    was_met = faults[call].n_calls >= at;
    no_faults();
    if (status != SHALE_OK) {
        assert_true(was_met);
        assert_true(status == status_of(code) || status == SHALE_UNSURE);
        if (status == SHALE_UNSURE) /* the entry is there, its directory is not synced */
            assert_true(call == FSYNC || call == OPENAT);
        assert_true(names_something(err.object[0] != '\0' ? err.object : err.message));
    }
    expect_as_said(&done);
    expect_no_temporary();
    /* And without faults all goes on from there. */
    if (done.built != SHALE_OK && is_absent("year=2024/month=2/part"))
        assert_int_equal(build("year=2024/month=2/part", "columns"), SHALE_OK);
    status = shale_store_put_absent(store, "log/1.json", SHALE_STR("entry"), &err);
    assert_int_equal(status, done.put_absent == SHALE_OK || done.put_absent == SHALE_UNSURE
                                 ? SHALE_CONFLICT
                                 : SHALE_OK);
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    return was_met;
}

static void test_every_call_fails_once(void **state)
{
    long n_faults = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        for (size_t k = 0; k < 6 && calls[i].codes[k] != 0; k++) {
            for (long at = 1;; at++) {
                bool was_met;
                assert_true(at < 200);
                was_met = try_fault(calls[i].call, calls[i].codes[k], at);
                tear_down(state);
                assert_int_equal(set_up(state), 0);
                if (!was_met)
                    break;
                n_faults++;
            }
        }
    }
    print_message("%ld faults\n", n_faults);
    assert_true(n_faults > 100);
}

static enum shale_status entry(void)
{
    return shale_store_put_absent(store, "log/1.json", SHALE_STR("entry"), &err);
}

/* renameat2() and link(), each with what it answers and whether it takes effect all the same. */
static void test_a_name_without_replacing(void **state)
{
    static const struct {
        const char *what;
        int code;
        bool renames;
        int link_code;
        bool links;
        int lstat_code;
        enum shale_status status, second;
        bool is_there;
    } cases[] = {
        {"it renames", 0, false, EIO, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"it links", EINVAL, false, 0, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"it links", ENOSYS, false, 0, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"it links", ENOTSUP, false, 0, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"it does neither", EINVAL, false, EPERM, false, 0, SHALE_IO, SHALE_IO, false},
        {"it does neither", EINVAL, false, ENOTSUP, false, 0, SHALE_IO, SHALE_IO, false},
        {"it does neither", ENOSYS, false, ENOSYS, false, 0, SHALE_IO, SHALE_IO, false},
        {"a link fails", EINVAL, false, EIO, false, 0, SHALE_IO, SHALE_IO, false},
        {"a link is denied", EINVAL, false, EACCES, false, 0, SHALE_DENIED, SHALE_DENIED, false},
        {"a link's answer is lost", EINVAL, false, EIO, true, 0, SHALE_OK, SHALE_IO, true},
        {"a link is made twice", EINVAL, false, EEXIST, true, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"who knows", EINVAL, false, EIO, true, EIO, SHALE_UNSURE, SHALE_UNSURE, true},
        {"who knows", EINVAL, false, EIO, false, EIO, SHALE_UNSURE, SHALE_UNSURE, false},
        {"the answer is lost", EIO, true, 0, false, 0, SHALE_OK, SHALE_IO, true},
        {"it is done twice", EEXIST, true, 0, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"it is interrupted", EINTR, true, 0, false, 0, SHALE_OK, SHALE_CONFLICT, true},
        {"who knows", EIO, true, 0, false, EIO, SHALE_UNSURE, SHALE_UNSURE, true},
        {"who knows", EIO, false, 0, false, EIO, SHALE_UNSURE, SHALE_UNSURE, false},
        {"it fails", EIO, false, 0, false, 0, SHALE_IO, SHALE_IO, false},
        {"it is full", ENOSPC, false, 0, false, 0, SHALE_IO, SHALE_IO, false},
        {"it is denied", EACCES, false, 0, false, 0, SHALE_DENIED, SHALE_DENIED, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum shale_status status, second;
        assert_int_equal(shale_store_put(store, "log/hint", SHALE_STR("x"), &err), SHALE_OK);
        faults[RENAMEAT2] = (struct fault){.code = cases[i].code, .takes_effect = cases[i].renames};
        faults[LINK] = (struct fault){.code = cases[i].link_code, .takes_effect = cases[i].links};
        faults[LSTAT] = (struct fault){.code = cases[i].lstat_code};
        if (cases[i].code == EINTR) /* the second time it would say so for ever */
            faults[RENAMEAT2].at = 1;
        status = entry();
        if (status == SHALE_IO && cases[i].link_code != 0 && cases[i].link_code != EIO)
            assert_non_null(strstr(err.message, "cannot hold a table"));
        if (cases[i].second == SHALE_CONFLICT && !cases[i].renames && !cases[i].links)
            assert_int_equal(faults[LINK].n_calls, cases[i].code == 0 ? 0 : 1);
        second = entry();
        no_faults();
        if (status != cases[i].status || second == SHALE_OK ||
            is_absent("log/1.json") == cases[i].is_there)
            print_error("case %zu: %s: %d, %d\n", i, cases[i].what, (int)status, (int)second);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(!is_absent("log/1.json"), cases[i].is_there);
        if (cases[i].is_there)
            assert_true(holds("log/1.json", "entry"));
        if (cases[i].lstat_code == 0)
            expect_no_temporary();
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

/* After an answer that is unsure the directory is synced by the next settle(). */
static void test_an_unsure_name_is_settled_later(void **state)
{
    (void)state;
    assert_int_equal(shale_store_put(store, "log/hint", SHALE_STR("x"), &err), SHALE_OK);
    faults[FSYNC] = (struct fault){.code = EIO, .at = 2}; /* the file, then its directory */
    assert_int_equal(entry(), SHALE_UNSURE);
    assert_non_null(strstr(err.message, "log/1.json"));
    assert_true(holds("log/1.json", "entry"));
    faults[FSYNC] = (struct fault){.code = EIO};
    assert_int_equal(shale_store_settle(store, &err), SHALE_IO);
    assert_non_null(strstr(err.message, "table/log"));
    no_faults();
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 1);
    /* And when nobody can say whether it got its name. */
    faults[RENAMEAT2] = (struct fault){.code = EIO, .takes_effect = true};
    faults[LSTAT] = (struct fault){.code = EIO};
    assert_int_equal(shale_store_put_absent(store, "log/2.json", SHALE_STR("entry"), &err),
                     SHALE_UNSURE);
    no_faults();
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 1);
}

/* The directory that the root is in need not be ours to look into. */
static void test_the_directory_above_may_be_closed(void **state)
{
    long n;
    (void)state;
    assert_int_equal(entry(), SHALE_OK);
    n = faults[OPENAT].n_calls; /* the last is to sync the one above */
    for (long at = n; at >= n - 1; at--) {
        assert_int_equal(tear_down(NULL), 0);
        assert_int_equal(set_up(NULL), 0);
        faults[OPENAT] = (struct fault){.code = EACCES, .at = at};
        assert_int_equal(entry(), at == n ? SHALE_OK : SHALE_UNSURE);
        assert_int_equal(faults[OPENAT].n_calls, at);
    }
}

/* Each directory is synced once, and only by those who made it, or wrote to it, or do so first. */
static void test_directories_are_synced_once(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        char key[64];
        (void)snprintf(key, sizeof key, "year=2024/month=%d/part", i % 2);
        (void)snprintf(key + strlen(key), 8, "%d", i);
        assert_int_equal(build(key, "x"), SHALE_OK);
    }
    no_faults();
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 5); /* two months, a year, the table, what it is in */
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 5);
    assert_int_equal(build("year=2024/month=1/other", "x"), SHALE_OK);
    assert_int_equal(shale_store_settle(store, &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 7); /* the file and its month */
    assert_int_equal(entry(), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 10); /* the file, the log, the table */
    assert_int_equal(shale_store_put(store, "log/2.json", SHALE_STR(""), &err), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 12);
    /* One that was removed meanwhile has a new name. */
    assert_int_equal(shale_dir_remove(scratch_path(table, "log"), NULL), SHALE_OK);
    assert_int_equal(entry(), SHALE_OK);
    assert_int_equal(faults[FSYNC].n_calls, 15);
}

/* A temporary file that is locked is left alone; a sweep that holds the lock is not waited for. */
static void test_a_file_is_locked_while_it_is_written(void **state)
{
    struct shale_store_put *object;
    (void)state;
    faults[FLOCK] = (struct fault){.code = EWOULDBLOCK, .at = 1};
    assert_int_equal(shale_store_create(store, "d/part", &object, &err), SHALE_OK);
    assert_int_equal(faults[FLOCK].n_calls, 2); /* of another name */
    object->abandon(object);
    faults[FLOCK] = (struct fault){.code = EWOULDBLOCK};
    assert_int_equal(shale_store_create(store, "d/part", &object, &err), SHALE_IO);
}

/* A list reads the directories that can hold what is asked for, and no others: two calls each. */
static void test_a_list_reads_what_it_must(void **state)
{
    static const struct {
        const char *prefix, *after;
        int n_directories, n_keys;
    } cases[] = {
        {"", "", 7, 6},      {"a/", "", 3, 2},   {"a/x/", "", 1, 1},  {"a/x/k", "", 1, 1},
        {"a/x", "", 2, 1},   {"q/x/", "", 0, 0}, {"", "a/x/k", 7, 5}, {"", "b", 4, 4},
        {"", "b/y/k", 3, 2}, {"", "c/", 1, 2},   {"a/", "b", 1, 0},   {"b/", "b/y/j", 2, 1},
    };
    (void)state;
    for (const char *key = "a/x/ka/y/kb/x/kb/y/k"; *key != '\0'; key += 5) {
        char name[6] = "";
        memcpy(name, key, 5);
        assert_int_equal(build(name, ""), SHALE_OK);
    }
    assert_int_equal(build("c0", ""), SHALE_OK);
    assert_int_equal(build("d", ""), SHALE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shale_store_list *list;
        struct shale_store_entry listed;
        bool end = false;
        int n = 0;
        no_faults();
        assert_int_equal(shale_store_list(store, cases[i].prefix, cases[i].after, &list, &err),
                         SHALE_OK);
        for (;; n++) {
            assert_int_equal(shale_store_list_next(store, list, &listed, &end, &err), SHALE_OK);
            if (end)
                break;
        }
        shale_store_list_free(store, list);
        if (n != cases[i].n_keys || faults[GETDENTS].n_calls != 2 * cases[i].n_directories)
            print_error("case %zu: %d keys, %ld calls\n", i, n, faults[GETDENTS].n_calls);
        assert_int_equal(n, cases[i].n_keys);
        assert_int_equal(faults[GETDENTS].n_calls, 2 * cases[i].n_directories);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_every_call_fails_once),           TEST(test_a_name_without_replacing),
        TEST(test_an_unsure_name_is_settled_later), TEST(test_the_directory_above_may_be_closed),
        TEST(test_directories_are_synced_once),     TEST(test_a_file_is_locked_while_it_is_written),
        TEST(test_a_list_reads_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
