/* SPDX-License-Identifier: MIT */
/* Two ledgers side by side, then two sets of rows. */
#include "dataset/verify_deep.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/hash.h"
#include "base/printable.h"
#include "columns/json_rows.h"
#include "dataset/commit.h"

enum { SHOWN_BYTES = 200, DEFAULT_MEMORY_BYTES = 256 << 20, MOST_ROW_BYTES = INT32_MAX };

struct deep {
    struct shale_store *table, *fresh;
    struct shale_base table_base, fresh_base;
    const struct shale_env *env;
    size_t memory_bytes;
    struct shale_findings *findings;
    struct shale_verified_deep *out;
    struct shale_err *err;
};

/* ---- Objects ----------------------------------------------------------------------------------
 */

struct counts {
    int64_t read, written, rejected, filtered;
    enum shale_ledger_state state;
    char hash[SHALE_HASH_BYTES + 1];
};

static struct counts counts_of(const struct shale_ledger_row *row)
{
    struct counts counts = {.read = row->read,
                            .written = row->written,
                            .rejected = row->rejected,
                            .filtered = row->filtered,
                            .state = row->state};
    (void)snprintf(
        counts.hash, sizeof counts.hash, "%.*s",
        (int)(row->hash.n_bytes > SHALE_HASH_BYTES ? SHALE_HASH_BYTES : row->hash.n_bytes),
        row->hash.data);
    return counts;
}

static void found(struct deep *deep, const struct shale_err *err, struct shale_str key)
{
    char name[SHALE_ERR_OBJECT_BYTES];
    shale_findings_put(deep->findings, err, shale_printable(key, name, sizeof name), -1,
                       SHALE_STR(""), false);
}

/* The same object under the same tag: its bytes, and what became of its events. */
static void compare_counts(struct deep *deep, struct shale_str key, const struct counts *table,
                           const struct counts *fresh)
{
    struct shale_err err;
    shale_err_clear(&err);
    if (strcmp(table->hash, fresh->hash) != 0 && table->hash[0] != '\0' && fresh->hash[0] != '\0') {
        (void)SHALE_ERR(&err, verify_deep_hash, table->hash, fresh->hash);
        found(deep, &err, key);
    }
    if (table->read == fresh->read && table->written == fresh->written &&
        table->rejected == fresh->rejected && table->filtered == fresh->filtered &&
        table->state == fresh->state)
        return;
    (void)SHALE_ERR(&err, verify_deep_counts, (long long)table->read, (long long)table->written,
                    (long long)table->rejected, (long long)table->filtered, (long long)fresh->read,
                    (long long)fresh->written, (long long)fresh->rejected,
                    (long long)fresh->filtered);
    found(deep, &err, key);
}

/* A new object where the past is sealed is not listed before the next full plan. */
static void look_at_seal(struct deep *deep, const struct shale_ledger_row *fresh)
{
    const struct shale_manifest *manifest = &deep->table_base.manifest;
    struct shale_err err;
    for (size_t i = 0; i < manifest->n_seals; i++) {
        const struct shale_seal *seal = &manifest->seals[i];
        if (!shale_str_equal(seal->source, fresh->source) ||
            shale_str_compare(fresh->key, seal->key) > 0)
            continue;
        shale_err_clear(&err);
        (void)SHALE_ERR(&err, verify_deep_sealed);
        found(deep, &err, fresh->key);
    }
}

