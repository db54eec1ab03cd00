/* SPDX-License-Identifier: MIT */
/* The columns of a file that grows, and of what it grows to: which are the same, and whether they
 * are stored in the same way. */
#include "base/printable.h"
#include "parquet/append_parts.h"
#include "parquet/created_by.h"
#include "schema/type_text.h"

struct match {
    struct shale_append *append;
    const size_t *first_leaf; /* of each column of the old file */
    bool *taken;              /* columns of the old file */
    struct shale_err *err;
};

/* ---- Types -------------------------------------------------------------------------------------
 */

/* Is it stored as STRING?  In memory it is a text as well. */
static bool is_plain_text(const struct shale_type *type)
{
    return type->kind == SHALE_STRING || (type->kind == SHALE_JSON && !type->annotate) ||
           (type->kind == SHALE_UUID && !type->annotate);
}

/* Other writers' INT96 has no unit: the new schema's is believed. */
static bool is_int96_of_others(const struct shale_append *append, const struct shale_type *old)
{
    return old->int96 && append->file->n_others > 0;
}

/* Are values of the old type values of the new one, as they lie in memory?  As deep as types nest.
 */
static bool same_values(const struct shale_append *append, const struct shale_type *old,
                        const struct shale_type *new)
{
    struct shale_type seen = *old;
    if (is_plain_text(new))
        return is_plain_text(old) || old->kind == SHALE_JSON;
    if (old->kind != new->kind || old->n_members != new->n_members)
        return false;
    for (size_t i = 0; i < old->n_members; i++)
        if ((old->kind == SHALE_STRUCT &&
             !shale_str_equal(old->members[i].name, new->members[i].name)) ||
            !same_values(append, &old->members[i].type, &new->members[i].type))
            return false;
    if (old->n_members > 0)
        return true;
    if (old->kind == SHALE_TIMESTAMP && append->options.local_is_utc && !new->local)
        seen.local = false;
    if (is_int96_of_others(append, old) && new->int96)
        seen.unit = new->unit;
    return (old->kind != SHALE_JSON || old->annotate) && shale_type_equal(&seen, new);
}

/* What the new file could not say of a leaf; NULL: nothing. */
static const char *lost_annotation(const struct shale_file_node *node)
{
    switch (node->logical) {
    case SHALE_LOGICAL_BSON:
        return "its annotation BSON would be lost";
    case SHALE_LOGICAL_GEOMETRY:
    case SHALE_LOGICAL_GEOGRAPHY:
        return "its geometry's annotation would be lost";
    case SHALE_LOGICAL_NONE:
        break;
    default:
        return NULL;
    }
    return node->converted == SHALE_CONVERTED_BSON       ? "its annotation BSON would be lost"
           : node->converted == SHALE_CONVERTED_INTERVAL ? "its annotation INTERVAL would be lost"
                                                         : NULL;
}

/* ---- Storage -----------------------------------------------------------------------------------
 */

/* With equal types, all of ours being optional that may be, equal levels mean equal groups: each
 * that is required or left out makes one level less. */
static const char *why_encoded(const struct shale_file_node *node, const struct shale_leaf *leaf)
{
    if (node->physical != (int)leaf->physical ||
        (node->physical == SHALE_PHYSICAL_FIXED && (size_t)node->type_length != leaf->width))
        return "it is stored as another physical type";
    if (node->max_repetition != leaf->max_repetition)
        return "its lists have another shape";
    if (node->max_definition != leaf->max_definition)
        return "it has other levels: something in it is required";
    return NULL;
}

/* Some readers know by created_by how to read what these wrote: sizes without the dictionary's
 * header (PARQUET-816), wrong bounds (PARQUET-251), deltas over pages (PARQUET-246), a flag of data
 * pages v2 (PARQUET-1850, ARROW-10353). */
static bool needs_its_name(struct shale_str created_by)
{
    return shale_created_before(created_by, "parquet-mr", 1, 8, 2) ||
           shale_created_before(created_by, "parquet-cpp", 3, 0, 0) ||
           shale_created_before(created_by, "parquet-cpp-arrow", 3, 0, 0);
}

static void encode_all(struct shale_append *append, const char *why, struct shale_str where)
{
    if (append->plan.why != NULL)
        return;
    append->plan.why = why;
    (void)shale_printable(where, append->where, sizeof append->where);
    append->plan.where = shale_str_of(append->where);
}

