/* SPDX-License-Identifier: MIT */
/* Writes files for the independent readers: every type, as a scalar and in lists, with nulls, empty
 * lists and extremes, by every codec, cut into pages and row groups in different ways; and beside
 * each NAME.parquet a NAME.ndjson of what a reader must find in it.
 *
 *     write_types DIRECTORY
 *
 * In the ndjson a value is what readers.py says of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "columns/builder.h"
#include "parquet/parquet.h"

enum { MOST_COLUMNS = 64 };

/* ---- What is written --------------------------------------------------------------------------
 */

struct named_type {
    const char *name;
    struct shale_type type;
};

static const struct named_type types[] = {
    {"string", {.kind = SHALE_STRING}},
    {"int64", {.kind = SHALE_INT64}},
    {"float64", {.kind = SHALE_FLOAT64}},
    {"timestamp_us", {.kind = SHALE_TIMESTAMP, .unit = SHALE_US}},
    {"bool", {.kind = SHALE_BOOL}},
    {"int32", {.kind = SHALE_INT32}},
    {"decimal_9_2", {.kind = SHALE_DECIMAL, .precision = 9, .scale = 2}},
    {"decimal_18_4", {.kind = SHALE_DECIMAL, .precision = 18, .scale = 4}},
    {"decimal_25_0", {.kind = SHALE_DECIMAL, .precision = 25, .scale = 0}},
    {"decimal_38_38", {.kind = SHALE_DECIMAL, .precision = 38, .scale = 38}},
    {"date", {.kind = SHALE_DATE}},
    {"time", {.kind = SHALE_TIME, .unit = SHALE_US}},
    {"timestamp_ms", {.kind = SHALE_TIMESTAMP, .unit = SHALE_MS}},
    {"timestamp_ns", {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS}},
    {"int96_us", {.kind = SHALE_TIMESTAMP, .unit = SHALE_US, .int96 = true}},
    {"int96_ns", {.kind = SHALE_TIMESTAMP, .unit = SHALE_NS, .int96 = true}},
    {"uuid", {.kind = SHALE_UUID}},
    {"uuid_annotated", {.kind = SHALE_UUID, .annotate = true}},
    {"binary", {.kind = SHALE_BINARY}},
    {"json", {.kind = SHALE_JSON}},
    {"json_annotated", {.kind = SHALE_JSON, .annotate = true}},
};
enum { N_TYPES = sizeof(types) / sizeof(types[0]), N_COMMON_TYPES = 4 };

struct file_case {
    const char *name;
    enum shale_codec codec;
    uint32_t n_types; /* the first of 'types' */
    uint32_t n_rows, group_rows;
    uint32_t page_bytes, dictionary_bytes; /* 0: the default */
    uint32_t distinct;                     /* values repeat after so many; 0: never */
    uint32_t drift;                        /* one more each so many rows; 0: never */
    uint32_t null_every;                   /* 0: no nulls, 1: nothing else */
    uint32_t kept_bytes;                   /* 0: the default */
    bool modern;
    bool bloom;
};

