/* SPDX-License-Identifier: MIT */
/* shred: nested values, where tests/cases cannot say it: memory that ends, types as deep as they
 * go, very many elements, reuse after rejects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "columns/builder.h"
#include "columns/json_rows.h"
#include "shred/shred.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define SCALAR(name, kind_)                                                                        \
    {                                                                                              \
        NAME(name),                                                                                \
        {                                                                                          \
            .kind = kind_                                                                          \
        }                                                                                          \
    }
#define NESTED(kind_, list)                                                                        \
    {                                                                                              \
        .kind = kind_, .members = list, .n_members = sizeof list / sizeof *list                    \
    }

/* struct{lat: float64, lon: float64} */
static const struct shale_type_member geo[] = {SCALAR("lat", SHALE_FLOAT64),
                                               SCALAR("lon", SHALE_FLOAT64)};
/* map<string, struct{v: decimal(5,2), j: json}> */
static const struct shale_type_member prop[] = {
    {NAME("v"), {.kind = SHALE_DECIMAL, .precision = 5, .scale = 2}}, SCALAR("j", SHALE_JSON)};
static const struct shale_type_member props[] = {SCALAR("key", SHALE_STRING),
                                                 {NAME("value"), NESTED(SHALE_STRUCT, prop)}};
static const struct shale_type_member tags[] = {SCALAR("element", SHALE_STRING)};
static const struct shale_type_member user[] = {SCALAR("name", SHALE_STRING),
                                                SCALAR("a/b", SHALE_INT64),
                                                {NAME("geo"), NESTED(SHALE_STRUCT, geo)},
                                                {NAME("tags"), NESTED(SHALE_LIST, tags)},
                                                {NAME("props"), NESTED(SHALE_MAP, props)}};
/* list<struct{id: int64, subs: list<list<int64>>, uuid: uuid, bin: binary}> */
static const struct shale_type_member subs_inner[] = {SCALAR("element", SHALE_INT64)};
static const struct shale_type_member subs[] = {{NAME("element"), NESTED(SHALE_LIST, subs_inner)}};
static const struct shale_type_member item[] = {SCALAR("id", SHALE_INT64),
                                                {NAME("subs"), NESTED(SHALE_LIST, subs)},
                                                SCALAR("uuid", SHALE_UUID),
                                                SCALAR("bin", SHALE_BINARY)};
static const struct shale_type_member items[] = {{NAME("element"), NESTED(SHALE_STRUCT, item)}};

enum { USER, ITEMS, ID, N_FIELDS };

static const struct shale_str user_step[] = {NAME("user")};
static const struct shale_str items_step[] = {NAME("items")};
static const struct shale_str id_step[] = {NAME("id")};
static const struct shale_from froms[N_FIELDS] = {
    {SHALE_FROM_POINTER, {NAME("/user"), user_step, 1}, {NULL, 0}},
    {SHALE_FROM_POINTER, {NAME("/items"), items_step, 1}, {NULL, 0}},
    {SHALE_FROM_POINTER, {NAME("/id"), id_step, 1}, {NULL, 0}},
};
static const struct shale_field fields[N_FIELDS] = {
    {.name = NAME("user"), .from = &froms[0], .n_from = 1, .type = NESTED(SHALE_STRUCT, user)},
    {.name = NAME("items"), .from = &froms[1], .n_from = 1, .type = NESTED(SHALE_LIST, items)},
    {.name = NAME("id"), .from = &froms[2], .n_from = 1, .type = {.kind = SHALE_INT64}},
};
static const struct shale_column_def columns[N_FIELDS + 1] = {
    {.name = NAME("user"), .type = NESTED(SHALE_STRUCT, user)},
    {.name = NAME("items"), .type = NESTED(SHALE_LIST, items)},
    {.name = NAME("id"), .type = {.kind = SHALE_INT64}},
    {.name = NAME("_unknown"), .type = {.kind = SHALE_JSON}},
};

