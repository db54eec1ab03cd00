/* SPDX-License-Identifier: MIT */
/* schema/template: what matches, what each placeholder takes, what is no template, bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "schema/template.h"
#include "schema/time.h"

static struct shale_arena arena;

static int setup(void **state)
{
    (void)state;
    shale_arena_init(&arena, &shale_mem_libc, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shale_arena_fini(&arena);
    return 0;
}

static struct shale_template parse(const char *text)
{
    struct shale_template tmpl;
    struct shale_err err;
    shale_err_clear(&err);
    if (shale_template_parse(&arena, shale_str_of(text), &tmpl, &err) != SHALE_OK)
        fail_msg("%s: %s", text, err.message);
    return tmpl;
}

/* 'expected': "name=value name=value", or NULL for no match. */
static void check(const char *text, const char *key, const char *expected)
{
    struct shale_template tmpl = parse(text);
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    struct shale_buf out;
    if (!shale_template_match(&tmpl, shale_str_of(key), values)) {
        if (expected != NULL)
            fail_msg("'%s' does not match '%s'", text, key);
        return;
    }
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < tmpl.n_names; i++)
        assert_int_equal(shale_buf_printf(&out, "%s%.*s=%.*s", i == 0 ? "" : " ",
                                          SHALE_STR_ARG(tmpl.names[i]), SHALE_STR_ARG(values[i])),
                         SHALE_OK);
    assert_int_equal(shale_buf_append_byte(&out, '\0'), SHALE_OK);
    if (expected == NULL)
        fail_msg("'%s' matches '%s': %s", text, key, out.data);
    else
        assert_string_equal(out.data, expected);
    shale_buf_fini(&out);
}

static void test_stars(void **state)
{
    (void)state;
    check("a.json", "a.json", "");
    check("a.json", "b/a.json", NULL);
    check("*.json", "a.json", "");
    check("*.json", ".json", "");
    check("*.json", "b/a.json", NULL);
    check("*.json*", "a.json.gz", "");
    check("**/a.json", "a.json", "");
    check("**/a.json", "x/y/a.json", "");
    check("**/a.json", "xa.json", NULL);
    check("x/**/a", "x/a", "");
    check("x/**/a", "x/y/z/a", "");
    check("x/**/a", "xa", NULL);
    check("**", "", "");
    check("**", "a/b/c", "");
    check("a**b", "a/x/b", "");
    check("a**/b", "a/b", "");
    check("a**/b", "ab", NULL);
    check("**.json", "x/y.json", "");
    check("*", "a/b", NULL);
}

static void test_placeholders_take_the_shortest_text(void **state)
{
    (void)state;
    check("{a}-{b}", "x-y-z", "a=x b=y-z");
    check("{a}-{b}", "-y", NULL);
    check("{a}{b}", "xyz", "a=x b=yz");
    check("{a}{b}", "x", NULL);
    check("{a}/{b}", "x/y/z", NULL);
    check("**/{a}/*", "p/q/r/s", "a=r");
    check("log-{action}-{yyyymmdd}.json", "log-not-pass-qc-20240115.json",
          "action=not-pass-qc yyyymmdd=20240115");
    check("**/log-{action}-{yyyymmdd}-{hhmmss}-{adcid}-{project}-{ptid}-{visit}.json",
          "c/log-pass-qc-20240115-100000-42-ingest_form-110001-2024-01-15.json",
          "action=pass-qc yyyymmdd=20240115 hhmmss=100000 adcid=42 project=ingest_form "
          "ptid=110001 visit=2024-01-15");
    check("**/log-{action}-{yyyymmdd}.json", "log-submit-20240115-100000.json", NULL);
}

static void test_dates_are_real(void **state)
{
    (void)state;
    check("{yyyy}/{mm}/{dd}/{hh}", "2024/02/29/23", "yyyy=2024 mm=02 dd=29 hh=23");
    check("{yyyy}/{mm}/{dd}/{hh}", "2023/02/29/23", NULL);
    check("{yyyy}/{mm}/{dd}/{hh}", "2024/02/28/24", NULL);
    check("{yyyy}/{mm}", "2024/13", NULL);
    check("{yyyy}/{mm}", "2024/00", NULL);
    check("{yyyy}", "24", NULL);
    check("{yyyy}", "20240", NULL);
    check("{mm}-{dd}", "02-30", "mm=02 dd=30"); /* no year: no date to check */
    check("{yyyymmdd}{hhmmss}", "20240229235959", "yyyymmdd=20240229 hhmmss=235959");
    check("{yyyymmdd}{hhmmss}", "20230229235959", NULL);
    check("{yyyymmdd}{hhmmss}", "20240229235960", NULL);
    check("{yyyymmdd}", "2024022x", NULL);
}

