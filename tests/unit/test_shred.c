/* SPDX-License-Identifier: MIT */
/* shred: what tests/cases cannot say: memory that ends, windows that end, reuse, places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "columns/builder.h"
#include "schema/definition.h"
#include "shred/shred.h"

static const char definition[] =
    "stream: test\n"
    "source: {path: ., keys: \"{who}.json\", records: /Records,\n"
    "         keep: [{from: /skip, not_in: [true, \"y\\u0065s\"]}]}\n"
    "fields:\n"
    "  - {name: id, from: /id, type: string, required: true, pattern: \"^[a-z]\", trim: true}\n"
    "  - {name: n, from: [/n, /o/n], type: int64, coerce: lax, null_values: [\"-\"]}\n"
    "  - {name: u, from: /u, type: uuid}\n"
    "  - {name: b, from: /b, type: binary}\n"
    "  - {name: j, from: /o, type: json}\n"
    "  - {name: s, from: /s, type: string, default: none}\n"
    "  - {name: l, from: /l, type: list<string>}\n"
    "  - {name: who, from: $key.who, type: string}\n"
    "  - {name: i, from: $index, type: int64}\n"
    "rules: [{when: {from: /o/x, present: true}, require: [u]}]\n"
    "unknown_fields: keep\n";

/* An event that takes every way there is; the second half of its names in escapes. */
static const char full[] =
    "{\"id\": \" \\u0061b\", \"n\": \"-\", \"o\": {\"n\": \"12\", \"x\": [ 1 ], \"n\": \"13\"}, "
    "\"u\": \"123E4567-E89B-12D3-A456-426614174000\", \"b\": \"aGVsbG8=\", \"s\": "
    "\"\\ud83d\\ude00\","
    " \"l\": [\"a\", null, \"\\n\"], \"z\": {\"a\" : 1}, \"\\u007a\": [ 2 ], \"y\": 3}";

struct fixture {
    const struct shale_mem *mem;
    struct shale_stream *stream;
    struct shale_shredder *shredder;
    struct shale_builder *builder;
    struct shale_json_cursor cursor;
    struct shale_lineage lineage;
    struct shale_reject reject;
    struct shale_err err;
    enum shale_shredded shredded;
};

static void report(void *ctx, bool warning, const struct shale_err *err)
{
    (void)ctx;
    if (!warning)
        print_message("%s\n", err->message);
}

static struct shale_stream *read_definition(const char *text)
{
    struct shale_stream *stream = NULL;
    assert_int_equal(shale_definition_read(&shale_mem_libc, "test.yaml", text, strlen(text), report,
                                           NULL, &stream),
                     SHALE_OK);
    return stream;
}

static enum shale_status open_on(struct fixture *f, const struct shale_mem *mem)
{
    f->mem = mem;
    enum shale_status status = shale_json_cursor_init(&f->cursor, mem);
    if (status == SHALE_OK)
        status = shale_shredder_new(mem, f->stream, &f->shredder);
    if (status == SHALE_OK)
        status = shale_builder_new(mem, &f->stream->schema, &f->builder);
    f->lineage = (struct shale_lineage){.key = SHALE_STR("ada.json"), .matched = f->stream->keys};
    if (f->stream->n_keys > 0)
        assert_true(shale_template_match(f->stream->keys, f->lineage.key, f->lineage.values));
    shale_err_clear(&f->err);
    return status;
}

static void shut(struct fixture *f)
{
    shale_builder_free(f->builder);
    shale_shredder_free(f->shredder);
    shale_json_cursor_fini(&f->cursor);
    f->builder = NULL;
    f->shredder = NULL;
}

static void open_libc(struct fixture *f, const char *text)
{
    *f = (struct fixture){.stream = read_definition(text)};
    assert_int_equal(open_on(f, &shale_mem_libc), SHALE_OK);
}

static void close_libc(struct fixture *f)
{
    shut(f);
    shale_stream_free(f->stream);
}

/* Shred one text that begins at 'from' of a window that ends with it. */
static enum shale_status shred(struct fixture *f, const char *text, size_t n_bytes, size_t from,
                               bool last)
{
    char *window = calloc(1, n_bytes + SHALE_JSON_PADDING);
    assert_non_null(window);
    memcpy(window, text, n_bytes);
    shale_json_begin(&f->cursor, window, n_bytes, from, last);
    enum shale_status status = shale_shred(f->shredder, &f->cursor, true, &f->lineage, 7,
                                           f->builder, &f->shredded, &f->reject, &f->err);
    free(window);
    return status;
}