static const struct file_case cases[] = {
    {"plain", SHALE_CODEC_NONE, N_TYPES, 500, 500, 0, 0, 0, 0, 7, 0, false, false},
    {"gzip", SHALE_CODEC_GZIP, N_TYPES, 500, 500, 0, 0, 0, 0, 7, 0, false, false},
    {"snappy", SHALE_CODEC_SNAPPY, N_TYPES, 500, 500, 0, 0, 30, 0, 5, 0, false, false},
    {"zstd", SHALE_CODEC_ZSTD, N_TYPES, 500, 500, 0, 0, 30, 0, 0, 0, false, false},
    {"no_rows", SHALE_CODEC_ZSTD, N_TYPES, 0, 1, 0, 0, 0, 0, 0, 0, false, false},
    {"one_row", SHALE_CODEC_NONE, N_TYPES, 1, 1, 0, 0, 0, 0, 0, 0, false, false},
    {"all_null", SHALE_CODEC_SNAPPY, N_TYPES, 100, 100, 0, 0, 0, 0, 1, 0, false, false},
    {"one_value", SHALE_CODEC_NONE, N_TYPES, 300, 300, 0, 0, 1, 0, 0, 0, false, false},
    {"small_pages", SHALE_CODEC_ZSTD, N_TYPES, 600, 600, 100, 0, 0, 0, 4, 0, false, false},
    {"small_dictionary", SHALE_CODEC_SNAPPY, N_TYPES, 3000, 3000, 4000, 2000, 20, 40, 4, 0, false,
     false},
    {"dictionary_pages", SHALE_CODEC_GZIP, N_TYPES, 3000, 3000, 4000, 0, 20, 40, 9, 0, false,
     false},
    {"kept_pages", SHALE_CODEC_NONE, N_TYPES, 3000, 3000, 4000, 0, 20, 40, 9, 1000, false, false},
    {"many_groups", SHALE_CODEC_ZSTD, N_TYPES, 200, 3, 0, 0, 20, 0, 6, 0, false, false},
    {"many_rows", SHALE_CODEC_ZSTD, N_COMMON_TYPES, 60000, 45000, 0, 0, 0, 0, 11, 0, false, false},
    {"modern", SHALE_CODEC_ZSTD, N_TYPES, 500, 500, 0, 0, 0, 0, 7, 0, true, false},
    {"modern_pages", SHALE_CODEC_SNAPPY, N_TYPES, 3000, 3000, 4000, 0, 20, 40, 4, 0, true, true},
    {"modern_plain", SHALE_CODEC_NONE, N_TYPES, 3000, 1500, 4000, 2000, 0, 0, 9, 0, true, true},
    {"modern_null", SHALE_CODEC_GZIP, N_TYPES, 100, 100, 0, 0, 0, 0, 1, 0, true, true},
    {"bloom", SHALE_CODEC_ZSTD, N_TYPES, 3000, 1000, 4000, 0, 0, 0, 5, 0, false, true},
    {"many_repeats", SHALE_CODEC_ZSTD, N_COMMON_TYPES, 60000, 45000, 0, 0, 9000, 0, 11, 0, false,
     false},
};

/* ---- The expected rows -------------------------------------------------------------------------
 */

struct writer {
    const struct file_case *what;
    struct shale_builder *builder;
    FILE *expected;
};

static void print_text(FILE *file, const char *data, size_t n_bytes)
{
    fputc('"', file);
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte < 0x20 || byte == '"' || byte == '\\')
            fprintf(file, "\\u%04x", byte);
        else
            fputc(byte, file);
    }
    fputc('"', file);
}

static void print_hex(FILE *file, const char *data, size_t n_bytes)
{
    fputc('"', file);
    for (size_t i = 0; i < n_bytes; i++)
        fprintf(file, "%02x", (unsigned char)data[i]);
    fputc('"', file);
}

static void print_decimal(FILE *file, shale_i128 value, size_t scale)
{
    char digits[48];
    size_t at = sizeof(digits);
    shale_u128 rest = value < 0 ? -(shale_u128)value : (shale_u128)value;
    do
        digits[--at] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    while (sizeof(digits) - at <= scale)
        digits[--at] = '0';
    fprintf(file, "\"%s%.*s", value < 0 ? "-" : "", (int)(sizeof(digits) - at - scale),
            digits + at);
    fprintf(file, "%s%.*s\"", scale > 0 ? "." : "", (int)scale, digits + sizeof(digits) - scale);
}

/* ---- Values: the k-th of a type, the extremes first
 * ---------------------------------------------- */

