/* SPDX-License-Identifier: MIT */
/* parquet/reader, footer_*: footers made by hand, good and with each field wrong once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "made_file.h"
#include "parquet/reader.h"

enum { REQUIRED, OPTIONAL, REPEATED };

static const struct made_node flat_nodes[] = {
    GROUP("root", -1, 2),
    LEAF("id", SHALE_PHYSICAL_INT64, REQUIRED),
    {"name", SHALE_PHYSICAL_BYTE_ARRAY, OPTIONAL, 0, SHALE_CONVERTED_UTF8, SHALE_LOGICAL_STRING, 0,
     0, 0, 0, 0, false},
};

/* A file of two columns and two row groups, which a test changes before it is opened. */
struct flat {
    struct made_chunk chunks[4];
    int64_t rows[2];
    struct made_file file;
};

static void flat_init(struct flat *flat)
{
    for (size_t i = 0; i < 4; i++)
        flat->chunks[i] = good_chunk(flat_nodes[1 + i % 2].physical);
    flat->rows[0] = flat->rows[1] = 3;
    flat->file = (struct made_file){.nodes = flat_nodes,
                                    .n_nodes = 3,
                                    .chunks = flat->chunks,
                                    .group_rows = flat->rows,
                                    .n_groups = 2,
                                    .n_chunks = 2,
                                    .n_rows = 6,
                                    .group_bytes = 120,
                                    .sorting = 1,
                                    .created_by = "a test",
                                    .n_orders = 2};
}

static struct shale_err last;

static enum shale_status open_bytes(const struct shale_mem *mem, const void *data, size_t n_bytes,
                                    size_t memory_bytes, struct shale_reader **out)
{
    static struct memory_file file;
    struct shale_reader_options options = {memory_bytes};
    file = memory_file_of(data, n_bytes);
    shale_err_clear(&last);
    return shale_reader_open(mem, &file.random, &options, out, &last);
}

static enum shale_status open_made(const struct made_file *made, struct shale_reader **out)
{
    struct shale_buf bytes;
    enum shale_status status;
    shale_buf_init(&bytes, &shale_mem_libc, SIZE_MAX);
    assert_int_equal(make_file(made, &bytes), SHALE_OK);
    status = open_bytes(&shale_mem_libc, bytes.data, bytes.n_bytes, 0, out);
    shale_buf_fini(&bytes);
    return status;
}

static void assert_str(struct shale_str text, const char *expected)
{
    if (!shale_str_is(text, expected))
        fail_msg("%.*s is not %s", SHALE_STR_ARG(text), expected);
}

/* ---- Good files --------------------------------------------------------------------------------
 */

static void test_what_a_footer_says(void **state)
{
    struct flat flat;
    struct shale_reader *reader;
    const struct shale_file *file;
    const struct shale_file_chunk *chunk;
    (void)state;
    flat_init(&flat);
    flat.chunks[3] = (struct made_chunk){.type = SHALE_PHYSICAL_BYTE_ARRAY,
                                         .codec = SHALE_COMPRESSION_ZSTD,
                                         .n_values = 3,
                                         .uncompressed = 70,
                                         .compressed = 50,
                                         .data_at = 30,
                                         .dictionary_at = 10,
                                         .n_nulls = 1,
                                         .n_distinct = 2,
                                         .column_index = {60, 7},
                                         .offset_index = {70, 8},
                                         .bloom = {80, 9},
                                         .min = SHALE_STR("a"),
                                         .max = SHALE_STR("b"),
                                         .page_counts = {0, 8, 5},
                                         .histogram = 4};
    assert_int_equal(open_made(&flat.file, &reader), SHALE_OK);
    file = shale_reader_file(reader);
    assert_int_equal(file->version, 2);
    assert_int_equal(file->n_rows, 6);
    assert_int_equal(file->said_rows, 6);
    assert_str(file->created_by, "a test");
    assert_int_equal(file->n_key_values, 1);
    assert_str(file->key_values[0].key, "a key");
    assert_str(file->key_values[0].value, "a value");
    assert_int_equal(file->n_leaves, 2);
    assert_str(file->leaves[1].path, "name");
    assert_int_equal(file->leaves[1].column, 1);
    assert_int_equal(file->leaves[1].order, SHALE_FILE_ORDER_BYTES);
    assert_int_equal(file->nodes[2].max_definition, 1);
    assert_int_equal(file->nodes[1].max_definition, 0);
    assert_int_equal(file->schema.n_columns, 2);
    assert_int_equal(file->schema.columns[1].type.kind, SHALE_STRING);
    assert_ptr_equal(file->leaves[1].type, &file->schema.columns[1].type);
    assert_int_equal(file->column_nodes[1][0], 2);
    assert_int_equal(file->row_groups[1].first_row, 3);
    assert_int_equal(file->row_groups[1].compressed_bytes, 110); /* not said: the sum */
    assert_int_equal(file->row_groups[1].n_sorting, 1);
    assert_true(file->row_groups[1].sorting[0].descending);
    chunk = &file->row_groups[1].chunks[1];
    assert_int_equal(chunk->codec, SHALE_COMPRESSION_ZSTD);
    assert_int_equal(chunk->begin, 10);
    assert_int_equal(chunk->end, 60);
    assert_int_equal(chunk->dictionary_page_at, 10);
    assert_int_equal(chunk->statistics.n_nulls, 1);
    assert_int_equal(chunk->statistics.n_distinct, 2);
    assert_str(chunk->statistics.minimum.value, "a");
    assert_false(chunk->statistics.minimum.exact); /* of a text it may have been cut */
    assert_int_equal(chunk->column_index_at, 60);
    assert_int_equal(chunk->offset_index_bytes, 8);
    assert_int_equal(chunk->bloom_bytes, 9);
    assert_int_equal(chunk->page_counts[0].n, 5);
    assert_int_equal(chunk->definition_histogram[1], 4);
    assert_int_equal(chunk->n_encodings, 2);
    shale_reader_free(reader);
}

