/* SPDX-License-Identifier: MIT */
/* schema/parse, schema/type_text: values and types as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "schema/parse.h"
#include "schema/type_text.h"
#include "scratch.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static const struct parse_case {
    struct shale_type type;
    const char *text;
    const char *bytes; /* NULL: refused ... */
    size_t n_bytes;
    enum shale_error error; /* ... for this */
} cases[] = {
    {{.kind = SHALE_BOOL}, "true", "\1", 1, SHALE_E_none},
    {{.kind = SHALE_BOOL}, "1", NULL, 0, SHALE_E_type},
    {{.kind = SHALE_INT8}, "-128", "\x80\xFF\xFF\xFF", 4, SHALE_E_none},
    {{.kind = SHALE_INT8}, "128", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_UINT8}, "255", "\xFF\0\0\0", 4, SHALE_E_none},
    {{.kind = SHALE_UINT8}, "-1", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_UINT16}, "65536", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_INT16}, "1e2", "d\0\0\0", 4, SHALE_E_none},
    {{.kind = SHALE_UINT32}, "4294967295", "\xFF\xFF\xFF\xFF", 4, SHALE_E_none},
    {{.kind = SHALE_UINT32}, "4294967296", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_UINT64},
     "18446744073709551615",
     "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
     8,
     SHALE_E_none},
    {{.kind = SHALE_UINT64}, "18446744073709551616", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_INT64}, "7.5", NULL, 0, SHALE_E_not_whole},
    {{.kind = SHALE_FLOAT32}, "0.5", "\0\0\0\x3F", 4, SHALE_E_none},
    {{.kind = SHALE_FLOAT32}, "1e39", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_FLOAT64}, "0.5", "\0\0\0\0\0\0\xE0\x3F", 8, SHALE_E_none},
    {{.kind = SHALE_DECIMAL, .precision = 9, .scale = 2},
     "1.5",
     "\x96\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
     16,
     SHALE_E_none},
    {{.kind = SHALE_DATE}, "1970-01-02", "\1\0\0\0", 4, SHALE_E_none},
    {{.kind = SHALE_TIME, .unit = SHALE_MS}, "00:00:01", "\xE8\3\0\0\0\0\0\0", 8, SHALE_E_none},
    {{.kind = SHALE_TIME, .unit = SHALE_NS},
     "00:00:00.000000007",
     "\7\0\0\0\0\0\0\0",
     8,
     SHALE_E_none},
    {{.kind = SHALE_TIME, .unit = SHALE_US}, "24:00:00", NULL, 0, SHALE_E_time},
    {{.kind = SHALE_TIME, .unit = SHALE_US}, "", NULL, 0, SHALE_E_time},
    {{.kind = SHALE_TIMESTAMP, .unit = SHALE_MS},
     "1970-01-01T00:00:01Z",
     "\xE8\3\0\0\0\0\0\0",
     8,
     SHALE_E_none},
    {{.kind = SHALE_STRING}, "", "", 0, SHALE_E_none},
    {{.kind = SHALE_STRING}, "a b", "a b", 3, SHALE_E_none},
    {{.kind = SHALE_JSON}, "[1, 2]", "[1, 2]", 6, SHALE_E_none},
    {{.kind = SHALE_BINARY}, "YWI=", "ab", 2, SHALE_E_none},
    {{.kind = SHALE_BINARY}, "", "", 0, SHALE_E_none},
    {{.kind = SHALE_BINARY}, "a", NULL, 0, SHALE_E_base64},
    {{.kind = SHALE_FIXED, .width = 2}, "YWI=", "ab", 2, SHALE_E_none},
    {{.kind = SHALE_FIXED, .width = 3}, "YWI=", NULL, 0, SHALE_E_range},
    {{.kind = SHALE_UUID},
     "123E4567-e89b-12d3-a456-426614174000",
     "123e4567-e89b-12d3-a456-426614174000",
     36,
     SHALE_E_none},
    {{.kind = SHALE_UUID, .annotate = true},
     "123e4567-e89b-12d3-a456-426614174000",
     "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00",
     16,
     SHALE_E_none},
};

/* All cases behind one another. */
static enum shale_status parse_all(struct shale_buf *out)
{
    for (size_t i = 0; i < N(cases); i++) {
        struct shale_err err;
        size_t before = out->n_bytes;
        enum shale_status status;
        shale_err_clear(&err);
        status = shale_parse_value(&cases[i].type, shale_str_of(cases[i].text), out, &err);
        if (status == SHALE_NOMEM)
            return status;
        assert_int_equal(status, cases[i].bytes != NULL ? SHALE_OK : SHALE_SCHEMA);
        assert_int_equal(err.code, cases[i].error);
        if (cases[i].bytes == NULL)
            continue;
        assert_int_equal(out->n_bytes - before, cases[i].n_bytes);
        if (cases[i].n_bytes > 0)
            assert_memory_equal(out->data + before, cases[i].bytes, cases[i].n_bytes);
    }
    return SHALE_OK;
}

