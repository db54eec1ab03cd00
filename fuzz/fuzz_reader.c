/* SPDX-License-Identifier: MIT */
/* Arbitrary bytes as a Parquet file: opened, its page indexes and bloom filters read, then all rows
 * of all columns, then the rows that have the first row's value in a column, then what is behind
 * some skipped rows.  Whatever the bytes are: rows that keep the promises of columns/column.h, or
 * an error; never more memory than the limit. */
#include "../tests/unit/rows_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 32 << 20, MOST_ROWS = 200000, MOST_CHUNKS = 64, BATCH_ROWS = 1000 };

static const struct shale_scan_options everything = {.batch_rows = BATCH_ROWS};

/* The value of 'row' of a scalar column, as a condition has it. */
static struct shale_str value_at(enum shale_layout layout, const struct shale_column *column,
                                 int64_t row, char *bit)
{
    const char *data = column->data;
    size_t width = shale_layout_width(layout);
    if (layout == SHALE_LAYOUT_BOOL) {
        *bit = shale_bit(column->data, row);
        return (struct shale_str){bit, 1};
    }
    if (layout == SHALE_LAYOUT_BYTES)
        return (struct shale_str){
            column->offsets[row + 1] == column->offsets[row] ? "" : data + column->offsets[row],
            (size_t)(column->offsets[row + 1] - column->offsets[row])};
    return (struct shale_str){data + (size_t)row * width, width};
}

static bool is_scalar(enum shale_layout layout)
{
    return layout != SHALE_LAYOUT_LIST && layout != SHALE_LAYOUT_STRUCT;
}

/* What was seen in the first scalar column's first row. */
struct wanted {
    bool found;
    struct shale_scan_condition condition;
    char bytes[256];
};

static void note_value(const struct shale_schema *schema, const struct shale_rows *rows,
                       struct wanted *out)
{
    for (size_t i = 0; i < schema->n_columns && !out->found; i++) {
        enum shale_layout layout = shale_type_layout(&schema->columns[i].type);
        struct shale_str value = {NULL, 0};
        char bit;
        if (!is_scalar(layout))
            continue;
        out->condition = (struct shale_scan_condition){
            .column = i, .is_null = shale_column_is_null(&rows->columns[i], 0)};
        if (!out->condition.is_null)
            value = value_at(layout, &rows->columns[i], 0, &bit);
        if (value.n_bytes > sizeof(out->bytes))
            continue;
        if (value.n_bytes > 0)
            memcpy(out->bytes, value.data, value.n_bytes);
        out->condition.value = (struct shale_str){out->bytes, value.n_bytes};
        out->found = true;
    }
}

/* Every row that is said to meet the condition does. */
static void check_selected(const struct shale_schema *schema, const struct shale_rows *rows,
                           const struct wanted *wanted)
{
    const struct shale_column *column = &rows->columns[wanted->condition.column];
    const struct shale_type *type = &schema->columns[wanted->condition.column].type;
    enum shale_layout layout = shale_type_layout(type);
    for (int64_t i = 0; i < rows->n_rows; i++) {
        bool null = shale_column_is_null(column, i);
        char bit;
        if (rows->selected != NULL && !shale_bit(rows->selected, i))
            continue;
        rows_require(null == wanted->condition.is_null);
        if (!null && layout != SHALE_LAYOUT_F32 && layout != SHALE_LAYOUT_F64) /* 0 is -0 */
            rows_require(
                shale_str_equal(value_at(layout, column, i, &bit), wanted->condition.value));
    }
}

static void scan(const struct shale_reader *reader, const struct shale_scan_options *options,
                 int64_t skip, struct wanted *wanted)
{
    const struct shale_schema *schema = &shale_reader_file(reader)->schema;
    const struct shale_rows *rows;
    struct shale_scan *it = NULL;
    struct shale_err err;
    uint64_t hash = 0;
    int64_t n_rows = 0;
    enum shale_status status = shale_scan_new(reader, options, &it, &err);
    if (status == SHALE_OK && skip > 0)
        status = shale_scan_skip(it, skip, &err);
    while (status == SHALE_OK && n_rows < MOST_ROWS &&
           (status = shale_scan_next(it, &rows, &err)) == SHALE_OK && rows != NULL) {
        rows_require(rows->n_rows <= BATCH_ROWS);
        hash = rows_walk(schema, rows, hash);
        if (options->n_where > 0)
            check_selected(schema, rows, wanted);
        else if (n_rows == 0)
            note_value(schema, rows, wanted);
        n_rows += rows->n_rows;
    }
    shale_scan_free(it);
    (void)hash;
}

/* What 'inspect' and pruning read besides. */
static void read_indexes(const struct shale_reader *reader, const struct shale_mem *mem)
{
    const struct shale_file *file = shale_reader_file(reader);
    size_t n_chunks = 0;
    for (size_t group = 0; group < file->n_row_groups; group++) {
        for (size_t leaf = 0; leaf < file->n_leaves && n_chunks < MOST_CHUNKS; leaf++, n_chunks++) {
            struct shale_file_page *pages = NULL;
            struct shale_err err;
            size_t n_pages = 0;
            bool may_hold;
            if (shale_reader_page_index(reader, mem, group, leaf, &pages, &n_pages, &err) ==
                SHALE_OK)
                shale_mem_free(mem, pages);
            if (shale_reader_bloom_may_hold(reader, group, leaf, SHALE_STR("shale"), &may_hold,
                                            &err) != SHALE_OK)
                continue;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The reader's limit holds for what it asks for itself; indexes are the caller's. */
    struct rows_memory memory;
    struct rows_file file = rows_file_of(data, size);
    const struct shale_reader_options options = {MEMORY_BYTES};
    struct shale_reader *reader = NULL;
    struct wanted wanted = {.found = false};
    struct shale_err err;
    rows_memory_init(&memory, 2 * (size_t)MEMORY_BYTES);
    if (shale_reader_open(&memory.mem, &file.random, &options, &reader, &err) == SHALE_OK) {
        read_indexes(reader, &memory.mem);
        scan(reader, &everything, 0, &wanted);
        if (wanted.found) {
            struct shale_scan_options some = everything;
            some.where = &wanted.condition;
            some.n_where = 1;
            scan(reader, &some, 0, &wanted);
        }
        scan(reader, &everything, 1 + (int64_t)(size % 997), &wanted);
        shale_reader_free(reader);
    }
    rows_require(memory.live == 0);
    return 0;
}
