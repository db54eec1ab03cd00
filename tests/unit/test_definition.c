/* SPDX-License-Identifier: MIT */
/* schema/definition: what a definition becomes, every error with its place and words, all errors
 * of a file in one go, the ready-made streams, and no memory at any call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "schema/definition.h"

/* ---- Reading -------------------------------------------------------------------------------- */

/* One report a line, warnings with "warning " before them. */
static void note(void *ctx, bool warning, const struct shale_err *err)
{
    struct shale_buf *out = ctx;
    assert_int_not_equal(err->code, SHALE_E_none);
    assert_int_equal(shale_buf_printf(out, "%s%s\n", warning ? "warning " : "", err->message),
                     SHALE_OK);
}

/* What a text reports; "" for none. */
static const char *reports(struct shale_buf *out, struct shale_str text,
                           struct shale_stream **stream)
{
    enum shale_status status;
    shale_buf_init(out, &shale_mem_libc, 1 << 20);
    status = shale_definition_read(&shale_mem_libc, "f.yaml", text.data, text.n_bytes, note, out,
                                   stream);
    assert_int_equal(status, *stream == NULL ? SHALE_SCHEMA : SHALE_OK);
    assert_int_equal(shale_buf_append_byte(out, '\0'), SHALE_OK);
    return out->data;
}

static void expect(const char *text, const char *expected)
{
    struct shale_stream *stream;
    struct shale_buf out;
    const char *found = reports(&out, shale_str_of(text), &stream);
    if (strcmp(found, expected) != 0)
        fail_msg("%s\n--- expected\n%s--- found\n%s", text, expected, found);
    shale_stream_free(stream);
    shale_buf_fini(&out);
}

static struct shale_stream *accept(const char *text)
{
    struct shale_stream *stream;
    struct shale_buf out;
    const char *found = reports(&out, shale_str_of(text), &stream);
    if (stream == NULL)
        fail_msg("%s\n%s", text, found);
    shale_buf_fini(&out);
    return stream;
}

#define HEAD "stream: s\nfields:\n"
#define TAIL "  - {name: b, from: /b, type: string}\n"

/* A field with these keys in line 3: its column counts from "  - {name: a, ". */
static void expect_field(const char *keys, const char *expected)
{
    char text[1000];
    (void)snprintf(text, sizeof text, HEAD "  - {name: a, %s}\n", keys);
    expect(text, expected);
}

/* ---- Whole definitions ---------------------------------------------------------------------- */

static void test_smallest(void **state)
{
    struct shale_stream *s = accept(HEAD "- {name: a, from: '', type: json}\n");
    (void)state;
    assert_true(shale_str_is(s->name, "s"));
    assert_int_equal(s->n_fields, 1);
    assert_int_equal(s->fields[0].from[0].pointer.n_steps, 0);
    assert_int_equal(s->layout, SHALE_OUTPUT_TABLE);
    assert_int_equal(s->compression, SHALE_CODEC_ZSTD);
    assert_int_equal(s->row_group_bytes, 32 << 20);
    assert_int_equal(s->max_waiting_bytes, (int64_t)4 << 30);
    assert_int_equal(s->max_event_bytes, 16 << 20);
    assert_int_equal(s->reject_limit_count, -1);
    assert_true(s->reject_limit_percent < 0);
    assert_int_equal(s->schema.n_columns, 1);
    shale_stream_free(s);
}

static void test_everything(void **state)
{
    struct shale_stream *s = accept(
        "stream: all_of_it\n"
        "source:\n"
        "  path: ./in\n"
        "  keys: [\"{account}/{yyyy}/*.json\", \"x/**\"]\n"
        "  format: ndjson\n"
        "  records: /a~1b/Records\n"
        "  max_event: 64 KB\n"
        "  keep: [{from: /kind, not_in: [x, 7, true, null, '7']}, {from: $key, present: false}]\n"
        "fields:\n"
        "  - {name: kind, from: [/kind, /Kind], type: string, required: true, trim: true,\n"
        "     null_values: [-, ''], enum: [a, '1'], pattern: '^.$', min_length: 1,\n"
        "     max_length: 9, format: hostname}\n"
        "  - {name: n, from: /n, type: int32, minimum: -5, maximum: 5, default: 3, coerce: lax}\n"
        "  - {name: d, from: /d, type: 'decimal(18, 2)', minimum: 1.25}\n"
        "  - {name: when, from: /when, type: timestamp, minimum: 2020-01-01T00:00:00Z}\n"
        "  - {name: tags, from: /tags, type: list<uuid>, annotate: uuid, max_length: 3}\n"
        "  - {name: j, from: /j, type: json, default: {}}\n"
        "  - {name: account, from: $key.account, type: string}\n"
        "  - {name: number, from: $index, type: int64}\n"
        "  - {name: bucket, from: $bucket, type: string}\n"
        "rules:\n"
        "  - {when: {from: /kind, in: [a]}, require: [n, d], forbid: tags}\n"
        "unknown_fields: keep\n"
        "on_reject: {policy: skip, limit: 2.5%}\n"
        "output:\n"
        "  - path: out/\n"
        "    partition_by: [kind, {year: when}, {hour: when}]\n"
        "    sort_by: [when, n]\n"
        "    compression: zstd:7\n"
        "    compat: wide\n"
        "    row_group: 1MiB\n"
        "    max_waiting: 1GiB\n");
    (void)state;
    assert_true(shale_str_is(s->source_path, "./in"));
    assert_int_equal(s->n_keys, 2);
    assert_int_equal(s->format, SHALE_INPUT_NDJSON);
    assert_true(s->has_records);
    assert_true(shale_str_is(s->records.steps[0], "a/b"));
    assert_int_equal(s->max_event_bytes, 64000);
    assert_int_equal(s->n_keep, 2);
    assert_true(s->keep[0].trim);
    assert_int_equal(s->keep[0].n_values, 5);
    assert_int_equal(s->keep[0].values[1].kind, SHALE_KIND_NUMBER);
    assert_int_equal(s->keep[0].values[2].kind, SHALE_KIND_BOOL);
    assert_int_equal(s->keep[0].values[3].kind, SHALE_KIND_NULL);
    assert_int_equal(s->keep[0].values[4].kind, SHALE_KIND_STRING);
    assert_int_equal(s->keep[1].from.kind, SHALE_FROM_KEY);
    assert_int_equal(s->keep[1].kind, SHALE_WHEN_PRESENT);
    assert_int_equal(s->fields[0].n_from, 2);
    assert_int_equal(s->fields[0].n_enum_values, 2);
    assert_true(shale_str_is(s->fields[0].enum_values[1].as.bytes, "1"));
    assert_non_null(s->fields[0].pattern_code);
    assert_int_equal(s->fields[0].n_null_values, 2);
    assert_int_equal(s->fields[0].null_values[1].n_bytes, 0);
    assert_int_equal(s->fields[0].format, SHALE_FORMAT_HOSTNAME);
    assert_int_equal(s->fields[1].minimum.as.i32, -5);
    assert_int_equal(s->fields[1].default_value.as.i32, 3);
    assert_true(s->fields[1].lax);
    assert_int_equal(s->fields[2].type.precision, 18);
    assert_true(s->fields[2].minimum.as.i128 == 125);
    assert_int_equal(s->fields[3].minimum.as.i64, 1577836800000000);
    assert_true(shale_type_element(&s->fields[4].type)->annotate);
    assert_true(shale_str_is(s->fields[5].default_value.as.bytes, "{}"));
    assert_true(shale_str_is(s->fields[6].from[0].name, "account"));
    assert_int_equal(s->rules[0].n_require, 2);
    assert_int_equal(s->rules[0].forbid[0], 4);
    assert_int_equal(s->unknown_fields, SHALE_UNKNOWN_KEEP);
    assert_true(s->reject_limit_percent == 2.5);
    assert_int_equal(s->reject_limit_count, -1);
    assert_int_equal(s->layout, SHALE_OUTPUT_TABLE);
    assert_int_equal(s->n_partitions, 3);
    assert_true(s->fields[0].partition_identity);
    assert_true(s->schema.columns[0].partition_only);
    assert_false(s->schema.columns[3].partition_only);
    assert_true(shale_str_is(s->partitions[2].name, "hour"));
    assert_int_equal(s->sort_by[0], 3);
    assert_int_equal(s->compression_level, 7);
    assert_int_equal(s->schema.n_columns, 10);
    assert_true(shale_str_is(s->schema.columns[9].name, "_unknown"));
    shale_stream_free(s);
}

