/* SPDX-License-Identifier: MIT */
/* 'shale run' and 'shale convert'. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "json/number.h"
#include "schema/definition.h"
#include "schema/parse.h"
#include "schema/time.h"

enum { DEFAULT_MEMORY = 256 * 1024 * 1024, MAX_SHARDS = 65536 };

static int fail(struct terminal *terminal, enum shale_status status, const struct shale_err *err)
{
    terminal_error(terminal, err);
    return shale_status_exit_code(status);
}

static unsigned count_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

static enum shale_status set_format(struct shale_stream *stream, const char *format,
                                    struct shale_err *err)
{
    if (format == NULL)
        return SHALE_OK;
    if (strcmp(format, "json") == 0)
        stream->format = SHALE_INPUT_JSON;
    else if (strcmp(format, "ndjson") == 0)
        stream->format = SHALE_INPUT_NDJSON;
    else
        return SHALE_ERR(err, option_format, format);
    return SHALE_OK;
}

static enum shale_status check_local(const char *path, struct shale_err *err)
{
    return strncmp(path, "s3://", 5) == 0 ? SHALE_ERR(err, s3_later, path) : SHALE_OK;
}

/* Where rows wait that do not fit in memory: what was said, $TMPDIR, or beside the output, where
 * there must be room anyway (/tmp is memory on many machines). */
const char *temporary_directory(const struct options *options, const char *output,
                                const struct shale_env *env, char parent[TEMPORARY_BYTES])
{
    const char *variable = env->getenv(env->ctx, "TMPDIR"), *slash;
    size_t n = strlen(output);
    if (options->temp != NULL)
        return options->temp;
    if (variable != NULL && variable[0] != '\0')
        return variable;
    while (n > 1 && output[n - 1] == '/')
        n--;
    slash = memrchr(output, '/', n);
    if (slash == NULL || (size_t)(slash - output) + 1 >= TEMPORARY_BYTES)
        return ".";
    (void)snprintf(parent, TEMPORARY_BYTES, "%.*s", (int)(slash - output) + 1, output);
    return access(parent, W_OK | X_OK) == 0 ? parent : "/tmp";
}

static void show_summary(struct terminal *terminal, const struct shale_summary *s,
                         const char *output)
{
    if (s->events_rejected > 0 && s->rejects_path[0] != '\0')
        shale_log_say(&terminal->log, SHALE_LOG_WARN, "rejects",
                      "%" PRId64 " of %" PRId64 " events were rejected: see %s", s->events_rejected,
                      s->events_read, s->rejects_path);
    shale_log_say(&terminal->log, SHALE_LOG_INFO, "done",
                  "%" PRId64 " events of %" PRId64 " objects: %" PRId64 " rows in %s (%" PRId64
                  " files, %" PRId64 " bytes) after %.2f s",
                  s->events_read, s->objects_new, s->rows_total, output, s->files_written,
                  s->bytes_written, (double)s->elapsed_us / 1e6);
}

static void print_summary(const struct shale_summary *summary, enum shale_status status,
                          struct shale_str stream)
{
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, 1 << 20);
    if (shale_summary_json(summary, status, stream, &text) == SHALE_OK)
        (void)printf("%.*s\n", (int)text.n_bytes, text.data);
    shale_buf_fini(&text);
}

static enum shale_status set_places(struct shale_stream *stream, const struct options *options,
                                    bool convert, struct shale_run_options *out,
                                    const char **source, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    out->inputs = options->names;
    out->n_inputs = options->n_names;
    out->output = options->output;
    if (!convert) {
        *source = options->source != NULL ? options->source : stream->source_path.data;
        out->inputs = source;
        out->n_inputs = *source == NULL || **source == '\0' ? 0 : 1;
        if (out->n_inputs == 0 && out->replay == NULL)
            return SHALE_ERR(err, place_missing, "source", "--source");
        if (out->output == NULL)
            out->output = stream->output_path.data;
    }
    if (out->output == NULL || out->output[0] == '\0')
        return SHALE_ERR(err, place_missing, "output", "--output");
    for (size_t i = 0; i < out->n_inputs && status == SHALE_OK; i++)
        status = check_local(out->inputs[i], err);
    if (status == SHALE_OK)
        status = check_local(out->output, err);
    if (status == SHALE_OK && !convert)
        status = shale_stream_set_output(stream, out->output, err);
    out->layout = convert ? SHALE_OUTPUT_FILE : stream->layout;
    return status;
}

