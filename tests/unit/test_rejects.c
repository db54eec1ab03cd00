/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/rejects.h"

#include <stdlib.h>

enum {
    OBJECT,
    RECORD,
    BYTE,
    POINTER,
    FIELD,
    RULE,
    MESSAGE,
    EVENT,
    EVENT_BINARY,
    EVENT_BYTES,
    SOURCE,
    TAG
};

static struct shale_builder *one_row(const struct shale_reject_row *row)
{
    struct shale_builder *builder;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &shale_rejects_schema, &builder), SHALE_OK);
    assert_int_equal(shale_rejects_append(builder, row), SHALE_OK);
    assert_int_equal(shale_builder_n_rows(builder), 1);
    return builder;
}

static bool is_null(const struct shale_builder *builder, size_t column)
{
    struct shale_column view;
    shale_builder_column(builder, column, &view);
    return shale_column_is_null(&view, 0);
}

static int64_t number(const struct shale_builder *builder, size_t column)
{
    struct shale_column view;
    shale_builder_column(builder, column, &view);
    return ((const int64_t *)view.data)[0];
}

static struct shale_str text(const struct shale_builder *builder, size_t column)
{
    struct shale_column view;
    shale_builder_column(builder, column, &view);
    return (struct shale_str){(const char *)view.data + view.offsets[0],
                              (size_t)(view.offsets[1] - view.offsets[0])};
}

static void test_event(void **state)
{
    const struct shale_reject_row row = {.object = SHALE_STR("a.json"),
                                         .record = 0,
                                         .byte = 7,
                                         .pointer = SHALE_STR("/a/0"),
                                         .field = SHALE_STR("a"),
                                         .rule = "type",
                                         .message = "expected",
                                         .raw = SHALE_STR("{\"a\":[1]}"),
                                         .raw_bytes = 9,
                                         .source = SHALE_STR("/in"),
                                         .tag = SHALE_STR("9-1")};
    struct shale_builder *builder = one_row(&row);
    (void)state;
    assert_int_equal(SHALE_REJECTS_RECORD, RECORD);
    assert_true(shale_str_is(text(builder, OBJECT), "a.json"));
    assert_int_equal(number(builder, RECORD), 0);
    assert_int_equal(number(builder, BYTE), 7);
    assert_true(shale_str_is(text(builder, POINTER), "/a/0"));
    assert_true(shale_str_is(text(builder, FIELD), "a"));
    assert_true(shale_str_is(text(builder, RULE), "type"));
    assert_true(shale_str_is(text(builder, MESSAGE), "expected"));
    assert_true(shale_str_is(text(builder, EVENT), "{\"a\":[1]}"));
    assert_true(is_null(builder, EVENT_BINARY));
    assert_int_equal(number(builder, EVENT_BYTES), 9);
    assert_true(shale_str_is(text(builder, SOURCE), "/in"));
    assert_true(shale_str_is(text(builder, TAG), "9-1"));
    shale_builder_free(builder);
}

static void test_object(void **state)
{
    const struct shale_reject_row row = {.object = SHALE_STR("a\xFF"),
                                         .record = -1,
                                         .byte = -1,
                                         .rule = "object",
                                         .message = "m\xC3"};
    struct shale_builder *builder = one_row(&row);
    (void)state;
    assert_true(shale_str_is(text(builder, OBJECT), "a?"));
    assert_true(shale_str_is(text(builder, MESSAGE), "m?"));
    for (size_t column = RECORD; column <= FIELD; column++)
        assert_true(is_null(builder, column));
    for (size_t column = EVENT; column <= TAG; column++)
        assert_true(is_null(builder, column));
    shale_builder_free(builder);
}

static void test_bytes_that_are_no_text(void **state)
{
    const struct shale_reject_row row = {.object = SHALE_STR("a"),
                                         .rule = "r",
                                         .message = "",
                                         .raw = SHALE_STR("{\xFF"),
                                         .raw_bytes = 2};
    struct shale_builder *builder = one_row(&row);
    (void)state;
    assert_true(is_null(builder, EVENT));
    assert_true(shale_str_is(text(builder, EVENT_BINARY), "{\xFF"));
    shale_builder_free(builder);
}

/* Cut at 1 MiB, but not within a character. */
static void test_long_event_is_cut(void **state)
{
    size_t n = SHALE_REJECT_RAW_BYTES + 10;
    char *raw = malloc(n);
    struct shale_reject_row row = {
        .object = SHALE_STR("a"), .rule = "r", .message = "", .raw_bytes = 99999999};
    struct shale_builder *builder;
    (void)state;
    assert_non_null(raw);
    memset(raw, 'x', n);
    memcpy(raw + SHALE_REJECT_RAW_BYTES - 1, "\xC3\xA9", 2);
    row.raw = (struct shale_str){raw, n};
    builder = one_row(&row);
    assert_int_equal(text(builder, EVENT).n_bytes, SHALE_REJECT_RAW_BYTES - 1);
    assert_int_equal(number(builder, EVENT_BYTES), 99999999);
    shale_builder_free(builder);
    free(raw);
}

static void test_schema(void **state)
{
    struct shale_schema schema = shale_rejects_schema;
    struct shale_column_def columns[SHALE_REJECTS_COLUMNS];
    (void)state;
    memcpy(columns, schema.columns, sizeof columns);
    schema.columns = columns;
    assert_true(shale_rejects_is_schema(&schema));
    schema.n_columns = SHALE_REJECTS_LEAST_COLUMNS;
    assert_true(shale_rejects_is_schema(&schema));
    schema.n_columns++;
    assert_false(shale_rejects_is_schema(&schema));
    schema.n_columns++;
    columns[TAG].name = SHALE_STR("etag");
    assert_false(shale_rejects_is_schema(&schema));
    columns[TAG] = columns[RECORD];
    columns[TAG].name = SHALE_STR("tag");
    assert_false(shale_rejects_is_schema(&schema));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_long_event_is_cut),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
