/* SPDX-License-Identifier: MIT */
/* dataset/decide: a listing against the ledger, as a merge and key by key, against an array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger_made.h"

enum { N_KEYS = 80, N_TAGS = 4, MOST = N_KEYS * N_TAGS };

/* known[key][tag]: '-', 'd'one or 'r'ejected. */
struct model {
    char known[N_KEYS][N_TAGS];
    struct made_row rows[MOST];
    size_t n_rows;
    struct shale_segment segments[4];
    struct shale_manifest manifest;
};

static void make_model(struct made *made, struct model *model)
{
    struct made_row *part = calloc(MOST, sizeof *part);
    assert_non_null(part);
    model->n_rows = 0;
    for (int key = 0; key < N_KEYS; key++)
        for (int tag = 0; tag < N_TAGS; tag++) {
            char *known = &model->known[key][tag];
            *known = "----dr"[made_draw(made, 6)];
            if (*known != '-')
                made_row_set(&model->rows[model->n_rows++], 1, key, tag, *known == 'd');
        }
    for (int s = 0; s < 4; s++) {
        char path[] = {'s', (char)('0' + s), 0};
        size_t n = 0;
        for (size_t i = 0; i < model->n_rows; i++)
            if (i * 2654435761u >> 7 & 1 ? s == 0 : i % 3 + 1 == (size_t)s)
                part[n++].row = model->rows[i].row;
        if (s == 3) /* and another source, with the same keys */
            made_row_set(&part[n++], 2, 5, 0, true);
        assert_int_equal(made_segment(made, path, part, n, 0, 1, &model->segments[s]), SHALE_OK);
    }
    model->manifest = (struct shale_manifest){.ledger = model->segments, .n_ledger = 4};
    free(part);
}

static enum shale_verdict verdict_of(const struct model *model, int key, int tag, size_t *n_done)
{
    *n_done = 0;
    if (model->known[key][tag] != '-')
        return SHALE_VERDICT_KNOWN;
    for (int other = 0; other < N_TAGS; other++)
        *n_done += model->known[key][other] == 'd';
    return *n_done > 0 ? SHALE_VERDICT_CHANGED : SHALE_VERDICT_NEW;
}

static void check_decision(const struct model *model, int key, int tag,
                           const struct shale_decision *decision)
{
    size_t n_done;
    assert_int_equal(decision->verdict, verdict_of(model, key, tag, &n_done));
    if (decision->verdict != SHALE_VERDICT_CHANGED)
        return;
    assert_int_equal(decision->n_done_hashes, n_done);
    for (int other = 0; other < N_TAGS; other++) {
        struct made_row row;
        bool is_there = false;
        if (model->known[key][other] != 'd')
            continue;
        made_row_set(&row, 1, key, other, true);
        for (size_t i = 0; i < n_done; i++)
            is_there |= shale_str_equal(decision->done_hashes[i], row.row.hash);
        assert_true(is_there);
    }
}

static void check_plan(struct made *made, const struct model *model)
{
    int after = (int)made_draw(made, N_KEYS);
    bool from_start = made_draw(made, 2) > 0;
    struct made_row row;
    struct shale_decider *decider;
    struct shale_decision decision;
    made_row_set(&row, 1, after, 0, true);
    assert_int_equal(shale_decider_new(made->store, &model->manifest, row.row.source,
                                       from_start ? SHALE_STR("") : row.row.key, &decider, NULL),
                     SHALE_OK);
    for (int key = from_start ? 0 : after + 1; key < N_KEYS; key++) {
        int tag = (int)made_draw(made, N_TAGS);
        if (made_draw(made, 4) == 0) /* gone from the source */
            continue;
        made_row_set(&row, 1, key, tag, true);
        assert_int_equal(shale_decider_ask(decider, row.row.key, row.row.tag, &decision, NULL),
                         SHALE_OK);
        check_decision(model, key, tag, &decision);
    }
    shale_decider_free(decider);
}

