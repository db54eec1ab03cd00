/* SPDX-License-Identifier: MIT */
/* parquet/scan on flat columns: every encoding of every physical type, with and without nulls, in
 * both kinds of pages; conversions; skipping; what is damaged, too large or without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/checked.h"
#include "made_pages.h"
#include "parquet/delta.h"
#include "parquet/reader.h"
#include "parquet/split.h"
#include "scratch.h"

enum { N_ROWS = 700, MOST_TEXT = 40, N_DISTINCT = 23 };

/* ---- Values -----------------------------------------------------------------------------------
 */

/* Of each row whether it is null, and its value as PLAIN (a BYTE_ARRAY without its length, a
 * BOOLEAN as a byte). */
struct model {
    int physical;
    size_t width; /* of a value; 0: BYTE_ARRAY */
    bool optional, null[N_ROWS];
    unsigned number[N_ROWS]; /* of N_DISTINCT values */
    char values[N_DISTINCT][MOST_TEXT];
    size_t n_bytes[N_DISTINCT];
};

static uint64_t state;

static unsigned pick(unsigned n)
{
    return (unsigned)(scratch_random(&state) >> 33) % n;
}

static const size_t widths[] = {1, 4, 8, 12, 4, 8, 0, 5};

/* 'nulls': 0 none (required), 1 none, 2 some, 3 all. */
static void make_model(struct model *model, int physical, int nulls)
{
    *model = (struct model){.physical = physical, .width = widths[physical], .optional = nulls > 0};
    for (unsigned k = 0; k < N_DISTINCT; k++) {
        model->n_bytes[k] = model->width > 0 ? model->width : pick(MOST_TEXT);
        for (size_t i = 0; i < model->n_bytes[k]; i++)
            model->values[k][i] = (char)pick(256);
        if (physical == SHALE_PHYSICAL_BOOLEAN)
            model->values[k][0] = (char)(k % 2);
        if (physical == SHALE_PHYSICAL_INT96) { /* a day that nanoseconds reach */
            int32_t day = 2440588 + (int32_t)pick(50000);
            memcpy(model->values[k] + 8, &day, 4);
            memset(model->values[k] + 5, 0, 3);
        }
    }
    for (unsigned i = 0; i < N_ROWS; i++) {
        model->null[i] = nulls == 3 || (nulls == 2 && pick(3) == 0);
        model->number[i] = i > 0 && pick(2) == 0 ? model->number[i - 1] : pick(N_DISTINCT);
    }
}

static void append_plain(struct shale_buf *out, const struct model *model, unsigned k)
{
    uint32_t length = (uint32_t)model->n_bytes[k];
    if (model->width == 0)
        made_append(out, &length, 4);
    made_append(out, model->values[k], model->n_bytes[k]);
}

static void pack_bits(struct shale_buf *values)
{
    size_t n = values->n_bytes;
    for (size_t i = 0; i < n; i++) {
        char bit = (char)(values->data[i] << (i % 8));
        values->data[i / 8] = (char)(i % 8 == 0 ? bit : values->data[i / 8] | bit);
    }
    values->n_bytes = (n + 7) / 8;
}

static void encode_dictionary(struct shale_buf *out, const uint32_t *numbers, size_t n)
{
    made_ok(shale_buf_append_byte(out, 5));
    made_ok(shale_rle_indexes(out, numbers, n, 5));
}

