/* SPDX-License-Identifier: MIT */
/* dataset/log_lines, log_actions, log_path, log_entry: each action, each way in which a line can be
 * wrong, memory that runs out. */
#include "log_made.h"

/* ---- Each action ------------------------------------------------------------------------------
 */

static void reads_each_action(void **state)
{
    struct log_made made;
    struct shale_log_entry entry;
    struct shale_arena arena;
    (void)state;
    log_made_init(&made);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 24);
    log_put_entry(
        &made, 3,
        "{\"commitInfo\":{\"timestamp\":12,\"operation\":\"WR\\u0049TE\","
        "\"operationParameters\":{\"mode\":\"Append\",\"n\":{\"x\":[1]}},"
        "\"operationMetrics\":{\"numFiles\":\"1\",\"n\":2},\"isBlindAppend\":true,"
        "\"engineInfo\":\"E\",\"txnId\":\"T\",\"unknown\":[{}]}}\n" LOG_PROTOCOL LOG_METADATA_WITH(
            "\"k\":\"v\"") LOG_TXN("other", "4")
            LOG_TXN("shale",
                    "77") "{\"add\":{\"path\":\"p=a%2520b/f%C3%A4.parquet\",\"partitionValues\":"
                          "{\"p\":null},\"size\":9007199254740993,\"modificationTime\":5,"
                          "\"dataChange\":false,\"tags\":{\"a\":\"b\",\"n\":null}}}\r\n"
                          "\n{\"cdc\":{\"path\":\"x\"}}\n{\"unknown\":1}\n{\"add\":null}\n"
                          "{\"add\":null,\"remove\":{\"path\":\"gone\",\"deletionTimestamp\":8}}");
    assert_int_equal(shale_log_entry_read(made.store, &arena, 3, &entry, &made.err), SHALE_OK);
    assert_true(entry.has_protocol && entry.has_metadata);
    assert_true(shale_str_is(entry.table_id, "t-1"));
    assert_int_equal(entry.schema->n_columns, 2);
    assert_true(entry.schema->columns[1].partition_only);
    assert_int_equal(entry.n_configuration, 1);
    assert_true(shale_str_is(entry.configuration[0].value, "v"));
    assert_int_equal(entry.created_ms, INT64_C(1700000000000));
    assert_int_equal(entry.manifest_id, 77);
    assert_int_equal(entry.n_adds, 1);
    assert_true(shale_str_is(entry.adds[0].path, "p=a%20b/f\xC3\xA4.parquet"));
    assert_true(shale_str_is(entry.adds[0].url, "p=a%2520b/f%C3%A4.parquet"));
    assert_int_equal(entry.adds[0].n_bytes, INT64_C(9007199254740993));
    assert_int_equal(entry.adds[0].n_rows, -1);
    assert_false(entry.adds[0].data_change);
    assert_int_equal(entry.adds[0].n_partition_values, 1);
    assert_true(entry.adds[0].partition_values[0].is_null);
    assert_int_equal(entry.adds[0].n_tags, 2);
    assert_int_equal(entry.adds[0].tags[1].value.n_bytes, 0);
    assert_int_equal(entry.n_removes, 1);
    assert_true(shale_str_is(entry.removes[0].path, "gone") && entry.removes[0].data_change);
    assert_int_equal(entry.removes[0].deleted_ms, 8);
    assert_true(shale_str_is(entry.info.operation, "WRITE") && entry.info.is_blind_append);
    assert_true(shale_str_is(entry.info.parameters[0].value, "\"Append\""));
    assert_true(shale_str_is(entry.info.parameters[1].value, "{\"x\":[1]}"));
    assert_true(shale_str_is(entry.info.metrics[1].value, "2"));
    assert_true(shale_str_is(entry.info.engine, "E") && shale_str_is(entry.info.txn_id, "T"));
    assert_int_equal(shale_log_entry_read(made.store, &arena, 4, &entry, &made.err),
                     SHALE_NOT_FOUND);
    shale_arena_fini(&arena);
    log_made_fini(&made);
}

/* ---- What is wrong ----------------------------------------------------------------------------
 */

