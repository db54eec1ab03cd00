/* SPDX-License-Identifier: MIT */
/* dataset/log_schema, log_schema_write, log_evolve: schemaString there and back; what a stream may
 * add to a table. */
#include "log_made.h"
#include "schema/type_text.h"

#define FIELD(name, type)                                                                          \
    "{\"name\":\"" name "\",\"type\":" type ",\"nullable\":true,\"metadata\":{}}"
#define STRUCT(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"

struct fixture {
    struct shale_arena arena;
    struct shale_err err;
    struct shale_log_state state;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    shale_err_clear(&f->err);
    shale_arena_init(&f->arena, &shale_mem_libc, 1 << 26);
    f->state.version = -1;
}

static void tear_down(struct fixture *f)
{
    shale_arena_fini(&f->arena);
}

/* The table's schema. */
static enum shale_status read_schema(struct fixture *f, const char *json,
                                     const struct shale_str *partitions, size_t n_partitions)
{
    struct shale_log_schema schema;
    enum shale_status status = shale_log_schema_read(&f->arena, shale_str_of(json), partitions,
                                                     n_partitions, &schema, &f->err);
    if (status != SHALE_OK)
        return status;
    f->state.version = 0;
    f->state.schema = schema.schema;
    f->state.fields = schema.fields;
    f->state.n_fields = schema.n_fields;
    f->state.partition_columns = partitions;
    f->state.n_partition_columns = n_partitions;
    return SHALE_OK;
}

/* "name type, ..." of a schema; good until the next call. */
static const char *text_of(const struct shale_schema *schema)
{
    static char all[2000];
    char type[200];
    all[0] = '\0';
    for (size_t i = 0; i < schema->n_columns; i++) {
        shale_type_text(&schema->columns[i].type, type, sizeof type);
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s%.*s%s %s",
                       i > 0 ? ", " : "", SHALE_STR_ARG(schema->columns[i].name),
                       schema->columns[i].partition_only ? "*" : "", type);
    }
    return all;
}

/* ---- There and back ---------------------------------------------------------------------------
 */

static const char all_types[] =
    STRUCT(
        FIELD("s", "\"string\"") "," FIELD("l", "\"long\"") "," FIELD("i", "\"integer\"") "," FIELD("sh", "\"short\"") "," FIELD(
            "by",
            "\"byte\"") "," FIELD("f",
                                  "\"float\"") "," FIELD("d",
                                                         "\"doub"
                                                         "le\"") "," FIELD("b",
                                                                           "\"boolea"
                                                                           "n\"") "," FIELD("bin", "\"binary\"") "," FIELD("day", "\"date\"") "," FIELD("t", "\"timestamp\"") "," FIELD("dec", "\"decimal(38,2)\"") "," FIELD("list", "{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":true}") "," FIELD("map", "{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":" STRUCT(FIELD("x",
                                                                                                                                                                                                                                                                                                                                                                                                     "\"long\"")) ",\"valueContainsNull\":true}"));

static void reads_and_writes_every_type(void **unused)
{
    struct fixture f;
    struct shale_buf json;
    (void)unused;
    set_up(&f);
    assert_int_equal(read_schema(&f, all_types, NULL, 0), SHALE_OK);
    assert_string_equal(text_of(&f.state.schema),
                        "s string, l int64, i int32, sh int16, by int8, f float32, d float64, "
                        "b bool, bin binary, day date, t timestamp(us), dec decimal(38,2), "
                        "list list<int64>, map map<string,struct{x: int64}>");
    assert_int_equal(f.state.n_fields, 15);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_schema_json(&f.state.schema, NULL, &json), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&json), all_types));
    shale_buf_fini(&json);
    tear_down(&f);
}