static void test_tells_all_errors_in_the_order_of_lines(void **state)
{
    (void)state;
    expect("outptu: {}\n"
           "stream: No\n"
           "fields:\n"
           "  - {name: a, from: a, type: int}\n"
           "  - {name: a, from: /b, type: string, minimum: 3}\n"
           "source: {format: xml}\n",
           "f.yaml:1:1: unknown key 'outptu' in the definition; did you mean 'output'?\n"
           "f.yaml:2:9: stream: expected a name such as visit_events ([a-z][a-z0-9_]*, at most "
           "128 bytes), found No\n"
           "f.yaml:4:21: from: expected a JSON pointer such as /user/id, or $key, "
           "$key.placeholder, $bucket or $index, found a\n"
           "f.yaml:4:30: type 'int': no such type; did you mean int32 or int64?\n"
           "f.yaml:5:12: field 'a' is given twice; the first is in line 4\n"
           "f.yaml:5:48: minimum does not apply to a field of type string; it is for numbers, "
           "dates and times\n"
           "f.yaml:6:18: format: expected one of json, ndjson, found xml\n");
}

/* ---- YAML ----------------------------------------------------------------------------------- */

static void test_yaml_itself(void **state)
{
    (void)state;
    expect("", "f.yaml:1:1: the definition: expected a mapping with stream and fields, found "
               "nothing\n");
    expect("[]", "f.yaml:1:1: the definition: expected a mapping (key: value), found a list\n");
    expect("a: b: c\n",
           "f.yaml:1:5: this is no YAML: mapping values are not allowed in this context\n");
    expect("stream: \xff\n", "f.yaml:1:9: this is no YAML: invalid leading UTF-8 octet\n");
    expect("stream: s\n---\nstream: t\n",
           "f.yaml:2:1: a second document begins here; a definition is one YAML document\n");
    expect("stream: *x\n", "f.yaml:1:9: alias '*x' has no anchor before it\n");
    expect("stream: &x [*x]\n", "f.yaml:1:13: alias '*x' stands inside its own anchor\n");
    expect("stream: !!str s\n", "f.yaml:1:9: YAML tags are not supported; quote a text and write "
                                "anything else plainly\n");
    expect(HEAD TAIL "stream: t\n",
           "f.yaml:4:1: key 'stream' is given twice in the definition; the first is in line 1\n");
    expect("{[]: 1, "
           "stream: s, fields: [{name: a, from: /a, type: bool}]}\n",
           "f.yaml:1:2: expected a text as the key in the definition, found a list\n");
    expect(HEAD "  - &x {name: b, from: /b, type: string}\n  - {<<: *x, name: c}\n",
           "f.yaml:4:5: key 'type' is missing in a field; expected a type such as string or "
           "timestamp\n"
           "f.yaml:4:5: key 'from' is missing in a field; expected a JSON pointer such as "
           "/user/id\n"
           "f.yaml:4:6: merge keys ('<<') are not supported; write the keys out\n");
    expect("stream: \"a\\e\\0b\"\nfields: [{name: a, from: /a, type: bool}]\n",
           "f.yaml:1:9: stream: expected a name such as visit_events ([a-z][a-z0-9_]*, at most "
           "128 bytes), found 'a?'\n");
}

static void test_yaml_limits(void **state)
{
    struct shale_stream *stream;
    struct shale_buf text, out;
    (void)state;
    shale_buf_init(&text, &shale_mem_libc, 2 << 20);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("a: &a [x,x,x,x,x,x,x,x,x,x]\n")),
                     SHALE_OK);
    for (char c = 'b'; c < 'k'; c++)
        assert_int_equal(
            shale_buf_printf(&text, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c,
                             c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1),
            SHALE_OK);
    assert_string_equal(reports(&out, shale_buf_str(&text), &stream),
                        "f.yaml:5:35: more than 100000 YAML nodes (aliases expanded)\n");
    shale_buf_fini(&out);

    shale_buf_reset(&text);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(shale_buf_append_byte(&text, '['), SHALE_OK);
    assert_string_equal(reports(&out, shale_buf_str(&text), &stream),
                        "f.yaml:1:33: more than 32 levels of nesting\n");
    shale_buf_fini(&out);

    shale_buf_reset(&text);
    while (text.n_bytes <= 1 << 20)
        assert_int_equal(shale_buf_append_byte(&text, '#'), SHALE_OK);
    assert_string_equal(reports(&out, shale_buf_str(&text), &stream),
                        "f.yaml:1:1: the definition is larger than 1048576 bytes\n");
    shale_buf_fini(&out);
    shale_buf_fini(&text);
}

static void test_byte_order_mark_and_crlf(void **state)
{
    (void)state;
    shale_stream_free(accept("\xef\xbb\xbfstream: s\r\nfields:\r\n"
                             "- {name: a, from: /a, type: bool}\r\n"));
    expect("\xef\xbb\xbfstream: S\r\nfields:\r\n- {name: a, from: /a, type: bool}\r\n",
           "f.yaml:1:9: stream: expected a name such as visit_events ([a-z][a-z0-9_]*, at most "
           "128 bytes), found S\n");
}

static void test_anchors(void **state)
{
    struct shale_stream *s = accept(HEAD "  - {name: a, from: /a, type: string, enum: &e [x, y]}\n"
                                         "  - {name: b, from: /b, type: string, enum: *e}\n");
    (void)state;
    assert_int_equal(s->fields[1].n_enum_values, 2);
    shale_stream_free(s);
}

/* ---- Fields --------------------------------------------------------------------------------- */