enum shale_status options_dates(const struct options *options, struct shale_run_options *out,
                                struct shale_err *err)
{
    out->has_dates = options->from_date != NULL || options->to_date != NULL;
    out->first_day = INT32_MIN;
    out->last_day = INT32_MAX;
    if (options->from_date != NULL &&
        !shale_date_parse(shale_str_of(options->from_date), &out->first_day))
        return SHALE_ERR(err, option_date, "from-date", options->from_date);
    if (options->to_date != NULL &&
        !shale_date_parse(shale_str_of(options->to_date), &out->last_day))
        return SHALE_ERR(err, option_date, "to-date", options->to_date);
    return out->first_day <= out->last_day
               ? SHALE_OK
               : SHALE_ERR(err, option_dates, options->from_date, options->to_date);
}

/* "I/N" */
static bool parse_shard(const char *text, unsigned *shard, unsigned *n_shards)
{
    const char *slash = strchr(text, '/');
    int64_t i, n;
    struct shale_str left = {text, slash == NULL ? 0 : (size_t)(slash - text)};
    if (slash == NULL || !shale_number_valid(left) ||
        !shale_number_valid(shale_str_of(slash + 1)) ||
        shale_number_i64(left, &i) != SHALE_NUMBER_OK ||
        shale_number_i64(shale_str_of(slash + 1), &n) != SHALE_NUMBER_OK || i < 0 || i >= n ||
        n > MAX_SHARDS)
        return false;
    *shard = (unsigned)i;
    *n_shards = (unsigned)n;
    return true;
}

/* What a file that is taken over holds. */
static enum shale_status set_adoption(const struct options *options, struct shale_run_options *out,
                                      struct shale_err *err)
{
    bool none = options->consumed != NULL && strcmp(options->consumed, "none") == 0;
    bool asked = options->adopt || options->consumed != NULL || options->consumed_before != NULL;
    out->adopt = options->adopt;
    out->consumed_before = options->consumed_before;
    if (!asked)
        return SHALE_OK;
    if (!options->adopt || out->layout != SHALE_OUTPUT_FILE ||
        none == (options->consumed_before != NULL) || (options->consumed != NULL && !none))
        return SHALE_ERR(err, adopt_how);
    if (options->dry_run)
        return SHALE_ERR(err, adopt_with, "dry-run");
    if (options->shard != NULL)
        return SHALE_ERR(err, adopt_with, "shard");
    if (none && out->stream->dedupe.n_key > 0)
        return SHALE_ERR(err, adopt_dedupe);
    return options->from_date != NULL || options->to_date != NULL
               ? SHALE_ERR(err, adopt_with, "from-date and --to-date")
               : SHALE_OK;
}

/* Which objects of the source a run takes. */
static enum shale_status set_choice(const struct shale_stream *stream,
                                    const struct options *options, struct shale_run_options *out,
                                    struct shale_err *err)
{
    out->settle_us = stream->settle_us;
    out->dry_run = options->dry_run;
    if (options->settle != NULL &&
        !shale_parse_duration(shale_str_of(options->settle), &out->settle_us))
        return SHALE_ERR(err, option_settle, options->settle);
    if (options->shard != NULL && !parse_shard(options->shard, &out->shard, &out->n_shards))
        return SHALE_ERR(err, option_shard, options->shard);
    return options_dates(options, out, err);
}

