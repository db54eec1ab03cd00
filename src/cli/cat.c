/* SPDX-License-Identifier: MIT */
/* 'shale cat': the rows of Parquet files as text. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "cli/cat.h"
#include "schema/parse.h"
#include "schema/time.h"
#include "store/local.h"

enum { DEFAULT_MEMORY = 256 * 1024 * 1024, BATCH_ROWS = 4096 };

/* ---- Partitions as columns --------------------------------------------------------------------
 */

/* One column that has the same value in each row of a file. */
struct constant {
    struct shale_column column;
    void *data;
    int32_t *offsets;
    uint8_t *validity;
};

static void constant_fini(struct constant *constant)
{
    shale_mem_free(&shale_mem_libc, constant->data);
    shale_mem_free(&shale_mem_libc, constant->offsets);
    shale_mem_free(&shale_mem_libc, constant->validity);
    *constant = (struct constant){0};
}

/* 'bytes' is the value as it lies in memory; 'data' NULL: null. */
static enum shale_status constant_init(struct constant *constant, const struct shale_type *type,
                                       struct shale_str bytes)
{
    enum shale_layout layout = shale_type_layout(type);
    size_t width = bytes.data == NULL ? 0 : bytes.n_bytes;
    bool has_offsets = layout == SHALE_LAYOUT_BYTES || layout == SHALE_LAYOUT_LIST;
    *constant = (struct constant){0};
    constant->data = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS, width < 16 ? 16 : width);
    constant->offsets = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS + 1, sizeof(int32_t));
    constant->validity = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS / 8, 1);
    if (constant->data == NULL || constant->offsets == NULL || constant->validity == NULL ||
        width > INT32_MAX / BATCH_ROWS)
        return SHALE_NOMEM;
    constant->column = (struct shale_column){.n_rows = BATCH_ROWS,
                                             .data = constant->data,
                                             .offsets = has_offsets ? constant->offsets : NULL};
    if (bytes.data == NULL) {
        constant->column.n_nulls = BATCH_ROWS;
        constant->column.validity = constant->validity;
        return SHALE_OK;
    }
    if (layout == SHALE_LAYOUT_BOOL) {
        memset(constant->data, bytes.data[0] != 0 ? 0xff : 0, BATCH_ROWS / 8);
        return SHALE_OK;
    }
    for (size_t i = 0; i < BATCH_ROWS && width > 0; i++) {
        memcpy((char *)constant->data + i * width, bytes.data, width);
        constant->offsets[i + 1] = (int32_t)((i + 1) * width);
    }
    return SHALE_OK;
}

/* The value of a partition, 'data' NULL when it is null. */
static enum shale_status constant_of(struct constant *constant, const struct shale_column_def *def,
                                     struct shale_str text, struct shale_err *err)
{
    struct shale_buf bytes;
    enum shale_status status = SHALE_OK;
    shale_buf_init(&bytes, &shale_mem_libc, INT32_MAX);
    if (text.data != NULL) {
        status = shale_buf_reserve(&bytes, 1); /* an empty text has bytes as well */
        if (status == SHALE_OK)
            status = shale_parse_value(&def->type, text, &bytes, NULL);
    }
    if (status == SHALE_OK)
        status = constant_init(constant, &def->type, shale_buf_str(&bytes));
    shale_buf_fini(&bytes);
    if (status == SHALE_SCHEMA)
        return SHALE_ERR(err, cat_partition_value, SHALE_STR_ARG(text), SHALE_STR_ARG(def->name));
    return status == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

struct cat {
    struct terminal *terminal;
    const struct options *options;
    enum cat_format format;
    struct cat_files files;
    struct cat_plan plan;
    struct cat_output *output;
    bool planned, closed;
    int64_t to_skip, to_show; /* rows; to_show -1: all */
    size_t *map; /* of the plan's columns that are in files, to those of the file that is read */
    /* Of that file, in the order of plan.shown. */
    struct shale_column *columns;
    struct constant *constants;
    size_t *scanned;    /* columns of the file that the scan reads */
    int64_t **rescaled; /* timestamps that have another unit in the file */
    size_t n_scanned;
};

static enum shale_status make_plan(struct cat *cat, const struct shale_schema *columns,
                                   struct shale_err *err)
{
    struct cat_plan *plan = &cat->plan;
    enum shale_status status = cat_plan_make(plan, &cat->files, columns, cat->options, err);
    struct shale_column_def *defs;
    if (status != SHALE_OK)
        return status;
    cat->planned = true;
    defs = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *defs);
    cat->columns = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->columns);
    cat->constants = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->constants);
    cat->scanned = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->scanned);
    cat->rescaled = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->rescaled);
    cat->map = shale_arena_zeroed(&plan->arena, plan->n_in_file + 1, sizeof *cat->map);
    if (defs == NULL || cat->columns == NULL || cat->constants == NULL || cat->scanned == NULL ||
        cat->rescaled == NULL || cat->map == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < plan->n_shown; i++)
        defs[i] = plan->columns.columns[plan->shown[i]];
    if (cat_output_new(cat->format, defs, plan->n_shown, &cat->output) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return SHALE_OK;
}