static void encode_other(struct shale_buf *out, const struct model *model, int encoding,
                         struct shale_buf *plain, size_t n)
{
    struct shale_buf scratch;
    uint32_t length;
    shale_buf_init(&scratch, &shale_mem_libc, 1 << 20);
    switch (encoding) {
    case SHALE_ENCODING_RLE:
        made_append(out, &length, 4);
        made_ok(shale_rle_levels(out, (uint8_t *)plain->data, n, 1));
        length = (uint32_t)out->n_bytes - 4;
        memcpy(out->data, &length, 4);
        break;
    case SHALE_ENCODING_DELTA_BINARY_PACKED:
        made_ok(model->width == 4 ? shale_delta_i32(out, (int32_t *)(void *)plain->data, n)
                                  : shale_delta_i64(out, (int64_t *)(void *)plain->data, n));
        break;
    case SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        made_ok(shale_delta_lengths(out, shale_buf_str(plain), n, &scratch));
        break;
    case SHALE_ENCODING_DELTA_BYTE_ARRAY:
        made_ok(shale_delta_prefixes(out, shale_buf_str(plain), model->width, n, &scratch));
        break;
    default:
        made_ok(shale_buf_reserve(out, plain->n_bytes + 1));
        shale_split_write(plain->data, model->width, n, out->data);
        out->n_bytes = plain->n_bytes;
        break;
    }
    shale_buf_fini(&scratch);
}

/* The values of rows 'begin' to 'end' that are not null. */
static void encode(struct shale_buf *out, const struct model *model, int encoding, unsigned begin,
                   unsigned end)
{
    struct shale_buf plain;
    uint32_t numbers[N_ROWS];
    size_t n = 0;
    shale_buf_init(&plain, &shale_mem_libc, 1 << 20);
    for (unsigned i = begin; i < end; i++)
        if (!model->null[i]) {
            append_plain(&plain, model, model->number[i]);
            numbers[n++] = model->number[i];
        }
    shale_buf_reset(out);
    if (encoding == SHALE_ENCODING_PLAIN) {
        if (model->physical == SHALE_PHYSICAL_BOOLEAN)
            pack_bits(&plain);
        made_append(out, plain.data != NULL ? plain.data : "", plain.n_bytes);
    } else if (n > 0 && (encoding == SHALE_ENCODING_RLE_DICTIONARY ||
                         encoding == SHALE_ENCODING_PLAIN_DICTIONARY)) {
        encode_dictionary(out, numbers, n);
    } else if (n > 0) {
        encode_other(out, model, encoding, &plain, n);
    }
    shale_buf_fini(&plain);
}

/* ---- Files ------------------------------------------------------------------------------------
 */

struct shape {
    int encoding, page_type;
    bool packed_levels, crc, index;
};

static void make_dictionary(struct made_file *file, struct made_chunk *chunk,
                            const struct model *model, bool crc)
{
    struct shale_buf values;
    struct made_data data = {.page_type = SHALE_PAGE_DICTIONARY,
                             .encoding = SHALE_ENCODING_PLAIN,
                             .n_values = N_DISTINCT,
                             .crc = crc};
    shale_buf_init(&values, &shale_mem_libc, 1 << 20);
    for (unsigned k = 0; k < N_DISTINCT; k++)
        append_plain(&values, model, k);
    data.values = shale_buf_str(&values);
    made_page(file, chunk, &data);
    shale_buf_fini(&values);
}

/* Pages of 1 to 150 rows, some without any. */
static void make_chunk(struct made_file *file, struct made_chunk *chunk, const struct model *model,
                       const struct shape *shape)
{
    struct shale_buf values;
    uint8_t levels[N_ROWS];
    bool dictionary = shape->encoding == SHALE_ENCODING_RLE_DICTIONARY ||
                      shape->encoding == SHALE_ENCODING_PLAIN_DICTIONARY;
    shale_buf_init(&values, &shale_mem_libc, 1 << 20);
    if (dictionary)
        make_dictionary(file, chunk, model, shape->crc);
    for (unsigned row = 0, n; row < N_ROWS; row += n) {
        struct made_data data = {.page_type = shape->page_type,
                                 .first_row = row,
                                 .max_definition = model->optional,
                                 .packed_levels = shape->packed_levels,
                                 .crc = shape->crc};
        n = pick(10) == 0 ? 0 : 1 + pick(150);
        n = n > N_ROWS - row ? N_ROWS - row : n;
        /* A dictionary that became too large: PLAIN from there on. */
        data.encoding = dictionary && row > N_ROWS * 3 / 4 ? SHALE_ENCODING_PLAIN : shape->encoding;
        for (unsigned i = 0; i < n; i++)
            levels[i] = !model->null[row + i];
        encode(&values, model, data.encoding, row, row + n);
        data.n_values = data.n_rows = (int32_t)n;
        data.definitions = levels;
        data.values = shale_buf_str(&values);
        made_page(file, chunk, &data);
    }
    shale_buf_fini(&values);
}