/* What old and odd writers do. */
static void test_tolerance(void **state)
{
    struct flat flat;
    struct shale_reader *reader;
    const struct shale_file_chunk *chunk;
    (void)state;
    flat_init(&flat);
    flat.file.n_rows = 0; /* not filled in */
    flat.file.sorting = 2;
    flat.file.created_by = "parquet-mr version 1.2.8-SNAPSHOT (build x)";
    flat.chunks[0].dictionary_at = 0;
    flat.chunks[1].dictionary_at = 40; /* behind the data */
    flat.chunks[1].n_nulls = -1;
    flat.chunks[1].n_distinct = 9; /* more than values */
    flat.chunks[1].offset_index[0] = 1000;
    flat.chunks[1].offset_index[1] = 8;
    flat.chunks[1].column_index[0] = 50; /* without a length */
    flat.chunks[1].bloom[0] = 90;
    flat.chunks[1].bloom[1] = -5;
    flat.chunks[1].histogram = -1;
    flat.chunks[2].elsewhere = true;
    flat.chunks[2].data_at = 1000000;
    flat.chunks[3].encrypted = flat.chunks[3].no_meta = true;
    assert_int_equal(open_made(&flat.file, &reader), SHALE_OK);
    chunk = shale_reader_file(reader)->row_groups[0].chunks;
    assert_int_equal(shale_reader_file(reader)->n_rows, 6);
    assert_int_equal(shale_reader_file(reader)->said_rows, 0);
    assert_int_equal(shale_reader_file(reader)->row_groups[0].n_sorting, 0);
    assert_int_equal(chunk[0].dictionary_page_at, -1);
    assert_int_equal(chunk[0].begin, 4);
    assert_int_equal(chunk[0].end, 104); /* 40 bytes to the footer: fewer than may be missing */
    assert_int_equal(chunk[1].dictionary_page_at, -1);
    assert_int_equal(chunk[1].statistics.n_nulls, -1);
    assert_int_equal(chunk[1].statistics.n_distinct, -1);
    assert_int_equal(chunk[1].offset_index_at, -1);
    assert_int_equal(chunk[1].column_index_at, -1);
    assert_int_equal(chunk[1].bloom_at, 90);
    assert_int_equal(chunk[1].bloom_bytes, -1);
    assert_null(chunk[1].definition_histogram);
    chunk = shale_reader_file(reader)->row_groups[1].chunks;
    assert_string_equal(chunk[0].unsupported, "its pages are in another file");
    assert_int_equal(chunk[0].begin, 0);
    assert_string_equal(chunk[1].unsupported, "it is encrypted");
    shale_reader_free(reader);
}

/* ---- Bad files ---------------------------------------------------------------------------------
 */

static void test_no_parquet_file(void **state)
{
    static const struct {
        const char *data;
        size_t n_bytes;
        enum shale_error code;
    } cases[] = {
        {"", 0, SHALE_E_parquet_not},
        {"PAR1\0\0\0PAR1", 11, SHALE_E_parquet_not},
        {"PAR1\0\0\0\0PAR2", 12, SHALE_E_parquet_not},
        {"PAR2\0\0\0\0PAR1", 12, SHALE_E_parquet_not},
        {"PAR1\0\0\0\0PARE", 12, SHALE_E_parquet_encrypted},
        {"PARE\0\0\0\0PARE", 12, SHALE_E_parquet_encrypted},
        {"PAR1\1\0\0\0PAR1", 12, SHALE_E_parquet_damaged},
        {"PAR1\xff\xff\xff\xffPAR1", 12, SHALE_E_parquet_damaged},
        {"PAR1\0\0\0\0PAR1", 12, SHALE_E_parquet_damaged},   /* an empty footer */
        {"PAR1\0\1\0\0\0PAR1", 13, SHALE_E_parquet_damaged}, /* a struct without fields */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shale_reader *reader;
        enum shale_status status =
            open_bytes(&shale_mem_libc, cases[i].data, cases[i].n_bytes, 0, &reader);
        assert_int_equal(last.code, cases[i].code);
        assert_int_equal(status, shale_error_status(cases[i].code));
        assert_null(reader);
    }
}

