/* SPDX-License-Identifier: MIT */
/* 'shale cat': what its files share. */
#ifndef SHALE_CLI_CAT_H
#define SHALE_CLI_CAT_H

#include "base/arena.h"
#include "cli/cli.h"
#include "dataset/log.h"
#include "parquet/reader.h"

/* ---- Which files ------------------------------------------------------------------------------
 */

struct cat_file {
    const char *path;
    const struct shale_str *partitions; /* the values of the folders, one a partition */
};

struct cat_files {
    struct shale_arena arena; /* holds all of it */
    struct cat_file *files;
    size_t n_files;
    /* Columns that stand in the names of folders ("year=2024"): int64 when all values are whole
     * numbers, otherwise strings.  Of a table: as its schema has them. */
    struct shale_column_def *partitions;
    size_t n_partitions;
    struct cat_table *table; /* NULL: it is none */
};

void cat_files_init(struct cat_files *files);
void cat_files_fini(struct cat_files *files);

/* Files as they are named; of a directory all *.parquet below it, in byte order, without those with
 * a part that begins with '.' or '_'. */
SHALE_MUST_USE enum shale_status cat_files_find(struct cat_files *files, const char *const *names,
                                                size_t n_names, struct shale_err *err);

SHALE_MUST_USE enum shale_status cat_files_add(struct cat_files *files, const char *path,
                                               const struct shale_str *partitions,
                                               struct shale_err *err);

/* Is the value of a partition null (NULL data)? */
#define CAT_NULL_PARTITION "__HIVE_DEFAULT_PARTITION__"

/* ---- What is wanted of them -------------------------------------------------------------------
 */

/* Columns of the first file, then the partitions that are in no file. */
struct cat_plan {
    struct shale_arena arena;
    struct shale_schema columns; /* all that there are */
    size_t n_in_file;            /* of these in the files */
    size_t *partition_of;        /* of each column behind them: its number in cat_files */
    size_t *shown;               /* columns to be shown, in order */
    size_t n_shown;
    struct shale_scan_condition *where; /* 'column' as in 'columns' */
    size_t n_where;
    struct shale_buf values; /* of the conditions */
};

void cat_plan_init(struct cat_plan *plan);
void cat_plan_fini(struct cat_plan *plan);

/* 'first' is the first file's schema; it is copied. */
SHALE_MUST_USE enum shale_status cat_plan_make(struct cat_plan *plan, const struct cat_files *files,
                                               const struct shale_schema *first,
                                               const struct options *options,
                                               struct shale_err *err);

/* Can a row with this partition's value ('data' NULL: null) meet the condition? */
SHALE_MUST_USE enum shale_status cat_plan_allows(const struct cat_plan *plan,
                                                 const struct shale_scan_condition *condition,
                                                 struct shale_str value, bool *allows);

/* Has a file the columns of the first ('name' is the first's)? */
SHALE_MUST_USE enum shale_status cat_plan_check(const struct cat_plan *plan,
                                                const struct shale_schema *schema, const char *name,
                                                struct shale_err *err);

/* Where a table's columns are in one of its files: 'map[i]' is the number in 'schema' of the plan's
 * column i, or CAT_NO_COLUMN. */
#define CAT_NO_COLUMN SIZE_MAX
SHALE_MUST_USE enum shale_status cat_plan_map(const struct cat_plan *plan,
                                              const struct shale_schema *schema, size_t *map,
                                              struct shale_err *err);

/* ---- Tables -----------------------------------------------------------------------------------
 */

struct cat_table {
    struct shale_store *store;
    struct shale_log_state *log;
    struct shale_schema columns; /* those that are in its files */
};

/* Is it a table's directory? */
bool cat_is_table(const char *path);

/* Read what the table at 'root' is, and which columns it has: files->table, files->partitions. */
SHALE_MUST_USE enum shale_status cat_table_open(struct cat_files *files,
                                                const struct terminal *terminal, const char *root,
                                                struct shale_err *err);
/* Its files in the order of their partitions and paths, but for those that can have no row that
 * meets the plan's conditions, by what the log says of them. */
SHALE_MUST_USE enum shale_status cat_table_list(struct cat_files *files,
                                                const struct cat_plan *plan, const char *root,
                                                struct shale_err *err);
void cat_table_close(struct cat_files *files);

/* ---- How they are shown -----------------------------------------------------------------------
 */

struct cat_output;

enum cat_format { CAT_TABLE, CAT_NDJSON, CAT_CSV };

/* 'name' is what --format says, NULL nothing: a table on a terminal, NDJSON otherwise. */
SHALE_MUST_USE enum shale_status cat_choose_format(const char *name, enum cat_format *out,
                                                   struct shale_err *err);

SHALE_MUST_USE enum shale_status cat_output_new(enum cat_format format,
                                                const struct shale_column_def *defs, size_t n,
                                                struct cat_output **out);
void cat_output_free(struct cat_output *output);

/* Show one row; '*closed' is set when nobody reads any more. */
SHALE_MUST_USE enum shale_status cat_output_row(struct cat_output *output,
                                                const struct shale_column *columns, int64_t row,
                                                bool *closed, struct shale_err *err);
/* The end of a table, and what waits. */
SHALE_MUST_USE enum shale_status cat_output_finish(struct cat_output *output, bool *closed,
                                                   struct shale_err *err);

#endif
