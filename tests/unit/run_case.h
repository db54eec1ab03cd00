/* SPDX-License-Identifier: MIT */
/* Small runs through the C API: a directory with "in", runs to "out", and what came of them. */
#ifndef SHALE_TESTS_RUN_CASE_H
#define SHALE_TESTS_RUN_CASE_H

#include <dirent.h>
#include <malloc.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/hash.h"
#include "codec/codec.h"
#include "dataset/sweep.h"
#include "run/run.h"
#include "schema/definition.h"
#include "scratch.h"
#include "store/objects.h"
#include "store/store.h"

struct run_case {
    char root[64];
    char in[80], out[80];
    const char *definition;
    int64_t row_group_bytes, max_waiting_bytes; /* 0: the definition's */
    int64_t commit_every_objects;               /* likewise */
    int64_t settle_us;
    bool dry_run;
    bool rebuild; /* of all days */
    bool adopt;
    const char *consumed_before;
    unsigned n_threads;
    int64_t memory_bytes;
    bool replace;
    enum shale_output_layout layout;
    const struct shale_replay_options *replay;
    const struct shale_observer *observer;
    const struct shale_mem *mem; /* NULL: the C library's */
    struct shale_log *log;
    /* What 'cancelled' does at its n-th call: */
    atomic_long n_looks;
    long cancel_at; /* from here on: cancelled (0: never) */
    long act_at;    /* once: act() (0: never) */
    void (*act)(struct run_case *c);
    atomic_ullong random;
    atomic_llong clock_us;
    /* Results: */
    struct shale_summary summary;
    struct shale_err err;
};

static inline int64_t run_case_clock(void *ctx)
{
    return atomic_fetch_add(&((struct run_case *)ctx)->clock_us, 1000000);
}

static inline uint64_t run_case_random(void *ctx)
{
    return atomic_fetch_add(&((struct run_case *)ctx)->random, 1) * 0x9E3779B97F4A7C15u;
}

static inline const char *run_case_getenv(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static inline bool run_case_cancelled(void *ctx)
{
    struct run_case *c = ctx;
    long look = atomic_fetch_add(&c->n_looks, 1) + 1;
    if (c->act != NULL && look == c->act_at)
        c->act(c);
    return c->cancel_at > 0 && look >= c->cancel_at;
}

static inline void run_case_init(struct run_case *c, const char *definition)
{
    memset(c, 0, sizeof *c);
    scratch_make(c->root);
    (void)snprintf(c->in, sizeof c->in, "%s/in", c->root);
    (void)snprintf(c->out, sizeof c->out, "%s/out", c->root);
    if (mkdir(c->in, 0777) != 0)
        abort();
    c->definition = definition;
    c->n_threads = 1;
    c->memory_bytes = (int64_t)256 << 20;
    c->layout = SHALE_OUTPUT_TABLE;
}

/* Everything but the inputs. */
static inline void run_case_drop_output(struct run_case *c)
{
    DIR *dir = opendir(c->root);
    const struct dirent *entry;
    if (dir == NULL)
        abort();
    while ((entry = readdir(dir)) != NULL) {
        const char *path = scratch_path(c->root, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, "in") == 0)
            continue;
        if (unlink(path) != 0 && shale_dir_remove(path, NULL) != SHALE_OK)
            abort();
    }
    (void)closedir(dir);
}

static inline void run_case_fini(struct run_case *c)
{
    if (shale_dir_remove(c->root, NULL) != SHALE_OK)
        abort();
}

/* 'n' lines over the partitions x, y, z; the text is hard to compress; 'size' bytes each. */
static inline char *run_case_lines(size_t n, size_t size, uint64_t seed, size_t *n_bytes)
{
    char *text = malloc(n * (size + 80) + 1);
    size_t at = 0;
    if (text == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        at += (size_t)sprintf(text + at, "{\"id\":%zu,\"p\":\"%c\",\"text\":\"", i,
                              'x' + (int)(i % 3));
        for (size_t k = 0; k < size; k++)
            text[at++] = (char)('a' + (scratch_random(&seed) >> 40) % 26);
        at += (size_t)sprintf(text + at, "\"}\n");
    }
    *n_bytes = at;
    return text;
}

