/* SPDX-License-Identifier: MIT */
/* Rows as NDJSON.  Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include "columns/json_rows.h"

#include <string.h>

#include "codec/base64.h"
#include "columns/scalar_text.h"
#include "json/quote.h"
#include "json/text.h"

enum { MOST_BYTES = INT32_MAX };

enum shale_status shale_json_rows_init(struct shale_json_rows *rows, const struct shale_mem *mem,
                                       const struct shale_column_def *defs, size_t n_columns)
{
    enum shale_status status = SHALE_OK;
    *rows = (struct shale_json_rows){.mem = mem, .defs = defs, .n_columns = n_columns};
    shale_buf_init(&rows->names, mem, MOST_BYTES);
    shale_buf_init(&rows->scratch, mem, SIZE_MAX / 2);
    rows->name_ends = shale_mem_zeroed(mem, n_columns + 1, sizeof *rows->name_ends);
    if (rows->name_ends == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < n_columns && status == SHALE_OK; i++) {
        status = shale_buf_append_byte(&rows->names, i == 0 ? '{' : ',');
        if (status == SHALE_OK)
            status = shale_json_quote(defs[i].name, &rows->names);
        if (status == SHALE_OK)
            status = shale_buf_append_byte(&rows->names, ':');
        rows->name_ends[i] = rows->names.n_bytes;
    }
    if (status == SHALE_OK)
        status = shale_json_cursor_init(&rows->cursor, mem);
    rows->has_cursor = status == SHALE_OK;
    return status;
}

void shale_json_rows_fini(struct shale_json_rows *rows)
{
    if (rows->mem == NULL)
        return;
    shale_buf_fini(&rows->names);
    shale_buf_fini(&rows->scratch);
    shale_mem_free(rows->mem, rows->name_ends);
    if (rows->has_cursor)
        shale_json_cursor_fini(&rows->cursor);
}

/* Is the text one JSON value and nothing else? */
static enum shale_status check_json(struct shale_json_rows *rows, struct shale_str text, bool *good)
{
    struct shale_json_item item;
    enum shale_json_step step;
    enum shale_status status;
    *good = false;
    if (text.n_bytes == 0 || text.n_bytes > SHALE_JSON_MAX_WINDOW)
        return SHALE_OK;
    shale_buf_reset(&rows->scratch);
    status = shale_buf_reserve(&rows->scratch, text.n_bytes + SHALE_JSON_PADDING);
    if (status != SHALE_OK)
        return status;
    memcpy(rows->scratch.data, text.data, text.n_bytes);
    memset(rows->scratch.data + text.n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(&rows->cursor, rows->scratch.data, text.n_bytes, 0, true);
    step = shale_json_next(&rows->cursor, &item);
    if (step != SHALE_JSON_END && step != SHALE_JSON_ERROR)
        step = shale_json_skip(&rows->cursor, step, &item);
    else
        return SHALE_OK;
    *good = step != SHALE_JSON_ERROR && shale_json_next(&rows->cursor, &item) == SHALE_JSON_END;
    return SHALE_OK;
}

static enum shale_status put_json(struct shale_json_rows *rows, struct shale_str text,
                                  struct shale_buf *out)
{
    bool good;
    enum shale_status status = check_json(rows, text, &good);
    if (status != SHALE_OK)
        return status;
    if (!good)
        return shale_json_quote(text, out);
    if (memchr(text.data, '\n', text.n_bytes) == NULL &&
        memchr(text.data, '\r', text.n_bytes) == NULL)
        return shale_buf_append_str(out, text);
    return shale_json_minify(text, out);
}

/* The bytes, and room for a number behind them: most columns then need no second look. */
static enum shale_status put_known(const char *data, size_t n_bytes, struct shale_buf *out)
{
    size_t n = n_bytes + SHALE_SCALAR_BYTES + 2;
    enum shale_status status =
        out->capacity - out->n_bytes < n ? shale_buf_reserve(out, n) : SHALE_OK;
    if (status != SHALE_OK)
        return status;
    memcpy(out->data + out->n_bytes, data, n_bytes);
    out->n_bytes += n_bytes;
    return SHALE_OK;
}

static enum shale_status put_binary(struct shale_str bytes, struct shale_buf *out)
{
    enum shale_status status = shale_buf_append_byte(out, '"');
    if (status == SHALE_OK)
        status = shale_base64_append(bytes, out);
    return status == SHALE_OK ? shale_buf_append_byte(out, '"') : status;
}

static enum shale_status put_scalar(struct shale_json_rows *rows, const struct shale_type *type,
                                    const struct shale_column *column, int64_t row,
                                    struct shale_buf *out)
{
    bool quoted;
    char *at;
    enum shale_status status;
    if (shale_type_layout(type) == SHALE_LAYOUT_BYTES) {
        struct shale_str bytes = shale_column_bytes(column, row);
        if (type->kind == SHALE_JSON)
            return put_json(rows, bytes, out);
        if (type->kind == SHALE_BINARY || type->kind == SHALE_FIXED)
            return put_binary(bytes, out);
        return shale_json_quote(bytes, out);
    }
    if (shale_scalar_is_special(type, column, row))
        return shale_buf_append(out, "null", 4);
    status = put_known("", 0, out);
    if (status != SHALE_OK)
        return status;
    quoted = shale_scalar_is_string(type);
    at = out->data + out->n_bytes;
    if (quoted)
        *at++ = '"';
    at += shale_scalar_print(type, column, row, at);
    if (quoted)
        *at++ = '"';
    out->n_bytes = (size_t)(at - out->data);
    return SHALE_OK;
}

/* "name": */
static enum shale_status put_name(struct shale_str name, bool first, struct shale_buf *out)
{
    enum shale_status status = shale_buf_append_byte(out, first ? '{' : ',');
    if (status == SHALE_OK)
        status = shale_json_quote(name, out);
    return status == SHALE_OK ? shale_buf_append_byte(out, ':') : status;
}

static enum shale_status put_struct(struct shale_json_rows *rows, const struct shale_type *type,
                                    const struct shale_column *column, int64_t row,
                                    struct shale_buf *out)
{
    const struct shale_column *child = column->child;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < type->n_members && status == SHALE_OK; i++, child = child->next) {
        status = put_name(type->members[i].name, i == 0, out);
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, &type->members[i].type, child, row, out);
    }
    return status == SHALE_OK ? shale_buf_append_byte(out, '}') : status;
}

