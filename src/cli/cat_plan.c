/* SPDX-License-Identifier: MIT */
/* 'shale cat': --columns and --where become numbers of columns and values of their types. */
#include <stdio.h>
#include <string.h>

#include "base/distance.h"
#include "cli/cat.h"
#include "schema/parse.h"
#include "schema/type_text.h"

enum { MOST_BYTES = 1 << 28 };

void cat_plan_init(struct cat_plan *plan)
{
    *plan = (struct cat_plan){0};
    shale_arena_init(&plan->arena, &shale_mem_libc, MOST_BYTES);
    shale_buf_init(&plan->values, &shale_mem_libc, MOST_BYTES);
}

void cat_plan_fini(struct cat_plan *plan)
{
    shale_arena_fini(&plan->arena);
    shale_buf_fini(&plan->values);
}

/* ---- All columns ------------------------------------------------------------------------------
 */

static bool find_column(const struct shale_schema *columns, struct shale_str name, size_t *out)
{
    for (size_t i = 0; i < columns->n_columns; i++)
        if (shale_str_equal(columns->columns[i].name, name)) {
            *out = i;
            return true;
        }
    return false;
}

static enum shale_status copy_type(struct shale_arena *arena, struct shale_type *type)
{
    struct shale_type_member *members;
    if (type->n_members == 0)
        return SHALE_OK;
    members = shale_arena_zeroed(arena, type->n_members, sizeof *members);
    if (members == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < type->n_members; i++) {
        enum shale_status status;
        members[i] = type->members[i];
        members[i].name.data = shale_arena_copy(arena, members[i].name);
        if (members[i].name.data == NULL)
            return SHALE_NOMEM;
        status = copy_type(arena, &members[i].type);
        if (status != SHALE_OK)
            return status;
    }
    type->members = members;
    return SHALE_OK;
}

/* The file's columns, and the partitions that are none of these. */
static enum shale_status set_columns(struct cat_plan *plan, const struct cat_files *files,
                                     const struct shale_schema *first)
{
    size_t n = first->n_columns + files->n_partitions;
    struct shale_column_def *defs = shale_arena_zeroed(&plan->arena, n + 1, sizeof *defs);
    plan->partition_of = shale_arena_zeroed(&plan->arena, n + 1, sizeof *plan->partition_of);
    if (defs == NULL || plan->partition_of == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < first->n_columns; i++) {
        defs[i] = first->columns[i];
        defs[i].name.data = shale_arena_copy(&plan->arena, defs[i].name);
        if (defs[i].name.data == NULL || copy_type(&plan->arena, &defs[i].type) != SHALE_OK)
            return SHALE_NOMEM;
    }
    plan->n_in_file = n = first->n_columns;
    for (size_t i = 0; i < files->n_partitions; i++) {
        size_t unused;
        if (find_column(first, files->partitions[i].name, &unused))
            continue;
        plan->partition_of[n] = i;
        defs[n++] = files->partitions[i];
    }
    plan->columns = (struct shale_schema){defs, n};
    return SHALE_OK;
}

/* "; did you mean 'x'?", or nothing. */
static const char *hint_for(const struct shale_schema *columns, struct shale_str name,
                            char out[100])
{
    size_t least = shale_distance_most(name) + 1;
    out[0] = '\0';
    for (size_t i = 0; i < columns->n_columns; i++) {
        size_t distance = shale_distance(name, columns->columns[i].name);
        if (distance >= least)
            continue;
        least = distance;
        (void)snprintf(out, 100, "; did you mean '%.*s'?", SHALE_STR_ARG(columns->columns[i].name));
    }
    return out;
}

static enum shale_status no_column(const struct cat_plan *plan, const char *option,
                                   struct shale_str name, struct shale_err *err)
{
    char hint[100];
    return SHALE_ERR(err, cat_column, option, SHALE_STR_ARG(name),
                     hint_for(&plan->columns, name, hint));
}

