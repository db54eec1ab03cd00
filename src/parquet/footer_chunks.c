/* SPDX-License-Identifier: MIT */
/* Row groups, column chunks and their statistics (parquet.thrift: RowGroup, ColumnChunk,
 * ColumnMetaData, Statistics). */
#include "base/checked.h"
#include "base/printable.h"
#include "parquet/bounds.h"
#include "parquet/created_by.h"
#include "parquet/footer_read.h"

/* What is read of a chunk only to be checked. */
struct raw_chunk {
    int physical;
    unsigned seen; /* fields of ColumnMetaData, by number */
    bool has_meta, is_encrypted, is_elsewhere;
    int64_t dictionary_page_at;
    int64_t bloom_at, bloom_bytes;
    int64_t index_at[2], index_bytes[2]; /* ColumnIndex, OffsetIndex; -1: not said */
};

enum {
    FIELD_TYPE = 1 << 1,
    FIELD_CODEC = 1 << 4,
    FIELD_N_VALUES = 1 << 5,
    FIELD_COMPRESSED = 1 << 7,
    FIELD_DATA_PAGE = 1 << 9,
    REQUIRED_FIELDS =
        FIELD_TYPE | FIELD_CODEC | FIELD_N_VALUES | FIELD_COMPRESSED | FIELD_DATA_PAGE,
};

/* ---- Thrift ------------------------------------------------------------------------------------
 */

/* The order of the old min and max was that of signed numbers, or the writer's own: they are taken
 * for nothing but those numbers (parquet.thrift, Statistics.max). */
