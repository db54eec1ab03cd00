/* SPDX-License-Identifier: MIT */
/* dataset/log_write, log_files, log_checkpoint: what is written is what is read. */
#include "log_made.h"

/* ---- Entries ----------------------------------------------------------------------------------
 */

static const struct shale_log_partition_value values[] = {{{"p", 1}, false, {"x \"y", 4}},
                                                          {{"n", 1}, true, {NULL, 0}}};
static const struct shale_log_pair tags[] = {{{"t", 1}, {"v", 1}}};
static const struct shale_log_pair parameters[] = {{{"mode", 4}, {"\"Append\"", 8}}};
static const struct shale_log_pair metrics[] = {{{"numFiles", 8}, {"2", 1}}};
static const struct shale_log_add adds[] = {
    {.path = {"p=x%20/a b", 10},
     .partition_values = values,
     .n_partition_values = 2,
     .n_bytes = 3,
     .modified_ms = 4,
     .data_change = true,
     .stats = {"{\"numRecords\":5}", 16},
     .tags = tags,
     .n_tags = 1},
    {.path = {"f", 1}, .url = {"%66", 3}, .n_bytes = 1, .modified_ms = -1},
};
static const struct shale_log_remove removes[] = {{.path = {"g", 1}, .deleted_ms = 9}};

static void writes_an_entry(void **unused)
{
    const struct shale_column_def columns[] = {{.name = {"a", 1}, .type = {.kind = SHALE_INT64}}};
    const struct shale_schema schema = {columns, 1};
    const struct shale_log_entry entry = {.has_protocol = true,
                                          .has_metadata = true,
                                          .table_id = {"id", 2},
                                          .schema = &schema,
                                          .created_ms = 8,
                                          .configuration = tags,
                                          .n_configuration = 1,
                                          .manifest_id = 77,
                                          .adds = adds,
                                          .n_adds = 2,
                                          .removes = removes,
                                          .n_removes = 1,
                                          .info = {.operation = {"WRITE", 5},
                                                   .parameters = parameters,
                                                   .n_parameters = 1,
                                                   .metrics = metrics,
                                                   .n_metrics = 1,
                                                   .is_blind_append = true,
                                                   .timestamp_ms = 6}};
    struct shale_buf out;
    (void)unused;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_entry_json(&entry, &out), SHALE_OK);
    assert_int_equal(shale_buf_append(&out, "", 1), SHALE_OK);
    assert_string_equal(
        out.data,
        "{\"commitInfo\":{\"timestamp\":6,\"operation\":\"WRITE\",\"operationParameters\":"
        "{\"mode\":\"Append\"},\"isBlindAppend\":true,\"operationMetrics\":{\"numFiles\":\"2\"},"
        "\"engineInfo\":\"Shale/" SHALE_VERSION "\",\"txnId\":\"77\"}}\n"
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
        "{\"metaData\":{\"id\":\"id\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"a\\\","
        "\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\","
        "\"partitionColumns\":[],\"configuration\":{\"t\":\"v\"},\"createdTime\":8}}\n"
        "{\"txn\":{\"appId\":\"shale\",\"version\":77,\"lastUpdated\":6}}\n"
        "{\"remove\":{\"path\":\"g\",\"deletionTimestamp\":9,\"dataChange\":false}}\n"
        "{\"add\":{\"path\":\"p=x%2520/a%20b\",\"partitionValues\":{\"p\":\"x \\\"y\",\"n\":null},"
        "\"size\":3,\"modificationTime\":4,\"dataChange\":true,"
        "\"stats\":\"{\\\"numRecords\\\":5}\",\"tags\":{\"t\":\"v\"}}}\n"
        "{\"add\":{\"path\":\"%66\",\"partitionValues\":{},\"size\":1,\"modificationTime\":0,"
        "\"dataChange\":false}}\n");
    shale_buf_fini(&out);
}

static void refuses_a_type_without_a_name(void **unused)
{
    const struct shale_column_def columns[] = {{.name = {"a", 1}, .type = {.kind = SHALE_TIME}}};
    const struct shale_schema schema = {columns, 1};
    const struct shale_log_entry entry = {
        .has_metadata = true, .schema = &schema, .manifest_id = -1};
    struct shale_buf out;
    (void)unused;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_entry_json(&entry, &out), SHALE_SCHEMA);
    shale_buf_fini(&out);
}

/* ---- Files ------------------------------------------------------------------------------------
 */

static void checkpoint(struct log_made *made)
{
    struct shale_log_state *state = log_state(made, NULL);
    assert_int_equal(shale_log_checkpoint(made->store, state, &made->err), SHALE_OK);
    log_state_free(state);
}

static const char *files_now(struct log_made *made)
{
    struct shale_log_state *state = log_state(made, NULL);
    const char *files = log_files(made, state);
    log_state_free(state);
    return files;
}