static const struct {
    const char *line;
    enum shale_error code;
} wrong[] = {
    {"{", SHALE_E_json_unterminated},
    {"{\"add\":{\"path\":\"a\"", SHALE_E_json_unterminated},
    {"{\"add\":{\"path\":\"a\",\"size\":1}}x", SHALE_E_json_syntax},
    {"{\"add\":{\"path\":\"a\",\"size\":1}}{}", SHALE_E_log_object},
    {"{\"add\":{\"path\":\"a\xFF\",\"size\":1}}", SHALE_E_json_utf8},
    {"[]", SHALE_E_log_object},
    {"1", SHALE_E_log_object},
    {"{\"add\":1}", SHALE_E_log_object},
    {"{\"add\":[]}", SHALE_E_log_object},
    {"{\"add\":{}}", SHALE_E_log_member_missing},
    {"{\"add\":{\"path\":\"a\"}}", SHALE_E_log_member_missing},
    {"{\"add\":{\"path\":null,\"size\":1}}", SHALE_E_log_member_missing},
    {"{\"add\":{\"path\":1,\"size\":1}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"\\ud800\",\"size\":1}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":\"1\"}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1.5}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":-2}}", SHALE_E_log_number},
    {"{\"add\":{\"path\":\"a\",\"size\":9223372036854775808}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1,\"dataChange\":0}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":[]}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":{\"p\":[]}}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":{\"p\":}}}", SHALE_E_json_syntax},
    {"{\"add\":{\"path\":\"a\",\"size\":1,\"deletionVector\":{}}}", SHALE_E_log_vector},
    {"{\"add\":{\"path\":\"\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a%\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a%2\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a%zz\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a%00\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a%FF\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"../a\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a/%2E%2e/b\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a//b\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"a/\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"./a\",\"size\":1}}", SHALE_E_log_path},
    {"{\"add\":{\"path\":\"/a\",\"size\":1}}", SHALE_E_log_outside},
    {"{\"add\":{\"path\":\"s3://b/a\",\"size\":1}}", SHALE_E_log_outside},
    {"{\"add\":{\"path\":\"file:/a\",\"size\":1}}", SHALE_E_log_outside},
    {"{\"remove\":{}}", SHALE_E_log_member_missing},
    {"{\"txn\":{\"appId\":\"a\"}}", SHALE_E_log_member_missing},
    {"{\"txn\":{\"appId\":\"a\",\"version\":-5}}", SHALE_E_log_number},
    {"{\"protocol\":{\"minReaderVersion\":1}}", SHALE_E_log_member_missing},
    {"{\"protocol\":{\"minReaderVersion\":0,\"minWriterVersion\":2}}", SHALE_E_log_number},
    {"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":1}}",
     SHALE_E_log_member},
    {"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[1]}}",
     SHALE_E_log_member},
    {"{\"metaData\":{\"schemaString\":\"{}\"}}", SHALE_E_log_member_missing},
    {"{\"metaData\":{\"id\":\"a\",\"schemaString\":\"{}\"}}", SHALE_E_log_schema_json},
    {"{\"metaData\":{\"id\":\"a\",\"format\":[]}}", SHALE_E_log_member},
    {"{\"add\":{\"path\":\"a\",\"size\":1},\"remove\":{\"path\":\"b\"}}", SHALE_E_log_two_actions},
    {"", SHALE_E_log_empty},
    {"{}\n{\"cdc\":{}}\n", SHALE_E_log_empty},
};

static void names_what_is_wrong(void **state)
{
    struct log_made made;
    struct shale_log_entry entry;
    struct shale_arena arena;
    (void)state;
    log_made_init(&made);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 24);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        log_put_entry(&made, 0, wrong[i].line);
        shale_err_clear(&made.err);
        assert_int_equal(shale_log_entry_read(made.store, &arena, 0, &entry, &made.err),
                         shale_error_status(wrong[i].code));
        if (made.err.code != wrong[i].code)
            fail_msg("%s: %s", wrong[i].line, made.err.message);
        assert_string_equal(made.err.object, "_delta_log/00000000000000000000.json");
    }
    shale_arena_fini(&arena);
    log_made_fini(&made);
}

