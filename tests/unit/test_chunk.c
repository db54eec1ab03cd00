/* SPDX-License-Identifier: MIT */
/* parquet/chunk, parquet/parquet: bytes that depend on values and options alone, when a dictionary
 * is used, and what a failure leaves.  That readers understand the bytes is for tests/interop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>

#include "base/hash.h"
#include "columns.h"
#include "parquet/parquet.h"
#include "scratch.h"

enum { N_ROWS = 1500 };

struct memory_sink {
    struct shale_sink sink;
    struct shale_buf bytes;
    size_t fails_at; /* the write that fails, 0: none */
};

static enum shale_status write_memory(struct shale_sink *sink, const void *data, size_t n_bytes,
                                      struct shale_err *err)
{
    struct memory_sink *memory = (struct memory_sink *)sink;
    (void)err;
    if (memory->fails_at > 0 && --memory->fails_at == 0)
        return SHALE_IO;
    return shale_buf_append(&memory->bytes, data, n_bytes);
}

static void sink_init(struct memory_sink *sink)
{
    *sink = (struct memory_sink){.sink = {write_memory}};
    shale_buf_init(&sink->bytes, &shale_mem_libc, 64 << 20);
}

/* One column of a list of batches. */
struct batch_stream {
    struct shale_column_stream stream;
    struct shale_batch *const *batches;
    size_t n, at, column;
    size_t fails_at;              /* the piece that fails, 0: none */
    struct shale_column nodes[2]; /* no deeper than a list of scalars */
};

static enum shale_status next_batch(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct batch_stream *batches = (struct batch_stream *)stream;
    (void)err;
    if (batches->fails_at > 0 && batches->at + 1 == batches->fails_at)
        return SHALE_CORRUPT;
    *out = NULL;
    if (batches->at < batches->n) {
        shale_batch_column(batches->batches[batches->at++], batches->column, batches->nodes);
        *out = batches->nodes;
    }
    return SHALE_OK;
}

static struct shale_batch *make_batch(const struct shale_schema *schema,
                                      void (*put)(struct shale_builder *builder, int64_t k),
                                      int64_t first, int64_t n)
{
    struct shale_builder *builder;
    struct shale_batch *batch;
    assert_int_equal(shale_builder_new(&shale_mem_libc, schema, &builder), SHALE_OK);
    for (int64_t k = first; k < first + n; k++) {
        put(builder, k);
        assert_int_equal(shale_builder_row(builder), SHALE_OK);
    }
    assert_int_equal(shale_builder_split(builder, NULL, 1, &batch), SHALE_OK);
    shale_builder_free(builder);
    return batch;
}

static struct shale_chunk_writer *new_writer(const struct shale_mem *mem)
{
    struct shale_chunk_writer *writer;
    assert_int_equal(shale_chunk_writer_new(mem, &writer), SHALE_OK);
    return writer;
}

/* ---- The same bytes
 * ------------------------------------------------------------------------------ */

static const struct shale_chunk_options small = {
    .codec = SHALE_CODEC_ZSTD, .page_bytes = 700, .dictionary_bytes = 2000, .kept_bytes = 300};

/* The file's column 'column' belongs to this definition of the schema. */
static const struct shale_column_def *def_of(size_t column)
{
    return &column_defs[column < COLUMN_PARTITION ? column : column + 1];
}

static enum shale_status write_chunk(struct shale_chunk_writer *writer,
                                     const struct shale_column_def *def,
                                     const struct shale_chunk_options *options,
                                     struct shale_column_stream *stream, struct memory_sink *sink,
                                     struct shale_chunk_meta *meta, struct shale_err *err)
{
    struct shale_leaf leaf;
    shale_leaf_first(def, &leaf);
    return shale_chunk_write(writer, &leaf, options, stream, &sink->sink, meta, err);
}

