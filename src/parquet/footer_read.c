/* SPDX-License-Identifier: MIT */
/* The fields of FileMetaData (parquet.thrift). */
#include "parquet/created_by.h"
#include "parquet/footer_read.h"

void shale_footer_fail(struct shale_footer_reader *footer, enum shale_status status)
{
    if (!shale_footer_failed(footer))
        footer->status = status;
    shale_thrift_problem(&footer->thrift, "");
}

bool shale_footer_failed(const struct shale_footer_reader *footer)
{
    return footer->status != SHALE_OK || footer->thrift.problem != NULL;
}

void *shale_footer_zeroed(struct shale_footer_reader *footer, size_t n, size_t element_bytes)
{
    struct shale_reader *reader = footer->reader;
    void *memory = NULL;
    if (n <= (reader->arena.cap - reader->arena.n_total) / element_bytes) {
        memory = shale_arena_zeroed(&reader->arena, n, element_bytes);
        if (memory == NULL)
            shale_footer_fail(footer, shale_reader_no_memory(reader, "the footer", footer->err));
    } else {
        shale_footer_fail(footer, SHALE_ERR(footer->err, parquet_memory, "the footer",
                                            reader->options.memory_bytes));
    }
    return memory;
}

static void read_key_values(struct shale_footer_reader *footer,
                            const struct shale_thrift_field *field)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    size_t n = shale_thrift_read_list(thrift, field, SHALE_THRIFT_STRUCTS);
    struct shale_file_key_value *pairs = shale_footer_zeroed(footer, n, sizeof *pairs);
    struct shale_thrift_field part;
    if (pairs == NULL)
        return;
    for (size_t i = 0; i < n && thrift->problem == NULL; i++) {
        shale_thrift_open(thrift);
        while (shale_thrift_field(thrift, &part)) {
            if (part.id == 1) {
                pairs[i].key = shale_thrift_read_binary(thrift, &part);
            } else if (part.id == 2) {
                pairs[i].value = shale_thrift_read_binary(thrift, &part);
                pairs[i].has_value = pairs[i].value.data != NULL;
            } else {
                shale_thrift_skip(thrift, &part);
            }
        }
    }
    footer->reader->meta.key_values = pairs;
    footer->reader->meta.n_key_values = n;
}

/* A list of another length than there are leaves says nothing. */
static void read_column_orders(struct shale_footer_reader *footer,
                               const struct shale_thrift_field *field)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    size_t n = shale_thrift_read_list(thrift, field, SHALE_THRIFT_STRUCTS);
    bool *ordered = shale_footer_zeroed(footer, n, sizeof *ordered);
    struct shale_thrift_field part;
    if (ordered == NULL)
        return;
    for (size_t i = 0; i < n && thrift->problem == NULL; i++) {
        shale_thrift_open(thrift);
        while (shale_thrift_field(thrift, &part)) {
            if (part.id == 1) /* TYPE_ORDER */
                ordered[i] = true;
            shale_thrift_skip(thrift, &part);
        }
    }
    if (n == footer->reader->meta.n_leaves)
        footer->ordered = ordered;
}

enum { SEEN_SCHEMA = 1 << 2, SEEN_ROWS = 1 << 3, SEEN_ROW_GROUPS = 1 << 4, SEEN_ALL = 0x1c };

static void read_field(struct shale_footer_reader *footer, const struct shale_thrift_field *field,
                       unsigned *seen)
{
    struct shale_file *meta = &footer->reader->meta;
    struct shale_thrift_reader *thrift = &footer->thrift;
    if (field->id >= 2 && field->id <= 4) {
        if ((*seen & 1u << field->id) != 0)
            shale_thrift_problem(thrift, "a field is there twice");
        *seen |= 1u << field->id;
    }
    switch (field->id) {
    case 1:
        meta->version = shale_thrift_read_i32(thrift, field);
        return;
    case 2:
        shale_footer_read_schema(footer, field);
        return;
    case 3:
        meta->n_rows = shale_thrift_read_i64(thrift, field);
        return;
    case 4: /* its chunks are checked against the schema; each writer writes by field number */
        if ((*seen & SEEN_SCHEMA) == 0)
            shale_thrift_problem(thrift, "the row groups come before the schema");
        shale_footer_read_row_groups(footer, field);
        return;
    case 5:
        read_key_values(footer, field);
        return;
    case 6:
        meta->created_by = shale_thrift_read_binary(thrift, field);
        return;
    case 7:
        read_column_orders(footer, field);
        return;
    case 8: /* encryption_algorithm of a file whose footer is not encrypted: see the chunks */
        meta->is_signed = true;
        shale_thrift_skip(thrift, field);
        return;
    default:
        shale_thrift_skip(thrift, field);
    }
}

/* Some writers left FileMetaData.num_rows at 0. */
static void check_rows(struct shale_footer_reader *footer)
{
    struct shale_file *meta = &footer->reader->meta;
    int64_t n = 0;
    if (meta->n_row_groups > 0) {
        const struct shale_file_row_group *last = &meta->row_groups[meta->n_row_groups - 1];
        n = last->first_row + last->n_rows;
    }
    meta->said_rows = meta->n_rows;
    meta->n_rows = n;
    if (meta->said_rows != n && meta->said_rows != 0)
        shale_footer_fail(
            footer, SHALE_ERR(footer->err, parquet_rows, (long long)meta->said_rows, (long long)n));
}

/* Row groups that grew into a file of ours are as their writer made them. */
static void settle_writer(struct shale_file *meta)
{
    size_t n = 0;
    meta->n_others = meta->n_row_groups;
    if (!shale_file_is_ours(meta))
        return;
    for (size_t i = 0; i < meta->n_key_values; i++) {
        const struct shale_str value = meta->key_values[i].value;
        if (!shale_str_is(meta->key_values[i].key, SHALE_OTHERS_KEY))
            continue;
        n = 0;
        for (size_t k = 0; k < value.n_bytes && value.data[k] >= '0' && value.data[k] <= '9'; k++)
            n = n > meta->n_row_groups ? n : n * 10 + (size_t)(value.data[k] - '0');
    }
    meta->n_others = n < meta->n_row_groups ? n : meta->n_row_groups;
}

enum shale_status shale_footer_read(struct shale_reader *reader, const void *bytes, size_t n_bytes,
                                    int64_t file_at, struct shale_err *err)
{
    struct shale_footer_reader footer = {.reader = reader, .err = err, .status = SHALE_OK};
    struct shale_thrift_field field;
    unsigned seen = 0;
    shale_thrift_reader_init(&footer.thrift, bytes, n_bytes, file_at);
    shale_thrift_open(&footer.thrift);
    while (shale_thrift_field(&footer.thrift, &field))
        read_field(&footer, &field, &seen);
    if (!shale_footer_failed(&footer) && seen != SEEN_ALL)
        shale_thrift_problem(&footer.thrift, "its schema, row groups or number of rows is missing");
    /* Behind the struct a signed footer has its signature (Encryption.md, 5.3). */
    if (!shale_footer_failed(&footer))
        check_rows(&footer);
    if (!shale_footer_failed(&footer))
        shale_footer_settle_chunks(&footer);
    settle_writer(&reader->meta);
    if (!shale_footer_failed(&footer))
        shale_footer_make_types(&footer);
    if (footer.status != SHALE_OK)
        return footer.status;
    return shale_thrift_reader_status(&footer.thrift, "the footer", err);
}
