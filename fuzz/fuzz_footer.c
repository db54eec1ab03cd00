/* SPDX-License-Identifier: MIT */
/* Any bytes as a Parquet file: opening it, its page indexes, bloom filters, page headers and
 * bounds, with little memory.  What must hold: an error or metadata whose every number can be used.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "columns/json_rows.h"
#include "parquet/bound_value.h"
#include "parquet/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 4 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

struct memory_file {
    struct shale_random random; /* first member */
    const uint8_t *data;
};

static enum shale_status memory_read(struct shale_random *random, int64_t at, void *out,
                                     size_t n_bytes, struct shale_err *err)
{
    const struct memory_file *file = (const struct memory_file *)(void *)random;
    (void)err;
    expect(at >= 0 && at <= random->n_bytes && n_bytes <= (size_t)(random->n_bytes - at));
    if (n_bytes > 0)
        memcpy(out, file->data + at, n_bytes);
    return SHALE_OK;
}

static size_t check_type(const struct shale_type *type, unsigned depth)
{
    size_t n = 1;
    expect(depth <= SHALE_TYPE_DEPTH);
    expect(type->kind != SHALE_LIST || type->n_members == 1);
    expect(type->kind != SHALE_MAP || type->n_members == 2);
    expect(type->kind != SHALE_STRUCT || type->n_members > 0);
    expect(type->kind != SHALE_DECIMAL ||
           (type->precision >= 1 && type->precision <= 38 && type->scale <= type->precision));
    for (size_t i = 0; i < type->n_members; i++)
        n += check_type(&type->members[i].type, depth + 1);
    return n;
}

static void check_schema(const struct shale_file *file)
{
    size_t leaf = 0;
    for (size_t i = 1; i < file->n_nodes; i++) {
        const struct shale_file_node *node = &file->nodes[i];
        expect(node->parent < i && (node->next == 0 || node->next > i));
        expect(node->next < file->n_nodes);
        expect(node->leaf < 0 || (size_t)node->leaf == leaf);
        leaf += node->leaf >= 0;
    }
    expect(leaf == file->n_leaves);
    for (size_t i = 0; i < file->n_leaves; i++)
        expect(file->leaves[i].column < file->schema.n_columns && file->leaves[i].type != NULL);
    for (size_t i = 0; i < file->schema.n_columns; i++) {
        size_t n = check_type(&file->schema.columns[i].type, 1);
        for (size_t k = 0; k < n; k++)
            expect(file->column_nodes[i][k] > 0 && file->column_nodes[i][k] < file->n_nodes);
    }
}

static void show_bound(struct shale_json_rows *rows, const struct shale_file *file, size_t leaf,
                       const struct shale_file_bound *bound, struct shale_buf *out)
{
    const struct shale_file_leaf *of = &file->leaves[leaf];
    struct shale_bound_value value;
    enum shale_status status;
    shale_buf_reset(out);
    if (!bound->present || !shale_bound_value_of(of, &file->nodes[of->node], bound->value, &value))
        return;
    status = shale_json_rows_value(rows, of->type, &value.column, 0, out);
    expect(status == SHALE_OK || status == SHALE_LIMIT || status == SHALE_NOMEM);
}

static void check_chunk(const struct shale_reader *reader, size_t group, size_t leaf,
                        struct shale_json_rows *rows, struct shale_buf *out)
{
    const struct shale_file *file = shale_reader_file(reader);
    const struct shale_file_chunk *chunk = &file->row_groups[group].chunks[leaf];
    struct shale_file_page *pages;
    struct shale_file_page_total total;
    size_t n_pages;
    bool may_hold;
    expect(chunk->begin >= 0 && chunk->end >= chunk->begin && chunk->n_values >= 0);
    show_bound(rows, file, leaf, &chunk->statistics.minimum, out);
    show_bound(rows, file, leaf, &chunk->statistics.maximum, out);
    (void)!shale_reader_count_pages(reader, group, leaf, &total, NULL);
    (void)!shale_reader_bloom_may_hold(reader, group, leaf, SHALE_STR("value"), &may_hold, NULL);
    if (shale_reader_page_index(reader, shale_reader_mem(reader), group, leaf, &pages, &n_pages,
                                NULL) != SHALE_OK)
        return;
    for (size_t i = 0; i < n_pages; i++) {
        expect(pages[i].at >= chunk->begin &&
               pages[i].at + pages[i].compressed_bytes <= chunk->end);
        expect(pages[i].first_row <= file->row_groups[group].n_rows);
        show_bound(rows, file, leaf, &pages[i].minimum, out);
        show_bound(rows, file, leaf, &pages[i].maximum, out);
    }
    shale_mem_free(shale_reader_mem(reader), pages);
}

static void check_file(const struct shale_reader *reader)
{
    const struct shale_file *file = shale_reader_file(reader);
    struct shale_json_rows rows;
    struct shale_buf out;
    int64_t n_rows = 0;
    size_t n_chunks = 0;
    check_schema(file);
    shale_buf_init(&out, &shale_mem_libc, 1 << 20);
    expect(shale_json_rows_init(&rows, &shale_mem_libc, NULL, 0) == SHALE_OK);
    for (size_t i = 0; i < file->n_row_groups; i++) {
        expect(file->row_groups[i].first_row == n_rows && file->row_groups[i].n_rows >= 0);
        n_rows += file->row_groups[i].n_rows;
        for (size_t k = 0; k < file->n_leaves && n_chunks < 1000; k++, n_chunks++)
            check_chunk(reader, i, k, &rows, &out);
    }
    expect(n_rows == file->n_rows);
    shale_json_rows_fini(&rows);
    shale_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_file file = {{(int64_t)size, memory_read}, data};
    struct shale_reader_options options = {MEMORY_BYTES};
    struct shale_reader *reader;
    struct shale_err err;
    char text[2000];
    shale_err_clear(&err);
    if (shale_reader_open(&shale_mem_libc, &file.random, &options, &reader, &err) == SHALE_OK)
        check_file(reader);
    else
        expect(err.code != SHALE_E_none && shale_err_text(&err, text, sizeof text)[0] != '\0');
    shale_reader_free(reader);
    return 0;
}
