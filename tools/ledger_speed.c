/* SPDX-License-Identifier: MIT */
/* The ledger alone: how fast it is read and asked, and with how much memory.
 *
 *     ledger_speed write DIRECTORY ROWS SEGMENTS   make a ledger of local objects in folders of
 *                                                  10,000, and its manifest 1
 *     ledger_speed read DIRECTORY                  every row, the columns that planning needs
 *     ledger_speed decide DIRECTORY                a plan of a listing of all its objects
 *     ledger_speed find DIRECTORY                  1,000 keys here and there
 *     ledger_speed merge DIRECTORY                 all segments into one
 *
 * prints seconds, nanoseconds a row (a key) and the peak of resident memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "dataset/ledger.h"

enum { FOLDER = 10000, MOST_SEGMENTS = 64, N_FINDS = 1000 };
static const char source[] = "/srv/events/visits";

static void need(enum shale_status status, const struct shale_err *err)
{
    char text[2000];
    if (status == SHALE_OK)
        return;
    fprintf(stderr, "%s: %s\n", shale_status_name(status), shale_err_text(err, text, sizeof text));
    exit(1);
}

static int64_t now_us(void *ctx)
{
    struct timespec time;
    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static uint64_t chance(void *ctx)
{
    uint64_t *state = ctx;
    return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

static void report(const char *what, int64_t begin_us, int64_t n)
{
    double seconds = (double)(now_us(NULL) - begin_us) * 1e-6;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%s: %lld in %.3f s, %.0f ns each, %ld KiB resident at most\n", what, (long long)n,
           seconds, seconds * 1e9 / (double)(n > 0 ? n : 1), usage.ru_maxrss);
}

/* ---- Making one -------------------------------------------------------------------------------
 */

struct texts {
    char key[64], tag[48], hash[SHALE_HASH_BYTES + 1];
};

static void make_key(int64_t i, struct texts *texts)
{
    (void)snprintf(texts->key, sizeof texts->key, "2024/%05lld/visits-%07lld.ndjson.gz",
                   (long long)(i / FOLDER), (long long)i);
    (void)snprintf(texts->tag, sizeof texts->tag, "%lld-17%017llu",
                   900 + (long long)(i * 7919 % 4001),
                   (unsigned long long)(i * 2654435761u) % 100000000000000000u);
}

static void make_row(int64_t i, uint64_t *random, struct texts *texts, struct shale_ledger_row *row)
{
    make_key(i, texts);
    (void)snprintf(texts->hash, sizeof texts->hash, "%016llx%016llx",
                   (unsigned long long)chance(random), (unsigned long long)chance(random));
    *row = (struct shale_ledger_row){.source = shale_str_of(source),
                                     .key = shale_str_of(texts->key),
                                     .tag = shale_str_of(texts->tag),
                                     .n_bytes = 900 + i * 7919 % 4001,
                                     .hash = shale_str_of(texts->hash),
                                     .read = i % 17,
                                     .written = i % 17,
                                     .definition = SHALE_STR("0123456789abcdef0123456789abcdef")};
}

/* Segment s has half of what those before it have left; the last has the rest: as merging leaves
 * them, with rows everywhere. */
static size_t segment_of(int64_t i, size_t n_segments)
{
    uint64_t mixed = (uint64_t)i * 0x9e3779b97f4a7c15u >> 20;
    size_t s = mixed == 0 ? 0 : (size_t)__builtin_ctzll(mixed);
    return s < n_segments ? s : n_segments - 1;
}

static void write_all(struct shale_store *store, int64_t n_rows, size_t n_segments)
{
    struct shale_segment segments[MOST_SEGMENTS];
    struct shale_manifest manifest = {.id = 1, .parent = -1, .ledger = segments};
    struct shale_arena arena;
    struct shale_buf text;
    struct shale_err err;
    char name[SHALE_MANIFEST_NAME_BYTES];
    shale_err_clear(&err);
    shale_arena_init(&arena, store->env->mem, 64 << 20);
    for (size_t s = 0; s < n_segments; s++) {
        struct shale_ledger_writer *writer;
        char path[64];
        uint64_t random = s;
        (void)snprintf(path, sizeof path, "_shale/ledger/%zu.parquet", s);
        need(shale_ledger_writer_new(store, path, &writer, &err), &err);
        for (int64_t i = 0; i < n_rows; i++) {
            struct texts texts = {.key = ""};
            struct shale_ledger_row row;
            if (segment_of(i, n_segments) != s)
                continue;
            make_row(i, &random, &texts, &row);
            need(shale_ledger_writer_add(writer, &row, &err), &err);
        }
        need(shale_ledger_writer_finish(writer, &arena, &segments[s], &err), &err);
        shale_ledger_writer_free(writer);
        printf("%s: %lld rows, %lld bytes\n", path, (long long)segments[s].n_rows,
               (long long)segments[s].n_bytes);
    }
    manifest.n_ledger = n_segments;
    shale_buf_init(&text, store->env->mem, 1 << 20);
    need(shale_manifest_json(&manifest, &text), &err);
    shale_manifest_name(1, name);
    need(shale_store_put(store, name, shale_buf_str(&text), &err), &err);
    shale_buf_fini(&text);
    shale_arena_fini(&arena);
}