static uint64_t mix(uint64_t k)
{
    k = (k + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    k = (k ^ k >> 31) * 0x94d049bb133111ebu;
    return k ^ k >> 29;
}

/* From 'least' to 'most', both first. */
static int64_t within(uint64_t k, int64_t least, int64_t most)
{
    const int64_t first[] = {least, most, 0, -1, 1};
    uint64_t span = (uint64_t)most - (uint64_t)least;
    if (k < 5)
        return first[k] < least ? least : first[k];
    return (int64_t)((uint64_t)least + (span == UINT64_MAX ? mix(k) : mix(k) % (span + 1)));
}

static void put_i32(struct writer *writer, size_t column, int64_t value)
{
    shale_builder_i32(writer->builder, column, (int32_t)value);
    fprintf(writer->expected, "\"%" PRId64 "\"", value);
}

static void put_i64(struct writer *writer, size_t column, int64_t value)
{
    shale_builder_i64(writer->builder, column, value);
    fprintf(writer->expected, "\"%" PRId64 "\"", value);
}

static void put_f64(struct writer *writer, size_t column, uint64_t k)
{
    static const uint64_t first[] = {0x8000000000000000u, 0, 0x7ff0000000000000u,
                                     0xfff0000000000000u, 1, 0x7fefffffffffffffu,
                                     0x7ff8000000000000u};
    uint64_t bits = k < 7 ? first[k] : mix(k) & 0xbfffffffffffffffu;
    double value;
    memcpy(&value, &bits, sizeof(value));
    shale_builder_f64(writer->builder, column, value);
    fprintf(writer->expected, "\"%016" PRIx64 "\"", bits);
}

static void put_decimal(struct writer *writer, size_t column, const struct shale_type *type,
                        uint64_t k)
{
    shale_i128 most = 1, value;
    for (unsigned i = 0; i < type->precision; i++)
        most *= 10;
    most--;
    value = (shale_i128)((shale_u128)mix(k) << 64 | mix(k + 1)) % (most + 1);
    if (k < 5)
        value = (shale_i128[]){-most, most, 0, -1, 1}[k];
    shale_builder_i128(writer->builder, column, value);
    print_decimal(writer->expected, value, type->scale);
}

static void put_timestamp(struct writer *writer, size_t column, const struct shale_type *type,
                          uint64_t k)
{
    /* Years 1 to 9999, or 1678 to 2261 in nanoseconds: what every reader can hold.  The readers
     * make nanoseconds of INT96. */
    static const int64_t per_second[] = {
        [SHALE_MS] = 1000, [SHALE_US] = 1000000, [SHALE_NS] = 1000000000};
    int64_t least = -62135596800, most = 253402300799, ticks = per_second[type->unit], value;
    if (type->unit == SHALE_NS || type->int96) {
        least = -9214560000;
        most = 9214646399;
    }
    value = within(k, least * ticks, most * ticks + ticks - 1);
    shale_builder_i64(writer->builder, column, value);
    print_decimal(writer->expected, (shale_i128)value * (1000000000 / ticks), 0);
}

static void put_uuid(struct writer *writer, size_t column, const struct shale_type *type,
                     uint64_t k)
{
    uint64_t half[2] = {k == 0 ? 0 : mix(k), k == 0 ? 0 : mix(~k)};
    unsigned char raw[16];
    char text[37];
    shale_i128 value;
    memcpy(raw, half, sizeof(raw));
    snprintf(text, sizeof(text),
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", raw[0], raw[1],
             raw[2], raw[3], raw[4], raw[5], raw[6], raw[7], raw[8], raw[9], raw[10], raw[11],
             raw[12], raw[13], raw[14], raw[15]);
    memcpy(&value, raw, sizeof(value));
    if (type->annotate)
        shale_builder_i128(writer->builder, column, value);
    else
        shale_builder_bytes(writer->builder, column, (struct shale_str){text, 36});
    print_text(writer->expected, text, 36);
}

static void put_string(struct writer *writer, size_t column, uint64_t k)
{
    static const char *const parts[] = {"a",      "Zeile \"1\"\n",    "\xc3\xa9", "\xe2\x82\xac",
                                        "\\path", "\xf0\x9f\x90\x9a", " ",        "shale"};
    char text[512];
    size_t n = 0;
    for (uint64_t i = 0, bits = mix(k); k > 0 && i < bits % 20; i++) {
        const char *part = parts[mix(k + i * 977) % 8];
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    if (k > 5)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%" PRIu64, k);
    shale_builder_bytes(writer->builder, column, (struct shale_str){text, n});
    print_text(writer->expected, text, n);
}

static void put_binary(struct writer *writer, size_t column, uint64_t k)
{
    char bytes[200];
    size_t n = k == 0 ? 0 : mix(k) % sizeof(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = k == 1 ? (char)0xff : (char)mix(k + i);
    shale_builder_bytes(writer->builder, column, (struct shale_str){bytes, n});
    print_hex(writer->expected, bytes, n);
}

static void put_json(struct writer *writer, size_t column, uint64_t k)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "{\"k\":%" PRIu64 ",\"list\":[1,null,\"\\u00e9\"]}", k);
    shale_builder_bytes(writer->builder, column, (struct shale_str){text, (size_t)n});
    print_text(writer->expected, text, (size_t)n);
}

static void put_bool(struct writer *writer, size_t column, bool value)
{
    shale_builder_bool(writer->builder, column, value);
    fputs(value ? "true" : "false", writer->expected);
}

static void put_value(struct writer *writer, size_t column, const struct shale_type *type,
                      uint64_t k)
{
    switch (type->kind) {
    case SHALE_BOOL:
        put_bool(writer, column, (mix(k) & 3) == 0);
        break;
    case SHALE_INT32:
        put_i32(writer, column, within(k, INT32_MIN, INT32_MAX));
        break;
    case SHALE_DATE:
        put_i32(writer, column, within(k, -719162, 2932896)); /* 0001-01-01 to 9999-12-31 */
        break;
    case SHALE_INT64:
        put_i64(writer, column, within(k, INT64_MIN, INT64_MAX));
        break;
    case SHALE_TIME:
        put_i64(writer, column, within(k, 0, 86399999999));
        break;
    case SHALE_TIMESTAMP:
        put_timestamp(writer, column, type, k);
        break;
    case SHALE_FLOAT64:
        put_f64(writer, column, k);
        break;
    case SHALE_DECIMAL:
        put_decimal(writer, column, type, k);
        break;
    case SHALE_UUID:
        put_uuid(writer, column, type, k);
        break;
    case SHALE_BINARY:
        put_binary(writer, column, k);
        break;
    case SHALE_JSON:
        put_json(writer, column, k);
        break;
    case SHALE_STRING:
    default:
        put_string(writer, column, k);
        break;
    }
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

/* The value of a row is null in another pattern for each column. */
static bool is_null(const struct writer *writer, uint64_t row, uint64_t salt)
{
    uint32_t every = writer->what->null_every;
    return every > 0 && mix(row * 131 + salt) % every == 0;
}

static void put_nullable(struct writer *writer, size_t column, const struct shale_type *type,
                         uint64_t row, bool null)
{
    const struct file_case *what = writer->what;
    uint64_t distinct = what->distinct;
    if (null) {
        shale_builder_null(writer->builder, column);
        fputs("null", writer->expected);
        return;
    }
    if (what->drift > 0)
        distinct += row / what->drift;
    put_value(writer, column, type, distinct == 0 ? row : row % distinct);
}

static void put_list(struct writer *writer, size_t column, const struct shale_type *element,
                     uint64_t row)
{
    uint64_t n = row < 3 ? row : mix(row) % 5;
    shale_builder_list_begin(writer->builder, column);
    fputc('[', writer->expected);
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0)
            fputc(',', writer->expected);
        put_nullable(writer, column, element, row + i, is_null(writer, row, column + 7 * i));
    }
    fputc(']', writer->expected);
    shale_builder_list_end(writer->builder, column);
}

