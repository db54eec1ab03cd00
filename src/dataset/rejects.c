/* SPDX-License-Identifier: MIT */
/* The columns of the rejects and how a row of them is made. */
#include "dataset/rejects.h"

#include <string.h>

#include "json/text.h"

#define COLUMN(text, type_kind)                                                                    \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .type = {.kind = (type_kind) }                           \
    }
static const struct shale_column_def columns[SHALE_REJECTS_COLUMNS] = {
    [SHALE_REJECTS_OBJECT] = COLUMN("object", SHALE_STRING),
    [SHALE_REJECTS_RECORD] = COLUMN("record", SHALE_INT64),
    [SHALE_REJECTS_BYTE] = COLUMN("byte", SHALE_INT64),
    [SHALE_REJECTS_POINTER] = COLUMN("pointer", SHALE_STRING),
    [SHALE_REJECTS_FIELD] = COLUMN("field", SHALE_STRING),
    [SHALE_REJECTS_RULE] = COLUMN("rule", SHALE_STRING),
    [SHALE_REJECTS_MESSAGE] = COLUMN("message", SHALE_STRING),
    [SHALE_REJECTS_EVENT] = COLUMN("event", SHALE_STRING),
    [SHALE_REJECTS_EVENT_BINARY] = COLUMN("event_binary", SHALE_BINARY),
    [SHALE_REJECTS_EVENT_BYTES] = COLUMN("event_bytes", SHALE_INT64),
    [SHALE_REJECTS_SOURCE_ID] = COLUMN("source", SHALE_STRING),
    [SHALE_REJECTS_TAG] = COLUMN("tag", SHALE_STRING),
};
#undef COLUMN

const struct shale_schema shale_rejects_schema = {columns, SHALE_REJECTS_COLUMNS};

static void put_text(struct shale_builder *builder, enum shale_rejects_column column,
                     struct shale_str text, bool present)
{
    if (present)
        shale_builder_bytes(builder, column, text);
    else
        shale_builder_null(builder, column);
}

static void put_number(struct shale_builder *builder, enum shale_rejects_column column,
                       int64_t value)
{
    if (value >= 0)
        shale_builder_i64(builder, column, value);
    else
        shale_builder_null(builder, column);
}

/* At most 'limit' bytes, not in the middle of a character. */
static struct shale_str cut_at_character(struct shale_str text, size_t limit)
{
    if (text.n_bytes <= limit)
        return text;
    while (limit > 0 && ((unsigned char)text.data[limit] & 0xC0) == 0x80)
        limit--;
    return (struct shale_str){text.data, limit};
}

/* Words may quote bytes that are no UTF-8, or be cut within a character: what does not fit a
 * string column is replaced by '?'. */
static struct shale_str clean(char *copy, size_t capacity, struct shale_str text)
{
    size_t n = text.n_bytes < capacity ? text.n_bytes : capacity;
    if (n == 0)
        return (struct shale_str){"", 0};
    memcpy(copy, text.data, n);
    if (!shale_utf8_valid((struct shale_str){copy, n})) {
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)copy[i] >= 0x80)
                copy[i] = '?';
    }
    return (struct shale_str){copy, n};
}

enum shale_status shale_rejects_append(struct shale_builder *builder,
                                       const struct shale_reject_row *row)
{
    char object[SHALE_ERR_OBJECT_BYTES], message[SHALE_ERR_MESSAGE_BYTES];
    char pointer[SHALE_ERR_OBJECT_BYTES];
    struct shale_str raw = row->raw;
    bool has_raw = raw.data != NULL, is_text;
    struct shale_str text = cut_at_character(raw, SHALE_REJECT_RAW_BYTES);
    is_text = has_raw && shale_utf8_valid(text);
    if (raw.n_bytes > SHALE_REJECT_RAW_BYTES)
        raw.n_bytes = SHALE_REJECT_RAW_BYTES;
    put_text(builder, SHALE_REJECTS_OBJECT,
             shale_utf8_valid(row->object) ? row->object
                                           : clean(object, sizeof object, row->object),
             true);
    put_number(builder, SHALE_REJECTS_RECORD, row->record);
    put_number(builder, SHALE_REJECTS_BYTE, row->byte);
    put_text(builder, SHALE_REJECTS_POINTER, clean(pointer, sizeof pointer, row->pointer),
             row->pointer.n_bytes > 0);
    put_text(builder, SHALE_REJECTS_FIELD, row->field, row->field.n_bytes > 0);
    put_text(builder, SHALE_REJECTS_RULE, shale_str_of(row->rule), true);
    put_text(builder, SHALE_REJECTS_MESSAGE,
             clean(message, sizeof message, shale_str_of(row->message)), true);
    put_text(builder, SHALE_REJECTS_EVENT, text, is_text);
    put_text(builder, SHALE_REJECTS_EVENT_BINARY, raw, has_raw && !is_text);
    put_number(builder, SHALE_REJECTS_EVENT_BYTES, has_raw ? row->raw_bytes : -1);
    put_text(builder, SHALE_REJECTS_SOURCE_ID, row->source, row->source.n_bytes > 0);
    put_text(builder, SHALE_REJECTS_TAG, row->tag, row->tag.n_bytes > 0);
    return shale_builder_row(builder);
}

bool shale_rejects_is_schema(const struct shale_schema *schema)
{
    if (schema->n_columns != SHALE_REJECTS_COLUMNS &&
        schema->n_columns != SHALE_REJECTS_LEAST_COLUMNS)
        return false;
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!shale_str_equal(schema->columns[i].name, columns[i].name) ||
            shale_type_layout(&schema->columns[i].type) != shale_type_layout(&columns[i].type))
            return false;
    return true;
}