/* Each: one number of a good file, changed. */
static void test_each_number_wrong(void **state)
{
    struct flat flat;
    struct made_chunk *const c = flat.chunks;
    const struct {
        int64_t *at;
        int64_t value;
        const char *says;
    } cases[] = {
        {&c[1].type, LEFT_OUT, "required"},
        {&c[1].codec, LEFT_OUT, "required"},
        {&c[1].n_values, LEFT_OUT, "required"},
        {&c[1].compressed, LEFT_OUT, "required"},
        {&c[1].data_at, LEFT_OUT, "required"},
        {&c[1].type, SHALE_PHYSICAL_INT32, "physical type"},
        {&c[1].type, 77, "physical type"},
        {&c[1].n_values, 2, "number of values"},
        {&c[1].n_values, 4, "number of values"},
        {&c[1].n_values, -3, "negative"},
        {&c[1].uncompressed, -1, "negative"},
        {&c[1].compressed, -1, "negative"},
        {&c[1].compressed, 101, "do not lie in the file"},
        {&c[1].compressed, INT64_MAX, "do not lie in the file"},
        {&c[1].data_at, -1, "do not lie in the file"},
        {&c[1].data_at, 45, "do not lie in the file"},
        {&c[1].data_at, INT64_MAX, "do not lie in the file"},
        {&c[1].data_at, 105, "do not lie in the file"},
        {&flat.rows[0], -3, "negative"},
        {&flat.rows[0], LEFT_OUT, "missing"},
        {&flat.rows[1], INT64_MAX, "impossible"},
        {&flat.rows[1], 2, "number of values"},
        {&flat.file.n_rows, 7, "says that it has 7 rows"},
        {&flat.file.n_rows, LEFT_OUT, "missing"},
        {&flat.file.group_bytes, -1, "negative"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shale_reader *reader = NULL;
        flat_init(&flat);
        *cases[i].at = cases[i].value;
        if (open_made(&flat.file, &reader) != SHALE_CORRUPT ||
            strstr(last.message, cases[i].says) == NULL)
            fail_msg("case %zu, %s: %s", i, cases[i].says, last.message);
        assert_null(reader);
    }
    flat_init(&flat);
    flat.file.n_chunks = 1;
    assert_int_equal(open_made(&flat.file, &(struct shale_reader *){NULL}), SHALE_CORRUPT);
    flat_init(&flat);
    flat.chunks[2].no_meta = true;
    assert_int_equal(open_made(&flat.file, &(struct shale_reader *){NULL}), SHALE_CORRUPT);
    assert_string_equal(last.message,
                        "row group 1, column \"id\" is damaged: its metadata is missing");
}

/* A dictionary page so far before the data that this would lie behind the chunk. */
static void test_data_behind_the_chunk(void **state)
{
    struct flat flat;
    (void)state;
    flat_init(&flat);
    flat.chunks[1].dictionary_at = 4;
    flat.chunks[1].data_at = 70;
    assert_int_equal(open_made(&flat.file, &(struct shale_reader *){NULL}), SHALE_CORRUPT);
    flat.chunks[1].data_at = 60;
    flat.chunks[1].compressed = 90;
    struct shale_reader *reader;
    assert_int_equal(open_made(&flat.file, &reader), SHALE_OK);
    shale_reader_free(reader);
}

static void test_bad_schemas(void **state)
{
    static const struct {
        struct made_node nodes[3];
        size_t n;
        const char *says;
    } cases[] = {
        {{GROUP("r", -1, 2), LEAF("a", 1, 1)}, 2, "\"r\" (element 0) has fewer children"},
        {{GROUP("r", -1, 1), LEAF("a", 1, 1), LEAF("b", 1, 1)}, 3, "\"b\" (element 2) is behind"},
        {{GROUP("r", -1, 1), LEAF("a", 1, 3)}, 2, "neither required"},
        {{GROUP("r", -1, 1), LEAF("a", 8, 1)}, 2, "physical type"},
        {{GROUP("r", -1, -1)}, 1, "negative"},
        {{GROUP("r", -1, 1), GROUP("a", 1, 2), LEAF("b", 1, 1)}, 3, "(element 1) has fewer"},
        {{GROUP("r", -1, INT32_MAX), LEAF("a", 1, 1)}, 2, "fewer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made_file file = {
            .nodes = cases[i].nodes, .n_nodes = cases[i].n, .sorting = -1, .created_by = "a test"};
        struct shale_reader *reader = NULL;
        if (open_made(&file, &reader) != SHALE_CORRUPT ||
            strstr(last.message, cases[i].says) == NULL)
            fail_msg("case %zu, %s: %s", i, cases[i].says, last.message);
        shale_reader_free(reader);
    }
}

/* ---- Types -------------------------------------------------------------------------------------
 */

static struct shale_reader *open_schema(const struct made_node *nodes, size_t n)
{
    struct made_file file = {.nodes = nodes, .n_nodes = n, .sorting = -1, .created_by = "a test"};
    struct shale_reader *reader = NULL;
    if (open_made(&file, &reader) != SHALE_OK)
        fail_msg("%s", last.message);
    return reader;
}

static void test_scalar_types(void **state)
{
    enum { B = 0, I32 = 1, I64 = 2, I96 = 3, F = 4, D = 5, BYTES = 6, FIXED = 7 };
    static const struct {
        struct made_node node;
        struct shale_type type;
    } cases[] = {
        {LEAF("", B, 0), {.kind = SHALE_BOOL}},
        {LEAF("", I32, 0), {.kind = SHALE_INT32}},
        {LEAF("", I64, 0), {.kind = SHALE_INT64}},
        {LEAF("", I96, 0), {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS, .int96 = true}},
        {LEAF("", F, 0), {.kind = SHALE_FLOAT32}},
        {LEAF("", D, 0), {.kind = SHALE_FLOAT64}},
        {LEAF("", BYTES, 0), {.kind = SHALE_BINARY}},
        {{"", FIXED, 0, 0, -1, 0, 5, 0, 0, 0, 0, 0}, {.kind = SHALE_FIXED, .width = 5}},
        {{"", BYTES, 0, 0, SHALE_CONVERTED_UTF8, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_STRING}},
        {{"", BYTES, 0, 0, SHALE_CONVERTED_ENUM, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_STRING}},
        {{"", BYTES, 0, 0, SHALE_CONVERTED_BSON, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_BINARY}},
        {{"", BYTES, 0, 0, SHALE_CONVERTED_JSON, 0, 0, 0, 0, 0, 0, 0},
         {.kind = SHALE_JSON, .annotate = true}},
        {{"", I32, 0, 0, SHALE_CONVERTED_DATE, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_DATE}},
        {{"", I64, 0, 0, SHALE_CONVERTED_DATE, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT64}},
        {{"", I32, 0, 0, SHALE_CONVERTED_INT_8, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT8}},
        {{"", I32, 0, 0, SHALE_CONVERTED_INT_16, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT16}},
        {{"", I32, 0, 0, SHALE_CONVERTED_INT_32, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT32}},
        {{"", I32, 0, 0, SHALE_CONVERTED_UINT_8, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_UINT8}},
        {{"", I32, 0, 0, SHALE_CONVERTED_UINT_16, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_UINT16}},
        {{"", I32, 0, 0, SHALE_CONVERTED_UINT_32, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_UINT32}},
        {{"", I64, 0, 0, SHALE_CONVERTED_UINT_64, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_UINT64}},
        {{"", I64, 0, 0, SHALE_CONVERTED_INT_64, 0, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT64}},
        {{"", I32, 0, 0, -1, SHALE_LOGICAL_INTEGER, 0, 0, 0, 0, 16, false}, {.kind = SHALE_UINT16}},
        {{"", I64, 0, 0, -1, SHALE_LOGICAL_INTEGER, 0, 0, 0, 0, 64, false}, {.kind = SHALE_UINT64}},
        {{"", I32, 0, 0, SHALE_CONVERTED_TIME_MILLIS, 0, 0, 0, 0, 0, 0, 0},
         {.kind = SHALE_TIME, .unit = SHALE_MS}},
        {{"", I64, 0, 0, SHALE_CONVERTED_TIME_MICROS, 0, 0, 0, 0, 0, 0, 0},
         {.kind = SHALE_TIME, .unit = SHALE_US}},
        {{"", I64, 0, 0, -1, SHALE_LOGICAL_TIME, 0, 0, 0, 3, 0, false},
         {.kind = SHALE_TIME, .unit = SHALE_NS}},
        {{"", I32, 0, 0, -1, SHALE_LOGICAL_TIME, 0, 0, 0, 2, 0, false}, {.kind = SHALE_INT32}},
        {{"", I64, 0, 0, SHALE_CONVERTED_TIMESTAMP_MILLIS, 0, 0, 0, 0, 0, 0, 0},
         {.kind = SHALE_TIMESTAMP, .unit = SHALE_MS}},
        {{"", I64, 0, 0, SHALE_CONVERTED_TIMESTAMP_MICROS, 0, 0, 0, 0, 0, 0, 0},
         {.kind = SHALE_TIMESTAMP, .unit = SHALE_US}},
        {{"", I64, 0, 0, -1, SHALE_LOGICAL_TIMESTAMP, 0, 0, 0, 3, 0, true},
         {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS}},
        {{"", I64, 0, 0, SHALE_CONVERTED_TIMESTAMP_MICROS, SHALE_LOGICAL_TIMESTAMP, 0, 0, 0, 2, 0,
          false},
         {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .local = true}},
        {{"", I32, 0, 0, SHALE_CONVERTED_DECIMAL, 0, 0, 9, 2, 0, 0, 0},
         {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}},
        {{"", BYTES, 0, 0, -1, SHALE_LOGICAL_DECIMAL, 0, 38, 38, 0, 0, 0},
         {.kind = SHALE_DECIMAL, .precision = 38, .scale = 38}},
        {{"", FIXED, 0, 0, -1, SHALE_LOGICAL_UUID, 16, 0, 0, 0, 0, 0},
         {.kind = SHALE_UUID, .annotate = true}},
        {{"", FIXED, 0, 0, SHALE_CONVERTED_INTERVAL, 0, 12, 0, 0, 0, 0, 0},
         {.kind = SHALE_FIXED, .width = 12}},
        {{"", BYTES, 0, 0, -1, SHALE_LOGICAL_GEOMETRY, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_BINARY}},
        {{"", I32, 0, 0, -1, SHALE_LOGICAL_UNKNOWN, 0, 0, 0, 0, 0, 0}, {.kind = SHALE_INT32}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct made_node nodes[] = {GROUP("r", -1, 1), cases[i].node};
        struct shale_reader *reader = open_schema(nodes, 2);
        const struct shale_type *type = &shale_reader_file(reader)->schema.columns[0].type;
        const struct shale_type *wanted = &cases[i].type;
        if (type->kind != wanted->kind || type->unit != wanted->unit ||
            type->precision != wanted->precision || type->scale != wanted->scale ||
            type->int96 != wanted->int96 || type->annotate != wanted->annotate ||
            type->local != wanted->local || type->width != wanted->width)
            fail_msg("case %zu: another type", i);
        assert_null(shale_reader_file(reader)->leaves[0].unsupported);
        shale_reader_free(reader);
    }
}

static void test_unsupported_leaves(void **state)
{
    static const struct {
        struct made_node node;
        const char *says;
    } cases[] = {
        {{"", 7, 0, 0, -1, SHALE_LOGICAL_FLOAT16, 2, 0, 0, 0, 0, 0}, "16 bits"},
        {{"", 7, 0, 0, SHALE_CONVERTED_DECIMAL, 0, 17, 39, 0, 0, 0, 0}, "38 digits"},
        {{"", 7, 0, 0, SHALE_CONVERTED_DECIMAL, 0, 17, 0, 0, 0, 0, 0}, "impossible"},
        {{"", 1, 0, 0, SHALE_CONVERTED_DECIMAL, 0, 0, 5, 6, 0, 0, 0}, "impossible"},
        {{"", 1, 0, 0, SHALE_CONVERTED_DECIMAL, 0, 0, 5, -1, 0, 0, 0}, "impossible"},
        {{"", 7, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0}, "no length"},
        {{"", 7, 0, 0, -1, 0, -4, 0, 0, 0, 0, 0}, "no length"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct made_node nodes[] = {GROUP("r", -1, 2), cases[i].node, LEAF("good", 1, 0)};
        struct shale_reader *reader = open_schema(nodes, 3);
        const struct shale_file *file = shale_reader_file(reader);
        assert_non_null(file->leaves[0].unsupported);
        assert_non_null(strstr(file->leaves[0].unsupported, cases[i].says));
        assert_null(file->leaves[1].unsupported);
        shale_reader_free(reader);
    }
}

/* The text of a type: "list<struct<a int32, b list<int32>>>", and of the nodes it maps to. */
static size_t put_type(char *out, size_t at, size_t n, const struct shale_type *type,
                       const uint32_t **nodes)
{
    static const char *const names[] = {
        [SHALE_LIST] = "list", [SHALE_MAP] = "map", [SHALE_STRUCT] = "struct"};
    bool nested = type->n_members > 0;
    at +=
        (size_t)snprintf(out + at, n - at, "%s:%u", nested ? names[type->kind] : "i", *(*nodes)++);
    for (size_t i = 0; i < type->n_members; i++) {
        at += (size_t)snprintf(out + at, n - at, "%s", i == 0 ? "<" : ", ");
        if (type->kind == SHALE_STRUCT)
            at += (size_t)snprintf(out + at, n - at, "%.*s ", SHALE_STR_ARG(type->members[i].name));
        at = put_type(out, at, n, &type->members[i].type, nodes);
    }
    if (nested)
        at += (size_t)snprintf(out + at, n - at, ">");
    return at;
}

/* LogicalTypes.md: "Lists", "Maps" and their rules for backward compatibility. */
static void test_nested_types(void **state)
{
    enum { LIST = SHALE_CONVERTED_LIST, MAP = SHALE_CONVERTED_MAP };
    enum { KEY_VALUE = SHALE_CONVERTED_MAP_KEY_VALUE };
    static const struct {
        struct made_node nodes[8];
        size_t n;
        const char *type;
    } cases[] = {
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("list", 2, 1), LEAF("element", 1, 1)},
         3,
         "list:1<i:3>"},
        {{GROUP_AS("l", 1, 1, -1, SHALE_LOGICAL_LIST), GROUP("bag", 2, 1), LEAF("x", 1, 1)},
         3,
         "list:1<i:3>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), LEAF("element", 1, 2)}, 2, "list:1<i:2>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("element", 2, 2), LEAF("a", 1, 0), LEAF("b", 1, 1)},
         4,
         "list:1<struct:2<a i:3, b i:4>>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("array", 2, 1), LEAF("a", 1, 0)},
         3,
         "list:1<struct:2<a i:3>>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("l_tuple", 2, 1), LEAF("a", 1, 0)},
         3,
         "list:1<struct:2<a i:3>>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("m_tuple", 2, 1), LEAF("a", 1, 0)}, 3, "list:1<i:3>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP("element", 2, 1), LEAF("a", 1, 2)},
         3,
         "list:1<struct:2<a list:3<i:3>>>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), GROUP_AS("array", 2, 1, LIST, 0), LEAF("array", 1, 2)},
         3,
         "list:1<list:2<i:3>>"},
        {{LEAF("a", 1, 2)}, 1, "list:1<i:1>"},
        {{GROUP("a", 2, 1), LEAF("b", 1, 1)}, 2, "list:1<struct:1<b i:2>>"},
        {{GROUP_AS("l", 1, 1, LIST, 0), LEAF("element", 1, 1)}, 2, "struct:1<element i:2>"},
        {{GROUP_AS("l", 1, 2, LIST, 0), LEAF("a", 1, 2), LEAF("b", 1, 2)},
         3,
         "struct:1<a list:2<i:2>, b list:3<i:3>>"},
        {{GROUP_AS("m", 1, 1, MAP, 0), GROUP("key_value", 2, 2), LEAF("key", 1, 0),
          LEAF("value", 1, 1)},
         4,
         "map:1<i:3, i:4>"},
        {{GROUP_AS("m", 1, 1, -1, SHALE_LOGICAL_MAP), GROUP_AS("map", 2, 2, KEY_VALUE, 0),
          LEAF("k", 1, 1), LEAF("v", 1, 0)},
         4,
         "map:1<i:3, i:4>"},
        {{GROUP_AS("m", 1, 1, KEY_VALUE, 0), GROUP("map", 2, 2), LEAF("k", 1, 0), LEAF("v", 1, 2)},
         4,
         "map:1<i:3, list:4<i:4>>"},
        {{GROUP_AS("m", 1, 1, MAP, 0), GROUP("key_value", 2, 1), LEAF("key", 1, 0)},
         3,
         "list:1<i:3>"},
        {{GROUP_AS("m", 1, 1, MAP, 0), GROUP("key_value", 1, 2), LEAF("key", 1, 0),
          LEAF("value", 1, 1)},
         4,
         "struct:1<key_value struct:2<key i:3, value i:4>>"},
        {{GROUP_AS("m", 1, 1, MAP, 0), GROUP("key_value", 2, 2), LEAF("key", 1, 2),
          LEAF("value", 1, 1)},
         4,
         "struct:1<key_value list:2<struct:2<key list:3<i:3>, value i:4>>>"},
        {{GROUP_AS("m", 1, 1, MAP, 0), GROUP("key_value", 2, 2), LEAF("key", 1, 0),
          GROUP_AS("value", 1, 1, LIST, 0), GROUP("list", 2, 1), LEAF("element", 1, 1)},
         6,
         "map:1<i:3, list:4<i:6>>"},
        {{GROUP("s", 1, 2), GROUP("empty", 1, 0), LEAF("a", 1, 1)}, 3, "struct:1<a i:3>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made_node nodes[9] = {GROUP("r", -1, 1)};
        struct shale_reader *reader;
        const uint32_t *map;
        char text[200] = "";
        memcpy(nodes + 1, cases[i].nodes, cases[i].n * sizeof *nodes);
        reader = open_schema(nodes, cases[i].n + 1);
        map = shale_reader_file(reader)->column_nodes[0];
        (void)put_type(text, 0, sizeof text, &shale_reader_file(reader)->schema.columns[0].type,
                       &map);
        if (strcmp(text, cases[i].type) != 0)
            fail_msg("case %zu: %s is not %s", i, text, cases[i].type);
        shale_reader_free(reader);
    }
}

