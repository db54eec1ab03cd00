/* SPDX-License-Identifier: MIT */
/* A row group of a file of ours as it is, elsewhere in another file: pages and column indexes are
 * copied, what names places (the footer, offset indexes) is written anew. */
#include "base/checked.h"
#include "parquet/append_parts.h"
#include "parquet/created_by.h"
#include "parquet/thrift_read.h"

bool shale_append_moves(const struct shale_append *append, size_t row_group)
{
    const struct shale_file *file = append->file;
    return append->plan.why == NULL && append->plan.n_added == 0 && shale_file_is_ours(file) &&
           row_group >= file->n_others;
}

struct moving {
    struct shale_append *append;
    struct shale_parquet *parquet;
    struct shale_sink *sink;
    const struct shale_file_row_group *old;
    size_t row_group;
    struct shale_footer_group group;
    int64_t chunk_at, bloom_at; /* of the next, in the new file */
    struct shale_err *err;
};

/* ---- Offset indexes ----------------------------------------------------------------------------
 */

enum { LOCATIONS = 1, BYTE_COUNTS = 2 };

/* PageLocation */
static void move_location(struct shale_thrift_reader *from, struct shale_thrift *to, int64_t by)
{
    int64_t at = 0, first_row = 0;
    int32_t n_bytes = 0;
    struct shale_thrift_field field;
    shale_thrift_open(from);
    while (shale_thrift_field(from, &field)) {
        if (field.id == 1)
            at = shale_thrift_read_i64(from, &field);
        else if (field.id == 2)
            n_bytes = shale_thrift_read_i32(from, &field);
        else if (field.id == 3)
            first_row = shale_thrift_read_i64(from, &field);
        else
            shale_thrift_skip(from, &field);
    }
    if (!SHALE_ADD(at, by, &at))
        shale_thrift_problem(from, "a page of its offset index does not lie in it");
    shale_thrift_element_struct(to);
    shale_thrift_i64(to, 1, at);
    shale_thrift_i32(to, 2, n_bytes);
    shale_thrift_i64(to, 3, first_row);
    shale_thrift_end(to);
}

static void move_offsets(struct shale_thrift_reader *from, struct shale_thrift *to, int64_t by)
{
    struct shale_thrift_field field;
    shale_thrift_open(from);
    while (shale_thrift_field(from, &field)) {
        if (field.id == LOCATIONS) {
            size_t n = shale_thrift_read_list(from, &field, SHALE_THRIFT_STRUCTS);
            shale_thrift_list(to, LOCATIONS, SHALE_THRIFT_STRUCT, n);
            for (size_t i = 0; i < n; i++)
                move_location(from, to, by);
        } else if (field.id == BYTE_COUNTS) {
            size_t n = shale_thrift_read_list(from, &field, SHALE_THRIFT_INTEGERS);
            shale_thrift_list(to, BYTE_COUNTS, SHALE_THRIFT_I64, n);
            for (size_t i = 0; i < n; i++)
                shale_thrift_element_i64(to, shale_thrift_element_read_i64(from));
        } else {
            shale_thrift_skip(from, &field);
        }
    }
    shale_thrift_end(to);
}

/* Bytes of the old file, behind what 'out' holds. */
static enum shale_status read_range(const struct shale_append *append, int64_t at, size_t n_bytes,
                                    struct shale_buf *out, struct shale_err *err)
{
    enum shale_status status = shale_parquet_worded(shale_buf_reserve(out, n_bytes), err);
    if (status == SHALE_OK)
        status =
            shale_random_read(append->reader->file, at, out->data + out->n_bytes, n_bytes, err);
    if (status == SHALE_OK)
        out->n_bytes += n_bytes;
    return status;
}

/* The chunk's page indexes, behind those of the new file; 'chunk' gets the length of what was
 * written. */
static enum shale_status move_indexes(struct moving *moving, const struct shale_file_leaf *info,
                                      struct shale_file_chunk *chunk, int64_t by)
{
    struct shale_footer_indexes *indexes = &moving->parquet->parts.indexes;
    struct shale_append *append = moving->append;
    struct shale_thrift_reader from;
    struct shale_thrift to;
    size_t before = indexes->offsets.n_bytes;
    enum shale_status status = SHALE_OK;
    struct shale_buf bytes;
    if (chunk->column_index_at >= 0 && shale_append_bounds_hold(info))
        status = read_range(append, chunk->column_index_at, (size_t)chunk->column_index_bytes,
                            &indexes->columns, moving->err);
    if (status != SHALE_OK || chunk->offset_index_at < 0)
        return status;
    shale_buf_init(&bytes, append->mem, INT32_MAX);
    status = read_range(append, chunk->offset_index_at, (size_t)chunk->offset_index_bytes, &bytes,
                        moving->err);
    if (status == SHALE_OK) {
        shale_thrift_reader_init(&from, bytes.data, bytes.n_bytes, chunk->offset_index_at);
        shale_thrift_init(&to, &indexes->offsets);
        move_offsets(&from, &to, by);
        status = shale_thrift_reader_status(&from, "a page index", moving->err);
        if (status == SHALE_OK)
            status = shale_parquet_worded(to.status, moving->err);
    }
    shale_buf_fini(&bytes);
    chunk->offset_index_bytes = (int32_t)(indexes->offsets.n_bytes - before);
    return status;
}

