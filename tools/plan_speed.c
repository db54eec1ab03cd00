/* SPDX-License-Identifier: MIT */
/* How fast a tree of files is listed, and planned against a ledger that knows all of them.
 *
 *     plan_speed make DIR FILES PER_FOLDER    a tree of small files, 10,000 folders at most
 *     plan_speed list DIR                     seconds and peak memory of a listing
 *     plan_speed ledger DIR TABLE             a ledger of them in TABLE: segments of 9/10 of the
 * rows, 9/10 of the rest ... plan_speed plan DIR TABLE               a listing, with a decision
 * about each object
 *
 * To compare: find DIR -type f -printf '%p %s %T@\n' | LC_ALL=C sort */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataset/ledger.h"
#include "store/objects.h"
#include "store/store.h"

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int make(const char *root, long n_files, long n_in_folder)
{
    char path[4096];
    int folder = -1;
    if (mkdir(root, 0777) != 0)
        return fail(root);
    for (long i = 0; i < n_files; i++) {
        /* names of about the length of a trail's, in no order */
        uint64_t hash = (uint64_t)i * 0x9e3779b97f4a7c15u;
        int fd;
        if (i % n_in_folder == 0) {
            long n = i / n_in_folder;
            if (folder >= 0)
                (void)close(folder);
            (void)snprintf(path, sizeof path, "%s/%04ld", root, n / 100);
            (void)mkdir(path, 0777);
            (void)snprintf(path, sizeof path, "%s/%04ld/%02ld", root, n / 100, n % 100);
            if (mkdir(path, 0777) != 0 || (folder = open(path, O_RDONLY | O_DIRECTORY)) < 0)
                return fail(path);
        }
        (void)snprintf(path, sizeof path, "123456789012_trail_eu-west-1_%016" PRIx64 ".json", hash);
        fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0 || write(fd, "{}\n", 3) != 3 || close(fd) != 0)
            return fail(path);
    }
    return folder >= 0 && close(folder) != 0 ? fail(root) : 0;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- A ledger ---------------------------------------------------------------------------------
 */

enum { N_SEGMENTS = 5, MANIFEST_ID = 1, ARENA_BYTES = 1 << 24, MAX_MANIFEST_BYTES = 1 << 20 };

struct made {
    struct shale_ledger_writer *writers[N_SEGMENTS];
    struct shale_segment segments[N_SEGMENTS];
    struct shale_arena arena;
};

static void set_tag(const struct shale_listed *listed, char tag[64])
{
    (void)snprintf(tag, 64, "%" PRId64 "-%" PRId64, listed->n_bytes, listed->mtime_ns);
}

/* The row of a file in the segment that chance gives it. */
static enum shale_status add(struct made *made, const struct shale_listed *listed, uint64_t i,
                             struct shale_err *err)
{
    uint64_t chance = i * 0x9e3779b97f4a7c15u >> 32, other = i * 0xc2b2ae3d27d4eb4fu;
    struct shale_ledger_row row = {.source = SHALE_STR("source"), .key = listed->key};
    char tag[64], hash[SHALE_HASH_BYTES + 1];
    size_t segment = 0;
    for (; segment + 1 < N_SEGMENTS && chance % 10 == 0; segment++)
        chance /= 10;
    set_tag(listed, tag);
    (void)snprintf(hash, sizeof hash, "%016" PRIx64 "%016" PRIx64, other, other * other);
    row.tag = shale_str_of(tag);
    row.hash = shale_str_of(hash);
    row.definition = SHALE_STR("0123456789abcdef0123456789abcdef");
    row.n_bytes = listed->n_bytes;
    row.read = row.written = 1;
    return shale_ledger_writer_add(made->writers[segment], &row, err);
}

static enum shale_status write_manifest(struct shale_store *store, struct made *made,
                                        struct shale_err *err)
{
    struct shale_manifest manifest = {
        .id = MANIFEST_ID, .parent = -1, .ledger = made->segments, .n_ledger = N_SEGMENTS};
    char name[SHALE_MANIFEST_NAME_BYTES];
    struct shale_buf text;
    enum shale_status status;
    shale_buf_init(&text, &shale_mem_libc, MAX_MANIFEST_BYTES);
    shale_manifest_name(MANIFEST_ID, name);
    status = shale_manifest_json(&manifest, &text);
    if (status == SHALE_OK)
        status = shale_store_put(store, name, shale_buf_str(&text), err);
    shale_buf_fini(&text);
    return status;
}

