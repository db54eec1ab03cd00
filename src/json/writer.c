/* SPDX-License-Identifier: MIT */
/* JSON out. */
#include "json/writer.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json/number.h"
#include "json/utf8.h"

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

/* The escape of one byte that cannot stand in a string; "" when it can. */
static const char *escape_of(unsigned char c, char out[8])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if (c >= 0x20)
            return "";
        (void)snprintf(out, 8, "\\u%04x", (unsigned)c);
        return out;
    }
}

static void put_quoted(struct shale_json_writer *writer, struct shale_str text)
{
    size_t i = 0, begin = 0; /* text[begin, i) stands as it is */
    put(writer, "\"", 1);
    while (i < text.n_bytes) {
        size_t n = shale_utf8_sequence((const unsigned char *)text.data + i, text.n_bytes - i);
        bool bad = n == SHALE_UTF8_BAD || n == SHALE_UTF8_CUT;
        char hex[8];
        const char *escape = bad ? "\xEF\xBF\xBD" : escape_of((unsigned char)text.data[i], hex);
        if (escape[0] != '\0') {
            put(writer, text.data + begin, i - begin);
            put(writer, escape, strlen(escape));
            n = 1;
            begin = i + 1;
        }
        i += n;
    }
    if (i > begin)
        put(writer, text.data + begin, i - begin);
    put(writer, "\"", 1);
}

void shale_json_put_name(struct shale_json_writer *writer, const char *name)
{
    put_comma(writer);
    put_quoted(writer, shale_str_of(name));
    put(writer, ":", 1);
    writer->need_comma = false;
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
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    put_comma(writer);
    put(writer, text, (size_t)n);
}

/* printf() with 'digits' significant digits, but with a point in every locale.  Returns the bytes.
 */
static size_t print_f64(char *out, size_t n_bytes, int digits, double value)
{
    size_t n = 0;
    int printed = snprintf(out, n_bytes, "%.*g", digits, value);
    assert(printed > 0 && (size_t)printed < n_bytes);
    /* A locale's decimal mark may be any bytes: whatever is no part of a C number is the mark. */
    for (size_t i = 0; i < (size_t)printed; i++) {
        if (strchr("0123456789+-e", out[i]) != NULL)
            out[n++] = out[i];
        else if (n > 0 && out[n - 1] != '.')
            out[n++] = '.';
    }
    return n;
}

void shale_json_put_f64(struct shale_json_writer *writer, double value)
{
    char text[48];
    size_t n = 0;
    if (!isfinite(value)) {
        shale_json_put_null(writer);
        return;
    }
    /* DBL_DIG digits give back any shorter text that reads as 'value', %g without its zeros; only
     * subnormals may need fewer.  17 digits read back as every double. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        double back = 0;
        n = print_f64(text, sizeof text, digits, value);
        if (shale_number_f64((struct shale_str){text, n}, &back) == SHALE_NUMBER_OK &&
            back == value)
            break;
    }
    put_comma(writer);
    put(writer, text, n);
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