/* ---- A chunk -----------------------------------------------------------------------------------
 */

static enum shale_status move_chunk(struct moving *moving, size_t from,
                                    const struct shale_leaf *leaf)
{
    struct shale_append *append = moving->append;
    const struct shale_file_leaf *info = &append->file->leaves[from];
    struct shale_file_chunk chunk = moving->old->chunks[from];
    struct shale_footer_group *group = &moving->group;
    int64_t by = moving->chunk_at - chunk.begin, n_bloom = 0;
    enum shale_status status = shale_append_bloom_bytes(append, &chunk, &n_bloom, moving->err);
    if (status == SHALE_OK)
        status = shale_append_copy(append, chunk.begin, chunk.compressed_bytes, moving->sink,
                                   moving->err);
    if (status == SHALE_OK)
        status = move_indexes(moving, info, &chunk, by);
    if (status != SHALE_OK)
        return status;
    chunk.data_page_at += by;
    chunk.dictionary_page_at += chunk.dictionary_page_at >= 0 ? by : 0;
    status = shale_parquet_worded(shale_append_put_chunk(&moving->parquet->parts, leaf, info,
                                                         &chunk, moving->bloom_at, n_bloom),
                                  moving->err);
    moving->chunk_at += chunk.compressed_bytes;
    moving->bloom_at += n_bloom;
    if (!SHALE_ADD(group->compressed_bytes, chunk.compressed_bytes, &group->compressed_bytes) ||
        !SHALE_ADD(group->uncompressed_bytes, chunk.uncompressed_bytes, &group->uncompressed_bytes))
        return SHALE_ERR(moving->err, parquet_row_group, moving->row_group,
                         "its size is impossible");
    return status;
}

static enum shale_status move_bloom(struct moving *moving, size_t from,
                                    const struct shale_leaf *leaf)
{
    const struct shale_file_chunk *chunk = &moving->old->chunks[from];
    int64_t n_bloom = 0;
    enum shale_status status =
        shale_append_bloom_bytes(moving->append, chunk, &n_bloom, moving->err);
    (void)leaf;
    return status == SHALE_OK ? shale_append_copy(moving->append, chunk->bloom_at, n_bloom,
                                                  moving->sink, moving->err)
                              : status;
}

/* Each leaf of the new file, in its order. */
static enum shale_status for_each_leaf(struct moving *moving,
                                       enum shale_status (*what)(struct moving *moving, size_t from,
                                                                 const struct shale_leaf *leaf))
{
    const struct shale_append *append = moving->append;
    const struct shale_schema *schema = append->options.schema;
    enum shale_status status = SHALE_OK;
    size_t to = 0;
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++) {
        struct shale_leaf leaf;
        if (schema->columns[i].partition_only)
            continue;
        shale_leaf_first(&schema->columns[i], &leaf);
        do {
            status = what(moving, append->leaf_from[to++], &leaf);
        } while (status == SHALE_OK && shale_leaf_next(&leaf));
    }
    return status;
}

/* ---- The row group -----------------------------------------------------------------------------
 */

enum shale_status shale_append_move(struct shale_append *append, size_t row_group,
                                    struct shale_parquet *parquet, struct shale_sink *sink,
                                    struct shale_err *err)
{
    const struct shale_file_row_group *old = &append->file->row_groups[row_group];
    struct moving moving = {
        .append = append,
        .parquet = parquet,
        .sink = sink,
        .old = old,
        .row_group = row_group,
        .group = {.n_rows = old->n_rows, .at = parquet->n_bytes, .ordinal = parquet->n_row_groups},
        .chunk_at = parquet->n_bytes,
        .bloom_at = parquet->n_bytes,
        .err = err};
    enum shale_status status;
    for (size_t i = 0; i < append->n_leaves; i++) /* behind the pages: the sizes were checked */
        moving.bloom_at += old->chunks[append->leaf_from[i]].compressed_bytes;
    status = for_each_leaf(&moving, move_chunk);
    if (status == SHALE_OK)
        status = for_each_leaf(&moving, move_bloom);
    if (status == SHALE_OK)
        status = shale_parquet_worded(shale_append_put_sorting(append, old, &moving.group), err);
    if (status == SHALE_OK)
        status = shale_parquet_worded(shale_footer_group(&parquet->parts, &moving.group), err);
    if (status != SHALE_OK)
        return status;
    parquet->n_bytes = moving.bloom_at;
    parquet->n_rows += old->n_rows;
    return shale_parquet_worded(shale_parquet_mark(parquet), err);
}
