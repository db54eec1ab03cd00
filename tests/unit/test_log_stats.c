/* SPDX-License-Identifier: MIT */
/* dataset/log_stats: bounds over row groups, and what Delta reads of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataset/log_stats.h"
#include "scratch.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* A chunk of 10 values, 'n_nulls' of them null, with bounds of 'n_bytes' (0: none). */
static struct shale_chunk_meta chunk(const void *minimum, size_t n_minimum, const void *maximum,
                                     size_t n_maximum, int64_t n_nulls)
{
    struct shale_chunk_meta meta = {.n_values = 10, .n_nulls = n_nulls, .n_rows = 10};
    meta.bounds.has_minimum = n_minimum > 0;
    meta.bounds.has_maximum = n_maximum > 0;
    meta.bounds.minimum_bytes = (uint8_t)n_minimum;
    meta.bounds.maximum_bytes = (uint8_t)n_maximum;
    if (n_minimum > 0)
        memcpy(meta.bounds.minimum, minimum, n_minimum);
    if (n_maximum > 0)
        memcpy(meta.bounds.maximum, maximum, n_maximum);
    return meta;
}

/* Statistics of one column 'c', of one or two chunks. */
static const char *stats_of(struct shale_type type, const struct shale_chunk_meta *chunks, size_t n)
{
    static char text[1000];
    const struct shale_column_def column = {.name = NAME("c"), .type = type};
    const struct shale_schema schema = {&column, 1};
    const struct shale_leaf leaf = shale_leaf_of(&type);
    struct shale_log_leaf leaves[1] = {{.n_values = 0}};
    struct shale_buf out;
    for (size_t i = 0; i < n; i++)
        shale_log_stats_merge(&leaf, &chunks[i], leaves);
    shale_buf_init(&out, &shale_mem_libc, sizeof text);
    assert_int_equal(shale_log_stats_json(&schema, leaves, 10 * (int64_t)n, &out), SHALE_OK);
    (void)snprintf(text, sizeof text, "%.*s", (int)out.n_bytes, out.data);
    shale_buf_fini(&out);
    return text;
}

static const char *stats_i64(struct shale_type type, int64_t minimum, int64_t maximum)
{
    const struct shale_chunk_meta meta = chunk(&minimum, 8, &maximum, 8, 1);
    return stats_of(type, &meta, 1);
}

#define STATS(n, minimum, maximum, nulls)                                                          \
    "{\"numRecords\":" n ",\"minValues\":{" minimum "},\"maxValues\":{" maximum                    \
    "},\"nullCount\":{\"c\":" nulls "}}"

static void writes_numbers(void **unused)
{
    const double infinity[] = {-1e300 * 1e10, 2.5};
    const float narrow[] = {0.5f, 16777216.0f};
    struct shale_chunk_meta meta;
    (void)unused;
    assert_string_equal(stats_i64((struct shale_type){.kind = SHALE_INT64}, -5, INT64_MAX),
                        STATS("10", "\"c\":-5", "\"c\":9223372036854775807", "1"));
    meta = chunk(&infinity[0], 8, &infinity[1], 8, 0);
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_FLOAT64}, &meta, 1),
                        STATS("10", "", "\"c\":2.5", "0"));
    meta = chunk(&narrow[0], 4, &narrow[1], 4, 0);
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_FLOAT32}, &meta, 1),
                        STATS("10", "\"c\":0.5", "\"c\":16777216", "0"));
    assert_string_equal(
        stats_i64((struct shale_type){.kind = SHALE_DECIMAL, .precision = 18, .scale = 2}, -150, 5),
        STATS("10", "\"c\":-1.50", "\"c\":0.05", "1"));
    meta = chunk("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 9, "\x00\x01\x00\x00\x00\x00\x00\x00\x00",
                 9, 0);
    assert_string_equal(
        stats_of((struct shale_type){.kind = SHALE_DECIMAL, .precision = 20, .scale = 1}, &meta, 1),
        STATS("10", "\"c\":-0.2", "\"c\":7205759403792793.6", "0"));
}

