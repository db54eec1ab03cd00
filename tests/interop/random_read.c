/* SPDX-License-Identifier: MIT */
/* Random files: reading again. */
#include <string.h>

#include "../unit/rows_walk.h"
#include "random_file.h"

/* ---- Two values ---------------------------------------------------------------------------------
 */

/* INT96 is read as nanoseconds, whatever the unit was. */
static bool same_i64(const struct shale_type *type, const struct shale_type *read_type,
                     int64_t written, int64_t found)
{
    static const int64_t nanoseconds[] = {[SHALE_MS] = 1000000, [SHALE_US] = 1000, [SHALE_NS] = 1};
    if (type->kind == SHALE_TIMESTAMP && type->unit != read_type->unit)
        return type->int96 &&
               written * nanoseconds[type->unit] == found * nanoseconds[read_type->unit];
    return written == found;
}

static bool same_bytes(const struct shale_column *a, int64_t i, const struct shale_column *b,
                       int64_t k)
{
    int64_t n = a->offsets[i + 1] - a->offsets[i];
    return n == b->offsets[k + 1] - b->offsets[k] &&
           (n == 0 || memcmp((const char *)a->data + a->offsets[i],
                             (const char *)b->data + b->offsets[k], (size_t)n) == 0);
}

static bool same_value(const struct shale_type *type, const struct shale_type *read_type,
                       const struct shale_column *a, int64_t i, const struct shale_column *b,
                       int64_t k);

/* The children of a struct's row, or of rows of a list's elements. */
static bool same_children(const struct shale_type *type, const struct shale_type *read_type,
                          const struct shale_column *a, int64_t i, const struct shale_column *b,
                          int64_t k)
{
    const struct shale_column *x = a->child, *y = b->child;
    for (size_t m = 0; m < type->n_members; m++, x = x->next, y = y->next) {
        if (!same_value(&type->members[m].type, &read_type->members[m].type, x, i, y, k))
            return false;
    }
    return true;
}

static bool same_list(const struct shale_type *type, const struct shale_type *read_type,
                      const struct shale_column *a, int64_t i, const struct shale_column *b,
                      int64_t k)
{
    int32_t n = a->offsets[i + 1] - a->offsets[i];
    if (n != b->offsets[k + 1] - b->offsets[k])
        return false;
    for (int32_t e = 0; e < n; e++) {
        if (!same_children(type, read_type, a, a->offsets[i] + e, b, b->offsets[k] + e))
            return false;
    }
    return true;
}

static bool same_value(const struct shale_type *type, const struct shale_type *read_type,
                       const struct shale_column *a, int64_t i, const struct shale_column *b,
                       int64_t k)
{
    enum shale_layout layout = shale_type_layout(type);
    size_t width = shale_layout_width(layout);
    bool null = shale_column_is_null(a, i);
    if (layout != shale_type_layout(read_type) || null != shale_column_is_null(b, k))
        return false;
    if (null)
        return true;
    switch (layout) {
    case SHALE_LAYOUT_BOOL:
        return shale_bit(a->data, i) == shale_bit(b->data, k);
    case SHALE_LAYOUT_BYTES:
        return same_bytes(a, i, b, k);
    case SHALE_LAYOUT_LIST:
        return same_list(type, read_type, a, i, b, k);
    case SHALE_LAYOUT_STRUCT:
        return same_children(type, read_type, a, i, b, k);
    case SHALE_LAYOUT_I64:
        return same_i64(type, read_type, ((const int64_t *)a->data)[i],
                        ((const int64_t *)b->data)[k]);
    default:
        return memcmp((const char *)a->data + (size_t)i * width,
                      (const char *)b->data + (size_t)k * width, width) == 0;
    }
}

/* ---- Rows
 * ----------------------------------------------------------------------------------------
 */

/* Column 'column' of what was written at 'row' of the file; returns the row in it. */
static int64_t written(const struct random_file *file, size_t column, int64_t row,
                       struct shale_column *nodes)
{
    size_t i = 0;
    for (; row >= shale_batch_n_rows(file->batches[i]); i++)
        row -= shale_batch_n_rows(file->batches[i]);
    shale_batch_column(file->batches[i], column, nodes);
    return row;
}

struct pass {
    struct random_file *file;
    const struct shale_reader *reader;
    struct shale_scan_options options;
    size_t columns[RANDOM_COLUMNS];
    struct shale_scan_condition condition;
    int64_t next_row; /* of the file, that is to come; with a condition the least that may */
};

static bool fault(const struct pass *pass, const char *what, int64_t row, size_t column)
{
    snprintf(pass->file->fault, sizeof(pass->file->fault), "%s: row %lld, column %zu%s%s", what,
             (long long)row, column, pass->options.n_where > 0 ? ", with a condition" : "",
             pass->options.columns != NULL ? ", some columns" : "");
    return false;
}