static void put_row(struct writer *writer, const struct shale_schema *schema, uint64_t row)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct shale_column_def *def = &schema->columns[i];
        bool null = is_null(writer, row, i);
        fprintf(writer->expected, "%s\"%s\":", i == 0 ? "{" : ",", def->name.data);
        if (def->type.kind == SHALE_LIST && !null)
            put_list(writer, i, shale_type_element(&def->type), row);
        else
            put_nullable(writer, i, &def->type, row, null);
    }
    fputs("}\n", writer->expected);
}

/* ---- Files -------------------------------------------------------------------------------------
 */

struct file_sink {
    struct shale_sink sink;
    FILE *file;
};

static enum shale_status write_file(struct shale_sink *sink, const void *data, size_t n_bytes,
                                    struct shale_err *err)
{
    (void)err;
    return fwrite(data, 1, n_bytes, ((struct file_sink *)sink)->file) == n_bytes ? SHALE_OK
                                                                                 : SHALE_IO;
}

struct one_piece {
    struct shale_column_stream stream;
    const struct shale_column *piece;
};

static enum shale_status next_piece(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct one_piece *one = (struct one_piece *)stream;
    (void)err;
    *out = one->piece;
    one->piece = NULL;
    return SHALE_OK;
}

static enum shale_status write_group(const struct file_case *what,
                                     const struct shale_schema *schema, struct shale_batch *batch,
                                     struct shale_chunk_writer *chunks, struct shale_parquet *file,
                                     struct shale_sink *sink)
{
    const struct shale_chunk_options options = {
        .codec = what->codec,
        .page_bytes = what->page_bytes,
        .dictionary_bytes = what->dictionary_bytes,
        .kept_bytes = what->kept_bytes,
        .modern = what->modern,
    };
    struct shale_chunk_meta metas[MOST_COLUMNS] = {0};
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++) {
        struct shale_column nodes[2]; /* no deeper than a list of scalars */
        struct one_piece one = {{next_piece}, nodes};
        struct shale_leaf leaf;
        shale_leaf_first(&schema->columns[i], &leaf);
        shale_batch_column(batch, i, nodes);
        status = shale_chunk_write(chunks, &leaf, &options, &one.stream, sink, &metas[i], NULL);
    }
    if (status == SHALE_OK)
        status = shale_parquet_row_group(
            file, &(struct shale_row_group){.metas = metas, .n_rows = shale_batch_n_rows(batch)},
            sink, NULL);
    return status;
}