static void test_types(void **state)
{
    static const char *const right[] = {
        "string",
        "bool",
        "int32",
        "int64",
        "float64",
        "'decimal(38,38)'",
        "date",
        "time",
        "timestamp",
        "timestamp(ms)",
        "timestamp(us)",
        "timestamp(ns)",
        "'timestamp(ms, int96)'",
        "uuid",
        "binary",
        "json",
        "list<int32>",
        "'list<decimal(5,0)>'",
        "list<json>",
        "list< date >",
        "list<list<int32>>",
        "'map<string,map<string, list<decimal(5,0)>>>'",
        "'struct{a: string, b: list<int32>}'",
        "'struct { \"a b\" : list<struct{x:time}>, \"q\\\"\": timestamp(ms,int96) }'",
    };
    static const struct {
        const char *type, *words;
    } wrong[] = {
        {"integer", "no such type; did you mean int32 or int64?"},
        {"strnig", "no such type; did you mean string?"},
        {"String", "no such type; did you mean string?"},
        {"money", "no such type; expected string, bool, int32, int64, float64, decimal(p,s), date, "
                  "time, timestamp, uuid, binary, json, list<...>, map<string,...> or struct{...}"},
        {"decimal", "expected decimal(precision,scale), such as decimal(18,2)"},
        {"decimal(5)", "expected decimal(precision,scale), such as decimal(18,2)"},
        {"decimal(0,0)", "expected a precision from 1 to 38"},
        {"decimal(39,0)", "expected a precision from 1 to 38"},
        {"decimal(5,6)", "expected a scale from 0 to the precision"},
        {"timestamp(s)", "expected timestamp, timestamp(ms), (us) or (ns), or for old readers "
                         "timestamp(us,int96)"},
        {"int32 x", "expected nothing more behind the type"},
        {"list", "expected the type of its elements, as in list<string>"},
        {"list<int32", "expected '>' at the end of a list (at byte 11 of the type)"},
        {"list<intt>", "no such type as 'intt'; did you mean int32?"},
        {"list<>", "a type is missing; expected string, bool, int32, int64, float64, "
                   "decimal(p,s), date, time, timestamp, uuid, binary, json, list<...>, "
                   "map<string,...> or struct{...}"},
        {"list<decimal(5)>", "expected decimal(precision,scale), such as decimal(18,2) (at byte 16 "
                             "of the type)"},
        {"map", "expected map<string,...>: its keys are strings"},
        {"map<int32,string>",
         "expected map<string,...>: its keys are strings (at byte 10 of the type)"},
        {"map<string>", "expected map<string,...>: its keys are strings (at byte 11 of the type)"},
        {"map<string,int32", "expected '>' at the end of a map (at byte 17 of the type)"},
        {"struct", "expected its members, as in struct{a: string, b: int32}"},
        {"struct<a: int32>",
         "expected its members, as in struct{a: string, b: int32} (at byte 7 of the type)"},
        {"struct{}", "expected the name of a member; one that is no plain word stands in double "
                     "quotes (at byte 8 of the type)"},
        {"struct{a int32}", "expected ':' behind the name of a member, as in struct{a: string} (at "
                            "byte 10 of the type)"},
        {"struct{a: int32 b: bool}",
         "expected ',' or '}' behind a member of a struct (at byte 17 of the type)"},
        {"struct{a: int32, a: bool}", "a member's name is given twice (at byte 19 of the type)"},
        {"struct{\"\": bool}", "expected a member's name of 1 to 256 bytes without control "
                               "characters (at byte 10 of the type)"},
        {"struct{\"a: bool}",
         "expected '\"' at the end of a member's name (at byte 17 of the type)"},
        {"struct{a: bool}}", "expected nothing more behind the type (at byte 16 of the type)"},
    };
    char keys[200], expected[400];
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        (void)snprintf(keys, sizeof keys, HEAD "- {name: a, from: /a, type: %s}\n", right[i]);
        shale_stream_free(accept(keys));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(keys, sizeof keys, "from: /a, type: '%s'", wrong[i].type);
        (void)snprintf(expected, sizeof expected, "f.yaml:3:31: type '%s': %s\n", wrong[i].type,
                       wrong[i].words);
        expect_field(keys, expected);
    }
    expect_field("from: /a, type: decimal(9,2)",
                 "f.yaml:3:31: type 'decimal(9': inside { } a comma ends the text; quote the type, "
                 "as in \"decimal(18,2)\"\n"
                 "f.yaml:3:41: unknown key '2)' in a field; expected name, from, type, annotate, "
                 "encoding, bloom, required, coerce, trim, null_values, enum, pattern, format, "
                 "min_length, max_length, minimum, maximum, default\n");
    expect_field("from: /a, type: map<string,bool>",
                 "f.yaml:3:31: type 'map<string': inside { } a comma ends the text; quote the "
                 "type, as in \"decimal(18,2)\"\n"
                 "f.yaml:3:42: unknown key 'bool>' in a field; expected name, from, type, "
                 "annotate, encoding, bloom, required, coerce, trim, null_values, enum, pattern, "
                 "format, min_length, max_length, minimum, maximum, default\n");
}

/* A type of 'n' levels: lists of lists of ... bool. */
static const char *deep_type(char *out, size_t n)
{
    size_t used = 0;
    for (size_t i = 1; i < n; i++, used += 5)
        memcpy(out + used, "list<", 5);
    memcpy(out + used, "bool", 4);
    memset(out + used + 4, '>', n - 1);
    out[used + 3 + n] = '\0';
    return out;
}

static void test_types_inside_types(void **state)
{
    struct shale_stream *s =
        accept(HEAD "- {name: a, from: /a, type: 'struct{b: string, \"c d\": list<int32>}'}\n"
                    "- {name: m, from: /m, type: 'map<string, struct{u: uuid, l: list<uuid>}>', "
                    "annotate: uuid}\n");
    const struct shale_type *a = &s->fields[0].type, *m = &s->fields[1].type, *value;
    char type[400], text[600];
    (void)state;
    assert_int_equal(a->kind, SHALE_STRUCT);
    assert_int_equal(a->n_members, 2);
    assert_true(shale_str_is(a->members[1].name, "c d"));
    assert_int_equal(a->members[1].type.kind, SHALE_LIST);
    assert_int_equal(shale_type_element(&a->members[1].type)->kind, SHALE_INT32);
    assert_int_equal(m->kind, SHALE_MAP);
    assert_true(shale_str_is(m->members[0].name, "key"));
    assert_int_equal(m->members[0].type.kind, SHALE_STRING);
    value = shale_type_element(m);
    assert_true(value->members[0].type.annotate);
    assert_true(shale_type_element(&value->members[1].type)->annotate);
    assert_int_equal(shale_type_n_nodes(&s->schema.columns[1].type), 6);
    shale_stream_free(s);

    s = accept(HEAD "- {name: a, from: /a, type: 'list<time>'}\n");
    assert_int_equal(shale_type_element(&s->fields[0].type)->unit, SHALE_US);
    shale_stream_free(s);

    (void)snprintf(text, sizeof text, HEAD "- {name: a, from: /a, type: %s}\n",
                   deep_type(type, 32));
    expect(text, "warning f.yaml:3:3: field 'a': BigQuery takes at most 15 levels of types inside "
                 "one another\n");
    (void)snprintf(text, sizeof text, HEAD "- {name: a, from: /a, type: %s}\n",
                   deep_type(type, 33));
    expect(text, "f.yaml:3:29: type 'list<list<list<list<list<list<list<list<list<list<list<list<"
                 "list<list<list<list<': types are at most 32 levels deep (at byte 165 of the "
                 "type)\n");
    (void)snprintf(text, sizeof text, HEAD "- {name: a, from: /a, type: %s, minimum: 1}\n",
                   deep_type(type, 17));
    expect(text,
           "warning f.yaml:3:3: field 'a': BigQuery takes at most 15 levels of types inside one "
           "another\n"
           "f.yaml:3:140: minimum does not apply to a field of type list<list<list<list<list<"
           "list<list<list<list<list<list<list<list<list<list<list<bool>>>>>>>>...; it is for "
           "numbers, dates and times\n");
}