static const struct made_element root = {"schema", 0, -1, 0, 1, -1, 0, 0, 0};

static size_t make_file(struct made_file *file, struct made_element elements[2],
                        const struct model *model, const struct shape *shape)
{
    struct made_chunk *chunk;
    elements[0] = root;
    elements[1] = (struct made_element){"c", model->optional, model->physical, 0, 0, -1, 0, 0, 0};
    if (model->physical == SHALE_PHYSICAL_FIXED)
        elements[1].type_length = 5;
    made_init(file, elements, 2);
    made_group(file, N_ROWS);
    chunk = made_chunk(file, 0);
    make_chunk(file, chunk, model, shape);
    if (shape->index)
        made_offset_index(file, chunk);
    return made_finish(file);
}

/* ---- Comparing --------------------------------------------------------------------------------
 */

static void check_value(const struct model *model, const struct shale_column *column, int64_t i,
                        size_t row)
{
    unsigned k = model->number[row];
    const char *value = model->values[k];
    assert_int_equal(shale_column_is_null(column, i), model->null[row]);
    if (model->null[row])
        return;
    if (model->physical == SHALE_PHYSICAL_BOOLEAN) {
        assert_int_equal(shale_bit(column->data, i), value[0]);
    } else if (model->physical == SHALE_PHYSICAL_INT96) {
        int64_t nanoseconds;
        int32_t day;
        memcpy(&nanoseconds, value, 8);
        memcpy(&day, value + 8, 4);
        assert_int_equal(((const int64_t *)column->data)[i],
                         (day - 2440588) * INT64_C(86400000000000) + nanoseconds);
    } else if (column->offsets != NULL) {
        assert_int_equal(column->offsets[i + 1] - column->offsets[i], model->n_bytes[k]);
        assert_memory_equal((const char *)column->data + column->offsets[i], value,
                            model->n_bytes[k]);
    } else {
        assert_memory_equal((const char *)column->data + (size_t)i * model->width, value,
                            model->width);
    }
}

static void check_rows(const struct model *model, const struct shale_rows *rows, int64_t row)
{
    const struct shale_column *column = rows->columns;
    int64_t n_nulls = 0;
    assert_int_equal(rows->first_row, row);
    assert_int_equal(column->n_rows, rows->n_rows);
    assert_true(row + rows->n_rows <= N_ROWS);
    for (int64_t i = 0; i < rows->n_rows; i++) {
        check_value(model, column, i, (size_t)(row + i));
        n_nulls += model->null[row + i];
    }
    assert_int_equal(column->n_nulls, n_nulls);
    if (column->offsets != NULL)
        assert_int_equal(column->offsets[0], 0);
}

static struct shale_reader *open_memory(struct memory_file *memory, size_t memory_bytes)
{
    struct shale_reader *reader;
    struct shale_reader_options options = {memory_bytes};
    assert_int_equal(shale_reader_open(&shale_mem_libc, &memory->random, &options, &reader, NULL),
                     SHALE_OK);
    return reader;
}

/* All rows in batches, or with some skipped between them. */
static void check_scan(const struct shale_reader *reader, const struct model *model,
                       int64_t batch_rows, unsigned skips)
{
    struct shale_scan_options options = {.batch_rows = batch_rows};
    const struct shale_rows *rows;
    struct shale_scan *scan;
    int64_t row = 0;
    assert_int_equal(shale_scan_new(reader, &options, &scan, NULL), SHALE_OK);
    for (;;) {
        int64_t n = skips > 0 && pick(2) == 0 ? pick(skips) : 0;
        assert_int_equal(shale_scan_skip(scan, n, NULL), SHALE_OK);
        row += n;
        assert_int_equal(shale_scan_next(scan, &rows, NULL), SHALE_OK);
        if (rows == NULL)
            break;
        assert_true(rows->n_rows <= batch_rows);
        check_rows(model, rows, row);
        row += rows->n_rows;
    }
    assert_true(row >= N_ROWS);
    shale_scan_free(scan);
}

