/* SPDX-License-Identifier: MIT */
/* envelope/slicer and envelope/shape: cuts depend on the data alone; what an object looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reader.h"
#include "scratch.h"

enum { MAX_EVENT = 6 << 20 };

/* Notes "BASE BYTES OVERLONG HASH [last]" of every slice, and check that all text is there. */
static enum shale_status slice_all(const struct shale_mem *mem, const char *text, size_t n_bytes,
                                   size_t step, size_t max_event_bytes, struct shale_buf *notes)
{
    struct shale_slicer *slicer;
    struct slow_source slow = slow_source_of(text, n_bytes, step);
    struct shale_slice slice = {.last = false};
    int64_t at = 0;
    enum shale_status status = shale_slicer_new(mem, &slicer);
    shale_buf_reset(notes);
    shale_buf_init(&slice.text, mem, SHALE_SLICE_BYTES + max_event_bytes + SHALE_JSON_PADDING);
    if (status == SHALE_OK)
        shale_slicer_begin(slicer, &slow.source, max_event_bytes);
    while (status == SHALE_OK && !slice.last) {
        status = shale_slicer_next(slicer, &slice, NULL);
        if (status != SHALE_OK)
            break;
        if (at == 0) /* a byte-order mark is passed over */
            at = slice.base;
        assert_int_equal(slice.base, at);
        if (slice.text.n_bytes > 0)
            assert_memory_equal(slice.text.data, text + at, slice.text.n_bytes);
        for (size_t i = 0; i < SHALE_JSON_PADDING; i++)
            assert_int_equal(slice.text.data[slice.text.n_bytes + i], 0);
        at += slice.overlong_bytes > 0 ? slice.overlong_bytes : (int64_t)slice.text.n_bytes;
        if (slice.overlong_bytes > 0 && (size_t)at < n_bytes)
            assert_int_equal(text[at++], '\n');
        assert_int_equal(shale_buf_printf(notes, "%d+%zu%s%d%s ", (int)slice.base,
                                          slice.text.n_bytes, slice.overlong_bytes > 0 ? "/" : ":",
                                          (int)slice.overlong_bytes, slice.last ? " last" : ""),
                         SHALE_OK);
    }
    if (status == SHALE_OK)
        assert_int_equal(at, n_bytes);
    shale_buf_fini(&slice.text);
    shale_slicer_free(slicer);
    return status;
}

static void expect_slices(const char *text, size_t n_bytes, size_t max_event_bytes,
                          const char *expected)
{
    static const size_t steps[] = {0, 4096, 777, 1000003};
    struct shale_buf notes;
    shale_buf_init(&notes, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(
            slice_all(&shale_mem_libc, text, n_bytes, steps[i], max_event_bytes, &notes), SHALE_OK);
        assert_string_equal(notes.data, expected);
    }
    shale_buf_fini(&notes);
}

static void test_short_objects(void **state)
{
    (void)state;
    expect_slices("", 0, MAX_EVENT, "0+0:0 last ");
    expect_slices("\xef\xbb\xbf", 3, MAX_EVENT, "3+0:0 last ");
    expect_slices("{}\n{}", 5, MAX_EVENT, "0+5:0 last ");
    expect_slices("\xef\xbb\xbf{}\n\n", 7, MAX_EVENT, "3+4:0 last ");
    /* a line over the limit stands alone */
    expect_slices("1\n23\n456\n7\n", 11, 2, "0+5:0 5+3/3 9+2:0 last ");
    expect_slices("1\n456", 5, 2, "0+2:0 2+3/3 last ");
    expect_slices("456\n", 4, 2, "0+3/3 last ");
}

static void test_long_objects(void **state)
{
    enum { N = 25 << 20, M = 1 << 20 };
    char *text = malloc(N);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', N);
    text[M] = '\n';         /* 0 */
    text[4 * M - 1] = '\n'; /* a slice of exactly 4 MiB */
    text[9 * M] = '\n';     /* a line over 4 MiB, taken whole */
    text[9 * M + 5] = '\n'; /* in the next slice, although it was read with the one before */
    text[20 * M] = '\n';    /* 11 MiB: over the limit */
    text[24 * M] = '\n';    /* 4 MiB, then no final newline */
    expect_slices(text, N, MAX_EVENT,
                  "0+4194304:0 4194304+5242881:0 9437185+5:0 9437190+1048576/11534330 "
                  "20971521+4194304:0 25165825+1048575:0 last ");
    /* the end of the object at the end of a slice */
    expect_slices(text, 4 * M, MAX_EVENT, "0+4194304:0 4194304+0:0 last ");
    expect_slices(text + 9 * M + 6, 11 * M, MAX_EVENT, "0+1048576/11534330 11534331+5:0 last ");
    free(text);
}

static void test_no_memory_at_every_call(void **state)
{
    static char text[200000];
    enum shale_status status = SHALE_NOMEM;
    struct shale_buf notes;
    (void)state;
    memset(text, 'x', sizeof text);
    text[100] = text[70000] = '\n';
    shale_buf_init(&notes, &shale_mem_libc, 1 << 20);
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        assert_true(n < 30);
        failing_mem_init(&failing, n);
        status = slice_all(&failing.mem, text, sizeof text, 0, 80000, &notes);
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
    }
    shale_buf_fini(&notes);
}

static void test_shapes(void **state)
{
    static const struct {
        const char *text;
        enum shale_shape shape;
    } cases[] = {
        {"", SHALE_SHAPE_VALUES},
        {" \n\n", SHALE_SHAPE_VALUES},
        {"[1]\n[2]\n", SHALE_SHAPE_ARRAY},
        {"\xef\xbb\xbf\n [", SHALE_SHAPE_ARRAY},
        {"{}\n{}\n", SHALE_SHAPE_NDJSON},
        {"{}\nx", SHALE_SHAPE_NDJSON},
        {"\n \r\n\xef", SHALE_SHAPE_VALUES},
        {"\n {} \r\n\r\n{", SHALE_SHAPE_NDJSON},
        {"{}\n\n \n", SHALE_SHAPE_VALUES},
        {"{}", SHALE_SHAPE_VALUES},
        {"{} {}\n{}", SHALE_SHAPE_VALUES},
        {"{\n}\n{}", SHALE_SHAPE_VALUES},
        {"{]\n{}", SHALE_SHAPE_VALUES},
        {"12\n13", SHALE_SHAPE_NDJSON},
        {"\"a\nb\"", SHALE_SHAPE_VALUES},
    };
    struct shale_json_cursor cursor;
    (void)state;
    assert_int_equal(shale_json_cursor_init(&cursor, &shale_mem_libc), SHALE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        char *text = reader_padded(cases[i].text, n);
        assert_int_equal(shale_shape_see(&cursor, text, n, true), cases[i].shape);
        free(text);
    }
    shale_json_cursor_fini(&cursor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_short_objects),
        cmocka_unit_test(test_long_objects),
        cmocka_unit_test(test_no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