/* Added, removed, added again; in one entry; under another encoding of the same path. */
static void the_last_word_counts(void **unused)
{
    struct log_made made;
    (void)unused;
    log_made_init(&made);
    log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA LOG_ADD("a", "1") LOG_ADD("b", "2"));
    log_put_entry(&made, 1, LOG_REMOVE("%61", "1") LOG_ADD("c", "3") LOG_ADD("c", "4"));
    assert_string_equal(files_now(&made), "b:2 c:4");
    checkpoint(&made);
    log_put_entry(&made, 2, LOG_ADD("a", "5") LOG_ADD("%62", "6"));
    assert_string_equal(files_now(&made), "a:5 b:6 c:4");
    checkpoint(&made);
    log_put_entry(&made, 3, LOG_REMOVE("a", "1") LOG_REMOVE("none", "1"));
    assert_string_equal(files_now(&made), "b:6 c:4");
    log_made_fini(&made);
}

/* ---- Checkpoints ------------------------------------------------------------------------------
 */

static void says_when_one_is_due(void **unused)
{
    struct shale_log_state state = {.version = 8, .checkpoint_version = -1};
    (void)unused;
    assert_false(shale_log_checkpoint_due(&state));
    state.version = 9;
    assert_true(shale_log_checkpoint_due(&state));
    state = (struct shale_log_state){.version = 109, .checkpoint_version = 10};
    assert_false(shale_log_checkpoint_due(&state)); /* what the last one cost is not known */
    state.version = 110;
    assert_true(shale_log_checkpoint_due(&state));
    state.version = 20;
    state.checkpoint_actions = 1000;
    state.tail_actions = 99;
    assert_false(shale_log_checkpoint_due(&state));
    state.tail_actions = 100;
    assert_true(shale_log_checkpoint_due(&state));
    state.version = 19;
    assert_false(shale_log_checkpoint_due(&state));
}

/* How many tombstones a checkpoint has. */
static int count_tombstones(struct log_made *made, int64_t version)
{
    struct shale_log_action action;
    struct shale_log_rows *rows;
    struct shale_arena arena;
    bool end = false;
    int n = 0;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_log_rows_open(made->store, version, 0,
                                         SHALE_ACTION_SET(SHALE_ACTION_REMOVE), &rows, &made->err),
                     SHALE_OK);
    for (;;) {
        assert_int_equal(shale_log_rows_next(rows, &arena, &action, &end, &made->err), SHALE_OK);
        if (end)
            break;
        n++;
    }
    shale_log_rows_free(rows);
    shale_arena_fini(&arena);
    return n;
}

/* A week and a month before LOG_NOW_US is 1764028800000 ms. */
static void keeps_young_tombstones(void **unused)
{
    static const struct {
        const char *configuration;
        int n; /* of those deleted at -8 days, -7 days, -7 days + 1 ms, -1 hour before the month,
                * unknown */
    } cases[] = {
        {"", 2},
        {"\"delta.deletedFileRetentionDuration\":\"interval 8 days\"", 3},
        {"\"delta.deletedFileRetentionDuration\":\"8 days 1 second\"", 4},
        {"\"delta.deletedFileRetentionDuration\":\"interval 61 minutes\"", 1},
        {"\"delta.deletedFileRetentionDuration\":\"interval 59 minutes\"", 0},
        {"\"delta.deletedFileRetentionDuration\":\"1 month\"", 5},
        {"\"delta.deletedFileRetentionDuration\":\"\"", 5},
        {"\"delta.deletedFileRetentionDuration\":\"interval 99999999999999 weeks\"", 5},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_made made;
        char text[4096];
        log_made_init(&made);
        (void)snprintf(text, sizeof text, LOG_PROTOCOL LOG_METADATA_WITH("%s"),
                       cases[i].configuration);
        log_put_entry(&made, 0, text);
        log_put_entry(&made, 1,
                      LOG_REMOVE("a", "1763942400000") LOG_REMOVE("b", "1764028800000")
                          LOG_REMOVE("c", "1764028800001")
                              LOG_REMOVE("d", "1764630000000") "{\"remove\":{\"path\":\"e\"}}");
        checkpoint(&made);
        assert_int_equal(count_tombstones(&made, 1), cases[i].n);
        log_put_entry(&made, 2, LOG_ADD("d", "1")); /* is no tombstone any more */
        checkpoint(&made);
        assert_int_equal(count_tombstones(&made, 2), cases[i].n - (cases[i].n > 0));
        log_made_fini(&made);
    }
}