/* What a type of ours has no room for, at its own field. */
static const char with_words[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"name\":\"a\",\"type\":{\"type\":\"map\",\"keyType\":{\"type\":\"struct\",\"fields\":["
    "{\"name\":\"k\",\"type\":\"long\",\"nullable\":true,\"metadata\":{\"comment\":\"1\"}}]},"
    "\"valueType\":{\"type\":\"array\",\"elementType\":{\"type\":\"struct\",\"fields\":["
    "{\"name\":\"v\",\"type\":\"long\",\"nullable\":false,\"metadata\":{\"comment\":\"2\"}}]},"
    "\"containsNull\":true},\"valueContainsNull\":true},\"nullable\":true,"
    "\"metadata\":{\"comment\":\"3\"}},"
    "{\"name\":\"b\",\"type\":\"string\",\"nullable\":true,\"metadata\":{\"comment\":\"\\\"\"}}"
    "]}";

static void keeps_what_is_said_of_fields(void **unused)
{
    struct fixture f;
    struct shale_buf json;
    (void)unused;
    set_up(&f);
    assert_int_equal(read_schema(&f, with_words, NULL, 0), SHALE_OK);
    assert_int_equal(f.state.n_fields, 4);
    assert_true(shale_str_is(f.state.fields[2].metadata, "{\"comment\":\"2\"}"));
    assert_false(f.state.fields[2].nullable);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_schema_json(&f.state.schema, &f.state, &json), SHALE_OK);
    assert_true(shale_str_is(shale_buf_str(&json), with_words));
    shale_buf_fini(&json);
    tear_down(&f);
}

static void reads_members_in_any_order(void **unused)
{
    struct fixture f;
    const struct shale_str p = SHALE_STR("p");
    (void)unused;
    set_up(&f);
    assert_int_equal(
        read_schema(&f,
                    " { \"fields\" : [ {\"metadata\":{}, \"x\":[1], \"type\":{\"valueType\":"
                    "\"decimal( 9 , 0 )\",\"keyType\":\"integer\",\"type\":\"map\"},\"name\":\"m\"}"
                    ",{\"name\":\"p\",\"type\":\"decimal\"}], \"type\":\"struct\"} ",
                    &p, 1),
        SHALE_OK);
    assert_string_equal(text_of(&f.state.schema), "m map<int32,decimal(9,0)>, p* decimal(10,0)");
    assert_int_equal(read_schema(&f, "", NULL, 0), SHALE_OK);
    assert_int_equal(f.state.schema.n_columns, 0);
    tear_down(&f);
}

static const struct {
    const char *json;
    enum shale_error code;
} wrong[] = {
    {"{", SHALE_E_log_schema_json},
    {"[]", SHALE_E_log_schema_json},
    {"\"string\"", SHALE_E_log_schema_json},
    {"{\"type\":\"struct\"}", SHALE_E_log_schema_json},
    {STRUCT("") "x", SHALE_E_log_schema_json},
    {"{\"type\":\"array\",\"fields\":[]}", SHALE_E_log_schema_json},
    {"{\"type\":\"struct\",\"fields\":{}}", SHALE_E_log_schema_json},
    {"{\"type\":\"struct\",\"fields\":[],\"fields\":[]}", SHALE_E_log_schema_json},
    {STRUCT("1"), SHALE_E_log_schema_json},
    {STRUCT("{}"), SHALE_E_log_schema_json},
    {STRUCT("{\"name\":\"a\"}"), SHALE_E_log_schema_json},
    {STRUCT("{\"type\":\"long\"}"), SHALE_E_log_schema_json},
    {STRUCT(FIELD("", "\"long\"")), SHALE_E_log_schema_json},
    {STRUCT("{\"name\":\"\\ud800\",\"type\":\"long\"}"), SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "1")), SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "{}")), SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "{\"type\":\"array\"}")), SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "{\"type\":\"map\",\"keyType\":\"long\"}")), SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "{\"type\":\"array\",\"elementType\":\"long\",\"elementType\":\"long\"}")),
     SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "{\"type\":\"array\",\"elementType\":\"long\",\"fields\":[]}")),
     SHALE_E_log_schema_json},
    {STRUCT(FIELD("a", "\"int\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"timestamp_ntz\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(39,0)\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(0,0)\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(3,4)\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(300,4)\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(3,4\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(3,)\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", "\"decimal(3,1)x\"")), SHALE_E_log_schema_type},
    {STRUCT(FIELD("a", STRUCT(""))), SHALE_E_log_schema_type},
};