static bool check_row(const struct pass *pass, const struct shale_rows *rows, int64_t i)
{
    const struct shale_schema *schema = &pass->file->schema.schema;
    const struct shale_schema *read = &shale_reader_file(pass->reader)->schema;
    struct shale_column nodes[RANDOM_NODES + 1];
    for (size_t c = 0; c < rows->n_columns; c++) {
        size_t column = pass->options.columns == NULL ? c : pass->columns[c];
        int64_t row = written(pass->file, column, rows->first_row + i, nodes);
        if (!same_value(&schema->columns[column].type, &read->columns[column].type, nodes, row,
                        &rows->columns[c], i))
            return fault(pass, "another value", rows->first_row + i, column);
    }
    return true;
}

/* Does what was written at 'row' meet the condition? */
static bool meets(const struct pass *pass, int64_t row)
{
    const struct shale_type *type = &pass->file->schema.schema.columns[pass->condition.column].type;
    struct shale_column node;
    int64_t at = written(pass->file, pass->condition.column, row, &node);
    size_t width = shale_layout_width(shale_type_layout(type));
    struct shale_str value = pass->condition.value;
    if (shale_column_is_null(&node, at) || pass->condition.is_null)
        return shale_column_is_null(&node, at) == pass->condition.is_null;
    if (shale_type_layout(type) == SHALE_LAYOUT_BOOL)
        return shale_bit(node.data, at) == (value.data[0] != 0);
    if (shale_type_layout(type) == SHALE_LAYOUT_BYTES)
        return value.n_bytes == (size_t)(node.offsets[at + 1] - node.offsets[at]) &&
               (value.n_bytes == 0 ||
                memcmp((const char *)node.data + node.offsets[at], value.data, value.n_bytes) == 0);
    return memcmp((const char *)node.data + (size_t)at * width, value.data, width) == 0;
}

/* Rows before 'row' that no piece brought: none of them meets the condition. */
static bool check_left_out(struct pass *pass, int64_t row)
{
    for (; pass->next_row < row; pass->next_row++) {
        if (pass->options.n_where == 0 || meets(pass, pass->next_row))
            return fault(pass, "left out", pass->next_row, pass->condition.column);
    }
    return true;
}

static bool check_piece(struct pass *pass, const struct shale_rows *rows)
{
    if (rows->first_row < pass->next_row)
        return fault(pass, "a row again", rows->first_row, 0);
    for (int64_t i = 0; i < rows->n_rows; i++) {
        bool selected = rows->selected == NULL || shale_bit(rows->selected, i);
        if (!check_left_out(pass, rows->first_row + i))
            return false;
        if (pass->options.n_where > 0 && meets(pass, rows->first_row + i) != selected)
            return fault(pass, selected ? "selected" : "not selected", rows->first_row + i,
                         pass->condition.column);
        if (!check_row(pass, rows, i))
            return false;
        pass->next_row++;
    }
    return true;
}

static bool run(struct pass *pass, int64_t skip)
{
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows = NULL;
    struct shale_err err = {0};
    enum shale_status status = shale_scan_new(pass->reader, &pass->options, &scan, &err);
    bool same = true;
    pass->next_row = skip;
    if (status == SHALE_OK && skip > 0)
        status = shale_scan_skip(scan, skip, &err);
    while (status == SHALE_OK && same) {
        status = shale_scan_next(scan, &rows, &err);
        if (status != SHALE_OK || rows == NULL)
            break;
        same = check_piece(pass, rows);
    }
    if (status == SHALE_OK && same)
        same = check_left_out(pass, pass->file->options.n_rows);
    if (status != SHALE_OK)
        snprintf(pass->file->fault, sizeof(pass->file->fault), "reading: %s: %.200s",
                 shale_status_name(status), err.message);
    shale_scan_free(scan);
    return status == SHALE_OK && same;
}

/* ---- What is asked ------------------------------------------------------------------------------
 */

static struct pass pass_of(struct random_file *file, const struct shale_reader *reader,
                           int64_t batch_rows)
{
    return (struct pass){.file = file, .reader = reader, .options = {.batch_rows = batch_rows}};
}

static bool some_columns(struct random_file *file, const struct shale_reader *reader,
                         struct random_bits *bits)
{
    struct pass pass = pass_of(file, reader, 0);
    size_t n = file->schema.schema.n_columns;
    for (size_t i = 0; i < n; i++)
        pass.columns[i] = i;
    for (size_t i = n; i-- > 1;) {
        size_t other = random_below(bits, i + 1), column = pass.columns[i];
        pass.columns[i] = pass.columns[other];
        pass.columns[other] = column;
    }
    pass.options.columns = pass.columns;
    pass.options.n_columns = 1 + random_below(bits, n);
    return run(&pass, 0);
}