static void read_statistics(struct shale_thrift_reader *thrift, enum shale_file_order order,
                            struct shale_file_statistics *out)
{
    bool signed_order = shale_order_is_signed(order);
    struct shale_str old[2] = {{NULL, 0}, {NULL, 0}}; /* max, min */
    int exact[2] = {-1, -1};                          /* max, min; -1: not said */
    struct shale_file_bound *bounds[2] = {&out->maximum, &out->minimum};
    struct shale_thrift_field field;
    while (shale_thrift_field(thrift, &field)) {
        switch (field.id) {
        case 1:
        case 2:
            old[field.id - 1] = shale_thrift_read_binary(thrift, &field);
            break;
        case 3:
            out->n_nulls = shale_thrift_read_i64(thrift, &field);
            break;
        case 4:
            out->n_distinct = shale_thrift_read_i64(thrift, &field);
            break;
        case 5:
        case 6:
            bounds[field.id - 5]->value = shale_thrift_read_binary(thrift, &field);
            bounds[field.id - 5]->present = bounds[field.id - 5]->value.data != NULL;
            break;
        case 7:
        case 8:
            exact[field.id - 7] = shale_thrift_read_bool(thrift, &field);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (!bounds[i]->present && old[i].data != NULL && signed_order)
            *bounds[i] = (struct shale_file_bound){.present = true, .value = old[i]};
        bounds[i]->exact_is_said = exact[i] >= 0;
        bounds[i]->exact = exact[i] < 0 ? order != SHALE_FILE_ORDER_BYTES : exact[i] > 0;
    }
}

static const int64_t *read_counts(struct shale_footer_reader *footer,
                                  const struct shale_thrift_field *field, size_t *n)
{
    int64_t *counts;
    bool good = true;
    *n = shale_thrift_read_list(&footer->thrift, field, SHALE_THRIFT_INTEGERS);
    counts = shale_footer_zeroed(footer, *n, sizeof *counts);
    for (size_t i = 0; counts != NULL && i < *n; i++) {
        counts[i] = shale_thrift_element_read_i64(&footer->thrift);
        good = good && counts[i] >= 0;
    }
    if (*n == 0 || counts == NULL || !good) {
        *n = 0;
        return NULL;
    }
    return counts;
}

static void read_size_statistics(struct shale_footer_reader *footer, struct shale_file_chunk *chunk)
{
    struct shale_thrift_field field;
    while (shale_thrift_field(&footer->thrift, &field)) {
        switch (field.id) {
        case 1:
            chunk->n_byte_array_bytes = shale_thrift_read_i64(&footer->thrift, &field);
            break;
        case 2:
            chunk->repetition_histogram =
                read_counts(footer, &field, &chunk->n_repetition_histogram);
            break;
        case 3:
            chunk->definition_histogram =
                read_counts(footer, &field, &chunk->n_definition_histogram);
            break;
        default:
            shale_thrift_skip(&footer->thrift, &field);
        }
    }
}

static void read_encodings(struct shale_footer_reader *footer,
                           const struct shale_thrift_field *field, struct shale_file_chunk *chunk)
{
    size_t n = shale_thrift_read_list(&footer->thrift, field, SHALE_THRIFT_INTEGERS);
    int *encodings = shale_footer_zeroed(footer, n, sizeof *encodings);
    for (size_t i = 0; encodings != NULL && i < n; i++) {
        int64_t encoding = shale_thrift_element_read_i64(&footer->thrift);
        encodings[i] = encoding >= 0 && encoding <= INT32_MAX ? (int)encoding : -1;
    }
    chunk->encodings = encodings;
    chunk->n_encodings = encodings == NULL ? 0 : n;
}

/* PageEncodingStats; a negative count makes all of them worth nothing. */
static void read_page_counts(struct shale_footer_reader *footer,
                             const struct shale_thrift_field *field, struct shale_file_chunk *chunk)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    size_t n = shale_thrift_read_list(thrift, field, SHALE_THRIFT_STRUCTS);
    struct shale_file_page_count *counts = shale_footer_zeroed(footer, n, sizeof *counts);
    struct shale_thrift_field part;
    bool good = counts != NULL;
    for (size_t i = 0; counts != NULL && i < n && thrift->problem == NULL; i++) {
        shale_thrift_open(thrift);
        while (shale_thrift_field(thrift, &part)) {
            if (part.id == 1)
                counts[i].page_type = shale_thrift_read_i32(thrift, &part);
            else if (part.id == 2)
                counts[i].encoding = shale_thrift_read_i32(thrift, &part);
            else if (part.id == 3)
                counts[i].n = shale_thrift_read_i32(thrift, &part);
            else
                shale_thrift_skip(thrift, &part);
        }
        good = good && counts[i].n >= 0;
    }
    chunk->page_counts = counts;
    chunk->n_page_counts = good ? n : 0;
}

static void read_meta_field(struct shale_footer_reader *footer,
                            const struct shale_thrift_field *field, enum shale_file_order order,
                            struct shale_file_chunk *chunk, struct raw_chunk *raw)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    if (field->id >= 1 && field->id < 31)
        raw->seen |= 1u << field->id;
    switch (field->id) {
    case 1:
        raw->physical = shale_thrift_read_i32(thrift, field);
        return;
    case 2:
        read_encodings(footer, field, chunk);
        return;
    case 4:
        chunk->codec = shale_thrift_read_i32(thrift, field);
        return;
    case 5:
        chunk->n_values = shale_thrift_read_i64(thrift, field);
        return;
    case 6:
        chunk->uncompressed_bytes = shale_thrift_read_i64(thrift, field);
        return;
    case 7:
        chunk->compressed_bytes = shale_thrift_read_i64(thrift, field);
        return;
    case 9:
        chunk->data_page_at = shale_thrift_read_i64(thrift, field);
        return;
    case 11:
        raw->dictionary_page_at = shale_thrift_read_i64(thrift, field);
        return;
    case 12:
        if (shale_thrift_read_struct(thrift, field))
            read_statistics(thrift, order, &chunk->statistics);
        return;
    case 13:
        read_page_counts(footer, field, chunk);
        return;
    case 14:
        raw->bloom_at = shale_thrift_read_i64(thrift, field);
        return;
    case 15:
        raw->bloom_bytes = shale_thrift_read_i64(thrift, field);
        return;
    case 16:
        if (shale_thrift_read_struct(thrift, field))
            read_size_statistics(footer, chunk);
        return;
    default: /* path_in_schema: the chunks lie in the leaves' order; key-values; geometry */
        shale_thrift_skip(thrift, field);
    }
}

