/* SPDX-License-Identifier: MIT */
/* What needs all fields and the output: names and types that a table refuses, what named readers
 * cannot read, and the columns. */
#include "schema/definition_parts.h"

static bool is_time(const struct shale_type *type)
{
    return type->kind == SHALE_TIME;
}

static bool is_nanoseconds(const struct shale_type *type)
{
    return type->kind == SHALE_TIMESTAMP && type->unit == SHALE_NS && !type->int96;
}

static bool is_int96(const struct shale_type *type)
{
    return type->kind == SHALE_TIMESTAMP && type->int96;
}

static bool is_uuid_annotated(const struct shale_type *type)
{
    return type->kind == SHALE_UUID && type->annotate;
}

static bool is_json_annotated(const struct shale_type *type)
{
    return type->kind == SHALE_JSON && type->annotate;
}

static const struct {
    bool (*applies)(const struct shale_type *type);
    const char *words;
} reader_limits[] = {
    {is_time, "Spark cannot read a time of day"},
    {is_nanoseconds, "Spark cannot read timestamps in nanoseconds"},
    {is_int96, "INT96 is deprecated and has no statistics: readers cannot skip by it"},
    {is_uuid_annotated, "annotate: uuid: Spark refuses a UUID column"},
    {is_json_annotated, "annotate: json: Polars reads it as binary"},
};

const char *shale_def_not_in_table(const struct shale_type *type)
{
    const char *instead = NULL;
    if (type->kind == SHALE_TIME)
        return "expected string, or layout: file";
    if (type->kind == SHALE_TIMESTAMP && type->unit == SHALE_NS)
        return "expected timestamp (microseconds), or layout: file";
    for (size_t i = 0; i < type->n_members && instead == NULL; i++)
        instead = shale_def_not_in_table(&type->members[i].type);
    return instead;
}

bool shale_def_table_name(struct shale_str name)
{
    static const char forbidden[] = " ,;{}()="; /* Delta's; control characters are refused anyway */
    for (size_t i = 0; i < name.n_bytes; i++)
        if (memchr(forbidden, name.data[i], sizeof forbidden - 1) != NULL)
            return false;
    return true;
}

const struct shale_str *shale_def_not_a_table_name(const struct shale_type *type)
{
    const struct shale_str *name = NULL;
    for (size_t i = 0; i < type->n_members && name == NULL; i++)
        name = shale_def_table_name(type->members[i].name)
                   ? shale_def_not_a_table_name(&type->members[i].type)
                   : &type->members[i].name;
    return name;
}

/* Members of one struct that readers would take for each other. */
static void check_member_case(struct shale_def *def, const struct shale_field *field,
                              const struct shale_type *type, const struct shale_yaml_node *node)
{
    for (size_t i = 0; i < type->n_members; i++) {
        struct shale_str one = type->members[i].name;
        for (size_t k = i + 1; k < type->n_members; k++) {
            struct shale_str two = type->members[k].name;
            if (shale_def_compare_folded(one, two) == 0)
                SHALE_DEF_ERROR(def, node, definition_member_case, SHALE_DEF_SHOW(field->name),
                                SHALE_DEF_SHOW(one), SHALE_DEF_SHOW(two));
        }
        check_member_case(def, field, &type->members[i].type, node);
    }
}

static void check_table_type(struct shale_def *def, const struct shale_field *field,
                             const struct shale_yaml_node *node)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    const char *instead = shale_def_not_in_table(&field->type);
    const struct shale_str *member = shale_def_not_a_table_name(&field->type);
    if (instead != NULL)
        SHALE_DEF_ERROR(def, node, definition_table_type, SHALE_DEF_SHOW(field->name),
                        shale_type_text(&field->type, name, sizeof name), instead);
    if (member != NULL)
        SHALE_DEF_ERROR(def, node, definition_table_member, SHALE_DEF_SHOW(field->name),
                        SHALE_DEF_SHOW(*member));
    check_member_case(def, field, &field->type, node);
}

static bool applies_inside(bool (*applies)(const struct shale_type *type),
                           const struct shale_type *type)
{
    for (size_t i = 0; i < type->n_members; i++)
        if (applies_inside(applies, &type->members[i].type))
            return true;
    return applies(type);
}

static size_t levels(const struct shale_type *type)
{
    size_t most = 0;
    for (size_t i = 0; i < type->n_members; i++) {
        size_t inside = levels(&type->members[i].type);
        most = inside > most ? inside : most;
    }
    return most + 1;
}

