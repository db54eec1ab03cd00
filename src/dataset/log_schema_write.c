/* SPDX-License-Identifier: MIT */
/* A schema as schemaString (PROTOCOL.md, Schema Serialization Format).  Recursion follows the type,
 * which nests to SHALE_TYPE_DEPTH. */
#include "dataset/log_actions.h"
#include "json/writer.h"

/* The fields of a table that is there, on one level: to be found by name. */
struct level {
    const struct shale_column_def *columns;  /* of the schema, or ... */
    const struct shale_type_member *members; /* ... of a struct */
    size_t n;
    const struct shale_log_field *fields; /* of the first and those behind it */
};

/* One of them. */
struct known {
    const struct shale_type *type;
    const struct shale_log_field *field; /* NULL: it is new */
};

static struct known find(const struct level *level, struct shale_str name)
{
    const struct shale_log_field *field = level->fields;
    for (size_t i = 0; i < level->n; i++) {
        const struct shale_type *type =
            level->columns != NULL ? &level->columns[i].type : &level->members[i].type;
        struct shale_str own =
            level->columns != NULL ? level->columns[i].name : level->members[i].name;
        if (shale_str_equal(own, name))
            return (struct known){type, field};
        field += 1 + shale_log_n_fields(type);
    }
    return (struct known){NULL, NULL};
}

static bool put_type(struct shale_json_writer *out, const struct shale_type *type,
                     const struct shale_type *base, const struct shale_log_field *inside);

static bool put_field(struct shale_json_writer *out, struct shale_str name,
                      const struct shale_type *type, struct known known)
{
    bool is_known = known.field != NULL, is_good;
    shale_json_put_begin(out, '{');
    shale_json_put_name(out, "name");
    shale_json_put_string(out, name);
    shale_json_put_name(out, "type");
    is_good = put_type(out, type, known.type, is_known ? known.field + 1 : NULL);
    shale_json_put_name(out, "nullable");
    shale_json_put_bool(out, !is_known || known.field->nullable);
    shale_json_put_name(out, "metadata");
    shale_json_put_raw(out, is_known ? known.field->metadata : SHALE_STR("{}"));
    shale_json_put_end(out, '}');
    return is_good;
}

/* 'inside': what is known of the fields inside 'base'. */
static bool put_struct(struct shale_json_writer *out, const struct shale_type *type,
                       const struct shale_type *base, const struct shale_log_field *inside)
{
    struct level level = {.members = NULL};
    bool is_good = true;
    if (base != NULL && base->kind == SHALE_STRUCT)
        level = (struct level){NULL, base->members, base->n_members, inside};
    shale_json_put_name(out, "fields");
    shale_json_put_begin(out, '[');
    for (size_t i = 0; i < type->n_members; i++) {
        const struct shale_type_member *member = &type->members[i];
        is_good =
            put_field(out, member->name, &member->type, find(&level, member->name)) && is_good;
    }
    shale_json_put_end(out, ']');
    return is_good;
}

/* The types inside a list or a map; they have no fields of their own. */
static bool put_elements(struct shale_json_writer *out, const struct shale_type *type,
                         const struct shale_type *base, const struct shale_log_field *inside)
{
    bool is_list = type->kind == SHALE_LIST, is_good = true,
         is_same = base != NULL && base->kind == type->kind;
    for (size_t i = 0; i < type->n_members; i++) {
        const struct shale_type *old = is_same ? &base->members[i].type : NULL;
        shale_json_put_name(out, is_list ? "elementType" : i == 0 ? "keyType" : "valueType");
        is_good = put_type(out, &type->members[i].type, old, inside) && is_good;
        if (is_same)
            inside += shale_log_n_fields(old);
    }
    shale_json_put_name(out, is_list ? "containsNull" : "valueContainsNull");
    shale_json_put_bool(out, true);
    return is_good;
}

static bool put_type(struct shale_json_writer *out, const struct shale_type *type,
                     const struct shale_type *base, const struct shale_log_field *inside)
{
    static const char *const names[] = {
        [SHALE_LIST] = "array", [SHALE_MAP] = "map", [SHALE_STRUCT] = "struct"};
    char name[SHALE_LOG_TYPE_BYTES] = "string";
    bool is_good;
    if (type->n_members == 0) {
        is_good = shale_log_type_name(type, name);
        shale_json_put_string(out, shale_str_of(name));
        return is_good;
    }
    shale_json_put_begin(out, '{');
    shale_json_put_name(out, "type");
    shale_json_put_string(out, shale_str_of(names[type->kind]));
    is_good = type->kind == SHALE_STRUCT ? put_struct(out, type, base, inside)
                                         : put_elements(out, type, base, inside);
    shale_json_put_end(out, '}');
    return is_good;
}

enum shale_status shale_log_schema_json(const struct shale_schema *schema,
                                        const struct shale_log_state *base, struct shale_buf *out)
{
    struct shale_json_writer writer;
    struct level level = {.members = NULL};
    bool is_good = true;
    if (base != NULL)
        level = (struct level){base->schema.columns, NULL, base->schema.n_columns, base->fields};
    shale_json_writer_init(&writer, out);
    shale_json_put_begin(&writer, '{');
    shale_json_put_name(&writer, "type");
    shale_json_put_string(&writer, SHALE_STR("struct"));
    shale_json_put_name(&writer, "fields");
    shale_json_put_begin(&writer, '[');
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct shale_column_def *column = &schema->columns[i];
        is_good =
            put_field(&writer, column->name, &column->type, find(&level, column->name)) && is_good;
    }
    shale_json_put_end(&writer, ']');
    shale_json_put_end(&writer, '}');
    return writer.status == SHALE_OK && !is_good ? SHALE_SCHEMA : writer.status;
}