static void check_keys(struct made *made, const struct model *model)
{
    struct shale_ledger_lookup *lookup;
    assert_int_equal(shale_ledger_lookup_new(made->store, model->segments, 4, &lookup, NULL),
                     SHALE_OK);
    for (int time = 0; time < 30; time++) {
        int key = (int)made_draw(made, N_KEYS), tag = (int)made_draw(made, N_TAGS);
        struct made_row row;
        struct shale_decision decision;
        made_row_set(&row, 1, key, tag, true);
        assert_int_equal(shale_ledger_lookup_decide(lookup, row.row.source, row.row.key,
                                                    row.row.tag, &decision, NULL),
                         SHALE_OK);
        check_decision(model, key, tag, &decision);
    }
    shale_ledger_lookup_free(lookup);
}

static void test_against_a_model(void **state)
{
    struct model *model = calloc(1, sizeof *model);
    (void)state;
    assert_non_null(model);
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct made made;
        assert_true(made_init(&made, &shale_mem_libc));
        made.random = seed;
        make_model(&made, model);
        for (int time = 0; time < 4; time++)
            check_plan(&made, model);
        check_keys(&made, model);
        made_fini(&made);
    }
    free(model);
}

static void test_nothing_is_known(void **state)
{
    const struct shale_manifest manifest = {.n_ledger = 0};
    struct made made;
    struct shale_decider *decider;
    struct shale_decision decision;
    struct shale_err err;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    assert_int_equal(
        shale_decider_new(made.store, &manifest, SHALE_STR("s"), SHALE_STR(""), &decider, NULL),
        SHALE_OK);
    assert_int_equal(shale_decider_ask(decider, SHALE_STR("b"), SHALE_STR("t"), &decision, NULL),
                     SHALE_OK);
    assert_int_equal(decision.verdict, SHALE_VERDICT_NEW);
    /* A listing that goes back would take for new what was passed. */
    shale_err_clear(&err);
    assert_int_equal(shale_decider_ask(decider, SHALE_STR("a"), SHALE_STR("t"), &decision, &err),
                     SHALE_CORRUPT);
    assert_int_equal(err.code, SHALE_E_listing_order);
    shale_decider_free(decider);
    made_fini(&made);
}

/* An empty hash: a done object whose bytes nobody hashed is still done. */
static void test_done_without_a_hash(void **state)
{
    struct made made;
    struct made_row row;
    struct shale_segment segment;
    struct shale_manifest manifest = {.ledger = &segment, .n_ledger = 1};
    struct shale_decider *decider;
    struct shale_decision decision;
    (void)state;
    assert_true(made_init(&made, &shale_mem_libc));
    made_row_set(&row, 1, 1, 1, true);
    row.row.hash = SHALE_STR("");
    assert_int_equal(made_segment(&made, "x", &row, 1, 0, 1, &segment), SHALE_OK);
    assert_int_equal(
        shale_decider_new(made.store, &manifest, row.row.source, SHALE_STR(""), &decider, NULL),
        SHALE_OK);
    assert_int_equal(shale_decider_ask(decider, row.row.key, SHALE_STR("t"), &decision, NULL),
                     SHALE_OK);
    assert_int_equal(decision.verdict, SHALE_VERDICT_CHANGED);
    assert_int_equal(decision.n_done_hashes, 1);
    assert_int_equal(decision.done_hashes[0].n_bytes, 0);
    shale_decider_free(decider);
    made_fini(&made);
}

static void test_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        struct made made;
        struct made_row rows[2];
        struct shale_segment segment;
        struct shale_manifest manifest = {.ledger = &segment, .n_ledger = 1};
        struct shale_decider *decider = NULL;
        struct shale_decision decision;
        made_row_set(&rows[0], 1, 1, 1, true);
        made_row_set(&rows[1], 1, 1, 2, true);
        failing_mem_init(&failing, ++n);
        status = made_init(&made, &failing.mem) ? SHALE_OK : SHALE_NOMEM;
        if (status == SHALE_OK)
            status = made_segment(&made, "x", rows, 2, 0, 1, &segment);
        if (status == SHALE_OK)
            status = shale_decider_new(made.store, &manifest, rows[0].row.source, SHALE_STR(""),
                                       &decider, NULL);
        if (status == SHALE_OK)
            status = shale_decider_ask(decider, rows[0].row.key, SHALE_STR("t"), &decision, NULL);
        if (status == SHALE_OK)
            assert_int_equal(decision.n_done_hashes, 2);
        shale_decider_free(decider);
        made_fini(&made);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_done_without_a_hash),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
