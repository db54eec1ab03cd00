/* SPDX-License-Identifier: MIT */
/* 'shale compact': merge a table's small files; with --sweep delete what it does not need. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "dataset/compact.h"
#include "dataset/sweep.h"
#include "schema/definition.h"
#include "schema/parse.h"

/* What was done, as the summary says it. */
struct report {
    bool compacts, sweeps, is_file;
    struct shale_compacted compacted;
    struct shale_swept swept;
};

static void put_swept(struct shale_json_writer *json, const struct shale_swept *swept)
{
    shale_json_put_name(json, "sweep");
    shale_json_put_begin(json, '{');
    shale_json_put_number(json, "files", swept->n_files);
    shale_json_put_number(json, "bytes", swept->n_bytes);
    shale_json_put_number(json, "entries", swept->n_entries);
    shale_json_put_number(json, "checkpoints", swept->n_checkpoints);
    shale_json_put_number(json, "temporary", swept->n_temporary);
    shale_json_put_number(json, "waiting", swept->n_waiting);
    shale_json_put_number(json, "kept", swept->n_kept);
    shale_json_put_end(json, '}');
}

static void put_compacted(struct shale_json_writer *json, const struct shale_compacted *compacted,
                          bool is_file)
{
    if (!is_file)
        shale_json_put_number(json, "partitions", compacted->n_partitions);
    shale_json_put_number(json, is_file ? "row_groups_removed" : "files_removed",
                          compacted->n_removed);
    shale_json_put_number(json, is_file ? "row_groups_added" : "files_added", compacted->n_added);
    shale_json_put_number(json, "bytes_removed", compacted->bytes_removed);
    shale_json_put_number(json, "bytes_added", compacted->bytes_added);
    shale_json_put_number(json, "rows", compacted->n_rows);
    shale_json_put_number(json, "commits", compacted->n_commits);
    json_report_version(json, "version", compacted->version);
    shale_json_put_number(json, "retries", compacted->n_retries);
}

static void print_report(const struct options *options, const struct report *report,
                         enum shale_status status)
{
    struct json_report out;
    json_report_begin(&out, options->dry_run, status);
    if (report->compacts)
        put_compacted(&out.json, &report->compacted, report->is_file);
    if (report->sweeps)
        put_swept(&out.json, &report->swept);
    json_report_end(&out);
}

/* 'key': of a checkpoint in 'store'; NULL: it is a table. */
static enum shale_status compact(struct terminal *terminal, const struct options *options,
                                 const struct shale_stream *stream, struct shale_store *store,
                                 const char *key, struct report *report, struct shale_err *err)
{
    char parent[TEMPORARY_BYTES];
    const struct shale_compact_options compact_options = {
        .stream = stream,
        .target_bytes = options->target_bytes,
        .partition = shale_str_of(options->partition != NULL ? options->partition : ""),
        .memory_bytes = (size_t)options->memory_bytes / 2,
        .temporary = temporary_directory(options, options->names[0], &terminal->env, parent),
        .created_by = "shale version " SHALE_VERSION " (build " SHALE_BUILD ")",
        .dry_run = options->dry_run};
    report->compacts = true;
    return key != NULL ? shale_compact_single(store, key, &compact_options, &report->compacted, err)
                       : shale_compact(store, &compact_options, &report->compacted, err);
}

static void say_removed(void *ctx, struct shale_str path, int64_t n_bytes)
{
    struct terminal *terminal = ctx;
    shale_log_say(&terminal->log, SHALE_LOG_DEBUG, "swept", "%.*s, %lld bytes", SHALE_STR_ARG(path),
                  (long long)n_bytes);
}

static void say_would_go(void *ctx, struct shale_str path, int64_t n_bytes)
{
    struct terminal *terminal = ctx;
    shale_log_say(&terminal->log, SHALE_LOG_INFO, "would_go", "%.*s, %lld bytes",
                  SHALE_STR_ARG(path), (long long)n_bytes);
}