/* ---- --columns --------------------------------------------------------------------------------
 */

static enum shale_status show_named(struct cat_plan *plan, const char *list, struct shale_err *err)
{
    while (list != NULL) {
        const char *comma = strchr(list, ',');
        struct shale_str name = {list, comma == NULL ? strlen(list) : (size_t)(comma - list)};
        size_t column;
        if (!find_column(&plan->columns, name, &column))
            return no_column(plan, "columns", name, err);
        for (size_t i = 0; i < plan->n_shown; i++)
            if (plan->shown[i] == column)
                return SHALE_ERR(err, cat_column_twice, SHALE_STR_ARG(name));
        plan->shown[plan->n_shown++] = column;
        list = comma == NULL ? NULL : comma + 1;
    }
    return SHALE_OK;
}

static enum shale_status set_shown(struct cat_plan *plan, const char *list, struct shale_err *err)
{
    plan->shown =
        shale_arena_zeroed(&plan->arena, plan->columns.n_columns + 1, sizeof *plan->shown);
    if (plan->shown == NULL)
        return SHALE_ERR(err, no_memory);
    if (list != NULL)
        return show_named(plan, list, err);
    for (size_t i = 0; i < plan->columns.n_columns; i++)
        plan->shown[plan->n_shown++] = i;
    return SHALE_OK;
}

/* ---- --where ----------------------------------------------------------------------------------
 */

static enum shale_status nested_condition(const struct shale_column_def *def, struct shale_err *err)
{
    char type[SHALE_TYPE_TEXT_BYTES];
    return SHALE_ERR(err, cat_where_nested, SHALE_STR_ARG(def->name),
                     shale_type_text(&def->type, type, sizeof type));
}

