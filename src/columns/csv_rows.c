/* SPDX-License-Identifier: MIT */
/* Rows as CSV. */
#include "columns/csv_rows.h"

#include <string.h>

#include "codec/base64.h"
#include "columns/scalar_text.h"
#include "json/utf8.h"

enum shale_status shale_csv_rows_init(struct shale_csv_rows *rows, const struct shale_mem *mem,
                                      const struct shale_column_def *defs, size_t n_columns)
{
    shale_buf_init(&rows->text, mem, SIZE_MAX / 2);
    return shale_json_rows_init(&rows->json, mem, defs, n_columns);
}

void shale_csv_rows_fini(struct shale_csv_rows *rows)
{
    shale_json_rows_fini(&rows->json);
    if (rows->text.mem != NULL)
        shale_buf_fini(&rows->text);
}

static bool must_quote(struct shale_str text)
{
    for (size_t i = 0; i < text.n_bytes; i++)
        if (text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\n' ||
            text.data[i] == '\r')
            return true;
    return text.n_bytes == 0;
}

/* The text with what is no UTF-8 replaced, and (when 'quote' is set) each quote doubled. */
static enum shale_status put_characters(struct shale_str text, bool quote, struct shale_buf *out)
{
    size_t begin = 0, i = 0;
    enum shale_status status = SHALE_OK;
    while (i < text.n_bytes && status == SHALE_OK) {
        size_t n = shale_utf8_sequence((const unsigned char *)text.data + i, text.n_bytes - i);
        bool bad = n == SHALE_UTF8_BAD || n == SHALE_UTF8_CUT;
        if (!bad && !(quote && text.data[i] == '"')) {
            i += n;
            continue;
        }
        status = shale_buf_append(out, text.data + begin, i - begin);
        if (status == SHALE_OK)
            status = shale_buf_append_str(out, bad ? SHALE_STR("\xEF\xBF\xBD") : SHALE_STR("\"\""));
        begin = ++i;
    }
    if (status == SHALE_OK && i > begin)
        status = shale_buf_append(out, text.data + begin, i - begin);
    return status;
}

static enum shale_status put_text(struct shale_str text, struct shale_buf *out)
{
    bool quote = must_quote(text);
    enum shale_status status = quote ? shale_buf_append_byte(out, '"') : SHALE_OK;
    if (status == SHALE_OK)
        status = put_characters(text, quote, out);
    return status == SHALE_OK && quote ? shale_buf_append_byte(out, '"') : status;
}

static enum shale_status put_value(struct shale_csv_rows *rows, const struct shale_type *type,
                                   const struct shale_column *column, int64_t row,
                                   struct shale_buf *out)
{
    enum shale_layout layout = shale_type_layout(type);
    enum shale_status status;
    if (shale_column_is_null(column, row))
        return SHALE_OK;
    if (layout == SHALE_LAYOUT_BYTES &&
        (type->kind == SHALE_STRING || type->kind == SHALE_UUID || type->kind == SHALE_JSON))
        return put_text(shale_column_bytes(column, row), out);
    shale_buf_reset(&rows->text);
    if (layout == SHALE_LAYOUT_LIST || layout == SHALE_LAYOUT_STRUCT) {
        status = shale_json_rows_value(&rows->json, type, column, row, &rows->text);
    } else if (layout == SHALE_LAYOUT_BYTES) {
        status = shale_base64_append(shale_column_bytes(column, row), &rows->text);
    } else {
        status = shale_buf_reserve(out, SHALE_SCALAR_BYTES);
        if (status == SHALE_OK) /* none has a comma or a quote */
            out->n_bytes += shale_scalar_print(type, column, row, out->data + out->n_bytes);
        return status;
    }
    return status == SHALE_OK ? put_text(shale_buf_str(&rows->text), out) : status;
}

enum shale_status shale_csv_rows_header(struct shale_csv_rows *rows, struct shale_buf *out)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < rows->json.n_columns && status == SHALE_OK; i++) {
        if (i > 0)
            status = shale_buf_append_byte(out, ',');
        if (status == SHALE_OK)
            status = put_text(rows->json.defs[i].name, out);
    }
    return status == SHALE_OK ? shale_buf_append(out, "\r\n", 2) : status;
}

enum shale_status shale_csv_rows_append(struct shale_csv_rows *rows,
                                        const struct shale_column *columns, int64_t row,
                                        struct shale_buf *out)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < rows->json.n_columns && status == SHALE_OK; i++) {
        if (i > 0)
            status = shale_buf_append_byte(out, ',');
        if (status == SHALE_OK)
            status = put_value(rows, &rows->json.defs[i].type, &columns[i], row, out);
    }
    return status == SHALE_OK ? shale_buf_append(out, "\r\n", 2) : status;
}