static void test_tables_look_inside(void **state)
{
    (void)state;
    expect(HEAD "- {name: a, from: /a, type: 'struct{t: list<time>}'}\n"
                "- {name: b, from: /b, type: 'map<string,struct{\"x y\": bool}>'}\n"
                "- {name: c, from: /c, type: 'struct{a: bool, A: bool}'}\n"
                "output: {layout: table}\n",
           "f.yaml:3:3: field 'a': type struct{t: list<time>} is refused in a table (layout: "
           "table); expected string, or layout: file\n"
           "warning f.yaml:3:3: field 'a': Spark cannot read a time of day\n"
           "f.yaml:4:3: field 'b': the member 'x y' has a space or one of ,;{}()= in its name, "
           "which a table's columns must not have\n"
           "f.yaml:5:3: field 'c': the members 'a' and 'A' differ only by case; a table's readers "
           "would take them for one\n");
}

static void test_storage(void **state)
{
    struct shale_stream *s = accept(
        HEAD "- {name: a, from: /a, type: string, encoding: delta_byte_array, bloom: true}\n"
             "- {name: b, from: /b, type: int64, encoding: delta, bloom: {fpp: 0.05}}\n"
             "- {name: c, from: /c, type: 'struct{x: bool, y: string}', encoding: rle, bloom: "
             "{}}\n"
             "- {name: d, from: /d, type: date, encoding: dictionary, bloom: false}\n"
             "output: {path: a.parquet, compat: modern, compression: 'lz4:9', sort_by: [b]}\n");
    (void)state;
    assert_true(s->modern);
    assert_int_equal(s->compression, SHALE_CODEC_LZ4);
    assert_int_equal(s->compression_level, 9);
    assert_int_equal(s->schema.columns[0].encoding, SHALE_ENCODE_DELTA_BYTE_ARRAY);
    assert_true(s->schema.columns[0].bloom_fpp == 0.01);
    assert_int_equal(s->schema.columns[1].encoding, SHALE_ENCODE_DELTA);
    assert_true(s->schema.columns[1].bloom_fpp == 0.05);
    assert_int_equal(s->schema.columns[2].encoding, SHALE_ENCODE_RLE);
    assert_true(s->schema.columns[2].bloom_fpp == 0.01);
    assert_int_equal(s->schema.columns[3].encoding, SHALE_ENCODE_DICTIONARY);
    assert_true(s->schema.columns[3].bloom_fpp == 0);
    shale_stream_free(s);

    s = accept(HEAD "- {name: a, from: /a, type: bool, encoding: plain}\n");
    assert_false(s->modern);
    assert_int_equal(s->schema.columns[0].encoding, SHALE_ENCODE_PLAIN);
    shale_stream_free(s);
}

/* Each warning once a field, where it is. */
static void test_readers_of_modern(void **state)
{
    (void)state;
    expect(HEAD "- {name: a, from: /a, type: 'struct{x: float64, y: float64, z: int32}'}\n"
                "- {name: b, from: /b, type: float64, encoding: plain}\n"
                "- {name: c, from: /c, type: int64, encoding: byte_stream_split}\n"
                "- {name: d, from: /d, type: string, encoding: delta_length}\n"
                "output: {path: a.parquet, compat: modern, compression: lz4}\n",
           "warning f.yaml:3:3: field 'a': Spark's vectorised reader refuses BYTE_STREAM_SPLIT, "
           "which modern may choose for floats; encoding: plain or dictionary avoids it\n"
           "warning f.yaml:5:46: field 'c': Spark 3.5, and Arrow before 16, know BYTE_STREAM_SPLIT "
           "of floats alone\n"
           "warning f.yaml:6:47: field 'd': Spark 3.5's vectorised reader takes other values from "
           "DELTA_LENGTH_BYTE_ARRAY, or fails; encoding: delta_byte_array is read\n"
           "warning f.yaml:7:35: compat: modern: Spark before 3.3 and Hive cannot read its "
           "encodings\n"
           "warning f.yaml:7:56: compression: lz4 (LZ4_RAW): Spark before 3.5 and Hive cannot read "
           "it\n");
}

static void test_storage_that_does_not_fit(void **state)
{
    (void)state;
    expect(HEAD "- {name: a, from: /a, type: string, encoding: delta}\n"
                "- {name: b, from: /b, type: 'list<bool>', encoding: dictionary, bloom: true}\n"
                "- {name: c, from: /c, type: int32, bloom: {fpp: 2}}\n"
                "- {name: d, from: /d, type: bool, encoding: huffman}\n"
                "- {name: e, from: /e, type: int32, encoding: delta}\n"
                "- {name: f, from: /f, type: string, encoding: plain, bloom: true}\n"
                "output: {partition_by: [f], compression: lz4}\n",
           "f.yaml:3:47: encoding does not apply to a field of type string; delta is for whole "
           "numbers, dates, times, timestamps and decimals of at most 18 digits\n"
           "f.yaml:4:53: encoding does not apply to a field of type list<bool>; dictionary is for "
           "everything but bool\n"
           "f.yaml:4:72: bloom does not apply to a field of type list<bool>; bool has only two "
           "values\n"
           "f.yaml:5:49: fpp: expected a share of wrong answers from 0.00001 to 0.5, such as 0.01, "
           "found 2\n"
           "f.yaml:6:45: encoding: expected one of auto, plain, dictionary, delta, delta_length, "
           "delta_byte_array, byte_stream_split, rle, found huffman\n"
           "f.yaml:7:46: encoding: delta needs compat: modern in output\n"
           "warning f.yaml:8:47: encoding has no effect on a partition column, which is in no "
           "file\n"
           "warning f.yaml:8:61: bloom has no effect on a partition column, which is in no file\n"
           "f.yaml:9:42: compression: lz4 needs compat: modern in output\n");
}