/* ---- Columns -----------------------------------------------------------------------------------
 */

static enum shale_status refuse(const struct match *match, struct shale_str name, const char *why)
{
    char text[SHALE_APPEND_NAME_BYTES];
    return SHALE_ERR(match->err, parquet_append, shale_printable(name, text, sizeof text), why);
}

static enum shale_status other_type(const struct match *match, struct shale_str name,
                                    const struct shale_type *old, const struct shale_type *new)
{
    char text[SHALE_APPEND_NAME_BYTES];
    char is[2 * SHALE_TYPE_TEXT_BYTES], wanted[2 * SHALE_TYPE_TEXT_BYTES];
    return SHALE_ERR(match->err, parquet_append_type, shale_printable(name, text, sizeof text),
                     shale_type_text(old, is, sizeof is),
                     shale_type_text(new, wanted, sizeof wanted));
}

/* The old column of that name, looked for from 'hint' on; SHALE_NOWHERE: there is none. */
static size_t find_column(const struct match *match, struct shale_str name, size_t hint)
{
    const struct shale_schema *old = &match->append->file->schema;
    for (size_t i = 0; i < old->n_columns; i++) {
        size_t column = (hint + i) % old->n_columns;
        if (!match->taken[column] && shale_str_equal(old->columns[column].name, name))
            return column;
    }
    return SHALE_NOWHERE;
}

/* A column of the type "unknown, always null" (parquet.thrift, NullType): as one that is not there,
 * whatever type it should have. */
static bool is_always_null(const struct shale_file *file, size_t leaf)
{
    const struct shale_file_node *node = &file->nodes[file->leaves[leaf].node];
    return node->logical == SHALE_LOGICAL_UNKNOWN && node->parent == 0 &&
           node->repetition == SHALE_REPETITION_OPTIONAL;
}

/* Leaf by leaf: '*to' is the first leaf of the new column, and moves behind its last. */
static enum shale_status match_leaves(struct match *match, size_t column,
                                      const struct shale_column_def *def, size_t *to)
{
    struct shale_append *append = match->append;
    const struct shale_file *file = append->file;
    size_t from = column == SHALE_NOWHERE ? SHALE_NOWHERE : match->first_leaf[column];
    struct shale_leaf leaf;
    shale_leaf_first(def, &leaf);
    do {
        const struct shale_file_leaf *info;
        const char *why;
        append->leaf_from[(*to)++] = from;
        if (from == SHALE_NOWHERE)
            continue;
        info = &file->leaves[from];
        if (info->unsupported != NULL) {
            char name[SHALE_APPEND_NAME_BYTES];
            return SHALE_ERR(match->err, parquet_leaf_unsupported,
                             shale_printable(info->path, name, sizeof name), info->unsupported);
        }
        why = lost_annotation(&file->nodes[info->node]);
        if (why != NULL)
            return refuse(match, info->path, why);
        why = why_encoded(&file->nodes[info->node], &leaf);
        if (why != NULL)
            encode_all(append, why, info->path);
        append->leaf_to[from++] = *to - 1;
    } while (shale_leaf_next(&leaf));
    return SHALE_OK;
}

static enum shale_status match_column(struct match *match, const struct shale_column_def *def,
                                      size_t *number, size_t *to)
{
    struct shale_append *append = match->append;
    const struct shale_schema *old = &append->file->schema;
    size_t column = find_column(match, def->name, *number);
    append->same_columns = append->same_columns && column == *number;
    if (column != SHALE_NOWHERE) {
        match->taken[column] = true;
        if (is_always_null(append->file, match->first_leaf[column]))
            column = SHALE_NOWHERE;
        else if (!same_values(append, &old->columns[column].type, &def->type))
            return other_type(match, def->name, &old->columns[column].type, &def->type);
    }
    if (column == SHALE_NOWHERE) {
        append->plan.n_added++;
        append->same_columns = false;
    }
    append->column_from[(*number)++] = column;
    return match_leaves(match, column, def, to);
}

/* In a row group pages lie in the order of the columns, as some readers take for granted (one read
 * from the first chunk to the last): so the old columns stay in their order, and what is added
 * comes behind them. */
static void check_order(struct shale_append *append)
{
    size_t next = 0;
    for (size_t i = 0; i < append->n_leaves; i++) {
        size_t from = append->leaf_from[i];
        if (from != SHALE_NOWHERE && (from < next || next == SHALE_NOWHERE)) {
            encode_all(append, "its columns stand in another order, or new ones between them",
                       append->file->leaves[from].path);
            return;
        }
        next = from == SHALE_NOWHERE ? SHALE_NOWHERE : from + 1;
    }
}