static void names_what_is_wrong(void **unused)
{
    const struct shale_str partition = SHALE_STR("p");
    struct fixture f;
    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_not_equal(read_schema(&f, wrong[i].json, NULL, 0), SHALE_OK);
        if (f.err.code != wrong[i].code)
            fail_msg("%s: %s", wrong[i].json, f.err.message);
    }
    assert_int_equal(read_schema(&f, STRUCT(FIELD("a", "\"long\"")), &partition, 1), SHALE_CORRUPT);
    assert_int_equal(f.err.code, SHALE_E_log_partition_column);
    assert_int_equal(
        read_schema(&f, STRUCT(FIELD("p", STRUCT(FIELD("a", "\"long\"")))), &partition, 1),
        SHALE_CORRUPT);
    tear_down(&f);
}

/* As deep as types nest, and one deeper. */
static void knows_the_depth(void **unused)
{
    struct fixture f;
    struct shale_buf json;
    (void)unused;
    set_up(&f);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    for (int depth = SHALE_TYPE_DEPTH - 1; depth <= SHALE_TYPE_DEPTH; depth++) {
        shale_buf_reset(&json);
        assert_int_equal(shale_buf_printf(&json, "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\","
                                                 "\"type\":"),
                         SHALE_OK);
        for (int i = 0; i < depth; i++)
            assert_int_equal(shale_buf_printf(&json, "{\"type\":\"array\",\"elementType\":"),
                             SHALE_OK);
        assert_int_equal(shale_buf_printf(&json, "\"long\""), SHALE_OK);
        for (int i = 0; i < depth; i++)
            assert_int_equal(shale_buf_printf(&json, "}"), SHALE_OK);
        assert_int_equal(shale_buf_printf(&json, "}]}%c", 0), SHALE_OK);
        assert_int_equal(read_schema(&f, json.data, NULL, 0),
                         depth < SHALE_TYPE_DEPTH ? SHALE_OK : SHALE_SCHEMA);
    }
    shale_buf_fini(&json);
    tear_down(&f);
}

/* ---- A stream's columns -----------------------------------------------------------------------
 */

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct {
    const char *name;
    struct shale_type stream;
    const char *table;
} same_types[] = {
    {"json is a text", {.kind = SHALE_JSON}, "\"string\""},
    {"uuid is a text", {.kind = SHALE_UUID}, "\"string\""},
    {"ms become us", {.kind = SHALE_TIMESTAMP, .unit = SHALE_MS}, "\"timestamp\""},
    {"int96 is us", {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .int96 = true}, "\"timestamp\""},
    {"decimal", {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}, "\"decimal(9,2)\""},
};

static enum shale_status check(struct fixture *f, const struct shale_column_def *columns, size_t n,
                               const struct shale_str *partitions, size_t n_partitions,
                               bool *evolved, struct shale_schema *merged)
{
    const struct shale_schema schema = {columns, n};
    return shale_log_check_schema(&f->arena, &f->state, &schema, partitions, n_partitions, evolved,
                                  merged, &f->err);
}

static void takes_equal_types(void **unused)
{
    struct fixture f;
    (void)unused;
    set_up(&f);
    for (size_t i = 0; i < sizeof same_types / sizeof same_types[0]; i++) {
        const struct shale_column_def column = {.name = NAME("a"), .type = same_types[i].stream};
        struct shale_schema merged;
        char json[200];
        bool evolved;
        (void)snprintf(json, sizeof json, STRUCT(FIELD("a", "%s")), same_types[i].table);
        assert_int_equal(read_schema(&f, json, NULL, 0), SHALE_OK);
        assert_int_equal(check(&f, &column, 1, NULL, 0, &evolved, &merged), SHALE_OK);
        assert_false(evolved);
    }
    tear_down(&f);
}

