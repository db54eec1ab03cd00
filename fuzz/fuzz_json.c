/* SPDX-License-Identifier: MIT */
/* The JSON reader over arbitrary bytes.  What must hold: reading all tokens and skipping whole
 * values give the same verdict; windows of any size agree with the whole text, reading and passing
 * over; an accepted text without its white space is accepted, has the same number of tokens, and
 * has no more white space to lose. */
#include <stdint.h>
#include <stdlib.h>

#include "../tests/unit/json_walk.h"
#include "json/number.h"
#include "json/text.h"
#include "json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_minify(struct shale_json_cursor *cursor, struct shale_str text,
                         const struct walk *whole)
{
    struct shale_buf once, twice;
    struct walk again;
    shale_buf_init(&once, &shale_mem_libc, text.n_bytes);
    shale_buf_init(&twice, &shale_mem_libc, text.n_bytes);
    expect(shale_json_minify(text, &once) == SHALE_OK);
    again = walk_with(cursor, once.data == NULL ? "" : once.data, once.n_bytes, once.n_bytes,
                      WALK_NEXT);
    /* "1 2" is two numbers, "12" is one: only a single value keeps its meaning. */
    if (whole->n_values == 1)
        expect(again.error == SHALE_E_none && again.n_tokens == whole->n_tokens);
    expect(shale_json_minify(shale_buf_str(&once), &twice) == SHALE_OK);
    expect(shale_str_equal(shale_buf_str(&once), shale_buf_str(&twice)));
    shale_buf_fini(&once);
    shale_buf_fini(&twice);
}

/* What is resolved is UTF-8, and the writer's form of it is the same string. */
static void check_string(struct shale_str raw, bool escaped)
{
    struct shale_json_writer writer;
    struct shale_buf plain, written;
    bool lone;
    shale_buf_init(&plain, &shale_mem_libc, raw.n_bytes);
    shale_buf_init(&written, &shale_mem_libc, 6 * raw.n_bytes + 64);
    expect(shale_json_unescape(raw, &plain, &lone) == SHALE_OK);
    expect(shale_json_string_is(raw, escaped, shale_buf_str(&plain)) == !lone);
    if (!lone) {
        struct shale_str again;
        expect(shale_utf8_valid(shale_buf_str(&plain)));
        expect(shale_utf8_length(shale_buf_str(&plain)) <= plain.n_bytes);
        shale_json_writer_init(&writer, &written);
        shale_json_put_string(&writer, shale_buf_str(&plain));
        expect(writer.status == SHALE_OK);
        again = (struct shale_str){written.data + 1, written.n_bytes - 2};
        expect(shale_json_string_is(again, true, shale_buf_str(&plain)));
    }
    shale_buf_fini(&plain);
    shale_buf_fini(&written);
}

static void check_number(struct shale_str text)
{
    int64_t whole = 0;
    double value = 0;
    shale_i128 decimal = 0;
    enum shale_number is_whole, is_decimal;
    expect(shale_number_valid(text));
    is_whole = shale_number_i64(text, &whole);
    is_decimal = shale_number_decimal(text, 38, 0, &decimal);
    /* Every int64 has 19 digits at most. */
    expect(is_whole != SHALE_NUMBER_OK || (is_decimal == SHALE_NUMBER_OK && decimal == whole));
    if (shale_number_f64(text, &value) == SHALE_NUMBER_OK && is_whole == SHALE_NUMBER_OK)
        expect(value == (double)whole);
}

static void check_tokens(struct shale_json_cursor *cursor, const char *text, size_t n_bytes)
{
    struct shale_json_item item;
    enum shale_json_step step;
    shale_json_begin(cursor, text, n_bytes, 0, true);
    while ((step = shale_json_next(cursor, &item)) < SHALE_JSON_END) {
        if (step == SHALE_JSON_NAME || step == SHALE_JSON_STRING)
            check_string(shale_json_text(cursor, &item), item.escaped);
        else if (step == SHALE_JSON_NUMBER)
            check_number(shale_json_text(cursor, &item));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* One for all texts: what a cursor read before must not show. */
    static struct shale_json_cursor cursor;
    const char *text = (const char *)data;
    struct walk whole, other;
    size_t window;
    if (size < 1 || size > 8192)
        return 0;
    if (cursor.index.at == NULL)
        expect(shale_json_cursor_init(&cursor, &shale_mem_libc) == SHALE_OK);
    window = (size_t)data[0] % 67 + 1;
    text++;
    size--;
    whole = walk_with(&cursor, text, size, size, WALK_NEXT);
    other = walk_with(&cursor, text, size, size, WALK_SKIP);
    expect(other.error == whole.error && other.error_at == whole.error_at);
    expect(other.n_values == whole.n_values && other.end == whole.end);
    other = walk_with(&cursor, text, size, window, WALK_NEXT);
    expect(other.error == whole.error && other.error_at == whole.error_at);
    expect(other.hash == whole.hash && strcmp(other.message, whole.message) == 0);
    other = walk_with(&cursor, text, size, window, WALK_PASS);
    expect(other.error == whole.error && other.error_at == whole.error_at);
    expect(other.n_values == whole.n_values);
    if (whole.error == SHALE_E_none)
        check_minify(&cursor, (struct shale_str){text, size}, &whole);
    check_tokens(&cursor, text, size);
    return 0;
}
