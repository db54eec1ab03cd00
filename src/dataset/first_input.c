/* SPDX-License-Identifier: MIT */
/* First inputs as JSON, and in footers. */
#include "dataset/first_input.h"

#include <string.h>

#include "json/cursor.h"
#include "json/number.h"
#include "json/text.h"
#include "json/writer.h"
#include "parquet/reader.h"

/* A footer of ours is at most some MB; one that is larger is not read for its mark. */
enum { READER_BYTES = 64 << 20, TEXT_BYTES = 1 << 20, MOST_TEXTS = 3 };

enum shale_status shale_first_input_object(struct shale_str source, struct shale_str key,
                                           struct shale_str tag, int64_t n_known,
                                           struct shale_buf *out)
{
    struct shale_json_writer json;
    shale_json_writer_init(&json, out);
    shale_json_put_begin(&json, '[');
    shale_json_put_string(&json, source);
    shale_json_put_string(&json, key);
    shale_json_put_string(&json, tag);
    if (n_known >= 0)
        shale_json_put_i64(&json, n_known);
    shale_json_put_end(&json, ']');
    return json.status;
}

enum shale_status shale_first_input_file(struct shale_str path, struct shale_buf *out)
{
    struct shale_json_writer json;
    shale_json_writer_init(&json, out);
    shale_json_put_begin(&json, '[');
    shale_json_put_string(&json, path);
    shale_json_put_end(&json, ']');
    return json.status;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

struct parser {
    struct shale_json_cursor cursor;
    struct shale_arena *arena;
    struct shale_buf text; /* with its padding */
    struct shale_buf scratch;
    struct shale_str texts[MOST_TEXTS];
    size_t n_texts;
    int64_t number; /* behind the texts; -1: none */
};

static enum shale_status take_text(struct parser *parser, const struct shale_json_item *item,
                                   bool *good)
{
    struct shale_str *out = &parser->texts[parser->n_texts];
    bool lone = false;
    shale_buf_reset(&parser->scratch);
    if (shale_json_unescape(shale_json_text(&parser->cursor, item), &parser->scratch, &lone) !=
        SHALE_OK)
        return SHALE_NOMEM;
    *out = shale_buf_str(&parser->scratch);
    out->data = shale_arena_copy(parser->arena, *out);
    parser->n_texts++;
    *good = !lone;
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

/* An array of up to three texts and a number behind them; '*good' is cleared for anything else. */
static enum shale_status take_array(struct parser *parser, bool *good)
{
    struct shale_json_item item;
    enum shale_json_step step;
    enum shale_status status = SHALE_OK;
    *good = shale_json_next(&parser->cursor, &item) == SHALE_JSON_ARRAY;
    while (*good && status == SHALE_OK &&
           (step = shale_json_next(&parser->cursor, &item)) != SHALE_JSON_ARRAY_END) {
        if (step == SHALE_JSON_STRING && parser->n_texts < MOST_TEXTS && parser->number < 0)
            status = take_text(parser, &item, good);
        else
            *good = step == SHALE_JSON_NUMBER && parser->number < 0 &&
                    shale_number_i64(shale_json_text(&parser->cursor, &item), &parser->number) ==
                        SHALE_NUMBER_OK &&
                    parser->number >= 0;
    }
    *good = *good && shale_json_next(&parser->cursor, &item) == SHALE_JSON_END;
    return status;
}

static void describe(const struct parser *parser, struct shale_first_input *out)
{
    if (parser->n_texts == MOST_TEXTS)
        *out = (struct shale_first_input){.kind = SHALE_FIRST_OBJECT,
                                          .source = parser->texts[0],
                                          .key = parser->texts[1],
                                          .tag = parser->texts[2],
                                          .n_known = parser->number};
    else if (parser->n_texts == 1 && parser->number < 0)
        *out = (struct shale_first_input){.kind = SHALE_FIRST_FILE, .path = parser->texts[0]};
}

static enum shale_status begin(struct parser *parser, struct shale_str text)
{
    if (shale_buf_reserve(&parser->text, text.n_bytes + SHALE_JSON_PADDING) != SHALE_OK ||
        shale_buf_append_str(&parser->text, text) != SHALE_OK)
        return SHALE_NOMEM;
    memset(parser->text.data + text.n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(&parser->cursor, parser->text.data, text.n_bytes, 0, true);
    return SHALE_OK;
}

enum shale_status shale_first_input_parse(struct shale_arena *arena, struct shale_str text,
                                          struct shale_first_input *out, struct shale_err *err)
{
    struct parser parser = {.arena = arena, .number = -1};
    bool good = false;
    enum shale_status status;
    *out = (struct shale_first_input){.kind = SHALE_FIRST_NONE};
    if (text.n_bytes > TEXT_BYTES)
        return SHALE_OK;
    status = shale_json_cursor_init(&parser.cursor, arena->mem);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&parser.text, arena->mem, TEXT_BYTES + SHALE_JSON_PADDING);
    shale_buf_init(&parser.scratch, arena->mem, TEXT_BYTES);
    status = begin(&parser, text);
    if (status == SHALE_OK)
        status = take_array(&parser, &good);
    if (status == SHALE_OK && good)
        describe(&parser, out);
    shale_buf_fini(&parser.text);
    shale_buf_fini(&parser.scratch);
    shale_json_cursor_fini(&parser.cursor);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status find_mark(const struct shale_file *file, struct shale_arena *arena,
                                   struct shale_first_input *out, struct shale_err *err)
{
    for (size_t i = 0; i < file->n_key_values; i++)
        if (file->key_values[i].has_value && shale_str_is(file->key_values[i].key, SHALE_TAG_INPUT))
            return shale_first_input_parse(arena, file->key_values[i].value, out, err);
    return SHALE_OK;
}

enum shale_status shale_first_input_read(struct shale_store *store, const char *key,
                                         struct shale_arena *arena, struct shale_first_input *out,
                                         struct shale_err *err)
{
    const struct shale_reader_options options = {.memory_bytes = READER_BYTES};
    struct shale_store_file *file;
    struct shale_reader *reader = NULL;
    enum shale_status status = shale_store_open(store, key, &file, err);
    *out = (struct shale_first_input){.kind = SHALE_FIRST_NONE};
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(store->env->mem, &file->random, &options, &reader, err);
    if (status == SHALE_OK)
        status = find_mark(shale_reader_file(reader), arena, out, err);
    shale_reader_free(reader);
    shale_store_close(file);
    if (status != SHALE_CORRUPT && status != SHALE_SCHEMA && status != SHALE_LIMIT)
        return status;
    if (err != NULL)
        shale_err_clear(err);
    return SHALE_OK;
}
