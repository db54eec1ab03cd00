/* SPDX-License-Identifier: MIT */
/* columns/arrow: every type out and in again, slices, selections, and arrays that are wrong.  What
 * other libraries make of it is tested in tests/interop/c_api.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "columns/arrow.h"
#include "columns/json_rows.h"
#include "nested_rows.h"
#include "scratch.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static void put_json(const struct shale_column_def *defs, size_t n,
                     const struct shale_column *columns, int64_t n_rows, struct shale_buf *out)
{
    struct shale_json_rows json;
    assert_int_equal(shale_json_rows_init(&json, &shale_mem_libc, defs, n), SHALE_OK);
    shale_buf_reset(out);
    for (int64_t row = 0; row < n_rows; row++)
        assert_int_equal(shale_json_rows_append(&json, columns, row, out), SHALE_OK);
    assert_int_equal(shale_buf_append_byte(out, '\0'), SHALE_OK);
    shale_json_rows_fini(&json);
}

/* Out by the interface, in again (rows [first, first + n)), as JSON. */
static enum shale_status there_and_back(const struct shale_mem *mem, const uint8_t *selected,
                                        int64_t first, int64_t n, struct shale_buf *out)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct shale_arrow_schema *taken = NULL;
    struct shale_arrow_rows rows = {0};
    enum shale_status status = shale_arrow_put_schema(mem, nested_defs, N_NESTED, &schema);
    if (status == SHALE_OK)
        status = shale_arrow_put_batch(mem, nested_defs, N_NESTED, nested, 3, selected, &array);
    if (status == SHALE_OK)
        status = shale_arrow_take_schema(mem, &schema, &taken, NULL);
    if (status == SHALE_OK)
        status = shale_arrow_take_rows(mem, taken, &array, first, n, &rows, NULL);
    if (status == SHALE_OK && out != NULL) {
        const struct shale_schema *columns = shale_arrow_schema_columns(taken);
        assert_int_equal(rows.n_rows, n);
        put_json(columns->columns, columns->n_columns, rows.columns, n, out);
    }
    shale_arrow_rows_free(&rows);
    shale_arrow_schema_free(taken);
    if (array.release != NULL)
        array.release(&array);
    if (schema.release != NULL)
        schema.release(&schema);
    return status;
}

static void test_there_and_back(void **state)
{
    static const uint8_t first_and_last = 5;
    struct shale_buf out, expected;
    const char *second, *third;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    shale_buf_init(&expected, &shale_mem_libc, 1 << 20);
    second = strchr(nested_json, '\n') + 1;
    third = strchr(second, '\n') + 1;
    assert_int_equal(there_and_back(&shale_mem_libc, NULL, 0, 3, &out), SHALE_OK);
    assert_string_equal(out.data, nested_json);
    assert_int_equal(there_and_back(&shale_mem_libc, NULL, 2, 1, &out), SHALE_OK);
    assert_string_equal(out.data, third);
    assert_int_equal(there_and_back(&shale_mem_libc, &first_and_last, 0, 2, &out), SHALE_OK);
    assert_int_equal(
        shale_buf_printf(&expected, "%.*s%s", (int)(second - nested_json), nested_json, third),
        SHALE_OK);
    assert_string_equal(out.data, expected.data);
    assert_int_equal(there_and_back(&shale_mem_libc, NULL, 0, 0, &out), SHALE_OK);
    assert_string_equal(out.data, "");
    assert_int_equal(there_and_back(&shale_mem_libc, NULL, 2, 2, NULL), SHALE_USAGE);
    shale_buf_fini(&out);
    shale_buf_fini(&expected);
}

static void test_fails_without_memory(void **state)
{
    static const uint8_t selected = 7;
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        failing_mem_init(&failing, ++n);
        status = there_and_back(&failing.mem, &selected, 0, 3, NULL);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
    }
    assert_true(n > 40);
}

/* ---- Formats ----------------------------------------------------------------------------------
 */

static void do_nothing_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void do_nothing_array(struct ArrowArray *array)
{
    array->release = NULL;
}

/* One column "x" of 'column', as JSON of the rows. */
static enum shale_status take_one(struct ArrowSchema *column, struct ArrowArray *array,
                                  struct shale_buf *out, struct shale_err *err)
{
    struct ArrowSchema *columns[] = {column};
    struct ArrowArray *arrays[] = {array};
    struct ArrowSchema schema = {
        .format = "+s", .n_children = 1, .children = columns, .release = do_nothing_schema};
    const void *no_validity[] = {NULL};
    struct ArrowArray batch = {.length = array->length,
                               .n_buffers = 1,
                               .n_children = 1,
                               .buffers = no_validity,
                               .children = arrays,
                               .release = do_nothing_array};
    struct shale_arrow_schema *taken;
    struct shale_arrow_rows rows;
    enum shale_status status;
    column->name = "x";
    column->release = do_nothing_schema;
    array->release = do_nothing_array;
    shale_err_clear(err);
    status = shale_arrow_take_schema(&shale_mem_libc, &schema, &taken, err);
    if (status != SHALE_OK)
        return status;
    status = shale_arrow_take_rows(&shale_mem_libc, taken, &batch, 0, array->length, &rows, err);
    if (status == SHALE_OK) {
        put_json(shale_arrow_schema_columns(taken)->columns, 1, rows.columns, rows.n_rows, out);
        shale_arrow_rows_free(&rows);
    }
    shale_arrow_schema_free(taken);
    return status;
}

