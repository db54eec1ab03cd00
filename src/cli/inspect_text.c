/* SPDX-License-Identifier: MIT */
/* 'shale inspect' for people: the file, its schema as a tree, its row groups as tables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/inspect.h"
#include "columns/shown.h"
#include "parquet/names.h"
#include "schema/type_text.h"

enum {
    METADATA_WIDTH = 100, /* of a value that may be long, where no terminal sets the width */
    BOUND_WIDTH = 32,
    NAME_BYTES = 400, /* of an indented name; what is longer is cut */
};

/* 1234567 as "1,234,567". */
static const char *count_text(int64_t n, char out[32])
{
    char digits[24];
    size_t n_digits = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n), used = 0;
    for (size_t i = 0; i < n_digits; i++) {
        if (i > 0 && (n_digits - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

static enum shale_status put_title(struct inspect *inspect, const char *title)
{
    return shale_buf_printf(&inspect->out, "%s", title);
}

/* ---- The file ----------------------------------------------------------------------------------
 */

static enum shale_status put_file(struct inspect *inspect)
{
    static const struct grid_column columns[] = {{.title = NULL},
                                                 {.elastic = true, .most = METADATA_WIDTH}};
    const struct shale_file *file = inspect->file;
    char rows[32], groups[32], bytes[32], footer[32];
    struct grid grid;
    enum shale_status status;
    grid_init(&grid, shale_reader_mem(inspect->reader), columns, 2);
    grid_cell(&grid, SHALE_STR("file"));
    grid_cell(&grid, shale_str_of(inspect->path));
    grid_cell(&grid, SHALE_STR("rows"));
    grid_printf(&grid, "%s in %s row group%s", count_text(file->n_rows, rows),
                count_text((int64_t)file->n_row_groups, groups),
                file->n_row_groups == 1 ? "" : "s");
    grid_cell(&grid, SHALE_STR("size"));
    grid_printf(&grid, "%s, of which the footer has %s",
                human_bytes(inspect->file_bytes, bytes, sizeof bytes),
                human_bytes(file->footer_bytes, footer, sizeof footer));
    grid_cell(&grid, SHALE_STR("created by"));
    grid_cell(&grid, file->created_by.n_bytes > 0 ? file->created_by : SHALE_STR("(not said)"));
    grid_cell(&grid, SHALE_STR("version"));
    grid_printf(&grid, "%d", (int)file->version);
    status = grid_print(&grid, 0, inspect->width, &inspect->out);
    if (status == SHALE_OK && file->n_key_values > 0)
        status = put_title(inspect, "\nmetadata\n");
    for (size_t i = 0; i < file->n_key_values; i++) {
        grid_cell(&grid, file->key_values[i].key);
        grid_cell(&grid, file->key_values[i].value);
    }
    if (status == SHALE_OK)
        status = grid_print(&grid, 2, inspect->width, &inspect->out);
    grid_fini(&grid);
    return status;
}

/* ---- The schema --------------------------------------------------------------------------------
 */

/* "TIMESTAMP(MICROS, UTC)"; of the old annotations alone their name. */
static void put_annotation(struct grid *grid, const struct shale_file_node *node)
{
    char number[INSPECT_NUMBER_BYTES];
    const char *name = inspect_name(shale_logical_name(node->logical), node->logical, number);
    const char *unit = shale_time_unit_name(node->time_unit);
    switch (node->logical) {
    case SHALE_LOGICAL_NONE:
        break;
    case SHALE_LOGICAL_DECIMAL:
        grid_printf(grid, "%s(%d, %d)", name, (int)node->precision, (int)node->scale);
        return;
    case SHALE_LOGICAL_TIME:
    case SHALE_LOGICAL_TIMESTAMP:
        grid_printf(grid, "%s(%s, %s)", name, unit == NULL ? "?" : unit,
                    node->is_utc ? "UTC" : "local");
        return;
    case SHALE_LOGICAL_INTEGER:
        grid_printf(grid, "%s(%d, %s)", name, node->bit_width,
                    node->is_signed ? "signed" : "unsigned");
        return;
    default:
        grid_printf(grid, "%s", name);
        return;
    }
    if (node->converted == SHALE_CONVERTED_NONE)
        grid_cell(grid, SHALE_STR(""));
    else if (node->converted == SHALE_CONVERTED_DECIMAL)
        grid_printf(grid, "DECIMAL(%d, %d)", (int)node->precision, (int)node->scale);
    else
        grid_printf(grid, "%s",
                    inspect_name(shale_converted_name(node->converted), node->converted, number));
}

static void put_node(const struct inspect *inspect, struct grid *grid, uint32_t i)
{
    const struct shale_file_node *node = &inspect->file->nodes[i];
    char type[SHALE_TYPE_TEXT_BYTES], number[INSPECT_NUMBER_BYTES], name[NAME_BYTES];
    size_t depth = 0, n;
    for (uint32_t k = node->parent; k != 0; k = inspect->file->nodes[k].parent)
        depth++;
    memset(name, ' ', 2 * depth); /* at most 129 levels */
    n = node->name.n_bytes < sizeof name - 2 * depth ? node->name.n_bytes : sizeof name - 2 * depth;
    memcpy(name + 2 * depth, node->name.data, n);
    grid_cell(grid, (struct shale_str){name, 2 * depth + n});
    grid_printf(grid, "%s",
                inspect_name(shale_repetition_name(node->repetition), node->repetition, number));
    if (node->physical < 0)
        grid_cell(grid, SHALE_STR("group"));
    else if (node->physical == SHALE_PHYSICAL_FIXED)
        grid_printf(grid, "FIXED_LEN_BYTE_ARRAY(%d)", (int)node->type_length);
    else
        grid_printf(grid, "%s", shale_physical_name(node->physical));
    put_annotation(grid, node);
    if (node->leaf < 0)
        grid_cell(grid, SHALE_STR(""));
    else if (inspect->file->leaves[node->leaf].unsupported != NULL)
        grid_cell(grid, shale_str_of(inspect->file->leaves[node->leaf].unsupported));
    else
        grid_printf(grid, "%s",
                    shale_type_text(inspect->file->leaves[node->leaf].type, type, sizeof type));
}

static enum shale_status put_schema(struct inspect *inspect)
{
    static const struct grid_column columns[] = {{.title = "column", .elastic = true},
                                                 {.title = "repetition"},
                                                 {.title = "physical"},
                                                 {.title = "logical"},
                                                 {.title = "type"}};
    struct grid grid;
    enum shale_status status = put_title(inspect, "\nschema\n");
    grid_init(&grid, shale_reader_mem(inspect->reader), columns, 5);
    for (uint32_t i = 1; i < inspect->file->n_nodes; i++)
        put_node(inspect, &grid, i);
    if (status == SHALE_OK)
        status = grid_print(&grid, 2, inspect->width, &inspect->out);
    grid_fini(&grid);
    return status;
}

/* ---- Row groups --------------------------------------------------------------------------------
 */

static bool is_level_encoding(int encoding)
{
    return encoding == SHALE_ENCODING_RLE || encoding == SHALE_ENCODING_BIT_PACKED;
}

/* Encodings of the data pages where the footer says which, else all of the chunk. */
static void put_encodings(struct grid *grid, const struct shale_file_chunk *chunk)
{
    char text[200], number[INSPECT_NUMBER_BYTES];
    size_t used = 0;
    bool pages = false;
    text[0] = '\0';
    for (size_t i = 0; i < chunk->n_page_counts; i++)
        pages = pages || chunk->page_counts[i].page_type != SHALE_PAGE_DICTIONARY;
    for (size_t i = 0; i < (pages ? chunk->n_page_counts : chunk->n_encodings); i++) {
        int encoding = pages ? chunk->page_counts[i].encoding : chunk->encodings[i];
        const char *name = inspect_name(shale_encoding_name(encoding), encoding, number);
        if (pages && chunk->page_counts[i].page_type == SHALE_PAGE_DICTIONARY)
            continue;
        if (!pages && is_level_encoding(encoding) && chunk->n_encodings > 1)
            continue;
        if (strstr(text, name) != NULL || used + strlen(name) + 2 > sizeof text)
            continue;
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? " " : "", name);
    }
    grid_cell(grid, shale_str_of(text));
}

static enum shale_status put_bound(struct inspect *inspect, struct grid *grid, size_t leaf,
                                   const struct shale_file_bound *bound)
{
    enum shale_status status = inspect_bound(inspect, leaf, bound);
    if (status == SHALE_OK)
        grid_cell(grid, shale_buf_str(&inspect->value));
    return status;
}

static void put_indexes(struct grid *grid, const struct shale_file_chunk *chunk)
{
    char bytes[32] = "";
    const char *index = chunk->offset_index_at < 0   ? ""
                        : chunk->column_index_at < 0 ? "offsets"
                                                     : "pages";
    if (chunk->bloom_at >= 0 && chunk->bloom_bytes >= 0)
        (void)human_bytes(chunk->bloom_bytes, bytes, sizeof bytes);
    grid_printf(grid, "%s%s%s%s%s", index, index[0] != '\0' && chunk->bloom_at >= 0 ? ", " : "",
                chunk->bloom_at >= 0 ? "bloom" : "", bytes[0] != '\0' ? " " : "", bytes);
}

static enum shale_status put_chunk(struct inspect *inspect, struct grid *grid, size_t group,
                                   size_t leaf)
{
    const struct shale_file_chunk *chunk = &inspect->file->row_groups[group].chunks[leaf];
    char number[INSPECT_NUMBER_BYTES], text[32];
    struct shale_file_page_total pages;
    /* 'inspect' shows the footer of a file whose pages are damaged, too */
    bool counted = shale_reader_count_pages(inspect->reader, group, leaf, &pages, NULL) == SHALE_OK;
    enum shale_status status;
    grid_cell(grid, inspect->file->leaves[leaf].path);
    grid_printf(grid, "%s",
                inspect_name(shale_compression_name(chunk->codec), chunk->codec, number));
    put_encodings(grid, chunk);
    if (chunk->unsupported != NULL || !counted)
        grid_cell(grid, SHALE_STR("?"));
    else
        grid_printf(grid, "%s", count_text(pages.n_data, text));
    grid_printf(grid, "%s", human_bytes(chunk->compressed_bytes, text, sizeof text));
    if (chunk->compressed_bytes > 0)
        grid_printf(grid, "%.1f",
                    (double)chunk->uncompressed_bytes / (double)chunk->compressed_bytes);
    else
        grid_cell(grid, SHALE_STR(""));
    grid_printf(grid, "%s",
                chunk->statistics.n_nulls < 0 ? "?" : count_text(chunk->statistics.n_nulls, text));
    status = put_bound(inspect, grid, leaf, &chunk->statistics.minimum);
    if (status == SHALE_OK)
        status = put_bound(inspect, grid, leaf, &chunk->statistics.maximum);
    if (chunk->unsupported != NULL)
        grid_cell(grid, shale_str_of(chunk->unsupported));
    else
        put_indexes(grid, chunk);
    return status;
}

/* "row group 0: 3 rows, 96 B (78 B uncompressed), sorted by id", cut to the terminal. */
static enum shale_status put_group_title(struct inspect *inspect, size_t i)
{
    const struct shale_file_row_group *group = &inspect->file->row_groups[i];
    struct shale_buf *title = &inspect->value;
    char rows[32], bytes[32], plain[32];
    size_t used;
    enum shale_status status;
    shale_buf_reset(title);
    status = shale_buf_printf(title, "row group %zu: %s rows, %s (%s uncompressed)", i,
                              count_text(group->n_rows, rows),
                              human_bytes(group->compressed_bytes, bytes, sizeof bytes),
                              human_bytes(group->uncompressed_bytes, plain, sizeof plain));
    for (size_t k = 0; k < group->n_sorting && status == SHALE_OK; k++) {
        status = shale_buf_append_str(title, shale_str_of(k == 0 ? ", sorted by " : ", "));
        if (status == SHALE_OK)
            status =
                shale_buf_append_str(title, inspect->file->leaves[group->sorting[k].leaf].path);
        if (status == SHALE_OK && group->sorting[k].descending)
            status = shale_buf_append_str(title, SHALE_STR(" descending"));
    }
    if (status == SHALE_OK)
        status = put_title(inspect, "\n");
    if (status == SHALE_OK)
        status =
            shale_shown_append(shale_buf_str(title), inspect->width > 0 ? inspect->width : 1000,
                               false, &used, &inspect->out);
    return status == SHALE_OK ? put_title(inspect, "\n") : status;
}

static enum shale_status put_row_group(struct inspect *inspect, size_t i)
{
    static const struct grid_column columns[] = {
        {.title = "column", .elastic = true},
        {.title = "codec"},
        {.title = "encodings", .elastic = true},
        {.title = "pages", .right = true},
        {.title = "size", .right = true},
        {.title = "ratio", .right = true},
        {.title = "nulls", .right = true},
        {.title = "min", .elastic = true, .most = BOUND_WIDTH},
        {.title = "max", .elastic = true, .most = BOUND_WIDTH},
        {.title = "index"}};
    struct grid grid;
    enum shale_status status = put_group_title(inspect, i);
    grid_init(&grid, shale_reader_mem(inspect->reader), columns, 10);
    for (size_t k = 0; k < inspect->file->n_leaves && status == SHALE_OK; k++)
        status = put_chunk(inspect, &grid, i, k);
    if (status == SHALE_OK)
        status = grid_print(&grid, 2, inspect->width, &inspect->out);
    grid_fini(&grid);
    return status == SHALE_OK ? inspect_flush(inspect, false) : status;
}

enum shale_status inspect_text(struct inspect *inspect)
{
    enum shale_status status = put_file(inspect);
    if (status == SHALE_OK)
        status = put_schema(inspect);
    for (size_t i = 0; i < inspect->file->n_row_groups && status == SHALE_OK; i++)
        status = put_row_group(inspect, i);
    return status;
}
