/* SPDX-License-Identifier: MIT */
/* schemaString (PROTOCOL.md, Schema Serialization Format) as types of ours.  Recursion follows the
 * type, which nests to SHALE_TYPE_DEPTH. */
#include <stdio.h>
#include <string.h>

#include "dataset/log_actions.h"
#include "json/text.h"

enum { TEXT_BYTES = 64 * 1024 * 1024, STACK_BYTES = 256 * 1024 * 1024 };

struct parser {
    struct shale_json_cursor cursor;
    struct shale_arena *arena;
    struct shale_buf text;    /* padded */
    struct shale_buf scratch; /* unescaped */
    struct shale_buf members; /* struct shale_type_member: of the structs that are open */
    struct shale_buf fields;  /* struct shale_log_field */
    struct shale_str column;  /* for messages */
    struct shale_err *err;
};

static enum shale_status corrupt(struct parser *parser, const char *expected)
{
    struct shale_str column = parser->column;
    return SHALE_ERR(parser->err, log_schema_json, expected, column.n_bytes > 0 ? " in " : "",
                     SHALE_STR_ARG(column));
}

static enum shale_status no_memory(struct parser *parser)
{
    return SHALE_ERR(parser->err, no_memory);
}

static enum shale_status grammar(struct parser *parser)
{
    struct shale_err inner;
    shale_err_clear(&inner);
    (void)shale_json_error(&parser->cursor, &inner);
    return corrupt(parser, inner.message);
}

static bool is_fault(enum shale_json_step step)
{
    return step == SHALE_JSON_ERROR || step == SHALE_JSON_MORE || step == SHALE_JSON_END;
}

/* A string or a name, in the arena. */
static enum shale_status take_string(struct parser *parser, const struct shale_json_item *item,
                                     struct shale_str *out)
{
    struct shale_str raw = shale_json_text(&parser->cursor, item);
    bool lone = false;
    if (item->escaped) {
        shale_buf_reset(&parser->scratch);
        if (shale_json_unescape(raw, &parser->scratch, &lone) != SHALE_OK)
            return no_memory(parser);
        if (lone)
            return corrupt(parser, "half a surrogate pair");
        raw = shale_buf_str(&parser->scratch);
    }
    return shale_log_copy(parser->arena, raw, out, parser->err);
}

static bool is_name(const struct parser *parser, const struct shale_json_item *item,
                    const char *name)
{
    return shale_json_string_is(shale_json_text(&parser->cursor, item), item->escaped,
                                shale_str_of(name));
}

static enum shale_status skip(struct parser *parser, enum shale_json_step step,
                              struct shale_json_item *item)
{
    step = shale_json_skip(&parser->cursor, step, item);
    return is_fault(step) ? grammar(parser) : SHALE_OK;
}

/* ---- Scalars ----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    struct shale_type type;
} scalars[] = {
    {"string", {.kind = SHALE_STRING}},
    {"long", {.kind = SHALE_INT64}},
    {"integer", {.kind = SHALE_INT32}},
    {"short", {.kind = SHALE_INT16}},
    {"byte", {.kind = SHALE_INT8}},
    {"float", {.kind = SHALE_FLOAT32}},
    {"double", {.kind = SHALE_FLOAT64}},
    {"boolean", {.kind = SHALE_BOOL}},
    {"binary", {.kind = SHALE_BINARY}},
    {"date", {.kind = SHALE_DATE}},
    {"timestamp", {.kind = SHALE_TIMESTAMP, .unit = SHALE_US}},
};
enum { N_SCALARS = sizeof scalars / sizeof scalars[0] };

/* Take a number of one or two digits, with spaces on both sides. */
static bool take_number(struct shale_str *text, unsigned *out)
{
    unsigned value = 0, n_digits = 0;
    size_t i = 0;
    while (i < text->n_bytes && text->data[i] == ' ')
        i++;
    for (; i < text->n_bytes && text->data[i] >= '0' && text->data[i] <= '9'; i++, n_digits++)
        value = value < 100 ? value * 10 + (unsigned)(text->data[i] - '0') : value;
    while (i < text->n_bytes && text->data[i] == ' ')
        i++;
    *text = (struct shale_str){text->data + i, text->n_bytes - i};
    *out = value;
    return n_digits > 0;
}

static bool take_text(struct shale_str *text, const char *wanted)
{
    size_t n = strlen(wanted);
    if (text->n_bytes < n || memcmp(text->data, wanted, n) != 0)
        return false;
    *text = (struct shale_str){text->data + n, text->n_bytes - n};
    return true;
}