/* Take the table's rows up to and with the key of 'fresh' (NULL: all that are left). */
static enum shale_status take_key(struct deep *deep, struct shale_ledger_cursor *cursor,
                                  const struct shale_ledger_row **row,
                                  const struct shale_ledger_row *fresh)
{
    struct counts same = {.read = -1};
    bool other_definition = false;
    int64_t n_tags = 0;
    while (*row != NULL) {
        int order = fresh == NULL ? -1 : shale_str_compare((*row)->key, fresh->key);
        enum shale_status status;
        if (order > 0)
            break;
        n_tags += order == 0;
        if (order < 0) {
            deep->out->n_gone++;
        } else if (shale_str_equal((*row)->tag, fresh->tag)) {
            same = counts_of(*row);
            other_definition = !shale_str_equal((*row)->definition, fresh->definition);
        }
        status = shale_ledger_cursor_next(cursor, row, deep->err);
        if (status != SHALE_OK)
            return status;
    }
    if (fresh == NULL)
        return SHALE_OK;
    if (n_tags == 0) {
        deep->out->n_new++;
        look_at_seal(deep, fresh);
    } else if (n_tags > 1 || same.read < 0) {
        deep->out->n_changed++;
    } else {
        struct counts counts = counts_of(fresh);
        deep->out->n_compared++;
        deep->out->n_definition += other_definition;
        if (!other_definition)
            compare_counts(deep, fresh->key, &same, &counts);
    }
    return SHALE_OK;
}

static enum shale_status merge(struct deep *deep, struct shale_ledger_cursor *table,
                               struct shale_ledger_cursor *fresh)
{
    const struct shale_ledger_row *a = NULL, *b = NULL;
    enum shale_status status = shale_ledger_cursor_next(table, &a, deep->err);
    while (status == SHALE_OK) {
        status = shale_ledger_cursor_next(fresh, &b, deep->err);
        if (status == SHALE_OK)
            status = take_key(deep, table, &a, b);
        if (status == SHALE_OK && deep->env->cancelled(deep->env->ctx))
            status = SHALE_ERR(deep->err, interrupted);
        if (b == NULL)
            break;
    }
    return status;
}

static enum shale_status compare_ledgers(struct deep *deep)
{
    const struct shale_manifest *all = &deep->table_base.manifest;
    const struct shale_manifest *again = &deep->fresh_base.manifest;
    struct shale_str source = again->n_ledger > 0 ? again->ledger[0].first_source : SHALE_STR("");
    const struct shale_ledger_cursor_options of_table = {
        .segments = all->ledger, .n_segments = all->n_ledger, .source = source};
    const struct shale_ledger_cursor_options of_fresh = {
        .segments = again->ledger, .n_segments = again->n_ledger, .source = source};
    struct shale_ledger_cursor *table = NULL, *fresh = NULL;
    enum shale_status status = shale_ledger_cursor_new(deep->table, &of_table, &table, deep->err);
    if (status == SHALE_OK)
        status = shale_ledger_cursor_new(deep->fresh, &of_fresh, &fresh, deep->err);
    if (status == SHALE_OK)
        status = merge(deep, table, fresh);
    shale_ledger_cursor_free(table);
    shale_ledger_cursor_free(fresh);
    return status;
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* Rows regardless of their order: the sum of their hashes. */
struct row_set {
    int64_t n;
    uint64_t sum;
};

struct row_reader {
    struct deep *deep;
    struct shale_store *store;
    const struct shale_log_state *log; /* of the table that is read */
    const struct shale_column_def
        *defs; /* of the columns in files, of the table that is verified */
    size_t n_defs;
    struct row_set set;
    bool differs; /* a file has other columns: its rows cannot be compared */
};

static uint64_t hash_partition(const struct shale_log_add *add)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < add->n_partition_values; i++) {
        const struct shale_log_partition_value *value = &add->partition_values[i];
        uint64_t seed = shale_hash(value->name.data, value->name.n_bytes, value->is_null);
        sum += shale_hash(value->value.data, value->is_null ? 0 : value->value.n_bytes, seed);
    }
    return sum;
}

static bool map_columns(const struct row_reader *rows, const struct shale_schema *file,
                        size_t *columns)
{
    for (size_t i = 0; i < rows->n_defs; i++) {
        size_t k = 0;
        while (k < file->n_columns && !shale_str_equal(file->columns[k].name, rows->defs[i].name))
            k++;
        if (k == file->n_columns)
            return false;
        columns[i] = k;
    }
    return rows->n_defs == file->n_columns;
}