static struct shale_str text_at(const struct shale_column *column, int64_t row)
{
    int32_t begin = column->offsets[row], end = column->offsets[row + 1];
    return (struct shale_str){(const char *)column->data + begin, (size_t)(end - begin)};
}

/* The row that 'full' makes. */
static void check_full(struct fixture *f, int64_t row)
{
    static const struct {
        size_t column;
        const char *text;
    } texts[] = {
        {0, "ab"},
        {2, "123e4567-e89b-12d3-a456-426614174000"},
        {3, "hello"},
        {4, "{\"n\":\"12\",\"x\":[1],\"n\":\"13\"}"},
        {5, "\xF0\x9F\x98\x80"},
        {7, "ada"},
        {9, "{\"\\u007a\":[2],\"y\":3}"},
    };
    struct shale_column nodes[2];
    struct shale_batch *batch = NULL;
    assert_int_equal(shale_builder_split(f->builder, NULL, 1, &batch), SHALE_OK);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        shale_batch_column(batch, texts[i].column, nodes);
        if (!shale_str_is(text_at(nodes, row), texts[i].text))
            fail_msg("column %zu is %.*s", texts[i].column, SHALE_STR_ARG(text_at(nodes, row)));
    }
    shale_batch_column(batch, 1, nodes);
    assert_int_equal(((const int64_t *)nodes->data)[row], 13);
    shale_batch_column(batch, 8, nodes);
    assert_int_equal(((const int64_t *)nodes->data)[row], 7);
    shale_batch_column(batch, 6, nodes);
    assert_int_equal(nodes->offsets[row + 1] - nodes->offsets[row], 3);
    assert_true(shale_column_is_null(nodes->child, nodes->offsets[row] + 1));
    assert_true(shale_str_is(text_at(nodes->child, nodes->offsets[row] + 2), "\n"));
    shale_batch_free(f->mem, batch);
}

static void test_takes_every_way(void **state)
{
    struct fixture f;
    (void)state;
    open_libc(&f, definition);
    for (int64_t row = 0; row < 3; row++) {
        assert_int_equal(shred(&f, full, strlen(full), 0, true), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_ROW);
        check_full(&f, row);
    }
    close_libc(&f);
}