/* ---- Using it ---------------------------------------------------------------------------------
 */

static int64_t n_rows_of(const struct shale_manifest *manifest)
{
    int64_t n = 0;
    for (size_t i = 0; i < manifest->n_ledger; i++)
        n += manifest->ledger[i].n_rows;
    return n;
}

static int64_t read_all(struct shale_store *store, const struct shale_manifest *manifest)
{
    const struct shale_ledger_cursor_options options = {
        .segments = manifest->ledger, .n_segments = manifest->n_ledger, .identity_only = true};
    struct shale_ledger_cursor *cursor;
    const struct shale_ledger_row *row;
    struct shale_err err;
    int64_t n = 0;
    shale_err_clear(&err);
    need(shale_ledger_cursor_new(store, &options, &cursor, &err), &err);
    for (;; n++) {
        need(shale_ledger_cursor_next(cursor, &row, &err), &err);
        if (row == NULL)
            break;
    }
    shale_ledger_cursor_free(cursor);
    return n;
}

static int64_t decide_all(struct shale_store *store, const struct shale_manifest *manifest)
{
    struct shale_decider *decider;
    struct shale_decision decision;
    struct shale_err err;
    int64_t n = n_rows_of(manifest);
    shale_err_clear(&err);
    need(shale_decider_new(store, manifest, shale_str_of(source), SHALE_STR(""), &decider, &err),
         &err);
    for (int64_t i = 0; i < n; i++) {
        struct texts texts = {.key = ""};
        make_key(i, &texts);
        need(shale_decider_ask(decider, shale_str_of(texts.key), shale_str_of(texts.tag), &decision,
                               &err),
             &err);
        if (decision.verdict != SHALE_VERDICT_KNOWN)
            exit(1);
    }
    shale_decider_free(decider);
    return n;
}

static int64_t find_some(struct shale_store *store, const struct shale_manifest *manifest)
{
    struct shale_ledger_lookup *lookup;
    struct shale_err err;
    int64_t n_rows = n_rows_of(manifest);
    uint64_t random = 7;
    shale_err_clear(&err);
    need(shale_ledger_lookup_new(store, manifest->ledger, manifest->n_ledger, &lookup, &err), &err);
    for (int i = 0; i < N_FINDS && n_rows > 0; i++) {
        const struct shale_ledger_row *rows;
        size_t n;
        struct texts texts = {.key = ""};
        make_key((int64_t)(chance(&random) >> 1) % n_rows, &texts);
        need(shale_ledger_lookup_find(lookup, shale_str_of(source), shale_str_of(texts.key), &rows,
                                      &n, &err),
             &err);
        if (n != 1)
            exit(1);
    }
    shale_ledger_lookup_free(lookup);
    return N_FINDS;
}

static int64_t merge_all(struct shale_store *store, const struct shale_manifest *manifest,
                         struct shale_arena *arena)
{
    struct shale_segment segment;
    struct shale_err err;
    shale_err_clear(&err);
    need(shale_ledger_merge(store, manifest->ledger, manifest->n_ledger,
                            "_shale/ledger/merged.parquet", manifest->ledger[0].path, arena,
                            &segment, &err),
         &err);
    return segment.n_rows;
}

int main(int argc, char **argv)
{
    uint64_t state = 1;
    const struct shale_env env = {.mem = &shale_mem_libc,
                                  .monotonic_us = now_us,
                                  .wall_us = now_us,
                                  .random_u64 = chance,
                                  .ctx = &state};
    struct shale_store *store;
    struct shale_manifest manifest = {.id = 0};
    struct shale_arena arena;
    struct shale_err err;
    int64_t begin_us, n = 0;
    shale_err_clear(&err);
    if (argc != 3 && !(argc == 5 && strcmp(argv[1], "write") == 0)) {
        fprintf(stderr, "usage: ledger_speed write DIRECTORY ROWS SEGMENTS | read | decide | find "
                        "| merge DIRECTORY\n");
        return 2;
    }
    need(shale_store_local(&env, argv[2], &store, &err), &err);
    shale_arena_init(&arena, env.mem, 64 << 20);
    if (argc == 3)
        need(shale_manifest_read(store, &arena, 1, &manifest, &err), &err);
    begin_us = now_us(NULL);
    if (argc == 5)
        write_all(store, n = strtoll(argv[3], NULL, 10), (size_t)strtoll(argv[4], NULL, 10) % 65);
    else if (strcmp(argv[1], "read") == 0)
        n = read_all(store, &manifest);
    else if (strcmp(argv[1], "decide") == 0)
        n = decide_all(store, &manifest);
    else if (strcmp(argv[1], "find") == 0)
        n = find_some(store, &manifest);
    else if (strcmp(argv[1], "merge") == 0)
        n = merge_all(store, &manifest, &arena);
    report(argv[1], begin_us, n);
    shale_arena_fini(&arena);
    shale_store_free(store);
    return 0;
}