/* 'key': of a checkpoint in 'store'; NULL: it is a table. */
static enum shale_status sweep(struct terminal *terminal, const struct options *options,
                               struct shale_store *store, const char *key, struct report *report,
                               struct shale_err *err)
{
    struct shale_sweep_options sweep_options = {.retention_us = -1,
                                                .alone = options->alone,
                                                .dry_run = options->dry_run,
                                                .removed =
                                                    options->dry_run ? say_would_go : say_removed,
                                                .ctx = terminal};
    if (options->retention != NULL &&
        !shale_parse_duration(shale_str_of(options->retention), &sweep_options.retention_us))
        return SHALE_ERR(err, option_retention, options->retention);
    report->sweeps = true;
    return key != NULL ? shale_sweep_single(store, key, &sweep_options, &report->swept, err)
                       : shale_sweep(store, SHALE_STR(""), &sweep_options, &report->swept, err);
}

/* The options that belong to only one of the two. */
static enum shale_status check_options(const struct options *options, struct shale_err *err)
{
    const struct {
        const char *name;
        bool said;
    } compacting[] = {{"stream", options->stream != NULL},
                      {"target", options->target_bytes > 0},
                      {"partition", options->partition != NULL},
                      {"memory", options->memory_bytes > 0},
                      {"temp", options->temp != NULL}};
    if (options->n_names != 1)
        return SHALE_ERR(err, names_missing, "compact", "one table");
    if (!options->sweep && (options->alone || options->retention != NULL))
        return SHALE_ERR(err, option_of_sweep, options->alone ? "alone" : "retention");
    for (size_t i = 0; i < sizeof compacting / sizeof compacting[0]; i++)
        if (options->sweep && compacting[i].said)
            return SHALE_ERR(err, option_not_sweep, compacting[i].name);
    return SHALE_OK;
}

bool checkpoint_at(const char *path, char directory[TEMPORARY_BYTES], const char **key)
{
    const char *slash = strrchr(path, '/');
    struct stat info;
    *key = slash == NULL ? path : slash + 1;
    (void)snprintf(directory, TEMPORARY_BYTES, "%.*s", slash == NULL ? 1 : (int)(*key - path),
                   slash == NULL ? "." : path);
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* 'key' NULL: 'directory' is a table. */
static enum shale_status work_in(struct terminal *terminal, const struct options *options,
                                 const struct shale_stream *stream, const char *directory,
                                 const char *key, struct report *report, struct shale_err *err)
{
    struct shale_store *store;
    enum shale_status status = shale_store_local(&terminal->env, directory, &store, err);
    if (status != SHALE_OK)
        return status;
    status = options->sweep ? sweep(terminal, options, store, key, report, err)
                            : compact(terminal, options, stream, store, key, report, err);
    shale_store_free(store);
    return status;
}

static enum shale_status work(struct terminal *terminal, const struct options *options,
                              const struct shale_stream *stream, struct report *report,
                              struct shale_err *err)
{
    const char *path = options->names[0], *key;
    char directory[TEMPORARY_BYTES];
    report->is_file = checkpoint_at(path, directory, &key);
    if (report->is_file && (options->partition != NULL || options->target_bytes > 0))
        return SHALE_ERR(err, option_of_table, options->partition != NULL ? "partition" : "target",
                         path);
    return work_in(terminal, options, stream, report->is_file ? directory : path,
                   report->is_file ? key : NULL, report, err);
}

int command_compact(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"sweep",  "alone",  "retention", "dry-run", "memory",
                                          "stream", "target", "partition", "temp",    NULL};
    struct options options;
    struct shale_err err;
    struct report report = {0};
    struct shale_stream *stream = NULL;
    enum shale_status status;
    shale_err_clear(&err);
    if (!options_parse(terminal, "compact", allowed, argc, argv, &options)) {
        options_free(&options);
        return 2;
    }
    status = check_options(&options, &err);
    if (status == SHALE_OK && !options_stream(terminal, &options, &stream, &status)) {
        options_free(&options);
        return shale_status_exit_code(status);
    }
    if (status == SHALE_OK)
        status = work(terminal, &options, stream, &report, &err);
    if (report.compacts || report.sweeps)
        print_report(&options, &report, status);
    if (status != SHALE_OK)
        terminal_error(terminal, &err);
    shale_stream_free(stream);
    options_free(&options);
    return shale_status_exit_code(status);
}