static void check_type(struct shale_def *def, const struct shale_field *field,
                       const struct shale_def_field *info)
{
    enum { BIGQUERY_LEVELS = 15 }; /* of types that hold others */
    if (def->as_table)
        check_table_type(def, field, info->node);
    for (size_t i = 0; i < sizeof reader_limits / sizeof reader_limits[0]; i++) {
        if (applies_inside(reader_limits[i].applies, &field->type))
            SHALE_DEF_WARNING(def, info->node, definition_reader, SHALE_DEF_SHOW(field->name),
                              reader_limits[i].words);
    }
    if (levels(&field->type) - 1 > BIGQUERY_LEVELS)
        SHALE_DEF_WARNING(def, info->node, definition_reader, SHALE_DEF_SHOW(field->name),
                          "BigQuery takes at most 15 levels of types inside one another");
    shale_def_check_storage(def, field, info);
}

static void check_name(struct shale_def *def, const struct shale_field *field,
                       const struct shale_def_field *info)
{
    if (def->stream->unknown_fields == SHALE_UNKNOWN_KEEP &&
        shale_def_compare_folded(field->name, SHALE_STR("_unknown")) == 0)
        SHALE_DEF_ERROR(def, info->name, definition_reserved_name);
    if (def->as_table && !shale_def_table_name(field->name))
        SHALE_DEF_ERROR(def, info->name, definition_table_name, SHALE_DEF_SHOW(field->name));
}

/* by_name has such names side by side. */
static void check_case(struct shale_def *def)
{
    for (size_t i = 1; i < def->n_by_name; i++) {
        size_t a = def->by_name[i - 1], b = def->by_name[i];
        size_t first = a < b ? a : b, second = a < b ? b : a;
        struct shale_str one = def->fields[first].name, two = def->fields[second].name;
        if (shale_def_compare_folded(one, two) == 0 && !shale_str_equal(one, two))
            SHALE_DEF_ERROR(def, def->infos[second].name, definition_case, SHALE_DEF_SHOW(two),
                            SHALE_DEF_SHOW(one), def->infos[first].name->line);
    }
}

/* Does its column hold the object's key, as it is, in each row? */
static bool holds_key(const struct shale_field *field)
{
    return field->n_from == 1 && field->from[0].kind == SHALE_FROM_KEY &&
           field->type.kind == SHALE_STRING && !field->trim && !field->has_default &&
           field->n_null_values == 0 && !field->partition_identity;
}

static void find_key_field(struct shale_def *def)
{
    struct shale_stream *stream = def->stream;
    stream->key_field = SIZE_MAX;
    for (size_t i = stream->n_fields; i-- > 0;)
        if (holds_key(&def->fields[i]))
            stream->key_field = i;
    if (stream->on_change == SHALE_ON_CHANGE_REPLACE && stream->key_field == SIZE_MAX)
        SHALE_DEF_ERROR(def, def->on_change, definition_replace_key);
    if (stream->on_change == SHALE_ON_CHANGE_REPLACE && stream->dedupe.n_key > 0)
        SHALE_DEF_ERROR(def, def->on_change, definition_replace_dedupe);
}

void shale_def_columns(struct shale_def *def)
{
    struct shale_stream *stream = def->stream;
    bool keep = stream->unknown_fields == SHALE_UNKNOWN_KEEP;
    size_t n_columns = stream->n_fields + keep;
    struct shale_column_def *columns = shale_def_zeroed(def, n_columns, sizeof *columns);

    if (columns == NULL)
        return;
    for (size_t i = 0; i < stream->n_fields; i++) {
        const struct shale_field *field = &def->fields[i];
        if (def->infos[i].named)
            check_name(def, field, &def->infos[i]);
        if (def->infos[i].typed)
            check_type(def, field, &def->infos[i]);
        columns[i] = (struct shale_column_def){.name = field->name,
                                               .type = field->type,
                                               .partition_only = field->partition_identity,
                                               .encoding = def->infos[i].encoding_choice,
                                               .bloom_fpp = def->infos[i].bloom_fpp};
    }
    if (def->as_table)
        check_case(def);
    if (keep)
        columns[stream->n_fields] =
            (struct shale_column_def){.name = SHALE_STR("_unknown"), .type = {.kind = SHALE_JSON}};
    stream->schema = (struct shale_schema){columns, n_columns};
    find_key_field(def);
}
