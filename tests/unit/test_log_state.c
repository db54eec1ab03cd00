/* SPDX-License-Identifier: MIT */
/* dataset/log, log_list, log_judge: the state of a table, by whatever is left of its log. */
#include "log_made.h"

static void reads_no_table(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    int64_t version, checkpoint;
    (void)unused;
    log_made_init(&made);
    log_put(&made, "part.parquet", SHALE_STR("x"));
    log_put(&made, "_delta_log/_commits/1.json", SHALE_STR("x"));
    state = log_state(&made, NULL);
    assert_int_equal(state->version, -1);
    assert_int_equal(state->manifest_id, -1);
    assert_int_equal(shale_log_tip(made.store, -1, &version, &checkpoint, NULL), SHALE_OK);
    assert_int_equal(version, -1);
    log_state_free(state);
    log_made_fini(&made);
}

static void make_table(struct log_made *made)
{
    log_put_entry(made, 0, LOG_PROTOCOL LOG_METADATA LOG_TXN("b", "1") LOG_ADD("f0", "10"));
    log_put_entry(made, 1, LOG_TXN("shale", "5") LOG_ADD("f1", "11") LOG_TXN("b", "9"));
    log_put_entry(made, 2,
                  LOG_TXN("shale", "3") LOG_REMOVE("f0", "1767225500000") LOG_ADD("f2", "12"));
}

/* A checkpoint of the newest version, by the writer. */
static void make_checkpoint(struct log_made *made)
{
    struct shale_log_state *state = log_state(made, NULL);
    assert_int_equal(shale_log_checkpoint(made->store, state, &made->err), SHALE_OK);
    log_state_free(state);
}

static void reads_entries(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    state = log_state(&made, NULL);
    assert_int_equal(state->version, 2);
    assert_int_equal(state->checkpoint_version, -1);
    assert_int_equal(state->tail_actions, 10);
    assert_int_equal(state->manifest_id, 3); /* the last word, not the largest number */
    assert_int_equal(state->n_txns, 2);
    assert_true(shale_str_is(state->txns[0].app_id, "b"));
    assert_int_equal(state->txns[0].version, 9);
    assert_int_equal(state->reader_version, 1);
    assert_int_equal(state->writer_version, 2);
    assert_true(shale_str_is(state->table_id, "t-1"));
    assert_int_equal(state->schema.n_columns, 2);
    assert_true(state->schema.columns[1].partition_only);
    assert_int_equal(state->n_partition_columns, 1);
    assert_int_equal(state->refusal.n_bytes, 0);
    assert_int_equal(state->stream.n_bytes, 0);
    assert_string_equal(log_files(&made, state), "f1:11 f2:12");
    log_state_free(state);
    log_made_fini(&made);
}

/* Everything before the checkpoint may go, and the state is the same. */
static void reads_a_checkpoint(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    log_put_entry(&made, 3, LOG_ADD("f3", "13") LOG_REMOVE("f1", "1"));
    for (int left = 0; left < 3; left++) {
        log_remove_entry(&made, left);
        state = log_state(&made, NULL);
        assert_int_equal(state->version, 3);
        assert_int_equal(state->checkpoint_version, 2);
        assert_int_equal(state->checkpoint_parts, 0);
        assert_int_equal(state->checkpoint_actions, 7);
        assert_int_equal(state->tail_actions, 2);
        assert_int_equal(state->manifest_id, 3);
        assert_int_equal(state->n_txns, 2);
        assert_string_equal(log_files(&made, state), "f2:12 f3:13");
        log_state_free(state);
    }
    log_remove_entry(&made, 3);
    state = log_state(&made, NULL);
    assert_int_equal(state->version, 2);
    assert_string_equal(log_files(&made, state), "f1:11 f2:12");
    log_state_free(state);
    log_made_fini(&made);
}

static void takes_the_hint_for_what_it_is(void **unused)
{
    static const char *const hints[] = {"{\"version\":2}",
                                        "{\"version\":1,\"size\":5}",
                                        "{\"version\":99}",
                                        "{\"version\":-1}",
                                        "{\"version\":\"2\"}",
                                        "{\"version\":2",
                                        "",
                                        "[2]",
                                        "\xFF\x00"};
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    log_put_entry(&made, 3, LOG_ADD("f3", "13"));
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        struct shale_log_state *state;
        log_put(&made, SHALE_LOG_HINT, shale_str_of(hints[i]));
        state = log_state(&made, NULL);
        assert_int_equal(state->version, 3);
        assert_int_equal(state->checkpoint_version, 2);
        log_state_free(state);
    }
    log_made_fini(&made);
}

