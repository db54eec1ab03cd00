/* SPDX-License-Identifier: MIT */
/* The row groups that are copied: what is written of them behind the copied bytes, and their part
 * of the footer.
 *
 *     [copied: row groups ...][bloom filters that lay behind][nulls of new columns][new row groups]
 *     [column indexes: of the old, of the new][offset indexes: the same][footer] */
#include "base/checked.h"
#include "parquet/append_parts.h"
#include "parquet/created_by.h"

enum { WINDOW_BYTES = 256 * 1024 };

/* ---- Bytes of the old file ---------------------------------------------------------------------
 */

static enum shale_status fill_window(struct shale_append *append, int64_t at, struct shale_err *err)
{
    int64_t left = append->reader->file->n_bytes - at;
    enum shale_status status;
    if (append->window == NULL)
        append->window = shale_mem_alloc(append->mem, WINDOW_BYTES);
    if (append->window == NULL)
        return SHALE_ERR(err, no_memory);
    append->window_bytes = 0;
    append->window_at = at;
    left = left < WINDOW_BYTES ? left : WINDOW_BYTES;
    status = shale_random_read(append->reader->file, at, append->window, (size_t)left, err);
    if (status == SHALE_OK)
        append->window_bytes = (size_t)left;
    return status;
}

enum shale_status shale_append_copy(struct shale_append *append, int64_t at, int64_t n_bytes,
                                    struct shale_sink *sink, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    while (n_bytes > 0 && status == SHALE_OK) {
        int64_t end = append->window_at + (int64_t)append->window_bytes, n;
        if (at < append->window_at || at >= end) {
            status = fill_window(append, at, err);
            continue;
        }
        n = n_bytes < end - at ? n_bytes : end - at;
        status = shale_sink_write(sink, append->window + (at - append->window_at), (size_t)n, err);
        at += n;
        n_bytes -= n;
    }
    return status;
}

/* ---- Nulls of a new column ---------------------------------------------------------------------
 */

struct null_stream {
    struct shale_column_stream stream; /* first member */
    const struct shale_append *append;
    const struct shale_type *type;
    int64_t n_left;
};

static enum shale_status next_nulls(struct shale_column_stream *stream,
                                    const struct shale_column **out, struct shale_err *err)
{
    struct null_stream *nulls = (struct null_stream *)(void *)stream;
    int64_t n = nulls->n_left < SHALE_APPEND_NULL_ROWS ? nulls->n_left : SHALE_APPEND_NULL_ROWS;
    (void)err;
    *out = NULL;
    if (n == 0)
        return SHALE_OK;
    shale_append_null_column(nulls->append, nulls->type, n, nulls->append->nulls.nodes);
    nulls->n_left -= n;
    *out = nulls->append->nulls.nodes;
    return SHALE_OK;
}

/* What keeping needs, and the row group in hand. */
struct keeping {
    struct shale_append *append;
    struct shale_parquet *parquet;
    struct shale_sink *sink;
    struct shale_chunk_writer *chunks; /* NULL until there is a column to write */
    const struct shale_file_row_group *old;
    size_t row_group;
    struct shale_footer_group group;
    struct shale_err *err;
};

static enum shale_status add_size(struct keeping *keeping, int64_t compressed, int64_t uncompressed,
                                  int64_t at)
{
    struct shale_footer_group *group = &keeping->group;
    if (!SHALE_ADD(group->compressed_bytes, compressed, &group->compressed_bytes) ||
        !SHALE_ADD(group->uncompressed_bytes, uncompressed, &group->uncompressed_bytes))
        return SHALE_ERR(keeping->err, parquet_row_group, keeping->row_group,
                         "its size is impossible");
    if (group->at == 0 || (at > 0 && at < group->at))
        group->at = at;
    return SHALE_OK;
}

/* Write the nulls of a leaf of 'def'. */
static enum shale_status put_nulls(struct keeping *keeping, const struct shale_leaf *leaf)
{
    struct shale_append *append = keeping->append;
    struct shale_parquet *parquet = keeping->parquet;
    struct null_stream stream = {{next_nulls}, append, &leaf->column->type, keeping->old->n_rows};
    /* A filter of nothing says nothing. */
    struct shale_column_def plain = {.name = leaf->column->name, .type = leaf->column->type};
    struct shale_leaf without = *leaf;
    struct shale_chunk_meta meta = {0};
    enum shale_status status = shale_append_make_nulls(append);
    without.column = &plain;
    if (status == SHALE_OK && keeping->chunks == NULL)
        status = shale_chunk_writer_new(append->mem, &keeping->chunks);
    if (status != SHALE_OK)
        return SHALE_ERR(keeping->err, no_memory);
    status = shale_chunk_write(keeping->chunks, &without, &append->options.chunk, &stream.stream,
                               keeping->sink, &meta, keeping->err);
    if (status == SHALE_OK)
        status = shale_parquet_worded(shale_footer_chunk(&parquet->parts, &append->indexes,
                                                         &without, append->options.chunk.codec,
                                                         &meta, parquet->n_bytes, 0),
                                      keeping->err);
    if (status == SHALE_OK)
        status = add_size(keeping, meta.compressed_bytes, meta.uncompressed_bytes,
                          meta.compressed_bytes > 0 ? parquet->n_bytes : 0);
    parquet->n_bytes += meta.compressed_bytes;
    shale_chunk_meta_fini(&meta);
    return status;
}