static enum shale_status match_columns(struct match *match)
{
    struct shale_append *append = match->append;
    const struct shale_schema *schema = append->options.schema;
    enum shale_status status = SHALE_OK;
    size_t number = 0, to = 0;
    for (size_t i = 0; i < schema->n_columns && status == SHALE_OK; i++)
        if (!schema->columns[i].partition_only)
            status = match_column(match, &schema->columns[i], &number, &to);
    for (size_t i = 0; i < append->file->schema.n_columns && status == SHALE_OK; i++)
        if (!match->taken[i])
            status = refuse(match, append->file->schema.columns[i].name,
                            "the new schema has no such column: keep it, or begin another file");
    if (status == SHALE_OK && append->file->n_row_groups > 0)
        check_order(append);
    return status;
}

/* ---- Order -------------------------------------------------------------------------------------
 */

static bool is_among(size_t number, const size_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* The number of the column of that name, looked for from 'hint' on. */
static size_t number_of(const struct shale_schema *schema, struct shale_str name, size_t hint)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        size_t number = (hint + i) % schema->n_columns;
        if (shale_str_equal(schema->columns[number].name, name))
            return number;
    }
    return SHALE_NOWHERE;
}

void shale_append_order(const struct shale_reader *reader, const struct shale_schema *schema,
                        size_t *order)
{
    const struct shale_file *file = shale_reader_file(reader);
    size_t n = 0, leaf = 0, number = SHALE_NOWHERE;
    for (size_t i = 0; i < file->schema.n_columns && n < schema->n_columns; i++) {
        while (leaf < file->n_leaves && file->leaves[leaf].column < i)
            leaf++;
        number = number_of(schema, file->schema.columns[i].name, number + 1);
        if (number == SHALE_NOWHERE)
            break; /* this file cannot grow to that */
        if (!is_always_null(file, leaf) && !is_among(number, order, n))
            order[n++] = number;
    }
    for (size_t i = 0; i < schema->n_columns; i++)
        if (!is_among(i, order, n))
            order[n++] = i;
}

/* ---- All ---------------------------------------------------------------------------------------
 */

/* What is copied is read by nobody here: that it can be read must be seen beforehand. */
static enum shale_status check_chunks(const struct match *match)
{
    const struct shale_file *file = match->append->file;
    char name[SHALE_APPEND_NAME_BYTES];
    for (size_t i = 0; i < file->n_row_groups; i++)
        for (size_t k = 0; k < file->n_leaves; k++)
            if (file->row_groups[i].chunks[k].unsupported != NULL)
                return SHALE_ERR(match->err, parquet_chunk_unsupported,
                                 shale_printable(file->leaves[k].path, name, sizeof name), i,
                                 file->row_groups[i].chunks[k].unsupported);
    return SHALE_OK;
}

enum shale_status shale_append_match(struct shale_append *append, struct shale_err *err)
{
    const struct shale_file *file = append->file;
    size_t *first_leaf = shale_mem_zeroed(append->mem, file->schema.n_columns + 1, sizeof(size_t));
    bool *taken = shale_mem_zeroed(append->mem, file->schema.n_columns + 1, sizeof(bool));
    struct match match = {append, first_leaf, taken, err};
    enum shale_status status = SHALE_OK;
    append->same_columns = true;
    if (first_leaf == NULL || taken == NULL)
        status = SHALE_ERR(err, no_memory);
    else if (file->is_signed)
        status = SHALE_ERR(err, parquet_encrypted);
    for (size_t i = file->n_leaves; i > 0 && status == SHALE_OK; i--) {
        first_leaf[file->leaves[i - 1].column] = i - 1;
        append->leaf_to[i - 1] = SHALE_NOWHERE;
    }
    if (status == SHALE_OK)
        status = match_columns(&match);
    if (status == SHALE_OK)
        status = check_chunks(&match);
    if (status == SHALE_OK && needs_its_name(file->created_by))
        encode_all(append,
                   "readers know its writer's files by name, and read them by rules of "
                   "their own",
                   SHALE_STR(""));
    if (append->plan.why != NULL)
        append->same_columns = false;
    shale_mem_free(append->mem, first_leaf);
    shale_mem_free(append->mem, taken);
    return status;
}