struct fixture {
    struct shale_stream stream;
    struct shale_shredder *shredder;
    struct shale_builder *builder;
    struct shale_json_cursor cursor;
    struct shale_reject reject;
    struct shale_err err;
    enum shale_shredded shredded;
    char pointer[4096];
};

static struct shale_stream stream_of(enum shale_unknown unknown)
{
    return (struct shale_stream){.max_event_bytes = 16 << 20,
                                 .fields = fields,
                                 .n_fields = N_FIELDS,
                                 .unknown_fields = unknown,
                                 .schema = {columns, N_FIELDS + (unknown == SHALE_UNKNOWN_KEEP)}};
}

static enum shale_status open_on(struct fixture *f, const struct shale_mem *mem)
{
    enum shale_status status = shale_json_cursor_init(&f->cursor, mem);
    if (status == SHALE_OK)
        status = shale_shredder_new(mem, &f->stream, &f->shredder);
    if (status == SHALE_OK)
        status = shale_builder_new(mem, &f->stream.schema, &f->builder);
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

static void open_libc(struct fixture *f, struct shale_stream stream)
{
    *f = (struct fixture){.stream = stream};
    assert_int_equal(open_on(f, &shale_mem_libc), SHALE_OK);
}

/* The window ends with the text; it is gone afterwards, so that a view into it is seen. */
static enum shale_status shred_bytes(struct fixture *f, const char *text, size_t n_bytes, bool last)
{
    static const struct shale_lineage lineage = {.key = NAME("k")};
    char *window = calloc(1, n_bytes + SHALE_JSON_PADDING);
    assert_non_null(window);
    memcpy(window, text, n_bytes);
    shale_json_begin(&f->cursor, window, n_bytes, 0, last);
    enum shale_status status = shale_shred(f->shredder, &f->cursor, false, &lineage, 7, f->builder,
                                           &f->shredded, &f->reject, &f->err);
    f->pointer[0] = '\0';
    if (status == SHALE_OK && f->shredded == SHALE_SHRED_REJECTED)
        (void)snprintf(f->pointer, sizeof f->pointer, "%.*s", SHALE_STR_ARG(f->reject.pointer));
    free(window);
    return status;
}

static enum shale_status shred(struct fixture *f, const char *text)
{
    return shred_bytes(f, text, strlen(text), true);
}

/* The rows so far, as lines. */
static void check_rows(const struct fixture *f, const char *expected)
{
    struct shale_column nodes[N_FIELDS + 1][SHALE_TYPE_DEPTH], top[N_FIELDS + 1];
    size_t n = f->stream.schema.n_columns;
    struct shale_json_rows rows;
    struct shale_batch *batch = NULL;
    struct shale_buf out;
    shale_buf_init(&out, &shale_mem_libc, 1 << 24);
    assert_int_equal(shale_builder_split(f->builder, NULL, 1, &batch), SHALE_OK);
    for (size_t i = 0; i < n; i++) {
        assert_true(shale_type_n_nodes(&f->stream.schema.columns[i].type) <= SHALE_TYPE_DEPTH);
        shale_batch_column(batch, i, nodes[i]);
        top[i] = nodes[i][0];
    }
    assert_int_equal(shale_json_rows_init(&rows, &shale_mem_libc, f->stream.schema.columns, n),
                     SHALE_OK);
    for (int64_t i = 0; i < shale_batch_n_rows(batch); i++)
        assert_int_equal(shale_json_rows_append(&rows, top, i, &out), SHALE_OK);
    assert_int_equal(shale_buf_append_byte(&out, '\0'), SHALE_OK);
    assert_string_equal(out.data, expected);
    shale_json_rows_fini(&rows);
    shale_batch_free(&shale_mem_libc, batch);
    shale_buf_fini(&out);
}

/* Everything there is; names and keys in escapes, duplicates at every level. */
static const char full[] =
    "{\"user\": 5, \"\\u0069tems\": [ {\"id\": 1, \"id\": 2e0, \"subs\": [[1 , 2], null, [], "
    "[null]], \"bin\" : \"aGVsbG8=\"}, null, {}, {\"uuid\": "
    "\"123E4567-E89B-12D3-A456-426614174000\", \"more\": [\"]}\"]} ],"
    " \"user\": {\"n\\u0061me\": \"\\u0061\\n\", \"a/b\": 7, \"geo\": {\"lat\": 1, \"lon\": 2}, "
    "\"geo\": {\"lon\": 2.5}, \"tags\": [\"x\", null, \"\\ud83d\\ude00\"], \"x\": {\"y\": 1}, "
    "\"props\": {\"a\": {\"v\": 1}, \"\": {}, \"\\u0061\": {\"v\": 1.5, \"j\": [ 1, {\"k\" : "
    "\"\\u0041 b\"} ], \"w\": 0}, \"b\": null}}, \"id\": 9, \"z\": 1}";

#define FULL_ROW                                                                                   \
    "{\"user\":{\"name\":\"a\\n\",\"a/b\":7,\"geo\":{\"lat\":null,\"lon\":2.5},\"tags\":[\"x"      \
    "\",null,\"\xF0\x9F\x98\x80\"],\"props\":{\"a\":{\"v\":1.50,\"j\":[1,{\"k\":\"\\u0041 b\""     \
    "}]},\"\":{\"v\":null,\"j\":null},\"b\":null}},\"items\":[{\"id\":2,\"subs\":[[1,2],null,"     \
    "[],[null]],\"uuid\":null,\"bin\":\"aGVsbG8=\"},null,{\"id\":null,\"subs\":null,\"uuid\":"     \
    "null,\"bin\":null},{\"id\":null,\"subs\":null,\"uuid\":\"123e4567-e89b-12d3-a456-4266141"     \
    "74000\",\"bin\":null}],\"id\":9,\"_unknown\":{\"\\u0069tems\":[null,null,null,{\"more\":"     \
    "[\"]}\"]}],\"user\":{\"x\":{\"y\":1},\"props\":{\"\\u0061\":{\"w\":0}}},\"z\":1}}\n"

static void test_takes_every_way(void **state)
{
    struct fixture f;
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_KEEP));
    assert_int_equal(shred(&f, full), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    assert_int_equal(shred(&f, "{}"), SHALE_OK);
    assert_int_equal(shred(&f, full), SHALE_OK);
    check_rows(&f,
               FULL_ROW "{\"user\":null,\"items\":null,\"id\":null,\"_unknown\":null}\n" FULL_ROW);
    shut(&f);
}

