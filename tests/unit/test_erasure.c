/* SPDX-License-Identifier: MIT */
/* dataset/erasure: conditions against rows, partitions and what the log says of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "columns/builder.h"
#include "dataset/erasure.h"
#include "schema/definition.h"

#define COL(text, type_kind)                                                                       \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind), .unit = SHALE_US }         \
    }
static const struct shale_column_def columns[] = {
    COL("name", SHALE_STRING), COL("n", SHALE_INT64),    COL("at", SHALE_TIMESTAMP),
    COL("ok", SHALE_BOOL),     COL("year", SHALE_INT32),
};
static const struct shale_str partitions[] = {{"year", 4}};
static const struct shale_log_state table = {
    .schema = {columns, 5}, .partition_columns = partitions, .n_partition_columns = 1};
static const struct shale_log_partition_value of_2024[] = {
    {.name = {"year", 4}, .value = {"2024", 4}}};
static const struct shale_log_partition_value of_null[] = {{.name = {"year", 4}, .is_null = true}};

static struct shale_erasure equal(const char *column, const char *value)
{
    return (struct shale_erasure){.column = shale_str_of(column), .value = shale_str_of(value)};
}

static struct shale_erasure before(const char *column, const char *value)
{
    struct shale_erasure erasure = equal(column, value);
    erasure.is_before = true;
    return erasure;
}

static struct shale_erasure joined(struct shale_erasure erasure)
{
    erasure.joined = true;
    return erasure;
}

static struct shale_erasures *make(const struct shale_erasure *conditions, size_t n)
{
    struct shale_erasures *erasures;
    assert_int_equal(
        shale_erasures_of_table(&shale_mem_libc, conditions, n, &table, &erasures, NULL), SHALE_OK);
    return erasures;
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

/* "ann", 1, 2024-01-01, true | "bob", null, 2024-06-01, false | null, 3, null, null */
static void fill(struct shale_builder *builder)
{
    shale_builder_bytes(builder, 0, SHALE_STR("ann"));
    shale_builder_i64(builder, 1, 1);
    shale_builder_i64(builder, 2, INT64_C(1704067200000000));
    shale_builder_bool(builder, 3, true);
    shale_builder_i32(builder, 4, 2024);
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
    shale_builder_bytes(builder, 0, SHALE_STR("bob"));
    shale_builder_null(builder, 1);
    shale_builder_i64(builder, 2, INT64_C(1717200000000000));
    shale_builder_bool(builder, 3, false);
    shale_builder_i32(builder, 4, 2024);
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
    shale_builder_null(builder, 0);
    shale_builder_i64(builder, 1, 3);
    shale_builder_null(builder, 2);
    shale_builder_null(builder, 3);
    shale_builder_i32(builder, 4, 2024);
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
}

