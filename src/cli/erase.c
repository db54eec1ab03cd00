/* SPDX-License-Identifier: MIT */
/* 'shale expire' and 'shale erase': rows that go for good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "dataset/erase.h"
#include "schema/definition.h"

static void print_report(const struct options *options, const struct shale_erased *erased,
                         bool is_file, enum shale_status status)
{
    struct json_report out;
    json_report_begin(&out, options->dry_run, status);
    shale_json_put_number(&out.json, "rows", erased->n_rows);
    shale_json_put_number(&out.json, "rejects", erased->n_rejects);
    shale_json_put_number(&out.json, is_file ? "row_groups_removed" : "files_removed",
                          erased->n_removed);
    shale_json_put_number(&out.json, is_file ? "row_groups_added" : "files_added", erased->n_added);
    json_report_version(&out.json, "commit", erased->version);
    shale_json_put_number(&out.json, "built_again", erased->n_built_again);
    json_report_end(&out);
}

static void say_done(struct terminal *terminal, const struct options *options,
                     const struct shale_erased *erased, bool is_file)
{
    if (options->dry_run)
        shale_log_say(&terminal->log, SHALE_LOG_INFO, "would_go", "%lld rows and %lld rejects",
                      (long long)erased->n_rows, (long long)erased->n_rejects);
    else if (is_file)
        shale_log_say(
            &terminal->log, SHALE_LOG_INFO, "done",
            "%lld rows are gone with the old file; the bytes of %lld rejects are gone after "
            "'shale compact %s --sweep', when the retention is over",
            (long long)erased->n_rows, (long long)erased->n_rejects, options->names[0]);
    else
        shale_log_say(
            &terminal->log, SHALE_LOG_INFO, "done",
            "%lld rows and %lld rejects are out of it; their bytes are gone after "
            "'shale compact %s --sweep', when the retention is over and it says \"kept\":0 "
            "(files that a killed compaction left may hold them: --alone takes these)",
            (long long)erased->n_rows, (long long)erased->n_rejects, options->names[0]);
}

/* "COLUMN=VALUE" */
static enum shale_status split(const char *text, struct shale_erasure *out, struct shale_err *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return SHALE_ERR(err, cat_where, text);
    out->column = (struct shale_str){text, (size_t)(equals - text)};
    out->value = shale_str_of(equals + 1);
    return SHALE_OK;
}

static enum shale_status set_conditions(const struct options *options, bool expires,
                                        struct shale_erasure *conditions, size_t *n,
                                        struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (options->n_names != 1)
        return SHALE_ERR(err, names_missing, expires ? "expire" : "erase", "one table");
    if (expires && options->before == NULL)
        return SHALE_ERR(err, names_missing, "expire", "--before D");
    if (!expires && options->n_where == 0)
        return SHALE_ERR(err, names_missing, "erase", "--where COLUMN=VALUE");
    if (expires) {
        conditions[0].column = shale_str_of(options->column != NULL ? options->column : "");
        conditions[0].value = shale_str_of(options->before);
        conditions[0].is_before = true;
        *n = 1;
        return SHALE_OK;
    }
    for (size_t i = 0; i < options->n_where && status == SHALE_OK; i++)
        status = split(options->where[i], &conditions[i], err);
    *n = options->n_where;
    return status;
}

static enum shale_status work(struct terminal *terminal, const struct options *options,
                              const struct shale_stream *stream,
                              const struct shale_erasure *conditions, size_t n,
                              struct shale_erased *out, bool *is_file, struct shale_err *err)
{
    char parent[TEMPORARY_BYTES];
    const struct shale_erase_options erase_options = {
        .conditions = conditions,
        .n_conditions = n,
        .stream = stream,
        .chunk = {.codec = stream != NULL ? stream->compression : SHALE_CODEC_ZSTD,
                  .level = stream != NULL ? stream->compression_level : 0,
                  .modern = stream != NULL && stream->modern},
        .memory_bytes = (size_t)options->memory_bytes / 2,
        .temporary = temporary_directory(options, options->names[0], &terminal->env, parent),
        .created_by = "shale version " SHALE_VERSION " (build " SHALE_BUILD ")",
        .dry_run = options->dry_run};
    struct shale_store *store;
    char directory[TEMPORARY_BYTES];
    const char *key;
    enum shale_status status;
    *is_file = checkpoint_at(options->names[0], directory, &key);
    status =
        shale_store_local(&terminal->env, *is_file ? directory : options->names[0], &store, err);
    if (status != SHALE_OK)
        return status;
    status = *is_file ? shale_erase_single(store, key, &erase_options, out, err)
                      : shale_erase(store, &erase_options, out, err);
    shale_store_free(store);
    return status;
}

static int run(struct terminal *terminal, const struct options *options, bool expires)
{
    struct shale_erasure *conditions = calloc(options->n_where + 1, sizeof *conditions);
    struct shale_stream *stream = NULL;
    struct shale_erased erased = {.version = -1};
    struct shale_err err;
    enum shale_status status;
    size_t n = 0;
    bool is_file = false;
    shale_err_clear(&err);
    if (conditions == NULL)
        status = SHALE_ERR(&err, no_memory);
    else
        status = set_conditions(options, expires, conditions, &n, &err);
    if (status == SHALE_OK && !options_stream(terminal, options, &stream, &status)) {
        free(conditions);
        return shale_status_exit_code(status);
    }
    if (status == SHALE_OK) {
        status = work(terminal, options, stream, conditions, n, &erased, &is_file, &err);
        if (status != SHALE_USAGE)
            print_report(options, &erased, is_file, status);
    }
    if (status == SHALE_OK)
        say_done(terminal, options, &erased, is_file);
    else
        terminal_error(terminal, &err);
    shale_stream_free(stream);
    free(conditions);
    return shale_status_exit_code(status);
}

static int command(struct terminal *terminal, const char *name, const char *const *allowed,
                   bool expires, int argc, char **argv)
{
    struct options options;
    int code = 2;
    if (options_parse(terminal, name, allowed, argc, argv, &options))
        code = run(terminal, &options, expires);
    options_free(&options);
    return code;
}

int command_expire(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"before", "column", "stream", "dry-run",
                                          "memory", "temp",   NULL};
    return command(terminal, "expire", allowed, true, argc, argv);
}

int command_erase(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"where", "stream", "dry-run", "memory", "temp", NULL};
    return command(terminal, "erase", allowed, false, argc, argv);
}