/* Wherever the window ends within the event, the answer is MORE and nothing stays of it. */
static void test_asks_for_more_at_every_cut(void **state)
{
    struct fixture f;
    (void)state;
    open_libc(&f, definition);
    for (size_t n = 0; n < strlen(full); n++) {
        assert_int_equal(shred(&f, full, n, 0, false), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_MORE);
        assert_int_equal(shred(&f, full, n, 0, true), SHALE_OK);
        assert_true(n == 0 || f.shredded == SHALE_SHRED_BROKEN);
        assert_int_equal(shale_builder_n_rows(f.builder), 0);
    }
    assert_int_equal(shred(&f, full, strlen(full), 0, false), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    check_full(&f, 0);
    close_libc(&f);
}

static void test_says_where_the_value_stands(void **state)
{
    static const struct {
        const char *event;
        const char *pointer, *field;
        size_t at;
        enum shale_error rule;
    } cases[] = {
        {"  {\"id\": \"a\", \"n\": \"x\"}", "/n", "n", 19, SHALE_E_type},
        {"  {\"id\": \"a\", \"l\": [\"b\", 5]}", "/l/1", "l", 25, SHALE_E_type},
        {"  {\"id\": \"a\", \"l\": [\"b\", \"\\ud800\"]}", "/l/1", "l", 25, SHALE_E_surrogate},
        {"  {\"n\": 1}", "/id", "id", 2, SHALE_E_required},
        {"  {\"id\": \"a\", \"o\": {\"n\": true}}", "/o/n", "n", 25, SHALE_E_type},
        {"  {\"id\": \"a\", \"o\": {\"x\": 1}}", "/u", "u", 2, SHALE_E_rule_require},
        {"  \"text\"", "", "", 2, SHALE_E_not_an_object},
        {"  [{}]", "", "", 2, SHALE_E_not_an_object},
    };
    struct fixture f;
    (void)state;
    open_libc(&f, definition);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(shred(&f, cases[i].event, strlen(cases[i].event), 0, true), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
        assert_string_equal(shale_error_name(f.err.code), shale_error_name(cases[i].rule));
        assert_true(shale_str_is(f.reject.pointer, cases[i].pointer));
        assert_true(shale_str_is(f.reject.field, cases[i].field));
        assert_int_equal(f.reject.at, cases[i].at);
    }
    assert_int_equal(shale_builder_n_rows(f.builder), 0);
    close_libc(&f);
}

/* Events of one text, one after the other: the cursor stands behind each. */
static void test_leaves_the_cursor_behind_the_event(void **state)
{
    static const char text[] =
        "{\"id\":\"a\"} {\"skip\":true,\"id\":1} 5 {\"id\":1}{\"id\":\"b\"} ";
    static const enum shale_shredded expected[] = {SHALE_SHRED_ROW, SHALE_SHRED_FILTERED,
                                                   SHALE_SHRED_REJECTED, SHALE_SHRED_REJECTED,
                                                   SHALE_SHRED_ROW};
    char window[sizeof text + SHALE_JSON_PADDING] = {0};
    struct shale_json_item item;
    struct fixture f;
    (void)state;
    open_libc(&f, definition);
    memcpy(window, text, sizeof text);
    shale_json_begin(&f.cursor, window, strlen(text), 0, true);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(shale_shred(f.shredder, &f.cursor, true, &f.lineage, 0, f.builder,
                                     &f.shredded, &f.reject, &f.err),
                         SHALE_OK);
        assert_int_equal(f.shredded, expected[i]);
    }
    assert_int_equal(shale_json_next(&f.cursor, &item), SHALE_JSON_END);
    assert_int_equal(shale_builder_n_rows(f.builder), 2);
    close_libc(&f);
}

/* ---- Memory that ends ------------------------------------------------------------------------ */

struct failing {
    struct shale_mem mem;
    size_t n_calls, fail_at;
};

static void *resize_or_fail(void *ctx, void *ptr, size_t n_bytes)
{
    struct failing *failing = ctx;
    if (n_bytes > 0 && ++failing->n_calls == failing->fail_at)
        return NULL;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

/* Two rows and a reject; true when no allocation failed. */
static bool run_on(struct fixture *f, const struct failing *failing)
{
    static const char bad[] = "{\"id\": \"a\", \"l\": [\"\\u0062\", {}], \"z\": 1, \"\\u007a\": 2}";
    enum shale_status status = open_on(f, &failing->mem);
    for (int i = 0; i < 2 && status == SHALE_OK; i++)
        status = shred(f, full, strlen(full), 0, true);
    if (status == SHALE_OK) {
        assert_int_equal(f->shredded, SHALE_SHRED_ROW);
        status = shred(f, bad, strlen(bad), 0, true);
    }
    if (status == SHALE_OK)
        assert_int_equal(f->shredded, SHALE_SHRED_REJECTED);
    else
        assert_int_equal(status, SHALE_NOMEM);
    shut(f);
    return status == SHALE_OK;
}

static void test_every_allocation_may_fail(void **state)
{
    struct fixture f = {.stream = read_definition(definition)};
    size_t n = 0;
    bool done = false;
    (void)state;
    while (!done) {
        struct failing failing = {{resize_or_fail, &failing}, 0, ++n};
        done = run_on(&f, &failing);
        assert_true(n < 1000);
    }
    assert_true(n > 20);
    shale_stream_free(f.stream);
}

/* ---- Many ------------------------------------------------------------------------------------ */

static void test_too_many_unknown_members(void **state)
{
    struct fixture f;
    struct shale_buf text;
    (void)state;
    open_libc(&f, "stream: t\nsource: {path: .}\nfields: [{name: a, from: /a, type: int64}]\n"
                  "unknown_fields: keep\n");
    shale_buf_init(&text, &shale_mem_libc, 1 << 24);
    for (int more = 0; more <= 1; more++) {
        shale_buf_reset(&text);
        assert_int_equal(shale_buf_append_byte(&text, '{'), SHALE_OK);
        for (int i = 0; i < 100000 + more; i++) /* names that repeat: sorted all the same */
            assert_int_equal(
                shale_buf_printf(&text, "%s\"b%d\":%d", i == 0 ? "" : ",", i % 70000, i), SHALE_OK);
        assert_int_equal(shale_buf_append_byte(&text, '}'), SHALE_OK);
        assert_int_equal(shred(&f, text.data, text.n_bytes, 0, true), SHALE_OK);
        assert_int_equal(f.shredded, more == 1 ? SHALE_SHRED_REJECTED : SHALE_SHRED_ROW);
    }
    assert_string_equal(shale_error_name(f.err.code), "unknown_limit");
    struct shale_column column;
    shale_builder_column(f.builder, 1, &column);
    struct shale_str kept = text_at(&column, 0);
    assert_memory_equal(kept.data, "{\"b30000\":30000,", 16); /* the first without a later one */
    assert_memory_equal(kept.data + kept.n_bytes - 15, "\"b29999\":99999}", 15);
    shale_buf_fini(&text);
    close_libc(&f);
}

/* A list takes the memory of one element, and a long one is no trouble. */
static void test_a_long_list(void **state)
{
    enum { N = 200000 };
    struct fixture f;
    struct shale_buf text;
    struct shale_column column;
    (void)state;
    open_libc(&f, "stream: t\nsource: {path: .}\n"
                  "fields: [{name: l, from: /l, type: list<string>, max_length: 200000}]\n");
    shale_buf_init(&text, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("{\"l\":[")), SHALE_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(shale_buf_printf(&text, "%s\"\\u0041%d\"", i == 0 ? "" : ",", i),
                         SHALE_OK);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("]}")), SHALE_OK);
    assert_int_equal(shred(&f, text.data, text.n_bytes, 0, true), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    shale_builder_column(f.builder, 0, &column);
    assert_int_equal(column.offsets[1], N);
    shale_buf_fini(&text);
    close_libc(&f);
}

