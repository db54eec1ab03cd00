/* SPDX-License-Identifier: MIT */
/* 'shale inspect --format json': all that the footer and the page index say, as one document. */
#include <string.h>

#include "cli/inspect.h"
#include "json/writer.h"
#include "parquet/names.h"
#include "schema/type_text.h"

struct document {
    struct inspect *inspect;
    struct shale_json_writer json;
};

static void put_text(struct document *document, const char *name, const char *text)
{
    shale_json_put_name(&document->json, name);
    shale_json_put_string(&document->json, shale_str_of(text));
}

static void put_str(struct document *document, const char *name, struct shale_str text)
{
    shale_json_put_name(&document->json, name);
    shale_json_put_string(&document->json, text);
}

static void put_i64(struct document *document, const char *name, int64_t value)
{
    shale_json_put_number(&document->json, name, value);
}

static void put_bool(struct document *document, const char *name, bool value)
{
    shale_json_put_name(&document->json, name);
    shale_json_put_bool(&document->json, value);
}

/* Left out when it is not said (negative). */
static void put_count(struct document *document, const char *name, int64_t value)
{
    if (value >= 0)
        put_i64(document, name, value);
}

static void begin(struct document *document, const char *name, char bracket)
{
    if (name != NULL)
        shale_json_put_name(&document->json, name);
    shale_json_put_begin(&document->json, bracket);
}

static void end(struct document *document, char bracket)
{
    shale_json_put_end(&document->json, bracket);
}

/* The name of a number of the format, or the number. */
static void put_name(struct document *document, const char *name, const char *text, int number)
{
    char digits[INSPECT_NUMBER_BYTES];
    put_text(document, name, inspect_name(text, number, digits));
}

/* ---- The schema --------------------------------------------------------------------------------
 */

static void put_logical(struct document *document, const struct shale_file_node *node)
{
    begin(document, "logical", '{');
    put_name(document, "name", shale_logical_name(node->logical), node->logical);
    if (node->logical == SHALE_LOGICAL_TIME || node->logical == SHALE_LOGICAL_TIMESTAMP) {
        put_name(document, "unit", shale_time_unit_name(node->time_unit), node->time_unit);
        put_bool(document, "adjusted_to_utc", node->is_utc);
    } else if (node->logical == SHALE_LOGICAL_INTEGER) {
        put_i64(document, "bit_width", node->bit_width);
        put_bool(document, "signed", node->is_signed);
    }
    end(document, '}');
}

/* A node without its children; the object stays open. */
static void put_node(struct document *document, uint32_t i)
{
    const struct shale_file *file = document->inspect->file;
    const struct shale_file_node *node = &file->nodes[i];
    char type[SHALE_TYPE_TEXT_BYTES];
    begin(document, NULL, '{');
    put_str(document, "name", node->name);
    put_name(document, "repetition", shale_repetition_name(node->repetition), node->repetition);
    if (node->physical >= 0)
        put_name(document, "physical", shale_physical_name(node->physical), node->physical);
    if (node->physical == SHALE_PHYSICAL_FIXED)
        put_i64(document, "type_length", node->type_length);
    if (node->converted != SHALE_CONVERTED_NONE)
        put_name(document, "converted", shale_converted_name(node->converted), node->converted);
    if (node->logical != SHALE_LOGICAL_NONE)
        put_logical(document, node);
    if (node->logical == SHALE_LOGICAL_DECIMAL || node->converted == SHALE_CONVERTED_DECIMAL) {
        put_i64(document, "precision", node->precision);
        put_i64(document, "scale", node->scale);
    }
    if (node->has_field_id)
        put_i64(document, "field_id", node->field_id);
    put_i64(document, "max_definition_level", node->max_definition);
    put_i64(document, "max_repetition_level", node->max_repetition);
    if (node->leaf < 0)
        return;
    put_i64(document, "leaf", node->leaf);
    if (file->leaves[node->leaf].unsupported != NULL)
        put_text(document, "unsupported", file->leaves[node->leaf].unsupported);
    else
        put_text(document, "type",
                 shale_type_text(file->leaves[node->leaf].type, type, sizeof type));
}

/* Nodes lie in the order of writing: each group's object waits, open, for its last child. */
static void put_schema(struct document *document)
{
    const struct shale_file *file = document->inspect->file;
    shale_json_put_name(&document->json, "schema");
    for (uint32_t i = 0; i < file->n_nodes; i++) {
        uint32_t k = i;
        put_node(document, i);
        if (file->nodes[i].n_children > 0 || i == 0)
            begin(document, "children", '[');
        if (file->nodes[i].n_children > 0)
            continue;
        if (i == 0)
            end(document, ']');
        end(document, '}');
        for (; k != 0 && file->nodes[k].next == 0; k = file->nodes[k].parent) {
            end(document, ']');
            end(document, '}');
        }
    }
}

