/* SPDX-License-Identifier: MIT */
/* 'shale inspect TABLE': what a table's log and its ledger say of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/inspect.h"
#include "dataset/ledger.h"
#include "dataset/log.h"
#include "json/quote.h"
#include "schema/type_text.h"

enum { MOST_OUT_BYTES = 256 << 20, TYPE_BYTES = 200 };

struct table {
    const char *path;
    struct shale_store *store;
    struct shale_log_state *log;
    struct shale_arena arena; /* of 'manifest' */
    struct shale_manifest manifest;
    bool has_manifest;
    int64_t n_files, n_bytes, n_rows;
    int64_t n_uncounted; /* files that do not say their rows */
    struct shale_segment sums;
    int64_t n_rejects;
    struct shale_buf out;
};

/* ---- Reading ----------------------------------------------------------------------------------
 */

static enum shale_status count_files(struct table *table, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(table->store, table->log, &files, err);
    while (status == SHALE_OK) {
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        table->n_files++;
        table->n_uncounted += add->n_rows < 0;
        (void)SHALE_ADD(table->n_bytes, add->n_bytes, &table->n_bytes);
        if (add->n_rows > 0)
            (void)SHALE_ADD(table->n_rows, add->n_rows, &table->n_rows);
    }
    shale_log_files_free(files);
    return status;
}

static void sum_segments(struct table *table)
{
    for (size_t i = 0; i < table->manifest.n_ledger; i++) {
        const struct shale_segment *segment = &table->manifest.ledger[i];
        struct shale_segment *sums = &table->sums;
        (void)SHALE_ADD(sums->n_rows, segment->n_rows, &sums->n_rows);
        (void)SHALE_ADD(sums->n_bytes, segment->n_bytes, &sums->n_bytes);
        (void)SHALE_ADD(sums->read, segment->read, &sums->read);
        (void)SHALE_ADD(sums->written, segment->written, &sums->written);
        (void)SHALE_ADD(sums->rejected, segment->rejected, &sums->rejected);
        (void)SHALE_ADD(sums->filtered, segment->filtered, &sums->filtered);
        (void)SHALE_ADD(sums->duplicates, segment->duplicates, &sums->duplicates);
    }
    for (size_t i = 0; i < table->manifest.n_rejects; i++)
        (void)SHALE_ADD(table->n_rejects, table->manifest.rejects[i].n_rows, &table->n_rejects);
}

