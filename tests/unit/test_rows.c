/* SPDX-License-Identifier: MIT */
/* columns/json_rows, csv_rows, table_rows: every type as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/checked.h"
#include "columns/csv_rows.h"
#include "columns/json_rows.h"
#include "columns/table_rows.h"
#include "columns/text_width.h"
#include "nested_rows.h"
#include "scratch.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

/* ---- One value of each type -------------------------------------------------------------------
 */

struct given {
    struct shale_type type;
    const void *data;
    const char *bytes; /* of layout BYTES */
    const char *json, *csv;
};

static const bool yes = true;
static const int32_t minus_one = -1, leap_day = 19782, day_before = -719529, far_day = INT32_MAX;
static const int64_t minus_one_i64 = -1, most = INT64_MAX, least = INT64_MIN;
static const int64_t day_end = 86399999, in_2024 = 1709164800123, before_epoch = -1;
static const float tenth_f32 = 0.1f;
static const double tenth = 0.1, big = 1e300;
static const shale_i128 cents = -150;
static const uint8_t uuid[16] = {0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3,
                                 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00};

#define UUID "123e4567-e89b-12d3-a456-426614174000"

static const struct given values[] = {
    {{.kind = SHALE_BOOL}, &yes, NULL, "true", "true"},
    {{.kind = SHALE_INT8}, &minus_one, NULL, "-1", "-1"},
    {{.kind = SHALE_INT32}, &minus_one, NULL, "-1", "-1"},
    {{.kind = SHALE_UINT32}, &minus_one, NULL, "4294967295", "4294967295"},
    {{.kind = SHALE_INT64}, &least, NULL, "-9223372036854775808", "-9223372036854775808"},
    {{.kind = SHALE_UINT64}, &minus_one_i64, NULL, "18446744073709551615", "18446744073709551615"},
    {{.kind = SHALE_FLOAT32}, &tenth_f32, NULL, "0.1", "0.1"},
    {{.kind = SHALE_FLOAT64}, &tenth, NULL, "0.1", "0.1"},
    {{.kind = SHALE_FLOAT64}, &big, NULL, "1e+300", "1e+300"},
    {{.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}, &cents, NULL, "-1.50", "-1.50"},
    {{.kind = SHALE_DATE}, &leap_day, NULL, "\"2024-02-29\"", "2024-02-29"},
    {{.kind = SHALE_DATE}, &day_before, NULL, "\"-000001-12-31\"", "-000001-12-31"},
    {{.kind = SHALE_DATE}, &far_day, NULL, "\"+5881580-07-11\"", "+5881580-07-11"},
    {{.kind = SHALE_TIME, .unit = SHALE_MS}, &day_end, NULL, "\"23:59:59.999\"", "23:59:59.999"},
    {{.kind = SHALE_TIME, .unit = SHALE_US}, &minus_one_i64, NULL, "\"-1\"", "-1"},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS},
     &in_2024,
     NULL,
     "\"2024-02-29T00:00:00.123Z\"",
     "2024-02-29T00:00:00.123Z"},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS, .local = true},
     &in_2024,
     NULL,
     "\"2024-02-29T00:00:00.123\"",
     "2024-02-29T00:00:00.123"},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_US},
     &before_epoch,
     NULL,
     "\"1969-12-31T23:59:59.999999Z\"",
     "1969-12-31T23:59:59.999999Z"},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_NS},
     &most,
     NULL,
     "\"2262-04-11T23:47:16.854775807Z\"",
     "2262-04-11T23:47:16.854775807Z"},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS},
     &least,
     NULL,
     "\"-292275055-05-16T16:47:04.192Z\"",
     "-292275055-05-16T16:47:04.192Z"},
    {{.kind = SHALE_UUID, .annotate = true}, uuid, NULL, "\"" UUID "\"", UUID},
    {{.kind = SHALE_UUID}, NULL, UUID, "\"" UUID "\"", UUID},
    {{.kind = SHALE_STRING}, NULL, "", "\"\"", "\"\""},
    {{.kind = SHALE_STRING},
     NULL,
     "a,\"b\"\n\xFF",
     "\"a,\\\"b\\\"\\n\xEF\xBF\xBD\"",
     "\"a,\"\"b\"\"\n\xEF\xBF\xBD\""},
    {{.kind = SHALE_BINARY}, NULL, "", "\"\"", "\"\""},
    {{.kind = SHALE_BINARY}, NULL, "f", "\"Zg==\"", "Zg=="},
    {{.kind = SHALE_BINARY}, NULL, "fo", "\"Zm8=\"", "Zm8="},
    {{.kind = SHALE_BINARY}, NULL, "foobar", "\"Zm9vYmFy\"", "Zm9vYmFy"},
    {{.kind = SHALE_FIXED, .width = 3}, NULL, "\xFF\xFE\xFD", "\"//79\"", "//79"},
    {{.kind = SHALE_JSON}, NULL, " {\"a\": [1]}", " {\"a\": [1]}", "\" {\"\"a\"\": [1]}\""},
    {{.kind = SHALE_JSON}, NULL, "{\"a\":\n 1}", "{\"a\":1}", "\"{\"\"a\"\":\n 1}\""},
    {{.kind = SHALE_JSON},
     NULL,
     "12345678901234567890",
     "12345678901234567890",
     "12345678901234567890"},
    {{.kind = SHALE_JSON}, NULL, "nul", "\"nul\"", "nul"},
    {{.kind = SHALE_JSON}, NULL, "1 2", "\"1 2\"", "1 2"},
    {{.kind = SHALE_JSON}, NULL, "[1", "\"[1\"", "[1"},
    {{.kind = SHALE_JSON}, NULL, " ", "\" \"", " "},
    {{.kind = SHALE_JSON}, NULL, "", "\"\"", "\"\""},
};

