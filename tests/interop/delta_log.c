/* SPDX-License-Identifier: MIT */
/* Drives the table log from outside, for tests/interop/delta_log.py:
 *
 *     delta_log dump DIR            the state and the files of the table, JSON lines
 *     delta_log checkpoint DIR      write the checkpoint of its newest version
 *     delta_log rewrite DIR OUT N   a table in OUT by entries of ours: its metadata, then its
 * files, N an entry
 *
 * Exit 1 and "NAME: MESSAGE" on stderr where the library refuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/log.h"
#include "json/writer.h"

enum { MOST_ADDS = 100000, TEXT_BYTES = 1 << 30 };

static int64_t clock_us(void *ctx)
{
    (void)ctx;
    return INT64_C(1767225600000000);
}

static uint64_t count(void *ctx)
{
    uint64_t *next = ctx;
    return ++*next;
}

static uint64_t next_number;
static const struct shale_env env = {.mem = &shale_mem_libc,
                                     .monotonic_us = clock_us,
                                     .wall_us = clock_us,
                                     .random_u64 = count,
                                     .ctx = &next_number};

static void require(enum shale_status status, const struct shale_err *err)
{
    char text[2048];
    if (status == SHALE_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", shale_error_name(err->code),
                  shale_err_text(err, text, sizeof text));
    exit(1);
}

static void put_text(struct shale_json_writer *json, const char *name, struct shale_str text)
{
    shale_json_put_name(json, name);
    shale_json_put_string(json, text);
}

static void put_number(struct shale_json_writer *json, const char *name, int64_t value)
{
    shale_json_put_name(json, name);
    shale_json_put_i64(json, value);
}

static void print_line(struct shale_buf *line)
{
    (void)printf("%.*s\n", (int)line->n_bytes, line->data);
    shale_buf_reset(line);
}

static void print_state(const struct shale_log_state *state, struct shale_buf *line)
{
    struct shale_json_writer json;
    shale_json_writer_init(&json, line);
    shale_json_put_begin(&json, '{');
    put_number(&json, "version", state->version);
    put_number(&json, "checkpoint", state->checkpoint_version);
    put_number(&json, "checkpoint_parts", state->checkpoint_parts);
    put_number(&json, "tail_actions", state->tail_actions);
    put_text(&json, "id", state->table_id);
    put_text(&json, "refusal", state->refusal);
    shale_json_put_name(&json, "columns");
    shale_json_put_begin(&json, '[');
    for (size_t i = 0; i < state->schema.n_columns; i++)
        shale_json_put_string(&json, state->schema.columns[i].name);
    shale_json_put_end(&json, ']');
    shale_json_put_name(&json, "partition_columns");
    shale_json_put_begin(&json, '[');
    for (size_t i = 0; i < state->n_partition_columns; i++)
        shale_json_put_string(&json, state->partition_columns[i]);
    shale_json_put_end(&json, ']');
    shale_json_put_name(&json, "txns");
    shale_json_put_begin(&json, '{');
    for (size_t i = 0; i < state->n_txns; i++) {
        shale_json_put_key(&json, state->txns[i].app_id);
        shale_json_put_i64(&json, state->txns[i].version);
    }
    shale_json_put_end(&json, '}');
    shale_json_put_end(&json, '}');
    print_line(line);
}

static void print_add(const struct shale_log_add *add, struct shale_buf *line)
{
    struct shale_json_writer json;
    shale_json_writer_init(&json, line);
    shale_json_put_begin(&json, '{');
    put_text(&json, "path", add->path);
    put_number(&json, "size", add->n_bytes);
    put_number(&json, "rows", add->n_rows);
    shale_json_put_name(&json, "partition");
    shale_json_put_begin(&json, '{');
    for (size_t i = 0; i < add->n_partition_values; i++) {
        shale_json_put_key(&json, add->partition_values[i].name);
        if (add->partition_values[i].is_null)
            shale_json_put_null(&json);
        else
            shale_json_put_string(&json, add->partition_values[i].value);
    }
    shale_json_put_end(&json, '}');
    shale_json_put_end(&json, '}');
    print_line(line);
}

static struct shale_log_state *read_state(struct shale_store *store)
{
    struct shale_log_state *state;
    struct shale_err err;
    shale_err_clear(&err);
    require(shale_log_read(store, NULL, &state, &err), &err);
    return state;
}

static void dump(struct shale_store *store)
{
    struct shale_log_state *state = read_state(store);
    const struct shale_log_add *add;
    struct shale_log_files *files;
    struct shale_buf line;
    struct shale_err err;
    shale_err_clear(&err);
    shale_buf_init(&line, &shale_mem_libc, TEXT_BYTES);
    print_state(state, &line);
    require(shale_log_files_new(store, state, &files, &err), &err);
    for (;;) {
        require(shale_log_files_next(files, &add, &err), &err);
        if (add == NULL)
            break;
        print_add(add, &line);
    }
    shale_log_files_free(files);
    shale_buf_fini(&line);
    shale_log_state_free(&shale_mem_libc, state);
}

static void checkpoint(struct shale_store *store)
{
    struct shale_log_state *state = read_state(store);
    struct shale_err err;
    shale_err_clear(&err);
    require(shale_log_checkpoint(store, state, &err), &err);
    shale_log_state_free(&shale_mem_libc, state);
}

static void write_entry(struct shale_store *out, int64_t version,
                        const struct shale_log_entry *entry)
{
    char name[SHALE_LOG_NAME_BYTES];
    struct shale_buf json;
    struct shale_err err;
    shale_err_clear(&err);
    shale_buf_init(&json, &shale_mem_libc, TEXT_BYTES);
    if (shale_log_entry_json(entry, &json) != SHALE_OK)
        exit(2);
    shale_log_entry_name(version, name);
    require(shale_store_put_absent(out, name, shale_buf_str(&json), &err), &err);
    shale_buf_fini(&json);
}

static const struct shale_log_info info = {
    .operation = {"WRITE", 5}, .is_blind_append = true, .timestamp_ms = INT64_C(1767225600000)};

/* The add, without what its log had of it, for as long as the program runs. */
static void keep_add(const struct shale_log_add *add, struct shale_arena *arena,
                     struct shale_log_add *out)
{
    struct shale_log_partition_value *values =
        shale_arena_zeroed(arena, add->n_partition_values + 1, sizeof *values);
    if (values == NULL)
        exit(2);
    *out = *add;
    out->url = SHALE_STR("");
    out->n_tags = 0;
    out->path.data = shale_arena_copy(arena, add->path);
    out->stats.data = shale_arena_copy(arena, add->stats);
    for (size_t i = 0; i < add->n_partition_values; i++) {
        values[i] = add->partition_values[i];
        values[i].name.data = shale_arena_copy(arena, values[i].name);
        values[i].value.data = shale_arena_copy(arena, values[i].value);
    }
    out->partition_values = values;
}

