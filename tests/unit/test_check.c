/* SPDX-License-Identifier: MIT */
/* parquet/check: a sound file has no findings; every bit of a page, and every false word of a
 * footer or an index, is found; nothing crashes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "columns.h"
#include "made_file.h"
#include "parquet/check.h"
#include "parquet/file_writer.h"
#include "scratch.h"

enum { N_ROWS = 300, N_IN_FILE = N_COLUMNS - 1 };

/* ---- A file -----------------------------------------------------------------------------------
 */

struct bytes_sink {
    struct shale_sink sink; /* first member */
    struct shale_buf bytes;
};

static enum shale_status take_bytes(struct shale_sink *sink, const void *data, size_t n_bytes,
                                    struct shale_err *err)
{
    (void)err;
    return shale_buf_append(&((struct bytes_sink *)(void *)sink)->bytes, data, n_bytes);
}

static void release(void *owner)
{
    (void)owner;
}

/* Rows 'first' and on of the schema of columns.h, in pages of a few values, with bloom filters. */
static void write_file(struct bytes_sink *out, int64_t first, bool modern, double bloom_fpp)
{
    struct shale_column_def defs[N_COLUMNS];
    const struct shale_schema schema = {defs, N_COLUMNS};
    const struct shale_file_writer_options options = {
        .row_group_bytes = 1, /* a row group a piece */
        .created_by = "shale version test",
        .chunk = {.codec = bloom_fpp > 0 ? SHALE_CODEC_SNAPPY : SHALE_CODEC_NONE,
                  .page_bytes = 600,
                  .modern = modern}};
    struct shale_file_writer *writer;
    struct shale_builder *builder;
    memcpy(defs, column_defs, sizeof defs);
    for (size_t i = 0; i < N_COLUMNS; i++)
        defs[i].bloom_fpp = defs[i].type.kind == SHALE_BOOL ? 0 : bloom_fpp;
    *out = (struct bytes_sink){.sink = {take_bytes}};
    shale_buf_init(&out->bytes, &shale_mem_libc, 1 << 24);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &schema, &options, &out->sink, &writer, NULL),
        SHALE_OK);
    for (int piece = 0; piece < 2; piece++) {
        struct shale_column nodes[N_IN_FILE][2], columns[N_IN_FILE];
        struct shale_batch *batch;
        assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
        for (int64_t k = 0; k < N_ROWS / 2; k++)
            assert_int_equal(put_row(builder, first + piece * N_ROWS / 2 + k), SHALE_OK);
        assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
        for (size_t i = 0; i < N_IN_FILE; i++) {
            shale_batch_column(batch, i, nodes[i]);
            columns[i] = nodes[i][0];
        }
        assert_int_equal(
            shale_file_writer_append(
                writer, &(struct shale_file_piece){columns, N_ROWS / 2, 1000, release, NULL}, NULL),
            SHALE_OK);
        shale_batch_free(&shale_mem_libc, batch);
        shale_builder_free(builder);
    }
    assert_int_equal(shale_file_writer_finish(writer, NULL, 0, NULL), SHALE_OK);
    shale_file_writer_free(writer);
}

/* ---- A check ----------------------------------------------------------------------------------
 */

struct counter {
    struct shale_findings findings; /* first member */
    int n, n_notes, n_of[SHALE_E_count];
    int64_t n_bounds;
};