static struct shale_column column_of(const struct given *given, int32_t offsets[2])
{
    struct shale_column column = {.n_rows = 1, .data = given->data};
    if (given->bytes == NULL)
        return column;
    offsets[0] = 0;
    offsets[1] = (int32_t)strlen(given->bytes);
    column.offsets = offsets;
    column.data = given->bytes;
    return column;
}

static void check_text(const struct shale_buf *out, const char *expected)
{
    if (!shale_str_is(shale_buf_str(out), expected))
        fail_msg("expected <%s>, found <%.*s>", expected, (int)out->n_bytes, out->data);
}

static void check_value(const struct given *given, struct shale_buf *out)
{
    const struct shale_column_def def = {.name = {"x", 1}, .type = given->type};
    struct shale_json_rows json;
    struct shale_csv_rows csv;
    int32_t offsets[2];
    char expected[200];
    struct shale_column column = column_of(given, offsets);
    assert_int_equal(shale_json_rows_init(&json, &shale_mem_libc, &def, 1), SHALE_OK);
    assert_int_equal(shale_csv_rows_init(&csv, &shale_mem_libc, &def, 1), SHALE_OK);
    shale_buf_reset(out);
    assert_int_equal(shale_json_rows_append(&json, &column, 0, out), SHALE_OK);
    (void)snprintf(expected, sizeof expected, "{\"x\":%s}\n", given->json);
    check_text(out, expected);
    shale_buf_reset(out);
    assert_int_equal(shale_csv_rows_append(&csv, &column, 0, out), SHALE_OK);
    (void)snprintf(expected, sizeof expected, "%s\r\n", given->csv);
    check_text(out, expected);
    shale_json_rows_fini(&json);
    shale_csv_rows_fini(&csv);
}

static void test_values(void **state)
{
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < N(values); i++)
        check_value(&values[i], &out);
    shale_buf_fini(&out);
}

