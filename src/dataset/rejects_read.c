/* SPDX-License-Identifier: MIT */
/* The rows of a file of rejects, a few at a time: an event may have a MiB. */
#include "dataset/rejects_read.h"

#include <stdio.h>

#include "parquet/reader.h"

enum {
    MEMORY_BYTES = 48 << 20,
    EVENT_ROWS = 32,   /* of a batch, with events */
    PLAIN_ROWS = 4096, /* without */
    NULL_BITS = PLAIN_ROWS / 8
};

struct shale_rejects_reader {
    const struct shale_mem *mem;
    struct shale_store_file *file;
    bool is_borrowed; /* the file is somebody else's */
    struct shale_reader *reader;
    struct shale_scan *scan;
    size_t scanned[SHALE_REJECTS_COLUMNS]; /* columns of the file that are read */
    size_t n_scanned;
    struct shale_column columns[SHALE_REJECTS_COLUMNS];
    const struct shale_rows *rows; /* NULL: before the first batch, or at the end */
    int64_t next;                  /* of these */
    struct shale_rejects_row row;
    /* What stands for a column that is not read. */
    uint8_t no_validity[NULL_BITS];
    int32_t no_offsets[PLAIN_ROWS + 1];
};

/* ---- Opening -----------------------------------------------------------------------------------
 */

static bool is_wanted(size_t column, enum shale_rejects_wanted wanted)
{
    switch (wanted) {
    case SHALE_REJECTS_KINDS:
        return column == SHALE_REJECTS_RECORD || column == SHALE_REJECTS_RULE;
    case SHALE_REJECTS_NO_EVENTS:
        return column != SHALE_REJECTS_EVENT && column != SHALE_REJECTS_EVENT_BINARY;
    case SHALE_REJECTS_ALL:
        break;
    }
    return true;
}

static void choose_columns(struct shale_rejects_reader *reader, size_t n_columns,
                           enum shale_rejects_wanted wanted)
{
    for (size_t i = 0; i < n_columns; i++)
        if (is_wanted(i, wanted))
            reader->scanned[reader->n_scanned++] = i;
}

static enum shale_status begin_scan(struct shale_rejects_reader *reader,
                                    const struct shale_rejects_read_options *options,
                                    struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(reader->reader);
    struct shale_scan_condition where[3];
    struct shale_scan_options scan = {
        .columns = reader->scanned,
        .where = where,
        .batch_rows = options->columns == SHALE_REJECTS_ALL ? EVENT_ROWS : PLAIN_ROWS};
    if (!shale_rejects_is_schema(&file->schema))
        return SHALE_ERR(err, rejects_schema);
    if (options->n_rows >= 0 && file->n_rows != options->n_rows)
        return SHALE_ERR(err, rejects_rows, (long long)file->n_rows, (long long)options->n_rows);
    choose_columns(reader, file->schema.n_columns, options->columns);
    scan.n_columns = reader->n_scanned;
    if (options->object.n_bytes > 0)
        where[scan.n_where++] =
            (struct shale_scan_condition){.column = SHALE_REJECTS_OBJECT, .value = options->object};
    if (options->rule.n_bytes > 0)
        where[scan.n_where++] =
            (struct shale_scan_condition){.column = SHALE_REJECTS_RULE, .value = options->rule};
    if (options->field.n_bytes > 0)
        where[scan.n_where++] =
            (struct shale_scan_condition){.column = SHALE_REJECTS_FIELD, .value = options->field};
    return shale_scan_new(reader->reader, &scan, &reader->scan, err);
}

enum shale_status shale_rejects_open(struct shale_store *store, struct shale_str path,
                                     const struct shale_rejects_read_options *options,
                                     struct shale_rejects_reader **out, struct shale_err *err)
{
    const struct shale_mem *mem = store->env->mem;
    const struct shale_reader_options memory = {options->memory_bytes > 0 ? options->memory_bytes
                                                                          : (size_t)MEMORY_BYTES};
    struct shale_rejects_reader *reader;
    char key[SHALE_KEY_BYTES + 1];
    enum shale_status status;
    *out = NULL;
    if (path.n_bytes > SHALE_KEY_BYTES)
        return SHALE_ERR(err, rejects_schema);
    reader = shale_mem_zeroed(mem, 1, sizeof *reader);
    if (reader == NULL)
        return SHALE_ERR(err, no_memory);
    reader->mem = mem;
    (void)snprintf(key, sizeof key, "%.*s", SHALE_STR_ARG(path));
    reader->file = options->file;
    reader->is_borrowed = options->file != NULL;
    status = reader->is_borrowed ? SHALE_OK : shale_store_open(store, key, &reader->file, err);
    if (status == SHALE_OK)
        status = shale_reader_open(mem, &reader->file->random, &memory, &reader->reader, err);
    if (status == SHALE_OK)
        status = begin_scan(reader, options, err);
    if (status == SHALE_OK) {
        *out = reader;
        return SHALE_OK;
    }
    shale_err_at(err, key, -1, -1);
    shale_rejects_close(reader);
    return status;
}

