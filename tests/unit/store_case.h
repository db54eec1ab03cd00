/* SPDX-License-Identifier: MIT */
/* For tests of stores: one of a directory or in memory, and what is done with it in a line. */
#ifndef SHALE_TESTS_STORE_CASE_H
#define SHALE_TESTS_STORE_CASE_H

#include "scratch.h"
#include "store/objects.h"
#include "store/store.h"

struct store_case {
    bool is_local;
    _Atomic uint64_t random_state;
    struct shale_env env;
    char root[64];  /* of a local one: "SCRATCH" */
    char table[80]; /* "SCRATCH/table", which is not there yet */
    struct shale_store *store;
    struct shale_err err;
};

/* For any thread, and another name for each file. */
static inline uint64_t case_random(void *ctx)
{
    return ++*(_Atomic uint64_t *)ctx;
}

static inline enum shale_status case_open(struct store_case *f, const struct shale_env *env)
{
    return f->is_local ? shale_store_local(env, f->table, &f->store, &f->err)
                       : shale_store_memory(env, &f->store, &f->err);
}

static inline struct store_case *case_new(bool is_local)
{
    struct store_case *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->is_local = is_local;
    f->env = (struct shale_env){
        .mem = &shale_mem_libc, .random_u64 = case_random, .ctx = &f->random_state};
    scratch_make(f->root);
    (void)snprintf(f->table, sizeof f->table, "%s/table", f->root);
    shale_err_clear(&f->err);
    assert_int_equal(case_open(f, &f->env), SHALE_OK);
    return f;
}

static inline int case_local(void **state)
{
    *state = case_new(true);
    return 0;
}

static inline int case_memory(void **state)
{
    *state = case_new(false);
    return 0;
}

static inline int case_end(void **state)
{
    struct store_case *f = *state;
    enum shale_status status;
    shale_store_free(f->store);
    status = shale_dir_remove(f->root, NULL);
    free(f);
    return status == SHALE_OK ? 0 : -1;
}

static inline enum shale_status case_put(struct store_case *f, const char *key, const char *text)
{
    return shale_store_put(f->store, key, shale_str_of(text), &f->err);
}

static inline enum shale_status case_put_absent(struct store_case *f, const char *key,
                                                const char *text)
{
    return shale_store_put_absent(f->store, key, shale_str_of(text), &f->err);
}

/* Write an object through create(). */
static inline enum shale_status case_build(struct store_case *f, const char *key, const char *text)
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

static inline void case_expect(struct store_case *f, const char *key, const char *text)
{
    struct shale_buf buf;
    shale_buf_init(&buf, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_store_read(f->store, key, &buf, &f->err), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&buf), text));
    shale_buf_fini(&buf);
}

static inline enum shale_status case_list(struct store_case *f, const char *prefix,
                                          const char *after, char *out, size_t n_out)
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

static inline void case_expect_list(struct store_case *f, const char *prefix, const char *after,
                                    const char *expected)
{
    char text[4096];
    assert_int_equal(case_list(f, prefix, after, text, sizeof text), SHALE_OK);
    assert_string_equal(text, expected);
}

#endif
