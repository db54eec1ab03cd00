/* SPDX-License-Identifier: MIT */
/* A damaged Parquet file gives an error or rows: never a crash, a read over 1 s, or memory over the
 * limit.  Cut at every byte, every bit of the footer and of the indexes flipped, every byte of the
 * pages.  What is damaged in a page's body is found by its checksum, and the error names the
 * column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "../interop/random_file.h"
#include "../unit/rows_walk.h"
#include "parquet/page_header.h"

enum { MEMORY_BYTES = 8 << 20, READER_BYTES = 1 << 16, N_ROWS = 40, N_DAMAGED_COLUMNS = 6 };

/* ---- The files
 * -----------------------------------------------------------------------------------
 */

static const struct shale_type_member tags[] = {{{"element", 7}, {.kind = SHALE_STRING}}};
static const struct shale_type_member counts[] = {{{"key", 3}, {.kind = SHALE_STRING}},
                                                  {{"value", 5}, {.kind = SHALE_INT32}}};
static const struct shale_type_member prices[] = {
    {{"element", 7}, {.kind = SHALE_DECIMAL, .precision = 12, .scale = 2}}};
static const struct shale_type_member place[] = {
    {{"latitude", 8}, {.kind = SHALE_FLOAT64}},
    {{"open", 4}, {.kind = SHALE_BOOL}},
    {{"prices", 6}, {.kind = SHALE_LIST, .members = prices, .n_members = 1}}};
static const struct shale_column_def columns[N_DAMAGED_COLUMNS] = {
    {.name = {"id", 2}, .type = {.kind = SHALE_INT64}, .bloom_fpp = 0.05},
    {.name = {"name", 4}, .type = {.kind = SHALE_STRING}, .bloom_fpp = 0.05},
    {.name = {"time", 4}, .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_US}},
    {.name = {"tags", 4}, .type = {.kind = SHALE_LIST, .members = tags, .n_members = 1}},
    {.name = {"counts", 6}, .type = {.kind = SHALE_MAP, .members = counts, .n_members = 2}},
    {.name = {"place", 5}, .type = {.kind = SHALE_STRUCT, .members = place, .n_members = 3}},
};

/* A few KB with several pages a column, and everything that a file can have. */
static void make_file(struct random_file *file, bool modern)
{
    *file = (struct random_file){
        .schema.schema = {columns, N_DAMAGED_COLUMNS},
        .options = {.modern = modern,
                    .codec = modern ? SHALE_CODEC_ZSTD : SHALE_CODEC_SNAPPY,
                    .n_rows = N_ROWS,
                    .group_rows = 2 * N_ROWS / 3,
                    .page_bytes = 400},
        .rows = {.bits = {7}, .null_percent = 10, .distinct = 40, .longest = 3},
    };
    shale_buf_init(&file->bytes, &shale_mem_libc, 1 << 24);
    if (!random_file_write(file, NULL) || !random_file_check(file))
        fail_msg("%s", file->fault);
}

static int setup(void **state)
{
    struct random_file *files = calloc(2, sizeof(*files));
    if (files == NULL)
        return -1;
    make_file(&files[0], false);
    make_file(&files[1], true);
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    struct random_file *files = *state;
    random_file_fini(&files[0]);
    random_file_fini(&files[1]);
    free(files);
    return 0;
}

/* ---- Reading one --------------------------------------------------------------------------------
 */

static double cpu_seconds(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum shale_status read_indexes(const struct shale_reader *reader,
                                      const struct shale_mem *mem, struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(reader);
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < file->n_row_groups * file->n_leaves && status == SHALE_OK; i++) {
        struct shale_file_page *pages = NULL;
        size_t n_pages;
        bool may_hold;
        status = shale_reader_page_index(reader, mem, i / file->n_leaves, i % file->n_leaves,
                                         &pages, &n_pages, err);
        shale_mem_free(mem, pages);
        if (status == SHALE_OK)
            status = shale_reader_bloom_may_hold(reader, i / file->n_leaves, i % file->n_leaves,
                                                 SHALE_STR("12345678"), &may_hold, err);
    }
    return status;
}

static enum shale_status read_rows(const struct shale_reader *reader, struct shale_err *err)
{
    const struct shale_schema *schema = &shale_reader_file(reader)->schema;
    const struct shale_rows *rows;
    struct shale_scan *scan = NULL;
    uint64_t hash = 0;
    enum shale_status status =
        shale_scan_new(reader, &(struct shale_scan_options){.batch_rows = 70}, &scan, err);
    while (status == SHALE_OK && (status = shale_scan_next(scan, &rows, err)) == SHALE_OK &&
           rows != NULL)
        hash = rows_walk(schema, rows, hash);
    shale_scan_free(scan);
    (void)hash;
    return status;
}

/* Open, indexes, rows; the first failure. */
static enum shale_status read_all(const void *data, size_t n_bytes, struct shale_err *err)
{
    struct rows_memory memory;
    struct rows_file file = rows_file_of(data, n_bytes);
    struct shale_reader *reader = NULL;
    double began = cpu_seconds();
    enum shale_status status, rows_status;
    /* A page index belongs to the caller, who asks for less than the reader may. */
    rows_memory_init(&memory, MEMORY_BYTES + READER_BYTES);
    shale_err_clear(err);
    status = shale_reader_open(&memory.mem, &file.random,
                               &(struct shale_reader_options){MEMORY_BYTES}, &reader, err);
    if (status == SHALE_OK) {
        rows_status = read_rows(reader, err);
        status = read_indexes(reader, &memory.mem, rows_status == SHALE_OK ? err : NULL);
        status = rows_status == SHALE_OK ? status : rows_status;
        shale_reader_free(reader);
    }
    assert_int_equal(memory.live, 0);
    assert_true(cpu_seconds() - began < 1.0);
    assert_true(status == SHALE_OK || err->message[0] != '\0');
    return status;
}

