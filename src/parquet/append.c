/* SPDX-License-Identifier: MIT */
/* A file that grows: how much of it is copied. */
#include "parquet/append.h"

#include <assert.h>
#include <stdlib.h>

#include "base/checked.h"
#include "parquet/append_parts.h"

enum { ROW_GROUP_BYTES = 32 * 1024 * 1024, MAGIC_BYTES = 4 };

/* ---- The rule ----------------------------------------------------------------------------------
 */

size_t shale_append_tail(const size_t *bytes, size_t n, size_t new_bytes, size_t row_group_bytes)
{
    size_t n_taken = 0, taken = new_bytes, old = 0;
    while (n_taken < n) {
        size_t next = bytes[n - 1 - n_taken];
        if (next >= row_group_bytes / 2 || next > taken || next >= row_group_bytes - old)
            break;
        old += next;
        if (!SHALE_ADD(taken, next, &taken))
            taken = SIZE_MAX;
        n_taken++;
    }
    return n_taken;
}

static bool can_decode(int codec)
{
    return codec == SHALE_COMPRESSION_UNCOMPRESSED || codec == SHALE_COMPRESSION_SNAPPY ||
           codec == SHALE_COMPRESSION_GZIP || codec == SHALE_COMPRESSION_LZ4 ||
           codec == SHALE_COMPRESSION_ZSTD || codec == SHALE_COMPRESSION_LZ4_RAW;
}

/* A chunk's values in memory, as Arrow's layout has them, without validity. */
static size_t memory_of(const struct shale_file_leaf *leaf, const struct shale_file_chunk *chunk)
{
    enum shale_layout layout = shale_type_layout(leaf->type);
    uint64_t each = shale_layout_width(layout), texts = 0, n_bytes;
    if (layout == SHALE_LAYOUT_BYTES) {
        each = sizeof(int32_t) + (uint64_t)leaf->type->width;
        if (leaf->type->kind != SHALE_FIXED)
            texts = (uint64_t)(chunk->n_byte_array_bytes >= 0 ? chunk->n_byte_array_bytes
                                                              : chunk->uncompressed_bytes);
    }
    if (!SHALE_MUL((uint64_t)chunk->n_values, each, &n_bytes) ||
        !SHALE_ADD(n_bytes, texts, &n_bytes))
        return SIZE_MAX;
    return (size_t)n_bytes;
}

static void weigh(struct shale_append *append)
{
    const struct shale_file *file = append->file;
    for (size_t i = 0; i < file->n_row_groups; i++) {
        size_t sum = 0;
        for (size_t k = 0; k < file->n_leaves; k++) {
            const struct shale_file_chunk *chunk = &file->row_groups[i].chunks[k];
            if (append->leaf_to[k] == SHALE_NOWHERE)
                continue;
            if (!can_decode(chunk->codec) ||
                !SHALE_ADD(sum, memory_of(&file->leaves[k], chunk), &sum))
                sum = SIZE_MAX / 2; /* more than any row group may have */
        }
        append->group_bytes[i] = sum;
    }
}

size_t shale_append_bytes(const struct shale_reader *reader)
{
    const struct shale_file *file = shale_reader_file(reader);
    size_t sum = 0;
    for (size_t i = 0; i < file->n_row_groups; i++)
        for (size_t k = 0; k < file->n_leaves; k++)
            if (!SHALE_ADD(sum, memory_of(&file->leaves[k], &file->row_groups[i].chunks[k]), &sum))
                return SIZE_MAX;
    return sum;
}

/* ---- What lies where ---------------------------------------------------------------------------
 */

struct range {
    int64_t begin, end;
};

static int by_begin(const void *a, const void *b)
{
    const struct range *one = a, *other = b;
    if (one->begin != other->begin)
        return one->begin < other->begin ? -1 : 1;
    return (one->end > other->end) - (one->end < other->end);
}