void shale_rejects_close(struct shale_rejects_reader *reader)
{
    if (reader == NULL)
        return;
    shale_scan_free(reader->scan);
    shale_reader_free(reader->reader);
    if (!reader->is_borrowed)
        shale_store_close(reader->file);
    shale_mem_free(reader->mem, reader);
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

static void set_columns(struct shale_rejects_reader *reader)
{
    const struct shale_rows *rows = reader->rows;
    const struct shale_column none = {.n_rows = rows->n_rows,
                                      .n_nulls = rows->n_rows,
                                      .validity = reader->no_validity,
                                      .offsets = reader->no_offsets};
    for (size_t i = 0; i < SHALE_REJECTS_COLUMNS; i++)
        reader->columns[i] = none;
    for (size_t i = 0; i < reader->n_scanned; i++)
        reader->columns[reader->scanned[i]] = rows->columns[i];
}

static struct shale_str text_at(const struct shale_column *column, int64_t row)
{
    const int32_t *at = column->offsets + row;
    const char *data = column->data;
    if (shale_column_is_null(column, row))
        return (struct shale_str){NULL, 0};
    return (struct shale_str){data == NULL ? "" : data + at[0], (size_t)(at[1] - at[0])};
}

static int64_t number_at(const struct shale_column *column, int64_t row)
{
    return shale_column_is_null(column, row) ? -1 : ((const int64_t *)column->data)[row];
}

static void set_row(struct shale_rejects_reader *reader, int64_t i)
{
    const struct shale_column *columns = reader->columns;
    struct shale_rejects_row *row = &reader->row;
    *row =
        (struct shale_rejects_row){.object = text_at(&columns[SHALE_REJECTS_OBJECT], i),
                                   .record = number_at(&columns[SHALE_REJECTS_RECORD], i),
                                   .byte = number_at(&columns[SHALE_REJECTS_BYTE], i),
                                   .pointer = text_at(&columns[SHALE_REJECTS_POINTER], i),
                                   .field = text_at(&columns[SHALE_REJECTS_FIELD], i),
                                   .rule = text_at(&columns[SHALE_REJECTS_RULE], i),
                                   .message = text_at(&columns[SHALE_REJECTS_MESSAGE], i),
                                   .raw = text_at(&columns[SHALE_REJECTS_EVENT], i),
                                   .raw_bytes = number_at(&columns[SHALE_REJECTS_EVENT_BYTES], i),
                                   .source = text_at(&columns[SHALE_REJECTS_SOURCE_ID], i),
                                   .tag = text_at(&columns[SHALE_REJECTS_TAG], i),
                                   .columns = columns,
                                   .index = i};
    if (row->raw.data == NULL)
        row->raw = text_at(&columns[SHALE_REJECTS_EVENT_BINARY], i);
}

enum shale_status shale_rejects_next(struct shale_rejects_reader *reader,
                                     const struct shale_rejects_row **out, struct shale_err *err)
{
    *out = NULL;
    for (;;) {
        while (reader->rows != NULL && reader->next < reader->rows->n_rows) {
            int64_t i = reader->next++;
            if (reader->rows->selected != NULL && !shale_bit(reader->rows->selected, i))
                continue;
            set_row(reader, i);
            *out = &reader->row;
            return SHALE_OK;
        }
        enum shale_status status = shale_scan_next(reader->scan, &reader->rows, err);
        if (status != SHALE_OK || reader->rows == NULL)
            return status;
        set_columns(reader);
        reader->next = 0;
    }
}

enum shale_status shale_rejects_copy(struct shale_builder *builder,
                                     const struct shale_rejects_row *row)
{
    for (size_t i = 0; i < SHALE_REJECTS_COLUMNS; i++) {
        const struct shale_column *column = &row->columns[i];
        if (shale_column_is_null(column, row->index))
            shale_builder_null(builder, i);
        else if (column->offsets == NULL)
            shale_builder_i64(builder, i, number_at(column, row->index));
        else
            shale_builder_bytes(builder, i, text_at(column, row->index));
    }
    return shale_builder_row(builder);
}