static void test_constraints_apply(void **state)
{
    static const struct {
        const char *keys, *words; /* words NULL: accepted */
    } cases[] = {
        {"type: string, trim: true", NULL},
        {"type: int32, trim: true", "trim does not apply to a field of type int32; it is for types "
                                    "that are read from texts"},
        {"type: int32, trim: true, coerce: lax", NULL},
        {"type: 'decimal(9,2)', trim: true, coerce: lax", NULL},
        {"type: 'decimal(9,2)', trim: true",
         "trim does not apply to a field of type decimal(9,2); it is for types that are read from "
         "texts"},
        {"type: list<string>, trim: true, pattern: x, format: uri, min_length: 1", NULL},
        {"type: list<int32>, max_length: 3, minimum: 1, enum: [1, 2]", NULL},
        {"type: uuid, max_length: 3", "max_length does not apply to a field of type uuid; it is "
                                      "for string, binary, lists and maps"},
        {"type: json, min_length: 3", "min_length does not apply to a field of type json; it is "
                                      "for string, binary, lists and maps"},
        {"type: json, enum: [1]", "enum does not apply to a field of type json; it is for scalars"},
        {"type: date, pattern: x", "pattern does not apply to a field of type date; it is for "
                                   "string and list<string>"},
        {"type: bool, format: uuid", "format does not apply to a field of type bool; it is for "
                                     "string and list<string>"},
        {"type: bool, maximum: true", "maximum does not apply to a field of type bool; it is for "
                                      "numbers, dates and times"},
        {"type: list<bool>, default: true",
         "default does not apply to a field of type list<bool>; only scalars have one"},
        {"type: 'struct{a: int32}', required: true, coerce: lax", NULL},
        {"type: 'map<string,int32>', required: true, min_length: 1, max_length: 2", NULL},
        {"type: 'list<list<int32>>', min_length: 1", NULL},
        {"type: 'list<list<int32>>', minimum: 1", "minimum does not apply to a field of type "
                                                  "list<list<int32>>; it is for numbers, dates and "
                                                  "times"},
        {"type: 'struct{a: int32}', min_length: 1",
         "min_length does not apply to a field of type struct{a: int32}; it is for string, binary, "
         "lists and maps"},
        {"type: 'struct{\"a b\": int32}', null_values: x",
         "null_values does not apply to a field of type struct{\"a b\": int32}; it is for scalars "
         "and lists of them"},
        {"type: 'map<string,string>', trim: true",
         "trim does not apply to a field of type map<string,string>; it is for types that are read "
         "from texts"},
        {"type: string, annotate: json", "annotate does not apply to a field of type string; "
                                         "annotate: json is for json, also inside other types"},
        {"type: date, minimum: 2020-02-30", "minimum: 2020-02-30 does not fit type date: "},
        {"type: string, enum: [a, 2024]", "enum: 2024 is read as a number, and the type is "
                                          "string; quote it to make it a text"},
        {"type: string, enum: [true]", "enum: true is read as a bool, and the type is string; "
                                       "quote it to make it a text"},
        {"type: date, default: 2024", "default: 2024 is read as a number, and the type is date; "
                                      "quote it to make it a text"},
        {"type: string, enum: []", "enum: expected a list of values, found an empty list"},
        {"type: int32, minimum: 3000000000", "minimum: 3000000000 does not fit type int32: "},
        {"type: int32, minimum: 5, maximum: 4", "minimum is above maximum (line 3)"},
        {"type: string, min_length: 5, max_length: 4", "min_length is above max_length (line 3)"},
        {"type: string, min_length: -1",
         "min_length: expected a whole number from 0 to 2147483647, found -1"},
        {"type: string, pattern: '['", "pattern: missing terminating ] for character class "
                                       "(at byte 2 of the pattern)"},
        {"type: string, pattern: '\\C'", "pattern: "},
        {"type: string, required: yes", "required: expected true or false, found yes"},
        {"type: string, default: null",
         "default: expected a value (quote it if it is a text), found null"},
        {"type: string, default: abc, pattern: '^x'",
         "default breaks the field's own constraints: "},
        {"type: int32, default: 9, maximum: 8", "default breaks the field's own constraints: "},
        {"type: string, null_values: null",
         "null_values: expected a text (null itself: quote the word), found null"},
        {"type: string, coerce: loose", "coerce: expected one of strict, lax, found loose"},
        {"type: string, format: ip", "format: expected one of email, ipv4, ipv6, hostname, uri, "
                                     "uuid, found ip"},
        {"type: string, requierd: true",
         "unknown key 'requierd' in a field; did you mean 'required'?"},
        {"type: string, jq: .a", "a field: jq is not supported yet"},
        {"type: string, plugin: ./a.so", "a field: plugin is not supported yet"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_stream *stream;
        struct shale_buf out;
        char text[400];
        const char *found, *words;
        (void)snprintf(text, sizeof text, HEAD "  - {name: a, from: /a, %s}\n", cases[i].keys);
        found = reports(&out, shale_str_of(text), &stream);
        words = strstr(found, ": ");
        if (cases[i].words == NULL
                ? stream == NULL
                : stream != NULL ||
                      strncmp(words + 2, cases[i].words, strlen(cases[i].words)) != 0 ||
                      strchr(found, '\n')[1] != '\0')
            fail_msg("%s\n%s", cases[i].keys, found);
        shale_stream_free(stream);
        shale_buf_fini(&out);
    }
}

static void test_from(void **state)
{
    (void)state;
    expect_field("from: [], type: bool", "f.yaml:3:21: from: expected a JSON pointer or a list of "
                                         "them, found an empty list\n");
    expect_field("from: $key.day, type: string",
                 "f.yaml:3:21: from: no template in source.keys has the placeholder {day}\n");
    expect_field("from: $keys, type: string",
                 "f.yaml:3:21: from: expected a JSON pointer such as /user/id, or $key, "
                 "$key.placeholder, $bucket or $index, found $keys\n");
    expect_field("from: $index, type: string",
                 "f.yaml:3:21: a field from $index is of type int32 or int64\n");
    expect_field("from: $index, type: int32, minimum: 3",
                 "f.yaml:3:51: a field from $index has no constraints: it is always there\n");
    expect_field("from: $bucket, type: list<string>",
                 "f.yaml:3:21: from: $bucket is a text, which a field of type list<string> does "
                 "not take\n");
    expect_field("type: string", "f.yaml:3:5: key 'from' is missing in a field; expected a JSON "
                                 "pointer such as /user/id\n");
}

static void test_names(void **state)
{
    char text[600];
    (void)state;
    expect(HEAD "  - {name: \"a\\tb\", from: /a, type: bool}\n",
           "f.yaml:3:12: name: expected a name of 1 to 256 bytes without control characters, found "
           "'a?b'\n");
    expect(HEAD "  - {name: '', from: /a, type: bool}\n",
           "f.yaml:3:12: name: expected a name of 1 to 256 bytes without control characters, found "
           "''\n");
    (void)snprintf(text, sizeof text, HEAD "  - {name: %0256d, from: /a, type: bool}\n", 1);
    shale_stream_free(accept(text));
    /* Only a table minds these. */
    shale_stream_free(accept(HEAD "  - {name: a b, from: /a, type: bool}\n"
                                  "  - {name: A B, from: /a, type: bool}\n"
                                  "output: {path: x.parquet}\n"));
    expect(HEAD "  - {name: a b, from: /a, type: bool}\n"
                "  - {name: Ab, from: /a, type: bool}\n"
                "  - {name: aB, from: /a, type: bool}\n"
                "output: {path: x}\n",
           "f.yaml:3:12: field 'a b': a column of a table must not have a space or any of ,;{}()= "
           "in its name\n"
           "f.yaml:5:12: field 'aB' differs only by case from 'Ab' in line 4; a table's readers "
           "would take them for one column\n");
    expect(HEAD "  - {name: _unknown, from: /a, type: bool}\nunknown_fields: keep\n",
           "f.yaml:3:12: field '_unknown': the name is taken by unknown_fields: keep\n");
    expect("stream: s\nfields: []\n",
           "f.yaml:2:9: fields: expected a list of at least one field ({name: ..., from: ..., "
           "type: ...}), found an empty list\n");
    expect("stream: s\n", "f.yaml:1:1: key 'fields' is missing in the definition; expected a list "
                          "of fields ({name: ..., from: ..., type: ...})\n");
}

/* ---- The other sections --------------------------------------------------------------------- */

static void test_compact(void **state)
{
    static const struct {
        const char *text;
        int64_t most;
    } good[] = {{"auto", 32}, {"{auto: 5}", 5}, {"{}", 0}};
    char text[300];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct shale_stream *stream;
        (void)snprintf(text, sizeof text, HEAD TAIL "output: {compact: %s}\n", good[i].text);
        stream = accept(text);
        assert_int_equal(stream->compact_most_files, good[i].most);
        shale_stream_free(stream);
    }
    expect(HEAD TAIL "output: {compact: {auto: 1}}\n",
           "f.yaml:4:26: auto: expected a whole number from 2 to 100000, found 1\n");
}