static enum shale_status hash_scan(struct row_reader *rows, struct shale_scan *scan,
                                   struct shale_json_rows *json, uint64_t seed,
                                   struct shale_err *err)
{
    const struct shale_mem *mem = rows->deep->env->mem;
    struct shale_buf text;
    enum shale_status status = SHALE_OK;
    shale_buf_init(&text, mem, MOST_ROW_BYTES);
    while (status == SHALE_OK) {
        const struct shale_rows *batch;
        status = shale_scan_next(scan, &batch, err);
        if (status != SHALE_OK || batch == NULL)
            break;
        for (int64_t i = 0; i < batch->n_rows && status == SHALE_OK; i++) {
            shale_buf_reset(&text);
            status = shale_json_rows_append(json, batch->columns, i, &text);
            rows->set.sum += shale_hash(text.data, text.n_bytes, seed);
            rows->set.n++;
        }
        if (status != SHALE_OK)
            status = SHALE_ERR(err, no_memory);
        else if (rows->deep->env->cancelled(rows->deep->env->ctx))
            status = SHALE_ERR(err, interrupted);
    }
    shale_buf_fini(&text);
    return status;
}

static enum shale_status hash_reader(struct row_reader *rows, const struct shale_reader *reader,
                                     uint64_t seed, struct shale_err *err)
{
    const struct shale_mem *mem = rows->deep->env->mem;
    size_t *columns = shale_mem_zeroed(mem, rows->n_defs + 1, sizeof *columns);
    struct shale_scan_options options = {.columns = columns, .n_columns = rows->n_defs};
    struct shale_json_rows json;
    struct shale_scan *scan = NULL;
    enum shale_status status = SHALE_OK;
    if (columns == NULL)
        return SHALE_ERR(err, no_memory);
    if (!map_columns(rows, &shale_reader_file(reader)->schema, columns)) {
        rows->differs = true;
        shale_mem_free(mem, columns);
        return SHALE_OK;
    }
    status = shale_json_rows_init(&json, mem, rows->defs, rows->n_defs);
    if (status != SHALE_OK)
        status = SHALE_ERR(err, no_memory);
    if (status == SHALE_OK)
        status = shale_scan_new(reader, &options, &scan, err);
    if (status == SHALE_OK)
        status = hash_scan(rows, scan, &json, seed, err);
    shale_scan_free(scan);
    shale_json_rows_fini(&json);
    shale_mem_free(mem, columns);
    return status;
}

static enum shale_status hash_file(struct row_reader *rows, const struct shale_log_add *add,
                                   struct shale_err *err)
{
    const struct shale_reader_options options = {.memory_bytes = rows->deep->memory_bytes};
    char path[SHALE_KEY_BYTES + 1];
    struct shale_store_file *file = NULL;
    struct shale_reader *reader = NULL;
    enum shale_status status;
    if (add->path.n_bytes > SHALE_KEY_BYTES)
        return SHALE_ERR(err, verify_path);
    (void)snprintf(path, sizeof path, "%.*s", (int)add->path.n_bytes, add->path.data);
    status = shale_store_open(rows->store, path, &file, err);
    if (status == SHALE_OK)
        status = shale_reader_open(rows->deep->env->mem, &file->random, &options, &reader, err);
    if (status == SHALE_OK)
        status = hash_reader(rows, reader, hash_partition(add), err);
    shale_reader_free(reader);
    shale_store_close(file);
    shale_err_at(err, path, -1, -1);
    return status;
}

static enum shale_status hash_table(struct row_reader *rows, struct shale_err *err)
{
    struct shale_log_files *files = NULL;
    const struct shale_log_add *add;
    enum shale_status status = shale_log_files_new(rows->store, rows->log, &files, err);
    while (status == SHALE_OK && !rows->differs) {
        status = shale_log_files_next(files, &add, err);
        if (status != SHALE_OK || add == NULL)
            break;
        status = hash_file(rows, add, err);
    }
    shale_log_files_free(files);
    return status;
}