static const struct shale_type_member new_members[] = {{NAME("y"), {.kind = SHALE_JSON}},
                                                       {NAME("x"), {.kind = SHALE_INT64}}};
static const struct shale_type new_struct = {
    .kind = SHALE_STRUCT, .members = new_members, .n_members = 2};
static const struct shale_type_member new_element[] = {
    {NAME("element"), {.kind = SHALE_STRUCT, .members = new_members, .n_members = 2}}};

static void adds_columns_and_members(void **unused)
{
    const struct shale_str p = SHALE_STR("p");
    const struct shale_column_def columns[] = {
        {.name = NAME("new"), .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_MS}},
        {.name = NAME("list"),
         .type = {.kind = SHALE_LIST, .members = new_element, .n_members = 1}},
        {.name = NAME("p"), .type = {.kind = SHALE_INT32}},
    };
    struct shale_schema merged;
    struct shale_buf json;
    struct fixture f;
    bool evolved;
    (void)unused;
    set_up(&f);
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(
        read_schema(
            &f,
            STRUCT(FIELD("p", "\"integer\"") "," FIELD(
                "old",
                "\"short\"") ","
                             "{\"name\":\"list\",\"type\":{\"type\":\"array\","
                             "\"elementType\":" STRUCT(FIELD(
                                 "x", "\"long\"")) ",\"containsNull\":true},\"nullable\":true,"
                                                   "\"metadata\":{\"comment\":\"c\"}}"),
            &p, 1),
        SHALE_OK);
    assert_int_equal(check(&f, columns, 3, &p, 1, &evolved, &merged), SHALE_OK);
    assert_true(evolved);
    assert_string_equal(text_of(&merged),
                        "p* int32, old int16, list list<struct{x: int64, y: string}>, "
                        "new timestamp(us)");
    assert_int_equal(shale_log_schema_json(&merged, &f.state, &json), SHALE_OK);
    assert_true(shale_str_is(
        shale_buf_str(&json),
        STRUCT(FIELD("p", "\"integer\"") "," FIELD(
            "old",
            "\"short\"") ","
                         "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"elementType\":" STRUCT(
                             FIELD("x", "\"long\"") "," FIELD(
                                 "y", "\"string\"")) ",\"containsNull\":true},"
                                                     "\"nullable\":true,\"metadata\":{\"comment\":"
                                                     "\"c\"}}," FIELD("new", "\"timestamp\""))));
    shale_buf_fini(&json);
    tear_down(&f);
}

static void makes_a_new_table(void **unused)
{
    const struct shale_str p = SHALE_STR("p");
    const struct shale_column_def columns[] = {{.name = NAME("s"), .type = new_struct},
                                               {.name = NAME("p"), .type = {.kind = SHALE_INT32}}};
    struct shale_schema merged;
    struct fixture f;
    bool evolved;
    (void)unused;
    set_up(&f);
    assert_int_equal(check(&f, columns, 2, &p, 1, &evolved, &merged), SHALE_OK);
    assert_true(evolved);
    assert_string_equal(text_of(&merged), "s struct{y: string, x: int64}, p* int32");
    tear_down(&f);
}

