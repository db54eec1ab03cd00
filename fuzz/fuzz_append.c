/* SPDX-License-Identifier: MIT */
/* Arbitrary bytes as a Parquet file that grows: by nothing, and by a column with its last row
 * groups encoded again.  Whatever the bytes are: an error, or a file that begins with the old one's
 * bytes, opens, and says as many rows; and where the old one's rows can be read, those of the new
 * one can.
 */
#include "../tests/unit/rows_walk.h"
#include "parquet/append.h"
#include "parquet/file_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 32 << 20, MOST_ROWS = 100000, MOST_COLUMNS = 50 };

static const struct shale_reader_options reader_options = {MEMORY_BYTES};
static const struct shale_type_member element = {{"element", 7}, {.kind = SHALE_INT64}};

struct grown {
    struct shale_sink sink; /* first member */
    struct shale_buf bytes;
};

static enum shale_status take(struct shale_sink *sink, const void *data, size_t n_bytes,
                              struct shale_err *err)
{
    (void)err;
    return shale_buf_append(&((struct grown *)(void *)sink)->bytes, data, n_bytes);
}

/* All rows; false: some cannot be read (for other reasons than memory). */
static bool read_all(const struct shale_reader *reader)
{
    const struct shale_rows *rows;
    struct shale_scan *scan = NULL;
    uint64_t hash = 0;
    enum shale_status status = shale_scan_new(reader, &(struct shale_scan_options){0}, &scan, NULL);
    while (status == SHALE_OK && (status = shale_scan_next(scan, &rows, NULL)) == SHALE_OK &&
           rows != NULL)
        hash = rows_walk(&shale_reader_file(reader)->schema, rows, hash);
    shale_scan_free(scan);
    return status == SHALE_OK || status == SHALE_LIMIT;
}

static void check(const struct shale_mem *mem, const struct shale_reader *old,
                  const struct shale_buf *bytes)
{
    struct rows_file file = rows_file_of((const uint8_t *)bytes->data, bytes->n_bytes);
    struct shale_reader *reader = NULL;
    enum shale_status status = shale_reader_open(mem, &file.random, &reader_options, &reader, NULL);
    rows_require(status == SHALE_OK || status == SHALE_LIMIT);
    if (status != SHALE_OK)
        return;
    rows_require(shale_reader_file(reader)->n_rows == shale_reader_file(old)->n_rows);
    rows_require(!read_all(old) || read_all(reader));
    shale_reader_free(reader);
}

/* With 'n_new' columns more, and the last row groups encoded again as if so many bytes came. */
static void grow(const struct shale_mem *mem, const struct shale_reader *reader,
                 const uint8_t *data, size_t n_new, size_t new_bytes)
{
    const struct shale_schema *old = &shale_reader_file(reader)->schema;
    struct shale_column_def defs[MOST_COLUMNS + 1];
    const struct shale_schema schema = {defs, old->n_columns + n_new};
    const struct shale_append_options options = {.schema = &schema, .row_group_bytes = 1 << 20};
    struct shale_file_writer_options writing = {.created_by = "shale version fuzz"};
    struct shale_file_writer *writer = NULL;
    struct shale_append *append = NULL;
    struct grown out = {.sink = {take}};
    int64_t n_copied;
    enum shale_status status;
    for (size_t i = 0; i < old->n_columns; i++)
        defs[i] = old->columns[i];
    defs[old->n_columns] = (struct shale_column_def){
        .name = {"an added column", 15},
        .type = {.kind = SHALE_LIST, .members = &element, .n_members = 1}};
    shale_buf_init(&out.bytes, mem, MEMORY_BYTES);
    status = shale_append_new(mem, reader, &options, &append, NULL);
    if (status == SHALE_OK) {
        n_copied = shale_append_plan(append, new_bytes)->copied_bytes;
        status = shale_buf_append(&out.bytes, data, (size_t)n_copied);
        writing.append = append;
    }
    if (status == SHALE_OK)
        status = shale_file_writer_new(mem, &schema, &writing, &out.sink, &writer, NULL);
    if (status == SHALE_OK)
        status = shale_file_writer_finish(writer, NULL, 0, NULL);
    if (status == SHALE_OK)
        check(mem, reader, &out.bytes);
    shale_file_writer_free(writer);
    shale_append_free(append);
    shale_buf_fini(&out.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rows_memory memory;
    struct rows_file file = rows_file_of(data, size);
    struct shale_reader *reader = NULL;
    rows_memory_init(&memory, 8 * (size_t)MEMORY_BYTES);
    if (shale_reader_open(&memory.mem, &file.random, &reader_options, &reader, NULL) == SHALE_OK) {
        const struct shale_file *meta = shale_reader_file(reader);
        if (meta->n_rows < MOST_ROWS && meta->schema.n_columns <= MOST_COLUMNS) {
            grow(&memory.mem, reader, data, 0, 0);
            grow(&memory.mem, reader, data, 1, 0);
            grow(&memory.mem, reader, data, size % 2, size * (size % 7));
        }
        shale_reader_free(reader);
    }
    rows_require(memory.live == 0);
    return 0;
}
