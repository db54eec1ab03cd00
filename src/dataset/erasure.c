/* SPDX-License-Identifier: MIT */
/* Conditions against rows and files: each is read once, by the type of its column. */
#include "dataset/erasure.h"

#include <stdlib.h>
#include <string.h>

#include "dataset/erasure_parts.h"
#include "dataset/partition.h"
#include "dataset/stats_read.h"
#include "schema/parse.h"
#include "schema/type_text.h"

enum { MOST_BYTES = 1 << 28 };

static const struct shale_type partition_number = {.kind = SHALE_INT64};

/* ---- Conditions --------------------------------------------------------------------------------
 */

void shale_erasures_free(struct shale_erasures *erasures)
{
    if (erasures == NULL)
        return;
    shale_arena_fini(&erasures->arena);
    shale_mem_free(erasures->mem, erasures);
}

static bool find_column(const struct shale_schema *schema, struct shale_str name, size_t *out)
{
    for (size_t i = 0; i < schema->n_columns; i++)
        if (shale_str_equal(schema->columns[i].name, name)) {
            *out = i;
            return true;
        }
    return false;
}

static enum shale_status bad_type(const struct shale_erasure *erasure,
                                  const struct shale_type *type, const char *by,
                                  struct shale_err *err)
{
    char text[SHALE_TYPE_TEXT_BYTES];
    return SHALE_ERR(err, erasure_type, SHALE_STR_ARG(erasure->column),
                     shale_type_text(type, text, sizeof text), by);
}

void shale_erasure_load(const struct shale_type *type, struct shale_str bytes,
                        struct shale_value *out)
{
    enum shale_layout layout = shale_type_layout(type);
    *out = (struct shale_value){0};
    if (layout == SHALE_LAYOUT_BYTES)
        out->as.bytes = bytes;
    else if (layout == SHALE_LAYOUT_BOOL)
        out->as.boolean = bytes.data[0] != 0;
    else
        memcpy(&out->as, bytes.data, shale_layout_width(layout));
}

/* The value, of the type of what it is compared with. */
static enum shale_status read_value(struct shale_erasures *erasures,
                                    const struct shale_erasure *erasure,
                                    struct shale_condition_on *on, struct shale_err *err)
{
    struct shale_err inner;
    struct shale_buf bytes;
    enum shale_status status;
    if (on->type->n_members > 0)
        return bad_type(erasure, on->type, "values of scalar types", err);
    if (on->is_before && on->type->kind != SHALE_DATE && on->type->kind != SHALE_TIMESTAMP)
        return bad_type(erasure, on->type, "a date or a timestamp", err);
    on->is_null = !on->is_before && shale_str_is(erasure->value, "null");
    if (on->is_null)
        return SHALE_OK;
    shale_err_clear(&inner);
    shale_buf_init(&bytes, erasures->mem, MOST_BYTES);
    status = shale_parse_value(on->type, erasure->value, &bytes, &inner);
    if (status == SHALE_OK) {
        struct shale_str copy = {shale_arena_copy(&erasures->arena, shale_buf_str(&bytes)),
                                 bytes.n_bytes};
        if (copy.data == NULL)
            status = SHALE_NOMEM;
        else
            shale_erasure_load(on->type, copy, &on->value);
        on->bytes = copy;
    }
    shale_buf_fini(&bytes);
    if (status == SHALE_SCHEMA)
        return SHALE_ERR(err, erasure_value, SHALE_STR_ARG(erasure->column), inner.message);
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

static enum shale_status copy_text(struct shale_erasures *erasures, struct shale_str text,
                                   struct shale_str *out)
{
    *out = (struct shale_str){shale_arena_copy(&erasures->arena, text), text.n_bytes};
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The columns that are looked at, each once, and where each condition finds its own. */
static void number_columns(struct shale_erasures *erasures)
{
    size_t n = 0;
    for (size_t i = 0; i < erasures->n; i++)
        if (erasures->on[i].place == SHALE_ON_COLUMN)
            erasures->columns[n++] = erasures->on[i].column;
    if (n > 1)
        qsort(erasures->columns, n, sizeof *erasures->columns, compare_sizes);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || erasures->columns[i] != erasures->columns[erasures->n_columns - 1])
            erasures->columns[erasures->n_columns++] = erasures->columns[i];
    for (size_t i = 0; i < erasures->n; i++)
        for (size_t k = 0; k < erasures->n_columns; k++)
            if (erasures->on[i].column == erasures->columns[k])
                erasures->on[i].view = k;
}

static enum shale_status new_erasures(const struct shale_mem *mem, size_t n,
                                      struct shale_erasures **out)
{
    struct shale_erasures *erasures = shale_mem_zeroed(mem, 1, sizeof *erasures);
    *out = erasures;
    if (erasures == NULL)
        return SHALE_NOMEM;
    erasures->mem = mem;
    shale_arena_init(&erasures->arena, mem, MOST_BYTES);
    erasures->on = shale_arena_zeroed(&erasures->arena, n + 1, sizeof *erasures->on);
    erasures->columns = shale_arena_zeroed(&erasures->arena, n + 1, sizeof *erasures->columns);
    return erasures->on == NULL || erasures->columns == NULL ? SHALE_NOMEM : SHALE_OK;
}

typedef void (*place_fn)(const void *of, struct shale_str name, struct shale_condition_on *out);

static enum shale_status make(const struct shale_mem *mem, const struct shale_erasure *conditions,
                              size_t n, place_fn place, const void *of, struct shale_erasures **out,
                              struct shale_err *err)
{
    struct shale_erasures *erasures;
    enum shale_status status = new_erasures(mem, n, &erasures);
    if (status != SHALE_OK)
        (void)SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        struct shale_condition_on *on = &erasures->on[erasures->n++];
        place(of, conditions[i].column, on);
        on->is_before = conditions[i].is_before;
        on->joined = conditions[i].joined && i > 0;
        status = copy_text(erasures, conditions[i].column, &on->name);
        if (status == SHALE_OK)
            status = copy_text(erasures, conditions[i].value, &on->text);
        if (status != SHALE_OK)
            (void)SHALE_ERR(err, no_memory);
        else if (on->place != SHALE_ON_NOTHING)
            status = read_value(erasures, &conditions[i], on, err);
        else
            on->is_null = !on->is_before && shale_str_is(conditions[i].value, "null");
    }
    if (status == SHALE_OK) {
        number_columns(erasures);
    } else {
        shale_erasures_free(erasures);
        erasures = NULL;
    }
    *out = erasures;
    return status;
}