static void read_chunk(struct shale_footer_reader *footer, enum shale_file_order order,
                       struct shale_file_chunk *chunk, struct raw_chunk *raw)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    struct shale_thrift_field field, part;
    *chunk = (struct shale_file_chunk){.statistics = {.n_nulls = -1, .n_distinct = -1},
                                       .n_byte_array_bytes = -1};
    *raw = (struct raw_chunk){.physical = -1,
                              .dictionary_page_at = -1,
                              .bloom_at = -1,
                              .bloom_bytes = -1,
                              .index_at = {-1, -1},
                              .index_bytes = {-1, -1}};
    shale_thrift_open(thrift);
    while (shale_thrift_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            raw->is_elsewhere = shale_thrift_read_binary(thrift, &field).n_bytes > 0;
            break;
        case 3:
            if (!shale_thrift_read_struct(thrift, &field))
                break;
            raw->has_meta = true;
            while (shale_thrift_field(thrift, &part))
                read_meta_field(footer, &part, order, chunk, raw);
            break;
        case 4:
        case 6:
            raw->index_at[field.id == 4] = shale_thrift_read_i64(thrift, &field);
            break;
        case 5:
        case 7:
            raw->index_bytes[field.id == 5] = shale_thrift_read_i64(thrift, &field);
            break;
        case 8: /* ColumnCryptoMetaData: it is there when the column is encrypted */
        case 9:
            raw->is_encrypted = true;
            shale_thrift_skip(thrift, &field);
            break;
        default: /* file_offset: writers disagree what it is */
            shale_thrift_skip(thrift, &field);
        }
    }
}

/* ---- Checks ------------------------------------------------------------------------------------
 */

/* Where the footer begins: nothing else lies behind. */
static int64_t pages_end(const struct shale_footer_reader *footer)
{
    return footer->thrift.file_at;
}

/* An index or filter that does not lie in the file is none: it is not needed for reading. */
static int64_t place_of(const struct shale_footer_reader *footer, int64_t at, int64_t n_bytes)
{
    int64_t end = pages_end(footer);
    return at <= 0 || n_bytes < 0 || n_bytes > INT32_MAX || at > end || n_bytes > end - at ? -1
                                                                                           : at;
}

static void set_indexes(const struct shale_footer_reader *footer, const struct raw_chunk *raw,
                        struct shale_file_chunk *chunk)
{
    chunk->column_index_at = place_of(footer, raw->index_at[0], raw->index_bytes[0]);
    chunk->offset_index_at = place_of(footer, raw->index_at[1], raw->index_bytes[1]);
    if (chunk->column_index_at >= 0)
        chunk->column_index_bytes = (int32_t)raw->index_bytes[0];
    if (chunk->offset_index_at >= 0)
        chunk->offset_index_bytes = (int32_t)raw->index_bytes[1];
    chunk->bloom_at = place_of(footer, raw->bloom_at, raw->bloom_bytes < 0 ? 0 : raw->bloom_bytes);
    chunk->bloom_bytes =
        raw->bloom_bytes < 0 || chunk->bloom_at < 0 ? -1 : (int32_t)raw->bloom_bytes;
}

/* Where its pages lie.  Old writers say 0 for a dictionary page that there is not, and others name
 * one behind the data, which is none either: the first page is the first.  Some say 0 for the data
 * of a chunk that has only a dictionary. */