static enum shale_status make_ledger(struct shale_store *store, const char *root, struct made *made,
                                     struct shale_err *err)
{
    struct shale_list *list = NULL;
    struct shale_listed listed;
    bool end = false;
    enum shale_status status = shale_list_new(&shale_mem_libc, root, &list, err);
    for (int i = 0; status == SHALE_OK && i < N_SEGMENTS; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "_shale/ledger/%d.parquet", i);
        status = shale_ledger_writer_new(store, path, &made->writers[i], err);
    }
    for (uint64_t i = 1; status == SHALE_OK; i++) {
        status = shale_list_next(list, &listed, &end, err);
        if (status != SHALE_OK || end)
            break;
        status = add(made, &listed, i, err);
    }
    shale_list_free(list);
    for (int i = 0; status == SHALE_OK && i < N_SEGMENTS; i++)
        status =
            shale_ledger_writer_finish(made->writers[i], &made->arena, &made->segments[i], err);
    return status == SHALE_OK ? write_manifest(store, made, err) : status;
}

static uint64_t next_random(void *ctx)
{
    return ++*(uint64_t *)ctx;
}

static int ledger(struct shale_store *store, const char *root)
{
    struct made made = {0};
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    shale_arena_init(&made.arena, &shale_mem_libc, ARENA_BYTES);
    status = make_ledger(store, root, &made, &err);
    for (int i = 0; i < N_SEGMENTS; i++)
        shale_ledger_writer_free(made.writers[i]);
    shale_arena_fini(&made.arena);
    if (status != SHALE_OK)
        (void)fprintf(stderr, "%s\n", err.message);
    return status == SHALE_OK ? 0 : 1;
}

/* ---- Listing and planning ---------------------------------------------------------------------
 */

static enum shale_status walk(const char *root, struct shale_decider *decider, int64_t *n,
                              int64_t *n_new, struct shale_err *err)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    enum shale_status status = shale_list_new(&shale_mem_libc, root, &list, err);
    while (status == SHALE_OK) {
        struct shale_decision decision;
        char tag[64];
        status = shale_list_next(list, &listed, &end, err);
        if (status != SHALE_OK || end)
            break;
        ++*n;
        if (decider == NULL)
            continue;
        set_tag(&listed, tag);
        status = shale_decider_ask(decider, listed.key, shale_str_of(tag), &decision, err);
        *n_new += status == SHALE_OK && decision.verdict != SHALE_VERDICT_KNOWN;
    }
    shale_list_free(list);
    return status;
}

/* With 'store', against its ledger. */
static int list(const char *root, struct shale_store *store)
{
    struct shale_decider *decider = NULL;
    struct shale_manifest manifest;
    struct shale_arena arena;
    struct shale_err err;
    struct rusage usage;
    int64_t n = 0, n_new = 0;
    double begin = seconds();
    enum shale_status status = SHALE_OK;
    shale_err_clear(&err);
    shale_arena_init(&arena, &shale_mem_libc, ARENA_BYTES);
    if (store != NULL)
        status = shale_manifest_read(store, &arena, MANIFEST_ID, &manifest, &err);
    if (store != NULL && status == SHALE_OK)
        status =
            shale_decider_new(store, &manifest, SHALE_STR("source"), SHALE_STR(""), &decider, &err);
    if (status == SHALE_OK)
        status = walk(root, decider, &n, &n_new, &err);
    shale_decider_free(decider);
    shale_arena_fini(&arena);
    (void)getrusage(RUSAGE_SELF, &usage);
    if (status != SHALE_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    (void)printf("%" PRId64 " files, %" PRId64 " new, in %.3f s, %ld KiB\n", n, n_new,
                 seconds() - begin, usage.ru_maxrss);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t random = 0;
    const struct shale_env env = {
        .mem = &shale_mem_libc, .random_u64 = next_random, .ctx = &random};
    struct shale_store *store = NULL;
    int code = 2;
    if (argc == 5 && strcmp(argv[1], "make") == 0 && strtol(argv[4], NULL, 10) > 0)
        return make(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
    if (argc == 4 && shale_store_local(&env, argv[3], &store, NULL) != SHALE_OK)
        return 1;
    if (argc == 3 && strcmp(argv[1], "list") == 0)
        code = list(argv[2], NULL);
    else if (argc == 4 && strcmp(argv[1], "ledger") == 0)
        code = ledger(store, argv[2]);
    else if (argc == 4 && strcmp(argv[1], "plan") == 0)
        code = list(argv[2], store);
    else
        (void)fprintf(stderr, "usage: plan_speed make DIR FILES PER_FOLDER | list DIR | "
                              "ledger DIR TABLE | plan DIR TABLE\n");
    shale_store_free(store);
    return code;
}
