/* SPDX-License-Identifier: MIT */
/* envelope/events: every shape, from memory and from streams that give 1, 7, 4096 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reader.h"
#include "scratch.h"

static const struct shale_str one_step[] = {{"Records", 7}};
static const struct shale_pointer one = {{"/Records", 8}, one_step, 1};
static const struct shale_str two_steps[] = {{"a", 1}, {"b", 1}};
static const struct shale_pointer two = {{"/a/b", 4}, two_steps, 2};
static struct shale_events_options options;
static struct shale_events *events;

static int set_up(void **state)
{
    (void)state;
    options = (struct shale_events_options){&one, 16 * 1024 * 1024};
    return shale_events_new(&shale_mem_libc, &events) == SHALE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    shale_events_free(events);
    return 0;
}

/* The notes of one way to read it must be 'expected' (NULL: whatever the text in memory gives). */
static void expect_same(const char *text, size_t n_bytes, enum shale_shape shape,
                        const char *expected, const size_t *steps, size_t n_steps)
{
    char *padded = reader_padded(text, n_bytes);
    struct shale_buf notes, other;
    shale_buf_init(&notes, &shale_mem_libc, 1 << 30);
    shale_buf_init(&other, &shale_mem_libc, 1 << 30);
    shale_events_begin_text(events, &options, padded, n_bytes, 0, shape);
    (void)reader_run(events, &options, &notes);
    if (expected != NULL)
        assert_string_equal(notes.data, expected);
    for (size_t i = 0; i < n_steps; i++) {
        struct slow_source slow = slow_source_of(text, n_bytes, steps[i]);
        shale_buf_reset(&other);
        shale_events_begin_stream(events, &options, &slow.source, shape);
        (void)reader_run(events, &options, &other);
        assert_string_equal(other.data, notes.data);
    }
    shale_buf_fini(&notes);
    shale_buf_fini(&other);
    free(padded);
}

static void expect(const char *text, enum shale_shape shape, const char *expected)
{
    static const size_t steps[] = {1, 7, 4096, 0};
    expect_same(text, strlen(text), shape, expected, steps, 4);
}

static void expect_seen(const char *text, const char *expected)
{
    expect(text, SHALE_SHAPE_SEEN, expected);
}

static void test_lines(void **state)
{
    (void)state;
    expect_seen("{\"a\":1}\n{\"a\":2}\n", "event 0 {\"a\":1}\nevent 8 {\"a\":2}\nend\n");
    expect_seen("\xef\xbb\xbf{\"a\":1}\r\n\r\n \n {\"a\":2}",
                "event 3 {\"a\":1}\nevent 17 {\"a\":2}\nend\n");
    expect_seen("{}\n{\"a\":}\n{\"b\n[1 2]\n{}x\n{} {}\n7\n",
                "event 0 {}\nreject json_syntax 3 {\"a\":}\nreject json_unterminated 10 {\"b\n"
                "reject json_syntax 14 [1 2]\nreject line_trailing 20 {}x\n"
                "reject line_trailing 24 {} {}\nevent 30 7\nend\n");
    expect("not\n{}", SHALE_SHAPE_NDJSON, "reject json_syntax 0 not\nevent 4 {}\nend\n");
    expect("", SHALE_SHAPE_NDJSON, "end\n");
    expect(" \n\n", SHALE_SHAPE_NDJSON, "end\n");
}

static void test_values(void **state)
{
    (void)state;
    expect_seen("", "end\n");
    expect_seen("\xef\xbb\xbf \r\n", "end\n");
    expect_seen("{}", "event 0 {}\nend\n");
    expect_seen(" {}\n", "event 1 {}\nend\n");
    expect_seen("{\n \"a\": 1\n}\n{\n}[1]2 \"x\"",
                "event 0 {\n \"a\": 1\n}\nevent 12 {\n}\nevent 15 [1]\nevent 18 2\n"
                "event 20 \"x\"\nend\n");
    expect_seen("{} {}\n{}", "event 0 {}\nevent 3 {}\nevent 6 {}\nend\n");
    /* A bad first line is no NDJSON by content, and an error fails the object. */
    expect_seen("{\"a\":}\n{}\n", "failed json_syntax 5\n");
    expect_seen("{\n}\n{,}\n{}\n", "event 0 {\n}\nfailed json_syntax 5\n");
    expect_seen("{\n}\n{}, {}\n", "event 0 {\n}\nevent 4 {}\nfailed json_syntax 6\n");
    expect_seen("{\n", "failed json_unterminated 2\n");
}

