/* SPDX-License-Identifier: MIT */
/* parquet/prune and parquet/filter: a scan with conditions against looking at every row, and what
 * it does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "made_pages.h"
#include "parquet/bloom.h"
#include "parquet/reader.h"
#include "scratch.h"

enum { N_GROUPS = 3, GROUP_ROWS = 400, N_ROWS = N_GROUPS * GROUP_ROWS, PAGE_ROWS = 50 };
enum { K, S, D, B, N_COLUMNS };

/* k: ascending, with a page index; s: in a dictionary, some null; d: with a bloom filter, some
 * null; b: a bit. */
static const struct made_element elements[] = {
    {"schema", 0, -1, 0, N_COLUMNS, -1, 0, 0, 0},
    {"k", 0, SHALE_PHYSICAL_INT32, 0, 0, -1, 0, 0, 0},
    {"s", 1, SHALE_PHYSICAL_BYTE_ARRAY, 0, 0, SHALE_CONVERTED_UTF8, 0, 0, 0},
    {"d", 1, SHALE_PHYSICAL_DOUBLE, 0, 0, -1, 0, 0, 0},
    {"b", 0, SHALE_PHYSICAL_BOOLEAN, 0, 0, -1, 0, 0, 0},
};

static struct model {
    int32_t k[N_ROWS];
    unsigned s[N_ROWS]; /* of texts, 0: null */
    double d[N_ROWS];
    bool d_null[N_ROWS], b[N_ROWS];
} model;

static const char *const texts[] = {NULL, "", "alpha", "beta", "gamma", "delta"};

static uint64_t state;

static unsigned pick(unsigned n)
{
    return (unsigned)(scratch_random(&state) >> 33) % n;
}

static void make_model(void)
{
    static const double special[] = {0.0, -0.0, NAN, INFINITY};
    for (unsigned i = 0; i < N_ROWS; i++) {
        model.k[i] = (int32_t)i * 2 / 3 - 100;
        /* "delta" is in the last row group alone. */
        model.s[i] = pick(i < N_ROWS - GROUP_ROWS ? 5 : 6);
        model.d[i] = pick(10) == 0 ? special[pick(4)] : (double)pick(60);
        model.d_null[i] = pick(4) == 0;
        model.b[i] = pick(50) == 0;
    }
}

/* ---- The file ---------------------------------------------------------------------------------
 */

static void make_k(struct made_file *file, unsigned row)
{
    struct made_chunk *chunk = made_chunk(file, K);
    for (unsigned i = row; i < row + GROUP_ROWS; i += PAGE_ROWS)
        made_page(file, chunk,
                  &(struct made_data){.n_values = PAGE_ROWS,
                                      .first_row = i - row,
                                      .values = {(const char *)&model.k[i], PAGE_ROWS * 4}});
    chunk->n_nulls = 0;
    chunk->minimum = (struct shale_str){(const char *)&model.k[row], 4};
    chunk->maximum = (struct shale_str){(const char *)&model.k[row + GROUP_ROWS - 1], 4};
}

static void make_s(struct made_file *file, unsigned row)
{
    struct made_chunk *chunk = made_chunk(file, S);
    unsigned n_texts = row == N_ROWS - GROUP_ROWS ? 5 : 4;
    struct shale_buf values;
    uint32_t numbers[GROUP_ROWS];
    uint8_t levels[GROUP_ROWS];
    size_t n = 0;
    shale_buf_init(&values, &shale_mem_libc, 1 << 20);
    for (unsigned t = 1; t <= n_texts; t++) {
        uint32_t length = (uint32_t)strlen(texts[t]);
        made_append(&values, &length, 4);
        made_append(&values, texts[t], length);
    }
    made_page(file, chunk,
              &(struct made_data){.page_type = SHALE_PAGE_DICTIONARY,
                                  .n_values = (int32_t)n_texts,
                                  .values = shale_buf_str(&values)});
    for (unsigned i = 0; i < GROUP_ROWS; i++) {
        levels[i] = model.s[row + i] != 0;
        if (levels[i])
            numbers[n++] = model.s[row + i] - 1;
    }
    shale_buf_reset(&values);
    made_ok(shale_buf_append_byte(&values, 3));
    made_ok(shale_rle_indexes(&values, numbers, n, 3));
    made_page(file, chunk,
              &(struct made_data){.encoding = SHALE_ENCODING_RLE_DICTIONARY,
                                  .n_values = GROUP_ROWS,
                                  .definitions = levels,
                                  .max_definition = 1,
                                  .values = shale_buf_str(&values)});
    chunk->n_dictionary_pages = 1;
    shale_buf_fini(&values);
}

