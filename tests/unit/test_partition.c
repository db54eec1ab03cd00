/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset/partition.h"
#include "schema/definition.h"
#include "scratch.h"

/* One partition field 'v' and a field beside it, because one column must stay in the files. */
static struct shale_stream *new_stream(const char *type, const char *partition_by)
{
    struct shale_stream *stream = NULL;
    char text[400];
    (void)snprintf(text, sizeof text,
                   "stream: t\nfields: [{name: v, from: /v, type: %s}, {name: o, from: /o, type: "
                   "bool}]\noutput: {layout: table, partition_by: [%s]}\n",
                   type, partition_by);
    assert_int_equal(
        shale_definition_read(&shale_mem_libc, "test", text, strlen(text), NULL, NULL, &stream),
        SHALE_OK);
    return stream;
}

/* The name of the partition of a row with this value. */
static void assert_name(const struct shale_stream *stream,
                        void (*put)(struct shale_builder *, int64_t), int64_t value,
                        const char *expected)
{
    struct shale_partitioner *partitioner;
    struct shale_builder *builder;
    const uint32_t *part_of_row;
    const struct shale_str *names;
    uint32_t n_parts;
    char name[200];
    assert_int_equal(shale_partitioner_new(&shale_mem_libc, stream, &partitioner), SHALE_OK);
    assert_int_equal(shale_builder_new(&shale_mem_libc, &stream->schema, &builder), SHALE_OK);
    put(builder, value);
    shale_builder_null(builder, 1);
    assert_int_equal(shale_builder_row(builder), SHALE_OK);
    assert_int_equal(shale_partition_rows(partitioner, builder, &part_of_row, &names, &n_parts),
                     SHALE_OK);
    assert_int_equal(n_parts, 1);
    assert_null(part_of_row);
    (void)snprintf(name, sizeof name, "%.*s", SHALE_STR_ARG(names[0]));
    assert_string_equal(name, expected);
    shale_builder_free(builder);
    shale_partitioner_free(partitioner);
}

static void put_i64(struct shale_builder *builder, int64_t value)
{
    shale_builder_i64(builder, 0, value);
}

static void put_i32(struct shale_builder *builder, int64_t value)
{
    shale_builder_i32(builder, 0, (int32_t)value);
}

static void put_bool(struct shale_builder *builder, int64_t value)
{
    shale_builder_bool(builder, 0, value != 0);
}

static void put_null(struct shale_builder *builder, int64_t value)
{
    (void)value;
    shale_builder_null(builder, 0);
}

static const char *const texts[] = {"plain", "a b", "x/y=z%", "\xC3\xA9", "..", "\x01?*"};

static void put_text(struct shale_builder *builder, int64_t value)
{
    shale_builder_bytes(builder, 0, shale_str_of(texts[value]));
}

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