/* Can the file's rows meet what is asked of its folders? */
static enum shale_status folders_fit(const struct cat *cat, const struct cat_file *file, bool *fit)
{
    const struct cat_plan *plan = &cat->plan;
    enum shale_status status = SHALE_OK;
    *fit = true;
    for (size_t i = 0; i < plan->n_where && *fit && status == SHALE_OK; i++) {
        const struct shale_scan_condition *condition = &plan->where[i];
        if (condition->column >= plan->n_in_file)
            status = cat_plan_allows(plan, condition,
                                     file->partitions[plan->partition_of[condition->column]], fit);
    }
    return status;
}

/* Is column 'column' of the plan read from the file? */
static bool is_read(const struct cat *cat, size_t column)
{
    return column < cat->plan.n_in_file && cat->map[column] != CAT_NO_COLUMN;
}

static int64_t rescale(int64_t value, int64_t from, int64_t to)
{
    int64_t whole = from > to ? from / to : to / from, result;
    if (from > to) /* to the past, as a timestamp is cut */
        return value / whole - (value % whole < 0);
    return SHALE_MUL(value, whole, &result) ? result : value < 0 ? INT64_MIN : INT64_MAX;
}

/* A timestamp's column in the unit of the plan. */
static struct shale_column in_unit(const struct cat *cat, size_t shown,
                                   const struct shale_column *column,
                                   const struct shale_schema *file)
{
    size_t number = cat->plan.shown[shown];
    const struct shale_type *type = &cat->plan.columns.columns[number].type;
    const struct shale_type *in_file = &file->columns[cat->map[number]].type;
    struct shale_column out = *column;
    if (cat->rescaled[shown] == NULL)
        return out;
    for (int64_t i = 0; i < column->n_rows; i++)
        cat->rescaled[shown][i] =
            rescale(((const int64_t *)column->data)[i], shale_unit_per_second(in_file->unit),
                    shale_unit_per_second(type->unit));
    out.data = cat->rescaled[shown];
    return out;
}

/* Rows of one batch of the scan. */
static enum shale_status show_rows(struct cat *cat, const struct shale_rows *rows,
                                   const struct shale_schema *file, struct shale_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < cat->plan.n_shown; i++)
        cat->columns[i] = is_read(cat, cat->plan.shown[i])
                              ? in_unit(cat, i, &rows->columns[at++], file)
                              : cat->constants[i].column;
    for (int64_t row = 0; row < rows->n_rows && cat->to_show != 0 && !cat->closed; row++) {
        enum shale_status status;
        if (rows->selected != NULL && !shale_bit(rows->selected, row))
            continue;
        if (cat->to_skip > 0) {
            cat->to_skip--;
            continue;
        }
        status = cat_output_row(cat->output, cat->columns, row, &cat->closed, err);
        if (status != SHALE_OK)
            return status;
        cat->to_show -= cat->to_show > 0;
    }
    return SHALE_OK;
}

/* The conditions as the file has their columns.  False: no row can meet them. */
static bool set_where(const struct cat *cat, const struct shale_schema *file,
                      struct shale_scan_condition *where, int64_t *numbers, size_t *n)
{
    const struct cat_plan *plan = &cat->plan;
    *n = 0;
    for (size_t i = 0; i < plan->n_where; i++) {
        struct shale_scan_condition condition = plan->where[i];
        const struct shale_type *type = &plan->columns.columns[condition.column].type, *in_file;
        if (condition.column >= plan->n_in_file)
            continue;
        if (!is_read(cat, condition.column)) { /* it is null in every row */
            if (!condition.is_null)
                return false;
            continue;
        }
        condition.column = cat->map[condition.column];
        in_file = &file->columns[condition.column].type;
        if (!condition.is_null && type->kind == SHALE_TIMESTAMP && type->unit != in_file->unit) {
            int64_t from = shale_unit_per_second(type->unit), value;
            int64_t to = shale_unit_per_second(in_file->unit);
            memcpy(&value, condition.value.data, sizeof value);
            numbers[*n] = rescale(value, from, to);
            if (rescale(numbers[*n], to, from) != value)
                return false;
            condition.value = (struct shale_str){(const char *)&numbers[*n], sizeof value};
        }
        where[(*n)++] = condition;
    }
    return true;
}