static void test_columns_without_leaves(void **state)
{
    static const struct made_node nodes[] = {GROUP("r", -1, 4),   GROUP("none", 1, 0),
                                             LEAF("a", 1, 1),     GROUP("nor this", 1, 1),
                                             GROUP("here", 1, 0), LEAF("b", 1, 1)};
    static const struct made_node root[] = {GROUP("r", -1, 0)};
    struct shale_reader *reader = open_schema(nodes, 6);
    const struct shale_file *file = shale_reader_file(reader);
    (void)state;
    assert_int_equal(file->schema.n_columns, 2);
    assert_str(file->schema.columns[1].name, "b");
    assert_int_equal(file->leaves[1].column, 1);
    assert_int_equal(file->column_nodes[1][0], 5);
    shale_reader_free(reader);
    reader = open_schema(root, 1);
    assert_int_equal(shale_reader_file(reader)->schema.n_columns, 0);
    shale_reader_free(reader);
}

static void test_variant(void **state)
{
    static const struct made_node nodes[] = {
        GROUP("r", -1, 2), GROUP_AS("v", 1, 2, -1, SHALE_LOGICAL_VARIANT), LEAF("metadata", 6, 0),
        LEAF("value", 6, 1), LEAF("a", 6, 0)};
    struct shale_reader *reader = open_schema(nodes, 5);
    (void)state;
    assert_non_null(shale_reader_file(reader)->leaves[0].unsupported);
    assert_non_null(shale_reader_file(reader)->leaves[1].unsupported);
    assert_null(shale_reader_file(reader)->leaves[2].unsupported);
    shale_reader_free(reader);
}