/* ---- Chunks ------------------------------------------------------------------------------------
 */

static enum shale_status put_bound(struct document *document, const char *name, const char *exact,
                                   size_t leaf, const struct shale_file_bound *bound)
{
    enum shale_status status = inspect_bound(document->inspect, leaf, bound);
    if (status != SHALE_OK || document->inspect->value.n_bytes == 0)
        return status;
    shale_json_put_name(&document->json, name);
    shale_json_put_raw(&document->json, shale_buf_str(&document->inspect->value));
    put_bool(document, exact, bound->exact);
    return SHALE_OK;
}

static enum shale_status put_bounds(struct document *document, size_t leaf,
                                    const struct shale_file_bound *minimum,
                                    const struct shale_file_bound *maximum)
{
    enum shale_status status = put_bound(document, "min", "min_exact", leaf, minimum);
    return status == SHALE_OK ? put_bound(document, "max", "max_exact", leaf, maximum) : status;
}

static void put_encodings(struct document *document, const struct shale_file_chunk *chunk)
{
    char number[INSPECT_NUMBER_BYTES];
    begin(document, "encodings", '[');
    for (size_t i = 0; i < chunk->n_encodings; i++)
        shale_json_put_string(&document->json,
                              shale_str_of(inspect_name(shale_encoding_name(chunk->encodings[i]),
                                                        chunk->encodings[i], number)));
    end(document, ']');
    if (chunk->n_page_counts == 0)
        return;
    begin(document, "page_counts", '[');
    for (size_t i = 0; i < chunk->n_page_counts; i++) {
        const struct shale_file_page_count *count = &chunk->page_counts[i];
        begin(document, NULL, '{');
        put_name(document, "page_type", shale_page_type_name(count->page_type), count->page_type);
        put_name(document, "encoding", shale_encoding_name(count->encoding), count->encoding);
        put_i64(document, "n", count->n);
        end(document, '}');
    }
    end(document, ']');
}

static void put_place(struct document *document, const char *name, int64_t at, int64_t n_bytes)
{
    if (at < 0)
        return;
    begin(document, name, '{');
    put_i64(document, "at", at);
    put_count(document, "bytes", n_bytes);
    end(document, '}');
}

static void put_histogram(struct document *document, const char *name, const int64_t *counts,
                          size_t n)
{
    if (counts == NULL)
        return;
    begin(document, name, '[');
    for (size_t i = 0; i < n; i++)
        shale_json_put_i64(&document->json, counts[i]);
    end(document, ']');
}

static enum shale_status put_page_index(struct document *document, size_t group, size_t leaf)
{
    const struct shale_reader *reader = document->inspect->reader;
    const struct shale_mem *mem = shale_reader_mem(reader);
    struct shale_file_page *pages;
    size_t n_pages;
    enum shale_status status =
        shale_reader_page_index(reader, mem, group, leaf, &pages, &n_pages, document->inspect->err);
    if (status != SHALE_OK || n_pages == 0)
        return status;
    begin(document, "page_index", '[');
    for (size_t i = 0; i < n_pages && status == SHALE_OK; i++) {
        begin(document, NULL, '{');
        put_i64(document, "at", pages[i].at);
        put_i64(document, "compressed_bytes", pages[i].compressed_bytes);
        put_i64(document, "first_row", pages[i].first_row);
        put_bool(document, "all_null", pages[i].all_null);
        put_count(document, "nulls", pages[i].n_nulls);
        status = put_bounds(document, leaf, &pages[i].minimum, &pages[i].maximum);
        end(document, '}');
        if (status == SHALE_OK)
            status = inspect_flush(document->inspect, false);
    }
    end(document, ']');
    shale_mem_free(mem, pages);
    return status;
}

static enum shale_status put_pages(struct document *document, size_t group, size_t leaf)
{
    struct shale_file_page_total pages;
    enum shale_status status = shale_reader_count_pages(document->inspect->reader, group, leaf,
                                                        &pages, document->inspect->err);
    if (status != SHALE_OK)
        return status;
    put_i64(document, "data_pages", pages.n_data);
    put_i64(document, "dictionary_pages", pages.n_dictionary);
    return put_page_index(document, group, leaf);
}