/* No byte is in two chunks, or in the magic (that none is in the footer, the reader has seen). */
static enum shale_status check_ranges(const struct shale_append *append, struct shale_err *err)
{
    const struct shale_file *file = append->file;
    size_t n_chunks = file->n_row_groups * file->n_leaves, n = 0; /* they are in memory */
    struct range *ranges = shale_mem_zeroed(append->mem, n_chunks + 1, sizeof *ranges);
    enum shale_status status = SHALE_OK;
    if (ranges == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n_chunks; i++) {
        const struct shale_file_chunk *chunk =
            &file->row_groups[i / file->n_leaves].chunks[i % file->n_leaves];
        if (chunk->compressed_bytes > 0)
            ranges[n++] = (struct range){chunk->begin, chunk->begin + chunk->compressed_bytes};
    }
    qsort(ranges, n, sizeof *ranges, by_begin);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        if (ranges[i].begin < (i == 0 ? MAGIC_BYTES : ranges[i - 1].end))
            status = SHALE_ERR(err, parquet_append_overlap, (long long)ranges[i].begin);
    shale_mem_free(append->mem, ranges);
    return status;
}

/* What the copied bytes must not run into: what begins at or behind 'end'. */
static void limit(int64_t at, int64_t end, int64_t *next)
{
    if (at >= end && at < *next)
        *next = at;
}

/* How long a beginning of the file holds the first 'n' row groups: to the end of their last page,
 * and of the bloom filters that follow it at once; and, as a writer may have counted too few bytes
 * of a chunk, to whatever else is known to begin next. */
static int64_t copied_bytes(const struct shale_append *append, size_t n)
{
    const struct shale_file *file = append->file;
    int64_t end = MAGIC_BYTES, next;
    for (size_t i = 0; i < n * file->n_leaves; i++) {
        const struct shale_file_chunk *chunk =
            &file->row_groups[i / file->n_leaves].chunks[i % file->n_leaves];
        if (append->leaf_to[i % file->n_leaves] != SHALE_NOWHERE && chunk->end > end)
            end = chunk->end;
    }
    for (size_t i = 0; i < n * file->n_leaves; i++) {
        const struct shale_file_chunk *chunk =
            &file->row_groups[i / file->n_leaves].chunks[i % file->n_leaves];
        if (chunk->bloom_at == end && chunk->bloom_bytes > 0)
            end += chunk->bloom_bytes;
    }
    next = append->reader->file->n_bytes - 8 - file->footer_bytes;
    for (size_t i = 0; i < file->n_row_groups * file->n_leaves; i++) {
        const struct shale_file_chunk *chunk =
            &file->row_groups[i / file->n_leaves].chunks[i % file->n_leaves];
        if (chunk->compressed_bytes > 0)
            limit(chunk->begin, end, &next);
        limit(chunk->column_index_at, end, &next);
        limit(chunk->offset_index_at, end, &next);
        limit(chunk->bloom_at, end, &next);
    }
    return next > end ? next : end;
}

const struct shale_append_plan *shale_append_plan(struct shale_append *append, size_t new_bytes)
{
    const struct shale_file *file = append->file;
    struct shale_append_plan *plan = &append->plan;
    size_t n = file->n_row_groups;
    assert(append->parquet == NULL);
    plan->n_encoded = plan->why != NULL ? n
                                        : shale_append_tail(append->group_bytes, n, new_bytes,
                                                            append->options.row_group_bytes);
    plan->n_copied = n - plan->n_encoded;
    plan->rows_copied =
        plan->n_encoded > 0 ? file->row_groups[plan->n_copied].first_row : file->n_rows;
    plan->rows_encoded = file->n_rows - plan->rows_copied;
    plan->copied_bytes = plan->n_copied > 0 ? copied_bytes(append, plan->n_copied) : 0;
    return plan;
}

