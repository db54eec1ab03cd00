/* SPDX-License-Identifier: MIT */
/* 'shale cat': the rows of Parquet files as text. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/cat.h"
#include "json/number.h"
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
}

static enum shale_status constant_init(struct constant *constant, const struct shale_type *type,
                                       struct shale_str value)
{
    bool is_text = type->kind == SHALE_STRING;
    size_t width = is_text ? value.n_bytes : sizeof(int64_t);
    int64_t number = 0;
    const void *bytes = is_text ? (const void *)value.data : &number;
    *constant = (struct constant){0};
    constant->data = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS, width + 1);
    constant->offsets = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS + 1, sizeof(int32_t));
    constant->validity = shale_mem_zeroed(&shale_mem_libc, BATCH_ROWS / 8, 1);
    if (constant->data == NULL || constant->offsets == NULL || constant->validity == NULL)
        return SHALE_NOMEM;
    constant->column = (struct shale_column){.n_rows = BATCH_ROWS,
                                             .data = constant->data,
                                             .offsets = is_text ? constant->offsets : NULL};
    if (value.data == NULL) {
        constant->column.n_nulls = BATCH_ROWS;
        constant->column.validity = constant->validity;
        return SHALE_OK;
    }
    if (!is_text)
        (void)shale_number_i64(value, &number); /* seen to be good when the files were found */
    for (size_t i = 0; i < BATCH_ROWS && width > 0; i++) {
        memcpy((char *)constant->data + i * width, bytes, width);
        constant->offsets[i + 1] = (int32_t)((i + 1) * width);
    }
    return SHALE_OK;
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
    /* Of the file that is read, in the order of plan.shown. */
    struct shale_column *columns;
    struct constant *constants;
    size_t *scanned; /* columns of the file that the scan reads */
    size_t n_scanned;
};

static enum shale_status plan_by_first(struct cat *cat, const struct shale_file *file,
                                       struct shale_err *err)
{
    struct cat_plan *plan = &cat->plan;
    enum shale_status status = cat_plan_make(plan, &cat->files, &file->schema, cat->options, err);
    struct shale_column_def *defs;
    if (status != SHALE_OK)
        return status;
    cat->planned = true;
    defs = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *defs);
    cat->columns = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->columns);
    cat->constants = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->constants);
    cat->scanned = shale_arena_zeroed(&plan->arena, plan->n_shown + 1, sizeof *cat->scanned);
    if (defs == NULL || cat->columns == NULL || cat->constants == NULL || cat->scanned == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < plan->n_shown; i++) {
        defs[i] = plan->columns.columns[plan->shown[i]];
        if (plan->shown[i] < plan->n_in_file)
            cat->scanned[cat->n_scanned++] = plan->shown[i];
    }
    if (cat_output_new(cat->format, defs, plan->n_shown, &cat->output) != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    return SHALE_OK;
}

/* Can the file's rows meet what is asked of its folders? */
static bool folders_fit(const struct cat *cat, const struct cat_file *file)
{
    const struct cat_plan *plan = &cat->plan;
    for (size_t i = 0; i < plan->n_where; i++) {
        const struct shale_scan_condition *condition = &plan->where[i];
        struct shale_str value;
        int64_t number = 0;
        if (condition->column < plan->n_in_file)
            continue;
        value = file->partitions[plan->partition_of[condition->column]];
        if (condition->is_null != (value.data == NULL))
            return false;
        if (condition->is_null)
            continue;
        if (plan->columns.columns[condition->column].type.kind == SHALE_INT64) {
            (void)shale_number_i64(value, &number);
            value = (struct shale_str){(const char *)&number, sizeof number};
        }
        if (!shale_str_equal(value, condition->value))
            return false;
    }
    return true;
}

/* Rows of one batch of the scan. */
static enum shale_status show_rows(struct cat *cat, const struct shale_rows *rows,
                                   struct shale_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < cat->plan.n_shown; i++)
        cat->columns[i] = cat->plan.shown[i] < cat->plan.n_in_file ? rows->columns[at++]
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

static enum shale_status scan_file(struct cat *cat, const struct shale_reader *reader,
                                   struct shale_err *err)
{
    const struct cat_plan *plan = &cat->plan;
    const struct shale_file *file = shale_reader_file(reader);
    struct shale_scan_condition *where =
        shale_mem_zeroed(&shale_mem_libc, plan->n_where + 1, sizeof *where);
    struct shale_scan_options options = {.columns = cat->scanned,
                                         .n_columns = cat->n_scanned,
                                         .where = where,
                                         .batch_rows = BATCH_ROWS};
    struct shale_scan *scan = NULL;
    const struct shale_rows *rows;
    enum shale_status status = SHALE_OK;
    if (where == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < plan->n_where; i++)
        if (plan->where[i].column < plan->n_in_file)
            where[options.n_where++] = plan->where[i];
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
        status = show_rows(cat, rows, err);
    }
done:
    shale_scan_free(scan);
    shale_mem_free(&shale_mem_libc, where);
    return status;
}

static enum shale_status show_reader(struct cat *cat, const struct cat_file *file,
                                     const struct shale_reader *reader, struct shale_err *err)
{
    struct cat_plan *plan = &cat->plan;
    const struct shale_file *meta = shale_reader_file(reader);
    enum shale_status status =
        cat->planned ? cat_plan_check(plan, &meta->schema, cat->files.files[0].path, err)
                     : plan_by_first(cat, meta, err);
    if (status != SHALE_OK || !folders_fit(cat, file))
        return status;
    for (size_t i = 0; i < plan->n_shown && status == SHALE_OK; i++)
        if (plan->shown[i] >= plan->n_in_file &&
            constant_init(&cat->constants[i], &plan->columns.columns[plan->shown[i]].type,
                          file->partitions[plan->partition_of[plan->shown[i]]]) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = scan_file(cat, reader, err);
    for (size_t i = 0; i < plan->n_shown; i++) {
        constant_fini(&cat->constants[i]);
        cat->constants[i] = (struct constant){0};
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

/* The first file is opened whatever is asked for: it says what columns there are. */
static enum shale_status show_all(struct cat *cat, struct shale_err *err)
{
    enum shale_status status =
        cat_files_find(&cat->files, cat->options->names, cat->options->n_names, err);
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

static enum shale_status choose_format(const char *name, enum cat_format *out,
                                       struct shale_err *err)
{
    if (name == NULL)
        *out = isatty(STDOUT_FILENO) == 1 ? CAT_TABLE : CAT_NDJSON;
    else if (strcmp(name, "table") == 0)
        *out = CAT_TABLE;
    else if (strcmp(name, "ndjson") == 0)
        *out = CAT_NDJSON;
    else if (strcmp(name, "csv") == 0)
        *out = CAT_CSV;
    else
        return SHALE_ERR(err, cat_format, name);
    return SHALE_OK;
}

static enum shale_status cat_with(struct terminal *terminal, const struct options *options,
                                  struct shale_err *err)
{
    struct cat cat = {.terminal = terminal,
                      .options = options,
                      .to_skip = options->offset > 0 ? options->offset : 0,
                      .to_show = options->limit};
    enum shale_status status = choose_format(options->format, &cat.format, err);
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