static void check_shape(int physical, int nulls, const struct shape *shape)
{
    static const int64_t batches[] = {1, 7, 64, 129, 100000};
    struct made_element elements[2];
    struct made_file file;
    struct model *model = malloc(sizeof(*model));
    struct memory_file memory;
    struct shale_reader *reader;
    make_model(model, physical, nulls);
    (void)make_file(&file, elements, model, shape);
    memory = memory_file_of(file.bytes.data, file.bytes.n_bytes);
    reader = open_memory(&memory, 0);
    for (size_t i = 0; i < 5; i++) {
        check_scan(reader, model, batches[i], 0);
        check_scan(reader, model, batches[i], 100);
        check_scan(reader, model, batches[i], 600);
    }
    shale_reader_free(reader);
    made_fini(&file);
    free(model);
}

static void every_encoding(void **ctx)
{
    static const struct {
        int encoding;
        unsigned physicals; /* a bit each */
    } encodings[] = {
        {SHALE_ENCODING_PLAIN, 0xff},
        {SHALE_ENCODING_PLAIN_DICTIONARY, 0xfe},
        {SHALE_ENCODING_RLE_DICTIONARY, 0xfe},
        {SHALE_ENCODING_RLE, 1u << SHALE_PHYSICAL_BOOLEAN},
        {SHALE_ENCODING_DELTA_BINARY_PACKED, 6},
        {SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY, 1u << SHALE_PHYSICAL_BYTE_ARRAY},
        {SHALE_ENCODING_DELTA_BYTE_ARRAY,
         1u << SHALE_PHYSICAL_BYTE_ARRAY | 1u << SHALE_PHYSICAL_FIXED},
        {SHALE_ENCODING_BYTE_STREAM_SPLIT, 0xb6},
    };
    (void)ctx;
    for (size_t e = 0; e < sizeof encodings / sizeof *encodings; e++)
        for (int physical = 0; physical < 8; physical++)
            for (int k = 0; k < 4 * 6 && (encodings[e].physicals >> physical & 1) != 0; k++) {
                int form = k / 4;
                struct shape shape = {encodings[e].encoding,
                                      form >= 3 ? SHALE_PAGE_DATA_V2 : SHALE_PAGE_DATA, form == 2,
                                      form % 3 == 1, form == 1 || form == 4};
                state = e * 1000 + (uint64_t)physical * 100 + (uint64_t)k + 1;
                check_shape(physical, k % 4, &shape);
            }
}

/* ---- Conversions ------------------------------------------------------------------------------
 */

/* One page of PLAIN values of a required column. */
static void read_plain(const struct made_element *element, const void *values, size_t n_bytes,
                       int32_t n, enum shale_status expected, const void *out, size_t out_bytes)
{
    struct made_element elements[2] = {root, *element};
    struct made_file file;
    struct made_chunk *chunk;
    struct made_data data = {
        .encoding = SHALE_ENCODING_PLAIN, .n_values = n, .values = {values, n_bytes}};
    struct memory_file memory;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    made_init(&file, elements, 2);
    made_group(&file, n);
    chunk = made_chunk(&file, 0);
    made_page(&file, chunk, &data);
    (void)made_finish(&file);
    memory = memory_file_of(file.bytes.data, file.bytes.n_bytes);
    reader = open_memory(&memory, 0);
    assert_int_equal(shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL),
                     SHALE_OK);
    assert_int_equal(shale_scan_next(scan, &rows, NULL), expected);
    if (expected == SHALE_OK)
        assert_memory_equal(rows->columns->data, out, out_bytes);
    /* A failure is final. */
    assert_int_equal(shale_scan_next(scan, &rows, NULL), expected);
    shale_scan_free(scan);
    shale_reader_free(reader);
    made_fini(&file);
}

