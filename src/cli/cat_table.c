/* SPDX-License-Identifier: MIT */
/* 'shale cat TABLE': the files that its log names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cat.h"
#include "dataset/stats_read.h"
#include "json/number.h"

bool cat_is_table(const char *path)
{
    char name[4200];
    struct stat info;
    int n = snprintf(name, sizeof name, "%s/_delta_log", path);
    return n > 0 && (size_t)n < sizeof name && stat(name, &info) == 0 && S_ISDIR(info.st_mode);
}

/* ---- What it is -------------------------------------------------------------------------------
 */

static size_t partition_of(const struct shale_log_state *log, struct shale_str name)
{
    size_t i = 0;
    while (i < log->n_partition_columns && !shale_str_equal(log->partition_columns[i], name))
        i++;
    return i;
}

/* The columns in its files, and its partitions, which are in none. */
static enum shale_status split_columns(struct cat_files *files)
{
    struct cat_table *table = files->table;
    const struct shale_schema *all = &table->log->schema;
    size_t n_partitions = table->log->n_partition_columns, n = 0;
    struct shale_column_def *columns =
        shale_arena_zeroed(&files->arena, all->n_columns + 1, sizeof *columns);
    files->partitions =
        shale_arena_zeroed(&files->arena, n_partitions + 1, sizeof *files->partitions);
    if (columns == NULL || files->partitions == NULL)
        return SHALE_NOMEM;
    files->n_partitions = n_partitions;
    for (size_t i = 0; i < n_partitions; i++) /* should the schema lack one: a text */
        files->partitions[i].name = table->log->partition_columns[i];
    for (size_t i = 0; i < all->n_columns; i++) {
        size_t partition = partition_of(table->log, all->columns[i].name);
        struct shale_column_def *to =
            partition < n_partitions ? &files->partitions[partition] : &columns[n++];
        *to = all->columns[i];
        to->partition_only = false;
    }
    table->columns = (struct shale_schema){columns, n};
    return SHALE_OK;
}

enum shale_status cat_table_open(struct cat_files *files, const struct terminal *terminal,
                                 const char *root, struct shale_err *err)
{
    struct cat_table *table = shale_arena_zeroed(&files->arena, 1, sizeof *table);
    enum shale_status status;
    if (table == NULL)
        return SHALE_ERR(err, no_memory);
    files->table = table;
    status = shale_store_local(&terminal->env, root, &table->store, err);
    if (status == SHALE_OK)
        status = shale_log_read(table->store, NULL, &table->log, err);
    if (status != SHALE_OK)
        return status;
    if (table->log->version < 0)
        return SHALE_ERR(err, verify_no_table, root);
    return split_columns(files) == SHALE_OK ? SHALE_OK : SHALE_ERR(err, no_memory);
}

void cat_table_close(struct cat_files *files)
{
    if (files->table == NULL)
        return;
    shale_log_state_free(&shale_mem_libc, files->table->log);
    shale_store_free(files->table->store);
    files->table = NULL;
}

/* ---- Its files --------------------------------------------------------------------------------
 */

/* NULL data: null.  An empty text is null where it is no text (PROTOCOL.md, Partition Value
 * Serialization). */
static struct shale_str value_of(const struct shale_log_add *add,
                                 const struct shale_column_def *partition)
{
    for (size_t i = 0; i < add->n_partition_values; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        if (!shale_str_equal(value->name, partition->name))
            continue;
        if (value->is_null || (value->value.n_bytes == 0 && partition->type.kind != SHALE_STRING))
            break;
        return value->value.data == NULL ? SHALE_STR("") : value->value;
    }
    return (struct shale_str){NULL, 0};
}

/* Can the file have rows that meet all conditions? */
static enum shale_status may_hold(const struct cat_files *files, const struct cat_plan *plan,
                                  const struct shale_log_add *add, bool *may)
{
    enum shale_status status = SHALE_OK;
    *may = true;
    for (size_t i = 0; i < plan->n_where && *may && status == SHALE_OK; i++) {
        const struct shale_scan_condition *condition = &plan->where[i];
        if (condition->column >= plan->n_in_file)
            status = cat_plan_allows(
                plan, condition,
                value_of(add, &files->partitions[plan->partition_of[condition->column]]), may);
        else if (add->stats.n_bytes > 0)
            status = shale_stats_may_hold(&shale_mem_libc, add->stats, add->n_rows,
                                          &plan->columns.columns[condition->column],
                                          condition->is_null, condition->value, may);
    }
    return status;
}

static enum shale_status add_file(struct cat_files *files, const char *root,
                                  const struct shale_log_add *add, struct shale_err *err)
{
    size_t n_root = strlen(root);
    char *path = shale_arena_zeroed(&files->arena, n_root + add->path.n_bytes + 2, 1);
    struct shale_str *values =
        shale_arena_zeroed(&files->arena, files->n_partitions + 1, sizeof *values);
    if (path == NULL || values == NULL)
        return SHALE_ERR(err, no_memory);
    memcpy(path, root, n_root);
    if (n_root > 0 && root[n_root - 1] != '/')
        path[n_root++] = '/';
    memcpy(path + n_root, add->path.data, add->path.n_bytes);
    for (size_t i = 0; i < files->n_partitions; i++) {
        values[i] = value_of(add, &files->partitions[i]);
        if (values[i].data == NULL)
            continue;
        values[i].data = shale_arena_copy(&files->arena, values[i]);
        if (values[i].data == NULL)
            return SHALE_ERR(err, no_memory);
    }
    return cat_files_add(files, path, values, err);
}

/* Numbers by their value, others by their bytes, nulls last; then by path. */
static int compare_files(const void *a, const void *b, void *ctx)
{
    const struct cat_files *files = ctx;
    const struct cat_file *x = a, *y = b;
    for (size_t i = 0; i < files->n_partitions; i++) {
        struct shale_str v = x->partitions[i], w = y->partitions[i];
        int64_t m, n;
        int order;
        if (v.data == NULL || w.data == NULL) {
            order = (v.data == NULL) - (w.data == NULL);
        } else if (files->partitions[i].type.kind != SHALE_STRING && shale_number_valid(v) &&
                   shale_number_valid(w) && shale_number_i64(v, &m) == SHALE_NUMBER_OK &&
                   shale_number_i64(w, &n) == SHALE_NUMBER_OK) {
            order = (m > n) - (m < n);
        } else {
            order = shale_str_compare(v, w);
        }
        if (order != 0)
            return order;
    }
    return strcmp(x->path, y->path);
}

enum shale_status cat_table_list(struct cat_files *files, const struct cat_plan *plan,
                                 const char *root, struct shale_err *err)
{
    struct shale_log_files *list = NULL;
    const struct shale_log_add *add;
    enum shale_status status =
        shale_log_files_new(files->table->store, files->table->log, &list, err);
    while (status == SHALE_OK) {
        bool may = true;
        status = shale_log_files_next(list, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        if (may_hold(files, plan, add, &may) != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        else if (may)
            status = add_file(files, root, add, err);
    }
    shale_log_files_free(list);
    if (status == SHALE_OK && files->n_files > 1)
        qsort_r(files->files, files->n_files, sizeof *files->files, compare_files, files);
    return status;
}