static void test_what_is_no_number(void **state)
{
    const struct shale_column_def defs[] = {{.name = {"d", 1}, .type = {.kind = SHALE_FLOAT64}},
                                            {.name = {"f", 1}, .type = {.kind = SHALE_FLOAT32}}};
    const double d[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    const float f[] = {NAN, INFINITY, -INFINITY};
    const struct shale_column columns[] = {{.n_rows = 3, .data = d}, {.n_rows = 3, .data = f}};
    struct shale_json_rows json;
    struct shale_csv_rows csv;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_json_rows_init(&json, &shale_mem_libc, defs, 2), SHALE_OK);
    assert_int_equal(shale_csv_rows_init(&csv, &shale_mem_libc, defs, 2), SHALE_OK);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(shale_csv_rows_append(&csv, columns, i, &out), SHALE_OK);
    assert_int_equal(shale_json_rows_append(&json, columns, 0, &out), SHALE_OK);
    check_text(&out, "NaN,NaN\r\nInfinity,Infinity\r\n-Infinity,-Infinity\r\n"
                     "{\"d\":null,\"f\":null}\n");
    shale_json_rows_fini(&json);
    shale_csv_rows_fini(&csv);
    shale_buf_fini(&out);
}

/* ---- Nested -----------------------------------------------------------------------------------
 */

static const char nested_csv[] =
    "s,m,n\r\n"
    "\"{\"\"a\"\":7,\"\"b\"\":[\"\"x\"\",null]}\",\"{\"\"k\"\":1,\"\"l\"\":null}\","
    "\"[{\"\"key\"\":5,\"\"value\"\":true}]\"\r\n"
    ",{},\r\n"
    "\"{\"\"a\"\":null,\"\"b\"\":[]}\",,[]\r\n";
static const char nested_table[] =
    "s                       m                 n\n"
    "----------------------  ----------------  ----------------------\n"
    "{\"a\":7,\"b\":[\"x\",null]}  {\"k\":1,\"l\":null}  [{\"key\":5,\"value\":tru…\n"
    "null                    {}                null\n"
    "{\"a\":null,\"b\":[]}       null              []\n"
    "\n"
    "3 rows\n";

/* Every format of the nested rows, one after the other; SHALE_NOMEM when 'mem' says so. */
static enum shale_status put_nested(const struct shale_mem *mem, struct shale_buf *out)
{
    struct shale_json_rows json = {0};
    struct shale_csv_rows csv = {0};
    struct shale_table_rows table = {0};
    enum shale_status status = shale_json_rows_init(&json, mem, nested_defs, 3);
    for (int64_t i = 0; i < 3 && status == SHALE_OK; i++)
        status = shale_json_rows_append(&json, nested, i, out);
    if (status == SHALE_OK)
        status = shale_csv_rows_init(&csv, mem, nested_defs, 3);
    if (status == SHALE_OK)
        status = shale_csv_rows_header(&csv, out);
    for (int64_t i = 0; i < 3 && status == SHALE_OK; i++)
        status = shale_csv_rows_append(&csv, nested, i, out);
    if (status == SHALE_OK)
        status = shale_table_rows_init(&table, mem, nested_defs, 3, 64);
    for (int64_t i = 0; i < 3 && status == SHALE_OK; i++)
        status = shale_table_rows_append(&table, nested, i, out);
    if (status == SHALE_OK)
        status = shale_table_rows_finish(&table, out);
    shale_json_rows_fini(&json);
    shale_csv_rows_fini(&csv);
    shale_table_rows_fini(&table);
    return status;
}

static void test_nested(void **state)
{
    struct shale_buf out;
    char expected[3000];
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(put_nested(&shale_mem_libc, &out), SHALE_OK);
    (void)snprintf(expected, sizeof expected, "%s%s%s", nested_json, nested_csv, nested_table);
    check_text(&out, expected);
    shale_buf_fini(&out);
}

static void test_fails_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct shale_buf out;
        failing_mem_init(&failing, ++n);
        shale_buf_init(&out, &failing.mem, 1 << 20);
        status = put_nested(&failing.mem, &out);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&out);
    }
    assert_true(n > 10);
}

/* ---- Tables -----------------------------------------------------------------------------------
 */

static const struct shale_column_def pair_defs[] = {
    {.name = {"name", 4}, .type = {.kind = SHALE_STRING}},
    {.name = {"n", 1}, .type = {.kind = SHALE_INT64}}};