/* The rows that stay, a letter each; '-' for one that goes. */
static void check_rows(const struct shale_erasure *conditions, size_t n,
                       const struct shale_log_partition_value *values, const char *expected)
{
    struct shale_erasures *erasures = make(conditions, n);
    struct shale_log_add add = {.partition_values = values, .n_partition_values = 1};
    struct shale_builder *builder;
    struct shale_column views[5];
    bool keep[3] = {true, true, true};
    size_t n_views;
    const size_t *which = shale_erasures_columns(erasures, &n_views);
    assert_int_equal(shale_builder_new(&shale_mem_libc, &table.schema, &builder), SHALE_OK);
    fill(builder);
    for (size_t i = 0; i < n_views; i++)
        shale_builder_column(builder, which[i], &views[i]);
    assert_int_equal(shale_erasures_rows(erasures, &add, views, NULL, 3, keep), SHALE_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(keep[i] ? expected[i] : '-', expected[i]);
    shale_builder_free(builder);
    shale_erasures_free(erasures);
}

static void test_rows(void **state)
{
    (void)state;
    check_rows((struct shale_erasure[]){equal("name", "bob")}, 1, of_2024, "a-c");
    check_rows((struct shale_erasure[]){equal("name", "null")}, 1, of_2024, "ab-");
    check_rows((struct shale_erasure[]){equal("n", "1"), equal("n", "3")}, 2, of_2024, "-b-");
    check_rows((struct shale_erasure[]){equal("n", "1"), joined(equal("ok", "true"))}, 2, of_2024,
               "-bc");
    check_rows((struct shale_erasure[]){equal("n", "1"), joined(equal("ok", "false"))}, 2, of_2024,
               "abc");
    check_rows((struct shale_erasure[]){before("at", "2024-06-01")}, 1, of_2024, "-bc");
    check_rows((struct shale_erasure[]){before("at", "2024-06-01T00:00:00.000001Z")}, 1, of_2024,
               "--c");
    check_rows((struct shale_erasure[]){equal("year", "2024"), joined(equal("name", "ann"))}, 2,
               of_2024, "-bc");
    check_rows((struct shale_erasure[]){equal("year", "2024")}, 1, of_null, "abc");
    check_rows((struct shale_erasure[]){equal("year", "null"), joined(equal("n", "3"))}, 2, of_null,
               "ab-");
    check_rows((struct shale_erasure[]){equal("gone", "x")}, 1, of_2024, "abc");
    check_rows((struct shale_erasure[]){equal("gone", "null"), joined(equal("n", "3"))}, 2, of_2024,
               "ab-");
    check_rows(NULL, 0, of_2024, "abc");
}

static void test_refused(void **state)
{
    struct shale_erasures *erasures;
    struct shale_err err;
    (void)state;
    const struct shale_erasure wrong[] = {equal("n", "many"), before("name", "b"),
                                          before("at", "null")};
    for (size_t i = 0; i < 3; i++) {
        shale_err_clear(&err);
        assert_int_equal(
            shale_erasures_of_table(&shale_mem_libc, &wrong[i], 1, &table, &erasures, &err),
            SHALE_USAGE);
        assert_null(erasures);
        assert_true(err.code == SHALE_E_erasure_value || err.code == SHALE_E_erasure_type);
    }
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static enum shale_erasure_reach reach(const struct shale_erasure *conditions, size_t n,
                                      const char *stats,
                                      const struct shale_log_partition_value *values)
{
    struct shale_erasures *erasures = make(conditions, n);
    struct shale_log_add add = {.partition_values = values,
                                .n_partition_values = 1,
                                .n_rows = 10,
                                .stats = shale_str_of(stats)};
    enum shale_erasure_reach out;
    assert_int_equal(shale_erasures_file(erasures, &add, &out), SHALE_OK);
    shale_erasures_free(erasures);
    return out;
}

static void test_files(void **state)
{
    static const char stats[] =
        "{\"numRecords\":10,\"minValues\":{\"n\":5,\"at\":\"2024-03-01T00:00:00.000000Z\"},"
        "\"maxValues\":{\"n\":9,\"at\":\"2024-03-31T00:00:00.000000Z\"},"
        "\"nullCount\":{\"n\":0,\"at\":0}}";
    static const char nulls[] =
        "{\"numRecords\":10,\"minValues\":{\"at\":\"2024-03-01T00:00:00.000000Z\"},"
        "\"maxValues\":{\"at\":\"2024-03-31T00:00:00.000000Z\"},\"nullCount\":{\"at\":1}}";
    struct shale_erasure one;
    (void)state;
    one = equal("n", "4");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_NONE);
    one = equal("n", "5");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_SOME);
    one = equal("n", "null");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_NONE);
    one = before("at", "2024-03-01");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_NONE);
    one = before("at", "2024-03-31");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_SOME);
    one = before("at", "2024-04-01");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_ALL);
    assert_int_equal(reach(&one, 1, nulls, of_2024), SHALE_ERASURE_SOME);
    assert_int_equal(reach(&one, 1, "", of_2024), SHALE_ERASURE_SOME);
    /* A bound of another writer may be cut to milliseconds: the last moment may be in the file. */
    one = before("at", "2024-03-31T00:00:00.000500Z");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_SOME);
    one = equal("year", "2024");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_ALL);
    assert_int_equal(reach(&one, 1, stats, of_null), SHALE_ERASURE_NONE);
    one = equal("gone", "x");
    assert_int_equal(reach(&one, 1, stats, of_2024), SHALE_ERASURE_NONE);
    assert_int_equal(reach((struct shale_erasure[]){equal("year", "2024"), joined(equal("n", "4"))},
                           2, stats, of_2024),
                     SHALE_ERASURE_NONE);
    assert_int_equal(reach((struct shale_erasure[]){equal("year", "2024"), joined(equal("n", "5"))},
                           2, stats, of_2024),
                     SHALE_ERASURE_SOME);
    assert_int_equal(
        reach((struct shale_erasure[]){equal("n", "4"), equal("year", "2024")}, 2, stats, of_2024),
        SHALE_ERASURE_ALL);
}