static void place_in_table(const void *of, struct shale_str name, struct shale_condition_on *out)
{
    const struct shale_log_state *log = of;
    size_t column;
    if (!find_column(&log->schema, name, &column))
        return;
    out->place = SHALE_ON_COLUMN;
    out->column = column;
    out->def = &log->schema.columns[column];
    out->type = &out->def->type;
    for (size_t i = 0; i < log->n_partition_columns; i++)
        if (shale_str_equal(log->partition_columns[i], name))
            out->place = SHALE_ON_PARTITION;
}

static void place_in_stream(const void *of, struct shale_str name, struct shale_condition_on *out)
{
    const struct shale_stream *stream = of;
    if (find_column(&stream->schema, name, &out->column)) {
        out->place = SHALE_ON_COLUMN;
        out->type = &stream->schema.columns[out->column].type;
    }
    for (size_t i = 0; i < stream->n_partitions && out->place == SHALE_ON_NOTHING; i++) {
        const struct shale_partition_def *partition = &stream->partitions[i];
        if (!shale_str_equal(partition->name, name) || partition->transform == SHALE_PART_IDENTITY)
            continue;
        out->place = SHALE_ON_COLUMN;
        out->column = partition->field;
        out->transformed = &stream->fields[partition->field].type;
        out->transform = partition->transform;
        out->type = &partition_number;
    }
}

enum shale_status shale_erasures_of_table(const struct shale_mem *mem,
                                          const struct shale_erasure *conditions,
                                          size_t n_conditions, const struct shale_log_state *log,
                                          struct shale_erasures **out, struct shale_err *err)
{
    return make(mem, conditions, n_conditions, place_in_table, log, out, err);
}

enum shale_status shale_erasures_of_stream(const struct shale_mem *mem,
                                           const struct shale_erasure *conditions,
                                           size_t n_conditions, const struct shale_stream *stream,
                                           struct shale_erasures **out, struct shale_err *err)
{
    return make(mem, conditions, n_conditions, place_in_stream, stream, out, err);
}