static void test_cloudtrail_keys(void **state)
{
    static const char text[] = "**/{account}/CloudTrail/{region}/{yyyy}/{mm}/{dd}/*.json*";
    (void)state;
    check(text, "AWSLogs/o-1/123456789012/CloudTrail/eu-west-1/2024/07/31/x_y.json.gz",
          "account=123456789012 region=eu-west-1 yyyy=2024 mm=07 dd=31");
    check(text, "123456789012/CloudTrail/eu-west-1/2024/07/31/x.json",
          "account=123456789012 region=eu-west-1 yyyy=2024 mm=07 dd=31");
    check(text, "AWSLogs/1/CloudTrail-Digest/eu-west-1/2024/07/31/x.json.gz", NULL);
    check(text, "AWSLogs/1/CloudTrail-Insight/eu-west-1/2024/07/31/x.json.gz", NULL);
    check(text, "AWSLogs/1/CloudTrail/eu-west-1/2024/07/32/x.json.gz", NULL);
}

static void test_refuses_what_is_no_template(void **state)
{
    static const char *const wrong[] = {"",       "/a",    "{a",       "a}",  "{}",
                                        "{A}",    "{a b}", "{a}{a}",   "***", "{1a}",
                                        "{a{b}}", "x{",    "a/**b***c"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct shale_template tmpl;
        struct shale_err err;
        shale_err_clear(&err);
        assert_int_equal(shale_template_parse(&arena, shale_str_of(wrong[i]), &tmpl, &err),
                         SHALE_SCHEMA);
        assert_int_equal(err.code, SHALE_E_definition_template);
    }
}

static void test_time_is_bounded(void **state)
{
    static const char text[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab";
    static char key[5000];
    struct shale_template tmpl = parse(text);
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    (void)state;
    memset(key, 'a', sizeof key);
    for (size_t i = 0; i < 100; i++)
        assert_false(shale_template_match(&tmpl, (struct shale_str){key, 4096}, values));
    key[4095] = 'b';
    assert_true(shale_template_match(&tmpl, (struct shale_str){key, 4096}, values));
    tmpl = parse("**");
    assert_true(shale_template_match(&tmpl, (struct shale_str){key, 4096}, values));
    assert_false(shale_template_match(&tmpl, (struct shale_str){key, 4097}, values));
}

static void test_has_limits(void **state)
{
    struct shale_template tmpl;
    char text[1024] = "";
    (void)state;
    for (size_t i = 0; i < 33; i++) {
        char one[8] = {'{', 'a', (char)('a' + i / 10), (char)('0' + i % 10), '}', '/', '\0'};
        strcat(text, one);
        assert_int_equal(shale_template_parse(&arena, shale_str_of(text), &tmpl, NULL),
                         i < 32 ? SHALE_OK : SHALE_SCHEMA);
    }
    text[0] = '\0';
    for (size_t i = 0; i < 65; i++) {
        strcat(text, "a*");
        assert_int_equal(shale_template_parse(&arena, shale_str_of(text), &tmpl, NULL),
                         i < 64 ? SHALE_OK : SHALE_SCHEMA);
    }
}

static void check_days(const char *text, const char *key, const char *first, const char *last)
{
    struct shale_template tmpl = parse(text);
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    int32_t from, to, wanted;
    assert_true(shale_template_match(&tmpl, shale_str_of(key), values));
    assert_int_equal(shale_template_days(&tmpl, values, &from, &to), first != NULL);
    assert_int_equal(shale_template_has_year(&tmpl), first != NULL);
    if (first == NULL)
        return;
    assert_true(shale_date_parse(shale_str_of(first), &wanted));
    assert_int_equal(from, wanted);
    assert_true(shale_date_parse(shale_str_of(last), &wanted));
    assert_int_equal(to, wanted);
}

static void test_days_of_a_key(void **state)
{
    (void)state;
    check_days("{yyyy}/{mm}/{dd}/*", "2024/02/29/a", "2024-02-29", "2024-02-29");
    check_days("{dd}.{mm}.{yyyy}", "31.12.1999", "1999-12-31", "1999-12-31");
    check_days("{yyyymmdd}T{hhmmss}", "20240301T000000", "2024-03-01", "2024-03-01");
    check_days("{yyyy}/{mm}/*", "2024/02/a", "2024-02-01", "2024-02-29");
    check_days("{yyyy}/{mm}/*", "2023/12/a", "2023-12-01", "2023-12-31");
    check_days("{yyyy}/**", "2024/02/a", "2024-01-01", "2024-12-31");
    check_days("{mm}/{dd}/*", "02/03/a", NULL, NULL);
}

/* Of the day 'date': what keys of its period begin with, and when the last full period ended. */
static void check_period(const char *text, enum shale_template_period period, const char *date,
                         const char *prefix, const char *end)
{
    struct shale_template tmpl = parse(text);
    struct shale_buf out;
    int32_t day, last;
    assert_int_equal(shale_template_period(&tmpl), period);
    if (period == SHALE_PERIOD_NONE)
        return;
    shale_buf_init(&out, &shale_mem_libc, 1 << 16);
    assert_true(shale_date_parse(shale_str_of(date), &day));
    assert_true(shale_date_parse(shale_str_of(end), &last));
    assert_int_equal(shale_template_period_text(&tmpl, day, &out), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&out), prefix));
    assert_int_equal(shale_template_period_end(&tmpl, day), last);
    shale_buf_fini(&out);
}

