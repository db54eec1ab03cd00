/* SPDX-License-Identifier: MIT */
/* base/log: the level filters, the words are filled in, an error brings its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"

struct lines {
    struct shale_log log;
    int n;
    char last[2000];
};

static void keep_line(struct shale_log *log, enum shale_log_level level, const char *event,
                      const char *object, int64_t record, int64_t byte, const char *message)
{
    struct lines *lines = (struct lines *)log;
    lines->n++;
    (void)snprintf(lines->last, sizeof lines->last, "%d %s %s %lld %lld %s", (int)level, event,
                   object != NULL ? object : "-", (long long)record, (long long)byte, message);
}

static void test_lines_below_the_level_are_dropped(void **state)
{
    struct lines lines = {.log = {SHALE_LOG_WARN, keep_line}};
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, interrupted);
    shale_log_say(&lines.log, SHALE_LOG_INFO, "started", "%d", 1);
    shale_log_err(&lines.log, SHALE_LOG_DEBUG, &err);
    assert_int_equal(lines.n, 0);
    shale_log_say(&lines.log, SHALE_LOG_WARN, "slow", "%d of %s", 3, "all");
    assert_string_equal(lines.last, "2 slow - -1 -1 3 of all");
    shale_log_say(NULL, SHALE_LOG_ERROR, "x", "%d", 1);
    shale_log_err(NULL, SHALE_LOG_ERROR, &err);
    assert_int_equal(lines.n, 1);
}

static void test_an_error_brings_its_name_and_place(void **state)
{
    struct lines lines = {.log = {SHALE_LOG_DEBUG, keep_line}};
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, interrupted);
    shale_log_err(&lines.log, SHALE_LOG_ERROR, &err);
    assert_string_equal(lines.last, "3 interrupted - -1 -1 interrupted; nothing was published");
    shale_err_at(&err, "a/b.json", 4, 5);
    shale_log_err(&lines.log, SHALE_LOG_ERROR, &err);
    assert_string_equal(lines.last,
                        "3 interrupted a/b.json 4 5 interrupted; nothing was published");
}

static void test_a_long_message_is_cut(void **state)
{
    struct lines lines = {.log = {SHALE_LOG_DEBUG, keep_line}};
    (void)state;
    shale_log_say(&lines.log, SHALE_LOG_INFO, "e", "%5000d", 1);
    assert_in_range(strlen(lines.last), 1000, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_below_the_level_are_dropped),
        cmocka_unit_test(test_an_error_brings_its_name_and_place),
        cmocka_unit_test(test_a_long_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