static void write_column(struct shale_chunk_writer *writer, struct shale_batch *const *batches,
                         size_t n, size_t column, struct memory_sink *sink,
                         struct shale_chunk_meta *meta)
{
    struct batch_stream stream = {.stream = {next_batch}, .batches = batches, .n = n};
    stream.column = column;
    sink_init(sink);
    assert_int_equal(write_chunk(writer, def_of(column), &small, &stream.stream, sink, meta, NULL),
                     SHALE_OK);
    assert_int_equal(meta->compressed_bytes, sink->bytes.n_bytes);
    assert_int_equal(meta->n_rows, N_ROWS);
}

static void check_same_bytes(struct shale_buf *a, struct shale_buf *b)
{
    assert_int_equal(a->n_bytes, b->n_bytes);
    if (a->n_bytes > 0)
        assert_memory_equal(a->data, b->data, a->n_bytes);
    shale_buf_fini(a);
    shale_buf_fini(b);
    a->mem = b->mem = NULL;
}

/* Frees both. */
static void check_same_meta(struct shale_chunk_meta *a, struct shale_chunk_meta *b)
{
    check_same_bytes(&a->pages, &b->pages);
    check_same_bytes(&a->histograms, &b->histograms);
    check_same_bytes(&a->bloom, &b->bloom);
    assert_memory_equal(a, b, sizeof(*a));
}

static void test_pieces_and_the_past_do_not_show(void **state)
{
    struct shale_chunk_writer *used = new_writer(&shale_mem_libc);
    struct shale_batch *whole = make_batch(&column_schema, put_columns, 0, N_ROWS), *pieces[215];
    (void)state;
    for (int64_t i = 0; i < 215; i++)
        pieces[i] = make_batch(&column_schema, put_columns, i * 7, i < 214 ? 7 : N_ROWS - 214 * 7);
    for (size_t c = 0; c < N_COLUMNS - 1; c++) {
        struct shale_chunk_writer *fresh = new_writer(&shale_mem_libc);
        struct shale_chunk_meta one = {0}, two = {0};
        struct memory_sink a, b;
        write_column(fresh, &whole, 1, c, &a, &one);
        write_column(used, pieces, 215, c, &b, &two);
        assert_int_equal(a.bytes.n_bytes, b.bytes.n_bytes);
        assert_memory_equal(a.bytes.data, b.bytes.data, a.bytes.n_bytes);
        check_same_meta(&one, &two);
        shale_buf_fini(&a.bytes);
        shale_buf_fini(&b.bytes);
        shale_chunk_writer_free(fresh);
    }
    for (size_t i = 0; i < 215; i++)
        shale_batch_free(&shale_mem_libc, pieces[i]);
    shale_batch_free(&shale_mem_libc, whole);
    shale_chunk_writer_free(used);
}

/* ---- When a dictionary is used
 * ------------------------------------------------------------------- */

static const struct shale_column_def string_def = {.name = {"s", 1},
                                                   .type = {.kind = SHALE_STRING}};
static const struct shale_schema string_schema = {&string_def, 1};

static void put_text(struct shale_builder *builder, int64_t number)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "a text with number %06d", (int)number);
    shale_builder_bytes(builder, 0, (struct shale_str){text, (size_t)n});
}

static void put_few(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k % 20);
}

static void put_unique(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k);
}

static void put_more_and_more(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k % (20 + k / 20));
}

/* 20 for long, then one that is new, then the 20 again. */
static void put_a_late_one(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k == 9000 ? 99 : k % 20);
}

/* New ones first, then one of them again and again. */
static void put_4096_new(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k < 4096 ? k : 7);
}

static void put_3800_new(struct shale_builder *builder, int64_t k)
{
    put_text(builder, k < 3800 ? k : 7);
}

/* Texts of 200 bytes: new ones first, 128 KiB with 642 of them, then those again. */
static void put_long(struct shale_builder *builder, int64_t k, int64_t n_new)
{
    char text[201];
    (void)snprintf(text, sizeof(text), "%0200d", (int)(k % n_new));
    shale_builder_bytes(builder, 0, (struct shale_str){text, 200});
}

static void put_642_long(struct shale_builder *builder, int64_t k)
{
    put_long(builder, k, 642);
}

