/* SPDX-License-Identifier: MIT */
/* Columns of a file as those of its table: by name, what the file lacks null, timestamps in the
 * table's unit.  Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include <string.h>

#include "base/checked.h"
#include "dataset/rewrite_parts.h"
#include "parquet/reader.h"
#include "schema/type_text.h"

enum { ARENA_BYTES = 1 << 30, UUID_CHARS = 36, UUID_BYTES = 16 };
#define BLOOM_FPP 0.01 /* what a definition's 'bloom: true' means */

static const struct shale_column_def *find_column(const struct shale_schema *schema,
                                                  struct shale_str name, size_t *index)
{
    for (size_t i = 0; i < schema->n_columns; i++)
        if (shale_str_equal(schema->columns[i].name, name)) {
            *index = i;
            return &schema->columns[i];
        }
    return NULL;
}

static bool is_bits_uuid(const struct shale_type *type)
{
    return type->kind == SHALE_UUID && type->annotate;
}

/* The member of a file's struct (by name), list or map (by place) that is member 'i' of the
 * table's; NULL: there is none. */
static const struct shale_type *member_of(const struct shale_type *file,
                                          const struct shale_type *table, size_t i, size_t *at)
{
    *at = i;
    if (table->kind != SHALE_STRUCT)
        return i < file->n_members ? &file->members[i].type : NULL;
    for (*at = 0; *at < file->n_members; ++*at)
        if (shale_str_equal(file->members[*at].name, table->members[i].name))
            return &file->members[*at].type;
    return NULL;
}

/* Can values of the file's type be the table's? */
static bool agrees(const struct shale_type *table, const struct shale_type *file)
{
    if (table->n_members > 0 || file->n_members > 0) {
        bool good = table->kind == file->kind;
        for (size_t i = 0; i < table->n_members && good; i++) {
            size_t at;
            const struct shale_type *member = member_of(file, table, i, &at);
            good = member == NULL ? table->kind == SHALE_STRUCT
                                  : agrees(&table->members[i].type, member);
        }
        return good;
    }
    if (table->kind == SHALE_TIMESTAMP || file->kind == SHALE_TIMESTAMP)
        return table->kind == file->kind;
    if (table->kind == SHALE_DECIMAL || file->kind == SHALE_DECIMAL)
        return table->kind == file->kind && table->scale == file->scale &&
               table->precision >= file->precision;
    if (is_bits_uuid(table) || is_bits_uuid(file))
        return (is_bits_uuid(table) || table->kind == SHALE_STRING || table->kind == SHALE_UUID) &&
               (is_bits_uuid(file) || file->kind == SHALE_STRING || file->kind == SHALE_UUID);
    return shale_type_layout(table) == shale_type_layout(file);
}

/* ---- What new files have ----------------------------------------------------------------------
 */

/* 'type' is the table's: let it be stored as in the file. */
static enum shale_status store_as(struct shale_arena *arena, const struct shale_type *file,
                                  struct shale_type *type)
{
    struct shale_type_member *members;
    if (type->n_members == 0) {
        if (type->kind == SHALE_TIMESTAMP && file->kind == SHALE_TIMESTAMP)
            type->int96 = file->int96;
        else if (type->kind == SHALE_STRING &&
                 (file->kind == SHALE_JSON || file->kind == SHALE_UUID))
            *type = *file;
        return SHALE_OK;
    }
    if (type->kind != file->kind)
        return SHALE_OK;
    members = shale_arena_zeroed(arena, type->n_members, sizeof *members);
    if (members == NULL)
        return SHALE_NOMEM;
    memcpy(members, type->members, type->n_members * sizeof *members);
    for (size_t i = 0; i < type->n_members; i++) {
        size_t at;
        const struct shale_type *member = member_of(file, type, i, &at);
        if (member != NULL && store_as(arena, member, &members[i].type) != SHALE_OK)
            return SHALE_NOMEM;
    }
    type->members = members;
    return SHALE_OK;
}

static bool has_bloom(const struct shale_file *file, size_t column)
{
    for (size_t g = 0; g < file->n_row_groups; g++)
        for (size_t i = 0; i < file->n_leaves; i++)
            if (file->leaves[i].column == column && file->row_groups[g].chunks[i].bloom_at >= 0)
                return true;
    return false;
}

/* The encoding of all data pages of a leaf; -1: there are several, or it is not said. */
static int only_encoding(const struct shale_file *file, size_t leaf)
{
    int found = -1;
    for (size_t g = 0; g < file->n_row_groups; g++) {
        const struct shale_file_chunk *chunk = &file->row_groups[g].chunks[leaf];
        if (chunk->n_page_counts == 0)
            return -1;
        for (size_t k = 0; k < chunk->n_page_counts; k++) {
            const struct shale_file_page_count *count = &chunk->page_counts[k];
            if (count->page_type == SHALE_PAGE_DICTIONARY || count->n == 0)
                continue;
            if (count->page_type != SHALE_PAGE_DATA_V2 || (found >= 0 && count->encoding != found))
                return -1;
            found = count->encoding;
        }
    }
    return found;
}