/* ---- Gaps, parts, foreign names ---------------------------------------------------------------
 */

static void names_a_missing_entry(void **unused)
{
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    log_remove_entry(&made, 1);
    assert_int_equal(log_refusal(&made), SHALE_E_log_gap);
    assert_non_null(strstr(made.err.message, "version 1, but one of 2"));
    log_remove_entry(&made, 0);
    assert_int_equal(log_refusal(&made), SHALE_E_log_gap);
    log_made_fini(&made);
}

static void names_a_gap_behind_a_checkpoint(void **unused)
{
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    log_put_entry(&made, 4, LOG_ADD("f4", "1"));
    assert_int_equal(log_refusal(&made), SHALE_E_log_gap);
    assert_non_null(strstr(made.err.message, "version 3, but one of 4"));
    log_made_fini(&made);
}

/* Copy an object under another name. */
static void copy(struct log_made *made, const char *from, const char *to)
{
    struct shale_buf bytes;
    shale_buf_init(&bytes, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_store_read(made->store, from, &bytes, NULL), SHALE_OK);
    log_put(made, to, shale_buf_str(&bytes));
    shale_buf_fini(&bytes);
}

#define CHECKPOINT "_delta_log/00000000000000000002.checkpoint."

static void reads_parts_when_all_are_there(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    /* two sets, one without its second part; actions twice do no harm to a state */
    copy(&made, CHECKPOINT "parquet", CHECKPOINT "0000000001.0000000002.parquet");
    copy(&made, CHECKPOINT "parquet", CHECKPOINT "0000000001.0000000003.parquet");
    copy(&made, CHECKPOINT "parquet", CHECKPOINT "0000000003.0000000003.parquet");
    assert_int_equal(shale_store_remove(made.store, CHECKPOINT "parquet", NULL), SHALE_OK);
    state = log_state(&made, NULL);
    assert_int_equal(state->checkpoint_version, -1);
    log_state_free(state);
    copy(&made, CHECKPOINT "0000000001.0000000002.parquet",
         CHECKPOINT "0000000002.0000000003.parquet");
    state = log_state(&made, NULL);
    assert_int_equal(state->checkpoint_version, 2);
    assert_int_equal(state->checkpoint_parts, 3);
    assert_int_equal(state->checkpoint_actions, 21);
    assert_int_equal(state->manifest_id, 3);
    log_state_free(state);
    log_made_fini(&made);
}

static void passes_over_foreign_names(void **unused)
{
    static const char *const names[] = {
        "_delta_log/00000000000000000009.json.tmp",
        "_delta_log/00000000000000000002.crc",
        "_delta_log/0000000000000000009.json",
        "_delta_log/99999999999999999999.json",
        "_delta_log/00000000000000000000.00000000000000000002.compacted.json",
        "_delta_log/00000000000000000002.checkpoint.0000000000.0000000000.parquet",
        "_delta_log/00000000000000000002.checkpoint.0000000001.9999999999.parquet",
        "_delta_log/00000000000000000002.checkpoint.parquet.crc",
        "_delta_log/0",
        "_delta_log/x"};
    struct log_made made;
    struct shale_log_state *state;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        log_put(&made, names[i], SHALE_STR("x"));
    state = log_state(&made, NULL);
    assert_int_equal(state->version, 2);
    assert_int_equal(state->checkpoint_version, -1);
    log_state_free(state);
    log_put(&made, CHECKPOINT "80a083e8-7026-4e79-81be-64bd76c43a11.json", SHALE_STR("x"));
    state = log_state(&made, NULL); /* the entries are all there: no need of it */
    log_state_free(state);
    log_remove_entry(&made, 0);
    assert_int_equal(log_refusal(&made), SHALE_E_log_checkpoint_v2);
    log_made_fini(&made);
}

static void needs_protocol_and_metadata(void **unused)
{
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    log_put_entry(&made, 0, LOG_PROTOCOL);
    assert_int_equal(log_refusal(&made), SHALE_E_log_incomplete);
    log_put_entry(&made, 0, LOG_METADATA);
    assert_int_equal(log_refusal(&made), SHALE_E_log_incomplete);
    log_made_fini(&made);
}

/* ---- From an older state ----------------------------------------------------------------------
 */

struct counting {
    int n_opens;
    const char *remove_before; /* the first time that this key is opened, it is gone */
    struct log_made *made;
};