/* "decimal(9,2)"; "decimal" alone is (10,0), as in Spark. */
static bool parse_decimal(struct shale_str text, struct shale_type *out)
{
    unsigned precision = 10, scale = 0;
    if (!take_text(&text, "decimal"))
        return false;
    if (text.n_bytes > 0 &&
        (!take_text(&text, "(") || !take_number(&text, &precision) || !take_text(&text, ",") ||
         !take_number(&text, &scale) || !take_text(&text, ")") || text.n_bytes > 0))
        return false;
    if (precision < 1 || precision > 38 || scale > precision)
        return false;
    *out = (struct shale_type){
        .kind = SHALE_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
    return true;
}

static enum shale_status take_scalar(struct parser *parser, struct shale_str name,
                                     struct shale_type *out)
{
    for (size_t i = 0; i < N_SCALARS; i++) {
        if (shale_str_is(name, scalars[i].name)) {
            *out = scalars[i].type;
            return SHALE_OK;
        }
    }
    if (parse_decimal(name, out))
        return SHALE_OK;
    return SHALE_ERR(parser->err, log_schema_type, SHALE_STR_ARG(parser->column),
                     SHALE_STR_ARG(name));
}

bool shale_log_type_name(const struct shale_type *type, char out[SHALE_LOG_TYPE_BYTES])
{
    struct shale_type plain = *type;
    const char *name = NULL;
    if (type->kind == SHALE_DECIMAL) {
        (void)snprintf(out, SHALE_LOG_TYPE_BYTES, "decimal(%u,%u)", type->precision, type->scale);
        return true;
    }
    if (type->kind == SHALE_JSON || type->kind == SHALE_UUID)
        plain.kind = SHALE_STRING;
    if (type->kind == SHALE_TIMESTAMP && (type->local || type->unit == SHALE_NS))
        return false;
    for (size_t i = 0; i < N_SCALARS && name == NULL; i++)
        if (scalars[i].type.kind == plain.kind)
            name = scalars[i].name;
    if (name == NULL)
        return false;
    (void)snprintf(out, SHALE_LOG_TYPE_BYTES, "%s", name);
    return true;
}

/* ---- Nested types -----------------------------------------------------------------------------
 */

static enum shale_status take_type(struct parser *parser, enum shale_json_step step,
                                   struct shale_json_item *item, unsigned depth,
                                   struct shale_type *out);

/* The members of a nested type, which come in any order. */
struct parts {
    struct shale_str kind;
    bool has_fields, has_element, has_key, has_value;
    const struct shale_type_member *members;
    size_t n_members;
    struct shale_type element, key, value;
};

/* One of "fields": a member and its line in 'fields', which stands before those inside it. */
static enum shale_status take_field(struct parser *parser, unsigned depth)
{
    struct shale_type_member member = {.name = {NULL, 0}};
    struct shale_log_field field = {.nullable = true, .metadata = SHALE_STR("{}")};
    size_t at = parser->fields.n_bytes;
    struct shale_json_item item;
    enum shale_json_step step;
    bool has_type = false;
    enum shale_status status = SHALE_OK;
    if (shale_buf_append(&parser->fields, &field, sizeof field) != SHALE_OK)
        return no_memory(parser);
    while ((step = shale_json_next(&parser->cursor, &item)) == SHALE_JSON_NAME &&
           status == SHALE_OK) {
        struct shale_json_item name = item;
        step = shale_json_next(&parser->cursor, &item);
        if (is_fault(step))
            return grammar(parser);
        if (is_name(parser, &name, "name") && step == SHALE_JSON_STRING) {
            status = take_string(parser, &item, &member.name);
            if (depth == 0)
                parser->column = member.name;
        } else if (is_name(parser, &name, "type") && !has_type) {
            has_type = true;
            status = take_type(parser, step, &item, depth, &member.type);
        } else if (is_name(parser, &name, "nullable") && step == SHALE_JSON_FALSE) {
            field.nullable = false;
        } else if (is_name(parser, &name, "metadata") && step == SHALE_JSON_OBJECT) {
            status = skip(parser, step, &item);
            if (status == SHALE_OK)
                status = shale_log_copy(parser->arena, shale_json_text(&parser->cursor, &item),
                                        &field.metadata, parser->err);
        } else {
            status = skip(parser, step, &item);
        }
    }
    if (status != SHALE_OK)
        return status;
    if (step != SHALE_JSON_OBJECT_END)
        return grammar(parser);
    if (member.name.n_bytes == 0 || !has_type)
        return corrupt(parser, "a field without a name or a type");
    memcpy(parser->fields.data + at, &field, sizeof field);
    return shale_buf_append(&parser->members, &member, sizeof member) == SHALE_OK
               ? SHALE_OK
               : no_memory(parser);
}

static enum shale_status take_fields(struct parser *parser, enum shale_json_step step,
                                     unsigned depth, struct parts *out)
{
    size_t mark = parser->members.n_bytes, n_bytes;
    struct shale_json_item item;
    struct shale_type_member *members;
    if (step != SHALE_JSON_ARRAY)
        return corrupt(parser, "\"fields\" that is no array");
    while ((step = shale_json_next(&parser->cursor, &item)) == SHALE_JSON_OBJECT) {
        enum shale_status status = take_field(parser, depth);
        if (status != SHALE_OK)
            return status;
    }
    if (step != SHALE_JSON_ARRAY_END)
        return is_fault(step) ? grammar(parser) : corrupt(parser, "a field that is no object");
    n_bytes = parser->members.n_bytes - mark;
    out->n_members = n_bytes / sizeof *members;
    members = shale_arena_zeroed(parser->arena, out->n_members + 1, sizeof *members);
    if (members == NULL)
        return no_memory(parser);
    if (n_bytes > 0)
        memcpy(members, parser->members.data + mark, n_bytes);
    parser->members.n_bytes = mark;
    out->members = members;
    return SHALE_OK;
}

static enum shale_status take_part(struct parser *parser, const struct shale_json_item *name,
                                   unsigned depth, struct parts *out)
{
    struct shale_json_item item;
    enum shale_json_step step = shale_json_next(&parser->cursor, &item);
    const struct {
        const char *name;
        bool *has;
        struct shale_type *type;
    } types[] = {{"elementType", &out->has_element, &out->element},
                 {"keyType", &out->has_key, &out->key},
                 {"valueType", &out->has_value, &out->value}};
    if (is_fault(step))
        return grammar(parser);
    if (is_name(parser, name, "type") && step == SHALE_JSON_STRING)
        return take_string(parser, &item, &out->kind);
    if (is_name(parser, name, "fields")) {
        if (out->has_fields)
            return corrupt(parser, "\"fields\" twice");
        out->has_fields = true;
        return take_fields(parser, step, depth, out);
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!is_name(parser, name, types[i].name))
            continue;
        if (*types[i].has)
            return corrupt(parser, "a type twice");
        *types[i].has = true;
        return take_type(parser, step, &item, depth, types[i].type);
    }
    return skip(parser, step, &item);
}

