/* SPDX-License-Identifier: MIT */
/* JSON out. */
#include "json/writer.h"

#include <assert.h>
#include <math.h>

#include "json/print.h"
#include "json/quote.h"

void shale_json_writer_init(struct shale_json_writer *writer, struct shale_buf *out)
{
    *writer = (struct shale_json_writer){.out = out, .status = SHALE_OK};
}

static void put(struct shale_json_writer *writer, const void *data, size_t n_bytes)
{
    if (writer->status == SHALE_OK)
        writer->status = shale_buf_append(writer->out, data, n_bytes);
}

/* Before each name, and each value that has no name before it. */
static void put_comma(struct shale_json_writer *writer)
{
    if (writer->need_comma)
        put(writer, ",", 1);
    writer->need_comma = true;
}

static void put_quoted(struct shale_json_writer *writer, struct shale_str text)
{
    if (writer->status == SHALE_OK)
        writer->status = shale_json_quote(text, writer->out);
}

void shale_json_put_key(struct shale_json_writer *writer, struct shale_str name)
{
    put_comma(writer);
    put_quoted(writer, name);
    put(writer, ":", 1);
    writer->need_comma = false;
}

void shale_json_put_name(struct shale_json_writer *writer, const char *name)
{
    shale_json_put_key(writer, shale_str_of(name));
}

void shale_json_put_begin(struct shale_json_writer *writer, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    put_comma(writer);
    put(writer, &bracket, 1);
    writer->need_comma = false;
}

void shale_json_put_end(struct shale_json_writer *writer, char bracket)
{
    assert(bracket == '}' || bracket == ']');
    put(writer, &bracket, 1);
    writer->need_comma = true;
}

void shale_json_put_string(struct shale_json_writer *writer, struct shale_str text)
{
    put_comma(writer);
    put_quoted(writer, text);
}

void shale_json_put_i64(struct shale_json_writer *writer, int64_t value)
{
    char text[SHALE_PRINT_BYTES];
    put_comma(writer);
    put(writer, text, shale_print_i64(value, text));
}

void shale_json_put_number(struct shale_json_writer *writer, const char *name, int64_t value)
{
    shale_json_put_name(writer, name);
    shale_json_put_i64(writer, value);
}

void shale_json_put_f64(struct shale_json_writer *writer, double value)
{
    char text[SHALE_PRINT_BYTES];
    if (!isfinite(value)) {
        shale_json_put_null(writer);
        return;
    }
    put_comma(writer);
    put(writer, text, shale_print_f64(value, text));
}

void shale_json_put_bool(struct shale_json_writer *writer, bool value)
{
    put_comma(writer);
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

void shale_json_put_null(struct shale_json_writer *writer)
{
    put_comma(writer);
    put(writer, "null", 4);
}

void shale_json_put_raw(struct shale_json_writer *writer, struct shale_str json)
{
    put_comma(writer);
    put(writer, json.data, json.n_bytes);
}