/* Of each add all that was said, and of the table as well, over two checkpoints. */
static void keeps_everything(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    const struct shale_log_add *add;
    struct shale_log_files *files;
    struct shale_buf hint;
    (void)unused;
    log_made_init(&made);
    log_put_entry(
        &made, 0,
        LOG_PROTOCOL
        "{\"metaData\":{\"id\":\"t\",\"name\":\"N\",\"description\":\"D\",\"format\":{\"provider\":"
        "\"parquet\",\"options\":{\"o\":\"1\"}},\"schemaString\":\"" LOG_SCHEMA "\","
        "\"partitionColumns\":[\"p\"],\"configuration\":{\"shale.stream\":\"s\"},"
        "\"createdTime\":3}}\n" LOG_TXN("x", "1") LOG_TXN(
            "shale",
            "2") "{\"add\":{\"path\":\"a%2520b\",\"partitionValues\":{\"p\":null},\"size\":7,"
                 "\"modificationTime\":5,\"dataChange\":false,\"stats\":\"{\\\"numRecords\\\":4}\","
                 "\"tags\":{\"k\":\"v\"}}}\n");
    checkpoint(&made);
    log_put_entry(&made, 1, LOG_TXN("y", "3"));
    checkpoint(&made);
    log_remove_entry(&made, 0);
    log_remove_entry(&made, 1);
    state = log_state(&made, NULL);
    assert_int_equal(state->version, 1);
    assert_int_equal(state->n_txns, 3);
    assert_int_equal(state->txns[0].updated_ms, 11);
    assert_int_equal(state->manifest_id, 2);
    assert_true(shale_str_is(state->name, "N") && shale_str_is(state->description, "D"));
    assert_true(shale_str_is(state->format_options[0].value, "1"));
    assert_true(shale_str_is(state->stream, "s"));
    assert_int_equal(state->created_ms, 3);
    assert_true(shale_str_is(state->partition_columns[0], "p"));
    assert_int_equal(shale_log_files_new(made.store, state, &files, &made.err), SHALE_OK);
    assert_int_equal(shale_log_files_next(files, &add, &made.err), SHALE_OK);
    assert_non_null(add);
    assert_true(shale_str_is(add->url, "a%2520b") && shale_str_is(add->path, "a%20b"));
    assert_int_equal(add->n_bytes, 7);
    assert_int_equal(add->modified_ms, 5);
    assert_int_equal(add->n_rows, 4);
    assert_false(add->data_change);
    assert_true(shale_str_is(add->tags[0].value, "v"));
    assert_true(add->partition_values[0].is_null);
    assert_int_equal(shale_log_files_next(files, &add, &made.err), SHALE_OK);
    assert_null(add);
    shale_log_files_free(files);
    log_state_free(state);
    shale_buf_init(&hint, &shale_mem_libc, 1000);
    assert_int_equal(shale_store_read(made.store, SHALE_LOG_HINT, &hint, NULL), SHALE_OK);
    assert_true(
        shale_str_is(shale_buf_str(&hint), "{\"version\":1,\"size\":6,\"numOfAddFiles\":1}"));
    shale_buf_fini(&hint);
    log_made_fini(&made);
}

/* Entries that others take away, or replace, between the two readings of the tail. */
static void sees_that_entries_moved(void **unused)
{
    struct log_made made;
    struct shale_log_state *state;
    struct shale_log_files *files;
    const struct shale_log_add *add;
    (void)unused;
    log_made_init(&made);
    for (int replaced = 0; replaced < 2; replaced++) {
        log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA LOG_ADD("a", "1"));
        log_put_entry(&made, 1, LOG_ADD("b", "1"));
        state = log_state(&made, NULL);
        assert_int_equal(shale_log_files_new(made.store, state, &files, &made.err), SHALE_OK);
        if (replaced)
            log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA LOG_ADD("another", "1"));
        else
            log_remove_entry(&made, 0);
        assert_int_equal(shale_log_files_next(files, &add, &made.err),
                         replaced ? SHALE_AGAIN : SHALE_NOT_FOUND);
        shale_log_files_free(files);
        log_state_free(state);
    }
    log_made_fini(&made);
}

/* Two write the same one; a late one does not point back. */
static void is_written_once(void **unused)
{
    struct log_made made;
    struct shale_log_state *old, *state;
    struct shale_buf hint;
    (void)unused;
    log_made_init(&made);
    log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA LOG_ADD("a", "1"));
    old = log_state(&made, NULL);
    log_put_entry(&made, 1, LOG_ADD("b", "1"));
    state = log_state(&made, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(shale_log_checkpoint(made.store, state, &made.err), SHALE_OK);
    assert_int_equal(shale_log_checkpoint(made.store, old, &made.err), SHALE_OK);
    assert_string_equal(files_now(&made), "a:1 b:1");
    shale_buf_init(&hint, &shale_mem_libc, 1000);
    assert_int_equal(shale_store_read(made.store, SHALE_LOG_HINT, &hint, NULL), SHALE_OK);
    assert_non_null(memmem(hint.data, hint.n_bytes, "\"version\":1", 11));
    shale_buf_fini(&hint);
    log_state_free(old);
    log_state_free(state);
    log_made_fini(&made);
}