/* ---- Streams -----------------------------------------------------------------------------------
 */

static void nothing_wrong(void *ctx, bool warning, const struct shale_err *err)
{
    (void)ctx;
    (void)warning;
    fail_msg("%s", err->message);
}

/* The year of a partition is that of the field behind it. */
static void test_stream(void **state)
{
    static const char text[] = "stream: s\nsource: {path: /in}\nfields:\n"
                               "  - {name: n, from: /n, type: int64}\n"
                               "  - {name: at, from: /at, type: timestamp}\n"
                               "output: {path: /out, partition_by: [{year: at}]}\n";
    const struct shale_erasure year = equal("year", "2024");
    struct shale_stream *stream;
    struct shale_erasures *erasures;
    struct shale_builder *builder;
    struct shale_column view;
    bool keep[2] = {true, true};
    size_t n;
    (void)state;
    assert_int_equal(shale_definition_read(&shale_mem_libc, "s.yaml", text, sizeof text - 1,
                                           nothing_wrong, NULL, &stream),
                     SHALE_OK);
    assert_int_equal(shale_erasures_of_stream(&shale_mem_libc, &year, 1, stream, &erasures, NULL),
                     SHALE_OK);
    assert_int_equal(shale_erasures_columns(erasures, &n)[0], 1);
    assert_int_equal(n, 1);
    assert_int_equal(shale_builder_new(&shale_mem_libc, &stream->schema, &builder), SHALE_OK);
    shale_builder_i64(builder, 0, 1);
    shale_builder_i64(builder, 1, INT64_C(1704067199999999));
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
    shale_builder_i64(builder, 0, 1);
    shale_builder_i64(builder, 1, INT64_C(1704067200000000));
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
    shale_builder_column(builder, 1, &view);
    assert_int_equal(shale_erasures_rows(erasures, NULL, &view, NULL, 2, keep), SHALE_OK);
    assert_true(keep[0]);
    assert_false(keep[1]);
    shale_builder_free(builder);
    shale_erasures_free(erasures);
    shale_stream_free(stream);
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

static void *fail_at(void *ctx, void *ptr, size_t n_bytes)
{
    int *left = ctx;
    if (n_bytes > 0 && (*left)-- == 0)
        return NULL;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

static void test_no_memory(void **state)
{
    const struct shale_erasure conditions[] = {equal("n", "4"), joined(equal("year", "2024")),
                                               before("at", "2024-01-01")};
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 0; status == SHALE_NOMEM; n++) {
        int left = n;
        const struct shale_mem mem = {fail_at, &left};
        struct shale_log_add add = {.partition_values = of_2024,
                                    .n_partition_values = 1,
                                    .n_rows = 1,
                                    .stats = SHALE_STR("{\"minValues\":{\"n\":5}}")};
        struct shale_erasures *erasures;
        enum shale_erasure_reach out;
        assert_true(n < 1000);
        status = shale_erasures_of_table(&mem, conditions, 3, &table, &erasures, NULL);
        if (status == SHALE_OK)
            status = shale_erasures_file(erasures, &add, &out);
        shale_erasures_free(erasures);
    }
    assert_int_equal(status, SHALE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_stream),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