static void test_values(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct shale_buf out;
        failing_mem_init(&failing, ++n);
        shale_buf_init(&out, &failing.mem, 1 << 20);
        status = parse_all(&out);
        shale_buf_fini(&out);
    }
    assert_true(n > 1);
}

static const struct shale_type_member string_member[] = {{{"element", 7}, {.kind = SHALE_STRING}}};
static const struct shale_type_member members[] = {
    {{"a", 1}, {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}},
    {{"b", 1}, {.kind = SHALE_LIST, .members = string_member, .n_members = 1}},
};
static const struct shale_type_member other_names[] = {
    {{"a", 1}, {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}},
    {{"c", 1}, {.kind = SHALE_LIST, .members = string_member, .n_members = 1}},
};
static const struct shale_type types[] = {
    {.kind = SHALE_STRUCT, .members = members, .n_members = 2},
    {.kind = SHALE_STRUCT, .members = other_names, .n_members = 2},
    {.kind = SHALE_MAP, .members = members, .n_members = 2},
    {.kind = SHALE_TIMESTAMP, .unit = SHALE_US},
    {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS},
    {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .local = true},
    {.kind = SHALE_FIXED, .width = 4},
    {.kind = SHALE_FIXED, .width = 5},
    {.kind = SHALE_UUID},
    {.kind = SHALE_UUID, .annotate = true},
    {.kind = SHALE_DECIMAL, .precision = 9},
    {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2},
};

static void test_types(void **state)
{
    static const char *const texts[] = {"struct{a: decimal(9,2), b: list<string>}",
                                        "struct{a: decimal(9,2), c: list<string>}",
                                        "map<decimal(9,2),list<string>>",
                                        "timestamp(us)",
                                        "timestamp(ns)",
                                        "timestamp(us,local)",
                                        "fixed(4)",
                                        "fixed(5)",
                                        "uuid",
                                        "uuid",
                                        "decimal(9,0)",
                                        "decimal(9,2)"};
    char out[SHALE_TYPE_TEXT_BYTES];
    (void)state;
    for (size_t i = 0; i < N(types); i++) {
        assert_string_equal(shale_type_text(&types[i], out, sizeof out), texts[i]);
        for (size_t j = 0; j < N(types); j++)
            assert_int_equal(shale_type_equal(&types[i], &types[j]), i == j);
    }
}

/* Names that are no words, and texts that are too long: cut, and not within a character. */
static void test_type_names(void **state)
{
    static const struct shale_type_member named[] = {
        {{"a b", 3}, {.kind = SHALE_BOOL}},
        {{"\"\\", 2}, {.kind = SHALE_TIME, .unit = SHALE_MS}},
        {{"", 0}, {.kind = SHALE_INT8}},
        {{"\xC3\xA4\xC3\xB6", 4}, {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .int96 = true}},
    };
    static const struct shale_type type = {
        .kind = SHALE_STRUCT, .members = named, .n_members = N(named)};
    static const char whole[] = "struct{\"a b\": bool, \"\\\"\\\\\": time(ms), \"\": int8, "
                                "\"\xC3\xA4\xC3\xB6\": timestamp(us,int96)}";
    const size_t umlaut = (size_t)(strchr(whole, '\xC3') - whole);
    char out[SHALE_TYPE_TEXT_BYTES];
    (void)state;
    assert_string_equal(shale_type_text(&type, out, sizeof out), whole);
    for (size_t n = 4; n < sizeof whole; n++) {
        size_t end = n - 4;
        memset(out, '#', sizeof out);
        (void)shale_type_text(&type, out, n);
        if (end == umlaut + 1 || end == umlaut + 3)
            end--;
        assert_memory_equal(out, whole, end);
        assert_string_equal(out + end, "...");
        assert_int_equal(out[n], '#');
    }
}

static void test_words(void **state)
{
    enum shale_codec codec;
    enum shale_encoding_choice encoding;
    int level;
    (void)state;
    assert_true(shale_parse_compression(SHALE_STR("zstd:19"), &codec, &level));
    assert_int_equal(codec, SHALE_CODEC_ZSTD);
    assert_int_equal(level, 19);
    assert_false(shale_parse_compression(SHALE_STR("zstd:20"), &codec, &level));
    assert_false(shale_parse_compression(SHALE_STR("snappy:1"), &codec, &level));
    assert_false(shale_parse_compression(SHALE_STR("brotli"), &codec, &level));
    assert_true(shale_parse_encoding(SHALE_STR("delta_length"), &encoding));
    assert_int_equal(encoding, SHALE_ENCODE_DELTA_LENGTH);
    assert_false(shale_parse_encoding(SHALE_STR("delta_"), &encoding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