/* Many files, in bounded memory: pieces, row groups. */
static void streams_many_files(void **unused)
{
    enum { N_FILES = 20000, N_EACH = 5000 };
    struct log_made made;
    struct shale_log_state *state;
    const struct shale_log_add *add;
    struct shale_log_files *files;
    struct shale_buf text;
    int64_t sum = 0, n = 0;
    (void)unused;
    log_made_init(&made);
    shale_buf_init(&text, &shale_mem_libc, 1 << 26);
    log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA);
    for (int i = 0; i < N_FILES; i += N_EACH) {
        char key[SHALE_LOG_NAME_BYTES];
        shale_buf_reset(&text);
        for (int k = i; k < i + N_EACH; k++)
            assert_int_equal(shale_buf_printf(&text,
                                              "{\"add\":{\"path\":\"p=%d/part-%064d\",\"size\":%d,"
                                              "\"partitionValues\":{\"p\":\"%d\"}}}\n",
                                              k % 7, k, k, k % 7),
                             SHALE_OK);
        shale_log_entry_name(1 + i / N_EACH, key);
        log_put(&made, key, shale_buf_str(&text));
        checkpoint(&made);
    }
    state = log_state(&made, NULL);
    assert_int_equal(state->checkpoint_version, N_FILES / N_EACH);
    assert_int_equal(state->checkpoint_actions, N_FILES + 2);
    assert_int_equal(shale_log_files_new(made.store, state, &files, &made.err), SHALE_OK);
    for (;; n++) {
        assert_int_equal(shale_log_files_next(files, &add, &made.err), SHALE_OK);
        if (add == NULL)
            break;
        sum += add->n_bytes;
        assert_int_equal(add->n_rows, -1);
    }
    assert_int_equal(n, N_FILES);
    assert_int_equal(sum, (int64_t)N_FILES * (N_FILES - 1) / 2);
    shale_log_files_free(files);
    log_state_free(state);
    shale_buf_fini(&text);
    log_made_fini(&made);
}

/* ---- What fails -------------------------------------------------------------------------------
 */

static void runs_out_of_memory(void **unused)
{
    enum shale_status status = SHALE_NOMEM;
    int n_failed = 0;
    (void)unused;
    for (int n = 1; status != SHALE_OK; n++) {
        struct log_made made;
        struct failing_mem failing;
        struct shale_log_state *state;
        struct shale_log_files *files = NULL;
        const struct shale_log_add *add;
        struct shale_store *store;
        log_made_init(&made);
        log_put_entry(&made, 0, LOG_PROTOCOL LOG_METADATA LOG_ADD("a", "1"));
        checkpoint(&made);
        log_put_entry(&made, 1, LOG_ADD("b", "1") LOG_REMOVE("c", "1767222000000"));
        state = log_state(&made, NULL);
        failing_mem_init(&failing, n);
        store = log_share(&made, &failing.mem);
        if (store != NULL) {
            status = shale_log_checkpoint(store, state, &made.err);
            if (status == SHALE_OK)
                status = shale_log_files_new(store, state, &files, &made.err);
            for (add = adds; status == SHALE_OK && add != NULL;)
                status = shale_log_files_next(files, &add, &made.err);
            assert_true(status == SHALE_OK || status == SHALE_NOMEM || status == SHALE_LIMIT);
            shale_log_files_free(files);
            n_failed += status != SHALE_OK;
        }
        shale_store_free(store);
        log_state_free(state);
        assert_string_equal(files_now(&made), "a:1 b:1"); /* whatever was left behind */
        log_made_fini(&made);
    }
    assert_true(n_failed > 50);
}

static void entries_run_out_of_memory(void **unused)
{
    const struct shale_log_entry entry = {
        .manifest_id = 1, .adds = adds, .n_adds = 2, .info = {.operation = {"W", 1}}};
    enum shale_status status = SHALE_NOMEM;
    (void)unused;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_buf out;
        failing_mem_init(&failing, n);
        shale_buf_init(&out, &failing.mem, 1 << 20);
        status = shale_log_entry_json(&entry, &out);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_an_entry),
        cmocka_unit_test(refuses_a_type_without_a_name),
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(says_when_one_is_due),
        cmocka_unit_test(keeps_young_tombstones),
        cmocka_unit_test(keeps_everything),
        cmocka_unit_test(sees_that_entries_moved),
        cmocka_unit_test(is_written_once),
        cmocka_unit_test(streams_many_files),
        cmocka_unit_test(runs_out_of_memory),
        cmocka_unit_test(entries_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
