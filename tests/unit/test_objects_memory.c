/* SPDX-License-Identifier: MIT */
/* store/objects_memory: hooks, lost answers, late writes and pages (what it has in common with the
 * other stores is in test_objects). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_case.h"
#include "store/objects_memory.h"

struct script {
    enum shale_store_call call; /* on which to act */
    enum shale_status status;
    enum shale_store_fate fate;
    char seen[400]; /* a digit a call, and the key */
};

static enum shale_status act(void *ctx, enum shale_store_call call, const char *key,
                             struct shale_str data, enum shale_store_fate *fate,
                             struct shale_err *err)
{
    struct script *script = ctx;
    size_t n = strlen(script->seen);
    (void)err;
    (void)snprintf(script->seen + n, sizeof script->seen - n, "%d %s%s%.*s ", (int)call, key,
                   data.n_bytes > 0 ? "=" : "", SHALE_STR_ARG(data));
    if (call != script->call)
        return SHALE_OK;
    *fate = script->fate;
    return script->status;
}

static struct shale_store *hooked(struct store_case *f, struct script *script)
{
    const struct shale_store_hook hook = {act, script};
    struct shale_store *store;
    assert_int_equal(shale_store_memory_share(f->store, &f->env, &hook, &store, &f->err), SHALE_OK);
    return store;
}

static void test_a_hook_sees_and_fails_each_call(void **state)
{
    struct store_case *f = *state;
    enum shale_store_call call;
    for (call = SHALE_STORE_LIST; call <= SHALE_STORE_SETTLE; call++) {
        struct script script = {.call = call, .status = SHALE_AGAIN};
        struct shale_store *harness = f->store;
        char text[100];
        int n_failed = 0;
        assert_int_equal(case_put(f, "old", "1"), SHALE_OK);
        f->store = hooked(f, &script);
        n_failed += case_put(f, "p", "2") == SHALE_AGAIN;
        n_failed += case_put_absent(f, "a", "3") == SHALE_AGAIN;
        n_failed += case_build(f, "b", "4") == SHALE_AGAIN;
        n_failed += shale_store_settle(f->store, NULL) == SHALE_AGAIN;
        n_failed += case_list(f, "", "", text, sizeof text) == SHALE_AGAIN;
        {
            struct shale_buf buf;
            shale_buf_init(&buf, &shale_mem_libc, 100);
            n_failed += shale_store_read(f->store, "old", &buf, NULL) == SHALE_AGAIN;
            shale_buf_fini(&buf);
        }
        n_failed += shale_store_remove(f->store, "old", NULL) == SHALE_AGAIN;
        shale_store_free(f->store);
        f->store = harness;
        assert_int_equal(n_failed, 1);
        if (call == SHALE_STORE_PUT)
            case_expect_list(f, "", "", "a:1 b:1 ");
        if (call == SHALE_STORE_PUT_ABSENT)
            case_expect_list(f, "", "", "b:1 p:1 ");
        if (call == SHALE_STORE_CREATE || call == SHALE_STORE_WRITE || call == SHALE_STORE_FINISH)
            case_expect_list(f, "", "", "a:1 p:1 ");
        if (call == SHALE_STORE_REMOVE)
            case_expect_list(f, "", "", "a:1 b:1 old:1 p:1 ");
        if (call == SHALE_STORE_SETTLE)
            assert_string_equal(script.seen, "6 p=2 7 a=3 3 b 4 b 5 b=4 9  0  1 old 2 old 8 old ");
        for (const char *key = "abp"; *key != '\0'; key++) {
            const char name[2] = {*key, '\0'};
            assert_int_equal(shale_store_remove(f->store, name, NULL), SHALE_OK);
        }
    }
}

static void test_an_answer_that_is_lost(void **state)
{
    struct store_case *f = *state;
    struct shale_store *harness = f->store;
    struct script script = {.call = SHALE_STORE_PUT_ABSENT, .fate = SHALE_STORE_LOST};
    f->store = hooked(f, &script);
    assert_int_equal(case_put_absent(f, "a", "1"), SHALE_UNSURE);
    assert_int_equal(case_put_absent(f, "a", "2"), SHALE_UNSURE);
    case_expect(f, "a", "1");
    script.call = SHALE_STORE_REMOVE;
    assert_int_equal(shale_store_remove(f->store, "a", NULL), SHALE_UNSURE);
    case_expect_list(f, "", "", "");
    shale_store_free(f->store);
    f->store = harness;
}

