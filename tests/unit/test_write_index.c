/* SPDX-License-Identifier: MIT */
/* parquet/write_index and the rest of what a footer says beside the schema, as our reader finds it:
 * page index, bloom filters, sizes, sorting columns, key-value metadata; in both profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "columns.h"
#include "parquet/parquet.h"
#include "parquet/reader.h"

enum { N_ROWS = 4000, N_LEAVES = N_COLUMNS - 1, LEAF_I64 = COLUMN_I64, LEAF_F64 = COLUMN_F64 };
enum { LEAF_BYTES = COLUMN_BYTES, LEAF_LIST_I64 = COLUMN_LIST_I64 - 1 };

/* ---- A file in memory --------------------------------------------------------------------------
 */

struct memory_file {
    struct shale_sink sink; /* first member */
    struct shale_random random;
    struct shale_buf bytes;
};

static enum shale_status write_memory(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    (void)err;
    return shale_buf_append(&((struct memory_file *)(void *)sink)->bytes, data, n_bytes);
}

static enum shale_status read_memory(struct shale_random *random, int64_t at, void *out,
                                     size_t n_bytes, struct shale_err *err)
{
    const struct memory_file *file =
        (const void *)((const char *)random - offsetof(struct memory_file, random));
    (void)err;
    assert_true(at >= 0 && (size_t)at + n_bytes <= file->bytes.n_bytes);
    memcpy(out, file->bytes.data + at, n_bytes);
    return SHALE_OK;
}

struct one_piece {
    struct shale_column_stream stream;
    const struct shale_column *piece;
};

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct one_piece *one = (struct one_piece *)(void *)stream;
    (void)err;
    *out = one->piece;
    one->piece = NULL;
    return SHALE_OK;
}

static const struct shale_parquet_sorting sorting[] = {{LEAF_I64, false, false},
                                                       {LEAF_BYTES, true, true}};
static const struct shale_key_value pairs[] = {{{"writer", 6}, {"a test", 6}},
                                               {{"empty", 5}, {"", 0}}};

static void write_batch(struct memory_file *file, const struct shale_schema *schema,
                        const struct shale_batch *batch, const struct shale_chunk_options *options)
{
    struct shale_chunk_meta metas[N_LEAVES] = {0};
    const struct shale_row_group group = {metas, shale_batch_n_rows(batch), sorting, 2};
    struct shale_chunk_writer *writer;
    struct shale_parquet *parquet;
    size_t column;
    struct shale_leaf leaf;
    *file = (struct memory_file){.sink = {write_memory}, .random = {0, read_memory}};
    shale_buf_init(&file->bytes, &shale_mem_libc, 64 << 20);
    assert_int_equal(shale_chunk_writer_new(&shale_mem_libc, &writer), SHALE_OK);
    assert_int_equal(shale_parquet_new(&shale_mem_libc, schema, options->codec, "a test", &parquet),
                     SHALE_OK);
    assert_int_equal(shale_parquet_begin(parquet, &file->sink, NULL), SHALE_OK);
    for (int g = 0; g < 2; g++) {
        for (size_t i = 0; i < shale_leaf_count(schema); i++) {
            struct shale_column nodes[2];
            struct one_piece one = {{next_piece}, nodes};
            shale_leaf_find(schema, i, &column, &leaf);
            shale_batch_column(batch, column, nodes);
            assert_int_equal(shale_chunk_write(writer, &leaf, options, &one.stream, &file->sink,
                                               &metas[i], NULL),
                             SHALE_OK);
        }
        assert_int_equal(shale_parquet_row_group(parquet, &group, &file->sink, NULL), SHALE_OK);
        assert_int_equal(shale_parquet_n_bytes(parquet), file->bytes.n_bytes);
    }
    assert_int_equal(shale_parquet_finish(parquet, pairs, 2, &file->sink, NULL), SHALE_OK);
    file->random.n_bytes = (int64_t)file->bytes.n_bytes;
    shale_parquet_free(parquet);
    shale_chunk_writer_free(writer);
}

static struct shale_reader *open_file(struct memory_file *file)
{
    const struct shale_reader_options options = {0};
    struct shale_reader *reader;
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file->random, &options, &reader, NULL),
                     SHALE_OK);
    return reader;
}

