/* SPDX-License-Identifier: MIT */
/* parquet/page_index, bloom_read, page_walk, bound_value: indexes made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/checked.h"
#include "made_file.h"
#include "parquet/bloom.h"
#include "parquet/bound_value.h"
#include "parquet/reader.h"

enum { PAGES = 3, ROWS = 30 };

/* What the indexes of a text column of three pages say; a test changes it. */
struct made_index {
    int64_t at[PAGES], compressed[PAGES], first_row[PAGES];
    size_t n_locations, n_entries;
    bool has_nulls; /* null_counts */
    bool cut_offset, cut_column;
};

static const struct made_index good = {.at = {4, 24, 44},
                                       .compressed = {20, 20, 20},
                                       .first_row = {0, 10, 20},
                                       .n_locations = PAGES,
                                       .n_entries = PAGES,
                                       .has_nulls = true};

static void put_offset_index(const struct made_index *index, struct shale_buf *out)
{
    struct shale_thrift t;
    shale_thrift_init(&t, out);
    shale_thrift_list(&t, 1, SHALE_THRIFT_STRUCT, index->n_locations);
    for (size_t i = 0; i < index->n_locations; i++) {
        shale_thrift_element_struct(&t);
        put_i64(&t, 1, index->at[i]);
        put_i32(&t, 2, index->compressed[i]);
        put_i64(&t, 3, index->first_row[i]);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    assert_int_equal(t.status, SHALE_OK);
}

/* Page 1 holds nulls alone. */
static void put_column_index(const struct made_index *index, struct shale_buf *out)
{
    static const char *const minima[] = {"a", "", "c"}, *const maxima[] = {"b", "", "d"};
    struct shale_thrift t;
    shale_thrift_init(&t, out);
    shale_thrift_raw(&t, "\x19", 1); /* field 1: a list of booleans */
    shale_thrift_raw(&t, (char[]){(char)(index->n_entries << 4 | 1)}, 1);
    for (size_t i = 0; i < index->n_entries; i++)
        shale_thrift_raw(&t, i == 1 ? "\x01" : "\x02", 1);
    t.last_id[0] = 1;
    shale_thrift_list(&t, 2, SHALE_THRIFT_BINARY, index->n_entries);
    for (size_t i = 0; i < index->n_entries; i++)
        shale_thrift_element_binary(&t, shale_str_of(minima[i]));
    shale_thrift_list(&t, 3, SHALE_THRIFT_BINARY, index->n_entries);
    for (size_t i = 0; i < index->n_entries; i++)
        shale_thrift_element_binary(&t, shale_str_of(maxima[i]));
    shale_thrift_i32(&t, 4, SHALE_BOUNDARY_ASCENDING);
    if (index->has_nulls) {
        shale_thrift_list(&t, 5, SHALE_THRIFT_I64, index->n_entries);
        for (size_t i = 0; i < index->n_entries; i++)
            shale_thrift_element_i64(&t, i == 2 ? -7 : (int64_t)i * 10);
    }
    shale_thrift_end(&t);
    assert_int_equal(t.status, SHALE_OK);
}

/* A file of one text column whose body ends with both indexes. */
static void make_indexed(const struct made_index *index, struct shale_buf *out)
{
    static const struct made_node nodes[] = {
        GROUP("root", -1, 1),
        {"name", SHALE_PHYSICAL_BYTE_ARRAY, 1, 0, SHALE_CONVERTED_UTF8, 0, 0, 0, 0, 0, 0, false}};
    static const int64_t rows = ROWS;
    struct made_chunk chunk = good_chunk(SHALE_PHYSICAL_BYTE_ARRAY);
    struct made_file file = {.nodes = nodes,
                             .n_nodes = 2,
                             .chunks = &chunk,
                             .group_rows = &rows,
                             .n_groups = 1,
                             .n_chunks = 1,
                             .n_rows = ROWS,
                             .sorting = -1,
                             .created_by = "a test",
                             .n_orders = 1};
    struct shale_buf body;
    size_t column_at;
    shale_buf_init(&body, &shale_mem_libc, SIZE_MAX);
    assert_int_equal(shale_buf_append(&body, (char[60]){0}, 60), SHALE_OK);
    put_offset_index(index, &body);
    column_at = body.n_bytes;
    put_column_index(index, &body);
    chunk.n_values = ROWS;
    chunk.offset_index[0] = 4 + 60;
    chunk.offset_index[1] = (int64_t)(column_at - 60) - index->cut_offset;
    chunk.column_index[0] = 4 + (int64_t)column_at;
    chunk.column_index[1] = (int64_t)(body.n_bytes - column_at) - index->cut_column;
    file.body = shale_buf_str(&body);
    shale_buf_init(out, &shale_mem_libc, SIZE_MAX);
    assert_int_equal(make_file(&file, out), SHALE_OK);
    shale_buf_fini(&body);
}

static enum shale_status read_index(const struct shale_buf *bytes, const struct shale_mem *mem,
                                    struct shale_file_page **pages, size_t *n,
                                    struct shale_reader **reader)
{
    static struct memory_file file;
    struct shale_reader_options options = {0};
    file = memory_file_of(bytes->data, bytes->n_bytes);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &file.random, &options, reader, NULL),
                     SHALE_OK);
    return shale_reader_page_index(*reader, mem, 0, 0, pages, n, NULL);
}

