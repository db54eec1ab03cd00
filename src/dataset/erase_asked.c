/* SPDX-License-Identifier: MIT */
/* What expire and erase are asked: conditions against columns, rows and rejects. */
#include "dataset/erase_parts.h"

enum shale_status shale_erase_filter(void *ctx, const struct shale_rewrite_rows *rows, bool *keep,
                                     struct shale_err *err)
{
    const struct shale_erase_asked *asked = ctx;
    return shale_erasures_rows(asked->erasures, rows->add, rows->columns, rows->missing,
                               rows->n_rows, keep) == SHALE_OK
               ? SHALE_OK
               : SHALE_ERR(err, no_memory);
}

static bool is_time(const struct shale_type *type)
{
    return type->kind == SHALE_DATE || type->kind == SHALE_TIMESTAMP;
}

static bool is_partition(const struct shale_log_state *log, struct shale_str name)
{
    for (size_t i = 0; i < log->n_partition_columns; i++)
        if (shale_str_equal(log->partition_columns[i], name))
            return true;
    return false;
}

/* The time by which the table is partitioned: as its definition says; without one a partition of
 * such a type, or what year, month, day or hour can only be of: the one column of such a type.  Of
 * a file that one. */
static struct shale_str time_column(const struct shale_log_state *log,
                                    const struct shale_stream *stream)
{
    static const char *const parts[] = {"year", "month", "day", "hour"};
    struct shale_str found = {NULL, 0};
    size_t n_found = 0;
    bool has_part = false;
    for (size_t i = 0; stream != NULL && i < stream->n_partitions; i++)
        if (is_time(&stream->fields[stream->partitions[i].field].type))
            return stream->fields[stream->partitions[i].field].name;
    for (size_t i = 0; i < log->schema.n_columns; i++) {
        const struct shale_column_def *column = &log->schema.columns[i];
        if (!is_time(&column->type))
            continue;
        if (is_partition(log, column->name))
            return column->name;
        found = column->name;
        n_found++;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        has_part = has_part || is_partition(log, shale_str_of(parts[i]));
    return (has_part || log->version < 0) && n_found == 1 ? found : (struct shale_str){NULL, 0};
}

/* It names a column that is there. */
static enum shale_status check_column(const struct shale_log_state *log,
                                      const struct shale_stream *stream,
                                      struct shale_erasure *condition, struct shale_err *err)
{
    const struct shale_schema *schema = &log->schema;
    if (condition->column.n_bytes == 0)
        condition->column = time_column(log, stream);
    if (condition->column.n_bytes == 0)
        return SHALE_ERR(err, expire_column);
    for (size_t i = 0; i < schema->n_columns; i++)
        if (shale_str_equal(schema->columns[i].name, condition->column))
            return SHALE_OK;
    return SHALE_ERR(err, erasure_column, SHALE_STR_ARG(condition->column));
}

static enum shale_status name_columns(const struct shale_log_state *log, struct shale_arena *arena,
                                      struct shale_erase_asked *asked, struct shale_err *err)
{
    const size_t *columns = shale_erasures_columns(asked->erasures, &asked->n_columns);
    asked->columns = shale_arena_zeroed(arena, asked->n_columns + 1, sizeof *asked->columns);
    if (asked->columns == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < asked->n_columns; i++)
        asked->columns[i] = log->schema.columns[columns[i]].name;
    return SHALE_OK;
}

enum shale_status shale_erase_ask(const struct shale_mem *mem,
                                  const struct shale_erase_options *options,
                                  const struct shale_log_state *log, bool has_rejects,
                                  struct shale_arena *arena, struct shale_erase_asked *out,
                                  struct shale_err *err)
{
    size_t n = options->n_conditions;
    enum shale_status status = SHALE_OK;
    out->conditions = shale_arena_zeroed(arena, n + 1, sizeof *out->conditions);
    if (out->conditions == NULL)
        return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        out->conditions[i] = options->conditions[i];
        out->conditions[i].joined = i > 0;
        status = check_column(log, options->stream, &out->conditions[i], err);
    }
    if (status == SHALE_OK)
        status = shale_erasures_of_table(mem, out->conditions, n, log, &out->erasures, err);
    if (status == SHALE_OK)
        status = name_columns(log, arena, out, err);
    if (status == SHALE_OK && has_rejects)
        status = shale_erasure_rejects_new(mem, out->conditions, n, log, options->stream,
                                           &out->rejects, err);
    return status;
}

void shale_erase_asked_free(struct shale_erase_asked *asked)
{
    shale_erasure_rejects_free(asked->rejects);
    shale_erasures_free(asked->erasures);
    *asked = (struct shale_erase_asked){0};
}