static void test_arrays(void **state)
{
    (void)state;
    expect_seen("[]", "end\n");
    expect_seen(" [ ] \n", "end\n");
    expect_seen("[{\"a\":1},\n  {\"a\":2} , 3 ]\n",
                "event 1 {\"a\":1}\nevent 12 {\"a\":2}\nevent 22 3\nend\n");
    expect_seen("[1,]", "event 1 1\nfailed json_syntax 3\n");
    expect_seen("[,1]", "failed json_syntax 1\n");
    expect_seen("[1,,2]", "event 1 1\nfailed json_syntax 3\n");
    expect_seen("[1 2]", "event 1 1\nfailed json_syntax 3\n");
    expect_seen("[1", "event 1 1\nfailed json_unterminated 2\n");
    expect_seen("[1,", "event 1 1\nfailed json_unterminated 3\n");
    expect_seen("[", "failed json_unterminated 1\n");
    expect_seen("[1}", "event 1 1\nfailed json_syntax 2\n");
    expect_seen("[1] [2]", "event 1 1\nfailed json_trailing 4\n");
    expect_seen("[{\"Records\":[1,2]},3]", "record 13 1\nrecord 15 2\nevent 19 3\nend\n");
}

static void test_one_document(void **state)
{
    (void)state;
    expect("{\"a\":1} ", SHALE_SHAPE_JSON, "event 0 {\"a\":1}\nend\n");
    expect("[1,2]", SHALE_SHAPE_JSON, "event 0 [1,2]\nend\n");
    expect("", SHALE_SHAPE_JSON, "failed json_no_document -1\n");
    expect(" \n", SHALE_SHAPE_JSON, "failed json_no_document -1\n");
    expect("{} 1", SHALE_SHAPE_JSON, "event 0 {}\nfailed json_trailing 3\n");
    expect("{\"Records\":[1]}]", SHALE_SHAPE_JSON, "record 12 1\nfailed json_trailing 15\n");
    expect("[1", SHALE_SHAPE_JSON, "failed json_unterminated 2\n");
}

static void test_envelopes(void **state)
{
    (void)state;
    expect_seen("{\"Records\":[]}", "end\n");
    expect_seen("{\"x\":[{\"Records\":1}],\"Records\":[{\"Records\":[2]},3],\"y\":{}}",
                "record 32 {\"Records\":[2]}\nrecord 48 3\nend\n");
    expect_seen(
        "{\n\"R\\u0065cords\":[1]}\n{\"Records\":null}\n \n{\n\"Records\":null,\"Records\":[2]}",
        "record 18 1\nevent 22 {\"Records\":null}\nrecord 69 2\nend\n");
    expect_seen("{\"Records\":[1]}{\"Records\":[2]}", "record 12 1\nrecord 27 2\nend\n");
    expect_seen("{\"Records\":[1],\"Records\":[2]}", "record 12 1\nfailed records_twice 25\n");
    expect_seen("{\"Records\":[1],\"Records\":{}}", "record 12 1\nfailed records_twice 25\n");
    expect_seen("{\"Records\":[1],\"Records\":null}", "record 12 1\nfailed records_twice 25\n");
    expect_seen("{\"Records\":{}}", "failed records_not_array 11\n");
    expect_seen("{\"Records\":[1],}", "record 12 1\nfailed json_syntax 15\n");
    expect_seen("{\"Records\":[1,]}", "record 12 1\nfailed json_syntax 14\n");
    expect_seen("{\"Records\":[1", "record 12 1\nfailed json_unterminated 13\n");
    options.records = NULL;
    expect_seen("{\"Records\":[1]}", "event 0 {\"Records\":[1]}\nend\n");
    options.records = &two;
    expect_seen("{\"b\":[0],\"a\":{\"a\":0,\"b\":[1]},\"c\":3}{\"a\":[{\"b\":[1]}]}{\"a\":{}}",
                "record 25 1\nevent 35 {\"a\":[{\"b\":[1]}]}\nevent 52 {\"a\":{}}\nend\n");
    expect_seen("{\"a\":{\"b\":[1]},\"a\":{\"b\":[1]}}", "record 11 1\nfailed records_twice 19\n");
    expect_seen("{\"a\":{\"b\":[1]},\"a\":5}", "record 11 1\nfailed records_twice 19\n");
    expect_seen("{\"a\":5,\"a\":{\"b\":[1]}}", "record 17 1\nend\n");
}

static void test_envelopes_in_lines(void **state)
{
    (void)state;
    expect_seen("{\"Records\":[1,{}]}\n{}\n{\"Records\":[] }",
                "record 12 1\nrecord 14 {}\nevent 19 {}\nend\n");
    /* A line rejects as one: no record of it is handed out. */
    expect_seen("{}\n{\"Records\":[1,2}\n{\"Records\":[1]}x\n{\"Records\":3}\n"
                "{\"Records\":[1],\"Records\":[2]}\n{\"Records\":[1],}\n{}",
                "event 0 {}\nreject json_syntax 3 {\"Records\":[1,2}\n"
                "reject line_trailing 20 {\"Records\":[1]}x\n"
                "reject records_not_array 37 {\"Records\":3}\n"
                "reject records_twice 51 {\"Records\":[1],\"Records\":[2]}\n"
                "reject json_syntax 81 {\"Records\":[1],}\nevent 98 {}\nend\n");
}