static void test_periods(void **state)
{
    static const char *const same[] = {"{yyyy}/{mm}/*.json", "{yyyy}/{mm}/{a}/{dd}/*",
                                       "{yyyy}/{mm}"};
    static const char *const others[] = {"{yyyy}-{mm}/*", "{yyyy}/{mm}/{dd}", "{yyyymmdd}", "**",
                                         "a/{yyyy}/{mm}/*"};
    struct shale_template first = parse(same[0]);
    (void)state;
    check_period("{yyyy}/{mm}/{dd}/*", SHALE_PERIOD_DAY, "2024-02-29", "2024/02/29", "2024-02-29");
    check_period("logs/y={yyyy}/m={mm}/d={dd}", SHALE_PERIOD_DAY, "0007-01-02",
                 "logs/y=0007/m=01/d=02", "0007-01-02");
    check_period("a{yyyymmdd}{hhmmss}*", SHALE_PERIOD_DAY, "2024-12-31", "a20241231", "2024-12-31");
    check_period("{yyyy}/{mm}/**/{dd}.json", SHALE_PERIOD_MONTH, "2024-02-29", "2024/02",
                 "2024-02-29");
    check_period("{yyyy}/{mm}/*", SHALE_PERIOD_MONTH, "2024-03-30", "2024/03", "2024-02-29");
    check_period("{yyyy}/{dd}/{mm}", SHALE_PERIOD_YEAR, "2024-12-30", "2024", "2023-12-31");
    check_period("{yyyy}/{account}/{mm}", SHALE_PERIOD_YEAR, "2024-12-31", "2024", "2024-12-31");
    check_period("**/{yyyy}/{mm}", SHALE_PERIOD_NONE, NULL, NULL, NULL);
    check_period("{mm}/{yyyy}", SHALE_PERIOD_NONE, NULL, NULL, NULL);
    check_period("{hh}/{yyyy}", SHALE_PERIOD_NONE, NULL, NULL, NULL);
    check_period("{yyyy}/{yyyymmdd}", SHALE_PERIOD_YEAR, "2024-12-31", "2024", "2024-12-31");
    check_period("a/*.json", SHALE_PERIOD_NONE, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct shale_template other = parse(same[i]);
        assert_true(shale_template_same_period(&first, &other));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct shale_template other = parse(others[i]);
        assert_false(shale_template_same_period(&first, &other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stars),
        cmocka_unit_test(test_placeholders_take_the_shortest_text),
        cmocka_unit_test(test_dates_are_real),
        cmocka_unit_test(test_days_of_a_key),
        cmocka_unit_test(test_cloudtrail_keys),
        cmocka_unit_test(test_refuses_what_is_no_template),
        cmocka_unit_test(test_time_is_bounded),
        cmocka_unit_test(test_has_limits),
        cmocka_unit_test(test_periods),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