static void test_asks_for_more_at_every_cut(void **state)
{
    struct fixture f;
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_KEEP));
    for (size_t n = 0; n < strlen(full); n++) {
        assert_int_equal(shred_bytes(&f, full, n, false), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_MORE);
        assert_int_equal(shale_builder_n_rows(f.builder), 0);
    }
    assert_int_equal(shred(&f, full), SHALE_OK);
    check_rows(&f, FULL_ROW);
    shut(&f);
}

/* What a reject has appended is gone, wherever it stopped; rows before and after are whole. */
static void test_rejects_leave_no_trace(void **state)
{
    static const struct {
        const char *event, *pointer;
        size_t at;
        enum shale_error rule;
    } cases[] = {
        {"{\"user\": 5}", "/user", 9, SHALE_E_type},
        {"{\"user\": []}", "/user", 9, SHALE_E_type},
        {"{\"user\": {\"a/b\": \"x\"}}", "/user/a~1b", 17, SHALE_E_type},
        {"{\"user\": {\"geo\": {\"lon\": true}}}", "/user/geo/lon", 25, SHALE_E_type},
        {"{\"user\": {\"geo\": \"x\"}}", "/user/geo", 17, SHALE_E_type},
        {"{\"user\": {\"name\": \"a\", \"tags\": [\"a\", 1]}}", "/user/tags/1", 37, SHALE_E_type},
        {"{\"user\": {\"tags\": {}}}", "/user/tags", 18, SHALE_E_type},
        {"{\"user\": {\"props\": [1]}}", "/user/props", 19, SHALE_E_type},
        {"{\"user\": {\"props\": {\"k~\": {\"v\": 0.001}}}}", "/user/props/k~0/v", 32,
         SHALE_E_scale},
        {"{\"user\": {\"props\": {\"\\u0061/\": {\"v\": 1, \"v\": 1000}}}}", "/user/props/a~1/v",
         45, SHALE_E_range},
        {"{\"user\": {\"props\": {\"ok\": {}, \"\\ud800\": {}}}}", "/user/props/\\ud800", 30,
         SHALE_E_surrogate},
        {"{\"user\": {\"tags\": [\"\\udc00\"]}}", "/user/tags/0", 19, SHALE_E_surrogate},
        {"{\"items\": {}}", "/items", 10, SHALE_E_type},
        {"{\"items\": [{}, {\"subs\": [[1], [1, 2.5]]}]}", "/items/1/subs/1/1", 34,
         SHALE_E_not_whole},
        {"{\"items\": [{\"subs\": [1]}]}", "/items/0/subs/0", 21, SHALE_E_type},
        {"{\"items\": [{\"subs\": [[{}]]}]}", "/items/0/subs/0/0", 22, SHALE_E_type},
        {"{\"items\": [7]}", "/items/0", 11, SHALE_E_type},
        {"{\"items\": [[1, [2]]]}", "/items/0", 11, SHALE_E_type},
        {"{\"user\": {\"name\": \"a\"}, \"items\": [{\"id\": 1}], \"id\": []}", "/id", 52,
         SHALE_E_type},
    };
    struct fixture f;
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_KEEP));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shale_builder_reset(f.builder, 1 << 20);
        assert_int_equal(shred(&f, full), SHALE_OK);
        size_t n_bytes = shale_builder_n_bytes(f.builder);
        assert_int_equal(shred(&f, cases[i].event), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
        assert_string_equal(shale_error_name(f.err.code), shale_error_name(cases[i].rule));
        assert_string_equal(f.pointer, cases[i].pointer);
        assert_int_equal(f.reject.at, cases[i].at);
        assert_int_equal(shale_builder_n_bytes(f.builder), n_bytes);
        assert_int_equal(shred(&f, full), SHALE_OK);
        check_rows(&f, FULL_ROW FULL_ROW);
    }
    shut(&f);
}