static void test_events_over_the_limit(void **state)
{
    (void)state;
    options.max_event_bytes = 10;
    expect_seen("{}\n\"89012345\"\n\"890123456\"\n{}",
                "event 0 {}\nevent 3 \"89012345\"\nreject event_too_large 14 \"890123456\"\n"
                "event 26 {}\nend\n");
    expect_seen("{\n}\"89012345\"\"890123456\"[1,2,3,4,5]{}",
                "event 0 {\n}\nevent 3 \"89012345\"\nreject event_too_large 13 \"890123456\"\n"
                "reject event_too_large 24 [1,2,3,4,5]\nevent 35 {}\nend\n");
    expect_seen("[1,[1,2,3,4,5],2]",
                "event 1 1\nreject event_too_large 3 [1,2,3,4,5]\nevent 15 2\nend\n");
    expect_seen("{\"Records\":[[1,2,3,4,5],2], \"z\":[1,2,3,4,5]}",
                "reject event_too_large 12 [1,2,3,4,5]\nrecord 24 2\nend\n");
    expect_seen("{\n\"z\":[1,2,3,4,5]}7", "reject event_too_large 0 {\n\"z\":[1,2,3,4,5]}\n"
                                          "event 18 7\nend\n");
    expect_seen("{\n\"z\":[1,2,3,4,x]}7", "failed json_syntax 15\n");
}

/* PREFIX + n times FILL + SUFFIX; free() it. */
static char *make_long(const char *prefix, char fill, size_t n, const char *suffix, size_t *n_bytes)
{
    size_t a = strlen(prefix), b = strlen(suffix);
    char *text = malloc(a + n + b + 1);
    assert_non_null(text);
    memcpy(text, prefix, a);
    memset(text + a, fill, n);
    memcpy(text + a + n, suffix, b + 1);
    *n_bytes = a + n + b;
    return text;
}

static void expect_long(const char *prefix, char fill, size_t n, const char *suffix,
                        const char *expected_begin, const char *expected_end)
{
    static const size_t steps[] = {4096, 0};
    size_t n_bytes, n_notes, n_begin = strlen(expected_begin), n_end = strlen(expected_end);
    char *text = make_long(prefix, fill, n, suffix, &n_bytes);
    struct slow_source slow = slow_source_of(text, n_bytes, 65536);
    struct shale_buf notes;
    shale_buf_init(&notes, &shale_mem_libc, 1 << 20);
    shale_events_begin_stream(events, &options, &slow.source, SHALE_SHAPE_SEEN);
    (void)reader_run(events, &options, &notes);
    n_notes = notes.n_bytes;
    assert_true(n_notes >= n_begin + n_end);
    notes.data[n_notes] = '\0';
    assert_string_equal(notes.data + n_notes - n_end, expected_end);
    notes.data[n_begin] = '\0';
    assert_string_equal(notes.data, expected_begin);
    /* bounded: the window, one event, the head and the cursor's index */
    assert_true(shale_events_n_bytes(events) < options.max_event_bytes + (4 << 20));
    expect_same(text, n_bytes, SHALE_SHAPE_SEEN, NULL, steps, 2);
    shale_buf_fini(&notes);
    free(text);
}

static void test_an_event_of_40_mib(void **state)
{
    enum { N = 40 << 20 };
    (void)state;
    expect_long(
        "{}\n\"", 'x', N, "\"\n{}\n",
        "event 0 {}\nreject event_too_large 3 <41943042:1048576:", "\nevent 41943046 {}\nend\n");
    expect_long(
        "{\n}\"", 'x', N, "\" 7 ",
        "event 0 {\n}\nreject event_too_large 3 <41943042:1048576:", "\nevent 41943046 7\nend\n");
    expect_long(
        "[1,{\"a\":[", ' ', N, "]},2]",
        "event 1 1\nreject event_too_large 3 <41943048:1048576:", "\nevent 41943052 2\nend\n");
    expect_long("[1,{\"a\":[", ' ', N, "x]},2]", "event 1 1\nfailed json_syntax 41943049\n", "");
    expect_long("[1,", '9', N, ",2]", "event 1 1\nfailed token_too_large 3\n", "");
    expect_long("[1,", ' ', N, ",2]", "event 1 1\nfailed json_syntax 41943043\n", "");
    expect_long("[1,", ' ', N, "2]", "event 1 1\nevent 41943043 2\nend\n", "");
    expect_long("[1,", ' ', N, "]", "event 1 1\nfailed json_syntax 41943043\n", "");
    expect_long("", ' ', N, "{}", "event 41943040 {}\nend\n", "");
    expect_long("{}", '\n', N, "{}", "event 0 {}\nevent 41943042 {}\nend\n", "");
}