/* 'depth' structs inside one another, the last a leaf. */
static enum shale_status open_deep(size_t depth, bool lists)
{
    struct made_node nodes[2 * 80] = {GROUP("r", -1, 1)};
    struct made_file file = {.nodes = nodes, .sorting = -1, .created_by = "a test"};
    struct shale_reader *reader = NULL;
    enum shale_status status;
    size_t n = 1;
    for (size_t i = 1; i < depth; i++) {
        nodes[n++] = (struct made_node)GROUP_AS("g", 1, 1, lists ? SHALE_CONVERTED_LIST : -1, 0);
        if (lists)
            nodes[n++] = (struct made_node)GROUP("list", 2, 1);
    }
    nodes[n++] = (struct made_node)LEAF("a", 1, 1);
    file.n_nodes = n;
    status = open_made(&file, &reader);
    if (status == SHALE_OK && lists)
        assert_int_equal(shale_reader_file(reader)->nodes[n - 1].max_definition, 2 * depth - 1);
    shale_reader_free(reader);
    return status;
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(open_deep(SHALE_TYPE_DEPTH, false), SHALE_OK);
    assert_int_equal(open_deep(SHALE_TYPE_DEPTH + 1, false), SHALE_LIMIT);
    assert_int_equal(open_deep(SHALE_TYPE_DEPTH, true), SHALE_OK);
    assert_int_equal(open_deep(SHALE_TYPE_DEPTH + 1, true), SHALE_LIMIT);
    assert_int_equal(open_deep(SHALE_TYPE_DEPTH + 10, true), SHALE_LIMIT);
}