/* "COLUMN=VALUE"; the value's place in 'values' is kept as an offset until all are there. */
static enum shale_status add_condition(struct cat_plan *plan, const char *text,
                                       struct shale_err *err)
{
    const char *equals = strchr(text, '=');
    struct shale_scan_condition *condition = &plan->where[plan->n_where++];
    const struct shale_column_def *def;
    struct shale_str name, value;
    struct shale_err inner;
    enum shale_status status;
    if (equals == NULL || equals == text)
        return SHALE_ERR(err, cat_where, text);
    name = (struct shale_str){text, (size_t)(equals - text)};
    value = shale_str_of(equals + 1);
    if (!find_column(&plan->columns, name, &condition->column))
        return no_column(plan, "where", name, err);
    def = &plan->columns.columns[condition->column];
    if (def->type.n_members > 0)
        return nested_condition(def, err);
    condition->is_null = shale_str_is(value, "null");
    if (condition->is_null)
        return SHALE_OK;
    condition->value.n_bytes = plan->values.n_bytes; /* for now: where it begins */
    shale_err_clear(&inner);
    status = shale_parse_value(&def->type, value, &plan->values, &inner);
    if (status == SHALE_SCHEMA)
        return SHALE_ERR(err, cat_where_value, SHALE_STR_ARG(name), inner.message);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status set_where(struct cat_plan *plan, const char *const *texts, size_t n,
                                   struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    size_t end;
    plan->where = shale_arena_zeroed(&plan->arena, n + 1, sizeof *plan->where);
    if (plan->where == NULL || shale_buf_reserve(&plan->values, 1) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++)
        status = add_condition(plan, texts[i], err);
    if (status != SHALE_OK)
        return status;
    end = plan->values.n_bytes;
    for (size_t i = n; i-- > 0;) {
        struct shale_str *value = &plan->where[i].value;
        size_t begin = value->n_bytes;
        if (plan->where[i].is_null)
            continue;
        *value = (struct shale_str){plan->values.data + begin, end - begin};
        end = begin;
    }
    return SHALE_OK;
}

enum shale_status cat_plan_make(struct cat_plan *plan, const struct cat_files *files,
                                const struct shale_schema *first, const struct options *options,
                                struct shale_err *err)
{
    enum shale_status status = set_columns(plan, files, first);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    status = set_shown(plan, options->columns, err);
    return status == SHALE_OK ? set_where(plan, options->where, options->n_where, err) : status;
}

enum shale_status cat_plan_allows(const struct cat_plan *plan,
                                  const struct shale_scan_condition *condition,
                                  struct shale_str value, bool *allows)
{
    const struct shale_column_def *def = &plan->columns.columns[condition->column];
    struct shale_buf bytes;
    enum shale_status status;
    *allows = condition->is_null == (value.data == NULL);
    if (condition->is_null || !*allows)
        return SHALE_OK;
    shale_buf_init(&bytes, &shale_mem_libc, MOST_BYTES);
    status = shale_parse_value(&def->type, value, &bytes, NULL);
    *allows = status == SHALE_OK && shale_str_equal(shale_buf_str(&bytes), condition->value);
    shale_buf_fini(&bytes);
    return status == SHALE_NOMEM ? status : SHALE_OK;
}

/* ---- Several files ----------------------------------------------------------------------------
 */

static enum shale_status differs(const struct shale_column_def *here,
                                 const struct shale_column_def *there, const char *name,
                                 struct shale_err *err)
{
    enum { MOST_SHOWN = 240 }; /* two and the words fill a message */
    char is[MOST_SHOWN], other[MOST_SHOWN], text[SHALE_ERR_MESSAGE_BYTES];
    (void)snprintf(text, sizeof text, "column '%.*s' is %s and not %s", SHALE_STR_ARG(there->name),
                   shale_type_text(&here->type, is, sizeof is),
                   shale_type_text(&there->type, other, sizeof other));
    return SHALE_ERR(err, cat_schema, name, text);
}

enum shale_status cat_plan_check(const struct cat_plan *plan, const struct shale_schema *schema,
                                 const char *name, struct shale_err *err)
{
    char text[200];
    for (size_t i = 0; i < plan->n_in_file || i < schema->n_columns; i++) {
        const struct shale_column_def *there = &plan->columns.columns[i];
        const struct shale_column_def *here = &schema->columns[i];
        if (i < plan->n_in_file && i < schema->n_columns &&
            shale_str_equal(here->name, there->name)) {
            if (shale_type_equal(&here->type, &there->type))
                continue;
            return differs(here, there, name, err);
        }
        if (i >= plan->n_in_file)
            (void)snprintf(text, sizeof text, "column '%.*s' is one more",
                           (int)(here->name.n_bytes % 128), here->name.data);
        else
            (void)snprintf(text, sizeof text, "expected column '%.*s' as number %zu",
                           (int)(there->name.n_bytes % 128), there->name.data, i + 1);
        return SHALE_ERR(err, cat_schema, name, text);
    }
    return SHALE_OK;
}

/* Can values of a file's type be shown as the table's?  Timestamps may have another unit. */
static bool agrees(const struct shale_type *table, const struct shale_type *file)
{
    if (table->kind == SHALE_TIMESTAMP && file->kind == SHALE_TIMESTAMP)
        return true;
    if (shale_type_equal(table, file))
        return true;
    return table->n_members == 0 && file->n_members == 0 && table->kind != SHALE_DECIMAL &&
           table->kind != SHALE_TIMESTAMP && shale_type_layout(table) == shale_type_layout(file);
}

enum shale_status cat_plan_map(const struct cat_plan *plan, const struct shale_schema *schema,
                               size_t *map, struct shale_err *err)
{
    for (size_t i = 0; i < plan->n_in_file; i++) {
        const struct shale_column_def *there = &plan->columns.columns[i];
        map[i] = CAT_NO_COLUMN;
        if (!find_column(schema, there->name, &map[i]))
            continue;
        if (!agrees(&there->type, &schema->columns[map[i]].type))
            return differs(&schema->columns[map[i]], there, "the table", err);
    }
    return SHALE_OK;
}