static inline void run_case_file(struct run_case *c, const char *name, const char *text,
                                 size_t n_bytes)
{
    FILE *file = fopen(scratch_path(c->in, name), "wb");
    if (file == NULL || fwrite(text, 1, n_bytes, file) != n_bytes || fclose(file) != 0)
        abort();
}

/* Gzip; without its last 'n_cut' bytes. */
static inline void run_case_gzip(struct run_case *c, const char *name, const char *text,
                                 size_t n_bytes, size_t n_cut)
{
    struct shale_encoder *encoder;
    struct shale_buf packed;
    shale_buf_init(&packed, &shale_mem_libc, (size_t)1 << 30);
    if (shale_encoder_new(&shale_mem_libc, &encoder) != SHALE_OK ||
        shale_encoder_compress(encoder, SHALE_CODEC_GZIP, 1, text, n_bytes, &packed) != SHALE_OK)
        abort();
    run_case_file(c, name, packed.data, packed.n_bytes - n_cut);
    shale_buf_fini(&packed);
    shale_encoder_free(encoder);
}

static inline struct shale_env run_case_env(struct run_case *c)
{
    return (struct shale_env){.mem = c->mem != NULL ? c->mem : &shale_mem_libc,
                              .monotonic_us = run_case_clock,
                              .wall_us = run_case_clock,
                              .random_u64 = run_case_random,
                              .getenv = run_case_getenv,
                              .cancelled = run_case_cancelled,
                              .log = c->log,
                              .ctx = c};
}

static inline enum shale_status run_case_inputs(struct run_case *c, const char *const *inputs,
                                                size_t n_inputs, bool convert, const char *output)
{
    const struct shale_env env = run_case_env(c);
    struct shale_run_options options = {.env = &env,
                                        .inputs = inputs,
                                        .n_inputs = n_inputs,
                                        .convert = convert,
                                        .output = output,
                                        .layout = c->layout,
                                        .replace = c->replace,
                                        .replay = c->replay,
                                        .n_threads = c->n_threads,
                                        .memory_bytes = c->memory_bytes,
                                        .temporary = c->root,
                                        .settle_us = c->settle_us,
                                        .dry_run = c->dry_run,
                                        .rebuild = c->rebuild,
                                        .has_dates = c->rebuild,
                                        .first_day = INT32_MIN,
                                        .last_day = INT32_MAX,
                                        .adopt = c->adopt,
                                        .consumed_before = c->consumed_before,
                                        .observer = c->observer};
    struct shale_stream *stream = NULL;
    enum shale_status status = shale_definition_read(&shale_mem_libc, "test", c->definition,
                                                     strlen(c->definition), NULL, NULL, &stream);
    if (status != SHALE_OK)
        abort();
    if (c->row_group_bytes > 0)
        stream->row_group_bytes = c->row_group_bytes;
    if (c->commit_every_objects > 0)
        stream->commit_every_objects = c->commit_every_objects;
    if (c->max_waiting_bytes > 0)
        stream->max_waiting_bytes = c->max_waiting_bytes;
    options.stream = stream;
    atomic_store(&c->n_looks, 0);
    shale_err_clear(&c->err);
    status = shale_run(&options, &c->summary, &c->err);
    shale_stream_free(stream);
    return status;
}

/* A table by run, a file by convert: one that keeps no ledger. */
static inline enum shale_status run_case_run(struct run_case *c)
{
    const char *inputs[] = {c->in};
    bool is_table = c->layout == SHALE_OUTPUT_TABLE;
    char file[96];
    (void)snprintf(file, sizeof file, "%s.parquet", c->out);
    return run_case_inputs(c, inputs, 1, !is_table, is_table ? c->out : file);
}

/* Delete what the table does not need, at once. */
static inline enum shale_status run_case_sweep(struct run_case *c)
{
    struct run_case other = *c;
    struct shale_env env;
    const struct shale_sweep_options options = {.retention_us = 0};
    struct shale_swept swept;
    struct shale_store *store;
    enum shale_status status;
    other.mem = NULL;
    other.act = NULL;
    env = run_case_env(&other);
    status = shale_store_local(&env, c->out, &store, NULL);
    if (status == SHALE_OK) {
        status = shale_sweep(store, SHALE_STR(""), &options, &swept, NULL);
        shale_store_free(store);
    }
    return status;
}