/* ---- Bounds ------------------------------------------------------------------------------------
 */

static void test_which_bounds_are_believed(void **state)
{
    static const float nan_value = __builtin_nanf("");
    static const struct shale_str four = {"\1\0\0", 4}, eight = {"\1\0\0\0\0\0\0", 8};
    static const struct shale_str text = {"abc", 3};
    const struct shale_str nan = {(const char *)&nan_value, 4};
    const struct {
        int physical, converted;
        bool old, ordered;
        struct shale_str value;
        bool believed;
    } cases[] = {
        {SHALE_PHYSICAL_INT32, -1, true, false, four, true},
        {SHALE_PHYSICAL_INT32, -1, false, false, four, true},
        {SHALE_PHYSICAL_INT32, -1, false, true, eight, false}, /* another length */
        {SHALE_PHYSICAL_INT64, -1, true, false, eight, true},
        {SHALE_PHYSICAL_INT64, -1, true, false, four, false},
        {SHALE_PHYSICAL_INT32, SHALE_CONVERTED_UINT_32, true, true, four, false},
        {SHALE_PHYSICAL_INT32, SHALE_CONVERTED_UINT_32, false, true, four, true},
        {SHALE_PHYSICAL_INT32, SHALE_CONVERTED_UINT_32, false, false, four, false},
        {SHALE_PHYSICAL_FLOAT, -1, false, true, four, true},
        {SHALE_PHYSICAL_FLOAT, -1, false, true, nan, false},
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_CONVERTED_UTF8, true, true, text, false},
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_CONVERTED_UTF8, false, true, text, true},
        {SHALE_PHYSICAL_BYTE_ARRAY, SHALE_CONVERTED_UTF8, false, false, text, false},
        {SHALE_PHYSICAL_INT96, -1, false, true, {"abcdefghijkl", 12}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct made_node nodes[] = {
            GROUP("r", -1, 1),
            {"a", cases[i].physical, 1, 0, cases[i].converted, 0, 0, 0, 0, 0, 0, false}};
        struct made_chunk chunk = good_chunk(cases[i].physical);
        const int64_t rows = 3;
        struct made_file file = {.nodes = nodes,
                                 .n_nodes = 2,
                                 .chunks = &chunk,
                                 .group_rows = &rows,
                                 .n_groups = 1,
                                 .n_chunks = 1,
                                 .n_rows = 3,
                                 .sorting = -1,
                                 .created_by = "a test",
                                 .n_orders = cases[i].ordered};
        struct shale_reader *reader = NULL;
        const struct shale_file_statistics *statistics;
        *(cases[i].old ? &chunk.old_max : &chunk.max) = cases[i].value;
        *(cases[i].old ? &chunk.old_min : &chunk.min) = cases[i].value;
        chunk.has_exact = i % 2 == 0;
        assert_int_equal(open_made(&file, &reader), SHALE_OK);
        statistics = &shale_reader_file(reader)->row_groups[0].chunks[0].statistics;
        if (statistics->minimum.present != cases[i].believed ||
            statistics->maximum.present != cases[i].believed)
            fail_msg("case %zu", i);
        if (cases[i].believed && i % 2 == 0)
            assert_false(statistics->maximum.exact);
        shale_reader_free(reader);
    }
}