/* ---- A chunk that is there ---------------------------------------------------------------------
 */

enum shale_status shale_append_bloom_bytes(const struct shale_append *append,
                                           const struct shale_file_chunk *chunk, int64_t *out,
                                           struct shale_err *err)
{
    struct shale_err unused;
    enum shale_status status;
    int64_t bits_at = 0;
    size_t n_bits = 0;
    *out = chunk->bloom_at < 0 ? 0 : chunk->bloom_bytes;
    if (*out >= 0)
        return SHALE_OK;
    *out = 0;
    shale_err_clear(&unused);
    status = shale_bloom_find(append->reader, chunk, &bits_at, &n_bits, &unused);
    if (status == SHALE_OK && n_bits > 0)
        *out = bits_at + (int64_t)n_bits - chunk->bloom_at;
    if (*out > INT32_MAX)
        *out = 0;
    if (status == SHALE_OK || status == SHALE_CORRUPT)
        return SHALE_OK;
    if (err != NULL)
        *err = unused;
    return status;
}

static enum shale_status keep_chunk(struct keeping *keeping, size_t from,
                                    const struct shale_leaf *leaf)
{
    struct shale_append *append = keeping->append;
    struct shale_parquet *parquet = keeping->parquet;
    const struct shale_file_chunk *chunk = &keeping->old->chunks[from];
    int64_t n_bloom, bloom_at = chunk->bloom_at;
    enum shale_status status = shale_append_bloom_bytes(append, chunk, &n_bloom, keeping->err);
    if (status == SHALE_OK && n_bloom > 0 && bloom_at > append->plan.copied_bytes - n_bloom) {
        status = shale_append_copy(append, bloom_at, n_bloom, keeping->sink, keeping->err);
        bloom_at = parquet->n_bytes;
        parquet->n_bytes += n_bloom;
    }
    if (status == SHALE_OK)
        status = shale_parquet_worded(shale_append_put_chunk(&parquet->parts, leaf,
                                                             &append->file->leaves[from], chunk,
                                                             bloom_at, n_bloom),
                                      keeping->err);
    if (status == SHALE_OK)
        status =
            add_size(keeping, chunk->compressed_bytes, chunk->uncompressed_bytes, chunk->begin);
    return status;
}

/* ---- Row groups --------------------------------------------------------------------------------
 */

enum shale_status shale_append_put_sorting(struct shale_append *append,
                                           const struct shale_file_row_group *old,
                                           struct shale_footer_group *group)
{
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&append->sorting);
    for (size_t i = 0; i < old->n_sorting && status == SHALE_OK; i++) {
        size_t to = append->leaf_to[old->sorting[i].leaf];
        struct shale_parquet_sorting sorting = {.descending = old->sorting[i].descending,
                                                .nulls_first = old->sorting[i].nulls_first};
        if (to == SHALE_NOWHERE)
            break;
        sorting.leaf = (int32_t)to;
        status = shale_buf_append(&append->sorting, &sorting, sizeof sorting);
    }
    group->sorting = (const struct shale_parquet_sorting *)(const void *)append->sorting.data;
    group->n_sorting = append->sorting.n_bytes / sizeof(struct shale_parquet_sorting);
    return status;
}

static enum shale_status keep_chunks(struct keeping *keeping)
{
    const struct shale_append *append = keeping->append;
    const struct shale_schema *schema = append->options.schema;
    enum shale_status status = SHALE_OK;
    size_t to = 0;
    for (size_t i = 0; i < schema->n_columns; i++) {
        struct shale_leaf leaf;
        if (schema->columns[i].partition_only)
            continue;
        shale_leaf_first(&schema->columns[i], &leaf);
        do {
            size_t from = append->leaf_from[to++];
            status = from == SHALE_NOWHERE ? put_nulls(keeping, &leaf)
                                           : keep_chunk(keeping, from, &leaf);
            if (status != SHALE_OK)
                return status;
        } while (shale_leaf_next(&leaf));
    }
    return status;
}