static enum shale_status put_members(struct parser *parser, struct shale_type *out,
                                     enum shale_kind kind, const struct shale_type_member *from,
                                     size_t n)
{
    struct shale_type_member *members = shale_arena_zeroed(parser->arena, n, sizeof *members);
    if (members == NULL)
        return no_memory(parser);
    memcpy(members, from, n * sizeof *members);
    *out = (struct shale_type){.kind = kind, .members = members, .n_members = n};
    return SHALE_OK;
}

/* The parts of an object that is a type. */
static enum shale_status take_nested(struct parser *parser, unsigned depth, struct parts *parts)
{
    struct shale_json_item item;
    enum shale_json_step step;
    *parts = (struct parts){.kind = {NULL, 0}};
    while ((step = shale_json_next(&parser->cursor, &item)) == SHALE_JSON_NAME) {
        enum shale_status status = take_part(parser, &item, depth, parts);
        if (status != SHALE_OK)
            return status;
    }
    return step == SHALE_JSON_OBJECT_END ? SHALE_OK : grammar(parser);
}

static enum shale_status take_type(struct parser *parser, enum shale_json_step step,
                                   struct shale_json_item *item, unsigned depth,
                                   struct shale_type *out)
{
    struct parts parts;
    struct shale_str name;
    enum shale_status status;
    if (step == SHALE_JSON_STRING) {
        status = take_string(parser, item, &name);
        return status == SHALE_OK ? take_scalar(parser, name, out) : status;
    }
    if (step != SHALE_JSON_OBJECT)
        return corrupt(parser, "a type that is neither a text nor an object");
    if (depth + 1 >= SHALE_TYPE_DEPTH)
        return SHALE_ERR(parser->err, log_schema_depth, SHALE_STR_ARG(parser->column),
                         (int)SHALE_TYPE_DEPTH);
    status = take_nested(parser, depth + 1, &parts);
    if (status != SHALE_OK)
        return status;
    if (shale_str_is(parts.kind, "array") && parts.has_element && !parts.has_fields &&
        !parts.has_key && !parts.has_value)
        return put_members(parser, out, SHALE_LIST,
                           &(struct shale_type_member){SHALE_STR("element"), parts.element}, 1);
    if (shale_str_is(parts.kind, "map") && parts.has_key && parts.has_value && !parts.has_fields &&
        !parts.has_element) {
        struct shale_type_member members[] = {{SHALE_STR("key"), parts.key},
                                              {SHALE_STR("value"), parts.value}};
        return put_members(parser, out, SHALE_MAP, members, 2);
    }
    if (!shale_str_is(parts.kind, "struct") || !parts.has_fields || parts.has_element ||
        parts.has_key || parts.has_value)
        return corrupt(parser, "a type that is no struct, array or map");
    if (parts.n_members == 0)
        return SHALE_ERR(parser->err, log_schema_type, SHALE_STR_ARG(parser->column),
                         SHALE_STR_ARG(SHALE_STR("struct<>")));
    *out = (struct shale_type){
        .kind = SHALE_STRUCT, .members = parts.members, .n_members = parts.n_members};
    return SHALE_OK;
}

