/* SPDX-License-Identifier: MIT */
/* A run into a checkpoint file: where it lies, and what of a commit is its own. */
#include "run/private.h"

#include <string.h>

enum { MAX_PATH_BYTES = 4096 };

/* Readers of old and new rows are in use when nothing else of a run is, but for its threads. */
static size_t reader_bytes(const struct run *run)
{
    return (size_t)(FIXED_BYTES + run->options->memory_bytes / 4);
}

enum shale_status single_open(struct run *run, const char *path, struct shale_err *err)
{
    const struct shale_stream *stream = run->stream;
    struct table *table = run->table;
    const struct shale_single_options options = {
        .stream = stream->name,
        .schema = &stream->schema,
        .chunk = run->output_options.chunk,
        .row_group_bytes = (size_t)stream->row_group_bytes,
        .sort_by = stream->sort_by,
        .n_sort_by = stream->n_sort_by,
        .created_by = SHALE_CREATED_BY,
        .memory_bytes = reader_bytes(run),
        .adopts = run->options->adopt,
    };
    char directory[MAX_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    enum shale_status status;
    memcpy(directory, path, n); /* table_open() has seen to its length */
    if (slash == path)
        directory[n++] = '/';
    directory[n] = '\0';
    status = shale_store_local(run->env, directory, &table->directory, err);
    if (status == SHALE_OK)
        status = shale_single_new(table->directory, slash == NULL ? path : slash + 1, &options,
                                  &table->single, err);
    if (status == SHALE_OK)
        table->store = shale_single_store(table->single);
    return status;
}

/* The key of the file with the phase's rows, which lies beside the checkpoint. */
static const char *rows_key(const struct run *run)
{
    for (size_t i = 0; i < run->seq.n_parts; i++) {
        const struct shale_file *file = run->seq.parts[i]->file;
        const char *slash = file == NULL ? NULL : strrchr(file->put.temporary, '/');
        if (file != NULL)
            return slash == NULL ? file->put.temporary : slash + 1;
    }
    return NULL;
}

enum shale_status single_commit(struct run *run, const struct shale_commit *commit,
                                struct shale_committed *committed, struct shale_err *err)
{
    return shale_single_commit(run->table->single, &run->table->base, commit, rows_key(run),
                               committed, err);
}