/* A value that is there, of the first scalar column behind a random one; floats are left out:
 * their equality is not that of their bits. */
static bool by_value(struct random_file *file, const struct shale_reader *reader,
                     struct random_bits *bits)
{
    struct pass pass = pass_of(file, reader, 1 + (int64_t)random_below(bits, 200));
    const struct shale_schema *schema = &file->schema.schema;
    struct shale_column nodes[RANDOM_NODES + 1];
    for (size_t i = 0, first = random_below(bits, schema->n_columns); i < schema->n_columns; i++) {
        size_t column = (first + i) % schema->n_columns;
        enum shale_layout layout = shale_type_layout(&schema->columns[column].type);
        int64_t row;
        char bit;
        if (file->options.n_rows == 0 || schema->columns[column].type.n_members > 0 ||
            schema->columns[column].type.int96 || layout == SHALE_LAYOUT_F32 ||
            layout == SHALE_LAYOUT_F64)
            continue;
        row = written(file, column, (int64_t)random_below(bits, file->options.n_rows), nodes);
        pass.condition = (struct shale_scan_condition){
            column, shale_column_is_null(nodes, row), {"", shale_layout_width(layout)}};
        if (layout == SHALE_LAYOUT_BOOL) {
            bit = shale_bit(nodes->data, row);
            pass.condition.value = (struct shale_str){&bit, 1};
        } else if (layout == SHALE_LAYOUT_BYTES) {
            int32_t begin = nodes->offsets[row], end = nodes->offsets[row + 1];
            if (begin < end)
                pass.condition.value =
                    (struct shale_str){(const char *)nodes->data + begin, (size_t)(end - begin)};
        } else {
            pass.condition.value.data =
                (const char *)nodes->data + (size_t)row * pass.condition.value.n_bytes;
        }
        pass.options.where = &pass.condition;
        pass.options.n_where = 1;
        return run(&pass, 0);
    }
    return true;
}

/* Encodings that some reader cannot take are written only where they are asked for: DuckDB and
 * Polars know BYTE_STREAM_SPLIT of floats alone, Spark's vectorised reader takes other values from
 * DELTA_LENGTH_BYTE_ARRAY. */
static bool check_encodings(struct random_file *file, const struct shale_reader *reader)
{
    const struct shale_file *meta = shale_reader_file(reader);
    for (size_t i = 0; i < meta->n_row_groups * meta->n_leaves; i++) {
        const struct shale_file_chunk *chunk =
            &meta->row_groups[i / meta->n_leaves].chunks[i % meta->n_leaves];
        const struct shale_file_leaf *leaf = &meta->leaves[i % meta->n_leaves];
        int physical = meta->nodes[leaf->node].physical;
        bool is_float = physical == SHALE_PHYSICAL_FLOAT || physical == SHALE_PHYSICAL_DOUBLE;
        for (size_t k = 0; k < chunk->n_encodings; k++) {
            int encoding = chunk->encodings[k];
            if (file->schema.columns[leaf->column].encoding != SHALE_ENCODE_AUTO ||
                (encoding != SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY &&
                 (encoding != SHALE_ENCODING_BYTE_STREAM_SPLIT || is_float)))
                continue;
            snprintf(file->fault, sizeof(file->fault), "encoding %d of column %zu by itself",
                     encoding, leaf->column);
            return false;
        }
    }
    return true;
}

bool random_file_check(struct random_file *file)
{
    struct rows_file bytes = rows_file_of(file->bytes.data, file->bytes.n_bytes);
    struct random_bits bits = file->rows.bits;
    struct shale_reader *reader = NULL;
    struct shale_err err = {0};
    enum shale_status status = shale_reader_open(&shale_mem_libc, &bytes.random,
                                                 &(struct shale_reader_options){0}, &reader, &err);
    struct pass all, tail;
    bool same;
    if (status != SHALE_OK) {
        snprintf(file->fault, sizeof(file->fault), "opening: %s: %.200s", shale_status_name(status),
                 err.message);
        return false;
    }
    all = pass_of(file, reader, 1 + (int64_t)random_below(&bits, 500));
    tail = pass_of(file, reader, 0);
    same = check_encodings(file, reader) && run(&all, 0) && some_columns(file, reader, &bits) &&
           by_value(file, reader, &bits) &&
           run(&tail, (int64_t)random_below(&bits, file->options.n_rows + 1u));
    shale_reader_free(reader);
    return same;
}