static void put_600_long(struct shale_builder *builder, int64_t k)
{
    put_long(builder, k, 600);
}

static void put_null(struct shale_builder *builder, int64_t k)
{
    (void)k;
    shale_builder_null(builder, 0);
}

static struct shale_chunk_meta write_strings(void (*put)(struct shale_builder *builder, int64_t k),
                                             int64_t n, const struct shale_chunk_options *options)
{
    struct shale_batch *batch = make_batch(&string_schema, put, 0, n);
    struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
    struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
    struct shale_chunk_meta meta = {0};
    struct memory_sink sink;
    sink_init(&sink);
    assert_int_equal(write_chunk(writer, &string_def, options, &stream.stream, &sink, &meta, NULL),
                     SHALE_OK);
    assert_int_equal(meta.n_values, n);
    shale_buf_fini(&meta.pages);
    shale_buf_fini(&sink.bytes);
    shale_chunk_writer_free(writer);
    shale_batch_free(&shale_mem_libc, batch);
    return meta;
}

static void test_few_values_make_a_dictionary(void **state)
{
    const struct shale_chunk_options options = {.page_bytes = 10000};
    struct shale_chunk_meta meta = write_strings(put_few, 10000, &options);
    (void)state;
    assert_int_equal(meta.dictionary_page_at, 0);
    assert_true(meta.data_page_at > 20 * 29 && meta.data_page_at < 20 * 29 + 40);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 0);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY],
                     10000 / 345 + 1); /* of 29 bytes each */
    assert_true(meta.compressed_bytes < 10000);
}

static void test_unique_values_make_none(void **state)
{
    const struct shale_chunk_options options = {.page_bytes = 10000};
    struct shale_chunk_meta meta = write_strings(put_unique, 10000, &options);
    (void)state;
    assert_int_equal(meta.dictionary_page_at, -1);
    assert_int_equal(meta.data_page_at, 0);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 0);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 10000 / 345 + 1);
}

static void test_a_beginning_without_repeats(void **state)
{
    const struct shale_chunk_options options = {0};
    struct shale_chunk_meta meta = write_strings(put_4096_new, 20000, &options);
    (void)state;
    assert_int_equal(meta.dictionary_page_at, -1);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 1);
    meta = write_strings(put_3800_new, 20000, &options);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 1);
}

static void test_long_strings_without_repeats(void **state)
{
    const struct shale_chunk_options options = {0};
    struct shale_chunk_meta meta = write_strings(put_642_long, 5000, &options);
    (void)state;
    assert_int_equal(meta.dictionary_page_at, -1);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 1);
    meta = write_strings(put_600_long, 5000, &options);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 1);
}

static void test_a_full_dictionary_is_given_up(void **state)
{
    const struct shale_chunk_options options = {.page_bytes = 10000, .dictionary_bytes = 100 * 29};
    struct shale_chunk_meta meta = write_strings(put_more_and_more, 10000, &options);
    (void)state;
    assert_int_equal(meta.dictionary_page_at, 0);
    assert_in_range(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 3, 6);
    assert_in_range(meta.n_pages[SHALE_ENCODING_PLAIN], 23, 26);
    assert_true(meta.data_page_at > 100 * 29);
}

static void test_a_written_dictionary_takes_no_more(void **state)
{
    struct shale_chunk_options options = {.page_bytes = 10000, .kept_bytes = 2000};
    struct shale_chunk_meta meta = write_strings(put_few, 20000, &options);
    (void)state;
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 0); /* known values go on being indexes */
    meta = write_strings(put_a_late_one, 20000, &options);
    assert_in_range(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 26, 27);
    assert_true(meta.n_pages[SHALE_ENCODING_PLAIN] > 30);
    assert_memory_equal(meta.bounds.maximum, "a text with number 000099", 25);
    options.kept_bytes = 0;
    meta = write_strings(put_a_late_one, 20000, &options);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 0);
}