static enum shale_status read_table(struct table *table, struct shale_err *err)
{
    enum shale_status status = shale_log_read(table->store, NULL, &table->log, err);
    if (status != SHALE_OK)
        return status;
    if (table->log->version < 0)
        return SHALE_ERR(err, verify_no_table, table->path);
    status = count_files(table, err);
    if (status != SHALE_OK || table->log->manifest_id < 0)
        return status;
    status = shale_manifest_read(table->store, &table->arena, table->log->manifest_id,
                                 &table->manifest, err);
    if (status != SHALE_OK)
        return status;
    table->has_manifest = true;
    sum_segments(table);
    return SHALE_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

/* The first failure counts. */
static void then(enum shale_status *status, enum shale_status next)
{
    if (*status == SHALE_OK)
        *status = next;
}

static enum shale_status put_member(struct shale_buf *out, const char *before, const char *name,
                                    struct shale_str text)
{
    enum shale_status status = shale_buf_printf(out, "%s\"%s\":", before, name);
    then(&status, shale_json_quote(text, out));
    return status;
}

static enum shale_status json_schema(const struct table *table, struct shale_buf *out)
{
    const struct shale_log_state *log = table->log;
    enum shale_status status = shale_buf_printf(out, ",\"schema\":[");
    for (size_t i = 0; i < log->schema.n_columns; i++) {
        char type[TYPE_BYTES];
        then(&status, put_member(out, i == 0 ? "{" : ",{", "name", log->schema.columns[i].name));
        (void)shale_type_text(&log->schema.columns[i].type, type, sizeof type);
        then(&status, put_member(out, ",", "type", shale_str_of(type)));
        then(&status, shale_buf_append_byte(out, '}'));
    }
    then(&status, shale_buf_printf(out, "],\"partition_columns\":["));
    for (size_t i = 0; i < log->n_partition_columns; i++) {
        then(&status, shale_buf_printf(out, "%s", i == 0 ? "" : ","));
        then(&status, shale_json_quote(log->partition_columns[i], out));
    }
    then(&status, shale_buf_printf(out, "],\"configuration\":{"));
    for (size_t i = 0; i < log->n_configuration; i++) {
        then(&status, shale_buf_printf(out, "%s", i == 0 ? "" : ","));
        then(&status, shale_json_quote(log->configuration[i].key, out));
        then(&status, shale_buf_append_byte(out, ':'));
        then(&status, shale_json_quote(log->configuration[i].value, out));
    }
    then(&status, shale_buf_append_byte(out, '}'));
    return status;
}

static enum shale_status json_ledger(const struct table *table, struct shale_buf *out)
{
    const struct shale_manifest *manifest = &table->manifest;
    const struct shale_segment *sums = &table->sums;
    return shale_buf_printf(
        out,
        ",\"ledger\":{\"manifest\":%" PRId64 ",\"parent\":%" PRId64 ",\"segments\":%zu"
        ",\"bytes\":%" PRId64 ",\"objects\":%" PRId64 ",\"read\":%" PRId64 ",\"written\":%" PRId64
        ",\"rejected\":%" PRId64 ",\"filtered\":%" PRId64 ",\"duplicates\":%" PRId64
        "},\"rejects\":{\"segments\":%zu,\"rows\":%" PRId64 "}",
        manifest->id, manifest->parent, manifest->n_ledger, sums->n_bytes, sums->n_rows, sums->read,
        sums->written, sums->rejected, sums->filtered, sums->duplicates, manifest->n_rejects,
        table->n_rejects);
}

static enum shale_status put_json(struct table *table)
{
    const struct shale_log_state *log = table->log;
    struct shale_buf *out = &table->out;
    enum shale_status status = put_member(out, "{", "table", shale_str_of(table->path));
    then(&status, shale_buf_printf(out, ",\"version\":%" PRId64, log->version));
    then(&status, put_member(out, ",", "id", log->table_id));
    if (log->stream.n_bytes > 0)
        then(&status, put_member(out, ",", "stream", log->stream));
    then(&status, shale_buf_printf(out, ",\"protocol\":{\"reader\":%d,\"writer\":%d}",
                                   (int)log->reader_version, (int)log->writer_version));
    if (log->refusal.n_bytes > 0)
        then(&status, put_member(out, ",", "refused", log->refusal));
    then(&status,
         shale_buf_printf(out,
                          ",\"files\":%" PRId64 ",\"rows\":%" PRId64 ",\"bytes\":%" PRId64
                          ",\"files_without_rows\":%" PRId64 ",\"checkpoint\":%" PRId64
                          ",\"entries_behind_it\":%" PRId64,
                          table->n_files, table->n_rows, table->n_bytes, table->n_uncounted,
                          log->checkpoint_version, log->version - log->checkpoint_version));
    then(&status, json_schema(table, out));
    if (table->has_manifest)
        then(&status, json_ledger(table, out));
    then(&status, shale_buf_printf(out, "}\n"));
    return status;
}

/* ---- Text -------------------------------------------------------------------------------------
 */

static void put_text_head(const struct table *table, struct grid *grid)
{
    const struct shale_log_state *log = table->log;
    char bytes[32];
    grid_cell(grid, SHALE_STR("table"));
    grid_cell(grid, shale_str_of(table->path));
    if (log->stream.n_bytes > 0) {
        grid_cell(grid, SHALE_STR("stream"));
        grid_cell(grid, log->stream);
    }
    grid_cell(grid, SHALE_STR("version"));
    if (log->checkpoint_version >= 0)
        grid_printf(grid, "%" PRId64 ", checkpoint %" PRId64, log->version,
                    log->checkpoint_version);
    else
        grid_printf(grid, "%" PRId64 ", no checkpoint", log->version);
    grid_cell(grid, SHALE_STR("protocol"));
    grid_printf(grid, "reader %d, writer %d", (int)log->reader_version, (int)log->writer_version);
    if (log->refusal.n_bytes > 0) {
        grid_cell(grid, SHALE_STR("appending"));
        grid_cell(grid, log->refusal);
    }
    grid_cell(grid, SHALE_STR("files"));
    grid_printf(grid, "%" PRId64 ", %s", table->n_files,
                human_bytes(table->n_bytes, bytes, sizeof bytes));
    grid_cell(grid, SHALE_STR("rows"));
    if (table->n_uncounted > 0)
        grid_printf(grid, "%" PRId64 ", and those of %" PRId64 " files that do not say it",
                    table->n_rows, table->n_uncounted);
    else
        grid_printf(grid, "%" PRId64, table->n_rows);
}

static void put_text_ledger(const struct table *table, struct grid *grid)
{
    const struct shale_segment *sums = &table->sums;
    grid_cell(grid, SHALE_STR("ledger"));
    grid_printf(grid, "%" PRId64 " objects in %zu segments, manifest %" PRId64, sums->n_rows,
                table->manifest.n_ledger, table->manifest.id);
    grid_cell(grid, SHALE_STR("events"));
    grid_printf(grid,
                "%" PRId64 " read: %" PRId64 " written, %" PRId64 " rejected, %" PRId64
                " filtered, %" PRId64 " duplicates",
                sums->read, sums->written, sums->rejected, sums->filtered, sums->duplicates);
    grid_cell(grid, SHALE_STR("rejects"));
    grid_printf(grid, "%" PRId64 " in %zu segments", table->n_rejects, table->manifest.n_rejects);
}

static enum shale_status put_columns(struct table *table, struct grid *grid, size_t width)
{
    const struct shale_log_state *log = table->log;
    enum shale_status status = shale_buf_printf(&table->out, "\nschema\n");
    for (size_t i = 0; i < log->schema.n_columns; i++) {
        char type[TYPE_BYTES];
        grid_cell(grid, log->schema.columns[i].name);
        (void)shale_type_text(&log->schema.columns[i].type, type, sizeof type);
        grid_printf(grid, "%s%s", type,
                    log->schema.columns[i].partition_only ? "   partition" : "");
    }
    then(&status, grid_print(grid, 2, width, &table->out));
    if (log->n_configuration == 0)
        return status;
    then(&status, shale_buf_printf(&table->out, "\nproperties\n"));
    for (size_t i = 0; i < log->n_configuration; i++) {
        grid_cell(grid, log->configuration[i].key);
        grid_cell(grid, log->configuration[i].value);
    }
    then(&status, grid_print(grid, 2, width, &table->out));
    return status;
}

static enum shale_status put_text(struct table *table, size_t width)
{
    static const struct grid_column columns[] = {{.title = NULL}, {.elastic = true}};
    struct grid grid;
    enum shale_status status;
    grid_init(&grid, &shale_mem_libc, columns, 2);
    put_text_head(table, &grid);
    if (table->has_manifest)
        put_text_ledger(table, &grid);
    status = grid_print(&grid, 0, width, &table->out);
    then(&status, put_columns(table, &grid, width));
    grid_fini(&grid);
    return status;
}

enum shale_status inspect_table(const struct terminal *terminal, const char *path, bool json,
                                struct shale_err *err)
{
    struct table table = {.path = path};
    enum shale_status status = shale_store_local(&terminal->env, path, &table.store, err);
    if (status != SHALE_OK)
        return status;
    shale_arena_init(&table.arena, &shale_mem_libc, MOST_OUT_BYTES);
    shale_buf_init(&table.out, &shale_mem_libc, MOST_OUT_BYTES);
    status = read_table(&table, err);
    if (status == SHALE_OK) {
        status = json ? put_json(&table) : put_text(&table, terminal_width());
        if (status != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
    }
    if (status == SHALE_OK &&
        fwrite(table.out.data, 1, table.out.n_bytes, stdout) != table.out.n_bytes)
        status = SHALE_ERR(err, stdout_failed, strerror(errno));
    shale_buf_fini(&table.out);
    shale_arena_fini(&table.arena);
    shale_log_state_free(&shale_mem_libc, table.log);
    shale_store_free(table.store);
    return status;
}
