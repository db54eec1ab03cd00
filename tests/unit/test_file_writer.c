/* SPDX-License-Identifier: MIT */
/* parquet/file_writer: pieces become row groups, are released once each, and are read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "columns/json_rows.h"
#include "nested_rows.h"
#include "parquet/file_writer.h"
#include "parquet/reader.h"
#include "scratch.h"

struct memory_file {
    struct shale_sink sink;     /* first member */
    struct shale_random random; /* of 'bytes' */
    struct shale_buf bytes;
    int64_t most; /* bytes that are taken */
};

static enum shale_status memory_write(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    struct memory_file *file = (struct memory_file *)(void *)sink;
    (void)err;
    if ((int64_t)(file->bytes.n_bytes + n_bytes) > file->most)
        return SHALE_IO;
    return shale_buf_append(&file->bytes, data, n_bytes);
}

static enum shale_status memory_read(struct shale_random *random, int64_t at, void *out,
                                     size_t n_bytes, struct shale_err *err)
{
    struct memory_file *file =
        (struct memory_file *)(void *)((char *)random - offsetof(struct memory_file, random));
    (void)err;
    memcpy(out, file->bytes.data + at, n_bytes);
    return SHALE_OK;
}

static void count_release(void *owner)
{
    ++*(int *)owner;
}

/* Five pieces of the three nested rows; a row group is cut with the second and the fourth. */
static enum shale_status write_pieces(const struct shale_mem *mem, struct memory_file *file)
{
    static const struct shale_schema schema = {nested_defs, N_NESTED};
    const struct shale_file_writer_options options = {
        .row_group_bytes = 200, .created_by = "test", .chunk = {.codec = SHALE_CODEC_SNAPPY}};
    const struct shale_key_value pair = {SHALE_STR("key"), SHALE_STR("value")};
    struct shale_file_writer *writer;
    int n_released = 0, n_given = 0;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_file_writer_new(mem, &schema, &options, &file->sink, &writer, &err);
    if (status != SHALE_OK)
        return status;
    for (; n_given < 5 && status == SHALE_OK; n_given++) {
        const struct shale_file_piece piece = {nested, 3, 100, count_release, &n_released};
        status = shale_file_writer_append(writer, &piece, &err);
        assert_true(status != SHALE_OK || n_released == (n_given + 1) / 2 * 2);
    }
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, &pair, 1, &err);
    shale_file_writer_free(writer);
    assert_int_equal(n_released, n_given);
    return status;
}

static void check_rows(struct memory_file *file)
{
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    struct shale_json_rows json;
    struct shale_buf text;
    file->random = (struct shale_random){(int64_t)file->bytes.n_bytes, memory_read};
    shale_buf_init(&text, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_reader_file(reader)->n_row_groups, 3);
    assert_true(shale_str_is(shale_reader_file(reader)->key_values[0].value, "value"));
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    assert_int_equal(shale_json_rows_init(&json, &shale_mem_libc, nested_defs, N_NESTED), SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL)
        for (int64_t i = 0; i < rows->n_rows; i++)
            assert_int_equal(shale_json_rows_append(&json, rows->columns, i, &text), SHALE_OK);
    assert_int_equal(text.n_bytes, 5 * strlen(nested_json));
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(text.data + i * strlen(nested_json), nested_json, strlen(nested_json));
    shale_json_rows_fini(&json);
    shale_scan_free(scan);
    shale_reader_free(reader);
    shale_buf_fini(&text);
}

static struct memory_file memory_file(void)
{
    struct memory_file file = {.sink = {memory_write}, .most = INT64_MAX};
    shale_buf_init(&file.bytes, &shale_mem_libc, 1 << 24);
    return file;
}

static void test_writes_row_groups(void **state)
{
    struct memory_file file = memory_file();
    (void)state;
    assert_int_equal(write_pieces(&shale_mem_libc, &file), SHALE_OK);
    check_rows(&file);
    shale_buf_fini(&file.bytes);
}

static void test_fails_with_its_sink(void **state)
{
    struct memory_file file = memory_file();
    (void)state;
    for (file.most = 0; file.most < 4000; file.most += 101) {
        enum shale_status status = write_pieces(&shale_mem_libc, &file);
        shale_buf_reset(&file.bytes);
        if (status == SHALE_OK)
            break;
        assert_int_equal(status, SHALE_IO);
    }
    assert_in_range(file.most, 500, 3999);
    shale_buf_fini(&file.bytes);
}

static void test_fails_without_memory(void **state)
{
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct memory_file file = memory_file();
        failing_mem_init(&failing, ++n);
        status = write_pieces(&failing.mem, &file);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        shale_buf_fini(&file.bytes);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_row_groups),
        cmocka_unit_test(test_fails_with_its_sink),
        cmocka_unit_test(test_fails_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
