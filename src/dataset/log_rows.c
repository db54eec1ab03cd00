/* SPDX-License-Identifier: MIT */
/* Checkpoints as actions: a row is one, in the struct column of its name. */
#include "dataset/log_actions.h"

#include <assert.h>

#include "parquet/reader.h"

enum {
    MEMORY_BYTES = 128 * 1024 * 1024,
    BATCH_ROWS = 1024,
};

struct shale_log_rows {
    struct shale_store *store;
    int64_t version, n_parts, part; /* the part that is open, from 1 */
    unsigned wanted;
    char key[SHALE_LOG_CHECKPOINT_NAME_BYTES];
    struct shale_store_file *file;
    struct shale_reader *reader;
    struct shale_scan *scan;
    enum shale_log_kind kinds[SHALE_ACTION_N_KINDS]; /* of the columns that are read */
    size_t columns[SHALE_ACTION_N_KINDS];            /* of the file */
    size_t n_columns;
    const struct shale_rows *rows;
    int64_t row; /* of 'rows' */
    int64_t n_total;
};

/* A value of any type. */
struct cell {
    const struct shale_type *type;
    const struct shale_column *column;
    int64_t row;
};

static bool is_null(struct cell cell)
{
    return shale_column_is_null(cell.column, cell.row);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

/* A member of a struct that is not null; false: there is none, or it is null. */
static bool find_cell(struct cell parent, const char *name, struct cell *out)
{
    const struct shale_column *column = parent.column->child;
    for (size_t i = 0; i < parent.type->n_members; i++, column = column->next) {
        if (!shale_str_is(parent.type->members[i].name, name))
            continue;
        *out = (struct cell){&parent.type->members[i].type, column, parent.row};
        return !is_null(*out);
    }
    return false;
}

static bool is_text(const struct shale_type *type)
{
    return shale_type_layout(type) == SHALE_LAYOUT_BYTES;
}

static struct shale_str text_of(struct cell cell)
{
    const int32_t *offsets = cell.column->offsets;
    int32_t begin = offsets[cell.row], end = offsets[cell.row + 1];
    if (begin == end)
        return (struct shale_str){"", 0};
    return (struct shale_str){(const char *)cell.column->data + begin, (size_t)(end - begin)};
}

static enum shale_status unexpected(const char *owner, const struct shale_log_member *member,
                                    const char *expected, struct shale_err *err)
{
    return SHALE_ERR(err, log_member, owner, member->name, expected);
}

static bool put_number(struct cell cell, int64_t *out)
{
    const void *data = cell.column->data;
    switch (shale_type_layout(cell.type)) {
    case SHALE_LAYOUT_I32:
        *out = ((const int32_t *)data)[cell.row];
        return true;
    case SHALE_LAYOUT_I64:
        *out = ((const int64_t *)data)[cell.row];
        return true;
    default:
        return false;
    }
}

static bool put_flag(struct cell cell, bool *out)
{
    if (shale_type_layout(cell.type) != SHALE_LAYOUT_BOOL)
        return false;
    *out = shale_bit(cell.column->data, cell.row);
    return true;
}

/* The elements of a list (a map's entries). */
struct range {
    int64_t begin, end;
};

static struct range range_of(struct cell cell)
{
    return (struct range){cell.column->offsets[cell.row], cell.column->offsets[cell.row + 1]};
}

static void put_array(struct shale_log_action *out, const struct shale_log_member *member,
                      const void *items, size_t n)
{
    *(const void **)(void *)((char *)out + member->at) = items;
    *(size_t *)(void *)((char *)out + member->n_at) = n;
}

static enum shale_status put_texts(struct shale_arena *arena, struct cell cell,
                                   const struct shale_log_member *member,
                                   struct shale_log_action *out, struct shale_err *err)
{
    struct range range = range_of(cell);
    size_t n = (size_t)(range.end - range.begin);
    struct shale_str *texts = shale_arena_zeroed(arena, n + 1, sizeof *texts);
    if (texts == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++) {
        struct cell element = {shale_type_element(cell.type), cell.column->child,
                               range.begin + (int64_t)i};
        struct shale_str text = is_null(element) ? (struct shale_str){"", 0} : text_of(element);
        enum shale_status status = shale_log_copy(arena, text, &texts[i], err);
        if (status != SHALE_OK)
            return status;
    }
    put_array(out, member, texts, n);
    return SHALE_OK;
}

static enum shale_status put_pair(struct shale_arena *arena, struct cell map, int64_t row,
                                  struct shale_log_pair *out, struct shale_err *err)
{
    struct cell key = {&map.type->members[0].type, map.column->child, row};
    struct cell value = {&map.type->members[1].type, map.column->child->next, row};
    struct shale_str text = is_null(value) ? (struct shale_str){"", 0} : text_of(value);
    enum shale_status status = shale_log_copy(arena, text_of(key), &out->key, err);
    if (status == SHALE_OK)
        status = shale_log_copy(arena, text, &out->value, err);
    return status;
}

static enum shale_status put_map(struct shale_arena *arena, struct cell cell,
                                 const struct shale_log_member *member,
                                 struct shale_log_action *out, struct shale_err *err)
{
    struct range range = range_of(cell);
    size_t n = (size_t)(range.end - range.begin);
    bool is_values = member->shape == SHALE_SHAPE_VALUES;
    struct shale_log_partition_value *values = shale_arena_zeroed(
        arena, n + 1, is_values ? sizeof *values : sizeof(struct shale_log_pair));
    struct shale_log_pair *pairs = (struct shale_log_pair *)(void *)values;
    if (values == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n; i++) {
        struct shale_log_pair pair;
        enum shale_status status = put_pair(arena, cell, range.begin + (int64_t)i, &pair, err);
        if (status != SHALE_OK)
            return status;
        if (is_values)
            values[i] =
                (struct shale_log_partition_value){pair.key, pair.value.n_bytes == 0, pair.value};
        else
            pairs[i] = pair;
    }
    put_array(out, member, values, n);
    return SHALE_OK;
}

static enum shale_status put_members(struct shale_arena *arena, struct cell cell, const char *owner,
                                     const struct shale_log_member *members, size_t n,
                                     struct shale_log_action *out, struct shale_err *err);

/* 'cell' is not null. */
static enum shale_status put_member(struct shale_arena *arena, struct cell cell, const char *owner,
                                    const struct shale_log_member *member,
                                    struct shale_log_action *out, struct shale_err *err)
{
    void *at = (char *)out + member->at;
    const struct shale_type *type = cell.type;
    switch (member->shape) {
    case SHALE_SHAPE_PRESENT:
        *(bool *)at = true;
        return SHALE_OK;
    case SHALE_SHAPE_TEXT:
        return is_text(type) ? shale_log_copy(arena, text_of(cell), at, err)
                             : unexpected(owner, member, "a text", err);
    case SHALE_SHAPE_NUMBER:
        return put_number(cell, at) ? SHALE_OK : unexpected(owner, member, "a whole number", err);
    case SHALE_SHAPE_FLAG:
        return put_flag(cell, at) ? SHALE_OK : unexpected(owner, member, "true or false", err);
    case SHALE_SHAPE_TEXTS:
        return type->kind == SHALE_LIST && is_text(shale_type_element(type))
                   ? put_texts(arena, cell, member, out, err)
                   : unexpected(owner, member, "a list of texts", err);
    case SHALE_SHAPE_PAIRS:
    case SHALE_SHAPE_RAWS:
    case SHALE_SHAPE_VALUES:
        return type->kind == SHALE_MAP && is_text(&type->members[0].type) &&
                       is_text(&type->members[1].type)
                   ? put_map(arena, cell, member, out, err)
                   : unexpected(owner, member, "a map of texts", err);
    case SHALE_SHAPE_GROUP:
        return type->kind == SHALE_STRUCT
                   ? put_members(arena, cell, owner, member->group, member->n_group, out, err)
                   : unexpected(owner, member, "a struct", err);
    }
    assert(false); /* a shape of the tables */
    return SHALE_OK;
}

static enum shale_status put_members(struct shale_arena *arena, struct cell cell, const char *owner,
                                     const struct shale_log_member *members, size_t n,
                                     struct shale_log_action *out, struct shale_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct cell value;
        enum shale_status status;
        if (!find_cell(cell, members[i].name, &value))
            continue;
        status = put_member(arena, value, owner, &members[i], out, err);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* Is the action of this column in the row?  Some writers have an empty struct for none: then what
 * every action of the kind has is null. */
static bool is_there(struct cell cell, enum shale_log_kind kind)
{
    const struct shale_log_kind_def *def = &shale_log_kinds[kind];
    struct cell value;
    if (is_null(cell))
        return false;
    for (size_t i = 0; i < def->n_members; i++)
        if (def->members[i].required)
            return find_cell(cell, def->members[i].name, &value);
    return true;
}

/* '*found': this row is an action that is wanted. */
static enum shale_status read_row(struct shale_log_rows *rows, struct shale_arena *arena,
                                  struct shale_log_action *out, bool *found, struct shale_err *err)
{
    const struct shale_schema *schema = &shale_reader_file(rows->reader)->schema;
    *found = false;
    for (size_t i = 0; i < rows->n_columns; i++) {
        enum shale_log_kind kind = rows->kinds[i];
        const struct shale_log_kind_def *def = &shale_log_kinds[kind];
        struct cell cell = {&schema->columns[rows->columns[i]].type, &rows->rows->columns[i],
                            rows->row};
        enum shale_status status;
        if (!is_there(cell, kind))
            continue;
        if (*found)
            return SHALE_ERR(err, log_two_actions, shale_log_kinds[out->kind].name, def->name);
        *found = true;
        shale_log_action_begin(out, kind);
        status = put_members(arena, cell, def->name, def->members, def->n_members, out, err);
        if (status == SHALE_OK)
            status = shale_log_action_end(arena, out, err);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

static void close_part(struct shale_log_rows *rows)
{
    shale_scan_free(rows->scan);
    shale_reader_free(rows->reader);
    shale_store_close(rows->file);
    rows->scan = NULL;
    rows->reader = NULL;
    rows->file = NULL;
    rows->rows = NULL;
}

/* The columns of the open part that are wanted. */
static enum shale_status find_columns(struct shale_log_rows *rows, struct shale_err *err)
{
    const struct shale_schema *schema = &shale_reader_file(rows->reader)->schema;
    rows->n_columns = 0;
    for (unsigned kind = SHALE_ACTION_OTHER + 1; kind < SHALE_ACTION_N_KINDS; kind++) {
        const char *name = shale_log_kinds[kind].name;
        size_t i = 0;
        if ((rows->wanted & SHALE_ACTION_SET(kind)) == 0)
            continue;
        while (i < schema->n_columns && !shale_str_is(schema->columns[i].name, name))
            i++;
        if (i == schema->n_columns)
            continue;
        if (schema->columns[i].type.kind != SHALE_STRUCT)
            return SHALE_ERR(err, log_column, name);
        rows->columns[rows->n_columns] = i;
        rows->kinds[rows->n_columns++] = (enum shale_log_kind)kind;
    }
    return SHALE_OK;
}

static enum shale_status open_part(struct shale_log_rows *rows, struct shale_err *err)
{
    const struct shale_mem *mem = rows->store->env->mem;
    struct shale_scan_options options = {.columns = rows->columns, .batch_rows = BATCH_ROWS};
    enum shale_status status;
    close_part(rows);
    shale_log_checkpoint_name(rows->version, ++rows->part, rows->n_parts, rows->key);
    status = shale_store_open(rows->store, rows->key, &rows->file, err);
    if (status == SHALE_OK)
        status =
            shale_reader_open(mem, &rows->file->random,
                              &(struct shale_reader_options){MEMORY_BYTES}, &rows->reader, err);
    if (status == SHALE_OK)
        status = find_columns(rows, err);
    if (status != SHALE_OK)
        return status;
    if (!SHALE_ADD(rows->n_total, shale_reader_file(rows->reader)->n_rows, &rows->n_total))
        return SHALE_ERR(err, log_number, "rows", -1LL);
    options.n_columns = rows->n_columns;
    if (rows->n_columns == 0) /* nothing of this part is wanted */
        return SHALE_OK;
    return shale_scan_new(rows->reader, &options, &rows->scan, err);
}

enum shale_status shale_log_rows_open(struct shale_store *store, int64_t version, int64_t n_parts,
                                      unsigned wanted, struct shale_log_rows **out,
                                      struct shale_err *err)
{
    struct shale_log_rows *rows = shale_mem_zeroed(store->env->mem, 1, sizeof *rows);
    enum shale_status status;
    *out = NULL;
    if (rows == NULL)
        return SHALE_ERR(err, no_memory);
    rows->store = store;
    rows->version = version;
    rows->n_parts = n_parts;
    rows->wanted = wanted;
    status = open_part(rows, err);
    if (status != SHALE_OK) {
        shale_err_at(err, rows->key, -1, -1);
        shale_log_rows_free(rows);
        return status;
    }
    *out = rows;
    return SHALE_OK;
}

void shale_log_rows_free(struct shale_log_rows *rows)
{
    if (rows == NULL)
        return;
    close_part(rows);
    shale_mem_free(rows->store->env->mem, rows);
}

/* The next batch of rows, of the next part where this one has no more; 'rows->rows' is NULL at the
 * end of all. */
static enum shale_status next_batch(struct shale_log_rows *rows, struct shale_err *err)
{
    rows->row = 0;
    for (;;) {
        enum shale_status status = SHALE_OK;
        rows->rows = NULL;
        if (rows->scan != NULL)
            status = shale_scan_next(rows->scan, &rows->rows, err);
        if (status != SHALE_OK || rows->rows != NULL || rows->part >= rows->n_parts)
            return status;
        status = open_part(rows, err);
        if (status != SHALE_OK)
            return status;
    }
}

enum shale_status shale_log_rows_next(struct shale_log_rows *rows, struct shale_arena *arena,
                                      struct shale_log_action *out, bool *end,
                                      struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    bool found = false;
    *end = false;
    while (status == SHALE_OK && !found) {
        if (rows->rows == NULL || rows->row == rows->rows->n_rows) {
            status = next_batch(rows, err);
            *end = status == SHALE_OK && rows->rows == NULL;
            if (status != SHALE_OK || *end)
                break;
        }
        status = read_row(rows, arena, out, &found, err);
        if (status != SHALE_OK)
            shale_err_at(err, rows->key, rows->rows->first_row + rows->row, -1);
        rows->row++;
    }
    if (status != SHALE_OK)
        shale_err_at(err, rows->key, -1, -1);
    return status;
}

int64_t shale_log_rows_total(const struct shale_log_rows *rows)
{
    return rows->n_total;
}