static void rewrite(struct shale_store *store, struct shale_store *out, size_t n_each)
{
    static struct shale_log_add adds[MOST_ADDS];
    struct shale_log_state *state = read_state(store);
    struct shale_log_entry entry = {.has_protocol = true,
                                    .has_metadata = true,
                                    .table_id = state->table_id,
                                    .schema = &state->schema,
                                    .base = state,
                                    .partition_columns = state->partition_columns,
                                    .n_partition_columns = state->n_partition_columns,
                                    .configuration = state->configuration,
                                    .n_configuration = state->n_configuration,
                                    .created_ms = state->created_ms,
                                    .manifest_id = 7,
                                    .info = info};
    const struct shale_log_add *add;
    struct shale_log_files *files;
    struct shale_arena arena;
    struct shale_err err;
    size_t n = 0;
    int64_t version = 0;
    shale_err_clear(&err);
    shale_arena_init(&arena, &shale_mem_libc, TEXT_BYTES);
    require(shale_log_files_new(store, state, &files, &err), &err);
    for (;;) {
        require(shale_log_files_next(files, &add, &err), &err);
        if (add == NULL || n == MOST_ADDS)
            break;
        keep_add(add, &arena, &adds[n++]);
    }
    shale_log_files_free(files);
    write_entry(out, version++, &entry);
    for (size_t i = 0; i < n; i += n_each) {
        const struct shale_log_entry more = {.manifest_id = 8 + version,
                                             .created_ms = -1,
                                             .adds = &adds[i],
                                             .n_adds = n - i < n_each ? n - i : n_each,
                                             .info = info};
        write_entry(out, version++, &more);
    }
    shale_arena_fini(&arena);
    shale_log_state_free(&shale_mem_libc, state);
}

int main(int argc, char **argv)
{
    struct shale_store *store, *out;
    struct shale_err err;
    if (argc < 3)
        return 2;
    shale_err_clear(&err);
    require(shale_store_local(&env, argv[2], &store, &err), &err);
    if (strcmp(argv[1], "dump") == 0)
        dump(store);
    else if (strcmp(argv[1], "checkpoint") == 0)
        checkpoint(store);
    else if (strcmp(argv[1], "rewrite") == 0 && argc == 5) {
        require(shale_store_local(&env, argv[3], &out, &err), &err);
        rewrite(store, out, strtoul(argv[4], NULL, 10));
        shale_store_free(out);
    }
    shale_store_free(store);
    return 0;
}
