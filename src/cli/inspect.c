/* SPDX-License-Identifier: MIT */
/* 'shale inspect': what a Parquet file, or a table, says of itself. */
#include "cli/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cat.h"
#include "parquet/bound_value.h"
#include "store/local.h"

enum { FLUSH_BYTES = 64 * 1024, MOST_OUT_BYTES = 256 << 20 };

enum shale_status inspect_flush(struct inspect *inspect, bool all)
{
    if (!all && inspect->out.n_bytes < FLUSH_BYTES)
        return SHALE_OK;
    if (inspect->out.n_bytes > 0 &&
        fwrite(inspect->out.data, 1, inspect->out.n_bytes, stdout) != inspect->out.n_bytes)
        return SHALE_ERR(inspect->err, stdout_failed, strerror(errno));
    shale_buf_reset(&inspect->out);
    return SHALE_OK;
}

enum shale_status inspect_bound(struct inspect *inspect, size_t leaf,
                                const struct shale_file_bound *bound)
{
    const struct shale_file_leaf *of = &inspect->file->leaves[leaf];
    struct shale_type type = *of->type;
    struct shale_bound_value value;
    shale_buf_reset(&inspect->value);
    if (!bound->present ||
        !shale_bound_value_of(of, &inspect->file->nodes[of->node], bound->value, &value))
        return SHALE_OK;
    if (type.kind == SHALE_JSON) /* it may be cut: a text that only begins like JSON */
        type.kind = SHALE_STRING;
    return shale_json_rows_value(&inspect->rows, &type, &value.column, 0, &inspect->value);
}

const char *inspect_name(const char *name, int number, char out[INSPECT_NUMBER_BYTES])
{
    if (name != NULL)
        return name;
    (void)snprintf(out, INSPECT_NUMBER_BYTES, "%d", number);
    return out;
}

static bool is_json(const struct options *options)
{
    return options->format != NULL && strcmp(options->format, "json") == 0;
}

static enum shale_status show(struct inspect *inspect, bool json)
{
    const struct shale_mem *mem = shale_reader_mem(inspect->reader);
    enum shale_status status;
    inspect->file = shale_reader_file(inspect->reader);
    shale_buf_init(&inspect->out, mem, MOST_OUT_BYTES);
    shale_buf_init(&inspect->value, mem, MOST_OUT_BYTES);
    status = shale_json_rows_init(&inspect->rows, mem, NULL, 0);
    if (status == SHALE_OK)
        status = json ? inspect_json(inspect) : inspect_text(inspect);
    if (status == SHALE_OK)
        status = inspect_flush(inspect, true);
    if ((status == SHALE_NOMEM || status == SHALE_LIMIT) && inspect->err->code == SHALE_E_none)
        status = shale_reader_no_memory(inspect->reader, "what is shown", inspect->err);
    shale_json_rows_fini(&inspect->rows);
    shale_buf_fini(&inspect->out);
    shale_buf_fini(&inspect->value);
    return status;
}

static enum shale_status inspect_file(struct inspect *inspect, const struct options *options)
{
    struct shale_reader_options reader_options = {(size_t)options->memory_bytes};
    struct shale_local file;
    enum shale_status status = shale_local_open(&file, inspect->path, inspect->err);
    if (status != SHALE_OK)
        return status;
    inspect->file_bytes = file.random.n_bytes;
    status = shale_reader_open(&shale_mem_libc, &file.random, &reader_options, &inspect->reader,
                               inspect->err);
    if (status == SHALE_OK)
        status = show(inspect, is_json(options));
    if (status == SHALE_OK)
        status = shale_local_check(&file, inspect->err);
    shale_reader_free(inspect->reader);
    shale_local_close(&file);
    return status;
}

int command_inspect(struct terminal *terminal, int argc, char **argv)
{
    static const char *const allowed[] = {"format", "memory", NULL};
    struct options options;
    struct shale_err err;
    struct inspect inspect = {.width = terminal_width(), .err = &err};
    enum shale_status status;
    shale_err_clear(&err);
    if (!options_parse(terminal, "inspect", allowed, argc, argv, &options)) {
        options_free(&options);
        return 2;
    }
    if (options.n_names != 1) {
        status = SHALE_ERR(&err, names_missing, "inspect", "one file or table");
    } else if (options.format != NULL && strcmp(options.format, "json") != 0 &&
               strcmp(options.format, "text") != 0) {
        status = SHALE_ERR(&err, inspect_format, options.format);
    } else {
        inspect.path = options.names[0];
        status = cat_is_table(inspect.path)
                     ? inspect_table(terminal, inspect.path, is_json(&options), &err)
                     : inspect_file(&inspect, &options);
        shale_err_at(&err, inspect.path, -1, -1);
    }
    if (status != SHALE_OK)
        terminal_error(terminal, &err);
    options_free(&options);
    return shale_status_exit_code(status);
}