static enum shale_status write_groups(struct writer *writer, const struct shale_schema *schema,
                                      struct shale_chunk_writer *chunks, struct shale_parquet *file,
                                      struct shale_sink *sink)
{
    const struct file_case *what = writer->what;
    enum shale_status status = shale_parquet_begin(file, sink, NULL);
    for (uint32_t row = 0; row < what->n_rows && status == SHALE_OK;) {
        struct shale_batch *batch;
        for (uint32_t n = 0; n < what->group_rows && row < what->n_rows; n++, row++) {
            put_row(writer, schema, row);
            status = shale_builder_row(writer->builder);
        }
        if (status == SHALE_OK)
            status = shale_builder_split(writer->builder, NULL, 1, &batch);
        if (status != SHALE_OK)
            break;
        status = write_group(what, schema, batch, chunks, file, sink);
        shale_batch_free(&shale_mem_libc, batch);
        shale_builder_reset(writer->builder, SIZE_MAX);
    }
    return status == SHALE_OK ? shale_parquet_finish(file, NULL, 0, sink, NULL) : status;
}

static FILE *open_file(const char *directory, const char *name, const char *suffix)
{
    char path[4096];
    FILE *file;
    snprintf(path, sizeof(path), "%s/%s%s", directory, name, suffix);
    file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static bool write_case(const char *directory, const struct file_case *what,
                       const struct shale_schema *schema)
{
    struct file_sink sink = {{write_file}, open_file(directory, what->name, ".parquet")};
    struct writer writer = {.what = what, .expected = open_file(directory, what->name, ".ndjson")};
    struct shale_chunk_writer *chunks = NULL;
    struct shale_parquet *file = NULL;
    enum shale_status status = shale_builder_new(&shale_mem_libc, schema, &writer.builder);
    bool closed;
    if (status == SHALE_OK)
        status = shale_chunk_writer_new(&shale_mem_libc, &chunks);
    if (status == SHALE_OK)
        status = shale_parquet_new(&shale_mem_libc, schema, what->codec,
                                   "shale version 0.1.0 (build interop)", &file);
    if (status == SHALE_OK)
        status = write_groups(&writer, schema, chunks, file, &sink.sink);
    shale_parquet_free(file);
    shale_chunk_writer_free(chunks);
    shale_builder_free(writer.builder);
    closed = fclose(sink.file) == 0;
    closed = fclose(writer.expected) == 0 && closed;
    if (status != SHALE_OK || !closed)
        fprintf(stderr, "%s: %s\n", what->name, shale_status_name(status));
    return status == SHALE_OK && closed;
}

int main(int argc, char **argv)
{
    static char list_names[N_TYPES][64];
    struct shale_type_member elements[N_TYPES];
    struct shale_column_def columns[2 * N_TYPES];
    if (argc != 2) {
        fprintf(stderr, "usage: write_types DIRECTORY\n");
        return 2;
    }
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct shale_schema schema = {columns, 2 * cases[c].n_types};
        for (size_t i = 0; i < cases[c].n_types; i++) {
            snprintf(list_names[i], sizeof(list_names[i]), "list_%s", types[i].name);
            elements[i] = (struct shale_type_member){SHALE_STR("element"), types[i].type};
            columns[2 * i] = (struct shale_column_def){.name = shale_str_of(types[i].name),
                                                       .type = types[i].type};
            columns[2 * i + 1] = (struct shale_column_def){
                .name = shale_str_of(list_names[i]),
                .type = {.kind = SHALE_LIST, .members = &elements[i], .n_members = 1}};
        }
        for (size_t i = 0; i < schema.n_columns; i++)
            columns[i].bloom_fpp = cases[c].bloom ? 0.01 : 0;
        if (!write_case(argv[1], &cases[c], &schema))
            return 1;
    }
    return 0;
}