static void conversions(void **ctx)
{
    static const int32_t small[2] = {-7, 2000000};
    static const int64_t large[2] = {-7, 2000000};
    static const shale_i128 huge[2] = {-7, 2000000};
    static const char fixed[6] = {-1, -1, -7, 0x1e, -124, -128}; /* 3 bytes each */
    static const shale_i128 from_fixed[2] = {-7, 2000000};
    static const char bytes[] = "\1\0\0\0\xf9\4\0\0\0\0\x1e\x84\x80";
    static const char longer[] = "\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5";
    static const char too_long[] = "\x12\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5";
    static const shale_i128 five = 5;
    char far_away[12] = {0};
    int32_t far_day = INT32_MAX;
    struct made_element e = {"c", 0, SHALE_PHYSICAL_INT32, 0, 0, 7 /* TIME_MILLIS */, 0, 0, 0};
    (void)ctx;
    read_plain(&e, small, 8, 2, SHALE_OK, large, 16);
    e = (struct made_element){"c", 0, SHALE_PHYSICAL_INT32, 0, 0, SHALE_CONVERTED_DECIMAL, 9, 2, 0};
    read_plain(&e, small, 8, 2, SHALE_OK, huge, 32);
    e.physical = SHALE_PHYSICAL_INT64;
    read_plain(&e, large, 16, 2, SHALE_OK, huge, 32);
    e.physical = SHALE_PHYSICAL_FIXED;
    e.type_length = 3;
    e.precision = 6;
    read_plain(&e, fixed, 6, 2, SHALE_OK, from_fixed, 32);
    e.physical = SHALE_PHYSICAL_BYTE_ARRAY;
    read_plain(&e, bytes, sizeof(bytes) - 1, 2, SHALE_OK, huge, 32);
    read_plain(&e, longer, sizeof(longer) - 1, 1, SHALE_OK, &five, 16);
    read_plain(&e, too_long, sizeof(too_long) - 1, 1, SHALE_CORRUPT, NULL, 0);
    e = (struct made_element){"c", 0, SHALE_PHYSICAL_FIXED, 16, 0, -1, 0, 0, SHALE_LOGICAL_UUID};
    read_plain(&e, "0123456789abcdef", 16, 1, SHALE_OK, "0123456789abcdef", 16);
    e = (struct made_element){"c", 0, SHALE_PHYSICAL_INT96, 0, 0, -1, 0, 0, 0};
    memcpy(far_away + 8, &far_day, 4);
    read_plain(&e, far_away, 12, 1, SHALE_CORRUPT, NULL, 0);
}

/* ---- What is wrong ----------------------------------------------------------------------------
 */

/* Open and read all that there is, with little memory. */
static enum shale_status read_all(const struct shale_mem *mem, const char *data, size_t n_bytes,
                                  size_t memory_bytes, int64_t *n_rows)
{
    struct memory_file memory = memory_file_of(data, n_bytes);
    struct shale_reader_options options = {memory_bytes};
    struct shale_reader *reader = NULL;
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows = NULL;
    enum shale_status status;
    struct shale_err err;
    shale_err_clear(&err);
    *n_rows = 0;
    status = shale_reader_open(mem, &memory.random, &options, &reader, &err);
    if (status == SHALE_OK)
        status =
            shale_scan_new(reader, &(struct shale_scan_options){.batch_rows = 100}, &scan, &err);
    while (status == SHALE_OK && *n_rows < 10000) {
        status = shale_scan_next(scan, &rows, &err);
        if (status != SHALE_OK || rows == NULL)
            break;
        *n_rows += rows->n_rows;
    }
    assert_true((status == SHALE_OK) == (err.code == SHALE_E_none));
    shale_scan_free(scan);
    shale_reader_free(reader);
    return status;
}

static void make_small(struct made_file *file, struct made_element elements[2], bool crc,
                       int physical, int encoding)
{
    struct model *model = malloc(sizeof(*model));
    struct shape shape = {encoding, crc ? SHALE_PAGE_DATA : SHALE_PAGE_DATA_V2, false, crc, !crc};
    state = 5;
    make_model(model, physical, 2);
    (void)make_file(file, elements, model, &shape);
    free(model);
}