/* Is each byte of the first 'n' row groups' beginning of the file named by one of them? */
static bool all_is_named(const struct shale_append *append, size_t n)
{
    const struct shale_file *file = append->file;
    int64_t end = copied_bytes(append, n), sum = MAGIC_BYTES;
    for (size_t i = 0; i < n * file->n_leaves; i++) {
        const struct shale_file_chunk *chunk =
            &file->row_groups[i / file->n_leaves].chunks[i % file->n_leaves];
        sum += chunk->compressed_bytes; /* within the file, and they do not overlap */
        if (chunk->bloom_at >= 0 && chunk->bloom_at < end && chunk->bloom_bytes > 0)
            sum += chunk->bloom_bytes;
    }
    return sum == end;
}

const struct shale_append_plan *shale_append_plan_first(struct shale_append *append, size_t n)
{
    const struct shale_file *file = append->file;
    struct shale_append_plan *plan = &append->plan;
    assert(append->parquet == NULL && n <= file->n_row_groups);
    plan->n_copied = plan->why == NULL && all_is_named(append, n) ? n : 0;
    plan->n_encoded = 0;
    plan->rows_encoded = 0;
    plan->rows_copied = plan->n_copied < file->n_row_groups
                            ? file->row_groups[plan->n_copied].first_row
                            : file->n_rows;
    plan->copied_bytes = plan->n_copied > 0 ? copied_bytes(append, plan->n_copied) : 0;
    return plan;
}

void shale_append_only_rows(struct shale_append *append, size_t first)
{
    assert(append->parquet == NULL && first <= append->file->n_row_groups);
    append->plan.n_copied = first;
    append->plan.n_encoded = append->file->n_row_groups - first;
}

size_t shale_append_row_group_bytes(const struct shale_append *append, size_t row_group)
{
    return append->group_bytes[row_group];
}

/* ---- Life --------------------------------------------------------------------------------------
 */

void shale_append_free(struct shale_append *append)
{
    if (append == NULL)
        return;
    shale_scan_free(append->scan);
    shale_mem_free(append->mem, append->column_from);
    shale_mem_free(append->mem, append->leaf_from);
    shale_mem_free(append->mem, append->leaf_to);
    shale_mem_free(append->mem, append->group_bytes);
    shale_mem_free(append->mem, append->window);
    shale_mem_free(append->mem, append->nulls.zeros);
    shale_mem_free(append->mem, append->nulls.nodes);
    shale_mem_free(append->mem, append->columns);
    shale_buf_fini(&append->indexes.columns);
    shale_buf_fini(&append->indexes.offsets);
    shale_buf_fini(&append->others);
    shale_buf_fini(&append->sorting);
    shale_buf_fini(&append->pairs);
    shale_mem_free(append->mem, append);
}

static enum shale_status allocate(struct shale_append *append)
{
    const struct shale_mem *mem = append->mem;
    append->column_from = shale_mem_zeroed(mem, append->n_columns + 1, sizeof(size_t));
    append->leaf_from = shale_mem_zeroed(mem, append->n_leaves + 1, sizeof(size_t));
    append->leaf_to = shale_mem_zeroed(mem, append->file->n_leaves + 1, sizeof(size_t));
    append->group_bytes = shale_mem_zeroed(mem, append->file->n_row_groups + 1, sizeof(size_t));
    return append->column_from == NULL || append->leaf_from == NULL || append->leaf_to == NULL ||
                   append->group_bytes == NULL
               ? SHALE_NOMEM
               : SHALE_OK;
}