/* Whatever came before, an event gives the same: guesses and slots are no memory. */
static void test_earlier_events_leave_no_trace(void **state)
{
    static const char *const before[] = {
        "{\"n\": 1, \"id\": \"q\", \"o\": {\"x\": 5, \"n\": 2}, \"u\": null}",
        "{\"o\": [1, 2], \"zzz\": 1, \"yyy\": 2, \"xxx\": 3, \"id\": 5}",
        "{\"l\": 5}",
        "[1, 2",
        "{\"\\u006e\": 5, \"n\": 6, \"\": 1, \"i\": 2, \"ida\": 3, \"id\": \"",
        "{\"Records\": [",
        "{\"skip\": true}",
    };
    enum { N = sizeof before / sizeof before[0] };
    struct fixture f;
    uint32_t seed = 1;
    (void)state;
    open_libc(&f, definition);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525 + 1013904223;
            const char *event = before[(seed >> 16) % N];
            assert_int_equal(shred(&f, event, strlen(event), 0, true), SHALE_OK);
        }
        shale_builder_reset(f.builder, 1 << 20);
        assert_int_equal(shred(&f, full, strlen(full), 0, true), SHALE_OK);
        check_full(&f, 0);
    }
    close_libc(&f);
}

static void test_a_key_that_is_no_utf8(void **state)
{
    struct fixture f;
    (void)state;
    open_libc(&f, "stream: t\nsource: {path: .}\nfields: [{name: k, from: $key, type: string}]\n");
    f.lineage.key = SHALE_STR("a\xFF.json");
    assert_int_equal(shred(&f, "{}", 2, 0, true), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
    assert_string_equal(shale_error_name(f.err.code), "utf8");
    assert_string_equal(f.err.message, "expected UTF-8, found other bytes in \"a?.json\"");
    close_libc(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_every_way),
        cmocka_unit_test(test_asks_for_more_at_every_cut),
        cmocka_unit_test(test_says_where_the_value_stands),
        cmocka_unit_test(test_leaves_the_cursor_behind_the_event),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_too_many_unknown_members),
        cmocka_unit_test(test_a_long_list),
        cmocka_unit_test(test_earlier_events_leave_no_trace),
        cmocka_unit_test(test_a_key_that_is_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