static void truncated(void **ctx)
{
    struct made_element elements[2];
    struct made_file file;
    int64_t n_rows;
    (void)ctx;
    make_small(&file, elements, true, SHALE_PHYSICAL_BYTE_ARRAY, SHALE_ENCODING_RLE_DICTIONARY);
    for (size_t n = 0; n < file.bytes.n_bytes; n++) {
        char *copy = malloc(n + 1); /* so that a read behind the end is seen */
        memcpy(copy, file.bytes.data, n);
        assert_int_not_equal(read_all(&shale_mem_libc, copy, n, 1 << 22, &n_rows), SHALE_OK);
        free(copy);
    }
    made_fini(&file);
}

static const struct made_page *largest_page(const struct made_chunk *chunk)
{
    const struct made_page *page = &chunk->pages[0];
    for (size_t i = 1; i < chunk->n_pages; i++)
        if (chunk->pages[i].body_bytes > page->body_bytes)
            page = &chunk->pages[i];
    return page;
}

/* Every bit of a file: rows or an error.  A bit in a body with a checksum is found. */
static void flipped(void **ctx)
{
    static const int encodings[][2] = {
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_ENCODING_RLE_DICTIONARY},
        {SHALE_PHYSICAL_INT64, SHALE_ENCODING_DELTA_BINARY_PACKED},
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_ENCODING_DELTA_BYTE_ARRAY},
        {SHALE_PHYSICAL_DOUBLE, SHALE_ENCODING_BYTE_STREAM_SPLIT},
        {SHALE_PHYSICAL_BOOLEAN, SHALE_ENCODING_RLE},
    };
    int64_t n_rows;
    (void)ctx;
    for (size_t e = 0; e < 5; e++)
        for (int crc = 0; crc < 2; crc++) {
            struct made_element elements[2];
            struct made_file file;
            const struct made_page *page;
            make_small(&file, elements, crc, encodings[e][0], encodings[e][1]);
            page = largest_page(&file.chunks[0]);
            for (size_t i = 0; i < file.bytes.n_bytes; i++)
                for (int bit = 0; bit < 8; bit++) {
                    enum shale_status status;
                    file.bytes.data[i] = (char)(file.bytes.data[i] ^ 1 << bit);
                    status = read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 1 << 22,
                                      &n_rows);
                    if (crc && i >= page->body_at && i < page->body_at + page->body_bytes)
                        assert_int_equal(status, SHALE_CORRUPT);
                    file.bytes.data[i] = (char)(file.bytes.data[i] ^ 1 << bit);
                }
            assert_int_equal(
                read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 1 << 22, &n_rows),
                SHALE_OK);
            made_fini(&file);
        }
}

static void no_memory(void **ctx)
{
    static const int encodings[][2] = {
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_ENCODING_RLE_DICTIONARY},
        {SHALE_PHYSICAL_FIXED, SHALE_ENCODING_DELTA_BYTE_ARRAY},
        {SHALE_PHYSICAL_BOOLEAN, SHALE_ENCODING_PLAIN},
    };
    (void)ctx;
    for (size_t e = 0; e < 3; e++) {
        struct made_element elements[2];
        struct made_file file;
        enum shale_status status = SHALE_NOMEM;
        int64_t n_rows;
        make_small(&file, elements, true, encodings[e][0], encodings[e][1]);
        for (int n = 1; status == SHALE_NOMEM; n++) {
            struct failing_mem failing;
            assert_true(n < 1000);
            failing_mem_init(&failing, n);
            status = read_all(&failing.mem, file.bytes.data, file.bytes.n_bytes, 1 << 22, &n_rows);
            assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
        }
        assert_int_equal(status, SHALE_OK);
        assert_int_equal(n_rows, N_ROWS);
        made_fini(&file);
    }
}