static void make_d(struct made_file *file, unsigned row)
{
    struct made_chunk *chunk = made_chunk(file, D);
    double values[GROUP_ROWS];
    uint8_t levels[GROUP_ROWS];
    size_t n = 0;
    for (unsigned i = 0; i < GROUP_ROWS; i++) {
        levels[i] = !model.d_null[row + i];
        if (levels[i])
            values[n++] = model.d[row + i];
    }
    made_page(file, chunk,
              &(struct made_data){.n_values = GROUP_ROWS,
                                  .definitions = levels,
                                  .max_definition = 1,
                                  .values = {(const char *)values, n * 8}});
}

static void make_b(struct made_file *file, unsigned row)
{
    uint8_t bits[GROUP_ROWS / 8] = {0};
    for (unsigned i = 0; i < GROUP_ROWS; i++)
        bits[i / 8] |= (uint8_t)(model.b[row + i] << (i % 8));
    made_page(
        file, made_chunk(file, B),
        &(struct made_data){.n_values = GROUP_ROWS, .values = {(const char *)bits, sizeof(bits)}});
}

/* BloomFilterHeader, then the filter. */
static void make_bloom(struct made_file *file, struct made_chunk *chunk, unsigned row)
{
    struct shale_bloom bloom;
    struct shale_str filter;
    struct shale_thrift t;
    shale_bloom_init(&bloom, &shale_mem_libc);
    made_ok(shale_bloom_begin(&bloom));
    for (unsigned i = row; i < row + GROUP_ROWS; i++)
        if (!model.d_null[i])
            shale_bloom_put(&bloom, shale_bloom_hash(&model.d[i], 8));
    filter = shale_bloom_finish(&bloom, 100);
    chunk->bloom_at = (int64_t)file->bytes.n_bytes;
    shale_thrift_init(&t, &file->bytes);
    shale_thrift_i32(&t, 1, (int32_t)filter.n_bytes);
    for (int16_t id = 2; id <= 4; id++) { /* split block, xxHash, uncompressed: unions */
        shale_thrift_struct(&t, id);
        shale_thrift_struct(&t, 1);
        shale_thrift_end(&t);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    made_ok(t.status);
    made_append(&file->bytes, filter.data, filter.n_bytes);
    chunk->bloom_bytes = (int32_t)((int64_t)file->bytes.n_bytes - chunk->bloom_at);
    shale_bloom_fini(&bloom);
}

static void make_indexes(struct made_file *file)
{
    for (unsigned g = 0; g < N_GROUPS; g++) {
        struct made_chunk *chunks = &file->chunks[g * MADE_LEAVES];
        int32_t minima[GROUP_ROWS / PAGE_ROWS], maxima[GROUP_ROWS / PAGE_ROWS];
        for (unsigned p = 0; p < GROUP_ROWS / PAGE_ROWS; p++) {
            minima[p] = model.k[g * GROUP_ROWS + p * PAGE_ROWS];
            maxima[p] = model.k[g * GROUP_ROWS + p * PAGE_ROWS + PAGE_ROWS - 1];
        }
        made_offset_index(file, &chunks[K]);
        made_column_index(file, &chunks[K], (const char *)minima, (const char *)maxima, 4);
        make_bloom(file, &chunks[D], g * GROUP_ROWS);
    }
}

static void make_file(struct made_file *file, bool indexes)
{
    state = 11;
    make_model();
    made_init(file, elements, sizeof elements / sizeof *elements);
    for (unsigned g = 0; g < N_GROUPS; g++) {
        made_group(file, GROUP_ROWS);
        make_k(file, g * GROUP_ROWS);
        make_s(file, g * GROUP_ROWS);
        make_d(file, g * GROUP_ROWS);
        make_b(file, g * GROUP_ROWS);
    }
    if (indexes)
        make_indexes(file);
    (void)made_finish(file);
}

/* ---- Looking at every row ---------------------------------------------------------------------
 */

static bool meets(const struct shale_scan_condition *condition, unsigned i)
{
    struct shale_str value = condition->value;
    double d;
    int32_t k;
    switch (condition->column) {
    case K:
        if (condition->is_null)
            return false;
        memcpy(&k, value.data, 4);
        return model.k[i] == k;
    case S:
        if (condition->is_null || model.s[i] == 0)
            return condition->is_null && model.s[i] == 0;
        return shale_str_is(value, texts[model.s[i]]);
    case D:
        if (condition->is_null || model.d_null[i])
            return condition->is_null && model.d_null[i];
        memcpy(&d, value.data, 8);
        return model.d[i] == d || (isnan(d) && isnan(model.d[i]));
    default:
        return !condition->is_null && model.b[i] == (value.data[0] != 0);
    }
}

static unsigned check(struct memory_file *memory, const struct shale_scan_condition *where,
                      size_t n_where, int64_t batch_rows)
{
    static const size_t wanted[] = {K};
    struct shale_scan_options options = {.columns = wanted,
                                         .n_columns = 1,
                                         .where = where,
                                         .n_where = n_where,
                                         .batch_rows = batch_rows};
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    unsigned n_found = 0, at = 0;
    assert_int_equal(shale_reader_open(&shale_mem_libc, &memory->random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    memory->n_read = 0;
    assert_int_equal(shale_scan_new(reader, &options, &scan, NULL), SHALE_OK);
    for (;;) {
        assert_int_equal(shale_scan_next(scan, &rows, NULL), SHALE_OK);
        unsigned end = rows != NULL ? (unsigned)rows->first_row : N_ROWS;
        for (; at < end; at++) { /* left out */
            bool all = true;
            for (size_t w = 0; w < n_where; w++)
                all = all && meets(&where[w], at);
            assert_false(all);
        }
        if (rows == NULL)
            break;
        for (int64_t i = 0; i < rows->n_rows; i++, at++) {
            bool all = true;
            for (size_t w = 0; w < n_where; w++)
                all = all && meets(&where[w], at);
            assert_int_equal(shale_bit(rows->selected, i), all);
            assert_int_equal(((const int32_t *)rows->columns[0].data)[i], model.k[at]);
            n_found += all;
        }
    }
    assert_int_equal(shale_scan_skip(scan, 1, NULL), n_where > 0 ? SHALE_USAGE : SHALE_OK);
    shale_scan_free(scan);
    shale_reader_free(reader);
    return n_found;
}

static void against_every_row(void **ctx)
{
    static const double numbers[] = {7, 0.0, -0.0, NAN, INFINITY, 99, 7.5};
    static const char bits[2] = {0, 1};
    (void)ctx;
    for (int indexes = 0; indexes < 2; indexes++) {
        struct made_file file;
        struct memory_file memory;
        make_file(&file, indexes);
        memory = memory_file_of(file.bytes.data, file.bytes.n_bytes);
        for (unsigned round = 0; round < 600; round++) {
            struct shale_scan_condition where[3];
            int32_t k[3];
            size_t n = 1 + pick(3);
            for (size_t w = 0; w < n; w++) {
                unsigned column = pick(N_COLUMNS);
                where[w] = (struct shale_scan_condition){column, pick(6) == 0, {NULL, 0}};
                k[w] = (int32_t)pick(N_ROWS) - 150;
                if (column == K)
                    where[w].value = (struct shale_str){(const char *)&k[w], 4};
                else if (column == S)
                    where[w].value = shale_str_of(texts[1 + pick(5)]);
                else if (column == D)
                    where[w].value = (struct shale_str){(const char *)&numbers[pick(7)], 8};
                else
                    where[w].value = (struct shale_str){&bits[pick(2)], 1};
            }
            (void)check(&memory, where, n, 1 + (int64_t)pick(300));
        }
        made_fini(&file);
    }
}

/* What is found without reading pages is not read. */
static void left_out(void **ctx)
{
    struct made_file file;
    struct memory_file memory;
    int32_t outside = 100000, inside = 120;
    double absent = 99.25;
    struct shale_scan_condition k = {K, false, {(const char *)&outside, 4}};
    struct shale_scan_condition d = {D, false, {(const char *)&absent, 8}};
    struct shale_scan_condition s = {S, false, SHALE_STR("delta")};
    (void)ctx;
    make_file(&file, true);
    memory = memory_file_of(file.bytes.data, file.bytes.n_bytes);
    assert_int_equal(check(&memory, &k, 1, 0), 0); /* by statistics */
    assert_int_equal(memory.n_read, 0);
    assert_int_equal(check(&memory, &d, 1, 0), 0);     /* by the bloom filter alone */
    assert_in_range(memory.n_read, 1, N_GROUPS * 500); /* its header and a block; no page */
    k.value.data = (const char *)&inside; /* of one row group, whose chunk is read at once */
    assert_int_not_equal(check(&memory, &k, 1, 0), 0);
    assert_in_range(memory.n_read, 1, 2 * file.chunks[K].end);
    assert_int_not_equal(check(&memory, &s, 1, 0), 0);
    /* A value that does not fit its column's type. */
    k.value.n_bytes = 3;
    struct shale_reader *reader;
    struct shale_scan *scan;
    assert_int_equal(shale_reader_open(&shale_mem_libc, &memory.random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){.where = &k, .n_where = 1},
                                    &scan, NULL),
                     SHALE_USAGE);
    shale_reader_free(reader);
    made_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_every_row),
        cmocka_unit_test(left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