/* What somebody asked for, as far as that can be told: an encoding of 'modern' that is not among
 * those which are tried when nobody has asked (parquet/encodings.c).  The others are found again,
 * or a better one of them, as the files were small. */
static enum shale_encoding_choice asked_encoding(const struct shale_file *file, size_t column)
{
    const struct shale_type *type = &file->schema.columns[column].type;
    enum shale_layout layout = shale_type_layout(type);
    bool is_float = layout == SHALE_LAYOUT_F32 || layout == SHALE_LAYOUT_F64;
    bool is_text = layout == SHALE_LAYOUT_BYTES && type->kind != SHALE_FIXED;
    for (size_t i = 0; i < file->n_leaves && type->n_members == 0; i++) {
        if (file->leaves[i].column != column)
            continue;
        switch (only_encoding(file, i)) {
        case SHALE_ENCODING_BYTE_STREAM_SPLIT:
            return is_float ? SHALE_ENCODE_AUTO : SHALE_ENCODE_BYTE_STREAM_SPLIT;
        case SHALE_ENCODING_DELTA_BYTE_ARRAY:
            return is_text ? SHALE_ENCODE_AUTO : SHALE_ENCODE_DELTA_BYTE_ARRAY;
        default:
            return SHALE_ENCODE_AUTO;
        }
    }
    return SHALE_ENCODE_AUTO;
}

/* How the column is stored, of those that have a choice. */
static void take_storage(const struct shale_schema *wanted, const struct shale_file *file,
                         size_t index, struct shale_column_def *to)
{
    size_t unused;
    const struct shale_column_def *said =
        wanted == NULL ? NULL : find_column(wanted, to->name, &unused);
    to->encoding = said != NULL ? said->encoding : SHALE_ENCODE_AUTO;
    to->bloom_fpp = said != NULL ? said->bloom_fpp : 0;
    if (said == NULL && index != SIZE_MAX) {
        to->encoding = asked_encoding(file, index);
        to->bloom_fpp = has_bloom(file, index) ? BLOOM_FPP : 0;
    }
}

static bool is_partition(const struct shale_log_state *log, struct shale_str name)
{
    for (size_t i = 0; i < log->n_partition_columns; i++)
        if (shale_str_equal(log->partition_columns[i], name))
            return true;
    return false;
}

