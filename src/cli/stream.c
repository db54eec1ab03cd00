/* SPDX-License-Identifier: MIT */
/* Reading a stream definition, and 'shale check'. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "schema/definition.h"

enum { MAX_DEFINITION_BYTES = 1024 * 1024 };

/* The whole file, or NULL with errno. */
static char *read_file(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(MAX_DEFINITION_BYTES + 1);
    bool failed;
    if (file == NULL || text == NULL) {
        int saved = errno;
        free(text);
        if (file != NULL)
            (void)fclose(file);
        errno = saved;
        return NULL;
    }
    *n_bytes = fread(text, 1, MAX_DEFINITION_BYTES + 1, file);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (!failed && *n_bytes <= MAX_DEFINITION_BYTES)
        return text;
    errno = failed ? errno : EFBIG;
    free(text);
    return NULL;
}

static void show(void *ctx, bool warning, const struct shale_err *err)
{
    struct terminal *terminal = ctx;
    shale_log_err(&terminal->log, warning ? SHALE_LOG_WARN : SHALE_LOG_ERROR, err);
}

/* Is it what a definition makes, and no definition? */
static bool is_dataset(const char *path)
{
    struct stat info;
    char magic[4];
    FILE *file;
    bool found;
    if (stat(path, &info) != 0)
        return false;
    if (S_ISDIR(info.st_mode))
        return true;
    file = S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return false;
    found = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "PAR1", 4) == 0;
    (void)fclose(file);
    return found;
}

struct shale_stream *read_stream(struct terminal *terminal, const char *path,
                                 enum shale_status *status)
{
    struct shale_stream *stream = NULL;
    struct shale_err err;
    size_t n_bytes = 0;
    char *text;
    shale_err_clear(&err);
    if (is_dataset(path)) {
        *status = SHALE_ERR(&err, definition_dataset, path, path);
        terminal_error(terminal, &err);
        return NULL;
    }
    text = read_file(path, &n_bytes);
    if (text == NULL) {
        (void)SHALE_ERR(&err, definition_open, path, strerror(errno));
        terminal_error(terminal, &err);
        *status = SHALE_USAGE;
        return NULL;
    }
    *status = shale_definition_read(&shale_mem_libc, path, text, n_bytes, show, terminal, &stream);
    free(text);
    if (*status == SHALE_NOMEM) {
        (void)SHALE_ERR(&err, no_memory);
        terminal_error(terminal, &err);
    }
    return *status == SHALE_OK ? stream : NULL;
}

bool options_stream(struct terminal *terminal, const struct options *options,
                    struct shale_stream **out, enum shale_status *status)
{
    *out = options->stream != NULL ? read_stream(terminal, options->stream, status) : NULL;
    return options->stream == NULL || *out != NULL;
}

int command_check(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {NULL};
    struct options options;
    struct shale_err err;
    int code = 0;
    shale_err_clear(&err);
    if (!options_parse(terminal, "check", allowed, argc, argv, &options)) {
        options_free(&options);
        return 2;
    }
    if (options.n_names == 0) {
        (void)SHALE_ERR(&err, names_missing, "check", "a stream definition");
        terminal_error(terminal, &err);
        code = 2;
    }
    for (size_t i = 0; i < options.n_names; i++) {
        enum shale_status status;
        struct shale_stream *stream = read_stream(terminal, options.names[i], &status);
        if (stream == NULL)
            code = shale_status_exit_code(status);
        else
            (void)printf("%s: stream %.*s, %zu fields: valid\n", options.names[i],
                         SHALE_STR_ARG(stream->name), stream->n_fields);
        shale_stream_free(stream);
    }
    options_free(&options);
    return code;
}

int command_explain(struct terminal *terminal, int argc, char **argv)
{
    struct shale_err err;
    bool found = argc == 0;
    for (enum shale_error code = SHALE_E_none + 1; code < SHALE_E_count; code++) {
        if (argc > 0 && strcmp(argv[0], shale_error_name(code)) != 0)
            continue;
        found = true;
        (void)printf("%-24s %-10s %s\n", shale_error_name(code),
                     shale_status_name(shale_error_status(code)), shale_error_wording(code));
    }
    if (found)
        return 0;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, explain_unknown, argv[0]);
    terminal_error(terminal, &err);
    return 2;
}