static enum shale_status columns_in_files(const struct shale_log_state *log,
                                          const struct shale_mem *mem,
                                          struct shale_column_def **out, size_t *n)
{
    struct shale_column_def *defs = shale_mem_zeroed(mem, log->schema.n_columns + 1, sizeof *defs);
    if (defs == NULL)
        return SHALE_NOMEM;
    *n = 0;
    for (size_t i = 0; i < log->schema.n_columns; i++)
        if (!log->schema.columns[i].partition_only)
            defs[(*n)++] = log->schema.columns[i];
    *out = defs;
    return SHALE_OK;
}

static enum shale_status compare_rows(struct deep *deep)
{
    const struct shale_mem *mem = deep->env->mem;
    struct shale_column_def *defs = NULL;
    struct row_reader table = {.deep = deep, .store = deep->table, .log = deep->table_base.log};
    struct row_reader fresh = {.deep = deep, .store = deep->fresh, .log = deep->fresh_base.log};
    struct shale_err err;
    enum shale_status status = columns_in_files(table.log, mem, &defs, &table.n_defs);
    if (status != SHALE_OK)
        return SHALE_ERR(deep->err, no_memory);
    table.defs = fresh.defs = defs;
    fresh.n_defs = table.n_defs;
    shale_err_clear(&err);
    status = hash_table(&table, &err);
    if (status == SHALE_OK && !table.differs)
        status = hash_table(&fresh, &err);
    shale_mem_free(mem, defs);
    if (status == SHALE_OK && !table.differs && !fresh.differs) {
        deep->out->rows_compared = true;
        deep->out->n_rows = table.set.n;
        if (table.set.n != fresh.set.n || table.set.sum != fresh.set.sum) {
            (void)SHALE_ERR(&err, verify_deep_rows, (long long)table.set.n, (long long)fresh.set.n);
            shale_findings_put(deep->findings, &err, NULL, -1, SHALE_STR(""), false);
        }
    }
    if (status == SHALE_CORRUPT) { /* named by shale_verify_table() */
        return SHALE_OK;
    }
    if (status != SHALE_OK && deep->err != NULL)
        *deep->err = err;
    return status;
}

/* ---- Both -------------------------------------------------------------------------------------
 */

enum shale_status shale_verify_deep(struct shale_store *table, struct shale_store *fresh,
                                    const struct shale_verify_options *options,
                                    struct shale_findings *findings,
                                    struct shale_verified_deep *out, struct shale_err *err)
{
    size_t memory = options->memory_bytes > 0 ? options->memory_bytes : DEFAULT_MEMORY_BYTES;
    struct deep deep = {.table = table,
                        .fresh = fresh,
                        .env = table->env,
                        .memory_bytes = memory / 2,
                        .findings = findings,
                        .out = out,
                        .err = err};
    const struct shale_mem *mem = table->env->mem;
    struct shale_log_state *log = NULL;
    enum shale_status status;
    *out = (struct shale_verified_deep){0};
    status = shale_log_read(fresh, NULL, &log, err);
    if (status != SHALE_OK)
        return status;
    status = shale_base_read(table, log->stream, &deep.table_base, err);
    if (status == SHALE_OK) {
        status = shale_base_read(fresh, log->stream, &deep.fresh_base, err);
        if (status == SHALE_OK) {
            status = compare_ledgers(&deep);
            if (status == SHALE_OK && out->n_gone + out->n_changed + out->n_new == 0 &&
                out->n_definition == 0)
                status = compare_rows(&deep);
            shale_base_fini(&deep.fresh_base, mem);
        }
        shale_base_fini(&deep.table_base, mem);
    }
    shale_log_state_free(mem, log);
    return status;
}