/* A value of 3 MiB fits 16 MiB, one at a time, and not 2 MiB. */
static void large_values(void **ctx)
{
    enum { LENGTH = 3 << 20, N = 4 };
    struct made_element elements[2] = {root,
                                       {"c", 0, SHALE_PHYSICAL_BYTE_ARRAY, 0, 0, -1, 0, 0, 0}};
    struct made_file file;
    struct made_chunk *chunk;
    struct shale_buf values;
    uint32_t length = LENGTH;
    int64_t n_rows;
    (void)ctx;
    made_init(&file, elements, 2);
    made_group(&file, N);
    chunk = made_chunk(&file, 0);
    shale_buf_init(&values, &shale_mem_libc, 1 << 30);
    made_append(&values, &length, 4);
    made_ok(shale_buf_reserve(&values, LENGTH));
    memset(values.data + 4, 'x', LENGTH);
    values.n_bytes += LENGTH;
    for (int i = 0; i < N; i++)
        made_page(&file, chunk,
                  &(struct made_data){.n_values = 1, .values = shale_buf_str(&values)});
    (void)made_finish(&file);
    assert_int_equal(
        read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 16 << 20, &n_rows),
        SHALE_OK);
    assert_int_equal(n_rows, N);
    assert_int_equal(
        read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 2 << 20, &n_rows),
        SHALE_LIMIT);
    shale_buf_fini(&values);
    made_fini(&file);
}

/* The chunk's rows are those of its row group, neither more nor fewer. */
static void other_counts(void **ctx)
{
    (void)ctx;
    for (int d = -1; d <= 1; d++) {
        struct made_element elements[2] = {root, {"c", 0, SHALE_PHYSICAL_INT32, 0, 0, -1, 0, 0, 0}};
        static const int32_t values[4] = {1, 2, 3, 4};
        struct made_file file;
        struct made_chunk *chunk;
        int64_t n_rows;
        made_init(&file, elements, 2);
        made_group(&file, 3 + d);
        chunk = made_chunk(&file, 0);
        made_page(&file, chunk,
                  &(struct made_data){.n_values = 3, .values = {(const char *)values, 16}});
        (void)made_finish(&file);
        assert_int_equal(
            read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 1 << 22, &n_rows),
            d == 0 ? SHALE_OK : SHALE_CORRUPT);
        made_fini(&file);
    }
}

/* Rows are counted where no column is wanted, and a file may have none of both. */
static void no_columns(void **ctx)
{
    struct made_element elements[2];
    struct made_file file;
    struct memory_file memory;
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    size_t none = 0, outside = 1;
    int64_t n_rows = 0;
    (void)ctx;
    make_small(&file, elements, false, SHALE_PHYSICAL_INT32, SHALE_ENCODING_PLAIN);
    memory = memory_file_of(file.bytes.data, file.bytes.n_bytes);
    reader = open_memory(&memory, 0);
    assert_int_equal(
        shale_scan_new(reader, &(struct shale_scan_options){.columns = &none, .batch_rows = 100},
                       &scan, NULL),
        SHALE_OK);
    while (shale_scan_next(scan, &rows, NULL) == SHALE_OK && rows != NULL) {
        assert_int_equal(rows->n_columns, 0);
        n_rows += rows->n_rows;
    }
    assert_int_equal(n_rows, N_ROWS);
    shale_scan_free(scan);
    assert_int_equal(
        shale_scan_new(reader, &(struct shale_scan_options){.columns = &outside, .n_columns = 1},
                       &scan, NULL),
        SHALE_USAGE);
    shale_reader_free(reader);
    made_fini(&file);
    elements[0] = root;
    elements[0].n_children = 0;
    made_init(&file, elements, 1);
    (void)made_finish(&file);
    assert_int_equal(
        read_all(&shale_mem_libc, file.bytes.data, file.bytes.n_bytes, 1 << 22, &n_rows), SHALE_OK);
    assert_int_equal(n_rows, 0);
    made_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding), cmocka_unit_test(conversions),
        cmocka_unit_test(truncated),      cmocka_unit_test(flipped),
        cmocka_unit_test(no_memory),      cmocka_unit_test(large_values),
        cmocka_unit_test(other_counts),   cmocka_unit_test(no_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