/* The texts, with a number beside each, in a table of 'width'. */
static void check_table(const char *const *texts, size_t n, size_t width, const char *expected)
{
    struct shale_table_rows table;
    struct shale_buf out;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_table_rows_init(&table, &shale_mem_libc, pair_defs, 2, width), SHALE_OK);
    for (size_t i = 0; i < n; i++) {
        const int32_t offsets[] = {0, (int32_t)strlen(texts[i])};
        const int64_t number = (int64_t)i * 10;
        const struct shale_column columns[] = {{.n_rows = 1, .offsets = offsets, .data = texts[i]},
                                               {.n_rows = 1, .data = &number}};
        assert_int_equal(shale_table_rows_append(&table, columns, 0, &out), SHALE_OK);
    }
    assert_int_equal(shale_table_rows_finish(&table, &out), SHALE_OK);
    check_text(&out, expected);
    shale_table_rows_fini(&table);
    shale_buf_fini(&out);
}

static void test_characters_in_tables(void **state)
{
    static const char *const texts[] = {"plain", "\xE6\x97\xA5\xE6\x9C\xAC", "e\xCC\x81",
                                        "a\x1B[31m\n", "\xE2\x80\xAEx\xFF"};
    (void)state;
    check_table(texts, N(texts), 0,
                "name            n\n"
                "-------------  --\n"
                "plain           0\n"
                "\xE6\x97\xA5\xE6\x9C\xAC           10\n"
                "e\xCC\x81              20\n"
                "a\\u001b[31m\\n  30\n"
                "\\u202ex\xEF\xBF\xBD       40\n"
                "\n5 rows\n");
}

static void test_tables_fit(void **state)
{
    static const char *const texts[] = {
        "12345678901234", "\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5"
                          "\xE6\x9C\xAC"};
    (void)state;
    check_table(texts, 2, 14,
                "name         n\n"
                "----------  --\n"
                "123456789\xE2\x80\xA6   0\n"
                "\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5\xE6\x9C\xAC\xE2\x80\xA6   10\n"
                "\n2 rows\n");
    check_table(texts, 1, 9,
                "name\n"
                "---------\n"
                "12345678\xE2\x80\xA6\n"
                "\n1 row, the first 1 of 2 columns\n");
    check_table(texts, 0, 80, "name  n\n----  -\n\n0 rows\n");
}

static void test_tables_stream(void **state)
{
    struct shale_table_rows table;
    struct shale_buf out;
    const int32_t offsets[] = {0, 3, 13};
    const int64_t numbers[] = {1, 1234567};
    const struct shale_column columns[] = {
        {.n_rows = 2, .offsets = offsets, .data = "abc0123456789"}, {.n_rows = 2, .data = numbers}};
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_table_rows_init(&table, &shale_mem_libc, pair_defs, 2, 0), SHALE_OK);
    for (int i = 0; i < 999; i++)
        assert_int_equal(shale_table_rows_append(&table, columns, 0, &out), SHALE_OK);
    assert_int_equal(out.n_bytes, 0);
    assert_int_equal(shale_table_rows_append(&table, columns, 0, &out), SHALE_OK);
    assert_true(out.n_bytes > 0);
    shale_buf_reset(&out);
    assert_int_equal(shale_table_rows_append(&table, columns, 1, &out), SHALE_OK);
    check_text(&out, "012\xE2\x80\xA6  \xE2\x80\xA6\n"); /* the widths are settled */
    shale_table_rows_fini(&table);
    shale_buf_fini(&out);
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(shale_char_width('a'), 1);
    assert_int_equal(shale_char_width(0xE9), 1);
    assert_int_equal(shale_char_width(0x301), 0);
    assert_int_equal(shale_char_width(0x200D), 0);
    assert_int_equal(shale_char_width(0x1100), 2);
    assert_int_equal(shale_char_width(0x1160), 0);
    assert_int_equal(shale_char_width(0xAC00), 2);
    assert_int_equal(shale_char_width(0xFF21), 2);
    assert_int_equal(shale_char_width(0x1F600), 2);
    assert_int_equal(shale_char_width(0x20000), 2);
    assert_int_equal(shale_char_width(0x10FFFF), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_fails_without_memory),
        cmocka_unit_test(test_characters_in_tables),
        cmocka_unit_test(test_tables_fit),
        cmocka_unit_test(test_tables_stream),
        cmocka_unit_test(test_widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
