/* SPDX-License-Identifier: MIT */
/* Events to one Parquet file by a stream definition. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/environment.h"
#include "run/run.h"
#include "schema/definition.h"

enum { MEMORY_BYTES = 256 * 1024 * 1024 };

/* The first error of the definition. */
static void keep_first(void *ctx, bool warning, const struct shale_err *err)
{
    struct shale_err *kept = ctx;
    if (!warning && kept->code == SHALE_E_none)
        *kept = *err;
}

static enum shale_status read_definition(const struct shale_convert_options *given,
                                         struct shale_stream **out, struct shale_err *err)
{
    const char *name = given->definition_name != NULL ? given->definition_name : "definition";
    enum shale_status status = shale_definition_read(&shale_mem_libc, name, given->definition,
                                                     given->definition_bytes, keep_first, err, out);
    if (status == SHALE_OK)
        status = shale_stream_drop_partitions(*out);
    return status == SHALE_NOMEM ? SHALE_ERR(err, no_memory) : status;
}

/* NUL-terminated; NULL without memory. */
static char *summary_text(const struct shale_summary *summary, enum shale_status status,
                          struct shale_str stream)
{
    struct shale_buf text;
    shale_buf_init(&text, &shale_mem_libc, 1 << 20);
    if (shale_summary_json(summary, status, stream, &text) != SHALE_OK ||
        shale_buf_append_byte(&text, '\0') != SHALE_OK)
        shale_buf_fini(&text);
    return text.data;
}

enum shale_status shale_convert(const struct shale_convert_options *options, char **summary,
                                struct shale_failure *failure)
{
    struct shale_convert_options given;
    struct shale_stream *stream = NULL;
    struct shale_summary counts;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    if (summary != NULL)
        *summary = NULL;
    if (options == NULL || !shale_api_options(&given, sizeof given, options) ||
        given.definition == NULL || given.output == NULL || given.n_inputs == 0)
        return shale_api_failure(SHALE_ERR(&err, api_size), &err, failure);
    status = read_definition(&given, &stream, &err);
    if (status == SHALE_OK) {
        const struct shale_run_options run = {
            .env = shale_real_env(),
            .stream = stream,
            .inputs = given.inputs,
            .n_inputs = given.n_inputs,
            .convert = true,
            .output = given.output,
            .layout = SHALE_OUTPUT_FILE,
            .replace = true,
            .n_threads = given.n_threads > 0 ? given.n_threads : 1,
            .memory_bytes = given.memory_bytes > INT64_MAX ? INT64_MAX
                            : given.memory_bytes > 0       ? (int64_t)given.memory_bytes
                                                           : MEMORY_BYTES,
            .temporary = given.temporary != NULL ? given.temporary : "/tmp",
        };
        status = shale_run(&run, &counts, &err);
        if (summary != NULL && status != SHALE_USAGE)
            *summary = summary_text(&counts, status, stream->name);
    }
    shale_stream_free(stream);
    return shale_api_failure(status, &err, failure);
}