static enum shale_status keep_row_group(struct keeping *keeping, size_t i)
{
    struct shale_parquet *parquet = keeping->parquet;
    enum shale_status status;
    keeping->row_group = i;
    keeping->old = &keeping->append->file->row_groups[i];
    keeping->group = (struct shale_footer_group){.n_rows = keeping->old->n_rows, .ordinal = i};
    status = keep_chunks(keeping);
    if (status != SHALE_OK)
        return status;
    status = shale_append_put_sorting(keeping->append, keeping->old, &keeping->group);
    if (status == SHALE_OK)
        status = shale_footer_group(&parquet->parts, &keeping->group);
    parquet->n_rows += keeping->old->n_rows; /* checked: of the file all together */
    if (status == SHALE_OK)
        status = shale_parquet_mark(parquet);
    return shale_parquet_worded(status, keeping->err);
}

/* ---- Page indexes ------------------------------------------------------------------------------
 */

static const struct shale_footer_piece *piece_of(const struct shale_append *append, size_t group,
                                                 size_t leaf)
{
    const struct shale_footer_piece *pieces =
        (const struct shale_footer_piece *)(const void *)append->parquet->parts.pieces.data;
    return &pieces[group * (append->n_leaves + 1) + leaf];
}

static enum shale_status put_indexes(struct shale_kept *kept, bool offsets, struct shale_sink *sink,
                                     struct shale_err *err)
{
    struct shale_append *append = (struct shale_append *)(void *)kept;
    const char *nulls = offsets ? append->indexes.offsets.data : append->indexes.columns.data;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < kept->n_row_groups; i++)
        for (size_t k = 0; k < append->n_leaves && status == SHALE_OK; k++) {
            const struct shale_footer_piece *piece = piece_of(append, i, k);
            uint32_t n = offsets ? piece->offset_index_bytes : piece->column_index_bytes;
            const struct shale_file_chunk *chunk;
            if (n == 0)
                continue;
            if (append->leaf_from[k] == SHALE_NOWHERE) {
                status = shale_sink_write(sink, nulls, n, err);
                nulls += n;
                continue;
            }
            chunk = &append->file->row_groups[i].chunks[append->leaf_from[k]];
            status = shale_append_copy(
                append, offsets ? chunk->offset_index_at : chunk->column_index_at, n, sink, err);
        }
    return status;
}

/* Who wrote the first row groups. */
static struct shale_str other_writer(const struct shale_file *file)
{
    for (size_t i = 0; shale_file_is_ours(file) && i < file->n_key_values; i++) {
        struct shale_str value = file->key_values[i].value;
        if (!file->key_values[i].has_value ||
            !shale_str_is(file->key_values[i].key, SHALE_OTHERS_KEY))
            continue;
        for (size_t k = 0; k < value.n_bytes; k++)
            if (value.data[k] == ' ')
                return (struct shale_str){value.data + k + 1, value.n_bytes - k - 1};
    }
    return file->created_by;
}

/* SHALE_OTHERS_KEY: none where all that is kept is ours. */
static enum shale_status say_others(struct shale_append *append)
{
    const struct shale_file *file = append->file;
    size_t n = file->n_others < append->plan.n_copied ? file->n_others : append->plan.n_copied;
    enum shale_status status;
    if (n == 0)
        return SHALE_OK;
    status = shale_buf_printf(&append->others, "%zu ", n);
    if (status == SHALE_OK)
        status = shale_buf_append_str(&append->others, other_writer(file));
    append->kept.others = shale_buf_str(&append->others);
    return status;
}

enum shale_status shale_append_keep(struct shale_append *append, struct shale_parquet *parquet,
                                    struct shale_sink *sink, struct shale_err *err)
{
    struct keeping keeping = {.append = append, .parquet = parquet, .sink = sink, .err = err};
    enum shale_status status = shale_parquet_worded(say_others(append), err);
    append->parquet = parquet;
    parquet->n_bytes = append->plan.copied_bytes;
    for (size_t i = 0; i < append->plan.n_copied && status == SHALE_OK; i++)
        status = keep_row_group(&keeping, i);
    shale_chunk_writer_free(keeping.chunks);
    if (status != SHALE_OK)
        return status;
    append->kept.n_row_groups = append->plan.n_copied;
    append->kept.put_indexes = put_indexes;
    for (size_t i = 0; i < append->plan.n_copied; i++)
        for (size_t k = 0; k < append->n_leaves; k++) {
            append->kept.column_index_bytes += piece_of(append, i, k)->column_index_bytes;
            append->kept.offset_index_bytes += piece_of(append, i, k)->offset_index_bytes;
        }
    parquet->kept = &append->kept;
    return SHALE_OK;
}