static const struct shale_column_def i64_def = {.name = {"n", 1}, .type = {.kind = SHALE_INT64}};
static const struct shale_schema i64_schema = {&i64_def, 1};
static int64_t colliding[400];

/* A third of 'colliding' four times, then all of it: the dictionary is wanted at first. */
static void put_colliding(struct shale_builder *builder, int64_t k)
{
    shale_builder_i64(builder, 0, colliding[k < 400 ? k % 100 : k % 400]);
}

/* Values made to meet in one slot of 1,024, and numbers that are too many for the dictionary's
 * bytes: PLAIN from there on, with bounds over all. */
static void test_fixed_width_is_given_up(void **state)
{
    struct shale_chunk_options options = {.page_bytes = 3200};
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct shale_batch *batch;
        struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
        struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
        struct shale_chunk_meta meta = {0};
        struct memory_sink sink;
        int64_t value = 0, maximum;
        for (size_t n = 0; n < 400; value++)
            if (round == 1 || ((uint32_t)shale_hash_u64((uint64_t)value, 8) & 1023) == 5)
                colliding[n++] = value;
        options.dictionary_bytes = round == 0 ? SIZE_MAX : 800; /* the first is cut to 2 GiB */
        batch = make_batch(&i64_schema, put_colliding, 0, 2000);
        sink_init(&sink);
        assert_int_equal(
            write_chunk(writer, &i64_def, &options, &stream.stream, &sink, &meta, NULL), SHALE_OK);
        assert_int_equal(meta.n_pages[SHALE_ENCODING_RLE_DICTIONARY], 1);
        assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 4);
        memcpy(&maximum, meta.bounds.maximum, sizeof(maximum));
        assert_int_equal(maximum, colliding[399]);
        shale_buf_fini(&sink.bytes);
        shale_chunk_writer_free(writer);
        shale_chunk_meta_fini(&meta);
        shale_batch_free(&shale_mem_libc, batch);
    }
}

static void test_only_nulls(void **state)
{
    const struct shale_chunk_options options = {0};
    struct shale_chunk_meta meta = write_strings(put_null, 150000, &options);
    (void)state;
    assert_int_equal(meta.n_nulls, 150000);
    assert_int_equal(meta.n_pages[SHALE_ENCODING_PLAIN], 3); /* 61,440 rows a page */
    assert_int_equal(meta.dictionary_page_at, -1);
    assert_false(meta.bounds.has_minimum || meta.bounds.has_maximum);
}

static void test_no_rows(void **state)
{
    struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
    struct batch_stream stream = {.stream = {next_batch}};
    struct shale_chunk_meta meta = {0};
    struct memory_sink sink;
    (void)state;
    sink_init(&sink);
    assert_int_equal(write_chunk(writer, &string_def, &small, &stream.stream, &sink, &meta, NULL),
                     SHALE_OK);
    assert_int_equal(meta.n_values, 0);
    assert_int_equal(sink.bytes.n_bytes, 0);
    shale_chunk_writer_free(writer);
    shale_chunk_meta_fini(&meta);
}

/* ---- Failures
 * ------------------------------------------------------------------------------------ */

static void test_sink_and_stream_failures_come_back(void **state)
{
    struct shale_batch *batch = make_batch(&string_schema, put_unique, 0, N_ROWS);
    struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
    (void)state;
    for (size_t i = 1; i <= 3; i++) {
        struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
        struct shale_chunk_meta meta = {0};
        struct memory_sink sink;
        sink_init(&sink);
        sink.fails_at = i < 3 ? i : 0;
        stream.fails_at = i < 3 ? 0 : 2;
        assert_int_equal(
            write_chunk(writer, &string_def, &small, &stream.stream, &sink, &meta, NULL),
            i < 3 ? SHALE_IO : SHALE_CORRUPT);
        shale_buf_fini(&sink.bytes);
        shale_chunk_meta_fini(&meta);
    }
    shale_chunk_writer_free(writer);
    shale_batch_free(&shale_mem_libc, batch);
}