/* ---- Any bytes ---------------------------------------------------------------------------------
 */

static void make_flat_bytes(struct shale_buf *out)
{
    struct flat flat;
    flat_init(&flat);
    flat.chunks[1].min = flat.chunks[1].max = SHALE_STR("m");
    flat.chunks[1].page_counts[2] = 1;
    flat.chunks[1].histogram = 3;
    shale_buf_init(out, &shale_mem_libc, SIZE_MAX);
    assert_int_equal(make_file(&flat.file, out), SHALE_OK);
}

/* A footer that ends early at each byte, with a tail that says so; and each prefix of the file. */
static void test_truncated(void **state)
{
    struct shale_buf whole, cut;
    size_t begin = 104, n_footer;
    (void)state;
    make_flat_bytes(&whole);
    n_footer = whole.n_bytes - begin - 8;
    for (size_t n = 0; n < n_footer; n++) {
        struct shale_reader *reader = NULL;
        shale_buf_init(&cut, &shale_mem_libc, SIZE_MAX);
        assert_int_equal(shale_buf_append(&cut, whole.data, begin + n), SHALE_OK);
        assert_int_equal(end_file(&cut, n), SHALE_OK);
        assert_int_equal(open_bytes(&shale_mem_libc, cut.data, cut.n_bytes, 0, &reader),
                         SHALE_CORRUPT);
        assert_in_range(last.byte, begin, begin + n);
        shale_buf_fini(&cut);
    }
    for (size_t n = 0; n < whole.n_bytes; n++) {
        struct shale_reader *reader = NULL;
        assert_int_equal(open_bytes(&shale_mem_libc, whole.data, n, 0, &reader), SHALE_CORRUPT);
    }
    shale_buf_fini(&whole);
}

