/* SPDX-License-Identifier: MIT */
/* For tests of the table log: a table in memory, its entries written as text. */
#ifndef SHALE_TESTS_LOG_MADE_H
#define SHALE_TESTS_LOG_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataset/log_actions.h"
#include "scratch.h"
#include "store/objects_memory.h"

#define LOG_SCHEMA                                                                                 \
    "{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":["                                                \
    "{\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,"                     \
    "\\\"metadata\\\":{}},"                                                                        \
    "{\\\"name\\\":\\\"p\\\",\\\"type\\\":\\\"string\\\",\\\"nullable\\\":true,"                   \
    "\\\"metadata\\\":{}}]}"
#define LOG_PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define LOG_METADATA_WITH(configuration)                                                           \
    "{\"metaData\":{\"id\":\"t-1\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"          \
    "\"schemaString\":\"" LOG_SCHEMA                                                               \
    "\",\"partitionColumns\":[\"p\"],\"configuration\":{" configuration                            \
    "},\"createdTime\":1700000000000}}\n"
#define LOG_METADATA LOG_METADATA_WITH("")
#define LOG_ADD(path, rows)                                                                        \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"p\":\"x\"},\"size\":7,"                \
    "\"modificationTime\":5,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":" rows "}\"}}\n"
#define LOG_REMOVE(path, deleted)                                                                  \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":" deleted ",\"dataChange\":true}}\n"
#define LOG_TXN(app, version)                                                                      \
    "{\"txn\":{\"appId\":\"" app "\",\"version\":" version ",\"lastUpdated\":11}}\n"

/* 2026-01-01 */
#define LOG_NOW_US INT64_C(1767225600000000)

struct log_made {
    struct shale_env env, limited; /* 'limited': with a memory of the test's */
    struct shale_store *store;
    struct shale_err err;
    uint64_t random;
};

static inline int64_t log_now(void *ctx)
{
    (void)ctx;
    return LOG_NOW_US;
}

static inline void log_made_init(struct log_made *made)
{
    memset(made, 0, sizeof *made);
    shale_err_clear(&made->err);
    made->env = (struct shale_env){.mem = &shale_mem_libc,
                                   .wall_us = log_now,
                                   .monotonic_us = log_now,
                                   .random_u64 = scratch_random,
                                   .ctx = &made->random};
    assert_int_equal(shale_store_memory(&made->env, &made->store, NULL), SHALE_OK);
}

static inline void log_made_fini(struct log_made *made)
{
    shale_store_free(made->store);
}

static inline void log_put(struct log_made *made, const char *key, struct shale_str text)
{
    assert_int_equal(shale_store_put(made->store, key, text, NULL), SHALE_OK);
}

static inline void log_put_entry(struct log_made *made, int64_t version, const char *text)
{
    char key[SHALE_LOG_NAME_BYTES];
    shale_log_entry_name(version, key);
    log_put(made, key, shale_str_of(text));
}

static inline void log_remove_entry(struct log_made *made, int64_t version)
{
    char key[SHALE_LOG_NAME_BYTES];
    shale_log_entry_name(version, key);
    assert_int_equal(shale_store_remove(made->store, key, NULL), SHALE_OK);
}

/* The same objects by a handle whose memory is 'mem'; NULL when that is used up. */
static inline struct shale_store *log_share(struct log_made *made, const struct shale_mem *mem)
{
    struct shale_store *store = NULL;
    made->limited = made->env;
    made->limited.mem = mem;
    return shale_store_memory_share(made->store, &made->limited, NULL, &store, NULL) == SHALE_OK
               ? store
               : NULL;
}

/* The state, which must be readable. */
static inline struct shale_log_state *log_state(struct log_made *made,
                                                const struct shale_log_state *after)
{
    struct shale_log_state *state = NULL;
    shale_err_clear(&made->err);
    if (shale_log_read(made->store, after, &state, &made->err) != SHALE_OK)
        fail_msg("%s: %s", made->err.object, made->err.message);
    return state;
}

static inline void log_state_free(struct shale_log_state *state)
{
    shale_log_state_free(&shale_mem_libc, state);
}

/* The error with which reading the table is refused. */
static inline enum shale_error log_refusal(struct log_made *made)
{
    struct shale_log_state *state = NULL;
    shale_err_clear(&made->err);
    assert_int_not_equal(shale_log_read(made->store, NULL, &state, &made->err), SHALE_OK);
    assert_null(state);
    return made->err.code;
}

/* "path rows" of all files, sorted, joined by a space; good until the next call. */
static inline int log_by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline const char *log_files(struct log_made *made, const struct shale_log_state *state)
{
    static char all[64][128], joined[64 * 128];
    const struct shale_log_add *add;
    struct shale_log_files *files;
    size_t n = 0;
    assert_int_equal(shale_log_files_new(made->store, state, &files, &made->err), SHALE_OK);
    for (;;) {
        assert_int_equal(shale_log_files_next(files, &add, &made->err), SHALE_OK);
        if (add == NULL)
            break;
        assert_true(n < 64);
        (void)snprintf(all[n++], 128, "%.*s:%d", SHALE_STR_ARG(add->path), (int)add->n_rows);
    }
    shale_log_files_free(files);
    qsort(all, n, 128, log_by_text);
    joined[0] = '\0';
    for (size_t i = 0; i < n; i++)
        (void)snprintf(joined + strlen(joined), 256, "%s%s", i > 0 ? " " : "", all[i]);
    return joined;
}

#endif