static void writes_times(void **unused)
{
    const struct shale_type us = {.kind = SHALE_TIMESTAMP, .unit = SHALE_US};
    const int32_t days[] = {-1, 19782};
    struct shale_chunk_meta meta = chunk(&days[0], 4, &days[1], 4, 0);
    (void)unused;
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_DATE}, &meta, 1),
                        STATS("10", "\"c\":\"1969-12-31\"", "\"c\":\"2024-02-29\"", "0"));
    assert_string_equal(stats_i64(us, 1999, 1001),
                        STATS("10", "\"c\":\"1970-01-01T00:00:00.001Z\"",
                              "\"c\":\"1970-01-01T00:00:00.002Z\"", "1"));
    assert_string_equal(stats_i64(us, -1, -1001), STATS("10", "\"c\":\"1969-12-31T23:59:59.999Z\"",
                                                        "\"c\":\"1969-12-31T23:59:59.999Z\"", "1"));
    assert_string_equal(stats_i64(us, 2000, 2000),
                        STATS("10", "\"c\":\"1970-01-01T00:00:00.002Z\"",
                              "\"c\":\"1970-01-01T00:00:00.002Z\"", "1"));
    /* the last millisecond of the year 9999 cannot be rounded up; year 0 is the first */
    assert_string_equal(stats_i64(us, INT64_C(-62167219200000000), INT64_C(253402300799999001)),
                        STATS("10", "\"c\":\"0000-01-01T00:00:00.000Z\"", "", "1"));
    assert_string_equal(stats_i64(us, INT64_MIN, INT64_MAX), STATS("10", "", "", "1"));
    assert_string_equal(
        stats_i64((struct shale_type){.kind = SHALE_TIMESTAMP, .unit = SHALE_MS}, 1, 1),
        STATS("10", "\"c\":\"1970-01-01T00:00:00.001Z\"", "\"c\":\"1970-01-01T00:00:00.001Z\"",
              "1"));
}

static void writes_texts(void **unused)
{
    struct shale_chunk_meta meta = chunk("a\"", 2, "\xC3\xA4", 2, 0);
    (void)unused;
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_STRING}, &meta, 1),
                        STATS("10", "\"c\":\"a\\\"\"", "\"c\":\"\xC3\xA4\"", "0"));
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_UUID}, &meta, 1),
                        STATS("10", "\"c\":\"a\\\"\"", "\"c\":\"\xC3\xA4\"", "0"));
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_JSON}, &meta, 1),
                        STATS("10", "\"c\":\"a\\\"\"", "\"c\":\"\xC3\xA4\"", "0"));
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_BINARY}, &meta, 1),
                        STATS("10", "", "", "0"));
    meta = chunk("\xC3", 1, "\xFF", 1, 0); /* of a file of others: no UTF-8 */
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_STRING}, &meta, 1),
                        STATS("10", "", "", "0"));
    meta = chunk("\x00", 1, "\x01", 1, 3);
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_BOOL}, &meta, 1),
                        STATS("10", "\"c\":false", "\"c\":true", "3"));
}