static void test_says_which_member_is_unknown(void **state)
{
    static const struct {
        const char *event, *pointer;
        size_t at;
    } cases[] = {
        {"{\"id\": 1, \"x\": 2}", "/x", 10},
        {"{\"user\": {\"name\": \"a\", \"q\": 1}}", "/user/q", 23},
        {"{\"user\": {\"geo\": {\"\\u0061lt\": 1}}}", "/user/geo/alt", 18},
        {"{\"items\": [{}, null, {\"subs\": [], \"a/\": 1}]}", "/items/2/a~1", 34},
        {"{\"user\": {\"props\": {\"k\": {\"v\": 1, \"w\": 1}}}}", "/user/props/k/w", 34},
        {"{\"user\": {\"\\ud800\": 1}}", "/user/\\ud800", 10},
        {"{\"items\": [{\"x\": 1}], \"y\": 1}", "/items/0/x", 12},
        {"{\"y\": 1, \"items\": [{\"x\": 1}]}", "/y", 1},
        /* the last of one name is the one that is read */
        {"{\"user\": {\"p\": 1}, \"user\": {\"q\": 1}}", "/user/q", 28},
    };
    struct fixture f;
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_REJECT));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(shred(&f, cases[i].event), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
        assert_string_equal(shale_error_name(f.err.code), "unknown_field");
        assert_string_equal(f.pointer, cases[i].pointer);
        assert_int_equal(f.reject.at, cases[i].at);
    }
    assert_int_equal(shred(&f, "{\"user\": {\"p\": 1}, \"user\": {\"name\": \"b\", \"props\": {}, "
                               "\"tags\": [\"x\"]}, \"items\": [{}, {\"id\": 1}], \"id\": 5}"),
                     SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    shut(&f);
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

/* Rows and rejects; true when no allocation failed. */
static bool run_on(struct fixture *f, const struct failing *failing)
{
    static const char map[] =
        "{\"user\": {\"props\": {\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"e\":{},\"f\":{},\"g\":{},"
        "\"h\":{},\"i\":{},\"j\":{},\"k\":{},\"l\":{},\"m\":{},\"n\":{},\"o\":{},\"p\":{},"
        "\"\\u0061\":{\"v\":2}, \"z\": {\"v\": []}}}}";
    const char *const events[] = {full, map, full};
    enum shale_status status = open_on(f, &failing->mem);
    for (int i = 0; i < 3 && status == SHALE_OK; i++) {
        status = shred(f, events[i]);
        if (status == SHALE_OK)
            assert_int_equal(f->shredded, i != 1 ? SHALE_SHRED_ROW : SHALE_SHRED_REJECTED);
    }
    if (status != SHALE_OK)
        assert_int_equal(status, SHALE_NOMEM);
    shut(f);
    return status == SHALE_OK;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int unknown = SHALE_UNKNOWN_IGNORE; unknown <= SHALE_UNKNOWN_KEEP; unknown++) {
        struct fixture f = {.stream = stream_of(SHALE_UNKNOWN_KEEP)};
        size_t n = 0;
        bool done = false;
        if (unknown != SHALE_UNKNOWN_KEEP)
            f.stream = stream_of(SHALE_UNKNOWN_IGNORE);
        while (!done) {
            struct failing failing = {{resize_or_fail, &failing}, 0, ++n};
            done = run_on(&f, &failing);
            assert_true(n < 2000);
        }
        assert_true(n > 40);
    }
}