static void test_a_page_index(void **state)
{
    struct shale_buf bytes;
    struct shale_reader *reader;
    struct shale_file_page *pages;
    size_t n;
    (void)state;
    make_indexed(&good, &bytes);
    assert_int_equal(read_index(&bytes, &shale_mem_libc, &pages, &n, &reader), SHALE_OK);
    assert_int_equal(n, PAGES);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pages[i].at, good.at[i]);
        assert_int_equal(pages[i].compressed_bytes, 20);
        assert_int_equal(pages[i].first_row, 10 * i);
        assert_int_equal(pages[i].all_null, i == 1);
        assert_int_equal(pages[i].minimum.present, i != 1);
        assert_int_equal(pages[i].n_nulls, i == 2 ? -1 : (int64_t)i * 10);
    }
    assert_true(shale_str_is(pages[0].maximum.value, "b"));
    assert_true(shale_str_is(pages[2].minimum.value, "c"));
    shale_mem_free(&shale_mem_libc, pages);
    shale_reader_free(reader);
    shale_buf_fini(&bytes);
}

static void test_bad_indexes(void **state)
{
    static const struct {
        struct made_index index;
        const char *what;
    } cases[] = {
        {{{4, 23, 44}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "pages overlap"},
        {{{3, 24, 44}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "before the chunk"},
        {{{4, 24, 45}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "behind the chunk"},
        {{{4, 24, INT64_MAX}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "far behind"},
        {{{4, 24, 44}, {20, -1, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "a negative size"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 9}, 3, 3, true, 0, 0}, "rows go back"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 31}, 3, 3, true, 0, 0}, "too many rows"},
        {{{4, 24, 44}, {20, 20, 20}, {1, 10, 20}, 3, 3, true, 0, 0}, "not from row 0 on"},
        {{{LEFT_OUT, 24, 44}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 0}, "no place"},
        {{{4, 24, 44}, {20, 20, 20}, {0, LEFT_OUT, 20}, 3, 3, true, 0, 0}, "no row"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 20}, 2, 3, true, 0, 0}, "more entries than pages"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 20}, 3, 2, true, 0, 0}, "fewer entries than pages"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 1, 0}, "the offset index is cut"},
        {{{4, 24, 44}, {20, 20, 20}, {0, 10, 20}, 3, 3, true, 0, 1}, "the column index is cut"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shale_buf bytes;
        struct shale_reader *reader;
        struct shale_file_page *pages;
        size_t n;
        make_indexed(&cases[i].index, &bytes);
        if (read_index(&bytes, &shale_mem_libc, &pages, &n, &reader) != SHALE_CORRUPT)
            fail_msg("%s: not seen", cases[i].what);
        assert_null(pages);
        assert_int_equal(n, 0);
        shale_reader_free(reader);
        shale_buf_fini(&bytes);
    }
}