int execute(struct terminal *terminal, struct shale_stream *stream, const struct options *options,
            bool convert, const struct shale_replay_options *replay)
{
    const struct shale_observer observer = {terminal, replay == NULL, terminal_progress};
    struct shale_run_options run_options = {
        .env = &terminal->env,
        .stream = stream,
        .convert = convert,
        .replay = replay,
        .replace = convert || options->replace,
        .n_threads = options->n_threads != 0 ? options->n_threads : count_cores(),
        .memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : DEFAULT_MEMORY,
        .rebuild = options->rebuild,
        .observer = terminal->is_terminal && !terminal->json ? &observer : NULL,
    };
    struct shale_summary summary;
    struct shale_err err;
    const char *source = NULL;
    char parent[TEMPORARY_BYTES];
    enum shale_status status;
    shale_err_clear(&err);
    status = set_format(stream, options->format, &err);
    if (status == SHALE_OK)
        status = set_places(stream, options, convert, &run_options, &source, &err);
    if (status == SHALE_OK && !convert)
        status = set_choice(stream, options, &run_options, &err);
    if (status == SHALE_OK && !convert)
        status = set_adoption(options, &run_options, &err);
    if (status != SHALE_OK)
        return fail(terminal, status, &err);
    run_options.temporary =
        temporary_directory(options, run_options.output, &terminal->env, parent);
    status = shale_run(&run_options, &summary, &err);
    terminal_clear(terminal);
    if (status != SHALE_USAGE)
        print_summary(&summary, status, stream->name);
    if (status != SHALE_OK)
        terminal_error(terminal, &err);
    if (!options->dry_run && (status == SHALE_OK || summary.rows_total > 0))
        show_summary(terminal, &summary, run_options.output);
    return shale_status_exit_code(status);
}

static int with_stream(struct terminal *terminal, const char *path, const struct options *options,
                       bool convert)
{
    enum shale_status status;
    struct shale_stream *stream = read_stream(terminal, path, &status);
    struct shale_err err;
    int code;
    if (stream == NULL)
        return shale_status_exit_code(status);
    shale_err_clear(&err);
    if (convert && shale_stream_drop_partitions(stream) != SHALE_OK)
        code = fail(terminal, SHALE_ERR(&err, no_memory), &err);
    else
        code = execute(terminal, stream, options, convert, NULL);
    shale_stream_free(stream);
    return code;
}

int command_rebuild(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"source",  "output",    "format",  "temp",    "memory",
                                          "threads", "from-date", "to-date", "dry-run", NULL};
    struct options options;
    struct shale_err err;
    int code = 2;
    shale_err_clear(&err);
    if (options_parse(terminal, "rebuild", allowed, argc, argv, &options)) {
        options.rebuild = true;
        options.settle = "0"; /* only what was read before is read */
        if (options.n_names != 1) {
            (void)SHALE_ERR(&err, names_missing, "rebuild", "one stream definition");
            terminal_error(terminal, &err);
        } else if (options.from_date == NULL || options.to_date == NULL) {
            (void)SHALE_ERR(&err, rebuild_dates);
            terminal_error(terminal, &err);
        } else {
            code = with_stream(terminal, options.names[0], &options, false);
        }
    }
    options_free(&options);
    return code;
}

int command_run(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"source", "output",   "format",          "temp",
                                          "memory", "threads",  "replace",         "settle",
                                          "shard",  "dry-run",  "from-date",       "to-date",
                                          "adopt",  "consumed", "consumed-before", NULL};
    struct options options;
    struct shale_err err;
    int code = 2;
    shale_err_clear(&err);
    if (options_parse(terminal, "run", allowed, argc, argv, &options)) {
        if (options.n_names == 1) {
            code = with_stream(terminal, options.names[0], &options, false);
        } else {
            (void)SHALE_ERR(&err, names_missing, "run", "one stream definition");
            terminal_error(terminal, &err);
        }
    }
    options_free(&options);
    return code;
}

static int convert_with(struct terminal *terminal, const struct options *options)
{
    struct shale_err err;
    shale_err_clear(&err);
    if (options->n_names == 0)
        return fail(terminal, SHALE_ERR(&err, names_missing, "convert", "a file or directory"),
                    &err);
    if (options->output == NULL)
        return fail(terminal, SHALE_ERR(&err, output_missing), &err);
    if (options->stream == NULL)
        return fail(terminal, SHALE_ERR(&err, infer_later), &err);
    return with_stream(terminal, options->stream, options, true);
}

int command_convert(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"output", "stream",  "format", "temp",
                                          "memory", "threads", NULL};
    struct options options;
    int code = 2;
    if (options_parse(terminal, "convert", allowed, argc, argv, &options))
        code = convert_with(terminal, &options);
    options_free(&options);
    return code;
}