static void test_an_event_of_10_mib_is_taken_whole(void **state)
{
    enum { N = 10 << 20 };
    (void)state;
    expect_long("{\n}[1,\"", 'x', N, "\"]7",
                "event 0 {\n}\nevent 3 <10485766:10485766:", "\nevent 10485769 7\nend\n");
    expect_long("{}\n[1,\"", 'x', N, "\"]\n7",
                "event 0 {}\nevent 3 <10485766:10485766:", "\nevent 10485770 7\nend\n");
}

static void test_a_member_of_40_mib_beside_the_records(void **state)
{
    enum { N = 40 << 20 };
    (void)state;
    expect_long("{\"x\":\"", 'x', N, "\",\"Records\":[1,2]}{}",
                "record 41943059 1\nrecord 41943061 2\nevent 41943064 {}\nend\n", "");
    expect_long("{\"Records\":[1,2],\"x\":\"", 'x', N, "\"}{}",
                "record 12 1\nrecord 14 2\nevent 41943064 {}\nend\n", "");
    expect_long("{\"Records\":[1,2],\"", 'x', N, "\":3,\"Records\":[]}",
                "record 12 1\nrecord 14 2\nfailed records_twice 41943072\n", "");
    expect_long("{\"x\":[[", ' ', N, "]],\"Records\":4}", "failed records_not_array 41943060\n",
                "");
}

static void test_a_long_array_slides_the_window(void **state)
{
    static const size_t steps[] = {1, 7, 4096, 0};
    enum { N = 60000 };
    static char text[N * 60];
    size_t n = (size_t)sprintf(text, "{\"Records\" : [\n");
    (void)state;
    for (int i = 0; i < N; i++)
        n += (size_t)sprintf(text + n, "  {\"a\": %d, \"b\": \"caf\xc3\xa9 \\u00e9\\\"\"} %s\n", i,
                             i + 1 < N ? "," : "]}");
    expect_same(text, n, SHALE_SHAPE_SEEN, NULL, steps, 4);
}

static void test_a_reader_is_as_new_after_each_object(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        expect_seen("[1,{\"a\":[", "event 1 1\nfailed json_unterminated 9\n");
        expect_seen("{\"Records\":[{\"x", "failed json_unterminated 15\n");
        expect_seen("{}\n{\"a", "event 0 {}\nreject json_unterminated 3 {\"a\nend\n");
        expect_seen("[[1]]", "event 1 [1]\nend\n");
    }
}

static void test_a_failing_source_fails_the_object(void **state)
{
    static const char text[] = "{}\n{}\n{}\n";
    struct slow_source slow = slow_source_of(text, sizeof text - 1, 3);
    struct shale_buf notes;
    (void)state;
    slow.fails_at = 6;
    shale_buf_init(&notes, &shale_mem_libc, 1 << 20);
    shale_events_begin_stream(events, &options, &slow.source, SHALE_SHAPE_SEEN);
    assert_int_equal(reader_run(events, &options, &notes), SHALE_IO);
    shale_buf_fini(&notes);
}

static void test_no_memory_at_every_call(void **state)
{
    size_t n_bytes;
    char *text = make_long("{}\n\"", 'x', 20 << 20, "\"\n", &n_bytes);
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_events *reader;
        struct slow_source slow = slow_source_of(text, n_bytes, 0);
        struct shale_buf notes;
        assert_true(n < 20);
        failing_mem_init(&failing, n);
        shale_buf_init(&notes, &shale_mem_libc, 1 << 20);
        status = shale_events_new(&failing.mem, &reader);
        if (status == SHALE_OK) {
            shale_events_begin_stream(reader, &options, &slow.source, SHALE_SHAPE_SEEN);
            status = reader_run(reader, &options, &notes);
        }
        shale_events_free(reader);
        shale_buf_fini(&notes);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_lines),
        TEST(test_values),
        TEST(test_arrays),
        TEST(test_one_document),
        TEST(test_envelopes),
        TEST(test_envelopes_in_lines),
        TEST(test_events_over_the_limit),
        TEST(test_an_event_of_40_mib),
        TEST(test_an_event_of_10_mib_is_taken_whole),
        TEST(test_a_member_of_40_mib_beside_the_records),
        TEST(test_a_long_array_slides_the_window),
        TEST(test_a_reader_is_as_new_after_each_object),
        TEST(test_a_failing_source_fails_the_object),
        TEST(test_no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
