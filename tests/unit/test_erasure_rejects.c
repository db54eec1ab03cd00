/* SPDX-License-Identifier: MIT */
/* dataset/erasure_rejects: which rejects go with the rows of a condition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dataset/erasure_rejects.h"
#include "schema/definition.h"

#define COL(text, type_kind)                                                                       \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind), .unit = SHALE_US }         \
    }
static const struct shale_column_def columns[] = {
    COL("who", SHALE_STRING), COL("n", SHALE_INT64),    COL("at", SHALE_TIMESTAMP),
    COL("key", SHALE_STRING), COL("day", SHALE_STRING), COL("year", SHALE_INT32)};
static const struct shale_str partitions[] = {{"year", 4}};
static const struct shale_log_state table = {
    .schema = {columns, 6}, .partition_columns = partitions, .n_partition_columns = 1};

static void nothing_wrong(void *ctx, bool warning, const struct shale_err *err)
{
    (void)ctx;
    (void)warning;
    fail_msg("%s", err->message);
}

static struct shale_stream *stream;

static int set_up(void **state)
{
    static const char text[] =
        "stream: s\nsource: {path: /in, keys: '{day}/*.json'}\nfields:\n"
        "  - {name: who, from: [/user/name, /users/1/na~1me], type: string, trim: true}\n"
        "  - {name: n, from: /n, type: int64}\n"
        "  - {name: at, from: /at, type: timestamp}\n"
        "  - {name: key, from: $key, type: string}\n"
        "  - {name: day, from: $key.day, type: string}\n"
        "output: {path: /out, partition_by: [{year: at}]}\n";
    (void)state;
    return shale_definition_read(&shale_mem_libc, "s.yaml", text, sizeof text - 1, nothing_wrong,
                                 NULL, &stream) == SHALE_OK
               ? 0
               : 1;
}

static int tear_down(void **state)
{
    (void)state;
    shale_stream_free(stream);
    return 0;
}

static bool stays(const struct shale_erasure *conditions, size_t n, const struct shale_stream *by,
                  const struct shale_rejects_row *row)
{
    struct shale_erasure_rejects *rejects;
    bool keep = true;
    assert_int_equal(
        shale_erasure_rejects_new(&shale_mem_libc, conditions, n, &table, by, &rejects, NULL),
        SHALE_OK);
    assert_int_equal(shale_erasure_rejects_filter(rejects, row, &keep, NULL), SHALE_OK);
    shale_erasure_rejects_free(rejects);
    return keep;
}

static bool goes_of(const char *column, const char *value, bool before,
                    const struct shale_stream *by, const char *event)
{
    const struct shale_erasure one = {shale_str_of(column), shale_str_of(value), before, false};
    const struct shale_rejects_row row = {.object = SHALE_STR("monday/a.json"),
                                          .record = 7,
                                          .raw = shale_str_of(event),
                                          .raw_bytes = (int64_t)strlen(event)};
    return !stays(&one, 1, by, &row);
}

static bool goes(const char *column, const char *value, const char *event)
{
    return goes_of(column, value, false, stream, event);
}

static void test_by_definition(void **state)
{
    (void)state;
    assert_true(goes("who", "ann", "{\"user\":{\"name\":\"ann\"}}"));
    assert_true(goes("who", "ann", "{\"user\":{\"name\":\"\\u0061nn \"}}"));
    assert_false(goes("who", "ann", "{\"user\":{\"name\":\"anna\"},\"other\":\"ann\"}"));
    assert_true(
        goes("who", "ann", "{\"users\":[{\"na/me\":\"x\"},{\"x\":[1],\"na/me\":\"ann\"}]}"));
    assert_false(goes("who", "ann", "{\"users\":[{\"na/me\":\"ann\"},{\"na/me\":\"x\"}]}"));
    assert_true(goes("who", "ann", "{\"user\":{\"name\":\"x\",\"name\":\"ann\"}}"));
    assert_true(goes("who", "ann", "{\"user\":{\"name\":{\"first\":[\"ann\"]}}}"));
    assert_true(goes("n", "5", "{\"n\":5}"));
    assert_true(goes("n", "5", "{\"n\":5.0}"));
    assert_true(goes("n", "5", "{\"n\":\"5\"}"));
    assert_false(goes("n", "5", "{\"n\":\"five\"}"));
    assert_true(goes("n", "null", "{\"n\":null}"));
    assert_true(goes("n", "null", "{}"));
    assert_false(goes("n", "null", "{\"n\":[1]}"));
    assert_true(goes("key", "monday/a.json", "{}"));
    assert_true(goes("day", "monday", "{}"));
    assert_false(goes("day", "tuesday", "{}"));
    assert_true(goes("year", "2024", "{\"at\":\"2024-12-31\"}"));
    assert_false(goes("year", "2024", "{\"at\":\"2025-01-01\"}"));
}

static void test_times(void **state)
{
    (void)state;
    assert_true(goes_of("at", "2024-06-01", true, stream, "{\"at\":\"2024-05-31T23:59:59Z\"}"));
    assert_false(goes_of("at", "2024-06-01", true, stream, "{\"at\":\"2024-06-01\"}"));
    assert_true(goes_of("at", "2024-06-01", true, stream, "{\"at\":\"some time\"}"));
    assert_false(goes_of("at", "2024-06-01", true, stream, "{\"at\":null}"));
    assert_false(goes_of("at", "2024-06-01", true, stream, "{}"));
}

static void test_anywhere(void **state)
{
    (void)state;
    assert_true(goes_of("who", "ann", false, NULL, "{\"deep\":[{\"x\":\"joann\"}]}"));
    assert_true(goes_of("who", "ann", false, NULL, "{\"\\u0061nn\":1}"));
    assert_false(goes_of("who", "ann", false, NULL, "{\"deep\":[{\"x\":\"bob\"}]}"));
    assert_true(goes_of("n", "5", false, NULL, "[1,[5]]"));
    assert_false(goes_of("n", "5", false, NULL, "[1,[55,\"x5\"]]"));
}

static void test_not_to_tell(void **state)
{
    const struct shale_erasure one = {SHALE_STR("who"), SHALE_STR("ann"), false, false};
    struct shale_rejects_row row = {.record = -1, .raw = SHALE_STR("{\"n\":1}"), .raw_bytes = 7};
    struct shale_erasure_rejects *rejects;
    struct shale_erasure before = {SHALE_STR("at"), SHALE_STR("2024-01-01"), true, false};
    (void)state;
    assert_true(stays(&one, 1, stream, &row));
    row.raw_bytes = 8; /* it was cut */
    assert_false(stays(&one, 1, stream, &row));
    assert_true(goes("who", "ann", "{\"n\":"));
    assert_true(goes("who", "ann", "{\"n\":1} x"));
    assert_true(goes("who", "ann", "\xff\xfe"));
    assert_true(goes("who", "ann", ""));
    row.raw = (struct shale_str){NULL, 0}; /* an object as a whole */
    row.raw_bytes = -1;
    assert_true(stays(&one, 1, stream, &row));
    assert_int_equal(
        shale_erasure_rejects_new(&shale_mem_libc, &before, 1, &table, NULL, &rejects, NULL),
        SHALE_USAGE);
    assert_null(rejects);
}

