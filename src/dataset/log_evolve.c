/* SPDX-License-Identifier: MIT */
/* A stream's columns against a table's: what is missing there is added, anything else is refused.
 * Recursion follows the type, which nests to SHALE_TYPE_DEPTH. */
#include <assert.h>
#include <string.h>

#include "dataset/log_actions.h"
#include "schema/type_text.h"

struct merge {
    struct shale_arena *arena;
    struct shale_str column;                           /* for messages */
    const struct shale_type *table_type, *stream_type; /* of the whole column */
    bool evolved;
    struct shale_err *err;
};

static enum shale_status no_memory(const struct merge *merge)
{
    return SHALE_ERR(merge->err, no_memory);
}

static enum shale_status differs(const struct merge *merge)
{
    char table[SHALE_TYPE_TEXT_BYTES], stream[SHALE_TYPE_TEXT_BYTES];
    return SHALE_ERR(merge->err, log_type_differs, SHALE_STR_ARG(merge->column),
                     shale_type_text(merge->table_type, table, sizeof table),
                     shale_type_text(merge->stream_type, stream, sizeof stream));
}

static enum shale_status copy_name(struct merge *merge, struct shale_str name,
                                   struct shale_str *out)
{
    return shale_log_copy(merge->arena, name, out, merge->err);
}

/* ---- New columns ------------------------------------------------------------------------------
 */