/* ---- The schema -------------------------------------------------------------------------------
 */

static enum shale_status mark_partitions(struct parser *parser, struct shale_column_def *columns,
                                         size_t n, const struct shale_str *partitions,
                                         size_t n_partitions)
{
    for (size_t i = 0; i < n_partitions; i++) {
        size_t k = 0;
        while (k < n && !shale_str_equal(columns[k].name, partitions[i]))
            k++;
        if (k == n || columns[k].partition_only || columns[k].type.n_members > 0)
            return SHALE_ERR(parser->err, log_partition_column, SHALE_STR_ARG(partitions[i]));
        columns[k].partition_only = true;
    }
    return SHALE_OK;
}

/* The whole text: a struct. */
static enum shale_status take_root(struct parser *parser, struct parts *parts)
{
    struct shale_json_item item;
    enum shale_status status;
    if (shale_json_next(&parser->cursor, &item) != SHALE_JSON_OBJECT)
        return corrupt(parser, "no object");
    status = take_nested(parser, 0, parts);
    if (status != SHALE_OK)
        return status;
    parser->column = (struct shale_str){NULL, 0};
    if (shale_json_next(&parser->cursor, &item) != SHALE_JSON_END ||
        !shale_str_is(parts->kind, "struct") || !parts->has_fields || parts->has_element ||
        parts->has_key || parts->has_value)
        return corrupt(parser, "no struct");
    return SHALE_OK;
}

static enum shale_status parse(struct parser *parser, struct shale_str json,
                               const struct shale_str *partitions, size_t n_partitions,
                               struct shale_log_schema *out)
{
    struct shale_log_field *fields;
    struct shale_column_def *columns;
    struct parts parts;
    enum shale_status status;
    if (json.n_bytes > TEXT_BYTES)
        return corrupt(parser, "too long");
    if (shale_buf_reserve(&parser->text, json.n_bytes + SHALE_JSON_PADDING) != SHALE_OK ||
        shale_buf_append_str(&parser->text, json) != SHALE_OK)
        return no_memory(parser);
    memset(parser->text.data + parser->text.n_bytes, 0, SHALE_JSON_PADDING);
    shale_json_begin(&parser->cursor, parser->text.data, parser->text.n_bytes, 0, true);
    status = take_root(parser, &parts);
    if (status != SHALE_OK)
        return status;
    columns = shale_arena_zeroed(parser->arena, parts.n_members + 1, sizeof *columns);
    fields = shale_arena_zeroed(parser->arena, 1, parser->fields.n_bytes);
    if (columns == NULL || fields == NULL)
        return no_memory(parser);
    for (size_t i = 0; i < parts.n_members; i++) {
        columns[i].name = parts.members[i].name;
        columns[i].type = parts.members[i].type;
    }
    if (parser->fields.n_bytes > 0)
        memcpy(fields, parser->fields.data, parser->fields.n_bytes);
    *out = (struct shale_log_schema){.schema = {columns, parts.n_members},
                                     .fields = fields,
                                     .n_fields = parser->fields.n_bytes / sizeof *fields};
    return mark_partitions(parser, columns, parts.n_members, partitions, n_partitions);
}

enum shale_status shale_log_schema_read(struct shale_arena *arena, struct shale_str json,
                                        const struct shale_str *partitions, size_t n_partitions,
                                        struct shale_log_schema *out, struct shale_err *err)
{
    const struct shale_mem *mem = arena->mem;
    struct parser parser = {.arena = arena, .err = err};
    enum shale_status status;
    if (json.n_bytes == 0) /* the first entry of some tables: no columns yet */
        json = SHALE_STR("{\"type\":\"struct\",\"fields\":[]}");
    if (shale_json_cursor_init(&parser.cursor, mem) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    shale_buf_init(&parser.text, mem, TEXT_BYTES + SHALE_JSON_PADDING);
    shale_buf_init(&parser.scratch, mem, TEXT_BYTES);
    shale_buf_init(&parser.members, mem, STACK_BYTES);
    shale_buf_init(&parser.fields, mem, STACK_BYTES);
    status = parse(&parser, json, partitions, n_partitions, out);
    shale_json_cursor_fini(&parser.cursor);
    shale_buf_fini(&parser.text);
    shale_buf_fini(&parser.scratch);
    shale_buf_fini(&parser.members);
    shale_buf_fini(&parser.fields);
    return status;
}