static enum shale_status scan_file(struct cat *cat, const struct shale_reader *reader,
                                   struct shale_err *err)
{
    const struct cat_plan *plan = &cat->plan;
    const struct shale_file *file = shale_reader_file(reader);
    struct shale_scan_condition *where =
        shale_mem_zeroed(&shale_mem_libc, plan->n_where + 1, sizeof *where);
    int64_t *numbers = shale_mem_zeroed(&shale_mem_libc, plan->n_where + 1, sizeof *numbers);
    struct shale_scan_options options = {.columns = cat->scanned,
                                         .n_columns = cat->n_scanned,
                                         .where = where,
                                         .batch_rows = BATCH_ROWS};
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows;
    enum shale_status status = SHALE_OK;
    if (where == NULL || numbers == NULL) {
        status = SHALE_ERR(err, no_memory);
        goto done;
    }
    if (!set_where(cat, &file->schema, where, numbers, &options.n_where))
        goto done;
    if (options.n_where == 0 && cat->to_skip >= file->n_rows) {
        cat->to_skip -= file->n_rows;
        goto done;
    }
    status = shale_scan_new(reader, &options, &scan, err);
    if (status == SHALE_OK && options.n_where == 0 && cat->to_skip > 0) {
        status = shale_scan_skip(scan, cat->to_skip, err);
        cat->to_skip = 0;
    }
    while (status == SHALE_OK && cat->to_show != 0 && !cat->closed) {
        if (cat->terminal->env.cancelled(cat->terminal->env.ctx)) {
            status = SHALE_ERR(err, interrupted);
            break;
        }
        status = shale_scan_next(scan, &rows, err);
        if (status != SHALE_OK || rows == NULL)
            break;
        status = show_rows(cat, rows, &file->schema, err);
    }
done:
    shale_scan_free(scan);
    shale_mem_free(&shale_mem_libc, where);
    shale_mem_free(&shale_mem_libc, numbers);
    return status;
}

/* What the scan reads of the file, and what stands for the other columns. */
static enum shale_status set_columns(struct cat *cat, const struct cat_file *file,
                                     const struct shale_schema *schema, struct shale_err *err)
{
    const struct cat_plan *plan = &cat->plan;
    enum shale_status status = SHALE_OK;
    cat->n_scanned = 0;
    for (size_t i = 0; i < plan->n_shown && status == SHALE_OK; i++) {
        size_t column = plan->shown[i];
        const struct shale_column_def *def = &plan->columns.columns[column];
        if (column >= plan->n_in_file) {
            status = constant_of(&cat->constants[i], def,
                                 file->partitions[plan->partition_of[column]], err);
        } else if (!is_read(cat, column)) {
            status = constant_of(&cat->constants[i], def, (struct shale_str){NULL, 0}, err);
        } else {
            const struct shale_type *in_file = &schema->columns[cat->map[column]].type;
            cat->scanned[cat->n_scanned++] = cat->map[column];
            if (def->type.kind != SHALE_TIMESTAMP || def->type.unit == in_file->unit)
                continue;
            cat->rescaled[i] = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS, sizeof(int64_t));
            if (cat->rescaled[i] == NULL)
                status = SHALE_ERR(err, no_memory);
        }
    }
    return status;
}

static enum shale_status find_columns(struct cat *cat, const struct shale_schema *schema,
                                      struct shale_err *err)
{
    enum shale_status status;
    if (cat->files.table != NULL)
        return cat_plan_map(&cat->plan, schema, cat->map, err);
    status = cat->planned ? cat_plan_check(&cat->plan, schema, cat->files.files[0].path, err)
                          : make_plan(cat, schema, err);
    for (size_t i = 0; i < cat->plan.n_in_file && status == SHALE_OK; i++)
        cat->map[i] = i;
    return status;
}

