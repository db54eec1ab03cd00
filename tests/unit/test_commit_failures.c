/* SPDX-License-Identifier: MIT */
/* dataset/commit: failures that pass, over many attempts, and the words of one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"

/* A store on which each attempt of a commit fails once, and loses then. */
struct rocky {
    struct table *table;
    int n_losses, n_wanted;
    bool failed; /* this attempt */
};

static void commit_another(struct table *table, int object)
{
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    assert_int_equal(work_make(&work, table->store, object, object + 1), SHALE_OK);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table->store, &base, &work.commit, &done, NULL), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

static enum shale_status be_rocky(void *ctx, enum shale_store_call call, const char *key,
                                  struct shale_str data, enum shale_store_fate *fate,
                                  struct shale_err *err)
{
    struct rocky *rocky = ctx;
    (void)data;
    (void)fate;
    if (call != SHALE_STORE_PUT_ABSENT || rocky->n_losses == rocky->n_wanted)
        return SHALE_OK;
    if (strstr(key, "_shale/manifest/") != NULL && !rocky->failed) {
        rocky->failed = true;
        (void)SHALE_ERR(err, object_unsure, key, "made up");
        return SHALE_AGAIN;
    }
    if (strstr(key, "_delta_log/") != NULL) {
        rocky->failed = false;
        commit_another(rocky->table, 100 + rocky->n_losses++);
    }
    return SHALE_OK;
}

/* Only failures in a row are counted: each lost race shows that the store answers. */
static void test_failures_between_losses(void **state)
{
    enum { LOSSES = 12 };
    struct table table;
    struct rocky rocky = {.table = &table, .n_wanted = LOSSES};
    const struct shale_store_hook hook = {be_rocky, &rocky};
    struct shale_base base;
    struct shale_committed done;
    struct work work;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(shale_store_memory_share(table.store, &table.env, &hook, &table.handle, NULL),
                     SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 0, 1), SHALE_OK);
    assert_int_equal(shale_base_read(table.store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(shale_commit(table.handle, &base, &work.commit, &done, NULL), SHALE_OK);
    assert_int_equal(done.n_lost, LOSSES);
    assert_int_equal(table_objects(&table), LOSSES + 1);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
    table_fini(&table);
}

/* The first attempt fails with words; the second runs out of memory, at each of its allocations,
 * and says that. */
static void test_words(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0, n_failed = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct trouble trouble = {
            .at = 1, .only = "_shale/manifest", .puts = true, .status = SHALE_AGAIN};
        const struct shale_store_hook hook = {trouble_before, &trouble};
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_base base;
        struct shale_committed done;
        struct shale_err err;
        struct work work;
        failing_mem_init(&failing, 0);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        assert_int_equal(work_make(&work, table.store, 0, 1), SHALE_OK);
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, &hook, &store, NULL),
                         SHALE_OK);
        assert_int_equal(shale_base_read(store, SHALE_STR("s"), &base, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = ++n;
        shale_err_clear(&err);
        status = shale_commit(store, &base, &work.commit, &done, &err);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        if (status == SHALE_NOMEM) {
            n_failed++;
            assert_int_equal(err.code, SHALE_E_no_memory);
        }
        if (status == SHALE_OK && failing.n_calls >= n)
            status = SHALE_NOMEM; /* looked at again, after a write */
        shale_base_fini(&base, &failing.mem);
        shale_store_free(store);
        work_fini(&work);
        table_fini(&table);
    }
    assert_true(n_failed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_between_losses),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