/* Indexes of any bytes: an error or pages that lie in the chunk. */
static void test_flipped_bits(void **state)
{
    struct shale_buf bytes;
    size_t n_good = 0, footer_at;
    (void)state;
    make_indexed(&good, &bytes);
    footer_at = bytes.n_bytes - 8 - (unsigned char)bytes.data[bytes.n_bytes - 8];
    assert_in_range(footer_at, 100, 180);
    for (size_t bit = 64 * 8; bit < footer_at * 8; bit++) {
        struct shale_reader *reader = NULL;
        struct shale_file_page *pages = NULL;
        size_t n = 0;
        struct memory_file file = memory_file_of(bytes.data, bytes.n_bytes);
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ 1 << bit % 8);
        if (shale_reader_open(&shale_mem_libc, &file.random, &(struct shale_reader_options){0},
                              &reader, NULL) == SHALE_OK &&
            shale_reader_page_index(reader, &shale_mem_libc, 0, 0, &pages, &n, NULL) == SHALE_OK)
            n_good++;
        for (size_t i = 0; i < n; i++)
            assert_true(pages[i].at >= 4 && pages[i].at + pages[i].compressed_bytes <= 64 &&
                        pages[i].first_row <= ROWS);
        shale_mem_free(&shale_mem_libc, pages);
        shale_reader_free(reader);
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ 1 << bit % 8);
    }
    assert_true(n_good > 0);
    shale_buf_fini(&bytes);
}

struct failing {
    int n_left, n_alive;
};

