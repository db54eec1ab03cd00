/* SPDX-License-Identifier: MIT */
/* json/writer: commas, escapes, numbers that read back. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "json/number.h"
#include "json/writer.h"
#include "scratch.h"

static void put_everything(struct shale_json_writer *writer)
{
    shale_json_put_begin(writer, '{');
    shale_json_put_name(writer, "list");
    shale_json_put_begin(writer, '[');
    shale_json_put_i64(writer, INT64_MIN);
    shale_json_put_i64(writer, 0);
    shale_json_put_begin(writer, '{');
    shale_json_put_end(writer, '}');
    shale_json_put_begin(writer, '[');
    shale_json_put_end(writer, ']');
    shale_json_put_null(writer);
    shale_json_put_end(writer, ']');
    shale_json_put_name(writer, "a\"b");
    shale_json_put_string(writer, SHALE_STR("\\\b\f\n\r\t\x01\x1F\x7F/\xE2\x82\xAC\0."));
    shale_json_put_name(writer, "bad");
    shale_json_put_string(writer, SHALE_STR("a\xC3(\xFF"));
    shale_json_put_name(writer, "none");
    shale_json_put_string(writer, (struct shale_str){NULL, 0});
    shale_json_put_name(writer, "yes");
    shale_json_put_bool(writer, true);
    shale_json_put_name(writer, "no");
    shale_json_put_bool(writer, false);
    shale_json_put_name(writer, "raw");
    shale_json_put_raw(writer, SHALE_STR("[1]"));
    shale_json_put_end(writer, '}');
}

static const char everything[] =
    "{\"list\":[-9223372036854775808,0,{},[],null],"
    "\"a\\\"b\":\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7F/\xE2\x82\xAC\\u0000.\","
    "\"bad\":\"a\xEF\xBF\xBD(\xEF\xBF\xBD\",\"none\":\"\",\"yes\":true,\"no\":false,\"raw\":[1]}";

static void test_writes_everything(void **state)
{
    struct shale_json_writer writer;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 10000);
    shale_json_writer_init(&writer, &out);
    put_everything(&writer);
    assert_int_equal(writer.status, SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&out), everything));
    shale_buf_fini(&out);
}

static struct shale_str print(struct shale_buf *out, double value)
{
    struct shale_json_writer writer;
    shale_buf_reset(out);
    shale_json_writer_init(&writer, out);
    shale_json_put_f64(&writer, value);
    assert_int_equal(writer.status, SHALE_OK);
    return shale_buf_str(out);
}

static void test_writes_doubles_that_read_back(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
        {1e23, "1e+23"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-2.5, "-2.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {HUGE_VAL, "null"},
        {-HUGE_VAL, "null"},
        {(double)NAN, "null"},
    };
    struct shale_buf out;
    uint64_t seed = 7;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 10000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(shale_str_is(print(&out, cases[i].value), cases[i].text));
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = scratch_random(&seed);
        double value, back = 0;
        memcpy(&value, &bits, 8);
        if (!isfinite(value))
            continue;
        assert_int_equal(shale_number_f64(print(&out, value), &back), SHALE_NUMBER_OK);
        assert_memory_equal(&back, &value, 8);
        assert_true(shale_number_valid(shale_buf_str(&out)));
    }
    shale_buf_fini(&out);
}

static void test_does_not_look_at_the_locale(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    struct shale_buf out;
    bool any = false;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 10000);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        double back = 0;
        if (setlocale(LC_ALL, names[i]) == NULL)
            continue;
        any = true;
        assert_true(shale_str_is(print(&out, -1234567.25), "-1234567.25"));
        assert_int_equal(shale_number_f64(SHALE_STR("1.5"), &back), SHALE_NUMBER_OK);
        assert_true(back == 1.5);
    }
    (void)setlocale(LC_ALL, "C");
    shale_buf_fini(&out);
    if (!any) {
        print_message("no locale with a decimal comma is installed: skipped\n");
        skip();
    }
}

static void test_keeps_the_first_failure(void **state)
{
    struct shale_json_writer writer;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 3);
    shale_json_writer_init(&writer, &out);
    shale_json_put_i64(&writer, 12);
    shale_json_put_i64(&writer, 345);
    assert_int_equal(writer.status, SHALE_LIMIT);
    shale_json_put_bool(&writer, true);
    assert_true(shale_str_is(shale_buf_str(&out), "12,"));
    shale_buf_fini(&out);
}

static void test_fails_without_memory(void **state)
{
    struct shale_json_writer writer = {.status = SHALE_NOMEM};
    int n = 0;
    (void)state;
    while (writer.status != SHALE_OK) {
        struct failing_mem failing;
        struct shale_buf out;
        failing_mem_init(&failing, ++n);
        shale_buf_init(&out, &failing.mem, 10000);
        shale_json_writer_init(&writer, &out);
        for (int i = 0; i < 10; i++)
            put_everything(&writer);
        assert_true(writer.status == SHALE_OK || writer.status == SHALE_NOMEM);
        shale_buf_fini(&out);
    }
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_everything),
        cmocka_unit_test(test_writes_doubles_that_read_back),
        cmocka_unit_test(test_does_not_look_at_the_locale),
        cmocka_unit_test(test_keeps_the_first_failure),
        cmocka_unit_test(test_fails_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