static void put_far_away(struct shale_builder *builder, int64_t k)
{
    shale_builder_i64(builder, 0, k == 0 ? 0 : INT64_MAX);
}

static void test_int96_has_a_last_day(void **state)
{
    const struct shale_column_def def = {
        .name = {"t", 1},
        .type = {.kind = SHALE_TIMESTAMP, .unit = SHALE_MS, .int96 = true},
    };
    const struct shale_schema schema = {&def, 1};
    struct shale_batch *batch = make_batch(&schema, put_far_away, 0, 2);
    struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
    struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
    struct shale_chunk_meta meta = {0};
    struct memory_sink sink;
    struct shale_err err;
    (void)state;
    sink_init(&sink);
    shale_err_clear(&err);
    assert_int_equal(write_chunk(writer, &def, &small, &stream.stream, &sink, &meta, &err),
                     SHALE_SCHEMA);
    assert_string_equal(shale_error_name(err.code), "parquet_int96_range");
    shale_chunk_writer_free(writer);
    shale_chunk_meta_fini(&meta);
    shale_batch_free(&shale_mem_libc, batch);
}

struct one_column {
    struct shale_column_stream stream;
    const struct shale_column *column;
};

static enum shale_status next_column(struct shale_column_stream *stream,
                                     const struct shale_column **out, struct shale_err *err)
{
    struct one_column *one = (struct one_column *)stream;
    (void)err;
    *out = one->column;
    one->column = NULL;
    return SHALE_OK;
}