/* As a table has it: json and uuid are texts, a timestamp is in microseconds. */
static enum shale_status as_table_has_it(struct merge *merge, const struct shale_type *type,
                                         struct shale_type *out)
{
    char name[SHALE_LOG_TYPE_BYTES], text[SHALE_TYPE_TEXT_BYTES];
    struct shale_type_member *members;
    if (type->n_members == 0) {
        if (!shale_log_type_name(type, name))
            return SHALE_ERR(merge->err, log_column_type, SHALE_STR_ARG(merge->column),
                             shale_type_text(type, text, sizeof text));
        *out = (struct shale_type){
            .kind = type->kind, .precision = type->precision, .scale = type->scale};
        if (type->kind == SHALE_JSON || type->kind == SHALE_UUID)
            out->kind = SHALE_STRING;
        if (type->kind == SHALE_TIMESTAMP)
            out->unit = SHALE_US;
        return SHALE_OK;
    }
    members = shale_arena_zeroed(merge->arena, type->n_members, sizeof *members);
    if (members == NULL)
        return no_memory(merge);
    *out =
        (struct shale_type){.kind = type->kind, .members = members, .n_members = type->n_members};
    for (size_t i = 0; i < type->n_members; i++) {
        enum shale_status status = copy_name(merge, type->members[i].name, &members[i].name);
        if (status == SHALE_OK)
            status = as_table_has_it(merge, &type->members[i].type, &members[i].type);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

/* ---- Columns that are there -------------------------------------------------------------------
 */

static bool is_same_but_case(struct shale_str a, struct shale_str b)
{
    if (a.n_bytes != b.n_bytes)
        return false;
    for (size_t i = 0; i < a.n_bytes; i++) {
        unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];
        x = x >= 'A' && x <= 'Z' ? (unsigned char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (unsigned char)(y + 32) : y;
        if (x != y)
            return false;
    }
    return true;
}

/* A column or a member by its name, which may not differ by case alone. */
static enum shale_status match(const struct merge *merge, struct shale_str table,
                               struct shale_str stream, bool *is_it)
{
    *is_it = shale_str_equal(table, stream);
    if (!*is_it && is_same_but_case(table, stream))
        return SHALE_ERR(merge->err, log_case_differs, SHALE_STR_ARG(table), SHALE_STR_ARG(stream));
    return SHALE_OK;
}

static enum shale_status merge_type(struct merge *merge, const struct shale_type *table,
                                    const struct shale_type *stream, struct shale_type *out);

static enum shale_status find_member(const struct merge *merge, const struct shale_type *type,
                                     struct shale_str name, size_t *at)
{
    for (*at = 0; *at < type->n_members; (*at)++) {
        bool is_it;
        enum shale_status status = match(merge, type->members[*at].name, name, &is_it);
        if (status != SHALE_OK || is_it)
            return status;
    }
    return SHALE_OK;
}

/* The table's members, then the stream's new ones. */
static enum shale_status merge_struct(struct merge *merge, const struct shale_type *table,
                                      const struct shale_type *stream, struct shale_type *out)
{
    size_t n = table->n_members, most = n + stream->n_members;
    struct shale_type_member *members = shale_arena_zeroed(merge->arena, most, sizeof *members);
    if (members == NULL)
        return no_memory(merge);
    for (size_t i = 0; i < n; i++) {
        enum shale_status status = copy_name(merge, table->members[i].name, &members[i].name);
        if (status == SHALE_OK)
            status = as_table_has_it(merge, &table->members[i].type, &members[i].type);
        if (status != SHALE_OK)
            return status;
    }
    for (size_t i = 0; i < stream->n_members; i++) {
        const struct shale_type_member *member = &stream->members[i];
        size_t at;
        enum shale_status status = find_member(merge, table, member->name, &at);
        if (status == SHALE_OK && at < table->n_members) {
            status = merge_type(merge, &table->members[at].type, &member->type, &members[at].type);
        } else if (status == SHALE_OK) {
            merge->evolved = true;
            status = copy_name(merge, member->name, &members[n].name);
            if (status == SHALE_OK)
                status = as_table_has_it(merge, &member->type, &members[n].type);
            n++;
        }
        if (status != SHALE_OK)
            return status;
    }
    *out = (struct shale_type){.kind = SHALE_STRUCT, .members = members, .n_members = n};
    return SHALE_OK;
}

static enum shale_status merge_elements(struct merge *merge, const struct shale_type *table,
                                        const struct shale_type *stream, struct shale_type *out)
{
    size_t n = table->n_members;
    struct shale_type_member *members = shale_arena_zeroed(merge->arena, n, sizeof *members);
    if (members == NULL)
        return no_memory(merge);
    for (size_t i = 0; i < n; i++) {
        enum shale_status status = copy_name(merge, table->members[i].name, &members[i].name);
        if (status == SHALE_OK)
            status = merge_type(merge, &table->members[i].type, &stream->members[i].type,
                                &members[i].type);
        if (status != SHALE_OK)
            return status;
    }
    *out = (struct shale_type){.kind = table->kind, .members = members, .n_members = n};
    return SHALE_OK;
}

static enum shale_status merge_type(struct merge *merge, const struct shale_type *table,
                                    const struct shale_type *stream, struct shale_type *out)
{
    struct shale_type plain;
    enum shale_status status;
    if (table->kind == SHALE_STRUCT && stream->kind == SHALE_STRUCT)
        return merge_struct(merge, table, stream, out);
    if (table->kind == stream->kind && table->n_members > 0)
        return merge_elements(merge, table, stream, out);
    if (table->n_members > 0 || stream->n_members > 0)
        return differs(merge);
    status = as_table_has_it(merge, stream, &plain);
    if (status != SHALE_OK)
        return status;
    *out = *table;
    return shale_type_equal(table, &plain) ? SHALE_OK : differs(merge);
}

/* ---- Columns ----------------------------------------------------------------------------------
 */

static struct shale_str join(const struct shale_str *names, size_t n, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (capacity - used < names[i].n_bytes + 2)
            break;
        if (i > 0) {
            memcpy(out + used, ", ", 2);
            used += 2;
        }
        if (names[i].n_bytes > 0)
            memcpy(out + used, names[i].data, names[i].n_bytes);
        used += names[i].n_bytes;
    }
    return (struct shale_str){out, used};
}

static enum shale_status check_partitions(const struct shale_log_state *state,
                                          const struct shale_str *partitions, size_t n,
                                          struct shale_err *err)
{
    char table[200], stream[200];
    bool is_same = n == state->n_partition_columns;
    for (size_t i = 0; i < n && is_same; i++)
        is_same = shale_str_equal(partitions[i], state->partition_columns[i]);
    if (is_same)
        return SHALE_OK;
    return SHALE_ERR(err, log_partitions_differ,
                     SHALE_STR_ARG(join(state->partition_columns, state->n_partition_columns, table,
                                        sizeof table)),
                     SHALE_STR_ARG(join(partitions, n, stream, sizeof stream)));
}

static bool is_among(struct shale_str name, const struct shale_str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (shale_str_equal(name, names[i]))
            return true;
    return false;
}

/* Merge 'from' into the column of its name among 'columns', or behind them. */
static enum shale_status merge_column(struct merge *merge, const struct shale_column_def *from,
                                      const struct shale_log_state *state,
                                      struct shale_column_def *columns, size_t *n)
{
    enum shale_status status;
    merge->column = from->name;
    merge->stream_type = &from->type;
    for (size_t i = 0; i < state->schema.n_columns; i++) {
        const struct shale_column_def *old = &state->schema.columns[i];
        bool is_it;
        status = match(merge, old->name, from->name, &is_it);
        if (status != SHALE_OK)
            return status;
        merge->table_type = &old->type;
        if (is_it)
            return merge_type(merge, &old->type, &from->type, &columns[i].type);
    }
    merge->evolved = true;
    status = copy_name(merge, from->name, &columns[*n].name);
    if (status != SHALE_OK)
        return status;
    return as_table_has_it(merge, &from->type, &columns[(*n)++].type);
}

enum shale_status shale_log_check_schema(struct shale_arena *arena,
                                         const struct shale_log_state *state,
                                         const struct shale_schema *schema,
                                         const struct shale_str *partitions, size_t n_partitions,
                                         bool *evolved, struct shale_schema *merged,
                                         struct shale_err *err)
{
    struct merge merge = {.arena = arena, .err = err};
    size_t n = state->schema.n_columns;
    struct shale_column_def *columns =
        shale_arena_zeroed(arena, n + schema->n_columns + 1, sizeof *columns);
    enum shale_status status = SHALE_OK;
    *evolved = false;
    if (columns == NULL)
        return SHALE_ERR(err, no_memory);
    if (state->version >= 0)
        status = check_partitions(state, partitions, n_partitions, err);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        status = copy_name(&merge, state->schema.columns[i].name, &columns[i].name);
        merge.column = columns[i].name;
        if (status == SHALE_OK)
            status = as_table_has_it(&merge, &state->schema.columns[i].type, &columns[i].type);
    }
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++)
        status = merge_column(&merge, &schema->columns[i], state, columns, &n);
    if (status != SHALE_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        columns[i].partition_only = is_among(columns[i].name, partitions, n_partitions);
    *evolved = merge.evolved;
    *merged = (struct shale_schema){columns, n};
    return SHALE_OK;
}