static void *failing_resize(void *ctx, void *ptr, size_t n_bytes)
{
    struct failing *failing = ctx;
    if (n_bytes == 0) {
        failing->n_alive -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (failing->n_left-- <= 0)
        return NULL;
    failing->n_alive += ptr == NULL;
    return realloc(ptr, n_bytes);
}

static void test_each_allocation_fails(void **state)
{
    struct shale_buf bytes;
    (void)state;
    make_indexed(&good, &bytes);
    for (int n = 0;; n++) {
        struct failing failing = {n, 0};
        const struct shale_mem mem = {failing_resize, &failing};
        struct shale_reader *reader;
        struct shale_file_page *pages;
        size_t n_pages;
        enum shale_status status = read_index(&bytes, &mem, &pages, &n_pages, &reader);
        shale_mem_free(&mem, pages);
        shale_reader_free(reader);
        assert_int_equal(failing.n_alive, 0);
        if (status == SHALE_OK)
            break;
        assert_int_equal(status, SHALE_NOMEM);
        assert_true(n < 10);
    }
    shale_buf_fini(&bytes);
}

/* ---- Bloom filters, pages, bounds --------------------------------------------------------------
 */

static const struct made_node one_number[] = {GROUP("root", -1, 1),
                                              LEAF("n", SHALE_PHYSICAL_INT64, 0)};

/* A file of one chunk of three numbers with 'body', from which 'chunk' tells the rest. */
static struct shale_reader *open_body(struct shale_str body, const struct made_chunk *chunk,
                                      struct shale_buf *bytes, struct memory_file *memory)
{
    static const int64_t rows = 3;
    struct made_file file = {.nodes = one_number,
                             .n_nodes = 2,
                             .chunks = chunk,
                             .group_rows = &rows,
                             .n_groups = 1,
                             .n_chunks = 1,
                             .n_rows = 3,
                             .sorting = -1,
                             .created_by = "a test",
                             .body = body};
    struct shale_reader *reader = NULL;
    shale_buf_init(bytes, &shale_mem_libc, SIZE_MAX);
    assert_int_equal(make_file(&file, bytes), SHALE_OK);
    *memory = memory_file_of(bytes->data, bytes->n_bytes);
    assert_int_equal(shale_reader_open(&shale_mem_libc, &memory->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    return reader;
}

static void put_bloom_header(struct shale_buf *body, int32_t n_bytes, const int16_t *kinds)
{
    struct shale_thrift t;
    shale_thrift_init(&t, body);
    shale_thrift_i32(&t, 1, n_bytes);
    for (int16_t i = 0; i < 3; i++) {
        shale_thrift_struct(&t, (int16_t)(i + 2));
        shale_thrift_struct(&t, kinds[i]);
        shale_thrift_end(&t);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    assert_int_equal(t.status, SHALE_OK);
}

static void test_bloom_filters(void **state)
{
    static const struct {
        int32_t n_bytes; /* 0: as it is */
        int16_t kinds[3];
        bool good, knows;
    } cases[] = {
        {0, {1, 1, 1}, true, true},         {0, {2, 1, 1}, true, false},
        {0, {1, 2, 1}, true, false},        {0, {1, 1, 2}, true, false},
        {31, {1, 1, 1}, false, false},      {-32, {1, 1, 1}, false, false},
        {1 << 30, {1, 1, 1}, false, false},
    };
    struct shale_bloom bloom;
    struct shale_str filter;
    (void)state;
    shale_bloom_init(&bloom, &shale_mem_libc);
    assert_int_equal(shale_bloom_begin(&bloom), SHALE_OK);
    for (int64_t i = 0; i < 1000; i++)
        shale_bloom_put(&bloom, shale_bloom_hash(&i, sizeof i));
    filter = shale_bloom_finish(&bloom, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made_chunk chunk = good_chunk(SHALE_PHYSICAL_INT64);
        struct shale_buf body, bytes;
        struct memory_file memory;
        struct shale_reader *reader;
        size_t n_held = 0;
        shale_buf_init(&body, &shale_mem_libc, SIZE_MAX);
        assert_int_equal(shale_buf_append(&body, (char[60]){0}, 60), SHALE_OK);
        put_bloom_header(&body, cases[i].n_bytes != 0 ? cases[i].n_bytes : (int32_t)filter.n_bytes,
                         cases[i].kinds);
        assert_int_equal(shale_buf_append_str(&body, filter), SHALE_OK);
        chunk.bloom[0] = 64;
        reader = open_body(shale_buf_str(&body), &chunk, &bytes, &memory);
        for (int64_t k = 0; k < 2000; k++) {
            bool may_hold = false;
            enum shale_status status = shale_reader_bloom_may_hold(
                reader, 0, 0, (struct shale_str){(const char *)&k, sizeof k}, &may_hold, NULL);
            assert_int_equal(status, cases[i].good ? SHALE_OK : SHALE_CORRUPT);
            assert_true(may_hold || k >= 1000);
            n_held += may_hold;
        }
        assert_int_equal(n_held < 1100, cases[i].knows);
        shale_reader_free(reader);
        shale_buf_fini(&bytes);
        shale_buf_fini(&body);
    }
    shale_bloom_fini(&bloom);
}

static void put_page(struct shale_buf *body, int type, int32_t n_values, int32_t n_bytes,
                     size_t n_statistics)
{
    struct shale_thrift t;
    char *text = calloc(n_statistics + 1, 1);
    assert_non_null(text);
    shale_thrift_init(&t, body);
    shale_thrift_i32(&t, 1, type);
    shale_thrift_i32(&t, 2, n_bytes);
    shale_thrift_i32(&t, 3, n_bytes);
    shale_thrift_struct(&t, type == SHALE_PAGE_DICTIONARY ? 7 : 5);
    shale_thrift_i32(&t, 1, n_values);
    shale_thrift_i32(&t, 2, SHALE_ENCODING_PLAIN);
    if (n_statistics > 0) {
        shale_thrift_struct(&t, 5);
        shale_thrift_binary(&t, 1, (struct shale_str){text, n_statistics});
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    shale_thrift_end(&t);
    assert_int_equal(t.status, SHALE_OK);
    for (int32_t i = 0; i < n_bytes; i++)
        assert_int_equal(shale_buf_append_byte(body, 0), SHALE_OK);
    free(text);
}

static void test_counting_pages(void **state)
{
    struct made_chunk chunk = good_chunk(SHALE_PHYSICAL_INT64);
    struct shale_buf body, bytes;
    struct memory_file memory;
    struct shale_reader *reader;
    struct shale_file_page_total total;
    (void)state;
    shale_buf_init(&body, &shale_mem_libc, SIZE_MAX);
    put_page(&body, SHALE_PAGE_DICTIONARY, 5, 40, 0);
    put_page(&body, SHALE_PAGE_DATA, 2, 0, 20000); /* more than one look */
    put_page(&body, SHALE_PAGE_DATA, 1, 8, 0);
    put_page(&body, SHALE_PAGE_DATA, 9, 8, 0); /* behind the last value */
    chunk.compressed = (int64_t)body.n_bytes;
    reader = open_body(shale_buf_str(&body), &chunk, &bytes, &memory);
    assert_int_equal(shale_reader_count_pages(reader, 0, 0, &total, NULL), SHALE_OK);
    assert_int_equal(total.n_data, 2);
    assert_int_equal(total.n_dictionary, 1);
    shale_reader_free(reader);
    shale_buf_fini(&bytes);
    chunk.compressed = 9; /* the chunk ends in a header */
    reader = open_body(shale_buf_str(&body), &chunk, &bytes, &memory);
    assert_int_equal(shale_reader_count_pages(reader, 0, 0, &total, NULL), SHALE_CORRUPT);
    shale_reader_free(reader);
    shale_buf_fini(&bytes);
    chunk.page_counts[2] = 17; /* the footer says it */
    reader = open_body(shale_buf_str(&body), &chunk, &bytes, &memory);
    assert_int_equal(shale_reader_count_pages(reader, 0, 0, &total, NULL), SHALE_OK);
    assert_int_equal(total.n_data, 17);
    shale_reader_free(reader);
    shale_buf_fini(&bytes);
    shale_buf_fini(&body);
}

static void test_decimal_bounds(void **state)
{
    static const struct {
        struct shale_str value;
        bool good;
        int64_t number;
    } cases[] = {
        {{"\x01", 1}, true, 1},
        {{"\xff", 1}, true, -1},
        {{"\x80\0", 2}, true, -32768},
        {{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x7f", 19}, true, 127},
        {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 18},
         true,
         -2},
        {{"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 17}, false, 0},
        {{"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17}, false, 0},
        {{"", 0}, false, 0},
    };
    static const struct shale_type type = {.kind = SHALE_DECIMAL, .precision = 38};
    static const struct shale_file_leaf leaf = {.type = &type};
    struct shale_file_node node = {.physical = SHALE_PHYSICAL_BYTE_ARRAY};
    struct shale_bound_value value;
    shale_i128 number;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(shale_bound_value_of(&leaf, &node, cases[i].value, &value), cases[i].good);
        memcpy(&number, value.data, sizeof number);
        if (cases[i].good)
            assert_true(number == cases[i].number);
    }
    node.physical = SHALE_PHYSICAL_INT32;
    assert_true(
        shale_bound_value_of(&leaf, &node, (struct shale_str){"\xfe\xff\xff\xff", 4}, &value));
    memcpy(&number, value.data, sizeof number);
    assert_true(number == -2);
    assert_false(shale_bound_value_of(&leaf, &node, (struct shale_str){"12345", 5}, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_index),   cmocka_unit_test(test_bad_indexes),
        cmocka_unit_test(test_flipped_bits),   cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_bloom_filters),  cmocka_unit_test(test_counting_pages),
        cmocka_unit_test(test_decimal_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