static enum shale_status write_one(int32_t n_bytes, struct shale_err *err)
{
    const int32_t offsets[] = {0, n_bytes};
    char *data =
        mmap(NULL, (size_t)n_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const struct shale_column column = {1, 0, NULL, offsets, data, NULL, NULL};
    struct one_column stream = {{next_column}, &column};
    struct shale_chunk_writer *writer = new_writer(&shale_mem_libc);
    struct shale_chunk_meta meta = {0};
    struct memory_sink sink;
    enum shale_status status;
    assert_true(data != MAP_FAILED);
    sink_init(&sink);
    status = write_chunk(writer, &string_def, &small, &stream.stream, &sink, &meta, err);
    shale_buf_fini(&sink.bytes);
    shale_chunk_writer_free(writer);
    shale_chunk_meta_fini(&meta);
    assert_int_equal(munmap(data, (size_t)n_bytes), 0);
    return status;
}

static void test_a_large_value_and_one_too_large(void **state)
{
    struct shale_err err;
    (void)state;
    shale_err_clear(&err);
    assert_int_equal(write_one(3 << 20, &err), SHALE_OK);
    assert_int_equal(write_one(INT32_MAX, &err), SHALE_LIMIT); /* zeros that take no memory */
    assert_string_equal(shale_error_name(err.code), "parquet_page_too_large");
}

/* ---- Files
 * --------------------------------------------------------------------------------------- */

/* Write 'n' row groups of the batch's columns; then, unless 'keep' is n, go back to 'keep' of them.
 */
static enum shale_status write_file(const struct shale_mem *mem, struct shale_batch *batch, int n,
                                    size_t keep, struct memory_sink *sink)
{
    struct shale_chunk_meta metas[N_COLUMNS - 1] = {0};
    struct shale_chunk_writer *writer = NULL;
    struct shale_parquet *file = NULL;
    enum shale_status status = shale_chunk_writer_new(mem, &writer);
    if (status == SHALE_OK)
        status = shale_parquet_new(mem, &column_schema, SHALE_CODEC_ZSTD, "a test", &file);
    if (status == SHALE_OK)
        status = shale_parquet_begin(file, &sink->sink, NULL);
    for (int g = 0; g < n && status == SHALE_OK; g++) {
        for (size_t c = 0; c < N_COLUMNS - 1 && status == SHALE_OK; c++) {
            struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
            stream.column = c;
            status = write_chunk(writer, def_of(c), &small, &stream.stream, sink, &metas[c], NULL);
        }
        if (status == SHALE_OK)
            status = shale_parquet_row_group(
                file,
                &(struct shale_row_group){.metas = metas, .n_rows = shale_batch_n_rows(batch)},
                &sink->sink, NULL);
    }
    if (status == SHALE_OK && keep < shale_parquet_n_row_groups(file)) {
        shale_parquet_rewind(file, keep);
        sink->bytes.n_bytes = (size_t)shale_parquet_n_bytes(file);
    }
    if (status == SHALE_OK) {
        assert_int_equal(shale_parquet_n_bytes(file), sink->bytes.n_bytes);
        assert_int_equal(shale_parquet_n_rows(file), (int64_t)keep * shale_batch_n_rows(batch));
        status = shale_parquet_finish(file, NULL, 0, &sink->sink, NULL);
    }
    if (status == SHALE_OK)
        assert_int_equal(shale_parquet_n_bytes(file), sink->bytes.n_bytes);
    for (size_t c = 0; c < N_COLUMNS - 1; c++)
        shale_chunk_meta_fini(&metas[c]);
    shale_parquet_free(file);
    shale_chunk_writer_free(writer);
    return status;
}

static void test_a_file_has_its_magic_and_footer(void **state)
{
    struct shale_batch *batch = make_batch(&column_schema, put_columns, 0, 10);
    struct memory_sink sink;
    uint32_t n_bytes;
    size_t n;
    (void)state;
    sink_init(&sink);
    assert_int_equal(write_file(&shale_mem_libc, batch, 3, 3, &sink), SHALE_OK);
    n = sink.bytes.n_bytes;
    assert_memory_equal(sink.bytes.data, "PAR1", 4);
    assert_memory_equal(sink.bytes.data + n - 4, "PAR1", 4);
    memcpy(&n_bytes, sink.bytes.data + n - 8, 4);
    assert_true(n_bytes < n - 12);
    assert_int_equal(sink.bytes.data[n - 8 - n_bytes], 0x15); /* field 1, i32: the version */
    shale_buf_fini(&sink.bytes);
    shale_batch_free(&shale_mem_libc, batch);
}

static void test_rewind_leaves_no_trace(void **state)
{
    struct shale_batch *batch = make_batch(&column_schema, put_columns, 0, 100);
    (void)state;
    for (size_t keep = 0; keep < 3; keep++) {
        struct memory_sink a, b;
        sink_init(&a);
        sink_init(&b);
        assert_int_equal(write_file(&shale_mem_libc, batch, 3, keep, &a), SHALE_OK);
        assert_int_equal(write_file(&shale_mem_libc, batch, (int)keep, keep, &b), SHALE_OK);
        assert_int_equal(a.bytes.n_bytes, b.bytes.n_bytes);
        assert_memory_equal(a.bytes.data, b.bytes.data, a.bytes.n_bytes);
        shale_buf_fini(&a.bytes);
        shale_buf_fini(&b.bytes);
    }
    shale_batch_free(&shale_mem_libc, batch);
}

/* parquet.thrift, CompressionCodec, as zigzag: the only byte of the footer that differs. */
static void test_the_footer_names_the_codec(void **state)
{
    static const struct {
        enum shale_codec codec;
        char byte;
    } cases[] = {{SHALE_CODEC_NONE, 0},
                 {SHALE_CODEC_SNAPPY, 2},
                 {SHALE_CODEC_GZIP, 4},
                 {SHALE_CODEC_ZSTD, 12}};
    struct memory_sink sinks[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct shale_chunk_meta meta = {.dictionary_page_at = -1};
        const struct shale_row_group group = {.metas = &meta};
        struct shale_parquet *file;
        size_t n_different = 0;
        sink_init(&sinks[i]);
        assert_int_equal(
            shale_parquet_new(&shale_mem_libc, &string_schema, cases[i].codec, "a test", &file),
            SHALE_OK);
        assert_int_equal(shale_parquet_begin(file, &sinks[i].sink, NULL), SHALE_OK);
        assert_int_equal(shale_parquet_row_group(file, &group, &sinks[i].sink, NULL), SHALE_OK);
        assert_int_equal(shale_parquet_finish(file, NULL, 0, &sinks[i].sink, NULL), SHALE_OK);
        shale_parquet_free(file);
        assert_int_equal(sinks[i].bytes.n_bytes, sinks[0].bytes.n_bytes);
        for (size_t j = 0; j < sinks[i].bytes.n_bytes; j++) {
            if (sinks[i].bytes.data[j] == sinks[0].bytes.data[j])
                continue;
            n_different++;
            assert_int_equal(sinks[0].bytes.data[j], 0);
            assert_int_equal(sinks[i].bytes.data[j], cases[i].byte);
        }
        assert_int_equal(n_different, i == 0 ? 0 : 1);
    }
    for (size_t i = 0; i < 4; i++)
        shale_buf_fini(&sinks[i].bytes);
}

/* Unique texts between nulls: the levels before a page of them take some bytes. */
static void put_between_nulls(struct shale_builder *builder, int64_t k)
{
    if (k % 2 == 0)
        shale_builder_null(builder, 0);
    else
        put_text(builder, k);
}

/* Strings alone: the buffers have nothing left from another column. */
static void test_every_allocation_for_strings_may_fail(void **state)
{
    static const struct shale_chunk_options options = {.page_bytes = 1 << 20};
    (void)state;
    for (int64_t n_rows = 20; n_rows < 90; n_rows++) {
        struct shale_batch *batch =
            make_batch(&string_schema, n_rows % 2 == 0 ? put_between_nulls : put_few, 0, n_rows);
        enum shale_status status = SHALE_NOMEM;
        for (int n = 1; status == SHALE_NOMEM; n++) {
            struct batch_stream stream = {.stream = {next_batch}, .batches = &batch, .n = 1};
            struct shale_chunk_writer *writer;
            struct shale_chunk_meta meta = {0};
            struct failing_mem failing;
            struct memory_sink sink;
            sink_init(&sink);
            failing_mem_init(&failing, n);
            status = shale_chunk_writer_new(&failing.mem, &writer);
            if (status == SHALE_OK) {
                status =
                    write_chunk(writer, &string_def, &options, &stream.stream, &sink, &meta, NULL);
                shale_chunk_writer_free(writer);
                shale_chunk_meta_fini(&meta);
            }
            assert_int_equal(status, failing.n_calls < n ? SHALE_OK : SHALE_NOMEM);
            shale_buf_fini(&sink.bytes);
        }
        shale_batch_free(&shale_mem_libc, batch);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    struct shale_batch *batch = make_batch(&column_schema, put_columns, 0, 600);
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status == SHALE_NOMEM) {
        struct failing_mem failing;
        struct memory_sink sink;
        sink_init(&sink);
        failing_mem_init(&failing, ++n);
        status = write_file(&failing.mem, batch, 2, 2, &sink);
        shale_buf_fini(&sink.bytes);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(n > 30);
    shale_batch_free(&shale_mem_libc, batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_and_the_past_do_not_show),
        cmocka_unit_test(test_few_values_make_a_dictionary),
        cmocka_unit_test(test_unique_values_make_none),
        cmocka_unit_test(test_a_beginning_without_repeats),
        cmocka_unit_test(test_long_strings_without_repeats),
        cmocka_unit_test(test_a_full_dictionary_is_given_up),
        cmocka_unit_test(test_a_written_dictionary_takes_no_more),
        cmocka_unit_test(test_fixed_width_is_given_up),
        cmocka_unit_test(test_only_nulls),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_sink_and_stream_failures_come_back),
        cmocka_unit_test(test_int96_has_a_last_day),
        cmocka_unit_test(test_a_large_value_and_one_too_large),
        cmocka_unit_test(test_a_file_has_its_magic_and_footer),
        cmocka_unit_test(test_rewind_leaves_no_trace),
        cmocka_unit_test(test_the_footer_names_the_codec),
        cmocka_unit_test(test_every_allocation_for_strings_may_fail),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