static void test_joined(void **state)
{
    const struct shale_erasure both[] = {{SHALE_STR("who"), SHALE_STR("ann"), false, false},
                                         {SHALE_STR("n"), SHALE_STR("5"), false, true},
                                         {SHALE_STR("n"), SHALE_STR("9"), false, false}};
    static const struct {
        const char *event;
        bool stays;
    } cases[] = {{"{\"user\":{\"name\":\"ann\"},\"n\":5}", false},
                 {"{\"user\":{\"name\":\"ann\"},\"n\":6}", true},
                 {"{\"user\":{\"name\":\"bob\"},\"n\":5}", true},
                 {"{\"user\":{\"name\":\"bob\"},\"n\":9}", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct shale_rejects_row row = {.raw = shale_str_of(cases[i].event),
                                              .raw_bytes = (int64_t)strlen(cases[i].event)};
        assert_int_equal(stays(both, 3, stream, &row), cases[i].stays);
    }
}

static void *fail_at(void *ctx, void *ptr, size_t n_bytes)
{
    int *left = ctx;
    if (n_bytes > 0 && (*left)-- == 0)
        return NULL;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

static void test_no_memory(void **state)
{
    const struct shale_erasure both[] = {{SHALE_STR("who"), SHALE_STR("ann"), false, false},
                                         {SHALE_STR("year"), SHALE_STR("2024"), false, true}};
    static const char event[] = "{\"user\":{\"name\":\"\\u0061nn\"},\"at\":\"2024-01-01\"}";
    const struct shale_rejects_row row = {.raw = {event, sizeof event - 1},
                                          .raw_bytes = sizeof event - 1};
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 0; status == SHALE_NOMEM; n++) {
        int left = n;
        const struct shale_mem mem = {fail_at, &left};
        struct shale_erasure_rejects *rejects;
        bool keep = true;
        assert_true(n < 200);
        status = shale_erasure_rejects_new(&mem, both, 2, &table, stream, &rejects, NULL);
        if (status == SHALE_OK)
            status = shale_erasure_rejects_filter(rejects, &row, &keep, NULL);
        assert_true(status == SHALE_NOMEM || !keep);
        shale_erasure_rejects_free(rejects);
    }
    assert_int_equal(status, SHALE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_definition), cmocka_unit_test(test_times),
        cmocka_unit_test(test_anywhere),      cmocka_unit_test(test_not_to_tell),
        cmocka_unit_test(test_joined),        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