/* A copy whose end is the end of its block. */
static uint8_t *copy_of(const void *data, size_t n_bytes)
{
    uint8_t *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    assert_non_null(copy);
    if (n_bytes > 0)
        memcpy(copy, data, n_bytes);
    return copy;
}

/* ---- The damages --------------------------------------------------------------------------------
 */

static void cut_file(const struct random_file *file)
{
    struct shale_err err;
    for (size_t n = 0; n < file->bytes.n_bytes; n++) {
        uint8_t *cut = copy_of(file->bytes.data, n);
        enum shale_status status = read_all(cut, n, &err);
        free(cut);
        if (status == SHALE_OK)
            fail_msg("the first %zu bytes are taken for a file", n);
    }
}

static void test_cut_at_every_byte(void **state)
{
    const struct random_file *files = *state;
    cut_file(&files[0]);
    cut_file(&files[1]);
}

/* Every bit from 'begin' to 'end'; returns how many were refused. */
static unsigned flip_bits(const struct random_file *file, size_t begin, size_t end)
{
    uint8_t *copy = copy_of(file->bytes.data, file->bytes.n_bytes);
    unsigned n_refused = 0;
    struct shale_err err;
    for (size_t bit = 8 * begin; bit < 8 * end; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        n_refused += read_all(copy, file->bytes.n_bytes, &err) != SHALE_OK;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(copy);
    return n_refused;
}

/* Where the last page of the file ends. */
static size_t pages_end(const struct shale_reader *reader)
{
    const struct shale_file *file = shale_reader_file(reader);
    int64_t end = 4;
    for (size_t g = 0; g < file->n_row_groups; g++) {
        for (size_t leaf = 0; leaf < file->n_leaves; leaf++) {
            const struct shale_file_chunk *chunk = &file->row_groups[g].chunks[leaf];
            if (chunk->begin + chunk->compressed_bytes > end)
                end = chunk->begin + chunk->compressed_bytes;
        }
    }
    return (size_t)end;
}

static struct shale_reader *open_file(const struct random_file *file, struct rows_file *bytes)
{
    struct shale_reader *reader = NULL;
    *bytes = rows_file_of(file->bytes.data, file->bytes.n_bytes);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &bytes->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    return reader;
}

/* What lies behind the pages: bloom filters, page indexes, the footer, its length, the magic. */
static void test_every_bit_behind_the_pages(void **state)
{
    const struct random_file *files = *state;
    for (int i = 0; i < 2; i++) {
        struct rows_file bytes;
        struct shale_reader *reader = open_file(&files[i], &bytes);
        size_t end = pages_end(reader);
        shale_reader_free(reader);
        assert_true(flip_bits(&files[i], end, files[i].bytes.n_bytes) > 0);
        assert_int_equal(flip_bits(&files[i], 0, 4), 32);
    }
}

/* Flip a bit of each byte of one page's body; each is found, and the column is named. */
static size_t flip_body(uint8_t *copy, size_t n_bytes, size_t begin, size_t end,
                        struct shale_str column)
{
    char name[128];
    struct shale_err err;
    snprintf(name, sizeof(name), "%.*s", SHALE_STR_ARG(column));
    for (size_t at = begin; at < end; at++) {
        enum shale_status status;
        copy[at] ^= (uint8_t)(1u << at % 8);
        status = read_all(copy, n_bytes, &err);
        copy[at] ^= (uint8_t)(1u << at % 8);
        if (status != SHALE_CORRUPT)
            fail_msg("byte %zu of column %s flipped: %s", at, name, shale_status_name(status));
        if (strstr(err.message, name) == NULL)
            fail_msg("byte %zu: the error does not name %s: %s", at, name, err.message);
    }
    return end - begin;
}

/* All pages of a chunk; the header's bits give an error or rows. */
static void flip_chunk(const struct random_file *file, const struct shale_file_chunk *chunk,
                       struct shale_str path)
{
    uint8_t *copy = copy_of(file->bytes.data, file->bytes.n_bytes);
    size_t at = (size_t)chunk->begin, end = at + (size_t)chunk->compressed_bytes, n_flipped = 0;
    while (at < end) {
        struct shale_page_header header;
        size_t used = 0, body;
        assert_int_equal(
            shale_page_header_read(copy + at, end - at, (int64_t)at, &header, &used, NULL),
            SHALE_OK);
        assert_true(used > 0 && header.has_crc);
        body = at + used;
        assert_true(flip_bits(file, at, body) > 0);
        at = body + (size_t)header.compressed_bytes;
        n_flipped += flip_body(copy, file->bytes.n_bytes, body, at, path);
    }
    assert_true(n_flipped > 0 && at == end);
    free(copy);
}

static void test_every_byte_of_the_pages(void **state)
{
    const struct random_file *files = *state;
    for (int i = 0; i < 2; i++) {
        struct rows_file bytes;
        struct shale_reader *reader = open_file(&files[i], &bytes);
        const struct shale_file *meta = shale_reader_file(reader);
        for (size_t g = 0; g < meta->n_row_groups; g++) {
            for (size_t leaf = 0; leaf < meta->n_leaves; leaf++)
                flip_chunk(&files[i], &meta->row_groups[g].chunks[leaf], meta->leaves[leaf].path);
        }
        shale_reader_free(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_every_bit_behind_the_pages),
        cmocka_unit_test(test_every_byte_of_the_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