static const char *place_pages(const struct shale_footer_reader *footer,
                               const struct raw_chunk *raw, struct shale_file_chunk *chunk)
{
    int64_t end = pages_end(footer);
    chunk->begin = chunk->data_page_at;
    chunk->dictionary_page_at = -1;
    if (raw->dictionary_page_at > 0 &&
        (raw->dictionary_page_at <= chunk->data_page_at || chunk->data_page_at == 0))
        chunk->begin = chunk->dictionary_page_at = raw->dictionary_page_at;
    if (chunk->n_values == 0 && (chunk->begin < 0 || chunk->begin > end)) {
        chunk->begin = chunk->data_page_at = 0; /* nothing will be read there */
        chunk->compressed_bytes = 0;
    }
    if (chunk->begin < 0 || chunk->begin > end || chunk->compressed_bytes > end - chunk->begin)
        return "its pages do not lie in the file";
    if (chunk->data_page_at - chunk->begin > chunk->compressed_bytes)
        return "its data does not lie behind its dictionary";
    return NULL;
}

/* What is wrong with the chunk, or NULL. */
static const char *check_chunk(const struct shale_footer_reader *footer,
                               const struct raw_chunk *raw, const struct shale_file_node *node,
                               int64_t n_rows, struct shale_file_chunk *chunk)
{
    const char *fault;
    chunk->column_index_at = chunk->offset_index_at = chunk->bloom_at = -1;
    chunk->bloom_bytes = -1;
    if (raw->is_encrypted)
        chunk->unsupported = "it is encrypted";
    else if (raw->is_elsewhere)
        chunk->unsupported = "its pages are in another file";
    else if (!raw->has_meta)
        return "its metadata is missing";
    if (chunk->unsupported == NULL && (raw->seen & REQUIRED_FIELDS) != REQUIRED_FIELDS)
        return "a field that is required is missing";
    if (chunk->n_values < 0 || chunk->uncompressed_bytes < 0 || chunk->compressed_bytes < 0)
        return "a count or size is negative";
    if (chunk->unsupported != NULL) {
        chunk->begin = chunk->data_page_at = 0;
        chunk->dictionary_page_at = -1;
        return NULL;
    }
    if (raw->physical != node->physical)
        return "its physical type is not that of the schema";
    if (node->max_repetition == 0 ? chunk->n_values != n_rows : chunk->n_values < n_rows)
        return "its number of values does not fit the number of rows";
    fault = place_pages(footer, raw, chunk);
    set_indexes(footer, raw, chunk);
    return fault;
}

/* Numbers that cannot be are not said. */
static void check_statistics(const struct shale_file_node *node, struct shale_file_chunk *chunk)
{
    struct shale_file_statistics *statistics = &chunk->statistics;
    if (statistics->n_nulls < 0 || statistics->n_nulls > chunk->n_values)
        statistics->n_nulls = -1;
    if (statistics->n_distinct < 0 || statistics->n_distinct > chunk->n_values)
        statistics->n_distinct = -1;
    if (chunk->n_byte_array_bytes < 0)
        chunk->n_byte_array_bytes = -1;
    if (chunk->n_repetition_histogram != node->max_repetition + (size_t)1) {
        chunk->repetition_histogram = NULL;
        chunk->n_repetition_histogram = 0;
    }
    if (chunk->n_definition_histogram != node->max_definition + (size_t)1) {
        chunk->definition_histogram = NULL;
        chunk->n_definition_histogram = 0;
    }
}

static void read_chunks(struct shale_footer_reader *footer, size_t group,
                        const struct shale_thrift_field *field, struct shale_file_chunk *chunks,
                        struct raw_chunk *raws)
{
    const struct shale_file *meta = &footer->reader->meta;
    size_t n = shale_thrift_read_list(&footer->thrift, field, SHALE_THRIFT_STRUCTS);
    if (footer->thrift.problem == NULL && n != meta->n_leaves) {
        shale_footer_fail(footer, SHALE_ERR(footer->err, parquet_row_group, group,
                                            "it has not one chunk for each column"));
        return;
    }
    for (size_t i = 0; i < n && !shale_footer_failed(footer); i++)
        read_chunk(footer, footer->leaves[i].order, &chunks[i], &raws[i]);
}