static void says_where(void **state)
{
    struct log_made made;
    struct shale_log_entry entry;
    struct shale_arena arena;
    (void)state;
    log_made_init(&made);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 24);
    log_put_entry(&made, 0, LOG_PROTOCOL "\n{\"add\":!}\n");
    assert_int_equal(shale_log_entry_read(made.store, &arena, 0, &entry, &made.err), SHALE_CORRUPT);
    assert_int_equal(made.err.record, 2);
    assert_int_equal(made.err.byte, strlen(LOG_PROTOCOL) + 1 + strlen("{\"add\":"));
    shale_arena_fini(&arena);
    log_made_fini(&made);
}

/* Longer than a piece, and a file of many pieces. */
static void reads_long_lines(void **state)
{
    enum { PATH_BYTES = 1000, N_LINES = 2000, LONG_BYTES = 3000000 };
    struct log_made made;
    struct shale_log_entry entry;
    struct shale_arena arena;
    struct shale_buf text;
    (void)state;
    log_made_init(&made);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 28);
    shale_buf_init(&text, &shale_mem_libc, 1 << 24);
    for (int i = 0; i < N_LINES; i++)
        assert_int_equal(shale_buf_printf(&text, "{\"add\":{\"path\":\"%0*d\",\"size\":%d}}\n",
                                          PATH_BYTES, i, i),
                         SHALE_OK);
    assert_int_equal(
        shale_buf_printf(&text, "{\"commitInfo\":{\"operation\":\"%0*d\"}}", LONG_BYTES, 1),
        SHALE_OK);
    log_put(&made, "_delta_log/00000000000000000000.json", shale_buf_str(&text));
    assert_int_equal(shale_log_entry_read(made.store, &arena, 0, &entry, &made.err), SHALE_OK);
    assert_int_equal(entry.n_adds, N_LINES);
    for (int i = 0; i < N_LINES; i++) {
        assert_int_equal(entry.adds[i].n_bytes, i);
        assert_int_equal(entry.adds[i].path.n_bytes, PATH_BYTES);
    }
    assert_int_equal(entry.info.operation.n_bytes, LONG_BYTES);
    shale_buf_fini(&text);
    shale_arena_fini(&arena);
    log_made_fini(&made);
}

/* ---- Paths ------------------------------------------------------------------------------------
 */

static void encodes_paths(void **state)
{
    static const char *const paths[] = {"a=b/c-d_e.f~g", "p=a%20b/x", "a b+c:d\xC3\xA4#?%",
                                        "\x01\x7F\"\\<>[]{}|^`"};
    static const char *const urls[] = {"a=b/c-d_e.f~g", "p=a%2520b/x",
                                       "a%20b%2Bc%3Ad%C3%A4%23%3F%25",
                                       "%01%7F%22%5C%3C%3E%5B%5D%7B%7D%7C%5E%60"};
    struct shale_arena arena;
    struct shale_buf url;
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    shale_buf_init(&url, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct shale_str back;
        shale_buf_reset(&url);
        assert_int_equal(shale_log_path_encode(shale_str_of(paths[i]), &url), SHALE_OK);
        assert_true(shale_str_is(shale_buf_str(&url), urls[i]));
        assert_int_equal(shale_log_path_decode(&arena, shale_buf_str(&url), &back, NULL), SHALE_OK);
        assert_true(shale_str_is(back, paths[i]));
    }
    shale_buf_fini(&url);
    shale_arena_fini(&arena);
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

static void runs_out_of_memory(void **state)
{
    struct log_made made;
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    log_made_init(&made);
    log_put_entry(&made, 0,
                  LOG_PROTOCOL LOG_METADATA LOG_TXN("sh\\u0061le", "1") LOG_ADD("a%20b", "3")
                      LOG_REMOVE("b", "4"));
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_log_entry entry;
        struct shale_arena arena;
        struct shale_store *store;
        failing_mem_init(&failing, n);
        store = log_share(&made, &failing.mem);
        if (store == NULL)
            continue;
        shale_arena_init(&arena, &failing.mem, 1 << 24);
        status = shale_log_entry_read(store, &arena, 0, &entry, &made.err);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_arena_fini(&arena);
        shale_store_free(store);
    }
    log_made_fini(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_action), cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(says_where),        cmocka_unit_test(reads_long_lines),
        cmocka_unit_test(encodes_paths),     cmocka_unit_test(runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