/* The client found no answer and asked again: it says what the second time came to. */
static void test_a_write_made_twice(void **state)
{
    struct store_case *f = *state;
    struct shale_store *harness = f->store;
    struct script script = {.call = SHALE_STORE_PUT_ABSENT, .fate = SHALE_STORE_TWICE};
    struct shale_store_file *file;
    struct shale_store_put *put;
    f->store = hooked(f, &script);
    assert_int_equal(case_put_absent(f, "a", "1"), SHALE_CONFLICT);
    case_expect(f, "a", "1");
    script.call = SHALE_STORE_REPLACE;
    assert_int_equal(shale_store_open(f->store, "a", &file, NULL), SHALE_OK);
    assert_int_equal(shale_store_create(f->store, "a", &put, NULL), SHALE_OK);
    assert_int_equal(shale_sink_write(&put->sink, "2", 1, NULL), SHALE_OK);
    assert_int_equal(put->replace(put, file, NULL), SHALE_CONFLICT);
    shale_store_close(file);
    case_expect(f, "a", "2");
    shale_store_free(f->store);
    f->store = harness;
}

static void test_a_late_write(void **state)
{
    struct store_case *f = *state;
    struct shale_store *harness = f->store;
    struct script script = {.call = SHALE_STORE_PUT_ABSENT, .fate = SHALE_STORE_LATE};
    f->store = hooked(f, &script);
    assert_int_equal(case_put_absent(f, "a", "1"), SHALE_UNSURE);
    assert_int_equal(case_put_absent(f, "b", "2"), SHALE_UNSURE);
    assert_int_equal(case_put_absent(f, "a", "3"), SHALE_UNSURE);
    script.call = SHALE_STORE_PUT;
    assert_int_equal(case_put(f, "c", "4"), SHALE_UNSURE);
    case_expect_list(f, "", "", "");
    shale_store_free(f->store); /* its writer is gone */
    f->store = harness;
    assert_int_equal(shale_store_memory_n_late(harness), 4);
    assert_string_equal(shale_store_memory_late_key(harness, 1), "b");
    assert_int_equal(shale_store_memory_deliver(harness, 1, false), SHALE_OK);
    assert_int_equal(shale_store_memory_deliver(harness, 1, true), SHALE_OK);
    assert_int_equal(shale_store_memory_deliver(harness, 0, true), SHALE_CONFLICT);
    case_expect_list(f, "", "", "a:1 ");
    case_expect(f, "a", "3");
    assert_int_equal(shale_store_memory_n_late(harness), 1); /* goes with the store */
}

/* A list is no snapshot: what comes behind its page is seen, what comes before is not. */
static void test_pages(void **state)
{
    struct store_case *f = *state;
    struct shale_store_list *all;
    struct shale_store_entry entry;
    char keys[100] = "";
    bool end;
    shale_store_memory_set_page(f->store, 2);
    for (const char *key = "bdfh"; *key != '\0'; key++) {
        const char name[2] = {*key, '\0'};
        assert_int_equal(case_put(f, name, ""), SHALE_OK);
    }
    assert_int_equal(shale_store_list(f->store, "", "", &all, NULL), SHALE_OK);
    for (int i = 0;; i++) {
        assert_int_equal(shale_store_list_next(f->store, all, &entry, &end, NULL), SHALE_OK);
        if (end)
            break;
        (void)snprintf(keys + strlen(keys), 8, "%s ", entry.key.data);
        if (i == 0) {
            assert_int_equal(case_put(f, "a", ""), SHALE_OK);
            assert_int_equal(case_put(f, "c", ""), SHALE_OK);
            assert_int_equal(case_put(f, "e", ""), SHALE_OK);
            assert_int_equal(shale_store_remove(f->store, "d", NULL), SHALE_OK);
            assert_int_equal(shale_store_remove(f->store, "h", NULL), SHALE_OK);
        }
    }
    shale_store_list_free(f->store, all);
    assert_string_equal(keys, "b d e f ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_hook_sees_and_fails_each_call, case_memory,
                                        case_end),
        cmocka_unit_test_setup_teardown(test_an_answer_that_is_lost, case_memory, case_end),
        cmocka_unit_test_setup_teardown(test_a_write_made_twice, case_memory, case_end),
        cmocka_unit_test_setup_teardown(test_a_late_write, case_memory, case_end),
        cmocka_unit_test_setup_teardown(test_pages, case_memory, case_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