static void refuses_what_differs(void **unused)
{
    static const struct {
        struct shale_column_def column;
        enum shale_error code;
    } columns[] = {
        {{.name = NAME("a"), .type = {.kind = SHALE_INT32}}, SHALE_E_log_type_differs},
        {{.name = NAME("a"), .type = {.kind = SHALE_STRING}}, SHALE_E_log_type_differs},
        {{.name = NAME("A"), .type = {.kind = SHALE_INT64}}, SHALE_E_log_case_differs},
        {{.name = NAME("d"), .type = {.kind = SHALE_DECIMAL, .precision = 9, .scale = 3}},
         SHALE_E_log_type_differs},
        {{.name = NAME("s"), .type = {.kind = SHALE_INT64}}, SHALE_E_log_type_differs},
        {{.name = NAME("a"),
          .type = {.kind = SHALE_STRUCT, .members = new_members, .n_members = 2}},
         SHALE_E_log_type_differs},
        {{.name = NAME("s"), .type = {.kind = SHALE_LIST, .members = new_members, .n_members = 1}},
         SHALE_E_log_type_differs},
        {{.name = NAME("s"),
          .type = {.kind = SHALE_STRUCT, .members = new_members, .n_members = 2}},
         SHALE_E_log_case_differs},
        {{.name = NAME("n"), .type = {.kind = SHALE_TIME, .unit = SHALE_US}},
         SHALE_E_log_column_type},
        {{.name = NAME("n"), .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS}},
         SHALE_E_log_column_type},
        {{.name = NAME("n"), .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .local = true}},
         SHALE_E_log_column_type},
    };
    const struct shale_str p = SHALE_STR("p");
    struct shale_schema merged;
    struct fixture f;
    bool evolved;
    (void)unused;
    set_up(&f);
    assert_int_equal(
        read_schema(&f,
                    STRUCT(FIELD("a", "\"long\"") "," FIELD("d", "\"decimal(9,2)\"") "," FIELD(
                        "s", STRUCT(FIELD("Y", "\"string\""))) "," FIELD("p", "\"long\"")),
                    &p, 1),
        SHALE_OK);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        assert_int_equal(check(&f, &columns[i].column, 1, &p, 1, &evolved, &merged), SHALE_SCHEMA);
        if (f.err.code != columns[i].code)
            fail_msg("%d: %s", (int)i, f.err.message);
    }
    assert_int_equal(check(&f, &columns[0].column, 0, NULL, 0, &evolved, &merged), SHALE_SCHEMA);
    assert_int_equal(f.err.code, SHALE_E_log_partitions_differ);
    assert_non_null(strstr(f.err.message, "by (p), the stream by ()"));
    tear_down(&f);
}

static void runs_out_of_memory(void **unused)
{
    const struct shale_column_def columns[] = {
        {.name = NAME("list"),
         .type = {.kind = SHALE_LIST, .members = new_element, .n_members = 1}},
        {.name = NAME("new"), .type = {.kind = SHALE_INT64}}};
    const struct shale_schema stream = {columns, 2};
    const char *json = STRUCT(FIELD(
        "l\\u0069st", "{\"type\":\"array\",\"elementType\":" STRUCT(FIELD("x", "\"long\"")) "}"));
    enum shale_status status = SHALE_NOMEM;
    (void)unused;
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_log_state state = {.version = 0};
        struct shale_log_schema schema;
        struct shale_schema merged;
        struct shale_arena arena;
        struct shale_buf out;
        bool evolved;
        failing_mem_init(&failing, n);
        shale_arena_init(&arena, &failing.mem, 1 << 20);
        shale_buf_init(&out, &failing.mem, 1 << 20);
        status = shale_log_schema_read(&arena, shale_str_of(json), NULL, 0, &schema, NULL);
        state.schema = schema.schema;
        state.fields = schema.fields;
        if (status == SHALE_OK)
            status =
                shale_log_check_schema(&arena, &state, &stream, NULL, 0, &evolved, &merged, NULL);
        if (status == SHALE_OK)
            status = shale_log_schema_json(&merged, &state, &out);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&out);
        shale_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_every_type),
        cmocka_unit_test(keeps_what_is_said_of_fields),
        cmocka_unit_test(reads_members_in_any_order),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(knows_the_depth),
        cmocka_unit_test(takes_equal_types),
        cmocka_unit_test(adds_columns_and_members),
        cmocka_unit_test(makes_a_new_table),
        cmocka_unit_test(refuses_what_differs),
        cmocka_unit_test(runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