static enum shale_status put_list(struct shale_json_rows *rows, const struct shale_type *type,
                                  const struct shale_column *column, int64_t row,
                                  struct shale_buf *out)
{
    int32_t begin = column->offsets[row], end = column->offsets[row + 1];
    enum shale_status status = shale_buf_append_byte(out, '[');
    for (int32_t i = begin; i < end && status == SHALE_OK; i++) {
        if (i > begin)
            status = shale_buf_append_byte(out, ',');
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, shale_type_element(type), column->child, i, out);
    }
    return status == SHALE_OK ? shale_buf_append_byte(out, ']') : status;
}

/* A map whose keys are strings, as an object. */
static enum shale_status put_object(struct shale_json_rows *rows, const struct shale_type *type,
                                    const struct shale_column *column, int64_t row,
                                    struct shale_buf *out)
{
    int32_t begin = column->offsets[row], end = column->offsets[row + 1];
    const struct shale_column *keys = column->child;
    enum shale_status status = begin == end ? shale_buf_append_byte(out, '{') : SHALE_OK;
    for (int32_t i = begin; i < end && status == SHALE_OK; i++) {
        status = put_name(shale_column_bytes(keys, i), i == begin, out);
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, shale_type_element(type), keys->next, i, out);
    }
    return status == SHALE_OK ? shale_buf_append_byte(out, '}') : status;
}

static enum shale_status put_entries(struct shale_json_rows *rows, const struct shale_type *type,
                                     const struct shale_column *column, int64_t row,
                                     struct shale_buf *out)
{
    int32_t begin = column->offsets[row], end = column->offsets[row + 1];
    const struct shale_column *keys = column->child;
    enum shale_status status = shale_buf_append_byte(out, '[');
    for (int32_t i = begin; i < end && status == SHALE_OK; i++) {
        if (i > begin)
            status = shale_buf_append_byte(out, ',');
        if (status == SHALE_OK)
            status = put_name(SHALE_STR("key"), true, out);
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, &type->members[0].type, keys, i, out);
        if (status == SHALE_OK)
            status = put_name(SHALE_STR("value"), false, out);
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, shale_type_element(type), keys->next, i, out);
        if (status == SHALE_OK)
            status = shale_buf_append_byte(out, '}');
    }
    return status == SHALE_OK ? shale_buf_append_byte(out, ']') : status;
}

enum shale_status shale_json_rows_value(struct shale_json_rows *rows, const struct shale_type *type,
                                        const struct shale_column *column, int64_t row,
                                        struct shale_buf *out)
{
    if (shale_column_is_null(column, row))
        return shale_buf_append(out, "null", 4);
    switch (type->kind) {
    case SHALE_STRUCT:
        return put_struct(rows, type, column, row, out);
    case SHALE_LIST:
        return put_list(rows, type, column, row, out);
    case SHALE_MAP:
        return type->members[0].type.kind == SHALE_STRING
                   ? put_object(rows, type, column, row, out)
                   : put_entries(rows, type, column, row, out);
    default:
        return put_scalar(rows, type, column, row, out);
    }
}

enum shale_status shale_json_rows_append(struct shale_json_rows *rows,
                                         const struct shale_column *columns, int64_t row,
                                         struct shale_buf *out)
{
    enum shale_status status = SHALE_OK;
    size_t begin = 0;
    for (size_t i = 0; i < rows->n_columns && status == SHALE_OK; i++) {
        status = put_known(rows->names.data + begin, rows->name_ends[i] - begin, out);
        begin = rows->name_ends[i];
        if (status == SHALE_OK)
            status = shale_json_rows_value(rows, &rows->defs[i].type, &columns[i], row, out);
    }
    if (status != SHALE_OK)
        return status;
    return rows->n_columns == 0 ? shale_buf_append(out, "{}\n", 3)
                                : shale_buf_append(out, "}\n", 2);
}