static void merges_row_groups(void **unused)
{
    const int64_t a[] = {5, 9}, b[] = {-3, 7};
    const int32_t c[] = {-1, 1};
    const struct shale_type i64 = {.kind = SHALE_INT64};
    struct shale_chunk_meta two[2] = {chunk(&a[0], 8, &a[1], 8, 1), chunk(&b[0], 8, &b[1], 8, 2)};
    (void)unused;
    assert_string_equal(stats_of(i64, two, 2), STATS("20", "\"c\":-3", "\"c\":9", "3"));
    two[1] = chunk(NULL, 0, NULL, 0, 10); /* all null: says nothing against the bounds */
    assert_string_equal(stats_of(i64, two, 2), STATS("20", "\"c\":5", "\"c\":9", "11"));
    two[1] = chunk(&b[0], 8, NULL, 0, 0); /* values above may be anything */
    assert_string_equal(stats_of(i64, two, 2), STATS("20", "\"c\":-3", "", "1"));
    two[0] = chunk(&c[1], 4, &c[1], 4, 0);
    two[1] = chunk(&c[0], 4, &c[0], 4, 0);
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_INT32}, two, 2),
                        STATS("20", "\"c\":-1", "\"c\":1", "0"));
    two[0] = chunk("b", 1, "b", 1, 0);
    two[1] = chunk("a", 1, "ba", 2, 0);
    assert_string_equal(stats_of((struct shale_type){.kind = SHALE_STRING}, two, 2),
                        STATS("20", "\"c\":\"a\"", "\"c\":\"ba\"", "0"));
    two[0] = chunk("\x00\x00\x00\x00\x00\x00\x00\x00\x01", 9,
                   "\x00\x00\x00\x00\x00\x00\x00\x00\x01", 9, 0);
    two[1] = chunk("\xFF\x00\x00\x00\x00\x00\x00\x00\x00", 9,
                   "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9, 0);
    assert_string_equal(
        stats_of((struct shale_type){.kind = SHALE_DECIMAL, .precision = 20}, two, 2),
        STATS("20", "\"c\":-18446744073709551616", "\"c\":1", "0"));
}

static const struct shale_type_member inner[] = {{NAME("y"), {.kind = SHALE_BOOL}}};
static const struct shale_type_member members[] = {
    {NAME("x"), {.kind = SHALE_INT64}},
    {NAME("l"), {.kind = SHALE_LIST, .members = inner, .n_members = 1}},
    {NAME("s"), {.kind = SHALE_STRUCT, .members = inner, .n_members = 1}}};
static const struct shale_column_def nested[] = {
    {.name = NAME("p"), .type = {.kind = SHALE_INT64}, .partition_only = true},
    {.name = NAME("m"), .type = {.kind = SHALE_LIST, .members = inner, .n_members = 1}},
    {.name = NAME("c"), .type = {.kind = SHALE_STRUCT, .members = members, .n_members = 3}},
    {.name = NAME("z"), .type = {.kind = SHALE_INT64}}};

static void nests_structs(void **unused)
{
    const struct shale_schema schema = {nested, 4};
    struct shale_log_leaf leaves[5] = {
        {.n_nulls = 1}, {.n_nulls = 2}, {.n_nulls = 3}, {.n_nulls = 4}, {.n_nulls = 5}};
    const int64_t one = 1;
    struct shale_buf out;
    (void)unused;
    assert_int_equal(shale_leaf_count(&schema), 5);
    leaves[1].bounds = chunk(&one, 8, &one, 8, 0).bounds;
    shale_buf_init(&out, &shale_mem_libc, 1000);
    assert_int_equal(shale_log_stats_json(&schema, leaves, 2, &out), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&out),
                             "{\"numRecords\":2,\"minValues\":{\"c\":{\"x\":1}},"
                             "\"maxValues\":{\"c\":{\"x\":1}},"
                             "\"nullCount\":{\"c\":{\"x\":2,\"s\":{\"y\":4}},\"z\":5}}"));
    shale_buf_fini(&out);
}

static void runs_out_of_memory(void **unused)
{
    const struct shale_schema schema = {nested, 4};
    const struct shale_log_leaf leaves[5] = {{.n_nulls = 1}};
    enum shale_status status = SHALE_NOMEM;
    (void)unused;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_buf out;
        failing_mem_init(&failing, n);
        shale_buf_init(&out, &failing.mem, 1000);
        status = shale_log_stats_json(&schema, leaves, 2, &out);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_numbers), cmocka_unit_test(writes_times),
        cmocka_unit_test(writes_texts),   cmocka_unit_test(merges_row_groups),
        cmocka_unit_test(nests_structs),  cmocka_unit_test(runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