static enum shale_status count_calls(void *ctx, enum shale_store_call call, const char *key,
                                     struct shale_str data, enum shale_store_fate *fate,
                                     struct shale_err *err)
{
    struct counting *counting = ctx;
    (void)data;
    (void)fate;
    (void)err;
    counting->n_opens += call == SHALE_STORE_OPEN;
    if (call == SHALE_STORE_OPEN && counting->remove_before != NULL &&
        strcmp(key, counting->remove_before) == 0) {
        counting->remove_before = NULL;
        assert_int_equal(shale_store_remove(counting->made->store, key, NULL), SHALE_OK);
    }
    return SHALE_OK;
}

static struct shale_store *watch(struct log_made *made, struct counting *counting)
{
    const struct shale_store_hook hook = {count_calls, counting};
    struct shale_store *store;
    assert_int_equal(shale_store_memory_share(made->store, &made->env, &hook, &store, NULL),
                     SHALE_OK);
    return store;
}

static void reads_only_what_is_new(void **unused)
{
    struct log_made made;
    struct counting counting = {.made = &made};
    struct shale_log_state *first, *second, *third;
    struct shale_store *watched;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    first = log_state(&made, NULL);
    watched = watch(&made, &counting);
    log_put_entry(&made, 3,
                  LOG_TXN("shale", "8") LOG_METADATA_WITH("\"shale.stream\":\"s\","
                                                          "\"delta.appendOnly\":\"true\""));
    assert_int_equal(shale_log_read(watched, first, &second, &made.err), SHALE_OK);
    log_state_free(first); /* nothing of the second is the first's */
    assert_int_equal(counting.n_opens, 1);
    assert_int_equal(second->version, 3);
    assert_int_equal(second->manifest_id, 8);
    assert_int_equal(second->n_txns, 2);
    assert_int_equal(second->tail_actions, 12);
    assert_true(second->is_append_only && shale_str_is(second->stream, "s"));
    make_checkpoint(&made);
    log_put_entry(&made, 4, LOG_ADD("f4", "1"));
    counting.n_opens = 0;
    assert_int_equal(shale_log_read(watched, second, &third, &made.err), SHALE_OK);
    assert_int_equal(counting.n_opens, 2); /* the entry and the hint */
    assert_int_equal(third->checkpoint_version, 3);
    assert_int_equal(third->checkpoint_actions, 7);
    assert_int_equal(third->tail_actions, 1);
    assert_true(shale_str_is(third->stream, "s"));
    assert_string_equal(log_files(&made, third), "f1:11 f2:12 f4:1");
    log_state_free(third);
    /* What is new is not all there any more: everything is read anew. */
    log_put_entry(&made, 5, LOG_TXN("shale", "9"));
    make_checkpoint(&made);
    for (int version = 0; version <= 5; version++)
        log_remove_entry(&made, version);
    assert_int_equal(shale_log_read(watched, second, &third, &made.err), SHALE_OK);
    assert_int_equal(third->version, 5);
    assert_int_equal(third->manifest_id, 9);
    log_state_free(second);
    log_state_free(third);
    shale_store_free(watched);
    log_made_fini(&made);
}

/* Others clean up between our listing and our reading. */
static void reads_again_when_entries_go(void **unused)
{
    struct log_made made;
    struct counting counting = {.made = &made};
    struct shale_log_state *state;
    struct shale_store *watched;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    assert_int_equal(shale_store_remove(made.store, SHALE_LOG_HINT, NULL), SHALE_OK);
    log_put_entry(&made, 3, LOG_ADD("f3", "13"));
    counting.remove_before = "_delta_log/00000000000000000003.json";
    watched = watch(&made, &counting);
    assert_int_equal(shale_log_read(watched, NULL, &state, &made.err), SHALE_OK);
    assert_int_equal(state->version, 2);
    log_state_free(state);
    shale_store_free(watched);
    log_made_fini(&made);
}

/* ---- Refusals ---------------------------------------------------------------------------------
 */

#define PROTOCOL(reader, writer, more)                                                             \
    "{\"protocol\":{\"minReaderVersion\":" #reader ",\"minWriterVersion\":" #writer more "}}\n"
#define FIELD(type, nullable, metadata)                                                            \
    "{\"metaData\":{\"id\":\"t\",\"partitionColumns\":[],\"schemaString\":\"{\\\"type\\\":"        \
    "\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"a\\\",\\\"type\\\":" type                    \
    ",\\\"nullable\\\":" nullable ",\\\"metadata\\\":{" metadata "}}]}\"}}\n"