/* ---- Many and deep --------------------------------------------------------------------------- */

/* Keys in another order than they are sorted in, each there twice. */
static void test_a_large_map(void **state)
{
    enum { N = 50000 };
    struct fixture f;
    struct shale_buf text;
    struct shale_batch *batch = NULL;
    struct shale_column nodes[16];
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_REJECT));
    shale_buf_init(&text, &shale_mem_libc, 1 << 26);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("{\"user\":{\"props\":{")), SHALE_OK);
    for (int i = 0; i < 2 * N; i++)
        assert_int_equal(shale_buf_printf(&text, "%s\"%s%d\":{\"v\":%d}", i == 0 ? "" : ",",
                                          i < N ? "k" : "\\u006b", i % N, i / N),
                         SHALE_OK);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("}}}")), SHALE_OK);
    assert_int_equal(shred_bytes(&f, text.data, text.n_bytes, true), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    assert_int_equal(shale_builder_split(f.builder, NULL, 1, &batch), SHALE_OK);
    shale_batch_column(batch, USER, nodes);
    /* user, name, a/b, geo, lat, lon, tags, element, props, key, value, v, j */
    assert_int_equal(nodes[8].offsets[1], N);
    for (int i = 0; i < N; i++) {
        char key[16];
        int n = snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(nodes[9].offsets[i + 1] - nodes[9].offsets[i], n);
        assert_memory_equal((const char *)nodes[9].data + nodes[9].offsets[i], key, (size_t)n);
        assert_true(((const shale_i128 *)nodes[11].data)[i] == 100); /* the last: 1.00 */
    }
    shale_batch_free(&shale_mem_libc, batch);
    shale_buf_fini(&text);
    shut(&f);
}