static void check_chunks(struct shale_footer_reader *footer, size_t group, int64_t n_rows,
                         struct shale_file_chunk *chunks, const struct raw_chunk *raws)
{
    for (size_t i = 0; i < footer->reader->meta.n_leaves; i++) {
        const struct shale_file_node *node = &footer->nodes[footer->leaves[i].node];
        const char *fault = check_chunk(footer, &raws[i], node, n_rows, &chunks[i]);
        if (fault != NULL) {
            char name[120];
            (void)shale_printable(footer->leaves[i].path, name, sizeof name);
            shale_footer_fail(footer, SHALE_ERR(footer->err, parquet_chunk, group, name, fault));
            return;
        }
        check_statistics(node, &chunks[i]);
    }
}

/* ---- Row groups --------------------------------------------------------------------------------
 */

/* A list that names a column that there is not says nothing. */
static void read_sorting(struct shale_footer_reader *footer, const struct shale_thrift_field *field,
                         struct shale_file_row_group *group)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    size_t n = shale_thrift_read_list(thrift, field, SHALE_THRIFT_STRUCTS);
    struct shale_file_sorting *sorting = shale_footer_zeroed(footer, n, sizeof *sorting);
    struct shale_thrift_field part;
    bool good = sorting != NULL;
    for (size_t i = 0; sorting != NULL && i < n && thrift->problem == NULL; i++) {
        shale_thrift_open(thrift);
        while (shale_thrift_field(thrift, &part)) {
            if (part.id == 1)
                sorting[i].leaf = shale_thrift_read_i32(thrift, &part);
            else if (part.id == 2)
                sorting[i].descending = shale_thrift_read_bool(thrift, &part);
            else if (part.id == 3)
                sorting[i].nulls_first = shale_thrift_read_bool(thrift, &part);
            else
                shale_thrift_skip(thrift, &part);
        }
        good =
            good && sorting[i].leaf >= 0 && (size_t)sorting[i].leaf < footer->reader->meta.n_leaves;
    }
    group->sorting = sorting;
    group->n_sorting = good ? n : 0;
}

static void check_row_group(struct shale_footer_reader *footer, size_t i, unsigned seen,
                            struct shale_file_row_group *group)
{
    struct shale_file_row_group *before = i == 0 ? NULL : group - 1;
    const char *fault = NULL;
    int64_t end;
    if ((seen & 1u << 1) == 0 || (seen & 1u << 3) == 0)
        fault = "its columns or its number of rows is missing";
    else if (group->n_rows < 0 || group->uncompressed_bytes < 0)
        fault = "a count or size is negative";
    if (before != NULL)
        group->first_row = before->first_row + before->n_rows; /* checked when that was read: */
    if (fault == NULL && !SHALE_ADD(group->first_row, group->n_rows, &end))
        fault = "its number of rows is impossible";
    if (fault != NULL)
        shale_footer_fail(footer, SHALE_ERR(footer->err, parquet_row_group, i, fault));
}

/* The size of all chunks, where the row group does not say it (old writers). */
static void check_size(struct shale_footer_reader *footer, size_t i,
                       struct shale_file_row_group *group)
{
    int64_t sum = 0;
    for (size_t k = 0; k < footer->reader->meta.n_leaves; k++)
        if (!SHALE_ADD(sum, group->chunks[k].compressed_bytes, &sum)) {
            shale_footer_fail(
                footer, SHALE_ERR(footer->err, parquet_row_group, i, "its size is impossible"));
            return;
        }
    if (group->compressed_bytes <= 0)
        group->compressed_bytes = sum;
}