static void test_not_supported_yet(void **state)
{
    static const char *const source[] = {"inventory"};
    char text[300], expected[200];
    (void)state;
    for (size_t i = 0; i < 1; i++) {
        (void)snprintf(text, sizeof text, HEAD TAIL "source: {%s: 1}\n", source[i]);
        (void)snprintf(expected, sizeof expected, "f.yaml:4:10: source: %s is not supported yet\n",
                       source[i]);
        expect(text, expected);
    }
    expect(HEAD TAIL "source: {path: s3://b/x, format: heka}\n",
           "f.yaml:4:16: path: s3:// is not supported yet\n"
           "f.yaml:4:34: format: heka is not supported yet\n");
    expect(HEAD TAIL "output: {path: s3://b/x, layout: ndjson}\n",
           "f.yaml:4:16: path: s3:// is not supported yet\n"
           "f.yaml:4:34: layout: ndjson is not supported yet\n");

    expect(HEAD TAIL "output: [{path: a}, {path: b}]\n",
           "f.yaml:4:21: output: a list of several outputs is not supported yet\n");
    expect(HEAD TAIL "output: [{layout: ndjson}, {compression: lz4, compact: [a], layot: b}]\n",
           "f.yaml:4:19: layout: ndjson is not supported yet\n"
           "f.yaml:4:28: output: a list of several outputs is not supported yet\n"
           "f.yaml:4:42: compression: lz4 needs compat: modern in output\n"
           "f.yaml:4:56: compact: expected a mapping (key: value), found a list\n"
           "f.yaml:4:61: unknown key 'layot' in output; did you mean 'layout'?\n");
    expect("stream: s\nplugin: ./x.so\n", "f.yaml:2:1: the definition: plugin is not supported "
                                          "yet\n");
}

#define DEDUPE_FIELDS                                                                              \
    HEAD "  - {name: id, from: /id, type: string}\n"                                               \
         "  - {name: t, from: /t, type: timestamp}\n"                                              \
         "  - {name: f, from: /f, type: float64}\n"                                                \
         "  - {name: l, from: /l, type: list<string>}\n"                                           \
         "  - {name: n, from: $index, type: int64}\n"

static void test_dedupe(void **state)
{
    struct shale_stream *s;
    (void)state;
    s = accept(DEDUPE_FIELDS "output: {dedupe: {key: [id, t], time: t, within: 7d}}\n");
    assert_int_equal(s->dedupe.n_key, 2);
    assert_int_equal(s->dedupe.key[1], 1);
    assert_int_equal(s->dedupe.time, 1);
    assert_int_equal(s->dedupe.within_us, INT64_C(7) * 86400 * 1000000);
    shale_stream_free(s);
    s = accept(DEDUPE_FIELDS "output: {dedupe: {key: id}}\n");
    assert_int_equal(s->dedupe.n_key, 1);
    assert_int_equal(s->dedupe.within_us, -1);
    shale_stream_free(s);
    s = accept(DEDUPE_FIELDS);
    assert_int_equal(s->dedupe.n_key, 0);
    shale_stream_free(s);
    expect(DEDUPE_FIELDS "output: {dedupe: {key: [f, l, n, id, id, no]}}\n",
           "f.yaml:8:25: dedupe.key: 'f' is a float64, of which two that look the same may differ\n"
           "f.yaml:8:28: dedupe.key: 'l' has no single value: it holds others, or is json\n"
           "f.yaml:8:31: dedupe.key: 'n' is from $index, a number that says nothing of the event\n"
           "f.yaml:8:38: dedupe.key: 'id' is given twice\n"
           "f.yaml:8:42: key: no field is named 'no'\n");
    expect(DEDUPE_FIELDS "output: {dedupe: {key: [], time: id, within: -1, key2: a}}\n",
           "f.yaml:8:24: key: expected names of fields, found an empty list\n"
           "f.yaml:8:34: dedupe.time: 'id' is neither a date nor a timestamp of us or ms\n"
           "f.yaml:8:46: within: expected a time such as 7d, 12h, 30m, 10s, 500ms or 0, found "
           "-1\n"
           "f.yaml:8:50: unknown key 'key2' in dedupe; did you mean 'key'?\n");
    expect(DEDUPE_FIELDS "output: {dedupe: {within: 40000d}}\n",
           "f.yaml:8:18: key 'key' is missing in dedupe; expected names of fields\n"
           "f.yaml:8:27: within: expected a time such as 7d, 12h, 30m, 10s, 500ms or 0, found "
           "40000d\n"
           "f.yaml:8:27: key 'time' is missing in dedupe; expected the field that 'within' is "
           "measured on\n");
    expect(DEDUPE_FIELDS "output: {dedupe: {key: id, time: t}}\n",
           "warning f.yaml:8:34: time has no effect without 'within': an event is a duplicate for "
           "ever\n");
}

static void test_source(void **state)
{
    (void)state;
    expect(HEAD TAIL "source: {keys: [a/*, '{a', b], records: Records, max_event: 1}\n",
           "f.yaml:4:22: key template: '{' without its '}' (at byte 1 of the template)\n"
           "f.yaml:4:41: records: expected a JSON pointer to an array's member, such as /Records, "
           "found Records\n"
           "f.yaml:4:61: max_event: expected a size such as 16MiB, from 1 KiB to 256 MiB, found "
           "1\n");
    expect(HEAD TAIL "source: {keep: [{from: /a}, {from: $index, present: true}, {in: [x]}]}\n",
           "f.yaml:4:17: expected exactly one of in, not_in and present in a condition of keep, "
           "found 0\n"
           "f.yaml:4:36: a field from $index only: a condition cannot use it\n"
           "f.yaml:4:60: key 'from' is missing in a condition of keep; expected a JSON pointer "
           "such as /eventType\n");
}

static void test_what_the_ledger_needs(void **state)
{
    struct shale_stream *s = accept(HEAD TAIL "source: {id: trail, settle: 5m, on_change: append}\n"
                                              "output: {commit_every: [1GiB, 500]}\n");
    (void)state;
    assert_true(shale_str_is(s->source_id, "trail"));
    assert_int_equal(s->settle_us, 300000000);
    assert_int_equal(s->on_change, SHALE_ON_CHANGE_APPEND);
    assert_int_equal(s->commit_every_bytes, 1 << 30);
    assert_int_equal(s->commit_every_objects, 500);
    assert_int_equal(strlen(s->hash), SHALE_CONTENT_HASH_CHARS);
    shale_stream_free(s);
    s = accept(HEAD TAIL "source: {settle: 0}\noutput: {commit_every: 7}\n");
    assert_int_equal(s->settle_us, 0);
    assert_int_equal(s->on_change, SHALE_ON_CHANGE_REJECT);
    assert_int_equal(s->commit_every_bytes, (int64_t)16 << 30);
    assert_int_equal(s->commit_every_objects, 7);
    shale_stream_free(s);
    s = accept(HEAD TAIL);
    assert_int_equal(s->settle_us, 10000000);
    assert_int_equal(s->commit_every_objects, 100000);
    shale_stream_free(s);
    expect(HEAD TAIL "source: {id: '', settle: soon, on_change: [x]}\n",
           "f.yaml:4:14: id: expected a name of 1 to 1024 bytes without control characters, found "
           "''\n"
           "f.yaml:4:26: settle: expected a time such as 10s, 500ms, 5m, 1h or 0, found soon\n"
           "f.yaml:4:43: on_change: expected one of reject, append, replace, found a list\n");
    expect(HEAD TAIL "output: {commit_every: [1GiB, 2GiB]}\n",
           "f.yaml:4:31: commit_every: expected a size such as 16GiB, a number of objects, or one "
           "of each, found two sizes\n");
    expect(HEAD TAIL "output: {commit_every: 0}\n",
           "f.yaml:4:24: commit_every: expected a whole number from 1 to 1000000000, found 0\n");
}