static const uint8_t first_bit = 1, no_bits = 0;

static const struct format_case {
    const char *format;
    const void *buffers[5];
    int64_t n_buffers, length, offset, null_count;
    const char *json; /* or a part of the message */
    enum shale_status status;
} format_cases[] = {
    {"s", {NULL, "\xFE\xFF\x07\x00"}, 2, 2, 0, 0, "{\"x\":-2}\n{\"x\":7}\n", SHALE_OK},
    {"S", {NULL, "\xFE\xFF\x07\x00"}, 2, 1, 1, 0, "{\"x\":7}\n", SHALE_OK},
    {"c", {&first_bit, "\xFE\x01"}, 2, 2, 0, -1, "{\"x\":-2}\n{\"x\":null}\n", SHALE_OK},
    {"w:3", {&first_bit, "abcdef"}, 2, 2, 0, 1, "{\"x\":\"YWJj\"}\n{\"x\":null}\n", SHALE_OK},
    {"tdm",
     {NULL, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
     2,
     1,
     0,
     0,
     "{\"x\":\"1969-12-31\"}\n",
     SHALE_OK},
    {"tss:",
     {NULL, "\x01\0\0\0\0\0\0\0"},
     2,
     1,
     0,
     0,
     "{\"x\":\"1970-01-01T00:00:01.000\"}\n",
     SHALE_OK},
    {"tss:UTC",
     {NULL, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"},
     2,
     1,
     0,
     0,
     "out of range",
     SHALE_SCHEMA},
    {"tss:UTC",
     {&no_bits, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"},
     2,
     1,
     0,
     1,
     "{\"x\":null}\n",
     SHALE_OK},
    {"d:3,1,32", {NULL, "\xE7\x03\0\0"}, 2, 1, 0, 0, "{\"x\":99.9}\n", SHALE_OK},
    {"d:3,1,32", {NULL, "\xE8\x03\0\0"}, 2, 1, 0, 0, "more digits", SHALE_SCHEMA},
    {"U",
     {NULL, "\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0", "hi"},
     3,
     1,
     0,
     0,
     "{\"x\":\"hi\"}\n",
     SHALE_OK},
    {"u", {NULL, "\x02\0\0\0\x01\0\0\0", "hi"}, 3, 1, 0, 0, "out of order", SHALE_USAGE},
    {"vu",
     {NULL, "\x02\0\0\0hi\0\0\0\0\0\0\0\0\0\0", NULL},
     3,
     1,
     0,
     0,
     "{\"x\":\"hi\"}\n",
     SHALE_OK},
    {"vu",
     {NULL, "\x0D\0\0\0bcde\0\0\0\0\x01\0\0\0", "abcdefghijklmn", "\x0E\0\0\0\0\0\0\0"},
     4,
     1,
     0,
     0,
     "{\"x\":\"bcdefghijklmn\"}\n",
     SHALE_OK},
    {"vu",
     {NULL, "\x0D\0\0\0bcde\x01\0\0\0\x01\0\0\0", "abcdefghijklmn", "\x0E\0\0\0\0\0\0\0"},
     4,
     1,
     0,
     0,
     "out of order",
     SHALE_USAGE},
    {"i", {NULL, NULL}, 2, 1, 0, 0, "buffer", SHALE_USAGE},
    {"i", {NULL, "\0\0\0\0"}, 1, 1, 0, 0, "buffers", SHALE_USAGE},
    {"i", {NULL, "\0\0\0\0"}, 2, 1, -1, 0, "negative", SHALE_USAGE},
    {"e", {NULL, ""}, 2, 0, 0, 0, "'e'", SHALE_SCHEMA},
    {"n", {NULL}, 0, 0, 0, 0, "'n'", SHALE_SCHEMA},
    {"d:76,2,256", {NULL, ""}, 2, 0, 0, 0, "'d:76,2,256'", SHALE_SCHEMA},
    {"+s", {NULL}, 1, 0, 0, 0, "+s", SHALE_SCHEMA},
    {"+l", {NULL, ""}, 2, 0, 0, 0, "children", SHALE_USAGE},
};

static void test_formats(void **state)
{
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    for (size_t i = 0; i < N(format_cases); i++) {
        const struct format_case *c = &format_cases[i];
        const void *buffers[5];
        struct ArrowSchema schema = {.format = c->format};
        struct ArrowArray array = {.length = c->length,
                                   .offset = c->offset,
                                   .null_count = c->null_count,
                                   .n_buffers = c->n_buffers,
                                   .buffers = buffers};
        struct shale_err err;
        memcpy(buffers, c->buffers, sizeof buffers);
        assert_int_equal(take_one(&schema, &array, &out, &err), c->status);
        if (c->status == SHALE_OK)
            assert_string_equal(out.data, c->json);
        else
            assert_non_null(strstr(err.message, c->json));
    }
    shale_buf_fini(&out);
}

/* A null list that names elements all the same; a list of fixed size below an offset. */
static void test_elements_of_nulls(void **state)
{
    static const uint8_t outer = 5; /* 1, null, 1 */
    static const int32_t offsets[] = {0, 1, 3, 4}, numbers[] = {10, 11, 12, 13};
    const void *element_buffers[] = {NULL, numbers}, *list_buffers[] = {&outer, offsets};
    struct ArrowSchema element = {.format = "i", .release = do_nothing_schema},
                       *schemas[] = {&element};
    struct ArrowArray elements = {.length = 4,
                                  .n_buffers = 2,
                                  .buffers = element_buffers,
                                  .release = do_nothing_array},
                      *arrays[] = {&elements};
    struct ArrowSchema list = {.format = "+l", .n_children = 1, .children = schemas};
    struct ArrowArray lists = {.length = 3,
                               .null_count = 1,
                               .n_buffers = 2,
                               .n_children = 1,
                               .buffers = list_buffers,
                               .children = arrays};
    struct shale_buf out;
    struct shale_err err;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(take_one(&list, &lists, &out, &err), SHALE_OK);
    assert_string_equal(out.data, "{\"x\":[10]}\n{\"x\":null}\n{\"x\":[13]}\n");
    list.format = "+w:2";
    lists = (struct ArrowArray){.length = 1,
                                .offset = 1,
                                .n_buffers = 1,
                                .n_children = 1,
                                .buffers = list_buffers + 1,
                                .children = arrays};
    list_buffers[1] = NULL;
    assert_int_equal(take_one(&list, &lists, &out, &err), SHALE_OK);
    assert_string_equal(out.data, "{\"x\":[12,13]}\n");
    elements.length = 3;
    assert_int_equal(take_one(&list, &lists, &out, &err), SHALE_USAGE);
    shale_buf_fini(&out);
}

static void test_dictionaries(void **state)
{
    static const int32_t offsets[] = {0, 1, 3, 3};
    static const uint8_t values_validity = 3, rows_validity = 0xF7;
    const void *value_buffers[] = {&values_validity, offsets, "abb"};
    const void *index_buffers[] = {&rows_validity, "\1\0\1\7\2"};
    struct ArrowSchema values = {.format = "u", .release = do_nothing_schema};
    struct ArrowArray value_array = {.length = 3,
                                     .null_count = 1,
                                     .n_buffers = 3,
                                     .buffers = value_buffers,
                                     .release = do_nothing_array};
    struct ArrowSchema schema = {.format = "C", .dictionary = &values};
    struct ArrowArray array = {.length = 5,
                               .null_count = 1,
                               .n_buffers = 2,
                               .buffers = index_buffers,
                               .dictionary = &value_array};
    struct shale_buf out;
    struct shale_err err;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    assert_int_equal(take_one(&schema, &array, &out, &err), SHALE_OK);
    assert_string_equal(
        out.data, "{\"x\":\"bb\"}\n{\"x\":\"a\"}\n{\"x\":\"bb\"}\n{\"x\":null}\n{\"x\":null}\n");
    index_buffers[0] = NULL;
    array.null_count = 0; /* now the 7 counts */
    assert_int_equal(take_one(&schema, &array, &out, &err), SHALE_USAGE);
    shale_buf_fini(&out);
}

/* A child that was moved out outlives its parent. */
static void test_moved_children(void **state)
{
    struct ArrowArray array, child;
    struct ArrowSchema schema, field;
    (void)state;
    assert_int_equal(
        shale_arrow_put_batch(&shale_mem_libc, nested_defs, N_NESTED, nested, 3, NULL, &array),
        SHALE_OK);
    assert_int_equal(shale_arrow_put_schema(&shale_mem_libc, nested_defs, N_NESTED, &schema),
                     SHALE_OK);
    child = *array.children[0];
    array.children[0]->release = NULL;
    field = *schema.children[1];
    schema.children[1]->release = NULL;
    array.release(&array);
    schema.release(&schema);
    assert_null(array.release);
    assert_int_equal(((const int32_t *)child.children[0]->buffers[1])[0], 7);
    assert_string_equal(field.children[0]->children[0]->name, "key");
    child.release(&child);
    field.release(&field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_fails_without_memory),
        cmocka_unit_test(test_formats),        cmocka_unit_test(test_elements_of_nulls),
        cmocka_unit_test(test_dictionaries),   cmocka_unit_test(test_moved_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