static void test_transforms(void **state)
{
    static const char all[] = "{year: v}, {month: v}, {day: v}, {hour: v}";
    static const struct {
        const char *type;
        int64_t per_second, seconds, rest;
        const char *name;
    } cases[] = {
        {"timestamp", 1000000, 0, 0, "year=1970/month=1/day=1/hour=0"},
        {"timestamp", 1000000, 0, -1, "year=1969/month=12/day=31/hour=23"},
        {"timestamp(ms)", 1000, 0, -1, "year=1969/month=12/day=31/hour=23"},
        {"timestamp(ms)", 1000, 59 * DAY + 5 * HOUR, 999, "year=1970/month=3/day=1/hour=5"},
        {"timestamp", 1000000, -DAY, 0, "year=1969/month=12/day=31/hour=0"},
        {"timestamp", 1000000, -DAY - 1, 999999, "year=1969/month=12/day=30/hour=23"},
        {"timestamp", 1000000, 19782 * DAY + 86399, 999999, "year=2024/month=2/day=29/hour=23"},
        {"timestamp", 1000000, -719528 * DAY - 1, 0, "year=-1/month=12/day=31/hour=23"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_stream *stream = new_stream(cases[i].type, all);
        assert_name(stream, put_i64, cases[i].seconds * cases[i].per_second + cases[i].rest,
                    cases[i].name);
        shale_stream_free(stream);
    }
}

static void test_dates(void **state)
{
    struct shale_stream *stream = new_stream("date", "{year: v}, {month: v}, {day: v}");
    (void)state;
    assert_name(stream, put_i32, -1, "year=1969/month=12/day=31");
    assert_name(stream, put_i32, 19782, "year=2024/month=2/day=29");
    assert_name(stream, put_null, 0,
                "year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__/"
                "day=__HIVE_DEFAULT_PARTITION__");
    shale_stream_free(stream);
}

static void test_identity(void **state)
{
    static const struct {
        const char *type;
        void (*put)(struct shale_builder *, int64_t);
        int64_t value;
        const char *name;
    } cases[] = {
        {"int32", put_i32, -7, "v=-7"},
        {"int64", put_i64, INT64_MIN, "v=-9223372036854775808"},
        {"bool", put_bool, 1, "v=true"},
        {"bool", put_bool, 0, "v=false"},
        {"date", put_i32, -1, "v=1969-12-31"},
        {"int64", put_null, 0, "v=__HIVE_DEFAULT_PARTITION__"},
        {"string", put_text, 0, "v=plain"},
        {"string", put_text, 1, "v=a%20b"},
        {"string", put_text, 2, "v=x%2Fy%3Dz%25"},
        {"string", put_text, 3, "v=\xC3\xA9"},
        {"string", put_text, 4, "v=.."},
        {"string", put_text, 5, "v=%01%3F%2A"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_stream *stream = new_stream(cases[i].type, "v");
        assert_name(stream, cases[i].put, cases[i].value, cases[i].name);
        shale_stream_free(stream);
    }
}

/* 300 partitions in turn, more than the first table of slots holds; twice, so that the second batch
 * shows nothing of the first. */
static enum shale_status number_many(const struct shale_mem *mem, const struct shale_stream *stream,
                                     const struct shale_builder *builder)
{
    struct shale_partitioner *partitioner;
    const uint32_t *part_of_row;
    const struct shale_str *names;
    uint32_t n_parts;
    enum shale_status status = shale_partitioner_new(mem, stream, &partitioner);
    for (int round = 0; round < 2 && status == SHALE_OK; round++) {
        status = shale_partition_rows(partitioner, builder, &part_of_row, &names, &n_parts);
        if (status != SHALE_OK)
            break;
        assert_int_equal(n_parts, 300);
        for (uint32_t row = 0; row < 900; row++)
            assert_int_equal(part_of_row[row], row % 300);
        assert_true(shale_str_is(names[299], "v=299"));
    }
    shale_partitioner_free(partitioner);
    return status;
}

static void test_many_and_out_of_memory(void **state)
{
    struct shale_stream *stream = new_stream("int64", "v");
    struct shale_builder *builder;
    enum shale_status status = SHALE_NOMEM;
    int n;
    (void)state;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &stream->schema, &builder), SHALE_OK);
    for (int64_t row = 0; row < 900; row++) {
        shale_builder_i64(builder, 0, row % 300);
        shale_builder_null(builder, 1);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    for (n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        failing_mem_init(&failing, n);
        status = number_many(&failing.mem, stream, builder);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
    }
    assert_true(n > 10);
    shale_builder_free(builder);
    shale_stream_free(stream);
}

/* Values larger than what the partitioner takes from memory at once: the key and the name of each
 * ask for their own. */
static void test_large_values_and_out_of_memory(void **state)
{
    static char text[40000];
    struct shale_stream *stream = new_stream("string", "v");
    struct shale_builder *builder;
    enum shale_status status = SHALE_NOMEM;
    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(shale_builder_new(&shale_mem_libc, &stream->schema, &builder), SHALE_OK);
    for (size_t row = 0; row < 3; row++) {
        shale_builder_bytes(builder, 0, (struct shale_str){text, sizeof text - row});
        shale_builder_null(builder, 1);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    for (int n = 1; status != SHALE_OK; n++) {
        struct failing_mem failing;
        struct shale_partitioner *partitioner;
        const uint32_t *part_of_row;
        const struct shale_str *names;
        uint32_t n_parts = 0;
        failing_mem_init(&failing, n);
        status = shale_partitioner_new(&failing.mem, stream, &partitioner);
        if (status == SHALE_OK) {
            status = shale_partition_rows(partitioner, builder, &part_of_row, &names, &n_parts);
            if (status == SHALE_OK)
                assert_int_equal(n_parts, 3);
            shale_partitioner_free(partitioner);
        }
        assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
    }
    shale_builder_free(builder);
    shale_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_many_and_out_of_memory),
        cmocka_unit_test(test_large_values_and_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