enum shale_status shale_append_new(const struct shale_mem *mem, const struct shale_reader *reader,
                                   const struct shale_append_options *options,
                                   struct shale_append **out, struct shale_err *err)
{
    struct shale_append *append = shale_mem_zeroed(mem, 1, sizeof *append);
    enum shale_status status = SHALE_OK;
    *out = NULL;
    if (append == NULL)
        return SHALE_ERR(err, no_memory);
    append->mem = mem;
    append->reader = reader;
    append->file = shale_reader_file(reader);
    append->options = *options;
    if (append->options.row_group_bytes == 0)
        append->options.row_group_bytes = ROW_GROUP_BYTES;
    append->n_columns = shale_leaf_n_columns(options->schema);
    append->n_leaves = shale_leaf_count(options->schema);
    append->plan.where = SHALE_STR("");
    shale_buf_init(&append->indexes.columns, mem, INT32_MAX);
    shale_buf_init(&append->indexes.offsets, mem, INT32_MAX);
    shale_buf_init(&append->others, mem, INT32_MAX);
    shale_buf_init(&append->sorting, mem, INT32_MAX);
    shale_buf_init(&append->pairs, mem, INT32_MAX);
    if (allocate(append) != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = shale_append_match(append, err);
    if (status == SHALE_OK)
        status = check_ranges(append, err);
    if (status != SHALE_OK) {
        shale_append_free(append);
        return status;
    }
    weigh(append);
    (void)shale_append_plan(append, 0);
    *out = append;
    return SHALE_OK;
}

enum shale_status shale_append_begin(struct shale_append *append, struct shale_parquet *parquet,
                                     struct shale_sink *sink, struct shale_err *err)
{
    assert(append->parquet == NULL && parquet->n_bytes == 0 && parquet->n_row_groups == 0);
    if (append->plan.n_copied > 0)
        return shale_append_keep(append, parquet, sink, err);
    append->parquet = parquet;
    return shale_parquet_begin(parquet, sink, err);
}

/* ---- Pairs -------------------------------------------------------------------------------------
 */

static bool begins_with(struct shale_str text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n_bytes >= n && memcmp(text.data, prefix, n) == 0;
}

static bool contains(struct shale_str text, const char *part)
{
    return text.n_bytes > 0 && memmem(text.data, text.n_bytes, part, strlen(part)) != NULL;
}

/* Does what other writers say of their rows and columns still hold? */
static bool holds(const struct shale_append *append, const struct shale_file_key_value *pair)
{
    static const char *const of_columns[] = {
        "ARROW:schema",
        "pandas",
        "org.apache.spark.sql.parquet.row.metadata",
        "org.apache.spark.sql.parquet.row.attributes",
        "parquet.avro.schema",
        "avro.schema",
        "iceberg.schema",
    };
    for (size_t i = 0; !append->same_columns && i < sizeof of_columns / sizeof *of_columns; i++)
        if (shale_str_is(pair->key, of_columns[i]))
            return false;
    /* pandas numbers the rows of an index that is no column: {"kind": "range", "stop": 10} */
    return !shale_str_is(pair->key, "pandas") || !contains(pair->value, "\"range\"");
}

static bool is_given(struct shale_str key, const struct shale_key_value *pairs, size_t n_pairs)
{
    for (size_t i = 0; i < n_pairs; i++)
        if (shale_str_equal(key, pairs[i].key))
            return true;
    return false;
}

enum shale_status shale_append_pairs(struct shale_append *append,
                                     const struct shale_key_value *pairs, size_t n_pairs,
                                     const struct shale_key_value **out, size_t *n_out,
                                     struct shale_err *err)
{
    const struct shale_file *file = append->file;
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&append->pairs);
    for (size_t i = 0; i < file->n_key_values && status == SHALE_OK; i++) {
        const struct shale_file_key_value *old = &file->key_values[i];
        const struct shale_key_value pair = {old->key, old->value};
        if (!begins_with(old->key, "shale.") && !is_given(old->key, pairs, n_pairs) &&
            holds(append, old))
            status = shale_buf_append(&append->pairs, &pair, sizeof pair);
    }
    if (status == SHALE_OK && n_pairs > 0)
        status = shale_buf_append(&append->pairs, pairs, n_pairs * sizeof *pairs);
    *out = (const struct shale_key_value *)(const void *)append->pairs.data;
    *n_out = append->pairs.n_bytes / sizeof **out;
    return shale_parquet_worded(status, err);
}