static void test_rules(void **state)
{
    (void)state;
    expect(HEAD TAIL "rules:\n"
                     "- {when: {from: /b, in: [x], present: true}, require: B}\n"
                     "- {when: {from: /b, in: []}}\n"
                     "- {require: [b], forbid: [b]}\n",
           "f.yaml:5:10: expected exactly one of in, not_in and present in when, found 2\n"
           "f.yaml:5:55: require: no field is named 'B'; did you mean 'b'?\n"
           "f.yaml:6:3: key 'require' is missing in a rule; expected require or forbid with names "
           "of fields\n"
           "f.yaml:6:25: in: expected a list of values, found an empty list\n"
           "f.yaml:7:3: key 'when' is missing in a rule; expected a condition ({from: /a, in: "
           "[x]})\n"
           "f.yaml:7:3: the rule both requires and forbids 'b'\n");
}

static void test_on_reject(void **state)
{
    struct shale_stream *s = accept(HEAD TAIL "on_reject: {limit: 12}\n");
    (void)state;
    assert_int_equal(s->reject_limit_count, 12);
    assert_true(s->reject_limit_percent < 0);
    shale_stream_free(s);
    expect(HEAD TAIL "on_reject: {limit: 101%}\n",
           "f.yaml:4:20: limit: expected a number of rejects such as 100, or a share such as 10%, "
           "found 101%\n");
    expect(HEAD TAIL "on_reject: {limit: 1.5}\n",
           "f.yaml:4:20: limit: expected a number of rejects such as 100, or a share such as 10%, "
           "found 1.5\n");
    expect(HEAD TAIL "on_reject: {limit: 1, policy: fail}\n",
           "warning f.yaml:4:20: limit has no effect with policy: fail\n");
}

static void test_event_numbers(void **state)
{
    (void)state;
    expect("stream: s\n"
           "fields:\n"
           "  - {name: a, from: [/a, $index], type: int64}\n"
           "  - {name: b, from: $index, type: int64, required: true}\n"
           "  - {name: c, from: $index, type: int64, minimum: 3}\n"
           "output: {partition_by: [b]}\n",
           "f.yaml:3:26: a field from $index has no other place in its list\n"
           "f.yaml:5:51: a field from $index has no constraints: it is always there\n"
           "f.yaml:6:25: a field from $index is no partition: it numbers the events\n");
}