static void read_row_group(struct shale_footer_reader *footer, size_t i, struct raw_chunk *raws)
{
    struct shale_thrift_reader *thrift = &footer->thrift;
    struct shale_file_row_group *group = &footer->row_groups[i];
    struct shale_file_chunk *chunks = footer->chunks + i * footer->reader->meta.n_leaves;
    struct shale_thrift_field field;
    unsigned seen = 0;
    group->chunks = chunks;
    shale_thrift_open(thrift);
    while (shale_thrift_field(thrift, &field)) {
        if (field.id >= 1 && field.id <= 7)
            seen |= 1u << field.id;
        switch (field.id) {
        case 1:
            read_chunks(footer, i, &field, chunks, raws);
            break;
        case 2:
            group->uncompressed_bytes = shale_thrift_read_i64(thrift, &field);
            break;
        case 3:
            group->n_rows = shale_thrift_read_i64(thrift, &field);
            break;
        case 4:
            read_sorting(footer, &field, group);
            break;
        case 6:
            group->compressed_bytes = shale_thrift_read_i64(thrift, &field);
            break;
        default:
            shale_thrift_skip(thrift, &field);
        }
    }
    if (!shale_footer_failed(footer))
        check_row_group(footer, i, seen, group);
    if (!shale_footer_failed(footer))
        check_chunks(footer, i, group->n_rows, chunks, raws);
    if (!shale_footer_failed(footer))
        check_size(footer, i, group);
}

void shale_footer_read_row_groups(struct shale_footer_reader *footer,
                                  const struct shale_thrift_field *field)
{
    struct shale_file *meta = &footer->reader->meta;
    size_t n = shale_thrift_read_list(&footer->thrift, field, SHALE_THRIFT_STRUCTS), n_chunks;
    struct raw_chunk *raws;
    if (!SHALE_MUL(n, meta->n_leaves, &n_chunks))
        shale_thrift_problem(&footer->thrift, "it has too many row groups");
    if (shale_footer_failed(footer))
        return;
    footer->row_groups = shale_footer_zeroed(footer, n, sizeof *footer->row_groups);
    if (footer->row_groups != NULL)
        footer->chunks = shale_footer_zeroed(footer, n_chunks, sizeof *footer->chunks);
    raws =
        footer->chunks == NULL ? NULL : shale_footer_zeroed(footer, meta->n_leaves, sizeof *raws);
    for (size_t i = 0; i < n && !shale_footer_failed(footer); i++)
        read_row_group(footer, i, raws);
    meta->row_groups = footer->row_groups;
    meta->n_row_groups = n;
}

/* ---- The writer's ways -------------------------------------------------------------------------
 */

enum { MOST_UNCOUNTED_BYTES = 100 }; /* of a dictionary page's header */

static void settle_bounds(const struct shale_file_leaf *leaf,
                          struct shale_file_statistics *statistics)
{
    if (!shale_bound_is_known(leaf->order, leaf->ordered, statistics->minimum.value))
        statistics->minimum = (struct shale_file_bound){0};
    if (!shale_bound_is_known(leaf->order, leaf->ordered, statistics->maximum.value))
        statistics->maximum = (struct shale_file_bound){0};
}

void shale_footer_settle_chunks(struct shale_footer_reader *footer)
{
    const struct shale_file *meta = &footer->reader->meta;
    /* parquet-mr left a dictionary page's header out of the chunk's size (PARQUET-816). */
    bool more = shale_created_before(meta->created_by, "parquet-mr", 1, 2, 9);
    for (size_t i = 0; footer->ordered != NULL && i < meta->n_leaves; i++)
        footer->leaves[i].ordered = footer->ordered[i];
    for (size_t i = 0; i < meta->n_row_groups * meta->n_leaves; i++) {
        struct shale_file_chunk *chunk = &footer->chunks[i];
        settle_bounds(&footer->leaves[i % meta->n_leaves], &chunk->statistics);
        if (chunk->unsupported != NULL)
            continue;
        chunk->end = chunk->begin + chunk->compressed_bytes;
        if (more && chunk->end < pages_end(footer) - MOST_UNCOUNTED_BYTES)
            chunk->end += MOST_UNCOUNTED_BYTES;
        else if (more)
            chunk->end = pages_end(footer);
    }
}