const size_t *shale_erasures_columns(const struct shale_erasures *erasures, size_t *n)
{
    *n = erasures->n_columns;
    return erasures->columns;
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

bool shale_erasure_meets(const struct shale_condition_on *on, const struct shale_value *value)
{
    int order;
    if (on->is_null || value == NULL)
        return on->is_null && value == NULL;
    order = shale_value_compare(on->type, value, &on->value);
    return on->is_before ? order < 0 : order == 0;
}

static void load_row(const struct shale_condition_on *on, const struct shale_column *column,
                     int64_t row, struct shale_value *out)
{
    enum shale_layout layout = shale_type_layout(on->type);
    size_t width = shale_layout_width(layout);
    *out = (struct shale_value){0};
    if (on->transformed != NULL)
        out->as.i64 = shale_partition_value(on->transform, on->transformed, column, row);
    else if (layout == SHALE_LAYOUT_BYTES)
        out->as.bytes =
            (struct shale_str){(const char *)column->data + column->offsets[row],
                               (size_t)(column->offsets[row + 1] - column->offsets[row])};
    else if (layout == SHALE_LAYOUT_BOOL)
        out->as.boolean = shale_bit(column->data, row);
    else
        memcpy(&out->as, (const char *)column->data + width * (size_t)row, width);
}

/* 'column' NULL: there is none, or all of it is null. */
static bool cell_meets(const struct shale_condition_on *on, const struct shale_column *column,
                       int64_t row)
{
    struct shale_value value;
    if (column == NULL || shale_column_is_null(column, row))
        return shale_erasure_meets(on, NULL);
    load_row(on, column, row, &value);
    return shale_erasure_meets(on, &value);
}

static bool row_meets(const struct shale_condition_on *on, const struct shale_column *columns,
                      const bool *missing, int64_t row)
{
    bool absent = on->place == SHALE_ON_NOTHING || (missing != NULL && missing[on->view]);
    return cell_meets(on, absent ? NULL : &columns[on->view], row);
}

/* The partition's value of a file's rows: NULL data where it is null. */
static struct shale_str partition_text(const struct shale_log_add *add,
                                       const struct shale_condition_on *on)
{
    for (size_t i = 0; i < add->n_partition_values; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        if (!shale_str_equal(value->name, on->name))
            continue;
        /* PROTOCOL.md, Partition Value Serialization: an empty text is null where it is no text. */
        if (value->is_null || (value->value.n_bytes == 0 && on->type->kind != SHALE_STRING))
            break;
        return value->value.data == NULL ? SHALE_STR("") : value->value;
    }
    return (struct shale_str){NULL, 0};
}

/* One that is no value of the type meets nothing. */
static enum shale_status partition_meets(const struct shale_erasures *erasures,
                                         const struct shale_log_add *add,
                                         const struct shale_condition_on *on, bool *meets)
{
    struct shale_str text = partition_text(add, on);
    struct shale_value value;
    struct shale_buf bytes;
    enum shale_status status;
    *meets = shale_erasure_meets(on, NULL);
    if (text.data == NULL)
        return SHALE_OK;
    shale_buf_init(&bytes, erasures->mem, MOST_BYTES);
    status = shale_parse_value(on->type, text, &bytes, NULL);
    *meets = false;
    if (status == SHALE_OK) {
        shale_erasure_load(on->type, shale_buf_str(&bytes), &value);
        *meets = shale_erasure_meets(on, &value);
    }
    shale_buf_fini(&bytes);
    return status == SHALE_NOMEM ? status : SHALE_OK;
}

static size_t group_end(const struct shale_erasures *erasures, size_t begin)
{
    size_t end = begin + 1;
    while (end < erasures->n && erasures->on[end].joined)
        end++;
    return end;
}

/* Rows of a file are alike in what its partition says. */
static enum shale_status partition_allows(const struct shale_erasures *erasures,
                                          const struct shale_log_add *add, size_t begin, size_t end,
                                          bool *allows)
{
    enum shale_status status = SHALE_OK;
    *allows = true;
    for (size_t i = begin; i < end && *allows && status == SHALE_OK; i++) {
        if (erasures->on[i].place != SHALE_ON_PARTITION)
            continue;
        *allows = false;
        if (add != NULL)
            status = partition_meets(erasures, add, &erasures->on[i], allows);
    }
    return status;
}

enum shale_status shale_erasures_rows(const struct shale_erasures *erasures,
                                      const struct shale_log_add *add,
                                      const struct shale_column *columns, const bool *missing,
                                      int64_t n_rows, bool *keep)
{
    for (size_t begin = 0, end; begin < erasures->n; begin = end) {
        bool allows;
        enum shale_status status;
        end = group_end(erasures, begin);
        status = partition_allows(erasures, add, begin, end, &allows);
        if (status != SHALE_OK)
            return status;
        for (int64_t row = 0; row < n_rows && allows; row++) {
            bool meets = true;
            for (size_t i = begin; i < end && meets; i++)
                if (erasures->on[i].place != SHALE_ON_PARTITION)
                    meets = row_meets(&erasures->on[i], columns, missing, row);
            keep[row] = keep[row] && !meets;
        }
    }
    return SHALE_OK;
}

bool shale_erasures_built(const struct shale_erasures *erasures,
                          const struct shale_builder *builder, int64_t row)
{
    bool found = false;
    for (size_t begin = 0, end; begin < erasures->n && !found; begin = end) {
        end = group_end(erasures, begin);
        found = true;
        for (size_t i = begin; i < end && found; i++) {
            const struct shale_condition_on *on = &erasures->on[i];
            struct shale_column column = {0};
            if (on->place == SHALE_ON_COLUMN)
                shale_builder_column(builder, on->column, &column);
            found = cell_meets(on, on->place == SHALE_ON_COLUMN ? &column : NULL, row);
        }
    }
    return found;
}

/* ---- Files -------------------------------------------------------------------------------------
 */

/* A file whose bounds lie on one side of the moment need not be opened. */
static enum shale_status reach_before(const struct shale_erasures *erasures,
                                      const struct shale_log_add *add,
                                      const struct shale_condition_on *on,
                                      enum shale_erasure_reach *out)
{
    struct shale_stats_range range;
    struct shale_value minimum, maximum;
    enum shale_status status;
    shale_stats_range_init(&range, erasures->mem);
    status = shale_stats_range_read(&range, add->stats, on->def);
    if (range.has_minimum)
        shale_erasure_load(on->type, shale_buf_str(&range.minimum), &minimum);
    if (range.has_maximum)
        shale_erasure_load(on->type, shale_buf_str(&range.maximum), &maximum);
    *out = SHALE_ERASURE_SOME;
    if ((range.has_minimum && !shale_erasure_meets(on, &minimum)) ||
        (add->n_rows >= 0 && range.n_nulls == add->n_rows))
        *out = SHALE_ERASURE_NONE;
    else if (range.has_maximum && shale_erasure_meets(on, &maximum) && range.n_nulls == 0 &&
             add->n_rows >= 0)
        *out = SHALE_ERASURE_ALL;
    shale_stats_range_fini(&range);
    return status;
}

static enum shale_status reach_of(const struct shale_erasures *erasures,
                                  const struct shale_log_add *add,
                                  const struct shale_condition_on *on,
                                  enum shale_erasure_reach *out)
{
    enum shale_status status;
    bool may = true;
    *out = SHALE_ERASURE_SOME;
    if (on->place == SHALE_ON_NOTHING) {
        *out = shale_erasure_meets(on, NULL) ? SHALE_ERASURE_ALL : SHALE_ERASURE_NONE;
        return SHALE_OK;
    }
    if (on->place == SHALE_ON_PARTITION) {
        status = partition_meets(erasures, add, on, &may);
        *out = may ? SHALE_ERASURE_ALL : SHALE_ERASURE_NONE;
        return status;
    }
    if (add->stats.n_bytes == 0)
        return SHALE_OK;
    if (on->is_before)
        return reach_before(erasures, add, on, out);
    status = shale_stats_may_hold(erasures->mem, add->stats, add->n_rows, on->def, on->is_null,
                                  on->bytes, &may);
    *out = may ? SHALE_ERASURE_SOME : SHALE_ERASURE_NONE;
    return status;
}

enum shale_status shale_erasures_file(const struct shale_erasures *erasures,
                                      const struct shale_log_add *add,
                                      enum shale_erasure_reach *out)
{
    *out = SHALE_ERASURE_NONE;
    for (size_t begin = 0, end; begin < erasures->n && *out != SHALE_ERASURE_ALL; begin = end) {
        enum shale_erasure_reach least = SHALE_ERASURE_ALL, reach;
        end = group_end(erasures, begin);
        for (size_t i = begin; i < end && least != SHALE_ERASURE_NONE; i++) {
            enum shale_status status = reach_of(erasures, add, &erasures->on[i], &reach);
            if (status != SHALE_OK)
                return status;
            least = reach < least ? reach : least;
        }
        *out = least > *out ? least : *out;
    }
    return SHALE_OK;
}