/* Where the definition does not say which, the name of the output does. */
static void test_another_output(void **state)
{
    static const char time[] = "stream: s\nfields: [{name: a, from: /a, type: 'timestamp(ns)'}]\n";
    struct shale_stream *stream = accept(time);
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(shale_stream_set_output(stream, "x.parquet", &err), SHALE_OK);
    assert_int_equal(stream->layout, SHALE_OUTPUT_FILE);
    assert_int_equal(shale_stream_set_output(stream, "x", &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_definition_table_type);
    shale_stream_free(stream);
    stream = accept("stream: s\nfields: [{name: a, from: /a, type: int64}]\n"
                    "output: {layout: table, path: x}\n");
    assert_int_equal(shale_stream_set_output(stream, "x.parquet", &err), SHALE_OK);
    assert_int_equal(stream->layout, SHALE_OUTPUT_TABLE);
    shale_stream_free(stream);
    stream = accept("stream: s\nsource: {keys: '{yyyy}/{mm}/{dd}/*', seal_after: 30d}\n"
                    "fields: [{name: a, from: /a, type: int64}]\n");
    assert_int_equal(shale_stream_set_output(stream, "x", &err), SHALE_OK);
    shale_err_clear(&err);
    assert_int_equal(shale_stream_set_output(stream, "x.parquet", &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_definition_seal_layout);
    shale_stream_free(stream);
}

static void test_output(void **state)
{
    struct shale_stream *s = accept(HEAD TAIL "output: {path: x.parquet, compression: snappy}\n");
    (void)state;
    assert_int_equal(s->layout, SHALE_OUTPUT_FILE);
    assert_int_equal(s->compression, SHALE_CODEC_SNAPPY);
    shale_stream_free(s);
    s = accept(HEAD "  - {name: t, from: /t, type: timestamp}\n"
                    "output: {path: x.parquet, partition_by: {day: t}}\n");
    assert_int_equal(s->layout, SHALE_OUTPUT_TABLE);
    shale_stream_free(s);
    expect(HEAD TAIL "output: {compression: 'zstd:20', row_group: 5, max_waiting: 1MiB}\n",
           "f.yaml:4:23: compression: expected zstd, zstd:1 to zstd:19, gzip, gzip:1 to gzip:9, "
           "snappy, lz4, lz4:1 to lz4:12 or none, found 'zstd:20'\n"
           "f.yaml:4:45: row_group: expected a size such as 16MiB, from 1 MiB to 1 GiB, found 5\n"
           "f.yaml:4:61: max_waiting: expected a size such as 16MiB, from 32 MiB to 1024 TiB, "
           "found 1MiB\n");
    expect(HEAD TAIL "output: {layout: file, partition_by: b}\n",
           "f.yaml:4:18: partition_by: a file has no partitions; expected layout: table\n"
           "f.yaml:4:38: partition_by: every field is a partition; expected one at least in the "
           "files\n");
    expect(HEAD TAIL "  - {name: year, from: /y, type: timestamp}\n"
                     "output: {partition_by: [{year: year}, {hour: b}, c, {day: year}, {day: "
                     "year}], sort_by: [b, b]}\n",
           "f.yaml:5:25: partition_by: the partition 'year' has the name of a field\n"
           "f.yaml:5:39: partition_by: hour does not apply to a field of type string\n"
           "f.yaml:5:50: partition_by: no field is named 'c'\n"
           "f.yaml:5:66: partition_by: two partitions are named 'day'\n"
           "f.yaml:5:93: sort_by: 'b' is given twice\n");
    expect(HEAD "  - {name: a, from: /a, type: list<int32>}\n" TAIL
                "output: {partition_by: [b], sort_by: [a, b]}\n",
           "f.yaml:5:39: sort_by: 'a' has no order: it holds others, or is json\n"
           "f.yaml:5:42: sort_by: 'b' is a partition column, the same in all rows of a file\n");
}

static void test_readers(void **state)
{
    (void)state;
    expect(HEAD "- {name: a, from: /a, type: timestamp(ns)}\n"
                "- {name: b, from: /b, type: 'timestamp(us,int96)'}\n"
                "- {name: c, from: /c, type: uuid, annotate: uuid}\n"
                "- {name: d, from: /d, type: json, annotate: json}\n"
                "- {name: e, from: /e, type: list<time>}\n"
                "- {name: f, from: /f, type: string, required: true, default: x}\n",
           "warning f.yaml:3:3: field 'a': Spark cannot read timestamps in nanoseconds\n"
           "warning f.yaml:4:3: field 'b': INT96 is deprecated and has no statistics: readers "
           "cannot skip by it\n"
           "warning f.yaml:5:3: field 'c': annotate: uuid: Spark refuses a UUID column\n"
           "warning f.yaml:6:3: field 'd': annotate: json: Polars reads it as binary\n"
           "warning f.yaml:7:3: field 'e': Spark cannot read a time of day\n"
           "warning f.yaml:8:47: required has no effect beside default\n");
    expect(HEAD "- {name: a, from: /a, type: time}\noutput: {layout: table}\n",
           "f.yaml:3:3: field 'a': type time is refused in a table (layout: table); expected "
           "string, or layout: file\n"
           "warning f.yaml:3:3: field 'a': Spark cannot read a time of day\n");
}

/* ---- Ready-made streams, memory ------------------------------------------------------------- */

static struct shale_str slurp(const char *name, struct shale_buf *out)
{
    char path[1000], bytes[4096];
    const char *root = getenv("SHALE_ROOT");
    FILE *file;
    size_t n;
    (void)snprintf(path, sizeof path, "%s/%s", root == NULL ? "." : root, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    shale_buf_init(out, &shale_mem_libc, 1 << 20);
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        assert_int_equal(shale_buf_append(out, bytes, n), SHALE_OK);
    assert_int_equal(fclose(file), 0);
    return shale_buf_str(out);
}

static struct shale_stream *ready_made(const char *name)
{
    struct shale_stream *stream;
    struct shale_buf text, out;
    assert_string_equal(reports(&out, slurp(name, &text), &stream), "");
    assert_non_null(stream);
    shale_buf_fini(&text);
    shale_buf_fini(&out);
    return stream;
}

static bool takes(const struct shale_stream *stream, const char *key)
{
    struct shale_str values[SHALE_TEMPLATE_MAX_PLACEHOLDERS];
    for (size_t i = 0; i < stream->n_keys; i++) {
        if (shale_template_match(&stream->keys[i], shale_str_of(key), values))
            return true;
    }
    return false;
}

static void test_ready_made_streams(void **state)
{
    struct shale_stream *s = ready_made("streams/nacc-visit-events.yaml");
    (void)state;
    assert_int_equal(s->n_fields, 13);
    assert_int_equal(s->unknown_fields, SHALE_UNKNOWN_REJECT);
    assert_int_equal(s->n_rules, 2);
    assert_true(takes(s, "log-submit-20240115-100000-42-ingest-form-110001-01.json"));
    assert_true(takes(s, "a/b/log-not-pass-qc-20240115-100000-42-dummy-AB1-2024-01-15.json"));
    assert_true(takes(s, "x/log-pass-qc-20240115.json"));
    assert_false(takes(s, "x/log-pass-qc-20240230.json"));
    assert_false(takes(s, "x/notes.json"));
    shale_stream_free(s);

    s = ready_made("streams/cloudtrail.yaml");
    assert_int_equal(s->n_fields, 32);
    assert_true(s->has_records);
    assert_int_equal(s->n_partitions, 2);
    assert_true(takes(s, "AWSLogs/o-1/1234/CloudTrail/eu-west-1/2024/07/31/x.json.gz"));
    assert_false(takes(s, "AWSLogs/1234/CloudTrail-Digest/eu-west-1/2024/07/31/x.json.gz"));
    assert_false(takes(s, "AWSLogs/1234/CloudTrail-Insight/eu-west-1/2024/07/31/x.json.gz"));
    shale_stream_free(s);
}

/* Every example of the manual is a definition, and a correct one. */
static void test_examples_of_the_manual(void **state)
{
    static const char fence[] = "```yaml\n";
    struct shale_buf manual;
    const char *at, *end;
    size_t n = 0;
    (void)state;
    (void)slurp("docs/definition.md", &manual);
    assert_int_equal(shale_buf_append_byte(&manual, '\0'), SHALE_OK);
    for (at = manual.data; (at = strstr(at, fence)) != NULL; at = end, n++) {
        struct shale_stream *stream;
        struct shale_buf out;
        at += strlen(fence);
        end = strstr(at, "```");
        assert_non_null(end);
        assert_string_equal(reports(&out, (struct shale_str){at, (size_t)(end - at)}, &stream), "");
        shale_stream_free(stream);
        shale_buf_fini(&out);
    }
    assert_int_equal(n, 4);
    shale_buf_fini(&manual);
}

/* The 'left'-th call fails, and each after it. */
static void *resize_some(void *ctx, void *ptr, size_t n_bytes)
{
    size_t *left = ctx;
    if (n_bytes > 0 && *left == 0)
        return NULL;
    if (n_bytes > 0)
        (*left)--;
    return shale_mem_libc.resize(shale_mem_libc.ctx, ptr, n_bytes);
}

static void fail_every_call(struct shale_str text)
{
    for (size_t n = 0;; n++) {
        size_t left = n;
        struct shale_mem mem = {resize_some, &left};
        struct shale_stream *stream;
        struct shale_buf out;
        enum shale_status status;
        shale_buf_init(&out, &shale_mem_libc, 1 << 20);
        status =
            shale_definition_read(&mem, "f.yaml", text.data, text.n_bytes, note, &out, &stream);
        shale_buf_fini(&out);
        if (status != SHALE_NOMEM) {
            assert_true(n > 3);
            left = SIZE_MAX;
            shale_stream_free(stream);
            return;
        }
        assert_null(stream);
        assert_true(n < 10000);
    }
}

static void test_no_memory_at_any_call(void **state)
{
    struct shale_buf text;
    (void)state;
    fail_every_call(slurp("streams/nacc-visit-events.yaml", &text));
    shale_buf_fini(&text);
    fail_every_call(slurp("streams/cloudtrail.yaml", &text));
    shale_buf_fini(&text);
    fail_every_call(SHALE_STR(HEAD "- {name: a, from: a, type: string, pattern: '(', enum: [1]}\n"
                                   "- {name: a, from: /a, type: binary, default: eA==}\n"
                                   "- {name: j, from: /a, type: json, default: \"x\\ny\"}\n"));
    /* As many types as take several blocks of the arenas. */
    shale_buf_init(&text, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR(HEAD "- {name: s, from: /s, annotate: "
                                                                "uuid, type: 'struct{u: uuid")),
                     SHALE_OK);
    for (int i = 0; i < 1500; i++)
        assert_int_equal(shale_buf_printf(&text, ", m%d: map<string,list<uuid>>", i), SHALE_OK);
    assert_int_equal(shale_buf_append_str(&text, SHALE_STR("}'}\n")), SHALE_OK);
    fail_every_call(shale_buf_str(&text));
    shale_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_tells_all_errors_in_the_order_of_lines),
        cmocka_unit_test(test_yaml_itself),
        cmocka_unit_test(test_yaml_limits),
        cmocka_unit_test(test_byte_order_mark_and_crlf),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_types_inside_types),
        cmocka_unit_test(test_tables_look_inside),
        cmocka_unit_test(test_storage),
        cmocka_unit_test(test_readers_of_modern),
        cmocka_unit_test(test_storage_that_does_not_fit),
        cmocka_unit_test(test_constraints_apply),
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_not_supported_yet),
        cmocka_unit_test(test_dedupe),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_what_the_ledger_needs),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_on_reject),
        cmocka_unit_test(test_event_numbers),
        cmocka_unit_test(test_another_output),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_ready_made_streams),
        cmocka_unit_test(test_examples_of_the_manual),
        cmocka_unit_test(test_no_memory_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