static enum shale_status show_reader(struct cat *cat, const struct cat_file *file,
                                     const struct shale_reader *reader, struct shale_err *err)
{
    const struct shale_schema *schema = &shale_reader_file(reader)->schema;
    bool fit = false;
    enum shale_status status = find_columns(cat, schema, err);
    if (status != SHALE_OK)
        return status;
    if (folders_fit(cat, file, &fit) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    if (!fit)
        return SHALE_OK;
    status = set_columns(cat, file, schema, err);
    if (status == SHALE_OK)
        status = scan_file(cat, reader, err);
    for (size_t i = 0; i < cat->plan.n_shown; i++) {
        constant_fini(&cat->constants[i]);
        shale_mem_free(&shale_mem_libc, cat->rescaled[i]);
        cat->rescaled[i] = NULL;
    }
    return status;
}

static enum shale_status show_file(struct cat *cat, const struct cat_file *file,
                                   struct shale_err *err)
{
    const struct shale_reader_options options = {
        .memory_bytes =
            cat->options->memory_bytes != 0 ? (size_t)cat->options->memory_bytes : DEFAULT_MEMORY};
    struct shale_local local;
    struct shale_reader *reader = NULL;
    enum shale_status status = shale_local_open(&local, file->path, err);
    if (status != SHALE_OK)
        return status;
    status = shale_reader_open(&shale_mem_libc, &local.random, &options, &reader, err);
    if (status == SHALE_OK)
        status = show_reader(cat, file, reader, err);
    if (status == SHALE_OK && !cat->closed)
        status = shale_local_check(&local, err);
    shale_reader_free(reader);
    shale_local_close(&local);
    if (status != SHALE_OK && status != SHALE_USAGE)
        shale_err_at(err, file->path, -1, -1);
    return status;
}

static enum shale_status find_files(struct cat *cat, struct shale_err *err)
{
    const char *root = cat->options->names[0];
    enum shale_status status;
    if (cat->options->n_names != 1 || !cat_is_table(root))
        return cat_files_find(&cat->files, cat->options->names, cat->options->n_names, err);
    status = cat_table_open(&cat->files, cat->terminal, root, err);
    if (status == SHALE_OK)
        status = make_plan(cat, &cat->files.table->columns, err);
    return status == SHALE_OK ? cat_table_list(&cat->files, &cat->plan, root, err) : status;
}

/* Of files that are no table the first is opened whatever is asked for: it says what columns there
 * are. */
static enum shale_status show_all(struct cat *cat, struct shale_err *err)
{
    enum shale_status status = find_files(cat, err);
    for (size_t i = 0; i < cat->files.n_files && status == SHALE_OK; i++) {
        if (cat->closed || (i > 0 && cat->to_show == 0))
            break;
        status = show_file(cat, &cat->files.files[i], err);
        if (status == SHALE_USAGE && i > 0)
            shale_err_at(err, cat->files.files[i].path, -1, -1);
    }
    if (cat->output != NULL && !cat->closed) {
        struct shale_err *where = status == SHALE_OK ? err : NULL; /* the first failure counts */
        enum shale_status finished = cat_output_finish(cat->output, &cat->closed, where);
        status = status == SHALE_OK ? finished : status;
    }
    return status;
}

static enum shale_status cat_with(struct terminal *terminal, const struct options *options,
                                  struct shale_err *err)
{
    struct cat cat = {.terminal = terminal,
                      .options = options,
                      .to_skip = options->offset > 0 ? options->offset : 0,
                      .to_show = options->limit};
    enum shale_status status = cat_choose_format(options->format, &cat.format, err);
    if (status != SHALE_OK)
        return status;
    if (options->n_names == 0)
        return SHALE_ERR(err, names_missing, "cat", "a file or directory");
    cat_files_init(&cat.files);
    cat_plan_init(&cat.plan);
    status = show_all(&cat, err);
    cat_output_free(cat.output);
    cat_plan_fini(&cat.plan);
    cat_files_fini(&cat.files);
    return status;
}

int command_cat(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"format", "columns", "where", "limit",
                                          "offset", "memory",  NULL};
    struct options options;
    struct shale_err err;
    int code = 2;
    shale_err_clear(&err);
    if (options_parse(terminal, "cat", allowed, argc, argv, &options)) {
        enum shale_status status = cat_with(terminal, &options, &err);
        if (status != SHALE_OK)
            terminal_error(terminal, &err);
        code = shale_status_exit_code(status);
    }
    options_free(&options);
    return code;
}