/* Memory that lets something happen at its n-th allocation. */
struct run_case_acting {
    struct shale_mem mem;
    struct run_case *c;
    void (*act)(struct run_case *c);
    long n_calls, act_at;
};

static inline void *run_case_act(void *ctx, void *ptr, size_t n_bytes)
{
    struct run_case_acting *acting = ctx;
    if (n_bytes > 0 && ++acting->n_calls == acting->act_at)
        acting->act(acting->c);
    return shale_mem_libc.resize(NULL, ptr, n_bytes);
}

static inline void run_case_acting_init(struct run_case_acting *acting, struct run_case *c,
                                        void (*act)(struct run_case *c), long act_at)
{
    *acting = (struct run_case_acting){{run_case_act, acting}, c, act, 0, act_at};
    c->mem = &acting->mem;
}

/* Memory that is counted: what is out, the most of it, and a call that fails (0: none). */
struct run_case_counting {
    struct shale_mem mem;
    size_t n_bytes, most_bytes;
    long n_calls, fails_at;
};

static inline void *run_case_count(void *ctx, void *ptr, size_t n_bytes)
{
    struct run_case_counting *counting = ctx;
    size_t before = ptr == NULL ? 0 : malloc_usable_size(ptr);
    void *got;
    if (n_bytes > 0 && ++counting->n_calls == counting->fails_at)
        return NULL;
    got = shale_mem_libc.resize(NULL, ptr, n_bytes);
    if (n_bytes > 0 && got == NULL)
        return NULL;
    counting->n_bytes += (n_bytes > 0 ? malloc_usable_size(got) : 0) - before;
    if (counting->n_bytes > counting->most_bytes)
        counting->most_bytes = counting->n_bytes;
    return got;
}

static inline struct run_case_counting run_case_counting_at(struct run_case_counting *counting,
                                                            long fails_at)
{
    return (struct run_case_counting){{run_case_count, counting}, 0, 0, 0, fails_at};
}

/* Is there a log, with entry 'version' in it? */
static inline bool run_case_has_entry(const struct run_case *c, int version)
{
    char name[64];
    (void)snprintf(name, sizeof name, "_delta_log/%020d.json", version);
    return scratch_exists(c->out, name);
}

/* Files below the root but for the inputs, the log and manifests (which have times); '*hash' (may
 * be NULL) of their directories and contents,
 * '*n_temporary' (may be NULL) of names under construction. */
static inline int run_case_files(struct run_case *c, uint64_t *hash, int *n_temporary)
{
    struct shale_list *list;
    struct shale_listed listed;
    bool end = false;
    int n = 0;
    uint64_t sum = 0;
    if (n_temporary != NULL)
        *n_temporary = 0;
    if (shale_list_new(&shale_mem_libc, c->root, &list, NULL) != SHALE_OK)
        abort();
    while (shale_list_next(list, &listed, &end, NULL) == SHALE_OK && !end) {
        FILE *file;
        char *data;
        const char *slash;
        if (strncmp(listed.key.data, "in/", 3) == 0 ||
            strncmp(listed.key.data, "out/_delta_log/", 15) == 0 ||
            strncmp(listed.key.data, "out/_shale/manifest/", 20) == 0)
            continue;
        n++;
        if (n_temporary != NULL)
            *n_temporary += strstr(listed.key.data, ".tmp") != NULL;
        slash = strrchr(listed.key.data, '/');
        sum =
            shale_hash(listed.key.data, slash == NULL ? 0 : (size_t)(slash - listed.key.data), sum);
        data = malloc((size_t)listed.n_bytes + 1);
        file = fopen(scratch_path(c->root, listed.key.data), "rb");
        if (data == NULL || file == NULL ||
            fread(data, 1, (size_t)listed.n_bytes, file) != (size_t)listed.n_bytes)
            abort();
        (void)fclose(file);
        sum = shale_hash(data, (size_t)listed.n_bytes, sum);
        free(data);
    }
    shale_list_free(list);
    if (hash != NULL)
        *hash = sum;
    return n;
}

#endif