enum shale_status shale_rewrite_columns(struct shale_arena *arena,
                                        const struct shale_log_state *log,
                                        const struct shale_schema *wanted,
                                        const struct shale_file *file, struct shale_schema *out,
                                        struct shale_err *err)
{
    struct shale_column_def *columns =
        shale_arena_zeroed(arena, log->schema.n_columns + 1, sizeof *columns);
    size_t n = 0;
    if (columns == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < log->schema.n_columns; i++) {
        struct shale_column_def *to = &columns[n];
        const struct shale_column_def *stored;
        size_t index = SIZE_MAX;
        if (is_partition(log, log->schema.columns[i].name))
            continue;
        n++;
        *to = log->schema.columns[i];
        to->partition_only = false;
        stored = find_column(&file->schema, to->name, &index);
        if (stored != NULL && !agrees(&to->type, &stored->type))
            index = SIZE_MAX;
        else if (stored != NULL && store_as(arena, &stored->type, &to->type) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
        take_storage(wanted, file, index, to);
    }
    *out = (struct shale_schema){columns, n};
    return SHALE_OK;
}

/* ---- Views ------------------------------------------------------------------------------------
 */

enum shale_status shale_rewrite_views_init(struct shale_rewrite_views *views,
                                           const struct shale_mem *mem,
                                           const struct shale_schema *wanted)
{
    size_t n = wanted->n_columns, n_nodes = 0;
    *views = (struct shale_rewrite_views){.mem = mem, .wanted = wanted};
    shale_arena_init(&views->arena, mem, ARENA_BYTES);
    for (size_t i = 0; i < n; i++)
        n_nodes += shale_type_n_nodes(&wanted->columns[i].type);
    views->columns = shale_mem_zeroed(mem, n, sizeof *views->columns);
    views->missing = shale_mem_zeroed(mem, n, sizeof *views->missing);
    views->same = shale_mem_zeroed(mem, n, sizeof *views->same);
    views->picked = shale_mem_zeroed(mem, n, sizeof *views->picked);
    views->nodes = shale_mem_zeroed(mem, n_nodes, sizeof *views->nodes);
    return views->columns == NULL || views->missing == NULL || views->same == NULL ||
                   views->picked == NULL || views->nodes == NULL
               ? SHALE_NOMEM
               : SHALE_OK;
}

void shale_rewrite_views_fini(struct shale_rewrite_views *views)
{
    if (views->mem == NULL)
        return;
    shale_mem_free(views->mem, views->columns);
    shale_mem_free(views->mem, views->missing);
    shale_mem_free(views->mem, views->same);
    shale_mem_free(views->mem, views->picked);
    shale_mem_free(views->mem, views->nodes);
    shale_arena_fini(&views->arena);
}

/* Does the file's column lie in memory as the table's does? */
static bool lies_so(const struct shale_type *table, const struct shale_type *file)
{
    bool same = shale_type_layout(table) == shale_type_layout(file) &&
                table->n_members == file->n_members &&
                (table->kind != SHALE_TIMESTAMP || table->unit == file->unit);
    for (size_t i = 0; i < table->n_members && same; i++)
        same = (table->kind != SHALE_STRUCT ||
                shale_str_equal(table->members[i].name, file->members[i].name)) &&
               lies_so(&table->members[i].type, &file->members[i].type);
    return same;
}

enum shale_status shale_rewrite_views_file(struct shale_rewrite_views *views,
                                           const struct shale_schema *file, struct shale_err *err)
{
    views->file = file;
    views->n_picked = 0;
    for (size_t i = 0; i < views->wanted->n_columns; i++) {
        const struct shale_column_def *to = &views->wanted->columns[i];
        char is[SHALE_TYPE_TEXT_BYTES], other[SHALE_TYPE_TEXT_BYTES];
        size_t index = 0;
        const struct shale_column_def *from = find_column(file, to->name, &index);
        views->missing[i] = from == NULL;
        if (from == NULL)
            continue;
        if (!agrees(&to->type, &from->type))
            return SHALE_ERR(err, rewrite_column, SHALE_STR_ARG(to->name),
                             shale_type_text(&from->type, is, sizeof is),
                             shale_type_text(&to->type, other, sizeof other));
        views->same[i] = lies_so(&to->type, &from->type);
        views->picked[views->n_picked++] = index;
    }
    return SHALE_OK;
}

/* A view under construction. */
struct viewing {
    struct shale_rewrite_views *views;
    enum shale_status status; /* sticky */
    struct shale_err *err;
};

static void *allocate(struct viewing *viewing, size_t n, size_t element_bytes)
{
    void *p = shale_arena_zeroed(&viewing->views->arena, n > 0 ? n : 1, element_bytes);
    if (p == NULL && viewing->status == SHALE_OK)
        viewing->status = SHALE_ERR(viewing->err, no_memory);
    return p;
}

static const void *zeros(struct viewing *viewing, size_t n_bytes)
{
    struct shale_rewrite_views *views = viewing->views;
    if (n_bytes > views->n_zero_bytes) {
        const void *p = allocate(viewing, n_bytes, 1);
        if (p == NULL)
            return NULL;
        views->zeros = p;
        views->n_zero_bytes = n_bytes;
    }
    return views->zeros;
}

/* Nothing but nulls; returns the place behind the last node. */
static struct shale_column *view_nulls(struct viewing *viewing, const struct shale_type *type,
                                       int64_t n_rows, struct shale_column *out)
{
    enum shale_layout layout = shale_type_layout(type);
    const void *nothing = zeros(viewing, ((size_t)n_rows + 1) * UUID_BYTES);
    struct shale_column *end = out + 1;
    *out = (struct shale_column){.n_rows = n_rows, .n_nulls = n_rows};
    if (n_rows > 0)
        out->validity = nothing;
    if (layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST)
        out->offsets = nothing;
    if (type->n_members == 0)
        out->data = nothing;
    for (size_t i = 0; i < type->n_members; i++)
        end = view_nulls(viewing, &type->members[i].type, layout == SHALE_LAYOUT_LIST ? 0 : n_rows,
                         end);
    return end;
}

/* ---- Values of another form -------------------------------------------------------------------
 */

static int64_t per_second(const struct shale_type *type)
{
    return type->unit == SHALE_MS ? 1000 : type->unit == SHALE_US ? 1000000 : 1000000000;
}

static void view_times(struct viewing *viewing, const struct shale_type *type,
                       const struct shale_type *file, struct shale_column *out)
{
    const int64_t *from = out->data;
    int64_t *to = allocate(viewing, (size_t)out->n_rows, sizeof *to);
    int64_t is = per_second(file), wanted = per_second(type);
    if (to == NULL)
        return;
    for (int64_t i = 0; i < out->n_rows; i++) {
        if (shale_column_is_null(out, i))
            continue;
        if (wanted < is) /* towards the past */
            to[i] = from[i] / (is / wanted) - (from[i] % (is / wanted) < 0);
        else if (!SHALE_MUL(from[i], wanted / is, &to[i]) && viewing->status == SHALE_OK)
            viewing->status = SHALE_ERR(viewing->err, rewrite_time, (long long)from[i]);
    }
    out->data = to;
}

static void view_uuid_texts(struct viewing *viewing, struct shale_column *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = out->data;
    char *text = allocate(viewing, (size_t)out->n_rows, UUID_CHARS), *at = text;
    int32_t *offsets = allocate(viewing, (size_t)out->n_rows + 1, sizeof *offsets);
    if (text == NULL || offsets == NULL)
        return;
    for (int64_t i = 0; i < out->n_rows; i++) {
        for (size_t b = 0; b < UUID_BYTES && !shale_column_is_null(out, i); b++) {
            uint8_t byte = from[(size_t)i * UUID_BYTES + b];
            if (b == 4 || b == 6 || b == 8 || b == 10)
                *at++ = '-';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
        offsets[i + 1] = (int32_t)(at - text);
    }
    out->data = text;
    out->offsets = offsets;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87 : -1;
}

static bool parse_uuid(struct shale_str text, uint8_t out[UUID_BYTES])
{
    size_t n = 0;
    if (text.n_bytes != UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        int digit = hex_digit(text.data[i]);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.data[i] != '-' : digit < 0)
            return false;
        if (dash)
            continue;
        out[n / 2] = (uint8_t)(out[n / 2] << 4 | digit);
        n++;
    }
    return true;
}

static void view_uuid_bits(struct viewing *viewing, struct shale_column *out)
{
    uint8_t *to = allocate(viewing, (size_t)out->n_rows, UUID_BYTES);
    if (to == NULL)
        return;
    for (int64_t i = 0; i < out->n_rows; i++) {
        int32_t begin = out->offsets[i], end = out->offsets[i + 1];
        struct shale_str text = {(const char *)out->data + begin, (size_t)(end - begin)};
        if (!shale_column_is_null(out, i) && !parse_uuid(text, to + (size_t)i * UUID_BYTES) &&
            viewing->status == SHALE_OK)
            viewing->status = SHALE_ERR(viewing->err, rewrite_uuid, SHALE_STR_ARG(text));
    }
    out->data = to;
    out->offsets = NULL;
}

static void view_scalar(struct viewing *viewing, const struct shale_type *type,
                        const struct shale_type *file, struct shale_column *out)
{
    if (type->kind == SHALE_TIMESTAMP && type->unit != file->unit)
        view_times(viewing, type, file, out);
    else if (is_bits_uuid(file) && !is_bits_uuid(type))
        view_uuid_texts(viewing, out);
    else if (is_bits_uuid(type) && !is_bits_uuid(file))
        view_uuid_bits(viewing, out);
}

static struct shale_column *view_node(struct viewing *viewing, const struct shale_type *type,
                                      const struct shale_type *file, const struct shale_column *in,
                                      struct shale_column *out)
{
    struct shale_column *end = out + 1;
    *out = *in;
    if (type->n_members == 0) {
        view_scalar(viewing, type, file, out);
        return end;
    }
    for (size_t i = 0; i < type->n_members; i++) {
        const struct shale_type *member;
        const struct shale_column *child = in->child;
        size_t at;
        member = member_of(file, type, i, &at);
        for (size_t k = 0; k < at && child != NULL; k++)
            child = child->next;
        end = member == NULL || child == NULL
                  ? view_nulls(viewing, &type->members[i].type, in->n_rows, end)
                  : view_node(viewing, &type->members[i].type, member, child, end);
    }
    return end;
}

enum shale_status shale_rewrite_views_rows(struct shale_rewrite_views *views,
                                           const struct shale_rows *rows, struct shale_err *err)
{
    struct viewing viewing = {views, SHALE_OK, err};
    struct shale_column *nodes = views->nodes;
    size_t at = 0;
    shale_arena_reset(&views->arena);
    views->zeros = NULL;
    views->n_zero_bytes = 0;
    for (size_t i = 0; i < views->wanted->n_columns && viewing.status == SHALE_OK; i++) {
        const struct shale_type *type = &views->wanted->columns[i].type;
        const struct shale_column *in = views->missing[i] ? NULL : &rows->columns[at];
        if (in != NULL && views->same[i]) {
            views->columns[i] = *in;
            at++;
            continue;
        }
        if (in == NULL)
            (void)view_nulls(&viewing, type, rows->n_rows, nodes);
        else
            (void)view_node(&viewing, type, &views->file->columns[views->picked[at++]].type, in,
                            nodes);
        (void)shale_column_link(type, nodes);
        views->columns[i] = *nodes;
        nodes += shale_type_n_nodes(type);
    }
    return viewing.status;
}
