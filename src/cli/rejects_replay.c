/* SPDX-License-Identifier: MIT */
/* 'shale rejects replay': a run whose source are the rejects of its output. */
#include "cli/rejects.h"
#include "schema/definition.h"

static int replay_with(struct terminal *terminal, const struct options *options)
{
    const struct shale_replay_options replay = {options->rules, options->n_rules};
    enum shale_status status;
    struct shale_stream *stream = read_stream(terminal, options->names[0], &status);
    int code;
    if (stream == NULL)
        return shale_status_exit_code(status);
    code = execute(terminal, stream, options, false, &replay);
    shale_stream_free(stream);
    return code;
}

int rejects_replay(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"source", "output",  "rule",   "dry-run",
                                          "temp",   "threads", "memory", NULL};
    struct options options;
    struct shale_err err;
    int code = 2;
    shale_err_clear(&err);
    if (options_parse(terminal, "rejects replay", allowed, argc, argv, &options)) {
        if (options.n_names == 1) {
            code = replay_with(terminal, &options);
        } else {
            (void)SHALE_ERR(&err, names_missing, "rejects replay", "one stream definition");
            terminal_error(terminal, &err);
        }
    }
    options_free(&options);
    return code;
}