/* Structs take room for members that are not there; the definition's largest event bounds it. */
static void test_structs_take_no_more_than_the_limit(void **state)
{
    struct fixture f;
    struct shale_buf text;
    (void)state;
    open_libc(&f, stream_of(SHALE_UNKNOWN_IGNORE));
    shale_buf_init(&text, &shale_mem_libc, 1 << 26);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("{\"items\":[{}")), SHALE_OK);
    while (text.n_bytes < (2 << 20))
        assert_int_equal(shale_buf_append_str(&text, SHALE_STR(",{}")), SHALE_OK);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("]}")), SHALE_OK);
    f.stream.max_event_bytes = 64 << 20;
    assert_int_equal(shred_bytes(&f, text.data, text.n_bytes, true), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    shut(&f);
    f.stream.max_event_bytes = 1 << 20;
    assert_int_equal(open_on(&f, &shale_mem_libc), SHALE_OK);
    assert_int_equal(shred_bytes(&f, text.data, text.n_bytes, true), SHALE_OK);
    assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
    assert_string_equal(shale_error_name(f.err.code), "nested_size");
    assert_int_equal(shred(&f, "{\"items\":[{}]}"), SHALE_OK); /* each event for itself */
    assert_int_equal(f.shredded, SHALE_SHRED_ROW);
    shale_buf_fini(&text);
    shut(&f);
}

/* Lists, maps and structs in turn down to the last level. */
static void test_types_as_deep_as_they_go(void **state)
{
    static const enum shale_kind kinds[] = {SHALE_LIST, SHALE_MAP, SHALE_STRUCT};
    static const char *const open[] = {"[", "{\"k/\":", "{\"m\":"};
    static const char *const close[] = {"]", "}", "}"};
    static const char *const step[] = {"/0", "/k~1", "/m"};
    struct shale_type_member members[SHALE_TYPE_DEPTH][2];
    struct shale_field field = {.name = NAME("user"), .from = &froms[0], .n_from = 1};
    struct shale_column_def column = {.name = NAME("user")};
    char good[1024] = "{\"user\":", bad[1024] = "{\"user\":", pointer[1024] = "/user";
    struct fixture f;
    (void)state;
    memset(members, 0, sizeof members);
    struct shale_type type = {.kind = SHALE_INT64};
    for (int i = SHALE_TYPE_DEPTH - 2; i >= 0; i--) {
        enum shale_kind kind = kinds[i % 3];
        size_t n = kind == SHALE_MAP ? 2 : 1;
        members[i][0] = (struct shale_type_member){SHALE_STR("key"), {.kind = SHALE_STRING}};
        members[i][n - 1] = (struct shale_type_member){SHALE_STR("m"), type};
        type = (struct shale_type){.kind = kind, .members = members[i], .n_members = n};
    }
    for (int i = 0; i < SHALE_TYPE_DEPTH - 1; i++) {
        strcat(good, open[i % 3]);
        strcat(pointer, step[i % 3]);
    }
    strcpy(bad, good);
    strcat(good, "7");
    strcat(bad, "{}");
    for (int i = SHALE_TYPE_DEPTH - 1; i-- > 0;) {
        strcat(good, close[i % 3]);
        strcat(bad, close[i % 3]);
    }
    strcat(good, "}");
    strcat(bad, "}");
    field.type = column.type = type;
    for (int unknown = SHALE_UNKNOWN_IGNORE; unknown <= SHALE_UNKNOWN_REJECT; unknown++) {
        struct shale_stream stream = {.max_event_bytes = 1 << 20,
                                      .fields = &field,
                                      .n_fields = 1,
                                      .unknown_fields = (enum shale_unknown)unknown,
                                      .schema = {&column, 1}};
        open_libc(&f, stream);
        assert_int_equal(shred(&f, bad), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_REJECTED);
        assert_string_equal(f.pointer, pointer);
        assert_int_equal(shred(&f, good), SHALE_OK);
        assert_int_equal(f.shredded, SHALE_SHRED_ROW);
        shut(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_every_way),
        cmocka_unit_test(test_asks_for_more_at_every_cut),
        cmocka_unit_test(test_rejects_leave_no_trace),
        cmocka_unit_test(test_says_which_member_is_unknown),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_large_map),
        cmocka_unit_test(test_structs_take_no_more_than_the_limit),
        cmocka_unit_test(test_types_as_deep_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