static void count(struct shale_findings *findings, const struct shale_finding *finding)
{
    struct counter *counter = (struct counter *)(void *)findings;
    assert_true(finding->err.message[0] != '\0');
    assert_string_equal(finding->err.object, "the file");
    *(finding->is_note ? &counter->n_notes : &counter->n) += 1;
    counter->n_of[finding->err.code]++;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static enum shale_status check_with(const struct shale_mem *mem, const void *data, size_t n_bytes,
                                    struct counter *out)
{
    const struct shale_env env = {.mem = mem, .cancelled = never};
    struct memory_file file = memory_file_of(data, n_bytes);
    struct shale_reader *reader = NULL;
    struct shale_checked *checked = NULL;
    struct shale_err err;
    enum shale_status status;
    *out = (struct counter){.findings = {count}};
    shale_err_clear(&err);
    status = shale_reader_open(mem, &file.random, &(struct shale_reader_options){64 << 20}, &reader,
                               &err);
    if (status == SHALE_OK)
        status = shale_file_check(reader, &env, "the file", &out->findings, &checked, &err);
    else if (status == SHALE_CORRUPT)
        out->n++;
    if (status == SHALE_OK && out->n == 0) {
        assert_int_equal(checked->n_rows, N_ROWS);
        out->n_bounds = checked->n_bounds;
    }
    shale_checked_free(reader, checked);
    shale_reader_free(reader);
    return status;
}

static struct counter check(const void *data, size_t n_bytes)
{
    struct counter out;
    enum shale_status status = check_with(&shale_mem_libc, data, n_bytes, &out);
    assert_true(status == SHALE_OK || status == SHALE_CORRUPT || status == SHALE_SCHEMA ||
                status == SHALE_LIMIT);
    if (status == SHALE_SCHEMA || status == SHALE_LIMIT)
        out.n++; /* not as it was, by name */
    return out;
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

static void test_sound(void **state)
{
    (void)state;
    for (int modern = 0; modern < 2; modern++) {
        struct bytes_sink file;
        struct counter found;
        write_file(&file, 0, modern == 1, 0.01);
        found = check(file.bytes.data, file.bytes.n_bytes);
        assert_int_equal(found.n, 0);
        assert_int_equal(found.n_notes, 0);
        assert_true(found.n_bounds > 100);
        shale_buf_fini(&file.bytes);
    }
}

static size_t footer_at(const struct shale_buf *file)
{
    uint32_t n_bytes;
    memcpy(&n_bytes, file->data + file->n_bytes - 8, 4);
    return file->n_bytes - 8 - n_bytes;
}

/* One bit in 23: those that nobody finds mean nothing (the encoding of levels that a page has not,
 * the order of a page index), or are of the footer, whose hash a table keeps. */
static void test_every_bit(void **state)
{
    (void)state;
    for (int modern = 0; modern < 2; modern++) {
        struct bytes_sink file;
        size_t n_seen = 0, n_bits = 0, n_missed_early = 0, at_footer;
        write_file(&file, 0, modern == 1, 0);
        at_footer = footer_at(&file.bytes);
        for (size_t bit = 0; bit < file.bytes.n_bytes * 8; bit += 23) {
            char *byte = &file.bytes.data[bit / 8];
            bool seen;
            *byte = (char)(*byte ^ 1 << bit % 8);
            seen = check(file.bytes.data, file.bytes.n_bytes).n > 0;
            *byte = (char)(*byte ^ 1 << bit % 8);
            n_bits++;
            n_seen += seen;
            n_missed_early += !seen && bit / 8 < at_footer;
        }
        assert_true(n_bits > 1000);
        assert_true(n_missed_early * 100 <= n_bits * 10);
        assert_true(n_seen * 100 >= n_bits * 85);
        shale_buf_fini(&file.bytes);
    }
}

/* The pages of one file under what another one says: nothing but the comparison with the values can
 * see it.  The second file's rows are as the first's, with other numbers; checksums take 3 to 5
 * bytes, so that a few are tried until both have the same size. */
static void test_another_footer(void **state)
{
    struct bytes_sink a, b;
    struct counter found;
    (void)state;
    write_file(&a, 0, false, 0);
    for (int64_t k = 1;; k++) {
        write_file(&b, INT64_C(66000) * 1000 * k, false, 0);
        if (footer_at(&a.bytes) == footer_at(&b.bytes))
            break;
        shale_buf_fini(&b.bytes);
        assert_true(k < 200);
    }
    memcpy(a.bytes.data, b.bytes.data, footer_at(&a.bytes));
    found = check(a.bytes.data, a.bytes.n_bytes);
    assert_true(found.n_of[SHALE_E_parquet_bound] > 0);
    shale_buf_fini(&a.bytes);
    shale_buf_fini(&b.bytes);
}

static void test_cut_short(void **state)
{
    struct bytes_sink file;
    (void)state;
    write_file(&file, 0, false, 0);
    for (size_t n = 0; n < file.bytes.n_bytes; n += 13)
        assert_true(check(file.bytes.data, n).n > 0);
    shale_buf_fini(&file.bytes);
}

static void test_without_memory(void **state)
{
    struct bytes_sink file;
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    write_file(&file, 0, false, 0);
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct counter found;
        failing_mem_init(&failing, ++n);
        status = check_with(&failing.mem, file.bytes.data, file.bytes.n_bytes, &found);
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        assert_int_equal(found.n, 0);
    }
    assert_true(n > 50);
    shale_buf_fini(&file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),          cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_another_footer), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