/* The test's columns, with bloom filters. */
static struct shale_reader *make_file(struct memory_file *file,
                                      const struct shale_chunk_options *options)
{
    struct shale_column_def defs[N_COLUMNS];
    const struct shale_schema schema = {defs, N_COLUMNS};
    struct shale_builder *builder;
    struct shale_batch *batch;
    memcpy(defs, column_defs, sizeof(defs));
    for (size_t c = 0; c < N_COLUMNS; c++)
        defs[c].bloom_fpp = 0.01;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
    for (int64_t k = 0; k < N_ROWS; k++)
        assert_int_equal(put_row(builder, k), SHALE_OK);
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    write_batch(file, &schema, batch, options);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
    return open_file(file);
}

static const struct shale_chunk_options profiles[] = {
    {.codec = SHALE_CODEC_ZSTD, .page_bytes = 3000},
    {.codec = SHALE_CODEC_SNAPPY, .page_bytes = 3000, .modern = true},
    {.codec = SHALE_CODEC_NONE, .page_bytes = 3000, .modern = true},
};

/* ---- The page index ----------------------------------------------------------------------------
 */

static int64_t i64_at(struct shale_str bytes)
{
    int64_t value;
    assert_int_equal(bytes.n_bytes, sizeof(value));
    memcpy(&value, bytes.data, sizeof(value));
    return value;
}

/* Pages follow one another to the end of the chunk. */
static void check_places(const struct shale_file_chunk *chunk, const struct shale_file_page *pages,
                         size_t n)
{
    int64_t at = chunk->data_page_at;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pages[i].at, at);
        assert_true(i == 0 ? pages[i].first_row == 0 : pages[i].first_row > pages[i - 1].first_row);
        at += pages[i].compressed_bytes;
    }
    assert_int_equal(at, chunk->begin + chunk->compressed_bytes);
}

/* Rows rise with k: so do the bounds. */
static void check_i64(const struct shale_file_page *pages, size_t n)
{
    assert_true(n > 5);
    for (size_t i = 0; i < n; i++) {
        int64_t end = i + 1 < n ? pages[i + 1].first_row : N_ROWS;
        int64_t least = INT64_MAX, most = INT64_MIN, n_nulls = 0;
        for (int64_t k = pages[i].first_row; k < end; k++) {
            if (row_is_null(k, COLUMN_I64)) {
                n_nulls++;
                continue;
            }
            least = k << 33 < least ? k << 33 : least;
            most = k << 33 > most ? k << 33 : most;
        }
        assert_int_equal(pages[i].n_nulls, n_nulls);
        assert_int_equal(i64_at(pages[i].minimum.value), least);
        assert_int_equal(i64_at(pages[i].maximum.value), most);
    }
}

static void test_pages(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        struct memory_file file;
        struct shale_reader *reader = make_file(&file, &profiles[p]);
        const struct shale_file *what = shale_reader_file(reader);
        assert_int_equal(what->n_leaves, N_LEAVES);
        for (size_t i = 0; i < 2 * N_LEAVES; i++) {
            struct shale_file_page *pages;
            size_t n, group = i / N_LEAVES, leaf = i % N_LEAVES;
            assert_int_equal(
                shale_reader_page_index(reader, &shale_mem_libc, group, leaf, &pages, &n, NULL),
                SHALE_OK);
            assert_true(n > 0 && pages[0].n_nulls >= 0 && pages[0].minimum.present);
            check_places(&what->row_groups[group].chunks[leaf], pages, n);
            if (leaf == LEAF_I64)
                check_i64(pages, n);
            shale_mem_free(&shale_mem_libc, pages);
        }
        shale_reader_free(reader);
        shale_buf_fini(&file.bytes);
    }
}

/* ---- Bloom filters -----------------------------------------------------------------------------
 */

static bool may_hold(const struct shale_reader *reader, int64_t value)
{
    const struct shale_str bytes = {(const char *)&value, sizeof(value)};
    bool holds;
    assert_int_equal(shale_reader_bloom_may_hold(reader, 1, LEAF_I64, bytes, &holds, NULL),
                     SHALE_OK);
    return holds;
}