static enum shale_status put_chunk(struct document *document, size_t group, size_t leaf)
{
    const struct shale_file_chunk *chunk = &document->inspect->file->row_groups[group].chunks[leaf];
    enum shale_status status;
    begin(document, NULL, '{');
    put_str(document, "path", document->inspect->file->leaves[leaf].path);
    if (chunk->unsupported != NULL)
        put_text(document, "unsupported", chunk->unsupported);
    put_name(document, "codec", shale_compression_name(chunk->codec), chunk->codec);
    put_encodings(document, chunk);
    put_i64(document, "values", chunk->n_values);
    put_i64(document, "compressed_bytes", chunk->compressed_bytes);
    put_i64(document, "uncompressed_bytes", chunk->uncompressed_bytes);
    put_i64(document, "begin", chunk->begin);
    put_count(document, "dictionary_page_at", chunk->dictionary_page_at);
    put_i64(document, "data_page_at", chunk->data_page_at);
    put_count(document, "nulls", chunk->statistics.n_nulls);
    put_count(document, "distinct", chunk->statistics.n_distinct);
    status = put_bounds(document, leaf, &chunk->statistics.minimum, &chunk->statistics.maximum);
    put_count(document, "byte_array_bytes", chunk->n_byte_array_bytes);
    put_histogram(document, "repetition_histogram", chunk->repetition_histogram,
                  chunk->n_repetition_histogram);
    put_histogram(document, "definition_histogram", chunk->definition_histogram,
                  chunk->n_definition_histogram);
    put_place(document, "column_index", chunk->column_index_at, chunk->column_index_bytes);
    put_place(document, "offset_index", chunk->offset_index_at, chunk->offset_index_bytes);
    put_place(document, "bloom_filter", chunk->bloom_at, chunk->bloom_bytes);
    if (status == SHALE_OK && chunk->unsupported == NULL)
        status = put_pages(document, group, leaf);
    end(document, '}');
    return status == SHALE_OK ? inspect_flush(document->inspect, false) : status;
}

static enum shale_status put_row_group(struct document *document, size_t i)
{
    const struct shale_file *file = document->inspect->file;
    const struct shale_file_row_group *group = &file->row_groups[i];
    enum shale_status status = SHALE_OK;
    begin(document, NULL, '{');
    put_i64(document, "rows", group->n_rows);
    put_i64(document, "first_row", group->first_row);
    put_i64(document, "compressed_bytes", group->compressed_bytes);
    put_i64(document, "uncompressed_bytes", group->uncompressed_bytes);
    begin(document, "sorting", '[');
    for (size_t k = 0; k < group->n_sorting; k++) {
        begin(document, NULL, '{');
        put_str(document, "path", file->leaves[group->sorting[k].leaf].path);
        put_bool(document, "descending", group->sorting[k].descending);
        put_bool(document, "nulls_first", group->sorting[k].nulls_first);
        end(document, '}');
    }
    end(document, ']');
    begin(document, "columns", '[');
    for (size_t k = 0; k < file->n_leaves && status == SHALE_OK; k++)
        status = put_chunk(document, i, k);
    end(document, ']');
    end(document, '}');
    return status;
}

/* ---- The file ----------------------------------------------------------------------------------
 */

static void put_file(struct document *document)
{
    const struct inspect *inspect = document->inspect;
    const struct shale_file *file = inspect->file;
    put_text(document, "file", inspect->path);
    put_i64(document, "bytes", inspect->file_bytes);
    put_i64(document, "footer_bytes", file->footer_bytes);
    put_i64(document, "version", file->version);
    put_str(document, "created_by", file->created_by);
    put_i64(document, "rows", file->n_rows);
    if (file->said_rows != file->n_rows)
        put_i64(document, "rows_in_footer", file->said_rows);
    begin(document, "metadata", '[');
    for (size_t i = 0; i < file->n_key_values; i++) {
        begin(document, NULL, '{');
        put_str(document, "key", file->key_values[i].key);
        if (file->key_values[i].has_value)
            put_str(document, "value", file->key_values[i].value);
        end(document, '}');
    }
    end(document, ']');
}

enum shale_status inspect_json(struct inspect *inspect)
{
    struct document document = {.inspect = inspect};
    enum shale_status status = SHALE_OK;
    shale_json_writer_init(&document.json, &inspect->out);
    begin(&document, NULL, '{');
    put_file(&document);
    put_schema(&document);
    begin(&document, "row_groups", '[');
    for (size_t i = 0; i < inspect->file->n_row_groups && status == SHALE_OK; i++)
        status = put_row_group(&document, i);
    end(&document, ']');
    end(&document, '}');
    if (status == SHALE_OK)
        status = document.json.status;
    return status == SHALE_OK ? shale_buf_append_byte(&inspect->out, '\n') : status;
}
