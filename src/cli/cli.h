/* SPDX-License-Identifier: MIT */
/* The command line: what its files share. */
#ifndef SHALE_CLI_CLI_H
#define SHALE_CLI_CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "json/writer.h"
#include "run/run.h"
#include "schema/stream.h"

enum { MAX_INPUTS_BYTES = 1 << 20 };

/* What was said on the command line; NULL and 0: not said. */
struct options {
    const char **names; /* words that are no options, in order */
    size_t n_names;
    const char *source, *output, *stream, *format, *temp, *deep;
    const char *from_date, *to_date, *shard, *settle;
    const char *retention;
    const char *consumed, *consumed_before;
    const char *columns;
    const char **where; /* as often as it was said */
    size_t n_where;
    const char **rules; /* likewise */
    size_t n_rules;
    const char *field, *object;
    const char *before, *column, *partition;
    int64_t memory_bytes, target_bytes;
    int64_t limit, offset; /* rows; -1: not said */
    unsigned n_threads;
    bool adopt, replace, rebuild, dry_run, sweep, alone, counts;
};

/* The terminal: log lines, progress, and the environment made of the real world. */
struct terminal {
    struct shale_log log; /* first member */
    struct shale_env env;
    bool is_terminal; /* stderr */
    bool json;        /* log lines as JSON */
    bool color;
    atomic_bool
        has_progress; /* the cursor stands behind a progress line; any thread writes lines */
};

void terminal_init(struct terminal *terminal);
void terminal_progress(void *ctx, const struct shale_progress *progress);
void terminal_clear(struct terminal *terminal);
void terminal_error(struct terminal *terminal, const struct shale_err *err);
/* How wide the terminal is that stdout is ($COLUMNS, or as it says); 0: stdout is none. */
size_t terminal_width(void);
/* "12.3 MiB"; returns 'out'. */
const char *human_bytes(int64_t n, char *out, size_t n_bytes);

/* Parse the words behind the command.  'allowed' lists the options' names ("output" ...), NULL at
 * its end.  False: the error was shown. */
bool options_parse(struct terminal *terminal, const char *command, const char *const *allowed,
                   int argc, char **argv, struct options *out);
void options_free(struct options *options);
/* "json" or "text" of --log-format is taken before anything else is said. */
void options_log_format(struct terminal *terminal, int argc, char **argv);

/* The definition that --stream names; NULL when it was not said.  False: it has errors, which were
 * shown ('*status' says which). */
bool options_stream(struct terminal *terminal, const struct options *options,
                    struct shale_stream **out, enum shale_status *status);

/* --from-date and --to-date, as days. */
SHALE_MUST_USE enum shale_status
options_dates(const struct options *options, struct shale_run_options *out, struct shale_err *err);

/* Read a definition and show its errors; NULL when it has some ('*status' says which). */
struct shale_stream *read_stream(struct terminal *terminal, const char *path,
                                 enum shale_status *status);

/* --source, --output, --format and so on, over what the definition says. */
int execute(struct terminal *terminal, struct shale_stream *stream, const struct options *options,
            bool convert, const struct shale_replay_options *replay);

/* Where rows wait that do not fit in memory: what was said, $TMPDIR, or beside the output. */
enum { TEMPORARY_BYTES = 4096 };
const char *temporary_directory(const struct options *options, const char *output,
                                const struct shale_env *env, char parent[TEMPORARY_BYTES]);

/* Is there a file of that name?  Then where a checkpoint lies: its directory, and its key there. */
bool checkpoint_at(const char *path, char directory[TEMPORARY_BYTES], const char **key);

/* What a command did, as one JSON object on stdout: how it ended, and whether it was only tried;
 * then what the caller puts into 'json'; then its end. */
struct json_report {
    struct shale_json_writer json;
    struct shale_buf text; /* private */
};
void json_report_begin(struct json_report *report, bool dry_run, enum shale_status status);
/* A commit's; null when there was none (negative). */
void json_report_version(struct shale_json_writer *json, const char *name, int64_t version);
void json_report_end(struct json_report *report);

int command_check(struct terminal *terminal, int argc, char **argv);
int command_run(struct terminal *terminal, int argc, char **argv);
int command_convert(struct terminal *terminal, int argc, char **argv);
int command_cat(struct terminal *terminal, int argc, char **argv);
int command_inspect(struct terminal *terminal, int argc, char **argv);
int command_verify(struct terminal *terminal, int argc, char **argv);
int command_compact(struct terminal *terminal, int argc, char **argv);
int command_rejects(struct terminal *terminal, int argc, char **argv);
int command_rebuild(struct terminal *terminal, int argc, char **argv);
int command_expire(struct terminal *terminal, int argc, char **argv);
int command_erase(struct terminal *terminal, int argc, char **argv);
int command_explain(struct terminal *terminal, int argc, char **argv);

/* Did everything that was printed reach stdout?  Then 'code', else 1. */
int close_stdout(struct terminal *terminal, int code);

#endif