static void test_bloom_filters(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        struct memory_file file;
        struct shale_reader *reader = make_file(&file, &profiles[p]);
        const struct shale_file_chunk *chunks = shale_reader_file(reader)->row_groups[1].chunks;
        size_t n_wrong = 0;
        for (int64_t k = 0; k < N_ROWS; k++) {
            if (!row_is_null(k, COLUMN_I64))
                assert_true(may_hold(reader, k << 33));
            n_wrong += may_hold(reader, (k << 33) + 1);
        }
        assert_true(n_wrong < 3 * N_ROWS / 100);
        assert_int_equal(chunks[COLUMN_BOOL].bloom_at, -1);
        for (size_t i = 1; i < N_LEAVES; i++)
            assert_true(chunks[i].bloom_at >= 0 || i == COLUMN_LIST_BOOL - 1);
        shale_reader_free(reader);
        shale_buf_fini(&file.bytes);
    }
}

/* ---- The rest of the footer --------------------------------------------------------------------
 */

static void test_footer(void **state)
{
    struct memory_file file;
    struct shale_reader *reader = make_file(&file, &profiles[0]);
    const struct shale_file *what = shale_reader_file(reader);
    const struct shale_file_row_group *group = &what->row_groups[1];
    const struct shale_file_chunk *list = &group->chunks[LEAF_LIST_I64];
    int64_t n_levels = 0, n_bytes = 0;
    (void)state;
    assert_int_equal(what->n_key_values, 2);
    assert_true(shale_str_is(what->key_values[0].value, "a test"));
    assert_true(what->key_values[1].has_value);
    assert_int_equal(group->n_sorting, 2);
    assert_int_equal(group->sorting[0].leaf, LEAF_I64);
    assert_true(group->sorting[1].descending && group->sorting[1].nulls_first);
    /* Null, empty, null element, value; and first of a row, more. */
    assert_int_equal(list->n_definition_histogram, 4);
    assert_int_equal(list->n_repetition_histogram, 2);
    for (size_t i = 0; i < 4; i++)
        n_levels += list->definition_histogram[i];
    assert_int_equal(n_levels, list->n_values);
    assert_int_equal(list->repetition_histogram[0], N_ROWS);
    assert_int_equal(n_levels - list->definition_histogram[3], list->statistics.n_nulls);
    for (int64_t k = 0; k < N_ROWS; k++)
        if (!row_is_null(k, COLUMN_BYTES))
            n_bytes += (int64_t)row_text(k).n_bytes;
    assert_int_equal(group->chunks[LEAF_BYTES].n_byte_array_bytes, n_bytes);
    assert_int_equal(group->chunks[LEAF_I64].n_byte_array_bytes, -1);
    assert_int_equal(group->chunks[LEAF_I64].n_definition_histogram, 0);
    shale_reader_free(reader);
    shale_buf_fini(&file.bytes);
}

/* A page with a NaN has no bounds, so that the chunk has no column index; its pages are found. */
static void test_nan(void **state)
{
    static const struct shale_column_def def = {.name = {"f", 1}, .type = {.kind = SHALE_FLOAT64}};
    const struct shale_schema schema = {&def, 1};
    const struct shale_chunk_options options = {.page_bytes = 800};
    struct memory_file file;
    struct shale_file_page *pages;
    struct shale_builder *builder;
    struct shale_reader *reader;
    struct shale_batch *batch;
    size_t n;
    (void)state;
    assert_int_equal(shale_builder_new(&shale_mem_libc, &schema, &builder), SHALE_OK);
    for (int64_t k = 0; k < 1000; k++) {
        shale_builder_f64(builder, 0, k == 500 ? NAN : (double)k);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    write_batch(&file, &schema, batch, &options);
    reader = open_file(&file);
    assert_int_equal(shale_reader_page_index(reader, &shale_mem_libc, 0, 0, &pages, &n, NULL),
                     SHALE_OK);
    assert_int_equal(n, 10);
    assert_false(pages[0].minimum.present);
    assert_int_equal(shale_reader_file(reader)->row_groups[0].chunks[0].column_index_at, -1);
    assert_false(shale_reader_file(reader)->row_groups[0].chunks[0].statistics.minimum.present);
    shale_mem_free(&shale_mem_libc, pages);
    shale_reader_free(reader);
    shale_batch_free(&shale_mem_libc, batch);
    shale_builder_free(builder);
    shale_buf_fini(&file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_bloom_filters),
        cmocka_unit_test(test_footer),
        cmocka_unit_test(test_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