static const struct {
    const char *entry;
    enum shale_error code; /* none: it is read, but not appended to */
    const char *words;
} refused[] = {
    {PROTOCOL(2, 5, "") LOG_METADATA, SHALE_E_log_reader, "version 2;"},
    {PROTOCOL(3, 7, ",\"readerFeatures\":[\"x\",\"deletionVectors\"],\"writerFeatures\":[]")
         LOG_METADATA,
     SHALE_E_log_reader, "(the features x, deletionVectors)"},
    {LOG_PROTOCOL LOG_METADATA_WITH("\"delta.columnMapping.mode\":\"name\""), SHALE_E_log_mapping,
     "columnMapping"},
    {LOG_PROTOCOL FIELD("\\\"variant\\\"", "true", ""), SHALE_E_log_schema_type, "variant"},
    {PROTOCOL(1, 4, "") LOG_METADATA, SHALE_E_none, "writer version 4"},
    {PROTOCOL(1, 7, ",\"writerFeatures\":[\"rowTracking\"]") LOG_METADATA, SHALE_E_none,
     "rowTracking"},
    {LOG_PROTOCOL LOG_METADATA_WITH("\"delta.setTransactionRetentionDuration\":\"interval 1 day\""),
     SHALE_E_none, "delta.setTransactionRetentionDuration"},
    {LOG_PROTOCOL LOG_METADATA_WITH("\"delta.constraints.c\":\"a > 1\""), SHALE_E_none,
     "delta.constraints.c"},
    {LOG_PROTOCOL LOG_METADATA_WITH("\"delta.enableChangeDataFeed\":\"true\""), SHALE_E_none,
     "changeDataFeed"},
    {LOG_PROTOCOL FIELD("\\\"long\\\"", "false", ""), SHALE_E_none, "NOT NULL"},
    {LOG_PROTOCOL FIELD("\\\"long\\\"", "true", "\\\"c\\\":{},\\\"delta.invariants\\\":\\\"x\\\""),
     SHALE_E_none, "column invariants"},
    {LOG_PROTOCOL FIELD("{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"m\\\","
                        "\\\"type\\\":\\\"long\\\",\\\"metadata\\\":"
                        "{\\\"delta.generationExpression\\\":1}}]}",
                        "true", ""),
     SHALE_E_none, "generated columns"},
};

static void refuses_by_name(void **unused)
{
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct shale_log_state *state;
        log_put_entry(&made, 0, refused[i].entry);
        if (refused[i].code != SHALE_E_none) {
            assert_int_equal(log_refusal(&made), refused[i].code);
            assert_int_equal(shale_error_status(made.err.code), SHALE_SCHEMA);
            assert_non_null(strstr(made.err.message, refused[i].words));
            continue;
        }
        state = log_state(&made, NULL);
        if (strstr(state->refusal.data, refused[i].words) == NULL)
            fail_msg("%s: %s", refused[i].words, state->refusal.data);
        assert_int_equal(shale_log_checkpoint(made.store, state, &made.err), SHALE_SCHEMA);
        assert_int_equal(made.err.code, SHALE_E_log_refused);
        log_state_free(state);
    }
    log_made_fini(&made);
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

static void runs_out_of_memory(void **unused)
{
    struct log_made made;
    struct shale_log_state *older;
    int n_after = 0;
    (void)unused;
    log_made_init(&made);
    make_table(&made);
    make_checkpoint(&made);
    older = log_state(&made, NULL);
    log_put_entry(&made, 3, LOG_TXN("shale", "4") LOG_ADD("f3", "1"));
    for (int after = 0; after < 2; after++) {
        enum shale_status status = SHALE_NOMEM;
        for (int n = 1; status != SHALE_OK; n++) {
            struct shale_log_state *state = NULL;
            struct failing_mem failing;
            struct shale_store *store;
            failing_mem_init(&failing, n);
            store = log_share(&made, &failing.mem);
            if (store == NULL)
                continue;
            status = shale_log_read(store, after ? older : NULL, &state, &made.err);
            assert_true(status == SHALE_OK
                            ? state->version == 3
                            : state == NULL && (status == SHALE_NOMEM || status == SHALE_LIMIT));
            shale_log_state_free(&failing.mem, state);
            shale_store_free(store);
            n_after += after;
        }
    }
    assert_true(n_after > 10);
    log_state_free(older);
    log_made_fini(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_no_table),
        cmocka_unit_test(reads_entries),
        cmocka_unit_test(reads_a_checkpoint),
        cmocka_unit_test(takes_the_hint_for_what_it_is),
        cmocka_unit_test(names_a_missing_entry),
        cmocka_unit_test(names_a_gap_behind_a_checkpoint),
        cmocka_unit_test(reads_parts_when_all_are_there),
        cmocka_unit_test(passes_over_foreign_names),
        cmocka_unit_test(needs_protocol_and_metadata),
        cmocka_unit_test(reads_only_what_is_new),
        cmocka_unit_test(reads_again_when_entries_go),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