/* Any bit of the footer and the tail: a file or an error, within the memory that is allowed. */
static void test_flipped_bits(void **state)
{
    struct shale_buf whole;
    size_t n_opened = 0, n_refused = 0;
    (void)state;
    make_flat_bytes(&whole);
    for (size_t bit = 104 * 8; bit < whole.n_bytes * 8; bit++) {
        struct shale_reader *reader = NULL;
        enum shale_status status;
        whole.data[bit / 8] = (char)(whole.data[bit / 8] ^ 1 << bit % 8);
        status = open_bytes(&shale_mem_libc, whole.data, whole.n_bytes, 1 << 20, &reader);
        assert_true(status == SHALE_OK || status == SHALE_CORRUPT || status == SHALE_SCHEMA ||
                    status == SHALE_LIMIT);
        *(status == SHALE_OK ? &n_opened : &n_refused) += 1;
        shale_reader_free(reader);
        whole.data[bit / 8] = (char)(whole.data[bit / 8] ^ 1 << bit % 8);
    }
    assert_true(n_opened > 0 && n_refused > 0);
    shale_buf_fini(&whole);
}

struct failing {
    int n_left; /* allocations that succeed */
    int n_alive;
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
    struct shale_buf whole;
    (void)state;
    make_flat_bytes(&whole);
    for (int n = 0;; n++) {
        struct failing failing = {n, 0};
        const struct shale_mem mem = {failing_resize, &failing};
        struct shale_reader *reader = NULL;
        enum shale_status status = open_bytes(&mem, whole.data, whole.n_bytes, 0, &reader);
        shale_reader_free(reader);
        assert_int_equal(failing.n_alive, 0);
        if (status == SHALE_OK)
            break;
        assert_int_equal(status, SHALE_NOMEM);
        assert_true(n < 100);
    }
    shale_buf_fini(&whole);
}

static void test_memory_limit(void **state)
{
    struct shale_buf whole;
    size_t bytes = 1;
    enum shale_status status = SHALE_LIMIT;
    (void)state;
    make_flat_bytes(&whole);
    for (; bytes < 1 << 20 && status != SHALE_OK; bytes += 97) {
        struct shale_reader *reader = NULL;
        status = open_bytes(&shale_mem_libc, whole.data, whole.n_bytes, bytes, &reader);
        assert_true(status == SHALE_OK || status == SHALE_LIMIT);
        shale_reader_free(reader);
    }
    assert_int_equal(status, SHALE_OK);
    assert_true(bytes > whole.n_bytes - 104);
    shale_buf_fini(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_footer_says),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_no_parquet_file),
        cmocka_unit_test(test_each_number_wrong),
        cmocka_unit_test(test_data_behind_the_chunk),
        cmocka_unit_test(test_bad_schemas),
        cmocka_unit_test(test_scalar_types),
        cmocka_unit_test(test_unsupported_leaves),
        cmocka_unit_test(test_nested_types),
        cmocka_unit_test(test_columns_without_leaves),
        cmocka_unit_test(test_variant),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_which_bounds_are_believed),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
